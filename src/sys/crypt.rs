//! Password hashing by the system's libcrypt: crypt_r(3), for the forms of hash that have no Rust implementation.

use std::cell::RefCell;
use std::ffi::{CStr, c_char, c_int};
use zeroize::Zeroize;

/// Words of eight bytes that hold any libcrypt's `struct crypt_data`: 32768 bytes in libxcrypt, 131232 in the older one
/// of glibc.
const DATA_WORDS: usize = 160 * 1024 / 8;

thread_local! {
    /// Made once: fresh memory of this size costs as much as a cheap hash. Zero between two calls.
    static DATA: RefCell<Box<[u64]>> = RefCell::new(vec![0; DATA_WORDS].into_boxed_slice());
}

#[link(name = "crypt")]
unsafe extern "C" {
    fn crypt_r(phrase: *const c_char, setting: *const c_char, data: *mut u64) -> *mut c_char;
}

/// Hashes the password as `setting` says: a whole hash, or its beginning with method, cost and salt. The cost is taken as
/// it stands, so whoever calls has bounded it.
///
/// `None` for a setting libcrypt does not know or a password it does not take (512 bytes and more).
pub fn crypt(password: &CStr, setting: &CStr) -> Option<Vec<u8>> {
    DATA.with_borrow_mut(|data| {
        // SAFETY: both strings end in NUL and outlive the call. The data area is zeroed, as crypt_r(3) asks before its first
        // use, large enough for every libcrypt and aligned for its 8-byte fields; nobody else uses it.
        let made = unsafe { crypt_r(password.as_ptr(), setting.as_ptr(), data.as_mut_ptr()) };
        let hash = (!made.is_null()).then(|| {
            // SAFETY: what crypt_r returns, if not null, is a string ending in NUL, in `data` or static; both are alive here.
            unsafe { CStr::from_ptr(made) }.to_bytes().to_vec()
        });
        data.zeroize();
        // "*0" and "*1" are how libcrypt says that it failed.
        hash.filter(|hash| !hash.starts_with(b"*"))
    })
}

// The declaration above stands for `char *crypt_r(const char *, const char *, struct crypt_data *)`, whose first member has
// no stricter alignment than `int`.
const _: () = assert!(align_of::<u64>() >= align_of::<c_int>());

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn md5_of_crypt_comes_out_as_other_programs_make_it() {
        let made = crypt(c"secret pass", c"$1$abcdefgh");
        let made = made.map(|hash| String::from_utf8(hash).unwrap());
        assert_eq!(made.as_deref(), Some("$1$abcdefgh$Rur9vjR3qTr2ktYAC0ctB."));
    }

    #[test]
    fn what_libcrypt_refuses_is_none() {
        assert_eq!(crypt(c"secret", c"$99$salt"), None);
        assert_eq!(crypt(c"secret", c"*0"), None);
        let long = std::ffi::CString::new(vec![b'a'; 600]).unwrap();
        assert_eq!(crypt(&long, c"$6$abcdefgh"), None);
    }
}
