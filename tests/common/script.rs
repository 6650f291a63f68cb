//! Reads conversation scripts: text in, headers and steps out. The language is described at the top of
//! tests/conversations.rs. Playing the steps is left to `play`.

use super::tree::{Entry, number, path_of};
use std::path::PathBuf;

/// A script as read.
#[derive(Default)]
pub(crate) struct Script {
    /// Flags for whichever server is under test.
    pub(crate) flags: Vec<(Side, Vec<String>)>,
    /// The served tree comes without the standard one.
    pub(crate) bare: bool,
    /// What is served.
    pub(crate) tree: Vec<Entry>,
    /// What lies beside the tree.
    pub(crate) beside: Vec<Entry>,
    /// Who has an account.
    pub(crate) users: Vec<User>,
    /// The server listens on ::1 instead of 127.0.0.1.
    pub(crate) ipv6: bool,
    /// The server listens on all addresses.
    pub(crate) everywhere: bool,
    /// The conversation makes no sense with a peer.
    pub(crate) only_wharf: bool,
    /// The conversation needs a server started as root.
    pub(crate) needs_root: bool,
    /// The conversation itself, with the line each step stands on.
    pub(crate) steps: Vec<(usize, Side, Step)>,
}

/// A user of a PureDB, in the served tree.
pub(crate) struct User {
    pub(crate) name: String,
    /// What stands behind the root of the tree in the home directory.
    pub(crate) home: String,
    /// The fields of pureftpd.passwd behind the home directory.
    pub(crate) fields: String,
}

/// Whom a line concerns.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Side {
    Both,
    Wharf,
    Pure,
}

/// What the player does next.
#[derive(Clone)]
pub(crate) enum Step {
    /// `>` and `>>`: bytes for the control connection.
    Send(Vec<u8>),
    /// `urgent`: bytes for the control connection, the last one as TCP urgent data.
    Urgent(Vec<u8>),
    /// `<` and `<~`: the next line of the server.
    Expect(Pattern),
    /// `<...`: skip lines until the next expectation fits.
    Skip,
    /// `closed`: the server ends the connection.
    Closed,
    /// `login` and `login NAME`: USER ftp, or USER and PASS of that account, answered 230.
    Login(Option<String>),
    /// `client NAME`: go on as another client.
    Client(String),
    /// `leave`: close the control connection.
    Leave,
    /// `finish`: end our half of the control connection.
    Finish,
    /// `pause N`: wait N milliseconds.
    Pause(u64),
    /// `data passive` and its like.
    Open(Opening),
    /// `data ask`: PASV without connecting.
    Ask,
    /// `data connect`: connect to what was asked for.
    Connect,
    /// `data stranger ADDRESS`: a connection from another address to the passive port.
    Stranger(String),
    /// `data< "..."` and `data<~ "..."`: everything up to the end of the data.
    Data(Pattern),
    /// `data read N`: take N bytes and leave the rest.
    Read(usize),
    /// `data lines`, with `| GLOB` lines; in any order unless said otherwise.
    Lines { ordered: bool, globs: Vec<Pattern> },
    /// `data>` and `data>>`: send, and close or not.
    Write { bytes: Vec<u8>, close: bool },
    /// `data close`.
    Close,
    /// `data reset`: close in the way that resets the connection.
    Reset,
    /// `file PATH ...`: what must be true on disk.
    File(PathBuf, Vec<Check>),
}

/// How a data connection is opened.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Opening {
    Passive,
    ExtendedPassive,
    Active,
    ExtendedActive,
}

/// A property of a file on disk.
#[derive(Clone)]
pub(crate) enum Check {
    Absent,
    Content(Vec<u8>),
    Size(u64),
    Mode(u32),
    Entries(usize),
}

/// What a line or the data must look like.
#[derive(Clone)]
pub(crate) enum Pattern {
    Literal(Vec<u8>),
    /// `*` stands for any bytes.
    Glob(Vec<u8>),
}

impl Pattern {
    pub(crate) fn fits(&self, text: &[u8]) -> bool {
        match self {
            Pattern::Literal(wanted) => wanted == text,
            Pattern::Glob(glob) => glob_fits(glob, text),
        }
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        match self {
            Pattern::Literal(bytes) | Pattern::Glob(bytes) => bytes,
        }
    }

    /// The same pattern with `change` applied to its bytes.
    pub(crate) fn map(&self, change: impl Fn(&[u8]) -> Vec<u8>) -> Pattern {
        match self {
            Pattern::Literal(bytes) => Pattern::Literal(change(bytes)),
            Pattern::Glob(bytes) => Pattern::Glob(change(bytes)),
        }
    }
}

fn glob_fits(glob: &[u8], text: &[u8]) -> bool {
    let Some(star) = glob.iter().position(|&b| b == b'*') else {
        return glob == text;
    };
    let (head, rest) = (&glob[..star], &glob[star + 1..]);
    text.starts_with(head) && (head.len()..=text.len()).any(|at| glob_fits(rest, &text[at..]))
}

/// Reads a script; an error names the line.
pub(crate) fn parse(text: &str) -> Result<Script, String> {
    let mut script = Script::default();
    let mut differs = false;
    for (index, line) in text.lines().enumerate() {
        let number = index + 1;
        if number == 1 && !line.starts_with("# ") {
            return Err("1: a script begins with its title, a line `# ...`".to_owned());
        }
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if line.starts_with("differs: ") {
            differs = true;
            continue;
        }
        script
            .read_line(number, line)
            .map_err(|e| format!("{number}: {e}"))?;
    }
    let parted = script.steps.iter().any(|(_, side, _)| *side != Side::Both);
    match (parted, differs) {
        (true, false) => Err("lines for one server only, but no `differs: reason`".to_owned()),
        (false, true) => Err("`differs:`, but no line for one server only".to_owned()),
        _ => Ok(script),
    }
}

/// Reads a file of nothing but `tree` lines.
pub(crate) fn parse_tree(text: &str) -> Result<Vec<Entry>, String> {
    Ok(parse(text)?.tree)
}

impl Script {
    fn read_line(&mut self, number: usize, line: &str) -> Result<(), String> {
        if let Some(glob) = line.strip_prefix('|') {
            return self.add_data_line(glob);
        }
        if self.read_header(line)? {
            return Ok(());
        }
        let (side, line) = side_of(line);
        let step = step(line)?;
        self.steps.push((number, side, step));
        Ok(())
    }

    fn add_data_line(&mut self, glob: &str) -> Result<(), String> {
        let glob = glob.strip_prefix(' ').unwrap_or(glob);
        match self.steps.last_mut() {
            Some((_, _, Step::Lines { globs, .. })) => globs.push(Pattern::Glob(unescape(glob)?)),
            _ => return Err("`|` belongs below `data lines`".to_owned()),
        }
        Ok(())
    }

    fn read_header(&mut self, line: &str) -> Result<bool, String> {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        match word {
            "flags" => self.read_flags(rest),
            "tree" => self.tree.push(Entry::parse(&words(rest)?)?),
            "beside" => self.beside.push(Entry::parse(&words(rest)?)?),
            "user" => self.users.push(user(rest)?),
            "bare" => self.bare = true,
            "ipv6" => self.ipv6 = true,
            "everywhere" => self.everywhere = true,
            "only" if rest.starts_with("wharf: ") => self.only_wharf = true,
            "needs" if rest.starts_with("root: ") => self.needs_root = true,
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn read_flags(&mut self, rest: &str) {
        let (side, rest) = match rest.split_once(' ') {
            Some(("wharf", rest)) => (Side::Wharf, rest),
            Some(("pure", rest)) => (Side::Pure, rest),
            _ => (Side::Both, rest),
        };
        self.flags
            .push((side, rest.split_whitespace().map(str::to_owned).collect()));
    }
}

fn user(rest: &str) -> Result<User, String> {
    let mut words = rest.split_whitespace();
    let name = words.next().ok_or("a user needs a name")?;
    let (mut home, mut fields) = ("", "");
    for word in words {
        match word.strip_prefix("home=") {
            Some(behind_root) => home = behind_root,
            None => fields = word,
        }
    }
    Ok(User {
        name: name.to_owned(),
        home: home.to_owned(),
        fields: fields.to_owned(),
    })
}

fn side_of(line: &str) -> (Side, &str) {
    for (name, side) in [("wharf", Side::Wharf), ("pure", Side::Pure)] {
        if let Some(rest) = line.strip_prefix(name) {
            return (side, rest.strip_prefix(' ').unwrap_or(rest));
        }
    }
    (Side::Both, line)
}

fn step(line: &str) -> Result<Step, String> {
    let (mark, rest) = line.split_once(' ').unwrap_or((line, ""));
    Ok(match mark {
        ">" => Step::Send([unescape(rest)?, b"\r\n".to_vec()].concat()),
        ">>" => Step::Send(unescape(rest)?),
        "urgent" => Step::Urgent(unescape(rest)?),
        "<" => Step::Expect(Pattern::Literal(unescape(rest)?)),
        "<~" => Step::Expect(Pattern::Glob(unescape(rest)?)),
        "<..." => Step::Skip,
        "closed" => Step::Closed,
        "login" => Step::Login((!rest.is_empty()).then(|| rest.to_owned())),
        "client" => Step::Client(rest.to_owned()),
        "leave" => Step::Leave,
        "finish" => Step::Finish,
        "pause" => Step::Pause(number(rest, 10)?),
        "data" => data_step(rest)?,
        "data<" => Step::Data(Pattern::Literal(quoted(rest)?)),
        "data<~" => Step::Data(Pattern::Glob(quoted(rest)?)),
        "data>" => Step::Write {
            bytes: quoted(rest)?,
            close: true,
        },
        "data>>" => Step::Write {
            bytes: quoted(rest)?,
            close: false,
        },
        "file" => file_step(rest)?,
        _ => return Err(format!("unknown step {mark:?}")),
    })
}

fn data_step(rest: &str) -> Result<Step, String> {
    let (word, argument) = rest.split_once(' ').unwrap_or((rest, ""));
    Ok(match word {
        "passive" => Step::Open(Opening::Passive),
        "extended" => Step::Open(Opening::ExtendedPassive),
        "active" => Step::Open(Opening::Active),
        "eprt" => Step::Open(Opening::ExtendedActive),
        "ask" => Step::Ask,
        "connect" => Step::Connect,
        "stranger" => Step::Stranger(argument.to_owned()),
        "read" => Step::Read(number(argument, 10)?),
        "lines" => Step::Lines {
            ordered: argument == "in order",
            globs: Vec::new(),
        },
        "close" => Step::Close,
        "reset" => Step::Reset,
        _ => return Err(format!("unknown data step {word:?}")),
    })
}

fn file_step(rest: &str) -> Result<Step, String> {
    let words = words(rest)?;
    let (path, checks) = words.split_first().ok_or("a file step needs a path")?;
    let checks: Vec<Check> = checks.iter().map(|w| check(w)).collect::<Result<_, _>>()?;
    if checks.is_empty() {
        return Err("a file step needs something to check".to_owned());
    }
    Ok(Step::File(path_of(path), checks))
}

fn check(word: &[u8]) -> Result<Check, String> {
    if let Some(content) = word.strip_prefix(b"content=") {
        return Ok(Check::Content(content.to_vec()));
    }
    let text = String::from_utf8_lossy(word);
    match text.split_once('=') {
        None if text == "absent" => Ok(Check::Absent),
        Some(("size", n)) => Ok(Check::Size(number(n, 10)?)),
        Some(("mode", n)) => Ok(Check::Mode(number(n, 8)?)),
        Some(("entries", n)) => Ok(Check::Entries(number(n, 10)?)),
        _ => Err(format!("a file step cannot check {text:?}")),
    }
}

/// Cuts a line at blanks; `"..."` keeps blanks and alone stands for `content=...`.
fn words(line: &str) -> Result<Vec<Vec<u8>>, String> {
    let mut words = Vec::new();
    let mut rest = line.trim();
    while !rest.is_empty() {
        let mut word = String::new();
        let mut in_quotes = false;
        let mut end = rest.len();
        let mut escaped = false;
        for (at, c) in rest.char_indices() {
            match c {
                '"' if !escaped => in_quotes = !in_quotes,
                ' ' if !in_quotes => {
                    end = at;
                    break;
                }
                _ => word.push(c),
            }
            escaped = c == '\\' && !escaped;
        }
        let content = rest.starts_with('"') && !words.is_empty();
        let bytes = unescape(&word)?;
        words.push(if content {
            [b"content=".to_vec(), bytes].concat()
        } else {
            bytes
        });
        rest = rest[end..].trim_start();
    }
    Ok(words)
}

fn quoted(text: &str) -> Result<Vec<u8>, String> {
    text.strip_prefix('"')
        .and_then(|t| t.strip_suffix('"'))
        .ok_or_else(|| format!("expected \"...\", not {text:?}"))
        .and_then(unescape)
}

/// `\r \n \t \\ \"`, `\xNN`, and `{C*N}` for N times the character C.
fn unescape(text: &str) -> Result<Vec<u8>, String> {
    let mut out = Vec::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        rest = &rest[c.len_utf8()..];
        match c {
            '\\' => rest = unescape_one(rest, &mut out)?,
            '{' => match repeated(rest) {
                Some((c, times, tail)) => {
                    out.extend(std::iter::repeat_n(c, times));
                    rest = tail;
                }
                None => out.push(b'{'),
            },
            c => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    Ok(out)
}

fn unescape_one<'a>(rest: &'a str, out: &mut Vec<u8>) -> Result<&'a str, String> {
    let wrong = || format!("unknown escape \\{rest}");
    let c = rest.chars().next().ok_or_else(wrong)?;
    let mut taken = 1;
    out.push(match c {
        'r' => b'\r',
        'n' => b'\n',
        't' => b'\t',
        '\\' => b'\\',
        '"' => b'"',
        'x' => {
            taken = 3;
            let digits = rest.get(1..3).ok_or_else(wrong)?;
            u8::from_str_radix(digits, 16).map_err(|_| wrong())?
        }
        _ => return Err(wrong()),
    });
    Ok(&rest[taken..])
}

/// `C*N}` at the start of `rest`.
fn repeated(rest: &str) -> Option<(u8, usize, &str)> {
    let (c, tail) = rest.split_at_checked(1)?;
    let (digits, tail) = tail.strip_prefix('*')?.split_once('}')?;
    Some((c.as_bytes()[0], digits.parse().ok()?, tail))
}

/// A statement that is true or not.
pub(crate) type Holds = fn() -> bool;

/// What must hold for the language itself; each is a test of the runner.
pub(crate) const LANGUAGE: [(&str, Holds); 6] = [
    ("a_glob_takes_any_bytes_for_a_star", || {
        glob_fits(b"226 *sec*", b"226 1 seconds") && !glob_fits(b"226 *sec", b"226 1 seconds")
    }),
    ("a_literal_star_is_a_star", || {
        !Pattern::Literal(b"a*".to_vec()).fits(b"ab")
    }),
    ("escapes_and_repetitions", || {
        unescape("\\xFF{A*3}{a,b}\\r\\n").as_deref() == Ok(b"\xFFAAA{a,b}\r\n")
    }),
    ("quotes_keep_blanks", || {
        let cut = words("\"a b\" \"c d\" size=3").unwrap_or_default();
        cut == [&b"a b"[..], b"content=c d", b"size=3"]
    }),
    ("a_misspelt_step_is_an_error", || {
        parse("# t\nlogim\n").is_err_and(|e| e.starts_with("2: "))
    }),
    ("a_difference_needs_its_reason", || {
        parse("# t\nwharf< 200 x\n").is_err() && parse("# t\ndiffers: why\n< 200 x\n").is_err()
    }),
];
