#!/bin/sh
# Fuzzes each target for so many seconds (60), or only the named ones, and tells in a table how much
# was tried and what of the code was reached: tests/fuzz/run.sh [SECONDS [TARGET...]]. Run by
# `make fuzz`. What is found stays in fuzz/ below cargo's target directory, and the next run begins with it.
set -eu
cd "$(dirname "$0")/../.."

seconds=${1:-60}
[ $# -eq 0 ] || shift
[ $# -gt 0 ] || set -- lines records probe proxy http commands criteria
built=$(tests/target.sh)
fuzz=$built/tools/bin/cargo-fuzz
out=$built/fuzz

rustup run nightly rustc --version >/dev/null 2>&1 || {
    echo "fuzzing needs Rust's nightly compiler: rustup toolchain install nightly" >&2
    exit 1
}

echo "| target | inputs tried | seconds | coverage points reached | last new one, at input | inputs kept | crashes |"
echo "|---|---|---|---|---|---|---|"
failed=0
for target; do
    mkdir -p "$out/corpus/$target" "$out/crashes/$target"
    log=$out/$target.log
    rustup run nightly "$fuzz" run --fuzz-dir tests/fuzz --target-dir "$out/build" "$target" \
        "$out/corpus/$target" "tests/fuzz/seeds/$target" -- \
        -max_total_time="$seconds" -max_len=20000 -timeout=20 -print_final_stats=1 \
        -artifact_prefix="$out/crashes/$target/" >"$log" 2>&1 || failed=1
    awk -v target="$target" -v kept="$(find "$out/corpus/$target" -type f | wc -l)" \
        -v crashes="$(find "$out/crashes/$target" -type f | wc -l)" '
        /cov: / { for (i = 1; i < NF; i++) if ($i == "cov:") reached = $(i + 1) }
        /NEW|INITED/ { last = $1; sub("#", "", last) }
        /^Done / { tried = $2; seconds = $5 }
        END { print "| " target " | " tried " | " seconds " | " reached " | " last " | " kept " | " crashes " |" }
    ' "$log"
done
[ "$failed" -eq 0 ] || {
    echo "a target has failed; its log and its input are in $out" >&2
    exit 1
}
