//! A million verdicts of the lists.

use seatkeeper::catalog::Catalog;
use seatkeeper::event::Claims;
use seatkeeper::license::LicenseFile;
use seatkeeper::options::OptionsFile;
use seatkeeper::policy::{Access, Policy};
use seatkeeper::sign::Manifest;
use seatkeeper::text::Source;

use super::interpreter::{Client, Interpreter, LINES, POOLS, Rule, random_rules};
use crate::signed::sign;
use crate::{Dice, from_environment};

pub(crate) fn license() -> LicenseFile {
    let signed = sign(&format!("SERVER srv ANY 27000\nVENDOR LGS\n{LINES}"));
    LicenseFile::parse(Source::new("test.lic", signed.as_bytes()))
}

pub(crate) fn catalog(license: &LicenseFile) -> Catalog {
    let manifest = Manifest::demo();
    let catalog = Catalog::build(&manifest.vendor, &[license], &manifest, &[], &jiff::tz::TimeZone::UTC);
    let served: Vec<(&str, u32)> = POOLS.iter().map(|(name, _, count)| (*name, *count)).collect();
    for (name, count) in served {
        let pools = catalog.pools(name);
        assert!(
            pools.iter().any(|pool| pool.lots.iter().map(|lot| lot.count).sum::<u32>() == count),
            "{name}"
        );
    }
    catalog
}

pub(crate) fn compile(rules: &[Rule], catalog: &Catalog, license: &LicenseFile) -> Policy {
    let text: String = rules.iter().map(|rule| format!("{rule}\n")).collect();
    let options = OptionsFile::parse(Source::new("LGS.opt", text.as_bytes()));
    assert_eq!(options.options().count(), rules.len(), "{text}{:?}", options.diagnostics);
    Policy::compile(&options, catalog, &[license]).0
}

pub(crate) fn claims(client: &Client) -> Claims {
    Claims {
        user: client.user.parse().unwrap(),
        host: client.host.parse().unwrap(),
        display: client.display.parse().unwrap(),
        project: client.project.map(|project| project.parse().unwrap()),
        platform: None,
        hostids: Vec::new(),
        pid: None,
    }
}

#[test]
fn the_compiled_policy_and_the_interpreter_agree() {
    let license = license();
    let catalog = catalog(&license);
    let mut left = from_environment("POLICY_PAIRS", 1_000_000);
    let mut dice = Dice(from_environment("POLICY_SEED", 1));
    let (mut granted, mut denied) = (0_u64, 0_u64);
    while left > 0 {
        let rules = random_rules(&mut dice);
        let policy = compile(&rules, &catalog, &license);
        let interpreter = Interpreter { rules: &rules, held: Vec::new() };
        for _ in 0..100 {
            let client = Client::random(&mut dice);
            let profile = policy.profile(&claims(&client), client.address.parse().unwrap());
            for (pool, (name, version, _)) in POOLS.into_iter().enumerate() {
                let index = usize::from(name == "fx" && version == 20);
                let rules = &policy.pools(name)[index];
                let named = &catalog.pools(name)[index];
                let verdict = match (named.named.first(), rules.access(&profile)) {
                    (_, Access::Excluded(_)) => -38,
                    (Some(kind), _) => match rules.naming(*kind, &profile) {
                        naming if naming.is_within(named.names_at(*kind, None)) => 0,
                        naming if naming.names == 0 => -84,
                        _ => -39,
                    },
                    (None, Access::Open | Access::Included(_)) => 0,
                    (None, Access::NotIncluded(_)) => -39,
                };
                let expected = interpreter.access(&client, pool);
                assert_eq!(verdict, expected, "{client:?} {name} {version}\n{rules:#?}");
                if verdict == 0 {
                    granted += 1
                } else {
                    denied += 1
                }
                left = left.saturating_sub(1);
            }
        }
    }
    assert!(granted > denied / 20 && denied > granted / 20, "{granted} granted, {denied} denied");
}
