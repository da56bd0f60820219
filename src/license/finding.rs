//! The one table of what can be wrong with a license file.
//!
//! An id is never given to another meaning. `L01xx` is about layout, `L02xx` about the kind of a line, `L03xx` SERVER,
//! `L04xx` VENDOR, `L05xx` the fields of feature, upgrade and package lines, `L06xx` attributes, `L07xx` hostids. What only all files of a server
//! show together is the lint's (`L08xx` and above).
//!
//! Retired: `L0211` and `L0212` said that UPGRADE and PACKAGE lines are not served.

use crate::code::Code;
use crate::text::findings;

const SYNTAX: Option<Code> = Some(Code::BadLicenseSyntax);
const FUTURE: Option<Code> = Some(Code::FutureFormat);
const PACKAGE: Option<Code> = Some(Code::BadPackage);

findings! {
    WRAPPED = "L0101", Warning, Layout, None, "A line is continued on the next one without a backslash at its end.";
    CONTINUED_INTO_NOTHING = "L0102", Warning, Layout, None, "A backslash continues a line into an empty line, a comment or the end of the file.";
    OPEN_QUOTE = "L0103", Error, Layout, SYNTAX, "A quoted value has no closing quote before the line ends.";
    QUOTE_INSIDE_WORD = "L0104", Error, Layout, SYNTAX, "A quote stands inside a word, or text follows directly behind a closing quote.";
    TYPOGRAPHIC_QUOTE = "L0105", Error, Layout, SYNTAX, "A value begins or ends with a typographic quote instead of the plain one.";
    SINGLE_QUOTE = "L0106", Warning, Layout, None, "A quoted value contains a single quote, which some readers refuse.";
    OPEN_BLOCK = "L0107", Error, Layout, SYNTAX, "An AUTH block has no closing brace before the line ends.";
    BACKSLASH_IN_COMMENT = "L0108", Warning, Layout, None, "A backslash at the end of a trailing comment does not continue the line.";
    NO_BREAK_SPACE = "L0109", Error, Layout, SYNTAX, "A word contains a no-break space, which does not separate words.";
    UTF16 = "L0110", Error, Layout, SYNTAX, "The file is written in UTF-16.";

    UNKNOWN_KEYWORD = "L0201", Error, Meaning, FUTURE, "A line begins with a keyword that is not known.";
    PROSE = "L0202", Warning, Meaning, None, "A line is text without a keyword and is skipped.";
    ORPHAN = "L0203", Error, Layout, SYNTAX, "A line looks like the rest of another line that has already ended.";
    KEYWORD_CASE = "L0204", Warning, Meaning, None, "A keyword is not written in capitals.";
    TOO_MANY_WORDS = "L0205", Error, Meaning, SYNTAX, "A line has more words than its kind takes.";
    FEATURESET = "L0213", Warning, Unserved, None, "FEATURESET lines are obsolete and ignored.";
    DECIMAL = "L0214", Warning, Unserved, Some(Code::BadDecimal), "Licenses in decimal format can't be read.";

    SERVER_FIELD_MISSING = "L0301", Error, Meaning, SYNTAX, "A SERVER line lacks its host or its hostid.";
    SERVER_WORD = "L0302", Error, Meaning, FUTURE, "A SERVER line contains a word that it does not take.";
    SERVER_VALUE = "L0303", Error, Meaning, SYNTAX, "A value of a SERVER line is not a number in its range.";
    SERVER_TWICE = "L0304", Error, Meaning, SYNTAX, "A SERVER line says the same thing twice.";
    SERVER_DEMO = "L0305", Error, HostId, SYNTAX, "The hostid DEMO stands on a SERVER line.";
    SERVER_HOST = "L0306", Warning, Meaning, None, "A port is written together with the host of a SERVER line.";
    SERVER_COUNT = "L0311", Error, Meaning, SYNTAX, "A file has two, or more than three, SERVER lines; nothing of it is served.";
    TRIAD = "L0312", Warning, Unserved, None, "A file has three SERVER lines, which are not served yet.";
    TRIAD_PORT = "L0313", Error, Meaning, SYNTAX, "One of three SERVER lines lacks its port; nothing of the file is served.";
    NO_SERVER = "L0314", Error, Meaning, Some(Code::NoServerLine), "Counted lines stand in a file without a SERVER line.";
    TRIAD_WORD = "L0315", Note, Meaning, None, "PRIMARY_IS_MASTER or HEARTBEAT_INTERVAL stands where it has no effect: only the first of three SERVER lines uses it.";

    VENDOR_NAME = "L0401", Error, Meaning, SYNTAX, "A VENDOR line lacks the vendor's name, or it is not a name.";
    VENDOR_WORD = "L0402", Error, Meaning, FUTURE, "A VENDOR line contains a word that it does not take.";
    VENDOR_PORT = "L0403", Error, Meaning, SYNTAX, "The port of a VENDOR line is not a number from 1 to 65535.";
    VENDOR_TWICE = "L0404", Error, Meaning, SYNTAX, "A VENDOR line names its path, options file or port twice.";
    VENDOR_PATH = "L0405", Warning, Meaning, None, "A path of a VENDOR line seems to contain a blank, which separates words outside quotes.";
    VENDOR_UNNAMED = "L0411", Warning, Meaning, None, "Lines name a vendor for which the file has no VENDOR line.";

    FIELD_MISSING = "L0501", Error, Meaning, SYNTAX, "A FEATURE, INCREMENT or UPGRADE line lacks one of its fields.";
    FIELD_NAME = "L0502", Error, Meaning, SYNTAX, "The feature or vendor field is not a name.";
    VERSION = "L0503", Error, Meaning, Some(Code::BadVersion), "The version is not a number.";
    VERSION_UNPADDED = "L0504", Warning, Meaning, None, "A date-based version has a month of one digit and so compares wrongly.";
    VERSION_NO_DATE = "L0505", Warning, Meaning, None, "A version looks date-based but names no day.";
    EXPIRY = "L0506", Error, Date, Some(Code::BadDate), "The expiry date is not a date.";
    COUNT = "L0507", Error, Meaning, SYNTAX, "The number of licenses is not a number.";
    UNCOUNTED_FLOATING = "L0508", Error, HostId, SYNTAX, "An uncounted line has no HOSTID.";
    DEMO_COUNTED = "L0509", Error, HostId, SYNTAX, "The hostid DEMO stands on a counted line.";
    UNCOUNTED_ANY = "L0510", Warning, HostId, None, "An uncounted line is for ANY machine, so it is bound to nothing.";
    SHORT_YEAR = "L0511", Warning, Date, None, "A year of two digits means 19xx.";
    UPGRADE_RANGE = "L0512", Error, Meaning, SYNTAX, "The from-version of an UPGRADE line is not below its to-version.";
    UPGRADE_UNCOUNTED = "L0513", Error, Meaning, SYNTAX, "An UPGRADE line is uncounted.";
    PACKAGE_FIELD = "L0521", Error, Meaning, PACKAGE, "A PACKAGE line lacks its name or its vendor, or one of them is not a name.";
    NO_COMPONENT = "L0522", Error, Meaning, PACKAGE, "A PACKAGE line has no component.";
    COMPONENT = "L0523", Error, Meaning, PACKAGE, "A component of a PACKAGE line is not name, name:version or name:version:count.";
    COMPONENT_TWICE = "L0524", Error, Meaning, PACKAGE, "A component stands twice on a PACKAGE line.";
    COMPONENT_COUNT = "L0525", Error, Meaning, PACKAGE, "A component of a suite has a number of licenses.";
    PACKAGE_OPTIONS = "L0526", Error, Meaning, PACKAGE, "The OPTIONS of a PACKAGE line are neither SUITE nor SUITE_RESERVED.";
    COMPONENT_COLON = "L0527", Warning, Meaning, None, "The name of a component contains a colon, which usually separates its version.";
    COMPONENT_COMMA = "L0528", Warning, Meaning, None, "The name of a component contains a comma, which separates nothing.";

    UNKNOWN_ATTRIBUTE = "L0601", Error, Meaning, FUTURE, "An attribute with capital letters is not known.";
    NOT_AN_ATTRIBUTE = "L0602", Error, Meaning, SYNTAX, "A word behind the fields is not an attribute.";
    ATTRIBUTE_TWICE = "L0603", Error, Meaning, SYNTAX, "A publisher's attribute stands twice on a line.";
    VALUE_MISSING = "L0604", Error, Meaning, SYNTAX, "An attribute lacks its value.";
    VALUE_UNWANTED = "L0605", Error, Meaning, SYNTAX, "An attribute takes no value.";
    VALUE = "L0606", Error, Meaning, SYNTAX, "The value of an attribute is not of the form that it takes.";
    ATTRIBUTE_DATE = "L0607", Error, Date, Some(Code::BadDate), "The value of a date attribute is not a date.";
    SORT = "L0608", Warning, Meaning, None, "The value of sort= is not a number from 0 to 255.";
    OWN_ATTRIBUTE_TWICE = "L0609", Warning, Meaning, None, "An administrator's attribute stands twice; the first one counts.";
    ATTRIBUTE_IGNORED = "L0610", Warning, Meaning, None, "An attribute is kept but has no effect here.";
    VALUE_CUT = "L0611", Warning, Layout, None, "A word stands behind the value of an attribute that it probably belongs to.";
    SIGN_EMPTY = "L0612", Warning, Meaning, None, "The value of a signature is empty.";
    VALUE_COMMA = "L0613", Warning, Layout, None, "A value without quotes ends with a comma.";
    SMALL_LETTERS = "L0614", Warning, Meaning, None, "A publisher's attribute is written in small letters, so it is a remark without effect.";
    SUPERSEDE_COMMA = "L0615", Warning, Meaning, None, "A name in the list of SUPERSEDE contains a comma, which separates nothing.";

    HOSTID = "L0701", Error, HostId, SYNTAX, "A hostid can't be read.";
    HOSTID_OPAQUE = "L0702", Note, HostId, None, "A hostid is of a kind that matches nothing here.";
    HOSTID_UNKNOWN = "L0703", Warning, HostId, None, "A hostid is of no known form and matches nothing.";
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
            assert!(finding.id.len() == 5 && finding.meaning.ends_with('.'));
            assert_eq!(find(finding.id), Some(finding));
        }
    }
}
