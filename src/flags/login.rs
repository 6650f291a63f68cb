//! The flags under "Login": who may log in, where a session begins, what it is greeted with.

use crate::units::{Expected, UserFlags, UserRoot, group_id, user_id};
use clap::Args;
use clap::builder::{OsStringValueParser, TypedValueParser};
use std::path::PathBuf;

/// Who may log in, where a session begins, what it is greeted with.
#[derive(Args, Debug, Clone)]
#[command(next_help_heading = "Login")]
pub struct Login {
    /// Serve anonymous sessions only
    ///
    /// User names other than anonymous and ftp are refused before a password is asked for. Of -e and
    /// -E the later one counts.
    #[arg(short = 'e', long = "anonymousonly", overrides_with = "no_anonymous")]
    pub anonymous_only: bool,

    /// Serve no anonymous sessions
    ///
    /// The names anonymous and ftp become ordinary ones. Of -e and -E the later one counts.
    #[arg(short = 'E', long = "noanonymous", overrides_with = "anonymous_only")]
    pub no_anonymous: bool,

    /// Serve this directory to anonymous
    ///
    /// The default is the home directory of the anonymous user; in a home of the form /srv/ftp/./pub
    /// the root ends before the dot and the session starts behind it. A directory for the address the
    /// client connected to, see --virtualhosts, goes before both.
    #[arg(long = "anonymousroot", value_name = "DIR")]
    pub anonymous_root: Option<PathBuf>,

    /// Serve anonymous sessions with the rights of this system user
    ///
    /// The default is ftp. It may not be root. Started without root, the server keeps the user who
    /// started it, and the name serves only to find a home directory when --anonymousroot is not
    /// given.
    #[arg(long = "anonymoususer", value_name = "NAME")]
    pub anonymous_user: Option<String>,

    /// Take the anonymous root from this directory, by server address
    ///
    /// A subdirectory, or a link to one, that is named after the address a client connected to is the
    /// anonymous root for that client. The default is /etc/pure-ftpd/pure-ftpd, as in Debian's
    /// Pure-FTPd; it need not exist.
    #[arg(long = "virtualhosts", value_name = "DIR")]
    pub virtual_hosts: Option<PathBuf>,

    /// Read shortcuts to directories from this file
    ///
    /// It holds pairs of lines, a short name and then the directory it leads to; empty lines and those
    /// that begin with # are skipped between pairs. CWD tries the short names after real ones. The
    /// default is /etc/pure-ftpd/pureftpd-dir-aliases, as in Debian's Pure-FTPd; it need not exist.
    #[arg(long = "aliases", value_name = "FILE")]
    pub aliases: Option<PathBuf>,

    /// Greet clients with this text
    ///
    /// It takes the place of the default greeting. Of --banner, --bannerfile and -F the last one
    /// counts.
    #[arg(
        long = "banner",
        value_name = "TEXT",
        overrides_with_all = ["banner_file", "fortunes_file"]
    )]
    pub banner: Option<String>,

    /// Greet clients with the text of this file
    ///
    /// It takes the place of the default greeting. Of --banner, --bannerfile and -F the last one
    /// counts.
    #[arg(
        long = "bannerfile",
        value_name = "FILE",
        overrides_with_all = ["banner", "fortunes_file"]
    )]
    pub banner_file: Option<PathBuf>,

    /// Greet each client with a random saying from this file
    ///
    /// It is a file for fortune(6): sayings parted by lines of a single percent sign. Of --banner,
    /// --bannerfile and -F the last one counts.
    #[arg(
        short = 'F',
        long = "fortunesfile",
        value_name = "FILE",
        overrides_with_all = ["banner", "banner_file"]
    )]
    pub fortunes_file: Option<PathBuf>,

    /// Check passwords by this method
    ///
    /// unix: the users of this machine, by their passwords in passwd and shadow. pam: the same users,
    /// as the PAM service wharf-ftpd lets them in (where PAM was built in). puredb:FILE: virtual users
    /// of a database made by wharf-pw or pure-pw. extauth:SOCKET: what a program answers behind the
    /// Unix socket of wharf-authd or pure-authd. passwd:FILE: virtual users of a text file in the form
    /// of passwd, such as an AuthUserFile of ProFTPD.
    ///
    /// It may be given more than once. Methods are asked in the order given until one knows the name;
    /// that one decides. Without this flag nobody but anonymous can log in.
    #[arg(short = 'l', long = "login", value_name = "METHOD[:FILE]")]
    pub login: Vec<String>,

    /// Ask PAM by this service
    ///
    /// It names a file of /etc/pam.d and is for -l pam, which must be given as well. It has letters, digits,
    /// dots, dashes and underscores, and does not begin with a dot. The default is wharf-ftpd.
    #[arg(long = "pamservice", value_name = "NAME", value_parser = pam_service)]
    pub pam_service: Option<String>,

    /// Open no session of PAM
    ///
    /// Under -l pam the service is asked about password and account alone, as vsftpd asks it by default; its
    /// rules of the type session, and the limits, keys and entries in logs that they make, play no part. A
    /// service without such rules may need it, for PAM asks the service other for them. It needs -l pam.
    #[arg(long = "nopamsession")]
    pub no_pam_session: bool,

    /// Let users in whatever their shell is
    ///
    /// It is for -l unix, which must be given as well and otherwise lets only those in whose shell stands in
    /// /etc/shells. Accounts that are there for services alone come in with it if they have a password.
    /// Under -l pam it changes nothing: there pam_shells, or no module at all, looks at shells.
    #[arg(long = "anyshell")]
    pub any_shell: bool,

    /// Let only the users named in this file log in
    ///
    /// The file holds a name on each line; empty lines and those that begin with # are skipped. Who is
    /// not named is answered like somebody with a wrong password. Either of the names anonymous and
    /// ftp stands for anonymous sessions, which are refused as well when neither is there. Names are
    /// compared letter by letter. The file is read at start and again at SIGHUP.
    #[arg(long = "userlist", value_name = "FILE")]
    pub user_list: Option<PathBuf>,

    /// Do not let the users named in this file log in
    ///
    /// The file is as for --userlist and goes before it. Who is named, in upper or lower case, is
    /// answered like somebody with a wrong password.
    #[arg(long = "denyusers", value_name = "FILE")]
    pub deny_users: Option<PathBuf>,

    /// Keep users in their home directories unless they are of this group
    ///
    /// The group is given by number. Its members may also use names that begin with a dot in spite of
    /// -x and -X, delete files in spite of -K, and owe no uploads under -Q. Of -a and -A the later one
    /// counts. Without either, those are kept whose home holds /./, who have a quota, or whom
    /// --chrootlist names.
    #[arg(
        short = 'a',
        long = "trustedgid",
        value_name = "GID",
        value_parser = group_id,
        overrides_with = "chroot_everyone"
    )]
    pub trusted_gid: Option<u32>,

    /// Keep all users in their home directories
    ///
    /// Of -a and -A the later one counts. Anonymous is always kept in its root.
    #[arg(short = 'A', long = "chrooteveryone", overrides_with = "trusted_gid")]
    pub chroot_everyone: bool,

    /// Keep the users named in this file in their home directories
    ///
    /// The file is as for --userlist, but names are compared in upper or lower case, and a change of it holds
    /// from the next login on. Whoever is named is kept in even without -A, and in spite of -a.
    #[arg(long = "chrootlist", value_name = "FILE")]
    pub chroot_list: Option<PathBuf>,

    /// Do not keep the users named in this file in their home directories
    ///
    /// The file is as for --userlist, and a change of it holds from the next login on. It goes before
    /// --chrootlist, -A and -a, and gives no other freedom. Users who have a quota, or whose home holds
    /// /./, are kept in all the same.
    #[arg(long = "nochrootlist", value_name = "FILE")]
    pub no_chroot_list: Option<PathBuf>,

    /// Let all users act as this account of the machine
    ///
    /// Whoever logs in by -l acts with the uid, gid and groups of the account, and has its home unless
    /// --userroot gives another. The name of the login still stands in the log and counts for quotas and
    /// limits. Users whom -u refuses are refused all the same. The account may not be root, and the server
    /// must be started by root.
    #[arg(long = "mapusers", value_name = "ACCOUNT")]
    pub map_users: Option<String>,

    /// Hold users under --mapusers to what anonymous may do
    ///
    /// Uploading, overwriting, deleting, renaming and all else that flags say of anonymous is for these users
    /// as for anonymous, with the account in the place of the anonymous user. They are always kept in their
    /// homes. Rates, ratio, quota and number of sessions are still those of users.
    #[arg(long = "mapusersasanonymous")]
    pub map_users_as_anonymous: bool,

    /// Give users this directory in place of their home
    ///
    /// Each $USER in it is replaced by the name of the login; a name that cannot be a directory's, such as
    /// one with a slash, is then refused. It begins with a slash, and /./ in it means what it means in a
    /// home. The server must find the directory, unless -j is given.
    #[arg(long = "userroot", value_name = "DIR", value_parser = user_root())]
    pub user_root: Option<UserRoot>,

    /// Let other flags hold for the account of this name
    ///
    /// FLAGS is one word of flags, quoted as for the shell: --userflags "joe:--nodownload -U 022:077". They
    /// stand in the place of all flags of the same kind: what an account may do to files and see of them, its
    /// rates and ratio, its time-outs, its kinds of data connections, its --userroot. What is not among them
    /// has its default, whatever the command line says for everybody, so that an account can be given more as
    /// well as less. Flags that are not for single accounts are refused, with a list of those that are.
    /// The name is compared in any case; anonymous sessions are called ftp. May be repeated; of several for
    /// one name the last counts. What a database of wharf-pw says of an account goes before.
    #[arg(long = "userflags", value_name = "NAME:FLAGS", value_parser = user_flags())]
    pub user_flags: Vec<UserFlags>,

    /// Refuse users who may write the directory they are kept in
    ///
    /// It is for those who are kept in, by -A, -a or whatever else: their root directory itself, not those
    /// below it. The log names the directory. Where anonymous may write its root, or that of a virtual host,
    /// the server does not start.
    #[arg(long = "refusewritableroot")]
    pub refuse_writable_root: bool,

    /// Create the home directory of a user who has none
    ///
    /// Directories above it that are missing are made as well, and belong to root. Without this flag
    /// such a user cannot log in.
    #[arg(short = 'j', long = "createhomedir")]
    pub create_home_dir: bool,

    /// Refuse users whose uid is lower
    ///
    /// The default is 1: root logs in only with -u 0. Under a server started by root, the kernel is
    /// told as well that no lower uid is to be taken.
    #[arg(
        short = 'u',
        long = "minuid",
        value_name = "UID",
        value_parser = user_id
    )]
    pub min_uid: Option<u32>,
}

/// A path is bytes and need not be UTF-8.
fn user_root() -> impl TypedValueParser<Value = UserRoot> {
    OsStringValueParser::new()
        .try_map(|text| -> Result<UserRoot, Expected> { UserRoot::new(&text) })
}

fn user_flags() -> impl TypedValueParser<Value = UserFlags> {
    OsStringValueParser::new()
        .try_map(|text| -> Result<UserFlags, Expected> { UserFlags::new(&text) })
}

/// PAM takes the name for that of a file in its directory, so that it must not lead out of there.
fn pam_service(text: &str) -> Result<String, &'static str> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    match !text.starts_with('.') && text.len() <= 64 && text.bytes().all(fits) {
        true => Ok(text.to_owned()),
        false => Err(
            "expected at most 64 letters, digits, dots, dashes and underscores, no dot in front",
        ),
    }
}
