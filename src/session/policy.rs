//! May this user log in, and may this client do this to that name? The latter is asked by every command before it touches
//! the tree.

use std::collections::HashSet;

use super::refusal::Refusal;
use crate::files::{Stat, names_quota_file};
use crate::proto::path::VirtualPath;
use crate::settings::Settings;
use crate::units::{Umasks, user_names};

/// Longest name an anonymous client may give to a file it creates, in bytes.
const LONGEST_ANONYMOUS_NAME: usize = 200;

/// Names that mean something to this or another server, to a shell or to a mail program.
const NAMES_WITH_MEANING: [&[u8]; 7] = [
    b".ftpaccess",
    b".htaccess",
    b".message",
    b".banner",
    b".forward",
    b".rhosts",
    b".ftpquota",
];

/// Pure-FTPd's words for SITE CHMOD and MFMT by an anonymous client.
const NO_CHANGES: &str = "Anonymous users can not change perms";

/// What strangers bring is for nobody to read unless a flag says otherwise (threats: A2).
const FOR_NOBODY: Umasks = Umasks {
    files: 0o177,
    dirs: 0o022,
};

/// The names an anonymous client gives (RFC 1635).
const ANONYMOUS: [&[u8]; 2] = [b"ftp", b"anonymous"];

/// Whether a user of this name wants an anonymous session, where there are such.
pub(super) fn is_anonymous_name(name: &[u8]) -> bool {
    ANONYMOUS
        .iter()
        .any(|known| known.eq_ignore_ascii_case(name))
}

/// Who may log in: the names in the files of `--userlist` and `--denyusers`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listed {
    /// None: everybody.
    only: Option<HashSet<Vec<u8>>>,
    /// In lower case: some sources know a user by `Joe` and `joe`, and either is refused.
    never: HashSet<Vec<u8>>,
}

impl Listed {
    /// From the texts of both files.
    pub fn new(only: Option<&[u8]>, never: Option<&[u8]>) -> Listed {
        Listed {
            only: only.map(|text| user_names(text).map(<[u8]>::to_vec).collect()),
            never: user_names(never.unwrap_or_default())
                .map(<[u8]>::to_ascii_lowercase)
                .collect(),
        }
    }

    /// The flag that keeps the account of this name out, if one does.
    pub fn objection(&self, name: &[u8]) -> Option<&'static str> {
        self.objection_to(&[name])
    }

    /// The flag that keeps anonymous clients out, if one does. Each of their names stands for the other.
    pub fn objection_to_anonymous(&self) -> Option<&'static str> {
        self.objection_to(&ANONYMOUS)
    }

    fn objection_to(&self, names: &[&[u8]]) -> Option<&'static str> {
        let denied = |name: &&[u8]| self.never.contains(&name.to_ascii_lowercase());
        if names.iter().any(denied) {
            return Some("--denyusers");
        }
        let only = self.only.as_ref()?;
        let named = names.iter().any(|name| only.contains(*name));
        (!named).then_some("--userlist")
    }
}

fn allowed_unless(forbidden: bool, words: &'static str) -> Result<(), &'static str> {
    if forbidden { Err(words) } else { Ok(()) }
}

fn downloads(settings: &Settings) -> Result<(), &'static str> {
    allowed_unless(settings.files.no_download, "Files may not be fetched here")
}

fn listings(settings: &Settings) -> Result<(), &'static str> {
    allowed_unless(settings.files.no_list, "Directories may not be listed here")
}

/// What an account may do. The kernel's permissions apply besides.
#[derive(Clone, Debug)]
pub struct Rights {
    /// A stranger: bound by the precautions for anonymous clients.
    pub anonymous: bool,
    /// RETR; the words of the refusal where not.
    pub download: Result<(), &'static str>,
    /// LIST, NLST, MLSD, and STAT with a name.
    pub list: Result<(), &'static str>,
    /// STOR and STOU of new files; the words of the refusal where not.
    pub upload: Result<(), &'static str>,
    /// Making directories.
    pub make_directories: Result<(), &'static str>,
    /// Bits taken from the modes of what is created.
    pub umasks: Umasks,
    /// STOR over, APPE to and REST in an existing file.
    pub overwrite: bool,
    /// APPE to and REST in a file that may be overwritten.
    pub append: bool,
    /// DELE.
    pub delete: Result<(), &'static str>,
    /// RMD.
    pub remove_directories: Result<(), &'static str>,
    /// RNFR and RNTO.
    pub rename: Result<(), &'static str>,
    /// SITE CHMOD.
    pub change_modes: Result<(), &'static str>,
    /// MFMT and SITE UTIME.
    pub set_times: Result<(), &'static str>,
    /// SITE CHMOD never takes the owner's own access (`-Z`).
    pub keeps_own_access: bool,
    /// Names that begin with a dot may be read.
    pub read_dots: bool,
    /// Names that begin with a dot may be written.
    pub write_dots: bool,
    /// Only what everybody may read is sent and listed, whoever else may read it (`--worldreadableonly`).
    pub world_readable_only: bool,
    /// Files of this user are not served.
    pub unserved_owner: Option<u32>,
    /// There is a quota: its file is neither shown nor touched.
    pub has_quota: bool,
}

impl Rights {
    /// The rights of an anonymous client.
    pub fn anonymous(settings: &Settings, upload: bool, unserved_owner: Option<u32>) -> Rights {
        let files = &settings.files;
        let no_upload = "Anonymous users may not overwrite existing files";
        Rights {
            anonymous: true,
            download: downloads(settings),
            list: listings(settings),
            upload: if upload { Ok(()) } else { Err(no_upload) },
            make_directories: if files.create_dirs && !files.read_only {
                Ok(())
            } else {
                Err("Sorry, anonymous users are not allowed to create directories")
            },
            umasks: files.anonymous_umasks.unwrap_or(FOR_NOBODY),
            overwrite: false,
            append: false,
            delete: Err("Anonymous users can not delete files"),
            remove_directories: Err("Sorry, anonymous users are not allowed to remove directories"),
            rename: Err("Anonymous users are not allowed to move/rename files"),
            change_modes: Err(NO_CHANGES),
            set_times: Err(NO_CHANGES),
            keeps_own_access: false,
            read_dots: files.dotfiles.allow_read && !files.dotfiles.prohibit_read,
            write_dots: false,
            world_readable_only: files.world_readable_only,
            unserved_owner,
            has_quota: false,
        }
    }

    /// What the flags leave to an account; one of the trusted group is not bound by those on dot files and deleting.
    pub fn account(settings: &Settings, trusted: bool) -> Rights {
        let files = &settings.files;
        let write = allowed_unless(files.read_only, "This server is read-only");
        let unless = |forbidden, words| write.and(allowed_unless(forbidden, words));
        let dots = files.dotfiles;
        Rights {
            anonymous: false,
            download: downloads(settings),
            list: listings(settings),
            upload: write,
            make_directories: write,
            umasks: files.umasks,
            overwrite: !files.no_overwrite && !files.read_only,
            append: !files.no_store_restart,
            delete: unless(files.keep_all && !trusted, "Files may not be deleted here"),
            remove_directories: write,
            rename: unless(files.no_rename, "Rename/move failure"),
            change_modes: unless(files.no_chmod, "Permissions may not be changed here"),
            set_times: write,
            keeps_own_access: files.customer_proof,
            read_dots: trusted || !dots.prohibit_read,
            write_dots: trusted || !(dots.prohibit_write || dots.prohibit_read),
            world_readable_only: false,
            unserved_owner: None,
            has_quota: false,
        }
    }

    /// Whether any verb may answer for this name; `typed` is how the client wrote it.
    pub fn may_name(
        &self,
        settings: &Settings,
        path: &VirtualPath,
        typed: &[u8],
    ) -> Result<(), Refusal> {
        let dots = !self.read_dots && path.has_dot_component();
        let quota = self.has_quota && path.components().any(names_quota_file);
        if dots || quota || self.is_denied(settings, path) {
            return Err(Refusal::Prohibited(typed.to_vec()));
        }
        Ok(())
    }

    /// Whether the mode of a file or directory lets it be sent or listed; the kernel says besides what it says.
    pub fn may_read(&self, mode: u32) -> bool {
        const OTHERS: u32 = 0o004;
        !self.world_readable_only || mode & OTHERS != 0
    }

    /// Whether this file may be sent; `typed` is how the client wrote its name.
    pub fn may_send(&self, stat: &Stat, typed: &[u8]) -> Result<(), Refusal> {
        if self.unserved_owner == Some(stat.uid) {
            return Err(Refusal::NotYetApproved);
        }
        match self.may_read(stat.mode) {
            true => Ok(()),
            false => Err(Refusal::NotForEverybody(typed.to_vec())),
        }
    }

    /// Whether a listing shows this entry of a directory that may be listed.
    pub fn shows(&self, settings: &Settings, name: &[u8]) -> bool {
        let files = &settings.files;
        let dots = !self.read_dots && name.starts_with(b".");
        let quota = self.has_quota && names_quota_file(name);
        !dots
            && !quota
            && !files
                .hide_files
                .iter()
                .chain(&files.deny_files)
                .any(|glob| glob.matches(name))
    }

    /// Whether this name may be written, removed or given at all.
    pub fn may_change(
        &self,
        settings: &Settings,
        path: &VirtualPath,
        typed: &[u8],
    ) -> Result<(), Refusal> {
        self.may_name(settings, path, typed)?;
        if !self.write_dots && path.has_dot_component() {
            return Err(Refusal::Prohibited(typed.to_vec()));
        }
        Ok(())
    }

    /// Whether a file or directory of this name may come into being.
    pub fn may_create(
        &self,
        settings: &Settings,
        path: &VirtualPath,
        typed: &[u8],
    ) -> Result<(), Refusal> {
        self.may_change(settings, path, typed)?;
        match path.name() {
            Some(name) if self.anonymous && is_deceptive(name) => Err(Refusal::DeceptiveName),
            Some(_) => Ok(()),
            None => Err(Refusal::Prohibited(typed.to_vec())),
        }
    }

    fn is_denied(&self, settings: &Settings, path: &VirtualPath) -> bool {
        let deny = &settings.files.deny_files;
        !deny.is_empty()
            && path
                .components()
                .any(|name| deny.iter().any(|glob| glob.matches(name)))
    }
}

/// Whether a name could pass for another, hide, or act (threats: A6). Bytes that are not UTF-8 count: nobody can
/// tell what a reader will see.
fn is_deceptive(name: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(name) else {
        return true;
    };
    let bad_start = text.starts_with(['.', '-']) || text.starts_with(char::is_whitespace);
    let bad_end = text.ends_with('.') || text.ends_with(char::is_whitespace);
    bad_start
        || bad_end
        || name.len() > LONGEST_ANONYMOUS_NAME
        || text.chars().any(deceives)
        || NAMES_WITH_MEANING
            .iter()
            .any(|known| known.eq_ignore_ascii_case(name))
}

fn deceives(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{a0}' | '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{115f}' | '\u{1160}' | '\u{3164}' | '\u{ffa0}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{fe00}'..='\u{fe0f}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e0fff}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_those_who_are_listed_come_in_and_never_those_who_are_denied() {
        let all = Listed::default();
        assert_eq!(
            (all.objection(b"joe"), all.objection_to_anonymous()),
            (None, None)
        );
        let only = b"# staff\r\n joe \r\n\n#jim\nann".as_slice();
        let listed = Listed::new(Some(only), Some(b"ann\n"));
        assert_eq!(listed.objection(b"joe"), None);
        for other in [&b"jim"[..], b"#jim", b"# staff", b"JOE", b"", b"root"] {
            assert_eq!(listed.objection(other), Some("--userlist"), "{other:?}");
        }
        assert_eq!(listed.objection(b"ann"), Some("--denyusers"));
        let nobody = Listed::new(Some(b""), None);
        assert_eq!(nobody.objection(b"joe"), Some("--userlist"));
        assert_eq!(nobody.objection_to_anonymous(), Some("--userlist"));
    }

    #[test]
    fn a_denied_name_is_denied_in_any_case() {
        let listed = Listed::new(None, Some(b"Joe\nroot"));
        for name in [&b"joe"[..], b"JOE", b"Joe", b"Root"] {
            assert_eq!(listed.objection(name), Some("--denyusers"), "{name:?}");
        }
        assert_eq!(listed.objection(b"joe2"), None);
    }

    #[test]
    fn either_name_of_anonymous_stands_for_both() {
        for name in [&b"ftp"[..], b"anonymous"] {
            let denied = Listed::new(None, Some(name));
            assert_eq!(denied.objection_to_anonymous(), Some("--denyusers"));
            assert_eq!(Listed::new(Some(name), None).objection_to_anonymous(), None);
        }
        let others = Listed::new(Some(b"joe"), None);
        assert_eq!(others.objection_to_anonymous(), Some("--userlist"));
    }

    #[test]
    fn a6_names_that_could_deceive_are_refused_and_plain_ones_kept() {
        let bad: [&[u8]; 17] = [
            b".hidden",
            b"-rf",
            b" lead",
            b"trail ",
            b"trail.",
            b"a\x01b",
            b"a\x7fb",
            b"\xff\xfe",
            "a\u{a0}b".as_bytes(),
            "a\u{200b}b".as_bytes(),
            "a\u{202e}gpj.exe".as_bytes(),
            "\u{feff}x".as_bytes(),
            b".ftpaccess",
            b".message",
            b".banner",
            b".rhosts",
            &[b'x'; 201],
        ];
        for name in bad {
            assert!(is_deceptive(name), "{:?}", String::from_utf8_lossy(name));
        }
        let good: [&[u8]; 5] = [
            b"up.txt",
            b"a b.txt",
            "gr\u{fc}n.txt".as_bytes(),
            b"x-1",
            &[b'x'; 200],
        ];
        for name in good {
            assert!(!is_deceptive(name), "{:?}", String::from_utf8_lossy(name));
        }
    }

    #[test]
    fn a4_an_anonymous_client_may_create_but_not_edit() {
        let settings = Settings::default();
        let rights = Rights::anonymous(&settings, true, Some(1));
        let path = VirtualPath::root()
            .join(b"incoming/x")
            .unwrap_or_else(|_| VirtualPath::root());
        assert!(rights.may_create(&settings, &path, b"x").is_ok());
        assert!(rights.delete.is_err() && rights.rename.is_err());
        assert!(rights.change_modes.is_err() && rights.set_times.is_err());
        assert!(!rights.overwrite);
    }
}
