//! The questions of `lmcrypt new`. What an argument says is not asked.

use super::ask::Questions;
use super::new::{NewArgs, Serials, attributes, of_option, own_hostid};
use super::{Failure, say};
use crate::ident::Version;
use crate::license::{HostId, LicenseCount};
use crate::lmutil::lmcrypt::draft::{self, Draft, DraftError, DraftLine, DraftServer};
use crate::sign::SigningKey;
use crate::time::CivilDate;

pub(super) fn draft(
    args: &NewArgs,
    key: &SigningKey,
    today: CivilDate,
    questions: &mut Questions<'_>,
) -> Result<Draft, Failure> {
    say(
        questions.err,
        format_args!("A license of vendor {}. An empty answer takes what [brackets] hold.", key.vendor()),
    );
    let wants_server = !args.no_server
        && (args.host.is_some()
            || args.hostid.is_some()
            || args.port.is_some()
            || args.vendor_port.is_some()
            || questions.yes("Is it for a license server (counted licenses need one)", true)?);
    let server = if wants_server { Some(server(args, questions)?) } else { None };
    let counted_possible = server.is_some() && !args.uncounted;
    let mut serials = Serials::new(args.sn.as_deref(), today)?;
    let mut lines = Vec::new();
    for text in &args.feature {
        let mut line =
            draft::feature(text, args.uncounted, today).map_err(|error| of_option("feature", error))?;
        line.increment = args.increment;
        attributes(args, &mut line, &mut serials, today)?;
        lines.push(line);
    }
    while lines.is_empty() || questions.yes("Another feature", false)? {
        let mut line = feature(args, counted_possible, today, questions)?;
        attributes(args, &mut line, &mut serials, today)?;
        more_attributes(&mut line, questions)?;
        lines.push(line);
    }
    Ok(Draft { vendor: key.vendor().clone(), server, lines })
}

fn server(args: &NewArgs, questions: &mut Questions<'_>) -> Result<DraftServer, Failure> {
    let host = match &args.host {
        Some(text) => draft::host(text).map_err(|error| of_option("host", error))?,
        None => questions.ask("Host name of the server", Some("this_host"), draft::host)?,
    };
    let hostid = match &args.hostid {
        Some(text) => draft::server_hostid(text).map_err(|error| of_option("hostid", error))?,
        None => {
            let own = own_hostid().ok().map(|hostid| hostid.to_string());
            questions.ask(
                "Hostid of the server, as lmhostid prints it there",
                own.as_deref(),
                draft::server_hostid,
            )?
        }
    };
    if hostid == HostId::Any {
        say(questions.err, "  warning: ANY binds the file to no machine");
    }
    let mut port = |given: Option<u16>, question| match given {
        Some(port) => Ok(Some(port)),
        None => questions.ask(question, Some("none"), port),
    };
    let lmgrd = port(args.port, "Port of lmgrd, 1 to 65535")?;
    let vendor_port = port(args.vendor_port, "Port of the vendor daemon, 1 to 65535")?;
    Ok(DraftServer { host, hostid, port: lmgrd, vendor_port })
}

fn port(text: &str) -> Result<Option<u16>, String> {
    if text.eq_ignore_ascii_case("none") {
        return Ok(None);
    }
    match text.parse() {
        Ok(port) if port > 0 => Ok(Some(port)),
        _ => Err(format!("{text:?} is not a port from 1 to 65535; none leaves it open")),
    }
}

fn feature(
    args: &NewArgs,
    counted_possible: bool,
    today: CivilDate,
    questions: &mut Questions<'_>,
) -> Result<DraftLine, Failure> {
    let [version, count, expiry] = draft::FEATURE_DEFAULTS;
    let name = questions.ask("Name of the feature", None, draft::feature_name)?;
    let version = questions.ask("Its highest version", Some(version), Version::parse)?;
    let count = if counted_possible {
        questions.ask("How many licenses (a number, or uncounted)", Some(count), draft::count)?
    } else {
        LicenseCount::Uncounted
    };
    let expiry = questions.ask("Its last day (31-dec-2027, +90d, +1y, permanent)", Some(expiry), |text| {
        draft::future(text, today)
    })?;
    let increment = args.increment
        || count != LicenseCount::Uncounted
            && questions.yes("Does it add to licenses that the customer has (INCREMENT)", false)?;
    let mut line = DraftLine { increment, name, version, expiry, count, attributes: Vec::new() };
    if count == LicenseCount::Uncounted && args.node_locked.is_none() {
        let attribute = questions.ask("Hostid of the machine that may use it", None, |text| {
            draft::attribute(&format!("HOSTID={text}"), false)
        })?;
        line.add(attribute).map_err(|error| of_option("node-locked", error))?;
    }
    Ok(line)
}

fn more_attributes(line: &mut DraftLine, questions: &mut Questions<'_>) -> Result<(), Failure> {
    let counted = line.count != LicenseCount::Uncounted;
    loop {
        let more = questions.ask("A further attribute (NAME or NAME=VALUE)", Some("none"), |text| {
            if text.eq_ignore_ascii_case("none") {
                return Ok::<bool, DraftError>(false);
            }
            line.add(draft::attribute(text, counted)?)?;
            Ok(true)
        })?;
        if !more {
            return Ok(());
        }
    }
}
