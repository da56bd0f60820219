//! What a machine keeps of its borrows, and programs that meet the server about one, as `src/client/borrow/meeting.rs` and
//! `errand.rs` do: one request at a time, in a session of their own, which is taken up again when the connection breaks.

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;
use std::time::Duration;

use seatkeeper::client::kept::{Condition, Kept, Mark};
use seatkeeper::code::{Code, minor};
use seatkeeper::event::{Answer, Borrowing, Checkout, Denial, Wishes};
use seatkeeper::ident::{Count, Digest, Handle, Token};
use seatkeeper::sign::{BorrowRecord, BorrowRecordError, KeyId, SignedBorrow, VerifyingKey};
use seatkeeper::time::{Look, Monotonic, Timestamp};
use seatkeeper::wire::{BorrowClaim, Message, RecordText};
use zeroize::Zeroizing;

use super::client::Wish;

/// How often a request is asked again that left no trace, and how long each wait is.
const AGAIN_MAX: u32 = 5;
const AGAIN_WAIT: Duration = Duration::from_millis(200);
/// How long an answer may take.
const ANSWER_MAX: Duration = Duration::from_secs(10);
/// After which time a connection that broke is not looked for any more.
const PATIENCE: Duration = Duration::from_secs(20);

/// A record that was verified already, with its signature.
pub(crate) struct Verified {
    signed: SignedBorrow,
    record: BorrowRecord,
    key: VerifyingKey,
}

thread_local! {
    /// The latest that were: the oracle looks at what a client is sent before that has it, and signatures take their time.
    static VERIFIED: RefCell<VecDeque<Rc<Verified>>> = const { RefCell::new(VecDeque::new()) };
}

/// Reads a record; verifies each signature once.
pub(crate) fn verified(text: &str, sign: &str) -> Result<Rc<Verified>, BorrowRecordError> {
    let known = VERIFIED.with_borrow(|known| {
        known.iter().find(|it| it.signed.text == text && it.signed.sign == sign).map(Rc::clone)
    });
    if let Some(known) = known {
        return Ok(known);
    }
    let signed = SignedBorrow { text: text.to_owned(), sign: sign.to_owned() };
    let (record, key) = signed.read()?;
    let verified = Rc::new(Verified { signed, record, key });
    VERIFIED.with_borrow_mut(|known| {
        known.truncate(31);
        known.push_front(Rc::clone(&verified));
    });
    Ok(verified)
}

impl Verified {
    pub(crate) const fn record(&self) -> &BorrowRecord {
        &self.record
    }

    pub(crate) fn key(&self) -> KeyId {
        self.key.id()
    }
}

/// The directory of borrows of a machine's user: it outlives every program.
#[derive(Default)]
pub(crate) struct Shelf {
    kept: BTreeMap<Digest, Kept>,
}

impl Shelf {
    pub(crate) fn names(&self) -> impl Iterator<Item = Digest> + '_ {
        self.kept.keys().copied()
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &Kept> {
        self.kept.values()
    }

    /// Now and then it is seen that what is read again is what was written.
    fn put(&mut self, kept: Kept) {
        if kept.record.handle.0 % 4 == 1 {
            let read = Kept::read(&kept.print());
            assert_eq!(read.as_ref(), Ok(&kept), "what is kept comes back");
        }
        self.kept.insert(kept.record.secret, kept);
    }

    /// Changes what is kept, if it is still there.
    pub(crate) fn change<T>(&mut self, name: Digest, change: impl FnOnce(&mut Kept) -> T) -> Option<T> {
        self.kept.get_mut(&name).map(change)
    }
}

/// What a program has come for.
#[derive(Debug, Clone)]
pub(crate) enum Business {
    Borrow { feature: &'static str, newer: bool, count: u32, ends: Timestamp, renew_s: u32 },
    Renew { name: Digest, ends: Option<Timestamp> },
    Return { name: Digest },
}

/// Where a program dies that borrows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dies {
    /// When it was told that it has the license.
    Granted,
    /// With the record in its hand.
    Unkept,
    /// When that is kept.
    Kept,
}

/// What was asked last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asked {
    Borrow,
    Renew,
    Return,
    /// A license back of which nothing could be kept, or that was wanted back.
    GiveUp,
    Record,
}

/// A program that meets the server about a borrow.
pub(crate) struct Visit {
    pub(crate) business: Business,
    pub(crate) dies: Option<Dies>,
    secret: [u8; 32],
    handle: Handle,
    /// What was kept before it.
    before: Condition,
    /// How far time had come when it told the server so, which took it for right.
    greeted: Mark,
    next: Token,
    times: u32,
    asked: Option<(Asked, Message)>,
    /// The number of its frame, and when it was sent.
    sent: Option<(u32, Monotonic)>,
    again_at: Option<Monotonic>,
    deadline: Monotonic,
}

/// What has come to pass with a visit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum News {
    /// A license was granted without a borrow.
    NotLent,
    /// It dies here.
    Dead,
    Nothing,
}

impl Visit {
    pub(crate) fn new(
        business: Business,
        dies: Option<Dies>,
        secret: [u8; 32],
        (look, now): (Look, Monotonic),
    ) -> Self {
        Self {
            business,
            dies,
            secret,
            handle: Handle(0),
            before: Condition::Held,
            greeted: Mark::new(look),
            next: Token(1),
            times: 0,
            asked: None,
            sent: None,
            again_at: None,
            deadline: now.plus(PATIENCE),
        }
    }

    /// The borrow that it gives back: no other program uses that meanwhile.
    pub(crate) fn locks(&self) -> Option<Digest> {
        match &self.business {
            Business::Return { name } => Some(*name),
            Business::Renew { name, .. } if self.before == Condition::Returning => Some(*name),
            Business::Borrow { .. } | Business::Renew { .. } => None,
        }
    }

    pub(crate) fn wakeup(&self) -> Monotonic {
        let answer = self.sent.map(|(_, at)| at.plus(ANSWER_MAX));
        answer.into_iter().chain(self.again_at).fold(Monotonic(u64::MAX), Monotonic::min)
    }

    /// Whether it still looks for a server that it has lost.
    pub(crate) fn is_patient(&self, now: Monotonic) -> bool {
        now < self.deadline
    }

    /// Whether the answer takes too long.
    pub(crate) fn is_kept_waiting(&self, now: Monotonic) -> bool {
        self.sent.is_some_and(|(_, at)| now >= at.plus(ANSWER_MAX))
    }

    pub(crate) fn is_due_again(&mut self, now: Monotonic) -> bool {
        self.again_at.take_if(|at| *at <= now).is_some()
    }

    /// A frame was sent.
    pub(crate) fn was_sent(&mut self, id: u32, now: Monotonic) {
        self.sent = Some((id, now));
    }

    pub(crate) fn lost_connection(&mut self) {
        self.sent = None;
    }

    /// What was asked last, once more.
    pub(crate) fn repeat(&self) -> Option<Message> {
        if self.again_at.is_some() { None } else { self.asked.as_ref().map(|(_, message)| message.clone()) }
    }

    fn number(&mut self) -> (Token, Token) {
        let token = self.next;
        self.next = Token(token.0 + 1);
        (token, Token(token.0 - 1))
    }

    fn ask(&mut self, what: Asked, wishes: &mut Vec<Wish>) {
        let (handle, secret) = (self.handle, self.secret);
        let message = match what {
            Asked::Record => Message::FetchRecord { handle: Some(handle), secret },
            Asked::Borrow => {
                let (token, acknowledged) = self.number();
                let Business::Borrow { feature, newer, count, ends, renew_s } = self.business else { return };
                let borrow = Some(Borrowing { ends, renew_s, secret: Digest::of(&secret) });
                Message::Checkout(Checkout {
                    token,
                    acknowledged,
                    feature: feature.parse().unwrap(),
                    version: if newer { "2.0" } else { "1.0" }.parse().unwrap(),
                    count: Count::new(count).unwrap(),
                    wishes: Wishes { borrow, ..Wishes::default() },
                })
            }
            Asked::Renew | Asked::Return | Asked::GiveUp => {
                let (token, acknowledged) = self.number();
                let borrow = BorrowClaim { token, acknowledged, handle, secret };
                match &self.business {
                    Business::Renew { ends, .. } if what == Asked::Renew => {
                        Message::Renew { borrow, ends: *ends }
                    }
                    _ => Message::Return(borrow),
                }
            }
        };
        self.asked = Some((what, message.clone()));
        wishes.push(Wish::Send(message));
    }

    /// It goes in order.
    fn go(&mut self, wishes: &mut Vec<Wish>) {
        self.asked = None;
        wishes.push(Wish::Leave);
    }

    /// The server has begun its session. Others give back what is locked.
    pub(crate) fn begin(&mut self, shelf: &mut Shelf, locked: &[Digest], wishes: &mut Vec<Wish>) {
        let what = match self.business {
            Business::Borrow { .. } => Some(Asked::Borrow),
            Business::Renew { name, .. } => shelf
                .change(name, |kept| {
                    (self.secret, self.handle) = (*kept.secret, kept.record.handle);
                    match kept.condition {
                        Condition::Returning if locked.contains(&name) => None,
                        condition => {
                            self.before = condition;
                            let returns = condition == Condition::Returning;
                            Some(if returns { Asked::Return } else { Asked::Renew })
                        }
                    }
                })
                .flatten(),
            Business::Return { name } => shelf.change(name, |kept| {
                (self.secret, self.handle, self.before) = (*kept.secret, kept.record.handle, kept.condition);
                kept.condition = Condition::Returning;
                Asked::Return
            }),
        };
        match what {
            Some(what) => self.ask(what, wishes),
            None => self.go(wishes),
        }
    }

    /// An answer came.
    pub(crate) fn arrived(
        &mut self,
        id: u32,
        message: Message,
        shelf: &mut Shelf,
        (look, now): (Look, Monotonic),
        wishes: &mut Vec<Wish>,
    ) -> News {
        if self.sent.is_none_or(|(sent, _)| sent != id) {
            return News::Nothing;
        }
        let Some((what, _)) = self.asked else { return News::Nothing };
        self.sent = None;
        let denial = match message {
            Message::Answer { answer: Answer::Denied(denial), .. } | Message::Error(denial) => denial,
            Message::Answer { answer, .. } => return self.answered(what, answer, shelf, wishes),
            Message::Record(record) => return self.keep(record, shelf, look, wishes),
            other => panic!("an answer to {what:?}: {other:?}"),
        };
        if denial.code == Code::AskAgain && what != Asked::Record && self.times < AGAIN_MAX {
            self.times += 1;
            // The same question under another number.
            self.again_at = Some(now.plus(AGAIN_WAIT * self.times));
            return News::Nothing;
        }
        self.refused(what, &denial, shelf, wishes)
    }

    /// Asks again what left no trace.
    pub(crate) fn ask_again(&mut self, wishes: &mut Vec<Wish>) {
        if let Some((what, _)) = self.asked {
            self.ask(what, wishes);
        }
    }

    fn answered(&mut self, what: Asked, answer: Answer, shelf: &mut Shelf, wishes: &mut Vec<Wish>) -> News {
        match (what, answer) {
            (Asked::Borrow, Answer::Granted(grant)) => {
                if grant.borrow.is_none() {
                    return News::NotLent;
                }
                if self.dies == Some(Dies::Granted) {
                    return News::Dead;
                }
                self.handle = grant.handle;
                self.ask(Asked::Record, wishes);
            }
            (Asked::Renew, Answer::Renewed { .. }) => self.ask(Asked::Record, wishes),
            (Asked::Return, Answer::CheckedIn(_) | Answer::Spent) => {
                shelf.kept.remove(&Digest::of(&self.secret));
                self.go(wishes);
            }
            (Asked::GiveUp, _) => self.go(wishes),
            // Its number is spent, and with it the license.
            (_, Answer::Spent) => self.go(wishes),
            (what, other) => panic!("an answer to {what:?}: {other:?}"),
        }
        News::Nothing
    }

    fn keep(
        &mut self,
        RecordText { text, sign, .. }: RecordText,
        shelf: &mut Shelf,
        look: Look,
        wishes: &mut Vec<Wish>,
    ) -> News {
        if self.dies == Some(Dies::Unkept) {
            return News::Dead;
        }
        let verified = verified(&text, &sign).expect("a record with its signature");
        let (signed, record, key) = (verified.signed.clone(), verified.record.clone(), verified.key.clone());
        let mark = self.greeted.look(look);
        match self.business {
            Business::Borrow { .. } => shelf.put(Kept {
                condition: Condition::Held,
                secret: Zeroizing::new(self.secret),
                place: "27000@srv".to_owned(),
                fetched: look.utc,
                mark,
                signed,
                record,
                key,
                lines: Vec::new(),
            }),
            Business::Renew { name, .. } => {
                shelf.change(name, |kept| {
                    kept.renewed((signed, record, key), mark, look.utc);
                });
            }
            Business::Return { .. } => {}
        }
        if self.dies == Some(Dies::Kept) {
            return News::Dead;
        }
        self.go(wishes);
        News::Nothing
    }

    fn refused(&mut self, what: Asked, denial: &Denial, shelf: &mut Shelf, wishes: &mut Vec<Wish>) -> News {
        let name = Digest::of(&self.secret);
        let unknown = denial.minor == minor::BORROW_UNKNOWN;
        match what {
            // Nobody could use it.
            Asked::Record if matches!(self.business, Business::Borrow { .. }) => {
                self.ask(Asked::GiveUp, wishes);
                return News::Nothing;
            }
            Asked::Renew if denial.minor == minor::BORROW_RECALLED => {
                shelf.kept.remove(&name);
                self.ask(Asked::GiveUp, wishes);
                return News::Nothing;
            }
            Asked::Renew if unknown && self.before == Condition::Expired => {
                shelf.kept.remove(&name);
            }
            Asked::Return => {
                let over = matches!(self.before, Condition::Returning | Condition::Expired);
                // A return that is told once more is done when the server knows nothing of it.
                if unknown && (over || matches!(self.business, Business::Renew { .. })) {
                    shelf.kept.remove(&name);
                } else if unknown || denial.minor == minor::EARLY_RETURN_OFF {
                    let before = self.before;
                    if matches!(self.business, Business::Return { .. }) {
                        shelf.change(name, |kept| kept.condition = before);
                    }
                }
            }
            Asked::Borrow | Asked::Renew | Asked::Record | Asked::GiveUp => {}
        }
        self.go(wishes);
        News::Nothing
    }
}
