# shellcheck shell=bash
# The functions that the demonstrations share. You need none of them to repeat a demonstration by
# hand: the commands after "$ " are complete.
#
# Every wait is for a condition, with a limit; nothing sleeps for a fixed time. The scripts end only
# processes that they started, each by its id.

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
recorded=${DEMO_RECORD:+"$wall/traced "} # for the wall, runs a command under strace
# shellcheck source=../wall/story.sh
[ -z "$recorded" ] || . "$wall/story.sh"

# Bash reports killed processes here; shown only if the demonstration fails.
exec 2>"$work/shell.err"
trap finish EXIT

# Ends all started processes when the script exits, and keeps its exit status.
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

# Prints a remark between the commands.
say() {
    printf '\n'
    printf '# %s\n' "$@"
}

# Prints a command as a user would type it, runs it, and prints its output. Leaves that in $output,
# and the exit status in $status.
show() {
    printf '$ %s\n' "$1"
    output=$(cd "$work" && eval "$1" 2>&1)
    status=$?
    [ -z "$output" ] || printf '%s\n' "$output"
}

# Does the same, and also prints the exit status.
show_status() {
    show "$1"
    printf '$ echo $?\n%s\n' "$status"
}

# Starts a command in the background, with its output in $work/NAME.log and its process id in
# $started. The transcript has NAME in capitals for that id.
background() {
    local name=$1 command=$2
    printf '$ %s &\n' "$command"
    (alone && eval "exec ${recorded-}$command" >"$work/$name.log" 2>&1) &
    remember "$!" "${name^^}"
}

# Changes to $work, and closes the inherited descriptors of the clients' inputs: open copies here
# would keep a client from reading the end of its input.
alone() {
    local descriptor
    for descriptor in "${input[@]}"; do eval "exec $descriptor>&-"; done
    cd "$work" || exit
}

# Records a process to end on exit, and a placeholder for its id in the transcript.
remember() {
    started=$1
    pids+=("$started")
    call "$started" "${2:0:7}"
}

# Replaces a number that varies by a placeholder in the transcript.
call() {
    [ -z "${DEMO_NAMES-}" ] || printf '%s %s\n' "$1" "$2" >>"$DEMO_NAMES"
}

# Starts the daemon with these arguments and waits until it listens; sets $daemon to its process id.
# Outside a private network its port is not the default one.
daemon() {
    local options=${1-}
    [[ -z ${DEMO_PORT-} || $options == *--listen* ]] || options="-p $DEMO_PORT${options:+ $options}"
    background daemon "${traced:+$traced }tcpechod${options:+ $options}"
    # shellcheck disable=SC2034 # for the demonstrations
    daemon=$started
    until_true "the daemon listens" listening
}

# Compiles a program of the course with these macros: course NAME SOURCE [-DMACRO...].
course() {
    mkdir -p "$work/tests"
    ln -sfn "$COURSE" "$work/tests/course"
    show "cc -O1${3:+ ${*:3}} -o $1 tests/course/$2.c"
    [ "$status" -eq 0 ] || fail "$1 is compiled"
}

# Starts a server of the course; sets $daemon to its process id.
course_server() {
    background server "${traced:+$traced }${1:-./server 9877}"
    # shellcheck disable=SC2034 # for the demonstrations
    daemon=$started
    until_true 'the server listens' listens
}

listens() {
    [ -n "$(ss -Hltn "sport = :$port")" ]
}

# Opens the client's five connections, all in one process, so that they end together.
connect_five() {
    rm -f "$work/quiet"
    mkfifo "$work/quiet"
    background client "bash -c 'for i in 1 2 3 4 5; do exec {c[i]}<>/dev/tcp/127.0.0.1/9877; done; read -r line <>quiet'"
    # shellcheck disable=SC2034 # for the demonstrations
    client_process=$started
    until_true 'five connections are established' connections 10 established
}

# True if the daemon has exactly $1 children in state $2.
children() {
    [ "$(ps -o s= --ppid "$daemon" | awk -v state="$2" '$1 == state' | wc -l)" -eq "$1" ]
}

# True if the daemon has no child, in any state.
childless() {
    ! ps --ppid "$daemon" >/dev/null
}

# True once the daemon has logged that all its sockets listen.
listening() {
    grep -q 'listening on' "$work/daemon.log"
}

# Starts a client with a prompt: $1 is its name here, the rest its arguments. Its process id is
# ${client[NAME]}.
client() {
    at_prompt "$1" "${traced:+$traced }tcpecho ${*:2}"
}

# Does the same with any command.
at_prompt() {
    local name=$1 command=$2
    local descriptor
    printf '%s$ %s\n' "$name" "$command"
    mkfifo "$work/$name.in"
    (alone && eval "exec ${recorded-}$command" <"$work/$name.in" >"$work/$name.out" 2>&1) &
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

# Types Ctrl-D at a client's prompt.
ends_input() {
    printf '%s< (end of input)\n' "$1"
    eval "exec ${input[$1]}>&-"
    unset "input[$1]"
}

# Waits until a client has printed a line that contains $2, and prints that line.
shows() {
    until_true "$1 shows \"$2\"" grep -qF -- "$2" "$work/$1.out"
    printf '%s> %s\n' "$1" "$(grep -F -m 1 -- "$2" "$work/$1.out")"
}

# Waits until a client exits; sets $exit_status.
exits() {
    wait_for "$1" "${client[$1]}"
    printf '%s$ echo $?\n%s\n' "$1" "$exit_status"
}

# Waits until a process exits, with the limit; sets $exit_status.
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

# Repeats a command until it succeeds; after the limit the demonstration fails.
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

# Kills the running daemon or server without a line in the transcript: the next part starts its own.
ends_daemon() {
    kill -KILL "$daemon" 2>/dev/null
    wait_for 'the daemon' "$daemon"
    rm -f "$work/daemon.log"
}

# Prints a sentence as seen if the command succeeds; otherwise the demonstration fails.
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

# True if a line of the last output matches $1, an extended regular expression.
said() {
    grep -Eq -- "$1" <<<"$output"
}

# True if no line of it matches.
said_nothing_like() {
    ! said "$1"
}

# Prints the number of lines of it that match.
lines_said() {
    grep -Ec -- "$1" <<<"$output"
}

# The command that lists the connections of port 9877 in a stable order: by state, the daemon's end
# first.
# shellcheck disable=SC2034 # for the demonstrations
rows="netstat -atn | grep 9877 | sort -rk 6"

# The command that counts the sockets of port 9877 by state.
# shellcheck disable=SC2034 # for the demonstrations
states="netstat -atn | grep 9877 | awk '{print \$6}' | sort | uniq -c"

# True if exactly $1 sockets are in state $2: "2 established", "1 close-wait".
connections() {
    [ "$(ss -Htn state "$2" "( sport = :$port or dport = :$port )" | wc -l)" -eq "$1" ]
}

# True if a line of a log or output file in $work matches.
logged() {
    grep -Eq -- "$2" "$work/$1"
}

# True if exactly $1 lines match.
logged_times() {
    [ "$(grep -Ec -- "$3" "$work/$2")" -eq "$1" ]
}

# True if the last line of a log, output file or trace in $work matches.
last_line() {
    tail -n 1 "$work/$1" | grep -Eq -- "$2"
}

# True if the last call in a trace is an epoll_wait that has not returned.
waits() {
    last_line "$1" 'epoll_wait\([0-9]+, *$'
}

# True if a process sleeps in a function of the kernel whose name matches.
sleeps_in() {
    ps -o wchan:32= -p "$1" | grep -Eq -- "$2"
}

# True if the daemon is stopped (T, or t while it is traced).
stopped() {
    [[ $(ps -o s= -p "$daemon") == [Tt] ]]
}

# Requests the daemon's status (SIGUSR1); true if the last status line matches. The line of this
# request may come later, so call it in a loop (until_true).
status_says() {
    kill -USR1 "$daemon"
    grep -E ' status open=' "$work/daemon.log" | tail -n 1 | grep -Eq -- "$1"
}

# True if the daemon sleeps.
sleeps() {
    [ "$(ps -o s= -p "$daemon")" = S ]
}

# True if exactly $1 of the daemon's sockets hold unread bytes.
queued_bytes() {
    [ "$(ss -Htn state established "sport = :$port" | awk '$1 > 0' | wc -l)" -eq "$1" ]
}

# Starts a peer that writes for ever and never reads, and waits until nothing moves any more: the
# kernel's buffers are full in both directions, and the daemon has output pending.
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
