//! Flags that vsftpd's options need and this server may not have yet: what an administrator can do until it has them.
//!
//! Whether it has one is looked up, so nothing here has to change when it comes.

use std::sync::OnceLock;

use crate::flags::definition;

/// The flags, and what to do without each.
const COMING: &[(&str, &str)] = &[
    (
        "worldreadableonly",
        "set anon_world_readable_only=NO if anonymous may fetch whatever the user of ftp_username can read",
    ),
    (
        "allowcommands",
        "remove cmds_allowed if write_enable, download_enable and the like say enough",
    ),
    (
        "denycommands",
        "remove cmds_denied and mdtm_write if write_enable, download_enable and the like say enough",
    ),
    (
        "anonymousumask",
        "set anon_umask and local_umask to the same value",
    ),
    (
        "nodownload",
        "take the right to read from the files, and remove download_enable",
    ),
    (
        "nolist",
        "take the right to read from the directories, and remove dirlist_enable",
    ),
    (
        "chrootlist",
        "set chroot_local_user=YES and chroot_list_enable=NO to keep everybody in",
    ),
    (
        "nochrootlist",
        "set chroot_list_enable=NO to keep everybody in, or put those who are free into a group of their own and give -a GID \
         behind --",
    ),
    (
        "userroot",
        "make the directory the home of the users, and remove local_root and user_sub_token",
    ),
    (
        "mapusers",
        "give each virtual user an account in a database of wharf-pw and say --login puredb:FILE, and set guest_enable=NO",
    ),
    (
        "mapusersasanonymous",
        "set virtual_use_local_privs=YES if virtual users may do what users may",
    ),
    (
        "pamservice",
        "say --login unix or --login puredb:FILE to have passwords checked without PAM",
    ),
    (
        "refusewritableroot",
        "set allow_writeable_chroot=YES: nothing is loaded or run from a user's directory here, so writing it is no way out",
    ),
];

/// Whether the server lacks this flag, by its long name.
pub(super) fn lacks(long: &str) -> bool {
    static FLAGS: OnceLock<Vec<String>> = OnceLock::new();
    let flags = FLAGS.get_or_init(|| {
        let definition = definition();
        let names = definition
            .get_arguments()
            .filter_map(|flag| flag.get_long());
        names.map(str::to_owned).collect()
    });
    !flags.iter().any(|flag| flag == long)
}

/// What to do without the flag.
pub(super) fn cure(long: &str) -> &'static str {
    let row = COMING.iter().find(|(flag, _)| *flag == long);
    row.map_or(
        "remove the setting if you can do without it",
        |(_, cure)| cure,
    )
}
