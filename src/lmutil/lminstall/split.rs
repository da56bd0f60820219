//! One file for each vendor.

use super::{carried, encoded, mistakes, signed};
use crate::ident::VendorName;
use crate::license::{LicenseFile, Line, LineKind, Statement};
use crate::text::Source;

/// What goes into the file of one vendor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// The vendor.
    pub vendor: VendorName,
    /// The file, not laid out yet.
    pub bytes: Vec<u8>,
}

/// Splits a file by vendors, in the order in which it names them. Each part has all SERVER lines and USE_SERVER, and the
/// vendor's own lines, in their order. Comments and prose go with the line below them, those at the end into every part.
/// Signatures stay valid, for what they cover is in every part.
///
/// # Errors
/// Why the file can't be split, one text for each reason: lines with a mistake belong to nobody, or it names no vendor.
pub fn split(file: &LicenseFile) -> Result<Vec<Part>, Vec<String>> {
    let mistakes = mistakes(file);
    if !mistakes.is_empty() {
        return Err(mistakes);
    }
    let mut vendors: Vec<VendorName> = Vec::new();
    for vendor in file.lines.iter().filter_map(|line| vendor_of(file, line)) {
        if !vendors.contains(&vendor) {
            vendors.push(vendor);
        }
    }
    if vendors.is_empty() {
        return Err(vec![format!("{}: the file names no vendor", file.source.name())]);
    }
    vendors.into_iter().map(|vendor| part(file, vendor)).collect()
}

fn part(file: &LicenseFile, vendor: VendorName) -> Result<Part, Vec<String>> {
    let (mut text, mut pending) = (String::new(), String::new());
    for line in &file.lines {
        if matches!(line.kind, LineKind::Blank | LineKind::Comment | LineKind::Prose) {
            pending.push_str(&carried(file, line));
            continue;
        }
        if vendor_of(file, line).is_none_or(|owner| owner == vendor) {
            text.push_str(&pending);
            text.push_str(&carried(file, line));
        }
        pending.clear();
    }
    text.push_str(&pending);
    let bytes = encoded(&file.source, &text);
    let again = LicenseFile::parse(Source::new(vendor.as_str(), &bytes));
    let own = file.statements().filter(|(_, line)| *line.vendor() == vendor);
    if own.map(|(_, line)| signed(file, line)).eq(again.statements().map(|(_, line)| signed(&again, line))) {
        Ok(Part { vendor, bytes })
    } else {
        Err(vec![format!("{}: the lines of {vendor} would say something else alone", file.source.name())])
    }
}

/// Whose line it is; none for a line of all.
fn vendor_of(file: &LicenseFile, line: &Line) -> Option<VendorName> {
    match &line.kind {
        LineKind::Vendor(vendor) => Some(vendor.name.clone()),
        // FEATURESET names its vendor in the first place.
        LineKind::Unserved(_) => VendorName::parse(&file.words_of(line).nth(1)?).ok(),
        kind => Statement::of(kind).map(|line| line.vendor().clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_their_comments_go_to_their_vendor() {
        let text =
            b"# head\nSERVER h ANY\nVENDOR a\nVENDOR b\nUSE_SERVER\n# of a\nFEATURE f1 a 1 permanent 1\n\n\
            Dear customer,\n# of b\nFEATURE f2 b 1 permanent 1\nFEATURESET a 0A1B\n# end\n";
        let parts = split(&LicenseFile::parse(Source::new("x.lic", text))).unwrap();
        let texts: Vec<_> = parts.iter().map(|part| String::from_utf8(part.bytes.clone()).unwrap()).collect();
        assert_eq!(
            texts,
            [
                "# head\nSERVER h ANY\nVENDOR a\nUSE_SERVER\n# of a\nFEATURE f1 a 1 permanent 1\nFEATURESET a 0A1B\n# end\n",
                "# head\nSERVER h ANY\nVENDOR b\nUSE_SERVER\n\n# Dear customer,\n# of b\nFEATURE f2 b 1 permanent 1\n# end\n"
            ]
        );
    }

    #[test]
    fn latin1_that_alone_would_be_utf8_is_written_in_utf8() {
        let text = b"SERVER h ANY\nFEATURE f1 a 1 permanent 1 NOTICE=\xc3\xa4\nFEATURE f2 b 1 permanent 1 NOTICE=\xe4\n";
        let parts = split(&LicenseFile::parse(Source::new("x.lic", text))).unwrap();
        assert_eq!(parts[0].bytes, "SERVER h ANY\nFEATURE f1 a 1 permanent 1 NOTICE=Ã¤\n".as_bytes());
        assert_eq!(parts[1].bytes, b"SERVER h ANY\nFEATURE f2 b 1 permanent 1 NOTICE=\xe4\n");
    }
}
