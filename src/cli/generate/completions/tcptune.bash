# Completion of tcptune for bash. What can stand at a place is asked of the command itself; here is only what is bash's affair.
_tcptune() {
    local cur words cword prefix value line at
    COMPREPLY=()
    if declare -F _get_comp_words_by_ref >/dev/null; then
        # `=` and `:` end a word for readline, but not for the command.
        _get_comp_words_by_ref -n =: cur words cword
    else
        cur=$2 words=("${COMP_WORDS[@]}") cword=$COMP_CWORD
    fi
    case ${words[1]-} in
    run | ab | doctor)
        # Behind `--` is another command, with completions of its own.
        for ((at = 2; at < COMP_CWORD; at++)); do
            if [[ ${COMP_WORDS[at]} == -- ]]; then
                if declare -F _command_offset >/dev/null; then
                    _command_offset $((at + 1))
                elif ((COMP_CWORD == at + 1)); then
                    mapfile -t COMPREPLY < <(compgen -c -- "$2")
                else
                    mapfile -t COMPREPLY < <(compgen -f -- "$2")
                fi
                return
            fi
        done
        ;;
    esac
    # In quotes the whole word is replaced, else only what follows the last `=` or `:`.
    case $cur in
    [\'\"]*) words[cword]=${cur:1} prefix= ;;
    *) prefix=${cur%"${cur##*[=:]}"} ;;
    esac
    while IFS= read -r line; do
        value=${line%%$'\t'*}
        COMPREPLY+=("${value#"$prefix"}")
    done < <("${words[0]}" complete "$cword" -- "${words[@]}" 2>/dev/null)
    if [[ ${COMPREPLY[0]-} == *[=/\(] ]]; then
        compopt -o nospace
    fi
}
complete -o nosort -F _tcptune tcptune
