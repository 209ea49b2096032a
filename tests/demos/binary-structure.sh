#!/usr/bin/env bash
# W08: the course's programs of slide 26 send structures as they lie in memory: right on one machine, wrong between two
# needs: cc strace netstat

# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

# Sends two numbers to the server, and asserts the sum.
sums() {
    show "echo '$2' | ./$1 127.0.0.1 9877"
    assert "$4" equal "$output" "$3"
}

# Shows the bytes of a request.
on_the_wire() {
    show "echo '$2' | strace -xx -o trace -e trace=write ./$1 127.0.0.1 9877; grep '(3' trace"
}

# True if the client and the server's only child sleep in a read of the socket, and no bytes are left.
both_wait() {
    ss -Htn state established "( sport = :$port or dport = :$port )" | awk '$1 + $2 > 0 { exit 1 }' &&
        [[ $(ps -o wchan:32= -p "${client[narrow]}" --ppid "$daemon" | xargs) =~ ^($in_read)\ ($in_read)$ ]]
}
in_read='wait_woken|sk_wait_data'

say 'Client and server are made for one machine.'
course server server_sum
course client client_sum
course_server
sums client '11 22' 33 'the sum'
sums client '-11 -44' -55 'the sum'
on_the_wire client '11 22'
assert 'the structure: 16 bytes, the lowest first' said '^write\(3, "\\x0b(\\x00){7}\\x16(\\x00){7}", 16\) += 16$'

say 'A client whose longs have 32 bits: it sends 8 bytes, where the server reads 16.'
course client32 client_sum -DLONG=int32_t
at_prompt narrow './client32 127.0.0.1 9877'
types narrow '11 22'
until_true 'both wait, and the server has read the 8 bytes' both_wait
show "ps -o s,wchan:16,args -p ${client[narrow]} --ppid $daemon"
assert 'both sleep in a read of the socket, for ever' equal "$(lines_said "^S +($in_read) ")" 2
show 'netstat -tn | grep ESTABLISHED | sort -rk 6'
assert 'no bytes are in transit in either direction' equal "$(lines_said '^tcp +0 +0 .*ESTABLISHED')" 2
show "kill -KILL ${client[narrow]}"
ends_daemon

say 'The other way round: a server whose longs have 32 bits.'
course server32 server_sum -DLONG=int32_t
course_server './server32 9877'
sums client '11 22' 94489280523 \
    'one request was two for the server, 11 + 0 and 22 + 0, and its two replies are one: 22 * 2^32 + 11'

say 'The machines of the book: longs of 32 bits, but the client stores the highest byte first.'
course client32 client_sum -DLONG=int32_t -DHIGHEST_FIRST
sums client32 '1 2' 3 'the sum, by luck: there is no carry'
sums client32 '-22 -77' -16777314 'the wrong sum of the book'
on_the_wire client32 '-22 -77'
assert 'the client sent ff ff ff ea, and the server took it for ea ff ff ff' \
    said '^write\(3, "\\xff\\xff\\xff\\xea\\xff\\xff\\xff\\xb3", 8\) += 8$'
ends_daemon

say "tcpechod's service names its format: 64 bits, the highest byte first. Only programs of a machine that stores"\
    'it in this way may send their memory.'
course client_big client_sum -DHIGHEST_FIRST
daemon '--service sum-xdr'
sums client_big '200 100' 300 'right by luck: this machine stores a long as the service wants it'
sums client '200 100' 44 'this machine does not: a wrong sum, without an error'
show "echo '200 100' | tcpecho --format xdr 127.0.0.1"
assert 'a client that writes the format itself is right on every machine' equal "$output" 300
