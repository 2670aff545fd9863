//! Thread-specific data: pthread_key_create(3).
//!
//! Values live in glibc's descriptor, which every green thread has, so `pthread_getspecific` and
//! `pthread_setspecific` are right as they are. What glibc does at a thread's end (call the
//! destructors) is ours to do, so we note which key has which.

use crate::export;
use crate::real::{self, Destructor};
use core::ffi::{c_int, c_void};
use core::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use libc::pthread_key_t;

/// `PTHREAD_KEYS_MAX`
const KEYS: usize = 1024;
/// `PTHREAD_DESTRUCTOR_ITERATIONS`
const ROUNDS: usize = 4;

/// Destructors by key, 0 for none.
static DESTRUCTORS: [AtomicUsize; KEYS] = [const { AtomicUsize::new(0) }; KEYS];
/// One more than the highest key that ever had a destructor.
static HIGHEST: AtomicU32 = AtomicU32::new(0);

export! {
    /// pthread_key_create(3)
    fn pthread_key_create | __pthread_key_create(key: *mut pthread_key_t, destructor: Destructor) -> c_int {
        let error = real::pthread_key_create(key, destructor);
        if error == 0 {
            note(*key, destructor);
        }
        error
    }

    /// pthread_key_delete(3)
    fn pthread_key_delete(key: pthread_key_t) -> c_int {
        note(key, None);
        real::pthread_key_delete(key)
    }

    /// tss_create(3): the same keys.
    fn tss_create(key: *mut pthread_key_t, destructor: Destructor) -> c_int {
        let error = real::tss_create(key, destructor);
        if error == 0 {
            note(*key, destructor);
        }
        error
    }

    /// tss_delete(3)
    fn tss_delete(key: pthread_key_t) -> () {
        note(key, None);
        real::tss_delete(key)
    }
}

fn note(key: pthread_key_t, destructor: Destructor) {
    if let Some(place) = DESTRUCTORS.get(key as usize) {
        place.store(destructor.map_or(0, |d| d as usize), Ordering::Release);
        if destructor.is_some() {
            HIGHEST.fetch_max(key + 1, Ordering::Relaxed);
        }
    }
}

/// The running thread ends: call the destructors of its values, in glibc's order, as often as glibc.
pub fn run_destructors() {
    for _ in 0..ROUNDS {
        let mut again = false;
        for key in 0..HIGHEST.load(Ordering::Relaxed) {
            let destructor = DESTRUCTORS[key as usize].load(Ordering::Acquire);
            if destructor == 0 {
                continue;
            }
            // SAFETY: libc's own functions on the running thread; the destructor came from the
            // program with this type.
            unsafe {
                let value = libc::pthread_getspecific(key);
                if value.is_null() {
                    continue;
                }
                libc::pthread_setspecific(key, core::ptr::null());
                let destructor: unsafe extern "C-unwind" fn(*mut c_void) = core::mem::transmute(destructor);
                destructor(value);
                again = true;
            }
        }
        if !again {
            break;
        }
    }
}
