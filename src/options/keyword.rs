//! The words that begin a line of an options file (`flexnet-files.md` 4.4).

macro_rules! keywords {
    ($($variant:ident = $word:literal, $syntax:literal, $meaning:literal;)*) => {
        /// A line's keyword.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Keyword {
            $(#[doc = concat!("`", $word, "`: ", $meaning)]
            $variant,)*
        }

        impl Keyword {
            /// All keywords, by name.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The keyword in capitals.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }

            /// What stands behind it.
            #[must_use]
            pub const fn syntax(self) -> &'static str {
                match self { $(Self::$variant => $syntax,)* }
            }

            /// What it does, in one sentence.
            #[must_use]
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$variant => $meaning,)* }
            }
        }
    };
}

keywords! {
    ActivationExpiryDays = "ACTIVATION_EXPIRY_DAYS", "ENTITLEMENT[:FID=FULFILLMENT] DAYS", "Limits the life of activated licenses.";
    ActivationLowwater = "ACTIVATION_LOWWATER", "ENTITLEMENT[:FID=FULFILLMENT] COUNT", "Keeps licenses from being activated away.";
    AutomaticReread = "AUTOMATIC_REREAD", "ON|OFF", "Whether everything is read again at midnight when a line has expired.";
    BorrowLowwater = "BORROW_LOWWATER", "FEATURE COUNT", "So many licenses can't be borrowed.";
    DaemonSelectTimeout = "DAEMON_SELECT_TIMEOUT", "SECONDS", "Kept without effect: this daemon does not poll.";
    DebugLog = "DEBUGLOG", "[+]PATH [OBF_ADDMARK] [AUTO_ROLLOVER SIZE]", "Where this daemon writes its debug log; + appends.";
    Exclude = "EXCLUDE", "FEATURE TYPE NAME", "Denies a feature to somebody.";
    ExcludeAll = "EXCLUDEALL", "TYPE NAME", "Denies every feature of this daemon to somebody.";
    ExcludeAllEntitlement = "EXCLUDEALL_ENTITLEMENT", "TYPE NAME", "Denies all activation to somebody.";
    ExcludeBorrow = "EXCLUDE_BORROW", "FEATURE TYPE NAME", "Denies borrowing a feature to somebody.";
    ExcludeEntitlement = "EXCLUDE_ENTITLEMENT", "ENTITLEMENT TYPE NAME", "Denies an activation to somebody.";
    FqdnMatching = "FQDN_MATCHING", "EXACT|LENIENT", "How host names are compared with those that clients send.";
    Group = "GROUP", "GROUP USER...", "Users under one name; lines of one name add up.";
    GroupCaseInsensitive = "GROUPCASEINSENSITIVE", "ON|OFF", "Whether names in groups are compared without regard to case.";
    HostGroup = "HOST_GROUP", "GROUP HOST...", "Hosts or addresses under one name; lines of one name add up.";
    Include = "INCLUDE", "FEATURE TYPE NAME", "Allows a feature to somebody, and closes it for all who are not included.";
    IncludeAll = "INCLUDEALL", "TYPE NAME", "Allows every feature to somebody, and closes all of them for the others.";
    IncludeAllEntitlement = "INCLUDEALL_ENTITLEMENT", "TYPE NAME", "Allows all activation to somebody.";
    IncludeBorrow = "INCLUDE_BORROW", "FEATURE TYPE NAME", "Allows borrowing a feature to somebody, and closes borrowing for the others.";
    IncludeEntitlement = "INCLUDE_ENTITLEMENT", "ENTITLEMENT TYPE NAME", "Allows an activation to somebody.";
    Linger = "LINGER", "FEATURE SECONDS", "How long a license stays in use after it was checked in.";
    Max = "MAX", "COUNT FEATURE TYPE NAME", "Limits how many licenses somebody may use.";
    MaxBorrowHours = "MAX_BORROW_HOURS", "FEATURE HOURS", "Shortens the time for which a feature may be borrowed.";
    MaxConnections = "MAX_CONNECTIONS", "COUNT", "Limits the connections of this daemon, 31 to 1000000.";
    MaxOverdraft = "MAX_OVERDRAFT", "FEATURE COUNT", "Lowers the overdraft of a feature.";
    NoLog = "NOLOG", "IN|OUT|DENIED|QUEUED|UNSUPPORTED|UPGRADE|DEQUEUED", "Leaves one kind of line out of the debug log.";
    Priority = "PRIORITY", "NUMBER FEATURE TYPE NAME", "Lets somebody wait for a feature ahead of those with a lower number; an extension that FlexNet daemons do not know.";
    ReportLog = "REPORTLOG", "[+]PATH [HIDE_USER]", "Where usage is recorded; + appends.";
    Reserve = "RESERVE", "COUNT FEATURE TYPE NAME", "Sets licenses aside for somebody; nobody else gets them, even when they are idle.";
    Timeout = "TIMEOUT", "FEATURE SECONDS", "Takes a license back from a client that is idle for so long.";
    TimeoutAll = "TIMEOUTALL", "SECONDS", "The same for every feature.";
}

/// The other name of GROUP (`flexnet-files.md` 4.3).
const GROUP_ALIAS: &str = "USER_GROUP";

impl Keyword {
    /// The keyword that a word is, in any case (`flexnet-files.md` 4.1, DECISION).
    #[must_use]
    pub fn of(word: &str) -> Option<Self> {
        if word.eq_ignore_ascii_case(GROUP_ALIAS) {
            return Some(Self::Group);
        }
        Self::ALL.iter().copied().find(|keyword| word.eq_ignore_ascii_case(keyword.as_str()))
    }

    /// All words that are keywords, in capitals.
    pub fn names() -> impl Iterator<Item = &'static str> {
        Self::ALL.iter().map(|keyword| keyword.as_str()).chain([GROUP_ALIAS])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keywords_are_sorted_and_read_in_any_case() {
        assert!(Keyword::ALL.is_sorted_by(|one, other| one.as_str() < other.as_str()));
        for keyword in Keyword::ALL {
            assert_eq!(Keyword::of(&keyword.as_str().to_lowercase()), Some(*keyword));
            assert!(keyword.meaning().ends_with('.'));
        }
        assert_eq!(Keyword::of("User_Group"), Some(Keyword::Group));
        assert_eq!(Keyword::of("EXCLUDES"), None);
    }
}
