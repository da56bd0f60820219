//! Orders to reread: lmgrd reads its license files, starts vendor daemons that are new, tells the running ones, and puts their
//! answers together (`flexnet-tools.md` 2.10). One order after another.

use std::collections::{BTreeSet, VecDeque};
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;

use super::conversation::{Done, Order};
use super::files::{Plan, ReadFile, VendorPlan};
use super::log::Log;
use super::manager::Manager;
use super::reading::{Found, Reading};
use super::starting::Starting;
use super::vendor::State;
use super::watching::Seen;
use crate::code::{Code, minor};
use crate::event::Denial;
use crate::ident::VendorName;
use crate::platform::FileWatch;
use crate::text::counted;
use crate::wire::ControlVerb;
use crate::wire::pipe::{ManagerLine, Sources};

/// How long vendor daemons may take to answer.
const PATIENCE: Duration = Duration::from_secs(60);
/// Orders that may wait for the one that is carried out.
const QUEUE_MAX: usize = 16;

/// What lmgrd reads, and what it is about.
pub(super) struct Rereads {
    reading: Arc<Reading>,
    /// What the files asked for when they were read last.
    plan: Plan,
    in_force: Arc<Vec<ReadFile>>,
    starting: Starting,
    license_files: watch::Sender<Arc<[PathBuf]>>,
    sender: mpsc::Sender<Heard>,
    heard: mpsc::Receiver<Heard>,
    /// With `--watch`.
    watch: Option<FileWatch>,
    queue: VecDeque<Asked>,
    current: Option<Current>,
}

/// What another thread has to say.
pub(super) enum Heard {
    /// The license files are read.
    Found(Box<Found>),
    /// Files that are watched have changed.
    Changed,
}

/// An order.
struct Asked {
    vendor: Option<VendorName>,
    force: bool,
    who: String,
    reply: Option<oneshot::Sender<Result<Done, Denial>>>,
}

/// The order that is carried out.
struct Current {
    asked: Asked,
    number: u32,
    /// Vendor daemons that have not answered.
    waiting: BTreeSet<VendorName>,
    lines: Vec<String>,
    refused: Option<Denial>,
    deadline: Instant,
}

impl Current {
    fn refuse(&mut self, place: u16, text: String) {
        self.refused.get_or_insert_with(|| Denial::new(Code::RereadIncomplete, place, &text));
        self.lines.push(format!("ERROR: {text}"));
    }
}

impl Rereads {
    pub(super) fn new(
        reading: Reading,
        plan: Plan,
        in_force: Vec<ReadFile>,
        starting: Starting,
        license_files: watch::Sender<Arc<[PathBuf]>>,
    ) -> Self {
        let (sender, heard) = mpsc::channel(1);
        Self {
            reading: Arc::new(reading),
            plan,
            in_force: Arc::new(in_force),
            starting,
            license_files,
            sender,
            heard,
            watch: None,
            queue: VecDeque::new(),
            current: None,
        }
    }

    /// Has the files watched, which held this when they were read.
    pub(super) fn watch(&mut self, seen: Seen, log: &Log) {
        match seen.watch(self.sender.clone(), log.clone()) {
            Ok(watch) => {
                log.say("License and options files are watched; changes are reread");
                self.watch = Some(watch);
            }
            Err(error) => log.say(&format!("--watch has no effect: {error}")),
        }
    }

    /// The next reading that is done, or change that was seen.
    pub(super) async fn heard(&mut self) -> Option<Heard> {
        self.heard.recv().await
    }

    /// When the present order is given up.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.current.as_ref().map(|current| current.deadline)
    }
}

impl Manager {
    /// Somebody who has proved the administrator's key orders a reread.
    pub(super) fn reread_asked(&mut self, order: Order) {
        let Order { verb, user, host, reply, .. } = order;
        let (_, vendor, force) = verb.parts();
        debug_assert!(matches!(verb, ControlVerb::Reread { .. }));
        let known = |name: &&VendorName| self.vendors.iter().any(|vendor| vendor.name() == *name);
        if let Some(unknown) = vendor.filter(|name| !known(name)) {
            let note = format!("this server has no vendor daemon {unknown}");
            // Whoever asked may have gone, here and below.
            let _ = reply.send(Err(Denial::new(Code::VendorDown, minor::VENDOR_UNKNOWN, &note)));
            return;
        }
        if self.rereads.queue.len() >= QUEUE_MAX {
            let note = "too many rereads wait";
            let _ = reply.send(Err(Denial::new(Code::ServerBusy, minor::REREAD_FAILED, note)));
            return;
        }
        let (vendor, who) = (vendor.cloned(), format!("{user}@{host}"));
        self.rereads.queue.push_back(Asked { vendor, force, who, reply: Some(reply) });
        self.reread_next();
    }

    /// SIGHUP orders a reread.
    pub(super) fn reread_by_signal(&mut self) {
        if self.rereads.queue.len() < QUEUE_MAX {
            let asked = Asked { vendor: None, force: false, who: "SIGHUP".to_owned(), reply: None };
            self.rereads.queue.push_back(asked);
        }
        self.reread_next();
    }

    /// A reading is done, or files have changed.
    pub(super) fn reread_heard(&mut self, heard: Heard) {
        match heard {
            Heard::Found(found) => self.reread_found(*found),
            Heard::Changed => {
                let waits = |asked: &Asked| asked.vendor.is_none();
                // One that is only waiting reads what has changed too.
                if !self.rereads.queue.iter().any(waits) && self.rereads.queue.len() < QUEUE_MAX {
                    let who = "changed files".to_owned();
                    self.rereads.queue.push_back(Asked { vendor: None, force: false, who, reply: None });
                }
                self.reread_next();
            }
        }
    }

    fn reread_next(&mut self) {
        if self.rereads.current.is_some() {
            return;
        }
        let Some(asked) = self.rereads.queue.pop_front() else { return };
        let of = asked.vendor.as_ref().map(|vendor| format!(" of {vendor}")).unwrap_or_default();
        self.log.say(&format!("Rereading license file{of}... Requested from {}", asked.who));
        let only = asked.vendor.clone();
        self.rereads.current = Some(Current {
            asked,
            number: self.forwards.number(),
            waiting: BTreeSet::new(),
            lines: Vec::new(),
            refused: None,
            deadline: Instant::now() + PATIENCE,
        });
        if only.is_some() {
            self.reread_forward();
            return;
        }
        let (reading, former) = (Arc::clone(&self.rereads.reading), Arc::clone(&self.rereads.in_force));
        let sender = self.rereads.sender.clone();
        let present = self.rereads.watch.is_some().then(|| self.rereads.plan.clone());
        tokio::spawn(async move {
            let read = move || match present {
                Some(present) => reading.read_watched(&former, Some(&present)),
                None => reading.read(&former),
            };
            // If the thread fails, the order's deadline says so.
            if let Ok(found) = tokio::task::spawn_blocking(read).await {
                let _ = sender.send(Heard::Found(Box::new(found))).await;
            }
        });
    }

    /// The license files are read: what changed is taken over, then the vendor daemons are told.
    fn reread_found(&mut self, found: Found) {
        let Found { plan, files, notes, kept, seen } = found;
        if let (Some(seen), Some(watch)) = (seen, &self.rereads.watch) {
            seen.tell(watch);
        }
        notes.iter().for_each(|note| self.log.say(note));
        let Some(mut current) = self.rereads.current.take() else { return };
        kept.into_iter().for_each(|why| current.refuse(minor::LICENSES_KEPT, why));
        match plan {
            Ok(plan) => {
                self.take_over(plan, &mut current);
                self.rereads.in_force = Arc::new(files);
            }
            Err(error) => {
                let text = format!("{error}; the license files that were read before stay in force");
                current.refuse(minor::LICENSES_KEPT, text);
            }
        }
        self.rereads.current = Some(current);
        self.reread_forward();
    }

    fn take_over(&mut self, plan: Plan, current: &mut Current) {
        let former = std::mem::replace(&mut self.rereads.plan, plan);
        let plan = self.rereads.plan.clone();
        let mut lines = restarts(&former, &plan);
        if former.host != plan.host {
            lines.push(format!("host of the SERVER line: {} -> {}", former.host, plan.host));
        }
        for vendor in &plan.vendors {
            let start = self.rereads.starting.start(vendor, &plan.host, &self.log);
            match self.vendors.iter_mut().find(|known| known.name() == &vendor.name) {
                Some(known) => known.start = start,
                None => {
                    lines.push(format!("vendor daemon {} is new and is started", vendor.name));
                    self.vendors.push(Self::vendor(start, self.rereads.starting.restarts));
                    self.start_vendor(self.vendors.len() - 1, false);
                }
            }
        }
        let named = |name: &VendorName| plan.vendors.iter().any(|vendor| vendor.name == *name);
        for gone in former.vendors.iter().filter(|vendor| !named(&vendor.name)) {
            lines.push(format!(
                "no VENDOR line names {} any more; its daemon goes on as it was until it is shut down (lmdown -vendor {})",
                gone.name, gone.name
            ));
        }
        lines.iter().for_each(|line| self.log.say(line));
        current.lines.extend(lines);
        let files: Vec<String> = plan.files.iter().map(|file| file.display().to_string()).collect();
        self.info.send_modify(|info| {
            *info =
                Arc::new(crate::wire::ServerInfo { host: plan.host.clone(), files, ..info.as_ref().clone() });
        });
        self.rereads.license_files.send_replace(plan.files.iter().cloned().collect());
        self.publish();
    }

    /// Tells the running vendor daemons, and starts those that are down.
    fn reread_forward(&mut self) {
        let Some(mut current) = self.rereads.current.take() else { return };
        let only = current.asked.vendor.clone();
        for index in 0..self.vendors.len() {
            let Some(vendor) = self.vendors.get(index) else { continue };
            let name = vendor.name().clone();
            if only.as_ref().is_some_and(|only| *only != name) {
                continue;
            }
            let planned = self.rereads.plan.vendors.iter().find(|planned| planned.name == name);
            let sources = match (&only, planned) {
                (Some(_), _) => None,
                (None, Some(planned)) => Some(sources(planned, &self.rereads.plan)),
                // No line names it any more.
                (None, None) => continue,
            };
            match &vendor.state {
                State::Starting(running) | State::Up(running, _) => {
                    running.order(ManagerLine::Reread {
                        order: current.number,
                        force: current.asked.force,
                        sources,
                        who: current.asked.who.clone(),
                    });
                    current.waiting.insert(name);
                }
                State::Waiting(_) => current
                    .lines
                    .push(format!("{name}: is about to be started again and reads the files then")),
                State::Stopping(_) => current.lines.push(format!("{name}: is shutting down")),
                // One that somebody has shut down comes back only when it is named.
                State::Down { ordered: true } if only.is_none() => {
                    current.lines.push(format!("{name}: was shut down (lmreread -vendor {name} starts it)"));
                }
                State::Down { .. } => {
                    current.lines.push(format!("{name}: was not running and is started"));
                    self.start_vendor(index, true);
                }
            }
        }
        self.publish();
        self.rereads.current = Some(current);
        self.reread_complete();
    }

    /// A line of a vendor daemon's answer.
    pub(super) fn reread_said(&mut self, name: &VendorName, order: u32, text: String) {
        if let Some(current) = self.rereads.current.as_mut().filter(|current| current.number == order) {
            current.lines.push(format!("{name}: {text}"));
        }
    }

    /// The end of a vendor daemon's answer.
    pub(super) fn reread_answered(&mut self, name: &VendorName, order: u32, refused: Option<Denial>) {
        let Some(current) = self.rereads.current.as_mut().filter(|current| current.number == order) else {
            return;
        };
        current.waiting.remove(name);
        if let Some(refused) = refused {
            if refused.code != Code::RereadIncomplete {
                current.lines.push(format!("{name}: ERROR: nothing was taken over: {refused}"));
            }
            let note = format!("{name}: {}", refused.note);
            current.refused.get_or_insert_with(|| Denial::new(refused.code, refused.minor, &note));
        }
        self.reread_complete();
    }

    /// A vendor daemon is gone and will not answer.
    pub(super) fn reread_lost(&mut self, name: &VendorName) {
        if let Some(current) = &mut self.rereads.current
            && current.waiting.remove(name)
        {
            current.refuse(minor::REREAD_FAILED, format!("{name} ended while it was rereading"));
            self.reread_complete();
        }
    }

    /// The order has taken too long.
    pub(super) fn reread_late(&mut self) {
        let Some(current) = &mut self.rereads.current else { return };
        let late: Vec<&str> = current.waiting.iter().map(VendorName::as_str).collect();
        let who =
            if late.is_empty() { "the reading of the license files".to_owned() } else { late.join(", ") };
        let text = format!("{who} did not come to an end in {}", counted(PATIENCE.as_secs(), "second"));
        current.waiting.clear();
        current.refuse(minor::REREAD_FAILED, text);
        self.reread_complete();
    }

    /// Answers when nobody is waited for.
    fn reread_complete(&mut self) {
        let Some(current) = self.rereads.current.take_if(|current| current.waiting.is_empty()) else {
            return;
        };
        let Current { asked, mut lines, refused, .. } = current;
        if let Some(refused) = &refused {
            self.log.say(&format!("Reread incomplete: {}", refused.note));
        }
        self.log.say("Done rereading");
        self.log.say("...Finished rereading");
        if lines.is_empty() {
            lines.push("nothing has changed".to_owned());
        }
        if let Some(reply) = asked.reply {
            // Whoever asked may have gone.
            let _ = reply.send(Ok(Done { lines, refused }));
        }
        self.reread_next();
    }
}

fn sources(vendor: &VendorPlan, plan: &Plan) -> Sources {
    let bytes = |path: &PathBuf| path.as_os_str().as_bytes().to_vec();
    Sources {
        files: vendor.files.iter().map(bytes).collect(),
        options: vendor.options.as_ref().map(bytes),
        host: plan.host.to_string(),
    }
}

/// What a reread can't change.
fn restarts(old: &Plan, new: &Plan) -> Vec<String> {
    let port = |port: Option<u16>| port.map_or("none".to_owned(), |port| port.to_string());
    let mut lines = Vec::new();
    if old.port != new.port {
        lines.push(format!(
            "needs a restart: port of the SERVER line, {} -> {}",
            port(old.port),
            port(new.port)
        ));
    }
    if old.hostids != new.hostids {
        let shown = |plan: &Plan| plan.hostids.join(", ");
        lines.push(format!("needs a restart: hostids of the SERVER lines, {} -> {}", shown(old), shown(new)));
    }
    for vendor in &new.vendors {
        let Some(before) = old.vendors.iter().find(|before| before.name == vendor.name) else { continue };
        if before.port != vendor.port {
            lines.push(format!(
                "needs a restart: port of VENDOR {}, {} -> {}",
                vendor.name,
                port(before.port),
                port(vendor.port)
            ));
        }
        if before.program != vendor.program {
            lines.push(format!("needs a restart: program of VENDOR {}", vendor.name));
        }
    }
    lines
}
