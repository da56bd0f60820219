//! Lines that are written together.

use super::LogStyle;
use crate::time::Timestamp;

/// Lines of one daemon, each with its end, until they are taken. A busy daemon writes thousands in a second, so what stands before
/// them is made once for each second.
#[derive(Debug)]
pub struct Page {
    style: LogStyle,
    /// The second that the prefix tells, counted from 1970.
    second: Option<i64>,
    prefix: String,
    text: String,
    lines: u64,
}

impl Page {
    /// An empty page of a daemon.
    #[must_use]
    pub fn new(style: LogStyle) -> Self {
        Self { style, second: None, prefix: String::new(), text: String::new(), lines: 0 }
    }

    /// How its lines look.
    #[must_use]
    pub fn style(&self) -> &LogStyle {
        &self.style
    }

    /// Adds a line: `9:49:41 (LGS) message`.
    pub fn line(&mut self, at: Timestamp, message: &str) {
        // A zone changes between two seconds and not within one.
        let second = at.0.div_euclid(1000);
        if self.second != Some(second) {
            self.prefix = self.style.line(at, "");
            self.second = Some(second);
        }
        self.text.push_str(&self.prefix);
        self.text.push_str(message);
        self.text.push('\n');
        self.lines += 1;
    }

    /// How many bytes its lines have.
    #[must_use]
    pub fn len(&self) -> usize {
        self.text.len()
    }

    /// Whether no line is on it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lines == 0
    }

    /// Its lines and how many they are; it is empty then.
    #[must_use]
    pub fn take(&mut self) -> (String, u64) {
        let next = String::with_capacity(self.text.len());
        (std::mem::replace(&mut self.text, next), std::mem::take(&mut self.lines))
    }
}
