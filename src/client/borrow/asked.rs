//! What a server was asked to lend, written down before it was: who dies before the answer is kept, or hears none, finds it here and asks
//! for the record again (`grammar/borrow-record.md`).

use zeroize::Zeroizing;

use super::super::Wanted;
use super::fields::{self, Fields, bytes, instant};
use crate::ident::{Count, Digest, FeatureName, User, VendorName, Version, encode_hex};
use crate::time::Timestamp;

/// First line of every file.
const HEAD: &str = "seatkeeper-asked-borrow-v1";

/// A request to borrow of which it is not known whether it was granted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Asked {
    /// The secret that was drawn for it.
    pub(super) secret: Zeroizing<[u8; 32]>,
    /// Where the server was reached, as a license path names it.
    pub(super) place: String,
    pub(super) vendor: VendorName,
    pub(super) feature: FeatureName,
    pub(super) version: Version,
    pub(super) count: Count,
    pub(super) user: User,
    /// Until when it was to be lent.
    pub(super) ends: Timestamp,
    /// When it was asked for.
    pub(super) at: Timestamp,
}

impl Asked {
    /// What names it, and its record.
    pub(super) fn digest(&self) -> Digest {
        Digest::of(self.secret.as_slice())
    }

    pub(super) fn wanted(&self) -> Wanted {
        Wanted { feature: self.feature.clone(), version: self.version, count: self.count }
    }

    pub(super) fn print(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(format!("{HEAD}\n"));
        let mut put = |name: &str, value: &str| fields::put(&mut text, name, value);
        put("secret", &Zeroizing::new(encode_hex(self.secret.as_slice())));
        put("place", &self.place);
        put("vendor", self.vendor.as_str());
        put("feature", self.feature.as_str());
        put("version", self.version.as_str());
        put("count", &self.count.to_string());
        put("user", self.user.as_str());
        put("ends", &self.ends.to_string());
        put("at", &self.at.to_string());
        text
    }

    /// What one file says; why it says nothing otherwise.
    pub(super) fn read(text: &str) -> Result<Self, String> {
        let mut rest =
            Fields::after(HEAD, text).ok_or("it is no request to borrow, or of a later version")?;
        let asked = Self {
            secret: Zeroizing::new(rest.value("secret", bytes)?),
            place: rest.text("place")?,
            vendor: rest.value("vendor", |text| VendorName::parse(text).ok())?,
            feature: rest.value("feature", |text| FeatureName::parse(text).ok())?,
            version: rest.value("version", |text| Version::parse(text).ok())?,
            count: rest.value("count", |text| Count::new(text.parse().ok()?))?,
            user: rest.value("user", |text| User::parse(text).ok())?,
            ends: rest.value("ends", instant)?,
            at: rest.value("at", instant)?,
        };
        rest.end()?;
        Ok(asked)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::client::borrow) fn asked() -> Asked {
        Asked {
            secret: Zeroizing::new([9; 32]),
            place: "27000@localhost".into(),
            vendor: "LGS".parse().unwrap(),
            feature: "fx".parse().unwrap(),
            version: Version::parse("2.0").unwrap(),
            count: Count::new(3).unwrap(),
            user: "Ann Lee".parse().unwrap(),
            ends: Timestamp(1_781_528_400_123),
            at: Timestamp(1_781_524_800_123),
        }
    }

    #[test]
    fn what_was_asked_comes_back_and_damage_is_told() {
        let text = asked().print();
        assert_eq!(Asked::read(&text).unwrap(), asked());
        for end in 0..text.len() - 1 {
            assert!(Asked::read(text.get(..end).unwrap_or_default()).is_err(), "{end}");
        }
        assert!(Asked::read(&text.replace("count=3", "count=0")).is_err());
        assert!(Asked::read(&format!("{}more=1\n", *text)).is_err());
    }
}
