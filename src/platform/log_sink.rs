//! Lines for a log file or the screen, written by a thread of their own: a full disk or a stopped terminal must not
//! stop a server (`flexnet-tools.md` 3.13). Lines that can't be written are dropped and counted, and the count is
//! written when writing works again.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Lines that may wait for the writer.
const QUEUE_LINES: usize = 8192;

/// Opens a debug log: `+path` appends, a plain path starts empty. It is always written at its end, so that several
/// processes can share it and the file can be cut while in use.
///
/// # Errors
/// What the system said.
pub fn open_log(path: &Path, append: bool) -> io::Result<File> {
    let file = OpenOptions::new().create(true).append(true).open(path)?;
    if !append {
        file.set_len(0)?;
    }
    Ok(file)
}

/// Most bytes of lines written in one call: what POSIX lets a pipe take as a whole.
const BATCH_BYTES: usize = 4096;

enum Item {
    Line(String),
    /// Answered when all lines before it are written.
    Flush(SyncSender<()>),
    Then(Box<dyn FnOnce() + Send>),
}

/// The way to the writing thread. Clones share it.
#[derive(Clone)]
pub struct LogSink {
    queue: SyncSender<Item>,
    dropped: Arc<AtomicU64>,
}

impl std::fmt::Debug for LogSink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LogSink").field("dropped", &self.dropped).finish_non_exhaustive()
    }
}

impl LogSink {
    /// Starts the writing thread; it ends when the last clone is gone. `lost` makes the line that reports how many
    /// lines were dropped.
    ///
    /// # Errors
    /// The thread can't be started.
    pub fn start(
        target: impl Write + Send + 'static,
        lost: impl Fn(u64) -> String + Send + 'static,
    ) -> io::Result<(Self, JoinHandle<()>)> {
        let (queue, lines) = sync_channel(QUEUE_LINES);
        let dropped = Arc::new(AtomicU64::new(0));
        let sink = Self { queue, dropped: Arc::clone(&dropped) };
        let thread = std::thread::Builder::new()
            .name("log".to_owned())
            .spawn(move || write_lines(target, &lines, &dropped, &lost))?;
        Ok((sink, thread))
    }

    /// Hands a line over, without its end. Never waits: when the queue is full the line is dropped and counted.
    pub fn line(&self, text: impl Into<String>) {
        match self.queue.try_send(Item::Line(text.into())) {
            Ok(()) => {}
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {
                self.dropped.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// Runs something on the log's thread when every line so far is written, such as moving a cursor. Not run at all
    /// if the queue is full: the lines before it were dropped as well.
    pub fn then(&self, action: impl FnOnce() + Send + 'static) {
        let _ = self.queue.try_send(Item::Then(Box::new(action)));
    }

    /// Waits until all lines handed over so far are written or dropped, but not longer than `limit`: a terminal that
    /// was stopped must not keep a program from its end.
    pub fn flush(&self, limit: Duration) {
        let (done, wait) = sync_channel(1);
        let until = Instant::now() + limit;
        let mut item = Item::Flush(done);
        while let Err(TrySendError::Full(back)) = self.queue.try_send(item) {
            if Instant::now() >= until {
                return;
            }
            item = back;
            std::thread::sleep(Duration::from_millis(5));
        }
        let _ = wait.recv_timeout(until.saturating_duration_since(Instant::now()));
    }
}

fn write_lines(
    mut target: impl Write,
    lines: &Receiver<Item>,
    dropped: &AtomicU64,
    lost: &impl Fn(u64) -> String,
) {
    // What the last round took out of the queue but could not put into its batch.
    let mut next = None;
    while let Some(item) = next.take().or_else(|| lines.recv().ok()) {
        match item {
            Item::Line(line) => {
                let missing = dropped.load(Ordering::Relaxed);
                let report = if missing > 0 { format!("{}\n", lost(missing)) } else { String::new() };
                if !report.is_empty() && target.write_all(report.as_bytes()).is_ok() {
                    dropped.fetch_sub(missing, Ordering::Relaxed);
                }
                // Whole lines in one call, and no more than a pipe takes at once, keep several processes apart.
                let (mut batch, mut count) = (line + "\n", 1);
                while let Ok(item) = lines.try_recv() {
                    match item {
                        Item::Line(line) if batch.len() + line.len() < BATCH_BYTES => {
                            batch.push_str(&line);
                            batch.push('\n');
                            count += 1;
                        }
                        other => {
                            next = Some(other);
                            break;
                        }
                    }
                }
                if target.write_all(batch.as_bytes()).and_then(|()| target.flush()).is_err() {
                    dropped.fetch_add(count, Ordering::Relaxed);
                }
            }
            Item::Then(action) => action(),
            Item::Flush(done) => {
                let _ = target.flush();
                let _ = done.send(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::atomic::AtomicBool;

    use super::*;

    #[derive(Clone, Default)]
    struct Disk {
        written: Arc<Mutex<Vec<u8>>>,
        full: Arc<AtomicBool>,
    }

    impl Write for Disk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if self.full.load(Ordering::SeqCst) {
                return Err(io::Error::from(io::ErrorKind::StorageFull));
            }
            self.written.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn lines_lost_on_a_full_disk_are_counted_when_space_returns() {
        let disk = Disk::default();
        let (sink, thread) = LogSink::start(disk.clone(), |n| format!("{n} lines lost")).unwrap();
        sink.line("a");
        sink.flush(Duration::from_secs(10));
        disk.full.store(true, Ordering::SeqCst);
        sink.line("b");
        sink.line("c");
        sink.flush(Duration::from_secs(10));
        disk.full.store(false, Ordering::SeqCst);
        sink.line("d");
        drop(sink);
        thread.join().unwrap();
        assert_eq!(String::from_utf8_lossy(&disk.written.lock().unwrap()), "a\n2 lines lost\nd\n");
    }

    #[test]
    fn a_plain_path_starts_empty_and_a_plus_appends() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        open_log(&path, false).unwrap().write_all(b"1").unwrap();
        open_log(&path, true).unwrap().write_all(b"2").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"12");
        open_log(&path, false).unwrap().write_all(b"3").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"3");
    }
}
