//! All green threads that have not ended, so that one can be found by its number.

use super::green::Green;
use crate::signal::undisturbed;
use crate::start;
use core::ptr;
use scheduler::list::{Links, List, Node};
use scheduler::spin::Spin;

/// Where the first thread's address is: for debuggers. (A list begins with it.)
pub const FIRST: *const () = (&raw const ROSTER).cast::<()>().wrapping_byte_add(Spin::<List<Green>>::VALUE);

static ROSTER: Spin<List<Green>> = Spin::new(List::new());

// SAFETY: always the same field.
unsafe impl Node for Green {
    fn links(&self) -> &Links<Green> {
        &self.roster
    }
}

fn locked<R>(work: impl FnOnce(&List<Green>) -> R) -> R {
    undisturbed(|| work(&ROSTER.lock()))
}

/// A thread begins to exist.
pub fn add(green: &Green) {
    // SAFETY: it takes itself off before its memory becomes another's.
    locked(|list| unsafe { list.push_back(ptr::from_ref(green).cast_mut()) });
}

/// A thread ends.
pub fn remove(green: &Green) {
    // SAFETY: it is on the list.
    locked(|list| unsafe { list.remove(ptr::from_ref(green).cast_mut()) });
}

/// Every thread, in the order of their creation.
pub fn each(mut work: impl FnMut(&'static Green)) {
    let _ = search(|green| {
        work(green);
        false
    });
}

/// The first thread for which `wanted` holds, in the order of their creation.
pub fn find(wanted: impl Fn(&Green) -> bool) -> Option<&'static Green> {
    search(wanted)
}

/// The thread that was created first.
pub fn first() -> Option<&'static Green> {
    search(|_| true)
}

/// The next in that order, while nobody else runs.
pub fn after(green: &'static Green) -> Option<&'static Green> {
    // SAFETY: it is on the list, whose threads are alive.
    locked(|list| unsafe { list.after(ptr::from_ref(green).cast_mut()).as_ref() })
}

fn search(mut wanted: impl FnMut(&'static Green) -> bool) -> Option<&'static Green> {
    locked(|list| {
        let mut at = list.first();
        // SAFETY: listed threads are alive.
        unsafe {
            while let Some(green) = at.as_ref() {
                if wanted(green) {
                    return Some(green);
                }
                at = list.after(at);
            }
        }
        None
    })
}

/// The thread that calls itself `tid` (gettid(2)).
pub fn by_tid(tid: i32) -> Option<&'static Green> {
    // SAFETY: listed threads have descriptors.
    find(|green| unsafe { *start::layout().tid_of(green.fs) == tid })
}

/// In the child of `fork`, `green` is the only one.
pub fn after_fork(green: &Green) {
    ROSTER.force_unlock();
    ROSTER.lock().clear();
    add(green);
}
