# Completion of green(1) for bash: options and their words, then the command as bash completes it alone.
# Sourced by bash, or installed as share/bash-completion/completions/green.
# scripts/tests/launcher_options compares with shim/src/options.rs. Follows bash(1), Programmable Completion.

_green_words() {
    mapfile -t COMPREPLY < <(compgen -W "$1" -- "$2")
}

# The command begins at word $1: as if it had been typed alone, where bash-completion can do that.
_green_command() {
    if declare -F _command_offset >/dev/null; then
        _command_offset "$1"
    elif [ "$1" -eq "$COMP_CWORD" ]; then
        mapfile -t COMPREPLY < <(compgen -c -f -- "${COMP_WORDS[COMP_CWORD]}" | sort -u)
    else
        mapfile -t COMPREPLY < <(compgen -f -- "${COMP_WORDS[COMP_CWORD]}")
    fi
}

# The sub-commands: programs named green-NAME beside green.
_green_subcommands() {
    local launcher file
    launcher=$(type -P -- "${COMP_WORDS[0]}") && launcher=$(readlink -f -- "$launcher") || return 0
    for file in "${launcher%/*}"/green-*; do
        [ ! -x "$file" ] || printf '%s\n' "${file##*/green-}"
    done
}

# The options of a sub-command, then processes or files. $1: the sub-command, $2: the current word.
_green_of_subcommand() {
    case $1,$2 in
    dump,-*) _green_words '--each --all-frames --help' "$2" ;;
    top,-*) _green_words '-d -n --once --prometheus --help' "$2" ;;
    trace,-*) _green_words '-o --threads --help' "$2" ;;
    where,-*) _green_words '--help' "$2" ;;
    dump,* | top,*) mapfile -t COMPREPLY < <(cd /proc && compgen -G "$2*" | grep -x '[0-9]*') ;;
    *) mapfile -t COMPREPLY < <(compgen -f -- "$2") ;;
    esac
}

_green() {
    local flags="--disable --seed --chaos --children --stack-size --helpers --waiting-helpers --slice-ms
        --deadlock --fsgsbase --verbose --stats --stats-signal --dump --pinned --pinned-ms --trap --trace --trace-mb --check --help --version"
    local index word flag current=${COMP_WORDS[COMP_CWORD]}
    COMPREPLY=()

    # Over the options in front. Bash makes three words of --seed=7.
    for ((index = 1; index < COMP_CWORD; index++)); do
        word=${COMP_WORDS[index]}
        case $word in
        --)
            _green_command $((index + 1))
            return
            ;;
        --seed | --chaos | --children | --stack-size | --helpers | --waiting-helpers | --slice-ms | --deadlock | \
            --fsgsbase | --stats | --stats-signal | --dump | --pinned-ms | --trap | --trace | --trace-mb)
            flag=$word
            index=$((index + 1))
            if [ "${COMP_WORDS[index]}" = = ] && [ "$index" -lt "$COMP_CWORD" ]; then
                index=$((index + 1))
            fi
            if [ "$index" -ge "$COMP_CWORD" ]; then
                _green_value "$flag" "${current#=}"
                return
            fi
            ;;
        --*) ;;
        dump | top | trace | where)
            if [ "$index" -eq 1 ] && _green_subcommands | grep -q -x -- "$word"; then
                _green_of_subcommand "$word" "$current"
            else
                _green_command "$index"
            fi
            return
            ;;
        *)
            _green_command "$index"
            return
            ;;
        esac
    done

    case $current in
    -*) _green_words "$flags" "$current" ;;
    *)
        _green_command "$COMP_CWORD"
        if [ "$COMP_CWORD" -eq 1 ]; then
            mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -W "$(_green_subcommands)" -- "$current")
        fi
        ;;
    esac
}

# The values of an option that takes words; a number is the user's.
_green_value() {
    case $1 in
    --children) _green_words 'on off' "$2" ;;
    --deadlock) _green_words 'report abort off' "$2" ;;
    --fsgsbase) _green_words '0 1' "$2" ;;
    --stats) _green_words 'exit live off' "$2" ;;
    --stats-signal) _green_words 'HUP QUIT USR1 USR2 WINCH' "$2" ;;
    --dump) _green_words 'quit off' "$2" ;;
    --trap) _green_words 'report convert' "$2" ;;
    --trace) mapfile -t COMPREPLY < <(compgen -f -- "$2") ;;
    esac
}

complete -F _green green
