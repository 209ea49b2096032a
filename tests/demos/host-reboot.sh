#!/usr/bin/env bash
# S15: the server's host dies and comes back: the next line gets RST, ECONNRESET, exit status 4; an idle client detects nothing
# needs: sysctl
# private: three hosts, each a network namespace

# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=network.sh
. "$(dirname "$0")/network.sh"

say 'Three hosts: the client'\''s, a router, the server'\''s. Three users; each gets an echo.'
hosts
daemon_there
client idle "$server"
types idle hello
shows idle hello
client typing "$server"
types typing hello
shows typing hello
client alive "--keepalive 1s/1s/60 $server"
types alive hello
shows alive hello

say 'The power fails: the host and all its connections are gone, and it has sent nothing.'
on server 'ip link set eth0 down'
on server "ss -tK 'sport = :9877' >/dev/null"
show "kill -9 $daemon"
ends_daemon
show "ss -Htn 'dport = :9877' | cut -c 1-6 | uniq -c"
assert 'the three clients have detected nothing: ESTABLISHED' said '^ *3 ESTAB $'

say 'The host comes back with the same address, and starts the daemon.'
on server 'ip link set eth0 up'
on server 'ip route add default via 198.51.100.254'
daemon_there
on server "ss -tan 'sport = :9877'"
assert 'it listens again, and has no connection' said_nothing_like ESTAB

say 'A user types the next line.'
types typing 'is anybody there?'
shows typing 'reset: '
exits typing
assert 'the host does not know this connection: RST, ECONNRESET, exit status 4' equal "$exit_status" 4

say 'A user who types nothing, but has keep-alive: the next probe gets the same answer.'
shows alive 'reset: '
exits alive
assert 'exit status 4, without a line typed' equal "$exit_status" 4

say 'A user who types nothing, and has no keep-alive.'
show "ss -Htn 'dport = :9877' | cut -c 1-6 | uniq -c"
assert 'the connection is ESTABLISHED, without a peer' said '^ *1 ESTAB $'
assert 'and the client waits at its prompt' kill -0 "${client[idle]}"
show "echo hello again | tcpecho $server"
assert 'while the server already serves other clients' equal "$output" 'hello again'
