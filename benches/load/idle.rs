//! Sessions that are there, hold a license each, and send heartbeats, while others work.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use seatkeeper::ident::{FeatureName, Token, Version};
use seatkeeper::wire::{self, Message};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::task::LocalSet;

use super::Lane;

/// How often each session says that it is there.
const HEARTBEAT: Duration = Duration::from_secs(20);
/// So many connect at once.
const TOGETHER: usize = 100;

pub(super) struct Idle {
    done: Arc<AtomicBool>,
    thread: std::thread::JoinHandle<()>,
}

impl Idle {
    /// Returns when all of them hold what they asked for.
    pub(super) fn start(server: SocketAddr, feature: &(FeatureName, Version), sessions: usize) -> Self {
        let done = Arc::new(AtomicBool::new(false));
        let (until, feature) = (Arc::clone(&done), feature.clone());
        let (ready, wait) = std::sync::mpsc::channel();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            LocalSet::new().block_on(&runtime, async {
                let mut lanes = Vec::with_capacity(sessions);
                while lanes.len() < sessions {
                    let some: Vec<_> = (lanes.len()..sessions.min(lanes.len() + TOGETHER))
                        .map(|_| tokio::task::spawn_local(holding(server, feature.clone())))
                        .collect();
                    for one in some {
                        lanes.push(one.await.unwrap());
                    }
                }
                let apart = HEARTBEAT / u32::try_from(sessions).unwrap();
                for (nth, lane) in lanes.into_iter().enumerate() {
                    tokio::task::spawn_local(beat(lane, apart * u32::try_from(nth).unwrap()));
                }
                ready.send(()).unwrap();
                while !until.load(Ordering::SeqCst) {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            });
        });
        wait.recv().expect("all of them are granted a license");
        Self { done, thread }
    }

    pub(super) fn stop(self) {
        self.done.store(true, Ordering::SeqCst);
        self.thread.join().unwrap();
    }
}

/// A session with one license.
async fn holding(server: SocketAddr, feature: (FeatureName, Version)) -> Lane {
    let mut lane = Lane::seats(server, feature).await;
    lane.ask(None);
    lane.flush().await;
    while lane.answer().is_none() {
        assert_ne!(lane.stream.read_buf(&mut lane.input).await.unwrap(), 0, "closed by the server");
    }
    lane
}

async fn beat(mut lane: Lane, first: Duration) {
    tokio::time::sleep(first).await;
    let mut output = bytes::BytesMut::new();
    loop {
        output.clear();
        let heartbeat = Message::Heartbeat { acknowledged: Token(1), idle_s: None };
        wire::encode(&heartbeat, 2, &mut output).unwrap();
        lane.stream.write_all(&output).await.unwrap();
        lane.input.clear();
        assert_ne!(lane.stream.read_buf(&mut lane.input).await.unwrap(), 0, "closed by the server");
        tokio::time::sleep(HEARTBEAT).await;
    }
}

/// Resident memory of a process, now and at most, in MiB.
pub(super) fn memory_mib(pid: u32) -> (u64, u64) {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let kib = |name: &str| -> u64 {
        let line = status.lines().find(|line| line.starts_with(name)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    };
    (kib("VmRSS:") / 1024, kib("VmHWM:") / 1024)
}
