#!/bin/sh
# Builds the servers that the daemon is compared with into target/bench. One that can't be built
# is named, with the Debian package that it lacks; the bench says that it is skipped.
set -eu
cd "$(dirname "$0")/../.."
sources=tests/bench/servers
place=target/bench
mkdir -p "$place"

# compile NAME HEADER PACKAGE [LIBRARY]: an older program must not be taken for what is missing.
compile() {
    rm -f "$place/$1"
    if printf '#include <%s>\n' "$2" | cc -E -x c - >/dev/null 2>&1; then
        cc -O2 -Wall -Wextra -Werror -o "$place/$1" "$sources/$1.c" ${4+"$4"}
    else
        echo "tests/bench/build.sh: no $2, so no $1: install $3" >&2
    fi
}

if command -v cc >/dev/null 2>&1; then
    compile floor stdio.h libc6-dev
    compile libuv uv.h libuv1-dev -luv
    compile libevent event2/event.h libevent-dev -levent
else
    echo "tests/bench/build.sh: no C compiler, so no floor, libuv and libevent: install gcc" >&2
fi
"${CARGO:-cargo}" build --quiet --release --locked --target-dir "$place/tokio" \
    --manifest-path "$sources/tokio/Cargo.toml"
