//! The canonical layout: what it looks like, that it is its own layout, and that it says what the file says, for our own
//! files, the public ones of `fixtures/licenses` (read in place), files of the grammar and damaged ones.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::print_stdout)]

#[path = "support/abnf.rs"]
#[allow(dead_code, reason = "each test binary uses its part of the support")]
mod abnf;

use std::path::{Path, PathBuf};

use abnf::{Abnf, Dice};
use proptest::prelude::*;
use seatkeeper::license::format::{Style, comments_of, format};
use seatkeeper::license::{LicenseFile, LineKind, Statement, finding};
use seatkeeper::text::{Severity, Source};

fn parse(bytes: &[u8]) -> LicenseFile {
    LicenseFile::parse(Source::new("a.lic", bytes))
}

fn formatted(text: &str) -> String {
    String::from_utf8(format(&parse(text.as_bytes()), Style::default()).unwrap()).unwrap()
}

/// What a file says, told without the code under test: each line as a text, but for comments.
fn said(file: &LicenseFile) -> Vec<String> {
    let hostids: Vec<_> = file.servers().map(|server| server.hostid.clone()).collect();
    let mut said = Vec::new();
    for line in &file.lines {
        if let Some(statement) = Statement::of(&line.kind) {
            let attributes: Vec<_> = statement.attributes().iter().map(|a| (&a.name, &a.value)).collect();
            said.push(format!("{:?} {attributes:?}", statement.canonical(&hostids)));
            continue;
        }
        said.push(match &line.kind {
            LineKind::Blank | LineKind::Comment => continue,
            LineKind::Server(s) => format!(
                "server {:?}",
                (&s.host, &s.hostid, s.port, s.primary_is_master, s.heartbeat_interval_s, s.plat)
            ),
            LineKind::Vendor(v) => format!("vendor {:?}", (&v.name, &v.path, &v.options, v.port)),
            LineKind::UseServer => "use server".to_owned(),
            _ => file
                .source
                .slice(line.span)
                .trim_start_matches('\u{feff}')
                .trim_end_matches(['\r', '\n'])
                .to_owned(),
        });
    }
    said
}

fn comments(file: &LicenseFile) -> Vec<&str> {
    file.lines.iter().flat_map(|line| comments_of(file, line)).collect()
}

/// Ids of what is wrong with the meaning. Of one line only twenty warnings are told, so a file with that many has none.
fn wrong(file: &LicenseFile) -> Option<Vec<&'static str>> {
    let layout = [
        finding::WRAPPED,
        finding::CONTINUED_INTO_NOTHING,
        finding::BACKSLASH_IN_COMMENT,
        finding::KEYWORD_CASE,
        // It guesses from the blank behind a value.
        finding::VALUE_CUT,
    ];
    let is_full =
        |line| file.diagnostics_of(line).filter(|found| found.severity < Severity::Error).count() >= 20;
    if file.lines.iter().any(is_full) {
        return None;
    }
    let ids = file.diagnostics.iter().map(|found| found.id);
    Some(ids.filter(|id| layout.iter().all(|row| row.id != *id)).collect())
}

/// Lays a file out and checks all that holds for every file; false if it has no canonical layout.
fn check(bytes: &[u8], columns: usize) -> bool {
    let style = Style { columns };
    let file = parse(bytes);
    let Ok(once) = format(&file, style) else { return false };
    let again = parse(&once);
    let shown =
        || format!("{:?} became {:?}", String::from_utf8_lossy(bytes), String::from_utf8_lossy(&once));
    assert_eq!(said(&file), said(&again), "{}", shown());
    assert_eq!(comments(&file), comments(&again), "{}", shown());
    if let (Some(before), Some(after)) = (wrong(&file), wrong(&again)) {
        assert_eq!(before, after, "{}", shown());
    }
    let twice = format(&again, style).unwrap();
    assert_eq!(String::from_utf8_lossy(&twice), String::from_utf8_lossy(&once), "{}", shown());
    true
}

#[test]
fn one_blank_between_words_and_keywords_in_capitals() {
    assert_eq!(
        formatted(
            "server  h\tANY 27000 primary_is_master\ndaemon acmed /x/port= options=a.opt Port=1\nuse_server\n"
        ),
        "SERVER h ANY 27000 PRIMARY_IS_MASTER\nDAEMON acmed /x/port= OPTIONS=a.opt PORT=1\nUSE_SERVER\n"
    );
    assert_eq!(
        formatted("increment f1   acmed 1.0 permanent 1 \\\n\t\tSIGN=x  a=\"b  c\""),
        "INCREMENT f1 acmed 1.0 permanent 1 SIGN=x a=\"b  c\"\n"
    );
}

#[test]
fn long_lines_are_wrapped_behind_their_fields_and_never_inside_words() {
    let text = formatted(
        "FEATURE a_feature_with_a_rather_long_name a_vendor_with_a_long_name 2025.0630 31-dec-2035 10 HOSTID=0123456789ab \
         NOTICE=\"one two three four five six seven eight nine ten eleven twelve thirteen\" SIGN=\"k1 0A1B2C\" a=b\n",
    );
    assert_eq!(
        text,
        "FEATURE a_feature_with_a_rather_long_name a_vendor_with_a_long_name 2025.0630 31-dec-2035 10 \\\n\
         \tHOSTID=0123456789ab \\\n\
         \tNOTICE=\"one two three four five six seven eight nine ten \\\n\
         \televen twelve thirteen\" SIGN=\"k1 0A1B2C\" a=b\n"
    );
    let long = "x".repeat(200);
    let text = formatted(&format!("FEATURE f1 acmed 1 permanent 1 NOTICE=\"{long}\" SIGN=y\n"));
    assert_eq!(text, format!("FEATURE f1 acmed 1 permanent 1 \\\n\tNOTICE=\"{long}\" \\\n\tSIGN=y\n"));
}

#[test]
fn physical_lines_keep_to_the_columns() {
    let words =
        "NOTICE=\"".to_owned() + &"word ".repeat(100) + "end\" SIGN=\"" + &"ABCD1234 ".repeat(60) + "F\"";
    for columns in [40, 70, 100] {
        let line = format!("INCREMENT f1 acmed 1.0 permanent 1 {words}\n");
        let bytes = format(&parse(line.as_bytes()), Style { columns }).unwrap();
        let text = String::from_utf8(bytes).unwrap();
        let widths: Vec<usize> =
            text.lines().map(|line| line.replace('\t', "        ").chars().count()).collect();
        assert!(widths.iter().all(|width| *width <= columns), "{columns}: {widths:?}");
        assert!(
            widths.iter().filter(|width| **width > columns - 12).count() > widths.len() / 2,
            "{widths:?}"
        );
        assert!(check(line.as_bytes(), columns));
    }
}

#[test]
fn blanks_of_a_value_are_not_lost_by_wrapping() {
    let value = "a  b ".repeat(40) + "c:\\ d \\e # f\tg";
    let line = format!("FEATURE f1 acmed 1 permanent 1 NOTICE=\"{value}\" SIGN=x\n");
    let text = formatted(&line);
    assert!(text.lines().count() > 3, "{text}");
    let file = parse(text.as_bytes());
    assert_eq!(file.features().next().unwrap().attribute("NOTICE").unwrap().value.as_deref(), Some(&*value));
}

#[test]
fn a_line_near_4000_characters_is_not_made_longer_by_wrapping() {
    for length in [3500, 3900, 3950, 4500] {
        let line =
            format!("FEATURE f1 acmed 1 permanent 1 NOTICE=\"{}\" SIGN=x\n", "word ".repeat(length / 5));
        let text = formatted(&line);
        let is_wrapped = text.contains('\\');
        assert_eq!(is_wrapped, length != 3900 && length != 3950, "{length}");
        assert!(text.chars().count() < 4000 || length == 4500, "{length}: {}", text.chars().count());
        assert!(check(line.as_bytes(), 70));
    }
}

#[test]
fn comments_stay_beside_their_lines() {
    let text = "\u{feff}\n\n  # the server\nSERVER h ANY # main\n\n\n\nVENDOR acmed\n \
                FEATURE f1 acmed 1.0 permanent 1 \\ # first\n  NOTICE=x # second \\\n SIGN=y#z # third  \n\t# end\n\n";
    assert_eq!(
        formatted(text),
        "# the server\nSERVER h ANY # main\n\nVENDOR acmed\n# first\n# second \\\n# third\n\
         FEATURE f1 acmed 1.0 permanent 1 NOTICE=x SIGN=y#z\n# end\n"
    );
}

#[test]
fn lines_with_errors_stay_as_they_are() {
    for line in [
        "FEATUR  f1  acmed",
        "FEATURE f1  acmed 1.0 permanent 1 NOTICE=\"open",
        "dear  customer,  here is  your license",
        "FEATURESET  acmed  0A1B",
        "acmed-f1-12345-67890-1234",
        "VENDOR  C:\\ \\",
        "FEATURE  f1 acmed  1.0 31-dec-27-1 1 \\\n   SIGN=x  # \u{e9}",
    ] {
        assert_eq!(formatted(&format!("\n{line}\r\n\n\n# x")), format!("{line}\n\n# x\n"));
    }
    let utf16 = b"\xff\xfeF\0E\0\n\0\n\0";
    assert_eq!(format(&parse(utf16), Style::default()).unwrap(), utf16);
}

#[test]
fn line_ends_and_encoding_stay() {
    assert_eq!(formatted("SERVER h  ANY\r\n\r\n\r\n#x"), "SERVER h ANY\r\n\r\n#x\r\n");
    assert_eq!(formatted("SERVER h  ANY\r\n#x\n"), "SERVER h ANY\n#x\n");
    assert_eq!(formatted("SERVER h  ANY\r#x\r"), "SERVER h ANY\n#x\n");
    assert_eq!(formatted(""), "");
    assert_eq!(formatted("\u{feff}\n \t\n\x1a"), "");
    let latin = b"FEATURE f1  acmed 1 permanent 1 NOTICE=M\xfcller SIGN=x";
    assert_eq!(
        format(&parse(latin), Style::default()).unwrap(),
        b"FEATURE f1 acmed 1 permanent 1 NOTICE=M\xfcller SIGN=x\n"
    );
    // Joined, the two bytes would be one character of UTF-8.
    assert!(format(&parse(b"FEATURE f1 a 1 permanent 1 a=\xc3\\\n\xa4 SIGN=x\n"), Style::default()).is_err());
}

#[test]
fn what_opens_a_file_is_not_made_a_mark() {
    for text in ["\n\u{feff}prose", "\u{feff}\u{feff}FEATURE", "\n\u{ff}\u{fe}x"] {
        assert!(check(text.as_bytes(), 70));
    }
    assert!(check(b"\n\xff\xfex", 70));
}

fn license_files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.is_dir() {
            found.extend(license_files(&entry));
        } else if entry.extension().is_some_and(|extension| extension == "lic") {
            found.push(entry);
        }
    }
    found
}

#[test]
fn own_and_public_files_keep_their_meaning() {
    let project = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = license_files(&project.join("testdata"));
    let named = std::env::var_os("SEATKEEPER_FIXTURES").map(PathBuf::from);
    match named.or_else(|| project.ancestors().map(|p| p.join("shared/fixtures")).find(|path| path.is_dir()))
    {
        Some(fixtures) => files.extend(license_files(&fixtures.join("licenses"))),
        None => println!("fixtures are not here: set SEATKEEPER_FIXTURES to their directory"),
    }
    assert!(files.len() > 60, "{}", files.len());
    for path in files {
        for columns in [1, 70, 4000] {
            assert!(check(&std::fs::read(&path).unwrap(), columns), "{}", path.display());
        }
    }
}

fn grammar() -> Abnf {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/grammar/license-file.abnf");
    Abnf::parse(&std::fs::read_to_string(path).unwrap())
}

#[test]
fn files_of_the_grammar_keep_their_meaning() {
    let grammar = grammar();
    for seed in 0..5000 {
        let text = grammar.make("sound-file", &mut Dice(seed));
        assert!(check(text.as_bytes(), 40 + usize::try_from(seed % 60).unwrap()), "{text:?}");
    }
}

const PIECES: [&str; 44] = [
    "FEATURE ",
    "increment ",
    "SERVER ",
    "VENDOR ",
    "DAEMON ",
    "USE_SERVER",
    "PACKAGE ",
    "UPGRADE ",
    "f1 acmed 1.0 permanent 10 ",
    "f1 acmed 1.0 2.0 permanent 10 ",
    "uncounted HOSTID=ANY ",
    "0A1B2C3D4E5F6071 ",
    "SIGN=x ",
    "SIGN=\"a b  c\" ",
    "HOSTID=",
    "NOTICE=\"",
    "AUTH={ a b }",
    "AUTH={",
    "}",
    "\"",
    "\\",
    "\\\n",
    "\\ # x\r\n",
    "\n",
    "\n",
    "\n",
    "\r",
    "\r\n",
    " ",
    "  ",
    "\t",
    "# c",
    "#",
    "=",
    "\u{201c}",
    "\u{a0}",
    "\u{feff}",
    "\u{ff}\u{fe}",
    "\u{1a}",
    "ck=1 ",
    "a=b ",
    "COMPONENTS=\"a b:1 c\" ",
    "27000 ",
    "options=",
];

fn change(bytes: &mut Vec<u8>, kind: u8, place: prop::sample::Index, byte: u8) {
    if bytes.is_empty() {
        return;
    }
    let at = place.index(bytes.len());
    let end = (at + usize::from(byte)).min(bytes.len());
    match kind % 4 {
        0 => bytes[at] = byte,
        1 => bytes.insert(at, byte),
        2 => drop(bytes.drain(at..end)),
        _ => {
            let twice = bytes[at..end].to_vec();
            bytes.splice(at..at, twice);
        }
    }
}

/// What is damaged in several ways at once may have no layout that says the same; then it is left as it is. It must be rare.
#[test]
fn almost_every_text_has_a_canonical_layout() {
    let mut dice = Dice(7);
    let mut refused = 0;
    for _ in 0..3000 {
        let pieces: String = (0..dice.roll(60)).map(|_| PIECES[dice.roll(PIECES.len())]).collect();
        refused += u32::from(!check(pieces.as_bytes(), 60));
    }
    assert!(refused <= 3, "{refused} of 3000");
}

#[test]
fn texts_that_once_changed_their_meaning_keep_it() {
    for text in [
        "AUTH={\u{a0}\u{201c}",
        "FEATURE AUTH={\u{a0}\u{201c}",
        "INCREMENT f v 1 permanent 1 AUTH={\u{a0}\u{201c}",
    ] {
        assert!(check(text.as_bytes(), 60), "{text:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn any_bytes_keep_their_meaning(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        check(&bytes, 70);
    }

    #[test]
    fn any_pieces_keep_their_meaning(pieces in proptest::collection::vec(proptest::sample::select(&PIECES[..]), 0..60)) {
        check(pieces.concat().as_bytes(), 60);
    }

    #[test]
    fn changed_files_keep_their_meaning(
        seed in any::<u64>(),
        columns in 10_usize..100,
        changes in proptest::collection::vec((any::<u8>(), any::<prop::sample::Index>(), any::<u8>()), 1..8),
    ) {
        thread_local!(static GRAMMAR: Abnf = grammar());
        let mut bytes = GRAMMAR.with(|grammar| grammar.make("sound-file", &mut Dice(seed))).into_bytes();
        for (kind, place, byte) in changes {
            change(&mut bytes, kind, place, byte);
        }
        let is_utf8 = std::str::from_utf8(&bytes).is_ok();
        prop_assert!(check(&bytes, columns) || !is_utf8, "{:?}", String::from_utf8_lossy(&bytes));
    }
}
