//! Processes of our own: forking, waiting, messages with descriptors, and the few numbers they share.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::AtomicU64;

use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketFlags, SocketType, recvmsg, sendmsg, socketpair,
};
use rustix::process::Pid;

/// The two ways out of [`fork`].
pub enum Forked {
    /// We are the parent; the child has this number.
    Parent(Pid),
    /// We are the child.
    Child,
}

/// Makes a copy of this process. Only while there is one thread: a copy of a process with several has the locks of
/// threads that do not exist in it.
///
/// # Errors
/// What fork(2) gives; refused when there is more than one thread.
pub fn fork() -> io::Result<Forked> {
    if let Ok(threads) = std::fs::read_dir("/proc/self/task")
        && threads.count() != 1
    {
        return Err(io::Error::other("a process with threads must not fork"));
    }
    // SAFETY: there is one thread, so the child finds every lock as this thread left it.
    match unsafe { libc::fork() } {
        -1 => Err(io::Error::last_os_error()),
        0 => Ok(Forked::Child),
        child => match Pid::from_raw(child) {
            Some(child) => Ok(Forked::Parent(child)),
            None => Err(io::Error::other("fork gave no process number")),
        },
    }
}

/// Ends this process at once: no destructors, no buffers of the parent are written twice.
pub fn leave(status: i32) -> ! {
    // SAFETY: the call takes a number and does not return.
    unsafe { libc::_exit(status) }
}

/// Lets this process run behind others, by so many steps of nice(2). Not as the kernel's idle class: on a busy machine
/// its turn would come too late.
///
/// # Errors
/// What setpriority(2) gives.
pub fn give_way(steps: i32) -> io::Result<()> {
    Ok(rustix::process::setpriority_process(None, steps)?)
}

/// The kernel ends this process when its parent ends, which had this number when it forked.
///
/// # Errors
/// What prctl(2) gives; [`io::ErrorKind::NotFound`] when the parent has ended already.
pub fn end_with_parent(parent: Pid) -> io::Result<()> {
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))?;
    match rustix::process::getppid() == Some(parent) {
        true => Ok(()),
        false => Err(io::ErrorKind::NotFound.into()),
    }
}

/// A pair of connected sockets that carry whole messages (SOCK_SEQPACKET); `first` does not block.
///
/// # Errors
/// What socketpair(2) gives.
pub fn message_pair() -> io::Result<(OwnedFd, OwnedFd)> {
    let (first, second) = socketpair(
        AddressFamily::UNIX,
        SocketType::SEQPACKET,
        SocketFlags::CLOEXEC,
        None,
    )?;
    rustix::io::ioctl_fionbio(&first, true)?;
    Ok((first, second))
}

/// Most descriptors that travel with one message.
pub const MOST_DESCRIPTORS: usize = 2;

/// Sends one message, with at most [`MOST_DESCRIPTORS`] descriptors.
///
/// # Errors
/// What sendmsg(2) gives.
pub fn send(socket: impl AsFd, message: &[u8], descriptors: &[BorrowedFd<'_>]) -> io::Result<()> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST_DESCRIPTORS))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    if !descriptors.is_empty() && !ancillary.push(SendAncillaryMessage::ScmRights(descriptors)) {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let parts = [IoSlice::new(message)];
    sendmsg(&socket, &parts, &mut ancillary, SendFlags::NOSIGNAL)?;
    Ok(())
}

/// Receives one message into `buffer`: its length, and the descriptors that came with it. A length of 0 is the end.
///
/// # Errors
/// What recvmsg(2) gives; a message longer than the buffer is an error.
pub fn receive(socket: impl AsFd, buffer: &mut [u8]) -> io::Result<(usize, Vec<OwnedFd>)> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST_DESCRIPTORS))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let received = recvmsg(
        &socket,
        &mut [IoSliceMut::new(buffer)],
        &mut ancillary,
        RecvFlags::CMSG_CLOEXEC,
    )?;
    let mut descriptors = Vec::new();
    for message in ancillary.drain() {
        if let RecvAncillaryMessage::ScmRights(arrived) = message {
            descriptors.extend(arrived);
        }
    }
    if received.flags.contains(rustix::net::ReturnFlags::TRUNC) {
        return Err(io::Error::other("a message longer than any should be"));
    }
    Ok((received.bytes, descriptors))
}

/// Numbers that processes forked after this share.
pub struct SharedNumbers(&'static [AtomicU64]);

impl SharedNumbers {
    /// `count` numbers, all 0. They live as long as the process.
    ///
    /// # Errors
    /// What mmap(2) gives.
    pub fn new(count: usize) -> io::Result<SharedNumbers> {
        let length = count * size_of::<AtomicU64>();
        // SAFETY: an anonymous mapping at an address of the kernel's choice overlaps nothing.
        let start = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                length,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_SHARED | libc::MAP_ANONYMOUS,
                -1,
                0,
            )
        };
        if start == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the mapping is page-aligned, zeroed, of `length` bytes, and never unmapped; atomics may be
        // changed by several processes.
        Ok(SharedNumbers(unsafe {
            std::slice::from_raw_parts(start.cast::<AtomicU64>(), count)
        }))
    }

    /// The number at `index`.
    pub fn get(&self, index: usize) -> Option<&AtomicU64> {
        self.0.get(index)
    }
}
