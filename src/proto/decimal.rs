//! Numbers as text, written straight into a buffer: the listing writers make 100 000 lines at a time, and `format!`
//! for each field would be most of their cost.
//!
//! Reading numbers that a client sent is in `request`, which is strict about them.

/// Longest decimal form of a `u64`.
const LONGEST: usize = 20;

/// Appends `value` in decimal.
pub fn write_decimal(out: &mut Vec<u8>, value: u64) {
    let mut digits = [0; LONGEST];
    let from = fill(&mut digits, value, 10);
    out.extend_from_slice(&digits[from..]);
}

/// Appends `value` in decimal, blanks before it up to `width` columns; a longer number is written whole.
pub fn write_decimal_padded(out: &mut Vec<u8>, value: u64, width: usize) {
    let mut digits = [b' '; LONGEST];
    let from = fill(&mut digits, value, 10);
    let start = LONGEST.saturating_sub(width).min(from);
    out.extend_from_slice(&digits[start..]);
}

/// Appends the last two decimal digits of `value`.
pub fn write_two_digits(out: &mut Vec<u8>, value: u64) {
    out.extend_from_slice(&two_digits(value));
}

/// The last two decimal digits of `value`, with a leading zero.
pub fn two_digits(value: u64) -> [u8; 2] {
    [b'0' + (value / 10 % 10) as u8, b'0' + (value % 10) as u8]
}

/// Appends `value` in lower-case hexadecimal, without prefix.
pub fn write_hexadecimal(out: &mut Vec<u8>, value: u64) {
    let mut digits = [0; LONGEST];
    let from = fill(&mut digits, value, 16);
    out.extend_from_slice(&digits[from..]);
}

/// Appends `value` in octal, without prefix.
pub fn write_octal(out: &mut Vec<u8>, value: u32) {
    let mut digits = [0; LONGEST];
    let from = fill(&mut digits, u64::from(value), 8);
    out.extend_from_slice(&digits[from..]);
}

/// Puts the digits of `value` at the end of the array and says where they begin.
fn fill(digits: &mut [u8; LONGEST], mut value: u64, base: u64) -> usize {
    let mut at = LONGEST;
    loop {
        at -= 1;
        digits[at] = b"0123456789abcdef"[(value % base) as usize];
        value /= base;
        if value == 0 || at == 0 {
            return at;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(write: impl Fn(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn numbers_read_as_the_standard_library_writes_them() {
        for value in [0, 1, 9, 10, 99, 1234, u64::from(u32::MAX), u64::MAX] {
            assert_eq!(text(|out| write_decimal(out, value)), value.to_string());
            assert_eq!(
                text(|out| write_hexadecimal(out, value)),
                format!("{value:x}")
            );
            assert_eq!(
                text(|out| write_decimal_padded(out, value, 10)),
                format!("{value:10}")
            );
            assert_eq!(
                text(|out| write_decimal_padded(out, value, 30)),
                format!("{value:20}")
            );
            assert_eq!(
                text(|out| write_two_digits(out, value)),
                format!("{:02}", value % 100)
            );
        }
        for value in [0, 0o7, 0o755, 0o4755, u32::MAX] {
            assert_eq!(text(|out| write_octal(out, value)), format!("{value:o}"));
        }
    }
}
