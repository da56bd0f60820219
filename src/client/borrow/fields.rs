//! The form of the files about borrows: a first line that says what it is, then `NAME=value` lines in a fixed order
//! (`grammar/borrow-record.md`).

use std::fmt::Write as _;
use std::iter::Peekable;
use std::str::FromStr as _;

use zeroize::Zeroizing;

use crate::ident::decode_hex;
use crate::time::Timestamp;

/// Appends one.
pub(super) fn put(text: &mut Zeroizing<String>, name: &str, value: &str) {
    let _ = writeln!(text, "{name}={}", escape(value));
}

/// What is still to be read of a file.
pub(super) struct Fields<'a> {
    rest: Peekable<Box<dyn Iterator<Item = (&'a str, &'a str)> + 'a>>,
}

impl<'a> Fields<'a> {
    /// Those behind a first line; none if the text begins with another one.
    pub(super) fn after(head: &str, text: &'a str) -> Option<Self> {
        let mut lines = text.lines();
        if lines.next() != Some(head) {
            return None;
        }
        let lines = lines.map(|line| line.split_once('=').unwrap_or((line, "")));
        let lines: Box<dyn Iterator<Item = _>> = Box::new(lines);
        Some(Self { rest: lines.peekable() })
    }

    /// The next one if it has this name.
    pub(super) fn next_if(&mut self, name: &str) -> Option<String> {
        self.rest.next_if(|(found, _)| *found == name).map(|(_, value)| unescape(value))
    }

    /// The next one, which must have this name.
    pub(super) fn text(&mut self, name: &str) -> Result<String, String> {
        self.next_if(name).ok_or_else(|| format!("{name} should stand where it does not"))
    }

    /// As [`Self::text`], for a value of some form.
    pub(super) fn value<T>(&mut self, name: &str, read: impl Fn(&str) -> Option<T>) -> Result<T, String> {
        read(&self.text(name)?).ok_or_else(|| format!("the value of {name} is not possible"))
    }

    /// Nothing may follow.
    pub(super) fn end(mut self) -> Result<(), String> {
        self.rest.next().map_or(Ok(()), |_| Err("something stands behind its end".to_owned()))
    }
}

/// A moment, as [`Timestamp`] prints it.
pub(super) fn instant(text: &str) -> Option<Timestamp> {
    jiff::Timestamp::from_str(text).ok().map(|instant| Timestamp(instant.as_millisecond()))
}

/// So many bytes in hexadecimal digits.
pub(super) fn bytes<const N: usize>(hex: &str) -> Option<[u8; N]> {
    decode_hex(hex).ok()?.try_into().ok()
}

fn escape(value: &str) -> String {
    value.replace('\\', "\\\\").replace('\n', "\\n")
}

/// The value of one line.
pub(super) fn unescape(value: &str) -> String {
    let mut characters = value.chars();
    let mut text = String::with_capacity(value.len());
    while let Some(character) = characters.next() {
        match character {
            '\\' => match characters.next() {
                Some('n') => text.push('\n'),
                Some(other) => text.push(other),
                None => {}
            },
            other => text.push(other),
        }
    }
    text
}
