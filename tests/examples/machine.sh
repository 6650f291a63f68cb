# A machine of its own for a test: systemd as process 1 of new namespaces, with a network of its own, where port 21 is free and
# units can be started as they stand. Nothing of the real machine changes: /etc and /usr/sbin are covered, what else is written
# to is empty here, and none of the machine's own units is there, so that none is started.
#
# machine.sh FOLDER SERVER, in new namespaces but for that of control groups. FOLDER/files has units, and what else the test wants.
set -eu
folder=$1 server=$2

mount -t proc proc /proc
mount -t tmpfs -o mode=755 tmpfs "$folder/cover"
for covered in etc usr/sbin; do
    mkdir -p "$folder/cover/$covered" "$folder/cover/work/$covered"
    mount -t overlay overlay \
        -o "lowerdir=/$covered,upperdir=$folder/cover/$covered,workdir=$folder/cover/work/$covered" "/$covered"
done
touch /usr/sbin/wharf-ftpd
mount --bind "$server" /usr/sbin/wharf-ftpd
for empty in /run /home /srv /var/log /etc/systemd/system /usr/lib/systemd/system /usr/lib/systemd/system-generators; do
    mkdir -p "$empty"
    mount -t tmpfs -o mode=755 tmpfs "$empty"
done
mount -t tmpfs tmpfs /sys/fs/cgroup
mount -t cgroup2 none /sys/fs/cgroup
ip link set lo up

for target in basic multi-user network nss-user-lookup shutdown sockets sysinit; do
    printf '[Unit]\nDescription=%s of the test\n' "$target" >"/usr/lib/systemd/system/$target.target"
done
for unit in "$folder"/files/*.service "$folder"/files/*.socket; do
    [ ! -e "$unit" ] || install -m 644 "$unit" /etc/systemd/system/
done
mkdir /etc/systemd/system/service.d
printf '[Service]\nStandardError=append:/var/log/said\n' >/etc/systemd/system/service.d/said.conf

# joe's password is the word secret, by SHA-256 (crypt(5)).
echo 'joe:x:2001:2001::/home/joe:/bin/sh' >>/etc/passwd
echo 'joe:x:2001:' >>/etc/group
echo 'joe:$5$abcdefgh$gruCpC7VkOTspMQTTSAR8mtlO9Upms.fwqE5y16JVM.:19000:0:99999:7:::' >>/etc/shadow
grep -qx /bin/sh /etc/shells || echo /bin/sh >>/etc/shells
install -d -m 700 -o 2001 -g 2001 /home/joe
install -d /srv/ftp
echo hello >/srv/ftp/hello.txt
grep -q '^ftp:' /etc/passwd || echo 'ftp:x:2002:2002::/srv/ftp:/usr/sbin/nologin' >>/etc/passwd
sed -i 's,^\(ftp:.*:\)[^:]*\(:[^:]*\)$,\1/srv/ftp\2,' /etc/passwd
grep -qs '^ftp\s.*21/tcp' /etc/services || echo 'ftp 21/tcp' >>/etc/services

exec env -i container=test PATH=/usr/sbin:/usr/bin:/sbin:/bin \
    /usr/lib/systemd/systemd --system --unit=multi-user.target --log-target=null --show-status=no
