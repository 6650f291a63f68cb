//! Which of the servers of a file is run. ProFTPD runs all of them in one process; here each is a process of its own, and
//! one of several is chosen by name, as no other choice would be the file's.

use std::path::Path;
use std::rc::Rc;

use super::scope::{Scope, refuse_value};
use super::sections::{Item, Section};
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

/// The servers of a file, apart.
struct Servers {
    main: Vec<Item>,
    global: Vec<Item>,
    virtuals: Vec<Section>,
    /// Whether the one outside of sections is switched on.
    main_runs: bool,
}

/// The server to run; None when that was refused.
pub(super) fn choose(
    path: &Rc<Path>,
    items: Vec<Item>,
    choices: &Choices,
    translation: &mut Translation,
) -> Option<Server> {
    let whole = Origin::file(path);
    let mut servers = Servers::apart(items, translation);
    let is_one_of_several = servers.count() > 1;
    let host = choices.host.as_deref();
    let section = match servers.chosen(host) {
        Ok(chosen) => chosen.map(|at| servers.virtuals.remove(at)),
        Err((reason, cure)) => {
            translation.refuse(&whole, &reason, &cure);
            return None;
        }
    };
    const OTHER: &str = "it is another server than the one that is run";
    for other in &servers.virtuals {
        translation.nothing(&other.origin, OTHER);
    }
    let (own, address, origin) = match section {
        None => (servers.main, None, whole.clone()),
        Some(section) => {
            let own = own(section.items, servers.main, translation);
            let Some(address) = address(&section.words, host) else {
                translation.refuse(
                    &section.origin,
                    "it has several addresses, and one is listened on",
                    "choose one of them with --host",
                );
                return None;
            };
            (own, Some(address), section.origin)
        }
    };
    let port = port(&own, &servers.global);
    let scope = Scope::new(whole, own, servers.global);
    let port = port.unwrap_or_else(|| {
        if let Some(port) = scope.pick("Port", translation) {
            refuse_value(&port, "write a number up to 65535", translation);
        }
        21
    });
    Some(Server {
        scope,
        address,
        origin,
        is_one_of_several,
        port,
    })
}

impl Servers {
    /// Those that a port of 0 switches off are left out.
    fn apart(items: Vec<Item>, translation: &mut Translation) -> Servers {
        let (mut main, mut global, mut virtuals) = (Vec::new(), Vec::new(), Vec::new());
        for item in items {
            match item {
                Item::Section(section) if section.kind == "global" => global.extend(section.items),
                Item::Section(section) if section.kind == "virtualhost" => virtuals.push(section),
                item => main.push(item),
            }
        }
        virtuals.retain(|section| {
            let runs = port(&section.items, &global) != Some(0);
            if !runs {
                translation.nothing(&section.origin, "Port 0 switches it off");
            }
            runs
        });
        let main_runs = port(&main, &global) != Some(0);
        Servers {
            main,
            global,
            virtuals,
            main_runs,
        }
    }

    fn count(&self) -> usize {
        self.virtuals.len() + usize::from(self.main_runs)
    }

    /// Which section is run, or None for the server outside of them.
    ///
    /// # Errors
    /// Why none is, and what to do.
    fn chosen(&self, host: Option<&str>) -> Result<Option<usize>, (String, String)> {
        let found = match (host, self.count()) {
            (_, 0) => {
                let reason = "Port 0 switches every server off".to_owned();
                return Err((reason, "write another port".to_owned()));
            }
            (None, 1) => return Ok((!self.main_runs).then_some(0)),
            (None, count) => {
                let reason = format!("there are {count} servers in it, and one process serves one");
                return Err((reason, format!("choose with --host, of: {}", self.list())));
            }
            (Some(host), _) => self.named(host),
        };
        let reason = match found.as_slice() {
            [at] => return Ok(Some(*at)),
            [] if host == Some(MAIN) && self.main_runs => return Ok(None),
            [] => "no server has the name given by --host",
            _ => "several servers have the name given by --host",
        };
        Err((reason.to_owned(), format!("choose one of: {}", self.list())))
    }

    /// The sections with this name or address, with or without the port behind it.
    fn named(&self, host: &str) -> Vec<usize> {
        let fits = |section: &Section| {
            let port = port(&section.items, &self.global);
            names(section).iter().any(|name| {
                let with_port = port.map(|port| format!("{name}:{port}"));
                name.eq_ignore_ascii_case(host)
                    || with_port.is_some_and(|name| name.eq_ignore_ascii_case(host))
            })
        };
        let all = self.virtuals.iter().enumerate();
        all.filter(|(_, section)| fits(section))
            .map(|(at, _)| at)
            .collect()
    }

    /// What --host may say, for messages.
    fn list(&self) -> String {
        let main = self.main_runs.then(|| MAIN.to_owned());
        let virtuals = self.virtuals.iter().map(|section| {
            let name = names(section).into_iter().next().unwrap_or_default();
            match port(&section.items, &self.global) {
                Some(21) | None => name,
                Some(port) => format!("{name}:{port}"),
            }
        });
        let all: Vec<String> = main.into_iter().chain(virtuals).collect();
        shown(all.join(", ").as_bytes())
    }
}

/// The last port of a server, or that of `<Global>`, or 21; None for what is no port.
fn port(items: &[Item], global: &[Item]) -> Option<u16> {
    let of = |items: &[Item]| {
        let mut directives = items.iter().rev().filter_map(Item::directive);
        let port = directives.find(|directive| directive.key == "Port")?;
        Some(port.word(0).to_vec())
    };
    match of(items).or_else(|| of(global)) {
        None => Some(21),
        Some(word) => std::str::from_utf8(&word).ok()?.parse().ok(),
    }
}

/// The names and addresses of a section.
fn names(section: &Section) -> Vec<String> {
    let directives = section.items.iter().filter_map(Item::directive);
    let aliases = directives.filter(|directive| directive.key == "ServerAlias");
    let aliases = aliases.flat_map(|directive| listed(&directive.words));
    let names = listed(&section.words).chain(aliases);
    names
        .map(|name| String::from_utf8_lossy(name).into_owned())
        .collect()
}

/// Words that may have commas between them as well.
fn listed(words: &[Vec<u8>]) -> impl Iterator<Item = &[u8]> {
    let parts = words
        .iter()
        .flat_map(|word| word.split(|byte| *byte == b','));
    parts.filter(|part| !part.is_empty())
}

/// The one address of a section, or that of several which --host names.
fn address(words: &[Vec<u8>], host: Option<&str>) -> Option<Vec<u8>> {
    let host = host.map(|host| match host.rsplit_once(':') {
        Some((name, port)) if port.parse::<u16>().is_ok() && !name.contains(':') => name,
        _ => host,
    });
    let is_asked =
        |address: &&[u8]| host.is_some_and(|host| address.eq_ignore_ascii_case(host.as_bytes()));
    let all: Vec<&[u8]> = listed(words).collect();
    match (all.iter().copied().find(is_asked), all.as_slice()) {
        (Some(address), _) => Some(address.to_vec()),
        (None, [only]) => Some(only.to_vec()),
        _ => None,
    }
}

/// What a section says, and behind it what stands outside of sections and holds for every server.
fn own(items: Vec<Item>, main: Vec<Item>, translation: &mut Translation) -> Vec<Item> {
    let said: Vec<&'static str> = items
        .iter()
        .filter_map(Item::directive)
        .map(|directive| directive.key)
        .collect();
    let mut own = items;
    for item in main {
        match item.directive() {
            Some(directive) if !OF_ALL.contains(&directive.key) => {
                translation.nothing(&directive.origin, FOR_ANOTHER);
            }
            Some(directive) if said.contains(&directive.key) => {
                translation.nothing(&directive.origin, "the server's own setting goes before");
            }
            Some(_) => own.push(item),
            None => translation.nothing(item.origin(), FOR_ANOTHER),
        }
    }
    own
}

const FOR_ANOTHER: &str = "it is for another server than the one that is run";
