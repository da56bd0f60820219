//! Orders to reread: one after another, read beside what is in force, switched at one event, told in the log and to who asked.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;
use std::path::PathBuf;
use std::sync::Arc;

use jiff::tz::TimeZone;
use tokio::sync::{mpsc, oneshot};

use super::daemon::Shared;
use super::reread::{self, Job};
use super::run::Voice;
use super::served::Served;
use super::status::About;
use crate::code::{Code, minor};
use crate::event::Denial;
use crate::event::debug_log::feature_table;
use crate::ident::Host;
use crate::wire::pipe;

/// Orders that may wait for the one that is carried out.
pub(super) const QUEUE_MAX: usize = 16;
/// Most bytes of an answer's lines; the log has them all.
const ANSWER_BYTES_MAX: usize = 24 * 1024;
/// What each line takes besides its text on its way to lmgrd.
const LINE_BYTES_EXTRA: usize = 20;

/// An order.
pub(super) struct Order {
    /// Who gave it, such as `ann@ws01`, or the signal.
    pub(super) who: String,
    /// Bad lines of the options file are skipped.
    pub(super) force: bool,
    /// It is the daemon's own doing.
    pub(super) automatic: bool,
    /// What to read; none for the same as before.
    pub(super) sources: Option<Sources>,
    /// Who waits for the answer.
    pub(super) reply: Option<oneshot::Sender<Answer>>,
}

/// Which files.
pub(super) struct Sources {
    files: Vec<PathBuf>,
    options: Option<PathBuf>,
    host: Option<Host>,
}

/// What came of an order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Answer {
    /// What changes, and what was kept although the files did.
    pub(super) lines: Vec<String>,
    /// Why not everything was taken over; none if it was.
    pub(super) refused: Option<Denial>,
}

impl From<pipe::Sources> for Sources {
    fn from(sources: pipe::Sources) -> Self {
        let path = |bytes: Vec<u8>| PathBuf::from(OsString::from_vec(bytes));
        Self {
            files: sources.files.into_iter().map(path).collect(),
            options: sources.options.map(path),
            host: Host::parse(&sources.host).ok(),
        }
    }
}

impl Answer {
    fn failed(note: &str) -> Self {
        let refused = Denial::new(Code::RereadIncomplete, minor::REREAD_FAILED, note);
        Self { lines: Vec::new(), refused: Some(refused) }
    }

    /// To an order for which the queue has no room.
    pub(super) fn too_many() -> Self {
        Self::failed("too many rereads wait")
    }

    /// Its lines as far as they fit into an answer.
    pub(super) fn cut(mut self) -> Self {
        let mut bytes = 0;
        let fits = self.lines.iter().take_while(|line| {
            bytes += line.len() + LINE_BYTES_EXTRA;
            bytes <= ANSWER_BYTES_MAX
        });
        let many = fits.count();
        if many < self.lines.len() {
            let left = self.lines.len() - many;
            self.lines.truncate(many);
            let left = crate::text::counted(left, "more line");
            self.lines.push(format!("… and {left}, which the server's log has"));
        }
        self
    }
}

/// Carries out orders until the daemon ends, from when it `serves`: before that there is no history to record them in.
pub(super) async fn follow(
    shared: Shared,
    serves: oneshot::Receiver<()>,
    mut orders: mpsc::Receiver<Order>,
    voice: Voice,
    zone: TimeZone,
) {
    if serves.await.is_err() {
        return;
    }
    let mut number = 0_u64;
    while let Some(mut order) = orders.recv().await {
        number += 1;
        let reply = order.reply.take();
        let answer = carry_out(&shared, order, &voice, &zone, number).await;
        if let Some(reply) = reply {
            // Whoever asked may have gone.
            let _ = reply.send(answer);
        }
    }
}

async fn carry_out(shared: &Shared, mut order: Order, voice: &Voice, zone: &TimeZone, number: u64) -> Answer {
    voice.say("Rereading license file...");
    let sources = order.sources.take();
    let job = {
        let daemon = shared.borrow();
        let mut config = daemon.config.clone();
        let mut running = daemon.served().clone();
        if let Some(Sources { files, options, host }) = sources {
            config.license_files = files;
            config.options_file = options;
            if let Some(host) = host {
                running.about = Arc::new(About { server_host: host, ..running.about.as_ref().clone() });
            }
        }
        Job { config, running, force: order.force, zone: zone.clone(), style: voice.style.clone() }
    };
    let config = job.config.clone();
    let now = voice.clock.now().utc;
    let read = match tokio::task::spawn_blocking(move || reread::read(&job, now)).await {
        Ok(read) => read,
        Err(error) => {
            let answer = Answer::failed(&format!("the files were not read: {error}"));
            voice.say(&format!("ERROR: {error}"));
            return answer;
        }
    };
    read.messages.iter().for_each(|message| voice.say(message));
    let served = read.served.clone();
    let pending = shared.borrow_mut().reread(&order, read);
    let Ok(answer) = pending.await else { return Answer::failed("the vendor daemon is ending") };
    if answer.refused.as_ref().is_none_or(|refused| refused.code == Code::RereadIncomplete) {
        let mut daemon = shared.borrow_mut();
        daemon.config.license_files = config.license_files;
        daemon.config.options_file = config.options_file;
    } else if order.automatic {
        // The midnight that ordered it may have ended licenses, whatever the files are like.
        shared.borrow().name_surplus();
    }
    tell(&answer, &served, &order, voice, number);
    answer.cut()
}

/// The lines of `flexnet-tools.md` 3.6.
fn tell(answer: &Answer, served: &Served, order: &Order, voice: &Voice, number: u64) {
    let Served { catalog, origin, about, .. } = served;
    let vendor = &about.vendor;
    answer.lines.iter().for_each(|line| voice.say(line));
    if let Some(refused) = answer.refused.as_ref().filter(|refused| refused.code != Code::RereadIncomplete) {
        voice.say(&format!("ERROR: nothing was taken over: {refused}: {}", refused.note));
        voice.say("...Finished rereading");
        return;
    }
    let features = catalog.features().map(|feature| feature.as_str());
    feature_table(about.server_host.as_str(), features).iter().for_each(|line| voice.say(line));
    let slog = |text: &str| voice.say(&format!("(@{vendor}-SLOG@) {text}"));
    slog("=== Reread Info ===");
    slog(&format!("Reread time: {}", voice.style.long_date(voice.clock.now().utc)));
    slog(&format!("Number of rereads since vendor daemon startup: {number}"));
    slog(&format!("Reread mechanism: {}", if order.automatic { "Automatic" } else { "Manual" }));
    slog(&format!("Requested from {}", order.who));
    let files: Vec<String> = origin.licenses.iter().map(|file| file.path.display().to_string()).collect();
    slog(&format!("License file(s) used: {}", files.join(" ")));
    if let Some(options) = &origin.options {
        slog(&format!("Options file used: {}", options.path.display()));
    }
    voice.say("...Finished rereading");
}
