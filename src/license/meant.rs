//! What was probably meant by a text that is wrong: hints, never readings. A line with a mistake stays a line with a
//! mistake, as nobody but the publisher knows what it should say.

mod date;
mod field;
mod hostid;

pub(super) use date::{attribute_date, expiry};
pub(super) use field::{Missing, are_fields, count, missing_field, version};
pub(super) use hostid::{address, opaque, unknown};

/// Letters that are typed or read in the place of digits.
fn digits_for_letters(text: &str) -> String {
    text.chars()
        .map(|letter| match letter {
            'O' | 'o' => '0',
            'l' | 'I' => '1',
            other => other,
        })
        .collect()
}

/// A port that is written in another way: its digits alone.
pub(super) fn port(text: &str) -> Option<String> {
    let bare = text.rsplit([':', '=', '-', '@']).next().unwrap_or(text);
    let digits = digits_for_letters(bare);
    digits.parse::<u16>().ok().filter(|port| *port > 0 && digits != text).map(|port| port.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_found_in_what_stands_about_them() {
        for (text, meant) in [
            ("PORT=27000", Some("27000")),
            (":27000", Some("27000")),
            ("TCP:27000", Some("27000")),
            ("27O00", Some("27000")),
            ("-27000", Some("27000")),
            ("27000", None),
            ("main", None),
            ("TCP:0", None),
        ] {
            assert_eq!(port(text).as_deref(), meant, "{text}");
        }
    }
}
