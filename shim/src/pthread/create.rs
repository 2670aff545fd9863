//! pthread_create(3)

use super::green::{self, DETACHED, Plan};
use super::schedule::{Schedule, grant_cpus};
use crate::abi::{
    ATTR_DETACHED, ATTR_EXPLICIT, ATTR_POLICY_GIVEN, ATTR_PRIORITY_GIVEN, ATTR_STACK_GIVEN, Attributes,
};
use crate::real::{self, Start};
use crate::reports::pinned;
use crate::signal::mask::NEVER;
use crate::signal::set::bits_of;
use crate::{export, options, preempt, start, trap};
use core::cell::UnsafeCell;
use core::ffi::{c_int, c_void};
use core::mem::MaybeUninit;
use core::ptr;
use core::sync::atomic::{AtomicBool, Ordering};
use libc::{pthread_attr_t, pthread_t};
use scheduler::Runtime;
use scheduler::stack::Stack;
use scheduler::trace::{self, What};

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
        trap::resume();
        match create(rt, attr.cast::<Attributes>().as_ref(), start, arg) {
            Ok(green) => {
                // The handle must be there before the thread runs.
                out.write(green.fs as pthread_t);
                trace::record(What::Create, 0, green.thread.id, start as *const () as u64);
                rt.carrier.spawn((&raw const green.thread).cast_mut());
                preempt::arm(rt);
                pinned::arm();
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
    let defaults;
    let (attr, asked_size) = match attr {
        Some(attr) if attr.stack_size != 0 => (attr, attr.stack_size),
        other => {
            defaults = Defaults::get();
            (other.unwrap_or(defaults.attributes()), defaults.stack_size())
        }
    };
    let creator = green::current(rt);
    let (schedule, cpus) = scheduling(creator, attr)?;
    let mask = given_mask(attr).unwrap_or_else(|| creator.signals.blocked());
    let overhead = green::overhead(start::layout());
    let stack = if attr.flags & ATTR_STACK_GIVEN != 0 {
        if asked_size < overhead + LEAST_REST {
            return Err(libc::EINVAL);
        }
        Stack {
            base: attr.stack_end.cast::<u8>().wrapping_sub(asked_size),
            len: asked_size,
            guard: 0,
            foreign: true,
            pooled: false,
            fresh: false,
        }
    } else {
        let len = with_room(asked_size, attr.guard).ok_or(libc::EINVAL)?;
        crate::signal::undisturbed(|| rt.stacks.take(len, attr.guard)).map_err(|_| libc::EAGAIN)?
    };
    let life = if attr.flags & ATTR_DETACHED != 0 { DETACHED } else { 0 };
    let entry = super::exit::green_thread_main;
    let plan = Plan { stack, asked_size, start, arg, life, schedule, cpus, mask, entry };
    green::make(rt, plan).ok_or_else(|| {
        // SAFETY: nobody has seen the stack.
        crate::signal::undisturbed(|| unsafe { rt.stacks.give_back(stack, 0) });
        libc::EAGAIN
    })
}

/// Policy, priority and CPUs of a new thread: the attributes', else its creator's. Errors are the
/// kernel's.
fn scheduling(creator: &green::Green, attr: &Attributes) -> Result<(Option<Schedule>, u16), c_int> {
    let mut schedule = creator.schedule.get().map(Schedule::inherited);
    let mut cpus = creator.cpus.get();
    let given = attr.flags & (ATTR_POLICY_GIVEN | ATTR_PRIORITY_GIVEN);
    if attr.flags & ATTR_EXPLICIT != 0 && given != 0 {
        let own = Schedule::of(creator);
        let wanted = Schedule {
            policy: if given & ATTR_POLICY_GIVEN != 0 { attr.policy } else { own.policy },
            priority: if given & ATTR_PRIORITY_GIVEN != 0 { attr.priority } else { own.priority },
        };
        match own.may_become(wanted) {
            0 => schedule = Some(wanted),
            error => return Err(error),
        }
    }
    // SAFETY: null, or what libc's setters put there.
    if let Some(more) = unsafe { attr.more.as_ref() }
        && !more.cpus.is_null()
    {
        // SAFETY: likewise.
        cpus = unsafe { grant_cpus(more.cpus_size, more.cpus) }?;
    }
    Ok((schedule, cpus))
}

/// The signal mask that attributes give (pthread_attr_setsigmask_np(3)).
fn given_mask(attr: &Attributes) -> Option<u64> {
    // SAFETY: null, or what libc's setters put there.
    unsafe {
        let more = attr.more.as_ref()?;
        more.has_mask.then(|| bits_of(&raw const more.mask) & !NEVER)
    }
}

/// The attributes of threads that are given none (pthread_setattr_default_np(3)): a copy, as libc makes
/// it. Usually there are but sizes in it, and those are kept: libc takes a lock for each copy.
enum Defaults {
    Kept(&'static Attributes),
    Copy(pthread_attr_t),
}

struct Kept(UnsafeCell<MaybeUninit<Attributes>>);
// SAFETY: written and read by the carrier alone.
unsafe impl Sync for Kept {}
static KEPT: Kept = Kept(UnsafeCell::new(MaybeUninit::uninit()));
static IS_KEPT: AtomicBool = AtomicBool::new(false);

impl Defaults {
    fn get() -> Defaults {
        if IS_KEPT.load(Ordering::Acquire) {
            // SAFETY: written before.
            return Defaults::Kept(unsafe { (*KEPT.0.get()).assume_init_ref() });
        }
        // SAFETY: libc fills an object of ours; all-zero bytes stand for its own defaults.
        let defaults = unsafe {
            let mut attr = core::mem::zeroed::<pthread_attr_t>();
            if real::pthread_getattr_default_np(&raw mut attr) != 0 {
                libc::pthread_attr_init(&raw mut attr);
            }
            Defaults::Copy(attr)
        };
        let sizes = defaults.attributes();
        if sizes.more.is_null() && sizes.flags == 0 && start::here().is_some() {
            // SAFETY: no reference to it exists yet.
            unsafe { (*KEPT.0.get()).write(*sizes) };
            IS_KEPT.store(true, Ordering::Release);
        }
        defaults
    }

    fn attributes(&self) -> &Attributes {
        match self {
            Defaults::Kept(kept) => kept,
            // SAFETY: the object's own layout.
            Defaults::Copy(attr) => unsafe { &*ptr::from_ref(attr).cast::<Attributes>() },
        }
    }

    /// Stack size of threads whose attributes give none: the user's option, else libc's own (which
    /// follows `RLIMIT_STACK` and pthread_setattr_default_np).
    fn stack_size(&self) -> usize {
        if let Some(size) = options::STACK_SIZE.get() {
            return size as usize;
        }
        match self.attributes().stack_size {
            0 => 8 << 20,
            size => size,
        }
    }
}

impl Drop for Defaults {
    fn drop(&mut self) {
        if let Defaults::Copy(attr) = self {
            // SAFETY: initialised above.
            unsafe { libc::pthread_attr_destroy(attr) };
        }
    }
}

/// How long a stack of ours is that has so much for frames, and such a guard.
fn with_room(size: usize, guard: usize) -> Option<usize> {
    size.checked_add(guard)?.checked_add(green::overhead(start::layout()) + JACKET_FRAMES)
}

/// How long the stack of a thread without attributes is, and its guard.
pub fn default_length() -> Option<(usize, usize)> {
    let defaults = Defaults::get();
    let guard = defaults.attributes().guard;
    Some((with_room(defaults.stack_size(), guard)?, guard))
}

export! {
    /// pthread_setattr_default_np(3)
    fn pthread_setattr_default_np(attr: *const pthread_attr_t) -> c_int {
        IS_KEPT.store(false, Ordering::Release);
        real::pthread_setattr_default_np(attr)
    }
}
