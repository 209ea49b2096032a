#!/usr/bin/env bash
# W06: the course's client of slide 23, which writes twice to a dead server: SIGPIPE kills it, and nothing says so
# needs: cc strace

# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

# Starts a client, kills its server, and types a line.
bereaved() {
    daemon
    at_prompt "$1" "strace -D -o $1.trace -e trace=write ./client 127.0.0.1 9877"
    until_true 'the client is accepted' status_says ' open=1 '
    show "kill -9 $daemon"
    until_true 'the FIN is acknowledged' connections 1 fin-wait-2
    ends_daemon
    types "$1" 'is anybody there?'
    exits "$1"
    until_true 'the trace is complete' logged "$1.trace" '^\+\+\+ '
    show "cat $1.trace"
    assert 'the first write succeeded, and drew RST' said '^write\(3, "i", 1\) += 1$'
    assert 'the second write came after the RST: EPIPE, and SIGPIPE' said '^write\(3, "s any.* = -1 EPIPE '
}

say 'The client of slides 7 and 8, with two writes for each line, a second apart, as in figure 5.14 of the'\
    'book, and with the default action for SIGPIPE.'
course client client -DON_SIGPIPE=SIG_DFL
bereaved default
assert 'the signal killed the client' said '^\+\+\+ killed by SIGPIPE'
assert 'its exit status: 141 is 128 + 13, SIGPIPE' equal "$exit_status" 141
show 'wc -c <default.out'
assert 'its output and its messages: nothing' equal "$output" 0

say 'The same client, with SIGPIPE ignored.'
course client client -DON_SIGPIPE=SIG_IGN
bereaved ignore
assert 'the signal did nothing: exit status 1' equal "$exit_status" 1
show 'cat ignore.out'
assert 'and the client says why it ends' equal "$output" 'write: Broken pipe'
