//! Scheduling of single threads: pthread_setschedparam(3), pthread_setaffinity_np(3), sched_setscheduler(2)
//! and their relatives.
//!
//! One kernel thread runs all green threads, so a policy, a priority or a set of CPUs of one of them
//! can have no effect. What is left is what the program can see: a request is granted or refused as the
//! kernel would, read back as it was made, inherited by new threads, and touches no other thread. Whether
//! the kernel would grant it is found out by a kernel thread made for the purpose, for a helper might
//! not be allowed back.
//!
//! The main thread's are the carrier's own: those calls go to the kernel.

use super::green::{self, ENDED, Green};
use super::join::green_handle;
use super::roster;
use crate::errno::fail;
use crate::signal::undisturbed;
use crate::{export, helper, real, start};
use core::ffi::c_int;
use core::sync::atomic::Ordering;
use libc::{cpu_set_t, pid_t, pthread_t, sched_param, size_t};
use scheduler::spin::Spin;

/// Policy and priority of a thread.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Schedule {
    /// `SCHED_*`, perhaps with `SCHED_RESET_ON_FORK`.
    pub policy: c_int,
    /// 0 but for the real-time policies.
    pub priority: c_int,
}

impl Schedule {
    /// The calling thread's.
    pub fn own() -> Schedule {
        match start::here() {
            Some((rt, _)) => Schedule::of(green::current(rt)),
            None => Schedule::of_kernel_thread(0),
        }
    }

    /// A green thread's.
    pub fn of(green: &Green) -> Schedule {
        green.schedule.get().unwrap_or_else(|| Schedule::of_kernel_thread(green::kernel_tid()))
    }

    fn of_kernel_thread(tid: i32) -> Schedule {
        let mut priority: c_int = 0;
        // SAFETY: an object of ours (`struct sched_param` is one int).
        unsafe {
            let policy = scheduler::sys!(sched_getscheduler, tid).unwrap_or(0) as c_int;
            let _ = scheduler::sys!(sched_getparam, tid, &raw mut priority);
            Schedule { policy, priority }
        }
    }

    /// First come first served, or round robin.
    pub fn is_real_time(self) -> bool {
        matches!(self.policy & !libc::SCHED_RESET_ON_FORK, libc::SCHED_FIFO | libc::SCHED_RR)
    }

    /// What a new thread of its holder has.
    pub fn inherited(self) -> Schedule {
        match self.policy & libc::SCHED_RESET_ON_FORK {
            0 => self,
            _ => Schedule { policy: libc::SCHED_OTHER, priority: 0 },
        }
    }

    /// May a thread that has this get `wanted`? 0 or the kernel's error.
    pub fn may_become(self, wanted: Schedule) -> c_int {
        let set = |s: Schedule| {
            let priority = s.priority;
            // SAFETY: an object of ours.
            unsafe { scheduler::sys!(sched_setscheduler, 0, s.policy, &raw const priority) }
        };
        helper::on_fresh_thread(|| {
            if self != Schedule::of_kernel_thread(0) {
                let _ = set(self);
            }
            set(wanted).map_or_else(|e| e.0, |_| 0)
        })
    }
}

// ---- CPUs ------------------------------------------------------------------------------------------

/// The sets of CPUs that threads were given. Few differ, so a thread keeps a small number instead of
/// 128 bytes: 0 for the carrier's own set, else the place here + 1.
static SETS: Spin<Sets> = Spin::new(Sets { used: 0, sets: [[0; WORDS]; MOST_SETS] });

const WORDS: usize = size_of::<cpu_set_t>() / 8;
const MOST_SETS: usize = 1024;
type Cpus = [u64; WORDS];

struct Sets {
    used: usize,
    sets: [Cpus; MOST_SETS],
}

/// The number of a set; `None`: there are too many different ones.
fn number_of(cpus: &Cpus) -> Option<u16> {
    undisturbed(|| {
        let mut all = SETS.lock();
        let used = all.used;
        if let Some(i) = all.sets[..used].iter().position(|set| set == cpus) {
            return Some(i as u16 + 1);
        }
        *all.sets.get_mut(used)? = *cpus;
        all.used += 1;
        Some(used as u16 + 1)
    })
}

fn cpus_of(green: &Green) -> Option<Cpus> {
    let number = usize::from(green.cpus.get()).checked_sub(1)?;
    Some(undisturbed(|| SETS.lock().sets[number]))
}

/// Would the kernel give a thread this set? Answers the set's number.
///
/// # Safety
/// `set` must point to `size` bytes.
pub unsafe fn grant_cpus(size: size_t, set: *const cpu_set_t) -> Result<u16, c_int> {
    let mut granted: Cpus = [0; WORDS];
    let error = helper::on_fresh_thread(|| {
        // SAFETY: the caller's set, and an object of ours.
        let asked = unsafe { scheduler::sys!(sched_setaffinity, 0, size, set) };
        let seen = asked.and_then(|_| {
            // SAFETY: an object of ours.
            unsafe { scheduler::sys!(sched_getaffinity, 0, size_of::<Cpus>(), granted.as_mut_ptr()) }
        });
        seen.map_or_else(|e| e.0, |_| 0)
    });
    if error != 0 {
        return Err(error);
    }
    number_of(&granted).ok_or(libc::ENOMEM)
}

/// Store the set where the program wants it; the kernel has checked the size.
unsafe fn show_cpus(green: &Green, size: size_t, set: *mut cpu_set_t) {
    if let Some(cpus) = cpus_of(green) {
        // SAFETY: the caller's set has that many bytes.
        unsafe {
            set.cast::<u8>().copy_from_nonoverlapping(cpus.as_ptr().cast(), size.min(size_of::<Cpus>()))
        };
    }
}

// ---- jackets ---------------------------------------------------------------------------------------

/// A green thread but the main one, which is the kernel's.
fn emulated(green: &'static Green) -> Option<&'static Green> {
    (!core::ptr::eq(&raw const green.thread, green::main_thread())).then_some(green)
}

fn of_handle(thread: pthread_t) -> Option<&'static Green> {
    emulated(green_handle(thread)?.1)
}

fn of_tid(tid: pid_t) -> Option<&'static Green> {
    match tid {
        0 => emulated(green::current(start::here()?.0)),
        _ if tid < 0 => None,
        _ => start::runtime().and_then(|_| emulated(roster::by_tid(tid)?)),
    }
}

fn has_ended(green: &Green) -> bool {
    green.life.load(Ordering::Acquire) & ENDED != 0
}

fn change(green: &Green, wanted: Schedule) -> c_int {
    if has_ended(green) {
        return libc::ESRCH;
    }
    let error = Schedule::of(green).may_become(wanted);
    if error == 0 {
        green.schedule.set(Some(wanted));
    }
    error
}

/// An error number as -1 and `errno`.
fn answered(error: c_int) -> c_int {
    if error == 0 { 0 } else { fail(error) }
}

export! {
    /// pthread_getschedparam(3)
    fn pthread_getschedparam(thread: pthread_t, policy: *mut c_int, param: *mut sched_param) -> c_int {
        match of_handle(thread) {
            Some(green) if has_ended(green) => libc::ESRCH,
            Some(green) => {
                let now = Schedule::of(green);
                policy.write(now.policy);
                (*param).sched_priority = now.priority;
                0
            }
            None => real::pthread_getschedparam(thread, policy, param),
        }
    }

    /// pthread_setschedparam(3)
    fn pthread_setschedparam(thread: pthread_t, policy: c_int, param: *const sched_param) -> c_int {
        match of_handle(thread) {
            Some(green) => change(green, Schedule { policy, priority: (*param).sched_priority }),
            None => real::pthread_setschedparam(thread, policy, param),
        }
    }

    /// pthread_setschedprio(3)
    fn pthread_setschedprio(thread: pthread_t, priority: c_int) -> c_int {
        match of_handle(thread) {
            Some(green) => change(green, Schedule { priority, ..Schedule::of(green) }),
            None => real::pthread_setschedprio(thread, priority),
        }
    }

    /// pthread_getaffinity_np(3)
    fn pthread_getaffinity_np(thread: pthread_t, size: size_t, set: *mut cpu_set_t) -> c_int {
        match of_handle(thread) {
            Some(green) => {
                let error = real::pthread_getaffinity_np(green::main_handle(), size, set);
                if error == 0 {
                    show_cpus(green, size, set);
                }
                error
            }
            None => real::pthread_getaffinity_np(thread, size, set),
        }
    }

    /// pthread_setaffinity_np(3)
    fn pthread_setaffinity_np(thread: pthread_t, size: size_t, set: *const cpu_set_t) -> c_int {
        match of_handle(thread) {
            Some(green) => match grant_cpus(size, set) {
                Ok(number) => {
                    green.cpus.set(number);
                    0
                }
                Err(error) => error,
            },
            None => real::pthread_setaffinity_np(thread, size, set),
        }
    }

    /// sched_getscheduler(2)
    fn sched_getscheduler | __sched_getscheduler(tid: pid_t) -> c_int {
        match of_tid(tid) {
            Some(green) => Schedule::of(green).policy,
            None => real::sched_getscheduler(tid),
        }
    }

    /// sched_setscheduler(2)
    fn sched_setscheduler | __sched_setscheduler(tid: pid_t, policy: c_int, param: *const sched_param) -> c_int {
        match of_tid(tid) {
            Some(green) => answered(change(green, Schedule { policy, priority: (*param).sched_priority })),
            None => real::sched_setscheduler(tid, policy, param),
        }
    }

    /// sched_getparam(2)
    fn sched_getparam | __sched_getparam(tid: pid_t, param: *mut sched_param) -> c_int {
        match of_tid(tid) {
            Some(green) => {
                (*param).sched_priority = Schedule::of(green).priority;
                0
            }
            None => real::sched_getparam(tid, param),
        }
    }

    /// sched_setparam(2)
    fn sched_setparam(tid: pid_t, param: *const sched_param) -> c_int {
        match of_tid(tid) {
            Some(green) => {
                answered(change(green, Schedule { priority: (*param).sched_priority, ..Schedule::of(green) }))
            }
            None => real::sched_setparam(tid, param),
        }
    }

    /// sched_getaffinity(2)
    fn sched_getaffinity(tid: pid_t, size: size_t, set: *mut cpu_set_t) -> c_int {
        let Some(green) = of_tid(tid) else { return real::sched_getaffinity(tid, size, set) };
        let result = real::sched_getaffinity(green::kernel_tid(), size, set);
        if result == 0 {
            show_cpus(green, size, set);
        }
        result
    }

    /// sched_setaffinity(2)
    fn sched_setaffinity(tid: pid_t, size: size_t, set: *const cpu_set_t) -> c_int {
        match of_tid(tid) {
            Some(green) => match grant_cpus(size, set) {
                Ok(number) => {
                    green.cpus.set(number);
                    0
                }
                Err(error) => fail(error),
            },
            None => real::sched_setaffinity(tid, size, set),
        }
    }
}
