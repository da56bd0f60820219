//! The primitive forms. Numbers are little-endian base 128 with a continuation bit (LEB128), signed ones zigzagged.

use super::CodecError;

/// Appends values to a buffer.
#[derive(Debug, Clone, Default)]
pub struct Writer(Vec<u8>);

impl Writer {
    /// An empty buffer.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A buffer with space for `bytes`.
    #[must_use]
    pub fn with_capacity(bytes: usize) -> Self {
        Self(Vec::with_capacity(bytes))
    }

    /// One byte as it is.
    pub fn byte(&mut self, value: u8) {
        self.0.push(value);
    }

    /// A number in 1 to 10 bytes.
    pub fn u64(&mut self, mut value: u64) {
        while let Some(low) = u8::try_from(value & 0x7f).ok().filter(|_| value > 0x7f) {
            self.0.push(low | 0x80);
            value >>= 7;
        }
        self.0.push(u8::try_from(value).unwrap_or(0x7f));
    }

    /// A number in 1 to 5 bytes.
    pub fn u32(&mut self, value: u32) {
        self.u64(u64::from(value));
    }

    /// A signed number in 1 to 10 bytes; small magnitudes are short.
    pub fn i64(&mut self, value: i64) {
        self.u64((value << 1).cast_unsigned() ^ (value >> 63).cast_unsigned());
    }

    /// How many elements follow.
    pub fn count(&mut self, elements: usize) {
        self.u64(u64::try_from(elements).unwrap_or(u64::MAX));
    }

    /// Bytes of a length that the reader knows.
    pub fn fixed(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    /// Bytes with their length before them.
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.count(bytes.len());
        self.fixed(bytes);
    }

    /// A text with its length in bytes before it.
    pub fn str(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    /// How many bytes there are so far.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether nothing was written yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Forgets what was written and keeps the space.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// What was written.
    #[must_use]
    pub fn as_slice(&self) -> &[u8] {
        &self.0
    }

    /// The buffer.
    #[must_use]
    pub fn into_vec(self) -> Vec<u8> {
        self.0
    }
}

/// Reads values from bytes that may be anything; it never panics and never allocates more than the bytes it was given.
#[derive(Debug, Clone)]
pub struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// Reads from the start of `bytes`.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// One byte.
    ///
    /// # Errors
    /// [`CodecError::Truncated`] at the end, as all methods of this type; `what` names the value for the message.
    pub fn byte(&mut self, what: &'static str) -> Result<u8, CodecError> {
        let (&first, rest) = self.0.split_first().ok_or(CodecError::Truncated { what })?;
        self.0 = rest;
        Ok(first)
    }

    /// A number.
    ///
    /// # Errors
    /// [`CodecError::OutOfRange`] when it has more than 64 bits.
    pub fn u64(&mut self, what: &'static str) -> Result<u64, CodecError> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte(what)?;
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 {
                return Err(CodecError::OutOfRange { what });
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(CodecError::OutOfRange { what })
    }

    /// A number of at most 32 bits.
    ///
    /// # Errors
    /// [`CodecError::OutOfRange`] when it has more.
    pub fn u32(&mut self, what: &'static str) -> Result<u32, CodecError> {
        u32::try_from(self.u64(what)?).map_err(|_| CodecError::OutOfRange { what })
    }

    /// A signed number.
    ///
    /// # Errors
    /// [`CodecError::OutOfRange`] when it has more than 64 bits.
    pub fn i64(&mut self, what: &'static str) -> Result<i64, CodecError> {
        let value = self.u64(what)?;
        Ok((value >> 1).cast_signed() ^ -(value & 1).cast_signed())
    }

    /// How many elements follow, each of at least one byte: never more than the bytes that are left.
    ///
    /// # Errors
    /// [`CodecError::Truncated`] when there can't be so many.
    pub fn count(&mut self, what: &'static str) -> Result<usize, CodecError> {
        let count = self.u64(what)?;
        match usize::try_from(count) {
            Ok(count) if count <= self.0.len() => Ok(count),
            _ => Err(CodecError::Truncated { what }),
        }
    }

    /// Exactly `N` bytes.
    ///
    /// # Errors
    /// [`CodecError::Truncated`] when there are fewer.
    pub fn fixed<const N: usize>(&mut self, what: &'static str) -> Result<[u8; N], CodecError> {
        let (first, rest) = self.0.split_first_chunk().ok_or(CodecError::Truncated { what })?;
        self.0 = rest;
        Ok(*first)
    }

    /// Bytes with their length before them.
    ///
    /// # Errors
    /// [`CodecError::Truncated`] when there are fewer.
    pub fn bytes(&mut self, what: &'static str) -> Result<&'a [u8], CodecError> {
        let length = self.count(what)?;
        let (first, rest) = self.0.split_at_checked(length).ok_or(CodecError::Truncated { what })?;
        self.0 = rest;
        Ok(first)
    }

    /// A text with its length before it.
    ///
    /// # Errors
    /// [`CodecError::NotUtf8`] when it is not one.
    pub fn str(&mut self, what: &'static str) -> Result<&'a str, CodecError> {
        std::str::from_utf8(self.bytes(what)?).map_err(|_| CodecError::NotUtf8 { what })
    }

    /// Ends reading.
    ///
    /// # Errors
    /// [`CodecError::LeftOver`] when bytes are left.
    pub fn end(&self, what: &'static str) -> Result<(), CodecError> {
        match self.0.len() {
            0 => Ok(()),
            bytes => Err(CodecError::LeftOver { what, bytes }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_back_at_every_length() {
        for bits in 0..64 {
            for value in [1_u64 << bits, (1 << bits) - 1, !0 >> bits] {
                let mut out = Writer::new();
                out.u64(value);
                out.i64(value.cast_signed());
                let mut from = Reader::new(out.as_slice());
                assert_eq!(from.u64("n"), Ok(value));
                assert_eq!(from.i64("n"), Ok(value.cast_signed()));
                from.end("n").unwrap();
            }
        }
    }

    #[test]
    fn numbers_have_at_most_64_bits() {
        let too_long = [0xff; 11];
        assert_eq!(Reader::new(&too_long).u64("n"), Err(CodecError::OutOfRange { what: "n" }));
        let mut too_big = [0xff; 10];
        too_big[9] = 2;
        assert_eq!(Reader::new(&too_big).u64("n"), Err(CodecError::OutOfRange { what: "n" }));
        assert_eq!(
            Reader::new(&[0xff, 0xff, 0xff, 0xff, 0x7f]).u32("n"),
            Err(CodecError::OutOfRange { what: "n" })
        );
    }

    #[test]
    fn lengths_never_exceed_what_is_there() {
        let mut out = Writer::new();
        out.u64(1 << 60);
        out.fixed(b"abc");
        assert_eq!(Reader::new(out.as_slice()).bytes("b"), Err(CodecError::Truncated { what: "b" }));
        assert_eq!(Reader::new(out.as_slice()).count("b"), Err(CodecError::Truncated { what: "b" }));
        assert_eq!(Reader::new(&[2, b'a']).str("t"), Err(CodecError::Truncated { what: "t" }));
        assert_eq!(Reader::new(&[1, 0xff]).str("t"), Err(CodecError::NotUtf8 { what: "t" }));
        assert_eq!(Reader::new(&[1, b'a', 9]).end("t"), Err(CodecError::LeftOver { what: "t", bytes: 3 }));
    }
}
