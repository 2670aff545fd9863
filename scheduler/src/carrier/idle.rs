//! What the carrier does between threads: collect what has become ready, and wait when nobody can run.

use super::{BLIND_NANOS, Carrier};
use crate::carrier::Wake;
use crate::counters::counts;
use crate::thread::Thread;
use crate::trace::{self, What};
use core::sync::atomic::Ordering;

/// Nobody can run and no timer is armed: after this long the shim looks whether that is for ever.
pub(super) const QUIET_NANOS: u64 = 20_000_000;

/// It looks again after twice the time, and so on, up to this one.
const QUIET_MOST_NANOS: u64 = 10_000_000_000;

/// What is left for when nobody can run.
type Chore = fn(&Carrier);

impl Carrier {
    pub(super) fn empty_inbox(&self) {
        // SAFETY: delivered threads are alive and on no queue.
        self.inbox.drain(|thread| unsafe {
            self.trace_unpark_from_outside(thread);
            self.enqueue(thread);
        });
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
        let _outside = self.begin_outside();
        self.empty_inbox();
        let now = self.runtime().clock.now();
        let counts = counts();
        counts.runnable.set(self.run.len() as u64);
        counts.switches.set(self.switches());
        counts.looked_at.set(now);
        trace::set_clock(now);
        counts.longest_between_looks.raise(now - self.coarse.replace(now));
        if !self.wheel.is_empty() {
            self.fire_timers(now);
        }
        if self.netpoll.has_members() {
            let _ = self.netpoll.poll(&self.runtime().fds, Some(0));
        }
    }

    /// Nobody can run: wait in the kernel for a descriptor, a deadline, the inbox or a signal.
    pub(super) fn idle(&self, signals_seen: u32) {
        self.turns.set(0);
        let _outside = self.begin_outside();
        let mut timeout = None;
        let now = self.runtime().clock.now();
        if !self.wheel.is_empty() {
            self.fire_timers(now);
            if !self.run.is_empty() {
                self.patience.set(QUIET_NANOS);
                return;
            }
            timeout = self.wheel.next_look().map(|at| at.saturating_sub(now));
        }
        let chore = self.chore(timeout);
        if let Some((_, nanos)) = chore {
            timeout = Some(timeout.map_or(nanos, |until| until.min(nanos)));
        }
        let until = chore.and(timeout).map(|nanos| now + nanos);
        if self.netpoll.open(self).is_err() {
            return self.idle_blindly(timeout, signals_seen);
        }
        self.trace_running(What::Idle);
        let counts = counts();
        counts.runnable.set(0);
        counts.switches.set(self.switches());
        counts.longest_between_looks.raise(now - self.coarse.replace(now));
        if self.inbox.fall_asleep() {
            // A signal kept since `next` looked has not rung the bell: look again.
            if self.signals_seen.load(Ordering::SeqCst) == signals_seen {
                let _ = self.netpoll.poll(&self.runtime().fds, timeout);
            }
            self.inbox.wake_up();
        }
        self.empty_inbox();
        let now = self.runtime().clock.now();
        self.coarse.set(now);
        counts.idle_waits.add(1);
        counts.looked_at.set(now);
        trace::set_clock(now);
        if !self.wheel.is_empty() {
            self.fire_timers(now);
        }
        if !self.run.is_empty() {
            self.patience.set(QUIET_NANOS);
        } else if let (Some((chore, _)), Some(until)) = (chore, until)
            && self.signals_seen.load(Ordering::SeqCst) == signals_seen
            && now >= until
        {
            chore(self);
        }
    }

    /// What is to be done when nothing has happened for so many nanoseconds.
    fn chore(&self, timeout: Option<u64>) -> Option<(Chore, u64)> {
        if self.runtime().stacks.is_untidy() {
            return Some((|carrier| carrier.runtime().stacks.tidy(), QUIET_NANOS));
        }
        let nanos = self.patience.get();
        let may_be_stuck =
            || timeout.is_none() && nanos <= QUIET_MOST_NANOS && (self.host.get().may_be_stuck)();
        may_be_stuck().then_some((Self::look_if_stuck, nanos))
    }

    #[cold]
    fn look_if_stuck(&self) {
        let again = (self.host.get().look_if_stuck)();
        self.patience.set(if again { self.patience.get() * 2 } else { u64::MAX });
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
