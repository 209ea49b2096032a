#!/bin/sh
# Prints cargo's build directory: target/, or the one in CARGO_TARGET_DIR or build.target-dir.
set -u
cd "$(dirname "$0")/.." || exit
# shellcheck disable=SC2086 # it may have options: "cargo +nightly"
place=$(${CARGO:-cargo} metadata --format-version 1 --no-deps --offline 2>/dev/null |
    sed -n 's/.*"target_directory":"\([^"]*\)".*/\1/p')
echo "${place:-$PWD/target}"
