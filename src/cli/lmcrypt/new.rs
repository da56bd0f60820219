//! `lmcrypt new`: a license file out of arguments, answers or a template.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, IsTerminal as _, Write};
use std::path::PathBuf;

use super::ask::Questions;
use super::{FAILED, Failure, HMAC_WARNING, edit, guide, read_key, say, today};
use crate::code::Code;
use crate::ident::encode_hex;
use crate::license::format::{Style, format};
use crate::license::{Expiry, HostId, LicenseFile};
use crate::lmutil::lmcrypt::{day, draft, template};
use crate::platform::{
    LICENSE_FILE_BYTES_MAX, Secrecy, machine_hostids, random_bytes, read_regular, replace, write_new,
};
use crate::sign::{Algorithm, Manifest, SigningKey, demo_signing_key};
use crate::text::{Severity, Source};
use crate::time::CivilDate;

#[derive(Debug, clap::Args)]
#[command(group(clap::ArgGroup::new("by").required(true).args(["key", "demo"])))]
pub(super) struct NewArgs {
    /// Key file that signs; the license is of its vendor
    #[arg(long, value_name = "FILE")]
    pub(super) key: Option<PathBuf>,
    /// Sign with the published demo key of vendor LGS
    #[arg(long)]
    pub(super) demo: bool,
    /// Host name on the SERVER line [default: this_host]
    #[arg(long, value_name = "NAME")]
    pub(super) host: Option<String>,
    /// Hostid on the SERVER line; ANY binds the file to no machine [default: the first one of this machine]
    #[arg(long, value_name = "HOSTID")]
    pub(super) hostid: Option<String>,
    /// lmgrd's port on the SERVER line [default: none, then it takes the first free one of 27000 to 27009]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub(super) port: Option<u16>,
    /// The vendor daemon's port on the VENDOR line [default: none, then the system chooses]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub(super) vendor_port: Option<u16>,
    /// Write no SERVER and VENDOR line: for uncounted features, which need no server
    #[arg(long, conflicts_with_all = ["host", "hostid", "port", "vendor_port"])]
    pub(super) no_server: bool,
    /// A feature; may be repeated. A part that is left out or empty is 1.0, 1 and +1y; EXPIRY is 31-dec-2027, +90d,
    /// +1y or permanent, COUNT a number or uncounted
    #[arg(long, value_name = "NAME[:VERSION[:COUNT[:EXPIRY]]]")]
    pub(super) feature: Vec<String>,
    /// Write INCREMENT lines, which add to the ones that the customer has, instead of FEATURE lines
    #[arg(long)]
    pub(super) increment: bool,
    /// Bind all features to these client hostids (several in one argument, with blanks)
    #[arg(long, value_name = "HOSTID")]
    pub(super) node_locked: Option<String>,
    /// Features are not counted; needs --node-locked
    #[arg(long)]
    pub(super) uncounted: bool,
    /// A further attribute of all features; may be repeated
    #[arg(long, value_name = "NAME[=VALUE]")]
    pub(super) attribute: Vec<String>,
    /// NOTICE= of all features
    #[arg(long, value_name = "TEXT")]
    pub(super) notice: Option<String>,
    /// ISSUER= of all features
    #[arg(long, value_name = "TEXT")]
    pub(super) issuer: Option<String>,
    /// SN= of all features: a text, auto for a fresh one for each line, or none. Lots that shall add differ in it
    /// [default: auto]
    #[arg(long, value_name = "auto|none|TEXT")]
    pub(super) sn: Option<String>,
    /// ISSUED= of all features: today or a date
    #[arg(long, value_name = "DATE")]
    pub(super) issued: Option<String>,
    /// START= of all features: a date, today or +30d
    #[arg(long, value_name = "DATE")]
    pub(super) start: Option<String>,
    /// BORROW of all features, with the longest time in hours
    #[arg(long, value_name = "HOURS", num_args = 0..=1)]
    pub(super) borrow: Option<Option<u32>>,
    /// DUP_GROUP= of all features: letters out of UHDV, SITE or NONE
    #[arg(long, value_name = "GROUP")]
    pub(super) dup_group: Option<String>,
    /// OVERDRAFT= of all features
    #[arg(long, value_name = "N")]
    pub(super) overdraft: Option<u32>,
    /// Fill this license file with placeholders such as {count} instead. {vendor}, {sn}, {today} and {today+30d} have
    /// values of their own, {host}, {hostid} and {port} those of their options; a brace itself is written twice, an
    /// AUTH={…} block stays as it is
    #[arg(long, value_name = "FILE", conflicts_with_all = [
        "no_server", "vendor_port", "feature", "increment", "node_locked", "uncounted", "attribute", "notice", "issuer",
        "issued", "start", "borrow", "dup_group", "overdraft", "ask",
    ])]
    pub(super) template: Option<PathBuf>,
    /// The value of a placeholder; may be repeated. {expiry}, {start} and {issued} take what EXPIRY takes
    #[arg(long, value_name = "NAME=VALUE", requires = "template")]
    pub(super) set: Vec<String>,
    /// Ask for what the arguments leave open, as on a terminal without --feature and --template
    #[arg(long)]
    pub(super) ask: bool,
    /// Write the license file to OUT, which must not exist, instead of standard output
    #[arg(short, long, value_name = "OUT")]
    output: Option<PathBuf>,
    /// Replace OUT if it exists
    #[arg(long, requires = "output")]
    force: bool,
}

pub(super) fn new(
    args: &NewArgs,
    input: &mut dyn BufRead,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> Result<u8, Failure> {
    let output = args.output.as_ref().filter(|path| path.as_os_str() != "-");
    // Looked at first, so that nobody answers in vain; `write_new` refuses again whatever comes between.
    if let Some(path) = output.filter(|path| !args.force && path.symlink_metadata().is_ok()) {
        return Err(exists(path));
    }
    let key = match &args.key {
        Some(path) => read_key(path, err)?,
        None => demo_signing_key(),
    };
    let today = today()?;
    let guided = args.ask
        || args.feature.is_empty() && std::io::stdin().is_terminal() && std::io::stderr().is_terminal();
    let source = match &args.template {
        Some(path) => from_template(args, path, &key, today)?,
        None if guided => {
            let mut questions = Questions { input, err };
            let draft = guide::draft(args, &key, today, &mut questions)?;
            let text = draft.print();
            say(questions.err, format_args!("\n{}", text.trim_end()));
            if !questions.yes("Sign and write this", true)? {
                return Err(Failure::new(FAILED, "nothing was written"));
            }
            Source::new("new license", text.as_bytes())
        }
        None if args.feature.is_empty() => {
            return Err(Failure::new(
                FAILED,
                "name the features with --feature, or a --template; --ask asks for them",
            ));
        }
        None => Source::new("new license", from_arguments(args, &key, today)?.print().as_bytes()),
    };
    let file = LicenseFile::parse(source);
    check(&file, &key, today, err)?;
    let bytes = signed(&file, &key)?;
    match output {
        Some(path) if args.force => replace(path, &bytes)
            .map_err(|error| Failure::new(FAILED, format_args!("{}: {error}", path.display()))),
        Some(path) => write_new(path, &bytes, Secrecy::Public).map_err(|error| match error.kind() {
            std::io::ErrorKind::AlreadyExists => exists(path),
            _ => Failure::new(FAILED, format_args!("{}: {error}", path.display())),
        }),
        None => out
            .write_all(&bytes)
            .and_then(|()| out.flush())
            .map_err(|error| Failure::new(FAILED, format_args!("standard output: {error}"))),
    }?;
    if file.servers().any(|server| server.hostid == HostId::Any) {
        say(err, "warning: the SERVER hostid is ANY: every machine can serve this file");
    }
    if key.algorithm() == Algorithm::HmacSha1 {
        say(err, HMAC_WARNING);
    }
    if args.demo {
        say(err, "note: the demo key is published: everybody can make these signatures");
    }
    let count = file.statements().count();
    say(err, format_args!("{count} line(s) signed with {} key {}", key.algorithm(), key.key_id()));
    Ok(0)
}

fn exists(path: &std::path::Path) -> Failure {
    Failure::new(FAILED, format_args!("{} exists and is not overwritten without --force", path.display()))
}

/// What a mistake in an option is told with.
pub(super) fn of_option(option: &str, error: impl std::fmt::Display) -> Failure {
    Failure::new(FAILED, format_args!("--{option}: {error}"))
}

/// The first hostid of this machine.
pub(super) fn own_hostid() -> Result<HostId, Failure> {
    let none = || Failure::new(FAILED, "this machine has no hostid: name the server's with --hostid");
    machine_hostids(None).first().cloned().ok_or_else(none)
}

fn from_arguments(args: &NewArgs, key: &SigningKey, today: CivilDate) -> Result<draft::Draft, Failure> {
    let server = if args.no_server {
        None
    } else {
        let host = args.host.as_deref().unwrap_or("this_host");
        Some(draft::DraftServer {
            host: draft::host(host).map_err(|error| of_option("host", error))?,
            hostid: match &args.hostid {
                Some(text) => draft::server_hostid(text).map_err(|error| of_option("hostid", error))?,
                None => own_hostid()?,
            },
            port: args.port,
            vendor_port: args.vendor_port,
        })
    };
    let mut lines = Vec::new();
    for text in &args.feature {
        let mut line =
            draft::feature(text, args.uncounted, today).map_err(|error| of_option("feature", error))?;
        line.increment = args.increment;
        lines.push(line);
    }
    let mut serials = Serials::new(args.sn.as_deref(), today)?;
    for line in &mut lines {
        attributes(args, line, &mut serials, today)?;
    }
    Ok(draft::Draft { vendor: key.vendor().clone(), server, lines })
}

/// Puts the attributes of the arguments on a line.
pub(super) fn attributes(
    args: &NewArgs,
    line: &mut draft::DraftLine,
    serials: &mut Serials,
    today: CivilDate,
) -> Result<(), Failure> {
    let counted = line.count != crate::license::LicenseCount::Uncounted;
    if !counted && args.node_locked.is_none() && !line.attributes.iter().any(|known| known.name == "HOSTID") {
        return Err(Failure::new(
            FAILED,
            format_args!("feature {} is not counted, so it needs --node-locked HOSTID", line.name),
        ));
    }
    let date = |option, text: &Option<String>| {
        text.as_deref()
            .map(|text| day::day(text, today).map(|day| day.to_string()))
            .transpose()
            .map_err(|error| of_option(option, error))
    };
    let own_serial = args.attribute.iter().any(|text| text.split('=').next() == Some("SN"));
    let serial = if own_serial && args.sn.is_none() { None } else { serials.next() };
    let named = [
        ("node-locked", "HOSTID", args.node_locked.clone()),
        ("sn", "SN", serial),
        ("issued", "ISSUED", date("issued", &args.issued)?),
        ("start", "START", date("start", &args.start)?),
        ("dup-group", "DUP_GROUP", args.dup_group.clone()),
        ("overdraft", "OVERDRAFT", args.overdraft.map(|count| count.to_string())),
        ("issuer", "ISSUER", args.issuer.clone()),
        ("notice", "NOTICE", args.notice.clone()),
    ];
    let mut texts: Vec<(&str, String)> = named
        .into_iter()
        .filter_map(|(option, name, value)| Some((option, format!("{name}={}", value?))))
        .collect();
    if let Some(hours) = args.borrow {
        texts.push(("borrow", hours.map_or("BORROW".to_owned(), |hours| format!("BORROW={hours}"))));
    }
    texts.extend(args.attribute.iter().map(|text| ("attribute", text.clone())));
    for (option, text) in texts {
        draft::attribute(&text, counted)
            .and_then(|attribute| line.add(attribute))
            .map_err(|error| of_option(option, error))?;
    }
    Ok(())
}

/// Serial numbers, one for each lot.
pub(super) enum Serials {
    None,
    Fixed(String),
    /// What they begin with, and how many were given.
    Auto(String, u32),
}

impl Serials {
    pub(super) fn new(wanted: Option<&str>, today: CivilDate) -> Result<Self, Failure> {
        Ok(match wanted {
            Some("none") => Self::None,
            None | Some("auto") => {
                let fresh = random_bytes::<4>().map_err(|error| Failure::new(FAILED, error))?;
                let day = today.iso().replace('-', "");
                Self::Auto(format!("{day}-{}", encode_hex(&fresh)), 0)
            }
            Some(text) => Self::Fixed(text.to_owned()),
        })
    }

    pub(super) fn next(&mut self) -> Option<String> {
        match self {
            Self::None => None,
            Self::Fixed(text) => Some(text.clone()),
            Self::Auto(begin, given) => {
                *given += 1;
                Some(format!("{begin}-{given}"))
            }
        }
    }
}

fn from_template(
    args: &NewArgs,
    path: &std::path::Path,
    key: &SigningKey,
    today: CivilDate,
) -> Result<Source, Failure> {
    let name = path.display().to_string();
    let bytes = read_regular(path, LICENSE_FILE_BYTES_MAX)
        .map_err(|error| Failure::new(Code::CannotReadFile.exit_status(), format_args!("{name}: {error}")))?;
    let mut values: BTreeMap<&str, String> = BTreeMap::new();
    let options = [
        ("host", args.host.clone()),
        ("hostid", args.hostid.clone()),
        ("port", args.port.map(|port| port.to_string())),
    ];
    for (name, value) in options {
        values.extend(value.map(|value| (name, value)));
    }
    for text in &args.set {
        let Some((name, value)) = text.split_once('=') else {
            return Err(of_option("set", format_args!("{text:?} is not NAME=VALUE")));
        };
        if matches!(name, "vendor" | "sn") || name.starts_with("today") {
            let why = if name == "sn" { "; choose it with --sn" } else { "" };
            return Err(of_option("set", format_args!("{name} has a value of its own{why}")));
        }
        if values.insert(name, value.to_owned()).is_some() {
            return Err(of_option("set", format_args!("{name} is given twice")));
        }
    }
    let mut serials = Serials::new(args.sn.as_deref(), today)?;
    let value = |name: &str| match name {
        "vendor" => Some(key.vendor().to_string()),
        "sn" => serials.next(),
        name => values.get(name).cloned(),
    };
    let source = Source::new(&name, &bytes);
    let filled = template::fill(&source, today, value).map_err(|errors| {
        let told: Vec<String> = errors.iter().map(|error| format!("{name}:{error}")).collect();
        Failure::new(FAILED, format_args!("nothing was written:\n{}", told.join("\n")))
    })?;
    let sn = args.sn.as_ref().map(|_| "sn");
    if let Some(unknown) =
        values.keys().copied().chain(sn).find(|name| !filled.names.iter().any(|known| known == name))
    {
        return Err(Failure::new(
            FAILED,
            format_args!("nothing was written: {name} has no placeholder {{{unknown}}}"),
        ));
    }
    Ok(Source::new(&name, filled.text.as_bytes()))
}

/// Refuses what a customer should not get.
fn check(file: &LicenseFile, key: &SigningKey, today: CivilDate, err: &mut dyn Write) -> Result<(), Failure> {
    let source = &file.source;
    let mut wrong: Vec<String> = file
        .diagnostics
        .iter()
        .filter(|found| found.severity > Severity::Note)
        .map(|found| {
            let line = source.slice(source.line_span(source.place(found.span.start).line));
            format!("{}\n    {}", found.line(source), line.trim())
        })
        .collect();
    let hostids: Vec<HostId> = file.servers().map(|server| server.hostid.clone()).collect();
    let mut seen = BTreeSet::new();
    for (line, statement) in file.statements() {
        let what = edit::title(source, statement);
        if statement.vendor() != key.vendor() {
            wrong.push(format!("{what}: is of vendor {}, the key of {}", statement.vendor(), key.vendor()));
        }
        if let Ok(text) = statement.canonical(&hostids)
            && !seen.insert(text)
        {
            wrong.push(format!("{what}: stands twice and counts once; lots that shall add differ in SN"));
        }
        let crate::license::LineKind::Feature(feature) = &line.kind else { continue };
        if let Expiry::On(last) = feature.expiry {
            if last < today {
                wrong.push(format!("{what}: its expiry {last} has passed"));
            }
            if let Some(first) = feature.start().filter(|first| *first > last) {
                wrong.push(format!("{what}: START {first} lies behind the expiry {last}"));
            }
        }
    }
    if file.statements().next().is_none() {
        wrong.push(format!("{}: there is no line to sign", source.name()));
    }
    if wrong.is_empty() {
        return Ok(());
    }
    for text in &wrong {
        say(err, text);
    }
    Err(Failure::new(FAILED, format_args!("nothing was written: {} mistake(s) above", wrong.len())))
}

/// The file with its signatures in the canonical layout, each signature verified.
fn signed(file: &LicenseFile, key: &SigningKey) -> Result<Vec<u8>, Failure> {
    let signed = edit::sign_file(file, key);
    if let Some(first) = signed.refused.first() {
        return Err(Failure::new(FAILED, format_args!("nothing was written: {first}")));
    }
    let name = file.source.name();
    let bytes = format(&LicenseFile::parse(Source::new(name, &signed.bytes)), Style::default())
        .map_err(|error| Failure::new(FAILED, format_args!("nothing was written: {error}")))?;
    let again = LicenseFile::parse(Source::new(name, &bytes));
    let manifest = Manifest::new(key.vendor().clone(), vec![key.verifying_key()]);
    let hostids: Vec<HostId> = again.servers().map(|server| server.hostid.clone()).collect();
    let good = again.statements().filter(|(_, line)| {
        let text = line.canonical(&hostids).unwrap_or_default();
        manifest.verify(&text, line.sign().unwrap_or_default()).is_ok()
    });
    if good.count() != file.statements().count() {
        return Err(Failure::new(FAILED, "nothing was written: what was signed does not verify"));
    }
    Ok(bytes)
}
