//! Hostids: which machine, user or address a line is for (`flexnet-files.md` 1.8).

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

use thiserror::Error;

use crate::event::Identity;
use crate::ident::{decode_hex, encode_hex};

/// A machine, user, display or address that a license is bound to. Its `Display` is the canonical text: equal hostids
/// print alike however they were written.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HostId {
    /// An Ethernet address; prints as 12 lower-case hex digits.
    Ethernet([u8; 6]),
    /// A 32-bit system id; prints as 8 lower-case hex digits.
    Long(u32),
    /// `ANY`: every machine.
    Any,
    /// `DEMO`: every machine, on uncounted feature lines only.
    Demo,
    /// `HOSTNAME=`: host name, simple or fully qualified.
    HostName(String),
    /// `USER=`: login name.
    User(String),
    /// `DISPLAY=`: terminal or X display.
    Display(String),
    /// `INTERNET=`: IP address, `*` for any octet.
    Internet(InternetPattern),
    /// `ID=`: any machine; identifies the customer. Kept without dashes.
    Id(String),
    /// `DISK_SERIAL_NUM=`: serial number of a disk or volume. Kept in lower case and without dashes.
    DiskSerial(String),
    /// `VM_UUID=`: UUID of a virtual machine; prints in lower case with the usual dashes.
    VmUuid([u8; 16]),
    /// `CONTAINER_ID=`: id of a container. Kept in lower case.
    ContainerId(String),
    /// Any other form, kept as written (`COMPOSITE=`, `FLEXID=`, a publisher's own); matches nothing here.
    Other(String),
}

/// An IP address in which any octet (or group, for IPv6) may be left open.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum InternetPattern {
    /// Four octets; none stands for `*`.
    V4([Option<u8>; 4]),
    /// Eight groups; none stands for `*`.
    V6([Option<u16>; 8]),
}

/// Why a text is not a hostid.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum HostIdError {
    /// Nothing stands there, or nothing behind `=`.
    #[error("hostid {0:?} is empty")]
    Empty(String),
    /// A blank or a control character.
    #[error("hostid {text:?} contains the character {found:?}")]
    BadCharacter {
        /// What stood there, cut to 60 characters.
        text: String,
        /// The character.
        found: char,
    },
    /// `INTERNET=` with something that is not an address pattern.
    #[error("{0:?} is not an IP address; an octet may be *")]
    BadAddress(String),
}

impl HostId {
    /// Reads production `hostid`. Keywords are taken in any case.
    ///
    /// # Errors
    /// [`HostIdError`] for empty texts, blanks, and addresses that are none. An unknown form is [`HostId::Other`].
    pub fn parse(text: &str) -> Result<Self, HostIdError> {
        let cut = || text.chars().take(60).collect::<String>();
        if text.is_empty() {
            return Err(HostIdError::Empty(String::new()));
        }
        if let Some(found) = text.chars().find(|c| c.is_whitespace() || c.is_control() || *c == '"') {
            return Err(HostIdError::BadCharacter { text: cut(), found });
        }
        let Some((name, value)) = text.split_once('=') else {
            return Ok(Self::parse_bare(text));
        };
        if value.is_empty() {
            return Err(HostIdError::Empty(cut()));
        }
        let is = |keyword: &str| name.eq_ignore_ascii_case(keyword);
        Ok(if is("HOSTNAME") {
            Self::HostName(value.to_owned())
        } else if is("USER") {
            Self::User(value.to_owned())
        } else if is("DISPLAY") {
            Self::Display(value.to_owned())
        } else if is("ID") {
            Self::Id(without_dashes(value).ok_or_else(|| HostIdError::Empty(cut()))?)
        } else if is("DISK_SERIAL_NUM") {
            let serial = without_dashes(value).ok_or_else(|| HostIdError::Empty(cut()))?;
            Self::DiskSerial(serial.to_ascii_lowercase())
        } else if is("CONTAINER_ID") {
            Self::ContainerId(value.to_ascii_lowercase())
        } else if is("VM_UUID")
            && let Some(uuid) = parse_uuid(value)
        {
            Self::VmUuid(uuid)
        } else if is("INTERNET") {
            Self::Internet(
                InternetPattern::parse(value)
                    .ok_or_else(|| HostIdError::BadAddress(value.chars().take(60).collect()))?,
            )
        } else {
            Self::Other(text.to_owned())
        })
    }

    fn parse_bare(text: &str) -> Self {
        if text.eq_ignore_ascii_case("ANY") {
            return Self::Any;
        }
        if text.eq_ignore_ascii_case("DEMO") {
            return Self::Demo;
        }
        if let Some(address) = parse_ethernet(text) {
            return Self::Ethernet(address);
        }
        if text.len() == 8
            && text.bytes().all(|b| b.is_ascii_hexdigit())
            && let Ok(id) = u32::from_str_radix(text, 16)
        {
            return Self::Long(id);
        }
        Self::Other(text.to_owned())
    }

    /// Whether a client satisfies it. What a client says of itself is a claim; `INTERNET=` is judged by the socket's
    /// address.
    #[must_use]
    pub fn matches(&self, client: &Identity) -> bool {
        match self {
            Self::Any | Self::Demo | Self::Id(_) => true,
            Self::Ethernet(_)
            | Self::Long(_)
            | Self::DiskSerial(_)
            | Self::VmUuid(_)
            | Self::ContainerId(_) => {
                client.hostids.iter().any(|claim| Self::parse(claim.as_str()).as_ref() == Ok(self))
            }
            Self::HostName(name) => same_host(name, client.host.as_str()),
            Self::User(name) => name == client.user.as_str(),
            Self::Display(name) => name == client.display.as_str(),
            Self::Internet(pattern) => pattern.matches(client.address()),
            Self::Other(_) => false,
        }
    }

    /// Whether a machine with these hostids satisfies it, as a SERVER line asks. `DEMO` is not for servers.
    #[must_use]
    pub fn matches_machine(&self, machine: &[Self]) -> bool {
        match self {
            Self::Any | Self::Id(_) => true,
            Self::Demo | Self::Other(_) => false,
            Self::HostName(name) => {
                machine.iter().any(|own| matches!(own, Self::HostName(own) if same_host(name, own)))
            }
            Self::Internet(pattern) => machine.iter().any(
                |own| matches!(own, Self::Internet(own) if own.address().is_some_and(|a| pattern.matches(a))),
            ),
            Self::Ethernet(_)
            | Self::Long(_)
            | Self::User(_)
            | Self::Display(_)
            | Self::DiskSerial(_)
            | Self::VmUuid(_)
            | Self::ContainerId(_) => machine.contains(self),
        }
    }
}

/// Host names are equal without regard to case; a simple name equals the first label of a qualified one.
fn same_host(one: &str, other: &str) -> bool {
    let label = |name: &str| name.split('.').next().unwrap_or_default().to_owned();
    if one.contains('.') && other.contains('.') {
        one.trim_end_matches('.').eq_ignore_ascii_case(other.trim_end_matches('.'))
    } else {
        label(one).eq_ignore_ascii_case(&label(other))
    }
}

/// Dashes are of no account in some values; none if nothing else is there.
fn without_dashes(value: &str) -> Option<String> {
    let kept: String = value.chars().filter(|c| *c != '-').collect();
    (!kept.is_empty()).then_some(kept)
}

/// Production `uuid`: 32 hex digits, plain or with the usual four dashes.
fn parse_uuid(text: &str) -> Option<[u8; 16]> {
    let mut plain = String::with_capacity(32);
    for (index, character) in text.char_indices() {
        match character {
            '-' if text.len() == 36 && matches!(index, 8 | 13 | 18 | 23) => {}
            digit => plain.push(digit),
        }
    }
    decode_hex(&plain).ok()?.try_into().ok()
}

/// Production `ethernet`: 12 hex digits, plain or in pairs with `:` or `-` between them.
fn parse_ethernet(text: &str) -> Option<[u8; 6]> {
    let plain: String = match text.len() {
        12 => text.to_owned(),
        17 => {
            let separator = if text.contains(':') { ':' } else { '-' };
            let pairs: Vec<&str> = text.split(separator).collect();
            if pairs.len() != 6 || pairs.iter().any(|pair| pair.len() != 2) {
                return None;
            }
            pairs.concat()
        }
        _ => return None,
    };
    decode_hex(&plain).ok()?.try_into().ok()
}

impl InternetPattern {
    /// Reads production `internet`: any octet or group may be `*`. A shortened IPv6 address (`::`) takes no `*`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if !text.contains(':') {
            let mut octets = [None; 4];
            let mut parts = text.split('.');
            for octet in &mut octets {
                *octet = match parts.next()? {
                    "*" => None,
                    part if part.bytes().all(|b| b.is_ascii_digit()) => Some(part.parse().ok()?),
                    _ => return None,
                };
            }
            return parts.next().is_none().then_some(Self::V4(octets));
        }
        if let Ok(address) = text.parse::<Ipv6Addr>() {
            return Some(Self::V6(address.segments().map(Some)));
        }
        let mut groups = [None; 8];
        let mut parts = text.split(':');
        for group in &mut groups {
            *group = match parts.next()? {
                "*" => None,
                part if !part.is_empty()
                    && part.len() <= 4
                    && part.bytes().all(|b| b.is_ascii_hexdigit()) =>
                {
                    Some(u16::from_str_radix(part, 16).ok()?)
                }
                _ => return None,
            };
        }
        parts.next().is_none().then_some(Self::V6(groups))
    }

    /// Whether an address fits. An IPv4 address that a dual-stack socket shows as IPv6 counts as IPv4.
    #[must_use]
    pub fn matches(&self, address: IpAddr) -> bool {
        match (self, address.to_canonical()) {
            (Self::V4(octets), IpAddr::V4(v4)) => {
                octets.iter().zip(v4.octets()).all(|(wanted, is)| wanted.is_none_or(|wanted| wanted == is))
            }
            (Self::V6(groups), IpAddr::V6(v6)) => {
                groups.iter().zip(v6.segments()).all(|(wanted, is)| wanted.is_none_or(|wanted| wanted == is))
            }
            _ => false,
        }
    }

    /// The one address it stands for, if nothing is left open.
    fn address(&self) -> Option<IpAddr> {
        match self {
            Self::V4([Some(a), Some(b), Some(c), Some(d)]) => Some(IpAddr::from([*a, *b, *c, *d])),
            Self::V4(_) => None,
            Self::V6(groups) => {
                let mut whole = [0; 8];
                for (slot, group) in whole.iter_mut().zip(groups) {
                    *slot = (*group)?;
                }
                Some(IpAddr::from(whole))
            }
        }
    }
}

impl fmt::Display for InternetPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(address) = self.address() {
            return write!(f, "{address}");
        }
        match self {
            Self::V4(octets) => {
                for (index, octet) in octets.iter().enumerate() {
                    let dot = if index == 0 { "" } else { "." };
                    match octet {
                        Some(octet) => write!(f, "{dot}{octet}")?,
                        None => write!(f, "{dot}*")?,
                    }
                }
            }
            Self::V6(groups) => {
                for (index, group) in groups.iter().enumerate() {
                    let colon = if index == 0 { "" } else { ":" };
                    match group {
                        Some(group) => write!(f, "{colon}{group:x}")?,
                        None => write!(f, "{colon}*")?,
                    }
                }
            }
        }
        Ok(())
    }
}

impl fmt::Display for HostId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ethernet(address) => f.write_str(&encode_hex(address)),
            Self::Long(id) => write!(f, "{id:08x}"),
            Self::Any => f.write_str("ANY"),
            Self::Demo => f.write_str("DEMO"),
            Self::HostName(name) => write!(f, "HOSTNAME={name}"),
            Self::User(name) => write!(f, "USER={name}"),
            Self::Display(name) => write!(f, "DISPLAY={name}"),
            Self::Internet(pattern) => write!(f, "INTERNET={pattern}"),
            Self::Id(digits) => write!(f, "ID={digits}"),
            Self::DiskSerial(serial) => write!(f, "DISK_SERIAL_NUM={serial}"),
            Self::ContainerId(id) => write!(f, "CONTAINER_ID={id}"),
            Self::VmUuid(uuid) => {
                f.write_str("VM_UUID=")?;
                for (index, byte) in uuid.iter().enumerate() {
                    let dash = if matches!(index, 4 | 6 | 8 | 10) { "-" } else { "" };
                    write!(f, "{dash}{byte:02x}")?;
                }
                Ok(())
            }
            Self::Other(text) => f.write_str(text),
        }
    }
}

impl std::str::FromStr for HostId {
    type Err = HostIdError;
    fn from_str(text: &str) -> Result<Self, HostIdError> {
        Self::parse(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Claims, SessionKind};
    use crate::ident::{Display, Host, User};

    fn claims(hostids: &[&str]) -> Identity {
        let claims = Claims {
            user: User::parse("ann").unwrap(),
            host: Host::parse("ws01.example.org").unwrap(),
            display: Display::parse(":0").unwrap(),
            project: None,
            platform: None,
            hostids: hostids.iter().map(|text| Host::parse(text).unwrap()).collect(),
            pid: None,
        };
        Identity::new(claims, "10.1.7.9".parse().unwrap(), SessionKind::Framed)
    }

    #[test]
    fn every_form_has_one_canonical_text() {
        for (written, canonical) in [
            ("00:1A:2b:3c:4D:5e", "001a2b3c4d5e"),
            ("00-1A-2b-3c-4D-5e", "001a2b3c4d5e"),
            ("001A2B3C4D5E", "001a2b3c4d5e"),
            ("1700BEEF", "1700beef"),
            ("any", "ANY"),
            ("DEMO", "DEMO"),
            ("hostname=Ws01", "HOSTNAME=Ws01"),
            ("USER=ann", "USER=ann"),
            ("DISPLAY=:0", "DISPLAY=:0"),
            ("ID=1234-5678", "ID=12345678"),
            ("INTERNET=195.186.*.*", "INTERNET=195.186.*.*"),
            ("INTERNET=2001:DB8:0::1", "INTERNET=2001:db8::1"),
            ("INTERNET=2001:db8:*:*:*:*:*:*", "INTERNET=2001:db8:*:*:*:*:*:*"),
            ("disk_serial_num=3E2E-17FD", "DISK_SERIAL_NUM=3e2e17fd"),
            ("CONTAINER_ID=0F1E2D3C4B5A", "CONTAINER_ID=0f1e2d3c4b5a"),
            ("VM_UUID=564DC2C6-A4F1-0B1C-2D3E-4F5061728394", "VM_UUID=564dc2c6-a4f1-0b1c-2d3e-4f5061728394"),
            ("VM_UUID=564dc2c6a4f10b1c2d3e4f5061728394", "VM_UUID=564dc2c6-a4f1-0b1c-2d3e-4f5061728394"),
            ("VM_UUID=564d", "VM_UUID=564d"),
            ("PTC_HOSTID=08-00-4E-00-00-01", "PTC_HOSTID=08-00-4E-00-00-01"),
            ("COMPOSITE=0123456789ab", "COMPOSITE=0123456789ab"),
            ("7-1a2b3c4d", "7-1a2b3c4d"),
        ] {
            let hostid = HostId::parse(written).unwrap();
            assert_eq!(hostid.to_string(), canonical);
            assert_eq!(HostId::parse(canonical).unwrap(), hostid);
        }
        for bad in [
            "",
            "HOSTNAME=",
            "ID=--",
            "DISK_SERIAL_NUM=-",
            "INTERNET=10.1.2",
            "INTERNET=10.1.2.256",
            "INTERNET=a.b.c.d",
            "a b",
        ] {
            assert!(HostId::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn matches_what_a_client_claims() {
        let ann = claims(&[
            "00:11:22:33:44:55",
            "1700beef",
            "DISK_SERIAL_NUM=3e2e17fd",
            "VM_UUID=564dc2c6-a4f1-0b1c-2d3e-4f5061728394",
            "CONTAINER_ID=0f1e2d3c4b5a",
        ]);
        for yes in [
            "001122334455",
            "00-11-22-33-44-55",
            "1700BEEF",
            "DISK_SERIAL_NUM=3E2E-17FD",
            "VM_UUID=564DC2C6A4F10B1C2D3E4F5061728394",
            "CONTAINER_ID=0F1E2D3C4B5A",
            "ANY",
            "DEMO",
            "ID=7",
            "HOSTNAME=WS01",
            "HOSTNAME=ws01.example.org",
            "USER=ann",
            "DISPLAY=:0",
            "INTERNET=10.1.*.*",
        ] {
            assert!(HostId::parse(yes).unwrap().matches(&ann), "{yes}");
        }
        for no in [
            "001122334456",
            "HOSTNAME=ws01.example.com",
            "HOSTNAME=ws011",
            "USER=Ann",
            "DISPLAY=:1",
            "INTERNET=10.2.*.*",
            "INTERNET=2001:db8::1",
            "DISK_SERIAL_NUM=3e2e17fe",
            "CONTAINER_ID=0f1e2d3c4b5b",
            "VM_UUID=564dc2c6-a4f1-0b1c-2d3e-4f5061728395",
            "COMPOSITE=001122334455",
        ] {
            assert!(!HostId::parse(no).unwrap().matches(&ann), "{no}");
        }
        assert!(!HostId::parse("001122334455").unwrap().matches(&claims(&[])));
    }

    #[test]
    fn matches_a_machine_but_never_by_demo() {
        let machine = [
            "001122334455",
            "HOSTNAME=srv",
            "INTERNET=10.1.7.9",
            "DISK_SERIAL_NUM=3e2e17fd",
            "CONTAINER_ID=0f1e",
        ]
        .map(|text| HostId::parse(text).unwrap());
        for (text, expected) in [
            ("001122334455", true),
            ("ANY", true),
            ("HOSTNAME=SRV.example.org", true),
            ("INTERNET=10.1.*.*", true),
            ("DISK_SERIAL_NUM=3E2E-17FD", true),
            ("CONTAINER_ID=0F1E", true),
            ("DEMO", false),
            ("001122334456", false),
            ("INTERNET=10.2.*.*", false),
            ("CONTAINER_ID=0f1f", false),
            ("VM_UUID=564dc2c6-a4f1-0b1c-2d3e-4f5061728394", false),
            ("PTC_HOSTID=001122334455", false),
        ] {
            assert_eq!(HostId::parse(text).unwrap().matches_machine(&machine), expected, "{text}");
        }
    }
}
