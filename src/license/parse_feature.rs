//! FEATURE, INCREMENT and UPGRADE lines (`flexnet-files.md` 1.5 and 1.6).

use super::attribute::known;
use super::feature::{Expiry, FeatureKeyword, FeatureLine, LicenseCount, UpgradeLine, Written};
use super::file::LineKind;
use super::finding;
use super::hostid::HostId;
use super::keyword::Keyword;
use super::lexis::is_bare_key;
use super::meant::{self, Missing};
use super::parse::{Reader, Token};
use super::parse_attribute::read_attributes;
use crate::ident::{Count, FeatureName, NameError, Version};
use crate::text::{Finding, Span, shown};
use crate::time::CivilDate;

const FIELDS: [&str; 5] = ["feature", "vendor", "version", "expiry date", "number of licenses"];
const UPGRADE_FIELDS: [&str; 6] =
    ["feature", "vendor", "from-version", "to-version", "expiry date", "number of licenses"];

/// Productions `feature-line` and `increment-line`, behind their keyword.
pub(super) fn feature<'a>(
    reader: &mut Reader<'a>,
    keyword: Keyword,
    whole: Span,
    words: &[Token<'a>],
) -> LineKind {
    let errors = reader.errors();
    let keyword =
        if keyword == Keyword::Feature { FeatureKeyword::Feature } else { FeatureKeyword::Increment };
    let line = fields(reader, whole, words, FIELDS).and_then(|(fields, rest)| {
        let line = terms(reader, keyword, whole, fields, rest)?;
        let [.., count] = fields;
        check_hostids(reader, &line, count.span);
        Some(line)
    });
    match line {
        Some(line) if reader.errors() == errors => LineKind::Feature(Box::new(line)),
        _ => LineKind::Invalid,
    }
}

/// Production `upgrade-line`, behind its keyword.
pub(super) fn upgrade<'a>(reader: &mut Reader<'a>, whole: Span, words: &[Token<'a>]) -> LineKind {
    let errors = reader.errors();
    let Some(([name, vendor, from_at, to_at, expiry, count], rest)) =
        fields(reader, whole, words, UPGRADE_FIELDS)
    else {
        return LineKind::Invalid;
    };
    let from_written = reader.word(from_at);
    let from = from_written.as_deref().and_then(|text| read_version(reader, text, from_at.span));
    let to = [name, vendor, to_at, expiry, count];
    let to = terms(reader, FeatureKeyword::Increment, whole, to, rest);
    let (Some(from), Some(from_written), Some(to)) = (from, from_written, to) else {
        return LineKind::Invalid;
    };
    if from >= to.version {
        let message = format!("there is no version from {from} that is below {}", to.version);
        let span = Span::new(from_at.span.start, to_at.span.end);
        reader
            .report(finding::UPGRADE_RANGE, span, message)
            .help("the fields are: feature vendor from-version to-version expiry-date number-of-licenses");
    }
    if to.count == LicenseCount::Uncounted {
        reader
            .report(finding::UPGRADE_UNCOUNTED, count.span, "an UPGRADE line needs a number of licenses")
            .help("uncounted lines can't be upgraded; ask the publisher for a line of the new version");
    } else {
        check_hostids(reader, &to, count.span);
    }
    if reader.errors() > errors {
        return LineKind::Invalid;
    }
    LineKind::Upgrade(Box::new(UpgradeLine { from, to, from_written: Box::from(&*from_written) }))
}

/// Production `terms` and what stands behind them.
fn terms<'a>(
    reader: &mut Reader<'a>,
    keyword: FeatureKeyword,
    whole: Span,
    fields: [Token<'a>; 5],
    rest: &[Token<'a>],
) -> Option<FeatureLine> {
    let texts = fields.map(|token| reader.word(token));
    let [Some(name), Some(vendor), Some(version), Some(expiry), Some(count)] = texts else {
        return None;
    };
    let [name_at, vendor_at, version_at, expiry_at, count_at] = fields.map(|token| token.span);
    let name = read_name(reader, finding::FIELD_NAME, FeatureName::parse(&name), name_at);
    let vendor = reader.vendor(&vendor);
    let vendor = read_name(reader, finding::FIELD_NAME, vendor, vendor_at);
    let version = read_version(reader, &version, version_at);
    let written = Written { expiry: Box::from(&*expiry), count: Box::from(&*count) };
    let expiry = read_expiry(reader, &expiry, expiry_at);
    let count = read_count(reader, &count, count_at);
    let (license_key, rest) = read_key(rest);
    let attributes = read_attributes(reader, rest, false);
    let (name, vendor, version, expiry, count) = (name?, vendor?, version?, expiry?, count?);
    Some(FeatureLine {
        keyword,
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
    })
}

/// The positional fields and what follows. A field that is an attribute is a field that is missing.
fn fields<'a, 'w, const N: usize>(
    reader: &mut Reader<'a>,
    whole: Span,
    words: &'w [Token<'a>],
    names: [&str; N],
) -> Option<([Token<'a>; N], &'w [Token<'a>])> {
    let present = words.iter().take(N).take_while(|token| !is_attribute(token)).count();
    if reader.report_no_break_spaces(words) || (present == N && report_blank_in_name(reader, words, N)) {
        return None;
    }
    if present == N
        && let Some((fields, rest)) = words.split_first_chunk()
    {
        return Some((*fields, rest));
    }
    let texts: Vec<&str> = words.iter().take(present).map(|token| token.raw).collect();
    let (index, missing) = match meant::missing_field(&texts, N.saturating_sub(4)) {
        Some(Missing::Field(index)) => (index, names.get(index).copied().unwrap_or_default()),
        Some(Missing::Name) => (1, "feature or vendor"),
        None => (present, names.get(present).copied().unwrap_or_default()),
    };
    let place = words.get(index).map_or(Span::new(whole.end, whole.end), |token| token.span);
    reader
        .report(finding::FIELD_MISSING, place, format!("{missing} is missing"))
        .help(format!("the fields are: {}", names.map(|name| name.replace(' ', "-")).join(" ")));
    None
}

/// A blank in the feature's name moves all fields behind it by one. Told by their forms; reported as one mistake.
fn report_blank_in_name(reader: &mut Reader<'_>, words: &[Token<'_>], fields: usize) -> bool {
    let fits = |from: usize| {
        let texts: Vec<&str> = words.iter().skip(from).take(fields).map(|token| token.raw).collect();
        texts.len() == fields && meant::are_fields(&texts)
    };
    let (Some(first), Some(second)) = (words.first(), words.get(1)) else { return false };
    if fits(0) || !fits(1) {
        return false;
    }
    let span = Span::new(first.span.start, second.span.end);
    let message =
        format!("feature name contains a blank: {}", shown(&format!("{} {}", first.raw, second.raw)));
    reader
        .report(finding::FIELD_NAME, span, message)
        .help("write a name without blanks, usually with _ in their place");
    true
}

/// Whether a word in the place of a field is `NAME=` of a publisher's attribute.
pub(super) fn is_attribute(token: &Token<'_>) -> bool {
    token.raw.split_once('=').is_some_and(|(name, _)| known(name).is_some())
}

/// A name, or the finding that it is none.
pub(super) fn read_name<N>(
    reader: &mut Reader<'_>,
    finding: Finding,
    name: Result<N, NameError>,
    span: Span,
) -> Option<N> {
    match name {
        Ok(name) => Some(name),
        Err(error) => {
            let help = match &error {
                NameError::Empty { .. } => "write the name that the publisher issued".to_owned(),
                NameError::TooLong { .. } => {
                    "a name is shorter; check the line before it for a quote".to_owned()
                }
                NameError::BadCharacter { found, .. } if *found == ' ' => {
                    "write a name without blanks, usually with _ in their place".to_owned()
                }
                NameError::BadCharacter { found, .. } => {
                    format!("remove the character U+{:04X}", u32::from(*found))
                }
            };
            reader.report(finding, span, error.to_string()).help(help);
            None
        }
    }
}

/// Production `version`.
pub(super) fn read_version(reader: &mut Reader<'_>, text: &str, span: Span) -> Option<Version> {
    let version = match Version::parse(text) {
        Ok(version) => version,
        Err(error) => {
            reader.report(finding::VERSION, span, error.to_string()).help(meant::version(text));
            return None;
        }
    };
    if let Some((year, day)) = text.split_once('.')
        && year.len() == 4
        && (year.starts_with("19") || year.starts_with("20"))
        && matches!(day.len(), 3 | 4)
    {
        let (month, of_month) = day.split_at_checked(day.len() - 2).unwrap_or((day, ""));
        if !is_day(year, month, of_month) {
            let message = format!("version {text} looks like a date yyyy.mmdd, but there is no such day");
            let meant = match (month, of_month) {
                (day, month) if is_day(year, month, day) => format!("did you mean {year}.{month}{day}?"),
                _ => "the digits behind the point are month and day, 0101 to 1231".to_owned(),
            };
            reader.report(finding::VERSION_NO_DATE, span, message).help(meant);
        } else if day.len() == 3 {
            let message = format!("date-based version {text} compares as greater than {year}.1231");
            reader.report(finding::VERSION_UNPADDED, span, message).help(format!("write {year}.0{day}"));
        }
    }
    Some(version)
}

fn is_day(year: &str, month: &str, day: &str) -> bool {
    match (year.parse(), month.parse(), day.parse()) {
        (Ok(year), Ok(month), Ok(day)) => CivilDate::new(year, month, day).is_some(),
        _ => false,
    }
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
            if let Some((of_year, year)) = text.rsplit_once('-').filter(|(_, year)| year.len() == 2) {
                let message = format!("a year of two digits means 19xx: {day}");
                let help = format!("write the year with four digits, as in {of_year}-20{year}");
                reader.report(finding::SHORT_YEAR, span, message).help(help);
            }
            Some(Expiry::On(day))
        }
        Err(error) => {
            reader.report(finding::EXPIRY, span, error.to_string()).help(meant::expiry(text));
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
            .help(meant::count(text));
        return None;
    };
    Some(Count::new(number).map_or(LicenseCount::Uncounted, LicenseCount::Counted))
}

/// Production `license-key`: the bare key in the place behind the fields.
pub(super) fn read_key<'a, 'w>(words: &'w [Token<'a>]) -> (Option<String>, &'w [Token<'a>]) {
    if let Some((first, rest)) = words.split_first()
        && let Ok(text) = super::lexis::text(first.raw)
        && known(&text).is_none()
        && is_bare_key(&text)
    {
        return (Some(text.into_owned()), rest);
    }
    (None, words)
}

/// What counted and uncounted lines ask of their hostids (`flexnet-files.md` 1.5, 1.8 and 3.8).
fn check_hostids(reader: &mut Reader<'_>, line: &FeatureLine, count_at: Span) {
    let place = line.attributes.iter().find(|found| found.name == "HOSTID").map(|found| found.span);
    match (line.count, place) {
        (LicenseCount::Uncounted, None) => {
            reader
                .report(finding::UNCOUNTED_FLOATING, count_at, "an uncounted line needs HOSTID=")
                .help("add the HOSTID that the publisher issued, or write a number of licenses");
        }
        (LicenseCount::Uncounted, Some(place)) if line.hostids.contains(&HostId::Any) => {
            reader
                .report(
                    finding::UNCOUNTED_ANY,
                    place,
                    "uncounted for ANY machine: this line is bound to nothing",
                )
                .help("whoever has the line may use it without limit; a hostid would bind it");
        }
        (LicenseCount::Counted(_), Some(place)) if line.hostids.contains(&HostId::Demo) => {
            reader
                .report(finding::DEMO_COUNTED, place, "DEMO is for uncounted lines only")
                .help("a counted line needs no HOSTID; the publisher's may have meant uncounted");
        }
        _ => {}
    }
}
