//! `lmlicvalidator`: the errors of a license file, or of the files that a server serves (`flexnet-tools.md` 2.19). The
//! lint finds them.

use std::io;
use std::path::PathBuf;

use super::ask::{Failure, targets};
use super::inputs::ReadLicenses;
use super::license_texts::fetch_any;
use super::lmlint::Judged;
use crate::client::{Limits, SearchPath};
use crate::license::LicenseFile;
use crate::text::{Source, counted};

/// So many errors are shown unless all are asked for.
pub const ERRORS_SHOWN: usize = 10;

/// The license files that servers serve: `port@host`, several separated by colons. Waits for their answers.
///
/// # Errors
/// [`Failure`] when no server is named or one can't be asked.
pub fn served(servers: &str, limits: Limits) -> Result<ReadLicenses, Failure> {
    let mut read = ReadLicenses::default();
    for target in targets(&SearchPath::parse(servers))? {
        for text in fetch_any(&target.servers, limits)? {
            match text.bytes {
                Ok(bytes) => read.files.push(LicenseFile::parse(Source::new(&text.name, &bytes))),
                Err(why) => read.unreadable.push((PathBuf::from(text.name), io::Error::other(why))),
            }
        }
    }
    Ok(read)
}

/// The first errors, or all, and how many there are.
#[must_use]
pub fn report(judged: &Judged, all: bool, coloured: bool) -> String {
    let errors = judged.counts().errors;
    let shown = if all { errors } else { errors.min(ERRORS_SHOWN) };
    let mut text = judged.errors(coloured, shown);
    match errors {
        0 if judged.is_nothing_read() => text.push_str("nothing was checked\n"),
        0 => text.push_str("no errors\n"),
        _ if shown < errors => {
            text.push_str(&format!(
                "{}, the first {shown} are shown; -repAllErr shows all\n",
                counted(errors, "error")
            ));
        }
        _ => text.push_str(&format!("{}\n", counted(errors, "error"))),
    }
    text
}
