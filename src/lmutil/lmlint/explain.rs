//! `lmlint --explain`: a finding at length.

use thiserror::Error;

use super::{row, rows};
use crate::lint;
use crate::text::{Finding, nearest};

/// Columns of a line of prose.
const WIDTH: usize = 80;

/// There is no finding of this id.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("there is no finding {given:?}{}", meant.map(|meant| format!("; did you mean {meant}?")).unwrap_or_default())]
pub struct UnknownId {
    given: String,
    meant: Option<&'static str>,
}

/// Cause, example and remedy of a finding, whose id may be written in any case.
///
/// # Errors
/// [`UnknownId`] with the id that was probably meant.
pub fn explained(id: &str) -> Result<String, UnknownId> {
    let wanted = id.trim().to_ascii_uppercase();
    match row(&wanted) {
        Some(row) => Ok(text(row)),
        None => {
            let given = id.chars().take(40).collect();
            Err(UnknownId { given, meant: nearest(&wanted, rows().map(|row| row.id)) })
        }
    }
}

/// One line for each finding: id, severity, meaning.
#[must_use]
pub fn list() -> String {
    rows().map(|row| format!("{}  {:<8} {}\n", row.id, row.severity.to_string(), row.meaning)).collect()
}

fn text(row: &Finding) -> String {
    let mut text = format!("{}, {}", row.id, row.severity);
    if let Some(code) = row.code {
        text.push_str(&format!(" ({})", code.number()));
    }
    text.push_str(&format!(": {}\n", row.meaning));
    if let Some(explanation) = lint::explain(row.id) {
        text.push_str(&format!("\n{}", wrapped(explanation.cause)));
        files(&mut text, row.id, "Example", explanation.example);
        text.push_str(&format!("\n{}", wrapped(&format!("What to do: {}", explanation.remedy))));
        files(&mut text, row.id, "Mended", explanation.mended);
    }
    text
}

/// Example files, called `a.lic`, `b.opt` and so on if there are several.
fn files(text: &mut String, id: &str, title: &str, files: &[&str]) {
    let is_options = |file: &str| id.starts_with('O') && !file.starts_with("SERVER");
    for (file, name) in files.iter().zip('a'..) {
        if files.len() > 1 {
            let extension = if is_options(file) { "opt" } else { "lic" };
            text.push_str(&format!("\n{title}, {name}.{extension}:\n"));
        } else {
            text.push_str(&format!("\n{title}:\n"));
        }
        for line in file.split_inclusive(['\n', '\r']).map(|line| line.trim_end_matches(['\n', '\r'])) {
            text.push_str(&format!("    {line}\n"));
        }
    }
}

/// Prose in lines of some width.
fn wrapped(prose: &str) -> String {
    let mut text = String::new();
    let mut column = 0;
    for word in prose.split_whitespace() {
        let width = word.chars().count();
        if column > 0 && column + 1 + width > WIDTH {
            text.push('\n');
            column = 0;
        } else if column > 0 {
            text.push(' ');
            column += 1;
        }
        text.push_str(word);
        column += width;
    }
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_found_in_any_case_and_near_misses_named() {
        assert!(explained("l0901").unwrap().starts_with("L0901, warning (-10): "));
        let error = explained("L0l01").unwrap_err().to_string();
        assert_eq!(error, "there is no finding \"L0l01\"; did you mean L0101?");
        assert_eq!(explained("x").unwrap_err().to_string(), "there is no finding \"x\"");
        assert_eq!(list().lines().count(), rows().count());
    }

    #[test]
    fn prose_is_wrapped_between_words() {
        let text = wrapped(&"word ".repeat(40));
        assert!(text.lines().all(|line| line.len() <= WIDTH) && text.lines().count() == 3, "{text}");
    }
}
