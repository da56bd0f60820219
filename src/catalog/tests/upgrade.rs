//! UPGRADE (`flexnet-files.md` 3.6).

use super::*;

#[test]
fn l22_licenses_move_to_the_new_version() {
    let catalog = load("INCREMENT fx acmed 1.0 permanent 5\nUPGRADE fx acmed 1.0 2.0 permanent 2");
    expect(&catalog, &[("fx 1", 3), ("fx 2", 2)]);
    let told: Vec<String> = catalog.verdicts().iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "a.lic:3: fx served in pool fx 1; 2 of its licenses have moved to other versions, the last ones by the \
             UPGRADE at a.lic:4",
            "a.lic:4: fx served in pool fx 2: 2 licenses moved from a.lic:3",
        ]
    );
    // A grant shows the UPGRADE line and the line that had the licenses before.
    let lot = &catalog.pools("fx")[1].lots[0];
    let keywords: Vec<bool> = lot
        .lines
        .iter()
        .map(|line| catalog.signed_line(line).unwrap().canonical.contains("\nkeyword=UPGRADE\n"))
        .collect();
    assert_eq!(keywords, [true, false]);
}

#[test]
fn the_base_names_the_last_line_that_took_from_it() {
    let catalog = load(
        "INCREMENT fx acmed 1.0 permanent 5\nUPGRADE fx acmed 1.0 2.0 permanent 2 SN=1\n\
         UPGRADE fx acmed 1.0 2.0 permanent 1 SN=2",
    );
    let told = catalog.verdicts()[0].to_string();
    assert!(told.contains("; 3 of its licenses have moved") && told.ends_with(" at a.lic:5"), "{told}");
}

#[test]
fn versions_from_the_lower_bound_to_below_the_upper_one() {
    for (version, upgraded) in [("0.9", false), ("1.0", true), ("1.9", true), ("2.0", false), ("3.0", false)]
    {
        let catalog =
            load(&format!("INCREMENT fx acmed {version} permanent 5\nUPGRADE fx acmed 1.0 2.0 permanent 2"));
        assert_eq!(ignored(&catalog, 4).is_none(), upgraded, "{version}");
        let sum: u32 = pools(&catalog).iter().map(|(_, count)| count).sum();
        assert_eq!(sum, 5, "{version}");
    }
}

#[test]
fn the_closest_preceding_line_is_the_base_in_the_order_of_the_file() {
    // sort= puts the second line first for requests, not for UPGRADE.
    let catalog = load(
        "INCREMENT fx acmed 1.0 permanent 5 SN=1\n\
         INCREMENT fx acmed 1.1 permanent 4 SN=2 sort=1\n\
         UPGRADE fx acmed 1.0 2.0 permanent 3\n\
         INCREMENT fx acmed 1.2 permanent 6",
    );
    expect(&catalog, &[("fx 1.1", 1), ("fx 1", 5), ("fx 1.2", 6), ("fx 2", 3)]);
    // Earlier files precede.
    let texts = [
        signed("INCREMENT fx acmed 1.0 permanent 5"),
        signed("UPGRADE fx acmed 1.0 2.0 permanent 3\nINCREMENT fx acmed 1.5 permanent 1"),
    ];
    expect(&load_with(&texts, &manifest()), &[("fx 1", 2), ("fx 1.5", 1), ("fx 2", 3)]);
}

#[test]
fn fewer_than_asked_are_upgraded_with_a_warning_and_none_without_base() {
    let catalog = load("INCREMENT fx acmed 1.0 permanent 2\nUPGRADE fx acmed 1.0 2.0 permanent 5");
    expect(&catalog, &[("fx 2", 2)]);
    assert_eq!(ignored(&catalog, 3), Some(IgnoredReason::UpgradedAway));
    assert_eq!(
        verdict(&catalog, 4).to_string(),
        "a.lic:4: fx served in pool fx 2: 2 licenses moved from a.lic:3, which had no more; 5 were asked for"
    );

    let catalog = load("UPGRADE fx acmed 1.0 2.0 permanent 5\nINCREMENT fy acmed 1.0 permanent 2");
    assert_eq!(ignored(&catalog, 3), Some(IgnoredReason::UpgradeWithoutBase));
    assert_eq!(absent(&catalog, "fx"), (-18, false));
}

#[test]
fn node_locked_uncounted_lines_are_no_base_and_counted_ones_are() {
    let catalog = load(
        "INCREMENT fx acmed 1.0 permanent uncounted HOSTID=aaaaaaaaaaaa\nUPGRADE fx acmed 1.0 2.0 permanent 5",
    );
    assert_eq!(ignored(&catalog, 4), Some(IgnoredReason::UpgradeWithoutBase));
    let catalog = load(
        "INCREMENT fx acmed 1.0 permanent 5 HOSTID=aaaaaaaaaaaa\n\
         UPGRADE fx acmed 1.0 2.0 permanent 5 HOSTID=aaaaaaaaaaaa",
    );
    expect(&catalog, &[("fx 2 HOSTID=aaaaaaaaaaaa", 5)]);
}

#[test]
fn only_lines_in_effect_are_bases() {
    let catalog = load(
        "INCREMENT fx acmed 1.0 permanent 9 ISSUED=1-jan-2026 SN=1 SUPERSEDE\n\
         INCREMENT fx acmed 1.0 permanent 5 ISSUED=1-jan-2025\n\
         INCREMENT fx acmed 1.0 permanent 9 ISSUED=1-jan-2026 SN=1 SUPERSEDE\n\
         INCREMENT fx acmed 1.0 permanent 4 ISSUED=1-jan-2026 VM_PLATFORMS=PHYSICAL\n\
         INCREMENT fx other 1.0 permanent 4\n\
         UPGRADE fx acmed 1.0 2.0 permanent 5 ISSUED=1-jan-2026",
    );
    expect(&catalog, &[("fx 1", 4), ("fx 2", 5)]);
    let Verdict::Upgraded { base, moved, asked, .. } = &verdict(&catalog, 8).verdict else { panic!() };
    assert_eq!((base.number, *moved, *asked), (3, 5, 5));
    // A shadowed FEATURE has nothing to give.
    let catalog = load(
        "FEATURE fx acmed 1.0 permanent 3\nFEATURE fx acmed 1.5 permanent 3\nUPGRADE fx acmed 1.0 2.0 permanent 1",
    );
    expect(&catalog, &[("fx 1", 2), ("fx 2", 1)]);
    // A replaced UPGRADE moves nothing.
    let catalog = load(
        "INCREMENT fx acmed 1.0 permanent 3 ISSUED=1-jan-2027\n\
         UPGRADE fx acmed 1.0 2.0 permanent 1 ISSUED=1-jan-2025\n\
         INCREMENT fx acmed 3.0 permanent 1 ISSUED=1-jan-2026 SUPERSEDE",
    );
    expect(&catalog, &[("fx 1", 3), ("fx 3", 1)]);
}

#[test]
fn upgraded_licenses_can_be_upgraded_again_with_all_lines_behind_them() {
    let catalog = load(
        "INCREMENT fx acmed 1.0 permanent 5\n\
         UPGRADE fx acmed 1.0 2.0 permanent 4\n\
         UPGRADE fx acmed 2.0 3.0 31-dec-2030 3 OVERDRAFT=7",
    );
    expect(&catalog, &[("fx 1", 1), ("fx 2", 1), ("fx 3", 3)]);
    let lot = &catalog.pools("fx")[2].lots[0];
    assert_eq!((lot.lines.len(), lot.overdraft, lot.expiry.to_string()), (3, 7, "31-dec-2030".to_owned()));
    assert!(lot.lines.iter().all(|line| catalog.signed_line(line).is_some()));
    // But not without end, as each step is a line that a grant must show.
    let steps: String = (1..12)
        .map(|version| format!("\nUPGRADE fx acmed {version}.0 {}.0 permanent 1", version + 1))
        .collect();
    let catalog = load(&format!("INCREMENT fx acmed 1.0 permanent 1{steps}"));
    expect(&catalog, &[("fx 9", 1)]);
    assert_eq!(ignored(&catalog, 12), Some(IgnoredReason::UpgradeWithoutBase));
}

#[test]
fn a_base_with_nothing_left_is_passed_over() {
    let catalog = load(
        "INCREMENT fx acmed 1.0 permanent 5\n\
         INCREMENT fx acmed 1.1 permanent 2\n\
         UPGRADE fx acmed 1.0 2.0 permanent 2 SN=1\n\
         UPGRADE fx acmed 1.0 2.0 permanent 2 SN=2",
    );
    expect(&catalog, &[("fx 1", 3), ("fx 2", 4)]);
    assert_eq!(ignored(&catalog, 4), Some(IgnoredReason::UpgradedAway));
}
