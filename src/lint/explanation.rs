//! What a finding means at length: its cause, an example, and what to do.

mod attributes;
mod dates;
mod fields;
mod files;
mod layout;
mod lines;
mod options_lines;
mod options_together;
mod options_whole;
mod options_words;
mod servers;
mod signatures;

/// One finding explained.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Explanation {
    /// The finding's id.
    pub id: &'static str,
    /// How it comes about and what follows from it.
    pub cause: &'static str,
    /// The texts of one or more small license files, called `a.lic`, `b.lic` and so on, that have the finding. `SIGN=...`
    /// stands for the line's signature. Of a finding about options files those that do not begin with SERVER are options files, called
    /// `a.opt` and so on. Empty for what only long files have.
    pub example: &'static [&'static str],
    /// What to do.
    pub remedy: &'static str,
    /// The same files without the finding; empty where nothing of that kind can be written down.
    pub mended: &'static [&'static str],
}

/// Makes a table of explanations: id, cause, example, remedy, mended example.
macro_rules! table {
    ($($id:literal, $cause:literal, [$($example:expr),*], $remedy:literal, [$($mended:expr),*];)*) => {
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

/// Lines of vendor `acmed` below the SERVER and VENDOR lines of their file.
macro_rules! served {
    ($lines:literal) => {
        concat!("SERVER srv 0011aabbccdd 27000\nVENDOR acmed\n", $lines)
    };
}
use served;

/// All tables, by id.
const TABLES: [&[Explanation]; 12] = [
    layout::ALL,
    servers::ALL,
    fields::ALL,
    attributes::ALL,
    signatures::ALL,
    dates::ALL,
    lines::ALL,
    files::ALL,
    options_lines::ALL,
    options_words::ALL,
    options_together::ALL,
    options_whole::ALL,
];

/// All explanations, by id.
pub fn explanations() -> impl Iterator<Item = &'static Explanation> {
    TABLES.into_iter().flatten()
}

/// The explanation of the finding with this id.
#[must_use]
pub fn explain(id: &str) -> Option<&'static Explanation> {
    explanations().find(|explanation| explanation.id == id)
}
