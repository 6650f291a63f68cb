//! What may be done to files: who may write, with what bits files are made, what is denied and hidden, how fast.

use super::patterns::patterns;
use super::settings::Rules;
use super::who::Groups;

const READ_ONLY: &str = "without effect, as write_enable is NO";
const NO_ANONYMOUS: &str = "without effect, as nobody is held to the rules for anonymous";

/// What anonymous may write.
const UPLOADS: [&str; 3] = [
    "anon_upload_enable",
    "anon_mkdir_write_enable",
    "anon_other_write_enable",
];

const CHOWN: [&str; 3] = ["chown_uploads", "chown_username", "chown_upload_mode"];

pub(super) fn translate(rules: &mut Rules<'_>) {
    let groups = Groups::of(rules);
    let may_write = rules.yes("write_enable");
    if may_write {
        rules.nothing(
            "write_enable",
            "files may be changed, as far as other settings let them",
        );
    } else {
        rules.switch("write_enable", "readonly");
    }
    uploads(rules, groups, may_write);
    masks(rules, groups, may_write);
    changes(rules, groups, may_write);
    reading(rules, groups);
    commands(rules);
    names(rules);
    rates(rules, groups);
}

fn uploads(rules: &mut Rules<'_>, groups: Groups, may_write: bool) {
    let why = match (groups.has_anonymous_rules(), may_write) {
        (false, _) => NO_ANONYMOUS,
        (_, false) => READ_ONLY,
        (true, true) => return anonymous_uploads(rules),
    };
    rules.all_nothing(&UPLOADS, why);
    rules.all_nothing(&CHOWN, why);
}

fn anonymous_uploads(rules: &mut Rules<'_>) {
    let uploads = rules.yes("anon_upload_enable");
    match uploads {
        true => rules.switch("anon_upload_enable", "anonymousupload"),
        false => rules.switch("anon_upload_enable", "anonymouscantupload"),
    }
    match (rules.yes("anon_mkdir_write_enable"), uploads) {
        (true, true) => rules.switch("anon_mkdir_write_enable", "anonymouscancreatedirs"),
        (true, false) => rules.ignore(
            "anon_mkdir_write_enable",
            "anonymous makes directories only where it may upload (anon_upload_enable)",
        ),
        (false, _) => rules.nothing("anon_mkdir_write_enable", "anonymous makes no directories"),
    }
    if rules.yes("anon_other_write_enable") {
        rules.refuse(
            "anon_other_write_enable",
            "this server never lets anonymous overwrite, append, delete or rename",
            "set it to NO; virtual users may do so with virtual_use_local_privs=YES",
        );
    } else {
        rules.nothing(
            "anon_other_write_enable",
            "anonymous never overwrites, deletes or renames",
        );
    }
    chown_uploads(rules, uploads);
}

fn chown_uploads(rules: &mut Rules<'_>, uploads: bool) {
    if !rules.yes("chown_uploads") || !uploads {
        return rules.all_nothing(&CHOWN, "nothing that anonymous uploads is given away");
    }
    match rules.text("chown_username") {
        Some(mut owner) => {
            let mode = rules.number("chown_upload_mode") & 0o777;
            owner.extend_from_slice(format!(":{mode:o}").as_bytes());
            rules.give_text("chown_uploads", "chownuploads", &owner);
        }
        None => rules.refuse(
            "chown_uploads",
            "chown_username names nobody",
            "name a user",
        ),
    }
    rules.all_nothing(
        &["chown_username", "chown_upload_mode"],
        "it is for chown_uploads",
    );
}

/// The server takes bits from 0777 for files too, vsftpd from file_open_mode.
fn masks(rules: &mut Rules<'_>, groups: Groups, may_write: bool) {
    let keys = ["anon_umask", "local_umask", "file_open_mode"];
    if !may_write {
        return rules.all_nothing(&keys, READ_ONLY);
    }
    let missing = !rules.number("file_open_mode") & 0o777;
    let mask = |rules: &Rules<'_>, key: &str| {
        let umask = rules.number(key) & 0o777;
        format!("{:03o}:{umask:03o}", missing | umask)
    };
    let (anonymous, local) = (mask(rules, "anon_umask"), mask(rules, "local_umask"));
    match (groups.has_anonymous_rules(), groups.has_local_rules()) {
        (true, true) if anonymous != local => {
            rules.give("local_umask", "umask", local);
            rules.give("anon_umask", "anonymousumask", anonymous);
        }
        (_, true) => {
            rules.give("local_umask", "umask", local);
            rules.nothing("anon_umask", "the same as local_umask, or for nobody");
        }
        (_, false) => {
            rules.give("anon_umask", "umask", anonymous);
            rules.nothing("local_umask", "nobody is held to the rules for users");
        }
    }
    rules.nothing(
        "file_open_mode",
        "it is in the bits that -U takes from files",
    );
}

fn changes(rules: &mut Rules<'_>, groups: Groups, may_write: bool) {
    match (
        rules.yes("chmod_enable"),
        may_write && groups.has_local_rules(),
    ) {
        (false, true) => rules.switch("chmod_enable", "nochmod"),
        (false, false) => rules.nothing("chmod_enable", "nobody could"),
        (true, _) => rules.nothing(
            "chmod_enable",
            "users may change rights where they may write",
        ),
    }
    if !rules.yes("mdtm_write") && may_write && groups.has_local_rules() {
        rules.give("mdtm_write", "denycommands", "MFMT,SITE_UTIME");
    } else {
        rules.nothing(
            "mdtm_write",
            "only users who may write a file can set its time",
        );
    }
    match rules.yes("delete_failed_uploads") {
        true => rules.switch("delete_failed_uploads", "notruncate"),
        false => rules.nothing(
            "delete_failed_uploads",
            "what arrived of a broken upload stays",
        ),
    }
    match rules.yes("lock_upload_files") {
        true => rules.ignore(
            "lock_upload_files",
            "files are not locked; with -0 behind -- an upload shows only when it is whole",
        ),
        false => rules.nothing("lock_upload_files", "files are not locked"),
    }
}

fn reading(rules: &mut Rules<'_>, groups: Groups) {
    match (
        rules.yes("anon_world_readable_only"),
        groups.has_anonymous_rules(),
    ) {
        (true, true) => rules.switch("anon_world_readable_only", "worldreadableonly"),
        (true, false) => rules.nothing("anon_world_readable_only", NO_ANONYMOUS),
        (false, _) => rules.nothing("anon_world_readable_only", "the rights of the file decide"),
    }
    for (key, long) in [
        ("download_enable", "nodownload"),
        ("dirlist_enable", "nolist"),
    ] {
        match rules.yes(key) {
            true => rules.nothing(key, "as without it"),
            false => rules.switch(key, long),
        }
    }
}

/// Commands of the server that vsftpd does not have, beside those whose denial they would get around.
const BESIDE: &[(&[u8], &[&[u8]])] = &[
    (b"LIST", &[b"MLSD"]),
    (b"NLST", &[b"MLSD"]),
    (b"SIZE", &[b"MLSD", b"MLST"]),
    (b"MDTM", &[b"MFMT", b"MLSD", b"MLST", b"SITE_UTIME"]),
];

fn commands(rules: &mut Rules<'_>) {
    for (key, long) in [
        ("cmds_allowed", "allowcommands"),
        ("cmds_denied", "denycommands"),
    ] {
        let Some(text) = rules.text(key) else {
            rules.nothing(key, "no list");
            continue;
        };
        // vsftpd compares letter by letter, so that a blank or a lower letter makes a command that nobody can send.
        let mut verbs: Vec<&[u8]> = text.split(|byte| *byte == b',').collect();
        let is_verb = |verb: &&[u8]| !verb.is_empty() && verb.iter().all(u8::is_ascii_uppercase);
        if !verbs.iter().all(is_verb) {
            rules.refuse(
                key,
                "to vsftpd a command in it is none, as it has blanks, small letters or other signs",
                "write commands in capitals with commas and no blanks between them",
            );
            continue;
        }
        if key == "cmds_denied" {
            let more = BESIDE.iter().filter(|(verb, _)| verbs.contains(verb));
            let more: Vec<&[u8]> = more.flat_map(|(_, more)| more.iter().copied()).collect();
            for verb in more {
                if !verbs.contains(&verb) {
                    verbs.push(verb);
                }
            }
        }
        // What else SITE can do here has no part in what was allowed there.
        if key == "cmds_allowed" && verbs.contains(&b"SITE".as_slice()) {
            verbs.retain(|verb| *verb != b"SITE");
            verbs.extend([b"SITE_CHMOD".as_slice(), b"SITE_HELP"]);
        }
        rules.give_text(key, long, &verbs.join(&b','));
    }
}

fn names(rules: &mut Rules<'_>) {
    for (key, long) in [("deny_file", "denyfiles"), ("hide_file", "hidefiles")] {
        match rules.text(key).map(|text| patterns(&text)) {
            None => rules.nothing(key, "no pattern"),
            Some(Ok(patterns)) => {
                for pattern in patterns {
                    rules.give_text(key, long, &pattern);
                }
            }
            Some(Err(reason)) => rules.refuse(
                key,
                reason,
                "write names such as {*.mp3,.private}, and keep users in their homes with chroot_local_user=YES",
            ),
        }
    }
    for key in ["upload_file", "download_file"] {
        match rules.text(key) {
            None => rules.nothing(key, "no pattern"),
            Some(_) => rules.refuse(
                key,
                "the server can deny names, not all but some",
                "deny the others with deny_file, and remove it",
            ),
        }
    }
}

/// `-t` is for anonymous and `-T` for everybody; there is none for users alone. Users who are held to the rules for anonymous
/// are users to `-T`.
fn rates(rules: &mut Rules<'_>, groups: Groups) {
    let keys = ["anon_max_rate", "local_max_rate"];
    let of_users = match groups.guests_as_anonymous {
        true => keys[0],
        false => keys[1],
    };
    let anonymous = groups.anonymous.then(|| rules.number(keys[0]));
    let users = groups.local.then(|| rules.number(of_users));
    let slow = [(keys[0], anonymous), (of_users, users)];
    let slow = slow
        .iter()
        .find(|(_, rate)| rate.is_some_and(|rate| (1..1024).contains(&rate)));
    if let Some((key, _)) = slow {
        rules.refuse(
            key,
            "the server counts whole KiB a second",
            "set it to 1024 or more",
        );
        return rules.all_nothing(&keys, "see the other rate");
    }
    let (key, long, rate) = match (anonymous, users) {
        (Some(anonymous), Some(users)) if anonymous == users => (of_users, "userbandwidth", users),
        (Some(_), Some(users)) if users > 0 => {
            rules.refuse(
                "local_max_rate",
                "there is a limit for anonymous and one for everybody, none for users alone",
                "set anon_max_rate and local_max_rate to the same value, or local_max_rate to 0",
            );
            return rules.nothing("anon_max_rate", "see local_max_rate");
        }
        (Some(anonymous), _) => (keys[0], "anonymousbandwidth", anonymous),
        (None, Some(users)) => (of_users, "userbandwidth", users),
        (None, None) => (keys[0], "", 0),
    };
    if rate > 0 {
        rules.give(key, long, (rate / 1024).to_string());
    }
    let others: Vec<&str> = keys
        .into_iter()
        .filter(|other| rate == 0 || *other != key)
        .collect();
    rules.all_nothing(&others, "no limit, the same one, or for nobody");
}
