#!/usr/bin/env bash
# S06: where the four numbers of a connection come from: client, daemon and netstat show the same ones
# needs: netstat strace

# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

traced='strace -D -yy -o trace -e trace=bind,accept4'
RUST_LOG=debug daemon
traced=

say 'The user gives the client one address and one port. The client shows both pairs of the connection.'
client client '-v 127.0.0.1'
shows client connected
show "sed -n 's/.*local=\\([^ ]*\\) peer=\\([^ ]*\\)/\\1 \\2/p' client.out"
read -r client_end server_end <<<"$output"
assert 'the server'\''s end: the address that the user typed, and the port of the service' \
    equal "$server_end" 127.0.0.1:9877
assert 'the client'\''s kernel chose the other two: the address by the route, and a free port' \
    equal "${client_end%:*}" 127.0.0.1

say 'netstat shows the connection once from each end.'
until_true 'the connection is accepted' logged trace '^accept4.*->'
show "$rows"
assert 'the client'\''s end: local, foreign' said " $client_end +$server_end +ESTABLISHED"
assert 'the daemon'\''s end: the same four numbers the other way round' \
    said " $server_end +$client_end +ESTABLISHED"

say 'The daemon knew only the port. Its listeners are bound to 0.0.0.0 and [::]; the socket from accept'\
    'is bound to the address that the client connected to.'
show "grep -v EAGAIN trace"
assert 'the listener: any address' said '^bind\(.*sin_port=htons\(9877\), sin_addr=inet_addr\("0\.0\.0\.0"\)'
assert 'accept returns the client'\''s address' \
    said "^accept4\(.*sin_port=htons\(${client_end#*:}\), sin_addr=inet_addr\(\"127\.0\.0\.1\"\)"
assert 'the new socket: the same four numbers' said "= [0-9]+<TCP:\[$server_end->$client_end\]>$"

say 'The daemon'\''s log, after the end of the connection.'
ends_input client
exits client
until_true 'the connection is closed' logged daemon.log ' closed '
show 'grep closed daemon.log'
assert 'the log'\''s peer is the client'\''s end' said " closed peer=$client_end cause=finished "
