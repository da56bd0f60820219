//! Applications begin, say goodbye, are copied, and have their messages repeated and their connections reset.

use seatkeeper::time::Monotonic;
use seatkeeper::wire::{self, Message, Purpose};

use super::super::client::{App, Client, Greeting, Wish};
use super::super::network::{End, Parcel};
use super::super::oracle::Verdict;
use super::{World, today};

impl World {
    pub(super) fn with_app(
        &mut self,
        client: usize,
        act: impl FnOnce(&mut App, Monotonic, &mut Vec<Wish>),
    ) -> Verdict {
        let number = client % self.plan.clients;
        let now = self.now;
        let client = &mut self.clients[number];
        let mono = client.mono(now);
        let mut wishes = Vec::new();
        if client.away_until <= now
            && let Some(app) = client.app.as_mut().filter(|app| app.farewell.is_none())
        {
            act(app, mono, &mut wishes);
        }
        self.grant_wishes(number, wishes)
    }

    pub(super) fn begin_app(&mut self, number: usize) -> Verdict {
        let utc = today(self.now);
        let client = &mut self.clients[number];
        let since = client.mono(self.now);
        let mut app = App::new();
        app.greeting = Some(Greeting { since, new: true });
        let hello = client.hello(Purpose::New, utc);
        client.app = Some(app);
        self.grant_wishes(number, vec![Wish::Connect(hello)])
    }

    pub(super) fn goodbye(&mut self, client: usize) -> Verdict {
        self.with_app(client, |app, now, wishes| match &app.session {
            Some(session) if session.is_up() => {
                app.farewell = Some(now);
                wishes.push(Wish::Send(Message::Goodbye));
            }
            _ => wishes.extend([Wish::Close, Wish::End]),
        })
    }

    pub(super) fn copy(&mut self, number: usize) {
        let now = self.now;
        let mut thief = Client { machine: self.clients.len(), ..Client::new(number) };
        let mono = thief.mono(now);
        let Some(app) = self.clients[number].app.as_mut() else { return };
        let Some(copy) = App::copy_of(app, mono) else { return };
        app.copied = true;
        thief.app = Some(copy);
        self.tally.copies += 1;
        self.clients.push(thief);
    }

    pub(super) fn replay(&mut self, number: usize, nth: usize) {
        let client = &self.clients[number];
        let Some(app) = client.app.as_ref().filter(|app| app.greeting.is_none()) else { return };
        let (Some(connection), Some(terms)) = (app.connection, &app.terms) else { return };
        let old = client.sent.iter().rev().filter(|sent| {
            sent.session == terms.id
                && !app.traceless.contains(&sent.token)
                && !app.waiters.contains_key(&sent.token)
                // A client that waits asks after it by itself, once at a time.
                && !app.queue.contains_key(&sent.token)
                && (sent.anew == self.anew || !app.denied.contains(&sent.token))
        });
        let many = old.clone().count();
        let sent = (many > 0).then(|| old.clone().nth(nth % many)).flatten();
        let Some(message) = sent.map(|sent| sent.message.clone()) else { return };
        let mut bytes = bytes::BytesMut::new();
        wire::encode(&message, 0x7FFF_0000, &mut bytes).unwrap();
        self.transmit(connection, End::Server, Parcel::Bytes(bytes.to_vec(), Some(Box::new(message))));
    }

    pub(super) fn reset(&mut self, number: usize) {
        if let Some(connection) = self.clients[number].app.as_ref().and_then(|app| app.connection) {
            self.transmit(connection, End::Server, Parcel::Rst);
            self.transmit(connection, End::Client, Parcel::Rst);
        }
    }
}
