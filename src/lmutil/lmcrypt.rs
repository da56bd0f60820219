//! What `lmcrypt` makes: new license files and changed manifests, as data and text. `cli` reads its arguments, and
//! writes its files.

pub mod day;
pub mod draft;
pub mod rotate;
pub mod template;
