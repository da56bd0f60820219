//! One file of several for the same servers.

use std::collections::BTreeSet;

use super::{carried, first_line, mistakes, signed};
use crate::license::format::comments_of;
use crate::license::{LicenseFile, Line, LineKind, ServerLine, Statement, VendorLine};
use crate::text::Source;

/// Several files as one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Merged {
    /// The file, not laid out yet.
    pub bytes: Vec<u8>,
    /// What was left out, and why: one text for each line.
    pub notes: Vec<String>,
}

/// Merges files of the same SERVER hostids and ports: the SERVER lines of the first, then all VENDOR lines, then the rest in
/// the order of the files, which matters for FEATURE and UPGRADE lines. Lines that stand twice, with equal signed
/// content and signature, are taken once. Comments and prose go with the line below them; those of a line that is left
/// out are kept unless the same comment is there already. Signatures stay valid.
///
/// # Errors
/// Why the files can't be merged, one text for each reason: no file, lines with a mistake, other hostids or ports, VENDOR lines that
/// contradict each other, or USE_SERVER in some of the files only or behind license lines, which a client reads without
/// the server.
pub fn merge(files: &[LicenseFile]) -> Result<Merged, Vec<String>> {
    let Some((first, others)) = files.split_first() else { return Err(vec!["no file to merge".to_owned()]) };
    let mut reasons: Vec<String> = files.iter().flat_map(mistakes).collect();
    let mut notes = Vec::new();
    for other in others {
        compare_servers(first, other, &mut reasons, &mut notes);
    }
    let use_server = compare_use_server(files, &mut reasons);
    let mut parts = Parts::default();
    for (index, file) in files.iter().enumerate() {
        parts.add(file, index == 0, &mut reasons, &mut notes);
    }
    if !reasons.is_empty() {
        return Err(reasons);
    }
    let use_server = if use_server { "USE_SERVER\n" } else { "" };
    let text = [&*parts.servers, &*parts.vendors, use_server, &*parts.rest, &*parts.end].concat();
    let bytes = encoded(files, &text);
    // What is in the result is what was in the files, so that nothing is lost without a word.
    let merged = LicenseFile::parse(Source::new("", &bytes));
    let wanted: BTreeSet<_> =
        files.iter().flat_map(|file| file.statements().map(|(_, line)| signed(file, line))).collect();
    let found: BTreeSet<_> = merged.statements().map(|(_, line)| signed(&merged, line)).collect();
    if wanted == found {
        Ok(Merged { bytes, notes })
    } else {
        Err(vec!["the lines of these files would say something else in one file".to_owned()])
    }
}

/// The merged text by its places.
#[derive(Default)]
struct Parts {
    servers: String,
    vendors: String,
    rest: String,
    end: String,
    seen: BTreeSet<(Option<String>, Vec<Option<String>>)>,
    named: Vec<VendorLine>,
    comments: BTreeSet<String>,
}

impl Parts {
    fn add(
        &mut self,
        file: &LicenseFile,
        is_first: bool,
        reasons: &mut Vec<String>,
        notes: &mut Vec<String>,
    ) {
        let mut pending: Vec<&Line> = Vec::new();
        for line in &file.lines {
            let keep = match &line.kind {
                LineKind::Blank | LineKind::Comment | LineKind::Prose => {
                    pending.push(line);
                    continue;
                }
                LineKind::Server(_) => is_first,
                // Written once for all, behind the VENDOR lines.
                LineKind::UseServer => false,
                LineKind::Vendor(vendor) => self.add_vendor(file, line, vendor, reasons),
                kind => match Statement::of(kind) {
                    Some(statement) if !self.seen.insert(signed(file, statement)) => {
                        notes.push(format!(
                            "{}:{}: {} {} is there already and was left out",
                            file.source.name(),
                            first_line(file, line),
                            statement.keyword(),
                            statement.name()
                        ));
                        false
                    }
                    _ => true,
                },
            };
            let mut text = self.above(file, &pending, keep);
            pending.clear();
            if keep {
                text.push_str(&carried(file, line));
            } else {
                for comment in comments_of(file, line) {
                    if self.comments.insert(comment.to_owned()) {
                        text.push_str(comment);
                        text.push('\n');
                    }
                }
            }
            match &line.kind {
                LineKind::Server(_) => self.servers.push_str(&text),
                LineKind::Vendor(_) | LineKind::UseServer => self.vendors.push_str(&text),
                _ => self.rest.push_str(&text),
            }
        }
        let end = self.above(file, &pending, is_first);
        self.end.push_str(&end);
    }

    /// The comments above a line, empty lines among them. Of a line that is left out, those that are not there yet.
    fn above(&mut self, file: &LicenseFile, lines: &[&Line], all: bool) -> String {
        let mut text = String::new();
        for line in lines {
            let comment = carried(file, line);
            let is_new = self.comments.insert(comment.trim().to_owned());
            if all || (is_new && !matches!(line.kind, LineKind::Blank)) {
                text.push_str(&comment);
            }
        }
        text
    }

    /// Whether a VENDOR line says anything that those before it have not said.
    fn add_vendor(
        &mut self,
        file: &LicenseFile,
        line: &Line,
        vendor: &VendorLine,
        reasons: &mut Vec<String>,
    ) -> bool {
        let known = self.named.iter().filter(|known| known.name == vendor.name);
        let differs =
            |one: &Option<String>, other: &Option<String>| one.is_some() && other.is_some() && one != other;
        let contradicts = known.clone().any(|known| {
            differs(&known.path, &vendor.path)
                || differs(&known.options, &vendor.options)
                || (known.port.is_some() && vendor.port.is_some() && known.port != vendor.port)
        });
        if contradicts {
            reasons.push(format!(
                "{}:{}: VENDOR {} names another path, options file or port than a line before",
                file.source.name(),
                first_line(file, line),
                vendor.name
            ));
        }
        let is_said = known.clone().next().is_some()
            && (vendor.path.is_none() || known.clone().any(|known| known.path.is_some()))
            && (vendor.options.is_none() || known.clone().any(|known| known.options.is_some()))
            && (vendor.port.is_none() || known.clone().any(|known| known.port.is_some()));
        self.named.push(vendor.clone());
        !is_said
    }
}

/// Signatures cover the SERVER hostids, and clients find the port in the file; host names are the administrator's.
fn compare_servers(
    first: &LicenseFile,
    other: &LicenseFile,
    reasons: &mut Vec<String>,
    notes: &mut Vec<String>,
) {
    let (ones, others): (Vec<&ServerLine>, Vec<&ServerLine>) =
        (first.servers().collect(), other.servers().collect());
    let (name, first_name) = (other.source.name(), first.source.name());
    if !ones.iter().map(|server| &server.hostid).eq(others.iter().map(|server| &server.hostid)) {
        reasons.push(format!(
            "{name}: its SERVER hostids are not those of {first_name}, which the signatures cover: the files can't be one"
        ));
        return;
    }
    for (one, other) in ones.iter().zip(&others) {
        let port = |server: &ServerLine| server.port.map_or("none".to_owned(), |port| port.to_string());
        if one.port != other.port {
            reasons.push(format!(
                "{name}: SERVER {} has port {}, but {first_name} has {}: make them equal first",
                other.host,
                port(other),
                port(one)
            ));
        }
        if (one.primary_is_master, one.heartbeat_interval_s, one.plat)
            != (other.primary_is_master, other.heartbeat_interval_s, other.plat)
        {
            reasons.push(format!(
                "{name}: SERVER {} has other options than in {first_name}: make them equal first",
                other.host
            ));
        }
        if !one.host.eq_ignore_ascii_case(&other.host) {
            notes.push(format!("{name}: host {} was left out; {first_name} names {}", other.host, one.host));
        }
    }
}

/// Whether the merged file gets USE_SERVER: if each file has it, before its license lines.
fn compare_use_server(files: &[LicenseFile], reasons: &mut Vec<String>) -> bool {
    let some = files.iter().any(LicenseFile::use_server);
    for file in files.iter().filter(|_| some) {
        let place = file.lines.iter().position(|line| matches!(line.kind, LineKind::UseServer));
        let early = |place| file.lines.iter().take(place).any(|line| Statement::of(&line.kind).is_some());
        match place {
            None if file.statements().next().is_some() => reasons.push(format!(
                "{}: it has no USE_SERVER, but another file has: clients would read its lines differently",
                file.source.name()
            )),
            Some(place) if early(place) => reasons.push(format!(
                "{}: license lines stand before USE_SERVER, which clients read without the server: keep it a file of its own",
                file.source.name()
            )),
            _ => {}
        }
    }
    some
}

/// In the encoding of the files if they have one, else in UTF-8.
fn encoded(files: &[LicenseFile], text: &str) -> Vec<u8> {
    let is_latin1 = |file: &&LicenseFile| file.source.encode("\u{e9}").len() == 1;
    let is_plain = |file: &LicenseFile| file.source.text().is_ascii() || is_latin1(&file);
    match files.iter().find(is_latin1).filter(|_| files.iter().all(is_plain)) {
        Some(file) => super::encoded(&file.source, text),
        None => text.as_bytes().to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn merged(texts: &[&str]) -> Result<(String, Vec<String>), Vec<String>> {
        let names = ["a.lic", "b.lic", "c.lic"];
        let files: Vec<_> = names
            .iter()
            .zip(texts)
            .map(|(name, text)| LicenseFile::parse(Source::new(name, text.as_bytes())))
            .collect();
        merge(&files).map(|merged| (String::from_utf8(merged.bytes).unwrap(), merged.notes))
    }

    #[test]
    fn lines_come_in_order_and_once() {
        let (text, notes) = merged(&[
            "# head\nSERVER h ANY 1\nVENDOR a # one\nUSE_SERVER\nFEATURE f1 a 1 permanent 1 SIGN=x\n",
            "# head\nSERVER i ANY 1\nVENDOR b\nVENDOR a PORT=5\nUSE_SERVER\n# bought late\nFEATURE f1 a 1.0 permanent 1 SIGN=x\n\
             feature f1 a 1 permanent 1 SIGN=x # same\nFEATURE f1 a 1 permanent 1 SIGN=y\n# end\n",
        ])
        .unwrap();
        assert_eq!(
            text,
            "# head\nSERVER h ANY 1\nVENDOR a # one\nVENDOR b\nVENDOR a PORT=5\nUSE_SERVER\nFEATURE f1 a 1 permanent 1 SIGN=x\n\
             # bought late\nFEATURE f1 a 1.0 permanent 1 SIGN=x\n# same\nFEATURE f1 a 1 permanent 1 SIGN=y\n# end\n"
        );
        assert_eq!(
            notes,
            [
                "b.lic: host i was left out; a.lic names h",
                "b.lic:8: FEATURE f1 is there already and was left out"
            ]
        );
    }

    #[test]
    fn what_would_change_the_meaning_is_refused() {
        let one = "SERVER h ANY 1\nVENDOR a /x\nFEATURE f1 a 1 permanent 1\n";
        for (other, reason) in [
            ("SERVER h 0123456789ab 1\n", "its SERVER hostids are not those of a.lic"),
            ("SERVER h ANY 2\n", "SERVER h has port 2, but a.lic has 1"),
            ("SERVER h ANY\n", "SERVER h has port none, but a.lic has 1"),
            ("SERVER h ANY 1\nVENDOR a /y\n", "b.lic:2: VENDOR a names another path"),
            ("SERVER h ANY 1\nUSE_SERVER\n", "a.lic: it has no USE_SERVER"),
            ("SERVER h ANY 1\nFEATURE f1 a\n", "b.lic:2:13: error[L0501]"),
        ] {
            let reasons = merged(&[one, other]).unwrap_err();
            assert!(reasons.iter().any(|found| found.contains(reason)), "{other}: {reasons:?}");
        }
        let mixed = "SERVER h ANY 1\nFEATURE f1 a 1 permanent 1\nUSE_SERVER\n";
        assert!(merged(&[mixed, mixed]).unwrap_err()[0].contains("stand before USE_SERVER"));
        assert!(merged(&[]).is_err());
    }
}
