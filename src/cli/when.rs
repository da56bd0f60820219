//! Days and time zones as arguments.

use jiff::tz::TimeZone;

#[cfg(feature = "server")]
use crate::lmutil::lmreplay::Moment;
use crate::time::CivilDate;

/// A zone by its IANA name or its rule.
pub(super) fn zone(name: &str) -> Result<TimeZone, String> {
    crate::platform::named_zone(name).map_err(|error| error.to_string())
}

/// A day, as license lines or as ISO 8601 writes it.
pub(super) fn day(text: &str) -> Result<CivilDate, String> {
    let iso: Option<jiff::civil::Date> = text.parse().ok();
    match iso {
        Some(day) => Ok(CivilDate::from(day)),
        None => CivilDate::parse(text).map_err(|error| format!("{error} or yyyy-mm-dd")),
    }
}

/// A day, or a time of a day: `2026-11-01T08:30`, `1-nov-2026T08:30:00`.
#[cfg(feature = "server")]
pub(super) fn moment(text: &str) -> Result<Moment, String> {
    let Some((date, time)) = text.split_once(['T', ' ']) else { return day(text).map(Moment::Day) };
    let bad = |error: &dyn std::fmt::Display| format!("{error}; write it as 2026-11-01T08:30");
    let date = day(date).map_err(|error| bad(&error))?;
    let time: jiff::civil::Time = time.parse().map_err(|error| bad(&error))?;
    Ok(Moment::Time(date.civil().to_datetime(time)))
}

/// A span of time: `45m`, `1h 30m`.
#[cfg(feature = "server")]
pub(super) fn span(text: &str) -> Result<std::time::Duration, String> {
    let bad = |error: &dyn std::fmt::Display| format!("{error}; write it as 45m or 1h30m");
    let span: jiff::SignedDuration = text.parse().map_err(|error| bad(&error))?;
    std::time::Duration::try_from(span).map_err(|error| bad(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_taken_in_both_forms() {
        assert_eq!(day("2027-12-31"), day("31-dec-2027"));
        assert!(day("31/12/2027").unwrap_err().contains("yyyy-mm-dd"));
    }
}
