//! What would have to change, in words.

use super::ChangeTold;
use super::words::{Words, licenses};
use crate::catalog::{Named, Pool};
use crate::policy::RuleId;
use crate::seat::Change;
use crate::text::counted;

impl Words<'_> {
    pub(super) fn change(&self, pool: &Pool, change: &Change) -> ChangeTold {
        let plain = |name, text| ChangeTold { name, text, rules: Vec::new(), numbers: Vec::new() };
        let places = |rules: &[RuleId]| {
            rules.iter().map(|rule| self.rules.policy.place(*rule)).collect::<Vec<_>>().join(", ")
        };
        match change {
            Change::Component => plain("component", format!("ask for a component of {}", pool.feature)),
            Change::OtherPlatform => {
                let names = pool.platforms.as_deref().unwrap_or_default().join(" or ");
                plain("other_platform", format!("ask as a client that runs on {names}"))
            }
            Change::LowerVersion => {
                plain("lower_version", format!("ask for version {} or lower", pool.version))
            }
            Change::Wait(at) => plain("wait", format!("wait until {}", self.day(*at))),
            Change::Renew => plain("renew", "get a newer license line from the publisher".to_owned()),
            Change::Clock => plain(
                "clock",
                "set the server's clock right, or run lmutil lmclock accept if it is".to_owned(),
            ),
            Change::OtherHost => {
                let ids: Vec<String> = pool.hostids.iter().map(ToString::to_string).collect();
                plain("other_host", format!("ask as a client that has {}", ids.join(" or ")))
            }
            Change::NotExcluded(rules) => ChangeTold {
                name: "not_excluded",
                text: format!("take the client off the EXCLUDE lines: {}", places(rules)),
                rules: rules.iter().map(|rule| self.cite(*rule)).collect(),
                numbers: Vec::new(),
            },
            Change::Included(rule) => ChangeTold {
                name: "included",
                text: format!(
                    "put the client on the INCLUDE list that begins at {}, by a line of its own or through a group",
                    self.rules.policy.place(*rule)
                ),
                rules: vec![self.cite(*rule)],
                numbers: Vec::new(),
            },
            Change::Named { named, most, by } => {
                let what = match named {
                    Named::Users => "user",
                    Named::Hosts => "host",
                };
                let first = most
                    .map_or_else(String::new, |most| format!(" among the first {}", counted(most, "name")));
                let text = match by {
                    Some(rule) => format!(
                        "name the client{first}: move the line at {} up, or take other names off INCLUDE lines",
                        self.rules.policy.place(*rule)
                    ),
                    None => format!(
                        "name the client's {what} on an INCLUDE line of {}, by itself or through a group{first}",
                        pool.feature
                    ),
                };
                let rules = by.iter().map(|rule| self.cite(*rule)).collect();
                ChangeTold { name: "named", text, rules, numbers: vec![("names", *most)] }
            }
            Change::RaiseLimit { id, to, check_in, fewer } => {
                let rule = self.rules.policy.limit(*id).map(|limit| limit.rule);
                let place = rule.map(|rule| self.rules.policy.place(rule)).unwrap_or_default();
                let mut ways = vec![format!("raise MAX at {place} to {to}")];
                ways.extend(check_in.map(|count| format!("check in {} that it counts", licenses(count))));
                ways.extend(fewer_way(*fewer));
                ChangeTold {
                    name: "raise_max",
                    text: ways.join(", or "),
                    rules: rule.map(|rule| self.cite(rule)).into_iter().collect(),
                    numbers: vec![("to", Some(*to)), ("check_in", *check_in), ("ask_for", Some(*fewer))],
                }
            }
            Change::Borrow(obstacle) => plain("borrow", self.borrow_change(pool, *obstacle)),
            Change::Fewer(count) => ChangeTold {
                name: "ask_for_fewer",
                text: match fewer_way(*count) {
                    Some(text) => format!("{text}, or add {}", licenses(self.asked().saturating_sub(*count))),
                    None => format!("add {}", licenses(self.asked())),
                },
                rules: Vec::new(),
                numbers: vec![("ask_for", Some(*count))],
            },
            Change::Queue { .. } => {
                plain("queue", "ask with the queue and wait behind those who do".to_owned())
            }
            Change::Rest { component, adds } => ChangeTold {
                name: "rest",
                text: format!(
                    "have others check in what they have of {component} and its suite, until {} of it can be reserved",
                    licenses(*adds)
                ),
                rules: Vec::new(),
                numbers: vec![("reserve", Some(*adds))],
            },
            Change::Free { check_in, fewer, reserved_by, waited_for, unreserve } => {
                let mut ways = Vec::new();
                let anybody = match (pool.reserving && !pool.is_package(), reserved_by.is_empty()) {
                    (true, _) => " by users who have nothing else of the suite then",
                    (false, true) => "",
                    (false, false) => " from users without a reservation",
                };
                let before = match waited_for {
                    0 => String::new(),
                    many => format!(", beside {} for those who wait before", licenses(*many)),
                };
                ways.extend(
                    check_in.map(|count| format!("have {} checked in{anybody}{before}", licenses(count))),
                );
                ways.extend(unreserve.map(|count| {
                    format!("reserve {} less for others ({})", licenses(count), places(reserved_by))
                }));
                ways.extend(fewer_way(*fewer));
                if ways.is_empty() && reserved_by.is_empty() {
                    ways.push("have others check in all that they have of the suite".to_owned());
                } else if ways.is_empty() {
                    ways.push(format!(
                        "reserve less for others ({}) and have licenses checked in",
                        places(reserved_by)
                    ));
                }
                ways.extend((*waited_for > 0).then(|| "wait in the queue".to_owned()));
                ChangeTold {
                    name: "free",
                    text: ways.join(", or "),
                    rules: reserved_by.iter().map(|rule| self.cite(*rule)).collect(),
                    numbers: vec![
                        ("check_in", *check_in),
                        ("waited_for", Some(*waited_for)),
                        ("unreserve", *unreserve),
                        ("ask_for", Some(*fewer)),
                    ],
                }
            }
        }
    }

    fn asked(&self) -> u64 {
        u64::from(self.question.request.count.get())
    }
}

fn fewer_way(count: u64) -> Option<String> {
    (count > 0).then(|| format!("ask for at most {}", licenses(count)))
}
