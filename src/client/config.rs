//! What an application says of itself and of its publisher before it asks for licenses.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::borrow::default_borrow_dir;
use super::dial::Limits;
use super::path::SearchPath;
use crate::event::{Claims, Denial, Identity, SessionKind};
use crate::ident::{
    Count, Display, FeatureName, Handle, Host, NameError, Platform, Project, VendorName, Version,
};
use crate::license::HostId;
use crate::platform::{claimed_hostids, display_name, host_name, user_name};
use crate::sign::VerifyingKey;
use crate::time::Timestamp;
use crate::wire::limits::HOSTIDS_MAX;
use crate::wire::{self, Hello, Purpose};

/// The variable with the project of a user.
pub const PROJECT_VARIABLE: &str = "LM_PROJECT";

/// How long a request may wait for its answer, with a lost connection being sought again meanwhile.
const PATIENCE: Duration = Duration::from_secs(30);

/// Whose word counts for a grant.
#[derive(Debug, Clone)]
pub enum Trust {
    /// The publisher's: every line behind a grant must carry a signature of one of these keys. This is for applications.
    Publisher {
        /// The publisher's public keys, compiled into the application.
        keys: Vec<VerifyingKey>,
        /// Whether lines under the published demo key are accepted as well.
        demo: bool,
    },
    /// The server's: lines are not looked at. This is for tools that protect nothing, such as `seatkeeper run`.
    Server,
}

/// Who asks, where, and whose word counts. [`Config::new`] fills in what the machine and the environment say; the
/// fields may be changed before the client is made.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Config {
    /// The vendor daemon that serves the application's features.
    pub vendor: VendorName,
    /// Whose word counts for a grant.
    pub trust: Trust,
    /// Where to look for licenses.
    pub path: SearchPath,
    /// Who uses the application, on which machine; at most 16 hostids are sent.
    pub claims: Claims,
    /// Time limits of connections.
    pub limits: Limits,
    /// How long a request may wait for its answer, with a lost connection being sought again meanwhile.
    pub patience: Duration,
    /// Where what is borrowed is kept; none keeps nothing, and borrows nothing.
    pub borrow_dir: Option<PathBuf>,
    /// Called for each seat that is lost, on the client's own task: it must not block.
    pub on_loss: Option<OnLoss>,
    /// Called when a checkout goes on though something that was ordered of it can't be done, such as a borrow by an order that is over; on
    /// the task that asks: it must not block.
    pub on_warning: Option<OnWarning>,
}

/// What is called with a warning: a number, and a note for people.
#[derive(Clone)]
pub struct OnWarning(Arc<dyn Fn(&Denial) + Send + Sync>);

impl OnWarning {
    /// Takes a function.
    pub fn new(call: impl Fn(&Denial) + Send + Sync + 'static) -> Self {
        Self(Arc::new(call))
    }
}

impl fmt::Debug for OnWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OnWarning")
    }
}

/// What is called when a seat is lost.
#[derive(Clone)]
pub struct OnLoss(Arc<dyn Fn(&Loss) + Send + Sync>);

impl OnLoss {
    /// Takes a function.
    pub fn new(call: impl Fn(&Loss) + Send + Sync + 'static) -> Self {
        Self(Arc::new(call))
    }

    pub(super) fn call(&self, loss: &Loss) {
        (self.0)(loss);
    }
}

impl fmt::Debug for OnLoss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OnLoss")
    }
}

/// A seat that the application had and has no more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loss {
    /// The checkout.
    pub handle: Handle,
    /// What it was for.
    pub feature: FeatureName,
    /// In which version.
    pub version: Version,
    /// How many licenses.
    pub count: Count,
    /// Why.
    pub denial: Denial,
}

impl Config {
    /// A client of this vendor's features, as this user on this machine, with the search path and the time limit of the
    /// environment.
    ///
    /// # Errors
    /// [`NameError`] when the machine's or the user's name is not one that can be sent.
    pub fn new(vendor: VendorName, trust: Trust) -> Result<Self, NameError> {
        let claims = own_claims()?;
        let hostids = claimed_hostids();
        Ok(Self {
            path: SearchPath::from_environment(None, Some(&vendor)),
            vendor,
            trust,
            claims: Claims {
                project: std::env::var(PROJECT_VARIABLE).ok().and_then(|text| project(&text)),
                platform: platform_name(),
                hostids: sendable(&hostids),
                ..claims
            },
            limits: Limits::from_environment(),
            patience: PATIENCE,
            borrow_dir: default_borrow_dir(),
            on_loss: None,
            on_warning: None,
        })
    }

    /// Asks in these places only, as `-c` of the tools does.
    #[must_use]
    pub fn with_path(mut self, list: &str) -> Self {
        self.path = SearchPath::parse(list);
        self
    }

    /// Looks in these places if nothing says where: the application's own, before the default one.
    #[must_use]
    pub fn with_own_place(self, list: &str) -> Self {
        if self.path.is_default() { self.with_path(list) } else { self }
    }

    pub(super) fn warn(&self, warning: &Denial) {
        match &self.on_warning {
            Some(OnWarning(call)) => call(warning),
            None => tracing::warn!("{}", warning.note),
        }
    }

    /// Who this client is to itself: at the address of the machine.
    pub(super) fn identity(&self) -> Identity {
        Identity::new(self.claims.clone(), IpAddr::V4(Ipv4Addr::LOCALHOST), SessionKind::Framed)
    }

    /// The greeting of a connection.
    pub(super) fn hello(&self, purpose: Purpose, time: Timestamp, vendor: Option<VendorName>) -> Hello {
        Hello { major: wire::MAJOR, minor: wire::MINOR, purpose, time, claims: self.claims.clone(), vendor }
    }
}

/// The first hostids, as many as a greeting may have.
fn sendable(hostids: &[HostId]) -> Vec<Host> {
    hostids.iter().filter_map(|hostid| Host::parse(&hostid.to_string()).ok()).take(HOSTIDS_MAX).collect()
}

/// Who runs this program, and where; no more than every server must know.
///
/// # Errors
/// [`NameError`] when the machine's or the user's name is not one that can be sent.
pub fn own_claims() -> Result<Claims, NameError> {
    let host = host_name()?;
    let display = match display_name(&host) {
        Some(display) => display,
        None => Display::parse(host.as_str())?,
    };
    Ok(Claims {
        user: user_name()?,
        host,
        display,
        project: None,
        platform: None,
        hostids: Vec::new(),
        pid: Some(std::process::id()),
    })
}

/// A project that is no name is left out: it only serves usage records, and no reason to stop the application.
fn project(text: &str) -> Option<Project> {
    match Project::parse(text) {
        Ok(project) => Some(project),
        Err(error) => {
            tracing::warn!(%error, "{PROJECT_VARIABLE} is left out");
            None
        }
    }
}

/// The platform's name as license files spell it (`PLATFORMS=`), where it has one.
fn platform_name() -> Option<Platform> {
    let name = match (std::env::consts::OS, std::env::consts::ARCH) {
        ("linux", "x86_64") => "x64_lsb",
        ("linux", "x86") => "i86_lsb",
        ("linux", "aarch64") => "arm64_lsb",
        ("macos", "x86_64") => "x64_mac",
        ("macos", "aarch64") => "arm64_mac",
        ("windows", "x86_64") => "x64_n6",
        _ => return None,
    };
    Platform::parse(name).ok()
}
