//! Listening sockets and the options of accepted ones.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::ops::RangeInclusive;
use std::time::Duration;

use socket2::{Domain, Protocol, SockRef, Socket, TcpKeepalive, Type};
use thiserror::Error;

/// Connections that may wait to be accepted.
const BACKLOG: i32 = 1024;

/// Silence after which the kernel probes a peer, and how often it then does so.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(60);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(15);

/// Ports that a license manager tries when its SERVER line names none (`flexnet-tools.md` 1.3).
pub const DEFAULT_PORTS: RangeInclusive<u16> = 27000..=27009;

/// Why a port can't be listened on.
#[derive(Debug, Error)]
pub enum ListenError {
    /// Another program listens there.
    #[error("TCP port {port} is already in use")]
    PortTaken {
        /// The port.
        port: u16,
    },
    /// Every port of a range has another program listening.
    #[error("TCP ports {first} to {last} are all in use")]
    AllTaken {
        /// First port tried.
        first: u16,
        /// Last port tried.
        last: u16,
    },
    /// Ports below 1024 need a privilege.
    #[error("no permission to listen on TCP port {port}")]
    NotAllowed {
        /// The port.
        port: u16,
    },
    /// The address is not one of this machine, or the system refused otherwise.
    #[error("cannot listen on {address}: {source}")]
    System {
        /// The wanted address and port.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
}

/// Listens on one address, or on all IPv6 and IPv4 addresses of the machine; on IPv4 alone where IPv6 is switched off.
/// Port 0 takes any free one. The socket is non-blocking.
///
/// # Errors
/// [`ListenError`]; a taken port is told apart.
pub fn listen(address: Option<IpAddr>, port: u16) -> Result<TcpListener, ListenError> {
    if let Some(address) = address {
        return bind(SocketAddr::new(address, port));
    }
    match bind(SocketAddr::from((Ipv6Addr::UNSPECIFIED, port))) {
        Err(ListenError::System { .. }) => bind(SocketAddr::from((Ipv4Addr::UNSPECIFIED, port))),
        other => other,
    }
}

/// Listens on the first free port of a range.
///
/// # Errors
/// [`ListenError::AllTaken`] when none is free; any other error at once.
pub fn listen_on_first_free(
    address: Option<IpAddr>,
    ports: RangeInclusive<u16>,
) -> Result<TcpListener, ListenError> {
    let (first, last) = (*ports.start(), *ports.end());
    for port in ports {
        match listen(address, port) {
            Err(ListenError::PortTaken { .. }) => {}
            other => return other,
        }
    }
    Err(ListenError::AllTaken { first, last })
}

fn bind(address: SocketAddr) -> Result<TcpListener, ListenError> {
    bind_socket(address).map_err(|source| match source.kind() {
        io::ErrorKind::AddrInUse => ListenError::PortTaken { port: address.port() },
        io::ErrorKind::PermissionDenied => ListenError::NotAllowed { port: address.port() },
        _ => ListenError::System { address, source },
    })
}

fn bind_socket(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if let IpAddr::V6(v6) = address.ip() {
        // Only the unspecified address can serve IPv4 as well.
        socket.set_only_v6(!v6.is_unspecified())?;
    }
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

/// Sets the options of an accepted or connected stream: keep-alive, so that a vanished peer is noticed, and no delay
/// of small answers.
///
/// # Errors
/// What the system said.
#[cfg(unix)]
pub fn tune(stream: &impl std::os::fd::AsFd) -> io::Result<()> {
    let socket = SockRef::from(stream);
    socket.set_tcp_keepalive(
        &TcpKeepalive::new().with_time(KEEPALIVE_IDLE).with_interval(KEEPALIVE_INTERVAL),
    )?;
    socket.set_tcp_nodelay(true)
}

/// Whether a connection comes from the machine that it reached (`-local`): over loopback, or from the very address
/// that was dialled.
#[must_use]
pub fn same_machine(peer: IpAddr, local: IpAddr) -> bool {
    let (peer, local) = (peer.to_canonical(), local.to_canonical());
    peer.is_loopback() || peer == local
}

#[cfg(test)]
mod tests {
    use std::net::TcpStream;

    use super::*;

    const HERE: Option<IpAddr> = Some(IpAddr::V4(Ipv4Addr::LOCALHOST));

    #[test]
    fn a_taken_port_is_told_apart() {
        let first = listen(HERE, 0).unwrap();
        let port = first.local_addr().unwrap().port();
        assert!(matches!(listen(HERE, port), Err(ListenError::PortTaken { port: named }) if named == port));
        assert!(matches!(listen(None, port), Err(ListenError::PortTaken { .. })));
        assert!(matches!(
            listen_on_first_free(HERE, port..=port),
            Err(ListenError::AllTaken { first, last }) if first == port && last == port
        ));
    }

    #[test]
    fn dom_72_dom_73_a_range_gives_its_first_free_port_and_says_when_none_is_left() {
        // Pairs of neighbours of which the first is ours and the second is free: somebody else may have that one.
        let next = (0..100).find_map(|_| {
            let first = listen(HERE, 0).unwrap();
            let port = first.local_addr().unwrap().port();
            let next = listen_on_first_free(HERE, port..=port.checked_add(1)?).ok()?;
            assert_eq!(next.local_addr().unwrap().port(), port + 1);
            Some((first, next, port))
        });
        let (_first, _next, port) = next.unwrap();
        let error = listen_on_first_free(HERE, port..=port + 1).unwrap_err();
        assert_eq!(error.to_string(), format!("TCP ports {port} to {} are all in use", port + 1));
    }

    #[test]
    fn all_addresses_include_ipv4() {
        let all = listen(None, 0).unwrap();
        let port = all.local_addr().unwrap().port();
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
        tune(&stream).unwrap();
        assert!(stream.nodelay().unwrap());
    }

    #[test]
    fn a_foreign_address_is_refused() {
        let foreign: IpAddr = "192.0.2.1".parse().unwrap();
        assert!(matches!(listen(Some(foreign), 0), Err(ListenError::System { .. })));
    }

    #[test]
    fn mapped_addresses_are_the_same_machine() {
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        assert!(same_machine(ip("::ffff:127.0.0.1"), ip("::ffff:127.0.0.1")));
        assert!(same_machine(ip("::ffff:192.0.2.7"), ip("192.0.2.7")));
        assert!(!same_machine(ip("192.0.2.8"), ip("192.0.2.7")));
    }
}
