//! Where records wait and the one thread that writes them: the loop hands a record over and goes on, whatever the log is doing.
//!
//! The queue is bounded in records and bytes; what does not fit is dropped and counted, and so is what the sink could not take.
//! Once something gets through again, one line says how many are missing. The sink for a stream such as stderr is here too;
//! syslog has its own file. Stderr stays blocking: other processes may share it.

use std::fmt::Write as _;
use std::io;
use std::mem;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;

use super::Severity;
use super::json::Opening;
use super::text::{Form, Line};

/// The most records that wait.
const RECORDS_LIMIT: usize = 4096;

/// The most bytes of text that wait.
const BYTES_LIMIT: usize = 1 << 20;

/// What goes out in one write: a pipe takes up to PIPE_BUF (4096 bytes on Linux, pipe(7)) without mixing it with others' lines.
const WRITE_LIMIT: usize = 4096;

/// One finished line on its way out.
pub(super) struct Record {
    /// When it happened, not when it is written.
    pub(super) when: Timestamp,
    /// How grave it is.
    pub(super) severity: Severity,
    /// Head and text, printable, without an end of line; of JSON the fields behind the time.
    pub(super) line: Box<[u8]>,
}

/// Takes records to where they are kept. May block; is only called by the writer thread.
pub(super) trait Sink: Send {
    /// Writes the records in order and answers how many of them did not get out.
    fn write(&mut self, records: &[Record]) -> usize;

    /// Says how many records are missing; false when that did not get out either.
    fn report_dropped(&mut self, dropped: u64) -> bool;

    /// Shows these lines below all records, in the place of those shown before; only for a terminal.
    fn show(&mut self, _lines: Vec<String>) {}
}

/// The record that says how many others are missing.
pub(super) fn dropped_report(dropped: u64, form: Form) -> Record {
    let mut line = Line::of_server(Severity::Warning);
    // Writing to memory does not fail.
    let _ = write!(
        line,
        "{dropped} log records were dropped: the log did not take them"
    );
    Record {
        when: Timestamp::now(),
        severity: Severity::Warning,
        line: line.finish(form).into_bytes().into(),
    }
}

/// The records that wait for the writer.
#[derive(Default)]
pub(super) struct Queue {
    state: Mutex<State>,
    arrived: Condvar,
    drained: Condvar,
}

#[derive(Default)]
struct State {
    records: Vec<Record>,
    bytes: usize,
    dropped: u64,
    is_writing: bool,
    /// Lines to be shown, when they change.
    shown: Option<Vec<String>>,
}

impl State {
    /// Whether there is anything for the writer.
    fn waits(&self) -> bool {
        !self.records.is_empty() || self.shown.is_some()
    }
}

impl Queue {
    /// Leaves a record for the writer, or drops and counts it when too many wait already. Never waits for the log itself.
    pub(super) fn push(&self, severity: Severity, line: &[u8]) {
        let mut state = self.lock();
        if state.records.len() >= RECORDS_LIMIT || state.bytes + line.len() > BYTES_LIMIT {
            state.dropped = state.dropped.saturating_add(1);
            return;
        }
        state.bytes += line.len();
        state.records.push(Record {
            when: Timestamp::now(),
            severity,
            line: line.into(),
        });
        // A busy writer looks again by itself.
        if !state.is_writing {
            self.arrived.notify_one();
        }
    }

    /// Leaves lines for the writer to show; only the last ones count. Never waits for the terminal.
    pub(super) fn show(&self, lines: Vec<String>) {
        let mut state = self.lock();
        state.shown = Some(lines);
        if !state.is_writing {
            self.arrived.notify_one();
        }
    }

    /// Waits until everything handed over so far is written or lost, at most for `timeout`. False when time ran out.
    pub(super) fn wait_until_drained(&self, timeout: Duration) -> bool {
        let deadline = Instant::now() + timeout;
        let mut state = self.lock();
        while state.is_writing || state.waits() {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            (state, _) = self
                .drained
                .wait_timeout(state, left)
                .unwrap_or_else(PoisonError::into_inner);
        }
        true
    }

    /// Waits for records and swaps them against `batch`, which is emptied; also gives lines to be shown.
    fn take_into(&self, batch: &mut Vec<Record>) -> Option<Vec<String>> {
        batch.clear();
        let mut state = self.lock();
        state.is_writing = false;
        if !state.waits() {
            self.drained.notify_all();
        }
        while !state.waits() {
            state = self
                .arrived
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
        state.is_writing = true;
        state.bytes = 0;
        mem::swap(&mut state.records, batch);
        state.shown.take()
    }

    fn add_dropped(&self, count: usize) {
        let mut state = self.lock();
        state.dropped = state.dropped.saturating_add(count as u64);
    }

    fn take_dropped(&self) -> u64 {
        mem::take(&mut self.lock().dropped)
    }

    fn put_back_dropped(&self, count: u64) {
        let mut state = self.lock();
        state.dropped = state.dropped.saturating_add(count);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic elsewhere must not take the log away: the state is whole after every step.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Starts the thread that moves records from `queue` to `sink` until the process ends.
pub(super) fn spawn(queue: Arc<Queue>, sink: Box<dyn Sink>) -> io::Result<()> {
    thread::Builder::new()
        .name("log-writer".into())
        .stack_size(128 * 1024)
        .spawn(move || run(&queue, sink))?;
    Ok(())
}

fn run(queue: &Queue, mut sink: Box<dyn Sink>) {
    let mut batch = Vec::new();
    loop {
        let shown = queue.take_into(&mut batch);
        if let Some(lines) = shown {
            sink.show(lines);
        }
        if batch.is_empty() {
            continue;
        }
        let lost = sink.write(&batch);
        queue.add_dropped(lost);
        if lost < batch.len() {
            report_dropped(queue, sink.as_mut());
        }
    }
}

/// Says how many records are missing, now that the sink takes some again.
fn report_dropped(queue: &Queue, sink: &mut dyn Sink) {
    let dropped = queue.take_dropped();
    if dropped == 0 {
        return;
    }
    if !sink.report_dropped(dropped) {
        queue.put_back_dropped(dropped);
    }
}

/// How times look (RFC 3339 section 5.6), as strftime(3) has it.
pub(super) const RFC3339: &str = "%Y-%m-%dT%H:%M:%S%:z";

/// Prints instants by one pattern in one time zone; seconds are all it shows, so one text serves a whole second.
pub(super) struct Clock {
    zone: TimeZone,
    pattern: &'static str,
    second: Option<i64>,
    text: String,
}

impl Clock {
    /// A clock showing `pattern` of strftime(3). Opens nothing later: `zone` holds its rules.
    pub(super) fn new(zone: TimeZone, pattern: &'static str) -> Self {
        Self {
            zone,
            pattern,
            second: None,
            text: String::new(),
        }
    }

    /// `when` as text.
    pub(super) fn show(&mut self, when: Timestamp) -> &str {
        if self.second != Some(when.as_second()) {
            self.second = Some(when.as_second());
            self.text = when
                .to_zoned(self.zone.clone())
                .strftime(self.pattern)
                .to_string();
        }
        &self.text
    }
}

/// What stands in front of a record in a line.
enum Head {
    /// `2026-11-23T14:40:30+01:00 wharf-ftpd: `
    Plain { clock: Clock, tag: String },
    /// The beginning of an object.
    Json(Opening),
}

/// Lines on an open file.
pub(super) struct Stream {
    file: OwnedFd,
    head: Head,
    lines: Vec<u8>,
    is_torn: bool,
    /// What stands on the terminal below all records.
    shown: Vec<String>,
}

impl Stream {
    /// Lines on `file`, each after the time in `zone` and `tag` (program name, perhaps `[pid]`).
    pub(super) fn new(file: OwnedFd, tag: String, zone: TimeZone) -> Self {
        let clock = Clock::new(zone, RFC3339);
        Self::with(file, Head::Plain { clock, tag })
    }

    /// Lines of JSON on `file`.
    pub(super) fn json(file: OwnedFd, opening: Opening) -> Self {
        Self::with(file, Head::Json(opening))
    }

    fn with(file: OwnedFd, head: Head) -> Self {
        Self {
            file,
            head,
            lines: Vec::with_capacity(WRITE_LIMIT),
            is_torn: false,
            shown: Vec::new(),
        }
    }

    fn add(&mut self, record: &Record) {
        match &mut self.head {
            Head::Plain { clock, tag } => {
                for part in [clock.show(record.when), " ", tag, ": "] {
                    self.lines.extend_from_slice(part.as_bytes());
                }
                self.lines.extend_from_slice(&record.line);
            }
            Head::Json(opening) => opening.write(record, &mut self.lines),
        }
        self.lines.push(b'\n');
    }

    /// Writes the gathered lines and answers how many of them did not get out whole.
    fn flush(&mut self) -> usize {
        if self.is_torn {
            // The last write stopped inside a line; end it, so that the next is readable.
            self.lines.insert(0, b'\n');
        }
        let written = write_all(&self.file, &self.lines);
        let (out, left) = self.lines.split_at(written);
        if let Some(last) = out.last() {
            self.is_torn = *last != b'\n';
        }
        let lost = left.iter().filter(|byte| **byte == b'\n').count();
        self.lines.clear();
        lost
    }
}

impl Stream {
    /// Takes what is shown off the terminal: as many lines up, and all that is below cleared (ECMA-48: CUU, ED).
    fn clear_shown(&self) {
        if !self.shown.is_empty() {
            let clear = format!("\x1b[{}A\x1b[J", self.shown.len());
            write_all(&self.file, clear.as_bytes());
        }
    }

    /// Without the terminal's wrapping (DECAWM): a line is one row, however narrow the window is.
    fn draw_shown(&self) {
        if !self.shown.is_empty() {
            let lines = format!("\x1b[?7l{}\n\x1b[?7h", self.shown.join("\n"));
            write_all(&self.file, lines.as_bytes());
        }
    }
}

impl Sink for Stream {
    fn show(&mut self, lines: Vec<String>) {
        self.clear_shown();
        self.shown = lines;
        self.draw_shown();
    }

    fn write(&mut self, records: &[Record]) -> usize {
        self.clear_shown();
        let mut lost = 0;
        for record in records {
            let before = self.lines.len();
            self.add(record);
            // One byte is left for the line end `flush` may put in front.
            if self.lines.len() >= WRITE_LIMIT && before > 0 {
                let late = self.lines.split_off(before);
                lost += self.flush();
                self.lines.extend_from_slice(&late);
            }
        }
        lost += self.flush();
        self.draw_shown();
        lost
    }

    fn report_dropped(&mut self, dropped: u64) -> bool {
        let form = match self.head {
            Head::Plain { .. } => Form::Plain,
            Head::Json(_) => Form::Json,
        };
        self.write(&[dropped_report(dropped, form)]) == 0
    }
}

/// Writes as much of `bytes` as the file takes and answers how much that was. Waits while the file is full.
fn write_all(file: &OwnedFd, bytes: &[u8]) -> usize {
    let mut written = 0;
    while written < bytes.len() {
        match rustix::io::write(file, &bytes[written..]) {
            Ok(0) => break,
            Ok(count) => written += count,
            Err(Errno::INTR) => {}
            // Somebody who shares stderr has made it non-blocking.
            Err(Errno::AGAIN) => wait_until_writable(file),
            Err(_) => break,
        }
    }
    written
}

fn wait_until_writable(file: &OwnedFd) {
    // An error here shows at the next write.
    let _ = poll(&mut [PollFd::new(file, PollFlags::OUT)], None);
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::pipe::{PipeFlags, pipe, pipe_with};
    use std::fs::File;
    use std::io::{BufRead, BufReader, Read};

    const PATIENCE: Duration = Duration::from_secs(20);

    fn started(file: OwnedFd) -> Arc<Queue> {
        let queue = Arc::new(Queue::default());
        let sink = Stream::new(file, "wharf-ftpd".into(), TimeZone::UTC);
        spawn(queue.clone(), Box::new(sink)).unwrap();
        queue
    }

    /// Pushes far more than queue and pipe hold and answers how many.
    fn flood(queue: &Queue) -> u64 {
        let line = [b'x'; 1000];
        let began = Instant::now();
        for _ in 0..20_000 {
            queue.push(Severity::Info, &line);
        }
        assert!(began.elapsed() < PATIENCE, "the caller was held up");
        20_000
    }

    /// Reads lines until `pushed` records are accounted for and answers how many of them were only reported as dropped.
    fn read_until_all_are_accounted_for(reader: File, pushed: u64) -> u64 {
        let (mut seen, mut dropped) = (0, 0);
        let mut lines = BufReader::new(reader).lines();
        while seen + dropped < pushed {
            let line = lines.next().unwrap().unwrap();
            match line.split_once(" log records were dropped") {
                Some((head, _)) => {
                    dropped += head.rsplit(' ').next().unwrap().parse::<u64>().unwrap()
                }
                None => seen += 1,
            }
        }
        assert_eq!(seen + dropped, pushed);
        dropped
    }

    #[test]
    fn c11_a_pipe_nobody_reads_costs_records_but_no_time() {
        let (reader, writer) = pipe().unwrap();
        let queue = started(writer);
        let pushed = flood(&queue);
        assert!(!queue.wait_until_drained(Duration::from_millis(20)));
        let dropped = read_until_all_are_accounted_for(reader.into(), pushed);
        assert!(dropped > 0);
        assert!(queue.wait_until_drained(PATIENCE));
    }

    #[test]
    fn c11_a_non_blocking_pipe_loses_nothing_while_it_is_read() {
        let (reader, writer) = pipe_with(PipeFlags::NONBLOCK).unwrap();
        rustix::fs::fcntl_setfl(&reader, rustix::fs::OFlags::empty()).unwrap();
        let queue = started(writer);
        for number in 0..1000 {
            queue.push(
                Severity::Info,
                format!("{number} {}", "x".repeat(500)).as_bytes(),
            );
        }
        let lines = BufReader::new(File::from(reader)).lines();
        for (number, line) in lines.take(1000).enumerate() {
            assert!(line.unwrap().contains(&format!("wharf-ftpd: {number} x")));
        }
    }

    #[test]
    fn c11_a_full_disk_loses_records_and_the_next_free_byte_brings_the_report() {
        let mut sink = Switch {
            full: Stream::new(
                File::options()
                    .write(true)
                    .open("/dev/full")
                    .unwrap()
                    .into(),
                "t".into(),
                TimeZone::UTC,
            ),
            free: Vec::new(),
            is_full: true,
        };
        let queue = Queue::default();
        let mut batch = Vec::new();
        let mut turn = |queue: &Queue, sink: &mut Switch| {
            queue.take_into(&mut batch);
            let lost = sink.write(&batch);
            queue.add_dropped(lost);
            if lost < batch.len() {
                report_dropped(queue, sink);
            }
        };
        for _ in 0..3 {
            queue.push(Severity::Info, b"one");
            queue.push(Severity::Info, b"two");
            turn(&queue, &mut sink);
        }
        sink.is_full = false;
        queue.push(Severity::Info, b"three");
        turn(&queue, &mut sink);
        assert_eq!(
            sink.free,
            [
                "three",
                "[WARNING] 6 log records were dropped: the log did not take them"
            ]
        );
    }

    /// A disk that is full at first.
    struct Switch {
        full: Stream,
        free: Vec<String>,
        is_full: bool,
    }

    impl Sink for Switch {
        fn write(&mut self, records: &[Record]) -> usize {
            if self.is_full {
                return self.full.write(records);
            }
            let lines = records
                .iter()
                .map(|record| String::from_utf8_lossy(&record.line).into());
            self.free.extend(lines);
            0
        }

        fn report_dropped(&mut self, dropped: u64) -> bool {
            self.write(&[dropped_report(dropped, Form::Plain)]) == 0
        }
    }

    #[test]
    fn c11_a_closed_pipe_loses_records_and_the_writer_lives() {
        let (reader, writer) = pipe().unwrap();
        drop(reader);
        let queue = started(writer);
        for _ in 0..3 {
            queue.push(Severity::Error, b"nobody listens");
            assert!(queue.wait_until_drained(PATIENCE));
        }
        assert_eq!(queue.lock().dropped, 3);
    }

    #[test]
    fn a_line_has_time_program_and_text_and_many_lines_share_a_write() {
        let (reader, writer) = pipe().unwrap();
        let zone = TimeZone::fixed(jiff::tz::offset(1));
        let mut stream = Stream::new(writer, "wharf-ftpd[7]".into(), zone);
        let record = |text: &str| Record {
            when: Timestamp::from_second(1_795_441_230).unwrap(),
            severity: Severity::Info,
            line: text.as_bytes().into(),
        };
        let records: Vec<Record> = (0..200).map(|n| record(&format!("[INFO] {n}"))).collect();
        assert_eq!(stream.write(&records), 0);
        drop(stream);
        let mut all = String::new();
        File::from(reader).read_to_string(&mut all).unwrap();
        let lines: Vec<&str> = all.lines().collect();
        assert_eq!(lines.len(), 200);
        assert_eq!(
            lines[0],
            "2026-11-23T14:40:30+01:00 wharf-ftpd[7]: [INFO] 0"
        );
        assert!(lines[199].ends_with(": [INFO] 199"));
    }

    #[test]
    fn a_line_cut_by_an_error_is_ended_before_the_next() {
        let (reader, writer) = pipe().unwrap();
        let mut stream = Stream::new(writer, "t".into(), TimeZone::UTC);
        stream.lines.extend_from_slice(b"half a li");
        stream.flush();
        stream.lines.extend_from_slice(b"whole\n");
        stream.flush();
        drop(stream);
        let mut all = String::new();
        File::from(reader).read_to_string(&mut all).unwrap();
        assert_eq!(all, "half a li\nwhole\n");
    }
}
