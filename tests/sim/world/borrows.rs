//! Machines that take licenses along, and orders about them.

use seatkeeper::client::kept::Condition;
use seatkeeper::ident::Digest;
use seatkeeper::wire::Purpose;

use super::super::client::{App, Greeting, Wish};
use super::super::oracle::Verdict;
use super::super::visit::{Business, Dies, Visit};
use super::{World, today};

impl World {
    /// One of those that a machine keeps.
    pub(super) fn kept(&self, machine: usize, nth: usize) -> Option<Digest> {
        let names: Vec<Digest> = self.clients[machine].shelf.names().collect();
        names.get(nth % names.len().max(1)).copied()
    }

    /// A program of a machine begins that meets the server about a borrow.
    pub(super) fn visit(&mut self, machine: usize, business: Business, dies: Option<Dies>) -> Verdict {
        let owner = &self.clients[machine];
        if owner.away_until > self.now {
            return Ok(());
        }
        let mut client = owner.beside();
        let clocks = (client.look(self.now), client.mono(self.now));
        let mut app = App::new();
        app.greeting = Some(Greeting { since: clocks.1, new: true });
        app.visit = Some(Box::new(Visit::new(business, dies, self.dice.bytes(), clocks)));
        let hello = client.hello(Purpose::New, today(self.now));
        client.app = Some(app);
        self.clients.push(client);
        self.grant_wishes(self.clients.len() - 1, vec![Wish::Connect(hello)])
    }

    /// Nobody gives back what another program uses or gives back.
    pub(super) fn give_back(&mut self, machine: usize, name: Digest) -> Verdict {
        if self.locked(machine).contains(&name) {
            return Ok(());
        }
        self.visit(machine, Business::Return { name }, None)
    }

    /// What programs of a machine give back at the moment.
    pub(super) fn locked(&self, machine: usize) -> Vec<Digest> {
        let visits = self.clients.iter().filter(|client| client.machine == machine);
        visits.filter_map(|client| client.app.as_ref()?.visit.as_ref()?.locks()).collect()
    }

    /// An application looks for a seat in what is borrowed.
    pub(super) fn work(&mut self, machine: usize, nth: usize) -> Verdict {
        let Some(name) = self.kept(machine, nth) else { return Ok(()) };
        let look = self.clients[machine].look(self.now);
        let judged = self.clients[machine].shelf.change(name, |kept| {
            let now = kept.look(look);
            (kept.condition, kept.is_half_over(now))
        });
        match judged {
            Some((Condition::Held, false)) | None => Ok(()),
            Some(_) => self.visit(machine, Business::Renew { name, ends: None }, None),
        }
    }
}
