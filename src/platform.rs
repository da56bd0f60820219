//! The machine: clocks, randomness, hostids, names, sockets, locks. The only home of system types and of `unsafe`.

mod clock;
mod file_state;
#[cfg(feature = "server")]
mod file_watch;
mod hostids;
mod license_files;
mod lock;
mod log_sink;
mod manifest_files;
mod net;
pub mod process;
mod random;
mod statedir;
mod user;
mod whole_file;
mod zone;

pub use clock::SystemClock;
pub use file_state::{FileLook, FileStates};
#[cfg(feature = "server")]
pub use file_watch::{FileWatch, WatchNews, Watched};
pub use hostids::{
    Candidate, HostIdKind, Stability, SystemTree, candidates, claimed_hostids, machine_hostids, own_hostids,
    recommended,
};
pub use license_files::{LICENSE_FILE_BYTES_MAX, licenses_in, read_regular};
pub use lock::{LockError, StateLock};
pub use log_sink::{LogSink, open_log};
pub use manifest_files::{
    FoundManifest, ManifestFile, ManifestFileError, find_manifest, manifest_name, read_manifest,
};
pub use net::{DEFAULT_PORTS, ListenError, listen, listen_on_first_free, same_machine, tune};
pub use random::{RandomError, random_bytes};
pub use statedir::{
    ADMIN_KEY_FILE, StateDirError, admin_key, make_state_dir, make_vendor_dir, read_admin_key, state_dir,
    state_key,
};
pub use user::{display_name, host_name, user_name};
pub use whole_file::{
    Secrecy, is_taken, make_dir_like_parent, others_may_read, remove_durably, replace, replace_durably,
    replace_keeping, write_new,
};
pub use zone::{SystemZone, named_zone, system_zone};
