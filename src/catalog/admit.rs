//! The judgement on each line by itself: is it ours, is it for this machine, who signed it, does it stand twice.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::granted::Granted;
use super::verdict::{LinePlace, Note, RefusedReason, Verdict};
use super::verify::verify;
use crate::code::{Code, minor};
use crate::ident::{Digest, FeatureName, VendorName};
use crate::license::{HostId, LicenseCount, LicenseFile, Line, LineKind, Standing, Statement};
use crate::sign::{Manifest, SignatureError, Signer};
use crate::text::Severity;

/// Restrictions of the publisher that are not enforced yet: a line that carries one is not served, as serving it would
/// give more than was sold.
pub(super) const RESTRICTIONS: [&str; 3] = ["FLOAT_OK", "TZ", "VM_PLATFORMS"];
/// Attributes that have no effect yet, and what follows from it. Those that never have one are the license room's.
const WITHOUT_EFFECT: [(&str, &str); 2] = [
    ("ONE_TS_OK", "remote sessions are neither counted nor refused"),
    ("SUPERSEDE_SIGN", "it replaces no line; SUPERSEDE with ISSUED does"),
];
/// Keywords of lines that publishers sign.
const KEYWORDS: [&str; 4] = ["FEATURE", "INCREMENT", "UPGRADE", "PACKAGE"];
/// Hostids of a machine are told up to this many characters.
const HOSTIDS_CHARS_MAX: usize = 200;

/// A line that the publisher has signed and that is for this machine.
pub(super) struct Signed<'a> {
    pub(super) statement: Statement<'a>,
    pub(super) place: LinePlace,
    /// Its verdict, by index.
    pub(super) verdict: usize,
    /// Digest of the canonical text.
    pub(super) digest: Digest,
    pub(super) canonical: String,
    pub(super) sign: &'a str,
    /// Whose signature it is; none if that was granted.
    pub(super) signer: Option<Signer>,
    /// What became of it; none while nothing speaks against it.
    pub(super) fate: Option<Verdict>,
    pub(super) notes: Vec<Note>,
}

impl Signed<'_> {
    /// Whether nothing speaks against it so far.
    pub(super) const fn in_effect(&self) -> bool {
        self.fate.is_none()
    }
}

/// What came of judging each line by itself.
#[derive(Default)]
pub(super) struct Admitted<'a> {
    /// In the order of files and lines.
    pub(super) signed: Vec<Signed<'a>>,
    /// Of every line that concerns the vendor, in the same order; none for a signed line, whose fate is still open.
    pub(super) verdicts: Vec<Judged<'a>>,
    /// Names of FEATURE, INCREMENT and UPGRADE lines that were refused.
    pub(super) refused: BTreeSet<FeatureName>,
}

/// A line and its verdict, if there is one already.
pub(super) struct Judged<'a> {
    pub(super) place: LinePlace,
    pub(super) keyword: &'static str,
    pub(super) subject: String,
    pub(super) statement: Option<Statement<'a>>,
    /// The components of a PACKAGE line that can't be read, as far as they can be told.
    pub(super) components: Vec<FeatureName>,
    pub(super) verdict: Option<Verdict>,
}

/// Judges every line of `vendor` in the files by itself.
pub(super) fn admit<'a>(
    vendor: &VendorName,
    files: &[&'a LicenseFile],
    manifest: &Manifest,
    machine: &[HostId],
    granted: Granted,
) -> Admitted<'a> {
    let mut admission = Admission { vendor, machine, granted, claims: Vec::new(), verdicts: Vec::new() };
    for (number, file) in files.iter().enumerate() {
        admission.judge_file(number, file);
    }
    admission.finish(manifest)
}

/// A line that says it was signed.
struct Claim<'a> {
    statement: Statement<'a>,
    /// Its verdict, by index.
    verdict: usize,
    canonical: String,
    sign: &'a str,
}

struct Admission<'v, 'a> {
    vendor: &'v VendorName,
    machine: &'v [HostId],
    granted: Granted,
    claims: Vec<Claim<'a>>,
    verdicts: Vec<Judged<'a>>,
}

/// What the SERVER lines of a file mean for its feature lines.
enum Footing {
    /// They are for this machine.
    Here,
    /// There is none.
    Serverless,
    /// Nothing of the file is served.
    Refused {
        reason: RefusedReason,
        code: Code,
        minor: u16,
        why: String,
        /// What the other lines say of it. Clients are told that, so it names no hostid: those are for the log.
        elsewhere: String,
    },
}

const TRIAD: &str = "three servers as one are not served yet";
const SERVER_LINES: &str = "a file has one sound SERVER line, or three with ports";

impl<'a> Admission<'_, 'a> {
    fn judge_file(&mut self, number: usize, file: &'a LicenseFile) {
        let hostids: Vec<HostId> = file.servers().map(|server| server.hostid.clone()).collect();
        let footing = self.footing(file, &hostids);
        let mut told = false;
        let name: Arc<str> = Arc::from(file.source.name());
        for (index, line) in file.lines.iter().enumerate() {
            let place = |start: usize| LinePlace {
                file: number,
                line: index,
                name: Arc::clone(&name),
                number: file.source.place(start).line,
            };
            match &line.kind {
                LineKind::Server(server) => {
                    // The reason is told once in full, at the first SERVER line.
                    if let Footing::Refused { reason, code, minor, why, .. } = &footing
                        && !std::mem::replace(&mut told, true)
                    {
                        let (reason, code, minor) = (*reason, *code, *minor);
                        self.verdicts.push(Judged {
                            place: place(server.span.start),
                            keyword: "SERVER",
                            subject: format!("SERVER {} {}", server.host, server.hostid),
                            statement: None,
                            components: Vec::new(),
                            verdict: Some(Verdict::Refused { reason, code, minor, why: why.clone() }),
                        });
                    }
                }
                LineKind::Feature(_) | LineKind::Upgrade(_) | LineKind::Package(_) => {
                    let Some(statement) = Statement::of(&line.kind) else { continue };
                    if *statement.vendor() == *self.vendor {
                        self.judge_statement(place(statement.span().start), statement, &footing, &hostids);
                    }
                }
                LineKind::Unserved(_) | LineKind::Invalid => {
                    self.judge_unread(file, line, place(line.span.start));
                }
                LineKind::Blank
                | LineKind::Comment
                | LineKind::Vendor(_)
                | LineKind::UseServer
                | LineKind::Prose => {}
            }
        }
    }

    fn footing(&self, file: &LicenseFile, hostids: &[HostId]) -> Footing {
        match file.standing() {
            _ if self.granted.machine => Footing::Here,
            Standing::Serverless => Footing::Serverless,
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
                elsewhere: match file.servers().next() {
                    Some(server) => {
                        let line = file.source.place(server.span.start).line;
                        format!("the SERVER line at {}:{line} is for another machine", file.source.name())
                    }
                    None => "the file is for another machine".to_owned(),
                },
            },
            Standing::Triad => Footing::Refused {
                reason: RefusedReason::Triad,
                code: Code::FeatureNotSupported,
                minor: minor::LINES_NOT_SERVED,
                why: TRIAD.to_owned(),
                elsewhere: TRIAD.to_owned(),
            },
            Standing::Rejected => Footing::Refused {
                reason: RefusedReason::ServerLines,
                code: Code::BadLicenseSyntax,
                minor: minor::LINES_NOT_SERVED,
                why: SERVER_LINES.to_owned(),
                elsewhere: SERVER_LINES.to_owned(),
            },
        }
    }

    fn judge_statement(
        &mut self,
        place: LinePlace,
        statement: Statement<'a>,
        footing: &Footing,
        hostids: &[HostId],
    ) {
        let claim = claim(statement, footing, hostids, self.granted.signatures);
        let (claim, verdict) = match claim {
            Ok(claim) => (Some(claim), None),
            Err(refusal) => (None, Some(refusal)),
        };
        if let Some((canonical, sign)) = claim {
            self.claims.push(Claim { statement, verdict: self.verdicts.len(), canonical, sign });
        }
        self.verdicts.push(Judged {
            place,
            keyword: statement.keyword(),
            subject: statement.name().to_string(),
            statement: Some(statement),
            components: Vec::new(),
            verdict,
        });
    }

    /// A line that the license room could not read or that is of a kind that is not served. It is judged if its vendor
    /// is ours; its names are remembered as far as they can be told.
    fn judge_unread(&mut self, file: &LicenseFile, line: &Line, place: LinePlace) {
        let words: Vec<_> = file.words_of(line).collect();
        let word = words.first().map_or("", |word| &**word);
        let Some(keyword) = KEYWORDS.into_iter().find(|known| word.eq_ignore_ascii_case(known)) else {
            return;
        };
        // Without a third word the vendor is unknown: the line may have been ours.
        if words.get(2).is_some_and(|vendor| vendor != self.vendor.as_str()) {
            return;
        }
        let verdict = if matches!(line.kind, LineKind::Unserved(_)) {
            Verdict::Refused {
                reason: RefusedReason::Kind,
                code: Code::FeatureNotSupported,
                minor: minor::LINES_NOT_SERVED,
                why: format!("{keyword} lines are not served yet"),
            }
        } else {
            let error = file.diagnostics_of(line).find(|found| found.severity == Severity::Error);
            Verdict::Refused {
                reason: RefusedReason::Unreadable,
                code: error.and_then(|found| found.code).unwrap_or(Code::BadLicenseSyntax),
                minor: 0,
                why: error.map_or_else(|| "the line can't be read".to_owned(), |found| found.message.clone()),
            }
        };
        let components = words
            .iter()
            .filter(|_| keyword == "PACKAGE")
            .filter_map(|word| word.strip_prefix("COMPONENTS="))
            .flat_map(|list| list.trim_matches('"').split_whitespace())
            .filter_map(|component| FeatureName::parse(component.split(':').next()?).ok())
            .collect();
        let subject = words.get(1).map_or(keyword, |name| name).to_owned();
        self.verdicts.push(Judged {
            place,
            keyword,
            subject,
            statement: None,
            components,
            verdict: Some(verdict),
        });
    }

    /// Verifies all signatures and finds the lines that stand twice.
    fn finish(self, manifest: &Manifest) -> Admitted<'a> {
        let mut admitted = Admitted { verdicts: self.verdicts, ..Admitted::default() };
        let claims: Vec<_> = self.claims.iter().map(|claim| (claim.canonical.as_str(), claim.sign)).collect();
        let results = if self.granted.signatures {
            claims.iter().map(|_| Ok(None)).collect()
        } else {
            verify(manifest, &claims).into_iter().map(|result| result.map(Some)).collect::<Vec<_>>()
        };
        let mut seen: BTreeMap<Digest, usize> = BTreeMap::new();
        for (claim, result) in self.claims.into_iter().zip(results) {
            let Some(judged) = admitted.verdicts.get_mut(claim.verdict) else { continue };
            let signer = match result {
                Ok(signer) => signer,
                Err(error) => {
                    judged.verdict = Some(wrong_signature(&error));
                    continue;
                }
            };
            let digest = Digest::of(claim.canonical.as_bytes());
            let next = admitted.signed.len();
            let first = *seen.entry(digest).or_insert(next);
            if let Some(first) = admitted.signed.get(first) {
                judged.verdict = Some(Verdict::Duplicate { of: first.place.clone() });
                continue;
            }
            let statement = claim.statement;
            admitted.signed.push(Signed {
                statement,
                place: judged.place.clone(),
                verdict: claim.verdict,
                digest,
                canonical: claim.canonical,
                sign: claim.sign,
                signer,
                fate: restricted(statement),
                notes: notes(statement),
            });
        }
        admitted.refused = admitted
            .verdicts
            .iter()
            .filter(|judged| matches!(judged.verdict, Some(Verdict::Refused { .. })))
            .filter(|judged| judged.keyword != "PACKAGE")
            .filter_map(|judged| FeatureName::parse(&judged.subject).ok())
            .collect();
        admitted
    }
}

/// The signed text and the signature that a line claims to have, if its file is for this machine.
fn claim<'a>(
    statement: Statement<'a>,
    footing: &Footing,
    hostids: &[HostId],
    signature_granted: bool,
) -> Result<(String, &'a str), Verdict> {
    let counted = match statement {
        Statement::Feature(line) => line.count != LicenseCount::Uncounted,
        Statement::Upgrade(_) => true,
        // It gives nothing by itself; what enables it is judged for itself.
        Statement::Package(_) => false,
    };
    match footing {
        Footing::Serverless if counted => {
            return Err(Verdict::Refused {
                reason: RefusedReason::NeedsServer,
                code: Code::NoServerLine,
                minor: minor::LINES_NOT_SERVED,
                why: "a counted line needs a SERVER line".to_owned(),
            });
        }
        Footing::Here | Footing::Serverless => {}
        Footing::Refused { reason, code, minor, elsewhere, .. } => {
            let (reason, code, minor) = (*reason, *code, *minor);
            return Err(Verdict::Refused { reason, code, minor, why: elsewhere.clone() });
        }
    }
    let bad = |reason, minor, why| Verdict::Refused { reason, code: Code::BadSignature, minor, why };
    let sign = statement.sign().or(signature_granted.then_some("")).ok_or_else(|| {
        bad(RefusedReason::Unsigned, minor::LINE_UNSIGNED, "the line has no SIGN".to_owned())
    })?;
    let canonical = statement.canonical(hostids).map_err(|error| {
        bad(RefusedReason::SignatureWrong, minor::LINE_SIGNATURE_WRONG, error.to_string())
    })?;
    Ok((canonical, sign))
}

fn wrong_signature(error: &SignatureError) -> Verdict {
    let reason = match error {
        SignatureError::NotOurs => RefusedReason::Unsigned,
        SignatureError::KeyUnknown(_) => RefusedReason::KeyUnknown,
        SignatureError::Wrong(_) => RefusedReason::SignatureWrong,
        SignatureError::Retired { .. } => RefusedReason::KeyRetired,
    };
    Verdict::Refused { reason, code: Code::BadSignature, minor: error.minor(), why: error.to_string() }
}

fn restricted(statement: Statement<'_>) -> Option<Verdict> {
    let name = RESTRICTIONS.into_iter().find(|name| statement.attribute(name).is_some())?;
    Some(Verdict::Refused {
        reason: RefusedReason::Restriction(name),
        code: Code::FeatureNotSupported,
        minor: minor::LINES_NOT_SERVED,
        why: format!("{name} is not enforced yet, so the line is not served"),
    })
}

/// What an administrator should know of a line that is served.
fn notes(statement: Statement<'_>) -> Vec<Note> {
    WITHOUT_EFFECT
        .into_iter()
        .filter(|(name, _)| statement.attribute(name).is_some())
        .map(|(attribute, what)| Note::WithoutEffect { attribute, what })
        .collect()
}

/// The hostids with blanks between them. A server may have many, so they are cut at a length.
fn list(hostids: &[HostId]) -> String {
    let all = hostids.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
    match all.char_indices().nth(HOSTIDS_CHARS_MAX) {
        Some((cut, _)) => format!("{}…", all.get(..cut).unwrap_or_default()),
        None => all,
    }
}
