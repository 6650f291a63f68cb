//! Keeping a transfer to a rate, with the time given as an argument.
//!
//! After `n` bytes no less than `n / rate` seconds have passed since the start, neither more: each step's wait is
//! reckoned from the start of the transfer, so errors do not add up and short files are as exact as long ones.

use std::time::{Duration, Instant};

/// Steps a second: small enough to look smooth, large enough to cost nothing.
const STEPS: u64 = 20;

/// The pace of one transfer.
#[derive(Clone, Debug)]
pub struct Throttle {
    rate: u64,
    start: Instant,
    moved: u64,
}

impl Throttle {
    /// A transfer that starts at `start` and moves `rate` bytes a second (at least 1).
    pub fn new(rate: u64, start: Instant) -> Throttle {
        Throttle {
            rate: rate.max(1),
            start,
            moved: 0,
        }
    }

    /// The largest piece to move at once.
    pub fn piece(&self) -> usize {
        usize::try_from((self.rate / STEPS).max(1)).unwrap_or(usize::MAX)
    }

    /// Records that `count` bytes were moved; gives the moment at which the next piece may follow (or the end
    /// be announced).
    pub fn moved(&mut self, count: u64) -> Instant {
        self.moved = self.moved.saturating_add(count);
        let nanos = u128::from(self.moved) * 1_000_000_000 / u128::from(self.rate);
        let nanos = u64::try_from(nanos).unwrap_or(u64::MAX);
        let due = Duration::from_nanos(nanos);
        // A rate of a byte a second and a huge file reach beyond what a clock can name.
        let far = Duration::from_secs(86400 * 365);
        self.start + due.min(far)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_file_takes_its_time_and_no_more() {
        let start = Instant::now();
        let mut throttle = Throttle::new(50 * 1024, start);
        let mut left = 200_000;
        let mut now = start;
        while left > 0 {
            let piece = throttle.piece().min(left);
            left -= piece;
            now = throttle.moved(piece as u64);
        }
        let took = (now - start).as_secs_f64();
        let wanted = 200_000.0 / (50.0 * 1024.0);
        assert!(
            (took / wanted - 1.0).abs() < 0.01,
            "{took} instead of {wanted}"
        );
    }

    #[test]
    fn the_lowest_rate_moves_one_byte_a_step() {
        let throttle = Throttle::new(1, Instant::now());
        assert_eq!(throttle.piece(), 1);
    }
}
