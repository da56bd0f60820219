//! `lmcrypt keys`: which keys manifests and key files hold.

use std::io::Write;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::{FAILED, Failure, say, today};
use crate::code::Code;
use crate::lmutil::lmcrypt::rotate::{describe_key, describe_manifest};
use crate::platform::read_regular;
use crate::sign::{KeyFileError, Manifest, SigningKey};
use crate::time::CivilDate;

/// Longest file that is read, in bytes.
const BYTES_MAX: u64 = 1 << 20;

#[derive(Debug, clap::Args)]
pub(super) struct KeysArgs {
    /// Vendor manifests and key files
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

pub(super) fn keys(args: &KeysArgs, out: &mut dyn Write, err: &mut dyn Write) -> Result<u8, Failure> {
    let today = today()?;
    let mut status = 0;
    for path in &args.files {
        match describe(path, today) {
            Ok(text) => say(out, text.trim_end()),
            Err(failure) => {
                say(err, format_args!("lmcrypt: {}: {}", path.display(), failure.text));
                status = failure.status;
            }
        }
    }
    Ok(status)
}

fn describe(path: &Path, today: CivilDate) -> Result<String, Failure> {
    let unreadable = Code::CannotReadFile.exit_status();
    let bytes = read_regular(path, BYTES_MAX).map_err(|error| Failure::new(unreadable, error))?;
    let bytes = Zeroizing::new(bytes);
    let text = std::str::from_utf8(&bytes).map_err(|_| {
        Failure::new(FAILED, "this is neither a vendor manifest nor a key file: it is not UTF-8")
    })?;
    let name = path.display().to_string();
    match SigningKey::parse(text) {
        Ok(key) => Ok(describe_key(&name, &key)),
        Err(KeyFileError::NotAKeyFile) => match Manifest::parse(text) {
            Ok(manifest) => Ok(describe_manifest(&name, &manifest, today)),
            Err(error) => Err(Failure::new(
                FAILED,
                format_args!("this is no key file, and as a vendor manifest it is wrong: {error}"),
            )),
        },
        Err(error) => Err(Failure::new(FAILED, error)),
    }
}
