//! Those who wait, as bytes of a snapshot.

use std::collections::VecDeque;

use super::{Entry, Fairness, Offer};
use crate::event::Accounting;
use crate::event::codec::{
    CodecError, InlineNames, Reader, Writer, put_accounting, put_checkout, put_identity, put_package,
    put_wishes, take_accounting, take_checkout, take_identity, take_package, take_wishes,
};
use crate::ident::{Handle, PoolKey, SessionId};
use crate::seat::State;
use crate::seat::snapshot::{FORM_WITHOUT_SUITE_OFFERS, SnapshotError, take_feature};
use crate::time::Timestamp;

pub(in crate::seat) fn put(out: &mut Writer, state: &State) {
    out.count(state.waiting_count());
    for (handle, entry) in state.waiting() {
        out.u64(handle.0);
        out.fixed(&entry.session.0);
        let Ok(()) = put_identity(out, &entry.identity, &mut InlineNames);
        put_checkout(out, &entry.request);
        let Ok(()) = put_wishes(out, &entry.request.wishes, &mut InlineNames);
        out.i64(entry.since.0);
        out.u32(entry.fairness.passed);
        out.u32(entry.fairness.blocks);
        put_time(out, entry.fairness.blocks_since);
        out.byte(u8::from(entry.offer.is_some()));
        if let Some(offer) = &entry.offer {
            out.u64(offer.handle.0);
            out.str(offer.pool.as_str());
            put_accounting(out, &Accounting { shares: offer.shares, ..Accounting::default() });
            out.i64(offer.until.0);
            out.byte(u8::from(offer.package.is_some()));
            if let Some(package) = &offer.package {
                put_package(out, package);
            }
        }
    }
    out.count(state.held.len());
    for (feature, spans) in &state.held {
        out.str(feature.as_str());
        out.count(spans.len());
        spans.iter().for_each(|span| out.u32(*span));
    }
}

fn put_time(out: &mut Writer, at: Option<Timestamp>) {
    out.byte(u8::from(at.is_some()));
    if let Some(at) = at {
        out.i64(at.0);
    }
}

fn take_time(from: &mut Reader<'_>) -> Result<Option<Timestamp>, CodecError> {
    Ok(if from.byte("block")? == 0 { None } else { Some(Timestamp(from.i64("block")?)) })
}

pub(in crate::seat) fn take(from: &mut Reader<'_>, form: u8, state: &mut State) -> Result<(), SnapshotError> {
    for _ in 0..from.count("queue")? {
        let handle = Handle(from.u64("queue")?);
        let session = SessionId(from.fixed("queue")?);
        if state.session(session).is_none() {
            return Err(SnapshotError::Orphan(handle));
        }
        let identity = take_identity(from, &mut InlineNames)?;
        let mut request = take_checkout(from)?;
        request.wishes = take_wishes(from, &mut InlineNames)?;
        let since = Timestamp(from.i64("queue")?);
        let (passed, blocks) = (from.u32("queue")?, from.u32("queue")?);
        let fairness = Fairness { passed, blocks, blocks_since: take_time(from)? };
        let offer = if from.byte("offer")? == 0 {
            None
        } else {
            let handle = Handle(from.u64("offer")?);
            let pool = PoolKey::new(from.str("offer")?);
            let shares = take_accounting(from)?.shares;
            let until = Timestamp(from.i64("offer")?);
            let of_suite = form > FORM_WITHOUT_SUITE_OFFERS && from.byte("offer")? != 0;
            let package = if of_suite { Some(Box::new(take_package(from)?)) } else { None };
            Some(Offer { handle, pool, shares, package, until })
        };
        state.restore(handle, Entry { session, identity, request, since, offer, fairness });
    }
    for _ in 0..from.count("held")? {
        let feature = take_feature(from)?;
        let mut spans = VecDeque::new();
        for _ in 0..from.count("held")? {
            spans.push_back(from.u32("held")?);
        }
        state.held.insert(feature, spans);
    }
    Ok(())
}
