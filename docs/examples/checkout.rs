//! A small application that may run only while it holds a license.
//!
//! ```text
//! cargo run -- up                                      in one terminal
//! cargo run --example checkout -- 27000@localhost      in another
//! ```
//!
//! Without an argument the license is looked for along `SEATKEEPER_LICENSE_FILE`, `LGS_LICENSE_FILE` and
//! `LM_LICENSE_FILE`.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for the terminal")]

use std::process::ExitCode;
use std::thread::sleep;
use std::time::Duration;

use seatkeeper::client::blocking::Client;
use seatkeeper::client::{ClientError, Config, OnLoss, Trust};
use seatkeeper::ident::VendorName;

fn main() -> ExitCode {
    match work() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Why, what to do, and where it was looked for, in the layout that administrators know.
            eprint!("{}", error.long());
            ExitCode::from(error.code().exit_status())
        }
    }
}

fn work() -> Result<(), ClientError> {
    // A real application compiles its publisher's public key in and refuses the published demo key:
    // `Trust::Publisher { keys: vec![VerifyingKey::parse(Algorithm::Ed25519, PUBLIC_KEY)?], demo: false }`.
    let trust = Trust::Publisher { keys: vec![], demo: true };
    let mut config = Config::new(VendorName::parse("LGS")?, trust)?;
    if let Some(path) = std::env::args().nth(1) {
        config = config.with_path(&path);
    }
    // The client reconnects by itself; this is called only when a seat is gone for good.
    config.on_loss =
        Some(OnLoss::new(|loss| eprintln!("the license of {} is lost: {}", loss.feature, loss.denial)));

    let client = Client::new(config)?;
    let seat = client.checkout("cad_design", "2.0")?;
    println!("{} is granted by {}", seat.feature(), seat.place());
    if seat.is_demo() {
        println!("it is a demo license");
    }
    for step in 1..=5 {
        // A good moment to look: between two pieces of work.
        if seat.loss().is_some() {
            break;
        }
        println!("working, step {step} of 5");
        sleep(Duration::from_secs(1));
    }
    // Dropping the seat would do it as well, but would not say whether it worked.
    seat.checkin()
}
