complete -c wharf-ftpd -s S -l bind -d 'Listen on this address and port' -r
complete -c wharf-ftpd -l listen -d 'Listen on this address and port too' -r
complete -c wharf-ftpd -s p -l passiveportrange -d 'Take passive data connections on these ports' -r
complete -c wharf-ftpd -s P -l forcepassiveip -d 'Tell passive clients to connect to this address' -r
complete -c wharf-ftpd -l passivefor -d 'Tell passive clients of a network to connect to another address' -r
complete -c wharf-ftpd -l activeport -d 'Open active data connections from this port' -r
complete -c wharf-ftpd -s V -l trustedip -d 'Allow logins other than anonymous on this local address only' -r
complete -c wharf-ftpd -l allowfrom -d 'Accept clients of this network only' -r
complete -c wharf-ftpd -l denyfrom -d 'Turn away clients of this network' -r
complete -c wharf-ftpd -s v -l bonjour -d 'Accepted for old command lines, without effect' -r
complete -c wharf-ftpd -l anonymousroot -d 'Serve this directory to anonymous' -r -F
complete -c wharf-ftpd -l anonymoususer -d 'Serve anonymous sessions with the rights of this system user' -r
complete -c wharf-ftpd -l virtualhosts -d 'Take the anonymous root from this directory, by server address' -r -F
complete -c wharf-ftpd -l aliases -d 'Read shortcuts to directories from this file' -r -F
complete -c wharf-ftpd -l banner -d 'Greet clients with this text' -r
complete -c wharf-ftpd -l bannerfile -d 'Greet clients with the text of this file' -r -F
complete -c wharf-ftpd -s F -l fortunesfile -d 'Greet each client with a random saying from this file' -r -F
complete -c wharf-ftpd -s l -l login -d 'Check passwords by this method' -r
complete -c wharf-ftpd -l pamservice -d 'Ask PAM by this service' -r
complete -c wharf-ftpd -l userlist -d 'Let only the users named in this file log in' -r -F
complete -c wharf-ftpd -l denyusers -d 'Do not let the users named in this file log in' -r -F
complete -c wharf-ftpd -s a -l trustedgid -d 'Keep users in their home directories unless they are of this group' -r
complete -c wharf-ftpd -l chrootlist -d 'Keep the users named in this file in their home directories' -r -F
complete -c wharf-ftpd -l nochrootlist -d 'Do not keep the users named in this file in their home directories' -r -F
complete -c wharf-ftpd -l mapusers -d 'Let all users act as this account of the machine' -r
complete -c wharf-ftpd -l userroot -d 'Give users this directory in place of their home' -r
complete -c wharf-ftpd -l userflags -d 'Let other flags hold for the account of this name' -r
complete -c wharf-ftpd -s u -l minuid -d 'Refuse users whose uid is lower' -r
complete -c wharf-ftpd -l chownuploads -d 'Give what anonymous uploads to this user' -r
complete -c wharf-ftpd -s U -l umask -d 'Take these permission bits from new files and directories' -r
complete -c wharf-ftpd -l anonymousumask -d 'Take these permission bits from what anonymous creates' -r
complete -c wharf-ftpd -l denycommands -d 'Refuse these commands to those who are logged in' -r
complete -c wharf-ftpd -l allowcommands -d 'Leave no other commands to those who are logged in' -r
complete -c wharf-ftpd -l denyfiles -d 'Refuse access to files with names that match this pattern' -r
complete -c wharf-ftpd -l hidefiles -d 'Leave files with names that match this pattern out of listings' -r
complete -c wharf-ftpd -s k -l maxdiskusagepct -d 'Refuse uploads when the disk is fuller than this' -r
complete -c wharf-ftpd -s 8 -l fscharset -d 'Accepted for old command lines, without effect' -r
complete -c wharf-ftpd -s 9 -l clientcharset -d 'Accepted for old command lines, without effect' -r
complete -c wharf-ftpd -s c -l maxclientsnumber -d 'Serve at most this many clients at once' -r
complete -c wharf-ftpd -s C -l maxclientsperip -d 'Serve at most this many clients from one address at once' -r
complete -c wharf-ftpd -s y -l peruserlimits -d 'Allow at most so many sessions of one user and of anonymous at once' -r
complete -c wharf-ftpd -s t -l anonymousbandwidth -d 'Limit the bandwidth of each anonymous session' -r
complete -c wharf-ftpd -s T -l userbandwidth -d 'Limit the bandwidth of every session, anonymous or not' -r
complete -c wharf-ftpd -s q -l anonymousratio -d 'Make anonymous upload in return for downloads' -r
complete -c wharf-ftpd -s Q -l userratio -d 'Make everybody upload in return for downloads' -r
complete -c wharf-ftpd -s m -l maxload -d 'Refuse downloads by anonymous while the machine is this busy' -r
complete -c wharf-ftpd -s I -l maxidletime -d 'End a session after so many idle minutes' -r
complete -c wharf-ftpd -l idletimeout -d 'End a session after so many idle seconds' -r
complete -c wharf-ftpd -l logintimeout -d 'End a session that has not logged in after so many seconds' -r
complete -c wharf-ftpd -l maxloginfailures -d 'End a session after so many failed logins' -r
complete -c wharf-ftpd -l ban -d 'Refuse an address for a time after so many failed logins' -r
complete -c wharf-ftpd -l accepttimeout -d 'Wait so many seconds for a data connection' -r
complete -c wharf-ftpd -l datatimeout -d 'End a transfer that made no progress for so many seconds' -r
complete -c wharf-ftpd -l maxuploadsize -d 'Refuse uploads that would make a file larger than this' -r
complete -c wharf-ftpd -l maxsessionbytes -d 'Let one session upload at most so much' -r
complete -c wharf-ftpd -l maxsessionfiles -d 'Let one session upload at most so many files' -r
complete -c wharf-ftpd -s L -l limitrecursion -d 'Stop listings after so many names and levels' -r
complete -c wharf-ftpd -s n -l quota -d 'Give each user room for so many files and megabytes' -r
complete -c wharf-ftpd -s f -l syslogfacility -d 'Log to this facility of the system log' -r
complete -c wharf-ftpd -l logformat -d 'Write the log in this form' -r
complete -c wharf-ftpd -s O -l altlog -d 'Record transfers in this file' -r
complete -c wharf-ftpd -s Y -l tls -d 'Offer TLS, or insist on it' -r
complete -c wharf-ftpd -l tlsfor -d 'Insist on TLS for anonymous sessions, for users, or for all' -r
complete -c wharf-ftpd -l plainfrom -d 'Let clients of this network do without TLS' -r
complete -c wharf-ftpd -s J -l tlsciphersuite -d 'Choose the ciphers' -r
complete -c wharf-ftpd -s 2 -l certfile -d 'Take certificate and key from these files' -r
complete -c wharf-ftpd -s 3 -l extcert -d 'Ask for certificates at this socket' -r -F
complete -c wharf-ftpd -l tlsminversion -d 'Speak no older version of TLS' -r
complete -c wharf-ftpd -l tlsclientca -d 'Ask clients for a certificate signed by one of those in this file' -r -F
complete -c wharf-ftpd -l tlsclientcert -d 'Refuse clients without a certificate, or take them' -r
complete -c wharf-ftpd -l tlscrl -d 'Refuse clients whose certificates were revoked by these lists' -r -F
complete -c wharf-ftpd -l tlsclientname -d 'Let a client log in under the name in its certificate alone' -r
complete -c wharf-ftpd -l drain -d 'Give transfers under way so many seconds when the server ends' -r
complete -c wharf-ftpd -s g -l pidfile -d 'Write the process number to this file' -r -F
complete -c wharf-ftpd -l doctor -d 'Check what a start needs and whether passive mode can work, and do not start' -r
complete -c wharf-ftpd -l sandbox -d 'Let the kernel confine the server' -r
complete -c wharf-ftpd -l uploadpipe -d 'Use this named pipe for -o' -r -F
complete -c wharf-ftpd -l serve -d 'Share this directory, or the current one, with whoever comes' -r -F
complete -c wharf-ftpd -l write -d 'Let those who know a password change the directory of --serve' -r
complete -c wharf-ftpd -l for -d 'End --serve after this time' -r
complete -c wharf-ftpd -s 4 -l ipv4only -d 'Use IPv4 only'
complete -c wharf-ftpd -s 6 -l ipv6only -d 'Use IPv6 only'
complete -c wharf-ftpd -s N -l natmode -d 'Refuse passive data connections'
complete -c wharf-ftpd -l noactive -d 'Refuse active data connections'
complete -c wharf-ftpd -s w -l allowuserfxp -d 'Let users transfer to and from other hosts (FXP)'
complete -c wharf-ftpd -s W -l allowanonymousfxp -d 'Let everybody transfer to and from other hosts (FXP)'
complete -c wharf-ftpd -s b -l brokenclientscompatibility -d 'Bend the protocol for broken clients and firewalls'
complete -c wharf-ftpd -s H -l dontresolve -d 'Do not look up the names of clients'
complete -c wharf-ftpd -s e -l anonymousonly -d 'Serve anonymous sessions only'
complete -c wharf-ftpd -s E -l noanonymous -d 'Serve no anonymous sessions'
complete -c wharf-ftpd -l nopamsession -d 'Open no session of PAM'
complete -c wharf-ftpd -l anyshell -d 'Let users in whatever their shell is'
complete -c wharf-ftpd -s A -l chrooteveryone -d 'Keep all users in their home directories'
complete -c wharf-ftpd -l mapusersasanonymous -d 'Hold users under --mapusers to what anonymous may do'
complete -c wharf-ftpd -l refusewritableroot -d 'Refuse users who may write the directory they are kept in'
complete -c wharf-ftpd -s j -l createhomedir -d 'Create the home directory of a user who has none'
complete -c wharf-ftpd -s i -l anonymouscantupload -d 'Refuse uploads by anonymous'
complete -c wharf-ftpd -l anonymousupload -d 'Allow uploads by anonymous'
complete -c wharf-ftpd -s s -l antiwarez -d 'Do not serve files that anonymous uploaded'
complete -c wharf-ftpd -l anonymousreadown -d 'Serve files that anonymous uploaded'
complete -c wharf-ftpd -l worldreadableonly -d 'Show anonymous only what everybody may read'
complete -c wharf-ftpd -s M -l anonymouscancreatedirs -d 'Allow anonymous to create directories'
complete -c wharf-ftpd -s r -l autorename -d 'Give an uploaded file another name when its own is taken'
complete -c wharf-ftpd -s 0 -l notruncate -d 'Show an upload under its name only when it is complete'
complete -c wharf-ftpd -s z -l allowdotfiles -d 'Allow anonymous to read files and enter directories that begin with a dot'
complete -c wharf-ftpd -s D -l displaydotfiles -d 'List files that begin with a dot without being asked'
complete -c wharf-ftpd -s x -l prohibitdotfileswrite -d 'Refuse to change files and directories that begin with a dot'
complete -c wharf-ftpd -s X -l prohibitdotfilesread -d 'Refuse to read or change files and directories that begin with a dot'
complete -c wharf-ftpd -l readonly -d 'Refuse everything that changes files'
complete -c wharf-ftpd -l nooverwrite -d 'Refuse to overwrite files'
complete -c wharf-ftpd -l nostorerestart -d 'Refuse to append to files and to resume uploads'
complete -c wharf-ftpd -l fsync -d 'Confirm an upload only when it is on the disk'
complete -c wharf-ftpd -l nodownload -d 'Refuse downloads'
complete -c wharf-ftpd -l nolist -d 'Refuse listings'
complete -c wharf-ftpd -l hideids -d 'Show ftp as the owner and group of every file'
complete -c wharf-ftpd -s K -l keepallfiles -d 'Refuse to delete files'
complete -c wharf-ftpd -s G -l norename -d 'Refuse to rename files'
complete -c wharf-ftpd -s R -l nochmod -d 'Refuse to change the rights of files'
complete -c wharf-ftpd -s Z -l customerproof -d 'Keep users from locking themselves out by changing rights'
complete -c wharf-ftpd -s 1 -l logpid -d 'Log the process number with each line'
complete -c wharf-ftpd -s d -l verboselog -d 'Log every command; twice: every reply as well'
complete -c wharf-ftpd -l implicittls -d 'Begin with TLS, without AUTH'
complete -c wharf-ftpd -l requiretlsreuse -d 'Serve only data connections that resume the session\'s own TLS session'
complete -c wharf-ftpd -l tlslaxclose -d 'Take uploads that end without TLS saying so'
complete -c wharf-ftpd -l tlsclientlogin -d 'Let the user in whose name the certificate has, without a password'
complete -c wharf-ftpd -s B -l daemonize -d 'Run in the background'
complete -c wharf-ftpd -l printport -d 'Print the port that the server listens on'
complete -c wharf-ftpd -l check -d 'Check everything a start needs, and do not start'
complete -c wharf-ftpd -l printflags -d 'Print the flags in force as one line, and do not start'
complete -c wharf-ftpd -l explain -d 'Say what each flag of the command line does, and do not start'
complete -c wharf-ftpd -l health -d 'Ask the server with these flags whether it is well, and do not start'
complete -c wharf-ftpd -s o -l uploadscript -d 'Tell a script of each upload'
complete -c wharf-ftpd -s h -l help -d 'Explain the flags'
complete -c wharf-ftpd -l version -d 'Print the version'
complete -c wharf-ftpd -l once -d 'End --serve when one file was transferred whole'
complete -c wharf-ftpd -l qr -d 'Draw the first address of --serve as a code for the cameras of phones'
complete -c wharf-ftpd -l yes -d 'Share the root directory or a home directory if asked to'
