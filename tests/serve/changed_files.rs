//! Files that were changed while the daemon was down: what is out moves to the pools that are served now, and nothing ends.

use seatkeeper::event::Event;
use seatkeeper::ident::Handle;
use seatkeeper::wire::SessionTerms;

use crate::daemon::{Daemon, Reply, Ticket, Wire, now};
use crate::{Site, history, session};

fn license(lines: &str) -> String {
    format!("SERVER this_host ANY 27000\nVENDOR LGS\n{lines}\n")
}

/// Judged again under the recorded files, everything comes out as recorded.
fn replays(site: &Site) {
    let mut lmreplay = std::process::Command::new(env!("CARGO_BIN_EXE_seatkeeper"));
    let told = lmreplay.args(["lmreplay", "--recorded"]).arg(site.history()).output().unwrap();
    assert_eq!(told.status.code(), Some(0), "{}", String::from_utf8_lossy(&told.stdout));
}

/// The client of a session comes back after a start; what it has.
fn resumed(daemon: &Daemon, user: &str, terms: &SessionTerms) -> (Wire, Vec<Handle>) {
    let mut wire = Wire::connect(daemon.port).unwrap();
    let purpose = Ticket::of(terms).purpose([1; 16]);
    let back = wire.hello(user, purpose, now()).unwrap().unwrap().unwrap();
    assert_eq!(back.lost, []);
    (wire, back.held)
}

/// A line that was changed while the daemon was down has a pool of another name, of which nothing was out: others were granted what
/// ann had still.
#[test]
fn what_is_out_at_a_start_with_changed_files_counts_as_after_a_reread() {
    let site = Site::new(300, 60);
    site.serve(&license("INCREMENT fx LGS 2.0 permanent 1"));
    let daemon = site.start();
    let (mut ann, terms) = session(&daemon, "ann");
    let handle = ann.checkout(1, 0, "fx", 1).unwrap().granted().handle;
    daemon.kill();
    site.serve(&license("INCREMENT fx LGS 2.0 permanent 1 BORROW=48"));
    let daemon = site.start();
    let (mut bob, _) = session(&daemon, "bob");
    assert_eq!(bob.checkout(1, 0, "fx", 1).unwrap().number(), -4, "ann has it");
    assert_eq!(resumed(&daemon, "ann", &terms).1, [handle]);
}

#[test]
fn a_start_without_a_line_for_what_is_out_leaves_it_out() {
    let site = Site::new(300, 60);
    let right = license("INCREMENT fx LGS 2.0 permanent 1");
    site.serve(&right);
    let daemon = site.start();
    let (mut ann, terms) = session(&daemon, "ann");
    let handle = ann.checkout(1, 0, "fx", 1).unwrap().granted().handle;
    assert!(daemon.stop().code().is_some());
    site.serve(&license("INCREMENT fy LGS 2.0 permanent 1"));
    let daemon = site.start();
    assert!(daemon.stop().code().is_some());
    site.serve(&right);
    let daemon = site.start();
    let (mut bob, _) = session(&daemon, "bob");
    assert_eq!(bob.checkout(1, 0, "fx", 1).unwrap().number(), -4, "ann has it");
    let (mut ann, held) = resumed(&daemon, "ann", &terms);
    assert_eq!(held, [handle]);
    assert_eq!(ann.checkin(2, 1, handle).unwrap(), Reply::CheckedIn(handle));
    assert_eq!(bob.checkout(2, 1, "fx", 1).unwrap().number(), 0);
    assert!(daemon.stop().code().is_some());
    let rereads = |event: &&Event| matches!(event, Event::Reread(_));
    let records = history(&site.history());
    assert_eq!(records.iter().flat_map(|record| &record.events).filter(rereads).count(), 0, "nothing moved");
    replays(&site);
}

#[test]
fn a_package_is_not_lost_over_a_start_whose_files_have_none() {
    let site = Site::new(300, 60);
    let suite = "PACKAGE pk LGS 1.0 COMPONENTS=\"ca cb\" OPTIONS=SUITE\nFEATURE pk LGS 1.0 permanent 1";
    site.serve(&license(suite));
    let daemon = site.start();
    let (mut ann, terms) = session(&daemon, "ann");
    let handle = ann.checkout(1, 0, "ca", 1).unwrap().granted().handle;
    daemon.kill();
    site.serve(&license("FEATURE ca LGS 1.0 permanent 1"));
    site.start().kill();
    site.serve(&license(suite));
    let daemon = site.start();
    let (mut bob, _) = session(&daemon, "bob");
    assert_eq!(bob.checkout(1, 0, "cb", 1).unwrap().number(), -4, "ann has the only one");
    let (mut ann, held) = resumed(&daemon, "ann", &terms);
    assert!(held.contains(&handle) && held.len() == 2, "her component went on, and its package");
    assert_eq!(ann.checkin(2, 1, handle).unwrap(), Reply::CheckedIn(handle));
    assert_eq!(bob.checkout(2, 1, "cb", 1).unwrap().number(), 0, "the package came back with it");
    daemon.kill();
    let records = history(&site.history());
    let moving = records.iter().find(|record| matches!(record.events[0], Event::Reread(_))).unwrap();
    let [_, Event::Moved(moved)] = &moving.events[..] else { panic!("{moving:?}") };
    assert_eq!((moved.handle, moved.to.as_str()), (handle, "ca 1"));
    replays(&site);
}
