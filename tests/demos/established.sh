#!/usr/bin/env bash
# S04: one client: the three rows LISTEN, ESTABLISHED, ESTABLISHED; where each process sleeps
# needs: netstat

# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

both_sleep() {
    [ "$(ps -o s= -p "$daemon,${client[client]}" | tr -d ' \n')" = SS ]
}

daemon '--listen 0.0.0.0:9877'

say 'Before the client.'
show "$rows"
assert 'one row: LISTEN' equal "$(lines_said 9877)" 1

say 'A client connects, and waits at its prompt.'
client client 127.0.0.1
until_true 'the connection is established' connections 2 established

say 'With the client.'
show "$rows"
assert 'three rows' equal "$(lines_said 9877)" 3
assert 'the listener: LISTEN' said '0\.0\.0\.0:9877 +0\.0\.0\.0:\* +LISTEN'
assert 'the daemon'\''s end: ESTABLISHED' said '127\.0\.0\.1:9877 +127\.0\.0\.1:[0-9]+ +ESTABLISHED'
assert 'the client'\''s end: ESTABLISHED' said '127\.0\.0\.1:[0-9]+ +127\.0\.0\.1:9877 +ESTABLISHED'

say 'Both processes sleep; WCHAN is the kernel function in which each sleeps.'
until_true 'both sleep' both_sleep
show "ps -o s,wchan:16,args -p $daemon,${client[client]}"
assert 'the daemon sleeps in epoll_wait, for its listener and its connections together' \
    said '^S.* (do_epoll_wait|ep_poll) +tcpechod'
assert 'the client sleeps in poll, for the terminal and the socket together' \
    said '^S.* (poll_schedule_ti|do_poll\.?[a-z]*|do_sys_poll) +tcpecho '
