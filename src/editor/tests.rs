//! The room on small files; positions are written into the texts as `^`.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;

use super::*;
use crate::catalog::{Catalog, Granted};
use crate::ident::VendorName;
use crate::license::LicenseFile;
use crate::lint::{OptionsOf, OptionsProject, check_options};
use crate::options::OptionsFile;
use crate::sign::Manifest;
use crate::text::{Diagnostic, Source};
use crate::time::Timestamp;

const LICENSE: &str = "SERVER srv 0011aabbccdd 27000\nVENDOR acmed\n\
    INCREMENT solver acmed 2.0 31-dec-2035 10 VENDOR_STRING=edu SIGN=1\n\
    INCREMENT mesher acmed 1.0 permanent 2 SIGN=2\n";
const GROUPS: &str = "GROUP drawing ann \"bob b\"\nHOST_GROUP lab h1 10.1.*.*\n";

/// A text without its mark, and where the mark stood.
fn marked(text: &str) -> (String, usize) {
    let at = text.find('^').expect("a mark");
    (text.replacen('^', "", 1), at)
}

fn options(text: &str) -> Document {
    Document::Options(OptionsFile::parse(Source::new("a.opt", text.as_bytes())))
}

fn license(text: &str) -> LicenseFile {
    LicenseFile::parse(Source::new("a.lic", text.as_bytes()))
}

/// Answers about a document with the license file beside it.
fn with_around<T>(licenses: &[LicenseFile], ask: impl FnOnce(&Around<'_>) -> T) -> T {
    let vendor = VendorName::parse("acmed").unwrap();
    let manifest = Manifest::new(vendor.clone(), Vec::new());
    let files: Vec<&LicenseFile> = licenses.iter().collect();
    let build = |granted| {
        let granted = Granted { signatures: granted, machine: granted };
        Catalog::build_granting(&vendor, &files, &manifest, &[], &TimeZone::UTC, granted)
    };
    let served = Served {
        vendor: vendor.clone(),
        known: false,
        catalog: build(false),
        granted: build(true),
        files: (0..licenses.len()).collect(),
    };
    ask(&Around { licenses, options: &[], served: &[served], at: Timestamp(1_800_000_000) })
}

/// What may stand at the mark of an options file.
fn offered(text: &str) -> Vec<String> {
    let (text, at) = marked(text);
    let found = with_around(&[license(LICENSE)], |around| complete(&options(&text), at, around).0);
    found.into_iter().map(|found| found.word).collect()
}

fn offered_in_license(text: &str) -> Vec<String> {
    let (text, at) = marked(text);
    let document = Document::License(license(&text));
    let licenses = [license(&text)];
    let found = with_around(&licenses, |around| complete(&document, at, around).0);
    found.into_iter().map(|found| found.word).collect()
}

#[test]
fn completion_of_options_follows_the_syntax_of_the_keyword() {
    assert!(offered("^").contains(&"EXCLUDE".to_owned()));
    assert!(offered("MAX 1 f USER u\nEX^").contains(&"EXCLUDEALL".to_owned()));
    assert_eq!(offered("EXCLUDE s^"), ["solver", "mesher"]);
    assert_eq!(offered("MAX 2 ^"), ["solver", "mesher"]);
    assert!(offered("MAX ^").is_empty() && offered("TIMEOUTALL ^").is_empty());
    assert_eq!(offered("EXCLUDE solver ^").len(), 7);
    assert_eq!(offered(&format!("{GROUPS}EXCLUDE solver GROUP ^")), ["drawing"]);
    assert_eq!(offered(&format!("{GROUPS}MAX 1 solver GROUP ^")), ["ALL_GROUPS", "drawing"]);
    assert_eq!(offered(&format!("{GROUPS}INCLUDEALL HOST_GROUP l^")), ["lab"]);
    assert_eq!(offered(&format!("{GROUPS}EXCLUDE solver USER ^")), ["ann", "\"bob b\""]);
    assert_eq!(offered(&format!("{GROUPS}GROUP other ^")), ["ann", "\"bob b\""]);
    assert_eq!(offered(&format!("{GROUPS}EXCLUDE solver HOST ^")), ["h1", "10.1.*.*"]);
    assert_eq!(offered("NOLOG ^").first().map(String::as_str), Some("IN"));
    assert_eq!(offered("AUTOMATIC_REREAD ^"), ["ON", "OFF"]);
    assert!(offered("# EX^").is_empty() && offered("NOLOG IN # ^").is_empty());
    assert!(offered("EXCLUDE solver USER ann ^").is_empty(), "nothing stands there");
}

#[test]
fn completion_behind_a_colon_is_of_modifiers_and_their_values() {
    assert!(offered("EXCLUDE solver:^").contains(&"VERSION=".to_owned()));
    assert_eq!(offered("EXCLUDE solver:VERSION=^"), ["2.0"]);
    assert_eq!(offered("EXCLUDE solver:VERSION=2.0:vendor_string=^"), ["edu"]);
    assert_eq!(offered("EXCLUDE mesher:EXPDATE=^"), ["permanent"]);
    let (text, at) = marked("EXCLUDE solver:VERS^ USER ann");
    with_around(&[license(LICENSE)], |around| {
        let (found, _) = complete(&options(&text), at, around);
        let edit = Edit { span: found[0].span, text: found[0].word.clone() };
        assert_eq!(applied(&text, &edit).unwrap(), "EXCLUDE solver:VERSION= USER ann");
    });
}

#[test]
fn completion_of_licenses_knows_fields_and_attributes() {
    assert!(offered_in_license("INC^").contains(&"INCREMENT".to_owned()));
    assert_eq!(offered_in_license("VENDOR acmed\nINCREMENT f ^"), ["acmed"]);
    assert_eq!(offered_in_license("INCREMENT f v 1.0 ^"), ["permanent"]);
    assert_eq!(offered_in_license("INCREMENT f v 1.0 permanent ^"), ["uncounted"]);
    let attributes = offered_in_license("INCREMENT f v 1.0 permanent 1 SN=1 ^");
    assert!(attributes.contains(&"HOSTID=".to_owned()) && attributes.contains(&"TS_OK".to_owned()));
    assert!(!attributes.iter().any(|name| name.starts_with("SN") || name.starts_with("COMPONENTS")));
    assert!(offered_in_license("PACKAGE p v 1.0 ^").contains(&"COMPONENTS=".to_owned()));
    assert!(offered_in_license("INCREMENT f v 1.0 permanent 1 DUP_GROUP=^").contains(&"UHD".to_owned()));
    assert_eq!(offered_in_license("VENDOR acmed OPTIONS=a.opt ^"), ["PORT="]);
    assert_eq!(offered_in_license("SERVER h ^"), ["ANY"]);
    // Lists of features are completed name by name.
    let package = "FEATURE ca v 1.0 permanent 1 SIGN=1\nPACKAGE p v 1.0 COMPONENTS=\"ca c^\" SIGN=1\n";
    assert_eq!(offered_in_license(package), ["ca", "p"]);
    assert_eq!(offered_in_license("FEATURE ca v 1.0 permanent 1 SN=^ SIGN=1"), Vec::<String>::new());
}

/// The hover at the mark of an options file.
fn shown(text: &str) -> String {
    let (text, at) = marked(text);
    let found = with_around(&[license(LICENSE)], |around| hover(&options(&text), at, around, &[]));
    found.map(|found| found.text).unwrap_or_default()
}

#[test]
fn hovers_tell_meanings_groups_and_pools() {
    let keyword = shown("RESE^RVE 1 solver USER ann");
    assert!(
        keyword.starts_with("`RESERVE COUNT FEATURE TYPE NAME`") && keyword.contains("aside"),
        "{keyword}"
    );
    let feature = shown("RESERVE 1 sol^ver USER ann");
    assert!(feature.contains("one license line"), "{feature}");
    assert!(feature.contains("solver 2.0: 10 licenses now: 10 until 31-dec-2035 (a.lic:3)"), "{feature}");
    assert!(shown("RESERVE 1 nothing^ USER ann").contains("no license line has it"));
    assert!(shown("EXCLUDE solver US^ER ann").contains("login name"));
    let group = shown(&format!("{GROUPS}EXCLUDE solver GROUP draw^ing"));
    assert!(group.contains("GROUP drawing: ann, bob b"), "{group}");
    assert!(shown("EXCLUDE solver GROUP dra^").contains("not defined"));
    assert_eq!(shown("# EXC^LUDE"), "");
}

#[test]
fn hovers_of_license_lines_tell_their_fate() {
    let (text, at) = marked(&LICENSE.replacen("solver", "sol^ver", 1));
    let document = Document::License(license(&text));
    let licenses = [license(&text)];
    let told = with_around(&licenses, |around| hover(&document, at, around, &[])).unwrap();
    assert!(told.text.contains("refused (") && told.text.contains("No key of vendor acmed"), "{}", told.text);
    assert!(told.text.contains("good signature: served in pool"), "{}", told.text);
    assert!(told.text.contains("solver 2.0: 10 licenses now"), "{}", told.text);
    let (text, at) = marked(&LICENSE.replacen("VENDOR_STRING", "VENDOR_^STRING", 1));
    let document = Document::License(license(&text));
    let told = with_around(&[], |around| hover(&document, at, around, &[])).unwrap();
    assert!(told.text.contains("Data of the publisher"), "{}", told.text);
}

#[test]
fn names_lead_to_their_definitions_and_uses() {
    let (text, at) = marked(&format!("{GROUPS}EXCLUDE solver GROUP drawi^ng\nMAX 1 solver GROUP drawing\n"));
    let document = options(&text);
    with_around(&[license(LICENSE)], |around| {
        let found = definitions(&document, at, around);
        assert_eq!(found.iter().map(|at| &text[at.span.start..at.span.end]).collect::<Vec<_>>(), ["drawing"]);
        assert_eq!(found[0].span.start, 6);
        assert_eq!(references(&document, at, around).len(), 3);
        let at = text.find("solver").unwrap();
        let found = definitions(&document, at, around);
        assert_eq!(found.iter().map(|at| &*at.file).collect::<Vec<_>>(), ["a.lic"]);
        assert_eq!(&LICENSE[found[0].span.start..found[0].span.end], "solver");
        assert_eq!(references(&document, at, around).len(), 3);
    });
}

#[test]
fn symbols_are_the_lines_with_names() {
    let names = |document: &Document| -> Vec<String> {
        symbols(document).into_iter().map(|symbol| symbol.name).collect()
    };
    let file = Document::License(license(LICENSE));
    assert_eq!(names(&file), ["SERVER srv", "VENDOR acmed", "solver 2.0", "mesher 1.0"]);
    let file = options(&format!("{GROUPS}# x\nEXCLUDE solver USER ann\nTIMEOUTALL 900\n"));
    let expected = ["GROUP drawing", "HOST_GROUP lab", "EXCLUDE solver USER ann", "TIMEOUTALL 900"];
    assert_eq!(names(&file), expected);
    let symbols = symbols(&file);
    assert_eq!(file.source().slice(symbols[0].name_span), "drawing");
    assert_eq!(file.source().slice(symbols[2].span), "EXCLUDE solver USER ann");
}

/// The text after the first fix of the first finding of this kind.
fn mended(text: &str, id: &str) -> Option<String> {
    let licenses = [license(LICENSE)];
    let judge = |document: &Document| -> Vec<Diagnostic> {
        let Document::Options(file) = document else { return document.diagnostics().to_vec() };
        let vendor = Some(VendorName::parse("acmed").unwrap());
        let options = [OptionsOf { file: file.clone(), vendor }];
        let manifests = BTreeMap::new();
        let project = OptionsProject { options: &options, licenses: &licenses, manifests: &manifests };
        check_options(&project).into_iter().map(|found| found.diagnostic).collect()
    };
    let document = if id.starts_with('L') { Document::License(license(text)) } else { options(text) };
    let before = judge(&document);
    let found = before.iter().find(|found| found.id == id).unwrap_or_else(|| panic!("{id}: {before:?}"));
    let fixes = fixes(&document, found, &before, &judge);
    fixes.first().map(|fix| applied(text, &fix.edit).unwrap())
}

#[test]
fn fixes_write_what_was_meant() {
    for (id, text, mended_text) in [
        ("O0201", "EXCLUDES solver USER ann\n", "EXCLUDE solver USER ann\n"),
        ("O0202", "exclude solver USER ann\n", "EXCLUDE solver USER ann\n"),
        ("O0302", "EXCLUDE solver:VERSON=2.0 USER ann\n", "EXCLUDE solver:VERSION=2.0 USER ann\n"),
        ("O0401", "EXCLUDE solver USERS ann\n", "EXCLUDE solver USER ann\n"),
        ("O0402", "EXCLUDE solver user ann\n", "EXCLUDE solver USER ann\n"),
        ("O0504", "NOLOG QUEUD\n", "NOLOG QUEUED\n"),
        (
            "O0602",
            "GROUP g ann bob ann\nEXCLUDE solver GROUP g\n",
            "GROUP g ann bob\nEXCLUDE solver GROUP g\n",
        ),
        ("O0701", "EXCLUDE sovler USER ann\n", "EXCLUDE solver USER ann\n"),
        (
            "O0704",
            "GROUP draw ann\nEXCLUDE solver GROUP drew\n",
            "GROUP draw ann\nEXCLUDE solver GROUP draw\n",
        ),
        ("O0906", "DEBUGLOG a.log\n", "DEBUGLOG +a.log\n"),
        ("O1004", "EXCLUDE solver USER ann\nEXCLUDE solver USER ann\n", "EXCLUDE solver USER ann\n"),
        ("O0103", "GROUP g “ann b”\nEXCLUDE solver GROUP g\n", "GROUP g \"ann b\"\nEXCLUDE solver GROUP g\n"),
        ("L0201", "FEATUR f v 1.0 permanent 1 SIGN=1\n", "FEATURE f v 1.0 permanent 1 SIGN=1\n"),
        ("L0204", "feature f v 1.0 permanent 1 SIGN=1\n", "FEATURE f v 1.0 permanent 1 SIGN=1\n"),
        ("L0506", "FEATURE f v 1.0 2027-12-31 1 SIGN=1\n", "FEATURE f v 1.0 31-dec-2027 1 SIGN=1\n"),
        (
            "L0601",
            "FEATURE f v 1.0 permanent 1 NOTIC=x SIGN=1\n",
            "FEATURE f v 1.0 permanent 1 NOTICE=x SIGN=1\n",
        ),
        // What is wrong is replaced, and not the name before it.
        (
            "O0303",
            "EXCLUDE solver:EXPDATE=2035-12-31 USER ann\n",
            "EXCLUDE solver:EXPDATE=31-dec-2035 USER ann\n",
        ),
        (
            "O0303",
            "EXCLUDE \"solver:VERSION=2.0:EXPDATE=31.12.2035\" USER ann\n",
            "EXCLUDE \"solver:VERSION=2.0:EXPDATE=31-dec-2035\" USER ann\n",
        ),
        (
            "L0607",
            "FEATURE f v 1.0 permanent 1 START=2026-01-01 SIGN=1\n",
            "FEATURE f v 1.0 permanent 1 START=1-jan-2026 SIGN=1\n",
        ),
        ("L0402", "VENDOR v OPTION=/etc/v.opt\n", "VENDOR v OPTIONS=/etc/v.opt\n"),
        ("L0201", "USE SERVER\n", "USE_SERVER\n"),
        ("L0201", "> FEATURE f v 1.0 permanent 1 SIGN=1\n", "FEATURE f v 1.0 permanent 1 SIGN=1\n"),
        ("L0202", "SERVER h ANY\nDear customer\n", "SERVER h ANY\n# Dear customer\n"),
    ] {
        assert_eq!(mended(text, id).as_deref(), Some(mended_text), "{id} {text}");
    }
}

#[test]
fn where_nobody_knows_there_is_no_fix() {
    assert_eq!(mended("EXCLUDE solver IP 10.1.2.3\n", "O0401"), None);
    assert_eq!(mended("EXCLUDE other_thing USER ann\n", "O0701"), None);
    // The form of a whole line is no text for it.
    assert_eq!(mended("VENDOR\n", "L0401"), None);
    // The second quote is not known.
    assert_eq!(mended("FEATURE f v 1.0 permanent 1 NOTICE=“two SIGN=1\n", "L0105"), None);
}
