#!/usr/bin/env bash
# S13: a write after RST: SIGPIPE kills silently (141), or EPIPE, a message and exit status 5; the daemon survives
# needs: strace sysctl netstat
# private: a larger receive buffer (tcp_rmem), which only the root of a network may set

# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

# Starts a client, kills its server, and types a line; $1 is its name here and its --sigpipe.
bereaved() {
    daemon '--listen 0.0.0.0:9877'
    # The delay stands for the sleep between the two writes of the book's figure 5.14.
    traced="strace -D -o $1.trace -e trace=write -e inject=write:delay_enter=100000"
    client "$1" "--stop-and-wait --sigpipe $1 127.0.0.1"
    traced=
    types "$1" hello
    shows "$1" hello
    show "kill -9 $daemon"
    until_true 'the FIN is acknowledged' connections 1 fin-wait-2
    show "$states"
    ends_daemon
    types "$1" 'is anybody there?'
}

say 'A client that leaves SIGPIPE at its default, and sends each line with two writes.'
bereaved default
exits default
until_true 'the trace is complete' logged default.trace '^\+\+\+ '
assert 'it was killed: 141 is 128 + 13, SIGPIPE' equal "$exit_status" 141
show "grep -A 3 '\"i\"' default.trace"
assert 'the first write succeeded, and drew RST' said '^write\(3, "i", 1\) += 1'
assert 'the second write came after the RST: EPIPE, and the signal' said '^write\(3, .* = -1 EPIPE '
assert 'the signal killed the client' said '^\+\+\+ killed by SIGPIPE'
show 'cat default.out'
assert 'silently: nothing after the echo of the first line' equal "$output" hello

say 'The same with SIGPIPE ignored.'
bereaved ignore
shows ignore broken-pipe
exits ignore
assert 'a message, and exit status 5' equal "$exit_status" 5
show "grep -A 1 'EPIPE' ignore.trace"
assert 'the same EPIPE' said '^write\(3, .* = -1 EPIPE '

say 'The daemon'\''s side: a peer sends 200000 bytes and closes, while the daemon is stopped.'
show "sysctl -w net.ipv4.tcp_rmem='4096 1000000 1000000' # so that all of it is there at once"
traced='strace -D -o trace -e trace=sendto'
RUST_LOG=debug daemon '--listen 0.0.0.0:9877'
show "kill -STOP $daemon"
until_true 'the daemon has stopped' stopped
show "yes | head -c 200000 >/dev/tcp/127.0.0.1/9877"
until_true 'data and FIN are there' connections 1 close-wait
show "kill -CONT $daemon"
until_true 'the daemon has closed it' logged daemon.log ' closed '
show 'grep -B 1 EPIPE trace'
assert 'the first echo was written' said '^sendto\(.* = [0-9]+$'
assert 'a later one came after the RST: EPIPE, and with MSG_NOSIGNAL no signal' \
    said '^sendto\(.*MSG_NOSIGNAL.* = -1 EPIPE '
show "grep ' closed ' daemon.log | sed 's/ bytes.*//'"
assert 'open -> closed (broken-pipe)' said ' cause=broken-pipe$'
show "printf 'alive\\n' | tcpecho 127.0.0.1"
assert 'and other clients are served' equal "$output" alive
