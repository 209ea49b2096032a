#!/usr/bin/env bash
# S05: end of input: FIN both ways; the client's end goes to TIME_WAIT, the daemon's is gone; the steps in order
# needs: netstat strace

# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

traced='strace -D -tt -o daemon.trace -e trace=recvfrom,sendto,close'
RUST_LOG=debug daemon '--listen 0.0.0.0:9877'
traced='strace -D -tt -o client.trace -e trace=read,recvfrom,write,sendto,shutdown,exit_group'
client client 127.0.0.1
types client hello
shows client hello

say 'Before the end.'
show "$rows"
assert 'both ends are ESTABLISHED' equal "$(lines_said ESTABLISHED)" 2

say 'The user ends the input (Ctrl-D).'
ends_input client
exits client
assert 'exit status 0' equal "$exit_status" 0

say 'After the end.'
until_true 'the client'\''s end is in TIME_WAIT' connections 1 time-wait
show "$rows"
assert 'the client'\''s end is in TIME_WAIT: it closed first' \
    said '127\.0\.0\.1:[0-9]+ +127\.0\.0\.1:9877 +TIME_WAIT'
assert 'the daemon'\''s end is gone; the only other row is LISTEN' equal "$(lines_said 9877)" 2
show 'netstat -aton | grep TIME_WAIT'
assert 'it stays there for 60 seconds, a constant of Linux in place of 2 MSL' \
    said 'timewait \((60|5[0-9])\.'

until_true 'the daemon'\''s close has returned' last_line daemon.trace ' close\(.* = 0$'
until_true 'the client has exited' logged client.trace 'exit_group\(0\) += \?$'
say 'Both sides, merged by time, from the end of the input on; other reads and writes are left out.'
# shellcheck disable=SC2016 # awk's own
show 'sed "s/^/client /" client.trace >both; sed "s/^/daemon /" daemon.trace >>both
  sort -k 2 both | grep -E "read\(|recvfrom|sendto|shutdown|close\(|exit_group" >merged
  sed -n "/client .* read(0, \"\"/,/exit_group/p" merged | nl -w 1 -s ". "'
steps=$(sed -n 's/^[0-9]*\. \([a-z]*\) [^ ]* \([a-z_]*\)(.*/\1:\2/p' <<<"$output" | xargs)
assert 'the course'\''s order: end of input, FIN; read returns 0, close, FIN; read returns 0, exit' \
    equal "$steps" 'client:read client:shutdown daemon:recvfrom daemon:close client:read client:exit_group'
until_true 'the daemon logs the end' logged daemon.log ' closed '
show 'grep closed daemon.log'
assert 'the daemon'\''s cause for it: finished' said 'cause=finished bytes_in=6 bytes_out=6 lines=1 '
