//! Whole license files: our own good and bad ones, and the public ones of `fixtures/licenses`, which are read in place.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout
)]

#[path = "support/fixtures.rs"]
mod fixtures;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use fixtures::fixtures;
use seatkeeper::ident::{Count, Version};
use seatkeeper::license::finding;
use seatkeeper::license::{
    Component, HostId, LicenseCount, LicenseFile, LineKind, PackageKind, PackageLine, Standing, Statement,
};
use seatkeeper::text::{Diagnostic, Severity, Source, Subject};

fn own(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/license").join(folder)
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<_> = fs::read_dir(folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "lic"))
        .collect();
    paths.sort();
    assert!(paths.len() > 1, "{} has no license files", folder.display());
    paths
}

fn read(path: &Path) -> LicenseFile {
    let bytes = fs::read(path).unwrap();
    let file = LicenseFile::parse(Source::new(&path.file_name().unwrap().to_string_lossy(), &bytes));
    assert_eq!(file.print(), bytes, "{} is printed as it was read", path.display());
    file
}

fn line_of(file: &LicenseFile, found: &Diagnostic) -> usize {
    file.source.place(found.span.start).line
}

fn shown(file: &LicenseFile) -> String {
    file.diagnostics.iter().map(|found| found.line(&file.source) + "\n").collect()
}

/// Whether a finding is about hostids or dates; signatures are not looked at here at all.
fn is_left_aside(found: &Diagnostic) -> bool {
    let row = finding::find(found.id).unwrap_or_else(|| panic!("{} is not in the table", found.id));
    matches!(row.subject, Subject::HostId | Subject::Date)
}

/// Name and count of each feature line, none for uncounted.
fn features(file: &LicenseFile) -> Vec<(String, Option<u32>)> {
    file.features()
        .map(|line| {
            let count = match line.count {
                LicenseCount::Uncounted => None,
                LicenseCount::Counted(count) => Some(count.get()),
            };
            (line.name.to_string(), count)
        })
        .collect()
}

fn canonical_texts(file: &LicenseFile) -> Vec<String> {
    let servers: Vec<HostId> = file.servers().map(|server| server.hostid.clone()).collect();
    file.statements().map(|(_, line)| line.canonical(&servers).unwrap()).collect()
}

#[test]
fn good_files_are_read_without_a_word() {
    for path in files(&own("good")) {
        let file = read(&path);
        let loud = file.diagnostics.iter().filter(|found| found.severity > Severity::Note).count();
        assert_eq!(loud, 0, "{}", shown(&file));
        assert!(file.features().count() > 0);
    }
}

#[test]
fn line_ends_and_encodings_change_nothing() {
    let file = read(&own("good/every-form.lic"));
    assert_eq!(file.features().count(), 7);
    for twin in ["good/crlf.lic", "good/latin1.lic"] {
        assert_eq!(canonical_texts(&read(&own(twin))), canonical_texts(&file), "{twin}");
    }
    let small = read(&own("good/smallest.lic"));
    assert_eq!(canonical_texts(&read(&own("good/cr.lic"))), canonical_texts(&small));
    assert!(small.use_server());
}

#[test]
fn every_form_says_what_it_means() {
    let file = read(&own("good/every-form.lic"));
    let server = file.servers().next().unwrap();
    assert_eq!((server.host.as_str(), server.port), ("licserver.example.org", Some(27000)));
    assert_eq!(
        (server.primary_is_master, server.heartbeat_interval_s, server.plat),
        (true, Some(20), Some(7))
    );
    let vendors: Vec<_> = file
        .vendors()
        .map(|vendor| (vendor.name.as_str(), vendor.path.as_deref(), vendor.options.as_deref(), vendor.port))
        .collect();
    assert_eq!(
        vendors,
        [
            ("acmed", Some("/opt/my programs/acmed"), Some("/etc/my options/acmed.opt"), Some(27010)),
            ("beta", Some("/opt/beta/beta"), Some("/opt/beta/beta.opt"), Some(27011)),
            ("gamma", None, Some("gamma.opt"), None),
        ]
    );
    let wrapped = file.features().nth(3).unwrap();
    assert_eq!(wrapped.vendor_string(), Some("vi=0:at=200 (two words)"));
    assert_eq!(wrapped.attribute("NOTICE").unwrap().value.as_deref(), Some("Licensed to Müller"));
    assert_eq!(wrapped.sign(), Some("0000 1111 2222"));
    assert_eq!(wrapped.sort(), Some(50));
    assert_eq!(wrapped.start().unwrap().to_string(), "1-apr-2026");
    assert_eq!(wrapped.issued().unwrap().to_string(), "15-mar-2026");
    assert_eq!(wrapped.expiry.to_string(), "permanent");
    let old = file.features().nth(4).unwrap();
    assert_eq!(old.license_key.as_deref(), Some("0A1B2C3D4E5F6071"), "L49");
    assert_eq!(old.attribute("DUP_GROUP").unwrap().value.as_deref(), Some("U"), "L49");
    let older = file.features().nth(5).unwrap();
    assert_eq!(older.license_key.as_deref(), Some("0A1B2C3D4E5F6071"));
    assert!(older.attribute("SUPERSEDE").is_some_and(|flag| flag.value.is_none()));
    let node_locked = file.features().nth(1).unwrap();
    assert_eq!(node_locked.hostids().len(), 2, "L32");
}

#[test]
fn upgrades_and_packages_say_what_they_mean() {
    let file = read(&own("good/packages.lic"));
    let upgrades: Vec<_> = file
        .upgrades()
        .map(|line| {
            (
                line.from.as_str().to_owned(),
                line.to.version.as_str().to_owned(),
                line.to.license_key.as_deref(),
            )
        })
        .collect();
    let key = Some("0A1B2C3D4E5F6071");
    let row = |from: &str, to: &str, key| (from.to_owned(), to.to_owned(), key);
    assert_eq!(upgrades, [row("1.0", "2.0", None), row("2.0", "3.0", key), row(".5", "1", key)]);
    assert_eq!(file.upgrades().next().unwrap().to.count, LicenseCount::Counted(Count::new(2).unwrap()));
    assert_eq!(file.upgrades().nth(2).unwrap().to.sign(), Some("0123 4567"), "key and SIGN both");

    let packages: Vec<&PackageLine> = file.packages().collect();
    let components = |index: usize| -> Vec<String> {
        let shown = |component: &Component| {
            let version = component.version.map_or("-".to_owned(), |version| version.to_string());
            format!("{} {version} {:?}", component.name, component.count.map(Count::get))
        };
        packages[index].components.iter().map(shown).collect()
    };
    assert_eq!(components(0), ["saw 1.5 Some(2)", "drill 3.0 None", "hammer - None"]);
    assert_eq!(components(1), ["write - None", "draw - None"]);
    let kinds: Vec<_> = packages.iter().map(|line| (line.kind, line.version.is_some())).collect();
    assert_eq!(
        kinds,
        [(PackageKind::Bundle, true), (PackageKind::Suite, false), (PackageKind::SuiteReserved, true)]
    );
    assert_eq!(packages[1].issued().unwrap().to_string(), "1-jan-2026");
    assert_eq!(packages[2].license_key.as_deref(), key);
}

/// A colon may stand in a feature's name; numbers behind the last colons are version and count.
#[test]
fn components_split_from_the_right() {
    for (written, name, version, count) in [
        ("a", "a", None, None),
        ("a:2", "a", Some("2"), None),
        ("a:2:3", "a", Some("2"), Some(3)),
        ("a:b", "a:b", None, None),
        ("a:b:2:3", "a:b", Some("2"), Some(3)),
        ("a:1:2:3", "a:1", Some("2"), Some(3)),
        ("1:2", "1", Some("2"), None),
    ] {
        let text = format!("PACKAGE pk acmed 1.0 COMPONENTS=x{written} SIGN=0");
        let file = LicenseFile::parse(Source::new("c.lic", text.as_bytes()));
        let component = &file.packages().next().unwrap_or_else(|| panic!("{}", shown(&file))).components[0];
        assert_eq!(component.name.as_str(), format!("x{name}"), "{written}");
        assert_eq!(component.version.as_ref().map(Version::as_str), version, "{written}");
        assert_eq!(component.count.map(Count::get), count, "{written}");
        let colon = file.diagnostics.iter().filter(|found| found.id == "L0527").count();
        assert_eq!(colon, usize::from(name.contains(':')), "{written}");
    }
}

/// Without a backslash a line goes on while it lacks fields, or a key, SIGN or AUTH (`flexnet-files.md` 1.1).
#[test]
fn incomplete_lines_go_on_without_a_backslash() {
    for (text, lines) in [
        ("UPGRADE fx acmed 1.0 2.0\npermanent 2\nSIGN=0\nThis is prose\n", 2),
        ("UPGRADE fx acmed 1.0 2.0 permanent 2\n0A1B2C3D4E5F6071 SN=1\nThis is prose\n", 2),
        ("PACKAGE pk\nacmed 1.0\nCOMPONENTS=\"a b\"\nSIGN=0\nThis is prose\n", 2),
        ("PACKAGE pk acmed 1.0\n0A1B2C3D4E5F6071 COMPONENTS=a\nThis is prose\n", 2),
        ("PACKAGE pk acmed\n0A1B2C3D4E5F6071 COMPONENTS=a\nThis is prose\n", 2),
        ("PACKAGE pk acmed COMPONENTS=a\nFEATURE fx acmed 1.0 permanent 1\nSIGN=0\n", 2),
    ] {
        let file = LicenseFile::parse(Source::new("w.lic", text.as_bytes()));
        assert_eq!(file.lines.len(), lines, "{text}{}", shown(&file));
        assert!(Statement::of(&file.lines[0].kind).is_some(), "{text}{}", shown(&file));
        assert!(file.diagnostics.iter().any(|found| found.id == "L0101"), "{text}");
    }
}

/// The first lines of a bad file say what is found in it: `# line:column id`.
#[test]
fn every_finding_has_a_bad_file_and_is_found_where_it_is() {
    let mut seen = BTreeSet::new();
    for path in files(&own("bad")) {
        let file = read(&path);
        let id = path.file_stem().unwrap().to_string_lossy().into_owned();
        let found: Vec<String> = file
            .diagnostics
            .iter()
            .map(|found| format!("{} {}", file.source.place(found.span.start), found.id))
            .collect();
        let expected: Vec<String> = match file.source.text().starts_with("# ") {
            true => file
                .source
                .text()
                .lines()
                .map_while(|line| line.strip_prefix("# "))
                .take_while(|line| line.contains(" L0"))
                .map(str::to_owned)
                .collect(),
            false => vec![format!("1:1 {id}")],
        };
        assert_eq!(found, expected, "{}", shown(&file));
        assert!(found.iter().all(|found| found.ends_with(&id)), "{}", path.display());
        let errors: BTreeSet<usize> = file
            .diagnostics
            .iter()
            .filter(|found| found.severity == Severity::Error)
            .map(|found| found.span.start)
            .collect();
        for line in file.lines.iter().filter(|line| matches!(line.kind, LineKind::Invalid)) {
            assert!(errors.range(line.span.start..line.span.end).next().is_some(), "{}", path.display());
        }
        // The sound line beside the damaged ones is always kept.
        if file.source.text().contains(" sound acmed") {
            assert!(features(&file).contains(&("sound".to_owned(), Some(2))), "{}", path.display());
        }
        seen.insert(id);
    }
    let all: BTreeSet<String> = finding::ALL.iter().map(|row| row.id.to_owned()).collect();
    assert_eq!(seen, all);
}

/// Errors of a public file with hostids and dates left aside, as line numbers.
fn foreign_errors(file: &LicenseFile) -> Vec<usize> {
    let errors =
        file.diagnostics.iter().filter(|found| found.severity == Severity::Error && !is_left_aside(found));
    errors.map(|found| line_of(file, found)).collect()
}

#[test]
fn public_files_have_only_the_errors_they_are_known_for() {
    let Some(folder) = fixtures("licenses") else { return };
    let mut read_files = 0;
    for path in files(&folder) {
        let file = read(&path);
        read_files += 1;
        match file.source.name() {
            "suwanny-bad.lic" | "kosmasgiannis-example.lic" => {}
            _ => assert_eq!(foreign_errors(&file), Vec::<usize>::new(), "{}", shown(&file)),
        }
    }
    assert!(read_files >= 10, "{read_files} files");
}

#[test]
fn a_file_without_a_server_line_has_that_one_error() {
    let Some(folder) = fixtures("licenses") else { return };
    let file = read(&folder.join("kosmasgiannis-example.lic"));
    let errors: Vec<_> = file.diagnostics.iter().filter(|found| found.severity == Severity::Error).collect();
    let [error] = errors[..] else { panic!("{}", shown(&file)) };
    assert_eq!(error.id, finding::NO_SERVER.id);
    assert_eq!(error.code.map(|code| code.number()), Some(-13));
    assert_eq!(file.standing(), Standing::Serverless);
    let names = ["jupiter", "venus", "mars", "gui", "sun", "neptune"];
    assert_eq!(features(&file).iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), names);
    // `\` with a comment behind it still continues the line.
    assert_eq!(file.features().nth(1).unwrap().sign(), Some("7F69336673D2"));
}

/// Line 25 lacks its backslash inside a quote: said there, and the line is kept (a wrapped line without a backslash is
/// read with a warning). 34 and 36 are no lines at all. 39 to 42 is an INCREMENT that an empty line cuts in two: what it
/// lacks, the backslash that leads nowhere, and the rest that belongs to nothing.
#[test]
fn a_damaged_file_keeps_its_sound_lines() {
    let Some(folder) = fixtures("licenses") else { return };
    let file = read(&folder.join("suwanny-bad.lic"));
    let found: Vec<(usize, &str, Severity)> = file
        .diagnostics
        .iter()
        .filter(|found| found.severity > Severity::Note && found.id != finding::UNCOUNTED_ANY.id)
        .map(|found| (line_of(&file, found), found.id, found.severity))
        .collect();
    assert_eq!(
        found,
        [
            (25, finding::WRAPPED.id, Severity::Warning),
            (34, finding::UNKNOWN_KEYWORD.id, Severity::Error),
            (36, finding::UNKNOWN_KEYWORD.id, Severity::Error),
            (39, finding::UNCOUNTED_FLOATING.id, Severity::Error),
            (40, finding::CONTINUED_INTO_NOTHING.id, Severity::Warning),
            (42, finding::ORPHAN.id, Severity::Error),
        ],
        "{}",
        shown(&file)
    );
    assert_eq!(
        features(&file),
        [
            ("PROD_ESX_FULL".to_owned(), Some(32)),
            ("VC_ESXHOST".to_owned(), Some(32)),
            ("PROD_ESX_FULL".to_owned(), None),
            ("PROD_ESX_FULL".to_owned(), Some(32)),
            ("ESX_FULL_BACKUP".to_owned(), None),
        ]
    );
    // The lines that both files have are the same in both; one is twice in the good file, as it is here.
    let good = canonical_texts(&read(&folder.join("suwanny-good.lic")));
    for text in canonical_texts(&file) {
        assert!(good.contains(&text), "{text}");
    }
    let wrapped = file.features().nth(2).unwrap();
    let sign = wrapped.sign().unwrap();
    assert!(sign.contains("0000 EAC1") && !sign.contains("  "), "joined by one blank: {sign}");
}

#[test]
fn public_files_say_what_their_projects_expect_of_them() {
    let Some(folder) = fixtures("licenses") else { return };
    // Its own test expects server myhost, two vendors, venus 10 until 30-nov-2013, three features of prime.
    let file = read(&folder.join("kosmasgiannis-test.lic"));
    assert_eq!(file.servers().map(|server| server.host.as_str()).collect::<Vec<_>>(), ["myhost"]);
    assert_eq!(file.vendors().map(|vendor| vendor.name.as_str()).collect::<Vec<_>>(), ["prime", "orbit"]);
    let venus = file.features().find(|line| line.name.as_str() == "venus").unwrap();
    assert_eq!(venus.expiry.to_string(), "30-nov-2013");
    assert!(features(&file).contains(&("venus".to_owned(), Some(10))));
    assert_eq!(file.features().filter(|line| line.vendor.as_str() == "prime").count(), 3);
    let neptune = file.features().find(|line| line.name.as_str() == "neptune").unwrap();
    assert_eq!(neptune.vendor_string(), Some(" 401, 402, 404, 405, 406, 410, 415, 417"));

    let triad = read(&folder.join("doc-ptc-triad.lic"));
    assert_eq!(triad.standing(), Standing::Triad);
    let line = triad.features().next().unwrap();
    assert_eq!(line.license_key.as_deref(), Some("AAAA1111BBBB2222CCCC"));
    assert_eq!(line.vendor_string(), Some("VSVER=1.0 LO=(0 2 6 7 9 10 17 19 21 22)"));
    assert_eq!(line.expiry.to_string(), "permanent");

    let quoted = read(&folder.join("doc-mathworks-concurrent.lic"));
    let vendor = quoted.vendors().next().unwrap();
    assert_eq!((vendor.path.as_deref(), vendor.port), (Some("/lmgrd/etc/glnxa64/MLM"), Some(27001)));
    assert_eq!(quoted.features().next().unwrap().license_key.as_deref(), Some("ABCDE12345FGHIJ67890"));

    let file = read(&folder.join("doc-autodesk-package.lic"));
    let [package] = file.packages().collect::<Vec<_>>()[..] else { panic!("{}", shown(&file)) };
    assert_eq!((package.name.as_str(), package.kind), ("99999DRAW_T_F", PackageKind::Suite));
    let names: Vec<_> = package.components.iter().map(|component| component.name.as_str()).collect();
    assert_eq!(names, ["99104DRAW_2019_0F", "99103DRAW_2018_0F", "99102DRAW_2017_0F", "99101DRAW_2016_0F"]);
    assert_eq!(package.issued().unwrap().to_string(), "5-dec-2018");

    let client = read(&folder.join("doc-client-only.lic"));
    assert!(client.use_server() && client.features().count() == 0);
    assert_eq!(read(&folder.join("doc-intel-fpga-fixed.lic")).standing(), Standing::Serverless);
}

#[test]
fn editing_what_an_administrator_may_edit_keeps_the_canonical_text() {
    let text = |line: &str| {
        let file = LicenseFile::parse(Source::new("a.lic", line.as_bytes()));
        let line = file.features().next().unwrap_or_else(|| panic!("{}", shown(&file)));
        Statement::Feature(line).canonical(&[HostId::Any]).unwrap()
    };
    let issued = text(
        "INCREMENT fx acmed 2.000 31-dec-2030 4 SN=7 NOTICE=\"two words\" DUP_GROUP=UH TS_OK SIGN=\"00 11\"",
    );
    assert_eq!(
        issued,
        "seatkeeper-license-line-v1\nvendor=acmed\nserver=ANY\nkeyword=INCREMENT\nfeature=fx\nversion=2.000\n\
         expiry=31-dec-2030\ncount=4\nDUP_GROUP=UH\nNOTICE=two words\nSN=7\nTS_OK"
    );
    for same in [
        "increment  fx\tacmed 2.000 31-dec-2030 4 SIGN=\"11 00\" TS_OK DUP_GROUP=\"UH\" NOTICE=\"two \\\n  words\" SN=\"7\" # note",
        "INCREMENT fx acmed 2.000 31-dec-2030 4 0A1B2C3D4E5F SN=7 NOTICE=\"two words\" DUP_GROUP=UH TS_OK asset_info=\"room 4\" sort=1",
    ] {
        assert_eq!(text(same), issued, "L44: {same}");
    }
    for other in [
        "FEATURE fx acmed 2.000 31-dec-2030 4 SN=7 NOTICE=\"two words\" DUP_GROUP=UH TS_OK",
        "INCREMENT fx acmed 2.0 31-dec-2030 4 SN=7 NOTICE=\"two words\" DUP_GROUP=UH TS_OK",
        "INCREMENT fx acmed 2.000 31-dec-2030 5 SN=7 NOTICE=\"two words\" DUP_GROUP=UH TS_OK",
        "INCREMENT fx acmed 2.000 31-dec-2030 4 SN=7 NOTICE=\"two  words\" DUP_GROUP=UH TS_OK",
        "INCREMENT fx acmed 2.000 31-dec-2030 4 SN=7 NOTICE=\"two words\" DUP_GROUP=UHD TS_OK",
        "INCREMENT fx acmed 2.000 31-dec-2030 4 SN=7 NOTICE=\"two words\" DUP_GROUP=UH",
    ] {
        assert_ne!(text(other), issued, "L45: {other}");
    }
}

/// One row of the public table: its text and whether that project calls it valid.
fn row(json: &str) -> (String, bool) {
    let (_, rest) = json.split_once("\"text\": \"").expect("a text");
    let mut text = String::new();
    let mut characters = rest.chars();
    while let Some(c) = characters.next() {
        match c {
            '"' => break,
            '\\' => text.push(match characters.next() {
                Some('n') => '\n',
                Some('t') => '\t',
                Some(other @ ('"' | '\\' | '/')) => other,
                other => panic!("escape {other:?} in {json}"),
            }),
            other => text.push(other),
        }
    }
    (text, characters.as_str().contains("\"valid\": true"))
}

/// Where we judge otherwise than that project, and why. Snippets have no SERVER line, so that finding is left aside too.
fn why_we_differ(text: &str) -> &'static str {
    if text.contains("nope host hostid") {
        "a line in small letters that begins with no keyword is prose: skipped with a warning"
    } else if text.contains("file 4321") {
        "a bare number in the last place is the port, also behind OPTIONS= (flexnet-files.md 1.3, DECISION)"
    } else if text.contains("from_feat_version") {
        "the names of the fields stand in their places: a version is a number (-77)"
    } else {
        ""
    }
}

#[test]
fn the_public_table_of_snippets_is_agreed_with_or_answered() {
    let Some(folder) = fixtures("licenses") else { return };
    let table = fs::read_to_string(folder.join("licscanner-cases.jsonl")).unwrap();
    let (mut agreed, mut differ) = (0, Vec::new());
    for line in table.lines() {
        let (text, valid) = row(line);
        let file = LicenseFile::parse(Source::new("row", text.as_bytes()));
        assert_eq!(file.print(), text.as_bytes());
        let sound = file
            .diagnostics
            .iter()
            .filter(|found| !is_left_aside(found) && found.id != finding::NO_SERVER.id)
            .all(|found| found.severity < Severity::Error);
        if sound == valid {
            agreed += 1;
        } else {
            assert_ne!(why_we_differ(&text), "", "{text:?}\n{}", shown(&file));
            differ.push(text);
        }
    }
    println!("{agreed} rows agreed with, {} judged otherwise", differ.len());
    assert_eq!((agreed, differ.len()), (48, 4), "{differ:?}");
}

/// Begins every file of the cases, as `flexnet-files.md` 8 has it.
const HEAD: &str = "SERVER srv 0011aabbccdd 27000\nVENDOR acmed\n";

/// Id, the text behind the head, how many feature lines are kept, and the findings by id with the field's number.
type Case = (&'static str, &'static str, usize, &'static [(&'static str, Option<i32>)]);

/// Cases of `flexnet-files.md` 8.1 as far as reading decides them.
const CASES: &[Case] = &[
    ("L02", "FEATURE fx acmed 1.0 1-jan-0 1\n", 1, &[]),
    ("L03", "FEATURE fx acmed 1.0 permanent 1\n", 1, &[]),
    ("L05", "FEATURE fx acmed 1.0 1-jan-99 1\n", 1, &[("L0511", None)]),
    ("L06", "FEATURE fx acmed 1.0 1-jan-00 1\n", 1, &[]),
    ("L07", "FEATURE fx acmed 1.0 2026-12-31 1\n", 0, &[("L0506", Some(-11))]),
    ("L09", "FEATURE fx acmed 1.10 permanent 1\n", 1, &[]),
    ("L10", "FEATURE fx acmed 2026.0630 permanent 1\n", 1, &[]),
    ("L11", "FEATURE fx acmed v2 permanent 1\n", 0, &[("L0503", Some(-77))]),
    ("L31", "FEATURE fx acmed 1.0 permanent uncounted\n", 0, &[("L0508", Some(-2))]),
    ("L32", "FEATURE fx acmed 1.0 permanent uncounted HOSTID=\"aaaaaaaaaaaa bbbbbbbbbbbb\"\n", 1, &[]),
    ("L33", "FEATURE fx acmed 1.0 permanent 3 HOSTID=INTERNET=10.1.*.*\n", 1, &[]),
    ("L34", "FEATURE fx acmed 1.0 permanent uncounted HOSTID=ID=1234-5678\n", 1, &[]),
    ("L35", "FEATURE fx acmed 1.0 permanent 3 HOSTID=DEMO\n", 0, &[("L0509", Some(-2))]),
    ("L42", "FEATURE fx acmed 1.0 permanent 1 NOTICE=\"one \\\r\n  two\" SIGN=0\r\n", 1, &[]),
    ("L43", "FEATURE fx acmed 1.0 permanent 1 NOTICE=\"it's\"\n", 1, &[("L0106", None)]),
    ("L44", "FEATURE fx acmed 1.0 permanent 1 asset_info=\"room 4\" SIGN=0\n", 1, &[]),
    ("L49", "INCREMENT fx acmed 18 01-sep-2030 1 0A1B2C3D4E5F6071 DUP_GROUP=U SN=1\n", 1, &[]),
    (
        "L50",
        "FEATURE fx acmed 1.0 permanent 1 FOO_BAR=1\nFEATURE fy acmed 1.0 permanent 1\n",
        1,
        &[("L0601", Some(-90))],
    ),
    ("L56", "INCREMENT fx acmed 1.0 permanent 1 SIGN=0\nPlease call us on Monday\n", 1, &[("L0202", None)]),
    ("L57", "INCREMENT fx acmed 1.0 permanent 1 \\  # note\n  SN=7 SIGN=0  # note\n", 1, &[]),
];

/// The file of a case; its findings and its number of lines kept are as expected.
fn case(id: &str) -> LicenseFile {
    let (_, text, kept, expected) = CASES.iter().find(|(case, ..)| *case == id).unwrap();
    let file = LicenseFile::parse(Source::new(id, format!("{HEAD}{text}").as_bytes()));
    let found: Vec<_> =
        file.diagnostics.iter().map(|found| (found.id, found.code.map(|code| code.number()))).collect();
    assert_eq!(found, *expected, "{id} {}", shown(&file));
    assert_eq!(file.features().count(), *kept, "{id}");
    file
}

fn value<'f>(file: &'f LicenseFile, name: &str) -> &'f str {
    file.features().next().unwrap().attribute(name).unwrap().value.as_deref().unwrap()
}

#[test]
fn cases_of_the_reference() {
    for (id, ..) in CASES {
        case(id);
    }
}

#[test]
fn case_l42_a_value_wrapped_with_crlf() {
    assert_eq!(value(&case("L42"), "NOTICE"), "one two");
}

#[test]
fn case_l43_a_single_quote_in_a_value() {
    assert_eq!(value(&case("L43"), "NOTICE"), "it's");
}

#[test]
fn case_l49_a_bare_key_in_its_old_place() {
    let file = case("L49");
    let line = file.features().next().unwrap();
    assert_eq!((line.license_key.as_deref(), line.sign()), (Some("0A1B2C3D4E5F6071"), None));
    assert_eq!((value(&file, "DUP_GROUP"), value(&file, "SN")), ("U", "1"));
}

#[test]
fn case_l50_an_unknown_attribute_costs_its_own_line() {
    assert_eq!(features(&case("L50")), [("fy".to_owned(), Some(1))]);
}

#[test]
fn case_l56_prose_behind_a_complete_line() {
    let file = case("L56");
    assert_eq!(features(&file), [("fx".to_owned(), Some(1))]);
    assert!(matches!(file.lines.last().unwrap().kind, LineKind::Prose));
}

#[test]
fn case_l57_comments_behind_a_continuation_and_at_the_end() {
    let file = case("L57");
    assert_eq!((value(&file, "SN"), file.lines.len()), ("7", 3));
}

/// A line that ends every line before it ends an unsigned one too, comment or not.
#[test]
fn a_decimal_line_with_a_comment_is_a_line_of_its_own() {
    let text = "INCREMENT fx acmed 1.0 permanent 1\nacmed-fx-12345-67890-1234 # old\n";
    let file = LicenseFile::parse(Source::new("d.lic", text.as_bytes()));
    assert!(matches!(&file.lines[1].kind, LineKind::Unserved(what) if what == "decimal"), "{}", shown(&file));
}

#[test]
fn case_l30_counted_lines_need_a_server() {
    let file = LicenseFile::parse(Source::new("L30", b"FEATURE fx acmed 1.0 permanent 3\n"));
    assert_eq!(file.diagnostics.iter().map(|found| found.id).collect::<Vec<_>>(), ["L0314"]);
    assert_eq!(file.standing(), Standing::Serverless);
}

#[test]
fn case_l46_three_servers_need_ports() {
    let three = "SERVER a 0011aabbccdd 1\nSERVER b 0011aabbccde\nSERVER c 0011aabbccdf 1\n";
    let file = LicenseFile::parse(Source::new("L46", three.as_bytes()));
    assert_eq!(file.standing(), Standing::Rejected);
    assert!(file.diagnostics.iter().any(|found| found.id == "L0313" && line_of(&file, found) == 2));

    // A SERVER line that can't be read counts, however its keyword is written.
    for first in ["\u{feff}SERVER srv", "server srv", "SERVER\\\n srv"] {
        let text = format!("{first}\nSERVER srv ANY\nVENDOR acmed\n");
        let file = LicenseFile::parse(Source::new("damaged", text.as_bytes()));
        assert_eq!(file.servers().count(), 1, "{first:?}");
        assert_eq!(file.standing(), Standing::Rejected, "{first:?}");
    }
}

#[test]
fn case_l47_three_ways_to_write_a_vendor_line() {
    let read = |text: &str| {
        let file = LicenseFile::parse(Source::new("L47", text.as_bytes()));
        let line = file.vendors().next().unwrap_or_else(|| panic!("{}", shown(&file))).clone();
        (line.path, line.options, line.port)
    };
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(read("VENDOR acmed options=/x/a.opt port=2080\n"), (None, some("/x/a.opt"), Some(2080)));
    assert_eq!(
        read("VENDOR acmed /bin/acmed /x/a.opt 2080\n"),
        (some("/bin/acmed"), some("/x/a.opt"), Some(2080))
    );
    assert_eq!(
        read("DAEMON acmed \"/my bin/acmed\" OPTIONS=\"/x y/a.opt\"\n"),
        (some("/my bin/acmed"), some("/x y/a.opt"), None)
    );
    assert_eq!(read("VENDOR acmed C:\\bin\\acmed.exe 2080"), (some("C:\\bin\\acmed.exe"), None, Some(2080)));
}

/// A quote that is never closed, a chain of wrapped lines, words without end: read in one pass. Were any of it read again
/// and again, such texts would take minutes.
#[test]
fn hostile_texts_take_time_in_proportion() {
    let begun = std::time::Instant::now();
    let many = 1 << 16;
    for text in [
        format!("FEATURE fx acmed 1.0 permanent 1 NOTICE=\"{}", "a\n".repeat(many)),
        format!("FEATURE fx acmed 1.0 permanent 1\n{}", "a b\n".repeat(many)),
        format!("FEATURE fx acmed 1.0 permanent 1 {}", "AB ".repeat(many)),
        format!("FEATURE fx acmed 1.0 permanent 1 AUTH={}", "{".repeat(many)),
        format!("FEATURE fx \"{}", "\"a\nb\" ".repeat(many)),
        "\\ ".repeat(many),
        "A\\\n".repeat(many),
        "A\\\n\\\n\\ #\n".repeat(many / 4),
        "\"".repeat(many),
        " ".repeat(many) + "\\",
        "AB\n".repeat(many),
        "\r".repeat(many),
    ] {
        let file = LicenseFile::parse(Source::new("hostile.lic", text.as_bytes()));
        assert!(file.print() == text.as_bytes());
        // Showing them takes no longer either: few for one line, however long it is.
        let most = 45 * file.lines.len();
        assert!(file.diagnostics.len() <= most, "{} findings", file.diagnostics.len());
    }
    assert!(begun.elapsed().as_secs() < 60, "{:?}", begun.elapsed());
}
