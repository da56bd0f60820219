//! Numbers of things, in words: `1 license`, `2 licenses`.

use std::fmt::Display;

/// So many of something whose plural ends with an s.
#[must_use]
pub fn counted<N: Copy + Display + PartialEq + From<u8>>(count: N, noun: &str) -> String {
    format!("{count} {noun}{}", if count == N::from(1) { "" } else { "s" })
}

/// `is` of one, else `are`.
#[must_use]
pub fn are<N: Copy + PartialEq + From<u8>>(count: N) -> &'static str {
    if count == N::from(1) { "is" } else { "are" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_no_plural() {
        assert_eq!((counted(1_u32, "license").as_str(), are(1_u32)), ("1 license", "is"));
        assert_eq!((counted(0_u64, "line").as_str(), are(0_u64)), ("0 lines", "are"));
        assert_eq!((counted(2_usize, "user").as_str(), are(2_usize)), ("2 users", "are"));
    }
}
