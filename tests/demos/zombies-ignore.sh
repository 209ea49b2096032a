#!/usr/bin/env bash
# W03: the course's server with SIGCHLD ignored: the kernel keeps no exit status, and there is no zombie
# needs: cc

# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

say 'The server of slides 4 to 6, started with SIGCHLD ignored (SIG_IGN), which exec keeps.'
course server server
ignoring='env --default-signal --ignore-signal=CHLD'
show "$ignoring --list-signal-handling true"
assert 'SIGCHLD, number 17, is ignored' said '^CHLD +\(17\): IGNORE$'
course_server "$ignoring ./server 9877"
connect_five
until_true 'five children run' children 5 S
show "kill -KILL $client_process"
until_true 'no child is left, in any state' childless
show "ps -o s,args --ppid $daemon"
assert 'no zombie: the kernel discards the exit status of each child' said_nothing_like server

say 'So the server can never learn how a child ended: wait() fails with ECHILD. And a program that it'\
    'executes inherits the ignored signal.'
