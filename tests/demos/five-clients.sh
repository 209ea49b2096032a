#!/usr/bin/env bash
# S07: five connections of one client end together: five FINs in one turn, and nothing is left
# needs: netstat strace

# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

traced='strace -D -o trace -e trace=epoll_wait,recvfrom,close'
RUST_LOG=debug daemon '--listen 0.0.0.0:9877'

say 'One process, five connections.'
mkfifo "$work/quiet"
background client "bash -c 'for i in 1 2 3 4 5; do exec {c[i]}<>/dev/tcp/127.0.0.1/9877; done; read -r line <>quiet'"
client_process=$started
until_true 'five connections are established' connections 10 established
until_true 'five connections are accepted' status_says 'open=5 .* accepted=5 '
show 'netstat -tn | grep -c ESTABLISHED'
assert 'five connections, two ends each' equal "$output" 10

say 'The client ends, and the kernel closes all five. The daemon is stopped meanwhile, so that it sees'\
    'all of them in one turn.'
show "kill -STOP $daemon"
until_true 'the daemon has stopped' stopped
show "kill -KILL $client_process"
until_true 'five FINs are here' connections 5 close-wait
until_true 'every FIN is acknowledged' connections 5 fin-wait-2
show "netstat -tn | grep 9877 | awk '{print \$6}' | sort | uniq -c"
assert 'the daemon'\''s five ends are in CLOSE_WAIT' said '^ *5 CLOSE_WAIT'
assert 'the client'\''s five ends are in FIN_WAIT2' said '^ *5 FIN_WAIT2'
show "kill -CONT $daemon"
until_true 'five connections are closed' logged_times 5 daemon.log ' closed '
until_true 'the turn is over' waits trace

say 'The system calls of that turn.'
show "sed -n '/SIGCONT/,\$p' trace | grep -E 'RDHUP|recvfrom|close' | sed 's/{events.*}\\]/[...]/'"
assert 'one epoll_wait returned all five events' said '^epoll_wait\(.* = 5$'
assert 'five reads returned 0' equal "$(lines_said '^recvfrom\(.*"".* = 0$')" 5
assert 'five descriptors were closed' equal "$(lines_said '^close\(.* = 0$')" 5
show "grep ' closed ' daemon.log | sed 's/.*cause/cause/; s/ duration.*//' | sort | uniq -c"
assert 'five transitions: open -> closed (finished)' said '^ *5 cause=finished '

say 'Nothing is left.'
empty=' open=0 flushing=0 draining=0 lingering=0 (proxy_header=0 )?(children=0 )?accepted=5 closed=5 '
until_true 'the status says so' status_says "$empty"
show "kill -USR1 $daemon; grep status daemon.log | tail -n 1 | sed 's/.*status/status/; s/flushing.*accepted/... accepted/'"
assert 'five connections were accepted, and five finished' said ' accepted=5 closed=5 .* finished=5'
assert 'no connection is in any phase: the slab is empty' logged daemon.log "$empty"
show 'netstat -tn | grep 9877 | grep -vc TIME_WAIT'
assert 'no socket is in CLOSE_WAIT, or in any other state but TIME_WAIT' equal "$output" 0
