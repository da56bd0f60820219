//! PACKAGE (`flexnet-files.md` 3.9).

use super::*;

const BUNDLE: &str = "PACKAGE pk acmed 1.0 COMPONENTS=\"ca:1.5:2 cb:3.0:4 cc\"";

#[test]
fn l25_a_bundle_becomes_its_components_and_its_name_vanishes() {
    let catalog = load(&format!("{BUNDLE}\nFEATURE pk acmed 1.0 31-dec-2030 3 DUP_GROUP=U START=1-jan-2026"));
    expect_all(&catalog, &[("ca 1.5 DUP_GROUP=U", 6), ("cb 3 DUP_GROUP=U", 12), ("cc 1 DUP_GROUP=U", 3)]);
    assert_eq!(absent(&catalog, "pk"), (-18, false));
    let lot = &catalog.pools("ca")[0].lots[0];
    assert_eq!(lot.expiry.to_string(), "31-dec-2030");
    assert_eq!(lot.starts, Some(at("1-jan-2026")));
    // The enabling line, then the PACKAGE line.
    let texts: Vec<&str> =
        lot.lines.iter().map(|line| catalog.signed_line(line).unwrap().canonical.as_str()).collect();
    assert!(texts[0].contains("\nkeyword=FEATURE\n") && texts[1].contains("\nkeyword=PACKAGE\n"));
    assert_eq!((texts.len(), lot.digest, lot.place.number), (2, lot.lines[0], 4));
    let Verdict::Package { by, pools } = &verdict(&catalog, 3).verdict else { panic!() };
    assert_eq!((by.len(), by[0].number, pools.len()), (1, 4, 3));
    let Verdict::Enables { package, pools } = &verdict(&catalog, 4).verdict else { panic!() };
    assert_eq!((package.number, pools.len()), (3, 3));
}

#[test]
fn l25_several_enabling_lines_in_any_file_add_and_own_lines_join() {
    let texts = [
        signed("INCREMENT pk acmed 1.0 permanent 3 SN=1\nINCREMENT ca acmed 1.5 permanent 1"),
        signed(BUNDLE),
        signed("INCREMENT pk acmed 1.00 1-jan-2027 2 SN=2"),
    ];
    let catalog = load_with(&texts, &manifest());
    expect_all(&catalog, &[("ca 1.5", 11), ("cb 3", 20), ("cc 1", 5)]);
    let catalog = load(&format!("{BUNDLE}\nFEATURE pk acmed 1.0 permanent uncounted HOSTID=aaaaaaaaaaaa"));
    expect_all(
        &catalog,
        &[
            ("ca 1.5 uncounted HOSTID=aaaaaaaaaaaa", 0),
            ("cb 3 uncounted HOSTID=aaaaaaaaaaaa", 0),
            ("cc 1 uncounted HOSTID=aaaaaaaaaaaa", 0),
        ],
    );
}

#[test]
fn l28_another_version_enables_nothing_and_is_an_ordinary_feature() {
    let catalog = load("PACKAGE pk acmed 1.0 COMPONENTS=\"ca cb\"\nFEATURE pk acmed 2.0 permanent 5");
    expect_all(&catalog, &[("pk 2", 5)]);
    assert_eq!((absent(&catalog, "ca"), absent(&catalog, "cb")), ((-18, false), (-18, false)));
    assert_eq!(ignored(&catalog, 3), Some(IgnoredReason::PackageVersion));
    assert!(matches!(verdict(&catalog, 4).notes[..], [Note::NotThePackagesVersion { .. }]));
}

#[test]
fn a_feature_whose_package_is_superseded_or_refused_says_that_it_is_an_ordinary_one() {
    let old = "PACKAGE pk acmed 1.0 COMPONENTS=ca ISSUED=1-jan-2025";
    let new = "PACKAGE pl acmed 1.0 COMPONENTS=cb ISSUED=1-jan-2026 SUPERSEDE=pk";
    let catalog = load(&format!("{old}\n{new}\nFEATURE pk acmed 1.0 permanent 5"));
    expect_all(&catalog, &[("pk 1", 5)]);
    assert!(
        matches!(&verdict(&catalog, 5).notes[..], [Note::PackageNotInEffect { package }] if package.number == 3)
    );
    let text = signed("PACKAGE pk acmed 1.0 COMPONENTS=ca\nFEATURE pk acmed 1.0 permanent 5");
    let catalog = load_with(&[text.replace("COMPONENTS=ca", "COMPONENTS=cb")], &manifest());
    assert!(
        matches!(&verdict(&catalog, 4).notes[..], [Note::PackageNotInEffect { package }] if package.number == 3)
    );
}

#[test]
fn l29_without_an_enabling_line() {
    let catalog = load("PACKAGE pk acmed 1.0 COMPONENTS=\"ca cb\"");
    assert!(catalog.is_empty() && catalog.unserved("zz").is_none());
    assert_eq!((absent(&catalog, "ca"), absent(&catalog, "pk")), ((-18, false), (-18, false)));
    assert!(catalog.unserved("ca").unwrap().reason().starts_with("a.lic:3: pk ignored"));
    assert_eq!(ignored(&catalog, 3), Some(IgnoredReason::PackageWithoutEnabling));
    // One that is refused does not count.
    let text = signed("PACKAGE pk acmed 1.0 COMPONENTS=ca\nFEATURE pk acmed 1.0 permanent 5");
    let catalog = load_with(&[text.replace("permanent 5", "permanent 6")], &manifest());
    assert_eq!(ignored(&catalog, 3), Some(IgnoredReason::PackageEnablingNotServed));
    assert_eq!(absent(&catalog, "pk"), (-18, true));
}

#[test]
fn case_l26_a_suite_has_pools_of_its_components_and_one_of_its_own() {
    let catalog = load(
        "PACKAGE pk acmed 1.0 COMPONENTS=\"ca cb:3.0\" OPTIONS=SUITE\n\
         INCREMENT pk acmed 1.00 permanent 5 DUP_GROUP=U\nINCREMENT pk acmed 1.0 permanent 2 DUP_GROUP=U SN=2\n\
         INCREMENT ca acmed 1.0 permanent 1 DUP_GROUP=U",
    );
    let suite = "SUITE=\"pk 1\"";
    let component = format!("ca 1 DUP_GROUP=U {suite}");
    expect_all(
        &catalog,
        &[
            (&component, 7),
            ("ca 1 DUP_GROUP=U", 1),
            (&format!("cb 3 DUP_GROUP=U {suite}"), 7),
            ("pk 1 DUP_GROUP=U", 7),
        ],
    );
    let package = &catalog.pools("pk")[0];
    assert!(package.is_package() && package.package().is_none());
    let of_component = catalog.pool(&PoolKey::new(&component)).unwrap();
    assert_eq!(of_component.package(), Some(&package.key));
    // Both stand on the enabling line and on the PACKAGE line.
    assert_eq!(package.lots[0].lines.len(), 2);
    assert_eq!(package.lots[0].lines, of_component.lots[0].lines);
    let Verdict::Package { by, pools } = &verdict(&catalog, 3).verdict else { panic!() };
    assert_eq!((by.len(), pools.len()), (2, 2));
    assert!(catalog.unserved("pk").is_none());
}

#[test]
fn case_l27_suite_dup_group_makes_pools_of_its_own() {
    let catalog = load(
        "PACKAGE pk acmed COMPONENTS=ca:2.0 OPTIONS=SUITE\nINCREMENT pk acmed 1.0 permanent 5 SUITE_DUP_GROUP=U\n\
         INCREMENT pk acmed 1.0 permanent 2\nINCREMENT pk acmed 1.5 permanent 1\n\
         INCREMENT fx acmed 1.0 permanent 1 SUITE_DUP_GROUP=U",
    );
    expect_all(
        &catalog,
        &[
            ("ca 2 SUITE=\"pk 1\" SUITE_DUP_GROUP=U", 5),
            ("ca 2 SUITE=\"pk 1\"", 2),
            ("ca 2 SUITE=\"pk 1.5\"", 1),
            ("fx 1", 1),
            ("pk 1 SUITE_DUP_GROUP=U", 5),
            ("pk 1", 2),
            ("pk 1.5", 1),
        ],
    );
    let share = |index: usize| catalog.pools("pk")[index].share.map(|mask| mask.to_string());
    assert_eq!((share(0), share(1)), (Some("U".to_owned()), None));
    for pool in catalog.pools("ca") {
        assert!(catalog.pool(pool.package().unwrap()).unwrap().is_package(), "{}", pool.key);
    }
}

#[test]
fn a_suite_that_reserves_its_components_shares_its_package_by_the_user() {
    let line =
        "PACKAGE pk acmed 1.0 COMPONENTS=\"ca cb\" OPTIONS=SUITE_RESERVED\nFEATURE pk acmed 1.0 permanent 5";
    let catalog = load(line);
    expect_all(&catalog, &[("ca 1 SUITE=\"pk 1\"", 5), ("cb 1 SUITE=\"pk 1\"", 5), ("pk 1", 5)]);
    let package = &catalog.pools("pk")[0];
    assert!(package.reserving && package.share == Some(crate::ident::DupMask::USER));
    let together = catalog.reserved_together(&package.key);
    assert_eq!(together.iter().map(PoolKey::feature).collect::<Vec<_>>(), ["ca", "cb"]);
    assert!(together.iter().all(|key| catalog.pool(key).unwrap().share.is_none()));
    // The publisher's word comes first.
    let catalog = load(&format!("{line} DUP_GROUP=UH SUITE_DUP_GROUP=NONE"));
    assert_eq!(catalog.pools("pk")[0].share, Some(crate::ident::DupMask::NONE));
    assert!(!load(&line.replace("_RESERVED", "")).reserves());
}

#[test]
fn a_damaged_package_line_is_remembered_with_its_components() {
    let catalog = load_with(
        &[format!("{HEAD}PACKAGE pk acmed 1.0 COMPONENTS=\"ca:1.0 cb\" OPTIONS=BOTH SIGN=0\n")],
        &manifest(),
    );
    for name in ["pk", "ca", "cb"] {
        assert_eq!(absent(&catalog, name), (-18, true), "{name}");
    }
}

#[test]
fn of_several_package_lines_that_fit_the_first_counts() {
    let catalog = load(
        "PACKAGE pk acmed COMPONENTS=ca\nPACKAGE pk acmed 1.0 COMPONENTS=cb\nPACKAGE pk acmed COMPONENTS=cc\n\
         INCREMENT pk acmed 1.0 permanent 2",
    );
    expect_all(&catalog, &[("ca 1", 2)]);
    for number in [4, 5] {
        let Verdict::Shadowed { by } = &verdict(&catalog, number).verdict else { panic!("{number}") };
        assert_eq!(by.number, 3);
    }
    // Each version has its own.
    let catalog = load(
        "PACKAGE pk acmed 1.0 COMPONENTS=ca\nPACKAGE pk acmed 2.0 COMPONENTS=cb\n\
         INCREMENT pk acmed 1.0 permanent 5\nUPGRADE pk acmed 1.0 2.0 permanent 2",
    );
    expect_all(&catalog, &[("ca 1", 3), ("cb 2", 2)]);
    assert_eq!(catalog.pools("cb")[0].lots[0].lines.len(), 3);
    assert!(matches!(verdict(&catalog, 6).verdict, Verdict::Enables { .. }));
}

#[test]
fn components_are_no_packages_themselves() {
    let catalog = load(
        "PACKAGE pk acmed 1.0 COMPONENTS=\"pk pq\"\nPACKAGE pq acmed 1.0 COMPONENTS=ca\n\
         INCREMENT pk acmed 1.0 permanent 2",
    );
    expect_all(&catalog, &[("pk 1", 2), ("pq 1", 2)]);
    assert_eq!(ignored(&catalog, 4), Some(IgnoredReason::PackageWithoutEnabling));
}

#[test]
fn a_number_that_can_not_be_counted_is_cut_and_told() {
    let catalog = load("PACKAGE pk acmed 1.0 COMPONENTS=ca:1:4000000000\nINCREMENT pk acmed 1.0 permanent 2");
    expect_all(&catalog, &[("ca 1", u32::MAX)]);
    let notes = &verdict(&catalog, 4).notes;
    assert_eq!(notes[..], [Note::CountTooLarge { component: "ca".to_owned() }]);
    assert_eq!(notes[0].severity(), crate::text::Severity::Error);
}

#[test]
fn packages_can_not_blow_a_catalog_up() {
    let components: Vec<String> = (0..2000).map(|number| format!("c{number}")).collect();
    let mut lines = format!("PACKAGE pk acmed COMPONENTS=\"{}\"", components.join(" "));
    for number in 0..140 {
        lines.push_str(&format!("\nINCREMENT pk acmed 1.0 permanent 1 SN={number}"));
    }
    let hmac = SigningKey::generate_hmac(vendor(), [2; 32]);
    let text = signed_with(&format!("{HEAD}{lines}\n"), &hmac);
    let catalog = load_with(&[text], &Manifest::new(vendor(), vec![hmac.verifying_key()]));
    let lots: usize =
        catalog.features().flat_map(|name| catalog.pools(name.as_str())).map(|pool| pool.lots.len()).sum();
    assert_eq!(lots, COMPONENT_LOTS_MAX / 2000 * 2000);
    assert_eq!(refusals(&catalog).len(), 140 - COMPONENT_LOTS_MAX / 2000);
}
