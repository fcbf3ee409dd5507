#!/bin/bash
# What `make install` leaves, and that it keeps a configuration that is there.
set -eu
cd "$(dirname "$0")/.."
d=$(mktemp -d)
trap 'rm -rf "$d"' EXIT
make -s install DESTDIR="$d"
(cd "$d" && find . -type f | sort | tee "$d/list")
for f in usr/local/sbin/sallyportd usr/local/bin/sallyport \
    usr/local/share/man/man1/sallyport.1 \
    usr/local/libexec/sallyport/sallyport-account \
    usr/local/libexec/sallyport/sallyport-fetch \
    etc/sallyport/sallyport.yaml etc/pam.d/sallyport \
    usr/local/share/man/man8/sallyportd.8 \
    usr/local/share/man/man5/sallyport.yaml.5; do
	[ -e "$d/$f" ] || { echo "missing: $f"; exit 1; }
done
[ "$(stat -c %a "$d/etc/sallyport/sallyport.yaml")" = 600 ]
echo mine >"$d/etc/sallyport/sallyport.yaml"
make -s install DESTDIR="$d" PREFIX=/usr
[ "$(cat "$d/etc/sallyport/sallyport.yaml")" = mine ]
[ -x "$d/usr/sbin/sallyportd" ]
