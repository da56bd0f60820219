//! SUPERSEDE and ISSUED (`flexnet-files.md` 3.5).

use super::*;

#[test]
fn l23_a_newer_line_replaces_older_ones_of_its_name() {
    let catalog = load(
        "INCREMENT fx acmed 1.0 permanent 5 ISSUED=1-jan-2025\n\
         INCREMENT fx acmed 1.0 permanent 2 ISSUED=1-jan-2026 SUPERSEDE",
    );
    expect(&catalog, &[("fx 1", 2)]);
    let Verdict::Superseded { by } = &verdict(&catalog, 3).verdict else { panic!("{catalog:?}") };
    assert_eq!(by.to_string(), "a.lic:4");
    assert_eq!(verdict(&catalog, 3).to_string(), "a.lic:3: fx superseded by the newer line at a.lic:4");
}

#[test]
fn l24_a_list_replaces_the_named_features_and_not_its_own() {
    let catalog = load(
        "INCREMENT fx acmed 1.0 permanent 5 ISSUED=1-jan-2025\n\
         INCREMENT fy acmed 1.0 permanent 5 ISSUED=1-jan-2025\n\
         INCREMENT fz acmed 1.0 permanent 3 ISSUED=1-jan-2025\n\
         INCREMENT fz acmed 1.0 permanent 1 ISSUED=1-jan-2026 SUPERSEDE=\"fx fy\"",
    );
    expect_all(&catalog, &[("fz 1", 4)]);
    for name in ["fx", "fy"] {
        // Not an error of any line, so lmstat is silent about it.
        assert_eq!(absent(&catalog, name), (-18, false), "{name}");
    }
    assert!(catalog.unserved("fx").unwrap().reason().starts_with("a.lic:3: fx superseded"));
}

#[test]
fn l23_same_day_both_stay_and_undated_lines_are_older() {
    let replacing = "INCREMENT fx acmed 1.0 permanent 2 ISSUED=1-jan-2026 SUPERSEDE";
    for (older, count) in [
        ("ISSUED=1-jan-2026 SN=1", 7),
        ("ISSUED=2-jan-2026", 7),
        ("ISSUED=31-dec-2025", 2),
        ("START=1-jan-2025", 2),
        ("START=1-jan-2026", 7),
        // ISSUED comes before START.
        ("ISSUED=1-jan-2025 START=1-feb-2026", 2),
        ("SN=1", 2),
    ] {
        let catalog = load(&format!("{replacing}\nINCREMENT fx acmed 1.0 permanent 5 {older}"));
        let sum: u32 =
            catalog.pools("fx").iter().map(|pool| pool.lots.iter().map(|lot| lot.count).sum::<u32>()).sum();
        assert_eq!(sum, count, "{older}");
    }
}

#[test]
fn supersede_without_issued_does_nothing_and_says_so() {
    let catalog = load(
        "INCREMENT fx acmed 1.0 permanent 5 ISSUED=1-jan-2025\n\
         INCREMENT fx acmed 1.0 permanent 2 SUPERSEDE START=1-jan-2026",
    );
    expect(&catalog, &[("fx 1", 7)]);
    assert_eq!(verdict(&catalog, 4).notes, [Note::SupersedeWithoutIssued]);
}

#[test]
fn it_reaches_across_files_in_any_order_but_not_other_vendors_or_unsigned_words() {
    let old = signed("INCREMENT fx acmed 1.0 permanent 5 ISSUED=1-jan-2025");
    let new = signed("INCREMENT fx acmed 1.0 permanent 2 ISSUED=1-jan-2026 SUPERSEDE");
    for texts in [[old.clone(), new.clone()], [new, old.clone()]] {
        expect(&load_with(&texts, &manifest()), &[("fx 1", 2)]);
    }
    let foreign = format!("{HEAD}INCREMENT fx other 1.0 permanent 2 ISSUED=1-jan-2026 SUPERSEDE SIGN=0\n");
    expect(&load_with(&[old.clone(), foreign], &manifest()), &[("fx 1", 5)]);
    let forged = format!("{HEAD}INCREMENT fx acmed 1.0 permanent 2 ISSUED=1-jan-2026 SUPERSEDE SIGN=0\n");
    expect(&load_with(&[old, forged], &manifest()), &[("fx 1", 5)]);
}

#[test]
fn the_newer_of_two_counted_feature_lines_is_not_shadowed_by_the_older() {
    let catalog = load(
        "FEATURE fx acmed 1.0 permanent 5 ISSUED=1-jan-2025\n\
         FEATURE fx acmed 2.0 permanent 2 ISSUED=1-jan-2026 SUPERSEDE",
    );
    expect(&catalog, &[("fx 2", 2)]);
}

#[test]
fn what_was_withdrawn_stays_withdrawn() {
    // The line that replaced fy was replaced itself; the other can't be served yet.
    let catalog = load(
        "INCREMENT fy acmed 1.0 permanent 5 ISSUED=1-jan-2024\n\
         INCREMENT fx acmed 1.0 permanent 5 ISSUED=1-jan-2025 SUPERSEDE=\"fx fy\"\n\
         INCREMENT fx acmed 1.0 permanent 2 ISSUED=1-jan-2026 SUPERSEDE\n\
         INCREMENT fz acmed 1.0 permanent 2 ISSUED=1-jan-2024\n\
         INCREMENT fz acmed 1.0 permanent 2 ISSUED=1-jan-2025 SUPERSEDE VM_PLATFORMS=PHYSICAL",
    );
    expect_all(&catalog, &[("fx 1", 2)]);
    assert_eq!(absent(&catalog, "fy"), (-18, false));
    assert_eq!(absent(&catalog, "fz"), (-18, true));
}

#[test]
fn packages_replace_packages_and_licenses_replace_licenses() {
    let lines = "PACKAGE pk acmed 1.0 COMPONENTS=ca ISSUED=1-jan-2025\n\
                 PACKAGE pk acmed 1.0 COMPONENTS=cb ISSUED=1-jan-2026 SUPERSEDE\n\
                 INCREMENT pk acmed 1.0 permanent 2 ISSUED=1-jan-2024";
    let catalog = load(lines);
    expect_all(&catalog, &[("cb 1", 2)]);
    assert!(matches!(verdict(&catalog, 3).verdict, Verdict::Superseded { .. }));
    assert_eq!(absent(&catalog, "ca"), (-18, false));
    // A license line that replaces the name takes the enabling line away, not the PACKAGE line.
    let catalog =
        load(&format!("{lines}\nINCREMENT zz acmed 1.0 permanent 1 ISSUED=1-jan-2027 SUPERSEDE=pk"));
    expect_all(&catalog, &[("zz 1", 1)]);
    assert_eq!(ignored(&catalog, 4), Some(IgnoredReason::PackageEnablingNotServed));
}
