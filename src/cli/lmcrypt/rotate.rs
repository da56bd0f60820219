//! `lmcrypt rotate`: another key into the vendor manifest.

use std::io::Write;
use std::path::PathBuf;

use super::{FAILED, Failure, HMAC_WARNING, manifest_failure, read_key, say, today};
use crate::lmutil::lmcrypt::{day, rotate};
use crate::platform::{Secrecy, read_manifest, replace_keeping, write_new};
use crate::sign::Algorithm;

#[derive(Debug, clap::Args)]
pub(super) struct RotateArgs {
    /// Vendor manifest to change
    #[arg(long, value_name = "FILE")]
    manifest: PathBuf,
    /// Key file with the new key, made by keygen in a directory of its own
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// Last day on which signatures of the other keys count: 30-jun-2027, today, +90d or +1y
    #[arg(long, value_name = "DATE")]
    retire_old: Option<String>,
    /// Write the new manifest to OUT, which must not exist, and leave the old one alone
    #[arg(short, long, value_name = "OUT")]
    output: Option<PathBuf>,
}

pub(super) fn rotate(args: &RotateArgs, out: &mut dyn Write, err: &mut dyn Write) -> Result<u8, Failure> {
    let today = today()?;
    let old = read_manifest(&args.manifest).map_err(manifest_failure)?.manifest;
    let key = read_key(&args.key, err)?;
    let retire_old = args
        .retire_old
        .as_deref()
        .map(|text| day::day(text, today))
        .transpose()
        .map_err(|error| Failure::new(FAILED, format_args!("--retire-old: {error}")))?;
    let rotated = rotate::rotate(&old, &key, retire_old)
        .map_err(|error| Failure::new(FAILED, format_args!("nothing was written: {error}")))?;

    let hmac = rotated.manifest.keys.iter().any(|entry| entry.algorithm() == Algorithm::HmacSha1);
    let secrecy = if hmac { Secrecy::Secret } else { Secrecy::Public };
    let text = rotated.manifest.print();
    let written = match &args.output {
        Some(path) => write_new(path, text.as_bytes(), secrecy).map(|()| path),
        None => {
            let mut name = args.manifest.clone().into_os_string();
            name.push(".bak");
            let kept = PathBuf::from(name);
            replace_keeping(&args.manifest, text.as_bytes(), &kept, secrecy).map(|()| {
                say(out, format_args!("the old manifest is kept as {}", kept.display()));
                &args.manifest
            })
        }
    };
    let target = args.output.as_ref().unwrap_or(&args.manifest);
    let path =
        written.map_err(|error| Failure::new(FAILED, format_args!("{}: {error}", target.display())))?;

    let id = key.key_id();
    let verb = if rotated.added { "added to" } else { "was already in" };
    say(out, format_args!("{} key {id} {verb} {}", key.algorithm(), path.display()));
    for (old, last) in &rotated.earlier {
        say(out, format_args!("key {old} retires earlier anyway: its signatures count through {last}"));
    }
    for old in &rotated.retiring {
        if let Some(last) = retire_old {
            say(out, format_args!("key {old} retires: its signatures count through {last}"));
        }
    }
    if retire_old.is_some_and(|last| last < today) && !rotated.retiring.is_empty() {
        say(
            err,
            "warning: that day has passed: with this manifest no line of the old keys is served, at once; \
             lmcrypt resign still accepts them",
        );
    }
    if hmac {
        say(err, HMAC_WARNING);
    }
    let steps = rotate::remains(&rotated, &key, &path.display().to_string(), &args.key.display().to_string());
    say(out, steps.trim_end());
    Ok(0)
}
