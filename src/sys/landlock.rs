//! What this process opens, makes and reaches from now on, bounded by the kernel: landlock(7) over this thread and those it will
//! start.
//!
//! It stands beside the system call filter ([`super::sandbox`]), which sees which calls are made but not on what. What was opened
//! before stays usable; what is opened later is looked at by where it lies, also through descriptors of directories that came from
//! elsewhere. Numbers and layouts are those of linux/landlock.h.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

/// Where the process may still open files.
#[derive(Debug)]
pub enum Trees<'a> {
    /// Below these directories alone.
    Only {
        /// Their descriptors.
        roots: Vec<BorrowedFd<'a>>,
        /// Whether files and directories are made, changed, renamed and removed there; else they are read.
        written: bool,
    },
    /// Wherever its user may, as directories come from other processes.
    Any {
        /// The root of the file system, as this process saw it before a chroot.
        machine: BorrowedFd<'a>,
    },
}

/// What is left to the process.
#[derive(Debug)]
pub struct Bounds<'a> {
    /// Where it opens files. It executes none.
    pub trees: Trees<'a>,
    /// A directory from which it will remove a file.
    pub removes_in: Option<BorrowedFd<'a>>,
    /// Whether it connects to others by TCP.
    pub connects: bool,
}

const EXECUTE: u64 = 1 << 0;
const WRITE_FILE: u64 = 1 << 1;
const READ_FILE: u64 = 1 << 2;
const READ_DIR: u64 = 1 << 3;
const REMOVE_DIR: u64 = 1 << 4;
const REMOVE_FILE: u64 = 1 << 5;
const MAKE_CHAR: u64 = 1 << 6;
const MAKE_DIR: u64 = 1 << 7;
const MAKE_REG: u64 = 1 << 8;
const MAKE_SOCK: u64 = 1 << 9;
const MAKE_FIFO: u64 = 1 << 10;
const MAKE_BLOCK: u64 = 1 << 11;
const MAKE_SYM: u64 = 1 << 12;
const REFER: u64 = 1 << 13;
const TRUNCATE: u64 = 1 << 14;
const IOCTL_DEV: u64 = 1 << 15;

const CONNECT_TCP: u64 = 1 << 1;

const ABSTRACT_SOCKETS: u64 = 1 << 0;
const SIGNALS: u64 = 1 << 1;

const READING: u64 = READ_FILE | READ_DIR;
const WRITING: u64 = WRITE_FILE | TRUNCATE | MAKE_REG | MAKE_DIR | REMOVE_FILE | REMOVE_DIR | REFER;
/// What is never done. Where users rename what is theirs, this does not go for pipes, sockets and devices: the right to make one is
/// also asked for giving it another name.
const NEVER: u64 = EXECUTE | IOCTL_DEV;
const NEVER_BELOW_ROOTS: u64 = NEVER | MAKE_CHAR | MAKE_BLOCK | MAKE_SOCK | MAKE_FIFO | MAKE_SYM;

/// Version 1 forbids all renames between directories.
const FIRST_USABLE: i64 = 2;

/// What a version of Landlock knows, from which version on, and what its absence is called.
const SINCE: [(i64, Attributes, &str); 4] = [
    (3, Attributes::files(TRUNCATE), "truncating files"),
    (4, Attributes::connections(CONNECT_TCP), "connecting by TCP"),
    (5, Attributes::files(IOCTL_DEV), "controlling devices"),
    (
        6,
        Attributes::others(ABSTRACT_SOCKETS | SIGNALS),
        "signals and abstract sockets of other processes",
    ),
];

/// `struct landlock_ruleset_attr`.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Attributes {
    files: u64,
    connections: u64,
    others: u64,
}

impl Attributes {
    const fn files(files: u64) -> Attributes {
        Attributes {
            files,
            connections: 0,
            others: 0,
        }
    }

    const fn connections(connections: u64) -> Attributes {
        Attributes {
            connections,
            ..Attributes::files(0)
        }
    }

    const fn others(others: u64) -> Attributes {
        Attributes {
            others,
            ..Attributes::files(0)
        }
    }

    fn has(&self, some: &Attributes) -> bool {
        self.files & some.files != 0
            || self.connections & some.connections != 0
            || self.others & some.others != 0
    }

    fn without(self, some: &Attributes) -> Attributes {
        Attributes {
            files: self.files & !some.files,
            connections: self.connections & !some.connections,
            others: self.others & !some.others,
        }
    }
}

/// `struct landlock_path_beneath_attr`.
#[repr(C, packed)]
struct Beneath {
    allowed: u64,
    parent: i32,
}

/// Bounds this thread, and the ones it starts afterwards, for good. To be called with `no_new_privs` set and while there is one
/// thread. The answer names what the kernel's version cannot bound.
///
/// # Errors
/// ENOSYS or EOPNOTSUPP: the kernel has no Landlock, or none that lets files be renamed between directories; EPERM: a filter around
/// this process forbids it; what the three calls give besides. Nothing is bound then.
pub fn enter(bounds: &Bounds<'_>) -> io::Result<Vec<&'static str>> {
    let version = version()?;
    if version < FIRST_USABLE {
        return Err(io::Error::from_raw_os_error(libc::EOPNOTSUPP));
    }
    let (handled, missing) = known_to(version, wanted(bounds));
    let ruleset = create(&handled)?;
    let allow =
        |directory: BorrowedFd<'_>, rights: u64| add(&ruleset, directory, rights & handled.files);
    match &bounds.trees {
        Trees::Only { roots, written } => {
            let rights = if *written { READING | WRITING } else { READING };
            for root in roots {
                allow(*root, rights)?;
            }
            if let Some(directory) = bounds.removes_in {
                allow(directory, REMOVE_FILE)?;
            }
        }
        // It is refused everywhere where it is allowed nowhere.
        Trees::Any { machine } => allow(*machine, REFER)?,
    }
    // SAFETY: takes a descriptor and a number.
    check(unsafe { libc::syscall(libc::SYS_landlock_restrict_self, ruleset.as_raw_fd(), 0) })?;
    Ok(missing)
}

/// All that is to be bound.
fn wanted(bounds: &Bounds<'_>) -> Attributes {
    Attributes {
        files: match bounds.trees {
            Trees::Only { .. } => NEVER_BELOW_ROOTS | READING | WRITING,
            Trees::Any { .. } => NEVER | REFER,
        },
        connections: if bounds.connects { 0 } else { CONNECT_TCP },
        others: ABSTRACT_SOCKETS | SIGNALS,
    }
}

/// What of it a version of Landlock can bind, and what it cannot.
fn known_to(version: i64, wanted: Attributes) -> (Attributes, Vec<&'static str>) {
    let mut known = wanted;
    let mut missing = Vec::new();
    for (since, some, name) in &SINCE {
        if version < *since && wanted.has(some) {
            known = known.without(some);
            missing.push(*name);
        }
    }
    (known, missing)
}

/// The version the kernel offers.
fn version() -> io::Result<i64> {
    /// `LANDLOCK_CREATE_RULESET_VERSION`.
    const VERSION: u32 = 1;
    let nothing = std::ptr::null::<Attributes>();
    // SAFETY: asked for the version the kernel reads no memory.
    check(unsafe { libc::syscall(libc::SYS_landlock_create_ruleset, nothing, 0usize, VERSION) })
}

fn create(handled: &Attributes) -> io::Result<OwnedFd> {
    let size = size_of::<Attributes>();
    let call = libc::SYS_landlock_create_ruleset;
    // SAFETY: the kernel reads `size` bytes of a live struct of its layout; older ones take fields they lack where they are 0.
    let made = check(unsafe { libc::syscall(call, std::ptr::from_ref(handled), size, 0u32) })?;
    let made = i32::try_from(made).map_err(io::Error::other)?;
    // SAFETY: a descriptor the kernel just made, which nobody else has.
    Ok(unsafe { OwnedFd::from_raw_fd(made) })
}

fn add(ruleset: &OwnedFd, directory: BorrowedFd<'_>, allowed: u64) -> io::Result<()> {
    /// `LANDLOCK_RULE_PATH_BENEATH`.
    const PATH_BENEATH: u32 = 1;
    let rule = Beneath {
        allowed,
        parent: directory.as_raw_fd(),
    };
    let (call, rule) = (libc::SYS_landlock_add_rule, std::ptr::from_ref(&rule));
    // SAFETY: a live struct of the layout that this kind of rule has.
    check(unsafe { libc::syscall(call, ruleset.as_raw_fd(), PATH_BENEATH, rule, 0u32) })?;
    Ok(())
}

fn check(answer: libc::c_long) -> io::Result<i64> {
    match answer {
        -1 => Err(io::Error::last_os_error()),
        answer => Ok(answer),
    }
}

#[cfg(test)]
mod tests {
    use super::super::forked::{expect, in_child};
    use super::*;
    use std::fs::{self, File};
    use std::net::{TcpListener, TcpStream};
    use std::os::fd::AsFd;
    use std::os::linux::net::SocketAddrExt;
    use std::os::unix::net::{SocketAddr, UnixDatagram};
    use std::path::Path;

    /// Two directories and a file in each.
    struct Ground(tempfile::TempDir);

    impl Ground {
        fn new() -> Ground {
            let folder = tempfile::tempdir().unwrap();
            for name in ["in/a", "in/b", "out"] {
                fs::create_dir_all(folder.path().join(name)).unwrap();
            }
            for name in ["in/a/file", "out/file", "out/pid"] {
                fs::write(folder.path().join(name), name).unwrap();
            }
            rustix::fs::mknodat(
                rustix::fs::CWD,
                folder.path().join("in/a/pipe"),
                rustix::fs::FileType::Fifo,
                rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR,
                0,
            )
            .unwrap();
            Ground(folder)
        }

        fn at(&self, name: &str) -> std::path::PathBuf {
            self.0.path().join(name)
        }
    }

    /// Whether the kernel has a version that bounds all of it.
    fn is_whole() -> bool {
        let whole = version().is_ok_and(|version| version >= 6);
        if !whole {
            eprintln!("skipped: no Landlock, or an old one");
        }
        whole
    }

    fn enter_whole(bounds: &Bounds<'_>) -> Result<(), String> {
        rustix::thread::set_no_new_privs(true).map_err(|error| error.to_string())?;
        let missing = enter(bounds).map_err(|error| error.to_string())?;
        expect(missing.is_empty(), &format!("{missing:?}"))
    }

    fn works<T>(outcome: io::Result<T>, what: &str) -> Result<(), String> {
        outcome
            .map(drop)
            .map_err(|error| format!("{what}: {error}"))
    }

    fn refused<T>(outcome: io::Result<T>, what: &str) -> Result<(), String> {
        let error = outcome.err().and_then(|error| error.raw_os_error());
        let refusals = [libc::EACCES, libc::EXDEV, libc::EPERM].map(Some);
        expect(refusals.contains(&error), &format!("{what}: {error:?}"))
    }

    /// What no process of a server does, wherever it may open files.
    fn reaches_nobody(abroad: &SocketAddr) -> Result<(), String> {
        let socket = UnixDatagram::unbound().map_err(|error| error.to_string())?;
        refused(socket.connect_addr(abroad), "an abstract socket")?;
        let parent = rustix::process::getppid().ok_or("no parent")?;
        let sent = rustix::process::test_kill_process(parent);
        refused(sent.map_err(Into::into), "a signal")?;
        let run = std::process::Command::new("/bin/true").spawn();
        refused(run, "executing")
    }

    fn abstract_socket() -> (UnixDatagram, SocketAddr) {
        let name = format!("wharf-landlock-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(name).unwrap();
        (UnixDatagram::bind_addr(&address).unwrap(), address)
    }

    #[test]
    fn s2_only_what_lies_below_the_roots_is_opened_and_written() {
        if !is_whole() {
            return;
        }
        let ground = Ground::new();
        let inside = File::open(ground.at("in")).unwrap();
        let out = File::open(ground.at("out")).unwrap();
        let (_socket, abroad) = abstract_socket();
        let outcome = in_child(|| {
            enter_whole(&Bounds {
                trees: Trees::Only {
                    roots: vec![inside.as_fd()],
                    written: true,
                },
                removes_in: None,
                connects: true,
            })?;
            works(fs::read(ground.at("in/a/file")), "reading")?;
            works(fs::read_dir(ground.at("in")), "listing")?;
            works(fs::write(ground.at("in/new"), "x"), "writing")?;
            works(fs::create_dir(ground.at("in/c")), "a directory")?;
            let (from, to) = (ground.at("in/a/file"), ground.at("in/b/moved"));
            works(fs::rename(from, &to), "between directories")?;
            works(fs::remove_file(to), "removing")?;
            works(fs::remove_dir(ground.at("in/c")), "a directory's end")?;
            refused(fs::read(ground.at("out/file")), "reading outside")?;
            refused(fs::read_dir(ground.at("out")), "listing outside")?;
            refused(fs::write(ground.at("out/file"), "x"), "writing outside")?;
            refused(fs::remove_file(ground.at("out/file")), "removing outside")?;
            let (from, to) = (ground.at("in/new"), ground.at("out/new"));
            refused(fs::rename(from, to), "taking outside")?;
            // A descriptor from before is no way around.
            let flags = rustix::fs::OFlags::RDONLY;
            let opened = rustix::fs::openat(&out, "file", flags, rustix::fs::Mode::empty());
            refused(opened.map_err(Into::into), "reading below a descriptor")?;
            for kind in [rustix::fs::FileType::Fifo, rustix::fs::FileType::Socket] {
                let mode = rustix::fs::Mode::RUSR;
                let made = rustix::fs::mknodat(&inside, "special", kind, mode, 0);
                refused(made.map_err(Into::into), "a pipe or socket")?;
            }
            let link = std::os::unix::fs::symlink("file", ground.at("in/link"));
            refused(link, "a link")?;
            reaches_nobody(&abroad)
        });
        assert_eq!(outcome, Ok(()));
    }

    #[test]
    fn s2_a_server_that_only_reads_changes_nothing() {
        if !is_whole() {
            return;
        }
        let ground = Ground::new();
        let inside = File::open(ground.at("in")).unwrap();
        let out = File::open(ground.at("out")).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let outcome = in_child(|| {
            enter_whole(&Bounds {
                trees: Trees::Only {
                    roots: vec![inside.as_fd()],
                    written: false,
                },
                removes_in: Some(out.as_fd()),
                connects: false,
            })?;
            works(fs::read(ground.at("in/a/file")), "reading")?;
            let file = ground.at("in/a/file");
            refused(fs::write(&file, "x"), "writing")?;
            refused(fs::remove_file(&file), "removing")?;
            refused(fs::rename(&file, ground.at("in/a/new")), "renaming")?;
            refused(fs::create_dir(ground.at("in/c")), "a directory")?;
            refused(fs::read(ground.at("out/file")), "reading outside")?;
            works(fs::remove_file(ground.at("out/pid")), "the one file")?;
            let address = listener.local_addr().map_err(|error| error.to_string())?;
            refused(TcpStream::connect(address), "connecting")?;
            works(TcpListener::bind("127.0.0.1:0"), "listening")
        });
        assert_eq!(outcome, Ok(()));
    }

    #[test]
    fn where_roots_come_from_elsewhere_nothing_of_files_is_lost() {
        if !is_whole() {
            return;
        }
        let ground = Ground::new();
        let machine = File::open("/").unwrap();
        let (_socket, abroad) = abstract_socket();
        let outcome = in_child(|| {
            enter_whole(&Bounds {
                trees: Trees::Any {
                    machine: machine.as_fd(),
                },
                removes_in: None,
                connects: true,
            })?;
            works(fs::read(ground.at("out/file")), "reading")?;
            let (from, to) = (ground.at("in/a/file"), ground.at("out/moved"));
            works(fs::rename(from, &to), "between directories")?;
            works(fs::hard_link(&to, ground.at("in/b/link")), "a link")?;
            let (from, to) = (ground.at("in/a/pipe"), ground.at("in/b/pipe"));
            works(fs::rename(from, to), "another name for a pipe")?;
            works(File::create(ground.at("in/new")), "writing")?;
            works(File::open(Path::new("/dev/null")), "a device")?;
            reaches_nobody(&abroad)
        });
        assert_eq!(outcome, Ok(()));
    }

    #[test]
    fn threads_started_afterwards_are_bound_too() {
        if !is_whole() {
            return;
        }
        let ground = Ground::new();
        let inside = File::open(ground.at("in")).unwrap();
        let outcome = in_child(|| {
            enter_whole(&Bounds {
                trees: Trees::Only {
                    roots: vec![inside.as_fd()],
                    written: false,
                },
                removes_in: None,
                connects: true,
            })?;
            let file = ground.at("out/file");
            let thread = std::thread::spawn(move || fs::read(file));
            refused(thread.join().map_err(|_| "panic")?, "reading outside")
        });
        assert_eq!(outcome, Ok(()));
    }

    #[test]
    fn older_versions_bind_what_they_know_and_the_rest_is_named() {
        let root = File::open("/").unwrap();
        let all = wanted(&Bounds {
            trees: Trees::Only {
                roots: vec![root.as_fd()],
                written: false,
            },
            removes_in: None,
            connects: false,
        });
        // The masks a kernel of that version takes (linux/landlock.h).
        for (version, files, connections, others, missing) in [
            (2, 0x3fff, 0, 0, 4),
            (3, 0x7fff, 0, 0, 3),
            (4, 0x7fff, 2, 0, 2),
            (5, 0xffff, 2, 0, 1),
            (6, 0xffff, 2, 3, 0),
            (99, 0xffff, 2, 3, 0),
        ] {
            let (known, names) = known_to(version, all);
            let expected = Attributes {
                files,
                connections,
                others,
            };
            assert_eq!((known, names.len()), (expected, missing), "{version}");
        }
        let accounts = wanted(&Bounds {
            trees: Trees::Any {
                machine: root.as_fd(),
            },
            removes_in: None,
            connects: true,
        });
        let (_, missing) = known_to(2, accounts);
        assert_eq!(missing.len(), 2, "{missing:?}");
    }
}
