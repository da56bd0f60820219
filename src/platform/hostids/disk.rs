//! The serial number of the disk that holds the root directory.

use super::{Candidate, HostIdKind, Stability, SystemTree, candidate};

/// Layers of volumes (encryption, volume manager) that may lie on a disk.
const LAYERS_MAX: usize = 8;

/// Longest serial number, in characters.
const SERIAL_MAX: usize = 64;

/// `DISK_SERIAL_NUM=` of the disk below `/`, through partitions and volumes. Read from `/sys`, else from what udev noted.
pub(super) fn root_disk(tree: &SystemTree) -> Result<Candidate, String> {
    let mounts = tree.text("proc/self/mountinfo").unwrap_or_default();
    let device = root_device(tree, &mounts)
        .ok_or("The root directory of this machine lies on no disk that can be seen from here.")?;
    let disk = whole_disk(tree, device)?;
    let serial = serial(tree, &disk).ok_or_else(|| format!("The disk {disk} tells no serial number."))?;
    let judged = if disk.starts_with("vd") || disk.starts_with("xvd") {
        (Stability::MayChange, "virtual disk: the hypervisor sets the number")
    } else {
        (Stability::MayChange, "disk of the root directory: changes when the disk is replaced")
    };
    candidate(HostIdKind::DiskSerial, &format!("DISK_SERIAL_NUM={serial}"), disk.as_str(), judged)
        .ok_or_else(|| format!("The serial number of the disk {disk} cannot stand in a license file."))
}

/// The kernel's name of the device that is mounted at `/`: by its number, else by the name it was mounted under, as
/// some file systems have numbers of their own.
fn root_device(tree: &SystemTree, mounts: &str) -> Option<String> {
    let line = mounts.lines().rfind(|line| line.split(' ').nth(4) == Some("/"))?;
    let number = line.split(' ').nth(2)?;
    if let Some(name) = tree.link_name(&format!("sys/dev/block/{number}")) {
        return Some(name);
    }
    let (_, mounted) = line.split_once(" - ")?;
    let source = mounted.split(' ').nth(1)?.strip_prefix("/dev/")?;
    // Names in subdirectories are links to the kernel's names.
    let name = tree.link_name(&format!("dev/{source}")).unwrap_or_else(|| source.to_owned());
    (!name.contains('/') && tree.exists(&format!("sys/class/block/{name}"))).then_some(name)
}

/// The disk below a partition or a volume.
fn whole_disk(tree: &SystemTree, mut device: String) -> Result<String, String> {
    for _ in 0..LAYERS_MAX {
        let block = format!("sys/class/block/{device}");
        if tree.exists(&format!("{block}/partition")) {
            let real = std::fs::canonicalize(tree.path(&block)).ok();
            let parent = real.as_deref().and_then(|path| path.parent()?.file_name()?.to_str());
            device =
                parent.ok_or_else(|| format!("The disk of the partition {device} is not known."))?.to_owned();
            continue;
        }
        let below = tree.names(&format!("{block}/slaves"));
        match below.as_slice() {
            [] => return Ok(device),
            [one] => device = one.clone(),
            several => {
                return Err(format!(
                    "The root directory lies on several disks ({}), so that no one of them names this machine.",
                    several.join(", ")
                ));
            }
        }
    }
    Err(format!("The volumes below {device} are nested too deeply."))
}

fn serial(tree: &SystemTree, disk: &str) -> Option<String> {
    let block = format!("sys/class/block/{disk}");
    let plain = |file: &str| tree.text(&format!("{block}/{file}"));
    // A SCSI page has four bytes before the number.
    let page = || {
        let bytes = tree.bytes(&format!("{block}/device/vpd_pg80"))?;
        Some(String::from_utf8_lossy(bytes.get(4..)?).into_owned())
    };
    let udev = || {
        let number = plain("dev")?;
        let notes = tree.text(&format!("run/udev/data/b{number}"))?;
        notes.lines().find_map(|line| line.strip_prefix("E:ID_SERIAL_SHORT=")).map(str::to_owned)
    };
    let from = |text: Option<String>| clean(&text?);
    from(plain("serial"))
        .or_else(|| from(plain("device/serial")))
        .or_else(|| from(page()))
        .or_else(|| from(udev()))
}

/// Without what a license file could not hold; none if nothing but zeros is left.
fn clean(serial: &str) -> Option<String> {
    let text: String = serial
        .trim_matches(|c: char| c.is_whitespace() || c.is_control())
        .chars()
        .map(|c| if c.is_ascii_graphic() && c != '"' && c != '#' { c } else { '_' })
        .take(SERIAL_MAX)
        .collect();
    text.chars().any(|c| c.is_ascii_alphanumeric() && c != '0').then_some(text)
}
