//! mlockall(2): memory that is mapped in advance must not become resident in advance.

use crate::signal::undisturbed;
use crate::{export, real, start};
use core::ffi::c_int;
use core::sync::atomic::{AtomicBool, Ordering};

/// `MCL_ONFAULT`
const ON_FAULT: c_int = 4;

/// What is mapped from now on is resident at once.
static AT_ONCE: AtomicBool = AtomicBool::new(false);

/// Will what is mapped be resident at once?
pub fn is_resident_at_once() -> bool {
    AT_ONCE.load(Ordering::Relaxed)
}

/// What is mapped in advance goes, and with `from_now_on` nothing is mapped so.
fn keep_no_reserve(from_now_on: bool) {
    if let Some((rt, _)) = start::here() {
        undisturbed(|| rt.stacks.keep_no_reserve(from_now_on));
    }
}

export! {
    /// mlockall(2)
    fn mlockall(flags: c_int) -> c_int {
        if flags & ON_FAULT == 0 {
            keep_no_reserve(flags & libc::MCL_FUTURE != 0);
        }
        let result = real::mlockall(flags);
        if result == 0 {
            AT_ONCE.store(flags & (ON_FAULT | libc::MCL_FUTURE) == libc::MCL_FUTURE, Ordering::Relaxed);
        }
        // (If it was refused, all is as before.)
        keep_no_reserve(is_resident_at_once());
        result
    }

    /// munlockall(2)
    fn munlockall() -> c_int {
        AT_ONCE.store(false, Ordering::Relaxed);
        keep_no_reserve(false);
        real::munlockall()
    }
}
