//! `lmcrypt`: the publisher's tool that makes keys, signs license files and checks signatures.

mod ask;
mod edit;
mod guide;
mod keygen;
mod keys;
mod new;
mod resign;
mod rotate;
mod sign;
mod verify;

use std::fmt;
use std::io::Write;
use std::path::Path;

use clap::Subcommand;
use zeroize::Zeroizing;

use super::Call;
use super::terminal::Output;
use crate::code::Code;
use crate::license::LicenseFile;
use crate::platform::{ManifestFileError, SystemClock, others_may_read, system_zone};
use crate::sign::SigningKey;
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
    /// Make a license file, signed
    ///
    /// Out of arguments, out of a template, or, on a terminal without --feature and --template, out of answers: prompts on
    /// standard error, answers on standard input, each checked at once; at the end of the input nothing is written. The
    /// result is read again and must have no error and no warning; what is doubtful is refused.
    New(Box<new::NewArgs>),
    /// Sign the lines of the key's vendor in a license file
    ///
    /// Every byte of the file that is not a signature stays as it is. If one line can't be signed, nothing is written.
    Sign(sign::SignArgs),
    /// Check the signatures of license files
    ///
    /// Prints one line for each license line: file, line number, feature and verdict. Ends with 0 if every line of the
    /// manifest's vendor is good, with 248 (-8) otherwise.
    Verify(verify::VerifyArgs),
    /// Sign license files again with another key, where a good signature vouches for the line
    ///
    /// Only lines that carry a good signature of a key in the manifest are signed, so nothing forged is laundered; keys
    /// that have retired still vouch. Lines that the new key has signed already stay as they are. One line with another
    /// signature, or none, refuses the whole run and nothing is written. Every byte that is not a signature (or the
    /// hostid of --hostid) stays as it is.
    Resign(resign::ResignArgs),
    /// Put another key into a vendor manifest and let the old ones retire
    ///
    /// The new key is added; with --retire-old the signatures of all others count through that day in the server's zone.
    /// The manifest is replaced in one step and the old one kept beside it with .bak behind its name. It is written anew,
    /// so comments stay in the old one only. Says what remains to be done, in an order in which nothing breaks.
    Rotate(rotate::RotateArgs),
    /// List the keys of vendor manifests and key files
    ///
    /// Prints id, algorithm, retirement and public key of each; never a secret.
    Keys(keys::KeysArgs),
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
    let (mut out, mut err) = (Output, std::io::stderr());
    let status = run_with(args, &mut out, &mut err);
    let _ = out.flush();
    status
}

fn run_with(args: Args, out: &mut dyn Write, err: &mut dyn Write) -> u8 {
    let done = match args.verb {
        Verb::Keygen(args) => keygen::keygen(&args, out, err),
        Verb::New(args) => new::new(&args, &mut std::io::stdin().lock(), out, err),
        Verb::Sign(args) => sign::sign(&args, out, err),
        Verb::Verify(args) => verify::verify(&args, out, err),
        Verb::Resign(args) => resign::resign(&args, out, err),
        Verb::Rotate(args) => rotate::rotate(&args, out, err),
        Verb::Keys(args) => keys::keys(&args, out, err),
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

/// The day in this machine's zone.
fn today() -> Result<CivilDate, Failure> {
    let now = SystemClock::new().now().utc;
    CivilDate::of(now, &system_zone().zone)
        .ok_or_else(|| Failure::new(FAILED, format_args!("the clock of this machine says {now}")))
}

fn manifest_failure(error: ManifestFileError) -> Failure {
    let status = match error {
        ManifestFileError::Unreadable { .. } => Code::CannotReadFile.exit_status(),
        _ => FAILED,
    };
    Failure::new(status, error)
}

fn read_key(path: &Path, err: &mut dyn Write) -> Result<SigningKey, Failure> {
    let failure = |problem: &dyn fmt::Display| {
        Failure::new(Code::CannotReadFile.exit_status(), format_args!("{}: {problem}", path.display()))
    };
    let text = Zeroizing::new(std::fs::read_to_string(path).map_err(|error| failure(&error))?);
    if others_may_read(path) {
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
