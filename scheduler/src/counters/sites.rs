//! What held the carrier while others could have run, by the place in the program. A watchdog of the shim's finds out
//! (shim/src/reports/pinned.rs), and it alone writes; numbers are seen whole.

use super::{COUNTERS, text};
use core::cell::UnsafeCell;
use core::sync::atomic::{AtomicU64, Ordering};

/// Places that are told from each other; what comes when all are taken goes with the last one.
pub const SITES: usize = 32;

/// Frames of a backtrace that are kept.
pub const FRAMES: usize = 12;

/// One place.
#[repr(C)]
pub struct Site {
    /// "computing", "page fault", or what was called. It ends in NUL; empty: nothing yet.
    what: UnsafeCell<[u8; 24]>,
    many: AtomicU64,
    nanos: AtomicU64,
    longest: AtomicU64,
    /// Of the longest time: addresses inside the instructions, the place in the program first. 0: no more.
    frames: [AtomicU64; FRAMES],
}

// SAFETY: numbers are atomic; the text is written once, by the watchdog, before its number.
unsafe impl Sync for Site {}

/// By what the watchdog tells places with the same `what`.
static KEYS: [AtomicU64; SITES] = [const { AtomicU64::new(0) }; SITES];

impl Site {
    pub(super) const fn new() -> Site {
        Site {
            what: UnsafeCell::new([0; 24]),
            many: AtomicU64::new(0),
            nanos: AtomicU64::new(0),
            longest: AtomicU64::new(0),
            frames: [const { AtomicU64::new(0) }; FRAMES],
        }
    }

    /// What held the carrier.
    pub fn what(&self) -> &str {
        // SAFETY: not written any more, once there is a number.
        text(unsafe { &*self.what.get() })
    }

    /// How often, and how long in all and at most, in nanoseconds.
    pub fn totals(&self) -> [u64; 3] {
        [&self.many, &self.nanos, &self.longest].map(|n| n.load(Ordering::Relaxed))
    }

    /// The backtrace of the longest time.
    pub fn frames(&self) -> impl Iterator<Item = usize> {
        self.frames.iter().map(|at| at.load(Ordering::Relaxed) as usize).take_while(|at| *at != 0)
    }

    fn is(&self, what: &str) -> bool {
        self.what().as_bytes() == &what.as_bytes()[..what.len().min(23)]
    }

    fn begin(&self, what: &str) {
        let length = what.len().min(23);
        // SAFETY: nobody reads the text of a place without a number.
        let bytes = unsafe { &mut *self.what.get() };
        *bytes = [0; 24];
        bytes[..length].copy_from_slice(&what.as_bytes()[..length]);
    }

    fn add(&self, nanos: u64, frames: &[usize]) {
        let [many, all, longest] = self.totals();
        if nanos > longest {
            self.longest.store(nanos, Ordering::Relaxed);
            for (i, at) in self.frames.iter().enumerate() {
                at.store(frames.get(i).copied().unwrap_or(0) as u64, Ordering::Relaxed);
            }
        }
        self.nanos.store(all + nanos, Ordering::Relaxed);
        self.many.store(many + 1, Ordering::Release);
    }
}

/// The places that there have been.
pub fn sites() -> impl Iterator<Item = &'static Site> {
    COUNTERS.sites.iter().filter(|site| site.many.load(Ordering::Acquire) != 0)
}

/// The carrier was held so long. On the watchdog.
pub fn held(what: &str, key: u64, frames: &[usize], nanos: u64) {
    for (i, site) in COUNTERS.sites.iter().enumerate() {
        let is_free = site.many.load(Ordering::Relaxed) == 0;
        if is_free && i == SITES - 1 {
            site.begin("elsewhere");
        } else if is_free {
            site.begin(what);
            KEYS[i].store(key, Ordering::Relaxed);
        }
        if i == SITES - 1 {
            return site.add(nanos, &[]);
        }
        if site.is(what) && KEYS[i].load(Ordering::Relaxed) == key {
            return site.add(nanos, frames);
        }
    }
}

pub(super) fn start_over() {
    for site in &COUNTERS.sites {
        for number in [&site.many, &site.nanos, &site.longest].into_iter().chain(&site.frames) {
            number.store(0, Ordering::Relaxed);
        }
    }
}
