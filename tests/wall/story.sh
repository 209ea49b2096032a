# shellcheck shell=bash
# Writes the time, in seconds since 1970, before each line that a demonstration prints: the shell
# knows it before the action that follows.

printf() {
    # shellcheck disable=SC2059 # as it was called
    if [ ! /dev/stdout -ef "$DEMO_RECORD/story" ]; then
        builtin printf "$@"
        return
    fi
    local text line
    # shellcheck disable=SC2059 # likewise
    builtin printf -v text "$@"
    while IFS= read -r line; do
        builtin printf '%s %s\n' "$EPOCHREALTIME" "$line"
    done <<<"${text%$'\n'}"
}
