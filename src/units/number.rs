//! Reading whole numbers out of flag values: decimal, octal and strtoul's base 0.
//!
//! Unlike strtoul(3) and sscanf(3), on which Pure-FTPd rests, nothing here skips blanks, takes a sign
//! or ignores what follows the digits.

use super::Expected;

/// Decimal digits only.
pub(super) fn decimal(text: &str) -> Option<u64> {
    digits(text, 10)
}

/// Octal digits only, with or without a leading zero.
pub(super) fn octal(text: &str) -> Option<u64> {
    digits(text, 8)
}

/// Base 0 of strtoul(3): `0x` is hexadecimal, another leading zero octal, all else decimal.
pub(super) fn any_base(text: &str) -> Option<u64> {
    if let Some(hex) = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        digits(hex, 16)
    } else if text.starts_with('0') {
        digits(text, 8)
    } else {
        digits(text, 10)
    }
}

fn digits(text: &str, radix: u32) -> Option<u64> {
    // from_str_radix takes a leading plus sign, which no form here has.
    if !text.chars().all(|c| c.is_digit(radix)) {
        return None;
    }
    u64::from_str_radix(text, radix).ok()
}

/// A numeric group id, in any base of strtoul(3).
///
/// # Errors
/// Group names, and numbers beyond 4294967294 (the largest one means "no group" to the kernel).
pub fn group_id(text: &str) -> Result<u32, Expected> {
    any_base(text)
        .and_then(valid_id)
        .ok_or(Expected("a numeric group id, 0 to 4294967294"))
}

/// A numeric user id in decimal.
///
/// # Errors
/// User names, and numbers beyond 4294967294 (the largest one means "no user" to the kernel).
pub fn user_id(text: &str) -> Result<u32, Expected> {
    decimal(text)
        .and_then(valid_id)
        .ok_or(Expected("a numeric user id, 0 to 4294967294"))
}

fn valid_id(number: u64) -> Option<u32> {
    u32::try_from(number).ok().filter(|id| *id != u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base_zero_reads_what_strtoul_reads() {
        assert_eq!(any_base("0x10"), Some(16));
        assert_eq!(any_base("0Xff"), Some(255));
        assert_eq!(any_base("010"), Some(8));
        assert_eq!(any_base("10"), Some(10));
        assert_eq!(any_base("0"), Some(0));
        assert_eq!(any_base("08"), None);
        assert_eq!(any_base("0x"), None);
        assert_eq!(any_base(""), None);
        assert_eq!(any_base("-1"), None);
        assert_eq!(any_base("18446744073709551616"), None);
    }

    #[test]
    fn ids_stop_before_the_value_that_means_none() {
        assert_eq!(group_id("0x64"), Ok(100));
        assert_eq!(user_id("4294967294"), Ok(4_294_967_294));
        assert!(group_id("4294967295").is_err());
        assert!(user_id("4294967295").is_err());
        assert!(user_id("0x64").is_err());
        assert!(group_id("staff").is_err());
    }
}
