//! `lminstall`: arguments (`flexnet-tools.md` 2.19).

use std::io::{self, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};

use super::{Call, USAGE, print, print_error};
use crate::code::Code;
use crate::editor::Document;
use crate::license::LicenseFile;
use crate::license::format_version::FormatVersion;
use crate::lmutil::banner;
use crate::lmutil::inputs::{STANDARD_INPUT, read_licenses};
use crate::lmutil::lmfmt::{formatted, left_as_they_are};
use crate::lmutil::lminstall::{decimal_lines, merge, split, too_new, typed};
use crate::platform::{Secrecy, replace, write_new};
use crate::text::Source;
use crate::text::layout::Style;

/// Exit status when a file is refused or can't be written.
const FAILED: u8 = 1;

/// Exit status of -98, "can't be converted to decimal format" (`flexnet-tools.md` 4.2).
const NO_DECIMAL: u8 = 158;

/// Write a license into a file: from a mail or the terminal, laid out; split or merge files
///
/// Reads a file or what is typed, up to a line that is just q, two empty lines or the end, lays it out as lmfmt does and writes
/// it. Signatures stay valid. An existing file is only written over with --force. Licenses in decimal format are
/// refused: they encode the publisher's key, and only the publisher can give their readable form. Ends with 0, 1 if
/// something is refused or can't be written, 157 (-99) for decimal lines, 158 (-98) for -odecimal, 226 (-30) if a file
/// can't be read.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    lminstall -i mail.txt -o acme.lic\n  \
    lminstall -i all.lic --split vendors         one file for each vendor: vendors/NAME.lic\n  \
    lminstall --merge a.lic b.lic -o both.lic    files of the same SERVER hostids and port")]
pub(super) struct Args {
    /// Read this file instead of what is typed
    #[arg(short = 'i', value_name = "FILE")]
    input: Option<PathBuf>,
    /// Write this file; - for standard output [default: yyyymmdd.lic with today's date]
    #[arg(short = 'o', value_name = "FILE", conflicts_with = "split")]
    output: Option<PathBuf>,
    /// Refuse lines that readers of this older version of the format don't know: 2, 3, 4, 5, 5.1, 6, 7.1 or 8
    #[arg(long = "overfmt", value_name = "VERSION", value_parser = version)]
    version: Option<FormatVersion>,
    /// Decimal format: always refused
    #[arg(long = "odecimal")]
    decimal: bool,
    /// Wrap lines so that they have no more columns than this
    #[arg(long = "maxlen", value_name = "COLUMNS", value_parser = clap::value_parser!(u16).range(20..=4000))]
    columns: Option<u16>,
    /// Write one file for each vendor, VENDOR.lic, into this directory
    #[arg(long, value_name = "DIR")]
    split: Option<PathBuf>,
    /// Merge these files into one
    #[arg(long, value_name = "FILE", num_args = 1.., conflicts_with_all = ["input", "split"])]
    merge: Vec<PathBuf>,
    /// Write over existing files
    #[arg(long)]
    force: bool,
}

/// The versions that -overfmt takes.
fn version(text: &str) -> Result<FormatVersion, String> {
    let known = ["2", "3", "4", "5", "5.1", "6", "7.1", "8"];
    FormatVersion::parse(text)
        .filter(|_| known.contains(&text))
        .ok_or_else(|| format!("the versions are {}", known.join(", ")))
}

/// Why the tool ends early.
struct Failure {
    status: u8,
    texts: Vec<String>,
}

impl Failure {
    fn new(status: u8, text: impl Into<String>) -> Self {
        Self { status, texts: vec![text.into()] }
    }
}

pub(super) fn run(args: Args, call: &Call) -> u8 {
    match install(&args, call) {
        Ok(()) => 0,
        Err(failure) => {
            for text in &failure.texts {
                print_error(&format!("{}: {text}\n", call.name));
            }
            failure.status
        }
    }
}

fn install(args: &Args, call: &Call) -> Result<(), Failure> {
    if args.decimal {
        let text = "a license can't be converted to decimal format (-98): it would have to encode the publisher's key; keep \
                    the readable form";
        return Err(Failure::new(NO_DECIMAL, text));
    }
    let files = if args.merge.is_empty() { vec![read(args, call)?] } else { read_all(&args.merge)? };
    for file in &files {
        check(file, args.version)?;
    }
    let refused = |texts| Failure { status: FAILED, texts };
    if let Some(directory) = &args.split {
        let [file] = files.as_slice() else { return Err(Failure::new(USAGE, "name one file to split")) };
        let parts = split(file).map_err(refused)?;
        let mut written = Vec::new();
        for part in &parts {
            let name = format!("{}.lic", part.vendor);
            if name.contains(['/', '\\']) || name.starts_with('.') {
                return Err(Failure::new(
                    FAILED,
                    format!("vendor {} can't be the name of a file", part.vendor),
                ));
            }
            written.push((directory.join(name), laid_out(&part.bytes, file.source.name(), args)?));
        }
        // All or nothing, as far as that can be known before.
        if let Some((path, _)) = written.iter().find(|(path, _)| path.exists() && !args.force) {
            return Err(exists(path));
        }
        std::fs::create_dir_all(directory)
            .map_err(|error| Failure::new(FAILED, format!("{}: {error}", directory.display())))?;
        return written.iter().try_for_each(|(path, bytes)| write(path, bytes, args.force));
    }
    let (bytes, name) = match files.as_slice() {
        [file] if args.merge.is_empty() => (file.print(), file.source.name()),
        files => {
            let merged = merge(files).map_err(refused)?;
            for note in &merged.notes {
                print_error(&format!("{note}\n"));
            }
            (merged.bytes, "merged")
        }
    };
    let bytes = laid_out(&bytes, name, args)?;
    match &args.output {
        Some(path) if path.as_os_str() == STANDARD_INPUT => {
            let mut out = io::stdout().lock();
            out.write_all(&bytes)
                .and_then(|()| out.flush())
                .map_err(|error| Failure::new(FAILED, format!("standard output: {error}")))
        }
        Some(path) => write(path, &bytes, args.force),
        None => {
            let today = jiff::Zoned::now().date();
            let name = format!("{:04}{:02}{:02}.lic", today.year(), today.month(), today.day());
            write(Path::new(&name), &bytes, args.force)
        }
    }
}

/// The file that -i names, or what is typed.
fn read(args: &Args, call: &Call) -> Result<LicenseFile, Failure> {
    if let Some(path) = args.input.as_ref().filter(|path| path.as_os_str() != STANDARD_INPUT) {
        return read_all(std::slice::from_ref(path))?
            .pop()
            .ok_or_else(|| Failure::new(FAILED, format!("{}: nothing to read", path.display())));
    }
    if io::stdin().is_terminal() {
        print(&format!(
            "{}\nEnter the license. End with q on a line of its own, or with two empty lines.\n",
            banner(&call.name)
        ));
    }
    let bytes = typed(io::stdin().lock()).map_err(|error| {
        Failure::new(Code::CannotReadFile.exit_status(), format!("standard input: {error}"))
    })?;
    if bytes.trim_ascii().is_empty() {
        return Err(Failure::new(FAILED, "nothing was entered"));
    }
    Ok(LicenseFile::parse(Source::new("(standard input)", &bytes)))
}

fn read_all(paths: &[PathBuf]) -> Result<Vec<LicenseFile>, Failure> {
    let read = read_licenses(paths);
    if read.unreadable.is_empty() {
        return Ok(read.files);
    }
    let texts = read.unreadable.iter().map(|(path, error)| format!("{}: {error}", path.display())).collect();
    Err(Failure { status: Code::CannotReadFile.exit_status(), texts })
}

/// Refuses what can't be converted.
fn check(file: &LicenseFile, version: Option<FormatVersion>) -> Result<(), Failure> {
    let decimal = decimal_lines(file);
    if !decimal.is_empty() {
        return Err(Failure { status: Code::BadDecimal.exit_status(), texts: decimal });
    }
    let newer = version.map(|version| too_new(file, version)).unwrap_or_default();
    if newer.is_empty() { Ok(()) } else { Err(Failure { status: FAILED, texts: newer }) }
}

fn laid_out(bytes: &[u8], name: &str, args: &Args) -> Result<Vec<u8>, Failure> {
    let file = Document::License(LicenseFile::parse(Source::new(name, bytes)));
    for note in left_as_they_are(&file) {
        print_error(&format!("{note}\n"));
    }
    let style = args.columns.map_or_else(Style::default, |columns| Style { columns: columns.into() });
    let laid_out =
        formatted(&file, style).map_err(|error| Failure::new(FAILED, format!("{name}: {error}")))?;
    Ok(laid_out.bytes)
}

fn write(path: &Path, bytes: &[u8], force: bool) -> Result<(), Failure> {
    let written = if force { replace(path, bytes) } else { write_new(path, bytes, Secrecy::Public) };
    written.map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => exists(path),
        _ => Failure::new(FAILED, format!("{}: {error}", path.display())),
    })?;
    print_error(&format!("wrote {}\n", path.display()));
    Ok(())
}

fn exists(path: &Path) -> Failure {
    Failure::new(FAILED, format!("{} exists; --force writes over it", path.display()))
}
