#!/bin/sh
# What is in the image? rootfs.sh PROGRAM FOLDER puts it there: the program, what it links to, the system's CAs, an account that is nobody's.
set -eu
program=$1 root=$2

install -D -m 755 "$program" "$root/usr/local/bin/lictor"
# The libraries by the paths under which the program looks for them; the kernel's own has none.
ldd "$program" | grep -o '/[^ ]*' | while read -r library; do
  install -D -m 755 "$library" "$root$library"
done
install -D -m 644 /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/ca-certificates.crt"
install -d -m 755 "$root/etc/lictor"
install -d -m 700 "$root/var/lib/lictor"
install -d -m 1777 "$root/tmp"
echo 'lictor:x:65532:65532:lictor:/var/lib/lictor:/usr/sbin/nologin' >"$root/etc/passwd"
echo 'lictor:x:65532:' >"$root/etc/group"
