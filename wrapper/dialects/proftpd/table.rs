//! What is known of each directive of ProFTPD and its modules: whose it is, the form of its value, and what becomes of it.
//!
//! Directives with a place of their own here are spoken of by `combine` or alone; those of a module that is taken or left
//! as a whole stand in [`MODULES`].

use crate::wrapper::dialects::{Fate, Row};

/// How a directive is dealt with.
#[derive(Clone, Copy, Debug)]
pub(super) enum Does {
    /// Its meaning depends on others, or on where it stands.
    Combined,
    /// It holds without a flag, for this reason.
    Nothing(&'static str),
    /// Decoration, for this reason.
    Ignored(&'static str),
    /// Refused: the reason, and what to do.
    Refused(&'static str, &'static str),
    /// Its module decides.
    Module(&'static Module),
}

/// A directive.
#[derive(Clone, Copy, Debug)]
pub(super) struct Known {
    pub(super) key: &'static str,
    pub(super) module: &'static str,
    pub(super) value: &'static str,
    pub(super) does: Does,
    fate: Fate,
    sentence: &'static str,
}

/// A module that is taken or left as a whole.
#[derive(Debug)]
pub(super) struct Module {
    pub(super) name: &'static str,
    /// The directive that switches it on and off.
    pub(super) engine: Option<&'static str>,
    /// Whether it works without that.
    pub(super) is_on: bool,
    /// Why it cannot be had and what to do; or with no cure, why it is only ignored.
    pub(super) reason: &'static str,
    pub(super) cure: &'static str,
    keys: &'static [&'static str],
}

const fn to(
    key: &'static str,
    module: &'static str,
    value: &'static str,
    flags: &'static [&'static str],
    sentence: &'static str,
) -> Known {
    let (fate, does) = (Fate::Flags(flags), Does::Combined);
    Known {
        key,
        module,
        value,
        does,
        fate,
        sentence,
    }
}

const fn nothing(
    key: &'static str,
    module: &'static str,
    value: &'static str,
    why: &'static str,
) -> Known {
    Known {
        key,
        module,
        value,
        does: Does::Nothing(why),
        fate: Fate::Nothing,
        sentence: why,
    }
}

const fn ignored(
    key: &'static str,
    module: &'static str,
    value: &'static str,
    why: &'static str,
) -> Known {
    Known {
        key,
        module,
        value,
        does: Does::Ignored(why),
        fate: Fate::Ignored,
        sentence: why,
    }
}

const fn refused(
    key: &'static str,
    module: &'static str,
    value: &'static str,
    reason: &'static str,
    cure: &'static str,
) -> Known {
    Known {
        key,
        module,
        value,
        does: Does::Refused(reason, cure),
        fate: Fate::Refused(cure),
        sentence: reason,
    }
}

/// Spoken of by `combine`, with a fate of its own for the manual.
const fn own(
    key: &'static str,
    module: &'static str,
    value: &'static str,
    fate: Fate,
    sentence: &'static str,
) -> Known {
    Known {
        key,
        module,
        value,
        does: Does::Combined,
        fate,
        sentence,
    }
}

/// Fine where it is off, and spoken of by `combine` where it is on.
const fn off_holds(key: &'static str, module: &'static str, cure: &'static str) -> Known {
    let fate = Fate::Refused(cure);
    own(key, module, "on or off", fate, "Off holds without a flag.")
}

/// A certificate or its key.
const fn certificate(key: &'static str) -> Known {
    to(key, "tls", "file", &["certfile"], "")
}

/// How many clients of an address there may be.
const fn of_address(key: &'static str) -> Known {
    to(key, "auth", "number, and a text", &["maxclientsperip"], "")
}

/// Who owns files in listings.
const fn fake_owner(key: &'static str) -> Known {
    to(key, "ls", "on or off, and a name", &["hideids"], "")
}

/// Hides the files of a user or a group.
const fn hidden_by_owner(key: &'static str, value: &'static str) -> Known {
    refused(
        key,
        "core",
        value,
        "files are hidden by name only",
        "take away the rights of others to read them, or use --hidefiles",
    )
}

/// Within `<Limit>`, for some users.
const fn of_users(key: &'static str, value: &'static str, cure: &'static str) -> Known {
    own(key, "core", value, Fate::Refused(cure), BY_NAME)
}

/// Within `<Limit>`, for clients of some networks.
const fn of_networks(key: &'static str, flags: &'static [&'static str]) -> Known {
    let sentence = "Within <Limit LOGIN>: networks and addresses, not names.";
    to(key, "core", "from networks", flags, sentence)
}

const LOG: &str = "what is logged, and where, is chosen by -f, -d and -O";
const TEXT: &str = "texts of replies are the server's own";
const TUNING: &str = "tuning that means nothing to this server";
const STATE: &str = "the server keeps no such file";
const CONTROLS: &str = "there is no control socket";
const LISTING: &str = "listings are the server's own";
const IDENTITY: &str =
    "the server gives up root's rights by itself, and serves each user with that user's own";
const SCOREBOARD: &str = "limits of this kind cannot be said with flags";
const BY_NAME: &str = "it depends on users, groups or classes, which flags do not tell apart";
const DROP_IT: &str = "remove it if you can do without it";
const WITHOUT_FTPACCESS: &str = "remove every .ftpaccess below the users' homes, move what they say elsewhere, and write AllowOverride off";

const NO_ALIASES: &str = "remove it, and the aliases of users who log in with a password";
const WHO_MAY: &str = "name the users in a file, remove the section and add -- --userlist FILE";
const WHO_MAY_NOT: &str =
    "name the users in a file, remove the section and add -- --denyusers FILE";
const OF_CLASS: &str = "Within <Class>; it counts where a setting names the class.";
const OF_PROCESS: &str = "limits of the process are for its unit or its shell to set";
const DELAY: &str = "a refused login takes as long for a name that does not exist";

/// The directives that are dealt with one by one.
pub(super) const DIRECTIVES: &[Known] = &[
    ignored("AccessDenyMsg", "auth", "text", TEXT),
    ignored("AccessGrantMsg", "auth", "text", TEXT),
    own(
        "AllowChrootSymlinks",
        "auth",
        "on or off",
        Fate::Refused("make homes directories that their users cannot exchange, and write on"),
        "On holds without a flag, and off where nobody is kept in a directory.",
    ),
    refused(
        "AllowClass",
        "core",
        "classes",
        BY_NAME,
        "name networks with Allow from",
    ),
    own(
        "AllowEmptyPasswords",
        "auth",
        "on or off",
        Fate::Refused("give every account a password, and write on"),
        "On holds without a flag, as an empty password is compared like any other.",
    ),
    refused(
        "AllowFilter",
        "core",
        "regular expression",
        "commands are not compared to patterns",
        "remove it, or name what must not be touched with --denyfiles",
    ),
    to(
        "AllowForeignAddress",
        "core",
        "on or off",
        &["allowuserfxp", "allowanonymousfxp"],
        "-W where anonymous is served as well.",
    ),
    nothing("AllowLogSymlinks", "log", "on or off", LOG),
    own(
        "AllowOverride",
        "core",
        "on or off",
        Fate::Refused(WITHOUT_FTPACCESS),
        "Off holds without a flag, as files named .ftpaccess are not read; without the setting there is a warning.",
    ),
    to(
        "AllowOverwrite",
        "xfer",
        "on or off",
        &["nooverwrite"],
        "Off unless it is on, as with ProFTPD.",
    ),
    own(
        "AllowRetrieveRestart",
        "xfer",
        "on or off",
        Fate::Refused("write AllowRetrieveRestart on"),
        "On holds without a flag.",
    ),
    to(
        "AllowStoreRestart",
        "xfer",
        "on or off",
        &["nostorerestart"],
        "Off unless it is on, as with ProFTPD.",
    ),
    ignored(
        "AnonAllowRobots",
        "auth",
        "on or off",
        "robots.txt is a file like others",
    ),
    refused(
        "AnonRejectPasswords",
        "auth",
        "regular expression",
        "what anonymous types as a password is not looked at",
        DROP_IT,
    ),
    off_holds(
        "AnonRequirePassword",
        "auth",
        "give the user an account of its own, in a home it is kept in, and remove the section",
    ),
    off_holds("AuthAliasOnly", "auth", NO_ALIASES),
    own(
        "AuthFileOptions",
        "auth_file",
        "options",
        Fate::Ignored,
        "The owner and mode of the file are always checked.",
    ),
    own(
        "AuthGroupFile",
        "auth_file",
        "file",
        Fate::Ignored,
        "Users of an AuthUserFile have the group of their line and no other.",
    ),
    to(
        "AuthOrder",
        "core",
        "modules",
        &["login"],
        "Of mod_auth_file.c, mod_auth_pam.c and mod_auth_unix.c.",
    ),
    own(
        "AuthPAM",
        "auth_pam",
        "on or off",
        Fate::Nothing,
        "PAM is asked where AuthOrder names mod_auth_pam.c; otherwise ProFTPD takes the system's passwords as well, and so does -l unix.",
    ),
    own(
        "AuthPAMConfig",
        "auth_pam",
        "service",
        Fate::Flag("pamservice"),
        "The service of -l pam, where AuthOrder names mod_auth_pam.c.",
    ),
    own(
        "AuthPAMOptions",
        "auth_pam",
        "options",
        Fate::Ignored,
        "PAM is told the client's address and no terminal.",
    ),
    nothing(
        "AuthUnixOptions",
        "auth_unix",
        "options",
        "for other systems than Linux",
    ),
    own(
        "AuthUserFile",
        "auth_file",
        "file",
        Fate::Login("passwd"),
        "With users who must have a shell of /etc/shells unless RequireValidShell is off. Refused with id, home or name behind it.",
    ),
    off_holds("AuthUsingAlias", "auth", NO_ALIASES),
    nothing("CapabilitiesEngine", "cap", "on or off", IDENTITY),
    nothing("CapabilitiesRootRevoke", "cap", "on or off", IDENTITY),
    nothing("CapabilitiesSet", "cap", "capabilities", IDENTITY),
    nothing(
        "CommandBufferSize",
        "core",
        "number",
        "lines of more than 4096 bytes are refused",
    ),
    to(
        "CreateHome",
        "auth",
        "on or off, and options",
        &["createhomedir"],
        "Refused where Umask would leave the home more rights than its mode, which is 700 unless it stands behind on.",
    ),
    ignored("CwdRatioMsg", "ratio", "text", TEXT),
    ignored("DebugLevel", "core", "number", LOG),
    to("DefaultAddress", "core", "address", &["bind"], ""),
    own(
        "DefaultChdir",
        "auth",
        "directory",
        Fate::Ignored,
        "Sessions start in the home.",
    ),
    to(
        "DefaultRoot",
        "auth",
        "directory, and groups",
        &["chrooteveryone", "trustedgid"],
        "~ is -A, and ~ !GROUP is -a with the number of the group. Another directory needs --userroot, with -A.",
    ),
    own(
        "DefaultServer",
        "core",
        "on or off",
        Fate::Nothing,
        "A server that is alone answers on every address anyway.",
    ),
    nothing(
        "DefaultTransferMode",
        "xfer",
        "ascii or binary",
        "a client says which it wants, and all do",
    ),
    own(
        "Define",
        "core",
        "name",
        Fate::Nothing,
        "A name for <IfDefine>.",
    ),
    ignored("DeferWelcome", "core", "on or off", TEXT),
    to(
        "DeleteAbortedStores",
        "xfer",
        "on or off",
        &["notruncate"],
        "On is -0, under which an upload appears whole or not at all.",
    ),
    nothing("DelayControlsACLs", "delay", "actions, users", CONTROLS),
    nothing("DelayEngine", "delay", "on or off", DELAY),
    nothing("DelayOnEvent", "delay", "event, milliseconds", DELAY),
    nothing("DelayTable", "delay", "file", STATE),
    own(
        "DenyFilter",
        "core",
        "regular expression",
        Fate::Refused("remove it, or name what must not be touched with --denyfiles"),
        r"\*.*/ holds without a flag, as the work a pattern may cause is bounded.",
    ),
    fake_owner("DirFakeGroup"),
    ignored("DirFakeMode", "ls", "mode", LISTING),
    fake_owner("DirFakeUser"),
    own(
        "DisplayChdir",
        "core",
        "file",
        Fate::Nothing,
        "A file named .message is shown; any other is ignored with a warning.",
    ),
    to("DisplayConnect", "core", "file", &["bannerfile"], ""),
    ignored("DisplayFileTransfer", "core", "file", TEXT),
    own(
        "DisplayLogin",
        "auth",
        "file",
        Fate::Nothing,
        "A file named .banner in the home is shown; any other is ignored with a warning.",
    ),
    ignored("DisplayQuit", "core", "file", TEXT),
    ignored("DisplayReadme", "readme", "file", TEXT),
    ignored(
        "DynMasqRefresh",
        "dynmasq",
        "seconds",
        "the address of -P is looked up at start only",
    ),
    ignored("ExtendedLog", "log", "file, and more", LOG),
    nothing(
        "FACLEngine",
        "facl",
        "on or off",
        "the kernel knows access control lists",
    ),
    ignored("FSCachePolicy", "core", "options", TUNING),
    ignored("FSOptions", "core", "options", TUNING),
    ignored("FactsAdvertise", "facts", "on or off", LISTING),
    ignored("FactsDefault", "facts", "facts", LISTING),
    ignored("FactsOptions", "facts", "options", LISTING),
    own(
        "Group",
        "core",
        "name",
        Fate::Nothing,
        "Within <Anonymous>, which must name the anonymous user's own group, as far as this machine can tell.",
    ),
    refused(
        "GroupOwner",
        "core",
        "name",
        "new files belong to the user who made them, and to the user's group or the directory's",
        "give the directories that group and the set-group-ID bit (chmod g+s)",
    ),
    refused(
        "GroupPassword",
        "auth",
        "group, hash",
        "a group has no password",
        "give each user a password, and remove the setting",
    ),
    to(
        "HiddenStores",
        "xfer",
        "on, off or a prefix",
        &["notruncate", "nostorerestart"],
        "",
    ),
    to(
        "HideFiles",
        "core",
        "regular expression",
        &["hidefiles"],
        "Patterns that a GLOB can say, such as ^\\.ht or (\\.bak|~)$, without ! in front.",
    ),
    hidden_by_owner("HideGroup", "group"),
    off_holds(
        "HideNoAccess",
        "core",
        "take away the right to list the directory, or use --hidefiles",
    ),
    hidden_by_owner("HideUser", "user"),
    own(
        "IdentLookups",
        "ident",
        "on or off",
        Fate::Ignored,
        "Clients are never asked for a user of theirs.",
    ),
    off_holds(
        "IgnoreHidden",
        "core",
        "name what nobody may touch with --denyfiles",
    ),
    own(
        "Include",
        "core",
        "file, folder or pattern",
        Fate::Include,
        "Reads other files here; what is not there is skipped with a warning.",
    ),
    nothing(
        "IncludeOptions",
        "core",
        "options",
        "files are read as they are named, and those of a folder without exception",
    ),
    ignored("LangDefault", "lang", "language", TEXT),
    ignored("LangEngine", "lang", "on or off", TEXT),
    ignored("LangOptions", "lang", "options", TEXT),
    ignored("LangPath", "lang", "folder", TEXT),
    to(
        "ListOptions",
        "ls",
        "options",
        &["displaydotfiles", "limitrecursion"],
        "-a is -D; maxfiles and maxdepth are -L. strict is refused.",
    ),
    ignored("ListStyle", "ls", "Unix or Windows", LISTING),
    nothing("LoadFile", "dso", "file", "there are no modules"),
    nothing(
        "LoadModule",
        "dso",
        "module",
        "there are no modules; what a module is asked to do is decided setting by setting",
    ),
    ignored("LogFormat", "log", "name, format", LOG),
    ignored("LogOptions", "log", "options", LOG),
    to(
        "MasqueradeAddress",
        "core",
        "address or name",
        &["forcepassiveip"],
        "",
    ),
    to(
        "MaxClients",
        "auth",
        "number, and a text",
        &["maxclientsnumber", "peruserlimits"],
        "Within <Anonymous> the second number of -y.",
    ),
    refused(
        "MaxClientsPerClass",
        "auth",
        "class, number",
        BY_NAME,
        DROP_IT,
    ),
    of_address("MaxClientsPerHost"),
    to(
        "MaxClientsPerUser",
        "auth",
        "number, and a text",
        &["peruserlimits"],
        "",
    ),
    refused(
        "MaxCommandRate",
        "core",
        "number, and seconds",
        SCOREBOARD,
        DROP_IT,
    ),
    refused(
        "MaxConnectionRate",
        "core",
        "number, and seconds",
        SCOREBOARD,
        "remove it, or limit new connections in the packet filter",
    ),
    of_address("MaxConnectionsPerHost"),
    refused(
        "MaxHostsPerUser",
        "auth",
        "number, and a text",
        SCOREBOARD,
        "remove it, or limit sessions of a user with MaxClientsPerUser",
    ),
    to(
        "MaxInstances",
        "core",
        "number",
        &["maxclientsnumber"],
        "Without it and MaxClients, the 50 clients of the server's default, with a warning.",
    ),
    refused(
        "MaxLoad",
        "load",
        "load or none",
        "clients are not turned away for the load of the machine",
        "remove it, or use -m, which refuses downloads by anonymous",
    ),
    to(
        "MaxLoginAttempts",
        "auth",
        "number",
        &["maxloginfailures"],
        "",
    ),
    nothing(
        "MaxPasswordSize",
        "auth",
        "number",
        "longer passwords than a line are refused",
    ),
    own(
        "MaxRetrieveFileSize",
        "xfer",
        "number, unit, and more",
        Fate::Refused("take away the right to read large files"),
        "* holds without a flag.",
    ),
    to(
        "MaxStoreFileSize",
        "xfer",
        "number, unit",
        &["maxuploadsize"],
        "Without users, groups or classes behind it.",
    ),
    refused(
        "MaxTransfersPerHost",
        "xfer",
        "commands, number",
        SCOREBOARD,
        "remove it, or limit clients with MaxClientsPerHost",
    ),
    refused(
        "MaxTransfersPerUser",
        "xfer",
        "commands, number",
        SCOREBOARD,
        "remove it, or limit sessions with MaxClientsPerUser",
    ),
    nothing("ModuleControlsACLs", "dso", "actions, users", CONTROLS),
    nothing("ModuleOrder", "dso", "modules", "there are no modules"),
    nothing("ModulePath", "dso", "folder", "there are no modules"),
    nothing("MultilineRFC2228", "core", "on or off", TEXT),
    to(
        "PassivePorts",
        "core",
        "two numbers",
        &["passiveportrange"],
        "",
    ),
    refused(
        "PathAllowFilter",
        "core",
        "regular expression",
        "names of uploads are not compared to patterns that allow",
        "remove it, or name what must not be touched with --denyfiles",
    ),
    own(
        "PathDenyFilter",
        "core",
        "regular expression",
        Fate::Refused("name the files with --denyfiles, which keeps them from being read as well"),
        "Only \\.ftpaccess$ holds without a flag, as such files are not read.",
    ),
    nothing(
        "PersistentPasswd",
        "auth_unix",
        "on or off",
        "accounts are looked up outside of any jail",
    ),
    to("PidFile", "core", "file", &["pidfile"], ""),
    to(
        "Port",
        "core",
        "number",
        &["bind"],
        "0 switches a server off.",
    ),
    nothing(
        "ProcessTitles",
        "core",
        "verbose or terse",
        "a process shows no client in its title",
    ),
    own(
        "Protocols",
        "core",
        "ftp, ftps, sftp",
        Fate::Refused("write Protocols ftp"),
        "ftp, with or without ftps, holds without a flag.",
    ),
    nothing("RLimitCPU", "rlimit", "limits", OF_PROCESS),
    nothing(
        "RLimitChroot",
        "rlimit",
        "on or off",
        "nothing is loaded or executed in a jail",
    ),
    nothing("RLimitMemory", "rlimit", "limits", OF_PROCESS),
    nothing("RLimitOpenFiles", "rlimit", "limits", OF_PROCESS),
    nothing("RegexOptions", "core", "limits", "patterns are bounded"),
    to(
        "RequireValidShell",
        "auth",
        "on or off",
        &["anyshell"],
        "Off gives the flag for users of the system. On holds for them without a flag; for an AuthUserFile and for anonymous the shells are compared when the file is read.",
    ),
    off_holds(
        "RewriteHome",
        "auth",
        "write the homes where the accounts are",
    ),
    to(
        "RootLogin",
        "auth",
        "on or off",
        &["minuid"],
        "On is -u 0; without it root cannot log in.",
    ),
    nothing("RootRevoke", "auth", "on, off or more", IDENTITY),
    nothing("ScoreboardFile", "core", "file", STATE),
    nothing("ScoreboardMutex", "core", "file", STATE),
    nothing("ScoreboardScrub", "core", "on, off or seconds", STATE),
    nothing("ServerAdmin", "core", "address", TEXT),
    own(
        "ServerAlias",
        "core",
        "names",
        Fate::Nothing,
        "A name for --host.",
    ),
    to(
        "ServerIdent",
        "core",
        "on or off, and a text",
        &["banner"],
        "Text behind on is the greeting.",
    ),
    ignored("ServerLog", "log", "file", LOG),
    nothing(
        "ServerName",
        "core",
        "text",
        "the greeting is the server's own",
    ),
    nothing(
        "ServerType",
        "core",
        "standalone or inetd",
        "the server finds out whether it was started by inetd",
    ),
    own(
        "SetEnv",
        "core",
        "name, value",
        Fate::Ignored,
        "For %{env:NAME} in this file.",
    ),
    own(
        "ShowSymlinks",
        "ls",
        "on or off",
        Fate::Nothing,
        "Symbolic links are shown as such; off is ignored with a warning.",
    ),
    nothing(
        "SocketBindTight",
        "core",
        "on or off",
        "one address and port is listened on",
    ),
    ignored("SocketOptions", "core", "options", TUNING),
    ignored(
        "StoreUniquePrefix",
        "xfer",
        "text",
        "STOU makes its names its own way",
    ),
    to(
        "SyslogFacility",
        "core",
        "facility",
        &["syslogfacility"],
        "",
    ),
    ignored("SyslogLevel", "core", "level", LOG),
    ignored("SystemLog", "log", "file or none", LOG),
    ignored("TCPBacklog", "core", "number", TUNING),
    ignored("TCPNoDelay", "core", "on or off", TUNING),
    to(
        "TimeoutIdle",
        "core",
        "seconds",
        &["idletimeout"],
        "600 unless set.",
    ),
    nothing(
        "TimeoutLinger",
        "core",
        "seconds",
        "connections are closed in order",
    ),
    to(
        "TimeoutLogin",
        "auth",
        "seconds",
        &["logintimeout"],
        "300 unless set.",
    ),
    to(
        "TimeoutNoTransfer",
        "xfer",
        "seconds",
        &["idletimeout"],
        "300 unless set; the shorter one of this and TimeoutIdle ends idle sessions. There is a warning that others are not ended.",
    ),
    own(
        "TimeoutSession",
        "auth",
        "seconds, and more",
        Fate::Refused(DROP_IT),
        "0 holds without a flag.",
    ),
    to(
        "TimeoutStalled",
        "xfer",
        "seconds",
        &["datatimeout"],
        "3600 unless set.",
    ),
    ignored("TimesGMT", "core", "on or off", LISTING),
    ignored("Trace", "core", "channels", LOG),
    ignored("TraceLog", "core", "file", LOG),
    ignored("TraceOptions", "core", "options", LOG),
    to("TransferLog", "core", "file or none", &["altlog"], ""),
    ignored("TransferOptions", "xfer", "options", TUNING),
    ignored("TransferPriority", "xfer", "commands, priority", TUNING),
    to(
        "TransferRate",
        "xfer",
        "commands, KB a second",
        &["userbandwidth", "anonymousbandwidth"],
        "Within <Anonymous> -t, else -T. Whole kilobytes, rounded down; bytes that are free are not.",
    ),
    nothing("UnsetEnv", "core", "name", "for %{env:NAME} in this file"),
    to(
        "Umask",
        "core",
        "one or two masks",
        &["umask"],
        "022 unless set; files never become executable.",
    ),
    ignored("UniqueIDEngine", "unique_id", "on or off", LOG),
    ignored(
        "UseEncoding",
        "lang",
        "on, off or charsets",
        "file names are passed on byte for byte",
    ),
    to(
        "UseFtpUsers",
        "auth",
        "on or off",
        &["denyusers"],
        "On unless it is off: the names in /etc/ftpusers if there is such a file.",
    ),
    ignored(
        "UseGlobbing",
        "ls",
        "on or off",
        "the work a pattern may cause is bounded",
    ),
    to("UseIPv6", "core", "on or off", &["ipv4only"], ""),
    ignored("UseLastlog", "auth", "on or off", LOG),
    to("UseReverseDNS", "core", "on or off", &["dontresolve"], ""),
    ignored("UseSendfile", "xfer", "on, off or more", TUNING),
    own(
        "User",
        "core",
        "name",
        Fate::Nothing,
        "Within <Anonymous> --anonymoususer; elsewhere there is no need of it.",
    ),
    own(
        "UserAlias",
        "auth",
        "alias, user",
        Fate::Refused("give the user an account of that name"),
        "Within <Anonymous> the names anonymous and ftp for the section's user hold without a flag.",
    ),
    refused(
        "UserOwner",
        "core",
        "user",
        "new files belong to the user who made them",
        "remove it, or use --chownuploads for what anonymous uploads",
    ),
    refused(
        "UserPassword",
        "auth",
        "user, hash",
        "accounts have the password of their source",
        "set the password where the account is, and remove the setting",
    ),
    ignored("WtmpLog", "auth", "on or off", LOG),
    // Within <Limit>.
    of_networks("Allow", &["allowfrom"]),
    own(
        "AllowAll",
        "core",
        "nothing",
        Fate::Nothing,
        "Within <Limit>.",
    ),
    of_users("AllowGroup", "groups", WHO_MAY),
    of_users("AllowUser", "users", WHO_MAY),
    of_networks("Deny", &["denyfrom"]),
    own(
        "DenyAll",
        "core",
        "nothing",
        Fate::Nothing,
        "Within <Limit>; see there.",
    ),
    refused(
        "DenyClass",
        "core",
        "classes",
        BY_NAME,
        "name networks with Deny from",
    ),
    of_users("DenyGroup", "groups", WHO_MAY_NOT),
    of_users("DenyUser", "users", WHO_MAY_NOT),
    own(
        "Order",
        "core",
        "allow,deny or deny,allow",
        Fate::Nothing,
        "Within <Limit>.",
    ),
    own("From", "core", "networks", Fate::Nothing, OF_CLASS),
    own("Satisfy", "core", "any or all", Fate::Nothing, OF_CLASS),
    // TLS.
    own(
        "TLSEngine",
        "tls",
        "on or off",
        Fate::Flags(&["tls"]),
        "With TLSRequired: off is 1, ctrl or auth is 2, on or auth+data is 3.",
    ),
    to(
        "TLSCACertificateFile",
        "tls",
        "file",
        &["tlsclientca"],
        "Given with TLSVerifyClient on or optional alone.",
    ),
    to(
        "TLSCARevocationFile",
        "tls",
        "file",
        &["tlscrl"],
        "Given with TLSVerifyClient on or optional alone. Clients about whom no list in time tells are refused, which ProFTPD lets in.",
    ),
    to("TLSCipherSuite", "tls", "ciphers", &["tlsciphersuite"], ""),
    certificate("TLSECCertificateFile"),
    certificate("TLSECCertificateKeyFile"),
    certificate("TLSRSACertificateFile"),
    certificate("TLSRSACertificateKeyFile"),
    own(
        "TLSRequired",
        "tls",
        "on, off, ctrl, data and more",
        Fate::Flags(&["tls"]),
        "",
    ),
    own("TLSLog", "tls", "file", Fate::Ignored, LOG),
    own(
        "TLSOptions",
        "tls",
        "options",
        Fate::Refused(
            "remove the options that are not NoSessionReuseRequired, UseImplicitSSL, NoCertRequest or EnableDiags",
        ),
        "Without NoSessionReuseRequired it becomes --requiretlsreuse, UseImplicitSSL becomes --implicittls; NoCertRequest and EnableDiags hold without a flag.",
    ),
    own(
        "TLSProtocol",
        "tls",
        "versions",
        Fate::Refused("write TLSv1.2 TLSv1.3, or TLSv1.3, or remove it"),
        "TLSv1.2 and TLSv1.3 together hold without a flag; TLSv1.3 alone becomes --tlsminversion 1.3.",
    ),
    own(
        "TLSRenegotiate",
        "tls",
        "limits",
        Fate::Nothing,
        "Sessions are never renegotiated.",
    ),
    own(
        "TLSServerCipherPreference",
        "tls",
        "on or off",
        Fate::Nothing,
        "The server's own order of ciphers counts.",
    ),
    own("TLSSessionCache", "tls", "cache", Fate::Ignored, TUNING),
    own(
        "TLSSessionTickets",
        "tls",
        "on or off",
        Fate::Ignored,
        TUNING,
    ),
    own(
        "TLSVerifyClient",
        "tls",
        "on, off or optional",
        Fate::Flags(&["tlsclientcert"]),
        "On, which needs TLSRequired on, is required; off holds without a flag. It needs TLSCACertificateFile.",
    ),
    // Bans.
    own(
        "BanEngine",
        "ban",
        "on or off",
        Fate::Flags(&["ban"]),
        "With BanOnEvent MaxLoginAttempts.",
    ),
    own(
        "BanOnEvent",
        "ban",
        "event, number/hh:mm:ss, hh:mm:ss",
        Fate::Flags(&["ban"]),
        "MaxLoginAttempts alone; the number is multiplied by MaxLoginAttempts.",
    ),
];

const NO_CURE: &str = "";
const AUTHD: &str = "move the accounts to a file for AuthUserFile or a database of wharf-pw, or have a program answer for them through wharf-authd";
const NO_TABLES: &str = "write the networks into <Limit LOGIN>, or use --allowfrom, --denyfrom, --userlist and --denyusers";

/// The modules that are taken or left as a whole.
pub(super) const MODULES: &[Module] = &[
    Module {
        name: "ctrls",
        engine: Some("ControlsEngine"),
        is_on: false,
        reason: CONTROLS,
        cure: NO_CURE,
        keys: &[
            "ControlsACLs",
            "ControlsAuthFreshness",
            "ControlsEngine",
            "ControlsInterval",
            "ControlsLog",
            "ControlsMaxClients",
            "ControlsSocket",
            "ControlsSocketACL",
            "ControlsSocketOwner",
        ],
    },
    Module {
        name: "ctrls_admin",
        engine: Some("AdminControlsEngine"),
        is_on: false,
        reason: CONTROLS,
        cure: NO_CURE,
        keys: &["AdminControlsACLs", "AdminControlsEngine"],
    },
    Module {
        name: "memcache",
        engine: Some("MemcacheEngine"),
        is_on: false,
        reason: STATE,
        cure: NO_CURE,
        keys: &[
            "MemcacheEngine",
            "MemcacheLog",
            "MemcacheOptions",
            "MemcacheReplicas",
            "MemcacheServers",
            "MemcacheTimeouts",
        ],
    },
    Module {
        name: "redis",
        engine: Some("RedisEngine"),
        is_on: false,
        reason: LOG,
        cure: NO_CURE,
        keys: &[
            "RedisEngine",
            "RedisLog",
            "RedisLogFormatExtra",
            "RedisLogOnCommand",
            "RedisLogOnEvent",
            "RedisOptions",
            "RedisSentinel",
            "RedisServer",
            "RedisTimeouts",
        ],
    },
    Module {
        name: "copy",
        engine: Some("CopyEngine"),
        is_on: true,
        reason: "there is no SITE COPY",
        cure: NO_CURE,
        keys: &["CopyEngine", "CopyOptions"],
    },
    Module {
        name: "deflate",
        engine: Some("DeflateEngine"),
        is_on: false,
        reason: "there is no MODE Z",
        cure: NO_CURE,
        keys: &["DeflateEngine", "DeflateLog"],
    },
    Module {
        name: "digest",
        engine: Some("DigestEngine"),
        is_on: true,
        reason: "there is no HASH",
        cure: NO_CURE,
        keys: &[
            "DigestAlgorithms",
            "DigestCache",
            "DigestDefaultAlgorithm",
            "DigestEnable",
            "DigestEngine",
            "DigestMaxSize",
            "DigestOptions",
        ],
    },
    Module {
        name: "site_misc",
        engine: Some("SiteMiscEngine"),
        is_on: true,
        reason: "SITE knows CHMOD and UTIME alone",
        cure: NO_CURE,
        keys: &["SiteMiscEngine"],
    },
    Module {
        name: "statcache",
        engine: Some("StatCacheEngine"),
        is_on: false,
        reason: TUNING,
        cure: NO_CURE,
        keys: &[
            "StatCacheCapacity",
            "StatCacheControlsACLs",
            "StatCacheEngine",
            "StatCacheMaxAge",
            "StatCacheTable",
        ],
    },
    Module {
        name: "snmp",
        engine: Some("SNMPEngine"),
        is_on: false,
        reason: LOG,
        cure: NO_CURE,
        keys: &[
            "SNMPAgent",
            "SNMPCommunity",
            "SNMPEngine",
            "SNMPLog",
            "SNMPNotify",
            "SNMPOptions",
            "SNMPTables",
        ],
    },
    Module {
        name: "log_forensic",
        engine: Some("ForensicLogEngine"),
        is_on: false,
        reason: LOG,
        cure: NO_CURE,
        keys: &[
            "ForensicLogBufferSize",
            "ForensicLogCapture",
            "ForensicLogCriteria",
            "ForensicLogEngine",
            "ForensicLogFile",
        ],
    },
    Module {
        name: "qos",
        engine: None,
        is_on: true,
        reason: TUNING,
        cure: NO_CURE,
        keys: &["QoSOptions"],
    },
    Module {
        name: "quotatab",
        engine: Some("QuotaEngine"),
        is_on: false,
        reason: "quotas of ProFTPD stand in tables of its own",
        cure: "write QuotaEngine off and give the same room to everybody with -n, or give users theirs with wharf-pw",
        keys: &[
            "QuotaDefault",
            "QuotaDirectoryTally",
            "QuotaDisplayUnits",
            "QuotaEngine",
            "QuotaExcludeFilter",
            "QuotaLimitTable",
            "QuotaLock",
            "QuotaLog",
            "QuotaOptions",
            "QuotaShowQuotas",
            "QuotaTallyTable",
        ],
    },
    Module {
        name: "ratio",
        engine: Some("Ratios"),
        is_on: false,
        reason: "ratios by user, group or host cannot be said with flags",
        cure: "write Ratios off and use -q or -Q",
        keys: &[
            "AnonRatio",
            "ByteRatioErrMsg",
            "FileRatioErrMsg",
            "GroupRatio",
            "HostRatio",
            "LeechRatioMsg",
            "RatioFile",
            "Ratios",
            "RatioTempFile",
            "SaveRatios",
            "UserRatio",
        ],
    },
    Module {
        name: "shaper",
        engine: Some("ShaperEngine"),
        is_on: false,
        reason: "sessions do not share a bandwidth",
        cure: "write ShaperEngine off and use TransferRate",
        keys: &[
            "ShaperAll",
            "ShaperControlsACLs",
            "ShaperEngine",
            "ShaperLog",
            "ShaperSession",
            "ShaperTable",
        ],
    },
    Module {
        name: "sql",
        engine: Some("SQLEngine"),
        is_on: true,
        reason: "accounts of an SQL database are not known",
        cure: AUTHD,
        keys: &[
            "SQLAuthenticate",
            "SQLAuthTypes",
            "SQLBackend",
            "SQLConnectInfo",
            "SQLDefaultGID",
            "SQLDefaultHomedir",
            "SQLDefaultUID",
            "SQLEngine",
            "SQLGroupInfo",
            "SQLGroupPrimaryKey",
            "SQLGroupWhereClause",
            "SQLKeepAlive",
            "SQLLog",
            "SQLLogFile",
            "SQLLogOnEvent",
            "SQLMinID",
            "SQLMinUserGID",
            "SQLMinUserUID",
            "SQLNamedConnectInfo",
            "SQLNamedQuery",
            "SQLNegativeCache",
            "SQLOptions",
            "SQLRatios",
            "SQLRatioStats",
            "SQLShowInfo",
            "SQLUserInfo",
            "SQLUserPrimaryKey",
            "SQLUserWhereClause",
            "SQLODBCVersion",
        ],
    },
    Module {
        name: "sql_passwd",
        engine: Some("SQLPasswordEngine"),
        is_on: false,
        reason: "accounts of an SQL database are not known",
        cure: AUTHD,
        keys: &[
            "SQLPasswordArgon2",
            "SQLPasswordCost",
            "SQLPasswordEncoding",
            "SQLPasswordEngine",
            "SQLPasswordOptions",
            "SQLPasswordPBKDF2",
            "SQLPasswordRounds",
            "SQLPasswordSaltEncoding",
            "SQLPasswordSaltFile",
            "SQLPasswordScrypt",
            "SQLPasswordUserSalt",
        ],
    },
    Module {
        name: "ldap",
        engine: None,
        is_on: true,
        reason: "accounts of an LDAP directory are not known",
        cure: AUTHD,
        keys: &[
            "LDAPAliasDereference",
            "LDAPAttr",
            "LDAPAuthBinds",
            "LDAPBindDN",
            "LDAPConnectTimeout",
            "LDAPDefaultAuthScheme",
            "LDAPDefaultGID",
            "LDAPDefaultQuota",
            "LDAPDefaultUID",
            "LDAPForceDefaultGID",
            "LDAPForceDefaultUID",
            "LDAPForceGeneratedHomedir",
            "LDAPGenerateHomedir",
            "LDAPGenerateHomedirPrefix",
            "LDAPGenerateHomedirPrefixNoUsername",
            "LDAPGroups",
            "LDAPLog",
            "LDAPProtocolVersion",
            "LDAPQueryTimeout",
            "LDAPSearchScope",
            "LDAPServer",
            "LDAPUsers",
            "LDAPUseSASL",
            "LDAPUseTLS",
        ],
    },
    Module {
        name: "radius",
        engine: Some("RadiusEngine"),
        is_on: false,
        reason: "a RADIUS server is not asked",
        cure: AUTHD,
        keys: &[
            "RadiusAcctServer",
            "RadiusAuthServer",
            "RadiusEngine",
            "RadiusGroupInfo",
            "RadiusLog",
            "RadiusNASIdentifier",
            "RadiusOptions",
            "RadiusQuotaInfo",
            "RadiusRealm",
            "RadiusUserInfo",
            "RadiusVendor",
        ],
    },
    Module {
        name: "auth_otp",
        engine: Some("AuthOTPEngine"),
        is_on: false,
        reason: "there are no one-time passwords",
        cure: "have a program check them through wharf-authd",
        keys: &[
            "AuthOTPAlgorithm",
            "AuthOTPEngine",
            "AuthOTPLog",
            "AuthOTPOptions",
            "AuthOTPTable",
            "AuthOTPTableLock",
        ],
    },
    Module {
        name: "dnsbl",
        engine: Some("DNSBLEngine"),
        is_on: false,
        reason: "lists of addresses in the DNS are not asked",
        cure: "remove the settings, or use --denyfrom or --ban",
        keys: &["DNSBLDomain", "DNSBLEngine", "DNSBLLog", "DNSBLPolicy"],
    },
    Module {
        name: "geoip",
        engine: Some("GeoIPEngine"),
        is_on: false,
        reason: "countries of addresses are not known",
        cure: "remove the settings, or use --allowfrom and --denyfrom",
        keys: &[
            "GeoIPAllowFilter",
            "GeoIPDenyFilter",
            "GeoIPEngine",
            "GeoIPLog",
            "GeoIPPolicy",
            "GeoIPTable",
        ],
    },
    Module {
        name: "exec",
        engine: Some("ExecEngine"),
        is_on: false,
        reason: "no programs are run for commands and events",
        cure: "write ExecEngine off, and use -o with wharf-uploadscript for uploads",
        keys: &[
            "ExecBeforeCommand",
            "ExecEnable",
            "ExecEngine",
            "ExecEnviron",
            "ExecLog",
            "ExecOnCommand",
            "ExecOnConnect",
            "ExecOnError",
            "ExecOnEvent",
            "ExecOnExit",
            "ExecOnRestart",
            "ExecOptions",
            "ExecTimeout",
        ],
    },
    Module {
        name: "rewrite",
        engine: Some("RewriteEngine"),
        is_on: false,
        reason: "commands are not rewritten",
        cure: "write RewriteEngine off",
        keys: &[
            "RewriteCondition",
            "RewriteEngine",
            "RewriteLock",
            "RewriteLog",
            "RewriteMap",
            "RewriteMaxReplace",
            "RewriteRule",
        ],
    },
    Module {
        name: "sftp",
        engine: Some("SFTPEngine"),
        is_on: false,
        reason: "SFTP is part of SSH, which is not spoken here",
        cure: "let sshd serve SFTP, and write SFTPEngine off or choose another server with --host",
        keys: &[
            "SFTPAcceptEnv",
            "SFTPAuthMethods",
            "SFTPAuthorizedHostKeys",
            "SFTPAuthorizedUserKeys",
            "SFTPCiphers",
            "SFTPClientAlive",
            "SFTPClientMatch",
            "SFTPCompression",
            "SFTPCryptoDevice",
            "SFTPDHParamFile",
            "SFTPDigests",
            "SFTPDisplayBanner",
            "SFTPEngine",
            "SFTPExtensions",
            "SFTPHostKey",
            "SFTPHostKeys",
            "SFTPKeyBlacklist",
            "SFTPKeyExchanges",
            "SFTPKeyLimits",
            "SFTPLog",
            "SFTPMaxChannels",
            "SFTPOptions",
            "SFTPPassPhraseProvider",
            "SFTPRekey",
            "SFTPTrafficPolicy",
        ],
    },
    Module {
        name: "sftp_pam",
        engine: Some("SFTPPAMEngine"),
        is_on: false,
        reason: "SFTP is part of SSH, which is not spoken here",
        cure: "let sshd serve SFTP, and write SFTPPAMEngine off",
        keys: &["SFTPPAMEngine", "SFTPPAMOptions", "SFTPPAMServiceName"],
    },
    Module {
        name: "wrap",
        engine: None,
        is_on: true,
        reason: "tables of hosts are not read",
        cure: NO_TABLES,
        keys: &[
            "TCPAccessFiles",
            "TCPAccessSyslogLevels",
            "TCPServiceName",
            "TCPUserAccessFiles",
            "TCPGroupAccessFiles",
        ],
    },
    Module {
        name: "wrap2",
        engine: Some("WrapEngine"),
        is_on: false,
        reason: "tables of hosts are not read",
        cure: NO_TABLES,
        keys: &[
            "WrapAllowMsg",
            "WrapDenyMsg",
            "WrapEngine",
            "WrapGroupTables",
            "WrapLog",
            "WrapOptions",
            "WrapServiceName",
            "WrapTables",
            "WrapUserTables",
        ],
    },
    Module {
        name: "ban",
        engine: Some("BanEngine"),
        is_on: false,
        reason: "bans are counted by this server alone and last until they end",
        cure: NO_CURE,
        keys: &[
            "BanCache",
            "BanCacheOptions",
            "BanControlsACLs",
            "BanLog",
            "BanMessage",
            "BanOptions",
            "BanTable",
        ],
    },
    Module {
        name: "vroot",
        engine: Some("VRootEngine"),
        is_on: false,
        reason: "homes are kept by the same flags as with chroot",
        cure: NO_CURE,
        keys: &["VRootEngine", "VRootLog", "VRootOptions"],
    },
    Module {
        name: "vroot",
        engine: Some("VRootEngine"),
        is_on: false,
        reason: "no directory appears in a place that is not its own",
        cure: "mount it there (mount --bind), and remove the setting",
        keys: &["VRootAlias", "VRootServerRoot"],
    },
    Module {
        name: "proxy",
        engine: Some("ProxyEngine"),
        is_on: false,
        reason: "sessions are not passed on to other servers",
        cure: "write ProxyEngine off",
        keys: &[
            "ProxyDataTransferPolicy",
            "ProxyDatastore",
            "ProxyDirectoryListPolicy",
            "ProxyEngine",
            "ProxyForwardMethod",
            "ProxyForwardTo",
            "ProxyLog",
            "ProxyOptions",
            "ProxyReverseConnectPolicy",
            "ProxyReverseServers",
            "ProxyRole",
            "ProxyTables",
            "ProxyTimeoutConnect",
        ],
    },
    Module {
        name: "clamav",
        engine: Some("ClamAV"),
        is_on: false,
        reason: "uploads are not looked through for viruses",
        cure: "write ClamAV off, and use -o with wharf-uploadscript and a scanner",
        keys: &[
            "ClamAV",
            "ClamFailsafe",
            "ClamLocalSocket",
            "ClamMaxSize",
            "ClamMinSize",
            "ClamPort",
            "ClamServer",
            "ClamTempDir",
        ],
    },
    Module {
        name: "tls",
        engine: Some("TLSEngine"),
        is_on: false,
        reason: "there is no such setting of TLS",
        cure: "remove it if nothing depends on it",
        keys: &[
            "TLSCACertificatePath",
            "TLSCARevocationPath",
            "TLSCertificateChainFile",
            "TLSControlsACLs",
            "TLSCryptoDevice",
            "TLSDHParamFile",
            "TLSDSACertificateFile",
            "TLSDSACertificateKeyFile",
            "TLSECDHCurve",
            "TLSMasqueradeAddress",
            "TLSNextProtocol",
            "TLSPKCS12File",
            "TLSPassPhraseProvider",
            "TLSPreSharedKey",
            "TLSRandomSeed",
            "TLSServerInfoFile",
            "TLSSessionTicketKeys",
            "TLSStapling",
            "TLSStaplingCache",
            "TLSStaplingOptions",
            "TLSStaplingResponder",
            "TLSStaplingTimeout",
            "TLSTimeoutHandshake",
            "TLSUserName",
            "TLSVerifyDepth",
            "TLSVerifyOrder",
            "TLSVerifyServer",
        ],
    },
];

/// The names of sections.
pub(super) const SECTIONS: [&str; 13] = [
    "Global",
    "VirtualHost",
    "Anonymous",
    "Directory",
    "Limit",
    "Class",
    "IfModule",
    "IfDefine",
    "IfVersion",
    "IfUser",
    "IfGroup",
    "IfClass",
    "IfAuthenticated",
];

/// Whether there is a section of this name, in any case.
pub(super) fn is_section(name: &[u8]) -> bool {
    let mut known = SECTIONS.iter();
    known.any(|known| name.eq_ignore_ascii_case(known.as_bytes()))
}

/// The directive of this name, in any case.
pub(super) fn find(name: &[u8]) -> Option<Known> {
    let is = |key: &str| name.eq_ignore_ascii_case(key.as_bytes());
    let alone = DIRECTIVES.iter().find(|known| is(known.key)).copied();
    alone.or_else(|| {
        MODULES.iter().find_map(|module| {
            let key = module.keys.iter().find(|key| is(key))?;
            Some(of_module(module, key))
        })
    })
}

fn of_module(module: &'static Module, key: &'static str) -> Known {
    let is_engine = module.engine == Some(key);
    let fate = match module.cure {
        "" => Fate::Ignored,
        cure => Fate::Refused(cure),
    };
    Known {
        key,
        module: module.name,
        value: if is_engine { "on or off" } else { "text" },
        does: Does::Module(module),
        fate,
        sentence: module.reason,
    }
}

/// Whether the settings of one module are those of another that goes by a longer name, as those of mod_sql in a section for
/// mod_sql_mysql.
pub(super) fn belongs(module: &str, named: &str) -> bool {
    let rest = named.strip_prefix(module);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('_'))
}

/// The names of all directives.
pub(super) fn keys() -> impl Iterator<Item = &'static str> {
    let alone = DIRECTIVES.iter().map(|known| known.key);
    alone.chain(
        MODULES
            .iter()
            .flat_map(|module| module.keys.iter().copied()),
    )
}

/// Sections, for the manual page.
const SECTION_ROWS: [Row; 10] = [
    Row {
        key: "<Anonymous>",
        value: "directory",
        fate: Fate::Flags(&[
            "anonymousroot",
            "anonymoususer",
            "anonymousupload",
            "anonymouscantupload",
            "anonymouscancreatedirs",
            "anonymousreadown",
            "allowdotfiles",
        ]),
        sentence: "One of them; without one, -E. Anonymous can never overwrite, rename or delete anything, which is told as a warning.",
    },
    Row {
        key: "<Class>",
        value: "name",
        fate: Fate::Nothing,
        sentence: "Counts where a setting names it; that setting is refused.",
    },
    Row {
        key: "<Directory>",
        value: "directory",
        fate: Fate::Refused("remove the section, and let the directory's owner and mode say it"),
        sentence: "Only sections for all there is (/, /*, in <Anonymous> *, with DefaultRoot ~ also ~) can be expressed: what they hold then counts for the whole server.",
    },
    Row {
        key: "<Global>",
        value: "nothing",
        fate: Fate::Nothing,
        sentence: "Holds for every server, behind the server's own settings.",
    },
    Row {
        key: "<IfDefine>",
        value: "name or !name",
        fate: Fate::Nothing,
        sentence: "Names are those of Define and --define.",
    },
    Row {
        key: "<IfModule>",
        value: "module or !module",
        fate: Fate::Nothing,
        sentence: "Modules every ProFTPD has and those of LoadModule are loaded. A section for another may hold its own settings only.",
    },
    Row {
        key: "<IfUser>, <IfGroup>, <IfClass>, <IfAuthenticated>",
        value: "expression",
        fate: Fate::Refused("remove the section"),
        sentence: "Settings for some users only cannot be expressed.",
    },
    Row {
        key: "<IfVersion>",
        value: "comparison",
        fate: Fate::Refused("keep the lines for your version, outside of the section"),
        sentence: "There is no version of ProFTPD to compare.",
    },
    Row {
        key: "<Limit>",
        value: "commands",
        fate: Fate::Flags(&[
            "readonly",
            "norename",
            "nochmod",
            "keepallfiles",
            "natmode",
            "noactive",
            "anonymousonly",
            "allowfrom",
            "denyfrom",
        ]),
        sentence: "What everybody is denied. Other commands need --denycommands. Users, groups and classes cannot be told apart.",
    },
    Row {
        key: "<VirtualHost>",
        value: "addresses",
        fate: Fate::Nothing,
        sentence: "One server is run: of a file with several, the one named by --host; --host main is the one outside of them.",
    },
];

/// The rows of the manual page.
pub(super) fn rows() -> Vec<Row> {
    let alone = DIRECTIVES.iter().copied();
    let modules = MODULES
        .iter()
        .flat_map(|module| module.keys.iter().map(|key| of_module(module, key)));
    let mut rows: Vec<Row> = alone
        .chain(modules)
        .map(|known| Row {
            key: known.key,
            value: known.value,
            fate: known.fate,
            sentence: known.sentence,
        })
        .collect();
    rows.sort_by_key(|row| row.key.to_ascii_lowercase());
    rows.extend(SECTION_ROWS);
    rows
}
