//! Tags of the fields in a frame's body. A tag means the same in every message.

/// Bit of a tag that says: whoever does not know this tag must refuse the message.
pub const CRITICAL: u16 = 0x8000;

macro_rules! tags {
    ($($(#[$doc:meta])* $name:ident = $number:literal;)*) => {
        $($(#[$doc])* pub const $name: u16 = $number;)*

        /// Every tag of this version with its name in `grammar/wire.md`.
        pub const ALL: &[(u16, &str)] = &[$(($number, stringify!($name))),*];
    };
}

tags! {
    /// Major version of the protocol, u8.
    MAJOR = 0x0001;
    /// Minor version of the protocol, u8.
    MINOR = 0x0002;
    /// Why a client connects, u8.
    PURPOSE = 0x0003;
    /// UTC time of the sender, i64 milliseconds since 1970.
    TIME = 0x0004;
    /// User name, text.
    USER = 0x0005;
    /// Host name, text.
    HOST = 0x0006;
    /// Display, text.
    DISPLAY = 0x0007;
    /// Project, text.
    PROJECT = 0x0008;
    /// Client platform, text.
    PLATFORM = 0x0009;
    /// A hostid, text; may be repeated.
    HOSTID = 0x000A;
    /// Process id, u32.
    PID = 0x000B;
    /// Vendor daemon, text.
    VENDOR = 0x000C;
    /// Session, 16 bytes.
    SESSION = 0x000D;
    /// Secret of the session, 32 bytes.
    SECRET = 0x000E;
    /// Epoch of the session, u32.
    EPOCH = 0x000F;
    /// The client's random value for one resume, 16 bytes.
    RESUME_NONCE = 0x0010;
    /// Name and version of the server program, text.
    PROGRAM = 0x0011;
    /// Lease, u32 seconds.
    LEASE = 0x0012;
    /// How often to send HEARTBEAT, u32 seconds.
    HEARTBEAT_INTERVAL = 0x0013;
    /// Close grace, u32 seconds.
    GRACE = 0x0014;
    /// The session was resumed; no value.
    RESUMED = 0x0015;
    /// Granted or served under the demo manifest; no value.
    DEMO = 0x0016;
    /// Handles that the session holds, 8 bytes each.
    HELD = 0x0017;
    /// A checkout that the session has lost, fields.
    LOST_ITEM = 0x0018;
    /// Request number in the session, u64.
    TOKEN = 0x0020;
    /// All answers up to this request number have arrived, u64.
    ACKNOWLEDGED = 0x0021;
    /// Feature, text.
    FEATURE = 0x0022;
    /// Version, text.
    VERSION = 0x0023;
    /// Number of licenses, u32.
    COUNT = 0x0024;
    /// Handle of a checkout, u64.
    HANDLE = 0x0025;
    /// How a request ended, u8.
    OUTCOME = 0x0026;
    /// Pool key, text.
    POOL = 0x0027;
    /// Digests of signed lines, 32 bytes each.
    LINES = 0x0028;
    /// Expiry, i64 milliseconds since 1970.
    EXPIRES = 0x0029;
    /// Digest of one signed line, 32 bytes.
    DIGEST = 0x002A;
    /// Canonical text of a line, text.
    CANONICAL = 0x002B;
    /// Value of SIGN=, text.
    SIGN = 0x002C;
    /// Number of a refusal, i32.
    CODE = 0x0030;
    /// Minor number of a refusal, u16.
    MINOR_CODE = 0x0031;
    /// The values behind a refusal, or another free text; may be repeated in a status answer.
    NOTE = 0x0032;
    /// What a notice is about, u8.
    NOTICE_KIND = 0x0033;
    /// With users; no value.
    USERS = 0x0040;
    /// About the daemon, fields.
    DAEMON_ITEM = 0x0041;
    /// About a feature, fields.
    FEATURE_ITEM = 0x0042;
    /// About a pool, fields.
    POOL_ITEM = 0x0043;
    /// About a user, fields.
    USER_ITEM = 0x0044;
    /// Port, u16.
    PORT = 0x0045;
    /// How the licenses of a feature are counted, u8.
    COUNT_KIND = 0x0046;
    /// Licenses issued, u32.
    ISSUED = 0x0047;
    /// Licenses in use, u32.
    IN_USE = 0x0048;
    /// What kind of pool, u8.
    POOL_KIND = 0x0049;
    /// Expiry date as lmstat prints it, text.
    EXPIRY_DATE = 0x004A;
    /// VENDOR_STRING, text.
    VENDOR_STRING = 0x004B;
    /// When a checkout began, i64 milliseconds since 1970.
    START = 0x004C;
    /// A license file of the server, text; may be repeated.
    FILE = 0x004D;
    /// About a vendor daemon, fields; may be repeated.
    VENDOR_ITEM = 0x004E;
    /// The daemon is up; no value.
    UP = 0x004F;
    /// What to do, u8.
    VERB = 0x0050;
    /// Even if somebody works; no value.
    FORCE = 0x0051;
    /// Random value of the server for one control request, 32 bytes.
    NONCE = 0x0052;
    /// Proof of the administrator's key, 32 bytes.
    PROOF = 0x0053;
    /// Where the administrator's key lies on the server, text.
    KEY_PATH = 0x0054;
    /// What was done, text.
    DONE_TEXT = 0x0055;
    /// A license file begins, fields; may be repeated.
    LICENSE_ITEM = 0x0056;
    /// The next bytes of the license file before it; may be repeated.
    LICENSE_BYTES = 0x0057;
    /// About the idle part of a reservation, fields.
    RESERVATION_ITEM = 0x0058;
    /// For whom a reservation is, text.
    HOLDER = 0x0059;
    /// By what checkouts are to share a license, u8.
    DUP_MASK = 0x0060;
    /// To wait until licenses are free, and how long to hold them then, u32 seconds.
    QUEUE = 0x0061;
    /// When a borrow shall end, i64 milliseconds.
    BORROW = 0x0062;
    /// How long the user has done nothing, u32 seconds.
    IDLE_S = 0x0063;
    /// Text of the application with a request, text.
    DATA = 0x0067;
    /// Who decides, where and when, fields.
    BASIS_ITEM = 0x0070;
    /// Time zone, text.
    TIMEZONE = 0x0071;
    /// A reread took the feature away; no value.
    REMOVED = 0x0072;
    /// A file that is in force begins, fields; may be repeated.
    GROUNDS_FILE_ITEM = 0x0073;
    /// What a file is used for, u8.
    ROLE = 0x0074;
    /// The next bytes of the file before it; may be repeated.
    GROUNDS_BYTES = 0x0075;
    /// About a session, fields; may be repeated.
    SESSION_ITEM = 0x0076;
    /// Address that a session comes from, text.
    ADDRESS = 0x0077;
    /// About a checkout of a session, fields; may be repeated.
    SEAT_ITEM = 0x0078;
    /// Handle that names the checkouts which share licenses, u64.
    GROUP = 0x0079;
    /// Seconds until a lingering license comes back, u32.
    LINGER_LEFT_S = 0x0080;
    /// Seconds for which a lingering license lingers in all, u32.
    LINGER_TOTAL_S = 0x0081;
    /// When a lingering license comes back, i64 milliseconds since 1970.
    LINGERS_UNTIL = 0x0082;
    /// Place in the queue, u32.
    POSITION = 0x0090;
    /// How long it may take, u32 seconds.
    WAIT = 0x0091;
    /// How long licenses are held, u32 seconds.
    HOLD = 0x0092;
    /// About a request that waits, fields.
    QUEUED_ITEM = 0x0093;
    /// About a request of a session that waits, fields; may be repeated.
    WAITING_ITEM = 0x0094;
    /// Until when nobody who came later may pass a request that waits, i64 milliseconds since 1970.
    BLOCKS_UNTIL = 0x0095;
    /// The handle of the checkout to come for which licenses are held, u64.
    OFFERED = 0x0096;
    /// Until when licenses are held, i64 milliseconds since 1970.
    HELD_UNTIL = 0x0097;
    /// What is held of the package that goes with licenses which are held, fields.
    HELD_PACKAGE_ITEM = 0x0098;
    /// User whose checkouts are meant, text.
    CLIENT_USER = 0x00A0;
    /// Host of those checkouts, text.
    CLIENT_HOST = 0x00A1;
    /// Display of those checkouts, text.
    CLIENT_DISPLAY = 0x00A2;
    /// Clock and time mark of the server, fields.
    CLOCK_ITEM = 0x00A8;
    /// The time mark of the server, i64 milliseconds since 1970.
    TIME_MARK = 0x00A9;
    /// When a clock that is ahead is believed, u32 seconds.
    BELIEVED_IN = 0x00AA;
    /// The machine was off since its clock and the time mark last agreed; no value.
    WAS_OFF = 0x00AB;
    /// For how many seconds a record of a borrow is good, u32; 0 for the whole time.
    BORROW_RENEW = 0x00B0;
    /// SHA-256 of the secret of a borrow, 32 bytes.
    BORROW_SECRET = 0x00B1;
    /// Until when a record of a borrow is good, i64 milliseconds.
    BORROWED_UNTIL = 0x00B2;
    /// When a borrow ends, i64 milliseconds.
    BORROW_ENDS = 0x00B3;
}

/// Tags that later minor versions will use. Until then they are like any unknown tag: a client that depends on one sets
/// the critical bit and is refused.
pub const RESERVED: &[(u16, &str)] =
    &[(0x0064, "AUTH_KEY_ID"), (0x0065, "AUTH_NONCE"), (0x0066, "AUTH_PROOF")];
