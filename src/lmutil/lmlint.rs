//! `lmlint`.
mod human;
