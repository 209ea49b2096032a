#!/usr/bin/env bash
# W01: the course's server of slides 4 to 6, which never asks for its children: each of them stays a zombie
# needs: cc

# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

say 'The server of slides 4 to 6 leaves SIGCHLD at its default action (SIG_DFL): the signal does nothing, and'\
    'the kernel keeps the exit status of each child.'
course server server
course_server
connect_five
until_true 'five children run' children 5 S
show "ps -o s,args --ppid $daemon"
assert 'five children' equal "$(lines_said '^S +./server')" 5

say 'All five clients leave.'
show "kill -KILL $client_process"
until_true 'five children have ended' children 5 Z
show "ps -o s,args --ppid $daemon"
assert 'five zombies' equal "$(lines_said '^Z +\[server\] <defunct>')" 5
show "printf 'one more\n' | tcpecho 127.0.0.1"
assert 'the server goes on' equal "$output" 'one more'
until_true 'its child has ended too' children 6 Z
show "ps -o s= --ppid $daemon | sort | uniq -c"
assert 'one zombie more for each client, until no process id is left' said '^ *6 Z$'
