//! A feature with its modifiers (`flexnet-files.md` 4.2).

use super::directive::{FeatureSpec, Modifier, TextModifier};
use super::finding;
use super::lexis::Word;
use super::parse::Reader;
use crate::ident::{FeatureName, Version};
use crate::text::{Span, nearest, shown};
use crate::time::CivilDate;

const TEXTS: [(&str, TextModifier); 11] = [
    ("KEY", TextModifier::Key),
    ("SIGN", TextModifier::Sign),
    ("ISSUER", TextModifier::Issuer),
    ("NOTICE", TextModifier::Notice),
    ("VENDOR_STRING", TextModifier::VendorString),
    ("DIST_INFO", TextModifier::DistInfo),
    ("USER_INFO", TextModifier::UserInfo),
    ("ASSET_INFO", TextModifier::AssetInfo),
    ("ENTITLEMENT", TextModifier::Entitlement),
    ("EID", TextModifier::Entitlement),
    ("FID", TextModifier::Entitlement),
];

/// All modifiers of a feature, in the case that manuals use.
pub const MODIFIERS: [&str; 12] = [
    "VERSION",
    "HOSTID",
    "EXPDATE",
    "KEY",
    "SIGN",
    "ISSUER",
    "NOTICE",
    "VENDOR_STRING",
    "dist_info",
    "user_info",
    "asset_info",
    "ENTITLEMENT",
];

/// `feature`, `feature:KEY=value:KEY=value`, or in quotes `"feature KEY=value"`. A word without `=` is a feature's name as a
/// whole, colons included.
pub(super) fn feature_spec(reader: &mut Reader, word: &Word<'_>) -> Option<FeatureSpec> {
    let text = &*word.text;
    let (name, modifiers) = if !text.contains('=') {
        (text, Vec::new())
    } else if word.quoted && text.split_once('=').is_some_and(|(head, _)| head.contains(' ')) {
        let (name, rest) = text.split_once(' ').unwrap_or((text, ""));
        (name, split(rest, ' '))
    } else {
        let (head, _) = text.split_once('=').unwrap_or((text, ""));
        match head.rsplit_once(':') {
            Some((name, _)) => (name, split(text.get(name.len() + 1..).unwrap_or_default(), ':')),
            None => {
                reader
                    .report(finding::FEATURE_NAME, word.span, format!("{} names no feature", shown(text)))
                    .help("write feature:KEYWORD=value");
                return None;
            }
        }
    };
    if name.contains('*') {
        reader
            .report(finding::WILDCARD_FEATURE, word.span, "a star in a feature's name stands for itself")
            .help("write a line for each feature; EXCLUDEALL and INCLUDEALL are for all of them");
    }
    let name = match FeatureName::parse(name) {
        Ok(name) => name,
        Err(error) => {
            reader
                .report(finding::FEATURE_NAME, word.span, error.to_string())
                .help("write the name of the license line");
            return None;
        }
    };
    let mut read = Vec::new();
    for (key, value) in modifiers {
        read.push(modifier(reader, key, value, word.span)?);
    }
    Some(FeatureSpec { name, modifiers: read, span: word.span })
}

/// The feature that a damaged word names, without its modifiers: what stands before the first of them.
pub(super) fn feature_alone(word: &Word<'_>) -> Option<FeatureSpec> {
    let (head, _) = word.text.split_once('=')?;
    let (name, _) =
        if word.quoted && head.contains(' ') { head.split_once(' ')? } else { head.rsplit_once(':')? };
    Some(FeatureSpec { name: FeatureName::parse(name).ok()?, modifiers: Vec::new(), span: word.span })
}

/// Splits `K1=a:K2=b`: a separator counts only before another `KEYWORD=`, so that values may contain it.
fn split(text: &str, separator: char) -> Vec<(&str, &str)> {
    let mut parts: Vec<&str> = Vec::new();
    let (mut start, mut from) = (0, 0);
    while let Some(at) = text.get(from..).and_then(|rest| rest.find(separator)).map(|at| from + at) {
        let behind = text.get(at + separator.len_utf8()..).unwrap_or_default();
        let name = behind.bytes().take_while(|byte| byte.is_ascii_alphabetic() || *byte == b'_').count();
        if name > 0 && behind.as_bytes().get(name) == Some(&b'=') {
            parts.push(text.get(start..at).unwrap_or_default());
            start = at + separator.len_utf8();
        }
        from = at + separator.len_utf8();
    }
    parts.push(text.get(start..).unwrap_or_default());
    parts.into_iter().map(|part| part.split_once('=').unwrap_or((part, ""))).collect()
}

fn modifier(reader: &mut Reader, key: &str, value: &str, span: Span) -> Option<Modifier> {
    let is = |name: &str| key.eq_ignore_ascii_case(name);
    let mut bad = |what: &str| {
        let message = format!("{}={} is not {what}", key.to_ascii_uppercase(), shown(value));
        let meant = other_date(value).filter(|_| key.eq_ignore_ascii_case("EXPDATE"));
        reader.report(finding::MODIFIER_VALUE, span, message).help(match meant {
            Some(day) => format!("write EXPDATE={day}"),
            None => format!("write {what} behind {}=", key.to_ascii_uppercase()),
        });
        None
    };
    if is("VERSION") {
        return Version::parse(value).map(Modifier::Version).ok().or_else(|| bad("a version number"));
    }
    if is("EXPDATE") {
        if value.eq_ignore_ascii_case("permanent") {
            return Some(Modifier::ExpDate(None));
        }
        // A date with the year 0 is one that never comes, as on license lines.
        if value.rsplit_once('-').is_some_and(|(_, year)| !year.is_empty() && year.bytes().all(|b| b == b'0'))
        {
            return Some(Modifier::ExpDate(None));
        }
        return match CivilDate::parse(value) {
            Ok(day) => Some(Modifier::ExpDate(Some(day))),
            Err(_) => bad("a date such as 31-dec-2026"),
        };
    }
    if value.is_empty() {
        return bad("a value");
    }
    if is("HOSTID") {
        return Some(Modifier::HostId(value.to_owned()));
    }
    if let Some((_, text)) = TEXTS.iter().find(|(name, _)| is(name)) {
        return Some(Modifier::Text(*text, value.to_owned()));
    }
    let meant = nearest(key, MODIFIERS);
    reader.report(finding::MODIFIER_UNKNOWN, span, format!("unknown modifier {}", shown(key))).help(
        meant.map_or_else(
            || format!("known are {}", MODIFIERS.join(", ")),
            |meant| format!("did you mean {meant}?"),
        ),
    );
    None
}

/// A day that is written in a way which is clear, but not that of license files: `2026-12-31`, `31.12.2026`.
fn other_date(text: &str) -> Option<CivilDate> {
    let numbers: Vec<i64> =
        text.split(['-', '.', '/']).map(|part| part.parse().ok()).collect::<Option<_>>()?;
    let (year, month, day) = match *numbers.as_slice() {
        [year @ 1000..=9999, month, day] => (year, month, day),
        [day, month, year @ 1000..=9999] if text.contains('.') => (year, month, day),
        _ => return None,
    };
    CivilDate::new(i16::try_from(year).ok()?, i8::try_from(month).ok()?, i8::try_from(day).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn separators_in_values_are_kept() {
        assert_eq!(split("K=a:b:N=c d", ':'), [("K", "a:b"), ("N", "c d")]);
        assert_eq!(split("NOTICE=two words VERSION=2.0", ' '), [("NOTICE", "two words"), ("VERSION", "2.0")]);
        assert_eq!(split("VERSION=2.0", ':'), [("VERSION", "2.0")]);
    }
}
