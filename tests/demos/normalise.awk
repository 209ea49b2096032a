# Replaces what varies from run to run by words: process ids by the name of the process, ports
# that the kernel chose by PORT1, PORT2, … in the order in which they appear (as wide as they
# were, so that tables keep their shape), times by TIME.
#
# usage: awk -v names=FILE -f normalise.awk; FILE has lines "NUMBER WORD".

BEGIN {
    while ((getline line < names) > 0) {
        split(line, pair, " ")
        word[pair[1]] = pair[2]
    }
}

{
    gsub(/[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]T[0-9][0-9]:[0-9][0-9]:[0-9][0-9]Z/, "TIME")
    gsub(/[0-9][0-9]:[0-9][0-9]:[0-9][0-9]\.[0-9][0-9]*/, "TIME")
    gsub(/duration=[0-9][0-9.]*/, "duration=TIME")
    gsub(/rtt_us=[0-9]+/, "rtt_us=TIME")
    gsub(/0x[0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f]+/, "ADDRESS")
    gsub(/si_pid=[0-9]+/, "si_pid=PID")
    gsub(/si_uid=[0-9]+/, "si_uid=UID")
    gsub(/si_utime=[0-9]+, si_stime=[0-9]+/, "si_utime=TIME, si_stime=TIME")
    gsub(/timewait \([0-9.]+/, "timewait (TIME")
    if ($1 ~ /^tcp6?$/ && ($2 > 999 || $3 > 999)) {
        queues = sprintf("%-5s %7s %6s ", $1, many($2), many($3))
        sub(/^tcp6? +[0-9]+ +[0-9]+ /, queues)
    }
    gsub(/timer:\(on,[^)]*\)/, "timer:(on,TIME,COUNT)")
    gsub(/ [0-9]+\.[0-9] s /, " TIME s ")
    gsub(/:\[[0-9]+\]/, ":[INODE]")
    gsub(/anon_pipe_read/, "pipe_read     ") # as it was called before Linux 6.15
    sub(/[ \t]+$/, "")
    print numbers($0)
}

# What is in a queue, unless it is so little that it is always the same.
function many(bytes) {
    return bytes > 999 ? "MANY" : bytes
}

# The line with its numbers replaced, each as a whole.
function numbers(line,    result, number, before) {
    result = ""
    while (match(line, /[0-9]+/)) {
        before = substr(line, 1, RSTART - 1)
        number = substr(line, RSTART, RLENGTH)
        line = substr(line, RSTART + RLENGTH)
        result = result before
        if (number in word)
            result = result word[number]
        else if (before ~ /[:(]$/ && number + 0 >= 32768 && number + 0 <= 60999 && length(number) == 5)
            result = result port(number)
        else
            result = result number
    }
    return result line
}

function port(number) {
    if (!(number in ports))
        ports[number] = "PORT" ++count
    return ports[number]
}
