//! What every vendor daemon of this lmgrd is started with.

use std::fs::File;
use std::net::IpAddr;
use std::path::PathBuf;

use super::child::Start;
use super::files::VendorPlan;
use super::log::Log;
use super::program;
use super::restarts::RestartPolicy;
use crate::ident::Host;

/// All that does not come from license files.
#[derive(Debug)]
pub(super) struct Starting {
    pub(super) vendor_dirs: Vec<PathBuf>,
    pub(super) start_dir: PathBuf,
    /// This program's own file.
    pub(super) own: PathBuf,
    /// Replaces the ports of the VENDOR lines.
    pub(super) vendor_port: Option<u16>,
    pub(super) state_dir: PathBuf,
    pub(super) server_port: u16,
    pub(super) listen: Option<IpAddr>,
    pub(super) clock_limits: [(&'static str, Option<u64>); 2],
    pub(super) datestamp: bool,
    pub(super) local_only: bool,
    pub(super) log: Option<File>,
    pub(super) mute: bool,
    pub(super) restarts: RestartPolicy,
}

impl Starting {
    /// How a vendor daemon of a plan is started.
    pub(super) fn start(&self, vendor: &VendorPlan, host: &Host, log: &Log) -> Start {
        let written = vendor.program.as_deref();
        let (program, note) = program::choose(written, &self.vendor_dirs, &self.start_dir, &self.own);
        note.iter().for_each(|note| log.say(note));
        Start {
            program,
            vendor: vendor.name.clone(),
            options: vendor.options.clone(),
            files: vendor.files.clone(),
            port: self.vendor_port.or(vendor.port).unwrap_or(0),
            state_dir: self.state_dir.clone(),
            vendor_dirs: self.vendor_dirs.iter().map(|dir| self.start_dir.join(dir)).collect(),
            server_host: host.clone(),
            server_port: self.server_port,
            listen: self.listen,
            clock_limits: self.clock_limits,
            datestamp: self.datestamp,
            local_only: self.local_only,
            log: self.log.as_ref().and_then(|file| file.try_clone().ok()),
            mute: self.mute,
        }
    }
}
