//! `lmcrypt` from its arguments to its files.

use clap::{Args as _, Command, FromArgMatches as _};

use super::*;
use crate::sign::demo_signing_key;

const PLAIN: &str = "# bought in June\r\nSERVER this_host ANY 27000\r\nVENDOR LGS\r\n\
    INCREMENT cad_design LGS 2.0 permanent 10 SN=1\r\n\
    FEATURE other acmed 1.0 permanent 1 \\\r\n   SN=2 # M\u{fc}ller\r\n\
    INCREMENT cad_view LGS 2.0 permanent \\\r\n  10 SN=3 NOTICE=\"a note that makes the line so long\" # yes\r\n";

struct Ran {
    status: u8,
    out: Vec<u8>,
    err: String,
}

fn lmcrypt(arguments: &[&str]) -> Ran {
    let command = Args::augment_args(Command::new("lmcrypt").no_binary_name(true));
    let matches = command.try_get_matches_from(arguments).unwrap();
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let status = run_with(Args::from_arg_matches(&matches).unwrap(), &mut out, &mut err);
    Ran { status, out, err: String::from_utf8(err).unwrap() }
}

struct Desk(tempfile::TempDir);

impl Desk {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).to_str().unwrap().to_owned()
    }

    fn put(&self, name: &str, text: &str) -> String {
        std::fs::write(self.path(name), text).unwrap();
        self.path(name)
    }

    fn get(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.0.path()).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

/// The text without its SIGN attributes and the wrapping in front of them.
fn without_signatures(text: &str) -> String {
    let mut rest = text;
    let mut out = String::new();
    while let Some(at) = rest.find("SIGN=\"") {
        out.push_str(&rest[..at]);
        let behind = &rest[at + 6..];
        rest = &behind[behind.find('"').unwrap() + 1..];
        let kept = out.trim_end().strip_suffix('\\').unwrap_or(&out).trim_end().len();
        out.truncate(kept);
    }
    out + rest
}

#[test]
fn sign_changes_nothing_but_signatures_and_verify_agrees() {
    let desk = Desk::new();
    let plain = desk.put("my.lic", PLAIN);
    let signed = desk.path("signed.lic");
    let ran = lmcrypt(&["sign", "--demo", &plain, "-o", &signed]);
    assert_eq!(ran.status, 0, "{}", ran.err);
    assert!(ran.err.contains("my.lic:5: FEATURE other: skipped, vendor acmed"), "{}", ran.err);
    assert!(ran.err.contains("2 line(s) signed with ed25519 key"), "{}", ran.err);
    let text = desk.get("signed.lic");
    assert_eq!(without_signatures(&text), PLAIN);
    assert!(text.ends_with("\" # yes\r\n") && text.matches('\n').count() == text.matches("\r\n").count());
    assert!(text.lines().all(|line| line.chars().count() <= 76), "{text}");

    let ran = lmcrypt(&["verify", "--demo", &signed]);
    let told = String::from_utf8(ran.out).unwrap();
    assert_eq!(ran.status, 0, "{told}");
    assert!(told.contains("signed.lic:4: INCREMENT cad_design: good, key"), "{told}");
    assert!(told.contains("2 good, 0 not good"), "{told}");
    assert_eq!(desk.names(), ["my.lic", "signed.lic"]);
}

#[test]
fn signing_again_changes_nothing_and_a_new_key_replaces_the_signature() {
    let desk = Desk::new();
    let path = desk.put("my.lic", PLAIN);
    assert_eq!(lmcrypt(&["sign", "--demo", &path, "-i"]).status, 0);
    let first = desk.get("my.lic");
    assert_eq!(lmcrypt(&["sign", "--demo", &path, "--in-place"]).status, 0);
    assert_eq!(desk.get("my.lic"), first);

    assert_eq!(lmcrypt(&["keygen", "--hmac", "--vendor", "LGS", "--out", &desk.path("")]).status, 0);
    let ran = lmcrypt(&["sign", "--key", &desk.path("LGS.key"), &path, "-i"]);
    assert!(ran.status == 0 && ran.err.contains("whoever can verify"), "{}", ran.err);
    let second = desk.get("my.lic");
    assert_eq!(second.matches("SIGN=").count(), 2);
    assert_eq!(without_signatures(&second), PLAIN);
    assert_eq!(lmcrypt(&["verify", "--demo", &path]).status, 248);
    let ran = lmcrypt(&["verify", "--manifest", &desk.path("LGS.vendor.toml"), &path]);
    assert!(ran.status == 0 && ran.err.contains("whoever can verify"), "{}", ran.err);
}

#[test]
fn upgrades_and_packages_are_signed_too() {
    let desk = Desk::new();
    let text = "SERVER h ANY\nVENDOR LGS\nFEATURE p LGS 1.0 permanent 5\nUPGRADE f LGS 1.0 2.0 permanent 2 SN=1\n\
                PACKAGE p LGS 1.0 SIGN=0 COMPONENTS=\"a:1.5:2 b\"\nFEATURESET LGS 0123\n";
    let path = desk.put("all.lic", text);
    let ran = lmcrypt(&["sign", "--demo", &path, "-i"]);
    assert!(ran.status == 0 && ran.err.contains("3 line(s) signed"), "{}", ran.err);
    assert!(ran.err.contains("all.lic:6: FEATURESET: skipped"), "{}", ran.err);
    let ran = lmcrypt(&["verify", "--demo", &path]);
    let told = String::from_utf8(ran.out).unwrap();
    assert!(ran.status == 0 && told.contains("UPGRADE f: good, key"), "{told}");
    assert!(told.contains("PACKAGE p: good, key") && told.contains("3 good, 0 not good"), "{told}");
    for (from, to, keyword) in [("1.0 2.0", "1.1 2.0", "UPGRADE f"), ("a:1.5:2", "a:1.5:3", "PACKAGE p")] {
        let edited = desk.put("edited.lic", &desk.get("all.lic").replacen(from, to, 1));
        let ran = lmcrypt(&["verify", "--demo", &edited]);
        let told = String::from_utf8(ran.out).unwrap();
        assert!(ran.status == 248 && told.contains(&format!("{keyword}: NOT GOOD (-8,102)")), "{told}");
    }
    let path = desk.put("q.lic", "SERVER h ANY\nVENDOR LGS\nPACKAGE p LGS COMPONENTS=a NOTICE=\"it's\"\n");
    let ran = lmcrypt(&["sign", "--demo", &path]);
    assert!(ran.status == 1 && ran.err.contains("single quote"), "{}", ran.err);
}

#[test]
fn latin_1_bytes_stay() {
    let desk = Desk::new();
    let mut bytes = b"SERVER this_host ANY\nVENDOR LGS\nINCREMENT f LGS 1.0 permanent 1 NOTICE=\"M".to_vec();
    bytes.extend_from_slice(b"\xfcller\"\n# \xdf\n");
    std::fs::write(desk.path("l.lic"), &bytes).unwrap();
    let ran = lmcrypt(&["sign", "--demo", &desk.path("l.lic")]);
    assert_eq!(ran.status, 0, "{}", ran.err);
    assert!(ran.out.windows(6).any(|part| part == b"\xfcller\"") && ran.out.ends_with(b"\n# \xdf\n"));
    std::fs::write(desk.path("s.lic"), &ran.out).unwrap();
    assert_eq!(lmcrypt(&["verify", "--demo", &desk.path("s.lic")]).status, 0);
}

#[test]
fn l43_what_must_not_be_written_is_refused_and_nothing_written() {
    let desk = Desk::new();
    for (line, why) in [
        ("INCREMENT f LGS 1.0 permanent 1 NOTICE=\"it's\"", "single quote"),
        ("INCREMENT f LGS 1.0 permanent 1 NOTICE=\"a \\ b\"", "backslash"),
        ("INCREMENT f LGS 1.0 permanent 1 SN=1 SN=2", "SN"),
        ("INCREMENT f LGS v1 permanent 1", "-77"),
        (&format!("INCREMENT f LGS 1.0 permanent 1 NOTICE=\"{}\"", "n".repeat(3900)), "4000"),
    ] {
        let good = "INCREMENT g LGS 1.0 permanent 1";
        let path = desk.put("f.lic", &format!("SERVER h ANY\nVENDOR LGS\n{good}\n{line}\n"));
        let ran = lmcrypt(&["sign", "--demo", &path, "-o", &desk.path("out.lic")]);
        assert_eq!(ran.status, 1, "{line}");
        assert!(ran.err.contains("f.lic:4") && ran.err.contains(why), "{}", ran.err);
        assert!(ran.err.contains("nothing was written"), "{}", ran.err);
        assert_eq!(desk.names(), ["f.lic"]);
    }
}

#[test]
fn verify_names_each_line_that_is_not_good() {
    let desk = Desk::new();
    let path = desk.put("my.lic", PLAIN);
    assert_eq!(lmcrypt(&["sign", "--demo", &path, "-i"]).status, 0);
    let edited = desk.get("my.lic").replacen("permanent 10", "permanent 11", 1);
    desk.put("my.lic", &format!("{edited}INCREMENT f LGS 1.0 permanent 1\nINCREMENT f LGS v1 permanent 1\n"));
    let ran = lmcrypt(&["verify", "--demo", &path]);
    let told = String::from_utf8(ran.out).unwrap();
    assert_eq!(ran.status, 248, "{told}");
    assert!(told.contains("my.lic:4: INCREMENT cad_design: NOT GOOD (-8,102)"), "{told}");
    assert!(told.contains("INCREMENT f: NOT GOOD (-8,101): the line has no SIGN"), "{told}");
    assert!(told.contains("INCREMENT cad_view: good") && told.contains("(-77)"), "{told}");
    assert!(told.contains("1 good, 3 not good"), "{told}");

    assert_eq!(lmcrypt(&["verify", "--demo", &desk.path("absent.lic")]).status, 226);
    let empty = desk.put("empty.lic", "# nothing\n");
    let ran = lmcrypt(&["verify", "--demo", &empty]);
    assert!(ran.status == 248 && ran.err.contains("no line of vendor LGS"), "{}", ran.err);
}

#[test]
fn keygen_makes_a_pair_that_fits_and_never_overwrites() {
    let desk = Desk::new();
    let out = desk.path("");
    let ran = lmcrypt(&["keygen", "--vendor", "acmed", "--out", &out]);
    assert_eq!(ran.status, 0, "{}", ran.err);
    assert_eq!(desk.names(), ["acmed.key", "acmed.vendor.toml"]);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(desk.path("acmed.key")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    let key = SigningKey::parse(&desk.get("acmed.key")).unwrap();
    let manifest = crate::sign::Manifest::parse(&desk.get("acmed.vendor.toml")).unwrap();
    assert_eq!(manifest.verify("text", &key.sign("text")).map(|signer| signer.key), Ok(key.key_id()));
    assert!(!manifest.demo);
    let before = desk.get("acmed.key");
    assert!(
        !String::from_utf8(ran.out)
            .unwrap()
            .contains(before.lines().last().unwrap().split(' ').nth(1).unwrap())
    );

    let ran = lmcrypt(&["keygen", "--vendor", "acmed", "--out", &out]);
    assert!(ran.status == 1 && ran.err.contains("exists and is not overwritten"), "{}", ran.err);
    std::fs::remove_file(desk.path("acmed.key")).unwrap();
    assert_eq!(lmcrypt(&["keygen", "--vendor", "acmed", "--out", &out]).status, 1);
    assert_eq!(desk.names(), ["acmed.vendor.toml"]);
    assert_eq!(lmcrypt(&["keygen", "--vendor", "../acmed", "--out", &out]).status, 1);
}

#[cfg(unix)]
#[test]
fn in_place_keeps_permissions_and_links() {
    use std::os::unix::fs::PermissionsExt as _;
    let desk = Desk::new();
    let path = desk.put("real.lic", PLAIN);
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
    std::os::unix::fs::symlink("real.lic", desk.path("link.lic")).unwrap();
    assert_eq!(lmcrypt(&["sign", "--demo", &desk.path("link.lic"), "-i"]).status, 0);
    assert!(std::fs::symlink_metadata(desk.path("link.lic")).unwrap().is_symlink());
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
    assert_eq!(desk.get("real.lic").matches("SIGN=").count(), 2);
}

#[test]
fn a_key_that_others_can_read_is_remarked_on() {
    let desk = Desk::new();
    let path = desk.put("my.lic", PLAIN);
    let key = desk.put("LGS.key", &demo_signing_key().print());
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
        assert!(lmcrypt(&["sign", "--key", &key, &path]).err.contains("can be read by others"));
        std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).unwrap();
    }
    assert!(!lmcrypt(&["sign", "--key", &key, &path]).err.contains("can be read by others"));
    let ran = lmcrypt(&["sign", "--key", &path, &path]);
    assert!(ran.status == 226 && ran.err.contains("not a signing key"), "{}", ran.err);
}
