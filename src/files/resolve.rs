//! From a name to an open object: the one place where names of clients meet the kernel.
//!
//! Every name is resolved below a held descriptor of the root. Links are followed as if the root were `/`: absolute
//! links and any number of `..` end inside it (openat2(2), RESOLVE_IN_ROOT). Where the kernel lacks openat2, or a
//! container filter hides it, [`walk`] does the same step by step with openat(2); which of the two is decided
//! once, when the tree is opened.

use std::io::{self, ErrorKind};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Arc, OnceLock};

use rustix::fs::{Mode, OFlags, ResolveFlags, openat, openat2, readlinkat};
use rustix::io::Errno;

use super::device::Medium;
use super::stat::{Kind, Stat};
use super::{Reach, Root};

/// Longest name in bytes, relative to the root (PATH_MAX).
const LONGEST_NAME: usize = 4096;

/// Links followed in one resolution (MAXSYMLINKS of the kernel).
const MOST_LINKS: usize = 40;

/// How often a walk that met a concurrent rename is begun again. Three were the most a test with constant
/// renames needed.
const TRIES: usize = 32;

/// Directories the step-by-step walk holds open at once.
const MOST_DEPTH: usize = 256;

/// A name below the root: `.`, or components joined by single slashes, none of them empty, `.` or `..`, and no NUL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Name(Vec<u8>);

impl Name {
    /// Checks the form, whatever the caller has checked already.
    pub(super) fn parse(name: &[u8]) -> io::Result<Name> {
        let well_formed = name == b"." || name.split(|&byte| byte == b'/').all(is_component);
        if !well_formed || name.contains(&0) {
            return Err(ErrorKind::InvalidInput.into());
        }
        if name.len() > LONGEST_NAME {
            return Err(Errno::NAMETOOLONG.into());
        }
        Ok(Name(name.to_vec()))
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// The directory part (`.` for the root) and the last component.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] for the root itself, which no call may create, remove or rename.
    pub(super) fn split(&self) -> io::Result<(&[u8], &[u8])> {
        if self.0 == b"." {
            return Err(ErrorKind::InvalidInput.into());
        }
        Ok(match self.0.iter().rposition(|&byte| byte == b'/') {
            Some(slash) => (&self.0[..slash], &self.0[slash + 1..]),
            None => (b".", &self.0),
        })
    }
}

fn is_component(part: &[u8]) -> bool {
    !matches!(part, b"" | b"." | b"..")
}

/// How names are resolved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Resolver {
    /// By openat2; `cached` when the kernel can also refuse to sleep (RESOLVE_CACHED, Linux 5.12).
    Kernel { cached: bool },
    /// Step by step.
    Walk,
}

impl Resolver {
    /// Finds out what the kernel offers. EPERM counts as missing: old container filters answer it for calls they
    /// do not know.
    pub(super) fn probe(root: BorrowedFd<'_>) -> io::Result<Resolver> {
        // One kernel has one answer.
        static FOUND: OnceLock<Resolver> = OnceLock::new();
        if let Some(found) = FOUND.get() {
            return Ok(*found);
        }
        let found = Resolver::ask(root)?;
        Ok(*FOUND.get_or_init(|| found))
    }

    fn ask(root: BorrowedFd<'_>) -> io::Result<Resolver> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let how = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
        let ask = |how| openat2(root, c".", flags, Mode::empty(), how);
        match ask(how) {
            Ok(_) => {}
            Err(Errno::NOSYS | Errno::PERM) => return Ok(Resolver::Walk),
            Err(error) => return Err(error.into()),
        }
        let cached = !matches!(ask(how | ResolveFlags::CACHED), Err(Errno::INVAL));
        Ok(Resolver::Kernel { cached })
    }
}

impl Root {
    /// Opens the object called `name`. Links on the way are followed inside the root, at the last component too
    /// unless `flags` hold `O_NOFOLLOW`.
    ///
    /// # Errors
    /// Those of openat2(2). EAGAIN or EXDEV mean that the object lies beyond `reach`; EAGAIN without
    /// [`Reach::Loop`], that renames came in between too often.
    pub(super) fn open(
        &self,
        reach: Reach,
        name: &[u8],
        flags: OFlags,
        mode: Mode,
    ) -> io::Result<OwnedFd> {
        let flags = flags | OFlags::CLOEXEC;
        match self.resolver {
            Resolver::Kernel { .. } => self.open_by_kernel(reach, name, flags, mode),
            Resolver::Walk => {
                let device = (reach != Reach::Beyond).then_some(self.device);
                walk(self.descriptor.as_fd(), device, name, flags, mode)
            }
        }
    }

    /// The directory a name is in, to act on its last component.
    pub(super) fn open_parent(&self, reach: Reach, directory: &[u8]) -> io::Result<Arc<OwnedFd>> {
        if directory == b"." {
            return Ok(Arc::clone(&self.descriptor));
        }
        let flags = OFlags::PATH | OFlags::DIRECTORY;
        let opened = self.open(reach, directory, flags, Mode::empty())?;
        Ok(Arc::new(opened))
    }

    fn open_by_kernel(
        &self,
        reach: Reach,
        name: &[u8],
        flags: OFlags,
        mode: Mode,
    ) -> io::Result<OwnedFd> {
        let mut how = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
        if reach != Reach::Beyond {
            how |= ResolveFlags::NO_XDEV;
        }
        // In memory nothing sleeps, and a name that does not exist is answered at once without CACHED only.
        if reach == Reach::Loop && self.medium != Medium::Memory {
            how |= ResolveFlags::CACHED;
        }
        let tries = if reach == Reach::Loop { 1 } else { TRIES };
        for _ in 0..tries {
            match openat2(&self.descriptor, name, flags, mode, how) {
                Err(Errno::AGAIN | Errno::INTR) => {}
                result => return Ok(result?),
            }
        }
        Err(Errno::AGAIN.into())
    }
}

/// Resolves without openat2: one `O_PATH|O_NOFOLLOW` open per component, links expanded by hand, `..` taken from
/// the directories held open, so that it can never climb above the root. With `device`, EXDEV where the walk leaves it.
fn walk(
    root: BorrowedFd<'_>,
    device: Option<u64>,
    name: &[u8],
    flags: OFlags,
    mode: Mode,
) -> io::Result<OwnedFd> {
    let mut above: Vec<OwnedFd> = Vec::new();
    let mut rest: Vec<Vec<u8>> = Vec::new();
    push_components(&mut rest, name);
    let (mut links, mut tries) = (0, 0);
    while let Some(part) = rest.pop() {
        let last = rest.is_empty();
        if part == b".." {
            above.pop();
            if last {
                rest.push(b".".to_vec());
            }
            continue;
        }
        let here = above.last().map_or(root, AsFd::as_fd);
        if last && (part == b"." || flags.contains(OFlags::CREATE)) {
            return Ok(openat(here, &part, flags | OFlags::NOFOLLOW, mode)?);
        }
        let step = openat(here, &part, step_flags(), Mode::empty())?;
        let stat = Stat::of(&step)?;
        if device.is_some_and(|device| device != stat.device) {
            return Err(Errno::XDEV.into());
        }
        if stat.kind == Kind::Link && !(last && flags.contains(OFlags::NOFOLLOW)) {
            links += 1;
            let target = follow(&step, links)?;
            if target.first() == Some(&b'/') {
                above.clear();
            }
            push_components(&mut rest, &target);
            continue;
        }
        if !last {
            if stat.kind != Kind::Directory {
                return Err(Errno::NOTDIR.into());
            }
            if above.len() >= MOST_DEPTH {
                return Err(Errno::NAMETOOLONG.into());
            }
            above.push(step);
            continue;
        }
        if flags.contains(OFlags::PATH) {
            if flags.contains(OFlags::DIRECTORY) && stat.kind != Kind::Directory {
                return Err(Errno::NOTDIR.into());
            }
            return Ok(step);
        }
        match openat(here, &part, flags | OFlags::NOFOLLOW, mode) {
            // A link took the name since it was looked at.
            Err(Errno::LOOP) if stat.kind != Kind::Link && tries < TRIES => {
                tries += 1;
                rest.push(part);
            }
            result => return Ok(result?),
        }
    }
    Err(Errno::NOENT.into())
}

fn step_flags() -> OFlags {
    OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC
}

/// The text of the link that is the `count`th in this walk.
fn follow(link: &OwnedFd, count: usize) -> io::Result<Vec<u8>> {
    if count > MOST_LINKS {
        return Err(Errno::LOOP.into());
    }
    let target = readlinkat(link, c"", Vec::with_capacity(256))?.into_bytes();
    if target.is_empty() {
        return Err(Errno::NOENT.into());
    }
    Ok(target)
}

/// Puts the components of `text` before those still to be walked. A slash at the end asks for a directory, as `.` does.
fn push_components(rest: &mut Vec<Vec<u8>>, text: &[u8]) {
    if text.ends_with(b"/") {
        rest.push(b".".to_vec());
    }
    let parts = text.split(|&byte| byte == b'/').rev();
    rest.extend(parts.filter(|part| !part.is_empty()).map(<[u8]>::to_vec));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn f1_names_that_are_not_plain_components_are_refused() {
        for bad in [
            &b""[..],
            b"/",
            b"/a",
            b"a/",
            b"a//b",
            b"..",
            b"../a",
            b"a/..",
            b"a/../b",
            b"./a",
            b"a/.",
            b"a/./b",
            b"a\0b",
            b"\0",
        ] {
            let kind = Name::parse(bad).unwrap_err().kind();
            assert_eq!(kind, ErrorKind::InvalidInput, "{bad:?}");
        }
    }

    #[test]
    fn f1_names_are_bytes_and_nothing_else_is_special() {
        for good in [
            &b"."[..],
            b"a",
            b"a/b",
            b"...",
            b"..a/b..",
            b"\\..\\",
            b"%2e%2e",
            b"\xc0\xae\xc0\xae/\xff",
            b"-rf ~",
        ] {
            assert_eq!(Name::parse(good).unwrap().bytes(), good);
        }
    }

    #[test]
    fn p9_a_name_longer_than_the_kernel_takes_is_refused() {
        let error = Name::parse(&vec![b'a'; LONGEST_NAME + 1]).unwrap_err();
        assert_eq!(
            error.raw_os_error(),
            Some(Errno::NAMETOOLONG.raw_os_error())
        );
    }

    #[test]
    fn a_name_splits_into_directory_and_last_component() {
        let split = |name: &[u8]| {
            let name = Name::parse(name).unwrap();
            name.split().map(|(a, b)| (a.to_vec(), b.to_vec())).ok()
        };
        assert_eq!(split(b"a/b/c"), Some((b"a/b".to_vec(), b"c".to_vec())));
        assert_eq!(split(b"c"), Some((b".".to_vec(), b"c".to_vec())));
        assert_eq!(split(b"."), None);
    }
}
