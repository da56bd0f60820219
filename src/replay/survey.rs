//! The first pass: what only the whole record tells.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::time::Duration;

use super::tally::Peak;
use crate::event::{DequeueReason, Event, Identity, In, InReason, Lingering, Opened, Record, StartFile};
use crate::ident::{Digest, FeatureName, Handle, PoolKey, Seq, SessionId, Table};
use crate::seat::{PoolUse, State};
use crate::time::{Standing, Timestamp};

/// How long a seat is held if the record has none that came back: an hour.
const HELD_WITHOUT_RECORD: Duration = Duration::from_secs(3600);

/// The files that recorded rules came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Files {
    /// License files, manifest and options file.
    pub files: Vec<StartFile>,
    /// The server's zone.
    pub zone: String,
}

impl Files {
    /// The files that hold from an event on, if it is one that changes them.
    #[must_use]
    pub fn of(event: &Event) -> Option<Self> {
        let (files, zone) = match event {
            Event::Started(started) => (&started.files, &started.zone),
            Event::Reread(reread) => (&reread.files, &reread.zone),
            _ => return None,
        };
        Some(Self { files: files.clone(), zone: zone.clone() })
    }
}

/// What a record comes to as a whole.
#[derive(Debug)]
pub struct Survey {
    span: Range<Timestamp>,
    state: State,
    /// The first event in the span.
    pub begins: Option<Seq>,
    /// How often seats of each feature were held for so many seconds.
    durations: Table<FeatureName, BTreeMap<u64, u64>>,
    /// Most licenses in use of each pool, in the span.
    pub peaks: Table<PoolKey, Peak>,
    /// Signed lines that grants were made from.
    pub lines: BTreeSet<Digest>,
    granted_from: Table<PoolKey, ()>,
    /// The files that the first start or reread names.
    pub first_files: Option<Files>,
    /// Whether anything was recorded before that one.
    pub files_unknown_at_first: bool,
    /// Time of the first and the last record up to the end of the span.
    pub covered: Option<(Timestamp, Timestamp)>,
    /// The last event up to the end of the span.
    pub through: Seq,
    /// The requests that left the queue in the span and for which nothing was ever held.
    pub in_vain: BTreeSet<Handle>,
    /// Seats that came back and whose checkout is not in the record.
    pub unknown_returns: u64,
}

impl Survey {
    /// For a replay of the requests from the beginning of a span to before its end.
    #[must_use]
    pub fn new(span: Range<Timestamp>) -> Self {
        Self {
            span,
            state: State::default(),
            begins: None,
            durations: Table::new(),
            peaks: Table::new(),
            lines: BTreeSet::new(),
            granted_from: Table::new(),
            first_files: None,
            files_unknown_at_first: false,
            covered: None,
            through: Seq(0),
            in_vain: BTreeSet::new(),
            unknown_returns: 0,
        }
    }

    /// Takes the next record; false if it lies behind the span, and so do all after it.
    pub fn take(&mut self, record: &Record) -> bool {
        let reached = reached(&self.state, record);
        if reached >= self.span.end {
            return false;
        }
        if self.begins.is_none() && reached >= self.span.start {
            self.begins = Some(record.first);
            let at = self.span.start;
            self.peaks =
                self.state.pools().map(|(pool, used)| (pool.clone(), Peak::new(used.in_use(), at))).collect();
        }
        self.covered = Some((self.covered.map_or(record.at, |(first, _)| first), record.at));
        self.through = record.last();
        for event in &record.events {
            match event {
                Event::Out(out) => {
                    if !self.granted_from.contains_key(&out.pool) {
                        self.granted_from.insert(out.pool.clone(), ());
                        self.lines.extend(out.lines.iter().copied());
                    }
                    open_unknown(&mut self.state, out.session, &out.identity, record.at);
                }
                // How long it was held is known since it began to linger.
                Event::In(In { why: InReason::Linger, .. }) => {}
                Event::In(In { handle, why, .. }) | Event::Lingering(Lingering { handle, why, .. }) => {
                    self.back(*handle, *why, record.at);
                }
                Event::Dequeued(left)
                    if self.begins.is_some()
                        && left.offer.is_none()
                        && !matches!(left.why, DequeueReason::Lapsed(_)) =>
                {
                    self.in_vain.insert(left.entry);
                }
                Event::Started(_) | Event::Reread(_) if self.first_files.is_none() => {
                    self.first_files = Files::of(event);
                }
                _ => {}
            }
            self.files_unknown_at_first |= self.first_files.is_none();
        }
        self.state.evolve(record);
        if self.begins.is_some() {
            for event in &record.events {
                match event {
                    Event::Out(out) => self.raise(&out.pool, record.at),
                    Event::Moved(moved) => self.raise(&moved.to, record.at),
                    _ => {}
                }
            }
        }
        true
    }

    fn raise(&mut self, pool: &PoolKey, at: Timestamp) {
        let used = self.state.pool(pool).map_or(0, PoolUse::in_use);
        match self.peaks.get_mut(pool) {
            Some(peak) => peak.raise(used, at),
            None => {
                self.peaks.insert(pool.clone(), Peak::new(used, at));
            }
        }
    }

    /// Before it is folded in: the seat is there yet.
    fn back(&mut self, handle: Handle, why: InReason, at: Timestamp) {
        let Some(seat) = self.state.seat(handle) else {
            self.unknown_returns = self.unknown_returns.saturating_add(1);
            return;
        };
        // How long a borrow lasts says nothing of the others. A debug log says only at its end that it was one.
        let borrowed =
            seat.is_borrowed() || matches!(why, InReason::BorrowEnd | InReason::BorrowReturned { .. });
        if self.begins.is_none() || borrowed {
            return;
        }
        let seconds = u64::try_from(at.seconds().saturating_sub(seat.since.seconds())).unwrap_or(0);
        if let Some(of_feature) = self.durations.or_default(&seat.feature) {
            *of_feature.entry(seconds).or_default() += 1;
        }
    }

    /// How long seats that the replay newly grants are held. `assumed` goes before everything else.
    #[must_use]
    pub fn holding(&self, assumed: Option<Duration>) -> Holding {
        let mut all: BTreeMap<u64, u64> = BTreeMap::new();
        for (seconds, times) in self.durations.values().flatten() {
            *all.entry(*seconds).or_default() += times;
        }
        let otherwise = match (assumed, median(&all)) {
            (Some(span), _) => (span, Held::Assumed),
            (None, Some(span)) => (span, Held::OfAllFeatures),
            (None, None) => (HELD_WITHOUT_RECORD, Held::Nothing),
        };
        let of_feature = match assumed {
            Some(_) => Table::new(),
            None => {
                let known = |(feature, times): (&FeatureName, _)| Some((feature.clone(), median(times)?));
                self.durations.iter().filter_map(known).collect()
            }
        };
        Holding { of_feature, otherwise }
    }
}

/// How far time has come with a record: what a wall clock says that is wrong by years is in no span.
fn reached(state: &State, record: &Record) -> Timestamp {
    match record.events.first() {
        Some(Event::Marked(marked)) if marked.mark.standing() == Standing::Ahead => marked.mark.mark,
        Some(Event::Marked(marked)) => record.at.max(marked.mark.mark),
        _ => state.confirmed(record.at),
    }
}

/// A session that began before the first record begins with its first request.
pub(super) fn open_unknown(state: &mut State, session: SessionId, identity: &Identity, at: Timestamp) {
    if state.session(session).is_none() {
        let opened = Opened { session, secret: Digest([0; 32]), identity: identity.clone() };
        state.evolve(&Record { first: state.seq().next(), at, events: vec![Event::Opened(opened)] });
    }
}

/// The lower one of two in the middle.
fn median(durations: &BTreeMap<u64, u64>) -> Option<Duration> {
    let many: u64 = durations.values().sum();
    let mut left = many.div_ceil(2);
    for (seconds, times) in durations {
        if left <= *times {
            return (many > 0).then(|| Duration::from_secs(*seconds));
        }
        left = left.saturating_sub(*times);
    }
    None
}

/// Where a holding time comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Held {
    /// The caller said it.
    Assumed,
    /// The median of the feature's seats that came back in the span.
    OfFeature,
    /// The median of all features, as no seat of this one came back.
    OfAllFeatures,
    /// No seat at all came back: an hour.
    Nothing,
}

/// How long a newly granted seat is held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holding {
    of_feature: Table<FeatureName, Duration>,
    otherwise: (Duration, Held),
}

impl Holding {
    /// For a seat of this feature, and why.
    #[must_use]
    pub fn of(&self, feature: &FeatureName) -> (Duration, Held) {
        self.of_feature.get(feature).map_or(self.otherwise, |span| (*span, Held::OfFeature))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_one_in_the_middle() {
        let of = |seconds: &[u64]| {
            let mut durations = BTreeMap::new();
            seconds.iter().for_each(|seconds| *durations.entry(*seconds).or_default() += 1);
            median(&durations).map(|span| span.as_secs())
        };
        assert_eq!(of(&[]), None);
        assert_eq!(of(&[7]), Some(7));
        assert_eq!(of(&[1, 9]), Some(1));
        assert_eq!(of(&[100, 1, 1, 5, 1000]), Some(5));
        assert_eq!(of(&[1, 2, 2, 2]), Some(2));
    }
}
