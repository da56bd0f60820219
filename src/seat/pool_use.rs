//! What is out of one pool, and which checkouts use the same licenses (`flexnet-files.md` 3.7).

use std::collections::{BTreeMap, BTreeSet};

use super::{Seat, Tenure};
use crate::event::{Identity, Shares, Wishes};
use crate::ident::{CheckoutData, Display, DupMask, Handle, Host, Sorted, User};

/// What is out of one pool.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PoolUse {
    in_use: u64,
    /// Licenses that are borrowed; where they share, each counts.
    borrowed: u64,
    handles: Sorted<Handle>,
    /// Checkouts that share, by the handle that names each group.
    groups: BTreeMap<Handle, Group>,
    names: BTreeMap<GroupKey, Handle>,
    /// Lingering checkouts, by who may take them back.
    lingering: BTreeMap<Place, BTreeSet<Handle>>,
}

/// Whose a lingering checkout is: its session may have ended.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    user: User,
    host: Host,
    display: Display,
}

impl Place {
    pub(super) fn of(identity: &Identity) -> Self {
        let (user, host) = (identity.user.clone(), identity.host.clone());
        Self { user, host, display: identity.display.clone() }
    }
}

/// Checkouts that use the same licenses: as many as the one of them that asked for most. The group lives until its last
/// member has gone, whoever that is.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Group {
    key: GroupKey,
    /// How many members have asked for each count.
    counts: BTreeMap<u32, u32>,
}

/// What is equal between the members of a group.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct GroupKey {
    mask: DupMask,
    user: Option<User>,
    host: Option<Host>,
    display: Option<Display>,
    data: Option<CheckoutData>,
}

impl GroupKey {
    /// The group of a client's checkouts in a pool; none if they can't share. `mask` is the license's, if it says one, which
    /// holds before the application's own.
    pub(super) fn of(mask: Option<DupMask>, wishes: &Wishes, identity: &Identity) -> Option<Self> {
        let mask = mask.unwrap_or(wishes.share);
        mask.shares().then(|| Self {
            mask,
            user: mask.has(DupMask::USER).then(|| identity.user.clone()),
            host: mask.has(DupMask::HOST).then(|| identity.host.clone()),
            display: mask.has(DupMask::DISPLAY).then(|| identity.display.clone()),
            data: wishes.data.clone().filter(|_| mask.has(DupMask::VENDOR)),
        })
    }

    pub(super) fn mask(&self) -> DupMask {
        self.mask
    }
}

impl Group {
    fn in_use(&self) -> u64 {
        self.counts.last_key_value().map_or(0, |(count, _)| u64::from(*count))
    }

    /// Takes a member away.
    fn part(&mut self, count: u32) {
        if let Some(members) = self.counts.get_mut(&count) {
            *members -= 1;
            if *members == 0 {
                self.counts.remove(&count);
            }
        }
    }
}

impl PoolUse {
    /// Licenses out of the pool: checkouts that share count once.
    #[must_use]
    pub fn in_use(&self) -> u64 {
        self.in_use
    }

    /// Licenses that are borrowed, as many as were asked for.
    #[must_use]
    pub fn borrowed(&self) -> u64 {
        self.borrowed
    }

    /// The checkouts, oldest first.
    pub fn handles(&self) -> impl Iterator<Item = Handle> + '_ {
        self.handles.keys().copied()
    }

    /// Whether nothing is out.
    pub(super) fn is_empty(&self) -> bool {
        self.handles.is_empty()
    }

    /// The group that a checkout with this key would join, with the licenses that it uses already.
    pub(super) fn group(&self, key: &GroupKey) -> Option<(Handle, u64)> {
        let name = self.names.get(key)?;
        Some((*name, self.groups.get(name)?.in_use()))
    }

    /// The lingering checkouts that a client may take back, oldest first.
    pub(super) fn lingering(&self, identity: &Identity) -> impl Iterator<Item = Handle> + '_ {
        let none = self.lingering.is_empty();
        let own = if none { None } else { self.lingering.get(&Place::of(identity)) };
        own.into_iter().flatten().copied()
    }

    /// A checkout lingers from now on, if it does.
    pub(super) fn linger(&mut self, handle: Handle, seat: &Seat) {
        if let Tenure::Lingering { .. } = seat.tenure {
            self.lingering.entry(Place::of(&seat.identity)).or_default().insert(handle);
        }
    }

    /// What would be in use if some of its checkouts had come back, and the group that a checkout with this key would join then,
    /// with the licenses that it would use.
    pub(super) fn without<'s>(
        &self,
        key: Option<&GroupKey>,
        gone: impl Iterator<Item = &'s Seat>,
    ) -> (u64, Option<(Handle, u64)>) {
        let mut in_use = self.in_use;
        let mut changed: BTreeMap<Handle, Group> = BTreeMap::new();
        for seat in gone {
            let count = seat.count.get();
            let group = seat.shares.and_then(|shares| Some((shares.group, self.groups.get(&shares.group)?)));
            match group {
                None => in_use = in_use.saturating_sub(u64::from(count)),
                Some((name, group)) => {
                    let group = changed.entry(name).or_insert_with(|| group.clone());
                    let before = group.in_use();
                    group.part(count);
                    in_use = in_use.saturating_sub(before - group.in_use());
                }
            }
        }
        let joined = key.and_then(|key| {
            let name = self.names.get(key)?;
            let group = changed.get(name).or_else(|| self.groups.get(name))?;
            (!group.counts.is_empty()).then(|| (*name, group.in_use()))
        });
        (in_use, joined)
    }

    pub(super) fn enter(&mut self, handle: Handle, seat: &Seat) {
        if !self.handles.insert(handle, ()) {
            return;
        }
        self.linger(handle, seat);
        let count = seat.count.get();
        if let Tenure::Borrowed { .. } = seat.tenure {
            self.borrowed += u64::from(count);
        }
        let key = seat.shares.and_then(|Shares { mask, group }| {
            Some((group, GroupKey::of(Some(mask), &seat.wishes, &seat.identity)?))
        });
        let Some((name, key)) = key else {
            self.in_use += u64::from(count);
            return;
        };
        let names = &mut self.names;
        let group = self.groups.entry(name).or_insert_with(|| {
            names.insert(key.clone(), name);
            Group { key, counts: BTreeMap::new() }
        });
        let before = group.in_use();
        *group.counts.entry(count).or_default() += 1;
        self.in_use += group.in_use() - before;
    }

    pub(super) fn leave(&mut self, handle: Handle, seat: &Seat) {
        if self.handles.remove(&handle).is_none() {
            return;
        }
        if let Tenure::Borrowed { .. } = seat.tenure {
            self.borrowed = self.borrowed.saturating_sub(u64::from(seat.count.get()));
        }
        if let Tenure::Lingering { .. } = seat.tenure {
            let place = Place::of(&seat.identity);
            if let Some(own) = self.lingering.get_mut(&place) {
                own.remove(&handle);
                if own.is_empty() {
                    self.lingering.remove(&place);
                }
            }
        }
        let count = seat.count.get();
        let name = seat.shares.map(|shares| shares.group);
        let Some((name, group)) = name.and_then(|name| Some((name, self.groups.get_mut(&name)?))) else {
            self.in_use = self.in_use.saturating_sub(u64::from(count));
            return;
        };
        let before = group.in_use();
        group.part(count);
        self.in_use = self.in_use.saturating_sub(before - group.in_use());
        if group.counts.is_empty() {
            self.names.remove(&group.key);
            self.groups.remove(&name);
        }
    }
}
