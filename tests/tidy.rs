//! The house rules that a machine can check: which room may know which, what the pure floors may not touch, where
//! `unsafe` may stand, how long files are, and what does not belong into tracked files.
//!
//! An exception is written into the table of its rule with its reason; one that is no longer needed fails too.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr, clippy::indexing_slicing)]

#[path = "tidy/source.rs"]
mod source;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use source::{rust_sources, tracked_files};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// The rooms by floor. A room may use all rooms of lower floors, and beside it what `ALSO` grants.
const FLOORS: [&[&str]; 7] = [
    &["ident", "code", "time", "text"],
    &["license", "options", "sign", "event", "wire"],
    &["catalog", "policy"],
    &["seat", "session", "lint", "editor"],
    &["store", "platform", "replay"],
    &["vendord", "lmgrd", "client"],
    &["lmutil", "lsp", "cli"],
];

/// Rooms above this floor may touch the machine, except those of `PURE_ABOVE`.
const PURE_FLOOR_LAST: usize = 3;
const PURE_ABOVE: [&str; 1] = ["replay"];

/// Names of the library's root that any room may use.
const ROOT_ITEMS: [&str; 2] = ["VERSION", "describe_version"];

/// `(room, room beside it, why)`.
const ALSO: &[(&str, &str, &str)] = &[
    ("text", "code", "a diagnostic carries the number that a client is told"),
    ("wire", "event", "frames carry the requests, answers and denials of the history"),
    ("license", "event", "a hostid is compared with what a client claims of itself"),
    ("policy", "catalog", "options are compiled against a catalog"),
    ("editor", "lint", "the editor explains and mends what the lint finds"),
    ("lsp", "lmutil", "the language server judges as lmlint does"),
    ("cli", "lmutil", "cli gives every tool its arguments"),
    ("cli", "lsp", "cli gives the language server its arguments"),
];

/// What floors 0 to 3 must not name, and why. A name with `::` is looked for in paths, one without as a word.
const BANNED_IN_CORE: &[(&str, &str)] = &[
    ("Instant", "time comes in as an argument"),
    ("SystemTime", "time comes in as an argument"),
    ("Zoned::now", "time comes in as an argument"),
    ("Timestamp::now", "time comes in as an argument"),
    ("std::fs", "the shells read and write files"),
    ("std::env", "the shells read the environment"),
    ("std::io", "the shells read and write"),
    ("std::os", "the core is portable"),
    ("std::process", "the shells start and end processes"),
    ("std::thread", "an engine has one owner and does not wait"),
    ("TcpListener", "the shells own the sockets"),
    ("TcpStream", "the shells own the sockets"),
    ("UdpSocket", "the shells own the sockets"),
    ("ToSocketAddrs", "the shells ask for addresses"),
    ("HashMap", "its order differs from run to run; use BTreeMap"),
    ("HashSet", "its order differs from run to run; use BTreeSet"),
    ("RandomState", "randomness is handed in"),
    ("getrandom", "randomness is handed in"),
    ("rand", "randomness is handed in"),
    ("println", "the faces print"),
    ("print", "the faces print"),
    ("eprintln", "the faces print"),
    ("eprint", "the faces print"),
    ("tokio", "a dependency of the shells"),
    ("tokio_util", "a dependency of the shells"),
    ("socket2", "a dependency of the shells"),
    ("rustix", "a dependency of the shells"),
    ("clap", "a dependency of the faces"),
    ("rusqlite", "a dependency of the store"),
    ("tracing_subscriber", "a dependency of the faces"),
];

/// `(file, name, why it may stand there all the same)`.
const ALLOWED_IN_CORE: &[(&str, &str, &str)] = &[(
    "src/catalog/verify.rs",
    "std::thread",
    "thousands of signatures are shared out among scoped threads; the result does not depend on it",
)];

/// Longest source file without its tests, in lines; and the hard stop for those that are named with a reason.
const LINES_MAX: usize = 600;
const LINES_STOP: usize = 800;

/// Longest README, in lines.
const README_LINES_MAX: usize = 200;

/// `(file, why it may have up to LINES_STOP lines)`.
const LONG_FILES: &[(&str, &str)] = &[];

/// Names that say nothing about what is in a file.
const EMPTY_NAMES: [&str; 9] =
    ["util", "utils", "helper", "helpers", "misc", "common", "manager2", "stuff", "types"];

fn floor(room: &str) -> Option<usize> {
    FLOORS.iter().position(|rooms| rooms.contains(&room))
}

#[test]
fn every_room_stands_on_a_floor() {
    let known: BTreeSet<&str> = FLOORS.iter().flat_map(|rooms| rooms.iter().copied()).collect();
    for source in rust_sources(ROOT) {
        let room = source.room();
        assert!(known.contains(room) || ["lib", "main"].contains(&room), "{}: room {room}", source.path);
    }
}

#[test]
fn rooms_import_only_from_below() {
    let mut wrong = Vec::new();
    let mut used = BTreeSet::new();
    for source in rust_sources(ROOT) {
        let room = source.room();
        let Some(own) = floor(room) else { continue };
        // Tests may build what they need from rooms above: they are not part of the library.
        for (line, other) in source.product_crate_paths() {
            if other == room || ROOT_ITEMS.contains(&other.as_str()) {
                continue;
            }
            let beside = ALSO.iter().find(|(from, to, _)| *from == room && *to == other);
            if beside.is_some() {
                used.insert((room.to_owned(), other.clone()));
            }
            match floor(&other) {
                Some(floor) if floor < own || beside.is_some() => {}
                Some(_) => wrong.push(format!("{}:{line}: {room} must not know {other}", source.path)),
                None => wrong.push(format!("{}:{line}: there is no room {other}", source.path)),
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    let rooms: BTreeSet<String> = rust_sources(ROOT).iter().map(|source| source.room().to_owned()).collect();
    for (room, other, why) in ALSO {
        let stale = rooms.contains(*room)
            && rooms.contains(*other)
            && !used.contains(&((*room).to_owned(), (*other).to_owned()));
        assert!(!stale, "no {room} uses {other} ({why}): take the exception out");
    }
}

#[test]
fn the_core_touches_no_machine() {
    let mut wrong = Vec::new();
    for source in rust_sources(ROOT) {
        let room = source.room();
        if floor(room).is_none_or(|floor| floor > PURE_FLOOR_LAST) && !PURE_ABOVE.contains(&room) {
            continue;
        }
        for (name, why) in BANNED_IN_CORE {
            if ALLOWED_IN_CORE.iter().any(|(file, allowed, _)| *file == source.path && allowed == name) {
                assert!(
                    !source.product_lines_with(name).is_empty(),
                    "{}: take the exception out",
                    source.path
                );
                continue;
            }
            for line in source.product_lines_with(name) {
                wrong.push(format!("{}:{line}: {name}: {why}", source.path));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn unsafe_stands_in_platform_alone() {
    for source in rust_sources(ROOT) {
        let lines = source.lines_with("unsafe");
        assert!(lines.is_empty() || source.room() == "platform", "{}:{lines:?}: unsafe", source.path);
    }
}

#[test]
fn files_have_one_subject() {
    let mut wrong = Vec::new();
    for source in rust_sources(ROOT) {
        let lines = source.product_line_count();
        let named = LONG_FILES.iter().any(|(path, _)| *path == source.path);
        let most = if named { LINES_STOP } else { LINES_MAX };
        if lines > most {
            wrong.push(format!("{}: {lines} lines without tests, more than {most}", source.path));
        }
        if named && lines <= LINES_MAX {
            wrong.push(format!("{}: is no longer long: take the exception out", source.path));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn files_are_named_by_their_subject() {
    for path in tracked_files(ROOT) {
        let stem = Path::new(&path).file_stem().unwrap_or_default().to_string_lossy().to_lowercase();
        assert!(!EMPTY_NAMES.contains(&stem.as_str()), "{path}: a name that says nothing");
    }
}

/// Every name that a comment calls a production stands in a grammar, so that renaming one is noticed.
#[test]
fn named_productions_exist() {
    let mut rules = BTreeSet::new();
    for path in tracked_files(ROOT).iter().filter(|path| path.ends_with(".abnf")) {
        let text = std::fs::read_to_string(Path::new(ROOT).join(path)).unwrap();
        for line in text.lines().filter(|line| line.starts_with(|c: char| c.is_ascii_alphabetic())) {
            if let Some((name, _)) = line.split_once('=') {
                rules.insert(name.trim().to_owned());
            }
        }
    }
    assert!(rules.contains("checkout"), "no grammar was read: {rules:?}");
    let mut wrong = Vec::new();
    for source in rust_sources(ROOT) {
        for (number, line) in source.text.lines().enumerate() {
            let comment = line.trim_start();
            if !comment.starts_with("//") {
                continue;
            }
            for word in ["Production ", "production ", "Productions ", "productions "] {
                for (at, _) in comment.match_indices(word) {
                    for name in quoted_names(&comment[at + word.len()..]) {
                        if !rules.contains(name) {
                            wrong.push(format!("{}:{}: no production {name}", source.path, number + 1));
                        }
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// The names in a list such as "`a`, `b` and `c`" at the beginning of a text.
fn quoted_names(text: &str) -> Vec<&str> {
    let mut names = Vec::new();
    let mut rest = text;
    while let Some(open) = rest.strip_prefix('`') {
        let Some((name, behind)) = open.split_once('`') else { break };
        names.push(name);
        let joined =
            [", and ", ", ", " and ", " or ", " / "].iter().find_map(|joint| behind.strip_prefix(joint));
        rest = joined.unwrap_or_default();
    }
    names
}

#[test]
fn lists_of_names_are_read() {
    assert_eq!(quoted_names("`a`, `b` and `c` of `d`"), ["a", "b", "c"]);
    assert_eq!(quoted_names("of `d`").len(), 0);
}

/// Hosts that a link may lead to, beside the made-up ones that end in `.example`.
const LINK_HOSTS: &[&str] = &[
    "github.com",
    "www.apache.org",
    "opensource.org",
    "spdx.org",
    "keepachangelog.com",
    "semver.org",
    "rustup.rs",
    "doc.rust-lang.org",
    "www.rfc-editor.org",
    "json.schemastore.org",
];

#[test]
fn tracked_files_hold_nothing_foreign() {
    // Directories of one machine, and marks of unfinished work. Put together here, so that this file passes itself.
    let foreign = [
        ["/wo", "rk/"],
        ["/ro", "ot/"],
        ["/tmp/bash", "_"],
        ["TO", "DO"],
        ["FIX", "ME"],
        ["XX", "X:"],
        ["<<<<", "<<< "],
        [">>>>", ">>> "],
    ]
    .map(|parts| parts.concat());
    let mut wrong = Vec::new();
    for path in tracked_files(ROOT) {
        let Ok(text) = String::from_utf8(std::fs::read(Path::new(ROOT).join(&path)).unwrap()) else {
            continue;
        };
        for (number, line) in text.lines().enumerate() {
            for word in &foreign {
                if line.contains(word.as_str()) {
                    wrong.push(format!("{path}:{}: {word}", number + 1));
                }
            }
            for host in link_hosts(line) {
                if !LINK_HOSTS.contains(&host) && !host.ends_with(".example") {
                    wrong.push(format!("{path}:{}: link to {host}", number + 1));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

fn link_hosts(line: &str) -> Vec<&str> {
    let schemes = ["https://", "http://"];
    schemes
        .iter()
        .flat_map(|scheme| line.match_indices(scheme).map(|(at, found)| &line[at + found.len()..]))
        .map(|rest| {
            rest.split(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '.' | '-')))
                .next()
                .unwrap_or(rest)
        })
        .filter(|host| !host.is_empty())
        .map(|host| host.trim_end_matches('.'))
        .collect()
}

#[test]
fn hosts_of_links_are_found() {
    assert_eq!(link_hosts("see <https://github.com/a> or http://x.example."), ["github.com", "x.example"]);
}

/// A link in a Markdown file that names a file leads somewhere, and the first page stays short.
#[test]
fn documents_lead_somewhere() {
    let mut wrong = Vec::new();
    let mut links = 0;
    for path in tracked_files(ROOT).iter().filter(|path| path.ends_with(".md")) {
        let text = std::fs::read_to_string(Path::new(ROOT).join(path)).unwrap();
        for target in
            text.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(target, _)| target)
        {
            let file = target.split('#').next().unwrap();
            if file.is_empty() || file.contains("://") {
                continue;
            }
            links += 1;
            let place = Path::new(ROOT).join(path);
            if !place.parent().unwrap().join(file).exists() {
                wrong.push(format!("{path}: {file} is not there"));
            }
        }
    }
    let readme = std::fs::read_to_string(Path::new(ROOT).join("README.md")).unwrap();
    if readme.lines().count() > README_LINES_MAX {
        wrong.push(format!("README.md has more than {README_LINES_MAX} lines"));
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    assert!(links > 5, "the README points to what else there is to read");
}

/// The text files end with one line feed and have no blanks at line ends, where that is ours to decide.
#[test]
fn text_files_are_clean() {
    let mut wrong = BTreeMap::new();
    for path in tracked_files(ROOT) {
        let ours = ["rs", "md", "toml", "sh", "abnf", "py", "service"];
        let extension = Path::new(&path).extension().unwrap_or_default().to_string_lossy().into_owned();
        if !ours.contains(&extension.as_str()) {
            continue;
        }
        let text = std::fs::read_to_string(Path::new(ROOT).join(&path)).unwrap();
        if !text.ends_with('\n') || text.ends_with("\n\n") {
            wrong.insert(path.clone(), "does not end with one line feed".to_owned());
        }
        if let Some(number) = text.lines().position(|line| line.ends_with([' ', '\t', '\r'])) {
            wrong.insert(path, format!("line {} ends with a blank", number + 1));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
