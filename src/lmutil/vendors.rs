//! Which vendor daemons serve a feature.

use std::net::SocketAddr;

use super::ask::{self, Failure};
use crate::client::{Connection, DialError, Limits, SearchPath};
use crate::ident::{FeatureName, VendorName};
use crate::wire::{FeatureCount, Message, StatusItem};

/// The vendors whose daemons serve a feature, at the servers of a path that answer.
pub async fn serving(path: &SearchPath, feature: &FeatureName, limits: Limits) -> Vec<VendorName> {
    let mut serving = Vec::new();
    // A path without servers has no vendors, and no server that fails says any.
    for server in ask::targets(path).unwrap_or_default().into_iter().flat_map(|target| target.servers) {
        let Ok((connection, info)) = ask::ask_server(&server, limits).await else { continue };
        for vendor in info.vendors {
            let Some(port) = vendor.port.filter(|_| vendor.up) else { continue };
            let address = SocketAddr::new(connection.peer().ip(), port);
            if matches!(look(address, feature, limits).await, Ok((2, _))) && !serving.contains(&vendor.name) {
                serving.push(vendor.name);
            }
        }
    }
    serving
}

/// How much a vendor daemon knows of a feature: 2 serves it, 1 knows why not, 0 nothing.
pub(super) async fn look(
    address: SocketAddr,
    feature: &FeatureName,
    limits: Limits,
) -> Result<(u8, Connection), Failure> {
    let mut connection = Connection::open(address, ask::hello()?, limits).await?;
    let question = Message::AskStatus { feature: Some(feature.clone()), users: false };
    let items = match connection.ask(&question).await {
        Ok(Message::Status(items)) => items,
        Ok(other) => return Err(connection.unexpected(&other).into()),
        // One that gives no status may still explain.
        Err(DialError::Refused(_)) => Vec::new(),
        Err(error) => return Err(error.into()),
    };
    let knows = items.iter().filter_map(|item| match item {
        StatusItem::Feature { name, count } if name == feature => {
            Some(if matches!(count, FeatureCount::Unserved { .. }) { 1 } else { 2 })
        }
        _ => None,
    });
    Ok((knows.max().unwrap_or(0), connection))
}
