//! The difference for people.

use std::fmt::Write as _;

use super::hosts::{HostChange, HostChangeKind};
use super::unserved::LineChange;
use super::{Compared, VendorCompared};

pub(super) fn show(compared: &Compared) -> String {
    let mut text = String::new();
    for change in &compared.hosts {
        host(&mut text, change);
    }
    for vendor in &compared.vendors {
        let block = vendor_block(vendor);
        if !block.is_empty() {
            let _ = writeln!(text, "Vendor {}", vendor.name);
            text.push_str(&block);
        }
    }
    if compared.is_same() {
        text.push_str("no difference in meaning\n");
    }
    text
}

fn host(text: &mut String, change: &HostChange) {
    let HostChange { keyword, name, kind } = change;
    let subject = format!("{keyword} {name}");
    let subject = subject.trim_end();
    let _ = match kind {
        HostChangeKind::Removed => writeln!(text, "host removed: {subject}"),
        HostChangeKind::Added => writeln!(text, "host added: {subject}"),
        HostChangeKind::Order => writeln!(text, "order of SERVER lines: {name} is the first now"),
        HostChangeKind::Changed(changes) => {
            let _ = writeln!(text, "host changed: {subject}");
            changes.iter().try_for_each(|change| writeln!(text, "    {change}"))
        }
    };
}

fn vendor_block(vendor: &VendorCompared) -> String {
    let mut text = String::new();
    for note in &vendor.notes {
        let _ = writeln!(text, "note: {note}");
    }
    text.push_str(&vendor.difference.to_string());
    for change in &vendor.lines {
        line(&mut text, change);
    }
    text
}

fn line(text: &mut String, change: &LineChange) {
    let LineChange { keyword, subject, old, new, changes } = change;
    let subject = format!("{keyword} {subject}, which is not served here");
    let _ = match (old, new) {
        (Some(old), Some(new)) => {
            let _ = writeln!(text, "line changed: {subject}");
            let _ = writeln!(text, "    {old} -> {new}");
            changes.iter().try_for_each(|change| writeln!(text, "    {change}"))
        }
        (Some(place), None) => writeln!(text, "line removed: {subject}\n    - {place}"),
        (None, Some(place)) => writeln!(text, "line added: {subject}\n    + {place}"),
        (None, None) => Ok(()),
    };
}
