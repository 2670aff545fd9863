//! close(2), dup(2), fcntl(2), ioctl(2), pipe(2): how descriptors come, go and change.
//!
//! The scheduler's own descriptors are invisible: `close` on them fails with `EBADF`, `closefrom`
//! leaves them out, and `dup2` onto one of their numbers makes them move.

use crate::errno::{answer, fail};
use crate::files::place::unless_far;
use crate::io::Call;
use crate::offload::{self, Ends};
use crate::process::may_be_vfork_child;
use crate::{export, real, start};
use core::cell::Cell;
use core::ffi::c_int;
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use scheduler::fd_table::Kind;
use scheduler::helpers::Class;
use scheduler::sys::Errno;
use scheduler::{Carrier, Runtime};

const FIONBIO: usize = 0x5421;
const CLOSE_RANGE_CLOEXEC: c_int = 4;

/// Descriptors this process made before green threads existed and that no other process can see:
/// one bit each for the low numbers. (No mapping may be made yet.)
static EARLY: [AtomicU64; 64] = [const { AtomicU64::new(0) }; 64];

export! {
    /// close(2)
    @cancellation_point fn close | __close(fd: c_int) -> c_int {
        let patience = Patience::of(fd);
        going(fd);
        if is_own(fd) { fail(libc::EBADF) } else { patience.call(|| real::close(fd)) }
    }

    /// closefrom(3)
    fn closefrom(low: c_int) -> () {
        match start::here() {
            None => real::closefrom(low),
            // An old kernel, or a filter, has no close_range.
            Some((rt, _)) => if close_range(low.max(0) as u32, u32::MAX, 0) != 0 {
                close_each(rt, low.max(0));
            },
        }
    }

    /// close_range(2)
    fn close_range(first: u32, last: u32, flags: c_int) -> c_int {
        let Some((rt, carrier)) = start::here() else { return real::close_range(first, last, flags) };
        if flags & CLOSE_RANGE_CLOEXEC != 0 || first > last {
            return real::close_range(first, last, flags);
        }
        let range = first..=last.min(rt.fds.highest());
        let far = |fd| rt.fds.slot(fd as c_int).is_ok_and(|slot| slot.kind() == Kind::Far);
        let any_far = range.clone().any(far);
        for fd in range {
            carrier.netpoll.forget(carrier, &rt.fds, fd as c_int);
        }
        let close = || around_our_own(carrier, first, last, flags);
        if any_far { offload::call(rt, carrier, Class::Bounded, close) } else { close() }
    }

    /// dup(2)
    fn dup(fd: c_int) -> c_int {
        duplicated(fd, real::dup(fd))
    }

    /// dup2(2)
    fn dup2 | __dup2(from: c_int, to: c_int) -> c_int {
        let patience = Patience::of(to);
        replacing(from, to);
        duplicated(from, patience.call(|| real::dup2(from, to)))
    }

    /// dup3(2)
    fn dup3(from: c_int, to: c_int, flags: c_int) -> c_int {
        let patience = Patience::of(to);
        replacing(from, to);
        duplicated(from, patience.call(|| real::dup3(from, to, flags)))
    }

    /// fcntl(2)
    fn fcntl | fcntl64 | __fcntl(fd: c_int, command: c_int, arg: usize) -> c_int {
        if is_own(fd) {
            return fail(libc::EBADF);
        }
        if matches!(command, libc::F_SETLKW | libc::F_OFD_SETLKW) {
            return crate::files::locks::set_lock(fd, command, arg);
        }
        let result = match command {
            libc::F_SETLK | libc::F_GETLK | libc::F_OFD_SETLK | libc::F_OFD_GETLK => {
                unless_far(fd).call(|| real::fcntl64(fd, command, arg))
            }
            _ => real::fcntl64(fd, command, arg),
        };
        match command {
            libc::F_DUPFD | libc::F_DUPFD_CLOEXEC => duplicated(fd, result),
            libc::F_SETFL => {
                doubt();
                result
            }
            _ => result,
        }
    }

    /// ioctl(2)
    fn ioctl(fd: c_int, request: usize, arg: usize) -> c_int {
        let result = real::ioctl(fd, request, arg);
        if request == FIONBIO {
            doubt();
        }
        result
    }

    /// eventfd(2)
    fn eventfd(value: u32, flags: c_int) -> c_int {
        created(real::eventfd(value, flags), Kind::Counter)
    }

    /// pipe(2)
    fn pipe | __pipe(pair: *mut c_int) -> c_int {
        made_pipe(pair, real::pipe(pair))
    }

    /// pipe2(2)
    fn pipe2(pair: *mut c_int, flags: c_int) -> c_int {
        made_pipe(pair, real::pipe2(pair, flags))
    }
}

/// How long the end of a descriptor takes: what is far away is told of it, and a socket may linger.
enum Patience {
    None,
    Far,
    Linger,
}

/// Some socket was told to linger (`SO_LINGER`); accepted ones inherit it.
static LINGERS: AtomicBool = AtomicBool::new(false);

/// `SO_LINGER` was set.
pub fn note_linger() {
    LINGERS.store(true, Ordering::Relaxed);
}

impl Patience {
    fn of(fd: c_int) -> Patience {
        match Call::on(fd).map(|call| call.slot.kind()) {
            Some(Kind::Far) => Patience::Far,
            Some(Kind::Stream | Kind::Unknown) if LINGERS.load(Ordering::Relaxed) && lingers(fd) => {
                Patience::Linger
            }
            _ => Patience::None,
        }
    }

    fn call(self, end: impl Fn() -> c_int) -> c_int {
        match (self, start::here()) {
            (Patience::Far, Some((rt, carrier))) => offload::call(rt, carrier, Class::Bounded, end),
            // A handler ends the waiting, not the closing.
            (Patience::Linger, Some((rt, carrier))) => {
                let begun = Cell::new(false);
                let end = || {
                    begun.set(true);
                    end() as isize
                };
                loop {
                    match offload::interruptible(rt, carrier, Ends::HANDLED, end) {
                        Err(Errno::INTR) if begun.get() => return 0,
                        Err(Errno::INTR) => {}
                        other => return answer(other) as c_int,
                    }
                }
            }
            _ => end(),
        }
    }
}

fn lingers(fd: c_int) -> bool {
    let mut linger = libc::linger { l_onoff: 0, l_linger: 0 };
    let mut len = size_of::<libc::linger>() as u32;
    // SAFETY: objects of ours.
    let got = unsafe {
        scheduler::sys!(getsockopt, fd, libc::SOL_SOCKET, libc::SO_LINGER, &raw mut linger, &raw mut len)
    };
    got.is_ok() && linger.l_onoff != 0 && linger.l_linger > 0
}

/// `fd` is one of the scheduler's own, which the program must not see.
pub fn is_own(fd: c_int) -> bool {
    start::here().is_some_and(|(_, carrier)| carrier.netpoll.owns(fd))
}

/// A flag changed; every duplicate shares it.
fn doubt() {
    if let Some((rt, _)) = start::here() {
        rt.fds.doubt_modes();
    }
}

/// `fd` is about to be closed: wake its waiters, start its slot over.
pub fn going(fd: c_int) {
    early(fd, false);
    match start::here() {
        Some((_, carrier)) if carrier.netpoll.owns(fd) => {}
        Some((rt, carrier)) => carrier.netpoll.forget(carrier, &rt.fds, fd),
        None => {
            if let (Some(rt), false) = (start::runtime(), may_be_vfork_child()) {
                rt.fds.mark_stale(fd);
            }
        }
    }
}

fn replacing(from: c_int, to: c_int) {
    if from == to {
        return;
    }
    if let Some((_, carrier)) = start::here() {
        // Nothing is replaced if the source is not open.
        // SAFETY: no pointers.
        if unsafe { scheduler::sys!(fcntl, from, libc::F_GETFD) }.is_err() {
            return;
        }
        carrier.netpoll.give_way(carrier, to);
    }
    going(to);
}

fn duplicated(from: c_int, to: c_int) -> c_int {
    if to >= 0 {
        match start::here() {
            Some((rt, _)) => {
                if let (Ok(a), Ok(b)) = (rt.fds.slot(from), rt.fds.slot(to))
                    && from != to
                {
                    rt.fds.duplicate(a, b, to);
                }
            }
            None => early(to, is_early(from)),
        }
    }
    to
}

fn made_pipe(pair: *mut c_int, result: c_int) -> c_int {
    if result == 0 {
        // SAFETY: the kernel filled two numbers in.
        unsafe {
            created(*pair, Kind::Nowait);
            created(*pair.add(1), Kind::Nowait);
        }
    }
    result
}

/// This process has just made `fd` (or failed: then nothing happens). Answers `fd`.
pub fn created(fd: c_int, kind: Kind) -> c_int {
    if fd >= 0 {
        match start::here() {
            Some((rt, _)) => {
                fresh(rt, fd, kind);
                rt.fds.set_private(fd);
            }
            None => early(fd, true),
        }
    }
    fd
}

fn fresh(rt: &'static Runtime, fd: c_int, kind: Kind) {
    rt.fds.start_over(fd);
    if let (Ok(slot), true) = (rt.fds.slot(fd), kind != Kind::Unknown) {
        slot.set_kind(kind);
    }
}

/// A message with control data may have passed any descriptor to another process.
pub fn note_passed(control_len: usize) {
    if let (Some((rt, _)), true) = (start::here(), control_len != 0) {
        rt.fds.share_all();
    }
}

fn early(fd: c_int, private: bool) {
    if let Some(word) = EARLY.get(fd as usize / 64)
        && fd >= 0
        && !may_be_vfork_child()
    {
        let bit = 1u64 << (fd % 64);
        if private {
            word.fetch_or(bit, Ordering::Relaxed);
        } else if word.load(Ordering::Relaxed) & bit != 0 {
            word.fetch_and(!bit, Ordering::Relaxed);
        }
    }
}

fn is_early(fd: c_int) -> bool {
    fd >= 0 && EARLY.get(fd as usize / 64).is_some_and(|w| w.load(Ordering::Relaxed) >> (fd % 64) & 1 != 0)
}

/// A child shares every descriptor.
pub fn share_early() {
    EARLY.iter().for_each(|w| w.store(0, Ordering::Relaxed));
}

/// Green threads start.
pub fn adopt_early(rt: &'static Runtime) {
    for fd in 0..(EARLY.len() * 64) as c_int {
        if is_early(fd) {
            rt.fds.set_private(fd);
        }
    }
}

/// Close a range but for the scheduler's own numbers.
/// Close every number from `low` on that may be open.
#[cold]
unsafe fn close_each(rt: &'static Runtime, low: c_int) {
    // SAFETY: an object of ours; numbers that the program wants closed.
    unsafe {
        let mut limit: libc::rlimit = core::mem::zeroed();
        libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit);
        let highest = rt.fds.highest().max(limit.rlim_max.min(1 << 20) as u32);
        for fd in low..highest as c_int {
            if !is_own(fd) {
                close(fd);
            }
        }
    }
}

unsafe fn around_our_own(carrier: &Carrier, first: u32, last: u32, flags: c_int) -> c_int {
    let mut own = carrier.netpoll.own_descriptors();
    own.sort_unstable();
    let mut from = first;
    for fd in own.into_iter().filter(|&fd| fd >= 0).map(|fd| fd as u32) {
        if (from..=last).contains(&fd) {
            // SAFETY: no pointers.
            if fd > from && unsafe { real::close_range(from, fd - 1, flags) } != 0 {
                return -1;
            }
            from = fd + 1;
        }
    }
    // SAFETY: no pointers.
    if from <= last { unsafe { real::close_range(from, last, flags) } } else { 0 }
}
