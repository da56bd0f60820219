//! What sockets can't easily be made to do.

use super::*;
use crate::event::debug_log::LogStyle;
use crate::event::{Claims, Event, Started};
use crate::ident::{Handle, Token};
use crate::license::LicenseFile;
use crate::platform::{LogSink, SystemClock};
use crate::sign::Manifest;
use crate::store::StoreConfig;
use crate::text::Source;
use crate::vendord::config::Limits;
use crate::vendord::origin::Origin;
use crate::vendord::projector::{self, Setting};
use crate::vendord::status::About;

fn line_identity() -> Identity {
    identity(SessionKind::Line)
}

fn identity(kind: SessionKind) -> Identity {
    let claims = Claims {
        user: "ann".parse().unwrap(),
        host: "ws01".parse().unwrap(),
        display: "ws01".parse().unwrap(),
        project: None,
        platform: None,
        hostids: Vec::new(),
        pid: None,
    };
    Identity::new(claims, "127.0.0.1".parse().unwrap(), kind)
}

/// A daemon that serves nothing, over a store in `dir`.
fn daemon(dir: &std::path::Path) -> (Daemon, Arc<Store>) {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let vendor: crate::ident::VendorName = "LGS".parse().unwrap();
    let host: crate::ident::Host = "ws01".parse().unwrap();
    let file = LicenseFile::parse(Source::new("none.lic", b""));
    let zone = jiff::tz::TimeZone::UTC;
    let inputs = [&file];
    let catalog = Arc::new(Catalog::build(&vendor, &inputs, &Manifest::demo(), &[], &zone));
    let (log, _) = LogSink::start(std::io::sink(), |lines| lines.to_string()).unwrap();
    let about = About { vendor: vendor.clone(), server_host: host.clone(), server_port: 27000 };
    let origin = Origin {
        licenses: Vec::new(),
        options: None,
        manifest: Manifest::demo(),
        manifest_file: None,
        zone: "UTC".into(),
        machine: Vec::new(),
        options_read: Timestamp(0),
        options_awaited: false,
        notes: Vec::new(),
    };
    let served = Served { catalog, policy: Arc::default(), origin: Arc::new(origin), about: Arc::new(about) };
    let setting = Setting {
        served: served.clone(),
        style: LogStyle::new("LGS", zone),
        log,
        cursor_dir: dir.to_owned(),
        clock: Arc::clone(&clock),
    };
    let (projector, _) = projector::start(setting).unwrap();
    let config = Config {
        vendor,
        license_files: Vec::new(),
        port: 0,
        listen: None,
        state_dir: dir.to_owned(),
        vendor_dirs: Vec::new(),
        server_host: host,
        options_file: None,
        server_port: 27000,
        zone: None,
        datestamp: false,
        supervised: false,
        local_only: false,
        options_again: Duration::from_secs(60),
        limits: Limits::default(),
    };
    let terms = LeaseTerms { lease: Duration::from_secs(300), close_grace: Duration::from_secs(5) };
    let daemon = Daemon::new(config, served, terms, projector, clock);
    let opened = crate::store::open(StoreConfig::new(dir), Box::new(|_| {})).unwrap();
    (daemon, Arc::new(opened.store))
}

#[test]
fn a_start_that_was_rolled_back_is_recorded_after_the_recovery() {
    let dir = tempfile::tempdir().unwrap();
    let (mut daemon, store) = daemon(dir.path());
    let session = SessionId([7; 16]);
    let mut left = State::default();
    let opened = crate::event::Opened { session, secret: Digest([0; 32]), identity: line_identity() };
    left.evolve(&Record { first: Seq(1), at: Timestamp(0), events: vec![Event::Opened(opened)] });
    let start = Command::Start(Started { version: "0".into(), zone: "UTC".into(), files: Vec::new() });
    daemon.begin(store, left.clone(), &start);
    assert!(!daemon.knows(session), "no socket of an earlier run is left");
    daemon.rolled_back("disk full");
    let served = daemon.served.clone();
    daemon.rebuilt(left, served);
    assert!(daemon.knows(session), "nothing has happened");
    daemon.recovered();
    assert!(!daemon.knows(session));
    let events: Vec<_> = daemon.batch.iter().flat_map(|record| &record.events).collect();
    assert!(matches!(events[..], [Event::Ended(_), Event::Started(_), Event::Marked(_)]), "{events:?}");
    daemon.committed(daemon.state.seq());
    assert!(daemon.start.is_none(), "once is enough");
}

#[test]
fn orders_that_change_something_come_from_here_where_only_this_machine_may_order() {
    let dir = tempfile::tempdir().unwrap();
    let (mut daemon, _store) = daemon(dir.path());
    daemon.administration.key = Some(crate::sign::AdminKey::new([7; 32]));
    let feature: crate::ident::FeatureName = "fx".parse().unwrap();
    let accept = wire::ControlVerb::AcceptClock;
    let recall = wire::ControlVerb::Recall { feature, handle: Handle(1) };
    let mut ordered = |local_only, address: &str, verb: &wire::ControlVerb| {
        daemon.config.local_only = local_only;
        let peer = Rc::new(Peer::new(None, address.parse().unwrap(), Limits::default(), Monotonic(0)));
        peer.set_nonce(Some([1; 32]));
        let (user, host) = ("ann".parse().unwrap(), "ws01".parse().unwrap());
        let mut control = wire::Control { verb: verb.clone(), user, host, nonce: [1; 32], proof: [0; 32] };
        control.proof = crate::sign::AdminKey::new([7; 32]).prove(&[1; 32], &control.proved_bytes());
        explaining::order(&mut daemon, &peer, 1, control).map_err(|denial| denial.code)
    };
    for verb in [accept, recall] {
        assert_eq!(ordered(true, "192.0.2.7", &verb), Err(Code::LocalOnly));
        assert_eq!(ordered(true, "127.0.0.1", &verb), Ok(()));
        assert_eq!(ordered(false, "192.0.2.7", &verb), Ok(()));
    }
}

#[test]
fn a_removal_that_was_rolled_back_has_not_happened_and_can_be_ordered_again() {
    let dir = tempfile::tempdir().unwrap();
    let (mut daemon, store) = daemon(dir.path());
    let session = SessionId([7; 16]);
    let identity = identity(SessionKind::Framed);
    let opened = crate::event::Opened { session, secret: Digest([0; 32]), identity: identity.clone() };
    let request = Checkout {
        token: Token(1),
        acknowledged: Token(0),
        feature: "fx".parse().unwrap(),
        version: "1.0".parse().unwrap(),
        count: crate::ident::Count::MIN,
        wishes: crate::event::Wishes::default(),
    };
    let out = crate::event::Out {
        session,
        identity,
        request,
        pool: crate::ident::PoolKey::new("fx 1"),
        handle: Handle(1),
        lines: [].into(),
        expires: None,
        demo: false,
        accounting: crate::event::Accounting::default(),
    };
    let mut left = State::default();
    let events = vec![Event::Opened(opened), Event::Out(Box::new(out))];
    left.evolve(&Record { first: Seq(1), at: Timestamp(0), events });
    let start = Command::Start(Started { version: "0".into(), zone: "UTC".into(), files: Vec::new() });
    daemon.begin(store, left.clone(), &start);
    let target = crate::event::RemovalTarget::Handle(Handle(1));
    let removal = crate::event::Removal { feature: "fx".parse().unwrap(), target };
    let order = crate::event::Removed { by: "root@srv".into(), removal };
    let mut answer = daemon.remove(&order);
    assert!(answer.try_recv().is_err(), "it waits for the disk");
    daemon.rolled_back("disk full");
    assert_eq!(answer.try_recv().unwrap().refused.unwrap().code, Code::AskAgain);
    let served = daemon.served.clone();
    daemon.rebuilt(left, served);
    assert_eq!(daemon.remove(&order).try_recv().unwrap().refused.unwrap().code, Code::StoreUnavailable);
    daemon.recovered();
    let mut answer = daemon.remove(&order);
    daemon.committed(daemon.state.seq());
    let answer = answer.try_recv().unwrap();
    assert_eq!((answer.lines, answer.refused), (vec!["removed: fx ann ws01 ws01 1, 1 license".into()], None));
    // Nothing is recorded of an order that fits nothing, and its answer waits for nothing.
    let refused = daemon.remove(&order).try_recv().unwrap().refused.unwrap();
    assert_eq!(refused.code, Code::NeverCheckedOut);
}

// ---- who loses his session by silence hears of it when that is durable ---------------------------------------------------

/// A daemon that serves, and what of it is on the disk.
struct Serving {
    daemon: Daemon,
    durable: State,
}

impl Serving {
    fn new(dir: &std::path::Path) -> Self {
        let (mut daemon, store) = daemon(dir);
        let start = Command::Start(Started { version: "0".into(), zone: "UTC".into(), files: Vec::new() });
        daemon.begin(store, State::default(), &start);
        let mut it = Self { daemon, durable: State::default() };
        it.commit();
        it
    }

    fn commit(&mut self) {
        self.durable = self.daemon.state.clone();
        self.daemon.committed(self.durable.seq());
    }

    fn roll_back(&mut self) {
        self.daemon.rolled_back("disk full");
        let served = self.daemon.served.clone();
        self.daemon.rebuilt(self.durable.clone(), served);
    }
}

fn peer() -> Rc<Peer> {
    Rc::new(Peer::new(None, "127.0.0.1".parse().unwrap(), Limits::default(), Monotonic(0)))
}

/// What a peer was told since it was asked last.
fn told(peer: &Peer) -> Vec<wire::Message> {
    let mut bytes = bytes::BytesMut::new();
    peer.with_output(|output| bytes = output.split());
    std::iter::from_fn(|| wire::decode(&mut bytes).unwrap()).map(|frame| frame.message.unwrap()).collect()
}

fn welcomed(peer: &Peer) -> SessionTerms {
    let told = told(peer);
    let [wire::Message::Welcome(welcome)] = &told[..] else { panic!("{told:?}") };
    welcome.session.clone().unwrap()
}

fn ended(peer: &Peer) -> Code {
    let told = told(peer);
    let [wire::Message::Notice(wire::Notice::SessionEnded { denial })] = &told[..] else {
        panic!("{told:?}")
    };
    denial.code
}

#[test]
fn a_lapse_is_told_when_it_is_durable_and_not_at_all_if_it_is_rolled_back() {
    let dir = tempfile::tempdir().unwrap();
    let mut it = Serving::new(dir.path());
    let ann = peer();
    it.daemon.open(&ann, 1, identity(SessionKind::Framed), None);
    it.commit();
    let session = welcomed(&ann).id;
    it.daemon.leases.finish(session, EndReason::LeaseLapsed);
    it.daemon.reap();
    assert!(!it.daemon.knows(session));
    assert_eq!(told(&ann), [], "it may not have happened after the next start");
    it.roll_back();
    assert_eq!((told(&ann), ann.session()), (Vec::new(), Some(session)));
    it.daemon.recovered();
    assert!(!it.daemon.knows(session), "a lapse is not forgotten");
    it.commit();
    assert_eq!((ended(&ann), ann.session()), (Code::SessionEnded, None));
}
