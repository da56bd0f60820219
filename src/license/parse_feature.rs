//! FEATURE and INCREMENT lines (`flexnet-files.md` 1.5).

use std::borrow::Cow;

use super::attribute::{Form, KNOWN, is_dup_group, known};
use super::feature::{Attribute, Expiry, FeatureKeyword, FeatureLine, LicenseCount, Written};
use super::file::LineKind;
use super::finding;
use super::hostid::HostId;
use super::keyword::Keyword;
use super::lexis::{attribute, is_bare_key, is_blank};
use super::parse::{Reader, Token, shown};
use super::parse_server::one_hostid;
use crate::ident::{Count, FeatureName, NameError, VendorName, Version};
use crate::text::{Span, nearest};
use crate::time::CivilDate;

const FIELDS: [&str; 5] = ["feature", "vendor", "version", "expiry date", "number of licenses"];

/// Productions `feature-line` and `increment-line`, behind their keyword.
pub(super) fn feature<'a>(
    reader: &mut Reader<'a>,
    keyword: Keyword,
    whole: Span,
    words: &[Token<'a>],
) -> LineKind {
    let errors = reader.errors();
    let Some((fields, rest)) = five_fields(reader, whole, words) else { return LineKind::Invalid };
    let texts = fields.map(|token| reader.word(token));
    let [Some(name), Some(vendor), Some(version), Some(expiry), Some(count)] = texts else {
        return LineKind::Invalid;
    };
    let [name_at, vendor_at, version_at, expiry_at, count_at] = fields.map(|token| token.span);
    let name = read_name(reader, FeatureName::parse(&name), name_at);
    let vendor = read_name(reader, VendorName::parse(&vendor), vendor_at);
    let version = read_version(reader, &version, version_at);
    let written = Written { expiry: Box::from(&*expiry), count: Box::from(&*count) };
    let expiry = read_expiry(reader, &expiry, expiry_at);
    let count = read_count(reader, &count, count_at);
    let (license_key, rest) = read_key(rest);
    let attributes = read_attributes(reader, rest);
    let (Some(name), Some(vendor), Some(version), Some(expiry), Some(count)) =
        (name, vendor, version, expiry, count)
    else {
        return LineKind::Invalid;
    };
    check_hostids(reader, count, &attributes, count_at);
    if reader.errors() > errors {
        return LineKind::Invalid;
    }
    LineKind::Feature(Box::new(FeatureLine {
        keyword: if keyword == Keyword::Feature {
            FeatureKeyword::Feature
        } else {
            FeatureKeyword::Increment
        },
        name,
        vendor,
        version,
        expiry,
        count,
        license_key,
        attributes: attributes.list,
        span: whole,
        written,
        hostids: attributes.hostids,
        start: attributes.start,
        issued: attributes.issued,
    }))
}

/// The five fields and what follows. A field that is an attribute is a field that is missing.
fn five_fields<'a, 'w>(
    reader: &mut Reader<'a>,
    whole: Span,
    words: &'w [Token<'a>],
) -> Option<([Token<'a>; 5], &'w [Token<'a>])> {
    let is_attribute =
        |token: &Token<'a>| token.raw.split_once('=').is_some_and(|(name, _)| known(name).is_some());
    let present = words.iter().take(FIELDS.len()).take_while(|token| !is_attribute(token)).count();
    if let ([name, vendor, version, expiry, count, rest @ ..], 5) = (words, present) {
        return Some(([*name, *vendor, *version, *expiry, *count], rest));
    }
    let place = words.get(present).map_or(Span::new(whole.end, whole.end), |token| token.span);
    let missing = FIELDS.get(present).copied().unwrap_or_default();
    reader
        .report(finding::FIELD_MISSING, place, format!("{missing} is missing"))
        .help("the fields are: feature vendor version expiry-date number-of-licenses");
    None
}

fn read_name<N>(reader: &mut Reader<'_>, name: Result<N, NameError>, span: Span) -> Option<N> {
    match name {
        Ok(name) => Some(name),
        Err(error) => {
            reader.report(finding::FIELD_NAME, span, error.to_string());
            None
        }
    }
}

/// Production `version`.
fn read_version(reader: &mut Reader<'_>, text: &str, span: Span) -> Option<Version> {
    let version = match Version::parse(text) {
        Ok(version) => version,
        Err(error) => {
            reader.report(finding::VERSION, span, error.to_string()).help("write a number such as 2.0");
            return None;
        }
    };
    if let Some((year, day)) = text.split_once('.')
        && year.len() == 4
        && (year.starts_with("19") || year.starts_with("20"))
        && matches!(day.len(), 3 | 4)
    {
        let (month, of_month) = day.split_at_checked(day.len() - 2).unwrap_or((day, ""));
        let exists = match (year.parse(), month.parse(), of_month.parse()) {
            (Ok(year), Ok(month), Ok(of_month)) => CivilDate::new(year, month, of_month).is_some(),
            _ => false,
        };
        if !exists {
            let message = format!("version {text} looks like a date yyyy.mmdd, but there is no such day");
            reader.report(finding::VERSION_NO_DATE, span, message);
        } else if day.len() == 3 {
            let message = format!("date-based version {text} compares as greater than {year}.1231");
            reader.report(finding::VERSION_UNPADDED, span, message).help(format!("write {year}.0{day}"));
        }
    }
    Some(version)
}

/// Production `expiry`: `permanent`, a date with the year 0, or a date.
fn read_expiry(reader: &mut Reader<'_>, text: &str, span: Span) -> Option<Expiry> {
    if text.eq_ignore_ascii_case("permanent") {
        return Some(Expiry::Never);
    }
    // A date with the year 0 is one that never comes; with another year it must be a date all the same.
    if let Some((day, year)) = text.rsplit_once('-')
        && (1..=4).contains(&year.len())
        && year.bytes().all(|byte| byte == b'0')
        && CivilDate::parse(&format!("{day}-2000")).is_ok()
    {
        return Some(Expiry::Never);
    }
    match CivilDate::parse(text) {
        Ok(day) => {
            if text.rsplit('-').next().is_some_and(|year| year.len() == 2) {
                let message = format!("a year of two digits means 19xx: {day}");
                reader.report(finding::SHORT_YEAR, span, message).help("write the year with four digits");
            }
            Some(Expiry::On(day))
        }
        Err(error) => {
            reader
                .report(finding::EXPIRY, span, error.to_string())
                .help("write a date such as 31-dec-2027, or permanent");
            None
        }
    }
}

/// The first word of productions `counted` and `uncounted`.
fn read_count(reader: &mut Reader<'_>, text: &str, span: Span) -> Option<LicenseCount> {
    if text.eq_ignore_ascii_case("uncounted") {
        return Some(LicenseCount::Uncounted);
    }
    let number = if text.bytes().all(|byte| byte.is_ascii_digit()) { text.parse::<u32>().ok() } else { None };
    let Some(number) = number else {
        reader
            .report(finding::COUNT, span, format!("{} is not a number of licenses", shown(text)))
            .help(format!("write a number up to {}, or uncounted", u32::MAX));
        return None;
    };
    Some(Count::new(number).map_or(LicenseCount::Uncounted, LicenseCount::Counted))
}

/// Production `license-key`: the bare key in the place behind the fields.
fn read_key<'a, 'w>(words: &'w [Token<'a>]) -> (Option<String>, &'w [Token<'a>]) {
    if let Some((first, rest)) = words.split_first()
        && let Ok(text) = super::lexis::text(first.raw)
        && known(&text).is_none()
        && is_bare_key(&text)
    {
        return (Some(text.into_owned()), rest);
    }
    (None, words)
}

#[derive(Default)]
struct Attributes {
    list: Vec<Attribute>,
    hostids: Vec<HostId>,
    start: Option<CivilDate>,
    issued: Option<CivilDate>,
}

/// Productions `attribute` and `own`, as many as there are.
fn read_attributes<'a>(reader: &mut Reader<'a>, words: &[Token<'a>]) -> Attributes {
    let mut attributes = Attributes { list: Vec::with_capacity(words.len()), ..Attributes::default() };
    for token in words {
        read_attribute(reader, &mut attributes, *token);
    }
    report_twice(reader, &attributes.list);
    attributes
}

fn read_attribute<'a>(reader: &mut Reader<'a>, attributes: &mut Attributes, token: Token<'a>) {
    let folded;
    let parts = match attribute(token.raw) {
        Some(parts) => Some(parts),
        // A name may be wrapped too; its value keeps its raw text so that places stay right.
        None => {
            folded = super::lexis::text(token.raw).unwrap_or(Cow::Borrowed(""));
            match &folded {
                Cow::Owned(text) => {
                    read_folded(reader, attributes, text, token.span);
                    return;
                }
                Cow::Borrowed(_) => None,
            }
        }
    };
    let Some((name, raw)) = parts else {
        if reader.word(token).is_some() {
            not_an_attribute(reader, token.raw, token.span);
        }
        return;
    };
    let value = match raw {
        None => None,
        Some(raw) => match reader.value(token, raw) {
            Some(value) => Some(value),
            None => return,
        },
    };
    keep_attribute(reader, attributes, name, value, token.span);
}

/// A word without quotes that a backslash has cut in two.
fn read_folded(reader: &mut Reader<'_>, attributes: &mut Attributes, text: &str, span: Span) {
    match attribute(text) {
        Some((name, value)) => keep_attribute(reader, attributes, name, value.map(Cow::Borrowed), span),
        None => not_an_attribute(reader, text, span),
    }
}

fn not_an_attribute(reader: &mut Reader<'_>, text: &str, span: Span) {
    let found =
        reader.report(finding::NOT_AN_ATTRIBUTE, span, format!("{} is not an attribute", shown(text)));
    found.help("attributes are NAME or NAME=value; a value with blanks needs quotes");
}

fn keep_attribute(
    reader: &mut Reader<'_>,
    attributes: &mut Attributes,
    name: &str,
    value: Option<Cow<'_, str>>,
    span: Span,
) {
    let mut kept: Cow<'static, str> = Cow::Borrowed("");
    if let Some((name, form)) = known(name) {
        check_value(reader, attributes, name, form, value.as_deref(), span);
        kept = Cow::Borrowed(name);
    } else if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
        let found =
            reader.report(finding::UNKNOWN_ATTRIBUTE, span, format!("unknown attribute {}", shown(name)));
        found.suggest(if Keyword::of(name).is_some() {
            Some("a backslash at the end of the line before joins this line to it".into())
        } else {
            nearest(name, KNOWN.iter().map(|(known, _)| *known)).map(|meant| format!("did you mean {meant}?"))
        });
    } else {
        if name == "sort"
            && value.as_deref().is_none_or(|v| v.is_empty() || !v.bytes().all(|b| b.is_ascii_digit()))
        {
            reader.report(finding::SORT, span, "sort= takes a number from 0 to 255");
        }
        kept = Cow::Owned(name.to_owned());
    }
    attributes.list.push(Attribute { name: kept, value: value.map(Cow::into_owned), span });
}

/// Productions `flag`, `text`, `counted-flag`, `counted-text`, `dated`, `sharing` and `hostids`.
fn check_value(
    reader: &mut Reader<'_>,
    attributes: &mut Attributes,
    name: &'static str,
    form: Form,
    value: Option<&str>,
    span: Span,
) {
    let is_number = |text: &str| {
        !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) && text.parse::<u32>().is_ok()
    };
    let Some(value) = value else {
        if matches!(form, Form::Text | Form::Number | Form::Date | Form::DupGroup | Form::HostIds) {
            reader
                .report(finding::VALUE_MISSING, span, format!("{name} needs a value"))
                .help(format!("write {name}=value"));
        } else if form == Form::Ignored {
            reader.report(finding::ATTRIBUTE_IGNORED, span, format!("{name} has no effect here"));
        }
        return;
    };
    match form {
        Form::Flag => {
            reader.report(finding::VALUE_UNWANTED, span, format!("{name} takes no value"));
        }
        Form::Number | Form::FlagOrNumber if !is_number(value) => {
            reader.report(finding::VALUE, span, format!("{} is not a number for {name}", shown(value)));
        }
        Form::DupGroup if !is_dup_group(value) => {
            reader
                .report(finding::VALUE, span, format!("{} is not a value of {name}", shown(value)))
                .help("write NONE, SITE or letters out of UHDV");
        }
        Form::Date => match CivilDate::parse(value) {
            Ok(day) if name == "START" => attributes.start = Some(day),
            Ok(day) => attributes.issued = Some(day),
            Err(error) => {
                reader
                    .report(finding::ATTRIBUTE_DATE, span, error.to_string())
                    .help("write a date such as 31-dec-2027");
            }
        },
        Form::HostIds => {
            let before = attributes.hostids.len();
            for word in value.split(is_blank).filter(|word| !word.is_empty()) {
                attributes.hostids.extend(one_hostid(reader, word, span));
            }
            if attributes.hostids.len() == before && value.trim().is_empty() {
                reader.report(finding::VALUE_MISSING, span, format!("{name} names no hostid"));
            }
        }
        Form::Ignored => {
            reader.report(finding::ATTRIBUTE_IGNORED, span, format!("{name} has no effect here"));
        }
        _ => {}
    }
}

/// A name that stands twice: an error for the publisher's, for nobody could say which of them is signed.
fn report_twice(reader: &mut Reader<'_>, list: &[Attribute]) {
    let mut sorted: Vec<&Attribute> = list.iter().filter(|attribute| !attribute.name.is_empty()).collect();
    sorted.sort_by(|one, other| one.name.cmp(&other.name));
    for pair in sorted.windows(2) {
        let [one, other] = pair else { continue };
        if one.name == other.name {
            let finding =
                if other.is_publishers() { finding::ATTRIBUTE_TWICE } else { finding::OWN_ATTRIBUTE_TWICE };
            reader.report(finding, other.span, format!("{} stands twice on this line", other.name));
        }
    }
}

/// What counted and uncounted lines ask of their hostids (`flexnet-files.md` 1.5, 1.8 and 3.8).
fn check_hostids(reader: &mut Reader<'_>, count: LicenseCount, attributes: &Attributes, count_at: Span) {
    let place =
        attributes.list.iter().find(|attribute| attribute.name == "HOSTID").map(|attribute| attribute.span);
    match (count, place) {
        (LicenseCount::Uncounted, None) => {
            reader
                .report(finding::UNCOUNTED_FLOATING, count_at, "an uncounted line needs HOSTID=")
                .help("add the HOSTID that the publisher issued, or write a number of licenses");
        }
        (LicenseCount::Uncounted, Some(place)) if attributes.hostids.contains(&HostId::Any) => {
            reader.report(
                finding::UNCOUNTED_ANY,
                place,
                "uncounted for ANY machine: this line is bound to nothing",
            );
        }
        (LicenseCount::Counted(_), Some(place)) if attributes.hostids.contains(&HostId::Demo) => {
            reader.report(finding::DEMO_COUNTED, place, "DEMO is for uncounted lines only");
        }
        _ => {}
    }
}
