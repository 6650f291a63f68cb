//! Tests that a machine cannot run say so and are skipped, but not where everything is to be tested.

/// Whether a test cannot be run here; with `CI` set that is a failure.
#[track_caller]
pub(crate) fn cannot(lacking: bool, reason: &str) -> bool {
    if lacking {
        assert!(
            std::env::var_os("CI").is_none(),
            "in CI this must run: {reason}"
        );
        eprintln!("skipped: {reason}");
    }
    lacking
}
