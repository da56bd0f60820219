//! Cases of `flexnet-files.md` 8.1, as far as they concern the catalog; each test names its cases. Vendor `acmed`, every
//! file begins with `SERVER srv 0011aabbccdd 27000` unless it is shown, and "today" is 15-jun-2026.

mod package;
mod retirement;
mod supersede;
mod upgrade;

use super::*;
use crate::code::{Code, minor};
use crate::sign::SigningKey;
use crate::text::Source;
use crate::time::{CivilDate, Timestamp};

const HEAD: &str = "SERVER srv 0011aabbccdd 27000\nVENDOR acmed\n";

fn vendor() -> VendorName {
    VendorName::parse("acmed").unwrap()
}

fn key() -> SigningKey {
    SigningKey::generate_ed25519(vendor(), [1; 32])
}

fn manifest() -> Manifest {
    Manifest::new(vendor(), vec![key().verifying_key()])
}

fn machine() -> Vec<HostId> {
    vec![HostId::parse("0011AABBCCDD").unwrap(), HostId::parse("HOSTNAME=srv").unwrap()]
}

fn today() -> Timestamp {
    at("15-jun-2026")
}

fn at(day: &str) -> Timestamp {
    CivilDate::parse(day).unwrap().begins(&jiff::tz::TimeZone::UTC).unwrap()
}

/// The file with a SIGN behind each line that takes one.
fn signed_with(text: &str, key: &SigningKey) -> String {
    let file = LicenseFile::parse(Source::new("unsigned", text.as_bytes()));
    let hostids: Vec<HostId> = file.servers().map(|server| server.hostid.clone()).collect();
    let (mut out, mut copied) = (String::new(), 0);
    for (_, statement) in file.statements() {
        let sign = key.sign(&statement.canonical(&hostids).unwrap());
        out.push_str(&text[copied..statement.span().end]);
        out.push_str(&format!(" SIGN=\"{sign}\""));
        copied = statement.span().end;
    }
    out + &text[copied..]
}

fn signed(lines: &str) -> String {
    signed_with(&format!("{HEAD}{lines}\n"), &key())
}

/// Files are named a.lic, b.lic and so on.
fn load_with(texts: &[String], manifest: &Manifest) -> Catalog {
    let files: Vec<LicenseFile> = texts
        .iter()
        .zip('a'..)
        .map(|(text, letter)| LicenseFile::parse(Source::new(&format!("{letter}.lic"), text.as_bytes())))
        .collect();
    let inputs: Vec<&LicenseFile> = files.iter().collect();
    Catalog::build(&vendor(), &inputs, manifest, &machine(), &jiff::tz::TimeZone::UTC)
}

fn load(lines: &str) -> Catalog {
    load_with(&[signed(lines)], &manifest())
}

/// Key and count of each pool of `fx`, in request order.
fn pools(catalog: &Catalog) -> Vec<(String, u32)> {
    catalog.pools("fx").iter().map(|pool| (pool.key.to_string(), pool.count_at(today()))).collect()
}

fn expect(catalog: &Catalog, expected: &[(&str, u32)]) {
    let expected: Vec<_> = expected.iter().map(|(key, count)| ((*key).to_owned(), *count)).collect();
    assert_eq!(pools(catalog), expected, "{:#?}", catalog.verdicts());
}

/// Key and count of each pool of all features.
fn all_pools(catalog: &Catalog) -> Vec<(String, u32)> {
    let pools = catalog.features().flat_map(|name| catalog.pools(name.as_str()));
    pools.map(|pool| (pool.key.to_string(), pool.count_at(today()))).collect()
}

fn expect_all(catalog: &Catalog, expected: &[(&str, u32)]) {
    let expected: Vec<_> = expected.iter().map(|(key, count)| ((*key).to_owned(), *count)).collect();
    assert_eq!(all_pools(catalog), expected, "{:#?}", catalog.verdicts());
}

/// The verdict on the line of this number of the first file.
fn verdict(catalog: &Catalog, number: usize) -> &LineVerdict {
    let found = |line: &&LineVerdict| line.place.file == 0 && line.place.number == number;
    catalog.verdicts().iter().find(found).unwrap()
}

fn ignored(catalog: &Catalog, number: usize) -> Option<IgnoredReason> {
    match &verdict(catalog, number).verdict {
        Verdict::Ignored { reason, .. } => Some(*reason),
        _ => None,
    }
}

/// What a request for a name that is not served is told: number, and whether lmstat lists the name.
fn absent(catalog: &Catalog, name: &str) -> (i32, bool) {
    let unserved = catalog.unserved(name).unwrap();
    (unserved.denial().code.number(), !matches!(unserved, Unserved::Inactive { .. }))
}

/// The refusals, as code and minor.
fn refusals(catalog: &Catalog) -> Vec<(i32, u16)> {
    catalog
        .verdicts()
        .iter()
        .filter_map(|verdict| match &verdict.verdict {
            Verdict::Refused { code, minor, .. } => Some((code.number(), *minor)),
            _ => None,
        })
        .collect()
}

#[test]
fn clients_are_told_names_of_files_and_no_directories() {
    let file = |name: &str, lines: &str| LicenseFile::parse(Source::new(name, signed(lines).as_bytes()));
    let files = [
        file("/srv/site a/one.lic", "INCREMENT fx acmed 1.0 permanent 1 ISSUED=1-jan-2025"),
        file("/srv/b/two.lic", "INCREMENT fy acmed 1.0 permanent 1 ISSUED=1-jan-2026 SUPERSEDE=fx"),
    ];
    let inputs: Vec<&LicenseFile> = files.iter().collect();
    let catalog = Catalog::build(&vendor(), &inputs, &manifest(), &machine(), &jiff::tz::TimeZone::UTC);
    let note = catalog.unserved("fx").unwrap().denial().note;
    assert_eq!(&*note, "one.lic:3: fx superseded by the newer line at two.lic:3");
    // The administrator reads them in full.
    let told = catalog.verdicts()[0].to_string();
    assert_eq!(told, "/srv/site a/one.lic:3: fx superseded by the newer line at /srv/b/two.lic:3");
}

#[test]
fn attributes_without_effect_are_told() {
    for attribute in ["ONE_TS_OK", "SUPERSEDE_SIGN=x"] {
        let catalog = load(&format!("INCREMENT fx acmed 1.0 permanent 1 {attribute}"));
        let line = catalog.verdicts()[0].to_string();
        let name = attribute.split('=').next().unwrap();
        assert!(line.contains(&format!("; {name} has no effect yet: ")), "{line}");
    }
}

fn version(text: &str) -> crate::ident::Version {
    crate::ident::Version::parse(text).unwrap()
}

#[test]
fn l01_l02_l03_l06_counted_lines_with_and_without_an_end() {
    for (expiry, ends) in
        [("31-dec-2026", Some(at("1-jan-2027"))), ("1-jan-0", None), ("permanent", None), ("1-jan-00", None)]
    {
        let catalog = load(&format!("FEATURE fx acmed 1.0 {expiry} 2"));
        expect(&catalog, &[("fx 1", 2)]);
        let pool = &catalog.pools("fx")[0];
        assert_eq!(pool.lots[0].ends, ends, "{expiry}");
        assert_eq!(pool.period_at(today()), Period::Within);
        assert!(pool.counted && pool.hostids.is_empty());
    }
}

#[test]
fn l04_l05_expired_lines_stay_as_expired_lots() {
    for expiry in ["01-jan-2020", "1-jan-99"] {
        let catalog = load(&format!("FEATURE fx acmed 1.0 {expiry} 1"));
        expect(&catalog, &[("fx 1", 0)]);
        assert_eq!(catalog.pools("fx")[0].period_at(today()), Period::After);
    }
}

#[test]
fn l07_l11_lines_with_a_bad_date_or_version_are_refused() {
    for (line, code) in [("FEATURE fx acmed 1.0 2026-12-31 1", -11), ("FEATURE fx acmed v2 permanent 1", -77)]
    {
        let catalog = load(line);
        assert!(catalog.is_empty());
        assert_eq!(refusals(&catalog), [(code, 0)], "{line}");
        let denial = catalog.unserved("fx").unwrap().denial();
        assert_eq!((denial.code, denial.minor), (Code::FeatureNotSupported, minor::LINES_NOT_SERVED));
        assert!(denial.note.starts_with("a.lic:3: fx refused"), "{}", denial.note);
    }
}

#[test]
fn l08_l09_l10_versions_are_decimal_numbers() {
    let of = |written: &str| load(&format!("FEATURE fx acmed {written} permanent 1")).pools("fx")[0].version;
    assert!(of("2.0") >= version("1.5") && of("2.0") >= version("2.0") && of("2.0") < version("2.1"));
    assert!(of("1.10") < version("1.9") && of("1.10") >= version("1.1"));
    assert!(of("2026.0630") >= version("2026.0101") && of("2026.0630") < version("2026.0701"));
}

#[test]
fn l12_a_line_that_starts_later() {
    let catalog = load("FEATURE fx acmed 1.0 permanent 1 START=01-jan-2030");
    let pool = &catalog.pools("fx")[0];
    assert_eq!(pool.period_at(today()), Period::Before);
    assert_eq!((pool.count_at(today()), pool.count_at(at("01-jan-2030"))), (0, 1));
    assert_eq!(pool.period_at(at("01-jan-2030")), Period::Within);
}

#[test]
fn l13_l20_increments_add_whatever_their_expiry() {
    let catalog = load("INCREMENT fx acmed 1.0 permanent 2\nINCREMENT fx acmed 1.0 permanent 3");
    expect(&catalog, &[("fx 1", 5)]);

    let catalog = load("INCREMENT fx acmed 1.0 31-dec-2026 5\nINCREMENT fx acmed 1.0 30-nov-2026 5");
    expect(&catalog, &[("fx 1", 10)]);
    let pool = &catalog.pools("fx")[0];
    let midnight = at("1-dec-2026");
    assert_eq!(pool.count_at(Timestamp(midnight.0 - 1)), 10);
    assert_eq!(pool.count_at(midnight), 5);
    assert_eq!(pool.backing_lot(today()).unwrap().ends, Some(at("1-jan-2027")));
}

#[test]
fn l14_l15_l55_only_the_first_counted_feature_line_is_used() {
    let catalog = load("FEATURE fx acmed 1.0 permanent 2\nFEATURE fx acmed 1.0 permanent 3");
    expect(&catalog, &[("fx 1", 2)]);
    let ignored = catalog.verdicts().last().unwrap().to_string();
    assert!(ignored.starts_with("a.lic:4: fx ignored") && ignored.contains("a.lic:3"), "{ignored}");

    let catalog = load("FEATURE fx acmed 1.0 permanent 2\nINCREMENT fx acmed 1.0 permanent 3");
    expect(&catalog, &[("fx 1", 5)]);

    let [one, two] = ["FEATURE fx acmed 1.0 permanent 2", "FEATURE fx acmed 2.0 permanent 3"];
    expect(&load(&format!("{one}\n{two}")), &[("fx 1", 2)]);
    expect(&load(&format!("{two}\n{one}")), &[("fx 2", 3)]);
}

#[test]
fn a_refused_feature_line_does_not_win() {
    let text = signed("FEATURE fx acmed 1.0 permanent 2\nFEATURE fx acmed 1.0 permanent 3");
    let catalog = load_with(&[text.replacen("permanent 2", "permanent 9", 1)], &manifest());
    expect(&catalog, &[("fx 1", 3)]);
}

#[test]
fn l16_uncounted_lines_stand_beside_the_counted_one() {
    let catalog = load(
        "FEATURE fx acmed 1.0 permanent uncounted HOSTID=aaaaaaaaaaaa\n\
         FEATURE fx acmed 1.0 permanent 0 HOSTID=bbbbbbbbbbbb\n\
         FEATURE fx acmed 1.0 permanent 2",
    );
    expect(
        &catalog,
        &[("fx 1 uncounted HOSTID=aaaaaaaaaaaa", 0), ("fx 1 uncounted HOSTID=bbbbbbbbbbbb", 0), ("fx 1", 2)],
    );
    let counted: Vec<bool> = catalog.pools("fx").iter().map(|pool| pool.counted).collect();
    assert_eq!(counted, [false, false, true]);
}

#[test]
fn l17_l18_l19_l21_pools_by_key_lower_versions_first() {
    let lines = "INCREMENT fx acmed 2.0 permanent 2\nINCREMENT fx acmed 1.0 permanent 2";
    expect(&load(lines), &[("fx 1", 2), ("fx 2", 2)]);
    expect(&load(&lines.replace("2.0 permanent 2", "2.0 permanent 2 sort=1")), &[("fx 2", 2), ("fx 1", 2)]);
    let lines = "INCREMENT fx acmed 1.0 permanent 5 BORROW\nINCREMENT fx acmed 1.0 permanent 5";
    expect(&load(lines), &[("fx 1 BORROW=168", 5), ("fx 1", 5)]);
    let lines = "INCREMENT fx acmed 1.0 permanent 5 BORROW\nINCREMENT fx acmed 1.0 permanent 5 BORROW=168";
    expect(&load(lines), &[("fx 1 BORROW=168", 10)]);
}

#[test]
fn request_order_follows_every_key() {
    // Behind each other: explicit sort, FEATURE before INCREMENT, uncounted before counted, version, newest first.
    let catalog = load(
        "INCREMENT fx acmed 9 permanent 1 sort=100\n\
         INCREMENT fx acmed 3 permanent 1 ISSUED=1-jan-2025 DUP_GROUP=U\n\
         INCREMENT fx acmed 3 permanent 1 DUP_GROUP=H\n\
         INCREMENT fx acmed 3 permanent 1 START=1-jan-2026 DUP_GROUP=D\n\
         INCREMENT fx acmed 5 permanent uncounted HOSTID=ANY\n\
         FEATURE fx acmed 8 permanent 1\n\
         INCREMENT fx acmed 7 permanent 1 sort=900\n\
         INCREMENT fx acmed 6 permanent 1 sort=2",
    );
    let versions: Vec<String> = pools(&catalog).into_iter().map(|(key, _)| key).collect();
    assert_eq!(
        versions,
        [
            "fx 6",
            "fx 9",
            "fx 8",
            "fx 5 uncounted HOSTID=ANY",
            "fx 3 DUP_GROUP=D",
            "fx 3 DUP_GROUP=U",
            "fx 3 DUP_GROUP=H",
            "fx 7"
        ]
    );
}

#[test]
fn files_come_one_after_the_other_and_features_by_name() {
    let texts = [
        signed("INCREMENT fz acmed 1.0 permanent 1\nINCREMENT fx acmed 2.0 permanent 1"),
        signed("INCREMENT fa acmed 1.0 permanent 1\nINCREMENT fx acmed 1.0 permanent 1"),
    ];
    let catalog = load_with(&texts, &manifest());
    expect(&catalog, &[("fx 2", 1), ("fx 1", 1)]);
    let names: Vec<&str> = catalog.features().map(FeatureName::as_str).collect();
    assert_eq!(names, ["fx", "fz", "fa"]);
}

#[test]
fn vendor_string_is_a_key_if_the_manifest_says_so() {
    let lines = "INCREMENT fx acmed 1.0 permanent 1 VENDOR_STRING=\"b \\\\\"\n\
                 INCREMENT fx acmed 1.0 permanent 2 VENDOR_STRING=a";
    let text = [signed(lines)];
    expect(&load_with(&text, &manifest()), &[("fx 1", 3)]);
    let pooling = Manifest { pool_on_vendor_string: true, ..manifest() };
    let catalog = load_with(&text, &pooling);
    expect(&catalog, &[("fx 1 VENDOR_STRING=a", 2), ("fx 1 VENDOR_STRING=\"b \\\\\\\\\"", 1)]);
    assert_eq!(catalog.pools("fx")[0].vendor_string.as_deref(), Some("a"));
}

#[test]
fn hostid_lists_are_sets() {
    let catalog = load(
        "INCREMENT fx acmed 1.0 permanent 1 HOSTID=\"AAAAAAAAAAAA HOSTNAME=h1\"\n\
         INCREMENT fx acmed 1.0 permanent 2 HOSTID=\"HOSTNAME=h1 aa:aa:aa:aa:aa:aa\"",
    );
    expect(&catalog, &[("fx 1 HOSTID=\"HOSTNAME=h1 aaaaaaaaaaaa\"", 3)]);
}

#[test]
fn l30_without_a_server_only_uncounted_lines_are_served() {
    let text = signed_with(
        "FEATURE fx acmed 1.0 permanent 3\nFEATURE fy acmed 1.0 permanent uncounted HOSTID=ANY\n",
        &key(),
    );
    let catalog = load_with(&[text], &manifest());
    assert_eq!(refusals(&catalog), [(-13, minor::LINES_NOT_SERVED)]);
    assert_eq!(catalog.pools("fy").len(), 1);
}

#[test]
fn l31_l35_uncounted_needs_a_hostid_and_demo_an_uncounted_line() {
    for line in ["FEATURE fx acmed 1.0 permanent uncounted", "FEATURE fx acmed 1.0 permanent 3 HOSTID=DEMO"] {
        let catalog = load(line);
        assert!(catalog.is_empty(), "{line}");
        assert_eq!(refusals(&catalog).len(), 1, "{line}");
        assert!(catalog.unserved("fx").is_some());
    }
}

#[test]
fn l32_l33_l34_hostids_of_clients() {
    use crate::event::{Claims, Identity, SessionKind};
    let claims = |host: &str, hostid: &str| Claims {
        user: crate::ident::User::parse("ann").unwrap(),
        host: crate::ident::Host::parse(host).unwrap(),
        display: crate::ident::Display::parse(":0").unwrap(),
        project: None,
        platform: None,
        hostids: vec![crate::ident::Host::parse(hostid).unwrap()],
        pid: None,
    };
    let who = |host: &str, hostid: &str, address: &str| {
        Identity::new(claims(host, hostid), address.parse().unwrap(), SessionKind::Framed)
    };
    let catalog = load("FEATURE fx acmed 1.0 permanent uncounted HOSTID=\"aaaaaaaaaaaa bbbbbbbbbbbb\"");
    let pool = &catalog.pools("fx")[0];
    assert!(pool.admits(&who("h1", "bbbbbbbbbbbb", "10.0.0.1")));
    assert!(!pool.admits(&who("h1", "cccccccccccc", "10.0.0.1")));
    let catalog = load("FEATURE fx acmed 1.0 permanent 3 HOSTID=INTERNET=10.1.*.*");
    let pool = &catalog.pools("fx")[0];
    assert!(pool.admits(&who("h1", "cccccccccccc", "10.1.7.9")));
    assert!(!pool.admits(&who("h1", "cccccccccccc", "10.2.0.1")));
    let catalog = load(
        "FEATURE fx acmed 1.0 permanent uncounted HOSTID=ID=1234-5678\n\
         FEATURE fx acmed 1.0 permanent uncounted HOSTID=ID=12345678",
    );
    expect(&catalog, &[("fx 1 uncounted HOSTID=ID=12345678", 0)]);
    assert!(catalog.pools("fx")[0].admits(&who("h1", "cccccccccccc", "10.0.0.1")));
}

#[test]
fn l49_the_bare_key_of_old_lines_is_no_signature() {
    let line = "INCREMENT fx acmed 18 01-sep-2030 1 0A1B2C3D4E5F6071 DUP_GROUP=U SN=1";
    let catalog = load_with(&[format!("{HEAD}{line}\n")], &manifest());
    assert_eq!(refusals(&catalog), [(-8, minor::LINE_UNSIGNED)]);
    expect(&load(line), &[("fx 18 DUP_GROUP=U", 1)]);
}

#[test]
fn l50_an_unknown_attribute_costs_its_own_line() {
    let catalog = load("INCREMENT fx acmed 1.0 permanent 1 FOO_BAR=1\nINCREMENT fx acmed 1.0 permanent 2");
    assert_eq!(refusals(&catalog), [(-90, 0)]);
    expect(&catalog, &[("fx 1", 2)]);
    assert!(catalog.unserved("fx").is_none());
}

#[test]
fn l51_l54_equal_lines_count_once_across_files() {
    let one = signed("INCREMENT fx acmed 1.0 permanent 2 SN=1");
    let two = signed("INCREMENT fx acmed 1.0 permanent 2 SN=2");
    let catalog = load_with(&[one.clone(), one.clone()], &manifest());
    expect(&catalog, &[("fx 1", 2)]);
    let ignored = catalog.verdicts().last().unwrap().to_string();
    assert!(ignored.starts_with("b.lic:3: fx ignored") && ignored.contains("a.lic:3"), "{ignored}");
    let catalog = load_with(&[one, two], &manifest());
    expect(&catalog, &[("fx 1", 4)]);
    let digests: Vec<Digest> = catalog.pools("fx")[0].lots.iter().map(|lot| lot.digest).collect();
    assert!(catalog.signed_line(&digests[0]).unwrap().canonical.ends_with("\nSN=1"));
    assert!(catalog.signed_line(&digests[1]).unwrap().canonical.ends_with("\nSN=2"));
}

#[test]
fn l58_a_file_of_another_machine_is_not_served() {
    let other = format!("{HEAD}INCREMENT fx acmed 1.0 permanent 2\n").replace("0011aabbccdd", "00112233ffff");
    let texts = [signed_with(&other, &key()), signed("INCREMENT fy acmed 1.0 permanent 1")];
    let catalog = load_with(&texts, &manifest());
    assert_eq!(catalog.pools("fy").len(), 1);
    let denial = catalog.unserved("fx").unwrap().denial();
    assert_eq!((denial.code, denial.minor), (Code::FeatureRemoved, minor::SERVER_HOSTID));
    assert_eq!(catalog.unserved("fx").unwrap().licenses(), 2);
    let told = catalog.verdicts()[0].to_string();
    assert!(told.starts_with("a.lic:1: SERVER srv 00112233ffff refused (-92,203)"), "{told}");
    assert!(told.contains("00112233ffff") && told.contains("0011aabbccdd"), "{told}");
    // The hostids are for the log: clients and the other lines are told of the SERVER line.
    let told = catalog.verdicts()[1].to_string();
    assert!(told.ends_with("the SERVER line at a.lic:1 is for another machine"), "{told}");
    let note = denial.note.to_string();
    assert!(note.ends_with("the SERVER line at a.lic:1 is for another machine"), "{note}");
    assert!(!format!("{told}{note}").to_lowercase().contains("aabbccdd"), "{told} {note}");
    // The wrong machine answers before any other reason, and not for names that are served elsewhere.
    assert!(catalog.unserved("fy").is_none() && catalog.unserved("fz").is_none());
}

#[test]
fn files_with_two_or_three_servers_are_not_served() {
    for (servers, code) in [
        ("SERVER a ANY 1\nSERVER b ANY 2\n", -2),
        ("SERVER a ANY 1\nSERVER b ANY 2\nSERVER c ANY 3\n", -18),
        ("SERVER a ANY 1\nSERVER b ANY\nSERVER c ANY 3\n", -2),
    ] {
        let text = signed_with(&format!("{servers}INCREMENT fx acmed 1.0 permanent 2\n"), &key());
        let catalog = load_with(&[text], &manifest());
        assert!(catalog.is_empty(), "{servers}");
        assert!(
            refusals(&catalog).iter().all(|(found, _)| *found == code),
            "{servers} {:?}",
            refusals(&catalog)
        );
    }
}

#[test]
fn a_damaged_line_is_remembered_by_its_name_however_it_is_wrapped() {
    for line in ["\u{feff}INCREMENT fx acmed 1.0 never 2", "INCREMENT\\\n \"fx\" acmed 1.0 never 2"] {
        let catalog = load_with(&[format!("{line}\n")], &manifest());
        assert_eq!(refusals(&catalog), [(-11, 0)], "{line:?}");
        assert_eq!(catalog.unserved("fx").unwrap().denial().code, Code::FeatureNotSupported, "{line:?}");
    }
}

#[test]
fn restrictions_that_are_not_enforced_yet_are_not_served() {
    for attribute in admit::RESTRICTIONS {
        let catalog = load(&format!("INCREMENT fx acmed 1.0 permanent 2 {attribute}=1"));
        assert_eq!(refusals(&catalog), [(-18, minor::LINES_NOT_SERVED)], "{attribute}");
    }
}

#[test]
fn names_of_other_line_kinds_are_known_but_not_served() {
    let catalog =
        load("UPGRADE fu acmed 1.0 2.0 permanent 2 SIGN=0\nPACKAGE pk acmed 1.0 COMPONENTS=ca SIGN=0");
    assert_eq!(catalog.unserved("fu").unwrap().denial().code, Code::FeatureNotSupported);
    assert_eq!(catalog.unserved("pk").unwrap().denial().code, Code::FeatureNotSupported);
}

#[test]
fn lines_of_other_vendors_are_not_ours() {
    let catalog = load("INCREMENT fx other 1.0 permanent 2\nINCREMENT fy other v1 permanent 2");
    assert!(catalog.is_empty() && catalog.verdicts().is_empty());
    assert!(catalog.unserved("fx").is_none() && catalog.unserved("fy").is_none());
}

#[test]
fn every_line_has_its_signature_judged() {
    let lines = "INCREMENT fx acmed 1.0 permanent 2 SN=1";
    let unsigned = format!("{HEAD}{lines}\n");
    assert_eq!(
        refusals(&load_with(std::slice::from_ref(&unsigned), &manifest())),
        [(-8, minor::LINE_UNSIGNED)]
    );
    let foreign = unsigned.replace("SN=1", "SN=1 SIGN=\"0123 4567 89AB CDEF 0123\"");
    assert_eq!(refusals(&load_with(&[foreign], &manifest())), [(-8, minor::LINE_UNSIGNED)]);
    let other = signed_with(&unsigned, &SigningKey::generate_ed25519(vendor(), [2; 32]));
    assert_eq!(refusals(&load_with(&[other], &manifest())), [(-8, minor::LINE_KEY_UNKNOWN)]);
    let hmac = SigningKey::generate_hmac(vendor(), [2; 32]);
    let both = Manifest::new(vendor(), vec![key().verifying_key(), hmac.verifying_key()]);
    expect(&load_with(&[signed_with(&unsigned, &hmac)], &both), &[("fx 1", 2)]);
}

const RICH: &str = "INCREMENT fx acmed 2.0 31-dec-2030 10 HOSTID=aabbccddeeff VENDOR_STRING=\"gold edition\" \
                    DUP_GROUP=U START=1-jan-2026 ISSUED=1-jan-2026 SN=77 NOTICE=\"for lab 3\" OVERDRAFT=2 BORROW \
                    asset_info=\"room 4\" sort=50";

#[test]
fn l45_editing_any_signed_part_is_seen() {
    let text = signed(RICH);
    expect(
        &load_with(std::slice::from_ref(&text), &manifest()),
        &[("fx 2 BORROW=168 DUP_GROUP=U HOSTID=aabbccddeeff", 10)],
    );
    for (from, to) in [
        ("INCREMENT", "FEATURE"),
        (" fx ", " fy "),
        (" 2.0 ", " 2.00 "),
        (" 2.0 ", " 3.0 "),
        ("31-dec-2030", "31-dec-2031"),
        ("31-dec-2030", "permanent"),
        (" 10 ", " 11 "),
        (" 10 ", " 010 "),
        ("HOSTID=aabbccddeeff ", ""),
        ("HOSTID=aabbccddeeff", "HOSTID=ANY"),
        ("gold edition", "gold  edition"),
        ("gold edition", "Gold edition"),
        ("DUP_GROUP=U", "DUP_GROUP=UH"),
        ("START=1-jan-2026 ", ""),
        ("ISSUED=1-jan-2026", "ISSUED=2-jan-2026"),
        ("SN=77", "SN=78"),
        ("lab 3", "lab 4"),
        ("OVERDRAFT=2", "OVERDRAFT=20"),
        (" BORROW", " BORROW=9999"),
        ("SN=77", "SN=77 ISSUER=us"),
        ("0011aabbccdd", "ANY"),
        ("SERVER srv 0011aabbccdd 27000\n", "SERVER srv HOSTNAME=srv 27000\n"),
    ] {
        let edited = text.replacen(from, to, 1);
        assert_ne!(edited, text, "{from}");
        let catalog = load_with(&[edited], &manifest());
        assert!(catalog.is_empty(), "{from} -> {to}");
        assert_eq!(refusals(&catalog), [(-8, minor::LINE_SIGNATURE_WRONG)], "{from} -> {to}");
    }
}

#[test]
fn l44_administrators_may_edit_what_is_theirs() {
    let text = signed(RICH);
    let expected = [("fx 2 BORROW=168 DUP_GROUP=U HOSTID=aabbccddeeff", 10)];
    for (from, to) in [
        ("srv", "licenses.example.com"),
        ("27000", "2700"),
        (" 27000", ""),
        ("0011aabbccdd", "00:11:AA:BB:CC:DD"),
        ("VENDOR acmed", "DAEMON acmed /opt/acmed options=/etc/acmed.opt port=4711"),
        ("VENDOR acmed", "# a comment\nVENDOR acmed\nUSE_SERVER"),
        ("room 4", "room 5"),
        (" asset_info=\"room 4\"", ""),
        ("sort=50", "sort=7 user_info=\"ann's\""),
        ("SN=77 ", "SN=\"77\"   "),
        ("SN=77 ", "SN=77 \\\r\n\t "),
        ("gold edition", "gold \\\n    edition"),
        ("SN=77 NOTICE=\"for lab 3\"", "NOTICE=\"for lab 3\" SN=77"),
        ("INCREMENT", "increment"),
        ("\n", "\r\n"),
    ] {
        let edited = if from == "\n" { text.replace(from, to) } else { text.replacen(from, to, 1) };
        assert_ne!(edited, text, "{from}");
        expect(&load_with(&[edited], &manifest()), &expected);
    }
}

#[test]
fn a_date_ends_with_its_day_on_the_servers_clock() {
    let zone = jiff::tz::TimeZone::get("America/New_York").unwrap();
    let text = signed("INCREMENT fx acmed 1.0 30-jun-2026 1 START=1-jun-2026");
    let file = LicenseFile::parse(Source::new("a.lic", text.as_bytes()));
    let catalog = Catalog::build(&vendor(), &[&file], &manifest(), &machine(), &zone);
    let lot = &catalog.pools("fx")[0].lots[0];
    assert_eq!(lot.starts.unwrap().to_string(), "2026-06-01T04:00:00.000Z");
    assert_eq!(lot.ends.unwrap().to_string(), "2026-07-01T04:00:00.000Z");
}

#[test]
fn the_demo_file_serves_what_its_comments_say() {
    let text = include_str!("../../testdata/svr_lgs.lic");
    let file = LicenseFile::parse(Source::new("svr_lgs.lic", text.as_bytes()));
    let lgs = VendorName::parse(crate::sign::DEMO_VENDOR).unwrap();
    let inputs = [&file];
    let catalog = Catalog::build(&lgs, &inputs, &Manifest::demo(), &[], &jiff::tz::TimeZone::UTC);
    assert!(catalog.demo());
    assert!(catalog.verdicts().iter().all(|line| line.verdict.is_applied()));
    let found: Vec<(String, u32, Period)> = catalog
        .features()
        .flat_map(|name| catalog.pools(name.as_str()))
        .map(|pool| (pool.key.to_string(), pool.count_at(today()), pool.period_at(today())))
        .collect();
    let expected = [
        ("cad_design 2", 10, Period::Within),
        ("cad_legacy 1", 0, Period::After),
        ("cad_next 3", 0, Period::Before),
        ("cad_view 2", 25, Period::Within),
        ("hello 1 uncounted HOSTID=ANY", 0, Period::Within),
        ("learn 1 uncounted HOSTID=ID=47110815", 0, Period::Within),
        ("mesh 1", 4, Period::Within),
        ("mesh 2.5", 2, Period::Within),
        ("render 3.1 HOSTID=\"HOSTNAME=render01 HOSTNAME=render02\"", 2, Period::Within),
        ("report 1", 5, Period::Within),
        ("setup_tool 1 uncounted HOSTID=020000000001", 0, Period::Within),
        ("simulate 4.2", 10, Period::Within),
    ];
    assert_eq!(found, expected.map(|(key, count, period)| (key.to_owned(), count, period)));
    assert_eq!(catalog.pools("simulate")[0].count_at(at("1-jan-2036")), 5);
}
