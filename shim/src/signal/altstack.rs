//! Alternate signal stacks, one for each thread: sigaltstack(2).
//!
//! The kernel knows one for the carrier, and that is a small one of ours. A handler with `SA_ONSTACK`, and every fault,
//! is entered there, with all signals blocked, and moves its frame away at once, so ours is always free:
//!
//! ```text
//!   the kernel ──► frame on our stack ──moved──► on the thread's alternate stack, from its top, or
//!                                                below what it has there, if it is on it already, or
//!                                                below the interrupted frame: no SA_ONSTACK, no alternate stack
//!                       └─ a thread's own stack is used up, and nothing of the program's sees to it: report, and die
//! ```
//!
//! rt_sigreturn(2) takes the moved frame as it would have taken its own. In the frame the program sees its thread's
//! stack (`uc_stack`), which is that thread's again when the handler returns; the kernel gets back ours.

use super::delivery::on_signal;
use super::dispositions::HANDLERS;
use crate::errno::fail;
use crate::pthread::green::{self, Green};
use crate::{export, real, start};
use core::arch::naked_asm;
use core::ffi::{c_int, c_void};
use core::ptr;
use core::sync::atomic::{AtomicPtr, Ordering};
use libc::{SS_DISABLE, SS_ONSTACK, siginfo_t, stack_t};
use scheduler::sys;

/// `SS_AUTODISARM`
const DISARMS: c_int = i32::MIN;

/// Ours: room for the largest frame there is, and the few functions that move it.
const SIZE: usize = 64 << 10;
/// What a page below it cannot be touched.
const GUARD: usize = 4096;

/// No stack.
pub const NONE: stack_t = stack_t { ss_sp: ptr::null_mut(), ss_flags: SS_DISABLE, ss_size: 0 };

static OURS: AtomicPtr<u8> = AtomicPtr::new(ptr::null_mut());

/// Green threads start: the main thread keeps its own, the kernel gets ours.
pub fn adopt() {
    let Some(rt) = start::runtime() else { return };
    let mut before = NONE;
    // SAFETY: an object of ours.
    if unsafe { real::sigaltstack(ptr::null(), &raw mut before) } == 0 {
        green::current(rt).alternate.set(stack_t { ss_flags: before.ss_flags & !SS_ONSTACK, ..before });
    }
    let Ok(at) = sys::map(GUARD + SIZE) else { return };
    // SAFETY: ours, fresh.
    unsafe {
        let _ = scheduler::sys!(mprotect, at, GUARD, libc::PROT_NONE);
        let ours = at.add(GUARD);
        let stack = stack_t { ss_sp: ours.cast(), ss_flags: 0, ss_size: SIZE };
        // Refused in a handler on the main thread's own: frames are moved from there, too.
        if real::sigaltstack(&raw const stack, ptr::null_mut()) == 0 {
            OURS.store(ours, Ordering::Relaxed);
        }
    }
}

/// What the kernel has.
fn ours() -> stack_t {
    match OURS.load(Ordering::Relaxed) {
        at if at.is_null() => NONE,
        at => stack_t { ss_sp: at.cast(), ss_flags: 0, ss_size: SIZE },
    }
}

/// Is the frame of this context still where the kernel made it, on ours?
pub fn is_ours(context: *const c_void) -> bool {
    is_on(&ours(), context.addr())
}

fn is_on(stack: &stack_t, sp: usize) -> bool {
    sp.wrapping_sub(stack.ss_sp.addr()) < stack.ss_size
}

/// The stack is on, and can be begun at its top by a function that is called at `sp`.
fn is_free(stack: &stack_t, sp: usize) -> bool {
    stack.ss_flags & SS_DISABLE == 0
        && stack.ss_size != 0
        && (stack.ss_flags & DISARMS != 0 || !is_on(stack, sp))
}

/// A handler is about to run: show the program its thread's alternate stack. Answers what is to be given back.
///
/// # Safety
/// `context` is a signal handler's.
pub unsafe fn show(me: &Green, context: *mut c_void) {
    let own = me.alternate.get();
    // SAFETY: the caller's.
    unsafe { (*context.cast::<libc::ucontext_t>()).uc_stack = own };
    if own.ss_flags & DISARMS != 0 {
        me.alternate.set(NONE);
    }
}

/// It has run: the thread's is what the context says.
///
/// # Safety
/// As for [`show`].
pub unsafe fn take_back(me: &Green, context: *mut c_void) {
    // SAFETY: the caller's.
    let own = unsafe { (*context.cast::<libc::ucontext_t>()).uc_stack };
    me.alternate.set(stack_t { ss_flags: own.ss_flags & !SS_ONSTACK, ..own });
}

/// The kernel is to have ours again when a handler returns.
///
/// # Safety
/// As for [`show`].
pub unsafe fn resume_with_ours(context: *mut c_void) {
    // SAFETY: the caller's.
    unsafe { (*context.cast::<libc::ucontext_t>()).uc_stack = ours() };
}

/// Run `work` on the thread's alternate stack, if the action of this signal asks for it and the thread is not there yet.
pub fn on_alternate(me: &Green, signal: c_int, work: &mut dyn FnMut()) {
    let own = me.alternate.get();
    let here = ptr::from_ref(&own).addr();
    let asks = HANDLERS[signal as usize].flags.load(Ordering::Relaxed) & libc::SA_ONSTACK != 0;
    if !asks || !is_free(&own, here) {
        return work();
    }
    unsafe extern "C-unwind" fn call(work: *mut c_void) {
        // SAFETY: the closure below.
        unsafe { (*work.cast::<&mut dyn FnMut()>())() };
    }
    let mut work = work;
    let top = (own.ss_sp.addr() + own.ss_size) & !15;
    // SAFETY: nobody uses that stack.
    unsafe { call_on(call, (&raw mut work).cast(), top) };
}

/// `call(data)` on the stack that ends at `top`.
///
/// # Safety
/// Nobody else uses that stack; `top` is a multiple of 16.
#[unsafe(naked)]
pub unsafe extern "C-unwind" fn call_on(
    call: unsafe extern "C-unwind" fn(*mut c_void),
    data: *mut c_void,
    top: usize,
) {
    naked_asm!(
        ".cfi_startproc",
        "push rbp",
        ".cfi_def_cfa_offset 16",
        ".cfi_offset rbp, -16",
        "mov rbp, rsp",
        ".cfi_def_cfa_register rbp",
        "mov rsp, rdx",
        "mov rax, rdi",
        "mov rdi, rsi",
        "call rax",
        "mov rsp, rbp",
        "pop rbp",
        ".cfi_def_cfa rsp, 8",
        "ret",
        ".cfi_endproc",
    )
}

// ---- moving a frame ------------------------------------------------------------------------------

/// `struct rt_sigframe` of the kernel, without what the processor's state takes.
#[repr(C)]
struct Frame {
    /// The address of the restorer.
    back: usize,
    context: Context,
    info: siginfo_t,
}

/// `struct ucontext` of the kernel: glibc's begins so.
#[repr(C)]
#[derive(Clone, Copy)]
struct Context {
    flags: u64,
    link: usize,
    stack: stack_t,
    registers: [i64; 23],
    state: *mut u8,
    reserved: [u64; 8],
    mask: u64,
}

/// The length of a processor's state that the kernel has saved: `struct _fpx_sw_bytes` in it says.
unsafe fn length_of(state: *const u8) -> usize {
    const SAYS: usize = 464;
    const MAGIC: u32 = 0x4650_5853;
    const LEGACY: usize = 512;
    // SAFETY: the kernel's state is at least as long as FXSAVE's.
    unsafe {
        let says = state.add(SAYS).cast::<[u32; 2]>().read_unaligned();
        if says[0] == MAGIC { says[1] as usize } else { LEGACY }
    }
}

/// What the kernel calls for a handler with `SA_ONSTACK`, and for faults.
///
/// # Safety
/// Called by the kernel.
#[unsafe(naked)]
pub unsafe extern "C-unwind" fn on_signal_elsewhere(
    signal: c_int,
    info: *mut siginfo_t,
    context: *mut c_void,
) {
    naked_asm!(
        ".cfi_startproc",
        ".cfi_signal_frame",
        "push rbx",
        "mov rbx, rdi",
        "call {moved}",
        "mov rdi, rbx",
        "lea rsi, [rax + {info}]",
        "lea rdx, [rax + {context}]",
        // Nothing is left here: rt_sigreturn takes all registers from the moved frame.
        "mov rsp, rax",
        "jmp {on_signal}",
        ".cfi_endproc",
        moved = sym moved,
        on_signal = sym on_signal,
        info = const core::mem::offset_of!(Frame, info),
        context = const core::mem::offset_of!(Frame, context),
    )
}

/// The frame, where its handler is to run.
unsafe extern "C-unwind" fn moved(signal: c_int, _: *mut siginfo_t, context: *mut Context) -> *mut Frame {
    const RED_ZONE: usize = 128;
    let found: *mut Frame = context.cast::<u8>().wrapping_sub(size_of::<usize>()).cast();
    let Some(rt) = start::runtime().filter(|_| green::is_carrier_thread()) else { return found };
    let me = green::current(rt);
    // SAFETY: the kernel's frame; the thread's stacks.
    unsafe {
        let interrupted = (*context).registers[libc::REG_RSP as usize] as usize;
        let own = me.alternate.get();
        let asks = HANDLERS[signal as usize].flags.load(Ordering::Relaxed) & libc::SA_ONSTACK != 0;
        let top = if asks && is_free(&own, interrupted) {
            own.ss_sp.addr() + own.ss_size
        } else {
            interrupted - RED_ZONE
        };
        let length = if (*context).state.is_null() { 0 } else { length_of((*context).state) };
        let state = (top - length) & !63;
        let frame = ((state - size_of::<Frame>()) & !15) - size_of::<usize>();
        if me.has_used_up(frame) {
            // There is no room for the frame, as there would be none for the kernel's.
            return found;
        }
        let frame: *mut Frame = ptr::with_exposed_provenance_mut(frame);
        ptr::copy_nonoverlapping(found, frame, 1);
        if length > 0 {
            let state: *mut u8 = ptr::with_exposed_provenance_mut(state);
            ptr::copy_nonoverlapping((*context).state, state, length);
            (*frame).context.state = state;
        }
        frame
    }
}

export! {
    /// sigaltstack(2)
    fn sigaltstack(stack: *const stack_t, old: *mut stack_t) -> c_int {
        const LEAST: usize = 2048;
        let Some((rt, _)) = start::here() else { return real::sigaltstack(stack, old) };
        let me = green::current(rt);
        let before = me.alternate.get();
        let is_on = before.ss_flags & DISARMS == 0 && is_on(&before, (&raw const before).addr());
        if let Some(wanted) = stack.as_ref() {
            if is_on {
                return fail(libc::EPERM);
            }
            let after = match wanted.ss_flags & !DISARMS {
                SS_DISABLE => NONE,
                0 | SS_ONSTACK if wanted.ss_size < LEAST => return fail(libc::ENOMEM),
                0 | SS_ONSTACK => stack_t { ss_flags: wanted.ss_flags & DISARMS, ..*wanted },
                _ => return fail(libc::EINVAL),
            };
            me.alternate.set(after);
        }
        if let Some(old) = old.as_mut() {
            *old = before;
            if before.ss_size == 0 {
                old.ss_flags = SS_DISABLE;
            } else if is_on {
                old.ss_flags |= SS_ONSTACK;
            }
        }
        0
    }
}
