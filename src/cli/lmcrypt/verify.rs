//! `lmcrypt verify`.

use std::io::Write;
use std::path::PathBuf;

use super::{Failure, HMAC_WARNING, manifest_failure, read_license, say, today};
use crate::code::{Code, minor};
use crate::license::{HostId, LicenseFile, LineKind, Statement};
use crate::platform::read_manifest;
use crate::sign::{Algorithm, Manifest, Signer};
use crate::text::Severity;
use crate::time::CivilDate;

#[derive(Debug, clap::Args)]
#[command(group(clap::ArgGroup::new("by").required(true).args(["manifest", "demo"])))]
pub(super) struct VerifyArgs {
    /// License files to check
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Vendor manifest with the keys that count
    #[arg(long, value_name = "FILE")]
    manifest: Option<PathBuf>,
    /// Use the built-in demo manifest of vendor LGS
    #[arg(long)]
    demo: bool,
}

pub(super) fn verify(args: &VerifyArgs, out: &mut dyn Write, err: &mut dyn Write) -> Result<u8, Failure> {
    let manifest = match &args.manifest {
        None => Manifest::demo(),
        Some(path) => read_manifest(path).map_err(manifest_failure)?.manifest,
    };
    let today = today()?;
    let (mut good, mut bad, mut unreadable) = (0_u32, 0_u32, None);
    for path in &args.files {
        match read_license(path) {
            Ok(file) => verify_file(&file, &manifest, today, out, &mut good, &mut bad),
            Err(failure) => {
                say(err, format_args!("lmcrypt: {}", failure.text));
                unreadable = Some(failure.status);
            }
        }
    }
    if manifest.keys.iter().any(|key| key.algorithm() == Algorithm::HmacSha1) {
        say(err, HMAC_WARNING);
    }
    say(out, format_args!("{good} good, {bad} not good"));
    if good == 0 && bad == 0 && unreadable.is_none() {
        say(err, format_args!("lmcrypt: no line of vendor {}: nothing was verified", manifest.vendor));
    }
    Ok(match unreadable {
        Some(status) => status,
        None if bad == 0 && good > 0 => 0,
        None => Code::BadSignature.exit_status(),
    })
}

fn verify_file(
    file: &LicenseFile,
    manifest: &Manifest,
    today: CivilDate,
    out: &mut dyn Write,
    good: &mut u32,
    bad: &mut u32,
) {
    let hostids: Vec<HostId> = file.servers().map(|server| server.hostid.clone()).collect();
    for line in &file.lines {
        if let Some(statement) = Statement::of(&line.kind) {
            let place = file.source.place(statement.span().start).line;
            let name = file.source.name();
            let what = format!("{name}:{place}: {} {}", statement.keyword(), statement.name());
            if *statement.vendor() != manifest.vendor {
                say(out, format_args!("{what}: skipped, vendor {}", statement.vendor()));
                continue;
            }
            match verify_line(statement, &hostids, manifest, today) {
                Ok(Signer { key, retires: None }) => {
                    *good += 1;
                    say(out, format_args!("{what}: good, key {key}"));
                }
                Ok(Signer { key, retires: Some(last) }) => {
                    *good += 1;
                    say(out, format_args!("{what}: good through {last}, when key {key} retires"));
                }
                Err((minor, why)) => {
                    *bad += 1;
                    say(out, format_args!("{what}: NOT GOOD (-8,{minor}): {why}"));
                }
            }
            continue;
        }
        if matches!(line.kind, LineKind::Invalid) {
            *bad += 1;
            for error in file.diagnostics_of(line).filter(|found| found.severity == Severity::Error) {
                say(out, error.line(&file.source));
            }
        }
    }
}

fn verify_line(
    line: Statement<'_>,
    hostids: &[HostId],
    manifest: &Manifest,
    today: CivilDate,
) -> Result<Signer, (u16, String)> {
    let sign = line.sign().ok_or_else(|| (minor::LINE_UNSIGNED, "the line has no SIGN".to_owned()))?;
    let text = line.canonical(hostids).map_err(|error| (minor::LINE_SIGNATURE_WRONG, error.to_string()))?;
    manifest
        .verify(&text, sign)
        .and_then(|signer| signer.counts_on(today).map(|()| signer))
        .map_err(|error| (error.minor(), error.to_string()))
}
