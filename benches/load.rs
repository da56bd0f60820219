//! Checkout and checkin under load against a running vendor daemon, and Redis `INCR` with `appendfsync always` beside it
//! in the same run.
//!
//! ```text
//! cargo bench --bench load                          starts a daemon of its own, and redis-server if there is one
//! cargo bench --bench load -- -c 27010@localhost    asks a daemon that runs
//!     --feature NAME VERSION                        with this feature (it must have seats enough)
//!     --connections 1,50,1000  --in-flight 1,16     every pair of these is a line of the result
//!     --seconds 5              --no-redis
//!     --beside 100             measures each pair once more beside so many broken and hostile peers
//!     --idle 10000             so many sessions more hold a license each and send heartbeats meanwhile
//! ```
//!
//! One request is one checkout or one checkin; a pair is both. Each connection is a session of its own that keeps so many
//! requests in flight. Both servers get the same number of connections and requests in flight, one after the other,
//! with their files in the same directory, so that the ratio means something on any machine. The load comes from one
//! thread of this program, which shares the machine with the server.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "a measuring program that stops at the first surprise"
)]

#[path = "load/idle.rs"]
mod idle;

use std::net::{SocketAddr, ToSocketAddrs as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bytes::{Buf as _, BytesMut};
use seatkeeper::event::{Answer, Checkin, Checkout, Claims};
use seatkeeper::ident::{Count, FeatureName, Handle, Token, VendorName, Version};
use seatkeeper::license::{LicenseFile, Statement};
use seatkeeper::platform::SystemClock;
use seatkeeper::sign::demo_signing_key;
use seatkeeper::text::Source;
use seatkeeper::time::Clock as _;
use seatkeeper::wire::{self, Hello, Message, Purpose};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::LocalSet;

/// Requests of this first part of each measurement are not counted.
const WARM_UP: Duration = Duration::from_secs(1);

/// More than can be in flight on one connection.
const RING: usize = 1024;

fn main() {
    let options = Options::read();
    seatkeeper::platform::process::raise_file_limit();
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("load-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    let own = if options.server.is_none() { Some(start_daemon(&dir)) } else { None };
    let server = options.server.or(own.as_ref().map(|(_, address)| *address)).unwrap();
    let redis = if options.redis { start_redis(&dir) } else { None };
    let idle = (options.idle > 0).then(|| idle::Idle::start(server, &options.feature, options.idle));
    println!(
        "| connections | in flight | pairs/s | requests/s | p50 ms | p99 ms | p99.9 ms | INCR/s | p50 ms | p99 ms | requests / INCR |"
    );
    println!("| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
    for &connections in &options.connections {
        for &in_flight in &options.in_flight {
            let load = Load { connections, in_flight, span: options.span };
            let ours = run(&load, Target::Seats { server, feature: &options.feature });
            let theirs = redis.as_ref().map(|(_, address)| run(&load, Target::Redis { server: *address }));
            print_line(&load, &ours, theirs.as_ref());
        }
    }
    if options.beside > 0 {
        beside_hostile_peers(&options, server);
    }
    if let Some((daemon, _)) = &own {
        let (now, most) = idle::memory_mib(daemon.id());
        println!("\nThe daemon takes {now} MiB, {most} at most, with {} idle sessions.", options.idle);
    }
    if let Some(idle) = idle {
        idle.stop();
    }
    for mut child in own.into_iter().chain(redis).map(|(child, _)| child) {
        child.kill().unwrap();
        child.wait().unwrap();
    }
    std::fs::remove_dir_all(&dir).unwrap();
}

struct Options {
    server: Option<SocketAddr>,
    feature: (FeatureName, Version),
    connections: Vec<usize>,
    in_flight: Vec<usize>,
    span: Duration,
    redis: bool,
    beside: usize,
    idle: usize,
}

impl Options {
    fn read() -> Self {
        let mut options = Self {
            server: None,
            feature: (FeatureName::parse("load").unwrap(), Version::parse("1.0").unwrap()),
            connections: vec![1, 50, 1000],
            in_flight: vec![1, 16],
            span: Duration::from_secs(5),
            redis: true,
            beside: 0,
            idle: 0,
        };
        let mut arguments = std::env::args().skip(1);
        let numbers = |text: String| text.split(',').map(|number| number.parse().unwrap()).collect();
        while let Some(argument) = arguments.next() {
            let mut next = || arguments.next().expect("a value");
            match argument.as_str() {
                "-c" => {
                    let place = next();
                    let (port, host) = place.split_once('@').expect("port@host of the vendor daemon");
                    let port: u16 = port.parse().unwrap();
                    options.server = Some((host, port).to_socket_addrs().unwrap().next().unwrap());
                }
                "--feature" => {
                    options.feature =
                        (FeatureName::parse(&next()).unwrap(), Version::parse(&next()).unwrap());
                }
                "--connections" => options.connections = numbers(next()),
                "--in-flight" => options.in_flight = numbers(next()),
                "--seconds" => options.span = Duration::from_secs(next().parse().unwrap()),
                "--no-redis" => options.redis = false,
                "--beside" => options.beside = next().parse().unwrap(),
                "--idle" => options.idle = next().parse().unwrap(),
                // cargo bench adds it.
                "--bench" => {}
                other => panic!("{other} is not known; see benches/load.rs"),
            }
        }
        assert!(options.in_flight.iter().all(|number| *number < RING), "fewer than {RING} in flight");
        options
    }
}

/// A vendor daemon with a million seats.
fn start_daemon(dir: &Path) -> (Child, SocketAddr) {
    let text = "SERVER this_host ANY\nVENDOR LGS\nFEATURE load LGS 1.0 permanent 1000000";
    let file = LicenseFile::parse(Source::new("load.lic", text.as_bytes()));
    let servers: Vec<_> = file.servers().map(|server| server.hostid.clone()).collect();
    let canonical = Statement::Feature(file.features().next().unwrap()).canonical(&servers).unwrap();
    let path = dir.join("load.lic");
    std::fs::write(&path, format!("{text} SIGN=\"{}\"\n", demo_signing_key().sign(&canonical))).unwrap();
    let log = dir.join("log");
    let child = Command::new(env!("CARGO_BIN_EXE_seatkeeper"))
        .args(["vendord", "LGS", "--port", "0", "-c"])
        .arg(&path)
        .arg("--state-dir")
        .arg(dir.join("state"))
        .stdin(Stdio::null())
        .stdout(std::fs::File::create(&log).unwrap())
        .spawn()
        .unwrap();
    let deadline = Instant::now() + Duration::from_secs(10);
    let port = loop {
        let text = std::fs::read_to_string(&log).unwrap();
        let found = text.lines().find_map(|line| line.split_once("Listening port: "));
        if let Some((_, port)) = found {
            break port.trim().parse().unwrap();
        }
        assert!(Instant::now() < deadline, "the daemon does not say its port: {text}");
        std::thread::sleep(Duration::from_millis(10));
    };
    (child, SocketAddr::from(([127, 0, 0, 1], port)))
}

/// Redis with every write on disk before its answer, if it is installed.
fn start_redis(dir: &Path) -> Option<(Child, SocketAddr)> {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = free.local_addr().unwrap();
    drop(free);
    let data: PathBuf = dir.join("redis");
    std::fs::create_dir_all(&data).unwrap();
    let port = address.port().to_string();
    let settings = [
        ["--port", &port],
        ["--bind", "127.0.0.1"],
        ["--appendonly", "yes"],
        ["--appendfsync", "always"],
        ["--save", ""],
        ["--dir", data.to_str().unwrap()],
    ];
    let mut command = Command::new("redis-server");
    command.args(settings.as_flattened()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let child = match command.spawn() {
        Ok(child) => child,
        Err(error) => {
            println!("redis-server does not start ({error}); its columns stay empty\n");
            return None;
        }
    };
    let deadline = Instant::now() + Duration::from_secs(10);
    while std::net::TcpStream::connect(address).is_err() {
        assert!(Instant::now() < deadline, "redis-server does not listen");
        std::thread::yield_now();
    }
    Some((child, address))
}

struct Load {
    connections: usize,
    in_flight: usize,
    span: Duration,
}

#[derive(Clone, Copy)]
enum Target<'a> {
    Seats { server: SocketAddr, feature: &'a (FeatureName, Version) },
    Redis { server: SocketAddr },
}

/// How often a measurement beside hostile peers is repeated, in turn with one without them; the medians are compared.
const ROUNDS: usize = 5;

/// Measures alone and beside peers that are silent after connect, stop in the middle of a frame, send garbage, or
/// announce a gigabyte, and that come again when they were closed.
fn beside_hostile_peers(options: &Options, server: SocketAddr) {
    println!(
        "\n| connections | in flight | hostile peers | p50 ms alone | beside | p99 ms alone | beside | p99 beside / alone |"
    );
    println!("| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
    for &connections in &options.connections {
        for &in_flight in &options.in_flight {
            let load = Load { connections, in_flight, span: options.span };
            let target = Target::Seats { server, feature: &options.feature };
            let (mut alone, mut beside) = (Vec::new(), Vec::new());
            for _ in 0..ROUNDS {
                alone.push(run(&load, target));
                let hostile = Hostile::start(server, options.beside);
                beside.push(run(&load, target));
                hostile.stop();
            }
            let median = |outcomes: &[Outcome], part: f64| {
                let mut values: Vec<f64> = outcomes.iter().map(|one| one.percentile_ms(part)).collect();
                values.sort_by(f64::total_cmp);
                values[values.len() / 2]
            };
            let (p50, p50_beside) = (median(&alone, 0.5), median(&beside, 0.5));
            let (p99, p99_beside) = (median(&alone, 0.99), median(&beside, 0.99));
            println!(
                "| {connections} | {in_flight} | {} | {p50:.3} | {p50_beside:.3} | {p99:.3} | {p99_beside:.3} | {:.2} |",
                options.beside,
                p99_beside / p99
            );
        }
    }
}

/// Peers that do what no client does.
struct Hostile {
    done: Arc<AtomicBool>,
    thread: std::thread::JoinHandle<()>,
}

impl Hostile {
    fn start(server: SocketAddr, peers: usize) -> Self {
        let done = Arc::new(AtomicBool::new(false));
        let until = Arc::clone(&done);
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            LocalSet::new().block_on(&runtime, async {
                for nth in 0..peers {
                    tokio::task::spawn_local(Self::peer(server, nth));
                }
                while !until.load(Ordering::SeqCst) {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            });
        });
        Self { done, thread }
    }

    async fn peer(server: SocketAddr, nth: usize) {
        let sent: &[u8] = match nth % 4 {
            0 => b"",
            1 => b"\xC5\x4B\x01\x01\x00\x01\x00\x00\x00\x01\x00\x00\x00\x40half a greeting",
            2 => b"\x00\xFFgarbage",
            _ => b"\xC5\x4B\x01\x01\x00\x01\x00\x00\x00\x01\x40\x00\x00\x00",
        };
        loop {
            let mut stream = TcpStream::connect(server).await.unwrap();
            // The server may have closed already; both is what is wanted.
            let _ = stream.write_all(sent).await;
            let mut answer = [0; 512];
            while matches!(stream.read(&mut answer).await, Ok(1..)) {}
            // Those that are closed at once come again ten times a second.
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    fn stop(self) {
        self.done.store(true, Ordering::SeqCst);
        self.thread.join().unwrap();
    }
}

/// Latencies of all counted requests in microseconds, rising.
struct Outcome {
    latencies: Vec<u32>,
    span: Duration,
}

impl Outcome {
    fn per_second(&self) -> f64 {
        self.latencies.len() as f64 / self.span.as_secs_f64()
    }

    fn percentile_ms(&self, part: f64) -> f64 {
        let last = self.latencies.len().saturating_sub(1);
        let at = (last as f64 * part).round() as usize;
        self.latencies.get(at).map_or(f64::NAN, |micros| f64::from(*micros) / 1000.0)
    }
}

/// Connects all, begins together, and counts what is answered within the span.
fn run(load: &Load, target: Target<'_>) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let local = LocalSet::new();
    let start = Rc::new(tokio::sync::Semaphore::new(0));
    let mut latencies = local.block_on(&runtime, async {
        let mut tasks = Vec::new();
        let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
        for _ in 0..load.connections {
            let (start, tell) = (Rc::clone(&start), tell.clone());
            let (in_flight, span) = (load.in_flight, load.span);
            let task: std::pin::Pin<Box<dyn Future<Output = Vec<u32>>>> = match target {
                Target::Seats { server, feature } => {
                    let feature = feature.clone();
                    Box::pin(async move {
                        let lane = Lane::seats(server, feature).await;
                        tell.send(()).unwrap();
                        start.acquire().await.unwrap().forget();
                        lane.work(in_flight, span).await
                    })
                }
                Target::Redis { server } => Box::pin(async move {
                    let lane = Lane::redis(server).await;
                    tell.send(()).unwrap();
                    start.acquire().await.unwrap().forget();
                    lane.work(in_flight, span).await
                }),
            };
            tasks.push(tokio::task::spawn_local(task));
        }
        for _ in 0..load.connections {
            told.recv().await.unwrap();
        }
        start.add_permits(load.connections);
        let mut all = Vec::new();
        for task in tasks {
            all.append(&mut task.await.unwrap());
        }
        all
    });
    latencies.sort_unstable();
    Outcome { latencies, span: load.span }
}

/// One connection.
struct Lane {
    stream: TcpStream,
    input: BytesMut,
    output: BytesMut,
    speech: Speech,
}

/// What is spoken on it.
enum Speech {
    Seats {
        feature: (FeatureName, Version),
        next: u64,
        /// When each open request was sent, by its number modulo the length.
        asked: Box<[Option<Instant>]>,
        /// All up to here are answered.
        answered: Token,
    },
    Redis {
        asked: std::collections::VecDeque<Instant>,
    },
}

impl Lane {
    async fn connect(server: SocketAddr, speech: Speech) -> Self {
        let stream = TcpStream::connect(server).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream, input: BytesMut::with_capacity(8192), output: BytesMut::with_capacity(8192), speech }
    }

    async fn redis(server: SocketAddr) -> Self {
        Self::connect(server, Speech::Redis { asked: std::collections::VecDeque::new() }).await
    }

    async fn seats(server: SocketAddr, feature: (FeatureName, Version)) -> Self {
        let speech = Speech::Seats {
            feature,
            next: 1,
            asked: vec![None; RING].into_boxed_slice(),
            answered: Token(0),
        };
        let mut lane = Self::connect(server, speech).await;
        let hello = Hello {
            major: wire::MAJOR,
            minor: wire::MINOR,
            purpose: Purpose::New,
            time: SystemClock::new().now().utc,
            claims: Claims {
                user: "load".parse().unwrap(),
                host: "localhost".parse().unwrap(),
                display: "none".parse().unwrap(),
                project: None,
                platform: None,
                hostids: vec![],
                pid: None,
            },
            vendor: Some(VendorName::parse("LGS").unwrap()),
        };
        wire::encode(&Message::Hello(Box::new(hello)), 1, &mut lane.output).unwrap();
        lane.flush().await;
        loop {
            lane.stream.read_buf(&mut lane.input).await.unwrap();
            if let Some(frame) = wire::decode(&mut lane.input).unwrap() {
                match frame.message.unwrap() {
                    Message::Welcome(_) => return lane,
                    other => panic!("{other:?}"),
                }
            }
        }
    }

    async fn flush(&mut self) {
        self.stream.write_all(&self.output).await.unwrap();
        self.output.clear();
    }

    /// Keeps so many requests in flight until the span is over, then waits for the rest, which is not counted.
    async fn work(mut self, in_flight: usize, span: Duration) -> Vec<u32> {
        let begin = Instant::now();
        let (from, to) = (begin + WARM_UP, begin + WARM_UP + span);
        let mut latencies = Vec::with_capacity(1 << 16);
        for _ in 0..in_flight {
            self.ask(None);
        }
        let mut open = in_flight;
        while open > 0 {
            if !self.output.is_empty() {
                self.flush().await;
            }
            assert_ne!(self.stream.read_buf(&mut self.input).await.unwrap(), 0, "closed by the server");
            let now = Instant::now();
            while let Some((asked, handle)) = self.answer() {
                if now >= from && now < to {
                    latencies.push(u32::try_from((now - asked).as_micros()).unwrap_or(u32::MAX));
                }
                if now < to {
                    self.ask(handle);
                } else {
                    open -= 1;
                }
            }
        }
        if matches!(self.speech, Speech::Seats { .. }) {
            wire::encode(&Message::Goodbye, 0, &mut self.output).unwrap();
            self.flush().await;
        }
        latencies
    }

    /// Writes a checkout, or the checkin of what has just been granted.
    fn ask(&mut self, handle: Option<Handle>) {
        match &mut self.speech {
            Speech::Redis { asked } => {
                self.output.extend_from_slice(b"*2\r\n$4\r\nINCR\r\n$4\r\nload\r\n");
                asked.push_back(Instant::now());
            }
            Speech::Seats { feature: (feature, version), next, asked, answered } => {
                let (token, acknowledged) = (Token(*next), *answered);
                let message = match handle {
                    Some(handle) => Message::Checkin(Checkin { token, acknowledged, handle }),
                    None => Message::Checkout(Checkout {
                        token,
                        acknowledged,
                        feature: feature.clone(),
                        version: *version,
                        count: Count::MIN,
                        wishes: seatkeeper::event::Wishes::default(),
                    }),
                };
                wire::encode(&message, *next as u32, &mut self.output).unwrap();
                asked[*next as usize % RING] = Some(Instant::now());
                *next += 1;
            }
        }
    }

    /// Takes the next answer out of what was read: when it was asked for, and the handle if it is a grant.
    fn answer(&mut self) -> Option<(Instant, Option<Handle>)> {
        match &mut self.speech {
            Speech::Redis { asked } => {
                let end = self.input.iter().position(|byte| *byte == b'\n')?;
                assert_eq!(self.input[0], b':', "INCR answers with a number");
                self.input.advance(end + 1);
                Some((asked.pop_front().unwrap(), None))
            }
            Speech::Seats { asked, answered, next, .. } => {
                let frame = wire::decode(&mut self.input).unwrap()?;
                let (token, handle) = match frame.message.unwrap() {
                    Message::Answer { token, answer: Answer::Granted(grant) } => (token, Some(grant.handle)),
                    Message::Answer { token, answer: Answer::CheckedIn(_) } => (token, None),
                    other => panic!("{other:?}"),
                };
                let at = asked[token.0 as usize % RING].take().expect("it was asked");
                while answered.0 + 1 < *next && asked[(answered.0 + 1) as usize % RING].is_none() {
                    answered.0 += 1;
                }
                Some((at, handle))
            }
        }
    }
}

fn print_line(load: &Load, ours: &Outcome, theirs: Option<&Outcome>) {
    let ours_text = format!(
        "| {} | {} | {:.0} | {:.0} | {:.3} | {:.3} | {:.3} |",
        load.connections,
        load.in_flight,
        ours.per_second() / 2.0,
        ours.per_second(),
        ours.percentile_ms(0.5),
        ours.percentile_ms(0.99),
        ours.percentile_ms(0.999)
    );
    match theirs {
        None => println!("{ours_text} – | – | – | – |"),
        Some(theirs) => println!(
            "{ours_text} {:.0} | {:.3} | {:.3} | {:.2} |",
            theirs.per_second(),
            theirs.percentile_ms(0.5),
            theirs.percentile_ms(0.99),
            ours.per_second() / theirs.per_second()
        ),
    }
}
