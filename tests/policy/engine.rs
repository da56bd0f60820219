//! Checkouts and checkins under random rules: the engine gives out what the interpreter gives out, and explains it.

use std::num::NonZeroU32;

use seatkeeper::event::{Answer, Checkin, Checkout, Identity, Record, SessionKind};
use seatkeeper::ident::{Count, Digest, Handle, SessionId, Token};
use seatkeeper::policy::Policy;
use seatkeeper::seat::{Change, Command, Explanation, Reply, Rules, State, Usage, check, decide, explain};
use seatkeeper::time::{Monotonic, Now, Timestamp};

use super::interpreter::{Client, Interpreter, POOLS, Rule, random_rules};
use super::verdicts::{catalog, claims, compile, license};
use crate::{Dice, from_environment};

struct Engine<'a> {
    catalog: &'a seatkeeper::catalog::Catalog,
    policy: Policy,
    state: State,
    usage: Usage,
    token: u64,
}

impl Engine<'_> {
    fn run(&mut self, command: &Command) -> Reply {
        let now = Now { utc: Timestamp(1_781_524_800_000), mono: Monotonic(0) };
        let rules = Rules { catalog: self.catalog, policy: &self.policy, usage: &self.usage };
        let decision = decide(&self.state, rules, command, now);
        check(&self.state, self.catalog, &decision.events, now).expect("the engine contradicts itself");
        if !decision.events.is_empty() {
            let record = Record { first: self.state.seq().next(), at: now.utc, events: decision.events };
            self.state.evolve(&record);
            self.usage.follow(&record, &self.state, self.catalog, &self.policy);
        }
        decision.reply
    }

    fn token(&mut self) -> Token {
        self.token += 1;
        Token(self.token)
    }

    fn out(&mut self, session: SessionId, feature: &str, version: u32, count: u32) -> Result<Handle, i32> {
        let token = self.token();
        let request = Checkout {
            token,
            acknowledged: Token(token.0 - 1),
            feature: feature.parse().unwrap(),
            version: format!("{}.{}", version / 10, version % 10).parse().unwrap(),
            count: Count::new(count).unwrap(),
            wishes: seatkeeper::event::Wishes::default(),
        };
        let before = (self.state.clone(), self.usage.clone());
        let reply = self.run(&Command::Checkout(session, request.clone()));
        self.state_before(&before).explained(session, &request, &reply);
        match reply {
            Reply::Answer(_, Answer::Granted(grant)) => Ok(grant.handle),
            Reply::Answer(_, Answer::Denied(denial)) => Err(denial.code.number()),
            other => panic!("{other:?}"),
        }
    }

    fn state_before<'s>(&'s self, (state, usage): &'s (State, Usage)) -> Before<'s> {
        Before { state, rules: Rules { catalog: self.catalog, policy: &self.policy, usage } }
    }
}

/// What a decision went by.
struct Before<'a> {
    state: &'a State,
    rules: Rules<'a>,
}

impl Before<'_> {
    /// The explanation comes to the verdict that was given, and what it says would help does.
    fn explained(&self, session: SessionId, request: &Checkout, reply: &Reply) {
        let identity = self.state.session(session).unwrap().identity();
        let explained = self.explain(request, identity);
        match (&explained.verdict, reply) {
            (Ok(pool), Reply::Answer(_, Answer::Granted(grant))) => {
                assert_eq!(pool.key, grant.pool);
                assert!(explained.tried.last().unwrap().changes.is_empty());
            }
            (Err(told), Reply::Answer(_, Answer::Denied(denial))) => {
                assert_eq!(told, denial);
                for tried in &explained.tried {
                    let obstacles = tried.steps.iter().filter(|step| step.obstacle().is_some());
                    assert_eq!(tried.changes.len(), obstacles.count(), "{tried:?}");
                    assert!(!tried.changes.is_empty() && tried.asked().last().unwrap().obstacle().is_some());
                }
            }
            other => panic!("{other:?}"),
        }
        assert_eq!(explained.tried.iter().filter(|tried| tried.decides).count(), 1);
        for tried in &explained.tried {
            // The smallest of the counts that it advises, if it advises nothing else.
            let fewer = tried.changes.iter().map(|change| match change {
                Change::Free { fewer, .. } | Change::RaiseLimit { fewer, .. } | Change::Fewer(fewer) => {
                    *fewer
                }
                _ => 0,
            });
            let fewer = fewer.min().and_then(|fewer| NonZeroU32::new(fewer.try_into().unwrap()));
            let Some(count) = fewer else { continue };
            let smaller = Checkout { count, ..request.clone() };
            let again = self.explain(&smaller, identity);
            let pool = again.tried.iter().find(|other| other.pool.key == tried.pool.key);
            assert!(pool.is_none_or(|pool| pool.changes.is_empty()), "{tried:?} {again:?}");
        }
    }

    fn explain<'s>(&'s self, request: &'s Checkout, identity: &'s Identity) -> Explanation<'s> {
        let now = Now { utc: Timestamp(1_781_524_800_000), mono: Monotonic(0) };
        explain(self.state, self.rules, request, identity, now)
    }
}

fn history(rules: &[Rule], dice: &mut Dice, engine: &mut Engine<'_>) {
    let mut interpreter = Interpreter { rules, held: Vec::new() };
    let mut sessions: Vec<(SessionId, Client)> = Vec::new();
    for number in 0..6_u8 {
        let client = Client::random(dice);
        let session = SessionId([number; 16]);
        let address = client.address.parse().unwrap();
        let identity = Identity::new(claims(&client), address, SessionKind::Framed);
        engine.run(&Command::Open { session, secret: Digest([0; 32]), identity });
        sessions.push((session, client));
    }
    let mut handles: Vec<(SessionId, Handle)> = Vec::new();
    for step in 0..60 {
        if dice.below(3) == 0 && !handles.is_empty() {
            let at = dice.below(handles.len());
            let (session, handle) = handles.remove(at);
            interpreter.held.remove(at);
            let token = engine.token();
            let checkin = Checkin { token, acknowledged: Token(token.0 - 1), handle };
            engine.run(&Command::Checkin(session, checkin));
        } else {
            let (session, client) = sessions[dice.below(sessions.len())].clone();
            let (feature, _, _) = POOLS[dice.below(POOLS.len())];
            let version = [10, 10, 20][dice.below(3)];
            let count = u32::try_from(1 + dice.below(3)).unwrap();
            let expected = interpreter.ask(&client, feature, version, count);
            let answer = engine.out(session, feature, version, count);
            let number = answer.err().unwrap_or(0);
            assert_eq!(number, expected, "step {step}: {client:?} {feature} {version} x{count}\n{rules:#?}");
            handles.extend(answer.ok().map(|handle| (session, handle)));
        }
        let rebuilt = Usage::rebuild(&engine.state, engine.catalog, &engine.policy);
        assert_eq!(engine.usage, rebuilt, "the index equals what state and policy say");
    }
}

#[test]
fn the_engine_and_the_interpreter_give_out_the_same() {
    let license = license();
    let catalog = catalog(&license);
    let seed = from_environment("POLICY_SEED", 1);
    for number in 0..from_environment("POLICY_HISTORIES", 600) {
        let mut dice = Dice(seed.wrapping_mul(1_000_003).wrapping_add(number));
        let rules = random_rules(&mut dice);
        let policy = compile(&rules, &catalog, &license);
        let mut engine =
            Engine { catalog: &catalog, policy, state: State::default(), usage: Usage::default(), token: 0 };
        history(&rules, &mut dice, &mut engine);
    }
}
