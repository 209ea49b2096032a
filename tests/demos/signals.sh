#!/usr/bin/env bash
# S08: 100 SIGUSR1 at once count as one (signals are not queued), the handler stays installed, no echo is lost

# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

burst() {
    show "kill -STOP $daemon"
    until_true 'the daemon has stopped' stopped
    [ -z "${1-}" ] || assert 'the echo is under way: the client has not ended' kill -0 "$1"
    show "for i in \$(seq 100); do kill -USR1 $daemon; done"
    show "grep ShdPnd /proc/$daemon/status"
    assert 'the kernel stores one bit for the signal (SIGUSR1 is 10), not a count' \
        equal "${output##*$'\t'}" 0000000000000200
    show "kill -CONT $daemon"
}

daemon
say 'Three million lines pass through the daemon, and meanwhile it gets 100 signals.'
show 'seq 3000000 >lines; wc -l <lines'
printf '$ tcpecho 127.0.0.1 <lines >echoed &\n'
(cd "$work" && exec tcpecho 127.0.0.1 <lines >echoed) &
load=$!
remember "$load" CLIENT
until_true 'echoes come back' test -s "$work/echoed"
burst "$load"
until_true 'the status is logged' logged daemon.log ' status open='
wait_for 'the client' "$load"
show_status 'cmp lines echoed'
assert 'not one echo is lost' equal "$status" 0
show "grep -c ' status open=' daemon.log"
assert '100 signals, one delivery' equal "$output" 1

say 'Once more: on the old System V, a signal removed its handler, and the next one killed the process.'
burst
until_true 'the status is logged again' logged_times 2 daemon.log ' status open='
show "grep -c ' status open=' daemon.log"
assert 'the handler is still installed: one more status' equal "$output" 2
show "printf 'alive\n' | tcpecho 127.0.0.1"
assert 'and the daemon still echoes' equal "$output" alive
