#!/usr/bin/env bash
# A live view for a second terminal: the daemon's connections by phase, beside the kernel's states
# of the same sockets, until stopped (Ctrl-C; the daemon then drains).
#
#   tests/demos/watch.sh [OPTION...]    options are the daemon's; the port stays 9877
#
# In the other terminal, run tcpecho 127.0.0.1 or any other client. Try a peer that stops reading,
# half-closes, or is killed while output for it is pending.
set -u

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
bin=${TCPECHO_BIN:-$("$root/tests/target.sh")/release}
frames=${FRAMES:-0} # how many views before it ends by itself; 0: none
log=$(mktemp)
states='established close-wait fin-wait-1 fin-wait-2 last-ack closing time-wait'

main() {
    "$bin/tcpechod" "$@" 2>>"$log" &
    daemon=$!
    trap stop EXIT
    trap exit INT TERM
    until grep -q 'listening on' "$log"; do
        kill -0 "$daemon" 2>/dev/null || { cat "$log" >&2; exit 1; }
        pause 0.05
    done
    local frame=0
    until [ "$frames" -gt 0 ] && [ "$frame" -ge "$frames" ]; do
        kill -USR1 "$daemon" 2>/dev/null || { cat "$log" >&2; exit 1; }
        pause 0.5
        view
        frame=$((frame + 1))
    done
}

# Prints one view: the daemon's phases on the left, its sockets in the kernel on the right.
view() {
    local status names=() counts=() state row
    status=$(grep ' status open=' "$log" | tail -n 1)
    [ -n "$status" ] || return
    # Only the last status is of interest, so the log can be emptied.
    : >"$log"
    read -ra words <<<"${status#* status }"
    for state in $states; do
        names+=("${state^^}")
        counts+=("$(ss -Htan state "$state" '( sport = :9877 )' | wc -l)")
    done
    [ ! -t 1 ] || printf '\033[H\033[2J'
    printf '%-14s %8s    %-14s %8s\n' 'tcpechod' '' 'the kernel' ''
    for row in 0 1 2 3 4 5 6; do
        printf '%-14s %8s    %-14s %8s\n' "${words[row]%%=*}" "${words[row]#*=}" "${names[row]}" "${counts[row]}"
    done
    printf '\n%s\n' "${words[*]:7}"
}

# Sleeps without starting a process.
pause() {
    read -r -t "$1" <> <(:)
}

stop() {
    kill -TERM "$daemon" 2>/dev/null
    wait "$daemon"
    rm -f "$log"
}

main "$@"
