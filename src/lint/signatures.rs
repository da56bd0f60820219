//! Signatures and the keys that make them (`grammar/signature.md`).

use std::collections::BTreeMap;

use super::dates::days_between;
use super::finding;
use super::place::{Field, attribute, field};
use super::project::Project;
use super::report::Report;
use crate::catalog::{Claim, verify};
use crate::ident::VendorName;
use crate::license::{Expiry, HostId, LicenseFile, Standing, Statement};
use crate::sign::{SignatureError, Signer, demo_signing_key};
use crate::text::{Finding, Span};

const AS_ISSUED: &str = "restore the line as the publisher issued it";

/// Lines of one vendor that can't be judged: how many, and the first.
struct Unjudged {
    file: usize,
    at: Span,
    lines: usize,
}

pub(super) fn check(project: &Project<'_>, named: &dyn Fn(&str) -> bool, report: &mut Report<'_>) {
    if project.foreign {
        return;
    }
    let mut unjudged: BTreeMap<&VendorName, Unjudged> = BTreeMap::new();
    let mut verified = verify_all(project);
    let demo = demo_signing_key().key_id();
    for (index, file) in project.files.iter().enumerate() {
        let mut demo_lines: Option<(Span, usize)> = None;
        for (_, statement) in file.statements() {
            let Some(results) = verified.get_mut(statement.vendor()) else {
                let at = field(file, statement, Field::Vendor);
                let first = Unjudged { file: index, at, lines: 0 };
                unjudged.entry(statement.vendor()).or_insert(first).lines += 1;
                continue;
            };
            let at = attribute(file, statement, "SIGN");
            let Some(result) = results.next() else { continue };
            match result {
                Ok(signer) => {
                    if signer.key == demo {
                        demo_lines.get_or_insert((at, 0)).1 += 1;
                    }
                    if let Some((row, message)) = retirement(project, statement, signer) {
                        let help = "ask the publisher for a line that is signed with its newer key";
                        report.add(index, &row, at, message, help);
                    }
                }
                // Hostids that can't be read are signed too, so nobody knows what the signatures fit.
                Err((row, ..))
                    if row.id == finding::SIGN_WRONG.id && file.standing() == Standing::Rejected => {}
                Err((row, message, help)) => report.add(index, &row, at, message, help),
            }
        }
        if let Some((at, lines)) = demo_lines {
            let subject = if lines == 1 { "one line is".to_owned() } else { format!("{lines} lines are") };
            let message = format!("{subject} signed with the published demo key");
            let help = "everybody can make such lines: fine for trying things out, no proof of a purchase";
            report.add(index, &finding::DEMO_KEY, at, message, help);
        }
    }
    for (vendor, Unjudged { file, at, lines }) in unjudged {
        // A vendor that no VENDOR line names is probably misspelt, which is reported as such.
        if named(vendor.as_str())
            || project.files.get(file).is_some_and(|file| file.servers().next().is_none())
        {
            let them = if lines == 1 {
                "signature of one line is".to_owned()
            } else {
                format!("signatures of {lines} lines are")
            };
            let message = format!("no manifest of {vendor} is known here, so the {them} not checked");
            let help = "name the directory of its manifest with --vendor-dir";
            report.add(file, &finding::NO_MANIFEST, at, message, help);
        }
    }
}

/// Who signed a line, or what is wrong with its signature.
type Verified = Result<Signer, Wrong>;
/// The signed text of a line and the value of its SIGN.
type Claimed<'a> = Result<(String, &'a str), Wrong>;
/// The finding, its message and its hint.
type Wrong = (Finding, String, &'static str);

/// The verdicts on the signatures of each vendor whose manifest is known, in the order of files and lines. The work is shared
/// out as for a server that loads the files.
fn verify_all<'a>(project: &Project<'a>) -> BTreeMap<&'a VendorName, std::vec::IntoIter<Verified>> {
    let mut claims: BTreeMap<&VendorName, Vec<Claimed<'_>>> = BTreeMap::new();
    for file in project.files {
        let hostids: Vec<HostId> = file.servers().map(|server| server.hostid.clone()).collect();
        for (_, statement) in file.statements() {
            if project.manifests.contains_key(statement.vendor()) {
                claims.entry(statement.vendor()).or_default().push(claim(statement, &hostids));
            }
        }
    }
    let verified = claims.into_iter().filter_map(|(vendor, claims)| {
        let manifest = project.manifests.get(vendor)?;
        let sound: Vec<Claim<'_>> =
            claims.iter().flatten().map(|(canonical, sign)| (canonical.as_str(), *sign)).collect();
        let mut results = verify(manifest, &sound).into_iter();
        let all: Vec<Verified> = claims
            .into_iter()
            .filter_map(|claim| match claim {
                Ok(_) => Some(results.next()?.map_err(|error| wrong(&error))),
                Err(wrong) => Some(Err(wrong)),
            })
            .collect();
        Some((vendor, all.into_iter()))
    });
    verified.collect()
}

fn claim<'a>(statement: Statement<'a>, hostids: &[HostId]) -> Claimed<'a> {
    let name = statement.name();
    let Some(sign) = statement.sign() else {
        let message = format!("the {} line of {name} has no SIGN", statement.keyword());
        return Err((finding::SIGN_MISSING, message, AS_ISSUED));
    };
    if sign.trim().is_empty() {
        let message = format!("the SIGN of the {} line of {name} is empty", statement.keyword());
        return Err((finding::SIGN_MISSING, message, AS_ISSUED));
    }
    match statement.canonical(hostids) {
        Ok(canonical) => Ok((canonical, sign)),
        Err(error) => Err((finding::SIGN_WRONG, error.to_string(), AS_ISSUED)),
    }
}

fn wrong(error: &SignatureError) -> Wrong {
    match error {
        SignatureError::NotOurs => (
            finding::SIGN_FORM,
            error.to_string(),
            "if another license system serves this file, use --foreign",
        ),
        SignatureError::KeyUnknown(_) => (
            finding::KEY_UNKNOWN,
            error.to_string(),
            "ask the publisher for its newer manifest, or for newer lines",
        ),
        SignatureError::Wrong(_) | SignatureError::Retired { .. } => (
            finding::SIGN_WRONG,
            error.to_string(),
            "restore the line as the publisher issued it; the SERVER hostids are signed too",
        ),
    }
}

/// A key that has retired, or that will before the line expires.
fn retirement(project: &Project<'_>, statement: Statement<'_>, signer: Signer) -> Option<(Finding, String)> {
    let last = signer.retires?;
    let (name, key) = (statement.name(), signer.key);
    if project.today > last {
        return Some((
            finding::KEY_RETIRED,
            format!("{name} is signed with key {key}, which retired: its signatures counted through {last}"),
        ));
    }
    let expiry = match statement {
        Statement::Feature(line) => line.expiry,
        Statement::Upgrade(line) => line.to.expiry,
        Statement::Package(_) => Expiry::Never,
    };
    let outlives = match expiry {
        Expiry::Never => true,
        Expiry::On(day) => day > last,
    };
    let soon = days_between(project.today, last) <= i64::from(project.soon_days);
    (soon && outlives).then(|| {
        let message = format!("{name} is signed with key {key}, whose signatures count through {last} only");
        (finding::KEY_RETIRES, message)
    })
}

/// Whether two statements carry the same signature text.
pub(super) fn same_sign(files: &[LicenseFile], one: Statement<'_>, file: usize, line: usize) -> bool {
    let other =
        files.get(file).and_then(|file| file.lines.get(line)).and_then(|line| Statement::of(&line.kind));
    let bare = |sign: Option<&str>| sign.map(|sign| sign.split_whitespace().collect::<String>());
    other.is_some_and(|other| bare(other.sign()) == bare(one.sign()))
}
