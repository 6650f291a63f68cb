//! The flags under "Files": what sessions may do to files, and what they see of them.

use crate::units::{Expected, Glob, Percent, Umasks, UploadOwner};
use clap::Args;
use clap::builder::{OsStringValueParser, TypedValueParser};
use std::os::unix::ffi::OsStrExt;

/// What sessions may do to files, and what they see of them.
#[derive(Args, Debug, Clone)]
#[command(next_help_heading = "Files")]
pub struct Files {
    /// Refuse uploads by anonymous
    ///
    /// Of -i and --anonymousupload the later one counts.
    #[arg(
        short = 'i',
        long = "anonymouscantupload",
        overrides_with = "anonymous_upload"
    )]
    pub anonymous_cant_upload: bool,

    /// Allow uploads by anonymous
    ///
    /// Anonymous can store files wherever the anonymous user may write. Started by root this is the
    /// default; otherwise uploads are refused without it. Of -i and --anonymousupload the later one
    /// counts.
    #[arg(long = "anonymousupload", overrides_with = "anonymous_cant_upload")]
    pub anonymous_upload: bool,

    /// Do not serve files that anonymous uploaded
    ///
    /// Anonymous cannot fetch files that belong to the anonymous user, so that what strangers upload
    /// reaches others only after it was given to another owner. Started by root this is the default.
    /// Of -s and --anonymousreadown the later one counts.
    #[arg(short = 's', long = "antiwarez", overrides_with = "anonymous_read_own")]
    pub anti_warez: bool,

    /// Serve files that anonymous uploaded
    ///
    /// Started without root this is the default. Of -s and --anonymousreadown the later one counts.
    #[arg(long = "anonymousreadown", overrides_with = "anti_warez")]
    pub anonymous_read_own: bool,

    /// Show anonymous only what everybody may read
    ///
    /// Anonymous can fetch only files, and list only directories, whose mode lets others read them, even
    /// where the anonymous user is the owner or of the group. SIZE, MDTM and MLST still tell of a file
    /// that cannot be fetched, as they do when the system keeps it from being read.
    #[arg(long = "worldreadableonly")]
    pub world_readable_only: bool,

    /// Give what anonymous uploads to this user
    ///
    /// A file that has arrived whole gets this owner, and in octal this mode, by default 600. Its group
    /// stays that of anonymous, who can fetch the file if the mode lets group or others read.
    /// Directories and the files of accounts stay as they are. The server must be started by root and keeps the right
    /// to change owners, which a filter of system calls narrows to this user; without a filter it does
    /// not start. It cannot be used together with -u 0.
    #[arg(long = "chownuploads", value_name = "USER[:MODE]")]
    pub chown_uploads: Option<UploadOwner>,

    /// Allow anonymous to create directories
    ///
    /// It needs uploads to be allowed. Removing directories stays refused.
    #[arg(short = 'M', long = "anonymouscancreatedirs")]
    pub anonymous_can_create_dirs: bool,

    /// Give an uploaded file another name when its own is taken
    ///
    /// A file that would overwrite another is stored as NAME.1, NAME.2 and so on instead.
    #[arg(short = 'r', long = "autorename")]
    pub auto_rename: bool,

    /// Show an upload under its name only when it is complete
    ///
    /// The data goes to a temporary file beside it, which takes the name at the end of the upload. If
    /// the upload fails the temporary file is removed, and a file that had the name before is left as
    /// it was. Appending still happens in place.
    #[arg(short = '0', long = "notruncate")]
    pub no_truncate: bool,

    /// Allow anonymous to read files and enter directories that begin with a dot
    #[arg(short = 'z', long = "allowdotfiles")]
    pub allow_dot_files: bool,

    /// List files that begin with a dot without being asked
    ///
    /// LIST and STAT then show them as if their option -a were given by the client.
    #[arg(short = 'D', long = "displaydotfiles")]
    pub display_dot_files: bool,

    /// Refuse to change files and directories that begin with a dot
    ///
    /// They cannot be written, created, deleted or renamed, nor have their rights changed. Anonymous
    /// can never do so.
    #[arg(short = 'x', long = "prohibitdotfileswrite")]
    pub prohibit_dot_files_write: bool,

    /// Refuse to read or change files and directories that begin with a dot
    ///
    /// As -x, and they cannot be fetched nor entered either.
    #[arg(short = 'X', long = "prohibitdotfilesread")]
    pub prohibit_dot_files_read: bool,

    /// Take these permission bits from new files and directories
    ///
    /// In octal, each at most 777. A single mask counts for both; with one side of the colon empty
    /// that side keeps its default. The default is 133:022, which makes files 0644 and directories
    /// 0755.
    #[arg(short = 'U', long = "umask", value_name = "FILES:DIRS")]
    pub umask: Option<Umasks>,

    /// Take these permission bits from what anonymous creates
    ///
    /// The value is as for -U, which then holds for accounts only. Without either flag, files that
    /// anonymous uploads get mode 0600.
    #[arg(long = "anonymousumask", value_name = "FILES:DIRS")]
    pub anonymous_umask: Option<Umasks>,

    /// Refuse everything that changes files
    ///
    /// It goes before every flag that allows a change, such as --anonymousupload and -M.
    #[arg(long = "readonly")]
    pub read_only: bool,

    /// Refuse to overwrite files
    ///
    /// Nobody can store over, append to or resume a file that exists. Anonymous can never do so.
    #[arg(long = "nooverwrite")]
    pub no_overwrite: bool,

    /// Refuse to append to files and to resume uploads
    ///
    /// What is stored over a file replaces it whole. Anonymous can never append nor resume.
    #[arg(long = "nostorerestart")]
    pub no_store_restart: bool,

    /// Confirm an upload only when it is on the disk
    ///
    /// The file and its directory are written out by fsync(2) before the reply 226, which takes time.
    #[arg(long = "fsync")]
    pub fsync: bool,

    /// Refuse downloads
    ///
    /// Nobody can fetch a file. Uploads and listings are not touched by it.
    #[arg(long = "nodownload")]
    pub no_download: bool,

    /// Refuse listings
    ///
    /// Nobody can list a directory, by LIST, NLST, MLSD, or STAT with a name. MLST, SIZE and MDTM still
    /// tell of a single name who knows it.
    #[arg(long = "nolist")]
    pub no_list: bool,

    /// Refuse these commands to those who are logged in
    ///
    /// They are names of FTP commands in any case, parted by commas; SITE_CHMOD and its like name one
    /// word of SITE, SITE alone all of them. Other names of a command, such as XMKD for MKD, are refused
    /// as well. It may be given more than once and goes before --allowcommands. The commands of the
    /// login, and FEAT, HELP and QUIT, are always answered; FEAT and HELP still show what is refused.
    #[arg(long = "denycommands", value_name = "LIST", value_delimiter = ',')]
    pub deny_commands: Vec<String>,

    /// Leave no other commands to those who are logged in
    ///
    /// The list is as for --denycommands, and may be given more than once. Clients need more commands
    /// than it may seem, among them TYPE, PASV, EPSV, PWD and CWD.
    #[arg(long = "allowcommands", value_name = "LIST", value_delimiter = ',')]
    pub allow_commands: Vec<String>,

    /// Refuse access to files with names that match this pattern
    ///
    /// The pattern is compared to each part of a path and knows stars, question marks and sets such
    /// as [a-z] or [!a-z]. It has at most 255 bytes. It may be given more than once. The names are
    /// still listed unless --hidefiles matches them as well.
    #[arg(long = "denyfiles", value_name = "GLOB", value_parser = glob())]
    pub deny_files: Vec<Glob>,

    /// Leave files with names that match this pattern out of listings
    ///
    /// The pattern is as for --denyfiles, and may be given more than once. Who knows such a name can
    /// still use it.
    #[arg(long = "hidefiles", value_name = "GLOB", value_parser = glob())]
    pub hide_files: Vec<Glob>,

    /// Show ftp as the owner and group of every file
    #[arg(long = "hideids")]
    pub hide_ids: bool,

    /// Refuse uploads when the disk is fuller than this
    ///
    /// It is looked at when an upload begins and again while bytes arrive; the reply is 552. With 100
    /// the disk may be filled, which is the default.
    #[arg(short = 'k', long = "maxdiskusagepct", value_name = "PERCENT")]
    pub max_disk_usage: Option<Percent>,

    /// Refuse to delete files
    ///
    /// Members of the group of -a still can.
    #[arg(short = 'K', long = "keepallfiles")]
    pub keep_all_files: bool,

    /// Refuse to rename files
    #[arg(short = 'G', long = "norename")]
    pub no_rename: bool,

    /// Refuse to change the rights of files
    #[arg(short = 'R', long = "nochmod")]
    pub no_chmod: bool,

    /// Keep users from locking themselves out by changing rights
    ///
    /// The owner keeps the right to read and write files, and to enter directories, whatever the
    /// client asks for.
    #[arg(short = 'Z', long = "customerproof")]
    pub customer_proof: bool,

    /// Accepted for old command lines, without effect
    ///
    /// File names are passed on byte for byte; UTF-8 is what clients are told.
    #[arg(short = '8', long = "fscharset", value_name = "CHARSET")]
    pub fs_charset: Option<String>,

    /// Accepted for old command lines, without effect
    ///
    /// File names are passed on byte for byte; UTF-8 is what clients are told.
    #[arg(short = '9', long = "clientcharset", value_name = "CHARSET")]
    pub client_charset: Option<String>,
}

/// Patterns are compared to names of files, which are bytes, so they need not be UTF-8.
fn glob() -> impl TypedValueParser<Value = Glob> {
    OsStringValueParser::new()
        .try_map(|text| -> Result<Glob, Expected> { Glob::new(text.as_bytes()) })
}
