//! What a vendor daemon is started with.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::ident::{Host, VendorName};
use crate::time::SkewLimits;
use crate::wire::limits;

/// Everything that lmgrd, or a person at the command line, hands over.
#[derive(Debug, Clone)]
pub struct Config {
    /// Whose licenses are served.
    pub vendor: VendorName,
    /// License files and directories in path order, absolute. A directory means its `*.lic`.
    pub license_files: Vec<PathBuf>,
    /// The options file, absolute; none if the license files name none and there is no default one.
    pub options_file: Option<PathBuf>,
    /// Port to listen on; 0 for any free one.
    pub port: u16,
    /// Address to listen on; all of this machine if none.
    pub listen: Option<IpAddr>,
    /// Where the state of all vendors lives; this daemon uses the directory of its vendor in it.
    pub state_dir: PathBuf,
    /// Where vendor manifests may be, besides the program's own directory.
    pub vendor_dirs: Vec<PathBuf>,
    /// Host of the SERVER line, as lmstat shows it.
    pub server_host: Host,
    /// Port of lmgrd, as lmstat shows it.
    pub server_port: u16,
    /// Zone that license dates are judged in; the machine's if none.
    pub zone: Option<String>,
    /// Whether log lines begin with ISO 8601 dates.
    pub datestamp: bool,
    /// Whether lmgrd is at the other end of standard input.
    pub supervised: bool,
    /// Orders that change something are taken from this machine alone (`lmgrd -local`).
    pub local_only: bool,
    /// How often an options file that could not be read at the start is tried again.
    pub options_again: Duration,
    /// Limits against slow and hostile peers.
    pub limits: Limits,
}

/// Limits that keep one peer from hurting the others (DESIGN section 6).
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Time for the first complete HELLO.
    pub handshake: Duration,
    /// Time for the rest of a message whose first bytes have come.
    pub rest_of_message: Duration,
    /// Silence after which a connection without a session is closed.
    pub idle: Duration,
    /// Connections of one address; loopback is not limited by it.
    pub connections_per_host: usize,
    /// Connections that the limit of open files has room for.
    pub connections: usize,
    /// Sessions altogether.
    pub sessions: usize,
    /// Requests of one connection that wait for their answer; more are read only when some are answered.
    pub requests_in_flight: usize,
    /// Bytes that wait to be sent to one peer before its connection is closed.
    pub unsent_bytes: usize,
    /// Differences between the clocks of client and server.
    pub skew: SkewLimits,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            handshake: limits::HANDSHAKE,
            rest_of_message: Duration::from_secs(5),
            idle: Duration::from_secs(60),
            connections_per_host: 4096,
            connections: usize::MAX,
            sessions: 200_000,
            requests_in_flight: 256,
            unsent_bytes: 1 << 20,
            skew: SkewLimits::default(),
        }
    }
}
