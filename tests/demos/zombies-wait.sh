#!/usr/bin/env bash
# W02: the course's server of slide 13, whose handler waits once for each signal: of five zombies four stay
# needs: cc strace

# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

say 'The server of slide 13: its handler of SIGCHLD calls wait() once.'
course server server -DWAIT
traced='strace -D -o trace -e trace=wait4'
course_server
traced=
connect_five
until_true 'five children run' children 5 S

say 'It is stopped, all five clients leave, and it continues: five children ended, one signal was kept.'
show "kill -STOP $daemon"
until_true 'the server has stopped' stopped
show "kill -KILL $client_process"
until_true 'five children have ended' children 5 Z
show "kill -CONT $daemon"
until_true 'one child is reaped' children 4 Z
until_true 'wait has returned' logged trace '^wait4.* = [0-9]+$'
show "sed -n '/stopped by SIGSTOP/,\$p' trace | grep -E 'SIGCHLD|wait4' | sed 's/{.*}/{...}/; s/wait4([-0-9]*/wait4(.../; s/ = [0-9][0-9]*\$/ = (a child)/'"
assert 'one SIGCHLD' equal "$(lines_said '^--- SIGCHLD')" 1
assert 'one wait' equal "$(lines_said '^wait4')" 1
show "ps -o s,args --ppid $daemon"
assert 'four zombies stay' equal "$(lines_said '^Z +\[server\] <defunct>')" 4
