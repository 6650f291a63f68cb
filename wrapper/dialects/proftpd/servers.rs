//! Which of the servers of a file is run. ProFTPD runs all of them in one process; here each is a process of its own, and
//! one of several is chosen by name, as no other choice would be the file's.

use std::path::Path;
use std::rc::Rc;

use super::scope::Scope;
use super::sections::{Directive, Item, Section};
use crate::wrapper::dialects::Choices;
use crate::wrapper::print::shown;
use crate::wrapper::translation::{Origin, Translation};

/// The name of the server that stands in no section.
const MAIN: &str = "main";

/// Settings that exist outside of sections alone and hold for every server.
const OF_ALL: [&str; 18] = [
    "BanEngine",
    "BanOnEvent",
    "ControlsEngine",
    "DebugLevel",
    "Group",
    "MaxConnectionRate",
    "MaxInstances",
    "PidFile",
    "Protocols",
    "RegexOptions",
    "ServerType",
    "SocketBindTight",
    "SyslogFacility",
    "SystemLog",
    "TCPBacklog",
    "UseIPv6",
    "UseReverseDNS",
    "User",
];

/// A server of the file.
pub(super) struct Server {
    pub(super) scope: Scope,
    /// Its address, if it has one of its own.
    pub(super) address: Option<Vec<u8>>,
    /// Where that stands.
    pub(super) origin: Origin,
    /// Whether there are others.
    pub(super) is_one_of_several: bool,
    pub(super) port: u16,
}

fn port(items: &[Item], global: &[Item]) -> Option<u16> {
    let of = |items: &[Item]| {
        let mut ports = items.iter().rev().filter_map(|item| match item {
            Item::Directive(directive) if directive.key == "Port" => Some(directive.clone()),
            _ => None,
        });
        ports.next()
    };
    match of(items).or_else(|| of(global)) {
        None => Some(21),
        Some(directive) => std::str::from_utf8(directive.word(0)).ok()?.parse().ok(),
    }
}

fn names(section: &Section) -> Vec<String> {
    let aliases = section.items.iter().filter_map(|item| match item {
        Item::Directive(directive) if directive.key == "ServerAlias" => Some(&directive.words),
        _ => None,
    });
    let words = section.words.iter().chain(aliases.flatten());
    let names = words.flat_map(|word| word.split(|byte| *byte == b','));
    names
        .filter(|name| !name.is_empty())
        .map(|name| String::from_utf8_lossy(name).into_owned())
        .collect()
}

/// The server to run; None when that was refused.
pub(super) fn choose(
    path: &Rc<Path>,
    items: Vec<Item>,
    choices: &Choices,
    translation: &mut Translation,
) -> Option<Server> {
    let whole = Origin::file(path);
    let (mut main, mut global, mut virtuals) = (Vec::new(), Vec::new(), Vec::new());
    for item in items {
        match item {
            Item::Section(section) if section.kind == "global" => global.extend(section.items),
            Item::Section(section) if section.kind == "virtualhost" => virtuals.push(section),
            item => main.push(item),
        }
    }
    let is_running =
        |items: &[Item], global: &[Item]| port(items, global).is_none_or(|port| port != 0);
    let main_runs = is_running(&main, &global);
    virtuals.retain(|section| {
        let runs = is_running(&section.items, &global);
        if !runs {
            translation.nothing(&section.origin, "Port 0 switches it off");
        }
        runs
    });
    let count = virtuals.len() + usize::from(main_runs);
    let known: Vec<String> = main_runs
        .then(|| MAIN.to_owned())
        .into_iter()
        .chain(virtuals.iter().map(|section| {
            let names = names(section);
            let name = names.into_iter().next().unwrap_or_default();
            match port(&section.items, &global) {
                Some(21) | None => name,
                Some(port) => format!("{name}:{port}"),
            }
        }))
        .collect();
    let list = shown(known.join(", ").as_bytes());
    let chosen: Option<usize> = match (&choices.host, count) {
        (_, 0) => {
            translation.refuse(
                &whole,
                "Port 0 switches every server off",
                "write another port",
            );
            return None;
        }
        (None, 1) => (!main_runs).then_some(0),
        (None, _) => {
            let reason = format!("there are {count} servers in it, and one process serves one");
            let cure = format!("choose with --host, of: {list}");
            translation.refuse(&whole, &reason, &cure);
            return None;
        }
        (Some(host), _) => {
            let fits = |section: &&(usize, &Section)| {
                let port = port(&section.1.items, &global);
                names(section.1).iter().any(|name| {
                    let with_port = port.map(|port| format!("{name}:{port}"));
                    name.eq_ignore_ascii_case(host)
                        || with_port.is_some_and(|name| name.eq_ignore_ascii_case(host))
                })
            };
            let all: Vec<(usize, &Section)> = virtuals.iter().enumerate().collect();
            let found: Vec<&(usize, &Section)> = all.iter().filter(fits).collect();
            match found.as_slice() {
                [(at, _)] => Some(*at),
                [] if host == MAIN && main_runs => None,
                _ => {
                    let several = found.len() > 1;
                    let reason = match several {
                        true => "several servers have the name given by --host",
                        false => "no server has the name given by --host",
                    };
                    translation.refuse(&whole, reason, &format!("choose one of: {list}"));
                    return None;
                }
            }
        }
    };
    let (own, address, origin) = match chosen {
        None => {
            for section in &virtuals {
                translation.nothing(
                    &section.origin,
                    "it is another server than the one that is run",
                );
            }
            (main, None, whole.clone())
        }
        Some(at) => {
            let section = virtuals.remove(at);
            for other in &virtuals {
                translation.nothing(
                    &other.origin,
                    "it is another server than the one that is run",
                );
            }
            let (kept, left): (Vec<Item>, Vec<Item>) = main.into_iter().partition(|item| {
                matches!(item, Item::Directive(directive) if OF_ALL.contains(&directive.key))
            });
            for item in &left {
                let origin = match item {
                    Item::Directive(Directive { origin, .. })
                    | Item::Section(Section { origin, .. }) => origin,
                };
                translation.nothing(origin, "it is for another server than the one that is run");
            }
            let named = choices.host.as_deref();
            let host = named.map(|host| {
                host.rsplit_once(':').map_or(host, |(host, port)| {
                    if port.parse::<u16>().is_ok() && !host.contains(':') {
                        host
                    } else {
                        named.unwrap_or(host)
                    }
                })
            });
            let addresses: Vec<Vec<u8>> = section
                .words
                .iter()
                .flat_map(|word| word.split(|byte| *byte == b','))
                .filter(|word| !word.is_empty())
                .map(<[u8]>::to_vec)
                .collect();
            let asked = addresses.iter().find(|address| {
                host.is_some_and(|host| address.eq_ignore_ascii_case(host.as_bytes()))
            });
            let address = match (asked, addresses.as_slice()) {
                (Some(address), _) => address.clone(),
                (None, [only]) => only.clone(),
                _ => {
                    translation.refuse(
                        &section.origin,
                        "it has several addresses, and one is listened on",
                        "choose one of them with --host",
                    );
                    return None;
                }
            };
            let mut own = section.items;
            // Its own go before those that hold for every server.
            let said = |key: &str, own: &[Item]| {
                own.iter()
                    .any(|item| matches!(item, Item::Directive(directive) if directive.key == key))
            };
            for item in kept {
                match &item {
                    Item::Directive(directive) if said(directive.key, &own) => {
                        translation
                            .nothing(&directive.origin, "the server's own setting goes before");
                    }
                    _ => own.push(item),
                }
            }
            (own, Some(address), section.origin)
        }
    };
    let scope = Scope::new(whole, own.clone(), global.clone());
    let port = port(&own, &global).unwrap_or_else(|| {
        if let Some(port) = scope.pick("Port", translation) {
            super::scope::refuse_value(&port, "write a number up to 65535", translation);
        }
        21
    });
    Some(Server {
        scope,
        address,
        origin,
        is_one_of_several: count > 1,
        port,
    })
}
