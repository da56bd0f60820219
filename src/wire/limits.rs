//! The limits of both protocols. A peer that passes one is refused; nobody else notices.

use std::time::Duration;

/// Longest frame, header included, in bytes. Judged on the header.
pub const FRAME_BYTES_MAX: usize = 64 * 1024;

/// Longest line of the line protocol, its end included, in bytes.
pub const LINE_BYTES_MAX: usize = 4096;

/// Longest free text (notes, program names, file names), in bytes; the encoder cuts longer ones at a character.
pub const TEXT_BYTES_MAX: usize = 1024;

/// Most notes of one status answer; the encoder leaves out the rest.
pub const NOTES_MAX: usize = 32;

/// Most lines of one DONE; the encoder leaves out the rest, and what does not fit into [`DONE_BYTES_MAX`].
pub const DONE_LINES_MAX: usize = 4096;

/// Most bytes of the lines of one DONE.
pub const DONE_BYTES_MAX: usize = 48 * 1024;

/// Most hostids that a client may claim.
pub const HOSTIDS_MAX: usize = 16;

/// Most handles that a WELCOME lists after a resume: the first ones.
pub const HELD_MAX: usize = 4096;

/// Most lost checkouts that a WELCOME lists after a resume.
pub const LOST_MAX: usize = 64;

/// Most signed lines that one grant names.
pub const GRANT_LINES_MAX: usize = 1024;

/// Most requests of one session whose answers the client has not acknowledged.
pub const UNACKNOWLEDGED_MAX: usize = 1024;

/// Most bytes of a license file in one LICENSE_BYTES field.
pub const LICENSE_CHUNK_BYTES_MAX: usize = 32 * 1024;

/// Most bytes of license files in one answer: files that do not fit are named, and that they are too long.
pub const LICENSES_BYTES_MAX: usize = 64 << 20;

/// Most bytes of a file in one GROUNDS_BYTES field.
pub const GROUNDS_CHUNK_BYTES_MAX: usize = 32 * 1024;

/// Most bytes of files in one GROUNDS answer; with more in force the request is refused.
pub const GROUNDS_BYTES_MAX: usize = 64 << 20;

/// Most hostids of a server's machine in a GROUNDS answer; the encoder leaves out the rest.
pub const MACHINE_HOSTIDS_MAX: usize = 256;

/// How long a peer may take from the connect to a complete HELLO.
pub const HANDSHAKE: Duration = Duration::from_secs(5);
