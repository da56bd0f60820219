//! A new license file before it is signed: what the publisher says, as data, and its text.

use std::fmt::Write as _;

use thiserror::Error;

use crate::ident::{FeatureName, VendorName, Version};
use crate::license::{Expiry, HostId, LicenseCount, LicenseFile};
use crate::text::{Severity, Source};
use crate::time::CivilDate;

use super::day::{DayError, expiry};

/// A license file to be.
#[derive(Debug, Clone)]
pub struct Draft {
    /// Whose daemon serves it.
    pub vendor: VendorName,
    /// Its server; none for a file that needs no server.
    pub server: Option<DraftServer>,
    /// Its lines, in order.
    pub lines: Vec<DraftLine>,
}

/// The SERVER line, and the VENDOR line.
#[derive(Debug, Clone)]
pub struct DraftServer {
    /// Host name; one word.
    pub host: String,
    /// The machine.
    pub hostid: HostId,
    /// lmgrd's port.
    pub port: Option<u16>,
    /// The vendor daemon's port.
    pub vendor_port: Option<u16>,
}

/// A FEATURE or INCREMENT line.
#[derive(Debug, Clone, PartialEq)]
pub struct DraftLine {
    /// INCREMENT instead of FEATURE.
    pub increment: bool,
    /// The feature.
    pub name: FeatureName,
    /// Its highest version.
    pub version: Version,
    /// Its last day.
    pub expiry: Expiry,
    /// How many licenses.
    pub count: LicenseCount,
    /// What stands behind the fields, in order.
    pub attributes: Vec<DraftAttribute>,
}

/// `NAME` or `NAME=value`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DraftAttribute {
    /// The name.
    pub name: String,
    /// The value without quotes; none for a flag.
    pub value: Option<String>,
}

/// Why an answer or an argument can't stand on a license line.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DraftError {
    /// A word with characters that a feature's name should not have.
    #[error("feature name {0:?}: use letters, digits, _ - . and + only")]
    FeatureName(String),
    /// The version is none.
    #[error(transparent)]
    Version(#[from] crate::ident::VersionError),
    /// Not a count.
    #[error("{0:?} is not a number of licenses; write a number, or uncounted")]
    Count(String),
    /// Not a day.
    #[error(transparent)]
    Day(#[from] DayError),
    /// A day that is over.
    #[error("{0} has passed")]
    Passed(CivilDate),
    /// More than four parts.
    #[error("{0:?} has more than four parts; write NAME:VERSION:COUNT:EXPIRY")]
    Parts(String),
    /// Not a name of an attribute.
    #[error("{0:?} is not the name of an attribute; write NAME or NAME=VALUE")]
    AttributeName(String),
    /// An attribute that signing makes.
    #[error("{0} is made by signing")]
    Signature(String),
    /// A character that no quotes can hold.
    #[error("the value of {name} holds {found:?}, which can't be written on a license line")]
    Character {
        /// The attribute.
        name: String,
        /// The character.
        found: char,
    },
    /// What the grammar says.
    #[error("{0}")]
    Grammar(String),
    /// The same attribute twice.
    #[error("{0} is given twice")]
    Twice(String),
    /// Not a word.
    #[error("{what} {text:?} is not one word of plain characters")]
    Word {
        /// What it was to be.
        what: &'static str,
        /// What stood there.
        text: String,
    },
    /// Not a hostid for this place.
    #[error("{0}")]
    HostId(String),
}

/// What a feature has where nothing is said: version 1.0, one license, a year from today.
pub const FEATURE_DEFAULTS: [&str; 3] = ["1.0", "1", "+1y"];

/// Reads `NAME[:VERSION[:COUNT[:EXPIRY]]]`; a part that is empty or left out has its default
/// ([`FEATURE_DEFAULTS`]; with `uncounted` the count's is that word).
///
/// # Errors
/// [`DraftError`] for the first part that is wrong.
pub fn feature(text: &str, uncounted: bool, today: CivilDate) -> Result<DraftLine, DraftError> {
    let mut parts = text.split(':');
    let mut part = |default: &'static str| match parts.next() {
        None | Some("") => default.to_owned(),
        Some(part) => part.to_owned(),
    };
    let [version, count, day] = FEATURE_DEFAULTS;
    let name = feature_name(&part(""))?;
    let version = Version::parse(&part(version))?;
    let count = self::count(&part(if uncounted { "uncounted" } else { count }))?;
    let expiry = future(&part(day), today)?;
    if parts.next().is_some() {
        return Err(DraftError::Parts(shown(text)));
    }
    if uncounted && count != LicenseCount::Uncounted {
        return Err(DraftError::Grammar(format!("feature {name} has a count, so it is not uncounted")));
    }
    Ok(DraftLine { increment: false, name, version, expiry, count, attributes: Vec::new() })
}

/// A feature's name that every reader of license files takes.
///
/// # Errors
/// [`DraftError::FeatureName`].
pub fn feature_name(text: &str) -> Result<FeatureName, DraftError> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '+');
    match FeatureName::parse(text) {
        Ok(name) if text.chars().all(fits) => Ok(name),
        _ => Err(DraftError::FeatureName(shown(text))),
    }
}

/// A number of licenses; `0` and `uncounted` are the same.
///
/// # Errors
/// [`DraftError::Count`].
pub fn count(text: &str) -> Result<LicenseCount, DraftError> {
    if text.eq_ignore_ascii_case("uncounted") {
        return Ok(LicenseCount::Uncounted);
    }
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match text.parse::<u32>() {
        Ok(number) if digits => {
            Ok(crate::ident::Count::new(number).map_or(LicenseCount::Uncounted, LicenseCount::Counted))
        }
        _ => Err(DraftError::Count(shown(text))),
    }
}

/// An expiry that has not passed.
///
/// # Errors
/// [`DraftError`] for what is no date, and for days before today.
pub fn future(text: &str, today: CivilDate) -> Result<Expiry, DraftError> {
    match expiry(text, today)? {
        Expiry::On(day) if day < today => Err(DraftError::Passed(day)),
        expiry => Ok(expiry),
    }
}

/// A host name for the SERVER line.
///
/// # Errors
/// [`DraftError::Word`] when it is not one word.
pub fn host(text: &str) -> Result<String, DraftError> {
    let fits = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | ':' | '[' | ']');
    if text.is_empty() || !text.chars().all(fits) {
        return Err(DraftError::Word { what: "host name", text: shown(text) });
    }
    Ok(text.to_owned())
}

/// A hostid for the SERVER line, which is written there as one word.
///
/// # Errors
/// [`DraftError::HostId`] when it is none, or matches no machine.
pub fn server_hostid(text: &str) -> Result<HostId, DraftError> {
    let refuse = |why: &str| Err(DraftError::HostId(format!("hostid {:?}: {why}", shown(text))));
    match HostId::parse(text) {
        Err(error) => Err(DraftError::HostId(error.to_string())),
        Ok(HostId::Demo) => refuse("DEMO is for uncounted feature lines only"),
        Ok(HostId::Other(_)) => refuse("a hostid of no known form matches no machine"),
        Ok(hostid) if hostid.to_string().contains(['"', '\\', '#']) => {
            refuse("quotes, # and backslashes can't stand in it")
        }
        Ok(hostid) => Ok(hostid),
    }
}

/// Reads `NAME` or `NAME=VALUE` and asks the license grammar about it.
///
/// # Errors
/// [`DraftError`] with the grammar's reason.
pub fn attribute(text: &str, counted: bool) -> Result<DraftAttribute, DraftError> {
    let (name, value) = match text.split_once('=') {
        Some((name, value)) => (name, Some(value)),
        None => (text, None),
    };
    let sound = name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if !sound {
        return Err(DraftError::AttributeName(shown(name)));
    }
    if matches!(name, "SIGN" | "SIGN2" | "AUTH" | "SUPERSEDE_SIGN") {
        return Err(DraftError::Signature(name.to_owned()));
    }
    if let Some(found) = value.and_then(|value| value.chars().find(|c| *c == '"' || c.is_control())) {
        return Err(DraftError::Character { name: name.to_owned(), found });
    }
    let attribute = DraftAttribute { name: name.to_owned(), value: value.map(ToOwned::to_owned) };
    // The parser is the judge: a line with nothing else that could be wrong.
    let rest = match (counted, name) {
        (true, _) => "1",
        (false, "HOSTID") => "uncounted",
        (false, _) => "uncounted HOSTID=000000000001",
    };
    let probe = format!("SERVER h ANY\nVENDOR v\nFEATURE f v 1.0 permanent {rest} {}\n", attribute.word());
    let file = LicenseFile::parse(Source::new("attribute", probe.as_bytes()));
    let wrong = file.diagnostics.iter().find(|found| found.severity > Severity::Note);
    match wrong {
        None => Ok(attribute),
        Some(found) => Err(DraftError::Grammar(match &found.help {
            Some(help) => format!("{} [{}]; {help}", found.message, found.id),
            None => format!("{} [{}]", found.message, found.id),
        })),
    }
}

impl DraftAttribute {
    /// As it stands on a line; quoted where that is needed.
    #[must_use]
    pub fn word(&self) -> String {
        let plain = |c: char| c.is_alphanumeric() || "._-:/+@,*=%".contains(c);
        match &self.value {
            None => self.name.clone(),
            Some(value) if !value.is_empty() && value.chars().all(plain) => format!("{}={value}", self.name),
            Some(value) => format!("{}=\"{value}\"", self.name),
        }
    }
}

impl DraftLine {
    /// Puts an attribute behind the others.
    ///
    /// # Errors
    /// [`DraftError::Twice`] when one of this name is there.
    pub fn add(&mut self, attribute: DraftAttribute) -> Result<(), DraftError> {
        if self.attributes.iter().any(|known| known.name == attribute.name) {
            return Err(DraftError::Twice(attribute.name));
        }
        self.attributes.push(attribute);
        Ok(())
    }

    fn words(&self, vendor: &VendorName) -> Vec<String> {
        let keyword = if self.increment { "INCREMENT" } else { "FEATURE" };
        let count = match self.count {
            LicenseCount::Uncounted => "uncounted".to_owned(),
            LicenseCount::Counted(count) => count.get().to_string(),
        };
        let mut words = vec![
            keyword.to_owned(),
            self.name.to_string(),
            vendor.to_string(),
            self.version.to_string(),
            self.expiry.to_string(),
            count,
        ];
        words.extend(self.attributes.iter().map(DraftAttribute::word));
        words
    }
}

impl Draft {
    /// The file's text, each line on one physical line.
    #[must_use]
    pub fn print(&self) -> String {
        let mut text = String::new();
        if let Some(server) = &self.server {
            let _ = write!(text, "SERVER {} {}", server.host, server.hostid);
            if let Some(port) = server.port {
                let _ = write!(text, " {port}");
            }
            let _ = write!(text, "\nVENDOR {}", self.vendor);
            if let Some(port) = server.vendor_port {
                let _ = write!(text, " port={port}");
            }
            text.push_str("\n\n");
        }
        for line in &self.lines {
            text.push_str(&line.words(&self.vendor).join(" "));
            text.push('\n');
        }
        text
    }
}

fn shown(text: &str) -> String {
    text.chars().take(40).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn today() -> CivilDate {
        CivilDate::new(2026, 11, 21).unwrap()
    }

    #[test]
    fn a_feature_has_defaults_for_what_is_not_said() {
        let line = |text: &str, uncounted| {
            feature(text, uncounted, today()).unwrap().words(&VendorName::parse("v").unwrap()).join(" ")
        };
        assert_eq!(line("cad", false), "FEATURE cad v 1.0 21-nov-2027 1");
        assert_eq!(line("cad:2.5", false), "FEATURE cad v 2.5 21-nov-2027 1");
        assert_eq!(line("cad::10:permanent", false), "FEATURE cad v 1.0 permanent 10");
        assert_eq!(line("c++:1:0", false), "FEATURE c++ v 1 21-nov-2027 uncounted");
        assert_eq!(line("cad:1.0::+30d", true), "FEATURE cad v 1.0 21-dec-2026 uncounted");
    }

    #[test]
    fn each_wrong_part_is_named() {
        for (text, uncounted, why) in [
            ("", false, "feature name \"\""),
            ("a b", false, "use letters"),
            ("a#b", false, "use letters"),
            ("a:x", false, "version"),
            ("a:1:-1", false, "not a number of licenses"),
            ("a:1:+1", false, "not a number of licenses"),
            ("a:1:1:soon", false, "not a date"),
            ("a:1:1:1-jan-2026", false, "1-jan-2026 has passed"),
            ("a:1:1:+1y:x", false, "more than four parts"),
            ("a:1:5", true, "not uncounted"),
        ] {
            let error = feature(text, uncounted, today()).unwrap_err().to_string();
            assert!(error.contains(why), "{text}: {error}");
        }
    }

    #[test]
    fn the_grammar_judges_attributes() {
        for (text, word) in [
            ("SN=A-1", "SN=A-1"),
            ("NOTICE=two words", "NOTICE=\"two words\""),
            ("ISSUER=", "ISSUER=\"\""),
            ("SUPERSEDE", "SUPERSEDE"),
            ("HOSTID=001122334455 HOSTNAME=ws", "HOSTID=\"001122334455 HOSTNAME=ws\""),
            ("asset_info=x#y", "asset_info=\"x#y\""),
        ] {
            assert_eq!(attribute(text, true).unwrap().word(), word);
        }
        assert!(attribute("HOSTID=DEMO", false).is_ok());
        for (text, why) in [
            ("SUPERSEED", "did you mean SUPERSEDE?"),
            ("DUP_GROUP=X", "write NONE, SITE"),
            ("START=1-jan", "not a date"),
            ("OVERDRAFT=many", "not a number"),
            ("SN", "needs a value"),
            ("HOSTID=DEMO", "DEMO"),
            ("SIGN=1", "made by signing"),
            ("AUTH={x}", "made by signing"),
            ("NOTICE=a\"b", "can't be written"),
            ("NOTICE=a\nFEATURE b v 1.0 permanent 1", "can't be written"),
            ("A B=1", "not the name"),
            ("=1", "not the name"),
        ] {
            let error = attribute(text, true).unwrap_err().to_string();
            assert!(error.contains(why), "{text}: {error}");
        }
    }

    #[test]
    fn what_is_printed_reads_back() {
        let mut line = feature("cad:2.0:10:permanent", false, today()).unwrap();
        line.increment = true;
        for text in ["SN=1", "NOTICE=a note", "ISSUER=us"] {
            line.add(attribute(text, true).unwrap()).unwrap();
        }
        let twice = line.add(attribute("SN=2", true).unwrap());
        assert_eq!(twice, Err(DraftError::Twice("SN".to_owned())));
        let draft = Draft {
            vendor: VendorName::parse("acmed").unwrap(),
            server: Some(DraftServer {
                host: host("this_host").unwrap(),
                hostid: server_hostid("any").unwrap(),
                port: Some(27000),
                vendor_port: Some(27010),
            }),
            lines: vec![line],
        };
        let text = draft.print();
        assert_eq!(
            text,
            "SERVER this_host ANY 27000\nVENDOR acmed port=27010\n\n\
             INCREMENT cad acmed 2.0 permanent 10 SN=1 NOTICE=\"a note\" ISSUER=us\n"
        );
        let file = LicenseFile::parse(Source::new("t", text.as_bytes()));
        assert!(file.diagnostics.is_empty(), "{:?}", file.diagnostics);
    }

    #[test]
    fn servers_are_one_word_and_match_a_machine() {
        assert!(host("a b").is_err() && host("").is_err() && host("h#").is_err());
        for bad in ["DEMO", "a b", "WHAT=1", "HOSTNAME=a#b", ""] {
            assert!(server_hostid(bad).is_err(), "{bad}");
        }
    }
}
