//! What decisions about a feature go by, for an administrator: `lmexplain -c` computes with it what a client would be told.
//!
//! The tool computes, not the daemon: so an explanation costs the daemon no more than a status, the words stay in one place, and
//! the tool can ask what would be under another options file. It is an administrator's alone to see: directories and the text
//! of rules are in it. A manifest with secret keys is named and not sent.

use std::collections::BTreeSet;
use std::path::Path;
use std::rc::Rc;

use bytes::BytesMut;
use tokio::sync::oneshot;

use super::connection::{Outgoing, Peer};
use super::daemon::Daemon;
use super::origin::{FileText, Origin};
use super::projector::Task;
use super::served::Served;
use crate::catalog::{Catalog, Verdict};
use crate::code::{Code, minor};
use crate::event::{Checkout, Denial};
use crate::ident::{FeatureName, Handle, PoolKey, SessionId};
use crate::platform::{ADMIN_KEY_FILE, read_admin_key};
use crate::seat::{Entry, Seat, State, Tenure};
use crate::session::server::Administration;
use crate::sign::{AdminKey, Algorithm};
use crate::time::Timestamp;
use crate::wire::limits::{GROUNDS_BYTES_MAX, GROUNDS_CHUNK_BYTES_MAX, MACHINE_HOSTIDS_MAX};
use crate::wire::{
    Basis, Control, ControlVerb, GroundsFile, GroundsPart, GroundsRole, HeldLicenses, Message,
    WaitingRequest, split_frames,
};

const TOO_MANY: &str = "too many requests for explanations wait";

/// What is asked of the projector.
#[derive(Debug, Clone)]
pub(super) struct GroundsQuery {
    feature: FeatureName,
    notes: Vec<String>,
    request: u32,
}

/// The administrator's key as lmgrd keeps it, for both have one state directory. A daemon without lmgrd may have none.
pub(super) fn administration(state_dir: &Path) -> Administration {
    let path = state_dir.join(ADMIN_KEY_FILE);
    let key = match read_admin_key(&path).map(|text| AdminKey::parse(&text)) {
        Ok(Ok(key)) => Some(key),
        Ok(Err(error)) => {
            tracing::warn!(%error, "no explanations");
            None
        }
        Err(error) => {
            tracing::info!(%error, "no explanations");
            None
        }
    };
    Administration { key, key_path: path.display().to_string() }
}

/// A nonce for the next order on this connection.
pub(super) fn nonce(daemon: &Daemon, peer: &Peer) -> Result<Message, Denial> {
    let nonce = daemon
        .random
        .bytes::<32>()
        .map_err(|error| Denial::new(Code::InternalError, minor::CONTROL_PROOF, &error.to_string()))?;
    peer.set_nonce(Some(nonce));
    Ok(Message::Nonce { nonce, key_path: daemon.administration.key_path.clone() })
}

/// Judges an order and has the projector answer it. As with status few are under way at a time: here one.
pub(super) fn order(
    daemon: &mut Daemon,
    peer: &Rc<Peer>,
    request: u32,
    control: Control,
) -> Result<(), Denial> {
    let given = peer.set_nonce(None);
    let changes = matches!(control.verb, ControlVerb::AcceptClock | ControlVerb::Recall { .. });
    if changes && daemon.config.local_only && !peer.is_here() {
        tracing::warn!(user = %control.user, host = %control.host, from = %peer.address(), "an order from elsewhere");
        let note = format!("the request comes from {}", peer.address());
        return Err(Denial::new(Code::LocalOnly, minor::CONTROL_NOT_LOCAL, &note));
    }
    if control.verb == ControlVerb::AcceptClock {
        daemon.administration.judge(given, &control)?;
        peer.begin_request();
        daemon.accept_clock(peer, request, format!("{}@{}", control.user, control.host));
        return Ok(());
    }
    if let ControlVerb::Recall { feature, handle } = &control.verb {
        daemon.administration.judge(given, &control)?;
        peer.begin_request();
        let by = format!("{}@{}", control.user, control.host);
        daemon.recall(peer, request, by, (feature, *handle));
        return Ok(());
    }
    let ControlVerb::Explain { feature } = &control.verb else {
        let note = "lmgrd takes such orders; this is a vendor daemon";
        return Err(Denial::new(Code::RequestNotSupported, minor::TYPE_UNKNOWN, note));
    };
    daemon.administration.judge(given, &control)?;
    tracing::info!(user = %control.user, host = %control.host, %feature, "explains");
    let busy = || Denial::new(Code::ServerBusy, minor::WRITER_BUSY, TOO_MANY);
    let place = daemon.grounds_queue.place().ok_or_else(busy)?;
    let query = GroundsQuery { feature: feature.clone(), notes: daemon.notes(), request };
    let projector = daemon.projector.clone();
    let peer = Rc::clone(peer);
    peer.begin_request();
    tokio::task::spawn_local(async move {
        let turn = place.turn().await;
        if peer.is_over() {
            return;
        }
        let (reply, answer) = oneshot::channel();
        if !projector.offer(Task::Grounds(query, reply)) {
            return peer.send(request, Outgoing::Refused(busy()));
        }
        match answer.await {
            Ok(bytes) => {
                // Piece by piece, so that no other connection waits for a large file to be copied.
                for frame in split_frames(&bytes) {
                    peer.begin_request();
                    peer.send_large(frame).await;
                    if peer.is_over() {
                        return;
                    }
                }
                peer.finish_request();
            }
            Err(_) => {
                let note = "the vendor daemon is ending";
                peer.send(
                    request,
                    Outgoing::Refused(Denial::new(Code::VendorDown, minor::VENDOR_DOWN, note)),
                );
            }
        }
        drop(turn);
    });
    Ok(())
}

/// The encoded answer; on the projector's thread.
pub(super) fn answer(state: &State, served: &Served, query: &GroundsQuery, now: Timestamp) -> BytesMut {
    let mut output = BytesMut::new();
    let message = match parts(state, served, query, now) {
        Ok(parts) => Message::Grounds(parts),
        Err(denial) => Message::Error(denial),
    };
    super::frames::put_message(&mut output, query.request, &message);
    output
}

fn parts(
    state: &State,
    served: &Served,
    query: &GroundsQuery,
    now: Timestamp,
) -> Result<Vec<GroundsPart>, Denial> {
    let Origin { licenses, options, manifest, manifest_file, zone, machine, .. } = served.origin.as_ref();
    let total: usize = licenses.iter().chain(options).map(|file| file.bytes.len()).sum();
    if total > GROUNDS_BYTES_MAX {
        let note = format!("the files in force have {total} bytes; at most {GROUNDS_BYTES_MAX} are sent");
        return Err(Denial::new(Code::LimitReached, minor::PEER_LIMIT, &note));
    }
    let mut parts = vec![GroundsPart::Basis(Box::new(Basis {
        vendor: served.about.vendor.clone(),
        version: crate::VERSION.to_owned(),
        time: now,
        mark: state.time_mark().map(|mark| mark.at(now)),
        zone: zone.clone(),
        machine: machine.iter().take(MACHINE_HOSTIDS_MAX).map(ToString::to_string).collect(),
        removed: state.was_removed(&query.feature),
        notes: query.notes.clone(),
    }))];
    let secret = manifest.keys.iter().any(|entry| entry.algorithm() == Algorithm::HmacSha1);
    let path = manifest_file.as_ref().map(shown).unwrap_or_default();
    let withheld = manifest_file.as_ref().filter(|_| secret).map(|file| file.digest);
    parts.push(GroundsPart::File(GroundsFile { role: GroundsRole::Manifest, path, withheld }));
    if withheld.is_none() {
        put_bytes(&mut parts, manifest.print().as_bytes());
    }
    for (role, file) in licenses
        .iter()
        .map(|file| (GroundsRole::License, file))
        .chain(options.iter().map(|file| (GroundsRole::Options, file)))
    {
        parts.push(GroundsPart::File(GroundsFile { role, path: shown(file), withheld: None }));
        put_bytes(&mut parts, &file.bytes);
    }
    put_sessions(&mut parts, state, &related(&served.catalog, query.feature.as_str()), now);
    Ok(parts)
}

/// The feature and those that stand in one package with it: a MAX line of a package counts them together. And the package
/// itself, which goes with it if it is a suite.
fn related<'a>(catalog: &'a Catalog, feature: &'a str) -> BTreeSet<&'a str> {
    let packages = || {
        catalog.verdicts().iter().filter_map(|line| match &line.verdict {
            Verdict::Package { pools, .. } => Some((line.subject.as_str(), pools)),
            _ => None,
        })
    };
    let with_it: BTreeSet<&str> = packages()
        .filter(|(_, pools)| pools.iter().any(|pool| pool.feature() == feature))
        .map(|(name, _)| name)
        .collect();
    let components = packages().filter(|(name, _)| with_it.contains(name));
    let mut related: BTreeSet<&str> = components.flat_map(|(_, pools)| pools).map(PoolKey::feature).collect();
    related.extend(with_it);
    related.insert(feature);
    related
}

/// The checkouts of some features, and who waits for them, each session once.
fn put_sessions(parts: &mut Vec<GroundsPart>, state: &State, features: &BTreeSet<&str>, now: Timestamp) {
    let meant = |pool: &PoolKey| features.contains(pool.feature());
    let seats = || {
        let pools = state.pools().filter(|(key, _)| meant(key));
        pools.flat_map(|(_, used)| used.handles()).filter_map(|handle| Some((handle, state.seat(handle)?)))
    };
    let held = |seat: &Seat| seat.tenure == Tenure::Held;
    let mut sessions: Vec<SessionId> =
        seats().filter(|(_, seat)| held(seat)).map(|(_, seat)| seat.session).collect();
    let waits = |entry: &Entry| features.contains(entry.request.feature.as_str());
    sessions.extend(state.waiting().filter(|(_, entry)| waits(entry)).map(|(_, entry)| entry.session));
    sessions.sort_unstable();
    sessions.dedup();
    // The sessions of those that linger or are borrowed may have ended.
    for (handle, seat) in seats().filter(|(_, seat)| !held(seat)) {
        let claims = Box::new((*seat.identity).clone());
        parts.push(GroundsPart::Session { claims, address: seat.identity.address() });
        parts.push(part(handle, seat));
    }
    for session in sessions.into_iter().filter_map(|id| state.session(id)) {
        let identity = session.identity();
        let claims = Box::new((**identity).clone());
        parts.push(GroundsPart::Session { claims, address: identity.address() });
        let seats = session.handles().filter_map(|handle| Some((handle, state.seat(handle)?)));
        parts.extend(seats.filter(|(_, seat)| meant(&seat.pool)).map(|(handle, seat)| part(handle, seat)));
        let waiting = session.waiting().filter_map(|handle| Some((handle, state.waiting_under(handle)?)));
        let waiting = waiting.filter(|(_, entry)| waits(entry));
        parts.extend(waiting.map(|(handle, entry)| waiting_part(handle, entry, now)));
    }
}

fn waiting_part(handle: Handle, entry: &Entry, now: Timestamp) -> GroundsPart {
    let Checkout { feature, version, count, wishes, .. } = &entry.request;
    let held = entry.offer.as_ref().map(|offer| HeldLicenses {
        handle: offer.handle,
        pool: offer.pool.clone(),
        shares: offer.shares,
        package: offer.package.as_deref().cloned(),
        until: offer.until,
    });
    GroundsPart::Waiting(Box::new(WaitingRequest {
        handle,
        feature: feature.clone(),
        version: *version,
        count: *count,
        start: entry.since,
        data: wishes.data.clone(),
        blocks_until: entry.blocks_until(now),
        held,
    }))
}

fn part(handle: Handle, seat: &Seat) -> GroundsPart {
    let (lingers_until, borrow) = match seat.tenure {
        Tenure::Held => (None, None),
        Tenure::Lingering { until, .. } => (Some(until), None),
        Tenure::Borrowed { borrow, .. } => (None, Some(borrow)),
    };
    GroundsPart::Seat {
        handle,
        pool: seat.pool.clone(),
        version: seat.version,
        count: seat.count,
        start: seat.since,
        shares: seat.shares,
        data: seat.wishes.data.clone(),
        lingers_until,
        borrow,
    }
}

fn shown(file: &FileText) -> String {
    file.path.to_string_lossy().into_owned()
}

fn put_bytes(parts: &mut Vec<GroundsPart>, bytes: &[u8]) {
    parts.extend(bytes.chunks(GROUNDS_CHUNK_BYTES_MAX).map(|chunk| GroundsPart::Bytes(chunk.to_vec())));
}
