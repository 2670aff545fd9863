//! Sending a signal to one thread: pthread_kill(3), pthread_sigqueue(3), raise(3), tgkill(2).

use super::dispositions::{Disposition, disposition};
use super::set::bit;
use super::{delivery, is_valid, pending};
use crate::errno::fail;
use crate::pthread::green::{BURIED, ENDED, Green};
use crate::pthread::join::green_handle;
use crate::pthread::{green, roster};
use crate::{export, real, start};
use core::ffi::c_int;
use core::sync::atomic::Ordering;
use libc::{pid_t, pthread_t, siginfo_t, sigval};
use scheduler::Runtime;

const SI_QUEUE: c_int = -1;
/// `si_code`: sent by tgkill(2), pthread_kill(3) and raise(3).
pub const SI_TKILL: c_int = -6;

/// The part of `siginfo_t` that a sender fills in.
#[repr(C)]
struct Sent {
    signal: c_int,
    errno: c_int,
    code: c_int,
    _pad: c_int,
    pid: c_int,
    uid: u32,
    value: usize,
}

/// A signal as a thread of this process sends it.
pub fn info(signal: c_int, code: c_int, value: usize) -> siginfo_t {
    // SAFETY: zero is a valid siginfo, and `Sent` is how it begins; getpid and getuid have no pointers.
    unsafe {
        let mut info: siginfo_t = core::mem::zeroed();
        let pid = scheduler::sys!(getpid).unwrap_or(0) as c_int;
        let uid = scheduler::sys!(getuid).unwrap_or(0) as u32;
        (&raw mut info).cast::<Sent>().write(Sent { signal, errno: 0, code, _pad: 0, pid, uid, value });
        info
    }
}

/// A signal of which no more is known than its number.
pub fn plain_info(signal: c_int) -> siginfo_t {
    info(signal, SI_TKILL, 0)
}

/// Send a signal to a live green thread; 0 or an error number.
fn send(rt: &'static Runtime, to: &'static Green, info: siginfo_t) -> c_int {
    let signal = info.si_signo;
    if !is_valid(signal) {
        return libc::EINVAL;
    }
    if signal == 0 {
        return 0;
    }
    if !to.signals.blocks(signal) {
        match disposition(signal) {
            Disposition::Ignored => return 0,
            // A death, a stop: the whole process's, at once.
            Disposition::Default => return to_kernel(&info),
            Disposition::Handled => {}
        }
    }
    if let Err(error) = pending::push(to, info) {
        return error;
    }
    rt.carrier.signal_kept();
    let here = rt.carrier_here();
    if here.is_some_and(|carrier| core::ptr::eq(carrier.current(), &raw const to.thread)) {
        delivery::run_if_due();
    } else if to.signals.due.load(Ordering::SeqCst)
        || to.signals.awaited.load(Ordering::SeqCst) & bit(signal) != 0
    {
        // SAFETY: a live thread's record.
        unsafe { rt.carrier.interrupt((&raw const to.thread).cast_mut()) };
    }
    0
}

/// What the kernel would have sent to a thread.
pub fn from_kernel(rt: &'static Runtime, to: &'static Green, signal: c_int) {
    if !to.signals.blocks(signal) && disposition(signal) == Disposition::Default {
        // (A helper may not say that it was kill(2).)
        // SAFETY: no pointers.
        let _ = unsafe {
            scheduler::sys!(tgkill, scheduler::sys!(getpid).unwrap_or(0), green::kernel_tid(), signal)
        };
        return;
    }
    send(rt, to, info(signal, libc::SI_USER, 0));
}

/// To the running thread.
pub fn to_self(rt: &'static Runtime, signal: c_int) -> c_int {
    send(rt, green::current(rt), info(signal, SI_TKILL, 0))
}

/// Let the kernel send a signal to the kernel thread that runs green threads.
pub fn to_kernel(info: &siginfo_t) -> c_int {
    // SAFETY: an object of ours.
    let sent = unsafe {
        let pid = scheduler::sys!(getpid).unwrap_or(0);
        let info = core::ptr::from_ref(info);
        scheduler::sys!(rt_tgsigqueueinfo, pid, green::kernel_tid(), (*info).si_signo, info)
    };
    sent.map_or_else(|e| e.0, |_| 0)
}

/// To the thread that calls itself `tid`, if it is one of ours: as -1 and `errno`.
pub fn to_tid(tid: pid_t, signal: c_int) -> Option<c_int> {
    let rt = start::runtime()?;
    let to = roster::by_tid(tid)?;
    Some(match send(rt, to, info(signal, SI_TKILL, 0)) {
        0 => 0,
        error => fail(error),
    })
}

fn is_over(green: &Green) -> bool {
    green.life.load(Ordering::Acquire) & (ENDED | BURIED) != 0
}

export! {
    /// abort(3): libc lets SIGABRT through where we would not see it.
    fn abort() -> ! {
        if let Some((rt, _)) = start::here() {
            let me = green::current(rt);
            super::mask::set_and_deliver(me, me.signals.blocked() & !bit(libc::SIGABRT));
        }
        crate::chaos::report();
        real::abort()
    }

    /// pthread_kill(3)
    fn pthread_kill(thread: pthread_t, signal: c_int) -> c_int {
        match green_handle(thread) {
            // Natively a thread that ended but was not joined takes any valid signal, silently.
            Some((_, green)) if is_over(green) => if is_valid(signal) { 0 } else { libc::EINVAL },
            Some((rt, green)) => send(rt, green, info(signal, SI_TKILL, 0)),
            None => real::pthread_kill(thread, signal),
        }
    }

    /// pthread_sigqueue(3)
    fn pthread_sigqueue(thread: pthread_t, signal: c_int, value: sigval) -> c_int {
        match green_handle(thread) {
            Some((_, green)) if is_over(green) => libc::ESRCH,
            Some((rt, green)) => send(rt, green, info(signal, SI_QUEUE, value.sival_ptr.expose_provenance())),
            None => real::pthread_sigqueue(thread, signal, value),
        }
    }

    /// raise(3)
    fn raise | gsignal(signal: c_int) -> c_int {
        match start::here() {
            Some((rt, _)) => match to_self(rt, signal) {
                0 => 0,
                error => fail(error),
            },
            None => real::raise(signal),
        }
    }

    /// tgkill(2)
    fn tgkill(process: pid_t, tid: pid_t, signal: c_int) -> c_int {
        let ours = scheduler::sys!(getpid) == Ok(process as usize);
        ours.then(|| to_tid(tid, signal)).flatten().unwrap_or_else(|| real::tgkill(process, tid, signal))
    }
}
