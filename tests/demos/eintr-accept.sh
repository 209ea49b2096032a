#!/usr/bin/env bash
# W04: the course's server with waitpid, on a system that restarts no call: accept returns EINTR, and the server ends
# needs: cc

# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

say 'The handler is right (slide 16), but no system call is restarted (slide 14): signal() without SA_RESTART.'
course server server -DWAITPID -DNO_RESTART
course_server
client first 127.0.0.1
types first hello
shows first hello
until_true 'the server waits for the next client' sleeps_in "$daemon" accept
show "ps -o s,wchan:16,args -p $daemon"
assert 'the server sleeps in accept' said '^S.*accept'

say 'The client leaves, and its child ends: SIGCHLD interrupts accept.'
ends_input first
exits first
wait_for 'the server' "$daemon"
show 'cat server.log'
assert 'accept failed with EINTR, and the server took that for the end' equal "$output" 'accept: Interrupted system call'
show_status "printf 'the second client\n' | tcpecho 127.0.0.1"
assert 'the second client is refused: exit status 8' equal "$status" 8

say 'Slide 17: accept is called again.'
course server server -DWAITPID -DNO_RESTART -DHANDLE_EINTR
course_server
for client in first second; do
    show "printf 'the $client client\n' | tcpecho 127.0.0.1"
    assert "the $client client is served" equal "$output" "the $client client"
    until_true 'its child is reaped' childless
done
