//! An options file and its license file are judged together, as the editor has them.

use super::client::{Editor, code, range};

const HEAD: &str = "SERVER srv 0011aabbccdd 27000\nVENDOR acmed\n";

fn license(feature: &str) -> String {
    format!("{HEAD}INCREMENT {feature} acmed 2.0 31-dec-2035 10 SIGN=0123456789AB\n")
}

#[test]
fn a_change_in_one_file_is_told_of_the_other() {
    let mut editor = Editor::start();
    editor.write("a.lic", license("mesher"));
    editor.open("acmed.opt", "EXCLUDE solver USER ann\n");
    let told = editor.told("acmed.opt");
    assert_eq!(told.iter().map(code).collect::<Vec<_>>(), ["O0701"]);
    // What is open counts before the disk, from its first letter on.
    editor.open("a.lic", &license("solver"));
    editor.told_codes("acmed.opt", &[]);
    editor.change("a.lic", Some(range(2, 10, 16)), "viewer");
    editor.told_codes("acmed.opt", &["O0701"]);
    editor.close("a.lic");
    editor.told("a.lic");
    assert_eq!(editor.end(), 0);
}

#[test]
fn the_options_file_that_a_vendor_line_names_is_found() {
    let mut editor = Editor::start();
    let named = license("solver").replace("VENDOR acmed", "VENDOR acmed OPTIONS=sub/rules.opt");
    editor.open("x.lic", &named);
    let told = editor.told("x.lic");
    assert!(told.iter().any(|found| code(found) == "O0908"), "{told:?}");
    editor.open("sub/rules.opt", "EXCLUDE sovler USER ann\n");
    let told = editor.told_codes("sub/rules.opt", &["O0701"]);
    assert!(told[0].message.contains("did you mean solver?"), "{}", told[0].message);
    // The license file now leads to a file that is open.
    let told = editor.told("x.lic");
    assert!(!told.iter().any(|found| code(found) == "O0908"), "{told:?}");
    // A file to which none leads is judged by itself.
    editor.open("other.opt", "EXCLUDE sovler USER ann\n");
    assert!(editor.told("other.opt").is_empty());
    assert_eq!(editor.end(), 0);
}

#[cfg(unix)]
#[test]
fn a_pipe_beside_it_is_not_waited_for() {
    let mut editor = Editor::start();
    for name in ["b.lic", "acmed.opt"] {
        let made = std::process::Command::new("mkfifo").arg(editor.path(name)).status().unwrap();
        assert!(made.success());
    }
    editor.open("a.lic", &license("solver"));
    let told = editor.told("a.lic");
    assert!(told.iter().any(|found| code(found) == "O0908"), "{told:?}");
    editor.open("acmed.opt", "EXCLUDE solver USER ann\n");
    assert!(editor.told("acmed.opt").is_empty());
    assert_eq!(editor.end(), 0);
}
