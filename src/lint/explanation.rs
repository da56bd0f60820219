//! What a finding means at length: its cause, an example, and what to do.

mod dates;

/// One finding explained.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Explanation {
    /// The finding's id.
    pub id: &'static str,
    /// How it comes about and what follows from it.
    pub cause: &'static str,
    /// The texts of one or more small license files, called `a.lic`, `b.lic` and so on, that have the finding: this one and no
    /// other. `SIGN=...` stands for the line's signature.
    pub example: &'static [&'static str],
    /// What to do.
    pub remedy: &'static str,
    /// The same files without the finding; empty where nothing of that kind can be written down.
    pub mended: &'static [&'static str],
}

/// Makes a table of explanations: id, cause, example, remedy, mended example.
macro_rules! table {
    ($($id:literal, $cause:literal, [$($example:literal),*], $remedy:literal, [$($mended:literal),*];)*) => {
        pub(super) const ALL: &[super::Explanation] = &[$(super::Explanation {
            id: $id,
            cause: $cause,
            example: &[$($example),*],
            remedy: $remedy,
            mended: &[$($mended),*],
        }),*];
    };
}
use table;

/// All tables, by id.
const TABLES: [&[Explanation]; 1] = [dates::ALL];

/// All explanations, by id.
pub fn explanations() -> impl Iterator<Item = &'static Explanation> {
    TABLES.into_iter().flatten()
}

/// The explanation of the finding with this id.
#[must_use]
pub fn explain(id: &str) -> Option<&'static Explanation> {
    explanations().find(|explanation| explanation.id == id)
}
