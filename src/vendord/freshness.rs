//! Whether the files on the disk are newer than what is in force, for lmstat (DESIGN section 4). The disk is looked at when
//! somebody asks, where waiting stops nobody, and not more often than every few seconds.

use std::cell::{Cell, RefCell};
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::config::Config;
use super::origin::{FileText, Origin, listed, name};
use crate::platform::{FileLook, is_taken};
use crate::time::Monotonic;

/// How long what was found counts.
const COUNTS: Duration = Duration::from_secs(3);
/// How long the disk may take; status is not held up by one that hangs.
const PATIENCE: Duration = Duration::from_secs(1);

/// What was found last.
#[derive(Default)]
pub(super) struct Freshness {
    look: Arc<Mutex<FileLook>>,
    found: RefCell<Option<Found>>,
    looking: Cell<bool>,
}

struct Found {
    when: Monotonic,
    /// About which reading.
    of: Arc<Origin>,
    note: Option<String>,
}

/// What to compare.
pub(super) struct Question {
    /// The license path of the daemon, and where its options file would be.
    pub(super) config: Config,
    pub(super) origin: Arc<Origin>,
    pub(super) now: Monotonic,
}

impl Freshness {
    /// A line for lmstat if there are newer files, without the words that readers of it take for a failure
    /// (`lmstat-consumers.md` 3). If a reread has left something out, that was said already.
    pub(super) async fn note(self: Rc<Self>, question: Question) -> Option<String> {
        let Question { config, origin, now } = question;
        if !origin.notes.is_empty() {
            return None;
        }
        if let Some(Found { when, of, note }) = &*self.found.borrow()
            && Arc::ptr_eq(of, &origin)
            && (now.since(*when) < COUNTS || self.looking.get())
        {
            return note.clone();
        }
        if self.looking.replace(true) {
            return None;
        }
        let this = Rc::clone(&self);
        let looking = tokio::task::spawn_local(async move {
            let (look, of) = (Arc::clone(&this.look), Arc::clone(&origin));
            let found = tokio::task::spawn_blocking(move || {
                newer(&config, &of, &mut look.lock().unwrap_or_else(PoisonError::into_inner))
            });
            let note = found.await.ok().flatten();
            *this.found.borrow_mut() = Some(Found { when: now, of: origin, note: note.clone() });
            this.looking.set(false);
            note
        });
        tokio::time::timeout(PATIENCE, looking).await.ok()?.ok()?
    }
}

fn newer(config: &Config, origin: &Origin, look: &mut FileLook) -> Option<String> {
    let mut paths = listed(&config.license_files, &mut Vec::new());
    paths.extend(origin.licenses.iter().map(|file| file.path.clone()));
    let options = config.options_file.clone().or_else(|| default_options(config, origin));
    paths.extend(options.clone());
    let states = look.look(paths.iter().cloned());
    let read: Vec<&FileText> = origin.licenses.iter().chain(&origin.options).collect();
    let differs = |path: &PathBuf| {
        let known = read.iter().find(|file| file.path == *path).map(|file| file.digest);
        states.get(path).copied().flatten() != known
    };
    let mut names: Vec<String> = paths.iter().filter(|path| differs(path)).map(|path| name(path)).collect();
    names.dedup();
    let (first, more) = names.split_first()?;
    let and = if more.is_empty() { String::new() } else { format!(" and {} more", more.len()) };
    Some(format!(
        "{} goes by an older state than {first}{and} on the disk; lmreread takes the newer one over",
        config.vendor
    ))
}

/// The options file that lmgrd would find without being told: `<vendor>.opt` beside a license file.
fn default_options(config: &Config, origin: &Origin) -> Option<PathBuf> {
    let beside = |file: &FileText| Some(file.path.parent()?.join(format!("{}.opt", config.vendor)));
    let found = || origin.licenses.iter().filter_map(beside).find(|path| is_taken(path));
    config.supervised.then(found).flatten()
}
