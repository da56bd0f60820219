//! Compiling an options file of 10,000 rules and 5,000 groups, and verdicts under it (DESIGN section 7: compiled in under 200 ms;
//! a verdict costs no scan of the rules; at least 2,000,000 verdicts a second on one core).
//!
//! `cargo bench --no-default-features --bench policy`
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::indexing_slicing)]

use std::fmt::Write as _;
use std::hint::black_box;
use std::time::Instant;

use seatkeeper::catalog::Catalog;
use seatkeeper::event::Claims;
use seatkeeper::license::{HostId, LicenseFile};
use seatkeeper::options::OptionsFile;
use seatkeeper::policy::{Access, Policy};
use seatkeeper::sign::{Manifest, demo_signing_key};
use seatkeeper::text::Source;

const FEATURES: usize = 200;
const RULES: usize = 10_000;
const GROUPS: usize = 5_000;
const MEMBERS: usize = 10;

fn license() -> LicenseFile {
    let mut plain = String::from("SERVER this_host ANY\nVENDOR LGS\n");
    for n in 0..FEATURES {
        let _ = writeln!(plain, "INCREMENT feature_{n} LGS 2.0 permanent 100");
    }
    let file = LicenseFile::parse(Source::new("plain", plain.as_bytes()));
    let mut signed = String::from("SERVER this_host ANY\nVENDOR LGS\n");
    for (line, statement) in file.statements() {
        let sign = demo_signing_key().sign(&statement.canonical(&[HostId::Any]).unwrap());
        let _ = writeln!(signed, "{} SIGN=\"{sign}\"", file.source.slice(line.span).trim_end());
    }
    LicenseFile::parse(Source::new("bench.lic", signed.as_bytes()))
}

fn options() -> String {
    let mut text = String::new();
    for group in 0..GROUPS {
        let _ = write!(text, "GROUP g{group}");
        for member in 0..MEMBERS {
            let _ = write!(text, " u{}", (group * 7 + member * 613) % 20_000);
        }
        text.push('\n');
    }
    for rule in 0..RULES {
        let feature = rule % FEATURES;
        let _ = match rule % 10 {
            0..=3 => writeln!(text, "EXCLUDE feature_{feature} USER u{rule}"),
            4 => writeln!(text, "EXCLUDE feature_{feature} HOST ws{rule}"),
            5 | 6 => writeln!(text, "INCLUDE feature_{feature} GROUP g{}", rule % GROUPS),
            7 => writeln!(text, "INCLUDE feature_{feature} INTERNET 10.{}.{}.*", rule % 256, rule / 256),
            8 => writeln!(text, "MAX 5 feature_{feature} GROUP g{}", rule % GROUPS),
            _ => writeln!(text, "EXCLUDEALL USER x{rule}"),
        };
    }
    text
}

fn main() {
    let license = license();
    let manifest = Manifest::demo();
    let licenses = [&license];
    let zone = jiff::tz::TimeZone::UTC;
    let catalog = Catalog::build(&manifest.vendor, &licenses, &manifest, &[], &zone);
    assert_eq!(catalog.features().count(), FEATURES);
    let text = options();
    let mut best = f64::MAX;
    let mut compiled = None;
    for _ in 0..5 {
        let began = Instant::now();
        let file = OptionsFile::parse(Source::new("LGS.opt", text.as_bytes()));
        let read = began.elapsed();
        let (policy, found) = Policy::compile(&file, &catalog, &licenses);
        let all = began.elapsed();
        assert!(found.is_empty() && file.diagnostics.is_empty(), "{found:?}");
        best = best.min(all.as_secs_f64());
        println!(
            "{RULES} rules, {GROUPS} groups, {} KB: read in {:.1} ms, compiled in {:.1} ms more",
            text.len() / 1024,
            read.as_secs_f64() * 1e3,
            (all - read).as_secs_f64() * 1e3
        );
        compiled = Some(policy);
    }
    println!("best: {:.1} ms", best * 1e3);
    let policy = compiled.unwrap();
    let clients: Vec<Claims> = (0..1000)
        .map(|n| Claims {
            user: format!("u{}", n * 17 % 20_000).parse().unwrap(),
            host: format!("ws{n}").parse().unwrap(),
            display: ":0".parse().unwrap(),
            project: None,
            platform: None,
            hostids: Vec::new(),
            pid: None,
        })
        .collect();
    let addresses: Vec<std::net::IpAddr> =
        (0..1000_u32).map(|n| std::net::Ipv4Addr::from_bits(0x0a00_0000 + n * 257).into()).collect();
    let features: Vec<String> = (0..FEATURES).map(|n| format!("feature_{n}")).collect();
    for round in 0..3 {
        let began = Instant::now();
        let (mut verdicts, mut allowed) = (0_u32, 0_u32);
        for step in 0..2_000 {
            let profile = policy.profile(&clients[step % 1000], addresses[step * 7 % 1000]);
            // The whole of a request: who it is, then the feature by name.
            for feature in features.iter().skip(step % 3).step_by(3) {
                for pool in policy.pools(feature) {
                    let access = black_box(pool).access(black_box(&profile));
                    allowed += u32::from(matches!(access, Access::Open | Access::Included(_)));
                    verdicts += 1;
                }
            }
        }
        let rate = f64::from(verdicts) / began.elapsed().as_secs_f64();
        println!(
            "round {round}: {:.1} million verdicts/s by known clients, {allowed} of {verdicts} allowed",
            rate / 1e6
        );
        let began = Instant::now();
        let mut allowed = 0_u32;
        for step in 0..1_000_000 {
            let profile = policy.profile(&clients[step % 1000], addresses[step * 7 % 1000]);
            let pools = policy.pools(&features[step * 13 % FEATURES]);
            allowed += u32::from(matches!(pools[0].access(&profile), Access::Open | Access::Included(_)));
        }
        let rate = 1e6 / began.elapsed().as_secs_f64();
        println!(
            "round {round}: {:.1} million requests/s with the client looked up each time, {allowed} allowed",
            rate / 1e6
        );
    }
}
