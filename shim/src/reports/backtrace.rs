//! The frames of a thread, innermost first: by libgcc's unwinder, which every process with us has loaded.
//!
//! A parked thread is unwound from here, as if it had called us (`call_as_if_from`): its own stack may have no room
//! for an unwinder, and nothing on it changes.

use super::symbols::Symbols;
use crate::say;
use core::ffi::{c_int, c_void};
use scheduler::context::call_as_if_from;

/// More are not shown.
const FRAMES: usize = 64;

/// What is answered to the unwinder: `_URC_NO_REASON`.
pub const GO_ON: c_int = 0;
/// The same: `_URC_NORMAL_STOP`.
pub const END: c_int = 4;

unsafe extern "C" {
    /// Shows `look` the frames, from the caller's on.
    pub fn _Unwind_Backtrace(
        look: unsafe extern "C" fn(*mut c_void, *mut c_void) -> c_int,
        data: *mut c_void,
    ) -> c_int;
    /// Where a frame is, and whether a signal interrupted it there.
    pub fn _Unwind_GetIPInfo(frame: *mut c_void, was_interrupted: *mut c_int) -> usize;
}

/// What is known while frames go by.
struct Walk<'a> {
    symbols: &'a Symbols,
    shown: usize,
}

unsafe extern "C" fn look(frame: *mut c_void, walk: *mut c_void) -> c_int {
    // SAFETY: the Walk of the functions below; the frame is the unwinder's.
    unsafe {
        let walk = &mut *walk.cast::<Walk>();
        let mut was_interrupted = 0;
        let address = _Unwind_GetIPInfo(frame, &raw mut was_interrupted);
        if address == 0 || walk.shown == FRAMES {
            return END;
        }
        // Our own, down to the jacket, and where a thread begins, are left out.
        if walk.symbols.are_together(address, look as *const () as usize) {
            return GO_ON;
        }
        say!("    #{} {}", walk.shown, walk.symbols.place(address, was_interrupted == 0));
        walk.shown += 1;
        GO_ON
    }
}

unsafe extern "C" fn walk(data: *mut c_void) {
    // SAFETY: the caller's Walk.
    unsafe { _Unwind_Backtrace(look, data) };
}

/// Say where the running thread is.
pub fn say_running(symbols: &Symbols) {
    let mut data = Walk { symbols, shown: 0 };
    // SAFETY: it outlives the walk.
    unsafe { walk((&raw mut data).cast()) };
}

/// Say where a suspended thread is.
///
/// # Safety
/// `sp` must be its stack pointer, and it must stay suspended.
pub unsafe fn say_suspended(symbols: &Symbols, sp: *const u8) {
    let mut data = Walk { symbols, shown: 0 };
    // SAFETY: the caller's; nothing in `walk` unwinds.
    unsafe { call_as_if_from(sp, walk, (&raw mut data).cast()) };
}
