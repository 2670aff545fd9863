//! The carrier with real green threads, on the kernel thread of each test.

use super::*;
use crate::clock::clock_gettime_syscall;
use crate::helpers::{Class, IDLE_NANOS, Order};
use crate::lot::{Parked, Request};
use crate::policy::Policy;
use crate::runtime::KernelMain;
use crate::stack::PAGE;
use std::boxed::Box;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::vec::Vec;

fn start_kernel_thread(main: KernelMain, arg: *mut core::ffi::c_void) -> Result<(), Errno> {
    let arg = arg as usize;
    std::thread::spawn(move || {
        main(arg as *mut core::ffi::c_void);
    });
    Ok(())
}

/// The same, but it comes back late: when the helper has ended because it had nothing to do, if that is what helpers do.
fn start_kernel_thread_and_linger(main: KernelMain, arg: *mut core::ffi::c_void) -> Result<(), Errno> {
    let arg = arg as usize;
    let helper = std::thread::spawn(move || {
        main(arg as *mut core::ffi::c_void);
    });
    let begin = std::time::Instant::now();
    while !helper.is_finished() && begin.elapsed().as_nanos() < 4 * u128::from(IDLE_NANOS) {
        std::thread::yield_now();
    }
    Ok(())
}

fn runtime(policy: Policy) -> &'static Runtime {
    runtime_with(policy, start_kernel_thread)
}

fn runtime_with(
    policy: Policy,
    start_kernel_thread: fn(KernelMain, *mut core::ffi::c_void) -> Result<(), Errno>,
) -> &'static Runtime {
    let host = Host {
        clock_gettime: clock_gettime_syscall,
        start_kernel_thread,
        kernel_thread_begins: || (),
        // SAFETY: the scheduler passes a job of its own.
        run_cancellable: |run, data| unsafe { run(data) },
        cancel_kernel_thread: |_| (),
        interrupt_kernel_thread: |_, _| (),
        bury: |_| (),
        run_handlers: || (),
        interrupt_targets: || (),
        may_be_stuck: || false,
        look_if_stuck: || false,
    };
    let config = Config { policy, helpers: 2, waiting_helpers: 2, fsgsbase: false };
    let main = Box::leak(Box::new(Thread::new(ptr::null(), 0, 0, ptr::null_mut())));
    // SAFETY: the leaked thread lives for ever.
    unsafe { Runtime::start(config, host, main).unwrap() }
}

struct Work {
    runtime: &'static Runtime,
    work: Option<Box<dyn FnOnce()>>,
}

unsafe extern "C-unwind" fn enter(arg: *mut u8) -> ! {
    // SAFETY: `spawn` passes a leaked Work.
    let work = unsafe { &mut *arg.cast::<Work>() };
    work.runtime.carrier.begin_thread();
    work.work.take().unwrap()();
    work.runtime.carrier.exit_thread()
}

/// Run `work` as a green thread. (FS stays the test's own: TLS is the shim's business.)
fn spawn(runtime: &'static Runtime, work: impl FnOnce() + 'static) -> *mut Thread {
    let stack = runtime.stacks.take(64 << 10, PAGE).unwrap();
    let arg = Box::leak(Box::new(Work { runtime, work: Some(Box::new(work)) }));
    // SAFETY: a fresh stack; the leaked thread lives for ever.
    unsafe {
        let sp = context::prepare(stack.top(), enter, (&raw mut *arg).cast());
        let thread = Box::leak(Box::new(Thread::new(&raw const runtime.carrier, 9, context::fs_base(), sp)));
        runtime.carrier.spawn(thread);
        thread
    }
}

fn shared<T>(value: T) -> &'static T {
    Box::leak(Box::new(value))
}

#[test]
fn threads_take_turns() {
    let rt = runtime(Policy::Fifo);
    let log: &'static Cell<Vec<u32>> = shared(Cell::new(Vec::new()));
    let note = move |n| {
        let mut v = log.take();
        v.push(n);
        log.set(v);
    };
    for id in 0..3 {
        spawn(rt, move || {
            for _ in 0..2 {
                note(id);
                rt.carrier.yield_now();
            }
        });
    }
    while rt.carrier.has_runnable() {
        rt.carrier.yield_now();
    }
    assert_eq!(log.take(), [0, 1, 2, 0, 1, 2]);
}

#[test]
fn sleepers_wake_in_order_of_time_and_never_early() {
    let rt = runtime(Policy::Fifo);
    let start = rt.clock.now();
    let done = shared(Cell::new(0u32));
    for millis in [30u64, 10, 20] {
        spawn(rt, move || {
            let at = start + millis * 1_000_000;
            assert_eq!(rt.carrier.sleep_until(at), Wake::TimedOut);
            assert!(rt.clock.now() >= at);
            assert_eq!(done.get() as u64, millis / 10 - 1);
            done.set(done.get() + 1);
        });
    }
    while done.get() < 3 {
        rt.carrier.sleep_until(rt.clock.now() + 1_000_000);
    }
}

#[test]
fn a_thread_waits_for_a_pipe_while_others_run() {
    let rt = runtime(Policy::Fifo);
    let mut pair = [0i32; 2];
    // SAFETY: a pipe of our own.
    unsafe { crate::sys!(pipe2, pair.as_mut_ptr(), 0) }.unwrap();
    let got = shared(Cell::new(0u8));
    spawn(rt, move || {
        let slot = rt.fds.slot(pair[0]).unwrap();
        let seen = rt.carrier.netpoll.seen();
        let waited =
            rt.carrier.netpoll.wait(&rt.carrier, pair[0], slot, crate::netpoll::Direction::Read, seen, None);
        assert_eq!(waited, crate::netpoll::Waited::Ready);
        let mut byte = 0u8;
        // SAFETY: one byte of our own.
        unsafe { crate::sys!(read, pair[0], &raw mut byte, 1usize) }.unwrap();
        got.set(byte);
    });
    rt.carrier.yield_now();
    assert_eq!(got.get(), 0);
    // SAFETY: one static byte.
    unsafe { crate::sys!(write, pair[1], b"x".as_ptr(), 1usize) }.unwrap();
    while got.get() == 0 {
        rt.carrier.sleep_until(rt.clock.now() + 100_000);
    }
    assert_eq!(got.get(), b'x');
}

#[test]
fn closing_wakes_the_waiters() {
    let rt = runtime(Policy::Fifo);
    let mut pair = [0i32; 2];
    // SAFETY: a pipe of our own.
    unsafe { crate::sys!(pipe2, pair.as_mut_ptr(), 0) }.unwrap();
    let ended = shared(Cell::new(None));
    spawn(rt, move || {
        let slot = rt.fds.slot(pair[0]).unwrap();
        let read = crate::netpoll::Direction::Read;
        let seen = rt.carrier.netpoll.seen();
        ended.set(Some(rt.carrier.netpoll.wait(&rt.carrier, pair[0], slot, read, seen, None)));
    });
    rt.carrier.yield_now();
    rt.carrier.netpoll.forget(&rt.carrier, &rt.fds, pair[0]);
    rt.carrier.yield_now();
    assert_eq!(ended.get(), Some(crate::netpoll::Waited::Closed));
}

#[test]
fn an_edge_that_came_between_try_and_wait_ends_the_wait() {
    let rt = runtime(Policy::Fifo);
    let mut pair = [0i32; 2];
    // SAFETY: a pipe of our own.
    unsafe { crate::sys!(pipe2, pair.as_mut_ptr(), 0) }.unwrap();
    let slot = rt.fds.slot(pair[0]).unwrap();
    let read = crate::netpoll::Direction::Read;
    let wait = move |seen| rt.carrier.netpoll.wait(&rt.carrier, pair[0], slot, read, seen, None);
    let rounds = shared(Cell::new(0));
    // SAFETY: one byte of ours.
    let write = move || unsafe { crate::sys!(write, pair[1], b"x".as_ptr(), 1usize) }.unwrap();
    spawn(rt, move || {
        wait(rt.carrier.netpoll.seen());
        // What a signal handler may do after the call was tried.
        let seen = rt.carrier.netpoll.seen();
        write();
        rt.carrier.sleep_until(rt.clock.now() + 1_000_000);
        assert_eq!(wait(seen), crate::netpoll::Waited::Ready);
        rounds.set(1);
    });
    rt.carrier.yield_now();
    write();
    while rounds.get() == 0 {
        rt.carrier.sleep_until(rt.clock.now() + 100_000);
    }
}

#[test]
fn a_helper_works_while_others_run() {
    let rt = runtime(Policy::Fifo);
    let go = shared(AtomicBool::new(false));
    let answer = shared(Cell::new(0));
    spawn(rt, move || {
        let n = rt.helpers(Class::Bounded).offload(&rt.carrier, &|| false, &|| Order::Continue, |_| {
            while !go.load(Ordering::Acquire) {
                std::thread::yield_now();
            }
            42
        });
        answer.set(n);
    });
    rt.carrier.yield_now();
    assert_eq!(answer.get(), 0);
    go.store(true, Ordering::Release);
    while answer.get() == 0 {
        rt.carrier.yield_now();
    }
    assert_eq!(answer.get(), 42);
}

#[test]
fn no_helper_ends_while_a_job_is_on_its_way() {
    let rt = runtime_with(Policy::Fifo, start_kernel_thread_and_linger);
    let answer = shared(Cell::new(0));
    spawn(rt, move || {
        answer.set(rt.helpers(Class::Bounded).offload(&rt.carrier, &|| false, &|| Order::Continue, |_| 42));
    });
    let begin = std::time::Instant::now();
    while answer.get() == 0 {
        assert!(begin.elapsed().as_secs() < 10, "nobody executes the job");
        rt.carrier.yield_now();
    }
    assert_eq!(answer.get(), 42);
}

#[test]
fn the_lot_wakes_green_and_kernel_threads_alike() {
    let rt = runtime(Policy::Fifo);
    let word = shared(AtomicU64::new(0));
    let key = &raw const *word as usize;
    let woken = shared(AtomicU64::new(0));
    let request = move || Request { key, reason: Reason::Mutex(key), deadline: None, again: false };
    spawn(rt, move || {
        assert_eq!(rt.lot.park(Some(&rt.carrier), request(), || true, || ()), Parked::Woken(5));
        woken.fetch_add(1, Ordering::SeqCst);
    });
    let kernel = std::thread::spawn(move || {
        assert_eq!(rt.lot.park(None, request(), || true, || ()), Parked::Woken(5));
        woken.fetch_add(1, Ordering::SeqCst);
    });
    let mut count = 0;
    while count < 2 {
        count += rt.lot.unpark_many(Some(&rt.carrier), key, usize::MAX, 5);
        rt.carrier.yield_now();
    }
    kernel.join().unwrap();
    rt.carrier.yield_now();
    assert_eq!(woken.load(Ordering::SeqCst), 2);
    let late = Request { deadline: Some(rt.clock.now() + 1_000_000), ..request() };
    assert_eq!(rt.lot.park(Some(&rt.carrier), late, || true, || ()), Parked::TimedOut);
    assert_eq!(rt.lot.park(Some(&rt.carrier), request(), || false, || ()), Parked::Invalid);
}

#[test]
fn kernel_threads_hand_work_to_a_sleeping_carrier() {
    let rt = runtime(Policy::Fifo);
    let word = shared(AtomicU64::new(0));
    let key = &raw const *word as usize;
    const ROUNDS: u64 = 2000;
    let kernel = std::thread::spawn(move || {
        for _ in 0..ROUNDS {
            while rt.lot.unpark_many(None, key, 1, 0) == 0 {
                std::hint::spin_loop();
            }
        }
    });
    for _ in 0..ROUNDS {
        let request = Request { key, reason: Reason::Mutex(key), deadline: None, again: false };
        assert_eq!(rt.lot.park(Some(&rt.carrier), request, || true, || ()), Parked::Woken(0));
    }
    kernel.join().unwrap();
}

#[test]
fn every_seed_runs_everybody() {
    for seed in 0..20 {
        let rt = runtime(Policy::Random(seed));
        let done = shared(Cell::new(0));
        for _ in 0..50 {
            spawn(rt, move || {
                rt.carrier.yield_now();
                done.set(done.get() + 1);
            });
        }
        while done.get() < 50 {
            rt.carrier.yield_now();
        }
    }
}
