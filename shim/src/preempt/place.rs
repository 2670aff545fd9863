//! Where a thread may be interrupted: docs/preemption.md has the rule and its proof.
//!
//! ```text
//!   the interrupted instruction is in …
//!   the program, or a library that is none of these      yes
//!   libc                                                 if the program itself has called the function (caller.rs), and
//!                                                        that calls no other, or has just returned from the kernel
//!   ld.so, the vDSO, libgreen                            no
//! ```

use super::caller;
use crate::loader;
use crate::real::inner;
use core::ffi::c_void;
use core::sync::atomic::{AtomicUsize, Ordering};

/// libc, ld.so, the vDSO and ourselves.
static NOT_HERE: [Range; 4] = [const { Range::new() }; 4];

/// Addresses, [from, to).
struct Range([AtomicUsize; 2]);

impl Range {
    const fn new() -> Range {
        Range([const { AtomicUsize::new(0) }; 2])
    }

    fn is(&self, [from, to]: [usize; 2]) {
        self.0[0].store(from, Ordering::Relaxed);
        self.0[1].store(to, Ordering::Relaxed);
    }

    fn contains(&self, address: usize) -> bool {
        (self.0[0].load(Ordering::Relaxed)..self.0[1].load(Ordering::Relaxed)).contains(&address)
    }
}

/// Look where they are.
pub fn look_up() {
    let libc = inner::CTYPE_INIT.find().map_or(0, |at| at.addr());
    let inside = [
        libc,
        inner::ALLOCATE_TLS.find().map_or(0, |at| at.addr()),
        look_up as *const () as usize,
        // SAFETY: no pointers.
        unsafe { libc::getauxval(libc::AT_SYSINFO_EHDR) as usize },
    ];
    for (range, address) in NOT_HERE.iter().zip(inside) {
        range.is(loader::object_around(address));
    }
    caller::learn(loader::unwind_table_of(libc), loader::object_around(libc)[1]);
}

/// Is this code the program's, or that of a library that is not libc, ld.so, the vDSO or ourselves?
pub fn is_programs_own(code: usize) -> bool {
    !NOT_HERE.iter().any(|range| range.contains(code))
}

/// May the thread be interrupted here?
///
/// # Safety
/// `context` is the kernel's; in its handler, on the carrier.
pub unsafe fn may_be_interrupted(context: *mut c_void) -> bool {
    // SAFETY: the caller's.
    let registers = unsafe { &(*context.cast::<libc::ucontext_t>()).uc_mcontext.gregs };
    let code = registers[libc::REG_RIP as usize] as usize;
    if !NOT_HERE[0].contains(code) {
        return is_programs_own(code);
    }
    // SAFETY: the registers of a thread that stands in libc.
    let Some(found) = (unsafe { caller::of(registers) }) else { return false };
    // SAFETY: libc's code, which does not begin with this instruction.
    let is_after_system_call =
        || unsafe { core::ptr::with_exposed_provenance::<[u8; 2]>(code - 2).read() } == [0x0f, 0x05];
    is_programs_own(found.address) && (found.is_leaf || is_after_system_call())
}
