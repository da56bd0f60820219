//! Places in texts that are not ASCII, with both position encodings, and with every line end.

use async_lsp::lsp_types::{Position, PositionEncodingKind, Range};

use super::client::{Editor, code, edited, range};

const TEXT: &str =
    "# ä𝄞\r\n\tEXCLUDE solver USER \"ä𝄞\" USR bob\r\nEXCLUDE \"s𝄞\" USERS ann\rMAX 1 f user 𝄞\n";

#[test]
fn columns_are_units_of_utf_16() {
    let mut editor = Editor::start();
    editor.open("a.opt", TEXT);
    let told = editor.told("a.opt");
    let found: Vec<_> = told.iter().map(|found| (code(found), found.range)).collect();
    assert!(found.contains(&("O0401", range(2, 14, 19))), "{found:?}");
    assert!(found.contains(&("O0402", range(3, 8, 12))), "{found:?}");
    let fixes = editor.fixes("a.opt", range(3, 9, 9));
    assert_eq!(edited(TEXT, editor.edits("a.opt", &fixes[0])), TEXT.replace("user", "USER"));
    // A change behind a character of two units, and one over a line end.
    editor.change("a.opt", Some(range(3, 13, 15)), "ann");
    editor.change("a.opt", Some(Range::new(Position::new(0, 0), Position::new(3, 0))), "");
    let told = editor.told_codes("a.opt", &["O0402"]);
    assert_eq!(told[0].range, range(0, 8, 12));
    assert_eq!(editor.end(), 0);
}

#[test]
fn columns_are_bytes_where_the_client_offers_it() {
    let encodings = vec![PositionEncodingKind::UTF8, PositionEncodingKind::UTF16];
    let mut editor = Editor::start_with(Some(encodings));
    assert_eq!(editor.begin.capabilities.position_encoding, Some(PositionEncodingKind::UTF8));
    editor.open("a.opt", TEXT);
    let told = editor.told("a.opt");
    let found: Vec<_> = told.iter().map(|found| (code(found), found.range)).collect();
    assert!(found.contains(&("O0401", range(2, 16, 21))), "{found:?}");
    editor.change("a.opt", Some(range(3, 13, 17)), "ann");
    editor.change("a.opt", Some(Range::new(Position::new(0, 0), Position::new(3, 0))), "");
    editor.change("a.opt", Some(range(0, 8, 12)), "USER");
    editor.told_codes("a.opt", &[]);
    assert_eq!(editor.end(), 0);
}

#[test]
fn positions_out_of_bounds_are_the_nearest_ends() {
    let mut editor = Editor::start();
    editor.open("a.opt", "MAX 1 f USER ann");
    assert!(editor.told("a.opt").is_empty());
    editor.change("a.opt", Some(range(0, 16, 4_000_000_000)), "\nX");
    editor.told_codes("a.opt", &["O0201"]);
    let far = Position::new(u32::MAX, u32::MAX);
    editor.change("a.opt", Some(Range::new(far, far)), "\nY");
    let told = editor.told_codes("a.opt", &["O0201", "O0201"]);
    assert_eq!(told[1].range, range(2, 0, 1));
    assert!(editor.fixes("a.opt", Range::new(far, far)).is_empty());
    assert_eq!(editor.end(), 0);
}
