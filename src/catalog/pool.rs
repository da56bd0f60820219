//! Pools and the lots they are made of.

use std::fmt::Write as _;
use std::sync::Arc;

use super::named::Named;
use super::part::Part;
use super::verdict::LinePlace;
use crate::event::Identity;
use crate::ident::{Digest, DupMask, FeatureName, PoolKey, Version};
use crate::license::{Expiry, FeatureLine, HostId, LicenseCount};
use crate::sign::{KeyId, Manifest, Signer};
use crate::time::{CivilDate, LicenseTime, Timestamp};

/// Attributes whose values are part of a pool's key besides HOSTID and VENDOR_STRING (`flexnet-files.md` 3.1).
const KEY_ATTRIBUTES: [&str; 8] =
    ["BORROW", "DUP_GROUP", "FLOAT_OK", "HOST_BASED", "PLATFORMS", "TZ", "USER_BASED", "VM_PLATFORMS"];
/// By what licenses of a suite are shared.
const SUITE_DUP_GROUP: &str = "SUITE_DUP_GROUP";
/// The key of a suite's component: the package's name and version. No line has such an attribute.
const SUITE: &str = "SUITE";
/// DECISION (3.1): `BORROW` without a number means this many hours, so `BORROW` and `BORROW=168` are equal keys.
const BORROW_HOURS: &str = "168";
const BORROW_HOURS_NUMBER: u32 = 168;

/// Licenses that are counted together: one or more lines that agree in every key.
#[derive(Debug, Clone)]
pub struct Pool {
    /// All keys as one text.
    pub key: PoolKey,
    /// The feature.
    pub feature: FeatureName,
    /// Highest version that a request may ask for, as the first line writes it.
    pub version: Version,
    /// Whether licenses are counted; an uncounted pool never runs out.
    pub counted: bool,
    /// For how many hours its licenses may be borrowed at most; none if they can't be.
    pub borrow_h: Option<u32>,
    /// By what its checkouts share licenses; none if the application's request decides (`flexnet-files.md` 3.7).
    pub share: Option<DupMask>,
    /// Hosts that may use it, any one of which suffices; empty if it floats.
    pub hostids: Vec<HostId>,
    /// Platforms on which it may be used, any one of which suffices; none if all are alike.
    pub platforms: Option<Vec<String>>,
    /// Whom INCLUDE lines must name; nothing if it is for everybody (`flexnet-files.md` 3.11).
    pub named: Vec<Named>,
    /// What it has to do with a suite, if anything (`flexnet-files.md` 3.9).
    pub suite: Option<Suite>,
    /// Whether that suite reserves its components: the first that a user takes reserves the others for that user.
    pub reserving: bool,
    /// The publisher's data, if the manifest makes it a key.
    pub vendor_string: Option<String>,
    /// One for each line, in the order of the lines.
    pub lots: Vec<Lot>,
}

/// What a pool has to do with a suite.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Suite {
    /// Its licenses are those of the package: they are taken with components, never by themselves.
    Package,
    /// Its licenses are those of a component: with each goes one of the package, which is in this pool.
    Component(PoolKey),
}

/// What one line adds to its pool.
#[derive(Debug, Clone)]
pub struct Lot {
    /// The line: FEATURE or INCREMENT, the UPGRADE that moved the licenses, or the line that enables the package.
    pub place: LinePlace,
    /// Number of licenses; 0 on an uncounted line.
    pub count: u32,
    /// Licenses beyond the count that may be in use as overdraft (`flexnet-files.md` 3.10).
    pub overdraft: u32,
    /// So many users may be named for it; none if it is not USER_BASED or that is not limited.
    pub users: Option<u32>,
    /// So many hosts may be named for it, likewise.
    pub hosts: Option<u32>,
    /// How long a license that was given up stays in use, in seconds, as the publisher has it: LINGER of the line, else the
    /// manifest's number (`flexnet-files.md` 3.12).
    pub linger_s: u32,
    /// First instant of validity; none if it was always valid.
    pub starts: Option<Timestamp>,
    /// The START day, for people.
    pub start: Option<CivilDate>,
    /// First instant after validity: after the expiry date, or after the last day of a key that signed it, whichever comes
    /// first. None if it never ends.
    pub ends: Option<Timestamp>,
    /// The expiry as a date, for people.
    pub expiry: Expiry,
    /// The key whose retirement ends it before its expiry, if one does.
    pub retirement: Option<Retirement>,
    /// Digest of the line's canonical text.
    pub digest: Digest,
    /// Digests of all signed lines that a grant names, that one first: behind an UPGRADE line those that the licenses came
    /// from, behind an enabling line the PACKAGE line.
    pub lines: Arc<[Digest]>,
}

/// The end of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retirement {
    /// The key.
    pub key: KeyId,
    /// The last day on which its signatures count, in the server's zone.
    pub day: CivilDate,
}

/// Where an instant lies with regard to the validity of a lot or pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Period {
    /// Not yet started (-31).
    Before,
    /// Started and expired (-10).
    After,
    /// Valid, but the clock is set back and the line expires (-88).
    Untrusted,
    /// Valid.
    Within,
}

/// A line that is served, with what a client needs to verify it. Vendor, feature and hostids stand in the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedLine {
    /// The signed text (`grammar/signature.md` section 1).
    pub canonical: String,
    /// The value of `SIGN=`.
    pub sign: String,
}

impl Pool {
    pub(super) fn of(part: &Part<'_>, key: PoolKey, manifest: &Manifest, lot: Lot) -> Self {
        let line = part.terms;
        Self {
            key,
            feature: part.name.clone(),
            version: part.version,
            counted: part.counted(),
            borrow_h: borrow_hours(line),
            share: share(line, part),
            hostids: line.hostids().to_vec(),
            platforms: platforms(line),
            named: Named::of(line),
            suite: part.suite.clone(),
            reserving: part.reserving,
            vendor_string: line
                .vendor_string()
                .filter(|_| manifest.pool_on_vendor_string)
                .map(ToOwned::to_owned),
            lots: vec![lot],
        }
    }

    /// How many licenses are valid at an instant; 0 for an uncounted pool.
    #[must_use]
    pub fn count_at(&self, at: impl Into<LicenseTime>) -> u32 {
        self.valid_lots(at).fold(0, |sum, lot| sum.saturating_add(lot.count))
    }

    /// How many licenses beyond the count may be in use at an instant.
    #[must_use]
    pub fn overdraft_at(&self, at: impl Into<LicenseTime>) -> u32 {
        self.valid_lots(at).fold(0, |sum, lot| sum.saturating_add(lot.overdraft))
    }

    /// How many seconds a license stays in use that was given up at an instant, as the publisher has it: the longest time of any
    /// valid line.
    #[must_use]
    pub fn linger_at(&self, at: impl Into<LicenseTime>) -> u32 {
        self.valid_lots(at).map(|lot| lot.linger_s).max().unwrap_or(0)
    }

    /// The furthest that any of its lots has got at an instant: within validity, else not to be told, else expired, else not
    /// started.
    #[must_use]
    pub fn period_at(&self, at: impl Into<LicenseTime>) -> Period {
        let at = at.into();
        self.lots.iter().map(|lot| lot.period_at(at)).max().unwrap_or(Period::Before)
    }

    /// The lots that are valid at an instant.
    pub fn valid_lots(&self, at: impl Into<LicenseTime>) -> impl Iterator<Item = &Lot> {
        let at = at.into();
        self.lots.iter().filter(move |lot| lot.is_valid_at(at))
    }

    /// The lot that a grant at this instant names: of the valid ones the one that is valid for longest.
    #[must_use]
    pub fn backing_lot(&self, at: impl Into<LicenseTime>) -> Option<&Lot> {
        self.valid_lots(at).reduce(|best, lot| {
            let longer = match (lot.ends, best.ends) {
                (_, None) => false,
                (None, Some(_)) => true,
                (Some(lot), Some(best)) => lot > best,
            };
            if longer { lot } else { best }
        })
    }

    /// Whether a client may use it: it floats, or one hostid fits.
    #[must_use]
    pub fn admits(&self, client: &Identity) -> bool {
        self.hostids.is_empty() || self.hostids.iter().any(|hostid| hostid.matches(client))
    }

    /// Whether a client's platform is one of those that the line names, letter by letter (`flexnet-files.md` 1.5.1).
    #[must_use]
    pub fn runs_on(&self, client: &Identity) -> bool {
        self.platforms.as_ref().is_none_or(|names| {
            let platform = client.platform.as_ref().map(crate::ident::Platform::as_str);
            names.iter().any(|name| platform == Some(name.as_str()))
        })
    }

    /// The pool of the package that goes with each license, if this is a component's of a suite.
    #[must_use]
    pub fn package(&self) -> Option<&PoolKey> {
        match &self.suite {
            Some(Suite::Component(package)) => Some(package),
            _ => None,
        }
    }

    /// Whether its licenses are a suite's own, which are taken with components and never by themselves.
    #[must_use]
    pub fn is_package(&self) -> bool {
        self.suite == Some(Suite::Package)
    }
}

impl Lot {
    /// `grounds` are the digests and signers of the lines that it stands on, its own first.
    pub(super) fn of(
        part: &Part<'_>,
        place: LinePlace,
        grounds: &[(Digest, Option<Signer>)],
        manifest: &Manifest,
        zone: &jiff::tz::TimeZone,
    ) -> Self {
        let line = part.terms;
        let expires = match line.expiry {
            Expiry::Never => None,
            Expiry::On(day) => day.ends(zone),
        };
        let retirement = grounds
            .iter()
            .filter_map(|(_, signer)| *signer)
            .filter_map(|signer| Some(Retirement { key: signer.key, day: signer.retires? }))
            .min_by_key(|retirement| retirement.day);
        // A day whose end can't be computed lies at the end of the calendar: never over.
        let retired = retirement.and_then(|retirement| retirement.day.ends(zone));
        let sooner = retired.is_some_and(|retired| expires.is_none_or(|expires| retired < expires));
        let lines: Arc<[Digest]> = grounds.iter().map(|(digest, _)| *digest).collect();
        Self {
            place,
            count: part.count,
            overdraft: number(line, "OVERDRAFT").unwrap_or(0),
            users: Named::Users.most(line, part.count),
            hosts: Named::Hosts.most(line, part.count),
            linger_s: number(line, "LINGER").unwrap_or(manifest.linger_s),
            // A day whose beginning can't be computed lies at the end of the calendar: never reached.
            starts: line.start().map(|day| day.begins(zone).unwrap_or(Timestamp(i64::MAX))),
            start: line.start(),
            ends: if sooner { retired } else { expires },
            expiry: line.expiry,
            retirement: retirement.filter(|_| sooner),
            digest: lines.first().copied().unwrap_or(Digest([0; 32])),
            lines,
        }
    }

    /// Whether an instant lies within its validity.
    #[must_use]
    pub fn is_valid_at(&self, at: impl Into<LicenseTime>) -> bool {
        self.period_at(at) == Period::Within
    }

    /// Where an instant lies: START counts from the first moment of its day, the expiry date through its last one.
    #[must_use]
    pub fn period_at(&self, at: impl Into<LicenseTime>) -> Period {
        let LicenseTime { utc, trusted } = at.into();
        if self.starts.is_some_and(|starts| utc < starts) {
            Period::Before
        } else if self.ends.is_some_and(|ends| utc >= ends) {
            Period::After
        } else if !trusted && self.ends.is_some() {
            Period::Untrusted
        } else {
            Period::Within
        }
    }
}

/// The value of DUP_GROUP. A line with a bad one is refused before. DECISION (3.9): licenses of a suite are shared by
/// SUITE_DUP_GROUP, and without it like those of its components; those of a suite that reserves them by the user, for whom
/// they are reserved.
fn share(line: &FeatureLine, part: &Part<'_>) -> Option<DupMask> {
    let is_package = part.suite == Some(Suite::Package);
    let of_suite = if is_package { line.attribute(SUITE_DUP_GROUP) } else { None };
    if is_package && part.reserving && of_suite.is_none() {
        return Some(DupMask::USER);
    }
    of_suite.or_else(|| line.attribute("DUP_GROUP"))?.value.as_deref()?.parse().ok()
}

/// The names in PLATFORMS. A line without any is for no platform.
fn platforms(line: &FeatureLine) -> Option<Vec<String>> {
    let names = line.attribute("PLATFORMS")?.value.as_deref().unwrap_or_default();
    Some(names.split_whitespace().map(ToOwned::to_owned).collect())
}

/// The value of an attribute; numbers that are too large count as the greatest.
fn number(line: &FeatureLine, name: &str) -> Option<u32> {
    let digits = line.attribute(name)?.value.as_deref()?;
    Some(digits.parse().unwrap_or(u32::MAX))
}

/// For how many hours a line lets its licenses be borrowed (`flexnet-files.md` 3.12).
#[must_use]
pub fn borrow_hours(line: &FeatureLine) -> Option<u32> {
    let borrow = line.attribute("BORROW")?;
    Some(match &borrow.value {
        None => BORROW_HOURS_NUMBER,
        Some(_) => number(line, "BORROW").unwrap_or(BORROW_HOURS_NUMBER),
    })
}

/// The key of a pool: feature, version, then each further key that the line has, by name. Counted and uncounted
/// lines never share a pool, as one has a number to count against and the other none.
pub(super) fn pool_key(
    name: &FeatureName,
    version: Version,
    line: &FeatureLine,
    manifest: &Manifest,
) -> PoolKey {
    key_with(name, version, line, manifest, Vec::new())
}

/// The keys of the package's pool and of a component's pool of a suite.
///
/// DECISION (3.9): licenses of a component are in one pool only if the same licenses of a package go with them, so package
/// and version are a key. So is SUITE_DUP_GROUP: licenses that are shared otherwise can't be counted together.
pub(super) fn suite_keys<'c>(
    line: &FeatureLine,
    (package, version): (&FeatureName, Version),
    components: impl Iterator<Item = (&'c FeatureName, Version)>,
    manifest: &Manifest,
) -> (PoolKey, Vec<PoolKey>) {
    let shared = line.attribute(SUITE_DUP_GROUP).map(|attribute| (SUITE_DUP_GROUP, attribute.value.clone()));
    let shared: Vec<_> = shared.into_iter().collect();
    let of = (SUITE, Some(format!("{package} {}", version.canonical())));
    let more: Vec<_> = shared.iter().cloned().chain([of]).collect();
    let components = components.map(|(name, version)| key_with(name, version, line, manifest, more.clone()));
    (key_with(package, version, line, manifest, shared), components.collect())
}

fn key_with(
    name: &FeatureName,
    version: Version,
    line: &FeatureLine,
    manifest: &Manifest,
    more: Vec<(&str, Option<String>)>,
) -> PoolKey {
    let mut keys: Vec<(&str, Option<String>)> = KEY_ATTRIBUTES
        .iter()
        .filter_map(|name| line.attribute(name).map(|attribute| (*name, attribute.value.clone())))
        .map(|(name, value)| match (name, value) {
            ("BORROW", None) => (name, Some(BORROW_HOURS.to_owned())),
            other => other,
        })
        .collect();
    if !line.hostids().is_empty() {
        // DECISION (3.1): a list is a set: neither order nor repetition matters.
        let mut ids: Vec<String> = line.hostids().iter().map(ToString::to_string).collect();
        ids.sort();
        ids.dedup();
        keys.push(("HOSTID", Some(ids.join(" "))));
    }
    if manifest.pool_on_vendor_string
        && let Some(text) = line.vendor_string()
    {
        keys.push(("VENDOR_STRING", Some(text.to_owned())));
    }
    keys.extend(more);
    keys.sort();
    let mut text = format!("{name} {}", version.canonical());
    if line.count == LicenseCount::Uncounted {
        text.push_str(" uncounted");
    }
    for (name, value) in keys {
        let _ = write!(text, " {name}");
        if let Some(value) = value {
            text.push('=');
            push_value(&mut text, &value);
        }
    }
    PoolKey::new(&text)
}

/// Values with a blank or a quote are quoted, so that different keys never give the same text.
fn push_value(text: &mut String, value: &str) {
    if !value.is_empty() && !value.contains(|c: char| c.is_whitespace() || c == '"' || c == '\\') {
        text.push_str(value);
        return;
    }
    text.push('"');
    for character in value.chars() {
        if matches!(character, '"' | '\\') {
            text.push('\\');
        }
        text.push(character);
    }
    text.push('"');
}
