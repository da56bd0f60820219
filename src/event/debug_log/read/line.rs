//! One line of a debug log (`flexnet-tools.md` 3), of ours or of another server.
//!
//! The shapes are read from their ends inward: users may contain blanks, `@` and parentheses, and only what follows them has
//! a fixed form.

use jiff::civil::{Date, DateTime, Time};
use jiff::fmt::strtime::BrokenDownTime;

/// A line with a prefix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line<'a> {
    pub(super) stamp: Stamp,
    pub(super) daemon: &'a str,
    pub(super) message: Message<'a>,
}

/// When a line was written, as far as its prefix says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stamp {
    /// `HH:MM:SS`.
    Clock(Time),
    /// A whole date without an offset from UTC.
    Local(DateTime),
    /// A whole date with its offset.
    Exact(jiff::Timestamp),
}

/// What a line says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Message<'a> {
    Out(Seats<'a>),
    In(Seats<'a>, Option<&'a str>),
    Denied(Refused<'a>),
    /// Begins like one of these, and can't be read to its end.
    Torn,
    Queued(Seats<'a>),
    Dequeued(Seats<'a>),
    /// `TIMESTAMP 3/4/2025`, and the day behind `started on`.
    Day(Date),
    /// A whole date that is meant to be that of the line.
    Moment(DateTime),
    /// A vendor daemon names itself, its version and thereby its start.
    Version {
        product: &'a str,
        version: &'a str,
    },
    /// `Server started on host for:`, at a start and at a reread.
    Serving,
    /// A reread begins, or ends.
    Reread {
        begins: bool,
    },
    /// `SHUTDOWN request from ann at node ws01`.
    StopAsked {
        user: &'a str,
        host: &'a str,
    },
    /// `Shutdown requested.`
    StopOrdered,
    /// The end of a daemon, or of the one that it names.
    Exiting(Option<&'a str>),
    /// What explains the line before.
    Note(&'a str),
    /// A line of a status block that says nothing of a date.
    Status,
    /// `RESERVING …` and other echoes of the options file.
    Options,
    Other,
}

/// Who holds seats of what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Seats<'a> {
    pub(super) feature: &'a str,
    /// User, `@` and host as they stand there.
    pub(super) client: &'a str,
    pub(super) count: u32,
}

/// A refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Refused<'a> {
    pub(super) seats: Seats<'a>,
    /// The text without its full stop.
    pub(super) text: &'a str,
    /// Number and minor number, if they can be read.
    pub(super) numbers: Option<(i32, u16)>,
}

/// Reads a line without its end; none if it has no prefix.
pub(super) fn parse(text: &str) -> Option<Line<'_>> {
    let (stamp, rest) = stamp(text)?;
    let (daemon, message) = rest.strip_prefix('(')?.split_once(')')?;
    if daemon.is_empty() || daemon.contains([' ', '(', '"']) {
        return None;
    }
    let message = message.strip_prefix(' ').unwrap_or(message);
    Some(Line { stamp, daemon, message: read(message) })
}

fn stamp(text: &str) -> Option<(Stamp, &str)> {
    let (first, rest) = text.trim_start_matches(' ').split_once(' ')?;
    if let Some((date, time)) = first.split_once('T') {
        return Some((whole_stamp(date, time)?, rest));
    }
    Some((Stamp::Clock(clock(first)?), rest))
}

fn clock(text: &str) -> Option<Time> {
    let mut parts = text.split(':');
    let (hour, minute, second) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() || hour.len() > 2 || minute.len() != 2 || second.len() != 2 {
        return None;
    }
    // A leap second is the last second of its minute here.
    Time::new(digits(hour)?, digits(minute)?, digits::<i8>(second)?.min(59), 0).ok()
}

fn digits<N: std::str::FromStr>(text: &str) -> Option<N> {
    let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| text.parse().ok()).flatten()
}

/// `2025-03-04` and `08:59:58+01:00`, `…+0100`, `…Z` or no offset; a fraction of the second is left out.
fn whole_stamp(date: &str, time: &str) -> Option<Stamp> {
    let mut parts = date.split('-');
    let date = Date::new(digits(parts.next()?)?, digits(parts.next()?)?, digits(parts.next()?)?).ok()?;
    let (time, offset) = match time.find(['Z', '+', '-']) {
        Some(index) => time.split_at_checked(index)?,
        None => (time, ""),
    };
    let time = time.split_once('.').map_or(time, |(whole, _)| whole);
    let local = date.to_datetime(clock(time)?);
    let seconds = match offset {
        "" => return parts.next().is_none().then_some(Stamp::Local(local)),
        "Z" => 0,
        signed => {
            let (sign, rest) = signed.split_at_checked(1)?;
            let (hours, minutes) = rest.split_once(':').or_else(|| rest.split_at_checked(2))?;
            let minutes = if minutes.is_empty() { 0 } else { digits::<i32>(minutes)? };
            let seconds = digits::<i32>(hours)?.checked_mul(3600)?.checked_add(minutes.checked_mul(60)?)?;
            if sign == "-" { -seconds } else { seconds }
        }
    };
    let offset = jiff::tz::Offset::from_seconds(seconds).ok()?;
    parts.next().is_none().then_some(Stamp::Exact(offset.to_timestamp(local).ok()?))
}

fn read(message: &str) -> Message<'_> {
    let (word, rest) = message.split_once(' ').unwrap_or((message, ""));
    match word {
        "OUT:" => read_out(rest).map_or(Message::Torn, Message::Out),
        "IN:" => read_in(rest).map_or(Message::Torn, |(seats, reason)| Message::In(seats, reason)),
        "DENIED:" => read_denied(rest, false).map_or(Message::Torn, Message::Denied),
        "UNSUPPORTED:" => read_denied(rest, true).map_or(Message::Torn, Message::Denied),
        "QUEUED:" => read_out(rest).map_or(Message::Torn, Message::Queued),
        "DEQUEUED:" => read_out(rest).map_or(Message::Torn, Message::Dequeued),
        "TIMESTAMP" => short_date(rest.trim_end()).map_or(Message::Other, Message::Day),
        "NOTE:" => Message::Note(rest),
        "Server's" => rest
            .strip_prefix("System Date and Time: ")
            .and_then(long_date)
            .map_or(Message::Other, Message::Moment),
        "Server" if rest.starts_with("started on ") && rest.contains(" for:") => Message::Serving,
        "Rereading" if rest.starts_with("license file") => Message::Reread { begins: true },
        "...Finished" => Message::Reread { begins: false },
        "SHUTDOWN" => match rest.strip_prefix("request from ").and_then(|rest| rest.rsplit_once(" at node "))
        {
            Some((user, host)) => Message::StopAsked { user, host: host.trim_end() },
            None => Message::Other,
        },
        "Shutdown" if rest.starts_with("requested") => Message::StopOrdered,
        "daemon" if rest.starts_with("shutdown requested") => Message::Exiting(None),
        "EXITING" => Message::Exiting(None),
        "Shutting" => match rest.strip_prefix("down ").and_then(|rest| rest.split_once(" pid=")) {
            Some((vendor, _)) => Message::Exiting(Some(vendor)),
            None => Message::Other,
        },
        "RESERVING" | "RESERVE" | "Max" | "INACTIVITY" | "ALL" => Message::Options,
        "INCLUDE" | "EXCLUDE" | "INCLUDE_BORROW" | "EXCLUDE_BORROW" | "MAX" => Message::Options,
        _ if word.starts_with("(@") && word.ends_with("-SLOG@)") => status(rest),
        _ => started_or_version(message),
    }
}

fn status(text: &str) -> Message<'_> {
    ["Start-Date: ", "Time: ", "Reread time: "]
        .iter()
        .find_map(|label| text.strip_prefix(label))
        .and_then(long_date)
        .map_or(Message::Status, Message::Moment)
}

/// `Product (v1.2 …) started on host (os) (3/4/2025)` of lmgrd, `Product version v1.2 …` of a vendor daemon.
fn started_or_version(message: &str) -> Message<'_> {
    if let Some((_, started)) = message.split_once(" started on ") {
        return started
            .trim_end()
            .strip_suffix(')')
            .and_then(|started| started.rsplit_once('('))
            .and_then(|(_, day)| short_date(day))
            .map_or(Message::Other, Message::Day);
    }
    match message.split_once(" version v") {
        Some((product, version)) if version.starts_with(|first: char| first.is_ascii_digit()) => {
            Message::Version { product, version: version.trim_end() }
        }
        _ => Message::Other,
    }
}

/// `3/4/2025`.
fn short_date(text: &str) -> Option<Date> {
    let mut parts = text.split('/');
    let (month, day, year) = (digits(parts.next()?)?, digits(parts.next()?)?, digits(parts.next()?)?);
    if parts.next().is_some() {
        return None;
    }
    Date::new(year, month, day).ok()
}

/// `Tue Mar 04 2025 08:59:58 CET`; the name of the zone is not unique and is left out.
fn long_date(text: &str) -> Option<DateTime> {
    let (_weekday, date) = text.split_once(' ')?;
    let (date, _) = BrokenDownTime::parse_prefix("%b %d %Y %H:%M:%S", date).ok()?;
    date.to_datetime().ok()
}

/// `"feature" ` and the rest. A feature has no blanks, so a quote with a blank behind it ends it.
fn feature(rest: &str) -> Option<(&str, &str)> {
    rest.strip_prefix('"')?.split_once("\" ")
}

fn read_out(rest: &str) -> Option<Seats<'_>> {
    read_in(rest).map(|(seats, _)| seats)
}

fn read_in(rest: &str) -> Option<(Seats<'_>, Option<&str>)> {
    let (feature, rest) = feature(rest)?;
    let (client, count, reason) = client(rest)?;
    Some((Seats { feature, client, count }, reason))
}

/// `user@host  (3 licenses) (REASON)` from the end: two blanks end the host, also at the end of a line.
fn client(mut rest: &str) -> Option<(&str, u32, Option<&str>)> {
    let (mut count, mut reason) = (None, None);
    if let Some((before, _)) = rest.split_once(" ^^^")
        && before.contains('@')
    {
        rest = before;
    }
    while !rest.ends_with("  ") {
        let Some((before, group)) = last_group(rest) else { break };
        if !before.contains('@') {
            break;
        }
        match group.strip_suffix(" licenses").or_else(|| group.strip_suffix(" license")).map(digits) {
            Some(number) if count.is_none() => count = Some(number.filter(|number| *number > 0)?),
            _ if reason.is_none() && count.is_none() => reason = Some(group),
            _ => break,
        }
        rest = before;
    }
    let client = without_data(rest.trim_end_matches(' '));
    client.contains('@').then_some((client, count.unwrap_or(1), reason))
}

/// Splits ` (…)` off the end, with what is in parentheses inside it.
fn last_group(text: &str) -> Option<(&str, &str)> {
    let inside = text.trim_end_matches(' ').strip_suffix(')')?;
    let mut depth = 1_usize;
    for (index, byte) in inside.bytes().enumerate().rev() {
        match byte {
            b')' => depth += 1,
            b'(' => depth -= 1,
            _ => continue,
        }
        if depth == 0 {
            let before = inside.get(..index)?;
            return before.ends_with(' ').then_some((before, inside.get(index + 1..)?));
        }
    }
    None
}

/// `user@host [data]` without the checkout data of foreign servers.
fn without_data(text: &str) -> &str {
    if !text.ends_with(']') {
        return text;
    }
    text.match_indices(" [")
        .filter_map(|(index, _)| text.get(..index))
        .map(|before| before.trim_end_matches(' '))
        .find(|before| before.rsplit(' ').next().is_some_and(|last| last.contains('@')))
        .unwrap_or(text)
}

/// Whether a text ends with a host that has no blanks, with the data behind it, or with a number of licenses.
fn ends_client(text: &str) -> bool {
    let text = text.trim_end_matches(' ');
    text.ends_with([']', ')']) || text.rsplit(' ').next().is_some_and(|last| last.contains('@'))
}

/// `"feature" user@host  (text. (-4,209))`, with `(key) ` before the user where a key may stand: what a client says of its
/// license file, which not all servers write.
fn read_denied(rest: &str, keyed: bool) -> Option<Refused<'_>> {
    let (feature, rest) = feature(rest)?;
    let rest = match rest.strip_prefix('(').filter(|_| keyed).and_then(|rest| rest.split_once(") ")) {
        Some((key, unkeyed)) if !key.contains('@') && unkeyed.contains('@') => unkeyed,
        _ => rest,
    };
    let whole = rest.trim_end_matches(' ');
    // Parentheses that don't balance, as in the name of a file, lead into the text; then the first ones behind a host begin it.
    let from_end = last_group(whole).filter(|(before, _)| before.contains('@'));
    let (before, reason) = from_end
        .filter(|(before, _)| ends_client(before))
        .or_else(|| {
            let (index, _) = whole.match_indices("  (").find(|(index, _)| {
                whole
                    .get(..*index)
                    .and_then(|before| before.rsplit(' ').next())
                    .is_some_and(|host| host.contains('@'))
            })?;
            let reason = whole.get(index + 3..)?;
            Some((whole.get(..index + 2)?, reason.strip_suffix(')').unwrap_or(reason)))
        })
        .or(from_end)?;
    let (client, count, _) = client(before)?;
    let (text, numbers) = numbers(reason);
    Some(Refused { seats: Seats { feature, client, count }, text, numbers })
}

/// `text. (-18,327:10054 "" )`.
pub(super) fn numbers(reason: &str) -> (&str, Option<(i32, u16)>) {
    let Some((text, tail)) = reason.rsplit_once(" (-") else {
        return (reason.strip_suffix('.').unwrap_or(reason), None);
    };
    let text = text.strip_suffix('.').unwrap_or(text);
    let Some((number, minor)) = tail.split_once(',') else { return (text, None) };
    let end = minor.find(|c: char| !c.is_ascii_digit()).unwrap_or(minor.len());
    let minor = minor.get(..end).and_then(digits);
    (text, digits::<i32>(number).map(|number| (-number, minor.unwrap_or(0))))
}
