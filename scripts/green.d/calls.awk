# Says of the functions that a program imports from glibc which of them can wait, and whether a green
# thread waits in them alone. Read by green --check, after these files:
#
#   coverage.txt coverage_waits.txt    the tables of scripts/coverage
#   standard input                     "= jackets", the names that libgreen.so exports; "= libc", those of glibc;
#                                      then for each object "= imports LABEL" and its undefined names
#
# The first object is the program, whose calls are all listed; of its libraries only what is not covered is.
# Follows pthreads(7), awk(1p).

BEGIN {
    split("readiness parks offload substitute slots locks native", order, " ")
    how["readiness"] = "until the descriptor is ready"
    how["parks"] = "in the scheduler alone"
    how["offload"] = "on a helper thread, if they must"
    how["substitute"] = "on a descriptor that stands for the event"
    how["slots"] = "in stdio, which reads and writes by libgreen"
    how["locks"] = "for a lock of libc"
    how["native"] = "never long, so nothing is done"
    needs_jacket = " readiness offload substitute parks partly "
    thread_name = "^(_*pthread_|sem_|thrd_|mtx_|cnd_|tss_)|^call_once$"
    thread_waits = "(lock|wait|once|_join|join_np|_sleep|_yield)$"
    never = "(un|try)[a-z]*(lock|wait|join_np)$|[gs]etclock$"
}

# ---- the tables ------------------------------------------------------------------------------

# One entry in one piece: names : state : [tests :] reason.
function finish(    parts, names, count, i, at, reason) {
    if (entry == "")
        return
    gsub(/[ \t]+/, " ", entry)
    count = split(entry, parts, / : ?/)
    at = entry_is_of_threads ? 3 : 4
    reason = parts[at]
    for (i = at + 1; i <= count; i++)
        reason = reason " : " parts[i]
    sub(/ $/, "", reason)
    count = split(parts[1], names, " ")
    for (i = 1; i <= count; i++)
        add(names[i], parts[2], reason)
    entry = ""
}

function add(glob, state, reason) {
    if (glob !~ /[*?\[]/) {
        state_of[glob] = state
        reason_of[glob] = reason
        return
    }
    gsub(/[.+$]/, "\\\\&", glob)
    gsub(/\*/, ".*", glob)
    gsub(/\?/, ".", glob)
    globs++
    pattern[globs] = "^" glob "$"
    glob_state[globs] = state
    glob_reason[globs] = reason
}

FILENAME != "-" {
    if (/^#/ || /^$/)
        next
    if (!/^[ \t]/)
        finish()
    if (/^\[/)
        in_heading = 1
    else if (!/^[ \t]/)
        in_heading = 0
    if (!in_heading) {
        entry = entry " " $0
        sub(/^ /, "", entry)
        entry_is_of_threads = (FILENAME ~ /coverage\.txt$/)
    }
    next
}

# ---- what is asked ---------------------------------------------------------------------------

# Sets state and reason of a function of glibc's; "" if it waits for nobody.
function look_up(name,    i) {
    state = reason = ""
    if (name ~ thread_name && name ~ thread_waits && name !~ never) {
        state = (name in jacket) ? "parks" : "unsupported"
        reason = "Not in this libgreen."
        return
    }
    if (name in state_of) {
        state = state_of[name]
        reason = reason_of[name]
    } else
        for (i = 1; i <= globs; i++)
            if (name ~ pattern[i]) {
                state = glob_state[i]
                reason = glob_reason[i]
                break
            }
    if (name ~ thread_name && state == "native")
        state = ""
    else if (index(needs_jacket, " " state " ") && !(name in jacket)) {
        state = "unsupported"
        reason = "Not in this libgreen."
    }
}

function wrap(first, rest, text,    words, count, i, line) {
    count = split(text, words, " ")
    line = first
    for (i = 1; i <= count; i++) {
        if (length(line) + length(words[i]) > 98 && line != first && line != rest) {
            sub(/ $/, "", line)
            print line
            line = rest
        }
        line = line words[i] " "
    }
    sub(/ $/, "", line)
    print line
}

# Of the program everything, of a library only what is not covered.
function report(    i, names) {
    if (label == "")
        return
    if (total == 0) {
        is_library = 1
        return
    }
    printf "  %s: %d imported calls can wait%s", label, total, bad ? "" : ", all covered"
    if (is_library) {
        for (i = 1; i <= bad; i++)
            names = names (i > 1 ? " " : "") bad_names[i]
        if (bad)
            wrap("; not covered, or in part: ", "    ", names)
        else
            print ""
        return
    }
    printf ". A green thread waits while others run:\n"
    for (i = 1; i in order; i++)
        if (order[i] in found)
            wrap("    " how[order[i]] ": ", "      ", found[order[i]])
    if (bad)
        print "  Not covered, or in part; while one waits, all threads do:"
    for (i = 1; i <= bad; i++)
        wrap("    ", "      ", bad_names[i] ": " bad_reason[i])
    is_library = 1
}

# Names with the same reason stand together.
function hold(name,    i) {
    for (i = 1; i <= bad && bad_reason[i] != reason; i++)
        ;
    if (i > bad) {
        bad = i
        bad_names[i] = ""
        bad_reason[i] = reason
    }
    bad_names[i] = bad_names[i] (bad_names[i] == "" ? "" : " ") name
}

/^= / {
    finish()
    if ($2 == "imports") {
        report()
        label = $3
        total = bad = 0
    }
    kind = $2
    next
}

kind == "jackets" { jacket[$1] }
kind == "libc" { libc[$1] }

kind == "imports" && ($1 in libc) {
    look_up($1)
    if (state == "")
        next
    total++
    if (state == "unsupported" || state == "partly")
        hold($1 (state == "partly" ? " (in part)" : ""))
    else if (!is_library)
        found[state] = found[state] (found[state] == "" ? "" : " ") $1
}

END { report() }
