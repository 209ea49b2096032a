#!/bin/sh
# xinetd's own echo: a process for each connection. Usage: xinetd.sh DIRECTORY PORT
set -eu

# Only the user is no default: xinetd demands one.
cat >"$1/xinetd.conf" <<EOF
service echo
{
    type = INTERNAL UNLISTED
    id = echo-stream
    socket_type = stream
    protocol = tcp
    user = root
    wait = no
    port = $2
}
EOF
# xinetd removes its file of the process id when it ends.
exec xinetd -dontfork -stayalive -f "$1/xinetd.conf" -pidfile "$1/pid" -filelog "$1/log"
