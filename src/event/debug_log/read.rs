//! Debug logs read back as records of the history, for trying other rules where there is no history: logs of this server and of
//! others that write the same lines (`flexnet-tools.md` 3).
//!
//! A log says less than a history, so [`Assumptions`] says what was put in its place. No line is an error: what can't be
//! used is counted. Where the log does not say it, midnight is where the time of day goes back by two hours or more;
//! smaller steps back are lines that came late or a clock that was set back.

mod assumptions;
mod dating;
mod line;
mod seats;
mod waiting;

pub use assumptions::{Assumptions, DateSource, LineCounts};

use std::borrow::Cow;
use std::collections::VecDeque;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use crate::event::{Denied, EndReason, Event, Opened, Record, Started, Stopped};
use crate::ident::{Seq, VendorName};
use crate::text::BYTE_ORDER_MARK;
use crate::time::{CivilDate, Timestamp};
use dating::{Calendar, Instants};
use line::{Line, Message, Seats};
use seats::{Left, Open, Why};

/// Longest line that is read, in bytes: far more than two names of the greatest length and a reason take.
pub const LINE_BYTES_MAX: usize = 8192;

/// How many names of other daemons, and of reasons, are kept.
pub const NAMES_MAX: usize = 16;

/// The version that every request is taken to ask for, as the log says none: all lines of a feature satisfy it.
pub const VERSION: &str = "0.0";

/// How many lines, and bytes of them, wait for the first date of the log before the day that was handed in holds.
/// Servers write a date every six hours.
const HELD_LINES_MAX: usize = 200_000;
const HELD_BYTES_MAX: usize = 16 * 1024 * 1024;

/// The license manager's name in a prefix.
const MANAGER: &str = "lmgrd";

/// How this server names itself. Its sessions may live on after a crash, so a start ends none without an IN line.
const OWN_PRODUCT: &str = "Seatkeeper";

/// Reads the lines of one vendor daemon, and those of lmgrd that concern it. `lines` come without or with their ends, in
/// UTF-8 or Latin-1, also singly; `first_day` is the day of the first line if the log says no date; `zone` is that of
/// the server that wrote it.
///
/// The records are numbered from 1, their times never go back, and each session is opened before its first request. They
/// come as the lines are read, except that lines wait for the first date of the log.
pub fn records<L>(lines: L, vendor: &VendorName, zone: TimeZone, first_day: CivilDate) -> Reader<L::IntoIter>
where
    L: IntoIterator,
    L::Item: AsRef<[u8]>,
{
    Reader { lines: lines.into_iter(), reading: Reading::new(vendor, zone, first_day), ended: false }
}

/// The records of a log, one after the other, from [`records`].
#[derive(Debug)]
pub struct Reader<L> {
    lines: L,
    reading: Reading,
    ended: bool,
}

impl<L> Reader<L> {
    /// What was assumed so far; whole when the last record has been taken.
    #[must_use]
    pub fn assumptions(&self) -> Assumptions {
        self.reading.assumptions()
    }
}

impl<L> Iterator for Reader<L>
where
    L: Iterator,
    L::Item: AsRef<[u8]>,
{
    type Item = Record;

    fn next(&mut self) -> Option<Record> {
        loop {
            if let Some(record) = self.reading.records.pop_front() {
                return Some(record);
            }
            if self.ended {
                return None;
            }
            match self.lines.next() {
                Some(line) => self.reading.take(line.as_ref()),
                None => {
                    self.ended = true;
                    self.reading.finish();
                }
            }
        }
    }
}

/// A line that waits for the first date.
#[derive(Debug)]
struct Held {
    at: DateTime,
    /// Its text, if it says more than its time.
    text: Option<Box<str>>,
    /// It is a line of the vendor daemon that says no more: what stands behind it explains nothing before it.
    settles: bool,
}

/// An end of the daemon that was announced. Seats that come back after it still have their lines.
#[derive(Debug)]
struct Stop {
    at: Timestamp,
    by: String,
    /// Whether the vendor daemon itself says that it was asked to end.
    ordered: bool,
}

#[derive(Debug)]
struct Reading {
    vendor: String,
    zone: TimeZone,
    first_day: CivilDate,
    calendar: Calendar,
    instants: Instants,
    held: Vec<Held>,
    held_bytes: usize,
    dates: DateSource,
    open: Open,
    /// A refusal whose NOTE lines may follow.
    refused: Option<(Timestamp, Denied)>,
    /// A request that waits no more: the next line may say what it got, or why nothing.
    left: Option<(Timestamp, Left)>,
    /// A request that waited and has got its licenses without a line that it waits no more, which may follow.
    served: Option<Left>,
    stop: Option<Stop>,
    /// Who asked lmgrd for an end.
    asked_by: Option<String>,
    /// The vendor daemon has said its version and not yet what it serves.
    starting: bool,
    rereading: bool,
    own: bool,
    versions_seen: bool,
    records: VecDeque<Record>,
    last_seq: u64,
    last_at: Timestamp,
    lines: LineCounts,
    counted: Assumptions,
}

impl Reading {
    fn new(vendor: &VendorName, zone: TimeZone, first_day: CivilDate) -> Self {
        Self {
            vendor: vendor.as_str().to_owned(),
            calendar: Calendar::new(first_day.civil()),
            instants: Instants::new(zone.clone()),
            zone,
            first_day,
            held: Vec::new(),
            held_bytes: 0,
            dates: DateSource::Log,
            open: Open::default(),
            refused: None,
            left: None,
            served: None,
            stop: None,
            asked_by: None,
            starting: false,
            rereading: false,
            own: false,
            versions_seen: false,
            records: VecDeque::new(),
            last_seq: 0,
            last_at: Timestamp(i64::MIN),
            lines: LineCounts::default(),
            counted: Assumptions::default(),
        }
    }

    fn take(&mut self, bytes: &[u8]) {
        let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
        let bytes = bytes.strip_suffix(b"\r").unwrap_or(bytes);
        if bytes.len() > LINE_BYTES_MAX {
            self.lines.too_long += 1;
            return;
        }
        let text: Cow<'_, str> = match std::str::from_utf8(bytes) {
            Ok(text) => text.into(),
            Err(_) => bytes.iter().copied().map(char::from).collect::<String>().into(),
        };
        let text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&text);
        let Some(line) = line::parse(text) else {
            self.lines.unprefixed += 1;
            return;
        };
        let dated = self.calendar.date(&line, &self.zone);
        if let Some(days) = dated.shift_days {
            if self.held.iter().any(|held| held.text.is_some()) {
                self.dates = DateSource::LaterLine;
            }
            self.release(days);
        }
        let matters = self.matters(&line);
        if !self.calendar.known {
            let settles = !matters && self.is_vendor(line.daemon);
            self.hold(Held { at: dated.at, text: matters.then(|| text.into()), settles });
            return;
        }
        let at = self.instants.at(dated.at, dated.exact);
        if matters {
            self.follow(&line, at);
        } else if self.is_vendor(line.daemon) {
            self.settle();
        }
    }

    /// Whether a line says more than its time; counts it if not.
    fn matters(&mut self, line: &Line<'_>) -> bool {
        let vendors = self.is_vendor(line.daemon);
        if !vendors && line.daemon != MANAGER {
            self.lines.foreign += 1;
            let others = &mut self.counted.other_daemons;
            if let Some(lines) = others.get_mut(line.daemon) {
                *lines += 1;
            } else if others.len() < NAMES_MAX && line.daemon.len() <= 64 {
                others.insert(line.daemon.to_owned(), 1);
            }
            return false;
        }
        let counter = match line.message {
            Message::Day(_) | Message::Moment(_) => &mut self.lines.dates,
            Message::Status => &mut self.lines.status,
            Message::Options => &mut self.lines.options,
            Message::Other => &mut self.lines.other,
            Message::Torn => &mut self.lines.torn,
            Message::Exiting(Some(vendor)) if !vendor.eq_ignore_ascii_case(&self.vendor) => {
                &mut self.lines.other
            }
            Message::StopAsked { .. } if !vendors => return true,
            Message::Exiting(_) => return true,
            _ if vendors => return true,
            _ => &mut self.lines.other,
        };
        *counter += 1;
        false
    }

    /// The vendor daemon's name, or `vendor_2` for a second one of it.
    fn is_vendor(&self, daemon: &str) -> bool {
        let Some((name, rest)) = daemon.split_at_checked(self.vendor.len()) else { return false };
        let number = rest
            .strip_prefix('_')
            .is_some_and(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()));
        name.eq_ignore_ascii_case(&self.vendor) && (rest.is_empty() || number)
    }

    fn hold(&mut self, line: Held) {
        self.held_bytes += line.text.as_deref().map_or(0, str::len);
        self.held.push(line);
        if self.held.len() >= HELD_LINES_MAX || self.held_bytes >= HELD_BYTES_MAX {
            self.give_up_waiting();
        }
    }

    fn give_up_waiting(&mut self) {
        self.dates = DateSource::HandedIn;
        self.calendar.known = true;
        self.release(0);
    }

    /// The lines that waited, moved by so many days.
    fn release(&mut self, days: i32) {
        self.held_bytes = 0;
        for held in std::mem::take(&mut self.held) {
            let at = self.instants.at(dating::shifted(held.at, days), None);
            if let Some(line) = held.text.as_deref().and_then(line::parse) {
                self.follow(&line, at);
            } else if held.settles {
                self.settle();
            }
        }
    }

    /// A line of this vendor daemon, or of lmgrd about it.
    fn follow(&mut self, line: &Line<'_>, at: Timestamp) {
        if let Message::Note(note) = line.message {
            self.note(note, at);
            return;
        }
        if !matches!(line.message, Message::Out(_)) {
            self.settle();
        }
        match line.message {
            Message::Out(seats) => self.out(&seats, at),
            Message::Queued(seats) => self.queued(&seats, at),
            Message::Dequeued(seats) => self.dequeued(&seats, at),
            Message::In(seats, reason) => self.back(&seats, reason, at),
            Message::Denied(refused) => match self.open.denied(&refused) {
                Ok((opened, denied)) => {
                    self.lines.denied += 1;
                    if refused
                        .numbers
                        .is_none_or(|(number, _)| crate::code::Code::from_number(number).is_none())
                    {
                        self.counted.unknown_denials += 1;
                    }
                    self.opened(opened, at);
                    self.refused = Some((at, denied));
                }
                Err(_) => self.lines.torn += 1,
            },
            other => {
                self.lines.daemon += 1;
                self.daemon(other, at);
            }
        }
    }

    fn daemon(&mut self, message: Message<'_>, at: Timestamp) {
        match message {
            Message::Version { product, version } => {
                self.own = product.starts_with(OWN_PRODUCT);
                self.versions_seen = true;
                if !self.starting {
                    self.started(version, at);
                }
                self.starting = true;
            }
            Message::Serving => {
                if !self.versions_seen && !self.rereading {
                    self.started("", at);
                }
                self.starting = false;
            }
            Message::Reread { begins } => self.rereading = begins,
            Message::StopAsked { user, host } => {
                self.asked_by = Some(format!("{user}@{host}").chars().take(255).collect());
            }
            Message::StopOrdered => self.stopping(at, true),
            Message::Exiting(_) => self.stopping(at, false),
            _ => {}
        }
    }

    fn stopping(&mut self, at: Timestamp, ordered: bool) {
        let by = self.asked_by.take();
        let stop = self.stop.get_or_insert(Stop { at, by: String::new(), ordered });
        stop.ordered |= ordered;
        if let Some(by) = by {
            stop.by = by;
        }
    }

    /// Seats that had no IN line when the daemon ended are free when it starts again, except those of our own sessions
    /// that live on.
    fn started(&mut self, version: &str, at: Timestamp) {
        self.rereading = false;
        match self.stop.take() {
            Some(stop) if stop.ordered || !self.own => self.stopped(stop),
            _ => {}
        }
        let mut events = if self.own { Vec::new() } else { self.end_all(false) };
        let zone = self.zone.iana_name().unwrap_or("UTC").to_owned();
        events.push(Event::Started(Started { version: version.to_owned(), zone, files: Vec::new() }));
        self.record(at, events);
    }

    fn stopped(&mut self, stop: Stop) {
        let mut events = self.end_all(self.own);
        let by = if stop.by.is_empty() { "the debug log does not say whom".to_owned() } else { stop.by };
        events.push(Event::Stopped(Stopped { by }));
        self.record(stop.at, events);
    }

    /// Requests that wait are named at an orderly end of our daemon, except those of sessions that live on.
    fn end_all(&mut self, keep_waiting: bool) -> Vec<Event> {
        self.counted.ended_by_daemon += self.open.held;
        self.open.end_all(keep_waiting)
    }

    fn out(&mut self, seats: &Seats<'_>, at: Timestamp) {
        let waited = self.waited(seats, at);
        self.settle();
        match self.open.out(seats, waited) {
            Ok((opened, out)) => {
                self.lines.out += 1;
                // Who still gives seats out does not end.
                self.stop = None;
                self.starting = false;
                self.opened(opened, at);
                self.record(at, vec![Event::Out(Box::new(out))]);
            }
            Err(_) => self.lines.torn += 1,
        }
    }

    fn back(&mut self, seats: &Seats<'_>, reason: Option<&str>, at: Timestamp) {
        self.lines.r#in += 1;
        let why = match reason {
            None => Why::Checkin,
            Some("SHUTDOWN") => Why::Ended(EndReason::Shutdown),
            Some("DISCONNECT") => Why::Ended(EndReason::Disconnect),
            Some("LEASE_LAPSED") => Why::Ended(EndReason::LeaseLapsed),
            Some("FEATURE_REMOVED") => Why::Removed,
            Some("USER_REMOVED") => Why::UserRemoved,
            Some("INACTIVE") => Why::Inactive,
            Some("LINGER") => Why::Linger,
            Some("BORROW_END") => Why::BorrowEnd,
            Some("BORROW_RETURNED") => Why::BorrowReturned,
            Some(other) => {
                let reasons = &mut self.counted.reasons;
                if let Some(times) = reasons.get_mut(other) {
                    *times += 1;
                } else if reasons.len() < NAMES_MAX && other.len() <= 64 {
                    reasons.insert(other.to_owned(), 1);
                }
                Why::Checkin
            }
        };
        let returned = self.open.back(seats, why);
        if returned.missing > 0 {
            self.counted.in_without_out += 1;
        }
        if !returned.events.is_empty() {
            match why {
                Why::Linger => self.counted.lingered += 1,
                Why::BorrowEnd | Why::BorrowReturned => self.counted.borrowed += 1,
                _ => {}
            }
            self.record(at, returned.events);
        }
    }

    /// What our log says of a refusal on lines of its own, or of a request that got nothing.
    fn note(&mut self, note: &str, at: Timestamp) {
        if self.explains(note, at) {
            self.lines.notes += 1;
            return;
        }
        let Some((_, denied)) = self.refused.as_mut().filter(|(refused, _)| *refused == at) else {
            self.lines.other += 1;
            return;
        };
        self.lines.notes += 1;
        let times = note.strip_suffix(" equal requests of this client were denied").map(str::parse);
        match times {
            Some(Ok(times)) if times > 1 => denied.times = times,
            _ => denied.denial.note = note.into(),
        }
    }

    /// Nothing more is said of what the lines before told.
    fn settle(&mut self) {
        self.settle_left();
        if let Some((at, denied)) = self.refused.take() {
            self.record(at, vec![Event::Denied(Box::new(denied))]);
        }
    }

    fn opened(&mut self, opened: Option<Opened>, at: Timestamp) {
        if let Some(opened) = opened {
            self.record(at, vec![Event::Opened(opened)]);
        }
    }

    fn record(&mut self, at: Timestamp, events: Vec<Event>) {
        // An end that is only known later is recorded behind the lines that followed it.
        let at = at.max(self.last_at);
        self.last_at = at;
        let first = Seq(self.last_seq.saturating_add(1));
        self.last_seq = self.last_seq.saturating_add(events.len() as u64);
        self.records.push_back(Record { first, at, events });
    }

    fn finish(&mut self) {
        if !self.held.is_empty() {
            self.give_up_waiting();
        }
        self.settle();
        if let Some(stop) = self.stop.take().filter(|stop| stop.ordered || !self.own) {
            self.stopped(stop);
        }
    }

    fn assumptions(&self) -> Assumptions {
        Assumptions {
            lines: self.lines,
            dates: self.dates,
            handed_in: Some(self.first_day),
            days: self.instants.days,
            first: self.instants.first,
            last: self.instants.last(),
            days_skipped: self.calendar.days_skipped,
            days_back: self.calendar.days_back,
            back: self.instants.back,
            back_most_ms: self.instants.back_most_ms,
            in_gap: self.instants.in_gap,
            in_fold: self.instants.in_fold,
            in_second_pass: self.instants.in_second_pass,
            in_parts: self.open.in_parts,
            in_sums: self.open.in_sums,
            still_out: self.open.held,
            still_waiting: self.open.waiting,
            hosts_changed: self.open.hosts_changed,
            ..self.counted.clone()
        }
    }
}

#[cfg(test)]
mod tests;
