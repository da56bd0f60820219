//! `lmfmt [--check|--diff|-w] FILE…`.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use super::{Call, print, print_error};
use crate::editor::Document;
use crate::lmutil::inputs::{ReadFiles, STANDARD_INPUT, read_files};
use crate::lmutil::lmfmt::{Formatted, difference, formatted, left_as_they_are};
use crate::platform::{licenses_in, replace};
use crate::text::layout::Style;

/// Exit status when files are not in the canonical layout.
const DIFFERS: u8 = 1;

/// Exit status when something could not be done, and of a wrong call.
pub(super) const TROUBLE: u8 = 2;

/// Lay license and options files out: capitals, blanks, wrapping; comments and meaning stay
///
/// Keywords get capitals, words single blanks, and long lines are wrapped near 70 columns with a backslash and a tab, of options
/// files those of groups. A file that is called *.opt, or that begins like one, is an options file.
/// Comments stay; those inside a wrapped line go above it. The order of lines and words stays, and signatures stay
/// valid. A line with a mistake stays as it is and is named on standard error. Without an option the text of the one
/// file is printed. Ends with 0, with 1 if --check or --diff finds a file in another layout, with 2 if something
/// could not be read or written.
#[derive(Debug, clap::Args)]
#[command(group(clap::ArgGroup::new("mode").args(["check", "diff", "write"])))]
#[command(after_help = "Examples:\n  \
    lmfmt --diff acme.lic                        what would change\n  \
    lmfmt -w /usr/local/flexlm/licenses          every *.lic of a directory, in place\n  \
    lmfmt - < mail.txt > acme.lic                from standard input")]
pub(super) struct Args {
    /// License and options files; a directory stands for its *.lic, - for standard input
    #[arg(required_unless_present = "options", value_name = "FILE")]
    files: Vec<PathBuf>,
    /// An options file, whatever its name and its beginning (can be repeated)
    #[arg(long, value_name = "FILE")]
    options: Vec<PathBuf>,
    /// List the files whose layout would change
    #[arg(long)]
    check: bool,
    /// Show what would change as a unified diff
    #[arg(long)]
    diff: bool,
    /// Write the files in place; one that needs no change is not touched
    #[arg(short, long)]
    write: bool,
}

/// What became of one file.
enum Outcome {
    Same,
    Differs,
    Trouble(String),
}

pub(super) fn run(args: Args, call: &Call) -> u8 {
    let complain = |what: &str| print_error(&format!("{}: {what}\n", call.name));
    let (mut paths, troubles) = expanded(&args.files);
    paths.extend(args.options.iter().cloned());
    for trouble in &troubles {
        complain(trouble);
    }
    if paths.len() > 1 && !args.check && !args.diff && !args.write {
        complain("more than one file: use --check, --diff or -w, or name one");
        return TROUBLE;
    }
    let (mut differs, mut trouble) = (false, !troubles.is_empty());
    for path in &paths {
        match one(path, &args) {
            Outcome::Same => {}
            Outcome::Differs => differs = true,
            Outcome::Trouble(what) => {
                complain(&what);
                trouble = true;
            }
        }
    }
    match (trouble, differs) {
        (true, _) => TROUBLE,
        (false, true) => DIFFERS,
        (false, false) => 0,
    }
}

/// The files that the arguments mean, and what is wrong with directories among them.
fn expanded(paths: &[PathBuf]) -> (Vec<PathBuf>, Vec<String>) {
    let (mut files, mut troubles) = (Vec::new(), Vec::new());
    for path in paths {
        if path.as_os_str() == STANDARD_INPUT || !path.is_dir() {
            files.push(path.clone());
            continue;
        }
        match licenses_in(path) {
            Ok(found) if found.is_empty() => {
                troubles.push(format!("{}: the directory has no *.lic file", path.display()));
            }
            Ok(found) => files.extend(found),
            Err(error) => troubles.push(format!("{}: {error}", path.display())),
        }
    }
    (files, troubles)
}

fn one(path: &Path, args: &Args) -> Outcome {
    let named = [path.to_owned()];
    let read =
        if args.options.contains(&named[0]) { read_files(&[], &named) } else { read_files(&named, &[]) };
    let ReadFiles { licenses, options } = read;
    if let Some((path, error)) = licenses.unreadable.first() {
        return Outcome::Trouble(format!("{}: {error}", path.display()));
    }
    let licenses = licenses.files.into_iter().map(Document::License);
    let Some(file) = &licenses.chain(options.into_iter().map(Document::Options)).next() else {
        return Outcome::Same;
    };
    let laid_out = match formatted(file, Style::default()) {
        Ok(laid_out) => laid_out,
        Err(error) => {
            return Outcome::Trouble(format!("{}: it stays as it is: {error}", file.source().name()));
        }
    };
    for note in left_as_they_are(file) {
        print_error(&format!("{note}\n"));
    }
    if args.write {
        return write(path, file, &laid_out);
    }
    if args.check || args.diff {
        if !laid_out.is_other {
            return Outcome::Same;
        }
        if args.check {
            print(&format!("{}\n", file.source().name()));
            return Outcome::Differs;
        }
        return put(&difference(file, &laid_out)).unwrap_or(Outcome::Differs);
    }
    put(&laid_out.bytes).unwrap_or(Outcome::Same)
}

fn write(path: &Path, file: &Document, laid_out: &Formatted) -> Outcome {
    if path.as_os_str() == STANDARD_INPUT {
        return Outcome::Trouble("standard input can't be written in place".to_owned());
    }
    if laid_out.is_other
        && let Err(error) = replace(path, &laid_out.bytes)
    {
        return Outcome::Trouble(format!("{}: {error}", file.source().name()));
    }
    Outcome::Same
}

/// Writes to standard output; what kept it from that, if anything. A reader that went away is no trouble.
fn put(bytes: &[u8]) -> Option<Outcome> {
    let mut out = std::io::stdout().lock();
    let error = out.write_all(bytes).and_then(|()| out.flush()).err()?;
    if error.kind() == std::io::ErrorKind::BrokenPipe {
        return None;
    }
    Some(Outcome::Trouble(format!("standard output: {error}")))
}
