//! Whether the time of an answer tells which users there are.

use std::time::{Duration, Instant};

use wharf::keeper::hashes::{Cost, hash_new};
use wharf::keeper::sources;

use crate::running::question;

/// How often each kind of login is tried.
const TRIES: usize = 50;

/// A measurement and not a test: on a busy machine it says nothing.
#[test]
#[ignore = "a measurement, for a quiet machine"]
fn c3_unknown_users_take_as_long_as_known_ones() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("users");
    let hash = hash_new(b"secret", Cost::tuned(8192, Duration::from_millis(20))).expect("a hash");
    let lines: String = (0..100)
        .map(|number| format!("user{number}:{hash}:1000:1000::/tmp:\n"))
        .collect();
    std::fs::write(&file, lines).expect("the file");
    let spec = format!("passwd:{}", file.display());
    let mut source = sources::open(&spec, &sources::Options::default())
        .unwrap_or_else(|error| panic!("{error}"));
    let mut median = |user: &str| {
        let mut times: Vec<Duration> = (0..TRIES)
            .map(|_| {
                let begun = Instant::now();
                source.check(&question(user, "wrong"));
                begun.elapsed()
            })
            .collect();
        times.sort_unstable();
        times[TRIES / 2].as_secs_f64()
    };
    let (known, unknown) = (median("user7"), median("nobody"));
    let ratio = unknown / known;
    assert!(
        (0.8..1.25).contains(&ratio),
        "{unknown} s against {known} s"
    );
}
