//! The greeting, and texts an administrator writes for clients (`.banner`, `.message`, fortunes), cut into reply lines.
//!
//! Lines and their order are Pure-FTPd's; scripts scrape them. Reading the files and the clock is for `session`.

use super::reply::{Reply, Text};
use super::request::is_control;

/// Most lines shown of one text.
pub const MOST_LINES: usize = 100;

/// Most bytes in one of them; a longer line goes on in the next.
pub const LONGEST_LINE: usize = 511;

/// Most bytes of one fortune.
pub const LONGEST_FORTUNE: usize = 2047;

/// What the greeting tells.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct GreetingFacts<'a> {
    /// Text in place of our own lines; what the client must know about rules still follows it.
    pub text: Option<&'a [u8]>,
    /// Which user this is, and how many are allowed.
    pub user: Option<(usize, usize)>,
    /// Hour and minute of local time.
    pub time: (u8, u8),
    /// Port the client came to.
    pub port: u16,
    /// Only anonymous users are let in.
    pub anonymous_only: bool,
    /// No anonymous users are let in.
    pub no_anonymous: bool,
    /// Transfers to and from third hosts are allowed to everybody.
    pub fxp: bool,
    /// A ratio is in force.
    pub ratio: Option<RatioNotice>,
    /// The client came over IPv4 and IPv6 would do as well.
    pub ipv6_welcome: bool,
    /// Seconds until an idle session ends.
    pub idle_seconds: u64,
}

/// A ratio of uploads to downloads as the greeting tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RatioNotice {
    /// It binds accounts too, not only anonymous users.
    pub everyone: bool,
    /// This much uploaded ...
    pub upload: u64,
    /// ... allows this much downloaded.
    pub download: u64,
}

/// The 220 reply a client is met with.
pub fn greeting(facts: &GreetingFacts<'_>) -> Reply {
    let mut lines = facts.text.map(text_lines).unwrap_or_default();
    let own_lines = lines.is_empty();
    if own_lines {
        push(&mut lines, "--------- Welcome to Wharf ----------");
        if let Some((number, allowed)) = facts.user {
            push(
                &mut lines,
                format!("You are user number {number} of {allowed} allowed."),
            );
        }
        let (hour, minute) = facts.time;
        let port = facts.port;
        push(
            &mut lines,
            format!("Local time is now {hour:02}:{minute:02}. Server port: {port}."),
        );
    }
    push_rules(&mut lines, facts);
    if own_lines {
        if facts.ipv6_welcome {
            push(
                &mut lines,
                "IPv6 connections are also welcome on this server.",
            );
        }
        push(&mut lines, idle_line(facts.idle_seconds));
    }
    Reply::lines(220, lines)
}

fn push_rules(lines: &mut Vec<Text>, facts: &GreetingFacts<'_>) {
    if facts.anonymous_only {
        push(lines, "Only anonymous FTP is allowed here");
    } else if facts.no_anonymous {
        push(lines, "This is a private system - No anonymous login");
    }
    if facts.fxp {
        push(lines, "This server supports FXP transfers");
    }
    if let Some(ratio) = facts.ratio {
        push(
            lines,
            match ratio.everyone {
                true => "RATIOS ARE ENABLED FOR EVERYONE:",
                false => "ANONYMOUS USERS ARE SUBJECT TO AN UL/DL RATIO:",
            },
        );
        let RatioNotice {
            upload, download, ..
        } = ratio;
        push(
            lines,
            format!("to download {download} Mb, uploading {upload} Mb of goodies is mandatory."),
        );
    }
}

fn idle_line(seconds: u64) -> String {
    match seconds {
        120.. => format!(
            "You will be disconnected after {} minutes of inactivity.",
            seconds / 60
        ),
        _ => format!("You will be disconnected after {seconds} seconds of inactivity."),
    }
}

fn push(lines: &mut Vec<Text>, line: impl Into<Text>) {
    lines.push(line.into());
}

/// Cuts a text into lines for a reply: at most [`MOST_LINES`] of [`LONGEST_LINE`] bytes, control characters shown as
/// `_`. A line end at the end of the text starts no further line.
pub fn text_lines(text: &[u8]) -> Vec<Text> {
    let text = text.strip_suffix(b"\n").unwrap_or(text);
    if text.is_empty() {
        return Vec::new();
    }
    text.split(|byte| *byte == b'\n')
        .flat_map(|line| pieces(line.strip_suffix(b"\r").unwrap_or(line)))
        .take(MOST_LINES)
        .map(|line| {
            line.iter()
                .map(|byte| if is_control(*byte) { b'_' } else { *byte })
                .collect()
        })
        .map(|line: Vec<u8>| line.into())
        .collect()
}

/// A line in pieces that fit; an empty line is one empty piece.
fn pieces(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    let empty = line.is_empty().then_some(line);
    empty.into_iter().chain(line.chunks(LONGEST_LINE))
}

/// One fortune of a fortune file, whose fortunes are parted by lines that hold only `%`. Empty ones do not count; `None` when
/// there is no other. `random` is any number.
pub fn choose_fortune(file: &[u8], random: u64) -> Option<&[u8]> {
    let count = fortunes(file).count() as u64;
    let chosen = fortunes(file).nth(random.checked_rem(count)? as usize)?;
    Some(chosen.get(..LONGEST_FORTUNE).unwrap_or(chosen))
}

fn fortunes(file: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = file;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let mut end = 0;
        for line in rest.split_inclusive(|byte| *byte == b'\n') {
            let next = end + line.len();
            if line.trim_ascii_end() == b"%" {
                let fortune = rest.get(..end).unwrap_or_default();
                rest = rest.get(next..).unwrap_or_default();
                return Some(fortune);
            }
            end = next;
        }
        Some(std::mem::take(&mut rest))
    })
    .filter(|fortune| !fortune.trim_ascii().is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(facts: &GreetingFacts<'_>) -> String {
        let mut out = Vec::new();
        greeting(facts).write_to(&mut out);
        String::from_utf8(out).unwrap()
    }

    fn usual() -> GreetingFacts<'static> {
        GreetingFacts {
            user: Some((1, 50)),
            time: (14, 4),
            port: 20100,
            ipv6_welcome: true,
            idle_seconds: 900,
            ..GreetingFacts::default()
        }
    }

    #[test]
    fn the_usual_greeting_has_pure_ftpds_five_lines() {
        assert_eq!(
            text(&usual()),
            "220---------- Welcome to Wharf ----------\r\n\
             220-You are user number 1 of 50 allowed.\r\n\
             220-Local time is now 14:04. Server port: 20100.\r\n\
             220-IPv6 connections are also welcome on this server.\r\n\
             220 You will be disconnected after 15 minutes of inactivity.\r\n"
        );
        let short = GreetingFacts {
            idle_seconds: 60,
            ..usual()
        };
        assert!(
            text(&short)
                .ends_with("220 You will be disconnected after 60 seconds of inactivity.\r\n")
        );
    }

    #[test]
    fn rules_stand_before_ipv6_and_remain_under_a_text_of_ones_own() {
        let ratio = Some(RatioNotice {
            everyone: false,
            upload: 1,
            download: 10,
        });
        let facts = GreetingFacts {
            anonymous_only: true,
            fxp: true,
            ratio,
            ..usual()
        };
        let rules = "220-Only anonymous FTP is allowed here\r\n\
                     220-This server supports FXP transfers\r\n\
                     220-ANONYMOUS USERS ARE SUBJECT TO AN UL/DL RATIO:\r\n\
                     220-to download 10 Mb, uploading 1 Mb of goodies is mandatory.\r\n\
                     220-IPv6";
        assert!(text(&facts).contains(rules));
        let facts = GreetingFacts {
            text: Some(b"line one\nline two\n"),
            no_anonymous: true,
            ..usual()
        };
        assert_eq!(
            text(&facts),
            "220-line one\r\n220-line two\r\n220 This is a private system - No anonymous login\r\n"
        );
        let ratio = Some(RatioNotice {
            everyone: true,
            upload: 2,
            download: 3,
        });
        assert!(text(&GreetingFacts { ratio, ..usual() }).contains(
            "220-RATIOS ARE ENABLED FOR EVERYONE:\r\n220-to download 3 Mb, uploading 2 Mb"
        ));
        assert!(
            text(&GreetingFacts {
                text: Some(b"\n"),
                ..usual()
            })
            .contains("Welcome to Wharf")
        );
    }

    #[test]
    fn texts_are_cut_into_lines_without_control_characters() {
        let lines = |text: &[u8]| -> Vec<Vec<u8>> {
            text_lines(text)
                .iter()
                .map(|line| line.as_ref().to_vec())
                .collect()
        };
        assert_eq!(
            lines(b"a\tb\r\n\n\x1bc\x7f\xc3\xa9"),
            [&b"a_b"[..], b"", b"_c_\xc3\xa9"]
        );
        assert_eq!(lines(b""), Vec::<Vec<u8>>::new());
        assert_eq!(
            lines(&[b'x'; 1100])
                .iter()
                .map(Vec::len)
                .collect::<Vec<_>>(),
            [511, 511, 78]
        );
        assert_eq!(lines(&b"x\n".repeat(200)).len(), MOST_LINES);
        assert_eq!(lines(&[b'x'; 1 << 20]).len(), MOST_LINES);
    }

    #[test]
    fn a_fortune_is_chosen_among_those_that_say_something() {
        let file = b"%\nfirst cookie\nline two\n%\n%\n \n%\nsecond % of\n%x\n%\n";
        assert_eq!(
            choose_fortune(file, 0),
            Some(&b"first cookie\nline two\n"[..])
        );
        assert_eq!(choose_fortune(file, 1), Some(&b"second % of\n%x\n"[..]));
        assert_eq!(
            choose_fortune(file, u64::MAX),
            Some(&b"second % of\n%x\n"[..])
        );
        assert_eq!(choose_fortune(b"alone", 7), Some(&b"alone"[..]));
        assert_eq!(choose_fortune(b"%\n%\n", 7), None);
        assert_eq!(choose_fortune(b"", 7), None);
        assert_eq!(
            choose_fortune(&[b'x'; 5000], 0).map(<[u8]>::len),
            Some(LONGEST_FORTUNE)
        );
    }
}
