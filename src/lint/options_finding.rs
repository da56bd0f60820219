//! The one table of what an options file shows when it is looked at as a whole, beside its license files or without them.
//!
//! An id is never given to another meaning. `O09xx` is about files, switches and logs, `O10xx` about who may and who may not, `O11xx`
//! about names, `O12xx` about numbers. What one line shows is the options room's (`O01xx` to `O06xx`); what a line comes to with the
//! licenses that are there is the policy's (`O07xx`, `O08xx`).

use crate::text::findings;

findings! {
    UNUSED_GROUP = "O0901", Warning, Meaning, None, "A group is defined, but no line uses it.";
    SEVERAL_FILES = "O0902", Warning, Meaning, None, "A vendor daemon reads one options file; this one is another for the same daemon.";
    NO_DAEMON = "O0903", Warning, Meaning, None, "No VENDOR line of the license files leads to this options file.";
    CASE_SWITCH_LATE = "O0904", Warning, Meaning, None, "GROUPCASEINSENSITIVE does not stand at the top of the file.";
    SETTING_TWICE = "O0905", Warning, Meaning, None, "A setting of the whole daemon stands twice; the last line counts.";
    LOG_OVERWRITTEN = "O0906", Warning, Meaning, None, "A log is overwritten at each start, as its path has no +.";
    MIXED_ADDRESSES = "O0907", Warning, Meaning, None, "The file has addresses of IPv4 and of IPv6.";
    FILE_MISSING = "O0908", Warning, Meaning, None, "The options file that a VENDOR line names can't be read.";

    INCLUDE_CLOSES = "O1001", Note, Meaning, None, "INCLUDE lines close a feature for everybody whom they do not name.";
    INCLUDEALL_CLOSES = "O1002", Note, Meaning, None, "INCLUDEALL lines close every feature for everybody who is not included.";
    NOBODY_LEFT = "O1003", Warning, Meaning, None, "INCLUDE lines close a feature and let nobody in.";
    DUPLICATE_LINE = "O1004", Warning, Meaning, None, "A line says what an earlier one has said.";
    EXCLUDE_COVERED = "O1005", Warning, Meaning, None, "A line excludes somebody whom a wider line excludes anyway.";
    INCLUDE_OF_EXCLUDED = "O1006", Warning, Meaning, None, "A line includes somebody who is excluded, and so stays out.";
    INCLUDE_COVERED = "O1007", Note, Meaning, None, "A line includes somebody whom a wider line includes anyway.";
    RESERVED_FOR_DENIED = "O1008", Warning, Meaning, None, "Licenses are reserved for somebody who may not use them, so nobody can.";
    MAX_OF_DENIED = "O1009", Note, Meaning, None, "A MAX line limits somebody who may not use the feature at all.";

    HOST_IS_USER = "O1101", Warning, Meaning, None, "A name stands for a host here, but for a user in a GROUP.";
    USER_IS_HOST = "O1102", Warning, Meaning, None, "A name stands for a user here, but is an address or a host of a HOST_GROUP.";
    NAME_IS_GROUP = "O1103", Warning, Meaning, None, "A name stands for one user or host, but is that of a group.";
    NAME_CASE = "O1104", Warning, Meaning, None, "A name is spelt in two ways that differ in case alone.";

    MAX_IDLE = "O1201", Warning, Meaning, None, "A MAX line never limits anybody.";
    MAX_ZERO = "O1202", Warning, Meaning, None, "MAX 0 denies the feature.";
    TIMEOUT_SHORT = "O1203", Warning, Meaning, None, "A timeout is below the publisher's minimum, which is used instead.";
    RESERVED_ALL = "O1204", Note, Meaning, None, "All licenses of a pool are reserved; nobody else gets any.";
    SUITE_RESERVED = "O1207", Warning, Meaning, None, "Licenses of a package with SUITE_RESERVED are reserved.";
    RESERVED_TWICE = "O1208", Warning, Meaning, None, "Reservations of a package and of one of its components for the same somebody add up.";
    EXTENSION = "O1209", Note, Meaning, None, "A line with an extension: FlexNet daemons do not know its keyword.";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_unique_and_rising() {
        for pair in ALL.windows(2) {
            assert!(pair[0].id < pair[1].id, "{} and {}", pair[0].id, pair[1].id);
        }
        for finding in ALL {
            assert!(finding.id.len() == 5 && finding.id >= "O0901" && finding.meaning.ends_with('.'));
            assert_eq!(find(finding.id), Some(finding));
        }
    }
}
