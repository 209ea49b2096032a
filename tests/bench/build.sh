#!/bin/sh
# Builds the servers that the daemon is compared with, and the peer that floods them, into bench/
# below cargo's target directory. One that can't be built is named, with the Debian package that it
# lacks; the bench says that it is skipped.
set -eu
cd "$(dirname "$0")/../.."
sources=tests/bench
place=$(tests/target.sh)/bench
mkdir -p "$place"

# compile SOURCE HEADER PACKAGE [LIBRARY]: an older program must not be taken for what is missing.
compile() {
    name=$(basename "$1" .c)
    rm -f "$place/$name"
    if printf '#include <%s>\n' "$2" | cc -E -x c - >/dev/null 2>&1; then
        cc -O2 -Wall -Wextra -Werror -o "$place/$name" "$sources/$1" ${4+"$4"}
    else
        echo "tests/bench/build.sh: no $2, so no $name: install $3" >&2
    fi
}

if command -v cc >/dev/null 2>&1; then
    compile servers/floor.c stdio.h libc6-dev
    compile servers/libuv.c uv.h libuv1-dev -luv
    compile servers/libevent.c event2/event.h libevent-dev -levent
    compile flood.c stdio.h libc6-dev
else
    echo "tests/bench/build.sh: no C compiler, so no floor, libuv, libevent and flood: install gcc" >&2
fi
"${CARGO:-cargo}" build --quiet --release --locked --target-dir "$place/tokio" \
    --manifest-path "$sources/servers/tokio/Cargo.toml"
