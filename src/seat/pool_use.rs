//! What is out of one pool, and which checkouts use the same licenses (`flexnet-files.md` 3.7).

use std::collections::{BTreeMap, BTreeSet};

use super::Seat;
use crate::event::{Identity, Shares, Wishes};
use crate::ident::{CheckoutData, Display, DupMask, Handle, Host, User};

/// What is out of one pool.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PoolUse {
    in_use: u64,
    handles: BTreeSet<Handle>,
    /// Checkouts that share, by the handle that names each group.
    groups: BTreeMap<Handle, Group>,
    names: BTreeMap<GroupKey, Handle>,
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
}

impl PoolUse {
    /// Licenses out of the pool: checkouts that share count once.
    #[must_use]
    pub fn in_use(&self) -> u64 {
        self.in_use
    }

    /// The checkouts, oldest first.
    pub fn handles(&self) -> impl Iterator<Item = Handle> + '_ {
        self.handles.iter().copied()
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

    pub(super) fn enter(&mut self, handle: Handle, seat: &Seat) {
        if !self.handles.insert(handle) {
            return;
        }
        let count = seat.count.get();
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
        if !self.handles.remove(&handle) {
            return;
        }
        let count = seat.count.get();
        let name = seat.shares.map(|shares| shares.group);
        let Some((name, group)) = name.and_then(|name| Some((name, self.groups.get_mut(&name)?))) else {
            self.in_use = self.in_use.saturating_sub(u64::from(count));
            return;
        };
        let before = group.in_use();
        if let Some(members) = group.counts.get_mut(&count) {
            *members -= 1;
            if *members == 0 {
                group.counts.remove(&count);
            }
        }
        self.in_use = self.in_use.saturating_sub(before - group.in_use());
        if group.counts.is_empty() {
            self.names.remove(&group.key);
            self.groups.remove(&name);
        }
    }
}
