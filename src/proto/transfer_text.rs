//! The words around transfers and at goodbye: what scripts that read Pure-FTPd's replies look for.
//!
//! Measuring, counting and choosing the code are for `session`.

use super::reply::{Reply, Text};
use std::time::Duration;

/// The first line after a whole transfer.
pub const TRANSFERRED: &str = "File successfully transferred";

/// The first line after a transfer that was cut short.
pub const ABORTED: &str = "Transfer aborted";

/// Stands before [`TRANSFERRED`] in TYPE A.
pub const ASCII_WARNING: &str = "Warning: client is in ASCII mode - Assuming data is plain text";

const KILO: f64 = 1024.0;
const MEGA: f64 = 1_048_576.0;

/// Seconds and rate of a transfer; `None` when nothing worth a rate went over the wire.
pub fn rate_line(bytes: u64, took: Duration) -> Option<String> {
    // Clocks may not have moved over a short transfer, and a rate cannot be infinite.
    let seconds = took.as_secs_f64();
    let rate = bytes as f64 / seconds.max(1e-6);
    let (rate, unit) = match rate {
        _ if rate > 524_288.0 => (rate / MEGA, "Mbytes"),
        _ if rate > 512.0 => (rate / KILO, "Kbytes"),
        _ if rate > 0.1 => (rate, "bytes"),
        _ => return None,
    };
    Some(format!(
        "{seconds:.3} seconds (measured here), {rate:.2} {unit} per second"
    ))
}

/// The reply to a transfer that ended as it should: 226 with the rate, in TYPE A after a warning.
pub fn transferred(ascii: bool, bytes: u64, took: Duration) -> Reply {
    stored(ascii, Vec::new(), bytes, took)
}

/// As [`transferred`], for an upload to an account with a quota, whose lines are shown.
pub fn stored(ascii: bool, quota: Vec<Text>, bytes: u64, took: Duration) -> Reply {
    let warning = ascii.then(|| ASCII_WARNING.into());
    let rate = rate_line(bytes, took).map(Text::from);
    let lines = warning.into_iter().chain(quota).chain([TRANSFERRED.into()]);
    Reply::lines(226, lines.chain(rate))
}

/// The second line of a 150 reply to RETR; `None` for 4096 bytes or less.
pub fn download_line(remaining: u64) -> Option<String> {
    (remaining > 4096).then(|| format!("{:.1} kbytes to download", remaining as f64 / KILO))
}

/// The last line after a listing.
pub fn matches_line(count: u64, truncated: bool) -> String {
    match truncated {
        true => format!("Output truncated to {count} matches"),
        false => format!("{count} matches total"),
    }
}

/// The reply to QUIT, after so many bytes in both directions.
pub fn goodbye(uploaded: u64, downloaded: u64) -> Reply {
    let (up, down) = (uploaded.div_ceil(1024), downloaded.div_ceil(1024));
    let text = format!("Goodbye. You uploaded {up} and downloaded {down} kbytes.");
    Reply::new(221, text).line("Logout.")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(reply: &Reply) -> String {
        let mut out = Vec::new();
        reply.write_to(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn rates_have_pure_ftpds_units_and_thresholds() {
        let rate = |bytes, milliseconds| rate_line(bytes, Duration::from_millis(milliseconds));
        for (bytes, milliseconds, expected) in [
            (
                300_000,
                10_985,
                Some("10.985 seconds (measured here), 26.67 Kbytes per second"),
            ),
            (
                314_572_800,
                155,
                Some("0.155 seconds (measured here), 1935.48 Mbytes per second"),
            ),
            (
                3,
                200,
                Some("0.200 seconds (measured here), 15.00 bytes per second"),
            ),
            (
                524_288,
                1000,
                Some("1.000 seconds (measured here), 512.00 Kbytes per second"),
            ),
            (
                524_289,
                1000,
                Some("1.000 seconds (measured here), 0.50 Mbytes per second"),
            ),
            (
                512,
                1000,
                Some("1.000 seconds (measured here), 512.00 bytes per second"),
            ),
            (1, 10_000, None),
            (0, 1000, None),
        ] {
            assert_eq!(rate(bytes, milliseconds).as_deref(), expected);
        }
        assert_eq!(
            rate(1, 0).as_deref(),
            Some("0.000 seconds (measured here), 0.95 Mbytes per second")
        );
    }

    #[test]
    fn a_transfer_ends_with_226_and_its_rate() {
        assert_eq!(
            text(&transferred(true, 3, Duration::from_millis(200))),
            "226-Warning: client is in ASCII mode - Assuming data is plain text\r\n\
             226-File successfully transferred\r\n\
             226 0.200 seconds (measured here), 15.00 bytes per second\r\n"
        );
        assert_eq!(
            text(&transferred(false, 0, Duration::ZERO)),
            "226 File successfully transferred\r\n"
        );
    }

    #[test]
    fn sizes_and_counts_are_announced() {
        assert_eq!(download_line(4096), None);
        assert_eq!(
            download_line(20_000).as_deref(),
            Some("19.5 kbytes to download")
        );
        assert_eq!(
            download_line(300_000).as_deref(),
            Some("293.0 kbytes to download")
        );
        assert_eq!(matches_line(5, false), "5 matches total");
        assert_eq!(matches_line(3, true), "Output truncated to 3 matches");
    }

    #[test]
    fn goodbye_rounds_up() {
        let expected = "221-Goodbye. You uploaded 1 and downloaded 20 kbytes.\r\n221 Logout.\r\n";
        assert_eq!(text(&goodbye(1, 20_050)), expected);
    }
}
