//! `lmcrypt`: the publisher's tool that makes keys, signs license files and checks signatures.

mod edit;
mod files;
mod keygen;
mod verify;

use std::fmt;
use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Subcommand;
use zeroize::Zeroizing;

use super::Call;
use crate::code::Code;
use crate::license::LicenseFile;
use crate::platform::{SystemClock, system_zone};
use crate::sign::{Algorithm, SigningKey, demo_signing_key};
use crate::text::Source;
use crate::time::{CivilDate, Clock as _};

/// Make keys, sign license files, check signatures.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Make a key and the vendor manifest that goes with it
    ///
    /// Writes VENDOR.key, which signs and stays with you, and VENDOR.vendor.toml, which verifies and goes to the servers.
    /// Existing files are never overwritten.
    Keygen(keygen::KeygenArgs),
    /// Sign the lines of the key's vendor in a license file
    ///
    /// Every byte of the file that is not a signature stays as it is. If one line can't be signed, nothing is written.
    Sign(SignArgs),
    /// Check the signatures of license files
    ///
    /// Prints one line for each license line: file, line number, feature and verdict. Ends with 0 if every line of the
    /// manifest's vendor is good, with 248 (-8) otherwise.
    Verify(verify::VerifyArgs),
}

#[derive(Debug, clap::Args)]
#[command(group(clap::ArgGroup::new("by").required(true).args(["key", "demo"])))]
struct SignArgs {
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

/// Why the tool ends early: the number for the exit status and the text for the user.
#[derive(Debug)]
struct Failure {
    status: u8,
    text: String,
}

impl Failure {
    fn new(status: u8, text: impl fmt::Display) -> Self {
        Self { status, text: text.to_string() }
    }
}

const FAILED: u8 = 1;

/// Runs the tool and gives its exit status: 0 if all went well, 248 if a signature is not good, 226 if a file can't be
/// read, 1 for everything else.
pub(super) fn run(args: Args, _call: &Call) -> u8 {
    let (mut out, mut err) = (std::io::stdout().lock(), std::io::stderr().lock());
    run_with(args, &mut out, &mut err)
}

fn run_with(args: Args, out: &mut dyn Write, err: &mut dyn Write) -> u8 {
    let done = match args.verb {
        Verb::Keygen(args) => keygen::keygen(&args, out, err),
        Verb::Sign(args) => sign(&args, out, err),
        Verb::Verify(args) => verify::verify(&args, out, err),
    };
    match done {
        Ok(status) => status,
        Err(failure) => {
            say(err, format_args!("lmcrypt: {}", failure.text));
            failure.status
        }
    }
}

/// Prints a line. Nobody reading it is no reason to stop.
fn say(to: &mut dyn Write, line: impl fmt::Display) {
    let _ = writeln!(to, "{line}");
}

/// What to tell whoever uses a symmetric key.
const HMAC_WARNING: &str = "note: hmac-sha1 is the legacy form: whoever can verify its signatures can make them, so \
                            use it only for servers that you run yourself";

fn sign(args: &SignArgs, out: &mut dyn Write, err: &mut dyn Write) -> Result<u8, Failure> {
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
        Some(path) => files::replace(path, &signed.bytes)
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

/// The day in this machine's zone.
fn today() -> Result<CivilDate, Failure> {
    let now = SystemClock::new().now().utc;
    CivilDate::of(now, &system_zone().zone)
        .ok_or_else(|| Failure::new(FAILED, format_args!("the clock of this machine says {now}")))
}

fn read_key(path: &Path, err: &mut dyn Write) -> Result<SigningKey, Failure> {
    let failure = |problem: &dyn fmt::Display| {
        Failure::new(Code::CannotReadFile.exit_status(), format_args!("{}: {problem}", path.display()))
    };
    let text = Zeroizing::new(std::fs::read_to_string(path).map_err(|error| failure(&error))?);
    if files::others_may_read(path) {
        say(err, format_args!("warning: {} can be read by others; make it yours alone", path.display()));
    }
    SigningKey::parse(&text).map_err(|error| failure(&error))
}

fn read_license(path: &Path) -> Result<LicenseFile, Failure> {
    let bytes = std::fs::read(path).map_err(|error| {
        Failure::new(Code::CannotReadFile.exit_status(), format_args!("{}: {error}", path.display()))
    })?;
    Ok(LicenseFile::parse(Source::new(&path.display().to_string(), &bytes)))
}

#[cfg(test)]
mod tests;
