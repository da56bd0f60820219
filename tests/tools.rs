//! lmgrd with real vendor daemons, and the tools that administrators use on it.
#![cfg(all(feature = "server", feature = "cli"))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "support/daemon.rs"]
mod daemon;
#[path = "support/moved_clock.rs"]
mod moved_clock;
#[path = "support/shim.rs"]
mod shim;
#[path = "support/signed.rs"]
mod signed;
#[path = "support/system.rs"]
mod system;

mod tools {
    mod floating;
    mod license_cases;
    mod linger;
    mod lmcatalog;
    mod lmcksum;
    mod lmclock;
    mod lmcrypt;
    mod lmdiff;
    mod lmdown;
    mod lmexplain;
    mod lmexplain_queue;
    mod lmexplain_server;
    mod lmfmt;
    mod lmgrd;
    mod lmhostid;
    mod lminstall;
    mod lmlint;
    mod lmopt;
    mod lmremove;
    mod lmreplay;
    mod lmreread;
    mod lmstat;
    mod midnight;
    mod newer_files;
    mod options_cases;
    mod options_file;
    mod output;
    mod priority;
    mod reread_load;
    mod reread_vendors;
    mod search_path;
    mod suite_queue;
    mod up;
    mod watch;
    mod whole_files;
}

/// Ten floating seats and a feature that needs no count, on ports of the test.
const LICENSE: &str = "SERVER this_host ANY {port}\nVENDOR LGS\nFEATURE solver LGS 2025.0 31-dec-2035 10\n\
     FEATURE mesher LGS 1.0 permanent 1\nFEATURE viewer LGS 1.0 permanent uncounted HOSTID=ANY\n";
