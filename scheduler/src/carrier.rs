//! The carrier: the kernel thread that runs green threads, and its loop.
//!
//! There is no scheduler stack. A thread that parks looks for the next one itself and switches
//! straight to it; if there is none it waits in the kernel on its own stack, and if it is itself
//! the next to wake, no switch happens at all:
//!
//! ```text
//!   park ─► next() ── run queue ──► switch to it
//!             │  ▲
//!             ▼  │ empty
//!           idle(): timers, inbox, epoll_wait until the first deadline
//! ```
//!
//! Critical sections: while `critical` > 0 the scheduler's data may be half changed. Signal handlers
//! that arrive then are kept by the shim and run when the section ends ([`Host::run_handlers`]), in
//! the thread that takes the process's signals; if that one is parked its wait is interrupted.

use crate::context::{self, Switch};
use crate::counters::counts;
use crate::inbox::Inbox;
use crate::netpoll::Netpoll;
use crate::policy::RunQueue;
use crate::runtime::{Config, Host, Runtime};
use crate::sys::Errno;
use crate::thread::{PARKED, RUNNING, Reason, Thread};
use crate::timer::Wheel;
use crate::trace::{self, What};
use account::Account;
use core::cell::Cell;
use core::ptr;
use core::sync::atomic::{AtomicU32, AtomicUsize, Ordering, compiler_fence};

/// What ended a park.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Wake {
    /// Somebody unparked the thread (or nobody: look again).
    Ready,
    /// The deadline passed.
    TimedOut,
    /// A signal handler is due.
    Interrupted,
}

/// Runnable threads run this many times before descriptors and timers are looked at again.
const LOOK_EVERY: u32 = 61;

/// Without an epoll set (descriptors ran out) the idle carrier looks around this often.
const BLIND_NANOS: u64 = 1_000_000;

/// One kernel thread's scheduler.
#[repr(C)]
pub struct Carrier {
    current: Cell<*mut Thread>,
    /// FS base of `current`: "am I on the carrier?" is one comparison.
    current_fs: AtomicUsize,
    /// FS base of the block that the running thread acts on for a moment ([`Carrier::on_block`]).
    alias_fs: AtomicUsize,
    /// FS base of the thread that lent us to a `vfork` child.
    vfork_fs: AtomicUsize,
    run: RunQueue,
    /// Depth of critical sections; read by signal handlers on this kernel thread.
    critical: AtomicU32,
    /// The shim keeps signals.
    signals: AtomicU32,
    /// Counts signals kept; the loop does not sleep if one came since it last looked.
    signals_seen: AtomicU32,
    turns: Cell<u32>,
    /// What time it was when descriptors and timers were looked at last, or when the carrier last woke.
    coarse: Cell<u64>,
    /// Nobody has been able to run since the shim looked whether all are stuck: how long until it looks again.
    patience: Cell<u64>,
    switches: Cell<u64>,
    accounts: Account,
    switch: Cell<Switch>,
    dead: Cell<*mut Thread>,
    /// What is unparked now is unparked by descriptors, time or helpers, not by the running thread.
    outside: Cell<bool>,
    host: Cell<Host>,
    runtime: Cell<*const Runtime>,
    pub(crate) inbox: Inbox,
    /// Who waits for descriptors.
    pub netpoll: Netpoll,
    wheel: Wheel,
}

/// The scheduler's data may be half changed while this lives.
pub struct Critical<'a>(&'a Carrier);

impl Drop for Critical<'_> {
    #[inline]
    fn drop(&mut self) {
        compiler_fence(Ordering::SeqCst);
        let depth = self.0.critical.load(Ordering::Relaxed) - 1;
        self.0.critical.store(depth, Ordering::Relaxed);
        if depth == 0 && self.0.signals.load(Ordering::Relaxed) != 0 {
            self.0.deliver();
        }
    }
}

impl Carrier {
    /// Where these are: for debuggers.
    pub const CURRENT: usize = core::mem::offset_of!(Carrier, current);
    /// See [`Carrier::CURRENT`].
    pub const SWITCHES: usize = core::mem::offset_of!(Carrier, switches);

    /// Start the carrier in zeroed memory.
    ///
    /// # Safety
    /// As for [`Runtime::start`].
    pub(crate) unsafe fn start(
        at: *mut Carrier,
        runtime: *const Runtime,
        config: Config,
        host: Host,
        main: *mut Thread,
    ) -> Result<(), Errno> {
        let switch = if config.fsgsbase { context::switch_wrfsbase } else { context::switch_arch_prctl };
        // SAFETY: zeroed memory; the two fields for which zero is no value are written first.
        unsafe {
            (&raw mut (*at).switch).write(Cell::new(switch));
            (&raw mut (*at).host).write(Cell::new(host));
            (&raw mut (*at).inbox).write(Inbox::new());
            let carrier = &*at;
            carrier.runtime.set(runtime);
            carrier.current.set(main);
            carrier.netpoll.start();
            carrier.patience.set(idle::QUIET_NANOS);
            carrier.run.start(config.policy)?;
            let now = carrier.runtime().clock.now();
            carrier.coarse.set(now);
            carrier.wheel.start(now);
            carrier.current_fs.store(context::fs_base(), Ordering::Release);
        }
        Ok(())
    }

    pub(crate) fn runtime(&self) -> &'static Runtime {
        // SAFETY: set at start; runtimes live for ever.
        unsafe { &*self.runtime.get() }
    }

    /// The calling kernel thread is this carrier.
    #[inline(always)]
    pub fn is_here(&self) -> bool {
        self.current_fs.load(Ordering::Relaxed) == context::fs_base()
    }

    /// The green thread that runs.
    #[inline(always)]
    pub fn current(&self) -> *mut Thread {
        self.current.get()
    }

    /// How many switches there were.
    pub fn switches(&self) -> u64 {
        self.switches.get()
    }

    /// Begin a critical section.
    #[inline]
    pub fn enter(&self) -> Critical<'_> {
        self.critical.store(self.critical.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
        compiler_fence(Ordering::SeqCst);
        Critical(self)
    }

    /// Run `work`, which does not park, as a critical section whose end delivers only what has been kept
    /// since it began: for the code that delivers, and what it uses.
    pub fn quietly<R>(&self, work: impl FnOnce() -> R) -> R {
        let seen = self.signals_seen.load(Ordering::SeqCst);
        let section = CriticalQuietly::enter(self);
        let result = work();
        drop(section);
        if self.signals_seen.load(Ordering::SeqCst) != seen && !self.is_critical() {
            self.deliver();
        }
        result
    }

    /// The scheduler's data may be half changed: a signal handler must not run now.
    pub fn is_critical(&self) -> bool {
        self.critical.load(Ordering::Relaxed) != 0
    }

    /// From a signal handler: a signal is kept. A carrier asleep in the kernel is woken for it.
    pub fn signal_kept(&self) {
        self.signals.store(1, Ordering::SeqCst);
        self.signals_seen.fetch_add(1, Ordering::SeqCst);
        self.inbox.ring_if_asleep();
    }

    /// No signal is kept any more.
    pub fn signals_taken(&self) {
        self.signals.store(0, Ordering::SeqCst);
    }

    #[cold]
    fn deliver(&self) {
        (self.host.get().run_handlers)();
    }

    /// A kept signal is for `thread`: if it is parked in a wait that can be interrupted, it is.
    ///
    /// # Safety
    /// `thread` must be alive.
    pub unsafe fn interrupt(&self, thread: *mut Thread) {
        // SAFETY: the caller vouches.
        unsafe {
            if !(*thread).deaf.load(Ordering::Relaxed) {
                self.wake_to_look(thread);
            }
        }
    }

    /// The same, even if its wait cannot be interrupted: it looks whether that is worth ending it early.
    ///
    /// # Safety
    /// `thread` must be alive.
    pub unsafe fn wake_to_look(&self, thread: *mut Thread) {
        // Another kernel thread's call changes nothing here but through the inbox.
        let _critical = self.is_here().then(|| CriticalQuietly::enter(self));
        // SAFETY: the caller vouches.
        unsafe { Thread::unpark(thread, Wake::Interrupted) };
    }

    // ---- parking -------------------------------------------------------------------------------

    /// The running thread is about to park: from now on an unpark counts. Queue it somewhere, then
    /// call [`Carrier::park`].
    #[inline]
    pub fn prepare_park(&self) {
        // SAFETY: `current` is the thread that runs this.
        unsafe { (*self.current.get()).state.store(PARKED, Ordering::SeqCst) };
    }

    /// Changed its mind between `prepare_park` and `park`. It may have been unparked meanwhile and
    /// sit on a queue: then it parks for the moment it takes to get off it.
    pub fn cancel_park(&self) {
        let me = self.current.get();
        // SAFETY: `me` runs this.
        let state = unsafe { &(*me).state };
        if state.compare_exchange(PARKED, RUNNING, Ordering::AcqRel, Ordering::Relaxed).is_err() {
            self.park(Reason::None, None);
        }
    }

    /// Stop until somebody unparks the running thread or `deadline` passes. Wake-ups may be
    /// spurious.
    #[inline]
    pub fn park(&self, reason: Reason, deadline: Option<u64>) -> Wake {
        let _critical = self.enter();
        let me = self.current.get();
        // SAFETY: `me` runs this, so it is alive; its timer is armed by nobody else.
        unsafe {
            counts().parks[reason.word()].add(1);
            self.trace_park(reason);
            (*me).reason.set(reason);
            (*me).since.set(self.coarse.get());
            match deadline {
                None => self.reschedule(),
                Some(at) => {
                    let timer = &raw mut (*me).timer;
                    self.wheel.arm(timer, at);
                    self.reschedule();
                    self.wheel.cancel(timer);
                }
            }
            (*me).take_wake()
        }
    }

    /// Park with nothing to wait for but time. Answers how it ended.
    pub fn sleep_until(&self, deadline: u64) -> Wake {
        loop {
            self.prepare_park();
            let wake = self.park(Reason::Sleep, Some(deadline));
            if wake != Wake::Ready {
                return wake;
            }
        }
    }

    /// Let others run first.
    #[inline]
    pub fn yield_now(&self) {
        let _critical = self.enter();
        if self.run.is_empty() {
            self.look_around();
            if self.run.is_empty() {
                return;
            }
        }
        self.trace_running(What::Yield);
        // SAFETY: the running thread is alive and on no queue.
        unsafe { self.run.push(self.current.get()) };
        self.reschedule();
    }

    /// At the next switch look at descriptors and timers, however few switches there were.
    pub fn look_soon(&self) {
        self.turns.set(LOOK_EVERY);
    }

    /// The running thread could go on: does it?
    pub fn yield_by_chance(&self) {
        // SAFETY: the running thread's record.
        if self.run.is_left(unsafe { &*self.current.get() }) {
            self.yield_now();
        }
    }

    /// Whoever runs now is to run last.
    pub fn demote(&self) {
        // SAFETY: the running thread's record.
        self.run.demote(unsafe { &*self.current.get() });
    }

    /// Let others run first, those that have just become ready among them.
    pub fn yield_for_slice(&self) {
        counts().preemptions.add(1);
        {
            let _critical = self.enter();
            self.look_around();
        }
        self.yield_now();
    }

    // ---- threads -------------------------------------------------------------------------------

    /// Another thread could run now: a yield would make a difference.
    pub fn has_runnable(&self) -> bool {
        !self.run.is_empty()
    }

    /// `thread` is ready to run for the first time.
    ///
    /// # Safety
    /// It must be alive, prepared with [`context::prepare`], and on no queue.
    pub unsafe fn spawn(&self, thread: *mut Thread) {
        let _critical = self.enter();
        // SAFETY: the caller vouches.
        unsafe { self.enqueue(thread) };
    }

    /// The first thing a new thread does: finish the switch that started it.
    pub fn begin_thread(&self) {
        self.bury();
        compiler_fence(Ordering::SeqCst);
        self.critical.store(0, Ordering::Relaxed);
        if self.signals.load(Ordering::Relaxed) != 0 {
            self.deliver();
        }
    }

    /// Leave the running thread for good. Its stack is in use until another thread runs, which then
    /// has it buried.
    pub fn exit_thread(&self) -> ! {
        let critical = self.enter();
        core::mem::forget(critical);
        let me = self.current.get();
        self.trace_running(What::End);
        self.dead.set(me);
        self.reschedule();
        // Nobody resumes a dead thread.
        unreachable!()
    }

    #[inline]
    pub(crate) unsafe fn enqueue(&self, thread: *mut Thread) {
        // SAFETY: the caller vouches that the thread is alive and on no queue.
        unsafe { self.run.push(thread) };
    }

    fn bury(&self) {
        let dead = self.dead.replace(ptr::null_mut());
        if !dead.is_null() {
            (self.host.get().bury)(dead);
        }
    }

    // ---- the loop ------------------------------------------------------------------------------

    /// Continue the next runnable thread; returns when it is our turn again.
    #[inline]
    fn reschedule(&self) {
        let prev = self.current.get();
        let next = self.next();
        // SAFETY: queued threads are alive.
        trace::record(What::Run, 0, unsafe { (*next).id }, 0);
        if next == prev {
            return;
        }
        let depth = self.critical.load(Ordering::Relaxed);
        if self.accounts.is_open() {
            self.charge();
        }
        self.switches.set(self.switches.get() + 1);
        // SAFETY: queued threads are alive and suspended; `prev` runs this and is alive, or dead
        // and never resumed.
        unsafe {
            let fs = (*next).fs;
            self.current.set(next);
            (*prev).parks.set((*prev).parks.get().wrapping_add(1));
            let shows = (*next).shows.get();
            if shows != fs {
                self.alias_fs.store(fs, Ordering::Relaxed);
            }
            self.current_fs.store(shows, Ordering::Relaxed);
            let fs = if fs == (*prev).fs { 0 } else { fs };
            (self.switch.get())((*prev).sp.as_ptr(), (*next).sp.get(), fs);
        }
        self.critical.store(depth, Ordering::Relaxed);
        if !self.dead.get().is_null() {
            self.bury();
        }
    }

    #[inline]
    fn next(&self) -> *mut Thread {
        loop {
            let seen = self.signals_seen.load(Ordering::SeqCst);
            let turns = self.turns.get() + 1;
            self.turns.set(turns);
            if turns >= LOOK_EVERY {
                self.look_around();
            } else if !self.inbox.is_empty() {
                self.empty_inbox();
            }
            if self.signals.load(Ordering::Relaxed) != 0 {
                let _outside = self.begin_outside();
                (self.host.get().interrupt_targets)();
            }
            let thread = self.run.pop();
            if !thread.is_null() {
                return thread;
            }
            self.idle(seen);
        }
    }

    /// In the child of `fork` the running thread is the only one.
    pub(crate) fn after_fork(&self) {
        let me = self.current.get();
        self.run.clear();
        self.wheel.clear();
        self.inbox.clear();
        self.netpoll.abandon();
        self.patience.set(idle::QUIET_NANOS);
        self.dead.set(ptr::null_mut());
        self.accounts.close();
        // SAFETY: `me` runs this.
        unsafe { (*me).state.store(RUNNING, Ordering::Relaxed) };
    }
}

/// A critical section that delivers nothing at its end: for the code that delivers.
struct CriticalQuietly<'a>(&'a Carrier);

impl<'a> CriticalQuietly<'a> {
    fn enter(carrier: &'a Carrier) -> Self {
        core::mem::forget(carrier.enter());
        CriticalQuietly(carrier)
    }
}

impl Drop for CriticalQuietly<'_> {
    fn drop(&mut self) {
        compiler_fence(Ordering::SeqCst);
        self.0.critical.store(self.0.critical.load(Ordering::Relaxed) - 1, Ordering::Relaxed);
    }
}

mod account;
mod block;
pub(crate) mod glance;
mod idle;
#[cfg(test)]
mod tests;
mod tracing;
