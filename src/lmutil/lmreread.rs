//! lmreread: has license servers read their license files and options files again (`flexnet-tools.md` 2.10). Every request
//! proves the administrator's key.

use std::time::Duration;

use super::ask::{self, Failure};
use super::lmdown::{Candidate, KeySource, order};
use super::runtime;
use crate::client::Limits;
use crate::event::Denial;
use crate::ident::VendorName;
use crate::wire::ControlVerb;

/// How long a server may take: it waits a minute for its vendor daemons.
pub const REREADING: Duration = Duration::from_secs(90);

/// What a server says of its reread.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reread {
    /// What has changed, and what was kept although the files did.
    pub lines: Vec<String>,
    /// Why not everything was taken over; none if it was.
    pub refused: Option<Denial>,
}

/// Has one server, or one of its vendor daemons, read everything again.
///
/// # Errors
/// [`Failure`] when nothing was read.
pub fn reread(
    candidate: &Candidate,
    vendor: Option<&VendorName>,
    force: bool,
    key: &KeySource,
    limits: Limits,
) -> Result<Reread, Failure> {
    runtime()?.block_on(async {
        let limits = Limits { answer: REREADING, ..limits };
        let (mut connection, _) = ask::ask_server(&candidate.server, limits).await?;
        let verb = ControlVerb::Reread { vendor: vendor.cloned(), force };
        let (lines, refused) = order(&mut connection, verb, key).await?;
        Ok(Reread { lines, refused })
    })
}
