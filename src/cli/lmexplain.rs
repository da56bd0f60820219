//! `lmexplain FEATURE --user U --host H`, under files (`-L FILE… -O FILE.opt`) or by a running server (`-c 27000@host`).

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;

use jiff::tz::TimeZone;

use super::lmcatalog::FormatName;
use super::{Call, print, print_error, servers, when};
use crate::client::Limits;
use crate::event::{Checkout, Claims, Identity, SessionKind, Wishes};
use crate::ident::{Count, Display, FeatureName, Host, Platform, Project, Token, User, VendorName, Version};
use crate::license::HostId;
use crate::lmutil::lmexplain::{Held, OnFiles, OnServer, Question, Told, Trouble, on_files, on_server};
use crate::platform::{self, SystemClock};
use crate::time::{CivilDate, Clock as _, Now};

/// A hostid that no line has.
const SOME_HOSTID: &str = "(some-hostid)";

/// The exit status if nothing could be explained.
pub(super) const TROUBLE: u8 = 2;

/// Explain why a request would be granted or denied: each pool, each rule, and what would have to change
///
/// Decides one request by the code of the server and shows the way to the answer: the pools in the order in which they are tried; for
/// each what was asked, which line or rule matched, who uses what is counted, and what decided; the answer as the server gives it;
/// and what would have to change for it to be granted. Ends with 0 if it would be granted, with 256 + number if it would be
/// denied (-4: 252), with 2 if that can't be told.
///
/// A running server is asked for the files that are in force and for who uses what at this moment; nothing is checked out. That
/// needs the administrator's key, as lmreread does, for clients see neither directories nor the text of rules. With -O the answer is
/// what would be under that options file instead. With -L files are judged without any server: nothing is in use then unless
/// --in-use or --held says so.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    lmexplain solver:2.0 --user ann --host ws01 -c 27000@lic1\n  \
    lmexplain solver:2.0 --user ann --host ws01 -c 27000@lic1 -O new.opt\n  \
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
    /// The platform that the client runs on, such as x64_lsb
    #[arg(long, value_name = "NAME")]
    platform: Option<Platform>,
    /// A hostid of the client's machine, for node-locked lines (can be repeated)
    #[arg(long, value_name = "ID")]
    hostid: Vec<HostId>,
    /// To borrow it for so many hours from now; without --hostid the client is taken to have one
    #[arg(long, value_name = "HOURS")]
    borrow: Option<u32>,
    /// How many licenses are asked for at once
    #[arg(long, value_name = "N", default_value = "1")]
    count: Count,
    /// Ask the running server: port@host, or license files that name it, separated by colons; SEATKEEPER_LICENSE_FILE and
    /// LM_LICENSE_FILE if neither this nor -L is given
    #[arg(short = 'c', value_name = "LIST", conflicts_with = "license")]
    path: Vec<String>,
    /// The vendor whose daemon decides; the first that serves the feature if left out
    #[arg(long, value_name = "VENDOR")]
    vendor: Option<VendorName>,
    /// File with the administrator's key, for a server on another machine
    #[arg(long, value_name = "FILE", conflicts_with = "license")]
    admin_key: Option<PathBuf>,
    /// License files to judge by, in the server's order; a directory stands for its *.lic
    #[arg(short = 'L', long = "license", value_name = "FILE", num_args = 1..)]
    license: Vec<PathBuf>,
    /// The options file; with -L there are no rules without it, of a server it replaces the one in force
    #[arg(short = 'O', long = "options", value_name = "FILE.opt")]
    options: Option<PathBuf>,
    /// With -L: so many licenses of the feature are in use by people whom no rule names
    #[arg(long, value_name = "N")]
    in_use: Option<Count>,
    /// With -L: this user has N licenses of the feature, 1 if left out (can be repeated)
    #[arg(long, value_name = "USER@HOST[=N]", value_parser = held)]
    held: Vec<Held>,
    /// With -L: where to look for vendor manifests, besides the program's directory (can be repeated)
    #[arg(long, value_name = "DIR")]
    vendor_dir: Vec<PathBuf>,
    /// With -L: take all lines as signed: for vendors whose key is not known here
    #[arg(long)]
    unsigned: bool,
    /// With -L: decide as the server with this hostid instead of this machine (can be repeated)
    #[arg(long, value_name = "ID")]
    server_hostid: Vec<HostId>,
    /// With -L: decide as at the beginning of this day, 31-dec-2027 or 2027-12-31, instead of now
    #[arg(long, value_name = "DAY", value_parser = when::day)]
    date: Option<CivilDate>,
    /// With -L: time zone of the server, in which days begin and end; this machine's if left out
    #[arg(long, value_name = "ZONE", value_parser = when::zone)]
    timezone: Option<TimeZone>,
    /// How the explanation is shown
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    format: FormatName,
}

/// `FEATURE:VERSION`; the name may have colons itself, and `f:1:` is any version of `f:1`.
fn feature(text: &str) -> Result<(FeatureName, Version), String> {
    let (name, version) = text.rsplit_once(':').unwrap_or((text, ""));
    let version = if version.is_empty() { "0.0" } else { version };
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
    let as_json = args.format == FormatName::Json;
    let shown = |told: Told<'_>| {
        print(&told.show(as_json));
        told.status()
    };
    let question = match question(&args) {
        Ok(question) => question,
        Err(problem) => return troubled(call, &Trouble::Texts(vec![problem])),
    };
    let told = if args.license.is_empty() {
        of_server(args).and_then(|server| on_server(&question, &server))
    } else {
        of_files(args).and_then(|files| on_files(&question, &files))
    };
    told.map_or_else(|trouble| troubled(call, &trouble), shown)
}

fn troubled(call: &Call, trouble: &Trouble) -> u8 {
    match trouble {
        Trouble::Texts(texts) => {
            texts.iter().for_each(|problem| print_error(&format!("{}: {problem}\n", call.name)));
        }
        Trouble::Asking(failure) => {
            let denial = &failure.denial;
            print_error(&format!("{}: {failure}\n", call.name));
            [&*denial.note, denial.code.remedy()]
                .iter()
                .filter(|text| !text.is_empty())
                .for_each(|text| print_error(&format!("{text}\n")));
        }
    }
    TROUBLE
}

fn question(args: &Args) -> Result<Question, String> {
    let display = match &args.display {
        Some(display) => display.clone(),
        None => args.host.as_str().parse().map_err(|error: crate::ident::NameError| error.to_string())?,
    };
    let hostid = |id: &HostId| id.to_string().parse::<Host>().map_err(|error| error.to_string());
    let claims = Claims {
        user: args.user.clone(),
        host: args.host.clone(),
        display,
        project: args.project.clone(),
        platform: args.platform.clone(),
        hostids: args.hostid.iter().map(hostid).collect::<Result<_, _>>()?,
        pid: None,
    };
    let claims = match args.borrow {
        // Every client that borrows names its hostids.
        Some(_) if claims.hostids.is_empty() => {
            Claims { hostids: SOME_HOSTID.parse().into_iter().collect(), ..claims }
        }
        _ => claims,
    };
    let (feature, version) = args.feature.clone();
    let address = args.ip.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
    Ok(Question {
        request: Checkout {
            token: Token(1),
            acknowledged: Token(0),
            feature,
            version,
            count: args.count,
            wishes: Wishes::default(),
        },
        identity: Identity::new(claims, address, SessionKind::Framed),
        borrow_h: args.borrow,
    })
}

fn of_files(args: Args) -> Result<OnFiles, Trouble> {
    let zone = args.timezone.unwrap_or_else(|| platform::system_zone().zone);
    let now = SystemClock::new().now();
    let utc = match args.date {
        Some(day) => day
            .begins(&zone)
            .ok_or_else(|| Trouble::Texts(vec![format!("{day} lies outside the calendar")]))?,
        None => now.utc,
    };
    Ok(OnFiles {
        licenses: args.license,
        options: args.options,
        vendor: args.vendor,
        in_use: args.in_use,
        held: args.held,
        vendor_dirs: args.vendor_dir,
        unsigned: args.unsigned,
        machine: if args.server_hostid.is_empty() { platform::own_hostids() } else { args.server_hostid },
        zone,
        now: Now { utc, ..now },
    })
}

fn of_server(args: Args) -> Result<OnServer, Trouble> {
    let for_files = [
        ("--in-use", args.in_use.is_some()),
        ("--held", !args.held.is_empty()),
        ("--vendor-dir", !args.vendor_dir.is_empty()),
        ("--unsigned", args.unsigned),
        ("--server-hostid", !args.server_hostid.is_empty()),
        ("--date", args.date.is_some()),
        ("--timezone", args.timezone.is_some()),
    ];
    let given: Vec<&str> = for_files.iter().filter(|(_, given)| *given).map(|(name, _)| *name).collect();
    if !given.is_empty() {
        return Err(Trouble::Texts(vec![format!(
            "{}: for files alone (-L); a running server is asked for what is in force and in use at this moment",
            given.join(", ")
        )]));
    }
    Ok(OnServer {
        path: servers::path(&args.path),
        vendor: args.vendor,
        key: servers::key(args.admin_key),
        limits: Limits::from_environment(),
        options: args.options,
    })
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
