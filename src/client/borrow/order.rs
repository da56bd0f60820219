//! Orders to borrow: LM_BORROW, from the environment or from our own file, which lmborrow writes (`flexnet-tools.md` 2.12, 5).

use std::fmt;
use std::path::Path;
use std::time::Duration;

use jiff::civil::{DateTime, Time};
use jiff::tz::TimeZone;

use super::fields::instant;
use super::store::{Store, cannot_keep};
use crate::code::{Code, minor};
use crate::event::Denial;
use crate::ident::VendorName;
use crate::platform::{read_regular, remove_durably, replace_durably};
use crate::time::{CivilDate, Timestamp};

/// The variable that makes checkouts borrow.
pub const BORROW_VARIABLE: &str = "LM_BORROW";

/// Our own file of orders, as lines `LM_BORROW=value`, in the directory of borrows.
const FILE: &str = "orders";
const FILE_BYTES_MAX: u64 = 1 << 16;

/// The last instant that a civil time can be made of.
const LAST: Timestamp = Timestamp(253_402_207_200_999);

/// Checkouts of this day borrow: `29-nov-2026:LGS:30-nov-2026:18:00`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BorrowOrder {
    /// The day on which it was given and holds.
    pub today: CivilDate,
    /// Of which vendor's features; none of all.
    pub vendor: Option<VendorName>,
    /// Until when, on the clock of the borrower.
    pub ends: DateTime,
    /// For how many hours a record is good until it must be renewed; none for the whole time.
    pub renew_h: Option<u32>,
}

impl BorrowOrder {
    /// Reads a value of LM_BORROW; behind it may stand `renew=HOURS`.
    ///
    /// # Errors
    /// What is wrong with it, for people.
    pub fn parse(text: &str) -> Result<Self, String> {
        let form = || format!("{text:?} is not of the form today:vendor:dd-mmm-yyyy[:hh:mm]");
        let (order, renew) = match text.trim().split_once(char::is_whitespace) {
            Some((order, renew)) => (order, Some(renew.trim())),
            None => (text.trim(), None),
        };
        let renew_h = match renew {
            None => None,
            Some(renew) => {
                let hours = renew.strip_prefix("renew=").and_then(|hours| hours.parse().ok());
                Some(hours.filter(|hours| *hours > 0).ok_or_else(form)?)
            }
        };
        let mut parts = order.splitn(3, ':');
        let (Some(today), Some(vendor), Some(end)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(form());
        };
        let today = CivilDate::parse(today).map_err(|error| error.to_string())?;
        let vendor = vendor_or_all(vendor)?;
        let (day, time) = end.split_once(':').map_or((end, None), |(day, time)| (day, Some(time)));
        Ok(Self { today, vendor, ends: end_of(day, time)?, renew_h })
    }

    /// The instant of its end in a zone; none behind the last one that there is, in December 9999.
    #[must_use]
    pub fn ends_at(&self, zone: &TimeZone) -> Option<Timestamp> {
        let ends = self.ends.to_zoned(zone.clone()).ok()?;
        Some(Timestamp(ends.timestamp().as_millisecond()))
    }

    /// The span of a record.
    #[must_use]
    pub fn renew(&self) -> Option<Duration> {
        self.renew_h.map(|hours| Duration::from_secs(u64::from(hours) * 3600))
    }
}

impl fmt::Display for BorrowOrder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let vendor = self.vendor.as_ref().map_or("all", VendorName::as_str);
        write!(f, "{}:{vendor}:{}", self.today, CivilDate::from(self.ends.date()))?;
        if self.ends.time() != last_second() {
            write!(f, ":{:02}:{:02}", self.ends.hour(), self.ends.minute())?;
        }
        self.renew_h.map_or(Ok(()), |hours| write!(f, " renew={hours}"))
    }
}

/// A vendor's name, or `all`.
///
/// # Errors
/// Why it is no name.
pub fn vendor_or_all(text: &str) -> Result<Option<VendorName>, String> {
    if text.eq_ignore_ascii_case("all") {
        return Ok(None);
    }
    VendorName::parse(text).map(Some).map_err(|error| error.to_string())
}

/// The last minute before an instant, as lmborrow takes it: `1-dec-2026 18:00`.
#[must_use]
pub fn minute_of(instant: Timestamp, zone: &TimeZone) -> String {
    let Ok(at) = jiff::Timestamp::from_millisecond(instant.0) else { return instant.to_string() };
    let at = zone.to_datetime(at);
    format!("{} {:02}:{:02}", CivilDate::from(at.date()), at.hour(), at.minute())
}

/// A server writes instants into its notes; who is to ask for another end needs them on the own clock, as lmborrow takes them.
pub(super) fn on_own_clock(denial: Denial, zone: &TimeZone) -> Denial {
    if denial.code != Code::BorrowTooLong {
        return denial;
    }
    let word = |word: &str| instant(word).map_or_else(|| word.to_owned(), |at| minute_of(at, zone));
    let note = denial.note.split(' ').map(word).collect::<Vec<_>>().join(" ");
    Denial::new(denial.code, denial.minor, &note)
}

const fn last_second() -> Time {
    Time::constant(23, 59, 59, 0)
}

/// A day, with a time of 24 hours or to its last second (`domain.md` BOR-3).
///
/// # Errors
/// What is wrong with it, for people.
pub fn end_of(day: &str, time: Option<&str>) -> Result<DateTime, String> {
    let day = CivilDate::parse(day).map_err(|error| error.to_string())?;
    let time = match time {
        None => last_second(),
        Some(text) => {
            let parts = text.split_once(':').and_then(|(hour, minute)| {
                let number = |digits: &str, max: i8| {
                    let plain = (1..=2).contains(&digits.len()) && digits.bytes().all(|c| c.is_ascii_digit());
                    digits.parse::<i8>().ok().filter(|number| plain && *number <= max)
                };
                Time::new(number(hour, 23)?, number(minute, 59)?, 0, 0).ok()
            });
            parts.ok_or_else(|| format!("{text:?} is not a time of the form hh:mm"))?
        }
    };
    Ok(day.civil().to_datetime(time))
}

/// Whether an order holds for a checkout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Standing {
    /// There is none.
    None,
    /// The checkout is to borrow until then.
    Holds(Timestamp, BorrowOrder),
    /// There is one that is over: the checkout borrows nothing, and why.
    Over(Denial),
}

/// How it stands with orders for a vendor's features now: of the environment, else of our own file. An end behind the last instant that
/// there is counts as that one: the server then says how long is possible.
///
/// # Errors
/// -42 when the variable says something that is none.
pub(super) fn standing(
    dir: Option<&Path>,
    vendor: &VendorName,
    now: Timestamp,
    zone: impl FnOnce() -> TimeZone,
) -> Result<Standing, Denial> {
    let given = std::env::var(BORROW_VARIABLE).ok().filter(|value| !value.trim().is_empty());
    let of_environment = given.is_some();
    let orders = match given {
        Some(value) => vec![BorrowOrder::parse(&value).map_err(|why| {
            let note = format!("{BORROW_VARIABLE}: {why}");
            Denial::new(Code::InvalidParameter, minor::MALFORMED, &note)
        })?],
        None => dir.map(orders).unwrap_or_default(),
    };
    let ours = |order: &BorrowOrder| order.vendor.as_ref().is_none_or(|of| of == vendor);
    let orders: Vec<BorrowOrder> = orders.into_iter().filter(ours).collect();
    if orders.is_empty() {
        return Ok(Standing::None);
    }
    let zone = &zone();
    let today = CivilDate::of(now, zone);
    let ends = |order: &BorrowOrder| order.ends_at(zone).unwrap_or(LAST);
    let is_of_today = |order: &&BorrowOrder| Some(order.today) == today;
    if let Some(order) = orders.iter().filter(is_of_today).find(|order| ends(order) > now) {
        return Ok(Standing::Holds(ends(order), order.clone()));
    }
    // Those of our own file are over with their day; the variable stays set until somebody takes it away.
    let over = orders.iter().find(is_of_today).or_else(|| orders.first().filter(|_| of_environment));
    Ok(over.map_or(Standing::None, |order| Standing::Over(is_over(order, today))))
}

fn is_over(order: &BorrowOrder, today: Option<CivilDate>) -> Denial {
    let why = if Some(order.today) == today {
        "its end has passed".to_owned()
    } else {
        format!("it holds for checkouts of {} alone", order.today)
    };
    let note = format!(
        "{BORROW_VARIABLE}={order} makes nothing be borrowed: {why}; lmborrow or {BORROW_VARIABLE} can order it anew"
    );
    Denial::new(Code::InvalidParameter, minor::BORROW_PAST, &note)
}

/// The orders of our own file. Lines that are none are left out.
#[must_use]
pub fn orders(dir: &Path) -> Vec<BorrowOrder> {
    let bytes = read_regular(&dir.join(FILE), FILE_BYTES_MAX).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let value = |line: &str| {
        let (name, value) = line.split_once('=')?;
        (name.trim() == BORROW_VARIABLE).then(|| BorrowOrder::parse(value).ok())?
    };
    text.lines().filter_map(value).collect()
}

/// Puts an order into our own file, instead of those before it for the same vendor.
///
/// # Errors
/// -117 when it can't be written.
pub fn set_order(dir: &Path, order: &BorrowOrder) -> Result<(), Denial> {
    Store::at(dir).prepare()?;
    let mut kept = orders(dir);
    kept.retain(|known| known.today == order.today && known.vendor != order.vendor && order.vendor.is_some());
    kept.insert(0, order.clone());
    write(dir, &kept)
}

/// Takes the orders for a vendor out of our own file, or all of them; gives those. What is borrowed stays so.
///
/// # Errors
/// -117 when it can't be written.
pub fn clear_orders(dir: &Path, vendor: Option<&VendorName>) -> Result<Vec<BorrowOrder>, Denial> {
    // One for all vendors is for this one too.
    let goes =
        |order: &BorrowOrder| vendor.is_none() || order.vendor.as_ref().is_none_or(|of| Some(of) == vendor);
    let (gone, kept): (Vec<_>, Vec<_>) = orders(dir).into_iter().partition(goes);
    if !gone.is_empty() {
        write(dir, &kept)?;
    }
    Ok(gone)
}

fn write(dir: &Path, orders: &[BorrowOrder]) -> Result<(), Denial> {
    let path = dir.join(FILE);
    let text: String = orders.iter().map(|order| format!("{BORROW_VARIABLE}={order}\n")).collect();
    let written =
        if orders.is_empty() { remove_durably(&path) } else { replace_durably(&path, text.as_bytes()) };
    written.map_err(|error| cannot_keep(&path, &error))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(text: &str) -> BorrowOrder {
        BorrowOrder::parse(text).unwrap()
    }

    #[test]
    fn the_forms_come_back_as_they_were() {
        for text in [
            "29-nov-2026:LGS:30-nov-2026",
            "29-nov-2026:all:30-nov-2026:18:05",
            "29-nov-2026:LGS:30-nov-2026:00:00 renew=24",
        ] {
            assert_eq!(order(text).to_string(), text);
        }
        assert_eq!(order("29-nov-2026:ALL:1-dec-2026:23:59").ends.to_string(), "2026-12-01T23:59:00");
        assert_eq!(order("29-nov-2026:LGS:1-dec-2026").ends.to_string(), "2026-12-01T23:59:59");
        for text in [
            "",
            "LGS",
            "29-nov-2026:LGS",
            "29-nov-2026:LGS:",
            "x:LGS:1-dec-2026",
            "29-nov-2026:L S:1-dec-2026",
            "29-nov-2026:LGS:1-dec-2026:24:00",
            "29-nov-2026:LGS:1-dec-2026:7",
            "29-nov-2026:LGS:1-dec-2026:+7:00",
            "29-nov-2026:LGS:1-dec-2026:12:60",
            "29-nov-2026:LGS:1-dec-2026 renew=0",
            "29-nov-2026:LGS:1-dec-2026 x",
        ] {
            assert!(BorrowOrder::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn one_order_a_vendor_is_kept_and_only_those_of_the_day() {
        let dir = tempfile::tempdir().unwrap();
        let dir = &dir.path().join("new");
        assert!(clear_orders(dir, None).unwrap().is_empty());
        for text in [
            "28-nov-2026:old:30-nov-2026",
            "29-nov-2026:LGS:30-nov-2026",
            "29-nov-2026:acme:30-nov-2026",
            "29-nov-2026:LGS:2-dec-2026",
        ] {
            set_order(dir, &order(text)).unwrap();
        }
        let texts = |dir: &Path| orders(dir).iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(texts(dir), ["29-nov-2026:LGS:2-dec-2026", "29-nov-2026:acme:30-nov-2026"]);
        assert_eq!(clear_orders(dir, Some(&"LGS".parse().unwrap())).unwrap().len(), 1);
        assert_eq!(texts(dir), ["29-nov-2026:acme:30-nov-2026"]);
        set_order(dir, &order("29-nov-2026:all:30-nov-2026")).unwrap();
        assert_eq!(texts(dir), ["29-nov-2026:all:30-nov-2026"]);
        assert_eq!(clear_orders(dir, Some(&"LGS".parse().unwrap())).unwrap().len(), 1);
        assert!(texts(dir).is_empty());
    }

    #[test]
    fn an_order_holds_on_its_day_until_its_end() {
        let dir = tempfile::tempdir().unwrap();
        set_order(dir.path(), &order("29-nov-2026:LGS:29-nov-2026:18:00")).unwrap();
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        let at = |text: &str| Timestamp(text.parse::<jiff::Timestamp>().unwrap().as_millisecond());
        let at = |vendor: &str, text: &str| {
            standing(Some(dir.path()), &vendor.parse().unwrap(), at(text), || zone.clone()).unwrap()
        };
        let holds = |vendor: &str, text: &str| matches!(at(vendor, text), Standing::Holds(..));
        assert!(holds("LGS", "2026-11-28T23:00:00Z") && holds("LGS", "2026-11-29T16:59:59Z"));
        assert!(!holds("LGS", "2026-11-28T22:59:59Z") && !holds("LGS", "2026-11-29T17:00:00Z"));
        assert!(!holds("acme", "2026-11-29T12:00:00Z"));
        let Standing::Over(denial) = at("LGS", "2026-11-29T17:00:00Z") else { panic!() };
        assert!(denial.note.contains("its end has passed"), "{}", denial.note);
        assert_eq!(at("acme", "2026-11-29T17:00:00Z"), Standing::None);
        assert_eq!(LAST.0, jiff::Timestamp::MAX.as_millisecond());
        assert_eq!(at("LGS", "2026-11-29T23:00:00Z"), Standing::None, "its day is over");
        set_order(dir.path(), &order("29-nov-2026:all:31-dec-9999")).unwrap();
        assert!(
            matches!(at("LGS", "2026-11-29T12:00:00Z"), Standing::Holds(LAST, _)),
            "the server is asked, and says what is possible"
        );
    }

    #[test]
    fn the_latest_end_is_told_on_the_own_clock_as_lmborrow_takes_it() {
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        let note = "one ends before; the latest possible end is 2026-12-01T22:59:59Z";
        let told = on_own_clock(Denial::new(Code::BorrowTooLong, minor::BORROW_PAST_EXPIRY, note), &zone);
        assert_eq!(&*told.note, "one ends before; the latest possible end is 1-dec-2026 23:59");
        let other = Denial::new(Code::UsersReached, minor::POOL_IN_USE, note);
        assert_eq!(on_own_clock(other.clone(), &zone), other);
    }
}
