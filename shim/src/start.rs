//! From the first `pthread_create` to M:1, or the decision to stay out of the way.
//!
//! ```text
//!   UNDECIDED ── first pthread_create, everything works ──► GREEN    (RUNTIME is set, for good)
//!       └────── bad option, unknown libc, no memory … ────► REFUSED  (native 1:1, for good)
//! ```
//!
//! Until then no jacket touches anything: a process that never creates a thread runs as without us.

use crate::options;
use crate::pthread::green;
use crate::reports::{deadlock, pinned, requests};
use crate::signal::set::under_kernel_mask;
use crate::tls::{self, Layout};
use crate::{
    chaos, credentials, files, helper, loader, memory, patch, preempt, real, runtimes, say, signal,
    statistics, tools, tracing, trap,
};
use core::cell::UnsafeCell;
use core::ffi::{c_int, c_void};
use core::sync::atomic::{AtomicBool, AtomicPtr, AtomicUsize, Ordering};
use scheduler::clock::{ClockGettime, clock_gettime_syscall};
use scheduler::{Carrier, Config, Host, Runtime, Thread};

/// Where the runtime's address is: for debuggers.
pub const RUNTIME_AT: *const () = (&raw const RUNTIME).cast();

static RUNTIME: AtomicPtr<Runtime> = AtomicPtr::new(core::ptr::null_mut());
/// Green, and no schedule of chance was asked for: see [`is_plain`].
static PLAIN: AtomicBool = AtomicBool::new(false);
/// Where in a descriptor the tid is: of the layout, for the fast paths.
static TID: AtomicUsize = AtomicUsize::new(0);
static REFUSED: AtomicBool = AtomicBool::new(false);
static LAYOUT: LayoutCell = LayoutCell(UnsafeCell::new(None));

struct LayoutCell(UnsafeCell<Option<Layout>>);
// SAFETY: written once, by the single thread of the process, before RUNTIME is published.
unsafe impl Sync for LayoutCell {}

/// The runtime, on whichever kernel thread; `None` while (or if for ever) native.
#[inline(always)]
pub fn runtime() -> Option<&'static Runtime> {
    let at = RUNTIME.load(Ordering::Acquire);
    // SAFETY: null, or a runtime that lives for ever.
    unsafe { at.as_ref() }
}

/// Runtime and carrier, if the caller is a green thread on its carrier: the question every jacket
/// begins with.
#[inline(always)]
pub fn here() -> Option<(&'static Runtime, &'static Carrier)> {
    let rt = runtime()?;
    rt.carrier.is_here().then_some((rt, &rt.carrier))
}

/// The one question of the fast paths: there is a runtime, and [`chaos::point`] does nothing.
#[inline(always)]
pub fn is_plain() -> bool {
    PLAIN.load(Ordering::Acquire)
}

/// The tid in the descriptor of the thread with this FS base; only after the start.
#[inline(always)]
pub fn tid_at(fs: usize) -> i32 {
    let at = fs.wrapping_add(TID.load(Ordering::Relaxed));
    // SAFETY: every thread, ours or glibc's, has a descriptor at its FS base.
    unsafe { *core::ptr::with_exposed_provenance(at) }
}

/// The TLS layout; only after the start.
pub fn layout() -> &'static Layout {
    // SAFETY: written before RUNTIME is published, never again.
    match unsafe { &*LAYOUT.0.get() } {
        Some(layout) => layout,
        // Callers got here through `runtime()`.
        None => unreachable!(),
    }
}

/// Everything runs natively from now on (unless it already runs green).
pub fn refuse() {
    REFUSED.store(true, Ordering::Relaxed);
}

/// Everything runs natively.
pub fn is_refused() -> bool {
    REFUSED.load(Ordering::Relaxed)
}

/// This process has no carrier any more (a child that a foreign kernel thread forked).
pub fn abandon() {
    PLAIN.store(false, Ordering::Release);
    RUNTIME.store(core::ptr::null_mut(), Ordering::Release);
    refuse();
}

/// The process is about to create its first thread: go green if possible.
pub fn go_green() -> Option<&'static Runtime> {
    if let Some(rt) = runtime() {
        return Some(rt);
    }
    // A kernel thread that glibc started by itself (C11 threads, SIGEV_THREAD) stays native, and so
    // do the threads it creates.
    // SAFETY: no pointers.
    let is_main = unsafe { scheduler::sys!(gettid) == scheduler::sys!(getpid) };
    if is_refused() || !is_main {
        return None;
    }
    match start() {
        Ok(rt) => {
            statistics::start();
            tracing::start();
            requests::adopt();
            if options::VERBOSE.get() == Some(1) {
                say!("green threads start in process {}", scheduler::sys::process());
            }
            Some(rt)
        }
        Err(why) => {
            refuse();
            say!("{why}: running natively, without green threads");
            None
        }
    }
}

fn start() -> Result<&'static Runtime, &'static str> {
    let rt = prepare()?;
    go(rt).inspect_err(|_| {
        // The program keeps nothing of ours.
        rt.carrier.netpoll.abandon();
        limit_malloc_arenas(0);
    })
}

fn prepare() -> Result<&'static Runtime, &'static str> {
    const HWCAP2_FSGSBASE: u64 = 2;
    if let Some(why) = runtimes::objection() {
        return Err(why);
    }
    let layout = Layout::discover().ok_or("this libc is not supported")?;
    // SAFETY: the process has one thread, and it is here.
    unsafe { *LAYOUT.0.get() = Some(layout) };
    TID.store(layout.tid_offset(), Ordering::Relaxed);
    // SAFETY: no pointers.
    let hwcap2 = unsafe { libc::getauxval(libc::AT_HWCAP2) };
    let config = Config {
        policy: chaos::policy(),
        helpers: options::HELPERS.get().unwrap_or(16) as u32,
        waiting_helpers: options::WAITING_HELPERS.get().unwrap_or(1024) as u32,
        fsgsbase: hwcap2 & HWCAP2_FSGSBASE != 0 && options::FSGSBASE.get() != Some(0),
    };
    let host = Host {
        clock_gettime: clock(),
        start_kernel_thread: helper::spawn,
        kernel_thread_begins: helper::begin,
        run_cancellable: helper::run_cancellable,
        cancel_kernel_thread: helper::cancel,
        interrupt_kernel_thread: helper::interrupt,
        bury: green::bury,
        run_handlers: signal::run_handlers,
        interrupt_targets: signal::interrupt_targets,
        may_be_stuck: deadlock::may_be_stuck,
        look_if_stuck: deadlock::look_if_stuck,
    };
    // SAFETY: the main thread's record is a static.
    let rt = unsafe { Runtime::start(config, host, green::main_thread()) }
        .map_err(|_| "no memory for a scheduler")?;
    rt.stacks.watch(tools::watcher());
    rt.stacks.keep_no_reserve(memory::is_resident_at_once());
    green::adopt_main();
    Ok(rt)
}

fn go(rt: &'static Runtime) -> Result<&'static Runtime, &'static str> {
    let layout = layout();
    rt.carrier.netpoll.open(&rt.carrier).map_err(|_| "no descriptors for an epoll set")?;
    // Before a helper asks for memory.
    limit_malloc_arenas(1);
    // glibc skips its locks until it has seen a second kernel thread.
    rt.helpers(scheduler::helpers::Class::Bounded)
        .start_first()
        .map_err(|_| "no helper thread can be started")?;
    credentials::adopt();
    tls::await_resolver_state(layout)?;
    check_tls(rt, layout)?;
    RUNTIME.store((&raw const *rt).cast_mut(), Ordering::Release);
    if let Err(why) = patch::apply() {
        RUNTIME.store(core::ptr::null_mut(), Ordering::Release);
        return Err(why);
    }
    crate::io::descriptor::adopt_early(rt);
    signal::mask::adopt();
    signal::adopt_alternate();
    signal::adopt_handlers();
    loader::adopt();
    PLAIN.store(!chaos::begin(), Ordering::Release);
    trap::arm();
    Ok(rt)
}

/// Try a TLS block before anybody depends on it.
fn check_tls(rt: &'static Runtime, layout: &Layout) -> Result<(), &'static str> {
    // A handler must not run on the trial block.
    under_kernel_mask(u64::MAX, || {
        let fs = green::trial_block(rt, layout).ok_or("no memory for a thread")?;
        // SAFETY: a fresh block that nobody else knows.
        unsafe { tls::self_check(layout, fs) }
    })
}

/// One carrier needs one arena (0: as many as libc likes); the user's own setting wins.
fn limit_malloc_arenas(most: c_int) {
    const M_ARENA_MAX: c_int = -8;
    // SAFETY: strings end in NUL; mallopt has no memory effects on us.
    unsafe {
        let tuned = libc::getenv(c"GLIBC_TUNABLES".as_ptr());
        if libc::getenv(c"MALLOC_ARENA_MAX".as_ptr()).is_null()
            && (tuned.is_null() || libc::strstr(tuned, c"malloc.arena".as_ptr()).is_null())
        {
            libc::mallopt(M_ARENA_MAX, most);
        }
    }
}

fn clock() -> ClockGettime {
    real::vdso_clock_gettime().map_or(clock_gettime_syscall, |at| {
        // SAFETY: the vDSO's function has this type.
        unsafe { core::mem::transmute::<*mut c_void, ClockGettime>(at) }
    })
}

/// In the child of `fork` from a green thread.
pub fn after_fork(rt: &'static Runtime, thread: *mut Thread) {
    // First: what is counted until then would be the parent's.
    statistics::after_fork();
    rt.after_fork();
    green::after_fork(thread);
    preempt::after_fork();
    signal::after_fork();
    files::place::none_is_made();
    trap::after_fork();
    deadlock::after_fork();
    pinned::after_fork();
    tracing::after_fork();
}
