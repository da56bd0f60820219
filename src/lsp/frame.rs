//! Messages out of a stream of bytes. A header that can't be read ends the stream, as nobody knows where the next message
//! begins; a body that can't be read costs its own message.

use std::io::{self, BufRead, Read as _};

use lsp_server::{ErrorCode, Message};
use serde_json::Value;

/// Longest body of a message. An editor sends a whole document in one.
pub(super) const MESSAGE_BYTES_MAX: usize = 32 << 20;
const HEADER_BYTES_MAX: u64 = 4096;
const HEADERS_MAX: usize = 32;

/// What was read.
#[derive(Debug)]
pub(super) enum Frame {
    Message(Message),
    /// A body that is no message: the answer that it gets, and the id that it seems to have.
    Unreadable {
        id: Value,
        code: ErrorCode,
        why: String,
    },
}

/// The next message; none at the end of the stream.
pub(super) fn read(input: &mut impl BufRead) -> io::Result<Option<Frame>> {
    let Some(length) = length(input)? else { return Ok(None) };
    if length > MESSAGE_BYTES_MAX {
        return Err(bad(format!("a message has {length} bytes, more than {MESSAGE_BYTES_MAX}")));
    }
    // A length that is not kept costs no memory.
    let mut body = Vec::new();
    let expected = u64::try_from(length).unwrap_or(u64::MAX);
    if input.take(expected).read_to_end(&mut body)? < length {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(Some(message(&body)))
}

fn length(input: &mut impl BufRead) -> io::Result<Option<usize>> {
    let mut length = None;
    for number in 0..HEADERS_MAX {
        let mut line = Vec::new();
        input.take(HEADER_BYTES_MAX).read_until(b'\n', &mut line)?;
        if line.is_empty() && number == 0 {
            return Ok(None);
        }
        let Some(line) = line.strip_suffix(b"\n").and_then(|line| std::str::from_utf8(line).ok()) else {
            return Err(bad("a header line is not closed, or is no text".to_owned()));
        };
        let line = line.trim();
        if line.is_empty() {
            return length.map(Some).ok_or_else(|| bad("a message has no Content-Length".to_owned()));
        }
        let Some((name, value)) = line.split_once(':') else {
            return Err(bad(format!("{:?} is no header", line.chars().take(40).collect::<String>())));
        };
        if name.eq_ignore_ascii_case("Content-Length") {
            let value = value.trim().parse::<usize>();
            length = Some(value.map_err(|_| bad("Content-Length is not a number".to_owned()))?);
        }
    }
    Err(bad(format!("a message has more than {HEADERS_MAX} headers")))
}

fn bad(why: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

fn message(body: &[u8]) -> Frame {
    let value: Value = match serde_json::from_slice(body) {
        Ok(value) => value,
        Err(error) => {
            let why = format!("the message is not JSON: {error}");
            return Frame::Unreadable { id: Value::Null, code: ErrorCode::ParseError, why };
        }
    };
    let id = value.get("id").cloned().unwrap_or(Value::Null);
    match serde_json::from_value(value) {
        // A request whose id is of another kind looks like a notification.
        Ok(Message::Notification(_)) if !id.is_null() => {
            let why = "an id is a number of 32 bits or a text".to_owned();
            Frame::Unreadable { id, code: ErrorCode::InvalidRequest, why }
        }
        Ok(message) => Frame::Message(message),
        Err(_) => {
            let why = "this is no message of the language server protocol".to_owned();
            Frame::Unreadable { id, code: ErrorCode::InvalidRequest, why }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn framed(body: &str) -> Vec<u8> {
        format!("Content-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
    }

    #[test]
    fn messages_come_one_after_the_other() {
        let mut bytes = framed(r#"{"jsonrpc":"2.0","id":1,"method":"shutdown"}"#);
        bytes.extend(framed("{"));
        bytes.extend(framed(r#"{"jsonrpc":"2.0","id":{},"method":"x"}"#));
        bytes.extend(framed("[]"));
        bytes.extend(
            b"content-length: 33\r\nContent-Type: x\r\n\r\n{\"jsonrpc\":\"2.0\",\"method\":\"exit\"}",
        );
        let mut input = bytes.as_slice();
        let mut next = || read(&mut input).unwrap();
        assert!(matches!(next(), Some(Frame::Message(Message::Request(_)))));
        let codes = [ErrorCode::ParseError, ErrorCode::InvalidRequest, ErrorCode::InvalidRequest];
        for expected in codes {
            let Some(Frame::Unreadable { code, .. }) = next() else { panic!("{expected:?}") };
            assert_eq!(code as i32, expected as i32);
        }
        assert!(matches!(next(), Some(Frame::Message(Message::Notification(_)))));
        assert!(next().is_none());
    }

    #[test]
    fn what_is_no_header_ends_the_stream() {
        let long = format!("X: {}\r\n\r\n", "y".repeat(10_000));
        let many = "A: b\r\n".repeat(100);
        let huge = format!("Content-Length: {}\r\n\r\n", u64::MAX);
        let cut = "Content-Length: 10\r\n\r\n{}".to_owned();
        for text in [
            "hello\r\n\r\n".to_owned(),
            "\r\n".to_owned(),
            "Content-Length: x\r\n\r\n".to_owned(),
            long,
            many,
            huge,
            cut,
        ] {
            assert!(read(&mut text.as_bytes()).is_err(), "{text:.60}");
        }
    }
}
