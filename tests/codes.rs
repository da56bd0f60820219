//! `grammar/codes.md` is the table of `src/code.rs` and `src/code/minor.rs` as text. This test compares them;
//! `SEATKEEPER_REGENERATE=1 cargo test --test codes` writes the file anew.
#![allow(clippy::unwrap_used)]

use std::fmt::Write as _;

use seatkeeper::code::{Code, minor};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/grammar/codes.md");

/// The main numbers above this one have the meaning that administrators know; from here downward they are our own.
const OWN_FROM: i32 = -1001;

/// The hundreds of the minor numbers.
const PLACES: [(u16, &str); 6] = [
    (100, "license files and grants"),
    (200, "catalog and engine"),
    (300, "session and handshake"),
    (400, "store"),
    (500, "network"),
    (600, "control"),
];

fn generated() -> String {
    let mut text = String::from(
        "# Numbers of refusals and errors\n\n\
         Generated from `src/code.rs` and `src/code/minor.rs`; `SEATKEEPER_REGENERATE=1 cargo test --test codes` \
         writes it anew.\n\n\
         A refusal is written `Text. (main,minor)`. The main number says what is wrong, the minor number where in \
         Seatkeeper the refusal arose. A tool that ends with a main number has the exit status 256 + number \
         (-4: 252), or 1 where that does not fit into a byte.\n\n\
         ## Main numbers with the known meaning\n\n",
    );
    main_numbers(&mut text, |code| code.number() > OWN_FROM);
    text.push_str("\n## Main numbers of our own\n\n");
    main_numbers(&mut text, |code| code.number() <= OWN_FROM);
    text.push_str("\n## Minor numbers\n");
    for (first, place) in PLACES {
        writeln!(text, "\n### {first}: {place}\n\n| minor | name | meaning |\n| ---: | --- | --- |").unwrap();
        for row in minor::ALL.iter().filter(|row| row.number / 100 * 100 == first) {
            let meaning = row.meaning.trim().trim_end_matches('.');
            writeln!(text, "| {} | `{}` | {meaning} |", row.number, row.name).unwrap();
        }
    }
    text
}

fn main_numbers(text: &mut String, wanted: impl Fn(Code) -> bool) {
    text.push_str("| main | exit | text | what to do |\n| ---: | ---: | --- | --- |\n");
    for code in Code::ALL.iter().copied().filter(|&code| wanted(code)) {
        writeln!(
            text,
            "| {} | {} | {} | {} |",
            code.number(),
            code.exit_status(),
            code.text(),
            code.remedy()
        )
        .unwrap();
    }
}

#[test]
fn the_file_is_the_table() {
    let generated = generated();
    if std::env::var_os("SEATKEEPER_REGENERATE").is_some() {
        std::fs::write(FILE, &generated).unwrap();
    }
    let written = std::fs::read_to_string(FILE).unwrap_or_default();
    assert!(
        written == generated,
        "grammar/codes.md differs from the table; SEATKEEPER_REGENERATE=1 cargo test --test codes writes it anew"
    );
}

#[test]
fn every_number_has_its_row() {
    let generated = generated();
    for code in Code::ALL {
        assert_eq!(generated.matches(&format!("\n| {} |", code.number())).count(), 1, "{code:?}");
    }
    for row in minor::ALL {
        assert!(
            generated.contains(&format!("\n| {} | `{}` | ", row.number, row.name)),
            "{row:?} has no place"
        );
    }
    assert!(!generated.contains("|\n\n|") && !generated.contains("| |"), "an empty cell or a broken table");
}
