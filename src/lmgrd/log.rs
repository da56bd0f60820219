//! lmgrd's part of the debug log: the texts of start and end (`flexnet-tools.md` 3.3, 3.9).

use std::sync::Arc;

use crate::describe_version;
use crate::event::debug_log::{LogStyle, license_manager_block};
use crate::platform::LogSink;
use crate::time::{Clock, Now};

/// The name between the parentheses.
pub(super) const DAEMON: &str = "lmgrd";

/// The product as the log names it.
pub(super) const PRODUCT: &str = "Seatkeeper";

/// Writes lmgrd's lines. Clones share the writer.
#[derive(Clone)]
pub(super) struct Log {
    sink: LogSink,
    style: Arc<LogStyle>,
    clock: Arc<dyn Clock>,
}

/// What the start block tells.
pub(super) struct StartFacts<'a> {
    pub(super) version: &'a str,
    pub(super) host: &'a str,
    pub(super) port: u16,
    pub(super) files: &'a [String],
    pub(super) arguments: &'a str,
    pub(super) local_only: bool,
}

impl Log {
    pub(super) fn new(sink: LogSink, style: LogStyle, clock: Arc<dyn Clock>) -> Self {
        Self { sink, style: Arc::new(style), clock }
    }

    pub(super) fn now(&self) -> Now {
        self.clock.now()
    }

    /// A line with prefix.
    pub(super) fn say(&self, message: &str) {
        self.sink.line(self.style.line(self.clock.now().utc, message));
    }

    /// A line without prefix.
    pub(super) fn plain(&self, line: &str) {
        self.sink.line(line);
    }

    pub(super) fn timestamp(&self) {
        self.say(&self.style.timestamp(self.clock.now().utc));
    }

    /// The first lines of a log, before any file is read.
    pub(super) fn notice(&self) {
        let rule = "-".repeat(47);
        for line in [
            rule.as_str(),
            "  Please Note:",
            "",
            "  This log tells administrators what the license server does.",
            "  It is not a record of usage: lines may change from version",
            "  to version. The history in the state directory is the record.",
            "",
            rule.as_str(),
            "",
            "",
        ] {
            self.say(line);
        }
        self.say(&format!("Server's System Date and Time: {}", self.style.long_date(self.clock.now().utc)));
    }

    /// The lines once the port is open.
    pub(super) fn started(&self, facts: &StartFacts<'_>) {
        let now = self.clock.now().utc;
        let pid = std::process::id();
        self.say(&format!(
            "{PRODUCT} ({}) started on {} ({}) ({})",
            describe_version(facts.version),
            facts.host,
            std::env::consts::OS,
            self.style.short_date(now)
        ));
        self.say("Copyright (c) 2026 the Seatkeeper developers. All Rights Reserved.");
        if facts.local_only {
            self.say("lmdown/lmreread only allowed on this machine");
        }
        let files = facts.files.join(" ");
        self.say(&format!("License file(s): {files}"));
        self.say(&format!("lmgrd tcp-port {}", facts.port));
        for line in
            license_manager_block(&self.style, now, pid, facts.version, facts.port, facts.arguments, &files)
        {
            self.say(&line);
        }
        self.say("Starting vendor daemons ... ");
    }
}
