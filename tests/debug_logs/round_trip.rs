//! What this server writes of a history says, read back, the same of who got what when.

use jiff::tz::TimeZone;
use proptest::collection::vec;
use proptest::prelude::*;
use seatkeeper::code::Code;
use seatkeeper::event::debug_log::read::records;
use seatkeeper::event::debug_log::{Holder, LogStyle, checked_in, checked_out, denied, dequeued, queued};
use seatkeeper::event::{
    Checkout, Claims, Denial, Denied, DequeueReason, EndReason, Event, Identity, In, InReason, Out, Queued,
    SessionKind,
};
use seatkeeper::ident::{Count, Handle, PoolKey, SessionId, Token};
use seatkeeper::time::{CivilDate, Timestamp};

/// One thing that happens, some time after the one before.
#[derive(Debug, Clone)]
struct Step {
    seconds: i64,
    what: What,
}

#[derive(Debug, Clone)]
enum What {
    Out {
        client: usize,
        feature: usize,
        count: u32,
    },
    /// One of those that are out comes back.
    In {
        which: prop::sample::Index,
        why: InReason,
    },
    Denied {
        client: usize,
        feature: usize,
        denial: Denial,
        times: u32,
    },
    /// A request waits.
    Queued {
        client: usize,
        feature: usize,
        count: u32,
    },
    /// One of those that wait gets its licenses, or leaves for a reason that the log says or does not.
    Dequeued {
        which: prop::sample::Index,
        gets: bool,
        why: Option<Denial>,
    },
    /// A line that is no event.
    Noise(&'static str),
}

const FEATURES: [&str; 3] = ["solver", "f\"2", "(3"];

/// Lines that follow events, or stand between them.
const NOISE: [&str; 4] = [
    "NOTE: of nothing before it",
    "SURPLUS: 3 seats",
    "(@LGS-SLOG@) === Reread Info ===",
    "Rereading license file...",
];

fn client() -> impl Strategy<Value = (String, String)> {
    // A host may hold an @ as well, but then nobody can tell where the user ends.
    ("[a-zé@\\\\$.\\[\\]\"()<>-]{1,4}( {1,2}[a-z@()\\[\\]]{1,3}){0,2}", "[a-z0-9.()\\[-]{1,8}")
        // Two blanks and a parenthesis behind an @ are what a refusal's text begins with.
        .prop_filter("ambiguous", |(user, host)| !user.contains("  (") && !host.ends_with(']'))
}

fn denial() -> impl Strategy<Value = Denial> {
    let codes: Vec<Code> = Code::ALL.to_vec();
    let place = prop::sample::select(vec!["LGS.opt:3", "my (old) rules.opt:17", "a b.opt:1"]);
    (prop::sample::select(codes), 1_u16..500, place, "(|[a-z(][a-z0-9 .:()]{0,20})").prop_map(
        |(code, minor, place, note)| match code {
            Code::Excluded | Code::NotIncluded | Code::MaxExceeded | Code::AllReserved => {
                Denial::by_rule(code, minor, place, &note)
            }
            _ => Denial::new(code, minor, &note),
        },
    )
}

/// Why a request leaves the queue with nothing.
fn leaving() -> impl Strategy<Value = Option<Denial>> {
    let codes = prop::sample::select(vec![Code::HoldLapsed, Code::UserRemoved, Code::Expired]);
    prop::option::of(codes.prop_map(|code| Denial::new(code, 207, "")))
}

fn step() -> impl Strategy<Value = Step> {
    let why = prop_oneof![
        3 => Just(InReason::Checkin { token: Token(2), acknowledged: Token(1) }),
        1 => prop::sample::select(vec![
            InReason::Ended(EndReason::Goodbye),
            InReason::Ended(EndReason::Disconnect),
            InReason::Ended(EndReason::LeaseLapsed),
            InReason::Ended(EndReason::Shutdown),
            InReason::Removed,
            InReason::UserRemoved,
            InReason::Inactive,
            InReason::Linger,
            InReason::BorrowEnd,
            InReason::BorrowReturned { session: SessionId([1; 16]), token: Token(2), acknowledged: Token(1) },
        ]),
    ];
    let what = prop_oneof![
        4 => (0..4_usize, 0..3_usize, 1..5_u32).prop_map(|(client, feature, count)| What::Out { client, feature, count }),
        4 => (any::<prop::sample::Index>(), why).prop_map(|(which, why)| What::In { which, why }),
        2 => (0..4_usize, 0..3_usize, denial(), prop_oneof![Just(1_u32), 2..50_u32])
            .prop_map(|(client, feature, denial, times)| What::Denied { client, feature, denial, times }),
        2 => (0..4_usize, 0..3_usize, 1..3_u32)
            .prop_map(|(client, feature, count)| What::Queued { client, feature, count }),
        2 => (any::<prop::sample::Index>(), any::<bool>(), leaving())
            .prop_map(|(which, gets, why)| What::Dequeued { which, gets, why }),
        1 => prop::sample::select(NOISE.to_vec()).prop_map(What::Noise),
    ];
    (prop_oneof![3 => 0..3_i64, 2 => 0..4000_i64, 1 => 0..6 * 3600_i64], what)
        .prop_map(|(seconds, what)| Step { seconds, what })
}

/// An event in the words that a log has for it: when, what, who, of what, and how.
type Told = (Timestamp, &'static str, String, String, u32, String);

fn tell(at: Timestamp, word: &'static str, holder: &Holder<'_>, how: String) -> Told {
    let client = format!("{}@{}", holder.user, holder.host);
    (at, word, client, holder.feature.to_string(), holder.count.get(), how)
}

fn how_back(why: InReason) -> String {
    match why {
        InReason::Checkin { .. } | InReason::Ended(EndReason::Goodbye) => "checkin".to_owned(),
        InReason::BorrowReturned { .. } => "returned".to_owned(),
        other => format!("{other:?}"),
    }
}

fn how_left(why: &DequeueReason) -> String {
    match why {
        DequeueReason::Cancelled { .. } | DequeueReason::Ended(_) => "gave up".to_owned(),
        DequeueReason::Lapsed(denial) => format!("lapsed {denial}"),
        DequeueReason::Impossible(denial) => format!("never {denial}"),
        DequeueReason::Removed(denial) => format!("removed {denial}"),
    }
}

fn identity(client: &(String, String)) -> Identity {
    let claims = Claims {
        user: client.0.parse().unwrap(),
        host: client.1.parse().unwrap(),
        display: "tty1".parse().unwrap(),
        project: None,
        platform: None,
        hostids: vec![],
        pid: None,
    };
    Identity::new(claims, [127, 0, 0, 1].into(), SessionKind::Framed)
}

fn request(feature: usize, count: u32) -> Checkout {
    Checkout {
        token: Token(1),
        acknowledged: Token(0),
        feature: FEATURES[feature].parse().unwrap(),
        version: "2.0".parse().unwrap(),
        count: Count::new(count).unwrap(),
        wishes: seatkeeper::event::Wishes::default(),
    }
}

/// The lines that the steps lead to, and what they say.
fn write(
    style: &LogStyle,
    clients: &[(String, String)],
    steps: &[Step],
    begin: i64,
) -> (Vec<String>, Vec<Told>) {
    let mut at = Timestamp::from_seconds(begin);
    let first = [style.timestamp(at), "Seatkeeper version v1.0.0".to_owned()];
    let (mut lines, mut told) = (first.map(|message| style.line(at, &message)).to_vec(), Vec::new());
    let mut stamped = at;
    let mut held: Vec<Out> = Vec::new();
    let mut waiting: Vec<(usize, Checkout)> = Vec::new();
    for (number, step) in steps.iter().enumerate() {
        at = Timestamp(at.0 + step.seconds * 1000);
        // Servers write a date every six hours.
        if at.0 - stamped.0 >= 6 * 3_600_000 {
            stamped = at;
            lines.push(style.line(at, &style.timestamp(at)));
        }
        match &step.what {
            What::Out { client, feature, count } => {
                let request = request(*feature, *count);
                let out = granted(&clients[client % clients.len()], request, number);
                // That would be the grant of a request that has just given up.
                if lines.last() == Some(&style.line(at, &dequeued(&Holder::of(&out)))) {
                    continue;
                }
                told.push(tell(at, "out", &Holder::of(&out), String::new()));
                lines.push(style.line(at, &checked_out(&Holder::of(&out))));
                held.push(out);
            }
            What::In { which, why } if !held.is_empty() => {
                let out = held.remove(which.index(held.len()));
                let holder = Holder::of(&out);
                told.push(tell(at, "in", &holder, how_back(*why)));
                let back = In { session: out.session, handle: out.handle, why: *why };
                lines.push(style.line(at, &checked_in(&holder, &back)));
            }
            What::In { .. } => {}
            What::Denied { client, feature, denial, times } => {
                let refused = Denied {
                    session: SessionId([1; 16]),
                    identity: identity(&clients[client % clients.len()]),
                    request: request(*feature, 1),
                    denial: denial.clone(),
                    times: *times,
                };
                told.push(tell_denied(at, &refused));
                lines.extend(denied(&refused).iter().map(|message| style.line(at, message)));
            }
            What::Queued { client, feature, count } => {
                let request = request(*feature, *count);
                let identity = identity(&clients[client % clients.len()]);
                let holder = Holder::of_request(&identity, &request);
                told.push(tell(at, "queued", &holder, String::new()));
                lines.push(style.line(at, &queued(&holder)));
                waiting.push((*client, request));
            }
            What::Dequeued { which, gets, why } if !waiting.is_empty() => {
                let (client, request) = waiting.remove(which.index(waiting.len()));
                let out = granted(&clients[client % clients.len()], request, number);
                let holder = Holder::of(&out);
                lines.push(style.line(at, &dequeued(&holder)));
                match why {
                    _ if *gets => {
                        told.push(tell(at, "out", &holder, "waited".to_owned()));
                        lines.push(style.line(at, &checked_out(&holder)));
                        held.push(out);
                        continue;
                    }
                    None => told.push(tell(at, "dequeued", &holder, "gave up".to_owned())),
                    Some(denial) => {
                        let word = match denial.code {
                            Code::HoldLapsed => "lapsed",
                            Code::UserRemoved => "removed",
                            _ => "never",
                        };
                        told.push(tell(at, "dequeued", &holder, format!("{word} {denial}")));
                        lines.push(style.line(at, &format!("NOTE: {denial}")));
                    }
                }
            }
            What::Dequeued { .. } => {}
            // A NOTE behind a refusal would be the refusal's own.
            What::Noise(text) if text.starts_with("NOTE") && explains(lines.last()) => {}
            What::Noise(text) => lines.push(style.line(at, text)),
        }
    }
    (lines, told)
}

fn granted(client: &(String, String), request: Checkout, number: usize) -> Out {
    Out {
        session: SessionId([1; 16]),
        identity: identity(client),
        request,
        pool: PoolKey::new("solver 2"),
        handle: Handle(number as u64),
        lines: [].into(),
        expires: None,
        demo: true,
        accounting: seatkeeper::event::Accounting::default(),
    }
}

fn explains(line: Option<&String>) -> bool {
    line.is_some_and(|line| {
        [") NOTE: ", ") DENIED: ", ") UNSUPPORTED: ", ") DEQUEUED: "].iter().any(|word| line.contains(word))
    })
}

fn tell_denied(at: Timestamp, denied: &Denied) -> Told {
    let holder = Holder {
        feature: &denied.request.feature,
        user: &denied.identity.user,
        host: &denied.identity.host,
        count: denied.request.count,
    };
    let Denial { code, minor, note } = &denied.denial;
    tell(at, "denied", &holder, format!("{} {code:?} {minor} {note}", denied.times))
}

/// The same of records.
fn read(lines: &[String], zone: TimeZone) -> (Vec<Told>, seatkeeper::event::debug_log::read::Assumptions) {
    let day = CivilDate::new(2000, 1, 1).unwrap();
    let mut reader = records(lines, &"LGS".parse().unwrap(), zone, day);
    let mut held: Vec<Out> = Vec::new();
    let mut waiting: Vec<Queued> = Vec::new();
    let mut told = Vec::new();
    for record in reader.by_ref() {
        for event in &record.events {
            match event {
                Event::Out(out) => {
                    let name = (out.session, out.request.token);
                    let waited =
                        waiting.iter().position(|other| (other.session, other.request.token) == name);
                    let how = waited.map(|index| waiting.remove(index)).map_or("", |_| "waited");
                    told.push(tell(record.at, "out", &Holder::of(out), how.to_owned()));
                    held.push(Out::clone(out));
                }
                Event::In(back) => {
                    let index = held.iter().position(|out| out.handle == back.handle).unwrap();
                    told.push(tell(record.at, "in", &Holder::of(&held.remove(index)), how_back(back.why)));
                }
                Event::Denied(denied) => told.push(tell_denied(record.at, denied)),
                Event::Queued(queued) => {
                    let holder = Holder::of_request(&queued.identity, &queued.request);
                    told.push(tell(record.at, "queued", &holder, String::new()));
                    waiting.push(Queued::clone(queued));
                }
                Event::Dequeued(dequeued) => {
                    let index = waiting.iter().position(|other| other.handle == dequeued.entry).unwrap();
                    let Queued { identity, request, .. } = waiting.remove(index);
                    let holder = Holder::of_request(&identity, &request);
                    told.push(tell(record.at, "dequeued", &holder, how_left(&dequeued.why)));
                }
                Event::Opened(_) | Event::Started(_) => {}
                other => panic!("{other:?}"),
            }
        }
    }
    (told, reader.assumptions())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_log_of_ours_reads_back_as_what_happened(
        clients in vec(client(), 1..4),
        steps in vec(step(), 0..60),
        // Days without a change of clocks: a prefix without an offset can't say which of two hours it means.
        begin in prop::sample::select(vec![1_741_000_000_i64, 1_735_689_590, 1_751_000_000]),
        zone in prop::sample::select(vec!["UTC", "Europe/Berlin", "Asia/Kolkata"]),
        datestamp: bool,
    ) {
        let zone = TimeZone::get(zone).unwrap();
        let style = LogStyle::new("LGS", zone.clone()).with_datestamp(datestamp);
        let (lines, told) = write(&style, &clients, &steps, begin);
        let (back, assumed) = read(&lines, zone);
        prop_assert_eq!(&back, &told, "{:#?}", lines);
        prop_assert_eq!((assumed.lines.torn, assumed.lines.unprefixed, assumed.in_without_out, assumed.back), (0, 0, 0, 0));
        prop_assert_eq!((assumed.in_parts, assumed.in_sums, assumed.days_skipped, assumed.days_back), (0, 0, 0, 0));
    }

    /// With dates in the prefixes, the change of clocks is no matter either.
    #[test]
    fn a_log_with_dates_is_read_in_any_zone(steps in vec(step(), 0..60), begin in 1_700_000_000_i64..1_800_000_000) {
        let style = LogStyle::new("LGS", TimeZone::get("Europe/Berlin").unwrap()).with_datestamp(true);
        let clients = [("ann".to_owned(), "ws01".to_owned())];
        let (lines, told) = write(&style, &clients, &steps, begin);
        prop_assert_eq!(read(&lines, TimeZone::UTC).0, told);
    }
}
