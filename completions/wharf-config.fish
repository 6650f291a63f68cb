complete -c wharf-config -l dialect -d 'Read the file in this dialect; "list" lists them. By default the dialect is found out' -r
complete -c wharf-config -l server -d 'Run this server; by default wharf-ftpd beside this program, else in PATH' -r -F
complete -c wharf-config -l host -d 'Serve the virtual host of this name or address (proftpd)' -r
complete -c wharf-config -l define -d 'Define this name for conditional sections, as proftpd -D does; may be repeated (proftpd)' -r
complete -c wharf-config -l defaults -d 'Read the choices of Debian\'s start script from this file as well (debian)' -r -F
complete -c wharf-config -l login -d 'Have passwords checked by this method of wharf-ftpd -l, such as unix or puredb:FILE, and not by PAM (vsftpd)' -r
complete -c wharf-config -s o -l option -d 'Take this setting as well, as if it were the last line of the file; may be repeated (vsftpd)' -r
complete -c wharf-config -l print -d 'Show the command line, quoted for the shell, and start nothing'
complete -c wharf-config -l printlines -d 'Show one flag a line with the setting it came from, and start nothing'
complete -c wharf-config -l check -d 'Say what is fine, ignored and refused, and start nothing'
complete -c wharf-config -l explain -d 'Explain each flag in a sentence, and start nothing'
complete -c wharf-config -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wharf-config -s V -l version -d 'Print version'
