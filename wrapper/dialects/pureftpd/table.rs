//! Every directive of Pure-FTPd: what it becomes, and the form of its value for each of the three readers.

use super::super::{Fate, Row};

/// The form of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::wrapper::dialects) enum Form {
    /// The directive does not exist there.
    Absent,
    /// On or off.
    Bool,
    /// A whole number.
    Number,
    /// One whole number or two with blanks between them.
    OneOrTwo,
    /// Two whole numbers with blanks between them.
    Two,
    /// The same, and -1 for no limit.
    TwoOrUnlimited,
    /// Two whole numbers with a colon between them.
    Pair,
    /// Two masks of three octal digits with blanks between them.
    Masks,
    /// Letters and digits.
    Letters,
    /// Anything without blanks.
    Word,
    /// The rest of the line.
    Rest,
    /// Two words, each maybe in double quotes.
    Quoted,
    /// An IPv4 address.
    Ipv4,
    /// A file that must be there.
    File,
    /// A socket that must be there.
    Socket,
}

impl Form {
    /// As the manual page shows it.
    fn name(self) -> &'static str {
        match self {
            Form::Absent => "",
            Form::Bool => "yes or no",
            Form::Number => "number",
            Form::OneOrTwo => "number, or two",
            Form::Two => "two numbers",
            Form::TwoOrUnlimited => "two numbers, -1 for no limit",
            Form::Pair => "number:number",
            Form::Masks => "two octal numbers",
            Form::Letters => "letters and digits",
            Form::Word => "word",
            Form::Rest => "rest of the line",
            Form::Quoted => "two words",
            Form::Ipv4 => "IPv4 address",
            Form::File => "file",
            Form::Socket => "socket",
        }
    }
}

/// What a directive becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// A flag, by its long name; yes gives it, a value goes with it.
    Flag(&'static str),
    /// `-l NAME`, with the value as its argument unless it is yes or no.
    Login(&'static str),
    /// `-s`, and its opposite when it is set to no.
    AntiWarez,
    /// Nothing, for this reason.
    Ignored(&'static str),
    /// Another file.
    Include,
}

/// A directive: its name, what it becomes, and the form of its value for each of the three readers.
pub(in crate::wrapper::dialects) struct Directive {
    pub(in crate::wrapper::dialects) key: &'static str,
    pub(super) target: Target,
    pub(in crate::wrapper::dialects) own: Form,
    pub(super) script: Form,
    pub(in crate::wrapper::dialects) folder: Form,
}

const CHARSETS: &str =
    "file names are passed on byte for byte; Pure-FTPd gave this setting up in 1.0.48";
const BONJOUR: &str = "there is no Bonjour outside macOS";

/// A row of the table.
const fn d(key: &'static str, target: Target, own: Form, script: Form, folder: Form) -> Directive {
    Directive {
        key,
        target,
        own,
        script,
        folder,
    }
}

/// A directive that is on or off wherever it exists.
const fn switch(key: &'static str, long: &'static str) -> Directive {
    d(key, Target::Flag(long), Form::Bool, Form::Bool, Form::Bool)
}

/// A directive with the same form of value wherever it exists.
const fn value(key: &'static str, long: &'static str, form: Form) -> Directive {
    d(key, Target::Flag(long), form, form, form)
}

use Form::{
    Absent, Bool, File, Ipv4, Letters, Masks, Number, OneOrTwo, Pair, Quoted, Rest, Socket, Two,
    TwoOrUnlimited, Word,
};
use Target::Login;

/// Every directive there ever was, in alphabetical order.
pub(in crate::wrapper::dialects) const DIRECTIVES: &[Directive] = &[
    switch("AllowAnonymousFXP", "allowanonymousfxp"),
    switch("AllowDotFiles", "allowdotfiles"),
    switch("AllowUserFXP", "allowuserfxp"),
    d("AltLog", Target::Flag("altlog"), Rest, Word, Word),
    d(
        "AnonymousBandwidth",
        Target::Flag("anonymousbandwidth"),
        OneOrTwo,
        Word,
        OneOrTwo,
    ),
    switch("AnonymousCanCreateDirs", "anonymouscancreatedirs"),
    switch("AnonymousCantUpload", "anonymouscantupload"),
    switch("AnonymousOnly", "anonymousonly"),
    value("AnonymousRatio", "anonymousratio", Two),
    d("AntiWarez", Target::AntiWarez, Bool, Bool, Bool),
    switch("AutoRename", "autorename"),
    value("Bind", "bind", Word),
    d("Bonjour", Target::Ignored(BONJOUR), Word, Absent, Absent),
    switch("BrokenClientsCompatibility", "brokenclientscompatibility"),
    switch("CallUploadScript", "uploadscript"),
    d("CertFile", Target::Flag("certfile"), Rest, Absent, Absent),
    d(
        "CertFileAndKey",
        Target::Flag("certfile"),
        Quoted,
        Absent,
        Absent,
    ),
    switch("ChrootEveryone", "chrooteveryone"),
    d(
        "ClientCharset",
        Target::Ignored(CHARSETS),
        Absent,
        Word,
        Rest,
    ),
    switch("CreateHomeDir", "createhomedir"),
    switch("CustomerProof", "customerproof"),
    switch("Daemonize", "daemonize"),
    switch("DisplayDotFiles", "displaydotfiles"),
    switch("DontResolve", "dontresolve"),
    d("ExtAuth", Login("extauth"), Rest, Word, Socket),
    d("ExtCert", Target::Flag("extcert"), Rest, Absent, Absent),
    d("FSCharset", Target::Ignored(CHARSETS), Absent, Absent, Rest),
    d(
        "FileSystemCharset",
        Target::Ignored(CHARSETS),
        Absent,
        Word,
        Absent,
    ),
    value("ForcePassiveIP", "forcepassiveip", Word),
    d(
        "FortunesFile",
        Target::Flag("fortunesfile"),
        Rest,
        Word,
        File,
    ),
    switch("IPV4Only", "ipv4only"),
    switch("IPV6Only", "ipv6only"),
    d("Include", Target::Include, Rest, Absent, Absent),
    switch("KeepAllFiles", "keepallfiles"),
    d("LDAPConfigFile", Login("ldap"), Rest, Word, File),
    d(
        "LimitRecursion",
        Target::Flag("limitrecursion"),
        Two,
        Two,
        TwoOrUnlimited,
    ),
    switch("LogPID", "logpid"),
    value("MaxClientsNumber", "maxclientsnumber", Number),
    value("MaxClientsPerIP", "maxclientsperip", Number),
    value("MaxDiskUsage", "maxdiskusagepct", Number),
    value("MaxIdleTime", "maxidletime", Number),
    value("MaxLoad", "maxload", Number),
    value("MinUID", "minuid", Number),
    d("MySQLConfigFile", Login("mysql"), Rest, Word, File),
    switch("NATmode", "natmode"),
    switch("NoAnonymous", "noanonymous"),
    switch("NoChmod", "nochmod"),
    switch("NoRename", "norename"),
    switch("NoTruncate", "notruncate"),
    d("PAMAuthentication", Login("pam"), Bool, Bool, Bool),
    d("PGSQLConfigFile", Login("pgsql"), Rest, Word, File),
    d("PIDFile", Target::Flag("pidfile"), Rest, Word, Absent),
    value("PassivePortRange", "passiveportrange", Two),
    d(
        "PerUserLimits",
        Target::Flag("peruserlimits"),
        Pair,
        Pair,
        Two,
    ),
    switch("ProhibitDotFilesRead", "prohibitdotfilesread"),
    switch("ProhibitDotFilesWrite", "prohibitdotfileswrite"),
    d("PureDB", Login("puredb"), Rest, Word, File),
    d("Quota", Target::Flag("quota"), Pair, Pair, Two),
    d(
        "SyslogFacility",
        Target::Flag("syslogfacility"),
        Letters,
        Word,
        Letters,
    ),
    value("TLS", "tls", Number),
    value("TLSCipherSuite", "tlsciphersuite", Word),
    value("TrustedGID", "trustedgid", Number),
    d("TrustedIP", Target::Flag("trustedip"), Word, Word, Ipv4),
    d("Umask", Target::Flag("umask"), Pair, Pair, Masks),
    d("UnixAuthentication", Login("unix"), Bool, Bool, Bool),
    d(
        "UserBandwidth",
        Target::Flag("userbandwidth"),
        OneOrTwo,
        Word,
        OneOrTwo,
    ),
    value("UserRatio", "userratio", Two),
    switch("VerboseLog", "verboselog"),
];

impl Directive {
    /// Whether it names a source of accounts; Debian's folder keeps those apart.
    pub(in crate::wrapper::dialects) fn is_login(&self) -> bool {
        matches!(self.target, Login(_))
    }

    /// Whether it says nothing whatever its value.
    pub(in crate::wrapper::dialects) fn is_ignored(&self) -> bool {
        matches!(self.target, Target::Ignored(_))
    }

    fn fate(&self) -> (Fate, &'static str) {
        match self.target {
            Target::Flag(long) => (Fate::Flag(long), ""),
            Login(name) => (
                Fate::Login(name),
                "Where accounts come from; asked in the order of the settings.",
            ),
            Target::AntiWarez => (Fate::Flags(&["antiwarez", "anonymousreadown"]), ""),
            Target::Ignored(why) => (Fate::Ignored, why),
            Target::Include => (
                Fate::Include,
                "Reads another file here; one that is not there is skipped with a warning.",
            ),
        }
    }
}

/// The table for the manual page.
pub(in crate::wrapper::dialects) fn rows(form: impl Fn(&Directive) -> Form) -> Vec<Row> {
    let there = DIRECTIVES.iter().filter(|row| form(row) != Absent);
    there
        .map(|directive| {
            let (fate, sentence) = directive.fate();
            Row {
                key: directive.key,
                value: form(directive).name(),
                fate,
                sentence,
            }
        })
        .collect()
}

/// The directive of this name, in any case, if it exists there.
pub(in crate::wrapper::dialects) fn find(
    key: &[u8],
    form: impl Fn(&Directive) -> Form,
) -> Option<&'static Directive> {
    DIRECTIVES.iter().find(|directive| {
        form(directive) != Absent && key.eq_ignore_ascii_case(directive.key.as_bytes())
    })
}

/// Names of directives that exist there.
pub(in crate::wrapper::dialects) fn known(
    form: impl Fn(&Directive) -> Form,
) -> impl Iterator<Item = &'static str> {
    let there = DIRECTIVES
        .iter()
        .filter(move |directive| form(directive) != Absent);
    there.map(|directive| directive.key)
}
