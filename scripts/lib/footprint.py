"""What a strace says about a program's threads: the measures, and the verdict drawn from them.

measure(trace) counts; judge(footprint) names the threading model; compare() puts two verdicts in
one sentence. A verdict comes from the trace alone. Nothing in it knows whether libgreen was loaded,
so a hand-written event loop is `M:1` too: one kernel thread that carries many waits is what the
word means.

Follows clone(2) (CLONE_THREAD), epoll(7), futex(2), madvise(2).
"""

import bisect
import re
from collections import Counter
from dataclasses import dataclass, field

# The same call by other names: epoll_pwait2 is number 441, unknown to an old strace.
SAME = {"epoll_pwait": "epoll_wait", "epoll_pwait2": "epoll_wait", "syscall_0x1b9": "epoll_wait"}

# Calls of these kinds are how a thread converses: with clients, with other threads, with time.
RECEIVE = frozenset("read readv preadv2 recvfrom recvmsg recvmmsg".split())
SEND = frozenset("write writev pwritev2 sendto sendmsg sendmmsg".split())
MEET = frozenset("accept accept4 connect".split())
WAIT = frozenset("""
    poll ppoll select pselect6 epoll_wait nanosleep clock_nanosleep
    """.split())
TALK = RECEIVE | SEND | MEET | WAIT

# All that can keep its caller waiting.
WAITS = TALK | frozenset("""
    pread64 preadv pwrite64 pwritev sendfile splice futex futex_waitv pause wait4 waitid
    rt_sigtimedwait rt_sigsuspend flock fcntl msgrcv msgsnd semop semtimedop
    mq_timedreceive mq_timedsend io_getevents io_uring_enter
    fsync fdatasync sync syncfs msync sync_file_range
    """.split())
FUTEX = frozenset(["futex", "futex_waitv"])

# What a thread that never gets work does as well.
HOUSEKEEPING = FUTEX | frozenset("""
    rseq set_robust_list set_tid_address arch_prctl prctl gettid getpid sched_yield
    rt_sigprocmask rt_sigaction rt_sigreturn sigaltstack restart_syscall
    sched_getaffinity sched_setaffinity mmap munmap mprotect madvise brk exit
    """.split())

AT_ONCE = re.compile(r"MSG_DONTWAIT|RWF_NOWAIT")
GUARD = re.compile(r"MADV_GUARD_INSTALL|\b0x66\b")
STACK = re.compile(r"\b(child_stack|stack)=(0x\w+)")           # of clone(2), of clone3
TCP = re.compile(r"AF_INET6?, SOCK_STREAM")
NAME_SERVICE = re.compile(r"htons\(53\)|/nscd/socket")


@dataclass
class Thread:
    tid: int
    calls: Counter = field(default_factory=Counter)
    blocked: Counter = field(default_factory=Counter)           # name -> how often
    seconds: Counter = field(default_factory=Counter)           # name -> blocked so long
    talk: Counter = field(default_factory=Counter)              # name -> calls, on shared things
    errands: Counter = field(default_factory=Counter)           # what else it did that can wait

    @property
    def converses(self):
        return bool(RECEIVE & self.talk.keys() and SEND & self.talk.keys())

    @property
    def works(self):
        return bool(self.calls.keys() - HOUSEKEEPING)


@dataclass
class Footprint:
    threads: dict                      # tid -> Thread, the main thread first
    created: int = 0                   # clone or clone3 with CLONE_THREAD
    max_alive: int = 1
    other_processes: int = 0
    stacks: int = 0                    # thread stacks prepared
    spare_stacks: int = 0              # of those, no kernel thread was started on them
    carried: dict = field(default_factory=dict)                 # tid -> descriptors in its epoll
    status: str = "?"
    calls: list = field(default_factory=list)              # all, since the last exec

    def total(self, measure):
        """One of the counters of the threads, over all of them."""
        return sum((getattr(thread, measure) for thread in self.threads.values()), Counter())


@dataclass
class Verdict:
    model: str
    evidence: list
    carrier: int | None = None         # the tid of the thread that carries the others' waits


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
    footprint.calls = calls = _since_last_exec(calls)
    _count(footprint, calls, threshold)
    _count_talk(footprint, calls)
    footprint.stacks, footprint.spare_stacks = _stacks(calls)
    footprint.carried = _carried(calls)
    footprint.max_alive = _max_alive(trace, calls)
    return footprint


def name_of(call):
    return SAME.get(call.name, call.name)


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


def _may_wait(call):
    if call.name == "fcntl":
        return "SETLKW" in call.args
    return name_of(call) in WAITS and not AT_ONCE.search(call.args)


def blocked(call, threshold):
    """Did it keep its thread waiting for longer than the threshold?"""
    return _may_wait(call) and (call.seconds or 0) > threshold


def _count(footprint, calls, threshold):
    for call in calls:
        thread, name = footprint.threads[call.tid], name_of(call)
        thread.calls[name] += 1
        footprint.created += _makes_thread(call)
        if blocked(call, threshold):
            thread.blocked[name] += 1
            thread.seconds[name] += call.seconds


def _stacks(calls):
    """How many stacks were prepared, and on how many of them no kernel thread was ever started.

    Stacks are mapped one by one (MAP_STACK), or cut from a big mapping (MAP_NORESERVE, as it is
    filled only in parts) by guards: regions without access, by madvise(2) or mprotect(2).
    """
    single, slabs, guards, signal_stacks, started = {}, {}, {}, set(), []
    for call in calls:
        if call.name == "mmap" and "MAP_ANONYMOUS" in call.args and (call.value or -1) > 0:
            end = call.value + int(call.args.split(",")[1])
            if "MAP_STACK" in call.args:
                single[call.value] = end
            elif "MAP_NORESERVE" in call.args and "PROT_WRITE" in call.args:
                slabs[call.value] = end
        elif call.name == "sigaltstack" and (base := re.match(r"\{ss_sp=(0x\w+)", call.args)):
            signal_stacks.add(int(base[1], 16))
        elif call.value == 0 and (call.name == "madvise" and GUARD.search(call.args)
                                  or call.name == "mprotect" and call.args.endswith("PROT_NONE")):
            begin, length = call.args.split(",")[:2]
            guards[int(begin, 16)] = int(begin, 16) + int(length)
        elif _makes_thread(call) and (base := STACK.search(call.args)):
            started.append(int(base[2], 16) - (base[1] == "child_stack"))   # that is its top

    in_single, in_slabs = Ranges(single), Ranges(slabs)
    ends = dict(single)
    for begin, end in guards.items():
        slab = in_slabs.start_of(begin)
        if slab is not None and in_single.start_of(begin) is None and end not in signal_stacks:
            ends[begin] = slabs[slab]
    stacks = Ranges(ends)
    return len(ends), len(ends.keys() - {stacks.start_of(address) for address in started})


class Ranges:
    """Memory that begins at each key and ends at its value, or where the next range begins."""

    def __init__(self, ends):
        self.ends, self.starts = ends, sorted(ends)

    def start_of(self, address):
        """The beginning of the range that holds the address."""
        index = bisect.bisect(self.starts, address) - 1
        found = index >= 0 and address < self.ends[self.starts[index]]
        return self.starts[index] if found else None


def _carried(calls):
    """tid -> how many descriptors the epolls that it waits on held at once, at most."""
    held, most, waiters = {}, Counter(), {}
    for call in calls:
        if call.name == "epoll_ctl" and call.value == 0:
            epoll, operation, fd = (part.strip() for part in call.args.split(",")[:3])
            members = held.setdefault(int(epoll), set())
            if operation.endswith("ADD"):
                members.add(int(fd))
            elif operation.endswith("DEL"):
                members.discard(int(fd))
            most[int(epoll)] = max(most[int(epoll)], len(members))
        elif call.name == "close":
            held.pop(call.fd, None)
            for members in held.values():
                members.discard(call.fd)
        elif name_of(call) == "epoll_wait":
            waiters.setdefault(call.tid, set()).add(call.fd)
    return {tid: sum(most[epoll] for epoll in epolls) for tid, epolls in waiters.items()}


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


# ---- measure: whose descriptors --------------------------------------------------------------

# A thread that runs single calls for another one reads files, asks the name service and rings an
# eventfd. None of that is its own conversation; all other descriptors count as shared.
OPENS = {"open": "file", "openat": "file", "openat2": "file", "memfd_create": "file",
         "eventfd2": "eventfd", "socket": "socket", "accept": "connection",
         "accept4": "connection"}


def _count_talk(footprint, calls):
    """Follows every descriptor from its opening, and sorts the calls that can wait."""
    # A descriptor exists when its call has returned, and is gone when its close begins.
    steps = [(call.began, 0, call) for call in calls]
    steps += [(call.ended, 1, call) for call in calls if (call.value or -1) >= 0]
    kinds = {}                                     # fd -> kind, and of a socket whose
    for _, returned, call in sorted(steps, key=lambda step: step[:2]):
        if returned:
            _open(kinds, call)
            continue
        if call.name == "close":
            kinds.pop(call.fd, None)
        elif call.name == "connect" and NAME_SERVICE.search(call.args):
            kinds[call.fd] = ("name service socket", call.tid)
        thread = footprint.threads[call.tid]
        if call.name.startswith("open") and '"/etc/hosts"' in call.args:
            thread.errands["opening /etc/hosts"] += 1
        if name_of(call) in TALK:
            private = _private(kinds, call)
            if private:
                thread.errands[private] += 1
            else:
                thread.talk[name_of(call)] += 1
        elif _may_wait(call) and call.name not in FUTEX:
            thread.errands[call.name] += 1


def _open(kinds, call):
    if call.name in ("dup", "dup2", "dup3") or call.name == "fcntl" and "F_DUPFD" in call.args:
        if call.fd in kinds:
            kinds[call.value] = kinds[call.fd]
        else:
            kinds.pop(call.value, None)
    elif call.name == "socket" and not TCP.match(call.args):
        kinds[call.value] = ("name service socket", call.tid)
    elif call.name in OPENS:
        kinds[call.value] = (OPENS[call.name], call.tid)


def _private(kinds, call):
    """What the call is, if it is no conversation with others; else None."""
    if name_of(call) == "epoll_wait":
        return None
    fds = map(int, re.findall(r"\{fd=(\d+)", call.args)) if call.name in WAIT else [call.fd]
    found = {_private_errand(kinds, fd, call) for fd in fds}
    return found.pop() if len(found) == 1 else None


def _private_errand(kinds, fd, call):
    kind, opener = kinds.get(fd, ("unknown", None))
    if kind == "file":
        return "I/O on files"
    if kind == "eventfd" and call.name in SEND:
        return "writes to eventfds"
    if kind == "name service socket" and opener == call.tid:
        return "I/O on sockets of their own"
    if kind == "unknown" and fd is not None and fd <= 2:
        return "I/O on standard streams"
    return None


# ---- judge -----------------------------------------------------------------------------------

def judge(footprint):
    """Names the model and says why.

    single-threaded    one kernel thread, and nothing says that it carries more than one wait
    M:1                one kernel thread carries the waits of many; there is no other, or the
                       others made no call that does work
    M:1 with helpers   the same, and other kernel threads made calls that cannot be waited for
                       otherwise: fsync, files, names, a single call on a shared descriptor
    1:1                kernel threads do their own I/O and sleeps, or nothing says otherwise
    mixed              one kernel thread carries many, and others converse for themselves

    It carries many: its epoll holds at least two descriptors, or there are stacks on which no
    kernel thread was started. Waiting in a futex is no work: idle helpers do it, and every lock.
    """
    carrier, carried = max(footprint.carried.items(), key=lambda entry: entry[1], default=(None, 0))
    if carried < 2:
        carrier = next(iter(footprint.threads))
    spare_stacks = footprint.spare_stacks
    evidence = [_clones(footprint)]
    if spare_stacks:
        evidence.append(f"{_many(spare_stacks, 'thread stack')} prepared on which no kernel "
                        "thread was started")
    if carried >= 2:
        evidence.append(f"1 thread waits in epoll_wait for up to {carried} descriptors at once")
    carries_many = spare_stacks or carried >= 2

    if footprint.created == 0:
        if carries_many:
            return Verdict("M:1", evidence, carrier)
        return Verdict("single-threaded", evidence + ["no sign that it carries more than one wait"])

    others = [thread for tid, thread in footprint.threads.items() if tid != carrier]
    if not carries_many or not spare_stacks and any(thread.talk for thread in others):
        if footprint.stacks and not spare_stacks:
            evidence.insert(1, "no thread stack prepared without a kernel thread started on it")
        return Verdict("1:1", evidence + [_spread(footprint)])

    conversing = [thread for thread in others if thread.converses]
    if conversing:
        evidence.append(f"{_many(len(conversing), 'other thread')} received and sent on shared "
                        "descriptors")
        return Verdict("mixed", evidence, carrier)
    evidence += [_carrier_share(footprint, carrier), _helpers(others)]
    idle = spare_stacks and not any(thread.works for thread in others)
    return Verdict("M:1" if idle else "M:1 with helpers", evidence, carrier)


def compare(native, green):
    """Two (footprint, verdict), without and with libgreen, in one sentence."""
    before, after = native[1].model, green[1].model
    threads = f"at most {_many(native[0].max_alive, 'kernel thread')} at once natively, " \
              f"{green[0].max_alive} under libgreen"
    if before == after == "single-threaded":
        return "One kernel thread in both runs: there was nothing to carry."
    if before == after:
        return f"The threading model is {before} in both runs: {threads}."
    if before == "1:1" and after.startswith("M:1"):
        helped = "; helpers run calls that cannot be waited for otherwise" if "helpers" in after else ""
        return f"The threads became green: {threads}. One kernel thread carries the waits of many{helped}."
    return f"The threading model is {before} natively and {after} under libgreen: {threads}."


def _many(count, noun):
    return f"{count} {noun}{'s' * (count != 1)}"


def _counts(counter, limit=6):
    shown = [f"{name} {count}" for name, count in counter.most_common(limit)]
    return ", ".join(shown) + ", ..." * (len(counter) > limit)


def _clones(footprint):
    if footprint.created == 0:
        return "no kernel thread created: no clone() with CLONE_THREAD"
    return f"{_many(footprint.created, 'kernel thread')} created: clone() with CLONE_THREAD"


def _carrier_share(footprint, carrier):
    own = sum(footprint.threads[carrier].talk.values())
    total = sum(footprint.total("talk").values())
    if total == 0:
        return "no I/O on sockets or pipes, no sleep"
    who = "that thread" if footprint.carried.get(carrier, 0) >= 2 else "the main thread"
    share = f"all {total}" if own == total else f"{own} of {total}"
    return f"calls for I/O on sockets and pipes, epoll_wait and sleeps: {share} by {who}"


def _helpers(others):
    working = [thread for thread in others if thread.works]
    idle = len(others) - len(working)
    if not working:
        return f"{_many(idle, 'other thread')} made no call that does work, and waited in futex"
    errands = sum((thread.errands + thread.talk for thread in working), Counter())
    if not errands:                                # none that can wait: then name what there is
        errands = sum((thread.calls for thread in working), Counter())
        errands = Counter({name: errands[name] for name in errands.keys() - HOUSEKEEPING})
    also = f"; {idle} more had no work" if idle else ""
    return f"{_many(len(working), 'helper')} ran single calls: {_counts(errands)}{also}"


def _spread(footprint):
    """Who waited for himself. I/O says more than a lock does."""
    talkers = [thread for thread in footprint.threads.values() if thread.talk]
    if len(talkers) > 1:
        what = f"I/O on sockets and pipes, or sleeps, in {len(talkers)} threads"
        blocked = Counter(name for thread in talkers for name in thread.blocked.keys()
                          & thread.talk.keys())
    else:
        what = "no thread carried the waits of others"
        blocked = Counter(name for thread in footprint.threads.values() for name in thread.blocked)
    for name, count in blocked.most_common(1):
        what += f"; {name} blocked {_many(count, 'thread')}"
    return what
