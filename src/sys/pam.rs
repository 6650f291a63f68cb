//! Pluggable authentication modules: one login's conversation with Linux-PAM, pam(3) and the pages named there.
//!
//! Modules may sleep, fork, load libraries and change the process they run in; so this belongs into a process of its own.
//! Every question of a module without echo is answered with the password, every one with echo with the user's name.

use std::ffi::{CStr, CString, c_char, c_int, c_uint, c_void};
use std::ptr;

use zeroize::Zeroizing;

/// What pam_start(3) gives.
#[repr(C)]
struct Handle {
    _opaque: [u8; 0],
}

/// `struct pam_message`.
#[repr(C)]
struct Message {
    style: c_int,
    text: *const c_char,
}

/// `struct pam_response`.
#[repr(C)]
struct Response {
    text: *mut c_char,
    code: c_int,
}

type Converse =
    unsafe extern "C" fn(c_int, *mut *const Message, *mut *mut Response, *mut c_void) -> c_int;

/// `struct pam_conv`.
#[repr(C)]
struct Conversation {
    call: Converse,
    data: *mut c_void,
}

#[link(name = "pam")]
unsafe extern "C" {
    fn pam_start_confdir(
        service: *const c_char,
        user: *const c_char,
        conversation: *const Conversation,
        directory: *const c_char,
        handle: *mut *mut Handle,
    ) -> c_int;
    fn pam_end(handle: *mut Handle, status: c_int) -> c_int;
    fn pam_set_item(handle: *mut Handle, item: c_int, value: *const c_void) -> c_int;
    fn pam_authenticate(handle: *mut Handle, flags: c_int) -> c_int;
    fn pam_acct_mgmt(handle: *mut Handle, flags: c_int) -> c_int;
    fn pam_setcred(handle: *mut Handle, flags: c_int) -> c_int;
    fn pam_open_session(handle: *mut Handle, flags: c_int) -> c_int;
    fn pam_close_session(handle: *mut Handle, flags: c_int) -> c_int;
    fn pam_strerror(handle: *mut Handle, status: c_int) -> *const c_char;
}

// security/_pam_types.h
const SUCCESS: c_int = 0;
const BUFFER_ERROR: c_int = 5;
const CONVERSATION_ERROR: c_int = 19;
const PROMPT_ECHO_OFF: c_int = 1;
const PROMPT_ECHO_ON: c_int = 2;
const SILENT: c_int = 0x8000;
const DISALLOW_NULL_AUTHTOK: c_int = 0x1;
const ESTABLISH_CRED: c_int = 0x2;
const DELETE_CRED: c_int = 0x4;
const ITEM_TTY: c_int = 3;
const ITEM_RHOST: c_int = 4;
const ITEM_RUSER: c_int = 8;
const ITEM_FAIL_DELAY: c_int = 10;
/// Codes that say something about the machine and not about the login: no module, no memory, no database. Not among them
/// are PAM_SERVICE_ERR and PAM_SYSTEM_ERR, by which pam_exec(8) and others say no.
const OF_THE_MACHINE: &[c_int] = &[1, 2, 5, 9, 26, 28, 29];

/// Codes by which a login fails that is not welcome: a wrong password, an unknown user, too many attempts.
const ORDINARY: &[c_int] = &[7, 10, 11];

/// The most questions a module may ask at once (`PAM_MAX_NUM_MSG`).
const MOST_MESSAGES: c_int = 32;

/// What PAM said no with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// In PAM's words.
    pub text: String,
    /// Whether it says that PAM could not be asked, rather than that this login is not welcome.
    pub of_the_machine: bool,
    /// Whether it is what any wrong password is answered with, so that nobody needs to know.
    pub is_ordinary: bool,
}

/// Who wants to log in.
pub struct Login {
    /// The service, which is the name of a file in the directory of services.
    pub service: CString,
    /// Another directory than /etc/pam.d.
    pub directory: Option<CString>,
    /// The user's name as given.
    pub user: CString,
    /// The password as given, wiped when dropped; none for somebody who need not be asked for it.
    pub password: Option<Secret>,
    /// The client's address (`PAM_RHOST`).
    pub peer: CString,
    /// What stands for the terminal (`PAM_TTY`).
    pub terminal: CString,
}

/// A text with a NUL at its end that is wiped when dropped.
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    /// A copy of the text; none if it has a NUL.
    pub fn new(text: &[u8]) -> Option<Secret> {
        if text.contains(&0) {
            return None;
        }
        let mut bytes = Zeroizing::new(Vec::with_capacity(text.len() + 1));
        bytes.extend_from_slice(text);
        bytes.push(0);
        Some(Secret(bytes))
    }

    fn as_ptr(&self) -> *const c_char {
        self.0.as_ptr().cast()
    }
}

/// What the modules may ask for.
struct Answers {
    user: CString,
    password: Option<Secret>,
}

/// A conversation that has begun. Dropping it ends it, but leaves a session that was opened open.
pub struct Transaction {
    handle: *mut Handle,
    /// PAM has a pointer to it.
    answers: *mut Answers,
    last: c_int,
}

impl Transaction {
    /// Begins. Nobody has been asked anything yet.
    ///
    /// # Errors
    /// When the service is not configured, or memory is short.
    pub fn start(login: Login) -> Result<Transaction, Failure> {
        let answers = Box::into_raw(Box::new(Answers {
            user: login.user.clone(),
            password: login.password,
        }));
        let conversation = Conversation {
            call: answer,
            data: answers.cast(),
        };
        let directory = login
            .directory
            .as_ref()
            .map_or(ptr::null(), |path| path.as_ptr());
        let mut handle = ptr::null_mut();
        // SAFETY: all texts end in NUL and are live; PAM copies them and the structure, whose data lives until `drop`.
        let status = unsafe {
            pam_start_confdir(
                login.service.as_ptr(),
                login.user.as_ptr(),
                &conversation,
                directory,
                &mut handle,
            )
        };
        let mut transaction = Transaction {
            handle,
            answers,
            last: status,
        };
        transaction.succeeded(status)?;
        transaction.set(ITEM_RHOST, login.peer.as_ptr().cast())?;
        transaction.set(ITEM_TTY, login.terminal.as_ptr().cast())?;
        transaction.set(ITEM_RUSER, login.user.as_ptr().cast())?;
        // The server delays failed logins itself, without keeping a process busy.
        let no_delay: unsafe extern "C" fn(c_int, c_uint, *mut c_void) = no_delay;
        transaction.set(ITEM_FAIL_DELAY, no_delay as *const c_void)?;
        Ok(transaction)
    }

    /// Whether the password is this user's. An empty password in the database lets nobody in. Afterwards the password is
    /// forgotten.
    ///
    /// # Errors
    /// It is not; or nobody could tell.
    pub fn authenticate(&mut self) -> Result<(), Failure> {
        // SAFETY: the handle is live.
        let status = unsafe { pam_authenticate(self.handle, DISALLOW_NULL_AUTHTOK | SILENT) };
        // SAFETY: `answers` is live until `drop`, and PAM touches it only during a call.
        unsafe { (*self.answers).password = None };
        self.succeeded(status)
    }

    /// Whether the account may come in, now and from there.
    ///
    /// # Errors
    /// It may not, or its password must be changed first.
    pub fn account(&mut self) -> Result<(), Failure> {
        // SAFETY: the handle is live.
        let status = unsafe { pam_acct_mgmt(self.handle, DISALLOW_NULL_AUTHTOK | SILENT) };
        self.succeeded(status)
    }

    /// Gives the process the user's credentials and opens a session.
    ///
    /// # Errors
    /// A module refused; nothing is left open.
    pub fn open(&mut self) -> Result<(), Failure> {
        // SAFETY: the handle is live.
        let status = unsafe { pam_setcred(self.handle, ESTABLISH_CRED | SILENT) };
        self.succeeded(status)?;
        // SAFETY: as before.
        let status = unsafe { pam_open_session(self.handle, SILENT) };
        let opened = self.succeeded(status);
        if opened.is_err() {
            self.give_back();
        }
        opened
    }

    /// Closes the session and takes the credentials back. What fails is the modules' to log.
    pub fn close(&mut self) {
        // SAFETY: the handle is live.
        self.last = unsafe { pam_close_session(self.handle, SILENT) };
        self.give_back();
    }

    fn give_back(&mut self) {
        // SAFETY: the handle is live.
        unsafe { pam_setcred(self.handle, DELETE_CRED | SILENT) };
    }

    fn set(&mut self, item: c_int, value: *const c_void) -> Result<(), Failure> {
        // SAFETY: the handle is live; the value is what the item takes, and PAM copies texts.
        let status = unsafe { pam_set_item(self.handle, item, value) };
        self.succeeded(status)
    }

    fn succeeded(&mut self, status: c_int) -> Result<(), Failure> {
        self.last = status;
        if status == SUCCESS {
            return Ok(());
        }
        // SAFETY: Linux-PAM does not look at the handle; it gives a static text, or in theory none.
        let text = unsafe { pam_strerror(self.handle, status) };
        let text = match text.is_null() {
            true => format!("PAM error {status}"),
            // SAFETY: the text ends in NUL and is static.
            false => unsafe { CStr::from_ptr(text) }
                .to_string_lossy()
                .into_owned(),
        };
        Err(Failure {
            text,
            of_the_machine: OF_THE_MACHINE.contains(&status),
            is_ordinary: ORDINARY.contains(&status),
        })
    }
}

impl Drop for Transaction {
    fn drop(&mut self) {
        if !self.handle.is_null() {
            // SAFETY: the handle is live and not used again.
            unsafe { pam_end(self.handle, self.last) };
        }
        // SAFETY: made by Box::into_raw; PAM, which had the other pointer, has ended.
        drop(unsafe { Box::from_raw(self.answers) });
    }
}

unsafe extern "C" fn no_delay(_status: c_int, _microseconds: c_uint, _data: *mut c_void) {}

/// Answers the questions of a module; see pam_conv(3).
unsafe extern "C" fn answer(
    count: c_int,
    messages: *mut *const Message,
    responses: *mut *mut Response,
    data: *mut c_void,
) -> c_int {
    let Ok(length) = usize::try_from(count) else {
        return CONVERSATION_ERROR;
    };
    if length == 0 || count > MOST_MESSAGES || messages.is_null() || responses.is_null() {
        return CONVERSATION_ERROR;
    }
    // SAFETY: `data` is what `start` passed, live until the transaction is dropped, and nobody else uses it meanwhile.
    let answers = unsafe { &*data.cast::<Answers>() };
    // By the C library's allocator, since the module frees it.
    // SAFETY: a product of small numbers.
    let replies: *mut Response = unsafe { libc::calloc(length, size_of::<Response>()) }.cast();
    if replies.is_null() {
        return BUFFER_ERROR;
    }
    for index in 0..length {
        // SAFETY: Linux-PAM passes an array of `count` pointers to messages.
        let style = unsafe { (**messages.add(index)).style };
        let text = match (style, &answers.password) {
            (PROMPT_ECHO_OFF, Some(password)) => password.as_ptr(),
            (PROMPT_ECHO_ON, _) => answers.user.as_ptr(),
            // What a module has to say, or asks for after the password has been forgotten.
            _ => continue,
        };
        // SAFETY: the index is within the array; the text ends in NUL.
        unsafe { (*replies.add(index)).text = libc::strdup(text) };
    }
    // SAFETY: the module's pointer to the result.
    unsafe { *responses = replies };
    SUCCESS
}
