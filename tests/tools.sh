#!/bin/sh
# Installs the tools that the tests use, as root on Debian and its derivatives. Elsewhere it names
# the missing ones; tests that need a missing tool report that they were skipped.
# `tests/tools.sh bench` does the same for the comparison with other servers, and
# `tests/tools.sh lint` for `make lint`.
set -eu

# Each pair is a command or a file, and the package that contains it.
case ${1-tests} in
tests)
    pairs='strace:strace valgrind:valgrind ss:iproute2 prlimit:util-linux script:bsdutils
        setpriv:util-linux nsenter:util-linux unshare:util-linux netstat:net-tools ip:iproute2
        ps:procps tcpdump:tcpdump cmp:diffutils curl:curl chromium:chromium promtool:prometheus
        taskset:util-linux systemd-analyze:systemd
        /usr/sbin/logrotate:logrotate /usr/sbin/dnsmasq:dnsmasq-base
        /usr/sbin/haproxy:haproxy /usr/sbin/xinetd:xinetd
        /usr/lib/nginx/modules/ngx_stream_module.so:libnginx-mod-stream /usr/sbin/nginx:nginx
        /usr/lib/python3/dist-packages/yaml/__init__.py:python3-yaml
        node:nodejs npm:npm cc:gcc /usr/include/stdio.h:libc6-dev socat:socat ncat:ncat
        qemu-aarch64-static:qemu-user-static buildah:buildah
        groff:groff-base mandoc:mandoc zsh:zsh fish:fish dpkg-deb:dpkg lintian:lintian
        systemctl:systemd
        /usr/lib/python3/dist-packages/prometheus_client/openmetrics/parser.py:python3-prometheus-client'
    ;;
bench)
    pairs='cc:gcc /usr/include/stdio.h:libc6-dev /usr/include/uv.h:libuv1-dev
        /usr/include/event2/event.h:libevent-dev socat:socat ncat:ncat
        /usr/sbin/xinetd:xinetd taskset:util-linux chrt:util-linux'
    ;;
lint)
    pairs='shellcheck:shellcheck'
    ;;
*)
    echo "usage: tests/tools.sh [tests|bench|lint]" >&2
    exit 2
    ;;
esac

missing=
packages=
for pair in $pairs; do
    tool=${pair%%:*}
    if ! command -v "$tool" >/dev/null 2>&1 && ! [ -f "$tool" ]; then
        missing="$missing $tool"
        packages="$packages ${pair##*:}"
    fi
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null 2>&1; then
    apt-get update -qq
    # shellcheck disable=SC2086 # one word for each package
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $packages
else
    echo "tests/tools.sh: missing:$missing; install$packages to have everything" >&2
fi
