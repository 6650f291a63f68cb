//! What `show` and `list` print: pure-pw's report of a user, and a line for each.

use crate::keeper::record::{AddressList, Field, Hours, Line, VirtualUser};
use std::fmt::Display;

/// All there is to say about a user, in pure-pw's words and columns, which scripts cut apart.
pub(super) fn report(line: &Line, user: &VirtualUser) -> Vec<u8> {
    let (begin, end) = user.hours.map_or((0, 0), Hours::ends);
    let text = |field| visible(line.get(field));
    let addresses = |field| match line.has(field) {
        true => visible(&AddressList::shown(line.get(field))),
        false => "-".to_owned(),
    };
    let rows: [(&str, String); 16] = [
        ("Login              ", text(Field::Login)),
        ("Password           ", text(Field::Hash)),
        ("UID                ", named(user.uid, user_name(user.uid))),
        ("GID                ", named(user.gid, group_name(user.gid))),
        ("Directory          ", text(Field::Home)),
        ("Full name          ", text(Field::Gecos)),
        (
            "Download bandwidth ",
            amount(user.download_rate.map(|rate| rate / 1024), " Kb"),
        ),
        (
            "Upload   bandwidth ",
            amount(user.upload_rate.map(|rate| rate / 1024), " Kb"),
        ),
        ("Max files          ", amount(user.quota_files, "")),
        (
            "Max size           ",
            amount(user.quota_bytes.map(|bytes| bytes >> 20), " Mb"),
        ),
        ("Ratio              ", ratio(user)),
        ("Allowed local  IPs ", addresses(Field::AllowLocal)),
        ("Denied  local  IPs ", addresses(Field::DenyLocal)),
        ("Allowed client IPs ", addresses(Field::AllowClient)),
        ("Denied  client IPs ", addresses(Field::DenyClient)),
        (
            "Time restrictions  ",
            format!("{begin:04}-{end:04} ({})", state(user.hours.is_some())),
        ),
    ];
    let mut out = String::from("\n");
    for (name, value) in rows {
        out.push_str(&format!("{name}: {value}\n"));
    }
    out.push_str(&format!(
        "Max sim sessions   : {}\n\n",
        amount(user.max_sessions, "")
    ));
    out.into_bytes()
}

fn amount(limit: Option<impl Display>, unit: &str) -> String {
    match limit {
        Some(limit) => format!("{limit}{unit} (enabled)"),
        None => format!("0{unit} (unlimited)"),
    }
}

fn state(limits: bool) -> &'static str {
    if limits { "enabled" } else { "unlimited" }
}

fn ratio(user: &VirtualUser) -> String {
    let (up, down) = (user.upload_ratio, user.download_ratio);
    let (up_state, down_state) = (state(up.is_some()), state(down.is_some()));
    format!(
        "{}:{} ({up_state}:{down_state})",
        up.unwrap_or(0),
        down.unwrap_or(0)
    )
}

fn named(id: u32, name: Option<String>) -> String {
    format!("{id} ({})", name.as_deref().unwrap_or("-"))
}

fn user_name(id: u32) -> Option<String> {
    let user = users::get_user_by_uid(id)?;
    Some(user.name().to_string_lossy().into_owned())
}

fn group_name(id: u32) -> Option<String> {
    let group = users::get_group_by_gid(id)?;
    Some(group.name().to_string_lossy().into_owned())
}

/// Text that cannot steer a terminal.
fn visible(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    text.chars()
        .map(|c| if c.is_control() { '?' } else { c })
        .collect()
}

/// A line of `list`: in columns for people, with tabs and untouched for programs.
pub(super) fn row(line: &Line, columns: bool) -> Vec<u8> {
    let fields = [Field::Login, Field::Home, Field::Gecos].map(|field| line.get(field));
    if !columns {
        return [&fields.join(&b'\t')[..], b"\n"].concat();
    }
    let [login, home, gecos] = fields.map(visible);
    format!("{login:<19} {home:<39} {gecos:<19}\n").into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line() -> Line {
        Line::read(b"v2:h:4000000001:4000000002:Some\x1b[31m:/srv/x:51200:102400:1:10:2:3:1048576::::--1.ipv6-literal.net:900-1800")
    }

    #[test]
    fn the_report_has_the_units_people_typed() {
        let line = line();
        let user = line.user().unwrap_or_else(|fault| panic!("{fault}"));
        let text = String::from_utf8(report(&line, &user)).expect("text");
        for row in [
            "Login              : v2",
            "UID                : 4000000001 (-)",
            "Download bandwidth : 100 Kb (enabled)",
            "Upload   bandwidth : 50 Kb (enabled)",
            "Max size           : 1 Mb (enabled)",
            "Ratio              : 1:10 (enabled:enabled)",
            "Denied  client IPs : ::1",
            "Time restrictions  : 0900-1800 (enabled)",
            "Max sim sessions   : 2 (enabled)",
        ] {
            assert!(text.lines().any(|line| line == row), "{row}\n{text}");
        }
    }

    #[test]
    fn c10_a_field_cannot_steer_the_terminal() {
        let line = line();
        let user = line.user().unwrap_or_else(|fault| panic!("{fault}"));
        assert!(!report(&line, &user).contains(&0x1b));
        assert!(!row(&line, true).contains(&0x1b));
    }

    #[test]
    fn programs_get_the_bytes_between_tabs() {
        assert_eq!(row(&line(), false), b"v2\t/srv/x\tSome\x1b[31m\n");
        let padded = row(&Line::read(b"a:h:1:1:g:/h"), true);
        assert_eq!(padded.len(), 19 + 1 + 39 + 1 + 19 + 1);
    }
}
