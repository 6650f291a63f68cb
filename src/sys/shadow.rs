//! The system's users with their password hashes: getpwnam_r(3) and getspnam_r(3), through whatever nsswitch.conf(5)
//! names.
//!
//! The calls may ask the network and sleep. Records are copied out; the buffer that held a hash is wiped.

use std::ffi::{CStr, CString, c_char, c_int};
use std::io;

use zeroize::{Zeroize, Zeroizing};

/// The smallest buffer tried for the texts of a record.
const BUFFER: usize = 1024;

/// The largest; a record beyond it is an error.
const LARGEST_BUFFER: usize = 1024 * 1024;

/// A record of passwd(5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// The name as the database has it.
    pub name: Vec<u8>,
    /// The second field: a hash, or `x` where [`shadow_named`] has it.
    pub password: Zeroizing<Vec<u8>>,
    /// User number.
    pub uid: u32,
    /// Number of the main group.
    pub gid: u32,
    /// The home directory.
    pub home: Vec<u8>,
    /// The login shell; may be empty.
    pub shell: Vec<u8>,
}

/// A record of shadow(5). Days are counted from 1 January 1970; an empty field is -1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shadow {
    /// The hash, or a mark that there is none.
    pub password: Zeroizing<Vec<u8>>,
    /// The day the password was changed; 0 asks for a change at the next login.
    pub changed: i64,
    /// Days a password may be kept.
    pub longest: i64,
    /// The last day of the account.
    pub expires: i64,
}

/// Looks a user up.
///
/// # Errors
/// What the system says when it could not look; a user that does not exist is no error.
pub fn user_named(name: &[u8]) -> io::Result<Option<User>> {
    let Ok(name) = CString::new(name) else {
        return Ok(None);
    };
    looked_up(|buffer| {
        // SAFETY: all fields are numbers or pointers, for which zero is a value.
        let mut record: libc::passwd = unsafe { std::mem::zeroed() };
        let mut found = std::ptr::null_mut();
        // SAFETY: the name is NUL-terminated; record, buffer (with its true length) and result are live and ours alone.
        let status = unsafe {
            libc::getpwnam_r(
                name.as_ptr(),
                &mut record,
                buffer.as_mut_ptr().cast::<c_char>(),
                buffer.len(),
                &mut found,
            )
        };
        // SAFETY: `found` points to `record` when there is one, and its texts lie in the buffer, which still lives.
        (
            status,
            (!found.is_null()).then(|| unsafe { copied(&record) }),
        )
    })
}

/// Looks up what shadow(5) has about a user. Needs the rights of root or of the group `shadow`.
///
/// # Errors
/// As for [`user_named`]; some systems answer a lack of rights with "no such user".
pub fn shadow_named(name: &[u8]) -> io::Result<Option<Shadow>> {
    let Ok(name) = CString::new(name) else {
        return Ok(None);
    };
    looked_up(|buffer| {
        // SAFETY: all fields are numbers or pointers, for which zero is a value.
        let mut record: libc::spwd = unsafe { std::mem::zeroed() };
        let mut found = std::ptr::null_mut();
        // SAFETY: the name is NUL-terminated; record, buffer (with its true length) and result are live and ours alone.
        let status = unsafe {
            libc::getspnam_r(
                name.as_ptr(),
                &mut record,
                buffer.as_mut_ptr().cast::<c_char>(),
                buffer.len(),
                &mut found,
            )
        };
        let shadow = (!found.is_null()).then(|| Shadow {
            // SAFETY: the text lies in the buffer, which still lives.
            password: Zeroizing::new(unsafe { text(record.sp_pwdp) }),
            changed: record.sp_lstchg,
            longest: record.sp_max,
            expires: record.sp_expire,
        });
        (status, shadow)
    })
}

/// Calls with a buffer that grows until the record fits, and wipes it.
fn looked_up<T>(mut call: impl FnMut(&mut [u8]) -> (c_int, Option<T>)) -> io::Result<Option<T>> {
    let mut size = BUFFER;
    loop {
        let mut buffer = vec![0u8; size];
        let (status, found) = call(&mut buffer);
        buffer.zeroize();
        match status {
            0 => return Ok(found),
            libc::EINTR => {}
            libc::ERANGE if size < LARGEST_BUFFER => size *= 2,
            // What the C library's sources give for "no such user" besides 0; see getpwnam(3).
            libc::ENOENT | libc::ESRCH => return Ok(None),
            status => return Err(io::Error::from_raw_os_error(status)),
        }
    }
}

/// # Safety
/// The texts of the record must be null or live and NUL-terminated.
unsafe fn copied(record: &libc::passwd) -> User {
    // SAFETY: what the caller promises.
    unsafe {
        User {
            name: text(record.pw_name),
            password: Zeroizing::new(text(record.pw_passwd)),
            uid: record.pw_uid,
            gid: record.pw_gid,
            home: text(record.pw_dir),
            shell: text(record.pw_shell),
        }
    }
}

/// # Safety
/// The pointer must be null or point to a live, NUL-terminated text.
unsafe fn text(pointer: *const c_char) -> Vec<u8> {
    if pointer.is_null() {
        return Vec::new();
    }
    // SAFETY: what the caller promises.
    unsafe { CStr::from_ptr(pointer) }.to_bytes().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_is_found_and_a_stranger_is_not() {
        let root = user_named(b"root").unwrap().unwrap();
        assert_eq!((root.uid, root.gid), (0, 0));
        assert_eq!(root.home, b"/root");
        assert_eq!(user_named(b"no-such-user-here").unwrap(), None);
        assert_eq!(shadow_named(b"no-such-user-here").unwrap_or(None), None);
    }

    #[test]
    fn p5_a_name_with_a_nul_is_no_ones_and_never_cut_short() {
        assert_eq!(user_named(b"root\0x").unwrap(), None);
        assert_eq!(shadow_named(b"root\0x").unwrap(), None);
    }

    #[test]
    fn a_record_larger_than_the_first_buffer_is_asked_for_again() {
        let mut sizes = Vec::new();
        let found = looked_up(|buffer| {
            sizes.push(buffer.len());
            let fits = buffer.len() >= 4 * BUFFER;
            (if fits { 0 } else { libc::ERANGE }, fits.then_some(7))
        });
        assert_eq!(found.unwrap(), Some(7));
        assert_eq!(sizes, [BUFFER, 2 * BUFFER, 4 * BUFFER]);
        let never = looked_up::<()>(|_| (libc::ERANGE, None));
        assert_eq!(never.unwrap_err().raw_os_error(), Some(libc::ERANGE));
    }
}
