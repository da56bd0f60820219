//! License files against `grammar/license-file.abnf`: everything the grammar makes is read without an error, what is sound
//! in `testdata/license` fits the grammar, and no bytes at all make the parser fail or change a file that it prints.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "support/abnf.rs"]
mod abnf;

use std::path::{Path, PathBuf};

use abnf::{Abnf, Dice};
use proptest::prelude::*;
use seatkeeper::license::{HostId, LicenseFile, LineKind, read_canonical};
use seatkeeper::text::{Severity, Source};

fn grammar() -> Abnf {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/grammar/license-file.abnf");
    Abnf::parse(&std::fs::read_to_string(path).unwrap())
}

fn parse(bytes: &[u8]) -> LicenseFile {
    let file = LicenseFile::parse(Source::new("made.lic", bytes));
    assert_eq!(file.print(), bytes, "printed as it was read");
    let mut at = 0;
    for line in &file.lines {
        assert_eq!(line.span.start, at, "spans tile the file");
        assert!(line.span.end > at);
        at = line.span.end;
    }
    assert_eq!(at, file.source.text().len());
    let invalid = file.lines.iter().filter(|line| matches!(line.kind, LineKind::Invalid)).count();
    let errors = file.diagnostics.iter().filter(|found| found.severity == Severity::Error).count();
    assert!(errors >= invalid, "every line that is not used has an error");
    let servers: Vec<HostId> = file.servers().map(|server| server.hostid.clone()).collect();
    for (_, statement) in file.statements() {
        let text = statement.canonical(&servers).unwrap();
        let read = read_canonical(&text).map(|(servers, read)| read.as_statement().canonical(&servers));
        assert!(read == Ok(Ok(text.clone())) || text.len() > 32 * 1024, "{text:?}");
    }
    file
}

/// What no context-free grammar can rule out, as its comments say: the 31st of a short month, an attribute that
/// stands twice, DEMO on a counted line, a number out of range, an upgrade downward, a component twice or counted in a
/// suite.
fn beyond_the_grammar(file: &LicenseFile) -> bool {
    file.diagnostics.iter().filter(|found| found.severity == Severity::Error).all(|found| {
        let text = file.source.slice(found.span);
        match found.id {
            "L0506" | "L0607" => ["29-", "30-", "31-"].iter().any(|day| text.contains(day)),
            "L0303" | "L0403" => text.trim_start_matches(|c: char| !c.is_ascii_digit()).len() == 5,
            "L0305" | "L0509" => file.source.text().to_ascii_uppercase().contains("DEMO"),
            "L0311" | "L0313" | "L0314" | "L0512" | "L0524" | "L0525" | "L0603" => true,
            _ => false,
        }
    })
}

#[test]
fn every_statement_of_the_grammar_is_read() {
    let grammar = grammar();
    for (rule, wanted) in [
        ("server-line", "SERVER"),
        ("vendor-line", "VENDOR"),
        ("use-server-line", "USE_SERVER"),
        ("feature-line", "FEATURE"),
        ("increment-line", "FEATURE"),
        ("upgrade-line", "UPGRADE"),
        ("package-line", "PACKAGE"),
        ("unserved-line", "unserved"),
        ("decimal-line", "unserved"),
    ] {
        let mut read = 0;
        for seed in 0..1500 {
            let mut dice = Dice(seed);
            let line = grammar.make(rule, &mut dice) + &grammar.make("tail", &mut dice);
            let file = parse(line.as_bytes());
            let errors: Vec<_> = file.diagnostics.iter().filter(|d| d.severity == Severity::Error).collect();
            assert!(beyond_the_grammar(&file), "{rule} {line:?}: {errors:?}");
            if errors.iter().any(|found| found.id != "L0314") {
                continue;
            }
            let kinds: Vec<_> = file.lines.iter().map(|line| kind(&line.kind)).collect();
            assert_eq!(kinds, [wanted], "{line:?}");
            read += 1;
        }
        assert!(read > 500, "{rule}: {read}");
    }
}

fn kind(kind: &LineKind) -> &'static str {
    match kind {
        LineKind::Blank => "blank",
        LineKind::Comment => "comment",
        LineKind::Server(_) => "SERVER",
        LineKind::Vendor(_) => "VENDOR",
        LineKind::UseServer => "USE_SERVER",
        LineKind::Feature(_) => "FEATURE",
        LineKind::Upgrade(_) => "UPGRADE",
        LineKind::Package(_) => "PACKAGE",
        LineKind::Unserved(_) => "unserved",
        LineKind::Prose => "prose",
        LineKind::Invalid => "invalid",
    }
}

#[test]
fn lines_of_the_grammar_stand_beside_one_another() {
    let grammar = grammar();
    for seed in 0..300 {
        let mut dice = Dice(seed);
        let mut text = String::new();
        let mut wanted = Vec::new();
        for _ in 0..6 {
            let (kind, rules): (_, &[&str]) = [
                ("blank", ["blank-line"].as_slice()),
                ("comment", &["comment-line"]),
                ("USE_SERVER", &["blanks", "use-server-line", "tail"]),
                ("FEATURE", &["blanks", "feature-line", "tail"]),
            ][dice.roll(4)];
            let piece: String = rules.iter().map(|rule| grammar.make(rule, &mut dice)).collect();
            // CR and LF of two lines are one line end; a line with an error proves nothing about its neighbours.
            if (text.ends_with('\r') && piece.starts_with('\n')) || !is_sound(&piece) {
                continue;
            }
            wanted.push(kind);
            text.push_str(&piece);
            if kind == "FEATURE" {
                // Ends the line before, whether it has a signature or not.
                wanted.push("comment");
                text.push_str("#\n");
            }
        }
        let file = parse(text.as_bytes());
        let kinds: Vec<_> = file.lines.iter().map(|line| kind(&line.kind)).collect();
        assert_eq!(kinds, wanted, "{text:?} {:?}", file.diagnostics);
    }
}

#[test]
fn good_files_fit_the_grammar_and_damaged_lines_do_not() {
    let grammar = grammar();
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/license/");
    let mut lines = 0;
    for name in
        ["good/smallest.lic", "good/every-form.lic", "good/mark.lic", "good/serverless.lic", "good/crlf.lic"]
    {
        let file = parse(&std::fs::read(format!("{folder}{name}")).unwrap());
        for line in &file.lines {
            let text = file.source.slice(line.span);
            assert!(grammar.matches("sound-file", text), "{name}: {text:?}");
            lines += 1;
        }
    }
    assert!(lines > 30, "{lines}");
    // Of the findings about the form of a line; what is wrong with its meaning is beyond a grammar.
    let ids = "L0103 L0104 L0105 L0107 L0201 L0202 L0203 L0205 L0301 L0302 L0401 L0402 L0501 L0601 L0602 L0604 L0605 L0606";
    for id in ids.split(' ') {
        let file = parse(&std::fs::read(format!("{folder}bad/{id}.lic")).unwrap());
        for line in file.lines.iter().filter(|line| matches!(line.kind, LineKind::Invalid | LineKind::Prose))
        {
            let text = file.source.slice(line.span);
            assert!(!grammar.matches("sound-line", text), "{id}: {text:?}");
        }
    }
}

fn is_sound(text: &str) -> bool {
    parse(text.as_bytes())
        .diagnostics
        .iter()
        .all(|found| found.severity < Severity::Error || found.id == "L0314")
}

/// The parser's comments name productions; each of them is one of the grammar.
#[test]
fn productions_that_the_parser_names_are_in_the_grammar() {
    let grammar = grammar();
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/license");
    let mut named = 0;
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    for file in files.filter(|path| path.is_file()) {
        let code = std::fs::read_to_string(file).unwrap();
        for line in code.lines().filter(|line| line.trim_start().starts_with("///")) {
            let lower = line.to_lowercase();
            let Some((_, rest)) = lower.split_once("production") else { continue };
            let names = rest.split(':').next().unwrap_or_default();
            for name in names.split('`').skip(1).step_by(2) {
                // Panics if there is no such rule.
                grammar.matches(name, "");
                named += 1;
            }
        }
    }
    assert!(named > 25, "{named}");
}

/// Pieces that matter to the parser, to be thrown together.
const PIECES: [&str; 38] = [
    "FEATURE",
    "INCREMENT",
    "SERVER",
    "VENDOR",
    "DAEMON",
    "USE_SERVER",
    "PACKAGE",
    "UPGRADE",
    "f1",
    "acmed",
    "1.0",
    "permanent",
    "31-dec-2027",
    "1-jan-0",
    "10",
    "uncounted",
    "0",
    "0A1B2C3D4E5F6071",
    "SIGN=",
    "HOSTID=",
    "ANY",
    "DEMO",
    "NOTICE=\"",
    "AUTH={",
    "}",
    "\"",
    "\\",
    "\\\n",
    "\\ # x\r\n",
    "\n",
    "\r",
    "\r\n",
    " ",
    "\t",
    "#",
    "=",
    "\u{201c}",
    "\u{a0}",
];

fn pieces() -> impl Strategy<Value = String> {
    proptest::collection::vec(proptest::sample::select(&PIECES[..]), 0..60).prop_map(|pieces| pieces.concat())
}

/// How many files are made from the grammar, and how many altogether by changing these and the public ones.
const MADE: usize = 4_000;
const CHANGED: usize = 96_000;
/// Longest piece of a file that is changed.
const PIECE_BYTES_MAX: usize = 400;

/// A piece of one of the files.
fn piece<'f>(files: &'f [Vec<u8>], dice: &mut Dice) -> &'f [u8] {
    let file = &files[dice.roll(files.len())];
    let length = (1 + dice.roll(PIECE_BYTES_MAX)).min(file.len());
    let start = dice.roll(file.len() - length + 1);
    &file[start..start + length]
}

/// A change of one place: another byte, a byte more, a piece less, a piece twice, a piece of another file, a word.
fn change(bytes: &mut Vec<u8>, files: &[Vec<u8>], dice: &mut Dice) {
    let at = dice.roll(bytes.len() + 1);
    let end = (at + dice.roll(40)).min(bytes.len());
    match dice.roll(7) {
        0 if at < bytes.len() => bytes[at] = u8::try_from(dice.roll(256)).unwrap(),
        1 if at < bytes.len() => bytes[at] ^= 1 << dice.roll(8),
        2 => drop(bytes.drain(at..end)),
        3 => drop(bytes.splice(at..at, bytes[at..end].to_vec())),
        4 => drop(bytes.splice(at..end, piece(files, dice).iter().copied())),
        5 => drop(bytes.splice(at..end, PIECES[dice.roll(PIECES.len())].bytes())),
        _ => bytes.insert(at, u8::try_from(dice.roll(256)).unwrap()),
    }
}

/// All license files of `testdata` and, where they are, the public ones.
fn known_files() -> Vec<Vec<u8>> {
    let project = Path::new(env!("CARGO_MANIFEST_DIR"));
    let named = std::env::var_os("SEATKEEPER_FIXTURES").map(PathBuf::from);
    let public = named.or_else(|| {
        project.ancestors().map(|parent| parent.join("shared/fixtures")).find(|path| path.is_dir())
    });
    let own = ["good", "bad"].map(|folder| project.join("testdata/license").join(folder));
    own.into_iter()
        .chain(public.map(|path| path.join("licenses")))
        .flat_map(|folder| std::fs::read_dir(folder).unwrap())
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "lic"))
        .map(|path| std::fs::read(path).unwrap())
        .filter(|bytes| !bytes.is_empty())
        .collect()
}

/// 100,000 files: made from the grammar, which are read without an error but those that it can't rule out; and changed
/// ones, which are read and printed back.
#[test]
fn a_hundred_thousand_files_are_read_and_printed_back() {
    let grammar = grammar();
    let mut files = known_files();
    assert!(files.len() > 60, "{}", files.len());
    for seed in 0..MADE {
        let text = grammar.make("sound-file", &mut Dice(u64::try_from(seed).unwrap()));
        let file = parse(text.as_bytes());
        assert!(beyond_the_grammar(&file), "{text:?}: {:?}", file.diagnostics);
        if !text.is_empty() {
            files.push(text.into_bytes());
        }
    }
    let threads = 4;
    std::thread::scope(|scope| {
        for thread in 0..threads {
            let files = &files;
            scope.spawn(move || {
                for seed in (thread..CHANGED).step_by(threads) {
                    let mut dice = Dice(u64::try_from(MADE + seed).unwrap());
                    let mut bytes = piece(files, &mut dice).to_vec();
                    for _ in 0..=dice.roll(5) {
                        change(&mut bytes, files, &mut dice);
                    }
                    parse(&bytes);
                }
            });
        }
    });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn any_bytes_are_read_and_printed_back(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        parse(&bytes);
    }

    #[test]
    fn any_pieces_are_read_and_printed_back(text in pieces()) {
        parse(text.as_bytes());
    }
}
