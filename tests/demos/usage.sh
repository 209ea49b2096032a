#!/usr/bin/env bash
# S03: without an address the client says how it is used, on standard error, and exits with 2
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

say 'No address.'
show_status 'tcpecho'
assert 'it says how it is used' said '^Usage: tcpecho .*<HOST>'
assert 'exit status 2' equal "$status" 2
show 'tcpecho 2>/dev/null | wc -c'
assert 'all of it on standard error: nothing on standard output' equal "$output" 0

say 'An address, and nobody there.'
show_status 'tcpecho 127.0.0.1'
assert 'that is another exit status: 8, refused' equal "$status" 8
assert 'and the word for it' said '^tcpecho: refused: '
