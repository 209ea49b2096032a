#!/usr/bin/env bash
# S20: a peer that does not read: Send-Q and Recv-Q fill, the daemon's memory does not grow, others are served
# needs: netstat

# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

rss() {
    ps -o rss= -p "$daemon" | tr -d ' '
}

RUST_LOG=debug daemon '--listen 0.0.0.0:9877'
show "printf 'warm\\n' | tcpecho 127.0.0.1"
before=$(rss)
call "$before" BEFORE

say 'A peer that writes all the time, and never reads.'
never_reads peer
show 'netstat -tn | grep ESTABLISHED | sort -rk 6'
assert 'the daemon'\''s end: Send-Q is full because the peer does not read, and Recv-Q because the daemon does not' \
    said '^tcp +[0-9]{4,} +[0-9]{4,} 127\.0\.0\.1:9877 '
assert 'the peer'\''s end: Recv-Q is full of echoes, and Send-Q of lines to be echoed' \
    said '^tcp +[0-9]{4,} +[0-9]{4,} 127\.0\.0\.1:[0-9]+ +127\.0\.0\.1:9877 '

say 'Megabytes wait in the kernel. How much does the daemon hold?'
show "echo \$(((\$(ps -o rss= -p $daemon) - $before) / 1024)) MiB more than before"
assert 'its memory has grown by less than a mebibyte' equal "$output" '0 MiB more than before'
until_true 'the daemon sleeps' sleeps
show "ps -o s,wchan:16,args -p $daemon"
assert 'it does not spin: it sleeps' said '^S +(do_epoll_wait|ep_poll) '

say 'The other clients.'
show_status 'seq 100000 >lines; tcpecho 127.0.0.1 <lines | cmp - lines'
assert 'a hundred thousand lines of another client come back' equal "$status" 0

say 'The peer is killed with echoes unread, so its kernel sends RST.'
show "kill -9 $started"
until_true 'the daemon has closed it' logged daemon.log 'bytes_in=[0-9]{6,} .*'
until_true 'it is reset' logged daemon.log 'cause=reset'
show "grep -o 'cause=reset' daemon.log"
assert 'open -> closed (reset): pending output is dropped' equal "$output" cause=reset
until_true 'nothing is left' status_says ' open=0 flushing=0 '
show "netstat -tn | grep 9877 | grep -vc TIME_WAIT"
assert 'nothing is left in the kernel either' equal "$output" 0
