//! What clients are told.

use seatkeeper::code::{Code, minor};
use seatkeeper::event::Answer;
use seatkeeper::ident::SessionId;
use seatkeeper::wire::{Message, Notice, RecordText};

use super::super::lines::handle_behind;
use super::super::visit::verified;
use super::{Oracle, Verdict};

impl Oracle {
    /// The server says something over a connection; `session` is the one that it was welcomed with there, `client` who asks.
    pub(crate) fn said(
        &mut self,
        (connection, client): (usize, usize),
        session: Option<SessionId>,
        knew: Option<u32>,
        message: &Message,
    ) -> Verdict {
        match message {
            Message::Welcome(welcome) => {
                let Some(terms) = &welcome.session else { return Ok(()) };
                let known = self.opened.contains(&terms.id) || self.ended.contains(&terms.id);
                ensure!(known, "what a client is told is durable", "welcome to {}", terms.id);
                if terms.resumed {
                    let epoch = self.sessions.get(&terms.id).map(|session| session.epoch);
                    let durable = epoch.is_none_or(|epoch| epoch >= terms.epoch);
                    ensure!(
                        durable,
                        "what a client is told is durable",
                        "epoch {} of {epoch:?}",
                        terms.epoch
                    );
                    ensure!(
                        knew == Some(terms.epoch - 1),
                        "a copied session lives once",
                        "{terms:?} to who knew {knew:?}"
                    );
                    self.resumes += 1;
                }
                let owner = *self.owners.entry((terms.id, terms.epoch)).or_insert(client);
                ensure!(
                    owner == client,
                    "a copied session lives once",
                    "{} and {owner} have {terms:?}",
                    client
                );
                self.bound.insert(terms.id, connection);
            }
            Message::Answer { token, answer } => {
                let Some(session) = session else {
                    ensure!(false, "only who was welcomed is answered", "{message:?}");
                    return Ok(());
                };
                let bound = self.bound.get(&session);
                ensure!(
                    bound == Some(&connection),
                    "a copied session lives once",
                    "{message:?} beside {bound:?}"
                );
                match answer {
                    Answer::Granted(grant) => {
                        let granted = self.granted.get(&(session, *token));
                        ensure!(
                            granted == Some(&grant.handle),
                            "what a client is told is durable",
                            "{message:?}, {granted:?}"
                        );
                    }
                    Answer::CheckedIn(handle) => {
                        let back = self.returned.contains(handle) || self.dequeued.contains(handle);
                        ensure!(back, "what a client is told is durable", "{message:?}");
                    }
                    Answer::Queued(place) => {
                        let queued = self.queued.contains(&place.handle);
                        ensure!(queued, "what a client is told is durable", "{message:?}");
                    }
                    Answer::Denied(denial) => {
                        ensure!(
                            denial.code != Code::InternalError,
                            "the engine does not contradict itself",
                            "{message:?}"
                        );
                    }
                    Answer::Renewed { handle, borrow } => {
                        let known = self.records.contains(&(*handle, borrow.until, borrow.ends));
                        ensure!(known, "what a client is told is durable", "{message:?}");
                    }
                    Answer::Spent => {}
                }
            }
            Message::Notice(notice) => match notice {
                Notice::SeatLost { handle, .. } => {
                    let lost = self.lost.contains(handle);
                    ensure!(lost, "what a client is told is durable", "{message:?}");
                }
                Notice::Offered { handle, .. } => {
                    let offered = self.offered.contains(handle);
                    ensure!(offered, "what a client is told is durable", "{message:?}");
                }
                Notice::Dequeued { handle, .. } => {
                    let ended = self.dequeued.contains(handle);
                    ensure!(ended, "what a client is told is durable", "{message:?}");
                }
                Notice::SessionEnded { denial } => {
                    let known = matches!(denial.minor, minor::LEASE_LAPSED | minor::SESSION_EPOCH);
                    ensure!(known, "a session ends by a rule", "{message:?}");
                }
            },
            Message::Record(RecordText { text, sign, .. }) => {
                let read = verified(text, sign);
                let Ok(read) = read else {
                    ensure!(false, "a record verifies with the server's key", "{text}");
                    return Ok(());
                };
                let record = read.record();
                ensure!(
                    read.key() == self.record_key,
                    "a record verifies with the server's key",
                    "{record:?}"
                );
                let known = self.records.contains(&(record.handle, record.until, record.ends));
                ensure!(known, "what a client is told is durable", "{record:?}");
            }
            Message::Error(denial) => {
                ensure!(
                    denial.code != Code::InternalError,
                    "the engine does not contradict itself",
                    "{message:?}"
                );
            }
            _ => {}
        }
        Ok(())
    }

    /// The server says a line.
    pub(crate) fn said_line(&self, line: &str) -> Verdict {
        let known = [
            ("OK CHECKOUT ", &self.given),
            ("OK QUEUE ", &self.queued),
            ("* LOST ", &self.lost),
            ("* FREE ", &self.offered),
            ("* DEQUEUED ", &self.dequeued),
        ];
        for (words, handles) in known {
            if let Some(handle) = handle_behind(line, words) {
                ensure!(handles.contains(&handle), "what a client is told is durable", "{line}");
            }
        }
        if let Some(handle) = handle_behind(line, "OK CHECKIN ") {
            let back = self.returned.contains(&handle) || self.dequeued.contains(&handle);
            ensure!(back, "what a client is told is durable", "{line}");
        }
        let internal = format!("ERR {},", Code::InternalError.number());
        ensure!(!line.starts_with(&internal), "the engine does not contradict itself", "{line}");
        Ok(())
    }
}
