//! What the flags mean: plain fields with their defaults filled in, and the rules between flags.
//!
//! Pure: no file is looked at and nobody is asked who we are. Where a default depends on the host (the
//! port, what anonymous may do when the server was not started by root), the field says "default" and
//! `server` decides. Defaults and rules follow Pure-FTPd's manual page, and the project's list of
//! departures from it in wharf-ftpd(8), "Differences from Pure-FTPd".
#![forbid(unsafe_code)]

mod sharing;
mod tls;
#[cfg(test)]
mod told;
mod users;

pub use sharing::{SHARE_PORTS, SHARE_USER, Sharing, share_place};
pub use tls::{CERTIFICATE, ClientCertificates, Protection, Tls};
pub use users::{User, is_for_one_account};

use crate::flags::{self, Parsed, Stop};
use crate::logs::Form;
use crate::logs::formats::TransferLog;
use crate::units::{
    Ban, Bandwidth, Cidr, Facility, Glob, HostPort, PassiveAddress, PassiveFor, PortRange, Quota,
    Ratio, Recursion, Sandbox, SyslogFacility, Umasks, UploadOwner, UserRoot,
};
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::time::Duration;

/// Everything the flags can set. The default is a command line without flags.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Settings {
    /// Where to listen, how data connections are made, who may connect.
    pub network: Network,
    /// Who may log in, where a session begins, what it is greeted with.
    pub login: Login,
    /// What sessions may do to files, and what they see of them.
    pub files: Files,
    /// How many clients, how fast, how much and how long.
    pub limits: Limits,
    /// What is recorded, and where it goes.
    pub logging: Logging,
    /// How the server runs and ends.
    pub process: Process,
    /// A folder shared from the shell (--serve).
    pub sharing: Option<Sharing>,
    /// When TLS is offered or asked for, and with what.
    pub tls: Tls,
    /// Accounts for which other flags hold (--userflags), each name once.
    pub users: Vec<User>,
}

/// One place to listen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listen {
    /// The flag that says so.
    pub flag: &'static str,
    /// Host and port.
    pub at: HostPort,
}

impl Default for Listen {
    fn default() -> Self {
        Listen {
            flag: "-S",
            at: HostPort::default(),
        }
    }
}

/// The kinds of addresses listened on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Family {
    /// IPv4 and IPv6.
    #[default]
    Both,
    /// IPv4 alone (-4).
    V4,
    /// IPv6 alone (-6).
    V6,
}

/// Where to listen, how data connections are made, who may connect.
#[derive(Debug, Clone, PartialEq)]
pub struct Network {
    /// Where to listen (-S, --listen), at least one. A missing port is 21, or 2121 without root.
    pub listen: Vec<Listen>,
    /// Which addresses to listen on (-4, -6).
    pub family: Family,
    /// Ports for passive data connections (-p).
    pub passive_range: PortRange,
    /// Whether -p was given.
    pub passive_range_given: bool,
    /// What PASV tells (-P). None is the address of the control connection.
    pub passive_address: Option<PassiveAddress>,
    /// What PASV tells clients of certain networks (--passivefor); the first that fits, before -P.
    pub passive_for: Vec<PassiveFor>,
    /// No passive data connections (-N).
    pub no_passive: bool,
    /// No active data connections (--noactive).
    pub no_active: bool,
    /// Local port of active data connections (--activeport); one below 1024 needs root.
    pub active_port: Option<u16>,
    /// Data connections with other hosts than the client, for everybody (-W).
    pub anonymous_fxp: bool,
    /// Whether accounts may have the server connect to other hosts (`-w`, and `-W` for everybody).
    pub user_fxp: bool,
    /// The protocol bent for broken clients (-b).
    pub broken_clients: bool,
    /// The one local address where others than anonymous may log in (-V).
    pub trusted_address: Option<IpAddr>,
    /// Names of clients are looked up (unless -H).
    pub resolve_names: bool,
    /// Networks clients may come from (--allowfrom). Empty: from everywhere.
    pub allow_from: Vec<Cidr>,
    /// Networks clients may not come from (--denyfrom), even if allowed.
    pub deny_from: Vec<Cidr>,
}

impl Default for Network {
    fn default() -> Self {
        Network {
            listen: vec![Listen::default()],
            family: Family::Both,
            passive_range: PortRange::default(),
            passive_range_given: false,
            passive_address: None,
            passive_for: Vec::new(),
            no_passive: false,
            no_active: false,
            active_port: None,
            anonymous_fxp: false,
            user_fxp: false,
            broken_clients: false,
            trusted_address: None,
            resolve_names: true,
            allow_from: Vec::new(),
            deny_from: Vec::new(),
        }
    }
}

/// What a client is greeted with.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Banner {
    /// Pure-FTPd's lines.
    #[default]
    Default,
    /// This text (--banner).
    Text(String),
    /// The text of this file (--bannerfile).
    File(PathBuf),
    /// A random saying of this file (-F).
    Fortune(PathBuf),
}

/// Who may log in, where a session begins, what it is greeted with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    /// Nobody but anonymous (-e).
    pub anonymous_only: bool,
    /// No anonymous (-E).
    pub no_anonymous: bool,
    /// The directory anonymous is kept in (--anonymousroot). None is the home of the user.
    pub anonymous_root: Option<PathBuf>,
    /// The system user anonymous acts as (--anonymoususer).
    pub anonymous_user: String,
    /// The greeting (--banner, --bannerfile, -F).
    pub banner: Banner,
    /// Anonymous roots by server address (--virtualhosts). May be missing on the disk.
    pub virtual_hosts: PathBuf,
    /// Short names for directories (--aliases). May be missing on the disk.
    pub aliases: PathBuf,
    /// Where accounts come from, in order (`-l`); none means that all sessions are anonymous.
    pub sources: Vec<String>,
    /// The PAM service (--pamservice), given beside `-l pam` only. None: wharf-ftpd.
    pub pam_service: Option<String>,
    /// PAM opens no sessions (--nopamsession), given beside `-l pam` only.
    pub no_pam_session: bool,
    /// The shells of users of `-l unix` do not matter (--anyshell), given beside it only.
    pub any_shell: bool,
    /// The file of those who may log in (--userlist). None: whoever has an account.
    pub user_list: Option<PathBuf>,
    /// The file of those who may not (--denyusers).
    pub deny_users: Option<PathBuf>,
    /// The lowest user number let in (`-u`); 0 lets root in, and without it root stays out.
    pub min_uid: Option<u32>,
    /// Who is kept in the home directory (`-A`, `-a`).
    pub jail: Jail,
    /// The file of those who are kept in besides (--chrootlist).
    pub chroot_list: Option<PathBuf>,
    /// The file of those who are not kept in (--nochrootlist), before all else.
    pub no_chroot_list: Option<PathBuf>,
    /// The account of the machine as which all users act (--mapusers), given beside `-l` only.
    pub map_users: Option<String>,
    /// Those users have the rights of anonymous (--mapusersasanonymous).
    pub map_users_as_anonymous: bool,
    /// What takes the place of users' homes (--userroot).
    pub user_root: Option<UserRoot>,
    /// Nobody is kept in a directory of which they may write the top (--refusewritableroot).
    pub refuse_writable_root: bool,
    /// Whether a home that is missing is made (`-j`).
    pub create_home: bool,
}

/// Who is kept in the home directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Jail {
    /// Those whose home holds `/./`.
    #[default]
    Asked,
    /// Everyone (`-A`).
    Everyone,
    /// Everyone but members of this group (`-a`).
    AllBut(u32),
}

impl Default for Login {
    fn default() -> Self {
        Login {
            anonymous_only: false,
            no_anonymous: false,
            anonymous_root: None,
            anonymous_user: "ftp".to_owned(),
            banner: Banner::Default,
            virtual_hosts: PathBuf::from("/etc/pure-ftpd/pure-ftpd"),
            aliases: PathBuf::from("/etc/pure-ftpd/pureftpd-dir-aliases"),
            sources: Vec::new(),
            pam_service: None,
            no_pam_session: false,
            any_shell: false,
            user_list: None,
            deny_users: None,
            min_uid: None,
            jail: Jail::Asked,
            chroot_list: None,
            no_chroot_list: None,
            map_users: None,
            map_users_as_anonymous: false,
            user_root: None,
            refuse_writable_root: false,
            create_home: false,
        }
    }
}

/// Something the command line allows, forbids, or leaves to the way the server was started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Permission {
    /// Not said; `server` decides by whether root started it.
    #[default]
    Default,
    /// Allowed in so many words.
    Allowed,
    /// Forbidden in so many words.
    Forbidden,
}

impl Permission {
    fn of(allowed: bool, forbidden: bool) -> Permission {
        match (allowed, forbidden) {
            (_, true) => Permission::Forbidden,
            (true, false) => Permission::Allowed,
            (false, false) => Permission::Default,
        }
    }
}

/// What is done about names that begin with a dot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DotFiles {
    /// Anonymous may read them (-z).
    pub allow_read: bool,
    /// Listings show them unasked (-D).
    pub show: bool,
    /// Nobody may change them (-x, -X).
    pub prohibit_write: bool,
    /// Nobody may read them (-X).
    pub prohibit_read: bool,
}

/// What sessions may do to files, and what they see of them.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Files {
    /// Uploads by anonymous (-i, --anonymousupload). By default allowed when started by root.
    pub anonymous_upload: Permission,
    /// Serving files that belong to the anonymous user to anonymous (-s, --anonymousreadown). By
    /// default forbidden when started by root.
    pub anonymous_read_own: Permission,
    /// Anonymous gets only what others may read (--worldreadableonly).
    pub world_readable_only: bool,
    /// Who gets what anonymous uploaded (--chownuploads), never beside `-u 0`.
    pub chown_uploads: Option<UploadOwner>,
    /// Anonymous may create directories (-M).
    pub create_dirs: bool,
    /// Uploads over an existing file get another name (-r).
    pub autorename: bool,
    /// Uploads appear under their names only when complete (-0).
    pub no_truncate: bool,
    /// Names that begin with a dot (-z, -D, -x, -X).
    pub dotfiles: DotFiles,
    /// Bits taken from new files and directories of accounts (-U).
    pub umasks: Umasks,
    /// Bits taken from those of anonymous (--anonymousumask, else -U). None where neither was given: what strangers
    /// upload is then for nobody to read.
    pub anonymous_umasks: Option<Umasks>,
    /// Nothing may be changed (--readonly).
    pub read_only: bool,
    /// Nothing may be overwritten, appended to or resumed (--nooverwrite).
    pub no_overwrite: bool,
    /// Nothing may be appended to nor resumed (--nostorerestart).
    pub no_store_restart: bool,
    /// Uploads are on the disk before they are confirmed (--fsync).
    pub fsync: bool,
    /// Nothing may be fetched (--nodownload).
    pub no_download: bool,
    /// Nothing may be listed (--nolist).
    pub no_list: bool,
    /// Commands refused after the login, as typed (--denycommands).
    pub deny_commands: Vec<String>,
    /// The only commands left after the login (--allowcommands). Empty: all.
    pub allow_commands: Vec<String>,
    /// Names that cannot be used (--denyfiles).
    pub deny_files: Vec<Glob>,
    /// Names that are not listed (--hidefiles).
    pub hide_files: Vec<Glob>,
    /// Owner and group are shown as ftp (--hideids).
    pub hide_ids: bool,
    /// The fullest a disk may be for uploads (-k), 0 to 99; None is no limit.
    pub max_disk_percent: Option<u8>,
    /// Accounts may not delete files (`-K`).
    pub keep_all: bool,
    /// Accounts may not rename (`-G`).
    pub no_rename: bool,
    /// Accounts may not change modes (`-R`).
    pub no_chmod: bool,
    /// Accounts cannot take their own access from their files (`-Z`).
    pub customer_proof: bool,
}

/// How many clients, how fast, how much and how long.
#[derive(Debug, Clone, PartialEq)]
pub struct Limits {
    /// Sessions at once (-c), at least 1.
    pub max_clients: u32,
    /// Sessions from one address at once (-C), at least 1.
    pub max_per_address: Option<u32>,
    /// Anonymous sessions at once (second half of -y), at least 1.
    pub max_anonymous: Option<u32>,
    /// Sessions of one account at a time (`-y`, first half).
    pub max_per_user: Option<u32>,
    /// Rates of accounts (`-T`).
    pub user_bandwidth: Bandwidth,
    /// Ratio of accounts (`-Q`); it binds anonymous clients as well.
    pub user_ratio: Option<Ratio>,
    /// Files and megabytes of each account (`-n`).
    pub quota: Option<Quota>,
    /// Rates of an anonymous session (-t or -T, the later one).
    pub anonymous_bandwidth: Bandwidth,
    /// Uploads owed for downloads by anonymous (-q).
    pub anonymous_ratio: Option<Ratio>,
    /// The 5-minute load from which on anonymous downloads are refused (-m), above 0.
    pub max_load: Option<f64>,
    /// Idle time after which a session ends (-I or --idletimeout, the later one).
    pub idle: Duration,
    /// Time from the connection to a completed login (--logintimeout).
    pub login: Duration,
    /// Failed logins that end a session (--maxloginfailures), at least 1.
    pub max_login_failures: u32,
    /// Failed logins that ban an address, and for how long (--ban).
    pub ban: Option<Ban>,
    /// Time a data connection may take to come about (--accepttimeout).
    pub accept: Duration,
    /// Time a transfer may go without progress (--datatimeout).
    pub data: Duration,
    /// Largest size an upload may give a file (--maxuploadsize), in bytes.
    pub max_upload_size: Option<u64>,
    /// Bytes one session may upload (--maxsessionbytes).
    pub max_session_bytes: Option<u64>,
    /// Files one session may upload (--maxsessionfiles).
    pub max_session_files: Option<u64>,
    /// Names and levels of a listing (-L).
    pub listing: Recursion,
}

/// Pure-FTPd's idle limit, also for `-I 0`.
const IDLE: Duration = Duration::from_secs(15 * 60);

impl Default for Limits {
    fn default() -> Self {
        Limits {
            max_clients: 50,
            max_per_address: None,
            max_anonymous: None,
            max_per_user: None,
            user_bandwidth: Bandwidth::default(),
            user_ratio: None,
            quota: None,
            anonymous_bandwidth: Bandwidth::default(),
            anonymous_ratio: None,
            max_load: None,
            idle: IDLE,
            login: Duration::from_secs(60),
            max_login_failures: 3,
            ban: None,
            accept: Duration::from_secs(30),
            data: Duration::from_secs(60),
            max_upload_size: None,
            max_session_bytes: None,
            max_session_files: None,
            listing: Recursion::default(),
        }
    }
}

/// Where records go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogTo {
    /// Where they usually go, since -f was not given: to standard error, and from the background or under inetd to the
    /// facility ftp.
    #[default]
    Usual,
    /// To standard error (`-f stderr`).
    Stderr,
    /// To standard output (`-f stdout`).
    Stdout,
    /// To the system log (-f).
    Syslog(Facility),
    /// Nowhere (`-f none`).
    None,
}

/// What is recorded, and where it goes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Logging {
    /// Where records go (-f).
    pub facility: LogTo,
    /// How they are laid out (--logformat).
    pub form: Form,
    /// Records carry the process number (-1).
    pub pid: bool,
    /// 1 records commands, 2 replies as well (-d).
    pub verbose: u8,
    /// Files that transfers are recorded in (-O).
    pub transfers: Vec<TransferLog>,
}

/// How the server runs and ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    /// Time for transfers under way once the server is told to end (--drain).
    pub drain: Duration,
    /// The pipe through which a script is told of uploads (-o, --uploadpipe); None without -o.
    pub upload_pipe: Option<PathBuf>,
    /// Run in the background (-B).
    pub background: bool,
    /// The file for the process number (-g); None is the default of the way it is started.
    pub pid_file: Option<PathBuf>,
    /// Ports are printed (--printport).
    pub print_port: bool,
    /// Everything is looked at and nothing started (--check).
    pub check: bool,
    /// How far the kernel confines the server (--sandbox).
    pub sandbox: Sandbox,
}

/// The pipe of `-o`: Pure-FTPd's, so that either's script works with either server.
pub const UPLOAD_PIPE: &str = "/var/run/pure-ftpd.upload.pipe";

/// The file for the process number of a server in the background: Pure-FTPd's, for start scripts that look there.
pub const PID_FILE: &str = "/var/run/pure-ftpd.pid";

impl Default for Process {
    fn default() -> Self {
        Process {
            drain: Duration::from_secs(5),
            upload_pipe: None,
            background: false,
            pid_file: None,
            print_port: false,
            check: false,
            sandbox: Sandbox::On,
        }
    }
}

impl Settings {
    /// Whether names of clients are looked up: they are for the log alone.
    pub fn logs_names(&self) -> bool {
        self.network.resolve_names && self.logging.facility != LogTo::None
    }

    /// What a command line means, and what its author should know about it, one line each, beginning
    /// with the flag.
    ///
    /// # Errors
    /// Flags that exclude each other, and values that are wrong only beside another flag.
    pub fn from_flags(parsed: &Parsed) -> Result<(Settings, Vec<String>), Stop> {
        check_family(parsed)?;
        check_data_connections(parsed)?;
        check_owners(parsed)?;
        check_sources(parsed)?;
        check_mapping(parsed)?;
        check_background(parsed)?;
        tls::check(parsed)?;
        let flags = &parsed.flags;
        let mut settings = Settings {
            network: network(&flags.network),
            login: login(&flags.login),
            files: files(&flags.files),
            limits: limits(parsed),
            logging: logging(&flags.logging),
            process: process(&flags.process),
            sharing: None,
            tls: tls::tls(&flags.tls),
            users: Vec::new(),
        };
        sharing::apply(parsed, &mut settings)?;
        let mut warnings = warnings(parsed, &settings);
        let (users, of_users) = users::users(parsed, &settings)?;
        settings.users = users;
        warnings.extend(of_users);
        Ok((settings, warnings))
    }
}

/// -4 and -6, and the address of -S under either.
fn check_family(parsed: &Parsed) -> Result<(), Stop> {
    let network = &parsed.flags.network;
    if network.ipv4_only && network.ipv6_only {
        let (v4, v6) = (parsed.spelled("ipv4_only"), parsed.spelled("ipv6_only"));
        return Err(Stop::usage(format!(
            "{v4} and {v6}: expected one of them at most"
        )));
    }
    let Some(host) = network.bind.as_ref().and_then(|bind| bind.host.as_ref()) else {
        return Ok(());
    };
    let wrong = if network.ipv4_only && host.contains(':') {
        Some(("IPv4", "ipv4_only"))
    } else if network.ipv6_only && host.parse::<Ipv4Addr>().is_ok() {
        Some(("IPv6", "ipv6_only"))
    } else {
        None
    };
    wrong.map_or(Ok(()), |(kind, field)| {
        let (bind, flag) = (parsed.spelled("bind"), parsed.spelled(field));
        Err(Stop::usage(format!(
            "{bind} {host}: expected an {kind} address under {flag}"
        )))
    })
}

fn check_data_connections(parsed: &Parsed) -> Result<(), Stop> {
    let network = &parsed.flags.network;
    if network.nat_mode && network.no_active {
        let (nat, active) = (parsed.spelled("nat_mode"), parsed.spelled("no_active"));
        return Err(Stop::usage(format!(
            "{nat} and {active}: expected one of them at most, there is no third kind of data connection"
        )));
    }
    let is_ipv4 = |told: &PassiveFor| told.network.is_ipv4() && told.address.is_ipv4();
    if let Some(told) = network.passive_for.iter().find(|told| !is_ipv4(told)) {
        let flag = parsed.spelled("passive_for");
        return Err(Stop::usage(format!(
            "{flag} {told}: expected IPv4 on both sides, the reply to PASV carries nothing else"
        )));
    }
    Ok(())
}

/// Whoever acts as root now and then loses the right to change owners each time root is left (capabilities(7)).
fn check_owners(parsed: &Parsed) -> Result<(), Stop> {
    let flags = &parsed.flags;
    if flags.files.chown_uploads.is_some() && flags.login.min_uid == Some(0) {
        let (owner, root) = (parsed.spelled("chown_uploads"), parsed.spelled("min_uid"));
        return Err(Stop::usage(format!(
            "{owner} and {root} 0: expected one of them at most"
        )));
    }
    if flags.files.chown_uploads.is_some() && flags.process.sandbox == Some(Sandbox::Off) {
        let (owner, sandbox) = (parsed.spelled("chown_uploads"), parsed.spelled("sandbox"));
        return Err(Stop::usage(format!(
            "{owner} and {sandbox} off: expected one of them at most, the filter narrows the right to change owners"
        )));
    }
    Ok(())
}

/// Whoever says how a source is to decide wants it to.
fn check_sources(parsed: &Parsed) -> Result<(), Stop> {
    let login = &parsed.flags.login;
    let asks = |wanted: &str| {
        login.login.iter().any(|source| {
            let name = source
                .split_once(':')
                .map_or(source.as_str(), |(name, _)| name);
            name.eq_ignore_ascii_case(wanted)
        })
    };
    let service = login.pam_service.as_deref();
    for (value, field, source) in [
        (service, "pam_service", "pam"),
        (login.no_pam_session.then_some(""), "no_pam_session", "pam"),
        (login.any_shell.then_some(""), "any_shell", "unix"),
    ] {
        if let Some(value) = value.filter(|_| !asks(source)) {
            let flag = format!("{} {value}", parsed.spelled(field));
            let flag = flag.trim_end();
            return Err(Stop::usage(format!(
                "{flag}: expected -l {source} beside it"
            )));
        }
    }
    Ok(())
}

/// Both would leave users with rights that their author did not want them to have.
fn check_mapping(parsed: &Parsed) -> Result<(), Stop> {
    let login = &parsed.flags.login;
    let lacking = match &login.map_users {
        Some(_) if login.login.is_empty() => Some(("map_users", "-l")),
        None if login.map_users_as_anonymous => Some(("map_users_as_anonymous", "--mapusers")),
        _ => None,
    };
    lacking.map_or(Ok(()), |(field, beside)| {
        let flag = parsed.spelled(field);
        Err(Stop::usage(format!("{flag}: expected {beside} beside it")))
    })
}

/// Who leaves the terminal has nothing of it to write to.
fn check_background(parsed: &Parsed) -> Result<(), Stop> {
    let place = parsed.flags.logging.syslog_facility;
    match place.filter(|place| matches!(place, SyslogFacility::Stderr | SyslogFacility::Stdout)) {
        Some(place) if parsed.flags.process.daemonize => {
            let (log, background) = (
                parsed.spelled("syslog_facility"),
                parsed.spelled("daemonize"),
            );
            Err(Stop::usage(format!(
                "{log} {place}: expected a facility or none under {background}, which leaves the terminal"
            )))
        }
        _ => Ok(()),
    }
}

fn listen(flags: &flags::Network) -> Vec<Listen> {
    let bind = flags.bind.iter().map(|at| ("-S", at));
    let listen = flags.listen.iter().map(|at| ("--listen", at));
    let all: Vec<Listen> = bind
        .chain(listen)
        .map(|(flag, at)| Listen {
            flag,
            at: at.clone(),
        })
        .collect();
    match all.is_empty() {
        true => vec![Listen::default()],
        false => all,
    }
}

fn network(flags: &flags::Network) -> Network {
    Network {
        listen: listen(flags),
        family: match (flags.ipv4_only, flags.ipv6_only) {
            (true, _) => Family::V4,
            (_, true) => Family::V6,
            _ => Family::Both,
        },
        passive_range: flags.passive_ports.unwrap_or_default(),
        passive_range_given: flags.passive_ports.is_some(),
        passive_address: flags.passive_address.clone(),
        passive_for: flags.passive_for.clone(),
        no_passive: flags.nat_mode,
        no_active: flags.no_active,
        active_port: flags.active_port.map(|port| port.get()),
        anonymous_fxp: flags.allow_anonymous_fxp,
        user_fxp: flags.allow_user_fxp || flags.allow_anonymous_fxp,
        broken_clients: flags.broken_clients,
        trusted_address: flags.trusted_ip,
        resolve_names: !flags.dont_resolve,
        allow_from: flags.allow_from.clone(),
        deny_from: flags.deny_from.clone(),
    }
}

fn login(flags: &flags::Login) -> Login {
    let default = Login::default();
    Login {
        anonymous_only: flags.anonymous_only,
        no_anonymous: flags.no_anonymous,
        anonymous_root: flags.anonymous_root.clone(),
        anonymous_user: flags
            .anonymous_user
            .clone()
            .unwrap_or(default.anonymous_user),
        banner: banner(flags),
        virtual_hosts: flags.virtual_hosts.clone().unwrap_or(default.virtual_hosts),
        aliases: flags.aliases.clone().unwrap_or(default.aliases),
        sources: flags.login.clone(),
        pam_service: flags.pam_service.clone(),
        no_pam_session: flags.no_pam_session,
        any_shell: flags.any_shell,
        user_list: flags.user_list.clone(),
        deny_users: flags.deny_users.clone(),
        min_uid: flags.min_uid,
        jail: match (flags.trusted_gid, flags.chroot_everyone) {
            (Some(gid), _) => Jail::AllBut(gid),
            (None, true) => Jail::Everyone,
            (None, false) => Jail::Asked,
        },
        chroot_list: flags.chroot_list.clone(),
        no_chroot_list: flags.no_chroot_list.clone(),
        map_users: flags.map_users.clone(),
        map_users_as_anonymous: flags.map_users_as_anonymous,
        user_root: flags.user_root.clone(),
        refuse_writable_root: flags.refuse_writable_root,
        create_home: flags.create_home_dir,
    }
}

/// The three override each other, so one is left at most.
fn banner(flags: &flags::Login) -> Banner {
    let text = flags.banner.clone().map(Banner::Text);
    let file = flags.banner_file.clone().map(Banner::File);
    let fortune = flags.fortunes_file.clone().map(Banner::Fortune);
    text.or(file).or(fortune).unwrap_or_default()
}

fn files(flags: &flags::Files) -> Files {
    Files {
        anonymous_upload: Permission::of(flags.anonymous_upload, flags.anonymous_cant_upload),
        anonymous_read_own: Permission::of(flags.anonymous_read_own, flags.anti_warez),
        world_readable_only: flags.world_readable_only,
        chown_uploads: flags.chown_uploads.clone(),
        create_dirs: flags.anonymous_can_create_dirs,
        autorename: flags.auto_rename,
        no_truncate: flags.no_truncate,
        dotfiles: DotFiles {
            allow_read: flags.allow_dot_files,
            show: flags.display_dot_files,
            prohibit_write: flags.prohibit_dot_files_write || flags.prohibit_dot_files_read,
            prohibit_read: flags.prohibit_dot_files_read,
        },
        umasks: flags.umask.unwrap_or_default(),
        anonymous_umasks: flags.anonymous_umask.or(flags.umask),
        read_only: flags.read_only,
        no_overwrite: flags.no_overwrite,
        no_store_restart: flags.no_store_restart,
        fsync: flags.fsync,
        no_download: flags.no_download,
        no_list: flags.no_list,
        deny_commands: flags.deny_commands.clone(),
        allow_commands: flags.allow_commands.clone(),
        deny_files: flags.deny_files.clone(),
        hide_files: flags.hide_files.clone(),
        hide_ids: flags.hide_ids,
        max_disk_percent: flags
            .max_disk_usage
            .map(|share| share.get())
            .filter(|share| *share < 100),
        keep_all: flags.keep_all_files,
        no_rename: flags.no_rename,
        no_chmod: flags.no_chmod,
        customer_proof: flags.customer_proof,
    }
}

fn limits(parsed: &Parsed) -> Limits {
    let flags = &parsed.flags.limits;
    let default = Limits::default();
    Limits {
        max_clients: flags
            .max_clients
            .map_or(default.max_clients, |count| count.get()),
        max_per_address: flags.max_clients_per_ip.map(|count| count.get()),
        max_anonymous: flags.per_user.and_then(|limits| limits.anonymous),
        max_per_user: flags.per_user.and_then(|limits| limits.user),
        user_bandwidth: match parsed.bandwidth_is_for_all {
            true => parsed.bandwidth.unwrap_or_default(),
            false => Bandwidth::default(),
        },
        user_ratio: flags.user_ratio,
        quota: flags.quota,
        anonymous_bandwidth: parsed.bandwidth.unwrap_or_default(),
        anonymous_ratio: flags.anonymous_ratio.or(flags.user_ratio),
        max_load: flags.max_load.map(|load| load.get()),
        idle: parsed
            .idle
            .filter(|idle| !idle.is_zero())
            .unwrap_or(default.idle),
        login: flags
            .login_timeout
            .map_or(default.login, |time| time.duration()),
        max_login_failures: flags
            .max_login_failures
            .map_or(default.max_login_failures, |count| count.get()),
        ban: flags.ban,
        accept: flags
            .accept_timeout
            .map_or(default.accept, |time| time.duration()),
        data: flags
            .data_timeout
            .map_or(default.data, |time| time.duration()),
        max_upload_size: flags.max_upload_size.map(|size| size.bytes()),
        max_session_bytes: flags.max_session_bytes.map(|size| size.bytes()),
        max_session_files: flags.max_session_files.map(|count| u64::from(count.get())),
        listing: flags.limit_recursion.unwrap_or(default.listing),
    }
}

fn logging(flags: &flags::Logging) -> Logging {
    Logging {
        facility: match flags.syslog_facility {
            None => LogTo::Usual,
            Some(SyslogFacility::Stderr) => LogTo::Stderr,
            Some(SyslogFacility::Stdout) => LogTo::Stdout,
            Some(SyslogFacility::None) => LogTo::None,
            Some(SyslogFacility::Facility(facility)) => LogTo::Syslog(facility),
        },
        form: flags.log_format.unwrap_or_default(),
        pid: flags.log_pid,
        verbose: flags.verbose.min(2),
        transfers: flags.alt_log.clone(),
    }
}

fn process(flags: &flags::Process) -> Process {
    let default = Process::default();
    Process {
        drain: flags.drain.map_or(default.drain, |time| time.duration()),
        upload_pipe: flags.upload_script.then(|| {
            let named = flags.upload_pipe.clone();
            named.unwrap_or_else(|| PathBuf::from(UPLOAD_PIPE))
        }),
        background: flags.daemonize,
        pid_file: flags.pid_file.clone(),
        print_port: flags.print_port,
        check: flags.check,
        sandbox: flags.sandbox.unwrap_or_default(),
    }
}

/// Of flags that are about TLS, where there is none.
const WITHOUT_TLS: &str = "has no effect without TLS (-Y)";

/// Why a flag that says whom TLS binds has no effect.
const WITHOUT_DEMAND: &str = "has no effect without -Y 2 or -Y 3";

/// Of flags that concern users with names alone.
const WITHOUT_ACCOUNTS: &str = "has no effect without accounts (-l)";

/// What was typed and does not do what its author may think.
fn warnings(parsed: &Parsed, settings: &Settings) -> Vec<String> {
    let flags = &parsed.flags;
    let (ports, clients) = (settings.network.passive_range, settings.limits.max_clients);
    let few_ports = ports.len() < usize::try_from(clients).unwrap_or(usize::MAX);
    let upload = settings.files.anonymous_upload == Permission::Allowed;
    let strangers = !settings.login.no_anonymous || settings.login.map_users_as_anonymous;
    let may_upload = strangers
        && !settings.files.read_only
        && settings.files.anonymous_upload != Permission::Forbidden;
    let no_tls = !settings.tls.is_on();
    let does_not_insist = settings.tls.protection < Protection::Control;
    let passed_over = settings.tls.ciphers.passed_over();
    let bytes = "has no effect, file names are passed on byte for byte";
    let rows = [
        (
            flags.files.fs_charset.is_some(),
            "fs_charset",
            bytes.to_owned(),
        ),
        (
            flags.files.client_charset.is_some(),
            "client_charset",
            bytes.to_owned(),
        ),
        (
            flags.network.bonjour.is_some(),
            "bonjour",
            "has no effect on this system".to_owned(),
        ),
        (
            settings.network.passive_range_given && few_ports,
            "passive_ports",
            format!(
                "{} ports for up to {clients} clients, some may find none free",
                ports.len()
            ),
        ),
        (
            parsed.idle == Some(Duration::ZERO),
            "max_idle_time",
            "0 stands for the default, 15 minutes".to_owned(),
        ),
        (
            settings.login.no_anonymous && settings.login.sources.is_empty(),
            "no_anonymous",
            "nobody can log in: there is no source of accounts either (-l)".to_owned(),
        ),
        (
            settings.files.chown_uploads.is_some() && !may_upload,
            "chown_uploads",
            "has no effect, anonymous may not upload".to_owned(),
        ),
        (
            settings.files.read_only && (upload || settings.files.create_dirs),
            "read_only",
            "nothing can be uploaded or created, whatever other flags allow".to_owned(),
        ),
        (
            settings.login.chroot_list.is_some() && settings.login.sources.is_empty(),
            "chroot_list",
            WITHOUT_ACCOUNTS.to_owned(),
        ),
        (
            settings.login.user_root.is_some() && settings.login.sources.is_empty(),
            "user_root",
            WITHOUT_ACCOUNTS.to_owned(),
        ),
        (
            settings.login.no_chroot_list.is_some() && settings.login.sources.is_empty(),
            "no_chroot_list",
            WITHOUT_ACCOUNTS.to_owned(),
        ),
        (
            flags.process.upload_pipe.is_some() && !flags.process.upload_script,
            "upload_pipe",
            "has no effect without -o".to_owned(),
        ),
        (
            flags.tls.tls_client_login && settings.login.sources.is_empty(),
            "tls_client_login",
            WITHOUT_ACCOUNTS.to_owned(),
        ),
        (no_tls, "tls_cipher_suite", WITHOUT_TLS.to_owned()),
        (does_not_insist, "tls_for", WITHOUT_DEMAND.to_owned()),
        (does_not_insist, "plain_from", WITHOUT_DEMAND.to_owned()),
        (
            settings.tls.implicit && !does_not_insist,
            "plain_from",
            "has no effect under --implicittls, where every connection begins with TLS".to_owned(),
        ),
        (no_tls, "cert_file", WITHOUT_TLS.to_owned()),
        (no_tls, "ext_cert", WITHOUT_TLS.to_owned()),
        (no_tls, "tls_min_version", WITHOUT_TLS.to_owned()),
        (no_tls, "require_tls_reuse", WITHOUT_TLS.to_owned()),
        (no_tls, "tls_lax_close", WITHOUT_TLS.to_owned()),
        (
            !no_tls && !passed_over.is_empty(),
            "tls_cipher_suite",
            format!("not offered here: {}", passed_over.join(" ")),
        ),
        (
            settings.tls.protection == Protection::Offered && settings.tls.ciphers.asks_clients(),
            "tls_cipher_suite",
            "clients without TLS show no certificate and may log in (-Y 2 keeps them out)"
                .to_owned(),
        ),
    ];
    let is_given = |field: &str| parsed.given().any(|given| given == field);
    let due = rows
        .into_iter()
        .filter(|(due, field, _)| *due && is_given(field));
    due.map(|(_, field, text)| format!("{}: {text}", parsed.spelled(field)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flags::Flags;

    pub(super) fn read(line: &str) -> Result<(Settings, Vec<String>), Stop> {
        let words = ["wharf-ftpd"].into_iter().chain(line.split_whitespace());
        Settings::from_flags(&Flags::parse(words)?)
    }

    pub(super) fn settings(line: &str) -> Settings {
        read(line).expect(line).0
    }

    pub(super) fn refusal(line: &str) -> String {
        let stop = read(line).expect_err(line);
        assert_eq!((stop.status, stop.to_stdout), (64, false));
        stop.text
    }

    #[test]
    fn without_flags_all_is_default_and_nothing_is_said() {
        let (settings, warnings) = read("").expect("no flags");
        assert_eq!(settings, Settings::default());
        assert!(warnings.is_empty(), "{warnings:?}");
        assert_eq!(settings.limits.max_clients, 50);
        assert_eq!(settings.limits.idle.as_secs(), 900);
        assert_eq!(settings.login.anonymous_user, "ftp");
        assert_eq!(settings.files.umasks.to_string(), "133:022");
    }

    #[test]
    fn l1_the_login_deadline_is_a_minute_unless_set() {
        assert_eq!(settings("").limits.login.as_secs(), 60);
        assert_eq!(settings("--logintimeout 5").limits.login.as_secs(), 5);
    }

    #[test]
    fn c4_three_failed_logins_end_a_session_unless_set_and_bans_are_asked_for() {
        let limits = settings("").limits;
        assert_eq!((limits.max_login_failures, limits.ban), (3, None));
        let limits = settings("--maxloginfailures 5 --ban 10/600/3600").limits;
        assert_eq!(limits.max_login_failures, 5);
        assert_eq!(limits.ban.map(|ban| ban.failures), Some(10));
        assert!(refusal("--maxloginfailures 0").contains("--maxloginfailures 0: expected"));
        assert!(refusal("--ban 5").contains("--ban 5: expected N/SECONDS/SECONDS"));
    }

    #[test]
    fn giving_uploads_away_and_root_as_an_account_exclude_each_other() {
        assert_eq!(
            refusal("--chownuploads joe -u 0"),
            "wharf-ftpd: --chownuploads and -u 0: expected one of them at most"
        );
        let owner = settings("--chownuploads joe:640 -u 1 --sandbox strict")
            .files
            .chown_uploads;
        assert_eq!(
            owner.map(|owner| owner.to_string()).as_deref(),
            Some("joe:640")
        );
        assert!(refusal("--chownuploads joe:999").contains("expected USER or USER:MODE"));
    }

    #[test]
    fn giving_uploads_away_needs_the_filter() {
        let text = refusal("--chownuploads joe --sandbox off");
        let both = "wharf-ftpd: --chownuploads and --sandbox off: expected one of them at most";
        assert!(text.starts_with(both), "{text}");
        let sandbox = |line| settings(line).process.sandbox;
        assert_eq!(sandbox(""), Sandbox::On);
        assert_eq!(sandbox("--sandbox off"), Sandbox::Off);
        assert!(refusal("--sandbox yes").contains("expected on, off or strict"));
    }

    #[test]
    fn a_pam_service_goes_with_pam_and_is_no_path() {
        for line in ["", "-l unix "] {
            assert_eq!(
                refusal(&format!("{line}--pamservice ftp")),
                "wharf-ftpd: --pamservice ftp: expected -l pam beside it"
            );
        }
        let login = settings("-l unix -l PAM --pamservice my-ftp_2.x").login;
        assert_eq!(login.pam_service.as_deref(), Some("my-ftp_2.x"));
        for name in ["..", ".ftp", "../ftp", "/etc/x", "a/b", "a:b", "\u{e9}"] {
            let text = refusal(&format!("-l pam --pamservice {name}"));
            assert!(text.contains(": expected at most 64 letters"), "{text}");
        }
    }

    #[test]
    fn flags_of_one_source_go_with_it() {
        for (flag, source) in [("--nopamsession", "pam"), ("--anyshell", "unix")] {
            for line in ["", "-l passwd:unix.pam "] {
                assert_eq!(
                    refusal(&format!("{line}{flag}")),
                    format!("wharf-ftpd: {flag}: expected -l {source} beside it")
                );
            }
        }
        let login = settings("-l PAM --nopamsession -l Unix --anyshell").login;
        assert!(login.no_pam_session && login.any_shell);
    }

    #[test]
    fn mapping_needs_accounts_and_the_rights_of_anonymous_need_mapping() {
        assert_eq!(
            refusal("--mapusers guest"),
            "wharf-ftpd: --mapusers: expected -l beside it"
        );
        assert_eq!(
            refusal("-l unix --mapusersasanonymous"),
            "wharf-ftpd: --mapusersasanonymous: expected --mapusers beside it"
        );
        let line = "-E -l unix --mapusers guest --mapusersasanonymous --chownuploads joe";
        let (settings, warnings) = read(line).expect(line);
        assert_eq!(settings.login.map_users.as_deref(), Some("guest"));
        assert!(settings.login.map_users_as_anonymous && warnings.is_empty());
    }

    #[test]
    fn d6_data_connections_have_limits_of_their_own() {
        let limits = settings("").limits;
        assert_eq!((limits.accept.as_secs(), limits.data.as_secs()), (30, 60));
        let limits = settings("--accepttimeout 3 --datatimeout 4").limits;
        assert_eq!((limits.accept.as_secs(), limits.data.as_secs()), (3, 4));
    }

    #[test]
    fn d1_transfers_with_other_hosts_need_their_flag() {
        assert!(!settings("").network.anonymous_fxp);
        assert!(settings("-W").network.anonymous_fxp);
    }

    #[test]
    fn a1_a2_uploads_and_their_reading_are_said_or_left_to_the_start() {
        let files = |line| settings(line).files;
        assert_eq!(files("").anonymous_upload, Permission::Default);
        assert_eq!(
            files("--anonymousupload").anonymous_upload,
            Permission::Allowed
        );
        assert_eq!(
            files("--anonymousupload -i").anonymous_upload,
            Permission::Forbidden
        );
        assert_eq!(files("").anonymous_read_own, Permission::Default);
        assert_eq!(files("-s").anonymous_read_own, Permission::Forbidden);
        assert_eq!(
            files("-s --anonymousreadown").anonymous_read_own,
            Permission::Allowed
        );
    }

    #[test]
    fn a_umask_of_their_own_goes_before_the_general_one_for_strangers_only() {
        let umasks = |line| {
            let files = settings(line).files;
            let strangers = files.anonymous_umasks.map(|masks| masks.to_string());
            (files.umasks.to_string(), strangers)
        };
        let row = |accounts: &str, strangers: Option<&str>| {
            (accounts.to_owned(), strangers.map(str::to_owned))
        };
        assert_eq!(umasks(""), row("133:022", None));
        assert_eq!(umasks("-U 137:027"), row("137:027", Some("137:027")));
        assert_eq!(
            umasks("--anonymousumask 177:077"),
            row("133:022", Some("177:077"))
        );
        assert_eq!(
            umasks("--anonymousumask 177:077 -U 137:027"),
            row("137:027", Some("177:077"))
        );
    }

    #[test]
    fn families_exclude_each_other() {
        assert_eq!(
            refusal("-4 -6"),
            "wharf-ftpd: -4 and -6: expected one of them at most"
        );
        assert_eq!(
            refusal("-4 -S ::1,2121"),
            "wharf-ftpd: -S ::1: expected an IPv4 address under -4"
        );
        assert_eq!(
            refusal("--ipv6only --bind 127.0.0.1"),
            "wharf-ftpd: --bind 127.0.0.1: expected an IPv6 address under --ipv6only"
        );
        assert_eq!(settings("-6 -S ::1").network.family, Family::V6);
        assert_eq!(
            settings("-4 -S ftp.example.org,").network.family,
            Family::V4
        );
    }

    #[test]
    fn some_kind_of_data_connection_is_left() {
        let text = refusal("-N --noactive");
        assert!(
            text.starts_with("wharf-ftpd: -N and --noactive: expected one"),
            "{text}"
        );
        assert!(settings("-N").network.no_passive);
    }

    #[test]
    fn d5_passive_addresses_by_network_are_ipv4() {
        for value in ["2001:db8::/32=10.0.0.1", "10.0.0.0/8=2001:db8::1"] {
            let text = refusal(&format!("--passivefor {value}"));
            assert_eq!(
                text,
                format!(
                    "wharf-ftpd: --passivefor {value}: expected IPv4 on both sides, the reply to PASV \
                     carries nothing else"
                )
            );
        }
        assert_eq!(
            settings("--passivefor 10.0.0.0/8=10.0.0.1")
                .network
                .passive_for
                .len(),
            1
        );
    }

    #[test]
    fn a_small_passive_range_warns_and_leaves_the_clients_alone() {
        let (settings, warnings) = read("-p 30000:30009").expect("range");
        assert_eq!(settings.limits.max_clients, 50);
        assert_eq!(
            warnings,
            ["-p: 10 ports for up to 50 clients, some may find none free"]
        );
        assert!(read("-p 30000:30009 -c 10").expect("range").1.is_empty());
    }

    #[test]
    fn old_flags_without_effect_are_accepted_with_a_warning() {
        let (_, warnings) = read("-8 UTF-8 -9 latin1 -v name").expect("old line");
        let flags: Vec<_> = warnings.iter().map(|text| &text[..3]).collect();
        assert_eq!(flags, ["-8:", "-9:", "-v:"]);
    }

    #[test]
    fn no_idle_minutes_are_fifteen() {
        let (settings, warnings) = read("-I 0").expect("zero");
        assert_eq!(settings.limits.idle.as_secs(), 900);
        assert_eq!(warnings, ["-I: 0 stands for the default, 15 minutes"]);
        assert_eq!(
            self::settings("-I 0 --idletimeout 7").limits.idle.as_secs(),
            7
        );
    }

    #[test]
    fn flags_that_undo_each_other_warn() {
        assert_eq!(read("-E").expect("-E").1.len(), 1);
        assert!(read("-E -l unix").expect("-E").1.is_empty());
        for line in ["-E -l unix", "--readonly", "-i"] {
            let line = format!("{line} --chownuploads joe");
            assert_eq!(read(&line).expect(&line).1.len(), 1, "{line}");
        }
        assert!(read("--chownuploads joe").expect("uploads").1.is_empty());
        assert_eq!(
            read("--readonly --anonymousupload")
                .expect("readonly")
                .1
                .len(),
            1
        );
        for flag in ["--chrootlist /f", "--nochrootlist /f", "--userroot /d"] {
            assert_eq!(read(flag).expect(flag).1.len(), 1, "{flag}");
            let line = format!("{flag} -l unix");
            assert!(read(&line).expect(flag).1.is_empty(), "{flag}");
        }
        assert_eq!(read("--readonly -M").expect("readonly").1.len(), 1);
        assert!(read("--readonly").expect("readonly").1.is_empty());
    }

    #[test]
    fn refusing_to_read_dot_files_refuses_to_write_them() {
        let dots = settings("-X").files.dotfiles;
        assert!(dots.prohibit_read && dots.prohibit_write);
        let dots = settings("-x -z -D").files.dotfiles;
        assert!(!dots.prohibit_read && dots.prohibit_write && dots.allow_read && dots.show);
    }

    #[test]
    fn a7_what_one_client_can_bring_has_limits() {
        assert_eq!(settings("-k 95").files.max_disk_percent, Some(95));
        assert_eq!(settings("-k 100").files.max_disk_percent, None);
        let line =
            "-C 2 -t 30:20 -y 4:5 --maxuploadsize 1M --maxsessionbytes 2G --maxsessionfiles 9";
        let limits = settings(line).limits;
        assert_eq!(limits.max_per_address, Some(2));
        assert_eq!(limits.max_anonymous, Some(5));
        assert_eq!(limits.anonymous_bandwidth.to_string(), "30:20");
        assert_eq!(limits.max_upload_size, Some(1 << 20));
        assert_eq!(limits.max_session_bytes, Some(2 << 30));
        assert_eq!(limits.max_session_files, Some(9));
        assert_eq!(settings("-y 4:0").limits.max_anonymous, None);
    }

    #[test]
    fn p4_listings_have_limits_unless_told_otherwise() {
        assert_eq!(settings("").limits.listing.to_string(), "10000:5");
        assert_eq!(
            settings("-L -1:8").limits.listing,
            Recursion {
                files: u32::MAX,
                depth: 8
            }
        );
    }

    #[test]
    fn records_go_where_the_facility_says() {
        let logging = |line| settings(line).logging;
        assert_eq!(logging("").facility, LogTo::Usual);
        assert_eq!(logging("-f stderr").facility, LogTo::Stderr);
        assert_eq!(logging("-f STDOUT").facility, LogTo::Stdout);
        assert_eq!(logging("-f none").facility, LogTo::None);
        assert_eq!(
            refusal("-B -f stderr"),
            "wharf-ftpd: -f stderr: expected a facility or none under -B, which leaves the terminal"
        );
        assert_eq!(logging("-f ftp").facility, LogTo::Syslog(Facility::FTP));
        assert_eq!(logging("-ddd1").verbose, 2);
        assert!(logging("-1").pid);
    }

    #[test]
    fn the_upload_script_is_told_through_pure_ftpds_pipe_or_another() {
        let pipe = |line| settings(line).process.upload_pipe;
        assert_eq!(pipe(""), None);
        assert_eq!(pipe("-o"), Some(PathBuf::from(UPLOAD_PIPE)));
        assert_eq!(pipe("-o --uploadpipe /p"), Some(PathBuf::from("/p")));
        let (settings, warnings) = read("--uploadpipe /p").expect("a pipe alone");
        assert_eq!(settings.process.upload_pipe, None);
        assert_eq!(warnings, ["--uploadpipe: has no effect without -o"]);
    }

    #[test]
    fn the_greeting_is_the_last_one_named() {
        let banner = |line| settings(line).login.banner;
        assert_eq!(banner(""), Banner::Default);
        assert_eq!(
            banner("-F /f --banner hello"),
            Banner::Text("hello".to_owned())
        );
        assert_eq!(
            banner("--banner hello -F /f"),
            Banner::Fortune(PathBuf::from("/f"))
        );
        assert_eq!(
            banner("-F /f --bannerfile /b"),
            Banner::File(PathBuf::from("/b"))
        );
    }
}
