//! Keys of the manifest that retire (`grammar/signature.md` section 4).

use super::*;

fn retiring(day: &str) -> Manifest {
    let mut manifest = manifest();
    manifest.keys[0].retires = Some(CivilDate::parse(day).unwrap());
    manifest
}

#[test]
fn a_lot_ends_with_its_key_or_its_date_whichever_comes_first() {
    for (expiry, ends, by_key) in [
        ("permanent", "1-jul-2026", true),
        ("31-dec-2026", "1-jul-2026", true),
        ("29-jun-2026", "30-jun-2026", false),
        ("30-jun-2026", "1-jul-2026", false),
    ] {
        let text = signed(&format!("INCREMENT fx acmed 1.0 {expiry} 2"));
        let catalog = load_with(&[text], &retiring("30-jun-2026"));
        let lot = &catalog.pools("fx")[0].lots[0];
        assert_eq!(lot.ends, Some(at(ends)), "{expiry}");
        assert_eq!(lot.retirement.is_some(), by_key, "{expiry}");
        let notes = &verdict(&catalog, 3).notes;
        assert_eq!(notes.len(), usize::from(by_key), "{notes:?}");
    }
}

#[test]
fn a_retired_key_of_any_line_behind_a_lot_ends_it() {
    let hmac = SigningKey::generate_hmac(vendor(), [2; 32]);
    let mut manifest = Manifest::new(vendor(), vec![key().verifying_key(), hmac.verifying_key()]);
    manifest.keys[1].retires = Some(CivilDate::parse("30-jun-2026").unwrap());
    let texts = [
        signed("INCREMENT pk acmed 1.0 permanent 2"),
        signed_with(&format!("{HEAD}PACKAGE pk acmed 1.0 COMPONENTS=ca\n"), &hmac),
    ];
    let catalog = load_with(&texts, &manifest);
    let end = catalog.pools("ca")[0].lots[0].retirement.unwrap();
    assert_eq!((end.key, end.day.to_string()), (hmac.key_id(), "30-jun-2026".to_owned()));
}
