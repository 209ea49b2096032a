#!/usr/bin/env bash
# S17: service sum: 11 22 gives 33; a line that is not two numbers gets one error line, and the connection stays open
# needs: netstat

# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

RUST_LOG=debug daemon '--service sum'
show "$states"

say 'One connection, one line after the other.'
client client 127.0.0.1
request() {
    types client "$1"
    until_true "there are $2 answers" answers "$2"
    output=$(tail -n 1 "$work/client.out")
    printf 'client> %s\n' "$output"
    assert "$4" equal "$output" "$3"
}
answers() {
    [ "$(wc -l <"$work/client.out")" -eq "$1" ]
}

request '11 22' 1 33 'the sum'
request '-11 -22' 2 -33 'negative numbers too'
request '9223372036854775807 1' 3 'error: the sum does not fit into 64 bits' 'a sum that does not fit is an error, and does not wrap'
request '9223372036854775808 1' 4 'error: a number does not fit into 64 bits' 'so is a number that does not fit'
request 'eleven 22' 5 'error: expected two numbers, found a word that is none' 'a word is not a number'
request '11' 6 'error: expected two numbers, found fewer' 'one number is too few'
request '1 2 3' 7 'error: expected two numbers, found more' 'three numbers are too many'
request '11 22' 8 33 'after five errors the same connection still gets sums'

ends_input client
exits client
assert 'orderly end' equal "$exit_status" 0
show 'wc -l <client.out'
assert 'eight replies to eight lines: one for each' equal "$output" 8
until_true 'the daemon has closed it' logged daemon.log ' closed '
show "grep -o 'cause=.* lines=[0-9]*' daemon.log"
assert 'one connection with eight requests, finished' said '^cause=finished .* lines=8$'
until_true 'the client is in TIME_WAIT' connections 1 time-wait
show "$states"
assert 'netstat shows the usual end of a connection' equal "$(xargs <<<"$output")" '2 LISTEN 1 TIME_WAIT'
