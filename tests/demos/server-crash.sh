#!/usr/bin/env bash
# S12: kill -9 at the prompt: the course's client detects it at the next line, the default one at once; exit status 3
# needs: netstat

# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

daemon
say 'Two users: one with the course'\''s first client, one with the default client.'
client lecture '--stop-and-wait 127.0.0.1'
types lecture hello
shows lecture hello
client default 127.0.0.1
types default hello
shows default hello

say 'Both wait at their prompts. The server'\''s process dies.'
show "kill -9 $daemon"
wait_for 'the daemon' "$daemon"

say 'The default client waits for its user and the socket together. It reports the end, and exits.'
shows default 'terminated'
exits default
assert 'the default client detects it before the next line is typed: exit status 3' equal "$exit_status" 3

say 'The course'\''s client waits only for its user. The FIN has arrived, but the client does not read it.'
until_true 'the FIN is acknowledged' connections 1 fin-wait-2
until_true 'the other connection is in TIME_WAIT' connections 1 time-wait
show "$rows"
assert 'the dead server'\''s end is in FIN_WAIT2' said '127.0.0.1:9877 +127.0.0.1:[0-9]+ +FIN_WAIT2'
assert 'the client'\''s end is in CLOSE_WAIT' said '127.0.0.1:[0-9]+ +127.0.0.1:9877 +CLOSE_WAIT'
until_true 'it reads its terminal' sleeps_in "${client[lecture]}" pipe_read
show "ps -o s,wchan:16,args -p ${client[lecture]}"
assert 'it still sleeps, in a read of its terminal' said '^S.*(pipe_read|anon_pipe_read)'

say 'The client detects it only after the next line (Enter is enough): the line draws RST, and then the'\
    'client reads the FIN that has been there all the time.'
types lecture ''
shows lecture 'terminated'
exits lecture
assert 'only now it detects the end: exit status 3' equal "$exit_status" 3
show "$rows"
assert 'its connection is gone, without TIME_WAIT, because of the RST' equal "$(lines_said 'CLOSE_WAIT|FIN_WAIT')" 0
