//! What `GREEN_TRAP=report` counts and prints.

use crate::real::inner;
use crate::{loader, say};
use core::ffi::{CStr, c_long};
use core::fmt;
use core::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

/// One place from which a system call came, counted.
struct Place {
    number: AtomicU32,
    count: AtomicU32,
    /// After the instruction.
    at: AtomicUsize,
    /// A return address further up the stack, in another object.
    caller: AtomicUsize,
}

const PLACES: usize = 256;
static SEEN: [Place; PLACES] = [const {
    Place {
        number: AtomicU32::new(0),
        count: AtomicU32::new(0),
        at: AtomicUsize::new(0),
        caller: AtomicUsize::new(0),
    }
}; PLACES];
static USED: AtomicUsize = AtomicUsize::new(0);

/// Count a system call whose instruction ends at `at`, unless a jacket has made it.
///
/// # Safety
/// `stack` is the calling thread's stack pointer there.
pub unsafe fn note(number: c_long, at: usize, stack: usize) {
    let used = USED.load(Ordering::Relaxed);
    let known = SEEN[..used].iter().find(|place| {
        place.at.load(Ordering::Relaxed) == at && place.number.load(Ordering::Relaxed) == number as u32
    });
    if let Some(place) = known {
        place.count.fetch_add(1, Ordering::Relaxed);
        return;
    }
    // SAFETY: the interrupted thread's stack.
    let caller = unsafe { caller_in_another_object(at, stack) };
    let (Some(place), Some(caller)) = (SEEN.get(used), caller) else { return };
    place.number.store(number as u32, Ordering::Relaxed);
    place.at.store(at, Ordering::Relaxed);
    place.count.store(1, Ordering::Relaxed);
    place.caller.store(caller, Ordering::Relaxed);
    USED.store(used + 1, Ordering::Relaxed);
}

/// Who called the function around `at`: if that is libc's, the first word on the stack that looks like a return address
/// into another object, or `None` if that is libgreen: a jacket has made the call.
unsafe fn caller_in_another_object(at: usize, stack: usize) -> Option<usize> {
    const WORDS: usize = 256;
    let [from, to] = loader::object_around(at);
    if !inner::CTYPE_INIT.find().is_some_and(|libc| (from..to).contains(&libc.addr())) {
        return Some(at);
    }
    let ours = loader::object_around(note as *const () as usize);
    for i in 0..WORDS {
        // SAFETY: a thread's stack goes on for more than this above a libc function's frame, or holds its first
        // frame, after which comes the thread's record.
        let word = unsafe { core::ptr::with_exposed_provenance::<usize>(stack + 8 * i).read() };
        if word < 1 << 16 || (from..to).contains(&word) {
            continue;
        }
        if (ours[0]..ours[1]).contains(&word) {
            return None;
        }
        if loader::is_code(word) {
            return Some(word);
        }
    }
    Some(0)
}

/// An address as "function in object", or "object+offset", as addr2line(1) takes it.
struct Where(usize);

impl fmt::Display for Where {
    fn fmt(&self, out: &mut fmt::Formatter) -> fmt::Result {
        // SAFETY: an object of ours; ld.so's strings live as long as the library.
        unsafe {
            let mut info: libc::Dl_info = core::mem::zeroed();
            if libc::dladdr(core::ptr::with_exposed_provenance(self.0), &raw mut info) == 0
                || info.dli_fname.is_null()
            {
                return write!(out, "{:#x}", self.0);
            }
            let object = CStr::from_ptr(info.dli_fname).to_str().unwrap_or("?");
            if info.dli_sname.is_null() {
                write!(out, "{object}+{:#x}", self.0 - info.dli_fbase.addr())
            } else {
                write!(out, "{} in {object}", CStr::from_ptr(info.dli_sname).to_str().unwrap_or("?"))
            }
        }
    }
}

/// Forget what was counted.
pub fn clear() {
    USED.store(0, Ordering::Relaxed);
}

/// At the end of the process: one line a place, once.
pub extern "C" fn print() {
    for place in &SEEN[..USED.swap(0, Ordering::Relaxed)] {
        let number = place.number.load(Ordering::Relaxed);
        let count = place.count.load(Ordering::Relaxed);
        let name = scheduler::sys::Sysno::new(number as usize).map_or("?", |n| n.name());
        let [at, caller] = [&place.at, &place.caller].map(|address| Where(address.load(Ordering::Relaxed)));
        say!("trap: {name} x {count} near {at}, called by {caller}");
    }
}
