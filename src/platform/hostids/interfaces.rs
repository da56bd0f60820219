//! Ethernet addresses: those of all interfaces, up or down, real or made by software.

use super::{Candidate, HostIdKind, Stability, SystemTree, candidate, virtual_machine};

/// Where Linux lists the machine's network interfaces.
const INTERFACES: &str = "sys/class/net";

/// Hardware type of Ethernet in `type` of an interface; loopback has another.
const ETHERNET: &str = "1";

/// Bit of `flags`: the interface is switched on.
const FLAG_UP: u32 = 1;

/// Bit of the first octet: not given by a manufacturer.
const LOCALLY_ADMINISTERED: u8 = 2;

/// `addr_assign_type`: how an interface came to its address.
const ASSIGNED_RANDOM: &str = "1";
const ASSIGNED_STOLEN: &str = "2";
const ASSIGNED_SET: &str = "3";

/// The addresses by interface name, doubles too. An address of zeros is none.
pub(super) fn ethernet(tree: &SystemTree) -> Result<Vec<Candidate>, String> {
    let in_vm = virtual_machine::is_virtual(tree);
    let found: Vec<Candidate> =
        tree.names(INTERFACES).iter().filter_map(|name| interface(tree, name, in_vm)).collect();
    if found.is_empty() {
        return Err("This machine has no network interface with an Ethernet address.".to_owned());
    }
    Ok(found)
}

fn interface(tree: &SystemTree, name: &str, in_vm: bool) -> Option<Candidate> {
    let read = |file: &str| tree.text(&format!("{INTERFACES}/{name}/{file}"));
    if read("type")? != ETHERNET {
        return None;
    }
    let address = read("address")?.replace(':', "").to_ascii_lowercase();
    let is_address = address.len() == 12
        && address.bytes().all(|byte| byte.is_ascii_hexdigit())
        && address.bytes().any(|byte| byte != b'0');
    if !is_address {
        return None;
    }
    let first_octet = u8::from_str_radix(address.get(..2)?, 16).ok()?;
    let facts = Facts::of(tree, name, first_octet & LOCALLY_ADMINISTERED != 0, in_vm);
    let flags = read("flags").and_then(|flags| u32::from_str_radix(flags.trim_start_matches("0x"), 16).ok());
    let found = candidate(HostIdKind::Ethernet, &address, name, facts.judge())?;
    Some(Candidate { up: flags.map(|flags| flags & FLAG_UP != 0), ..found })
}

/// What the system says of an interface.
#[derive(Debug)]
struct Facts {
    /// Made by software, and what it is.
    software: Option<(Stability, &'static str)>,
    wireless: bool,
    usb: bool,
    locally_administered: bool,
    assigned: Option<String>,
    in_vm: bool,
}

impl Facts {
    fn of(tree: &SystemTree, name: &str, locally_administered: bool, in_vm: bool) -> Self {
        let has = |file: &str| tree.exists(&format!("{INTERFACES}/{name}/{file}"));
        let read = |file: &str| tree.text(&format!("{INTERFACES}/{name}/{file}"));
        let software = if has("device") {
            None
        } else if has("bridge") {
            Some((Stability::Changes, bridge(name)))
        } else if has("tun_flags") {
            Some((Stability::Changes, "tunnel (tun/tap): made by a program, gone with it"))
        } else if has("bonding") {
            Some((Stability::MayChange, "bond: has the address of one of its members"))
        } else if read("uevent").is_some_and(|text| text.lines().any(|line| line == "DEVTYPE=vlan")) {
            Some((Stability::MayChange, "VLAN: has the address of the interface below it"))
        } else if name.starts_with("veth") || read("iflink") != read("ifindex") {
            Some((Stability::Changes, "one end of a pair (veth, macvlan): new with every container"))
        } else {
            Some((Stability::Changes, "made by software: changes when it is made anew"))
        };
        Self {
            software,
            wireless: has("wireless") || has("phy80211"),
            usb: tree.link_name(&format!("{INTERFACES}/{name}/device/subsystem")).as_deref() == Some("usb"),
            locally_administered,
            assigned: read("addr_assign_type"),
            in_vm,
        }
    }

    /// The worst that is known decides.
    fn judge(&self) -> (Stability, &'static str) {
        if let Some(software) = self.software {
            return software;
        }
        match self.assigned.as_deref() {
            Some(ASSIGNED_RANDOM) => {
                return (Stability::Changes, "the driver makes up an address at each start: changes");
            }
            Some(ASSIGNED_STOLEN) => {
                return (Stability::MayChange, "physical, but with the address of another interface");
            }
            Some(ASSIGNED_SET) => {
                return (Stability::MayChange, "physical, but its address was set by software: may change");
            }
            _ => {}
        }
        if self.in_vm {
            (Stability::MayChange, "card of a virtual machine: the hypervisor sets the address, may change")
        } else if self.locally_administered {
            (Stability::MayChange, "locally administered, not burnt in: may change")
        } else if self.usb {
            (Stability::MayChange, "USB adapter: burnt in, but moves to another machine easily")
        } else if self.wireless {
            (Stability::MayChange, "wireless: burnt in, but some systems make one up for each network")
        } else {
            (Stability::Stable, "physical, burnt in: best")
        }
    }
}

fn bridge(name: &str) -> &'static str {
    if name == "docker0" || name.starts_with("br-") || name.starts_with("cni") || name.starts_with("podman") {
        "docker or container bridge: changes"
    } else {
        "bridge: takes the address of one of its ports, changes"
    }
}
