#!/usr/bin/env bash
# S03: without an address the client prints its usage on standard error, and exits with status 2
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

say 'No address.'
show_status 'tcpecho'
assert 'it prints its usage' said '^Usage: tcpecho .*<HOST>'
assert 'exit status 2' equal "$status" 2
show 'tcpecho 2>/dev/null | wc -c'
assert 'on standard error only: nothing is on standard output' equal "$output" 0

say 'An address without a server.'
show_status 'tcpecho 127.0.0.1'
assert 'another exit status: 8, refused' equal "$status" 8
assert 'and the word in the message' said '^tcpecho: refused: '
