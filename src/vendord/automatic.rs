//! Rereads that nobody orders, and what is done in their place where they are switched off: after the midnight at which a license begins or expires (`flexnet-files.md` 6.1), and when an
//! options file that could not be read at the start can be read.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;

use super::daemon::Shared;
use super::rereading::Order;
use super::run::Voice;
use super::startup::OPTIONS_FILE_BYTES_MAX;
use crate::catalog::Catalog;
use crate::platform::read_regular;
use crate::time::Timestamp;

/// How often the clock is looked at: it may be set, or the machine be suspended, so nothing waits for midnight itself.
const LOOK: Duration = Duration::from_millis(500);

/// Orders rereads until the daemon ends.
pub(super) async fn follow(shared: Shared, orders: mpsc::Sender<Order>, voice: Voice) {
    let mut looks = tokio::time::interval(LOOK);
    looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut boundary = {
        let daemon = shared.borrow();
        Boundary::after(daemon.now().utc, &daemon.served().catalog)
    };
    let mut tried = Instant::now();
    let mut unnamed = false;
    loop {
        looks.tick().await;
        let (passed, again, missing) = {
            let daemon = shared.borrow();
            let served = daemon.served();
            let passed = boundary.passed(daemon.now().utc, &served.catalog);
            let rereads = !served.policy.settings().no_automatic_reread;
            // A reread names them itself. Without one, licenses end by their date all the same.
            unnamed |= passed && !rereads;
            unnamed = unnamed && !daemon.name_surplus();
            let missing = daemon.config.options_file.clone().filter(|_| served.origin.options_awaited);
            (passed && rereads, daemon.config.options_again, missing)
        };
        if passed {
            order(&orders, "midnight", false);
        }
        let Some(path) = missing.filter(|_| tried.elapsed() >= again) else { continue };
        let shown = path.display().to_string();
        let reading =
            tokio::task::spawn_blocking(move || read_regular(&path, OPTIONS_FILE_BYTES_MAX).is_ok());
        if matches!(reading.await, Ok(true)) {
            voice.say(&format!("OPTIONS FILE \"{shown}\": can be read now"));
            // As at the start, there are no older rules to keep, so bad lines are skipped.
            order(&orders, "the options file", true);
        }
        tried = Instant::now();
    }
}

fn order(orders: &mpsc::Sender<Order>, who: &str, force: bool) {
    let order = Order { who: who.to_owned(), force, automatic: true, sources: None, reply: None };
    // If the queue is full, there are rereads enough.
    let _ = orders.try_send(order);
}

/// The next instant at which a license begins or expires.
struct Boundary {
    catalog: Arc<Catalog>,
    looked: Timestamp,
    next: Option<Timestamp>,
}

impl Boundary {
    fn after(looked: Timestamp, catalog: &Arc<Catalog>) -> Self {
        let lots = catalog
            .features()
            .flat_map(|feature| catalog.pools(feature.as_str()))
            .flat_map(|pool| &pool.lots);
        let next = lots.flat_map(|lot| [lot.starts, lot.ends]).flatten().filter(|at| *at > looked).min();
        Self { catalog: Arc::clone(catalog), looked, next }
    }

    /// Whether one was passed since the last look.
    fn passed(&mut self, now: Timestamp, catalog: &Arc<Catalog>) -> bool {
        if !Arc::ptr_eq(&self.catalog, catalog) {
            *self = Self::after(self.looked, catalog);
        }
        let passed = self.next.is_some_and(|next| next <= now);
        if passed || now < self.looked {
            *self = Self::after(now, catalog);
        }
        self.looked = now;
        passed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Granted;
    use crate::license::LicenseFile;
    use crate::sign::Manifest;
    use crate::text::Source;

    fn catalog(lines: &str) -> Arc<Catalog> {
        let text = format!("SERVER this_host ANY 27000\nVENDOR LGS\n{lines}");
        let file = LicenseFile::parse(Source::new("a.lic", text.as_bytes()));
        let zone = jiff::tz::TimeZone::get("America/New_York").unwrap();
        let granted = Granted { signatures: true, machine: true };
        let vendor = "LGS".parse().unwrap();
        let catalog = Catalog::build_granting(&vendor, &[&file], &Manifest::demo(), &[], &zone, granted);
        assert!(!catalog.is_empty());
        Arc::new(catalog)
    }

    fn at(text: &str) -> Timestamp {
        Timestamp(text.parse::<jiff::Timestamp>().unwrap().as_millisecond())
    }

    #[test]
    fn case_o69_the_midnight_of_the_servers_zone_at_which_a_line_begins_or_expires() {
        let one = catalog(
            "FEATURE f LGS 1.0 1-jul-2030 1 SIGN=0\nFEATURE g LGS 1.0 permanent 1 START=4-jul-2030 SIGN=0\n",
        );
        let mut boundary = Boundary::after(at("2030-07-01T12:00:00Z"), &one);
        let mut passed = |now: &str| boundary.passed(at(now), &one);
        assert!(!passed("2030-07-02T03:59:59Z"), "the day of expiry is still valid");
        assert!(passed("2030-07-02T04:00:00Z"));
        assert!(!passed("2030-07-02T04:00:00.5Z"), "once");
        assert!(!passed("2030-07-03T04:00:00Z"), "nothing begins or ends then");
        assert!(!passed("2030-07-02T03:00:00Z"), "the clock was set back");
        assert!(passed("2030-07-02T05:00:00Z"), "and gets there again");
        assert!(passed("2031-01-01T00:00:00Z"), "a machine that slept past it");
        assert!(!passed("2032-01-01T00:00:00Z"));
    }

    #[test]
    fn a_reread_just_before_midnight_hides_no_boundary() {
        let (one, other) = (
            catalog("FEATURE f LGS 1.0 permanent 1 SIGN=0\n"),
            catalog("FEATURE f LGS 1.0 1-jul-2030 1 SIGN=0\n"),
        );
        let mut boundary = Boundary::after(at("2030-07-02T03:59:59Z"), &one);
        assert!(boundary.passed(at("2030-07-02T04:00:00Z"), &other));
        assert!(!boundary.passed(at("2030-07-02T04:00:01Z"), &other));
    }
}
