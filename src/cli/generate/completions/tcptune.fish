# Completion of tcptune for fish. What can stand at a place is asked of the command itself; here is only what is fish's affair.
function __tcptune_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    if contains -- "$words[2]" run ab doctor
        # Behind `--` is another command, with completions of its own.
        set -l at (contains -i -- -- $words)
        if test -n "$at"
            set -l rest
            if test $at -lt (count $words)
                set rest (string escape -- $words[(math $at + 1)..-1])
            end
            complete -C (string join ' ' -- $rest $current | string collect)
            return
        end
    end
    $words[1] complete (count $words) -- $words "$current" 2>/dev/null
end
complete -c tcptune -f -k -a '(__tcptune_complete)'
