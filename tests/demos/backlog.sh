#!/usr/bin/env bash
# S19: a stopped daemon, backlog 4, eight clients: five are established before accept, three wait in SYN_SENT
# needs: netstat

# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

daemon '--listen 0.0.0.0:9877 --backlog 4'
say 'The daemon is stopped, so it does not call accept. Eight clients connect, one after the other.'
show "kill -STOP $daemon"
until_true 'the daemon has stopped' stopped
for i in 1 2 3 4 5; do
    client "c$i" 127.0.0.1
    until_true 'its handshake is complete' connections $((2 * i)) established
done
for i in 6 7 8; do
    client "c$i" 127.0.0.1
    until_true 'its SYN is sent' connections $((i - 5)) syn-sent
done
for i in 1 2 3 4 5 6 7 8; do
    types "c$i" "line of client $i"
done
until_true 'the lines are in the queue' queued_bytes 5

say 'Where the connections are.'
show "ss -ltn 'sport = :9877'"
assert 'the accept queue holds five (Recv-Q) with a backlog of four (Send-Q): Linux admits one more' \
    said '^LISTEN +5 +4 '
show "netstat -tn | grep 9877 | awk '{print \$6}' | sort | uniq -c"
assert 'five connections are ESTABLISHED at both ends, although none has been accepted' said '^ *10 ESTABLISHED'
assert 'three clients wait in SYN_SENT: their SYNs are dropped, not refused' said '^ *3 SYN_SENT'
show "netstat -tn | awk '\$4 ~ /:9877\$/ {print \$2, \$6}'"
assert 'the lines of the five have arrived, 17 bytes each: in Recv-Q, before accept' \
    equal "$(lines_said '^17 ESTABLISHED$')" 5
show 'cat c*.out | wc -c'
assert 'no client has an echo' equal "$output" 0

say 'The daemon continues.'
show "kill -CONT $daemon"
for i in 1 2 3 4 5 6 7 8; do
    shows "c$i" "line of client $i"
done
assert 'all eight are served, the three after their SYNs were sent again' connections 16 established
show "awk '/^TcpExt: [0-9]/ {print (\$v > 0 ? \"overflows: more than none\" : \"overflows: none\")}
  /^TcpExt: S/ {for (i = 1; i <= NF; i++) if (\$i == \"ListenOverflows\") v = i}' /proc/net/netstat"
assert 'the kernel counted the overflows' equal "$output" 'overflows: more than none'
