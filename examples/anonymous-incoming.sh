#!/bin/sh
# Makes the classic area of an anonymous FTP server: files to fetch in pub/, and incoming/, where a stranger can leave
# a file and can neither list the directory nor fetch, replace, rename or remove what is there.
set -eu

account=ftp

usage() {
    cat <<'END'
usage: anonymous-incoming.sh [--account NAME] DIRECTORY

Makes DIRECTORY an area for anonymous FTP with uploads, and prints the command
that serves it. Run it as root; running it again changes nothing.

  DIRECTORY           belongs to root, 0755: clients see it as /
  DIRECTORY/pub       belongs to root, 0755, if it is not there already:
                      put files to fetch here
  DIRECTORY/incoming  belongs to root and the account's group, 0730:
                      clients can put files here and see nothing

  --account NAME      the account that serves clients (default: ftp); made
                      without a shell and without a password if there is none
END
}

fail() {
    echo "anonymous-incoming.sh: $1" >&2
    exit "$2"
}

# The words, quoted for a shell.
quoted() {
    printf "'"
    printf '%s' "$1" | sed "s/'/'\\\\''/g"
    printf "'"
}

make_account() {
    shell=/usr/sbin/nologin
    [ -x "$shell" ] || shell=/bin/false
    if getent group "$account" >/dev/null; then
        set -- --gid "$account"
    else
        set -- --user-group
    fi
    useradd --system "$@" --home-dir "$area" --no-create-home --shell "$shell" --comment 'anonymous FTP' "$account"
}

# make_directory PATH GID MODE: makes it, or takes an empty one over. One in use must have these rights already: what
# they are for is not for this script to guess.
make_directory() {
    [ ! -L "$1" ] || fail "$1 is a symbolic link, which is not followed" 73
    [ -d "$1" ] || mkdir "$1" || exit 73
    if [ "$(stat -c '%u %g %a' "$1")" = "0 $2 $3" ]; then
        return 0
    fi
    [ -z "$(ls -A "$1")" ] || fail "$1 is in use with other rights than owner 0, group $2, mode $3: change them or choose another directory" 73
    chown "0:$2" "$1"
    chmod "$3" "$1"
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
[ $# -eq 1 ] || fail "one directory is needed, such as /srv/ftp (--help explains)" 64
case $1 in
/*) area=${1%/} ;;
*) fail "$1 does not begin with a slash: give the whole path, such as /srv/ftp" 64 ;;
esac
[ -n "$area" ] || fail "the root of the machine is not served: give a directory, such as /srv/ftp" 64
[ "$(id -u)" -eq 0 ] || fail "only root can make the account and the directories: run it as root" 77
[ "$account" != root ] || fail "strangers are not served as root: name another account" 64

id "$account" >/dev/null 2>&1 || make_account
group=$(id -g "$account")
[ "$(id -u "$account")" -ne 0 ] || fail "$account has the rights of root: name another account" 64

make_directory "$area" 0 755
[ -d "$area/pub" ] || make_directory "$area/pub" 0 755
make_directory "$area/incoming" "$group" 730

cat <<END
The area is ready. Serve it, refusing uploads when the disk is 90 % full, with:
wharf-ftpd -H -C 5 -k 90 --maxuploadsize 1G --maxsessionfiles 20 --anonymoususer $account --anonymousroot $(quoted "$area")
END
