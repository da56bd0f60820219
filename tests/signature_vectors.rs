//! The vectors of `grammar/signature.md`, read from the page and computed anew, so that page and code can't drift.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::BTreeMap;
use std::path::Path;

use seatkeeper::ident::{Digest, decode_hex, encode_hex};
use seatkeeper::license::{HostId, LicenseFile, read_canonical};
use seatkeeper::sign::{AdminKey, Algorithm, Manifest, SigningKey, VerifyingKey, demo_signing_key};
use seatkeeper::text::Source;

/// One fenced block: the words behind its fence and its text.
struct Block {
    words: Vec<String>,
    text: String,
}

struct Page(Vec<Block>);

impl Page {
    fn read() -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("grammar/signature.md");
        let page = std::fs::read_to_string(path).unwrap();
        let mut blocks = Vec::new();
        let mut lines = page.lines();
        while let Some(line) = lines.next() {
            let Some(info) = line.strip_prefix("```") else { continue };
            let body: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
            let words = info.split(' ').map(ToOwned::to_owned).collect();
            blocks.push(Block { words, text: body.join("\n") });
        }
        Self(blocks)
    }

    fn of_kind<'p>(&'p self, kind: &'p str) -> impl Iterator<Item = &'p Block> {
        self.0.iter().filter(move |block| block.words.get(1).is_some_and(|word| word == kind))
    }

    fn text<'p>(&'p self, kind: &'p str, name: &str) -> &'p str {
        let mut found = self.of_kind(kind).filter(|block| block.words[2] == name);
        let block = found.next().unwrap_or_else(|| panic!("no block {kind} {name}"));
        assert!(found.next().is_none(), "two blocks {kind} {name}");
        &block.text
    }

    fn keys(&self) -> BTreeMap<String, SigningKey> {
        self.of_kind("key")
            .map(|block| (block.words[2].clone(), SigningKey::parse(&block.text).unwrap()))
            .collect()
    }
}

/// Canonical text of the one signed line of a file.
fn canonical_of(bytes: &[u8]) -> String {
    let file = LicenseFile::parse(Source::new("vector", bytes));
    let hostids: Vec<HostId> = file.servers().map(|server| server.hostid.clone()).collect();
    let lines: Vec<_> = file.statements().collect();
    let [(_, statement)] = lines[..] else { panic!("{:?}", file.diagnostics) };
    let text = statement.canonical(&hostids).unwrap();
    let (servers, read) = read_canonical(&text).unwrap();
    assert_eq!(read.as_statement().canonical(&servers).as_ref(), Ok(&text));
    text
}

#[test]
fn keys_have_the_ids_and_public_halves_of_the_page() {
    let page = Page::read();
    let keys = page.keys();
    assert_eq!(keys.len(), 3);
    for (name, key) in &keys {
        // Reading the key file has checked its id against its secret.
        if key.algorithm() == Algorithm::Ed25519 {
            let public = VerifyingKey::parse(Algorithm::Ed25519, page.text("public", name)).unwrap();
            assert_eq!(public.id(), key.key_id(), "{name}");
        }
    }
    assert_eq!(keys["demo"].print(), demo_signing_key().print());
    assert_ne!(keys["legacy"].key_id(), keys["other"].key_id());
}

#[test]
fn every_license_of_the_page_has_its_canonical_text_digest_and_signature() {
    let page = Page::read();
    let keys = page.keys();
    let mut seen = 0;
    for block in page.of_kind("license") {
        let name = &block.words[2];
        let key = &keys[block.words[3..].iter().skip_while(|word| *word != "signed-by").nth(1).unwrap()];
        // A vector may be another one in other clothes.
        let like = block.words[3..].iter().skip_while(|word| *word != "same-as").nth(1).unwrap_or(name);
        let canonical = canonical_of(block.text.as_bytes());
        let sign = key.sign(&canonical);
        let digest = Digest::of(canonical.as_bytes()).to_string();
        assert_eq!(canonical, page.text("canonical", like), "canonical {name}");
        assert_eq!(digest, page.text("digest", like), "digest {name}");
        assert_eq!(sign, page.text("sign", like), "sign {name}");
        let manifest = Manifest::new(key.vendor().clone(), vec![key.verifying_key()]);
        assert_eq!(manifest.verify(&canonical, &sign).map(|signer| signer.key), Ok(key.key_id()), "{name}");
        assert!(manifest.verify(&format!("{canonical} "), &sign).is_err(), "{name}");
        seen += 1;
    }
    assert_eq!(seen, 9);
}

#[test]
fn latin_1_files_have_the_canonical_text_of_their_characters() {
    let page = Page::read();
    let text = page.text("license", "latin");
    let bytes: Vec<u8> = text.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect();
    assert!(std::str::from_utf8(&bytes).is_err(), "the vector needs a character beyond ASCII");
    assert_eq!(canonical_of(&bytes), page.text("canonical", "latin"));
}

#[test]
fn the_proof_of_the_page() {
    let page = Page::read();
    let bytes = |kind| decode_hex(page.text(kind, "control")).unwrap();
    let key = AdminKey::parse(page.text("proof-key", "control")).unwrap();
    let proof = key.prove(&bytes("proof-nonce"), &bytes("proof-message"));
    assert_eq!(encode_hex(&proof), page.text("proof", "control"));
    assert!(key.verify(&bytes("proof-nonce"), &bytes("proof-message"), &bytes("proof")));
}

#[test]
fn the_demo_manifest_in_testdata_is_the_built_in_one() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/LGS.vendor.toml");
    let file = Manifest::parse(&std::fs::read_to_string(path).unwrap()).unwrap();
    assert_eq!(file.print(), Manifest::demo().print());
    assert!(file.demo);
}

#[test]
fn every_line_of_the_demo_license_file_is_signed_with_the_demo_key() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/svr_lgs.lic");
    let file = LicenseFile::parse(Source::new("svr_lgs.lic", &std::fs::read(path).unwrap()));
    // One line is uncounted for every machine, on purpose.
    let found: Vec<&str> = file.diagnostics.iter().map(|found| found.id).collect();
    assert_eq!(found, ["L0510"]);
    let hostids: Vec<HostId> = file.servers().map(|server| server.hostid.clone()).collect();
    let manifest = Manifest::demo();
    let mut lines = 0;
    for (_, line) in file.statements() {
        let text = line.canonical(&hostids).unwrap();
        assert_eq!(
            manifest.verify(&text, line.sign().unwrap()).map(|signer| signer.key),
            Ok(demo_signing_key().key_id()),
            "{}",
            line.name()
        );
        lines += 1;
    }
    assert!(lines >= 12, "{lines}");
}
