//! What an edit comes to for those who use licenses, in a sentence each.

use crate::options::edit::{Edit, Edited, GroupKind, Rule, named, on_one_line};
use crate::options::{Keyword, OptionsFile, Who};

pub(super) fn of(edit: &Edit, edited: &Edited, file: &OptionsFile) -> Vec<String> {
    let mut effects = Vec::new();
    if edited.changes.is_empty() {
        effects.push("the file says so already; nothing is changed".to_owned());
        return effects;
    }
    match edit {
        Edit::AddMembers { kind, group, members } => {
            if !edited.already.is_empty() {
                effects.push(format!("in the group already: {}", edited.already.join(", ")));
            }
            let new: Vec<&str> =
                members.iter().filter(|name| !edited.already.contains(name)).map(String::as_str).collect();
            effects.push(format!(
                "{}: now {}",
                new.join(", "),
                lines_that_name(file, *kind, group, "meant by")
            ));
        }
        Edit::RemoveMembers { kind, group, members, .. } => {
            let gone = members.join(", ");
            effects.push(format!("{gone}: no longer {}", lines_that_name(file, *kind, group, "meant by")));
        }
        Edit::Put(rule) => effects.push(put(rule)),
        Edit::Remove(rule) => effects.push(removed(rule)),
    }
    effects.extend(
        edited.closed.iter().map(|what| format!("{what} is closed now to everybody who is on no such line")),
    );
    effects.extend(
        edited.opened.iter().map(|what| format!("{what} is open now to everybody who is not excluded")),
    );
    effects
}

fn lines_that_name(file: &OptionsFile, kind: GroupKind, group: &str, meant: &str) -> String {
    let is = |who: &&Who| match (who, kind) {
        (Who::Group(name), GroupKind::Users) | (Who::HostGroup(name), GroupKind::Hosts) => {
            name.as_str() == group
        }
        (Who::AllGroups, GroupKind::Users) => true,
        _ => false,
    };
    let lines: Vec<String> = file
        .options()
        .filter(|line| named(&line.directive).iter().any(is))
        .map(|line| format!("line {} ({})", file.source.place(line.span.start).line, on_one_line(file, line)))
        .collect();
    if lines.is_empty() {
        return format!("{meant} no line: none names {} {group}", kind.as_str());
    }
    format!("{meant} {}", lines.join(", "))
}

fn put(rule: &Rule) -> String {
    let Rule { kind, name, .. } = rule;
    let what = rule.feature.as_deref().unwrap_or("every feature");
    let count = rule.count.unwrap_or_default();
    match rule.keyword {
        Keyword::Exclude | Keyword::ExcludeAll => format!("{kind} {name} may not use {what}"),
        Keyword::ExcludeBorrow => format!("{kind} {name} may not borrow {what}"),
        Keyword::Include | Keyword::IncludeAll => format!("{kind} {name} may use {what}, unless excluded"),
        Keyword::IncludeBorrow => format!("{kind} {name} may borrow {what}, unless excluded"),
        Keyword::Max => match (kind.to_ascii_uppercase().as_str(), name.as_str()) {
            ("USER", "ALL_USERS") => format!("each user may have at most {count} of {what}"),
            ("GROUP", "ALL_GROUPS") => {
                format!("each group may have at most {count} of {what}, its members together")
            }
            ("USER", _) => format!("{name} may have at most {count} of {what}"),
            _ => format!("{kind} {name} may have at most {count} of {what}, all together"),
        },
        Keyword::Priority => format!("{kind} {name} waits for {what} with priority {count}"),
        _ => format!("{count} of {what} are set aside for {kind} {name}, also while nobody uses them"),
    }
}

fn removed(rule: &Rule) -> String {
    let Rule { kind, name, .. } = rule;
    let what = rule.feature.as_deref().unwrap_or("every feature");
    match rule.keyword {
        Keyword::Max => format!("no such limit holds for {kind} {name} at {what}"),
        Keyword::Reserve => format!("nothing of {what} is set aside for {kind} {name}"),
        Keyword::Priority => format!("{kind} {name} waits for {what} without priority"),
        keyword => format!("{} says nothing of {kind} {name} at {what}", keyword.as_str()),
    }
}
