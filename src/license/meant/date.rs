//! Dates in the forms that people and other programs write.

use crate::text::nearest;
use crate::time::CivilDate;

/// Longer texts are no dates.
const DATE_BYTES_MAX: usize = 40;

/// The months as people write them, by their first letters; English first, then German, French, Spanish and Italian.
const MONTHS: [&[&str]; 12] = [
    &["jan", "ene", "gen"],
    &["feb", "fév", "fev"],
    &["mar", "mär", "mae", "mrz"],
    &["apr", "avr", "abr"],
    &["may", "mai", "mag"],
    &["jun", "juin", "giu"],
    &["jul", "juil", "lug"],
    &["aug", "aoû", "aou", "ago"],
    &["sep", "set"],
    &["oct", "okt", "ott"],
    &["nov"],
    &["dec", "dez", "déc", "dic"],
];

/// What people write for a license without an end.
const FOREVER: [&str; 9] =
    ["never", "unlimited", "forever", "perpetual", "infinite", "none", "indefinite", "endless", "0"];

/// What an expiry date probably means.
pub(in crate::license) fn expiry(text: &str) -> String {
    if FOREVER.iter().any(|word| text.eq_ignore_ascii_case(word)) {
        return "write permanent".to_owned();
    }
    if nearest(text, ["permanent"]).is_some() {
        return "did you mean permanent?".to_owned();
    }
    date(text).unwrap_or_else(|| "write a date such as 31-dec-2027, or permanent".to_owned())
}

/// What the date of an attribute probably means.
pub(in crate::license) fn attribute_date(text: &str) -> String {
    date(text).unwrap_or_else(|| "write a date such as 31-dec-2027".to_owned())
}

fn date(text: &str) -> Option<String> {
    if text.len() > DATE_BYTES_MAX {
        return None;
    }
    let plain =
        text.replace(|c: char| matches!(c, '/' | '.' | '_' | ' ' | ',' | '\u{2010}'..='\u{2015}'), "-");
    let parts: Vec<&str> = plain.split('-').filter(|part| !part.is_empty()).collect();
    let write = |days: &[CivilDate]| match days {
        [] => None,
        [day] => Some(format!("write {day}")),
        [day, other, ..] => Some(format!("write {day} or {other}, whichever is meant")),
    };
    match *parts.as_slice() {
        [one] if one.len() == 8 && one.is_ascii() => {
            let (year, rest) = one.split_at_checked(4)?;
            let (month, day) = rest.split_at_checked(2)?;
            write(&[date_of(year, number(month)?, number(day)?)?])
        }
        [first, second, third] => {
            if first.len() == 4 && number(first).is_some() {
                return write(&[date_of(first, number(second)?, number(third)?)?]);
            }
            match (number(first), number(second)) {
                (Some(first), Some(second)) => {
                    let mut days: Vec<CivilDate> =
                        [date_of(third, second, first), date_of(third, first, second)]
                            .into_iter()
                            .flatten()
                            .collect();
                    days.dedup();
                    write(&days)
                }
                (Some(day), None) => {
                    let month = month(second)?;
                    match date_of(third, month, day) {
                        Some(day) => write(&[day]),
                        None => too_late(third, month, second),
                    }
                }
                (None, Some(day)) => write(&[date_of(third, month(first)?, day)?]),
                (None, None) => None,
            }
        }
        [first, second] if month(first).is_some() && number(second).is_some() => {
            Some("write the day too, as in 31-dec-2027".to_owned())
        }
        _ => None,
    }
}

fn number(text: &str) -> Option<i8> {
    if text.len() > 4 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    // Years are read elsewhere; that they are numbers is all that counts here.
    Some(text.parse().unwrap_or(i8::MAX))
}

/// A day of a year of two or four digits; two digits mean this century.
fn date_of(year: &str, month: i8, day: i8) -> Option<CivilDate> {
    let digits = year.parse::<i16>().ok().filter(|year| *year >= 0)?;
    let year = match year.len() {
        2 => 2000 + digits,
        4 if digits >= 1900 => digits,
        _ => return None,
    };
    CivilDate::new(year, month, day)
}

fn month(text: &str) -> Option<i8> {
    let word = text.to_lowercase();
    let by_begin = MONTHS
        .iter()
        .position(|names| names.iter().any(|name| word.starts_with(name)) && word.chars().count() <= 10);
    let index = by_begin.or_else(|| {
        let names = MONTHS.iter().filter_map(|names| names.first().copied());
        let meant = nearest(&word, names)?;
        MONTHS.iter().position(|names| names.first() == Some(&meant))
    })?;
    i8::try_from(index + 1).ok()
}

/// A day behind the end of its month.
fn too_late(year: &str, month: i8, name: &str) -> Option<String> {
    let last = (28..=31).rev().find(|day| date_of(year, month, *day).is_some())?;
    Some(format!("{name} has {last} days in {year}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_of_other_forms_are_proposed_in_ours() {
        for (text, hint) in [
            ("2026-12-31", "write 31-dec-2026"),
            ("2026/1/5", "write 5-jan-2026"),
            ("20261231", "write 31-dec-2026"),
            ("31.12.2026", "write 31-dec-2026"),
            ("12/31/2026", "write 31-dec-2026"),
            ("03/04/2026", "write 3-apr-2026 or 4-mar-2026, whichever is meant"),
            ("05/05/2026", "write 5-may-2026"),
            ("31-dez-2026", "write 31-dec-2026"),
            ("31-December-2026", "write 31-dec-2026"),
            ("31-décembre-2026", "write 31-dec-2026"),
            ("31-dce-2026", "write 31-dec-2026"),
            ("31–dec–2026", "write 31-dec-2026"),
            ("dec-31-2026", "write 31-dec-2026"),
            ("1-juil-26", "write 1-jul-2026"),
            ("30-feb-2027", "feb has 28 days in 2027"),
            ("29-feb-2028", "write 29-feb-2028"),
            ("dec-2026", "write the day too, as in 31-dec-2027"),
            ("never", "write permanent"),
            ("Permanant", "did you mean permanent?"),
            ("2026-13-31", "write a date such as 31-dec-2027, or permanent"),
            ("1-1-1-1", "write a date such as 31-dec-2027, or permanent"),
            ("", "write a date such as 31-dec-2027, or permanent"),
        ] {
            assert_eq!(expiry(text), hint, "{text}");
        }
        assert_eq!(attribute_date("permanent"), "write a date such as 31-dec-2027");
    }
}
