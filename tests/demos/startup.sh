#!/usr/bin/env bash
# S01: before any client: LISTEN on 0.0.0.0:9877 and [::]:9877; socket, bind, listen, epoll_ctl, epoll_wait
# needs: netstat strace

# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

# shellcheck disable=SC2034 # for lib.sh
traced='strace -D -o trace -e trace=socket,bind,listen,accept4,epoll_create1,epoll_ctl,epoll_wait'
daemon

say 'Before any client.'
show 'netstat -ltn'
assert 'it listens on every IPv4 address' said '^tcp .* 0\.0\.0\.0:9877 +0\.0\.0\.0:\* +LISTEN'
assert 'and on every IPv6 address' said '^tcp6 .* :::9877 +:::\* +LISTEN'
show 'netstat -atn | grep -c 9877'
assert 'there is no other socket on that port' equal "$output" 2

say 'The system calls that led there, in order.'
until_true 'it waits' waits trace
show 'cat trace'
# Leaves out two calls: the one that creates the epoll descriptor, and the first accept4 of each
# listener.
calls=$(sed 's/(.*//' "$work/trace" | grep -Ev '^(accept4|epoll_create1)$' | uniq | xargs)
assert 'in order: socket, bind, listen for each address, then epoll_ctl, then epoll_wait' \
    equal "$calls" 'socket bind listen socket bind listen epoll_ctl epoll_wait'
assert 'three descriptors are registered: the two listeners, and the pipe for signals' \
    equal "$(lines_said '^epoll_ctl\(.*EPOLL_CTL_ADD, .*EPOLLET.* = 0$')" 3
assert 'both accept queues were empty, and now it sleeps in epoll_wait' \
    equal "$(lines_said '^accept4\(.* EAGAIN ')" 2
