//! How a thread begins and ends: its first frame, pthread_exit(3), and the main thread's way out.
//!
//! pthread_exit and cancellation unwind the stack with glibc's own unwinder, which runs cleanup
//! handlers and C++ destructors frame by frame until it reaches the buffer that the thread's first
//! frame registered. glibc's threads register one in `start_thread`; ours do in
//! `green_thread_main`, by the public interface that `pthread_cleanup_push` uses
//! (`__sigsetjmp` + `__pthread_register_cancel`).
//!
//! ```text
//!   green_first_frame (scheduler)          __libc_start_main (glibc)
//!     green_thread_main  ◄── base            green_main  ◄── base, so that a green main thread
//!       start_routine                          main          ends here and not in the kernel
//!         … pthread_exit ──unwind──┘             … pthread_exit ──unwind──┘
//! ```
//!
//! The frames are assembly because setjmp returns twice, which Rust functions cannot.

use super::green::{self, ENDED, Green};
use super::{kernel_owned, key};
use crate::{export, real, start};
use core::arch::naked_asm;
use core::ffi::{c_char, c_int, c_void};
use core::mem::offset_of;
use core::sync::atomic::{AtomicUsize, Ordering};

unsafe extern "C" {
    fn __sigsetjmp(buffer: *mut c_void, save_mask: c_int) -> c_int;
    fn __pthread_register_cancel(buffer: *mut c_void);
    fn __pthread_unregister_cancel(buffer: *mut c_void);
}

unsafe extern "C-unwind" {
    fn __pthread_unwind_next(buffer: *mut c_void) -> !;
}

/// Bytes of `__pthread_unwind_buf_t` (104), rounded so that the stack stays aligned.
pub const BUFFER: usize = 112;

/// A green thread's first own frame; `record` is its [`Green`].
///
/// # Safety
/// Entered once, by the first switch to the thread.
#[unsafe(naked)]
pub unsafe extern "C-unwind" fn green_thread_main(record: *mut u8) -> ! {
    naked_asm!(
        ".cfi_startproc",
        "push rbx", ".cfi_adjust_cfa_offset 8", ".cfi_rel_offset rbx, 0",
        "sub rsp, {buffer}", ".cfi_adjust_cfa_offset {buffer}",
        "mov rbx, rdi",
        "call {begin}",
        "mov rdi, rsp",
        "xor esi, esi",
        "call {setjmp}",
        "test eax, eax",
        "jnz 2f",
        "mov rdi, rsp",
        "call {register}",
        "mov rdi, [rbx + {arg}]",
        "call [rbx + {start}]",
        "mov [rbx + {result}], rax",
        // Returned, or unwound by pthread_exit (which has stored the result): rbx is the record in
        // either case, setjmp keeps it.
        "2:",
        "mov rdi, rbx",
        "call {end}",
        "ud2",
        ".cfi_endproc",
        buffer = const BUFFER,
        begin = sym begin,
        setjmp = sym __sigsetjmp,
        register = sym __pthread_register_cancel,
        arg = const offset_of!(Green, arg),
        start = const offset_of!(Green, start),
        result = const offset_of!(Green, result),
        end = sym end,
    )
}

unsafe extern "C-unwind" fn begin() {
    if let Some(rt) = start::runtime() {
        // SAFETY: we run on the thread's own block.
        unsafe { start::layout().begin() };
        rt.carrier.begin_thread();
    }
}

/// The thread's program code is over: destructors, then away.
unsafe extern "C-unwind" fn end(green: *mut Green) -> ! {
    let Some(rt) = start::runtime() else {
        // A green thread has a runtime for ever.
        unreachable!()
    };
    let layout = start::layout();
    // SAFETY: we run on the thread's own block, and nothing of the program runs after this.
    unsafe {
        let is_main = green.cast() == green::main_thread();
        if !is_main {
            (layout.call_tls_dtors)();
        }
        key::run_destructors();
        // As in glibc: main's thread-local objects are destroyed by exit(3), if it comes to that here.
        if is_main && green::is_last() {
            libc::exit(0);
        }
        layout.free_specific((*green).fs);
        layout.end_libc_state();
        kernel_owned::release_dead();
        if green::one_less(&*green) {
            // The last thread of a process whose main thread left by pthread_exit.
            libc::exit(0);
        }
        (*green).life.fetch_or(ENDED, Ordering::SeqCst);
        if !(*green).joiner.load(Ordering::SeqCst).is_null() {
            rt.lot.unpark_many(rt.carrier_here(), (&raw const (*green).life).addr(), usize::MAX, 0);
        }
    }
    rt.carrier.exit_thread()
}

export! {
    /// pthread_exit(3)
    fn pthread_exit(result: *mut c_void) -> ! {
        if let Some((rt, _)) = start::here() {
            green::current(rt).result.set(result);
        }
        real::pthread_exit(result)
    }

    /// Wraps `main`, so that the main thread has a first frame of ours (see above). Costs a setjmp.
    fn __libc_start_main(
        main: usize,
        argc: c_int,
        argv: *mut *mut c_char,
        init: usize,
        fini: usize,
        rtld_fini: usize,
        stack_end: *mut c_void,
    ) -> c_int {
        REAL_MAIN.store(main, Ordering::Relaxed);
        real::__libc_start_main(green_main as *const () as usize, argc, argv, init, fini, rtld_fini, stack_end)
    }
}

static REAL_MAIN: AtomicUsize = AtomicUsize::new(0);

#[unsafe(naked)]
unsafe extern "C-unwind" fn green_main(argc: c_int, argv: *mut *mut c_char, envp: *mut *mut c_char) -> c_int {
    naked_asm!(
        ".cfi_startproc",
        "push rbx", ".cfi_adjust_cfa_offset 8", ".cfi_rel_offset rbx, 0",
        "push r12", ".cfi_adjust_cfa_offset 8", ".cfi_rel_offset r12, 0",
        "push r13", ".cfi_adjust_cfa_offset 8", ".cfi_rel_offset r13, 0",
        "sub rsp, {buffer}", ".cfi_adjust_cfa_offset {buffer}",
        "mov ebx, edi",
        "mov r12, rsi",
        "mov r13, rdx",
        "mov rdi, rsp",
        "xor esi, esi",
        "call {setjmp}",
        "test eax, eax",
        "jnz 2f",
        "mov rdi, rsp",
        "call {register}",
        "mov edi, ebx",
        "mov rsi, r12",
        "mov rdx, r13",
        "call [rip + {main}]",
        "mov ebx, eax",
        "mov rdi, rsp",
        "call {unregister}",
        "mov eax, ebx",
        "add rsp, {buffer}", ".cfi_adjust_cfa_offset -{buffer}",
        ".cfi_remember_state",
        "pop r13", ".cfi_adjust_cfa_offset -8",
        "pop r12", ".cfi_adjust_cfa_offset -8",
        "pop rbx", ".cfi_adjust_cfa_offset -8",
        "ret",
        ".cfi_restore_state",
        "2:",
        "mov rdi, rsp",
        "call {unwound}",
        "ud2",
        ".cfi_endproc",
        buffer = const BUFFER,
        setjmp = sym __sigsetjmp,
        register = sym __pthread_register_cancel,
        unregister = sym __pthread_unregister_cancel,
        main = sym REAL_MAIN,
        unwound = sym main_unwound,
    )
}

/// The main thread left by pthread_exit: a green one ends like any other; a native one unwinds on
/// into glibc's base.
unsafe extern "C-unwind" fn main_unwound(buffer: *mut c_void) -> ! {
    // SAFETY: `buffer` is the one registered in green_main; the main record is the running thread's.
    unsafe {
        match start::here() {
            Some((rt, _)) => {
                let green = green::current(rt);
                crate::signal::main_is_gone();
                end((&raw const *green).cast_mut())
            }
            None => __pthread_unwind_next(buffer),
        }
    }
}
