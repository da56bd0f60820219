//! lmborrow: orders borrowing, shows what is borrowed on this machine, renews it and gives it back (`flexnet-tools.md` 2.12); and for
//! administrators, wants it back.

use std::path::PathBuf;

use jiff::tz::TimeZone;

use super::ask::Failure;
use super::lmclock::connect;
use super::lmdown::{KeySource, candidates, order};
use super::runtime;
use crate::client::{
    BORROW_VARIABLE, BorrowOrder, BorrowState, Borrows, Config, Limits, LocalBorrow, LostRequest, Renewal,
    SearchPath, Settled, Trust, Unsettled, clear_orders, default_borrow_dir, minute_of, orders, set_order,
};
use crate::code::{Code, minor};
use crate::event::Denial;
use crate::ident::{FeatureName, Handle, VendorName, Version};
use crate::platform::SystemClock;
use crate::sign::BorrowRecord;
use crate::text::counted;
use crate::time::{CivilDate, Clock as _};
use crate::wire::ControlVerb;

/// What to give back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// The feature.
    pub feature: FeatureName,
    /// Only this version.
    pub version: Option<Version>,
    /// Only of this vendor.
    pub vendor: Option<VendorName>,
    /// Whose it is, if another user's than the one who asks.
    pub user: Option<String>,
    /// From which host, if another one.
    pub host: Option<String>,
    /// At which display, if another one.
    pub display: Option<String>,
    /// Host names are compared to their first dot.
    pub full_names: bool,
}

/// The directory of borrows.
///
/// # Errors
/// [`Failure`] when there is none.
pub fn directory() -> Result<PathBuf, Failure> {
    default_borrow_dir()
        .ok_or_else(|| Failure::new(Code::BorrowFailed, minor::BORROW_STORE, "there is no home directory"))
}

/// What this user has borrowed.
///
/// # Errors
/// [`Failure`] when there is no place for it.
pub fn borrows() -> Result<Borrows, Failure> {
    // The vendor of each borrow is its own; nobody vouches here for lines, which are not used either.
    let config = Config::new(VendorName::parse("LGS")?, Trust::Server)?;
    Ok(Borrows::new(&config)?)
}

/// Makes the checkouts of today borrow. Gives what stands in the order's place in the environment, which wins.
///
/// # Errors
/// [`Failure`] when the end has passed or the order can't be kept.
pub fn borrow(mut order: BorrowOrder, zone: &TimeZone) -> Result<(BorrowOrder, Option<String>), Failure> {
    let now = SystemClock::new().now().utc;
    let past = || Failure::new(Code::InvalidParameter, minor::BORROW_PAST, "that time has passed already");
    order.today = CivilDate::of(now, zone).ok_or_else(past)?;
    let too_far = || {
        let note = format!(
            "{} lies behind the last day that can be counted with; BORROW of the license says for how long it may be borrowed",
            CivilDate::from(order.ends.date())
        );
        Failure::new(Code::BorrowTooLong, minor::BORROW_TOO_LONG, &note)
    };
    if order.ends_at(zone).ok_or_else(too_far)? <= now {
        return Err(past());
    }
    set_order(&directory()?, &order)?;
    Ok((order, of_environment()))
}

/// The order that the environment has, which wins.
#[must_use]
pub fn of_environment() -> Option<String> {
    std::env::var(BORROW_VARIABLE).ok().filter(|value| !value.trim().is_empty())
}

/// Takes all orders back.
///
/// # Errors
/// [`Failure`] when they can't be removed.
pub fn clear() -> Result<bool, Failure> {
    Ok(!clear_orders(&directory()?, None)?.is_empty())
}

/// The orders that are kept.
#[must_use]
pub fn kept_orders() -> Vec<BorrowOrder> {
    directory().map(|dir| orders(&dir)).unwrap_or_default()
}

/// What is borrowed, as it is printed, and what may be.
#[must_use]
pub fn status(all: &[LocalBorrow], unsettled: &[Unsettled], zone: &TimeZone) -> String {
    let mut text = format!("{:<16}{:<34}Expiration\n", "Vendor", "Feature");
    text.push_str(&format!("{}        {}  {}\n", "_".repeat(8), "_".repeat(32), "_".repeat(19)));
    for LocalBorrow { path, record, state } in all {
        let record = match record {
            Ok(record) => record,
            Err(why) => {
                text.push_str(&format!("{} is damaged: {why}\n", path.display()));
                continue;
            }
        };
        let mut line = format!(
            "{:<16}{:<34}{}",
            record.vendor.as_str(),
            record.feature.as_str(),
            minute_of(record.until, zone)
        );
        if record.count.get() > 1 {
            line.push_str(&format!(" ({})", counted(record.count.get(), "license")));
        }
        if record.until < record.ends {
            line.push_str(&format!(" (renewable until {})", minute_of(record.ends, zone)));
        }
        match state {
            BorrowState::Good => {}
            BorrowState::Expired => line.push_str(" (expired)"),
            BorrowState::ClockSetBack => line.push_str(" (the clock was set back: -renew)"),
            BorrowState::Returning => line.push_str(" (given back; the server is still to be told: -renew)"),
            BorrowState::Unusable(denial) => line.push_str(&format!(" (unusable: {})", denial.note)),
        }
        text.push_str(&line);
        text.push('\n');
    }
    for Unsettled { path, request } in unsettled {
        text.push_str(&match request {
            Err(why) => format!("{} is damaged: {why}\n", path.display()),
            Ok(LostRequest { vendor, feature, ends }) => format!(
                "{:<16}{:<34}{} (asked for; whether it is lent is not known: -renew)\n",
                vendor.as_str(),
                feature.as_str(),
                minute_of(*ends, zone)
            ),
        });
    }
    text
}

impl Wanted {
    fn means(&self, record: &BorrowRecord, config: &Config) -> bool {
        let claims = &config.claims;
        let user = self.user.as_deref().unwrap_or(claims.user.as_str());
        let host = self.host.as_deref().unwrap_or(claims.host.as_str());
        let display = self.display.as_deref().unwrap_or(claims.display.as_str());
        let name = |host: &str| {
            let short = host.split('.').next().unwrap_or(host);
            if self.full_names { short.to_ascii_lowercase() } else { host.to_ascii_lowercase() }
        };
        record.feature == self.feature
            && self.version.is_none_or(|version| record.version == version)
            && self.vendor.as_ref().is_none_or(|vendor| record.vendor == *vendor)
            && record.user.as_str() == user
            && name(record.host.as_str()) == name(host)
            && record.display.as_str() == display
    }

    /// What was asked for, and what there is of the feature instead.
    fn beside(&self, near: &BorrowRecord, config: &Config) -> String {
        let claims = &config.claims;
        let version = self.version.map_or(String::new(), |version| format!(" in version {version}"));
        let vendor = self.vendor.as_ref().map_or(String::new(), |vendor| format!(" from vendor {vendor}"));
        format!(
            "{}{version}{vendor} by {} on {} at display {}; there is version {} from vendor {} by {} on {} at display {}",
            nothing_of(&self.feature),
            self.user.as_deref().unwrap_or(claims.user.as_str()),
            self.host.as_deref().unwrap_or(claims.host.as_str()),
            self.display.as_deref().unwrap_or(claims.display.as_str()),
            near.version,
            near.vendor,
            near.user,
            near.host,
            near.display
        )
    }
}

/// What became of licenses that were to come back.
#[derive(Debug, Default)]
pub struct Given {
    /// The borrows that came back.
    pub back: Vec<BorrowRecord>,
    /// The orders to borrow that were taken back with them.
    pub cleared: Vec<BorrowOrder>,
    /// Why the first of the others did not.
    pub failure: Option<Failure>,
}

/// Gives back what is wanted.
///
/// # Errors
/// [`Failure`] when nothing could be tried: -128 when nothing fits, with what there is instead.
pub fn give_back(wanted: &Wanted, at: Option<&SearchPath>) -> Result<Given, Failure> {
    // What is lent without anybody here knowing can come back too.
    let unsettled = settle(Some(&wanted.feature), at)?.into_iter().find_map(|asked| asked.outcome.err());
    let config = Config::new(VendorName::parse("LGS")?, Trust::Server)?;
    let borrows = Borrows::new(&config)?;
    let all: Vec<(PathBuf, BorrowRecord)> =
        borrows.list()?.into_iter().filter_map(|local| Some((local.path, local.record.ok()?))).collect();
    let (meant, others): (Vec<_>, Vec<_>) =
        all.into_iter().partition(|(_, record)| wanted.means(record, &config));
    if meant.is_empty() {
        if let Some(denial) = unsettled {
            let note = format!("{}: {denial} {}", wanted.feature, denial.note);
            return Err(Failure::new(Code::ReturnFailed, denial.minor, &note));
        }
        let near = others.iter().find(|(_, record)| record.feature == wanted.feature);
        let note = match near {
            None => nothing_of(&wanted.feature),
            Some((_, near)) => wanted.beside(near, &config),
        };
        return Err(Failure::new(Code::BorrowUnknown, minor::BORROW_UNKNOWN, &note));
    }
    let dir = directory()?;
    runtime()?.block_on(async {
        let mut given = Given::default();
        for (path, record) in meant {
            if let Err(denial) = borrows.give_back(&path, at).await {
                given.failure.get_or_insert(denial.into());
                continue;
            }
            given.back.push(record.clone());
            // Who has given a license back does not want to borrow it again at once.
            match clear_orders(&dir, Some(&record.vendor)) {
                Ok(cleared) => given.cleared.extend(cleared),
                Err(denial) => drop(given.failure.get_or_insert(denial.into())),
            }
        }
        Ok(given)
    })
}

fn nothing_of(feature: &FeatureName) -> String {
    format!("nothing is borrowed here of {feature}")
}

/// What came of a request whose answer was lost.
#[derive(Debug, Clone)]
pub struct Asked {
    /// What was asked for.
    pub feature: FeatureName,
    /// What came of it.
    pub outcome: Result<Settled, Denial>,
}

/// Asks the servers again what came of requests whose answers were lost, all of them or those for one feature.
///
/// # Errors
/// [`Failure`] when nothing could be tried at all.
pub fn settle(feature: Option<&FeatureName>, at: Option<&SearchPath>) -> Result<Vec<Asked>, Failure> {
    let borrows = borrows()?;
    runtime()?.block_on(async {
        let mut all = Vec::new();
        for Unsettled { path, request } in borrows.unsettled()? {
            let Ok(request) = request else { continue };
            if feature.is_none_or(|feature| request.feature == *feature) {
                all.push(Asked { outcome: borrows.settle(&path, at).await, feature: request.feature });
            }
        }
        Ok(all)
    })
}

/// What came of one borrow when its server was met.
#[derive(Debug, Clone)]
pub struct Met {
    /// The borrow.
    pub record: BorrowRecord,
    /// What came of it.
    pub outcome: Result<Renewal, Denial>,
}

/// Whether nothing is borrowed, or asked for, of one feature or at all.
///
/// # Errors
/// -128 where nothing is of the feature; -117 when the directory can't be read.
pub fn is_nothing(feature: Option<&FeatureName>) -> Result<bool, Failure> {
    let borrows = borrows()?;
    let is = |found: &FeatureName| feature.is_none_or(|feature| found == feature);
    let some = borrows
        .list()?
        .iter()
        .any(|local| local.record.as_ref().is_ok_and(|record| is(&record.feature)))
        || borrows.unsettled()?.iter().any(|asked| asked.request.as_ref().is_ok_and(|it| is(&it.feature)));
    match feature {
        Some(feature) if !some => {
            Err(Failure::new(Code::BorrowUnknown, minor::BORROW_UNKNOWN, &nothing_of(feature)))
        }
        _ => Ok(!some),
    }
}

/// Meets the servers of all borrows, or of those of one feature.
///
/// # Errors
/// [`Failure`] when nothing could be tried at all.
pub fn renew(feature: Option<&FeatureName>, at: Option<&SearchPath>) -> Result<Vec<Met>, Failure> {
    let borrows = borrows()?;
    runtime()?.block_on(async {
        let mut all = Vec::new();
        for LocalBorrow { path, record, .. } in borrows.list()? {
            let Ok(record) = record else { continue };
            if feature.is_none_or(|feature| record.feature == *feature) {
                let outcome = borrows.renew(&path, None, at).await;
                all.push(Met { record, outcome });
            }
        }
        Ok(all)
    })
}

/// Removes what is over; the removed files.
///
/// # Errors
/// [`Failure`] when something can't be removed.
pub fn purge() -> Result<Vec<PathBuf>, Failure> {
    Ok(borrows()?.purge()?)
}

/// An administrator wants a borrow back. Gives the lines of the vendor daemon that has it.
///
/// # Errors
/// [`Failure`] when none has it.
pub fn recall(
    path: &SearchPath,
    vendor: Option<&VendorName>,
    (feature, handle): (&FeatureName, Handle),
    key: &KeySource,
    limits: Limits,
) -> Result<Vec<String>, Failure> {
    let found = candidates(path, limits)?;
    runtime()?.block_on(async {
        let mut failure: Option<Failure> = None;
        for candidate in &found {
            let connections = match connect(candidate, vendor, limits).await {
                Ok(connections) => connections,
                Err(error) => {
                    failure.get_or_insert(error);
                    continue;
                }
            };
            for (_, mut connection) in connections {
                let verb = ControlVerb::Recall { feature: feature.clone(), handle };
                match order(&mut connection, verb, key).await {
                    Ok((lines, _)) => return Ok(lines),
                    Err(error) => drop(failure.get_or_insert(error)),
                }
            }
        }
        Err(failure.unwrap_or_else(|| Failure::new(Code::BorrowUnknown, minor::BORROW_UNKNOWN, "")))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ident::{Count, Digest, PoolKey};
    use crate::time::Timestamp;

    fn record(until: i64, ends: i64) -> BorrowRecord {
        BorrowRecord {
            vendor: "LGS".parse().unwrap(),
            server: "27000@lic1".into(),
            feature: "cad_design".parse().unwrap(),
            version: Version::parse("2.0").unwrap(),
            count: Count::MIN,
            pool: PoolKey::new("fx 2"),
            handle: Handle(12),
            user: "ann".parse().unwrap(),
            host: "ws01.example.net".parse().unwrap(),
            display: ":0".parse().unwrap(),
            hostids: Vec::new(),
            secret: Digest([9; 32]),
            borrowed: Timestamp(0),
            until: Timestamp(until),
            ends: Timestamp(ends),
        }
    }

    #[test]
    fn the_status_has_the_columns_of_the_reference() {
        let at = 1_796_148_000_000; // 2026-12-01T18:00:00Z
        let local = |record, state| LocalBorrow { path: "/b/1.borrow".into(), record, state };
        let lost = LostRequest {
            vendor: "LGS".parse().unwrap(),
            feature: "one".parse().unwrap(),
            ends: Timestamp(at),
        };
        let text = status(
            &[
                local(Ok(record(at, at)), BorrowState::Good),
                local(Ok(record(at, at + 86_400_000)), BorrowState::Expired),
                local(Err("why".into()), BorrowState::Good),
            ],
            &[
                Unsettled { path: "/b/1.asked".into(), request: Ok(lost) },
                Unsettled { path: "/b/2.asked".into(), request: Err("why".into()) },
            ],
            &TimeZone::UTC,
        );
        assert_eq!(
            text,
            "Vendor          Feature                           Expiration\n\
             ________        ________________________________  ___________________\n\
             LGS             cad_design                        1-dec-2026 18:00\n\
             LGS             cad_design                        1-dec-2026 18:00 (renewable until 2-dec-2026 18:00) (expired)\n\
             /b/1.borrow is damaged: why\n\
             LGS             one                               1-dec-2026 18:00 (asked for; whether it is lent is not known: -renew)\n\
             /b/2.asked is damaged: why\n"
        );
    }

    #[test]
    fn what_is_given_back_is_of_user_host_and_display() {
        let config = Config::new("LGS".parse().unwrap(), Trust::Server).unwrap();
        let wanted = Wanted {
            feature: "cad_design".parse().unwrap(),
            version: None,
            vendor: None,
            user: Some("ann".into()),
            host: Some("WS01.example.net".into()),
            display: Some(":0".into()),
            full_names: false,
        };
        let means = |wanted: &Wanted| wanted.means(&record(1, 1), &config);
        assert!(means(&wanted));
        assert!(!means(&Wanted { host: Some("ws01".into()), ..wanted.clone() }));
        assert!(means(&Wanted { host: Some("ws01".into()), full_names: true, ..wanted.clone() }));
        for other in [
            Wanted { display: Some(":1".into()), ..wanted.clone() },
            Wanted { user: Some("bob".into()), ..wanted.clone() },
            Wanted { version: Some(Version::parse("1.0").unwrap()), ..wanted.clone() },
            Wanted { vendor: Some("acme".parse().unwrap()), ..wanted.clone() },
            Wanted { feature: "other".parse().unwrap(), ..wanted.clone() },
        ] {
            assert!(!means(&other), "{other:?}");
        }
    }
}
