//! What this machine can be known by in a license file (`flexnet-files.md` 1.8).

use std::fs;
use std::path::Path;

use super::host_name;
use crate::ident::Host;
use crate::license::HostId;

/// Where Linux lists the machine's network interfaces.
const INTERFACES: &str = "/sys/class/net";

/// Hardware type of Ethernet in `type` of an interface; loopback has another.
const ETHERNET: &str = "1";

/// The hostids of this machine in license-file spelling and one settled order: its Ethernet addresses by interface name,
/// whether the interface is up or not, each once, then its host name as `HOSTNAME=name`. An address of zeros is none.
/// Where the system lists no interfaces there are none: then only ANY and the host name can match.
#[must_use]
pub fn machine_hostids(host_name: Option<&str>) -> Vec<String> {
    let mut hostids = ethernet_addresses(Path::new(INTERFACES));
    if let Some(name) = host_name.filter(|name| !name.is_empty()) {
        hostids.push(format!("HOSTNAME={name}"));
    }
    hostids
}

/// The hostids that the SERVER lines of license files are compared with here.
#[must_use]
pub fn own_hostids() -> Vec<HostId> {
    let host = host_name().ok();
    machine_hostids(host.as_ref().map(Host::as_str))
        .iter()
        .filter_map(|text| HostId::parse(text).ok())
        .collect()
}

fn ethernet_addresses(interfaces: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(interfaces) else { return Vec::new() };
    let mut paths: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    let read = |path: &Path| fs::read_to_string(path).unwrap_or_default().trim().to_owned();
    let mut addresses = Vec::new();
    for path in paths.iter().filter(|path| read(&path.join("type")) == ETHERNET) {
        let address = read(&path.join("address")).replace(':', "").to_ascii_lowercase();
        let is_address = address.len() == 12
            && address.bytes().all(|byte| byte.is_ascii_hexdigit())
            && address.bytes().any(|byte| byte != b'0');
        if is_address && !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    addresses
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ethernet_addresses_without_loopback_zeros_and_repetitions() {
        let dir = tempfile::tempdir().unwrap();
        for (name, kind, address) in [
            ("lo", "772", "00:00:00:00:00:00"),
            ("eth1", "1", "02:42:AC:11:00:02"),
            ("eth0", "1", "02:42:ac:11:00:01"),
            ("bond0", "1", "02:42:ac:11:00:01"),
            ("dummy", "1", "00:00:00:00:00:00"),
            ("tun0", "65534", ""),
        ] {
            let interface = dir.path().join(name);
            fs::create_dir(&interface).unwrap();
            fs::write(interface.join("type"), format!("{kind}\n")).unwrap();
            fs::write(interface.join("address"), format!("{address}\n")).unwrap();
        }
        assert_eq!(ethernet_addresses(dir.path()), ["0242ac110001", "0242ac110002"]);
        assert!(ethernet_addresses(&dir.path().join("none")).is_empty());
    }

    #[test]
    fn the_host_name_comes_last() {
        let hostids = machine_hostids(Some("srv"));
        assert_eq!(hostids.last().map(String::as_str), Some("HOSTNAME=srv"));
        assert!(!machine_hostids(None).iter().any(|hostid| hostid.starts_with("HOSTNAME=")));
        for text in &hostids {
            assert_eq!(HostId::parse(text).unwrap().to_string(), *text);
        }
    }
}
