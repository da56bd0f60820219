//! The way to a vendor daemon: by lmgrd, which knows its port, or straight to where it was last.

use std::net::SocketAddr;
use std::sync::Arc;

use super::config::Config;
use super::dial::Connection;
use super::error::{Attempt, DialError};
use super::path::{ServerAddress, THIS_HOST};
use crate::code::{Code, minor};
use crate::event::Denial;
use crate::platform::SystemClock;
use crate::time::Clock as _;
use crate::wire::{Purpose, SessionTerms};

/// The servers of one entry of the search path; several are tried in order.
#[derive(Debug, Clone)]
pub(super) struct Route {
    pub(super) servers: Vec<ServerAddress>,
    pub(super) config: Arc<Config>,
    pub(super) clock: Arc<SystemClock>,
}

/// A connection on which a session begins or goes on.
#[derive(Debug)]
pub(super) struct Arrival {
    pub(super) connection: Connection,
    pub(super) terms: SessionTerms,
}

impl Route {
    /// Begins a session at the first server that wants it.
    pub(super) async fn begin(&self) -> Result<Arrival, Attempt> {
        let mut first: Option<Attempt> = None;
        for server in &self.servers {
            match self.begin_at(server).await {
                Ok(arrival) => return Ok(arrival),
                Err(error) => {
                    let attempt = attempt(server, &error);
                    if first.is_none() || (attempt.answered && !first.as_ref().is_some_and(|it| it.answered))
                    {
                        first = Some(attempt);
                    }
                }
            }
        }
        Err(first.unwrap_or_else(|| Attempt {
            place: String::new(),
            denial: Denial::new(Code::NoServerForFeature, minor::FILE_WITHOUT_SERVER, "there is no server"),
            system: None,
            answered: false,
        }))
    }

    async fn begin_at(&self, server: &ServerAddress) -> Result<Arrival, DialError> {
        let address = self.locate(server).await?;
        self.open(address, Purpose::New).await
    }

    /// Asks lmgrd for the vendor daemon.
    async fn locate(&self, server: &ServerAddress) -> Result<SocketAddr, DialError> {
        let config = &self.config;
        let hello = config.hello(Purpose::Ask, self.clock.now().utc, None);
        let mut lmgrd = Connection::open_named(server, &hello, config.limits).await?;
        lmgrd.locate(&config.vendor).await
    }

    async fn open(&self, address: SocketAddr, purpose: Purpose) -> Result<Arrival, DialError> {
        let config = &self.config;
        let hello = config.hello(purpose, self.clock.now().utc, Some(config.vendor.clone()));
        let connection = Connection::open(address, hello, config.limits).await?;
        match connection.welcome().session.clone() {
            Some(terms) => Ok(Arrival { connection, terms }),
            None => Err(connection.no_session()),
        }
    }

    /// Goes on with a session: where it was last, else where lmgrd says that the vendor daemon is now.
    pub(super) async fn resume(&self, last: SocketAddr, purpose: Purpose) -> Result<Arrival, DialError> {
        let direct = match self.open(last, purpose.clone()).await {
            Ok(arrival) => return Ok(arrival),
            Err(refused @ DialError::Refused(_)) => return Err(refused),
            Err(error) => error,
        };
        for server in &self.servers {
            match self.locate(server).await {
                Ok(address) if address != last => return self.open(address, purpose).await,
                Ok(_) | Err(_) => {}
            }
        }
        Err(direct)
    }
}

fn attempt(server: &ServerAddress, error: &DialError) -> Attempt {
    let mut denial = error.denial();
    let unreached = matches!(denial.code, Code::CannotConnect | Code::ServerDown | Code::NoServerHost);
    if server.host == THIS_HOST && unreached {
        denial = Denial::new(Code::ThisHostFailed, denial.minor, &denial.note);
    }
    Attempt { place: server.to_string(), denial, system: error.system(), answered: error.refusal().is_some() }
}
