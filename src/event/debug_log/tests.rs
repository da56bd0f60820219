use super::*;
use crate::event::{Checkout, Claims, Denial, Identity, SessionKind};
use crate::ident::{Handle, SessionId, Token};

fn at(text: &str) -> Timestamp {
    Timestamp(text.parse::<jiff::Timestamp>().unwrap().as_millisecond())
}

fn identity(user: &str) -> Identity {
    Identity::new(
        Claims {
            user: user.parse().unwrap(),
            host: "ws01".parse().unwrap(),
            display: "/dev/pts/3".parse().unwrap(),
            project: None,
            platform: None,
            hostids: vec![],
            pid: None,
        },
        [127, 0, 0, 1].into(),
        SessionKind::Framed,
    )
}

fn request(count: u32) -> Checkout {
    Checkout {
        token: Token(1),
        acknowledged: Token(0),
        feature: "solver".parse().unwrap(),
        version: "2.0".parse().unwrap(),
        count: Count::new(count).unwrap(),
        wishes: crate::event::Wishes::default(),
    }
}

fn refused(code: Code, minor: u16, note: &str, times: u32) -> Denied {
    Denied {
        session: SessionId([1; 16]),
        identity: identity("dave"),
        request: request(1),
        denial: Denial::new(code, minor, note),
        times,
    }
}

#[test]
fn the_prefix_pads_the_hour_with_a_blank_in_local_time() {
    let style = LogStyle::new("LGS", TimeZone::get("Europe/Berlin").unwrap());
    assert_eq!(style.line(at("2025-03-04T07:59:08Z"), "x"), " 8:59:08 (LGS) x");
    assert_eq!(style.line(at("2025-07-04T21:00:00Z"), ""), "23:00:00 (LGS) ");
    assert_eq!(
        style.clone().with_datestamp(true).line(at("2025-03-04T07:59:08Z"), "x"),
        "2025-03-04T08:59:08+01:00 (LGS) x"
    );
    assert_eq!(style.timestamp(at("2025-03-03T23:30:00Z")), "TIMESTAMP 3/4/2025");
    assert_eq!(style.long_date(at("2025-03-04T07:59:58Z")), "Tue Mar 04 2025 08:59:58 CET");
}

#[test]
fn a_page_has_the_lines_that_its_style_makes() {
    for datestamp in [false, true] {
        let style = LogStyle::new("LGS", TimeZone::get("Europe/Berlin").unwrap()).with_datestamp(datestamp);
        let mut page = Page::new(style.clone());
        let times = [
            "2025-03-30T00:59:58.999Z",
            "2025-03-30T00:59:59Z",
            "2025-03-30T00:59:59.999Z",
            // Summer begins, and a clock that is set back is told as well.
            "2025-03-30T01:00:00Z",
            "2025-03-30T00:59:59.500Z",
            "1969-12-31T23:59:59.999Z",
            "1970-01-01T00:00:00.001Z",
        ];
        for time in times {
            page.line(at(time), &format!("at {time}"));
        }
        let wanted: Vec<String> = times.map(|time| style.line(at(time), &format!("at {time}")) + "\n").into();
        assert_eq!(page.len(), wanted.concat().len());
        assert_eq!(page.take(), (wanted.concat(), 7));
        assert!(page.is_empty());
        assert_eq!(page.take(), (String::new(), 0));
    }
}

fn out_line(user: &str, count: u32) -> String {
    checked_out(&Holder::of_request(&identity(user), &request(count)))
}

fn in_line(user: &str, count: u32, why: InReason) -> String {
    checked_in(&Holder::of_request(&identity(user), &request(count)), &back(why))
}

fn back(why: InReason) -> In {
    In { session: SessionId([1; 16]), handle: Handle(7), why }
}

#[test]
fn out_and_in_have_two_blanks_and_the_count_only_above_one() {
    assert_eq!(out_line("anna", 1), "OUT: \"solver\" anna@ws01  ");
    assert_eq!(out_line("Bob Lee", 3), "OUT: \"solver\" Bob Lee@ws01  (3 licenses) ");
    let checkin = InReason::Checkin { token: Token(2), acknowledged: Token(1) };
    assert_eq!(in_line("Bob Lee", 3, checkin), "IN: \"solver\" Bob Lee@ws01  (3 licenses) ");
}

#[test]
fn reasons_of_ended_sessions_are_in_capitals() {
    for (why, tail) in [
        (EndReason::Goodbye, ""),
        (EndReason::Disconnect, "(DISCONNECT)"),
        (EndReason::LeaseLapsed, "(LEASE_LAPSED)"),
        (EndReason::Shutdown, "(SHUTDOWN)"),
    ] {
        assert_eq!(in_line("anna", 1, InReason::Ended(why)), format!("IN: \"solver\" anna@ws01  {tail}"));
    }
}

#[test]
fn a_denial_names_the_rule_between_its_text_and_its_numbers() {
    let mut refused = refused(Code::Excluded, 212, "", 1);
    refused.denial =
        Denial::by_rule(Code::Excluded, 212, "LGS.opt:3", "the line excludes the client from solver");
    assert_eq!(
        denied(&refused),
        [
            "DENIED: \"solver\" dave@ws01  (User/host on EXCLUDE list for feature: LGS.opt:3. (-38,212))",
            "NOTE: LGS.opt:3: the line excludes the client from solver"
        ]
    );
}

#[test]
fn denials_keep_their_classic_form_and_explain_on_a_line_of_their_own() {
    assert_eq!(
        denied(&refused(Code::UsersReached, 209, "10 of 10 licenses of solver are in use", 1)),
        [
            "DENIED: \"solver\" dave@ws01  (Licensed number of users already reached. (-4,209))",
            "NOTE: 10 of 10 licenses of solver are in use"
        ]
    );
    assert_eq!(
        denied(&refused(Code::NoSuchFeature, 201, "", 4)),
        [
            "UNSUPPORTED: \"solver\" (PORT_AT_HOST_PLUS   ) dave@ws01  (No such feature exists. (-5,201))",
            "NOTE: 4 equal requests of this client were denied"
        ]
    );
    assert!(
        denied(&refused(Code::FeatureNotSupported, 202, "", 1))[0]
            .starts_with("UNSUPPORTED: \"solver\" (PORT_AT_HOST_PLUS   ) dave@ws01  (License server")
    );
}

#[test]
fn the_feature_table_has_one_then_three_columns_of_sixteen() {
    assert_eq!(
        feature_table(
            "lic1",
            ["solver", "mesher", "viewer", "structural_fatigue", "exactly_8", "fourteen_chars"]
        ),
        [
            "Server started on lic1 for:\tsolver\t\t",
            "mesher\t\tviewer\t\tstructural_fatigue ",
            "exactly_8\tfourteen_chars\t"
        ]
    );
    assert_eq!(feature_table("lic1", []), ["Server started on lic1 for:\t"]);
    assert_eq!(
        feature_table("h", ["seven77", "eight888", "fifteen_chars15"])[1],
        "eight888\tfifteen_chars15 "
    );
}

#[test]
fn expiry_and_status_lines() {
    assert_eq!(expired("f1"), "EXPIRED: f1");
    let on = crate::time::CivilDate::parse("1-jan-2027").unwrap();
    assert_eq!(expires_soon("f1", 1, on), "f1 expires in 1 day on 1-jan-2027");
    assert_eq!(expires_soon("f1", 30, on), "f1 expires in 30 days on 1-jan-2027");
    let style = LogStyle::new("LGS", TimeZone::UTC);
    let block = vendor_daemon_block(&style, Timestamp(0), 7, "0.1.0", 27010, "lic1", "ANY");
    assert_eq!(block[0], format!("(@LGS-SLOG@) {}", "=".repeat(47)));
    assert_eq!(block[0], *block.last().unwrap());
    assert!(block.contains(&"(@LGS-SLOG@) Start-Date: Thu Jan 01 1970 00:00:00 UTC".to_owned()));
    let block = license_manager_block(&style, Timestamp(0), 7, "0.1.0", 27000, "-z", "/a.lic");
    assert!(block.contains(&"(@LGS-SLOG@) License file(s) used:  /a.lic".to_owned()));
}
