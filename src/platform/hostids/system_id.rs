//! The 32-bit id of the system, the one that `hostid` prints.

use std::net::Ipv4Addr;

use super::{Candidate, HostIdKind, Stability, SystemTree, candidate, names};

/// The id as the GNU C library's `gethostid` gives it: the four bytes of `/etc/hostid`; else the first IPv4 address of the
/// host's name with its halves exchanged. The address is looked for in `/etc/hosts` alone, never at a name server: a start
/// must not wait for one, and an id from elsewhere is none.
pub(super) fn long(tree: &SystemTree) -> Result<Candidate, String> {
    let none = "This machine has no 32-bit hostid: there is no /etc/hostid, and /etc/hosts has no IPv4 address of its name.";
    from_file(tree).or_else(|| from_hosts(tree)).ok_or_else(|| none.to_owned())
}

fn from_file(tree: &SystemTree) -> Option<Candidate> {
    let bytes = tree.bytes("etc/hostid")?;
    let id = u32::from_ne_bytes(bytes.get(..4)?.try_into().ok()?);
    let judged = (Stability::MayChange, "from a file: may change with a new installation");
    candidate(HostIdKind::Long, &format!("{id:08x}"), "/etc/hostid", judged)
}

fn from_hosts(tree: &SystemTree) -> Option<Candidate> {
    let (address, name) = names::address_of_host(tree)?;
    let judged = if address.is_loopback() {
        (Stability::Changes, "from a loopback address: many machines have the same one".to_owned())
    } else {
        (Stability::MayChange, format!("from the address {address}: may change with the network"))
    };
    let source = format!("/etc/hosts: {name}");
    candidate(HostIdKind::Long, &format!("{:08x}", id_of(address)), source, judged)
}

/// The C library takes the address as it lies in memory, so the id depends on the machine's byte order.
fn id_of(address: Ipv4Addr) -> u32 {
    u32::from_ne_bytes(address.octets()).rotate_left(16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_endian = "little")]
    #[test]
    fn the_id_of_an_address_is_that_of_the_c_library() {
        assert_eq!(format!("{:08x}", id_of(Ipv4Addr::new(127, 0, 1, 1))), "007f0101");
        assert_eq!(format!("{:08x}", id_of(Ipv4Addr::new(192, 0, 2, 7))), "00c00702");
    }
}
