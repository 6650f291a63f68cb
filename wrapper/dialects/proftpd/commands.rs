//! Flags for commands that `<Limit>` denies to users, to anonymous clients, or to both.

use super::combine::Context;
use super::limits::{self, Denied, Level};
use super::logins::Served;
use super::places::Sections;
use crate::wrapper::translation::{Origin, Translation};

/// Commands that are denied, and what that leaves to anonymous clients.
pub(super) fn translate(
    context: &mut Context<'_>,
    sections: &Sections,
    served: &Served,
    strangers: Option<&Sections>,
) {
    let t = &mut *context.translation;
    let users: Vec<&Level> = vec![
        &sections.limits_of_tree,
        &sections.limits,
        &sections.limits_around,
    ];
    let to_users: Denied = limits::denied(&users, t);
    let mut to_strangers: Option<Denied> = None;
    let mut levels = users.clone();
    if let Some(parts) = strangers {
        levels = vec![&parts.limits_of_tree, &parts.limits];
        levels.extend(&users);
        to_strangers = Some(limits::denied(&levels, t));
    }
    let verbs = |denied: &Denied| -> Vec<&'static str> {
        denied.iter().map(|(command, _)| command.verb).collect()
    };
    let everybody: Denied = match (&to_strangers, served.users) {
        (Some(strangers), false) => strangers.clone(),
        (Some(strangers), true) => {
            let theirs = verbs(strangers);
            let (both, users_only): (Denied, Denied) =
                to_users.iter().cloned().partition(|(command, _)| {
                    command.never_anonymous || theirs.contains(&command.verb)
                });
            for (command, origin) in &users_only {
                let reason = format!(
                    "{} is denied to users and not to anonymous clients, and flags do not tell them apart",
                    command.verb
                );
                t.refuse(
                    origin,
                    &reason,
                    "deny it in <Anonymous> as well, or run two servers",
                );
            }
            both
        }
        (None, _) => to_users.clone(),
    };
    deny(&everybody, t);
    if let Some(strangers) = &to_strangers {
        let common = verbs(&everybody);
        strange(context, strangers, &common);
    }
    let t = &mut *context.translation;
    let mut all: Vec<&Denied> = vec![&to_users];
    all.extend(&to_strangers);
    limits::tell_idle(&levels, &all, t);
}

/// The section that denies a command.
fn denial(denied: &Denied, verb: &str) -> Option<Origin> {
    let mut denied = denied.iter();
    let (_, origin) = denied.find(|(command, _)| command.verb == verb)?;
    Some(origin.clone())
}

/// Flags for commands that nobody may use.
fn deny(denied: &Denied, t: &mut Translation) {
    let origin = |verb: &str| denial(denied, verb);
    let mut said: Vec<&str> = Vec::new();
    let changes = limits::CHANGES;
    let is_read_only = changes.iter().all(|verb| origin(verb).is_some());
    if let Some(origin) = origin("STOR").filter(|_| is_read_only) {
        t.switch(&origin, "readonly");
        said.extend(changes);
        said.extend(["RNFR", "RNTO"]);
    } else {
        if let Some(origin) = origin("RNFR").or_else(|| origin("RNTO")) {
            t.switch(&origin, "norename");
            said.extend(["RNFR", "RNTO"]);
        }
        if let Some(origin) = origin("SITE_CHMOD") {
            t.switch(&origin, "nochmod");
            said.push("SITE_CHMOD");
        }
        // The group of -a may delete in spite of -K.
        if let Some(origin) = origin("DELE").filter(|_| !t.has("trustedgid")) {
            t.switch(&origin, "keepallfiles");
            said.push("DELE");
        }
    }
    for (one, other, flag) in [("PASV", "EPSV", "natmode"), ("PORT", "EPRT", "noactive")] {
        if let (Some(origin), Some(_)) = (origin(one), origin(other)) {
            t.switch(&origin, flag);
            said.extend([one, other]);
        }
    }
    let left: Vec<&(limits::Command, Origin)> = denied
        .iter()
        .filter(|(command, _)| !said.contains(&command.verb))
        .collect();
    let Some((_, origin)) = left.first() else {
        return;
    };
    let mut list: Vec<&str> = left.iter().map(|(command, _)| command.verb).collect();
    if list.contains(&"MFMT") {
        // It sets times as well.
        list.push("SITE_UTIME");
    }
    let list = list.join(",");
    t.value(origin, "denycommands", list);
}

/// What anonymous clients may do beyond what everybody is denied.
fn strange(context: &mut Context<'_>, denied: &Denied, common: &[&str]) {
    let t = &mut *context.translation;
    let origin = |verb: &str| denial(denied, verb);
    let unset = Origin {
        setting: "(anonymous clients)".to_owned(),
        ..context.scope.whole.clone()
    };
    let can = |verb: &str| origin(verb).is_none();
    let uploads = can("STOR") || can("STOU") && !common.contains(&"STOU");
    match origin("STOR") {
        Some(origin) if uploads => t.refuse(
            &origin,
            "STOR is denied to anonymous clients and STOU is not",
            "deny both",
        ),
        Some(origin) if !common.contains(&"STOR") => t.switch(&origin, "anonymouscantupload"),
        Some(_) => {}
        None => {
            if let Some(origin) = origin("STOU").filter(|_| !common.contains(&"STOU")) {
                t.refuse(
                    &origin,
                    "STOU is denied to anonymous clients and STOR is not",
                    "deny both",
                );
            }
            t.switch(&unset, "anonymousupload");
            if can("MKD") {
                t.switch(&unset, "anonymouscancreatedirs");
            }
        }
    }
    if can("RETR") {
        t.switch(&unset, "anonymousreadown");
    }
    t.switch(&unset, "allowdotfiles");
    if limits::CHANGES.iter().any(|verb| {
        let kept = ["DELE", "RNFR", "RMD", "SITE_CHMOD"];
        kept.contains(verb) && can(verb)
    }) {
        t.ignore(
            &unset,
            "anonymous clients can never overwrite, append, rename, delete or change the rights of anything here",
        );
    }
    let ways = ["STOR", "STOU", "MKD"];
    for (command, origin) in denied {
        let is_told = command.never_anonymous
            || ways.contains(&command.verb)
            || common.contains(&command.verb);
        if !is_told {
            let reason = format!(
                "{} is denied to anonymous clients and not to users, and flags do not tell them apart",
                command.verb
            );
            t.refuse(
                origin,
                &reason,
                "let the owners and modes of files say it, or run two servers",
            );
        }
    }
}
