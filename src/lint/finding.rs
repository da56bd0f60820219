//! The one table of what all files of a server show together.
//!
//! An id is never given to another meaning. `L08xx` is about signatures and keys, `L09xx` about dates, `L10xx` about lines
//! against each other, `L11xx` about the machine, SERVER and VENDOR lines, and files. What one line or one file shows is the license
//! room's (`L01xx` to `L07xx`).

use crate::code::Code;
use crate::text::findings;

const SIGNATURE: Option<Code> = Some(Code::BadSignature);
const UNSUPPORTED: Option<Code> = Some(Code::FeatureNotSupported);
const SYNTAX: Option<Code> = Some(Code::BadLicenseSyntax);

findings! {
    SIGN_MISSING = "L0801", Error, Signature, SIGNATURE, "A line has no SIGN.";
    SIGN_FORM = "L0802", Error, Signature, SIGNATURE, "The value of SIGN is not a signature of Seatkeeper.";
    SIGN_WRONG = "L0803", Error, Signature, SIGNATURE, "A signature does not fit its line: what it covers was edited.";
    KEY_UNKNOWN = "L0804", Error, Signature, SIGNATURE, "A line is signed with a key that the vendor manifest does not have.";
    KEY_RETIRED = "L0805", Error, Signature, SIGNATURE, "A line is signed with a key that has retired.";
    KEY_RETIRES = "L0806", Warning, Signature, None, "A line is signed with a key that retires soon, before the line expires.";
    DEMO_KEY = "L0811", Note, Signature, None, "A line is signed with the published demo key, which proves nothing.";
    NO_MANIFEST = "L0812", Note, Signature, None, "No manifest is known for a vendor, so its signatures are not checked.";

    EXPIRED = "L0901", Warning, Date, Some(Code::Expired), "A line has expired.";
    EXPIRES_SOON = "L0902", Warning, Date, None, "A line expires soon.";
    NOT_STARTED = "L0903", Note, Date, Some(Code::NotStarted), "The START date of a line is still to come.";
    NEVER_VALID = "L0904", Error, Date, Some(Code::Expired), "A line expires before its START date, so it is never valid.";
    ISSUED_LATER = "L0905", Warning, Date, None, "The ISSUED date of a line is still to come.";
    ISSUED_EXPIRED = "L0906", Warning, Date, Some(Code::Expired), "A line was issued after its expiry date.";

    DUPLICATE = "L1001", Warning, Meaning, None, "The same line stands twice and counts once.";
    DUPLICATE_RESIGNED = "L1002", Warning, Meaning, None, "The same line stands twice with different signatures and counts once.";
    SHADOWED = "L1003", Warning, Meaning, None, "A counted FEATURE line is not used because an earlier one of its name is.";
    SUPERSEDED = "L1004", Note, Meaning, None, "A line is superseded by a newer one and adds nothing.";
    SUPERSEDE_UNDATED = "L1005", Warning, Meaning, None, "SUPERSEDE stands on a line without ISSUED and has no effect.";
    SUPERSEDE_UNKNOWN = "L1006", Warning, Meaning, None, "The list of SUPERSEDE names a feature that no line has.";
    SUPERSEDE_NOT_OWN = "L1007", Warning, Meaning, None, "The list of SUPERSEDE leaves out its own line's name, of which an older line stands.";
    SUPERSEDE_IDLE = "L1008", Note, Meaning, None, "SUPERSEDE has no effect, as no older line stands in the files.";

    UPGRADE_BASELESS = "L1011", Warning, Meaning, None, "An UPGRADE line finds no line that it could upgrade.";
    UPGRADE_PARTIAL = "L1012", Warning, Meaning, None, "An UPGRADE line asks for more licenses than its base has left.";
    UPGRADE_ORDER = "L1013", Warning, Meaning, None, "An UPGRADE line stands before the line that it is meant for.";

    PACKAGE_DISABLED = "L1021", Warning, Meaning, None, "No feature line in effect has the name of a PACKAGE line, so it licenses nothing.";
    PACKAGE_VERSION = "L1022", Warning, Meaning, None, "A PACKAGE line and the feature line of its name differ in their version.";
    COMPONENT_ALONE = "L1023", Note, Meaning, None, "A component of a package is also licensed by a line of its own.";
    PACKAGE_NAME = "L1024", Note, Meaning, None, "The name of a package can't be checked out, only its components.";
    COMPONENTS_MANY = "L1026", Warning, Meaning, UNSUPPORTED, "Packages have more lots of components than are served.";
    COUNT_TOO_LARGE = "L1027", Warning, Meaning, None, "A component would have more licenses than can be counted.";
    PACKAGE_LOST = "L1028", Warning, Meaning, None, "A feature line is an ordinary one, as the PACKAGE line of its name is not in effect.";

    MERGED_EXPIRY = "L1031", Note, Date, None, "Lines of one pool expire on different days.";
    POOL_SPLIT = "L1032", Note, Meaning, None, "Lines of the same feature and version are pools of their own because they differ in one key.";
    HIGHER_FIRST = "L1033", Note, Meaning, None, "Requests for a lower version take licenses of a higher one first.";
    MIXED_COUNT = "L1034", Note, Meaning, None, "A feature has counted and uncounted lines.";
    SORT_TWICE = "L1035", Note, Meaning, None, "Lines of a feature have the same number of sort= and keep their order.";
    SORT_IDLE = "L1036", Note, Meaning, None, "sort= has no effect, as there is no other pool to come before or behind.";

    RESTRICTION = "L1041", Warning, Unserved, UNSUPPORTED, "A restriction of the publisher is not enforced yet, so its line is not served.";
    WITHOUT_EFFECT = "L1042", Note, Unserved, None, "An attribute has no effect yet.";

    SERVER_ELSEWHERE = "L1101", Error, HostId, Some(Code::FeatureRemoved), "The hostid of a SERVER line is not this machine's.";
    SERVER_ANY = "L1102", Note, HostId, None, "The SERVER line of a file is bound to no machine.";
    THIS_HOST = "L1103", Note, Meaning, Some(Code::ThisHostFailed), "A file for clients names its server this_host, which is theirs.";
    PORTS_CONFLICT = "L1104", Error, Meaning, SYNTAX, "SERVER lines of the files name different ports.";
    HOSTS_DIFFER = "L1105", Warning, Meaning, None, "SERVER lines of the files name different hosts.";
    TRIAD_PORT_RANGE = "L1106", Warning, Meaning, None, "Three servers use a port of 27000 to 27009, where clients look for single servers.";
    LOW_PORT = "L1107", Warning, Meaning, None, "A port up to 1024 needs a privileged server.";
    PORT_CLASH = "L1108", Error, Meaning, SYNTAX, "A vendor daemon is given the port of the license server.";
    VENDOR_PORTS = "L1109", Error, Meaning, SYNTAX, "Two vendor daemons are given the same port.";
    VENDOR_IDLE = "L1110", Warning, Meaning, None, "A VENDOR line has no feature line, so its daemon ends at once.";
    VENDOR_DIFFERS = "L1111", Warning, Meaning, None, "VENDOR lines of one vendor name different values; the first one holds.";
    VENDOR_CASE = "L1112", Warning, Meaning, None, "A feature line's vendor differs from a VENDOR line in case alone.";
    BEHIND_USE_SERVER = "L1113", Warning, Meaning, None, "A line that clients would have to read stands behind USE_SERVER.";
    SERVER_LATE = "L1114", Note, Meaning, None, "Feature lines stand before the SERVER or VENDOR line of their file.";
    VENDORS_MERGED = "L1115", Note, Meaning, None, "One file has the lines of several vendors.";
    VENDORS_MANY = "L1116", Note, Meaning, None, "Lines of more vendors than are judged against each other.";
    SERVER_LOOPBACK = "L1117", Warning, HostId, None, "The hostid of a SERVER line is the system id of a machine whose name stands for a loopback address.";
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
            assert!(finding.id.len() == 5 && finding.id >= "L0801" && finding.meaning.ends_with('.'));
            assert_eq!(find(finding.id), Some(finding));
            assert_eq!(crate::license::finding::find(finding.id), None);
        }
    }
}
