//! Versions, counts, and fields that are not where they should be.

use super::digits_for_letters;
use crate::ident::Version;
use crate::text::nearest;
use crate::time::CivilDate;

/// Longer texts are no versions and no counts.
const FIELD_BYTES_MAX: usize = 40;

/// What a version probably means.
pub(in crate::license) fn version(text: &str) -> String {
    let proposed = text.trim_start_matches(|c: char| c.is_ascii_alphabetic() || matches!(c, '-' | '+'));
    let proposed = proposed.trim_end_matches(|c: char| c.is_ascii_alphabetic()).replace(',', ".");
    let proposed = proposed.trim_end_matches('.');
    if proposed.bytes().filter(|byte| *byte == b'.').count() > 1
        && proposed.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
    {
        return "a version has one point at most; ask the publisher which number it stands for".to_owned();
    }
    if text.len() > 10 && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
        return "write it with at most 10 characters".to_owned();
    }
    match Version::parse(proposed) {
        Ok(version) if proposed != text => format!("write {version}"),
        _ => "write a number such as 2.0".to_owned(),
    }
}

const NUMBERS: [&str; 13] = [
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
];

/// What people write for licenses without number.
const UNLIMITED: [&str; 5] = ["unlimited", "infinite", "all", "any", "-1"];

/// What a number of licenses probably means.
pub(in crate::license) fn count(text: &str) -> String {
    if let Some(number) = NUMBERS.iter().position(|word| text.eq_ignore_ascii_case(word)) {
        return format!("write {number}");
    }
    if UNLIMITED.iter().any(|word| text.eq_ignore_ascii_case(word)) {
        return "licenses without number are uncounted, and such a line needs HOSTID=".to_owned();
    }
    if nearest(text, ["uncounted"]).is_some() {
        return "did you mean uncounted?".to_owned();
    }
    let groups: Vec<&str> = text.split([',', '\'']).collect();
    let thousands = groups.len() > 1
        && groups.iter().skip(1).all(|group| group.len() == 3)
        && groups.iter().all(|group| !group.is_empty() && group.bytes().all(|byte| byte.is_ascii_digit()));
    let proposed = if thousands { groups.concat() } else { digits_for_letters(text) };
    if text.len() <= FIELD_BYTES_MAX && proposed != text && proposed.parse::<u32>().is_ok() {
        return format!("did you mean {proposed}?");
    }
    format!("write a number up to {}, or uncounted", u32::MAX)
}

/// Which field is missing, or what stands in the place of others.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::license) enum Missing {
    /// The field of this index, from 0, as those behind it show.
    Field(usize),
    /// Feature or vendor: both are names, so nobody can say which.
    Name,
}

/// Which of the fields of a line is missing, told by the forms of those that are there: names, `versions` versions, an expiry
/// date and a number of licenses.
pub(in crate::license) fn missing_field(present: &[&str], versions: usize) -> Option<Missing> {
    let whole = 4 + versions;
    if present.len() + 1 != whole {
        return None;
    }
    let field = (0..whole).rev().find(|missing| {
        let places = (0..whole).filter(|index| index != missing);
        places.zip(present).all(|(index, text)| fits(index, text, versions))
    })?;
    Some(if field < 2 { Missing::Name } else { Missing::Field(field) })
}

/// Whether texts have the forms of all fields of a line.
pub(in crate::license) fn are_fields(texts: &[&str]) -> bool {
    let versions = texts.len().saturating_sub(4);
    texts.iter().enumerate().all(|(index, text)| fits(index, text, versions))
}

/// Whether a text has the form of the field of this index.
fn fits(index: usize, text: &str, versions: usize) -> bool {
    match index.checked_sub(2) {
        None => Version::parse(text).is_err(),
        Some(version) if version < versions => Version::parse(text).is_ok(),
        Some(version) if version == versions => is_expiry(text),
        Some(_) => is_count(text),
    }
}

fn is_expiry(text: &str) -> bool {
    text.eq_ignore_ascii_case("permanent") || CivilDate::parse(text).is_ok() || text.ends_with("-0")
}

fn is_count(text: &str) -> bool {
    text.eq_ignore_ascii_case("uncounted") || (!text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions() {
        for (text, hint) in [
            ("v2", "write 2"),
            ("2.x", "write 2"),
            ("R2026", "write 2026"),
            ("2.0a", "write 2.0"),
            ("1,5", "write 1.5"),
            ("-2.0", "write 2.0"),
            ("2.0.1", "a version has one point at most; ask the publisher which number it stands for"),
            ("2026.123456", "write it with at most 10 characters"),
            ("*", "write a number such as 2.0"),
            ("", "write a number such as 2.0"),
        ] {
            assert_eq!(version(text), hint, "{text}");
        }
    }

    #[test]
    fn counts() {
        for (text, hint) in [
            ("Ten", "write 10"),
            ("-1", "licenses without number are uncounted, and such a line needs HOSTID="),
            ("uncouted", "did you mean uncounted?"),
            ("1,000", "did you mean 1000?"),
            ("1O", "did you mean 10?"),
            ("2.5", "write a number up to 4294967295, or uncounted"),
            ("1,5", "write a number up to 4294967295, or uncounted"),
        ] {
            assert_eq!(count(text), hint, "{text}");
        }
    }

    #[test]
    fn the_field_that_is_missing_is_told_by_the_others() {
        let missing = |line: &str, versions| missing_field(&line.split(' ').collect::<Vec<_>>(), versions);
        assert_eq!(missing("fx acmed 2.0 31-dec-2027", 1), Some(Missing::Field(4)));
        assert_eq!(missing("fx acmed 2.0 5", 1), Some(Missing::Field(3)));
        assert_eq!(missing("fx acmed permanent 5", 1), Some(Missing::Field(2)));
        assert_eq!(missing("fx 2.0 permanent 5", 1), Some(Missing::Name));
        assert_eq!(missing("fx acmed 2.0 permanent 5", 2), Some(Missing::Field(3)));
        assert_eq!(missing("fx acmed", 1), None);
        assert_eq!(missing("fx acmed x y", 1), None);
    }
}
