//! What a reply says, where nothing else is expected.

use seatkeeper::event::{Answer, Grant, Place};
use seatkeeper::seat::Reply;

pub(crate) fn placed(reply: Reply) -> Place {
    match reply {
        Reply::Answer(_, Answer::Queued(place)) => place,
        other => panic!("{other:?}"),
    }
}

pub(crate) fn granted(reply: Reply) -> Grant {
    match reply {
        Reply::Answer(_, Answer::Granted(grant)) => grant,
        other => panic!("{other:?}"),
    }
}

/// The number of a denial.
pub(crate) fn denied(reply: Reply) -> i32 {
    match reply {
        Reply::Answer(_, Answer::Denied(denial)) => denial.code.number(),
        other => panic!("{other:?}"),
    }
}
