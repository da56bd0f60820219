//! lmgrd at the other end of standard input (`wire::pipe`).

use std::io::{self, Write as _};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream as StdStream;

use futures_util::StreamExt as _;
use tokio::net::UnixStream;
use tokio_util::codec::{FramedRead, LinesCodec};

use crate::event::Removed;
use crate::wire::pipe::{DaemonLine, ManagerLine, ManagerLines, PIPE_ORDER_BYTES_MAX, Sources};

/// What lmgrd wants, or that it is gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Word {
    /// End in order, asked for by this person.
    Stop(String),
    /// Read everything again.
    Reread {
        /// Its number, for the answer.
        order: u32,
        force: bool,
        sources: Option<Sources>,
        who: String,
    },
    /// Say whether anything speaks against an end that is not forced; under this number.
    MayStop(u32),
    /// Take licenses back.
    Remove {
        /// Its number, for the answer.
        order: u32,
        removed: Removed,
    },
    /// Nobody is there any more.
    Lost,
}

/// The pipe to lmgrd.
pub(super) struct Pipe {
    read: FramedRead<UnixStream, LinesCodec>,
    /// An order of which not all lines have come.
    orders: ManagerLines,
    /// Not the runtime's: a daemon that can't start says so and ends before the runtime has looked at the socket once.
    write: StdStream,
}

impl Pipe {
    /// Takes standard input, which lmgrd has made one end of a socket pair.
    ///
    /// # Errors
    /// When standard input is no socket.
    pub(super) fn from_stdin() -> io::Result<Self> {
        let fd: OwnedFd = io::stdin().as_fd().try_clone_to_owned()?;
        let stream = StdStream::from(fd);
        // Fails on anything that is no socket of this kind, such as a terminal.
        stream.peer_addr()?;
        stream.set_nonblocking(true)?;
        let write = stream.try_clone()?;
        let lines = LinesCodec::new_with_max_length(PIPE_ORDER_BYTES_MAX);
        let read = FramedRead::new(UnixStream::from_std(stream)?, lines);
        Ok(Self { read, orders: ManagerLines::default(), write })
    }

    pub(super) fn tell(&self, lines: &[DaemonLine]) {
        // One write: the socket's buffer is charged for each of them, so that some hundred short ones would fill it. The
        // lines of an answer fit into it together; if not, lmgrd has long stopped reading.
        let text: String = lines.iter().map(ToString::to_string).collect();
        if let Err(error) = (&self.write).write_all(text.as_bytes()) {
            tracing::warn!(%error, "lmgrd could not be told");
        }
    }

    pub(super) async fn hear(&mut self) -> Word {
        loop {
            let Some(Ok(line)) = self.read.next().await else { return Word::Lost };
            match self.orders.take(&line) {
                Ok(Some(ManagerLine::Stop { who })) => return Word::Stop(who),
                Ok(Some(ManagerLine::Reread { order, force, sources, who })) => {
                    return Word::Reread { order, force, sources, who };
                }
                Ok(Some(ManagerLine::MayStop { order })) => return Word::MayStop(order),
                Ok(Some(ManagerLine::Remove { order, removed })) => return Word::Remove { order, removed },
                Ok(None) => {}
                Err(_) => tracing::warn!(%line, "lmgrd says something that has no meaning here"),
            }
        }
    }
}
