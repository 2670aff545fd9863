//! Where the carrier is: a directed signal asks, and its handler notes the frames that it finds below itself.
//!
//! ```text
//!   watchdog                            carrier
//!   ask ── SIGURG with our mark ──►     (a system call or a page fault that cannot be interrupted ends first)
//!                                       handler: frames down to libc's start ──► ANSWER
//!   answer ◄── the number of the question is there ───────────────────┘
//! ```
//!
//! libgcc's unwinder takes no lock of ld.so's: it finds a file's tables by `_dl_find_object`, which has none.
//! (Before glibc 2.35 it asked dl_iterate_phdr: the frames are left out there.)

use super::backtrace::{_Unwind_Backtrace, _Unwind_GetIPInfo, END, GO_ON};
use crate::preempt::place;
use crate::pthread::green;
use crate::real::inner;
use crate::signal::mask;
use crate::{preempt, start};
use core::ffi::{c_int, c_void};
use core::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use scheduler::counters::FRAMES;
use scheduler::sys;

/// The frames of a thread need so much room below its stack pointer, the signal's own not counted.
const ROOM: usize = 6 << 10;

/// The number of the last question, and of the question that is answered.
static ASKED: AtomicU64 = AtomicU64::new(0);
static ANSWERED: AtomicU64 = AtomicU64::new(0);

/// Somebody is about to answer.
static IS_TAKEN: AtomicBool = AtomicBool::new(false);

static ANSWER: Answer = Answer {
    steps: AtomicU64::new(0),
    at: AtomicU64::new(0),
    code: AtomicUsize::new(0),
    called: AtomicUsize::new(0),
    frames: [const { AtomicUsize::new(0) }; FRAMES],
};

/// What the handler writes and the watchdog reads, one after the other.
struct Answer {
    steps: AtomicU64,
    at: AtomicU64,
    code: AtomicUsize,
    called: AtomicUsize,
    frames: [AtomicUsize; FRAMES],
}

/// Where the carrier was.
#[derive(Clone, Copy)]
pub struct Sample {
    /// `Carrier::steps` then.
    pub steps: u64,
    /// When (nanoseconds).
    pub at: u64,
    /// The instruction that was interrupted.
    pub code: usize,
    /// Inside the function that the program had called; 0: the program itself was interrupted.
    pub called: usize,
    /// The program's frames, innermost first: an address inside each call. 0: no more.
    pub frames: [usize; FRAMES],
}

/// The handlers are there from now on.
pub fn start() {
    IS_TAKEN.store(false, Ordering::Relaxed);
    preempt::adopt_signal();
}

/// Ask. From another kernel thread. Answers the number of the question.
pub fn ask() -> u64 {
    let number = ASKED.load(Ordering::Relaxed) + 1;
    ASKED.store(number, Ordering::SeqCst);
    preempt::send_mark(preempt::SAMPLE);
    number
}

/// There is a question without an answer.
#[inline]
pub fn is_asked() -> bool {
    ASKED.load(Ordering::SeqCst) != ANSWERED.load(Ordering::Relaxed)
}

/// What has been answered to that question.
pub fn answer(number: u64) -> Option<Sample> {
    (ANSWERED.load(Ordering::Acquire) == number).then(|| Sample {
        steps: ANSWER.steps.load(Ordering::Relaxed),
        at: ANSWER.at.load(Ordering::Relaxed),
        code: ANSWER.code.load(Ordering::Relaxed),
        called: ANSWER.called.load(Ordering::Relaxed),
        frames: core::array::from_fn(|i| ANSWER.frames[i].load(Ordering::Relaxed)),
    })
}

/// What is known while frames go by.
struct Walk {
    /// The frame that the signal interrupted has come.
    begun: bool,
    called: usize,
    count: usize,
}

unsafe extern "C" fn look(frame: *mut c_void, walk: *mut c_void) -> c_int {
    // SAFETY: the Walk of `take`; the frame is the unwinder's.
    unsafe {
        let walk = &mut *walk.cast::<Walk>();
        let mut was_interrupted = 0;
        let address = _Unwind_GetIPInfo(frame, &raw mut was_interrupted);
        walk.begun |= was_interrupted != 0;
        if address == 0 || walk.count == FRAMES {
            return END;
        }
        if !walk.begun {
            return GO_ON;
        }
        let inside = address - usize::from(was_interrupted == 0);
        if place::is_programs_own(address) {
            ANSWER.frames[walk.count].store(inside, Ordering::Relaxed);
            walk.count += 1;
        } else if walk.count == 0 {
            walk.called = inside;
        }
        GO_ON
    }
}

/// The unwinder fits below this stack pointer. Of the main thread's stack nobody knows the end: its last MiB is left alone where
/// it has the usual size, and so is any other stack that it is on.
fn has_room(sp: usize) -> bool {
    const MAINS: usize = 7 << 20;
    let Some((rt, _)) = start::here() else { return false };
    let stack = &green::current(rt).stack;
    let low = stack.base.addr();
    if low != 0 {
        return (low + stack.guard + ROOM..=stack.top().addr()).contains(&sp);
    }
    // SAFETY: no pointers. The name of the program is at the top of the main thread's stack.
    let top = unsafe { libc::getauxval(libc::AT_EXECFN) } as usize;
    (top.saturating_sub(MAINS)..top).contains(&sp)
}

/// The question has come. In its handler, on the carrier.
///
/// # Safety
/// `context` is the kernel's.
pub unsafe fn take(context: *mut c_void) {
    let Some((rt, carrier)) = start::here() else { return };
    // SAFETY: the kernel's context.
    let registers = unsafe { &(*context.cast::<libc::ucontext_t>()).uc_mcontext.gregs };
    let code = registers[libc::REG_RIP as usize] as usize;
    if IS_TAKEN.swap(true, Ordering::Relaxed) {
        return;
    }
    let mut seen = Walk { begun: false, called: 0, count: 0 };
    let may_walk = !carrier.is_critical() && inner::FIND_OBJECT.find().is_some();
    if may_walk && has_room(registers[libc::REG_RSP as usize] as usize) {
        // The unwinder has a mutex for frames that were registered at run time: others may have to run.
        // SAFETY: the kernel's context; `seen` outlives the walk.
        unsafe { mask::in_handler(context, || _ = _Unwind_Backtrace(look, (&raw mut seen).cast())) };
    }
    if !seen.begun && place::is_programs_own(code) {
        ANSWER.frames[0].store(code, Ordering::Relaxed);
        seen.count = 1;
    } else if !seen.begun {
        seen.called = code;
    }
    for frame in &ANSWER.frames[seen.count..] {
        frame.store(0, Ordering::Relaxed);
    }
    ANSWER.steps.store(carrier.steps(), Ordering::Relaxed);
    ANSWER.at.store(rt.clock.now(), Ordering::Relaxed);
    ANSWER.code.store(code, Ordering::Relaxed);
    ANSWER.called.store(seen.called, Ordering::Relaxed);
    ANSWERED.store(ASKED.load(Ordering::SeqCst), Ordering::Release);
    IS_TAKEN.store(false, Ordering::Relaxed);
}

/// Is there a `syscall` instruction right before this address?
pub fn is_after_system_call(code: usize) -> bool {
    let mut bytes = [0u8; 2];
    let here = libc::iovec { iov_base: bytes.as_mut_ptr().cast(), iov_len: 2 };
    let there =
        libc::iovec { iov_base: core::ptr::with_exposed_provenance_mut(code.wrapping_sub(2)), iov_len: 2 };
    // SAFETY: objects of ours; the kernel looks whether the other address can be read.
    let got = unsafe {
        scheduler::sys!(process_vm_readv, sys::process(), &raw const here, 1, &raw const there, 1, 0)
    };
    got == Ok(2) && bytes == [0x0f, 0x05]
}
