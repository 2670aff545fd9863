//! Signals on their way to one green thread (pthread_kill, pthread_sigqueue, tgkill), which the kernel
//! knows nothing of.
//!
//! A bit in the thread says that there are some; what came with each is in one list of the process,
//! in the order sent. Standard signals are queued once, real-time ones as often as they are sent.
//! A bit without an entry stands for a signal of which nothing more is known.

use super::{bit, undisturbed};
use crate::pthread::green::Green;
use crate::pthread::roster;
use core::cell::UnsafeCell;
use core::ffi::c_int;
use core::mem::MaybeUninit;
use core::ptr;
use core::sync::atomic::{AtomicPtr, AtomicU32, Ordering};
use libc::siginfo_t;
use scheduler::list::{Links, List, Node};
use scheduler::spin::Spin;
use scheduler::sys;

/// How many threads have something to take ([`super::mask::ThreadSignals::due`]).
pub static DUE: AtomicU32 = AtomicU32::new(0);

#[repr(C)]
struct Entry {
    links: Links<Entry>,
    to: *const Green,
    info: MaybeUninit<siginfo_t>,
}

// SAFETY: always the same field.
unsafe impl Node for Entry {
    fn links(&self) -> &Links<Entry> {
        &self.links
    }
}

struct Queue {
    queued: List<Entry>,
    free: List<Entry>,
    made: usize,
}

static QUEUE: Spin<Queue> = Spin::new(Queue { queued: List::new(), free: List::new(), made: 0 });

/// Entries are mapped so many bytes at a time.
const CHUNK: usize = 16 << 10;
/// Most entries: then sigqueue fails with `EAGAIN`, as at `RLIMIT_SIGPENDING`.
const MOST: usize = 16 << 10;

impl Queue {
    fn entry(&mut self) -> Option<*mut Entry> {
        if self.free.is_empty() && self.made < MOST {
            let chunk: *mut Entry = sys::map(CHUNK).ok()?.cast();
            for i in 0..CHUNK / size_of::<Entry>() {
                // SAFETY: fresh memory, of which zero bytes are entries on no list.
                unsafe { self.free.push_back(chunk.add(i)) };
                self.made += 1;
            }
        }
        let entry = self.free.pop_front();
        (!entry.is_null()).then_some(entry)
    }

    /// The first entry of a signal for a thread, or null.
    fn find(&self, to: &Green, signal: c_int) -> *mut Entry {
        let mut at = self.queued.first();
        // SAFETY: listed entries are ours for ever, and filled in.
        unsafe {
            while !at.is_null() {
                if ptr::eq((*at).to, to) && (*at).info.assume_init_ref().si_signo == signal {
                    break;
                }
                at = self.queued.after(at);
            }
        }
        at
    }
}

/// Queue a signal. `Err(EAGAIN)`: there are too many.
pub fn push(to: &Green, info: siginfo_t) -> Result<(), c_int> {
    let signal = info.si_signo;
    undisturbed(|| {
        let mut queue = QUEUE.lock();
        let is_standard = signal < libc::SIGRTMIN();
        if is_standard && to.signals.pending.load(Ordering::SeqCst) & bit(signal) != 0 {
            return Ok(());
        }
        match queue.entry() {
            // SAFETY: a free entry.
            Some(entry) => unsafe {
                (*entry).to = to;
                (*entry).info.write(info);
                queue.queued.push_back(entry);
            },
            None if is_standard => {}
            None => return Err(libc::EAGAIN),
        }
        mark(to, signal);
        Ok(())
    })
}

/// What [`note`] was given and nobody has taken yet.
struct Note {
    /// Null: a free place.
    to: AtomicPtr<Green>,
    info: UnsafeCell<MaybeUninit<siginfo_t>>,
}

// SAFETY: on the carrier only; a handler that comes in between fills free places alone.
unsafe impl Sync for Note {}
static NOTES: [Note; 64] =
    [const { Note { to: AtomicPtr::new(ptr::null_mut()), info: UnsafeCell::new(MaybeUninit::uninit()) } };
        64];

/// In a signal handler of ours, which must not wait for the queue: another process, or a timer, has sent a thread this.
pub fn note(to: &Green, info: &siginfo_t) {
    let is_free = |note: &&Note| note.to.load(Ordering::Relaxed).is_null();
    // One for each signal of a thread.
    if let Some(place) = find_note(to, info.si_signo).or_else(|| NOTES.iter().find(is_free)) {
        // SAFETY: a free place, or one that nobody reads now: see `noted`.
        unsafe { (*place.info.get()).write(*info) };
        place.to.store(ptr::from_ref(to).cast_mut(), Ordering::Release);
    }
    mark(to, info.si_signo);
}

fn find_note(to: &Green, signal: c_int) -> Option<&'static Note> {
    NOTES.iter().find(|note| {
        // SAFETY: filled in before `to` was.
        ptr::eq(note.to.load(Ordering::Acquire), to)
            && unsafe { (*note.info.get()).assume_init_ref() }.si_signo == signal
    })
}

/// A signal that is in no queue.
fn noted(to: &Green, signal: c_int) -> siginfo_t {
    let Some(note) = find_note(to, signal) else { return super::plain_info(signal) };
    // A handler that comes now finds neither a note of this thread here nor a free place.
    note.to.store(ptr::dangling_mut(), Ordering::SeqCst);
    // SAFETY: filled in before `to` was.
    let info = unsafe { (*note.info.get()).assume_init() };
    note.to.store(ptr::null_mut(), Ordering::SeqCst);
    info
}

fn mark(to: &Green, signal: c_int) {
    to.signals.pending.fetch_or(bit(signal), Ordering::SeqCst);
    refresh(to);
}

/// Is there something to take? Whoever changes the thread's pending signals or its mask asks.
pub fn refresh(green: &Green) {
    let signals = &green.signals;
    let due = signals.pending.load(Ordering::SeqCst) & !signals.blocked() != 0;
    if signals.due.swap(due, Ordering::SeqCst) != due {
        if due {
            DUE.fetch_add(1, Ordering::SeqCst);
        } else {
            DUE.fetch_sub(1, Ordering::SeqCst);
        }
    }
}

/// Take the lowest signal of the set that is pending for a thread, the oldest of its number.
pub fn take(green: &Green, set: u64) -> Option<siginfo_t> {
    let bits = green.signals.pending.load(Ordering::SeqCst) & set;
    if bits == 0 {
        return None;
    }
    let signal = bits.trailing_zeros() as c_int + 1;
    undisturbed(|| {
        let queue = QUEUE.lock();
        let entry = queue.find(green, signal);
        let info = if entry.is_null() {
            noted(green, signal)
        } else {
            // SAFETY: a queued entry, filled in.
            unsafe {
                queue.queued.remove(entry);
                queue.free.push_back(entry);
                (*entry).info.assume_init()
            }
        };
        if entry.is_null() || queue.find(green, signal).is_null() {
            green.signals.pending.fetch_and(!bit(signal), Ordering::SeqCst);
        }
        refresh(green);
        Some(info)
    })
}

/// A new program inherits what is pending for the thread: give that to the kernel, which blocks it. Answers what it was.
pub fn lend(me: &Green) -> u64 {
    let mut lent = 0;
    while let Some(info) = take(me, me.signals.blocked()) {
        lent |= bit(info.si_signo);
        super::send::to_kernel(&info);
    }
    lent
}

/// There is no new program: after [`lend`].
pub fn take_back(me: &Green, lent: u64) {
    let now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    if lent == 0 {
        return;
    }
    loop {
        // SAFETY: objects of ours.
        let info = unsafe {
            let mut info: siginfo_t = core::mem::zeroed();
            let set = &raw const lent;
            if scheduler::sys!(rt_sigtimedwait, set, &raw mut info, &raw const now, 8usize).is_err() {
                return;
            }
            info
        };
        let _ = push(me, info);
    }
}

/// Nobody is to get this signal any more.
pub fn discard(signal: c_int) {
    loop {
        let holder = roster::find(|green| green.signals.pending.load(Ordering::SeqCst) & bit(signal) != 0);
        match holder {
            Some(green) => while take(green, bit(signal)).is_some() {},
            None => break,
        }
    }
}

/// A thread ends: what it has not taken is lost.
pub fn forget(green: &Green) {
    while take(green, u64::MAX).is_some() {}
}

/// In the child of `fork` nothing is pending, for the only thread there is.
pub fn after_fork(green: &Green) {
    QUEUE.force_unlock();
    let queue = QUEUE.lock();
    loop {
        let entry = queue.queued.pop_front();
        if entry.is_null() {
            break;
        }
        // SAFETY: it was on the list.
        unsafe { queue.free.push_back(entry) };
    }
    drop(queue);
    DUE.store(0, Ordering::SeqCst);
    green.signals.pending.store(0, Ordering::SeqCst);
    green.signals.due.store(false, Ordering::SeqCst);
}
