#!/usr/bin/env bash
# W07: select says that a client waits, and accept blocks: the server of one process hangs, with all its clients
# needs: cc netstat

# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

# True if the process is stopped (T). While it is traced, each of its system calls stops it for a moment
# (t), so it has to stay stopped.
traced_stops=0
halted() {
    case $(ps -o s= -p "$1") in
    T) true ;;
    t) [ $((traced_stops += 1)) -ge 10 ] ;;
    *) traced_stops=0 && false ;;
    esac
}

# Starts two processes with one listener. Select returns in the first process, which has client one, and
# the other process accepts the client.
another_accepts() {
    course server server_select -DSTOP -DPROCESSES=2 "$@"
    course_server
    until_true 'there is another process' children 1 S
    other=$(ps -o pid= --ppid "$daemon" | tr -d ' ')
    remember "$other" OTHER
    client one 127.0.0.1
    until_true 'select has returned in the first process' halted "$daemon"
    until_true 'select has returned in the other one' halted "$other"
    show "ps -o s,args -p $daemon,$other"
    assert 'select has returned in both processes, for one client' equal "$(lines_said '^[Tt] +./server')" 2
    say 'The first process accepts it. The next client comes: select returns in the first process, but the other one'\
        'accepts the client.'
    show "kill -CONT $daemon"
    types one hello
    shows one hello
    client two 127.0.0.1
    until_true 'select has returned once more' halted "$daemon"
    show "kill -CONT $other"
    types two hello
    shows two hello
    say 'The first process goes on, to accept.'
}

say 'A server in one process, with select and a blocking listener. Between select and accept it stops itself:'\
    'the book (16.6) sleeps there for five seconds.'
course server server_select -DSTOP
course client client -DRESET
course_server
at_prompt early './client 127.0.0.1 9877'
until_true 'select has returned' halted "$daemon"
ends_input early
exits early
until_true 'the client has reset its connection' connections 0 established
show "kill -CONT $daemon"
until_true 'the server has read' logged server.log .
show 'cat server.log'
assert 'on Linux accept returns the reset connection, and read fails' equal "$output" 'read: Connection reset by peer'
until_true 'the server waits in select' sleeps_in "$daemon" '^(do_select|poll_schedule_timeout)'
show "ps -o s,wchan:16,args -p $daemon"
assert 'so a reset does not make it hang: it waits in select again' said '^S +(do_select|poll_schedule_ti) '
ends_daemon

say 'Another process does: two share the listener.'
another_accepts
show "kill -CONT $daemon"
until_true 'accept blocks' sleeps_in "$daemon" accept
types one 'is anybody there?'
until_true 'the line is in its queue' queued_bytes 1
show "ps -o s,wchan:16,args -p $daemon"
assert 'select said that a client waits, and accept sleeps' said '^S +[a-z_]*accept '
show "netstat -tn | grep '9877 .*ESTABLISHED' | awk '\$2 > 0'"
assert 'its own client waits for it' said '^tcp +18 '
say 'Only a new client wakes it.'
client three 127.0.0.1
shows one 'is anybody there?'
kill -KILL "$other"
until_true 'the other process has ended' gone "$other"
ends_daemon

say 'The same with a non-blocking listener.'
another_accepts -DNONBLOCKING
show "kill -CONT $daemon"
types one 'is anybody there?'
shows one 'is anybody there?'
show 'cat server.log'
assert 'accept failed with EAGAIN instead, and the server went on' \
    equal "$output" 'accept: Resource temporarily unavailable'
