//! What the publisher says on a signed line beside its positional fields.

use super::pool::SignedLine;

/// Name and value of an attribute; none for a flag.
pub type NamedValue = (String, Option<String>);

impl SignedLine {
    /// The signed attributes by name, as `grammar/signature.md` section 1 has them: behind the count of a feature line.
    pub fn attributes(&self) -> impl Iterator<Item = NamedValue> {
        let behind_count = self.canonical.split('\n').skip_while(|line| !line.starts_with("count=")).skip(1);
        behind_count.map(|line| match line.split_once('=') {
            Some((name, value)) => (name.to_owned(), Some(unescaped(value))),
            None => (line.to_owned(), None),
        })
    }

    /// The serial number that tells the lot from others (`SN=`).
    #[must_use]
    pub fn serial(&self) -> Option<String> {
        self.attributes().find(|(name, _)| name == "SN")?.1
    }
}

/// A value of the canonical text as the line has it.
fn unescaped(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    let mut characters = value.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' if characters.clone().next() == Some('n') => {
                characters.next();
                text.push('\n');
            }
            '\\' => text.extend(characters.next()),
            other => text.push(other),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::license::{LicenseFile, Statement};
    use crate::text::Source;

    #[test]
    fn attributes_come_as_they_were_written() {
        let line = r#"INCREMENT fx acmed 1 permanent 5 SN="a\nb\\c" TS_OK NOTICE="count=7" asset_info=x"#;
        let file = LicenseFile::parse(Source::new("a.lic", line.as_bytes()));
        let feature = file.features().next().unwrap();
        let signed = SignedLine {
            canonical: Statement::Feature(feature).canonical(&[]).unwrap(),
            sign: String::new(),
        };
        let expected = [("NOTICE", Some("count=7")), ("SN", Some(r"a\nb\\c")), ("TS_OK", None)];
        let expected = expected.map(|(name, value)| (name.to_owned(), value.map(str::to_owned)));
        assert_eq!(signed.attributes().collect::<Vec<_>>(), expected);
        assert_eq!(signed.serial().as_deref(), Some(r"a\nb\\c"));
    }
}
