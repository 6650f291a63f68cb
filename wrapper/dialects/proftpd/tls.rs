//! When encryption is asked for, and with what.

use super::combine::Context;
use super::scope::{Scope, fine, is_told};
use super::sections::Directive;
use crate::wrapper::dialects::os;
use crate::wrapper::translation::Translation;

pub(super) fn translate(context: &mut Context<'_>) {
    let (scope, t) = (context.scope, &mut *context.translation);
    let (on, engine) = scope.on("TLSEngine", false, t);
    let keys: Vec<Directive> = scope
        .all()
        .filter(|directive| directive.key.starts_with("TLS") && directive.key != "TLSEngine")
        .cloned()
        .collect();
    if !on {
        fine(&engine, "off, as without it", t);
        for directive in keys {
            if !is_told(&directive.origin, t) {
                t.nothing(&directive.origin, "without effect, as TLSEngine is not on");
            }
        }
        return;
    }
    let required = scope.pick("TLSRequired", t);
    let text = required
        .as_ref()
        .map(|required| String::from_utf8_lossy(&required.text()).to_ascii_lowercase());
    let level = match text.as_deref() {
        None | Some("off" | "no" | "false" | "0") => Some("1"),
        Some("ctrl" | "auth" | "ctrl+!data" | "auth+!data") => Some("2"),
        Some("on" | "yes" | "true" | "1" | "auth+data" | "ctrl+data" | "both") => Some("3"),
        Some(_) => None,
    };
    let origin = required
        .as_ref()
        .map_or(&engine, |required| &required.origin);
    match (level, &required) {
        (Some(level), _) => {
            t.value(origin, "tls", level);
            if required.is_some() {
                t.nothing(&engine, "told with TLSRequired");
            }
        }
        (None, _) => t.refuse(
            origin,
            "encryption of data alone cannot be asked for",
            "write off, ctrl or on",
        ),
    }
    clients(scope, level, t);
    for (cert, key) in [
        ("TLSRSACertificateFile", "TLSRSACertificateKeyFile"),
        ("TLSECCertificateFile", "TLSECCertificateKeyFile"),
    ] {
        let Some(cert) = scope.pick(cert, t) else {
            continue;
        };
        let value = match scope.pick(key, t) {
            None => cert.word(0).to_vec(),
            Some(key) => {
                t.nothing(&key.origin, "told with the certificate");
                [cert.word(0), b",", key.word(0)].concat()
            }
        };
        t.value(&cert.origin, "certfile", os(&value));
    }
    if let Some(directive) = scope.pick("TLSCipherSuite", t) {
        t.value(&directive.origin, "tlsciphersuite", os(directive.word(0)));
    }
    let options = keys
        .iter()
        .filter(|directive| directive.key == "TLSOptions");
    let words = |directive: &Directive| directive.words.clone();
    let options: Vec<_> = options.flat_map(words).collect();
    let has = |option: &str| {
        let mut words = options.iter();
        words.any(|word| word.eq_ignore_ascii_case(option.as_bytes()))
    };
    if !has("NoSessionReuseRequired") {
        t.switch(&engine, "requiretlsreuse");
    }
    if has("UseImplicitSSL") {
        t.switch(&engine, "implicittls");
    }
    for directive in &keys {
        tls_detail(directive, t);
    }
}

/// Certificates of clients, of those who use TLS at `level`.
fn clients(scope: &Scope, level: Option<&str>, t: &mut Translation) {
    let verify = scope.pick("TLSVerifyClient", t);
    let authorities = scope.pick("TLSCACertificateFile", t);
    let lists = scope.pick("TLSCARevocationFile", t);
    let when = verify.as_ref().map(|verify| match verify.on() {
        Some(true) => "required",
        Some(false) => "off",
        None if verify.word(0).eq_ignore_ascii_case(b"optional") => "optional",
        None => "",
    });
    let refusal = match (when, &authorities) {
        (None | Some("off"), _) => {
            for directive in [verify, authorities, lists].into_iter().flatten() {
                t.nothing(&directive.origin, "clients are not asked for certificates");
            }
            return;
        }
        (Some(""), _) => Some((
            "it is neither on, off nor optional",
            "write TLSVerifyClient on, off or optional",
        )),
        (_, None) => Some((
            "nothing says who vouches for clients",
            "name them with TLSCACertificateFile",
        )),
        (Some("required"), _) if level == Some("1") => Some((
            "clients without TLS would show no certificate",
            "write TLSRequired on, or TLSVerifyClient optional",
        )),
        _ => None,
    };
    let verify = verify.map(|verify| verify.origin);
    match (&verify, refusal, when) {
        (Some(verify), Some((reason, cure)), _) => t.refuse(verify, reason, cure),
        (Some(verify), None, Some(when)) => t.value(verify, "tlsclientcert", when),
        _ => {}
    }
    for (directive, long) in [(authorities, "tlsclientca"), (lists, "tlscrl")] {
        if let Some(directive) = directive {
            match refusal {
                None => t.value(&directive.origin, long, os(directive.word(0))),
                Some(_) => t.nothing(&directive.origin, "see TLSVerifyClient"),
            }
        }
    }
}

/// Those of TLSOptions that are told or hold anyway.
const OPTIONS: [&str; 4] = [
    "NoSessionReuseRequired",
    "UseImplicitSSL",
    "NoCertRequest",
    "EnableDiags",
];

fn tls_detail(directive: &Directive, t: &mut Translation) {
    let all = |known: &[&str]| {
        directive.words.iter().all(|word| {
            known
                .iter()
                .any(|known| word.eq_ignore_ascii_case(known.as_bytes()))
        })
    };
    let origin = &directive.origin;
    match directive.key {
        "TLSLog" => t.ignore(
            origin,
            "what is logged, and where, is chosen by -f, -d and -O",
        ),
        "TLSSessionCache" | "TLSSessionTickets" => {
            t.ignore(origin, "tuning that is the server's own")
        }
        "TLSRenegotiate" => t.nothing(origin, "sessions are never renegotiated"),
        "TLSServerCipherPreference" => t.nothing(origin, "the server's own order counts"),
        "TLSOptions" => match all(&OPTIONS) {
            true => t.nothing(origin, "told with TLSEngine, or as without it"),
            false => t.refuse(
                origin,
                "there is no such option",
                "keep NoSessionReuseRequired, UseImplicitSSL, NoCertRequest and EnableDiags alone",
            ),
        },
        "TLSProtocol" if all(&["TLSv1.3"]) => t.value(origin, "tlsminversion", "1.3"),
        "TLSProtocol" => match all(&["TLSv1.2", "TLSv1.3"]) && directive.words.len() == 2 {
            true => t.nothing(origin, "both versions are spoken, and no others"),
            false => t.refuse(
                origin,
                "TLS 1.2 and 1.3 are spoken, and no others",
                "write TLSv1.2 TLSv1.3, or TLSv1.3 alone",
            ),
        },
        _ => {}
    }
}
