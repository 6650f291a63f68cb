//! Giving up the rights of root for good, and making sure nothing of them is left.
//!
//! Followed: setresuid(2), capabilities(7), prctl(2), chroot(2). The calls act on the calling thread alone, so all of this
//! happens before any other thread exists (the log writer and the helper pool start later and inherit the result); that is
//! checked. Which user to become is decided elsewhere; switching back and forth between users is not done here.

use std::io;
use std::path::{Path, PathBuf};

use rustix::io::Errno;
use rustix::process::{DumpableBehavior, Gid, Uid, dumpable_behavior, set_dumpable_behavior};
use rustix::thread::{
    CapabilitySet, CapabilitySets, capabilities, capability_is_in_bounding_set,
    clear_ambient_capability_set, no_new_privs, remove_capability_from_bounding_set,
    set_capabilities, set_no_new_privs, set_thread_gid, set_thread_groups, set_thread_res_gid,
    set_thread_res_uid, set_thread_uid,
};
use users::os::unix::UserExt;

/// One row of the system's user database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// The user's number.
    pub uid: u32,
    /// The number of the user's own group.
    pub gid: u32,
    /// The home directory.
    pub home: PathBuf,
}

/// Looks a user up by name (getpwnam_r(3)). May ask the network and sleep; for the start only.
pub fn user_named(name: &str) -> Option<User> {
    users::get_user_by_name(name).map(|user| User {
        uid: user.uid(),
        gid: user.primary_group_id(),
        home: user.home_dir().to_path_buf(),
    })
}

/// Looks a user up by number (getpwuid_r(3)). As [`user_named`].
pub fn user_with(uid: u32) -> Option<User> {
    users::get_user_by_uid(uid).map(|user| User {
        uid: user.uid(),
        gid: user.primary_group_id(),
        home: user.home_dir().to_path_buf(),
    })
}

/// Whether this process runs with the effective user number of root.
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Locks the process into `root` as `uid` and `gid`, with no other group and no capability, never to get one again, and proves it.
/// With `gives_files` it keeps CAP_CHOWN, which the caller then narrows by a filter ([`super::sandbox`]).
///
/// # Errors
/// Names the step that failed, or what was found left over. The process is then in a state nobody asked for and must end.
/// Refused at once: user or group 0, and a process with more than one thread.
pub fn drop_for_good(uid: u32, gid: u32, root: &Path, gives_files: bool) -> io::Result<()> {
    drop_with_groups(uid, gid, &[], root, gives_files)
}

/// As [`drop_for_good`], but the process stays in the user's other groups, none of which may be root's.
///
/// # Errors
/// As for [`drop_for_good`].
pub fn drop_with_groups(
    uid: u32,
    gid: u32,
    groups: &[u32],
    root: &Path,
    gives_files: bool,
) -> io::Result<()> {
    let uid = unprivileged(uid).map(Uid::from_raw)?;
    let gid = unprivileged(gid).map(Gid::from_raw)?;
    let others = groups.iter().copied().map(unprivileged);
    let groups: Vec<Gid> = others
        .map(|group| group.map(Gid::from_raw))
        .collect::<io::Result<_>>()?;
    refuse_other_threads()?;
    enter(root)?;
    empty_bounding_set()?;
    let kept = kept(gives_files);
    if !kept.is_empty() {
        keep_through_the_change()?;
    }
    change_identity(uid, gid, &groups)?;
    seal(kept)?;
    verify_identity(uid, gid, &groups)
}

/// Locks the process into the empty directory `root` as nobody, with no capability but those to become a user for a file
/// (CAP_SETUID, CAP_SETGID), and proves it. For a server whose accounts have different users; [`super::creds`] does the
/// switching. `gives_files` as for [`drop_for_good`].
///
/// # Errors
/// As for [`drop_for_good`].
pub fn drop_to_switching(uid: u32, gid: u32, root: &Path, gives_files: bool) -> io::Result<()> {
    let uid = unprivileged(uid).map(Uid::from_raw)?;
    let gid = unprivileged(gid).map(Gid::from_raw)?;
    refuse_other_threads()?;
    enter(root)?;
    empty_bounding_set()?;
    keep_through_the_change()?;
    change_identity(uid, gid, &[])?;
    seal(CapabilitySet::SETUID | CapabilitySet::SETGID | kept(gives_files))?;
    let (uids, gids) = real_effective_and_saved()?;
    if uids != [uid.as_raw(); 3] || gids != [gid.as_raw(); 3] {
        return Err(left_over(&format!("user {uids:?} or group {gids:?}")));
    }
    if !rustix::process::getgroups()?.is_empty() {
        return Err(left_over("supplementary groups"));
    }
    Ok(())
}

/// For a process started without root: gives up what capabilities it has (a unit or container may grant some), can gain none by
/// executing files, and leaves no core dump. Whatever needs a capability, such as a port below 1024, comes before.
///
/// # Errors
/// As for [`drop_for_good`].
pub fn lock_down_unprivileged() -> io::Result<()> {
    refuse_other_threads()?;
    empty_bounding_set()?;
    seal(CapabilitySet::empty())
}

/// Refuses the numbers of root and the one that means "leave as it is" to setresuid(2).
fn unprivileged(id: u32) -> io::Result<u32> {
    if matches!(id, 0 | u32::MAX) {
        let text = format!("user or group {id} is no unprivileged one");
        return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
    }
    Ok(id)
}

fn refuse_other_threads() -> io::Result<()> {
    // Without /proc the count is unknown; the order of starting is then all there is.
    let Ok(threads) = std::fs::read_dir("/proc/self/task") else {
        return Ok(());
    };
    match threads.count() {
        1 => Ok(()),
        count => Err(left_over(&format!(
            "{count} threads run, and only one would lose its rights"
        ))),
    }
}

fn enter(root: &Path) -> io::Result<()> {
    // Into the directory first: what is checked is then what becomes the root.
    rustix::process::chdir(root)
        .and_then(|()| rustix::process::chroot("."))
        .and_then(|()| rustix::process::chdir("/"))
        .map_err(|error| failed(&format!("change the root to {}", root.display()), error))
}

/// Takes every capability the kernel knows out of the bounding set. A container may withhold CAP_SETPCAP, which this needs; the
/// set only matters to a file that is executed, and `no_new_privs` answers for that.
fn empty_bounding_set() -> io::Result<()> {
    for capability in known_capabilities() {
        match remove_capability_from_bounding_set(capability) {
            Ok(()) => {}
            Err(Errno::PERM) => return Ok(()),
            Err(error) => return Err(failed("empty the capability bounding set", error)),
        }
    }
    match known_capabilities().find(|capability| is_bounding(*capability)) {
        Some(left) => Err(left_over(&format!("bounding capability {left:?}"))),
        None => Ok(()),
    }
}

fn is_bounding(capability: CapabilitySet) -> bool {
    capability_is_in_bounding_set(capability) == Ok(true)
}

/// The capabilities of the running kernel, which may know more than this program does.
fn known_capabilities() -> impl Iterator<Item = CapabilitySet> {
    (0..u64::BITS)
        .map(|bit| CapabilitySet::from_bits_retain(1 << bit))
        .take_while(|capability| capability_is_in_bounding_set(*capability).is_ok())
}

fn kept(gives_files: bool) -> CapabilitySet {
    match gives_files {
        true => CapabilitySet::CHOWN,
        false => CapabilitySet::empty(),
    }
}

fn keep_through_the_change() -> io::Result<()> {
    rustix::thread::set_keep_capabilities(true).map_err(|error| failed("keep capabilities", error))
}

fn change_identity(uid: Uid, gid: Gid, groups: &[Gid]) -> io::Result<()> {
    set_thread_groups(groups).map_err(|error| failed("leave the supplementary groups", error))?;
    set_thread_res_gid(gid, gid, gid)
        .map_err(|error| failed(&format!("become group {}", gid.as_raw()), error))?;
    set_thread_res_uid(uid, uid, uid)
        .map_err(|error| failed(&format!("become user {}", uid.as_raw()), error))
}

/// Empties the capability sets but for `kept` and shuts the ways back, then looks whether that is so.
fn seal(kept: CapabilitySet) -> io::Result<()> {
    match clear_ambient_capability_set() {
        // Kernels before 4.3 have no ambient set.
        Ok(()) | Err(Errno::INVAL) => {}
        Err(error) => return Err(failed("clear the ambient capabilities", error)),
    }
    let wanted = CapabilitySets {
        effective: kept,
        permitted: kept,
        inheritable: CapabilitySet::empty(),
    };
    set_capabilities(None, wanted).map_err(|error| failed("give up capabilities", error))?;
    set_no_new_privs(true).map_err(|error| failed("set no_new_privs", error))?;
    // After the change of user, which sets it anew.
    set_dumpable_behavior(DumpableBehavior::NotDumpable)
        .map_err(|error| failed("forbid core dumps", error))?;
    if capabilities(None)? != wanted {
        return Err(left_over("capabilities"));
    }
    if !no_new_privs()? {
        return Err(left_over("the right to gain privileges by executing files"));
    }
    if dumpable_behavior()? != DumpableBehavior::NotDumpable {
        return Err(left_over("core dumps"));
    }
    Ok(())
}

fn verify_identity(uid: Uid, gid: Gid, groups: &[Gid]) -> io::Result<()> {
    let (uids, gids) = real_effective_and_saved()?;
    if uids != [uid.as_raw(); 3] {
        return Err(left_over(&format!("user numbers {uids:?}")));
    }
    if gids != [gid.as_raw(); 3] {
        return Err(left_over(&format!("group numbers {gids:?}")));
    }
    let found = rustix::process::getgroups()?;
    if !found.iter().all(|group| groups.contains(group)) {
        return Err(left_over("supplementary groups"));
    }
    if set_thread_uid(Uid::ROOT).is_ok() || set_thread_gid(Gid::ROOT).is_ok() {
        return Err(left_over("a way back to root"));
    }
    Ok(())
}

/// The three user numbers, then the three group numbers.
fn real_effective_and_saved() -> io::Result<([u32; 3], [u32; 3])> {
    let [mut real, mut effective, mut saved] = [0; 3];
    // SAFETY: the pointers are to live, distinct, writable integers of the call's type.
    if unsafe { libc::getresuid(&mut real, &mut effective, &mut saved) } != 0 {
        return Err(io::Error::last_os_error());
    }
    let uids = [real, effective, saved];
    // SAFETY: as above.
    if unsafe { libc::getresgid(&mut real, &mut effective, &mut saved) } != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok((uids, [real, effective, saved]))
}

fn failed(step: &str, error: Errno) -> io::Error {
    let error = io::Error::from(error);
    io::Error::new(error.kind(), format!("cannot {step}: {error}"))
}

fn left_over(what: &str) -> io::Error {
    let text = format!("privileges were not given up: {what}");
    io::Error::new(io::ErrorKind::PermissionDenied, text)
}

#[cfg(test)]
mod tests {
    use super::super::forked::{expect, in_child};
    use super::*;

    /// The process's own account, read through a descriptor opened before the chroot.
    fn status(proc: &std::os::fd::OwnedFd, key: &str) -> Result<String, String> {
        let file = rustix::fs::openat(
            proc,
            "self/status",
            rustix::fs::OFlags::RDONLY,
            rustix::fs::Mode::empty(),
        )
        .map_err(|error| error.to_string())?;
        let text = std::io::read_to_string(std::fs::File::from(file)).map_err(|e| e.to_string())?;
        let line = text.lines().find_map(|line| line.strip_prefix(key));
        let words = line.ok_or_else(|| format!("no {key}"))?.split_whitespace();
        Ok(words.collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn s2_root_is_given_up_for_good() {
        if !is_root() {
            eprintln!("skipped: needs root");
            return;
        }
        let directory = tempfile::tempdir().unwrap();
        std::fs::set_permissions(
            directory.path(),
            std::os::unix::fs::PermissionsExt::from_mode(0o755),
        )
        .unwrap();
        std::fs::write(directory.path().join("inside"), "x").unwrap();
        let proc: std::os::fd::OwnedFd = std::fs::File::open("/proc").unwrap().into();
        let outcome = in_child(|| {
            set_thread_groups(&[Gid::from_raw(4), Gid::from_raw(6)]).map_err(|e| e.to_string())?;
            drop_for_good(2121, 2122, directory.path(), false)
                .map_err(|error| error.to_string())?;
            for (key, value) in [
                ("Uid:", "2121 2121 2121 2121"),
                ("Gid:", "2122 2122 2122 2122"),
                ("Groups:", ""),
                ("CapInh:", "0000000000000000"),
                ("CapPrm:", "0000000000000000"),
                ("CapEff:", "0000000000000000"),
                ("CapBnd:", "0000000000000000"),
                ("CapAmb:", "0000000000000000"),
                ("NoNewPrivs:", "1"),
            ] {
                let found = status(&proc, key)?;
                expect(found == value, &format!("{key} {found}"))?;
            }
            expect(Path::new("/inside").exists(), "the root is elsewhere")?;
            expect(!Path::new("/../proc").exists(), "the root can be left")?;
            expect(
                std::env::current_dir().is_ok_and(|at| at == Path::new("/")),
                "not in the root",
            )?;
            expect(
                std::net::TcpListener::bind("127.0.0.1:47").is_err(),
                "port 47 was bound",
            )
        });
        assert_eq!(outcome, Ok(()));
    }

    #[test]
    fn s2_a_server_that_gives_files_away_keeps_that_right_alone() {
        if !is_root() {
            eprintln!("skipped: needs root");
            return;
        }
        let proc: std::os::fd::OwnedFd = std::fs::File::open("/proc").unwrap().into();
        // CAP_CHOWN is 0, CAP_SETGID 6, CAP_SETUID 7.
        for (switches, left) in [(false, "0000000000000001"), (true, "00000000000000c1")] {
            let outcome = in_child(|| {
                let root = Path::new("/");
                match switches {
                    true => drop_to_switching(2121, 2122, root, true),
                    false => drop_for_good(2121, 2122, root, true),
                }
                .map_err(|error| error.to_string())?;
                for (key, value) in [
                    ("Uid:", "2121 2121 2121 2121"),
                    ("CapPrm:", left),
                    ("CapEff:", left),
                    ("CapInh:", "0000000000000000"),
                    ("CapBnd:", "0000000000000000"),
                ] {
                    let found = status(&proc, key)?;
                    expect(found == value, &format!("{key} {found}"))?;
                }
                Ok(())
            });
            assert_eq!(outcome, Ok(()));
        }
    }

    #[test]
    fn without_root_all_capabilities_go_and_the_user_stays() {
        let proc: std::os::fd::OwnedFd = std::fs::File::open("/proc").unwrap().into();
        let outcome = in_child(|| {
            if is_root() {
                // As a unit with AmbientCapabilities= would start us.
                let bind = CapabilitySet::NET_BIND_SERVICE;
                let _ = rustix::thread::set_keep_capabilities(true);
                let user = Uid::from_raw(2121);
                set_thread_res_uid(user, user, user).map_err(|e| e.to_string())?;
                let kept = CapabilitySets {
                    effective: bind,
                    permitted: bind,
                    inheritable: bind,
                };
                set_capabilities(None, kept).map_err(|e| e.to_string())?;
                rustix::thread::configure_capability_in_ambient_set(bind, true)
                    .map_err(|e| e.to_string())?;
                let _ = set_dumpable_behavior(DumpableBehavior::Dumpable);
            }
            let user = status(&proc, "Uid:")?;
            lock_down_unprivileged().map_err(|error| error.to_string())?;
            let sets = capabilities(None).map_err(|e| e.to_string())?;
            expect(
                (sets.permitted | sets.effective | sets.inheritable).is_empty(),
                "capabilities",
            )?;
            let ambient =
                rustix::thread::capability_is_in_ambient_set(CapabilitySet::NET_BIND_SERVICE);
            expect(ambient == Ok(false), "ambient capability")?;
            expect(no_new_privs() == Ok(true), "no_new_privs")?;
            expect(
                dumpable_behavior() == Ok(DumpableBehavior::NotDumpable),
                "dumpable",
            )?;
            let uids = real_effective_and_saved().map_err(|e| e.to_string())?.0;
            expect(
                user.starts_with(&format!("{} {}", uids[0], uids[1])),
                "another user",
            )
        });
        assert_eq!(outcome, Ok(()));
    }

    #[test]
    fn user_and_group_zero_are_refused_before_anything_changes() {
        for (uid, gid) in [(0, 5), (5, 0), (u32::MAX, 5), (5, u32::MAX)] {
            let error = drop_for_good(uid, gid, Path::new("/"), true).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
        }
    }

    #[test]
    fn a_process_with_threads_is_refused() {
        // The test harness itself has a thread for this test and one that waits.
        let error = lock_down_unprivileged().unwrap_err();
        assert!(error.to_string().contains("threads run"), "{error}");
    }

    #[test]
    fn a_missing_root_is_named() {
        let outcome = in_child(|| {
            let error = drop_for_good(5, 5, Path::new("/no/such/place"), false).err();
            let text = error.map(|error| error.to_string()).unwrap_or_default();
            expect(
                text.starts_with("cannot change the root to /no/such/place: "),
                &text,
            )
        });
        assert_eq!(outcome, Ok(()));
    }

    #[test]
    fn users_are_found_by_name() {
        let root = user_named("root").unwrap();
        assert_eq!((root.uid, root.gid), (0, 0));
        assert_eq!(root.home, Path::new("/root"));
        assert_eq!(user_named("no such user"), None);
        assert_eq!(user_named("ro\0ot"), None);
    }
}
