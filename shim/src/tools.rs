//! Tools that look at every access to memory, or for pointers in it, are told where stacks are: valgrind's, and
//! LeakSanitizer's (which else takes what only a parked thread's stack points to for lost).

use core::ffi::c_void;
use scheduler::stack::Watcher;

/// The address of a symbol that the process may have been linked with, or 0: ld.so has looked it up. (dlsym(3) would
/// change what dlerror(3) says.)
#[macro_export]
macro_rules! weak {
    ($name:literal) => {{
        let at: usize;
        // SAFETY: reads a word of the global offset table.
        unsafe {
            core::arch::asm!(
                concat!(".weak ", $name),
                concat!("mov {}, qword ptr [rip + ", $name, "@GOTPCREL]"),
                out(reg) at,
                options(nostack, readonly, preserves_flags),
            );
        }
        at
    }};
}

/// What the pool of stacks is to tell them.
pub fn watcher() -> Watcher {
    let is_used =
        if weak!("__lsan_register_root_region") != 0 { Some(tell_sanitizer as fn(_, _, _)) } else { None };
    Watcher { is_cut: register_with_valgrind, is_used }
}

/// A stack that nobody uses points to nothing that is kept.
fn tell_sanitizer(low: *mut u8, top: *mut u8, used: bool) {
    let tell =
        if used { weak!("__lsan_register_root_region") } else { weak!("__lsan_unregister_root_region") };
    // SAFETY: both functions' type; they were found.
    unsafe {
        let tell: unsafe extern "C" fn(*const c_void, usize) =
            core::mem::transmute(core::ptr::with_exposed_provenance::<c_void>(tell));
        tell(low.cast(), top.addr() - low.addr());
    }
}

/// `VALGRIND_STACK_REGISTER` of valgrind.h: a sequence that does nothing on a processor, and is a request to valgrind.
fn register_with_valgrind(low: *mut u8, top: *mut u8) {
    const STACK_REGISTER: usize = 0x1501;
    let request = [STACK_REGISTER, low.expose_provenance(), top.expose_provenance() - 1, 0, 0, 0];
    // SAFETY: rdi comes back as it was; valgrind reads the request and answers in rdx.
    unsafe {
        core::arch::asm!(
            "rol rdi, 3",
            "rol rdi, 13",
            "rol rdi, 61",
            "rol rdi, 51",
            "xchg rbx, rbx",
            in("rax") request.as_ptr(),
            inout("rdx") 0usize => _,
            options(nostack),
        );
    }
}
