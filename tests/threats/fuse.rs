//! A file system that takes its time: two large files in one directory, each read and listing answered after a delay, or
//! after [`Slow::hang`] not at all.
//!
//! Speaks the kernel's protocol over /dev/fuse directly (linux/fuse.h, protocol 7.31), just as much of it as reading
//! needs; everything else is ENOSYS. Sizes and offsets are those of the C structures.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::fd::AsRawFd;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::mount::{MountFlags, mount};

use crate::namespace::Mounted;

/// The names in the file system's root.
pub(crate) const NAMES: [&str; 2] = ["one", "two"];

/// The size of each.
pub(crate) const SIZE: u64 = 64 << 20;

const ENOENT: i32 = 2;
const ENOSYS: i32 = 38;

const LOOKUP: u32 = 1;
const FORGET: u32 = 2;
const GETATTR: u32 = 3;
const OPEN: u32 = 14;
const READ: u32 = 15;
const STATFS: u32 = 17;
const RELEASE: u32 = 18;
const INIT: u32 = 26;
const OPENDIR: u32 = 27;
const READDIR: u32 = 28;
const RELEASEDIR: u32 = 29;
const INTERRUPT: u32 = 36;
const BATCH_FORGET: u32 = 42;

const ROOT: u64 = 1;
const IN_HEADER: usize = 40;
const LARGEST_REQUEST: usize = 256 * 1024;

/// Reads are not cached, so that each one comes here.
const DIRECT_IO: u32 = 1;

/// How long the kernel may keep names and attributes.
const VALID_SECONDS: u64 = 1;

/// How often the thread looks whether it is to end or to hang.
const LOOK: Duration = Duration::from_millis(20);

/// The mounted file system; it ends with this value, and whatever still waits for it gets an error.
pub(crate) struct Slow {
    hung: Arc<AtomicBool>,
    still: Arc<AtomicBool>,
    ended: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
    _mounted: Mounted,
}

impl Slow {
    /// Mounts it; `delay` is the time each read takes, however many are under way.
    pub(crate) fn mount(at: &Path, delay: Duration) -> Slow {
        let device = OpenOptions::new()
            .read(true)
            .write(true)
            .open("/dev/fuse")
            .expect("/dev/fuse");
        let options = format!(
            "fd={},rootmode=40000,user_id=0,group_id=0,allow_other",
            device.as_raw_fd()
        );
        let options = std::ffi::CString::new(options).expect("no NUL");
        mount(
            "slow",
            at,
            "fuse.slow",
            MountFlags::empty(),
            Some(&*options),
        )
        .expect("a FUSE mount");
        let [hung, still, ended] = std::array::from_fn(|_| Arc::<AtomicBool>::default());
        let mut daemon = Daemon {
            device,
            delay,
            hung: Arc::clone(&hung),
            still: Arc::clone(&still),
            ended: Arc::clone(&ended),
            later: Vec::new(),
        };
        let thread = Some(std::thread::spawn(move || daemon.serve()));
        // The kernel learns by the first close that FLUSH is not needed; it would not let a killed process off waiting for one.
        drop(File::open(at.join(NAMES[0])).expect("the file system answers"));
        Slow {
            hung,
            still,
            ended,
            thread,
            _mounted: Mounted::at(at),
        }
    }

    /// From now on nothing is read from the kernel, as by a stopped process. What was read already is answered first: for
    /// such answers the kernel makes even a killed process wait (request_wait_answer in fs/fuse/dev.c), whoever it is.
    pub(crate) fn hang(&self) {
        self.hung.store(true, Ordering::SeqCst);
        let limit = Instant::now() + Duration::from_secs(10);
        while !self.still.load(Ordering::SeqCst) {
            assert!(Instant::now() < limit, "the file system still answers");
            std::thread::sleep(LOOK);
        }
    }
}

impl Drop for Slow {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// The byte at an offset of every file.
pub(crate) fn byte_at(offset: u64) -> u8 {
    (offset % 251) as u8
}

struct Daemon {
    device: File,
    delay: Duration,
    hung: Arc<AtomicBool>,
    /// Whether everything that was read has been answered, once hung.
    still: Arc<AtomicBool>,
    ended: Arc<AtomicBool>,
    /// Answers and when they are due.
    later: Vec<(Instant, Vec<u8>)>,
}

impl Daemon {
    fn serve(&mut self) {
        let mut request = vec![0; LARGEST_REQUEST];
        while !self.ended.load(Ordering::SeqCst) {
            self.send_due();
            if self.hung.load(Ordering::SeqCst) {
                self.still.store(self.later.is_empty(), Ordering::SeqCst);
                std::thread::sleep(LOOK);
                continue;
            }
            if !self.is_readable() {
                continue;
            }
            match self.device.read(&mut request) {
                Ok(length) => self.answer(&request[..length]),
                // Unmounted.
                Err(error) if error.raw_os_error() == Some(19) => return,
                Err(_) => {}
            }
        }
    }

    fn is_readable(&self) -> bool {
        let next = self.later.iter().map(|(due, _)| *due).min();
        let wait = next.map_or(LOOK, |due| {
            due.saturating_duration_since(Instant::now()).min(LOOK)
        });
        let wait = Timespec {
            tv_sec: 0,
            tv_nsec: wait.as_nanos() as i64,
        };
        let mut polled = [PollFd::new(&self.device, PollFlags::IN)];
        matches!(poll(&mut polled, Some(&wait)), Ok(count) if count > 0)
    }

    fn send_due(&mut self) {
        let now = Instant::now();
        let mut device = &self.device;
        self.later.retain(|(due, answer)| {
            let waits = *due > now;
            if !waits {
                // The asker may be gone.
                let _ = device.write(answer);
            }
            waits
        });
    }

    fn answer(&mut self, request: &[u8]) {
        let number =
            |at: usize| u64::from_ne_bytes(request[at..at + 8].try_into().expect("8 bytes"));
        let opcode = u32::from_ne_bytes(request[4..8].try_into().expect("4 bytes"));
        let (unique, node) = (number(8), number(16));
        let body = &request[IN_HEADER..];
        let result = match opcode {
            FORGET | BATCH_FORGET | INTERRUPT => return,
            INIT => Ok(init()),
            LOOKUP => lookup(body),
            GETATTR => Ok([&words(&[VALID_SECONDS, 0])[..], &attributes(node)].concat()),
            OPEN | OPENDIR => Ok([&words(&[0])[..], &halves(&[DIRECT_IO, 0])].concat()),
            READ => Ok(read(number(IN_HEADER + 8), number(IN_HEADER + 16) as u32)),
            READDIR => Ok(entries(number(IN_HEADER + 8))),
            STATFS => Ok([
                words(&[1 << 20; 5]),
                halves(&[4096, 255, 4096, 0]),
                vec![0; 24],
            ]
            .concat()),
            RELEASE | RELEASEDIR => Ok(Vec::new()),
            _ => Err(ENOSYS),
        };
        let (error, payload) = match result {
            Ok(payload) => (0, payload),
            Err(error) => (-error, Vec::new()),
        };
        let length = (16 + payload.len()) as u32;
        let mut answer = length.to_ne_bytes().to_vec();
        answer.extend(error.to_ne_bytes());
        answer.extend(unique.to_ne_bytes());
        answer.extend(payload);
        if matches!(opcode, READ | READDIR) {
            self.later.push((Instant::now() + self.delay, answer));
        } else {
            let _ = self.device.write(&answer);
        }
    }
}

fn words(numbers: &[u64]) -> Vec<u8> {
    numbers
        .iter()
        .flat_map(|number| number.to_ne_bytes())
        .collect()
}

fn halves(numbers: &[u32]) -> Vec<u8> {
    numbers
        .iter()
        .flat_map(|number| number.to_ne_bytes())
        .collect()
}

/// `fuse_init_out`: version 7.31, 128 KiB of readahead and of write, no feature.
fn init() -> Vec<u8> {
    let mut answer = halves(&[7, 31, 128 << 10, 0, 0, 128 << 10, 1, 0]);
    answer.resize(64, 0);
    answer
}

/// `fuse_attr` of the directory or of a file.
fn attributes(node: u64) -> Vec<u8> {
    let (size, mode) = if node == ROOT {
        (0, 0o040_755)
    } else {
        (SIZE, 0o100_644)
    };
    [
        words(&[
            node,
            size,
            size / 512,
            1_000_000_000,
            1_000_000_000,
            1_000_000_000,
        ]),
        halves(&[0, 0, 0, mode, 1, 0, 0, 0, 4096, 0]),
    ]
    .concat()
}

/// `fuse_entry_out`.
fn lookup(body: &[u8]) -> Result<Vec<u8>, i32> {
    let name = body.split(|byte| *byte == 0).next().unwrap_or_default();
    let at = NAMES.iter().position(|known| known.as_bytes() == name);
    let node = ROOT + 1 + at.ok_or(ENOENT)? as u64;
    let head = words(&[node, 0, VALID_SECONDS, VALID_SECONDS, 0]);
    Ok([head, attributes(node)].concat())
}

fn read(offset: u64, size: u32) -> Vec<u8> {
    let end = SIZE.min(offset + u64::from(size));
    (offset..end).map(byte_at).collect()
}

/// `fuse_dirent`s from an offset on, each padded to 8 bytes.
fn entries(offset: u64) -> Vec<u8> {
    let mut answer = Vec::new();
    for (index, name) in NAMES.iter().enumerate().skip(offset as usize) {
        let index = index as u64;
        answer.extend(words(&[ROOT + 1 + index, index + 1]));
        answer.extend(halves(&[name.len() as u32, 8]));
        answer.extend(name.as_bytes());
        answer.resize(answer.len().next_multiple_of(8), 0);
    }
    answer
}
