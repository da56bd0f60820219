//! Each fix that is offered for a damaged file, made: its finding is gone, and no line is damaged by it.

use async_lsp::lsp_types::{Diagnostic, DiagnosticSeverity};
use seatkeeper::text::Source;

use super::client::{Editor, code, edited};
use super::same_as_lmlint::{Sample, samples};

/// How many findings of a code there are, among all or among errors.
fn count(found: &[Diagnostic], id: &str, errors_only: bool) -> usize {
    let counts = |found: &&Diagnostic| {
        code(found) == id && (!errors_only || found.severity == Some(DiagnosticSeverity::ERROR))
    };
    found.iter().filter(counts).count()
}

/// Makes each fix of a sample's first file by itself; how many there were.
fn made(editor: &mut Editor, number: usize, sample: &Sample) -> usize {
    let beside = |editor: &Editor, directory: &str| {
        for (name, bytes) in &sample.files {
            editor.write(&format!("{directory}/{name}"), bytes);
        }
        format!("{directory}/{}", sample.files[0].0)
    };
    let name = beside(editor, &number.to_string());
    let text = Source::new(&name, &sample.files[0].1).text().to_owned();
    editor.open(&name, &text);
    let before = editor.told(&name);
    let mut many = 0;
    for found in &before {
        let is_its = |shown: &&Diagnostic| code(shown) == code(found) && shown.range == found.range;
        for action in editor.fixes(&name, found.range) {
            if !action.diagnostics.iter().flatten().any(|shown| is_its(&shown)) {
                continue;
            }
            let new = edited(&text, editor.edits(&name, &action));
            let tried = beside(editor, &format!("{number}-{many}"));
            editor.open(&tried, &new);
            let after = editor.told(&tried);
            editor.close(&tried);
            let what = format!("{}: {} makes of {text:?} {new:?}: {after:?}", sample.title, action.title);
            assert!(count(&after, code(found), false) < count(&before, code(found), false), "{what}");
            let is_first_read = matches!(code(found), "L0201" | "O0201");
            for came in after.iter().filter(|_| !is_first_read) {
                assert!(count(&after, code(came), true) <= count(&before, code(came), true), "{what}");
            }
            many += 1;
        }
    }
    editor.close(&name);
    many
}

fn all_hold(directory: &str, first: &str, options_name: Option<&str>, least: usize) {
    let mut editor = Editor::start();
    let mut samples = samples(directory, first);
    for sample in &mut samples {
        if let Some(name) = options_name.filter(|_| sample.files.len() > 1) {
            sample.files[0].0 = name.to_owned();
        }
    }
    let each = samples.iter().enumerate().map(|(number, sample)| made(&mut editor, number, sample));
    let many: usize = each.sum();
    assert!(many >= least, "{many}");
    assert_eq!(editor.end(), 0);
}

#[test]
fn fixes_of_damaged_options_files_hold() {
    all_hold("damaged-options", "a.opt", Some("acmed.opt"), 70);
}

#[test]
fn fixes_of_damaged_license_lines_hold() {
    all_hold("damaged-lines", "a.lic", None, 120);
}
