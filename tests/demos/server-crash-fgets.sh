#!/usr/bin/env bash
# W05: the course's client of slides 7 and 8, which waits in fgets: it sees the dead server one line too late
# needs: cc netstat

# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

say 'Two clients of the course: that of slides 7 and 8, and the one with select.'
course client client
course client_select client_select
daemon
at_prompt fgets './client 127.0.0.1 9877'
at_prompt select './client_select 127.0.0.1 9877'
until_true 'both are accepted' status_says ' open=2 '

say 'The server dies. Both have its FIN.'
show "kill -9 $daemon"
wait_for 'the daemon' "$daemon"
shows select 'server terminated prematurely'
exits select
assert 'the client with select ends at once' equal "$exit_status" 1
until_true 'the FIN is acknowledged' connections 1 fin-wait-2
until_true 'the other connection is in TIME_WAIT' connections 1 time-wait
until_true 'the other one is in fgets' sleeps_in "${client[fgets]}" pipe_read
show "ps -o s,wchan:16,args -p ${client[fgets]}"
assert 'the other one sleeps in fgets' said '^S.*(pipe_read|anon_pipe_read)'
show "$rows"
assert 'its connection is in CLOSE_WAIT' said 'CLOSE_WAIT'

say 'Only its next line shows it: the write succeeds, and the read finds the FIN.'
types fgets 'another line'
shows fgets 'server terminated prematurely'
exits fgets
assert 'now it ends' equal "$exit_status" 1
