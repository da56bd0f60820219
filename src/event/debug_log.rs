//! Events as the lines of the classic debug log (`flexnet-tools.md` 3).
