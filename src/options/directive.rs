//! What a sound line says.

use std::fmt;

use super::keyword::Keyword;
use crate::ident::{AddressPattern, Display, FeatureName, Host, Project, User, Version};
use crate::text::Span;
use crate::time::CivilDate;

/// A feature and the lines of it that are meant (`flexnet-files.md` 4.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeatureSpec {
    /// The feature or package.
    pub name: FeatureName,
    /// All of them must fit a license line; none means every line of the feature.
    pub modifiers: Vec<Modifier>,
    /// The whole of it.
    pub span: Span,
}

/// One condition on a license line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Modifier {
    /// `VERSION=`, compared as a number.
    Version(Version),
    /// `EXPDATE=`, compared as a date; none for a line that never expires.
    ExpDate(Option<CivilDate>),
    /// `HOSTID=`, compared as a hostid.
    HostId(String),
    /// Any other, compared as text.
    Text(TextModifier, String),
}

/// A modifier that is compared as text, exactly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "each is the attribute of a license line that it names")]
pub enum TextModifier {
    Key,
    Sign,
    Issuer,
    Notice,
    VendorString,
    DistInfo,
    UserInfo,
    AssetInfo,
    /// An activation; matches no license line of a file.
    Entitlement,
}

/// The name of a group; case-sensitive.
pub type GroupName = User;

/// Whom a line is about (`flexnet-files.md` 4.3).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Who {
    /// `USER`: the login name.
    User(User),
    /// `HOST`: host name or address.
    Host(HostName),
    /// `DISPLAY`.
    Display(Display),
    /// `INTERNET`: the address of the client's socket.
    Internet(AddressPattern),
    /// `PROJECT`: the value of the client's LM_PROJECT.
    Project(Project),
    /// `GROUP`: the login name is in this group.
    Group(GroupName),
    /// `HOST_GROUP`: the host is in this group.
    HostGroup(GroupName),
    /// `USER ALL_USERS` of a MAX line: each user for himself.
    AllUsers,
    /// `GROUP ALL_GROUPS` of a MAX line: each group for itself.
    AllGroups,
}

impl fmt::Display for Who {
    /// Type and name as a line writes them: `GROUP drawing`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(name) => write!(f, "USER {name}"),
            Self::Host(HostName::Name(name)) => write!(f, "HOST {name}"),
            Self::Host(HostName::Address(address)) => write!(f, "HOST {address}"),
            Self::Display(name) => write!(f, "DISPLAY {name}"),
            Self::Internet(address) => write!(f, "INTERNET {address}"),
            Self::Project(name) => write!(f, "PROJECT {name}"),
            Self::Group(name) => write!(f, "GROUP {name}"),
            Self::HostGroup(name) => write!(f, "HOST_GROUP {name}"),
            Self::AllUsers => f.write_str("USER ALL_USERS"),
            Self::AllGroups => f.write_str("GROUP ALL_GROUPS"),
        }
    }
}

/// A host by its name or by its address.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum HostName {
    /// A name; FQDN_MATCHING says how it is compared.
    Name(Host),
    /// An address or a pattern of one.
    Address(AddressPattern),
}

/// Which of the four lists a line adds to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "each is the keyword that it names")]
pub enum AccessList {
    Exclude,
    Include,
    ExcludeBorrow,
    IncludeBorrow,
}

impl AccessList {
    /// Whether the list denies those who are on it.
    #[must_use]
    pub const fn denies(self) -> bool {
        matches!(self, Self::Exclude | Self::ExcludeBorrow)
    }
}

/// A line of a list of those who may or may not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    /// Which list.
    pub list: AccessList,
    /// Which feature; none means all (EXCLUDEALL, INCLUDEALL).
    pub feature: Option<FeatureSpec>,
    /// Who. None if the line is damaged behind its feature's name: an INCLUDE then matches nobody but still closes the list, so that a
    /// mistake never opens what was to be closed (`flexnet-files.md` 6.2, DECISION).
    pub who: Option<Who>,
    /// Further names of the same type, which do not belong there: they have an effect on denying lists alone, so that a
    /// mistake never lets in who was to be kept out (`flexnet-files.md` 4.3, DECISION).
    pub surplus: Vec<Who>,
}

/// A log file (DEBUGLOG, REPORTLOG).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogFile {
    /// Its path as written.
    pub path: String,
    /// `+`: what is there is kept.
    pub append: bool,
    /// OBF_ADDMARK or HIDE_USER.
    pub hide_users: bool,
    /// AUTO_ROLLOVER, in megabytes.
    pub rollover_mb: Option<u32>,
}

/// A kind of line that NOLOG leaves out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "each is the word of the log that it names")]
pub enum LogEvent {
    In,
    Out,
    Denied,
    Queued,
    Unsupported,
    Upgrade,
    Dequeued,
}

/// What a line says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Directive {
    /// EXCLUDE, INCLUDE, their ALL and BORROW forms.
    Access(Access),
    /// `MAX`: at most so many licenses.
    Max {
        /// How many.
        count: u32,
        /// Of what.
        feature: FeatureSpec,
        /// Whose.
        who: Who,
    },
    /// `RESERVE`: so many licenses are set aside.
    Reserve {
        /// How many.
        count: u32,
        /// Of what.
        feature: FeatureSpec,
        /// For whom.
        who: Who,
    },
    /// `PRIORITY`, an extension: where somebody stands among those who wait.
    Priority {
        /// Higher goes first; who has no line has 0.
        rank: u32,
        /// For what.
        feature: FeatureSpec,
        /// Whose.
        who: Who,
    },
    /// `GROUP`.
    Group {
        /// The group.
        name: GroupName,
        /// Who is in it.
        members: Vec<User>,
    },
    /// `HOST_GROUP`.
    HostGroup {
        /// The group.
        name: GroupName,
        /// Which hosts are in it.
        members: Vec<HostName>,
    },
    /// `GROUPCASEINSENSITIVE`.
    GroupCaseInsensitive(bool),
    /// `FQDN_MATCHING`; true for LENIENT.
    FqdnLenient(bool),
    /// `AUTOMATIC_REREAD`.
    AutomaticReread(bool),
    /// A number for one feature: BORROW_LOWWATER, LINGER, MAX_BORROW_HOURS, MAX_OVERDRAFT, TIMEOUT.
    FeatureNumber {
        /// Which of them.
        keyword: Keyword,
        /// For what.
        feature: FeatureSpec,
        /// The number in the keyword's own unit.
        number: u32,
    },
    /// `TIMEOUTALL`, in seconds.
    TimeoutAll(u32),
    /// `MAX_CONNECTIONS`, within its range.
    MaxConnections(u32),
    /// `DAEMON_SELECT_TIMEOUT` in seconds, within its range; without effect.
    DaemonSelectTimeout(u32),
    /// `DEBUGLOG`.
    DebugLog(LogFile),
    /// `REPORTLOG`.
    ReportLog(LogFile),
    /// `NOLOG`.
    NoLog(LogEvent),
    /// A keyword of activation, which has no effect on licenses of files.
    Activation,
}
