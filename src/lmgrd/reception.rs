//! Accepts connections, so many in all and so many from one host.

use std::collections::BTreeMap;
use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, sleep};

use super::conversation::{Desk, converse};
use crate::platform::tune;

/// Connections at one time. They are short; clients stay with the vendor daemon.
const CONNECTIONS_MAX: usize = 8192;

/// Connections at one time from one host, which may be the door of a whole office.
const CONNECTIONS_PER_HOST_MAX: usize = 1024;

/// Wait after a failed accept, such as for lack of descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The log hears of trouble with connections at most so often.
const REPORT_EVERY: Duration = Duration::from_secs(60);

/// Who is connected: connections of each host.
#[derive(Debug, Default, Clone)]
struct Guests(Arc<Mutex<BTreeMap<IpAddr, usize>>>);

/// Keeps a connection's place until it is dropped.
#[derive(Debug)]
struct Place {
    guests: Guests,
    host: IpAddr,
}

impl Guests {
    fn admit(&self, host: IpAddr) -> Option<Place> {
        let mut hosts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if hosts.values().sum::<usize>() >= CONNECTIONS_MAX {
            return None;
        }
        let present = hosts.entry(host).or_default();
        if *present >= CONNECTIONS_PER_HOST_MAX {
            return None;
        }
        *present += 1;
        Some(Place { guests: self.clone(), host })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut hosts = self.guests.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(present) = hosts.get_mut(&self.host) {
            *present -= 1;
            if *present == 0 {
                hosts.remove(&self.host);
            }
        }
    }
}

/// Accepts until the task is ended.
pub(super) async fn receive(listener: TcpListener, desk: Arc<Desk>) {
    let guests = Guests::default();
    let mut reported: Option<Instant> = None;
    let mut report = |text: String| {
        if reported.is_none_or(|then| then.elapsed() >= REPORT_EVERY) {
            reported = Some(Instant::now());
            desk.log.say(&text);
        }
    };
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                let host = peer.ip().to_canonical();
                match guests.admit(host) {
                    Some(place) => seat(stream, place, Arc::clone(&desk)),
                    None => report(format!("accept: too many connections, {host} is turned away")),
                }
            }
            Err(error) => {
                report(format!("accept: {error}"));
                if !peer_gone(&error) {
                    sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }
}

fn seat(stream: TcpStream, place: Place, desk: Arc<Desk>) {
    // Without these options the connection works too.
    let _ = tune(&stream);
    tokio::spawn(async move {
        converse(stream, desk).await;
        drop(place);
    });
}

/// The peer gave up before it was accepted: not our trouble.
fn peer_gone(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_host_cannot_take_all_places() {
        let guests = Guests::default();
        let ip = |n: u8| IpAddr::from([192, 0, 2, n]);
        let places: Vec<Place> =
            (0..CONNECTIONS_PER_HOST_MAX).map(|_| guests.admit(ip(1)).unwrap()).collect();
        assert!(guests.admit(ip(1)).is_none());
        let other = guests.admit(ip(2)).unwrap();
        drop(places);
        assert!(guests.admit(ip(1)).is_some());
        drop(other);
        assert!(guests.0.lock().unwrap().is_empty());
    }
}
