//! What a thread is called: `thread 3 "worker"`, `thread 1 (main)`.

use crate::pthread::green::{self, Green};
use core::ffi::CStr;
use core::fmt;
use core::ptr;

/// A thread by its number, and its name if it has one.
pub struct Title<'a>(pub &'a Green);

impl fmt::Display for Title<'_> {
    fn fmt(&self, out: &mut fmt::Formatter) -> fmt::Result {
        write!(out, "thread {}", self.0.thread.id)?;
        if ptr::eq(&raw const self.0.thread, green::main_thread()) {
            out.write_str(" (main)")?;
        }
        // SAFETY: the thread's own name, which nobody changes now.
        let name = unsafe { &*self.0.name.get() };
        let name = CStr::from_bytes_until_nul(name).ok().and_then(|name| name.to_str().ok()).unwrap_or("");
        if name.is_empty() { Ok(()) } else { write!(out, " \"{name}\"") }
    }
}
