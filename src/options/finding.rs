//! The one table of what can be wrong with an options file by itself. What only its license files show is the policy's and
//! the lint's.
//!
//! An id is never given to another meaning. `O01xx` is about layout, `O02xx` about keywords and the number of words, `O03xx`
//! features and their modifiers, `O04xx` types and names, `O05xx` numbers and switches, `O06xx` groups.

use crate::text::findings;

findings! {
    OPEN_QUOTE = "O0101", Error, Layout, None, "A quote is not closed before the line ends.";
    QUOTE_INSIDE_WORD = "O0102", Error, Layout, None, "A quote stands inside a word, or text follows directly behind a closing quote.";
    TYPOGRAPHIC_QUOTE = "O0103", Error, Layout, None, "A name begins or ends with a typographic quote instead of the plain one.";
    NO_BREAK_SPACE = "O0104", Error, Layout, None, "A word contains a no-break space, which does not separate words.";
    CONTINUED_INTO_NOTHING = "O0105", Warning, Layout, None, "A backslash continues a line into an empty line, a comment or the end of the file.";
    BACKSLASH_IN_COMMENT = "O0106", Warning, Layout, None, "A backslash at the end of a trailing comment does not continue the line.";
    LONG_LINE = "O0107", Warning, Layout, None, "A line has more than 4000 characters, which other servers don't read.";
    UTF16 = "O0108", Error, Layout, None, "The file is written in UTF-16.";

    UNKNOWN_KEYWORD = "O0201", Error, Meaning, None, "A line begins with a keyword that is not known.";
    KEYWORD_CASE = "O0202", Warning, Meaning, None, "A keyword is not written in capitals.";
    WORD_MISSING = "O0203", Error, Meaning, None, "A line has fewer words than its keyword takes.";
    TOO_MANY_WORDS = "O0204", Error, Meaning, None, "A line has more words than its keyword takes.";
    SURPLUS_NAME = "O0205", Error, Meaning, None, "More than one name stands on a line that takes one; it works for the first name alone.";
    ATTRIBUTE_UNKNOWN = "O0206", Error, Meaning, None, "A log option is followed by a word that it does not take.";
    WITHOUT_EFFECT = "O0207", Note, Unserved, None, "A keyword is kept but has no effect here.";

    FEATURE_NAME = "O0301", Error, Meaning, None, "A feature's name can't be read.";
    MODIFIER_UNKNOWN = "O0302", Error, Meaning, None, "A modifier behind a feature's name is not known.";
    MODIFIER_VALUE = "O0303", Error, Meaning, None, "The value of a modifier is not of the form that it takes.";
    WILDCARD_FEATURE = "O0304", Warning, Meaning, None, "A feature's name contains a star, which stands for nothing but itself.";

    TYPE_UNKNOWN = "O0401", Error, Meaning, None, "The word before the name is not a type such as USER.";
    TYPE_CASE = "O0402", Warning, Meaning, None, "A type is not written in capitals.";
    NAME = "O0403", Error, Meaning, None, "A name can't be read.";
    ADDRESS = "O0404", Error, Meaning, None, "An address is neither an IP address nor a pattern of one.";
    DOMAIN_USER = "O0405", Warning, Meaning, None, "A user is written with a domain; clients send the plain login name, so it never matches.";
    ALL_USERS_TYPE = "O0406", Error, Meaning, None, "ALL_USERS goes with type USER and ALL_GROUPS with type GROUP, on MAX lines alone.";
    TYPE_NOT_TAKEN = "O0407", Error, Meaning, None, "A keyword does not take this type.";
    COMMA = "O0408", Warning, Meaning, None, "A name has a comma, which separates nothing and is a part of the name.";
    WILDCARD_USER = "O0409", Warning, Meaning, None, "A user's name contains a star or a question mark, which stand for nothing but themselves.";

    NUMBER = "O0501", Error, Meaning, None, "A number is missing or can't be read.";
    NUMBER_CLAMPED = "O0502", Warning, Meaning, None, "A number is out of its range and is moved to the nearest end.";
    SWITCH = "O0503", Error, Meaning, None, "A switch is neither of its two words.";
    LOG_EVENT = "O0504", Error, Meaning, None, "NOLOG names no kind of log line.";
    NO_EFFECT_ZERO = "O0505", Warning, Meaning, None, "A value of 0 switches something off.";

    MEMBER_MISSING = "O0601", Error, Meaning, None, "A group has no member.";
    GROUP_TWICE = "O0602", Warning, Meaning, None, "A name stands twice in one group.";
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
