//! Cases of `flexnet-files.md` section 8.2 that need licenses in use, by id.

use seatkeeper::license::LicenseFile;
use seatkeeper::options::OptionsFile;
use seatkeeper::policy::Policy;
use seatkeeper::sign::Manifest;
use seatkeeper::text::Source;

use super::bench::{Bench, catalog_under};
use crate::signed::sign;

const BASE: &str = "INCREMENT fx LGS 2.0 permanent 10\nINCREMENT fy LGS 2.0 permanent 10";

/// `(who, number)`: one checkout of `fx` in its lowest version.
fn expect(lines: &str, options: &str, version: &str, table: &[(&str, i32)]) {
    let mut bench = Bench::with_options(lines, options);
    for (step, (who, number)) in table.iter().enumerate() {
        assert_eq!(bench.out(who, "fx", version, 1), *number, "{options:?} step {step}: {who}");
    }
}

#[test]
fn cases_o01_o02_o03_the_denial_names_the_line_and_not_its_text() {
    let mut bench = Bench::with_options(BASE, "# drawing office\nEXCLUDE fx USER hal\nINCLUDE fy USER bob");
    assert_eq!(bench.out("hal@h1", "fx", "2.0", 1), -38);
    assert_eq!(bench.out("joe@h1", "fy", "2.0", 1), -39);
    assert_eq!(bench.out("bob@h1", "fy", "2.0", 1), 0);
    let notes: Vec<String> = super::bench::events(&bench.history)
        .filter_map(|event| match event {
            seatkeeper::event::Event::Denied(denied) => Some(denied.denial.note.to_string()),
            _ => None,
        })
        .collect();
    assert!(notes[0].contains("LGS.opt:2") && notes[1].contains("LGS.opt:3"), "{notes:?}");
    assert!(notes.iter().all(|note| !note.contains("hal") && !note.contains("bob")), "{notes:?}");
}

#[test]
fn cases_o23_to_o29_limits() {
    let (jan, joe) = ("jan@h1", "joe@h1");
    let o23 = "MAX 2 fx USER jan";
    expect(BASE, o23, "2.0", &[(jan, 0), (jan, 0), (jan, -87), (joe, 0)]);
    let o24 = "GROUP G a b c\nMAX 3 fx GROUP G";
    expect(BASE, o24, "2.0", &[("a@h1", 0), ("a@h1", 0), ("b@h1", 0), ("c@h1", -87), ("d@h1", 0)]);
    let o25 = "MAX 1 fx USER ALL_USERS";
    expect(BASE, o25, "2.0", &[("a@h1", 0), ("a@h1", -87), ("b@h1", 0)]);
    let o26 = "MAX 3 fx USER jan\nMAX 1 fx USER ALL_USERS";
    expect(BASE, o26, "2.0", &[(jan, 0), (jan, 0), (jan, 0), (jan, -87), (joe, 0), (joe, -87)]);
    let o27 = "MAX 1 fx USER ALL_USERS\nMAX 3 fx USER jan";
    expect(BASE, o27, "2.0", &[(jan, 0), (jan, -87)]);
    let mut o28 = Bench::with_options(BASE, "MAX 4 fx USER ann");
    assert_eq!(o28.out("ann@h1", "fx", "2.0", 5), -87);
    assert_eq!(o28.out("ann@h1", "fx", "2.0", 4), 0);
    let mut o29 = Bench::with_options(BASE, "MAX 2 fx PROJECT p");
    let numbers = ["a@h1", "b@h1", "c@h1"].map(|who| o29.out_with(who, &["proj=p"], "fx", "2.0"));
    assert_eq!(numbers, [0, 0, -87]);
    expect(BASE, "MAX 0 fx USER jan", "2.0", &[(jan, -87), (joe, 0)]);
}

#[test]
fn cases_o30_o31_o32_o36_o37_reservations() {
    let of = |count: u32| format!("INCREMENT fx LGS 2.0 permanent {count}");
    let mel = "mel@h1";
    let o30 = [("joe@h1", 0), ("kim@h1", 0), ("lee@h1", -101), (mel, 0), ("lee@h1", -4)];
    expect(&of(3), "RESERVE 1 fx USER mel", "2.0", &o30);
    let o31 = "RESERVE 2 fx USER mel";
    expect(&of(2), o31, "2.0", &[("joe@h1", -101), (mel, 0), (mel, 0)]);
    let o32 = "GROUP G a b\nRESERVE 2 fx GROUP G";
    expect(&of(3), o32, "2.0", &[("c@h1", 0), ("d@h1", -101), ("a@h1", 0), ("b@h1", 0)]);
    let o36 = "RESERVE 1 fx USER mel\nEXCLUDE fx USER mel";
    expect(&of(2), o36, "2.0", &[(mel, -38), ("joe@h1", 0), ("kim@h1", -101)]);
    let o37 = "RESERVE 1 fx USER rob\nRESERVE 3 fx HOST bigbox\nEXCLUDE fx USER lou";
    let table = [
        ("rob@x", 0),
        ("lou@bigbox", -38),
        ("u1@bigbox", 0),
        ("u2@bigbox", 0),
        ("u3@bigbox", 0),
        ("joe@x", -4),
    ];
    expect(&of(4), o37, "2.0", &table);
}

#[test]
fn cases_o33_o34_reservations_in_several_pools() {
    let lines = "INCREMENT fx LGS 1.0 permanent 12\nINCREMENT fx LGS 2.9 permanent 5";
    for (options, granted) in
        [("GROUP G u1\nRESERVE 2 fx GROUP G", 13), ("GROUP G u1\nRESERVE 2 fx:VERSION=2.9 GROUP G", 15)]
    {
        let mut bench = Bench::with_options(lines, options);
        for number in 0..granted {
            assert_eq!(bench.out(&format!("v{number}@h1"), "fx", "1.0", 1), 0, "{options} {number}");
        }
        assert_eq!(bench.out("w@h1", "fx", "1.0", 1), -101, "{options}");
    }
}

#[test]
fn case_o38_the_pool_that_a_modifier_leaves_is_used_up() {
    let lines = "INCREMENT fx LGS 2.0 31-dec-2026 5 VENDOR_STRING=A\nINCREMENT fx LGS 2.0 30-nov-2026 5 VENDOR_STRING=B";
    let text = format!("SERVER srv ANY 27000\nVENDOR LGS\n{lines}\n");
    let manifest = Manifest { pool_on_vendor_string: true, ..Manifest::demo() };
    let mut bench = Bench::with(catalog_under(&[lines], &manifest));
    let options = b"GROUP S s\nEXCLUDE fx:EXPDATE=31-dec-2026 GROUP S";
    let options = OptionsFile::parse(Source::new("LGS.opt", options));
    let license = LicenseFile::parse(Source::new("test.lic", sign(&text).as_bytes()));
    (bench.policy, _) = Policy::compile(&options, &bench.catalog, &[&license]);
    for number in 0..5 {
        assert_eq!(bench.out("s@h1", "fx", "2.0", 1), 0, "{number}");
    }
    assert_eq!(bench.out("s@h1", "fx", "2.0", 1), -4);
    assert_eq!(bench.out("joe@h1", "fx", "2.0", 1), 0, "the other pool is open to others");
}

#[test]
fn case_o40_a_package_is_excluded_with_its_components() {
    let lines = "PACKAGE pk LGS 1.0 COMPONENTS=\"ca cb\"\nFEATURE pk LGS 1.0 permanent 3";
    let mut bench = Bench::with_options(lines, "EXCLUDE pk USER ann");
    let ask = |bench: &mut Bench, who: &str| ["ca", "cb"].map(|feature| bench.out(who, feature, "1.0", 1));
    assert_eq!(ask(&mut bench, "ann@h1"), [-38, -38]);
    assert_eq!(ask(&mut bench, "joe@h1"), [0, 0]);
    let mut included = Bench::with_options(lines, "INCLUDE pk USER ann");
    assert_eq!(ask(&mut included, "ann@h1"), [0, 0]);
    assert_eq!(ask(&mut included, "joe@h1"), [-39, -39]);
}

#[test]
fn case_o41_a_reservation_of_a_package_is_one_of_each_component() {
    let lines = "PACKAGE pk LGS 1.0 COMPONENTS=\"ca cb\"\nFEATURE pk LGS 1.0 permanent 3";
    let mut bench = Bench::with_options(lines, "RESERVE 1 pk USER mel");
    for feature in ["ca", "cb"] {
        let others = ["joe@h1", "kim@h1", "lee@h1"].map(|who| bench.out(who, feature, "1.0", 1));
        assert_eq!(others, [0, 0, -101], "{feature}");
        assert_eq!(bench.out("mel@h1", feature, "1.0", 1), 0, "{feature}");
    }
}

#[test]
fn case_o42_a_colon_in_a_features_name() {
    let lines = "INCREMENT f:1 LGS 2.0 permanent 10\nINCREMENT f:1 LGS 1.0 permanent 10 SN=2\nINCREMENT f LGS 2.0 permanent 1";
    let mut bench = Bench::with_options(lines, "EXCLUDE \"f:1 VERSION=2.0\" USER ann");
    assert_eq!(bench.out("ann@h1", "f:1", "2.0", 1), -38);
    assert_eq!(bench.out("ann@h1", "f:1", "1.0", 1), 0, "another version is another pool");
    assert_eq!(bench.out("joe@h1", "f:1", "2.0", 1), 0);
    assert_eq!(bench.out("ann@h1", "f", "2.0", 1), 0);
    let mut whole = Bench::with_options(lines, "EXCLUDE f:1 USER ann");
    assert_eq!(["2.0", "1.0"].map(|version| whole.out("ann@h1", "f:1", version, 1)), [-38, -38]);
}

#[test]
fn cases_o80_o81_limits_over_pools_and_groups() {
    let lines = "INCREMENT fx LGS 1.0 permanent 12\nINCREMENT fx LGS 2.9 permanent 5";
    let mut bench = Bench::with_options(lines, "MAX 2 fx USER jan");
    let numbers = ["1.0", "2.9", "1.0", "2.9"].map(|version| bench.out("jan@h1", "fx", version, 1));
    assert_eq!(numbers, [0, 0, -87, -87]);
    let o81 = "GROUP G u v\nGROUP H u\nMAX 3 fx GROUP G\nMAX 1 fx GROUP H";
    let (u, v) = ("u@h1", "v@h1");
    expect(BASE, o81, "2.0", &[(u, 0), (u, -87), (v, 0), (v, 0), (v, -87)]);
}

#[test]
fn a_seat_moves_up_into_a_reservation_that_becomes_free() {
    let mut bench = Bench::with_options("INCREMENT fx LGS 2.0 permanent 2", "RESERVE 1 fx USER mel");
    let first = bench.grant("mel@h1", "fx", "2.0");
    assert_eq!(bench.out("mel@h1", "fx", "2.0", 1), 0);
    bench.back("mel@h1", first.handle);
    // Mel's other license is the reserved one now, so that what came back is for everybody.
    assert_eq!(bench.out("joe@h1", "fx", "2.0", 1), 0);
    assert_eq!(bench.out("mel@h1", "fx", "2.0", 1), -4);
}
