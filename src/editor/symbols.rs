//! The lines of a file by name.

use super::document::Document;
use crate::license::{LicenseCount, LineKind};
use crate::options;
use crate::text::{Span, counted};

/// Most symbols of one answer.
const SYMBOLS_MAX: usize = 20_000;

/// A line that has a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Symbol {
    /// What it is called.
    pub name: String,
    /// A few words on it.
    pub detail: String,
    /// What it is.
    pub kind: SymbolKind,
    /// The words of the line.
    pub span: Span,
    /// The name in it, or its keyword.
    pub name_span: Span,
}

/// What a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SymbolKind {
    /// A SERVER line.
    Server,
    /// A VENDOR line.
    Vendor,
    /// A feature line.
    Feature,
    /// A PACKAGE line.
    Package,
    /// A group.
    Group,
    /// A rule about somebody.
    Rule,
    /// A setting of the whole daemon.
    Setting,
}

/// The lines of a document that have a name, in file order.
#[must_use]
pub fn symbols(document: &Document) -> Vec<Symbol> {
    let mut found = Vec::new();
    for index in 0..document.len() {
        if found.len() >= SYMBOLS_MAX {
            break;
        }
        let Some((name, detail, kind, named)) = (match document {
            Document::License(file) => file.lines.get(index).and_then(|line| of_license(&line.kind)),
            Document::Options(file) => file.lines.get(index).and_then(|line| of_options(file, &line.kind)),
        }) else {
            continue;
        };
        let words = document.words(index);
        let (Some((_, first)), Some((_, last))) = (words.first(), words.last()) else { continue };
        let name_span = words.get(named).map_or(*first, |(_, span)| *span);
        found.push(Symbol { name, detail, kind, span: Span::new(first.start, last.end), name_span });
    }
    found
}

type Named = (String, String, SymbolKind, usize);

fn of_license(kind: &LineKind) -> Option<Named> {
    let feature = |line: &crate::license::FeatureLine, keyword: &str| {
        let count = match line.count {
            LicenseCount::Uncounted => "uncounted".to_owned(),
            LicenseCount::Counted(count) => count.to_string(),
        };
        let name = format!("{} {}", line.name, line.version.as_str());
        (name, format!("{keyword} {count} {}", line.expiry), SymbolKind::Feature, 1)
    };
    Some(match kind {
        LineKind::Server(line) => {
            (format!("SERVER {}", line.host), line.hostid.to_string(), SymbolKind::Server, 1)
        }
        LineKind::Vendor(line) => {
            let options = line.options.clone().unwrap_or_default();
            (format!("VENDOR {}", line.name), options, SymbolKind::Vendor, 1)
        }
        LineKind::Feature(line) => feature(line, line.keyword.as_str()),
        LineKind::Upgrade(line) => feature(&line.to, "UPGRADE"),
        LineKind::Package(line) => {
            let components: Vec<&str> = line.components.iter().map(|part| part.name.as_str()).collect();
            (line.name.to_string(), format!("PACKAGE {}", components.join(" ")), SymbolKind::Package, 1)
        }
        _ => return None,
    })
}

fn of_options(file: &options::OptionsFile, kind: &options::LineKind) -> Option<Named> {
    use options::Directive as D;
    let options::LineKind::Option(line) = kind else { return None };
    let keyword = line.keyword.as_str();
    let said = || {
        let words = file.words(line.span).into_iter().skip(1).take(6);
        words.map(|(text, _)| text.into_owned()).collect::<Vec<_>>().join(" ")
    };
    Some(match &line.directive {
        D::Group { name, members } => {
            (format!("{keyword} {name}"), counted(members.len(), "user"), SymbolKind::Group, 1)
        }
        D::HostGroup { name, members } => {
            (format!("{keyword} {name}"), counted(members.len(), "host"), SymbolKind::Group, 1)
        }
        D::Access(_) | D::Max { .. } | D::Reserve { .. } | D::Priority { .. } | D::FeatureNumber { .. } => {
            (format!("{keyword} {}", said()), String::new(), SymbolKind::Rule, 0)
        }
        _ => (format!("{keyword} {}", said()), String::new(), SymbolKind::Setting, 0),
    })
}
