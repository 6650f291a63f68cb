//! Records out of the upload pipe, each up to the byte 0 that ends it.
//!
//! They are read byte by byte, as uploads are few and programs slow: what has not been asked for stays in the pipe, and is
//! not lost when this process ends. The pipe is open for writing as well, so its end is never reached. An administrator
//! may remove it and a server make another; that is noticed while nothing comes.

use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{FlockOperation, flock, fstat};
use rustix::io::{Errno, read};

use crate::server::upload_pipe;

/// The longest record that is kept: more than any path that can be opened, and any login.
pub(super) const LONGEST: usize = 16 * 1024;

/// How often it is looked whether the pipe is still the one that servers find.
const LOOK: Timespec = Timespec {
    tv_sec: 2,
    tv_nsec: 0,
};

/// The pipe as its only reader sees it.
pub(super) struct Pipe {
    path: PathBuf,
    pipe: OwnedFd,
}

impl Pipe {
    /// Opens the pipe, and makes it if it is missing.
    ///
    /// # Errors
    /// Those of [`upload_pipe::open`]; [`io::ErrorKind::AddrInUse`] where another of these programs reads it: each of them
    /// would get some of the uploads.
    pub(super) fn open(path: &Path) -> io::Result<Pipe> {
        Ok(Pipe {
            path: path.to_owned(),
            pipe: open_alone(path)?,
        })
    }

    /// The next record, without the 0 that ends it. Of one that is too long only the beginning is kept.
    ///
    /// # Errors
    /// What reading gives; those of [`Pipe::open`] where the pipe was replaced and the new one cannot be opened.
    pub(super) fn next_record(&mut self) -> io::Result<Vec<u8>> {
        let mut record = Vec::new();
        let mut byte = [0];
        loop {
            match read(&self.pipe, &mut byte) {
                Ok(1) if byte == [0] => return Ok(record),
                Ok(1) if record.len() < LONGEST => record.push(byte[0]),
                Ok(_) | Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => self.wait()?,
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Waits for something to read.
    fn wait(&mut self) -> io::Result<()> {
        loop {
            let mut watched = [PollFd::new(&self.pipe, PollFlags::IN)];
            match poll(&mut watched, Some(&LOOK)) {
                Ok(0) if self.is_replaced()? => self.pipe = open_alone(&self.path)?,
                Ok(0) | Err(Errno::INTR) => {}
                Ok(_) => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Whether another pipe stands where this one stood. One that is gone may still be a server's.
    fn is_replaced(&self) -> io::Result<bool> {
        let own = fstat(&self.pipe)?;
        Ok(fs::symlink_metadata(&self.path).is_ok_and(|found| {
            let is_same = (found.dev(), found.ino()) == (own.st_dev, own.st_ino);
            found.file_type().is_fifo() && !is_same
        }))
    }
}

fn open_alone(path: &Path) -> io::Result<OwnedFd> {
    let pipe = upload_pipe::open(path)?;
    match flock(&pipe, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(pipe),
        Err(Errno::WOULDBLOCK) => {
            let text = "another wharf-uploadscript reads it";
            Err(io::Error::new(io::ErrorKind::AddrInUse, text))
        }
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::OpenOptions;
    use std::io::Write;

    fn writer(path: &Path) -> fs::File {
        OpenOptions::new().write(true).open(path).unwrap()
    }

    #[test]
    fn what_was_not_asked_for_stays_for_the_next_reader() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pipe");
        let mut pipe = Pipe::open(&path).unwrap();
        let mut server = writer(&path);
        server.write_all(b"one\0two\0\0").unwrap();
        assert_eq!(pipe.next_record().unwrap(), b"one");
        let refused = Pipe::open(&path).err().map(|error| error.kind());
        assert_eq!(refused, Some(io::ErrorKind::AddrInUse));
        drop(pipe);
        let mut pipe = Pipe::open(&path).unwrap();
        assert_eq!(pipe.next_record().unwrap(), b"two");
        assert_eq!(pipe.next_record().unwrap(), b"");
    }

    #[test]
    fn l8_a_record_without_an_end_takes_no_room_without_an_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pipe");
        let mut pipe = Pipe::open(&path).unwrap();
        let mut server = writer(&path);
        let long = vec![b'x'; 3 * LONGEST];
        server.write_all(&long).unwrap();
        server.write_all(b"\0short\0").unwrap();
        assert_eq!(pipe.next_record().unwrap().len(), LONGEST);
        assert_eq!(pipe.next_record().unwrap(), b"short");
    }

    #[test]
    fn a_pipe_that_was_replaced_is_opened_anew() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pipe");
        let mut pipe = Pipe::open(&path).unwrap();
        fs::remove_file(&path).unwrap();
        assert!(!pipe.is_replaced().unwrap());
        let other = upload_pipe::open(&path).unwrap();
        rustix::io::write(&other, b"new\0").unwrap();
        assert!(pipe.is_replaced().unwrap());
        assert_eq!(pipe.next_record().unwrap(), b"new");
    }
}
