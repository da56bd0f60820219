//! What the words of a license line mean, in a sentence each, for those who write or read one (`flexnet-files.md` 1.2 to 1.7).

/// A word of the language and its meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Guide {
    /// The word as it is written.
    pub word: &'static str,
    /// What stands behind it: the words of a line, or the value of an attribute with its `=`; empty for a flag.
    pub syntax: &'static str,
    /// What it does, in one sentence.
    pub meaning: &'static str,
}

macro_rules! guides {
    ($($word:literal, $syntax:literal, $meaning:literal;)*) => {
        &[$(Guide { word: $word, syntax: $syntax, meaning: $meaning }),*]
    };
}

/// The keywords, by name.
pub const KEYWORDS: &[Guide] = guides! {
    "DAEMON", "NAME [PATH] [OPTIONS=FILE] [PORT=NUMBER]", "The old name of VENDOR.";
    "FEATURE", "NAME VENDOR VERSION EXPIRY COUNT [ATTRIBUTE...] SIGN=", "Licenses of a feature; of several counted lines of one name only the first is used.";
    "FEATURESET", "VENDOR KEY", "Obsolete; ignored.";
    "INCREMENT", "NAME VENDOR VERSION EXPIRY COUNT [ATTRIBUTE...] SIGN=", "Licenses of a feature; lines of one pool add up.";
    "PACKAGE", "NAME VENDOR [VERSION] COMPONENTS=\"NAME[:VERSION[:COUNT]]...\" SIGN=", "Several features under one name; the feature line of that name enables them.";
    "SERVER", "HOST HOSTID [PORT]", "The machine that the file is for, and the port of its license server.";
    "UPGRADE", "NAME VENDOR FROM-VERSION TO-VERSION EXPIRY COUNT [ATTRIBUTE...] SIGN=", "Moves licenses of lower versions to a higher one.";
    "USE_SERVER", "", "Clients that read the file leave everything behind this line to the server.";
    "VENDOR", "NAME [PATH] [OPTIONS=FILE] [PORT=NUMBER]", "The vendor daemon that serves the lines of its name.";
};

/// The publisher's attributes, which the signature covers, by name.
pub const ATTRIBUTES: &[Guide] = guides! {
    "AUTH", "={...}", "The signature of another form.";
    "BORROW", "[=HOURS]", "The licenses may be borrowed, at most for so many hours.";
    "CAPACITY", "", "Kept without effect.";
    "COMPONENTS", "=\"NAME[:VERSION[:COUNT]]...\"", "The features of a package.";
    "DUP_GROUP", "=NONE|SITE|UHDV", "Which checkouts share a license: those of the same user (U), host (H), display (D) and vendor's data (V).";
    "FLOAT_OK", "[=HOSTID]", "A license bound to a dongle may float from the server.";
    "HOSTID", "=\"ID...\"", "The machines on which the licenses may be used; any one of them suffices.";
    "HOST_BASED", "[=COUNT]", "Only hosts that INCLUDE lines of the options file name may use it.";
    "ISSUED", "=dd-mmm-yyyy", "The day of issue, which SUPERSEDE compares.";
    "ISSUER", "=\"TEXT\"", "Who issued the line.";
    "LINGER", "=SECONDS", "How long a license stays in use after it was checked in.";
    "MINIMUM", "=NUMBER", "Kept without effect.";
    "NOTICE", "=\"TEXT\"", "A text for people, such as the name of the licensee.";
    "ONE_TS_OK", "", "An uncounted license may run in one remote-desktop session.";
    "OPTIONS", "=SUITE|SUITE_RESERVED", "What kind of package it is; without it a bundle.";
    "OVERDRAFT", "=COUNT", "So many licenses more may be in use.";
    "PLATFORMS", "=\"NAME...\"", "The platforms on which the licenses may be used.";
    "SIGN", "=\"SIGNATURE\"", "The publisher's signature.";
    "SIGN2", "=\"SIGNATURE\"", "A second signature.";
    "SN", "=TEXT", "The serial number; lines that are to add up differ in it.";
    "START", "=dd-mmm-yyyy", "The first day of validity.";
    "SUITE_DUP_GROUP", "=NONE|SITE|UHDV", "DUP_GROUP of the suite as a whole.";
    "SUPERSEDE", "[=\"NAME...\"]", "The line replaces older ones of its feature, or of the features that it names.";
    "SUPERSEDE_SIGN", "=\"SIGNATURE...\"", "The line replaces those that are signed so.";
    "TS_OK", "", "An uncounted license may be used in remote-desktop sessions.";
    "TZ", "=ZONE", "The time zones in which the licenses may be used.";
    "USER_BASED", "[=COUNT]", "Only users that INCLUDE lines of the options file name may use it.";
    "VENDOR_STRING", "=\"TEXT\"", "Data of the publisher.";
    "VM_PLATFORMS", "=TEXT", "Whether the licenses may be used on virtual machines.";
};

/// The administrator's attributes, which no signature covers, by name.
pub const OWN_ATTRIBUTES: &[Guide] = guides! {
    "asset_info", "=\"TEXT\"", "A remark of the administrator.";
    "ck", "=NUMBER", "A checksum of older tools; kept without effect.";
    "dist_info", "=\"TEXT\"", "A remark of the administrator.";
    "sort", "=0-255", "Pools with lower numbers are used first; 100 if it is left out.";
    "user_info", "=\"TEXT\"", "A remark of the administrator.";
    "vendor_info", "=\"TEXT\"", "A remark of the administrator.";
};

/// The guide to a keyword, written in any case.
#[must_use]
pub fn of_keyword(word: &str) -> Option<&'static Guide> {
    KEYWORDS.iter().find(|guide| guide.word.eq_ignore_ascii_case(word))
}

/// The guide to an attribute, whose case matters.
#[must_use]
pub fn of_attribute(name: &str) -> Option<&'static Guide> {
    ATTRIBUTES.iter().chain(OWN_ATTRIBUTES).find(|guide| guide.word == name)
}

/// Whether a publisher's attribute means something on a PACKAGE line.
#[must_use]
pub fn is_of_package(name: &str) -> bool {
    super::attribute::ON_PACKAGE.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::license::attribute::KNOWN;
    use crate::license::keyword::Keyword;

    #[test]
    fn every_word_has_its_guide() {
        let mut keywords: Vec<_> = Keyword::names().collect();
        keywords.sort_unstable();
        assert_eq!(KEYWORDS.iter().map(|guide| guide.word).collect::<Vec<_>>(), keywords);
        let attributes: Vec<_> = KNOWN.iter().map(|(name, _)| *name).collect();
        assert_eq!(ATTRIBUTES.iter().map(|guide| guide.word).collect::<Vec<_>>(), attributes);
        assert!(OWN_ATTRIBUTES.is_sorted_by_key(|guide| guide.word));
        let all = KEYWORDS.iter().chain(ATTRIBUTES).chain(OWN_ATTRIBUTES);
        assert!(all.into_iter().all(|guide| guide.meaning.ends_with('.')));
    }

    #[test]
    fn keywords_are_found_in_any_case_and_attributes_in_theirs() {
        assert_eq!(of_keyword("Increment").unwrap().word, "INCREMENT");
        assert!(of_attribute("START").is_some() && of_attribute("start").is_none());
        assert!(of_attribute("sort").is_some() && is_of_package("OPTIONS") && !is_of_package("START"));
    }
}
