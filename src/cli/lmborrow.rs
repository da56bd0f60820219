//! `lmborrow`: arguments and what is printed (`flexnet-tools.md` 2.12).

use std::path::PathBuf;

use super::{Call, USAGE, print, print_error, servers};
use crate::client::{BorrowOrder, Limits, Renewal, SearchPath, Settled, end_of, minute_of, vendor_or_all};
use crate::ident::{FeatureName, Handle, VendorName, Version};
use crate::lmutil::ask::Failure;
use crate::lmutil::lmborrow::{self, Asked, Given, Met, Wanted};
use crate::lmutil::{banner, version_line};
use crate::platform::system_zone;
use crate::time::CivilDate;

/// Take licenses along, show them, renew them, give them back
#[derive(Debug, clap::Args)]
#[command(
    disable_help_flag = true,
    override_usage = "lmborrow {VENDOR|all} dd-mmm-yyyy [hh:mm] [--renew-every HOURS]
       lmborrow -status | -clear | -purge
       lmborrow -renew [-c LIST] [FEATURE]
       lmborrow -return [-c LIST] [-d DISPLAY] [-u USER] [-h HOST] [-fqdn] [-vendor NAME] FEATURE [-bv VERSION]
       lmborrow -recall -c LIST [-vendor NAME] FEATURE HANDLE",
    after_help = "\
The first form borrows nothing yet: the checkouts that applications make today do, until the end of that day or the given time. LM_BORROW, \
which says the same as today:{VENDOR|all}:dd-mmm-yyyy[:hh:mm], wins where it is set. What is borrowed is kept in \
$HOME/.seatkeeper/borrow, or where SEATKEEPER_BORROW_DIR says, and needs no server until its end.

With --renew-every the record is good for so many hours and renews itself whenever its server can be reached, by a program that uses it or by \
\"lmborrow -renew\", such as from cron. A machine that is lost costs no more than that: its license is free again when the record has ended.

-status needs no server. -clear stops further borrowing and leaves what is borrowed. -purge removes what is over or damaged. -return \
gives a license back before its end, on the machine, by the user and at the display that borrowed it, if the publisher allows it; the order to \
borrow from its vendor is cleared then. \
-recall is for administrators: the borrow with the handle that lmstat prints is renewed no more, and given back when its machine meets the server; \
what was lent without --renew-every can't be called back from a machine that does not come.

Exit status: 0, or 256 + the number of the error: 133 (-123) when the publisher allows no early return, 132 (-124) when the server is not \
reached, 128 (-128) when nothing fits."
)]
pub(super) struct Args {
    /// Show what is borrowed on this machine
    #[arg(long, group = "action")]
    status: bool,
    /// Stop further borrowing
    #[arg(long, group = "action")]
    clear: bool,
    /// Remove what is over or damaged
    #[arg(long, group = "action")]
    purge: bool,
    /// Meet the servers: renew records, learn what is over or wanted back
    #[arg(long, group = "action")]
    renew: bool,
    /// Give a license back before its end
    #[arg(long = "return", group = "action")]
    give_back: bool,
    /// Want a borrow back, as an administrator
    #[arg(long, group = "action", requires = "path")]
    recall: bool,
    /// Records are good for so many hours and renew themselves
    #[arg(long, value_name = "HOURS", num_args = 0..=1, default_missing_value = "24", value_parser = clap::value_parser!(u32).range(1..=8760))]
    renew_every: Option<u32>,
    /// License path: files, directories, port@host, separated by colons [default: where it was borrowed]
    #[arg(short = 'c', value_name = "LIST")]
    path: Vec<String>,
    /// The display at which it was borrowed, as lmstat prints it
    #[arg(short = 'd', value_name = "DISPLAY", requires = "give_back")]
    display: Option<String>,
    /// The user who borrowed it
    #[arg(short = 'u', value_name = "USER", requires = "give_back")]
    user: Option<String>,
    /// The host on which it was borrowed
    #[arg(short = 'h', value_name = "HOST", requires = "give_back")]
    host: Option<String>,
    /// Compare host names to their first dot, as the server may know the full name
    #[arg(long, requires = "give_back")]
    fqdn: bool,
    /// Only of this vendor
    #[arg(long = "vendor", value_name = "NAME")]
    vendor: Option<VendorName>,
    /// Only what was borrowed in this version
    #[arg(long = "bv", value_name = "VERSION", requires = "give_back", value_parser = version)]
    borrowed_version: Option<Version>,
    /// File with the administrator's key, for a server on another machine
    #[arg(long, value_name = "FILE", requires = "recall")]
    admin_key: Option<PathBuf>,
    /// Print the version
    #[arg(short = 'v', long = "version")]
    version: bool,
    /// Print help
    #[arg(long = "help", action = clap::ArgAction::Help)]
    help: Option<bool>,
    /// Vendor and end, feature, or feature and handle
    #[arg(value_name = "VALUE", num_args = 0..=3)]
    values: Vec<String>,
}

fn version(text: &str) -> Result<Version, String> {
    Version::parse(text).map_err(|error| error.to_string())
}

pub(super) fn run(args: Args, call: &Call) -> u8 {
    print(&format!("{}\n", banner(&call.name)));
    if args.version {
        print(&format!("{}\n", version_line("lmborrow")));
        return 0;
    }
    let path = (!args.path.is_empty()).then(|| SearchPath::parse(&args.path.join(":")));
    let words: Vec<&str> = args.values.iter().map(String::as_str).collect();
    let outcome = match words.as_slice() {
        [] if args.status => status(),
        [] if args.clear => clear(),
        [] if args.purge => purge(),
        [] if args.renew => renew(None, path.as_ref()),
        [feature] if args.renew => FeatureName::parse(feature)
            .map_err(Failure::from)
            .and_then(|name| renew(Some(&name), path.as_ref())),
        [feature] if args.give_back => give_back(&args, feature, path.as_ref()),
        [feature, handle] if args.recall => recall(&args, feature, handle, path.as_ref()),
        [vendor, end, time @ ..] if time.len() < 2 && !has_action(&args) => {
            match ordered(vendor, end, time.first().copied(), args.renew_every) {
                Ok(order) => borrow(order),
                Err(why) => return wrong(call, &why),
            }
        }
        _ => return wrong(call, "the words do not fit together"),
    };
    match outcome {
        Ok(status) => status,
        Err(failure) => failed(&failure),
    }
}

fn has_action(args: &Args) -> bool {
    args.status || args.clear || args.purge || args.renew || args.give_back || args.recall
}

fn wrong(call: &Call, why: &str) -> u8 {
    print_error(&format!("{}: {why}\nTry \"{} lmborrow -help\".\n", call.name, super::PROGRAM));
    USAGE
}

fn failed(failure: &Failure) -> u8 {
    print(&format!("lmborrow failed: {failure}\n"));
    if !failure.denial.note.is_empty() {
        print(&format!("{}\n", failure.denial.note));
    }
    failure.exit_status()
}

/// The order of the first form; its day is set when it is given.
fn ordered(vendor: &str, end: &str, time: Option<&str>, renew_h: Option<u32>) -> Result<BorrowOrder, String> {
    let vendor = vendor_or_all(vendor)?;
    let (day, time) = match (end.split_once(':'), time) {
        (Some((day, time)), None) => (day, Some(time)),
        (_, time) => (end, time),
    };
    let ends = end_of(day, time)?;
    Ok(BorrowOrder { today: CivilDate::from(ends.date()), vendor, ends, renew_h })
}

fn borrow(order: BorrowOrder) -> Result<u8, Failure> {
    let (order, environment) = lmborrow::borrow(order, &system_zone().zone)?;
    print(&format!("LM_BORROW={order}\n"));
    if let Some(environment) = environment {
        print(&format!("The environment has LM_BORROW={environment}, which wins.\n"));
    }
    Ok(0)
}

fn status() -> Result<u8, Failure> {
    let zone = system_zone().zone;
    let borrows = lmborrow::borrows()?;
    print(&lmborrow::status(&borrows.list()?, &borrows.unsettled()?, &zone));
    for order in lmborrow::kept_orders() {
        print(&format!("\nCheckouts of {} borrow: LM_BORROW={order}\n", order.today));
    }
    Ok(0)
}

fn clear() -> Result<u8, Failure> {
    if !lmborrow::clear()? {
        print("There was no order to borrow.\n");
    }
    Ok(0)
}

fn purge() -> Result<u8, Failure> {
    lmborrow::purge()?.iter().for_each(|path| print(&format!("removed: {}\n", path.display())));
    Ok(0)
}

fn renew(feature: Option<&FeatureName>, at: Option<&SearchPath>) -> Result<u8, Failure> {
    let (mut status, zone) = (0, system_zone().zone);
    if lmborrow::is_nothing(feature)? {
        print("Nothing is borrowed here.\n");
    }
    for Asked { feature: name, outcome } in lmborrow::settle(feature, at)? {
        match outcome {
            Ok(Settled::Lent(_)) => print(&format!("found: {name}, which was lent though no answer came\n")),
            Ok(Settled::NotLent) => print(&format!("not lent: {name}\n")),
            Ok(Settled::Open) => {
                print(&format!(
                    "open: {name}, which may have been asked for just now; try again in a minute\n"
                ));
            }
            Err(denial) => status = failed(&Failure::from(denial)),
        }
    }
    for Met { record, outcome } in lmborrow::renew(feature, at)? {
        let name = &record.feature;
        match outcome {
            Ok(Renewal::Renewed(until)) => {
                print(&format!("renewed: {name} until {}\n", minute_of(until, &zone)));
            }
            Ok(Renewal::Over) => print(&format!("over: {name}\n")),
            Ok(Renewal::Recalled(denial)) => {
                print(&format!("given back: {name}, as {}\n", denial.note));
            }
            Ok(Renewal::Unknown(denial)) => {
                print(&format!("kept: {name}, though the server does not know it: {}\n", denial.note));
            }
            Err(denial) => status = failed(&Failure::from(denial)),
        }
    }
    Ok(status)
}

fn give_back(args: &Args, feature: &str, at: Option<&SearchPath>) -> Result<u8, Failure> {
    let wanted = Wanted {
        feature: FeatureName::parse(feature)?,
        version: args.borrowed_version,
        vendor: args.vendor.clone(),
        user: args.user.clone(),
        host: args.host.clone(),
        display: args.display.clone(),
        full_names: args.fqdn,
    };
    let Given { back, cleared, failure } = lmborrow::give_back(&wanted, at)?;
    for record in &back {
        print(&format!("returned: {} {} to {}\n", record.feature, record.version, record.server));
    }
    for order in cleared {
        print(&format!("No further borrowing: LM_BORROW={order} is cleared.\n"));
    }
    if let Some(environment) = lmborrow::of_environment().filter(|_| !back.is_empty()) {
        print(&format!(
            "The environment still has LM_BORROW={environment}, by which checkouts borrow again.\n"
        ));
    }
    Ok(failure.map_or(0, |failure| failed(&failure)))
}

fn recall(args: &Args, feature: &str, handle: &str, path: Option<&SearchPath>) -> Result<u8, Failure> {
    let bad = || {
        let note = format!("{handle:?} is no handle");
        Failure::new(crate::code::Code::InvalidParameter, crate::code::minor::MALFORMED, &note)
    };
    let handle = handle.parse().map(Handle).map_err(|_| bad())?;
    let key = servers::key(args.admin_key.clone());
    let path = path.cloned().unwrap_or_default();
    let wanted = FeatureName::parse(feature)?;
    let limits = Limits::from_environment();
    let lines = lmborrow::recall(&path, args.vendor.as_ref(), (&wanted, handle), &key, limits)?;
    lines.iter().for_each(|line| print(&format!("{line}\n")));
    Ok(0)
}
