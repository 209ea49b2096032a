#!/usr/bin/env bash
# S16: SIGTERM: the queue is served, every echo owed is delivered, FIN, exit 0; who never reads is cut, 1
# needs: netstat

# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

RUST_LOG=debug daemon '--listen 0.0.0.0:9877'
say 'One user at the prompt, and five clients that are still in the listener'\''s queue with all they want'\
    'to have echoed: the daemon is stopped for that.'
client user 127.0.0.1
types user hello
shows user hello
show "kill -STOP $daemon"
until_true 'the daemon has stopped' stopped
show 'seq 1000 >lines'
queue=()
for i in 1 2 3 4 5; do
    background "client$i" "tcpecho 127.0.0.1 <lines"
    queue[i]=$started
done
until_true 'five wait in the queue, input and FIN included' connections 5 close-wait
show "ss -ltn 'sport = :9877' | awk '{print \$1, \$2}'"
assert 'five in the queue' said '^LISTEN 5$'

say 'The operator'\''s shutdown: SIGTERM now, SIGKILL 5 to 20 seconds later.'
begun=$SECONDS
show "kill -TERM $daemon; kill -CONT $daemon"
wait_for 'the daemon' "$daemon"
took=$((SECONDS - begun))
show "grep -oE 'draining, .*|status .*|drained$' daemon.log | sed 's/flushing.*accepted/... accepted/'"
assert 'it has ended by itself: exit status 0' equal "$exit_status" 0
assert 'in less than 5 seconds' test "$took" -lt 5
assert 'six connections, and as many bytes out as in: nobody was cut' \
    said '^status open=0 .* accepted=6 closed=6 bytes_in=19471 bytes_out=19471 lines=5001 '
assert 'the last word is: drained' said '^drained$'
ends=
for i in 1 2 3 4 5; do wait_for 'a client' "${queue[i]}"; ends+=" $exit_status"; done
# shellcheck disable=SC2016 # expanded by show
show 'for i in 1 2 3 4 5; do cmp client$i.log lines && echo whole; done'
assert 'the queue was served: five times a thousand echoes, whole' equal "$(lines_said '^whole$')" 5
assert 'and an orderly end for each: exit status 0' equal "$ends" ' 0 0 0 0 0'
shows user terminated
exits user
assert 'the user learns of it at once' equal "$exit_status" 3

ends_daemon
say 'A peer that never reads what it is owed.'
daemon '--listen 0.0.0.0:9877 --drain-timeout 500ms'
never_reads glutton
show "kill -TERM $daemon"
wait_for 'the daemon' "$daemon"
show "grep -oE 'draining, .*|ended with.*| cut=1' daemon.log"
assert 'it was waited for until the deadline, then cut, and counted' \
    said '^ended with 1 connections cut$'
assert 'exit status 1: not all were drained' equal "$exit_status" 1

ends_daemon
say 'And an operator who does not want to wait.'
daemon '--listen 0.0.0.0:9877 --drain-timeout 1h'
never_reads glutton
show "kill -TERM $daemon"
until_true 'the daemon drains' logged daemon.log draining
assert 'it waits' kill -0 "$daemon"
show "kill -TERM $daemon"
wait_for 'the daemon' "$daemon"
show "grep -oE 'draining, .*|a second signal.*' daemon.log"
assert 'a second signal ends it now' said '^a second signal: ending now'
assert 'exit status 1' equal "$exit_status" 1
