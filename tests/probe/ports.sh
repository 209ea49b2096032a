#!/usr/bin/env bash
# Probes the source ports of equal paths, one of which is bad, and prints the ports that take it:
#
#   unshare -rnm tests/probe/ports.sh PATHS TCPECHOD TCPECHO-PROBE
#
#   bad PORT...          the ports whose connections the kernel routes over the bad path
#   {"summary": ...}
#
# PATHS routers stand between the client (192.0.2.1) and the server (198.51.100.1); the last one
# drops all. With 1 there is one good router.
set -u

paths=$1 tcpechod=$2 probe=$3
limit=20 # seconds that a condition may take
server=198.51.100.1
work=$(mktemp -d)
daemon=

main() {
    trap finish EXIT
    ip link set lo up
    mount -t tmpfs none /run
    routers
    ip netns exec server "$tcpechod" 2>"$work/log" &
    daemon=$!
    until_true listens
    "$probe" ports "$server" --ports 64 --rounds 2 --timeout 400ms --format json >"$work/events"
    printf 'status %s\n' "$?"
    printf 'bad'
    [ "$paths" -eq 1 ] || bad_ports
    printf '\n'
    tail -n 1 "$work/events"
}

finish() {
    [ -z "$daemon" ] || kill -KILL "$daemon"
    wait
    rm -rf "$work"
}

# Router N has 10.0.N.2 towards the client, which has 10.0.N.1, and 10.1.N.2 towards the server.
routers() {
    local n hops=()
    ip address add 192.0.2.1/32 dev lo
    ip netns add server
    ip -n server link set lo up
    ip -n server address add $server/32 dev lo
    for ((n = 1; n <= paths; n++)); do
        ip netns add "router$n"
        ip link add "to$n" type veth peer name left netns "router$n"
        ip -n "router$n" link add right type veth peer name "to$n" netns server
        ip address add "10.0.$n.1/24" dev "to$n"
        ip -n "router$n" address add "10.0.$n.2/24" dev left
        ip -n "router$n" address add "10.1.$n.2/24" dev right
        ip -n server address add "10.1.$n.1/24" dev "to$n"
        ip link set "to$n" up
        ip -n "router$n" link set left up
        ip -n "router$n" link set right up
        ip -n server link set "to$n" up
        ip netns exec "router$n" sysctl -qw net.ipv4.ip_forward=1
        ip -n "router$n" route add $server/32 via "10.1.$n.1"
        ip -n "router$n" route add 192.0.2.1/32 via "10.0.$n.1"
        hops+=(nexthop via "10.0.$n.2")
    done
    # The answers come over the first router, whichever the question took.
    ip -n server route add 192.0.2.1/32 via 10.1.1.2
    sysctl -qw net.ipv4.fib_multipath_hash_policy=1
    ip route add $server/32 src 192.0.2.1 "${hops[@]}"
    [ "$paths" -eq 1 ] || ip -n "router$paths" route replace blackhole $server/32
}

# Asks the kernel for the path of each port.
bad_ports() {
    local port
    while read -r port; do
        ip route get $server from 192.0.2.1 ipproto tcp sport "$port" dport 9877 |
            grep -q "via 10.0.$paths.2 " && printf ' %s' "$port"
    done < <(sed -n 's/.*"event":"port".*"seq":\([0-9]*\),.*/\1/p' "$work/events" | sort -n)
}

listens() { [ -n "$(ss -HltnN server 'sport = :9877')" ]; }

until_true() {
    local deadline=$((SECONDS + limit))
    until "$@"; do
        [ "$SECONDS" -lt "$deadline" ] || { echo "no $* within $limit s" >&2; exit 1; }
        read -r -t 0.01 <> <(:)
    done
}

main
