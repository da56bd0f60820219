//! The difference in words: a line for each change, and below it what it is made of.

use std::fmt;

use super::{
    AttributeChange, Difference, LotChange, LotFacts, NameChange, OrderChange, PoolChange, PoolFacts, Size,
    VerdictChange,
};
use crate::catalog::Unserved;
use crate::code::Code;
use crate::ident::PoolKey;
use crate::text::counted;
use crate::time::{CivilDate, Timestamp};

impl fmt::Display for Difference {
    /// Ends with a line feed; empty if there is no difference.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { removed, added, changed, order, names, verdicts, idle } = self;
        for pool in removed {
            writeln!(f, "pool removed: {pool}")?;
            lots(f, '-', &pool.lots)?;
        }
        for pool in added {
            writeln!(f, "pool added: {pool}")?;
            lots(f, '+', &pool.lots)?;
        }
        changed.iter().try_for_each(|change| change.fmt(f))?;
        order.iter().try_for_each(|change| change.fmt(f))?;
        names.iter().try_for_each(|change| change.fmt(f))?;
        verdicts.iter().try_for_each(|change| change.fmt(f))?;
        for line in idle {
            writeln!(f, "note: a new line adds nothing: {} {} {}", line.place, line.keyword, line.subject)?;
            writeln!(f, "    {}", line.verdict)?;
        }
        Ok(())
    }
}

fn lots(f: &mut fmt::Formatter<'_>, mark: char, lots: &[LotFacts]) -> fmt::Result {
    lots.iter().try_for_each(|lot| writeln!(f, "    {mark} {lot}"))
}

impl fmt::Display for Size {
    /// `12` or `uncounted`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Uncounted => f.pad("uncounted"),
            Self::Counted(count) => count.fmt(f),
        }
    }
}

impl fmt::Display for PoolFacts {
    /// `fx 2 BORROW=24, 10 licenses`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, ", self.key)?;
        match self.size {
            Size::Uncounted => f.write_str("uncounted"),
            Size::Counted(count) => licenses(f, count),
        }
    }
}

fn licenses(f: &mut fmt::Formatter<'_>, count: u64) -> fmt::Result {
    f.write_str(&counted(count, "license"))
}

impl fmt::Display for LotFacts {
    /// `a.lic:7: 5 licenses, OVERDRAFT=2, START=1-jan-2026, 31-dec-2027, SN=77`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.place)?;
        match self.count {
            0 => f.write_str("uncounted")?,
            count => licenses(f, u64::from(count))?,
        }
        if self.overdraft > 0 {
            write!(f, ", OVERDRAFT={}", self.overdraft)?;
        }
        if let Some(start) = self.start {
            write!(f, ", START={start}")?;
        }
        write!(f, ", {}", self.expiry)?;
        match self.serial() {
            Some(serial) => write!(f, ", SN={serial}"),
            None => Ok(()),
        }
    }
}

impl LotFacts {
    fn serial(&self) -> Option<&str> {
        self.attributes.iter().find(|(name, _)| name == "SN")?.1.as_deref()
    }
}

impl fmt::Display for PoolChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (old, new) = (&self.old, &self.new);
        let key = &new.key;
        if old.key != new.key {
            writeln!(f, "pool changed: {} -> {key}", old.key)?;
            self.keys.iter().try_for_each(|change| writeln!(f, "    {change}"))?;
            if old.size != new.size {
                writeln!(f, "    licenses: {} -> {}", old.size, new.size)?;
            }
        } else if old.size != new.size {
            writeln!(f, "pool resized: {key}, from {} to {}", old.size, new.size)?;
        } else if self.lots.iter().any(LotChange::moves_dates) {
            writeln!(f, "dates moved: {key}")?;
        } else {
            writeln!(f, "pool changed: {key}")?;
        }
        if old.overdraft() != new.overdraft() {
            writeln!(f, "    overdraft: {} -> {}", old.overdraft(), new.overdraft())?;
        }
        self.lots.iter().try_for_each(|change| change.fmt(f))
    }
}

impl LotChange {
    fn moves_dates(&self) -> bool {
        match self {
            Self::Changed { old, new, .. } => old.moved_to(new),
            // Of equal size: a lot went and another came.
            Self::Removed(_) | Self::Added(_) => true,
        }
    }
}

impl fmt::Display for LotChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (old, new, attributes) = match self {
            Self::Removed(lot) => return writeln!(f, "    - {lot}"),
            Self::Added(lot) => return writeln!(f, "    + {lot}"),
            Self::Changed { old, new, attributes } => (old, new, attributes),
        };
        write!(f, "    {}", old.place)?;
        if old.place != new.place {
            write!(f, " -> {}", new.place)?;
        }
        let mut parts = Vec::new();
        if old.count != new.count {
            parts.push(format!("count {} -> {}", old.count, new.count));
        }
        if old.overdraft != new.overdraft {
            parts.push(format!("overdraft {} -> {}", old.overdraft, new.overdraft));
        }
        if old.expiry != new.expiry {
            parts.push(format!("expiry {} -> {}", old.expiry, new.expiry));
        } else if old.ends != new.ends {
            parts.push(format!("ends {} -> {}", instant(old.ends), instant(new.ends)));
        }
        if old.start != new.start {
            let day = |start: Option<CivilDate>| start.map_or("none".to_owned(), |day| day.to_string());
            parts.push(format!("START {} -> {}", day(old.start), day(new.start)));
        } else if old.starts != new.starts {
            parts.push(format!("starts {} -> {}", instant(old.starts), instant(new.starts)));
        }
        parts.extend(attributes.iter().map(ToString::to_string));
        writeln!(f, ": {}", parts.join(", "))
    }
}

fn instant(at: Option<Timestamp>) -> String {
    at.map_or("never".to_owned(), |at| at.to_string())
}

impl fmt::Display for AttributeChange {
    /// `DUP_GROUP: none -> "UHD"`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} -> {}", self.name, value(self.old.as_deref()), value(self.new.as_deref()))
    }
}

/// Quoted, so that it can't be taken for the words about it.
fn value(value: Option<&str>) -> String {
    match value {
        None => "none".to_owned(),
        Some("") => "set".to_owned(),
        Some(value) => format!("\"{value}\""),
    }
}

impl fmt::Display for OrderChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "order of pools: {} is tried in another order", self.feature)?;
        let list = |keys: &[PoolKey]| keys.iter().map(PoolKey::as_str).collect::<Vec<_>>().join(", ");
        writeln!(f, "    was: {}", list(&self.old))?;
        writeln!(f, "    now: {}", list(&self.new))
    }
}

impl fmt::Display for NameChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "name not served: {}, answered with {}, was {}",
            self.name,
            number(self.new.as_ref()),
            number(self.old.as_ref())
        )?;
        for (word, unserved) in [("was", &self.old), ("now", &self.new)] {
            if let Some(unserved) = unserved {
                writeln!(f, "    {word}: {}", unserved.denial().note)?;
            }
        }
        Ok(())
    }
}

/// The number that a request for a name is answered with that is not served, or stands nowhere.
fn number(unserved: Option<&Unserved>) -> i32 {
    unserved.map_or(Code::NoSuchFeature, |unserved| unserved.denial().code).number()
}

impl fmt::Display for VerdictChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (old, new) = (&self.old, &self.new);
        writeln!(f, "verdict changed: {} {}", new.keyword, new.subject)?;
        writeln!(f, "    was: {}: {}", old.place, old.verdict)?;
        writeln!(f, "    now: {}: {}", new.place, new.verdict)
    }
}
