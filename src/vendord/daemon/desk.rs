//! The daemon without sockets, disk, threads and chance: a caller moves its bytes, says what is durable and how late it is.
//! `tests/sim.rs` plays with it what can happen to a server; everything that decides is what clients meet.

use std::cell::{Cell, Ref, RefCell};
use std::net::IpAddr;
use std::path::PathBuf;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::time::Duration;

use bytes::BytesMut;
use tokio::sync::oneshot;

use super::{Daemon, Served, Shared};
use crate::catalog::Catalog;
use crate::code::minor;
use crate::event::{Denial, Event, Record, Removed, Started};
use crate::ident::{Host, Seq, SessionId, VendorName};
use crate::policy::Policy;
use crate::seat::{Command, State, Usage};
use crate::session::server::LeaseTerms;
use crate::sign::{AdminKey, Manifest, SigningKey};
use crate::store::Disk;
use crate::time::{Clock, Timestamp};
use crate::vendord::config::{Config, Limits};
use crate::vendord::connection::{Peer, by_hand};
use crate::vendord::origin::Origin;
use crate::vendord::projector::{self, Task};
use crate::vendord::random::Random;
use crate::vendord::reread::Read;
use crate::vendord::rereading::{Answer, Order};
use crate::vendord::status::About;

/// Records that the disk takes at a time, as with a real one.
const RECORDS_MAX: usize = 16_384;

/// Licenses, and who may have them.
#[derive(Debug, Clone)]
pub struct Rulebook {
    /// The licenses.
    pub catalog: Arc<Catalog>,
    /// Compiled for this catalog.
    pub policy: Arc<Policy>,
}

/// One connection.
pub struct Line {
    peer: Rc<Peer>,
    input: BytesMut,
    at_end: bool,
    over: bool,
}

/// What the daemon has sent over a connection.
#[derive(Debug, Default)]
pub struct Sent {
    /// In order.
    pub bytes: Vec<u8>,
    /// The daemon has closed the connection behind it.
    pub closed: bool,
}

/// What a daemon is for its whole life.
#[derive(Debug, Clone)]
pub struct Setting {
    /// Whose licenses are served.
    pub vendor: VendorName,
    /// Host of the SERVER line.
    pub host: Host,
    /// How long sessions last.
    pub terms: LeaseTerms,
    /// The administrator's key.
    pub key: [u8; 32],
    /// The key of the state directory, which signs records of borrows; none and nothing is lent.
    pub record_key: Option<SigningKey>,
    /// Stands for chance.
    pub seed: u64,
}

/// The answer to an order.
pub struct Ordered(oneshot::Receiver<Answer>);

impl Ordered {
    /// What came of it: done, or refused; none as long as it waits for the disk.
    pub fn answer(&mut self) -> Option<Result<(), Denial>> {
        self.0.try_recv().ok().map(|answer| answer.refused.map_or(Ok(()), Err))
    }
}

/// See the module.
pub struct Desk {
    shared: Shared,
    disk: Disk,
    peers: Vec<Weak<Peer>>,
    durable: State,
    /// What is served as far as it is durable.
    served: Served,
    _tasks: Receiver<Task>,
}

impl Desk {
    /// A daemon that has found `state` in its history and begins to serve.
    #[must_use]
    pub fn begin(
        setting: &Setting,
        rules: &Rulebook,
        clock: Arc<dyn Clock>,
        state: State,
        started: Started,
    ) -> Self {
        let (projector, tasks) = projector::by_hand();
        let served = first_reading(setting, rules);
        let mut daemon = Daemon::new(config(setting), served.clone(), setting.terms, projector, clock);
        daemon.random = Random::Seeded(Cell::new(setting.seed));
        daemon.administration.key = Some(AdminKey::new(setting.key));
        daemon.sign_with(setting.record_key.clone());
        let (store, disk) = Disk::new(RECORDS_MAX);
        let durable = state.clone();
        daemon.begin(Arc::new(store), state, &Command::Start(started));
        Self {
            shared: Rc::new(RefCell::new(daemon)),
            disk,
            peers: Vec::new(),
            durable,
            served,
            _tasks: tasks,
        }
    }

    // ---- connections ------------------------------------------------------------------------------------------------

    /// A client has connected.
    pub fn connect(&mut self, address: IpAddr) -> Line {
        let (limits, now) = {
            let daemon = self.shared.borrow();
            (daemon.config.limits, daemon.now().mono)
        };
        let peer = Rc::new(Peer::new(None, address, limits, now));
        self.peers.push(Rc::downgrade(&peer));
        Line { peer, input: BytesMut::new(), at_end: false, over: false }
    }

    /// Bytes have come over a connection. They are handled at the next [`Self::turn`].
    pub fn receive(&mut self, line: &mut Line, bytes: &[u8]) {
        line.input.extend_from_slice(bytes);
    }

    /// The client has closed, so that nothing more comes.
    pub fn end_of_input(&mut self, line: &mut Line) {
        line.at_end = true;
    }

    /// The connection was reset: nothing more comes or goes.
    pub fn reset(&mut self, line: &mut Line) {
        if !std::mem::replace(&mut line.over, true) {
            by_hand::end(&self.shared, &line.peer, false);
        }
    }

    /// Handles what has come, and gives what is to be sent.
    pub fn turn(&mut self, line: &mut Line) -> Sent {
        if line.over {
            return Sent::default();
        }
        let turned = by_hand::turn(&self.shared, &line.peer, &mut line.input, line.at_end);
        if let Some(by_us) = turned.over {
            line.over = true;
            by_hand::end(&self.shared, &line.peer, by_us);
        }
        Sent { bytes: turned.sent, closed: line.over }
    }

    // ---- time -------------------------------------------------------------------------------------------------------

    /// Time has passed; due twice a second, after connections had their turn.
    pub fn tick(&mut self) {
        let now = self.shared.borrow().now().mono;
        self.peers.retain(|peer| peer.strong_count() > 0);
        self.peers.iter().filter_map(Weak::upgrade).for_each(|peer| peer.check_deadline(now));
        self.shared.borrow_mut().tick();
    }

    // ---- the disk -----------------------------------------------------------------------------------------------------

    /// The records of the next commit, at most so many. They are on their way to the disk from now on.
    pub fn write(&mut self, most: usize) -> Vec<Record> {
        self.shared.borrow_mut().submit();
        self.disk.take(most)
    }

    /// These are durable; they are all that [`Self::write`] gave.
    pub fn committed(&mut self, records: &[Record]) {
        for record in records {
            self.durable.evolve(record);
            let reread = record.events.iter().position(|event| matches!(event, Event::Reread(_)));
            let announced = reread.and_then(|index| {
                let seq = Seq(record.first.0.saturating_add(index as u64));
                self.shared.borrow().projector.announced(seq)
            });
            if let Some(served) = announced {
                self.served = served;
            }
        }
        if let Some(last) = records.last() {
            self.shared.borrow_mut().committed(last.last());
        }
    }

    /// The disk takes nothing more: what was on its way to it, or is decided and not durable, has not happened.
    pub fn rolled_back(&mut self, reason: &str) {
        self.disk.fail();
        self.shared.borrow_mut().rolled_back(reason);
    }

    /// The state is as it is on the disk, after [`Self::rolled_back`].
    pub fn rebuilt(&mut self) {
        self.shared.borrow_mut().rebuilt(self.durable.clone(), self.served.clone());
    }

    /// The disk takes records again.
    pub fn recovered(&mut self) {
        self.disk.recovered();
        self.shared.borrow_mut().recovered();
    }

    // ---- orders -------------------------------------------------------------------------------------------------------

    /// An administrator has other files read. `kept` says what of them could not be taken over.
    pub fn reread(&mut self, by: &str, rules: &Rulebook, kept: Option<&str>) -> Ordered {
        let order = Order { who: by.to_owned(), force: false, automatic: false, sources: None, reply: None };
        let mut daemon = self.shared.borrow_mut();
        let served = Served {
            catalog: Arc::clone(&rules.catalog),
            policy: Arc::clone(&rules.policy),
            ..daemon.served().clone()
        };
        let kept = kept.map(|why| (minor::REREAD_FAILED, why.to_owned())).into_iter().collect();
        let read = Read { served, lines: Vec::new(), messages: Vec::new(), kept };
        Ordered(daemon.reread(&order, read))
    }

    /// An administrator takes licenses back.
    pub fn remove(&mut self, order: &Removed) -> Ordered {
        Ordered(self.shared.borrow_mut().remove(order))
    }

    /// The daemon is to end in order, once it [is settled](Self::settled).
    pub fn stop(&mut self, by: &str) {
        self.shared.borrow_mut().stop(by);
    }

    /// Whether everything that was decided is durable, or nothing can be made so.
    #[must_use]
    pub fn settled(&self) -> bool {
        self.shared.borrow().settled()
    }

    /// The end in order: every connection is closed at its next [`Self::turn`].
    pub fn close_all(&mut self) {
        self.peers.iter().filter_map(Weak::upgrade).for_each(|peer| peer.shut_down());
    }

    // ---- what it knows --------------------------------------------------------------------------------------------------

    /// The session that goes on over a connection, as far as is decided.
    #[must_use]
    pub fn session_on(&self, line: &Line) -> Option<SessionId> {
        line.peer.session()
    }

    /// The state, which runs ahead of the disk.
    #[must_use]
    pub fn state(&self) -> Ref<'_, State> {
        Ref::map(self.shared.borrow(), |daemon| &daemon.state)
    }

    /// The state as it is on the disk.
    #[must_use]
    pub fn durable(&self) -> &State {
        &self.durable
    }

    /// What is served, ahead of the disk.
    #[must_use]
    pub fn rules(&self) -> Rulebook {
        let daemon = self.shared.borrow();
        let Served { catalog, policy, .. } = daemon.served();
        Rulebook { catalog: Arc::clone(catalog), policy: Arc::clone(policy) }
    }

    /// Whether what is counted along the way of the policy's limits and reservations is what the state comes to.
    #[must_use]
    pub fn usage_is_true(&self) -> bool {
        let daemon = self.shared.borrow();
        let Served { catalog, policy, .. } = daemon.served();
        daemon.usage == Usage::rebuild(&daemon.state, catalog, policy)
    }

    /// How many sessions have a lease.
    #[must_use]
    pub fn leases(&self) -> usize {
        self.shared.borrow().leases.len()
    }
}

fn config(setting: &Setting) -> Config {
    Config {
        vendor: setting.vendor.clone(),
        license_files: Vec::new(),
        port: 0,
        listen: None,
        state_dir: PathBuf::new(),
        vendor_dirs: Vec::new(),
        server_host: setting.host.clone(),
        options_file: None,
        server_port: 27000,
        zone: None,
        datestamp: false,
        supervised: false,
        local_only: false,
        options_again: Duration::from_secs(60),
        limits: Limits::default(),
    }
}

fn first_reading(setting: &Setting, rules: &Rulebook) -> Served {
    let origin = Origin {
        licenses: Vec::new(),
        options: None,
        manifest: Manifest::demo(),
        manifest_file: None,
        zone: "UTC".to_owned(),
        machine: Vec::new(),
        options_read: Timestamp(0),
        options_awaited: false,
        notes: Vec::new(),
    };
    let (vendor, server_host) = (setting.vendor.clone(), setting.host.clone());
    Served {
        catalog: Arc::clone(&rules.catalog),
        policy: Arc::clone(&rules.policy),
        origin: Arc::new(origin),
        about: Arc::new(About { vendor, server_host, server_port: 27000 }),
    }
}
