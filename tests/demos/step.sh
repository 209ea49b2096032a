#!/usr/bin/env bash
# Shows a demonstration step by step: a command, the question of the page about it, your prediction,
# the output, and the reason. tests/demos/run calls it, with STEP=1.
#
#   one NAME | tests/demos/step.sh PAGE 3<answers
#
# A question of a page is a paragraph "**1.** `TEXT`: ...?" and a list of choices, "- a: ...". It is
# asked after the first line that contains TEXT, counted from the question before. The paragraph
# "**1: a.** ..." has its answer. After the end of the answers, the rest is shown at once.
set -u

place=() question=() choices=() letter=() reason=() # by the number of a question
asked=                                              # the number of the question without its reason yet
given=
right=0

main() {
    local line blank='' next=1
    read_page "$1"
    # The first line has the facts that the demonstration checks: answers.
    IFS= read -r line
    [[ $line != '# S'* ]] || line=${line%%: *}
    printf '%s\n' "$line"
    while IFS= read -r line; do
        if [ -n "$blank" ]; then
            # A remark begins a step; a blank line can also be output.
            [[ $line != '# '* ]] || step_ends
            echo
        fi
        blank=
        [ -n "$line" ] || { blank=1 && continue; }
        if [[ -n ${place[next]-} && $line == *"${place[next]}"* ]]; then
            [ -z "$asked" ] || step_ends
            printf '%s\n' "$line"
            ask "$next"
            next=$((next + 1))
        else
            printf '%s\n' "$line"
        fi
    done
    explain
    [ "$next" -eq 1 ] || printf '\n%s of %s predictions were right.\n' "$right" $((next - 1))
}

# Reads the questions, choices and answers of a page, without its marks for bold and code.
read_page() {
    local line number=0 part=
    while IFS= read -r line; do
        if [[ $line =~ ^\*\*([1-9])\.\*\*\ \`([^\`]*)\`: ]]; then
            part=question number=${BASH_REMATCH[1]} place[BASH_REMATCH[1]]=${BASH_REMATCH[2]}
        elif [[ $line =~ ^\*\*([1-9]):\ ([a-d])\.\*\* ]]; then
            part=reason number=${BASH_REMATCH[1]} letter[BASH_REMATCH[1]]=${BASH_REMATCH[2]}
        elif [[ $line =~ ^-\ [a-d]:\  ]]; then
            part=choices
        elif [ -z "$line" ]; then
            part=
        fi
        line=${line//\*\*/}
        line=${line//\`/}
        case $part in
        question) question[number]+="$line " ;;
        choices) choices[number]+="$line"$'\n' ;;
        reason) reason[number]+="$line " ;;
        esac
    done <"$1"
}

# Asks until the answer is one of the choices, or the answers end.
ask() {
    local letters
    letters=$(sed -n 's/^- \([a-d]\): .*/\1/p' <<<"${choices[$1]}" | xargs)
    asked=$1
    given=
    printf '\n%s\n\n%s\n\n' "$(wrapped "${question[$1]}")" "${choices[$1]%$'\n'}"
    until [[ -n $given && " $letters " == *" $given "* ]]; do
        printf 'Your prediction (%s): ' "$letters"
        read -r given <&3 || { echo && return; }
    done
    echo
}

# Gives the reason for the output, and waits for Enter.
step_ends() {
    explain
    printf '\n(Enter) '
    read -r <&3 || echo
}

explain() {
    [ -n "$asked" ] || return 0
    local verdict="You said $given. "
    if [ "$given" = "${letter[$asked]}" ]; then
        verdict='Right. '
        right=$((right + 1))
    elif [ -z "$given" ]; then
        verdict=
    fi
    printf '\n%s\n' "$(wrapped "$verdict${reason[$asked]}")"
    asked=
}

wrapped() {
    fold -s -w 100 <<<"${1% }"
}

main "$@"
