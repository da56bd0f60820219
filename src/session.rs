//! One client's conversation as a state machine, without sockets and clocks: the server's half judges HELLO and keeps
//! leases, the client's half numbers requests and knows what to repeat after a broken connection.

pub mod client;
pub mod server;
