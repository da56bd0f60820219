//! A workbench for the engine: a catalog from license text, and commands by name of the session.

use std::collections::BTreeMap;
use std::sync::Arc;

use seatkeeper::catalog::Catalog;
use seatkeeper::event::{
    Answer, Checkin, Checkout, Claims, Denial, EndReason, Event, Identity, Record, Reread, RereadCause,
    SessionKind, Started,
};
use seatkeeper::ident::{Count, Digest, Handle, SessionId, Token};
use seatkeeper::license::LicenseFile;
use seatkeeper::options::OptionsFile;
use seatkeeper::policy::Policy;
use seatkeeper::seat::{
    Command, Decision, Looked, Reply, Resume, Rules, State, Tenure, Usage, check, decide, next_wakeup,
    serving_due_in, tick_due_in,
};
use seatkeeper::sign::Manifest;
use seatkeeper::text::Source;
use seatkeeper::time::{Monotonic, Now, Timestamp};

use crate::signed::sign;

/// 15-jun-2026, the day of all cases, at noon.
pub(crate) const TODAY: Timestamp = Timestamp(1_781_524_800_000);

/// Builds a catalog from lines without signatures: each is signed with the demo key.
pub(crate) fn catalog(lines: &str) -> Catalog {
    catalog_of(&format!("SERVER srv ANY 27000\nVENDOR LGS\n{lines}\n"))
}

pub(crate) fn catalog_of(text: &str) -> Catalog {
    built(&[text.to_owned()], &Manifest::demo())
}

/// Builds a catalog from files with these lines; they are called a.lic, b.lic and so on.
pub(crate) fn catalog_of_files(files: &[&str]) -> Catalog {
    catalog_under(files, &Manifest::demo())
}

pub(crate) fn catalog_under(files: &[&str], manifest: &Manifest) -> Catalog {
    let whole = |lines: &&str| format!("SERVER srv ANY 27000\nVENDOR LGS\n{lines}\n");
    built(&files.iter().map(whole).collect::<Vec<_>>(), manifest)
}

fn built(texts: &[String], manifest: &Manifest) -> Catalog {
    let parse = |(text, letter): (&String, char)| {
        LicenseFile::parse(Source::new(&format!("{letter}.lic"), sign(text).as_bytes()))
    };
    let files: Vec<LicenseFile> = texts.iter().zip('a'..).map(parse).collect();
    let inputs: Vec<&LicenseFile> = files.iter().collect();
    Catalog::build(&manifest.vendor, &inputs, manifest, &[], &jiff::tz::TimeZone::UTC)
}

/// State and catalog under test, with the whole history.
pub(crate) struct Bench {
    pub(crate) catalog: Catalog,
    pub(crate) policy: Policy,
    pub(crate) usage: Usage,
    pub(crate) state: State,
    pub(crate) history: Vec<Record>,
    pub(crate) now: Now,
    pub(crate) looked: Looked,
    names: BTreeMap<String, (SessionId, u64)>,
    drawn: u8,
}

impl Bench {
    pub(crate) fn new(lines: &str) -> Self {
        Self::with(catalog(lines))
    }

    /// A bench with an options file.
    pub(crate) fn with_options(lines: &str, options: &str) -> Self {
        let mut bench = Self::new(lines);
        let options = OptionsFile::parse(Source::new("LGS.opt", options.as_bytes()));
        let signed = sign(&format!("SERVER srv ANY 27000\nVENDOR LGS\n{lines}\n"));
        let license = LicenseFile::parse(Source::new("test.lic", signed.as_bytes()));
        (bench.policy, _) = Policy::compile(&options, &bench.catalog, &[&license]);
        bench
    }

    pub(crate) fn with(catalog: Catalog) -> Self {
        Self {
            catalog,
            policy: Policy::default(),
            usage: Usage::default(),
            state: State::default(),
            history: Vec::new(),
            now: Now { utc: TODAY, mono: Monotonic(0) },
            looked: Looked::default(),
            names: BTreeMap::new(),
            drawn: 0,
        }
    }

    pub(crate) fn rules(&self) -> Rules<'_> {
        Rules { catalog: &self.catalog, policy: &self.policy, usage: &self.usage }
    }

    /// Decides, checks and folds in; what time has brought comes first.
    pub(crate) fn run(&mut self, command: &Command) -> Decision {
        self.pass(0);
        self.carry_out(command)
    }

    /// Lets seconds pass.
    pub(crate) fn pass(&mut self, seconds: i64) {
        self.now.utc.0 += seconds * 1000;
        while tick_due_in(&self.state, self.now.utc).is_some_and(|left| left.is_zero()) {
            assert!(!self.carry_out(&Command::Tick).events.is_empty(), "what is due is done");
        }
    }

    /// Looks at the clocks, before anything that is due is done.
    pub(crate) fn look(&mut self, command: &Command) -> Vec<Event> {
        self.carry_out(command).events
    }

    fn carry_out(&mut self, command: &Command) -> Decision {
        let decision = decide(&self.state, self.rules(), command, self.now);
        check(&self.state, &self.catalog, &decision.events, self.now).expect("the engine contradicts itself");
        if !decision.events.is_empty() {
            let record =
                Record { first: self.state.seq().next(), at: self.now.utc, events: decision.events.clone() };
            self.state.evolve(&record);
            self.usage.follow(&record, &self.state, &self.catalog, &self.policy);
            assert_eq!(self.usage, Usage::rebuild(&self.state, &self.catalog, &self.policy));
            self.history.push(record);
        }
        decision
    }

    /// Serves the queues as far as they can be served, as the daemon does after every command.
    pub(crate) fn serve(&mut self) -> Vec<Event> {
        let mut events = Vec::new();
        for _ in 0..10_000 {
            let step = self.run(&Command::Serve(self.looked)).events;
            if step.is_empty() {
                self.looked = Looked::of(&self.state, self.now);
                self.complete();
                return events;
            }
            events.extend(step);
        }
        panic!("the queues are served without end");
    }

    /// What was not looked at has nothing to do.
    fn complete(&mut self) {
        let all = decide(&self.state, self.rules(), &Command::Serve(Looked::default()), self.now);
        assert_eq!(all.events, [], "something is due that was passed over");
        let due = serving_due_in(&self.state, self.looked, self.now.utc);
        assert!(due.is_none_or(|due| !due.is_zero()), "{due:?}");
        let anew = Usage::rebuild(&self.state, &self.catalog, &self.policy);
        let rules = Rules { usage: &anew, ..self.rules() };
        assert_eq!(decide(&self.state, rules, &Command::Serve(Looked::default()), self.now).events, []);
    }

    /// Asks with the queue, under the next request number.
    pub(crate) fn wait(&mut self, who: &str, feature: &str, version: &str, count: u32) -> (Token, Reply) {
        self.wait_holding(who, feature, version, count, 0)
    }

    pub(crate) fn wait_holding(
        &mut self,
        who: &str,
        feature: &str,
        version: &str,
        count: u32,
        hold_s: u32,
    ) -> (Token, Reply) {
        let id = self.session(who, &[]);
        let token = self.next_token(who);
        (token, self.wait_again(id, token, feature, version, count, hold_s))
    }

    /// The same request number again.
    pub(crate) fn wait_again(
        &mut self,
        id: SessionId,
        token: Token,
        feature: &str,
        version: &str,
        count: u32,
        hold_s: u32,
    ) -> Reply {
        let mut request = checkout(token, feature, version, count);
        request.wishes.queue = Some(seatkeeper::event::Queueing { hold_s });
        self.run(&Command::Checkout(id, request)).reply
    }

    /// Other license lines and another options file hold from now on.
    pub(crate) fn reread(&mut self, lines: &str, options: &str) -> Decision {
        let new = Self::with_options(lines, options);
        let decision = self.take_over(RereadCause::Ordered, &new.catalog);
        self.serve_by(new);
        decision
    }

    /// The daemon starts again with these files; what that moves.
    pub(crate) fn start_with(&mut self, lines: &str, options: &str) -> Vec<Event> {
        self.serve_by(Self::with_options(lines, options));
        let started = Started { version: "1".to_owned(), zone: "UTC".to_owned(), files: Vec::new() };
        self.run(&Command::Start(started));
        let decision = self.take_over(RereadCause::Start, &self.catalog.clone());
        self.usage = Usage::rebuild(&self.state, &self.catalog, &self.policy);
        decision.events
    }

    fn serve_by(&mut self, new: Self) {
        (self.catalog, self.policy) = (new.catalog, new.policy);
        self.usage = Usage::rebuild(&self.state, &self.catalog, &self.policy);
        self.looked = Looked::default();
    }

    fn take_over(&mut self, cause: RereadCause, new: &Catalog) -> Decision {
        let reread = Reread {
            by: "ann@ws01".to_owned(),
            cause,
            zone: "UTC".to_owned(),
            files: Vec::new(),
            removed: Vec::new(),
        };
        let command = Command::Reread { reread: Box::new(reread), catalog: Arc::new(new.clone()) };
        let decision = decide(&self.state, self.rules(), &command, self.now);
        check(&self.state, new, &decision.events, self.now).expect("the engine contradicts itself");
        if !decision.events.is_empty() {
            let record =
                Record { first: self.state.seq().next(), at: self.now.utc, events: decision.events.clone() };
            self.state.evolve(&record);
            self.history.push(record);
        }
        decision
    }

    /// A session for `user@host`, opened at its first use; `extra` are hostids and `ip=`.
    pub(crate) fn session(&mut self, who: &str, extra: &[&str]) -> SessionId {
        if let Some((id, _)) = self.names.get(who) {
            return *id;
        }
        self.drawn += 1;
        let id = SessionId([self.drawn; 16]);
        let identity = identity(who, extra, SessionKind::Framed);
        let secret = Digest::of(&id.0);
        let decision = self.run(&Command::Open { session: id, secret, identity });
        assert_eq!(decision.reply, Reply::Done);
        self.names.insert(who.to_owned(), (id, 0));
        id
    }

    pub(crate) fn next_token(&mut self, who: &str) -> Token {
        let (_, token) = self.names.get_mut(who).unwrap();
        *token += 1;
        Token(*token)
    }

    /// One checkout; the number of its denial, or 0.
    pub(crate) fn out(&mut self, who: &str, feature: &str, version: &str, count: u32) -> i32 {
        self.answer(who, &[], feature, version, count).map_or_else(|denial| denial.code.number(), |_| 0)
    }

    pub(crate) fn out_with(&mut self, who: &str, extra: &[&str], feature: &str, version: &str) -> i32 {
        self.answer(who, extra, feature, version, 1).map_or_else(|denial| denial.code.number(), |_| 0)
    }

    pub(crate) fn grant(&mut self, who: &str, feature: &str, version: &str) -> seatkeeper::event::Grant {
        self.answer(who, &[], feature, version, 1).expect("granted")
    }

    pub(crate) fn denial(&mut self, who: &str, feature: &str, version: &str) -> Denial {
        self.answer(who, &[], feature, version, 1).expect_err("denied")
    }

    fn answer(
        &mut self,
        who: &str,
        extra: &[&str],
        feature: &str,
        version: &str,
        count: u32,
    ) -> Result<seatkeeper::event::Grant, Denial> {
        self.session(who, extra);
        let request = checkout(Token(1), feature, version, count);
        self.ask(who, request)
    }

    /// One checkout of a client whose session is open, with the next request number.
    pub(crate) fn ask(&mut self, who: &str, request: Checkout) -> Result<seatkeeper::event::Grant, Denial> {
        let id = self.session(who, &[]);
        let token = self.next_token(who);
        let request = Checkout { token, acknowledged: Token(token.0 - 1), ..request };
        match self.run(&Command::Checkout(id, request)).reply {
            Reply::Answer(answered, Answer::Granted(grant)) if answered == token => Ok(grant),
            Reply::Answer(answered, Answer::Denied(denial)) if answered == token => Err(denial),
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn back(&mut self, who: &str, handle: Handle) {
        let id = self.session(who, &[]);
        let token = self.next_token(who);
        let request = Checkin { token, acknowledged: Token(token.0 - 1), handle };
        let reply = self.run(&Command::Checkin(id, request)).reply;
        assert_eq!(reply, Reply::Answer(token, Answer::CheckedIn(handle)));
    }

    /// Checks everything in.
    pub(crate) fn all_in(&mut self) {
        let sessions: Vec<SessionId> = self.state.sessions().map(|(id, _)| id).collect();
        for id in sessions {
            self.run(&Command::End(id, EndReason::Goodbye));
        }
        self.names.clear();
    }

    /// The invariants hold, the state is the fold of the history, and a snapshot of it reads back.
    pub(crate) fn sound(&self) {
        invariants(&self.state, &self.catalog, self.now);
        self.reads_back();
    }

    /// The state is the fold of the history, and a snapshot of it reads back.
    pub(crate) fn reads_back(&self) {
        assert_eq!(fold(&self.history), self.state);
        assert_eq!(State::from_snapshot(&self.state.snapshot()).unwrap(), self.state);
    }

    pub(crate) fn resume(&mut self, id: SessionId, epoch: u32, nonce: u8) -> Reply {
        let claim = Resume { session: id, secret: Digest::of(&id.0), epoch, nonce: [nonce; 16] };
        self.run(&Command::Resume(claim)).reply
    }
}

pub(crate) fn identity(who: &str, extra: &[&str], kind: SessionKind) -> Identity {
    let (user, host) = who.split_once('@').unwrap_or((who, "h1"));
    let said = |name: &str| extra.iter().find_map(|word| word.strip_prefix(name));
    let address = said("ip=").unwrap_or("127.0.0.1");
    Identity::new(
        Claims {
            user: user.parse().unwrap(),
            host: host.parse().unwrap(),
            display: said("disp=").unwrap_or(host).parse().unwrap(),
            project: said("proj=").map(|name| name.parse().unwrap()),
            platform: said("plat=").map(|name| name.parse().unwrap()),
            hostids: extra
                .iter()
                .filter(|word| !word.contains('=') || word.contains("ID"))
                .map(|id| id.parse().unwrap())
                .collect(),
            pid: None,
        },
        address.parse().unwrap(),
        kind,
    )
}

pub(crate) fn checkout(token: Token, feature: &str, version: &str, count: u32) -> Checkout {
    Checkout {
        token,
        acknowledged: Token(token.0 - 1),
        feature: feature.parse().unwrap(),
        version: version.parse().unwrap(),
        count: Count::new(count).unwrap(),
        wishes: seatkeeper::event::Wishes::default(),
    }
}

/// The invariants of `seat`, looked at from outside.
pub(crate) fn invariants(state: &State, catalog: &Catalog, now: Now) {
    let mut groups: BTreeMap<(&str, Handle), u64> = BTreeMap::new();
    let (mut soonest, mut lingering) = (None, 0);
    for (handle, seat) in state.seats() {
        // Checkouts that share count once: as many as the one of them that asked for most.
        let group = seat.shares.map_or(handle, |shares| shares.group);
        let most = groups.entry((seat.pool.as_str(), group)).or_default();
        *most = (*most).max(u64::from(seat.count.get()));
        let session = state.session(seat.session);
        let has = session.is_some_and(|session| session.handles().any(|held| held == handle));
        match seat.tenure {
            Tenure::Held => assert!(has, "a seat that is held belongs to a session that has not ended"),
            Tenure::Lingering { since, until, .. } => {
                assert!(!has && since < until && until > now.utc, "{seat:?}");
                soonest = Some(soonest.map_or(until, |other: Timestamp| other.min(until)));
            }
            Tenure::Borrowed { borrow, .. } => {
                let until = seat.tenure.until().expect("a borrow ends");
                assert!(!has && borrow.until <= borrow.ends && until > now.utc, "{seat:?}");
                soonest = Some(soonest.map_or(until, |other: Timestamp| other.min(until)));
            }
        }
        lingering += usize::from(seat.tenure != Tenure::Held);
    }
    assert_eq!(next_wakeup(state), soonest);
    // What is held for those who wait counts as theirs.
    for (_, entry) in state.waiting() {
        let session = state.session(entry.session).expect("whoever waits has a session");
        assert_eq!(session.identity(), &entry.identity);
        let Some(offer) = &entry.offer else { continue };
        let group = offer.shares.map_or(offer.handle, |shares| shares.group);
        let most = groups.entry((offer.pool.as_str(), group)).or_default();
        *most = (*most).max(u64::from(entry.request.count.get()));
        let pool = catalog.pool(&offer.pool).expect("the pool is served");
        assert_eq!(pool.package(), offer.package.as_ref().map(|package| &package.pool), "both are held");
        let Some(package) = &offer.package else { continue };
        let group = package.shares.map_or(package.handle, |shares| shares.group);
        let most = groups.entry((package.pool.as_str(), group)).or_default();
        *most = (*most).max(u64::from(entry.request.count.get()));
    }
    let mut out: BTreeMap<&str, u64> = BTreeMap::new();
    groups.iter().for_each(|((pool, _), most)| *out.entry(pool).or_default() += most);
    let held: usize = state.sessions().map(|(_, session)| session.handles().count()).sum();
    assert_eq!(held + lingering, state.seats().count());
    for (key, used) in state.pools() {
        assert_eq!(Some(&used.in_use()), out.get(key.as_str()));
        let Some(pool) = catalog.pool(key) else {
            let mut seats = state.seats().filter(|(_, seat)| seat.pool == *key);
            assert!(seats.all(|(_, seat)| matches!(seat.tenure, Tenure::Borrowed { .. })), "{key} is served");
            continue;
        };
        let most = u64::from(pool.count_at(now.utc)) + u64::from(pool.overdraft_at(now.utc));
        assert!(!pool.counted || used.in_use() <= most, "{key}");
    }
    assert_eq!(state.pools().count(), out.len());
}

/// The fold of a history from nothing, which is the same whether the records are kept or not.
pub(crate) fn fold(history: &[Record]) -> State {
    let (mut state, mut taken) = (State::default(), State::default());
    history.iter().for_each(|record| state.evolve(record));
    history.iter().for_each(|record| taken.take_in(record.clone()));
    assert_eq!(taken, state);
    state
}

pub(crate) fn events(history: &[Record]) -> impl Iterator<Item = &Event> {
    history.iter().flat_map(|record| &record.events)
}
