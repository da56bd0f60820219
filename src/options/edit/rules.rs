//! Lines of lists, limits and reservations.

use super::draft::Draft;
use super::{EditError, Rule, named, on_one_line, written};
use crate::options::directive::{AccessList, Directive, FeatureSpec, Who};
use crate::options::file::{OptionLine, OptionsFile};
use crate::options::format::placeless;
use crate::options::keyword::Keyword;

/// What a line is about, whatever its number and its place.
fn subject(directive: &Directive) -> Directive {
    let mut directive = placeless(directive);
    if let Directive::Max { count, .. }
    | Directive::Reserve { count, .. }
    | Directive::Priority { rank: count, .. } = &mut directive
    {
        *count = 1;
    }
    directive
}

/// The line that a rule means, and how it is written.
fn line_of(rule: &Rule) -> Result<(Directive, String), EditError> {
    let counted = matches!(rule.keyword, Keyword::Max | Keyword::Reserve | Keyword::Priority);
    let count = rule.count.unwrap_or(1).to_string();
    let mut words = vec![rule.keyword.as_str()];
    words.extend(counted.then_some(count.as_str()));
    words.extend(rule.feature.as_deref());
    let kind = rule.kind.to_ascii_uppercase();
    words.extend([kind.as_str(), rule.name.as_str()]);
    written(&words)
}

/// The lines that are about the same as a directive, with their indexes.
fn alike<'a>(draft: &Draft<'a>, meant: &Directive) -> Vec<(usize, &'a OptionLine)> {
    let meant = subject(meant);
    draft.options().filter(|(_, line)| subject(&line.directive) == meant).collect()
}

pub(super) fn put(draft: &mut Draft<'_>, rule: &Rule) -> Result<(), EditError> {
    let (meant, text) = line_of(rule)?;
    let lines = alike(draft, &meant);
    let Some(((first, line), others)) = lines.split_first() else {
        let before = place(draft, &meant, rule.keyword);
        draft.insert(before, text);
        return Ok(());
    };
    let Some(count) = rule.count else { return Ok(()) };
    if number_of(&line.directive) != Some(count) {
        let text = draft.text(*first);
        let word = draft.file.words(line.span).get(1).map(|(_, span)| *span);
        let base =
            line.span.start - text.bytes().take_while(|byte| crate::options::lexis::is_blank(*byte)).count();
        if let Some(word) = word
            && let (Some(head), Some(tail)) = (text.get(..word.start - base), text.get(word.end - base..))
        {
            let text = format!("{head}{count}{tail}");
            draft.rewrite(*first, text);
        }
    }
    // Reservations add up, and of limits the lowest counts: the number is that of one line.
    others.iter().for_each(|(index, _)| draft.remove(*index));
    Ok(())
}

const fn number_of(directive: &Directive) -> Option<u32> {
    match directive {
        Directive::Max { count, .. }
        | Directive::Reserve { count, .. }
        | Directive::Priority { rank: count, .. } => Some(*count),
        _ => None,
    }
}

const fn feature_of(directive: &Directive) -> Option<&FeatureSpec> {
    match directive {
        Directive::Access(access) => access.feature.as_ref(),
        Directive::Max { feature, .. }
        | Directive::Reserve { feature, .. }
        | Directive::Priority { feature, .. }
        | Directive::FeatureNumber { feature, .. } => Some(feature),
        _ => None,
    }
}

/// Where a new line goes: behind the last one with its keyword and feature, else its keyword, else at the end. A limit of one
/// name stands before the one for all names, behind which it would have no effect (`flexnet-files.md` 5.5).
fn place(draft: &Draft<'_>, meant: &Directive, keyword: Keyword) -> usize {
    let feature = feature_of(meant).map(|spec| &spec.name);
    let same_feature = |line: &OptionLine| feature_of(&line.directive).map(|spec| &spec.name) == feature;
    let of_keyword = || draft.options().filter(|(_, line)| line.keyword == keyword);
    if let Directive::Max { who, .. } = meant {
        let all = match who {
            Who::User(_) => Some(Who::AllUsers),
            Who::Group(_) => Some(Who::AllGroups),
            _ => None,
        };
        let is_all =
            |line: &OptionLine| named(&line.directive).first().copied() == all.as_ref() && all.is_some();
        if let Some((index, _)) = of_keyword().find(|(_, line)| same_feature(line) && is_all(line)) {
            return index;
        }
    }
    let behind = of_keyword().filter(|(_, line)| same_feature(line)).last().or_else(|| of_keyword().last());
    behind.map_or_else(|| draft.end(), |(index, _)| index + 1)
}

pub(super) fn remove(draft: &mut Draft<'_>, rule: &Rule) -> Result<(), EditError> {
    let (meant, _) = line_of(rule)?;
    let who = named(&meant).first().copied().cloned();
    let lines = alike(draft, &meant);
    let about = |line: &OptionLine| {
        line.keyword == rule.keyword
            && feature_of(&line.directive).map(|spec| (&spec.name, &spec.modifiers))
                == feature_of(&meant).map(|spec| (&spec.name, &spec.modifiers))
    };
    let is_surplus = |line: &OptionLine| {
        let names = named(&line.directive);
        names.len() > 1 && names.into_iter().any(|name| Some(name) == who.as_ref())
    };
    if let Some((_, line)) = draft.options().find(|(_, line)| about(line) && is_surplus(line)) {
        return Err(EditError::SeveralNames {
            line: draft.number(line),
            text: on_one_line(draft.file, line),
        });
    }
    if lines.is_empty() {
        let by_name = |line: &OptionLine| {
            line.keyword == rule.keyword && named(&line.directive).first().copied() == who.as_ref()
        };
        let near = draft
            .options()
            .find(|(_, line)| by_name(line))
            .or_else(|| draft.options().find(|(_, line)| about(line)));
        let near = near.map(|(_, line)| (draft.number(line), on_one_line(draft.file, line)));
        return Err(EditError::NoSuchLine { words: rule.to_string(), near });
    }
    lines.iter().for_each(|(index, _)| draft.remove(*index));
    Ok(())
}

/// What INCLUDE lists of `before` closed and `after` does not.
pub(super) fn opened(before: &OptionsFile, after: &OptionsFile) -> Vec<String> {
    type Scope<'f> = (AccessList, Option<&'f FeatureSpec>);
    fn closing(file: &OptionsFile) -> Vec<Scope<'_>> {
        let lists = file.options().filter_map(|line| match &line.directive {
            Directive::Access(access) if !access.list.denies() => {
                Some((access.list, access.feature.as_ref()))
            }
            _ => None,
        });
        lists.collect()
    }
    let after = closing(after);
    let still = |(list, feature): Scope<'_>| {
        after.iter().any(|(other, wide)| {
            *other == list
                && match (wide, feature) {
                    (None, _) => true,
                    (Some(wide), Some(own)) => {
                        wide.name == own.name
                            && (wide.modifiers.is_empty() || wide.modifiers == own.modifiers)
                    }
                    (Some(_), None) => false,
                }
        })
    };
    let mut opened: Vec<String> = Vec::new();
    for scope in closing(before) {
        let what = scope.1.map_or("every feature", |spec| before.source.slice(spec.span));
        let text = if scope.0 == AccessList::IncludeBorrow {
            format!("borrowing of {what}")
        } else {
            what.to_owned()
        };
        if !still(scope) && !opened.contains(&text) {
            opened.push(text);
        }
    }
    opened
}
