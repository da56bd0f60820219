//! Fields: tag, length, value. Reading walks a borrowed slice; writing appends to the buffer that is sent.

use bytes::{BufMut, BytesMut};

use super::MessageError;
use super::limits::TEXT_BYTES_MAX;
use super::tag::CRITICAL;
use crate::ident::NameError;

/// A field as it was found.
#[derive(Debug, Clone, Copy)]
pub(super) struct Field<'a> {
    /// Its tag without the critical bit.
    pub(super) tag: u16,
    critical: bool,
    value: &'a [u8],
}

/// Walks the fields of a body.
#[derive(Debug)]
pub(super) struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    pub(super) const fn of(body: &'a [u8]) -> Self {
        Self { rest: body }
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<Field<'a>, MessageError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let [t0, t1, n0, n1, rest @ ..] = self.rest else {
            self.rest = &[];
            return Some(Err(MessageError::CutOff));
        };
        let length = usize::from(u16::from_be_bytes([*n0, *n1]));
        let Some((value, rest)) = rest.split_at_checked(length) else {
            self.rest = &[];
            return Some(Err(MessageError::CutOff));
        };
        self.rest = rest;
        let tag = u16::from_be_bytes([*t0, *t1]);
        Some(Ok(Field { tag: tag & !CRITICAL, critical: tag & CRITICAL != 0, value }))
    }
}

impl<'a> Field<'a> {
    /// Keeps the value of a field that may stand once.
    pub(super) fn once<T>(
        self,
        slot: &mut Option<T>,
        read: impl FnOnce(Self) -> Result<T, MessageError>,
    ) -> Result<(), MessageError> {
        if slot.is_some() {
            return Err(MessageError::TooOften(self.tag));
        }
        *slot = Some(read(self)?);
        Ok(())
    }

    /// Keeps the value of a field that may be repeated.
    pub(super) fn many<T>(
        self,
        list: &mut Vec<T>,
        max: usize,
        read: impl FnOnce(Self) -> Result<T, MessageError>,
    ) -> Result<(), MessageError> {
        if list.len() >= max {
            return Err(MessageError::TooOften(self.tag));
        }
        list.push(read(self)?);
        Ok(())
    }

    /// Passes over a field that is not known here, unless it must be understood.
    pub(super) const fn unknown(self) -> Result<(), MessageError> {
        if self.critical { Err(MessageError::UnknownCritical(self.tag)) } else { Ok(()) }
    }

    pub(super) const fn bad(self) -> MessageError {
        MessageError::BadValue(self.tag)
    }

    pub(super) fn bytes<const N: usize>(self) -> Result<[u8; N], MessageError> {
        self.value.try_into().map_err(|_| self.bad())
    }

    /// Any bytes, so many at most.
    pub(super) const fn at_most(self, max: usize) -> Result<&'a [u8], MessageError> {
        if self.value.len() <= max { Ok(self.value) } else { Err(self.bad()) }
    }

    pub(super) fn u8(self) -> Result<u8, MessageError> {
        self.bytes().map(u8::from_be_bytes)
    }

    pub(super) fn u16(self) -> Result<u16, MessageError> {
        self.bytes().map(u16::from_be_bytes)
    }

    pub(super) fn u32(self) -> Result<u32, MessageError> {
        self.bytes().map(u32::from_be_bytes)
    }

    pub(super) fn u64(self) -> Result<u64, MessageError> {
        self.bytes().map(u64::from_be_bytes)
    }

    pub(super) fn i32(self) -> Result<i32, MessageError> {
        self.bytes().map(i32::from_be_bytes)
    }

    pub(super) fn i64(self) -> Result<i64, MessageError> {
        self.bytes().map(i64::from_be_bytes)
    }

    /// A field that says something by being there.
    pub(super) const fn present(self) -> Result<(), MessageError> {
        if self.value.is_empty() { Ok(()) } else { Err(self.bad()) }
    }

    pub(super) fn str(self) -> Result<&'a str, MessageError> {
        std::str::from_utf8(self.value).map_err(|_| self.bad())
    }

    pub(super) fn string(self) -> Result<String, MessageError> {
        self.str().map(str::to_owned)
    }

    /// A name of the field.
    pub(super) fn name<T: std::str::FromStr<Err = NameError>>(self) -> Result<T, MessageError> {
        self.str()?.parse().map_err(|_| self.bad())
    }

    /// The value as fields of its own.
    pub(super) const fn fields(self) -> &'a [u8] {
        self.value
    }

    /// The value as a row of equally long parts.
    pub(super) fn row<const N: usize>(self, max: usize) -> Result<&'a [[u8; N]], MessageError> {
        let (parts, rest) = self.value.as_chunks::<N>();
        if rest.is_empty() && parts.len() <= max { Ok(parts) } else { Err(self.bad()) }
    }
}

/// Writing. Lengths that do not fit are noticed where the frame is closed.
pub(super) trait PutField {
    fn field(&mut self, tag: u16, value: &[u8]) -> Result<(), super::EncodeError>;
    fn field_text(&mut self, tag: u16, text: &str) -> Result<(), super::EncodeError>;
    fn field_u8(&mut self, tag: u16, value: u8);
    fn field_u16(&mut self, tag: u16, value: u16);
    fn field_u32(&mut self, tag: u16, value: u32);
    fn field_u64(&mut self, tag: u16, value: u64);
    fn field_i64(&mut self, tag: u16, value: i64);
    fn field_present(&mut self, tag: u16, is: bool);
}

impl PutField for BytesMut {
    fn field(&mut self, tag: u16, value: &[u8]) -> Result<(), super::EncodeError> {
        let length = u16::try_from(value.len()).map_err(|_| super::EncodeError { tag })?;
        self.put_u16(tag);
        self.put_u16(length);
        self.put_slice(value);
        Ok(())
    }

    /// Free text, cut to [`TEXT_BYTES_MAX`] at a character.
    fn field_text(&mut self, tag: u16, text: &str) -> Result<(), super::EncodeError> {
        self.field(tag, cut(text).as_bytes())
    }

    fn field_u8(&mut self, tag: u16, value: u8) {
        self.put_u32(u32::from(tag) << 16 | 1);
        self.put_u8(value);
    }

    fn field_u16(&mut self, tag: u16, value: u16) {
        self.put_u32(u32::from(tag) << 16 | 2);
        self.put_u16(value);
    }

    fn field_u32(&mut self, tag: u16, value: u32) {
        self.put_u32(u32::from(tag) << 16 | 4);
        self.put_u32(value);
    }

    fn field_u64(&mut self, tag: u16, value: u64) {
        self.put_u32(u32::from(tag) << 16 | 8);
        self.put_u64(value);
    }

    fn field_i64(&mut self, tag: u16, value: i64) {
        self.put_u32(u32::from(tag) << 16 | 8);
        self.put_i64(value);
    }

    fn field_present(&mut self, tag: u16, is: bool) {
        if is {
            self.put_u32(u32::from(tag) << 16);
        }
    }
}

fn cut(text: &str) -> &str {
    if text.len() <= TEXT_BYTES_MAX {
        return text;
    }
    let end = (0..=TEXT_BYTES_MAX).rev().find(|end| text.is_char_boundary(*end));
    end.and_then(|end| text.get(..end)).unwrap_or_default()
}
