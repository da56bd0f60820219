//! What is kept of one borrow: the record that the server signed, the secret that belongs to it, the publisher's lines behind it, and how
//! far time had come when it was looked at last (`grammar/borrow-record.md` section 2).

use std::fmt::Write as _;
use std::str::FromStr as _;

use zeroize::Zeroizing;

use super::mark::Mark;
use crate::ident::{Digest, decode_hex, encode_hex};
use crate::sign::{BorrowRecord, SignedBorrow, VerifyingKey};
use crate::time::Timestamp;
use crate::wire::LineText;

/// First line of every file.
const HEAD: &str = "seatkeeper-kept-borrow-v1";

/// Whether a record can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Condition {
    Held,
    /// Its end was seen once: it stays so, whatever the clock says later, until the server gives another record.
    Expired,
    /// The clock was set back by more than a day: as above.
    SetBack,
    /// It is being given back; the server may not know yet.
    Returning,
}

const CONDITIONS: [(&str, Condition); 4] = [
    ("held", Condition::Held),
    ("expired", Condition::Expired),
    ("clock-set-back", Condition::SetBack),
    ("returning", Condition::Returning),
];

/// One borrow.
#[derive(Debug, Clone)]
pub(super) struct Kept {
    pub(super) condition: Condition,
    pub(super) secret: Zeroizing<[u8; 32]>,
    /// Where the server was reached, as a license path names it.
    pub(super) place: String,
    /// When the record came.
    pub(super) fetched: Timestamp,
    pub(super) mark: Mark,
    pub(super) signed: SignedBorrow,
    pub(super) record: BorrowRecord,
    /// Whose signature the record carries.
    pub(super) key: VerifyingKey,
    pub(super) lines: Vec<LineText>,
}

impl PartialEq for Kept {
    fn eq(&self, other: &Self) -> bool {
        self.print() == other.print()
    }
}

/// What is wrong with a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Damage {
    pub(super) why: String,
    /// The feature that it seems to be for.
    pub(super) feature: Option<String>,
}

impl Kept {
    /// For how long the record was good when it came, in milliseconds.
    pub(super) const fn span_ms(&self) -> i64 {
        self.record.until.0.saturating_sub(self.fetched.0)
    }

    /// Whether the record ends before the borrow does.
    pub(super) fn is_renewable(&self) -> bool {
        self.record.until < self.record.ends
    }

    /// Whether less than half of the record's span is left.
    pub(super) fn is_half_over(&self, now: Timestamp) -> bool {
        self.is_renewable() && self.record.until.0.saturating_sub(now.0) < self.span_ms() / 2
    }

    pub(super) fn print(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(format!("{HEAD}\n"));
        let mut put = |name: &str, value: &str| {
            let _ = writeln!(text, "{name}={}", escape(value));
        };
        let condition = CONDITIONS.iter().find(|(_, condition)| *condition == self.condition);
        put("condition", condition.map_or("held", |(name, _)| name));
        put("secret", &Zeroizing::new(encode_hex(self.secret.as_slice())));
        put("place", &self.place);
        put("fetched", &self.fetched.to_string());
        put("latest", &self.mark.latest.to_string());
        put("boot", &encode_hex(&self.mark.boot));
        put("elapsed", &self.mark.elapsed_ms.to_string());
        put("record", &self.signed.text);
        put("sign", &self.signed.sign);
        for line in &self.lines {
            put("line", &line.canonical);
            put("line-sign", &line.sign);
        }
        text
    }

    pub(super) fn read(text: &str) -> Result<Self, Damage> {
        let damaged = |why: &str| Damage { why: why.to_owned(), feature: feature_in(text) };
        let mut lines = text.lines();
        if lines.next() != Some(HEAD) {
            return Err(damaged("it is no record of a borrow, or of a later version"));
        }
        let mut rest = lines.map(|line| line.split_once('=').unwrap_or((line, ""))).peekable();
        let mut need = |field: &str| match rest.next_if(|(name, _)| *name == field) {
            Some((_, value)) => Ok(unescape(value)),
            None => Err(damaged(&format!("{field} should stand where it does not"))),
        };
        let bad = |field: &str| damaged(&format!("the value of {field} is not possible"));
        let condition = need("condition")?;
        let condition = CONDITIONS.iter().find(|(name, _)| *name == condition);
        let condition = condition.ok_or_else(|| bad("condition"))?.1;
        let secret = Zeroizing::new(bytes(&need("secret")?).ok_or_else(|| bad("secret"))?);
        let place = need("place")?;
        let fetched = instant(&need("fetched")?).ok_or_else(|| bad("fetched"))?;
        let latest = instant(&need("latest")?).ok_or_else(|| bad("latest"))?;
        let boot = bytes(&need("boot")?).ok_or_else(|| bad("boot"))?;
        let elapsed_ms = need("elapsed")?.parse().map_err(|_| bad("elapsed"))?;
        let signed = SignedBorrow { text: need("record")?, sign: need("sign")? };
        let mut publisher = Vec::new();
        while let Ok(canonical) = need("line") {
            publisher.push(LineText { canonical, sign: need("line-sign")? });
        }
        if rest.next().is_some() {
            return Err(damaged("something stands behind its end"));
        }
        let (record, key) = signed.read().map_err(|error| damaged(&format!("the record in it: {error}")))?;
        if record.secret != Digest::of(secret.as_slice()) {
            return Err(damaged("the secret is not the one of the record"));
        }
        let mark = Mark { latest, boot, elapsed_ms };
        Ok(Self { condition, secret, place, fetched, mark, signed, record, key, lines: publisher })
    }
}

/// What a damaged file seems to be about.
fn feature_in(text: &str) -> Option<String> {
    let record = unescape(text.lines().find_map(|line| line.strip_prefix("record="))?);
    record.lines().find_map(|line| line.strip_prefix("feature=")).map(ToOwned::to_owned)
}

pub(super) fn instant(text: &str) -> Option<Timestamp> {
    jiff::Timestamp::from_str(text).ok().map(|instant| Timestamp(instant.as_millisecond()))
}

fn bytes<const N: usize>(hex: &str) -> Option<[u8; N]> {
    decode_hex(hex).ok()?.try_into().ok()
}

fn escape(value: &str) -> String {
    value.replace('\\', "\\\\").replace('\n', "\\n")
}

fn unescape(value: &str) -> String {
    let mut characters = value.chars();
    let mut text = String::with_capacity(value.len());
    while let Some(character) = characters.next() {
        match character {
            '\\' => match characters.next() {
                Some('n') => text.push('\n'),
                Some(other) => text.push(other),
                None => {}
            },
            other => text.push(other),
        }
    }
    text
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::ident::{Count, Handle, PoolKey, Version};
    use crate::sign::SigningKey;

    pub(in crate::client::borrow) fn key(seed: u8) -> SigningKey {
        SigningKey::generate_ed25519("state".parse().unwrap(), [seed; 32])
    }

    pub(in crate::client::borrow) fn kept(until: i64, ends: i64) -> Kept {
        let record = BorrowRecord {
            vendor: "LGS".parse().unwrap(),
            server: "27000@lic1".into(),
            feature: "fx".parse().unwrap(),
            version: Version::parse("2.0").unwrap(),
            count: Count::MIN,
            pool: PoolKey::new("fx 2 BORROW=168"),
            handle: Handle(12),
            user: "ann".parse().unwrap(),
            host: "ws01".parse().unwrap(),
            display: ":0".parse().unwrap(),
            hostids: vec!["ID=7".parse().unwrap()],
            secret: Digest::of(&[9; 32]),
            borrowed: Timestamp(1_781_524_800_123),
            until: Timestamp(1_781_524_800_123 + until),
            ends: Timestamp(1_781_524_800_123 + ends),
        };
        Kept {
            condition: Condition::Held,
            secret: Zeroizing::new([9; 32]),
            place: "27000@localhost".into(),
            fetched: record.borrowed,
            mark: Mark { latest: record.borrowed, boot: [3; 16], elapsed_ms: 77 },
            signed: record.sign(&key(1)),
            record,
            key: key(1).verifying_key(),
            lines: vec![LineText { canonical: "a=\\n\nb".into(), sign: "S".into() }],
        }
    }

    #[test]
    fn what_is_kept_comes_back() {
        let kept = kept(1000, 2000);
        assert_eq!(Kept::read(&kept.print()).unwrap(), kept);
        assert!(kept.is_renewable() && !kept.is_half_over(kept.fetched));
        assert!(kept.is_half_over(Timestamp(kept.fetched.0 + 501)));
    }

    #[test]
    fn whatever_is_changed_in_record_or_secret_is_noticed_and_the_feature_is_still_told() {
        let text = kept(1000, 1000).print();
        for (from, to) in
            [("count=1", "count=9"), ("secret=0909", "secret=0808"), ("condition=held", "condition=new")]
        {
            let changed = text.replacen(from, to, 1);
            assert_ne!(changed, *text, "{from}");
            let damage = Kept::read(&changed).unwrap_err();
            assert_eq!(damage.feature.as_deref(), Some("fx"), "{}", damage.why);
        }
        for end in 0..text.len() {
            let _ = Kept::read(text.get(..end).unwrap_or_default());
        }
        assert!(Kept::read(&format!("{}more=1\n", *text)).is_err());
    }
}
