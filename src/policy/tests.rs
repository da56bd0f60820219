//! Cases of `flexnet-files.md` 8.2 that lists and numbers decide by themselves. Licenses, names and requests are those of the
//! reference; what needs licenses in use is tested with the engine.

use super::*;
use crate::catalog::Catalog;
use crate::event::Claims;
use crate::ident::{Display, Host, Project, VendorName};
use crate::license::{HostId, LicenseFile};
use crate::options::OptionsFile;
use crate::sign::{Manifest, SigningKey};
use crate::text::{Diagnostic, Source};

const BASE: &str = "INCREMENT fx acmed 2.0 permanent 10\nINCREMENT fy acmed 2.0 permanent 10\n";
const TWO_POOLS: &str = "INCREMENT fx acmed 1.0 permanent 12\nINCREMENT fx acmed 2.9 permanent 5\n";

fn key() -> SigningKey {
    SigningKey::generate_ed25519(VendorName::parse("acmed").unwrap(), [1; 32])
}

fn license(lines: &str) -> LicenseFile {
    let text = format!("SERVER srv ANY 27000\nVENDOR acmed\n{lines}");
    let unsigned = LicenseFile::parse(Source::new("acmed.lic", text.as_bytes()));
    let (mut signed, mut copied) = (String::new(), 0);
    for (_, statement) in unsigned.statements() {
        let end = statement.span().end;
        signed.push_str(&text[copied..end]);
        signed.push_str(&format!(" SIGN=\"{}\"", key().sign(&statement.canonical(&[HostId::Any]).unwrap())));
        copied = end;
    }
    signed.push_str(&text[copied..]);
    LicenseFile::parse(Source::new("acmed.lic", signed.as_bytes()))
}

struct Rig {
    policy: Policy,
    diagnostics: Vec<Diagnostic>,
}

fn rig_pooling(lines: &str, options: &str, pool_on_vendor_string: bool) -> Rig {
    let manifest = Manifest {
        pool_on_vendor_string,
        ..Manifest::new(VendorName::parse("acmed").unwrap(), vec![key().verifying_key()])
    };
    let license = license(lines);
    let zone = jiff::tz::TimeZone::UTC;
    let catalog = Catalog::build(&manifest.vendor, &[&license], &manifest, &[HostId::Any], &zone);
    assert!(!catalog.is_empty(), "{:?}", catalog.verdicts());
    let options = OptionsFile::parse(Source::new("/etc/licenses/acmed.opt", options.as_bytes()));
    let (policy, mut diagnostics) = Policy::compile(&options, &catalog, &[&license]);
    diagnostics.extend(options.diagnostics);
    Rig { policy, diagnostics }
}

fn rig(lines: &str, options: &str) -> Rig {
    rig_pooling(lines, options, false)
}

/// `user@host`, and `ip=`, `disp=`, `proj=` behind it.
fn client(text: &str) -> (Claims, IpAddr) {
    let mut words = text.split(' ');
    let (user, host) = words.next().unwrap().split_once('@').unwrap();
    let mut claims = Claims {
        user: User::parse(user).unwrap(),
        host: Host::parse(host).unwrap(),
        display: Display::parse(host).unwrap(),
        project: None,
        platform: None,
        hostids: Vec::new(),
        pid: None,
    };
    let mut address = "192.0.2.1".parse().unwrap();
    for word in words {
        match word.split_once('=').unwrap() {
            ("ip", value) => address = value.parse().unwrap(),
            ("disp", value) => claims.display = Display::parse(value).unwrap(),
            ("proj", value) => claims.project = Some(Project::parse(value).unwrap()),
            other => panic!("{other:?}"),
        }
    }
    (claims, address)
}

impl Rig {
    /// What the lists say in each pool of a feature: `ok`, `-38 file:line`, `-39 file:line`.
    fn ask(&self, who: &str, feature: &str) -> Vec<String> {
        let (claims, address) = client(who);
        let profile = self.policy.profile(&claims, address);
        let pools = self.policy.pools(feature).iter();
        pools
            .map(|pool| match pool.access(&profile) {
                Access::Open | Access::Included(_) => "ok".to_owned(),
                Access::Excluded(rule) => format!("-38 {}", self.policy.place(rule)),
                Access::NotIncluded(rule) => format!("-39 {}", self.policy.place(rule)),
            })
            .collect()
    }

    fn ids(&self) -> Vec<&'static str> {
        self.diagnostics.iter().map(|found| found.id).filter(|id| *id != finding::NOT_ENFORCED.id).collect()
    }
}

/// `(case, options, [(client, feature, answer of the pool)])` with the base licenses.
type Case = (&'static str, &'static str, &'static [(&'static str, &'static str, &'static str)]);

#[test]
fn cases_o01_to_o22_o75_to_o86_who_may() {
    let cases: &[Case] = &[
        (
            "O01",
            "EXCLUDE fx USER hal",
            &[("hal@h1", "fx", "-38 acmed.opt:1"), ("joe@h1", "fx", "ok"), ("hal@h1", "fy", "ok")],
        ),
        (
            "O02",
            "INCLUDE fx USER bob",
            &[("bob@h1", "fx", "ok"), ("joe@h1", "fx", "-39 acmed.opt:1"), ("joe@h1", "fy", "ok")],
        ),
        (
            "O03",
            "INCLUDE fx USER bob\nEXCLUDE fx USER bob",
            &[("bob@h1", "fx", "-38 acmed.opt:2"), ("joe@h1", "fx", "-39 acmed.opt:1")],
        ),
        ("O04", "", &[("joe@h1", "fx", "ok")]),
        (
            "O05",
            "INCLUDE fx USER bob\nINCLUDE fx HOST h9",
            &[("bob@h1", "fx", "ok"), ("joe@h9", "fx", "ok"), ("joe@h1", "fx", "-39 acmed.opt:1")],
        ),
        (
            "O06",
            "INCLUDEALL USER jane",
            &[
                ("jane@h1", "fx", "ok"),
                ("jane@h1", "fy", "ok"),
                ("joe@h1", "fx", "-39 acmed.opt:1"),
                ("joe@h1", "fy", "-39 acmed.opt:1"),
            ],
        ),
        (
            "O07",
            "INCLUDEALL USER jane\nINCLUDE fx USER bob",
            &[
                ("bob@h1", "fx", "ok"),
                ("bob@h1", "fy", "-39 acmed.opt:1"),
                ("jane@h1", "fx", "ok"),
                ("jane@h1", "fy", "ok"),
            ],
        ),
        (
            "O08",
            "EXCLUDEALL HOST hx",
            &[
                ("ann@hx", "fx", "-38 acmed.opt:1"),
                ("ann@hx", "fy", "-38 acmed.opt:1"),
                ("ann@h1", "fx", "ok"),
            ],
        ),
        (
            "O09",
            "GROUP G a b\nGROUP G c\nEXCLUDE fx GROUP G",
            &[
                ("a@h1", "fx", "-38 acmed.opt:3"),
                ("b@h1", "fx", "-38 acmed.opt:3"),
                ("c@h1", "fx", "-38 acmed.opt:3"),
                ("d@h1", "fx", "ok"),
            ],
        ),
        ("O10", "GROUP g a\nEXCLUDE fx GROUP G", &[("a@h1", "fx", "ok")]),
        (
            "O11",
            "GROUP G Ann\nEXCLUDE fx GROUP G",
            &[("ann@h1", "fx", "ok"), ("Ann@h1", "fx", "-38 acmed.opt:2")],
        ),
        (
            "O12",
            "GROUPCASEINSENSITIVE ON\nGROUP G Ann\nEXCLUDE fx GROUP G",
            &[("ann@h1", "fx", "-38 acmed.opt:3"), ("ANN@h1", "fx", "-38 acmed.opt:3")],
        ),
        (
            "O13",
            "HOST_GROUP W n1 n2\nEXCLUDE fx HOST_GROUP W",
            &[("any@n1", "fx", "-38 acmed.opt:2"), ("any@n3", "fx", "ok")],
        ),
        (
            "O14",
            "HOST_GROUP W 10.0.0.7\nINCLUDE fx HOST_GROUP W",
            &[("a@h1 ip=10.0.0.7", "fx", "ok"), ("a@h1 ip=10.0.0.8", "fx", "-39 acmed.opt:2")],
        ),
        (
            "O15",
            "INCLUDE fx INTERNET 10.1.*.*",
            &[("a@h1 ip=10.1.2.3", "fx", "ok"), ("a@h1 ip=10.2.2.3", "fx", "-39 acmed.opt:1")],
        ),
        (
            "O16",
            "EXCLUDE fx HOST 192.168.5.*",
            &[("a@h1 ip=192.168.5.20", "fx", "-38 acmed.opt:1"), ("a@h1 ip=192.168.6.20", "fx", "ok")],
        ),
        (
            "O17",
            "INCLUDE fx PROJECT mars",
            &[
                ("a@h1 proj=mars", "fx", "ok"),
                ("a@h1 proj=Mars", "fx", "-39 acmed.opt:1"),
                ("a@h1", "fx", "-39 acmed.opt:1"),
            ],
        ),
        (
            "O18",
            "EXCLUDE fx DISPLAY /dev/tty",
            &[("a@h1 disp=/dev/tty", "fx", "-38 acmed.opt:1"), ("a@h1 disp=:0", "fx", "ok")],
        ),
        (
            "O19",
            "FQDN_MATCHING exact\nINCLUDE fx HOST m.abc.com",
            &[("a@m.abc.com", "fx", "ok"), ("a@m", "fx", "-39 acmed.opt:2")],
        ),
        (
            "O20",
            "FQDN_MATCHING lenient\nINCLUDE fx HOST m.abc.com",
            &[("a@m.abc.com", "fx", "ok"), ("a@m", "fx", "ok"), ("a@m.xyz.com", "fx", "-39 acmed.opt:2")],
        ),
        ("O21", "FQDN_MATCHING lenient\nINCLUDE fx HOST m", &[("a@m.abc.com", "fx", "ok")]),
        (
            "O22",
            "INCLUDE fx USER a b",
            &[("a@h1", "fx", "ok"), ("b@h1", "fx", "-39 acmed.opt:1"), ("joe@h1", "fx", "-39 acmed.opt:1")],
        ),
        ("O75", "EXCLUDE nosuch USER a", &[("a@h1", "fx", "ok")]),
        ("O76", "INCLUDE fx GROUP undefined", &[("a@h1", "fx", "-39 acmed.opt:1"), ("a@h1", "fy", "ok")]),
        ("O78", "USER_GROUP G a\nEXCLUDE fx GROUP G", &[("a@h1", "fx", "-38 acmed.opt:2")]),
        (
            "O82",
            "EXCLUDE fx USER a b",
            &[("a@h1", "fx", "-38 acmed.opt:1"), ("b@h1", "fx", "-38 acmed.opt:1")],
        ),
        ("O86", "GROUP G CORP\\ann\nINCLUDE fx GROUP G", &[("ann@h1", "fx", "-39 acmed.opt:2")]),
    ];
    for (id, options, requests) in cases {
        let rig = rig(BASE, options);
        for (who, feature, answer) in *requests {
            assert_eq!(rig.ask(who, feature), [*answer], "{id}: {who} {feature}");
        }
    }
}

#[test]
fn cases_o10_o22_o75_o76_o82_o86_are_told() {
    for (case, options, ids) in [
        ("O10", "GROUP g a\nEXCLUDE fx GROUP G", vec!["O0704"]),
        ("O22", "INCLUDE fx USER a b", vec!["O0205"]),
        ("O75", "EXCLUDE nosuch USER a", vec!["O0701"]),
        ("O76", "INCLUDE fx GROUP undefined", vec!["O0704"]),
        ("O82", "EXCLUDE fx USER a b", vec!["O0205"]),
        ("O86", "GROUP G CORP\\ann\nINCLUDE fx GROUP G", vec!["O0405"]),
    ] {
        assert_eq!(rig(BASE, options).ids(), ids, "{case}");
    }
}

#[test]
fn what_comes_to_nothing_is_told() {
    for (options, ids) in [
        ("GROUP g a\nEXCLUDE fx GROUP G", vec!["O0704"]),
        ("EXCLUDE nosuch USER a", vec!["O0701"]),
        ("EXCLUDE fz USER a", vec!["O0701"]),
        ("INCLUDE fx GROUP undefined", vec!["O0704"]),
        ("HOST_GROUP G h1\nEXCLUDE fx GROUP G", vec!["O0704"]),
        ("EXCLUDE fx:VERSION=7 USER a", vec!["O0703"]),
        ("EXCLUDE fx:VENDOR_STRING=A USER a", vec!["O0705"]),
        ("RESERVE 8 fx USER a\nRESERVE 5 fx USER b", vec!["O0803"]),
        ("MAX 1 fx USER ALL_USERS\nMAX 3 fx USER jan", vec!["O0805"]),
        ("LINGER fx 60\nLINGER fx 90", vec!["O0807"]),
    ] {
        assert_eq!(rig(BASE, options).ids(), ids, "{options}");
    }
    assert_eq!(rig(TWO_POOLS, "RESERVE 2 fx USER a").ids(), ["O0802"]);
}

#[test]
fn cases_o24_to_o27_o81_whose_licenses_a_limit_counts() {
    let counted = |options: &str, who: &str| -> Vec<(u32, Vec<Counted>)> {
        let rig = rig(BASE, options);
        let (claims, address) = client(who);
        let profile = rig.policy.profile(&claims, address);
        let limits = rig.policy.pools("fx")[0].limits.iter().map(|id| rig.policy.limit(*id).unwrap());
        limits
            .map(|limit| (limit.count, rig.policy.counted(limit, &profile, &claims.user)))
            .filter(|(_, counted)| !counted.is_empty())
            .collect()
    };
    let user = |name: &str| Counted::User(User::parse(name).unwrap());
    let group = |name: &str| Counted::Group(User::parse(name).unwrap());
    let o24 = "GROUP G a b c\nMAX 3 fx GROUP G";
    assert_eq!(counted(o24, "a@h1"), [(3, vec![Counted::Together])]);
    assert_eq!(counted(o24, "d@h1"), []);
    assert_eq!(counted("MAX 1 fx USER ALL_USERS", "a@h1"), [(1, vec![user("a")])]);
    let o26 = "MAX 3 fx USER jan\nMAX 1 fx USER ALL_USERS";
    assert_eq!(counted(o26, "jan@h1"), [(3, vec![Counted::Together])]);
    assert_eq!(counted(o26, "joe@h1"), [(1, vec![user("joe")])]);
    let o27 = "MAX 1 fx USER ALL_USERS\nMAX 3 fx USER jan";
    assert_eq!(counted(o27, "jan@h1"), [(1, vec![user("jan")])]);
    let groups = "GROUP G u v\nGROUP H u\nMAX 3 fx GROUP H\nMAX 1 fx GROUP ALL_GROUPS";
    assert_eq!(counted(groups, "u@h1"), [(3, vec![Counted::Together]), (1, vec![group("G")])]);
}

#[test]
fn case_o33_o34_reservations_are_made_in_the_pools_that_are_meant() {
    let reserved = |options: &str| -> Vec<Vec<u32>> {
        let rig = rig(TWO_POOLS, options);
        let of = |pool: &PoolRules| {
            pool.reservations.iter().map(|id| rig.policy.reservation(*id).unwrap().count).collect()
        };
        rig.policy.pools("fx").iter().map(of).collect()
    };
    assert_eq!(reserved("GROUP G u1\nRESERVE 2 fx GROUP G"), [vec![2], vec![2]]);
    assert_eq!(reserved("GROUP G u1\nRESERVE 2 fx:VERSION=2.9 GROUP G"), [vec![], vec![2]]);
    assert_eq!(reserved("RESERVE 10 fx USER a\nRESERVE 4 fx USER b"), [vec![10, 2], vec![5]]);
}

#[test]
fn case_o38_o39_a_modifier_holds_for_the_pool() {
    let lines = "INCREMENT fx acmed 2.0 31-dec-2026 5 VENDOR_STRING=A\nINCREMENT fx acmed 2.0 30-nov-2026 5 VENDOR_STRING=B\n";
    let options = "GROUP S s\nEXCLUDE fx:EXPDATE=31-dec-2026 GROUP S";
    assert_eq!(rig_pooling(lines, options, true).ask("s@h1", "fx"), ["-38 acmed.opt:2", "ok"]);
    let one_pool = rig_pooling(lines, options, false);
    assert_eq!(one_pool.ask("s@h1", "fx"), ["-38 acmed.opt:2"]);
    assert_eq!(one_pool.ids(), ["O0801"]);
}

#[test]
fn numbers_of_a_pool() {
    let rig = rig(
        BASE,
        "TIMEOUTALL 1800\nTIMEOUT fx 900\nLINGER fx 30\nBORROW_LOWWATER fx 3\nMAX_OVERDRAFT fx 1\nMAX_BORROW_HOURS fx 48\n\
         MAX_BORROW_HOURS fx 24\nNOLOG IN\nNOLOG OUT\nMAX_CONNECTIONS 99\nAUTOMATIC_REREAD OFF\n",
    );
    let number = |value: Option<(u32, RuleId)>| value.map(|(number, rule)| (number, rig.policy.place(rule)));
    let at = |number, line: u32| Some((number, format!("acmed.opt:{line}")));
    let terms = rig.policy.pools("fx")[0].terms;
    assert_eq!(number(terms.timeout), at(900, 2));
    assert_eq!(number(terms.linger), at(30, 3));
    assert_eq!(number(terms.max_borrow_hours), at(24, 7));
    assert_eq!(number(rig.policy.pools("fy")[0].terms.timeout), at(1800, 1));
    assert_eq!(rig.policy.settings().no_log, [LogEvent::In, LogEvent::Out]);
    assert_eq!(rig.policy.settings().max_connections, Some(99));
    assert!(rig.policy.settings().no_automatic_reread);
    assert_eq!(rig.ids(), ["O0807"]);
}
