//! What lines say, and what is reported about those that are wrong.

use super::*;
use crate::text::{Severity, Source};

fn read(text: &str) -> OptionsFile {
    let file = OptionsFile::parse(Source::new("a.opt", text.as_bytes()));
    assert_eq!(file.print(), text.as_bytes(), "{text:?}");
    file
}

/// The directives of a text without errors.
fn sound(text: &str) -> Vec<Directive> {
    let file = read(text);
    let errors: Vec<_> = file.diagnostics.iter().filter(|found| found.severity == Severity::Error).collect();
    assert!(errors.is_empty(), "{text:?}: {errors:?}");
    file.options().map(|line| line.directive.clone()).collect()
}

fn access(text: &str) -> Access {
    let file = read(text);
    let Some(OptionLine { directive: Directive::Access(access), .. }) = file.options().next() else {
        panic!("{text:?}: {file:?}");
    };
    access.clone()
}

/// What is found, as `id@column`.
fn found(text: &str) -> Vec<String> {
    let file = read(text);
    file.diagnostics.iter().map(|found| format!("{}@{}", found.id, found.span.start + 1)).collect()
}

#[test]
fn every_keyword_is_read() {
    let directives = sound(
        "GROUPCASEINSENSITIVE ON\n\
         FQDN_MATCHING lenient\n\
         AUTOMATIC_REREAD OFF\n\
         GROUP g ann bob\n\
         USER_GROUP g \"carl two\"\n\
         HOST_GROUP h ws1 10.0.0.7 10.1.*.*\n\
         EXCLUDE fx USER hal\n\
         EXCLUDEALL HOST hx\n\
         INCLUDE fx:VERSION=2.0 GROUP g\n\
         INCLUDEALL INTERNET 10.1.*.*\n\
         EXCLUDE_BORROW fx PROJECT mars\n\
         INCLUDE_BORROW fx DISPLAY /dev/tty\n\
         MAX 3 fx USER ALL_USERS\n\
         MAX 0 fx GROUP ALL_GROUPS\n\
         RESERVE 2 \"f:1 VERSION=2.9\" HOST_GROUP h\n\
         BORROW_LOWWATER fx 3\n\
         LINGER fx 3600\n\
         MAX_BORROW_HOURS fx 24\n\
         MAX_OVERDRAFT fx 1\n\
         TIMEOUT fx 900\n\
         TIMEOUTALL 1800\n\
         MAX_CONNECTIONS 100\n\
         DAEMON_SELECT_TIMEOUT 5\n\
         DEBUGLOG +\"/var/log/a b.log\" OBF_ADDMARK AUTO_ROLLOVER 10\n\
         REPORTLOG /var/log/r.log HIDE_USER\n\
         NOLOG IN\n\
         ACTIVATION_LOWWATER e1:FID=f1 3\n\
         ACTIVATION_EXPIRY_DAYS e1 30\n\
         EXCLUDE_ENTITLEMENT e1 USER ann\n\
         INCLUDEALL_ENTITLEMENT HOST_GROUP h\n\
         PRIORITY 5 fx:VERSION=2.0 GROUP g\n",
    );
    assert_eq!(directives.len(), 31);
    assert_eq!(directives[0], Directive::GroupCaseInsensitive(true));
    assert_eq!(directives[1], Directive::FqdnLenient(true));
    assert!(matches!(&directives[4], Directive::Group { members, .. } if members[0].as_str() == "carl two"));
    assert!(matches!(&directives[14], Directive::Reserve { count: 2, feature, who: Who::HostGroup(_) }
        if feature.name.as_str() == "f:1" && feature.modifiers.len() == 1));
    assert!(matches!(&directives[23], Directive::DebugLog(log)
        if log.append && log.path == "/var/log/a b.log" && log.hide_users && log.rollover_mb == Some(10)));
    assert!(matches!(&directives[30], Directive::Priority { rank: 5, who: Who::Group(_), .. }));
}

#[test]
fn a_priority_has_a_range_and_names_somebody() {
    for line in [
        "PRIORITY 0 fx USER ann",
        "PRIORITY 1001 fx USER ann",
        "PRIORITY fx 5 USER ann",
        "PRIORITY 5 fx USER ALL_USERS",
    ] {
        assert_eq!(read(line).options().count(), 0, "{line}");
    }
    assert!(matches!(sound("PRIORITY 1000 fx HOST ws1")[..], [Directive::Priority { rank: 1000, .. }]));
}

#[test]
fn features_and_modifiers() {
    let spec = |text: &str| access(&format!("EXCLUDE {text} USER ann")).feature.unwrap();
    assert_eq!(spec("f:1").name.as_str(), "f:1");
    assert_eq!(spec("f:VERSION=2.0:dist_info=a:b").modifiers.len(), 2);
    assert_eq!(spec("f:VERSION=2.000").modifiers, spec("f:version=2.0").modifiers);
    assert_eq!(spec("f:EXPDATE=permanent").modifiers, [Modifier::ExpDate(None)]);
    assert_eq!(spec("f:EXPDATE=1-jan-0").modifiers, [Modifier::ExpDate(None)]);
    for text in ["f:NOTICE=\"two words\"", "\"f:NOTICE=two words\"", "\"f NOTICE=two words\""] {
        let read = spec(text);
        assert_eq!(read.name.as_str(), "f", "{text}");
        assert_eq!(read.modifiers, [Modifier::Text(TextModifier::Notice, "two words".to_owned())], "{text}");
    }
    assert_eq!(found("EXCLUDE f:VERSON=2 USER a"), ["O0302@9"]);
    assert_eq!(found("EXCLUDE f:VERSION=two USER a"), ["O0303@9"]);
    assert_eq!(found("EXCLUDE f:EXPDATE=2026-12-31 USER a"), ["O0303@9"]);
}

#[test]
fn case_o22_o82_surplus_names_never_let_anybody_in() {
    let include = access("INCLUDE fx USER a b");
    assert_eq!((include.who.is_some(), include.surplus.len()), (true, 1));
    assert_eq!(found("INCLUDE fx USER a b c"), ["O0205@19", "O0205@21"]);
    assert_eq!(access("EXCLUDE fx USER a b").surplus, [Who::User(crate::ident::User::parse("b").unwrap())]);
}

#[test]
fn a_damaged_include_keeps_its_list_closed() {
    for text in
        ["INCLUDE fx", "INCLUDE fx USR ann", "INCLUDE fx USER", "INCLUDE fx INTERNET 10.1", "INCLUDEALL USER"]
    {
        let include = access(text);
        assert_eq!((include.who, include.list), (None, AccessList::Include), "{text}");
        assert_eq!(found(text).len(), 1, "{text}");
    }
    for text in [
        "INCLUDE fx:VERSION=new USER ann",
        "INCLUDE \"fx VERSON=2.0\" USER ann",
        "INCLUDE_BORROW fx:K= USER ann",
    ] {
        let include = access(text);
        let feature = include.feature.unwrap();
        assert_eq!((feature.name.as_str(), feature.modifiers.len(), include.who), ("fx", 0, None), "{text}");
    }
    assert_eq!(read("EXCLUDE fx:VERSION=new USER ann").options().count(), 0);
    assert_eq!(read("EXCLUDE fx USR ann").options().count(), 0);
    assert_eq!(read("INCLUDE").options().count(), 0);
}

#[test]
fn mistakes_are_found_where_they_are() {
    for (text, ids) in [
        ("EXCLUD fx USER a", vec!["O0201@1"]),
        ("exclude fx USER a", vec!["O0202@1"]),
        ("EXCLUDE fx user a", vec!["O0402@12"]),
        ("MAX two fx USER a", vec!["O0501@5"]),
        ("MAX fx 2 USER a", vec!["O0501@5"]),
        ("RESERVE 0 fx USER a", vec!["O0501@9"]),
        ("RESERVE 1 fx USER ALL_USERS", vec!["O0406@19"]),
        ("MAX 1 fx HOST ALL_USERS", vec!["O0406@15"]),
        ("EXCLUDE fx USER CORP\\ann", vec!["O0405@17"]),
        ("EXCLUDE fx HOST 10.1.300.*", vec!["O0404@17"]),
        ("EXCLUDE fx HOST ws*", vec!["O0404@17"]),
        ("EXCLUDE f* USER ann", vec!["O0304@9"]),
        ("MAX_CONNECTIONS 5", vec!["O0502@17"]),
        ("DAEMON_SELECT_TIMEOUT 99", vec!["O0207@1", "O0502@23"]),
        ("GROUPCASEINSENSITIVE yes", vec!["O0503@22"]),
        ("NOLOG CHECKOUT", vec!["O0504@7"]),
        ("NOLOG IN OUT", vec!["O0204@10"]),
        ("TIMEOUT fx 0", vec!["O0505@1"]),
        ("TIMEOUT fx", vec!["O0203@1"]),
        ("GROUP g", vec!["O0601@7"]),
        ("GROUP g a b a", vec!["O0602@13"]),
        ("DEBUGLOG /a b.log", vec!["O0206@13"]),
        ("REPORTLOG +", vec!["O0203@11"]),
        ("EXCLUDE fx USER \"ann", vec!["O0101@17"]),
        ("EXCLUDE fx USER \u{201c}ann\u{201d}", vec!["O0103@17"]),
    ] {
        assert_eq!(found(text), ids, "{text}");
    }
}

#[test]
fn case_o67_o68_numbers_are_moved_into_their_range() {
    assert_eq!(sound("MAX_CONNECTIONS 5"), [Directive::MaxConnections(31)]);
    assert_eq!(sound("DAEMON_SELECT_TIMEOUT 99"), [Directive::DaemonSelectTimeout(60)]);
}

#[test]
fn case_o77_comments_and_long_lines() {
    let members: Vec<String> = (0..600).map(|number| format!("u{number}")).collect();
    let text = format!("# EXCLUDE fx USER a\nGROUP g {}\n", members.join(" \\\n  "));
    assert!(matches!(&sound(&text)[..], [Directive::Group { members, .. }] if members.len() == 600));
}

#[test]
fn other_encodings() {
    let bytes = b"EXCLUDE fx USER M\xfcller\n";
    let file = OptionsFile::parse(Source::new("a.opt", bytes));
    assert_eq!(file.print(), bytes);
    assert!(file.diagnostics.is_empty());
    assert_eq!(found("\u{feff}EXCLUDE fx USER a\n"), Vec::<String>::new());
    let file = OptionsFile::parse(Source::new("a.opt", b"\xff\xfeE\0X\0"));
    assert_eq!(file.diagnostics[0].id, "O0108");
}
