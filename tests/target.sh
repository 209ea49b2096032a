#!/bin/sh
# Tells where cargo puts what it builds: target/, or what CARGO_TARGET_DIR or build.target-dir says.
set -u
cd "$(dirname "$0")/.." || exit
# shellcheck disable=SC2086 # it may have options: "cargo +nightly"
place=$(${CARGO:-cargo} metadata --format-version 1 --no-deps --offline 2>/dev/null |
    sed -n 's/.*"target_directory":"\([^"]*\)".*/\1/p')
echo "${place:-$PWD/target}"
