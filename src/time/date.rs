//! Civil dates as license lines write them (`flexnet-files.md` 1.5).

use std::fmt;

use thiserror::Error;

use super::Timestamp;

/// A day of the calendar, without a zone. Printed as lmstat prints it: `31-dec-2027`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CivilDate(jiff::civil::Date);

/// Why a text is not a date (number -11).
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{text:?} is not a date of the form dd-mmm-yyyy")]
pub struct DateError {
    /// What stood there, cut to 40 characters.
    pub text: String,
}

const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

impl CivilDate {
    /// Reads `dd-mmm-yyyy` with a day of one or two digits and a month of any case. A year of two digits means 19xx.
    /// The year 0 is not a date here: the license room reads it as "never".
    ///
    /// # Errors
    /// [`DateError`] for every other form and for days that do not exist.
    pub fn parse(text: &str) -> Result<Self, DateError> {
        let bad = || DateError { text: text.chars().take(40).collect() };
        let mut parts = text.split('-');
        let (Some(day), Some(month), Some(year), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(bad());
        };
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        if !digits(day) || !digits(year) || day.len() > 2 || !matches!(year.len(), 2 | 4) {
            return Err(bad());
        }
        let month = MONTHS.iter().position(|name| name.eq_ignore_ascii_case(month)).ok_or_else(bad)?;
        let month = i8::try_from(month + 1).map_err(|_| bad())?;
        let day: i8 = day.parse().map_err(|_| bad())?;
        let mut full: i16 = year.parse().map_err(|_| bad())?;
        if year.len() == 2 {
            full += 1900;
        }
        if full < 1900 {
            return Err(bad());
        }
        jiff::civil::Date::new(full, month, day).map(Self).map_err(|_| bad())
    }

    /// A date from its parts, if there is such a day.
    #[must_use]
    pub fn new(year: i16, month: i8, day: i8) -> Option<Self> {
        jiff::civil::Date::new(year, month, day).ok().map(Self)
    }

    /// The date as a calendar of civil dates and times takes it.
    #[must_use]
    pub const fn civil(self) -> jiff::civil::Date {
        self.0
    }

    /// The date as ISO 8601 writes it: `2027-06-30`.
    #[must_use]
    pub fn iso(self) -> String {
        self.0.to_string()
    }

    /// This day and so many days more or less; none outside the calendar.
    #[must_use]
    pub fn plus_days(self, days: i32) -> Option<Self> {
        self.0.checked_add(jiff::Span::new().try_days(days).ok()?).ok().map(Self)
    }

    /// The same day so many years later or earlier; of 29 February the 28th where there is none. None outside the
    /// calendar.
    #[must_use]
    pub fn plus_years(self, years: i16) -> Option<Self> {
        self.0.checked_add(jiff::Span::new().try_years(years).ok()?).ok().map(Self)
    }

    /// The day that an instant belongs to in a zone.
    #[must_use]
    pub fn of(instant: Timestamp, zone: &jiff::tz::TimeZone) -> Option<Self> {
        let instant = jiff::Timestamp::from_millisecond(instant.0).ok()?;
        Some(Self(zone.to_datetime(instant).date()))
    }

    /// The first instant of this day in a zone (START is valid from here).
    #[must_use]
    pub fn begins(self, zone: &jiff::tz::TimeZone) -> Option<Timestamp> {
        let midnight = self.0.to_zoned(zone.clone()).ok()?;
        Some(Timestamp(midnight.timestamp().as_millisecond()))
    }

    /// The first instant after this day in a zone (an expiry date is valid until just before it).
    #[must_use]
    pub fn ends(self, zone: &jiff::tz::TimeZone) -> Option<Timestamp> {
        Self(self.0.tomorrow().ok()?).begins(zone)
    }
}

impl From<jiff::civil::Date> for CivilDate {
    fn from(day: jiff::civil::Date) -> Self {
        Self(day)
    }
}

impl fmt::Display for CivilDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let month =
            usize::try_from(self.0.month() - 1).ok().and_then(|index| MONTHS.get(index)).unwrap_or(&"");
        write!(f, "{}-{}-{:04}", self.0.day(), month, self.0.year())
    }
}

impl fmt::Debug for CivilDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CivilDate({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_forms_of_license_lines() {
        assert_eq!(CivilDate::parse("1-Jan-2027").unwrap().to_string(), "1-jan-2027");
        assert_eq!(CivilDate::parse("01-JAN-99").unwrap(), CivilDate::new(1999, 1, 1).unwrap());
        for bad in [
            "2026-12-31",
            "31-feb-2027",
            "1-janu-2027",
            "1-jan-027",
            "1-jan-0",
            "-jan-2027",
            "1-jan-2027-",
            "",
        ] {
            assert!(CivilDate::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn counts_days_and_years() {
        let day = CivilDate::new(2028, 2, 29).unwrap();
        assert_eq!(day.plus_days(1).unwrap().iso(), "2028-03-01");
        assert_eq!(day.plus_days(-366), CivilDate::new(2027, 2, 28));
        assert_eq!(day.plus_years(1), CivilDate::new(2029, 2, 28));
        assert_eq!(day.plus_days(i32::MAX), None);
        assert_eq!(CivilDate::new(9999, 12, 31).unwrap().plus_days(1), None);
        assert_eq!(day.plus_years(i16::MAX), None);
    }

    #[test]
    fn an_instant_belongs_to_the_day_of_its_zone() {
        let zone = jiff::tz::TimeZone::get("Europe/Berlin").unwrap();
        let day = CivilDate::new(2027, 1, 1).unwrap();
        let first = day.begins(&zone).unwrap();
        assert_eq!(CivilDate::of(first, &zone), Some(day));
        assert_eq!(CivilDate::of(Timestamp(first.0 - 1), &zone), CivilDate::new(2026, 12, 31));
        assert_eq!(CivilDate::of(first, &jiff::tz::TimeZone::UTC), CivilDate::new(2026, 12, 31));
        assert_eq!(CivilDate::of(Timestamp(i64::MAX), &zone), None);
    }

    #[test]
    fn a_day_lasts_until_the_next_midnight_of_the_zone() {
        let zone = jiff::tz::TimeZone::get("Europe/Berlin").unwrap();
        let day = CivilDate::parse("25-oct-2026").unwrap();
        let length = day.ends(&zone).unwrap().0 - day.begins(&zone).unwrap().0;
        assert_eq!(length, 25 * 3_600_000);
        assert_eq!(day.begins(&jiff::tz::TimeZone::UTC).unwrap().to_string(), "2026-10-25T00:00:00.000Z");
    }

    #[test]
    fn a_day_begins_and_ends_where_the_zone_has_it() {
        let cases = [
            // Far from UTC.
            ("31-dec-2026", "Pacific/Kiritimati", "2026-12-30T10:00:00.000Z", "2026-12-31T10:00:00.000Z"),
            ("31-dec-2026", "Pacific/Pago_Pago", "2026-12-31T11:00:00.000Z", "2027-01-01T11:00:00.000Z"),
            // Summer time begins or ends within the day, and once at its midnight, which did not exist then.
            ("8-mar-2026", "America/New_York", "2026-03-08T05:00:00.000Z", "2026-03-09T04:00:00.000Z"),
            ("1-nov-2026", "America/New_York", "2026-11-01T04:00:00.000Z", "2026-11-02T05:00:00.000Z"),
            ("3-nov-2018", "America/Sao_Paulo", "2018-11-03T03:00:00.000Z", "2018-11-04T03:00:00.000Z"),
            // The day behind it was left out.
            ("29-dec-2011", "Pacific/Apia", "2011-12-29T10:00:00.000Z", "2011-12-30T10:00:00.000Z"),
        ];
        for (day, name, begins, ends) in cases {
            let (day, zone) = (CivilDate::parse(day).unwrap(), jiff::tz::TimeZone::get(name).unwrap());
            assert_eq!(day.begins(&zone).unwrap().to_string(), begins, "{name}");
            assert_eq!(day.ends(&zone).unwrap().to_string(), ends, "{name}");
        }
    }
}
