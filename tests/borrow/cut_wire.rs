//! A wire between client and server that can be cut, or stop, at a message.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard};

/// A port that leads to the server.
pub(crate) struct CutWire {
    pub(crate) port: u16,
    plan: Arc<Mutex<Plan>>,
}

/// What happens at the message when it is its turn.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum At {
    /// Its answer is lost, and with it the connection.
    Cut,
    /// Its answer does not come, and the connection stays.
    HoldAnswer,
    /// It does not come to the server, and the connection stays.
    HoldRequest,
}

struct Plan {
    at: At,
    /// At which message from now on; the largest number once that has happened, or for never.
    messages: usize,
    /// How many connections can still be made.
    connections: usize,
    holds: bool,
}

impl CutWire {
    pub(crate) fn to(server: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let plan = Plan { at: At::Cut, messages: usize::MAX, connections: usize::MAX, holds: false };
        let plan = Arc::new(Mutex::new(plan));
        let shared = Arc::clone(&plan);
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let (client, plan) = (client.unwrap(), Arc::clone(&shared));
                {
                    let mut plan = plan.lock().unwrap();
                    if plan.connections == 0 {
                        continue;
                    }
                    plan.connections -= 1;
                }
                let Ok(server) = TcpStream::connect(("127.0.0.1", server)) else { continue };
                std::thread::spawn(move || carry(client, server, &plan));
            }
        });
        Self { port, plan }
    }

    fn plan(&self) -> MutexGuard<'_, Plan> {
        self.plan.lock().unwrap()
    }

    /// Does this at that message from now on, and lets so many more connections be made.
    pub(crate) fn plan_at(&self, at: At, messages: usize, connections: usize) {
        *self.plan() = Plan { at, messages, connections, holds: false };
    }

    /// Lets everything through.
    pub(crate) fn heal(&self) {
        self.plan_at(At::Cut, usize::MAX, usize::MAX);
    }

    /// Whether the message has had its turn.
    pub(crate) fn was_cut(&self) -> bool {
        self.plan().messages > usize::MAX / 2
    }

    /// Whether something is held.
    pub(crate) fn holds(&self) -> bool {
        self.plan().holds
    }
}

/// Carries one connection: each write of the client is one message, as it waits for each answer.
fn carry(mut client: TcpStream, mut server: TcpStream, plan: &Mutex<Plan>) {
    let mut bytes = [0; 65536];
    while let Ok(read @ 1..) = client.read(&mut bytes) {
        let turn = {
            let mut plan = plan.lock().unwrap();
            plan.messages = plan.messages.saturating_sub(1);
            let turn = (plan.messages == 0).then_some(plan.at);
            if turn.is_some() {
                plan.messages = usize::MAX;
            }
            turn
        };
        let hold = |mut client: TcpStream| {
            plan.lock().unwrap().holds = true;
            let _ = client.read(&mut [0; 1]);
        };
        if turn == Some(At::HoldRequest) {
            return hold(client);
        }
        if server.write_all(&bytes[..read]).is_err() {
            return;
        }
        let Ok(read @ 1..) = server.read(&mut bytes) else { return };
        match turn {
            Some(At::Cut) => return,
            Some(_) => return hold(client),
            None => {}
        }
        if client.write_all(&bytes[..read]).is_err() {
            return;
        }
    }
}
