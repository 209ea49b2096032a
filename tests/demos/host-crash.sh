#!/usr/bin/env bash
# S14: the server's host dies: ETIMEDOUT, EHOSTUNREACH; how soon each remedy detects it, and that nothing else does
# needs: sysctl
# private: three hosts, each a network namespace

# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=network.sh
. "$(dirname "$0")/network.sh"

now_ms() {
    local now=${EPOCHREALTIME/./}
    echo "${now%???}"
}

# True if a client has ended; the first time, records the milliseconds since the crash.
declare -A took
crash=0
ended() {
    [ -z "${took[$1]-}" ] || return 0
    gone "${client[$1]}" && took[$1]=$(($(now_ms) - crash))
}

all_ended() {
    local name all=0
    for name in "${!options[@]}"; do
        [ "$name" = idle ] || ended "$name" || all=1
    done
    return "$all"
}

retransmits() {
    ss -Htnop "dport = :$port" | grep "pid=${client[nothing]}," | grep -q 'timer:(on,[^,]*,[1-9]'
}

# Prints when a client ended and with which error, and asserts both: timed-out, not before $2 ms,
# and sooner than without a remedy.
noticed() {
    local name=$1 least=$2
    wait "${client[$name]}"
    printf '%-8s %-22s %3d.%d s  %s\n' "$name" "${options[$name]:-none}" \
        $((took[$name] / 1000)) $((took[$name] % 1000 / 100)) "$(grep -o 'tcpecho: [a-z-]*' "$work/$name.out")"
    assert "$3: timed-out, not before $least ms, and sooner than without a remedy" noticed_in_time "$name" "$least"
}

noticed_in_time() {
    grep -q '^tcpecho: timed-out: ' "$work/$1.out" && [ "${took[$1]}" -ge "$2" ] &&
        { [ "$1" = nothing ] || [ "${took[$1]}" -lt "${took[nothing]}" ]; }
}

say 'Three hosts: the client'\''s, a router, the server'\''s. By default Linux retransmits for a quarter of'\
    'an hour; with tcp_retries2=4 it gives up after some six seconds.'
show 'sysctl -w net.ipv4.tcp_retries2=4'
hosts
daemon_there

say 'Six users, each with a different remedy or none; each gets an echo.'
declare -A options=([nothing]='' [user]='--user-timeout 2s ' [read]='--timeout 1s '
    [alive]='--keepalive 1s/1s/2 ' [beat]='--heartbeat 1s ' [idle]='')
for name in nothing user read alive beat idle; do
    client "$name" "${options[$name]}$server"
    types "$name" hello
    shows "$name" hello
done

say 'The server'\''s host dies: packets to it are lost, and no error comes back.'
on router 'ip route add blackhole 198.51.100.1'
crash=$(now_ms)
types nothing 'is anybody there?'
types user 'is anybody there?'
types read 'is anybody there?'
until_true 'the line is sent again' retransmits
show "ss -tnop | grep pid=${client[nothing]},"
assert 'the client'\''s kernel retransmits the line' said '^ESTAB +0 +18 .*timer:\(on,.*,[1-9][0-9]*\)'
until_true 'all but the idle one have ended' all_ended

say 'How long each client took to detect it, and with which remedy.'
noticed read 900 'the client'\''s own timeout, while an echo is outstanding'
noticed beat 1500 'the heartbeat: an idle client sends a probe, and no echo comes'
noticed user 1500 'TCP_USER_TIMEOUT: sent data is not acknowledged'
noticed alive 2500 'SO_KEEPALIVE: the kernel probes an idle connection'
noticed nothing 5000 'no remedy, but data was sent: the kernel'\''s retransmissions end'
show "grep -h timed-out nothing.out beat.out | sed 's/ (bytes.*//'"
assert 'the kernel'\''s error is ETIMEDOUT' said '^tcpecho: timed-out: Connection timed out \(os error 110\)'
show "ss -Htnop | grep pid=${client[idle]}, | cut -c 1-6"
assert 'no remedy, and nothing sent: the client has detected nothing, and never will' equal "$output" 'ESTAB '

say 'Another client; now the router knows that the host is gone, and reports it: ICMP, host unreachable.'
on router 'ip route del blackhole 198.51.100.1'
client routed "$server"
types routed hello
shows routed hello
on router 'ip route add unreachable 198.51.100.1'
types routed 'is anybody there?'
shows routed 'unreachable: '
exits routed
assert 'EHOSTUNREACH: exit status 7. The router gives the reason, but the kernel first retransmits to the end' \
    equal "$exit_status" 7
