//! `lmexplain`: why a request would be granted or denied, under files or by a running server.

mod borrow;
mod changes;
mod files;
mod holders;
mod human;
mod json;
mod occupy;
mod server;
mod words;

use std::path::Path;
use std::time::Duration;

use jiff::tz::TimeZone;

pub use files::{Held, OnFiles};
pub use server::OnServer;

use super::ask::Failure;
use crate::catalog::Catalog;
use crate::event::{Borrowing, Checkout, Denial, Identity, Wishes};
use crate::ident::{Digest, VendorName};
use crate::license::LicenseFile;
use crate::options::OptionsFile;
use crate::platform::read_regular;
use crate::policy::Policy;
use crate::seat::{self, Rules, State, Usage};
use crate::text::{Severity, Source, nearest};
use crate::time::Now;

/// Longest options file that is read, in bytes.
const OPTIONS_FILE_BYTES_MAX: u64 = 64 << 20;

/// What is to be explained.
#[derive(Debug)]
pub struct Question {
    /// The request.
    pub request: Checkout,
    /// Who asks.
    pub identity: Identity,
    /// To borrow for so many hours, if that is asked for.
    pub borrow_h: Option<u32>,
}

/// Why nothing can be explained.
#[derive(Debug)]
pub enum Trouble {
    /// What is wrong with files or with what a server has sent, one text each.
    Texts(Vec<String>),
    /// No server gave its grounds.
    Asking(Failure),
}

impl Trouble {
    fn text(text: String) -> Self {
        Self::Texts(vec![text])
    }
}

/// Everything that a verdict goes by, but for the question.
struct Grounds {
    vendor: VendorName,
    files: Vec<LicenseFile>,
    options: Option<OptionsFile>,
    catalog: Catalog,
    state: State,
    zone: TimeZone,
    now: Now,
    notes: Vec<String>,
    from: From,
}

/// Where the grounds are from.
#[derive(Debug, Clone, PartialEq, Eq)]
enum From {
    /// Files and what the caller said.
    Files,
    /// A running server; its program's version, and where it is, such as `27000@lic1`.
    Server { place: String, version: String },
}

/// An explanation in words.
#[derive(Debug)]
pub struct Told<'a> {
    question: &'a Question,
    vendor: VendorName,
    from: From,
    zone: TimeZone,
    now: Now,
    /// The options file that it goes by.
    options: Option<String>,
    /// The key of the pool that grants, or what the client is told.
    verdict: Result<String, Denial>,
    pools: Vec<PoolTold>,
    /// What would help beside changes for single pools.
    advice: Option<String>,
    /// What else a reader should know.
    notes: Vec<String>,
}

/// One pool.
#[derive(Debug)]
struct PoolTold {
    key: String,
    /// The license lines that it is made of.
    lines: Vec<Cited>,
    decides: bool,
    steps: Vec<StepTold>,
    changes: Vec<ChangeTold>,
}

/// A line of a file, as a reader finds it.
#[derive(Debug, Clone)]
struct Cited {
    file: String,
    line: usize,
    text: String,
}

/// One question and its answer.
#[derive(Debug)]
struct StepTold {
    /// `version`, `start`, `expiry`, `hostid`, `platform`, `exclude`, `include`, `max`, `count`, `available`, or `package`,
    /// behind which come those of the package.
    name: &'static str,
    passes: bool,
    /// Whether a decision asks it: not behind the first obstacle.
    asked: bool,
    text: String,
    rules: Vec<Cited>,
    /// Who uses what is counted: the most licenses first.
    users: Vec<HolderTold>,
    /// What is reserved in the pool.
    reservations: Vec<ReservationTold>,
}

/// Somebody with licenses.
#[derive(Debug, Clone, PartialEq, Eq)]
struct HolderTold {
    user: String,
    host: String,
    count: u64,
}

/// A RESERVE line and what has become of it.
#[derive(Debug)]
struct ReservationTold {
    rule: Cited,
    count: u64,
    idle: u64,
    /// Those with licenses of the pool for whom it is.
    users: Vec<HolderTold>,
}

/// What would have to change.
#[derive(Debug)]
struct ChangeTold {
    name: &'static str,
    text: String,
    rules: Vec<Cited>,
    /// Numbers by name, for programs.
    numbers: Vec<(&'static str, Option<u64>)>,
}

/// Decides and explains under files, by the code of the server.
///
/// # Errors
/// [`Trouble`]: what kept the files from being judged.
pub fn on_files<'a>(question: &'a Question, files: &OnFiles) -> Result<Told<'a>, Trouble> {
    Ok(judge(question, files::grounds(question, files).map_err(Trouble::Texts)?))
}

/// Decides and explains with what a running server goes by at its time: its files, rules and checkouts.
///
/// # Errors
/// [`Trouble`]: no server gave that, or it can't be judged here.
pub fn on_server<'a>(question: &'a Question, server: &OnServer) -> Result<Told<'a>, Trouble> {
    Ok(judge(question, server::grounds(question, server)?))
}

fn judge(question: &Question, grounds: Grounds) -> Told<'_> {
    let Grounds { vendor, files, options, catalog, state, zone, now, mut notes, from } = grounds;
    let files: Vec<&LicenseFile> = files.iter().collect();
    let policy = options.as_ref().map_or_else(Policy::default, |options| {
        let (policy, mut found) = Policy::compile_at(options, &catalog, &files, Some(now.utc));
        found.extend(options.diagnostics.iter().cloned());
        found.retain(|found| found.severity == Severity::Error);
        found.sort_by_key(|found| found.span.start);
        notes.extend(found.iter().map(|found| found.line(&options.source)));
        policy
    });
    let Question { request, identity, borrow_h } = question;
    let borrow = borrow_h.map(|hours| Borrowing {
        ends: now.utc.plus(Duration::from_secs(u64::from(hours) * 3600)),
        renew_s: 0,
        secret: Digest([0; 32]),
    });
    let asked = Checkout { wishes: Wishes { borrow, ..request.wishes.clone() }, ..request.clone() };
    let usage = Usage::rebuild(&state, &catalog, &policy);
    let rules = Rules { catalog: &catalog, policy: &policy, usage: &usage };
    let explained = seat::explain(&state, rules, &asked, identity, now);
    let words = words::Words {
        question,
        zone: &zone,
        files: &files,
        options: options.as_ref(),
        rules,
        holders: holders::Holders::of(&state, rules),
    };
    let pools = explained.tried.iter().map(|tried| words.pool(tried)).collect();
    let verdict = explained.verdict.map(|pool| pool.key.as_str().to_owned());
    let advice = match &verdict {
        Err(denial) if explained.tried.is_empty() => Some(advice(&catalog, request, denial)),
        _ => None,
    };
    let options = options.as_ref().map(|options| options.source.name().to_owned());
    Told { question, vendor, from, zone: zone.clone(), now, options, verdict, pools, advice, notes }
}

fn options(path: &Path) -> Result<OptionsFile, String> {
    let bytes =
        read_regular(path, OPTIONS_FILE_BYTES_MAX).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(OptionsFile::parse(Source::new(&path.to_string_lossy(), &bytes)))
}

fn advice(catalog: &Catalog, request: &Checkout, denial: &Denial) -> String {
    let feature = request.feature.as_str();
    let whole = format!("{feature}:{}", request.version);
    if catalog.features().any(|known| known.as_str() == whole) {
        return format!("write {whole}: if the feature {whole} was meant; its name has a colon");
    }
    let meant = nearest(feature, catalog.features().map(crate::ident::FeatureName::as_str));
    match meant {
        Some(meant) if catalog.unserved(feature).is_none() => {
            format!("ask for {meant}, if that was meant, or add a license line for {feature}")
        }
        _ => denial.code.remedy().to_owned(),
    }
}

impl Told<'_> {
    /// For people, or as one JSON object.
    #[must_use]
    pub fn show(&self, as_json: bool) -> String {
        if as_json { json::show(self) } else { human::show(self) }
    }

    /// The exit status: 0 if it would be granted, else 256 + number.
    #[must_use]
    pub fn status(&self) -> u8 {
        self.verdict.as_ref().map_or_else(|denial| denial.code.exit_status(), |_| 0)
    }
}
