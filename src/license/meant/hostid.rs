//! Hostids in the forms of other programs.

use std::net::IpAddr;

use super::digits_for_letters;
use crate::text::nearest;

/// Longer texts are no hostids that anybody mistyped.
const HOSTID_BYTES_MAX: usize = 64;

/// What a hostid of no known form probably means.
pub(in crate::license) fn unknown(text: &str) -> String {
    let general = "lmhostid prints 12 hex digits; other forms are ANY, HOSTNAME=name, INTERNET=address";
    if text.len() > HOSTID_BYTES_MAX {
        return general.to_owned();
    }
    if text.ends_with([',', ';']) {
        return "blanks separate hostids, not commas".to_owned();
    }
    if ["*", "all", "every", "none"].iter().any(|word| text.eq_ignore_ascii_case(word)) {
        return "did you mean ANY?".to_owned();
    }
    if text.parse::<IpAddr>().is_ok() {
        return format!("write INTERNET={text}");
    }
    if text.contains('.') && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
        return format!("an address is INTERNET=; {ADDRESS}");
    }
    if text.parse::<u16>().is_ok() {
        return "a port stands behind the hostid; write the hostid of the machine before it, or ANY"
            .to_owned();
    }
    let bare = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")).unwrap_or(text);
    let digits: String = bare.chars().filter(|c| !matches!(c, ':' | '-' | '.')).collect();
    if is_hex(&digits) && matches!(digits.len(), 8 | 12) && digits != text {
        return format!("write {digits}");
    }
    let meant = digits_for_letters(&digits);
    if is_hex(&meant) && matches!(meant.len(), 8 | 12) {
        return format!("did you mean {meant}?");
    }
    if is_hex(&digits) {
        return format!("a hostid has 12 hex digits, or 8; these are {}", digits.len());
    }
    let is_name =
        |label: &str| !label.is_empty() && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    if text.contains('.') && text.split('.').all(is_name) {
        return format!("write HOSTNAME={text} if it is the name of a host");
    }
    general.to_owned()
}

/// The kinds of hostids with a name, and other names for them.
const KINDS: [(&str, &str); 9] = [
    ("HOSTNAME", "HOSTNAME"),
    ("HOST", "HOSTNAME"),
    ("USER", "USER"),
    ("DISPLAY", "DISPLAY"),
    ("INTERNET", "INTERNET"),
    ("IP", "INTERNET"),
    ("DISK_SERIAL_NUM", "DISK_SERIAL_NUM"),
    ("VM_UUID", "VM_UUID"),
    ("COMPOSITE", "COMPOSITE"),
];

/// What a hostid of a kind that matches nothing probably means.
pub(in crate::license) fn opaque(text: &str) -> String {
    let general = "no machine can match it here; ask the publisher for a line with another hostid";
    let Some((name, value)) = text.split_once('=') else { return general.to_owned() };
    if text.len() > HOSTID_BYTES_MAX {
        return general.to_owned();
    }
    if ["HOSTID", "ETHER", "ETHERNET", "MAC"].iter().any(|kind| name.eq_ignore_ascii_case(kind)) {
        return format!("write the hostid alone: {value}");
    }
    let kind = |wanted: &str| {
        KINDS.iter().find(|(known, _)| known.eq_ignore_ascii_case(wanted)).map(|(_, kind)| kind)
    };
    let meant = kind(name).or_else(|| kind(nearest(name, KINDS.map(|(known, _)| known))?));
    match meant {
        Some(kind) if !kind.eq_ignore_ascii_case(name) => format!("did you mean {kind}={value}?"),
        _ => general.to_owned(),
    }
}

const ADDRESS: &str =
    "write four numbers up to 255 with points between them; * stands for any, as in 10.1.2.*";

/// What a hostid with a bad value probably means.
pub(in crate::license) fn address(text: &str) -> &'static str {
    match text.split_once('=') {
        Some((name, value)) if name.eq_ignore_ascii_case("INTERNET") && !value.is_empty() => ADDRESS,
        Some(_) => "write a value behind the equals sign",
        None => "write what lmhostid prints, or ANY",
    }
}

fn is_hex(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostids_of_other_forms_are_proposed_in_ours() {
        for (text, hint) in [
            ("0011aabbccd", "a hostid has 12 hex digits, or 8; these are 11"),
            ("OO11aabbccdd", "did you mean 0011aabbccdd?"),
            ("0x1700beef", "write 1700beef"),
            ("0011.aabb.ccdd", "write 0011aabbccdd"),
            ("00:11-aa:bb-cc:dd", "write 0011aabbccdd"),
            ("10.1.2.3", "write INTERNET=10.1.2.3"),
            ("27000", "a port stands behind the hostid; write the hostid of the machine before it, or ANY"),
            ("ALL", "did you mean ANY?"),
            ("ws01.example.org", "write HOSTNAME=ws01.example.org if it is the name of a host"),
            ("0011aabbccdd,", "blanks separate hostids, not commas"),
        ] {
            assert_eq!(unknown(text), hint, "{text}");
        }
        assert!(unknown("10.1.2.300").starts_with("an address is INTERNET=; "));
    }

    #[test]
    fn kinds_are_found_by_other_names() {
        assert_eq!(opaque("HOSTNAM=ws01"), "did you mean HOSTNAME=ws01?");
        assert_eq!(opaque("HOST=ws01"), "did you mean HOSTNAME=ws01?");
        assert_eq!(opaque("ip=10.1.2.3"), "did you mean INTERNET=10.1.2.3?");
        assert_eq!(opaque("HOSTID=0011aabbccdd"), "write the hostid alone: 0011aabbccdd");
        assert!(opaque("PTC_HOSTID=00-11-AA-BB-CC-DD").starts_with("no machine"));
        assert!(opaque("COMPOSITE=0123456789ab").starts_with("no machine"));
    }
}
