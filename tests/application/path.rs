//! The search path with real servers, through the library and `seatkeeper run` (`flexnet-files.md` 8.3; P01 to P06 also in
//! tests/tools/search_path.rs).

use std::process::{Command, Stdio};

use seatkeeper::client::{Client, ClientError};

use crate::system::PROGRAM;
use crate::{Site, client, config, place};

#[tokio::test]
async fn case_p10_the_first_server_is_all_in_use_so_the_second_grants() {
    let sites = [Site::new(300, 5), Site::new(300, 5)];
    let (first, second) = (sites[0].daemon(0), sites[1].daemon(0));
    let path = format!("{}:{}", place(first.port), place(second.port));
    let holder = client(first.port, "ann").checkout("one", "1.0").await.unwrap();
    let bob = Client::new(config(&path, "bob"));
    let seat = bob.checkout("one", "1.0").await.unwrap();
    assert_eq!(seat.place(), place(second.port));
    // Now both are in use: each place is named with its reason.
    let Err(ClientError::Checkout(failure)) = bob.checkout("one", "1.0").await else { panic!() };
    let tried: Vec<(&str, i32)> =
        failure.attempts.iter().map(|attempt| (&*attempt.place, attempt.denial.code.number())).collect();
    assert_eq!(tried, [(&*place(first.port), -4), (&*place(second.port), -4)]);
    seat.checkin().await.unwrap();
    let run = |path: &str| {
        Command::new(PROGRAM)
            .args(["run", "-c", path, "--user", "joe", "-f", "one", "1.0", "--", "true"])
            .stdin(Stdio::null())
            .output()
            .unwrap()
    };
    assert_eq!(run(&path).status.code(), Some(0));
    assert_eq!(run(&place(first.port)).status.code(), Some(256 - 4));
    let both = |site: &Site| site.count(|event| matches!(event, seatkeeper::event::Event::Out(_)));
    assert_eq!((both(&sites[0]), both(&sites[1])), (1, 2));
    // Counts are not shared: the first again, as soon as it is free.
    holder.checkin().await.unwrap();
    assert_eq!(bob.checkout("one", "1.0").await.unwrap().place(), place(first.port));
}
