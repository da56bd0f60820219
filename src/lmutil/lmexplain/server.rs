//! The grounds for a verdict from a running server: what its vendor daemon goes by at its time.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use jiff::tz::TimeZone;

use super::occupy::{Checked, Filling};
use super::{From, Grounds, Question, Trouble};
use crate::catalog::Catalog;
use crate::client::{Connection, Limits, SearchPath};
use crate::code::{Code, minor};
use crate::event::{Claims, Denial, Identity, SessionKind, Wishes};
use crate::ident::{Digest, FeatureName, VendorName};
use crate::license::{HostId, LicenseFile};
use crate::lmutil::ask::{self, Failure};
use crate::lmutil::lmdown::{KeySource, prove};
use crate::lmutil::{runtime, vendors};
use crate::options::OptionsFile;
use crate::platform::{SystemClock, manifest_name, read_regular};
use crate::sign::Manifest;
use crate::text::Source;
use crate::time::{Clock as _, Now};
use crate::wire::{Basis, ControlVerb, GroundsPart, GroundsRole, Message, ServerInfo};

/// Longest vendor manifest that is read, in bytes.
const MANIFEST_BYTES_MAX: u64 = 1 << 20;

/// Whom to ask.
#[derive(Debug)]
pub struct OnServer {
    /// Where servers are.
    pub path: SearchPath,
    /// The vendor whose daemon decides; the first that serves the feature if none.
    pub vendor: Option<VendorName>,
    /// The administrator's key.
    pub key: KeySource,
    /// How long to wait.
    pub limits: Limits,
    /// An options file to judge by instead of the one in force.
    pub options: Option<PathBuf>,
}

/// What a vendor daemon said.
struct Heard {
    /// Where its lmgrd is.
    place: String,
    parts: Vec<GroundsPart>,
    notes: Vec<String>,
}

/// What is in force at a server, put together from its parts.
#[derive(Default)]
struct InForce {
    basis: Option<Basis>,
    /// Role, path and digest of what was withheld, with the bytes.
    files: Vec<(GroundsRole, String, Option<Digest>, Vec<u8>)>,
    filling: Filling,
}

pub(super) fn grounds(question: &Question, on: &OnServer) -> Result<Grounds, Trouble> {
    // A mistake in its name costs no question.
    let instead = on.options.as_deref().map(super::options).transpose().map_err(Trouble::text)?;
    let feature = &question.request.feature;
    let asked = runtime().and_then(|runtime| runtime.block_on(hear(on, feature)));
    let Heard { place, parts, mut notes } = asked.map_err(Trouble::Asking)?;
    let in_force = put_together(parts).map_err(Trouble::text)?;
    let basis =
        in_force.basis.ok_or_else(|| Trouble::text("the server did not say who decides".to_owned()))?;
    let unknown_zone = |error| format!("the server's time zone {}: {error}", basis.zone);
    let zone = TimeZone::get(&basis.zone).map_err(unknown_zone).map_err(Trouble::text)?;
    let machine = basis.machine.iter().map(|id| HostId::parse(id)).collect::<Result<Vec<_>, _>>();
    let machine = machine.map_err(|error| Trouble::text(format!("a hostid of the server: {error}")))?;
    let mut manifest = None;
    let mut files = Vec::new();
    let mut options = None;
    for (role, path, withheld, bytes) in in_force.files {
        let source = || Source::new(&path, &bytes);
        match role {
            GroundsRole::License => files.push(LicenseFile::parse(source())),
            GroundsRole::Options => options = Some(OptionsFile::parse(source())),
            GroundsRole::Manifest => {
                let read = match withheld {
                    None => manifest_of(&path, &bytes),
                    Some(digest) => own_manifest(Path::new(&path), digest, &basis.vendor),
                };
                manifest = Some(read.map_err(Trouble::text)?);
            }
        }
    }
    let manifest =
        manifest.ok_or_else(|| Trouble::text("the server did not send its vendor manifest".to_owned()))?;
    let inputs: Vec<&LicenseFile> = files.iter().collect();
    let catalog = Catalog::build(&basis.vendor, &inputs, &manifest, &machine, &zone);
    notes.extend(basis.notes);
    if basis.version != crate::VERSION {
        notes.push(format!(
            "the server is version {}, this program {}; they may judge differently",
            basis.version,
            crate::VERSION
        ));
    }
    if let Some(instead) = &instead {
        let in_force = options.as_ref().map_or("no rules", |options: &OptionsFile| options.source.name());
        notes.push(format!(
            "this is what would be under {}; in force are the rules of {in_force}",
            instead.source.name()
        ));
    }
    let mut filling = in_force.filling;
    if let Some(mark) = basis.mark {
        filling.clock(basis.time, mark);
    }
    if basis.removed {
        filling.remove(feature.clone(), basis.time);
    }
    Ok(Grounds {
        vendor: basis.vendor,
        files,
        options: instead.or(options),
        catalog,
        state: filling.state,
        zone,
        now: Now { utc: basis.time, ..SystemClock::new().now() },
        notes,
        from: From::Server { place, version: basis.version },
    })
}

fn put_together(parts: Vec<GroundsPart>) -> Result<InForce, String> {
    let mut all = InForce::default();
    for part in parts {
        match part {
            GroundsPart::Basis(basis) => all.basis = Some(*basis),
            GroundsPart::File(file) => all.files.push((file.role, file.path, file.withheld, Vec::new())),
            GroundsPart::Bytes(bytes) => match all.files.last_mut() {
                Some((.., content)) => content.extend(bytes),
                None => return Err("the server sent bytes of no file".to_owned()),
            },
            GroundsPart::Session { claims, address } => {
                let at = all.basis.as_ref().map(|basis| basis.time).unwrap_or_default();
                all.filling.open(identity(*claims, address), at);
            }
            GroundsPart::Seat {
                handle,
                pool,
                version,
                count,
                start,
                shares,
                data,
                lingers_until,
                borrow,
            } => {
                let feature = FeatureName::parse(pool.feature())
                    .map_err(|error| format!("the server named a pool {}: {error}", pool.as_str()))?;
                let wishes = Wishes { data, ..Wishes::default() };
                all.filling.seat(Checked {
                    handle,
                    feature,
                    version,
                    pool,
                    count,
                    since: start,
                    shares,
                    wishes,
                    lingers_until,
                    borrow,
                });
            }
            GroundsPart::Waiting(waiting) => all.filling.wait(*waiting),
        }
    }
    Ok(all)
}

/// Which protocol somebody else speaks makes no difference to a verdict.
fn identity(claims: Claims, address: IpAddr) -> Identity {
    Identity::new(claims, address, SessionKind::Framed)
}

fn manifest_of(path: &str, bytes: &[u8]) -> Result<Manifest, String> {
    let shown = if path.is_empty() { "the built-in vendor manifest" } else { path };
    let text = std::str::from_utf8(bytes).map_err(|error| format!("{shown}: {error}"))?;
    Manifest::parse(text).map_err(|error| format!("{shown}: {error}"))
}

/// The manifest of the server's own disk, which holds a secret key. Only the very file that is in force is taken, and nothing that
/// is not called like one is looked at.
fn own_manifest(path: &Path, digest: Digest, vendor: &VendorName) -> Result<Manifest, String> {
    let shown = path.display();
    let elsewhere = |why: &str| {
        format!(
            "the vendor manifest {shown} has a secret key and is not sent: run lmexplain on the server's machine under an \
             account that may read it ({why})"
        )
    };
    if path.file_name().is_none_or(|name| name != manifest_name(vendor).as_str()) || !path.is_absolute() {
        return Err(elsewhere("its name is not that of a manifest"));
    }
    let bytes = read_regular(path, MANIFEST_BYTES_MAX).map_err(|error| elsewhere(&error.to_string()))?;
    if Digest::of(&bytes) != digest {
        return Err(elsewhere("the file here is not the one in force"));
    }
    manifest_of(&shown.to_string(), &bytes)
}

/// A vendor daemon that could answer.
struct Candidate {
    /// How much it knows of the feature: 2 serves it, 1 knows why not, 0 nothing.
    knows: u8,
    vendor: VendorName,
    place: String,
    connection: Connection,
}

/// Asks the vendor daemon that serves the feature: of the first server of the path that has one, as clients do.
async fn hear(on: &OnServer, feature: &FeatureName) -> Result<Heard, Failure> {
    let mut failure = Failure::new(Code::NoLicenseFile, minor::PATH_EMPTY, "");
    let mut notes = Vec::new();
    let mut best: Option<Candidate> = None;
    for server in ask::targets(&on.path)?.into_iter().flat_map(|target| target.servers) {
        if best.as_ref().is_some_and(|best| best.knows == 2) {
            break;
        }
        let (connection, info) = match ask::ask_server(&server, on.limits).await {
            Ok(found) => found,
            Err(error) => {
                failure = error;
                continue;
            }
        };
        let host = ask::shown_host(&server.host, Some(info.host.as_str()));
        let place = format!("{}@{host}", info.port);
        if let Err(error) =
            of_server(on, feature, &place, (connection.peer(), &info), &mut best, &mut notes).await
        {
            failure = error;
        }
    }
    let Some(Candidate { knows, vendor, place, mut connection }) = best else { return Err(failure) };
    if knows == 2 {
        notes.retain(|note| !note.ends_with(NOT_ASKED));
    }
    let verb = ControlVerb::Explain { feature: feature.clone() };
    match prove(&mut connection, verb, &on.key).await {
        Ok(Message::Grounds(parts)) => Ok(Heard { place, parts, notes }),
        Ok(other) => Err(connection.unexpected(&other).into()),
        // It knows neither the question nor the nonce before it.
        Err(Failure { denial, .. }) if denial.code == Code::RequestNotSupported => {
            let note = format!(
                "{vendor} of {place} is {}, which is too old to be asked for explanations; use its files, with -L and -O",
                connection.welcome().program
            );
            Err(Failure::new(Code::RequestNotSupported, denial.minor, &note))
        }
        Err(failure) => Err(failure),
    }
}

const NOT_ASKED: &str = "so it was not asked";

/// Looks at the vendor daemons of one server.
async fn of_server(
    on: &OnServer,
    feature: &FeatureName,
    place: &str,
    (address, info): (SocketAddr, &ServerInfo),
    best: &mut Option<Candidate>,
    notes: &mut Vec<String>,
) -> Result<(), Failure> {
    let mut outcome = Ok(());
    let mut named = false;
    for vendor in &info.vendors {
        if on.vendor.as_ref().is_some_and(|name| *name != vendor.name) {
            continue;
        }
        named = true;
        let name = &vendor.name;
        let Some(port) = vendor.port.filter(|_| vendor.up) else {
            let note = format!("{name} is not running at the moment");
            outcome = Err(Failure::new(Code::VendorDown, minor::VENDOR_DOWN, &note));
            notes.push(format!("{name} of {place} is not running, {NOT_ASKED}"));
            continue;
        };
        match vendors::look(SocketAddr::new(address.ip(), port), feature, on.limits).await {
            Ok((knows, connection)) => {
                if knows == 2
                    && let Some(best) = best.as_ref().filter(|best| best.knows == 2)
                {
                    notes.push(format!(
                        "{feature} is also served by {name}; this is the answer of {} (--vendor asks for another)",
                        best.vendor
                    ));
                } else if best.as_ref().is_none_or(|best| knows > best.knows) {
                    let (vendor, place) = (name.clone(), place.to_owned());
                    *best = Some(Candidate { knows, vendor, place, connection });
                }
            }
            Err(failure) => {
                notes.push(format!("{name} of {place} does not answer, {NOT_ASKED}"));
                outcome = Err(failure);
            }
        }
    }
    match &on.vendor {
        Some(vendor) if !named => {
            let note = format!("this server has no vendor daemon {vendor}");
            Err(Denial::new(Code::VendorDown, minor::VENDOR_UNKNOWN, &note).into())
        }
        _ => outcome,
    }
}
