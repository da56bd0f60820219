//! Tells when files hold other bytes than when they were read last.
//!
//! What is watched are the directories that lead to the files: editors and deployment tools put a new file, or a new link
//! somewhere on the way, into the place of the old one. The system only says that something happened; whether bytes have
//! changed is looked up when it has been quiet for a while. Network file systems say nothing, so that is looked up now and
//! then anyway, and more often where the system can't watch.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::path::{Component, Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use notify::{
    EventKind, RecommendedWatcher, RecursiveMode, Watcher as _, event::AccessKind, event::AccessMode,
};

use super::file_state::{FileLook, FileStates};
use super::license_files::licenses_in;

/// How long it must have been quiet.
const QUIET: Duration = Duration::from_secs(2);
/// How long quiet is waited for.
const LONGEST: Duration = Duration::from_secs(10);
/// How often files are looked at although nothing was heard.
const LOOK: Duration = Duration::from_secs(30);
/// The same where the system can't watch all of them.
const LOOK_ALONE: Duration = Duration::from_secs(5);
/// Events that wait; more say the same.
const QUEUE: usize = 64;
/// Links on the way to a file, at most.
const LINKS_MAX: usize = 40;

/// Which files matter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Watched {
    /// Files, whether they are there or not; absolute. What is a directory, now or later, means every `*.lic` in it.
    pub entries: BTreeSet<PathBuf>,
}

/// What is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WatchNews {
    /// Files hold other bytes than were read last.
    Changed,
    /// A line for the log.
    Note(String),
}

/// A thread that watches, as long as this lives.
#[derive(Debug)]
pub struct FileWatch {
    read: Arc<Mutex<Option<(Watched, FileStates)>>>,
    wakes: SyncSender<Wake>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wake {
    Touched,
    Read,
    End,
}

/// The names that matter, by the directory that they are in.
type Places = BTreeMap<PathBuf, Names>;

#[derive(Debug, Default, PartialEq, Eq)]
struct Names {
    names: BTreeSet<OsString>,
    /// Every `*.lic` matters.
    licenses: bool,
}

impl Watched {
    /// What they hold now. It waits for the disk.
    pub fn states(&self, look: &mut FileLook) -> FileStates {
        look.look(self.entries.iter().cloned().chain(self.listed()))
    }

    fn listed(&self) -> impl Iterator<Item = PathBuf> {
        // A directory that can't be read has no files; the reread says why.
        self.entries
            .iter()
            .filter(|entry| entry.is_dir())
            .flat_map(|entry| licenses_in(entry).unwrap_or_default())
    }

    fn places(&self) -> Places {
        let mut places = Places::new();
        for entry in &self.entries {
            if let Some(real) = follow(entry, LINKS_MAX, &mut places).filter(|real| real.is_dir()) {
                places.entry(real).or_default().licenses = true;
            }
        }
        for file in self.listed() {
            follow(&file, LINKS_MAX, &mut places);
        }
        places
    }
}

/// Adds every name on the way to a file whose change leads elsewhere: links, the file, or what is missing. Gives where the
/// file really lies, if it is there.
fn follow(path: &Path, links: usize, places: &mut Places) -> Option<PathBuf> {
    let mut at = PathBuf::new();
    let mut rest = path.components();
    while let Some(part) = rest.next() {
        let name = match part {
            Component::Normal(name) => name,
            Component::ParentDir => {
                at.pop();
                continue;
            }
            other => {
                at.push(other);
                continue;
            }
        };
        let here = at.clone();
        at.push(name);
        let found = std::fs::symlink_metadata(&at);
        let link = found.as_ref().is_ok_and(|found| found.is_symlink());
        if link || found.is_err() || rest.as_path().as_os_str().is_empty() {
            places.entry(here.clone()).or_default().names.insert(name.to_owned());
        }
        if link {
            let target = here.join(std::fs::read_link(&at).ok()?).join(rest.as_path());
            return follow(&target, links.checked_sub(1)?, places);
        }
        found.ok()?;
    }
    Some(at)
}

impl FileWatch {
    /// Starts the thread. `states` are the bytes that were read last. `tell` may wait.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(
        watched: Watched,
        states: FileStates,
        tell: impl FnMut(WatchNews) + Send + 'static,
    ) -> std::io::Result<Self> {
        Self::start_with(watched, states, tell, watcher)
    }

    fn start_with(
        watched: Watched,
        states: FileStates,
        tell: impl FnMut(WatchNews) + Send + 'static,
        watcher: impl FnOnce(Arc<Mutex<Places>>, SyncSender<Wake>) -> notify::Result<RecommendedWatcher>,
    ) -> std::io::Result<Self> {
        let (wakes, queue) = sync_channel(QUEUE);
        let read = Arc::new(Mutex::new(None));
        let places = Arc::new(Mutex::new(Places::new()));
        let (watcher, trouble) = match watcher(Arc::clone(&places), wakes.clone()) {
            Ok(watcher) => (Some(watcher), None),
            Err(error) => (None, Some(plain(error))),
        };
        let thread = Thread {
            watcher,
            unwatchable: trouble,
            places,
            holds: BTreeMap::new(),
            watched,
            states,
            look: FileLook::default(),
            read: Arc::clone(&read),
            said: None,
            tell: Box::new(tell),
        };
        std::thread::Builder::new().name("watch".to_owned()).spawn(move || thread.run(&queue))?;
        Ok(Self { read, wakes })
    }

    /// These files matter from now on, and this is what was read of them last.
    pub fn read(&self, watched: Watched, states: FileStates) {
        *self.read.lock().unwrap_or_else(PoisonError::into_inner) = Some((watched, states));
        // If the queue is full, the thread comes to it all the same.
        let _ = self.wakes.try_send(Wake::Read);
    }
}

impl Drop for FileWatch {
    fn drop(&mut self) {
        let _ = self.wakes.try_send(Wake::End);
    }
}

fn watcher(places: Arc<Mutex<Places>>, wakes: SyncSender<Wake>) -> notify::Result<RecommendedWatcher> {
    notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        let matters = match event {
            Ok(event) => {
                event.need_rescan()
                    || (!is_reading(event.kind)
                        && concerns(&places.lock().unwrap_or_else(PoisonError::into_inner), &event.paths))
            }
            // Something may have been missed.
            Err(_) => true,
        };
        if matters {
            let _ = wakes.try_send(Wake::Touched);
        }
    })
}

/// Our own looking is no change.
fn is_reading(kind: EventKind) -> bool {
    matches!(kind, EventKind::Access(access) if access != AccessKind::Close(AccessMode::Write))
}

fn concerns(places: &Places, paths: &[PathBuf]) -> bool {
    paths.iter().any(|path| {
        let within = path.parent().and_then(|directory| places.get(directory)).zip(path.file_name());
        within.is_some_and(|(names, name)| {
            names.names.contains(name) || (names.licenses && path.extension() == Some(OsStr::new("lic")))
        }) || places.contains_key(path)
    })
}

struct Thread {
    watcher: Option<RecommendedWatcher>,
    /// Why there is no watcher.
    unwatchable: Option<String>,
    places: Arc<Mutex<Places>>,
    /// The directories that are watched, and which ones they were then.
    holds: BTreeMap<PathBuf, Option<(u64, u64)>>,
    watched: Watched,
    states: FileStates,
    look: FileLook,
    read: Arc<Mutex<Option<(Watched, FileStates)>>>,
    /// The trouble that was told last.
    said: Option<String>,
    tell: Box<dyn FnMut(WatchNews) + Send>,
}

impl Thread {
    fn run(mut self, queue: &Receiver<Wake>) {
        let mut alone = self.hold();
        let mut looked = Instant::now();
        // The first and the last thing that happened since the last look. What changed before everything was watched was not
        // heard of.
        let mut pending = Some((looked, looked));
        loop {
            let due = match pending {
                Some((first, last)) => (last + QUIET).min(first + LONGEST),
                None => looked + if alone { LOOK_ALONE } else { LOOK },
            };
            let woken = queue.recv_timeout(due.saturating_duration_since(Instant::now()));
            let read = self.read.lock().unwrap_or_else(PoisonError::into_inner).take();
            if let Some((watched, states)) = read {
                (self.watched, self.states) = (watched, states);
                alone = self.hold();
                pending = pending.or_else(|| Some((Instant::now(), Instant::now())));
            }
            let now = Instant::now();
            match woken {
                Ok(Wake::Touched) => pending = Some((pending.map_or(now, |(first, _)| first), now)),
                Ok(Wake::Read) => {}
                Ok(Wake::End) | Err(RecvTimeoutError::Disconnected) => return,
                Err(RecvTimeoutError::Timeout) => {
                    alone = self.hold();
                    let states = self.watched.states(&mut self.look);
                    looked = Instant::now();
                    if states == self.states {
                        pending = None;
                    } else if pending.take().is_some() {
                        self.states = states;
                        (self.tell)(WatchNews::Changed);
                    } else {
                        // Seen by chance, perhaps in the middle of being written.
                        pending = Some((looked, looked));
                    }
                }
            }
        }
    }

    /// Watches all directories that lead to the files, as they are now. Tells whether there are some that can't be watched.
    fn hold(&mut self) -> bool {
        let places = self.watched.places();
        let mut trouble = self.unwatchable.clone();
        let wanted: Vec<PathBuf> = places.keys().cloned().collect();
        *self.places.lock().unwrap_or_else(PoisonError::into_inner) = places;
        if let Some(watcher) = &mut self.watcher {
            self.holds.retain(|path, _| {
                let stays = wanted.contains(path);
                if !stays {
                    // It may have ended by itself, with its directory.
                    let _ = watcher.unwatch(path);
                }
                stays
            });
            for directory in wanted {
                let which = identity(&directory);
                if which.is_some() && self.holds.get(&directory) == Some(&which) {
                    continue;
                }
                if self.holds.remove(&directory).is_some() {
                    let _ = watcher.unwatch(&directory);
                }
                match watcher.watch(&directory, RecursiveMode::NonRecursive) {
                    Ok(()) => {
                        self.holds.insert(directory, which);
                    }
                    Err(error) => trouble = Some(format!("{}: {}", directory.display(), plain(error))),
                }
            }
        }
        if trouble != self.said {
            let note = match &trouble {
                Some(why) => format!(
                    "not all files can be watched: {why}; they are looked at every {} seconds instead",
                    LOOK_ALONE.as_secs()
                ),
                None => "all files are watched again".to_owned(),
            };
            (self.tell)(WatchNews::Note(note));
            self.said.clone_from(&trouble);
        }
        trouble.is_some()
    }
}

/// What went wrong, without the path, and what to do.
fn plain(error: notify::Error) -> String {
    match error.kind {
        notify::ErrorKind::MaxFilesWatch => {
            "the system watches too many files already (sysctl fs.inotify.max_user_watches)".to_owned()
        }
        notify::ErrorKind::Io(error) => error.to_string(),
        notify::ErrorKind::PathNotFound => "it is not there".to_owned(),
        _ => error.to_string(),
    }
}

/// Which directory it is; another one of the same name has to be watched anew.
fn identity(directory: &Path) -> Option<(u64, u64)> {
    let found = std::fs::metadata(directory).ok()?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt as _;
        Some((found.dev(), found.ino()))
    }
    #[cfg(not(unix))]
    {
        let _ = found;
        Some((0, 0))
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;
    use std::sync::mpsc::{Receiver, channel};

    use super::*;

    /// Watches, and hears what is told.
    fn start(watched: &Watched) -> (FileWatch, Receiver<WatchNews>) {
        let (sender, news) = channel();
        let states = watched.states(&mut FileLook::default());
        let tell = move |news| {
            let _ = sender.send(news);
        };
        (FileWatch::start(watched.clone(), states, tell).unwrap(), news)
    }

    fn changed(news: &Receiver<WatchNews>, what: &str) {
        let told = news.recv_timeout(Duration::from_secs(60));
        assert_eq!(told, Ok(WatchNews::Changed), "{what}");
    }

    #[test]
    fn a_mounted_configuration_changes_by_one_link() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap();
        let version = |name: &str, text: &str| {
            std::fs::create_dir(root.join(name)).unwrap();
            std::fs::write(root.join(name).join("a.lic"), text).unwrap();
        };
        let switch = |name: &str| {
            symlink(name, root.join("..new")).unwrap();
            std::fs::rename(root.join("..new"), root.join("..data")).unwrap();
        };
        version("..1", "one");
        switch("..1");
        symlink("..data/a.lic", root.join("a.lic")).unwrap();
        let watched = Watched { entries: [root.join("a.lic")].into() };
        let names = |places: &Places, directory: &Path| {
            let names = places
                .get(directory)
                .map(|names| names.names.iter().map(|name| name.to_string_lossy().into_owned()));
            names.into_iter().flatten().collect::<Vec<_>>()
        };
        let places = watched.places();
        assert_eq!(names(&places, &root), ["..data", "a.lic"]);
        assert_eq!(names(&places, &root.join("..1")), ["a.lic"]);
        let (_watch, news) = start(&watched);
        version("..2", "two");
        switch("..2");
        changed(&news, "another version");
        // The old version goes, and the new one is watched where it lies.
        std::fs::remove_dir_all(root.join("..1")).unwrap();
        std::fs::write(root.join("..2/a.lic"), "three").unwrap();
        changed(&news, "the real file");
        // A link to itself leads nowhere and is no harm.
        std::fs::remove_file(root.join("a.lic")).unwrap();
        symlink("a.lic", root.join("a.lic")).unwrap();
        changed(&news, "nothing to read");
    }

    #[test]
    fn files_come_go_and_are_replaced_and_the_same_bytes_are_no_change() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap();
        std::fs::create_dir(root.join("more")).unwrap();
        let options = root.join("later/LGS.opt");
        let watched = Watched { entries: [options.clone(), root.join("more")].into() };
        let (watch, news) = start(&watched);
        std::fs::write(root.join("more/a.lic"), "one").unwrap();
        changed(&news, "a new file");
        std::fs::write(root.join("more/.a"), "one").unwrap();
        std::fs::rename(root.join("more/.a"), root.join("more/a.lic")).unwrap();
        std::fs::write(root.join("more/note.txt"), "nothing").unwrap();
        let quiet = news.recv_timeout(QUIET + Duration::from_secs(2));
        assert!(quiet.is_err(), "{quiet:?}");
        std::fs::create_dir(root.join("later")).unwrap();
        std::fs::write(&options, "EXCLUDE").unwrap();
        changed(&news, "a directory that was not there");
        std::fs::write(&options, "INCLUDE").unwrap();
        // Somebody has read it meanwhile, so there is nothing to tell.
        watch.read(watched.clone(), watched.states(&mut FileLook::default()));
        let quiet = news.recv_timeout(QUIET + Duration::from_secs(2));
        assert!(quiet.is_err(), "{quiet:?}");
        std::fs::rename(root.join("more"), root.join("less")).unwrap();
        changed(&news, "a directory that goes");
        watch.read(watched.clone(), watched.states(&mut FileLook::default()));
        std::fs::rename(root.join("less"), root.join("more")).unwrap();
        changed(&news, "and comes back");
    }

    #[test]
    fn where_the_system_cannot_watch_files_are_looked_at() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("a.lic");
        std::fs::write(&file, "one").unwrap();
        let watched = Watched { entries: [file.clone()].into() };
        let (sender, news) = channel();
        let tell = move |news| {
            let _ = sender.send(news);
        };
        let states = watched.states(&mut FileLook::default());
        let none = |_, _| Err(notify::Error::new(notify::ErrorKind::MaxFilesWatch));
        let _watch = FileWatch::start_with(watched, states, tell, none).unwrap();
        let Ok(WatchNews::Note(note)) = news.recv_timeout(Duration::from_secs(60)) else { panic!("a note") };
        assert!(note.contains("max_user_watches") && note.contains("looked at every 5 seconds"), "{note}");
        std::fs::write(&file, "two").unwrap();
        changed(&news, "found by looking");
        assert!(news.recv_timeout(LOOK_ALONE + Duration::from_secs(2)).is_err(), "nothing is told twice");
    }
}
