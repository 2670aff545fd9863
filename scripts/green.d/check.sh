# green --check CMD [ARG...]: says in plain words whether CMD will be green, and in which of the calls
# that it imports a green thread waits alone. Sourced by green, of which it uses the functions; it
# ends the launcher: status 0 if CMD will be green, 1 if not, 125 if that cannot be told.
#
# Needs od, awk, sed, tail, head, tr, sort: no compiler's tools, no Python. Nothing of CMD is
# executed; the libraries are listed by ld.so --list. The knowledge is that of scripts/coverage.
# Follows elf(5), ld.so(8), execve(2), capabilities(7).

# shellcheck disable=SC2154  # green sets library, program, loader, notes, reason, sum, part

# ---- ELF files -------------------------------------------------------------------------------

# dynamic_symbols FILE: where .dynsym and its strings are: offset, size, offset, size.
dynamic_symbols() {
    # shellcheck disable=SC2046
    set -- "$1" $(bytes_of "$1" 40 8) $(bytes_of "$1" 60 2)
    [ $# -eq 11 ] || return 1
    little_endian "${10}" "${11}"
    count=$sum
    little_endian "$2" "$3" "$4" "$5" "$6"
    # 64 bytes a section: type in word 1, offset in 6, size in 8, link in 10; type 11 is SHT_DYNSYM.
    od -A n -v -t u4 -j "$sum" -N $((count * 64)) -- "$1" 2>/dev/null | LC_ALL=C awk '
        { for (i = 1; i <= NF; i++) word[n++] = $i }
        END {
            for (s = 0; s < n; s += 16)
                if (word[s + 1] == 11) {
                    link = word[s + 10] * 16
                    print word[s + 6], word[s + 8], word[link + 6], word[link + 8]
                    exit
                }
        }'
}

# symbols FILE DEFINED: the names of the dynamic functions that FILE defines (1) or imports (0).
symbols() {
    # shellcheck disable=SC2046
    set -- "$1" "$2" $(dynamic_symbols "$1")
    [ $# -eq 6 ] || return 1
    # 24 bytes a symbol: name in word 0; in word 1 type, from bit 0, and section, from bit 16. Objects
    # (type 1) are left out. A name may be the end of another.
    {
        od -A n -v -t u4 -j "$3" -N "$4" -- "$1"
        echo names
        tail -c +$(($5 + 1)) -- "$1" | head -c "$6" | tr '\0' '\n'
    } | LC_ALL=C awk -v defined="$2" '
        reads_names {
            for (i = 0; i < length($0); i++)
                if ((at + i) in wanted)
                    print substr($0, i + 1)
            at += length($0) + 1
            next
        }
        $1 == "names" { reads_names = 1; at = 0; next }
        {
            for (i = 1; i <= NF; i++) {
                if (n % 6 == 0)
                    name = $i
                else if (n % 6 == 1 && $i % 16 != 1 && ($i >= 65536) == defined)
                    wanted[name]
                n++
            }
        }' | sort -u
}

# list_libraries FILE LOADER: sets $libraries to the paths, $missing to the names of those not found.
list_libraries() {
    listing=$(LC_ALL=C "$2" --list "$1" 2>/dev/null)
    missing=$(printf '%s\n' "$listing" | sed -n 's/^[[:blank:]]*\(.*\) => not found.*/\1/p')
    libraries=$(printf '%s\n' "$listing" | sed -n 's/^[[:blank:]]*.* => \(\/.*\) (0x[0-9a-f]*)$/\1/p')
}

# is_of_glibc PATH: it is a part of glibc.
is_of_glibc() {
    case ${1##*/} in
    libc.so.6 | libm.so.6 | libmvec.so.1 | libpthread.so.0 | libdl.so.2 | librt.so.1 | libutil.so.1 | \
        libresolv.so.2 | libanl.so.1 | libnss_* | ld-linux-x86-64.so.2) ;;
    *) return 1 ;;
    esac
}

# ---- what is said ----------------------------------------------------------------------------

note() {
    printf '  %s\n' "$1"
}

# imports_one_of NAMES: the program or a library of its own imports one of them.
imports_one_of() {
    printf '%s\n' "$imports" | grep -q -x -E -e "$1"
}

# notes_on: what is worth knowing beside the list of calls.
notes_on() {
    case $libraries in
    */libasan.so*) note "AddressSanitizer wants to be first: LD_PRELOAD=libasan.so.N green CMD" ;;
    esac
    if ! imports_one_of 'pthread_create|thrd_create'; then
        note 'Neither it nor a library of its imports pthread_create or thrd_create: without threads nothing changes.'
    fi
    ! imports_one_of 'dlopen|dlmopen' || note 'It may load more libraries (dlopen), which are not examined.'
    ! imports_one_of 'clone' || note 'Threads that it makes by clone(2) are kernel threads.'
    ! imports_one_of 'io_uring_.*' || note 'io_uring: who waits for its completions holds up all threads.'
    ! imports_one_of 'GOMP_parallel.*' ||
        note 'OpenMP waits by system calls of its own: its regions need --trap convert.'
}

# need_part NAME: sets $part.
need_part() {
    find_part "$1" || die 125 "$1 is not installed"
}

# imports_of FILE LIBRARY...: for each object that is not glibc's own, a head line and its imports.
imports_of() {
    for path in "$@"; do
        is_of_glibc "$path" && continue
        printf '= imports %s\n' "${path##*/}"
        symbols "$path" 0 || echo '?'
    done
}

# calls FILE: the list of what waits, by calls.awk.
calls() {
    # shellcheck disable=SC2086  # a library's path with a space would be taken for two
    all=$(imports_of "$1" $libraries)
    imports=$(printf '%s\n' "$all" | grep -v '^= ')
    {
        echo '= jackets'
        symbols "$library" 1
        echo '= libc'
        for path in $libraries; do
            ! is_of_glibc "$path" || symbols "$path" 1
        done
        printf '%s\n' "$all"
    } | LC_ALL=C awk -f "$calls_awk" "$threads_table" "$waits_table" -
    if printf '%s\n' "$imports" | grep -q -x '?'; then
        note 'Not all imports could be read: a file has no table of sections, or may not be read.'
    fi
}

# natively FILE WHY: the verdict.
natively() {
    printf '%s: will run natively: it %s\n' "$1" "$2"
}

# origin FILE: which compiler made it, where that says why it is static.
origin() {
    case $notes in
    *' 4 0 0 0 71 111 0 0 '*) echo ' (a Go program)' ;;
    *)
        if LC_ALL=C grep -a -q -E '/rustc/[0-9a-f]{40}/|rustc version [0-9]' -- "$1" 2>/dev/null; then
            echo ' (a Rust program)'
        fi
        ;;
    esac
}

# ---- one program after the other -------------------------------------------------------------

# next_program WORD...: sets $skip to how many words stand in front of the first that is a program.
next_program() {
    skip=0
    for word in "$@"; do
        case $word in
        -* | *=*) ;;
        *) ! look_for "$word" || return 0 ;;
        esac
        skip=$((skip + 1))
    done
    return 1
}

# last_exec SCRIPT: the command of the last line `exec CMD` of a shell script, without quotes.
last_exec() {
    LC_ALL=C sed -n 's/^[[:blank:]]*exec[[:blank:]][[:blank:]]*//p' -- "$1" 2>/dev/null |
        grep -v '^[0-9]*[<>]' | tail -n 1 | sed 's/^-a [^ ]* //;s/["'\'']//g;s/[;&|].*//'
}

# examine CMD WORD...: says of CMD, and of what it starts, where that can be seen. Its status is the
# verdict on the last.
examine() {
    command=$1
    shift
    if ! look_for "$command"; then
        printf '%s: not found\n' "$command"
        return 1
    fi
    follow "$program"
    for script in $scripts; do
        printf '%s: is a script for %s\n' "$script" "$(first_line "$script")"
    done
    if [ ! -r "$elf" ]; then
        [ -e "$elf" ] || die 126 "$elf: this interpreter does not exist"
        die 125 "$elf: may not be read, so that nothing can be said"
    fi
    obstacle "$elf"
    if [ -z "$is_elf" ]; then
        printf '%s: is neither an ELF file nor a script with #!: the shell reads it\n' "$elf"
        look_for sh || return 1
        obstacle "$program"
        elf=$program
    fi
    if [ -n "$reason" ]; then
        case $reason in
        'is statically linked') natively "$elf" "$reason$(origin "$elf")" ;;
        'is a Go program') natively "$elf" "$reason: Go waits by system calls of its own" ;;
        is\ set?id | *capabilities) natively "$elf" "$reason, and ld.so(8) preloads nothing then" ;;
        *) natively "$elf" "$reason" ;;
        esac
        case ${elf##*/} in
        sudo | su | doas | pkexec | runuser) note "Write: ${elf##*/} ... green CMD" ;;
        esac
        return 1
    fi
    started "$@"
}

# started_by_shell SCRIPT: what it becomes, if its last exec names that, else the shell itself.
started_by_shell() {
    line=$(last_exec "$1")
    case ${line%%[[:blank:]]*} in
    '' | *[\$\`\~\*\(]*) ;;
    *)
        set -f
        # shellcheck disable=SC2086
        set -- "$1" ${line%%\$*}
        set +f
        if [ "$depth" -lt 5 ] && look_for "$2"; then
            printf '%s: is a wrapper: its last exec starts %s\n' "$1" "$2"
            shift
            wrapper "$@"
            return
        fi
        ;;
    esac
    [ -z "$line" ] || printf '%s: is a wrapper: examine what it becomes by: exec %s\n' "$1" "$line"
    verdict "$elf"
    status=$?
    note 'Programs that the script starts inherit libgreen; examine them one by one.'
    return "$status"
}

# started WORD...: what an ELF file without an obstacle ($elf) starts, if it is there for that only.
started() {
    if [ -n "$scripts" ]; then
        case ${elf##*/} in
        sh | bash | dash | ksh* | zsh | mksh)
            started_by_shell "${scripts##* }"
            return
            ;;
        esac
    fi
    case ${elf##*/} in
    env | nice | nohup | setsid | timeout | stdbuf | taskset | ionice | chrt | time | xargs | setpriv | prlimit | \
        numactl | unshare | nsenter | chroot | flock | strace | ltrace | gdb | valgrind | perf | start-stop-daemon)
        if [ "${elf##*/}" = env ]; then
            case " $* " in
            ' -i '* | ' - '* | ' --ignore-environment '*)
                natively "${elf##*/} $*" 'takes LD_PRELOAD away; write: env -i green CMD'
                return 1
                ;;
            esac
        fi
        if next_program "$@"; then
            shift "$skip"
            printf '%s: is a wrapper: it starts %s\n' "$elf" "$1"
            wrapper "$@"
            return
        fi
        ;;
    esac
    verdict "$elf"
}

# wrapper CMD WORD...: the verdict on what a wrapper starts, which inherits the environment.
wrapper() {
    case ${GREEN_CHILDREN:-on} in
    off | 0)
        natively "$1" 'has GREEN_CHILDREN=off, and is not the first'
        return 1
        ;;
    esac
    depth=$((depth + 1))
    examine "$@"
}

# verdict FILE: the last word, on an ELF file without an obstacle.
verdict() {
    list_libraries "$1" "$loader"
    version=$(getconf GNU_LIBC_VERSION)
    case $version in
    'glibc 2.'[0-9] | 'glibc 2.'[0-2][0-9] | 'glibc 2.3'[0-3])
        natively "$1" "runs on $version, and libgreen needs 2.34"
        return 1
        ;;
    esac
    if [ -n "$missing" ]; then
        printf '%s: does not start at all: not found: %s\n' "$1" "$(echo "$missing" | tr '\n' ' ')"
        return 1
    fi
    case ${GREEN_DISABLE:-0} in
    0) ;;
    *)
        natively "$1" 'has GREEN_DISABLE set'
        return 1
        ;;
    esac
    case $libraries in
    */libtsan.so*)
        printf '%s: does not work with libgreen: it is built with ThreadSanitizer\n' "$1"
        return 1
        ;;
    esac
    printf '%s: will be green: dynamically linked, x86-64, %s\n' "$1" "$version"
    if [ "$(id -u)" = 0 ] && has_capabilities "$1"; then
        note 'It has file capabilities: for users other than root it will run natively.'
    fi
    calls "$1"
    notes_on
}

need_part coverage.txt
threads_table=$part
need_part coverage_waits.txt
waits_table=$part
need_part calls.awk
calls_awk=$part

depth=0
examine "$@"
exit
