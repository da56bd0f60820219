//! Requests that wait in a server's queue: told of their place, taken when licenses are held for them, given up.

use std::time::Duration;

use tokio::sync::{oneshot, watch};

use super::{Driver, Granted, Reply, Unclaimed, Waiter};
use crate::client::waiting::Progress;
use crate::code::{Code, minor};
use crate::event::{Denial, Place};
use crate::ident::{Handle, Token};
use crate::session::client::Ask;
use crate::time::Monotonic;

/// How often a server is asked where a request stands: places change without a word.
const PLACE_EVERY: Duration = Duration::from_secs(10);

/// The application's name for a request that may wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::client) struct WaitId(pub(in crate::client) u64);

/// What a request that may wait has beside any other.
#[derive(Debug)]
pub(in crate::client) struct Queue {
    id: WaitId,
    /// Licenses are taken as soon as they are held.
    wanted: bool,
    /// Where the application looks; nothing until the first answer.
    progress: watch::Sender<Option<Progress>>,
    /// Its name in the server's queue, once it is there.
    entry: Option<Handle>,
    held_until: Option<Monotonic>,
    /// When to ask for its place.
    look_at: Monotonic,
    given_up: bool,
}

/// Licenses that came to a request whose application wants to be asked first: the server was asked for the place when it offered
/// them. They are held here for the rest of the time.
#[derive(Debug)]
pub(super) struct Kept {
    queue: Queue,
    handle: Handle,
    until: Monotonic,
    granted: Granted,
    reply: oneshot::Sender<Reply>,
}

impl Queue {
    pub(in crate::client) fn new(
        id: WaitId,
        wanted: bool,
        progress: watch::Sender<Option<Progress>>,
    ) -> Self {
        let look_at = Monotonic(0);
        Self { id, wanted, progress, entry: None, held_until: None, look_at, given_up: false }
    }

    pub(super) fn tell(&self, progress: Progress) {
        self.progress.send_replace(Some(progress));
    }

    /// When to ask for the place; none while it is not in the queue. Asking takes what is held, so nobody asks for whom it is held.
    fn look_at(&self) -> Option<Monotonic> {
        self.entry?;
        let held = self.held_until.filter(|_| !self.wanted && !self.given_up);
        Some(held.map_or(self.look_at, |until| until.max(self.look_at)))
    }
}

impl Driver {
    /// When something is due for those that wait.
    pub(super) fn queue_wakeup(&self) -> Option<Monotonic> {
        let queued = self.waiters.values().filter_map(|waiter| waiter.queue.as_ref()?.look_at());
        queued.chain(self.kept.iter().map(|kept| kept.until)).min()
    }

    pub(super) async fn queue_due(&mut self, now: Monotonic) {
        while let Some(index) = self.kept.iter().position(|kept| kept.until <= now) {
            let kept = self.kept.swap_remove(index);
            let note = "the licenses that were held for it were not taken in time";
            let denial = Denial::new(Code::HoldLapsed, minor::HOLD_LAPSED, note);
            kept.end(&denial);
        }
        let due = |waiter: &Waiter| {
            waiter.queue.as_ref().and_then(Queue::look_at).is_some_and(|look_at| look_at <= now)
        };
        let tokens: Vec<Token> =
            self.waiters.iter().filter(|(_, waiter)| due(waiter)).map(|(token, _)| *token).collect();
        for token in tokens {
            if let Some(queue) = self.waiters.get_mut(&token).and_then(|waiter| waiter.queue.as_mut()) {
                queue.look_at = now.plus(PLACE_EVERY);
            }
            // While the connection is down there is nobody to ask; the resume repeats the request.
            if self.session.is_up() {
                self.look(token).await;
            }
        }
    }

    /// Sends a waiting request again: it gets what is held for it, or hears its place.
    async fn look(&mut self, token: Token) {
        let now = self.now();
        if let Some(message) = self.session.ask_again(token, now) {
            self.send(&message).await;
        }
    }

    /// A request has a place in the queue; none if the server could not say which.
    pub(super) async fn placed(&mut self, token: Token, place: Option<Place>, mut waiter: Waiter) {
        let look_at = self.now().plus(PLACE_EVERY);
        let Some(queue) = &mut waiter.queue else {
            // Nobody asked to wait.
            self.session.dequeued(token);
            if let Some(place) = place {
                self.give_back(place.handle).await;
            }
            let note = "a request that does not wait was put into the queue";
            let denial = Denial::new(Code::BadReturnedData, minor::ANSWER_UNEXPECTED, note);
            return waiter.refuse(denial);
        };
        let mut leave = None;
        queue.look_at = look_at;
        if let Some(place) = place {
            let first = queue.entry.replace(place.handle).is_none();
            queue.held_until = None;
            queue.tell(Progress::Queued {
                position: place.position,
                wait: place.wait_s.map(|seconds| Duration::from_secs(u64::from(seconds))),
            });
            leave = (queue.given_up && first).then_some(place.handle);
        }
        self.waiters.insert(token, waiter);
        if let Some(entry) = leave {
            self.give_back(entry).await;
        }
    }

    /// Licenses are held for a request.
    pub(super) async fn offered(&mut self, token: Token, entry: Handle, hold_s: u32) {
        let hold = Duration::from_secs(u64::from(hold_s));
        let until = self.now().plus(hold);
        let Some(queue) = self.waiters.get_mut(&token).and_then(|waiter| waiter.queue.as_mut()) else {
            return;
        };
        queue.entry = Some(entry);
        queue.held_until = Some(until);
        if queue.given_up {
            return;
        }
        queue.tell(Progress::Held { hold });
        if queue.wanted {
            self.look(token).await;
        }
    }

    /// A request waits no more and gets nothing.
    pub(super) fn dequeued(&mut self, token: Token, denial: Denial) {
        if let Some(waiter) = self.waiters.remove(&token) {
            waiter.refuse(denial);
        }
    }

    /// Licenses came to a request that waited; they are handed over, unless the application wants to be asked first.
    pub(super) fn hand_over(&mut self, handle: Handle, granted: Granted, waiter: Waiter) {
        let (Some(queue), Some(reply)) = (waiter.queue, waiter.reply) else { return };
        // What nobody waits for any more goes back by itself.
        if reply.is_closed() {
            return;
        }
        if queue.wanted || queue.entry.is_none() {
            queue.tell(Progress::Granted);
            let _ = reply.send(Ok(granted));
            return;
        }
        let now = self.now();
        let until = queue.held_until.unwrap_or_else(|| now.plus(hold_of(&waiter.ask)));
        queue.tell(Progress::Held { hold: until.since(now) });
        self.kept.push(Kept { queue, handle, until, granted, reply });
    }

    /// The application wants the licenses: those that are held now, or else as soon as they are.
    pub(super) async fn take(&mut self, id: WaitId) {
        if let Some(index) = self.kept.iter().position(|kept| kept.queue.id == id) {
            let kept = self.kept.swap_remove(index);
            kept.queue.tell(Progress::Granted);
            let _ = kept.reply.send(Ok(kept.granted));
            return;
        }
        let mut queues =
            self.waiters.iter_mut().filter_map(|(token, waiter)| Some((*token, waiter.queue.as_mut()?)));
        if let Some((token, queue)) = queues.find(|(_, queue)| queue.id == id) {
            queue.wanted = true;
            if queue.held_until.is_some() {
                self.look(token).await;
            }
        }
    }

    /// The application waits no more.
    pub(super) async fn give_up(&mut self, id: WaitId, reply: Option<oneshot::Sender<Reply>>) {
        if let Some(index) = self.kept.iter().position(|kept| kept.queue.id == id) {
            let Kept { handle, granted, .. } = self.kept.swap_remove(index);
            granted.seat.map(Unclaimed::claim);
            return self.give_back_telling(handle, reply).await;
        }
        let mut queues = self.waiters.values_mut().filter_map(|waiter| waiter.queue.as_mut());
        if let Some(queue) = queues.find(|queue| queue.id == id) {
            queue.given_up = true;
            // Before its first answer it has no name that could be given back; then it is done when that comes.
            if let Some(entry) = queue.entry {
                self.give_back_telling(entry, reply).await;
            }
        }
    }

    /// What was given back may have been a place in the queue: then the request is settled, or its answer is on its way.
    pub(super) async fn gave_back(&mut self, handle: Handle, done: bool) {
        let given_up = |waiter: &Waiter| {
            waiter.queue.as_ref().is_some_and(|queue| queue.given_up && queue.entry == Some(handle))
        };
        let Some(token) = self.waiters.iter().find(|(_, waiter)| given_up(waiter)).map(|(token, _)| *token)
        else {
            return;
        };
        if done {
            self.session.dequeued(token);
            self.waiters.remove(&token);
        } else {
            self.look(token).await;
        }
    }

    /// A seat is lost that is held here.
    pub(super) fn lost_kept(&mut self, handle: Handle, denial: &Denial) {
        if let Some(index) = self.kept.iter().position(|kept| kept.handle == handle) {
            self.kept.swap_remove(index).end(denial);
        }
    }
}

impl Kept {
    /// It is not handed over; with this the licenses go back.
    pub(super) fn end(self, denial: &Denial) {
        self.queue.tell(Progress::Over(denial.clone()));
        // Whoever gave up does not listen.
        let _ = self.reply.send(Err(denial.clone()));
    }
}

/// How long licenses are held for a request, as it says itself.
fn hold_of(ask: &Ask) -> Duration {
    match ask {
        Ask::Checkout { wishes, .. } => match wishes.queue.map_or(0, |queue| queue.hold_s) {
            0 => Duration::from_secs(60),
            seconds => Duration::from_secs(u64::from(seconds)),
        },
        Ask::Checkin(_) => Duration::ZERO,
    }
}
