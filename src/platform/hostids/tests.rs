use std::os::unix::fs::symlink;
use std::path::Path;

use super::*;

/// A made-up system.
struct Fake(tempfile::TempDir);

impl Fake {
    fn new(files: &[(&str, &str)]) -> Self {
        let fake = Self(tempfile::tempdir().unwrap());
        files.iter().for_each(|(path, text)| fake.write(path, text.as_bytes()));
        fake
    }

    fn write(&self, path: &str, bytes: &[u8]) {
        let path = self.0.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }

    fn link(&self, path: &str, target: &str) {
        let path = self.0.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        symlink(target, path).unwrap();
    }

    /// An Ethernet interface; `more` are files in its directory.
    fn interface(&self, name: &str, address: &str, more: &[(&str, &str)]) {
        let path = |file: &str| format!("sys/class/net/{name}/{file}");
        self.write(&path("type"), b"1\n");
        self.write(&path("address"), format!("{address}\n").as_bytes());
        more.iter().for_each(|(file, text)| self.write(&path(file), text.as_bytes()));
    }

    fn all(&self, kind: HostIdKind) -> Result<Vec<Candidate>, String> {
        candidates(kind, &SystemTree::at(self.0.path()))
    }

    /// The hostids of a kind, or why there are none.
    fn texts(&self, kind: HostIdKind) -> Vec<String> {
        match self.all(kind) {
            Ok(found) => found.iter().map(|it| it.hostid.to_string()).collect(),
            Err(why) => vec![why],
        }
    }
}

const REAL: (&str, &str) = ("device/uevent", "DRIVER=e1000e\n");

#[test]
fn interfaces_are_told_apart_and_the_best_stands_first() {
    let fake = Fake::new(&[("proc/cpuinfo", "processor : 0\nflags : fpu vme\n")]);
    let set = |how| [REAL, ("addr_assign_type", how), ("flags", "0x1003\n")];
    fake.interface("docker0", "02:42:ac:11:00:01", &[("bridge/bridge_id", "x")]);
    fake.interface("br0", "00:11:22:33:44:01", &[("bridge/bridge_id", "x")]);
    fake.interface("veth1", "36:00:00:00:00:01", &[("iflink", "7"), ("ifindex", "8")]);
    fake.interface("tap0", "36:00:00:00:00:02", &[("tun_flags", "0x1")]);
    fake.interface("bond0", "00:11:22:33:44:02", &[("bonding/mode", "x")]);
    fake.interface("eth0.5", "00:11:22:33:44:02", &[("uevent", "DEVTYPE=vlan\nINTERFACE=eth0.5\n")]);
    fake.interface("dummy0", "36:00:00:00:00:03", &[]);
    fake.interface("eth0", "00:11:22:33:44:02", &set("0\n"));
    fake.interface("eth1", "00:11:22:33:44:03", &[REAL, ("flags", "0x1002\n")]);
    fake.interface("eth2", "36:00:00:00:00:04", &set("1\n"));
    fake.interface("eth3", "00:11:22:33:44:05", &set("3\n"));
    fake.interface("eth4", "36:00:00:00:00:05", &set("0\n"));
    fake.interface("wlan0", "00:11:22:33:44:06", &[REAL, ("phy80211/name", "phy0")]);
    fake.interface("zero", "00:00:00:00:00:00", &[REAL]);
    fake.write("sys/class/net/lo/type", b"772\n");
    fake.write("sys/class/net/lo/address", b"00:00:00:00:00:00\n");
    fake.interface("usb0", "00:11:22:33:44:07", &[]);
    fake.link("sys/class/net/usb0/device/subsystem", "../../bus/usb");
    let found = fake.all(HostIdKind::Ethernet).unwrap();
    let judged = |name: &str| {
        let it = found.iter().find(|it| it.source == name).unwrap_or_else(|| panic!("{name}: {found:?}"));
        (it.stability, it.why.split([':', ',']).next().unwrap().to_owned())
    };
    for (name, stability, why) in [
        ("docker0", Stability::Changes, "docker or container bridge"),
        ("br0", Stability::Changes, "bridge"),
        ("veth1", Stability::Changes, "one end of a pair (veth"),
        ("tap0", Stability::Changes, "tunnel (tun/tap)"),
        ("bond0", Stability::MayChange, "bond"),
        ("eth0.5", Stability::MayChange, "VLAN"),
        ("dummy0", Stability::Changes, "made by software"),
        ("eth0", Stability::Stable, "physical"),
        ("eth1", Stability::Stable, "physical"),
        ("eth2", Stability::Changes, "the driver makes up an address at each start"),
        ("eth3", Stability::MayChange, "physical"),
        ("eth4", Stability::MayChange, "locally administered"),
        ("wlan0", Stability::MayChange, "wireless"),
        ("usb0", Stability::MayChange, "USB adapter"),
    ] {
        assert_eq!(judged(name), (stability, why.to_owned()), "{name}");
    }
    assert_eq!(found.len(), 14);
    assert_eq!((found[0].source.as_str(), found[0].up), ("eth0", Some(true)));
    assert_eq!((found[1].source.as_str(), found[1].up), ("eth1", Some(false)));
    let doubles: Vec<_> =
        found.iter().filter_map(|it| Some((it.source.as_str(), it.same_as.as_deref()?))).collect();
    assert_eq!(doubles, [("bond0", "eth0"), ("eth0.5", "eth0")]);
    assert_eq!(recommended(&found).map(|it| it.source.as_str()), Some("eth0"));
}

#[test]
fn a_machine_without_interfaces_says_so() {
    let fake = Fake::new(&[]);
    assert_eq!(
        fake.texts(HostIdKind::Ethernet),
        ["This machine has no network interface with an Ethernet address."]
    );
}

#[cfg(target_endian = "little")]
#[test]
fn the_long_id_comes_from_its_file_else_from_the_hosts_address() {
    let fake = Fake::new(&[("proc/sys/kernel/hostname", "srv\n")]);
    assert!(fake.texts(HostIdKind::Long)[0].starts_with("This machine has no 32-bit hostid"));
    fake.write("etc/hosts", b"127.0.0.1 localhost\n::1 srv\n192.0.2.7 srv.example.org srv # this\n");
    assert_eq!(fake.texts(HostIdKind::Long), ["00c00702"]);
    assert_eq!(fake.all(HostIdKind::Long).unwrap()[0].stability, Stability::MayChange);
    fake.write("etc/hosts", b"127.0.1.1 srv\n");
    assert_eq!(fake.texts(HostIdKind::Long), ["007f0101"]);
    assert_eq!(fake.all(HostIdKind::Long).unwrap()[0].stability, Stability::Changes);
    fake.write("etc/hostid", &[0x01, 0x0a, 0x00, 0x17]);
    assert_eq!(fake.texts(HostIdKind::Long), ["17000a01"]);
    fake.write("etc/hostid", &[1, 2]);
    assert_eq!(fake.texts(HostIdKind::Long), ["007f0101"]);
}

#[test]
fn the_domain_comes_from_the_name_or_from_the_hosts_file() {
    let fake = Fake::new(&[("proc/sys/kernel/hostname", "srv\n")]);
    assert_eq!(fake.texts(HostIdKind::HostName), ["HOSTNAME=srv"]);
    assert!(fake.texts(HostIdKind::HostDomain)[0].contains("no domain"));
    fake.write("etc/hosts", b"127.0.0.1 localhost.localdomain localhost\n192.0.2.7 srv.example.org SRV\n");
    assert_eq!(fake.texts(HostIdKind::HostDomain), ["HOSTNAME=srv.example.org"]);
    fake.write("proc/sys/kernel/hostname", b"other.example.com\n");
    assert_eq!(fake.texts(HostIdKind::HostDomain), ["HOSTNAME=other.example.com"]);
    fake.write("proc/sys/kernel/hostname", b"bad name\n");
    assert!(fake.texts(HostIdKind::HostName)[0].contains("no host name"));
}

#[test]
fn addresses_that_other_machines_have_too_are_left_out() {
    let trie = "Main:\n  +-- 0.0.0.0/0 3 0 5\n     |-- 0.0.0.0\n        /0 universe UNICAST\nLocal:\n           |-- 127.0.0.1\n\
        \x20             /32 host LOCAL\n           |-- 192.0.2.2\n              /32 host LOCAL\n        |-- 192.0.2.255\n\
        \x20          /32 link BROADCAST\n     |-- 169.254.3.4\n        /32 host LOCAL\n     |-- 10.1.2.3\n        /32 host LOCAL\n\
        \x20    |-- 192.0.2.2\n        /32 host LOCAL\n";
    let table = "fe8000000000000000fc00fffe000001 04 40 20 80     eth0\n\
        00000000000000000000000000000001 01 80 10 80       lo\n\
        20010db8000000000000000000000002 04 40 00 80     eth0\n\
        20010db8000000000000000000000009 04 40 00 01     eth0\nnonsense\n";
    let fake = Fake::new(&[("proc/self/net/fib_trie", trie), ("proc/self/net/if_inet6", table)]);
    let addresses =
        ["INTERNET=10.1.2.3", "INTERNET=192.0.2.2", "INTERNET=2001:db8::2", "INTERNET=2001:db8::9"];
    assert_eq!(fake.texts(HostIdKind::Internet), addresses);
    assert_eq!(fake.all(HostIdKind::Internet).unwrap()[3].stability, Stability::Changes);
    assert!(Fake::new(&[]).texts(HostIdKind::Internet)[0].contains("no IP address"));
}

/// A disk with a partition, as `/sys` shows them.
fn disk(fake: &Fake, disk: &str, number: &str) {
    fake.write(&format!("sys/devices/{disk}/{disk}1/partition"), b"1\n");
    fake.write(&format!("sys/devices/{disk}/dev"), b"8:0\n");
    fake.link(&format!("sys/class/block/{disk}"), &format!("../../devices/{disk}"));
    fake.link(&format!("sys/class/block/{disk}1"), &format!("../../devices/{disk}/{disk}1"));
    fake.link(&format!("sys/dev/block/{number}"), &format!("../../devices/{disk}/{disk}1"));
}

#[test]
fn the_root_disk_is_found_through_partitions_and_volumes() {
    let fake = Fake::new(&[(
        "proc/self/mountinfo",
        "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n23 22 0:9 / /sys rw - sysfs sysfs rw\n",
    )]);
    assert!(fake.texts(HostIdKind::DiskSerial)[0].contains("lies on no disk"));
    disk(&fake, "sda", "8:1");
    assert_eq!(fake.texts(HostIdKind::DiskSerial), ["The disk sda tells no serial number."]);
    fake.write("run/udev/data/b8:0", b"S:disk/by-id/x\nE:ID_SERIAL_SHORT=WD-7\n");
    assert_eq!(fake.texts(HostIdKind::DiskSerial), ["DISK_SERIAL_NUM=wd7"]);
    fake.write("sys/devices/sda/device/vpd_pg80", b"\0\x80\0\x0c  WD 42 \"x\" ");
    assert_eq!(fake.texts(HostIdKind::DiskSerial), ["DISK_SERIAL_NUM=wd_42__x_"]);
    fake.write("sys/devices/sda/serial", b"0000\n");
    fake.write("sys/devices/sda/device/serial", b"S3X9 \n");
    assert_eq!(fake.texts(HostIdKind::DiskSerial), ["DISK_SERIAL_NUM=s3x9"]);

    // A file system with a number of its own, on an encrypted volume.
    fake.write(
        "proc/self/mountinfo",
        b"1 0 0:5 / / rw - overlay old rw\n22 1 0:30 /@ / rw shared:1 - btrfs /dev/mapper/root rw\n",
    );
    fake.link("dev/mapper/root", "../dm-0");
    fake.write("sys/devices/dm-0/slaves/sda1/x", b"");
    fake.link("sys/class/block/dm-0", "../../devices/dm-0");
    assert_eq!(fake.texts(HostIdKind::DiskSerial), ["DISK_SERIAL_NUM=s3x9"]);
    fake.write("sys/devices/dm-0/slaves/sdb1/x", b"");
    assert!(fake.texts(HostIdKind::DiskSerial)[0].contains("several disks (sda1, sdb1)"));
    std::fs::remove_dir_all(fake.0.path().join("sys/devices/dm-0/slaves")).unwrap();
    fake.write("sys/devices/dm-0/slaves/dm-0/x", b"");
    assert!(fake.texts(HostIdKind::DiskSerial)[0].contains("nested too deeply"));
}

#[test]
fn only_a_virtual_machine_has_a_vm_uuid() {
    let uuid = "4c4c4544-0042-3510-8052-b4c04f4a3132\n";
    let fake =
        Fake::new(&[("sys/class/dmi/id/product_uuid", uuid), ("sys/class/dmi/id/sys_vendor", "Example\n")]);
    assert!(fake.texts(HostIdKind::VmUuid)[0].contains("not a virtual machine"));
    fake.write("sys/class/dmi/id/sys_vendor", b"QEMU\n");
    let expected = "VM_UUID=4c4c4544-0042-3510-8052-b4c04f4a3132";
    assert_eq!(fake.texts(HostIdKind::VmUuid)[0], expected);
    assert_eq!(fake.all(HostIdKind::VmUuid).unwrap()[0].stability, Stability::Stable);
    // A cloud's name on a machine without a hypervisor.
    fake.write("proc/cpuinfo", b"flags\t: fpu vme\n");
    assert!(fake.texts(HostIdKind::VmUuid)[0].contains("not a virtual machine"));
    fake.write("proc/cpuinfo", b"flags\t: fpu hypervisor\n");
    assert_eq!(fake.texts(HostIdKind::VmUuid)[0], expected);
    fake.write("sys/class/dmi/id/product_uuid", b"00000000-0000-0000-0000-000000000000\n");
    assert!(fake.texts(HostIdKind::VmUuid)[0].contains("root alone"));
    fake.write("sys/hypervisor/uuid", uuid.as_bytes());
    assert_eq!(fake.texts(HostIdKind::VmUuid)[0], expected);
    let fake = Fake::new(&[("proc/cpuinfo", "flags : hypervisor\n")]);
    assert!(fake.texts(HostIdKind::VmUuid)[0].contains("tells no id"));
}

#[test]
fn a_container_is_found_by_its_group_or_by_the_files_that_it_was_given() {
    let id = "0123456789abcdef".repeat(4);
    let expected = [format!("CONTAINER_ID={id}")];
    for group in [
        format!("9:name=systemd:/\n4:memory:/docker/{id}\n"),
        format!("0::/system.slice/docker-{id}.scope\n"),
        format!("0::/machine.slice/libpod-{id}.scope/container\n"),
        format!("5:cpu:/kubepods/besteffort/pod0a/{id}\n"),
    ] {
        assert_eq!(Fake::new(&[("proc/self/cgroup", &group)]).texts(HostIdKind::Container), expected);
    }
    let mount =
        |kept_at: &str, seen_at: &str| format!("30 22 8:1 {kept_at} {seen_at} rw - ext4 /dev/sda1 rw\n");
    for (kept_at, seen_at, inside) in [
        (format!("/var/lib/docker/containers/{id}/hostname"), "/etc/hostname".to_owned(), true),
        (
            format!("/containers/storage/overlay-containers/{id}/userdata/hosts"),
            "/etc/hosts".to_owned(),
            true,
        ),
        (format!("/containerd/sandboxes/{id}/resolv.conf"), "/etc/resolv.conf".to_owned(), true),
        ("/".to_owned(), format!("/var/lib/docker/containers/{id}/mounts/shm"), false),
        ("/etc/hostname".to_owned(), "/etc/hostname".to_owned(), false),
    ] {
        let fake =
            Fake::new(&[("proc/self/cgroup", "0::/\n"), ("proc/self/mountinfo", &mount(&kept_at, &seen_at))]);
        assert_eq!(fake.texts(HostIdKind::Container) == expected, inside, "{kept_at}");
    }
}

#[test]
fn files_that_never_end_are_cut_and_pipes_are_left_alone() {
    let fake = Fake::new(&[]);
    let pipe = fake.0.path().join("etc/hostid");
    std::fs::create_dir_all(pipe.parent().unwrap()).unwrap();
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let tree = SystemTree::at(fake.0.path());
    assert_eq!(tree.bytes("etc/hostid"), None);
    assert_eq!(SystemTree::at(Path::new("/")).bytes("dev/zero"), None);
    fake.write("etc/hosts", &vec![b'x'; 5 << 20]);
    assert_eq!(tree.bytes("etc/hosts").map(|bytes| bytes.len()), Some(4 << 20));
}

#[test]
fn this_machine_has_each_hostid_once_in_a_spelling_that_can_be_read() {
    let hostids = machine_hostids(Some("srv"));
    assert!(hostids.contains(&HostId::HostName("srv".to_owned())));
    for hostid in hostids.iter().chain(&claimed_hostids()) {
        assert_eq!(HostId::parse(&hostid.to_string()).as_ref(), Ok(hostid));
        assert_eq!(hostids.iter().filter(|other| *other == hostid).count(), 1);
    }
}
