"""What a strace says about a program's threads: the measures, and the verdict drawn from them.

measure(trace) counts; judge(footprint) names the threading model. The verdict comes from the
trace alone. Nothing here knows whether libgreen was loaded, so a hand-written event loop is
`M:1` too: one kernel thread that carries many waits is what the word means.

Follows clone(2) (CLONE_THREAD), epoll(7), futex(2), madvise(2).
"""

import bisect
import re
from collections import Counter
from dataclasses import dataclass, field

WAITS = frozenset("""
    read readv pread64 preadv preadv2 recvfrom recvmsg recvmmsg accept accept4 connect
    write writev pwrite64 pwritev pwritev2 sendto sendmsg sendmmsg sendfile splice
    poll ppoll select pselect6 epoll_wait epoll_pwait epoll_pwait2
    futex futex_waitv nanosleep clock_nanosleep pause wait4 waitid
    rt_sigtimedwait rt_sigsuspend flock fcntl msgrcv msgsnd semop semtimedop
    mq_timedreceive mq_timedsend io_getevents io_uring_enter
    fsync fdatasync sync syncfs msync
    """.split())

# Calls by which a thread takes part in what the program does with the outside world. A helper
# that runs one file or resolver call on another thread's behalf makes none of these, except on
# files, on eventfds, and on a socket that it opened itself.
TALK_ON_FD = frozenset("""
    read readv preadv2 recvfrom recvmsg recvmmsg accept accept4 connect
    write writev pwritev2 sendto sendmsg sendmmsg
    """.split())
TALK = TALK_ON_FD | frozenset("""
    poll ppoll select pselect6 epoll_wait epoll_pwait epoll_pwait2 nanosleep clock_nanosleep
    """.split())

OPENS = {"open": "file", "openat": "file", "openat2": "file", "eventfd2": "eventfd",
         "socket": "socket", "accept": "accepted", "accept4": "accepted"}
EPOLL_WAITS = ("epoll_wait", "epoll_pwait", "epoll_pwait2")
GUARD = re.compile(r"MADV_GUARD_INSTALL|\b0x66\b")


@dataclass
class Thread:
    tid: int
    calls: Counter = field(default_factory=Counter)
    blocked: Counter = field(default_factory=Counter)           # name -> how often
    blocked_seconds: float = 0.0
    talks: int = 0                                              # calls of the TALK kind


@dataclass
class Footprint:
    threads: dict                      # tid -> Thread, the main thread first
    created: int = 0                   # clone or clone3 with CLONE_THREAD
    max_alive: int = 1
    other_processes: int = 0
    stacks: int = 0                    # thread stacks prepared, whoever runs on them
    carried: dict = field(default_factory=dict)                 # tid -> descriptors in its epoll
    blocked: Counter = field(default_factory=Counter)
    blocked_seconds: Counter = field(default_factory=Counter)   # name -> seconds
    status: str = "?"

    @property
    def calls(self):
        return sum((thread.calls for thread in self.threads.values()), Counter())


@dataclass
class Verdict:
    model: str
    evidence: list


# ---- measure ---------------------------------------------------------------------------------

def measure(trace, threshold=0.001):
    """The footprint of the traced program: of its process with the most kernel threads."""
    owner = _processes(trace)
    threads_of, calls_of = {}, Counter()
    for call in trace.calls:
        threads_of.setdefault(owner[call.tid], set()).add(call.tid)
        calls_of[owner[call.tid]] += 1
    process = max(threads_of, key=lambda pid: (len(threads_of[pid]), calls_of[pid]))

    members = [process] + sorted(threads_of[process] - {process})
    footprint = Footprint({tid: Thread(tid) for tid in members},
                          other_processes=len(threads_of) - 1,
                          status=trace.statuses.get(trace.first_tid, "?"))
    calls = [call for call in trace.calls if owner[call.tid] == process]
    calls = _since_last_exec(calls)
    _count(footprint, calls, threshold)
    _count_talks(footprint, calls)
    _count_carried(footprint, calls)
    footprint.max_alive = _max_alive(trace, calls)
    return footprint


def _makes_thread(call):
    is_clone = call.name in ("clone", "clone3")
    return is_clone and "CLONE_THREAD" in call.args and (call.value or 0) > 0


def _processes(trace):
    """tid -> pid: a thread belongs to its creator's process, a forked child to itself."""
    creator = {call.value: call.tid for call in trace.calls if _makes_thread(call)}
    owner = {}
    for call in trace.calls:
        pid = call.tid
        while pid in creator and creator[pid] != pid:
            pid = creator[pid]
        owner[call.tid] = pid
    return owner


def _since_last_exec(calls):
    begin = 0
    for index, call in enumerate(calls):
        if call.name in ("execve", "execveat") and call.value == 0:
            begin = index
    return calls[begin:]


def _count(footprint, calls, threshold):
    for call in calls:
        thread = footprint.threads[call.tid]
        thread.calls[call.name] += 1
        footprint.created += _makes_thread(call)
        if call.name in WAITS and (call.seconds or 0) > threshold:
            thread.blocked[call.name] += 1
            thread.blocked_seconds += call.seconds
            footprint.blocked[call.name] += 1
            footprint.blocked_seconds[call.name] += call.seconds
    footprint.stacks = _stacks(calls)


def _stacks(calls):
    """A stack is a MAP_STACK mapping; or, where guards divide memory into many, one per guard."""
    mappings, guards, fences = {}, set(), set()
    for call in calls:
        if call.name == "mmap" and "MAP_STACK" in call.args and call.value:
            mappings[call.value] = call.value + int(call.args.split(",")[1])
        elif call.name == "madvise" and GUARD.search(call.args):
            guards.add(int(call.args.split(",")[0], 16))
        elif call.name == "mprotect" and call.args.endswith("PROT_NONE"):
            fences.add(int(call.args.split(",")[0], 16))

    starts, guarded = sorted(mappings), set()
    for address in sorted(guards | fences):
        index = bisect.bisect(starts, address) - 1
        if index >= 0 and address < mappings[starts[index]]:
            guarded.add(starts[index])
            guards.add(address)         # a fence counts inside a stack mapping only
    return len(guards) + len(starts) - len(guarded)


def _count_talks(footprint, calls):
    opened = {}                                    # fd -> (kind, tid that opened it)
    for call in calls:
        if call.name in OPENS and (call.value or -1) >= 0:
            opened[call.value] = (OPENS[call.name], call.tid)
        elif call.name == "close":
            opened.pop(call.fd, None)
        if call.name not in TALK:
            continue
        if call.name in TALK_ON_FD:
            fds = [call.fd]
        else:
            fds = [int(fd) for fd in re.findall(r"\{fd=(\d+)", call.args)]
        if not fds or any(_is_talk(opened, fd, call.tid) for fd in fds):
            footprint.threads[call.tid].talks += 1


def _is_talk(opened, fd, tid):
    kind, opener = opened.get(fd, ("unknown", None))
    if kind in ("file", "eventfd"):
        return False
    if kind == "socket" and opener == tid:
        return False
    return fd is None or fd > 2


def _count_carried(footprint, calls):
    """How many descriptors each waiting thread's epoll instances hold at once, at most."""
    held, most, waiters = {}, {}, {}
    for call in calls:
        if call.name == "epoll_ctl":
            epoll, operation, fd = ([part.strip() for part in call.args.split(",")] + ["", ""])[:3]
            members = held.setdefault(int(epoll), set())
            if operation.endswith("ADD") and call.value == 0:
                members.add(fd)
            elif operation.endswith("DEL"):
                members.discard(fd)
            most[int(epoll)] = max(most.get(int(epoll), 0), len(members))
        elif call.name == "close":
            for members in held.values():
                members.discard(str(call.fd))
        elif call.name in EPOLL_WAITS:
            waiters.setdefault(call.tid, set()).add(call.fd)
    footprint.carried = {tid: sum(most.get(epoll, 0) for epoll in epolls)
                         for tid, epolls in waiters.items()}


def _max_alive(trace, calls):
    steps = []
    for call in calls:
        if _makes_thread(call):
            steps.append((call.start, 1))
            if call.value in trace.ends:
                steps.append((trace.ends[call.value], -1))
    alive = most = 1
    for _, step in sorted(steps, key=lambda entry: (entry[0], -entry[1])):
        alive += step
        most = max(most, alive)
    return most


# ---- judge -----------------------------------------------------------------------------------

def judge(footprint):
    """Names the model and says why.

    no thread created      one thread multiplexes several waits -> M:1, else single-threaded
    threads created        all talk on one thread that multiplexes -> M:1 with helpers, else 1:1

    "Multiplexes": its epoll carries at least two descriptors, or the process prepared more stacks
    than it created kernel threads.
    """
    carrier, carried = max(footprint.carried.items(), key=lambda entry: entry[1], default=(None, 0))
    spare_stacks = footprint.stacks - footprint.created
    multiplexing = []
    if carried >= 2:
        multiplexing.append(f"epoll_wait on 1 thread carries {carried} descriptors")
    if spare_stacks >= 1:
        multiplexing.append(f"{footprint.stacks} thread stacks prepared, but kernel threads "
                            f"created: {footprint.created}")

    if footprint.created == 0:
        evidence = ["no clone() with CLONE_THREAD"]
        if multiplexing:
            return Verdict("M:1", evidence + multiplexing)
        return Verdict("single-threaded", evidence + ["no thread carries more than one wait"])

    main = carrier if carried >= 2 else next(iter(footprint.threads))
    talkers = [thread for thread in footprint.threads.values() if thread.talks]
    clones = f"{footprint.created} clone() with CLONE_THREAD"
    if multiplexing and all(thread.tid == main for thread in talkers):
        return Verdict("M:1 with helpers", [clones] + multiplexing + [_helpers(footprint, main)])
    return Verdict("1:1", [clones, _spread(footprint, talkers)])


def _helpers(footprint, carrier):
    helpers = [thread for tid, thread in footprint.threads.items() if tid != carrier]
    names = sum((thread.calls for thread in helpers), Counter())
    shown = ", ".join(name for name, _ in names.most_common(6)) or "none"
    return f"{len(helpers)} helper{'s' * (len(helpers) != 1)} made only these calls: {shown}"


def _spread(footprint, talkers):
    """The blocking call seen on the most threads; I/O says more than a lock does."""
    spread = Counter(name for thread in footprint.threads.values() for name in thread.blocked)
    if spread:
        name, threads = max(spread.items(),
                            key=lambda item: (item[0] in TALK and item[1] > 1, item[1]))
        return f"blocking {name} spread over {threads} thread{'s' * (threads != 1)}"
    if talkers:
        return f"I/O and sleeps made by {len(talkers)} thread{'s' * (len(talkers) != 1)}"
    return "no thread carries the waits of others"
