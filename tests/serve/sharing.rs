//! Checkouts that use the same licenses, over real sockets and through a restart.

use seatkeeper::event::{Checkout, Wishes};
use seatkeeper::ident::{Count, DupMask, Token};
use seatkeeper::wire::{FeatureCount, Message, StatusItem};

use crate::daemon::{Reply, Ticket, Wire, now};
use crate::{Site, session};

const LINES: &str = "SERVER this_host ANY 27000\nVENDOR LGS\nFEATURE shared LGS 1.0 permanent 2 DUP_GROUP=UH\n\
     FEATURE own LGS 1.0 permanent 1\nFEATURE over LGS 1.0 permanent 1 OVERDRAFT=1\n";

fn asking(wire: &mut Wire, token: u64, feature: &str, share: &str) -> Reply {
    let request = Checkout {
        token: Token(token),
        acknowledged: Token(token - 1),
        feature: feature.parse().unwrap(),
        version: "1.0".parse().unwrap(),
        count: Count::MIN,
        wishes: Wishes { share: DupMask::parse(share).unwrap(), ..Wishes::default() },
    };
    Reply::of(wire.ask(&Message::Checkout(request)).unwrap())
}

/// Licenses in use of a feature, and how many lines of users it has.
fn shown(wire: &mut Wire, feature: &str) -> (u32, usize) {
    let ask = Message::AskStatus { feature: Some(feature.parse().unwrap()), users: true };
    let Message::Status(items) = wire.ask(&ask).unwrap() else { panic!("status") };
    let in_use = items.iter().find_map(|item| match item {
        StatusItem::Feature { count: FeatureCount::Counted { in_use, .. }, .. } => Some(*in_use),
        _ => None,
    });
    (in_use.unwrap(), items.iter().filter(|item| matches!(item, StatusItem::User { .. })).count())
}

#[test]
fn cases_l36_l37_l39_through_a_running_server_and_a_restart() {
    let site = Site::new(300, 5);
    site.serve(LINES);
    let daemon = site.start();
    let (mut ann, terms) = session(&daemon, "ann");
    for token in 1..=3 {
        assert!(matches!(asking(&mut ann, token, "shared", "NONE"), Reply::Granted(_)));
    }
    for token in 4..=5 {
        assert!(matches!(asking(&mut ann, token, "own", "UHD"), Reply::Granted(_)));
    }
    assert_eq!((shown(&mut ann, "shared"), shown(&mut ann, "own")), ((1, 3), (1, 2)));
    let (mut bob, _) = session(&daemon, "bob");
    assert_eq!(asking(&mut bob, 1, "own", "UHD").number(), -4);
    assert!(matches!(asking(&mut bob, 2, "over", "NONE"), Reply::Granted(_)));
    assert!(matches!(asking(&mut bob, 3, "over", "NONE"), Reply::Granted(_)));
    assert_eq!(asking(&mut bob, 4, "over", "NONE").number(), -4);
    assert_eq!(shown(&mut bob, "over"), (2, 2));
    let log = daemon.log_until_now();
    assert_eq!(log.matches("OUT: \"shared\" ann@").count(), 3, "{log}");
    daemon.kill();
    // What is shared is counted once by who reads the history back, too.
    let daemon = site.start();
    let mut again = Wire::connect(daemon.port).unwrap();
    again.hello("ann", Ticket::of(&terms).purpose([1; 16]), now()).unwrap().unwrap();
    assert_eq!((shown(&mut again, "shared"), shown(&mut again, "own")), ((1, 3), (1, 2)));
    assert!(matches!(asking(&mut again, 6, "shared", "NONE"), Reply::Granted(_)));
    assert_eq!(shown(&mut again, "shared"), (1, 4));
}
