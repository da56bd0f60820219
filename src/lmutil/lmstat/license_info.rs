//! The table of `lmstat -i` (`flexnet-tools.md` 2.8).

use std::fmt::Write as _;

use crate::license::{Expiry, FeatureLine, LicenseCount, LicenseFile};

const HEAD: &str = "NOTE: lmstat -i does not give information from the server,
      but only reads the license file.  For this reason,
      lmstat -a is recommended instead.

Feature                         Version     #licenses    Expires      Vendor
_______                         _________   _________    __________   ______
";

/// Note, heading and one row for each feature line.
#[must_use]
pub fn table(licenses: &[LicenseFile], feature: Option<&str>) -> String {
    let mut text = HEAD.to_owned();
    let lines = licenses
        .iter()
        .flat_map(LicenseFile::features)
        .filter(|line| feature.is_none_or(|name| name == line.name.as_str()));
    for line in lines {
        row(&mut text, line);
    }
    text
}

fn row(text: &mut String, line: &FeatureLine) {
    let count = match line.count {
        LicenseCount::Counted(count) => count.to_string(),
        LicenseCount::Uncounted => "uncounted".to_owned(),
    };
    let expires = match line.expiry {
        Expiry::On(day) => day.to_string(),
        Expiry::Never => "permanent(no expiration date)".to_owned(),
    };
    // Words that fill their column push the rest, but never touch it.
    let _ = writeln!(
        text,
        "{:<31} {:<12} {count:<11} {expires:<12} {}",
        line.name.as_str(),
        line.version.as_str(),
        line.vendor.as_str()
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::Source;

    #[test]
    fn columns_stand_where_readers_expect_them() {
        let text = b"SERVER h ANY\nVENDOR LGS\n\
            FEATURE solver LGS 2.0 31-dec-2018 10 SIGN=x\n\
            INCREMENT a_feature_with_quite_a_long_name LGS 2025.0630 permanent uncounted HOSTID=ANY SIGN=x\n";
        let table = table(&[LicenseFile::parse(Source::new("a.lic", text))], None);
        let rows: Vec<&str> = table.lines().collect();
        assert_eq!(rows[4].find("Version"), Some(32));
        assert_eq!(
            (rows[4].find("#licenses"), rows[4].find("Expires"), rows[4].find("Vendor")),
            (Some(44), Some(57), Some(70))
        );
        assert_eq!(rows[6].find("2.0"), Some(32));
        assert_eq!(
            (rows[6].find("10"), rows[6].find("31-dec"), rows[6].find("LGS")),
            (Some(45), Some(57), Some(70))
        );
        assert!(rows[7].starts_with("a_feature_with_quite_a_long_name 2025.0630    uncounted   permanent("));
        assert_eq!(rows.len(), 8);
    }
}
