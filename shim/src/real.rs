//! The functions behind the jackets: who would have been called without us.
//!
//! Each is looked up once: by redhook's `dlsym_next`, for every libc that can load us (2.34 and later)
//! has it; or by `dlvsym` where libc has several versions that differ (the old condition variables have
//! another layout) or where it may lack the function, which then answers -1 with `ENOSYS`.
//!
//! That happens when we are loaded (or earlier, if another library's constructor makes the call), never
//! later: a look-up wipes out the error that dlerror(3) keeps for the program, and it takes the loader's
//! lock, which a thread that parks in a library's constructor may hold while others make their first call.

use core::ffi::{CStr, c_int, c_void};
use core::num::NonZeroUsize;
use once_cell::race::OnceNonZeroUsize;

pub mod address;
mod functions;
pub mod inner;

pub use functions::*;

/// What a thread executes.
pub type Start = unsafe extern "C-unwind" fn(*mut c_void) -> *mut c_void;
/// What ends a thread-specific value.
pub type Destructor = Option<unsafe extern "C-unwind" fn(*mut c_void)>;
/// What `pthread_once` executes.
pub type Initialiser = unsafe extern "C-unwind" fn();

unsafe extern "C" fn missing() -> isize {
    crate::errno::set(libc::ENOSYS);
    -1
}

#[cold]
fn look_up(name: &'static str, version: Option<&CStr>) -> NonZeroUsize {
    // SAFETY: both strings end in NUL.
    let at = unsafe {
        match version {
            Some(version) => libc::dlvsym(libc::RTLD_NEXT, name.as_ptr().cast(), version.as_ptr()).addr(),
            None => redhook::ld_preload::dlsym_next(name).addr(),
        }
    };
    NonZeroUsize::new(at).or(NonZeroUsize::new(missing as *const () as usize)).unwrap_or(NonZeroUsize::MIN)
}

/// A function of libc's that is looked up once.
struct Real {
    name: &'static str,
    version: Option<&'static CStr>,
    at: OnceNonZeroUsize,
}

impl Real {
    #[inline]
    fn address(&self) -> usize {
        self.at.get_or_init(|| look_up(self.name, self.version)).get()
    }
}

/// Look everything up, in the process's first thread.
pub fn look_up_all() {
    for real in functions::ALL {
        real.address();
    }
    for at in address::ALL {
        at();
    }
    for inner in inner::ALL {
        inner.address();
    }
    vdso_clock_gettime();
    // What is missing has left an error; nobody has called dlopen yet.
    // SAFETY: the message is nobody's.
    unsafe { libc::dlerror() };
}

/// The vDSO's `clock_gettime`: libc's may be replaced (libfaketime), a system call costs five times
/// as much.
pub fn vdso_clock_gettime() -> Option<*mut c_void> {
    static AT: OnceNonZeroUsize = OnceNonZeroUsize::new();
    const RTLD_LAZY_NOLOAD: c_int = 1 | 4;
    let look_up = || {
        // SAFETY: the vDSO is always loaded where it exists; strings end in NUL.
        let at = unsafe {
            let vdso = libc::dlopen(c"linux-vdso.so.1".as_ptr(), RTLD_LAZY_NOLOAD);
            if vdso.is_null() {
                return NONE;
            }
            libc::dlvsym(vdso, c"__vdso_clock_gettime".as_ptr(), c"LINUX_2.6".as_ptr())
        };
        NonZeroUsize::new(at.expose_provenance()).unwrap_or(NONE)
    };
    some_address(AT.get_or_init(look_up))
}

/// Stands for a symbol that was not found.
const NONE: NonZeroUsize = NonZeroUsize::MAX;

fn some_address(at: NonZeroUsize) -> Option<*mut c_void> {
    (at != NONE).then(|| core::ptr::with_exposed_provenance_mut(at.get()))
}
