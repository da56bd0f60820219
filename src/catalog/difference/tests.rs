//! Each kind of change alone, and what is none.

use super::*;
use crate::catalog::Granted;
use crate::ident::VendorName;
use crate::license::{HostId, LicenseFile};
use crate::sign::{Manifest, SigningKey};
use crate::text::Source;

const HEAD: &str = "SERVER srv 0011aabbccdd 27000\nVENDOR acmed\n";

/// Signatures and the machine aside.
const UNCHECKED: Granted = Granted { signatures: true, machine: true };

fn catalog_with(name: &str, text: &str, granted: Granted) -> Catalog {
    let file = LicenseFile::parse(Source::new(name, text.as_bytes()));
    let vendor = VendorName::parse("acmed").unwrap();
    let key = SigningKey::generate_ed25519(vendor.clone(), [1; 32]).verifying_key();
    let machine = [HostId::parse("0011aabbccdd").unwrap()];
    let manifest = Manifest::new(vendor.clone(), vec![key]);
    Catalog::build_granting(&vendor, &[&file], &manifest, &machine, &jiff::tz::TimeZone::UTC, granted)
}

fn catalog(name: &str, lines: &str) -> Catalog {
    catalog_with(name, &format!("{HEAD}{lines}\n"), UNCHECKED)
}

/// The difference between the lines of `old` and `new`, which begin at line 3 of their files.
fn of(old: &str, new: &str) -> Difference {
    difference(&catalog("old", old), &catalog("new", new))
}

/// How the difference reads; both ways round there is one or none.
fn printed(old: &str, new: &str) -> String {
    let found = of(old, new);
    assert_eq!(found.is_empty(), of(new, old).is_empty(), "{old} / {new}");
    let text = found.to_string();
    assert_eq!(
        found.is_empty(),
        text.lines().all(|line| line.starts_with(' ') || line.starts_with("note: ")),
        "{text}"
    );
    text
}

#[test]
fn what_means_the_same_is_no_difference() {
    let old = "INCREMENT fx acmed 1.0 31-dec-2030 5 HOSTID=\"aabbccddeeff 112233445566\" BORROW SN=1 NOTICE=\"a b\"\n\
               INCREMENT fx acmed 1.0 permanent 3 SN=2\nINCREMENT fy acmed 2.0 permanent 1";
    for new in [
        old.to_owned(),
        format!("# a comment\n\n{old}\n# another"),
        old.replace(" SN=1", " \\\n\tSN=1"),
        old.replace("BORROW SN=1", "SN=1 BORROW=168"),
        old.replace("SN=2", "SN=2 asset_info=\"x\" SIGN=\"0123\""),
        old.replace(" 1.0 ", " 1.00 ").replace("31-dec", "31-DEC"),
        old.replace("aabbccddeeff 112233445566", "11:22:33:44:55:66 AABBCCDDEEFF"),
        old.replace("INCREMENT fy", "FEATURE fy"),
        format!(
            "INCREMENT fy acmed 2.0 permanent 1\n{}",
            old.replace("\nINCREMENT fy acmed 2.0 permanent 1", "")
        ),
        // Counts once; it is told as a note.
        format!("{old}\nINCREMENT fy acmed 2.0 permanent 1"),
    ] {
        let found = of(old, &new);
        assert!(found.is_empty(), "{new}\n{found}");
    }
    assert_eq!(printed("", ""), "");
}

#[test]
fn another_server_is_not_a_matter_of_the_catalog() {
    let lines = "INCREMENT fx acmed 1.0 permanent 5 SN=1\n";
    let other = format!("SERVER other ffffffffffff 1\nVENDOR acmed port=5\n{lines}");
    assert!(difference(&catalog("old", lines), &catalog_with("new", &other, UNCHECKED)).is_empty());
}

#[test]
fn pools_come_and_go() {
    let text = printed(
        "INCREMENT fa acmed 1.0 permanent 2 SN=7\nINCREMENT fb acmed 1.0 permanent 1",
        "INCREMENT fb acmed 1.0 permanent 1\nINCREMENT fb acmed 2.0 1-jan-2030 4 START=1-jan-2028 OVERDRAFT=2\n\
         FEATURE fc acmed 1.0 permanent uncounted HOSTID=ANY",
    );
    assert_eq!(
        text,
        "pool removed: fa 1, 2 licenses\n    - old:3: 2 licenses, permanent, SN=7\n\
         pool added: fb 2, 4 licenses\n    + new:4: 4 licenses, OVERDRAFT=2, START=1-jan-2028, 1-jan-2030\n\
         pool added: fc 1 uncounted HOSTID=ANY, uncounted\n    + new:5: uncounted, permanent\n"
    );
}

#[test]
fn a_pool_is_resized_by_its_lines() {
    let old = "INCREMENT fx acmed 1.0 permanent 5 SN=1\nINCREMENT fx acmed 1.0 permanent 3 SN=2";
    let new = "INCREMENT fx acmed 1.0 permanent 3 SN=2\nINCREMENT fx acmed 1.0 permanent 9 SN=1\n\
               INCREMENT fx acmed 1.0 permanent 4 SN=3";
    assert_eq!(
        printed(old, new),
        "pool resized: fx 1, from 8 to 16\n    old:3 -> new:4: count 5 -> 9\n    + new:5: 4 licenses, permanent, SN=3\n"
    );
    let change = &of(old, new).changed[0];
    assert!(change.resized() && change.keys.is_empty());
    assert_eq!((change.old.size, change.new.size), (Size::Counted(8), Size::Counted(16)));
    assert!(printed(new, old).contains("from 16 to 8\n") && printed(new, old).contains("    - old:5: 4"));
}

#[test]
fn dates_move_lot_by_lot() {
    let old = "INCREMENT fx acmed 1.0 31-dec-2027 5 START=1-jan-2026\nINCREMENT fx acmed 1.0 permanent 3";
    let new = old.replace("2027", "2028").replace(" START=1-jan-2026", "");
    assert_eq!(
        printed(old, &new),
        "dates moved: fx 1\n    old:3 -> new:3: expiry 31-dec-2027 -> 31-dec-2028, START 1-jan-2026 -> none\n"
    );
    let LotChange::Changed { old, new, attributes } = &of(old, &new).changed[0].lots[0] else { panic!() };
    assert!(old.moved_to(new) && attributes.is_empty());
    assert_eq!((old.count, new.count), (5, 5));
}

#[test]
fn another_key_is_another_pool_that_is_known_again() {
    let of_key =
        |key: &str| format!("INCREMENT fx acmed 1.0 permanent 5 {key}\nINCREMENT fx acmed 1.0 permanent 1");
    assert_eq!(
        printed(&of_key("BORROW"), &of_key("BORROW=24")),
        "pool changed: fx 1 BORROW=168 -> fx 1 BORROW=24\n    BORROW: \"168\" -> \"24\"\n"
    );
    assert_eq!(
        printed(&of_key("DUP_GROUP=U"), &of_key("DUP_GROUP=U HOSTID=USER=ann")),
        "pool changed: fx 1 DUP_GROUP=U -> fx 1 DUP_GROUP=U HOSTID=USER=ann\n    HOSTID: none -> \"USER=ann\"\n"
    );
    let old = "INCREMENT fx acmed 1.0 permanent 5 HOSTID=USER=ann";
    let new = "INCREMENT fx acmed 1.0 permanent uncounted HOSTID=USER=ann";
    let text = printed(old, new);
    assert!(text.contains("    uncounted: none -> set\n    licenses: 5 -> uncounted\n"), "{text}");
    // Of several the one that differs in one key only.
    let old = "INCREMENT fx acmed 1.0 permanent 1 HOSTID=USER=a\nINCREMENT fx acmed 1.0 permanent 1 BORROW=1 HOSTID=USER=b";
    let new = "INCREMENT fx acmed 1.0 permanent 1 BORROW=2 HOSTID=USER=b\nINCREMENT fx acmed 1.0 permanent 1 HOSTID=USER=c";
    let found = of(old, new);
    let keys: Vec<_> =
        found.changed.iter().flat_map(|change| &change.keys).map(|key| key.name.as_str()).collect();
    assert_eq!(keys, ["BORROW", "HOSTID"], "{found}");
    // Another version is another product.
    let found = of("INCREMENT fx acmed 1.0 permanent 1", "INCREMENT fx acmed 2.0 permanent 1");
    assert_eq!((found.removed.len(), found.added.len(), found.changed.len()), (1, 1, 0));
}

#[test]
fn overdraft_and_other_signed_words_of_a_line() {
    let old = "INCREMENT fx acmed 1.0 permanent 5 SN=1 NOTICE=\"for lab 3\" OVERDRAFT=1";
    assert_eq!(
        printed(old, &old.replace("OVERDRAFT=1", "OVERDRAFT=2")),
        "pool changed: fx 1\n    overdraft: 1 -> 2\n    old:3 -> new:3: overdraft 1 -> 2\n"
    );
    assert_eq!(
        printed(old, &old.replace("NOTICE=\"for lab 3\"", "TS_OK VENDOR_STRING=gold")),
        "pool changed: fx 1\n    old:3 -> new:3: NOTICE: \"for lab 3\" -> none, TS_OK: none -> set, \
         VENDOR_STRING: none -> \"gold\"\n"
    );
}

#[test]
fn another_order_of_pools_is_a_difference_and_of_lines_is_none() {
    let old = "INCREMENT fx acmed 1.0 permanent 5 sort=1\nINCREMENT fx acmed 2.0 permanent 3 sort=2";
    let new = old.replace("sort=1", "sort=3");
    assert_eq!(
        printed(old, &new),
        "order of pools: fx is tried in another order\n    was: fx 1, fx 2\n    now: fx 2, fx 1\n"
    );
    assert_eq!(printed(old, &old.replace("sort=1", "sort=0")), "");
}

#[test]
fn which_feature_line_wins_is_a_difference() {
    let (one, two) = ("FEATURE fx acmed 1.0 permanent 2 SN=1", "FEATURE fx acmed 1.0 permanent 3 SN=2");
    let text = printed(&format!("{one}\n{two}"), &format!("{two}\n{one}"));
    assert_eq!(
        text,
        "pool resized: fx 1, from 2 to 3\n    old:3 -> new:3: count 2 -> 3, SN: \"1\" -> \"2\"\n"
    );
}

#[test]
fn a_line_that_counts_no_more() {
    let good = "INCREMENT fx acmed 1.0 permanent 2 SN=1\nINCREMENT fx acmed 1.0 permanent 3 SN=2";
    let bad = good.replace("permanent 3", "31-foo-2030 3");
    let found = of(good, &bad);
    assert_eq!(found.verdicts.len(), 1);
    let text = printed(good, &bad);
    assert!(
        text.starts_with("pool resized: fx 1, from 5 to 2\n    - old:4: 3 licenses, permanent, SN=2\nverdict changed: INCREMENT fx\n    was: old:4: served"),
        "{text}"
    );
    assert!(text.contains("\n    now: new:4: refused (-11)"), "{text}");
    // A line that was doubtful already may go or come without a difference, but a new one is told.
    let found = of(good, &format!("{good}\nFEATURE fx acmed 9.0 30-foo-2030 1"));
    assert!(found.is_empty() && found.idle.len() == 1);
    assert!(
        found.to_string().starts_with("note: a new line adds nothing: new:5 FEATURE fx\n    refused (-11)")
    );
    assert!(of(&format!("{good}\nFEATURE fx acmed 9.0 30-foo-2030 1"), good).to_string().is_empty());
}

#[test]
fn a_name_that_is_not_served_is_answered_otherwise() {
    let lines = "INCREMENT fx acmed 1.0 permanent 2";
    let text = printed(lines, &format!("{lines}\nINCREMENT fy acmed x permanent 2"));
    assert!(
        text.starts_with("name not served: fy, answered with -18, was -5\n    now: new:4: fy refused (-77)"),
        "{text}"
    );
}

#[test]
fn checked_signatures_make_the_verdicts() {
    let line = format!("{HEAD}INCREMENT fx acmed 1.0 permanent 2\n");
    let unsigned = catalog_with("new", &line, Granted::default());
    let found = difference(&catalog_with("old", &line, UNCHECKED), &unsigned);
    assert_eq!((found.removed.len(), found.verdicts.len()), (1, 1));
    assert!(found.to_string().contains("now: new:3: refused (-8,"), "{found}");
    assert!(difference(&unsigned, &unsigned).is_empty());
}

#[test]
fn many_pools_and_lots_take_no_time_worth_noticing() {
    let lines = |shift: u32| {
        let line = |n: u32| {
            format!(
                "INCREMENT fx acmed 1.0 permanent 1 HOSTID={:012x} SN={n}\nINCREMENT fy acmed 1.0 permanent {n}",
                n + shift
            )
        };
        (1..1500).map(line).collect::<Vec<_>>().join("\n")
    };
    let found = of(&lines(0), &lines(1));
    // All pools but one are known again, and that one is the first in the place of the last.
    assert_eq!((found.changed.len(), found.added.len(), found.removed.len()), (1499, 0, 0));
}
