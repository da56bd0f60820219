//! Edits of options files: whatever the file, an edit changes its own lines and no other byte, and comes to what it says.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "support/abnf.rs"]
#[allow(dead_code, reason = "each test binary uses its part of the support")]
mod abnf;

use abnf::{Abnf, Dice};
use proptest::prelude::*;
use seatkeeper::options::edit::{Edit, EditError, Edited, GroupKind, Rule, apply, on_one_line};
use seatkeeper::options::{Directive, Keyword, LineKind, OptionsFile};
use seatkeeper::text::Source;

fn parse(bytes: &[u8]) -> OptionsFile {
    OptionsFile::parse(Source::new("a.opt", bytes))
}

fn strings(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn add(group: &str, members: &[&str]) -> Edit {
    Edit::AddMembers { kind: GroupKind::Users, group: group.to_owned(), members: strings(members) }
}

fn take(group: &str, members: &[&str], drop: bool) -> Edit {
    Edit::RemoveMembers { kind: GroupKind::Users, group: group.to_owned(), members: strings(members), drop }
}

/// `RESERVE 3 fx GROUP g`, `INCLUDE fx USER ann`: the words of a rule, each without quotes.
fn rule(keyword: Keyword, count: Option<u32>, feature: &str, kind: &str, name: &str) -> Rule {
    let feature = (!feature.is_empty()).then(|| feature.to_owned());
    Rule { keyword, count, feature, kind: kind.to_owned(), name: name.to_owned() }
}

fn include(feature: &str, name: &str) -> Rule {
    rule(Keyword::Include, None, feature, "USER", name)
}

fn edited(text: &str, edit: &Edit) -> Edited {
    apply(&parse(text.as_bytes()), edit).unwrap_or_else(|error| panic!("{edit:?} of {text:?}: {error}"))
}

fn text_of(text: &str, edit: &Edit) -> String {
    String::from_utf8(edited(text, edit).bytes).unwrap()
}

/// The lines that have an effect, each on one line.
fn said(file: &OptionsFile) -> Vec<String> {
    file.options().map(|line| on_one_line(file, line)).collect()
}

/// The members of a group over all its lines.
fn members(file: &OptionsFile, group: &str) -> Vec<String> {
    let lines = file.options().filter_map(|line| match &line.directive {
        Directive::Group { name, members } if name.as_str() == group => Some(members),
        _ => None,
    });
    lines.flatten().map(|member| member.as_str().to_owned()).collect()
}

#[test]
fn members_come_in_behind_the_last_one_in_the_wrapping_of_the_line() {
    for (before, names, after) in [
        ("GROUP g ann\n", &["bob", "joe"][..], "GROUP g ann bob joe\n"),
        ("group  g ann   # ours\nNOLOG IN\n", &["bob"], "group  g ann bob   # ours\nNOLOG IN\n"),
        ("GROUP g ann", &["bob"], "GROUP g ann bob"),
        ("GROUP g ann\r\n# x\r\n", &["b b"], "GROUP g ann \"b b\"\r\n# x\r\n"),
        ("GROUP g a\nGROUP h x\nGROUP g b\n", &["c"], "GROUP g a\nGROUP h x\nGROUP g b c\n"),
        ("GROUP g a \\\n  b # two\n", &["c"], "GROUP g a \\\n  b c # two\n"),
        ("GROUP g \\\n\ta \\\n\tb\n", &["c", "d"], "GROUP g \\\n\ta \\\n\tb \\\n\tc \\\n\td\n"),
        ("GROUP g a \\\r\n\tb \\ # x\r\n\tc\r\n", &["d"], "GROUP g a \\\r\n\tb \\ # x\r\n\tc \\\r\n\td\r\n"),
        ("GROUP g a \\\n", &["c"], "GROUP g a c \\\n"),
        ("\u{feff}GROUP g ann\n", &["bob"], "\u{feff}GROUP g ann bob\n"),
        ("GROUP g\n", &["bob"], "GROUP g bob\n"),
    ] {
        assert_eq!(text_of(before, &add("g", names)), after, "{before:?}");
    }
    // A wrapped line goes on where the others end.
    let wrapped = format!("GROUP g a \\\n    {}\n", "user ".repeat(13).trim_end());
    let text = text_of(&wrapped, &add("g", &["bob", "joe"]));
    assert!(text.ends_with("user \\\n    bob joe\n"), "{text}");
}

#[test]
fn a_line_that_is_full_is_followed_by_another() {
    let names: Vec<String> = (0..570).map(|n| format!("us{n:04}")).collect();
    let text = format!("GROUP g {}\nNOLOG IN\n", names.join(" "));
    let after = text_of(&text, &add("g", &["bob"]));
    assert_eq!(after, text.replace("\nNOLOG", "\nGROUP g bob\nNOLOG"));
}

#[test]
fn a_new_group_stands_with_the_groups() {
    for (before, after) in [
        ("", "GROUP t ann\n"),
        ("\u{feff}", "\u{feff}GROUP t ann\n"),
        ("# rules\n", "# rules\nGROUP t ann\n"),
        ("NOLOG IN", "GROUP t ann\nNOLOG IN"),
        ("# why\nEXCLUDE f USER x\n", "GROUP t ann\n# why\nEXCLUDE f USER x\n"),
        ("\u{feff}NOLOG IN\r\n", "\u{feff}GROUP t ann\r\nNOLOG IN\r\n"),
        (
            "GROUPCASEINSENSITIVE ON\n\nEXCLUDE f USER x\n",
            "GROUPCASEINSENSITIVE ON\nGROUP t ann\n\nEXCLUDE f USER x\n",
        ),
        ("GROUP a x\nHOST_GROUP b y\nNOLOG IN\n", "GROUP a x\nGROUP t ann\nHOST_GROUP b y\nNOLOG IN\n"),
        ("NOLOG IN\nGROUP a x \\\n\nNOLOG OUT\n", "NOLOG IN\nGROUP a x \\\n\nGROUP t ann\n\nNOLOG OUT\n"),
        ("GROUP a x \\", "GROUP a x \\\n\nGROUP t ann"),
        ("GROUP a x", "GROUP a x\nGROUP t ann"),
    ] {
        assert_eq!(text_of(before, &add("t", &["ann"])), after, "{before:?}");
    }
}

#[test]
fn members_go_and_comments_and_wrapping_stay() {
    for (before, names, after) in [
        ("GROUP g ann bob joe\n", &["bob"][..], "GROUP g ann joe\n"),
        ("GROUP g ann bob # ours\n", &["bob"], "GROUP g ann # ours\n"),
        ("GROUP g  ann  bob\n", &["ann"], "GROUP g  bob\n"),
        ("GROUP g a \\\n\tb \\\n\tc\n", &["b"], "GROUP g a \\\n\tc\n"),
        ("GROUP g a \\\n\tb \\\n\tc\n", &["c"], "GROUP g a \\\n\tb\n"),
        ("GROUP g a \\\n\tb c d\n", &["b"], "GROUP g a \\\n\tc d\n"),
        (
            "GROUP g a \\ # one\n  b \\ # two\n  c # three\n",
            &["b"],
            "GROUP g a \\ # one\n   \\ # two\n  c # three\n",
        ),
        ("GROUP g a \\ # one\n  b \\\n  c\n", &["b"], "GROUP g a \\ # one\n  c\n"),
        ("GROUP g a \\ # one\n  b # two\nNOLOG IN\n", &["b"], "GROUP g a # one\n# two\nNOLOG IN\n"),
        ("GROUP g a \\ # one\n  b\nNOLOG IN\n", &["b"], "GROUP g a # one\nNOLOG IN\n"),
        ("GROUP g a\nGROUP g b # x\nGROUP g c\n", &["b"], "GROUP g a\nGROUP g c\n"),
        ("GROUP g a b a\n", &["a"], "GROUP g b\n"),
        ("GROUPCASEINSENSITIVE ON\nGROUP g Ann bob\n", &["ann"], "GROUPCASEINSENSITIVE ON\nGROUP g bob\n"),
        ("GROUP g \"b b\" c", &["b b"], "GROUP g c"),
    ] {
        assert_eq!(text_of(before, &take("g", names, false)), after, "{before:?}");
    }
}

#[test]
fn the_last_member_takes_the_group_and_its_lines_along() {
    let text = "GROUP g ann\nEXCLUDE fx GROUP g\nRESERVE 2 fy GROUP g # why\nNOLOG IN\n";
    let error = apply(&parse(text.as_bytes()), &take("g", &["ann"], false)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "GROUP g would have no member left, and there are no empty groups; with --drop the group goes too, and what names it: \
         line 2 (EXCLUDE fx GROUP g), line 3 (RESERVE 2 fy GROUP g)"
    );
    assert_eq!(text_of(text, &take("g", &["ann"], true)), "NOLOG IN\n");
    let error = apply(&parse(text.as_bytes()), &take("g", &["anne"], false)).unwrap_err();
    assert_eq!(error.to_string(), "anne is not in GROUP g; did you mean ann?");
    let error = apply(&parse(text.as_bytes()), &take("G", &["ann"], false)).unwrap_err();
    assert_eq!(error.to_string(), "no GROUP G is defined; did you mean g?");
    let several = parse(b"GROUP g ann\nEXCLUDE fx GROUP g h\n");
    let error = apply(&several, &take("g", &["ann"], true)).unwrap_err();
    assert!(matches!(error, EditError::SeveralNames { line: 2, .. }), "{error}");
}

#[test]
fn numbers_are_set_where_the_line_stands() {
    let reserve = |count| Edit::Put(rule(Keyword::Reserve, Some(count), "fx:VERSION=2.00", "GROUP", "g"));
    let text = "GROUP g a\nRESERVE  2  fx:VERSION=2.0 GROUP g  # ours\nNOLOG IN\n";
    assert_eq!(text_of(text, &reserve(3)), text.replace("  2  ", "  3  "));
    assert!(edited(text, &reserve(2)).changes.is_empty());
    // Reservations add up; what is set is the sum.
    let twice = "RESERVE 2 fx GROUP g\nRESERVE 4 fx GROUP g\nRESERVE 1 fx USER a\n";
    let set = Edit::Put(rule(Keyword::Reserve, Some(5), "fx", "GROUP", "g"));
    assert_eq!(text_of(twice, &set), "RESERVE 5 fx GROUP g\nRESERVE 1 fx USER a\n");
    assert_eq!(
        text_of("RESERVE 1 fx USER a\nNOLOG IN\n", &set),
        "RESERVE 1 fx USER a\nRESERVE 5 fx GROUP g\nNOLOG IN\n"
    );
    let max = |count, name: &str| Edit::Put(rule(Keyword::Max, Some(count), "fx", "user", name));
    assert_eq!(
        text_of("MAX 1 fx USER ALL_USERS\n", &max(2, "ann")),
        "MAX 2 fx USER ann\nMAX 1 fx USER ALL_USERS\n"
    );
    assert_eq!(
        text_of("MAX 2 fx USER ann\n", &max(1, "ALL_USERS")),
        "MAX 2 fx USER ann\nMAX 1 fx USER ALL_USERS\n"
    );
    let gone = Edit::Remove(rule(Keyword::Max, None, "fx", "USER", "ann"));
    assert_eq!(text_of("MAX 2 fx USER ann # x\nMAX 3 fx USER ann\nNOLOG IN\n", &gone), "NOLOG IN\n");
}

#[test]
fn lists_tell_what_they_open_and_close() {
    let first = edited("NOLOG IN\n", &Edit::Put(include("fx", "ann")));
    assert_eq!((first.closed, first.opened), (strings(&["fx"]), strings(&[])));
    assert_eq!(first.bytes, b"NOLOG IN\nINCLUDE fx USER ann\n");
    let second = edited("INCLUDE fx USER ann\n", &Edit::Put(include("fx", "bob")));
    assert!(second.closed.is_empty() && second.opened.is_empty());
    let last = edited("INCLUDE fx USER ann\n", &Edit::Remove(include("fx", "ann")));
    assert_eq!((last.opened, &*last.bytes), (strings(&["fx"]), &b""[..]));
    let other = edited("INCLUDEALL USER joe\nINCLUDE fx USER ann\n", &Edit::Remove(include("fx", "ann")));
    assert!(other.opened.is_empty());
    let all = Edit::Remove(rule(Keyword::IncludeAll, None, "", "USER", "joe"));
    assert_eq!(edited("INCLUDEALL USER joe\n", &all).opened, ["every feature"]);
    let missing = apply(&parse(b"INCLUDE fx USER ann\n"), &Edit::Remove(include("fy", "ann"))).unwrap_err();
    assert_eq!(missing.to_string(), "no line says INCLUDE fy USER ann; line 1 says INCLUDE fx USER ann");
    let several = apply(
        &parse(b"EXCLUDE fx USER a b\n"),
        &Edit::Remove(rule(Keyword::Exclude, None, "fx", "USER", "b")),
    );
    assert!(matches!(several, Err(EditError::SeveralNames { line: 1, .. })));
}

#[test]
fn what_the_language_cannot_write_is_refused() {
    for (edit, why) in [
        (add("g", &["a\"b"]), "has a quotation mark"),
        (add("g", &[""]), "user name is empty"),
        (add("g", &["a\nb"]), "can't stand in an options file"),
        (add("", &["ann"]), "user name is empty"),
        (add("g", &[]), "group g has no member"),
        (Edit::Put(include("fx", "a\tb")), "can't stand in an options file"),
        (
            Edit::Put(rule(Keyword::Include, None, "fx", "HOST", "big*")),
            "a star stands for a part of an address",
        ),
        (Edit::Put(rule(Keyword::Include, None, "fx", "USR", "ann")), "\"USR\" is not a type"),
        (Edit::Put(rule(Keyword::Include, None, "fx:VERSION=new", "USER", "ann")), "VERSION=\"new\" is not"),
        (
            Edit::Put(rule(Keyword::Reserve, Some(0), "fx", "USER", "ann")),
            "0 is not a number of reservations",
        ),
    ] {
        let error = apply(&parse(b"NOLOG IN\n"), &edit).unwrap_err().to_string();
        assert!(error.contains(why), "{edit:?}: {error}");
    }
    for name in ["a b", "#a", "C:\\x\\", "a#b", "x=y", "ALL"] {
        let text = text_of("", &add("g", &[name]));
        assert_eq!(members(&parse(text.as_bytes()), "g"), [name], "{text}");
    }
}

#[test]
fn latin1_stays_latin1() {
    let file = parse(b"# M\xfcller\nGROUP g ann\n");
    assert_eq!(apply(&file, &add("g", &["j\u{f6}rg"])).unwrap().bytes, b"# M\xfcller\nGROUP g ann j\xf6rg\n");
    assert_eq!(apply(&file, &add("g", &["\u{142}"])), Err(EditError::NotInEncoding('\u{142}')));
    // Without its only byte that is no UTF-8 the rest would be another text.
    let odd = parse(b"GROUP g \xfc bob\n# \xc3\xa4\n");
    assert!(matches!(apply(&odd, &take("g", &["\u{fc}"], false)), Err(EditError::MeaningChanged(_))));
    let utf16 = parse(b"\xff\xfeN\0O\0");
    assert!(apply(&utf16, &add("g", &["ann"])).is_err());
}

fn grammar() -> Abnf {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/grammar/options-file.abnf");
    Abnf::parse(&std::fs::read_to_string(path).unwrap())
}

/// That every line of the old file which no change names stands in the new one, in its order and byte for byte.
fn check_rest(before: &OptionsFile, done: &Edited) {
    let after = parse(&done.bytes);
    let now = after.source.text();
    let touched: Vec<&str> =
        done.changes.iter().map(|change| &*change.before).filter(|said| !said.is_empty()).collect();
    let mut at = 0;
    let mut seen = 0;
    for line in &before.lines {
        if let LineKind::Option(option) = &line.kind
            && touched.contains(&&*on_one_line(before, option))
        {
            seen += 1;
            continue;
        }
        let text = before.source.slice(line.span).trim_end_matches(['\r', '\n']);
        let text = if line.span.start == 0 { text.trim_start_matches('\u{feff}') } else { text };
        let found = now[at..].find(text).unwrap_or_else(|| panic!("{text:?} is missing in {now:?}"));
        at += found + text.len();
    }
    assert!(seen >= touched.len(), "{:?}", done.changes);
    let marked = |file: &OptionsFile| file.source.text().starts_with('\u{feff}');
    assert_eq!(marked(before), marked(&after));
}

fn made(seed: u64) -> String {
    grammar().make("sound-file", &mut Dice(seed % 100_000))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn members_added_and_removed_leave_the_rest(seed in any::<u64>(), pick in any::<prop::sample::Index>(), names in prop::collection::vec("[a-z#]{1,6}( [a-z]{1,3})?", 1..4)) {
        let text = made(seed);
        let before = parse(text.as_bytes());
        let groups: Vec<String> = before.options().filter_map(|line| match &line.directive {
            Directive::Group { name, .. } => Some(name.as_str().to_owned()),
            _ => None,
        }).collect();
        let group = if groups.is_empty() { "team".to_owned() } else { pick.get(&groups).clone() };
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let old = members(&before, &group);
        let done = apply(&before, &add(&group, &names)).unwrap();
        check_rest(&before, &done);
        let after = parse(&done.bytes);
        let mut expected = old.clone();
        let ignores = before.options().fold(false, |on, line| match line.directive {
            Directive::GroupCaseInsensitive(now) => now,
            _ => on,
        });
        for name in &names {
            if !expected.iter().any(|other| other == name || ignores && other.to_lowercase() == name.to_lowercase()) {
                expected.push((*name).to_owned());
            }
        }
        let mut now = members(&after, &group);
        let (mut sorted, mut wanted) = (now.clone(), expected.clone());
        sorted.sort();
        wanted.sort();
        prop_assert_eq!(sorted, wanted);
        // Removing what came in gives the old meaning again.
        let fresh: Vec<String> = expected[old.len()..].to_vec();
        if !fresh.is_empty() {
            let back = Edit::RemoveMembers { kind: GroupKind::Users, group: group.clone(), members: fresh, drop: true };
            let again = apply(&after, &back).unwrap_or_else(|error| panic!("{error}: {:?} {back:?}", after.source.text()));
            check_rest(&after, &again);
            let file = parse(&again.bytes);
            if !old.is_empty() {
                prop_assert_eq!(said(&file), said(&before));
            }
            now = members(&file, &group);
            prop_assert_eq!(now, old);
        }
    }

    #[test]
    fn old_members_go_one_by_one(seed in any::<u64>(), pick in any::<prop::sample::Index>()) {
        let text = format!("GROUP g ann \\\n  bob \\ # b\n  joe\n{}", made(seed));
        let before = parse(text.as_bytes());
        let all: Vec<(String, String)> = before.options().filter_map(|line| match &line.directive {
            Directive::Group { name, members } => Some(members.iter().map(|member| (name.as_str().to_owned(), member.as_str().to_owned())).collect::<Vec<_>>()),
            _ => None,
        }).flatten().collect();
        let (group, member) = pick.get(&all).clone();
        match apply(&before, &take(&group, &[&member], false)) {
            Ok(done) => {
                check_rest(&before, &done);
                let now = members(&parse(&done.bytes), &group);
                prop_assert!(!now.contains(&member) && !now.is_empty());
            }
            Err(EditError::LastMember { .. }) => {}
            Err(error) => prop_assert!(false, "{}: {error}", text),
        }
    }

    #[test]
    fn rules_written_and_removed_leave_the_rest(seed in any::<u64>(), which in 0_usize..6, count in 1_u32..9) {
        let text = made(seed);
        let before = parse(text.as_bytes());
        let wanted = match which {
            0 => include("added", "ann"),
            1 => rule(Keyword::ExcludeAll, None, "", "HOST_GROUP", "g h"),
            2 => rule(Keyword::Exclude, None, "f:1 VERSION=2.0", "PROJECT", "#x"),
            3 => rule(Keyword::IncludeBorrow, None, "added", "INTERNET", "10.1.*.*"),
            4 => rule(Keyword::Max, Some(count), "added", "USER", "ann"),
            _ => rule(Keyword::Reserve, Some(count), "added:VERSION=2.0", "DISPLAY", ":0"),
        };
        let done = apply(&before, &Edit::Put(wanted.clone())).unwrap();
        check_rest(&before, &done);
        prop_assert_eq!(done.changes.len(), 1);
        let after = parse(&done.bytes);
        prop_assert!(apply(&after, &Edit::Put(wanted.clone())).unwrap().changes.is_empty());
        let again = apply(&after, &Edit::Remove(wanted)).unwrap();
        check_rest(&after, &again);
        prop_assert_eq!(said(&parse(&again.bytes)), said(&before));
    }

    #[test]
    fn damaged_files_are_edited_or_refused(seed in any::<u64>(), at in any::<prop::sample::Index>(), with in "[ \"\\\\#\r\n\t=:+\u{feff}]{0,3}") {
        let mut characters: Vec<char> = made(seed).chars().collect();
        let at = at.index(characters.len() + 1);
        let end = (at + with.chars().count()).min(characters.len());
        characters.splice(at..end, with.chars());
        let text: String = characters.into_iter().collect();
        let before = parse(text.as_bytes());
        let mut edits = vec![add("team", &["ann"]), Edit::Put(include("added", "ann"))];
        edits.extend(before.options().filter_map(|line| match &line.directive {
            Directive::Group { name, members } => Some(take(name.as_str(), &[members.first()?.as_str()], false)),
            _ => None,
        }));
        for edit in edits {
            if let Ok(done) = apply(&before, &edit) {
                check_rest(&before, &done);
            }
        }
    }
}
