//! Waiting for licenses in the queue of a server (`flexnet-tools.md` 6.3).

use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::timeout;

use super::driver::{Command, Queue, Reply, Unclaimed, WaitId};
use super::error::{Attempt, CheckoutFailure, ClientError};
use super::place::Place;
use super::seat::Seat;
use super::{Client, Session, Source, Wanted, refused};
use crate::code::{Code, minor};
use crate::event::{Answer, Denial, Grant, Queueing, Wishes};
use crate::ident::{Count, FeatureName, Version};
use crate::session::client::Ask;

/// When licenses are taken that have become free for a request that waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Taking {
    /// At once.
    #[default]
    AtOnce,
    /// When the application asks for them by [`Waiting::seat`], such as after it has asked its user. They are held that long, by the
    /// server at most an hour; zero means its usual time, a minute. Then they pass on to the next who waits.
    WhenAsked {
        /// How long they are held, in whole seconds.
        hold: Duration,
    },
}

/// How it stands with a request that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// Its turn has not come.
    Queued {
        /// Its place in the queue, 1 for the one whose turn it is.
        position: u32,
        /// The server's guess how long it may take, by how long licenses were held of late; none if that is not known.
        wait: Option<Duration>,
    },
    /// Licenses are held for it.
    Held {
        /// For how long from when this was told.
        hold: Duration,
    },
    /// It has its licenses.
    Granted,
    /// It waits no more and gets nothing: what was held was not taken in time (-1012), it can't be met any more, or the session is
    /// over.
    Over(Denial),
}

/// A request that waits for licenses. Dropping it gives the place in the queue up.
///
/// It outlives broken connections and restarts of the server: the place is the session's.
#[derive(Debug)]
pub struct Waiting {
    client: Client,
    wanted: Wanted,
    place: String,
    queue: Option<InQueue>,
    /// Licenses that came and are not handed over yet; the grant is there while its lines are still to be looked at.
    ready: Option<(Seat, Option<(Session, Grant)>)>,
}

/// The application's half of a request that the driver has.
#[derive(Debug)]
struct InQueue {
    id: WaitId,
    session: Session,
    answer: oneshot::Receiver<Reply>,
    progress: watch::Receiver<Option<Progress>>,
}

impl Drop for InQueue {
    fn drop(&mut self) {
        // A driver that is gone has nothing to give up. One that has handed the licenses over knows the name no more.
        let _ = self.session.commands.send(Command::GiveUp { id: self.id, reply: None });
    }
}

impl Client {
    /// Asks for `count` licenses and waits for them in a queue if no place of the search path grants at once: in that of the first
    /// server that has the feature and can ever meet the request. The other servers are not looked at again. What `wishes` say
    /// of the queue is replaced by `taking`.
    ///
    /// The future is ready as soon as the request has its place; [`Waiting::seat`] waits for the licenses.
    ///
    /// # Errors
    /// As [`Client::checkout_many`], when no server has a queue for it.
    pub async fn checkout_waiting(
        &self,
        feature: &str,
        version: &str,
        count: u32,
        wishes: &Wishes,
        taking: Taking,
    ) -> Result<Waiting, ClientError> {
        let wanted = Wanted::parse(feature, version, count)?;
        let wishes = &Wishes { borrow: None, ..wishes.clone() };
        let (seat, refusals) = self.borrowed(&wanted, wishes).await?;
        if let Some(seat) = seat {
            let (place, ready) = (seat.place().to_owned(), Some((seat, None)));
            return Ok(Waiting { client: self.clone(), wanted, place, queue: None, ready });
        }
        let places: Vec<&Source> = self.places_for(&wanted).collect();
        let is_server = |source: &&&Source| matches!(source.place, Place::Servers(_));
        // A server that is the only one can be asked with the queue at once, and need not say no first.
        let only = places.iter().filter(is_server).count() == 1;
        let plain = Wishes { queue: None, ..wishes.clone() };
        let mut attempts: Vec<Option<Attempt>> = Vec::new();
        for source in &places {
            if only && is_server(&source) {
                attempts.push(None);
                continue;
            }
            match self.checkout_at(source, &wanted, &plain).await {
                Ok(seat) => {
                    let place = seat.place().to_owned();
                    let ready = Some((seat, None));
                    return Ok(Waiting { client: self.clone(), wanted, place, queue: None, ready });
                }
                Err(attempt) => attempts.push(Some(attempt)),
            }
        }
        for (source, attempt) in places.iter().zip(&mut attempts) {
            if !attempt.as_ref().is_none_or(may_wait) {
                continue;
            }
            match self.wait_at(source, &wanted, &plain, taking).await {
                Ok(waiting) => return Ok(waiting),
                Err(refusal) => *attempt = Some(refusal),
            }
        }
        let mut attempts = attempts.into_iter().flatten().collect();
        super::borrow::with_refusals(&mut attempts, refusals);
        Err(self.failure(wanted, attempts))
    }

    /// Asks one server with its queue.
    async fn wait_at(
        &self,
        source: &Source,
        wanted: &Wanted,
        wishes: &Wishes,
        taking: Taking,
    ) -> Result<Waiting, Attempt> {
        let Place::Servers(servers) = &source.place else {
            let note = "only servers have queues";
            return Err(refused("", Denial::new(Code::NoServerForFeature, minor::FILE_WITHOUT_SERVER, note)));
        };
        let hold = match taking {
            Taking::AtOnce => Duration::ZERO,
            Taking::WhenAsked { hold } => hold,
        };
        let hold_s = u32::try_from(hold.as_secs()).unwrap_or(u32::MAX);
        let wishes = Wishes { queue: Some(Queueing { hold_s }), ..wishes.clone() };
        let (place, at_once) = (source.place.to_string(), taking == Taking::AtOnce);
        let mut again = true;
        loop {
            let session = self.session(source, servers).await?;
            let mut queue = InQueue::send(self, session, wanted.ask(&wishes), at_once);
            let denial = match timeout(self.shared.config.patience, queue.first_word()).await {
                Ok(Progress::Over(denial)) => denial,
                Ok(_) => {
                    let (client, wanted) = (self.clone(), wanted.clone());
                    return Ok(Waiting { client, wanted, place, queue: Some(queue), ready: None });
                }
                Err(_) => super::out_of_patience(),
            };
            let ended = matches!(denial.code, Code::SessionEnded | Code::SessionTaken);
            if !std::mem::take(&mut again) || !ended {
                return Err(refused(&place, denial));
            }
        }
    }
}

/// Whether a request that was refused may have a chance with a queue.
fn may_wait(attempt: &Attempt) -> bool {
    attempt.answered && !matches!(attempt.denial.code, Code::NoSuchFeature | Code::VendorDown)
}

impl InQueue {
    fn send(client: &Client, session: Session, ask: Ask, wanted: bool) -> Self {
        let id = client.shared.next_wait();
        let (reply, answer) = oneshot::channel();
        let (tell, progress) = watch::channel(None);
        let order = Command::Wait { ask, queue: Queue::new(id, wanted, tell), reply };
        if let Err(mpsc::error::SendError(order)) = session.commands.send(order) {
            order.refuse(&super::session_over());
        }
        Self { id, session, answer, progress }
    }

    /// What the server says first.
    async fn first_word(&mut self) -> Progress {
        match self.progress.wait_for(Option::is_some).await {
            Ok(word) => word.clone().unwrap_or(Progress::Granted),
            Err(_) => Progress::Over(super::session_over()),
        }
    }
}

impl Waiting {
    /// The feature.
    #[must_use]
    pub const fn feature(&self) -> &FeatureName {
        &self.wanted.feature
    }

    /// The version that was asked for.
    #[must_use]
    pub const fn version(&self) -> Version {
        self.wanted.version
    }

    /// How many licenses.
    #[must_use]
    pub const fn count(&self) -> Count {
        self.wanted.count
    }

    /// In whose queue it is, or who granted: `port@host`, or a file.
    #[must_use]
    pub fn place(&self) -> &str {
        &self.place
    }

    /// How it stands now, as far as the server has said. The place is asked for every ten seconds.
    #[must_use]
    pub fn progress(&self) -> Progress {
        let Some(queue) = &self.queue else { return Progress::Granted };
        let progress = queue.progress.borrow().clone();
        progress.unwrap_or_else(|| Progress::Over(super::session_over()))
    }

    /// Waits until something has changed since the last call, or since the beginning, and says how it stands then; at once if nothing
    /// will change any more. May be dropped without losing anything.
    pub async fn changed(&mut self) -> Progress {
        if let Some(queue) = &mut self.queue {
            let last = matches!(*queue.progress.borrow(), Some(Progress::Granted | Progress::Over(_)));
            if !last || queue.progress.has_changed().unwrap_or(false) {
                // A driver that is gone has said its last word before.
                let _ = queue.progress.changed().await;
                return self.progress();
            }
        }
        // Whoever asks again and again must not keep all else of his thread from going on.
        tokio::task::yield_now().await;
        self.progress()
    }

    /// Waits for the licenses and takes them, also those that are only to be taken when asked for. May be dropped, such as by a time
    /// limit: the request then waits on.
    ///
    /// # Errors
    /// [`ClientError::Checkout`] when it waits no more and gets nothing, with the server's reason.
    pub async fn seat(&mut self) -> Result<Seat, ClientError> {
        if let Some(queue) = &mut self.queue {
            // One that is gone answers through the other channel.
            let _ = queue.session.commands.send(Command::Take(queue.id));
            let reply = (&mut queue.answer).await.unwrap_or_else(|_| Err(super::session_over()));
            let session = queue.session.clone();
            self.queue = None;
            let granted = reply.map_err(|denial| self.failed(denial))?;
            let (Answer::Granted(grant), Some(lost)) =
                (granted.answer, granted.seat.and_then(Unclaimed::claim))
            else {
                return Err(self.failed(super::no_grant()));
            };
            let seat =
                Seat::of_server(&self.wanted, &grant, self.place.clone(), session.commands.clone(), lost);
            self.ready = Some((seat, Some((session, grant))));
        }
        if let Some((seat, unseen @ Some(_))) = &mut self.ready {
            if let Some((session, grant)) = unseen {
                match self.client.verify(session, &self.wanted, grant).await {
                    Ok(demo) => seat.demo |= demo,
                    Err(denial) => {
                        self.ready = None;
                        return Err(self.failed(denial));
                    }
                }
            }
            *unseen = None;
        }
        let taken =
            || Denial::new(Code::NeverCheckedOut, minor::HANDLE_UNKNOWN, "this request waits no more");
        self.ready.take().map(|(seat, _)| seat).ok_or_else(|| self.failed(taken()))
    }

    /// Gives the place in the queue up, or the licenses that came for it, and waits for the server's word as long as for any answer.
    pub async fn cancel(mut self) {
        let Some(queue) = self.queue.take() else { return };
        let (reply, answer) = oneshot::channel();
        let order = Command::GiveUp { id: queue.id, reply: Some(reply) };
        if queue.session.commands.send(order).is_ok() {
            // However it is answered, nothing is waited for any more.
            let _ = timeout(self.client.shared.config.patience, answer).await;
        }
    }

    fn failed(&self, denial: Denial) -> ClientError {
        self.client.failure(self.wanted.clone(), vec![refused(&self.place, denial)])
    }
}

impl Client {
    /// The failure of a request that no place granted.
    pub(super) fn failure(&self, wanted: Wanted, attempts: Vec<Attempt>) -> ClientError {
        let config = &self.shared.config;
        let Wanted { feature, version, .. } = wanted;
        let (host, path) = (config.claims.host.clone(), config.path.clone());
        ClientError::Checkout(Box::new(CheckoutFailure { feature, version, host, path, attempts }))
    }
}
