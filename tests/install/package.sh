#!/bin/sh
# Installs a Debian package, uses it, removes it, and compares: package.sh FILE.deb DIRECTORY.
#
# For a mount namespace of its own (unshare --mount) and root. What is written to /usr, /etc and
# /var goes into DIRECTORY, which is in none of them, and ends with the namespace. Exit status 77
# where overlays can't be had.
set -eu

deb=$1
place=$2

main() {
    overlay_everything || exit 77
    dpkg --path-include='/usr/share/*' --install "$deb"
    [ -s /usr/share/man/man8/tcpechod.8.gz ] || fail "there is no manual page"
    [ -s /usr/share/doc/tcpecho/operations.md ] || fail "there is no document"
    if find /etc/systemd -name 'tcpecho*' | grep .; then fail "a unit is enabled"; fi
    use_the_programs
    # As an administrator would. These links are not the package's, and have to go all the same.
    systemctl --quiet --no-reload enable tcpechod.socket tcpechod@1.service
    [ -L /etc/systemd/system/sockets.target.wants/tcpechod.socket ] || fail "nothing is enabled"
    dpkg --purge tcpecho
    compare
}

overlay_everything() {
    mount --make-rprivate / && mount -t tmpfs tmpfs "$place" || return
    # Whoever runs this may have a systemd, which has nothing to do with it.
    if [ -d /run/systemd ]; then mount -t tmpfs tmpfs /run/systemd || return; fi
    for part in usr etc var; do
        mkdir -p "$place/before/$part" "$place/written/$part" "$place/scratch/$part"
        mount --bind "/$part" "$place/before/$part" || return
        mount -t overlay -o "lowerdir=$place/before/$part,upperdir=$place/written/$part" \
            -o "workdir=$place/scratch/$part" overlay "/$part" || return
    done
}

use_the_programs() {
    tcpechod --listen 127.0.0.1:0 --port-file "$place/port" &
    daemon=$!
    # shellcheck disable=SC2016 # for the inner shell
    timeout 30 sh -c 'until [ -s "$0" ]; do sleep 0.02; done' "$place/port"
    port=$(cut -d : -f 2 "$place/port")
    [ "$(echo installed | tcpecho 127.0.0.1 "$port")" = installed ] || fail "it does not echo"
    tcpecho-load 127.0.0.1 "$port" --connections 2 --lines 100 --quiet --fail-if 'errors>0'
    tcpecho-probe ping "$port" --count 2 --interval 10ms
    kill -TERM "$daemon"
    wait "$daemon"
}

# What dpkg and its triggers keep for themselves is not the package's: its own database, logs and
# caches. No name of ours may be even there.
compare() {
    cd "$place/written"
    {
        find usr etc var ! -type d ! -path 'var/lib/dpkg/*' ! -path 'var/log/*' ! -path 'var/cache/*'
        find . -name '*tcpecho*'
        find usr etc var -type d ! -path 'var/cache/*' | while read -r directory; do
            [ -d "$place/before/$directory" ] || echo "$directory"
        done
    } >"$place/left"
    cat "$place/left"
    [ ! -s "$place/left" ] || fail "something is left"
}

fail() {
    echo "package.sh: $1" >&2
    exit 1
}

main
