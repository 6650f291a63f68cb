//! vsftpd and ours, started from the same file one after the other on the same tree, are asked the same things: may this
//! user log in, list, read, write, overwrite, delete, see dot files, leave the root. The answers must be the same, but for what
//! stands in [`EXCUSED`].
//!
//! `WHARF_VSFTPD` names the folder that Debian's package is unpacked in and not installed (`.ci/test` sets it); without it
//! or without root the comparison is skipped. Either server sees users, passwords and PAM rules of its own, in a mount
//! namespace. A file that needs a flag which is still to come is skipped as well, and told.

use std::fs::{self, File, Permissions};
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use wharf::flags::definition;
use wharf::wrapper::translation::has_source;

use crate::common::client::{Client, connect_data};
use crate::common::ending::end;
use crate::support::{PROGRAM, folder, run, write};

const PASSWORD: &str = "secret";

/// [`PASSWORD`] by SHA-256 (crypt(5)).
const HASH: &str = "$5$abcdefgh$gruCpC7VkOTspMQTTSAR8mtlO9Upms.fwqE5y16JVM.";

/// Users and their numbers; the group has the same.
const USERS: [(&str, u32); 4] = [
    ("ftp", 4401),
    ("alice", 4402),
    ("bob", 4403),
    ("virtual", 4404),
];

/// How long a server may take to listen.
const PATIENCE: Duration = Duration::from_secs(20);

/// The files: a name, lines, and who asks. `PLACE` stands for the folder of the test.
const FILES: &[(&str, &str, &[&str])] = &[
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
        "different bits for anonymous and for users",
        "local_enable=YES\nwrite_enable=YES\nanon_upload_enable=YES\nanon_umask=077\nlocal_umask=022\n\
         anon_world_readable_only=NO\n",
        &["anonymous", "alice"],
    ),
];

/// Where the answers may part, and why: the begin of the name of a file, that of a question, what vsftpd says, what ours says.
const EXCUSED: &[(&str, &str, &str, &str)] = &[
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

/// The folder of Debian's package.
fn theirs() -> Option<PathBuf> {
    let named = std::env::var_os("WHARF_VSFTPD").filter(|path| !path.is_empty());
    let lacking = match &named {
        None => Some("WHARF_VSFTPD names no folder with vsftpd"),
        Some(_) if !rustix::process::geteuid().is_root() => Some("vsftpd needs root"),
        Some(_) => None,
    };
    if let Some(lacking) = lacking {
        assert!(
            std::env::var_os("CI").is_none(),
            "in CI this must run: {lacking}"
        );
        eprintln!("skipped: {lacking}");
        return None;
    }
    named.map(PathBuf::from)
}

/// Everything both servers see, made anew for each of them.
fn lay_out(place: &Path) {
    for name in ["home", "srv", "etc"] {
        let _ = fs::remove_dir_all(place.join(name));
    }
    let mut passwd = String::from(
        "root:x:0:0::/root:/bin/sh\nnobody:x:65534:65534::/nonexistent:/usr/sbin/nologin\n",
    );
    let mut shadow = String::from("root:*:19000::::::\n");
    let mut group = String::from("root:x:0:\nnogroup:x:65534:\n");
    for (name, number) in USERS {
        let home = if name == "ftp" {
            "srv".to_owned()
        } else {
            format!("home/{name}")
        };
        let path = place.join(&home).display().to_string();
        passwd += &format!("{name}:x:{number}:{number}::{path}:/bin/sh\n");
        shadow += &format!("{name}:{HASH}:19000:0:99999:7:::\n");
        group += &format!("{name}:x:{number}:\n");
        tree(place, &home, if name == "ftp" { 0 } else { number }, number);
    }
    let pam = "auth required pam_unix.so\naccount required pam_unix.so\n";
    for (name, text) in [
        ("etc/passwd", passwd.as_str()),
        ("etc/shadow", &shadow),
        ("etc/group", &group),
        ("etc/shells", "/bin/sh\n"),
        ("etc/pam.d/vsftpd", pam),
        ("list", "bob\n"),
        ("outside", "out of reach\n"),
    ] {
        write(place, name, text);
    }
    make_directory(place, "empty", 0, 0o755);
}

/// A home or a root: files of all kinds, and a directory its user may write.
fn tree(place: &Path, at: &str, owner: u32, user: u32) {
    make_directory(place, "home", 0, 0o755);
    make_directory(place, at, owner, 0o755);
    for (name, mode) in [
        ("open", 0o644),
        ("closed", 0o640),
        (".dot", 0o644),
        ("my.key", 0o644),
    ] {
        let path = place.join(at).join(name);
        fs::write(&path, "text\n").expect("a file");
        fs::set_permissions(&path, Permissions::from_mode(mode)).expect("a mode");
        chown(&path, Some(owner), Some(user)).expect("an owner");
    }
    make_directory(place, &format!("{at}/box"), user, 0o755);
    let mine = place.join(at).join("box/mine");
    fs::write(&mine, "mine\n").expect("a file");
    chown(&mine, Some(user), Some(user)).expect("an owner");
    make_directory(place, &format!("{at}/box/gone"), user, 0o755);
}

fn make_directory(place: &Path, name: &str, owner: u32, mode: u32) {
    let path = place.join(name);
    fs::create_dir_all(&path).expect("a directory");
    fs::set_permissions(&path, Permissions::from_mode(mode)).expect("a mode");
    chown(&path, Some(owner), Some(owner)).expect("an owner");
}

/// Mounts the files of its first word over those of /etc and becomes the rest of its words.
const IN_NAMESPACE: &str = "for file in passwd shadow group shells pam.d; do mount --bind \"$1/$file\" /etc/$file || exit 99; \
     done; shift; exec \"$@\"";

struct Server {
    child: Child,
    address: SocketAddr,
    errors: PathBuf,
}

impl Drop for Server {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

impl Server {
    fn start(place: &Path, words: &[&str]) -> Server {
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let address = free.local_addr().expect("its number");
        drop(free);
        let errors = place.join("errors");
        let port = format!("-olisten_port={}", address.port());
        // Some systems have no /etc/pam.d to mount on.
        fs::create_dir_all("/etc/pam.d").expect("/etc/pam.d");
        let mut command = Command::new("unshare");
        command
            .args([
                "--mount",
                "--propagation",
                "private",
                "sh",
                "-c",
                IN_NAMESPACE,
                "sh",
            ])
            .arg(place.join("etc"))
            .args(words)
            .args([&port, "-olisten=YES", "-olisten_address=127.0.0.1"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(&errors).expect("a file"));
        let child = command.spawn().expect("unshare");
        let mut server = Server {
            child,
            address,
            errors,
        };
        let limit = Instant::now() + PATIENCE;
        while Client::connect(address)
            .and_then(|mut client| client.reply())
            .is_err()
        {
            let ended = server.child.try_wait().expect("a status");
            let said = fs::read_to_string(&server.errors).unwrap_or_default();
            assert!(
                ended.is_none() && Instant::now() < limit,
                "{words:?}: {ended:?} {said}"
            );
            std::thread::sleep(Duration::from_millis(20));
        }
        server
    }

    /// What each user may do, a line for each question.
    fn answers(&self, place: &Path, users: &[&str]) -> Vec<(String, String)> {
        let mut answers = Vec::new();
        for user in users {
            let told = Conversation::hold(self.address, place, user);
            answers.extend(
                told.into_iter()
                    .map(|(question, answer)| (format!("{user}: {question}"), answer)),
            );
        }
        answers
    }
}

struct Conversation {
    client: Client,
}

impl Conversation {
    fn hold(address: SocketAddr, place: &Path, user: &str) -> Vec<(String, String)> {
        let mut told = vec![];
        let mut tell = |question: &str, answer: bool| {
            told.push((
                question.to_owned(),
                if answer { "yes" } else { "no" }.to_owned(),
            ));
        };
        let mut client = Client::connect(address).expect("a connection");
        client
            .stream()
            .set_read_timeout(Some(Duration::from_secs(30)))
            .expect("a limit");
        let _ = client.reply();
        let mut talk = Conversation { client };
        let entered = match talk.code(&format!("USER {user}")) {
            331 => talk.code(&format!("PASS {PASSWORD}")) == 230,
            code => code == 230,
        };
        tell("log in", entered);
        if !entered {
            return told;
        }
        talk.code("TYPE I");
        let listing = talk.fetch("LIST").unwrap_or_default();
        let with_dots = talk.fetch("LIST -a").unwrap_or_default();
        let names = talk.fetch("NLST").unwrap_or_default();
        for name in ["open", "closed", ".dot", "my.key"] {
            tell(&format!("list {name}"), shows(&listing, name));
            tell(&format!("list all {name}"), shows(&with_dots, name));
            tell(&format!("list names {name}"), shows(&names, name));
        }
        for name in ["open", "closed", ".dot", "my.key", "box/mine", "none"] {
            tell(
                &format!("read {name}"),
                talk.fetch(&format!("RETR {name}")).is_some(),
            );
        }
        let outside = place.join("outside").display().to_string();
        for path in [
            outside.as_str(),
            "../../outside",
            "../outside",
            "/outside",
            "/etc/passwd",
        ] {
            tell(
                &format!("leave the root by {path}"),
                talk.fetch(&format!("RETR {path}")).is_some(),
            );
        }
        tell("enter box", talk.code("CWD box") == 250);
        for (verb, name) in [
            ("STOR", "new"),
            ("STOR", "mine"),
            ("APPE", "mine"),
            ("STOR", ".new"),
            ("STOR", "my.key"),
            ("STOR", "../open"),
        ] {
            let question = match verb {
                "STOR" => format!("store {name}"),
                _ => format!("append {name}"),
            };
            tell(&question, talk.store(&format!("{verb} {name}")));
        }
        tell("read what was stored", talk.fetch("RETR new").is_some());
        tell("make a directory", talk.code("MKD made") == 257);
        tell("change rights", talk.code("SITE CHMOD 600 mine") == 200);
        let renames = talk.code("RNFR mine") == 350 && talk.code("RNTO other") == 250;
        tell("rename", renames);
        tell(
            "delete what was there",
            talk.code(if renames { "DELE other" } else { "DELE mine" }) == 250,
        );
        tell("delete what was stored", talk.code("DELE new") == 250);
        tell("remove a directory", talk.code("RMD gone") == 250);
        // Stored once more so that its bits can be seen.
        let stays = talk.store("STOR last");
        tell("store last", stays);
        told.extend(bits(place));
        told
    }

    fn code(&mut self, line: &str) -> u16 {
        self.client.command(line).map_or(0, |reply| reply.code)
    }

    fn fetch(&mut self, line: &str) -> Option<Vec<u8>> {
        let address = self.client.ask_passive().ok()?;
        let mut data = connect_data(address).ok()?;
        if !matches!(self.code(line), 125 | 150) {
            return None;
        }
        let mut bytes = Vec::new();
        data.read_to_end(&mut bytes).ok()?;
        drop(data);
        (self.client.reply().ok()?.code == 226).then_some(bytes)
    }

    fn store(&mut self, line: &str) -> bool {
        self.try_store(line).unwrap_or(false)
    }

    fn try_store(&mut self, line: &str) -> io::Result<bool> {
        let mut data = connect_data(self.client.ask_passive()?)?;
        if !matches!(self.client.command(line)?.code, 125 | 150) {
            return Ok(false);
        }
        data.write_all(b"stored\n")?;
        data.shutdown(Shutdown::Write)?;
        drop(data);
        Ok(self.client.reply()?.code == 226)
    }
}

/// Whether a line of a listing ends with this name.
fn shows(listing: &[u8], name: &str) -> bool {
    let lines = listing.split(|byte| *byte == b'\n');
    lines
        .map(|line| String::from_utf8_lossy(line).trim_end().to_owned())
        .any(|line| line == name || line.ends_with(&format!(" {name}")))
}

/// Owner and bits of what was made, wherever it is.
fn bits(place: &Path) -> Vec<(String, String)> {
    let homes = ["srv", "home/alice", "home/bob", "home/virtual"];
    let names = ["last", "made"];
    let paths = homes
        .iter()
        .flat_map(|home| names.map(|name| format!("{home}/box/{name}")));
    paths
        .filter_map(|path| {
            let found = fs::metadata(place.join(&path)).ok()?;
            let answer = format!(
                "{}:{} {:04o}",
                found.uid(),
                found.gid(),
                found.mode() & 0o7777
            );
            Some((format!("bits of {path}"), answer))
        })
        .collect()
}

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

/// Ours is refused for nothing but the want of a flag.
fn waits(place: &Path) -> Option<String> {
    let said = run(place, &[method(), &["--printlines", "a.conf"]].concat());
    if said.status == 0 {
        return None;
    }
    let lines: Vec<&str> = said.err.lines().collect();
    let waits = |line: &&str| line.contains(crate::corpus::IS_TO_COME);
    assert!(lines.iter().all(waits), "{}", said.err);
    Some(lines.join("; "))
}

/// Whether both servers agree, as far as they must.
fn differences(name: &str, theirs: &[(String, String)], ours: &[(String, String)]) -> Vec<String> {
    let mut differences = Vec::new();
    let questions: Vec<&String> = theirs
        .iter()
        .chain(ours)
        .map(|(question, _)| question)
        .collect();
    let mut seen: Vec<&String> = Vec::new();
    for question in questions {
        if seen.contains(&question) {
            continue;
        }
        seen.push(question);
        let of = |answers: &[(String, String)]| {
            let answer = answers.iter().find(|(asked, _)| asked == question);
            answer.map_or("not asked".to_owned(), |(_, answer)| answer.clone())
        };
        let (theirs, ours) = (of(theirs), of(ours));
        let excused = EXCUSED.iter().any(|(file, start, by_them, by_us)| {
            name.starts_with(file)
                && question.starts_with(start)
                && (theirs.as_str(), ours.as_str()) == (*by_them, *by_us)
        });
        if theirs != ours && !excused {
            differences.push(format!("{name}: {question}: vsftpd {theirs}, ours {ours}"));
        }
    }
    differences
}

#[test]
fn what_vsftpd_allows_from_a_file_is_what_ours_allows_from_it() {
    let Some(theirs) = theirs() else {
        return;
    };
    let program = theirs.join("usr/sbin/vsftpd").display().to_string();
    let ground: TempDir = folder();
    let place = ground.path();
    let (mut compared, mut wrong) = (0, Vec::new());
    for (name, text, users) in FILES {
        let common = format!(
            "secure_chroot_dir={}\nseccomp_sandbox=NO\n",
            place.join("empty").display()
        );
        let text = text.replace("PLACE", &place.display().to_string());
        let file = write(place, "a.conf", &format!("{common}{text}"))
            .display()
            .to_string();
        lay_out(place);
        if let Some(why) = waits(place) {
            eprintln!("skipped: {name}: {why}");
            continue;
        }
        let theirs = Server::start(place, &[&program, &file]).answers(place, users);
        lay_out(place);
        let words = [&[PROGRAM], method(), &[&file]].concat();
        let ours = Server::start(place, &words).answers(place, users);
        wrong.extend(differences(name, &theirs, &ours));
        compared += 1;
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    assert!(compared >= 8, "only {compared} files were compared");
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
    match flags_of(&package, file) {
        Ok(flags) => {
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
        Err(said) => assert!(
            said.lines()
                .all(|line| line.contains(crate::corpus::IS_TO_COME)),
            "{said}"
        ),
    }
}
