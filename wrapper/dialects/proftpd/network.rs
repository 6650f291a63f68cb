//! Where to listen, and how data connections are made.

use super::combine::Context;
use super::scope::{fine, refuse_value};
use super::servers::Server;
use crate::wrapper::dialects::os;
use crate::wrapper::translation::Origin;

pub(super) fn translate(context: &mut Context<'_>, server: &Server) {
    let (scope, t) = (context.scope, &mut *context.translation);
    let address = scope.pick("DefaultAddress", t);
    let port = scope.pick("Port", t);
    let (is_default, default_origin) = scope.on("DefaultServer", false, t);
    let host: Option<(Vec<u8>, Origin)> = match (&server.address, &address) {
        (Some(own), given) => {
            if let Some(given) = given {
                t.nothing(&given.origin, "the address of the section counts");
            }
            Some((own.clone(), server.origin.clone()))
        }
        (None, Some(given)) if given.words.len() == 1 => {
            Some((given.word(0).to_vec(), given.origin.clone()))
        }
        (None, Some(given)) => {
            refuse_value(given, "write one address, as one is listened on", t);
            None
        }
        (None, None) => None,
    };
    // On its own, the server for addresses that have none answers on all of them.
    let host = host.filter(|(address, origin)| {
        let all = matches!(address.as_slice(), b"0.0.0.0" | b"::" | b"*");
        let binds_tight = scope
            .every("SocketBindTight")
            .iter()
            .any(|directive| directive.on() != Some(false));
        let widens = is_default && !server.is_one_of_several && !binds_tight;
        if all || widens {
            fine(origin, "every address of the machine is listened on", t);
        }
        !(all || widens)
    });
    match &host {
        None if server.is_one_of_several => t.refuse(
            &server.origin,
            "it shares the port with other servers of the file, and has no address of its own",
            "write DefaultAddress outside of the sections",
        ),
        None => {
            let origin = port
                .as_ref()
                .map_or_else(|| scope.unset("Port"), |port| port.origin.clone());
            t.value(&origin, "bind", format!(",{}", server.port));
        }
        Some((address, origin)) => {
            let value = [address.as_slice(), b",", server.port.to_string().as_bytes()].concat();
            t.value(origin, "bind", os(&value));
            if let Some(port) = &port {
                t.nothing(&port.origin, "told with the address");
            }
        }
    }
    let why = match (is_default, server.is_one_of_several) {
        (true, true) => {
            "it answers on its own address; addresses without a server are not answered"
        }
        _ => "the server is told where to listen",
    };
    fine(&default_origin, why, t);
    if let Some(directive) = scope.pick("UseIPv6", t) {
        match directive.on() {
            Some(false) => t.switch(&directive.origin, "ipv4only"),
            Some(true) => t.nothing(&directive.origin, "on, as without -4"),
            None => refuse_value(&directive, "write on or off", t),
        }
    }
    if let Some(directive) = scope.pick("PassivePorts", t) {
        let value = [directive.word(0), b":", directive.word(1)].concat();
        match directive.words.len() {
            2 => t.value(&directive.origin, "passiveportrange", os(&value)),
            _ => refuse_value(&directive, "write the first port and the last", t),
        }
    }
    if let Some(directive) = scope.pick("MasqueradeAddress", t) {
        t.value(&directive.origin, "forcepassiveip", os(directive.word(0)));
    }
    let (resolves, origin) = scope.on("UseReverseDNS", true, t);
    match resolves {
        false => t.switch(&origin, "dontresolve"),
        true => fine(&origin, "on, as without -H", t),
    }
    if let Some(directive) = scope.pick("IdentLookups", t) {
        match directive.on() {
            Some(false) => t.nothing(&directive.origin, "off, as always"),
            _ => t.ignore(
                &directive.origin,
                "clients are not asked for a user of theirs",
            ),
        }
    }
}
