//! `lmexplain FEATURE --user U --host H -L FILE… -O FILE.opt`.

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;

use jiff::tz::TimeZone;

use super::lmcatalog::FormatName;
use super::{Call, print, print_error, when};
use crate::event::{Checkout, Claims, Identity, SessionKind};
use crate::ident::{Count, Display, FeatureName, Host, Project, Token, User, Version};
use crate::license::HostId;
use crate::lmutil::lmexplain::{Held, Wanted, explain};
use crate::platform::{self, SystemClock};
use crate::time::{CivilDate, Clock as _, Now};

/// The exit status if nothing could be explained.
pub(super) const TROUBLE: u8 = 2;

/// Explain why a request would be granted or denied: each pool, each rule, and what would have to change
///
/// Decides one request under license files and an options file, by the code of the server, and shows the way to the answer: the
/// pools in the order in which they are tried; for each what was asked, which line or rule matched, and what decided; the answer
/// as the server gives it; and what would have to change for it to be granted. Ends with 0 if it would be granted, with 256 +
/// number if it would be denied (-4: 252), with 2 if that can't be told.
///
/// Nothing is in use unless --in-use or --held says so. A running server can't be asked yet: there is no -c, as clients may see
/// neither its directories nor the text of its rules.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    lmexplain solver:2.0 --user ann --host ws01 -L /etc/seatkeeper/licenses -O /etc/seatkeeper/licenses/LGS.opt\n  \
    lmexplain solver --user ann --host ws01 -L a.lic -O new.opt --held bob@ws02=3 --in-use 5\n\n\
    Nobody's license of --in-use is named by a rule. docs/administrator.md describes the keys of --format json.")]
pub(super) struct Args {
    /// The feature, and the version that is asked for; without one any version will do
    #[arg(value_name = "FEATURE[:VERSION]", value_parser = feature)]
    feature: (FeatureName, Version),
    /// Who asks
    #[arg(long, value_name = "NAME")]
    user: User,
    /// The machine from which the user asks
    #[arg(long, value_name = "NAME")]
    host: Host,
    /// The display; the host's name if left out
    #[arg(long, value_name = "NAME")]
    display: Option<Display>,
    /// The address from which the server sees the request come, for rules about addresses; 0.0.0.0 if left out
    #[arg(long, value_name = "ADDRESS")]
    ip: Option<IpAddr>,
    /// The value of LM_PROJECT
    #[arg(long, value_name = "NAME")]
    project: Option<Project>,
    /// A hostid of the client's machine, for node-locked lines (can be repeated)
    #[arg(long, value_name = "ID")]
    hostid: Vec<HostId>,
    /// How many licenses are asked for at once
    #[arg(long, value_name = "N", default_value = "1")]
    count: Count,
    /// License files of the server, in its order; a directory stands for its *.lic
    #[arg(short = 'L', long = "license", value_name = "FILE", required = true, num_args = 1..)]
    license: Vec<PathBuf>,
    /// The options file; without it there are no rules
    #[arg(short = 'O', long = "options", value_name = "FILE.opt")]
    options: Option<PathBuf>,
    /// So many licenses of the feature are in use by people whom no rule names
    #[arg(long, value_name = "N")]
    in_use: Option<Count>,
    /// This user has N licenses of the feature, 1 if left out (can be repeated)
    #[arg(long, value_name = "USER@HOST[=N]", value_parser = held)]
    held: Vec<Held>,
    /// Where to look for vendor manifests, besides the program's directory (can be repeated)
    #[arg(long, value_name = "DIR")]
    vendor_dir: Vec<PathBuf>,
    /// Take all lines as signed: for vendors whose key is not known here
    #[arg(long)]
    unsigned: bool,
    /// Decide as the server with this hostid instead of this machine (can be repeated)
    #[arg(long, value_name = "ID")]
    server_hostid: Vec<HostId>,
    /// Decide as at the beginning of this day, 31-dec-2027 or 2027-12-31, instead of now
    #[arg(long, value_name = "DAY", value_parser = when::day)]
    date: Option<CivilDate>,
    /// Time zone of the server, in which days begin and end; this machine's if left out
    #[arg(long, value_name = "ZONE", value_parser = when::zone)]
    timezone: Option<TimeZone>,
    /// How the explanation is shown
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    format: FormatName,
}

/// `FEATURE:VERSION`.
fn feature(text: &str) -> Result<(FeatureName, Version), String> {
    let (name, version) = text.rsplit_once(':').unwrap_or((text, "0.0"));
    let name = name.parse::<FeatureName>().map_err(|error| error.to_string())?;
    Ok((name, version.parse::<Version>().map_err(|error| error.to_string())?))
}

/// `USER@HOST=N`.
fn held(text: &str) -> Result<Held, String> {
    let (who, count) = text.rsplit_once('=').unwrap_or((text, "1"));
    let (user, host) = who.rsplit_once('@').ok_or("write it as USER@HOST or USER@HOST=N")?;
    Ok(Held {
        user: user.parse().map_err(|error: crate::ident::NameError| error.to_string())?,
        host: host.parse().map_err(|error: crate::ident::NameError| error.to_string())?,
        count: count.parse().map_err(|_| format!("{count:?} is no number of licenses from 1 on"))?,
    })
}

pub(super) fn run(args: Args, call: &Call) -> u8 {
    match explained(args) {
        Ok((text, status)) => {
            print(&text);
            status
        }
        Err(trouble) => {
            for problem in trouble {
                print_error(&format!("{}: {problem}\n", call.name));
            }
            TROUBLE
        }
    }
}

fn explained(args: Args) -> Result<(String, u8), Vec<String>> {
    let zone = args.timezone.unwrap_or_else(|| platform::system_zone().zone);
    let now = SystemClock::new().now();
    let utc = match args.date {
        Some(day) => day.begins(&zone).ok_or_else(|| vec![format!("{day} lies outside the calendar")])?,
        None => now.utc,
    };
    let display = match args.display {
        Some(display) => display,
        None => {
            args.host.as_str().parse().map_err(|error: crate::ident::NameError| vec![error.to_string()])?
        }
    };
    let hostid = |id: &HostId| id.to_string().parse::<Host>().map_err(|error| vec![error.to_string()]);
    let claims = Claims {
        user: args.user,
        host: args.host,
        display,
        project: args.project,
        platform: None,
        hostids: args.hostid.iter().map(hostid).collect::<Result<_, _>>()?,
        pid: None,
    };
    let (feature, version) = args.feature;
    let wanted = Wanted {
        request: Checkout { token: Token(1), acknowledged: Token(0), feature, version, count: args.count },
        identity: Identity::new(
            claims,
            args.ip.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)),
            SessionKind::Framed,
        ),
        licenses: args.license,
        options: args.options,
        in_use: args.in_use,
        held: args.held,
        vendor_dirs: args.vendor_dir,
        unsigned: args.unsigned,
        machine: if args.server_hostid.is_empty() { platform::own_hostids() } else { args.server_hostid },
        zone,
        now: Now { utc, ..now },
    };
    let told = explain(&wanted)?;
    Ok((told.show(args.format == FormatName::Json), told.status()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn features_and_holders_are_read() {
        let (name, version) = feature("solver:2.50").unwrap();
        assert_eq!((name.as_str(), version.as_str()), ("solver", "2.50"));
        assert_eq!(feature("solver").unwrap().0.as_str(), "solver");
        assert!(feature("solver:new").is_err());
        let bob = held("bob b@ws02=3").unwrap();
        assert_eq!((bob.user.as_str(), bob.host.as_str(), bob.count.get()), ("bob b", "ws02", 3));
        assert!(held("bob").is_err() && held("bob@ws02=0").is_err());
    }
}
