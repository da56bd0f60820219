//! The time zone of the machine.

use jiff::tz::TimeZone;

/// The server's zone: license dates are judged in it, logs are written in it.
#[derive(Debug, Clone)]
pub struct SystemZone {
    /// Its rules.
    pub zone: TimeZone,
    /// Its IANA name, or `UTC`; recorded with each start, so that the history can be judged again.
    pub name: String,
    /// Why UTC was taken although the machine has another zone; for the log.
    pub note: Option<String>,
}

/// The zone of a recorded name: an IANA name, or a rule such as `EST5EDT,M3.2.0,M11.1.0`.
///
/// # Errors
/// Why it is neither.
pub fn named_zone(name: &str) -> Result<TimeZone, jiff::Error> {
    TimeZone::get(name).or_else(|error| TimeZone::posix(name).map_err(|_| error))
}

/// Reads `TZ`, else the machine's setting. A zone without an IANA name that `TZ` does not
/// give as a rule could not be recorded, so UTC is taken then and the note says so. A machine without any zone is in UTC.
#[must_use]
pub fn system_zone() -> SystemZone {
    let utc = |note| SystemZone { zone: TimeZone::UTC, name: "UTC".to_owned(), note };
    match TimeZone::try_system() {
        Ok(zone) if zone.is_unknown() => utc(None),
        Ok(zone) => match zone.iana_name().map(str::to_owned) {
            Some(name) => SystemZone { zone, name, note: None },
            None => rule().unwrap_or_else(|| {
                utc(Some(
                    "the time zone of this machine has no IANA name; license dates are judged in UTC. \
                 Set TZ, for example TZ=Europe/Berlin, to choose another"
                        .to_owned(),
                ))
            }),
        },
        // Machines without any setting are in UTC by custom; a wrong TZ is worth a line.
        Err(error) => utc(std::env::var_os("TZ").map(|wanted| {
            format!("TZ={} is not a time zone ({error}); license dates are judged in UTC", wanted.display())
        })),
    }
}

/// The zone of a `TZ` that is a rule.
fn rule() -> Option<SystemZone> {
    let name = std::env::var("TZ").ok()?;
    let zone = TimeZone::posix(&name).ok()?;
    Some(SystemZone { zone, name, note: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_finds_the_same_rules_again() {
        let found = system_zone();
        let again = named_zone(&found.name).unwrap();
        let summer = jiff::Timestamp::from_second(1_782_000_000).unwrap();
        assert_eq!(again.to_offset(summer), found.zone.to_offset(summer));
    }

    #[test]
    fn a_rule_is_a_name_too() {
        let zone = named_zone("<SRV>-3:12:05").unwrap();
        let offset = zone.to_offset(jiff::Timestamp::from_second(0).unwrap());
        assert_eq!(offset.seconds(), 3 * 3600 + 12 * 60 + 5);
        assert!(named_zone("Europe/Berlin").is_ok());
        assert!(named_zone("Nowhere/Land").unwrap_err().to_string().contains("Nowhere/Land"));
    }
}
