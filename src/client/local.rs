//! Licenses that need no server: uncounted lines of a file without SERVER lines, for this machine.

use super::config::Config;
use crate::catalog::{Catalog, Period, Pool};
use crate::code::{Code, minor};
use crate::event::{Denial, Identity};
use crate::ident::{FeatureName, Version};
use crate::time::Timestamp;

/// What a local line allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LocalGrant {
    pub(super) expires: Option<Timestamp>,
    pub(super) demo: bool,
}

/// Judges a request by the file: the signature was checked when the catalog was built; here name, version, hostid and
/// dates. The refusal is that of the pool that came nearest.
pub(super) fn checkout(
    catalog: &Catalog,
    config: &Config,
    feature: &FeatureName,
    version: Version,
    now: Timestamp,
) -> Result<LocalGrant, Denial> {
    let pools = catalog.pools(feature.as_str());
    if pools.is_empty() {
        return Err(match catalog.unserved(feature.as_str()) {
            Some(unserved) => unserved.denial(),
            None => {
                Denial::new(Code::NoSuchFeature, minor::NO_SUCH_FEATURE, "the file has no line of this name")
            }
        });
    }
    let client = config.identity();
    let mut nearest: Option<(u8, Denial)> = None;
    for pool in pools {
        match judge(pool, &client, version, now) {
            Ok(expires) => return Ok(LocalGrant { expires, demo: catalog.demo() }),
            Err(refusal) => {
                if nearest.as_ref().is_none_or(|(rank, _)| refusal.0 > *rank) {
                    nearest = Some(refusal);
                }
            }
        }
    }
    let none = || Denial::new(Code::NoSuchFeature, minor::NO_SUCH_FEATURE, "");
    Err(nearest.map_or_else(none, |(_, denial)| denial))
}

/// The refusal with how near the pool came.
fn judge(
    pool: &Pool,
    client: &Identity,
    version: Version,
    now: Timestamp,
) -> Result<Option<Timestamp>, (u8, Denial)> {
    if pool.counted {
        let note = "counted licenses need a SERVER line";
        return Err((0, Denial::new(Code::NoServerForFeature, minor::FILE_WITHOUT_SERVER, note)));
    }
    if pool.version < version {
        let note = format!("the file has version {}", pool.version);
        return Err((1, Denial::new(Code::FileVersion, minor::VERSION_TOO_HIGH, &note)));
    }
    if !pool.admits(client) {
        let note = "the line is for another hostid";
        return Err((2, Denial::new(Code::WrongHost, minor::CLIENT_HOSTID, note)));
    }
    match (pool.period_at(now), pool.backing_lot(now)) {
        (Period::Within, Some(lot)) => Ok(lot.ends),
        (Period::Before, _) => Err((3, Denial::new(Code::NotStarted, minor::START_IN_FUTURE, ""))),
        _ => Err((3, Denial::new(Code::Expired, minor::LINE_EXPIRED, ""))),
    }
}
