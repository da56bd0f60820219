//! `lmcrypt sign`.

use std::io::Write;
use std::path::PathBuf;

use super::{FAILED, Failure, HMAC_WARNING, edit, read_key, read_license, say};
use crate::platform::replace;
use crate::sign::{Algorithm, demo_signing_key};

#[derive(Debug, clap::Args)]
#[command(group(clap::ArgGroup::new("by").required(true).args(["key", "demo"])))]
pub(super) struct SignArgs {
    /// License file to sign
    file: PathBuf,
    /// Key file that keygen has made
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// Sign with the published demo key of vendor LGS
    #[arg(long)]
    demo: bool,
    /// Write the signed file to OUT instead of standard output
    #[arg(short, long, value_name = "OUT", conflicts_with = "in_place")]
    output: Option<PathBuf>,
    /// Replace the file by the signed one
    #[arg(short, long)]
    in_place: bool,
}

pub(super) fn sign(args: &SignArgs, out: &mut dyn Write, err: &mut dyn Write) -> Result<u8, Failure> {
    let key = match &args.key {
        Some(path) => read_key(path, err)?,
        None => demo_signing_key(),
    };
    let file = read_license(&args.file)?;
    let signed = edit::sign_file(&file, &key);
    for note in &signed.notes {
        say(err, note);
    }
    if !signed.refused.is_empty() {
        for refusal in &signed.refused {
            say(err, refusal);
        }
        return Err(Failure::new(
            FAILED,
            format_args!("nothing was written: {} mistake(s) above", signed.refused.len()),
        ));
    }
    if signed.count == 0 {
        return Err(Failure::new(
            FAILED,
            format_args!(
                "nothing was written: {} has no line of vendor {}",
                args.file.display(),
                key.vendor()
            ),
        ));
    }
    let output = args.output.as_ref().filter(|path| path.as_os_str() != "-");
    let target = if args.in_place { Some(&args.file) } else { output };
    match target {
        Some(path) => replace(path, &signed.bytes)
            .map_err(|error| Failure::new(FAILED, format_args!("{}: {error}", path.display())))?,
        None => out
            .write_all(&signed.bytes)
            .and_then(|()| out.flush())
            .map_err(|error| Failure::new(FAILED, format_args!("standard output: {error}")))?,
    }
    if key.algorithm() == Algorithm::HmacSha1 {
        say(err, HMAC_WARNING);
    }
    if args.demo {
        say(err, "note: the demo key is published: everybody can make these signatures");
    }
    say(err, format_args!("{} line(s) signed with {} key {}", signed.count, key.algorithm(), key.key_id()));
    Ok(0)
}
