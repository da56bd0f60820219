//! `lmcrypt resign`: another key's signature into the place of a good one.

use std::io::Write;
use std::path::PathBuf;

use super::edit::{Edit, errors, title};
use super::{FAILED, Failure, HMAC_WARNING, manifest_failure, read_key, read_license, say, today};
use crate::code::Code;
use crate::license::{HostId, LicenseFile, LineKind, Standing, Statement};
use crate::lmutil::lmcrypt::draft;
use crate::platform::{read_manifest, replace};
use crate::sign::{Algorithm, Manifest, SigningKey};
use crate::time::CivilDate;

#[derive(Debug, clap::Args)]
pub(super) struct ResignArgs {
    /// License files to sign again
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Key file with the new key
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// Vendor manifest with the keys that vouch for the lines
    #[arg(long, value_name = "FILE")]
    manifest: PathBuf,
    /// Also put this hostid into the SERVER line: the file moves to another machine
    #[arg(long, value_name = "HOSTID")]
    hostid: Option<String>,
    /// Leave lines that are not good as they are, and say so, instead of refusing the run
    #[arg(long)]
    skip_bad: bool,
    /// Write the file to OUT instead of standard output; for one FILE
    #[arg(short, long, value_name = "OUT", conflicts_with = "in_place")]
    output: Option<PathBuf>,
    /// Replace each file by the one with the new signatures
    #[arg(short, long)]
    in_place: bool,
}

/// One file with its new signatures.
struct Resigned {
    bytes: Vec<u8>,
    /// Lines that were signed.
    count: usize,
    /// Lines that the new key had signed before.
    left: usize,
    notes: Vec<String>,
    /// Lines that nothing vouches for, with the reason.
    bad: Vec<String>,
    /// Why the file can't be changed at all, whatever is skipped.
    refused: Vec<String>,
}

/// What all files have in common.
struct Job<'a> {
    key: &'a SigningKey,
    /// The new key alone.
    new: Manifest,
    old: &'a Manifest,
    hostid: Option<HostId>,
    today: CivilDate,
}

pub(super) fn resign(args: &ResignArgs, out: &mut dyn Write, err: &mut dyn Write) -> Result<u8, Failure> {
    if args.files.len() > 1 && !args.in_place {
        return Err(Failure::new(
            FAILED,
            "several files have no one place to be written to: use -i, or name one",
        ));
    }
    let old = read_manifest(&args.manifest).map_err(manifest_failure)?.manifest;
    let key = read_key(&args.key, err)?;
    if *key.vendor() != old.vendor {
        return Err(Failure::new(
            FAILED,
            format_args!("the key is of vendor {}, the manifest of vendor {}", key.vendor(), old.vendor),
        ));
    }
    let hostid = args
        .hostid
        .as_deref()
        .map(draft::server_hostid)
        .transpose()
        .map_err(|error| Failure::new(FAILED, format_args!("--hostid: {error}")))?;
    let new = Manifest::new(key.vendor().clone(), vec![key.verifying_key()]);
    let job = Job { key: &key, new, old: &old, hostid, today: today()? };

    // All files are judged before the first one is written.
    let mut done = Vec::new();
    for path in &args.files {
        done.push((path, job.file(&read_license(path)?)));
    }
    let (mut bad, mut refused) = (0, 0);
    for (_, file) in &done {
        for line in file.notes.iter().chain(&file.refused) {
            say(err, line);
        }
        let outcome = if args.skip_bad { "left as it is" } else { "refused" };
        for line in &file.bad {
            say(err, format_args!("{line}: {outcome}"));
        }
        bad += file.bad.len();
        refused += file.refused.len();
    }
    if refused > 0 {
        return Err(Failure::new(FAILED, format_args!("nothing was written: {refused} mistake(s) above")));
    }
    if bad > 0 && !args.skip_bad {
        return Err(Failure::new(
            Code::BadSignature.exit_status(),
            format_args!(
                "nothing was written: {bad} line(s) without a good signature; --skip-bad leaves them"
            ),
        ));
    }
    for (path, file) in &done {
        if file.count + file.left == 0 {
            return Err(Failure::new(
                FAILED,
                format_args!(
                    "nothing was written: {} has no good line of vendor {}",
                    path.display(),
                    key.vendor()
                ),
            ));
        }
    }
    for (path, file) in &done {
        write(args, path, file, out)?;
        say(
            err,
            format_args!(
                "{}: {} line(s) signed with {} key {}, {} signed with it before, {} left as they are",
                path.display(),
                file.count,
                key.algorithm(),
                key.key_id(),
                file.left,
                file.bad.len(),
            ),
        );
    }
    if key.algorithm() == Algorithm::HmacSha1 {
        say(err, HMAC_WARNING);
    }
    Ok(0)
}

fn write(args: &ResignArgs, path: &PathBuf, file: &Resigned, out: &mut dyn Write) -> Result<(), Failure> {
    let output = args.output.as_ref().filter(|path| path.as_os_str() != "-");
    let target = if args.in_place { Some(path) } else { output };
    match target {
        Some(_) if args.in_place && file.count == 0 => Ok(()),
        Some(path) => replace(path, &file.bytes)
            .map_err(|error| Failure::new(FAILED, format_args!("{}: {error}", path.display()))),
        None => out
            .write_all(&file.bytes)
            .and_then(|()| out.flush())
            .map_err(|error| Failure::new(FAILED, format_args!("standard output: {error}"))),
    }
}

impl Job<'_> {
    fn file(&self, file: &LicenseFile) -> Resigned {
        let source = &file.source;
        let before: Vec<HostId> = file.servers().map(|server| server.hostid.clone()).collect();
        let moved = self.hostid.as_ref().filter(|hostid| before != [(*hostid).clone()]);
        let after = moved.map_or_else(|| before.clone(), |hostid| vec![hostid.clone()]);
        let mut edit = Edit::new(source);
        let (mut count, mut left) = (0, 0);
        let (mut notes, mut bad, mut refused) = (Vec::new(), Vec::new(), Vec::new());
        if self.hostid.is_some() && file.standing() != Standing::Single {
            refused.push(format!("{}: --hostid needs a file with one sound SERVER line", source.name()));
        }
        for line in &file.lines {
            let place = || format!("{}:{}", source.name(), source.place(line.span.start).line);
            match (&line.kind, moved) {
                (LineKind::Server(server), Some(hostid)) if refused.is_empty() => {
                    edit.replace(server.hostid_span, &hostid.to_string());
                    notes.push(format!("{}: SERVER hostid {} is now {hostid}", place(), server.hostid));
                }
                (LineKind::Unserved(keyword), _) => {
                    notes.push(format!("{}: {keyword}: left, such lines are not signed", place()));
                }
                (LineKind::Invalid, _) => bad.extend(errors(file, line)),
                _ => {}
            }
            let Some(statement) = Statement::of(&line.kind) else { continue };
            let what = title(source, statement);
            if *statement.vendor() != self.old.vendor {
                if moved.is_some() {
                    refused.push(format!(
                        "{what}: is of vendor {}, whose signature covers the SERVER hostid too: --hostid would break it",
                        statement.vendor()
                    ));
                } else {
                    notes.push(format!("{what}: left, vendor {}", statement.vendor()));
                }
                continue;
            }
            match self.vouched(statement, &before) {
                Ok(Voucher::New) if moved.is_none() => {
                    left += 1;
                    continue;
                }
                Ok(Voucher::New | Voucher::Old { retired: None }) => {}
                Ok(Voucher::Old { retired: Some(why) }) => {
                    notes.push(format!("{what}: note: {why}; signed again"))
                }
                Err(why) => {
                    bad.push(format!("{what}: {why}"));
                    continue;
                }
            }
            match edit.sign(line, statement, &after, self.key) {
                Ok(()) => count += 1,
                Err(why) => refused.push(format!("{what}: refused: {why}")),
            }
        }
        Resigned { bytes: edit.finish(), count, left, notes, bad, refused }
    }

    /// Whose good signature a line carries, or why none.
    fn vouched(&self, statement: Statement<'_>, hostids: &[HostId]) -> Result<Voucher, String> {
        let sign = statement.sign().ok_or("the line has no SIGN")?;
        let text = statement.canonical(hostids).map_err(|error| error.to_string())?;
        if self.new.verify(&text, sign).is_ok() {
            return Ok(Voucher::New);
        }
        let signer = self.old.verify(&text, sign).map_err(|error| error.to_string())?;
        let retired = signer.counts_on(self.today).err().map(|error| error.to_string());
        Ok(Voucher::Old { retired })
    }
}

enum Voucher {
    /// The key that signs now.
    New,
    /// A key of the manifest.
    Old {
        /// That it has retired, in words.
        retired: Option<String>,
    },
}
