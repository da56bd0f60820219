//! Lines for a log file or the screen, written by a thread of their own: a full disk or a stopped terminal must not
//! stop a server (`flexnet-tools.md` 3.13). Lines that can't be written are dropped and counted, and the count is
//! written when writing works again.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Lines and pages that may wait for the writer.
const QUEUE: usize = 8192;

/// How many bytes may wait for it.
const WAITING_BYTES_MAX: usize = 4 << 20;

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
    /// Whole lines with their ends, and how many they are.
    Lines(String, u64),
    /// Answered when all lines before it are written.
    Flush(SyncSender<()>),
    Then(Box<dyn FnOnce() + Send>),
}

/// The way to the writing thread. Clones share it.
#[derive(Clone)]
pub struct LogSink {
    queue: SyncSender<Item>,
    counts: Arc<Counts>,
}

/// What both ends of the queue count.
#[derive(Debug, Default)]
struct Counts {
    /// Bytes in the queue.
    waiting: AtomicUsize,
    /// Lines that were dropped and are not reported yet.
    dropped: AtomicU64,
}

impl std::fmt::Debug for LogSink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LogSink").field("counts", &self.counts).finish_non_exhaustive()
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
        let (queue, items) = sync_channel(QUEUE);
        let counts = Arc::new(Counts::default());
        let sink = Self { queue, counts: Arc::clone(&counts) };
        let thread = std::thread::Builder::new()
            .name("log".to_owned())
            .spawn(move || write_lines(target, &items, &counts, &lost))?;
        Ok((sink, thread))
    }

    /// Hands a line over, without its end. Never waits: when the queue is full the line is dropped and counted.
    pub fn line(&self, text: impl Into<String>) {
        self.lines(text.into() + "\n", 1);
    }

    /// Hands over so many lines, each with its end: their writer is woken once. As with [`Self::line`], all of them are dropped when
    /// the queue is full.
    pub fn lines(&self, text: String, count: u64) {
        let bytes = text.len();
        let waiting = self.counts.waiting.fetch_add(bytes, Ordering::Relaxed);
        // A text that is longer than all that may wait is taken when nothing else waits.
        let room = waiting == 0 || waiting.saturating_add(bytes) <= WAITING_BYTES_MAX;
        if !room || self.queue.try_send(Item::Lines(text, count)).is_err() {
            self.counts.waiting.fetch_sub(bytes, Ordering::Relaxed);
            self.counts.dropped.fetch_add(count, Ordering::Relaxed);
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
    items: &Receiver<Item>,
    counts: &Counts,
    lost: &impl Fn(u64) -> String,
) {
    // What the last round took out of the queue but could not put into its batch.
    let mut next = None;
    while let Some(item) = next.take().or_else(|| items.recv().ok()) {
        match item {
            Item::Lines(mut batch, mut count) => {
                let missing = counts.dropped.load(Ordering::Relaxed);
                let report = if missing > 0 { format!("{}\n", lost(missing)) } else { String::new() };
                if !report.is_empty() && target.write_all(report.as_bytes()).is_ok() {
                    counts.dropped.fetch_sub(missing, Ordering::Relaxed);
                }
                while let Ok(item) = items.try_recv() {
                    match item {
                        Item::Lines(text, more) if batch.len() + text.len() <= BATCH_BYTES => {
                            batch.push_str(&text);
                            count += more;
                        }
                        other => {
                            next = Some(other);
                            break;
                        }
                    }
                }
                let unwritten = write_batch(&mut target, &batch);
                if unwritten > 0 {
                    counts.dropped.fetch_add(unwritten.min(count), Ordering::Relaxed);
                }
                counts.waiting.fetch_sub(batch.len(), Ordering::Relaxed);
            }
            Item::Then(action) => action(),
            Item::Flush(done) => {
                let _ = target.flush();
                let _ = done.send(());
            }
        }
    }
}

/// Writes whole lines, no more in one call than a pipe takes at once: that keeps several processes apart. Tells how many lines could
/// not be written.
fn write_batch(target: &mut impl Write, batch: &str) -> u64 {
    let mut rest = batch.as_bytes();
    while !rest.is_empty() {
        let most = rest.get(..BATCH_BYTES).unwrap_or(rest);
        let whole = most.iter().rposition(|byte| *byte == b'\n');
        // One line that is longer goes as it is.
        let whole = whole.or_else(|| rest.iter().position(|byte| *byte == b'\n'));
        let (now, later) =
            rest.split_at_checked(whole.map_or(rest.len(), |end| end + 1)).unwrap_or((rest, &[]));
        if target.write_all(now).and_then(|()| target.flush()).is_err() {
            return rest.iter().filter(|byte| **byte == b'\n').fold(0, |lines, _| lines + 1);
        }
        rest = later;
    }
    0
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
    fn many_lines_are_written_as_one_and_never_torn() {
        #[derive(Clone, Default)]
        struct Calls(Arc<Mutex<Vec<Vec<u8>>>>);
        impl Write for Calls {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                self.0.lock().unwrap().push(bytes.to_vec());
                Ok(bytes.len())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let calls = Calls::default();
        let (sink, thread) = LogSink::start(calls.clone(), |n| format!("{n} lines lost")).unwrap();
        let long = "x".repeat(2 * BATCH_BYTES);
        let page: String = (0..1000).map(|number| format!("line {number}\n")).collect();
        sink.lines(page.clone(), 1000);
        sink.line(long.clone());
        sink.lines(String::new(), 0);
        sink.line("last");
        drop(sink);
        thread.join().unwrap();
        let calls = calls.0.lock().unwrap();
        assert_eq!(String::from_utf8(calls.concat()).unwrap(), format!("{page}{long}\nlast\n"));
        assert!(calls.iter().all(|call| call.ends_with(b"\n")));
        assert!(calls.iter().all(|call| call.len() <= BATCH_BYTES || call.len() == long.len() + 1));
        assert!(calls.len() < 8, "{}", calls.len());
    }

    #[test]
    fn lines_beyond_what_may_wait_are_counted() {
        /// A terminal that was stopped, until it is let go on. It tells when it is written to.
        struct Stopped(SyncSender<()>, Receiver<()>, Arc<Mutex<Vec<u8>>>);
        impl Write for Stopped {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                let _ = self.0.try_send(());
                let _ = self.1.recv();
                self.2.lock().unwrap().extend_from_slice(bytes);
                Ok(bytes.len())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let written = Arc::default();
        let ((tell, told), (go_on, stopped)) = (sync_channel(1), sync_channel(0));
        let target = Stopped(tell, stopped, Arc::clone(&written));
        let (sink, thread) = LogSink::start(target, |n| format!("{n} lines lost")).unwrap();
        let half = "x\n".repeat(WAITING_BYTES_MAX / 4);
        sink.lines(half.clone(), 1);
        told.recv().unwrap();
        sink.lines(half.clone(), 1);
        sink.lines("a\nb\n".to_owned(), 2);
        drop(go_on);
        sink.flush(Duration::from_secs(10));
        sink.line("c");
        drop(sink);
        thread.join().unwrap();
        let text = String::from_utf8(written.lock().unwrap().clone()).unwrap();
        assert!(text == format!("{half}2 lines lost\n{half}c\n"));
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
