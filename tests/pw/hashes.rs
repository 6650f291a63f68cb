//! Password hashes beside the libraries of Debian that Pure-FTPd uses: libcrypt and libsodium, called by Python.

use crate::tool::run;
use std::process::Command;
use wharf::keeper::hashes::{Cost, Verdict, dummy_like, hash_new, verify};

/// Prints a hash a line, of the passwords it is given as hexadecimal words: each method of libcrypt, then both of libsodium.
const MAKE: &str = r"
import ctypes, os, sys
crypt = ctypes.CDLL('libcrypt.so.1').crypt
crypt.restype = ctypes.c_char_p
sodium = ctypes.CDLL('libsodium.so.23')
sodium.sodium_init()
size, number = ctypes.c_size_t, ctypes.c_ulonglong
for word in sys.argv[1:]:
    password = bytes.fromhex(word)
    salt = os.urandom(8).hex().encode()
    for setting in [b'$y$j75$', b'$y$j8T$', b'$gy$j75$', b'$6$', b'$6$rounds=1000$', b'$5$', b'$5$rounds=7777$', b'$1$', b'$sha1$1500$', b'$md5$', b'$7$86..../....', b'']:
        print(word, crypt(password, setting + salt[:8]).decode())
    for kind in b'aby':
        print(word, crypt(password, b'$2%c$05$' % kind + salt + b'abcde.').decode())
    out = ctypes.create_string_buffer(128)
    sodium.crypto_pwhash_scryptsalsa208sha256_str(out, password, number(len(password)), number(32768), size(16777216))
    print(word, out.value.decode())
    for algorithm, passes in [(1, 3), (2, 1)]:
        sodium.crypto_pwhash_str_alg(out, password, number(len(password)), number(passes), size(8192 * 128), algorithm)
        print(word, out.value.decode())
";

/// Whether libsodium verifies a hash: of a password in hexadecimal, the hash.
const CHECK: &str = r"
import ctypes, sys
sodium = ctypes.CDLL('libsodium.so.23')
sodium.sodium_init()
password = bytes.fromhex(sys.argv[1])
out = ctypes.create_string_buffer(sys.argv[2].encode(), 128)
sys.exit(sodium.crypto_pwhash_str_verify(out, password, ctypes.c_ulonglong(len(password))) & 1)
";

/// Runs a script, unless the libraries are missing, which with `CI` set is a failure.
fn python(script: &str, words: &[String]) -> Option<String> {
    let libraries = "import ctypes; ctypes.CDLL('libcrypt.so.1'); ctypes.CDLL('libsodium.so.23')";
    let there = Command::new("python3").args(["-c", libraries]).output();
    if !there.is_ok_and(|output| output.status.success()) {
        assert!(
            std::env::var_os("CI").is_none(),
            "python3 or libsodium23 is not installed, and CI is set"
        );
        eprintln!("skipped: python3, libcrypt or libsodium23 is not installed");
        return None;
    }
    let output = run(Command::new("python3").args(["-c", script]).args(words), "");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    Some(String::from_utf8(output.stdout).expect("text"))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex
        .chars()
        .filter_map(|c| c.to_digit(16))
        .map(|digit| digit as u8)
        .collect();
    digits
        .chunks(2)
        .map(|pair| pair[0] << 4 | pair[1])
        .collect()
}

#[test]
fn hashes_of_libcrypt_and_libsodium_match_their_password_only() {
    let long = vec![b'l'; 100];
    let passwords: Vec<String> = [
        &b"a"[..],
        b"pass word",
        "pass \u{fc}\u{20ac}".as_bytes(),
        b"\xff\x80\x01",
        &long,
    ]
    .map(hex)
    .into();
    let Some(made) = python(MAKE, &passwords) else {
        return;
    };
    assert_eq!(made.lines().count(), passwords.len() * 18);
    for line in made.lines() {
        let (word, hash) = line.split_once(' ').expect("two words");
        let password = bytes(word);
        let verdict = verify(hash.as_bytes(), &password);
        if cfg!(feature = "libcrypt") || !matches!(verdict, Verdict::Refused(_)) {
            assert_eq!(verdict, Verdict::Match, "{line}");
        }
        let mut other = password.clone();
        other[0] ^= 1;
        assert_ne!(verify(hash.as_bytes(), &other), Verdict::Match, "{line}");
        assert_ne!(
            verify(&dummy_like(Some(hash.as_bytes())), &password),
            Verdict::Match,
            "{line}"
        );
    }
}

#[test]
fn new_hashes_are_verified_by_libsodium() {
    for password in ["a", "pass \u{fc}"] {
        let hash = hash_new(password.as_bytes(), Cost::new(8192, 5)).expect("a hash");
        let words = [hex(password.as_bytes()), hash.clone()];
        if python(CHECK, &words).is_none() {
            return;
        }
        let wrong = [hex(b"wrong"), hash];
        let output = run(Command::new("python3").args(["-c", CHECK]).args(&wrong), "");
        assert_eq!(output.status.code(), Some(1));
    }
}
