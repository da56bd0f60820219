//! TIMEOUT: licenses of idle users come back, and their clients are told.

use seatkeeper::code::Code;
use seatkeeper::ident::Token;
use seatkeeper::wire::{Message, Notice};

use crate::daemon::until;
use crate::{Site, session};

#[test]
fn case_o59_an_idle_client_is_told_that_its_license_was_taken_back() {
    let site = Site::new(300, 5);
    let manifest = site.dir.path().join("LGS.vendor.toml");
    let text = std::fs::read_to_string(&manifest).unwrap();
    let sooner = text.replace("timeout_minimum_seconds = 900", "timeout_minimum_seconds = 1");
    assert_ne!(sooner, text);
    std::fs::write(&manifest, sooner).unwrap();
    let options = site.dir.path().join("LGS.opt");
    std::fs::write(&options, "TIMEOUT one 1\n").unwrap();
    let daemon = site.start_on(|command| {
        command.arg("--options").arg(&options);
    });
    let (mut ann, _) = session(&daemon, "ann");
    let one = ann.checkout(1, 0, "one", 1).unwrap().granted();
    ann.checkout(2, 1, "ten", 1).unwrap().granted();
    until("the license is taken back", || {
        ann.ask(&Message::Heartbeat { acknowledged: Token(2), idle_s: Some(60) }).unwrap();
        !ann.notices.is_empty()
    });
    let [Notice::SeatLost { handle, denial }] = &ann.notices[..] else { panic!("{:?}", ann.notices) };
    assert_eq!((*handle, denial.code), (one.handle, Code::Inactive));
    daemon.wait_for_log(&["IN: \"one\" ann@ws01  (INACTIVE)"]);
    // It can be asked for again, by anybody.
    assert_ne!(ann.checkout(3, 2, "one", 1).unwrap().granted().handle, one.handle);
}
