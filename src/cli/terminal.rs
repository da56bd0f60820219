//! Output to the terminal. A reader that went away is not an error of ours; a full disk is.

use std::io::{self, ErrorKind, Write};
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether something did not reach standard output.
static LOST: AtomicBool = AtomicBool::new(false);

/// Writes text to standard output as it is. What can't be written is told on standard error and by the exit status.
pub fn print(text: &str) {
    let mut out = Output;
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// Standard output. A failure to write is remembered and told.
pub(super) struct Output;

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        io::stdout().lock().write(bytes).inspect_err(lost)
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stdout().lock().flush().inspect_err(lost)
    }
}

fn lost(error: &io::Error) {
    let is_ours = !matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::Interrupted);
    if is_ours && !LOST.swap(true, Ordering::Relaxed) {
        print_error(&format!("standard output: {error}\n"));
    }
}

/// Whether some text that was to be printed is lost.
pub(super) fn is_output_lost() -> bool {
    LOST.load(Ordering::Relaxed)
}

/// Writes text to standard error as it is.
pub fn print_error(text: &str) {
    let _ = io::stderr().lock().write_all(text.as_bytes());
}
