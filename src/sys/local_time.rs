//! What the clock on the wall shows, for hours an administrator wrote: localtime_r(3), so by `TZ` or /etc/localtime.
//!
//! The zone is read when first asked; a process that has left the machine's root by chroot(2) before that gets UTC.

/// Hours and minutes of local time now.
pub fn hour_and_minute() -> (u8, u8) {
    // SAFETY: the call takes no pointer that must be valid.
    let now = unsafe { libc::time(std::ptr::null_mut()) };
    // SAFETY: all fields are numbers or a pointer, for which zero is a value.
    let mut local: libc::tm = unsafe { std::mem::zeroed() };
    // SAFETY: both pointers are live; the result, null for a year out of range, leaves zeros, which is midnight.
    unsafe { libc::localtime_r(&now, &mut local) };
    let small = |number: i32| u8::try_from(number).unwrap_or(0);
    (small(local.tm_hour), small(local.tm_min))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hour_is_the_one_date_shows() {
        let shown = || {
            let date = std::process::Command::new("date").arg("+%H:%M").output();
            String::from_utf8(date.unwrap().stdout).unwrap()
        };
        // A minute may end in between.
        let (before, (hour, minute), after) = (shown(), hour_and_minute(), shown());
        let ours = format!("{hour:02}:{minute:02}\n");
        assert!(ours == before || ours == after, "{before} {ours} {after}");
    }
}
