//! Mounts that vanish with the test: each is made in a mount namespace of the test's own thread, which the kernel takes
//! down with the last process in it (mount_namespaces(7)).

use std::path::{Path, PathBuf};

use rustix::mount::{
    MountFlags, MountPropagationFlags, UnmountFlags, mount, mount_change, mount_remount, unmount,
};
use rustix::thread::{UnshareFlags, unshare_unsafe};

use crate::support::{cannot, is_root};

/// Runs `test` on a thread that may mount; servers it starts see its mounts. Skips without root.
pub(crate) fn with_mounts(test: impl FnOnce() + Send + 'static) {
    if cannot(!is_root(), "mounting needs root") {
        return;
    }
    let thread = std::thread::spawn(|| {
        enter();
        test();
    });
    if let Err(panic) = thread.join() {
        std::panic::resume_unwind(panic);
    }
}

fn enter() {
    // SAFETY: only the table of mounts (and with it this thread's root and working directory) is parted from the
    // other threads'; the table of descriptors stays shared.
    unsafe { unshare_unsafe(UnshareFlags::NEWNS) }.expect("a mount namespace");
    let private = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
    mount_change("/", private).expect("mounts of our own");
}

/// Something mounted, until the value goes: directories with mounts on them cannot be removed.
pub(crate) struct Mounted(PathBuf);

impl Mounted {
    pub(crate) fn at(path: &Path) -> Mounted {
        Mounted(path.to_owned())
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        // What is left goes with the namespace.
        let _ = unmount(&self.0, UnmountFlags::DETACH);
    }
}

/// Mounts an empty file system in memory with room for `kilobytes`.
pub(crate) fn mount_memory(at: &Path, kilobytes: u32) -> Mounted {
    let options = std::ffi::CString::new(format!("size={kilobytes}k,mode=755")).expect("no NUL");
    mount("tmpfs", at, "tmpfs", MountFlags::empty(), Some(&*options)).expect("a tmpfs");
    Mounted::at(at)
}

/// Makes what is mounted there read-only.
pub(crate) fn make_read_only(at: &Path) {
    mount_remount(at, MountFlags::RDONLY, "").expect("a remount");
}
