//! Names: features, vendors, users, hosts, displays, projects, platforms, pools.

use std::fmt;
use std::sync::Arc;

use thiserror::Error;

/// Longest name that is accepted from a file or a peer, in bytes.
pub const NAME_BYTES_MAX: usize = 255;

/// Why a text can't be a name.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NameError {
    /// No character at all.
    #[error("{what} is empty")]
    Empty {
        /// Which noun was being made, such as `user name`.
        what: &'static str,
    },
    /// More than [`NAME_BYTES_MAX`] bytes.
    #[error("{what} has {bytes} bytes; at most {NAME_BYTES_MAX} are accepted")]
    TooLong {
        /// Which noun was being made.
        what: &'static str,
        /// How long it was.
        bytes: usize,
    },
    /// A control character, or a blank where blanks are not allowed.
    #[error("{what} contains the character {found:?}, which is not allowed there")]
    BadCharacter {
        /// Which noun was being made.
        what: &'static str,
        /// The character.
        found: char,
    },
}

fn check(what: &'static str, text: &str, blanks: bool) -> Result<(), NameError> {
    if text.is_empty() {
        return Err(NameError::Empty { what });
    }
    if text.len() > NAME_BYTES_MAX {
        return Err(NameError::TooLong { what, bytes: text.len() });
    }
    match text.chars().find(|c| c.is_control() || (c.is_whitespace() && !(blanks && *c == ' '))) {
        Some(found) => Err(NameError::BadCharacter { what, found }),
        None => Ok(()),
    }
}

macro_rules! name {
    ($(#[$doc:meta])* $type:ident, $what:literal, blanks: $blanks:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $type(Arc<str>);

        impl $type {
            /// Checks and keeps a name.
            ///
            /// # Errors
            /// [`NameError`] when it is empty, too long or has a forbidden character.
            pub fn parse(text: &str) -> Result<Self, NameError> {
                check($what, text, $blanks)?;
                Ok(Self(Arc::from(text)))
            }

            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// The shared text behind the name, for tables that keep many of them.
            #[must_use]
            pub fn shared(&self) -> Arc<str> {
                Arc::clone(&self.0)
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($type), "({:?})"), &*self.0)
            }
        }

        impl std::borrow::Borrow<str> for $type {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl std::str::FromStr for $type {
            type Err = NameError;
            fn from_str(text: &str) -> Result<Self, NameError> {
                Self::parse(text)
            }
        }
    };
}

name!(
    /// A feature, as it stands on FEATURE and INCREMENT lines; case-sensitive, no blanks (`flexnet-files.md` 1.5).
    FeatureName, "feature name", blanks: false
);
name!(
    /// A publisher's daemon, as it stands on VENDOR lines; case-sensitive.
    VendorName, "vendor name", blanks: false
);
name!(
    /// Login name that a client claims; may contain blanks.
    User, "user name", blanks: true
);
name!(
    /// Host name that a client claims.
    Host, "host name", blanks: false
);
name!(
    /// Display that a client claims: tty, X display or a host name.
    Display, "display name", blanks: false
);
name!(
    /// Value of the client's `LM_PROJECT`.
    Project, "project name", blanks: true
);
name!(
    /// Client platform name such as `x64_lsb`.
    Platform, "platform name", blanks: false
);
name!(
    /// Text that an application gives with a request: DUP_GROUP=V compares it.
    CheckoutData, "checkout data", blanks: true
);

/// A pool by all its keys (`flexnet-files.md` 3.1), as text: the feature name, a blank, the version, then a blank and
/// each further key. Made by the catalog; the engine only compares it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PoolKey(Arc<str>);

impl PoolKey {
    /// Takes a key that the catalog has put together or that the history has kept.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(Arc::from(text))
    }

    /// The whole key.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The feature whose pool this is.
    #[must_use]
    pub fn feature(&self) -> &str {
        self.0.split(' ').next().unwrap_or_default()
    }
}

impl fmt::Display for PoolKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for PoolKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PoolKey({:?})", &*self.0)
    }
}

impl std::borrow::Borrow<str> for PoolKey {
    fn borrow(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_no_line_breaks() {
        assert!(User::parse("Ann Lee").is_ok());
        assert!(User::parse("ann\nOUT:").is_err());
        assert!(Host::parse("my host").is_err());
        assert!(FeatureName::parse("").is_err());
        assert!(Display::parse(&"x".repeat(256)).is_err());
    }

    #[test]
    fn a_pool_key_begins_with_its_feature() {
        assert_eq!(PoolKey::new("f1 2 BORROW=168").feature(), "f1");
    }
}
