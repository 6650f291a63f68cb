//! A machine of its own for a test (`machine.sh`), on which systemd runs the units as they are written.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::common::skipping::cannot;
use crate::{PATIENCE, SERVER, is_root, open_directory, path};

/// What scripts there may use beside the programs. `await` runs a command until it succeeds. `fails` is for a command that must
/// not: after `!` a shell goes on whatever comes of it, also with -e.
const WORDS: &str = r#"
await() { n=0; until "$@"; do n=$((n+1)); [ $n -lt 400 ] || { echo "in vain: $*" >&2; return 1; }; sleep .05; done; }
fails() { if "$@"; then echo "it succeeded: $*" >&2; return 1; fi; }
"#;

/// One that runs; it ends with this value.
pub(crate) struct Machine {
    program: Child,
    /// Process 1, as the test sees it.
    first: String,
    group: PathBuf,
    files: PathBuf,
    _folder: TempDir,
}

/// A program of a Debian package that `.ci/setup` has unpacked and not installed, as it would start something; else the one that
/// is installed.
pub(crate) fn unpacked(variable: &str, program: &str) -> Option<PathBuf> {
    let root = std::env::var_os(variable).filter(|root| !root.is_empty());
    let program = Path::new(&root.unwrap_or("/".into())).join(program);
    let reason = format!("{} is not there", program.display());
    (!cannot(!program.is_file(), &reason)).then_some(program)
}

/// Where control groups of the second version are, which systemd wants to make some in.
fn control_groups() -> Option<PathBuf> {
    let mounts = fs::read_to_string("/proc/self/mounts").ok()?;
    let mut fields = mounts.lines().map(|line| line.split(' '));
    let place = fields.find_map(|mut fields| {
        let place = fields.nth(1)?;
        (fields.next()? == "cgroup2").then_some(place)
    });
    place.map(PathBuf::from)
}

/// The control group of a test, named like its folder, which no other test has.
fn group_of(groups: &Path, folder: &TempDir) -> PathBuf {
    let name = folder.path().file_name().expect("a name");
    groups.join(format!("wharf-test-{}", name.display()))
}

/// What the kernel, or a container around these tests, withholds of such a machine. No package brings it, so with `CI` too it
/// is a reason to skip.
fn withheld(groups: Option<&Path>) -> Option<&'static str> {
    let folder = open_directory();
    if fs::create_dir(group_of(groups?, &folder)).is_err() {
        return Some("control groups cannot be made here");
    }
    let _ = fs::remove_dir(group_of(groups?, &folder));
    let script = "mount -t tmpfs tmpfs \"$0\" && mkdir \"$0/up\" \"$0/work\" && \
                  mount -t overlay overlay -o \"lowerdir=/etc,upperdir=$0/up,workdir=$0/work\" /etc && \
                  mount -t cgroup2 none /sys/fs/cgroup";
    let mut probe = Command::new("unshare");
    probe.args(["--mount", "--propagation", "private", "--pid", "--fork"]);
    probe.args(["--net", "--uts", "--ipc", "--cgroup", "sh", "-c", script]);
    let output = probe.arg(folder.path()).stdin(Stdio::null()).output();
    let works = output.is_ok_and(|output| output.status.success());
    (!works).then_some("namespaces, overlayfs or control groups are withheld here")
}

impl Machine {
    /// With these files there, those that are units where systemd looks, all others in `$FILES`; `None` where there can be no
    /// such machine.
    pub(crate) fn start<P: AsRef<Path>>(files: &[P]) -> Option<Machine> {
        let groups = control_groups();
        let lacks =
            !is_root() || groups.is_none() || !Path::new("/usr/lib/systemd/systemd").exists();
        if cannot(
            lacks,
            "a machine with systemd needs root, cgroup2 and the package systemd",
        ) {
            return None;
        }
        if let Some(reason) = withheld(groups.as_deref()) {
            eprintln!("skipped: {reason}");
            return None;
        }
        let folder = open_directory();
        let (cover, to) = (folder.path().join("cover"), folder.path().join("files"));
        fs::create_dir(&cover).expect("a folder");
        fs::create_dir(&to).expect("a folder");
        for file in files {
            let file = path(file);
            let name = file.file_name().expect("a name");
            fs::copy(&file, to.join(name)).expect("a file");
        }
        let group = group_of(&groups?, &folder);
        fs::create_dir(&group).expect("a control group");
        let mut program = Command::new("sh");
        program
            .args(["-c", "echo $$ >\"$0/cgroup.procs\"; exec \"$@\""])
            .arg(&group);
        program.args(["unshare", "--mount", "--propagation", "private", "--pid"]);
        program.args([
            "--fork",
            "--kill-child",
            "--net",
            "--uts",
            "--ipc",
            "--cgroup",
        ]);
        program.args(["sh"]).arg(path("tests/examples/machine.sh"));
        program.arg(folder.path()).arg(SERVER).stdin(Stdio::null());
        let program = program.spawn().expect("unshare");
        let mut machine = Machine {
            program,
            first: String::new(),
            group,
            files: to,
            _folder: folder,
        };
        machine.await_systemd();
        Some(machine)
    }

    fn await_systemd(&mut self) {
        let number = self.program.id();
        let children = format!("/proc/{number}/task/{number}/children");
        let end = Instant::now() + PATIENCE;
        loop {
            let first = fs::read_to_string(&children).unwrap_or_default();
            first.trim().clone_into(&mut self.first);
            let runs = !self.first.is_empty() && self.tries("systemctl is-system-running").is_ok();
            if runs {
                return;
            }
            let ended = self.program.try_wait().expect("a status");
            assert!(ended.is_none(), "the machine ended: {ended:?}");
            assert!(Instant::now() < end, "systemd does not run");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// What a shell there prints, or else everything it said. It has the words of [`WORDS`].
    pub(crate) fn tries(&self, script: &str) -> Result<String, String> {
        let mut shell = Command::new("nsenter");
        shell.args(["--target", &self.first, "--mount", "--pid", "--net"]);
        shell.args(["--uts", "--ipc", "--cgroup", "sh", "-euc"]);
        shell.arg(format!("{WORDS}{script}"));
        shell.env("FILES", &self.files);
        let output = shell.stdin(Stdio::null()).output().expect("nsenter");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        match output.status.success() {
            true => Ok(said),
            false => Err(said + &String::from_utf8_lossy(&output.stderr)),
        }
    }

    /// What a shell there prints.
    #[track_caller]
    pub(crate) fn run(&self, script: &str) -> String {
        self.tries(script).unwrap_or_else(|said| {
            let more =
                "systemctl --no-pager status '*.service' '*.socket'; tail -n 15 /var/log/said";
            let more = self.tries(more).unwrap_or_else(|more| more);
            panic!("{script}\n{said}\n{more}")
        })
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        // Everything there ends with its first process.
        let _ = self.program.kill();
        let _ = self.program.wait();
        let end = Instant::now() + PATIENCE;
        while fs::exists(&self.group).unwrap_or(false) && Instant::now() < end {
            remove_group(&self.group);
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

/// A group can be removed when it has no others within, and no process.
fn remove_group(group: &Path) {
    let inside = fs::read_dir(group).into_iter().flatten().flatten();
    for entry in inside.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())) {
        remove_group(&entry.path());
    }
    let _ = fs::remove_dir(group);
}
