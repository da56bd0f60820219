//! A client of the line protocol: a line is asked, a line is answered. Its session lives with its connection and does not come back.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use bytes::BytesMut;
use seatkeeper::code::Code;
use seatkeeper::ident::Handle;
use seatkeeper::time::Monotonic;

use super::client::Wish;

/// After which time is asked again what left no trace.
const AGAIN_WAIT: Duration = Duration::from_millis(200);

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Line {
    Hello(String),
    Checkout {
        feature: &'static str,
        newer: bool,
        count: u32,
        waits: bool,
    },
    Checkin(Handle),
    /// How a request stands that waits.
    Queued(Handle),
    Quit,
}

impl Line {
    fn text(&self) -> String {
        match self {
            Self::Hello(claims) => format!("HELLO 1 {claims}\n"),
            Self::Checkout { feature, newer, count, waits } => {
                let verb = if *waits { "QUEUE" } else { "CHECKOUT" };
                format!("{verb} {feature} {}.0 {count}\n", if *newer { 2 } else { 1 })
            }
            Self::Checkin(handle) => format!("CHECKIN {handle}\n"),
            Self::Queued(handle) => format!("QUEUE {handle}\n"),
            Self::Quit => "QUIT\n".to_owned(),
        }
    }
}

/// What an application knows that speaks lines.
pub(crate) struct Talk {
    input: BytesMut,
    asks: VecDeque<Line>,
    asked: Option<Line>,
    later: Option<Monotonic>,
    pub(crate) waiting: BTreeSet<Handle>,
}

/// The handle behind the words that a line begins with.
pub(crate) fn handle_behind(line: &str, words: &str) -> Option<Handle> {
    let rest = line.strip_prefix(words)?;
    rest.split_whitespace().next()?.parse().ok().map(Handle)
}

impl Talk {
    pub(crate) fn new(user: &str, host: &str) -> Self {
        Self {
            input: BytesMut::new(),
            asks: VecDeque::from([Line::Hello(format!("user={user} host={host}"))]),
            asked: None,
            later: None,
            waiting: BTreeSet::new(),
        }
    }

    pub(crate) fn wakeup(&self) -> Monotonic {
        self.later.unwrap_or(Monotonic(u64::MAX))
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.asked.is_none() && self.asks.is_empty()
    }

    pub(crate) fn due(&mut self, now: Monotonic, wishes: &mut Vec<Wish>) {
        if self.later.take_if(|at| *at <= now).is_some() {
            self.go_on(now, wishes);
        }
    }

    /// Says who it is.
    pub(crate) fn begin(&mut self, now: Monotonic, wishes: &mut Vec<Wish>) {
        self.go_on(now, wishes);
    }

    pub(crate) fn ask(&mut self, line: Line, now: Monotonic, wishes: &mut Vec<Wish>) {
        // What is asked for twice is answered with an error the second time.
        if self.asked.as_ref() != Some(&line) && !self.asks.contains(&line) {
            self.asks.push_back(line);
        }
        self.go_on(now, wishes);
    }

    fn go_on(&mut self, now: Monotonic, wishes: &mut Vec<Wish>) {
        if self.asked.is_none() && self.later.is_none_or(|at| at <= now) {
            self.asked = self.asks.pop_front();
            wishes.extend(self.asked.as_ref().map(|line| Wish::Say(line.text())));
        }
    }

    /// Bytes came.
    pub(crate) fn arrived(
        &mut self,
        bytes: &[u8],
        held: &mut BTreeSet<Handle>,
        now: Monotonic,
        wishes: &mut Vec<Wish>,
    ) {
        self.input.extend_from_slice(bytes);
        while let Some(end) = self.input.iter().position(|byte| *byte == b'\n') {
            let line = String::from_utf8(self.input.split_to(end + 1).to_vec()).unwrap();
            match line.strip_prefix("* ") {
                Some(news) => self.heard(news.trim_end(), held, now, wishes),
                None => self.answered(line.trim_end(), held, now, wishes),
            }
        }
    }

    fn heard(&mut self, news: &str, held: &mut BTreeSet<Handle>, now: Monotonic, wishes: &mut Vec<Wish>) {
        if let Some(handle) = handle_behind(news, "LOST ") {
            held.remove(&handle);
        } else if let Some(handle) = handle_behind(news, "FREE ") {
            self.ask(Line::Queued(handle), now, wishes);
        } else if let Some(handle) = handle_behind(news, "DEQUEUED ") {
            self.waiting.remove(&handle);
        } else if news.starts_with("ENDED ") {
            wishes.extend([Wish::Close, Wish::End]);
        }
    }

    fn answered(
        &mut self,
        answer: &str,
        held: &mut BTreeSet<Handle>,
        now: Monotonic,
        wishes: &mut Vec<Wish>,
    ) {
        let asked = self.asked.take();
        let number = answer.strip_prefix("ERR ").and_then(|rest| rest.split(',').next()?.parse().ok());
        let is = |code: Code| number == Some(code.number());
        let traceless = [Code::AskAgain, Code::StoreUnavailable, Code::VendorDown, Code::ServerBusy];
        let again = traceless.into_iter().any(is);
        if is(Code::SessionEnded) {
            wishes.extend([Wish::Close, Wish::End]);
            return;
        }
        match asked {
            Some(Line::Hello(_)) if number.is_some() => wishes.extend([Wish::Close, Wish::End]),
            Some(Line::Quit) => wishes.extend([Wish::Close, Wish::End]),
            Some(line @ (Line::Checkin(_) | Line::Queued(_))) if again => {
                self.later = Some(now.plus(AGAIN_WAIT));
                self.asks.push_front(line);
            }
            Some(Line::Checkin(handle)) => {
                held.remove(&handle);
                self.waiting.remove(&handle);
            }
            Some(asked @ (Line::Checkout { .. } | Line::Queued(_))) => {
                let asked_after = if let Line::Queued(handle) = asked { Some(handle) } else { None };
                if let Some(handle) = handle_behind(answer, "OK QUEUE ") {
                    self.waiting.insert(handle);
                } else if let Some(handle) = asked_after {
                    self.waiting.remove(&handle);
                }
                held.extend(handle_behind(answer, "OK CHECKOUT "));
            }
            Some(Line::Hello(_)) | None => {}
        }
        self.go_on(now, wishes);
    }
}
