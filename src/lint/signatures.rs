//! Signatures and the keys that make them (`grammar/signature.md`).

use std::collections::BTreeMap;

use super::dates::days_between;
use super::finding;
use super::place::{Field, attribute, field};
use super::project::Project;
use super::report::Report;
use crate::ident::VendorName;
use crate::license::{Expiry, HostId, LicenseFile, Statement};
use crate::sign::{Manifest, SignatureError, Signer, demo_signing_key};
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
    let demo = demo_signing_key().key_id();
    for (index, file) in project.files.iter().enumerate() {
        let hostids: Vec<HostId> = file.servers().map(|server| server.hostid.clone()).collect();
        let mut demo_lines: Option<(Span, usize)> = None;
        for (_, statement) in file.statements() {
            let Some(manifest) = project.manifests.get(statement.vendor().as_str()) else {
                let at = field(file, statement, Field::Vendor);
                let first = Unjudged { file: index, at, lines: 0 };
                unjudged.entry(statement.vendor()).or_insert(first).lines += 1;
                continue;
            };
            let at = attribute(file, statement, "SIGN");
            match signer(manifest, statement, &hostids) {
                Ok(signer) => {
                    if signer.key == demo {
                        demo_lines.get_or_insert((at, 0)).1 += 1;
                    }
                    if let Some((row, message)) = retirement(project, statement, signer) {
                        let help = "ask the publisher for a line that is signed with its newer key";
                        report.add(index, &row, at, message, help);
                    }
                }
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

fn signer(
    manifest: &Manifest,
    statement: Statement<'_>,
    hostids: &[HostId],
) -> Result<Signer, (Finding, String, &'static str)> {
    let name = statement.name();
    let Some(sign) = statement.sign() else {
        let message = format!("the {} line of {name} has no SIGN", statement.keyword());
        return Err((finding::SIGN_MISSING, message, AS_ISSUED));
    };
    let canonical = match statement.canonical(hostids) {
        Ok(text) => text,
        Err(error) => return Err((finding::SIGN_WRONG, error.to_string(), AS_ISSUED)),
    };
    manifest.verify(&canonical, sign).map_err(|error| match error {
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
    })
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
