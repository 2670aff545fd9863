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

use crate::helper::KernelAction;
use crate::real::inner;
use crate::signal::mask;
use crate::signal::mask_of;
use crate::signal::set::{bit, bits_of, store};
use crate::syscalls::{Arguments, jacketed};
use crate::{errno, loader, options, say, start};
use core::arch::naked_asm;
use core::ffi::{CStr, c_int, c_long, c_void};
use core::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicUsize, Ordering};
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
            unsafe { libc::atexit(print) };
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
        USED.store(0, Ordering::Relaxed);
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
            print();
        }
        let mut next = selector;
        let blocks = may_block(number, &arguments);
        if blocks {
            let [at, stack] = [libc::REG_RIP, libc::REG_RSP].map(|r| registers[r as usize] as usize);
            note(number, at, stack);
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

/// May this system call wait for something other than the processor?
fn may_block(number: c_long, arguments: &Arguments) -> bool {
    const WAITS: [i32; 2] = [0, 9];
    match number {
        libc::SYS_futex => WAITS.contains(&(arguments[1] as i32 & 127)),
        libc::SYS_poll => arguments[2] as i32 != 0,
        libc::SYS_fcntl => matches!(arguments[1] as i32, libc::F_SETLKW | libc::F_OFD_SETLKW),
        libc::SYS_wait4 => arguments[2] as i32 & libc::WNOHANG == 0,
        libc::SYS_recvfrom | libc::SYS_sendto => arguments[3] as i32 & libc::MSG_DONTWAIT == 0,
        libc::SYS_recvmsg | libc::SYS_sendmsg => arguments[2] as i32 & libc::MSG_DONTWAIT == 0,
        libc::SYS_futex_waitv | libc::SYS_io_uring_enter | libc::SYS_io_getevents | libc::SYS_getrandom => {
            true
        }
        _ => BLOCKING.contains(&number),
    }
}

const BLOCKING: [c_long; 72] = [
    libc::SYS_read,
    libc::SYS_write,
    libc::SYS_readv,
    libc::SYS_writev,
    libc::SYS_pread64,
    libc::SYS_pwrite64,
    libc::SYS_preadv,
    libc::SYS_pwritev,
    libc::SYS_preadv2,
    libc::SYS_pwritev2,
    libc::SYS_open,
    libc::SYS_openat,
    libc::SYS_openat2,
    libc::SYS_creat,
    libc::SYS_close,
    libc::SYS_stat,
    libc::SYS_lstat,
    libc::SYS_fstat,
    libc::SYS_newfstatat,
    libc::SYS_statx,
    libc::SYS_access,
    libc::SYS_faccessat,
    libc::SYS_faccessat2,
    libc::SYS_readlink,
    libc::SYS_readlinkat,
    libc::SYS_getdents64,
    libc::SYS_statfs,
    libc::SYS_fstatfs,
    libc::SYS_rename,
    libc::SYS_renameat,
    libc::SYS_renameat2,
    libc::SYS_unlink,
    libc::SYS_unlinkat,
    libc::SYS_mkdir,
    libc::SYS_mkdirat,
    libc::SYS_rmdir,
    libc::SYS_link,
    libc::SYS_linkat,
    libc::SYS_symlink,
    libc::SYS_symlinkat,
    libc::SYS_truncate,
    libc::SYS_ftruncate,
    libc::SYS_fallocate,
    libc::SYS_fsync,
    libc::SYS_fdatasync,
    libc::SYS_sync,
    libc::SYS_syncfs,
    libc::SYS_msync,
    libc::SYS_flock,
    libc::SYS_connect,
    libc::SYS_accept,
    libc::SYS_accept4,
    libc::SYS_recvmmsg,
    libc::SYS_sendmmsg,
    libc::SYS_ppoll,
    libc::SYS_select,
    libc::SYS_pselect6,
    libc::SYS_epoll_wait,
    libc::SYS_epoll_pwait,
    libc::SYS_epoll_pwait2,
    libc::SYS_nanosleep,
    libc::SYS_clock_nanosleep,
    libc::SYS_pause,
    libc::SYS_rt_sigsuspend,
    libc::SYS_rt_sigtimedwait,
    libc::SYS_waitid,
    libc::SYS_sendfile,
    libc::SYS_splice,
    libc::SYS_msgrcv,
    libc::SYS_msgsnd,
    libc::SYS_semop,
    libc::SYS_semtimedop,
];

// ---- the report ----------------------------------------------------------------------------------

/// One place from which a system call came, counted.
struct Place {
    number: AtomicU32,
    count: AtomicU32,
    /// After the instruction.
    at: AtomicUsize,
    /// A return address further up the stack, in another object.
    caller: AtomicUsize,
}

const PLACES: usize = 256;
static SEEN: [Place; PLACES] = [const {
    Place {
        number: AtomicU32::new(0),
        count: AtomicU32::new(0),
        at: AtomicUsize::new(0),
        caller: AtomicUsize::new(0),
    }
}; PLACES];
static USED: AtomicUsize = AtomicUsize::new(0);

unsafe fn note(number: c_long, at: usize, stack: usize) {
    let used = USED.load(Ordering::Relaxed);
    let known = SEEN[..used].iter().find(|place| {
        place.at.load(Ordering::Relaxed) == at && place.number.load(Ordering::Relaxed) == number as u32
    });
    if let Some(place) = known {
        place.count.fetch_add(1, Ordering::Relaxed);
        return;
    }
    // SAFETY: the interrupted thread's stack.
    let caller = unsafe { caller_in_another_object(at, stack) };
    let (Some(place), Some(caller)) = (SEEN.get(used), caller) else { return };
    place.number.store(number as u32, Ordering::Relaxed);
    place.at.store(at, Ordering::Relaxed);
    place.count.store(1, Ordering::Relaxed);
    place.caller.store(caller, Ordering::Relaxed);
    USED.store(used + 1, Ordering::Relaxed);
}

/// Who called the function around `at`: if that is libc's, the first word on the stack that looks like a return address
/// into another object, or `None` if that is libgreen: a jacket has made the call.
unsafe fn caller_in_another_object(at: usize, stack: usize) -> Option<usize> {
    const WORDS: usize = 256;
    let [from, to] = loader::object_around(at);
    if !inner::CTYPE_INIT.find().is_some_and(|libc| (from..to).contains(&libc.addr())) {
        return Some(at);
    }
    let ours = loader::object_around(arm as *const () as usize);
    for i in 0..WORDS {
        // SAFETY: a thread's stack goes on for more than this above a libc function's frame, or holds its first
        // frame, after which comes the thread's record.
        let word = unsafe { core::ptr::with_exposed_provenance::<usize>(stack + 8 * i).read() };
        if word < 1 << 16 || (from..to).contains(&word) {
            continue;
        }
        if (ours[0]..ours[1]).contains(&word) {
            return None;
        }
        if loader::object_around(word) != [0, 0] {
            return Some(word);
        }
    }
    Some(0)
}

fn symbol(at: usize) -> Option<(&'static CStr, &'static CStr)> {
    // SAFETY: an object of ours; ld.so's strings live as long as the library.
    unsafe {
        let mut info: libc::Dl_info = core::mem::zeroed();
        if libc::dladdr(core::ptr::with_exposed_provenance(at), &raw mut info) == 0
            || info.dli_fname.is_null()
        {
            return None;
        }
        let name = if info.dli_sname.is_null() { c"?" } else { CStr::from_ptr(info.dli_sname) };
        Some((name, CStr::from_ptr(info.dli_fname)))
    }
}

/// At the end of the process: one line a place, once.
extern "C" fn print() {
    for place in &SEEN[..USED.swap(0, Ordering::Relaxed)] {
        let number = place.number.load(Ordering::Relaxed);
        let count = place.count.load(Ordering::Relaxed);
        let name = scheduler::sys::Sysno::new(number as usize).map_or("?", |n| n.name());
        let text = |at| {
            symbol(at).map_or(("?", "?"), |(f, o)| (f.to_str().unwrap_or("?"), o.to_str().unwrap_or("?")))
        };
        let (function, object) = text(place.at.load(Ordering::Relaxed));
        let (caller, program) = text(place.caller.load(Ordering::Relaxed));
        say!("trap: {name} x {count} near {function} in {object}, called by {caller} in {program}");
    }
}
