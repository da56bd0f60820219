//! Suites with OPTIONS=SUITE_RESERVED (`flexnet-files.md` 3.9): the first component that a user takes reserves the others for
//! that user. Who has what is random in one test; the oracle looks at nothing but seats.

use std::collections::BTreeMap;

use seatkeeper::code::minor;
use seatkeeper::event::Event;
use seatkeeper::ident::{Handle, Token};
use seatkeeper::seat::{Command, Room, Step, Usage, decide, explain};

use super::bench::{Bench, checkout};
use super::seeded::Dice;

fn suite(count: u32, attributes: &str) -> String {
    format!(
        "PACKAGE pk LGS 1.0 COMPONENTS=\"ca cb cc\" OPTIONS=SUITE_RESERVED\nFEATURE pk LGS 1.0 permanent {count} {attributes}"
    )
}

/// What is reserved of a feature, as lmstat shows it.
fn reserved(bench: &Bench, feature: &str) -> Vec<(String, u64)> {
    let pools = bench.catalog.pools(feature).iter();
    pools
        .flat_map(|pool| bench.usage.reserved_by_suite(pool))
        .map(|(user, count)| (user.to_string(), count))
        .collect()
}

#[test]
fn the_first_component_reserves_the_others_for_its_user() {
    let mut bench = Bench::new(&suite(2, ""));
    let first = bench.grant("ann@h1", "ca", "1.0").handle;
    assert_eq!(reserved(&bench, "ca"), []);
    assert_eq!(reserved(&bench, "cb"), [("ann".to_owned(), 1)]);
    assert_eq!(reserved(&bench, "cc"), [("ann".to_owned(), 1)]);
    // A second user fits in, a third does not, and nobody takes what is reserved for another.
    assert_eq!(bench.out("bob@h1", "cb", "1.0", 1), 0);
    let denial = bench.denial("bob@h1", "cb", "1.0");
    assert_eq!((denial.code.number(), denial.minor), (-101, minor::SUITE_RESERVED), "{}", denial.note);
    assert_eq!(bench.out("cid@h1", "cc", "1.0", 1), -101);
    // Each gets what is reserved, from another host too, and shares one license of the package.
    for (who, feature) in [("ann@h2", "cb"), ("ann@h1", "cc"), ("bob@h3", "ca"), ("bob@h1", "cc")] {
        assert_eq!(bench.out(who, feature, "1.0", 1), 0, "{who} {feature}");
    }
    let package = bench.catalog.pools("pk")[0].key.clone();
    assert_eq!(bench.state.pool(&package).unwrap().in_use(), 2);
    assert_eq!(bench.out("cid@h1", "ca", "1.0", 1), -4);
    bench.sound();
    // As long as a user has one component, the one that came back stays reserved.
    bench.back("ann@h1", first);
    assert_eq!(reserved(&bench, "ca"), [("ann".to_owned(), 1)]);
    assert_eq!(bench.out("bob@h1", "ca", "1.0", 1), -101);
    assert_eq!(bench.out("ann@h9", "ca", "1.0", 1), 0);
    bench.sound();
    bench.all_in();
    assert_eq!((reserved(&bench, "ca"), reserved(&bench, "cb")), (Vec::new(), Vec::new()));
    bench.sound();
}

#[test]
fn who_can_not_have_all_gets_none() {
    let mut bench = Bench::new(&suite(3, ""));
    for _ in 0..3 {
        assert_eq!(bench.out("ann@h1", "cb", "1.0", 1), 0, "nobody else has claims");
    }
    let denial = bench.denial("bob@h1", "ca", "1.0");
    assert_eq!((denial.code.number(), denial.minor), (-4, minor::SUITE_REST));
    assert!(denial.note.contains("3 of 3 licenses of cb (which ca reserves)"), "{}", denial.note);
    let session = bench.session("bob@h1", &[]);
    let identity = bench.state.session(session).unwrap().identity().clone();
    let request = checkout(Token(1), "ca", "1.0", 1);
    let told = explain(&bench.state, bench.rules(), &request, &identity, bench.now);
    assert_eq!(told.verdict.unwrap_err(), denial);
    let full = |step: &Step| matches!(step, Step::Rest { adds: 1, room: Room::Full, .. });
    assert!(told.tried[0].steps.iter().any(full) && told.tried[0].changes.len() == 1, "{:?}", told.tried);
    // Several at once reserve as many.
    let mut bench = Bench::new(&suite(3, ""));
    assert_eq!(bench.out("ann@h1", "ca", "1.0", 2), 0);
    assert_eq!(reserved(&bench, "cb"), [("ann".to_owned(), 2)]);
    assert_eq!([bench.out("bob@h1", "cc", "1.0", 2), bench.out("bob@h1", "cc", "1.0", 1)], [-4, 0]);
    assert_eq!(bench.out("ann@h1", "cb", "1.0", 2), 0);
    bench.sound();
}

#[test]
fn overdraft_is_reserved_too_where_nothing_else_is_left() {
    let mut bench = Bench::new(&suite(1, "OVERDRAFT=1"));
    assert_eq!(["ann@h1", "bob@h1", "cid@h1"].map(|who| bench.out(who, "ca", "1.0", 1)), [0, 0, -101]);
    assert_eq!(["ann@h1", "bob@h1"].map(|who| bench.out(who, "cb", "1.0", 1)), [0, 0]);
    // What others reserve may leave overdraft alone.
    let mut bench = Bench::new(&suite(1, "OVERDRAFT=1"));
    assert_eq!([bench.out("ann@h1", "ca", "1.0", 1), bench.out("bob@h1", "cb", "1.0", 1)], [0, 0]);
    assert_eq!([bench.out("ann@h1", "cb", "1.0", 1), bench.out("bob@h1", "ca", "1.0", 1)], [0, 0]);
    bench.sound();
}

#[test]
fn a_lingering_component_goes_on_reserving_and_is_taken_back() {
    let mut bench = Bench::with_options(&suite(1, ""), "LINGER ca 60");
    let first = bench.grant("ann@h1", "ca", "1.0").handle;
    bench.back("ann@h1", first);
    assert_eq!(reserved(&bench, "cb"), [("ann".to_owned(), 1)]);
    assert_ne!(bench.out("bob@h1", "cb", "1.0", 1), 0);
    assert_eq!(bench.out("ann@h1", "ca", "1.0", 1), 0, "taken back");
    assert_eq!(bench.out("ann@h1", "cb", "1.0", 1), 0);
    bench.sound();
    bench.all_in();
    bench.sound();
    bench.pass(61);
    assert_eq!(bench.out("bob@h1", "cb", "1.0", 1), 0);
    bench.sound();
}

#[test]
fn checkouts_that_share_use_one_license_of_each_component() {
    let mut bench = Bench::new(&suite(1, "DUP_GROUP=UH SUITE_DUP_GROUP=U"));
    for feature in ["ca", "ca", "cb", "cc"] {
        assert_eq!(bench.out("ann@h1", feature, "1.0", 1), 0);
    }
    assert_eq!(bench.out("ann@h2", "ca", "1.0", 1), -4);
    bench.sound();
    // Whoever shares a component with another has it.
    let mut bench = Bench::new(&suite(2, "DUP_GROUP=H"));
    assert_eq!(["ann@h1", "bob@h1"].map(|who| bench.out(who, "ca", "1.0", 1)), [0, 0]);
    assert_eq!(reserved(&bench, "ca"), []);
    bench.sound();
}

#[test]
fn a_reread_leaves_what_is_reserved_to_who_has_what() {
    let mut bench = Bench::new(&suite(2, ""));
    bench.grant("ann@h1", "ca", "1.0");
    bench.reread(&suite(2, "").replace("_RESERVED", ""), "");
    assert_eq!(reserved(&bench, "cb"), []);
    assert_eq!(["bob@h1", "cid@h1"].map(|who| bench.out(who, "cb", "1.0", 1)), [0, -4], "a plain suite");
    bench.reread(&suite(2, ""), "");
    assert_eq!(reserved(&bench, "cb"), [("ann".to_owned(), 1)]);
    assert_eq!(bench.out("ann@h1", "cb", "1.0", 1), 0);
    // Fewer licenses: nobody new comes in until there is room.
    bench.reread(&suite(1, ""), "");
    assert_eq!(bench.out("dan@h1", "cc", "1.0", 1), -4);
    assert_eq!(Usage::rebuild(&bench.state, &bench.catalog, &bench.policy), bench.usage);
}

/// For each user and component what follows from the seats alone: how much is held, and what shall be reserved.
fn owed(bench: &Bench) -> BTreeMap<(String, &'static str), (u64, u64)> {
    let of = |user: &str, feature: &str| -> (u64, u64) {
        let seats = bench.state.seats().map(|(_, seat)| seat);
        let seats =
            seats.filter(|seat| seat.identity.user.as_str() == user && seat.feature.as_str() == feature);
        let counts: Vec<u64> = seats.map(|seat| u64::from(seat.count.get())).collect();
        (counts.iter().sum(), counts.iter().max().copied().unwrap_or(0))
    };
    let mut owed = BTreeMap::new();
    for user in ["ann", "bob", "cid", "dan"] {
        let features = ["ca", "cb", "cc"];
        let most = features.iter().map(|feature| of(user, feature).1).max().unwrap();
        for feature in features {
            let (held, _) = of(user, feature);
            owed.insert((user.to_owned(), feature), (held, most.saturating_sub(held)));
        }
    }
    owed
}

#[test]
fn whoever_has_one_component_always_gets_the_others() {
    let mut dice = Dice(1);
    for _ in 0..40 {
        let mut bench =
            Bench::with_options(&suite(4, ""), if dice.below(2) == 0 { "" } else { "LINGER pk 30" });
        let mut held: Vec<(String, Handle)> = Vec::new();
        for _ in 0..60 {
            let user = dice.one_of(&["ann", "bob", "cid", "dan"]);
            let who = format!("{user}@h{}", dice.below(2));
            let feature = dice.one_of(&["ca", "cb", "cc"]);
            if dice.below(3) == 0 && !held.is_empty() {
                let (who, handle) = held.remove(dice.index(held.len()));
                bench.back(&who, handle);
                bench.pass(i64::try_from(dice.below(40)).unwrap());
            } else {
                let count = u32::try_from(1 + dice.below(2)).unwrap();
                let request = checkout(Token(1), feature, "1.0", count);
                bench.session(&who, &[]);
                held.extend(bench.ask(&who, request).ok().map(|grant| (who, grant.handle)));
            }
            let owed = owed(&bench);
            for feature in ["ca", "cb", "cc"] {
                let of = owed.iter().filter(|((_, of), _)| *of == feature).map(|(_, sums)| *sums);
                let (out, idle) = of.fold((0, 0), |sum, of| (sum.0 + of.0, sum.1 + of.1));
                assert!(out + idle <= 4, "{feature}: {out} out, {idle} reserved");
                let told: BTreeMap<String, u64> = reserved(&bench, feature).into_iter().collect();
                for user in ["ann", "bob", "cid", "dan"] {
                    let (_, idle) = owed[&(user.to_owned(), feature)];
                    assert_eq!(told.get(user).copied().unwrap_or(0), idle, "{user} {feature}");
                    let Ok(idle @ 1..) = u32::try_from(idle) else { continue };
                    let session = bench.session(&format!("{user}@h0"), &[]);
                    let token = bench.next_token(&format!("{user}@h0"));
                    let ask = Command::Checkout(session, checkout(token, feature, "1.0", idle));
                    let decision = decide(&bench.state, bench.rules(), &ask, bench.now);
                    assert!(
                        decision.events.iter().any(|event| matches!(event, Event::Out(_))),
                        "{decision:?}"
                    );
                }
            }
        }
        bench.sound();
    }
}
