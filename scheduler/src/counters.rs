//! What is counted, in pages of their own that describe themselves: whoever can read them needs no other knowledge of ours.
//!
//! ```text
//!   Counters ── one static of whole pages, so that a shared mapping can lie in its place (shim/src/statistics.rs)
//!   ├── magic, process, its start time
//!   ├── Count × 48    { name, value }
//!   ├── Calls × 48    { name, how many, nanoseconds in all, longest, histogram }   calls that helpers executed
//!   └── Site × 32     { what, how often, nanoseconds in all, longest, frames }     what held the carrier (sites.rs)
//! ```
//!
//! The carrier alone writes counts and calls, by plain stores: a reader sees each number whole, and all of them as they
//! were within a moment. What would cost something at each switch is brought up to date when the carrier looks around.

mod sites;

pub use sites::{FRAMES, SITES, Site, held, sites};

use crate::thread::Reason;
use core::cell::UnsafeCell;
use core::sync::atomic::{AtomicU64, Ordering};

/// One number and its name, which ends in NUL.
#[repr(C)]
pub struct Count {
    name: [u8; 24],
    value: AtomicU64,
}

impl Count {
    const fn new(name: &str) -> Self {
        Count { name: bytes(name), value: AtomicU64::new(0) }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        text(&self.name)
    }

    /// Its value.
    pub fn get(&self) -> u64 {
        self.value.load(Ordering::Relaxed)
    }

    /// From now on it is this.
    #[inline]
    pub fn set(&self, value: u64) {
        self.value.store(value, Ordering::Relaxed);
    }

    /// So many more.
    #[inline]
    pub fn add(&self, more: u64) {
        self.set(self.get().wrapping_add(more));
    }

    /// The highest yet.
    #[inline]
    pub fn raise(&self, value: u64) {
        if value > self.get() {
            self.set(value);
        }
    }
}

const fn bytes<const N: usize>(name: &str) -> [u8; N] {
    let mut bytes = [0; N];
    let mut i = 0;
    while i < name.len() {
        bytes[i] = name.as_bytes()[i];
        i += 1;
    }
    bytes
}

fn text(bytes: &[u8]) -> &str {
    let end = bytes.iter().position(|b| *b == 0).unwrap_or(bytes.len());
    str::from_utf8(&bytes[..end]).unwrap_or("")
}

macro_rules! counts {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// The counts by name. Those of parks, by reason, follow the others.
        #[repr(C)]
        pub struct Counts {
            $($(#[$doc])* pub $name: Count,)*
            /// How often threads parked, by the word of their reason.
            pub parks: [Count; Reason::MANY],
        }

        impl Counts {
            const fn new() -> Counts {
                Counts {
                    $($name: Count::new(stringify!($name)),)*
                    parks: Reason::counts(),
                }
            }
        }
    };
}

counts! {
    /// Threads that have not ended.
    threads,
    /// The most there have been.
    threads_peak,
    /// All that have been created.
    threads_created,
    /// Threads that could run, when the carrier looked around last.
    runnable,
    /// Switches between threads, by then.
    switches,
    /// When that was: nanoseconds of `CLOCK_MONOTONIC`.
    looked_at,
    /// The longest time between two such looks of a carrier that was not idle, in nanoseconds.
    longest_between_looks,
    /// Events that the netpoller collected.
    epoll_events,
    /// And by how many calls.
    epoll_calls,
    /// How often the carrier had nothing to run and waited in the kernel.
    idle_waits,
    /// Calls that helpers executed, or the carrier in their place.
    offloads,
    /// Helpers that were started.
    helpers_started,
    /// Reads of files that the kernel had in memory, made at once.
    reads_from_memory,
    /// Reads of files that a helper made, wholly or in part, because the disk had to be asked.
    reads_from_disk,
    /// Bytes that the deepest stack has used, of those that were asked when they were given back.
    stack_high_water,
    /// Threads that were made to let others run because they computed.
    preemptions,
}

impl Reason {
    /// Different reasons.
    pub const MANY: usize = 16;

    const fn counts() -> [Count; Self::MANY] {
        let mut counts = [const { Count::new("") }; Self::MANY];
        let names = Self::NAMES.as_bytes();
        let (mut i, mut at) = (0, 0);
        while i < Self::MANY {
            let prefix = b"parks ";
            let mut to = 0;
            while to < prefix.len() {
                counts[i].name[to] = prefix[to];
                to += 1;
            }
            while names[at] != 0 {
                counts[i].name[to] = names[at];
                (to, at) = (to + 1, at + 1);
            }
            (i, at) = (i + 1, at + 1);
        }
        assert!(names[at] == 0, "as many names as there are reasons");
        counts
    }

    /// Which word stands for it.
    #[inline(always)]
    pub fn word(self) -> usize {
        // SAFETY: an enum with `repr(u32)` begins with its word.
        unsafe { *core::ptr::from_ref(&self).cast::<u32>() as usize }
    }
}

/// Powers of two of microseconds: the first bucket is for less than one, the last for all that take longer.
const BUCKETS: usize = 24;

/// Calls of one kind that helpers executed.
#[repr(C)]
pub struct Calls {
    name: [u8; 32],
    many: AtomicU64,
    nanos: AtomicU64,
    longest: AtomicU64,
    histogram: [AtomicU64; BUCKETS],
}

impl Calls {
    const fn new() -> Calls {
        Calls {
            name: [0; 32],
            many: AtomicU64::new(0),
            nanos: AtomicU64::new(0),
            longest: AtomicU64::new(0),
            histogram: [const { AtomicU64::new(0) }; BUCKETS],
        }
    }

    /// What is called.
    pub fn name(&self) -> &str {
        text(&self.name)
    }

    /// How often, and how long in all and at most, in nanoseconds.
    pub fn totals(&self) -> [u64; 3] {
        [&self.many, &self.nanos, &self.longest].map(|n| n.load(Ordering::Relaxed))
    }

    /// So many of a hundred took less than this, in nanoseconds (a power of two of microseconds).
    pub fn percentile(&self, percent: u64) -> u64 {
        let wanted = (self.totals()[0] * percent).div_ceil(100);
        let mut seen = 0;
        for (i, bucket) in self.histogram.iter().enumerate() {
            seen += bucket.load(Ordering::Relaxed);
            if seen >= wanted && i < BUCKETS - 1 {
                return 1000 << i;
            }
        }
        self.totals()[2]
    }

    fn add(&self, nanos: u64) {
        let more =
            |count: &AtomicU64, by: u64| count.store(count.load(Ordering::Relaxed) + by, Ordering::Relaxed);
        let bucket = (u64::BITS - (nanos / 1000).leading_zeros()) as usize;
        more(&self.many, 1);
        more(&self.nanos, nanos);
        more(&self.histogram[bucket.min(BUCKETS - 1)], 1);
        self.longest.store(self.longest.load(Ordering::Relaxed).max(nanos), Ordering::Relaxed);
    }
}

/// Kinds of calls; whatever comes when all are taken goes with the last one.
const KINDS: usize = 48;

/// Everything.
#[repr(C, align(4096))]
pub struct Counters {
    magic: [u8; 8],
    /// How many counts there are; where calls begin, and how many there are; the same of sites; 0.
    shape: [u32; 6],
    /// The process, and since when: field 22 of `/proc/PID/stat`, by which another one with its number is told from it.
    process: [AtomicU64; 2],
    counts: Counts,
    calls: UnsafeCell<[Calls; KINDS]>,
    sites: [Site; SITES],
}

// SAFETY: numbers are atomic; names are written once, by the carrier, before their numbers.
unsafe impl Sync for Counters {}

static COUNTERS: Counters = Counters {
    magic: *b"greenst2",
    shape: [
        (size_of::<Counts>() / size_of::<Count>()) as u32,
        core::mem::offset_of!(Counters, calls) as u32,
        KINDS as u32,
        core::mem::offset_of!(Counters, sites) as u32,
        SITES as u32,
        0,
    ],
    process: [AtomicU64::new(0), AtomicU64::new(0)],
    counts: Counts::new(),
    calls: UnsafeCell::new([const { Calls::new() }; KINDS]),
    sites: [const { Site::new() }; SITES],
};

/// The counts.
#[inline(always)]
pub fn counts() -> &'static Counts {
    &COUNTERS.counts
}

/// The pages: where, and how many bytes.
pub fn pages() -> (*mut u8, usize) {
    ((&raw const COUNTERS).cast_mut().cast(), size_of::<Counters>())
}

/// Say whose these are.
pub fn belong_to(process: u64, since: u64) {
    COUNTERS.process[0].store(process, Ordering::Relaxed);
    COUNTERS.process[1].store(since, Ordering::Relaxed);
}

/// All counts, in order.
pub fn all() -> &'static [Count] {
    let counts = (&raw const COUNTERS.counts).cast::<Count>();
    // SAFETY: `Counts` is `repr(C)` and holds nothing but so many of them.
    unsafe { core::slice::from_raw_parts(counts, size_of::<Counts>() / size_of::<Count>()) }
}

/// The kinds of calls that there have been.
pub fn calls() -> impl Iterator<Item = &'static Calls> {
    // SAFETY: nobody writes but by atomic stores and, to a name, before its number.
    let calls = unsafe { &*COUNTERS.calls.get() };
    calls.iter().filter(|calls| calls.totals()[0] != 0)
}

/// A call of this name took so long. On the carrier.
pub fn call_took(name: &str, nanos: u64) {
    COUNTERS.counts.offloads.add(1);
    let length = name.len().min(31);
    let calls = COUNTERS.calls.get().cast::<Calls>();
    for i in 0..KINDS {
        // SAFETY: within the array; only the carrier is here.
        let entry = unsafe { &mut *calls.add(i) };
        if entry.name[0] == 0 {
            entry.name[..length].copy_from_slice(&name.as_bytes()[..length]);
        }
        if entry.name() == &name[..length] || i == KINDS - 1 {
            return entry.add(nanos);
        }
    }
}

/// The child of `fork` has done nothing yet.
pub fn start_over() {
    for count in all() {
        count.set(0);
    }
    for calls in calls() {
        for number in [&calls.many, &calls.nanos, &calls.longest].into_iter().chain(&calls.histogram) {
            number.store(0, Ordering::Relaxed);
        }
    }
    sites::start_over();
}
