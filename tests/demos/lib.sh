# shellcheck shell=bash
# What the demonstrations share. A person who repeats one by hand needs nothing of this: the
# commands after "$ " are all there is.
#
# Every wait is for a condition, with a limit; nothing sleeps for a fixed time. Only processes
# that were started here are ended, each by its id.

set -u

limit=${DEMO_LIMIT:-20} # seconds that a condition may take
port=9877
work=$(mktemp -d)
pids=()
declare -A client input # by the name of a client: its process id, and where it is typed at
output=
status=0
exit_status=
started=

# Where bash tells of whoever was killed; shown only if the demonstration fails.
exec 2>"$work/shell.err"
trap finish EXIT

# Ends what was started, and is the demonstration's own end: its status is that of the script.
finish() {
    local ended=$?
    local pid
    [ "$ended" -eq 0 ] || sort -u "$work/shell.err" | head -n 5 | sed 's/^/    shell: /'
    for pid in "${pids[@]}"; do
        kill -KILL "$pid" 2>/dev/null
        kill -CONT "$pid" 2>/dev/null
    done
    wait
    rm -rf "$work"
    exit "$ended"
}

# A remark between the commands.
say() {
    printf '\n'
    printf '# %s\n' "$@"
}

# Shows a command as it would be typed, runs it, and shows what it says. Leaves that in $output,
# and its exit status in $status.
show() {
    printf '$ %s\n' "$1"
    output=$(cd "$work" && eval "$1" 2>&1)
    status=$?
    [ -z "$output" ] || printf '%s\n' "$output"
}

# The same, for a command whose exit status is the point.
show_status() {
    show "$1"
    printf '$ echo $?\n%s\n' "$status"
}

# Starts a command in the background, its output in $work/NAME.log; $! is its process id.
# The process id stands in the transcript as NAME in capitals.
background() {
    local name=$1 command=$2
    printf '$ %s &\n' "$command"
    (alone && eval "exec $command" >"$work/$name.log" 2>&1) &
    remember "$!" "${name^^}"
}

# In $work, and without the descriptors of the clients' inputs, which would stay open here.
alone() {
    local descriptor
    for descriptor in "${input[@]}"; do eval "exec $descriptor>&-"; done
    cd "$work" || exit
}

# Notes a process to be ended, and a word for its id in the transcript.
remember() {
    started=$1
    pids+=("$started")
    call "$started" "${2:0:7}"
}

# Has the transcript say a word where this number stands, because the number varies.
call() {
    [ -z "${DEMO_NAMES-}" ] || printf '%s %s\n' "$1" "$2" >>"$DEMO_NAMES"
}

# The daemon, ready: listening. The arguments are its own; $daemon is its process id.
daemon() {
    background daemon "${traced:+$traced }tcpechod${1:+ $1}"
    # shellcheck disable=SC2034 # for the demonstrations
    daemon=$started
    until_true "the daemon listens" listening
}

# It says so when all its sockets listen.
listening() {
    grep -q 'listening on' "$work/daemon.log"
}

# A client that is typed at: $1 is its name here, $2 its arguments. Its process id is ${client[NAME]}.
client() {
    local name=$1 command="${traced:+$traced }tcpecho $2"
    local descriptor
    printf '%s$ %s\n' "$name" "$command"
    mkfifo "$work/$name.in"
    (alone && eval "exec $command" <"$work/$name.in" >"$work/$name.out" 2>&1) &
    client[$name]=$!
    remember "$!" "${name^^}"
    exec {descriptor}>"$work/$name.in"
    input[$name]=$descriptor
}

# Types a line at a client's prompt.
types() {
    printf '%s< %s\n' "$1" "$2"
    printf '%s\n' "$2" >&"${input[$1]}"
}

# Ctrl-D at a client's prompt.
ends_input() {
    printf '%s< (end of input)\n' "$1"
    eval "exec ${input[$1]}>&-"
    unset "input[$1]"
}

# Waits until a client has shown a line that contains this, and shows the line.
shows() {
    until_true "$1 shows \"$2\"" grep -qF -- "$2" "$work/$1.out"
    grep -F -m 1 -- "$2" "$work/$1.out" | sed "s/^/$1> /"
}

# Waits for a client's end; its exit status is in $exit_status.
exits() {
    wait_for "$1" "${client[$1]}"
    printf '%s$ echo $?\n%s\n' "$1" "$exit_status"
}

# Waits for the end of a process, with the limit; its exit status is in $exit_status.
wait_for() {
    until_true "$1 ends" gone "$2"
    wait "$2" 2>/dev/null
    exit_status=$?
}

gone() {
    local state
    state=$(ps -o s= -p "$1")
    [ -z "$state" ] || [ "$state" = Z ]
}

# Waits until a command is successful; after the limit the demonstration has failed.
until_true() {
    local what=$1 deadline=$((SECONDS + limit))
    shift
    until "$@"; do
        [ $? -ne 127 ] || fail "$what: no command $1"
        if [ "$SECONDS" -ge "$deadline" ]; then
            fail "$what (waited $limit s for it)"
        fi
        read -r -t 0.02 <> <(:)
    done
}

# Stops the daemon that runs, without a word: the next one is another story.
ends_daemon() {
    kill -KILL "$daemon" 2>/dev/null
    wait_for 'the daemon' "$daemon"
    rm "$work/daemon.log"
}

# What this demonstration is about: seen, if the command is successful.
assert() {
    local sentence=$1
    shift
    "$@" || fail "$sentence"
    printf 'seen: %s\n' "$sentence"
}

fail() {
    printf 'NOT SEEN: %s\n' "$1"
    local log
    for log in "$work"/*.log "$work"/*.out; do
        [ ! -s "$log" ] || sed "s/^/    ${log##*/}: /" "$log" | tail -n 8
    done
    exit 1
}

# Conditions.

equal() {
    [ "$1" = "$2" ] || { printf '    %s\n' "expected: $2" "found:    $1"; return 1; }
}

# True if what the last command said has a line like this (an extended regular expression).
said() {
    grep -Eq -- "$1" <<<"$output"
}

# True if it has none.
said_nothing_like() {
    ! said "$1"
}

# How many lines like this it has.
lines_said() {
    grep -Ec -- "$1" <<<"$output"
}

# The connections of port 9877 as netstat shows them, in an order that does not change: by state,
# the daemon's end first.
# shellcheck disable=SC2034 # for the demonstrations
rows="netstat -atn | grep 9877 | sort -rk 6"

# How many sockets of port 9877 are in which state.
# shellcheck disable=SC2034 # for the demonstrations
states="netstat -atn | grep 9877 | awk '{print \$6}' | sort | uniq -c"

# True if as many connections as that are in this state: "2 established", "1 close-wait".
connections() {
    [ "$(ss -Htn state "$2" "( sport = :$port or dport = :$port )" | wc -l)" -eq "$1" ]
}

# True if a log or an output in $work has a line like this.
logged() {
    grep -Eq -- "$2" "$work/$1"
}

# True if there are that many of them.
logged_times() {
    [ "$(grep -Ec -- "$3" "$work/$2")" -eq "$1" ]
}

# True if the last call in a trace is one of epoll_wait that has not returned.
waits() {
    tail -n 1 "$work/$1" | grep -Eq 'epoll_wait\([0-9]+, *$'
}

# True if the daemon is stopped (T, or t while it is traced).
stopped() {
    [[ $(ps -o s= -p "$daemon") == [Tt] ]]
}

# Asks the daemon for its status, and is true if that is like this. Loops of it are fine.
status_says() {
    kill -USR1 "$daemon"
    grep -E ' status open=' "$work/daemon.log" | tail -n 1 | grep -Eq -- "$1"
}

# True if the daemon sleeps.
sleeps() {
    [ "$(ps -o s= -p "$daemon")" = S ]
}

# True if so many of the daemon's ends hold bytes that nobody has read.
queued_bytes() {
    [ "$(ss -Htn state established "sport = :$port" | awk '$1 > 0' | wc -l)" -eq "$1" ]
}

# Starts a peer that writes for ever and never reads, and waits until nothing moves any more: the
# kernel holds all it takes in both directions, and an echo is owed that it does not take.
never_reads() {
    background "$1" "bash -c 'exec 9<>/dev/tcp/127.0.0.1/9877; exec yes >&9'"
    queues_before=
    unmoved=0
    until_true 'all queues are full' full
}

full() {
    local queues
    queues=$(ss -Htn state established "( sport = :$port or dport = :$port )" | awk '{print $1, $2}' | xargs)
    if [ "$queues" = "$queues_before" ] && [ -n "$queues" ] && [[ " $queues " != *" 0 "* ]]; then
        unmoved=$((unmoved + 1))
    else
        unmoved=0
    fi
    queues_before=$queues
    [ "$unmoved" -ge 10 ]
}
