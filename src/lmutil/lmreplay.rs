//! `lmreplay`: what would have been served differently under other license and options files.
//!
//! The records are read twice, as [`crate::replay`] asks: of a history as it is, beside a running daemon too; of a debug log by way
//! of [`crate::event::debug_log::read`].

mod csv;
mod human;
mod json;
mod rulebook;
mod source;

use std::path::PathBuf;
use std::time::Duration;

use jiff::tz::TimeZone;

use rulebook::Rulebook;
use source::Source;

use crate::ident::{FeatureName, PoolKey, Table, VendorName};
use crate::license::HostId;
use crate::replay::{Difference, Files, Held, Peak, Plan, Replay, Survey, Tally, Totals};
use crate::time::{CivilDate, Timestamp};

/// Where recorded requests come from.
#[derive(Debug, Clone)]
pub enum Recorded {
    /// The history in a state directory: that of a vendor, or one in which that of one vendor stands.
    History(PathBuf),
    /// A debug log, with the day of its first line in case it says none.
    DebugLog {
        /// The file.
        path: PathBuf,
        /// The day.
        first_day: CivilDate,
    },
}

/// The end of a span, as people write it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// A day as a whole.
    Day(CivilDate),
    /// A time of a day.
    Time(jiff::civil::DateTime),
}

/// What is wanted.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// Which requests.
    pub recorded: Recorded,
    /// Whose, if that is not clear from the place and the files.
    pub vendor: Option<VendorName>,
    /// License files to judge under; the recorded ones if there are none.
    pub licenses: Vec<PathBuf>,
    /// Options file to judge under; the recorded one if none.
    pub options: Option<PathBuf>,
    /// The first request.
    pub from: Option<Moment>,
    /// The last one.
    pub to: Option<Moment>,
    /// Where vendor manifests may be, besides the program's own directory.
    pub vendor_dirs: Vec<PathBuf>,
    /// Whether all lines count as signed.
    pub unsigned: bool,
    /// Hostids of the server, for recorded license files; this machine's if there are none.
    pub machine: Vec<HostId>,
    /// The server's zone; the recorded one if none.
    pub zone: Option<TimeZone>,
    /// How long newly granted seats are held; the median of their feature if none.
    pub held: Option<Duration>,
}

impl Wanted {
    /// Whether the recorded files are judged under, so that everything has to come out as recorded.
    #[must_use]
    pub fn is_exact(&self) -> bool {
        self.licenses.is_empty() && self.options.is_none()
    }
}

/// How the result is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// For people, with so many of the differences.
    Human(usize),
    /// One JSON object.
    Json,
    /// One line for each difference.
    Csv,
}

/// What a replay came to.
#[derive(Debug)]
struct Outcome {
    /// What was replayed, for people.
    what: String,
    vendor: VendorName,
    zone: TimeZone,
    exact: bool,
    pools_known: bool,
    /// The span that was asked for; none at an end that is open.
    span: (Option<Timestamp>, Option<Timestamp>),
    /// The first and the last record.
    covered: (Timestamp, Timestamp),
    totals: Totals,
    tally: Tally,
    recorded_peaks: Table<PoolKey, Peak>,
    /// How long newly granted seats were held, of the features that have any.
    held: Vec<(FeatureName, Duration, Held)>,
    /// The rules, in words.
    rules: Vec<String>,
    /// What else a reader should know.
    notes: Vec<String>,
}

impl Outcome {
    /// The recorded peak of a pool. A debug log has one for the whole feature.
    fn recorded_peak(&self, pool: &PoolKey) -> Option<&Peak> {
        if self.pools_known {
            return self.recorded_peaks.get(pool);
        }
        let of_feature = self.tally.peaks.keys().filter(|other| other.feature() == pool.feature());
        (of_feature.count() == 1).then(|| self.recorded_peaks.get(pool.feature()))?
    }

    /// An instant in the server's zone, to the second.
    fn local(&self, at: Timestamp) -> String {
        match jiff::Timestamp::from_millisecond(at.0) {
            Ok(instant) => instant.to_zoned(self.zone.clone()).strftime("%Y-%m-%d %H:%M:%S").to_string(),
            Err(_) => at.to_string(),
        }
    }

    /// Whether somebody would be served otherwise, or under the recorded files anything came out otherwise.
    fn differs(&self) -> bool {
        self.tally.differs() || (self.exact && !self.tally.kinds.is_empty())
    }
}

/// Replays and writes the result piece by piece. True if anything differs.
///
/// # Errors
/// What kept requests from being judged, one text each; something may have been written.
pub fn replay(wanted: &Wanted, format: Format, write: &mut dyn FnMut(&str)) -> Result<bool, Vec<String>> {
    let mut source = Source::find(wanted)?;
    let zone = source.zone(wanted).map_err(|problem| vec![problem])?;
    let begin =
        wanted.from.map(|moment| moment.begins(&zone)).transpose().map_err(|problem| vec![problem])?;
    let end = wanted.to.map(|moment| moment.ends(&zone)).transpose().map_err(|problem| vec![problem])?;
    if let (Some(begin), Some(end)) = (begin, end)
        && begin >= end
    {
        return Err(vec!["--from lies behind --to, so there is nothing between them".to_owned()]);
    }
    let from = begin.unwrap_or(Timestamp(i64::MIN));
    let mut survey = Survey::new(from..end.unwrap_or(Timestamp(i64::MAX)));
    let mut assumed = source.each(None, |record| Ok(survey.take(&record)))?;
    let (Some(covered), Some(begins)) = (survey.covered, survey.begins) else {
        return Err(vec![format!("{}: nothing is recorded in the time that was asked for", source.name())]);
    };
    let mut book = Rulebook::new(wanted, &source, &survey, zone.clone())?;
    let exact = wanted.is_exact();
    let pools_known = source.pools_known();
    let holding = survey.holding(wanted.held);
    let in_vain = std::mem::take(&mut survey.in_vain);
    let mut replay = Replay::new(Plan { exact, pools_known, holding: holding.clone(), in_vain });
    let vendor = book.vendor().clone();
    let show = Shown { zone: zone.clone() };
    let mut listing = Listing::begin(format, show, write);
    let mut files = survey.first_files.clone();
    let mut began = false;
    source.each(Some(survey.through), |record| {
        if record.first < begins {
            files = record.events.iter().filter_map(Files::of).next_back().or(files.take());
            replay.follow(record);
            return Ok(true);
        }
        if !began {
            began = true;
            replay.begin(book.rules(files.as_ref())?, record.at.max(from));
        }
        replay.judge(record, |files| book.rules(Some(files)))?;
        replay.found().for_each(|found| listing.take(&found));
        Ok(true)
    })?;
    let (totals, tally) = replay.finish();
    let mut notes = std::mem::take(&mut assumed);
    notes.extend(missing_beginning(&survey));
    notes.extend(book.take_notes());
    if totals.granted == 0 && totals.denied == 0 {
        notes.push("no request is recorded in this time, so nothing was judged".to_owned());
    }
    let granted = tally.features.iter().filter(|(_, counts)| counts.newly_granted > 0);
    let held = granted.map(|(name, _)| (name.clone(), holding.of(name).0, holding.of(name).1)).collect();
    let outcome = Outcome {
        what: source.name(),
        vendor,
        zone,
        exact,
        pools_known,
        span: (begin, end),
        covered,
        totals,
        tally,
        recorded_peaks: survey.peaks,
        held,
        rules: book.described(),
        notes,
    };
    listing.finish(&outcome);
    Ok(outcome.differs())
}

fn missing_beginning(survey: &Survey) -> Vec<String> {
    let mut notes = Vec::new();
    if survey.files_unknown_at_first && survey.first_files.is_some() {
        notes.push(
            "the record begins behind the start of the daemon: the files of the first start or reread in it stand for those \
             that held before"
                .to_owned(),
        );
    }
    if survey.unknown_returns > 0 {
        notes.push(format!(
            "{} seats were out before the record begins; until they came back they are missing in the replay",
            survey.unknown_returns
        ));
    }
    notes
}

impl Moment {
    fn begins(self, zone: &TimeZone) -> Result<Timestamp, String> {
        match self {
            Self::Day(day) => day.begins(zone).ok_or_else(|| format!("{day} lies outside the calendar")),
            Self::Time(time) => instant(time, zone),
        }
    }

    /// The first instant behind it.
    fn ends(self, zone: &TimeZone) -> Result<Timestamp, String> {
        match self {
            Self::Day(day) => day.ends(zone).ok_or_else(|| format!("{day} lies outside the calendar")),
            Self::Time(time) => instant(time, zone),
        }
    }
}

fn instant(time: jiff::civil::DateTime, zone: &TimeZone) -> Result<Timestamp, String> {
    let zoned = zone.to_zoned(time).map_err(|error| format!("{time}: {error}"))?;
    Ok(Timestamp(zoned.timestamp().as_millisecond()))
}

/// In which zone times are shown.
struct Shown {
    zone: TimeZone,
}

impl Shown {
    /// RFC 3339 with the offset of the zone.
    fn instant(&self, at: Timestamp) -> String {
        match jiff::Timestamp::from_millisecond(at.0) {
            Ok(instant) => {
                let zoned = instant.to_zoned(self.zone.clone());
                zoned.strftime("%Y-%m-%dT%H:%M:%S%.3f%:z").to_string()
            }
            Err(_) => at.to_string(),
        }
    }
}

/// The differences on their way out: nothing of them is kept but what people are shown below the sums.
struct Listing<'w> {
    format: Format,
    shown: Shown,
    write: &'w mut dyn FnMut(&str),
    kept: Vec<Difference>,
    many: u64,
}

impl<'w> Listing<'w> {
    fn begin(format: Format, shown: Shown, write: &'w mut dyn FnMut(&str)) -> Self {
        match format {
            Format::Human(_) => {}
            Format::Json => write(json::BEGIN),
            Format::Csv => write(csv::HEAD),
        }
        Self { format, shown, write, kept: Vec::new(), many: 0 }
    }

    fn take(&mut self, found: &Difference) {
        match self.format {
            Format::Human(most) if self.kept.len() < most => self.kept.push(found.clone()),
            Format::Human(_) => {}
            Format::Json => {
                let row = json::row(found, &self.shown);
                (self.write)(&format!("{}{row}", if self.many == 0 { "\n    " } else { ",\n    " }));
            }
            Format::Csv => (self.write)(&csv::row(found, &self.shown)),
        }
        self.many += 1;
    }

    fn finish(self, outcome: &Outcome) {
        match self.format {
            Format::Human(_) => (self.write)(&human::show(outcome, &self.kept, self.many)),
            Format::Json => (self.write)(&json::end(outcome, &self.shown, self.many)),
            Format::Csv => {}
        }
    }
}
