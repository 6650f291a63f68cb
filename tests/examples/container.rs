//! examples/container: what the image is made of, run as it would be; the files for compose and Kubernetes as far as they can
//! be read. No image is fetched: in place of a container there is a read-only root with the image's files in it.

use std::fs;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use wharf::flags::Flags;
use wharf::settings::Settings;

use crate::common::skipping::cannot;
use crate::{Client, Running, assert_taken, free_port, is_root, open_directory, path, read};

/// The words of a line of the Containerfile in the form of a list.
fn words(instruction: &str) -> Vec<String> {
    let text = read("examples/container/Containerfile");
    let line = text.lines().find_map(|line| line.strip_prefix(instruction));
    let line = line.expect(instruction).trim().trim_matches(['[', ']']);
    let words = line
        .split(',')
        .map(|word| word.trim().trim_matches('"').to_owned());
    words.collect()
}

/// What the image is asked by, now and then.
fn health_check() -> Vec<String> {
    let text = read("examples/container/Containerfile");
    let line = text.lines().find(|line| line.starts_with("HEALTHCHECK "));
    let (_, words) = line
        .expect("a health check")
        .split_once(" CMD ")
        .expect("a command");
    let words = words.trim_matches(['[', ']']).split(", ");
    words
        .map(|word| word.trim_matches('"').to_owned())
        .collect()
}

/// Builds the image's programs by its own command, but for the optimisation; `None` without the target.
fn build() -> Option<PathBuf> {
    let target = format!("{}-unknown-linux-musl", std::env::consts::ARCH);
    let mut list = Command::new("rustc");
    let sysroot = list.args(["--print", "sysroot"]).output().expect("rustc");
    let sysroot = PathBuf::from(String::from_utf8_lossy(&sysroot.stdout).trim());
    let has = sysroot.join("lib/rustlib").join(&target).is_dir();
    if !has {
        // A Rust that is not rustup's may have no such target to install.
        eprintln!("skipped: Rust's target {target} is not installed");
        return None;
    }
    let text = read("examples/container/Containerfile").replace("\\\n", " ");
    let line = text
        .split("&& ")
        .find(|line| line.trim().starts_with("cargo build"));
    let line = line
        .expect("a command")
        .replace("$(uname -m)-unknown-linux-musl", &target);
    let line = line.replace(" --profile image", "");
    // Beside the target directory that cargo uses now, which it has locked.
    let folder = Path::new(crate::SERVER)
        .ancestors()
        .nth(2)
        .expect("a folder")
        .join("static");
    let built = Command::new("sh")
        .args(["-c", &line])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env("CARGO_TARGET_DIR", &folder)
        .output()
        .expect("sh");
    assert!(
        built.status.success(),
        "{}",
        String::from_utf8_lossy(&built.stderr)
    );
    Some(folder.join(target).join("debug"))
}

#[test]
fn the_image_needs_nothing_but_its_own_files_and_no_rights() {
    if cannot(!is_root(), "only root can make a root of its own") {
        return;
    }
    let Some(programs) = build() else {
        return;
    };
    let image = open_directory();
    for folder in ["dev", "srv/ftp", "users", "homes/joe"] {
        fs::create_dir_all(image.path().join(folder)).expect("a folder");
    }
    fs::write(image.path().join("srv/ftp/hello.txt"), "hello\n").expect("a file");
    std::os::unix::fs::chown(image.path().join("homes/joe"), Some(65532), Some(65532))
        .expect("an owner");
    for program in ["wharf-ftpd", "wharf-pw"] {
        fs::copy(programs.join(program), image.path().join(program)).expect(program);
        let needs = Command::new("ldd")
            .arg(programs.join(program))
            .output()
            .expect("ldd");
        let needs = String::from_utf8_lossy(&needs.stdout).into_owned()
            + &String::from_utf8_lossy(&needs.stderr);
        let is_static = needs.contains("statically linked") || needs.contains("not a dynamic");
        assert!(is_static, "{program}: {needs}");
    }
    fs::write(image.path().join("dev/null"), "").expect("a file");
    let users = "joe:$5$abcdefgh$gruCpC7VkOTspMQTTSAR8mtlO9Upms.fwqE5y16JVM.:65532:65532::/homes/joe/./::::::::::::\n";
    fs::write(image.path().join("users/ftp.passwd"), users).expect("a file");
    let made = Command::new("chroot")
        .arg(image.path())
        .args([
            "/wharf-pw",
            "mkdb",
            "/users/ftp.pdb",
            "-f",
            "/users/ftp.passwd",
        ])
        .status();
    assert!(made.expect("chroot").success());
    fs::set_permissions(
        image.path().join("users/ftp.pdb"),
        std::os::unix::fs::PermissionsExt::from_mode(0o644),
    )
    .expect("a mode");

    let mut strangers = start(image.path(), &words("CMD "));
    let mut client = strangers.client().login();
    assert_eq!(strangers.health(strangers.port), Some(0));
    let nobody = free_port(Ipv4Addr::LOCALHOST.into()).expect("a port");
    assert_eq!(strangers.health(nobody), Some(69));
    assert_eq!(client.fetch("RETR hello.txt"), (226, b"hello\n".into()));
    assert!(client.store("STOR up", b"a gift") >= 400);
    strangers.ends_at_once();

    let accounts = ["-E", "-A", "-l", "puredb:/users/ftp.pdb"].map(str::to_owned);
    let mut accounts = start(image.path(), &accounts);
    let mut client = accounts.client();
    assert_eq!(client.ask("USER joe").0, 331);
    assert_eq!(client.ask("PASS secret").0, 230);
    assert_eq!(client.store("STOR up", b"mine"), 226);
    assert_eq!(
        fs::read(image.path().join("homes/joe/up")).expect("it"),
        b"mine"
    );
    accounts.ends_at_once();
}

struct Container {
    running: Running,
    port: u16,
}

/// Runs the image's entry point with these words behind it, on another port: as process 1 and the image's user, in a root that
/// has the image's files, of the machine what every container has of it that the server needs (/dev/null), and where only
/// homes/ can be written to.
fn start(image: &Path, command: &[String]) -> Container {
    let port = free_port(Ipv4Addr::LOCALHOST.into()).expect("a port");
    let mut program = Command::new("unshare");
    program.args([
        "--mount",
        "--propagation",
        "private",
        "--pid",
        "--fork",
        "--kill-child",
    ]);
    program.args(["--ipc", "sh", "-c"]);
    let script = "mount --bind \"$0\" \"$0\" && mount -o remount,ro,bind \"$0\" && \
        mount --bind \"$0/homes\" \"$0/homes\" && mount -o remount,rw,bind \"$0/homes\" && mount --bind /dev/null \"$0/dev/null\" && \
        exec setpriv --bounding-set -all,+sys_chroot,+setuid,+setgid \
        chroot --userspec 65532:65532 \"$0\" \"$@\"";
    program
        .arg(script)
        .arg(image)
        .args(words("ENTRYPOINT "))
        .args(command);
    program
        .args(["-S", &format!("127.0.0.1,{port}")])
        .stdin(Stdio::null());
    Container {
        running: Running(program.spawn().expect("unshare")),
        port,
    }
}

impl Container {
    fn client(&mut self) -> Client {
        let address = (Ipv4Addr::LOCALHOST, self.port).into();
        Client::connect(address, Some(&mut self.running)).expect("a greeting")
    }

    /// Process 1 of the container, by its number outside.
    fn first(&self) -> String {
        let number = self.running.0.id();
        let children = format!("/proc/{number}/task/{number}/children");
        let first = fs::read_to_string(children).expect("a child");
        first.trim().to_owned()
    }

    /// The status of the image's health check in the container, asking this port.
    fn health(&self, port: u16) -> Option<i32> {
        let port = port.to_string();
        let words = health_check().into_iter();
        let words = words.map(|word| if word == "2121" { port.clone() } else { word });
        let status = Command::new("nsenter")
            .args(["--target", &self.first(), "--mount", "--pid", "--root"])
            .args(["--setuid", "65532", "--setgid", "65532"])
            .args(words)
            .stdin(Stdio::null())
            .status();
        status.expect("nsenter").code()
    }

    /// As process 1 it must follow SIGTERM, which is what stops a container.
    fn ends_at_once(&mut self) {
        let first = self.first();
        let status = fs::read_to_string(format!("/proc/{first}/status")).expect("it");
        for line in [
            "Uid:\t65532\t65532\t65532\t65532",
            "CapEff:\t0000000000000000",
        ] {
            assert!(status.contains(line), "{line}: {status}");
        }
        assert!(
            status
                .lines()
                .any(|line| line.starts_with("NSpid:") && line.ends_with("\t1"))
        );
        let told = Instant::now();
        let killed = Command::new("kill").arg(&first).status();
        assert!(killed.expect("kill").success());
        let status = loop {
            if let Some(status) = self.running.0.try_wait().expect("a status") {
                break status;
            }
            assert!(told.elapsed() < Duration::from_secs(5), "it goes on");
            std::thread::sleep(Duration::from_millis(5));
        };
        assert!(status.success(), "{status}");
    }
}

/// What Python's reader of YAML makes of a file: for each container its words, then `ports` and those that are published.
fn published(file: &str) -> Option<Vec<Vec<String>>> {
    let script = "import sys, yaml
for text in yaml.safe_load_all(open(sys.argv[1])):
    if 'services' in text:
        for service in text['services'].values():
            assert service['healthcheck']['test'] == ['CMD'] + sys.argv[2:]
            assert service['read_only'] and service['cap_drop'] == ['ALL'] and service['user'] == '65532:65532'
            print(*service['command'])
            print(*[port.split(':')[1] for port in service['ports']])
    elif text['kind'] == 'Deployment':
        template = text['spec']['template']['spec']
        assert template['securityContext']['runAsNonRoot'] and template['securityContext']['runAsUser'] == 65532
        container, = template['containers']
        assert container['securityContext']['readOnlyRootFilesystem']
        assert container['securityContext']['capabilities'] == {'drop': ['ALL']}
        for probe in 'livenessProbe', 'readinessProbe':
            assert container[probe]['exec']['command'] == sys.argv[2:]
        labels = text['spec']['template']['metadata']['labels']
        assert labels == text['spec']['selector']['matchLabels']
        names = {port['name']: port['containerPort'] for port in container['ports']}
        print(*container['args'])
    else:
        assert text['kind'] == 'Service' and text['spec']['selector'] == labels
        ports = [names.get(port['targetPort'], port['targetPort']) for port in text['spec']['ports']]
        assert ports[1:] == list(range(ports[1], ports[-1] + 1)) == [port['port'] for port in text['spec']['ports'][1:]]
        print(ports[0], '%s-%s' % (ports[1], ports[-1]))";
    let output = Command::new("/usr/bin/python3")
        .args(["-c", script])
        .arg(path(file))
        .args(health_check())
        .output();
    let output = output
        .ok()
        .filter(|output| !String::from_utf8_lossy(&output.stderr).contains("No module named"));
    if cannot(output.is_none(), "python3-yaml is not installed") {
        return None;
    }
    let output = output?;
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    Some(
        text.lines()
            .map(|line| line.split(' ').map(str::to_owned).collect())
            .collect(),
    )
}

#[test]
fn what_is_published_is_what_the_server_uses() {
    let entry = words("ENTRYPOINT ");
    assert_eq!(entry[0], "/wharf-ftpd");
    let check = health_check();
    assert_eq!(check[0], entry[0]);
    assert_taken(check[1..].iter().map(String::as_str));
    // It asks where the image listens.
    let place = |words: &[String]| {
        words
            .windows(2)
            .find(|pair| pair[0] == "-S")
            .map(|pair| pair[1].clone())
    };
    assert_eq!(place(&check), place(&entry));
    for file in [
        "examples/container/compose.yaml",
        "examples/container/kubernetes.yaml",
    ] {
        let Some(containers) = published(file) else {
            return;
        };
        assert!(!containers.is_empty() && containers.len() % 2 == 0);
        for pair in containers.chunks(2) {
            let flags: Vec<&str> = entry[1..]
                .iter()
                .chain(&pair[0])
                .map(String::as_str)
                .collect();
            assert_taken(flags.iter().copied());
            let range = flags
                .windows(2)
                .rev()
                .find(|pair| pair[0] == "-p")
                .expect("-p")[1];
            assert_eq!(pair[1], ["2121", &range.replace(':', "-")], "{file}");
        }
    }
}

#[test]
fn the_flags_for_those_who_come_from_an_image_are_ones_the_server_takes() {
    let text = read("README.md");
    let (_, table) = text.split_once("<!-- images: ").expect("the table");
    let table = table.split_once("\n###").expect("its end").0;
    let rows = table
        .lines()
        .filter(|line| line.starts_with("| ") && line.contains('/'));
    let rows: Vec<&str> = rows.collect();
    assert_eq!(rows.len(), 5, "{rows:?}");
    for row in rows {
        // What the image runs comes first, and what its variables change may follow in any number.
        let flags = row
            .split('`')
            .skip(1)
            .step_by(2)
            .filter(|text| text.starts_with('-'));
        let words: Vec<&str> = flags.flat_map(str::split_whitespace).collect();
        let parsed = Flags::parse(["wharf-ftpd"].iter().chain(&words));
        let parsed = parsed.unwrap_or_else(|stop| panic!("{row}: {stop}"));
        Settings::from_flags(&parsed).unwrap_or_else(|stop| panic!("{row}: {stop}"));
    }
}
