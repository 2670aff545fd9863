"""What scripts/strace-compare found, as tables and lines of text.

A Report is what was found about one run. rows() and the other words here serve the HTML as well
(strace_html.py).
"""

import textwrap
from collections import Counter
from dataclasses import dataclass

import footprint as footprints
import timeline

COLUMNS = 56        # of a time line
CALLS = 14          # lines in the table of calls per request


@dataclass
class Report:
    """One run, measured and judged."""
    name: str                          # native, libgreen
    footprint: footprints.Footprint
    verdict: footprints.Verdict
    line: timeline.Timeline
    drive: object = None               # traced_run.Drive, of a server
    cost: timeline.Cost | None = None
    said: list = ()                    # lines of libgreen's own

    def phases(self):
        """Of a server: seconds at which the driver began and at which SIGTERM was sent."""
        return self.drive and (self.drive.begin - self.line.origin, self.drive.end - self.line.origin)


# ---- words -----------------------------------------------------------------------------------

def printable(text):
    """Text from the traced program, with nothing in it that a terminal or a browser would obey."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def many(count, noun):
    return f"{count} {noun}{'s' * (count != 1)}"


def span_of(seconds):
    """Of a thread, or from the shortest to the longest of several threads."""
    low, high = f"{min(seconds):.3f}", f"{max(seconds):.3f}"
    return f"{high} s" if low == high else f"{low} to {high} s"


def shown_counts(counts, limit):
    shown = [f"{name} {count}" for name, count in counts.most_common(limit)]
    return ", ".join(shown) + (", ..." if len(counts) > limit else "")


def shown_blocking(result, chosen):
    """How often, in how many threads, and for how long together."""
    calls = sum(count for name, count in result.total("blocked").items() if chosen(name))
    seconds = sum(spent for name, spent in result.total("seconds").items() if chosen(name))
    threads = sum(1 for thread in result.threads.values() if any(map(chosen, thread.blocked)))
    return f"{many(calls, 'call')} in {many(threads, 'thread')}, {seconds:.3f} s" if calls else "-"


def is_futex(name):
    return name in footprints.FUTEX


def rows(report):
    """Pairs of what was measured and the result."""
    result = report.footprint
    calls, blocked = result.total("calls"), result.total("blocked")
    waits = Counter({name: count for name, count in blocked.items() if not is_futex(name)})
    return [
        ("threading model", report.verdict.model),
        ("kernel threads created", result.created),
        ("alive at once, at most", result.max_alive),
        ("stacks without kernel thread", result.spare_stacks),
        ("system calls", sum(calls.values())),
        ("  clone + clone3", calls["clone"] + calls["clone3"]),
        ("  futex", calls["futex"]),
        ("  epoll_wait", calls["epoll_wait"]),
        ("  epoll_ctl", calls["epoll_ctl"]),
        ("blocked in futex", shown_blocking(result, is_futex)),
        ("blocked elsewhere", shown_blocking(result, lambda name: not is_futex(name))),
        ("  most often in", shown_counts(waits, 3) or "-"),
        ("other processes", result.other_processes),
        ("ended", result.status),
        ("start, driven, stop", shown_phases(report)),
    ]


def shown_phases(report):
    phases = report.phases()
    if not phases:
        return "-"
    return "{:.3f}, {:.3f}, {:.3f} s".format(phases[0], phases[1] - phases[0],
                                             report.line.seconds - phases[1])


def request_rows(reports, limit=None):
    """(call, per request in each report), the most frequent first; None if nobody counted."""
    costs = [report.cost for report in reports]
    if not costs or not all(costs):
        return None
    names = sorted(set().union(*(cost.calls for cost in costs)),
                   key=lambda name: (-max(cost.each(name) for cost in costs), name))
    table = [("all", [cost.all for cost in costs])]
    shown = names if limit is None or len(names) <= limit else names[:limit - 1]
    table += [(name, [cost.each(name) for cost in costs]) for name in shown]
    rest = names[len(shown):]
    if rest:
        table.append((f"{len(rest)} others", [sum(map(cost.each, rest)) for cost in costs]))
    return table


def request_title(reports):
    counts = [report.cost.requests for report in reports]
    if len(set(counts)) == 1:
        return many(counts[0], "request")
    return " and ".join(f"{many(count, 'request')} ({report.name})"
                        for count, report in zip(counts, reports))


def kinds_in(reports):
    """What a time line of theirs can show."""
    return {timeline.RUN} | {span.kind for report in reports for life in report.line.lives
                             for span in life.spans}


def blocked_in(life, limit=None):
    shown = [f"{name} {seconds:.3f}" for name, seconds in life.seconds.most_common(limit)]
    return ", ".join(shown) + (", ..." if limit is not None and len(life.seconds) > limit else "")


# ---- threads with the same part --------------------------------------------------------------

def thread_groups(result, verdict):
    """Two lines for the threads with the same part in the program: who, and their calls."""
    groups = {}
    for thread in result.threads.values():
        groups.setdefault(part(thread, result, verdict), []).append(thread)
    for (_, noun, does), group in sorted(groups.items()):
        who = many(len(group), noun) if does else noun
        calls = sum((thread.calls for thread in group), Counter())
        blocked = span_of([sum(thread.seconds.values()) for thread in group])
        each = " each" * (len(group) > 1)
        yield f"{who}{does}, blocked for {blocked}{each}:"
        yield f"    {shown_counts(calls, 8) or 'no calls'}"


def part(thread, result, verdict):
    """Where to list the thread, its name, and what distinguishes it."""
    main = thread is next(iter(result.threads.values()))
    if thread.tid == verdict.carrier and len(result.threads) > 1:
        return (0, "main thread, the carrier" if main else "the carrier", "")
    if main:
        return (1, "main thread", "")
    if verdict.model == "M:1 with helpers" and thread.works:
        return (2, "helper", " that ran single calls")
    if thread.talk:
        return (3, "thread", " with I/O on sockets or pipes, or sleeps")
    if thread.works:
        return (4, "thread", " with other work")
    return (5, "thread", " that made no call that does work")


# ---- print -----------------------------------------------------------------------------------

def show(reports, threshold_ms, limit):
    print_table(["", *(report.name for report in reports)],
                [[pairs[0][0], *(str(value) for _, value in pairs)]
                 for pairs in zip(*(rows(report) for report in reports))])
    print(f"(blocked: longer than {threshold_ms:g} ms; "
          "epoll_wait includes epoll_pwait and epoll_pwait2)")
    if len(reports) == 2:
        print("\n" + textwrap.fill(footprints.compare(
            *((report.footprint, report.verdict) for report in reports)), 100))
    show_requests(reports)
    scale = max(report.line.seconds for report in reports)
    for report in reports:
        print(f"\n{report.name}: {report.verdict.model}, because")
        for reason in report.verdict.evidence:
            print(f"  - {reason}")
        for line in report.said:
            print(f"  it said: {printable(line)}")
        print("  calls by thread:")
        for line in thread_groups(report.footprint, report.verdict):
            print(f"    {line}")
        show_lives(report.line, scale, limit, report.phases())
    kinds = kinds_in(reports)
    print(f"\none column is {1000 * scale / COLUMNS:.3g} ms, and shows what took most of it:")
    for kind in timeline.KINDS:
        if kind in kinds:
            print(f"  {kind.letter}  {kind.label}")


def print_table(head, lines):
    widths = [max(map(len, column)) + 2 for column in zip(head, *lines)]
    for line in [head, *lines]:
        print("".join(f"{cell:<{width}}" for cell, width in zip(line, widths)).rstrip())


def show_requests(reports):
    table = request_rows(reports, CALLS)
    if not table:
        return
    print(f"\nsystem calls per request, {request_title(reports)} "
          "by the driver's count,\n"
          "from its start until SIGTERM:")
    print(" " * 20 + "".join(f"{report.name:>10}" for report in reports))
    for name, values in table:
        print(f"  {name:<18}" + "".join(f"{value:10.2f}" for value in values))


def show_lives(line, scale, limit, phases):
    """A time line for each of the threads that lived longest, and the sums of the others."""
    chosen = sorted(line.lives, key=lambda life: -life.lived)[:limit]
    print(f"  {'seconds':<14}{'lived':>8}{'ran':>8}{'blocked':>8}  {ruler(phases, scale)}".rstrip())
    for life in line.lives:
        if life in chosen:
            print(f"  {life.name:<14}{life.lived:8.3f}{life.ran:8.3f}{life.blocked:8.3f} "
                  f"|{timeline.letters(life, scale, COLUMNS)}| {blocked_in(life, 3)}".rstrip())
    others = [life for life in line.lives if life not in chosen]
    if others:
        seconds = sum((life.seconds for life in others), Counter())
        print(f"  {many(len(others), 'thread')} more: each lived {span_of([o.lived for o in others])}, "
              f"ran {span_of([o.ran for o in others])},\n    was blocked {span_of([o.blocked for o in others])}; "
              "together in " + (", ".join(f"{name} {spent:.3f}" for name, spent in seconds.most_common(4))
                                or "nothing"))


def ruler(phases, scale):
    """Above the time lines: from where to where a server was driven."""
    if not phases:
        return ""
    first, last = (min(COLUMNS - 1, int(COLUMNS * at / scale)) for at in phases)
    inside = "driven".center(last - first - 1, "-")[:max(0, last - first - 1)]
    return " " * first + "<" + inside + ">"
