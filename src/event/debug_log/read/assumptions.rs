//! What a debug log could not say, and what was assumed in its place.

use std::collections::BTreeMap;
use std::fmt;

use crate::text::{are, counted};
use crate::time::{CivilDate, Timestamp};

/// How the lines got their dates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DateSource {
    /// The first line says its date, or so early that no line had to wait for it.
    #[default]
    Log,
    /// A later line says it, and the lines before were dated backwards from it.
    LaterLine,
    /// No line said one in time: the first line is taken as of the day that was handed in.
    HandedIn,
}

/// How many lines of which kind a log has. Every line is counted in exactly one field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[allow(missing_docs, reason = "each is the word that the lines begin with")]
pub struct LineCounts {
    pub out: u64,
    pub r#in: u64,
    /// DENIED and UNSUPPORTED.
    pub denied: u64,
    /// QUEUED and DEQUEUED.
    pub queue: u64,
    /// Of starts, ends and rereads, of this vendor daemon and of lmgrd.
    pub daemon: u64,
    /// Dates: TIMESTAMP, `started on` and dates in status blocks.
    pub dates: u64,
    /// NOTE lines that explain a refusal, or why a request waits no more.
    pub notes: u64,
    /// Other lines of status blocks, which are passed over.
    pub status: u64,
    /// Echoes of the options file, which are passed over.
    pub options: u64,
    /// Other lines of this vendor daemon and of lmgrd, which are passed over.
    pub other: u64,
    /// Lines of other vendor daemons, which are passed over (their dates count).
    pub foreign: u64,
    /// Blank lines and lines without a prefix, which are passed over.
    pub unprefixed: u64,
    /// OUT, IN, DENIED, UNSUPPORTED, QUEUED and DEQUEUED lines that can't be read.
    pub torn: u64,
    /// Lines of more than [`super::LINE_BYTES_MAX`] bytes, which are not read.
    pub too_long: u64,
}

impl LineCounts {
    /// All lines.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.used() + self.passed_over()
    }

    /// Lines that led to something.
    #[must_use]
    pub fn used(&self) -> u64 {
        self.out + self.r#in + self.denied + self.queue + self.daemon + self.dates + self.notes
    }

    /// Lines that led to nothing.
    #[must_use]
    pub fn passed_over(&self) -> u64 {
        self.status + self.options + self.other + self.foreign + self.unprefixed + self.torn + self.too_long
    }
}

/// What a log could not say. `Display` gives short sentences, one a line; [`Self::sentences`] gives them singly.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Assumptions {
    /// Lines by kind.
    pub lines: LineCounts,
    /// How the lines were dated.
    pub dates: DateSource,
    /// The day that was handed in.
    pub handed_in: Option<CivilDate>,
    /// Days on which there are lines.
    pub days: u64,
    /// The first and the last line.
    pub first: Option<Timestamp>,
    /// The last line.
    pub last: Option<Timestamp>,
    /// Days that a date in the log showed to have passed where the times of day did not show it.
    pub days_skipped: u64,
    /// How often the log says an earlier date than before.
    pub days_back: u64,
    /// Lines that are dated before the line above them and are taken as of its time.
    pub back: u64,
    /// How far back the furthest of them lies, in milliseconds.
    pub back_most_ms: i64,
    /// Lines at times that the zone leaves out in spring.
    pub in_gap: u64,
    /// Lines at times that the zone has twice in autumn.
    pub in_fold: u64,
    /// Those of them that are taken as of the second pass.
    pub in_second_pass: u64,
    /// IN lines for which no seat is out: it was taken before the log begins, or its OUT line is lost.
    pub in_without_out: u64,
    /// Checkouts that came back in parts; each is out whole until its last part came back.
    pub in_parts: u64,
    /// IN lines that gave back several checkouts at once.
    pub in_sums: u64,
    /// Checkouts that are still out at the end of the log.
    pub still_out: u64,
    /// IN lines of licenses that lingered: their holder had given them back before.
    pub lingered: u64,
    /// IN lines of licenses that were borrowed, which their OUT lines do not say.
    pub borrowed: u64,
    /// Requests that waited and got licenses: a log does not say since when these were held for them.
    pub waited: u64,
    /// Requests that left the queue with nothing, and the log does not say why.
    pub gave_up: u64,
    /// DEQUEUED lines for which no request waits: it began to before the log does, or its QUEUED line is lost.
    pub dequeued_without_queued: u64,
    /// Requests that still wait at the end of the log.
    pub still_waiting: u64,
    /// Checkouts that ended because the vendor daemon did, without an IN line.
    pub ended_by_daemon: u64,
    /// IN lines with reasons that the history has no word for; they are taken as checkins.
    pub reasons: BTreeMap<String, u64>,
    /// Refusals whose number is not known here.
    pub unknown_denials: u64,
    /// Clients whose host name has blanks, which are taken as `_`.
    pub hosts_changed: u64,
    /// Other vendor daemons of the log, with their numbers of lines; at most [`super::NAMES_MAX`].
    pub other_daemons: BTreeMap<String, u64>,
}

impl Assumptions {
    /// Short sentences for people, the weightiest first.
    #[must_use]
    pub fn sentences(&self) -> Vec<String> {
        let mut said = vec![
            "A debug log names user, host, feature and count only: every request is taken as one for any version, \
             from no address, display, project, platform or hostid, and from one session for each user@host."
                .to_owned(),
        ];
        if let (DateSource::HandedIn, Some(day)) = (self.dates, self.handed_in) {
            said.push(format!("The log says no date: its first line is taken as of {day}."));
        }
        if self.dates == DateSource::LaterLine {
            said.push(
                "The log says its date only further down: the lines before were dated backwards from there."
                    .to_owned(),
            );
        }
        let mut count = |number: u64, one: &str, many: &str| {
            if number > 0 {
                said.push(format!("{number} {}.", if number == 1 { one } else { many }));
            }
        };
        count(
            self.lines.torn,
            "line of OUT, IN, DENIED, QUEUED or DEQUEUED can't be read and was passed over",
            "lines of OUT, IN, DENIED, QUEUED or DEQUEUED can't be read and were passed over",
        );
        count(
            self.lines.too_long,
            "line is too long and was not read",
            "lines are too long and were not read",
        );
        count(
            self.in_without_out,
            "IN line has no OUT line: its seat was taken before the log begins",
            "IN lines have no OUT line: their seats were taken before the log begins",
        );
        count(
            self.still_out,
            "checkout is still out at the end of the log",
            "checkouts are still out at the end of the log",
        );
        count(
            self.lingered,
            "checkout lingered (LINGER): when it was given back is not said, so it is taken as held until it lingered no more, \
             and does not linger again under the rules that are tried",
            "checkouts lingered (LINGER): when they were given back is not said, so they are taken as held until they lingered \
             no more, and do not linger again under the rules that are tried",
        );
        count(
            self.borrowed,
            "checkout was borrowed, which only its IN line says: it is judged as one that was not, and is out as long as the \
             log says",
            "checkouts were borrowed, which only their IN lines say: they are judged as ones that were not, and are out as long \
             as the log says",
        );
        count(
            self.waited,
            "request waited and got its licenses: since when they were held for it is not said, so that it has them from its \
             OUT line on",
            "requests waited and got their licenses: since when these were held for them is not said, so that they have them \
             from their OUT lines on",
        );
        count(
            self.gave_up,
            "request left the queue with nothing and without a reason: it is taken as given up by its client",
            "requests left the queue with nothing and without a reason: they are taken as given up by their clients",
        );
        count(
            self.dequeued_without_queued,
            "DEQUEUED line has no QUEUED line: its request began to wait before the log begins",
            "DEQUEUED lines have no QUEUED lines: their requests began to wait before the log begins",
        );
        count(
            self.still_waiting,
            "request still waits at the end of the log",
            "requests still wait at the end of the log",
        );
        count(
            self.ended_by_daemon,
            "checkout ended with the vendor daemon, without an IN line",
            "checkouts ended with the vendor daemon, without IN lines",
        );
        count(
            self.in_parts,
            "checkout came back in parts: it is out whole until the last one",
            "times a part of a checkout came back: it is out whole until the last one",
        );
        count(
            self.in_sums,
            "IN line gave back several checkouts",
            "IN lines gave back several checkouts each",
        );
        count(
            self.unknown_denials,
            "refusal has a number that is not known here",
            "refusals have numbers that are not known here",
        );
        count(
            self.hosts_changed,
            "client has a host name with blanks, which are taken as _",
            "clients have host names with blanks, which are taken as _",
        );
        count(
            self.days_skipped,
            "day passed without a sign of its midnight; lines next to it may be dated a day early",
            "days passed without a sign of their midnights; lines next to them may be dated early",
        );
        count(
            self.days_back,
            "time the log says an earlier date than before; time stands still until it is reached again",
            "times the log says an earlier date than before; time stands still until it is reached again",
        );
        count(
            self.back,
            "line is dated before the one above it and is taken as of its time",
            "lines are dated before those above them and are taken as of their time",
        );
        count(
            self.in_gap,
            "line is at a time that the zone leaves out; perhaps it is another zone",
            "lines are at times that the zone leaves out; perhaps it is another zone",
        );
        if self.in_fold > 0 {
            said.push(format!(
                "{} {} in an hour that the zone has twice; {} of them {} taken as of its second pass.",
                counted(self.in_fold, "line"),
                are(self.in_fold),
                self.in_second_pass,
                are(self.in_second_pass)
            ));
        }
        for (reason, number) in &self.reasons {
            said.push(format!("{number} IN with ({reason}) taken as checkins."));
        }
        if !self.other_daemons.is_empty() {
            let names: Vec<String> = self
                .other_daemons
                .iter()
                .map(|(name, lines)| format!("{name} ({})", counted(*lines, "line")))
                .collect();
            said.push(format!("The log also has lines of {}, which were passed over.", names.join(", ")));
        }
        said.push(format!(
            "{} of {} were used; {} were passed over.",
            self.lines.used(),
            counted(self.lines.total(), "line"),
            self.lines.passed_over()
        ));
        said
    }
}

impl fmt::Display for Assumptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.sentences().iter().try_for_each(|sentence| writeln!(f, "{sentence}"))
    }
}
