#!/usr/bin/env bash
# S02: every byte comes back: lines, a last line without a newline, a line longer than MAXLINE; exit status 0
# needs: cmp netstat

# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

daemon
show "$states"

say 'Two lines are sent, and the same lines come back; the last one has no newline.'
show_status "printf 'hello\nworld' | tcpecho 127.0.0.1"
assert 'two lines came back as they were sent' equal "$output" $'hello\nworld'
assert 'orderly end: exit status 0' equal "$status" 0
show "printf 'hello\nworld' | tcpecho 127.0.0.1 | wc -c"
assert 'no newline was added: 11 bytes' equal "$output" 11

say 'A line longer than MAXLINE (4096): 10000 times x and a newline.'
show "head -c 10000 /dev/zero | tr '\\0' x >line; echo >>line; wc -c <line"
show_status 'tcpecho 127.0.0.1 <line | cmp - line'
assert 'it came back whole, although it was sent in pieces' equal "$status" 0

say 'Bytes that are not text: every value, including NUL and newline.'
show "for i in \$(seq 0 255); do printf \"\\\\\$(printf %03o \$i)\"; done >bytes; wc -c <bytes"
assert 'there are 256 of them' equal "$output" 256
show_status 'tcpecho 127.0.0.1 <bytes | cmp - bytes'
assert 'every one came back' equal "$status" 0

say 'No input at all.'
show_status 'tcpecho 127.0.0.1 </dev/null'
assert 'nothing came back, and the end was orderly' equal "$status$output" 0

say 'Five clients have ended: each closed first, so its end stays in TIME_WAIT.'
until_true 'five clients are in TIME_WAIT' connections 5 time-wait
show "$states"
assert 'nothing else is left of them' equal "$(xargs <<<"$output")" '2 LISTEN 5 TIME_WAIT'
