//! Who is kept in the home directory by name, and who is not: the files of `--chrootlist` and `--nochrootlist`.
//!
//! Each check worker has its own copy and looks at each login whether a file has changed, as sources do.

use std::collections::HashSet;
use std::fs::Metadata;
use std::path::Path;

use super::reread::Reread;
use crate::units::user_names;

type List = Reread<HashSet<Vec<u8>>>;

/// The lists, opened.
#[derive(Default)]
pub struct Confinement {
    /// In lower case: some sources know a user by `Joe` and `joe`, and either is kept.
    kept: Option<List>,
    /// Letter by letter: who is let out is the one who is named.
    free: Option<List>,
}

impl Confinement {
    /// Reads the files of `--chrootlist` and `--nochrootlist` for the first time.
    ///
    /// # Errors
    /// One line with the flag, the file and what is wrong with it.
    pub fn open(kept: Option<&Path>, free: Option<&Path>) -> Result<Confinement, String> {
        let open = |flag: &str, path: Option<&Path>, read| {
            let opened = path.map(|path| Reread::open(path, read)).transpose();
            opened.map_err(|why| format!("{flag} {why}"))
        };
        Ok(Confinement {
            kept: open("--chrootlist", kept, in_lower_case)?,
            free: open("--nochrootlist", free, as_they_are)?,
        })
    }

    /// Whether the user of this name is to be kept in, if a list says so or the contrary.
    pub(super) fn says(&mut self, name: &[u8]) -> Option<bool> {
        let listed = |list: &mut Option<List>, name: &[u8]| {
            list.as_mut()
                .is_some_and(|list| list.current().contains(name))
        };
        // Both are looked at, so that what is broken is told.
        let kept = listed(&mut self.kept, &name.to_ascii_lowercase());
        match listed(&mut self.free, name) {
            true => Some(false),
            false => kept.then_some(true),
        }
    }

    /// Reads anew what has changed.
    pub(super) fn look(&mut self) {
        self.says(b"");
    }

    /// What is wrong with the newest files, once for each change of one.
    pub(super) fn complaints(&mut self) -> impl Iterator<Item = String> {
        let lists = self.kept.iter_mut().chain(&mut self.free);
        lists.filter_map(List::complaint)
    }
}

fn in_lower_case(_: &Metadata, text: Vec<u8>) -> Result<HashSet<Vec<u8>>, String> {
    Ok(user_names(&text).map(<[u8]>::to_ascii_lowercase).collect())
}

fn as_they_are(_: &Metadata, text: Vec<u8>) -> Result<HashSet<Vec<u8>>, String> {
    Ok(user_names(&text).map(<[u8]>::to_vec).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_of_the_free_goes_before_and_changes_hold_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let (kept, free) = (folder.path().join("kept"), folder.path().join("free"));
        std::fs::write(&kept, "# in\njoe\nBoth\n").unwrap();
        std::fs::write(&free, "both\nJim\n").unwrap();
        let mut lists = Confinement::open(Some(&kept), Some(&free)).unwrap();
        for (name, says) in [
            (&b"joe"[..], Some(true)),
            (b"JOE", Some(true)),
            (b"both", Some(false)),
            (b"BOTH", Some(true)),
            (b"Jim", Some(false)),
            (b"jim", None),
            (b"# in", None),
            (b"", None),
        ] {
            assert_eq!(lists.says(name), says, "{name:?}");
        }
        std::fs::write(folder.path().join("new"), "jim").unwrap();
        std::fs::rename(folder.path().join("new"), &kept).unwrap();
        assert_eq!((lists.says(b"jim"), lists.says(b"joe")), (Some(true), None));
        std::fs::remove_file(&kept).unwrap();
        assert_eq!(lists.says(b"jim"), Some(true));
        let said: Vec<String> = lists.complaints().collect();
        assert!(said.len() == 1 && said[0].contains("stays in force"));
    }

    #[test]
    fn a_list_that_is_missing_is_refused_with_its_flag() {
        let missing = Path::new("/no/such/list");
        let why = Confinement::open(None, Some(missing)).err().unwrap();
        assert!(why.starts_with("--nochrootlist /no/such/list: No such file"));
        let why = Confinement::open(Some(missing), None).err().unwrap();
        assert!(why.starts_with("--chrootlist /no/such/list: No such file"));
        assert_eq!(Confinement::default().says(b"joe"), None);
    }
}
