//! A manifest with another key: the new one is added, the old ones retire.

use std::fmt::Write as _;

use thiserror::Error;

use crate::ident::VendorName;
use crate::sign::{Algorithm, KeyId, Manifest, ManifestKey, SigningKey};
use crate::time::CivilDate;

/// A manifest after the change, and what the change was.
#[derive(Debug)]
pub struct Rotated {
    /// The new manifest.
    pub manifest: Manifest,
    /// Whether the key was added; else it stood there already.
    pub added: bool,
    /// The keys whose day of retirement was set or brought forward.
    pub retiring: Vec<KeyId>,
    /// The keys that would retire earlier anyway and were left alone.
    pub earlier: Vec<(KeyId, CivilDate)>,
}

/// Why a key can't be rotated in.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RotateError {
    /// Key and manifest belong to different vendors.
    #[error("the key is of vendor {key}, the manifest of vendor {manifest}")]
    OtherVendor {
        /// Whose key it is.
        key: VendorName,
        /// Whose manifest it is.
        manifest: VendorName,
    },
    /// The key is listed with a day of retirement.
    #[error("the manifest has key {key} already, and it retires on {last}: a new key must be one that stays")]
    Retires {
        /// The key.
        key: KeyId,
        /// Its last day.
        last: CivilDate,
    },
    /// Nothing would change.
    #[error("the manifest has key {0} already, and no other key would retire: nothing to change")]
    Nothing(KeyId),
}

/// Adds a key to a manifest. With `retire_old`, signatures of all other keys count through that day; a key that
/// retires earlier keeps its day.
///
/// # Errors
/// [`RotateError`] when the key does not fit or nothing would change.
pub fn rotate(
    manifest: &Manifest,
    key: &SigningKey,
    retire_old: Option<CivilDate>,
) -> Result<Rotated, RotateError> {
    if *key.vendor() != manifest.vendor {
        return Err(RotateError::OtherVendor {
            key: key.vendor().clone(),
            manifest: manifest.vendor.clone(),
        });
    }
    let id = key.key_id();
    let known = manifest.keys.iter().find(|entry| entry.id() == id);
    if let Some(last) = known.and_then(|entry| entry.retires) {
        return Err(RotateError::Retires { key: id, last });
    }
    let mut keys = manifest.keys.clone();
    let (mut retiring, mut earlier) = (Vec::new(), Vec::new());
    if let Some(last) = retire_old {
        for entry in keys.iter_mut().filter(|entry| entry.id() != id) {
            match entry.retires {
                Some(sooner) if sooner <= last => earlier.push((entry.id(), sooner)),
                _ => {
                    entry.retires = Some(last);
                    retiring.push(entry.id());
                }
            }
        }
    }
    let added = known.is_none();
    if !added && retiring.is_empty() {
        return Err(RotateError::Nothing(id));
    }
    if added {
        keys.push(ManifestKey::from(key.verifying_key()));
    }
    // Which keys there are decides whether the manifest is a demo.
    let demo =
        Manifest::new(manifest.vendor.clone(), keys.iter().map(|entry| entry.key.clone()).collect()).demo;
    Ok(Rotated { manifest: Manifest { keys, demo, ..manifest.clone() }, added, retiring, earlier })
}

/// What a publisher has to do after the change, in the order in which nothing breaks. `manifest`, `key` are the files'
/// names for the commands.
#[must_use]
pub fn remains(rotated: &Rotated, new: &SigningKey, manifest: &str, key: &str) -> String {
    let mut text = "What remains to be done, in this order:\n".to_owned();
    let public = new.verifying_key().public_hex();
    let mut number = 0;
    let mut step = |what: String| {
        number += 1;
        let _ = writeln!(text, "  {number}. {what}");
    };
    if let Some(public) = public {
        step(format!(
            "FIRST put the new public key into your applications, beside the old one, and ship them: client\n     \
             libraries verify with the keys compiled into them, whatever the manifest says\n       {public}"
        ));
    } else {
        step(
            "a key of the legacy form can't be compiled into applications: who has it can sign. Applications that\n     \
             verify with keys of their own need an Ed25519 key"
                .to_owned(),
        );
    }
    step(format!("copy {manifest} to the servers; the vendor daemon reads it when it starts"));
    step(format!(
        "sign the license files that are out again, and send them to their customers:\n       \
         seatkeeper lmcrypt resign --manifest {manifest} --key {key} -i FILE..."
    ));
    step(format!("sign new license files with {key}"));
    step(match last_day(rotated) {
        Some(last) => format!(
            "after {last}, when the last of the other keys has retired and no line needs them any more, take their\n     \
             [[key]] out of the manifest"
        ),
        None => "the other keys do not retire: when no line needs them any more, set a day with --retire-old, or\n     \
                 take their [[key]] out of the manifest"
            .to_owned(),
    });
    text
}

/// The day after which the new key is the only one; none if another one stays.
fn last_day(rotated: &Rotated) -> Option<CivilDate> {
    let mut lasting = rotated.manifest.keys.iter().filter(|entry| entry.retires.is_none());
    let (_, other) = (lasting.next(), lasting.next());
    if other.is_some() {
        return None;
    }
    rotated.manifest.keys.iter().filter_map(|entry| entry.retires).max()
}

/// The lines of `lmcrypt keys` about a manifest.
#[must_use]
pub fn describe_manifest(name: &str, manifest: &Manifest, today: CivilDate) -> String {
    let mut text = format!(
        "{name}: vendor manifest of {}{}\n",
        manifest.vendor,
        if manifest.demo { ", DEMO" } else { "" }
    );
    let demo = crate::sign::demo_signing_key().key_id();
    for entry in &manifest.keys {
        let standing = match entry.retires {
            Some(last) if last < today => format!(", retired: its signatures counted through {last}"),
            Some(last) => format!(", retires: its signatures count through {last}"),
            None => String::new(),
        };
        let mark = if entry.id() == demo { ", DEMO: the key is published" } else { "" };
        let _ = writeln!(text, "  {} {} verifies{standing}{mark}", entry.id(), entry.algorithm());
        public_line(&mut text, entry.key.public_hex());
    }
    text
}

/// The lines of `lmcrypt keys` about a key file.
#[must_use]
pub fn describe_key(name: &str, key: &SigningKey) -> String {
    let demo = key.key_id() == crate::sign::demo_signing_key().key_id();
    let mark = if demo { ", DEMO: the key is published" } else { "" };
    let mut text = format!(
        "{name}: signing key of {}\n  {} {} signs{}{mark}\n",
        key.vendor(),
        key.key_id(),
        key.algorithm(),
        if key.algorithm() == Algorithm::HmacSha1 { " and verifies" } else { "" },
    );
    public_line(&mut text, key.verifying_key().public_hex());
    text
}

fn public_line(text: &mut String, public: Option<String>) {
    if let Some(public) = public {
        let _ = writeln!(text, "    public {public}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(seed: u8) -> SigningKey {
        SigningKey::generate_ed25519(VendorName::parse("acmed").unwrap(), [seed; 32])
    }

    fn manifest(seeds: &[u8]) -> Manifest {
        let keys = seeds.iter().map(|seed| key(*seed).verifying_key()).collect();
        Manifest { lease_s: 60, ..Manifest::new(VendorName::parse("acmed").unwrap(), keys) }
    }

    fn date(year: i16) -> CivilDate {
        CivilDate::new(year, 6, 30).unwrap()
    }

    #[test]
    fn the_new_key_joins_and_the_others_retire() {
        let mut old = manifest(&[1, 2]);
        old.keys[0].retires = Some(date(2027));
        let rotated = rotate(&old, &key(3), Some(date(2028))).unwrap();
        assert!(rotated.added);
        assert_eq!(rotated.retiring, [key(2).key_id()]);
        assert_eq!(rotated.earlier, [(key(1).key_id(), date(2027))]);
        let days: Vec<_> = rotated.manifest.keys.iter().map(|entry| (entry.id(), entry.retires)).collect();
        assert_eq!(
            days,
            [
                (key(1).key_id(), Some(date(2027))),
                (key(2).key_id(), Some(date(2028))),
                (key(3).key_id(), None)
            ]
        );
        assert_eq!(rotated.manifest.lease_s, 60);
        assert_eq!(last_day(&rotated), Some(date(2028)));
        let steps = remains(&rotated, &key(3), "a.vendor.toml", "n.key");
        let public = key(3).verifying_key().public_hex().unwrap();
        assert!(steps.find(&public).unwrap() < steps.find("copy a.vendor.toml").unwrap(), "{steps}");
    }

    #[test]
    fn what_does_not_fit_or_changes_nothing_is_refused() {
        let other = SigningKey::generate_ed25519(VendorName::parse("other").unwrap(), [9; 32]);
        assert!(matches!(rotate(&manifest(&[1]), &other, None), Err(RotateError::OtherVendor { .. })));
        assert_eq!(
            rotate(&manifest(&[1]), &key(1), None).unwrap_err(),
            RotateError::Nothing(key(1).key_id())
        );
        let mut retiring = manifest(&[1, 2]);
        retiring.keys[0].retires = Some(date(2027));
        assert!(matches!(rotate(&retiring, &key(1), None), Err(RotateError::Retires { .. })));
        assert!(matches!(rotate(&retiring, &key(2), Some(date(2029))), Err(RotateError::Nothing(_))));
        // A key that is there may let the others retire.
        let rotated = rotate(&retiring, &key(2), Some(date(2026))).unwrap();
        assert!(!rotated.added && rotated.retiring == [key(1).key_id()]);
    }

    #[test]
    fn the_description_shows_no_secret() {
        let legacy = SigningKey::generate_hmac(VendorName::parse("acmed").unwrap(), [7; 32]);
        let mut manifest = manifest(&[1]);
        manifest.keys.push(ManifestKey { key: legacy.verifying_key(), retires: Some(date(2027)) });
        let text = describe_manifest("m", &manifest, date(2028)) + &describe_key("k", &legacy);
        assert!(
            text.contains("hmac-sha1 verifies, retired: its signatures counted through 30-jun-2027"),
            "{text}"
        );
        assert!(!text.contains("0707"), "{text}");
        let rotated = rotate(&manifest, &key(3), None).unwrap();
        assert!(!remains(&rotated, &legacy, "m", "k").contains("0707"));
        assert_eq!(last_day(&rotated), None);
    }

    #[test]
    fn demo_is_marked() {
        let demo = describe_manifest("m", &Manifest::demo(), date(2027));
        assert!(
            demo.starts_with("m: vendor manifest of LGS, DEMO\n") && demo.contains("published"),
            "{demo}"
        );
        assert!(describe_key("k", &crate::sign::demo_signing_key()).contains("DEMO"));
    }
}
