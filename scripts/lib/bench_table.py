"""The results of scripts/bench: rows with the values of each world, and how they are shown.

The result is a dictionary that goes into a JSON file as it is; scripts/plot and `scripts/bench --from`
read it again. Medians stand for a world, the spread is the distance between its smallest and largest
value in percent of the median, the gain says how many times better libgreen is than native.
"""

import re
import statistics

from bench_worlds import TITLES

# Row, what it is called, its group, and whether README.md has it.
ROWS = [
    (r"switch_(\d+)", "switch between {} threads (`sched_yield`)", "Switches and hand-overs", True),
    (r"sem_handoff", "hand-over by semaphore", "Switches and hand-overs", True),
    (r"cond_handoff", "hand-over by mutex and condition variable", "Switches and hand-overs", True),
    (r"pipe_handoff", "hand-over by a byte through a pipe", "Switches and hand-overs", True),
    (r"timed_cond", "hand-over by `pthread_cond_timedwait`, never late", "Switches and hand-overs", True),
    (r"timed_poll", "hand-over by a pipe, after `poll` with a limit", "Switches and hand-overs", False),
    (r"create_join", "create and join a thread", "Threads", True),
    (r"create_(\d+)", "create a thread that waits, one of {}", "Threads", True),
    (r"release_(\d+)", "release and join it, one of {}", "Threads", True),
    (r"create_(\d+)_again", "create, second round of {}", "Threads", True),
    (r"release_(\d+)_again", "release and join, second round of {}", "Threads", False),
    (r"sleepers_threads", "sleepers of 100 ms alive at once, 64 KiB stacks", "Threads", True),
    (r"sleepers_seconds", "the sleepers: create all, let them sleep, join them", "Threads", True),
    (r"sleepers_each", "the sleepers: the same, for each", "Threads", True),
    (r"mutex_free", "lock and unlock a free mutex", "Locks", True),
    (r"mutex_(\d+)", "{} threads on one mutex", "Locks", True),
    (r"mutex_(\d+)_held", "{} threads on one mutex, held over a `sched_yield`", "Locks", False),
    (r"broadcast", "wake one of 1,000 by broadcast", "Locks", True),
    (r"fair_compute", "two threads compute", "Fairness: threads that compute", True),
    (r"fair_ticks_(\d+)_beside_(\d+)_p50", "{} tickers of 10 ms beside {} that compute: late, median",
     "Fairness: threads that compute", False),
    (r"fair_ticks_(\d+)_beside_(\d+)_p99", "{} tickers of 10 ms beside {} that compute: late, 99th percentile",
     "Fairness: threads that compute", True),
    (r"fair_ticks_(\d+)_beside_(\d+)_longest", "{} tickers of 10 ms beside {} that compute: late, longest",
     "Fairness: threads that compute", False),
    (r"fair_share_(\w+)_p50", "wait for a turn beside a thread in `{}`: median",
     "Fairness: threads that compute", False),
    (r"fair_share_(\w+)_longest", "wait for a turn beside a thread in `{}`: longest",
     "Fairness: threads that compute", True),
    (r"ready_pipe", "byte through a pipe, ready", "Calls that need not wait", True),
    (r"ready_socketpair", "byte through a socketpair, ready", "Calls that need not wait", True),
    (r"cached_pread", "`pread` of a cached page", "Calls that need not wait", True),
    (r"ready_poll", "`poll`, ready", "Calls that need not wait", True),
    (r"echo_(\d+)_requests", "echo, {} connections", "Servers", True),
    (r"echo_(\d+)_p50", "echo, {} connections, median time to answer", "Servers", False),
    (r"echo_(\d+)_p99", "echo, {} connections, 99th percentile", "Servers", True),
    (r"echo_(\d+)_idle_(\d+)_requests", "echo, {} connections beside {} idle ones", "Servers", True),
    (r"echo_(\d+)_idle_(\d+)_p50", "echo, {} beside {} idle, median time to answer", "Servers", False),
    (r"echo_(\d+)_idle_(\d+)_p99", "echo, {} beside {} idle, 99th percentile", "Servers", True),
    (r"http_(\d+)_requests", "HTTP, 1 KiB, kept alive, {} connections (wrk)", "Servers", True),
    (r"http_(\d+)_p99", "HTTP, {} connections, 99th percentile", "Servers", True),
    (r"memory_read_64k_(\w+)", "a thread in `read`, 64 KiB stack: {}", "Memory of a waiting thread", False),
    (r"memory_read_(\w+)", "a thread in `read`: {}", "Memory of a waiting thread", False),
    (r"memory_sleep_(\w+)", "a sleeping thread: {}", "Memory of a waiting thread", False),
    (r"memory_echo_(\w+)", "a connection of the echo server: {}", "Memory of a waiting thread", False),
    (r"start_(\w+)", "start of a process (`{}`)", "Start of a process", True),
    (r"scale_switch_(\d+)", "switch, {} threads", "Scale: 64 KiB stacks", False),
    (r"scale_create_(\d+)", "create, {} threads", "Scale: 64 KiB stacks", False),
    (r"scale_release_(\d+)", "release and join, {} threads", "Scale: 64 KiB stacks", False),
    (r"scale_create_(\d+)_again", "create, second round, {} threads", "Scale: 64 KiB stacks", False),
    (r"scale_release_(\d+)_again", "release and join, second round, {} threads", "Scale: 64 KiB stacks", False),
    (r"scale_mutex_(\d+)", "mutex, {} threads", "Scale: 64 KiB stacks", False),
    (r"scale_mutex_(\d+)_held", "mutex held over `sched_yield`, {} threads", "Scale: 64 KiB stacks", False),
    (r"scale_timed_(\d+)", "timed wait, {} threads", "Scale: 64 KiB stacks", False),
    (r"instructions (.+)", "{}", "Instructions in user space, for one operation", False),
]
INSTRUCTIONS = "instr"                  # the unit of the last group
GROUPS = list(dict.fromkeys(group for _, _, group, _ in ROWS))
MORE_IS_BETTER = {"req/s", "op/s", "threads", "work/ms"}
NOT_COMPARED = {"sleepers_seconds"}     # of crowds of different sizes; instructions neither, see is_compared
WORDS = {"rss": "resident", "page_tables": "page tables", "kernel_stacks": "kernel stacks",
         "kernel_slabs": "other kernel memory (whole system)", "total": "together"}


def spoken(part):
    return f"{int(part):,}" if part.isdigit() else WORDS.get(part, part)


def described(name):
    """The title of a row, its group, and whether README.md has it."""
    for pattern, title, group, in_readme in ROWS:
        if match := re.fullmatch(pattern, name):
            return title.format(*map(spoken, match.groups())), group, in_readme or name.endswith("_total")
    raise KeyError(f"nothing in bench_table.py describes the row {name}")


def new_row(name, unit):
    title, group, in_readme = described(name)
    return {"name": name, "title": title, "group": group, "readme": in_readme, "unit": unit,
            "more_is_better": unit in MORE_IS_BETTER, "values": {}}


def median(row, world):
    values = row["values"].get(world)
    return statistics.median(values) if values else None


def spread(row, world):
    values = row["values"].get(world)
    if not values or len(values) < 2 or not median(row, world):
        return None
    return 100 * (max(values) - min(values)) / abs(median(row, world))


def is_compared(row):
    """What a native thread has the kernel do is not among the instructions in user space."""
    return row["name"] not in NOT_COMPARED and row["unit"] != INSTRUCTIONS


def gain(row):
    """How many times better libgreen is: more requests, or less of anything else."""
    native, green = median(row, "native"), median(row, "green")
    if not native or not green or native < 0 or green < 0 or not is_compared(row):
        return None
    return green / native if row["more_is_better"] else native / green


# ---- text ------------------------------------------------------------------------------------

def number(value):
    if value is None:
        return ""
    digits = 0 if abs(value) >= 100 or value == int(value) else 1 if abs(value) >= 10 else 2
    return f"{value:,.{digits}f}"


def percent(value):
    return "" if value is None else f"{value:.0f} %"


def ratio(value):
    return "" if value is None else f"{value:.2g} x" if value < 10 else f"{value:.0f} x"


def headings(worlds):
    line = ["what", "unit"]
    for world in worlds:
        line.append(TITLES[world])
        if world in ("native", "green"):
            line.append("spread")
    return line + ["libgreen is better by"]


def cells(row, worlds):
    line = [row["title"], row["unit"]]
    for world in worlds:
        line.append(number(median(row, world)))
        if world in ("native", "green"):
            line.append(percent(spread(row, world)))
    return line + [ratio(gain(row))]


def lines_of(table, markdown):
    if markdown:
        yield "| " + " | ".join(table[0]) + " |"
        yield "|" + "|".join(["---", "---"] + ["--:"] * (len(table[0]) - 2)) + "|"
        for line in table[1:]:
            yield "| " + " | ".join(line) + " |"
        return
    widths = [max(map(len, column)) for column in zip(*table)]
    for line in table:
        left = [cell.ljust(width) for cell, width in zip(line[:2], widths)]
        right = [cell.rjust(width) for cell, width in zip(line[2:], widths[2:])]
        yield "  ".join(left + right).rstrip()


def head(result, with_path):
    """What was measured, where and when."""
    library = result["library"]
    yield result["machine"]
    rounds = result["rounds"]
    yield f"{result['date']}; {f'{rounds} round' + 's' * (rounds != 1) if rounds else 'no times'}" \
          f"{', the last cut short' if result.get('cut_short') else ''}" \
          f"{', small counts (--quick)' if result.get('quick') else ''}; {result['cores']}; " \
          f"load before: {result['load']}"
    if library:
        yield f"library: {library['path'] if with_path else library['path'].rpartition('/')[2]}, " \
              f"{library['size']:,} bytes, sha256 {library['sha256']}"
    if "anchors" not in result:
        return
    yield "anchors: " + (", ".join(f"{TITLES[world]} ({version})" for world, version
                                   in result["anchors"].items()) or "none")


def notes(result):
    for world, reason in result["left_out"].items():
        yield f"left out: {TITLES.get(world, world)}: {reason}"
    for title, world, reason in result["skipped"]:
        yield f"left out: {title}, {TITLES[world]}: {reason}"
    for title, world, reason in result["failures"]:
        yield f"FAILED: {title}, {TITLES.get(world, world)}: {reason}"


def markers(name):
    """The comments between which a Markdown file has the tables of this program."""
    return f"<!-- {name}: begin -->", f"<!-- {name}: end -->"


def has_place(file, between):
    begin, end = between
    return end in file.read_text().partition(begin)[2]


def put_into(file, between, lines):
    begin, end = between
    before, _, rest = file.read_text().partition(begin)
    file.write_text("\n".join([before + begin, "", *lines, end + rest.partition(end)[2]]))


def used_worlds(rows):
    return [world for world in TITLES if any(row["values"].get(world) for row in rows)]


def origin(result, rows):
    """Where the numbers of these rows are from, if not from a clock or /proc."""
    if rows[0]["unit"] == INSTRUCTIONS:
        yield f"{result.get('instructions', 'Counted by the processor')}. What the kernel does is not counted, " \
              "and natively a switch is the kernel's."


def text(result):
    yield from head(result, with_path=True)
    worlds = used_worlds(result["rows"])
    for group in GROUPS:
        rows = [row for row in result["rows"] if row["group"] == group]
        if rows:
            yield ""
            yield from lines_of([[group, *headings(worlds)[1:]]] + [cells(row, worlds) for row in rows], False)
            yield from origin(result, rows)
    yield ""
    yield from notes(result)


def for_markdown(notes):
    return ["", *("- " + note.replace("<", "&lt;") for note in notes)] if notes else []


def markdown(result, for_readme):
    """With for_readme one table of the rows that README.md has, otherwise one for each group."""
    yield from (f"{line}  " for line in head(result, with_path=False))
    chosen = [row for row in result["rows"] if row["readme"] or not for_readme]
    for group in [None] if for_readme else GROUPS:
        rows = [row for row in chosen if group in (None, row["group"])]
        if not rows:
            continue
        worlds = used_worlds(rows)
        yield ""
        if group:
            yield f"### {group}"
            yield ""
            yield from (f"{line}\n" for line in origin(result, rows))
        yield from lines_of([headings(worlds)] + [cells(row, worlds) for row in rows], True)
    yield from for_markdown(list(notes(result)))
