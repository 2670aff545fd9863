//! Tools that look at every access to memory, or for pointers in it, are told where stacks are: valgrind's, and
//! LeakSanitizer's (which else takes what only a parked thread's stack points to for lost).

use core::ffi::c_void;
use core::sync::atomic::{AtomicPtr, Ordering};

/// `__lsan_register_root_region`, if the process has it.
static REGISTER_ROOT: AtomicPtr<c_void> = AtomicPtr::new(core::ptr::null_mut());

/// Green threads start.
pub fn look_for_sanitizer() {
    // SAFETY: a string of ours.
    let at = unsafe { libc::dlsym(libc::RTLD_DEFAULT, c"__lsan_register_root_region".as_ptr()) };
    REGISTER_ROOT.store(at, Ordering::Relaxed);
}

/// Will somebody read all of a stack? (What cannot be read must then be seen in `/proc/self/maps`.)
pub fn reads_stacks() -> bool {
    !REGISTER_ROOT.load(Ordering::Relaxed).is_null()
}

/// There is a new stack.
pub fn stack_begins(low: *mut u8, top: *mut u8) {
    register_with_valgrind(low, top);
    let register = REGISTER_ROOT.load(Ordering::Relaxed);
    if !register.is_null() {
        // SAFETY: the function's type.
        unsafe {
            let register: unsafe extern "C" fn(*const c_void, usize) = core::mem::transmute(register);
            register(low.cast(), top.addr() - low.addr());
        }
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
