//! A pool's key taken apart again.

use super::Pool;
use super::attributes::NamedValue;
use crate::ident::PoolKey;

impl Pool {
    /// The keys behind feature and version, by name, after the word `uncounted` if it is there.
    #[must_use]
    pub fn keys(&self) -> Vec<NamedValue> {
        key_parts(&self.key)
    }
}

/// The keys behind feature and version, as the pool's key has them: in the order of their names, after the word
/// `uncounted` if it is there.
#[must_use]
pub fn key_parts(key: &PoolKey) -> Vec<NamedValue> {
    let mut parts = Vec::new();
    let mut words = key.as_str().splitn(3, ' ').skip(2);
    let mut rest = words.next().unwrap_or_default();
    while !rest.is_empty() {
        let end = rest.find([' ', '=']).unwrap_or(rest.len());
        let (name, behind) = rest.split_at(end);
        let (value, left) = match behind.strip_prefix('=') {
            None => (None, behind),
            Some(behind) => {
                let (value, left) = value(behind);
                (Some(value), left)
            }
        };
        parts.push((name.to_owned(), value));
        rest = left.strip_prefix(' ').unwrap_or(left);
    }
    parts
}

/// The value at the beginning of a text, and what follows.
fn value(text: &str) -> (String, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let (value, left) = text.split_at(text.find(' ').unwrap_or(text.len()));
        return (value.to_owned(), left);
    };
    let mut value = String::new();
    let mut characters = quoted.chars();
    while let Some(character) = characters.next() {
        match character {
            '"' => break,
            '\\' => value.extend(characters.next()),
            other => value.push(other),
        }
    }
    (value, characters.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_as_they_were_written() {
        let parts = |key: &str| key_parts(&PoolKey::new(key));
        assert_eq!(parts("fx 2"), []);
        let expected = [
            ("uncounted", None),
            ("FLOAT_OK", None),
            ("HOSTID", Some("HOSTNAME=a HOSTNAME=b")),
            ("PLATFORMS", Some("")),
            ("VENDOR_STRING", Some("say \"a\\b\" twice")),
            ("VM_PLATFORMS", Some("PHYSICAL")),
        ];
        let key = "fx 2 uncounted FLOAT_OK HOSTID=\"HOSTNAME=a HOSTNAME=b\" PLATFORMS=\"\" \
                   VENDOR_STRING=\"say \\\"a\\\\b\\\" twice\" VM_PLATFORMS=PHYSICAL";
        assert_eq!(parts(key), expected.map(|(name, value)| (name.to_owned(), value.map(str::to_owned))));
        assert_eq!(parts("fx 2 X=\"open"), [("X".to_owned(), Some("open".to_owned()))]);
    }
}
