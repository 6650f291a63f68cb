#!/bin/sh
# Makes users who exist for FTP only: each with a password and a home of its own, all of them one account of the machine.
set -eu

account=ftpusers

usage() {
    cat <<'END'
usage: virtual-users.sh [--account NAME] DIRECTORY USER...

Makes DIRECTORY/USER for each USER, asks for a password, and prints the
command that serves them. Run it as root. Users who are there already stay
as they are.

  DIRECTORY       belongs to root, 0755, if it is not there already
  DIRECTORY/USER  belongs to the account, 0700; the user sees it as /

  --account NAME  the account of the machine whose files all these are
                  (default: ftpusers); made without a shell and without a
                  password if there is none

The users stand in the files PURE_PASSWDFILE and PURE_DBFILE of the
environment, by default /etc/pure-ftpd/pureftpd.passwd and pureftpd.pdb.
END
}

fail() {
    echo "virtual-users.sh: $1" >&2
    exit "$2"
}

while [ $# -gt 0 ]; do
    case $1 in
    --help)
        usage
        exit 0
        ;;
    --account)
        [ $# -ge 2 ] || fail "--account needs a name" 64
        account=$2
        shift 2
        ;;
    --)
        shift
        break
        ;;
    -*) fail "unknown option $1 (--help explains)" 64 ;;
    *) break ;;
    esac
done
[ $# -ge 2 ] || fail "a directory and a user are needed, such as /srv/users anna (--help explains)" 64
case $1 in
/*) area=${1%/} ;;
*) fail "$1 does not begin with a slash: give the whole path, such as /srv/users" 64 ;;
esac
shift
for user; do
    case $user in
    *[!a-z0-9_-]* | -* | '') fail "$user: names here are of small letters, digits, - and _" 64 ;;
    esac
done
[ "$(id -u)" -eq 0 ] || fail "only root can make the account and the homes: run it as root" 77

export PURE_PASSWDFILE="${PURE_PASSWDFILE:-/etc/pure-ftpd/pureftpd.passwd}"
export PURE_DBFILE="${PURE_DBFILE:-/etc/pure-ftpd/pureftpd.pdb}"

id "$account" >/dev/null 2>&1 ||
    useradd --system --user-group --home-dir "$area" --no-create-home --shell /usr/sbin/nologin \
        --comment 'virtual FTP users' "$account"
[ "$(id -u "$account")" -ne 0 ] || fail "$account has the rights of root: name another account" 64

mkdir -p "$(dirname "$PURE_PASSWDFILE")" "$(dirname "$PURE_DBFILE")"
[ -d "$area" ] || install -d -m 755 "$area"

for user; do
    ! wharf-pw show "$user" >/dev/null 2>&1 || continue
    [ -d "$area/$user" ] || install -d -m 700 -o "$account" -g "$(id -g "$account")" "$area/$user"
    echo "Password of $user:" >&2
    wharf-pw useradd "$user" -u "$account" -d "$area/$user"
done
wharf-pw mkdb

cat <<END
The users are ready. Serve them, and nobody else, with:
wharf-ftpd -E -H -A -l puredb:$PURE_DBFILE
END
