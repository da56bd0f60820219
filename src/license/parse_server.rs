//! SERVER and VENDOR lines (`flexnet-files.md` 1.2 and 1.3).

use std::borrow::Cow;

use super::file::{LineKind, ServerLine, VendorLine};
use super::finding;
use super::hostid::HostId;
use super::meant;
use super::parse::{Reader, Token};
use crate::ident::VendorName;
use crate::text::{Span, nearest, shown};

/// Production `server-line`, behind its keyword.
pub(super) fn server<'a>(reader: &mut Reader<'a>, whole: Span, words: &[Token<'a>]) -> LineKind {
    let [host, hostid, options @ ..] = words else {
        let what = if words.is_empty() { "host" } else { "hostid" };
        reader
            .report(
                finding::SERVER_FIELD_MISSING,
                Span::new(whole.end, whole.end),
                format!("{what} is missing"),
            )
            .help("write SERVER host hostid [port]; the hostid is what lmhostid prints, or ANY");
        return LineKind::Invalid;
    };
    let errors = reader.errors();
    if reader.report_no_break_spaces(words) {
        return LineKind::Invalid;
    }
    let (host_span, hostid_span) = (host.span, hostid.span);
    let host = reader.word(*host);
    let id = reader.word(*hostid).and_then(|text| one_hostid(reader, &text, hostid.span));
    if id == Some(HostId::Demo) {
        reader
            .report(finding::SERVER_DEMO, hostid.span, "DEMO is for uncounted feature lines only")
            .help("write ANY, or the hostid of the machine");
    }
    let (Some(host), Some(hostid)) = (host, id) else { return LineKind::Invalid };
    if let Some((bare, port)) = host_and_port(&host) {
        let message = format!("{} is taken for the name of a host", shown(&host));
        let help = format!("the port comes behind the hostid: write SERVER {bare} {hostid} {port}");
        reader.report(finding::SERVER_HOST, host_span, message).help(help);
    }
    let mut line = ServerLine {
        host: host.into_owned(),
        hostid,
        port: None,
        primary_is_master: false,
        heartbeat_interval_s: None,
        plat: None,
        hostid_span,
        span: whole,
    };
    for option in options {
        server_option(reader, &mut line, *option);
    }
    if reader.errors() > errors { LineKind::Invalid } else { LineKind::Server(line) }
}

/// Host and port that were written together, as clients name servers: `27000@host` or `host:27000`.
fn host_and_port(text: &str) -> Option<(&str, u16)> {
    let (host, digits) = match text.split_once('@') {
        Some((digits, host)) => (host, digits),
        // An address of IPv6 has more colons.
        None => text.split_once(':').filter(|(_, behind)| !behind.contains(':'))?,
    };
    port(digits).filter(|_| !host.is_empty() && !digits.is_empty()).map(|port| (host, port))
}

/// The options of production `server-line`; their names are taken in any case.
fn server_option<'a>(reader: &mut Reader<'a>, line: &mut ServerLine, token: Token<'a>) {
    let (name, value) = match token.raw.split_once('=') {
        Some((name, value)) => (name, Some(value)),
        None => (token.raw, None),
    };
    let is = |keyword: &str| name.eq_ignore_ascii_case(keyword);
    let fresh = match value {
        None if name.bytes().all(|byte| byte.is_ascii_digit()) => {
            let Some(port) = port(name) else {
                reader
                    .report(
                        finding::SERVER_VALUE,
                        token.span,
                        format!("port {} is not from 1 to 65535", shown(name)),
                    )
                    .help("leave it out for the first free port of 27000 to 27009");
                return;
            };
            line.port.replace(port).is_none()
        }
        None if is("PRIMARY_IS_MASTER") => !std::mem::replace(&mut line.primary_is_master, true),
        Some(value) if is("HEARTBEAT_INTERVAL") || is("SERVER_TIMEOUT") => {
            let Some(seconds) = number(value).filter(|seconds| *seconds <= HEARTBEAT_INTERVAL_S_MAX) else {
                reader
                    .report(
                        finding::SERVER_VALUE,
                        token.span,
                        format!(
                            "{} is not a number of seconds up to {HEARTBEAT_INTERVAL_S_MAX}",
                            shown(value)
                        ),
                    )
                    .help(format!("write {name}=20"));
                return;
            };
            line.heartbeat_interval_s.replace(seconds).is_none()
        }
        Some(value) if is("PLAT") || is("PLATE") => {
            let Some(mask) = number(value).filter(|mask| *mask <= 7) else {
                reader
                    .report(
                        finding::SERVER_VALUE,
                        token.span,
                        format!("{} is not a number up to 7", shown(value)),
                    )
                    .help("write the sum of 1 for physical, 2 for virtual and 4 for containers");
                return;
            };
            line.plat.replace(mask).is_none()
        }
        _ => {
            let found =
                reader.report(finding::SERVER_WORD, token.span, format!("unexpected {}", shown(token.raw)));
            let known = ["PRIMARY_IS_MASTER", "HEARTBEAT_INTERVAL", "SERVER_TIMEOUT", "PLAT"];
            found.help(match (nearest(name, known), meant::port(token.raw)) {
                (Some(meant), _) => format!("did you mean {meant}?"),
                (None, Some(port)) => format!("write the port alone: {port}"),
                (None, None) => "a port stands behind the hostid; a comment begins with #".to_owned(),
            });
            return;
        }
    };
    if !fresh {
        reader
            .report(finding::SERVER_TWICE, token.span, format!("{} stands twice", shown(token.raw)))
            .help("remove one of them");
    }
}

/// Range of HEARTBEAT_INTERVAL (`flexnet-files.md` 1.2).
const HEARTBEAT_INTERVAL_S_MAX: u32 = 120;

fn number(text: &str) -> Option<u32> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) { text.parse().ok() } else { None }
}

/// Production `port`: 1 to 65535 (`flexnet-files.md` 7, port range).
fn port(text: &str) -> Option<u16> {
    number(text).and_then(|port| u16::try_from(port).ok()).filter(|port| *port > 0)
}

/// A hostid, with what is to be said of it.
pub(super) fn one_hostid(reader: &mut Reader<'_>, text: &str, span: Span) -> Option<HostId> {
    let hostid = match HostId::parse(text) {
        Ok(hostid) => hostid,
        Err(error) => {
            reader.report(finding::HOSTID, span, error.to_string()).help(meant::address(text));
            return None;
        }
    };
    if let HostId::Other(other) = &hostid {
        match unknown_form(other) {
            None => {
                let message = format!("hostid {} is of a kind that matches nothing here", shown(other));
                reader.report(finding::HOSTID_OPAQUE, span, message).help(meant::opaque(other));
            }
            Some(help) => {
                let message = format!("hostid {} is of no known form", shown(other));
                reader.report(finding::HOSTID_UNKNOWN, span, message).help(help);
            }
        }
    }
    Some(hostid)
}

/// What form was expected of a hostid that nothing is known of; none if it is of a publisher's own kind.
fn unknown_form(text: &str) -> Option<Cow<'static, str>> {
    let is_hex = |text: &str, length| text.len() == length && text.bytes().all(|b| b.is_ascii_hexdigit());
    match text.split_once('=') {
        Some((name, value)) if name.eq_ignore_ascii_case("COMPOSITE") => {
            (!is_hex(value, 12)).then_some("COMPOSITE= takes 12 hex digits".into())
        }
        Some((name, _)) if name.eq_ignore_ascii_case("VM_UUID") => {
            Some("VM_UUID= takes 32 hex digits, with or without the dashes of a UUID".into())
        }
        Some((name, value)) if name.eq_ignore_ascii_case("FLEXID") => (!is_dongle(value))
            .then_some("FLEXID= takes a type digit, a dash and a serial number of hex digits".into()),
        Some(_) => None,
        None if is_dongle(text) => None,
        None => Some(meant::unknown(text).into()),
    }
}

/// `7-1a2b3c4d`: a type digit, a dash, a serial number.
fn is_dongle(text: &str) -> bool {
    text.split_once('-').is_some_and(|(kind, serial)| {
        kind.len() == 1
            && kind.bytes().all(|b| b.is_ascii_digit())
            && !serial.is_empty()
            && serial.bytes().all(|b| b.is_ascii_hexdigit())
    })
}

/// Production `vendor-line`, behind its keyword: named words in any order, the others are path, options file and port, and
/// a bare number in the last place is the port (`flexnet-files.md` 1.3, DECISION).
pub(super) fn vendor<'a>(reader: &mut Reader<'a>, whole: Span, words: &[Token<'a>]) -> LineKind {
    let Some((first, rest)) = words.split_first() else {
        reader
            .report(finding::VENDOR_NAME, Span::new(whole.end, whole.end), "the vendor's name is missing")
            .help("write VENDOR name [path] [OPTIONS=file] [PORT=port]");
        return LineKind::Invalid;
    };
    let errors = reader.errors();
    let name = reader.word(*first).and_then(|text| match VendorName::parse(&text) {
        Ok(name) => Some(name),
        Err(error) => {
            reader
                .report(finding::VENDOR_NAME, first.span, error.to_string())
                .help("write VENDOR name [path] [OPTIONS=file] [PORT=port]");
            None
        }
    });
    let Some(name) = name else { return LineKind::Invalid };
    let mut line = VendorLine { name, path: None, options: None, port: None, span: whole };
    let mut places = vec![];
    for (index, token) in rest.iter().enumerate() {
        if let Some((key, value)) = named(token.raw) {
            vendor_option(reader, &mut line, *token, key, value);
        } else if let Some(word) = reader.word(*token) {
            let is_port = index + 1 == rest.len() && word.bytes().all(|byte| byte.is_ascii_digit());
            places.push((token, word, is_port));
        }
    }
    report_cut_path(reader, &places);
    for (token, word, is_port) in places {
        let fresh = if is_port {
            set_port(reader, &mut line, *token, &word)
        } else if line.path.is_none() {
            line.path = Some(word.into_owned());
            true
        } else if line.options.is_none() {
            line.options = Some(word.into_owned());
            true
        } else {
            false
        };
        if !fresh {
            reader
                .report(finding::VENDOR_TWICE, token.span, format!("unexpected {}", shown(token.raw)))
                .help("path, options file and port are already named; a path with blanks needs quotes");
        }
    }
    if reader.errors() > errors { LineKind::Invalid } else { LineKind::Vendor(line) }
}

/// A path and an options file of which the second looks like the rest of the first, cut at a blank.
fn report_cut_path(reader: &mut Reader<'_>, places: &[(&Token<'_>, Cow<'_, str>, bool)]) {
    // More words than that are an error by themselves.
    let ([(first, path, false), (second, rest, false)]
    | [(first, path, false), (second, rest, false), (.., true)]) = places
    else {
        return;
    };
    let is_separator = |c: char| matches!(c, '/' | '\\');
    let has_drive = |text: &str| text.as_bytes().get(1) == Some(&b':');
    let is_whole = |text: &str| text.starts_with(|c| is_separator(c) || c == '.') || has_drive(text);
    let is_options = rest.to_ascii_lowercase().ends_with(".opt");
    if [first, second].into_iter().any(|token| token.raw.starts_with('"'))
        || !is_whole(path)
        || is_whole(rest)
        || is_options
        || !rest.contains(is_separator)
    {
        return;
    }
    let span = Span::new(first.span.start, second.span.end);
    let message = format!("{} is taken for the options file", shown(rest));
    reader.report(finding::VENDOR_PATH, span, message).help(match path.len() + rest.len() {
        ..PROPOSED_BYTES_MAX => format!("a path with blanks needs quotes: \"{path} {rest}\""),
        _ => "a path with blanks needs quotes".to_owned(),
    });
}

/// What a hint proposes is not longer than this.
const PROPOSED_BYTES_MAX: usize = 200;

/// `name=value` where the name consists of letters, so that a path with `=` in it is a path.
fn named(raw: &str) -> Option<(&str, &str)> {
    raw.split_once('=')
        .filter(|(name, _)| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphabetic()))
}

fn vendor_option<'a>(
    reader: &mut Reader<'a>,
    line: &mut VendorLine,
    token: Token<'a>,
    name: &str,
    value: &'a str,
) {
    let fresh = if name.eq_ignore_ascii_case("OPTIONS") {
        let Some(path) = reader.value(token, value) else { return };
        line.options.replace(path.into_owned()).is_none()
    } else if name.eq_ignore_ascii_case("PORT") {
        let Some(port) = reader.value(token, value) else { return };
        set_port(reader, line, token, &port)
    } else {
        let found =
            reader.report(finding::VENDOR_WORD, token.span, format!("unexpected {}", shown(token.raw)));
        found.help(match nearest(name, ["OPTIONS", "PORT"]) {
            Some(meant) => format!("did you mean {meant}=?"),
            None => "write VENDOR name [path] [OPTIONS=file] [PORT=port]".to_owned(),
        });
        return;
    };
    if !fresh {
        reader
            .report(finding::VENDOR_TWICE, token.span, format!("{name}= stands twice"))
            .help("remove one of them");
    }
}

/// False if there is a port already.
fn set_port(reader: &mut Reader<'_>, line: &mut VendorLine, token: Token<'_>, text: &str) -> bool {
    match port(text) {
        Some(port) => line.port.replace(port).is_none(),
        None => {
            reader
                .report(
                    finding::VENDOR_PORT,
                    token.span,
                    format!("port {} is not from 1 to 65535", shown(text)),
                )
                .help("leave it out for a port that the system chooses");
            true
        }
    }
}
