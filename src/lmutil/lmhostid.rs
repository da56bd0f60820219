//! lmhostid: what this machine can be called in a license file (`flexnet-tools.md` 2.14), and which of it to choose.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::license::HostId;
use crate::platform::{Candidate, HostIdKind, SystemTree, candidates, recommended};

/// The port of the SERVER line that is shown.
const PORT: u16 = 27000;

/// How the hostids are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// The classic sentence.
    Sentence,
    /// The values alone, on one line.
    Values,
    /// A table with what is known of each.
    Table,
    /// One JSON object.
    Json,
}

/// Kinds that were asked for, with what this machine has of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The candidates of all kinds, kind after kind.
    pub candidates: Vec<Candidate>,
    /// Kinds that this machine lacks, and why.
    pub missing: Vec<(HostIdKind, String)>,
}

/// Looks for hostids of some kinds.
#[must_use]
pub fn look(kinds: &[HostIdKind], tree: &SystemTree) -> Found {
    let mut found = Found { candidates: Vec::new(), missing: Vec::new() };
    for kind in kinds {
        match candidates(*kind, tree) {
            Ok(more) => found.candidates.extend(more),
            Err(why) => found.missing.push((*kind, why)),
        }
    }
    found
}

impl Found {
    /// The hostids, each once.
    #[must_use]
    pub fn hostids(&self) -> Vec<&HostId> {
        let mut hostids: Vec<&HostId> = Vec::new();
        for candidate in &self.candidates {
            if !hostids.contains(&&candidate.hostid) {
                hostids.push(&candidate.hostid);
            }
        }
        hostids
    }

    /// The SERVER line with the hostid to choose.
    #[must_use]
    pub fn server_line(&self, host: &str) -> Option<String> {
        Some(format!("SERVER {host} {} {PORT}", recommended(&self.candidates)?.hostid))
    }

    /// What is printed behind the banner; empty if nothing was found and the form has no place for that.
    #[must_use]
    pub fn show(&self, form: Form, host: &str) -> String {
        let hostids: Vec<String> = self.hostids().iter().map(ToString::to_string).collect();
        let list = hostids.join(" ");
        match (form, hostids.as_slice()) {
            (Form::Table, _) => self.table(host),
            (Form::Json, _) => format!("{:#}\n", self.json(host)),
            (_, []) => String::new(),
            (Form::Values, _) => format!("{list}\n"),
            (Form::Sentence, [one]) => format!("The host ID of this machine is \"{one}\"\n"),
            (Form::Sentence, _) => format!(
                "The host ID of this machine is \"\"{list}\"\"\nOnly use ONE from the list of hostids.\n"
            ),
        }
    }

    fn table(&self, host: &str) -> String {
        let head = ["HOSTID", "KIND", "FROM", "STATE", "STABLE", "WHY"].map(str::to_owned);
        let rows: Vec<[String; 6]> = std::iter::once(head)
            .chain(self.candidates.iter().map(|it| {
                let why = match &it.same_as {
                    Some(other) => format!("{}; the same as {other}", it.why),
                    None => it.why.clone(),
                };
                [
                    it.hostid.to_string(),
                    it.kind.to_string(),
                    it.source.clone(),
                    state(it).unwrap_or("-").to_owned(),
                    it.stability.to_string(),
                    why,
                ]
            }))
            .collect();
        let mut widths = [0_usize; 6];
        for row in &rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.chars().count());
            }
        }
        let mut text = String::new();
        for row in &rows {
            let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}"));
            text.push_str(cells.collect::<Vec<_>>().join("  ").trim_end());
            text.push('\n');
        }
        if !self.missing.is_empty() {
            text.push('\n');
        }
        for (kind, why) in &self.missing {
            let _ = writeln!(text, "No {kind}: {why}");
        }
        match (recommended(&self.candidates), self.server_line(host)) {
            (Some(best), Some(line)) => {
                let _ = writeln!(
                    text,
                    "\nRecommended: {} ({}, {})\nThe SERVER line would be: {line}",
                    best.hostid, best.source, best.stability
                );
            }
            _ => text.push_str("\nNone of these names the machine on a SERVER line.\n"),
        }
        text
    }

    fn json(&self, host: &str) -> Value {
        let hostids: Vec<Value> = self
            .candidates
            .iter()
            .map(|it| {
                json!({
                    "hostid": it.hostid.to_string(),
                    "kind": it.kind.word(),
                    "source": it.source,
                    "state": state(it),
                    "stability": it.stability.word(),
                    "why": it.why,
                    "same_as": it.same_as,
                })
            })
            .collect();
        let missing: Vec<Value> =
            self.missing.iter().map(|(kind, why)| json!({"kind": kind.word(), "why": why})).collect();
        json!({
            "host": host,
            "hostids": hostids,
            "missing": missing,
            "recommended": recommended(&self.candidates).map(|it| it.hostid.to_string()),
            "server_line": self.server_line(host),
        })
    }
}

fn state(candidate: &Candidate) -> Option<&'static str> {
    candidate.up.map(|up| if up { "up" } else { "down" })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::Stability;

    fn candidate(hostid: &str, kind: HostIdKind, stability: Stability) -> Candidate {
        Candidate {
            hostid: HostId::parse(hostid).unwrap(),
            kind,
            source: "eth0".to_owned(),
            up: Some(true),
            stability,
            why: "physical, burnt in: best".to_owned(),
            same_as: None,
        }
    }

    fn found(candidates: Vec<Candidate>) -> Found {
        Found { candidates, missing: vec![] }
    }

    #[test]
    fn one_hostid_stands_in_quotes_and_several_in_double_ones() {
        let one = candidate("001122334455", HostIdKind::Ethernet, Stability::Stable);
        let same = Candidate { source: "bond0".to_owned(), same_as: Some("eth0".to_owned()), ..one.clone() };
        let single = found(vec![one.clone(), same.clone()]);
        assert_eq!(single.show(Form::Sentence, "srv"), "The host ID of this machine is \"001122334455\"\n");
        let other = candidate("001122334456", HostIdKind::Ethernet, Stability::MayChange);
        let both = found(vec![one, same, other]);
        assert_eq!(
            both.show(Form::Sentence, "srv"),
            "The host ID of this machine is \"\"001122334455 001122334456\"\"\nOnly use ONE from the list of hostids.\n"
        );
        assert_eq!(both.show(Form::Values, "srv"), "001122334455 001122334456\n");
        assert_eq!(found(vec![]).show(Form::Sentence, "srv"), "");
    }

    #[test]
    fn the_table_explains_and_recommends_what_stays() {
        let mut all = found(vec![
            candidate("HOSTNAME=srv", HostIdKind::HostName, Stability::MayChange),
            candidate("001122334455", HostIdKind::Ethernet, Stability::Stable),
            candidate("USER=ann", HostIdKind::User, Stability::Stable),
        ]);
        all.missing.push((HostIdKind::VmUuid, "This machine is not a virtual machine.".to_owned()));
        let text = all.show(Form::Table, "srv");
        let rows: Vec<&str> = text.lines().collect();
        assert_eq!(rows[0], "HOSTID        KIND      FROM  STATE  STABLE      WHY");
        assert_eq!(rows[2], "001122334455  ether     eth0  up     stable      physical, burnt in: best");
        assert!(text.contains("\nNo vm_uuid: This machine is not a virtual machine.\n"), "{text}");
        assert!(text.ends_with("Recommended: 001122334455 (eth0, stable)\nThe SERVER line would be: SERVER srv 001122334455 27000\n"), "{text}");
        let json = all.json("srv");
        assert_eq!(json["recommended"], "001122334455");
        assert_eq!(json["hostids"][1]["state"], "up");
        assert_eq!(json["missing"][0]["kind"], "vm_uuid");
        let user = found(vec![candidate("USER=ann", HostIdKind::User, Stability::Stable)]);
        assert!(
            user.show(Form::Table, "srv").ends_with("None of these names the machine on a SERVER line.\n")
        );
    }
}
