//! Steps and changes in words, with the lines that they are about.

use jiff::tz::TimeZone;

use super::holders::Holders;
use super::{ChangeTold, Cited, PoolTold, Question, ReservationTold, StepTold};
use crate::catalog::{LinePlace, Period, Pool};
use crate::license::LicenseFile;
use crate::options::{Directive, OptionLine, OptionsFile, Who};
use crate::policy::{Inclusion, Limit, LimitId, RuleId};
use crate::seat::{Room, Rules, Step, Tried, rules_of};
use crate::text::{are, counted};
use crate::time::CivilDate;

/// Most characters of a line's text that are shown.
const TEXT_CHARS_MAX: usize = 100;

/// What the words are found in.
pub(super) struct Words<'a> {
    pub(super) question: &'a Question,
    pub(super) zone: &'a TimeZone,
    pub(super) files: &'a [&'a LicenseFile],
    pub(super) options: Option<&'a OptionsFile>,
    pub(super) rules: Rules<'a>,
    pub(super) holders: Holders<'a>,
}

impl Words<'_> {
    pub(super) fn pool(&self, tried: &Tried<'_>) -> PoolTold {
        let asked = tried.asked().len();
        let steps = tried.steps.iter().enumerate();
        let mut told = PoolTold {
            key: tried.pool.key.as_str().to_owned(),
            lines: tried.pool.lots.iter().map(|lot| self.license_line(&lot.place)).collect(),
            decides: tried.decides,
            steps: steps
                .flat_map(|(at, step)| self.step(tried.pool, *step).into_iter().map(move |told| (at, told)))
                .map(|(at, told)| StepTold { asked: at < asked, ..told })
                .collect(),
            changes: tried.changes.iter().map(|change| self.change(tried.pool, change)).collect(),
        };
        if let Some(package) = &tried.package {
            let asked = tried.asks_package();
            let PoolTold { key, steps, changes, .. } = self.pool(package);
            let text = format!("each license takes one of {key} with it, which is asked in its turn:");
            let passes = steps.iter().all(|step| step.passes);
            told.steps.push(StepTold { asked, ..StepTold::plain("package", passes, text, Vec::new()) });
            let steps = steps.into_iter().map(|step| StepTold { asked: asked && step.asked, ..step });
            told.steps.extend(steps);
            let of_package = |change: ChangeTold| {
                let text = format!("of {key}, which goes with each license: {}", change.text);
                ChangeTold { text, ..change }
            };
            told.changes.extend(changes.into_iter().map(of_package));
        }
        told
    }

    fn license_line(&self, place: &LinePlace) -> Cited {
        let file = self.files.get(place.file);
        let line = file.and_then(|file| file.lines.get(place.line).map(|line| file.source.slice(line.span)));
        // The signature says nothing to a person.
        let words = line.unwrap_or_default().split_whitespace();
        let words = words.filter(|word| *word != "\\").take_while(|word| !word.starts_with("SIGN"));
        Cited { file: place.name.to_string(), line: place.number, text: shortened(words) }
    }

    fn option(&self, rule: RuleId) -> Option<&OptionLine> {
        let options = self.options?;
        let line = self.rules.policy.rule(rule)?.line;
        options.options().find(|option| options.source.place(option.span.start).line == line)
    }

    pub(super) fn cite(&self, rule: RuleId) -> Cited {
        let text = self.options.zip(self.option(rule)).map(|(file, line)| file.source.slice(line.span));
        Cited {
            file: self.options.map(|file| file.source.name().to_owned()).unwrap_or_default(),
            line: self.rules.policy.rule(rule).map_or(0, |rule| rule.line),
            text: shortened(text.unwrap_or_default().split_whitespace().filter(|word| *word != "\\")),
        }
    }

    /// The GROUP lines that make the client one of a rule's group.
    fn memberships(&self, rule: RuleId) -> Vec<Cited> {
        let (Some(options), Some(option)) = (self.options, self.option(rule)) else { return Vec::new() };
        let whos: Vec<&Who> = match &option.directive {
            Directive::Access(access) => access.who.iter().chain(&access.surplus).collect(),
            Directive::Max { who, .. } | Directive::Reserve { who, .. } | Directive::Priority { who, .. } => {
                vec![who]
            }
            _ => Vec::new(),
        };
        let user = self.question.identity.user.as_str();
        let of = |line: &&OptionLine, folded: bool| match &line.directive {
            Directive::Group { name, members } => {
                let named = whos.iter().any(|who| matches!(who, Who::Group(group) if group == name));
                let mut members = members.iter().map(crate::ident::User::as_str);
                named
                    && members.any(|member| {
                        member == user || (folded && member.to_lowercase() == user.to_lowercase())
                    })
            }
            _ => false,
        };
        let folded = options
            .options()
            .filter_map(|line| match line.directive {
                Directive::GroupCaseInsensitive(on) => Some(on),
                _ => None,
            })
            .last()
            .unwrap_or(false);
        let lines = options.options().filter(|line| of(line, folded));
        lines
            .map(|line| Cited {
                file: options.source.name().to_owned(),
                line: options.source.place(line.span.start).line,
                text: shortened(
                    options.source.slice(line.span).split_whitespace().filter(|word| *word != "\\"),
                ),
            })
            .collect()
    }

    fn with_memberships(&self, rule: RuleId) -> Vec<Cited> {
        let mut cited = vec![self.cite(rule)];
        cited.extend(self.memberships(rule));
        cited
    }

    pub(super) fn day(&self, at: crate::time::Timestamp) -> String {
        CivilDate::of(at, self.zone).map_or_else(|| at.to_string(), |day| day.to_string())
    }

    fn step(&self, pool: &Pool, step: Step) -> Vec<StepTold> {
        let request = &self.question.request;
        let passes = step.obstacle().is_none();
        let one = |name, text: String, rules| vec![StepTold::plain(name, passes, text, rules)];
        match step {
            Step::Package => {
                let text = "licenses of a suite go with those of its components, never by themselves";
                one("package", text.to_owned(), Vec::new())
            }
            Step::Platform { fits } => {
                let names = pool.platforms.as_deref().unwrap_or_default().join(" or ");
                let is = match (&self.question.identity.platform, fits) {
                    (_, true) => "the client's".to_owned(),
                    (Some(platform), false) => format!("the client's is {platform}"),
                    (None, false) => "the client has named none".to_owned(),
                };
                one("platform", format!("for {names}; {is}"), Vec::new())
            }
            Step::Version { enough: true } => {
                one("version", format!("{} or lower may be asked for", pool.version), Vec::new())
            }
            Step::Version { enough: false } => one(
                "version",
                format!("{} is asked for, at most {} is licensed", request.version, pool.version),
                Vec::new(),
            ),
            Step::Period(period) => self.period(pool, period),
            Step::HostId { fits } => {
                let ids: Vec<String> = pool.hostids.iter().map(ToString::to_string).collect();
                let text = match (pool.hostids.is_empty(), fits) {
                    (true, _) => "any client: the licenses float".to_owned(),
                    (false, true) => format!("locked to {}, which the client has", ids.join(" or ")),
                    (false, false) => format!("locked to {}, which the client has not", ids.join(" or ")),
                };
                one("hostid", text, Vec::new())
            }
            Step::Exclude { by: None } => {
                one("exclude", "no EXCLUDE line names the client".to_owned(), Vec::new())
            }
            Step::Exclude { by: Some(rule) } => {
                one("exclude", "an EXCLUDE line names the client".to_owned(), self.with_memberships(rule))
            }
            Step::Include(Inclusion { list: None, .. }) => {
                one("include", "there is no INCLUDE list, so everybody may".to_owned(), Vec::new())
            }
            Step::Include(Inclusion { by: Some(rule), .. }) => {
                one("include", "the INCLUDE list names the client".to_owned(), self.with_memberships(rule))
            }
            Step::Include(Inclusion { list: Some(rule), by: None }) => {
                let text = "no line of the INCLUDE list names the client; the list begins here".to_owned();
                one("include", text, vec![self.cite(rule)])
            }
            Step::Named { named, most, naming } => {
                let for_whom = most.map_or_else(String::new, |most| format!(" for {}", named.counted(most)));
                let is = format!("{}{for_whom}", named.attribute());
                match naming.by {
                    Some((place, rule)) => {
                        let text = format!("{is}; INCLUDE lines name the client as number {place}");
                        one("named", text, self.with_memberships(rule))
                    }
                    None if naming.names == 0 => {
                        one("named", format!("{is}; no INCLUDE line names any"), Vec::new())
                    }
                    None => {
                        let text = format!("{is}; no INCLUDE line names the client; the list begins here");
                        one("named", text, naming.list.iter().map(|rule| self.cite(*rule)).collect())
                    }
                }
            }
            Step::Borrow(None) => one("borrow", "it may be borrowed so".to_owned(), Vec::new()),
            Step::Borrow(Some(obstacle)) => {
                let (text, rule) = self.borrow_step(obstacle);
                one("borrow", text, rule.map(|rule| self.cite(rule)).into_iter().collect())
            }
            Step::Limit { id, used, .. } => {
                let Some(limit) = self.rules.policy.limit(id) else { return Vec::new() };
                let Some(used) = used else {
                    return one(
                        "max",
                        "this line does not concern the client".to_owned(),
                        vec![self.cite(limit.rule)],
                    );
                };
                vec![StepTold { passes, ..self.limit(id, limit, used) }]
            }
            Step::Uncounted => one("available", "uncounted licenses never run out".to_owned(), Vec::new()),
            Step::Count { count, .. } => one(
                "count",
                format!("{} asked for, the pool has {count}", licenses(u64::from(request.count.get()))),
                Vec::new(),
            ),
            Step::Priority { rank, by } => one(
                "priority",
                format!("in the queue the client has priority {rank}"),
                self.with_memberships(by),
            ),
            Step::Queue { ahead, may_pass } => {
                let may = if may_pass {
                    "who finds licenses free may pass them"
                } else {
                    "they may not be passed now"
                };
                one("queue", format!("requests that wait for it: {ahead}; {may}"), Vec::new())
            }
            Step::Rest { component, adds, room } => {
                let together = pool.package().map(|package| self.rules.catalog.reserved_together(package));
                let other = together.and_then(|pools| pools.get(component)).map_or("", |key| key.feature());
                let is = match room {
                    Room::Free => "of which enough is free",
                    Room::Overdraft => "of which enough is there as overdraft",
                    Room::Reserved => "of which what is free is reserved for others",
                    Room::Full => "of which too few are free",
                };
                let text = format!(
                    "the suite reserves its other components with the first: {} of {other}, {is}",
                    licenses(adds)
                );
                one("rest", text, Vec::new())
            }
            Step::Availability { in_use, adds, free, overdraft, idle, for_client, room } => {
                let mut text = format!("{in_use} in use, {free} free");
                let waited_for = self.holders.waited_for(pool);
                if waited_for > 0 {
                    text.push_str(&format!("; held for who waits: {waited_for}"));
                }
                if overdraft > 0 {
                    text.push_str(&format!(", {overdraft} more as overdraft where no pool has one free"));
                }
                if adds < u64::from(request.count.get()) {
                    text.push_str(&format!(
                        "; shared with a checkout that is out, so {adds} more {} needed",
                        are(adds)
                    ));
                }
                if idle.own > 0 || idle.others > 0 {
                    text.push_str(&format!(
                        "; idle reservations: {} for the client, {} for others, so the client may have {for_client}",
                        idle.own, idle.others
                    ));
                }
                if idle.others_of_suite > 0 {
                    text.push_str(&format!(
                        "; {} of them {} reserved for users of other components of the suite",
                        idle.others_of_suite,
                        are(idle.others_of_suite)
                    ));
                }
                let passes = matches!(room, Room::Free | Room::Overdraft);
                let reservations = self.reservations(pool);
                let rules = reservations.iter().map(|told| told.rule.clone()).collect();
                vec![StepTold {
                    users: self.holders.of_pool(pool),
                    reservations,
                    ..StepTold::plain("available", passes, text, rules)
                }]
            }
        }
    }

    fn period(&self, pool: &Pool, period: Period) -> Vec<StepTold> {
        let told = |name, passes, text| StepTold::plain(name, passes, text, Vec::new());
        let starts = pool.lots.iter().filter_map(|lot| lot.starts).min();
        let expiry = pool.lots.iter().max_by_key(|lot| lot.ends.map_or((1, None), |ends| (0, Some(ends))));
        let retired = expiry.and_then(|lot| lot.retirement);
        let last = match (retired, expiry) {
            (Some(end), _) => format!("the key {} counts until {}", end.key, end.day),
            (None, Some(lot)) if lot.ends.is_none() => "never expires".to_owned(),
            (None, lot) => {
                format!("valid through {}", lot.map(|lot| lot.expiry.to_string()).unwrap_or_default())
            }
        };
        if period == Period::Before {
            let date = starts.map(|starts| self.day(starts)).unwrap_or_default();
            return vec![told("start", false, format!("starts on {date}"))];
        }
        let last = match period {
            Period::Untrusted => format!("{last}, but the server's clock is set back"),
            _ => last,
        };
        vec![told("start", true, "has started".to_owned()), told("expiry", period == Period::Within, last)]
    }

    /// A MAX line that concerns the client.
    fn limit(&self, id: LimitId, limit: &Limit, used: u64) -> StepTold {
        let Question { request, identity, .. } = self.question;
        let text = format!(
            "{} allowed, {used} of them in use, {} more asked for",
            licenses(u64::from(limit.count)),
            request.count
        );
        let client = self.rules.policy.profile(identity, identity.address());
        StepTold {
            users: self.holders.of_limit(id, &client, &identity.user),
            ..StepTold::plain("max", true, text, self.with_memberships(limit.rule))
        }
    }

    /// The lines that reserve licenses in a pool.
    fn reservations(&self, pool: &Pool) -> Vec<ReservationTold> {
        let Rules { catalog, policy, usage } = self.rules;
        let rules = rules_of(catalog, policy, &pool.key);
        let ids = rules.into_iter().flat_map(|rules| &rules.reservations);
        let told = ids.filter_map(|id| {
            let reservation = policy.reservation(*id)?;
            Some(ReservationTold {
                rule: self.cite(reservation.rule),
                count: u64::from(reservation.count),
                idle: usage.idle_of(*id, policy),
                users: self.holders.of_reservation(pool, reservation),
            })
        });
        told.collect()
    }
}

impl StepTold {
    fn plain(name: &'static str, passes: bool, text: String, rules: Vec<Cited>) -> Self {
        Self { name, passes, asked: true, text, rules, users: Vec::new(), reservations: Vec::new() }
    }
}

pub(super) fn licenses(count: u64) -> String {
    counted(count, "license")
}

fn shortened<'a>(words: impl Iterator<Item = &'a str>) -> String {
    let text = words.collect::<Vec<_>>().join(" ");
    match text.char_indices().nth(TEXT_CHARS_MAX) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}
