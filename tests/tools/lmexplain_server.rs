//! lmexplain of a running server: its files, its rules and who uses what.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::daemon::{Daemon, Wire, now};
use crate::signed::sign;
use crate::system::{System, complained, printed, tool};
use seatkeeper::code::Code;
use seatkeeper::event::{Answer, Checkin, Checkout, Claims, Denial};
use seatkeeper::ident::{Count, Handle, Token};
use seatkeeper::wire::{self, Hello, Message, Purpose};

const LICENSE: &str = "SERVER this_host ANY {port}\nVENDOR LGS\nINCREMENT solver LGS 1.0 permanent 6\n\
    INCREMENT solver LGS 2.0 31-dec-2035 4\nFEATURE mesher LGS 1.0 permanent 5\nFEATURE old LGS 1.0 1-jan-2020 4\n\
    FEATURE locked LGS 1.0 permanent 2 HOSTID=0011aabbccdd\nFEATURE free LGS 1.0 permanent uncounted HOSTID=ANY\n\
    PACKAGE suite LGS 1.0 COMPONENTS=\"draw print\"\nFEATURE suite LGS 1.0 permanent 3\n";
const OPTIONS: &str = "GROUP art ann bob\nGROUP shop bob cid dan\nHOST_GROUP lab ws01 ws02\n\
    EXCLUDE solver:VERSION=2.0 GROUP art\nEXCLUDE mesher PROJECT secret\nINCLUDE mesher HOST_GROUP lab\n\
    INCLUDE mesher USER eve\nMAX 2 solver USER ALL_USERS\nMAX 3 mesher GROUP shop\nMAX 3 suite USER ann\n\
    RESERVE 2 solver:VERSION=1.0 USER eve\nRESERVE 1 mesher GROUP art\nEXCLUDE free DISPLAY :9\n\
    EXCLUDE locked INTERNET 127.*.*.*\nMAX 1 free USER dan\n";

fn start(options: &str) -> System {
    System::start_prepared(LICENSE, &[], |dir| std::fs::write(dir.join("LGS.opt"), options).unwrap())
}

/// Who asks for what.
#[derive(Debug, Clone)]
struct Asking {
    feature: &'static str,
    version: &'static str,
    count: u32,
    user: &'static str,
    host: &'static str,
    display: &'static str,
    project: Option<&'static str>,
    hostid: Option<&'static str>,
}

impl Asking {
    fn of(feature: &'static str, user: &'static str) -> Self {
        let (version, count, host, display) = ("1.0", 1, "ws01", ":0");
        Self { feature, version, count, user, host, display, project: None, hostid: None }
    }

    fn arguments(&self) -> Vec<String> {
        let mut arguments = vec![
            "lmexplain".to_owned(),
            format!("{}:{}", self.feature, self.version),
            format!("--user={}", self.user),
            format!("--host={}", self.host),
            format!("--display={}", self.display),
            format!("--count={}", self.count),
            "--ip=127.0.0.1".to_owned(),
        ];
        arguments.extend(self.project.map(|project| format!("--project={project}")));
        arguments.extend(self.hostid.map(|hostid| format!("--hostid={hostid}")));
        arguments
    }
}

/// A client of the vendor daemon.
struct Client {
    wire: Wire,
    token: u64,
}

impl Client {
    fn new(system: &System, asking: &Asking) -> Self {
        Self::at(system.vendor_port(), asking)
    }

    fn at(port: u16, asking: &Asking) -> Self {
        let mut wire = Wire::connect(port).unwrap();
        let hello = Hello {
            major: wire::MAJOR,
            minor: wire::MINOR,
            purpose: Purpose::New,
            time: now(),
            claims: Claims {
                user: asking.user.parse().unwrap(),
                host: asking.host.parse().unwrap(),
                display: asking.display.parse().unwrap(),
                project: asking.project.map(|project| project.parse().unwrap()),
                platform: None,
                hostids: asking.hostid.iter().map(|id| id.parse().unwrap()).collect(),
                pid: None,
            },
            vendor: None,
        };
        let Message::Welcome(_) = wire.ask(&Message::Hello(Box::new(hello))).unwrap() else {
            panic!("WELCOME")
        };
        Self { wire, token: 0 }
    }

    fn checkout(&mut self, asking: &Asking) -> Result<(Handle, String), Denial> {
        self.token += 1;
        let request = Checkout {
            token: Token(self.token),
            acknowledged: Token(self.token - 1),
            feature: asking.feature.parse().unwrap(),
            version: asking.version.parse().unwrap(),
            count: Count::new(asking.count).unwrap(),
            wishes: seatkeeper::event::Wishes::default(),
        };
        match self.wire.ask(&Message::Checkout(request)).unwrap() {
            Message::Answer { answer: Answer::Granted(grant), .. } => {
                Ok((grant.handle, grant.pool.as_str().to_owned()))
            }
            Message::Answer { answer: Answer::Denied(denial), .. } => Err(denial),
            other => panic!("{other:?}"),
        }
    }

    fn checkin(&mut self, handle: Handle) {
        self.token += 1;
        let request = Checkin { token: Token(self.token), acknowledged: Token(self.token - 1), handle };
        let answer = self.wire.ask(&Message::Checkin(request)).unwrap();
        assert!(matches!(answer, Message::Answer { answer: Answer::CheckedIn(_), .. }), "{answer:?}");
    }
}

fn explained(system: &System, asking: &Asking, more: &[&str]) -> (i32, Value) {
    let mut arguments = asking.arguments();
    arguments.extend(["-c".to_owned(), system.place(), "--format=json".to_owned()]);
    arguments.extend(more.iter().map(|word| (*word).to_owned()));
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let output = system.tool(&words);
    let value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {} {}", printed(&output), complained(&output)));
    (output.status.code().unwrap(), value)
}

/// Numbers that look random and are the same in every run.
struct Dice(u64);

impl Dice {
    fn roll<T: Copy>(&mut self, of: &[T]) -> T {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        of[usize::try_from(self.0 >> 33).unwrap() % of.len()]
    }

    fn asking(&mut self) -> Asking {
        Asking {
            feature: self.roll(&[
                "solver", "solver", "mesher", "mesher", "old", "locked", "free", "draw", "print", "none",
            ]),
            version: self.roll(&["0.0", "1.0", "1.0", "2.0", "3.0"]),
            count: self.roll(&[1, 1, 1, 2, 3, 5]),
            user: self.roll(&["ann", "bob", "cid", "dan", "eve", "zoe"]),
            host: self.roll(&["ws01", "ws02", "ws03"]),
            display: self.roll(&[":0", ":9"]),
            project: self.roll(&[None, None, Some("secret"), Some("open")]),
            hostid: self.roll(&[None, Some("0011aabbccdd")]),
        }
    }
}

#[test]
fn the_explanation_is_the_answer_that_the_client_gets() {
    let system = start(OPTIONS);
    let mut dice = Dice(11);
    let mut held: Vec<(Client, Handle)> = Vec::new();
    let mut seen: BTreeMap<i64, u32> = BTreeMap::new();
    for round in 0..110 {
        let asking = dice.asking();
        let (status, told) = explained(&system, &asking, &[]);
        let mut client = Client::new(&system, &asking);
        let number = told["number"].as_i64().unwrap();
        match client.checkout(&asking) {
            Ok((handle, pool)) => {
                assert_eq!((status, &told["granted"]), (0, &Value::Bool(true)), "{asking:?} {told:#}");
                assert_eq!(told["pool"], pool.as_str(), "{asking:?}");
                // Some stay out, so that limits and reservations fill.
                if round % 3 == 0 && held.len() < 14 {
                    held.push((client, handle));
                } else {
                    client.checkin(handle);
                }
            }
            Err(denial) => {
                let (code, minor) = (i64::from(denial.code.number()), u64::from(denial.minor));
                assert_eq!(
                    (number, told["minor"].as_u64()),
                    (code, Some(minor)),
                    "{asking:?} {denial} {told:#}"
                );
                assert_eq!(told["note"], &*denial.note, "{asking:?}");
                assert_eq!(status, i32::from(denial.code.exit_status()));
                assert!(!denial.note.contains('/'), "no directory goes to clients: {}", denial.note);
                assert!(!denial.note.contains("ALL_USERS"), "nor the text of a rule: {}", denial.note);
            }
        }
        *seen.entry(number).or_default() += 1;
        if round % 20 == 19 && !held.is_empty() {
            let (mut client, handle) = held.remove(0);
            client.checkin(handle);
        }
    }
    for number in [0, -5, -9, -10, -25, -38, -39, -87] {
        assert!(seen.contains_key(&number), "{number} never came: {seen:?}");
    }
}

#[test]
fn users_and_reservations_are_told_and_another_options_file_can_be_tried() {
    let system = start(OPTIONS);
    let (ann, eve) = (Asking { count: 2, ..Asking::of("solver", "ann") }, Asking::of("solver", "eve"));
    let (mut of_ann, mut of_eve) = (Client::new(&system, &ann), Client::new(&system, &eve));
    of_ann.checkout(&ann).unwrap();
    of_eve.checkout(&eve).unwrap();
    let (status, told) = explained(&system, &ann, &[]);
    assert_eq!((status, told["rule"].as_str()), (256 - 87, Some("LGS.opt:8")), "{told:#}");
    assert_eq!(told["server"]["place"], system.place());
    assert!(told["options"].as_str().unwrap().ends_with("/LGS.opt"), "{told:#}");
    let step = |name: &str| {
        let steps = told["pools"][0]["steps"].as_array().unwrap();
        steps.iter().find(|step| step["step"] == name).unwrap().clone()
    };
    let holder = |user: &str, count: u64| serde_json::json!({"user": user, "host": "ws01", "count": count});
    assert_eq!(step("max")["users"], Value::Array(vec![holder("ann", 2)]));
    let available = step("available");
    assert_eq!(available["users"], Value::Array(vec![holder("ann", 2), holder("eve", 1)]));
    let reservation = &available["reservations"][0];
    assert_eq!((reservation["count"].as_u64(), reservation["idle"].as_u64()), (Some(2), Some(1)));
    assert_eq!(reservation["users"], Value::Array(vec![holder("eve", 1)]));

    let place = system.place();
    let mut words: Vec<String> = eve.arguments();
    words.extend(["-c".to_owned(), place.clone()]);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let text = printed(&system.tool(&words));
    for part in [
        &format!("\nServer:  {place}, version "),
        "/LGS.opt\n",
        "used by eve@ws01: 1\n",
        "used by ann@ws01: 2, eve@ws01: 1\n",
        "1 of 2 idle\n",
        "those for whom it is have eve@ws01: 1\n",
        "\nGRANTED from pool solver 1",
    ] {
        assert!(text.contains(part), "{part:?} is missing in\n{text}");
    }
    std::fs::write(system.dir.path().join("new.opt"), "MAX 4 solver USER ALL_USERS\n").unwrap();
    let (status, told) = explained(&system, &ann, &["-O", "new.opt"]);
    assert!(status == 0 && told["notes"][1].as_str().unwrap().contains("would be under new.opt"), "{told:#}");
    let four = Asking { count: 4, ..ann.clone() };
    let (status, told) = explained(&system, &four, &["-O", "new.opt"]);
    assert_eq!((status, told["rule"].as_str()), (256 - 87, Some("new.opt:1")), "{told:#}");
}

#[test]
fn what_is_in_force_counts_and_not_what_is_on_the_disk() {
    let system = start("EXCLUDE mesher USER ann\n");
    let ann = Asking::of("mesher", "ann");
    std::fs::write(system.dir.path().join("LGS.opt"), "EXCLUD mesher USER bob\n").unwrap();
    let (status, told) = explained(&system, &ann, &[]);
    assert_eq!((status, told["rule"].as_str()), (256 - 38, Some("LGS.opt:1")), "{told:#}");
    // The new file is refused, and the explanation says so in the words of lmstat.
    system.tool(&["lmreread", "-c", &system.place()]);
    let (status, told) = explained(&system, &ann, &[]);
    let notes = told["notes"].to_string();
    assert!(status == 256 - 38 && notes.contains("goes by options read on"), "{told:#}");
    std::fs::write(system.dir.path().join("LGS.opt"), "EXCLUDE mesher USER bob\n").unwrap();
    system.tool(&["lmreread", "-c", &system.place()]);
    let (status, told) = explained(&system, &ann, &[]);
    assert_eq!(status, 0, "{told:#}");
    // A feature that a reread takes away is told as its former users hear it.
    let less = LICENSE.replace("{port}", &system.port.to_string()).replace("FEATURE mesher", "FEATURE other");
    std::fs::write(system.dir.path().join("test.lic"), sign(&less)).unwrap();
    system.tool(&["lmreread", "-c", &system.place()]);
    let (status, told) = explained(&system, &ann, &[]);
    let denial = Client::new(&system, &ann).checkout(&ann).unwrap_err();
    assert_eq!(status, i32::from(denial.code.exit_status()), "{told:#}");
    assert_eq!(denial.code, Code::FeatureRemoved);
}

#[test]
fn only_administrators_are_told_and_every_trouble_has_its_words() {
    let system = start(OPTIONS);
    let place = system.place();
    let call = |more: &[&str]| {
        let arguments = [&["lmexplain", "solver", "--user", "ann", "--host", "ws01"], more].concat();
        let output = system.tool(&arguments);
        assert!(printed(&output).is_empty(), "{}", printed(&output));
        assert_eq!(output.status.code(), Some(2), "{}", complained(&output));
        complained(&output)
    };
    let text = call(&["-c", &place, "--admin-key", "/nonexistent"]);
    assert!(text.contains("(-63,601)") && text.contains("--admin-key"), "{text}");
    let other = system.dir.path().join("other.key");
    std::fs::write(&other, format!("{}\n", "ab".repeat(32))).unwrap();
    std::fs::set_permissions(&other, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let text = call(&["-c", &place, "--admin-key", other.to_str().unwrap()]);
    assert!(text.contains("(-63,601)") && text.contains("does not fit the key in "), "{text}");
    let text = call(&["-c", &place, "--held", "bob@ws02", "--date", "2027-01-01"]);
    assert!(text.contains("--held, --date: for files alone (-L)"), "{text}");
    let text = call(&["-c", &place, "--vendor", "acme"]);
    assert!(text.contains("(-97,505)") && text.contains("no vendor daemon acme"), "{text}");
    let text = call(&["-c", "1@localhost"]);
    assert!(text.contains("(-15,"), "{text}");
    let text = call(&["-c", &place, "-O", "none.opt"]);
    assert!(text.contains("none.opt: "), "{text}");
    let output = system.tool(&["lmexplain", "sovler", "--user", "ann", "--host", "ws01", "-c", &place]);
    assert_eq!(output.status.code(), Some(251), "{}", complained(&output));
    assert!(printed(&output).contains("ask for solver, if that was meant"), "{}", printed(&output));
    // The license file that names the server does as well as its address.
    let output = system.tool(&["lmexplain", "solver", "--user", "zoe", "--host", "ws01", "-c", "test.lic"]);
    assert_eq!(output.status.code(), Some(0), "{}", complained(&output));
    system.tool(&["lmdown", "-q", "-c", &place, "-vendor", "LGS"]);
    let text = call(&["-c", &place]);
    assert!(text.contains("(-97,506)") && text.contains("LGS is not running"), "{text}");
}

/// The nonce is good once, and only for whoever got it.
#[test]
fn a_recorded_order_is_worthless() {
    let system = start(OPTIONS);
    let asked = |wire: &mut Wire| {
        wire.hello("ann", Purpose::Ask, now()).unwrap().unwrap();
        let Message::Nonce { nonce, key_path } = wire.ask(&Message::AskNonce).unwrap() else {
            panic!("NONCE")
        };
        (nonce, std::fs::read_to_string(key_path).unwrap())
    };
    let mut wire = Wire::connect(system.vendor_port()).unwrap();
    let (nonce, key) = asked(&mut wire);
    let key = seatkeeper::sign::AdminKey::parse(&key).unwrap();
    let order = |verb| {
        let (user, host) = ("ann".parse().unwrap(), "ws01".parse().unwrap());
        let mut control = wire::Control { verb, user, host, nonce, proof: [0; 32] };
        control.proof = key.prove(&nonce, &control.proved_bytes());
        Message::Control(Box::new(control))
    };
    let explain = order(wire::ControlVerb::Explain { feature: "solver".parse().unwrap() });
    let grounds = wire.ask(&explain).unwrap();
    assert!(matches!(grounds, Message::Grounds(_)), "{grounds:?}");
    let number = |answer: Message| match answer {
        Message::Error(denial) => denial.code.number(),
        other => panic!("{other:?}"),
    };
    assert_eq!(number(wire.ask(&explain).unwrap()), -63, "once is enough");
    let mut other = Wire::connect(system.vendor_port()).unwrap();
    asked(&mut other);
    assert_eq!(number(other.ask(&explain).unwrap()), -63, "another connection has another nonce");
    asked_again(&mut other);
    let down = order(wire::ControlVerb::Shutdown { vendor: None, force: true });
    assert_eq!(number(other.ask(&down).unwrap()), -85, "a vendor daemon takes no other orders");
    let mut manager = Wire::connect(system.port).unwrap();
    let _ = manager.hello("ann", Purpose::Ask, now()).unwrap();
    assert_eq!(number(manager.ask(&explain).unwrap()), -85, "lmgrd has no grounds");
}

fn asked_again(wire: &mut Wire) {
    assert!(matches!(wire.ask(&Message::AskNonce).unwrap(), Message::Nonce { .. }));
}

#[test]
fn ten_thousand_checkouts_are_no_trouble() {
    let license = "SERVER this_host ANY {port}\nVENDOR LGS\nFEATURE solver LGS 1.0 permanent 20000\n";
    let system = System::start_prepared(license, &[], |dir| {
        std::fs::write(dir.join("LGS.opt"), "MAX 50 solver USER ALL_USERS\nMAX 10100 solver HOST ws01\n")
            .unwrap();
    });
    let users: Vec<&'static str> = (0..200).map(|number| &*format!("user{number}").leak()).collect();
    let mut clients: Vec<Client> =
        users.iter().map(|user| Client::new(&system, &Asking::of("solver", user))).collect();
    let request = |token| {
        Message::Checkout(Checkout {
            token: Token(token),
            acknowledged: Token(0),
            feature: "solver".parse().unwrap(),
            version: "1.0".parse().unwrap(),
            count: Count::MIN,
            wishes: seatkeeper::event::Wishes::default(),
        })
    };
    for client in &mut clients {
        for token in 1..=50 {
            client.wire.send(&request(token)).unwrap();
        }
    }
    let mut out = 0;
    for client in &mut clients {
        for _ in 0..50 {
            let Some((_, Message::Answer { answer: Answer::Granted(_), .. })) =
                client.wire.receive().unwrap()
            else {
                panic!("not granted")
            };
            out += 1;
        }
    }
    let (status, told) = explained(&system, &Asking { count: 200, ..Asking::of("solver", "zoe") }, &[]);
    assert_eq!((status, told["rule"].as_str()), (256 - 87, Some("LGS.opt:1")), "{}", told["note"]);
    let steps = told["pools"][0]["steps"].as_array().unwrap();
    let by_host = steps.iter().filter(|step| step["step"] == "max").nth(1).unwrap();
    assert_eq!(by_host["users"].as_array().unwrap().len(), 200);
    assert!(by_host["text"].as_str().unwrap().contains(&format!("{out} of them in use")), "{by_host:#}");
}

#[test]
fn without_a_server_the_environment_is_asked_and_the_failure_named() {
    let dir = tempfile::tempdir().unwrap();
    let output =
        tool(dir.path(), &["lmexplain", "solver", "--user", "ann", "--host", "ws01", "-c", "none.lic"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(complained(&output).contains("Cannot find license file. (-1,111"), "{}", complained(&output));
}

/// A server of an earlier version: it knows status and no orders at its vendor daemon.
fn old_server() -> u16 {
    use std::io::{Read as _, Write as _};
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let answer = move |message: Message| match message {
        Message::Hello(_) => Message::Welcome(Box::new(wire::Welcome {
            major: wire::MAJOR,
            minor: wire::MINOR,
            program: "seatkeeper 0.0.1".to_owned(),
            vendor: None,
            time: now(),
            session: None,
        })),
        Message::AskServer => Message::Server(Box::new(wire::ServerInfo {
            host: "lic1".parse().unwrap(),
            port,
            version: "0.0.1".to_owned(),
            files: Vec::new(),
            vendors: vec![wire::VendorInfo { name: "LGS".parse().unwrap(), port: Some(port), up: true }],
        })),
        Message::AskStatus { .. } => Message::Status(Vec::new()),
        _ => {
            Message::Error(Denial::new(Code::RequestNotSupported, 311, "ask lmgrd; this is a vendor daemon"))
        }
    };
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            std::thread::spawn(move || {
                let (mut input, mut chunk) = (bytes::BytesMut::new(), [0; 4096]);
                while let Ok(read @ 1..) = stream.read(&mut chunk) {
                    input.extend_from_slice(&chunk[..read]);
                    while let Ok(Some(frame)) = wire::decode(&mut input) {
                        let mut output = bytes::BytesMut::new();
                        wire::encode(&answer(frame.message.unwrap()), frame.request_id, &mut output).unwrap();
                        let _ = stream.write_all(&output);
                    }
                }
            });
        }
    });
    port
}

#[test]
fn an_old_server_is_said_to_be_too_old() {
    let (dir, place) = (tempfile::tempdir().unwrap(), format!("{}@localhost", old_server()));
    let output = tool(dir.path(), &["lmexplain", "solver", "--user", "ann", "--host", "ws01", "-c", &place]);
    let text = complained(&output);
    assert_eq!(output.status.code(), Some(2), "{text}");
    assert!(text.contains("(-85,311)") && text.contains("seatkeeper 0.0.1, which is too old"), "{text}");
}

#[test]
fn a_manifest_with_a_secret_key_stays_on_the_machine() {
    use seatkeeper::sign::{Manifest, SigningKey};
    let mut manifest = Manifest::demo();
    manifest.keys.push(SigningKey::generate_hmac(manifest.vendor.clone(), [9; 32]).verifying_key().into());
    let text = manifest.print();
    let secret =
        text.lines().find_map(|line| line.strip_prefix("secret = ")).unwrap().trim_matches('"').to_owned();
    let system = System::start_prepared(LICENSE, &["--vendor-dir", "."], |dir| {
        std::fs::write(dir.join("LGS.vendor.toml"), text.as_bytes()).unwrap();
    });
    let (status, told) = explained(&system, &Asking::of("solver", "ann"), &[]);
    assert_eq!(status, 0, "{told:#}");
    let mut wire = Wire::connect(system.vendor_port()).unwrap();
    wire.hello("ann", Purpose::Ask, now()).unwrap().unwrap();
    let Message::Nonce { nonce, key_path } = wire.ask(&Message::AskNonce).unwrap() else { panic!("NONCE") };
    let key = seatkeeper::sign::AdminKey::parse(&std::fs::read_to_string(key_path).unwrap()).unwrap();
    let verb = wire::ControlVerb::Explain { feature: "solver".parse().unwrap() };
    let (user, host) = ("ann".parse().unwrap(), "ws01".parse().unwrap());
    let mut control = wire::Control { verb, user, host, nonce, proof: [0; 32] };
    control.proof = key.prove(&nonce, &control.proved_bytes());
    let Message::Grounds(parts) = wire.ask(&Message::Control(Box::new(control))).unwrap() else {
        panic!("GROUNDS")
    };
    let sent = parts.iter().filter_map(|part| match part {
        wire::GroundsPart::Bytes(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
        _ => None,
    });
    let sent: String = sent.collect();
    assert!(
        sent.contains("INCREMENT solver") && !sent.contains(&secret) && !sent.contains("[[key]]"),
        "{sent}"
    );
    // Elsewhere, or when the file has changed since, it can't be judged.
    let path = system.dir.path().join("LGS.vendor.toml");
    std::fs::write(&path, format!("{}# later\n", text.as_str())).unwrap();
    let place = system.place();
    let output = system.tool(&["lmexplain", "solver", "--user", "ann", "--host", "ws01", "-c", &place]);
    assert_eq!(output.status.code(), Some(2));
    assert!(complained(&output).contains("has a secret key and is not sent"), "{}", complained(&output));
}

#[test]
fn the_vendor_daemon_that_serves_the_feature_is_asked() {
    // The second vendor has no manifest here, so that its daemon does not come up.
    let license = format!("{}VENDOR acme\nFEATURE other acme 1.0 permanent 1\n", LICENSE);
    let system = System::start(&license, &[]);
    let (status, told) = explained(&system, &Asking::of("solver", "ann"), &[]);
    assert_eq!((status, told["vendor"].as_str()), (0, Some("LGS")), "{told:#}");
    assert!(!told["notes"].to_string().contains("acme"), "{told:#}");
    let (status, told) = explained(&system, &Asking::of("other", "ann"), &[]);
    assert!(status != 0 && told["notes"].to_string().contains("acme of "), "{told:#}");
    assert!(told["notes"].to_string().contains("is not running, so it was not asked"), "{told:#}");
}

#[test]
fn clients_are_shown_no_directory_of_files_for_other_machines() {
    let dir = tempfile::tempdir().unwrap();
    let place = |name: &str| dir.path().join(name);
    std::fs::write(place("a.lic"), sign(&LICENSE.replace("{port}", "27000"))).unwrap();
    let text = "SERVER other 001122334455 27000\nVENDOR LGS\nFEATURE far LGS 1.0 permanent 1\n";
    std::fs::write(place("b.lic"), sign(text)).unwrap();
    let more = place("b.lic");
    let arguments = ["-c", more.to_str().unwrap()];
    let daemon = Daemon::start(&place("a.lic"), &place("state"), &arguments, |_| {}).unwrap();
    let far = Asking::of("far", "ann");
    let denial = Client::at(daemon.port, &far).checkout(&far).unwrap_err();
    assert_eq!(denial.code, Code::FeatureRemoved, "{denial}");
    assert!(denial.note.contains("for another machine") && !denial.note.contains('/'), "{}", denial.note);
}
