//! The publisher's attributes and the form of their values (`flexnet-files.md` 1.5.1).

use crate::ident::DupMask;

/// What an attribute takes behind `=`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// Nothing.
    Flag,
    /// Any text.
    Text,
    /// A number.
    Number,
    /// Nothing or a number.
    FlagOrNumber,
    /// Nothing or any text.
    FlagOrText,
    /// `dd-mmm-yyyy`.
    Date,
    /// `NONE`, `SITE` or letters out of `UHDV`.
    DupGroup,
    /// One or more hostids.
    HostIds,
    /// Any text, on PACKAGE lines only.
    OfPackage,
    /// Anything; kept without effect, its meaning being unconfirmed.
    Ignored,
}

/// Every attribute with capital letters that is known, by name.
pub(super) const KNOWN: [(&str, Form); 29] = [
    ("AUTH", Form::Text),
    ("BORROW", Form::FlagOrNumber),
    ("CAPACITY", Form::Ignored),
    ("COMPONENTS", Form::OfPackage),
    ("DUP_GROUP", Form::DupGroup),
    ("FLOAT_OK", Form::FlagOrText),
    ("HOSTID", Form::HostIds),
    ("HOST_BASED", Form::FlagOrNumber),
    ("ISSUED", Form::Date),
    ("ISSUER", Form::Text),
    ("LINGER", Form::Number),
    ("MINIMUM", Form::Ignored),
    ("NOTICE", Form::Text),
    ("ONE_TS_OK", Form::Flag),
    ("OPTIONS", Form::OfPackage),
    ("OVERDRAFT", Form::Number),
    ("PLATFORMS", Form::Text),
    ("SIGN", Form::Text),
    ("SIGN2", Form::Text),
    ("SN", Form::Text),
    ("START", Form::Date),
    ("SUITE_DUP_GROUP", Form::DupGroup),
    ("SUPERSEDE", Form::FlagOrText),
    ("SUPERSEDE_SIGN", Form::Text),
    ("TS_OK", Form::Flag),
    ("TZ", Form::Text),
    ("USER_BASED", Form::FlagOrNumber),
    ("VENDOR_STRING", Form::Text),
    ("VM_PLATFORMS", Form::Text),
];

/// Those that mean something on a PACKAGE line; the others come from its enabling line (`flexnet-files.md` 3.9).
pub(super) const ON_PACKAGE: [&str; 12] = [
    "AUTH",
    "COMPONENTS",
    "ISSUED",
    "ISSUER",
    "NOTICE",
    "OPTIONS",
    "SIGN",
    "SIGN2",
    "SN",
    "SUPERSEDE",
    "SUPERSEDE_SIGN",
    "VENDOR_STRING",
];

/// The table's own spelling of a name and its form.
pub(super) fn known(name: &str) -> Option<(&'static str, Form)> {
    KNOWN.binary_search_by(|(known, _)| (*known).cmp(name)).ok().and_then(|index| KNOWN.get(index)).copied()
}

/// `NONE`, `SITE`, or letters out of `UHDV`, each at most once (`flexnet-files.md` 3.7).
pub(super) fn is_dup_group(value: &str) -> bool {
    value.parse::<DupMask>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_found() {
        assert!(KNOWN.is_sorted_by(|one, other| one.0 < other.0));
        assert_eq!(known("DUP_GROUP"), Some(("DUP_GROUP", Form::DupGroup)));
        assert_eq!(known("dup_group"), None);
    }

    #[test]
    fn dup_groups() {
        assert!(["NONE", "SITE", "U", "UHD", "VDHU"].into_iter().all(is_dup_group));
        assert!(!["", "UU", "X", "none", "UNONE", "UHDVU"].into_iter().any(is_dup_group));
    }
}
