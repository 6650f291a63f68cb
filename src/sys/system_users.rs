//! All users the system knows, with what shadow(5) says of their passwords, and the groups of one: getpwent(3),
//! getspnam(3), getgrouplist(3), so through whatever nsswitch.conf(5) names.

use std::ffi::{CStr, c_char};
use std::sync::Mutex;

/// One of the system's users.
#[derive(Clone, PartialEq, Eq)]
pub struct SystemUser {
    /// The login.
    pub name: Vec<u8>,
    /// The password hash, from shadow(5) if there is an entry that may be read, else from passwd(5).
    pub hash: Vec<u8>,
    /// User id.
    pub uid: u32,
    /// Group id.
    pub gid: u32,
    /// Full name and what else stands there.
    pub gecos: Vec<u8>,
    /// Home directory.
    pub home: Vec<u8>,
    /// Login shell.
    pub shell: Vec<u8>,
}

/// The C library walks through its lists with one cursor for the whole process.
static CURSOR: Mutex<()> = Mutex::new(());

/// All users, in the order in which the system tells them. May ask the network and sleep.
pub fn all() -> Vec<SystemUser> {
    let _cursor = CURSOR.lock();
    let mut found = Vec::new();
    // SAFETY: takes and gives nothing; the lock above keeps other walks of this program away.
    unsafe { libc::setpwent() };
    loop {
        // SAFETY: as above.
        let entry = unsafe { libc::getpwent() };
        // SAFETY: a pointer that is not null leads to an entry which lives until the next call of this family.
        let Some(entry) = (unsafe { entry.as_ref() }) else {
            break;
        };
        found.push(SystemUser {
            name: bytes(entry.pw_name),
            hash: bytes(entry.pw_passwd),
            uid: entry.pw_uid,
            gid: entry.pw_gid,
            gecos: bytes(entry.pw_gecos),
            home: bytes(entry.pw_dir),
            shell: bytes(entry.pw_shell),
        });
    }
    // SAFETY: as for setpwent.
    unsafe { libc::endpwent() };
    for user in &mut found {
        if let Some(hash) = shadow(&user.name) {
            user.hash = hash;
        }
    }
    found
}

/// The groups of a user, `gid` and at most `most` in all, in the order in which the system tells them. May ask the network
/// and sleep.
///
/// For the numbers alone: who wants the names too has each group looked up again, which takes many times as long.
pub fn groups_of(name: &[u8], gid: u32, most: usize) -> Vec<u32> {
    let Ok(name) = std::ffi::CString::new(name) else {
        return vec![gid];
    };
    let mut groups = vec![gid; most];
    let mut count = libc::c_int::try_from(most).unwrap_or(libc::c_int::MAX);
    // SAFETY: the name ends in NUL; `groups` has room for `count` numbers, and no more are written.
    let found = unsafe { libc::getgrouplist(name.as_ptr(), gid, groups.as_mut_ptr(), &mut count) };
    let count = match found {
        // There are more, and as many as there was room for have been written.
        -1 => most,
        count => usize::try_from(count).unwrap_or(0),
    };
    groups.truncate(count);
    groups
}

/// The hash in a user's entry of shadow(5). The caller holds [`CURSOR`].
fn shadow(name: &[u8]) -> Option<Vec<u8>> {
    let name = std::ffi::CString::new(name).ok()?;
    // SAFETY: the name ends in NUL and outlives the call; nobody else walks through the lists.
    let entry = unsafe { libc::getspnam(name.as_ptr()) };
    // SAFETY: a pointer that is not null leads to an entry which lives until the next call of this family.
    let entry = unsafe { entry.as_ref() }?;
    Some(bytes(entry.sp_pwdp))
}

/// The bytes of a field; none for a field that is not there.
fn bytes(text: *const c_char) -> Vec<u8> {
    if text.is_null() {
        return Vec::new();
    }
    // SAFETY: fields of entries are strings that end in NUL and live as long as the entry, which the callers still hold.
    unsafe { CStr::from_ptr(text) }.to_bytes().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_is_among_the_users() {
        let users = all();
        let root = users.iter().find(|user| user.name == b"root");
        assert!(root.is_some_and(|root| root.uid == 0 && root.home == b"/root"));
    }

    #[test]
    fn groups_are_those_id_shows_and_a_stranger_has_one() {
        let output = std::process::Command::new("id")
            .args(["-G", "root"])
            .output();
        let output = String::from_utf8(output.expect("id runs").stdout).expect("text");
        let mut shown: Vec<u32> = output
            .split_whitespace()
            .map(|number| number.parse().expect("a number"))
            .collect();
        shown.sort_unstable();
        let mut found = groups_of(b"root", 0, 256);
        found.sort_unstable();
        assert_eq!(found, shown);
        assert_eq!(groups_of(b"no such user", 7, 256), [7]);
        assert_eq!(groups_of(b"no\0user", 7, 256), [7]);
    }

    #[test]
    fn no_more_groups_are_given_than_wanted() {
        assert_eq!(groups_of(b"root", 7, 1), [7]);
        assert_eq!(groups_of(b"root", 7, 0), []);
    }

    #[test]
    fn a_second_walk_finds_the_same_users() {
        let names = || all().into_iter().map(|user| user.name).collect::<Vec<_>>();
        assert_eq!(names(), names());
    }
}
