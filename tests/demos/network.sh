# shellcheck shell=bash
# Three hosts for the demonstrations in which the server's host dies: the client's (this one,
# 192.0.2.1), a router, and the server's (198.51.100.1). Each is a network namespace.

server=198.51.100.1

# Shows and runs a command on another host.
on() {
    show "ip netns exec $1 $2"
}

hosts() {
    ip netns add router
    ip link add eth0 type veth peer name left netns router
    ip address add 192.0.2.1/24 dev eth0
    ip link set eth0 up
    ip -n router address add 192.0.2.254/24 dev left
    ip -n router link set left up
    ip route add 198.51.100.0/24 via 192.0.2.254
    ip netns exec router sysctl -qw net.ipv4.ip_forward=1
    ip netns add server
    ip -n router link add right type veth peer name eth0 netns server
    ip -n router address add 198.51.100.254/24 dev right
    ip -n router link set right up
    ip -n server address add $server/24 dev eth0
    ip -n server link set eth0 up
    ip -n server link set lo up
    ip -n server route add default via 198.51.100.254
}

# Starts the daemon on the server's host.
daemon_there() {
    background daemon "ip netns exec server tcpechod"
    # shellcheck disable=SC2034,SC2154 # of lib.sh
    daemon=$started
    until_true 'the daemon listens' listening
}
