//! What the scheduler knows about each descriptor number: one slot per number, indexed directly.
//!
//! The table is two-level (chunks are mapped when first needed), so it neither moves nor has a
//! limit that a program could meet, and a slot's address stays valid for ever.
//!
//! A slot starts over (`life` + 1) whenever its number is closed or replaced. What it caches are
//! hints: a wrong one costs a system call more, never a wrong answer.

use crate::list::{Links, List, Node};
use crate::sys::{self, Errno};
use crate::thread::Thread;
use core::cell::Cell;
use core::sync::atomic::{AtomicBool, AtomicPtr, Ordering};

const CHUNK: usize = 4096;
const CHUNKS: usize = 4096;

/// What kind of file a number stands for: decides how a call is tried without blocking.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Kind {
    /// Not looked at yet.
    Unknown = 0,
    /// A stream socket: a blocking send loops until all is sent.
    Stream,
    /// Any other socket: one call, one message.
    Datagram,
    /// `RWF_NOWAIT` works: anonymous pipes, eventfds, timerfds …
    Nowait,
    /// An eventfd.
    Counter,
    /// A regular file on a disk: cached reads are inline, cold ones go to a helper.
    Disk,
    /// A file behind a network or another process: whatever is done with it may wait for that.
    Far,
    /// A file that never waits for a disk (`/proc`, tmpfs, `/dev/null`): the plain call.
    Memory,
    /// Only `poll` tells: FIFOs opened by path, character devices.
    Pollable,
    /// A terminal: its mode says what a read waits for.
    Terminal,
}

/// One waiter for one descriptor and direction, on its thread's stack.
#[repr(C)]
pub struct FdWaiter {
    links: Links<FdWaiter>,
    pub(crate) thread: *mut Thread,
    /// One of these is woken per event; the others (poll, select) all are.
    pub(crate) exclusive: bool,
    pub(crate) queued: Cell<bool>,
}

impl FdWaiter {
    /// A waiter of `thread` that is on no list.
    pub const fn new(thread: *mut Thread, exclusive: bool) -> Self {
        FdWaiter { links: Links::new(), thread, exclusive, queued: Cell::new(false) }
    }
}

// SAFETY: always the same field.
unsafe impl Node for FdWaiter {
    fn links(&self) -> &Links<FdWaiter> {
        &self.links
    }
}

/// What is known about one descriptor number. All-zero bytes are a fresh slot.
///
/// What calls look at that are repeated comes first, in one cache line.
#[repr(C, align(64))]
pub struct FdSlot {
    /// Counts the lives of this number; an event of an earlier life is stale.
    pub(crate) life: Cell<u32>,
    /// The epoll set watches it.
    pub(crate) registered: Cell<bool>,
    kind: Cell<Kind>,
    /// What is known about reading it, if it is a TCP socket.
    stock: Cell<Stock>,
    nonblock: Cell<bool>,
    /// One of the time-outs below is not 0, or was not.
    timed: Cell<bool>,
    /// Closed by another kernel thread: start over at the next look.
    stale: AtomicBool,
    /// `nonblock` and the time-outs below were read in this epoch of the table; 0: never.
    epoch: Cell<u32>,
    /// Created by this process in this epoch of `fork`s, so no other process can see it; 0: unknown.
    private: Cell<u32>,
    pub(crate) readers: List<FdWaiter>,
    pub(crate) writers: List<FdWaiter>,
    recv_timeout: Cell<u64>,
    send_timeout: Cell<u64>,
    /// Writes to this file that still go to a helper, because one was slow: see [`FdSlot::write_was_slow`].
    slow_writes: Cell<u16>,
}

/// Is there something to receive? A TCP socket that gave less than was asked for has nothing left, and epoll (edge-triggered)
/// reports what comes next (epoll(7), "Questions and answers", 9): until then a receive would only answer `EAGAIN`.
///
/// ```text
///             a short receive                     an edge that says "data" and nothing else
///   PERHAPS ──────────────────► NOTHING ──────────────────────────────────────────────────► PERHAPS
///      └───────── an edge that says end, error or urgent data (which cuts receives short) ──► ALWAYS_ASK
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
enum Stock {
    /// No TCP socket, or not known to be one; or a short receive says nothing any more.
    AlwaysAsk = 0,
    Perhaps,
    Nothing,
}

impl FdSlot {
    /// The kind, `Unknown` until somebody sets it.
    #[inline]
    pub fn kind(&self) -> Kind {
        self.kind.get()
    }

    /// Remember the kind.
    pub fn set_kind(&self, kind: Kind) {
        self.kind.set(kind);
        if kind == Kind::Unknown {
            // It is not what it was taken for.
            self.stock.set(Stock::AlwaysAsk);
        }
    }

    /// It never had time-outs: what it accepted has none.
    pub fn never_timed(&self) -> bool {
        !self.timed.get()
    }

    /// It is a TCP socket without a protocol of the program's on top.
    pub fn set_tcp(&self) {
        self.stock.set(Stock::Perhaps);
    }

    /// See [`FdSlot::set_tcp`].
    pub fn is_tcp(&self) -> bool {
        self.stock.get() != Stock::AlwaysAsk
    }

    /// A receive of `wanted` bytes got `got`.
    #[inline]
    pub fn received(&self, wanted: usize, got: usize) {
        if self.stock.get() == Stock::Perhaps && (1..wanted).contains(&got) {
            self.stock.set(Stock::Nothing);
        }
    }

    /// A receive would find nothing.
    #[inline]
    pub fn is_drained(&self) -> bool {
        self.stock.get() == Stock::Nothing
    }

    /// The netpoller collected an edge for readers.
    #[inline]
    pub(crate) fn has_news(&self, only_data: bool) {
        match self.stock.get() {
            Stock::AlwaysAsk => {}
            _ if only_data => self.stock.set(Stock::Perhaps),
            _ => self.stock.set(Stock::AlwaysAsk),
        }
    }

    /// A write to this file waited for the disk (or an fsync will make the next ones wait for the
    /// journal): so many of the next go to a helper, twice as many as after the last slow one.
    pub fn write_was_slow(&self) {
        self.slow_writes.set((self.slow_writes.get().max(16) * 2).min(SLOW_WRITES_MOST));
    }

    /// Should the next write go to a helper?
    #[inline]
    pub fn expects_slow_write(&self) -> bool {
        let left = self.slow_writes.get();
        if left > 0 {
            self.slow_writes.set(left - 1);
        }
        left > 0
    }

    /// Somebody waits for this descriptor.
    pub fn has_waiters(&self) -> bool {
        !self.readers.is_empty() || !self.writers.is_empty()
    }

    fn start_over(&self) {
        self.life.set(self.life.get().wrapping_add(1));
        self.registered.set(false);
        self.kind.set(Kind::Unknown);
        self.stock.set(Stock::AlwaysAsk);
        self.epoch.set(0);
        self.timed.set(false);
        self.private.set(0);
        self.slow_writes.set(0);
    }
}

const SLOW_WRITES_MOST: u16 = 4096;

/// What a blocking call must know about a descriptor before it waits.
#[derive(Clone, Copy, Debug)]
pub struct Mode {
    /// The program set `O_NONBLOCK`: answer `EAGAIN` at once.
    pub nonblock: bool,
    /// `SO_RCVTIMEO` in nanoseconds, 0 for none.
    pub recv_timeout: u64,
    /// `SO_SNDTIMEO` in nanoseconds, 0 for none.
    pub send_timeout: u64,
}

impl Mode {
    /// Of a new socket.
    pub const fn new(nonblock: bool) -> Self {
        Mode { nonblock, recv_timeout: 0, send_timeout: 0 }
    }
}

/// All slots.
#[repr(C)]
pub struct FdTable {
    chunks: [AtomicPtr<FdSlot>; CHUNKS],
    /// Moves on whenever a flag or a time-out of *any* descriptor changes: duplicates share them,
    /// so every cached copy is doubtful then.
    epoch: Cell<u32>,
    /// Moves on at every `fork`: nothing is private any more.
    forks: Cell<u32>,
    /// Highest number of a mapped chunk.
    highest: Cell<u32>,
}

impl FdTable {
    /// Start a table in zeroed memory.
    pub fn start(&self) {
        self.epoch.set(1);
        self.forks.set(1);
    }

    /// The slot of `fd`. Fails for numbers no kernel gives out and when memory ends.
    #[inline]
    pub fn slot(&self, fd: i32) -> Result<&FdSlot, Errno> {
        let index = fd as usize;
        let chunk = self.chunks.get(index / CHUNK).ok_or(Errno::BADF)?;
        let mut at = chunk.load(Ordering::Acquire);
        if at.is_null() {
            at = Self::map_chunk(chunk)?;
            self.highest.set(self.highest.get().max((index / CHUNK * CHUNK + CHUNK - 1) as u32));
        }
        // SAFETY: the chunk has CHUNK slots, is mapped for ever, and zero bytes are a fresh slot.
        let slot = unsafe { &*at.add(index % CHUNK) };
        if slot.stale.load(Ordering::Relaxed) {
            slot.stale.store(false, Ordering::Relaxed);
            slot.start_over();
        }
        Ok(slot)
    }

    #[cold]
    fn map_chunk(chunk: &AtomicPtr<FdSlot>) -> Result<*mut FdSlot, Errno> {
        const BYTES: usize = CHUNK * size_of::<FdSlot>();
        let fresh: *mut FdSlot = sys::map(BYTES)?.cast();
        match chunk.compare_exchange(core::ptr::null_mut(), fresh, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => Ok(fresh),
            Err(other) => {
                // SAFETY: nobody has seen `fresh`.
                unsafe { sys::unmap(fresh.cast(), BYTES) };
                Ok(other)
            }
        }
    }

    /// The number was closed or replaced on the carrier: its next life begins.
    pub fn start_over(&self, fd: i32) {
        if let Ok(slot) = self.slot(fd) {
            slot.start_over();
        }
    }

    /// The number was closed by another kernel thread, which may not touch the slot itself.
    pub fn mark_stale(&self, fd: i32) {
        if let Some(chunk) = self.chunks.get(fd as usize / CHUNK) {
            let at = chunk.load(Ordering::Acquire);
            if !at.is_null() {
                // SAFETY: as in `slot`.
                unsafe { (*at.add(fd as usize % CHUNK)).stale.store(true, Ordering::Relaxed) };
            }
        }
    }

    /// A flag or time-out of some descriptor changed.
    pub fn doubt_modes(&self) {
        self.epoch.set(self.epoch.get().wrapping_add(1).max(1));
    }

    /// `to` is a new name of what `from` stands for.
    pub fn duplicate(&self, from: &FdSlot, to: &FdSlot, number: i32) {
        self.start_over(number);
        to.kind.set(from.kind.get());
        if from.is_tcp() {
            to.set_tcp();
        }
        to.private.set(from.private.get());
    }

    /// The highest number any slot was asked for.
    pub fn highest(&self) -> u32 {
        self.highest.get()
    }

    /// This process made `fd` and nobody else can see it yet.
    pub fn set_private(&self, fd: i32) {
        if let Ok(slot) = self.slot(fd) {
            slot.private.set(self.forks.get());
        }
    }

    /// No other process can see what `fd` stands for.
    pub fn is_private(&self, slot: &FdSlot) -> bool {
        slot.private.get() == self.forks.get()
    }

    /// The descriptor was shown to another process.
    pub fn set_shared(&self, fd: i32) {
        if let Ok(slot) = self.slot(fd) {
            slot.private.set(0);
        }
    }

    /// A child process shares all our descriptors from now on.
    pub fn share_all(&self) {
        self.forks.set(self.forks.get().wrapping_add(1).max(1));
    }

    /// Flags and time-outs of `fd`, asked of the kernel unless they are known for sure: another
    /// process could change those of a shared description behind our back.
    pub fn mode(&self, fd: i32, slot: &FdSlot) -> Mode {
        if slot.epoch.get() != self.epoch.get() || !self.is_private(slot) {
            let socket = matches!(slot.kind.get(), Kind::Unknown | Kind::Stream | Kind::Datagram);
            let mode = Mode {
                nonblock: flags(fd) & O_NONBLOCK != 0,
                recv_timeout: if socket { timeout(fd, SO_RCVTIMEO) } else { 0 },
                send_timeout: if socket { timeout(fd, SO_SNDTIMEO) } else { 0 },
            };
            self.set_mode(slot, mode);
        }
        let timed = slot.timed.get();
        Mode {
            nonblock: slot.nonblock.get(),
            recv_timeout: if timed { slot.recv_timeout.get() } else { 0 },
            send_timeout: if timed { slot.send_timeout.get() } else { 0 },
        }
    }

    /// This is the mode of what the slot stands for.
    pub fn set_mode(&self, slot: &FdSlot, mode: Mode) {
        slot.nonblock.set(mode.nonblock);
        slot.recv_timeout.set(mode.recv_timeout);
        slot.send_timeout.set(mode.send_timeout);
        slot.timed.set(slot.timed.get() || mode.recv_timeout != 0 || mode.send_timeout != 0);
        slot.epoch.set(self.epoch.get());
    }

    /// Every number starts over (after `fork`: the epoll set is new).
    pub fn start_all_over(&self) {
        for chunk in &self.chunks {
            let at = chunk.load(Ordering::Relaxed);
            if at.is_null() {
                continue;
            }
            // Zero pages are fresh slots.
            // SAFETY: the chunk is ours; nobody else runs.
            unsafe { sys::zero(at.cast(), CHUNK * size_of::<FdSlot>()) };
        }
    }
}
/// `O_NONBLOCK`
pub const O_NONBLOCK: usize = 0o4000;
const F_GETFL: usize = 3;
const SOL_SOCKET: usize = 1;
const SO_RCVTIMEO: usize = 20;
const SO_SNDTIMEO: usize = 21;

/// The status flags of `fd`; 0 if it is not open.
pub fn flags(fd: i32) -> usize {
    // SAFETY: no pointers.
    unsafe { crate::sys!(fcntl, fd, F_GETFL) }.unwrap_or(0)
}

fn timeout(fd: i32, option: usize) -> u64 {
    let mut value = [0i64; 2];
    let mut len = size_of_val(&value) as u32;
    // SAFETY: `value` is a struct timeval of `len` bytes.
    let got = unsafe { crate::sys!(getsockopt, fd, SOL_SOCKET, option, &raw mut value, &raw mut len) };
    if got.is_err() {
        return 0;
    }
    value[0] as u64 * 1_000_000_000 + value[1] as u64 * 1000
}
