//! USER_BASED and HOST_BASED (`flexnet-files.md` 3.11): cases of section 8 by id, and whom lines are for whose pools have several
//! lots, versions, packages or patterns.

use seatkeeper::code::minor;
use seatkeeper::seat::{Change, Step, explain};

use super::bench::{Bench, checkout};

const TWO: &str = "INCREMENT fx LGS 2.0 permanent 2 USER_BASED";

fn answers<const N: usize>(bench: &mut Bench, feature: &str, who: [&str; N]) -> [i32; N] {
    let numbers = who.map(|who| bench.out(&format!("{who}@h1"), feature, "1.0", 1));
    bench.all_in();
    numbers
}

#[test]
fn case_o51_those_who_are_named_and_nobody_else() {
    let mut bench = Bench::with_options(TWO, "INCLUDE fx USER a\nINCLUDE fx USER b");
    assert_eq!(answers(&mut bench, "fx", ["a", "b", "c"]), [0, 0, -39]);
    let denial = bench.denial("c@h1", "fx", "2.0");
    assert_eq!((denial.minor, denial.rule()), (minor::NOT_INCLUDED, Some("LGS.opt:1")));
    assert!(denial.note.contains("fx is USER_BASED for 2 users"), "{}", denial.note);
}

#[test]
fn case_o52_nobody_is_named() {
    for options in ["", "INCLUDE fx GROUP undefined", "INCLUDE fx HOST h1", "INCLUDEALL DISPLAY d"] {
        let mut bench = Bench::with_options(TWO, options);
        let denial = bench.denial("a@h1", "fx", "2.0");
        assert_eq!((denial.code.number(), denial.minor), (-84, minor::NOBODY_NAMED), "{options}");
    }
    // Without any options file too.
    assert_eq!(Bench::new(TWO).out("a@h1", "fx", "2.0", 1), -84);
}

#[test]
fn case_o53_names_count_in_file_order() {
    let mut bench = Bench::with_options(TWO, "INCLUDE fx USER a\nINCLUDE fx USER b\nINCLUDE fx USER c");
    assert_eq!(answers(&mut bench, "fx", ["a", "b", "c", "d"]), [0, 0, -39, -39]);
    let denial = bench.denial("c@h1", "fx", "2.0");
    assert_eq!((denial.minor, denial.rule()), (minor::NAMED_BEYOND, Some("LGS.opt:3")));
    assert!(denial.note.contains("number 3"), "{}", denial.note);
    // Members of groups count one by one, each name once, the names on lines for all features with them.
    let options = "INCLUDEALL USER z\nGROUP G b a\nGROUP G c\nINCLUDE fx GROUP G\nINCLUDE fx USER b";
    let mut bench = Bench::with_options("INCREMENT fx LGS 2.0 permanent 9 USER_BASED=3", options);
    assert_eq!(answers(&mut bench, "fx", ["z", "b", "a", "c"]), [0, 0, 0, -39]);
}

#[test]
fn an_exclude_line_comes_first_and_the_name_keeps_its_place() {
    let mut bench = Bench::with_options(
        TWO,
        "INCLUDE fx USER a\nINCLUDE fx USER b\nINCLUDE fx USER c\nEXCLUDE fx USER a",
    );
    assert_eq!(answers(&mut bench, "fx", ["a", "b", "c"]), [-38, 0, -39]);
}

#[test]
fn overdraft_and_shared_checkouts_bring_no_names_and_a_license_may_be_used_twice() {
    let mut bench = Bench::with_options(
        "INCREMENT fx LGS 2.0 permanent 1 USER_BASED OVERDRAFT=5",
        "INCLUDE fx USER a\nINCLUDE fx USER b",
    );
    assert_eq!([bench.out("a@h1", "fx", "2.0", 3), bench.out("b@h1", "fx", "2.0", 1)], [0, -39]);
}

#[test]
fn lots_bring_their_names_as_long_as_they_are_valid() {
    let lines = "INCREMENT fx LGS 2.0 30-jun-2026 2 USER_BASED SN=1\nINCREMENT fx LGS 2.0 permanent 1 USER_BASED SN=2\n\
                 INCREMENT fx LGS 2.0 permanent 1 USER_BASED SN=3 START=1-aug-2026";
    let options = "GROUP G a b c d\nINCLUDE fx GROUP G";
    let mut bench = Bench::with_options(lines, options);
    assert_eq!(answers(&mut bench, "fx", ["a", "b", "c", "d"]), [0, 0, 0, -39]);
    bench.pass(20 * 86_400);
    assert_eq!(answers(&mut bench, "fx", ["a", "b", "c", "d"]), [0, -39, -39, -39]);
    bench.pass(40 * 86_400);
    assert_eq!(answers(&mut bench, "fx", ["a", "b", "c", "d"]), [0, 0, -39, -39]);
}

#[test]
fn each_pool_counts_for_itself_and_an_upgrade_moves_names_with_the_licenses() {
    let lines = "INCREMENT fx LGS 1.0 permanent 3 USER_BASED\nUPGRADE fx LGS 1.0 2.0 permanent 1 USER_BASED";
    let mut bench = Bench::with_options(lines, "GROUP G a b c\nINCLUDE fx GROUP G");
    let of = |bench: &mut Bench, version: &str| {
        ["a", "b", "c"].map(|who| bench.out(&format!("{who}@h1"), "fx", version, 1))
    };
    assert_eq!(of(&mut bench, "2.0"), [0, -39, -39]);
    bench.all_in();
    assert_eq!(of(&mut bench, "1.0"), [0, 0, -39]);
    // A modifier selects the pool whose names a line adds to.
    let lines = "INCREMENT fx LGS 1.0 permanent 1 USER_BASED\nINCREMENT fx LGS 2.0 permanent 1 USER_BASED";
    let mut bench = Bench::with_options(lines, "INCLUDE fx:VERSION=2.0 USER b\nINCLUDE fx USER a");
    assert_eq!([bench.out("b@h1", "fx", "2.0", 1), bench.out("a@h1", "fx", "1.0", 1)], [0, 0]);
    assert_eq!(bench.out("a@h1", "fx", "2.0", 1), -39, "there the other comes first");
}

#[test]
fn a_package_that_is_for_named_users_names_them_for_its_components() {
    let bundle = "PACKAGE pk LGS 1.0 COMPONENTS=\"ca cb:1.0:2\"\nINCREMENT pk LGS 1.0 permanent 1 USER_BASED";
    let mut bench = Bench::with_options(bundle, "INCLUDE pk USER a\nINCLUDE pk USER b\nINCLUDE pk USER c");
    assert_eq!(answers(&mut bench, "ca", ["a", "b"]), [0, -39]);
    assert_eq!(answers(&mut bench, "cb", ["a", "b", "c"]), [0, 0, -39], "n x N");
    let suite =
        "PACKAGE pk LGS 1.0 COMPONENTS=\"ca cb\" OPTIONS=SUITE\nINCREMENT pk LGS 1.0 permanent 2 USER_BASED";
    let mut bench = Bench::with_options(suite, "INCLUDE pk USER a\nINCLUDE pk USER b");
    assert_eq!(answers(&mut bench, "ca", ["a", "b", "c"]), [0, 0, -39]);
    // The licenses of the suite are for named users too.
    let mut bench = Bench::with_options(suite, "INCLUDE ca USER a\nINCLUDE cb USER b");
    let denial = bench.denial("a@h1", "ca", "1.0");
    assert_eq!(denial.code.number(), -84);
    assert!(denial.note.contains("pk (which goes with ca) is USER_BASED"), "{}", denial.note);
}

#[test]
fn named_hosts_are_names_and_addresses() {
    let lines = "INCREMENT fx LGS 2.0 permanent 9 HOST_BASED=3";
    let options = "HOST_GROUP W h1 127.0.0.7\nINCLUDE fx HOST_GROUP W\nINCLUDE fx HOST 127.0.0.7\nINCLUDE fx INTERNET 127.0.0.8\nINCLUDE fx HOST h9";
    let mut bench = Bench::with_options(lines, options);
    let numbers = [
        ("a@h1", "ip=127.0.0.1"),
        ("b@h7", "ip=127.0.0.7"),
        ("c@h8", "ip=127.0.0.8"),
        ("d@h9", "ip=127.0.0.1"),
    ]
    .map(|(who, ip)| bench.out_with(who, &[ip], "fx", "2.0"));
    assert_eq!(numbers, [0, 0, 0, -39]);
    // A pattern counts for as many as it may mean, and those behind it come behind all of them.
    let patterns = "INCLUDE fx HOST h1\nINCLUDE fx INTERNET 127.0.1.4-5\nINCLUDE fx INTERNET 127.2.*.*\nINCLUDE fx HOST h9";
    let mut bench = Bench::with_options(lines, patterns);
    let numbers = [
        ("a@h1", "ip=127.0.0.1"),
        ("b@h7", "ip=127.0.1.5"),
        ("c@h8", "ip=127.2.0.1"),
        ("d@h9", "ip=127.0.0.1"),
    ]
    .map(|(who, ip)| bench.out_with(who, &[ip], "fx", "2.0"));
    assert_eq!(numbers, [0, 0, -39, -39]);
    // Users name no host.
    let mut bench = Bench::with_options(lines, "INCLUDE fx USER a\nINCLUDE fx HOST h1");
    assert_eq!([bench.out("a@h2", "fx", "2.0", 1), bench.out("a@h1", "fx", "2.0", 1)], [-39, 0]);
    // For named users on named hosts both must be named.
    let both = "INCREMENT fx LGS 2.0 permanent 9 USER_BASED=1 HOST_BASED=1";
    let mut bench = Bench::with_options(both, "INCLUDE fx USER a\nINCLUDE fx HOST h1");
    let numbers = ["a@h1", "a@h2", "b@h1"].map(|who| bench.out(who, "fx", "2.0", 1));
    assert_eq!(numbers, [0, -39, -39]);
}

#[test]
fn an_uncounted_line_names_any_number_unless_it_has_one() {
    let options = "INCLUDE fx USER a\nINCLUDE fx USER b";
    let line = |attribute: &str| format!("INCREMENT fx LGS 2.0 permanent uncounted HOSTID=ANY {attribute}");
    let mut bench = Bench::with_options(&line("USER_BASED"), options);
    assert_eq!(answers(&mut bench, "fx", ["a", "b", "c"]), [0, 0, -39]);
    let mut bench = Bench::with_options(&line("USER_BASED=1"), options);
    assert_eq!(answers(&mut bench, "fx", ["a", "b", "c"]), [0, -39, -39]);
}

#[test]
fn a_request_of_somebody_who_is_not_named_does_not_wait() {
    let mut bench = Bench::with_options(TWO, "INCLUDE fx USER a\nINCLUDE fx USER b\nINCLUDE fx USER c");
    assert_eq!([bench.out("a@h1", "fx", "2.0", 2), bench.out("c@h1", "fx", "2.0", 1)], [0, -39]);
    let asked = |bench: &mut Bench, who: &str| match bench.wait(who, "fx", "2.0", 1).1 {
        seatkeeper::seat::Reply::Answer(_, answer) => answer,
        other => panic!("{other:?}"),
    };
    assert!(matches!(asked(&mut bench, "b@h1"), seatkeeper::event::Answer::Queued(_)));
    assert!(matches!(asked(&mut bench, "c@h1"), seatkeeper::event::Answer::Denied(_)));
    // A reread that names others ends the wait of one who is named no longer.
    bench.reread(TWO, "INCLUDE fx USER a");
    assert!(bench.serve().iter().any(|event| matches!(event, seatkeeper::event::Event::Dequeued(_))));
}

#[test]
fn more_users_after_a_reread() {
    let mut bench = Bench::with_options(TWO, "INCLUDE fx USER a");
    assert_eq!([bench.out("a@h1", "fx", "2.0", 1), bench.out("b@h1", "fx", "2.0", 1)], [0, -39]);
    bench.reread(TWO, "INCLUDE fx USER b\nINCLUDE fx USER c\nINCLUDE fx USER a");
    assert_eq!(bench.out("b@h1", "fx", "2.0", 1), 0);
    assert_eq!(bench.state.seats().count(), 2, "who is named no longer keeps the license");
    assert_eq!(bench.out("a@h1", "fx", "2.0", 1), -39);
}

#[test]
fn it_is_explained() {
    let mut bench = Bench::with_options(TWO, "INCLUDE fx USER a\nINCLUDE fx USER b\nINCLUDE fx USER c");
    bench.session("c@h1", &[]);
    bench.session("d@h1", &[]);
    let request = checkout(seatkeeper::ident::Token(1), "fx", "2.0", 1);
    for (who, by) in [("c@h1", true), ("d@h1", false)] {
        let session = bench.session(who, &[]);
        let identity = bench.state.session(session).unwrap().identity().clone();
        let told = explain(&bench.state, bench.rules(), &request, &identity, bench.now);
        let tried = &told.tried[0];
        assert!(
            tried
                .steps
                .iter()
                .any(|step| matches!(step, Step::Named { naming, .. } if naming.by.is_some() == by))
        );
        let change = tried.changes.first();
        assert!(
            matches!(change, Some(Change::Named { most: Some(2), by: told, .. }) if told.is_some() == by)
        );
    }
}
