#!/usr/bin/env bash
# S18: sum-xdr: 64 bits, big-endian: the sum; a little-endian structure: a wrong sum; 32-bit longs: no reply
# needs: netstat od

# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

RUST_LOG=debug daemon '--service sum-xdr --listen 0.0.0.0:9877'

# Shows a command that sends these bytes as they are and reads the reply of eight bytes.
sends() {
    show "bash -c \"exec 9<>/dev/tcp/127.0.0.1/9877
  printf '$1' >&9; head -c 8 <&9\" | od -A n -t x1 -t d8 --endian=$2 | xargs"
}

say 'Both sides agree on the format: two XDR hypers, 64 bits each, most significant byte first; one comes back.'
show "echo '200 100' | tcpecho --format xdr 127.0.0.1"
assert 'the sum' equal "$output" 300
sends '\0\0\0\0\0\0\0\310\0\0\0\0\0\0\0\144' big
assert 'the same by hand: 00 .. c8 and 00 .. 64 give 00 .. 01 2c' equal "$output" '00 00 00 00 00 00 01 2c 300'

say 'A client on a little-endian machine sends its structure as it is in memory.'
sends '\310\0\0\0\0\0\0\0\144\0\0\0\0\0\0\0' little
assert 'wrong: 200 + 100 gives 44, without an error' equal "$output" '2c 00 00 00 00 00 00 00 44'
sends '\13\0\0\0\0\0\0\0\26\0\0\0\0\0\0\0' little
assert 'worse: 11 + 22 gives 33, by luck: there is no carry, so tests with small numbers pass' \
    equal "$output" '21 00 00 00 00 00 00 00 33'

say 'A client whose longs have 32 bits sends 11 and 22: 8 bytes, where the server reads 16.'
background client "bash -c \"exec 9<>/dev/tcp/127.0.0.1/9877
  printf '\\0\\0\\0\\13\\0\\0\\0\\26' >&9; head -c 8 <&9 | od -A n -t d8 --endian=big\""
until_true 'the daemon has read the 8 bytes' status_says 'open=1 .* bytes_in=72 '
show 'netstat -tn | grep ESTABLISHED | sort -rk 6'
assert 'no bytes are in transit in either direction' equal "$(lines_said '^tcp +0 +0 .*ESTABLISHED')" 2
until_true 'the daemon sleeps' sleeps
show "ps -o s,wchan:16,args -p $daemon"
assert 'the daemon sleeps: it waits for the other half, and the client for a reply, both for ever' \
    said '^S +(do_epoll_wait|ep_poll) '
show 'wc -c <client.log'
assert 'no reply' equal "$output" 0

say 'Such a client does get a reply if it sends twice in a row.'
sends '\0\0\0\13\0\0\0\26\0\0\0\13\0\0\0\26' big
assert 'but to a request that it never made: 47244640278 + 47244640278' \
    equal "$output" '00 00 00 16 00 00 00 2c 94489280556'

say 'A client that ends in the middle of a structure gets a cause of its own.'
show "printf '\\0\\0\\0\\13\\0\\0\\0\\26' >/dev/tcp/127.0.0.1/9877"
until_true 'the daemon has closed it' logged daemon.log 'cause=protocol'
show "grep -o 'cause=protocol .* lines=[0-9]*' daemon.log"
assert 'half a request: cause=protocol' said '^cause=protocol bytes_in=8 bytes_out=0 '
