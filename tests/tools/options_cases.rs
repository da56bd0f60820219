//! The reference's table of options files, case by case, at one running server: the client asks over sockets, each file comes by
//! a reread. What needs more than that has tests of its own: O69 and O70 in `midnight.rs`, O71 to O74, O84 and O85 in
//! `lmreread.rs`, O67 in `options_file.rs`, O43 to O50 in tests/borrow/rules.rs, O55 to O62 and O83 in tests/serve/idle.rs. O63 to
//! O66 are of keywords that lint knows and the server does not carry out yet. Networks of the table are loopback networks here:
//! 10.0.0.7 is 127.0.0.7.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::signed::{sign, write_manifest_pooling_on_vendor_string};
use crate::system::{LineSession, System, complained, printed};

const BASE: &str = "INCREMENT fx LGS 2.0 permanent 10\nINCREMENT fy LGS 2.0 permanent 10";
const TWO_POOLS: &str = "INCREMENT fx LGS 1.0 permanent 12\nINCREMENT fx LGS 2.9 permanent 5";
const BUNDLE: &str = "PACKAGE pk LGS 1.0 COMPONENTS=\"ca cb\"\nFEATURE pk LGS 1.0 permanent 3";

/// One row.
struct Case {
    id: &'static str,
    license: &'static str,
    options: &'static str,
    /// Requests one after the other: `[N*]user[@host][,ip=I][,disp=D][,proj=P] feature[:version][xN] result`.
    requests: &'static str,
    /// What the answer to lmreread must hold.
    told: &'static [&'static str],
}

const fn case(
    id: &'static str,
    license: &'static str,
    options: &'static str,
    requests: &'static str,
) -> Case {
    Case { id, license, options, requests, told: &[] }
}

const fn told(
    id: &'static str,
    options: &'static str,
    requests: &'static str,
    told: &'static [&'static str],
) -> Case {
    Case { id, license: BASE, options, requests, told }
}

/// `INCREMENT fx` with so many licenses.
macro_rules! fx {
    ($number:literal) => {
        concat!("INCREMENT fx LGS 2.0 permanent ", $number)
    };
}

const CASES: &[Case] = &[
    case("O01", BASE, "EXCLUDE fx USER hal", "hal fx -38; joe fx 0; hal fy 0"),
    case("O02", BASE, "INCLUDE fx USER bob", "bob fx 0; joe fx -39; joe fy 0"),
    case("O03", BASE, "INCLUDE fx USER bob\nEXCLUDE fx USER bob", "bob fx -38; joe fx -39"),
    case("O04", BASE, "", "bob fx 0; joe fy 0"),
    case("O05", BASE, "INCLUDE fx USER bob\nINCLUDE fx HOST h9", "bob@h1 fx 0; joe@h9 fx 0; joe@h1 fx -39"),
    case("O06", BASE, "INCLUDEALL USER jane", "jane fx 0; jane fy 0; joe fx -39; joe fy -39"),
    case(
        "O07",
        BASE,
        "INCLUDEALL USER jane\nINCLUDE fx USER bob",
        "bob fx 0; bob fy -39; jane fx 0; jane fy 0",
    ),
    case("O08", BASE, "EXCLUDEALL HOST hx", "ann@hx fx -38; ann@hx fy -38; ann@h1 fx 0; ann@h1 fy 0"),
    case("O09", BASE, "GROUP G a b\nGROUP G c\nEXCLUDE fx GROUP G", "a fx -38; b fx -38; c fx -38; d fx 0"),
    told("O10", "GROUP g a\nEXCLUDE fx GROUP G", "a fx 0", &["LGS.opt:2:", "G"]),
    case("O11", BASE, "GROUP G Ann\nEXCLUDE fx GROUP G", "ann fx 0; Ann fx -38"),
    case(
        "O12",
        BASE,
        "GROUPCASEINSENSITIVE ON\nGROUP G Ann\nEXCLUDE fx GROUP G",
        "ann fx -38; ANN fx -38; bob fx 0",
    ),
    case("O13", BASE, "HOST_GROUP W n1 n2\nEXCLUDE fx HOST_GROUP W", "any@n1 fx -38; any@n3 fx 0"),
    case(
        "O14",
        BASE,
        "HOST_GROUP W 127.0.0.7\nINCLUDE fx HOST_GROUP W",
        "a,ip=127.0.0.7 fx 0; a,ip=127.0.0.8 fx -39",
    ),
    case("O15", BASE, "INCLUDE fx INTERNET 127.1.*.*", "a,ip=127.1.2.3 fx 0; a,ip=127.2.2.3 fx -39"),
    case("O16", BASE, "EXCLUDE fx HOST 127.168.5.*", "a,ip=127.168.5.20 fx -38; a,ip=127.168.6.20 fx 0"),
    case("O17", BASE, "INCLUDE fx PROJECT mars", "a,proj=mars fx 0; a,proj=Mars fx -39; a fx -39"),
    case("O18", BASE, "EXCLUDE fx DISPLAY /dev/tty", "a,disp=/dev/tty fx -38; a,disp=:0 fx 0"),
    case("O19", BASE, "FQDN_MATCHING exact\nINCLUDE fx HOST m.abc.com", "a@m.abc.com fx 0; a@m fx -39"),
    case(
        "O20",
        BASE,
        "FQDN_MATCHING lenient\nINCLUDE fx HOST m.abc.com",
        "a@m.abc.com fx 0; a@m fx 0; a@m.xyz.com fx -39",
    ),
    case("O21", BASE, "FQDN_MATCHING lenient\nINCLUDE fx HOST m", "a@m.abc.com fx 0; a@n fx -39"),
    told("O22", "INCLUDE fx USER a b", "a fx 0; b fx -39; joe fx -39", &["LGS.opt:1:", "\"b\""]),
    case("O23", BASE, "MAX 2 fx USER jan", "2*jan fx 0; jan fx -87; joe fx 0"),
    case("O24", BASE, "GROUP G a b c\nMAX 3 fx GROUP G", "2*a fx 0; b fx 0; c fx -87; d fx 0"),
    case("O25", BASE, "MAX 1 fx USER ALL_USERS", "a fx 0; a fx -87; b fx 0"),
    case(
        "O26",
        BASE,
        "MAX 3 fx USER jan\nMAX 1 fx USER ALL_USERS",
        "3*jan fx 0; jan fx -87; joe fx 0; joe fx -87",
    ),
    case("O27", BASE, "MAX 1 fx USER ALL_USERS\nMAX 3 fx USER jan", "jan fx 0; jan fx -87"),
    case("O28", BASE, "MAX 4 fx USER ann", "ann fxx5 -87; ann fxx4 0"),
    case("O29", BASE, "MAX 2 fx PROJECT p", "a,proj=p fx 0; b,proj=p fx 0; c,proj=p fx -87; c fx 0"),
    case("O30", fx!(3), "RESERVE 1 fx USER mel", "joe fx 0; kim fx 0; lee fx -101; mel fx 0; lee fx -4"),
    case("O31", fx!(2), "RESERVE 2 fx USER mel", "joe fx -101; 2*mel fx 0; mel fx -4"),
    case("O32", fx!(3), "GROUP G a b\nRESERVE 2 fx GROUP G", "c fx 0; d fx -101; a fx 0; b fx 0"),
    case("O33", TWO_POOLS, "GROUP G u1\nRESERVE 2 fx GROUP G", "13*joe fx:1.0 0; joe fx:1.0 -101"),
    case(
        "O34",
        TWO_POOLS,
        "GROUP G u1\nRESERVE 2 fx:VERSION=2.9 GROUP G",
        "15*joe fx:1.0 0; joe fx:1.0 -101",
    ),
    case("O36", fx!(2), "RESERVE 1 fx USER mel\nEXCLUDE fx USER mel", "mel fx -38; joe fx 0; kim fx -101"),
    case(
        "O37",
        fx!(4),
        "RESERVE 1 fx USER rob\nRESERVE 3 fx HOST bigbox\nEXCLUDE fx USER lou",
        "rob@x fx 0; lou@bigbox fx -38; a@bigbox fx 0; b@bigbox fx 0; c@bigbox fx 0; joe@x fx -4",
    ),
    case(
        "O38",
        "INCREMENT fx LGS 2.0 31-dec-2036 5 VENDOR_STRING=A\nINCREMENT fx LGS 2.0 30-nov-2036 5 VENDOR_STRING=B",
        "EXCLUDE fx:EXPDATE=31-dec-2036 GROUP S\nGROUP S s",
        "5*s fx 0; s fx -4; 5*joe fx 0; joe fx -4",
    ),
    case(
        "O39",
        "INCREMENT fx LGS 2.0 31-dec-2036 5\nINCREMENT fx LGS 2.0 30-nov-2036 5",
        "EXCLUDE fx:EXPDATE=31-dec-2036 GROUP S\nGROUP S s",
        "s fx -38; 10*joe fx 0",
    ),
    case("O40", BUNDLE, "EXCLUDE pk USER ann", "ann ca:1.0 -38; ann cb:1.0 -38; joe ca:1.0 0; joe cb:1.0 0"),
    case(
        "O41",
        BUNDLE,
        "RESERVE 1 pk USER mel",
        "2*joe ca:1.0 0; joe ca:1.0 -101; 2*joe cb:1.0 0; joe cb:1.0 -101; mel ca:1.0 0; mel cb:1.0 0",
    ),
    case(
        "O42",
        "INCREMENT f:1 LGS 1.0 permanent 2\nINCREMENT f:1 LGS 2.0 permanent 2",
        "EXCLUDE \"f:1 VERSION=2.0\" USER ann",
        "ann f:1/2.0 -38; 2*ann f:1/1.0 0; joe f:1/2.0 0",
    ),
    Case {
        id: "O35",
        license: "INCREMENT fx LGS 2.0 permanent 1 OVERDRAFT=1",
        options: "RESERVE 1 fx USER mel",
        requests: "joe fx 0; kim fx -101; mel fx 0; kim fx -4",
        told: &[],
    },
    case(
        "O51",
        "INCREMENT fx LGS 2.0 permanent 2 USER_BASED",
        "INCLUDE fx USER a\nINCLUDE fx USER b",
        "a fx 0; b fx 0; c fx -39",
    ),
    Case {
        id: "O52",
        license: "INCREMENT fx LGS 2.0 permanent 2 USER_BASED",
        options: "# none",
        requests: "a fx -84",
        told: &["[O0811] pool fx 2 USER_BASED is for 2 users", "nobody may use it"],
    },
    Case {
        id: "O53",
        license: "INCREMENT fx LGS 2.0 permanent 2 USER_BASED",
        options: "INCLUDE fx USER a\nINCLUDE fx USER b\nINCLUDE fx USER c",
        requests: "a fx 0; b fx 0; c fx -39",
        told: &[
            "OPTIONS ERROR",
            "LGS.opt:3: [O0809] pool fx 2 USER_BASED is for 2 users",
            "USER c is not included",
        ],
    },
    case("O54", "INCREMENT fx LGS 2.0 permanent 5 OVERDRAFT=3", "MAX_OVERDRAFT fx 1", "6*a fx 0; a fx -4"),
    told("O67", "MAX_CONNECTIONS 5", "ann fx 0", &[]),
    told("O68", "DAEMON_SELECT_TIMEOUT 99", "ann fx 0", &["LGS.opt:1:", "60"]),
    told("O75", "EXCLUDE nosuch USER a", "a fx 0; a fy 0", &["LGS.opt:1:", "nosuch"]),
    told("O76", "INCLUDE fx GROUP undefined", "a fx -39; a fy 0", &["LGS.opt:1:", "undefined"]),
    case("O78", BASE, "USER_GROUP G a\nEXCLUDE fx GROUP G", "a fx -38; b fx 0"),
    case(
        "O79",
        "INCREMENT fx LGS 2.0 permanent 1 DUP_GROUP=UHD",
        "MAX 1 fx USER ann",
        "2*ann,disp=d fx 0; ann,disp=e fx -87; joe fx -4",
    ),
    case("O80", TWO_POOLS, "MAX 2 fx USER jan", "jan fx:1.0 0; jan fx:2.9 0; jan fx:1.0 -87; jan fx:2.9 -87"),
    case(
        "O81",
        BASE,
        "GROUP G u v\nGROUP H u\nMAX 3 fx GROUP G\nMAX 1 fx GROUP H",
        "u fx 0; u fx -87; 2*v fx 0; v fx -87",
    ),
    told("O82", "EXCLUDE fx USER a b", "a fx -38; b fx -38; c fx 0", &["LGS.opt:1:", "\"b\""]),
    told("O86", "GROUP G CORP\\ann\nINCLUDE fx GROUP G", "ann fx -39", &["LGS.opt:1:", "CORP"]),
];

#[test]
fn the_table_of_options_files_holds_at_a_running_server() {
    let license = format!("SERVER this_host ANY {{port}}\nVENDOR LGS\n{BASE}\n");
    let system = System::start_prepared(&license, &["--vendor-dir", "."], |dir| {
        std::fs::write(dir.join("LGS.opt"), "\n").unwrap();
        write_manifest_pooling_on_vendor_string(dir);
    });
    let mut wrong = String::new();
    for case in CASES {
        run(&system, case, &mut wrong);
    }
    // O77: a comment is one, and a long line is a line.
    let members: String = (0..600).map(|number| format!(" u{number} \\\n")).collect();
    let long = format!("# EXCLUDE fx USER a\nGROUP G{members} last\nEXCLUDE fx GROUP G");
    serve(&system, BASE, &long);
    ask(
        &system,
        "O77",
        "a fx 0; u0 fx -38; u599 fx -38; last fx -38; u600 fx 0",
        &mut wrong,
        String::new,
        &[],
    );
    assert!(wrong.is_empty(), "{wrong}");
}

fn run(system: &System, case: &Case, wrong: &mut String) {
    let answer = serve(system, case.license, case.options);
    for text in case.told {
        if !answer.contains(text) {
            writeln!(wrong, "{}: {text} is missing in\n{answer}", case.id).unwrap();
        }
    }
    ask(system, case.id, case.requests, wrong, String::new, &[]);
}

/// Puts both files in force, errors and all, as a start would; returns what lmreread said.
pub(super) fn serve(system: &System, license: &str, options: &str) -> String {
    let text = format!("SERVER this_host ANY {}\nVENDOR LGS\n{license}\n", system.port);
    std::fs::write(system.dir.path().join("test.lic"), sign(&text)).unwrap();
    std::fs::write(system.dir.path().join("LGS.opt"), format!("{options}\n")).unwrap();
    let output = system.tool(&["lmreread", "--force", "-c", &system.place()]);
    let answer = printed(&output);
    assert!(output.status.success(), "{options}\n{answer}{}", complained(&output));
    answer
}

/// Makes the requests of a case, each user in one session, and checks what is said of denials. All sessions end with it.
/// `!` as a result is any denial. Before they end, `look` must see what shall be `shown`.
pub(super) fn ask(
    system: &System,
    id: &str,
    requests: &str,
    wrong: &mut String,
    look: impl Fn() -> String,
    shown: &[&str],
) {
    let mut sessions: BTreeMap<&str, LineSession> = BTreeMap::new();
    for request in requests.split(';') {
        let words: Vec<_> = request.split_whitespace().collect();
        let [who, what, expected] = words[..] else { panic!("{id}: {request}") };
        let (times, who) = who.split_once('*').map_or((1, who), |(times, who)| (times.parse().unwrap(), who));
        let (feature, count) = match what.rsplit_once('x') {
            Some((feature, count)) if count.parse::<u32>().is_ok() => (feature, count),
            _ => (what, "1"),
        };
        // A feature may have a colon in its name.
        let mark = if feature.contains('/') { '/' } else { ':' };
        let (feature, version) = feature.split_once(mark).unwrap_or((feature, "2.0"));
        let session = sessions.entry(who).or_insert_with(|| open(system, who));
        for _ in 0..times {
            let answer = session.ask(&format!("CHECKOUT {feature} {version} {count}"));
            let number = match answer.strip_prefix("ERR ") {
                Some(refusal) => refusal.split(',').next().unwrap(),
                None if answer.starts_with("OK CHECKOUT ") => "0",
                None => "?",
            };
            let by_rule = matches!(expected, "-38" | "-39" | "-87" | "-101");
            let discreet = !["/LGS.opt", "USER ", "GROUP ", "EXCLUDE fx", "RESERVE"]
                .iter()
                .any(|text| answer.contains(text));
            if expected == "!" && answer.starts_with("ERR ") {
                continue;
            }
            if number != expected || by_rule != answer.contains("LGS.opt:") || !discreet {
                writeln!(wrong, "{id}: {request} was answered {answer}").unwrap();
            }
        }
    }
    let seen = if shown.is_empty() { String::new() } else { look() };
    for text in shown.iter().filter(|text| !seen.contains(**text)) {
        writeln!(wrong, "{id}: {text} is missing in\n{seen}").unwrap();
    }
    for session in sessions.values_mut() {
        assert_eq!(session.ask("QUIT"), "OK QUIT");
    }
}

fn open(system: &System, who: &str) -> LineSession {
    let mut parts = who.split(',');
    let name = parts.next().unwrap();
    let (user, host) = name.split_once('@').unwrap_or((name, "h1"));
    let mut hello = format!("HELLO 1 user={user} host={host}");
    let mut from = [127, 0, 0, 1];
    for part in parts {
        match part.split_once('=').unwrap() {
            ("ip", ip) => from = ip.parse::<std::net::Ipv4Addr>().unwrap().octets(),
            ("disp", display) => write!(hello, " display={display}").unwrap(),
            ("id", id) => write!(hello, " hostid={id}").unwrap(),
            ("plat", platform) => write!(hello, " platform={platform}").unwrap(),
            ("proj", project) => write!(hello, " project={project}").unwrap(),
            (other, _) => panic!("{other}"),
        }
    }
    let mut session = LineSession::open_from(from, system.vendor_port());
    let answer = session.ask(&hello);
    assert!(answer.starts_with("OK HELLO"), "{who}: {answer}");
    session
}
