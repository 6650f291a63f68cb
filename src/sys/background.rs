//! Going on in the background: a child that no terminal controls, while the process that was started waits until the child is
//! ready, so that whoever started it sees what went wrong and gets the exit status.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::OwnedFd;

use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{WaitOptions, waitpid};

use super::process::{self, Forked};

/// EX_OSERR of sysexits(3), for a child that ended without a status.
const NO_STATUS: i32 = 71;

/// To be told when the child is ready. Until then standard output and error are still those of the start.
pub struct Ready {
    told: OwnedFd,
    null: File,
}

/// Returns in the child alone. The process that called waits and ends: with 0 when the child is ready, else with the child's
/// own status. Only while there is one thread.
///
/// # Errors
/// What pipe(2), fork(2), setsid(2) and opening /dev/null give; in the child too, who then ends with a status of its own.
pub fn enter() -> io::Result<Ready> {
    let null = OpenOptions::new()
        .read(true)
        .write(true)
        .open("/dev/null")?;
    let (waiting, told) = pipe_with(PipeFlags::CLOEXEC)?;
    if let Forked::Parent(child) = process::fork()? {
        drop(told);
        let mut byte = [0];
        let ready = loop {
            match rustix::io::read(&waiting, &mut byte) {
                Err(rustix::io::Errno::INTR) => {}
                read => break read == Ok(1),
            }
        };
        if ready {
            process::leave(0);
        }
        let ended = waitpid(Some(child), WaitOptions::empty());
        let status = ended
            .ok()
            .flatten()
            .and_then(|(_, status)| status.exit_status());
        process::leave(status.filter(|status| *status != 0).unwrap_or(NO_STATUS));
    }
    rustix::process::setsid()?;
    Ok(Ready { told, null })
}

impl Ready {
    /// Lets go of standard input, output and error, and of the process that waits.
    ///
    /// # Errors
    /// What dup2(2) and write(2) give.
    pub fn tell(self) -> io::Result<()> {
        rustix::stdio::dup2_stdin(&self.null)?;
        rustix::stdio::dup2_stdout(&self.null)?;
        rustix::stdio::dup2_stderr(&self.null)?;
        match rustix::io::write(&self.told, &[0]) {
            // Who waited has been killed, and nobody wants to know any more.
            Ok(_) | Err(rustix::io::Errno::PIPE) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}
