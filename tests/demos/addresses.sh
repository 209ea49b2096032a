#!/usr/bin/env bash
# S06: who chooses which address: client, daemon and netstat name the same four numbers
# needs: netstat strace

# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

traced='strace -D -yy -o trace -e trace=bind,accept4'
RUST_LOG=debug daemon
traced=

say 'The client is told one address and one port. It says which two pairs came of it.'
client client '-v 127.0.0.1'
shows client connected
show "sed -n 's/.*local=\\([^ ]*\\) peer=\\([^ ]*\\)/\\1 \\2/p' client.out"
read -r client_end server_end <<<"$output"
assert 'the server'\''s end is what the user has typed, and the port of the service' \
    equal "$server_end" 127.0.0.1:9877
assert 'the client'\''s kernel has chosen the other two: the address by the route, any free port' \
    equal "${client_end%:*}" 127.0.0.1

say 'What netstat shows: once from each end.'
show "$rows"
assert 'the client'\''s end: local, foreign' said " $client_end +$server_end +ESTABLISHED"
assert 'the daemon'\''s end: the same four numbers the other way round' \
    said " $server_end +$client_end +ESTABLISHED"

say 'The daemon was told none of them but the port. It was bound to 0.0.0.0 and [::]; what accept'\
    'returned is bound to the address that the client has asked for.'
until_true 'the connection is accepted' logged trace '^accept4.*->'
show "grep -v EAGAIN trace"
assert 'the listener: any address' said '^bind\(.*sin_port=htons\(9877\), sin_addr=inet_addr\("0\.0\.0\.0"\)'
assert 'accept names the client' \
    said "^accept4\(.*sin_port=htons\(${client_end#*:}\), sin_addr=inet_addr\(\"127\.0\.0\.1\"\)"
assert 'the new socket: the same four numbers' said "= [0-9]+<TCP:\[$server_end->$client_end\]>$"

say 'And in its log, when the connection has ended.'
ends_input client
exits client
until_true 'the connection is closed' logged daemon.log ' closed '
show 'grep closed daemon.log'
assert 'the peer is the client'\''s end' said " closed peer=$client_end cause=finished "
