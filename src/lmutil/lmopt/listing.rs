//! The lines of a file that are about a feature, a group or somebody.

use std::collections::BTreeSet;

use serde_json::json;

use crate::options::edit::{named, on_one_line};
use crate::options::{Directive, HostName, OptionLine, OptionsFile, Who};

/// A line that has an effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its number.
    pub line: usize,
    /// What it says, on one line.
    pub text: String,
}

/// The lines that are about a name: a feature, a group and what names it, or a user or host, with its groups and what names them.
/// All lines if there is no name.
#[must_use]
pub fn list(file: &OptionsFile, name: Option<&str>) -> Vec<Listed> {
    let groups: BTreeSet<&str> = name.map(|name| groups_of(file, name)).unwrap_or_default();
    let shown = file.options().filter(|line| name.is_none_or(|name| is_about(line, name, &groups)));
    shown
        .map(|line| Listed { line: file.source.place(line.span.start).line, text: on_one_line(file, line) })
        .collect()
}

/// The groups that are called so or have such a member.
fn groups_of<'f>(file: &'f OptionsFile, name: &str) -> BTreeSet<&'f str> {
    let groups = file.options().filter_map(|line| match &line.directive {
        Directive::Group { name: group, members } => {
            let is = group.as_str() == name || members.iter().any(|member| member.as_str() == name);
            is.then_some(group.as_str())
        }
        Directive::HostGroup { name: group, members } => {
            let is = group.as_str() == name || members.iter().any(|member| is_host(member, name));
            is.then_some(group.as_str())
        }
        _ => None,
    });
    groups.collect()
}

fn is_host(host: &HostName, name: &str) -> bool {
    match host {
        HostName::Name(host) => host.as_str() == name,
        HostName::Address(address) => address.to_string() == name,
    }
}

fn is_about(line: &OptionLine, name: &str, groups: &BTreeSet<&str>) -> bool {
    let feature = match &line.directive {
        Directive::Access(access) => access.feature.as_ref(),
        Directive::Max { feature, .. }
        | Directive::Reserve { feature, .. }
        | Directive::Priority { feature, .. } => Some(feature),
        Directive::FeatureNumber { feature, .. } => Some(feature),
        Directive::Group { name: group, .. } | Directive::HostGroup { name: group, .. } => {
            return groups.contains(group.as_str());
        }
        _ => None,
    };
    feature.is_some_and(|feature| feature.name.as_str() == name)
        || named(&line.directive).into_iter().any(|who| match who {
            Who::Group(group) | Who::HostGroup(group) => groups.contains(group.as_str()),
            Who::User(user) => user.as_str() == name,
            Who::Host(host) => is_host(host, name),
            Who::Display(display) => display.as_str() == name,
            Who::Project(project) => project.as_str() == name,
            Who::Internet(address) => address.to_string() == name,
            Who::AllUsers => name == "ALL_USERS",
            Who::AllGroups => name == "ALL_GROUPS",
        })
}

/// The lines for programs.
#[must_use]
pub fn listed_as_json(file: &OptionsFile, lines: &[Listed]) -> String {
    let lines: Vec<_> =
        lines.iter().map(|listed| json!({ "line": listed.line, "text": listed.text })).collect();
    format!("{:#}\n", json!({ "file": file.source.name(), "lines": lines }))
}
