//! pthread_create(3)

use super::green::{self, DETACHED, Plan};
use crate::abi::{ATTR_DETACHED, ATTR_STACK_GIVEN, Attributes};
use crate::real::{self, Start};
use crate::{export, options, start};
use core::ffi::{c_int, c_void};
use libc::{pthread_attr_t, pthread_t};
use scheduler::Runtime;
use scheduler::stack::{PAGE, Stack};

/// glibc's `MINIMAL_REST_STACK`: what must remain of a small stack for frames.
const LEAST_REST: usize = 2048;

/// Room for the frames of our own jackets, which the program's size does not count.
const JACKET_FRAMES: usize = 8 << 10;

export! {
    /// pthread_create(3)
    fn pthread_create(out: *mut pthread_t, attr: *const pthread_attr_t, start: Start, arg: *mut c_void) -> c_int {
        let Some(rt) = start::go_green() else {
            return real::pthread_create(out, attr, start, arg);
        };
        // A foreign kernel thread's children are kernel threads too.
        if rt.carrier_here().is_none() {
            return real::pthread_create(out, attr, start, arg);
        }
        match create(rt, attr.cast::<Attributes>().as_ref(), start, arg) {
            Ok(green) => {
                // The handle must be there before the thread runs.
                out.write(green.fs as pthread_t);
                rt.carrier.spawn((&raw const green.thread).cast_mut());
                0
            }
            Err(error) => error,
        }
    }
}

fn create(
    rt: &'static Runtime,
    attr: Option<&Attributes>,
    start: Start,
    arg: *mut c_void,
) -> Result<&'static green::Green, c_int> {
    let overhead = green::overhead(start::layout());
    let flags = attr.map_or(0, |a| a.flags);
    let asked_size = attr.map(|a| a.stack_size).filter(|&s| s != 0).unwrap_or_else(default_size);
    let stack = match attr {
        Some(a) if flags & ATTR_STACK_GIVEN != 0 => {
            if asked_size < overhead + LEAST_REST {
                return Err(libc::EINVAL);
            }
            Stack {
                base: a.stack_end.cast::<u8>().wrapping_sub(asked_size),
                len: asked_size,
                guard: 0,
                foreign: true,
            }
        }
        _ => {
            let guard = attr.map_or(PAGE, |a| a.guard);
            let len = asked_size.checked_add(guard).and_then(|l| l.checked_add(overhead + JACKET_FRAMES));
            let len = len.ok_or(libc::EINVAL)?;
            rt.stacks.take(len, guard).map_err(|_| libc::EAGAIN)?
        }
    };
    let life = if flags & ATTR_DETACHED != 0 { DETACHED } else { 0 };
    let plan = Plan { stack, asked_size, start, arg, life, entry: super::exit::green_thread_main };
    green::make(rt, plan).ok_or_else(|| {
        // SAFETY: nobody has seen the stack.
        unsafe { rt.stacks.give_back(stack, None) };
        libc::EAGAIN
    })
}

/// Stack size of threads whose attributes give none: the user's option, else libc's own default
/// (which follows `RLIMIT_STACK` and `pthread_setattr_default_np`).
pub fn default_size() -> usize {
    if let Some(size) = options::STACK_SIZE.get() {
        return size as usize;
    }
    // SAFETY: libc fills an object of ours.
    unsafe {
        let mut attr = core::mem::zeroed::<pthread_attr_t>();
        let mut size = 0;
        if pthread_getattr_default_np(&raw mut attr) == 0 {
            libc::pthread_attr_getstacksize(&raw const attr, &raw mut size);
            libc::pthread_attr_destroy(&raw mut attr);
        }
        if size == 0 { 8 << 20 } else { size }
    }
}

unsafe extern "C" {
    fn pthread_getattr_default_np(attr: *mut pthread_attr_t) -> c_int;
}
