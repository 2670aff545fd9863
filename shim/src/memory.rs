//! mlockall(2): memory that is mapped in advance must not become resident in advance.

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

export! {
    /// mlockall(2)
    fn mlockall(flags: c_int) -> c_int {
        let at_once = flags & ON_FAULT == 0;
        if let (Some((rt, _)), true) = (start::here(), at_once) {
            crate::signal::undisturbed(|| rt.stacks.keep_no_reserve(flags & libc::MCL_FUTURE != 0));
        }
        let result = real::mlockall(flags);
        if result == 0 {
            AT_ONCE.store(at_once && flags & libc::MCL_FUTURE != 0, Ordering::Relaxed);
        }
        result
    }

    /// munlockall(2)
    fn munlockall() -> c_int {
        AT_ONCE.store(false, Ordering::Relaxed);
        if let Some((rt, _)) = start::here() {
            crate::signal::undisturbed(|| rt.stacks.keep_no_reserve(false));
        }
        real::munlockall()
    }
}
