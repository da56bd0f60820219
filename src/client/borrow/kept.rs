//! What is kept of one borrow: the record that the server signed, the secret that belongs to it, the publisher's lines behind it, and how
//! far time had come when it was looked at last (`grammar/borrow-record.md` section 2).

use zeroize::Zeroizing;

use super::fields::{self, Fields, bytes, instant};
pub use super::mark::Mark;
use crate::code::{Code, minor};
use crate::event::Denial;
use crate::ident::{Digest, encode_hex};
use crate::sign::{BorrowRecord, SignedBorrow, VerifyingKey};
use crate::time::{Look, Timestamp};
use crate::wire::LineText;

/// A later mark is written only if it is later by this much.
const WORTH_WRITING_MS: i64 = 60_000;
/// How far the clocks of client and server may differ.
pub(super) const SKEW_MS: i64 = 600_000;
/// First line of every file.
const HEAD: &str = "seatkeeper-kept-borrow-v1";

/// Whether a record can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    /// It can, while it lasts.
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
pub struct Kept {
    /// Whether it can be used.
    pub condition: Condition,
    /// What the client drew for it.
    pub secret: Zeroizing<[u8; 32]>,
    /// Where the server was reached, as a license path names it.
    pub place: String,
    /// When the record came.
    pub fetched: Timestamp,
    /// How far time had come at the last look.
    pub mark: Mark,
    /// The record as the server signed it.
    pub signed: SignedBorrow,
    /// What it says.
    pub record: BorrowRecord,
    /// Whose signature the record carries.
    pub key: VerifyingKey,
    /// The publisher's lines behind it.
    pub lines: Vec<LineText>,
}

impl PartialEq for Kept {
    fn eq(&self, other: &Self) -> bool {
        self.print() == other.print()
    }
}

/// What is wrong with a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// For people.
    pub why: String,
    /// The feature that it seems to be for.
    pub feature: Option<String>,
}

impl Kept {
    /// For how long the record was good when it came, in milliseconds.
    pub(super) const fn span_ms(&self) -> i64 {
        self.record.until.0.saturating_sub(self.fetched.0)
    }

    /// Whether the record ends before the borrow does.
    #[must_use]
    pub fn is_renewable(&self) -> bool {
        self.record.until < self.record.ends
    }

    /// Whether less than half of the record's span is left.
    #[must_use]
    pub fn is_half_over(&self, now: Timestamp) -> bool {
        self.is_renewable() && self.record.until.0.saturating_sub(now.0) < self.span_ms() / 2
    }

    /// Looks at the clocks and notes what they say of it: the time to judge by.
    pub fn look(&mut self, look: Look) -> Timestamp {
        let mark = self.mark.look(look);
        let before = self.condition;
        if matches!(self.condition, Condition::Held | Condition::SetBack) && mark.latest > self.record.until {
            self.condition = Condition::Expired;
        } else if self.condition == Condition::Held && mark.is_set_back(look.utc) {
            self.condition = Condition::SetBack;
        }
        if before != self.condition || mark.latest.0 - self.mark.latest.0 > WORTH_WRITING_MS {
            self.mark = mark;
        }
        mark.latest
    }

    /// Whether it lasts.
    ///
    /// # Errors
    /// -118 when it is over, -88 when the clock was set back, -117 when it was given back.
    pub fn judge_time(&self, now: Timestamp) -> Result<(), Denial> {
        let record = &self.record;
        let over = |what: &str| {
            let note = format!("{what} of {} ended at {}", record.feature, record.until.whole_seconds());
            Err(Denial::new(Code::BorrowOver, minor::BORROW_OVER, &note))
        };
        let clock = || {
            let note = format!(
                "the clock was set back by more than a day: what was borrowed of {} can be used again when the server was \
                 met, which lmborrow -renew does",
                record.feature
            );
            Err(Denial::new(Code::ClockSetBack, minor::BORROW_CLOCK, &note))
        };
        match self.condition {
            Condition::Expired if self.is_renewable() => {
                over("the record, which is renewed when the server is met, of the borrow")
            }
            Condition::Expired => over("the borrow"),
            Condition::SetBack => clock(),
            Condition::Returning => {
                Err(Denial::new(Code::BorrowFailed, minor::BORROW_RECORD_BAD, "it was given back"))
            }
            Condition::Held if now > record.until => over("the borrow"),
            Condition::Held if now.0 < record.borrowed.0 - SKEW_MS => clock(),
            Condition::Held => Ok(()),
        }
    }

    /// It has another record, which came at this time. The server took the clock for right when it was greeted: `mark` goes on from
    /// there, for the clock may have been set since. What another program gives back meanwhile stays so.
    pub fn renewed(
        &mut self,
        (signed, record, key): (SignedBorrow, BorrowRecord, VerifyingKey),
        mark: Mark,
        fetched: Timestamp,
    ) {
        if self.condition != Condition::Returning {
            self.condition = Condition::Held;
        }
        (self.mark, self.fetched) = (mark, fetched);
        (self.signed, self.record, self.key) = (signed, record, key);
    }

    /// The text of its file.
    #[must_use]
    pub fn print(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(format!("{HEAD}\n"));
        let mut put = |name: &str, value: &str| fields::put(&mut text, name, value);
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

    /// Reads what [`Self::print`] has written.
    ///
    /// # Errors
    /// [`Damage`] when it is no record, or the record or the secret in it was changed.
    pub fn read(text: &str) -> Result<Self, Damage> {
        Self::read_fields(text).map_err(|why| Damage { why, feature: feature_in(text) })
    }

    fn read_fields(text: &str) -> Result<Self, String> {
        let mut rest =
            Fields::after(HEAD, text).ok_or("it is no record of a borrow, or of a later version")?;
        let condition = rest.value("condition", |word| {
            CONDITIONS.iter().find(|(name, _)| *name == word).map(|(_, condition)| *condition)
        })?;
        let secret = Zeroizing::new(rest.value("secret", bytes)?);
        let place = rest.text("place")?;
        let fetched = rest.value("fetched", instant)?;
        let mark = Mark {
            latest: rest.value("latest", instant)?,
            boot: rest.value("boot", bytes)?,
            elapsed_ms: rest.value("elapsed", |digits| digits.parse().ok())?,
        };
        let signed = SignedBorrow { text: rest.text("record")?, sign: rest.text("sign")? };
        let mut lines = Vec::new();
        while let Some(canonical) = rest.next_if("line") {
            lines.push(LineText { canonical, sign: rest.text("line-sign")? });
        }
        rest.end()?;
        let (record, key) = signed.read().map_err(|error| format!("the record in it: {error}"))?;
        if record.secret != Digest::of(secret.as_slice()) {
            return Err("the secret is not the one of the record".to_owned());
        }
        Ok(Self { condition, secret, place, fetched, mark, signed, record, key, lines })
    }
}

/// What a damaged file seems to be about.
fn feature_in(text: &str) -> Option<String> {
    let record = fields::unescape(text.lines().find_map(|line| line.strip_prefix("record="))?);
    record.lines().find_map(|line| line.strip_prefix("feature=")).map(ToOwned::to_owned)
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
    fn another_record_takes_no_return_back() {
        let mut one = kept(1000, 2000);
        let other = kept(1500, 2000);
        let record = || (other.signed.clone(), other.record.clone(), other.key.clone());
        for (before, after) in [
            (Condition::Held, Condition::Held),
            (Condition::Expired, Condition::Held),
            (Condition::SetBack, Condition::Held),
            (Condition::Returning, Condition::Returning),
        ] {
            one.condition = before;
            one.renewed(record(), one.mark, one.fetched);
            assert_eq!((one.condition, &one.record), (after, &other.record), "{before:?}");
        }
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
