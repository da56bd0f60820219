//! Lines that this version refuses for what they ask for, not for what is wrong with them. They are compared by what they
//! say, as another version or another publisher's server serves them.

use std::collections::BTreeMap;

use crate::catalog::{
    AttributeChange, Catalog, LinePlace, LineVerdict, NamedValue, Pairing, RefusedReason, Verdict,
    attribute_changes,
};
use crate::license::{LicenseFile, Statement};

/// A change of such a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LineChange {
    pub(super) keyword: &'static str,
    pub(super) subject: String,
    /// Where it stood, if it did.
    pub(super) old: Option<LinePlace>,
    /// Where it stands, if it does.
    pub(super) new: Option<LinePlace>,
    /// What is different if it is on both sides.
    pub(super) changes: Vec<AttributeChange>,
}

/// One line and what it says.
struct Refused<'a> {
    line: &'a LineVerdict,
    says: Vec<NamedValue>,
}

pub(super) fn changes(
    (old_files, old): (&[&LicenseFile], &Catalog),
    (new_files, new): (&[&LicenseFile], &Catalog),
) -> Vec<LineChange> {
    let (old, new) = (refused(old_files, old), refused(new_files, new));
    let mut pairing = Pairing::new(old.len(), new.len());
    let name = |lines: &[Refused<'_>], index: usize| {
        lines.get(index).map(|line| (line.line.keyword, line.line.subject.clone()))
    };
    let all =
        |lines: &[Refused<'_>], index: usize| Some((name(lines, index)?, lines.get(index)?.says.clone()));
    let serial = |lines: &[Refused<'_>], index: usize| {
        let serial = lines.get(index)?.says.iter().find(|(name, _)| name == "SN")?.1.clone()?;
        Some((name(lines, index)?, serial))
    };
    pairing.by(|index| all(&old, index), |index| all(&new, index));
    pairing.by(|index| serial(&old, index), |index| serial(&new, index));
    pairing.by(|index| name(&old, index), |index| name(&new, index));
    let paired = pairing.finish();

    let change = |line: &Refused<'_>, old, new, changes| LineChange {
        keyword: line.line.keyword,
        subject: line.line.subject.clone(),
        old,
        new,
        changes,
    };
    let place = |line: &Refused<'_>| Some(line.line.place.clone());
    let mut found = Vec::new();
    for (before, after) in paired.pairs {
        if let (Some(before), Some(after)) = (old.get(before), new.get(after))
            && before.says != after.says
        {
            let changes = attribute_changes(&before.says, &after.says);
            found.push(change(after, place(before), place(after), changes));
        }
    }
    let gone = paired.old.iter().filter_map(|index| old.get(*index));
    found.extend(gone.map(|line| change(line, place(line), None, Vec::new())));
    let came = paired.new.iter().filter_map(|index| new.get(*index));
    found.extend(came.map(|line| change(line, None, place(line), Vec::new())));
    found
}

fn refused<'a>(files: &[&LicenseFile], catalog: &'a Catalog) -> Vec<Refused<'a>> {
    let for_what_it_asks = |line: &&LineVerdict| match &line.verdict {
        Verdict::Refused { reason, .. } => matches!(
            reason,
            RefusedReason::Restriction(_) | RefusedReason::Kind | RefusedReason::TooManyComponents
        ),
        _ => false,
    };
    let lines = catalog.verdicts().iter().filter(for_what_it_asks);
    lines.filter_map(|line| Some(Refused { line, says: says(files, &line.place)? })).collect()
}

/// What a line says, without the hostids of its file: the fields of its canonical text, or its words if it has none.
fn says(files: &[&LicenseFile], place: &LinePlace) -> Option<Vec<NamedValue>> {
    let file = files.get(place.file)?;
    let line = file.lines.get(place.line)?;
    let canonical = Statement::of(&line.kind).and_then(|statement| statement.canonical(&[]).ok());
    let Some(canonical) = canonical else {
        let words: Vec<_> = file.words_of(line).collect();
        return Some(vec![("text".to_owned(), Some(words.join(" ")))]);
    };
    let fields: BTreeMap<String, Option<String>> = canonical
        .split('\n')
        .skip(1)
        .map(|line| match line.split_once('=') {
            Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
            None => (line.to_owned(), None),
        })
        .collect();
    Some(fields.into_iter().collect())
}
