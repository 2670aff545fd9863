//! What can be asked of, and told about, a running thread: pthread_getattr_np(3),
//! pthread_setname_np(3).

use super::green::{DETACHED, Green};
use super::join::green_handle;
use crate::{export, real, tracing};
use core::ffi::{CStr, c_char, c_int};
use core::sync::atomic::Ordering;
use libc::{pthread_attr_t, pthread_t, size_t};

/// Longest name, its NUL included.
const NAME_BYTES: usize = 16;

export! {
    /// pthread_getattr_np(3): the bounds are those of the stack the thread really has.
    fn pthread_getattr_np(thread: pthread_t, attr: *mut pthread_attr_t) -> c_int {
        match green_handle(thread) {
            Some((_, green)) if !is_main(green) => describe(green, attr),
            _ => real::pthread_getattr_np(thread, attr),
        }
    }

    /// pthread_setname_np(3)
    fn pthread_setname_np(thread: pthread_t, name: *const c_char) -> c_int {
        match green_handle(thread) {
            Some((_, green)) if !is_main(green) => {
                let name = CStr::from_ptr(name).to_bytes_with_nul();
                if name.len() > NAME_BYTES {
                    return libc::ERANGE;
                }
                let own = &mut *green.name.get();
                own[..name.len()].copy_from_slice(name);
                tracing::named(green.thread.id, own);
                0
            }
            _ => real::pthread_setname_np(thread, name),
        }
    }

    /// pthread_getname_np(3): a thread without a name has the process's, as natively.
    fn pthread_getname_np(thread: pthread_t, name: *mut c_char, len: size_t) -> c_int {
        match green_handle(thread) {
            Some((_, green)) if !is_main(green) => {
                if len < NAME_BYTES {
                    return libc::ERANGE;
                }
                let own = &*green.name.get();
                if own[0] == 0 {
                    return real::pthread_getname_np(super::green::main_handle(), name, len);
                }
                name.cast::<[u8; NAME_BYTES]>().write_unaligned(*own);
                0
            }
            _ => real::pthread_getname_np(thread, name, len),
        }
    }
}

fn is_main(green: &Green) -> bool {
    core::ptr::eq(&raw const green.thread, super::green::main_thread())
}

unsafe fn describe(green: &Green, attr: *mut pthread_attr_t) -> c_int {
    let stack = green.stack;
    // SAFETY: the program's object; libc's own setters fill it.
    unsafe {
        let error = libc::pthread_attr_init(attr);
        if error != 0 {
            return error;
        }
        // The usable part: without the guard, with our own bytes at the top.
        libc::pthread_attr_setstack(attr, stack.base.add(stack.guard).cast(), stack.len - stack.guard);
        libc::pthread_attr_setguardsize(attr, stack.guard);
        if green.life.load(Ordering::Relaxed) & DETACHED != 0 {
            libc::pthread_attr_setdetachstate(attr, libc::PTHREAD_CREATE_DETACHED);
        }
    }
    0
}
