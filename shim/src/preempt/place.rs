//! Where a thread may be interrupted: docs/preemption.md has the rule and its proof.
//!
//! ```text
//!   the interrupted instruction is in …
//!   the program, or a library that is none of these      yes
//!   one of libc's functions on bytes and strings         if the program itself has called it: it holds nothing
//!   the rest of libc, ld.so, the vDSO, libgreen          no
//! ```

use super::sample;
use crate::real::inner;
use core::ffi::{CStr, c_int, c_void};
use core::sync::atomic::{AtomicUsize, Ordering};

/// libc, ld.so, the vDSO and ourselves, as [from, to).
static NOT_HERE: [[AtomicUsize; 2]; 4] = [const { [const { AtomicUsize::new(0) }; 2] }; 4];

/// Functions of libc that only read and write the bytes they are given, for as long as there are any. (Those that are chosen by
/// the processor are what was chosen.)
const ON_BYTES: [&CStr; 34] = [
    c"memcpy",
    c"memmove",
    c"mempcpy",
    c"memset",
    c"memcmp",
    c"memchr",
    c"memrchr",
    c"rawmemchr",
    c"memccpy",
    c"strlen",
    c"strnlen",
    c"strcpy",
    c"stpcpy",
    c"strncpy",
    c"stpncpy",
    c"strcat",
    c"strncat",
    c"strcmp",
    c"strncmp",
    c"strcasecmp",
    c"strncasecmp",
    c"strchr",
    c"strchrnul",
    c"strrchr",
    c"strspn",
    c"strcspn",
    c"strpbrk",
    c"strstr",
    c"wmemset",
    c"wmemcmp",
    c"wcslen",
    c"wcschr",
    c"wcscmp",
    c"wcscpy",
];

/// Where they begin; 0: not known.
static BEGINS: [AtomicUsize; ON_BYTES.len()] = [const { AtomicUsize::new(0) }; ON_BYTES.len()];

/// Look where libraries are.
pub fn look_up_ranges() {
    let inside = [
        inner::CTYPE_INIT.find().map_or(0, |at| at.addr()),
        inner::ALLOCATE_TLS.find().map_or(0, |at| at.addr()),
        look_up_ranges as *const () as usize,
        // SAFETY: no pointers.
        unsafe { libc::getauxval(libc::AT_SYSINFO_EHDR) as usize },
    ];
    for (range, address) in NOT_HERE.iter().zip(inside) {
        let [from, to] = crate::loader::object_around(address);
        range[0].store(from, Ordering::Relaxed);
        range[1].store(to, Ordering::Relaxed);
    }
}

/// Look the functions up. That is done while we are loaded, for it forgets the program's last dlerror(3).
pub fn look_up_functions() {
    for (begin, name) in BEGINS.iter().zip(ON_BYTES) {
        // SAFETY: a string that ends in NUL.
        begin.store(unsafe { libc::dlsym(libc::RTLD_NEXT, name.as_ptr()).addr() }, Ordering::Relaxed);
    }
}

/// Is this code the program's, or that of a library that is not libc, ld.so, the vDSO or ourselves?
pub fn is_programs_own(code: usize) -> bool {
    !NOT_HERE
        .iter()
        .any(|[from, to]| (from.load(Ordering::Relaxed)..to.load(Ordering::Relaxed)).contains(&code))
}

/// May the thread be interrupted here?
///
/// # Safety
/// `context` is the kernel's; in its handler, on the carrier.
pub unsafe fn may_be_interrupted(context: *mut c_void) -> bool {
    // SAFETY: the caller's.
    let registers = unsafe { &(*context.cast::<libc::ucontext_t>()).uc_mcontext.gregs };
    let code = registers[libc::REG_RIP as usize] as usize;
    let libc = &NOT_HERE[0];
    let is_libc = || (libc[0].load(Ordering::Relaxed)..libc[1].load(Ordering::Relaxed)).contains(&code);
    is_programs_own(code)
        || is_libc() && sample::has_room(registers[libc::REG_RSP as usize] as usize) && is_on_bytes()
}

/// What the walk over the frames looks for: the interrupted one, then its caller.
#[derive(Clone, Copy, PartialEq)]
enum Wanted {
    Interrupted,
    Caller,
    No,
    Yes,
}

unsafe extern "C" fn look(frame: *mut c_void, wanted: *mut c_void) -> c_int {
    // SAFETY: the Wanted of `is_on_bytes`; the frame is the unwinder's.
    unsafe {
        let wanted = &mut *wanted.cast::<Wanted>();
        let mut was_interrupted = 0;
        let address = sample::_Unwind_GetIPInfo(frame, &raw mut was_interrupted);
        *wanted = match *wanted {
            Wanted::Interrupted if was_interrupted == 0 => Wanted::Interrupted,
            Wanted::Interrupted => {
                let begin = sample::_Unwind_GetRegionStart(frame);
                let known = BEGINS.iter().any(|at| at.load(Ordering::Relaxed) == begin);
                if known { Wanted::Caller } else { Wanted::No }
            }
            _ if is_programs_own(address) => Wanted::Yes,
            _ => Wanted::No,
        };
        if matches!(*wanted, Wanted::Interrupted | Wanted::Caller) { sample::GO_ON } else { sample::END }
    }
}

/// Is the interrupted code one of these functions, called by the program?
fn is_on_bytes() -> bool {
    let mut wanted = Wanted::Interrupted;
    sample::walk(look, (&raw mut wanted).cast());
    wanted == Wanted::Yes
}
