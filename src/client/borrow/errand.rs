//! A session for a few requests about a borrow, which is asked to its end: when the connection breaks, or the server restarts, it is taken
//! up again and the request repeated with its number, so that it is carried out once.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use super::super::error::{Attempt, DialError};
use super::super::route::{Arrival, Route};
use super::super::{Connection, Wanted};
use super::mark::Mark;
use super::order::on_own_clock;
use crate::code::{Code, minor};
use crate::event::{Answer, Borrow, Borrowing, Checkout, Denial, Grant, Wishes};
use crate::ident::{Digest, Handle, Token};
use crate::platform::system_zone;
use crate::session::client::ClientSession;
use crate::time::{Clock as _, Look, Timestamp};
use crate::wire::{BorrowClaim, LineText, Message, RecordText};

/// How often a request is asked again that left no trace at the server, and how long each wait is.
const AGAIN_MAX: u32 = 5;
const AGAIN_WAIT: Duration = Duration::from_millis(200);
/// How long the farewell may take.
const GOODBYE: Duration = Duration::from_secs(2);

pub(super) struct Errand {
    route: Route,
    session: ClientSession,
    connection: Connection,
    /// How far time had come when the server was told so.
    greeted: Mark,
    next: Token,
    /// A request had no answer, so that nobody knows whether it was carried out.
    unclear: bool,
    /// When no answer is waited for any more.
    deadline: Instant,
}

impl Errand {
    /// Begins a session at the first server of the route that wants it.
    pub(super) async fn begin(route: Route) -> Result<Self, Attempt> {
        let greeted = Mark::new(route.clock.look());
        let Arrival { connection, terms } = route.begin().await?;
        let session = ClientSession::new(&terms, route.clock.now().mono);
        let deadline = Instant::now() + route.config.patience;
        Ok(Self { route, session, connection, greeted, next: Token(1), unclear: false, deadline })
    }

    pub(super) async fn borrow(
        &mut self,
        wanted: &Wanted,
        wishes: &Wishes,
        borrowing: Borrowing,
    ) -> Result<Grant, Denial> {
        let Wanted { feature, version, count } = wanted.clone();
        let wishes = Wishes { queue: None, borrow: Some(borrowing), ..wishes.clone() };
        let message = |token: Token| {
            let (feature, wishes) = (feature.clone(), wishes.clone());
            Message::Checkout(Checkout {
                token,
                acknowledged: before(token),
                feature,
                version,
                count,
                wishes,
            })
        };
        match self.answer(message).await? {
            Answer::Granted(grant) => Ok(grant),
            other => Err(unexpected(&format!("{other:?}"))),
        }
    }

    pub(super) async fn renew(
        &mut self,
        handle: Handle,
        secret: &[u8; 32],
        ends: Option<Timestamp>,
    ) -> Result<Borrow, Denial> {
        let secret = *secret;
        let message = |token: Token| {
            let borrow = BorrowClaim { token, acknowledged: before(token), handle, secret };
            Message::Renew { borrow, ends }
        };
        match self.answer(message).await? {
            Answer::Renewed { borrow, .. } => Ok(borrow),
            other => Err(unexpected(&format!("{other:?}"))),
        }
    }

    pub(super) async fn give_back(&mut self, handle: Handle, secret: &[u8; 32]) -> Result<(), Denial> {
        let secret = *secret;
        let message = |token: Token| {
            Message::Return(BorrowClaim { token, acknowledged: before(token), handle, secret })
        };
        match self.answer(message).await? {
            Answer::CheckedIn(_) | Answer::Spent => Ok(()),
            other => Err(unexpected(&format!("{other:?}"))),
        }
    }

    /// The record of a borrow; without a handle of the one that was granted under the secret.
    pub(super) async fn record(
        &mut self,
        handle: Option<Handle>,
        secret: &[u8; 32],
    ) -> Result<RecordText, Denial> {
        match self.ask(&Message::FetchRecord { handle, secret: *secret }).await? {
            Message::Record(record) => Ok(record),
            other => Err(unexpected(&format!("{other:?}"))),
        }
    }

    pub(super) async fn line(&mut self, digest: Digest) -> Result<LineText, Denial> {
        match self.ask(&Message::FetchLine(digest)).await? {
            Message::Line(line) => Ok(line),
            other => Err(unexpected(&format!("{other:?}"))),
        }
    }

    /// How far time has come at a look, by the clock that the server took for right.
    pub(super) fn mark(&self, look: Look) -> Mark {
        self.greeted.look(look)
    }

    /// Whether a refusal may stand for a request that was carried out.
    pub(super) const fn is_unclear(&self) -> bool {
        self.unclear
    }

    /// Ends the session in order.
    pub(super) async fn end(mut self) {
        // A server that is gone ends it by itself.
        let _ = timeout(GOODBYE, self.connection.ask(&Message::Goodbye)).await;
    }

    /// Asks a numbered request until it is answered.
    async fn answer(&mut self, message: impl Fn(Token) -> Message) -> Result<Answer, Denial> {
        let mut times = 0;
        loop {
            let token = self.next;
            self.next = Token(token.0 + 1);
            let answer = match self.ask(&message(token)).await {
                Ok(Message::Answer { token: of, answer }) if of == token => answer,
                Ok(other) => return Err(unexpected(&format!("{other:?}"))),
                Err(denial) => Answer::Denied(denial),
            };
            match answer {
                Answer::Denied(denial) if denial.code == Code::AskAgain && times < AGAIN_MAX => {
                    times += 1;
                    sleep(AGAIN_WAIT * times).await;
                }
                Answer::Denied(denial) => return Err(on_own_clock(denial, &system_zone().zone)),
                answer => return Ok(answer),
            }
        }
    }

    async fn ask(&mut self, message: &Message) -> Result<Message, Denial> {
        loop {
            match self.connection.ask(message).await {
                Ok(answer) => return Ok(answer),
                Err(DialError::Refused(denial)) => {
                    self.unclear |= matches!(denial.code, Code::SessionEnded | Code::SessionTaken);
                    return Err(denial);
                }
                Err(error) => {
                    self.unclear = true;
                    self.resume(&error).await?;
                    self.unclear = false;
                }
            }
        }
    }

    /// Takes the session up again after the connection broke.
    async fn resume(&mut self, error: &DialError) -> Result<(), Denial> {
        let clock = &self.route.clock;
        self.session.broken(clock.now().mono);
        loop {
            if Instant::now() >= self.deadline {
                return Err(error.denial());
            }
            let wait = self.session.wakeup().since(clock.now().mono);
            sleep(wait).await;
            let fresh = crate::platform::random_bytes()
                .map_err(|error| Denial::new(Code::InternalError, minor::BORROW_STORE, &error.to_string()))?;
            let purpose = self.session.purpose(fresh);
            match self.route.resume(self.connection.peer(), purpose).await {
                Ok(arrival) => {
                    self.session.resumed(&arrival.terms, clock.now().mono);
                    self.connection = arrival.connection;
                    return Ok(());
                }
                Err(DialError::Refused(denial))
                    if matches!(denial.code, Code::SessionEnded | Code::SessionTaken) =>
                {
                    return Err(denial);
                }
                Err(_) => self.session.try_failed(clock.now().mono),
            }
        }
    }
}

fn before(token: Token) -> Token {
    Token(token.0 - 1)
}

fn unexpected(found: &str) -> Denial {
    let found: String = found.chars().take(200).collect();
    Denial::new(Code::BadReturnedData, minor::ANSWER_UNEXPECTED, &format!("an unexpected answer: {found}"))
}
