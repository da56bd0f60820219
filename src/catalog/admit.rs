//! The judgement on each line: is it ours, is it for this machine, who signed it, does it add anything.

use std::collections::BTreeMap;

use super::order::Place;
use super::pool::{SignedLine, pool_key};
use super::verdict::{LineVerdict, Unserved, Verdict};
use crate::code::{Code, minor};
use crate::ident::{Digest, FeatureName, PoolKey, VendorName};
use crate::license::{
    FeatureKeyword, FeatureLine, HostId, LicenseCount, LicenseFile, Line, LineKind, Standing, Statement,
};
use crate::sign::Manifest;
use crate::text::Severity;

/// Restrictions of the publisher that are not enforced yet: a line that carries one is not served, as serving it would
/// give more than was sold.
pub(super) const RESTRICTIONS: [&str; 6] =
    ["FLOAT_OK", "HOST_BASED", "PLATFORMS", "TZ", "USER_BASED", "VM_PLATFORMS"];
/// Attributes that have no effect yet, and what follows from it. Those that never have one are the license room's.
const WITHOUT_EFFECT: [(&str, &str); 4] = [
    ("BORROW", "BORROW has no effect yet: the license can't be borrowed"),
    ("DUP_GROUP", "DUP_GROUP has no effect yet: every checkout counts"),
    ("OVERDRAFT", "OVERDRAFT has no effect yet: the count is the limit"),
    ("SUPERSEDE", "SUPERSEDE has no effect yet: remove the older lines by hand"),
];

/// A line that is served.
pub(super) struct Candidate<'a> {
    pub(super) line: &'a FeatureLine,
    pub(super) place: Place,
    pub(super) pool: PoolKey,
    pub(super) digest: Digest,
    pub(super) signed: SignedLine,
}

/// Judges files one after the other.
pub(super) struct Admission<'a> {
    vendor: &'a VendorName,
    manifest: &'a Manifest,
    machine: &'a [HostId],
    files: usize,
    candidates: Vec<Candidate<'a>>,
    verdicts: Vec<LineVerdict>,
    unserved: BTreeMap<FeatureName, Unserved>,
    /// Where each canonical text was first met.
    seen: BTreeMap<Digest, String>,
    /// Where the counted FEATURE line stands that won, by name.
    winners: BTreeMap<FeatureName, String>,
}

/// What the SERVER lines of a file mean for its feature lines.
enum Footing {
    /// They are for this machine.
    Here,
    /// There is none.
    Serverless,
    /// Nothing of the file is served.
    Refused { code: Code, minor: u16, why: String },
}

/// What came of all lines.
pub(super) struct Admitted<'a> {
    pub(super) candidates: Vec<Candidate<'a>>,
    pub(super) verdicts: Vec<LineVerdict>,
    pub(super) unserved: BTreeMap<FeatureName, Unserved>,
}

impl<'a> Admission<'a> {
    pub(super) fn new(vendor: &'a VendorName, manifest: &'a Manifest, machine: &'a [HostId]) -> Self {
        Self {
            vendor,
            manifest,
            machine,
            files: 0,
            candidates: Vec::new(),
            verdicts: Vec::new(),
            unserved: BTreeMap::new(),
            seen: BTreeMap::new(),
            winners: BTreeMap::new(),
        }
    }

    pub(super) fn finish(self) -> Admitted<'a> {
        Admitted { candidates: self.candidates, verdicts: self.verdicts, unserved: self.unserved }
    }

    pub(super) fn judge_file(&mut self, file: &'a LicenseFile) {
        let hostids: Vec<HostId> = file.servers().map(|server| server.hostid.clone()).collect();
        let footing = self.footing(file, &hostids);
        let mut told = false;
        for line in &file.lines {
            match &line.kind {
                LineKind::Server(server) => {
                    // The reason is told once in full, at the first SERVER line.
                    if let Footing::Refused { code, minor, why } = &footing
                        && !std::mem::replace(&mut told, true)
                    {
                        let verdict = Verdict::Refused { code: *code, minor: *minor, why: why.clone() };
                        let subject = format!("SERVER {} {}", server.host, server.hostid);
                        self.record(file, line, subject, verdict, Vec::new());
                    }
                }
                LineKind::Feature(feature) if feature.vendor == *self.vendor => {
                    let (verdict, notes) = self.judge_line(file, line, feature, &footing, &hostids);
                    self.record(file, line, feature.name.to_string(), verdict, notes);
                }
                LineKind::Unserved(keyword) => self.judge_unserved(file, line, keyword),
                LineKind::Invalid => self.judge_invalid(file, line),
                _ => {}
            }
        }
        self.files += 1;
    }

    fn footing(&self, file: &LicenseFile, hostids: &[HostId]) -> Footing {
        match file.standing() {
            Standing::Serverless => Footing::Serverless,
            Standing::Single if hostids.iter().any(|hostid| hostid.matches_machine(self.machine)) => {
                Footing::Here
            }
            Standing::Single => Footing::Refused {
                code: Code::FeatureRemoved,
                minor: minor::SERVER_HOSTID,
                why: format!(
                    "the file is for the machine with hostid {}; this machine has {}",
                    list(hostids),
                    if self.machine.is_empty() { "no hostid".to_owned() } else { list(self.machine) },
                ),
            },
            Standing::Triad => Footing::Refused {
                code: Code::FeatureNotSupported,
                minor: minor::LINES_NOT_SERVED,
                why: "three servers as one are not served yet".to_owned(),
            },
            Standing::Rejected => Footing::Refused {
                code: Code::BadLicenseSyntax,
                minor: minor::LINES_NOT_SERVED,
                why: "a file has one sound SERVER line, or three with ports".to_owned(),
            },
        }
    }

    fn judge_line(
        &mut self,
        file: &'a LicenseFile,
        line: &Line,
        feature: &'a FeatureLine,
        footing: &Footing,
        hostids: &[HostId],
    ) -> (Verdict, Vec<String>) {
        let refused = |code, minor, why: String| (Verdict::Refused { code, minor, why }, Vec::new());
        match footing {
            Footing::Here => {}
            Footing::Serverless if feature.count == LicenseCount::Uncounted => {}
            Footing::Serverless => {
                let why = "a counted line needs a SERVER line".to_owned();
                return refused(Code::NoServerLine, minor::LINES_NOT_SERVED, why);
            }
            Footing::Refused { code, minor, why } => return refused(*code, *minor, why.clone()),
        }
        let Some(sign) = feature.sign() else {
            let why = "the line has no SIGN".to_owned();
            return refused(Code::BadSignature, minor::LINE_UNSIGNED, why);
        };
        let canonical = match Statement::Feature(feature).canonical(hostids) {
            Ok(text) => text,
            Err(error) => {
                return refused(Code::BadSignature, minor::LINE_SIGNATURE_WRONG, error.to_string());
            }
        };
        if let Err(error) = self.manifest.verify(&canonical, sign) {
            return refused(Code::BadSignature, error.minor(), error.to_string());
        }
        if let Some(name) = RESTRICTIONS.into_iter().find(|name| feature.attribute(name).is_some()) {
            let why = format!("{name} is not enforced yet, so the line is not served");
            return refused(Code::FeatureNotSupported, minor::LINES_NOT_SERVED, why);
        }

        let here = place_of(file, line);
        let digest = Digest::of(canonical.as_bytes());
        if let Some(first) = self.seen.get(&digest) {
            let why =
                format!("the same line stands at {first} and counts once; lines that shall add differ in SN");
            return (Verdict::Ignored { why }, Vec::new());
        }
        self.seen.insert(digest, here.clone());
        if feature.keyword == FeatureKeyword::Feature && feature.count != LicenseCount::Uncounted {
            if let Some(winner) = self.winners.get(&feature.name) {
                let why = format!(
                    "of several counted FEATURE lines only the first is used, which stands at {winner}; \
                     an INCREMENT adds"
                );
                return (Verdict::Ignored { why }, Vec::new());
            }
            self.winners.insert(feature.name.clone(), here);
        }
        let pool = pool_key(feature, self.manifest);
        self.candidates.push(Candidate {
            line: feature,
            place: Place::of(self.files, self.candidates.len(), feature),
            pool: pool.clone(),
            digest,
            signed: SignedLine {
                vendor: feature.vendor.clone(),
                server_hostids: hostids.to_vec(),
                feature: feature.name.clone(),
                canonical,
                sign: sign.to_owned(),
            },
        });
        (Verdict::Served(pool), notes(feature))
    }

    /// A line of a kind that is recognised but not served. Its name is remembered if the vendor is ours.
    fn judge_unserved(&mut self, file: &LicenseFile, line: &Line, keyword: &str) {
        let words: Vec<_> = file.words_of(line).take(3).collect();
        // FEATURESET has the vendor in the place of the name; a decimal line has neither.
        if words.get(2).is_none_or(|vendor| vendor != self.vendor.as_str()) {
            return;
        }
        let verdict = Verdict::Refused {
            code: Code::FeatureNotSupported,
            minor: minor::LINES_NOT_SERVED,
            why: format!("{keyword} lines are not served yet"),
        };
        let subject = words.get(1).map_or(keyword, |name| name).to_owned();
        self.record(file, line, subject, verdict, Vec::new());
    }

    /// A line with an error, which the license room has found. Its name is remembered if it has one.
    fn judge_invalid(&mut self, file: &LicenseFile, line: &Line) {
        let words: Vec<_> = file.words_of(line).take(3).collect();
        let keyword = words.first().map_or("", |word| &**word);
        let is_feature = ["FEATURE", "INCREMENT"].iter().any(|known| keyword.eq_ignore_ascii_case(known));
        // Without a third word the vendor is unknown: the line may have been ours.
        if !is_feature || words.get(2).is_some_and(|vendor| vendor != self.vendor.as_str()) {
            return;
        }
        let error = file.diagnostics_of(line).find(|found| found.severity == Severity::Error);
        let verdict = Verdict::Refused {
            code: error.and_then(|found| found.code).unwrap_or(Code::BadLicenseSyntax),
            minor: 0,
            why: error.map_or_else(|| "the line can't be read".to_owned(), |found| found.message.clone()),
        };
        let subject = words.get(1).map_or(keyword, |name| name).to_owned();
        self.record(file, line, subject, verdict, Vec::new());
    }

    fn record(
        &mut self,
        file: &LicenseFile,
        line: &Line,
        subject: String,
        verdict: Verdict,
        notes: Vec<String>,
    ) {
        let verdict = LineVerdict {
            file: file.source.name().to_owned(),
            line: number_of(file, line),
            subject,
            verdict,
            notes,
        };
        let is_server = matches!(line.kind, LineKind::Server(_));
        if let Verdict::Refused { code, .. } = &verdict.verdict
            && !is_server
            && let Ok(name) = FeatureName::parse(&verdict.subject)
        {
            let added = match &line.kind {
                LineKind::Feature(feature) => match feature.count {
                    LicenseCount::Counted(count) => count.get(),
                    LicenseCount::Uncounted => 0,
                },
                _ => 0,
            };
            self.remember_unserved(name, *code, added, verdict.to_string());
        }
        self.verdicts.push(verdict);
    }

    /// A wrong SERVER hostid answers before every other reason (`flexnet-files.md` 3.4); else the first line does.
    fn remember_unserved(&mut self, name: FeatureName, code: Code, added: u32, reason: String) {
        let wrong_machine = code == Code::FeatureRemoved;
        let fresh = |licenses| {
            if wrong_machine {
                Unserved::WrongServerHostid { reason, licenses }
            } else {
                Unserved::NotServed { reason, licenses }
            }
        };
        match self.unserved.get_mut(&name) {
            None => {
                self.unserved.insert(name, fresh(added));
            }
            Some(known @ Unserved::NotServed { .. }) if wrong_machine => {
                *known = fresh(known.licenses().saturating_add(added));
            }
            Some(Unserved::NotServed { licenses, .. } | Unserved::WrongServerHostid { licenses, .. }) => {
                *licenses = licenses.saturating_add(added)
            }
        }
    }
}

/// What an administrator should know of a line that is served.
fn notes(feature: &FeatureLine) -> Vec<String> {
    WITHOUT_EFFECT
        .into_iter()
        .filter(|(name, _)| feature.attribute(name).is_some())
        .map(|(_, note)| note.to_owned())
        .collect()
}

/// The number of the physical line on which a line's keyword stands.
fn number_of(file: &LicenseFile, line: &Line) -> usize {
    let start = match &line.kind {
        LineKind::Feature(feature) => feature.span.start,
        _ => line.span.start,
    };
    file.source.place(start).line
}

/// `file:line`.
fn place_of(file: &LicenseFile, line: &Line) -> String {
    format!("{}:{}", file.source.name(), number_of(file, line))
}

fn list(hostids: &[HostId]) -> String {
    hostids.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}
