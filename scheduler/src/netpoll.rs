//! The netpoller: who waits for a descriptor.
//!
//! One epoll set. A descriptor joins it at its first wait, edge-triggered for both directions, and
//! stays until it is closed: later waits cost no `epoll_ctl`. Operations:
//!
//! ```text
//!   seen()                          what has been collected so far, before a call is tried
//!   wait(fd, direction, seen, …)    park until the kernel reports an edge
//!   wait_many(…)                    the same for poll and select
//!   poll(timeout)                   collect events, unpark waiters      (the carrier's loop)
//!   forget(fd)                      before close: wake its waiters, leave the set
//! ```
//!
//! Why no wake-up is lost: a caller first *tries* its call. On EAGAIN it queues and parks, and an edge that comes
//! later is reported later. Should other threads have run in between after all, because a signal handler came and
//! yielded, the edge may be among what was collected meanwhile: then the wait is over at once. Errors and hang-ups
//! wake both directions; the retried call finds the errno.
//!
//! Who is woken: like in the kernel, every non-exclusive waiter (poll, select) and the first
//! exclusive one (a plain read). Whoever was woken and leaves hands the baton on ([`Netpoll::pass_on`]):
//! one edge may stand for many connections.

use crate::carrier::{Carrier, Wake};
use crate::counters::counts;
use crate::fd_table::{FdSlot, FdTable, FdWaiter};
use crate::list::List;
use crate::sys;
use crate::sys::{self as kernel, Errno, Timespec};
use crate::thread::{Reason, Thread, prefetch};
use core::cell::Cell;
use core::ptr;
use core::sync::atomic::{AtomicI32, Ordering};

/// Which way a call wants to move data.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Direction {
    /// read, recv, accept
    Read,
    /// write, send, connect
    Write,
}

/// How a wait for a descriptor ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Waited {
    /// Try the call again.
    Ready,
    /// The deadline passed.
    TimedOut,
    /// A signal handler ran.
    Interrupted,
    /// The descriptor was closed meanwhile: `EBADF`.
    Closed,
    /// epoll cannot watch it (a regular file: always ready; or the set is full): the errno.
    Refused(Errno),
}

const EPOLLIN: u32 = 0x1;
const EPOLLPRI: u32 = 0x2;
const EPOLLOUT: u32 = 0x4;
const EPOLLERR: u32 = 0x8;
const EPOLLHUP: u32 = 0x10;
const EPOLLRDHUP: u32 = 0x2000;
const EPOLLET: u32 = 1 << 31;
const EPOLL_CLOEXEC: usize = 0o2000000;
const EPOLL_CTL_ADD: usize = 1;
const EPOLL_CTL_DEL: usize = 2;
const EPOLL_CTL_MOD: usize = 3;
const EFD_CLOEXEC_NONBLOCK: usize = 0o2004000;
const F_DUPFD_CLOEXEC: usize = 1030;
const RLIMIT_NOFILE: usize = 7;

/// The event data of the doorbell.
const BELL: u64 = u64::MAX;

/// Events collected by one `epoll_wait`.
const BATCH: usize = 128;

/// `struct epoll_event` (packed on x86-64).
#[repr(C, packed)]
#[derive(Clone, Copy)]
struct Event {
    events: u32,
    data: u64,
}

/// What had been collected when somebody tried a call: an edge that came later is not overlooked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Seen(u64);

/// The epoll set of one carrier.
#[repr(C)]
pub struct Netpoll {
    /// The set, or -1 before it is needed and after `fork`.
    epoll: Cell<i32>,
    bell: Cell<i32>,
    /// The kernel has no `epoll_pwait2`.
    coarse: Cell<bool>,
    /// How many descriptors joined the set (polling an empty one is a waste).
    members: Cell<usize>,
    /// How many events were collected, and descriptors forgotten.
    collected: Cell<u64>,
}

impl Netpoll {
    /// Start in zeroed memory, without a set.
    pub fn start(&self) {
        self.epoll.set(-1);
        self.bell.set(-1);
    }

    /// To be asked before a call is tried, and given to [`Netpoll::wait`] if it would block.
    #[inline]
    pub fn seen(&self) -> Seen {
        Seen(self.collected.get())
    }

    fn count(&self, more: usize) {
        self.collected.set(self.collected.get().wrapping_add(more as u64));
    }

    /// Some descriptor may have news.
    #[inline]
    pub fn has_members(&self) -> bool {
        self.members.get() > 0
    }

    /// The kernel has events. From another kernel thread, of a moment.
    pub fn has_news(&self) -> bool {
        // SAFETY: an aligned word; the carrier alone writes it.
        let epoll = unsafe { AtomicI32::from_ptr(self.epoll.as_ptr()) }.load(Ordering::Relaxed);
        let mut ask = [epoll as u32, 1];
        // SAFETY: a `struct pollfd` of ours, that asks for POLLIN.
        epoll >= 0 && unsafe { crate::sys!(poll, &raw mut ask, 1, 0) } == Ok(1)
    }

    /// `fd` is one of our own: the program must not touch it.
    #[inline]
    pub fn owns(&self, fd: i32) -> bool {
        fd >= 0 && (fd == self.epoll.get() || fd == self.bell.get())
    }

    /// Our own descriptors.
    pub fn own_descriptors(&self) -> [i32; 2] {
        [self.epoll.get(), self.bell.get()]
    }

    /// The program wants one of our numbers for itself: move away from it. The old number stays open
    /// until the program replaces it.
    pub fn give_way(&self, carrier: &Carrier, number: i32) {
        let duplicate = || {
            // SAFETY: no pointers.
            unsafe { sys!(fcntl, number, F_DUPFD_CLOEXEC, number + 1) }.map(|fd| fd as i32)
        };
        if number == self.epoll.get() {
            if let Ok(fd) = duplicate() {
                self.epoll.set(fd);
            }
        } else if number == self.bell.get()
            && let Ok(fd) = duplicate()
        {
            self.bell.set(fd);
            carrier.inbox.set_bell(fd);
        }
    }

    /// Make the set and the doorbell, out of the way of the program's own numbers.
    pub fn open(&self, carrier: &Carrier) -> Result<(), Errno> {
        if self.epoll.get() >= 0 {
            return Ok(());
        }
        // (A refusal of the set must not look like one of a descriptor, `EPERM`.)
        self.make(carrier).map_err(|error| if error == Errno::PERM { Errno::MFILE } else { error })
    }

    fn make(&self, carrier: &Carrier) -> Result<(), Errno> {
        // SAFETY: no pointers.
        let epoll = move_high(unsafe { sys!(epoll_create1, EPOLL_CLOEXEC) }? as i32);
        // SAFETY: no pointers.
        let bell = match unsafe { sys!(eventfd2, 0, EFD_CLOEXEC_NONBLOCK) } {
            Ok(fd) => move_high(fd as i32),
            Err(e) => {
                kernel::close(epoll);
                return Err(e);
            }
        };
        let event = Event { events: EPOLLIN | EPOLLET, data: BELL };
        // SAFETY: `event` is ours.
        if let Err(e) = unsafe { sys!(epoll_ctl, epoll, EPOLL_CTL_ADD, bell, &raw const event) } {
            kernel::close(epoll);
            kernel::close(bell);
            return Err(e);
        }
        self.epoll.set(epoll);
        self.bell.set(bell);
        carrier.inbox.set_bell(bell);
        Ok(())
    }

    /// The child of `fork` leaves the parent's set alone: it closes its copies of the descriptors
    /// and makes a set of its own when it needs one.
    pub fn abandon(&self) {
        for fd in self.own_descriptors() {
            if fd >= 0 {
                kernel::close(fd);
            }
        }
        self.start();
        self.members.set(0);
    }

    fn join(&self, fd: i32, slot: &FdSlot) -> Result<(), Errno> {
        if slot.registered.get() {
            return Ok(());
        }
        let event = Event {
            events: EPOLLIN | EPOLLOUT | EPOLLPRI | EPOLLRDHUP | EPOLLET,
            data: (slot.life.get() as u64) << 32 | fd as u64,
        };
        let control = |op: usize| {
            // SAFETY: `event` is ours.
            unsafe { sys!(epoll_ctl, self.epoll.get(), op, fd, &raw const event) }
        };
        match control(EPOLL_CTL_ADD) {
            // Closed and reopened behind our back while a duplicate kept the old entry alive.
            Err(Errno::EXIST) => control(EPOLL_CTL_MOD)?,
            other => other?,
        };
        slot.registered.set(true);
        self.members.set(self.members.get() + 1);
        Ok(())
    }

    /// Park the running thread until `fd` may be ready, of which nothing was `seen` yet.
    pub fn wait(
        &self,
        carrier: &Carrier,
        fd: i32,
        slot: &FdSlot,
        direction: Direction,
        seen: Seen,
        deadline: Option<u64>,
    ) -> Waited {
        let _critical = carrier.enter();
        if self.seen() != seen {
            return Waited::Ready;
        }
        if let Err(e) = self.open(carrier).and_then(|()| self.join(fd, slot)) {
            return Waited::Refused(e);
        }
        let generation = slot.life.get();
        let waiter = FdWaiter::new(carrier.current(), true);
        let (list, reason) = match direction {
            Direction::Read => (&slot.readers, Reason::Readable(fd)),
            Direction::Write => (&slot.writers, Reason::Writable(fd)),
        };
        carrier.prepare_park();
        waiter.queued.set(true);
        // SAFETY: the waiter is taken off below before it dies.
        unsafe { list.push_back((&raw const waiter).cast_mut()) };
        let wake = carrier.park(reason, deadline);
        if waiter.queued.get() {
            // SAFETY: `queued` says it is still on this list.
            unsafe { list.remove((&raw const waiter).cast_mut()) };
        }
        if slot.life.get() != generation {
            return Waited::Closed;
        }
        match wake {
            Wake::Ready => Waited::Ready,
            Wake::TimedOut => Waited::TimedOut,
            Wake::Interrupted => Waited::Interrupted,
        }
    }

    /// Park until one of several descriptors may be ready, or the deadline passes.
    ///
    /// `waiters` gives one [`FdWaiter`] (made with `exclusive = false`) per descriptor and wanted
    /// direction. Descriptors that epoll refuses (regular files, closed numbers) are skipped: poll
    /// reports those at once, so they never come here.
    pub fn wait_many(
        &self,
        carrier: &Carrier,
        table: &FdTable,
        waiters: &[(i32, Direction, FdWaiter)],
        seen: Seen,
        deadline: Option<u64>,
    ) -> Waited {
        let _critical = carrier.enter();
        if self.seen() != seen {
            return Waited::Ready;
        }
        if let Err(e) = self.open(carrier) {
            return Waited::Refused(e);
        }
        carrier.prepare_park();
        let mut refused = None;
        for (fd, direction, waiter) in waiters {
            let Ok(slot) = table.slot(*fd) else { continue };
            match self.join(*fd, slot) {
                Ok(()) => {}
                // Always ready, or not open: whoever polls has been told.
                Err(Errno::PERM | Errno::BADF) => continue,
                // Sets nested too deep, no room for one more …
                Err(e) => {
                    refused = Some(e);
                    break;
                }
            }
            waiter.queued.set(true);
            // SAFETY: taken off below before it dies.
            unsafe { list_of(slot, *direction).push_back((&raw const *waiter).cast_mut()) };
        }
        let wake = match refused {
            Some(_) => {
                carrier.cancel_park();
                Wake::Ready
            }
            None => carrier.park(Reason::Poll(waiters.len()), deadline),
        };
        for (fd, direction, waiter) in waiters {
            if let (true, Ok(slot)) = (waiter.queued.get(), table.slot(*fd)) {
                // SAFETY: `queued` says it is still on this list.
                unsafe { list_of(slot, *direction).remove((&raw const *waiter).cast_mut()) };
            }
        }
        match (refused, wake) {
            (Some(e), _) => Waited::Refused(e),
            (None, Wake::Ready) => Waited::Ready,
            (None, Wake::TimedOut) => Waited::TimedOut,
            (None, Wake::Interrupted) => Waited::Interrupted,
        }
    }

    /// A thread that was woken leaves: if others wait for the same, let the next one look.
    #[inline]
    pub fn pass_on(&self, carrier: &Carrier, slot: &FdSlot, direction: Direction) {
        let list = list_of(slot, direction);
        if !list.is_empty() {
            let _critical = carrier.enter();
            wake(list, false);
        }
    }

    /// The number is about to be closed or replaced: wake its waiters (they answer `EBADF`) and
    /// leave the set explicitly, because epoll itself forgets only when the last duplicate dies.
    pub fn forget(&self, carrier: &Carrier, table: &FdTable, fd: i32) {
        let Ok(slot) = table.slot(fd) else { return };
        let _critical = carrier.enter();
        if slot.registered.get() {
            // SAFETY: no pointers. It fails if the descriptor is already gone, which is fine.
            let _ = unsafe { sys!(epoll_ctl, self.epoll.get(), EPOLL_CTL_DEL, fd, 0) };
            self.members.set(self.members.get().saturating_sub(1));
        }
        table.start_over(fd);
        self.count(1);
        wake(&slot.readers, true);
        wake(&slot.writers, true);
    }

    /// Collect events and unpark waiters, blocking at most `timeout` nanoseconds (`None`: for ever).
    ///
    /// Fails with `EINTR` when a signal handler ran.
    pub fn poll(&self, table: &FdTable, timeout: Option<u64>) -> Result<(), Errno> {
        let mut events = [const { core::mem::MaybeUninit::<Event>::uninit() }; BATCH];
        let got = self.epoll_wait(events.as_mut_ptr().cast(), timeout)?;
        self.count(got);
        counts().epoll_calls.add(1);
        counts().epoll_events.add(got as u64);
        // SAFETY: the kernel filled in the first `got` events.
        let events = unsafe { events[..got].assume_init_ref() };
        for (i, event) in events.iter().enumerate() {
            prefetch_readers(table, &events[i..]);
            let (mask, data) = (event.events, event.data);
            if data == BELL {
                continue;
            }
            let Ok(slot) = table.slot(data as u32 as i32) else { continue };
            if slot.life.get() != (data >> 32) as u32 {
                continue;
            }
            if mask & (EPOLLIN | EPOLLPRI | EPOLLRDHUP | EPOLLERR | EPOLLHUP) != 0 {
                slot.has_news(mask & (EPOLLPRI | EPOLLRDHUP | EPOLLERR | EPOLLHUP) == 0);
                wake(&slot.readers, false);
            }
            if mask & (EPOLLOUT | EPOLLERR | EPOLLHUP) != 0 {
                wake(&slot.writers, false);
            }
        }
        Ok(())
    }

    fn epoll_wait(&self, events: *mut Event, timeout: Option<u64>) -> Result<usize, Errno> {
        let epoll = self.epoll.get();
        if !self.coarse.get() {
            let limit = timeout.map(Timespec::from_nanos);
            let limit = limit.as_ref().map_or(ptr::null(), ptr::from_ref);
            // SAFETY: room for BATCH events; `limit` outlives the call.
            match unsafe { sys!(epoll_pwait2, epoll, events, BATCH, limit, 0, 0) } {
                // No such call, or none allowed.
                Err(error) if error != Errno::INTR => self.coarse.set(true),
                other => return other,
            }
        }
        let millis = timeout.map_or(-1, |ns| ns.div_ceil(1_000_000).min(i32::MAX as u64) as i32);
        // SAFETY: room for BATCH events.
        unsafe { sys!(epoll_wait, epoll, events, BATCH, millis) }
    }
}

fn list_of(slot: &FdSlot, direction: Direction) -> &List<FdWaiter> {
    match direction {
        Direction::Read => &slot.readers,
        Direction::Write => &slot.writers,
    }
}

/// These events are next: have fetched what waking their readers touches, one thing after the other. A slot leads to a
/// waiter, on the stack of a thread that has slept long, and that to the thread's record.
#[inline]
fn prefetch_readers(table: &FdTable, events: &[Event]) {
    let slot = |ahead: usize| table.slot(events.get(ahead)?.data as u32 as i32).ok();
    if let Some(slot) = slot(6) {
        prefetch(slot);
    }
    if let Some(slot) = slot(4) {
        prefetch(slot.readers.first());
    }
    // SAFETY: queued waiters are alive.
    if let Some(waiter) = slot(2).and_then(|slot| unsafe { slot.readers.first().as_ref() }) {
        prefetch(waiter.thread);
    }
}

/// Wake every non-exclusive waiter and the first exclusive one, or everybody.
fn wake(list: &List<FdWaiter>, all: bool) {
    let mut node = list.first();
    let mut exclusive_done = false;
    while !node.is_null() {
        // SAFETY: queued waiters are alive: they take themselves off before they die.
        unsafe {
            let next = list.after(node);
            if all || !(*node).exclusive || !exclusive_done {
                list.remove(node);
                (*node).queued.set(false);
                let won = Thread::unpark((*node).thread, Wake::Ready);
                // One whose deadline passed at this very moment does not count as woken.
                exclusive_done |= won && (*node).exclusive;
            }
            node = next;
        }
    }
}

/// Move a descriptor of ours to a high number: the program sees the low ones it expects.
pub fn move_high(fd: i32) -> i32 {
    let mut limits = [0u64; 2];
    // SAFETY: `limits` is a struct rlimit64.
    let got = unsafe { sys!(prlimit64, 0, RLIMIT_NOFILE, 0, &raw mut limits) };
    let limit = if got.is_ok() { limits[0].min(1 << 20) as usize } else { 1024 };
    let floor = limit.saturating_sub(limit / 16).max(3);
    // SAFETY: no pointers.
    match unsafe { sys!(fcntl, fd, F_DUPFD_CLOEXEC, floor) } {
        Ok(high) => {
            kernel::close(fd);
            high as i32
        }
        Err(_) => fd,
    }
}
