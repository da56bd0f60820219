//! Options files against `grammar/options-file.abnf`: everything the grammar makes is read without an error, and no bytes at all
//! make the parser fail or change a file that it prints. The public files and the public table of snippets are read as their
//! projects read them, or it is said why not.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout
)]

#[path = "support/abnf.rs"]
#[allow(dead_code, reason = "each test binary uses its part of the support")]
mod abnf;

use std::path::{Path, PathBuf};

use abnf::{Abnf, Dice};
use proptest::prelude::*;
use seatkeeper::options::format::{Style, comments_of, format};
use seatkeeper::options::{Directive, LineKind, OptionsFile};
use seatkeeper::text::{Severity, Source, Span};

fn grammar() -> Abnf {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/grammar/options-file.abnf");
    Abnf::parse(&std::fs::read_to_string(path).unwrap())
}

fn parse(bytes: &[u8]) -> OptionsFile {
    let file = OptionsFile::parse(Source::new("made.opt", bytes));
    assert_eq!(file.print(), bytes, "printed as it was read");
    let mut at = 0;
    for line in &file.lines {
        assert_eq!(line.span.start, at, "spans tile the file");
        assert!(line.span.end > at);
        at = line.span.end;
    }
    assert_eq!(at, file.source.text().len());
    for line in file.lines.iter().filter(|line| matches!(line.kind, LineKind::Invalid)) {
        let told = file.diagnostics_of(line).any(|found| found.severity == Severity::Error);
        assert!(told, "a line that is not used has an error: {:?}", file.source.slice(line.span));
    }
    file
}

fn errors(file: &OptionsFile) -> Vec<&str> {
    file.diagnostics.iter().filter(|found| found.severity == Severity::Error).map(|found| found.id).collect()
}

#[test]
fn every_line_of_the_grammar_is_read() {
    let grammar = grammar();
    for rule in [
        "access-line",
        "max-line",
        "reserve-line",
        "priority-line",
        "group-line",
        "host-group-line",
        "switch-line",
        "number-line",
        "log-line",
        "no-log-line",
        "activation-line",
    ] {
        for seed in 0..1500 {
            let mut dice = Dice(seed);
            let text = grammar.make(rule, &mut dice) + &grammar.make("tail", &mut dice);
            let file = parse(text.as_bytes());
            assert!(errors(&file).is_empty(), "{rule} {text:?}: {:?}", file.diagnostics);
            assert_eq!(file.options().count(), 1, "{rule} {text:?}");
        }
    }
}

#[test]
fn lines_of_the_grammar_stand_beside_one_another() {
    let grammar = grammar();
    for seed in 0..500 {
        let text = grammar.make("sound-file", &mut Dice(seed));
        assert!(errors(&parse(text.as_bytes())).is_empty(), "{text:?}");
    }
}

fn fixtures() -> Option<PathBuf> {
    let named = std::env::var_os("SEATKEEPER_FIXTURES").map(PathBuf::from);
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().map(|dir| dir.join("shared/fixtures"));
    let found = named.into_iter().chain(beside).map(|dir| dir.join("options")).find(|dir| dir.is_dir());
    if found.is_none() {
        println!("note: the public options files are not here; nothing is checked");
    }
    found
}

#[test]
fn public_files_are_read_without_an_error() {
    let Some(folder) = fixtures() else { return };
    let mut read = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "opt") {
            continue;
        }
        let file = parse(&std::fs::read(&path).unwrap());
        assert!(errors(&file).is_empty(), "{}: {:?}", path.display(), file.diagnostics);
        let warned: Vec<&str> = file.diagnostics.iter().map(|found| found.id).collect();
        let expected: &[&str] = if path.ends_with("doc-adskflex-firm.opt") { &["O0405"; 9] } else { &[] };
        assert_eq!(warned, expected, "{}", path.display());
        read += 1;
    }
    assert!(read >= 4, "{read}");
}

/// Why a snippet is read otherwise than its project reads it; none if nothing explains it.
fn why_we_differ(text: &str) -> Option<&'static str> {
    if text.contains("K=v") {
        return Some("K is no modifier; the snippet means any, we name the twelve that there are");
    }
    if text.contains("LINGER 0") || text.contains("TIMEOUT 0") {
        return Some("both take a feature before the number (`flexnet-files.md` 4.4)");
    }
    if text.contains("AUTO_ROLLOVER 23 OBF_ADDMARK") {
        return Some("the order of the two words carries no meaning");
    }
    None
}

#[test]
fn the_public_table_of_snippets_is_agreed_with_or_answered() {
    let Some(folder) = fixtures() else { return };
    let table = std::fs::read_to_string(folder.join("licscanner-cases.jsonl")).unwrap();
    let (mut agreed, mut explained, mut differ) = (0, 0, Vec::new());
    for row in table.lines() {
        let row: serde_json::Value = serde_json::from_str(row).unwrap();
        let (text, valid) = (row["text"].as_str().unwrap(), row["valid"].as_bool().unwrap());
        let file = parse(text.as_bytes());
        if errors(&file).is_empty() == valid {
            agreed += 1;
        } else if why_we_differ(text).is_some() {
            explained += 1;
        } else {
            differ.push(format!("{} ({text:?}, valid: {valid}): {:?}", row["name"], errors(&file)));
        }
    }
    assert_eq!((agreed, explained), (155, 15));
    assert!(differ.is_empty(), "{agreed} agreed, {} differ:\n{}", differ.len(), differ.join("\n"));
}

/// What a file says, told without the code under test: each line with an effect, but for places, and the others as they stand.
fn said(file: &OptionsFile) -> Vec<String> {
    let mut said = Vec::new();
    for line in &file.lines {
        match &line.kind {
            LineKind::Blank | LineKind::Comment => {}
            LineKind::Option(option) => {
                let mut directive = option.directive.clone();
                match &mut directive {
                    Directive::Access(access) => {
                        if let Some(spec) = &mut access.feature {
                            spec.span = Span::default();
                        }
                    }
                    Directive::Max { feature, .. }
                    | Directive::Reserve { feature, .. }
                    | Directive::Priority { feature, .. }
                    | Directive::FeatureNumber { feature, .. } => feature.span = Span::default(),
                    _ => {}
                }
                said.push(format!("{:?} {directive:?}", option.keyword));
            }
            LineKind::Invalid => {
                let text = file.source.slice(line.span).trim_start_matches('\u{feff}');
                said.push(text.trim_end_matches(['\r', '\n']).to_owned());
            }
        }
    }
    said
}

/// Lays a file out and checks all that holds for every file; false if it has no canonical layout.
fn laid_out(bytes: &[u8], columns: usize) -> bool {
    let style = Style { columns };
    let file = parse(bytes);
    let Ok(once) = format(&file, style) else { return false };
    let again = parse(&once);
    let shown =
        || format!("{:?} became {:?}", String::from_utf8_lossy(bytes), String::from_utf8_lossy(&once));
    assert_eq!(said(&file), said(&again), "{}", shown());
    let comments = |file: &OptionsFile| -> Vec<String> {
        file.lines.iter().flat_map(|line| comments_of(file, line)).map(str::to_owned).collect()
    };
    assert_eq!(comments(&file), comments(&again), "{}", shown());
    assert_eq!(errors(&file), errors(&again), "{}", shown());
    let twice = format(&again, style).unwrap();
    assert_eq!(String::from_utf8_lossy(&twice), String::from_utf8_lossy(&once), "{}", shown());
    true
}

#[test]
fn files_of_the_grammar_have_a_canonical_layout() {
    let grammar = grammar();
    for seed in 0..1500 {
        let text = grammar.make("sound-file", &mut Dice(seed));
        assert!(laid_out(text.as_bytes(), 70), "{text:?}");
        assert!(laid_out(text.as_bytes(), 20), "{text:?}");
    }
}

#[test]
fn the_layout_of_public_files_is_canonical_and_says_the_same() {
    let Some(folder) = fixtures() else { return };
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "opt") {
            assert!(laid_out(&std::fs::read(&path).unwrap(), 70), "{}", path.display());
        }
    }
}

fn formatted(text: &str) -> String {
    String::from_utf8(format(&parse(text.as_bytes()), Style::default()).unwrap()).unwrap()
}

#[test]
fn capitals_blanks_quotes_and_comments() {
    for (before, after) in [
        ("exclude  fx\tuser \"ann\"   # why\r\n", "EXCLUDE fx USER ann # why\r\n"),
        (
            "  Include \"f:1 VERSION=2.0\" user_group \"a b\"",
            "INCLUDE \"f:1 VERSION=2.0\" USER_GROUP \"a b\"\n",
        ),
        ("\n\n  # one \n\n\n# two\nnolog in\n\n", "# one\n\n# two\nNOLOG IN\n"),
        ("debuglog +\"C:\\x\\a.log\" obf_addmark", "DEBUGLOG +C:\\x\\a.log OBF_ADDMARK\n"),
        ("debuglog +\"C:\\a b\\a.log\"", "DEBUGLOG +\"C:\\a b\\a.log\"\n"),
        ("group user on \\ # the first\n   off # the last\n", "# the first\n# the last\nGROUP user on off\n"),
        ("EXCLUD   fx  USER ann\nmax  user fx USER ann\n", "EXCLUD   fx  USER ann\nmax  user fx USER ann\n"),
        ("\u{feff}max 2 fx user ALL_USERS", "MAX 2 fx USER ALL_USERS\n"),
    ] {
        assert_eq!(formatted(before), after);
    }
}

#[test]
fn long_groups_are_wrapped_and_other_lines_are_not() {
    let names: Vec<String> = (0..30).map(|n| format!("user{n}")).collect();
    let text = formatted(&format!("group drawing {}\n", names.join("  ")));
    assert!(text.starts_with("GROUP drawing user0 user1 ") && text.lines().count() == 4, "{text}");
    assert!(text.lines().all(|line| line.chars().count() <= 70), "{text}");
    assert!(text.lines().skip(1).all(|line| line.starts_with("\tuser")), "{text}");
    let long = format!("EXCLUDE fx:VENDOR_STRING={} USER ann\n", "x".repeat(200));
    assert_eq!(formatted(&long), long);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_make_the_parser_fail(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        parse(&bytes);
    }

    #[test]
    fn no_damage_makes_the_parser_fail(seed in any::<u64>(), at in any::<prop::sample::Index>(), with in "[ \"\\\\#\n\t=:*]{0,3}") {
        let text = grammar().make("sound-file", &mut Dice(seed % 100_000));
        let mut characters: Vec<char> = text.chars().collect();
        let at = at.index(characters.len() + 1);
        let end = (at + with.len()).min(characters.len());
        characters.splice(at..end, with.chars());
        parse(characters.into_iter().collect::<String>().as_bytes());
    }

    #[test]
    fn damaged_files_keep_their_meaning_when_they_are_laid_out(seed in any::<u64>(), at in any::<prop::sample::Index>(), with in "[ \"\\\\#\r\n\t=:+]{0,3}") {
        let text = grammar().make("sound-file", &mut Dice(seed % 100_000));
        let mut characters: Vec<char> = text.chars().collect();
        let at = at.index(characters.len() + 1);
        let end = (at + with.len()).min(characters.len());
        characters.splice(at..end, with.chars());
        laid_out(characters.into_iter().collect::<String>().as_bytes(), 40);
    }
}
