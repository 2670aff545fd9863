//! A stack that is used up: one line that says whose, before the same death as without us.

use super::symbols::Symbols;
use super::title::Title;
use crate::pthread::green::Green;
use crate::say;
use libc::siginfo_t;

/// Has the running thread touched the guard below its stack? Then say so.
pub fn report_if_used_up(me: &Green, info: &siginfo_t) {
    // SAFETY: a fault has an address.
    let address = unsafe { info.si_addr() }.addr();
    if info.si_signo == libc::SIGSEGV && info.si_code > 0 && me.has_used_up(address) {
        report(me);
    }
}

/// The running thread dies of its stack's size.
pub fn report(me: &Green) {
    let size = me.asked_size >> 10;
    Symbols::with(|symbols| {
        say!(
            "{}, begun in {}, has used up its stack of {size} KiB (GREEN_STACK_SIZE, or pthread_attr_setstacksize)",
            Title(me),
            symbols.function(me.start as *const () as usize)
        );
    });
}
