//! What holds the carrier while other threads could run: a watchdog looks, by `GREEN_PINNED` or `GREEN_PINNED_MS`.
//!
//! ```text
//!   QUIET ── the carrier has made no step for so long, and somebody waits for it ──► HELD: ask where it is
//!     ▲                                                                               │
//!     └── count the time, by what it was and where ◄── it makes a step ───────────────┘
//! ```
//!
//! It is a kernel thread of its own, and looks four times in the time that is allowed. /proc tells whether the carrier is in a
//! system call that waits, and in which, or in a page fault; a signal tells where it is in the program (sample.rs). A system call
//! that a signal could interrupt gets none: there only its name is known, and where in libc it was made.
//! No lock, no heap: the program may hold any of them.

use super::sample::{self, Sample};
use super::symbols::Symbols;
use crate::log::Line;
use crate::pthread::green;
use crate::{helper, options, say, start};
use core::ffi::c_void;
use core::fmt::Write;
use core::sync::atomic::{AtomicBool, Ordering};
use scheduler::counters::{self, FRAMES, SITES, Site};
use scheduler::sys::{self, Errno, Sysno, Timespec};
use scheduler::{Carrier, Runtime};

const DEFAULT_MS: u64 = 20;
const MILLISECOND: u64 = 1_000_000;

/// A system call has been going on when it answers so late.
const LATE: u64 = MILLISECOND;

const COMPUTING: &str = "computing";
const PAGE_FAULT: &str = "page fault";

static ARMED: AtomicBool = AtomicBool::new(false);
static WILL_BE_SAID: AtomicBool = AtomicBool::new(false);
/// The watchdog follows a hold.
static BUSY: AtomicBool = AtomicBool::new(false);
/// The process ends, and with it the hold.
static ENDING: AtomicBool = AtomicBool::new(false);

/// The summary waits so many milliseconds for what the watchdog has to add.
const LAST_MS: u32 = 100;

fn patience() -> Option<u64> {
    let is_on = options::PINNED.get() == Some(1) || options::PINNED_MS.get().is_some();
    is_on.then(|| options::PINNED_MS.get().unwrap_or(DEFAULT_MS) * MILLISECOND)
}

/// A second thread exists: let the watchdog begin, if it is wanted and has not.
#[inline]
pub fn arm() {
    if !ARMED.load(Ordering::Relaxed) {
        arm_now();
    }
}

#[cold]
fn arm_now() {
    ARMED.store(true, Ordering::Relaxed);
    if patience().is_some() {
        sample::start();
        if !WILL_BE_SAID.swap(true, Ordering::Relaxed) {
            // SAFETY: the function fits and is never unloaded.
            unsafe { libc::atexit(say_all) };
        }
        if let Err(Errno(error)) = helper::spawn(watch, core::ptr::null_mut()) {
            say!("pinned: the watchdog cannot be started (errno {error})");
        }
    }
}

/// In the child of `fork` there is no watchdog.
pub fn after_fork() {
    ARMED.store(false, Ordering::Relaxed);
    BUSY.store(false, Ordering::Relaxed);
}

// ---- the watchdog ----------------------------------------------------------------------------------------------------

extern "C" fn watch(_: *mut c_void) -> *mut c_void {
    helper::begin();
    let (Some(rt), Some(patience)) = (start::runtime(), patience()) else { return core::ptr::null_mut() };
    let pause = patience / 4;
    let (mut steps, mut since) = (0, 0);
    loop {
        let before = rt.clock.now();
        sleep(pause);
        let now = rt.clock.now();
        // Who overslept himself knows nothing: the machine was busy, or the process stopped.
        let overslept = now - before > pause + patience;
        let carrier = &rt.carrier;
        if carrier.steps() != steps || carrier.is_asleep() || overslept || since == 0 {
            (steps, since) = (carrier.steps(), now);
        } else if now - since >= patience && carrier.is_wanted() {
            BUSY.store(true, Ordering::SeqCst);
            Hold { rt, steps, since }.follow();
            BUSY.store(false, Ordering::SeqCst);
            since = 0;
        }
    }
}

fn sleep(nanos: u64) {
    let time = Timespec::from_nanos(nanos);
    // SAFETY: an object of ours.
    let _ = unsafe { scheduler::sys!(nanosleep, &raw const time, 0) };
}

/// The carrier is held.
struct Hold {
    rt: &'static Runtime,
    steps: u64,
    since: u64,
}

/// In what the carrier's kernel thread is, as /proc says.
enum State {
    /// Not waiting in the kernel. (It may compute there.)
    Running,
    /// It waits for a page.
    Fault,
    /// It waits in this system call, made here; whether a signal would interrupt it.
    Call { number: usize, code: usize, interruptible: bool },
}

impl Hold {
    fn carrier(&self) -> &Carrier {
        &self.rt.carrier
    }

    fn goes_on(&self) -> bool {
        self.carrier().steps() == self.steps && !self.carrier().is_asleep() && !ENDING.load(Ordering::SeqCst)
    }

    /// Find out what it is, wait for its end, and count it.
    fn follow(self) {
        let state = state_of_carrier();
        let asked_at = self.rt.clock.now();
        let question = match state {
            State::Call { interruptible: true, .. } => None,
            _ => Some(sample::ask()),
        };
        while self.goes_on() {
            sleep(MILLISECOND);
        }
        let nanos = self.rt.clock.now() - self.since;
        let sample = question.and_then(sample::answer).filter(|sample| sample.steps == self.steps);
        Symbols::with(|symbols| {
            let (what, frames) = describe(symbols, &state, sample, asked_at);
            count(symbols, what, &frames, nanos);
        });
    }
}

/// What it was, and the program's frames.
fn describe<'a>(
    symbols: &'a Symbols,
    state: &State,
    sample: Option<Sample>,
    asked_at: u64,
) -> (&'a str, [usize; FRAMES]) {
    let frames = sample.map_or([0; FRAMES], |sample| sample.frames);
    let what = match *state {
        State::Call { number, code, .. } => {
            let name = Sysno::new(number).map_or("system call", |number| number.name());
            if sample.is_none() {
                let mut frames = [0; FRAMES];
                // It is behind the instruction.
                frames[0] = code.saturating_sub(1);
                return (name, frames);
            }
            name
        }
        State::Fault => PAGE_FAULT,
        State::Running => match sample {
            None => COMPUTING,
            Some(sample) if sample.called == 0 => COMPUTING,
            // What the program called computes, or is a system call that computed until now.
            Some(sample) => match symbols.function_around(sample.called) {
                Some((name, _)) => name.trim_start_matches('_'),
                None if sample.at - asked_at >= LATE && sample::is_after_system_call(sample.code) => {
                    "system call"
                }
                None => "libc",
            },
        },
    };
    (what, frames)
}

fn is_inside(what: &str) -> bool {
    [COMPUTING, PAGE_FAULT].contains(&what)
}

/// Where a function computes is another place each time: it counts as one.
fn count(symbols: &Symbols, what: &str, frames: &[usize; FRAMES], nanos: u64) {
    let function = is_inside(what).then(|| symbols.function_around(frames[0])).flatten();
    let key = function.map_or(frames[0], |(_, begin)| begin);
    counters::held(what, key as u64, frames, nanos);
}

/// What /proc/self/task/TID/syscall and stat say: "running", or a number, arguments, stack pointer and code; -1 is none.
fn state_of_carrier() -> State {
    let mut text = [0; 512];
    let Some(line) = read_of_carrier("syscall", &mut text) else { return State::Running };
    let mut words = line.split_ascii_whitespace();
    let Some(number) = words.next().and_then(|word| word.parse::<isize>().ok()) else {
        return State::Running;
    };
    let Ok(number) = usize::try_from(number) else { return State::Fault };
    let code = words.last().and_then(|word| usize::from_str_radix(word.trim_start_matches("0x"), 16).ok());
    let mut text = [0; 512];
    let stat = read_of_carrier("stat", &mut text).unwrap_or("");
    // The second field, a name in brackets, may hold anything.
    let state = stat.rfind(')').and_then(|at| stat.as_bytes().get(at + 2));
    State::Call { number, code: code.unwrap_or(0), interruptible: state != Some(&b'D') }
}

fn read_of_carrier<'a>(name: &str, text: &'a mut [u8; 512]) -> Option<&'a str> {
    let mut path = Line::new();
    let _ = write!(path, "/proc/self/task/{}/{name}\0", green::kernel_tid());
    // SAFETY: a string that ends in NUL; room of ours.
    let got = unsafe {
        let (path, flags) = (path.take(), libc::O_RDONLY | libc::O_CLOEXEC);
        let fd = scheduler::sys!(openat, libc::AT_FDCWD, path.as_ptr(), flags, 0).ok()?;
        let got = scheduler::sys!(read, fd, text.as_mut_ptr(), text.len());
        sys::close(fd as i32);
        got.ok()?
    };
    str::from_utf8(&text[..got]).ok()
}

// ---- the summary -----------------------------------------------------------------------------------------------------

/// Say all places, those first that took most time.
extern "C" fn say_all() {
    ENDING.store(true, Ordering::SeqCst);
    for _ in 0..LAST_MS {
        if !BUSY.load(Ordering::SeqCst) {
            break;
        }
        sleep(MILLISECOND);
    }
    let mut sites = [const { None::<&Site> }; SITES];
    let mut many = 0;
    for site in counters::sites() {
        sites[many] = Some(site);
        many += 1;
    }
    sites[..many].sort_unstable_by_key(|site| core::cmp::Reverse(site.map_or(0, |site| site.totals()[1])));
    if many != 0 {
        Symbols::with(|symbols| sites[..many].iter().flatten().for_each(|site| say_one(symbols, site)));
    }
}

fn say_one(symbols: &Symbols, site: &Site) {
    let [many, all, longest] = site.totals();
    let (what, s) = (site.what(), if many == 1 { "" } else { "s" });
    let (longest, all) = (longest / MILLISECOND, all / MILLISECOND);
    let times = format_args!("{many} time{s}, {longest} ms at most, {all} ms together");
    let mut frames = site.frames();
    let Some(first) = frames.next() else { return say!("pinned: {what} held the carrier {times}") };
    match is_inside(what) {
        true => say!("pinned: {what} in {} held the carrier {times}", symbols.place(first, false)),
        false => say!("pinned: {what} at {} held the carrier {times}", symbols.place(first + 1, true)),
    }
    for frame in frames {
        say!("pinned:   from {}", symbols.place(frame + 1, true));
    }
}
