//! A stack that is used up: one line that says whose, before the same death as without us.

use crate::pthread::green::Green;
use crate::say;
use core::ffi::CStr;
use core::fmt;
use libc::siginfo_t;

/// The name of a function, as far as it has one that is exported.
struct Name(usize);

impl fmt::Display for Name {
    fn fmt(&self, out: &mut fmt::Formatter) -> fmt::Result {
        // SAFETY: an object of ours; ld.so's strings live as long as the library.
        unsafe {
            let mut info: libc::Dl_info = core::mem::zeroed();
            if libc::dladdr(core::ptr::with_exposed_provenance(self.0), &raw mut info) == 0 {
                return write!(out, "{:#x}", self.0);
            }
            let text = |string| CStr::from_ptr(string).to_str().unwrap_or("?");
            if info.dli_sname.is_null() {
                write!(out, "{}+{:#x}", text(info.dli_fname), self.0 - info.dli_fbase.addr())
            } else {
                write!(out, "{}", text(info.dli_sname))
            }
        }
    }
}

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
    // SAFETY: the thread's own name, which nobody changes now.
    let name = unsafe { &*me.name.get() };
    let name = CStr::from_bytes_until_nul(name).ok().and_then(|name| name.to_str().ok()).unwrap_or("");
    let [open, close] = if name.is_empty() { ["", ""] } else { [" \"", "\""] };
    let size = me.asked_size >> 10;
    say!(
        "thread {}{open}{name}{close}, begun in {}, has used up its stack of {size} KiB \
         (GREEN_STACK_SIZE, or pthread_attr_setstacksize)",
        me.thread.id,
        Name(me.start as *const () as usize)
    );
}
