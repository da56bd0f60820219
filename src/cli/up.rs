//! `up`: a complete system in the foreground, for trying out: license manager and vendor daemon on this machine's
//! loopback address, logs on the screen, Ctrl-C ends everything.

use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{Call, USAGE, print_error};
use crate::event::debug_log::MANAGER_TIMESTAMP_MIN;
use crate::ident::encode_hex;
use crate::license::{FeatureLine, LicenseCount};
use crate::lmgrd::{Config, Plan, ReadFile, RestartPolicy, StartMode, plan, read, run as run_lmgrd};
use crate::platform::{self, ListenError, random_bytes};
use crate::sign::DEMO_VENDOR;
use crate::wire::ServerInfo;

/// The demo licenses, as they lie in the source tree.
const DEMO_PATH: &str = "testdata/svr_lgs.lic";

/// The same, for where there is no source tree.
const DEMO_LICENSE: &str = include_str!("../../testdata/svr_lgs.lic");

/// Start a complete system in the foreground, for trying out
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// License file [default: testdata/svr_lgs.lic, which is also built in]
    license: Option<PathBuf>,
    /// Port of the license manager; 0 takes any free one [default: that of the license file]
    #[arg(long, value_name = "N")]
    port: Option<u16>,
    /// Port of the vendor daemon; 0 takes any free one [default: that of the license file]
    #[arg(long, value_name = "N")]
    vendor_port: Option<u16>,
    /// Directory of the history; it is kept [default: a temporary one, removed at the end]
    #[arg(long, value_name = "DIR")]
    state_dir: Option<PathBuf>,
    /// Directory with vendor manifests (can be repeated)
    #[arg(long, value_name = "DIR")]
    vendor_dir: Vec<PathBuf>,
    /// Reread license and options files by itself when they change
    #[arg(long)]
    watch: bool,
    /// Listen on this address
    #[arg(long, value_name = "ADDRESS", default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    listen: IpAddr,
}

pub(super) fn run(args: Args, call: &Call) -> u8 {
    match start(args) {
        Ok(status) => status,
        Err(error) => {
            print_error(&format!("{}: {error}\n", call.name));
            USAGE
        }
    }
}

fn start(args: Args) -> Result<u8, String> {
    // Removed when it goes out of scope, after everything has ended.
    let place = match &args.state_dir {
        Some(directory) => Place::kept(directory)?,
        None => Place::temporary()?,
    };
    let license = license_path(args.license.as_deref(), &place)?;
    let file = read(&license)?;
    let plan = plan_of(&file, args.port)?;
    check_ports(&args, &plan)?;
    let ready = {
        let (state, temporary) = (place.state.clone(), place.remove.is_some());
        let listen = args.listen;
        move |info: &ServerInfo| welcome(info, &file, listen, &state, temporary)
    };
    let ending = run_lmgrd(Config {
        license_path: Some(license.into()),
        log_file: None,
        datestamp: false,
        local_only: false,
        refuse_down: false,
        refuse_reread: false,
        refuse_remove: false,
        state_dir: Some(place.state.clone()),
        watch: args.watch,
        vendor_dirs: args.vendor_dir,
        listen: Some(args.listen),
        clock_limits: Default::default(),
        port: args.port,
        vendor_port: args.vendor_port,
        timestamp_every: Duration::from_secs(60 * MANAGER_TIMESTAMP_MIN),
        restarts: RestartPolicy::default(),
        arguments: "up".to_owned(),
        notes: Vec::new(),
        start: StartMode::Whole(Box::new(ready)),
    });
    match ending.failure {
        Some(failure) => Err(format!("{failure}\nnothing is left running")),
        None => Ok(ending.status),
    }
}

/// Where the state lies.
struct Place {
    state: PathBuf,
    /// Removed at the end, with all that is in it.
    remove: Option<PathBuf>,
}

impl Place {
    fn kept(directory: &Path) -> Result<Self, String> {
        let state = platform::state_dir(Some(directory)).map_err(|error| error.to_string())?;
        platform::make_state_dir(&state).map_err(|error| error.to_string())?;
        Ok(Self { state, remove: None })
    }

    fn temporary() -> Result<Self, String> {
        let mark = random_bytes::<8>().map_err(|error| error.to_string())?;
        let place = std::env::temp_dir().join(format!("seatkeeper-{}", encode_hex(&mark)));
        let state = place.join("state");
        platform::make_state_dir(&state).map_err(|error| error.to_string())?;
        Ok(Self { state, remove: Some(place) })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(place) = &self.remove
            && let Err(error) = std::fs::remove_dir_all(place)
        {
            print_error(&format!("{} is left over: {error}\n", place.display()));
        }
    }
}

/// The named file; else the one of the source tree; else a copy of it beside the state.
fn license_path(named: Option<&Path>, place: &Place) -> Result<PathBuf, String> {
    let path = match named {
        Some(path) => path.to_owned(),
        None if Path::new(DEMO_PATH).is_file() => PathBuf::from(DEMO_PATH),
        None => {
            let copy = place.state.join("svr_lgs.lic");
            std::fs::write(&copy, DEMO_LICENSE).map_err(|error| format!("{}: {error}", copy.display()))?;
            copy
        }
    };
    std::path::absolute(&path).map_err(|error| format!("{}: {error}", path.display()))
}

fn plan_of(file: &ReadFile, port: Option<u16>) -> Result<Plan, String> {
    let host = platform::host_name().map_err(|error| error.to_string())?;
    let start_dir = std::env::current_dir().map_err(|error| format!("the present directory: {error}"))?;
    let mut notes = Vec::new();
    plan(std::slice::from_ref(file), &host, &start_dir, port, &mut notes)
        .map_err(|error| notes.into_iter().chain(error.messages()).collect::<Vec<_>>().join("\n"))
}

/// Asks for every port before anything starts, so that a taken one is named with the option that chooses another.
fn check_ports(args: &Args, plan: &Plan) -> Result<(), String> {
    if plan.vendors.len() > 1 && args.vendor_port.is_some_and(|port| port != 0) {
        return Err(format!(
            "--vendor-port can't be one port for {} vendor daemons; use 0",
            plan.vendors.len()
        ));
    }
    let of_vendors = plan.vendors.iter().map(|vendor| {
        (format!("the vendor daemon {}", vendor.name), args.vendor_port.or(vendor.port), "--vendor-port")
    });
    let of_manager = ("the license manager".to_owned(), args.port.or(plan.port), "--port");
    let mut held = Vec::new();
    for (what, port, option) in std::iter::once(of_manager).chain(of_vendors) {
        let Some(port) = port.filter(|port| *port != 0) else { continue };
        match platform::listen(Some(args.listen), port) {
            // Held until all are asked, so that two of them can't be the same.
            Ok(listener) => held.push(listener),
            Err(ListenError::PortTaken { port }) => {
                return Err(format!(
                    "TCP port {port} of {what} is in use; choose another with {option} N, or any free one with {option} 0"
                ));
            }
            Err(error) => return Err(format!("{what}: {error}")),
        }
    }
    Ok(())
}

/// What is printed when all serve.
fn welcome(info: &ServerInfo, file: &ReadFile, listen: IpAddr, state: &Path, temporary: bool) -> String {
    let program = std::env::current_exe().map_or_else(|_| super::PROGRAM.to_owned(), |path| quoted(&path));
    let host = match listen {
        address if address.is_loopback() || address.is_unspecified() => "localhost".to_owned(),
        IpAddr::V6(address) => format!("[{address}]"),
        IpAddr::V4(address) => address.to_string(),
    };
    let server = format!("{}@{host}", info.port);
    let vendors: Vec<String> = info
        .vendors
        .iter()
        .map(|vendor| format!("{} on port {}", vendor.name, vendor.port.unwrap_or_default()))
        .collect();
    let mut features: Vec<&str> = file.license.features().map(|line| line.name.as_str()).collect();
    features.dedup();
    let example = file
        .license
        .features()
        .find(|line| matches!(line.count, LicenseCount::Counted(_)))
        .map_or_else(|| "-f FEATURE VERSION".to_owned(), example);
    format!(
        "\n\
         Seatkeeper serves {license}\n  \
           license manager   {server}\n  \
           vendor daemon     {vendors}\n  \
           features          {features}\n  \
           state             {state}{kept}\n\
         \n\
         Try from a second terminal:\n  \
           {program} lmutil lmstat -a -c {server}\n  \
           {program} run -c {server} {example} -- sleep 60\n  \
           {program} lmutil lmdown -c {server} -q\n\
         \n\
         Ctrl-C here ends everything, as the last command does.\n\
         \n",
        license = file.path.display(),
        vendors = vendors.join(", "),
        features = features.join(" "),
        state = state.display(),
        kept = if temporary { " (removed at the end)" } else { "" },
    )
}

/// What `run` needs for this line; it asks for LGS if nobody else is named.
fn example(line: &FeatureLine) -> String {
    let feature = format!("-f {} {}", line.name, line.version);
    if line.vendor.as_str() == DEMO_VENDOR { feature } else { format!("--vendor {} {feature}", line.vendor) }
}

/// A path as a shell takes it.
fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    if text.chars().all(|c| c.is_alphanumeric() || "/._-+@".contains(c)) {
        text
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_quoted_for_the_shell() {
        assert_eq!(quoted(Path::new("/opt/a-b/seatkeeper")), "/opt/a-b/seatkeeper");
        assert_eq!(quoted(Path::new("/my dir/it's")), r"'/my dir/it'\''s'");
    }

    #[test]
    fn the_example_names_the_vendor_that_run_would_not_guess() {
        let text = "FEATURE a LGS 2.0 permanent 1 SIGN=x\nFEATURE b acmed 1.5 permanent 1 SIGN=x\n";
        let file = crate::license::LicenseFile::parse(crate::text::Source::new("x.lic", text.as_bytes()));
        let examples: Vec<String> = file.features().map(example).collect();
        assert_eq!(examples, ["-f a 2.0", "--vendor acmed -f b 1.5"]);
    }

    #[test]
    fn a_temporary_place_leaves_nothing_behind() {
        let place = Place::temporary().unwrap();
        let (state, root) = (place.state.clone(), place.remove.clone().unwrap());
        let license = license_path(None, &place).unwrap();
        assert!(state.is_dir() && license.is_file());
        drop(place);
        assert!(!root.exists());
    }
}
