//! Rust sources as the checks see them: code without comments and texts, and without its tests.

use std::path::Path;
use std::process::Command;

/// One file under `src`.
pub(crate) struct Source {
    /// Its path from the top, with `/`.
    pub(crate) path: String,
    /// All of it.
    pub(crate) text: String,
    /// Only code: comments, texts and characters are blanks, line ends stay.
    code: String,
    /// Only code that is not compiled for tests alone.
    product: String,
}

impl Source {
    fn new(path: String, text: String) -> Self {
        let code = code_of(&text);
        let is_test = path.ends_with("/tests.rs") || path.contains("/tests/");
        let product = if is_test { String::new() } else { without_tests(&code) };
        Self { path, text, code, product }
    }

    /// The room: the first name below `src`.
    pub(crate) fn room(&self) -> &str {
        let below = self.path.strip_prefix("src/").unwrap();
        below.split(['/', '.']).next().unwrap()
    }

    /// Lines without those of tests at the end of the file; 0 for a file of tests.
    pub(crate) fn product_line_count(&self) -> usize {
        self.product.trim_end().lines().count()
    }

    /// Lines in which a name stands as code.
    pub(crate) fn lines_with(&self, name: &str) -> Vec<usize> {
        lines_with(&self.code, name)
    }

    /// Lines in which a name stands as code that is not only for tests.
    pub(crate) fn product_lines_with(&self, name: &str) -> Vec<usize> {
        lines_with(&self.product, name)
    }

    /// Lines and first names of all `crate::name` paths outside tests; `use crate::{a, b::c}` gives both.
    pub(crate) fn product_crate_paths(&self) -> Vec<(usize, String)> {
        let mut found = Vec::new();
        for at in word_starts(&self.product, "crate") {
            let behind = self.product[at + "crate".len()..].trim_start();
            let Some(path) = behind.strip_prefix("::") else { continue };
            let line = self.product[..at].matches('\n').count() + 1;
            for name in first_names(path.trim_start()) {
                found.push((line, name));
            }
        }
        found
    }
}

fn first_names(path: &str) -> Vec<String> {
    let name_of =
        |text: &str| text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
    let Some(group) = path.strip_prefix('{') else { return vec![name_of(path)] };
    let mut names = Vec::new();
    let mut depth = 0_usize;
    let mut start = Some(0);
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => start = Some(at + 1),
            _ if c.is_whitespace() => {}
            _ if start.take().is_some() => names.push(name_of(&group[at..])),
            _ => {}
        }
    }
    names
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Where a word or path stands that is not part of a longer word.
fn word_starts<'a>(code: &'a str, name: &'a str) -> impl Iterator<Item = usize> + 'a {
    code.match_indices(name)
        .map(|(at, _)| at)
        .filter(move |&at| !code[..at].ends_with(is_word) && !code[at + name.len()..].starts_with(is_word))
}

/// A method may have any name: `print()` of a file is no printing, `print!` is.
fn lines_with(code: &str, name: &str) -> Vec<usize> {
    let is_macro = matches!(name, "print" | "println" | "eprint" | "eprintln");
    let path: Vec<&str> = name.split("::").collect();
    let mut lines: Vec<usize> = word_starts(code, name)
        .filter(|at| !is_macro || code[at + name.len()..].starts_with('!'))
        .chain(grouped(code, &path))
        .map(|at| code[..at].matches('\n').count() + 1)
        .collect();
    lines.sort_unstable();
    lines.dedup();
    lines
}

/// `std::fs` also stands in `use std::{fs, io}`.
fn grouped(code: &str, path: &[&str]) -> Vec<usize> {
    let &[first, second] = path else { return Vec::new() };
    word_starts(code, first)
        .filter(|at| {
            let behind = code[at + first.len()..].trim_start();
            let Some(group) = behind.strip_prefix("::").map(str::trim_start) else { return false };
            group.starts_with('{') && first_names(group).iter().any(|name| name == second)
        })
        .collect()
}

/// Blanks out comments, texts and characters.
fn code_of(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let in_word = code.ends_with(is_word);
        let length = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            block_comment(rest)
        } else if let Some(length) = (!in_word).then(|| raw_text(rest)).flatten() {
            length
        } else if c == '"' {
            quoted(rest, '"')
        } else if c == '\'' && is_character(rest) {
            quoted(rest, '\'')
        } else {
            0
        };
        if length == 0 {
            code.push(c);
            rest = &rest[c.len_utf8()..];
        } else {
            code.extend(rest[..length].chars().map(|c| if c == '\n' { '\n' } else { ' ' }));
            rest = &rest[length..];
        }
    }
    code
}

fn block_comment(text: &str) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while at < text.len() {
        if text[at..].starts_with("/*") {
            depth += 1;
            at += 2;
        } else if text[at..].starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += text[at..].chars().next().unwrap().len_utf8();
        }
    }
    text.len()
}

/// The length of `r#"…"#` or `br"…"` at the beginning.
fn raw_text(text: &str) -> Option<usize> {
    let behind =
        text.strip_prefix("br").or_else(|| text.strip_prefix("cr")).or_else(|| text.strip_prefix('r'))?;
    let marks = behind.chars().take_while(|c| *c == '#').count();
    let inner = behind[marks..].strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(marks));
    let opened = text.len() - inner.len();
    Some(inner.find(&end).map_or(text.len(), |at| opened + at + end.len()))
}

/// The length of a text or character with its quotes.
fn quoted(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if c == quote => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// A quote mark opens a character, not a lifetime.
fn is_character(text: &str) -> bool {
    let mut chars = text.chars().skip(1);
    matches!((chars.next(), chars.next()), (Some('\\'), _) | (Some(_), Some('\'')))
}

/// Blanks out every item behind `#[cfg(test)]`.
fn without_tests(code: &str) -> String {
    let mut product = code.to_owned();
    while let Some(at) = product.find("#[cfg(test)]") {
        let end = item_end(&product, at);
        let blanks: String = product[at..end].chars().map(|c| if c == '\n' { '\n' } else { ' ' }).collect();
        product = format!("{}{blanks}{}", &product[..at], &product[end..]);
    }
    product
}

/// Where the item that begins here ends: behind its block, or behind its semicolon.
fn item_end(code: &str, at: usize) -> usize {
    let mut depth = 0_usize;
    for (offset, c) in code[at..].char_indices() {
        match c {
            '{' | '(' | '[' => depth += 1,
            '}' if depth == 1 => return at + offset + 1,
            '}' | ')' | ']' => depth = depth.saturating_sub(1),
            ';' if depth == 0 => return at + offset + 1,
            _ => {}
        }
    }
    code.len()
}

/// Every Rust file under `src`.
pub(crate) fn rust_sources(root: &str) -> Vec<Source> {
    let mut paths = Vec::new();
    collect(Path::new(root), "src", &mut paths);
    paths.retain(|path| path.ends_with(".rs"));
    assert!(paths.len() > 50, "sources are missing");
    paths
        .into_iter()
        .map(|path| {
            let text = std::fs::read_to_string(Path::new(root).join(&path)).unwrap();
            Source::new(path, text)
        })
        .collect()
}

fn collect(root: &Path, directory: &str, paths: &mut Vec<String>) {
    for entry in std::fs::read_dir(root.join(directory)).unwrap() {
        let entry = entry.unwrap();
        let path = format!("{directory}/{}", entry.file_name().to_string_lossy());
        if entry.file_type().unwrap().is_dir() {
            collect(root, &path, paths);
        } else {
            paths.push(path);
        }
    }
    paths.sort();
}

/// The files that belong to the project, by git where there is one, else all but what is built.
pub(crate) fn tracked_files(root: &str) -> Vec<String> {
    let listed = Command::new("git").args(["-C", root, "ls-files", "-z"]).output();
    let mut paths: Vec<String> = match listed {
        Ok(output) if output.status.success() && !output.stdout.is_empty() => {
            String::from_utf8(output.stdout).unwrap().split_terminator('\0').map(str::to_owned).collect()
        }
        _ => everything(root),
    };
    paths.retain(|path| Path::new(root).join(path).is_file());
    assert!(paths.iter().any(|path| path == "Cargo.toml"), "the list of files is wrong");
    paths
}

fn everything(root: &str) -> Vec<String> {
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(root).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().to_string_lossy().into_owned();
        if entry.file_type().unwrap().is_file() {
            paths.push(name);
        } else if !["target", ".git"].contains(&name.as_str()) {
            collect(Path::new(root), &name, &mut paths);
        }
    }
    paths
}

mod tests {
    use super::*;

    fn source(text: &str) -> Source {
        Source::new("src/seat/state.rs".to_owned(), text.to_owned())
    }

    #[test]
    fn comments_and_texts_are_no_code() {
        let text = "// HashMap\nlet a = \"HashMap\"; /* HashMap /* */ HashMap */ r#\"Hash\"Map\"#;\nlet c = '\"'; HashMap::new()";
        assert_eq!(source(text).lines_with("HashMap"), [3]);
        assert_eq!(
            source("fn f<'a>(x: &'a str) { HashMapper; std::fs::read(x) }").lines_with("std::fs"),
            [1]
        );
        assert_eq!(source("use std::{fmt,\n fs};").lines_with("std::fs"), [1]);
        assert_eq!(source("self.print(); print!()\n.println()").lines_with("print"), [1]);
        assert!(source("use std::{fmt, net};").lines_with("std::fs").is_empty());
    }

    #[test]
    fn tests_are_no_product() {
        let text = "use std::io;\n#[cfg(test)]\nmod tests { fn f() { std::fs::read() } }\nfn g() { std::fs::write() }\n";
        assert_eq!(source(text).product_lines_with("std::fs"), [4]);
        let text =
            "fn g() {}\n#[cfg(test)]\nmod tests;\n#[cfg(test)] #[derive(Debug)] struct A(std::fs::File);\n";
        assert!(source(text).product_lines_with("std::fs").is_empty());
        assert_eq!(source(text).product_line_count(), 1);
    }

    #[test]
    fn crate_paths_are_found_in_groups_too() {
        let text = "use crate::ident::User;\nuse crate::{code::{Code, minor}, time,\n wire::Frame as _};\ncrate :: sign";
        let found: Vec<_> = source(text).product_crate_paths().into_iter().map(|(_, name)| name).collect();
        assert_eq!(found, ["ident", "code", "time", "wire", "sign"]);
        assert_eq!(source(text).room(), "seat");
    }
}
