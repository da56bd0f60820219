//! The examples of the explanations, and files that show more than one thing at once.

use std::collections::BTreeMap;

use super::*;
use crate::ident::VendorName;
use crate::license::{HostId, LicenseFile};
use crate::sign::{Manifest, SigningKey};
use crate::text::Source;
use crate::time::CivilDate;

fn vendor() -> VendorName {
    VendorName::parse("acmed").unwrap()
}

fn key() -> SigningKey {
    SigningKey::generate_ed25519(vendor(), [1; 32])
}

/// The text with a sound signature for each `SIGN=...`.
fn signed(text: &str) -> String {
    let file = LicenseFile::parse(Source::new("unsigned", text.as_bytes()));
    let hostids: Vec<HostId> = file.servers().map(|server| server.hostid.clone()).collect();
    let (mut out, mut copied) = (String::new(), 0);
    for (_, statement) in file.statements() {
        let Some(sign) = statement.attribute("SIGN").filter(|sign| sign.value.as_deref() == Some("..."))
        else {
            continue;
        };
        out.push_str(&text[copied..sign.span.start]);
        out.push_str(&format!("SIGN=\"{}\"", key().sign(&statement.canonical(&hostids).unwrap())));
        copied = sign.span.end;
    }
    out + &text[copied..]
}

/// Files are named a.lic, b.lic and so on.
fn files(texts: &[&str]) -> Vec<LicenseFile> {
    texts
        .iter()
        .zip('a'..)
        .map(|(text, letter)| {
            LicenseFile::parse(Source::new(&format!("{letter}.lic"), signed(text).as_bytes()))
        })
        .collect()
}

fn check_with(texts: &[&str], foreign: bool) -> Vec<String> {
    let files = files(texts);
    let manifests = BTreeMap::from([(vendor(), Manifest::new(vendor(), vec![key().verifying_key()]))]);
    let machine = [HostId::parse("0011aabbccdd").unwrap()];
    let project = Project {
        files: &files,
        manifests: &manifests,
        machine: Some(&machine),
        today: CivilDate::parse("15-jun-2026").unwrap(),
        soon_days: EXPIRES_SOON_DAYS,
        foreign,
    };
    check(&project).iter().map(|found| found.diagnostic.line(&files[found.file].source)).collect()
}

fn ids(found: &[String]) -> Vec<&str> {
    let mut ids: Vec<&str> =
        found.iter().map(|line| line.split_once('[').unwrap().1.split_once(']').unwrap().0).collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

#[test]
fn every_example_shows_its_finding_alone() {
    for explanation in explanations() {
        let found = check_with(explanation.example, false);
        assert_eq!(ids(&found), [explanation.id], "{}: {found:#?}", explanation.id);
        if !explanation.mended.is_empty() {
            let found = check_with(explanation.mended, false);
            assert!(found.is_empty(), "{} mended: {found:#?}", explanation.id);
        }
    }
}
