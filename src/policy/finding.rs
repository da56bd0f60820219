//! The one table of what an options file says that comes to nothing, or to something else than it seems, with the licenses
//! that are there.
//!
//! An id is never given to another meaning. `O07xx` is about names that don't exist, `O08xx` about lines whose effect is not what
//! it seems. What a file says by itself is the options room's (`O01xx` to `O06xx`).

use crate::text::findings;

findings! {
    NO_SUCH_FEATURE = "O0701", Warning, Meaning, None, "A line names a feature that no license line has.";
    NOT_SERVED = "O0702", Warning, Meaning, None, "A line names a feature that stands in the license files but is not served.";
    NO_SUCH_LINE = "O0703", Warning, Meaning, None, "A feature's modifiers fit no license line of it.";
    NO_SUCH_GROUP = "O0704", Error, Meaning, None, "A line names a group that is not defined.";
    VENDOR_STRING_NOT_POOLED = "O0705", Warning, Meaning, None, "VENDOR_STRING selects nothing, as the publisher does not pool on it.";

    SPLITS_POOL = "O0801", Warning, Meaning, None, "A modifier fits only some license lines of a pool, but the line holds for all of the pool.";
    RESERVED_IN_EACH_POOL = "O0802", Warning, Meaning, None, "A reservation without a modifier is made in each pool of its feature.";
    RESERVED_TOO_MANY = "O0803", Warning, Meaning, None, "Reservations add up to more than a pool has; the last ones are cut.";
    RESERVED_UNCOUNTED = "O0804", Warning, Meaning, None, "A reservation for uncounted licenses has no effect.";
    MAX_BEHIND_ALL = "O0805", Warning, Meaning, None, "A MAX line for one name stands behind the line for all names, and so has no effect.";
    MAX_UNCOUNTED = "O0806", Note, Meaning, None, "A MAX line limits the use of uncounted licenses.";
    LATER_LINE_COUNTS = "O0807", Warning, Meaning, None, "A later line for the same feature replaces this one.";
    NOT_ENFORCED = "O0808", Note, Unserved, None, "A line is checked and kept, but is not enforced yet.";
    NAMED_TOO_MANY = "O0809", Error, Meaning, None, "More users or hosts are named than a line is for; those that come last are not included.";
    NAMES_NOBODY = "O0810", Warning, Meaning, None, "A line names no user, or no host, of a feature that is for those who are named, and so lets nobody in.";
    NOBODY_NAMED = "O0811", Warning, Meaning, None, "A feature is for named users or hosts, but no INCLUDE line names any.";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_unique_and_rising() {
        for pair in ALL.windows(2) {
            assert!(pair[0].id < pair[1].id, "{} and {}", pair[0].id, pair[1].id);
        }
        assert_eq!(find("O0704"), Some(&NO_SUCH_GROUP));
    }
}
