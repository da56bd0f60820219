//! Decisions as the replay looks at them.

use std::collections::BTreeSet;

use crate::code::{Code, minor};
use crate::event::{Answer, Denial, Denied, Event, Out, Record};
use crate::ident::Handle;
use crate::seat::{Decision, Reply};

/// What the engine said to a request.
pub(super) enum Ruling {
    /// With what the client takes back for it and, in a suite, that of the package.
    Granted(Box<Out>, Option<Box<Out>>, Vec<Event>),
    Denied(Box<Denied>),
    /// It did not take the request.
    Refused(Denial),
}

pub(super) fn verdict(mut decision: Decision) -> Ruling {
    match (decision.events.pop(), decision.reply) {
        (Some(Event::Out(out)), _) => {
            let package = match decision.events.pop() {
                Some(Event::Out(package)) => Some(package),
                other => {
                    decision.events.extend(other);
                    None
                }
            };
            Ruling::Granted(out, package, decision.events)
        }
        (Some(Event::Denied(denied)), _) => Ruling::Denied(denied),
        (Some(Event::Queued(_)), _) => {
            Ruling::Refused(Denial::new(Code::InQueue, minor::STILL_QUEUED, "it would wait"))
        }
        (_, Reply::Refused(denial) | Reply::Answer(_, Answer::Denied(denial))) => Ruling::Refused(denial),
        _ => {
            let note = "its number was used before in its session";
            Ruling::Refused(Denial::new(Code::InvalidParameter, minor::MALFORMED, note))
        }
    }
}

/// Whether two denials say the same. Which machine a file is for is told with the hostids of the machine that looked.
pub(super) fn same_denial(one: &Denial, other: &Denial) -> bool {
    one.code == other.code
        && one.minor == other.minor
        && (one.note == other.note || one.minor == minor::SERVER_HOSTID)
}

pub(super) fn reason(denial: &Denial) -> (Code, u16, Option<&str>) {
    (denial.code, denial.minor, denial.rule())
}

/// The checkouts of a record that are a suite's own, and part of the grant of a component.
pub(super) fn suites(record: &Record) -> BTreeSet<Handle> {
    // A suite's checkout comes with that of its component, and most records hold one event.
    if record.events.len() < 2 {
        return BTreeSet::new();
    }
    let suite = |event: &Event| if let Event::Out(out) = event { out.accounting.suite } else { None };
    record.events.iter().filter_map(suite).collect()
}
