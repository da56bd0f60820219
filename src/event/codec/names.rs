//! How names of people and machines are kept: as text in snapshots, as numbers of a table in the store.

use std::convert::Infallible;

use super::{CodecError, Reader, Writer};
use crate::event::Identity;

/// What a name names. The numbers are those of the store's table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NameKind {
    /// Login name.
    User = 1,
    /// Host name.
    Host = 2,
    /// Display.
    Display = 3,
    /// Project.
    Project = 4,
    /// Platform.
    Platform = 5,
    /// Hostid of a client's machine.
    HostId = 6,
    /// Network address of a client.
    Address = 7,
    /// Who ordered something: `ann@ws01`, or a signal.
    Actor = 8,
    /// Text that an application gave with a request.
    Data = 9,
}

impl NameKind {
    /// Every kind.
    pub const ALL: [Self; 9] = [
        Self::User,
        Self::Host,
        Self::Display,
        Self::Project,
        Self::Platform,
        Self::HostId,
        Self::Address,
        Self::Actor,
        Self::Data,
    ];

    /// Its number in the store's table.
    #[must_use]
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// The kind with this number.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.number() == number)
    }

    /// What stands for a name of this kind that was erased: a valid name that says so, different for each `id`.
    #[must_use]
    pub fn erased(self, id: u64) -> String {
        match self {
            Self::Address => "0.0.0.0".to_owned(),
            _ => format!("erased-{id}"),
        }
    }
}

/// Where names go when something is written.
pub trait PutNames {
    /// What can go wrong.
    type Error;

    /// Writes a name or something that stands for it.
    ///
    /// # Errors
    /// When the name can't be kept.
    fn put(&mut self, out: &mut Writer, kind: NameKind, text: &str) -> Result<(), Self::Error>;

    /// Writes once more what was written for a client, all of its names, if that was kept.
    fn repeat(&mut self, _out: &mut Writer, _identity: &Identity) -> bool {
        false
    }

    /// This was written for a client; it may be kept for the next time.
    fn keep(&mut self, _identity: &Identity, _written: &[u8]) {}
}

/// Where names come from when something is read.
pub trait TakeNames {
    /// What can go wrong.
    type Error: From<CodecError>;

    /// Reads what [`PutNames::put`] has written and hands the name to `make`.
    ///
    /// # Errors
    /// When the name is not known, or `make` fails.
    fn take<T>(
        &mut self,
        from: &mut Reader<'_>,
        kind: NameKind,
        make: impl FnOnce(&str) -> Result<T, CodecError>,
    ) -> Result<T, Self::Error>;
}

/// Names as text, where they stand.
#[derive(Debug, Clone, Copy, Default)]
pub struct InlineNames;

impl PutNames for InlineNames {
    type Error = Infallible;

    fn put(&mut self, out: &mut Writer, _kind: NameKind, text: &str) -> Result<(), Infallible> {
        out.str(text);
        Ok(())
    }
}

impl TakeNames for InlineNames {
    type Error = CodecError;

    fn take<T>(
        &mut self,
        from: &mut Reader<'_>,
        _kind: NameKind,
        make: impl FnOnce(&str) -> Result<T, CodecError>,
    ) -> Result<T, CodecError> {
        make(from.str("name")?)
    }
}
