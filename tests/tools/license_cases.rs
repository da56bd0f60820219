//! The reference's table of license lines, case by case, at one running server: each file comes by a reread, the client asks over
//! sockets, and lmstat tells what came of it. Lines that are edited after they were signed have a table of their own.
//!
//! A feature that is served no longer after a reread is refused with -92, so rejected lines have names of their own here.
//!
//! Elsewhere, under their ids: L30, L46, L47, L49, L51, L54 and L58, which are about whole files, in whole_files.rs; L39 in
//! tests/serve/sharing.rs; L48 in options_file.rs.

use super::options_cases::{ask, serve};
use crate::signed::sign;
use crate::system::{LineSession, System, printed};

/// One row.
struct Case {
    id: &'static str,
    license: &'static str,
    /// As in the table of options files.
    requests: &'static str,
    /// What lmstat must show while the checkouts are out.
    shown: &'static [&'static str],
}

const fn case(
    id: &'static str,
    license: &'static str,
    requests: &'static str,
    shown: &'static [&'static str],
) -> Case {
    Case { id, license, requests, shown }
}

const SUITE: &str = "PACKAGE pk LGS 1.0 COMPONENTS=\"ca cb\" OPTIONS=SUITE\nFEATURE pk LGS 1.0 permanent 5";
const RESERVING: &str =
    "PACKAGE pk LGS 1.0 COMPONENTS=\"ca cb\" OPTIONS=SUITE_RESERVED\nFEATURE pk LGS 1.0 permanent 2";
const TWO_VERSIONS: &str = "INCREMENT fx LGS 1.0 permanent 2\nINCREMENT fx LGS 2.0 permanent 2";

const CASES: &[Case] = &[
    case(
        "L01",
        "FEATURE fx LGS 1.0 31-dec-2036 2",
        "a@h1 fx:1.0 0; b@h2 fx:1.0 0; c@h3 fx:1.0 -4",
        &[
            "Users of fx:  (Total of 2 licenses issued;  Total of 2 licenses in use)",
            "expiry: 31-dec-2036",
            "floating license",
        ],
    ),
    case("L02", "FEATURE fx LGS 1.0 1-jan-0 1", "a fx:1.0 0", &["expiry: permanent(no expiration date)"]),
    case("L03", "FEATURE fx LGS 1.0 permanent 1", "a fx:1.0 0", &["expiry: permanent(no expiration date)"]),
    case(
        "L04",
        "FEATURE fx LGS 1.0 01-jan-2020 1",
        "a fx:1.0 -10",
        &["Users of fx:  (Total of 0 licenses issued"],
    ),
    case("L05", "FEATURE fx LGS 1.0 1-jan-99 1", "a fx:1.0 -10", &[]),
    case("L06", "FEATURE fx LGS 1.0 1-jan-00 1", "a fx:1.0 0", &[]),
    case("L07", "FEATURE f07 LGS 1.0 2026-12-31 1", "a f07:1.0 -18; a zz:1.0 0", &[]),
    case("L11", "FEATURE f11 LGS v2 permanent 1", "a f11:1.0 -18; a zz:1.0 0", &[]),
    case(
        "L24",
        "INCREMENT f24 LGS 1.0 permanent 5 ISSUED=1-jan-2025\nINCREMENT g24 LGS 1.0 permanent 5 ISSUED=1-jan-2025\nINCREMENT fz LGS 1.0 permanent 1 ISSUED=1-jan-2026 SUPERSEDE=\"f24 g24\"",
        "a f24:1.0 -18; a g24:1.0 -18; a fz:1.0 0",
        &["Users of fz:  (Total of 1 license issued"],
    ),
    case(
        "L28",
        "PACKAGE pk LGS 1.0 COMPONENTS=\"ca cb\"\nFEATURE pk LGS 2.0 permanent 5",
        "a ca:1.0 -18; a cb:1.0 -18; a pk:2.0 0",
        &["Users of pk:  (Total of 5 licenses issued;  Total of 1 license in use)"],
    ),
    case("L29", "PACKAGE pk LGS 1.0 COMPONENTS=\"ca cb\"", "a ca:1.0 -18; a zq:1.0 -5", &[]),
    case("L31", "FEATURE f31 LGS 1.0 permanent uncounted", "a f31:1.0 -18; a zz:1.0 0", &[]),
    case("L35", "FEATURE f35 LGS 1.0 permanent 3 HOSTID=DEMO", "a f35:1.0 -18; a zz:1.0 0", &[]),
    case(
        "L38",
        "FEATURE fx LGS 1.0 permanent 2 DUP_GROUP=NONE",
        "2*ann@h1 fx:1.0 0; ann@h1 fx:1.0 -4",
        &["Total of 2 licenses issued;  Total of 2 licenses in use"],
    ),
    case(
        "L50",
        "FEATURE f50 LGS 1.0 permanent 1 FOO_BAR=1\nFEATURE fy LGS 1.0 permanent 1",
        "a f50:1.0 -18; a fy:1.0 0",
        &[],
    ),
    case("L08", "FEATURE fx LGS 2.0 permanent 1", "a fx:2.1 -25; a fx:1.5 0", &["(v1.5)"]),
    case("L09", "FEATURE fx LGS 1.10 permanent 1", "a fx:1.9 -25; a fx:1.1 0", &[]),
    case("L10", "FEATURE fx LGS 2026.0630 permanent 1", "a fx:2026.0701 -25; a fx:2026.0101 0", &[]),
    case(
        "L12",
        "FEATURE fx LGS 1.0 permanent 1 START=01-jan-2040",
        "a fx:1.0 -31",
        &["Total of 0 licenses issued"],
    ),
    case(
        "L13",
        "INCREMENT fx LGS 1.0 permanent 2\nINCREMENT fx LGS 1.0 permanent 3",
        "5*a fx:1.0 0; a fx:1.0 -4",
        &["Total of 5 licenses issued;  Total of 5 licenses in use"],
    ),
    case(
        "L14",
        "FEATURE fx LGS 1.0 permanent 2\nFEATURE fx LGS 1.0 permanent 3",
        "2*a fx:1.0 0; a fx:1.0 -4",
        &["Total of 2 licenses issued"],
    ),
    case(
        "L15",
        "FEATURE fx LGS 1.0 permanent 2\nINCREMENT fx LGS 1.0 permanent 3",
        "5*a fx:1.0 0; a fx:1.0 -4",
        &[],
    ),
    case(
        "L16",
        "FEATURE fx LGS 1.0 permanent uncounted HOSTID=aaaaaaaaaaaa\nFEATURE fx LGS 1.0 permanent uncounted HOSTID=bbbbbbbbbbbb\nFEATURE fx LGS 1.0 permanent 2",
        "9*a,id=aaaaaaaaaaaa fx:1.0 0; c@h3 fx:1.0 0; d@h4 fx:1.0 0; e@h5 fx:1.0 -4",
        &[
            "Total of 2 licenses issued;  Total of 2 licenses in use",
            "uncounted nodelocked license, locked to \"aaaaaaaaaaaa\"",
        ],
    ),
    case("L17", TWO_VERSIONS, "2*a fx 0; a fx -4", &["\"fx\" v2.0, vendor: LGS"]),
    case("L18", TWO_VERSIONS, "3*a fx:1.0 0; a fx 0; a fx -4; a fx:1.0 -4", &[]),
    case(
        "L19",
        "INCREMENT fx LGS 1.0 permanent 2\nINCREMENT fx LGS 2.0 permanent 2 sort=1",
        "2*a fx:1.0 0; a fx -4; a fx:1.0 0",
        &[],
    ),
    case(
        "L20",
        "INCREMENT fx LGS 1.0 31-dec-2036 5\nINCREMENT fx LGS 1.0 30-nov-2036 5",
        "a fx:1.0x10 0; a fx:1.0 -4",
        &["Total of 10 licenses issued", "expiry: 30-nov-2036", ", 10 licenses"],
    ),
    case(
        "L21",
        "INCREMENT fx LGS 1.0 permanent 5 BORROW\nINCREMENT fx LGS 1.0 permanent 5",
        "a fx:1.0x6 -26; 2*a fx:1.0x5 0",
        &["Total of 10 licenses issued;  Total of 10 licenses in use"],
    ),
    case(
        "L22",
        "INCREMENT fx LGS 1.0 permanent 5\nUPGRADE fx LGS 1.0 2.0 permanent 2",
        "2*a fx 0; a fx -4; 3*a fx:1.0 0; a fx:1.0 -4",
        &[],
    ),
    case(
        "L23",
        "INCREMENT fx LGS 1.0 permanent 5 ISSUED=1-jan-2025\nINCREMENT fx LGS 1.0 permanent 2 ISSUED=1-jan-2026 SUPERSEDE",
        "2*a fx:1.0 0; a fx:1.0 -4",
        &["Total of 2 licenses issued"],
    ),
    case(
        "L25",
        "PACKAGE pk LGS 1.0 COMPONENTS=\"ca:1.5:2 cb:3.0:4\"\nFEATURE pk LGS 1.0 permanent 3",
        "6*a ca:1.5 0; a ca:1.5 -4; 12*a cb:3.0 0; a cb:3.0 -4",
        &["Users of ca:  (Total of 6 licenses issued", "Users of cb:  (Total of 12 licenses issued"],
    ),
    case(
        "L26",
        SUITE,
        "5*a ca:1.0 0; a cb:1.0 -4; a pk:1.0 -125",
        &[
            "Users of pk:  (Total of 5 licenses issued;  Total of 5 licenses in use)",
            "Users of cb:  (Total of 5 licenses issued;  Total of 0 licenses in use)",
        ],
    ),
    case(
        "L27",
        "PACKAGE pk LGS 1.0 COMPONENTS=\"ca cb\" OPTIONS=SUITE\nFEATURE pk LGS 1.0 permanent 5 SUITE_DUP_GROUP=U",
        "ann ca:1.0 0; ann cb:1.0 0",
        &["Users of pk:  (Total of 5 licenses issued;  Total of 1 license in use)"],
    ),
    case(
        "SUITE_RESERVED",
        RESERVING,
        "ann ca:1.0 0; bob@h2 cb:1.0 0; cid@h3 ca:1.0 !; bob@h2 cb:1.0 !",
        &[
            "\t1 RESERVATION for USER ann (",
            "\t1 RESERVATION for USER bob (",
            "Users of cb:  (Total of 2 licenses issued;  Total of 2 licenses in use)",
        ],
    ),
    case(
        "L32",
        "FEATURE fx LGS 1.0 permanent uncounted HOSTID=\"aaaaaaaaaaaa bbbbbbbbbbbb\"",
        "a,id=bbbbbbbbbbbb fx:1.0 0; b@h2,id=cccccccccccc fx:1.0 -9",
        &["uncounted nodelocked license, locked to \"aaaaaaaaaaaa bbbbbbbbbbbb\""],
    ),
    case(
        "L33",
        "FEATURE fx LGS 1.0 permanent 3 HOSTID=INTERNET=127.1.*.*",
        "a,ip=127.1.7.9 fx:1.0 0; b,ip=127.2.0.1 fx:1.0 -9",
        &["nodelocked license, locked to \"INTERNET=127.1.*.*\""],
    ),
    case("L34", "FEATURE fx LGS 1.0 permanent uncounted HOSTID=ID=1234-5678", "a@h9 fx:1.0 0", &[]),
    // 3.8: counted and locked.
    case(
        "3.8",
        "FEATURE fx LGS 1.0 permanent 1 HOSTID=aaaaaaaaaaaa",
        "b@h2 fx:1.0 -9; a,id=aaaaaaaaaaaa fx:1.0 0; c,id=aaaaaaaaaaaa fx:1.0 -4",
        &[
            "nodelocked license, locked to \"aaaaaaaaaaaa\"",
            "Total of 1 license issued;  Total of 1 license in use",
        ],
    ),
    // What TS_OK and ONE_TS_OK allow is for the application to ask; the server serves the lines.
    case(
        "TS_OK",
        "FEATURE fx LGS 1.0 permanent uncounted HOSTID=ANY TS_OK\nFEATURE fy LGS 1.0 permanent uncounted HOSTID=ANY ONE_TS_OK",
        "a fx:1.0 0; a fy:1.0 0",
        &["uncounted nodelocked license locked to NOTHING (hostid=ANY)"],
    ),
    case(
        "L36",
        "FEATURE fx LGS 1.0 permanent 1 OVERDRAFT=2",
        "a fx:1.0 0; b fx:1.0 0; c fx:1.0 0; d fx:1.0 -4",
        &["Total of 1 license issued;  Total of 3 licenses in use"],
    ),
    case(
        "L37",
        "FEATURE fx LGS 1.0 permanent 2 DUP_GROUP=UH",
        "3*ann@h1 fx:1.0 0; ann@h2 fx:1.0 0; bob@h1 fx:1.0 -4",
        &["Total of 2 licenses issued;  Total of 2 licenses in use"],
    ),
    case(
        "L41",
        "FEATURE fx LGS 1.0 permanent 2 PLATFORMS=\"i86_l\"",
        "a,plat=i86_n fx:1.0 -89; b fx:1.0 -89; c,plat=i86_l fx:1.0 0",
        &[],
    ),
    case("L43", "FEATURE fx LGS 1.0 permanent 1 NOTICE=\"its\"", "a fx:1.0 0", &[]),
    case("L52", "FEATURE fx LGS 1.0 permanent 3", "a fx:1.0x4 -26", &[]),
    case("L53", TWO_VERSIONS, "a fx:1.0x3 -26", &[]),
    case(
        "L55",
        "FEATURE fx LGS 1.0 permanent 2\nFEATURE fx LGS 2.0 permanent 3",
        "2*a fx:1.0 0; a fx -25",
        &[],
    ),
    case("L55", "FEATURE fx LGS 2.0 permanent 3\nFEATURE fx LGS 1.0 permanent 2", "3*a fx 0; a fx -4", &[]),
    case(
        "L59",
        "INCREMENT fx LGS 1.0 permanent 1 OVERDRAFT=1\nINCREMENT fx LGS 2.0 permanent 1",
        "3*a fx:1.0 0; a fx:1.0 -4",
        &["Total of 2 licenses issued;  Total of 3 licenses in use"],
    ),
];

#[test]
fn the_table_of_license_lines_holds_at_a_running_server() {
    let license = "SERVER this_host ANY {port}\nVENDOR LGS\nFEATURE zz LGS 1.0 permanent 1\n";
    let system =
        System::start_prepared(license, &[], |dir| std::fs::write(dir.join("LGS.opt"), "\n").unwrap());
    let mut wrong = String::new();
    for Case { id, license, requests, shown } in CASES {
        // A file of which nothing is served would leave the former one in force.
        serve(&system, &format!("{license}\nFEATURE zz LGS 1.0 permanent 1"), "# none");
        let place = system.place();
        ask(
            &system,
            id,
            requests,
            &mut wrong,
            || printed(&system.tool(&["lmstat", "-a", "-c", &place])),
            shown,
        );
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn case_l40_a_group_lives_until_its_last_member_has_gone() {
    let license = "SERVER this_host ANY {port}\nVENDOR LGS\nFEATURE fx LGS 1.0 permanent 1 DUP_GROUP=H\n";
    let system = System::start(license, &[]);
    let hello = |user: &str, host: &str| {
        let mut session = LineSession::open(system.vendor_port());
        assert!(session.ask(&format!("HELLO 1 user={user} host={host}")).starts_with("OK HELLO"));
        session
    };
    let out = |session: &mut LineSession| {
        let answer = session.ask("CHECKOUT fx 1.0");
        answer.strip_prefix("OK CHECKOUT ").unwrap_or_else(|| panic!("{answer}")).to_owned()
    };
    let back = |session: &mut LineSession, handle: &str| {
        assert!(session.ask(&format!("CHECKIN {handle}")).starts_with("OK CHECKIN"));
    };
    let (mut ann, mut bob, mut cid) = (hello("ann", "h1"), hello("bob", "h1"), hello("cid", "h1"));
    let (anns, bobs) = (out(&mut ann), out(&mut bob));
    back(&mut ann, &anns);
    let cids = out(&mut cid);
    back(&mut bob, &bobs);
    let mut dan = hello("dan", "h2");
    assert!(dan.ask("CHECKOUT fx 1.0").starts_with("ERR -4,"), "cid is still in the group");
    let shown = printed(&system.tool(&["lmstat", "-a", "-c", &system.place()]));
    assert!(shown.contains("Total of 1 license issued;  Total of 1 license in use"), "{shown}");
    back(&mut cid, &cids);
    out(&mut dan);
}

/// What administrators and mail programs do to a signed file.
type Edit = (&'static str, &'static str, [&'static str; 2], &'static str);

const EDITS: &[Edit] = &[
    (
        "L42",
        "FEATURE fx LGS 1.0 permanent 1 NOTICE=\"one two\"",
        ["one two", "one \\\r\n  two"],
        "a fx:1.0 0; a fx:1.0 -4",
    ),
    (
        "L44",
        "FEATURE fx LGS 1.0 permanent 1 SN=4",
        [" SN=4", " SN=4 asset_info=\"room 4\""],
        "a fx:1.0 0; a fx:1.0 -4",
    ),
    (
        "L45",
        "FEATURE f45 LGS 1.0 permanent 1 DUP_GROUP=U",
        ["DUP_GROUP=U", "DUP_GROUP=UH"],
        "a f45:1.0 -18; a zz:1.0 0",
    ),
    (
        "L56",
        "FEATURE zz LGS 1.0 permanent 1\nINCREMENT fx LGS 1.0 permanent 1",
        ["\n<end>", "\nPlease call us on Monday\n"],
        "a fx:1.0 0; a fx:1.0 -4; a zz:1.0 0",
    ),
    (
        "L57",
        "INCREMENT fx LGS 1.0 permanent 1 SN=7",
        [" SN=7", " \\  # note\n  SN=7"],
        "a fx:1.0 0; a fx:1.0 -4",
    ),
];

#[test]
fn signed_lines_that_were_edited_hold_or_not_at_a_running_server() {
    let license = "SERVER this_host ANY {port}\nVENDOR LGS\nFEATURE zz LGS 1.0 permanent 1\n";
    let system =
        System::start_prepared(license, &[], |dir| std::fs::write(dir.join("LGS.opt"), "\n").unwrap());
    let mut wrong = String::new();
    for (id, license, [from, to], requests) in EDITS {
        let begin = format!("SERVER this_host ANY {}\nVENDOR LGS\n", system.port);
        let zz = if license.contains(" zz ") { "" } else { "FEATURE zz LGS 1.0 permanent 1\n" };
        let signed = sign(&format!("{begin}{zz}{license}\n")) + "<end>";
        let edited = signed.replacen(from, to, 1);
        assert_ne!(edited, signed, "{id}");
        std::fs::write(system.dir.path().join("test.lic"), edited.replace("<end>", "")).unwrap();
        let output = system.tool(&["lmreread", "--force", "-c", &system.place()]);
        assert!(output.status.success(), "{id}: {}", printed(&output));
        ask(&system, id, requests, &mut wrong, String::new, &[]);
        if *id == "L45" {
            // Nothing is left of the feature (-18), and why is said with its number.
            let answer = system.line_session("ann").ask("CHECKOUT f45 1.0");
            assert!(answer.contains("f45 refused (-8,102): the signature of key "), "{answer}");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}
