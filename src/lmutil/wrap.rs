//! Text that stays within a terminal's width.

/// Widest line where words allow it, in columns.
const COLUMNS: usize = 100;

/// Adds `first`, a blank and the words of `text`, in lines of at most 100 columns; further lines begin with `indent`
/// blanks. A word that is wider than that has a line of its own.
pub(super) fn push_wrapped(out: &mut String, first: &str, indent: usize, text: &str) {
    out.push_str(first);
    let mut column = first.chars().count();
    if column < indent && !first.trim().is_empty() {
        // A short label: the text stands in one column below it.
        let missing = (indent - column).saturating_sub(1);
        out.extend(std::iter::repeat_n(' ', missing));
        column += missing;
    }
    for word in text.split_whitespace() {
        let width = word.chars().count();
        if column > indent && column + 1 + width > COLUMNS {
            out.push('\n');
            out.extend(std::iter::repeat_n(' ', indent));
            column = indent;
        } else {
            out.push(' ');
            column += 1;
        }
        out.push_str(word);
        column += width;
    }
    out.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_full_but_not_longer() {
        let mut text = String::new();
        let words = vec!["word"; 40].join(" ");
        push_wrapped(&mut text, "a label", 4, &words);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.iter().map(|line| line.len()).collect::<Vec<_>>(), [97, 98, 18]);
        assert!(lines[0].starts_with("a label word") && lines[1].starts_with("    word"));
        text.clear();
        push_wrapped(&mut text, "At:", 9, &"x".repeat(120));
        assert_eq!(text, format!("At:      {}\n", "x".repeat(120)));
        text.clear();
        push_wrapped(&mut text, "File:", 9, "");
        assert_eq!(text, "File:   \n");
    }
}
