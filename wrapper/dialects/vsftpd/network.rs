//! Where the server listens, how many it serves and how long, and how data connections are made.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::settings::Rules;
use super::who::Groups;
use crate::wrapper::print::shown;

/// What stands for "no limit" where the server needs a number.
const MANY_CLIENTS: u32 = 1_000_000;
const A_YEAR: u32 = 31_536_000;

pub(super) fn translate(rules: &mut Rules<'_>) {
    let groups = Groups::of(rules);
    listening(rules);
    clients(rules);
    times(rules);
    kinds(rules);
    passive(rules);
    active(rules);
    other_hosts(rules, groups);
}

/// What of this holds for one session.
pub(super) fn account(rules: &mut Rules<'_>) {
    times(rules);
    kinds(rules);
    passive(rules);
    active(rules);
    other_hosts(rules, Groups::of(rules));
}

fn listens(rules: &Rules<'_>) -> bool {
    rules.yes("listen") || rules.yes("listen_ipv6")
}

fn listening(rules: &mut Rules<'_>) {
    let keys = [
        "listen",
        "listen_ipv6",
        "listen_port",
        "listen_address",
        "listen_address6",
    ];
    match (rules.yes("listen"), rules.yes("listen_ipv6")) {
        (true, true) => {
            let set = rules.first_set(&["listen_ipv6", "listen"]);
            rules.refuse(
                set,
                "listen and listen_ipv6 are both YES, with which vsftpd does not start",
                "set listen=NO, as listen_ipv6=YES serves IPv4 as well",
            );
            rules.all_nothing(&keys, "see the other");
        }
        (true, false) => {
            rules.switch("listen", "ipv4only");
            let address = address(rules, "listen_address", |text| {
                text.parse::<Ipv4Addr>().is_ok()
            });
            bind(rules, &["listen_address", "listen_port", "listen"], address);
            rules.nothing("listen_ipv6", "IPv4 alone is served");
            rules.nothing("listen_address6", "it is for listen_ipv6");
        }
        (false, true) => {
            let address = address(rules, "listen_address6", |text| {
                let bare = text.split('%').next().unwrap_or(text);
                bare.parse::<Ipv6Addr>().is_ok()
            });
            // Nobody in particular is both families, for vsftpd as well.
            let address = address.filter(|text| text != "::");
            bind(
                rules,
                &["listen_address6", "listen_port", "listen_ipv6"],
                address,
            );
            rules.nothing("listen", "see listen_ipv6");
            rules.nothing("listen_address", "it is for listen");
        }
        (false, false) => {
            rules.all_nothing(
                &keys,
                "inetd listens, and the server finds out by itself that it does",
            );
        }
    }
    match rules.yes("background") {
        true => rules.switch("background", "daemonize"),
        false => rules.nothing("background", "the server stays in the foreground"),
    }
    if rules.yes("tcp_wrappers") {
        rules.refuse(
            "tcp_wrappers",
            "hosts.allow and hosts.deny are not read, nor the configurations they load for an address",
            "say with --allowfrom and --denyfrom behind -- who may connect, or start the server from inetd through tcpd, \
             and remove it",
        );
    } else {
        rules.nothing("tcp_wrappers", "hosts.allow and hosts.deny are not read");
    }
}

/// A numeric address; vsftpd does not start with another.
fn address(rules: &mut Rules<'_>, key: &str, fits: impl Fn(&str) -> bool) -> Option<String> {
    let text = rules.text(key)?;
    match std::str::from_utf8(&text) {
        Ok(text) if fits(text) => Some(text.to_owned()),
        _ => {
            let reason = format!("'{}' is no address of the family", shown(&text));
            rules.refuse(key, &reason, "write an address in numbers");
            None
        }
    }
}

/// The keys are that of the address, that of the port and that which asks for listening.
fn bind(rules: &mut Rules<'_>, keys: &[&str; 3], address: Option<String>) {
    let port = rules.number("listen_port");
    let value = match address {
        Some(address) => format!("{address},{port}"),
        None => port.to_string(),
    };
    let key = rules.first_set(&[keys[1], keys[2]]);
    rules.give(key, "bind", value);
    let others: Vec<&str> = keys.iter().copied().filter(|other| *other != key).collect();
    rules.all_nothing(&others, "it is in -S");
}

fn clients(rules: &mut Rules<'_>) {
    if !listens(rules) {
        let why = "under inetd the number of clients is for inetd to limit, in vsftpd as well";
        return rules.all_nothing(&["max_clients", "max_per_ip"], why);
    }
    let most = match rules.number("max_clients") {
        0 => MANY_CLIENTS,
        most => most,
    };
    rules.give("max_clients", "maxclientsnumber", most.to_string());
    match rules.number("max_per_ip") {
        0 => rules.nothing("max_per_ip", "no limit"),
        most => rules.give("max_per_ip", "maxclientsperip", most.to_string()),
    }
}

fn times(rules: &mut Rules<'_>) {
    for (key, long) in [
        ("idle_session_timeout", "idletimeout"),
        ("data_connection_timeout", "datatimeout"),
        ("accept_timeout", "accepttimeout"),
    ] {
        let seconds = match rules.number(key) {
            0 => A_YEAR,
            seconds => seconds.min(A_YEAR),
        };
        rules.give(key, long, seconds.to_string());
    }
    match rules.number("connect_timeout") == rules.number("accept_timeout") {
        true => rules.nothing("connect_timeout", "the same as accept_timeout"),
        false => rules.ignore(
            "connect_timeout",
            "the time of accept_timeout holds for data connections of either kind",
        ),
    }
}

fn kinds(rules: &mut Rules<'_>) {
    let (passive, active) = (rules.yes("pasv_enable"), rules.yes("port_enable"));
    if !passive && !active {
        rules.refuse(
            "port_enable",
            "with pasv_enable=NO as well there is no way to move data",
            "set one of the two to YES",
        );
        return rules.nothing("pasv_enable", "see port_enable");
    }
    match passive {
        true => rules.nothing("pasv_enable", "as without it"),
        false => rules.switch("pasv_enable", "natmode"),
    }
    match active {
        true => rules.nothing("port_enable", "as without it"),
        false => rules.switch("port_enable", "noactive"),
    }
}

fn passive(rules: &mut Rules<'_>) {
    let keys = ["pasv_min_port", "pasv_max_port"];
    if keys.iter().any(|key| rules.is_set(key)) {
        let first = rules.number("pasv_min_port").max(1024);
        let last = match rules.number("pasv_max_port") {
            0 => 65535,
            last => last,
        };
        let key = rules.first_set(&keys);
        if last < first {
            // vsftpd then takes any port from the first on, which no firewall will have been told.
            let reason = format!(
                "pasv_max_port {last} is below the first port, {first}, so vsftpd has no last one"
            );
            rules.refuse(
                key,
                &reason,
                "set pasv_max_port to 0 if that is meant, or else higher",
            );
        } else {
            rules.give(key, "passiveportrange", format!("{first}:{last}"));
        }
        let others: Vec<&str> = keys.into_iter().filter(|other| *other != key).collect();
        rules.all_nothing(&others, "see the other end of the range");
    }
    let resolve = rules.yes("pasv_addr_resolve");
    match rules.text("pasv_address") {
        None => rules.nothing(
            "pasv_address",
            "none, so the client is told the address it came to",
        ),
        Some(text) => {
            let is_address =
                std::str::from_utf8(&text).is_ok_and(|text| text.parse::<Ipv4Addr>().is_ok());
            if is_address || resolve {
                rules.give_text("pasv_address", "forcepassiveip", &text);
            } else {
                rules.refuse(
                    "pasv_address",
                    "it is no address, and vsftpd looks names up only with pasv_addr_resolve=YES",
                    "set pasv_addr_resolve=YES, or write an IPv4 address",
                );
            }
        }
    }
    rules.nothing("pasv_addr_resolve", "it is for pasv_address");
}

fn active(rules: &mut Rules<'_>) {
    if rules.yes("connect_from_port_20") && rules.yes("port_enable") {
        let port = rules.number("ftp_data_port").to_string();
        rules.give("connect_from_port_20", "activeport", port);
    } else {
        rules.nothing(
            "connect_from_port_20",
            "the system chooses the port of active data connections",
        );
    }
    rules.nothing("ftp_data_port", "it is for connect_from_port_20");
}

/// The server has one switch for both directions, so either alone would give more than was asked for.
fn other_hosts(rules: &mut Rules<'_>, groups: Groups) {
    let keys = ["pasv_promiscuous", "port_promiscuous"];
    match keys.map(|key| rules.yes(key)) {
        [true, true] => {
            let long = match groups.has_anonymous_rules() {
                true => "allowanonymousfxp",
                false => "allowuserfxp",
            };
            rules.switch(keys[0], long);
            rules.nothing(keys[1], "see pasv_promiscuous");
        }
        [true, false] => {
            rules.ignore(
                keys[0],
                "passive data connections from other addresses stay refused; -w or -W behind -- allows them, and active \
                 ones to other hosts as well",
            );
            rules.nothing(keys[1], "active data connections go to the client only");
        }
        [false, true] => {
            rules.ignore(
                keys[1],
                "active data connections to other hosts stay refused; -w or -W behind -- allows them, and passive ones \
                 from other addresses as well",
            );
            rules.nothing(
                keys[0],
                "passive data connections are taken from the client only",
            );
        }
        [false, false] => rules.all_nothing(&keys, "data connections are the client's only"),
    }
}
