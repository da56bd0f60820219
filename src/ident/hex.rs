//! Bytes as lower-case hexadecimal digits.

use thiserror::Error;

/// Why a text is not a row of hexadecimal bytes.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("expected an even number of hexadecimal digits")]
pub struct HexError;

/// Prints bytes as lower-case hexadecimal digits, two for each byte.
#[must_use]
pub fn encode_hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        for nibble in [byte >> 4, byte & 15] {
            text.push(char::from(if nibble < 10 { b'0' + nibble } else { b'a' + nibble - 10 }));
        }
    }
    text
}

/// Reads hexadecimal digits of either case.
///
/// # Errors
/// [`HexError`] when a character is not a hexadecimal digit or their number is odd.
pub fn decode_hex(text: &str) -> Result<Vec<u8>, HexError> {
    fn nibble(byte: u8) -> Result<u8, HexError> {
        match byte {
            b'0'..=b'9' => Ok(byte - b'0'),
            b'a'..=b'f' => Ok(byte - b'a' + 10),
            b'A'..=b'F' => Ok(byte - b'A' + 10),
            _ => Err(HexError),
        }
    }
    let mut bytes = Vec::with_capacity(text.len() / 2);
    let mut rest = text.as_bytes();
    while let [high, low, tail @ ..] = rest {
        bytes.push(nibble(*high)? << 4 | nibble(*low)?);
        rest = tail;
    }
    if rest.is_empty() { Ok(bytes) } else { Err(HexError) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_and_reads_back() {
        let bytes: Vec<u8> = (0..=255).collect();
        assert_eq!(decode_hex(&encode_hex(&bytes)), Ok(bytes));
        assert_eq!(decode_hex("0AfF"), Ok(vec![10, 255]));
        assert_eq!(decode_hex("0"), Err(HexError));
        assert_eq!(decode_hex("0g"), Err(HexError));
    }
}
