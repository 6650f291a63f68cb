//! What the settings of a server mean together.

use std::path::Path;
use std::rc::Rc;

use super::limits::{self, Logins};
use super::scope::Scope;
use super::sections::Directive;
use super::servers::Server;
use super::{
    accounts, anonymous, bounds, commands, files, logins, looks, network, places, process, tls,
};
use crate::wrapper::files::Files;
use crate::wrapper::translation::{Origin, Translation};

/// What everything here needs.
pub(super) struct Context<'a> {
    pub(super) scope: &'a Scope,
    pub(super) files: &'a mut Files,
    pub(super) translation: &'a mut Translation,
}

/// Says what becomes of everything in a server.
pub(super) fn run(
    path: &Rc<Path>,
    server: Server,
    files: &mut Files,
    translation: &mut Translation,
) {
    let mut server = server;
    let sections = places::sections(&mut server.scope, translation);
    // What a section for the whole tree says is nearer to files than what stands outside of it.
    let tree = sections.tree.clone();
    let keys: Vec<&str> = tree.iter().map(|directive| directive.key).collect();
    let (kept, over): (Vec<Directive>, Vec<Directive>) = std::mem::take(&mut server.scope.own)
        .into_iter()
        .partition(|directive| !keys.contains(&directive.key));
    server.scope.own = tree.into_iter().chain(kept).collect();
    for directive in &over {
        translation.nothing(
            &directive.origin,
            "the section for the whole tree goes before",
        );
    }
    let whole = Origin::file(path);
    let anonymous = sections.anonymous.clone();
    let anonymous_scope = anonymous.as_ref().map(|section| {
        let items = section.items.clone();
        Scope::new(whole.clone(), items, Vec::new())
    });
    let anonymous_sections = match anonymous_scope {
        None => None,
        Some(mut scope) => {
            let inner = places::anonymous_parts(&mut scope, translation);
            Some((scope, inner))
        }
    };
    server.scope.say_simple(translation);
    if let Some((scope, _)) = &anonymous_sections {
        scope.say_simple(translation);
    }

    let mut context = Context {
        scope: &server.scope,
        files,
        translation,
    };
    process::process(&mut context);
    network::network(&mut context, &server);
    let levels = [&sections.limits, &sections.limits_around];
    let logins = limits::logins(&levels, context.translation);
    let login_origin = limits::login_origin(&levels).cloned();
    let served = logins::who_logs_in(
        &mut context,
        logins.unwrap_or(Logins::Everybody),
        login_origin.as_ref(),
        anonymous.as_ref().zip(anonymous_sections.as_ref()),
    );
    match served.users {
        true => accounts::sources(&mut context),
        false => accounts::nobody(&mut context),
    }
    accounts::names(&mut context);
    let server_masks = files::umask(&mut context);
    accounts::homes(&mut context, server_masks.1);
    files::files_of_users(&mut context);
    let inner = anonymous_sections.as_ref().filter(|_| served.anonymous);
    commands::commands(
        &mut context,
        &sections,
        &served,
        inner.map(|(_, inner)| inner),
    );
    bounds::times(&mut context);
    bounds::clients(&mut context, inner.map(|(scope, _)| scope));
    bounds::rates(&mut context, inner.map(|(scope, _)| scope), &served);
    looks::looks(&mut context);
    tls::tls(&mut context);
    bounds::ban(&mut context);
    if let (Some(section), Some((scope, _))) = (&anonymous, &anonymous_sections) {
        if served.anonymous {
            anonymous::identity(&mut context, section, scope);
            anonymous::umask(&mut context, scope, server_masks);
            anonymous::anonymous_rest(&mut context, scope, &served);
        } else {
            for directive in scope.all() {
                let told = context
                    .translation
                    .findings
                    .iter()
                    .any(|finding| finding.origin == directive.origin);
                if !told {
                    context
                        .translation
                        .nothing(&directive.origin, "no anonymous client may log in");
                }
            }
        }
    }
    let scopes =
        std::iter::once(&server.scope).chain(anonymous_sections.iter().map(|(scope, _)| scope));
    nothing_is_lost(scopes, context.translation);
}

/// Refuses what nothing has spoken of, such as a directive in a place where it means nothing.
fn nothing_is_lost<'a>(scopes: impl Iterator<Item = &'a Scope>, translation: &mut Translation) {
    for scope in scopes {
        for directive in scope.all() {
            let is_told = translation
                .findings
                .iter()
                .any(|finding| finding.origin == directive.origin);
            if !is_told {
                translation.refuse(
                    &directive.origin,
                    "it has no meaning in this place",
                    "remove it, or move it to where it belongs",
                );
            }
        }
    }
}
