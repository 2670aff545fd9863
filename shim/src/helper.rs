//! Helpers as kernel threads: how one starts, and how a call that it executes is cancelled.
//!
//! A wait in libc that nothing else can interrupt (a process-shared condition, a semaphore) is ended
//! by a real pthread_cancel(3) of the helper that waits, because libc then leaves the object as it
//! should be: nobody counts as waiting, the mutex is locked again. Such a call runs in a frame that
//! catches the unwinding, as a thread's first frame does (pthread/exit.rs):
//!
//! ```text
//!   start_thread (glibc)
//!     helper_main (scheduler)
//!       run_cancellable  ◄── base
//!         the call … pthread_cancel ──unwind──┘
//! ```
//!
//! Everywhere else a helper refuses to be cancelled.

use crate::execution::{self, SIGCANCEL};
use crate::pthread::green;
use crate::signal::send;
use crate::signal::set::under_kernel_mask;
use crate::{offload, real, start, tls, trap};
use core::arch::naked_asm;
use core::ffi::{c_int, c_void};
use core::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use scheduler::helpers::{Class, Work};
use scheduler::runtime::KernelMain;
use scheduler::sys::{self, Errno};
use scheduler::{Carrier, Runtime, Wake};

/// All signals but the two that glibc itself sends: for cancellation, and to every thread when one of
/// them changes the process's user (setuid(2)).
const SIGNALS: u64 = !(1 << 31 | 1 << 32);

/// Bits of pthread_setcancelstate(3), which the libc crate lacks.
const PTHREAD_CANCEL_ENABLE: c_int = 0;
const PTHREAD_CANCEL_DISABLE: c_int = 1;

const STACK: usize = 1 << 20;

/// Locks of libc's and ld.so's that a start takes may be held for ever.
static CANNOT_START: AtomicBool = AtomicBool::new(false);

/// In a child that was made without libc's fork, which knows its locks, while there were other threads: they may have held
/// any of them. Calls are made on the carrier there: late, but right.
pub fn cannot_start() {
    CANNOT_START.store(true, Ordering::Relaxed);
}

/// Start a kernel thread of ours: detached, all signals blocked, a stack that suffices for NSS modules.
pub fn spawn(main: KernelMain, arg: *mut c_void) -> Result<(), Errno> {
    if CANNOT_START.load(Ordering::Relaxed) {
        return Err(Errno::AGAIN);
    }
    // SAFETY: objects of our own; libc's pthread_create copies what it needs.
    let error = unsafe {
        let mut attr = core::mem::zeroed::<libc::pthread_attr_t>();
        libc::pthread_attr_init(&raw mut attr);
        libc::pthread_attr_setstacksize(&raw mut attr, STACK);
        libc::pthread_attr_setdetachstate(&raw mut attr, libc::PTHREAD_CREATE_DETACHED);
        let mut thread = 0;
        let main = core::mem::transmute::<KernelMain, real::Start>(main);
        let error =
            under_kernel_mask(SIGNALS, || real::pthread_create(&raw mut thread, &raw const attr, main, arg));
        libc::pthread_attr_destroy(&raw mut attr);
        error
    };
    if error == 0 { Ok(()) } else { Err(Errno(error)) }
}

/// Execute `work` on a kernel thread that is made for it and ends with it; `EAGAIN` if there can be none.
pub fn on_fresh_thread(work: impl FnOnce() -> c_int) -> c_int {
    struct Shared<W> {
        work: Option<W>,
        result: c_int,
    }
    unsafe extern "C-unwind" fn main<W: FnOnce() -> c_int>(data: *mut c_void) -> *mut c_void {
        // SAFETY: the Shared below, whose owner waits for us.
        let shared = unsafe { &mut *data.cast::<Shared<W>>() };
        if let Some(work) = shared.work.take() {
            shared.result = work();
        }
        core::ptr::null_mut()
    }
    fn main_for<W: FnOnce() -> c_int>(_: &Shared<W>) -> real::Start {
        main::<W>
    }
    let mut shared = Shared { work: Some(work), result: libc::EAGAIN };
    let main = main_for(&shared);
    let data: *mut c_void = (&raw mut shared).cast();
    let run = || {
        let mut thread = 0;
        // SAFETY: `shared` outlives the thread, which is joined.
        unsafe {
            if real::pthread_create(&raw mut thread, core::ptr::null(), main, data) == 0 {
                real::pthread_join(thread, core::ptr::null_mut());
            }
        }
    };
    match start::here() {
        Some((rt, carrier)) => offload::call(rt, carrier, Class::Bounded, run),
        None => run(),
    }
    shared.result
}

/// What a helper does first of all.
pub fn begin() {
    tls::learn_from_native_thread();
    set_cancel_state(PTHREAD_CANCEL_DISABLE);
}

/// Cancel the call that a helper executes by [`run_cancellable`].
pub fn cancel(fs: usize) {
    // SAFETY: the scheduler keeps the helper from ending until this has returned.
    unsafe { real::pthread_cancel(fs as libc::pthread_t) };
}

/// What our interruptions carry that are no pauses.
static INTERRUPTION: AtomicU32 = AtomicU32::new(0);

/// What they come as: nobody else's signal 32 does.
const SI_QUEUE: c_int = -1;

/// The action of [`SIGCANCEL`] when we came: glibc's handler, once there has been a cancellation.
static BEFORE: AtomicUsize = AtomicUsize::new(0);

/// The kernel's `struct sigaction`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct KernelAction {
    /// The function.
    pub handler: usize,
    /// `SA_…`
    pub flags: u64,
    /// What a handler returns to.
    pub restorer: usize,
    /// What is blocked meanwhile.
    pub mask: u64,
}

/// Let the system call of a helper fail with `EINTR`, or, with the scheduler's word for that, let it pause. Comes too
/// early or too late at times: the caller tries again.
pub fn interrupt(fs: usize, pause: *const AtomicU32) {
    let value = if pause.is_null() { &raw const INTERRUPTION } else { pause };
    install();
    // SAFETY: objects of ours; the helper is alive, the scheduler sees to that.
    unsafe {
        let info = send::info(SIGCANCEL, SI_QUEUE, value.expose_provenance());
        let (process, tid) = (scheduler::sys!(getpid).unwrap_or(0), *start::layout().tid_of(fs));
        let _ = scheduler::sys!(rt_tgsigqueueinfo, process, tid, SIGCANCEL, &raw const info);
    }
}

/// Execute a system call that may wait for ever on the carrier, because there is no helper for it: a millisecond at a
/// time, and a millisecond the others, until `over` says so.
pub fn in_turns(
    rt: &Runtime,
    carrier: &Carrier,
    over: &dyn Fn() -> bool,
    mut call: impl FnMut() -> sys::Result,
) -> sys::Result {
    const TURN_NANOS: i64 = 1_000_000;
    const AGAIN: libc::timespec = libc::timespec { tv_sec: 0, tv_nsec: TURN_NANOS };
    install();
    let mut timer: c_int = 0;
    // SAFETY: objects of ours.
    unsafe {
        let mut event: libc::sigevent = core::mem::zeroed();
        event.sigev_value.sival_ptr = (&raw const INTERRUPTION).cast_mut().cast();
        event.sigev_signo = SIGCANCEL;
        event.sigev_notify = libc::SIGEV_THREAD_ID;
        event.sigev_notify_thread_id = green::kernel_tid();
        if scheduler::sys!(timer_create, libc::CLOCK_MONOTONIC, &raw const event, &raw mut timer).is_err() {
            // Late, but right.
            return call();
        }
        let result = loop {
            let turns = libc::itimerspec { it_interval: AGAIN, it_value: AGAIN };
            let none: libc::itimerspec = core::mem::zeroed();
            let _ = scheduler::sys!(timer_settime, timer, 0, &raw const turns, 0);
            let result = call();
            let _ = scheduler::sys!(timer_settime, timer, 0, &raw const none, 0);
            if result != Err(Errno::INTR) || over() {
                break result;
            }
            if carrier.sleep_until(rt.clock.now() + TURN_NANOS as u64) == Wake::Interrupted {
                break Err(Errno::INTR);
            }
        };
        let _ = scheduler::sys!(timer_delete, timer);
        result
    }
}

/// Put our handler in the place of glibc's, which it gets on to.
fn install() {
    let ours = on_interrupt as *const () as usize;
    let mut action = KernelAction { handler: 0, flags: 0, restorer: 0, mask: 0 };
    // SAFETY: objects of ours.
    unsafe {
        let _ = scheduler::sys!(rt_sigaction, SIGCANCEL, 0, &raw mut action, 8usize);
        // glibc installs its own at its first cancellation.
        if action.handler != ours {
            BEFORE.store(action.handler, Ordering::Relaxed);
            action.handler = ours;
            action.flags = trap::SA_RESTORER | (libc::SA_SIGINFO | libc::SA_RESTART) as u64;
            action.restorer = trap::restore as *const () as usize;
            let _ = scheduler::sys!(rt_sigaction, SIGCANCEL, &raw const action, 0, 8usize);
        }
    }
}

/// In a helper, or, in turns, in the carrier.
unsafe extern "C-unwind" fn on_interrupt(signal: c_int, info: *mut libc::siginfo_t, context: *mut c_void) {
    // SAFETY: the kernel's objects, and ours; glibc's handler has this type.
    unsafe {
        if (*info).si_code != SI_QUEUE && (*info).si_code != libc::SI_TIMER {
            let before = BEFORE.load(Ordering::Relaxed);
            if before > libc::SIG_IGN {
                let before: unsafe extern "C-unwind" fn(c_int, *mut libc::siginfo_t, *mut c_void) =
                    core::mem::transmute(before);
                before(signal, info, context);
            }
            return;
        }
        let word: *const AtomicU32 = (*info).si_value().sival_ptr.cast();
        if word == &raw const INTERRUPTION {
            execution::fail_interrupted(&mut (*context.cast::<libc::ucontext_t>()).uc_mcontext.gregs);
        } else {
            execution::on_pause(word, context);
        }
    }
}

/// Execute `run(data)` until it returns or [`cancel`] ends it.
pub fn run_cancellable(run: Work, data: *mut ()) {
    unsafe extern "C-unwind" fn call(run: Work, data: *mut ()) {
        set_cancel_state(PTHREAD_CANCEL_ENABLE);
        // SAFETY: the scheduler passes a job of its own.
        unsafe { run(data) };
        set_cancel_state(PTHREAD_CANCEL_DISABLE);
    }
    // SAFETY: the frame below catches nothing but the unwinding of a cancellation.
    unsafe { catch_cancellation(call, run, data) };
    set_cancel_state(PTHREAD_CANCEL_DISABLE);
}

fn set_cancel_state(state: c_int) {
    // SAFETY: no pointers.
    unsafe { pthread_setcancelstate(state, core::ptr::null_mut()) };
}

type Call = unsafe extern "C-unwind" fn(Work, *mut ());

unsafe extern "C" {
    fn pthread_setcancelstate(state: c_int, old: *mut c_int) -> c_int;
    fn __sigsetjmp(buffer: *mut c_void, save_mask: c_int) -> c_int;
    fn __pthread_register_cancel(buffer: *mut c_void);
    fn __pthread_unregister_cancel(buffer: *mut c_void);
}

/// `call(run, data)`, ending early where the unwinding of a cancellation arrives.
#[unsafe(naked)]
unsafe extern "C-unwind" fn catch_cancellation(call: Call, run: Work, data: *mut ()) {
    naked_asm!(
        ".cfi_startproc",
        "push rbx", ".cfi_adjust_cfa_offset 8", ".cfi_rel_offset rbx, 0",
        "push r12", ".cfi_adjust_cfa_offset 8", ".cfi_rel_offset r12, 0",
        "push r13", ".cfi_adjust_cfa_offset 8", ".cfi_rel_offset r13, 0",
        "sub rsp, {buffer}", ".cfi_adjust_cfa_offset {buffer}",
        "mov rbx, rdi",
        "mov r12, rsi",
        "mov r13, rdx",
        "mov rdi, rsp",
        "xor esi, esi",
        "call {setjmp}",
        "test eax, eax",
        "jnz 2f",
        "mov rdi, rsp",
        "call {register}",
        "mov rdi, r12",
        "mov rsi, r13",
        "call rbx",
        "2:",
        "mov rdi, rsp",
        "call {unregister}",
        "add rsp, {buffer}", ".cfi_adjust_cfa_offset -{buffer}",
        "pop r13", ".cfi_adjust_cfa_offset -8",
        "pop r12", ".cfi_adjust_cfa_offset -8",
        "pop rbx", ".cfi_adjust_cfa_offset -8",
        "ret",
        ".cfi_endproc",
        buffer = const crate::pthread::exit::BUFFER,
        setjmp = sym __sigsetjmp,
        register = sym __pthread_register_cancel,
        unregister = sym __pthread_unregister_cancel,
    )
}
