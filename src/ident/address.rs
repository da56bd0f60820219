//! Patterns of IP addresses.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A set of IP addresses as administrators write it: one address, any part of it left open or given as a range, a network, or
/// a range of addresses. Its `Display` is the shortest form that reads back to the same set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AddressPattern {
    /// Four octets, each from its first to its last value; `*` is 0 to 255.
    V4([(u8, u8); 4]),
    /// Eight groups, each from its first to its last value; `*` is 0 to ffff.
    V6([(u16, u16); 8]),
    /// From one address to another: a network `a.b.c.d/n`, or `a.b.c.d-e.f.g.h`.
    V4Range(Ipv4Addr, Ipv4Addr),
    /// The same for IPv6.
    V6Range(Ipv6Addr, Ipv6Addr),
}

impl AddressPattern {
    /// Reads `10.1.2.3`, `10.1.*.*`, `10.1.2.10-20`, `10.1.2.3-10.1.4.5`, `10.1.0.0/16`, and the same forms of IPv6 (of which
    /// one that is shortened by `::` takes no `*`).
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if let Some((network, length)) = text.split_once('/') {
            return Self::network(network, length);
        }
        if let Some((first, last)) = text.split_once('-')
            && let (Ok(first), Ok(last)) = (first.parse::<IpAddr>(), last.parse::<IpAddr>())
        {
            return match (first, last) {
                (IpAddr::V4(first), IpAddr::V4(last)) if first <= last => Some(Self::V4Range(first, last)),
                (IpAddr::V6(first), IpAddr::V6(last)) if first <= last => Some(Self::V6Range(first, last)),
                _ => None,
            };
        }
        if !text.contains(':') {
            return Self::octets(text);
        }
        if let Ok(address) = text.parse::<Ipv6Addr>() {
            return Some(Self::V6(address.segments().map(|group| (group, group))));
        }
        Self::groups(text)
    }

    fn network(address: &str, length: &str) -> Option<Self> {
        if length.is_empty() || !length.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let length: u32 = length.parse().ok()?;
        match address.parse().ok()? {
            IpAddr::V4(address) => {
                let open = u32::MAX.checked_shr(length).unwrap_or(0);
                let first = address.to_bits() & !open;
                (length <= 32).then(|| Self::V4Range(first.into(), (first | open).into()))
            }
            IpAddr::V6(address) => {
                let open = u128::MAX.checked_shr(length).unwrap_or(0);
                let first = address.to_bits() & !open;
                (length <= 128).then(|| Self::V6Range(first.into(), (first | open).into()))
            }
        }
    }

    fn octets(text: &str) -> Option<Self> {
        let number = |text: &str| -> Option<u8> {
            if text.bytes().all(|byte| byte.is_ascii_digit()) { text.parse().ok() } else { None }
        };
        let mut parts = text.split('.');
        let mut octets = [(0, 0); 4];
        for octet in &mut octets {
            *octet = part(parts.next()?, (0, u8::MAX), number)?;
        }
        parts.next().is_none().then_some(Self::V4(octets))
    }

    fn groups(text: &str) -> Option<Self> {
        let number = |text: &str| -> Option<u16> {
            let is_group = (1..=4).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
            if is_group { u16::from_str_radix(text, 16).ok() } else { None }
        };
        let mut parts = text.split(':');
        let mut groups = [(0, 0); 8];
        for group in &mut groups {
            *group = part(parts.next()?, (0, u16::MAX), number)?;
        }
        parts.next().is_none().then_some(Self::V6(groups))
    }

    /// Whether an address is in the set. An IPv4 address that a dual-stack socket shows as IPv6 counts as IPv4.
    #[must_use]
    pub fn matches(&self, address: IpAddr) -> bool {
        match (self, address.to_canonical()) {
            (Self::V4(octets), IpAddr::V4(v4)) => {
                octets.iter().zip(v4.octets()).all(|((first, last), is)| (*first..=*last).contains(&is))
            }
            (Self::V6(groups), IpAddr::V6(v6)) => {
                groups.iter().zip(v6.segments()).all(|((first, last), is)| (*first..=*last).contains(&is))
            }
            (Self::V4Range(first, last), IpAddr::V4(v4)) => (*first..=*last).contains(&v4),
            (Self::V6Range(first, last), IpAddr::V6(v6)) => (*first..=*last).contains(&v6),
            _ => false,
        }
    }

    /// The first and the last address of the set; between them may lie others that are not in it.
    #[must_use]
    pub fn ends(&self) -> (IpAddr, IpAddr) {
        match self {
            Self::V4(octets) => (octets.map(|(first, _)| first).into(), octets.map(|(_, last)| last).into()),
            Self::V6(groups) => (groups.map(|(first, _)| first).into(), groups.map(|(_, last)| last).into()),
            Self::V4Range(first, last) => ((*first).into(), (*last).into()),
            Self::V6Range(first, last) => ((*first).into(), (*last).into()),
        }
    }

    /// Whether every address of another set is in this one, as far as that shows in their forms: false for some sets with
    /// several gaps.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        fn within<T: Ord>(wide: &[(T, T)], narrow: &[(T, T)]) -> bool {
            wide.iter().zip(narrow).all(|(wide, narrow)| wide.0 <= narrow.0 && narrow.1 <= wide.1)
        }
        /// Whether no address lies between the ends that is not in the set: behind an open part all is open.
        fn unbroken<T: Ord + Copy>(parts: &[(T, T)], all: (T, T)) -> bool {
            parts.iter().skip_while(|(first, last)| first == last).skip(1).all(|part| *part == all)
        }
        let is_unbroken = match (self, other) {
            (Self::V4(wide), Self::V4(narrow)) => return within(wide, narrow),
            (Self::V6(wide), Self::V6(narrow)) => return within(wide, narrow),
            (Self::V4(parts), _) => unbroken(parts, (0, u8::MAX)),
            (Self::V6(parts), _) => unbroken(parts, (0, u16::MAX)),
            _ => true,
        };
        let ((first, last), (from, to)) = (self.ends(), other.ends());
        is_unbroken && self.is_v6() == other.is_v6() && first <= from && to <= last
    }

    /// How many addresses are in the set; the greatest number if there are more.
    #[must_use]
    pub fn size(&self) -> u64 {
        let parts = |spans: &mut dyn Iterator<Item = u64>| spans.fold(1_u64, u64::saturating_mul);
        match self {
            Self::V4(octets) => parts(&mut octets.iter().map(|(first, last)| u64::from(last - first) + 1)),
            Self::V6(groups) => parts(&mut groups.iter().map(|(first, last)| u64::from(last - first) + 1)),
            Self::V4Range(first, last) => u64::from(last.to_bits() - first.to_bits()) + 1,
            Self::V6Range(first, last) => {
                u64::try_from((last.to_bits() - first.to_bits()).saturating_add(1)).unwrap_or(u64::MAX)
            }
        }
    }

    /// Whether it is a set of IPv6 addresses.
    #[must_use]
    pub const fn is_v6(&self) -> bool {
        matches!(self, Self::V6(_) | Self::V6Range(..))
    }

    /// The one address that is in the set, if it is no more.
    #[must_use]
    pub fn single(&self) -> Option<IpAddr> {
        match self {
            Self::V4(octets) => octets
                .iter()
                .all(|(first, last)| first == last)
                .then(|| IpAddr::from(octets.map(|(first, _)| first))),
            Self::V6(groups) => groups
                .iter()
                .all(|(first, last)| first == last)
                .then(|| IpAddr::from(groups.map(|(first, _)| first))),
            Self::V4Range(first, last) => (first == last).then_some(IpAddr::V4(*first)),
            Self::V6Range(first, last) => (first == last).then_some(IpAddr::V6(*first)),
        }
    }
}

/// `*`, a number, or `first-last`.
fn part<N: PartialOrd + Copy>(text: &str, all: (N, N), number: impl Fn(&str) -> Option<N>) -> Option<(N, N)> {
    if text == "*" {
        return Some(all);
    }
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let range = (number(first)?, number(last)?);
    (range.0 <= range.1).then_some(range)
}

impl fmt::Display for AddressPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(address) = self.single() {
            return write!(f, "{address}");
        }
        match self {
            Self::V4(octets) => {
                for (index, (first, last)) in octets.iter().enumerate() {
                    let dot = if index == 0 { "" } else { "." };
                    match (*first, *last) {
                        (0, u8::MAX) => write!(f, "{dot}*")?,
                        (first, last) if first == last => write!(f, "{dot}{first}")?,
                        (first, last) => write!(f, "{dot}{first}-{last}")?,
                    }
                }
                Ok(())
            }
            Self::V6(groups) => {
                for (index, (first, last)) in groups.iter().enumerate() {
                    let colon = if index == 0 { "" } else { ":" };
                    match (*first, *last) {
                        (0, u16::MAX) => write!(f, "{colon}*")?,
                        (first, last) if first == last => write!(f, "{colon}{first:x}")?,
                        (first, last) => write!(f, "{colon}{first:x}-{last:x}")?,
                    }
                }
                Ok(())
            }
            Self::V4Range(first, last) => match prefix(first.to_bits().into(), last.to_bits().into(), 32) {
                Some(length) => write!(f, "{first}/{length}"),
                None => write!(f, "{first}-{last}"),
            },
            Self::V6Range(first, last) => match prefix(first.to_bits(), last.to_bits(), 128) {
                Some(length) => write!(f, "{first}/{length}"),
                None => write!(f, "{first}-{last}"),
            },
        }
    }
}

/// The length of the network that a range is, if it is one.
fn prefix(first: u128, last: u128, bits: u32) -> Option<u32> {
    let open = first ^ last;
    let is_network = open.wrapping_add(1).is_power_of_two() || open == u128::MAX;
    (is_network && first & open == 0).then(|| bits - open.count_ones())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_covers_what_is_within_it() {
        let covers = |wide: &str, narrow: &str| {
            let set = |text: &str| AddressPattern::parse(text).unwrap();
            set(wide).covers(&set(narrow))
        };
        for (wide, narrow) in [
            ("10.*.*.*", "10.1.*.*"),
            ("10.*.*.*", "10.1.2.3"),
            ("10.1.2.10-20", "10.1.2.12-14"),
            ("10.0.0.0/8", "10.1.*.*"),
            ("10.1.*.*", "10.1.2.0/24"),
            ("10.1.2.10-10.1.2.20", "10.1.2.15"),
            ("fec0::/16", "fec0::1"),
            ("*.*.*.*", "0.0.0.0/0"),
        ] {
            assert!(covers(wide, narrow), "{wide} {narrow}");
            assert!(wide == "*.*.*.*" || !covers(narrow, wide), "{narrow} {wide}");
        }
        for (wide, narrow) in
            [("10.*.2.*", "10.0.2.0-10.1.2.0"), ("10.1.*.*", "10.2.3.4"), ("*.*.*.*", "::1")]
        {
            assert!(!covers(wide, narrow), "{wide} {narrow}");
        }
    }

    #[test]
    fn every_form_matches_what_it_says() {
        for (pattern, inside, outside) in [
            ("10.1.2.3", "10.1.2.3", "10.1.2.4"),
            ("10.1.*.*", "10.1.255.0", "10.2.0.0"),
            ("10.1.2.10-20", "10.1.2.20", "10.1.2.21"),
            ("10.1.0.0/16", "10.1.255.255", "10.2.0.0"),
            ("10.1.2.250-10.1.3.5", "10.1.3.0", "10.1.3.6"),
            ("0.0.0.0/0", "255.1.2.3", "::1"),
            ("2001:db8::1", "2001:db8::1", "2001:db8::2"),
            ("2001:db8:*:*:*:*:*:*", "2001:db8:1::", "2001:db9::"),
            ("2001:db8::/32", "2001:db8:ffff::1", "2001:db9::"),
            ("fe80::1-fe80::9", "fe80::5", "fe80::a"),
            ("10.0.0.7", "::ffff:10.0.0.7", "::ffff:10.0.0.8"),
        ] {
            let read = AddressPattern::parse(pattern).unwrap_or_else(|| panic!("{pattern}"));
            assert!(read.matches(inside.parse().unwrap()), "{pattern} {inside}");
            assert!(!read.matches(outside.parse().unwrap()), "{pattern} {outside}");
            assert_eq!(AddressPattern::parse(&read.to_string()), Some(read), "{pattern} {read}");
        }
        assert_eq!(AddressPattern::parse("10.1.7.9/16").unwrap().to_string(), "10.1.0.0/16");
        assert_eq!(AddressPattern::parse("::/0").unwrap().to_string(), "::/0");
    }

    #[test]
    fn other_texts_are_no_patterns() {
        for text in [
            "",
            "10.1.2",
            "10.1.2.256",
            "10.1.2.3.4",
            "10.1.2.20-10",
            "10.1.2.3/33",
            "10.1.2.3/",
            "a.b.c.d",
            "10.1.2.*/8",
            "10.1.2.9-10.1.2.3",
            "2001:db8::*",
            "::1-10.0.0.1",
            "+1.2.3.4",
            "::/129",
            "10.1.2.-",
        ] {
            assert_eq!(AddressPattern::parse(text), None, "{text}");
        }
    }
}
