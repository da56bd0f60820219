//! The judgement on each line: is it ours, is it for this machine, who signed it, does it add anything.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::granted::Granted;
use super::order::Place;
use super::pool::{SignedLine, pool_key};
use super::unserved::Unserved;
use super::verdict::{LinePlace, LineVerdict, Note, RefusedReason, Verdict};
use crate::code::{Code, minor};
use crate::ident::{Digest, FeatureName, PoolKey, VendorName};
use crate::license::{
    FeatureKeyword, FeatureLine, HostId, LicenseCount, LicenseFile, Line, LineKind, Standing, Statement,
};
use crate::sign::{Manifest, SignatureError};
use crate::text::Severity;

/// Restrictions of the publisher that are not enforced yet: a line that carries one is not served, as serving it would
/// give more than was sold.
pub(super) const RESTRICTIONS: [&str; 6] =
    ["FLOAT_OK", "HOST_BASED", "PLATFORMS", "TZ", "USER_BASED", "VM_PLATFORMS"];
/// Attributes that have no effect yet, and what follows from it. Those that never have one are the license room's.
const WITHOUT_EFFECT: [(&str, &str); 4] = [
    ("BORROW", "the license can't be borrowed"),
    ("DUP_GROUP", "every checkout counts"),
    ("OVERDRAFT", "the count is the limit"),
    ("SUPERSEDE", "remove the older lines by hand"),
];

/// Keywords of lines that publishers sign.
const KEYWORDS: [&str; 4] = ["FEATURE", "INCREMENT", "UPGRADE", "PACKAGE"];

/// A line that is served.
pub(super) struct Candidate<'a> {
    pub(super) line: &'a FeatureLine,
    pub(super) place: Place,
    pub(super) pool: PoolKey,
    pub(super) digest: Digest,
    pub(super) signed: SignedLine,
    /// Where it stands.
    pub(super) here: LinePlace,
    /// Its verdict, by index.
    pub(super) verdict: usize,
}

/// Judges files one after the other.
pub(super) struct Admission<'a> {
    vendor: &'a VendorName,
    manifest: &'a Manifest,
    machine: &'a [HostId],
    granted: Granted,
    files: usize,
    candidates: Vec<Candidate<'a>>,
    verdicts: Vec<LineVerdict>,
    unserved: BTreeMap<FeatureName, Unserved>,
    /// Where each canonical text was first met.
    seen: BTreeMap<Digest, LinePlace>,
    /// Where the counted FEATURE line stands that won, by name.
    winners: BTreeMap<FeatureName, LinePlace>,
}

/// What the SERVER lines of a file mean for its feature lines.
enum Footing {
    /// They are for this machine.
    Here,
    /// There is none.
    Serverless,
    /// Nothing of the file is served.
    Refused { reason: RefusedReason, code: Code, minor: u16, why: String },
}

/// What came of all lines.
pub(super) struct Admitted<'a> {
    pub(super) candidates: Vec<Candidate<'a>>,
    pub(super) verdicts: Vec<LineVerdict>,
    pub(super) unserved: BTreeMap<FeatureName, Unserved>,
}

impl<'a> Admission<'a> {
    pub(super) fn new(
        vendor: &'a VendorName,
        manifest: &'a Manifest,
        machine: &'a [HostId],
        granted: Granted,
    ) -> Self {
        Self {
            vendor,
            manifest,
            machine,
            granted,
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
        let name: Arc<str> = Arc::from(file.source.name());
        for (index, line) in file.lines.iter().enumerate() {
            let place = || LinePlace {
                file: self.files,
                line: index,
                name: Arc::clone(&name),
                number: number_of(file, line),
            };
            match &line.kind {
                LineKind::Server(server) => {
                    // The reason is told once in full, at the first SERVER line.
                    if let Footing::Refused { reason, code, minor, why } = &footing
                        && !std::mem::replace(&mut told, true)
                    {
                        let (place, subject) = (place(), format!("SERVER {} {}", server.host, server.hostid));
                        let verdict = Verdict::Refused {
                            reason: *reason,
                            code: *code,
                            minor: *minor,
                            why: why.clone(),
                        };
                        let notes = Vec::new();
                        self.record(line, LineVerdict { place, keyword: "SERVER", subject, verdict, notes });
                    }
                }
                LineKind::Feature(feature) if feature.vendor == *self.vendor => {
                    let place = place();
                    let (verdict, notes) = self.judge_line(&place, feature, &footing, &hostids);
                    let (keyword, subject) = (feature.keyword.as_str(), feature.name.to_string());
                    self.record(line, LineVerdict { place, keyword, subject, verdict, notes });
                }
                LineKind::Upgrade(_) | LineKind::Package(_) | LineKind::Unserved(_) => {
                    let place = place();
                    self.judge_unserved(file, line, place);
                }
                LineKind::Invalid => {
                    let place = place();
                    self.judge_invalid(file, line, place);
                }
                _ => {}
            }
        }
        self.files += 1;
    }

    fn footing(&self, file: &LicenseFile, hostids: &[HostId]) -> Footing {
        match file.standing() {
            Standing::Serverless => Footing::Serverless,
            Standing::Single | Standing::Triad if self.granted.machine => Footing::Here,
            Standing::Single if hostids.iter().any(|hostid| hostid.matches_machine(self.machine)) => {
                Footing::Here
            }
            Standing::Single => Footing::Refused {
                reason: RefusedReason::WrongMachine,
                code: Code::FeatureRemoved,
                minor: minor::SERVER_HOSTID,
                why: format!(
                    "the file is for the machine with hostid {}; this machine has {}",
                    list(hostids),
                    if self.machine.is_empty() { "no hostid".to_owned() } else { list(self.machine) },
                ),
            },
            Standing::Triad => Footing::Refused {
                reason: RefusedReason::Triad,
                code: Code::FeatureNotSupported,
                minor: minor::LINES_NOT_SERVED,
                why: "three servers as one are not served yet".to_owned(),
            },
            Standing::Rejected => Footing::Refused {
                reason: RefusedReason::ServerLines,
                code: Code::BadLicenseSyntax,
                minor: minor::LINES_NOT_SERVED,
                why: "a file has one sound SERVER line, or three with ports".to_owned(),
            },
        }
    }

    fn judge_line(
        &mut self,
        here: &LinePlace,
        feature: &'a FeatureLine,
        footing: &Footing,
        hostids: &[HostId],
    ) -> (Verdict, Vec<Note>) {
        let refused =
            |reason, code, minor, why: String| (Verdict::Refused { reason, code, minor, why }, Vec::new());
        match footing {
            Footing::Here => {}
            Footing::Serverless if feature.count == LicenseCount::Uncounted => {}
            Footing::Serverless => {
                let why = "a counted line needs a SERVER line".to_owned();
                return refused(RefusedReason::NeedsServer, Code::NoServerLine, minor::LINES_NOT_SERVED, why);
            }
            Footing::Refused { reason, code, minor, why } => {
                return refused(*reason, *code, *minor, why.clone());
            }
        }
        let sign = feature.sign().or(self.granted.signatures.then_some(""));
        let Some(sign) = sign else {
            let why = "the line has no SIGN".to_owned();
            return refused(RefusedReason::Unsigned, Code::BadSignature, minor::LINE_UNSIGNED, why);
        };
        let canonical = match Statement::Feature(feature).canonical(hostids) {
            Ok(text) => text,
            Err(error) => {
                let reason = RefusedReason::SignatureWrong;
                return refused(reason, Code::BadSignature, minor::LINE_SIGNATURE_WRONG, error.to_string());
            }
        };
        if !self.granted.signatures
            && let Err(error) = self.manifest.verify(&canonical, sign)
        {
            let reason = match error {
                SignatureError::NotOurs => RefusedReason::Unsigned,
                SignatureError::KeyUnknown(_) => RefusedReason::KeyUnknown,
                SignatureError::Retired { .. } => RefusedReason::KeyRetired,
                SignatureError::Wrong(_) => RefusedReason::SignatureWrong,
            };
            return refused(reason, Code::BadSignature, error.minor(), error.to_string());
        }
        if let Some(name) = RESTRICTIONS.into_iter().find(|name| feature.attribute(name).is_some()) {
            let why = format!("{name} is not enforced yet, so the line is not served");
            let reason = RefusedReason::Restriction(name);
            return refused(reason, Code::FeatureNotSupported, minor::LINES_NOT_SERVED, why);
        }

        let digest = Digest::of(canonical.as_bytes());
        if let Some(first) = self.seen.get(&digest) {
            return (Verdict::Duplicate { of: first.clone() }, Vec::new());
        }
        self.seen.insert(digest, here.clone());
        if feature.keyword == FeatureKeyword::Feature && feature.count != LicenseCount::Uncounted {
            if let Some(winner) = self.winners.get(&feature.name) {
                return (Verdict::Shadowed { by: winner.clone() }, Vec::new());
            }
            self.winners.insert(feature.name.clone(), here.clone());
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
            here: here.clone(),
            verdict: self.verdicts.len(),
        });
        (Verdict::Served(pool), notes(feature))
    }

    /// A line of a kind that is recognised but not served. Its name is remembered if the vendor is ours.
    fn judge_unserved(&mut self, file: &LicenseFile, line: &Line, place: LinePlace) {
        let keyword = keyword_of(file, line);
        let words: Vec<_> = file.words_of(line).take(3).collect();
        // FEATURESET has the vendor in the place of the name; a decimal line has neither.
        if keyword.is_empty() || words.get(2).is_none_or(|vendor| vendor != self.vendor.as_str()) {
            return;
        }
        let verdict = Verdict::Refused {
            reason: RefusedReason::Kind,
            code: Code::FeatureNotSupported,
            minor: minor::LINES_NOT_SERVED,
            why: format!("{keyword} lines are not served yet"),
        };
        let subject = words.get(1).map_or(keyword, |name| name).to_owned();
        self.record(line, LineVerdict { place, keyword, subject, verdict, notes: Vec::new() });
    }

    /// A line with an error, which the license room has found. Its name is remembered if it has one.
    fn judge_invalid(&mut self, file: &LicenseFile, line: &Line, place: LinePlace) {
        let keyword = keyword_of(file, line);
        let words: Vec<_> = file.words_of(line).take(3).collect();
        let is_feature = KEYWORDS.contains(&keyword);
        // Without a third word the vendor is unknown: the line may have been ours.
        if !is_feature || words.get(2).is_some_and(|vendor| vendor != self.vendor.as_str()) {
            return;
        }
        let error = file.diagnostics_of(line).find(|found| found.severity == Severity::Error);
        let verdict = Verdict::Refused {
            reason: RefusedReason::Unreadable,
            code: error.and_then(|found| found.code).unwrap_or(Code::BadLicenseSyntax),
            minor: 0,
            why: error.map_or_else(|| "the line can't be read".to_owned(), |found| found.message.clone()),
        };
        let subject = words.get(1).map_or(keyword, |name| name).to_owned();
        self.record(line, LineVerdict { place, keyword, subject, verdict, notes: Vec::new() });
    }

    fn record(&mut self, line: &Line, verdict: LineVerdict) {
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
fn notes(feature: &FeatureLine) -> Vec<Note> {
    WITHOUT_EFFECT
        .into_iter()
        .filter(|(name, _)| feature.attribute(name).is_some())
        .map(|(attribute, what)| Note::WithoutEffect { attribute, what })
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

/// The keyword of a line that has no typed form, in capitals; empty if it is none of those that publishers sign.
fn keyword_of(file: &LicenseFile, line: &Line) -> &'static str {
    let word = file.words_of(line).next().unwrap_or_default();
    KEYWORDS.into_iter().find(|known| word.eq_ignore_ascii_case(known)).unwrap_or_default()
}

fn list(hostids: &[HostId]) -> String {
    hostids.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}
