//! Requests that wait, as far as a log tells of them: one line when a request begins to, one when it ends. What it ended with stands
//! on the next line, if anywhere.

use super::super::line::{Seats, numbers};
use super::{Open, Unnameable, denial, request};
use crate::code::Code;
use crate::event::{DequeueReason, Dequeued, Event, Opened, Queued, Queueing};
use crate::ident::{Count, FeatureName, Handle, SessionId, Token};

/// A request that has left the queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Left {
    /// User, `@` and host as they stand in the log.
    client: Box<str>,
    feature: FeatureName,
    count: u32,
    session: SessionId,
    pub(in super::super) token: Token,
    entry: Handle,
}

impl Left {
    /// Whether a line tells of the same client, feature and count.
    pub(in super::super) fn is_of(&self, seats: &Seats<'_>) -> bool {
        *self.client == *seats.client && self.feature.as_str() == seats.feature && self.count == seats.count
    }

    /// Why it got nothing, from the line that explains it; none if that is no reason.
    pub(in super::super) fn because(&self, note: &str) -> Option<Event> {
        let (text, numbers) = numbers(note);
        numbers.and_then(|(number, _)| Code::from_number(number))?;
        let denial = denial(text, numbers);
        let why = match denial.code {
            Code::HoldLapsed => DequeueReason::Lapsed(denial),
            Code::UserRemoved => DequeueReason::Removed(denial),
            _ => DequeueReason::Impossible(denial),
        };
        Some(dequeued(self.session, self.token, self.entry, why))
    }
}

pub(super) fn dequeued(session: SessionId, token: Token, entry: Handle, why: DequeueReason) -> Event {
    Event::Dequeued(Box::new(Dequeued { session, token, entry, offer: None, why }))
}

impl Open {
    /// A request waits.
    pub(in super::super) fn queued(
        &mut self,
        seats: &Seats<'_>,
    ) -> Result<(Option<Opened>, Queued), Unnameable> {
        let feature = self.feature(seats.feature)?;
        let count = Count::new(seats.count).ok_or(Unnameable)?;
        let opened = self.meet(seats.client)?;
        let client = self.clients.get_mut(seats.client).ok_or(Unnameable)?;
        let mut request = request(client.next_token(), &feature, count)?;
        request.wishes.queue = Some(Queueing::default());
        self.last_handle = self.last_handle.saturating_add(1);
        let handle = Handle(self.last_handle);
        client.waits.entry(feature).or_default().add(handle, seats.count);
        client.waiting.insert(handle, request.token);
        self.waiting = self.waiting.saturating_add(1);
        let (session, identity) = (client.session, client.identity.clone());
        Ok((opened, Queued { session, identity, request, handle }))
    }

    /// A request waits no more: the oldest one of this client and feature for so many licenses, else the oldest one.
    pub(in super::super) fn dequeued(&mut self, seats: &Seats<'_>) -> Option<Left> {
        let waits = self.clients.get(seats.client)?.waits.get(seats.feature)?;
        let oldest = || waits.oldest().map(|(handle, _)| handle);
        let entry = waits.oldest_of(seats.count).or_else(oldest)?;
        self.leave(seats, entry)
    }

    /// The oldest request of this client and feature for just so many licenses waits no more, if there is any.
    pub(in super::super) fn dequeued_exactly(&mut self, seats: &Seats<'_>) -> Option<Left> {
        let entry = self.clients.get(seats.client)?.waits.get(seats.feature)?.oldest_of(seats.count)?;
        self.leave(seats, entry)
    }

    fn leave(&mut self, seats: &Seats<'_>, entry: Handle) -> Option<Left> {
        let client = self.clients.get_mut(seats.client)?;
        let waits = client.waits.get_mut(seats.feature)?;
        let count = waits.rest.get(&entry).copied()?;
        waits.take(entry, count);
        if waits.rest.is_empty() {
            client.waits.remove(seats.feature);
        }
        let token = client.waiting.remove(&entry)?;
        self.waiting = self.waiting.saturating_sub(1);
        let feature = self.features.get(seats.feature)?.clone();
        Some(Left { client: seats.client.into(), feature, count, session: client.session, token, entry })
    }

    /// A request that left the queue and got nothing, as far as the log says: its client gave up.
    pub(in super::super) fn gave_up(&mut self, left: &Left) -> Event {
        let client = self.clients.get_mut(&left.client).filter(|client| client.session == left.session);
        let token = client.map_or(left.token, super::Client::next_token);
        let acknowledged = Token(token.0.saturating_sub(1));
        dequeued(left.session, left.token, left.entry, DequeueReason::Cancelled { token, acknowledged })
    }
}
