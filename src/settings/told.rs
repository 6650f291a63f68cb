//! The flags that a command line is told as mean what the line meant, whatever they are.

use super::Settings;
use crate::flags::{Flags, GivenFlag, Parsed, definition, quoted_line};
use clap::ArgAction;
use proptest::prelude::*;
use std::collections::HashMap;
use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};

/// Values of every flag that takes one.
fn samples() -> HashMap<&'static str, Vec<&'static [u8]>> {
    const PATHS: &[&[u8]] = &[
        b"/a",
        b"/a b/'c'",
        b"rel/\xff\xfe",
        b"/$HOME/\"`x`\"\\",
        b"-x",
    ];
    const CIDRS: &[&[u8]] = &[b"10.0.0.0/8", b"::1", b"192.0.2.7"];
    const SECONDS: &[&[u8]] = &[b"1", b"45", b"86400"];
    const NAMES: &[&[u8]] = &[b"RETR", b"SITE CHMOD", b"DELE,RMD"];
    const RATES: &[&[u8]] = &[b"10", b"10:20", b":5"];
    const GLOBS: &[&[u8]] = &[b"*.mp3", b"\xff*", b"{a,b}?", b"a b"];
    const RATIOS: &[&[u8]] = &[b"1:5", b"3:1"];
    const SIZES: &[&[u8]] = &[b"100M", b"5", b"1G"];
    const COUNTS: &[&[u8]] = &[b"1", b"7", b"0x0a"];
    let rows: &[(&'static str, &[&'static [u8]])] = &[
        (
            "bind",
            &[
                b"2121",
                b"::1,2121",
                b"ftp.example.org,",
                b"ftp",
                b"127.0.0.1,0",
            ],
        ),
        ("listen", &[b"2122", b"[::1],ftp"]),
        ("passiveportrange", &[b"30000:30009", b"30000-30009"]),
        (
            "forcepassiveip",
            &[b"192.0.2.1", b"ftp.example.org", b"0.0.0.0"],
        ),
        ("passivefor", &[b"10.0.0.0/8=10.0.0.1"]),
        ("activeport", &[b"20", b"2000"]),
        ("trustedip", &[b"192.0.2.1", b"::1"]),
        ("allowfrom", CIDRS),
        ("denyfrom", CIDRS),
        ("bonjour", &[b"a b"]),
        (
            "login",
            &[b"unix", b"pam", b"puredb:/a b", b"extauth:/run/x"],
        ),
        ("anonymousroot", PATHS),
        ("anonymoususer", &[b"ftp", b"www-data"]),
        ("banner", &[b"hello", b"it's\n\"two\" lines!", b"-x", b"*"]),
        ("bannerfile", PATHS),
        ("fortunesfile", PATHS),
        ("virtualhosts", PATHS),
        ("aliases", PATHS),
        ("pamservice", &[b"ftp"]),
        ("userlist", PATHS),
        ("denyusers", PATHS),
        ("minuid", &[b"0", b"1000", b"0x64"]),
        ("trustedgid", &[b"0", b"100"]),
        ("chrootlist", PATHS),
        ("nochrootlist", PATHS),
        ("mapusers", &[b"www-data"]),
        ("userroot", &[b"/srv/$USER", b"/a b"]),
        (
            "userflags",
            &[b"joe:--nodownload -U 022:077", b"ftp:--readonly"],
        ),
        ("chownuploads", &[b"webmaster:640", b"joe"]),
        ("umask", &[b"022", b"022:077"]),
        ("anonymousumask", &[b"022:077"]),
        ("denycommands", NAMES),
        ("allowcommands", NAMES),
        ("denyfiles", GLOBS),
        ("hidefiles", GLOBS),
        ("maxdiskusagepct", &[b"90", b"100"]),
        ("maxclientsnumber", COUNTS),
        ("maxclientsperip", COUNTS),
        ("peruserlimits", &[b"3:20", b"0:5"]),
        ("anonymousbandwidth", RATES),
        ("userbandwidth", RATES),
        ("userratio", RATIOS),
        ("anonymousratio", RATIOS),
        ("quota", &[b"1000:10"]),
        ("maxload", &[b"3", b"0.5"]),
        ("maxidletime", &[b"10", b"0"]),
        ("idletimeout", SECONDS),
        ("logintimeout", SECONDS),
        ("maxloginfailures", COUNTS),
        ("ban", &[b"5/600/3600"]),
        ("accepttimeout", SECONDS),
        ("datatimeout", SECONDS),
        ("maxuploadsize", SIZES),
        ("maxsessionbytes", SIZES),
        ("maxsessionfiles", COUNTS),
        ("limitrecursion", &[b"2000:8"]),
        ("fscharset", &[b"utf-8"]),
        ("clientcharset", &[b"utf-8"]),
        ("syslogfacility", &[b"ftp", b"none", b"stderr"]),
        ("logformat", &[b"json", b"plain"]),
        ("altlog", &[b"clf:/var/log/a b", b"json:/x", b"/y\xff"]),
        ("tls", &[b"0", b"1", b"3"]),
        (
            "tlsciphersuite",
            &[b"-S:HIGH", b"HIGH:!RSA", b"ECDHE-RSA-AES128-GCM-SHA256"],
        ),
        ("certfile", &[b"/a.pem,/b.pem", b"/a b.pem"]),
        ("tlsminversion", &[b"1.2", b"1.3"]),
        ("extcert", PATHS),
        ("drain", SECONDS),
        ("doctor", &[b"ftp.example.org", b""]),
        ("pidfile", PATHS),
        ("uploadpipe", PATHS),
        ("serve", &[b"/a b", b".", b"-x"]),
        ("write", &[b"drop", b"all"]),
        ("for", &[b"30m", b"90"]),
        ("tlsclientca", PATHS),
        ("tlsclientcert", &[b"optional", b"required"]),
        ("tlscrl", PATHS),
        ("tlsclientname", &[b"cn", b"email", b"dns"]),
        ("tlsfor", &[b"users", b"anonymous", b"all"]),
        ("plainfrom", CIDRS),
        ("sandbox", &[b"on", b"off", b"strict"]),
    ];
    rows.iter()
        .map(|(long, values)| (*long, values.to_vec()))
        .collect()
}

/// Every flag with every sample of its value, as it may be typed.
fn typed() -> Vec<Vec<OsString>> {
    let samples = samples();
    let mut all = Vec::new();
    for arg in definition().get_arguments() {
        let (long, letter) = (arg.get_long().expect("a name"), arg.get_short());
        match arg.get_action() {
            ArgAction::Help | ArgAction::Version => continue,
            action if !action.takes_values() => {
                all.push(vec![format!("--{long}").into()]);
                all.extend(letter.map(|letter| vec![format!("-{letter}").into()]));
                continue;
            }
            _ => {}
        }
        let values = samples.get(long);
        for value in values.unwrap_or_else(|| panic!("--{long} has no sample")) {
            let joined = [format!("--{long}=").as_bytes(), value].concat();
            all.push(vec![OsString::from_vec(joined)]);
            let value = OsString::from_vec(value.to_vec());
            if let Some(letter) = letter.filter(|_| !value.as_bytes().starts_with(b"-")) {
                all.push(vec![format!("-{letter}").into(), value]);
            }
        }
    }
    all
}

/// What a line means; none for one that means nothing.
fn meaning(words: &[OsString]) -> Option<(Parsed, Settings, Vec<String>)> {
    let line = [OsString::from("wharf-ftpd")];
    let parsed = Flags::parse(line.iter().chain(words)).ok()?;
    let (settings, warnings) = Settings::from_flags(&parsed).ok()?;
    Some((parsed, settings, warnings))
}

/// Whether the line means something; if so its telling means the same.
fn is_told_back(words: &[OsString]) -> bool {
    let Some((parsed, settings, _)) = meaning(words) else {
        return false;
    };
    let flags = parsed.flags_in_order();
    let told: Vec<OsString> = flags.iter().flat_map(GivenFlag::words).collect();
    let line = quoted_line(&told);
    let read = shlex::bytes::split(&line).expect("quotes that close");
    let read: Vec<OsString> = read.into_iter().map(OsString::from_vec).collect();
    let (_, again, _) = meaning(&read).unwrap_or_else(|| panic!("{words:?} became {told:?}"));
    assert_eq!(again, settings, "{words:?} became {told:?}");
    assert_eq!(read, told);
    true
}

#[test]
fn each_flag_alone_is_told_back_with_each_value() {
    let typed = typed();
    let taken = typed.iter().filter(|words| is_told_back(words)).count();
    // The others want a flag beside them.
    assert!(taken * 10 > typed.len() * 8, "{taken} of {}", typed.len());
}

proptest! {
    #[test]
    fn any_flags_read_back_mean_the_same(picks in prop::collection::vec(any::<prop::sample::Index>(), 0..12)) {
        let typed = typed();
        let words: Vec<OsString> = picks.iter().flat_map(|pick| pick.get(&typed).clone()).collect();
        is_told_back(&words);
    }
}
