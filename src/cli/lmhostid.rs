//! `lmhostid [TYPE]…`: arguments (`flexnet-tools.md` 2.14).

use super::{Call, USAGE, print, print_error};
use crate::lmutil::lmhostid::{Form, look};
use crate::lmutil::{banner, version_line};
use crate::platform::{HostIdKind, SystemTree, host_name};

/// Exit status when this machine has no hostid of a kind that was asked for.
const MISSING: u8 = 1;

/// Print the hostids of this machine, by which license files name it
///
/// Without a type the Ethernet addresses are printed. Several types may be asked for. Ends with 0 if this machine has
/// all of them, else with 1 and a sentence for each that it lacks.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
    lmhostid                     the Ethernet addresses\n  \
    lmhostid -n -hostname        only the value, for a script\n  \
    lmhostid --explain           everything, what stays, and what to put on the SERVER line\n  \
    lmhostid -ptype VM -uuid     of a virtual machine; firmware tells it to root alone\n\n\
The fields of --format json: host, hostids (hostid, kind, source, state, stability, why, same_as), missing (kind, why), \
recommended, server_line.")]
pub(super) struct Args {
    /// Print only the values, on one line
    #[arg(short = 'n')]
    values: bool,
    /// Accepted; the output is always UTF-8
    #[arg(long = "utf8")]
    utf8: bool,
    /// Kind of platform for -uuid: VM
    #[arg(long = "ptype", value_name = "ARG")]
    platform: Option<String>,
    /// UUID of this virtual machine (with -ptype VM)
    #[arg(long = "uuid", requires = "platform")]
    uuid: bool,
    /// Ethernet addresses of all interfaces, the best first
    #[arg(long = "ether")]
    ether: bool,
    /// IP addresses, without loopback and link-local ones
    #[arg(long = "internet")]
    internet: bool,
    /// Login name
    #[arg(long = "user")]
    user: bool,
    /// Terminal, else display
    #[arg(long = "display")]
    display: bool,
    /// Host name
    #[arg(long = "hostname")]
    hostname: bool,
    /// Host name with its domain
    #[arg(long = "hostdomain")]
    hostdomain: bool,
    /// Serial number of the disk that holds the root directory
    #[arg(long = "vsn")]
    vsn: bool,
    /// 32-bit id, as the command hostid prints it
    #[arg(long = "long")]
    long: bool,
    /// Id of the container that this program runs in
    #[arg(long = "container_id")]
    container: bool,
    /// Not supported: a dongle is asked through its maker's own driver
    #[arg(long = "flexid")]
    flexid: bool,
    /// Not supported: only a publisher can define such an id
    #[arg(long = "string")]
    string: bool,
    /// All types
    #[arg(long = "all")]
    all: bool,
    /// Show where each comes from, whether it stays, and which to choose; all types unless some are asked for
    #[arg(long = "explain")]
    explain: bool,
    /// How the hostids are shown
    #[arg(long = "format", value_name = "FORMAT", default_value = "human")]
    format: FormatName,
    /// Print the version
    #[arg(short = 'v', long = "version")]
    version: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum FormatName {
    /// For people
    Human,
    /// One JSON object, with everything that --explain shows
    Json,
}

pub(super) fn run(args: Args, call: &Call) -> u8 {
    let banner = banner(&call.name);
    if args.version {
        print(&format!("{banner}\n{}\n", version_line("lmhostid")));
        return 0;
    }
    if let Some(platform) = args.platform.as_ref().filter(|platform| !platform.eq_ignore_ascii_case("VM")) {
        let text = format!("-ptype {platform} is not known; VM is, with -uuid");
        print_error(&format!("{}: {text}\n", call.name));
        return USAGE;
    }
    let form = match args.format {
        FormatName::Json => Form::Json,
        FormatName::Human if args.explain => Form::Table,
        FormatName::Human if args.values => Form::Values,
        FormatName::Human => Form::Sentence,
    };
    let unsupported = unsupported(&args);
    let kinds = kinds(&args, form, unsupported.is_empty());
    let found = look(&kinds, &SystemTree::default());
    let host = host_name().map_or_else(|_| "this_host".to_owned(), |host| host.as_str().to_owned());
    let head = if matches!(form, Form::Values | Form::Json) { String::new() } else { format!("{banner}\n") };
    print(&format!("{head}{}", found.show(form, &host)));
    let mut sentences = unsupported;
    if !matches!(form, Form::Table | Form::Json) && !args.all {
        sentences.extend(found.missing.iter().map(|(_, why)| why.clone()));
    }
    for sentence in &sentences {
        print_error(&format!("{}: {sentence}\n", call.name));
    }
    // Whoever asks for all wants what there is.
    let asked_for_all = args.all || kinds.len() == HostIdKind::ALL.len();
    let lacking = if asked_for_all { found.candidates.is_empty() } else { !found.missing.is_empty() };
    if lacking || !sentences.is_empty() { MISSING } else { 0 }
}

fn unsupported(args: &Args) -> Vec<String> {
    let flexid = "-flexid: dongles are not supported, as only their maker's own driver can ask them";
    let string = "-string: not supported, as only a publisher can define such an id";
    [(args.flexid, flexid), (args.string, string)]
        .into_iter()
        .filter(|(asked, _)| *asked)
        .map(|(_, why)| why.to_owned())
        .collect()
}

/// The kinds that were asked for, in the order of listings; else the form's usual ones.
fn kinds(args: &Args, form: Form, usual: bool) -> Vec<HostIdKind> {
    let asked = |kind: HostIdKind| match kind {
        HostIdKind::Ethernet => args.ether,
        HostIdKind::VmUuid => args.uuid || args.platform.is_some(),
        HostIdKind::DiskSerial => args.vsn,
        HostIdKind::Long => args.long,
        HostIdKind::HostName => args.hostname,
        HostIdKind::HostDomain => args.hostdomain,
        HostIdKind::Internet => args.internet,
        HostIdKind::Container => args.container,
        HostIdKind::User => args.user,
        HostIdKind::Display => args.display,
    };
    let kinds: Vec<HostIdKind> =
        HostIdKind::ALL.into_iter().filter(|kind| args.all || asked(*kind)).collect();
    match form {
        _ if !kinds.is_empty() || !usual => kinds,
        Form::Table | Form::Json => HostIdKind::ALL.to_vec(),
        Form::Sentence | Form::Values => vec![HostIdKind::Ethernet],
    }
}
