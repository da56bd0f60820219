//! What the history knows of the machine's clocks.

use crate::time::{ClockNews, TimeMark, Timestamp};

/// The clocks were looked at, and the mark is where it is from here on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Marked {
    /// The mark.
    pub mark: TimeMark,
    /// What is new.
    pub news: ClockNews,
}

/// The wall clock is right, says an administrator: the mark is where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClockAccepted {
    /// Who says so, such as `ann@ws01`.
    pub by: String,
    /// Where the mark was.
    pub before: Timestamp,
    /// The mark from here on.
    pub mark: TimeMark,
}
