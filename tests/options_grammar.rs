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
use seatkeeper::options::{LineKind, OptionsFile};
use seatkeeper::text::{Severity, Source};

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
}
