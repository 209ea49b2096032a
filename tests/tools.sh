#!/bin/sh
# Installs the tools that the tests use, where that is possible: on Debian and its kin, as root.
# Elsewhere it names what is missing; the tests that need it then say that they were skipped.
set -eu

missing=
packages=
for pair in strace:strace valgrind:valgrind ss:iproute2 prlimit:util-linux script:bsdutils \
    setpriv:util-linux nsenter:util-linux unshare:util-linux netstat:net-tools ip:iproute2 \
    ps:procps cmp:diffutils; do
    if ! command -v "${pair%%:*}" >/dev/null 2>&1; then
        missing="$missing ${pair%%:*}"
        packages="$packages ${pair##*:}"
    fi
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null 2>&1; then
    apt-get update -qq
    # shellcheck disable=SC2086 # one word for each package
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $packages
else
    echo "tests/tools.sh: missing:$missing; install$packages to run every test" >&2
fi
