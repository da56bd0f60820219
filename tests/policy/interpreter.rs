//! Rules as values, and what the reference says of them, the slow way.

use std::fmt;

use crate::Dice;

/// The licenses of every file: two pools of fx, one of fy, the components of a bundle, one for two users and one for three hosts.
pub(crate) const LINES: &str = "INCREMENT fx LGS 1.0 permanent 3 ISSUER=one\nINCREMENT fx LGS 1.0 31-dec-2030 2\n\
     INCREMENT fx LGS 2.0 permanent 4\nINCREMENT fy LGS 2.0 permanent 5\n\
     PACKAGE pk LGS 1.0 COMPONENTS=\"ca cb\"\nINCREMENT pk LGS 1.0 permanent 3\n\
     INCREMENT fu LGS 2.0 permanent 4 USER_BASED=2\nINCREMENT fh LGS 2.0 permanent 3 HOST_BASED\n";

/// The pools: feature, version in tenths, licenses.
pub(crate) const POOLS: [(&str, u32, u32); 7] =
    [("fx", 10, 5), ("fx", 20, 4), ("fy", 20, 5), ("ca", 10, 3), ("cb", 10, 3), ("fu", 20, 4), ("fh", 20, 3)];

/// For how many users or hosts a pool is; none if it is for everybody.
fn named(pool: usize) -> Option<(&'static str, u64)> {
    match pool {
        5 => Some(("users", 2)),
        6 => Some(("hosts", 3)),
        _ => None,
    }
}

const USERS: [&str; 5] = ["ann", "Ann", "bob", "cid", "dan"];
const HOSTS: [&str; 5] = ["h1", "h2", "h2.abc.com", "h2.xyz.com", "H1"];
const DISPLAYS: [&str; 2] = ["/dev/tty", ":0"];
const PROJECTS: [&str; 2] = ["mars", "Mars"];
const ADDRESSES: [&str; 4] = ["10.1.2.3", "10.1.9.9", "10.2.2.3", "192.168.5.20"];
const PATTERNS: [&str; 5] = ["10.1.*.*", "10.1.2.3", "*.*.2.3", "192.168.5.*", "10.*.2.*"];
const GROUPS: [&str; 3] = ["G", "g", "H"];
const HOST_GROUPS: [&str; 2] = ["W", "V"];

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Client {
    pub(crate) user: &'static str,
    pub(crate) host: &'static str,
    pub(crate) display: &'static str,
    pub(crate) project: Option<&'static str>,
    pub(crate) address: &'static str,
}

impl Client {
    pub(crate) fn random(dice: &mut Dice) -> Self {
        Self {
            user: dice.pick(&USERS),
            host: dice.pick(&HOSTS),
            display: dice.pick(&DISPLAYS),
            project: (dice.below(3) > 0).then(|| dice.pick(&PROJECTS)),
            address: dice.pick(&ADDRESSES),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Who {
    kind: &'static str,
    name: &'static str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rule {
    /// Keyword EXCLUDE or INCLUDE, with ALL if there is no feature.
    Access {
        includes: bool,
        feature: Option<&'static str>,
        who: Who,
    },
    Max {
        count: u32,
        feature: &'static str,
        who: Who,
    },
    Reserve {
        count: u32,
        feature: &'static str,
        who: Who,
    },
    Group {
        name: &'static str,
        member: &'static str,
    },
    HostGroup {
        name: &'static str,
        member: &'static str,
    },
    IgnoreCase(bool),
    Lenient(bool),
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = |includes: &bool| if *includes { "INCLUDE" } else { "EXCLUDE" };
        match self {
            Self::Access { includes, feature: Some(feature), who } => {
                write!(f, "{} {feature} {} {}", word(includes), who.kind, who.name)
            }
            Self::Access { includes, feature: None, who } => {
                write!(f, "{}ALL {} {}", word(includes), who.kind, who.name)
            }
            Self::Max { count, feature, who } => write!(f, "MAX {count} {feature} {} {}", who.kind, who.name),
            Self::Reserve { count, feature, who } => {
                write!(f, "RESERVE {count} {feature} {} {}", who.kind, who.name)
            }
            Self::Group { name, member } => write!(f, "GROUP {name} {member}"),
            Self::HostGroup { name, member } => write!(f, "HOST_GROUP {name} {member}"),
            Self::IgnoreCase(on) => write!(f, "GROUPCASEINSENSITIVE {}", if *on { "ON" } else { "OFF" }),
            Self::Lenient(on) => write!(f, "FQDN_MATCHING {}", if *on { "LENIENT" } else { "EXACT" }),
        }
    }
}

fn who(dice: &mut Dice) -> Who {
    let (kind, name) = match dice.below(8) {
        0 | 1 => ("USER", dice.pick(&USERS)),
        2 => ("HOST", if dice.below(2) == 0 { dice.pick(&HOSTS) } else { dice.pick(&PATTERNS) }),
        3 => ("DISPLAY", dice.pick(&DISPLAYS)),
        4 => ("INTERNET", dice.pick(&PATTERNS)),
        5 => ("PROJECT", dice.pick(&PROJECTS)),
        6 => ("GROUP", dice.pick(&GROUPS)),
        _ => ("HOST_GROUP", dice.pick(&HOST_GROUPS)),
    };
    Who { kind, name }
}

fn feature(dice: &mut Dice) -> &'static str {
    let features = [
        "fx",
        "fx",
        "fx",
        "fy",
        "fx:VERSION=2.0",
        "fx:ISSUER=one",
        "fx:EXPDATE=31-dec-2030",
        "pk",
        "ca",
        "fz",
        "fu",
        "fu",
        "fh",
        "fh",
    ];
    dice.pick(&features)
}

/// A file of up to twelve rules.
pub(crate) fn random_rules(dice: &mut Dice) -> Vec<Rule> {
    let rule = |dice: &mut Dice| match dice.below(16) {
        0..=3 => Rule::Access { includes: false, feature: Some(feature(dice)), who: who(dice) },
        4..=6 => Rule::Access { includes: true, feature: Some(feature(dice)), who: who(dice) },
        7 => Rule::Access { includes: dice.below(3) == 0, feature: None, who: who(dice) },
        8 | 9 => {
            let count = u32::try_from(dice.below(4)).unwrap();
            let who = match dice.below(4) {
                0 => Who { kind: "USER", name: "ALL_USERS" },
                1 => Who { kind: "GROUP", name: "ALL_GROUPS" },
                _ => who(dice),
            };
            Rule::Max { count, feature: feature(dice), who }
        }
        10 | 11 => {
            let count = u32::try_from(1 + dice.below(4)).unwrap();
            Rule::Reserve { count, feature: feature(dice), who: who(dice) }
        }
        12 | 13 => Rule::Group { name: dice.pick(&GROUPS), member: dice.pick(&USERS) },
        14 => {
            let member = if dice.below(2) == 0 { dice.pick(&HOSTS) } else { dice.pick(&PATTERNS) };
            Rule::HostGroup { name: dice.pick(&HOST_GROUPS), member }
        }
        _ if dice.below(2) == 0 => Rule::IgnoreCase(dice.below(2) == 0),
        _ => Rule::Lenient(dice.below(2) == 0),
    };
    (0..dice.below(13)).map(|_| rule(dice)).collect()
}

/// Rules with the licenses that are out.
pub(crate) struct Interpreter<'a> {
    pub(crate) rules: &'a [Rule],
    /// Who holds how many of which pool, in the order of the checkouts.
    pub(crate) held: Vec<(Client, usize, u32)>,
}

impl Interpreter<'_> {
    fn ignores_case(&self) -> bool {
        let last = self.rules.iter().rev().find_map(|rule| match rule {
            Rule::IgnoreCase(on) => Some(*on),
            _ => None,
        });
        last.unwrap_or(false)
    }

    fn is_lenient(&self) -> bool {
        let last = self.rules.iter().rev().find_map(|rule| match rule {
            Rule::Lenient(on) => Some(*on),
            _ => None,
        });
        last.unwrap_or(false)
    }

    fn host_is(&self, written: &str, sent: &str) -> bool {
        if !self.is_lenient() {
            return written == sent;
        }
        let label = |name: &str| name.split('.').next().unwrap().to_owned();
        if written.contains('.') && sent.contains('.') {
            written == sent
        } else {
            label(written) == label(sent)
        }
    }

    fn host_matches(&self, written: &str, client: &Client, fold: bool) -> bool {
        if written.contains('*') || written.parse::<std::net::Ipv4Addr>().is_ok() {
            return address_matches(written, client.address);
        }
        if fold {
            self.host_is(&written.to_lowercase(), &client.host.to_lowercase())
        } else {
            self.host_is(written, client.host)
        }
    }

    fn is_member(&self, group: &str, user: &str) -> bool {
        let fold = self.ignores_case();
        self.rules.iter().any(|rule| match rule {
            Rule::Group { name, member } => {
                *name == group && (*member == user || (fold && member.eq_ignore_ascii_case(user)))
            }
            _ => false,
        })
    }

    fn defined(&self, who: Who) -> bool {
        match who.kind {
            "GROUP" if who.name != "ALL_GROUPS" => {
                self.rules.iter().any(|rule| matches!(rule, Rule::Group { name, .. } if *name == who.name))
            }
            "HOST_GROUP" => self
                .rules
                .iter()
                .any(|rule| matches!(rule, Rule::HostGroup { name, .. } if *name == who.name)),
            _ => true,
        }
    }

    fn is(&self, who: Who, client: &Client) -> bool {
        match who.kind {
            "USER" => who.name == client.user,
            "HOST" => self.host_matches(who.name, client, false),
            "DISPLAY" => who.name == client.display,
            "INTERNET" => address_matches(who.name, client.address),
            "PROJECT" => client.project == Some(who.name),
            "GROUP" => self.is_member(who.name, client.user),
            _ => self.rules.iter().any(|rule| match rule {
                Rule::HostGroup { name, member } => {
                    *name == who.name && self.host_matches(member, client, self.ignores_case())
                }
                _ => false,
            }),
        }
    }

    /// What the lists say: 0, -38, -39 or -84.
    pub(crate) fn access(&self, client: &Client, pool: usize) -> i32 {
        let mut closed = false;
        let mut included = false;
        if let Some((kind, most)) = named(pool) {
            return if self.excludes(client, pool) { -38 } else { self.naming(client, pool, kind, most) };
        }
        for rule in self.rules {
            let Rule::Access { includes, feature, who } = rule else { continue };
            if feature.is_some_and(|feature| !selects(feature, pool)) {
                continue;
            }
            let matches = self.defined(*who) && self.is(*who, client);
            if !includes && matches {
                return -38;
            }
            closed |= *includes;
            included |= *includes && matches;
        }
        if closed && !included { -39 } else { 0 }
    }

    fn excludes(&self, client: &Client, pool: usize) -> bool {
        self.rules.iter().any(|rule| match rule {
            Rule::Access { includes: false, feature, who } => {
                feature.is_none_or(|feature| selects(feature, pool))
                    && self.defined(*who)
                    && self.is(*who, client)
            }
            _ => false,
        })
    }

    /// What the names on INCLUDE lines say of a client of a pool that is for the first `most` of them: 0, -39 or -84.
    fn naming(&self, client: &Client, pool: usize, kind: &str, most: u64) -> i32 {
        let fold = self.ignores_case();
        let (mut known, mut total): (Vec<(String, u64)>, u64) = (Vec::new(), 0);
        let mut mine: Option<u64> = None;
        for rule in self.rules {
            let Rule::Access { includes: true, feature, who } = rule else { continue };
            if feature.is_some_and(|feature| !selects(feature, pool)) {
                continue;
            }
            // The names, and whether the client is each.
            let names: Vec<(&str, bool)> = match (kind, who.kind) {
                ("users", "USER") => vec![(who.name, who.name == client.user)],
                ("users", "GROUP") => self
                    .rules
                    .iter()
                    .filter_map(|rule| match rule {
                        Rule::Group { name, member } if *name == who.name => Some(*member),
                        _ => None,
                    })
                    .map(|name| (name, name == client.user || fold && name.eq_ignore_ascii_case(client.user)))
                    .collect(),
                ("hosts", "HOST") => vec![(who.name, self.host_matches(who.name, client, false))],
                ("hosts", "INTERNET") => vec![(who.name, address_matches(who.name, client.address))],
                ("hosts", "HOST_GROUP") => self
                    .rules
                    .iter()
                    .filter_map(|rule| match rule {
                        Rule::HostGroup { name, member } if *name == who.name => Some(*member),
                        _ => None,
                    })
                    .map(|name| (name, self.host_matches(name, client, fold)))
                    .collect(),
                _ => Vec::new(),
            };
            for (name, is_client) in names {
                let text = if fold { name.to_lowercase() } else { name.to_owned() };
                let place = match known.iter().find(|(known, _)| *known == text) {
                    Some((_, place)) => *place,
                    None => {
                        total += 256_u64.pow(u32::try_from(name.matches('*').count()).unwrap());
                        known.push((text, total));
                        total
                    }
                };
                if is_client {
                    mine = Some(mine.map_or(place, |mine| mine.min(place)));
                }
            }
        }
        match mine {
            Some(place) if place <= most => 0,
            _ if total == 0 => -84,
            _ => -39,
        }
    }

    /// Whether a MAX line allows no `asked` more.
    fn limited(&self, client: &Client, pool: usize, asked: u32) -> bool {
        self.rules.iter().enumerate().any(|(at, rule)| {
            let Rule::Max { count, feature, who } = rule else { return false };
            if !selects(feature, pool) || !self.defined(*who) || self.is_dead(at) {
                return false;
            }
            let used = |counts: &dyn Fn(&Client) -> bool| -> u32 {
                self.held
                    .iter()
                    .filter(|(holder, pool, _)| selects(feature, *pool) && counts(holder))
                    .map(|(_, _, count)| count)
                    .sum()
            };
            let exempt = |own: &Who| {
                self.rules[..at].iter().any(|rule| {
                    matches!(rule, Rule::Max { feature: of, who, .. } if of_same_name(of, feature) && who == own)
                })
            };
            match who.name {
                "ALL_USERS" => {
                    let own = Who { kind: "USER", name: client.user };
                    !exempt(&own) && used(&|holder| holder.user == client.user) + asked > *count
                }
                "ALL_GROUPS" => GROUPS.iter().any(|group| {
                    let own = Who { kind: "GROUP", name: group };
                    self.is_member(group, client.user)
                        && !exempt(&own)
                        && used(&|holder| self.is_member(group, holder.user)) + asked > *count
                }),
                _ => self.is(*who, client) && used(&|holder| self.is(*who, holder)) + asked > *count,
            }
        })
    }

    /// A line for one name behind the line for all names of the same feature has no effect.
    fn is_dead(&self, at: usize) -> bool {
        let Rule::Max { feature, who, .. } = self.rules[at] else { return false };
        let all = match who.kind {
            "USER" => "ALL_USERS",
            "GROUP" => "ALL_GROUPS",
            _ => return false,
        };
        who.name != all
            && self.rules[..at].iter().any(|rule| {
                matches!(rule, Rule::Max { feature: of, who, .. } if of_same_name(of, feature) && who.name == all)
            })
    }

    /// Reservations of a pool that fit into it, with their holders.
    fn reservations(&self, pool: usize) -> Vec<(Who, u32)> {
        let mut room = POOLS[pool].2;
        let mut made = Vec::new();
        for rule in self.rules {
            let Rule::Reserve { count, feature, who } = rule else { continue };
            if selects(feature, pool) && self.defined(*who) {
                let kept = room.min(*count);
                room -= kept;
                made.push((*who, kept));
            }
        }
        made
    }

    /// What is idle of the reservations of a pool, for a client and for others.
    fn idle(&self, client: &Client, pool: usize) -> (u32, u32) {
        let mut reservations = self.reservations(pool);
        for (holder, _, count) in self.held.iter().filter(|(_, of, _)| *of == pool) {
            let mut left = *count;
            for (who, idle) in &mut reservations {
                if self.is(*who, holder) {
                    let taken = left.min(*idle);
                    *idle -= taken;
                    left -= taken;
                }
            }
        }
        let sum = |own: bool| {
            reservations.iter().filter(|(who, _)| self.is(*who, client) == own).map(|(_, idle)| idle).sum()
        };
        (sum(true), sum(false))
    }

    /// The answer to a request: 0 and the pool, or the number of the denial.
    pub(crate) fn ask(&mut self, client: &Client, feature: &str, version: u32, asked: u32) -> i32 {
        let mut best = (0, -5);
        for (pool, (name, has, count)) in POOLS.into_iter().enumerate().filter(|(_, pool)| pool.0 == feature)
        {
            let used: u32 =
                self.held.iter().filter(|(_, of, _)| *of == pool).map(|(_, _, count)| count).sum();
            let free = count - used;
            let (own, others) = self.idle(client, pool);
            let answer = if has < version {
                (1, -25)
            } else if self.access(client, pool) == -38 {
                (2, -38)
            } else if self.access(client, pool) != 0 {
                (3, self.access(client, pool))
            } else if self.limited(client, pool, asked) {
                (4, -87)
            } else if asked > count {
                (5, -26)
            } else if asked > free {
                (6, -4)
            } else if asked > own + free.saturating_sub(own + others) {
                (7, -101)
            } else {
                self.held.push((client.clone(), pool, asked));
                let _ = name;
                return 0;
            };
            if answer.0 > best.0 {
                best = answer;
            }
        }
        best.1
    }
}

fn of_same_name(one: &str, other: &str) -> bool {
    let name = |feature: &str| feature.split(':').next().unwrap().to_owned();
    name(one) == name(other)
}

/// Whether a feature with its modifier means a pool.
fn selects(feature: &str, pool: usize) -> bool {
    match feature {
        "fx:VERSION=2.0" => pool == 1,
        // Only one line of the pool fits, but the option holds for all of it.
        "fx:ISSUER=one" | "fx:EXPDATE=31-dec-2030" => pool == 0,
        "pk" => pool == 3 || pool == 4,
        name => POOLS[pool].0 == name,
    }
}

fn address_matches(pattern: &str, address: &str) -> bool {
    pattern.split('.').zip(address.split('.')).all(|(wanted, is)| wanted == "*" || wanted == is)
}
