//! License and options files that the simulated administrators have, several editions to a site.

use std::sync::{Arc, OnceLock};

use seatkeeper::catalog::Catalog;
use seatkeeper::license::LicenseFile;
use seatkeeper::options::OptionsFile;
use seatkeeper::policy::Policy;
use seatkeeper::sign::Manifest;
use seatkeeper::text::Source;
use seatkeeper::vendord::Rulebook;

use crate::signed::sign;

/// One edition of the files.
pub(crate) struct Book {
    pub(crate) lines: &'static str,
    pub(crate) options: &'static str,
    pub(crate) rules: Rulebook,
    /// What the license lines come to by themselves: how many of a feature may be out at most, overdraft included. Those that are
    /// not counted are not here.
    pub(crate) most: &'static [(&'static str, u64)],
    /// Reservations: how many of a feature, and for whom. Such a feature has one pool.
    pub(crate) reserved: &'static [(&'static str, u64, Holder)],
    /// For how many idle seconds a feature may be held; none if for ever.
    pub(crate) timeouts: &'static [(&'static str, u32)],
    pub(crate) lending: Lending,
}

/// What may be borrowed. Of each feature in it one pool lends.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lending {
    /// For how many hours.
    pub(crate) hours: &'static [(&'static str, u32)],
    /// How many licenses of a feature are kept back.
    pub(crate) lowwater: &'static [(&'static str, u64)],
    /// To which user nothing of a feature is lent.
    pub(crate) excluded: &'static [(&'static str, &'static str)],
    /// Whether the publisher lets licenses come back before their end.
    pub(crate) early_return: bool,
    /// For how many hours a record is good at most; 0 for the whole time.
    pub(crate) renew_h: u32,
}

/// Whom a reservation is for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Holder {
    User(&'static str),
    Host(&'static str),
}

impl Holder {
    pub(crate) fn is(self, user: &str, host: &str) -> bool {
        match self {
            Self::User(name) => name == user,
            Self::Host(name) => name == host,
        }
    }
}

/// The editions of one site; the first is what it starts with.
pub(crate) struct Site {
    pub(crate) name: &'static str,
    pub(crate) books: Vec<Book>,
}

struct Text {
    lines: &'static str,
    options: &'static str,
    most: &'static [(&'static str, u64)],
    reserved: &'static [(&'static str, u64, Holder)],
    timeouts: &'static [(&'static str, u32)],
    lending: Lending,
}

const NOT_LENT: Lending =
    Lending { hours: &[], lowwater: &[], excluded: &[], early_return: true, renew_h: 0 };

const NOTHING: Text =
    Text { lines: "", options: "", most: &[], reserved: &[], timeouts: &[], lending: NOT_LENT };

/// Features of every site. Some have no licenses in some editions.
pub(crate) const FEATURES: [&str; 3] = ["fa", "fb", "fc"];

fn texts() -> Vec<(&'static str, Vec<Text>)> {
    vec![
        (
            "plain",
            vec![
                Text {
                    lines: "INCREMENT fa LGS 1.0 permanent 3\nFEATURE fb LGS 1.0 permanent 1\n\
                            FEATURE fc LGS 1.0 permanent uncounted HOSTID=ANY",
                    most: &[("fa", 3), ("fb", 1)],
                    ..NOTHING
                },
                Text {
                    lines: "INCREMENT fa LGS 1.0 permanent 1\nINCREMENT fa LGS 2.0 permanent 1\n\
                            FEATURE fb LGS 1.0 permanent 2",
                    most: &[("fa", 2), ("fb", 2), ("fc", 0)],
                    ..NOTHING
                },
                Text {
                    lines: "INCREMENT fa LGS 2.0 permanent 2 SN=1\nINCREMENT fa LGS 2.0 permanent 2 SN=2\n\
                            FEATURE fc LGS 1.0 permanent 2",
                    most: &[("fa", 4), ("fb", 0), ("fc", 2)],
                    ..NOTHING
                },
            ],
        ),
        (
            "time",
            vec![
                Text {
                    lines: "INCREMENT fa LGS 1.0 permanent 1\nINCREMENT fa LGS 1.0 15-jun-2026 2\n\
                            FEATURE fb LGS 1.0 permanent 2 START=16-jun-2026\nFEATURE fc LGS 1.0 15-jun-2026 1",
                    most: &[("fa", 3), ("fb", 2), ("fc", 1)],
                    ..NOTHING
                },
                Text {
                    lines: "INCREMENT fa LGS 1.0 15-jun-2026 3\nFEATURE fb LGS 1.0 permanent 2\n\
                            FEATURE fc LGS 1.0 16-jun-2026 1",
                    options: "LINGER fa 20\nLINGER fc 40",
                    most: &[("fa", 3), ("fb", 2), ("fc", 1)],
                    ..NOTHING
                },
            ],
        ),
        (
            "rules",
            vec![
                Text {
                    lines: "INCREMENT fa LGS 1.0 permanent 4\nINCREMENT fb LGS 1.0 permanent 3\n\
                            INCREMENT fc LGS 1.0 permanent 2",
                    options: "RESERVE 1 fa USER u0\nRESERVE 2 fa HOST h1\nMAX 1 fb USER u1\nMAX 2 fb USER u2\n\
                              EXCLUDE fc USER u3",
                    most: &[("fa", 4), ("fb", 3), ("fc", 2)],
                    reserved: &[("fa", 1, Holder::User("u0")), ("fa", 2, Holder::Host("h1"))],
                    ..NOTHING
                },
                Text {
                    lines: "INCREMENT fa LGS 1.0 permanent 3\nINCREMENT fb LGS 1.0 permanent 3\n\
                            INCREMENT fc LGS 1.0 permanent 2",
                    options: "RESERVE 3 fb USER u1\nMAX 1 fa USER u0\nINCLUDE fc USER u1\nINCLUDE fc USER u2",
                    most: &[("fa", 3), ("fb", 3), ("fc", 2)],
                    reserved: &[("fb", 3, Holder::User("u1"))],
                    ..NOTHING
                },
                Text {
                    lines: "INCREMENT fa LGS 1.0 permanent 4 OVERDRAFT=1\nINCREMENT fb LGS 1.0 permanent 2",
                    options: "RESERVE 2 fa USER u2\nTIMEOUT fa 10\nTIMEOUT fb 20",
                    most: &[("fa", 5), ("fb", 2), ("fc", 0)],
                    reserved: &[("fa", 2, Holder::User("u2"))],
                    timeouts: &[("fa", 10), ("fb", 20)],
                    ..NOTHING
                },
            ],
        ),
        (
            "sharing",
            vec![
                Text {
                    lines: "INCREMENT fa LGS 1.0 permanent 3 DUP_GROUP=UHD\nINCREMENT fb LGS 1.0 permanent 2 DUP_GROUP=V\n\
                            INCREMENT fc LGS 1.0 permanent 2",
                    most: &[("fa", 3), ("fb", 2), ("fc", 2)],
                    ..NOTHING
                },
                Text {
                    lines: "INCREMENT fa LGS 1.0 permanent 2 DUP_GROUP=H\nINCREMENT fb LGS 1.0 permanent 1 DUP_GROUP=SITE\n\
                            INCREMENT fc LGS 1.0 permanent 3 DUP_GROUP=U OVERDRAFT=1",
                    options: "LINGER fa 10\nRESERVE 1 fa USER u0\nMAX 1 fc USER u1",
                    most: &[("fa", 2), ("fb", 1), ("fc", 4)],
                    ..NOTHING
                },
                Text {
                    lines: "INCREMENT fa LGS 2.0 permanent 3\nINCREMENT fb LGS 2.0 permanent 2 DUP_GROUP=U\n\
                            INCREMENT fc LGS 2.0 permanent 1 DUP_GROUP=UV",
                    most: &[("fa", 3), ("fb", 2), ("fc", 1)],
                    ..NOTHING
                },
            ],
        ),
        (
            "overdraft",
            vec![
                Text {
                    lines: "INCREMENT fa LGS 1.0 permanent 2 OVERDRAFT=2\nINCREMENT fb LGS 1.0 permanent 1 LINGER=20\n\
                            INCREMENT fc LGS 1.0 permanent 3 LINGER=5 OVERDRAFT=1",
                    options: "MAX_OVERDRAFT fa 1\nTIMEOUT fc 5",
                    most: &[("fa", 4), ("fb", 1), ("fc", 4)],
                    timeouts: &[("fc", 5)],
                    ..NOTHING
                },
                Text {
                    lines: "INCREMENT fa LGS 1.0 permanent 1 OVERDRAFT=1\nINCREMENT fb LGS 1.0 permanent 3",
                    options: "LINGER fa 30\nLINGER fb 3\nTIMEOUTALL 15",
                    most: &[("fa", 2), ("fb", 3), ("fc", 0)],
                    timeouts: &[("fa", 15), ("fb", 15), ("fc", 15)],
                    ..NOTHING
                },
            ],
        ),
        (
            "suite",
            vec![
                Text {
                    lines: "PACKAGE pk LGS 1.0 COMPONENTS=\"fa fb\" OPTIONS=SUITE\nINCREMENT pk LGS 1.0 permanent 2\n\
                            INCREMENT fa LGS 1.0 permanent 1\nINCREMENT fc LGS 1.0 permanent 1",
                    most: &[("fa", 3), ("fb", 2), ("fc", 1), ("pk", 2)],
                    ..NOTHING
                },
                Text {
                    lines: "PACKAGE pk LGS 1.0 COMPONENTS=\"fa fb\" OPTIONS=SUITE\n\
                            INCREMENT pk LGS 1.0 permanent 2 SUITE_DUP_GROUP=UHD\nINCREMENT fc LGS 1.0 permanent 2",
                    options: "LINGER fa 10\nMAX 1 fb USER u1",
                    most: &[("fa", 2), ("fb", 2), ("fc", 2), ("pk", 2)],
                    ..NOTHING
                },
                Text {
                    lines: "PACKAGE pk LGS 1.0 COMPONENTS=\"fa fb\"\nINCREMENT pk LGS 1.0 permanent 2",
                    most: &[("fa", 2), ("fb", 2), ("fc", 0)],
                    ..NOTHING
                },
                Text {
                    lines: "INCREMENT fa LGS 1.0 permanent 1\nINCREMENT fb LGS 1.0 permanent 1",
                    most: &[("fa", 1), ("fb", 1), ("fc", 0)],
                    ..NOTHING
                },
            ],
        ),
        (
            "lent",
            vec![
                Text {
                    lines: "INCREMENT fa LGS 1.0 permanent 3 BORROW=4\nINCREMENT fb LGS 1.0 permanent 1 BORROW OVERDRAFT=1\n\
                            INCREMENT fc LGS 1.0 15-jun-2026 2 BORROW=48",
                    most: &[("fa", 3), ("fb", 2), ("fc", 2)],
                    lending: Lending { hours: &[("fa", 4), ("fb", 168), ("fc", 48)], ..NOT_LENT },
                    ..NOTHING
                },
                Text {
                    lines: "INCREMENT fa LGS 1.0 permanent 2 BORROW=4\nINCREMENT fb LGS 1.0 permanent 2 BORROW\n\
                            INCREMENT fc LGS 1.0 permanent 2 BORROW=48 DUP_GROUP=U",
                    options: "EXCLUDE_BORROW fa USER u1\nBORROW_LOWWATER fa 1\nMAX_BORROW_HOURS fb 2\n\
                              RESERVE 1 fb USER u0\nLINGER fa 10",
                    most: &[("fa", 2), ("fb", 2), ("fc", 2)],
                    reserved: &[("fb", 1, Holder::User("u0"))],
                    lending: Lending {
                        hours: &[("fa", 4), ("fb", 2), ("fc", 48)],
                        lowwater: &[("fa", 1)],
                        excluded: &[("fa", "u1")],
                        renew_h: 1,
                        ..NOT_LENT
                    },
                    ..NOTHING
                },
                Text {
                    lines: "INCREMENT fa LGS 2.0 permanent 3 BORROW=1\nINCREMENT fb LGS 1.0 permanent 2",
                    most: &[("fa", 3), ("fb", 2), ("fc", 0)],
                    lending: Lending { hours: &[("fa", 1)], early_return: false, ..NOT_LENT },
                    ..NOTHING
                },
            ],
        ),
        (
            "lent suites",
            vec![
                Text {
                    lines: "PACKAGE pk LGS 1.0 COMPONENTS=\"fa fb\" OPTIONS=SUITE\n\
                            INCREMENT pk LGS 1.0 permanent 2 BORROW=4\nINCREMENT fc LGS 1.0 permanent 2 BORROW=4",
                    most: &[("fa", 2), ("fb", 2), ("fc", 2), ("pk", 2)],
                    lending: Lending {
                        hours: &[("fa", 4), ("fb", 4), ("fc", 4), ("pk", 4)],
                        early_return: false,
                        ..NOT_LENT
                    },
                    ..NOTHING
                },
                Text {
                    lines: "PACKAGE pk LGS 1.0 COMPONENTS=\"fa fb\" OPTIONS=SUITE\n\
                            INCREMENT pk LGS 1.0 permanent 1 BORROW=4\nINCREMENT fc LGS 1.0 permanent 1",
                    options: "LINGER fa 5\nTIMEOUTALL 10",
                    most: &[("fa", 1), ("fb", 1), ("fc", 1), ("pk", 1)],
                    timeouts: &[("fa", 10), ("fb", 10), ("fc", 10)],
                    lending: Lending { hours: &[("fa", 4), ("fb", 4), ("pk", 4)], ..NOT_LENT },
                    ..NOTHING
                },
            ],
        ),
    ]
}

/// All sites. They are read once in a process, as signatures take their time.
pub(crate) fn sites() -> &'static [Site] {
    static SITES: OnceLock<Vec<Site>> = OnceLock::new();
    SITES.get_or_init(|| {
        let site = |(name, texts): (_, Vec<Text>)| Site { name, books: texts.iter().map(book).collect() };
        texts().into_iter().map(site).collect()
    })
}

/// What is the publisher's to say: timeouts as short as the simulated days want them.
pub(crate) fn manifest() -> Manifest {
    Manifest { timeout_minimum_s: 1, ..Manifest::demo() }
}

impl Site {
    /// Whether anything can be borrowed there.
    pub(crate) fn lends(&self) -> bool {
        self.books.iter().any(|book| !book.lending.hours.is_empty())
    }
}

fn book(text: &Text) -> Book {
    let Lending { early_return, renew_h, .. } = text.lending;
    let manifest = Manifest { early_return, borrow_renew_hours: renew_h, ..manifest() };
    let signed = sign(&format!("SERVER srv ANY 27000\nVENDOR LGS\n{}\n", text.lines));
    let license = LicenseFile::parse(Source::new("sim.lic", signed.as_bytes()));
    let zone = jiff::tz::TimeZone::UTC;
    let catalog = Catalog::build(&manifest.vendor, &[&license], &manifest, &[], &zone);
    for feature in FEATURES {
        let most = text.most.iter().find(|(name, _)| *name == feature);
        let served = !catalog.pools(feature).is_empty();
        assert_eq!(served, most.is_none_or(|(_, most)| *most > 0), "{feature} of {}", text.lines);
    }
    let options = OptionsFile::parse(Source::new("LGS.opt", text.options.as_bytes()));
    let (policy, findings) = Policy::compile(&options, &catalog, &[&license]);
    assert!(findings.iter().all(|finding| !format!("{finding:?}").contains("Unknown")), "{findings:?}");
    let rules = Rulebook { catalog: Arc::new(catalog), policy: Arc::new(policy) };
    let Text { lines, options, most, reserved, timeouts, lending } = *text;
    Book { lines, options, rules, most, reserved, timeouts, lending }
}
