#!/usr/bin/env bash
# Makes an outage between two hosts while tcpecho-probe pings one of them, and prints when it did
# that, and the summary of the probe:
#
#   unshare -rnm tests/probe/outage.sh KIND TCPECHOD TCPECHO-PROBE
#
#   out BEFORE AFTER     the times between which the outage began, in seconds since 1970
#   back BEFORE AFTER    the times between which it ended
#   {"summary": ...}
#
# KIND is none, stop (SIGSTOP), kill (SIGKILL and a restart), route (a router drops all), address
# (the server's host loses its address), or port (the daemon ends, and nothing listens).
set -u

here=$(cd "$(dirname "$0")" && pwd)
kind=$1 tcpechod=$2 probe=$3
limit=20 # seconds that a condition may take
work=$(mktemp -d)
started=()

main() {
    trap finish EXIT
    ip link set lo up
    mount -t tmpfs none /run
    # shellcheck source=/dev/null # it is checked by itself, and sets $server
    . "$here/../demos/network.sh"
    hosts
    start_daemon
    # shellcheck disable=SC2154 # see above
    "$probe" ping "$server" -i 5ms --timeout 100ms --both --format json >"$work/events" &
    ping=$!
    started+=("$ping")
    until_true replies 40
    timed out "out_$kind"
    # The length of the outage.
    read -r -t 0.5 <> <(:)
    timed back "back_$kind"
    [ "$kind" = none ] || until_true recovered
    kill -INT "$ping"
    wait "$ping"
    printf 'status %s\n' "$?"
    tail -n 1 "$work/events"
}

finish() {
    local pid
    for pid in "${started[@]}"; do
        kill -KILL "$pid" 2>/dev/null
        kill -CONT "$pid" 2>/dev/null
    done
    wait
    rm -rf "$work"
}

start_daemon() {
    ip netns exec server "$tcpechod" 2>>"$work/log" &
    daemon=$!
    started+=("$daemon")
    until_true listens
}

timed() {
    local before=$EPOCHREALTIME
    "$2"
    printf '%s %s %s\n' "$1" "$before" "$EPOCHREALTIME"
}

out_none() { :; }
back_none() { :; }
out_stop() { kill -STOP "$daemon"; }
back_stop() { kill -CONT "$daemon"; }
out_kill() { kill -KILL "$daemon"; }
back_kill() { start_daemon; }
out_port() { kill -TERM "$daemon" && until_true gone; }
back_port() { start_daemon; }
out_route() { ip -n router route add blackhole "$server/32"; }
back_route() { ip -n router route del blackhole "$server/32"; }
out_address() { ip -n server address del "$server/24" dev eth0; }
back_address() { ip -n server address add "$server/24" dev eth0 && ip -n server route add default via 198.51.100.254; }

gone() { ! kill -0 "$daemon" 2>/dev/null; }
listens() { [ -n "$(ss -HltnN server 'sport = :9877')" ]; }
replies() { [ "$(grep -c '"reply"' "$work/events")" -ge "$1" ]; }

# Both kinds of connections are answered again.
recovered() {
    local connection
    for connection in kept new; do
        grep '"recovered"' "$work/events" | grep -q "\"connection\":\"$connection\"" || return 1
    done
}

until_true() {
    local deadline=$((SECONDS + limit))
    until "$@"; do
        if [ "$SECONDS" -ge "$deadline" ]; then
            echo "no $* within $limit s" >&2
            tail -n 5 "$work/events" "$work/log" >&2
            exit 1
        fi
        read -r -t 0.01 <> <(:)
    done
}

main
