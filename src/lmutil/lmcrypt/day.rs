//! Days as publishers name them: by date, or counted from today.

use thiserror::Error;

use crate::license::Expiry;
use crate::time::{CivilDate, DateError};

/// Why a text names no day.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DayError {
    /// Neither a date nor one of the words.
    #[error("{0}; write a date such as 31-dec-2027, today, +90d or +1y")]
    NotADay(#[from] DateError),
    /// License files take two digits for a year of the last century.
    #[error("{text:?} means the year {year}: write the year with four digits")]
    ShortYear {
        /// What stood there.
        text: String,
        /// What it means.
        year: String,
    },
    /// Later than any date.
    #[error("{0:?} lies behind the end of the calendar")]
    TooFar(String),
}

/// Reads `dd-mmm-yyyy`, `today`, or a span behind today: `+90d`, `+1y`.
///
/// # Errors
/// [`DayError`] for every other text.
pub fn day(text: &str, today: CivilDate) -> Result<CivilDate, DayError> {
    if text.eq_ignore_ascii_case("today") {
        return Ok(today);
    }
    if let Some(span) = text.strip_prefix('+') {
        return behind(text, span, today);
    }
    let day = CivilDate::parse(text)?;
    match text.rsplit('-').next() {
        Some(year) if year.len() == 4 => Ok(day),
        _ => {
            let year = day.iso().chars().take(4).collect();
            Err(DayError::ShortYear { text: text.to_owned(), year })
        }
    }
}

/// Reads a day as [`day`] does, or `permanent`.
///
/// # Errors
/// [`DayError`] for every other text.
pub fn expiry(text: &str, today: CivilDate) -> Result<Expiry, DayError> {
    if text.eq_ignore_ascii_case("permanent") {
        return Ok(Expiry::Never);
    }
    day(text, today).map(Expiry::On)
}

fn behind(text: &str, span: &str, today: CivilDate) -> Result<CivilDate, DayError> {
    let shown = || text.chars().take(40).collect::<String>();
    let bad = || DayError::NotADay(DateError { text: shown() });
    let (number, unit) = span.split_at_checked(span.len().saturating_sub(1)).ok_or_else(bad)?;
    if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(bad());
    }
    let day = match unit {
        "d" | "D" => number.parse().ok().and_then(|days| today.plus_days(days)),
        "y" | "Y" => number.parse().ok().and_then(|years| today.plus_years(years)),
        _ => return Err(bad()),
    };
    day.ok_or_else(|| DayError::TooFar(shown()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_and_spans() {
        let today = CivilDate::new(2026, 11, 21).unwrap();
        for (text, expected) in [
            ("31-Dec-2027", "2027-12-31"),
            ("today", "2026-11-21"),
            ("+0d", "2026-11-21"),
            ("+90d", "2027-02-19"),
            ("+1y", "2027-11-21"),
            ("+10Y", "2036-11-21"),
        ] {
            assert_eq!(day(text, today).unwrap().iso(), expected, "{text}");
        }
        assert_eq!(expiry("PERMANENT", today), Ok(Expiry::Never));
        for (text, why) in [
            ("31-dec-27", "1927"),
            ("2027-12-31", "is not a date"),
            ("+1m", "is not a date"),
            ("+d", "is not a date"),
            ("+", "is not a date"),
            ("+-1d", "is not a date"),
            ("+1\u{e9}", "is not a date"),
            ("+99999999999999d", "end of the calendar"),
            ("+9000y", "end of the calendar"),
            ("", "is not a date"),
        ] {
            let error = day(text, today).unwrap_err().to_string();
            assert!(error.contains(why), "{text}: {error}");
        }
        assert!(expiry("never", today).is_err());
    }
}
