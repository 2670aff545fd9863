//! Masks that travel with a jump: sigsetjmp(3) saves the thread's, siglongjmp(3) restores it.
//!
//! libc saves what the kernel has and gives the kernel what it saved. So before it saves, the kernel is
//! lent the thread's own mask; before it restores, we take note. Neither function may be called from a frame
//! of ours, so we jump to libc's.

use super::mask;
use crate::files::place::none_is_made;
use crate::io::Own;
use crate::pthread::green;
use crate::{real, start};
use core::arch::naked_asm;
use core::ffi::{c_int, c_void};
use core::sync::atomic::{AtomicUsize, Ordering};
use scheduler::context::fs_base;

/// The public part of `jmp_buf` behind the registers: was the mask saved, and the mask.
const WAS_SAVED: usize = 64;
const SAVED: usize = 72;

/// libc's `__sigsetjmp`, once known.
static SIGSETJMP: AtomicUsize = AtomicUsize::new(0);

unsafe extern "C" fn find_sigsetjmp() -> usize {
    let at = real::address::sigsetjmp();
    SIGSETJMP.store(at, Ordering::Relaxed);
    at
}

unsafe extern "C" fn before_saving() {
    mask::lend_to_kernel();
}

/// sigsetjmp(3)
///
/// # Safety
/// As for the libc function.
#[unsafe(naked)]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __sigsetjmp(buffer: *mut c_void, save_mask: c_int) -> c_int {
    naked_asm!(
        ".cfi_startproc",
        "test esi, esi",
        "jnz 2f",
        "mov rax, [rip + {known}]",
        "test rax, rax",
        "jz 2f",
        "jmp rax",
        "2:",
        "push rdi", ".cfi_adjust_cfa_offset 8",
        "push rsi", ".cfi_adjust_cfa_offset 8",
        "sub rsp, 8", ".cfi_adjust_cfa_offset 8",
        "test esi, esi",
        "jz 3f",
        "call {before_saving}",
        "3:",
        "call {find}",
        "add rsp, 8", ".cfi_adjust_cfa_offset -8",
        "pop rsi", ".cfi_adjust_cfa_offset -8",
        "pop rdi", ".cfi_adjust_cfa_offset -8",
        "jmp rax",
        ".cfi_endproc",
        known = sym SIGSETJMP,
        before_saving = sym before_saving,
        find = sym find_sigsetjmp,
    )
}

/// setjmp(3) of BSD, which saves the mask.
///
/// # Safety
/// As for the libc function.
#[unsafe(naked)]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn setjmp(buffer: *mut c_void) -> c_int {
    naked_asm!("mov esi, 1", "jmp {sigsetjmp}", sigsetjmp = sym __sigsetjmp)
}

/// The stack pointer in a jmp_buf: the seventh word, which glibc has mixed with the pointer guard
/// and rotated.
unsafe fn stack_pointer(buffer: *const c_void) -> usize {
    const RSP: usize = 6 * 8;
    const GUARD: usize = 0x30;
    const ROTATED: u32 = 17;
    // SAFETY: the program's jmp_buf; the running thread's TLS header.
    unsafe {
        let guard: usize = *core::ptr::with_exposed_provenance(fs_base() + GUARD);
        buffer.byte_add(RSP).cast::<usize>().read().rotate_right(ROTATED) ^ guard
    }
}

/// A jump is about to leave the running thread's frames.
unsafe extern "C" fn before_jumping(buffer: *const c_void) {
    let Some((rt, carrier)) = start::here() else { return };
    // SAFETY: the program's jmp_buf.
    unsafe {
        if buffer.byte_add(WAS_SAVED).cast::<c_int>().read() != 0 {
            let saved = buffer.byte_add(SAVED).cast::<u64>().read();
            // What it lets through is handled before the jump, as natively.
            mask::set_and_deliver(green::current(rt), saved);
            // libc gives the kernel this mask now; the right one comes when the thread next leaves the
            // scheduler.
            mask::kernel_has(saved);
            carrier.signal_kept();
        }
        // The calls that it leaves are over.
        green::current(rt).mask_to_come.set(None);
        green::current(rt).signals.awaited.store(0, Ordering::SeqCst);
        Own::close_below(rt, stack_pointer(buffer));
        if carrier.abandon_calls_below(stack_pointer(buffer)) {
            none_is_made();
        }
    }
}

macro_rules! jumps {
    ($($(#[$meta:meta])* $name:ident => $real:path;)*) => {$(
        $(#[$meta])*
        ///
        /// # Safety
        /// As for the libc function.
        #[unsafe(naked)]
        #[unsafe(no_mangle)]
        pub unsafe extern "C-unwind" fn $name(buffer: *mut c_void, value: c_int) -> ! {
            naked_asm!(
                ".cfi_startproc",
                "push rdi", ".cfi_adjust_cfa_offset 8",
                "push rsi", ".cfi_adjust_cfa_offset 8",
                "sub rsp, 8", ".cfi_adjust_cfa_offset 8",
                "call {before}",
                "call {real}",
                "add rsp, 8", ".cfi_adjust_cfa_offset -8",
                "pop rsi", ".cfi_adjust_cfa_offset -8",
                "pop rdi", ".cfi_adjust_cfa_offset -8",
                "jmp rax",
                ".cfi_endproc",
                before = sym before_jumping,
                real = sym $real,
            )
        }
    )*};
}

jumps!(
    /// siglongjmp(3)
    siglongjmp => real::address::siglongjmp;
    /// longjmp(3), the same function
    longjmp => real::address::siglongjmp;
    /// longjmp(3) of programs that never save masks
    _longjmp => real::address::siglongjmp;
    /// longjmp(3) of programs built with `_FORTIFY_SOURCE`
    __longjmp_chk => real::address::longjmp_chk;
);
