//! What a server in the foreground tells the terminal it was started from: a few lines for whoever typed the command.

use std::net::TcpListener;
use std::path::Path;

use crate::logs::escape;
use crate::settings::{LogTo, Settings};

/// Five lines. `root` is what anonymous clients are shown, where they are served.
pub(super) fn lines(
    settings: &Settings,
    listeners: &[TcpListener],
    root: Option<&Path>,
) -> Vec<String> {
    let addresses: Vec<String> = listeners
        .iter()
        .filter_map(|listener| listener.local_addr().ok())
        .map(|address| address.to_string())
        .collect();
    let login = &settings.login;
    let anonymous = match root {
        _ if login.no_anonymous => "no (-E)".to_owned(),
        Some(root) => format!("yes, in {}", escape(root.as_os_str().as_encoded_bytes())),
        None => format!("no, there is no user {}", login.anonymous_user),
    };
    let users = match () {
        () if login.sources.is_empty() => "none (-l adds some)".to_owned(),
        () if login.anonymous_only => "none (-e)".to_owned(),
        () => login.sources.join(", "),
    };
    let network = &settings.network;
    let passive = match network.no_passive {
        true => "no (-N)".to_owned(),
        false => format!(
            "ports {} to {}",
            network.passive_range.first, network.passive_range.last
        ),
    };
    let log = match settings.logging.facility {
        LogTo::Usual | LogTo::Stderr | LogTo::Stdout => "here".to_owned(),
        LogTo::Syslog(facility) => format!("syslog, {facility}"),
        LogTo::None => "nowhere (-f none)".to_owned(),
    };
    vec![
        format!("listens    {}", addresses.join(" and ")),
        format!("anonymous  {anonymous}"),
        format!("users      {users}"),
        format!("passive    {passive}"),
        format!("log        {log}; Ctrl-C ends the server, -B starts it in the background"),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flags::Flags;

    #[test]
    fn it_says_who_may_log_in_and_why_not() {
        let said = |line: &str, root: Option<&str>| {
            let words = ["wharf-ftpd"].into_iter().chain(line.split_whitespace());
            let parsed = Flags::parse(words).unwrap();
            let (settings, _) = Settings::from_flags(&parsed).unwrap();
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            lines(&settings, &[listener], root.map(Path::new)).join("\n")
        };
        let text = said("-p 30000:30009", Some("/srv/ftp"));
        assert_eq!(text.lines().count(), 5);
        for part in [
            "127.0.0.1:",
            "yes, in /srv/ftp",
            "none (-l",
            "30000 to 30009",
            "here",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
        let text = said("-l unix -N -f ftp", None);
        for part in [
            "no, there is no user ftp",
            "users      unix",
            "no (-N)",
            "syslog, ftp",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert!(said("-E -l unix", None).contains("anonymous  no (-E)"));
    }
}
