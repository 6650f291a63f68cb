#!/bin/sh
# Lets guests in by a code that is good until a day: a program for wharf-authd, and so for `wharf-ftpd -l extauth:`.
#
#   install -m 700 guest-codes.sh /usr/local/sbin/guest-codes
#   wharf-authd -B -s /run/guests.sock -r /usr/local/sbin/guest-codes
#   wharf-ftpd -E -l extauth:/run/guests.sock
#
# The table has a guest a line: name, code, last day and home, with blanks between them. It is for root alone (mode 600):
#
#   acme 7f3k-93mz-q2hd 2027-01-31 /srv/guests/acme
set -eu

table=/etc/guest-codes
# Whose files the guests' files are: an account that can do nothing else, and owns the homes.
account=ftpguests

# wharf-authd sets no variable for what is empty.
asked=${AUTHD_ACCOUNT-}
today=$(date +%Y%m%d)

while read -r name code last home; do
    case $name in '' | '#'*) continue ;; esac
    [ "$name" = "$asked" ] || continue
    # Below, -1 refuses this guest for good; 0, at the end, says that the name is not known here.
    if [ "$code" = "${AUTHD_PASSWORD-}" ] && [ "$today" -le "$(printf %s "$last" | tr -d -)" ]; then
        printf '%s\n' auth_ok:1 "uid:$(id -u "$account")" "gid:$(id -g "$account")" "dir:$home/./" end
    else
        printf '%s\n' auth_ok:-1 end
    fi
    exit 0
done <"$table"
printf '%s\n' auth_ok:0 end
