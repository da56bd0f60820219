//! Checkouts that use the same licenses, and overdraft: cases of `flexnet-files.md` section 8 by id, and seeded histories with
//! counts of their own.

use std::collections::BTreeMap;

use seatkeeper::event::{Grant, Wishes};
use seatkeeper::ident::{DupMask, Handle, Token};

use super::bench::{Bench, checkout, invariants};
use super::seeded::{Dice, each_seed};

/// One checkout of `fx` with a mask of the client's; the number of its denial, or 0.
fn masked(bench: &mut Bench, who: &str, mask: &str, count: u32) -> Result<Grant, i32> {
    bench.session(who, &[]);
    let wishes = Wishes { share: DupMask::parse(mask).unwrap(), ..Wishes::default() };
    let request = seatkeeper::event::Checkout { wishes, ..checkout(Token(1), "fx", "1.0", count) };
    bench.ask(who, request).map_err(|denial| denial.code.number())
}

fn in_use(bench: &Bench) -> u64 {
    invariants(&bench.state, &bench.catalog, bench.now);
    bench.state.pools().map(|(_, used)| used.in_use()).sum()
}

#[test]
fn case_l36_overdraft() {
    let mut bench = Bench::new("FEATURE fx LGS 1.0 permanent 1 OVERDRAFT=2");
    let numbers = ["a@h1", "b@h2", "c@h3", "d@h4"].map(|who| bench.out(who, "fx", "1.0", 1));
    assert_eq!(numbers, [0, 0, 0, -4]);
    let over: Vec<u32> = super::bench::events(&bench.history)
        .filter_map(|event| match event {
            seatkeeper::event::Event::Out(out) => Some(out.accounting.overdraft),
            _ => None,
        })
        .collect();
    assert_eq!(over, [0, 1, 2], "what is above the count is flagged");
    assert!(
        bench.denial("d@h4", "fx", "1.0").note.contains("3 of 1 license of fx are in use, with overdraft")
    );
    // A request of more than count and overdraft can never be met.
    assert_eq!(bench.out("a@h1", "fx", "1.0", 4), -26);
}

#[test]
fn case_l37_same_user_and_host() {
    let mut bench = Bench::new("FEATURE fx LGS 1.0 permanent 2 DUP_GROUP=UH");
    let ann: Vec<Grant> = (0..3).map(|_| bench.grant("ann@h1", "fx", "1.0")).collect();
    assert_eq!(in_use(&bench), 1);
    bench.grant("ann@h2", "fx", "1.0");
    assert_eq!(in_use(&bench), 2);
    assert_eq!(bench.out("bob@h1", "fx", "1.0", 1), -4);
    // Each checkout has a handle of its own, and the license is free when the last of them is back.
    let mut handles: Vec<Handle> = ann.iter().map(|grant| grant.handle).collect();
    handles.dedup();
    assert_eq!(handles.len(), 3);
    bench.back("ann@h1", handles[0]);
    bench.back("ann@h1", handles[2]);
    assert_eq!(bench.out("bob@h1", "fx", "1.0", 1), -4);
    bench.back("ann@h1", handles[1]);
    assert_eq!(bench.out("bob@h1", "fx", "1.0", 1), 0);
}

#[test]
fn case_l38_the_license_decides_before_the_client() {
    let mut bench = Bench::new("FEATURE fx LGS 1.0 permanent 2 DUP_GROUP=NONE");
    let numbers = [0; 3].map(|_| masked(&mut bench, "ann@h1", "U", 1).err().unwrap_or(0));
    assert_eq!(numbers, [0, 0, -4]);
    assert_eq!(in_use(&bench), 2);
}

#[test]
fn case_l39_the_client_decides_where_the_license_does_not() {
    let mut bench = Bench::new("FEATURE fx LGS 1.0 permanent 2");
    for _ in 0..3 {
        masked(&mut bench, "ann@h1", "UHD", 1).unwrap();
    }
    assert_eq!(in_use(&bench), 1);
    // Another mask is another group, even of the same person.
    masked(&mut bench, "ann@h1", "U", 1).unwrap();
    assert_eq!(in_use(&bench), 2);
    assert_eq!(masked(&mut bench, "ann@h1", "NONE", 1).unwrap_err(), -4);
}

#[test]
fn case_l40_a_group_lives_until_its_last_member_has_gone() {
    let mut bench = Bench::new("FEATURE fx LGS 1.0 permanent 1 DUP_GROUP=H");
    let ann = bench.grant("ann@h1", "fx", "1.0").handle;
    let bob = bench.grant("bob@h1", "fx", "1.0").handle;
    bench.back("ann@h1", ann);
    bench.grant("cid@h1", "fx", "1.0");
    bench.back("bob@h1", bob);
    assert_eq!(bench.out("dan@h2", "fx", "1.0", 1), -4);
    assert_eq!(in_use(&bench), 1);
}

#[test]
fn a_group_uses_as_many_as_its_largest_member() {
    let mut bench = Bench::new("FEATURE fx LGS 1.0 permanent 5 DUP_GROUP=U");
    bench.grant("ann@h1", "fx", "1.0");
    let three = masked(&mut bench, "ann@h1", "NONE", 3).unwrap();
    assert_eq!(in_use(&bench), 3);
    bench.out("bob@h1", "fx", "1.0", 2);
    assert_eq!(masked(&mut bench, "ann@h1", "NONE", 4).unwrap_err(), -4, "raising it needs a free license");
    bench.back("ann@h1", three.handle);
    assert_eq!(in_use(&bench), 3, "it falls when the largest leaves");
    masked(&mut bench, "ann@h1", "NONE", 3).unwrap();
    assert_eq!(in_use(&bench), 5);
}

#[test]
fn a_site_shares_one_license_and_data_is_compared_with_v() {
    let mut bench = Bench::new("FEATURE fx LGS 1.0 permanent 1 DUP_GROUP=SITE");
    for who in ["ann@h1", "bob@h2", "joe@h3"] {
        assert_eq!(bench.out(who, "fx", "1.0", 1), 0);
    }
    assert_eq!(in_use(&bench), 1);
    let mut bench = Bench::new("FEATURE fx LGS 1.0 permanent 1 DUP_GROUP=V");
    let mut with = |who: &str, data: &str| {
        bench.session(who, &[]);
        let wishes = Wishes { share: DupMask::NONE, data: Some(data.parse().unwrap()), ..Wishes::default() };
        let request = seatkeeper::event::Checkout { wishes, ..checkout(Token(1), "fx", "1.0", 1) };
        bench.ask(who, request).map_or_else(|denial| denial.code.number(), |_| 0)
    };
    assert_eq!([with("ann@h1", "job 7"), with("bob@h2", "job 7"), with("joe@h3", "job 8")], [0, 0, -4]);
}

#[test]
fn case_l41_platforms() {
    let mut bench = Bench::new("FEATURE fx LGS 1.0 permanent 2 PLATFORMS=\"x64_lsb i86_l\"");
    assert_eq!(bench.out_with("ann@h1", &["plat=i86_n"], "fx", "1.0"), -89);
    assert_eq!(bench.out_with("bob@h1", &["plat=i86_l"], "fx", "1.0"), 0);
    // Names are compared letter by letter, and who names none has none of them.
    assert_eq!(bench.out_with("joe@h1", &["plat=I86_L"], "fx", "1.0"), -89);
    assert_eq!(bench.out_with("kim@h1", &[], "fx", "1.0"), -89);
    let denial = bench.denial("kim@h1", "fx", "1.0");
    assert!(denial.note.contains("fx is for x64_lsb or i86_l"), "{}", denial.note);
    // An EXCLUDE line is asked later, so a pool that it closes got further.
    let lines = "INCREMENT fx LGS 1.0 permanent 2 PLATFORMS=i86_l\nINCREMENT fx LGS 1.0 permanent 2";
    assert_eq!(Bench::with_options(lines, "EXCLUDE fx USER ann").out("ann@h1", "fx", "1.0", 1), -38);
}

#[test]
fn counted_licenses_for_certain_hosts_are_shared_there() {
    let mut bench = Bench::new(
        "FEATURE fx LGS 1.0 permanent 2 HOSTID=\"HOSTNAME=h1 HOSTNAME=h2 HOSTNAME=h3\" DUP_GROUP=H",
    );
    for who in ["ann@h1", "bob@h1", "ann@h2", "bob@h2"] {
        assert_eq!(bench.out(who, "fx", "1.0", 1), 0, "{who}");
    }
    assert_eq!(in_use(&bench), 2);
    assert_eq!(["ann@h3", "ann@h4"].map(|who| bench.out(who, "fx", "1.0", 1)), [-4, -9]);
}

#[test]
fn case_l59_overdraft_after_the_other_pools() {
    let lines = "INCREMENT fx LGS 1.0 permanent 1 OVERDRAFT=1\nINCREMENT fx LGS 2.0 permanent 1";
    let mut bench = Bench::new(lines);
    let pools: Vec<String> =
        ["a@h1", "b@h1", "c@h1"].map(|who| bench.grant(who, "fx", "1.0").pool.to_string()).to_vec();
    assert_eq!(pools, ["fx 1", "fx 2", "fx 1"]);
    assert_eq!(bench.out("d@h1", "fx", "1.0", 1), -4);
}

#[test]
fn case_o35_an_idle_reservation_is_no_overdraft() {
    let mut bench =
        Bench::with_options("FEATURE fx LGS 2.0 permanent 1 OVERDRAFT=1", "RESERVE 1 fx USER mel");
    bench.grant("joe@h1", "fx", "2.0");
    assert!(super::bench::events(&bench.history).all(|event| match event {
        seatkeeper::event::Event::Out(out) => out.accounting.overdraft == 0,
        _ => true,
    }));
    assert_eq!(bench.out("kim@h1", "fx", "2.0", 1), -101);
    bench.grant("mel@h1", "fx", "2.0");
    assert_eq!(bench.out("kim@h1", "fx", "2.0", 1), -4);
    assert_eq!(in_use(&bench), 2);
}

#[test]
fn case_o54_max_overdraft() {
    let mut bench = Bench::with_options("FEATURE fx LGS 2.0 permanent 5 OVERDRAFT=3", "MAX_OVERDRAFT fx 1");
    let numbers: Vec<i32> = (0..7).map(|_| bench.out("ann@h1", "fx", "2.0", 1)).collect();
    assert_eq!(numbers, [0, 0, 0, 0, 0, 0, -4]);
}

#[test]
fn case_o79_a_shared_checkout_adds_nothing_to_a_limit() {
    let mut bench = Bench::with_options("FEATURE fx LGS 2.0 permanent 1 DUP_GROUP=UHD", "MAX 1 fx USER ann");
    assert_eq!([bench.out("ann@h1", "fx", "2.0", 1), bench.out("ann@h1", "fx", "2.0", 1)], [0, 0]);
    assert_eq!(in_use(&bench), 1);
}

#[test]
fn a_shared_license_counts_for_the_oldest_who_is_left() {
    let lines = "FEATURE fx LGS 1.0 permanent 9 DUP_GROUP=H";
    let mut bench = Bench::with_options(lines, "MAX 1 fx USER bob\nMAX 1 fx USER ann");
    let ann = bench.grant("ann@h1", "fx", "1.0").handle;
    bench.grant("bob@h1", "fx", "1.0");
    // Bob's checkout adds nothing as long as ann's is there, so he may have another one elsewhere.
    let elsewhere = bench.grant("bob@h2", "fx", "1.0").handle;
    bench.back("bob@h2", elsewhere);
    bench.back("ann@h1", ann);
    assert_eq!(bench.out("bob@h2", "fx", "1.0", 1), -87);
}

/// A pool is asked by few people with many masks; what is in use is counted outside by who holds what.
#[test]
fn seeded_histories_share_as_counted_outside() {
    each_seed(60, |seed| {
        let mut dice = Dice(seed);
        let share = dice.one_of(&["", " DUP_GROUP=UH", " DUP_GROUP=H", " DUP_GROUP=NONE", " DUP_GROUP=SITE"]);
        let options = dice.one_of(&["", "MAX 2 fx USER u1\nRESERVE 2 fx HOST h1\nRESERVE 1 fx USER u0"]);
        let mut bench = Bench::with_options(
            &format!("INCREMENT fx LGS 1.0 permanent 6 OVERDRAFT=1{share}\nINCREMENT fx LGS 2.0 permanent 2"),
            options,
        );
        let mut held: Vec<(String, Handle)> = Vec::new();
        let mut counted: BTreeMap<Handle, (String, String, u64)> = BTreeMap::new();
        for _ in 0..120 {
            let who = format!("u{}@h{}", dice.below(3), dice.below(2));
            if dice.below(5) < 3 {
                let mask = dice.one_of(&["NONE", "U", "UH", "SITE"]);
                let count = u32::try_from(1 + dice.below(3)).unwrap();
                if let Ok(grant) = masked(&mut bench, &who, mask, count) {
                    let effective = match (grant.pool.as_str().starts_with("fx 1"), share) {
                        (true, "") | (false, _) => mask,
                        (true, share) => share.trim_start_matches(" DUP_GROUP="),
                    };
                    let (user, host) = who.split_once('@').unwrap();
                    let key = match effective {
                        "NONE" => format!("{}", grant.handle),
                        "U" => format!("U {user}"),
                        "H" => format!("H {host}"),
                        "UH" => format!("UH {who}"),
                        _ => "SITE".to_owned(),
                    };
                    counted.insert(grant.handle, (grant.pool.to_string(), key, u64::from(count)));
                    held.push((who, grant.handle));
                }
            } else if !held.is_empty() {
                let (who, handle) = held.swap_remove(dice.index(held.len()));
                bench.back(&who, handle);
                counted.remove(&handle);
            }
            let mut most: BTreeMap<(&str, &str), u64> = BTreeMap::new();
            for (pool, key, count) in counted.values() {
                let most = most.entry((pool, key)).or_default();
                *most = (*most).max(*count);
            }
            assert_eq!(in_use(&bench), most.values().sum::<u64>());
        }
        bench.reads_back();
    });
}
