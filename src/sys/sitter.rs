//! Processes that sit and wait: forked, tied to who started them by one socket and to nothing else.
//!
//! A sitter is not its starter's child but an orphan, so that its starter need not wait for it (waitpid(2)) and may end
//! before it. It has standard input, output and error and its socket; every other descriptor is closed, since one kept
//! open would hide the end of whoever had it. Signals to a whole group, as a terminal or a supervisor sends them, do not
//! end it: it ends with its socket.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;

use super::process;

/// The first descriptor that is not input, output or error.
const FIRST_OTHER: u32 = 3;

/// Signals that end a program unless it says otherwise: those that others send to whole groups, and that of a socket whose
/// other end is closed.
const PASSED_OVER: &[libc::c_int] = &[
    libc::SIGPIPE,
    libc::SIGHUP,
    libc::SIGINT,
    libc::SIGQUIT,
    libc::SIGTERM,
    libc::SIGUSR1,
    libc::SIGUSR2,
];

/// Starts a sitter that runs `body` with its end of the socket and ends when that returns. The other end is the result.
///
/// To be called by a process of one thread, or one whose other threads hold no lock that `body` will want.
///
/// # Errors
/// No socket or no process to be had.
pub fn start(body: fn(UnixStream)) -> io::Result<UnixStream> {
    let (ours, theirs) = UnixStream::pair()?;
    // SAFETY: the child calls nothing that another thread's locks could stop but the allocator, which glibc keeps usable.
    let child = unsafe { libc::fork() };
    if child < 0 {
        return Err(io::Error::last_os_error());
    }
    if child == 0 {
        // SAFETY: as above. The first child ends at once, so that the second belongs to init(1) or a subreaper.
        let status = match unsafe { libc::fork() } {
            0 => {
                sit(body, theirs);
                0
            }
            error if error < 0 => 1,
            _ => 0,
        };
        process::leave(status);
    }
    drop(theirs);
    let mut status = 0;
    // SAFETY: a live pointer. With SIGCHLD ignored the child is waited for all the same, and ECHILD said.
    while unsafe { libc::waitpid(child, &mut status, 0) } < 0
        && io::Error::last_os_error().kind() == io::ErrorKind::Interrupted
    {}
    match status {
        0 => Ok(ours),
        _ => Err(io::Error::other("no process to be had")),
    }
}

/// The life of a sitter.
fn sit(body: fn(UnixStream), socket: UnixStream) {
    let Ok(number) = u32::try_from(socket.as_raw_fd()) else {
        return;
    };
    // SAFETY: closes what nothing in this process uses any more: of all that it inherited it goes on with the socket.
    unsafe {
        if number > FIRST_OTHER {
            libc::close_range(FIRST_OTHER, number - 1, 0);
        }
        libc::close_range(number + 1, u32::MAX, 0);
    }
    settle_signals();
    // The default hook writes to standard error, which is the log's business; nothing but this process is lost.
    let _ = std::panic::catch_unwind(move || body(socket));
}

/// Handlers and not SIG_IGN: what is executed from here gets the default back.
fn settle_signals() {
    // SAFETY: plain numbers and pointers for which zero is a value; the handler does nothing and so is safe at any time.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = pass_over as extern "C" fn(libc::c_int) as usize;
        action.sa_flags = libc::SA_RESTART;
        for signal in PASSED_OVER {
            libc::sigaction(*signal, &action, std::ptr::null_mut());
        }
        action.sa_sigaction = libc::SIG_DFL;
        for signal in [libc::SIGCHLD, libc::SIGALRM] {
            libc::sigaction(signal, &action, std::ptr::null_mut());
        }
        let mut none: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&mut none);
        libc::sigprocmask(libc::SIG_SETMASK, &none, std::ptr::null_mut());
    }
}

extern "C" fn pass_over(_signal: libc::c_int) {}

/// Ends this process after so many seconds, whatever it hangs in; 0 takes that back. For sitters.
pub fn end_after(seconds: u32) {
    // SAFETY: takes a number.
    unsafe { libc::alarm(seconds) };
}

/// Passes a descriptor to a sitter.
///
/// # Errors
/// The other end is gone.
pub fn pass(socket: &UnixStream, descriptor: BorrowedFd<'_>) -> io::Result<()> {
    process::send(socket, b"d", &[descriptor])
}

/// Waits for a descriptor; none when the other end is closed, or sent none.
pub fn receive(socket: &UnixStream) -> Option<OwnedFd> {
    loop {
        match process::receive(socket, &mut [0]) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            received => return received.ok()?.1.pop(),
        }
    }
}

/// Waits until the other end of a socket or pipe is closed, or has written something.
pub fn wait_for_end(descriptor: &OwnedFd) {
    let mut descriptors = [PollFd::from_borrowed_fd(
        descriptor.as_fd(),
        PollFlags::IN | PollFlags::RDHUP,
    )];
    while poll(&mut descriptors, None) == Err(Errno::INTR) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::time::Duration;

    /// The other end of a sitter that never waits for ever.
    fn started(body: fn(UnixStream)) -> UnixStream {
        let socket = start(body).unwrap();
        socket
            .set_read_timeout(Some(Duration::from_secs(20)))
            .unwrap();
        socket
    }

    #[test]
    fn a_sitter_is_an_orphan_with_four_descriptors() {
        let _kept_open = std::fs::File::open("/dev/null").unwrap();
        let mut socket = started(|mut socket| {
            let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
            // Behind the name in parentheses: the state, then the parent (proc(5)).
            let parent = stat
                .rsplit(')')
                .next()
                .and_then(|fields| fields.split_whitespace().nth(1))
                .unwrap_or_default();
            let open = std::fs::read_dir("/proc/self/fd").map_or(0, |entries| entries.count());
            // One more is the directory's own.
            let _ = write!(socket, "{} {} {parent}", open - 1, std::process::id());
        });
        let mut said = String::new();
        socket.read_to_string(&mut said).unwrap();
        let words: Vec<&str> = said.split(' ').collect();
        let own = std::process::id().to_string();
        let [open, number, parent] = words[..] else {
            panic!("{said}");
        };
        assert_eq!(open, "4", "{said}");
        assert!(
            number != own && parent != own && !parent.is_empty(),
            "{said}"
        );
    }

    #[test]
    fn a_sitter_waits_for_the_end_of_what_it_was_passed_whatever_signals_come() {
        let mut socket = started(|mut socket| {
            let Some(descriptor) = receive(&socket) else {
                return;
            };
            let _ = socket.write_all(&std::process::id().to_be_bytes());
            wait_for_end(&descriptor);
            let _ = socket.write_all(b"over");
        });
        let (ours, theirs) = UnixStream::pair().unwrap();
        pass(&socket, theirs.as_fd()).unwrap();
        drop(theirs);
        let mut number = [0; 4];
        socket.read_exact(&mut number).unwrap();
        let number = i32::from_be_bytes(number);
        let sitter = rustix::process::Pid::from_raw(number).unwrap();
        for signal in [
            rustix::process::Signal::TERM,
            rustix::process::Signal::HUP,
            rustix::process::Signal::INT,
        ] {
            rustix::process::kill_process(sitter, signal).unwrap();
        }
        socket.set_nonblocking(true).unwrap();
        std::thread::sleep(Duration::from_millis(100));
        assert_eq!(
            socket.read(&mut [0]).unwrap_err().kind(),
            io::ErrorKind::WouldBlock
        );
        socket.set_nonblocking(false).unwrap();
        drop(ours);
        let mut said = String::new();
        socket.read_to_string(&mut said).unwrap();
        assert_eq!(said, "over");
    }

    #[test]
    fn a_sitter_that_hangs_ends_by_its_time() {
        let mut socket = started(|_socket| {
            end_after(1);
            loop {
                std::thread::sleep(Duration::from_secs(60));
            }
        });
        assert_eq!(socket.read(&mut [0]).unwrap(), 0);
    }
}
