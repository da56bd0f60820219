//! From lines to what they say. Every line is read for itself; what is wrong with it becomes diagnostics.

use super::directive::{Access, AccessList, Directive, FeatureSpec, LogEvent, LogFile, Who};
use super::file::{Line, LineKind, OptionLine, OptionsFile};
use super::finding;
use super::keyword::Keyword;
use super::lexis::{Lines, Logical, Shape, Word};
use super::{parse_who, spec};
use crate::ident::User;
use crate::text::{Finding, Reported, Reporter, Source, Span, nearest, shown};

/// Longer lines are read, but other servers don't (`flexnet-files.md` 4.1).
const LINE_CHARACTERS_MAX: usize = 4000;
/// Range of MAX_CONNECTIONS (`flexnet-files.md` 4.4).
const CONNECTIONS: (u32, u32) = (31, 1_000_000);
/// Range of DAEMON_SELECT_TIMEOUT in seconds (`flexnet-files.md` 4.4).
const SELECT_TIMEOUT: (u32, u32) = (1, 60);
/// Range of RESERVE counts: more reservations than this are refused by other servers.
const RESERVATIONS_MAX: u32 = 10_000;
/// The highest PRIORITY.
const PRIORITY_MAX: u32 = 1000;

impl OptionsFile {
    /// Reads a file. Never fails: a line with an error has the safest effect that it can have, or none, and a diagnostic. Takes
    /// time and memory in proportion to the text.
    #[must_use]
    pub fn parse(source: Source) -> Self {
        let text = source.text();
        let mut reader = Reader { reporter: Reporter::default() };
        let lines = if source.is_utf16() {
            reader
                .report(finding::UTF16, Span::new(0, 0), "the file is written in UTF-16")
                .help("save it as UTF-8 or plain text");
            vec![Line { span: Span::new(0, text.len()), kind: LineKind::Invalid }]
        } else {
            let begin = source.begin();
            let mut lines: Vec<Line> = Lines::new(text, begin)
                .map(|logical| Line { span: logical.span, kind: reader.line(text, &logical) })
                .collect();
            match lines.first_mut() {
                Some(first) => first.span.start = 0,
                None if begin > 0 => lines.push(Line { span: Span::new(0, begin), kind: LineKind::Blank }),
                None => {}
            }
            lines
        };
        let mut diagnostics = reader.reporter.into_diagnostics();
        diagnostics.sort_by_key(|found| found.span.start);
        Self { source, lines, diagnostics }
    }
}

/// Reads lines and collects what is wrong with them.
pub(super) struct Reader {
    reporter: Reporter,
}

impl Reader {
    /// Adds a diagnostic and hands it out, for its help.
    pub(super) fn report(
        &mut self,
        finding: Finding,
        span: Span,
        message: impl Into<String>,
    ) -> Reported<'_> {
        self.reporter.report(finding, span, message)
    }

    fn line(&mut self, text: &str, logical: &Logical<'_>) -> LineKind {
        match logical.shape {
            Shape::Blank => return LineKind::Blank,
            Shape::Comment => return LineKind::Comment,
            Shape::Words => {}
        }
        self.reporter.begin_line();
        let errors = self.reporter.errors();
        for (problem, span) in &logical.problems {
            let message = problem.meaning.trim_end_matches('.');
            self.report(*problem, *span, lower_first(message))
                .suggest(layout_help(problem).map(str::to_owned));
        }
        let layout_sound = self.reporter.errors() == errors;
        let written = text.get(logical.span.start..logical.span.end).unwrap_or_default();
        if written.len() > LINE_CHARACTERS_MAX && written.trim_end().chars().count() > LINE_CHARACTERS_MAX {
            let span = logical.words.first().map_or(logical.span, |word| word.span);
            let message = format!("this line has more than {LINE_CHARACTERS_MAX} characters");
            self.report(finding::LONG_LINE, span, message)
                .help("write several lines: GROUP lines of one name add up");
        }
        let Some((first, rest)) = logical.words.split_first() else { return LineKind::Blank };
        let Some(keyword) = Keyword::of(&first.text) else {
            self.unknown_keyword(first);
            return LineKind::Invalid;
        };
        if first.text.bytes().any(|byte| byte.is_ascii_lowercase()) {
            let message = format!("keyword {} is not written in capitals", keyword.as_str());
            self.report(finding::KEYWORD_CASE, first.span, message)
                .help(format!("write {}", keyword.as_str()));
        }
        let span = Span::new(first.span.start, rest.last().map_or(first.span.end, |last| last.span.end));
        let mut words = Words { keyword, keyword_span: first.span, rest };
        // A closed list stays closed whatever is wrong with its line; any other line must be sound to have an effect.
        match self.directive(&mut words) {
            Some(directive) if layout_sound || matches!(directive, Directive::Access(_)) => {
                LineKind::Option(Box::new(OptionLine { keyword, directive, span }))
            }
            _ => LineKind::Invalid,
        }
    }

    fn unknown_keyword(&mut self, word: &Word<'_>) {
        let meant = nearest(&word.text, Keyword::names());
        self.report(finding::UNKNOWN_KEYWORD, word.span, format!("unknown keyword {}", shown(&word.text)))
            .help(meant.map_or_else(
                || {
                    "a line begins with its keyword, such as INCLUDE or GROUP; a comment begins with #"
                        .to_owned()
                },
                |meant| format!("did you mean {meant}?"),
            ));
    }

    fn directive(&mut self, words: &mut Words<'_, '_>) -> Option<Directive> {
        use Keyword as K;
        let list = |list| Some(list);
        match words.keyword {
            K::Exclude => self.access(words, AccessList::Exclude, true),
            K::ExcludeAll => self.access(words, AccessList::Exclude, false),
            K::Include => self.access(words, AccessList::Include, true),
            K::IncludeAll => self.access(words, AccessList::Include, false),
            K::ExcludeBorrow => self.access(words, AccessList::ExcludeBorrow, true),
            K::IncludeBorrow => self.access(words, AccessList::IncludeBorrow, true),
            K::Max => self.limit(words).map(|(count, feature, who)| Directive::Max { count, feature, who }),
            K::Priority => self.limit(words).and_then(|(rank, feature, who)| {
                let everybody = matches!(who, Who::AllUsers | Who::AllGroups);
                (!everybody).then_some(Directive::Priority { rank, feature, who })
            }),
            K::Reserve => self
                .limit(words)
                .and_then(|(count, feature, who)| list(Directive::Reserve { count, feature, who })),
            K::Group => parse_who::group(self, words),
            K::HostGroup => parse_who::host_group(self, words),
            K::GroupCaseInsensitive => self.switch(words, "ON", "OFF").map(Directive::GroupCaseInsensitive),
            K::AutomaticReread => self.switch(words, "ON", "OFF").map(Directive::AutomaticReread),
            K::FqdnMatching => self.switch(words, "LENIENT", "EXACT").map(Directive::FqdnLenient),
            K::BorrowLowwater | K::Linger | K::MaxBorrowHours | K::MaxOverdraft | K::Timeout => {
                self.feature_number(words)
            }
            K::TimeoutAll => {
                let seconds = self.number(words, "seconds")?;
                self.warn_zero(words, seconds);
                self.end(words).then_some(Directive::TimeoutAll(seconds))
            }
            K::MaxConnections => self.clamped(words, CONNECTIONS).map(Directive::MaxConnections),
            K::DaemonSelectTimeout => {
                let seconds = self.clamped(words, SELECT_TIMEOUT)?;
                self.without_effect(words);
                Some(Directive::DaemonSelectTimeout(seconds))
            }
            K::DebugLog | K::ReportLog => self.log_file(words),
            K::NoLog => self.no_log(words),
            K::ActivationExpiryDays | K::ActivationLowwater => {
                words.next(self, "the entitlement")?;
                self.number(words, "the number")?;
                if !self.end(words) {
                    return None;
                }
                self.without_effect(words);
                Some(Directive::Activation)
            }
            K::ExcludeEntitlement | K::IncludeEntitlement => {
                words.next(self, "the entitlement")?;
                self.activation(words)
            }
            K::ExcludeAllEntitlement | K::IncludeAllEntitlement => self.activation(words),
        }
    }

    fn activation(&mut self, words: &mut Words<'_, '_>) -> Option<Directive> {
        let (who, _) = parse_who::who_and_surplus(self, words)?;
        if !matches!(who, Who::User(_) | Who::Host(_) | Who::Group(_) | Who::HostGroup(_)) {
            self.report(
                finding::TYPE_NOT_TAKEN,
                words.keyword_span,
                "this keyword takes USER, HOST, GROUP or HOST_GROUP",
            )
            .help("licenses of files are governed by EXCLUDE and INCLUDE, which take every type");
            return None;
        }
        self.without_effect(words);
        Some(Directive::Activation)
    }

    fn without_effect(&mut self, words: &Words<'_, '_>) {
        let message = format!("{} has no effect on licenses of files", words.keyword.as_str());
        self.report(finding::WITHOUT_EFFECT, words.keyword_span, message);
    }

    /// A line of a list. What is wrong behind the feature leaves a line that matches nobody.
    fn access(&mut self, words: &mut Words<'_, '_>, list: AccessList, featured: bool) -> Option<Directive> {
        let named = words.rest.first();
        let feature = if featured {
            match self.feature(words) {
                Some(feature) => Some(feature),
                // Which lines are meant is not known: the list closes all of the feature and lets nobody in.
                None if !list.denies() => {
                    let feature = named.and_then(spec::feature_alone)?;
                    return Some(Directive::Access(Access {
                        list,
                        feature: Some(feature),
                        who: None,
                        surplus: Vec::new(),
                    }));
                }
                None => return None,
            }
        } else {
            None
        };
        let (who, surplus) = match parse_who::who_and_surplus(self, words) {
            Some((who, surplus)) => (Some(who), surplus),
            // A damaged EXCLUDE has no effect that would be safe: only its error tells.
            None if list.denies() => return None,
            None => (None, Vec::new()),
        };
        Some(Directive::Access(Access { list, feature, who, surplus }))
    }

    /// `COUNT FEATURE TYPE NAME`; of PRIORITY the count is the rank.
    fn limit(&mut self, words: &mut Words<'_, '_>) -> Option<(u32, FeatureSpec, Who)> {
        let count_at = words.peek_span();
        let what = if words.keyword == Keyword::Priority { "the priority" } else { "the number of licenses" };
        let count = self.number(words, what)?;
        let feature = self.feature(words)?;
        let (who, surplus) = parse_who::who_and_surplus(self, words)?;
        let _ = surplus;
        if words.keyword == Keyword::Priority && !(1..=PRIORITY_MAX).contains(&count) {
            let message = format!("{count} is not a priority from 1 to {PRIORITY_MAX}");
            self.report(finding::NUMBER, count_at, message)
                .help("who has no line has priority 0; a higher number goes first");
            return None;
        }
        if words.keyword == Keyword::Reserve {
            if matches!(who, Who::AllUsers | Who::AllGroups) {
                return None;
            }
            if count == 0 || count > RESERVATIONS_MAX {
                let message = format!("{count} is not a number of reservations from 1 to {RESERVATIONS_MAX}");
                self.report(finding::NUMBER, count_at, message)
                    .help("leave the line out, or write a number of that range");
                return None;
            }
        }
        Some((count, feature, who))
    }

    fn feature(&mut self, words: &mut Words<'_, '_>) -> Option<FeatureSpec> {
        let word = words.next(self, "the feature")?;
        spec::feature_spec(self, word)
    }

    fn feature_number(&mut self, words: &mut Words<'_, '_>) -> Option<Directive> {
        let feature = self.feature(words)?;
        let number = self.number(words, "the number")?;
        if words.keyword == Keyword::Timeout {
            self.warn_zero(words, number);
        }
        let keyword = words.keyword;
        self.end(words).then_some(Directive::FeatureNumber { keyword, feature, number })
    }

    fn warn_zero(&mut self, words: &Words<'_, '_>, number: u32) {
        if number == 0 {
            let message = format!("{} 0 switches the timeout off", words.keyword.as_str());
            self.report(finding::NO_EFFECT_ZERO, words.keyword_span, message)
                .help("remove the line if there shall be none");
        }
    }

    fn number(&mut self, words: &mut Words<'_, '_>, what: &str) -> Option<u32> {
        let word = words.next(self, what)?;
        let digits = !word.text.is_empty() && word.text.bytes().all(|byte| byte.is_ascii_digit());
        let number = digits.then(|| word.text.parse().ok()).flatten();
        if number.is_none() {
            let syntax = format!("{} {}", words.keyword.as_str(), words.keyword.syntax());
            let message = format!("expected {what}, a whole number, instead of {}", shown(&word.text));
            let exchanged = matches!(words.keyword, Keyword::Max | Keyword::Reserve | Keyword::Priority)
                && words.rest.first().is_some_and(|next| next.text.bytes().all(|byte| byte.is_ascii_digit()));
            let why = if exchanged { "; the number stands before the feature" } else { "" };
            self.report(finding::NUMBER, word.span, message).help(format!("the line is: {syntax}{why}"));
        }
        number
    }

    fn clamped(&mut self, words: &mut Words<'_, '_>, (least, most): (u32, u32)) -> Option<u32> {
        let at = words.peek_span();
        let number = self.number(words, "the number")?;
        if !self.end(words) {
            return None;
        }
        let clamped = number.clamp(least, most);
        if clamped != number {
            let message = format!("{number} is outside of {least} to {most}; {clamped} is used");
            self.report(finding::NUMBER_CLAMPED, at, message).help(format!("write {clamped}"));
        }
        Some(clamped)
    }

    fn switch(&mut self, words: &mut Words<'_, '_>, yes: &str, no: &str) -> Option<bool> {
        let word = words.next(self, &format!("{yes} or {no}"))?;
        let is = |text: &str| word.text.eq_ignore_ascii_case(text);
        if !is(yes) && !is(no) {
            let message = format!("expected {yes} or {no} instead of {}", shown(&word.text));
            self.report(finding::SWITCH, word.span, message).help(format!(
                "the line is: {} {}",
                words.keyword.as_str(),
                words.keyword.syntax()
            ));
            return None;
        }
        self.end(words).then_some(is(yes))
    }

    fn log_file(&mut self, words: &mut Words<'_, '_>) -> Option<Directive> {
        let debug = words.keyword == Keyword::DebugLog;
        let word = words.next(self, "the path of the log")?;
        let (append, path) = match word.text.strip_prefix('+') {
            Some(path) => (true, path),
            None => (false, &*word.text),
        };
        if path.is_empty() {
            self.report(finding::WORD_MISSING, word.span, "the path of the log is missing")
                .help("write the path directly behind the +");
            return None;
        }
        let mut log = LogFile { path: path.to_owned(), append, hide_users: false, rollover_mb: None };
        while let Some(word) = words.take() {
            let is = |text: &str| word.text.eq_ignore_ascii_case(text);
            if is(if debug { "OBF_ADDMARK" } else { "HIDE_USER" }) && !log.hide_users {
                log.hide_users = true;
            } else if debug && is("AUTO_ROLLOVER") && log.rollover_mb.is_none() {
                log.rollover_mb = Some(self.number(words, "the size in megabytes")?);
            } else {
                let message = format!("{} does not take {}", words.keyword.as_str(), shown(&word.text));
                self.report(finding::ATTRIBUTE_UNKNOWN, word.span, message).help(format!(
                    "the line is: {} {}; quote a path with blanks",
                    words.keyword.as_str(),
                    words.keyword.syntax()
                ));
                return None;
            }
        }
        Some(if debug { Directive::DebugLog(log) } else { Directive::ReportLog(log) })
    }

    fn no_log(&mut self, words: &mut Words<'_, '_>) -> Option<Directive> {
        const EVENTS: [(&str, LogEvent); 7] = [
            ("IN", LogEvent::In),
            ("OUT", LogEvent::Out),
            ("DENIED", LogEvent::Denied),
            ("QUEUED", LogEvent::Queued),
            ("UNSUPPORTED", LogEvent::Unsupported),
            ("UPGRADE", LogEvent::Upgrade),
            ("DEQUEUED", LogEvent::Dequeued),
        ];
        let word = words.next(self, "the kind of log line")?;
        let event = EVENTS.into_iter().find(|(name, _)| word.text.eq_ignore_ascii_case(name));
        let Some((_, event)) = event else {
            let meant = nearest(&word.text, EVENTS.iter().map(|(name, _)| *name));
            self.report(finding::LOG_EVENT, word.span, format!("NOLOG does not know {}", shown(&word.text)))
                .help(meant.map_or_else(
                    || format!("it takes one of {}", words.keyword.syntax().replace('|', ", ")),
                    |meant| format!("did you mean {meant}?"),
                ));
            return None;
        };
        self.end(words).then_some(Directive::NoLog(event))
    }

    /// Whether no word is left; reports those that are.
    fn end(&mut self, words: &Words<'_, '_>) -> bool {
        let Some(surplus) = words.rest.first() else { return true };
        let span =
            Span::new(surplus.span.start, words.rest.last().map_or(surplus.span.end, |last| last.span.end));
        let (keyword, syntax) = (words.keyword.as_str(), words.keyword.syntax());
        self.report(finding::TOO_MANY_WORDS, span, format!("{keyword} takes no more words"))
            .help(format!("the line is: {keyword} {syntax}"));
        false
    }
}

/// The words of a line behind its keyword that have not been read yet.
pub(super) struct Words<'w, 'a> {
    pub(super) keyword: Keyword,
    pub(super) keyword_span: Span,
    pub(super) rest: &'w [Word<'a>],
}

impl<'w, 'a> Words<'w, 'a> {
    /// The next word, if there is one.
    pub(super) fn take(&mut self) -> Option<&'w Word<'a>> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(first)
    }

    /// The next word; reports what is missing if there is none.
    pub(super) fn next(&mut self, reader: &mut Reader, what: &str) -> Option<&'w Word<'a>> {
        let word = self.take();
        if word.is_none() {
            let (keyword, syntax) = (self.keyword.as_str(), self.keyword.syntax());
            reader
                .report(finding::WORD_MISSING, self.keyword_span, format!("{keyword} lacks {what}"))
                .help(format!("the line is: {keyword} {syntax}"));
        }
        word
    }

    /// Where the next word stands, or the keyword if there is none.
    pub(super) fn peek_span(&self) -> Span {
        self.rest.first().map_or(self.keyword_span, |word| word.span)
    }
}

/// The name of a group.
pub(super) fn group_name(reader: &mut Reader, word: &Word<'_>) -> Option<User> {
    match User::parse(&word.text) {
        Ok(name) => Some(name),
        Err(error) => {
            reader.report(finding::NAME, word.span, error.to_string());
            None
        }
    }
}

/// What to do about a mistake of layout.
fn layout_help(problem: &Finding) -> Option<&'static str> {
    [
        (finding::OPEN_QUOTE, "close the quote; names without blanks need none"),
        (finding::QUOTE_INSIDE_WORD, "put the quotes around the whole word"),
        (finding::TYPOGRAPHIC_QUOTE, "write the plain quote, or none if the name has no blanks"),
        (finding::NO_BREAK_SPACE, "write a plain blank; it comes from web pages and word processors"),
        (finding::CONTINUED_INTO_NOTHING, "remove the backslash, or the empty line or comment behind it"),
        (finding::BACKSLASH_IN_COMMENT, "put the backslash before the comment, or remove it"),
    ]
    .into_iter()
    .find(|(row, _)| row == problem)
    .map(|(_, help)| help)
}

fn lower_first(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map_or_else(String::new, |first| first.to_lowercase().chain(characters).collect())
}
