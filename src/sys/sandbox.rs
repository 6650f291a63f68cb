//! The calls this process never makes, refused by the kernel: a seccomp(2) filter over all threads.
//!
//! It stands behind the given-up privileges: whoever takes the process over can execute nothing, trace nobody, fork nothing,
//! reach no obscure part of the kernel and open no socket but those of an FTP server. Refusal is EPERM, so that a forgotten call
//! fails like any other error. It is a list of what is refused, and calls that an honest FTP server may come to make are not on it:
//! the C library takes to new calls for old purposes, and a list of what is allowed would break with it. So calls that newer kernels
//! bring are to be added; looked at last were those up to 470 (Linux 6.19).

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch, sock_filter,
};
use std::collections::BTreeMap;

/// What became of the sandbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The filter is in force for all threads, present and future.
    Installed,
    /// The kernel, the machine or the container does not allow one; why, in a few words.
    Unavailable(String),
}

/// Which user and group numbers the process may still take for touching files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Identities {
    /// None: it has one identity for good.
    None,
    /// Those of accounts. The list of groups lies in memory that a filter cannot see.
    Of {
        /// Users from this number on.
        lowest: u32,
        /// Other users: nobody, and the one of anonymous clients.
        besides: Vec<u32>,
        /// Whether group 0 is one of the groups.
        group_0: bool,
    },
}

/// Puts the filter in force; it cannot be taken back. Sets `no_new_privs`. To be called after privileges are dropped: the calls
/// for that are refused afterwards, as are new processes. With `owner`, files can be given to this user, by descriptor and with
/// their group kept, and to nobody else.
pub fn install(identities: &Identities, owner: Option<u32>) -> Outcome {
    let installed = TargetArch::try_from(std::env::consts::ARCH)
        .and_then(|machine| program(machine, identities, owner))
        .map_err(|error| error.to_string())
        .and_then(|program| {
            seccompiler::apply_filter_all_threads(&program).map_err(|error| error.to_string())
        });
    match installed {
        Ok(()) => Outcome::Installed,
        Err(reason) => Outcome::Unavailable(reason),
    }
}

type Rules = BTreeMap<i64, Vec<SeccompRule>>;
type Built<T> = Result<T, seccompiler::BackendError>;

/// The whole filter as the kernel reads it.
fn program(machine: TargetArch, identities: &Identities, owner: Option<u32>) -> Built<BpfProgram> {
    let mut rules: Rules = REFUSED.iter().map(|call| (*call, Vec::new())).collect();
    match identities {
        Identities::None => {
            for call in [libc::SYS_setfsuid, libc::SYS_setfsgid, libc::SYS_setgroups] {
                rules.insert(call, Vec::new());
            }
        }
        Identities::Of {
            lowest,
            besides,
            group_0,
        } => {
            rules.insert(libc::SYS_setfsuid, vec![refused_below(*lowest, besides)?]);
            if !group_0 {
                rules.insert(libc::SYS_setfsgid, vec![refused_below(1, &[])?]);
            }
        }
    }
    if let Some(owner) = owner {
        rules.extend(BY_NAME.iter().map(|call| (*call, Vec::new())));
        rules.insert(libc::SYS_fchown, other_owners(owner)?);
    }
    rules.insert(libc::SYS_socket, refused_sockets()?);
    rules.insert(libc::SYS_clone, vec![new_process()?]);
    let filter = SeccompFilter::new(
        rules,
        SeccompAction::Allow,
        SeccompAction::Errno(libc::EPERM as u32),
        machine,
    )?;
    let mut program = absent_calls();
    program.extend(BpfProgram::try_from(filter)?);
    Ok(program)
}

/// Calls refused whatever their arguments.
#[rustfmt::skip]
const REFUSED: &[i64] = &[
    // Other programs, other processes.
    libc::SYS_execve, libc::SYS_execveat, libc::SYS_ptrace, libc::SYS_process_vm_readv, libc::SYS_process_vm_writev,
    libc::SYS_process_madvise, libc::SYS_process_mrelease, libc::SYS_kcmp, libc::SYS_pidfd_open, libc::SYS_pidfd_getfd,
    libc::SYS_pidfd_send_signal, libc::SYS_migrate_pages, libc::SYS_move_pages,
    #[cfg(target_arch = "x86_64")] libc::SYS_fork,
    #[cfg(target_arch = "x86_64")] libc::SYS_vfork,
    // Other views of the file system.
    libc::SYS_mount, libc::SYS_umount2, libc::SYS_pivot_root, libc::SYS_chroot, libc::SYS_open_tree, libc::SYS_move_mount,
    libc::SYS_fsopen, libc::SYS_fsconfig, libc::SYS_fsmount, libc::SYS_fspick, libc::SYS_mount_setattr, libc::SYS_unshare,
    libc::SYS_setns, libc::SYS_open_by_handle_at, libc::SYS_fanotify_init, libc::SYS_mknodat, libc::SYS_quotactl,
    libc::SYS_quotactl_fd, STATMOUNT, LISTMOUNT, OPEN_TREE_ATTR, LISTNS,
    #[cfg(target_arch = "x86_64")] libc::SYS_mknod,
    // Other identities.
    libc::SYS_setuid, libc::SYS_setgid, libc::SYS_setreuid, libc::SYS_setregid, libc::SYS_setresuid, libc::SYS_setresgid,
    libc::SYS_capset,
    // Large and seldom used parts of the kernel.
    libc::SYS_bpf, libc::SYS_perf_event_open, libc::SYS_userfaultfd, libc::SYS_io_uring_setup, libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register, libc::SYS_keyctl, libc::SYS_add_key, libc::SYS_request_key, libc::SYS_personality,
    libc::SYS_memfd_secret, CACHESTAT, MAP_SHADOW_STACK,
    // What other processes of the user have open.
    libc::SYS_msgget, libc::SYS_semget, libc::SYS_shmget, libc::SYS_mq_open,
    // More sandboxes, and what the kernel's security modules say of themselves.
    libc::SYS_seccomp, libc::SYS_landlock_create_ruleset, libc::SYS_landlock_add_rule, libc::SYS_landlock_restrict_self,
    LSM_GET_SELF_ATTR, LSM_SET_SELF_ATTR, LSM_LIST_MODULES,
    #[cfg(target_arch = "x86_64")] libc::SYS_modify_ldt,
    // The machine itself.
    libc::SYS_init_module, libc::SYS_finit_module, libc::SYS_delete_module, libc::SYS_kexec_load, libc::SYS_reboot,
    libc::SYS_swapon, libc::SYS_swapoff, libc::SYS_acct, libc::SYS_syslog, libc::SYS_sethostname, libc::SYS_setdomainname,
    libc::SYS_settimeofday, libc::SYS_clock_settime, libc::SYS_clock_adjtime, libc::SYS_adjtimex, libc::SYS_vhangup,
    #[cfg(target_arch = "x86_64")] libc::SYS_kexec_file_load,
    #[cfg(target_arch = "x86_64")] libc::SYS_iopl,
    #[cfg(target_arch = "x86_64")] libc::SYS_ioperm,
];

// Calls the crate libc does not name. From 424 on numbers are the same on every machine (asm-generic/unistd.h).
const CACHESTAT: i64 = 451;
const MAP_SHADOW_STACK: i64 = 453;
const STATMOUNT: i64 = 457;
const LISTMOUNT: i64 = 458;
const LSM_GET_SELF_ATTR: i64 = 459;
const LSM_SET_SELF_ATTR: i64 = 460;
const LSM_LIST_MODULES: i64 = 461;
const OPEN_TREE_ATTR: i64 = 467;
const LISTNS: i64 = 470;

/// Calls that change an owner and take a name, or both.
#[rustfmt::skip]
const BY_NAME: &[i64] = &[
    libc::SYS_fchownat,
    #[cfg(target_arch = "x86_64")] libc::SYS_chown,
    #[cfg(target_arch = "x86_64")] libc::SYS_lchown,
];

/// fchown(2) to another user than `owner`, or of the group as well.
fn other_owners(owner: u32) -> Built<Vec<SeccompRule>> {
    /// The number that leaves the group as it is.
    const SAME: u32 = u32::MAX;
    let other = |position, kept: u32| {
        let (size, differs) = (SeccompCmpArgLen::Dword, SeccompCmpOp::Ne);
        let condition = SeccompCondition::new(position, size, differs, kept.into())?;
        SeccompRule::new(vec![condition])
    };
    Ok(vec![other(1, owner)?, other(2, SAME)?])
}

/// A first argument below `lowest` and none of `besides`. What only asks for the number in force passes a number that nobody has.
fn refused_below(lowest: u32, besides: &[u32]) -> Built<SeccompRule> {
    let condition = |comparison, number: u32| {
        SeccompCondition::new(0, SeccompCmpArgLen::Dword, comparison, number.into())
    };
    let mut conditions = vec![condition(SeccompCmpOp::Lt, lowest)?];
    for &number in besides {
        conditions.push(condition(SeccompCmpOp::Ne, number)?);
    }
    SeccompRule::new(conditions)
}

/// socket(2): only the Internet families, and of Unix sockets only datagrams, for the log daemon.
fn refused_sockets() -> Built<Vec<SeccompRule>> {
    const FAMILY: u8 = 0;
    const KIND: u8 = 1;
    /// The kind without SOCK_NONBLOCK and SOCK_CLOEXEC.
    const KIND_BITS: u64 = 0xf;
    let family = |comparison, family: i32| number(FAMILY, comparison, family);
    let another_family = vec![
        family(SeccompCmpOp::Ne, libc::AF_INET)?,
        family(SeccompCmpOp::Ne, libc::AF_INET6)?,
        family(SeccompCmpOp::Ne, libc::AF_UNIX)?,
    ];
    let mut rules = vec![SeccompRule::new(another_family)?];
    for kind in [libc::SOCK_STREAM, libc::SOCK_SEQPACKET, libc::SOCK_RAW] {
        rules.push(SeccompRule::new(vec![
            family(SeccompCmpOp::Eq, libc::AF_UNIX)?,
            number(KIND, SeccompCmpOp::MaskedEq(KIND_BITS), kind)?,
        ])?);
    }
    Ok(rules)
}

/// clone(2) without CLONE_THREAD, which would make a process (and perhaps namespaces, which threads cannot have of their own).
fn new_process() -> Built<SeccompRule> {
    let thread = libc::CLONE_THREAD as u64;
    SeccompRule::new(vec![SeccompCondition::new(
        0,
        SeccompCmpArgLen::Qword,
        SeccompCmpOp::MaskedEq(thread),
        0,
    )?])
}

/// A condition on the argument at `position`, an int.
fn number(position: u8, comparison: SeccompCmpOp, value: i32) -> Built<SeccompCondition> {
    // The constants compared with are small and not negative.
    let value = u64::from(value.unsigned_abs());
    SeccompCondition::new(position, SeccompCmpArgLen::Dword, comparison, value)
}

/// The head of the filter, for calls that answer as if the kernel did not have them (ENOSYS): clone3(2), whose flags lie in
/// memory a filter cannot see, and for which the C library then uses clone; and on x86-64 the numbers of the x32 ABI, by which the
/// list could be gone around.
fn absent_calls() -> BpfProgram {
    const LOAD_CALL_NUMBER: u16 = (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16;
    const JUMP_IF_EQUAL: u16 = (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16;
    const JUMP_IF_AT_LEAST: u16 = (libc::BPF_JMP | libc::BPF_JGE | libc::BPF_K) as u16;
    const RETURN: u16 = (libc::BPF_RET | libc::BPF_K) as u16;
    /// `__X32_SYSCALL_BIT` of asm/unistd.h; no machine has call numbers as high.
    const X32_BIT: u32 = 0x4000_0000;
    let instruction = |code, jt, jf, k| sock_filter { code, jt, jf, k };
    vec![
        // The call's number is the first field of struct seccomp_data.
        instruction(LOAD_CALL_NUMBER, 0, 0, 0),
        instruction(JUMP_IF_EQUAL, 1, 0, libc::SYS_clone3 as u32),
        instruction(JUMP_IF_AT_LEAST, 0, 1, X32_BIT),
        instruction(RETURN, 0, 0, libc::SECCOMP_RET_ERRNO | libc::ENOSYS as u32),
    ]
}

#[cfg(test)]
mod tests {
    use super::super::forked::{expect, in_child};
    use super::super::{creds, privileges};
    use super::*;
    use std::io::{self, Read, Write};
    use std::net::{TcpListener, TcpStream};
    use std::os::unix::net::{UnixDatagram, UnixStream};
    use std::os::unix::process::CommandExt;
    use std::process::Command;
    use std::sync::mpsc;

    /// Runs `body` in a child inside the sandbox.
    fn in_sandbox(body: impl FnOnce() -> Result<(), String>) {
        in_sandbox_with(None, body);
    }

    fn in_sandbox_with(owner: Option<u32>, body: impl FnOnce() -> Result<(), String>) {
        let outcome = in_child(|| match install(&Identities::None, owner) {
            Outcome::Installed => body(),
            Outcome::Unavailable(reason) => Err(format!("skip: {reason}")),
        });
        match outcome {
            Err(reason) if reason.starts_with("skip: ") => {
                eprintln!("skipped: no seccomp, {reason}")
            }
            other => assert_eq!(other, Ok(())),
        }
    }

    fn accounts_from_1000() -> Identities {
        Identities::Of {
            lowest: 1000,
            besides: vec![65534, 33],
            group_0: false,
        }
    }

    fn refused<T>(outcome: io::Result<T>, what: &str) -> Result<(), String> {
        let error = outcome.err().and_then(|error| error.raw_os_error());
        expect(error == Some(libc::EPERM), &format!("{what}: {error:?}"))
    }

    #[test]
    fn s1_no_program_can_be_executed_and_no_process_made() {
        in_sandbox(|| {
            refused(Err::<(), _>(Command::new("/bin/true").exec()), "execve")?;
            refused(Command::new("/bin/true").spawn(), "fork")
        });
    }

    /// Calls by number, as linux/unistd.h has them: none may have fallen off the list, whatever that names it.
    #[cfg(target_arch = "x86_64")]
    #[rustfmt::skip]
    const FORBIDDEN: &[i64] = &[
        // execve, execveat, ptrace, process_vm_readv, process_vm_writev, process_madvise, process_mrelease, kcmp
        59, 322, 101, 310, 311, 440, 448, 312,
        // pidfd_open, pidfd_getfd, pidfd_send_signal, migrate_pages, move_pages
        434, 438, 424, 256, 279,
        // mount, umount2, pivot_root, chroot, open_tree, move_mount, fsopen, fsconfig, fsmount, fspick, mount_setattr
        165, 166, 155, 161, 428, 429, 430, 431, 432, 433, 442,
        // unshare, setns, open_by_handle_at, fanotify_init, mknod, mknodat, quotactl, quotactl_fd
        272, 308, 304, 300, 133, 259, 179, 443,
        // statmount, listmount, open_tree_attr, listns
        457, 458, 467, 470,
        // setuid, setgid, setreuid, setregid, setresuid, setresgid, capset, setfsuid, setfsgid, setgroups
        105, 106, 113, 114, 117, 119, 126, 122, 123, 116,
        // bpf, perf_event_open, userfaultfd, io_uring_setup, io_uring_enter, io_uring_register
        321, 298, 323, 425, 426, 427,
        // keyctl, add_key, request_key, personality, modify_ldt, memfd_secret, cachestat, map_shadow_stack
        250, 248, 249, 135, 154, 447, 451, 453,
        // msgget, semget, shmget, mq_open
        68, 64, 29, 240,
        // seccomp, landlock_create_ruleset, landlock_add_rule, landlock_restrict_self
        317, 444, 445, 446,
        // lsm_get_self_attr, lsm_set_self_attr, lsm_list_modules
        459, 460, 461,
        // init_module, finit_module, delete_module, kexec_load, kexec_file_load, reboot, swapon, swapoff, acct, syslog
        175, 313, 176, 246, 320, 169, 167, 168, 163, 103,
        // sethostname, setdomainname, settimeofday, clock_settime, clock_adjtime, adjtimex, vhangup, iopl, ioperm
        170, 171, 164, 227, 305, 159, 153, 172, 173,
        // fork and vfork
        57, 58,
    ];

    /// A call whose arguments are no address, no descriptor and no number of anything.
    #[cfg(target_arch = "x86_64")]
    fn call(number: i64) -> io::Result<i64> {
        // SAFETY: -1 is no address, so the kernel neither reads nor writes memory of this process; a fork or vfork, should the
        // filter let it pass, is told by its answer.
        match unsafe { libc::syscall(number, -1i64, -1i64, -1i64, -1i64, -1i64, -1i64) } {
            -1 => Err(io::Error::last_os_error()),
            answer => Ok(answer),
        }
    }

    #[cfg(target_arch = "x86_64")]
    #[test]
    fn s1_every_forbidden_call_is_refused_by_number() {
        in_sandbox(|| {
            for &number in FORBIDDEN {
                refused(call(number), &format!("call {number}"))?;
            }
            Ok(())
        });
        // Without a filter others say something else: the refusals above are the filter's.
        let outcome = in_child(|| {
            for number in [443, 444, 445, 451, 460, 59, 29] {
                let error = call(number).err().and_then(|error| error.raw_os_error());
                let other = error.is_some_and(|error| error != libc::EPERM);
                expect(other, &format!("call {number}: {error:?}"))?;
            }
            Ok(())
        });
        assert_eq!(outcome, Ok(()));
    }

    #[cfg(target_arch = "x86_64")]
    #[test]
    fn s1_calls_of_the_c_library_and_of_transfers_pass() {
        in_sandbox(|| {
            // openat2, futex_waitv, futex_wake, futex_wait, futex_requeue, mseal, fchmodat2, close_range, faccessat2
            for number in [437, 449, 454, 455, 456, 462, 452, 436, 439] {
                let error = call(number).err().and_then(|error| error.raw_os_error());
                expect(
                    error != Some(libc::EPERM),
                    &format!("call {number}: {error:?}"),
                )?;
            }
            Ok(())
        });
    }

    #[test]
    fn s2_privilege_calls_and_foreign_sockets_are_refused() {
        in_sandbox(|| {
            refused(
                rustix::thread::set_thread_gid(rustix::process::getgid()).map_err(Into::into),
                "setgid",
            )?;
            refused(rustix::process::chroot(".").map_err(Into::into), "chroot")?;
            refused(UnixStream::connect("/no/such/socket"), "unix stream")?;
            for family in [
                rustix::net::AddressFamily::NETLINK,
                rustix::net::AddressFamily::PACKET,
            ] {
                let socket = rustix::net::socket(family, rustix::net::SocketType::DGRAM, None);
                refused(socket.map_err(Into::into), "socket of another family")?;
            }
            Ok(())
        });
    }

    #[test]
    fn s2_files_are_given_by_descriptor_to_one_user_alone() {
        if !super::super::privileges::is_root() {
            eprintln!("skipped: needs root");
            return;
        }
        let file = tempfile::NamedTempFile::new().unwrap();
        // Root, for whom the kernel itself refuses nothing.
        in_sandbox_with(Some(2121), || {
            let give = |uid: Option<u32>, gid: Option<u32>| {
                std::os::unix::fs::fchown(file.as_file(), uid, gid)
            };
            give(Some(2121), None).map_err(|error| error.to_string())?;
            for (uid, gid) in [(0, None), (2122, None), (2121, Some(2121))] {
                refused(give(Some(uid), gid), "fchown")?;
            }
            refused(give(None, None), "fchown to nobody")?;
            refused(
                std::os::unix::fs::chown(file.path(), Some(2121), None),
                "chown",
            )?;
            refused(
                std::os::unix::fs::lchown(file.path(), Some(2121), None),
                "lchown",
            )?;
            let by_name = rustix::fs::chownat(
                rustix::fs::CWD,
                file.path(),
                Some(rustix::fs::Uid::from_raw(2121)),
                None,
                rustix::fs::AtFlags::empty(),
            );
            refused(by_name.map_err(Into::into), "fchownat")
        });
        let owner = std::os::unix::fs::MetadataExt::uid(&file.as_file().metadata().unwrap());
        assert!(owner == 2121 || owner == 0, "{owner}");
    }

    #[test]
    fn s3_identities_that_no_account_has_are_refused_by_the_kernel() {
        if !privileges::is_root() {
            return eprintln!("skipped: needs root");
        }
        let directory = tempfile::tempdir().unwrap();
        let outcome = in_child(|| {
            let text = |error: io::Error| error.to_string();
            creds::begin(creds::Identity {
                uid: 65534,
                gid: 65534,
                groups: Vec::new(),
            });
            privileges::drop_to_switching(65534, 65534, directory.path(), false).map_err(text)?;
            if let Outcome::Unavailable(reason) = install(&accounts_from_1000(), None) {
                return Err(format!("skip: {reason}"));
            }
            for (uid, gid, allowed) in [
                (0, 100, false),
                (999, 100, false),
                (1000, 0, false),
                (1000, 100, true),
                (33, 33, true),
                (65534, 65534, true),
                (u32::MAX - 1, 1, true),
            ] {
                let assumed = creds::assume(&identity(uid, gid)).is_ok();
                expect(assumed == allowed, &format!("user {uid}, group {gid}"))?;
                // And back to nobody, which ends the process where it fails.
                creds::reset();
            }
            for call in [libc::SYS_setfsuid, libc::SYS_setfsgid] {
                // SAFETY: the call takes a number only.
                let outcome = unsafe { libc::syscall(call, 0) };
                let error = io::Error::last_os_error();
                expect(
                    outcome == -1 && error.raw_os_error() == Some(libc::EPERM),
                    &format!("call {call}: {outcome} {error}"),
                )?;
            }
            Ok(())
        });
        match outcome {
            Err(reason) if reason.starts_with("skip: ") => {
                eprintln!("skipped: no seccomp, {reason}")
            }
            other => assert_eq!(other, Ok(())),
        }
    }

    fn identity(uid: u32, gid: u32) -> std::sync::Arc<creds::Identity> {
        std::sync::Arc::new(creds::Identity {
            uid,
            gid,
            groups: vec![gid],
        })
    }

    #[test]
    fn an_ftp_servers_calls_still_work() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("file");
        in_sandbox(|| {
            let io = |error: io::Error| error.to_string();
            let listener = TcpListener::bind("127.0.0.1:0").map_err(io)?;
            let address = listener.local_addr().map_err(io)?;
            let client = std::thread::Builder::new().spawn(move || TcpStream::connect(address));
            let (mut served, _) = listener.accept().map_err(io)?;
            served.write_all(b"220").map_err(io)?;
            drop(served);
            let client = client.map_err(io)?.join().map_err(|_| "panic")?;
            let mut said = String::new();
            client.map_err(io)?.read_to_string(&mut said).map_err(io)?;
            expect(said == "220", "bytes differ")?;
            UnixDatagram::unbound().map_err(io)?;
            std::fs::write(&file, "x").map_err(io)?;
            std::fs::rename(&file, file.with_extension("new")).map_err(io)
        });
    }

    #[test]
    fn threads_that_run_already_are_held_too() {
        let outcome = in_child(|| {
            let (go, wait) = mpsc::channel::<()>();
            let thread = std::thread::spawn(move || {
                let _ = wait.recv();
                UnixStream::connect("/no/such/socket")
                    .err()
                    .and_then(|e| e.raw_os_error())
            });
            let outcome = install(&Identities::None, None);
            drop(go);
            let error = thread.join().map_err(|_| "panic")?;
            let expected = match outcome {
                Outcome::Installed => libc::EPERM,
                Outcome::Unavailable(_) => libc::ENOENT,
            };
            expect(error == Some(expected), &format!("{error:?}"))
        });
        assert_eq!(outcome, Ok(()));
    }

    #[test]
    fn the_filter_is_made_for_every_machine_it_knows() {
        for machine in [TargetArch::x86_64, TargetArch::aarch64, TargetArch::riscv64] {
            assert!(program(machine, &Identities::None, None).is_ok());
            assert!(program(machine, &accounts_from_1000(), Some(1000)).is_ok());
        }
    }
}
