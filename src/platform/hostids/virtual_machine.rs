//! Whether this is a virtual machine, and what its hypervisor calls it.

use super::{Candidate, HostIdKind, Stability, SystemTree, candidate};

/// Where firmware and hypervisors tell the id. The first is for root alone.
const PLACES: [&str; 3] =
    ["sys/class/dmi/id/product_uuid", "sys/hypervisor/uuid", "proc/device-tree/vm,uuid"];

/// Words of hypervisors in the maker's or product's name that firmware tells.
const MAKERS: [&str; 15] = [
    "qemu",
    "kvm",
    "vmware",
    "virtualbox",
    "innotek",
    "virtual machine",
    "xen",
    "amazon ec2",
    "google compute",
    "parallels",
    "openstack",
    "bochs",
    "bhyve",
    "alibaba cloud",
    "nutanix",
];

/// Whether a hypervisor lies below: the processor says so, or the firmware names one.
pub(super) fn is_virtual(tree: &SystemTree) -> bool {
    if tree.exists("sys/hypervisor/uuid") || tree.exists("proc/device-tree/vm,uuid") {
        return true;
    }
    let processor = tree.text("proc/cpuinfo").unwrap_or_default();
    if let Some(flags) = processor.lines().find(|line| line.starts_with("flags")) {
        // Clouds put their names on machines without a hypervisor too, so the processor's word is the last.
        return flags.split_whitespace().any(|flag| flag == "hypervisor");
    }
    ["sys_vendor", "product_name"].iter().any(|file| {
        let name = tree.text(&format!("sys/class/dmi/id/{file}")).unwrap_or_default().to_lowercase();
        MAKERS.iter().any(|maker| name.contains(maker))
    })
}

/// `VM_UUID=`, of a virtual machine alone: what firmware tells on others names the board.
pub(super) fn uuid(tree: &SystemTree) -> Result<Candidate, String> {
    if !is_virtual(tree) {
        return Err("This machine is not a virtual machine, so it has no VM_UUID.".to_owned());
    }
    let judged = (Stability::Stable, "virtual machine: the same as long as it; a copy may have it too");
    for place in PLACES {
        let Some(text) = tree.text(place) else { continue };
        if let Some(uuid) = well_formed(&text) {
            let found =
                candidate(HostIdKind::VmUuid, &format!("VM_UUID={uuid}"), format!("/{place}"), judged);
            return found.ok_or_else(|| format!("The id in /{place} cannot stand in a license file."));
        }
    }
    Err(match PLACES.iter().find(|place| tree.exists(place)) {
        Some(place) => {
            format!("This is a virtual machine, but its id in /{place} can be read by root alone.")
        }
        None => "This is a virtual machine, but its hypervisor tells no id.".to_owned(),
    })
}

/// Five groups of hex digits, and not all the same digit, as unset ones are.
fn well_formed(text: &str) -> Option<String> {
    let text = text.trim_matches('\0');
    let groups: Vec<usize> = text.split('-').map(str::len).collect();
    let digits: Vec<char> = text.chars().filter(|c| *c != '-').collect();
    let sound = groups == [8, 4, 4, 4, 12]
        && digits.iter().all(char::is_ascii_hexdigit)
        && digits.iter().any(|digit| Some(digit) != digits.first());
    sound.then(|| text.to_owned())
}
