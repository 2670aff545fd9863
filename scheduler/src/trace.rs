//! Events of the scheduler in a ring, for those who want to see what ran when and who woke whom.
//!
//! ```text
//!   Ring: one page of head, then `capacity` events of 24 bytes; event n lies at n % capacity
//!
//!   create ─► run ─► park ─► unpark (by whom) ─► run … ─► end        a thread's life
//!             run ─► yield ─► run                                     it could have gone on
//!             run ─► call ─► park ─► … ─► returned                    a helper executes its call
//!             idle ─► run                                             nobody could run
//! ```
//!
//! The carrier alone writes. A time is the processor's counter (`rdtsc`): two pairs of it and `CLOCK_MONOTONIC`, the
//! second renewed whenever the carrier looks around, tell what o'clock that was. The ring lies in a file that is mapped
//! shared, so whatever ends the process, it is there.

use core::cell::UnsafeCell;
use core::sync::atomic::{AtomicPtr, AtomicU64, Ordering, compiler_fence};

/// What happened.
#[derive(Clone, Copy)]
#[repr(u8)]
pub enum What {
    /// A thread exists; the value is the address of its function.
    Create = 1,
    /// It runs.
    Run,
    /// It waits; the detail is the word of its reason, the value what for.
    Park,
    /// It could go on; the detail is how its wait ended, the value who did it (0: a descriptor, time, a helper).
    Unpark,
    /// It lets others run.
    Yield,
    /// It has ended.
    End,
    /// A helper is to execute its call; the value is which (see [`Ring::names`]).
    Call,
    /// That is over.
    Returned,
    /// A handler of the program's begins; the value is the signal.
    Handler,
    /// It has returned.
    HandlerEnds,
    /// Nobody can run.
    Idle,
    /// Eight bytes of its name; the detail is which.
    Name,
}

/// One event.
#[repr(C)]
struct Event {
    when: u64,
    /// [`What`], and the detail above the lowest eight bits.
    what: u32,
    thread: u32,
    value: u64,
}

/// Bytes of an event.
pub const EVENT: usize = size_of::<Event>();
/// Bytes of the head.
pub const HEAD: usize = 4096;
/// Names of calls there is room for.
pub const NAMES: usize = 48;

/// A ring's first page.
#[repr(C, align(4096))]
pub struct Ring {
    /// `greentr1`
    pub magic: [u8; 8],
    /// Whose it is.
    pub process: u64,
    /// Room for so many events.
    pub capacity: u64,
    /// So many have been written, the oldest of which may be gone.
    pub written: AtomicU64,
    /// The counter and `CLOCK_MONOTONIC` at the start, and lately.
    pub clocks: [[AtomicU64; 2]; 2],
    /// Where a copy of `/proc/PID/maps` is, from the start of the file, and how long it is.
    pub maps: [AtomicU64; 2],
    /// Where the names of reasons are, each ending in NUL, and an empty one.
    pub reasons: [u8; 256],
    /// What calls are called.
    pub names: UnsafeCell<[[u8; 32]; NAMES]>,
}

const _: () = assert!(size_of::<Ring>() == HEAD);

static RING: AtomicPtr<Ring> = AtomicPtr::new(core::ptr::null_mut());

/// The processor's counter.
#[inline(always)]
pub fn counter() -> u64 {
    // SAFETY: every x86-64 processor has it.
    unsafe { core::arch::x86_64::_rdtsc() }
}

/// From now on events go there; null: nowhere.
///
/// # Safety
/// It must be a ring with room for as many events as its head says, mapped until the next call.
pub unsafe fn direct_to(ring: *mut Ring) {
    RING.store(ring, Ordering::Release);
}

/// The ring, if there is one.
#[inline(always)]
pub fn ring() -> Option<&'static Ring> {
    // SAFETY: mapped, see `direct_to`; what changes in it is atomic.
    unsafe { RING.load(Ordering::Relaxed).as_ref() }
}

/// Something happened to a thread. On the carrier.
#[inline(always)]
pub fn record(what: What, detail: u32, thread: u32, value: u64) {
    if let Some(ring) = ring() {
        write(ring, what, detail, thread, value);
    }
}

fn write(ring: &Ring, what: What, detail: u32, thread: u32, value: u64) {
    let written = ring.written.load(Ordering::Relaxed);
    let events = core::ptr::from_ref(ring).wrapping_add(1).cast::<Event>().cast_mut();
    let event = Event { when: counter(), what: what as u32 | detail << 8, thread, value };
    // SAFETY: within the ring's room; only the carrier writes. A handler of a signal that comes in between may write
    // over it, and then this one is lost.
    unsafe { events.add((written % ring.capacity) as usize).write_volatile(event) };
    compiler_fence(Ordering::Release);
    ring.written.store(written + 1, Ordering::Release);
}

/// The time is this.
#[inline]
pub fn set_clock(now: u64) {
    if let Some(ring) = ring() {
        ring.clocks[1][0].store(counter(), Ordering::Relaxed);
        ring.clocks[1][1].store(now, Ordering::Relaxed);
    }
}

/// Which number a call's name has.
pub fn number_of(name: &str) -> u64 {
    let ring = RING.load(Ordering::Relaxed);
    if ring.is_null() {
        return 0;
    }
    let length = name.len().min(31);
    for i in 0..NAMES {
        // SAFETY: the ring is mapped, and only the carrier writes names.
        let entry = unsafe { &mut (*(*ring).names.get())[i] };
        if entry[0] == 0 {
            entry[..length].copy_from_slice(&name.as_bytes()[..length]);
        }
        if entry[..length] == name.as_bytes()[..length] && entry[length] == 0 {
            return i as u64;
        }
    }
    NAMES as u64
}
