//! What administrators order.

use seatkeeper::event::{Removal, RemovalTarget, Removed};
use seatkeeper::ident::Handle;
use seatkeeper::wire::{ControlVerb, Purpose};

use super::super::client::Client;
use super::super::oracle::Verdict;
use super::super::server::Order;
use super::{World, pick};

impl World {
    pub(super) fn order(&mut self, verb: ControlVerb) -> Verdict {
        self.server.set_clock(self.now);
        if self.server.away_until > self.now {
            return Ok(());
        }
        let hello = Client::new(0).hello(Purpose::Ask, self.server.utc(self.now));
        self.server.control(hello, verb)?;
        self.after_server(None)
    }

    pub(super) fn reread(&mut self, book: usize, broken: bool) -> Verdict {
        if !broken {
            self.server.files = book;
        }
        self.server.set_clock(self.now);
        let Some(desk) = self.server.desk.as_mut().filter(|_| self.server.away_until <= self.now) else {
            return Ok(());
        };
        self.tally.rereads += 1;
        let ordered = if broken {
            // What can't be used never replaces what can.
            let rules = desk.rules();
            let same =
                self.books.iter().position(|book| std::sync::Arc::ptr_eq(&book.rules.policy, &rules.policy));
            desk.reread(&format!("book{}", same.unwrap_or(0)), &rules, Some("test.lic can't be read"))
        } else {
            desk.reread(&format!("book{book}"), &self.books[book].rules, None)
        };
        self.server.orders.push(Order::ByHand { ordered, in_vain: false });
        self.after_server(None)
    }

    pub(super) fn remove(&mut self, client: usize, feature: &str, nth: Option<usize>) -> Verdict {
        let client = &self.clients[client];
        let app = client.app.as_ref();
        let handle = nth.and_then(|nth| {
            let app = app?;
            let lent = client.shelf.all().map(|kept| &kept.record.handle);
            let handles: Vec<&Handle> =
                app.held.iter().chain(app.queue.values().map(|waits| &waits.handle)).chain(lent).collect();
            pick(handles.into_iter(), nth)
        });
        let target = match handle {
            Some(handle) => RemovalTarget::Handle(handle),
            None => RemovalTarget::Client {
                user: client.user.parse().unwrap(),
                host: client.host.parse().unwrap(),
                display: client.host.parse().unwrap(),
            },
        };
        let removal = Removal { feature: feature.parse().unwrap(), target };
        self.server.set_clock(self.now);
        let Some(desk) = self.server.desk.as_mut().filter(|_| self.server.away_until <= self.now) else {
            return Ok(());
        };
        let in_vain = match (handle, &removal.feature) {
            (Some(handle), feature) => {
                desk.state().seat(handle).is_some_and(|seat| seat.is_borrowed() && seat.feature == *feature)
            }
            (None, _) => false,
        };
        let ordered = desk.remove(&Removed { by: "ann@ws01".to_owned(), removal });
        self.server.orders.push(Order::ByHand { ordered, in_vain });
        self.after_server(None)
    }
}
