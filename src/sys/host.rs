//! What the machine says about itself: sysinfo(2), which unlike /proc is there inside a chroot.

/// The parts of one in the kernel's load figures (`SI_LOAD_SHIFT` in linux/sysinfo.h).
const LOAD_UNIT: f64 = 65536.0;

/// The mean number of processes running or waiting, over the last 1, 5 and 15 minutes, of the whole machine.
pub fn load_average() -> [f64; 3] {
    // The kernel's fixed-point numbers are far below 2^52, so nothing is lost.
    rustix::system::sysinfo()
        .loads
        .map(|load| load as f64 / LOAD_UNIT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_load_is_the_one_proc_shows() {
        let shown = |text: &str| -> Vec<f64> {
            let numbers = text.split_whitespace().take(3);
            numbers.map(|number| number.parse().unwrap()).collect()
        };
        let file = || std::fs::read_to_string("/proc/loadavg").unwrap();
        // The figures change every five seconds; read around the call until they did not.
        loop {
            let (before, load, after) = (file(), load_average(), file());
            if shown(&before) != shown(&after) {
                continue;
            }
            for (ours, theirs) in load.iter().zip(shown(&before)) {
                assert!((ours - theirs).abs() < 0.011, "{load:?} {before}");
            }
            return;
        }
    }
}
