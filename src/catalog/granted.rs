//! What is taken for granted where license files are looked at and not served.

/// Checks that are left out. The default leaves out none, as a server must.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Granted {
    /// Lines count as signed, whatever stands in SIGN: for files of publishers whose keys are not known here.
    pub signatures: bool,
    /// Files count as being for this machine, whatever their SERVER lines say: for files of other machines, and for lines
    /// that came without SERVER lines.
    pub machine: bool,
}
