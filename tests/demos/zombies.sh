#!/usr/bin/env bash
# S10: five children end while the daemon is stopped: five zombies, one SIGCHLD, five reaped in one loop; services need none
# needs: strace

# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

signal_pending() {
    grep -q '^ShdPnd:.*0000000000010000$' "/proc/$daemon/status"
}

listing="ps -o s,args --ppid"

traced='strace -D -o trace -e trace=wait4'
RUST_LOG=debug daemon '--exec cat'
say 'Five connections: each has a child, whose standard input and output are the connection.'
connect_five
until_true 'five children run' children 5 S
show "$listing $daemon"
assert 'five children, asleep in a read' equal "$(lines_said '^S +cat')" 5

say 'The daemon is stopped, and all five end: no process reaps them.'
show "kill -STOP $daemon"
until_true 'the daemon has stopped' stopped
show "kill -KILL $client_process"
until_true 'five children have ended' children 5 Z
show "$listing $daemon"
assert 'five zombies: only their exit statuses are left' equal "$(lines_said '^Z +\[cat\] <defunct>')" 5
until_true 'a signal is pending' signal_pending
show "grep ShdPnd /proc/$daemon/status"
assert 'five exits, one bit for SIGCHLD (17)' equal "${output##*$'\t'}" 0000000000010000

say 'The daemon continues: one SIGCHLD, and one loop that reaps until no ended child is left.'
show "kill -CONT $daemon"
until_true 'no child is left' childless
until_true 'the daemon logs it' logged daemon.log 'reaped 5 children'
show "sed -n '/stopped by SIGSTOP/,\$p' trace | grep -E 'SIGCHLD|wait4' | sed 's/{.*}/{...}/; s/wait4([-0-9]*/wait4(.../; s/ = [0-9][0-9]*\$/ = (a child)/'"
assert 'one SIGCHLD for five exits' equal "$(lines_said '^--- SIGCHLD')" 1
assert 'five children are reaped' equal "$(lines_said '= \(a child\)$')" 5
assert 'the sixth call finds no child' said '= -1 ECHILD'
show "grep -o 'reaped .*' daemon.log"
assert 'all five in one loop' equal "$output" 'reaped 5 children'
show "$listing $daemon"
assert 'no zombie is left' said_nothing_like 'cat'
show "grep -o 'cause=exec.*status=[0-9]*' daemon.log | sed 's/bytes.*status/... status/' | sort | uniq -c"
assert 'each connection ended with its child, which exited in order' said '^ *5 cause=exec .* status=0$'

say "The daemon's own services: no children, so no zombies."
traced=
ends_daemon
daemon
connect_five
until_true 'five connections are accepted' status_says ' open=5 '
show "$listing $daemon"
assert 'five connections, and no child' said_nothing_like 'cat|tcpechod'
