//! What belongs to a document: the files that a server would read with it, and what it would serve.

use std::fmt::Write as _;

use crate::catalog::{Catalog, LineVerdict, Lot, Pool};
use crate::ident::VendorName;
use crate::license::{LicenseFile, Statement};
use crate::options::OptionsFile;
use crate::text::counted;
use crate::time::Timestamp;

/// Most lots of a pool that are told.
const LOTS_SHOWN_MAX: usize = 8;

/// The files about a document, itself among them, and what is served from them.
#[derive(Debug, Clone, Copy)]
pub struct Around<'a> {
    /// The license files.
    pub licenses: &'a [LicenseFile],
    /// The options files of their vendors.
    pub options: &'a [OptionsFile],
    /// What each vendor daemon would serve.
    pub served: &'a [Served],
    /// The instant at which licenses are counted.
    pub at: Timestamp,
}

/// What one vendor daemon would serve.
#[derive(Debug, Clone)]
pub struct Served {
    /// Whose daemon.
    pub vendor: VendorName,
    /// Whether keys of the vendor are known, so that signatures can be judged.
    pub known: bool,
    /// What it serves on this machine.
    pub catalog: Catalog,
    /// What it would serve if signatures and machine were right.
    pub granted: Catalog,
    /// Which of [`Around::licenses`] the files of the catalogs are.
    pub files: Vec<usize>,
}

impl Served {
    /// What became of a line, and what would become of it with signature and machine taken for granted.
    fn verdict(&self, file: usize, line: usize) -> Option<(&LineVerdict, Option<&LineVerdict>)> {
        let file = self.files.iter().position(|index| *index == file)?;
        let is_it = |verdict: &&LineVerdict| verdict.place.file == file && verdict.place.line == line;
        let real = self.catalog.verdicts().iter().find(is_it)?;
        Some((real, self.granted.verdicts().iter().find(is_it)))
    }
}

impl Around<'_> {
    /// The statements of a feature's name in all files: file, line and statement.
    pub(super) fn statements(&self, name: &str) -> impl Iterator<Item = (usize, usize, Statement<'_>)> {
        let lines = self.licenses.iter().enumerate().flat_map(|(index, file)| {
            file.lines.iter().enumerate().map(move |(number, line)| (index, number, line))
        });
        lines.filter_map(move |(file, number, line)| {
            let statement = Statement::of(&line.kind)?;
            (statement.name().as_str() == name).then_some((file, number, statement))
        })
    }

    /// What a server makes of a line, in Markdown; empty for lines that no vendor's catalog tells of.
    pub(super) fn fate(&self, file: usize, line: usize) -> String {
        let mut text = String::new();
        for served in self.served {
            let Some((real, granted)) = served.verdict(file, line) else { continue };
            if real.verdict.is_applied() {
                told(&mut text, real, &served.catalog, self.at);
                continue;
            }
            let _ = writeln!(text, "{}", real.verdict);
            if !served.known {
                let _ = writeln!(text, "\nNo key of vendor {} is known here.", served.vendor);
            }
            if let Some(granted) = granted.filter(|granted| granted.verdict.is_applied()) {
                text.push_str("\nOn its machine and with a good signature: ");
                told(&mut text, granted, &served.granted, self.at);
            }
        }
        text
    }

    /// The pools of a feature, in Markdown.
    pub(super) fn pools(&self, feature: &str) -> String {
        let mut text = String::new();
        for served in self.served {
            // What is wrong with signatures and machine is told at the license lines.
            for pool in served.granted.pools(feature) {
                let _ = writeln!(text, "- {}", summary(pool, self.at));
            }
            if let Some(unserved) = served.granted.unserved(feature) {
                let denial = unserved.denial();
                let _ = writeln!(
                    text,
                    "- not served ({},{}): {}",
                    denial.code.number(),
                    denial.minor,
                    denial.note
                );
            }
        }
        text
    }
}

/// A verdict, its notes, and the pools that the line gives licenses to.
fn told(text: &mut String, line: &LineVerdict, catalog: &Catalog, at: Timestamp) {
    let _ = writeln!(text, "{}", line.verdict);
    for note in &line.notes {
        let _ = writeln!(text, "\n{note}");
    }
    let is_own = |lot: &Lot| lot.place == line.place;
    let pools = catalog.features().flat_map(|name| catalog.pools(name.as_str()));
    let own: Vec<&Pool> = pools.filter(|pool| pool.lots.iter().any(is_own)).collect();
    if !own.is_empty() {
        text.push('\n');
    }
    for pool in own.into_iter().take(LOTS_SHOWN_MAX) {
        let _ = writeln!(text, "- {}", summary(pool, at));
    }
}

/// `solver 2.0: 12 licenses: 10 until 31-dec-2035 (a.lic:3), 2 permanent (a.lic:4)`.
fn summary(pool: &Pool, at: Timestamp) -> String {
    let mut text = format!("{} {}: ", pool.feature, pool.version.as_str());
    if pool.counted {
        let count = pool.count_at(at);
        let _ = write!(text, "{} now", counted(count, "license"));
    } else {
        text.push_str("uncounted");
    }
    for (index, lot) in pool.lots.iter().take(LOTS_SHOWN_MAX).enumerate() {
        text.push_str(if index == 0 { ": " } else { ", " });
        if pool.counted {
            let _ = write!(text, "{} ", lot.count);
        }
        if let Some(start) = lot.start {
            let _ = write!(text, "from {start} ");
        }
        match lot.expiry {
            crate::license::Expiry::Never => text.push_str("permanent"),
            crate::license::Expiry::On(day) => {
                let _ = write!(text, "until {day}");
            }
        }
        let file = lot.place.name.rsplit(['/', '\\']).next().unwrap_or_default();
        let _ = write!(text, " ({file}:{})", lot.place.number);
    }
    if pool.lots.len() > LOTS_SHOWN_MAX {
        let _ = write!(text, " and {}", counted(pool.lots.len() - LOTS_SHOWN_MAX, "more line"));
    }
    text
}
