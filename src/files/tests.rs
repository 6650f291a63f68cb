//! The tree as the session sees it, on a real loop: in memory and on a disk, with the kernel's resolver and with the
//! walk.

use std::collections::BTreeMap;
use std::fs;
use std::future::Future;
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Waker};
use std::time::{Duration, Instant};

use futures_lite::FutureExt;
use rustix::fs::{FileType, RenameFlags, mknodat, renameat_with};
use tempfile::TempDir;

use super::*;
use crate::reactor::Reactor;

const SECRET: &[u8] = b"outside";

/// A root with something outside it that must never be reached.
struct Ground {
    base: TempDir,
    resolver: Option<Resolver>,
}

impl Ground {
    fn new(directory: &Path, resolver: Option<Resolver>) -> Ground {
        let base = tempfile::tempdir_in(directory).unwrap();
        let ground = Ground { base, resolver };
        fs::create_dir_all(ground.inside("d/sub")).unwrap();
        fs::write(ground.inside("d/f"), b"inside").unwrap();
        fs::create_dir_all(ground.outside("d")).unwrap();
        fs::write(ground.outside("f"), SECRET).unwrap();
        fs::write(ground.outside("d/f"), SECRET).unwrap();
        ground
    }

    fn inside(&self, name: &str) -> PathBuf {
        self.base.path().join("root").join(name)
    }

    fn outside(&self, name: &str) -> PathBuf {
        self.base.path().join("outside").join(name)
    }

    fn link(&self, target: impl AsRef<Path>, name: &str) {
        symlink(target, self.inside(name)).unwrap();
    }

    /// Runs `body` on a loop and then waits for what was left to the pool.
    fn run<T: 'static, F: Future<Output = T> + 'static>(&self, body: impl FnOnce(Tree) -> F) -> T {
        let mut reactor = Reactor::new().unwrap();
        let handle = reactor.handle();
        let tree = Tree::open_with(&self.inside(""), &handle, self.resolver, None).unwrap();
        // The loop outlives a task that panics; the test must not.
        let body = AssertUnwindSafe(body(tree)).catch_unwind();
        let value = reactor.run(async move {
            let value = body.await;
            handle.pool().drained().await;
            value
        });
        value.unwrap().unwrap_or_else(|panic| resume_unwind(panic))
    }

    fn names(&self, directory: &str) -> Vec<String> {
        let entries = fs::read_dir(self.inside(directory)).unwrap();
        let mut names: Vec<_> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

fn everywhere(test: impl Fn(&Ground)) {
    for directory in [Path::new("/dev/shm"), &std::env::temp_dir()] {
        for resolver in [None, Some(Resolver::Walk)] {
            test(&Ground::new(directory, resolver));
        }
    }
}

fn number(error: &io::Error) -> Option<Errno> {
    error.raw_os_error().map(Errno::from_raw_os_error)
}

fn how(existing: Existing) -> Create {
    Create {
        mode: 0o644,
        existing,
        whole_or_nothing: false,
        keep_partial: false,
    }
}

fn whole(existing: Existing) -> Create {
    Create {
        whole_or_nothing: true,
        ..how(existing)
    }
}

async fn content(tree: &Tree, name: &[u8]) -> Result<Vec<u8>, NotServed> {
    let file = tree.open_read(name).await?;
    Ok(file.read_block(0, 1 << 16).await?)
}

async fn put(upload: &mut Upload, bytes: &[u8]) {
    upload.begin().await.unwrap();
    if upload.on_loop() {
        upload.write_now(bytes).unwrap();
    } else {
        let buffer = upload
            .write_block([bytes, b"earlier"].concat(), bytes.len())
            .await
            .unwrap();
        assert_eq!(buffer, [bytes, b"earlier"].concat());
    }
}

/// Names, modes, contents and link texts of everything below `directory`.
fn snapshot(directory: &Path) -> BTreeMap<PathBuf, (u32, i64, Vec<u8>)> {
    let mut all = BTreeMap::new();
    let mut waiting = vec![directory.to_path_buf()];
    while let Some(path) = waiting.pop() {
        let stat = fs::symlink_metadata(&path).unwrap();
        let bytes = match path.is_dir() {
            true => Vec::new(),
            false => fs::read(&path).unwrap(),
        };
        if path.is_dir() {
            waiting.extend(
                fs::read_dir(&path)
                    .unwrap()
                    .map(|entry| entry.unwrap().path()),
            );
        }
        all.insert(path, (stat.mode(), stat.mtime(), bytes));
    }
    all
}

#[test]
fn f1_links_lead_nowhere_but_into_the_root() {
    everywhere(|ground| {
        ground.link(ground.outside("f"), "absolute");
        ground.link("../outside/f", "climbing");
        ground.link("../../../../../../../../etc/passwd", "far");
        ground.link(ground.outside(""), "directory");
        ground.link("directory", "chain");
        ground.link("/proc/self/root/etc/passwd", "magic");
        ground.link("/d/f", "rooted");
        ground.link("../../../d/f", "d/clamped");
        ground.link("sub/../f", "d/round");
        ground.link("/d/", "slash");
        ground.link("d/f/", "file-with-slash");
        ground.link("loop", "loop");
        ground.run(|tree| async move {
            for name in [
                &b"absolute"[..],
                b"climbing",
                b"far",
                b"directory/f",
                b"chain/f",
                b"magic",
                b"d/f/x",
                b"file-with-slash",
                b"loop",
            ] {
                let result = content(&tree, name).await;
                assert!(matches!(result, Err(NotServed::Io(_))), "{name:?}");
                assert!(tree.stat(name).await.is_err(), "{name:?}");
            }
            for name in [&b"rooted"[..], b"d/clamped", b"d/round", b"slash/f"] {
                assert_eq!(content(&tree, name).await.unwrap(), b"inside");
            }
            let error = tree.stat(b"loop").await.unwrap_err();
            assert_eq!(number(&error), Some(Errno::LOOP));
        });
    });
}

#[test]
fn f1_a_name_with_the_roots_name_as_prefix_is_another_name() {
    everywhere(|ground| {
        fs::create_dir(ground.base.path().join("root-evil")).unwrap();
        fs::write(ground.base.path().join("root-evil/f"), SECRET).unwrap();
        ground.link(ground.base.path().join("root-evil"), "evil");
        ground.link(ground.inside("d"), "whole-path");
        ground.run(|tree| async move {
            assert!(content(&tree, b"evil/f").await.is_err());
            assert!(content(&tree, b"whole-path/f").await.is_err());
        });
    });
}

#[test]
fn f1_every_call_refuses_names_in_the_wrong_form() {
    everywhere(|ground| {
        ground.run(|tree| async move {
            for bad in [&b""[..], b"..", b"/d", b"d/../d", b"d//f", b"d/", b"d\0f"] {
                for error in every_verb(&tree, bad).await {
                    let error = error.expect_err("a wrong name was taken");
                    assert_eq!(error.kind(), ErrorKind::InvalidInput, "{bad:?}");
                }
            }
        });
    });
}

/// Tries every call on `name`.
async fn every_verb(tree: &Tree, name: &[u8]) -> Vec<io::Result<()>> {
    let nothing = Want {
        stats: true,
        targets: true,
        hidden: true,
    };
    let mut results = vec![
        tree.stat(name).await.map(drop),
        tree.lstat(name).await.map(drop),
        tree.read_link(name).await.map(drop),
        tree.space(name).await.map(drop),
        tree.open_directory(name, nothing).await.map(drop),
        match tree.open_read(name).await {
            Err(NotServed::Io(error)) => Err(error),
            Err(NotServed::NotRegular) => Err(ErrorKind::Other.into()),
            Ok(_) => Ok(()),
        },
        tree.set_mode(name, 0o700).await,
        tree.set_times(name, (1, 0)).await,
        tree.make_directory(name, 0o755).await,
        tree.remove_directory(name).await,
        tree.remove_file(name).await,
        tree.rename(name, b"moved", true).await,
        tree.rename(b"d/f", name, true).await,
        tree.rename(b"d/f", name, false).await,
    ];
    for existing in [
        Existing::Refuse,
        Existing::Truncate,
        Existing::Append,
        Existing::ResumeAt(1),
        Existing::NextFreeName,
    ] {
        for how in [how(existing), whole(existing)] {
            results.push(match tree.create(name, how).await {
                Ok(mut upload) => {
                    let _ = upload.begin().await;
                    upload.finish(false).await.map(drop)
                }
                Err(error) => Err(error),
            });
        }
    }
    results
}

#[test]
fn f3_no_call_reaches_through_a_link_to_the_outside() {
    everywhere(|ground| {
        let before = snapshot(&ground.outside(""));
        for name in ["out", "d/out"] {
            ground.link(ground.outside(""), name);
        }
        ground.link(ground.outside("f"), "file");
        ground.link(ground.outside("new"), "dangling");
        ground.run(|tree| async move {
            for name in [
                &b"out/f"[..],
                b"out/d",
                b"out/d/f",
                b"d/out/f",
                b"out/new",
                b"file",
                b"dangling",
                b"out",
            ] {
                every_verb(&tree, name).await;
            }
        });
        assert_eq!(snapshot(&ground.outside("")), before);
    });
}

#[test]
fn f2_a_directory_that_is_swapped_with_a_link_never_leads_outside() {
    everywhere(|ground| {
        ground.link(ground.outside("d"), "swapped");
        let before = snapshot(&ground.outside(""));
        let stop = Arc::new(AtomicBool::new(false));
        let flipper = flip(
            ground.inside("d"),
            ground.inside("swapped"),
            Arc::clone(&stop),
        );
        let (served, refused) = ground.run(|tree| async move {
            let (mut served, mut refused) = (0, 0);
            let end = Instant::now() + Duration::from_millis(400);
            while Instant::now() < end {
                match content(&tree, b"d/f").await {
                    Ok(bytes) => {
                        assert_eq!(bytes, b"inside");
                        served += 1;
                    }
                    Err(_) => refused += 1,
                }
                if let Ok(upload) = tree.create(b"d/new", how(Existing::Truncate)).await {
                    let _ = upload.finish(false).await;
                }
                if let Ok(upload) = tree.create(b"d/new", whole(Existing::Truncate)).await {
                    let _ = upload.finish(false).await;
                }
                let _ = tree.make_directory(b"d/made", 0o755).await;
                let _ = tree.set_mode(b"d/f", 0o600).await;
                let _ = tree.rename(b"d/new", b"d/moved", true).await;
                let _ = tree.remove_file(b"d/moved").await;
                let _ = tree.remove_directory(b"d/made").await;
            }
            (served, refused)
        });
        stop.store(true, Ordering::Relaxed);
        assert!(flipper.join().unwrap() > 0);
        assert!(served > 0 && refused > 0, "{served} {refused}");
        assert_eq!(snapshot(&ground.outside("")), before);
    });
}

/// Exchanges two names until told to stop; gives how often.
fn flip(one: PathBuf, other: PathBuf, stop: Arc<AtomicBool>) -> std::thread::JoinHandle<u64> {
    std::thread::spawn(move || {
        let mut count = 0;
        while !stop.load(Ordering::Relaxed) {
            renameat_with(CWD, &one, CWD, &other, RenameFlags::EXCHANGE).unwrap();
            count += 1;
        }
        count
    })
}

#[test]
fn f5_the_root_itself_may_be_a_link_the_administrator_made() {
    let ground = Ground::new(Path::new("/dev/shm"), None);
    let alias = ground.base.path().join("alias");
    symlink(ground.inside(""), &alias).unwrap();
    let mut reactor = Reactor::new().unwrap();
    let tree = Tree::open(&alias, &reactor.handle()).unwrap();
    let bytes = reactor.run(async move { content(&tree, b"d/f").await });
    assert_eq!(bytes.unwrap().unwrap(), b"inside");
    let handle = reactor.handle();
    assert!(Tree::open(&ground.inside("d/f"), &handle).is_err());
    assert!(Tree::open(&ground.inside("missing"), &handle).is_err());
}

/// Makes objects that are no files; those that need privilege are left out without it.
fn make_special(ground: &Ground) -> Vec<&'static [u8]> {
    let mut made = vec![&b"socket"[..]];
    drop(std::os::unix::net::UnixListener::bind(ground.inside("socket")).unwrap());
    let mode = Mode::from_raw_mode(0o666);
    let zero = rustix::fs::makedev(1, 5);
    for (name, kind, device) in [
        ("fifo", FileType::Fifo, 0),
        ("device", FileType::CharacterDevice, zero),
    ] {
        if mknodat(CWD, ground.inside(name), kind, mode, device).is_ok() {
            made.push(name.as_bytes());
        }
    }
    assert!(made.contains(&&b"fifo"[..]));
    made
}

#[test]
fn f7_fifo_socket_and_device_are_neither_read_nor_written_nor_waited_for() {
    everywhere(|ground| {
        let special = make_special(ground);
        ground.run(|tree| async move {
            for name in special {
                let read = tree.open_read(name).await;
                assert!(matches!(read, Err(NotServed::NotRegular)), "{name:?}");
                for existing in [Existing::Truncate, Existing::Append, Existing::ResumeAt(1)] {
                    for how in [how(existing), whole(existing)] {
                        let error = tree.create(name, how).await.err().unwrap();
                        assert_eq!(number(&error), Some(Errno::NXIO));
                    }
                }
                for result in [
                    tree.set_mode(name, 0o777).await,
                    tree.set_times(name, (1, 0)).await,
                    tree.remove_file(name).await,
                ] {
                    assert_eq!(number(&result.unwrap_err()), Some(Errno::PERM));
                }
                assert_ne!(tree.lstat(name).await.unwrap().kind, Kind::File);
            }
            assert!(matches!(
                tree.open_read(b"d").await,
                Err(NotServed::NotRegular)
            ));
            let error = tree.create(b"d", how(Existing::Truncate)).await.err();
            assert_eq!(number(&error.unwrap()), Some(Errno::ISDIR));
        });
    });
}

#[test]
fn f8_set_id_bits_are_never_set() {
    everywhere(|ground| {
        let mode = |name: &str| ground.inside(name).metadata().unwrap().mode() & 0o7777;
        fs::set_permissions(ground.inside("d"), fs::Permissions::from_mode(0o2755)).unwrap();
        ground.run(|tree| async move {
            tree.set_mode(b"d/f", 0o6777).await.unwrap();
            tree.set_mode(b"d", 0o4711).await.unwrap();
            for how in [how(Existing::Refuse), whole(Existing::Refuse)] {
                let mode = 0o6755;
                let name = if how.whole_or_nothing { b"w" } else { b"p" };
                let upload = tree.create(name, Create { mode, ..how }).await.unwrap();
                upload.finish(false).await.unwrap();
            }
            tree.make_directory(b"made", 0o6755).await.unwrap();
        });
        assert_eq!(mode("d/f"), 0o777);
        assert_eq!(mode("d"), 0o2711);
        assert_eq!(mode("w"), 0o755);
        assert_eq!(mode("p") & 0o7000, 0);
        assert_eq!(mode("made") & 0o6000, 0);
    });
}

#[test]
fn the_mode_of_a_file_nobody_may_read_can_be_set() {
    everywhere(|ground| {
        fs::set_permissions(ground.inside("d/f"), fs::Permissions::from_mode(0o000)).unwrap();
        ground.run(|tree| async move {
            tree.set_mode(b"d/f", 0o640).await.unwrap();
        });
        let mode = ground.inside("d/f").metadata().unwrap().mode() & 0o7777;
        assert_eq!(mode, 0o640);
    });
}

#[test]
fn f10_a_whole_upload_appears_only_when_it_is_finished() {
    everywhere(|ground| {
        let seen = ground.inside("d/f");
        ground.run(|tree| async move {
            let mut upload = tree
                .create(b"d/f", whole(Existing::Truncate))
                .await
                .unwrap();
            put(&mut upload, b"new content").await;
            assert_eq!(fs::read(&seen).unwrap(), b"inside");
            assert_eq!(upload.finish(true).await.unwrap(), b"d/f");
            assert_eq!(fs::read(&seen).unwrap(), b"new content");
        });
        assert_eq!(ground.names("d"), ["f", "sub"]);
    });
}

#[test]
fn f10_a_whole_upload_given_up_leaves_the_old_file_and_nothing_else() {
    everywhere(|ground| {
        ground.run(|tree| async move {
            let keep_partial = true;
            for existing in [Existing::Truncate, Existing::NextFreeName] {
                let how = Create {
                    keep_partial,
                    ..whole(existing)
                };
                let mut upload = tree.create(b"d/f", how).await.unwrap();
                put(&mut upload, b"half").await;
            }
        });
        assert_eq!(fs::read(ground.inside("d/f")).unwrap(), b"inside");
        assert_eq!(ground.names("d"), ["f", "sub"]);
    });
}

#[test]
fn f10_a_name_taken_while_a_whole_upload_ran_is_not_overwritten() {
    everywhere(|ground| {
        let (new, numbered) = (ground.inside("new"), ground.inside("other"));
        ground.run(|tree| async move {
            let mut upload = tree.create(b"new", whole(Existing::Refuse)).await.unwrap();
            put(&mut upload, b"late").await;
            fs::write(&new, b"early").unwrap();
            let error = upload.finish(false).await.unwrap_err();
            assert_eq!(number(&error), Some(Errno::EXIST));

            let how = whole(Existing::NextFreeName);
            let upload = tree.create(b"other", how).await.unwrap();
            assert_eq!(upload.name(), b"other");
            fs::write(&numbered, b"early").unwrap();
            assert_eq!(upload.finish(false).await.unwrap(), b"other.1");
        });
        assert_eq!(fs::read(ground.inside("new")).unwrap(), b"early");
        assert_eq!(fs::read(ground.inside("other")).unwrap(), b"early");
        assert_eq!(ground.names(""), ["d", "new", "other", "other.1"]);
    });
}

#[test]
fn f10_temporary_files_of_a_killed_server_are_swept_and_nothing_else_is() {
    everywhere(|ground| {
        let name = ".wharf-upload.0123456789abcdef";
        let old = std::time::SystemTime::now() - Duration::from_secs(60);
        let make = |name: &str| {
            let file = fs::File::create(ground.inside(name)).unwrap();
            file.set_modified(old).unwrap();
            file
        };
        drop(make(&format!("d/sub/{name}")));
        drop(make(name));
        for kept in [
            ".wharf-upload.0123456789abcdeF",
            ".wharf-upload.0123456789abcdef0",
            ".wharf-upload.x",
            "plain",
        ] {
            drop(make(kept));
        }
        let living = make("d/.wharf-upload.00000000000000aa");
        living.lock().unwrap();
        let young = "d/.wharf-upload.00000000000000bb";
        fs::write(ground.inside(young), b"").unwrap();
        drop(make("linked"));
        let second = ground.inside("d/.wharf-upload.00000000000000cc");
        fs::hard_link(ground.inside("linked"), second).unwrap();
        fs::create_dir(ground.outside("deep")).unwrap();
        let outside = ground.outside("deep").join(name);
        fs::File::create(&outside)
            .unwrap()
            .set_modified(old)
            .unwrap();
        ground.link(ground.outside("deep"), "d/link");
        ground.run(|tree| async move { sweep(&tree) });
        assert!(ground.names("d/sub").is_empty());
        assert!(!ground.inside(name).exists());
        assert!(outside.exists());
        assert_eq!(ground.names("").len(), 6, "{:?}", ground.names(""));
        assert_eq!(ground.names("d").len(), 6, "{:?}", ground.names("d"));
    });
}

#[test]
fn f10_a_living_upload_is_not_swept() {
    everywhere(|ground| {
        let directory = ground.inside("");
        ground.run(|tree| async move {
            let upload = tree.create(b"new", whole(Existing::Refuse)).await.unwrap();
            for entry in fs::read_dir(&directory).unwrap() {
                let entry = entry.unwrap();
                if is_temporary(entry.file_name().as_bytes()) {
                    let file = fs::File::options().write(true).open(entry.path()).unwrap();
                    file.set_modified(std::time::UNIX_EPOCH).unwrap();
                }
            }
            sweep(&tree);
            tree.handle.pool().drained().await;
            upload.finish(false).await.unwrap();
        });
        assert_eq!(ground.names(""), ["d", "new"]);
    });
}

#[test]
fn f10_a_client_cannot_give_the_name_of_a_temporary_file() {
    everywhere(|ground| {
        ground.run(|tree| async move {
            let name = b"d/.wharf-upload.0123456789abcdef";
            let created = tree.create(name, how(Existing::Refuse)).await.err();
            assert_eq!(number(&created.unwrap()), Some(Errno::PERM));
            let renamed = tree.rename(b"d/f", name, true).await;
            assert_eq!(number(&renamed.unwrap_err()), Some(Errno::PERM));
        });
    });
}

#[test]
fn a8_a_new_file_that_was_cut_short_is_removed_unless_it_is_to_stay() {
    everywhere(|ground| {
        ground.run(|tree| async move {
            for (name, keep_partial) in
                [(b"removed", false), (b"waiting", true), (b"partial", true)]
            {
                let how = Create {
                    keep_partial,
                    ..how(Existing::Refuse)
                };
                let mut upload = tree.create(name, how).await.unwrap();
                if name != b"waiting" {
                    put(&mut upload, b"half").await;
                }
            }
        });
        assert_eq!(ground.names(""), ["d", "partial"]);
        assert_eq!(fs::read(ground.inside("partial")).unwrap(), b"half");
    });
}

#[test]
fn a_file_that_took_the_name_of_an_upload_given_up_stays() {
    everywhere(|ground| {
        let path = ground.inside("new");
        ground.run(|tree| async move {
            let upload = tree.create(b"new", how(Existing::Refuse)).await.unwrap();
            fs::remove_file(&path).unwrap();
            fs::write(&path, b"somebody's").unwrap();
            drop(upload);
        });
        assert_eq!(fs::read(ground.inside("new")).unwrap(), b"somebody's");
    });
}

#[test]
fn f10_an_existing_file_is_not_touched_before_the_first_byte_can_arrive() {
    everywhere(|ground| {
        let path = ground.inside("d/f");
        ground.run(|tree| async move {
            drop(tree.create(b"d/f", how(Existing::Truncate)).await.unwrap());
            tree.handle.pool().drained().await;
            assert_eq!(fs::read(&path).unwrap(), b"inside");
            let mut upload = tree.create(b"d/f", how(Existing::Truncate)).await.unwrap();
            upload.begin().await.unwrap();
            assert_eq!(fs::read(&path).unwrap(), b"");
        });
        assert!(ground.inside("d/f").exists());
    });
}

#[test]
fn a3_what_exists_is_refused_whatever_it_is() {
    everywhere(|ground| {
        let special = make_special(ground);
        ground.link("nowhere", "link");
        ground.run(|tree| async move {
            for name in [special, vec![b"d", b"d/f", b"link"]].concat() {
                for how in [how(Existing::Refuse), whole(Existing::Refuse)] {
                    let error = tree.create(name, how).await.err().unwrap();
                    assert_eq!(number(&error), Some(Errno::EXIST), "{name:?}");
                }
            }
        });
    });
}

#[test]
fn a3_a_taken_name_is_numbered_up_to_the_first_free_one() {
    everywhere(|ground| {
        for number in (1..100).filter(|number| *number != 80) {
            fs::write(ground.inside(&format!("d/f.{number}")), b"").unwrap();
        }
        ground.run(|tree| async move {
            let mut upload = tree
                .create(b"d/f", how(Existing::NextFreeName))
                .await
                .unwrap();
            assert_eq!(upload.name(), b"d/f.80");
            put(&mut upload, b"bytes").await;
            assert_eq!(upload.finish(false).await.unwrap(), b"d/f.80");
            let upload = tree.create(b"d/f", whole(Existing::NextFreeName)).await;
            assert_eq!(upload.unwrap().name(), b"d/f.100");
        });
        assert_eq!(fs::read(ground.inside("d/f.80")).unwrap(), b"bytes");
    });
}

#[test]
fn uploads_do_not_follow_a_link_at_the_last_component() {
    everywhere(|ground| {
        ground.link("d/f", "link");
        ground.run(|tree| async move {
            for existing in [Existing::Truncate, Existing::Append, Existing::ResumeAt(2)] {
                for how in [how(existing), whole(existing)] {
                    let error = tree.create(b"link", how).await.err().unwrap();
                    assert_eq!(number(&error), Some(Errno::LOOP));
                }
            }
        });
        assert_eq!(fs::read(ground.inside("d/f")).unwrap(), b"inside");
    });
}

#[test]
fn p7_a_file_cannot_be_resumed_beyond_its_end() {
    everywhere(|ground| {
        ground.run(|tree| async move {
            for name in [&b"d/f"[..], b"missing"] {
                let error = tree.create(name, how(Existing::ResumeAt(7))).await.err();
                assert_eq!(number(&error.unwrap()), Some(Errno::SPIPE));
            }
        });
        assert!(!ground.inside("missing").exists());
    });
}

#[test]
fn p8_the_resulting_size_counts_what_was_there() {
    everywhere(|ground| {
        ground.run(|tree| async move {
            for (existing, size, bytes) in [
                (Existing::ResumeAt(2), 5, &b"in..."[..]),
                (Existing::Append, 8, b"in......"),
                (Existing::Truncate, 3, b"..."),
            ] {
                let mut upload = tree.create(b"d/f", how(existing)).await.unwrap();
                put(&mut upload, b"...").await;
                assert_eq!((upload.size(), upload.written()), (size, 3));
                upload.finish(true).await.unwrap();
                assert_eq!(content(&tree, b"d/f").await.unwrap(), bytes);
            }
        });
    });
}

#[test]
fn blocks_written_one_after_the_other_make_the_file() {
    everywhere(|ground| {
        ground.run(|tree| async move {
            for how in [how(Existing::Append), whole(Existing::Refuse)] {
                let name = if how.whole_or_nothing { b"w" } else { b"a" };
                let mut upload = tree.create(name, how).await.unwrap();
                upload.begin().await.unwrap();
                let mut block = vec![0; 3000];
                for byte in 0..40_u8 {
                    block.fill(byte);
                    block = upload.write_block(block, 3000).await.unwrap();
                }
                assert_eq!(upload.written(), 120_000);
                upload.finish(false).await.unwrap();
                let file = tree.open_read(name).await.unwrap();
                let bytes = file.read_block(0, 200_000).await.unwrap();
                assert_eq!(bytes.len(), 120_000);
                assert!((0..120_000).all(|at| usize::from(bytes[at]) == at / 3000));
            }
        });
    });
}

#[test]
fn f12_a_file_cut_short_while_it_is_read_gives_a_short_block() {
    everywhere(|ground| {
        let path = ground.inside("d/f");
        ground.run(|tree| async move {
            let file = tree.open_read(b"d/f").await.unwrap();
            assert_eq!(file.stat().size, 6);
            assert_eq!(file.read_block(1, 3).await.unwrap(), b"nsi");
            fs::write(&path, b"in").unwrap();
            assert_eq!(file.read_block(0, 6).await.unwrap(), b"in");
            assert_eq!(file.read_block(2, 4).await.unwrap(), b"");
            assert_eq!(file.read_block(1 << 40, 4).await.unwrap(), b"");
            fs::remove_file(&path).unwrap();
            assert_eq!(file.read_block(0, 6).await.unwrap(), b"in");
        });
    });
}

#[test]
fn files_in_memory_and_cached_files_are_read_on_the_loop() {
    everywhere(|ground| {
        ground.run(|tree| async move {
            let file = tree.open_read(b"d/f").await.unwrap();
            if tree.root.medium != Medium::Other {
                // Just written, so the disk's copy is in the cache.
                assert_eq!(file.place(0, 6), Place::Loop);
                assert_eq!(file.place(0, 0), Place::Loop);
            }
        });
    });
}

#[test]
fn f15_what_is_gone_or_was_moved_is_not_served_from_before() {
    everywhere(|ground| {
        let (from, to) = (ground.inside("d"), ground.inside("e"));
        ground.run(|tree| async move {
            assert!(content(&tree, b"d/f").await.is_ok());
            fs::rename(&from, &to).unwrap();
            let error = tree.stat(b"d/f").await.unwrap_err();
            assert_eq!(number(&error), Some(Errno::NOENT));
            assert!(content(&tree, b"e/f").await.is_ok());
        });
    });
}

#[test]
fn facts_are_those_of_the_object_or_of_the_link() {
    everywhere(|ground| {
        ground.link("d/f", "link");
        ground.run(|tree| async move {
            let (file, link) = (tree.stat(b"link").await, tree.lstat(b"link").await);
            let (file, link) = (file.unwrap(), link.unwrap());
            assert_eq!((file.kind, file.size), (Kind::File, 6));
            assert_eq!((link.kind, link.size), (Kind::Link, 3));
            assert_eq!(tree.read_link(b"link").await.unwrap(), b"d/f");
            assert!(tree.read_link(b"d/f").await.is_err());
            assert_eq!(tree.stat(b".").await.unwrap().kind, Kind::Directory);
            tree.set_times(b"link", (1_000_000_007, 5)).await.unwrap();
            let file = tree.stat(b"d/f").await.unwrap();
            assert_eq!((file.modified, file.modified_nanos), (1_000_000_007, 5));
            tree.set_times(b"d", (-1, 0)).await.unwrap();
            assert_eq!(tree.stat(b"d").await.unwrap().modified, -1);
            let space = tree.space(b"d").await.unwrap();
            assert!(space.available > 0 && space.available <= space.total);
        });
    });
}

#[test]
fn the_root_cannot_be_made_removed_or_renamed() {
    everywhere(|ground| {
        ground.run(|tree| async move {
            for result in [
                tree.make_directory(b".", 0o755).await,
                tree.remove_directory(b".").await,
                tree.remove_file(b".").await,
                tree.rename(b".", b"x", true).await,
                tree.rename(b"d", b".", true).await,
                tree.create(b".", how(Existing::Truncate)).await.map(drop),
            ] {
                assert_eq!(result.unwrap_err().kind(), ErrorKind::InvalidInput);
            }
        });
    });
}

#[test]
fn names_are_changed_where_they_are_and_links_not_followed() {
    everywhere(|ground| {
        ground.link("d", "link");
        ground.run(|tree| async move {
            let removed = tree.remove_directory(b"link").await;
            assert_eq!(number(&removed.unwrap_err()), Some(Errno::NOTDIR));
            let removed = tree.remove_file(b"d").await;
            assert_eq!(number(&removed.unwrap_err()), Some(Errno::ISDIR));
            tree.make_directory(b"link/made", 0o755).await.unwrap();
            tree.rename(b"d/made", b"d/sub/made", false).await.unwrap();
            tree.remove_directory(b"d/sub/made").await.unwrap();
            tree.remove_file(b"link").await.unwrap();
            assert_eq!(content(&tree, b"d/f").await.unwrap(), b"inside");
        });
        assert_eq!(ground.names(""), ["d"]);
    });
}

#[test]
fn a_rename_replaces_only_when_it_may() {
    everywhere(|ground| {
        fs::write(ground.inside("g"), b"other").unwrap();
        ground.run(|tree| async move {
            let renamed = tree.rename(b"g", b"d/f", false).await;
            assert_eq!(number(&renamed.unwrap_err()), Some(Errno::EXIST));
            assert_eq!(content(&tree, b"d/f").await.unwrap(), b"inside");
            tree.rename(b"g", b"d/f", true).await.unwrap();
            assert_eq!(content(&tree, b"d/f").await.unwrap(), b"other");
            assert!(tree.rename(b"d", b"d/sub/d", false).await.is_err());
        });
    });
}

async fn all_entries(directory: &mut Directory) -> Vec<(Vec<u8>, Option<Stat>, Option<Vec<u8>>)> {
    let mut all = Vec::new();
    while let Some(batch) = directory.next().await.unwrap() {
        assert_eq!(batch.len(), batch.iter().len());
        all.extend(batch.iter().map(|entry| {
            let target = entry.target.map(<[u8]>::to_vec);
            (entry.name.to_vec(), entry.stat, target)
        }));
    }
    all.sort_by(|one, other| one.0.cmp(&other.0));
    all
}

#[test]
fn a_long_directory_is_read_once_through() {
    everywhere(|ground| {
        for number in 0..5000 {
            fs::write(ground.inside(&format!("d/sub/{number:04}")), b"x").unwrap();
        }
        ground.run(|tree| async move {
            for stats in [true, false] {
                let want = Want {
                    stats,
                    targets: false,
                    hidden: false,
                };
                let mut directory = tree.open_directory(b"d/sub", want).await.unwrap();
                assert_eq!(directory.stat().kind, Kind::Directory);
                let all = all_entries(&mut directory).await;
                assert_eq!(all.len(), 5000);
                for (number, (name, stat, target)) in all.into_iter().enumerate() {
                    assert_eq!(name, format!("{number:04}").into_bytes());
                    assert_eq!(stat.map(|stat| stat.size), stats.then_some(1));
                    assert_eq!(target, None);
                }
                assert!(directory.next().await.unwrap().is_none());
            }
        });
    });
}

#[test]
fn a_listing_tells_what_is_wanted_of_each_entry() {
    everywhere(|ground| {
        ground.link("f", "d/link");
        ground.link("nowhere", "d/dangling");
        fs::write(ground.inside("d/.hidden"), b"").unwrap();
        ground.run(|tree| async move {
            let want = |stats, targets, hidden| Want {
                stats,
                targets,
                hidden,
            };
            for stats in [true, false] {
                let mut directory = tree
                    .open_directory(b"d", want(stats, true, false))
                    .await
                    .unwrap();
                let all = all_entries(&mut directory).await;
                let targets: Vec<_> = all
                    .iter()
                    .map(|(name, _, target)| (&name[..], target.as_deref()))
                    .collect();
                let expected = [
                    (&b"dangling"[..], Some(&b"nowhere"[..])),
                    (b"f", None),
                    (b"link", Some(b"f")),
                    (b"sub", None),
                ];
                assert_eq!(targets, expected);
                let link = all[2].1;
                assert_eq!(link.map(|stat| stat.kind), stats.then_some(Kind::Link));
            }
            let mut directory = tree
                .open_directory(b"d", want(false, false, true))
                .await
                .unwrap();
            let all = all_entries(&mut directory).await;
            assert_eq!(all[0].0, b".hidden");
            assert_eq!(all.len(), 5);
            let mut empty = tree
                .open_directory(b"d/sub", want(true, true, true))
                .await
                .unwrap();
            assert!(empty.next().await.unwrap().is_none());
            let file = tree.open_directory(b"d/f", want(true, true, true)).await;
            assert_eq!(number(&file.err().unwrap()), Some(Errno::NOTDIR));
        });
    });
}

#[test]
fn a_listing_whose_wait_was_given_up_loses_no_entry() {
    everywhere(|ground| {
        for number in 0..3000 {
            fs::write(ground.inside(&format!("d/sub/{number}")), b"").unwrap();
        }
        ground.run(|tree| async move {
            let want = Want {
                stats: false,
                targets: false,
                hidden: false,
            };
            let mut directory = tree.open_directory(b"d/sub", want).await.unwrap();
            let mut count = 0;
            loop {
                let polled = pin!(directory.next()).poll(&mut Context::from_waker(Waker::noop()));
                let batch = match polled {
                    std::task::Poll::Ready(batch) => batch.unwrap(),
                    std::task::Poll::Pending => directory.next().await.unwrap(),
                };
                match batch {
                    Some(batch) => count += batch.len(),
                    None => break,
                }
            }
            assert_eq!(count, 3000);
        });
    });
}

#[test]
fn what_is_mounted_below_the_root_is_reached_and_judged_by_its_own_kind() {
    for resolver in [None, Some(Resolver::Walk)] {
        let ground = Ground::new(Path::new("/dev/shm"), resolver);
        let path = ground.inside("new").into_os_string().into_encoded_bytes();
        let mut reactor = Reactor::new().unwrap();
        let tree = Tree::open_with(Path::new("/"), &reactor.handle(), resolver, None).unwrap();
        let root_is_memory = tree.root.medium == Medium::Memory;
        let done = reactor.run(async move {
            let version = tree.open_read(b"proc/version").await.unwrap();
            assert_eq!(version.place(0, 1), Place::Pool);
            assert!(!version.read_block(0, 10).await.unwrap().is_empty());
            let mut upload = tree
                .create(&path[1..], whole(Existing::Refuse))
                .await
                .unwrap();
            assert!(upload.on_loop());
            put(&mut upload, b"bytes").await;
            upload.finish(true).await.unwrap();
            let from_home = tree.rename(&path[1..], b"proc/x", true).await;
            assert_eq!(number(&from_home.unwrap_err()), Some(Errno::XDEV));
            let want = Want {
                stats: true,
                targets: true,
                hidden: true,
            };
            let mut directory = tree.open_directory(b".", want).await.unwrap();
            let all = all_entries(&mut directory).await;
            let proc = all.iter().find(|entry| entry.0 == b"proc").unwrap();
            assert_ne!(proc.1.unwrap().device, tree.root.device);
        });
        done.unwrap();
        assert!(!root_is_memory || ground.resolver.is_none());
        assert_eq!(fs::read(ground.inside("new")).unwrap(), b"bytes");
    }
}

#[test]
fn freeing_a_large_file_is_left_to_the_pool_and_still_done() {
    everywhere(|ground| {
        let large = |name: &str| {
            let file = fs::File::create(ground.inside(name)).unwrap();
            file.set_len(HEAVY + 1).unwrap();
        };
        for name in ["removed", "cut", "replaced", "renamed-over"] {
            large(name);
        }
        ground.run(|tree| async move {
            tree.remove_file(b"removed").await.unwrap();
            for (name, how) in [
                (&b"cut"[..], how(Existing::Truncate)),
                (b"replaced", whole(Existing::Truncate)),
            ] {
                let mut upload = tree.create(name, how).await.unwrap();
                put(&mut upload, b"x").await;
                upload.finish(false).await.unwrap();
                assert_eq!(tree.stat(name).await.unwrap().size, 1);
            }
            tree.rename(b"cut", b"renamed-over", true).await.unwrap();
            assert_eq!(tree.stat(b"renamed-over").await.unwrap().size, 1);
        });
        assert_eq!(ground.names(""), ["d", "renamed-over", "replaced"]);
    });
}
