//! Which of many address patterns an address fits, without looking at each of them.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::atoms::AtomId;
use crate::ident::AddressPattern;

/// Patterns by the part of the address that they fix.
#[derive(Debug, Clone, Default)]
pub(super) struct Addresses {
    exact: BTreeMap<IpAddr, Vec<AtomId>>,
    /// Patterns that lie within one block: by the first 24, 16 or 8 bits of IPv4, the first 64, 48 or 32 of IPv6.
    blocks: [BTreeMap<u64, Vec<(AddressPattern, AtomId)>>; 6],
    /// All others.
    wide: Vec<(AddressPattern, AtomId)>,
}

/// The blocks that an address lies in: place in `blocks` and name of the block, from the narrowest.
fn blocks_of(address: IpAddr) -> [(usize, u64); 3] {
    match address {
        IpAddr::V4(address) => {
            let bits = u64::from(address.to_bits());
            [(0, bits >> 8), (1, bits >> 16), (2, bits >> 24)]
        }
        IpAddr::V6(address) => {
            let high = u64::try_from(address.to_bits() >> 64).unwrap_or(0);
            [(3, high), (4, high >> 16), (5, high >> 32)]
        }
    }
}

impl Addresses {
    pub(super) fn insert(&mut self, pattern: AddressPattern, atom: AtomId) {
        if let Some(address) = pattern.single() {
            self.exact.entry(address.to_canonical()).or_default().push(atom);
            return;
        }
        let (first, last) = pattern.ends();
        let common = blocks_of(first).into_iter().zip(blocks_of(last)).find(|(one, other)| one == other);
        match common.and_then(|((place, block), _)| Some((self.blocks.get_mut(place)?, block))) {
            Some((patterns, block)) => patterns.entry(block).or_default().push((pattern, atom)),
            None => self.wide.push((pattern, atom)),
        }
    }

    /// Adds the atoms of all patterns that an address fits.
    pub(super) fn collect(&self, address: IpAddr, into: &mut Vec<AtomId>) {
        let address = address.to_canonical();
        into.extend(self.exact.get(&address).into_iter().flatten());
        let blocks = blocks_of(address);
        let near = blocks.iter().filter_map(|(place, block)| self.blocks.get(*place)?.get(block)).flatten();
        into.extend(
            near.chain(&self.wide).filter(|(pattern, _)| pattern.matches(address)).map(|(_, atom)| *atom),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_finds_what_a_scan_finds() {
        let patterns: Vec<AddressPattern> = [
            "10.1.2.3",
            "10.1.2.*",
            "10.1.*.*",
            "10.*.*.*",
            "*.*.*.7",
            "10.1.2.250-10.1.3.5",
            "10.0.0.0/7",
            "10.1.2.10-20",
            "2001:db8::1",
            "2001:db8::/64",
            "2001:db8::/33",
            "2001:*:*:*:*:*:*:*",
            "::/0",
            "fe80::1-fe80::9",
        ]
        .iter()
        .map(|text| AddressPattern::parse(text).unwrap())
        .collect();
        let mut index = Addresses::default();
        for (number, pattern) in patterns.iter().enumerate() {
            index.insert(*pattern, AtomId(u32::try_from(number).unwrap()));
        }
        for text in [
            "10.1.2.3",
            "10.1.2.12",
            "10.1.3.1",
            "10.200.0.7",
            "11.0.0.1",
            "9.9.9.9",
            "192.168.0.7",
            "::ffff:10.1.2.3",
            "2001:db8::1",
            "2001:db8:0:0:1::",
            "2001:db8:8000::",
            "2002::",
            "fe80::5",
        ] {
            let address: IpAddr = text.parse().unwrap();
            let mut found = Vec::new();
            index.collect(address, &mut found);
            found.sort_unstable();
            let scanned: Vec<AtomId> =
                (0..).zip(&patterns).filter(|(_, p)| p.matches(address)).map(|(n, _)| AtomId(n)).collect();
            assert_eq!(found, scanned, "{text}");
        }
    }
}
