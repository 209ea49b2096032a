#!/usr/bin/env bash
# S09: EINTR from epoll_wait, accept4 and recvfrom, injected; stop and continue: the daemon still serves
# needs: strace netstat

# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

say 'Every second call of epoll_wait, accept4 and recvfrom is interrupted before it does anything.'
traced='strace -D -o trace -e trace=epoll_wait,accept4,recvfrom -e inject=epoll_wait,accept4,recvfrom:error=EINTR:when=1+2'
daemon '--listen 0.0.0.0:9877'
show "$states"
show_status 'seq 1000 >lines; for i in 1 2 3 4 5; do tcpecho 127.0.0.1 <lines | cmp - lines; done'
assert 'five clients ran, and every line came back' equal "$status$output" 0
until_true 'five clients are in TIME_WAIT' connections 5 time-wait
show "$states"
for call in epoll_wait accept4 recvfrom; do
    show "grep -q '^$call(.* EINTR .*INJECTED' trace && echo $call was interrupted"
    assert "$call was interrupted" equal "$output" "$call was interrupted"
done
show 'grep -A 1 "^accept4(.*INJECTED" trace | head -n 2'
assert 'after EINTR the daemon makes the same call again' \
    equal "$(sed -n 's/(.*INJECTED)$/ interrupted/p; t; s/(.*//p' <<<"$output" | xargs)" 'accept4 interrupted accept4'
show "kill $daemon"
wait_for 'the daemon' "$daemon"

say 'A real EINTR: the daemon is stopped and continued while it waits. Linux then ends epoll_wait with'\
    'EINTR, although no handler has run (signal(7)).'
rm "$work/daemon.log"
traced='strace -D -o trace2 -e trace=epoll_wait'
daemon
until_true 'the daemon waits' waits trace2
show "kill -STOP $daemon"
until_true 'the daemon has stopped' stopped
show "kill -CONT $daemon"
until_true 'epoll_wait was interrupted' logged trace2 'EINTR'
until_true 'the daemon waits again' waits trace2
show "grep -A 4 EINTR trace2"
assert 'epoll_wait returned EINTR' said '^epoll_wait\(.*= -1 EINTR '
assert 'no handler ran: SIGSTOP and SIGCONT have none' said '^--- SIGCONT '
show "printf 'alive\n' | tcpecho 127.0.0.1"
assert 'the daemon still echoes' equal "$output" alive
