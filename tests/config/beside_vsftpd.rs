//! vsftpd and ours, started from the same file one after the other on the same tree, are asked the same things. The answers
//! must be the same, but for what stands in [`EXCUSED`].
//!
//! `WHARF_VSFTPD` names the folder that Debian's package is unpacked in and not installed (`.ci/test` sets it); without it
//! or without root the comparison is skipped.

use std::fs;
use std::path::{Path, PathBuf};

use wharf::flags::definition;
use wharf::wrapper::translation::has_source;

use crate::questions::{
    Comparison, Configuration, Excuse, assert_taken, compare_all, free_address, lay_out, package,
};
use crate::support::{PROGRAM, folder, run, write};

/// The files. `PLACE` stands for the folder of the test.
const FILES: &[Configuration] = &[
    (
        "an archive for anybody",
        "anonymous_enable=YES\nanon_world_readable_only=NO\n",
        &["anonymous", "alice"],
    ),
    (
        "an archive of what others may read",
        "anonymous_enable=YES\nanon_root=PLACE/srv\n",
        &["anonymous"],
    ),
    (
        "a drop box",
        "write_enable=YES\nanon_upload_enable=YES\nanon_mkdir_write_enable=YES\nanon_umask=022\nanon_world_readable_only=NO\n",
        &["anonymous"],
    ),
    (
        "a drop box whose files are given away",
        "write_enable=YES\nanon_upload_enable=YES\nanon_world_readable_only=NO\nchown_uploads=YES\nchown_username=bob\n",
        &["anonymous"],
    ),
    (
        "users who only read",
        "anonymous_enable=NO\nlocal_enable=YES\n",
        &["anonymous", "alice", "nobody-of-that-name"],
    ),
    (
        "users who write",
        "anonymous_enable=NO\nlocal_enable=YES\nwrite_enable=YES\n",
        &["alice"],
    ),
    (
        "users who write what others may read, and change no rights",
        "anonymous_enable=NO\nlocal_enable=YES\nwrite_enable=YES\nlocal_umask=022\nchmod_enable=NO\n",
        &["alice"],
    ),
    (
        "users kept in their homes",
        "anonymous_enable=NO\nlocal_enable=YES\nwrite_enable=YES\nchroot_local_user=YES\nallow_writeable_chroot=YES\n\
         local_umask=027\nfile_open_mode=0777\n",
        &["alice", "bob"],
    ),
    (
        "users kept in homes they can write",
        "anonymous_enable=NO\nlocal_enable=YES\nwrite_enable=YES\nchroot_local_user=YES\n",
        &["alice"],
    ),
    (
        "users named in a list stay out",
        "local_enable=YES\nanon_world_readable_only=NO\nuserlist_enable=YES\nuserlist_file=PLACE/list\n",
        &["anonymous", "alice", "bob"],
    ),
    (
        "nobody but the users named in a list",
        "local_enable=YES\nanon_world_readable_only=NO\nuserlist_enable=YES\nuserlist_deny=NO\nuserlist_file=PLACE/list\n",
        &["anonymous", "alice", "bob"],
    ),
    (
        "names that are denied and names that are hidden",
        "anonymous_enable=NO\nlocal_enable=YES\nwrite_enable=YES\ndeny_file={*.key,closed*}\nhide_file={open,.d*}\n",
        &["alice"],
    ),
    (
        "dot files shown without being asked for",
        "anonymous_enable=NO\nlocal_enable=YES\nforce_dot_files=YES\nhide_ids=YES\n",
        &["alice"],
    ),
    (
        "anonymous and users side by side",
        "local_enable=YES\nanon_world_readable_only=NO\nwrite_enable=YES\nlocal_umask=077\nanon_umask=077\n",
        &["anonymous", "alice"],
    ),
    (
        "users kept in by a list",
        "anonymous_enable=NO\nlocal_enable=YES\nwrite_enable=YES\nchroot_list_enable=YES\nchroot_list_file=PLACE/list\n\
         allow_writeable_chroot=YES\n",
        &["alice", "bob"],
    ),
    (
        "users kept in but for a list",
        "anonymous_enable=NO\nlocal_enable=YES\nchroot_local_user=YES\nchroot_list_enable=YES\nchroot_list_file=PLACE/list\n\
         allow_writeable_chroot=YES\n",
        &["alice", "bob"],
    ),
    (
        "commands that are denied",
        "anonymous_enable=NO\nlocal_enable=YES\nwrite_enable=YES\ncmds_denied=DELE,LIST\n",
        &["alice"],
    ),
    (
        "no downloads and no listings",
        "anonymous_enable=NO\nlocal_enable=YES\nwrite_enable=YES\ndownload_enable=NO\ndirlist_enable=NO\n",
        &["alice"],
    ),
    (
        "one directory for all users",
        "anonymous_enable=NO\nlocal_enable=YES\nchroot_local_user=YES\nallow_writeable_chroot=YES\nlocal_root=PLACE/srv\n",
        &["alice"],
    ),
    (
        "a directory for each user by a token",
        "anonymous_enable=NO\nlocal_enable=YES\nchroot_local_user=YES\nallow_writeable_chroot=YES\n\
         user_sub_token=@@\nlocal_root=PLACE/home/@@\n",
        &["alice"],
    ),
    (
        "virtual users",
        "anonymous_enable=NO\nlocal_enable=YES\nwrite_enable=YES\nguest_enable=YES\nguest_username=virtual\n\
         anon_upload_enable=YES\nallow_writeable_chroot=YES\n",
        &["alice"],
    ),
    (
        "virtual users with the rights of users",
        "anonymous_enable=NO\nlocal_enable=YES\nwrite_enable=YES\nguest_enable=YES\nguest_username=virtual\n\
         virtual_use_local_privs=YES\n",
        &["alice"],
    ),
    (
        "a user who writes where others read",
        "local_enable=YES\nanon_world_readable_only=NO\nuser_config_dir=PLACE/giving\n",
        &["anonymous", "alice", "bob"],
    ),
    (
        "a user who reads where others write",
        "anonymous_enable=NO\nlocal_enable=YES\nwrite_enable=YES\nuser_config_dir=PLACE/taking\n",
        &["alice", "bob"],
    ),
    (
        "anonymous and a user with less than the file gives",
        "local_enable=YES\nanon_world_readable_only=NO\nwrite_enable=YES\nanon_upload_enable=YES\nuser_config_dir=PLACE/less\n",
        &["anonymous", "alice", "bob"],
    ),
    (
        "virtual users of whom one may upload",
        "anonymous_enable=NO\nlocal_enable=YES\nwrite_enable=YES\nguest_enable=YES\nguest_username=virtual\n\
         allow_writeable_chroot=YES\nuser_config_dir=PLACE/uploading\n",
        &["alice", "bob"],
    ),
    (
        "different bits for anonymous and for users",
        "local_enable=YES\nwrite_enable=YES\nanon_upload_enable=YES\nanon_umask=077\nlocal_umask=022\n\
         anon_world_readable_only=NO\n",
        &["anonymous", "alice"],
    ),
];

/// Files of user_config_dir, in folders of the place.
const USERS: &[(&str, &str)] = &[
    ("giving/alice", "write_enable=YES\nlocal_umask=022\n"),
    (
        "taking/alice",
        "write_enable=NO\nhide_file={open}\nforce_dot_files=YES\n",
    ),
    ("less/ftp", "anon_upload_enable=NO\ndirlist_enable=NO\n"),
    (
        "less/alice",
        "chmod_enable=NO\ncmds_denied=DELE\ndownload_enable=NO\nlocal_root=PLACE/srv\nlocal_enable=NO\n",
    ),
    (
        "uploading/alice",
        "anon_upload_enable=YES\nanon_umask=022\n",
    ),
];

/// Where the answers may part, and why.
const EXCUSED: &[Excuse] = &[
    // Anonymous stores no names that begin with a dot.
    ("", "anonymous: store .new", "yes", "no"),
    ("virtual users", "alice: store .new", "yes", "no"),
    // What may not be used is not listed either.
    ("names that are denied", "alice: list", "yes", "no"),
    // NLST tells all names, as Pure-FTPd's does; LIST -a shows them in both.
    ("", "anonymous: list names .dot", "no", "yes"),
    ("", "alice: list names .dot", "no", "yes"),
    ("", "bob: list names .dot", "no", "yes"),
];

/// PAM as vsftpd asks it, where ours can ask it by the same service.
fn method() -> &'static [&'static str] {
    let definition = definition();
    let mut flags = definition.get_arguments();
    let has_service = flags.any(|flag| flag.get_long() == Some("pamservice"));
    match has_source("pam") && has_service {
        true => &[],
        false => &["--login", "unix"],
    }
}

/// Writes these lines to a file of this name.
fn written(place: &Path, name: &str, lines: &str) -> String {
    let place_name = place.display();
    let common = format!("secure_chroot_dir={place_name}/empty\nseccomp_sandbox=NO\n");
    let lines = lines.replace("PLACE", &place_name.to_string());
    write(place, name, &format!("{common}{lines}"))
        .display()
        .to_string()
}

/// Where ours, started from the second file, differs from vsftpd, started from the first.
fn compared(
    place: &Path,
    program: &str,
    (name, theirs, users): &Configuration,
    ours: &str,
) -> Vec<String> {
    let (theirs, ours) = (
        written(place, "a.conf", theirs),
        written(place, "b.conf", ours),
    );
    lay_out(place);
    for (name, lines) in USERS {
        write(
            place,
            name,
            &lines.replace("PLACE", &place.display().to_string()),
        );
    }
    assert_taken(place, &[method(), &["--printlines", "b.conf"]].concat());
    let address = free_address();
    let port = format!("-olisten_port={}", address.port());
    let listen = [port.as_str(), "-olisten=YES", "-olisten_address=127.0.0.1"];
    let comparison = Comparison {
        name,
        address,
        theirs: &[&[program, &theirs], &listen[..]].concat(),
        ours: &[&[PROGRAM], method(), &[&ours], &listen[..]].concat(),
        users,
        prepare: lay_out,
        excused: EXCUSED,
    };
    comparison.differences(place)
}

fn program(package: &Path) -> String {
    package.join("usr/sbin/vsftpd").display().to_string()
}

fn theirs() -> Option<PathBuf> {
    package("WHARF_VSFTPD")
}

#[test]
fn what_vsftpd_allows_from_a_file_is_what_ours_allows_from_it() {
    let Some(package) = theirs() else {
        return;
    };
    let program = program(&package);
    let wrong = compare_all(FILES, |place, file| compared(place, &program, file, file.1));
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// What ours is started from instead of the file, and a question that then has another answer. Each time one flag is left
/// out.
const LOOSER: &[(Configuration, &str, &str)] = &[
    (
        (
            "without --userflags",
            "local_enable=YES\nanonymous_enable=NO\nwrite_enable=YES\nuser_config_dir=PLACE/taking\n",
            &["alice"],
        ),
        "local_enable=YES\nanonymous_enable=NO\nwrite_enable=YES\n",
        "alice: store new: theirs no, ours yes",
    ),
    (
        (
            "without --readonly",
            "local_enable=YES\nanonymous_enable=NO\n",
            &["alice"],
        ),
        "local_enable=YES\nanonymous_enable=NO\nwrite_enable=YES\n",
        "alice: store new: theirs no, ours yes",
    ),
    (
        (
            "without -A",
            "local_enable=YES\nanonymous_enable=NO\nchroot_local_user=YES\nallow_writeable_chroot=YES\n",
            &["alice"],
        ),
        "local_enable=YES\nanonymous_enable=NO\n",
        "alice: leave the root by /etc/passwd: theirs no, ours yes",
    ),
    (
        (
            "without --userlist",
            "local_enable=YES\nanonymous_enable=NO\nuserlist_enable=YES\nuserlist_deny=NO\nuserlist_file=PLACE/list\n",
            &["alice"],
        ),
        "local_enable=YES\nanonymous_enable=NO\n",
        "alice: log in: theirs no, ours yes",
    ),
];

#[test]
fn a_looser_server_is_told_from_vsftpd() {
    let Some(package) = theirs() else {
        return;
    };
    let program = program(&package);
    for (file, looser, expected) in LOOSER {
        let place = folder();
        let found = compared(place.path(), &program, file, looser);
        assert!(
            found.contains(&format!("{}: {expected}", file.0)),
            "{found:?}"
        );
        let same = compared(place.path(), &program, file, file.1);
        assert!(same.is_empty(), "{same:?}");
    }
}

/// Flags, one a line, of a file of the package in a folder of our own; the error text when it is refused.
fn flags_of(package: &Path, file: &str) -> Result<Vec<String>, String> {
    let ground = folder();
    let text = fs::read_to_string(package.join(file)).expect(file);
    write(ground.path(), "a.conf", &text);
    let said = run(
        ground.path(),
        &["--login", "puredb:/etc/x.pdb", "--printlines", "a.conf"],
    );
    if said.status != 0 {
        return Err(said.err);
    }
    let lines = said.out.lines();
    Ok(lines
        .map(|line| line.split('\t').next().unwrap_or(line).to_owned())
        .collect())
}

#[test]
fn the_files_of_debians_package_become_what_they_mean() {
    let Some(package) = theirs() else {
        return;
    };
    let flags = flags_of(&package, "etc/vsftpd.conf").expect("flags");
    let expected = [
        "-E",
        "-l puredb:/etc/x.pdb",
        "--readonly",
        "-S 21",
        "-c 2000",
        "-C 50",
        "--idletimeout 300",
        "--datatimeout 300",
        "--accepttimeout 60",
        "--activeport 20",
        "-L 10000:1",
    ];
    assert_eq!(flags, expected);
    // Debian changed the examples so that they serve nobody.
    for name in ["INTERNET_SITE", "INTERNET_SITE_NOINETD"] {
        let file = format!("usr/share/doc/vsftpd/examples/{name}/vsftpd.conf");
        let said = flags_of(&package, &file).expect_err("nobody may log in");
        assert!(said.contains("vsftpd turns everybody away"), "{said}");
    }
    let file = "usr/share/doc/vsftpd/examples/VIRTUAL_USERS/vsftpd.conf";
    let flags = flags_of(&package, file).expect("flags");
    for flag in [
        "--mapusers virtual",
        "--mapusersasanonymous",
        "-A",
        "-S 10021",
        "--refusewritableroot",
    ] {
        assert!(flags.iter().any(|given| given == flag), "{flag}: {flags:?}");
    }
}
