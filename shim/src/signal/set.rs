//! Sets of signals as 64 bits, signal 1 in the lowest, and the mask that the kernel has for the
//! calling kernel thread.

use core::ffi::c_int;
use libc::sigset_t;

/// The set of one signal.
pub const fn bit(signal: c_int) -> u64 {
    1 << (signal - 1)
}

/// The signals of a set, the lowest first.
pub fn signals_in(mut set: u64) -> impl Iterator<Item = c_int> {
    core::iter::from_fn(move || {
        let lowest = set.trailing_zeros();
        // The last bit taken: `trailing_zeros` is 64 then.
        set &= set.wrapping_sub(1);
        (lowest < u64::BITS).then_some(lowest as c_int + 1)
    })
}

/// The first word of libc's set: signals 1 to 64, and all that the kernel knows.
///
/// # Safety
/// `set` is valid.
pub unsafe fn bits_of(set: *const sigset_t) -> u64 {
    // SAFETY: the caller's.
    unsafe { set.cast::<u64>().read() }
}

/// Store a set in libc's form: the first word.
///
/// # Safety
/// `to` is valid.
pub unsafe fn store(set: u64, to: *mut sigset_t) {
    // SAFETY: the caller's.
    unsafe { to.cast::<u64>().write(set) };
}

/// What the kernel blocks in the calling kernel thread.
pub fn kernel_mask() -> u64 {
    let mut mask = 0u64;
    // SAFETY: a word of our own.
    let _ = unsafe { scheduler::sys!(rt_sigprocmask, libc::SIG_BLOCK, 0, &raw mut mask, 8usize) };
    mask
}

/// Let the kernel block `mask` in the calling kernel thread; what it blocked before.
pub fn set_kernel_mask(mask: u64) -> u64 {
    let mask = mask & !crate::trap::never_blocked();
    let mut before = 0u64;
    // SAFETY: words of our own.
    let _ = unsafe {
        scheduler::sys!(rt_sigprocmask, libc::SIG_SETMASK, &raw const mask, &raw mut before, 8usize)
    };
    before
}

/// Run `work` with this kernel mask.
pub fn under_kernel_mask<R>(mask: u64, work: impl FnOnce() -> R) -> R {
    let before = set_kernel_mask(mask);
    let result = work();
    set_kernel_mask(before);
    result
}
