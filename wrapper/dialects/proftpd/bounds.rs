//! How long, how many and how fast: time-outs, counts of clients and logins, rates, and bans.

use super::combine::Context;
use super::logins::Served;
use super::scope::{Scope, fine, refuse_value};
use super::sections::Directive;
use crate::wrapper::translation::{Origin, Translation};

/// A year, as no time-out is longer.
const LONGEST: u64 = 365 * 24 * 3600;

fn number(directive: &Directive) -> Option<u64> {
    let text = std::str::from_utf8(directive.word(0)).ok()?;
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| is_number)
}

/// A number of seconds, with 0 for no end; what is not there has ProFTPD's default.
fn seconds(scope: &Scope, key: &str, default: u64, t: &mut Translation) -> (u64, Origin) {
    let Some(directive) = scope.pick(key, t) else {
        return (default, scope.unset(key));
    };
    let value = match number(&directive).filter(|_| directive.words.len() == 1) {
        Some(0) => LONGEST,
        Some(number) => number,
        None => {
            refuse_value(&directive, "write a number of seconds", t);
            default
        }
    };
    (value, directive.origin)
}

pub(super) fn times(context: &mut Context<'_>) {
    let (scope, t) = (context.scope, &mut *context.translation);
    let idle = seconds(scope, "TimeoutIdle", 600, t);
    let without = seconds(scope, "TimeoutNoTransfer", 300, t);
    if without.0 < LONGEST {
        t.ignore(
            &without.1,
            "whoever goes on sending commands that look or change something is not ended, however long there was no transfer",
        );
    }
    let (shorter, longer) = match without.0 < idle.0 {
        true => (without, idle),
        false => (idle, without),
    };
    t.value(&shorter.1, "idletimeout", shorter.0.to_string());
    fine(&longer.1, "an idle session ends before", t);
    let (login, origin) = seconds(scope, "TimeoutLogin", 300, t);
    t.value(&origin, "logintimeout", login.to_string());
    let (stalled, origin) = seconds(scope, "TimeoutStalled", 3600, t);
    t.value(&origin, "datatimeout", stalled.to_string());
    if let Some(directive) = scope.pick("TimeoutSession", t) {
        match number(&directive) {
            Some(0) => t.nothing(&directive.origin, "no limit, as without it"),
            _ => t.refuse(
                &directive.origin,
                "a session may last as long as it is used",
                "remove it if you can do without it",
            ),
        }
    }
}

/// A count of at least 1; None for none.
fn count(scope: &Scope, key: &str, t: &mut Translation) -> Option<(u64, Origin)> {
    let directive = scope.pick(key, t)?;
    if directive.word(0).eq_ignore_ascii_case(b"none") {
        t.nothing(&directive.origin, "no limit, as without it");
        return None;
    }
    match number(&directive) {
        Some(number) if number > 0 => {
            if directive.words.len() > 1 && key != "MaxInstances" {
                t.ignore(
                    &directive.origin,
                    "the text clients are told is the server's own",
                );
            }
            Some((number, directive.origin))
        }
        _ => {
            refuse_value(&directive, "write a number from 1 on, or none", t);
            None
        }
    }
}

/// The smaller of two limits as a flag.
fn smaller(
    one: Option<(u64, Origin)>,
    other: Option<(u64, Origin)>,
    flag: &str,
    t: &mut Translation,
) -> bool {
    let mut both: Vec<(u64, Origin)> = one.into_iter().chain(other).collect();
    both.sort_by_key(|(number, _)| *number);
    let mut both = both.into_iter();
    let Some((number, origin)) = both.next() else {
        return false;
    };
    t.value(&origin, flag, number.to_string());
    for (_, origin) in both {
        t.nothing(&origin, "another setting allows fewer");
    }
    true
}

pub(super) fn clients(context: &mut Context<'_>, strangers: Option<&Scope>) {
    let (scope, t) = (context.scope, &mut *context.translation);
    let instances = count(scope, "MaxInstances", t);
    let clients = count(scope, "MaxClients", t);
    if !smaller(instances, clients, "maxclientsnumber", t) {
        t.ignore(
            &scope.unset("MaxInstances"),
            "ProFTPD has no limit then; this server takes 50 clients at once (-c)",
        );
    }
    let per_host = count(scope, "MaxClientsPerHost", t);
    let connections = count(scope, "MaxConnectionsPerHost", t);
    let common = per_host.as_ref().map(|(number, _)| *number);
    smaller(per_host, connections, "maxclientsperip", t);
    let per_user = count(scope, "MaxClientsPerUser", t);
    let of_strangers = strangers.and_then(|scope| count(scope, "MaxClients", t));
    let users = per_user.as_ref().map_or(0, |(number, _)| *number);
    if let Some((_, origin)) = of_strangers.as_ref().or(per_user.as_ref()) {
        let bounds = [of_strangers.as_ref(), per_user.as_ref()];
        let bounds = bounds.iter().flatten().map(|(number, _)| *number);
        let anonymous = bounds.min().unwrap_or(0);
        t.value(origin, "peruserlimits", format!("{users}:{anonymous}"));
        if let (Some(_), Some((_, origin))) = (&of_strangers, &per_user) {
            t.nothing(origin, "told with the limit of <Anonymous>");
        }
    }
    if let Some(inner) = strangers {
        for key in ["MaxClientsPerHost", "MaxConnectionsPerHost"] {
            if let Some((number, origin)) = count(inner, key, t) {
                match common {
                    Some(common) if common <= number => {
                        t.nothing(&origin, "the limit for everybody is no larger");
                    }
                    _ => t.refuse(
                        &origin,
                        "the limit of an address is the same for everybody",
                        "write it outside of <Anonymous>",
                    ),
                }
            }
        }
        if let Some((number, origin)) = count(inner, "MaxClientsPerUser", t) {
            match of_strangers {
                Some((clients, _)) if clients <= number => {
                    t.nothing(&origin, "MaxClients of the section is no larger");
                }
                _ => t.refuse(
                    &origin,
                    "anonymous clients are one user",
                    "write MaxClients in its place",
                ),
            }
        }
    }
    match count(scope, "MaxLoginAttempts", t) {
        Some((number, origin)) => t.value(&origin, "maxloginfailures", number.to_string()),
        None => {
            if let Some(directive) = scope.every("MaxLoginAttempts").first() {
                t.refuse(
                    &directive.origin,
                    "failed logins are always limited",
                    "write a number",
                );
            }
        }
    }
}

/// Rates of uploads and downloads in whole KiB, as TransferRate gives them.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct Rates {
    up: Option<u64>,
    down: Option<u64>,
}

fn rate_of(scope: &Scope, t: &mut Translation) -> Option<(Rates, Origin)> {
    let mut rates = Rates::default();
    let mut origin = None;
    for directive in scope.every("TransferRate") {
        if directive.words.len() > 2 {
            t.refuse(
                &directive.origin,
                "rates by user, group or class cannot be expressed",
                "remove the user, group or class",
            );
            continue;
        }
        let text = String::from_utf8_lossy(directive.word(1)).into_owned();
        let text = text.split(':').next().unwrap_or_default();
        let is_number = !text.is_empty()
            && text
                .bytes()
                .all(|byte| byte.is_ascii_digit() || byte == b'.');
        let whole = text.split('.').next().and_then(|whole| match whole {
            "" => Some(0),
            whole => whole.parse::<u64>().ok(),
        });
        let Some(rate) = whole.filter(|_| is_number) else {
            refuse_value(
                &directive,
                "write commands and a number of kilobytes a second",
                t,
            );
            continue;
        };
        let is_none = text.bytes().all(|byte| byte == b'0' || byte == b'.');
        if is_none {
            t.nothing(&directive.origin, "no limit, as without it");
            continue;
        }
        // Less than a kilobyte is still a limit.
        let rate = rate.max(1);
        let mut is_known = true;
        for verb in directive.word(0).split(|byte| *byte == b',') {
            let side = match verb.to_ascii_uppercase().as_slice() {
                b"RETR" => &mut rates.down,
                b"STOR" | b"APPE" | b"STOU" => &mut rates.up,
                _ => {
                    is_known = false;
                    continue;
                }
            };
            *side = Some(side.map_or(rate, |known: u64| known.min(rate)));
        }
        match is_known {
            true => {
                if let Some(before) = origin.replace(directive.origin.clone()) {
                    t.nothing(&before, "told with another line");
                }
            }
            false => refuse_value(&directive, "name APPE, RETR, STOR and STOU alone", t),
        }
    }
    origin.map(|origin| (rates, origin))
}

fn rate_text(rates: Rates) -> String {
    let text = |rate: Option<u64>| rate.map_or(String::new(), |rate| rate.to_string());
    format!("{}:{}", text(rates.up), text(rates.down))
}

pub(super) fn rates(context: &mut Context<'_>, strangers: Option<&Scope>, served: &Served) {
    let t = &mut *context.translation;
    let users = rate_of(context.scope, t);
    let anonymous = strangers.and_then(|scope| rate_of(scope, t));
    match (users, anonymous) {
        (Some((rates, origin)), None) => t.value(&origin, "userbandwidth", rate_text(rates)),
        (None, Some((rates, origin))) => t.value(&origin, "anonymousbandwidth", rate_text(rates)),
        (Some((users, first)), Some((rates, origin))) if users == rates || !served.users => {
            t.value(&origin, "userbandwidth", rate_text(rates));
            t.nothing(&first, "told with the rate of <Anonymous>");
        }
        (Some((users, first)), Some((_, origin))) => {
            t.value(&first, "userbandwidth", rate_text(users));
            t.refuse(
                &origin,
                "there is one rate for everybody, or one for anonymous clients alone",
                "write the same rate in both places, or none outside of <Anonymous>",
            );
        }
        (None, None) => {}
    }
}

/// Bans after failed logins.
pub(super) fn ban(context: &mut Context<'_>) {
    let (scope, t) = (context.scope, &mut *context.translation);
    let (on, engine) = scope.on("BanEngine", false, t);
    let events = scope.every("BanOnEvent");
    if !on {
        fine(&engine, "off, as without it", t);
        for event in events {
            t.nothing(&event.origin, "without effect, as BanEngine is not on");
        }
        return;
    }
    fine(&engine, "see BanOnEvent", t);
    let attempts = scope.every("MaxLoginAttempts");
    let attempts = attempts.first().and_then(number).unwrap_or(3);
    for event in events {
        let text = |at: usize| std::str::from_utf8(event.word(at)).unwrap_or_default();
        if !text(0).eq_ignore_ascii_case("MaxLoginAttempts") {
            t.refuse(
                &event.origin,
                "clients are banned for failed logins alone",
                "remove the line",
            );
            continue;
        }
        let parts = text(1).split_once('/').and_then(|(number, within)| {
            Some((number.parse::<u64>().ok()?, clock(within)?, clock(text(2))?))
        });
        match parts {
            Some(_) if t.has("ban") => t.refuse(
                &event.origin,
                "there is one rule for bans",
                "keep one of the lines",
            ),
            Some((number, within, length)) => {
                let failures = number.saturating_mul(attempts);
                t.value(
                    &event.origin,
                    "ban",
                    format!("{failures}/{within}/{length}"),
                );
            }
            None => refuse_value(&event, "write MaxLoginAttempts N/hh:mm:ss hh:mm:ss", t),
        }
    }
}

/// `hh:mm:ss` in seconds.
fn clock(text: &str) -> Option<u64> {
    let mut parts = text
        .split(':')
        .map(|part| part.parse::<u32>().ok().map(u64::from));
    let (hours, minutes, seconds) = (parts.next()??, parts.next()??, parts.next()??);
    match parts.next() {
        None => Some(hours * 3600 + minutes * 60 + seconds),
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_the_day_are_seconds() {
        assert_eq!(clock("01:00:01"), Some(3601));
        for text in ["", "1", "1:2", "1:2:3:4", "a:b:c"] {
            assert_eq!(clock(text), None, "{text}");
        }
    }
}
