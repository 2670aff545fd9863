"""Statistics of a process (counters.py) in the text exposition format of Prometheus, version 0.0.4.

Each family has its HELP and TYPE lines and then its samples; times are in seconds, sizes in bytes. A count that is not known
here, of a later libgreen, is exposed as it is, untyped. A bucket of ours holds what took less than its bound, one of
Prometheus' what took that or less; a nanosecond lies between.
"""

import re

import counters

# Count of libgreen: (family, type, help, by what it is divided).
FAMILIES = {
    "threads": ("green_threads", "gauge", "Green threads that have not ended.", 1),
    "threads_peak": ("green_threads_peak", "gauge", "The most green threads there have been.", 1),
    "threads_created": ("green_threads_created_total", "counter", "Green threads that have been created.", 1),
    "runnable": ("green_threads_runnable", "gauge", "Threads that could run when the carrier looked around last.", 1),
    "switches": ("green_switches_total", "counter", "Switches between green threads.", 1),
    "longest_between_looks": ("green_longest_between_looks_seconds", "gauge",
                              "The longest time between two looks of a busy carrier.", 1e9),
    "epoll_events": ("green_epoll_events_total", "counter", "Events that were collected from epoll.", 1),
    "epoll_calls": ("green_epoll_calls_total", "counter", "Calls by which they were collected.", 1),
    "idle_waits": ("green_idle_waits_total", "counter", "How often the carrier had nothing to run.", 1),
    "offloads": ("green_offloads_total", "counter", "Calls on helpers.", 1),
    "helpers_started": ("green_helpers_started_total", "counter", "Helper threads that were started.", 1),
    "reads_from_memory": ("green_reads_cached_total", "counter", "File reads answered from memory.", 1),
    "reads_from_disk": ("green_reads_cold_total", "counter", "File reads for which a helper asked the disk.", 1),
    "stack_high_water": ("green_stack_high_water_bytes", "gauge", "The deepest stack, of those that were given back.", 1),
    "preemptions": ("green_preemptions_total", "counter", "Computing threads that were made to let others run.", 1),
}
LEFT_OUT = {"looked_at"}        # on a clock that nobody else has


def escaped(value, also_quotes=True):
    value = value.replace("\\", "\\\\").replace("\n", "\\n")
    return value.replace('"', '\\"') if also_quotes else value


def number(value):
    if isinstance(value, int):
        return str(value)
    return "+Inf" if value == float("inf") else repr(value)


def family(name, kind, about, samples):
    """Its lines; a sample is (suffix, {label: value}, number)."""
    yield f"# HELP {name} {escaped(about, also_quotes=False)}"
    yield f"# TYPE {name} {kind}"
    for suffix, labels, value in samples:
        inside = ",".join(f'{label}="{escaped(text)}"' for label, text in labels.items())
        yield f"{name}{suffix}{'{' + inside + '}' if inside else ''} {number(value)}"


def histogram(calls):
    """Samples of calls of one name. How many there were is what the buckets hold, whatever came while they were read."""
    seen = 0
    for i, bucket in enumerate(calls.histogram):
        seen += bucket
        bound = (1 << i) / 1e6 if i < counters.BUCKETS - 1 else float("inf")
        yield "_bucket", {"call": calls.name, "le": number(bound)}, seen
    yield "_sum", {"call": calls.name}, calls.nanos / 1e9
    yield "_count", {"call": calls.name}, seen


def sites(snapshot, places):
    """{labels: [how often, nanoseconds, longest]}; sites that look the same are one."""
    found = {}
    for site in snapshot.sites.values():
        sums = found.setdefault((("what", site.what), ("site", places.label(site))), [0, 0, 0])
        sums[:] = sums[0] + site.many, sums[1] + site.nanos, max(sums[2], site.longest)
    return sorted(found.items())


def lines(snapshot, places):
    process = snapshot.process
    yield from family("green_process_info", "gauge", "Which process this is.",
                      [("", {"pid": str(snapshot.pid), "name": process.name}, 1)])
    yield from family("green_kernel_threads", "gauge", "Kernel threads of the process.", [("", {}, process.kernel_threads)])
    yield from family("green_resident_bytes", "gauge", "Memory of the process that is resident.", [("", {}, process.resident)])
    yield from family("green_since_look_seconds", "gauge", "Time since the carrier looked around.",
                      [("", {}, snapshot.since_look() / 1e9)])
    for name, value in snapshot.counts.items():
        if name.startswith(counters.PARKS) or name in LEFT_OUT:
            continue
        unknown = (f"green_{re.sub('[^a-zA-Z0-9_]', '_', name)}", "untyped", "Counted by libgreen.", 1)
        metric, kind, about, unit = FAMILIES.get(name, unknown)
        yield from family(metric, kind, about, [("", {}, value if unit == 1 else value / unit)])
    yield from family("green_parks_total", "counter", "How often threads parked, by what they waited for.",
                      [("", {"reason": reason}, many) for reason, many in snapshot.parks().items()])
    calls = sorted(snapshot.calls.values(), key=lambda calls: calls.name)
    yield from family("green_offload_seconds", "histogram", "Calls on helpers, by name, and how long they took.",
                      [sample for each in calls for sample in histogram(each)])
    yield from family("green_offload_longest_seconds", "gauge", "The longest call on a helper, by name.",
                      [("", {"call": each.name}, each.longest / 1e9) for each in calls])
    held = sites(snapshot, places)
    for name, kind, about, which, unit in (
            ("green_pinned_total", "counter", "How often the carrier was held while others could run.", 0, 1),
            ("green_pinned_seconds_total", "counter", "For how long, together.", 1, 1e9),
            ("green_pinned_longest_seconds", "gauge", "And at most.", 2, 1e9)):
        yield from family(name, kind, about, [("", dict(labels), sums[which] if unit == 1 else sums[which] / unit)
                                              for labels, sums in held])


def page(snapshot, places):
    return "".join(f"{line}\n" for line in lines(snapshot, places))
