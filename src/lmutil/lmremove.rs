//! lmremove: takes licenses back of clients that are gone (`flexnet-tools.md` 2.11). What is out tells which vendor daemon has it;
//! lmgrd passes the order on, which proves the administrator's key.

use std::net::SocketAddr;

use super::ask::{self, Failure};
use super::lmdown::{ENDING, KeySource, order};
use super::runtime;
use crate::client::{Connection, Limits, SearchPath, ServerAddress};
use crate::code::{Code, minor};
use crate::event::{Denial, Removal, RemovalTarget};
use crate::ident::{Display, FeatureName, Handle, Host, User, VendorName};
use crate::text::nearest;
use crate::wire::{ControlVerb, Message, ServerInfo, StatusItem};

/// Lines about what is out near to what was asked for, at most.
const NEAR_MAX: usize = 10;

/// What is to be taken back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Which checkouts.
    pub removal: Removal,
    /// The server as lmstat prints it before the handle; none to look on the whole path.
    pub server: Option<(String, u16)>,
}

impl Wanted {
    /// `feature user user_host display`, as lmstat prints them.
    ///
    /// # Errors
    /// [`Failure`] when one of them is no name.
    pub fn client(feature: &str, user: &str, host: &str, display: &str) -> Result<Self, Failure> {
        let target = RemovalTarget::Client {
            user: User::parse(user)?,
            host: Host::parse(host)?,
            display: Display::parse(display)?,
        };
        Ok(Self { removal: Removal { feature: FeatureName::parse(feature)?, target }, server: None })
    }

    /// `feature server_host port handle`, as lmstat prints them.
    ///
    /// # Errors
    /// [`Failure`] when one of them is no name or number.
    pub fn handle(feature: &str, server: &str, port: &str, handle: &str) -> Result<Self, Failure> {
        let bad = |text: &str, what: &str| {
            Failure::new(Code::InvalidParameter, minor::MALFORMED, &format!("{text:?} is no {what}"))
        };
        let port = port.parse().ok().filter(|port| *port != 0).ok_or_else(|| bad(port, "port"))?;
        let handle = handle.parse().map(Handle).map_err(|_| bad(handle, "handle"))?;
        Host::parse(server)?;
        let removal =
            Removal { feature: FeatureName::parse(feature)?, target: RemovalTarget::Handle(handle) };
        Ok(Self { removal, server: Some((server.to_owned(), port)) })
    }

    /// Whether an item of a status is meant.
    fn means(&self, item: &StatusItem) -> bool {
        let (StatusItem::User { user, host, display, handle, .. }
        | StatusItem::Queued { user, host, display, handle, .. }) = item
        else {
            return false;
        };
        match &self.removal.target {
            RemovalTarget::Handle(wanted) => handle == wanted,
            RemovalTarget::Client { user: of_user, host: of_host, display: of_display } => {
                matches!(item, StatusItem::User { .. })
                    && user == of_user
                    && host.as_str().eq_ignore_ascii_case(of_host.as_str())
                    && display == of_display
            }
        }
    }
}

/// What was taken back.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Removed {
    /// A line for each checkout.
    pub lines: Vec<String>,
    /// Why not all was; none if it was.
    pub refused: Option<Denial>,
}

/// Why nothing was taken back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Why.
    pub failure: Failure,
    /// What may have been meant, for people.
    pub near: Vec<String>,
}

impl From<Failure> for Refused {
    fn from(failure: Failure) -> Self {
        Self { failure, near: Vec::new() }
    }
}

/// Takes licenses back, on each server of the path that has some of them.
///
/// # Errors
/// [`Refused`] when none was.
pub fn remove(
    path: &SearchPath,
    wanted: &Wanted,
    key: &KeySource,
    limits: Limits,
) -> Result<Removed, Refused> {
    runtime()?.block_on(async {
        let mut removed = Removed::default();
        let mut refused: Option<Failure> = None;
        let mut seen = Seen::default();
        for mut server in servers(path, wanted, limits).await? {
            for vendor in server.holders(wanted, limits, &mut seen).await {
                let verb = ControlVerb::Remove { vendor, removal: wanted.removal.clone() };
                match order(&mut server.connection, verb, key).await {
                    Ok((lines, why)) => {
                        removed.lines.extend(lines);
                        removed.refused = removed.refused.or(why);
                    }
                    Err(failure) => drop(refused.get_or_insert(failure)),
                }
            }
        }
        match refused {
            Some(failure) if removed.lines.is_empty() => Err(failure.into()),
            Some(failure) => Ok(Removed { refused: removed.refused.or(Some(failure.denial)), ..removed }),
            None if removed.lines.is_empty() => Err(seen.nothing(wanted)),
            None => Ok(removed),
        }
    })
}

/// A license manager that answers.
struct Server {
    connection: Connection,
    info: ServerInfo,
}

/// Those of the path that answer, one of each entry. With a handle the one that lmstat names, on the path or not.
async fn servers(path: &SearchPath, wanted: &Wanted, limits: Limits) -> Result<Vec<Server>, Failure> {
    // A vendor daemon waits for its disk.
    let limits = Limits { answer: ENDING, ..limits };
    let mut found = Vec::new();
    let (targets, mut failure) = match ask::targets(path) {
        Ok(targets) => (targets, None),
        Err(failure) => (Vec::new(), Some(failure)),
    };
    for target in targets {
        for server in &target.servers {
            match ask::ask_server(server, limits).await {
                Ok((connection, info)) => {
                    let named = wanted.server.as_ref().is_none_or(|(host, port)| {
                        let names = [server.host.as_str(), info.host.as_str()];
                        info.port == *port && names.iter().any(|name| name.eq_ignore_ascii_case(host))
                    });
                    if named {
                        found.push(Server { connection, info });
                    }
                    break;
                }
                Err(error) => drop(failure.get_or_insert(error)),
            }
        }
    }
    match (&wanted.server, failure) {
        (Some((host, port)), _) if found.is_empty() => {
            let address = ServerAddress { port: Some(*port), host: host.clone() };
            let (connection, info) = ask::ask_server(&address, limits).await?;
            Ok(vec![Server { connection, info }])
        }
        (None, Some(failure)) if found.is_empty() => Err(failure),
        _ => Ok(found),
    }
}

impl Server {
    /// The vendor daemons that have what is wanted.
    async fn holders(&mut self, wanted: &Wanted, limits: Limits, seen: &mut Seen) -> Vec<VendorName> {
        let mut holders = Vec::new();
        let feature = &wanted.removal.feature;
        if let Some(down) = self.info.vendors.iter().find(|vendor| !vendor.up) {
            let note = format!("{} is not running", down.name);
            seen.failure.get_or_insert(Failure::new(Code::VendorDown, minor::VENDOR_DOWN, &note));
        }
        let up = self.info.vendors.iter().filter(|vendor| vendor.up);
        for (vendor, port) in up.filter_map(|vendor| Some((&vendor.name, vendor.port?))) {
            let address = SocketAddr::new(self.connection.peer().ip(), port);
            let items = match out_of(address, feature, limits, seen).await {
                Ok(Some(items)) => items,
                Ok(None) => continue,
                // Another one may have it.
                Err(failure) => {
                    seen.failure.get_or_insert(failure);
                    continue;
                }
            };
            seen.known = true;
            if items.iter().any(|item| wanted.means(item)) {
                holders.push(vendor.clone());
            } else {
                seen.out.extend(items.into_iter().filter_map(|item| seen_item(&self.info, item)));
            }
        }
        holders
    }
}

/// What is out of a feature at a vendor daemon; none if it has none of that name.
async fn out_of(
    address: SocketAddr,
    feature: &FeatureName,
    limits: Limits,
    seen: &mut Seen,
) -> Result<Option<Vec<StatusItem>>, Failure> {
    let mut connection = Connection::open(address, ask::hello()?, limits).await?;
    let items = status(&mut connection, Some(feature)).await?;
    let of_feature = |item: &StatusItem| matches!(item, StatusItem::Feature { name, .. } if name == feature);
    if items.iter().any(of_feature) {
        return Ok(Some(items));
    }
    seen.other_features(&status(&mut connection, None).await?);
    Ok(None)
}

async fn status(
    connection: &mut Connection,
    feature: Option<&FeatureName>,
) -> Result<Vec<StatusItem>, Failure> {
    let question = Message::AskStatus { feature: feature.cloned(), users: feature.is_some() };
    match connection.ask(&question).await? {
        Message::Status(items) => Ok(items),
        other => Err(connection.unexpected(&other).into()),
    }
}

/// What there is instead of what was wanted.
#[derive(Debug, Default)]
struct Seen {
    /// Some vendor daemon has the feature.
    known: bool,
    /// Names of other features.
    others: Vec<FeatureName>,
    /// What is out of the feature.
    out: Vec<Out>,
    /// Why some vendor daemon could not be asked.
    failure: Option<Failure>,
}

#[derive(Debug)]
struct Out {
    user: User,
    host: Host,
    display: Display,
    /// Host and port of its server.
    server: (String, u16),
    handle: Handle,
    waits: bool,
}

fn seen_item(info: &ServerInfo, item: StatusItem) -> Option<Out> {
    let waits = matches!(item, StatusItem::Queued { .. });
    let (StatusItem::User { user, host, display, handle, .. }
    | StatusItem::Queued { user, host, display, handle, .. }) = item
    else {
        return None;
    };
    Some(Out { user, host, display, server: (info.host.to_string(), info.port), handle, waits })
}

impl Seen {
    fn other_features(&mut self, items: &[StatusItem]) {
        let names = items.iter().filter_map(|item| match item {
            StatusItem::Feature { name, .. } => Some(name.clone()),
            _ => None,
        });
        self.others.extend(names);
    }

    /// Nothing fits: what is near to it.
    fn nothing(mut self, wanted: &Wanted) -> Refused {
        let Removal { feature, target } = &wanted.removal;
        if let Some(failure) = self.failure.take().filter(|_| !self.known) {
            return failure.into();
        }
        if !self.known {
            let meant = nearest(feature.as_str(), self.others.iter().map(FeatureName::as_str));
            let near = meant.map(|name| format!("did you mean {name}?")).into_iter().collect();
            let note = format!("no server of the path has a feature {feature}");
            return Refused {
                failure: Failure::new(Code::NoSuchFeature, minor::NO_SUCH_FEATURE, &note),
                near,
            };
        }
        let note = match target {
            RemovalTarget::Handle(handle) => format!("no checkout of {feature} is out under {handle}"),
            RemovalTarget::Client { user, host, display } => {
                format!("{user} has no {feature} out on {host} at display {display}")
            }
        };
        self.out.sort_by_key(|out| (!is_near(target, out), out.handle));
        let many = self.out.len();
        let mut near: Vec<String> = self.out.iter().take(NEAR_MAX).map(|out| line(feature, out)).collect();
        if near.is_empty() {
            near.push(format!("nothing is out of {feature}"));
        } else {
            near.insert(0, format!("out of {feature}:"));
        }
        if many > NEAR_MAX {
            near.push(format!("  … and {} more, which lmstat -f {feature} shows", many - NEAR_MAX));
        }
        Refused { failure: Failure::new(Code::NeverCheckedOut, minor::NOT_REMOVABLE, &note), near }
    }
}

/// Whether a checkout is probably what was meant: the same user, or the same host and display.
fn is_near(target: &RemovalTarget, out: &Out) -> bool {
    let same = |one: &str, other: &str| one.eq_ignore_ascii_case(other);
    match target {
        RemovalTarget::Handle(_) => false,
        RemovalTarget::Client { user, host, display } => {
            same(user.as_str(), out.user.as_str())
                || (same(host.as_str(), out.host.as_str()) && same(display.as_str(), out.display.as_str()))
        }
    }
}

/// `  ann ws01 :0 (srv/27000 12)`; a name with a blank in quotes, as a shell takes it.
fn line(feature: &FeatureName, out: &Out) -> String {
    let Out { user, host, display, server: (server, port), handle, waits } = out;
    let quote = if user.as_str().contains(' ') { "\"" } else { "" };
    let how = match waits {
        true => format!(", waits: lmremove -h {feature} {server} {port} {handle}"),
        false => String::new(),
    };
    format!("  {quote}{user}{quote} {host} {display} ({server}/{port} {handle}){how}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn out(user: &str, host: &str, handle: u64, waits: bool) -> Out {
        Out {
            user: user.parse().unwrap(),
            host: host.parse().unwrap(),
            display: ":0".parse().unwrap(),
            server: ("srv".to_owned(), 27000),
            handle: Handle(handle),
            waits,
        }
    }

    #[test]
    fn what_is_near_comes_first() {
        let wanted = Wanted::client("fx", "ann", "ws1", ":0").unwrap();
        let mut seen = Seen { known: true, ..Seen::default() };
        seen.out =
            vec![out("bob", "ws2", 3, false), out("Ann Lee", "ws3", 4, true), out("ANN", "ws9", 5, false)];
        let refused = seen.nothing(&wanted);
        assert_eq!(refused.failure.denial.code, Code::NeverCheckedOut);
        assert_eq!(
            refused.near,
            [
                "out of fx:",
                "  ANN ws9 :0 (srv/27000 5)",
                "  bob ws2 :0 (srv/27000 3)",
                "  \"Ann Lee\" ws3 :0 (srv/27000 4), waits: lmremove -h fx srv 27000 4",
            ]
        );
        let seen = Seen { others: vec!["fy1".parse().unwrap()], ..Seen::default() };
        let refused = seen.nothing(&Wanted::client("fx1", "ann", "ws1", ":0").unwrap());
        assert_eq!(refused.failure.denial.code, Code::NoSuchFeature);
        assert_eq!(refused.near, ["did you mean fy1?"]);
    }

    #[test]
    fn values_that_can_be_none_are_refused() {
        for bad in [
            Wanted::handle("fx", "srv", "0", "1"),
            Wanted::handle("fx", "srv", "27000", "x"),
            Wanted::handle("f x", "srv", "27000", "1"),
            Wanted::client("fx", "", "ws1", ":0"),
        ] {
            assert_eq!(bad.unwrap_err().denial.code, Code::InvalidParameter);
        }
    }
}
