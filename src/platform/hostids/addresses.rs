//! IP addresses of this machine.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, Ipv6Addr};

use super::{Candidate, HostIdKind, Stability, SystemTree, candidate};

/// The kernel's routes: those that end here are own addresses.
const IPV4: &str = "proc/self/net/fib_trie";

/// The kernel's IPv6 addresses: address, index, prefix, scope, flags, interface.
const IPV6: &str = "proc/self/net/if_inet6";

/// Scope of an address that others can reach.
const SCOPE_GLOBAL: &str = "00";

/// Flag of an address that the system made up for some time.
const FLAG_TEMPORARY: u8 = 1;

/// The own addresses in rising order, IPv4 first; those that other machines have too (loopback, link-local) are left
/// out.
pub(super) fn internet(tree: &SystemTree) -> Result<Vec<Candidate>, String> {
    let v4 = ipv4(&tree.text(IPV4).unwrap_or_default());
    let plain = "address: may change with the network";
    let mut found: Vec<Candidate> = v4
        .iter()
        .filter_map(|address| of(&address.to_string(), "IPv4", (Stability::MayChange, plain)))
        .collect();
    let v6 = tree.text(IPV6).unwrap_or_default();
    for (address, flags, interface) in ipv6(&v6) {
        let judged = if flags & FLAG_TEMPORARY == 0 {
            (Stability::MayChange, plain)
        } else {
            (Stability::Changes, "temporary address: changes every day")
        };
        found.extend(of(&address.to_string(), interface, judged));
    }
    if found.is_empty() {
        return Err("This machine has no IP address but loopback and link-local ones.".to_owned());
    }
    Ok(found)
}

fn of(address: &str, source: &str, judged: (Stability, &str)) -> Option<Candidate> {
    candidate(HostIdKind::Internet, &format!("INTERNET={address}"), source, judged)
}

fn ipv4(trie: &str) -> BTreeSet<Ipv4Addr> {
    let mut found = BTreeSet::new();
    let mut last: Option<Ipv4Addr> = None;
    for line in trie.lines().map(str::trim) {
        if let Some(address) = line.strip_prefix("|-- ") {
            last = address.parse().ok();
        } else if line == "/32 host LOCAL" {
            found.extend(last.filter(|address| !address.is_loopback() && !address.is_link_local()));
        }
    }
    found
}

fn ipv6(table: &str) -> Vec<(Ipv6Addr, u8, &str)> {
    let mut found: Vec<(Ipv6Addr, u8, &str)> = table
        .lines()
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            let address = u128::from_str_radix(words.next()?, 16).ok()?;
            let scope = words.nth(2)?;
            let flags = u8::from_str_radix(words.next()?, 16).ok()?;
            (scope == SCOPE_GLOBAL).then_some((Ipv6Addr::from(address), flags, words.next()?))
        })
        .collect();
    found.sort_unstable();
    found
}
