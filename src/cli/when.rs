//! Days and time zones as arguments.

use jiff::tz::TimeZone;

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_taken_in_both_forms() {
        assert_eq!(day("2027-12-31"), day("31-dec-2027"));
        assert!(day("31/12/2027").unwrap_err().contains("yyyy-mm-dd"));
    }
}
