# What the kernel offers of the features that libgreen uses where they are there. Sourced by green,
# for --version: prints a line for each.
#
# The FS base is in the auxiliary vector; all others are tried, by perl or else python3, since a
# shell makes no system calls of its choice. Follows getauxval(3), madvise(2), preadv2(2),
# pidfd_open(2), prctl(2) (PR_SET_SYSCALL_USER_DISPATCH).

# AT_HWCAP2 is entry 26 of the vector; its bit 1 is HWCAP2_FSGSBASE.
fsgsbase() {
    # shellcheck disable=SC2046
    set -- $(od -A n -v -t u8 /proc/self/auxv 2>/dev/null)
    while [ $# -ge 2 ]; do
        if [ "$1" = 26 ]; then
            [ $(($2 / 2 % 2)) = 0 ] && echo no || echo yes
            return
        fi
        shift 2
    done
    echo 'not known: /proc/self/auxv does not say'
}

# Numbers of x86-64: 9 mmap, 28 madvise, 157 prctl, 327 preadv2, 434 pidfd_open. A read from an empty
# pipe that must not wait answers EAGAIN, 11, where the kernel knows RWF_NOWAIT (8) for pipes.
try_by_perl() {
    perl - <<'END'
sub said { print "$_[0]|", $_[1] ? "yes" : "no ($!)", "\n" }
my ($iov, $buffer) = (undef, "x" x 8);
my $page = syscall(9, 0, 4096, 3, 34, -1, 0);
said("guards", syscall(28, $page, 4096, 102) == 0);
pipe(my $from, my $to);
$iov = pack("PQ", $buffer, 8);
my $end = fileno($from);
said("nowait", syscall(327, $end, $iov, 1, -1, 0, 8) == -1 && $! == 11);
my $pid = $$ + 0;
said("pidfd", syscall(434, $pid, 0) >= 0);
said("dispatch", syscall(157, 59, 0, 0, 0, 0) == 0);
END
}

try_by_python() {
    python3 - <<'END'
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
def call(number, *arguments):
    return libc.syscall(ctypes.c_long(number), *map(ctypes.c_long, arguments))
def said(name, there):
    print(name, "yes" if there else f"no ({os.strerror(ctypes.get_errno())})", sep="|")
libc.syscall.restype = ctypes.c_long
page = call(9, 0, 4096, 3, 34, -1, 0)
said("guards", call(28, page, 4096, 102) == 0)
buffer = ctypes.create_string_buffer(8)
iov = (ctypes.c_long * 2)(ctypes.addressof(buffer), 8)
end = os.pipe()[0]
said("nowait", call(327, end, ctypes.addressof(iov), 1, -1, 0, 8) == -1 and ctypes.get_errno() == 11)
said("pidfd", call(434, os.getpid(), 0) >= 0)
said("dispatch", call(157, 59, 0, 0, 0, 0) == 0)
END
}

# feature NAME LABEL MEANING: its line.
feature() {
    found=$(printf '%s\n' "$tried" | sed -n "s/^$1|//p")
    printf '  %-22s %-4s %s\n' "$2" "${found:-not known: it is tried by perl or python3}" "$3"
}

tried=$(try_by_perl 2>/dev/null || try_by_python 2>/dev/null)

printf '  %-22s %-4s %s\n' FSGSBASE "$(fsgsbase)" '(a switch of threads without a system call)'
feature guards MADV_GUARD_INSTALL '(guards of stacks without a mapping each)'
feature nowait RWF_NOWAIT '(reads from pipes without a look before)'
feature pidfd pidfd '(children are waited for by a descriptor)'
feature dispatch 'syscall user dispatch' '(GREEN_TRAP)'
