//! Reading a license file of 10,000 signed lines (DESIGN section 7: at least 50 MB/s), and the memory that it takes
//! (at most 10 times the file). The values of SIGN have the shape of signatures; reading does not verify them.
//!
//! `cargo bench --no-default-features --bench license`
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::fmt::Write as _;
use std::hint::black_box;
use std::time::{Duration, Instant};

use seatkeeper::license::LicenseFile;
use seatkeeper::text::Source;

const LINES: u32 = 10_000;
const ROUNDS: usize = 40;

/// Each line is signed and wrapped as `lmcrypt sign` does it.
fn text(attributes: &str) -> String {
    let mut text = String::from("SERVER this_host ANY 27000\nVENDOR acmed\n");
    for n in 0..LINES {
        let _ = write!(text, "INCREMENT feature_{} acmed 2.0 31-dec-2035 10 SN={n}{attributes}", n / 4);
        text.push_str(" \\\n    SIGN=\"0a50c95d");
        for group in 0..8_u64 {
            let word = (u64::from(n) + 1)
                .wrapping_mul(0x9e37_79b9_7f4a_7c15)
                .rotate_left(u32::try_from(group).unwrap() * 7);
            text.push_str(if group % 3 == 2 { " \\\n    " } else { " " });
            let _ = write!(text, "{word:016x}");
        }
        text.push_str("\"\n");
    }
    text
}

/// Resident memory of this process in bytes; none where the system does not tell it in this way.
fn resident() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    Some(line.split_whitespace().nth(1)?.parse::<f64>().ok()? * 1024.0)
}

/// Time that this thread has had on a processor; none where the system does not tell it in this way. Other programs on
/// the machine do not count.
fn on_processor() -> Option<Duration> {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    Some(Duration::from_nanos(told.split(' ').next()?.parse().ok()?))
}

fn main() {
    for (name, attributes) in [
        ("short", ""),
        (
            "long",
            " ISSUED=15-jan-2026 START=1-jan-2026 BORROW=72 DUP_GROUP=UHD NOTICE=\"Licensed to a customer\" \\\n    VENDOR_STRING=\"vi=0:at=200\" asset_info=\"room 4\" sort=50",
        ),
    ] {
        let text = text(attributes);
        let bytes = f64::from(u32::try_from(text.len()).unwrap());
        let before = resident();
        let file = LicenseFile::parse(Source::new("bench.lic", text.as_bytes()));
        let memory = before.zip(resident()).map_or(0.0, |(before, after)| after - before);
        assert_eq!((file.features().count(), file.diagnostics.len()), (10_000, 0));
        let source = Source::new("bench.lic", text.as_bytes());
        let began = on_processor();
        let mut times: Vec<Duration> = (0..ROUNDS)
            .map(|_| {
                let source = source.clone();
                let began = Instant::now();
                black_box(LicenseFile::parse(black_box(source)));
                began.elapsed()
            })
            .collect();
        let busy = began.zip(on_processor()).map_or(0.0, |(began, ended)| (ended - began).as_secs_f64());
        let rounds = f64::from(u32::try_from(ROUNDS).unwrap());
        times.sort();
        let speed = |index: usize| bytes / times.get(index).unwrap().as_secs_f64() / 1e6;
        println!(
            "{name:6} {LINES} lines, {bytes} bytes: read at {:.0} MB/s of processor time, best of {ROUNDS} {:.0} MB/s; memory {:.1} x the file",
            bytes * rounds / busy / 1e6,
            speed(0),
            memory / bytes,
        );
    }
}
