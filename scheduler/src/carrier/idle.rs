//! What the carrier does between threads: collect what has become ready, and wait when nobody can run.

use super::{BLIND_NANOS, Carrier};
use crate::carrier::Wake;
use crate::thread::Thread;
use core::sync::atomic::Ordering;

impl Carrier {
    pub(super) fn empty_inbox(&self) {
        // SAFETY: delivered threads are alive and on no queue.
        self.inbox.drain(|thread| unsafe { self.enqueue(thread) });
    }

    fn fire_timers(&self, now: u64) {
        self.wheel.advance(now, |timer| {
            let offset = core::mem::offset_of!(Thread, timer);
            let thread = timer.wrapping_byte_sub(offset).cast::<Thread>();
            // SAFETY: an armed timer is inside a parked (alive) thread.
            unsafe { Thread::unpark(thread, Wake::TimedOut) };
        });
    }

    /// Collect whatever has become ready, without waiting.
    #[cold]
    pub(super) fn look_around(&self) {
        self.turns.set(0);
        self.empty_inbox();
        if !self.wheel.is_empty() {
            self.fire_timers(self.runtime().clock.now());
        }
        if self.netpoll.has_members() {
            let _ = self.netpoll.poll(&self.runtime().fds, Some(0));
        }
    }

    /// Nobody can run: wait in the kernel for a descriptor, a deadline, the inbox or a signal.
    pub(super) fn idle(&self, signals_seen: u32) {
        self.turns.set(0);
        let mut timeout = None;
        if !self.wheel.is_empty() {
            let now = self.runtime().clock.now();
            self.fire_timers(now);
            if !self.run.is_empty() {
                return;
            }
            timeout = self.wheel.next_look().map(|at| at.saturating_sub(now));
        }
        if self.netpoll.open(self).is_err() {
            return self.idle_blindly(timeout, signals_seen);
        }
        if self.inbox.fall_asleep() {
            // A signal kept since `next` looked has not rung the bell: look again.
            if self.signals_seen.load(Ordering::SeqCst) == signals_seen {
                let _ = self.netpoll.poll(&self.runtime().fds, timeout);
            }
            self.inbox.wake_up();
        }
        self.empty_inbox();
        if !self.wheel.is_empty() {
            self.fire_timers(self.runtime().clock.now());
        }
    }

    /// No descriptor is left for an epoll set: sleep in short steps until one is.
    #[cold]
    fn idle_blindly(&self, timeout: Option<u64>, signals_seen: u32) {
        let step = crate::sys::Timespec::from_nanos(timeout.unwrap_or(BLIND_NANOS).min(BLIND_NANOS));
        if self.inbox.is_empty() && self.signals_seen.load(Ordering::SeqCst) == signals_seen {
            // SAFETY: `step` is ours.
            let _ = unsafe { crate::sys!(nanosleep, &raw const step, 0) };
        }
        self.empty_inbox();
    }
}
