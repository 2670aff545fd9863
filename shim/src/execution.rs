//! What a helper executes in the name of a green thread, which is parked: on that thread's TLS block, so that `errno`,
//! `h_errno`, the resolver's state, the locale, the owner of locks (a FILE's, the loader's) and malloc's cache are its own.
//!
//! ```text
//!   green thread   call ──parked───────── handlers ─────────parked─► result
//!   helper         own block │ FS = the thread's │ own block, paused │ FS = the thread's │ own block
//!                            │ the call ─────────┼──── goes on, or ──┤                   │
//!                            │                   │     fails: EINTR  │                   │
//!                            └ landing ◄─────────┴── is abandoned: siglongjmp out of a handler
//! ```
//!
//! A signal for the thread reaches it by a signal of ours to the helper ([`on_pause`]), as natively it would have
//! interrupted the thread itself in the midst of the call.

use crate::credentials;
use crate::pthread::green::{self, Green};
use crate::signal::set::{bit, under_kernel_mask};
use crate::signal::{self, send};
use crate::{errno, loader, start};
use core::arch::naked_asm;
use core::cell::Cell;
use core::ffi::c_void;
use core::mem::MaybeUninit;
use core::ptr;
use core::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use libc::{c_int, c_long, pthread_t, siginfo_t, ucontext_t};
use scheduler::Carrier;
use scheduler::context::fs_base;
use scheduler::helpers::{Order, Pause, pause};

/// glibc's signal for cancellations, and ours for helpers: helper.rs.
pub const SIGCANCEL: i32 = 32;

/// A helper on another thread's block.
pub struct Execution {
    /// The helper's own block.
    pub own: usize,
    /// The stack pointer in [`catch_abandon`], while that runs; else 0.
    landing: AtomicUsize,
    /// How to pause it, unless the thread cannot run handlers now.
    pause: Option<Pause>,
    /// A fault that the thread is to handle.
    fault: Cell<Option<Fault>>,
}

/// A signal handler's arguments.
#[derive(Clone, Copy)]
struct Fault {
    signal: c_int,
    info: *mut siginfo_t,
    context: *mut c_void,
}

/// Run `work` on the TLS block `fs` of a parked green thread. Without a value if that has abandoned it, and then nobody
/// asks for one.
pub fn in_the_name_of<R>(
    carrier: &Carrier,
    fs: usize,
    pause: Option<Pause>,
    work: impl FnOnce() -> R,
) -> MaybeUninit<R> {
    let own = fs_base();
    let green = green::find(fs as pthread_t).filter(|_| own != fs);
    // No helper could be had.
    let Some(green) = green else { return MaybeUninit::new(work()) };
    let execution = Execution { own, landing: AtomicUsize::new(0), pause, fault: Cell::new(None) };
    let mut result = MaybeUninit::uninit();
    under_kernel_mask(!(credentials::SIGNAL | bit(SIGCANCEL) | FAULTS), || {
        // The thread's cancellation must not unwind a stack that is not its own.
        let disabled = &start::layout().cancel_disabled;
        let before = disabled.put(fs, true);
        // (A handler that came in a pause of another call may be at one itself.)
        let outer = green.executor.swap((&raw const execution).cast_mut(), Ordering::Release);
        // SAFETY: that thread is parked, so nobody else uses its block; and what runs until the next line uses no
        // other TLS.
        unsafe { carrier.set_fs(fs) };
        catching(&execution, || {
            result.write(work());
        });
        let is_too_large = errno::get() == libc::EFBIG;
        // SAFETY: the block we came with.
        unsafe { carrier.set_fs(own) };
        green.executor.store(outer, Ordering::Release);
        disabled.put(fs, before);
        if is_too_large {
            pass_on_size_signal(green);
        }
    });
    result
}

/// Faults are the thread's.
const FAULTS: u64 =
    bit(libc::SIGSEGV) | bit(libc::SIGBUS) | bit(libc::SIGFPE) | bit(libc::SIGILL) | bit(libc::SIGTRAP);

/// A file would have become too large: the kernel holds a SIGXFSZ back for the helper.
#[cold]
fn pass_on_size_signal(green: &'static Green) {
    let (set, now) = (bit(libc::SIGXFSZ), libc::timespec { tv_sec: 0, tv_nsec: 0 });
    // SAFETY: objects of ours.
    let taken = unsafe { scheduler::sys!(rt_sigtimedwait, &raw const set, 0, &raw const now, 8usize) };
    if let (Ok(_), Some(rt)) = (taken, start::runtime()) {
        send::from_kernel(rt, green, libc::SIGXFSZ);
    }
}

/// A fault in a call that a helper executes: its thread's handler runs in the thread, on the block that both use in
/// turn. Answers whether it could.
///
/// # Safety
/// The arguments are a signal handler's, on a kernel thread that is no carrier.
pub unsafe fn leave_fault_to_thread(signal: c_int, info: *mut siginfo_t, context: *mut c_void) -> bool {
    let fs = fs_base();
    let Some(rt) = start::runtime() else { return false };
    let Some(execution) = green::find(fs as pthread_t).and_then(execution_of) else { return false };
    let (Some(pause), landing @ 1..) = (execution.pause, execution.landing.load(Ordering::Relaxed)) else {
        return false;
    };
    execution.fault.set(Some(Fault { signal, info, context }));
    // SAFETY: the helper's own block, while the handler uses the thread's; then the thread's again.
    let order = unsafe {
        rt.carrier.set_fs(execution.own);
        let order = pause.now();
        rt.carrier.set_fs(fs);
        order
    };
    if order == Order::Abandon {
        // SAFETY: the interrupted thread's registers.
        land(unsafe { &mut (*context.cast::<ucontext_t>()).uc_mcontext.gregs }, landing);
    }
    true
}

/// In the thread, while the helper pauses: if that is for a fault, run its handler.
pub fn handle_fault(me: &'static Green) {
    let Some(Fault { signal, info, context }) = execution_of(me).and_then(|execution| execution.fault.take())
    else {
        return;
    };
    // SAFETY: the helper's frame stays where it is until the helper goes on, and what the handler changes there of the
    // mask and the alternate stack is not the helper's.
    unsafe {
        let shown = context.cast::<ucontext_t>();
        let (mask, stack) = (*signal::mask_of(context), (*shown).uc_stack);
        signal::handle(me, signal, info, context);
        *signal::mask_of(context) = mask;
        (*shown).uc_stack = stack;
    }
}

/// Go on at the end of [`catch_abandon`].
fn land(registers: &mut [libc::greg_t; 23], landing: usize) {
    registers[libc::REG_RSP as usize] = landing as i64;
    registers[libc::REG_RIP as usize] = landed as *const () as i64;
}

/// The helper that runs on this thread's block is on its way through a call.
fn execution_of(green: &Green) -> Option<&Execution> {
    // SAFETY: in a frame of the helper that asks, below this one.
    unsafe { green.executor.load(Ordering::Acquire).as_ref() }
}

/// The helper's own block, if the calling kernel thread is one on another thread's.
pub fn own_block() -> Option<usize> {
    execution_of(green::find(fs_base() as pthread_t)?).map(|execution| execution.own)
}

/// In the helper's signal handler: the thread wants to run handlers of its own. `word` is the scheduler's.
///
/// # Safety
/// `word` comes from the scheduler, `context` from the kernel.
pub unsafe fn on_pause(word: *const AtomicU32, context: *mut c_void) {
    let fs = fs_base();
    let Some(rt) = start::runtime() else { return };
    // (Not the carrier, which idles on such a block.)
    if green::is_carrier_thread() {
        return;
    }
    let Some(green) = green::find(fs as pthread_t) else { return };
    let Some(execution) = execution_of(green) else { return };
    let landing = execution.landing.load(Ordering::Relaxed);
    // SAFETY: the caller's context.
    let registers = unsafe { &mut (*context.cast::<ucontext_t>()).uc_mcontext.gregs };
    if landing == 0 || holds_locks_of_ours(registers) {
        return;
    }
    // SAFETY: the helper's own block, while the handlers use the thread's; then the thread's again.
    let order = unsafe {
        rt.carrier.set_fs(execution.own);
        let order = pause(word, (&raw const green.thread).cast_mut(), || fail_interrupted(registers));
        rt.carrier.set_fs(fs);
        order
    };
    if order == Some(Order::Abandon) {
        land(registers, landing);
    }
}

/// Was the helper interrupted in code of ours, where it may hold a spin lock? It holds none in system calls that wait.
fn holds_locks_of_ours(registers: &[libc::greg_t; 23]) -> bool {
    const WAITING: [c_long; 5] =
        [libc::SYS_openat, libc::SYS_fstatfs, libc::SYS_fstat, libc::SYS_statx, libc::SYS_pread64];
    let at = registers[libc::REG_RIP as usize] as usize;
    let [from, to] = loader::object_around(in_code_of_ours as *const () as usize);
    (from..to).contains(&at) && !WAITING.contains(&registers[libc::REG_RAX as usize])
}

fn in_code_of_ours() {}

/// A system call that has waited in vain is about to be restarted (the flag `SA_RESTART`): the thread is at its
/// instruction. One that has done something is behind it. So nothing is lost. Answers whether it was in one, and had
/// done nothing.
///
/// # Safety
/// The registers of a thread that a signal has interrupted.
pub unsafe fn fail_interrupted(registers: &mut [libc::greg_t; 23]) -> bool {
    const SYSCALL: [u8; 2] = [0x0f, 0x05];
    let at = registers[libc::REG_RIP as usize] as usize;
    // SAFETY: where a thread is there is code.
    if unsafe { ptr::with_exposed_provenance::<[u8; 2]>(at).read() } == SYSCALL {
        registers[libc::REG_RAX as usize] = -i64::from(libc::EINTR);
        registers[libc::REG_RIP as usize] += SYSCALL.len() as i64;
        return true;
    }
    // Some are never restarted.
    registers[libc::REG_RAX as usize] == -i64::from(libc::EINTR)
        // SAFETY: likewise.
        && unsafe { ptr::with_exposed_provenance::<[u8; 2]>(at - SYSCALL.len()).read() } == SYSCALL
}

/// Run `work` to its end, or until it is abandoned.
fn catching(execution: &Execution, work: impl FnOnce()) {
    unsafe extern "C-unwind" fn call<W: FnOnce()>(data: *mut c_void) {
        // SAFETY: the Option below.
        if let Some(work) = unsafe { (*data.cast::<Option<W>>()).take() } {
            work();
        }
    }
    fn call_of<W: FnOnce()>(_: &Option<W>) -> unsafe extern "C-unwind" fn(*mut c_void) {
        call::<W>
    }
    let mut work = Some(work);
    let call = call_of(&work);
    // SAFETY: what is left out of `work` by an abandonment is nobody's any more.
    unsafe { catch_abandon(call, (&raw mut work).cast(), execution.landing.as_ptr()) };
}

/// `call(data)`; its frames may be left for [`landed`].
#[unsafe(naked)]
unsafe extern "C-unwind" fn catch_abandon(
    call: unsafe extern "C-unwind" fn(*mut c_void),
    data: *mut c_void,
    landing: *mut usize,
) {
    naked_asm!(
        ".cfi_startproc",
        "push rbx", ".cfi_adjust_cfa_offset 8", ".cfi_rel_offset rbx, 0",
        "push rbp", ".cfi_adjust_cfa_offset 8", ".cfi_rel_offset rbp, 0",
        "push r12", ".cfi_adjust_cfa_offset 8", ".cfi_rel_offset r12, 0",
        "push r13", ".cfi_adjust_cfa_offset 8", ".cfi_rel_offset r13, 0",
        "push r14", ".cfi_adjust_cfa_offset 8", ".cfi_rel_offset r14, 0",
        "push r15", ".cfi_adjust_cfa_offset 8", ".cfi_rel_offset r15, 0",
        "push rdx", ".cfi_adjust_cfa_offset 8",
        "mov rax, rdi",
        "mov rdi, rsi",
        "mov [rdx], rsp",
        "call rax",
        "jmp {landed}",
        ".cfi_endproc",
        landed = sym landed,
    )
}

/// The end of [`catch_abandon`], on its frame.
#[unsafe(naked)]
unsafe extern "C-unwind" fn landed() {
    naked_asm!(
        ".cfi_startproc",
        ".cfi_def_cfa_offset 64",
        "pop rdx",
        ".cfi_adjust_cfa_offset -8",
        "mov qword ptr [rdx], 0",
        "pop r15",
        ".cfi_adjust_cfa_offset -8",
        "pop r14",
        ".cfi_adjust_cfa_offset -8",
        "pop r13",
        ".cfi_adjust_cfa_offset -8",
        "pop r12",
        ".cfi_adjust_cfa_offset -8",
        "pop rbp",
        ".cfi_adjust_cfa_offset -8",
        "pop rbx",
        ".cfi_adjust_cfa_offset -8",
        "ret",
        ".cfi_endproc",
    )
}
