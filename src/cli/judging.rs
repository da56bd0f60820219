//! As whom and when files are judged: the arguments that lmlint and the language server share.

use std::path::PathBuf;

use jiff::tz::TimeZone;

use super::when;
use crate::license::HostId;
use crate::lint::EXPIRES_SOON_DAYS;
use crate::platform;
use crate::time::CivilDate;

#[derive(Debug, clap::Args)]
pub(super) struct Judging {
    /// Where to look for vendor manifests, besides the program's directory (can be repeated)
    #[arg(long, value_name = "DIR")]
    pub(super) vendor_dir: Vec<PathBuf>,
    /// Judge as the machine with this hostid instead of this machine (can be repeated)
    #[arg(long, value_name = "ID")]
    pub(super) hostid: Vec<HostId>,
    /// Judge as on this day, 31-dec-2027 or 2027-12-31, instead of today
    #[arg(long, value_name = "DAY", value_parser = when::day)]
    pub(super) date: Option<CivilDate>,
    /// Warn of lines that expire within so many days
    #[arg(long, value_name = "DAYS", default_value_t = EXPIRES_SOON_DAYS)]
    pub(super) expires_within: u16,
    /// Time zone of the server, which says what day it is; this machine's if left out
    #[arg(long, value_name = "ZONE", value_parser = when::zone)]
    pub(super) timezone: Option<TimeZone>,
}

impl Judging {
    /// The hostids to judge as.
    pub(super) fn machine(&self) -> Vec<HostId> {
        if self.hostid.is_empty() { platform::own_hostids() } else { self.hostid.clone() }
    }
}
