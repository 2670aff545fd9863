//! The safety net: system calls that reach the kernel past the jackets, by Syscall User Dispatch (Linux ≥ 5.11).
//!
//! With `GREEN_TRAP` the kernel hands every system call of the carrier to [`on_trap`] that does not come from
//! libgreen's own text, unless a jacket has just called libc's function on purpose ([`trusting`]):
//!
//! ```text
//!   libc, the program ── syscall ──► SIGSYS ─┬─ it does not block: done
//!                                            ├─ report: counted, done all the same
//!                                            └─ convert: the jacket of its number, in this very frame; the thread
//!                                               may park there
//! ```
//!
//! "Done" means that the interrupted thread goes on at a copy of the instruction in our text, and from there back:
//! so EINTR, restarts and masks are what they would be. A call that makes a thread or a child cannot go that way
//! (its stack is another's): the dispatch pauses for it until the next jacket. A debugging tool: a trapped call costs
//! about two microseconds, and each other one a little.

mod report;
mod waits;

use crate::helper::KernelAction;
use crate::signal::mask;
use crate::signal::mask_of;
use crate::signal::set::{bit, bits_of, store};
use crate::syscalls::{Arguments, jacketed};
use crate::{errno, loader, options, say, start};
use core::arch::naked_asm;
use core::ffi::{c_int, c_long, c_void};
use core::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use libc::siginfo_t;

/// The dispatch is on, for the carrier.
static ARMED: AtomicBool = AtomicBool::new(false);

/// Where the kernel looks: 0 lets system calls pass.
static SELECTOR: AtomicU8 = AtomicU8::new(PASS);
const PASS: u8 = 0;
const TRAP: u8 = 1;

const CONVERT: u64 = 2;

/// The kernel's flag for a [`KernelAction::restorer`].
pub const SA_RESTORER: u64 = 0x0400_0000;

/// Turn the dispatch on for the calling kernel thread, the carrier, if the user asked for it.
pub fn arm() {
    const PR_SET_SYSCALL_USER_DISPATCH: c_int = 59;
    const ON: usize = 1;
    if options::TRAP.get().unwrap_or(0) == 0 {
        return;
    }
    let action = KernelAction {
        handler: on_trap as *const () as usize,
        flags: libc::SA_SIGINFO as u64 | SA_RESTORER,
        restorer: restore as *const () as usize,
        mask: u64::MAX,
    };
    let [from, to] = loader::object_around(arm as *const () as usize);
    // SAFETY: objects of ours; the restorer and what the handler continues at are in our text.
    let armed = unsafe {
        scheduler::sys!(rt_sigaction, libc::SIGSYS, &raw const action, 0, 8usize).and_then(|_| {
            scheduler::sys!(prctl, PR_SET_SYSCALL_USER_DISPATCH, ON, from, to - from, SELECTOR.as_ptr())
        })
    };
    match armed {
        Ok(_) => {
            // (`_exit` is caught, too.)
            // SAFETY: the function fits.
            unsafe { libc::atexit(report::print) };
            ARMED.store(true, Ordering::Relaxed);
            SELECTOR.store(TRAP, Ordering::Relaxed);
        }
        Err(_) => say!("GREEN_TRAP: this kernel has no syscall user dispatch, nothing is trapped"),
    }
}

/// In the child of `fork` there is no dispatch; it has its own.
pub fn after_fork() {
    if ARMED.swap(false, Ordering::Relaxed) {
        SELECTOR.store(PASS, Ordering::Relaxed);
        report::clear();
        arm();
    }
}

/// What must not be blocked, or the kernel would end the process.
pub fn never_blocked() -> u64 {
    if ARMED.load(Ordering::Relaxed) { bit(libc::SIGSYS) } else { 0 }
}

/// A jacket calls libc on purpose: whatever that does is not trapped.
#[inline(always)]
pub fn trusting<R>(work: impl FnOnce() -> R) -> R {
    if !ARMED.load(Ordering::Relaxed) || !is_carrier() {
        return work();
    }
    let before = SELECTOR.swap(PASS, Ordering::Relaxed);
    let result = work();
    SELECTOR.store(before, Ordering::Relaxed);
    result
}

fn is_carrier() -> bool {
    start::here().is_some()
}

/// Jackets have begun: a pause is over.
pub fn resume() {
    if ARMED.load(Ordering::Relaxed) && is_carrier() {
        SELECTOR.store(TRAP, Ordering::Relaxed);
    }
}

// ---- the trap ------------------------------------------------------------------------------------

/// Bytes of the stack below the stack pointer that belong to the running function, and room for a word.
const SKIP: i64 = 128 + 8;

unsafe extern "C-unwind" fn on_trap(_: c_int, _: *mut siginfo_t, context: *mut c_void) {
    let error = errno::get();
    let selector = SELECTOR.swap(PASS, Ordering::Relaxed);
    // SAFETY: the kernel's context of the interrupted thread, whose instruction was a system call.
    unsafe {
        let registers = &mut (*context.cast::<libc::ucontext_t>()).uc_mcontext.gregs;
        let number = registers[libc::REG_RAX as usize];
        let arguments =
            [libc::REG_RDI, libc::REG_RSI, libc::REG_RDX, libc::REG_R10, libc::REG_R8, libc::REG_R9]
                .map(|r| registers[r as usize] as usize);
        if matches!(number, libc::SYS_exit_group) {
            report::print();
        }
        let mut next = selector;
        // In a handler that came while the running thread's block is lent, nothing of ours can park.
        let blocks = is_carrier() && waits::may_block(number, &arguments);
        if blocks {
            let [at, stack] = [libc::REG_RIP, libc::REG_RSP].map(|r| registers[r as usize] as usize);
            report::note(number, at, stack);
        }
        // Who waits for a futex by our jacket must be woken by it.
        if (blocks || number == libc::SYS_futex)
            && options::TRAP.get() == Some(CONVERT)
            && convert(number, arguments, context)
        {
            SELECTOR.store(TRAP, Ordering::Relaxed);
            errno::set(error);
            return;
        }
        let registers = &mut (*context.cast::<libc::ucontext_t>()).uc_mcontext.gregs;
        match number {
            libc::SYS_rt_sigprocmask if arguments[1] != 0 => {
                registers[libc::REG_RAX as usize] = change_mask(arguments, context) as i64;
            }
            libc::SYS_rt_sigreturn => registers[libc::REG_RIP as usize] = restore as *const () as i64,
            libc::SYS_clone | libc::SYS_clone3 | libc::SYS_vfork | libc::SYS_fork => {
                const INSTRUCTION: i64 = 2;
                registers[libc::REG_RIP as usize] -= INSTRUCTION;
                next = PASS;
            }
            _ => {
                let back = registers[libc::REG_RIP as usize];
                registers[libc::REG_RSP as usize] -= SKIP;
                let word = registers[libc::REG_RSP as usize] as usize;
                core::ptr::with_exposed_provenance_mut::<i64>(word).write(back);
                registers[libc::REG_RIP as usize] = again as *const () as i64;
            }
        }
        SELECTOR.store(next, Ordering::Relaxed);
    }
    errno::set(error);
}

/// rt_sigprocmask(2), but SIGSYS stays open. The mask is what the handler's return restores.
unsafe fn change_mask([how, new, old, ..]: Arguments, context: *mut c_void) -> isize {
    // SAFETY: the kernel's context, libc's sets.
    unsafe {
        let mask = mask_of(context);
        let before = *mask;
        let set = bits_of(core::ptr::with_exposed_provenance(new));
        let after = match how as c_int {
            libc::SIG_BLOCK => before | set,
            libc::SIG_UNBLOCK => before & !set,
            libc::SIG_SETMASK => set,
            _ => return -(libc::EINVAL as isize),
        };
        if old != 0 {
            store(before, core::ptr::with_exposed_provenance_mut(old));
        }
        *mask = after & !bit(libc::SIGSYS);
    }
    0
}

/// Make the call by its jacket. The thread may park in here, and others run.
unsafe fn convert(number: c_long, arguments: Arguments, context: *mut c_void) -> bool {
    if start::here().is_none_or(|(_, carrier)| carrier.is_critical()) {
        return false;
    }
    let mut result = None;
    // SAFETY: the kernel's context; the program's call.
    unsafe {
        mask::in_handler(context, || {
            // Others run while this parks, and are trapped, too.
            SELECTOR.store(TRAP, Ordering::Relaxed);
            result = jacketed(number, arguments).map(|n| if n < 0 { -(errno::get() as isize) } else { n });
        });
        let Some(result) = result else { return false };
        (*context.cast::<libc::ucontext_t>()).uc_mcontext.gregs[libc::REG_RAX as usize] = result as i64;
    }
    true
}

/// The system call, then back to where it was trapped.
#[unsafe(naked)]
unsafe extern "C" fn again() {
    naked_asm!("syscall", "mov rcx, [rsp]", "lea rsp, [rsp + {skip}]", "jmp rcx", skip = const SKIP)
}

/// rt_sigreturn(2)
#[unsafe(naked)]
pub unsafe extern "C" fn restore() {
    naked_asm!("mov eax, 15", "syscall")
}
