//! Members of groups, in the wrapping that their lines have.

use std::collections::BTreeSet;

use super::draft::Draft;
use super::{EditError, GroupKind, named, on_one_line, quoted, written};
use crate::ident::User;
use crate::options::directive::{Directive, Who};
use crate::options::file::OptionLine;
use crate::options::keyword::Keyword;
use crate::options::lexis::{Lines, is_blank};
use crate::text::layout::{COLUMNS, CONTINUATION, INDENT_COLUMNS, LINE_CHARS_MAX};
use crate::text::nearest;

/// How names of members are compared.
#[derive(Clone, Copy)]
struct Spelling {
    /// GROUPCASEINSENSITIVE ON.
    ignores_case: bool,
}

impl Spelling {
    fn of(draft: &Draft<'_>) -> Self {
        let ignores_case = draft.options().fold(false, |on, (_, line)| match line.directive {
            Directive::GroupCaseInsensitive(now) => now,
            _ => on,
        });
        Self { ignores_case }
    }

    fn same(self, one: &str, other: &str) -> bool {
        one == other || (self.ignores_case && one.to_lowercase() == other.to_lowercase())
    }
}

/// The lines that define a group.
fn lines_of<'a>(draft: &Draft<'a>, kind: GroupKind, group: &str) -> Vec<(usize, &'a OptionLine)> {
    let is = |line: &OptionLine| match (&line.directive, kind) {
        (Directive::Group { name, .. }, GroupKind::Users)
        | (Directive::HostGroup { name, .. }, GroupKind::Hosts) => name.as_str() == group,
        _ => false,
    };
    draft.options().filter(|(_, line)| is(line)).collect()
}

/// The words of the members of a line.
fn members_of(draft: &Draft<'_>, line: &OptionLine) -> Vec<String> {
    draft.file.words(line.span).into_iter().skip(2).map(|(text, _)| text.into_owned()).collect()
}

/// Gives who is a member already.
pub(super) fn add(
    draft: &mut Draft<'_>,
    kind: GroupKind,
    group: &str,
    members: &[String],
) -> Result<Vec<String>, EditError> {
    let spelling = Spelling::of(draft);
    let lines = lines_of(draft, kind, group);
    let there: Vec<String> = lines.iter().flat_map(|(_, line)| members_of(draft, line)).collect();
    let (mut new, mut already): (Vec<&str>, Vec<String>) = (Vec::new(), Vec::new());
    for member in members {
        if there.iter().any(|other| spelling.same(other, member)) {
            already.push(member.clone());
        } else if !new.iter().any(|other| spelling.same(other, member)) {
            new.push(member);
        }
    }
    if new.is_empty() && !members.is_empty() {
        return Ok(already);
    }
    let (_, whole) = written(&[&[kind.as_str(), group], new.as_slice()].concat())?;
    match lines.last() {
        Some((index, line)) => match appended(draft, *index, line, &new) {
            Some(text) => draft.rewrite(*index, text),
            None => draft.insert(index + 1, whole),
        },
        None => {
            let before = place_of_group(draft, kind);
            draft.insert(before, whole);
        }
    }
    Ok(already)
}

/// Where the first line of a group goes: behind the last group of its kind, or of the other; else behind the switches that open
/// the file, or before its first line with the comments that stand directly above that.
fn place_of_group(draft: &Draft<'_>, kind: GroupKind) -> usize {
    let own = if kind == GroupKind::Users { Keyword::Group } else { Keyword::HostGroup };
    let last = |is: &dyn Fn(Keyword) -> bool| draft.options().filter(|(_, line)| is(line.keyword)).last();
    let behind = last(&|keyword| keyword == own)
        .or_else(|| last(&|keyword| matches!(keyword, Keyword::Group | Keyword::HostGroup)))
        .or_else(|| {
            let is_switch =
                |keyword| matches!(keyword, Keyword::GroupCaseInsensitive | Keyword::FqdnMatching);
            draft.options().take_while(|(_, line)| is_switch(line.keyword)).last()
        });
    if let Some((index, _)) = behind {
        return index + 1;
    }
    let Some((mut first, _)) = draft.options().next() else { return draft.end() };
    while first > 0 && draft.text(first - 1).trim_start().starts_with('#') {
        first -= 1;
    }
    first
}

/// A line with further members behind its last one; none if it would become too long for old readers.
fn appended(draft: &Draft<'_>, index: usize, line: &OptionLine, new: &[&str]) -> Option<String> {
    let text = draft.text(index);
    let base = line.span.start - first_word(text);
    let words: Vec<(usize, usize)> =
        draft.file.words(line.span).iter().map(|(_, span)| (span.start - base, span.end - base)).collect();
    let (last_start, end) = *words.last()?;
    let head = text.get(..end)?;
    let style = Wrapping::of(head, &words);
    let mut tail = String::new();
    let mut column = columns(head.get(physical_start(head, last_start)..).unwrap_or_default());
    for member in new {
        let word = quoted(member);
        let width = word.chars().count();
        match &style {
            Some(style) if style.one_each || column + 1 + width + CONTINUATION.len() > style.columns => {
                tail.push_str(CONTINUATION);
                tail.push_str(style.line_end);
                tail.push_str(style.indent);
                column = columns(style.indent);
            }
            _ => {
                tail.push(' ');
                column += 1;
            }
        }
        tail.push_str(&word);
        column += width;
    }
    let rest = text.get(end..)?;
    let whole = [head, &tail, rest].concat();
    (whole.trim_end().chars().count() < LINE_CHARS_MAX).then_some(whole)
}

fn first_word(text: &str) -> usize {
    text.bytes().take_while(|byte| is_blank(*byte)).count()
}

/// Where the physical line of a place begins.
fn physical_start(text: &str, at: usize) -> usize {
    text.get(..at).and_then(|head| head.rfind(['\r', '\n'])).map_or(0, |end| end + 1)
}

fn columns(text: &str) -> usize {
    text.chars().map(|c| if c == '\t' { INDENT_COLUMNS } else { 1 }).sum()
}

/// How a line is wrapped.
struct Wrapping<'t> {
    line_end: &'t str,
    indent: &'t str,
    columns: usize,
    /// Whether each physical line but the first has one member.
    one_each: bool,
}

impl<'t> Wrapping<'t> {
    fn of(head: &'t str, words: &[(usize, usize)]) -> Option<Self> {
        let first = head.find(['\r', '\n'])?;
        let rest = head.get(first..)?;
        let line_end = if rest.starts_with("\r\n") { "\r\n" } else { rest.get(..1)? };
        let last = physical_start(head, head.len());
        let indent = head.get(last..)?;
        let indent = indent.get(..first_word(indent))?;
        let physical: BTreeSet<usize> = words.iter().map(|(start, _)| physical_start(head, *start)).collect();
        let behind_first = words.iter().filter(|(start, _)| physical_start(head, *start) > 0).count();
        let one_each = physical.len() > 2 && behind_first == physical.len() - 1;
        let widest = head.split(['\r', '\n']).map(columns).max().unwrap_or(COLUMNS);
        Some(Self { line_end, indent, columns: widest.max(COLUMNS), one_each })
    }
}

pub(super) fn remove(
    draft: &mut Draft<'_>,
    kind: GroupKind,
    group: &str,
    members: &[String],
    drop: bool,
) -> Result<(), EditError> {
    let spelling = Spelling::of(draft);
    let lines = lines_of(draft, kind, group);
    if lines.is_empty() {
        let names: BTreeSet<&str> = draft.options().filter_map(|(_, line)| name_of(line, kind)).collect();
        let meant = nearest(group, names.iter().copied()).map(str::to_owned);
        return Err(EditError::NoSuchGroup { kind: kind.as_str(), group: group.to_owned(), meant });
    }
    let there: Vec<String> = lines.iter().flat_map(|(_, line)| members_of(draft, line)).collect();
    for member in members {
        if !there.iter().any(|other| spelling.same(other, member)) {
            let meant = nearest(member, there.iter().map(String::as_str)).map(str::to_owned);
            let (group, member) = (group.to_owned(), member.clone());
            return Err(EditError::NotAMember { kind: kind.as_str(), group, member, meant });
        }
    }
    let goes = |name: &str| members.iter().any(|member| spelling.same(name, member));
    if there.iter().all(|name| goes(name)) {
        return remove_group(draft, kind, group, &lines, drop);
    }
    for (index, line) in lines {
        let now = members_of(draft, line);
        if now.iter().all(|name| goes(name)) {
            if !now.is_empty() {
                draft.remove(index);
            }
        } else if now.iter().any(|name| goes(name)) {
            let text = without(draft.text(index), &goes);
            draft.rewrite(index, text);
        }
    }
    Ok(())
}

fn name_of(line: &OptionLine, kind: GroupKind) -> Option<&str> {
    match (&line.directive, kind) {
        (Directive::Group { name, .. }, GroupKind::Users)
        | (Directive::HostGroup { name, .. }, GroupKind::Hosts) => Some(name.as_str()),
        _ => None,
    }
}

/// Removes a group with its last member, and what names it.
fn remove_group(
    draft: &mut Draft<'_>,
    kind: GroupKind,
    group: &str,
    lines: &[(usize, &OptionLine)],
    drop: bool,
) -> Result<(), EditError> {
    let is = |who: &Who| {
        let name: Option<&User> = match (who, kind) {
            (Who::Group(name), GroupKind::Users) | (Who::HostGroup(name), GroupKind::Hosts) => Some(name),
            _ => None,
        };
        name.is_some_and(|name| name.as_str() == group)
    };
    let users: Vec<(usize, &OptionLine)> =
        draft.options().filter(|(_, line)| named(&line.directive).into_iter().any(is)).collect();
    if !drop {
        let lines =
            users.iter().map(|(_, line)| (draft.number(line), on_one_line(draft.file, line))).collect();
        return Err(EditError::LastMember { kind: kind.as_str(), group: group.to_owned(), lines });
    }
    for (index, line) in &users {
        if named(&line.directive).len() > 1 {
            let (line, text) = (draft.number(line), on_one_line(draft.file, line));
            return Err(EditError::SeveralNames { line, text });
        }
        draft.remove(*index);
    }
    lines.iter().for_each(|(index, _)| draft.remove(*index));
    Ok(())
}

/// The text of a line without the members that go. Comments between its words stay.
fn without(text: &str, goes: &dyn Fn(&str) -> bool) -> String {
    let mut text = text.to_owned();
    loop {
        let words: Vec<(usize, usize, bool)> = Lines::new(&text, 0)
            .next()
            .map(|line| {
                let words = line.words.iter().enumerate();
                words.map(|(at, word)| (word.span.start, word.span.end, at > 1 && goes(&word.text))).collect()
            })
            .unwrap_or_default();
        let Some(at) = words.iter().rposition(|(_, _, goes)| *goes) else { return text };
        let place = |index: usize| words.get(index).map(|(start, end, _)| (*start, *end));
        let (Some((start, end)), Some((_, before))) = (place(at), at.checked_sub(1).and_then(place)) else {
            return text;
        };
        text = without_word(&text, before, (start, end), place(at + 1).map(|(start, _)| start));
    }
}

/// A line without one word: the word before ends at `before`, the next one begins at `next`.
fn without_word(text: &str, before: usize, (start, end): (usize, usize), next: Option<usize>) -> String {
    let part = |from: usize, to: usize| text.get(from..to).unwrap_or_default();
    let ends_line = |gap: &str| gap.contains(['\r', '\n']);
    let cut = |from: usize, to: usize| [part(0, from), part(to, text.len())].concat();
    let gap = part(before, start);
    let Some(next) = next else {
        if !gap.contains('#') {
            return cut(before, end);
        }
        // The comments stay, now without a line that they stand in.
        let comments: Vec<&str> = gap
            .split(['\r', '\n'])
            .filter_map(|piece| piece.find('#').and_then(|at| piece.get(at..)))
            .collect();
        let line_end = if gap.contains("\r\n") {
            "\r\n"
        } else if gap.contains('\n') {
            "\n"
        } else {
            "\r"
        };
        let rest = part(end, text.len());
        let behind = rest.trim_start_matches([' ', '\t', '\x0c', '\x1a', '\\']);
        let mut kept = format!("{} {}", part(0, before), comments.join(line_end));
        if behind.starts_with('#') {
            kept.push_str(line_end);
        }
        kept.push_str(behind);
        return kept;
    };
    let behind = part(end, next);
    match (ends_line(gap), ends_line(behind)) {
        (false, _) => cut(before, end),
        (true, false) => cut(start, next),
        (true, true) if !gap.contains('#') => cut(before, end),
        (true, true) if !behind.contains('#') => cut(start, next),
        (true, true) => cut(start, end),
    }
}
