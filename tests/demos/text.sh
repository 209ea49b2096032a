#!/usr/bin/env bash
# S17: service sum: 11 22 gives 33; what is no two numbers gets one error line, and the connection goes on
# needs: netstat

# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

RUST_LOG=debug daemon '--service sum'
show "$states"

say 'One connection, one line after the other.'
client client 127.0.0.1
asks() {
    types client "$1"
    until_true "there are $2 answers" answers "$2"
    output=$(tail -n 1 "$work/client.out")
    printf 'client> %s\n' "$output"
    assert "$4" equal "$output" "$3"
}
answers() {
    [ "$(wc -l <"$work/client.out")" -eq "$1" ]
}

asks '11 22' 1 33 'the sum'
asks '-11 -22' 2 -33 'negative numbers are numbers'
asks '9223372036854775807 1' 3 'error: the sum does not fit into 64 bits' 'a sum that does not fit is told, not wrapped'
asks '9223372036854775808 1' 4 'error: a number does not fit into 64 bits' 'nor a number'
asks 'eleven 22' 5 'error: expected two numbers, found a word that is none' 'words are no numbers'
asks '11' 6 'error: expected two numbers, found fewer' 'one number is too few'
asks '1 2 3' 7 'error: expected two numbers, found more' 'three are too many'
asks '11 22' 8 33 'after five errors the same connection still adds'

ends_input client
exits client
assert 'orderly end' equal "$exit_status" 0
show 'wc -l <client.out'
assert 'eight lines for eight: never more than one for one' equal "$output" 8
until_true 'the daemon has closed it' logged daemon.log ' closed '
show "grep -o 'cause=.* lines=[0-9]*' daemon.log"
assert 'one connection, eight requests, finished' said '^cause=finished .* lines=8$'
until_true 'the client is in TIME_WAIT' connections 1 time-wait
show "$states"
assert 'netstat: the end of any connection' equal "$(xargs <<<"$output")" '2 LISTEN 1 TIME_WAIT'
