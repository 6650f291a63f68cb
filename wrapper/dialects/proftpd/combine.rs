//! What the settings of a server mean together.

use super::scope::{Scope, is_told};
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
pub(super) fn run(mut server: Server, files: &mut Files, translation: &mut Translation) {
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
    let anonymous = sections.anonymous.as_ref();
    let anonymous =
        anonymous.map(|section| places::anonymous(section, &server.scope.whole, translation));
    server.scope.say_simple(translation);
    if let Some(anonymous) = &anonymous {
        anonymous.scope.say_simple(translation);
    }

    let mut context = Context {
        scope: &server.scope,
        files,
        translation,
    };
    process::translate(&mut context);
    network::translate(&mut context, &server);
    let served = logins::translate(&mut context, &sections, anonymous.as_ref());
    match served.users {
        true => accounts::sources(&mut context),
        false => accounts::nobody(&mut context),
    }
    accounts::names(&mut context);
    let server_masks = files::umask(&mut context);
    accounts::homes(&mut context, server_masks.1);
    files::files_of_users(&mut context);
    let strangers = anonymous.as_ref().filter(|_| served.anonymous);
    let inner = strangers.map(|anonymous| &anonymous.scope);
    let parts = strangers.map(|anonymous| &anonymous.parts);
    commands::translate(&mut context, &sections, &served, parts);
    bounds::times(&mut context);
    bounds::clients(&mut context, inner);
    bounds::rates(&mut context, inner, &served);
    looks::translate(&mut context);
    tls::translate(&mut context);
    bounds::ban(&mut context);
    match (strangers, &anonymous) {
        (Some(anonymous), _) => {
            anonymous::translate(&mut context, anonymous, server_masks, &served)
        }
        (None, Some(unserved)) => {
            for directive in untold(&unserved.scope, context.translation) {
                let why = "no anonymous client may log in";
                context.translation.nothing(&directive, why);
            }
        }
        (None, None) => {}
    }
    // What nothing has spoken of, such as a directive in a place where it means nothing, may be what restricts.
    let inner = anonymous.iter().map(|anonymous| &anonymous.scope);
    for scope in std::iter::once(&server.scope).chain(inner) {
        for directive in untold(scope, translation) {
            translation.refuse(
                &directive,
                "it has no meaning in this place",
                "remove it, or move it to where it belongs",
            );
        }
    }
}

/// The directives nothing has been said of.
fn untold(scope: &Scope, translation: &Translation) -> Vec<Origin> {
    let origins = scope.all().map(|directive| &directive.origin);
    let untold = origins.filter(|origin| !is_told(origin, translation));
    untold.cloned().collect()
}
