#!/bin/sh
# Shows each host its own certificate: a program for wharf-certd, and so for `wharf-ftpd -3`.
#
#   install -m 755 certificates.sh /usr/local/sbin/ftp-certificates
#   wharf-certd -B -s /run/certd.sock -r /usr/local/sbin/ftp-certificates
#   wharf-ftpd -Y 1 -3 /run/certd.sock
#
# Certificates lie as certbot leaves them. Renewed ones hold from the next handshake on, without a signal.
set -eu

live=/etc/letsencrypt/live

name=$(printf %s "${CERTD_SNI_NAME-}" | tr '[:upper:]' '[:lower:]')
case $name in
'' | .* | *[!a-z0-9._-]*) known=no ;;
*) [ -e "$live/$name/fullchain.pem" ] && known=yes || known=no ;;
esac
# Hosts without a certificate of their own get that of -2.
if [ "$known" = yes ]; then
    printf '%s\n' action:fallback "cert_file:$live/$name/fullchain.pem" "key_file:$live/$name/privkey.pem" end
else
    printf '%s\n' action:default end
fi
