//! What a daemon serves by: licenses, rules and the files that they come from, all of one reading. Daemon and projector each
//! have one and change it at the same event.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::origin::Origin;
use super::status::About;
use crate::catalog::Catalog;
use crate::ident::Seq;
use crate::policy::Policy;

/// See the module. Clones share everything.
#[derive(Clone)]
pub(super) struct Served {
    pub(super) catalog: Arc<Catalog>,
    /// Compiled for this catalog.
    pub(super) policy: Arc<Policy>,
    pub(super) origin: Arc<Origin>,
    pub(super) about: Arc<About>,
}

/// What holds from events on that are not durable yet, from the daemon to the projector. The daemon announces before it
/// submits, so the projector finds it when the event comes to it.
#[derive(Clone, Default)]
pub(super) struct Announced(Arc<Mutex<BTreeMap<Seq, Served>>>);

impl Announced {
    /// From this reread on, that is served. What was announced for the same number before was rolled back.
    pub(super) fn put(&self, reread: Seq, served: Served) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(reread, served);
    }

    /// What was announced for a reread, if it is one of this run; forgets all before it.
    pub(super) fn take(&self, reread: Seq) -> Option<Served> {
        let mut announced = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let later = announced.split_off(&reread.next());
        std::mem::replace(&mut *announced, later).remove(&reread)
    }
}
