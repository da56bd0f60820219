//! Orders that vendor daemons answer over the pipe: lmremove, and before lmdown the question whether anything speaks against it
//! (`flexnet-tools.md` 2.9, 2.11). Several may be under way at a time.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;

use super::conversation::{Done, Order};
use super::manager::Manager;
use super::vendor::State;
use crate::code::{Code, minor};
use crate::event::{Denial, Removal, Removed};
use crate::ident::VendorName;
use crate::wire::ControlVerb;
use crate::wire::pipe::ManagerLine;

/// How long a vendor daemon may take to remove something: it waits for its disk.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long vendor daemons may take to say whether they may be stopped. DECISION: one that does not answer is stopped, or nobody
/// could end a server that hangs.
const STOP_PATIENCE: Duration = Duration::from_secs(5);
/// Orders that may be under way.
const UNDER_WAY_MAX: usize = 64;

/// Orders of which not all answers have come.
#[derive(Default)]
pub(super) struct Forwards {
    under_way: Vec<Forward>,
    /// Orders to end that nothing speaks against.
    agreed: VecDeque<Order>,
    last: u32,
}

struct Forward {
    number: u32,
    what: What,
    /// Vendor daemons that have not answered.
    waiting: BTreeSet<VendorName>,
    lines: Vec<String>,
    refused: Option<Denial>,
    deadline: Instant,
}

/// What becomes of the answer.
enum What {
    /// Whoever ordered it is told.
    Remove { who: String, reply: oneshot::Sender<Result<Done, Denial>> },
    /// The server ends, or not.
    Down(Order),
}

impl Forwards {
    /// When the next order is given up.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.under_way.iter().map(|forward| forward.deadline).min()
    }

    /// The next order to end that nothing speaks against.
    pub(super) fn agreed(&mut self) -> Option<Order> {
        self.agreed.pop_front()
    }

    /// A number for the next order; rereads have theirs from here too.
    pub(super) fn number(&mut self) -> u32 {
        self.last = self.last.wrapping_add(1);
        self.last
    }

    fn begin(&mut self, what: What, waiting: BTreeSet<VendorName>, patience: Duration) {
        let deadline = Instant::now() + patience;
        let (lines, refused) = (Vec::new(), None);
        self.under_way.push(Forward { number: self.last, what, waiting, lines, refused, deadline });
    }
}

impl Manager {
    /// Somebody who has proved the administrator's key wants licenses taken back.
    pub(super) fn remove_asked(&mut self, order: Order, vendor: &VendorName, removal: &Removal) {
        let who = format!("{}@{}", order.user, order.host);
        let outcome = self.forward_removal(vendor, &who, removal);
        match outcome {
            Ok(()) => {
                let what = What::Remove { who, reply: order.reply };
                self.forwards.begin(what, [vendor.clone()].into(), PATIENCE);
            }
            Err(denial) => {
                self.log.say(&format!("REMOVE request from {who} refused: {denial} {}", denial.note));
                // Whoever asked may have gone, here and below.
                let _ = order.reply.send(Err(denial));
            }
        }
    }

    fn forward_removal(&mut self, vendor: &VendorName, who: &str, removal: &Removal) -> Result<(), Denial> {
        let order = self.forwards.number();
        let known = self.vendors.iter().find(|known| known.name() == vendor).ok_or_else(|| {
            let note = format!("this server has no vendor daemon {vendor}");
            Denial::new(Code::VendorDown, minor::VENDOR_UNKNOWN, &note)
        })?;
        let State::Up(running, _) = &known.state else {
            let note = format!("{vendor} is not running");
            return Err(Denial::new(Code::VendorDown, minor::VENDOR_DOWN, &note));
        };
        let removed = Removed { by: who.to_owned(), removal: removal.clone() };
        let line = ManagerLine::Remove { order, removed };
        if self.forwards.under_way.len() >= UNDER_WAY_MAX || !running.order(line) {
            let note = "too many orders wait";
            return Err(Denial::new(Code::ServerBusy, minor::WRITER_BUSY, note));
        }
        Ok(())
    }

    /// Somebody who has proved the administrator's key wants the server, or one vendor daemon of it, to end. Unless that is forced,
    /// the vendor daemons are asked first; gives back what can be carried out at once.
    pub(super) fn down_asked(&mut self, order: Order) -> Option<Order> {
        let ControlVerb::Shutdown { vendor, force: false } = &order.verb else { return Some(order) };
        let meant = |name: &VendorName| vendor.as_ref().is_none_or(|only| only == name);
        let number = self.forwards.number();
        let mut waiting = BTreeSet::new();
        for vendor in self.vendors.iter().filter(|vendor| meant(vendor.name())) {
            if let State::Up(running, _) = &vendor.state
                && running.order(ManagerLine::MayStop { order: number })
            {
                waiting.insert(vendor.name().clone());
            }
        }
        if waiting.is_empty() || self.forwards.under_way.len() >= UNDER_WAY_MAX {
            return Some(order);
        }
        self.forwards.begin(What::Down(order), waiting, STOP_PATIENCE);
        None
    }

    /// A line of a vendor daemon's answer.
    pub(super) fn forward_said(&mut self, name: &VendorName, order: u32, text: &str) {
        if let Some(forward) = self.awaited(name, order) {
            forward.lines.push(text.to_owned());
        }
    }

    /// The end of a vendor daemon's answer.
    pub(super) fn forward_answered(&mut self, name: &VendorName, order: u32, refused: Option<Denial>) {
        if let Some(forward) = self.awaited(name, order) {
            forward.waiting.remove(name);
            if let Some(refused) = refused {
                forward.refused.get_or_insert(refused);
            }
            self.forwards_complete();
        }
    }

    fn awaited(&mut self, name: &VendorName, order: u32) -> Option<&mut Forward> {
        let mut forwards = self.forwards.under_way.iter_mut();
        forwards.find(|forward| forward.number == order && forward.waiting.contains(name))
    }

    /// A vendor daemon is gone and will not answer.
    pub(super) fn forward_lost(&mut self, name: &VendorName) {
        for forward in &mut self.forwards.under_way {
            if forward.waiting.remove(name) && matches!(forward.what, What::Remove { .. }) {
                let note = format!("{name} ended before it had answered; lmstat -a shows what it has done");
                forward.refused.get_or_insert(Denial::new(Code::VendorDown, minor::VENDOR_DOWN, &note));
            }
        }
        self.forwards_complete();
    }

    /// Some answer has taken too long.
    pub(super) fn forward_late(&mut self) {
        let now = Instant::now();
        for forward in self.forwards.under_way.iter_mut().filter(|forward| forward.deadline <= now) {
            for name in std::mem::take(&mut forward.waiting) {
                match &forward.what {
                    What::Remove { .. } => {
                        let note = format!("{name} did not answer; lmstat -a shows what it has done");
                        let denial = Denial::new(Code::VendorTimeout, minor::ANSWER_TIMEOUT, &note);
                        forward.refused.get_or_insert(denial);
                    }
                    What::Down(_) => self.log.say(&format!("{name} does not say whether it may be stopped")),
                }
            }
        }
        self.forwards_complete();
    }

    /// Ends those orders for which nobody is waited for any more.
    fn forwards_complete(&mut self) {
        let (done, under_way) = std::mem::take(&mut self.forwards.under_way)
            .into_iter()
            .partition(|forward| forward.waiting.is_empty());
        self.forwards.under_way = under_way;
        let done: Vec<Forward> = done;
        for Forward { what, lines, refused, .. } in done {
            match (what, refused) {
                (What::Remove { reply, .. }, None) => {
                    let _ = reply.send(Ok(Done { lines, refused: None }));
                }
                (What::Remove { who, reply }, Some(denial)) => {
                    self.log.say(&format!("REMOVE request from {who} refused: {denial} {}", denial.note));
                    let answer = if lines.is_empty() {
                        Err(denial)
                    } else {
                        Ok(Done { lines, refused: Some(denial) })
                    };
                    let _ = reply.send(answer);
                }
                (What::Down(order), None) => self.forwards.agreed.push_back(order),
                (What::Down(order), Some(denial)) => {
                    self.log.say(&format!(
                        "SHUTDOWN request from {} at node {} refused: {denial} {}",
                        order.user, order.host, denial.note
                    ));
                    let _ = order.reply.send(Err(denial));
                }
            }
        }
    }
}
