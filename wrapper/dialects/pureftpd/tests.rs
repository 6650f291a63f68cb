//! Texts of files and what they become.

use std::path::Path;

use super::super::{Dialect, translate_bytes};
use super::meaning::name_pam_service;
use super::{OWN, SCRIPT};
use crate::wrapper::translation::{Origin, Translation, has_source};

fn flags(dialect: &Dialect, text: &str) -> String {
    let translation = translate_bytes(dialect, text.as_bytes());
    let words = translation.words(&[]);
    let words: Vec<_> = words.iter().map(|word| word.to_string_lossy()).collect();
    match translation.refusals().as_slice() {
        [] => words.join(" "),
        refused => refused.join("\n"),
    }
}

fn own(text: &str) -> String {
    flags(&OWN, &format!("AnonymousOnly yes\n{text}"))
        .trim_start_matches("-e")
        .trim()
        .to_owned()
}

fn script(text: &str) -> String {
    flags(&SCRIPT, &format!("AnonymousOnly yes\n{text}"))
        .trim_start_matches("-e")
        .trim()
        .to_owned()
}

#[test]
fn names_have_any_case_and_values_stand_behind_blanks_or_a_sign() {
    for line in [
        "MaxClientsNumber 5",
        "maxclientsnumber=5",
        "  MAXCLIENTSNUMBER : 5  ",
        "MaxClientsNumber\t5\r",
    ] {
        assert_eq!(own(line), "-c 5", "{line}");
    }
    for line in [
        "MaxClientsNumber",
        "MaxClientsNumber ==5",
        "MaxClientsNumber 5 # x",
        "MaxClientsNumber5",
    ] {
        assert!(own(line).contains("file:2: "), "{line}: {}", own(line));
    }
}

#[test]
fn a_later_no_does_not_undo_an_earlier_yes() {
    assert_eq!(own("NoChmod yes\nNoChmod no"), "-R");
    assert_eq!(own("AntiWarez yes\nAntiWarez no"), "-s");
    assert_eq!(own("AntiWarez no"), "--anonymousreadown");
    assert_eq!(own("VerboseLog on\nVerboseLog 1"), "-d -d");
}

#[test]
fn pairs_have_the_form_of_their_directive() {
    assert_eq!(own("PassivePortRange 30000  50000"), "-p 30000:50000");
    assert_eq!(own("Umask 133:022"), "-U 133:022");
    assert_eq!(own("UserBandwidth 8"), "-T 8");
    assert_eq!(own("UserBandwidth 8 16"), "-T 8:16");
    assert!(own("PassivePortRange 30000:50000").contains("with a blank between"));
    assert!(own("Umask 133 022").contains("with a colon between"));
    assert!(own("Umask 133:").contains("with a colon between"));
    assert!(own("MaxLoad 4.5").contains("whole number"));
    assert!(own("Umask 999:022").contains("octal"));
}

#[test]
fn unknown_directives_are_refused_with_the_nearest_known_one() {
    let said = own("ChrootEveryon yes");
    assert_eq!(
        said,
        "file:2: ChrootEveryon: unknown setting; did you mean ChrootEveryone?"
    );
}

#[test]
fn of_repeated_addresses_those_count_that_pure_ftpd_takes() {
    assert_eq!(
        own("ForcePassiveIP 192.0.2.1\nForcePassiveIP 192.0.2.2"),
        "-P 192.0.2.1"
    );
    assert_eq!(
        own("Bind 127.0.0.1,21\nBind 127.0.0.2,2121"),
        "-S 127.0.0.1,2121"
    );
    assert_eq!(
        own("AltLog clf:/a\nAltLog stats:/b\nAltLog w3c:/c"),
        "-O w3c:/a"
    );
    assert_eq!(
        own("Bind ,2121\nBind 127.0.0.1,\nBind 127.0.0.2,"),
        "-S 127.0.0.1,2121"
    );
    assert_eq!(own("AnonymousRatio 1 10\nUserRatio 1 5"), "-Q 1:5");
    assert_eq!(own("UserRatio 1 5\nAnonymousRatio 1 10"), "-Q 1:10");
}

#[test]
fn without_tls_its_ciphers_and_certificates_say_nothing() {
    assert_eq!(own("TLSCipherSuite HIGH\nCertFile /etc/x.pem"), "");
    assert_eq!(own("TLSCipherSuite HIGH\nTLS 0"), "-Y 0");
}

#[test]
fn without_a_method_accounts_are_those_of_the_system() {
    let expected = if has_source("pam") {
        "-l pam"
    } else {
        "-l unix"
    };
    assert_eq!(
        flags(&OWN, "MaxClientsNumber 5"),
        format!("-c 5 {expected}")
    );
    assert_eq!(flags(&OWN, "PureDB /etc/a b.pdb"), "-l puredb:/etc/a b.pdb");
    assert!(flags(&OWN, "LDAPConfigFile /etc/x").contains("knows no accounts of ldap"));
}

#[test]
fn pam_is_asked_by_the_service_that_has_rules() {
    let named = |source: &str, services: &[&str]| {
        let mut translation = Translation::default();
        translation.source(&Origin::file(&Path::new("file").into()), source, None);
        name_pam_service(|name| services.contains(&name), &mut translation);
        let words = translation.words(&[]);
        let words: Vec<_> = words.iter().map(|word| word.to_string_lossy()).collect();
        words.join(" ")
    };
    if !has_source("pam") {
        return assert_eq!(named("pam", &["pure-ftpd"]), "");
    }
    assert_eq!(
        named("pam", &["pure-ftpd"]),
        "-l pam --pamservice pure-ftpd"
    );
    assert_eq!(named("pam", &["pure-ftpd", "wharf-ftpd"]), "-l pam");
    assert_eq!(named("pam", &["other"]), "-l pam");
    assert_eq!(named("unix", &["pure-ftpd"]), "-l unix");
}

#[test]
fn the_script_took_yes_alone_found_directives_anywhere_and_cut_the_rest() {
    assert_eq!(script("ChrootEveryone on"), "");
    assert_eq!(script("Disabled-NoChmod yes"), "-R");
    assert_eq!(script("MaxLoad 4.5"), "-m 4");
    assert_eq!(script("NoChmod yesterday # x"), "-R");
    assert_eq!(script("Umask 133:022"), "-U 133:022");
    assert_eq!(script("UserBandwidth 8:16"), "-T 8:16");
    assert_eq!(script("LimitRecursion 10000 8"), "-L 10000:8");
    assert!(script("Includ x").contains("unknown setting"));
    assert_eq!(flags(&SCRIPT, "PureDB /etc/a b.pdb"), "-l puredb:/etc/a");
}
