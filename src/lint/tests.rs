//! The examples of the explanations, and files that show more than one thing at once.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::*;
use crate::ident::VendorName;
use crate::license::{HostId, LicenseFile};
use crate::sign::{Manifest, ManifestKey, SigningKey, demo_signing_key};
use crate::text::{Finding, Severity, Source};
use crate::time::CivilDate;

fn vendor(name: &str) -> VendorName {
    VendorName::parse(name).unwrap()
}

fn key(seed: u8) -> SigningKey {
    SigningKey::generate_hmac(vendor("acmed"), [seed; 32])
}

fn day(text: &str) -> CivilDate {
    CivilDate::parse(text).unwrap()
}

fn parse(index: usize, text: &str) -> LicenseFile {
    let letter = char::from(b'a' + u8::try_from(index).unwrap());
    LicenseFile::parse(Source::new(&format!("{letter}.lic"), text.as_bytes()))
}

/// The text with a sound signature for each `SIGN=...`, over the lines of another text of the same shape.
fn signed_as(text: &str, over: &str, key: &SigningKey) -> String {
    let (file, over) = (parse(0, text), parse(0, over));
    let hostids: Vec<HostId> = over.servers().map(|server| server.hostid.clone()).collect();
    let (mut out, mut copied) = (String::new(), 0);
    for ((_, statement), (_, over)) in file.statements().zip(over.statements()) {
        let Some(sign) = statement.attribute("SIGN").filter(|sign| sign.value.as_deref() == Some("..."))
        else {
            continue;
        };
        out.push_str(&text[copied..sign.span.start]);
        write!(out, "SIGN=\"{}\"", key.sign(&over.canonical(&hostids).unwrap())).unwrap();
        copied = sign.span.end;
    }
    out + &text[copied..]
}

fn signed(text: &str) -> String {
    signed_as(text, text, &key(1))
}

fn manifest(vendor: &VendorName) -> Manifest {
    Manifest::new(vendor.clone(), vec![key(1).verifying_key(), key(2).verifying_key()])
}

/// A project of these texts, with a manifest for each vendor that a VENDOR line names.
struct Setting {
    files: Vec<LicenseFile>,
    manifests: BTreeMap<VendorName, Manifest>,
    foreign: bool,
}

impl Setting {
    fn of(texts: &[String]) -> Self {
        let files: Vec<LicenseFile> =
            texts.iter().enumerate().map(|(index, text)| parse(index, text)).collect();
        let manifests =
            files.iter().flat_map(LicenseFile::vendors).map(|line| (line.name.clone(), manifest(&line.name)));
        Self {
            manifests: manifests.chain([(vendor("acmed"), manifest(&vendor("acmed")))]).collect(),
            files,
            foreign: false,
        }
    }

    fn check(&self) -> Vec<Found> {
        let machine = [HostId::parse("0011aabbccdd").unwrap()];
        check(&Project {
            files: &self.files,
            manifests: &self.manifests,
            machine: Some(&machine),
            today: day("15-jun-2026"),
            soon_days: EXPIRES_SOON_DAYS,
            foreign: self.foreign,
        })
    }

    fn lines(&self) -> Vec<String> {
        self.check().iter().map(|found| found.diagnostic.line(&self.files[found.file].source)).collect()
    }
}

fn lint(texts: &[&str]) -> Vec<String> {
    Setting::of(&texts.iter().map(|text| signed(text)).collect::<Vec<_>>()).lines()
}

fn ids(found: &[Found]) -> Vec<&str> {
    let mut ids: Vec<&str> = found.iter().map(|found| found.diagnostic.id).collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

/// What the text of an example can't say: whose keys there are.
fn example(explanation: &Explanation) -> Setting {
    let sign = |key: &SigningKey| -> Vec<String> {
        explanation.example.iter().map(|text| signed_as(text, text, key)).collect()
    };
    let mut setting = Setting::of(&sign(&key(1)));
    let acmed = vendor("acmed");
    match explanation.id {
        "L0803" => {
            let over = explanation.mended[0];
            setting.files = vec![parse(0, &signed_as(explanation.example[0], over, &key(1)))];
        }
        "L0805" | "L0806" => {
            let last = if explanation.id == "L0805" { "31-may-2026" } else { "30-jun-2026" };
            let mut manifest = manifest(&acmed);
            manifest.keys[0] = ManifestKey { key: key(1).verifying_key(), retires: Some(day(last)) };
            setting.manifests.insert(acmed, manifest);
        }
        "L0811" => {
            setting = Setting::of(&sign(&demo_signing_key()));
            setting.manifests.insert(acmed, Manifest::demo());
        }
        "L0812" => setting.manifests.clear(),
        "L1002" => {
            setting.files[1] = parse(1, &sign(&key(2))[1]);
        }
        "L1032" => {
            setting
                .manifests
                .insert(acmed.clone(), Manifest { pool_on_vendor_string: true, ..manifest(&acmed) });
        }
        _ => {}
    }
    setting
}

/// Findings that need files too long for an example.
const LONG: [&str; 3] = ["L1026", "L1116", "O0107"];
/// `(id, what its example always has beside it, why)`.
const BESIDE: [(&str, &str, &str); 6] = [
    ("L0511", "L0901", "what ends in 19xx has expired"),
    ("L0528", "L1024", "the package's own name is no component of it any more"),
    ("L0612", "L0801", "an empty signature is none"),
    ("L1028", "L1004", "the PACKAGE line is superseded"),
    ("L1117", "L1101", "the machine of the examples has an Ethernet address"),
    ("L1106", "L0312", "it is about three servers, which are not served yet"),
];

fn all() -> impl Iterator<Item = &'static Finding> {
    let options = crate::options::finding::ALL.iter().chain(crate::policy::finding::ALL);
    crate::license::finding::ALL.iter().chain(finding::ALL).chain(options).chain(options_finding::ALL)
}

/// Those of options files have a test of their own.
fn of_licenses() -> impl Iterator<Item = &'static Explanation> {
    explanations().filter(|explanation| explanation.id.starts_with('L'))
}

#[test]
fn every_finding_is_explained_and_nothing_else() {
    let explained: Vec<&str> = explanations().map(|explanation| explanation.id).collect();
    assert!(explained.is_sorted_by(|one, other| one < other), "{explained:?}");
    assert_eq!(explained, all().map(|row| row.id).collect::<Vec<_>>());
    for row in all() {
        let explanation = explain(row.id).unwrap();
        assert!(explanation.cause.ends_with(['.', ')']) && explanation.remedy.ends_with('.'), "{}", row.id);
        assert_eq!(explanation.example.is_empty(), LONG.contains(&row.id), "{}", row.id);
    }
    assert_eq!(explain("L0000"), None);
}

#[test]
fn every_example_shows_its_finding_alone() {
    let mut wrong = String::new();
    for explanation in of_licenses().filter(|explanation| !explanation.example.is_empty()) {
        let setting = example(explanation);
        let mut expected = vec![explanation.id];
        expected.extend(BESIDE.iter().filter(|(id, ..)| *id == explanation.id).map(|(_, beside, _)| *beside));
        expected.sort_unstable();
        if ids(&setting.check()) != expected {
            writeln!(wrong, "{}: {:#?}", explanation.id, setting.lines()).unwrap();
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn every_mended_example_is_sound() {
    let mut wrong = String::new();
    for explanation in of_licenses() {
        let texts: Vec<String> = explanation.mended.iter().map(|text| signed(text)).collect();
        let setting = Setting::of(&texts);
        let found = setting.check();
        if ids(&found).contains(&explanation.id)
            || found.iter().any(|found| found.diagnostic.severity > Severity::Note)
        {
            writeln!(wrong, "{}: {:#?}", explanation.id, setting.lines()).unwrap();
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

const HEAD: &str = "SERVER srv 0011aabbccdd 27000\nVENDOR acmed\n";

#[test]
fn a_vendor_may_be_named_by_another_file() {
    let line = "SERVER srv 0011aabbccdd 27000\nINCREMENT fy acmed 1.0 permanent 2 SIGN=...\n";
    let first = format!("{HEAD}INCREMENT fx acmed 1.0 permanent 2 SIGN=...\n");
    assert_eq!(lint(&[&first, line]), Vec::<String>::new());
    let found = lint(&[&first, &line.replace("acmed", "acmde")]);
    assert_eq!(
        found,
        ["b.lic:2:1: warning[L0411]: no VENDOR line of this file names acmde; did you mean acmed?"]
    );
}

#[test]
fn messages_name_the_other_line() {
    let copy = "INCREMENT fx acmed 1.0 permanent 2 SIGN=...\n";
    let found = lint(&[&format!("{HEAD}{copy}"), &format!("{HEAD}\n# old\n{copy}")]);
    assert_eq!(
        found,
        [
            "b.lic:5:11: warning[L1001]: the same line of fx stands at a.lic:3 and counts once; remove one of them; \
          lines that shall add differ in SN"
        ]
    );
    let found = lint(&[&format!(
        "{HEAD}INCREMENT fx acmed 1.0 31-dec-2026 5 SIGN=...\nINCREMENT fx acmed 1.0 30-nov-2026 5 SIGN=...\n\
         INCREMENT fx acmed 1.0 permanent 1 SIGN=...\n"
    )]);
    assert_eq!(
        found,
        [
            "a.lic:4:11: note[L1031]: the lines at a.lic:3, a.lic:4, a.lic:5 are one pool of 11 until 30-nov-2026, \
          then 6 until 31-dec-2026, then 1 for good; the expiry date does not make a pool of its own"
        ]
    );
}

#[test]
fn foreign_files_are_checked_for_everything_else() {
    let text =
        format!("{HEAD}FEATURE fx acmed 1.0 1-jan-2020 2 HOSTID=dongle\nFEATURE fx acmed 1.0 permanent 3\n")
            .replace("0011aabbccdd", "00aabbccddee");
    let mut setting = Setting::of(&[text]);
    let own: Vec<_> = setting.check().iter().map(|found| found.diagnostic.id).collect();
    assert_eq!(own, ["L1101", "L0801", "L0901", "L0703", "L0801", "L1003"]);
    setting.foreign = true;
    let foreign: Vec<_> = setting.check().iter().map(|found| found.diagnostic.id).collect();
    assert_eq!(foreign, ["L1003"]);
}

/// A line whose signature is wrong is judged against the others all the same.
#[test]
fn a_wrong_signature_hides_nothing() {
    let found = lint(&[&format!(
        "{HEAD}FEATURE fx acmed 1.0 permanent 2 SIGN=...\nFEATURE fx acmed 1.0 permanent 3 SIGN=0 SN=2\n"
    )]);
    let ids: Vec<_> =
        found.iter().map(|line| &line[line.find('[').unwrap() + 1..line.find(']').unwrap()]).collect();
    assert_eq!(ids, ["L1003", "L0802"]);
}

#[test]
fn a_day_is_soon_or_not() {
    for (day, expected) in [
        ("14-jun-2026", "fx expired on 14-jun-2026"),
        ("15-jun-2026", "fx expires today"),
        ("16-jun-2026", "fx expires tomorrow, 16-jun-2026"),
        ("15-jul-2026", "fx expires on 15-jul-2026, in 30 days"),
        ("16-jul-2026", ""),
    ] {
        let found = lint(&[&format!("{HEAD}INCREMENT fx acmed 1.0 {day} 2 SIGN=...\n")]);
        assert_eq!(found.len(), usize::from(!expected.is_empty()), "{found:?}");
        assert!(found.iter().all(|line| line.contains(expected)), "{found:?}");
    }
}

#[test]
fn vendors_without_number_are_not_compared() {
    let vendors = |number: usize| -> String {
        (0..number).fold(HEAD.to_owned(), |text, n| text + &format!("INCREMENT fx v{n} 1.0 permanent 1\n"))
    };
    for (number, expected) in [(50, false), (51, true)] {
        let found = ids(&Setting::of(&[vendors(number)]).check()).contains(&"L1116");
        assert_eq!(found, expected, "{number}");
    }
}

/// Who can't read a SERVER line doesn't know its hostid, so no signature of the file is called wrong.
#[test]
fn a_bad_server_line_is_one_mistake() {
    let text =
        signed("SERVER srv 0011aabbccdd 27000\nVENDOR acmed\nINCREMENT fx acmed 1.0 permanent 1 SIGN=...\n");
    for server in ["SERVER srv 0011aabbccdd 99999", "SERVER srv"] {
        let damaged = text.replace("SERVER srv 0011aabbccdd 27000", server);
        let ids: Vec<_> = Setting::of(&[damaged]).check().iter().map(|found| found.diagnostic.id).collect();
        assert_eq!(ids.len(), 1, "{server}: {ids:?}");
        assert!(ids[0].starts_with("L03"), "{server}: {ids:?}");
    }
}
