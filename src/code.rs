//! The one table of numbers, texts, remedies and exit statuses (`flexnet-tools.md` 4.2).
//!
//! Numbers down to -237 keep the meaning that administrators know. From -1001 downward they are our own. The minor
//! number says where in Seatkeeper a refusal arose ([`minor`]). `grammar/codes.md` is this table as text.

pub mod minor;

use std::fmt;

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $number:literal, $text:literal, $remedy:literal;)*) => {
        /// A main number with its text and remedy.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Code {
            $(#[doc = concat!("`", stringify!($number), "`: ", $text, ".")] $(#[$doc])* $name,)*
        }

        impl Code {
            /// Every code, by falling number.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The number, always negative.
            #[must_use]
            pub const fn number(self) -> i32 {
                match self { $(Self::$name => $number,)* }
            }

            /// The short text, without a full stop.
            #[must_use]
            pub const fn text(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// What the person who reads it can do.
            #[must_use]
            pub const fn remedy(self) -> &'static str {
                match self { $(Self::$name => $remedy,)* }
            }

            /// The code with this number, if it is one of ours.
            #[must_use]
            pub const fn from_number(number: i32) -> Option<Self> {
                match number { $($number => Some(Self::$name),)* _ => None }
            }
        }
    };
}

codes! {
    NoLicenseFile = -1, "Cannot find license file", "name a license file or port@host with -c, or set LM_LICENSE_FILE";
    BadLicenseSyntax = -2, "Invalid license file syntax", "correct the line that the message names";
    NoServerForFeature = -3, "No server for this feature", "add a SERVER line or use the file that has one";
    UsersReached = -4, "Licensed number of users already reached", "wait until a license is checked in; lmstat -a shows who holds them";
    NoSuchFeature = -5, "No such feature exists", "check the spelling; lmstat -a lists what the server has";
    BadSignature = -8, "Invalid (inconsistent) license key or signature", "restore the line as the publisher issued it";
    WrongHost = -9, "Invalid host", "use the license on the machine whose hostid it names";
    Expired = -10, "Feature has expired", "ask the publisher for a newer license";
    BadDate = -11, "Invalid date format in license file", "write dates as dd-mmm-yyyy, such as 31-dec-2027, or permanent";
    BadReturnedData = -12, "Invalid returned data from license server", "client and server do not fit together; update the older one";
    NoServerLine = -13, "No SERVER lines in license file", "add the SERVER line; counted features need one";
    NoServerHost = -14, "Cannot find SERVER host name in network database", "correct the host name or use its address";
    CannotConnect = -15, "Cannot connect to license server system", "check that the server runs and that port@host names it";
    CannotRead = -16, "Cannot read data from license server system", "try again; look into the server's log if it persists";
    CannotWrite = -17, "Cannot write data to license server system", "try again; look into the server's log if it persists";
    FeatureNotSupported = -18, "License server system does not support this feature", "the server's log says why the line is not served";
    FileVersion = -21, "License file does not support this version", "ask for a lower version or a newer license";
    CheckinFailed = -22, "Feature checkin failure detected at license server", "the seat was already checked in or removed";
    ServerBusy = -23, "License server system temporarily busy", "try again in a moment";
    UsersQueued = -24, "Users are queued for this feature", "ask with the queue, or try again when nobody waits; lmstat -a shows who does";
    VersionNotSupported = -25, "License server system does not support this version of this feature", "ask for a lower version or a newer license";
    TooManyRequested = -26, "Request for more licenses than this feature supports", "ask for fewer licenses at once";
    CannotReadFile = -30, "Cannot read license file", "check that the file exists and may be read";
    NotStarted = -31, "Feature start date is in the future", "wait for the START date of the line";
    ClockDifference = -34, "Clock difference too large between client and server", "set the clock of the machine that is wrong";
    InQueue = -35, "In the queue for this feature", "wait; lmstat -a shows who holds the licenses";
    Excluded = -38, "User/host on EXCLUDE list for feature", "ask the administrator of the license server; the message names the line of the options file";
    NotIncluded = -39, "User/host not on INCLUDE list for feature", "ask the administrator of the license server; the message names the line of the options file";
    NeverCheckedOut = -41, "Feature was never checked out", "check in only what this session has checked out";
    InvalidParameter = -42, "Invalid parameter", "correct the request";
    VendorTimeout = -52, "Vendor daemon did not respond within timeout interval", "look into the vendor daemon's log";
    NotAdministrator = -63, "You are not a license administrator", "use an account that can read admin.key of the server's state directory, or name the key with --admin-key";
    RemoveTooSoon = -64, "lmremove request before the minimum lmremove interval", "wait: the client has the license again since it was last taken away, so it lives";
    NoneToBorrow = -67, "No licenses to borrow", "wait until borrowed licenses come back, or use one without borrowing; BORROW_LOWWATER of the options file keeps some back";
    NotBorrowable = -68, "License BORROW support not enabled", "use the license without borrowing, or ask the publisher for one with BORROW";
    InternalError = -76, "Internal error - please report to vendor", "report it with the server's log";
    BadVersion = -77, "Bad version number - must be floating-point number with no letters", "write the version as a number such as 2.0";
    BadPackage = -82, "Invalid PACKAGE line in license file", "correct the PACKAGE line that the message names, or ask the publisher for a new one";
    ClientNewer = -83, "Version of client newer than server", "update lmgrd and the vendor daemon";
    NobodyNamed = -84, "USER_BASED license has no specified users - see server log", "name the users or hosts in INCLUDE lines of the options file";
    RequestNotSupported = -85, "License server system does not support this request", "update the server, or leave the request out";
    MaxExceeded = -87, "Checkout exceeds MAX specified in options file", "check licenses in, or ask the administrator of the license server";
    ClockSetBack = -88, "System clock has been set back", "set the clock of the license server's machine right; if it is right, say so with lmutil lmclock accept";
    WrongPlatform = -89, "This platform not authorized by license", "use the license on a platform that it names";
    FutureFormat = -90, "Future license file format or misspelling in license file", "correct the keyword that the message names";
    FeatureRemoved = -92, "Feature removed during lmreread, or wrong SERVER line hostid", "restore the line, or run the server on the machine that SERVER names";
    ThisHostFailed = -95, "Network connect to this_host failed", "replace this_host by the server's name in the client's copy of the file";
    ServerDown = -96, "License server machine is down or not responding", "start the server, or correct the host in LM_LICENSE_FILE";
    VendorDown = -97, "The desired vendor daemon is down", "look into lmgrd's log for the reason";
    BadDecimal = -99, "The decimal format license is typed incorrectly", "ask the publisher for the readable form of the license";
    LingerLicense = -100, "Cannot remove a linger license", "wait until it comes back by itself; lmstat -a shows when";
    AllReserved = -101, "All licenses are reserved for others", "wait, or ask the administrator of the license server for a reservation";
    BorrowTooLong = -104, "Cannot borrow that long", "ask for a sooner end; the message names the latest possible one";
    OutOfConnections = -106, "License server out of network connections", "close clients that are not needed, or raise the limit of open files";
    SignatureMissing = -114, "SIGN= keyword required, but missing from license", "ask the publisher for a signed line";
    BorrowFailed = -117, "BORROW failed", "the message says why; use the license without borrowing meanwhile";
    BorrowOver = -118, "BORROW period has expired", "borrow again while the server can be reached";
    LocalOnly = -119, "lmdown and lmreread must be run on license server machine", "log in to the server's machine";
    BorrowedOut = -120, "Cannot lmdown the server when licenses are borrowed", "wait until they are returned, or use lmdown -force on the server's machine: they stay borrowed";
    BorrowNotDeleted = -122, "Unable to delete local borrow info", "make the directory of borrow records writable";
    EarlyReturnOff = -123, "Support for returning a borrowed license early is not enabled", "keep the license until the borrow ends";
    ReturnFailed = -124, "An error occurred while returning a borrowed license to the server", "try again when the server can be reached";
    OnlyPackage = -125, "Attempt to checkout just a PACKAGE", "ask for a component of the package: that takes the package too";
    BorrowUnknown = -128, "Error, borrowed license doesn't match any known server license", "look at lmborrow -status and at the server that it was borrowed from";
    ConnectionLimit = -237, "Connection limit of the vendor daemon was reached", "close clients that are not needed, or ask the administrator to raise MAX_CONNECTIONS in the options file or the limit of open files";
    StoreUnavailable = -1001, "License server cannot record its history", "free space on the server's state directory or make it writable; it recovers by itself";
    AskAgain = -1002, "Request was not carried out", "ask again with a new request number";
    SessionEnded = -1003, "Session has ended", "start a new session and check out again";
    SessionTaken = -1004, "Session was resumed from elsewhere", "start a new session and check out again";
    BadProtocol = -1005, "Message violates the protocol", "compare the message with grammar/wire.md or grammar/line-protocol.abnf";
    LimitReached = -1006, "A limit of the server was reached", "send less at once, or close sessions that are not needed";
    Spent = -1007, "Request number was used already", "use a new, higher request number for each request";
    DemoRefused = -1008, "Demo license is not accepted by this application", "use a license of the publisher, or tell the application to accept demo licenses";
    ActionRefused = -1009, "Control request is switched off at this server", "stop the server by SIGTERM to lmgrd, or start it without -x";
    RereadIncomplete = -1010, "Not everything was taken over by the reread", "correct the files that the answer names and reread, or reread with --force";
    Inactive = -1011, "License was taken back as its user was idle", "check out again, and report activity; TIMEOUT of the options file says how long users may be idle";
    HoldLapsed = -1012, "The licenses that were held for the queued request were not taken in time", "ask again; a program that asks to be told can have them held for longer";
    UserRemoved = -1013, "License was taken back by an administrator", "check out again, or ask the administrator of the license server";
}

impl Code {
    /// The exit status of a tool that ends with this code: 256 + number, or 1 for our own numbers
    /// (`flexnet-tools.md` 2.3 and 4.2).
    #[must_use]
    pub fn exit_status(self) -> u8 {
        u8::try_from(256 + self.number()).unwrap_or(1)
    }
}

impl fmt::Display for Code {
    /// `Text. (-n)` is put together by those who know the minor number; this prints the text alone.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_unique_falling_and_found_again() {
        for pair in Code::ALL.windows(2) {
            assert!(pair[0].number() > pair[1].number(), "{pair:?}");
        }
        for &code in Code::ALL {
            assert_eq!(Code::from_number(code.number()), Some(code));
            assert!(!code.text().ends_with('.') && !code.remedy().is_empty());
        }
    }

    #[test]
    fn exit_status_is_256_plus_number() {
        assert_eq!(Code::UsersReached.exit_status(), 252);
        assert_eq!(Code::CannotConnect.exit_status(), 241);
        assert_eq!(Code::StoreUnavailable.exit_status(), 1);
    }
}
