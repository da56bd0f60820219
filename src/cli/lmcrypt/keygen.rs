//! `lmcrypt keygen`.

use std::io::Write;
use std::path::PathBuf;

use zeroize::Zeroizing;

use super::{FAILED, Failure, HMAC_WARNING, say};
use crate::ident::VendorName;
use crate::platform::{Secrecy, random_bytes, write_new};
use crate::sign::{Manifest, SigningKey};

#[derive(Debug, clap::Args)]
pub(super) struct KeygenArgs {
    /// Name of the vendor daemon, as it stands on VENDOR lines
    #[arg(long, value_name = "NAME")]
    vendor: String,
    /// Make a key of the legacy form HMAC-SHA1 instead of Ed25519
    #[arg(long)]
    hmac: bool,
    /// Directory for the two files
    #[arg(long, value_name = "DIR", default_value = ".")]
    out: PathBuf,
}

pub(super) fn keygen(args: &KeygenArgs, out: &mut dyn Write, err: &mut dyn Write) -> Result<u8, Failure> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    if args.vendor.is_empty() || !args.vendor.chars().all(fits) {
        return Err(Failure::new(
            FAILED,
            format_args!("vendor {:?}: use letters, digits, _ and - only", args.vendor),
        ));
    }
    let vendor = VendorName::parse(&args.vendor).map_err(|error| Failure::new(FAILED, error))?;
    let secret = Zeroizing::new(random_bytes::<32>().map_err(|error| Failure::new(FAILED, error))?);
    let key = if args.hmac {
        SigningKey::generate_hmac(vendor.clone(), *secret)
    } else {
        SigningKey::generate_ed25519(vendor.clone(), *secret)
    };
    let manifest = Manifest::new(vendor, vec![key.verifying_key()]);

    let key_path = args.out.join(format!("{}.key", args.vendor));
    let manifest_path = args.out.join(format!("{}.vendor.toml", args.vendor));
    for path in [&key_path, &manifest_path] {
        // Looked at first, so that a refusal leaves no half pair; `write_new` refuses again whatever comes between.
        if path.symlink_metadata().is_ok() {
            return Err(Failure::new(
                FAILED,
                format_args!(
                    "{} exists and is not overwritten; to change keys, make the new one with --out in another \
                     directory and put it into the manifest with lmcrypt rotate",
                    path.display()
                ),
            ));
        }
    }
    let write = |path: &PathBuf, text: &str, secrecy| {
        write_new(path, text.as_bytes(), secrecy)
            .map_err(|error| Failure::new(FAILED, format_args!("{}: {error}", path.display())))
    };
    let manifest_secrecy = if args.hmac { Secrecy::Secret } else { Secrecy::Public };
    write(&key_path, &key.print(), Secrecy::Secret)?;
    if let Err(failure) = write(&manifest_path, &manifest.print(), manifest_secrecy) {
        let _ = std::fs::remove_file(&key_path);
        return Err(failure);
    }
    say(out, format_args!("{} key {} of vendor {}", key.algorithm(), key.key_id(), key.vendor()));
    say(out, format_args!("  {}  signs; keep it secret and keep a copy in a safe place", key_path.display()));
    if args.hmac {
        say(out, format_args!("  {}  verifies, and holds the same secret", manifest_path.display()));
        say(err, HMAC_WARNING);
    } else {
        say(out, format_args!("  {}  verifies; give it to your servers", manifest_path.display()));
    }
    Ok(0)
}
