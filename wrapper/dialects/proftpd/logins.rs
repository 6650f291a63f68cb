//! Who may log in by `<Limit LOGIN>`: users, anonymous clients, and from which networks.

use super::combine::Context;
use super::limits::{self, Logins};
use super::places::{Anonymous, Sections};
use crate::wrapper::translation::{Origin, Translation};

/// Who is served.
pub(super) struct Served {
    pub(super) users: bool,
    pub(super) anonymous: bool,
}

pub(super) fn translate(
    context: &mut Context<'_>,
    sections: &Sections,
    anonymous: Option<&Anonymous>,
) -> Served {
    let t = &mut *context.translation;
    let levels = [&sections.limits, &sections.limits_around];
    let server = limits::logins(&levels, t).unwrap_or(Logins::Everybody);
    let origin = limits::login_origin(&levels);
    let unset = Origin {
        setting: "(no <Anonymous>)".to_owned(),
        ..context.scope.whole.clone()
    };
    let origin = origin
        .cloned()
        .unwrap_or_else(|| context.scope.unset("<Limit LOGIN>"));
    let Some(anonymous) = anonymous else {
        t.switch(&unset, "noanonymous");
        if server == Logins::Nobody {
            refuse_nobody(&origin, t);
        }
        from(&server, &origin, t);
        return Served {
            users: server != Logins::Nobody,
            anonymous: false,
        };
    };
    let strangers = limits::logins(&[&anonymous.parts.limits], t);
    let strangers_origin = limits::login_origin(&[&anonymous.parts.limits])
        .cloned()
        .unwrap_or_else(|| origin.clone());
    let strangers = strangers.unwrap_or_else(|| server.clone());
    match (&server, &strangers) {
        (Logins::Nobody, Logins::Nobody) => {
            refuse_nobody(&origin, t);
            Served {
                users: false,
                anonymous: false,
            }
        }
        (Logins::Nobody, _) => {
            t.switch(&origin, "anonymousonly");
            from(&strangers, &strangers_origin, t);
            Served {
                users: false,
                anonymous: true,
            }
        }
        (_, Logins::Nobody) => {
            t.switch(&strangers_origin, "noanonymous");
            t.nothing(&anonymous.section.origin, "no anonymous client may log in");
            from(&server, &origin, t);
            Served {
                users: true,
                anonymous: false,
            }
        }
        (one, other) if one == other => {
            from(&server, &origin, t);
            Served {
                users: true,
                anonymous: true,
            }
        }
        (Logins::Refused, _) | (_, Logins::Refused) => Served {
            users: true,
            anonymous: true,
        },
        _ => {
            t.refuse(
                &strangers_origin,
                "networks are the same for users and for anonymous clients",
                "run two servers, each with a file of its own, or write the same section in both places",
            );
            Served {
                users: true,
                anonymous: true,
            }
        }
    }
}

fn refuse_nobody(origin: &Origin, t: &mut Translation) {
    t.refuse(
        origin,
        "nobody could log in",
        "allow somebody, or do not start it",
    );
}

/// The networks of clients.
fn from(logins: &Logins, origin: &Origin, t: &mut Translation) {
    if let Logins::From(allow, deny) = logins {
        for network in allow.iter().flatten() {
            t.value(origin, "allowfrom", network);
        }
        for network in deny {
            t.value(origin, "denyfrom", network);
        }
    }
}
