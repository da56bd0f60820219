//! The text that a signature covers (`grammar/signature.md`). Wrapping, quotes, blanks between words, lower-case
//! attributes, host names and ports do not enter it, so that administrators may change them.

use thiserror::Error;

use super::feature::FeatureLine;
use super::hostid::HostId;
use super::statement::Statement;

/// First line of the text: what it is and in which version, so that no other signed text can be taken for it.
pub(super) const DOMAIN: &str = "seatkeeper-license-line-v1";

/// Attributes that carry signatures and so can't be covered by one.
const SIGNATURES: [&str; 3] = ["SIGN", "SIGN2", "AUTH"];

/// Why a line has no canonical text.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CanonicalError {
    /// A signed attribute stands twice, so it is not clear which of them was meant.
    #[error("attribute {name} stands twice on the line of {feature}")]
    Duplicate {
        /// The attribute.
        name: String,
        /// The line's feature.
        feature: String,
    },
}

/// The canonical text of a signed line: lines `name=value` separated by LF, without an LF at the end.
pub(super) fn canonical(line: Statement<'_>, server_hostids: &[HostId]) -> Result<String, CanonicalError> {
    let mut text = String::with_capacity(256);
    text.push_str(DOMAIN);
    push(&mut text, "vendor", Some(line.vendor().as_str()));
    for hostid in server_hostids {
        push(&mut text, "server", Some(&hostid.to_string()));
    }
    push(&mut text, "keyword", Some(line.keyword()));
    match line {
        Statement::Feature(feature) => push_terms(&mut text, feature, None),
        Statement::Upgrade(upgrade) => push_terms(&mut text, &upgrade.to, Some(&upgrade.from_written)),
        Statement::Package(package) => {
            push(&mut text, "package", Some(package.name.as_str()));
            if let Some(version) = &package.version {
                push(&mut text, "version", Some(version.as_str()));
            }
        }
    }
    let mut signed: Vec<_> = line
        .attributes()
        .iter()
        .filter(|attribute| attribute.is_publishers() && !SIGNATURES.contains(&&*attribute.name))
        .collect();
    signed.sort_by(|one, other| one.name.cmp(&other.name));
    for pair in signed.windows(2) {
        if let [one, other] = pair
            && one.name == other.name
        {
            return Err(CanonicalError::Duplicate {
                name: one.name.to_string(),
                feature: line.name().to_string(),
            });
        }
    }
    for attribute in signed {
        push(&mut text, &attribute.name, attribute.value.as_deref());
    }
    Ok(text)
}

fn push_terms(text: &mut String, line: &FeatureLine, from: Option<&str>) {
    push(text, "feature", Some(line.name.as_str()));
    if let Some(from) = from {
        push(text, "from", Some(from));
    }
    push(text, "version", Some(line.version.as_str()));
    push(text, "expiry", Some(&line.written.expiry));
    push(text, "count", Some(&line.written.count));
}

fn push(text: &mut String, name: &str, value: Option<&str>) {
    text.push('\n');
    text.push_str(name);
    let Some(value) = value else { return };
    text.push('=');
    for character in value.chars() {
        match character {
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            other => text.push(other),
        }
    }
}
