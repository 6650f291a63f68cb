#!/bin/sh
# For wharf-uploadscript: adds a line to a list for each upload, with the time, the login, the size, the SHA-256 sum and
# the path. The list is /var/log/ftp-uploads, or what UPLOAD_LIST names.
#
#   wharf-ftpd -o ...
#   wharf-uploadscript -B -r /usr/local/sbin/upload-list.sh
set -eu

list=${UPLOAD_LIST:-/var/log/ftp-uploads}

# By standard input, so that sha256sum prints no name.
sum=$(sha256sum <"$1")
# A name with a line feed in it must not add a line of its own.
path=$(printf '%s' "$1" | tr '[:cntrl:]' '?')
printf '%s %s %s %s %s\n' "$(date -u +%Y-%m-%dT%H:%M:%SZ)" "${UPLOAD_VUSER:--}" "$UPLOAD_SIZE" "${sum%% *}" "$path" >>"$list"
