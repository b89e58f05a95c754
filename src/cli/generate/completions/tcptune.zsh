#compdef tcptune
# Completion of tcptune for zsh. What can stand at a place is asked of the command itself; here is only what is zsh's affair.
_tcptune() {
    local -a found plain open
    local line value help entry
    integer at
    if [[ ${words[2]} == (run|ab|doctor) ]]; then
        # Behind `--` is another command, with completions of its own.
        at=${words[(i)--]}
        if (( at < CURRENT )); then
            shift $at words
            (( CURRENT -= at ))
            _normal
            return
        fi
    fi
    found=("${(@f)$(${(Q)words[1]} complete $((CURRENT - 1)) -- "${(@Q)words[1,CURRENT-1]}" "${(Q)PREFIX}" 2>/dev/null)}")
    for line in $found; do
        value=${line%%$'\t'*}
        help=${line#*$'\t'}
        entry=${value//:/\\:}
        [[ -z $help ]] || entry+=":$help"
        if [[ $value == *[=/\(] ]]; then
            open+=("$entry")
        else
            plain+=("$entry")
        fi
    done
    [[ -z $plain ]] || _describe -V tcptune plain
    [[ -z $open ]] || _describe -V tcptune open -S ''
}
if [[ $funcstack[1] == _tcptune ]]; then
    _tcptune "$@"
else
    compdef _tcptune tcptune
fi
