//! Everything once: open, edit, complete, hover, find, mend, lay out, end.

use async_lsp::lsp_types::request as r;
use async_lsp::lsp_types::{
    CompletionParams, CompletionResponse, CompletionTextEdit, DiagnosticSeverity, DocumentFormattingParams,
    DocumentSymbolParams, DocumentSymbolResponse, FormattingOptions, GotoDefinitionParams,
    GotoDefinitionResponse, HoverContents, HoverParams, PositionEncodingKind, ReferenceContext,
    ReferenceParams, TextDocumentSyncCapability, TextDocumentSyncKind,
};

use super::client::{Editor, code, edited, range};

const LICENSE: &str = "SERVER srv 0011aabbccdd 27000\nVENDOR acmed\n\
    INCREMENT solver acmed 2.0 31-dec-2035 10 SIGN=0123456789AB\n";

fn completed(editor: &Editor, name: &str, line: u32, character: u32) -> Vec<(String, String)> {
    let asked = CompletionParams {
        text_document_position: editor.place(name, line, character),
        work_done_progress_params: Default::default(),
        partial_result_params: Default::default(),
        context: None,
    };
    let Some(CompletionResponse::List(list)) = editor.ask::<r::Completion>(asked).unwrap() else { panic!() };
    let new = |edit| match edit {
        Some(CompletionTextEdit::Edit(edit)) => edit.new_text,
        other => panic!("{other:?}"),
    };
    list.items.into_iter().map(|item| (item.label, new(item.text_edit))).collect()
}

fn hovered(editor: &Editor, name: &str, line: u32, character: u32) -> Option<String> {
    let asked = HoverParams {
        text_document_position_params: editor.place(name, line, character),
        work_done_progress_params: Default::default(),
    };
    let hover = editor.ask::<r::HoverRequest>(asked).unwrap()?;
    let HoverContents::Markup(markup) = hover.contents else { panic!() };
    Some(markup.value)
}

fn formatted(editor: &Editor, name: &str, text: &str) -> String {
    let asked = DocumentFormattingParams {
        text_document: editor.document(name),
        options: FormattingOptions::default(),
        work_done_progress_params: Default::default(),
    };
    edited(text, editor.ask::<r::Formatting>(asked).unwrap().unwrap())
}

#[test]
fn the_server_says_what_it_can() {
    let editor = Editor::start();
    let can = &editor.begin.capabilities;
    assert_eq!(can.position_encoding, Some(PositionEncodingKind::UTF16));
    let Some(TextDocumentSyncCapability::Options(sync)) = &can.text_document_sync else { panic!() };
    assert_eq!(sync.change, Some(TextDocumentSyncKind::INCREMENTAL));
    assert_eq!(editor.begin.server_info.as_ref().unwrap().name, "seatkeeper");
    assert_eq!(editor.end(), 0);
}

#[test]
fn findings_come_and_go_with_edits() {
    let mut editor = Editor::start();
    editor.open("a.opt", "# who may\nEXCLUDES solver USER ann\nMAX 1 solver user bob\n");
    let told = editor.told("a.opt");
    let shown: Vec<_> =
        told.iter().map(|found| (code(found), found.range, found.severity.unwrap())).collect();
    let expected = [
        ("O0201", range(1, 0, 8), DiagnosticSeverity::ERROR),
        ("O0402", range(2, 13, 17), DiagnosticSeverity::WARNING),
    ];
    assert_eq!(shown, expected);
    assert!(told[0].message.contains("did you mean EXCLUDE?"), "{}", told[0].message);
    editor.change("a.opt", Some(range(1, 7, 8)), "");
    editor.told_codes("a.opt", &["O0402"]);
    editor.change("a.opt", None, "MAX 1 solver USER bob\n");
    editor.told_codes("a.opt", &[]);
    editor.change("a.opt", None, "MAX 1 solver USR bob\n");
    let told = editor.told_codes("a.opt", &["O0401"]);
    let fixes = editor.fixes("a.opt", told[0].range);
    assert_eq!(fixes.iter().map(|fix| fix.title.as_str()).collect::<Vec<_>>(), ["Write USER"]);
    let edits = editor.edits("a.opt", &fixes[0]);
    editor.change("a.opt", Some(edits[0].range), &edits[0].new_text);
    editor.told_codes("a.opt", &[]);
    // What is closed has no findings.
    editor.change("a.opt", None, "X\n");
    editor.told_codes("a.opt", &["O0201"]);
    editor.close("a.opt");
    editor.told_codes("a.opt", &[]);
    assert_eq!(editor.end(), 0);
}

#[test]
fn words_are_completed_and_explained() {
    let mut editor = Editor::start();
    editor.write("a.lic", LICENSE);
    let text = "GROUP drawing ann bob\nEXCLUDE solver GROUP drawing\nRESERVE 1 \nEX\n";
    editor.open("acmed.opt", text);
    editor.told("acmed.opt");
    assert_eq!(completed(&editor, "acmed.opt", 2, 10), [("solver".to_owned(), "solver".to_owned())]);
    assert!(completed(&editor, "acmed.opt", 3, 2).iter().any(|(label, _)| label == "EXCLUDEALL"));
    assert_eq!(completed(&editor, "acmed.opt", 1, 23)[0].0, "drawing");
    let keyword = hovered(&editor, "acmed.opt", 1, 3).unwrap();
    assert!(keyword.contains("Denies a feature"), "{keyword}");
    let feature = hovered(&editor, "acmed.opt", 1, 10).unwrap();
    assert!(feature.contains("solver 2.0: 10 licenses now: 10 until 31-dec-2035 (a.lic:3)"), "{feature}");
    let finding = hovered(&editor, "acmed.opt", 3, 1).unwrap();
    assert!(finding.contains("O0201") && finding.contains("What to do"), "{finding}");
    assert_eq!(hovered(&editor, "acmed.opt", 99, 0), None);
    editor.open("a.lic", LICENSE);
    editor.told("a.lic");
    let line = hovered(&editor, "a.lic", 2, 3).unwrap();
    assert!(line.contains("lines of one pool add up") && line.contains("served in pool"), "{line}");
    assert_eq!(editor.end(), 0);
}

#[test]
fn names_lead_to_their_lines() {
    let mut editor = Editor::start();
    editor.write("a.lic", LICENSE);
    let text = "GROUP drawing ann bob\nEXCLUDE solver GROUP drawing\nMAX 1 solver GROUP drawing\n";
    editor.open("acmed.opt", text);
    let go = |line, character| {
        let asked = GotoDefinitionParams {
            text_document_position_params: editor.place("acmed.opt", line, character),
            work_done_progress_params: Default::default(),
            partial_result_params: Default::default(),
        };
        match editor.ask::<r::GotoDefinition>(asked).unwrap() {
            Some(GotoDefinitionResponse::Array(places)) => places,
            other => panic!("{other:?}"),
        }
    };
    let group = go(1, 24);
    assert_eq!((group.len(), &group[0].uri, group[0].range), (1, &editor.uri("acmed.opt"), range(0, 6, 13)));
    let feature = go(1, 9);
    assert_eq!(
        (feature.len(), &feature[0].uri, feature[0].range),
        (1, &editor.uri("a.lic"), range(2, 10, 16))
    );
    let asked = ReferenceParams {
        text_document_position: editor.place("acmed.opt", 0, 7),
        work_done_progress_params: Default::default(),
        partial_result_params: Default::default(),
        context: ReferenceContext { include_declaration: true },
    };
    let uses: Vec<_> = editor.ask::<r::References>(asked).unwrap().unwrap();
    let uses: Vec<_> = uses.into_iter().map(|place| place.range).collect();
    assert_eq!(uses, [range(0, 6, 13), range(1, 21, 28), range(2, 19, 26)]);
    let asked = DocumentSymbolParams {
        text_document: editor.document("acmed.opt"),
        work_done_progress_params: Default::default(),
        partial_result_params: Default::default(),
    };
    let Some(DocumentSymbolResponse::Nested(symbols)) =
        editor.ask::<r::DocumentSymbolRequest>(asked).unwrap()
    else {
        panic!()
    };
    let names: Vec<&str> = symbols.iter().map(|symbol| symbol.name.as_str()).collect();
    assert_eq!(names, ["GROUP drawing", "EXCLUDE solver GROUP drawing", "MAX 1 solver GROUP drawing"]);
    assert_eq!(editor.end(), 0);
}

#[test]
fn files_are_laid_out_as_lmfmt_lays_them_out() {
    let mut editor = Editor::start();
    let options = "exclude  solver user\tann\r\n\r\n\r\n# ä𝄞\r\nMAX 1 solver USER bob   # why\r\n";
    let license = "server  srv ANY\nVENDOR acmed\nfeature f acmed 1.0 permanent 1 \\\n SIGN=1";
    for (name, text) in [("a.opt", options), ("a.lic", license)] {
        editor.open(name, text);
        editor.write(name, text);
        let new = formatted(&editor, name, text);
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_seatkeeper"))
            .args(["lmfmt", name])
            .current_dir(editor.dir.path())
            .output()
            .unwrap();
        assert_eq!(new, String::from_utf8(output.stdout).unwrap());
        assert_ne!(new, text);
        editor.change(name, None, &new);
        assert_eq!(formatted(&editor, name, &new), new);
    }
    assert_eq!(editor.end(), 0);
}

#[test]
fn a_line_that_is_not_used_is_removed() {
    let mut editor = Editor::start();
    let text = "SERVER srv 0011aabbccdd 27000\nVENDOR acmed\nFEATURE f acmed 2.0 permanent 10 SIGN=1\n\
        FEATURE f acmed 2.0 permanent 20 \\\n\tSIGN=2\n";
    editor.open("a.lic", text);
    let told = editor.told("a.lic");
    let shadowed = told.iter().find(|found| code(found) == "L1003").expect("a shadowed line");
    let fixes = editor.fixes("a.lic", shadowed.range);
    let fix = fixes.iter().find(|fix| fix.title == "Remove this line").expect("a fix");
    assert_eq!(
        edited(text, editor.edits("a.lic", fix)),
        &text[..text.find("FEATURE f acmed 2.0 permanent 20").unwrap()]
    );
    let asked = ReferenceParams {
        text_document_position: editor.place("a.lic", 2, 8),
        work_done_progress_params: Default::default(),
        partial_result_params: Default::default(),
        context: ReferenceContext { include_declaration: true },
    };
    // The options file beside it names the feature too.
    editor.write("acmed.opt", "TIMEOUT g 900\nMAX 1 f USER ann\n");
    editor.change("a.lic", None, text);
    let uses = editor.ask::<r::References>(asked).unwrap().unwrap();
    let uses: Vec<_> = uses.into_iter().map(|place| (place.uri, place.range)).collect();
    let (license, options) = (editor.uri("a.lic"), editor.uri("acmed.opt"));
    let expected = [(license.clone(), range(2, 8, 9)), (license, range(3, 8, 9)), (options, range(1, 6, 7))];
    assert_eq!(uses, expected);
    assert_eq!(editor.end(), 0);
}
