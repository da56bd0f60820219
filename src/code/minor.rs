//! Minor numbers: one for each place where a refusal arises, so that a report names the place. Ranges: 100 license
//! files, 200 catalog and engine, 300 session and handshake, 400 store, 500 network, 600 control.

/// A minor number as a row of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Minor {
    /// The number, unique.
    pub number: u16,
    /// The name of its constant.
    pub name: &'static str,
    /// What arose, in one sentence.
    pub meaning: &'static str,
}

macro_rules! minors {
    ($(#[doc = $meaning:literal] $name:ident = $number:literal;)*) => {
        $(#[doc = $meaning] pub const $name: u16 = $number;)*

        /// Every minor number, rising.
        pub const ALL: &[Minor] =
            &[$(Minor { number: $number, name: stringify!($name), meaning: $meaning }),*];
    };
}

minors! {
    /// A feature line carries no signature of ours.
    LINE_UNSIGNED = 101;
    /// A feature line's signature does not fit its text.
    LINE_SIGNATURE_WRONG = 102;
    /// A feature line is signed by a key that the manifest does not know.
    LINE_KEY_UNKNOWN = 103;
    /// The client could not verify the line behind a grant.
    GRANT_NOT_VERIFIED = 104;
    /// The client accepts no demo licenses.
    GRANT_IS_DEMO = 105;
    /// A feature line is signed by a key that has retired.
    LINE_KEY_RETIRED = 106;
    /// No entry of the license search path could be used.
    PATH_EMPTY = 110;
    /// A file of the search path could not be read.
    FILE_UNREADABLE = 111;
    /// A file of the search path names no server.
    FILE_WITHOUT_SERVER = 112;
    /// No license line at all has the feature's name.
    NO_SUCH_FEATURE = 201;
    /// The name stands in the files, but none of its lines is served.
    LINES_NOT_SERVED = 202;
    /// The name's lines belong to a file with another machine's SERVER hostid.
    SERVER_HOSTID = 203;
    /// All pools of the feature have lower versions.
    VERSION_TOO_HIGH = 204;
    /// The lines of the pool start later.
    START_IN_FUTURE = 205;
    /// The lines of the pool have expired.
    LINE_EXPIRED = 206;
    /// The client has none of the hostids of the line.
    CLIENT_HOSTID = 207;
    /// More licenses at once than the pool has.
    REQUEST_TOO_LARGE = 208;
    /// All licenses of the pool are in use.
    POOL_IN_USE = 209;
    /// Checkin of a handle that the session does not hold.
    HANDLE_UNKNOWN = 210;
    /// An invariant of the engine would have been broken.
    INVARIANT = 211;
    /// An EXCLUDE line of the options file names the client.
    EXCLUDED = 212;
    /// The options file has an INCLUDE list for the feature, and the client is not on it.
    NOT_INCLUDED = 213;
    /// A MAX line of the options file allows the client no more.
    MAX_REACHED = 214;
    /// What is free is reserved for others by the options file.
    RESERVED = 215;
    /// The feature was served until the files were read again.
    FEATURE_REMOVED = 216;
    /// The line is for other platforms than the client's.
    CLIENT_PLATFORM = 217;
    /// A suite is taken with its components, never by itself.
    SUITE_ALONE = 218;
    /// No INCLUDE line names anybody for whom the line is.
    NOBODY_NAMED = 219;
    /// The user of a checkout was idle for longer than its timeout.
    USER_IDLE = 220;
    /// An administrator took the checkout or the waiting request away with lmremove.
    USER_REMOVED = 221;
    /// INCLUDE lines name the client, but behind as many others as the line is for.
    NAMED_BEYOND = 222;
    /// The first component of a suite reserves the others, of which too few are free.
    SUITE_REST = 223;
    /// What is free is reserved by a suite for users of its other components.
    SUITE_RESERVED = 224;
    /// Others wait for the pool, and may not be passed.
    QUEUE_AHEAD = 230;
    /// Licenses were held for a queued request until the time for it was over.
    HOLD_LAPSED = 231;
    /// The request waits in the queue.
    STILL_QUEUED = 232;
    /// Too many requests wait already.
    QUEUE_FULL = 233;
    /// The license can't be borrowed.
    NOT_BORROWABLE = 240;
    /// An EXCLUDE_BORROW line of the options file names the client.
    BORROW_EXCLUDED = 241;
    /// The options file has an INCLUDE_BORROW list for the feature, and the client is not on it.
    BORROW_NOT_INCLUDED = 242;
    /// The borrow would be longer than the license or the options file allows.
    BORROW_TOO_LONG = 243;
    /// The borrow would last longer than the license.
    BORROW_PAST_EXPIRY = 244;
    /// A BORROW_LOWWATER line keeps the rest of the licenses back.
    BORROW_LOWWATER = 245;
    /// The client names no hostid to which a borrow could be bound.
    BORROW_NO_HOSTID = 246;
    /// The borrow would end before it begins.
    BORROW_PAST = 247;
    /// The server knows no such borrow.
    BORROW_UNKNOWN = 248;
    /// An administrator wants the borrow back.
    BORROW_RECALLED = 249;
    /// The publisher does not allow early return.
    EARLY_RETURN_OFF = 250;
    /// The time of the borrow is over.
    BORROW_OVER = 251;
    /// The record of the borrow is damaged, or not for this machine or user.
    BORROW_RECORD_BAD = 252;
    /// The client's clock was set back since the record was used last.
    BORROW_CLOCK = 253;
    /// The client can't keep the record.
    BORROW_STORE = 254;
    /// Other programs of this machine use all borrowed licenses of the record.
    BORROW_IN_USE = 255;
    /// The request number was acknowledged or checked in before.
    TOKEN_SPENT = 301;
    /// Too many answers of the session are not acknowledged.
    TOKENS_OUTSTANDING = 302;
    /// Clocks differ by more than the first limit: `Destination unreachable`.
    CLOCK_UNREACHABLE = 303;
    /// Clocks differ by more than the second limit: `Message expired`.
    CLOCK_EXPIRED = 304;
    /// The session to resume has ended or was never known.
    SESSION_UNKNOWN = 305;
    /// The secret of the session to resume is wrong.
    SESSION_SECRET = 306;
    /// The session was resumed with a newer epoch.
    SESSION_EPOCH = 307;
    /// A request came before HELLO.
    NO_HELLO = 308;
    /// The peer speaks a major version that this program does not.
    PROTOCOL_VERSION = 309;
    /// A message could not be decoded.
    MALFORMED = 310;
    /// A message type is not known here.
    TYPE_UNKNOWN = 311;
    /// The peer was silent for longer than the handshake limit.
    HANDSHAKE_SLOW = 312;
    /// Too many sessions, connections or requests of one host or session.
    PEER_LIMIT = 313;
    /// The session's lease has lapsed.
    LEASE_LAPSED = 314;
    /// A request that needs a session came on a connection without one.
    NO_SESSION = 315;
    /// A field that must be understood is not known here.
    TAG_UNKNOWN = 316;
    /// A refusal came with a number that is not known here.
    CODE_UNKNOWN = 317;
    /// The wall clock of the server is more than a day behind its time mark, and the line expires.
    SERVER_CLOCK_BACK = 320;
    /// The history can't be written.
    STORE_FAILED = 401;
    /// The request's record was rolled back.
    ROLLED_BACK = 402;
    /// The writer can't keep up; the request was not taken.
    WRITER_BUSY = 403;
    /// No address of the host answered.
    CONNECT_FAILED = 501;
    /// The host name has no address.
    HOST_UNKNOWN = 502;
    /// The peer closed the connection before its answer.
    CLOSED_EARLY = 503;
    /// No answer within the time limit.
    ANSWER_TIMEOUT = 504;
    /// lmgrd knows no vendor daemon of this name.
    VENDOR_UNKNOWN = 505;
    /// lmgrd's vendor daemon is not running.
    VENDOR_DOWN = 506;
    /// The answer is not of the kind that was asked for.
    ANSWER_UNEXPECTED = 507;
    /// The proof of the administrator's key is wrong or missing.
    CONTROL_PROOF = 601;
    /// Control is allowed from the server's machine only.
    CONTROL_NOT_LOCAL = 602;
    /// Control was switched off with -x.
    CONTROL_OFF = 603;
    /// A reread could not be carried out.
    REREAD_FAILED = 604;
    /// A reread left the license files in force that held before.
    LICENSES_KEPT = 605;
    /// A reread left the rules of the options file in force that held before.
    OPTIONS_KEPT = 606;
    /// lmremove found nothing that it may take away.
    NOT_REMOVABLE = 607;
    /// Licenses are borrowed, so the server is not ended.
    BORROWED_OUT = 610;
}

#[cfg(test)]
mod tests {
    #[test]
    fn minor_numbers_are_unique() {
        for pair in super::ALL.windows(2) {
            assert!(pair[0].number < pair[1].number, "{pair:?}");
        }
    }
}
