//! Signatures of many lines at once.

use crate::sign::{Manifest, SignatureError, Signer};

/// Threads that verify beside the caller's. A number of its own, as the core does not ask the machine: with fewer
/// processors they take turns, which costs little.
const THREADS: usize = 3;
/// Fewer signatures than this are not worth a thread.
const WORTH_A_THREAD: usize = 64;

/// The canonical text of a line and the value of its SIGN.
pub(crate) type Claim<'a> = (&'a str, &'a str);

/// The verdict on each claim, in order. How the work is shared out changes nothing of it.
pub(crate) fn verify(manifest: &Manifest, claims: &[Claim<'_>]) -> Vec<Result<Signer, SignatureError>> {
    verify_with(manifest, claims, THREADS)
}

fn verify_with(
    manifest: &Manifest,
    claims: &[Claim<'_>],
    threads: usize,
) -> Vec<Result<Signer, SignatureError>> {
    let alone = |claims: &[Claim<'_>]| -> Vec<Result<Signer, SignatureError>> {
        claims.iter().map(|(canonical, sign)| manifest.verify(canonical, sign)).collect()
    };
    let share = claims.len().div_ceil(threads + 1).max(WORTH_A_THREAD);
    let mut shares = claims.chunks(share);
    let own = shares.next().unwrap_or_default();
    std::thread::scope(|scope| {
        let others: Vec<_> = shares
            .map(|share| {
                let thread = std::thread::Builder::new().spawn_scoped(scope, move || alone(share));
                (share, thread)
            })
            .collect();
        let mut results = alone(own);
        for (share, thread) in others {
            // Where no thread could be had, or it ended before its time, the work is done here.
            let done = thread.ok().and_then(|thread| thread.join().ok());
            results.extend(done.unwrap_or_else(|| alone(share)));
        }
        results
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ident::VendorName;
    use crate::sign::SigningKey;

    #[test]
    fn results_come_in_order_however_the_work_is_shared() {
        let vendor = VendorName::parse("acmed").unwrap();
        let key = SigningKey::generate_hmac(vendor.clone(), [1; 32]);
        let manifest = Manifest::new(vendor, vec![key.verifying_key()]);
        let texts: Vec<String> = (0..500).map(|number| format!("line {number}")).collect();
        let signs: Vec<String> = texts.iter().map(|text| key.sign(text)).collect();
        // Every seventh signature is another line's.
        let claims: Vec<Claim<'_>> = (0..texts.len())
            .map(|at| (texts[at].as_str(), signs[if at % 7 == 0 { (at + 1) % 500 } else { at }].as_str()))
            .collect();
        for (threads, count) in [(0, 500), (1, 500), (3, 500), (3, 64), (3, 65), (9, 3), (3, 1), (3, 0)] {
            let results = verify_with(&manifest, &claims[..count], threads);
            let wrong: Vec<usize> = (0..count).filter(|at| results[*at].is_err()).collect();
            let expected: Vec<usize> = (0..count).filter(|at| at % 7 == 0).collect();
            assert_eq!((results.len(), wrong), (count, expected), "{threads} {count}");
        }
    }
}
