//! What the container engine calls the container that this program runs in.

use super::{Candidate, HostIdKind, Stability, SystemTree, candidate};

/// Digits of a container's id.
const ID_DIGITS: usize = 64;

/// Files that engines put into a container from a directory of the container's own.
const GIVEN_FILES: [&str; 3] = ["/etc/hostname", "/etc/hosts", "/etc/resolv.conf"];

/// `CONTAINER_ID=`, 64 hexadecimal digits: from the control group, else from where the engine keeps files that it puts
/// into every container. In a Kubernetes pod that may be the id of the pod's sandbox.
pub(super) fn id(tree: &SystemTree) -> Result<Candidate, String> {
    let judged = (Stability::Changes, "container: a new one, even of the same image, has another");
    let read = |path: &str| tree.text(path).unwrap_or_default();
    let from_group = from_group(&read("proc/self/cgroup")).map(|id| (id, "/proc/self/cgroup"));
    let found = from_group
        .or_else(|| from_mounts(&read("proc/self/mountinfo")).map(|id| (id, "/proc/self/mountinfo")));
    found
        .and_then(|(id, source)| {
            candidate(HostIdKind::Container, &format!("CONTAINER_ID={id}"), source, judged)
        })
        .ok_or_else(|| "This program does not run in a container whose id can be seen.".to_owned())
}

/// The innermost part of a group's path that is an id, as `docker-<id>.scope` or `<id>`.
fn from_group(groups: &str) -> Option<String> {
    let paths = groups.lines().filter_map(|line| line.splitn(3, ':').nth(2));
    paths.filter_map(|path| path.split('/').rev().find_map(id_in)).next()
}

/// The id in the directory of a file that the engine gave. Mounts that an engine makes for its containers on the host
/// itself do not count.
fn from_mounts(mounts: &str) -> Option<String> {
    mounts.lines().find_map(|line| {
        let mut words = line.split(' ').skip(3);
        let (kept_at, seen_at) = (words.next()?, words.next()?);
        if !GIVEN_FILES.contains(&seen_at) {
            return None;
        }
        kept_at.split('/').rev().find_map(id_in)
    })
}

fn id_in(part: &str) -> Option<String> {
    let part = part.strip_suffix(".scope").unwrap_or(part);
    let id = part.rsplit('-').next()?;
    let sound = id.len() == ID_DIGITS && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    sound.then(|| id.to_ascii_lowercase())
}
