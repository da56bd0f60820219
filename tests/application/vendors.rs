//! Several vendor daemons under one lmgrd, each with its own key, files and clients.

use std::path::Path;
use std::time::Duration;

use seatkeeper::client::{Client, Config, Progress, Taking, Trust};
use seatkeeper::code::Code;
use seatkeeper::event::Wishes;
use seatkeeper::sign::{Algorithm, VerifyingKey};

use crate::daemon::{signal, until as until_blocking};
use crate::system::{System, printed, tool};
use crate::{soon, until};

const LGS: &str = "SERVER this_host ANY {port}\nVENDOR LGS\nFEATURE solver LGS 1.0 permanent 2\n";

/// Makes a publisher's key, and his manifest where the servers look.
fn publisher(dir: &Path, vendor: &str) {
    let made = tool(dir, &["lmcrypt", "keygen", "--vendor", vendor, "--out", "keys"]);
    assert!(made.status.success(), "{}", crate::system::complained(&made));
    let name = format!("{vendor}.vendor.toml");
    std::fs::rename(dir.join("keys").join(&name), dir.join("vendors").join(&name)).unwrap();
}

/// Writes a license file of a publisher and signs it with his key.
fn issue(dir: &Path, port: u16, vendor: &str, file: &str, lines: &str) {
    let text = format!("SERVER this_host ANY {port}\nVENDOR {vendor}\n{lines}");
    std::fs::write(dir.join("draft"), text).unwrap();
    let key = format!("keys/{vendor}.key");
    let signed = tool(dir, &["lmcrypt", "sign", "--key", &key, "draft", "-o", "signed"]);
    assert!(signed.status.success(), "{}", crate::system::complained(&signed));
    std::fs::rename(dir.join("signed"), dir.join(file)).unwrap();
}

/// An application of this publisher, with his key in it.
fn application(system: &System, vendor: &str, user: &str) -> Client {
    let manifest = system.dir.path().join(format!("vendors/{vendor}.vendor.toml"));
    let text = std::fs::read_to_string(manifest).unwrap();
    let public = text.lines().find_map(|line| line.strip_prefix("public = ")).unwrap();
    let key = VerifyingKey::parse(Algorithm::Ed25519, public.trim_matches('"')).unwrap();
    let trust = Trust::Publisher { keys: vec![key], demo: false };
    let mut config = Config::new(vendor.parse().unwrap(), trust).unwrap().with_path(&system.place());
    config.claims.user = user.parse().unwrap();
    Client::new(config)
}

/// Process number of a vendor daemon that was started last.
fn pid(system: &System, vendor: &str) -> u32 {
    let log = system.log_so_far();
    let started = format!("tarted {vendor} (");
    let line = log.lines().rev().find(|line| line.contains(&started)).unwrap();
    let (_, number) = line.split_once("pid ").unwrap();
    number.split(|c: char| !c.is_ascii_digit()).next().unwrap().parse().unwrap()
}

/// LGS with a file of its own, acme with two files in one directory, bolt with one in another.
fn start() -> System {
    let system = System::start_prepared(LGS, &["--vendor-dir", "vendors", "-c", "more:other"], |dir| {
        for name in ["vendors", "keys", "more", "other"] {
            std::fs::create_dir(dir.join(name)).unwrap();
        }
        publisher(dir, "acme");
        publisher(dir, "bolt");
    });
    let (dir, port) = (system.dir.path(), system.port);
    issue(dir, port, "acme", "more/a.lic", "FEATURE paint acme 2.0 permanent 1 SN=1\n");
    issue(dir, port, "acme", "more/b.lic", "FEATURE draw acme 1.0 permanent 3 SN=2\n");
    issue(dir, port, "bolt", "other/c.lic", "FEATURE weld bolt 1.0 permanent 1 SN=3\n");
    let output = reread(&system, &[]);
    for vendor in ["acme", "bolt"] {
        assert!(output.contains(&format!("vendor daemon {vendor} is new and is started\n")), "{output}");
        system.wait_for_log(&[&format!("{vendor} using TCP-port ")]);
    }
    system
}

fn reread(system: &System, more: &[&str]) -> String {
    let output = system.tool(&[&["lmutil", "lmreread", "-c", &system.place()], more].concat());
    assert!(output.status.success(), "{}", printed(&output));
    printed(&output)
}

fn lmstat(system: &System, more: &[&str]) -> String {
    printed(&system.tool(&[&["lmutil", "lmstat", "-c", &system.place()], more].concat()))
}

#[test]
fn run_names_the_vendor_to_ask_for() {
    let system = start();
    let run = |more: &[&str]| {
        let place = system.place();
        let output = system.tool(&[&["run", "-c", &place], more, &["--", "true"]].concat());
        (output.status.code().unwrap() - 256, crate::system::complained(&output))
    };
    let hint = "run: vendor acme serves paint here: ask with --vendor acme\n";
    // Of another vendor, of none that is there, and of nobody.
    for (vendor, feature, number, says) in [
        ("LGS", "paint", -5, hint),
        ("bolt", "paint", -5, hint),
        ("nosuch", "paint", -97, hint),
        ("nosuch", "nothing", -97, "this server has LGS, acme, bolt, not nosuch"),
    ] {
        let (found, said) = run(&["--vendor", vendor, "-f", feature, "1.0"]);
        assert_eq!(found, number, "{said}");
        assert!(said.contains(says) && said.contains("ask with --vendor") == (feature == "paint"), "{said}");
    }
    assert_eq!(run(&["--vendor", "acme", "-f", "paint", "2.0"]).0, -256);
}

#[tokio::test]
async fn vendors_under_one_lmgrd_serve_side_by_side_and_die_one_by_one() {
    let mut system = start();
    let (acme, bolt) = (application(&system, "acme", "ann"), application(&system, "bolt", "ann"));
    let paint = acme.checkout("paint", "2.0").await.unwrap();
    let draw = acme.checkout("draw", "1.0").await.unwrap();
    let weld = bolt.checkout("weld", "1.0").await.unwrap();
    assert!(!paint.is_demo() && !weld.is_demo());
    // A feature is asked of its own publisher's daemon.
    assert_eq!(bolt.checkout("paint", "2.0").await.unwrap_err().code(), Code::NoSuchFeature);
    let (all, of_acme) = (lmstat(&system, &["-a"]), lmstat(&system, &["-S", "acme"]));
    for feature in ["solver", "paint", "draw", "weld"] {
        assert!(all.contains(&format!("Users of {feature}:")), "{all}");
        let mine = ["paint", "draw"].contains(&feature);
        assert_eq!(of_acme.contains(&format!("Users of {feature}:")), mine, "{of_acme}");
    }
    for vendor in ["LGS", "acme", "bolt"] {
        assert!(all.contains(&format!("{vendor}: UP")), "{all}");
    }

    // One daemon is killed and comes back, while another serves on and somebody waits at each.
    let (other_acme, other_bolt) = (application(&system, "acme", "bob"), application(&system, "bolt", "bob"));
    let wishes = Wishes::default();
    let mut for_paint =
        other_acme.checkout_waiting("paint", "2.0", 1, &wishes, Taking::AtOnce).await.unwrap();
    let mut for_weld = other_bolt.checkout_waiting("weld", "1.0", 1, &wishes, Taking::AtOnce).await.unwrap();
    let before = pid(&system, "acme");
    signal(before, "KILL");
    weld.checkin().await.unwrap();
    let weld = soon(for_weld.seat()).await.unwrap();
    until("acme to be started again", || {
        system.log_so_far().contains("REStarted acme (") && pid(&system, "acme") != before
    })
    .await;
    paint.checkin().await.unwrap();
    let paint = soon(for_paint.seat()).await.unwrap();
    assert_eq!((draw.loss(), weld.loss()), (None, None));
    draw.checkin().await.unwrap();
    let again = acme.checkout("draw", "1.0").await.unwrap();
    paint.checkin().await.unwrap();
    again.checkin().await.unwrap();
    let log = system.whole_log();
    assert!(!log.contains("REStarted bolt") && !log.contains("REStarted LGS"), "{log}");
}

#[tokio::test]
async fn one_vendor_is_reread_and_shut_down_without_the_others() {
    let system = start();
    let (acme, bolt) = (application(&system, "acme", "ann"), application(&system, "bolt", "ann"));
    let (paint, weld) =
        (acme.checkout("paint", "2.0").await.unwrap(), bolt.checkout("weld", "1.0").await.unwrap());
    let other = application(&system, "acme", "bob");
    let mut waiting =
        other.checkout_waiting("paint", "2.0", 1, &Wishes::default(), Taking::AtOnce).await.unwrap();
    assert!(matches!(waiting.progress(), Progress::Queued { position: 1, .. }));
    let (dir, port) = (system.dir.path(), system.port);
    issue(dir, port, "acme", "more/a.lic", "FEATURE paint acme 2.0 permanent 2 SN=1\n");
    issue(dir, port, "bolt", "other/c.lic", "FEATURE weld bolt 1.0 permanent 5 SN=3\n");
    let text = reread(&system, &["-vendor", "acme"]);
    assert!(text.contains("acme: pool resized: paint 2, from 1 to 2\n") && !text.contains("bolt:"), "{text}");
    // The new license goes to who waits.
    let second = soon(waiting.seat()).await.unwrap();
    assert_eq!(bolt.checkout("weld", "1.0").await.unwrap_err().code(), Code::UsersReached);
    assert!(reread(&system, &["-vendor", "bolt"]).contains("bolt: pool resized: weld 1, from 1 to 5\n"));
    bolt.checkout("weld", "1.0").await.unwrap();

    let lmdown = |more: &[&str]| {
        system.tool(&[&["lmutil", "lmdown", "-c", &system.place(), "-q", "-vendor", "acme"], more].concat())
    };
    paint.checkin().await.unwrap();
    second.checkin().await.unwrap();
    acme.close().await;
    other.close().await;
    let output = lmdown(&[]);
    assert!(output.status.success(), "{}", printed(&output));
    until_blocking("acme to be down", || {
        lmstat(&system, &["-a"]).contains("acme: The desired vendor daemon is down")
    });
    let shown = lmstat(&system, &["-a"]);
    assert!(
        shown.contains("bolt: UP") && shown.contains("Users of weld:") && shown.contains("LGS: UP"),
        "{shown}"
    );
    assert_eq!(acme.checkout("paint", "2.0").await.unwrap_err().code(), Code::VendorDown);
    assert_eq!(weld.loss(), None);
    let wishes = Wishes::default();
    let refused = acme.checkout_waiting("paint", "2.0", 1, &wishes, Taking::AtOnce);
    assert_eq!(
        tokio::time::timeout(Duration::from_secs(20), refused).await.unwrap().unwrap_err().code(),
        Code::VendorDown
    );
    reread(&system, &["-vendor", "acme"]);
    until("acme to serve again", || lmstat(&system, &["-a"]).contains("acme: UP")).await;
    acme.checkout("paint", "2.0").await.unwrap().checkin().await.unwrap();
    weld.checkin().await.unwrap();
}
