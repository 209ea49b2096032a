#!/usr/bin/env bash
# S11: a connection ends before accept: reset, destroyed in the queue, ECONNABORTED, EPROTO; the next client is served
# needs: strace
# private: ss -K, which only the root of a network may use

# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

next_is_served() {
    show "printf 'next\\n' | tcpecho 127.0.0.1"
    assert 'the next client is served' equal "$output" next
}

# Connects a client while the daemon is stopped, so that the connection waits in the queue.
queues() {
    show "kill -STOP $daemon"
    until_true 'the daemon has stopped' stopped
    client "$1" 127.0.0.1
    until_true 'the connection is in the queue' connections 2 established
}

traced='strace -D -o trace -e trace=accept4,recvfrom,close'
RUST_LOG=debug daemon '--listen 0.0.0.0:9877'
traced=

say 'A connection waits in the queue; the client resets it (ss -K on the client'\''s end sends RST).'
queues early
show "ss -HtnK state established 'dport = :9877' >/dev/null"
until_true 'both ends are gone' connections 0 established
show "kill -CONT $daemon"
until_true 'the daemon has closed it' logged daemon.log ' closed '
show "sed -n '/SIGCONT/,\$p' trace | grep 'accept4.* = [0-9]'"
assert 'on Linux accept succeeds' said '^accept4\([0-9]+, .*sin_addr=inet_addr\("127.0.0.1"\).* = [0-9]+$'
show 'grep ECONNRESET trace'
assert 'and the first read fails: ECONNRESET' said '^recvfrom\(.* = -1 ECONNRESET '
show "grep ' closed ' daemon.log"
assert 'open -> closed (reset)' said ' cause=reset bytes_in=0 '
next_is_served

say 'The same, but the daemon'\''s own kernel destroys the connection in the queue.'
queues doomed
show "ss -HtnK state established 'sport = :9877' >/dev/null"
until_true 'both ends are gone' connections 0 established
show "kill -CONT $daemon"
until_true 'the daemon has closed it' logged daemon.log 'cause=aborted'
show "grep ECONNABORTED trace; grep cause=aborted daemon.log"
assert 'here too accept succeeds, and the read fails: ECONNABORTED' said '^recvfrom\(.* = -1 ECONNABORTED '
assert 'open -> closed (aborted)' said ' closed peer=.* cause=aborted '
next_is_served

for error in ECONNABORTED EPROTO; do
    ends_daemon
    say "accept itself fails with $error, as on other systems: injected at the second call, because the" \
        'first one, at the start, finds an empty queue.'
    traced="strace -D -o trace -e trace=accept4 -e inject=accept4:error=$error:when=2"
    RUST_LOG=debug daemon '--listen 0.0.0.0:9877'
    traced=
    until_true 'the first accept finds an empty queue' logged trace '^accept4.* EAGAIN'
    # The only client waits in the queue: there is one event, and no other.
    queues "next-$error"
    types "next-$error" next
    ends_input "next-$error"
    show "kill -CONT $daemon"
    shows "next-$error" next
    exits "next-$error"
    assert 'the client in the queue is served, without another event' equal "$exit_status" 0
    show "grep accept4 trace | sed -n 2,3p"
    assert "accept fails with $error" said "^accept4\\([0-9]+, .* = -1 $error .*\\(INJECTED\\)"
    assert 'the daemon calls it again, and accepts the client in the queue' said '^accept4\([0-9]+, .*127.0.0.1.* = [0-9]+$'
    until_true 'all is counted' status_says ' aborted=1'
    show "grep ' status ' daemon.log | tail -n 1 | sed 's/.*status/status/; s/flushing.*accepted/... accepted/'"
    assert 'queued -> closed (aborted), and counted; the served connection finished' said 'accepted=2 closed=2 .* finished=1 aborted=1'
done
