//! Cases of `flexnet-files.md` section 8.1, by id.

use seatkeeper::code::minor;
use seatkeeper::sign::Manifest;
use seatkeeper::time::CivilDate;

use super::bench::{Bench, catalog_of, catalog_of_files, catalog_under};

fn expect(bench: &mut Bench, table: &[(&str, &str, &str, u32, i32)]) {
    for (who, feature, version, count, number) in table {
        assert_eq!(bench.out(who, feature, version, *count), *number, "{who} {feature} {version} x{count}");
    }
}

#[test]
fn l01_two_of_two_and_the_third_is_denied() {
    let mut bench = Bench::new("FEATURE fx LGS 1.0 31-dec-2026 2");
    expect(
        &mut bench,
        &[("a@h1", "fx", "1.0", 1, 0), ("b@h2", "fx", "1.0", 1, 0), ("c@h3", "fx", "1.0", 1, -4)],
    );
}

#[test]
fn l02_l03_l06_year_zero_and_permanent_never_expire() {
    for date in ["1-jan-0", "permanent", "1-jan-00", "01-jan-0000"] {
        let mut bench = Bench::new(&format!("FEATURE fx LGS 1.0 {date} 1"));
        assert_eq!(bench.out("a@h1", "fx", "1.0", 1), 0, "{date}");
    }
}

#[test]
fn l04_l05_expired_lines() {
    for date in ["01-jan-2020", "1-jan-99"] {
        let mut bench = Bench::new(&format!("FEATURE fx LGS 1.0 {date} 1"));
        assert_eq!(bench.out("a@h1", "fx", "1.0", 1), -10, "{date}");
    }
}

#[test]
fn l07_l11_l31_l35_rejected_lines_are_not_served() {
    for line in [
        "FEATURE fx LGS 1.0 2026-12-31 1",
        "FEATURE fx LGS v2 permanent 1",
        "FEATURE fx LGS 1.0 permanent uncounted",
        "FEATURE fx LGS 1.0 permanent 3 HOSTID=DEMO",
    ] {
        let mut bench = Bench::new(line);
        assert_eq!(bench.out("a@h1", "fx", "1.0", 1), -18, "{line}");
    }
}

#[test]
fn l08_a_lower_version_is_fine_and_a_higher_one_is_not() {
    let mut bench = Bench::new("FEATURE fx LGS 2.0 permanent 1");
    for (version, number) in [("1.5", 0), ("2.0", 0), ("2.1", -25)] {
        assert_eq!(bench.out("a@h1", "fx", version, 1), number, "{version}");
        bench.all_in();
    }
}

#[test]
fn l09_l10_versions_are_decimal_numbers() {
    let mut bench = Bench::new("FEATURE fx LGS 1.10 permanent 1");
    expect(&mut bench, &[("a@h1", "fx", "1.9", 1, -25), ("a@h1", "fx", "1.1", 1, 0)]);
    let mut bench = Bench::new("FEATURE fx LGS 2026.0630 permanent 2");
    expect(&mut bench, &[("a@h1", "fx", "2026.0101", 1, 0), ("a@h1", "fx", "2026.0701", 1, -25)]);
}

#[test]
fn l12_start_in_the_future() {
    let mut bench = Bench::new("FEATURE fx LGS 1.0 permanent 1 START=01-jan-2030");
    assert_eq!(bench.out("a@h1", "fx", "1.0", 1), -31);
    assert_eq!(bench.denial("a@h1", "fx", "1.0").note.to_string(), "fx 1.0 starts at 1-jan-2030");
}

#[test]
fn l13_increments_add_up() {
    let mut bench =
        Bench::new("INCREMENT fx LGS 1.0 permanent 2 SN=1\nINCREMENT fx LGS 1.0 permanent 3 SN=2");
    for _ in 0..5 {
        assert_eq!(bench.out("a@h1", "fx", "1.0", 1), 0);
    }
    assert_eq!(bench.out("a@h1", "fx", "1.0", 1), -4);
}

#[test]
fn l14_l15_only_the_first_counted_feature_counts_and_increments_add() {
    let mut bench = Bench::new("FEATURE fx LGS 1.0 permanent 2\nFEATURE fx LGS 1.0 permanent 3");
    expect(&mut bench, &[("a", "fx", "1.0", 1, 0), ("b", "fx", "1.0", 1, 0), ("c", "fx", "1.0", 1, -4)]);
    let mut bench = Bench::new("FEATURE fx LGS 1.0 permanent 2\nINCREMENT fx LGS 1.0 permanent 3");
    expect(&mut bench, &[("a", "fx", "1.0", 5, 0), ("b", "fx", "1.0", 1, -4)]);
}

#[test]
fn l16_uncounted_on_its_hosts_and_counted_elsewhere() {
    let mut bench = Bench::new(
        "FEATURE fx LGS 1.0 permanent uncounted HOSTID=aaaaaaaaaaaa\n\
         FEATURE fx LGS 1.0 permanent uncounted HOSTID=bbbbbbbbbbbb\n\
         FEATURE fx LGS 1.0 permanent 2",
    );
    for _ in 0..5 {
        assert_eq!(bench.out_with("a@h1", &["aaaaaaaaaaaa"], "fx", "1.0"), 0);
    }
    expect(
        &mut bench,
        &[("c@h3", "fx", "1.0", 1, 0), ("d@h4", "fx", "1.0", 1, 0), ("e@h5", "fx", "1.0", 1, -4)],
    );
    assert!(bench.state.pools().any(|(key, used)| !key.as_str().contains("HOSTID") && used.in_use() == 2));
}

#[test]
fn l17_l18_two_versions_are_two_pools_and_the_lowest_adequate_is_taken() {
    let lines = "INCREMENT fx LGS 1.0 permanent 2\nINCREMENT fx LGS 2.0 permanent 2";
    let mut bench = Bench::new(lines);
    expect(&mut bench, &[("a", "fx", "2.0", 1, 0), ("b", "fx", "2.0", 1, 0), ("c", "fx", "2.0", 1, -4)]);
    let mut bench = Bench::new(lines);
    let pools: Vec<String> =
        ["a", "b", "c"].iter().map(|who| bench.grant(who, "fx", "1.0").pool.to_string()).collect();
    assert_eq!(pools, ["fx 1", "fx 1", "fx 2"]);
}

#[test]
fn l19_sort_decides_which_pool_is_tried_first() {
    let mut bench = Bench::new("INCREMENT fx LGS 1.0 permanent 2\nINCREMENT fx LGS 2.0 permanent 2 sort=1");
    assert_eq!(bench.grant("a", "fx", "1.0").pool.as_str(), "fx 2");
}

#[test]
fn l20_expiry_is_no_pool_key_and_lots_leave_one_by_one() {
    let mut bench =
        Bench::new("INCREMENT fx LGS 1.0 31-dec-2026 5 SN=1\nINCREMENT fx LGS 1.0 30-nov-2026 5 SN=2");
    assert_eq!(bench.out("a", "fx", "1.0", 10), 0);
    assert_eq!(bench.state.pools().count(), 1);
    bench.all_in();
    // 5-dec-2026: half of the pool is gone.
    bench.now.utc.0 += 173 * 86_400_000;
    expect(&mut bench, &[("a", "fx", "1.0", 6, -26), ("a", "fx", "1.0", 5, 0), ("b", "fx", "1.0", 1, -4)]);
}

#[test]
fn l21_borrow_is_a_pool_key() {
    let mut bench = Bench::new("INCREMENT fx LGS 1.0 permanent 5 BORROW\nINCREMENT fx LGS 1.0 permanent 5");
    expect(&mut bench, &[("a", "fx", "1.0", 6, -26), ("a", "fx", "1.0", 5, 0), ("a", "fx", "1.0", 5, 0)]);
    assert_eq!(bench.state.pools().count(), 2);
}

#[test]
fn l32_l33_l34_hostids_of_lines() {
    let mut bench = Bench::new("FEATURE fx LGS 1.0 permanent uncounted HOSTID=\"aaaaaaaaaaaa bbbbbbbbbbbb\"");
    assert_eq!(bench.out_with("a@h1", &["bbbbbbbbbbbb"], "fx", "1.0"), 0);
    assert_eq!(bench.out_with("b@h2", &["cccccccccccc"], "fx", "1.0"), -9);
    let mut bench = Bench::new("FEATURE fx LGS 1.0 permanent 3 HOSTID=INTERNET=10.1.*.*");
    assert_eq!(bench.out_with("a@h1", &["ip=10.1.7.9"], "fx", "1.0"), 0);
    assert_eq!(bench.out_with("b@h2", &["ip=10.2.0.1"], "fx", "1.0"), -9);
    let mut bench = Bench::new("FEATURE fx LGS 1.0 permanent uncounted HOSTID=ID=1234-5678");
    assert_eq!(bench.out("a@h9", "fx", "1.0", 1), 0);
}

#[test]
fn l52_l53_more_than_any_pool_has() {
    let mut bench = Bench::new("FEATURE fx LGS 1.0 permanent 3");
    assert_eq!(bench.out("a", "fx", "1.0", 4), -26);
    let mut bench = Bench::new("INCREMENT fx LGS 1.0 permanent 2\nINCREMENT fx LGS 2.0 permanent 2");
    assert_eq!(bench.out("a", "fx", "1.0", 3), -26);
}

#[test]
fn l55_the_first_counted_feature_of_a_name_wins() {
    let (one, two) = ("FEATURE fx LGS 1.0 permanent 2", "FEATURE fx LGS 2.0 permanent 3");
    let mut bench = Bench::new(&format!("{one}\n{two}"));
    expect(&mut bench, &[("a", "fx", "1.0", 2, 0), ("b", "fx", "2.0", 1, -25)]);
    let mut bench = Bench::new(&format!("{two}\n{one}"));
    expect(&mut bench, &[("a", "fx", "2.0", 3, 0), ("b", "fx", "2.0", 1, -4)]);
}

#[test]
fn l58_a_file_of_another_machine_and_names_that_stand_nowhere() {
    let mut bench = Bench::with(catalog_of(
        "SERVER srv 0011aabbccdd 27000\nVENDOR LGS\nFEATURE fx LGS 1.0 permanent 1\n",
    ));
    expect(&mut bench, &[("a", "fx", "1.0", 1, -92), ("a", "zz", "1.0", 1, -5)]);
}

#[test]
fn the_denial_is_that_of_the_pool_that_got_furthest() {
    let mut bench = Bench::new(
        "INCREMENT fx LGS 1.0 permanent 2\nINCREMENT fx LGS 2.0 1-jan-2020 2\n\
         INCREMENT fx LGS 3.0 permanent 1 HOSTID=aaaaaaaaaaaa",
    );
    expect(
        &mut bench,
        &[
            ("a", "fx", "4.0", 1, -25),
            ("a", "fx", "1.5", 1, -9),
            ("a", "fx", "1.0", 3, -26),
            ("a", "fx", "1.0", 2, 0),
            ("b", "fx", "1.0", 1, -4),
        ],
    );
}

#[test]
fn l22_an_upgrade_moves_licenses_to_another_version() {
    let mut bench = Bench::new("INCREMENT fx LGS 1.0 permanent 5\nUPGRADE fx LGS 1.0 2.0 permanent 2");
    expect(
        &mut bench,
        &[
            ("a", "fx", "2.0", 1, 0),
            ("b", "fx", "2.0", 1, 0),
            ("c", "fx", "2.0", 1, -4),
            ("d", "fx", "1.0", 1, 0),
            ("e", "fx", "1.0", 1, 0),
            ("f", "fx", "1.0", 1, 0),
            ("g", "fx", "1.0", 1, -4),
        ],
    );
    let mut bench = Bench::new("INCREMENT fx LGS 1.0 permanent 5\nUPGRADE fx LGS 1.0 2.0 permanent 2");
    let grant = bench.grant("a", "fx", "2.0");
    let keyword = |digest| {
        let line = bench.catalog.signed_line(digest).unwrap();
        line.canonical.lines().find_map(|field| field.strip_prefix("keyword=")).unwrap().to_owned()
    };
    assert_eq!(grant.lines.iter().map(keyword).collect::<Vec<_>>(), ["UPGRADE", "INCREMENT"]);
}

#[test]
fn l23_l24_superseded_lines_are_not_served() {
    let mut bench = Bench::new(
        "INCREMENT fx LGS 1.0 permanent 5 ISSUED=1-jan-2025\n\
         INCREMENT fx LGS 1.0 permanent 2 ISSUED=1-jan-2026 SUPERSEDE",
    );
    expect(&mut bench, &[("a", "fx", "1.0", 3, -26), ("a", "fx", "1.0", 2, 0), ("b", "fx", "1.0", 1, -4)]);
    let mut bench = Bench::new(
        "INCREMENT fx LGS 1.0 permanent 5 ISSUED=1-jan-2025\n\
         INCREMENT fy LGS 1.0 permanent 5 ISSUED=1-jan-2025\n\
         INCREMENT fz LGS 1.0 permanent 1 ISSUED=1-jan-2026 SUPERSEDE=\"fx fy\"",
    );
    expect(&mut bench, &[("a", "fx", "1.0", 1, -18), ("a", "fy", "1.0", 1, -18), ("a", "fz", "1.0", 1, 0)]);
}

#[test]
fn l25_components_of_a_bundle() {
    let mut bench =
        Bench::new("PACKAGE pk LGS 1.0 COMPONENTS=\"ca:1.5:2 cb:3.0:4\"\nFEATURE pk LGS 1.0 permanent 3");
    for (name, version, count) in [("ca", "1.5", 6), ("cb", "3.0", 12)] {
        for _ in 0..count {
            assert_eq!(bench.out("a", name, version, 1), 0, "{name}");
        }
        assert_eq!(bench.out("a", name, version, 1), -4, "{name}");
    }
    assert_eq!(bench.out("a", "pk", "1.0", 1), -18);
    bench.all_in();
    // A grant over several lots names the PACKAGE line once.
    let mut bench = Bench::new(
        "PACKAGE pk LGS 1.0 COMPONENTS=ca\nINCREMENT pk LGS 1.0 permanent 1 SN=1\nINCREMENT pk LGS 1.0 permanent 1 SN=2",
    );
    assert_eq!(bench.out("a", "ca", "1.0", 2), 0);
    let seat = bench.state.seats().next().unwrap().1;
    assert_eq!(seat.count.get(), 2);
    let named = super::bench::events(&bench.history).find_map(|event| match event {
        seatkeeper::event::Event::Out(out) => Some(out.lines.len()),
        _ => None,
    });
    assert_eq!(named, Some(3));
}

#[test]
fn l28_l29_packages_that_nothing_enables() {
    let mut bench = Bench::new("PACKAGE pk LGS 1.0 COMPONENTS=\"ca cb\"\nFEATURE pk LGS 2.0 permanent 5");
    expect(&mut bench, &[("a", "ca", "1.0", 1, -18), ("a", "cb", "1.0", 1, -18), ("a", "pk", "2.0", 1, 0)]);
    let mut bench = Bench::new("PACKAGE pk LGS 1.0 COMPONENTS=\"ca cb\"");
    expect(&mut bench, &[("a", "ca", "1.0", 1, -18), ("a", "zz", "1.0", 1, -5)]);
}

#[test]
fn l51_l54_equal_lines_count_once_and_lines_with_other_serial_numbers_add() {
    let (one, two) = ("INCREMENT fx LGS 1.0 permanent 2 SN=1", "INCREMENT fx LGS 1.0 permanent 2 SN=2");
    let mut bench = Bench::with(catalog_of_files(&[one, one]));
    expect(&mut bench, &[("a", "fx", "1.0", 2, 0), ("b", "fx", "1.0", 1, -4)]);
    let mut bench = Bench::with(catalog_of_files(&[one, two]));
    expect(&mut bench, &[("a", "fx", "1.0", 4, 0), ("b", "fx", "1.0", 1, -4)]);
    let serial = |lot: &seatkeeper::catalog::Lot| lot.place.name.to_string();
    let order: Vec<String> = bench.catalog.pools("fx")[0].lots.iter().map(serial).collect();
    assert_eq!(order, ["a.lic", "b.lic"]);
}

#[test]
fn a_key_that_has_retired_answers_as_a_bad_signature() {
    let mut manifest = Manifest::demo();
    manifest.keys[0].retires = Some(CivilDate::parse("15-jun-2026").unwrap());
    let key = manifest.keys[0].id().to_string();
    let mut bench = Bench::with(catalog_under(&["FEATURE fx LGS 1.0 permanent 1"], &manifest));
    assert_eq!(bench.out("a", "fx", "1.0", 1), 0);
    bench.all_in();
    bench.now.utc.0 += 86_400_000;
    let denial = bench.denial("a", "fx", "1.0");
    assert_eq!((denial.code.number(), denial.minor), (-8, minor::LINE_KEY_RETIRED));
    assert!(denial.note.contains(&key) && denial.note.contains("15-jun-2026"), "{}", denial.note);
}
