//! Our own diagnostics: on standard error, and only when asked for; never in the debug log.

use tracing_subscriber::EnvFilter;

/// Names the diagnostics that are wanted, such as `debug` or `seatkeeper::lmgrd=trace`.
pub(super) const VARIABLE: &str = "SEATKEEPER_TRACE";

/// Begins to show diagnostics if [`VARIABLE`] is set.
pub(super) fn begin() {
    let Ok(wanted) = std::env::var(VARIABLE) else { return };
    let filter = EnvFilter::builder().parse_lossy(wanted);
    // Only fails when somebody else has begun before.
    let _ = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).try_init();
}
