//! The editor is told what lmlint prints: the same codes at the same places.

use std::path::{Path, PathBuf};

use async_lsp::lsp_types::{Diagnostic, Position};
use seatkeeper::text::Source;

use super::client::{Editor, code, lmlint};
use super::unescaped::unescaped;

/// The head that stands before the texts of `damaged-lines`, as their README says.
const HEAD: &str = "SERVER srv 0011aabbccdd 27000\nVENDOR acmed\n";

/// A sample: the document that is opened, and the files beside it.
pub(super) struct Sample {
    pub(super) title: String,
    pub(super) files: Vec<(String, Vec<u8>)>,
}

pub(super) fn samples(directory: &str, first: &str) -> Vec<Sample> {
    let directory = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("testdata").join(directory);
    let mut tables: Vec<PathBuf> =
        std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    tables.retain(|path| path.extension().is_some_and(|extension| extension == "txt"));
    tables.sort();
    let mut samples: Vec<Sample> = Vec::new();
    for line in tables.iter().flat_map(|table| {
        let text = std::fs::read_to_string(table).unwrap();
        text.lines().map(str::to_owned).collect::<Vec<_>>()
    }) {
        if let Some(title) = line.strip_prefix("== ") {
            let head = if first == "a.lic" && !title.ends_with(" (alone)") { HEAD } else { "" };
            let files = if first == "a.lic" {
                vec![(first.to_owned(), head.as_bytes().to_vec())]
            } else {
                Vec::new()
            };
            samples.push(Sample { title: title.to_owned(), files });
        } else if let Some(next) = line.strip_prefix("| --- ") {
            samples.last_mut().unwrap().files.push((next.to_owned(), Vec::new()));
        } else if let Some(text) = line.strip_prefix('|') {
            let files = &mut samples.last_mut().unwrap().files;
            if files.is_empty() {
                files.push((first.to_owned(), Vec::new()));
            }
            files
                .last_mut()
                .unwrap()
                .1
                .extend(unescaped(text.strip_prefix(' ').unwrap_or(text), line.as_str()));
        }
    }
    samples
}

/// Code, line and column of begin and end, as lmlint counts them.
type Shown = (String, u64, u64, u64, u64);

fn shown(found: &Diagnostic, source: &Source) -> Shown {
    let place = |at: Position| {
        let line = source.line_span(at.line as usize + 1);
        let mut units = 0;
        let before = source.slice(line).chars().take_while(|c| {
            units += c.len_utf16();
            units <= at.character as usize
        });
        let bytes: usize = before.map(char::len_utf8).sum();
        let place = source.place(line.start + bytes);
        (place.line as u64, place.column as u64)
    };
    let (start, end) = (place(found.range.start), place(found.range.end));
    (code(found).to_owned(), start.0, start.1, end.0, end.1)
}

/// What lmlint prints about one of some files.
fn printed(dir: &Path, files: &[&Path], of: &Path) -> Vec<Shown> {
    let report = lmlint(dir, files);
    let all = report["diagnostics"].as_array().unwrap().iter();
    let own = all.filter(|found| found["file"] == of.display().to_string());
    let number = |found: &serde_json::Value, name: &str| found[name].as_u64().unwrap();
    own.map(|found| {
        let code = found["code"].as_str().unwrap().to_owned();
        let [line, column, end_line, end_column] =
            ["line", "column", "end_line", "end_column"].map(|name| number(found, name));
        (code, line, column, end_line, end_column)
    })
    .collect()
}

/// Opens a sample's first file and compares; how many findings it has.
fn compare(editor: &mut Editor, number: usize, sample: &Sample) -> usize {
    let directory = format!("{number}");
    let named = |name: &str| format!("{directory}/{name}");
    let paths: Vec<PathBuf> =
        sample.files.iter().map(|(name, bytes)| editor.write(&named(name), bytes)).collect();
    let (name, bytes) = &sample.files[0];
    let source = Source::new(name, bytes);
    let mut order: Vec<&Path> = paths.iter().map(PathBuf::as_path).collect();
    // An options file is judged beside the license files of its directory, in the order of their names.
    order.sort_by_key(|path| path.extension().is_some_and(|extension| extension == "opt"));
    let printed = printed(&editor.path(&directory), &order, &paths[0]);
    editor.open(&named(name), source.text());
    let mut told: Vec<Shown> = editor.told(&named(name)).iter().map(|found| shown(found, &source)).collect();
    editor.close(&named(name));
    let mut expected = printed;
    told.sort();
    expected.sort();
    assert_eq!(told, expected, "{}", sample.title);
    told.len()
}

#[test]
fn damaged_license_lines_are_found_as_by_lmlint() {
    let mut editor = Editor::start();
    let mut samples = samples("damaged-lines", "a.lic");
    samples.retain(|sample| sample.files.len() == 1);
    assert!(samples.len() >= 150, "{}", samples.len());
    let found: usize =
        samples.iter().enumerate().map(|(number, sample)| compare(&mut editor, number, sample)).sum();
    assert!(found >= samples.len(), "{found}");
    assert_eq!(editor.end(), 0);
}

#[test]
fn damaged_options_files_are_found_as_by_lmlint() {
    let mut editor = Editor::start();
    let mut samples = samples("damaged-options", "a.opt");
    // Which of several options files a daemon reads is said on the command line, and here by the VENDOR line.
    samples.retain(|sample| {
        let options = sample.files.iter().filter(|(name, _)| name.ends_with(".opt")).count();
        options == 1 && sample.files[0].0 == "a.opt" && !sample.title.ends_with(')')
    });
    for sample in &mut samples {
        if sample.files.len() > 1 {
            sample.files[0].0 = "acmed.opt".to_owned();
        }
    }
    assert!(samples.len() >= 100, "{}", samples.len());
    let found: usize =
        samples.iter().enumerate().map(|(number, sample)| compare(&mut editor, number, sample)).sum();
    assert!(found >= samples.len(), "{found}");
    assert_eq!(editor.end(), 0);
}
