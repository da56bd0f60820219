//! A license file as a whole, and its lines.

use std::borrow::Cow;

use super::feature::{FeatureLine, UpgradeLine};
use super::hostid::HostId;
use super::keyword::Keyword;
use super::lexis::{Words, text};
use super::package::PackageLine;
use crate::ident::VendorName;
use crate::text::{BYTE_ORDER_MARK, Diagnostic, Source, Span, diagnostics_within};

/// A license file as it was read. Made by [`LicenseFile::parse`], which never fails.
#[derive(Debug, Clone)]
pub struct LicenseFile {
    /// The file's name and text; every span points into it.
    pub source: Source,
    /// All lines in file order. Their spans tile the text.
    pub lines: Vec<Line>,
    /// What is wrong or doubtful, by place.
    pub diagnostics: Vec<Diagnostic>,
}

impl LicenseFile {
    /// Whether no line says anything to a server: the file is empty, or something else than a license file. Such a file never
    /// replaces one that says something.
    #[must_use]
    pub fn says_nothing(&self) -> bool {
        let idle = |kind: &LineKind| {
            matches!(kind, LineKind::Blank | LineKind::Comment | LineKind::Prose | LineKind::Invalid)
        };
        self.lines.iter().all(|line| idle(&line.kind))
    }

    /// The bytes of the file. For a file as it was read they are the bytes it was read from.
    #[must_use]
    pub fn print(&self) -> Vec<u8> {
        let mut text = String::with_capacity(self.source.text().len());
        for line in &self.lines {
            text.push_str(self.source.slice(line.span));
        }
        self.source.encode(&text)
    }

    /// The SERVER lines in file order.
    pub fn servers(&self) -> impl Iterator<Item = &ServerLine> {
        self.lines.iter().filter_map(|line| match &line.kind {
            LineKind::Server(server) => Some(server),
            _ => None,
        })
    }

    /// The VENDOR and DAEMON lines in file order.
    pub fn vendors(&self) -> impl Iterator<Item = &VendorLine> {
        self.lines.iter().filter_map(|line| match &line.kind {
            LineKind::Vendor(vendor) => Some(vendor),
            _ => None,
        })
    }

    /// The FEATURE and INCREMENT lines in file order. Those that a client must leave to the server stand behind the
    /// first [`LineKind::UseServer`] of `lines`.
    pub fn features(&self) -> impl Iterator<Item = &FeatureLine> {
        self.lines.iter().filter_map(|line| match &line.kind {
            LineKind::Feature(feature) => Some(&**feature),
            _ => None,
        })
    }

    /// The UPGRADE lines in file order.
    pub fn upgrades(&self) -> impl Iterator<Item = &UpgradeLine> {
        self.lines.iter().filter_map(|line| match &line.kind {
            LineKind::Upgrade(upgrade) => Some(&**upgrade),
            _ => None,
        })
    }

    /// The PACKAGE lines in file order.
    pub fn packages(&self) -> impl Iterator<Item = &PackageLine> {
        self.lines.iter().filter_map(|line| match &line.kind {
            LineKind::Package(package) => Some(&**package),
            _ => None,
        })
    }

    /// Whether a USE_SERVER line stands in the file.
    #[must_use]
    pub fn use_server(&self) -> bool {
        self.lines.iter().any(|line| matches!(line.kind, LineKind::UseServer))
    }

    /// What is wrong or doubtful about a line of this file.
    pub fn diagnostics_of(&self, line: &Line) -> impl Iterator<Item = &Diagnostic> {
        diagnostics_within(&self.diagnostics, line.span)
    }

    /// The words of a line without its comments and continuations, for lines that have no typed form. A word with a
    /// quote in the wrong place comes as it was written.
    pub fn words_of(&self, line: &Line) -> impl Iterator<Item = Cow<'_, str>> {
        let line = self.source.slice(line.span);
        Words::new(line.strip_prefix(BYTE_ORDER_MARK).unwrap_or(line))
            .map(|word| text(word.raw).unwrap_or(Cow::Borrowed(word.raw)))
    }

    /// The same words, and where each stands.
    #[must_use]
    pub fn placed_words_of(&self, line: &Line) -> Vec<(Cow<'_, str>, Span)> {
        let whole = self.source.slice(line.span);
        let body = whole.strip_prefix(BYTE_ORDER_MARK).unwrap_or(whole);
        let begin = line.span.start + (whole.len() - body.len());
        let words = Words::new(body).map(|word| {
            let start = begin + word.start;
            (text(word.raw).unwrap_or(Cow::Borrowed(word.raw)), Span::new(start, start + word.raw.len()))
        });
        words.collect()
    }

    /// What the number of SERVER lines means for the file (`flexnet-files.md` 1.2). SERVER lines that could
    /// not be read count too: half a triad is not a single server.
    #[must_use]
    pub fn standing(&self) -> Standing {
        let damaged = self
            .lines
            .iter()
            .filter(|line| matches!(line.kind, LineKind::Invalid))
            .filter(|line| {
                self.words_of(line).next().and_then(|word| Keyword::of(&word)) == Some(Keyword::Server)
            })
            .count();
        let sound = self.servers().count();
        match sound + damaged {
            0 => Standing::Serverless,
            1 if sound == 1 => Standing::Single,
            3 if sound == 3 && self.servers().all(|server| server.port.is_some()) => Standing::Triad,
            _ => Standing::Rejected,
        }
    }
}

/// What the SERVER lines of a file make of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// No SERVER line: only uncounted lines are valid, and no server is needed for them.
    Serverless,
    /// One SERVER line.
    Single,
    /// Three SERVER lines, each with a port: three servers as one, which is not served yet.
    Triad,
    /// Two SERVER lines, more than three, a triad without ports, or a SERVER line that can't be read: nothing of the
    /// file is served.
    Rejected,
}

/// One line of a file: one or more physical lines joined by continuation.
#[derive(Debug, Clone)]
pub struct Line {
    /// The whole line with its line end. The spans of all lines tile the file.
    pub span: Span,
    /// What it is.
    pub kind: LineKind,
}

/// What a line is.
#[derive(Debug, Clone)]
pub enum LineKind {
    /// Nothing but blanks.
    Blank,
    /// A line whose first non-blank character is `#`.
    Comment,
    /// `SERVER`.
    Server(ServerLine),
    /// `VENDOR` or `DAEMON`.
    Vendor(VendorLine),
    /// `USE_SERVER`.
    UseServer,
    /// `FEATURE` or `INCREMENT`.
    Feature(Box<FeatureLine>),
    /// `UPGRADE`.
    Upgrade(Box<UpgradeLine>),
    /// `PACKAGE`.
    Package(Box<PackageLine>),
    /// A line of a kind that is recognised but not served: the keyword in capitals, or `decimal`.
    Unserved(String),
    /// Text without a keyword, such as a mail's prose around the license; reported and skipped.
    Prose,
    /// A line with an error; a diagnostic of severity error says which.
    Invalid,
}

/// A `SERVER` line (`flexnet-files.md` 1.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerLine {
    /// Host name or address as written; `this_host` stands for the machine itself.
    pub host: String,
    /// The machine that the file is for.
    pub hostid: HostId,
    /// lmgrd's port, 1 to 65535; none means the first free one of 27000 to 27009.
    pub port: Option<u16>,
    /// Whether the first server of a triad takes mastership back (`PRIMARY_IS_MASTER`).
    pub primary_is_master: bool,
    /// Heartbeat interval of a triad in seconds (`HEARTBEAT_INTERVAL=`, older spelling `SERVER_TIMEOUT=`).
    pub heartbeat_interval_s: Option<u32>,
    /// Bit mask of `PLAT=`: 1 physical, 2 virtual, 4 container. Kept, not enforced.
    pub plat: Option<u32>,
    /// Where the hostid stands.
    pub hostid_span: Span,
    /// From the keyword to the last word.
    pub span: Span,
}

/// A `VENDOR` or `DAEMON` line (`flexnet-files.md` 1.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VendorLine {
    /// The vendor daemon's name.
    pub name: VendorName,
    /// Path of the daemon program, if one is written.
    pub path: Option<String>,
    /// Path of the options file, if one is written.
    pub options: Option<String>,
    /// The daemon's port, 1 to 65535; none means that the system chooses.
    pub port: Option<u16>,
    /// From the keyword to the last word.
    pub span: Span,
}
