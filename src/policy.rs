//! Who may have it: an options file compiled against a catalog (`flexnet-files.md` 4 and 5).
//!
//! [`Policy::compile`] turns the lines into tables for each pool, and tells what of the file has no effect and why. A client is
//! compared with everybody whom the file names once ([`Policy::profile`]); a verdict then looks up a few numbers and never
//! scans the file. Every verdict names the line that decided. How many licenses are out is the engine's to know: limits and
//! reservations come as numbers.

mod addresses;
mod atoms;
mod compile;
pub mod finding;
mod named;
mod select;
mod tables;

pub use atoms::Profile;
pub use named::Naming;
pub use tables::{
    Access, Inclusion, Limit, LimitId, PoolRules, Reservation, ReservationId, Rule, RuleId, Terms,
};

use std::net::IpAddr;
use std::sync::Arc;

use atoms::{AtomId, Atoms};
use tables::Whose;

use crate::event::Claims;
use crate::ident::{FeatureName, Table, User};
use crate::options::{LogEvent, LogFile, Who};

/// All rules of one options file for the pools of one catalog. It never changes: a reread compiles another one.
#[derive(Debug, Clone, Default)]
pub struct Policy {
    /// The options file's name without its directories; clients see no more of it.
    file: Arc<str>,
    rules: Vec<Rule>,
    atoms: Atoms,
    /// All groups that are defined, in order, if there is an ALL_GROUPS line.
    groups: Vec<AtomId>,
    /// In the order of [`Catalog::pools`](crate::catalog::Catalog::pools).
    pools: Table<FeatureName, Vec<PoolRules>>,
    limits: Vec<Limit>,
    reservations: Vec<Reservation>,
    lingers: bool,
    settings: Settings,
}

/// What an options file sets for the whole daemon.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Settings {
    /// Whether AUTOMATIC_REREAD is OFF.
    pub no_automatic_reread: bool,
    /// MAX_CONNECTIONS.
    pub max_connections: Option<u32>,
    /// The last DEBUGLOG line.
    pub debug_log: Option<LogFile>,
    /// The last REPORTLOG line.
    pub report_log: Option<LogFile>,
    /// What NOLOG lines leave out.
    pub no_log: Vec<LogEvent>,
}

/// Whose licenses a limit counts together when a client asks.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Counted {
    /// Those of everybody whom the line names.
    Together,
    /// Those of this user.
    User(User),
    /// Those of this group.
    Group(User),
}

impl Policy {
    /// The somebodies of the file that a client is; it holds for this policy alone. `address` is that of its socket.
    #[must_use]
    pub fn profile(&self, client: &Claims, address: IpAddr) -> Profile {
        self.atoms.profile(client, address)
    }

    /// The rules of a feature's pools, in the order of the catalog's pools; empty for a feature that is not served.
    #[must_use]
    pub fn pools(&self, feature: &str) -> &[PoolRules] {
        self.pools.get(feature).map_or(&[], Vec::as_slice)
    }

    /// Whether there are neither limits nor reservations, so that nothing need be counted.
    #[must_use]
    pub fn counts_nothing(&self) -> bool {
        self.limits.is_empty() && self.reservations.is_empty()
    }

    /// Whether there is a LINGER line for any pool.
    #[must_use]
    pub fn lingers(&self) -> bool {
        self.lingers
    }

    /// Whether no line names anybody, so that all clients are alike to it.
    #[must_use]
    pub fn names_nobody(&self) -> bool {
        self.atoms.is_empty()
    }

    /// A MAX line.
    #[must_use]
    pub fn limit(&self, id: LimitId) -> Option<&Limit> {
        self.limits.get(usize::try_from(id.0).ok()?)
    }

    /// A reservation.
    #[must_use]
    pub fn reservation(&self, id: ReservationId) -> Option<&Reservation> {
        self.reservations.get(usize::try_from(id.0).ok()?)
    }

    /// Whether a reservation is for a client.
    #[must_use]
    pub fn is_reserved_for(&self, reservation: &Reservation, client: &Profile) -> bool {
        client.is(reservation.who)
    }

    /// For whom a reservation is, as its line says.
    #[must_use]
    pub fn holder(&self, reservation: &Reservation) -> Option<&Who> {
        self.atoms.who(reservation.who)
    }

    /// What a limit counts when a client asks: nothing if it does not concern the client, more than one thing if the client is in
    /// several groups of an ALL_GROUPS line.
    #[must_use]
    pub fn counted(&self, limit: &Limit, client: &Profile, user: &User) -> Vec<Counted> {
        let exempted = |exempt: &[AtomId]| exempt.iter().any(|atom| client.is(*atom));
        match &limit.whose {
            Whose::Atom(atom) => {
                if client.is(*atom) {
                    vec![Counted::Together]
                } else {
                    Vec::new()
                }
            }
            Whose::EachUser { exempt } if exempted(exempt) => Vec::new(),
            Whose::EachUser { .. } => vec![Counted::User(user.clone())],
            Whose::EachGroup { exempt } => client
                .atoms
                .iter()
                .filter(|atom| self.groups.binary_search(atom).is_ok() && !exempt.contains(atom))
                .filter_map(|group| match self.atoms.who(*group) {
                    Some(Who::Group(name)) => Some(Counted::Group(name.clone())),
                    _ => None,
                })
                .collect(),
        }
    }

    /// What the file sets for the whole daemon.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// A rule.
    #[must_use]
    pub fn rule(&self, id: RuleId) -> Option<Rule> {
        self.rules.get(usize::try_from(id.0).ok()?).copied()
    }

    /// A rule's place as clients may see it: `LGS.opt:3`.
    #[must_use]
    pub fn place(&self, id: RuleId) -> String {
        let line = self.rule(id).map_or(0, |rule| rule.line);
        format!("{}:{line}", self.file)
    }
}

#[cfg(test)]
mod tests;
