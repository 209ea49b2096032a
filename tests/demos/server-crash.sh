#!/usr/bin/env bash
# S12: kill -9 at the prompt: the course's client notices at the next line, the default one at once, 3
# needs: netstat

# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

daemon
say 'Two users: one with the course'\''s first client, one with the default one.'
client lecture '--stop-and-wait 127.0.0.1'
types lecture hello
shows lecture hello
client default 127.0.0.1
types default hello
shows default hello

say 'Both sit at their prompts. The process of the server dies.'
show "kill -9 $daemon"
wait_for 'the daemon' "$daemon"

say 'The default client waits for its user and for the socket at once. It says so, and ends.'
shows default 'terminated'
exits default
assert 'the default client noticed without a line typed: exit status 3' equal "$exit_status" 3

say 'The course'\''s client waits for its user only. The FIN is here, and it does not look.'
until_true 'the FIN is acknowledged' connections 1 fin-wait-2
show "$rows"
assert 'the dead server'\''s end is in FIN_WAIT2' said '127.0.0.1:9877 +127.0.0.1:[0-9]+ +FIN_WAIT2'
assert 'the client'\''s end is in CLOSE_WAIT' said '127.0.0.1:[0-9]+ +127.0.0.1:9877 +CLOSE_WAIT'
show "ps -o s,wchan:16,args -p ${client[lecture]}"
assert 'it still sleeps, in the read of its terminal' said '^S.*(pipe_read|anon_pipe_read)'

say 'Only the next line tells (Enter is enough): it is sent to nobody, RST is the answer, and then'\
    'the client reads: the FIN that has been there all the time.'
types lecture ''
shows lecture 'terminated'
exits lecture
assert 'only now it has noticed: exit status 3' equal "$exit_status" 3
show "$rows"
assert 'its connection is gone, without TIME_WAIT: RST does that' equal "$(lines_said 'CLOSE_WAIT|FIN_WAIT')" 0
