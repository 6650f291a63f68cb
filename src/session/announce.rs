//! `-o`: uploads told to the program that reads the upload pipe, `wharf-uploadscript` or Pure-FTPd's pure-uploadscript(8).
//!
//! A record is byte 2, the login, byte 1, the path on this machine, byte 0; the path of a virtual host is its address, a
//! colon and the path in it. No record is longer than what pipe(7) writes in one piece, so servers that share a pipe never
//! mix theirs and need no lock. Nobody waits for the reader: what does not fit into the pipe waits here, up to a limit,
//! beyond which uploads are not told of (threats: L8). Making and opening the pipe is left to `server`, reading it to
//! `tools::uploadscript`.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::io::{self, ErrorKind, PipeWriter, Write};
use std::rc::Rc;

use super::Session;
use super::refusal::Refusal;
use crate::logs::{self, Severity, escape};
use crate::proto::path::VirtualPath;
use crate::reactor::{Direction, Handle, Io, Priority};
use crate::sys::words;

/// The longest record, in bytes: PIPE_BUF of Linux.
const LONGEST: usize = 4096;

/// Bytes of records that may wait here, besides those in the pipe.
const MOST_WAITING: usize = 1024 * 1024;

/// Records written in a row before sessions get their turn.
const IN_A_ROW: u32 = 64;

/// What `-r` may add to a name: a dot and a number.
const NUMBERING: usize = 8;

const LOGIN_FOLLOWS: u8 = 2;
const PATH_FOLLOWS: u8 = 1;
const END: u8 = 0;

/// The way to the program that is told of uploads.
pub struct Announcements {
    handle: Handle,
    /// Not here while a task writes what waits.
    pipe: Cell<Option<Io<PipeWriter>>>,
    waiting: RefCell<Waiting>,
    lost: Cell<u64>,
}

#[derive(Default)]
struct Waiting {
    records: VecDeque<Vec<u8>>,
    bytes: usize,
}

impl Waiting {
    fn remove_first(&mut self) {
        if let Some(record) = self.records.pop_front() {
            self.bytes -= record.len();
        }
    }
}

impl Announcements {
    /// Takes the pipe, which must be non-blocking, and must have a reader at all times, were it the server itself.
    pub fn new(handle: &Handle, pipe: PipeWriter) -> Rc<Announcements> {
        Rc::new(Announcements {
            handle: handle.clone(),
            pipe: Cell::new(Some(Io::new(handle, pipe, Priority::Data))),
            waiting: RefCell::default(),
            lost: Cell::new(0),
        })
    }

    /// Passes a record on, or lets it wait. False when it is lost, since too many wait.
    fn tell(self: &Rc<Self>, record: Vec<u8>) -> bool {
        if !self.let_wait(record) {
            self.lost.set(self.lost.get() + 1);
            return false;
        }
        // Where there is room it is written at once: a server of inetd may end in this very turn.
        if let Some(pipe) = self.pipe.take() {
            match self.write_first(pipe.get()) {
                Ok(()) => self.pipe.set(Some(pipe)),
                Err(_) => self.handle.spawn(Rc::clone(self).write_all(pipe)),
            }
        }
        true
    }

    fn let_wait(&self, record: Vec<u8>) -> bool {
        let mut waiting = self.waiting.borrow_mut();
        let bytes = waiting.bytes + record.len();
        if bytes > MOST_WAITING {
            return false;
        }
        waiting.bytes = bytes;
        waiting.records.push_back(record);
        true
    }

    fn write_first(&self, mut pipe: &PipeWriter) -> io::Result<()> {
        let mut waiting = self.waiting.borrow_mut();
        if let Some(record) = waiting.records.front() {
            // Records are short enough to be written as a whole or not at all.
            let _ = pipe.write(record)?;
            waiting.remove_first();
        }
        Ok(())
    }

    /// Writes until nothing waits, then puts the pipe back.
    async fn write_all(self: Rc<Self>, mut pipe: Io<PipeWriter>) {
        let mut in_a_row = 0;
        while !self.waiting.borrow().records.is_empty() {
            let written = pipe.io(Direction::Write, |pipe| self.write_first(pipe));
            if let Err(error) = written.await {
                self.lose_first(&error);
            }
            in_a_row += 1;
            if in_a_row == IN_A_ROW {
                in_a_row = 0;
                self.handle.breathe().await;
            }
        }
        self.pipe.set(Some(pipe));
    }

    fn lose_first(&self, error: &io::Error) {
        self.waiting.borrow_mut().remove_first();
        self.lost.set(self.lost.get() + 1);
        logs::server(
            Severity::Error,
            format_args!("Can't write to the upload pipe: {}", words(error)),
        );
    }
}

impl Drop for Announcements {
    fn drop(&mut self) {
        let waiting = self.waiting.borrow().records.len();
        if waiting > 0 {
            logs::server(
                Severity::Warning,
                format_args!("The upload script was not told of the last {waiting} uploads"),
            );
        }
    }
}

/// The record of an upload to `path` below what `label` names. `label` is as in `Site`: it ends with a slash or a colon.
///
/// # Errors
/// Where no record can say it: [`ErrorKind::InvalidFilename`] for one that is too long, [`ErrorKind::InvalidInput`] for a
/// control character, which a reader could take for the beginning of another record.
fn record(login: &[u8], label: &[u8], path: &VirtualPath) -> Result<Vec<u8>, ErrorKind> {
    // The path begins with a slash of its own.
    let length = label.iter().rposition(|byte| *byte != b'/');
    let root = &label[..length.map_or(0, |last| last + 1)];
    let path = [root, path.as_bytes()].concat();
    // A client's path has none (see `VirtualPath`), and pure-uploadscript passes over records that have one.
    if [login, &path]
        .iter()
        .any(|text| text.iter().any(u8::is_ascii_control))
    {
        return Err(ErrorKind::InvalidInput);
    }
    let record = [&[LOGIN_FOLLOWS], login, &[PATH_FOLLOWS], &path, &[END]].concat();
    if record.len() > LONGEST {
        return Err(ErrorKind::InvalidFilename);
    }
    Ok(record)
}

impl Session {
    /// Refuses, under `-o`, an upload that could not be told of: a script that checks uploads must not be dodged by a name.
    pub(super) fn may_be_announced(&self, path: &VirtualPath) -> Result<(), Refusal> {
        if self.shared.announcements.is_none() {
            return Ok(());
        }
        match self.announcement(path) {
            Ok(record) if record.len() + NUMBERING <= LONGEST => Ok(()),
            Ok(_) | Err(ErrorKind::InvalidFilename) => Err(Refusal::NameTooLong),
            Err(_) => Err(Refusal::Prohibited(path.as_bytes().to_vec())),
        }
    }

    /// Tells of an upload that is whole and has its name.
    pub(super) fn announce(&self, path: &VirtualPath) {
        let Some(announcements) = &self.shared.announcements else {
            return;
        };
        let record = self.announcement(path);
        if !record.is_ok_and(|record| announcements.tell(record)) {
            let (name, lost) = (self.logged_name(path), announcements.lost.get());
            self.log(
                Severity::Warning,
                format_args!(
                    "The upload script lags behind ({lost} uploads lost so far) and was not told of {}",
                    escape(&name)
                ),
            );
        }
    }

    fn announcement(&self, path: &VirtualPath) -> Result<Vec<u8>, ErrorKind> {
        let account = self.account().map_err(|_| ErrorKind::InvalidInput)?;
        record(&account.name, &account.site.label, path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reactor::Reactor;
    use std::io::{PipeReader, Read};
    use std::time::Duration;

    fn path(name: &str) -> VirtualPath {
        VirtualPath::root().join(name.as_bytes()).unwrap()
    }

    #[test]
    fn a_record_is_login_and_path_between_the_bytes_of_pure_ftpd() {
        let said = record(b"joe", b"/home/joe/", &path("d/f")).unwrap();
        assert_eq!(said, b"\x02joe\x01/home/joe/d/f\0");
        let said = record(b"joe", b"/home/joe//", &path("d/f")).unwrap();
        assert_eq!(said, b"\x02joe\x01/home/joe/d/f\0");
        let said = record(b"joe", b"/", &path("d/f")).unwrap();
        assert_eq!(said, b"\x02joe\x01/d/f\0");
        let said = record(b"ftp", b"192.0.2.1:", &path("f")).unwrap();
        assert_eq!(said, b"\x02ftp\x01192.0.2.1:/f\0");
    }

    #[test]
    fn l8_no_login_and_no_home_make_a_record_of_their_own() {
        for text in [&b"\x02\x02root\x01"[..], b"\x01", b"\0", b"\n", b"\x7f"] {
            let root = [b"/home/", text, b"/"].concat();
            assert!(record(text, b"/", &path("f")).is_err(), "{text:?}");
            assert!(record(b"joe", &root, &path("f")).is_err(), "{text:?}");
        }
        let odd = record(b"joe", b"/", &path(";id/-rf $(id) `id`")).unwrap();
        assert_eq!(odd, b"\x02joe\x01/;id/-rf $(id) `id`\0");
    }

    /// A path of this many bytes.
    fn long(length: usize) -> VirtualPath {
        let mut name = "/long".repeat(length / 5);
        name.push_str(&"g".repeat(length % 5));
        path(&name)
    }

    #[test]
    fn a_record_is_no_longer_than_a_pipe_takes_in_one_piece() {
        let longest = long(LONGEST - b"\x02joe\x01\0".len());
        assert_eq!(record(b"joe", b"/", &longest).unwrap().len(), LONGEST);
        let error = record(b"joey", b"/", &longest).unwrap_err();
        assert_eq!(error, ErrorKind::InvalidFilename);
    }

    /// A pipe whose writing end does not block.
    fn pipe() -> (PipeReader, PipeWriter) {
        let (reader, writer) = std::io::pipe().unwrap();
        rustix::io::ioctl_fionbio(&writer, true).unwrap();
        (reader, writer)
    }

    fn numbered(number: usize) -> Vec<u8> {
        record(number.to_string().as_bytes(), b"/", &long(3000)).unwrap()
    }

    #[test]
    fn l8_a_reader_that_lags_costs_records_and_no_time() {
        let mut reactor = Reactor::new().unwrap();
        let (mut reader, writer) = pipe();
        let announcements = Announcements::new(&reactor.handle(), writer);
        let told = (0..1000)
            .take_while(|number| announcements.tell(numbered(*number)))
            .count();
        assert!(told > MOST_WAITING / 3100 && told < 500, "{told}");
        assert!(!announcements.tell(numbered(told)));
        assert_eq!(announcements.lost.get(), 2);

        let reading = std::thread::spawn(move || {
            let mut all = Vec::new();
            reader.read_to_end(&mut all).unwrap();
            all
        });
        let handle = reactor.handle();
        let deadline = handle.now() + Duration::from_secs(20);
        let waiting = Rc::clone(&announcements);
        let emptied = async move {
            while handle.now() < deadline && !waiting.waiting.borrow().records.is_empty() {
                handle.sleep(Duration::from_millis(1)).await;
            }
        };
        reactor.run(emptied).unwrap();
        assert_eq!(announcements.waiting.borrow().bytes, 0);
        assert!(announcements.tell(numbered(told)), "there is room again");
        drop((announcements, reactor));
        let wanted: Vec<u8> = (0..=told).flat_map(numbered).collect();
        assert!(
            reading.join().unwrap() == wanted,
            "all that was told, in order"
        );
    }
}
