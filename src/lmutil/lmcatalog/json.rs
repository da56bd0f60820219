//! The catalog for programs; docs/administrator.md has the keys.

use serde_json::{Value, json};

use super::{Counts, Shown, Signatures, VendorShown};
use crate::catalog::{Catalog, Lot, Period, Pool};
use crate::license::{LicenseFile, Standing};
use crate::lmutil::catalogs::{instant_json, key_json, verdict_json};
use crate::time::CivilDate;

pub(super) fn show(shown: &Shown<'_>) -> String {
    let value = json!({
        "at": shown.wanted.at.to_string(),
        "timezone": shown.wanted.zone.iana_name(),
        "machine": shown.wanted.machine.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "files": shown.files.iter().map(|file| file_json(file, shown)).collect::<Vec<_>>(),
        "vendors": shown.vendors.iter().map(|vendor| vendor_json(vendor, shown)).collect::<Vec<_>>(),
        "skipped": shown
            .skipped
            .iter()
            .map(|line| json!({"file": line.file, "line": line.line, "text": line.why}))
            .collect::<Vec<_>>(),
        "problems": shown.problems,
    });
    format!("{value:#}\n")
}

fn file_json(file: &LicenseFile, shown: &Shown<'_>) -> Value {
    let standing = match file.standing() {
        Standing::Serverless => "no_server",
        Standing::Single => "single",
        Standing::Triad => "triad",
        Standing::Rejected => "rejected",
    };
    let here = file.servers().any(|server| server.hostid.matches_machine(&shown.wanted.machine));
    let servers = file
        .servers()
        .map(|server| json!({"host": server.host, "hostid": server.hostid.to_string(), "port": server.port}));
    json!({
        "name": file.source.name(),
        "standing": standing,
        "this_machine": here,
        "servers": servers.collect::<Vec<_>>(),
    })
}

fn vendor_json(vendor: &VendorShown, shown: &Shown<'_>) -> Value {
    let catalog = &vendor.catalog;
    let pools = catalog.features().flat_map(|name| catalog.pools(name.as_str()));
    let unserved = catalog.unserved_features().map(|(name, unserved)| {
        let denial = unserved.denial();
        json!({
            "name": name.as_str(),
            "code": denial.code.number(),
            "minor": denial.minor,
            "licenses": unserved.licenses(),
            "text": &*denial.note,
        })
    });
    json!({
        "vendor": vendor.name.as_str(),
        "signatures": match vendor.signatures {
            Signatures::Checked => "checked",
            Signatures::NoKeys => "no_keys",
            Signatures::Assumed => "assumed",
        },
        "demo": catalog.demo(),
        "notes": vendor.notes,
        "pools": pools.map(|pool| pool_json(catalog, pool, shown)).collect::<Vec<_>>(),
        "not_served": unserved.collect::<Vec<_>>(),
        "lines": catalog.verdicts().iter().map(verdict_json).collect::<Vec<_>>(),
    })
}

fn pool_json(catalog: &Catalog, pool: &Pool, shown: &Shown<'_>) -> Value {
    let at = shown.wanted.at;
    let counts = Counts::of(pool, at);
    let next_end = pool.valid_lots(at).filter_map(|lot| lot.ends).min();
    json!({
        "key": pool.key.as_str(),
        "feature": pool.feature.as_str(),
        "version": pool.version.as_str(),
        "counted": pool.counted,
        "licenses": counts.valid,
        "licenses_not_started": counts.not_yet,
        "licenses_expired": counts.expired,
        "overdraft": pool.valid_lots(at).map(|lot| u64::from(lot.overdraft)).sum::<u64>(),
        "next_end": instant_json(next_end),
        "hostids": pool.hostids.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "keys": key_json(&pool.key),
        "lots": pool.lots.iter().map(|lot| lot_json(catalog, lot, shown)).collect::<Vec<_>>(),
    })
}

fn lot_json(catalog: &Catalog, lot: &Lot, shown: &Shown<'_>) -> Value {
    let state = match lot.period_at(shown.wanted.at) {
        Period::Before => "not_started",
        // A catalog is shown as of a time that somebody names.
        Period::Within | Period::Untrusted => "valid",
        Period::After => "expired",
    };
    let start = lot.starts.and_then(|starts| CivilDate::of(starts, &shown.wanted.zone));
    json!({
        "file": &*lot.place.name,
        "line": lot.place.number,
        "licenses": lot.count,
        "overdraft": lot.overdraft,
        "start": start.map(|day| day.to_string()),
        "expiry": lot.expiry.to_string(),
        "starts": instant_json(lot.starts),
        "ends": instant_json(lot.ends),
        "state": state,
        "serial": catalog.signed_line(&lot.digest).and_then(|line| line.serial()),
    })
}
