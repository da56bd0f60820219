//! Records as bytes, for the store.
