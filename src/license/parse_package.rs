//! PACKAGE lines (`flexnet-files.md` 1.7).

use std::collections::BTreeSet;

use super::attribute::known;
use super::feature::Attribute;
use super::file::LineKind;
use super::finding;
use super::lexis::{is_bare_key, is_blank};
use super::package::{Component, PackageKind, PackageLine};
use super::parse::{Reader, Token};
use super::parse_attribute::read_attributes;
use super::parse_feature::{is_attribute, read_key, read_name, read_version};
use crate::ident::{Count, FeatureName, VendorName, Version};
use crate::text::{Span, shown};

/// Production `package-line`, behind its keyword.
pub(super) fn package<'a>(reader: &mut Reader<'a>, whole: Span, words: &[Token<'a>]) -> LineKind {
    let errors = reader.errors();
    let present = words.iter().take(2).take_while(|token| !is_attribute(token)).count();
    let ([name_at, vendor_at, rest @ ..], 2) = (words, present) else {
        let place = words.get(present).map_or(Span::new(whole.end, whole.end), |token| token.span);
        let missing = if present == 0 { "package name" } else { "vendor" };
        reader
            .report(finding::PACKAGE_FIELD, place, format!("{missing} is missing"))
            .help("write PACKAGE name vendor [version] COMPONENTS=\"component component\" SIGN=");
        return LineKind::Invalid;
    };
    let (Some(name), Some(vendor)) = (reader.word(*name_at), reader.word(*vendor_at)) else {
        return LineKind::Invalid;
    };
    let name = read_name(reader, finding::PACKAGE_FIELD, FeatureName::parse(&name), name_at.span);
    let vendor = read_name(reader, finding::PACKAGE_FIELD, VendorName::parse(&vendor), vendor_at.span);
    let (version, rest) = match rest.split_first() {
        Some((first, behind)) if is_version(first.raw) => {
            let text = reader.word(*first);
            (text.and_then(|text| read_version(reader, &text, first.span)), behind)
        }
        _ => (None, rest),
    };
    let (license_key, rest) = read_key(rest);
    let attributes = read_attributes(reader, rest, true);
    let kind = match attributes.get("OPTIONS") {
        Some(options) => read_kind(reader, options),
        None => Some(PackageKind::Bundle),
    };
    let components = match attributes.get("COMPONENTS") {
        Some(listed) => read_components(reader, listed, kind),
        None => Vec::new(),
    };
    if components.is_empty() && reader.errors() == errors {
        let span = attributes.get("COMPONENTS").map_or(whole, |listed| listed.span);
        reader
            .report(finding::NO_COMPONENT, span, "the package has no component")
            .help("write COMPONENTS=\"component component\"");
    }
    match (name, vendor, kind) {
        (Some(name), Some(vendor), Some(kind)) if reader.errors() == errors => {
            LineKind::Package(Box::new(PackageLine {
                name,
                vendor,
                version,
                components,
                kind,
                license_key,
                attributes: attributes.list,
                span: whole,
                issued: attributes.issued,
            }))
        }
        _ => LineKind::Invalid,
    }
}

/// Whether the word behind the vendor stands in the place of the version: it is no attribute and no key.
fn is_version(raw: &str) -> bool {
    !raw.contains('=') && known(raw).is_none() && !is_bare_key(raw)
}

fn read_kind(reader: &mut Reader<'_>, options: &Attribute) -> Option<PackageKind> {
    let value = options.value.as_deref()?;
    match value {
        "SUITE" => Some(PackageKind::Suite),
        "SUITE_RESERVED" => Some(PackageKind::SuiteReserved),
        _ => {
            reader
                .report(
                    finding::PACKAGE_OPTIONS,
                    options.span,
                    format!("{} is no kind of package", shown(value)),
                )
                .help("write OPTIONS=SUITE or OPTIONS=SUITE_RESERVED; without OPTIONS it is a bundle");
            None
        }
    }
}

/// Production `components`.
fn read_components(reader: &mut Reader<'_>, listed: &Attribute, kind: Option<PackageKind>) -> Vec<Component> {
    let (mut components, mut names) = (Vec::new(), BTreeSet::new());
    let words = listed.value.as_deref().unwrap_or_default().split(is_blank);
    let mut at = listed.span.start + listed.name.len();
    for word in words.filter(|word| !word.is_empty()) {
        let span = reader.find(word, Span::new(at, listed.span.end)).unwrap_or(listed.span);
        at = span.end;
        let Some(component) = read_component(reader, word, span) else { continue };
        if component.count.is_some() && !matches!(kind, None | Some(PackageKind::Bundle)) {
            let message = format!("{} has a number of licenses, which a suite does not take", shown(word));
            reader
                .report(finding::COMPONENT_COUNT, span, message)
                .help("each component of a suite has as many licenses as the line that enables it");
        }
        if !names.insert(component.name.clone()) {
            let message = format!("component {} stands twice in the package", component.name);
            reader.report(finding::COMPONENT_TWICE, span, message).help("remove one of them");
        }
        components.push(component);
    }
    components
}

/// Production `component`.
///
/// A feature's name may contain a colon (`flexnet-files.md` 1.5). DECISION: read from the right, one part of digits and
/// points is the version, two are version and count, and all before them is the name; a colon that stays in the name
/// is reported.
fn read_component(reader: &mut Reader<'_>, word: &str, span: Span) -> Option<Component> {
    let (name, version, count) = match word.rsplit_once(':') {
        Some((head, last)) if is_number(last) => match head.rsplit_once(':') {
            Some((name, middle)) if is_number(middle) => (name, Some(middle), Some(last)),
            _ => (head, Some(last), None),
        },
        _ => (word, None, None),
    };
    let mut bad = |why: String| {
        reader
            .report(finding::COMPONENT, span, format!("component {}: {why}", shown(word)))
            .help("a component is name, name:version or name:version:count");
    };
    let version = match version.map(Version::parse).transpose() {
        Ok(version) => version,
        Err(error) => {
            bad(error.to_string());
            return None;
        }
    };
    let licenses = count.map(|text| text.parse().ok().and_then(Count::new));
    if licenses == Some(None) {
        bad(format!("{} is not a number of licenses", count.unwrap_or_default()));
        return None;
    }
    if name.is_empty() || name.ends_with(':') {
        bad("a part of it is empty".to_owned());
        return None;
    }
    let name = match FeatureName::parse(name) {
        Ok(name) => name,
        Err(error) => {
            bad(error.to_string());
            return None;
        }
    };
    if name.as_str().contains([',', ';']) {
        let separated = shown(&word.replace([',', ';'], " "));
        reader
            .report(
                finding::COMPONENT_COMMA,
                span,
                format!("the comma in {} belongs to the component's name", shown(name.as_str())),
            )
            .help(format!("blanks separate components, not commas: write {separated}"));
    } else if name.as_str().contains(':') {
        reader
            .report(
                finding::COMPONENT_COLON,
                span,
                format!("the colon in {} belongs to the component's name", shown(name.as_str())),
            )
            .help("a version consists of digits and at most one point, a count of digits");
    }
    Some(Component { name, version, count: licenses.flatten() })
}

/// Digits and points, at least one.
fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
}
