//! The options: `GREEN_*` environment variables, all in one table from which they are read and
//! documented (`docs/options.md` repeats it; `scripts/tests/options_documented` compares).
//!
//! An unknown name or a value out of range is reported in one line, and the program runs natively:
//! nothing is lost, and nobody measures something else than they asked for.

use core::cell::UnsafeCell;
use core::ffi::{CStr, c_char};
use core::sync::atomic::{AtomicU64, Ordering};

/// One option: a number, or unset.
pub struct Number {
    name: &'static str,
    /// What it does, for people.
    #[allow(dead_code)]
    about: &'static str,
    least: u64,
    most: u64,
    value: AtomicU64,
}

/// One option: a text, or unset.
pub struct Text {
    name: &'static str,
    /// What it does, for people.
    #[allow(dead_code)]
    about: &'static str,
    /// A copy, for programs write over the environment that they were given; it ends in NUL.
    value: UnsafeCell<[u8; TEXT_MOST]>,
}

/// Longest text, the NUL included.
const TEXT_MOST: usize = 1024;

// SAFETY: written while the library is loaded, by the only thread there is.
unsafe impl Sync for Text {}

impl Text {
    const fn new(name: &'static str, about: &'static str) -> Self {
        Text { name, about, value: UnsafeCell::new([0; TEXT_MOST]) }
    }

    /// The text the user gave.
    pub fn get(&self) -> Option<&'static CStr> {
        // SAFETY: not written any more.
        let bytes = unsafe { &*self.value.get() };
        CStr::from_bytes_until_nul(bytes).ok().filter(|text| !text.is_empty())
    }
}

const UNSET: u64 = u64::MAX;

impl Number {
    const fn new(name: &'static str, least: u64, most: u64, about: &'static str) -> Self {
        Number { name, about, least, most, value: AtomicU64::new(UNSET) }
    }

    /// The value the user gave.
    pub fn get(&self) -> Option<u64> {
        let value = self.value.load(Ordering::Relaxed);
        (value != UNSET).then_some(value)
    }
}

/// Run natively: create no green threads.
pub static DISABLE: Number =
    Number::new("GREEN_DISABLE", 0, 1, "1: stay out of the way, everything runs natively");
/// Seeded random schedule.
pub static SEED: Number =
    Number::new("GREEN_SEED", 0, UNSET - 1, "choose runnable threads at random, by this seed");
/// Random priorities.
pub static CHAOS: Number = Number::new(
    "GREEN_CHAOS",
    1,
    16,
    "run the thread with the highest of random priorities, of which one less than this many change on the way",
);
/// What children run.
pub static CHILDREN: Number = Number::new(
    "GREEN_CHILDREN",
    0,
    1,
    "0 or off: programs that this one starts run without libgreen (other entries of LD_PRELOAD stay)",
);
/// Default stack size.
pub static STACK_SIZE: Number = Number::new(
    "GREEN_STACK_SIZE",
    16 << 10,
    1 << 40,
    "bytes of stack of threads whose attributes give none",
);
/// Helper pool size.
pub static HELPERS: Number = Number::new(
    "GREEN_HELPERS",
    1,
    1024,
    "most helper threads for calls that end by themselves (default 16)",
);
/// Helper pool size for calls that wait for others.
pub static WAITING_HELPERS: Number = Number::new(
    "GREEN_WAITING_HELPERS",
    1,
    16384,
    "most helper threads for calls that may wait for ever (default 1024)",
);
/// How long a computing thread may run.
pub static SLICE_MS: Number = Number::new(
    "GREEN_SLICE_MS",
    0,
    10_000,
    "milliseconds of CPU time after which a computing thread lets others run; 0: never",
);
/// What follows when all threads wait for each other.
pub static DEADLOCK: Number = Number::new(
    "GREEN_DEADLOCK",
    0,
    2,
    "what to do when all threads wait for each other for ever: 1 or report (the default), 2 or abort, 0 or off",
);
/// Use the system call instead of `wrfsbase`.
pub static FSGSBASE: Number = Number::new(
    "GREEN_FSGSBASE",
    0,
    1,
    "0: set the FS base by system call even where user space may (for tests)",
);
/// Say what happens.
pub static VERBOSE: Number = Number::new(
    "GREEN_VERBOSE",
    0,
    1,
    "1: say on stderr when green threads start, and at exit what was counted",
);
/// Statistics.
pub static STATS: Number = Number::new(
    "GREEN_STATS",
    0,
    2,
    "1 or exit: say at exit what was counted; 2 or live: keep it in /dev/shm/green.PID, for green top",
);
/// Statistics on request.
pub static STATS_SIGNAL: Number = Number::new(
    "GREEN_STATS_SIGNAL",
    1,
    64,
    "a signal on which the statistics are said, a number or a name like USR2; the program does not get it",
);
/// All threads on request.
pub static DUMP: Number = Number::new(
    "GREEN_DUMP",
    0,
    1,
    "1 or quit: on SIGQUIT all threads are said, with their backtraces; the program does not get it",
);

/// The watchdog.
pub static PINNED: Number = Number::new(
    "GREEN_PINNED",
    0,
    1,
    "1: a watchdog notes what holds the carrier while other threads could run, and says it at exit",
);
/// Its patience.
pub static PINNED_MS: Number = Number::new(
    "GREEN_PINNED_MS",
    1,
    60_000,
    "milliseconds after which the watchdog, which it turns on, notes something (default 20)",
);

/// The safety net.
pub static TRAP: Number = Number::new(
    "GREEN_TRAP",
    0,
    2,
    "1 or report: list at exit the blocking system calls that passed by the jackets; 2 or convert: make them park",
);

/// A trace.
pub static TRACE: Text = Text::new(
    "GREEN_TRACE",
    "a file for the events of the scheduler, for green trace; %p in it stands for the process's number",
);
/// Its size.
pub static TRACE_MB: Number = Number::new(
    "GREEN_TRACE_MB",
    1,
    1 << 14,
    "how many MiB of events the trace keeps, the last ones (default 16)",
);

static TEXTS: [&Text; 1] = [&TRACE];

static TABLE: [&Number; 18] = [
    &DISABLE,
    &SEED,
    &CHAOS,
    &CHILDREN,
    &STACK_SIZE,
    &HELPERS,
    &WAITING_HELPERS,
    &SLICE_MS,
    &DEADLOCK,
    &FSGSBASE,
    &VERBOSE,
    &STATS,
    &STATS_SIGNAL,
    &DUMP,
    &PINNED,
    &PINNED_MS,
    &TRACE_MB,
    &TRAP,
];

/// Words that stand for a value.
const WORDS: [(&str, &str, u64); 17] = [
    ("GREEN_TRAP", "report", 1),
    ("GREEN_TRAP", "convert", 2),
    ("GREEN_CHILDREN", "off", 0),
    ("GREEN_CHILDREN", "on", 1),
    ("GREEN_DEADLOCK", "off", 0),
    ("GREEN_DEADLOCK", "report", 1),
    ("GREEN_DEADLOCK", "abort", 2),
    ("GREEN_STATS", "off", 0),
    ("GREEN_STATS", "exit", 1),
    ("GREEN_STATS", "live", 2),
    ("GREEN_STATS_SIGNAL", "HUP", libc::SIGHUP as u64),
    ("GREEN_STATS_SIGNAL", "QUIT", libc::SIGQUIT as u64),
    ("GREEN_STATS_SIGNAL", "USR1", libc::SIGUSR1 as u64),
    ("GREEN_STATS_SIGNAL", "USR2", libc::SIGUSR2 as u64),
    ("GREEN_STATS_SIGNAL", "WINCH", libc::SIGWINCH as u64),
    ("GREEN_DUMP", "off", 0),
    ("GREEN_DUMP", "quit", 1),
];

/// Names that belong to the launcher and the test scripts.
const NOT_OURS: [&str; 1] = ["GREEN_LIB"];

unsafe extern "C" {
    static environ: *const *const c_char;
}

/// Read the environment; a mistake in it makes everything run natively.
pub fn read() {
    // A privileged program takes no advice from the environment of whoever started it.
    // SAFETY: no pointers.
    if unsafe { libc::getauxval(libc::AT_SECURE) } != 0 {
        crate::start::refuse();
        return;
    }
    // SAFETY: libc set `environ` up before any constructor ran; it is an array that ends in null,
    // or null.
    unsafe {
        let mut at = environ;
        while !at.is_null() && !(*at).is_null() {
            read_one(CStr::from_ptr(*at).to_bytes());
            at = at.add(1);
        }
    }
    if let Some(signal) = STATS_SIGNAL.get().filter(|signal| !crate::reports::requests::may_be(*signal)) {
        mistake(format_args!("GREEN_STATS_SIGNAL={signal}: this signal cannot be used"));
    }
    if DISABLE.get() == Some(1) {
        crate::start::refuse();
    }
    if CHILDREN.get() == Some(0) {
        // SAFETY: the environment is the program's only thread's, and this is it.
        unsafe { leave_preloads() };
    }
}

/// Take our entry out of `LD_PRELOAD`, so that no child finds it: ld.so has read it.
unsafe fn leave_preloads() {
    // SAFETY: the caller's; ld.so's strings live as long as the library.
    unsafe {
        let list = libc::getenv(c"LD_PRELOAD".as_ptr());
        let mut about: libc::Dl_info = core::mem::zeroed();
        let here = core::ptr::with_exposed_provenance(leave_preloads as *const () as usize);
        if list.is_null() || libc::dladdr(here, &raw mut about) == 0 {
            return;
        }
        let own = file_name(CStr::from_ptr(about.dli_fname).to_bytes());
        let list = core::slice::from_raw_parts_mut(list.cast::<u8>(), libc::strlen(list));
        let mut from = 0;
        while from < list.len() {
            let rest = &list[from..];
            let length = rest.iter().position(|c| b": ".contains(c)).unwrap_or(rest.len());
            // A space is no name: ld.so skips it.
            if file_name(&rest[..length]) == own {
                list[from..from + length].fill(b' ');
            }
            from += length + 1;
        }
    }
}

fn file_name(path: &[u8]) -> &[u8] {
    path.rsplit(|c| *c == b'/').next().unwrap_or(path)
}

fn read_one(entry: &[u8]) {
    if !entry.starts_with(b"GREEN_") {
        return;
    }
    let Some(equals) = memchr::memchr(b'=', entry) else { return };
    let (Ok(name), Ok(text)) = (str::from_utf8(&entry[..equals]), str::from_utf8(&entry[equals + 1..]))
    else {
        return mistake(format_args!("a GREEN_ option is not text"));
    };
    if NOT_OURS.contains(&name) {
        return;
    }
    if let Some(option) = TEXTS.iter().find(|o| o.name == name) {
        if text.is_empty() || text.len() >= TEXT_MOST {
            return mistake(format_args!("{name} is empty, or too long"));
        }
        // SAFETY: see `Text`.
        let value = unsafe { &mut *option.value.get() };
        return value[..text.len()].copy_from_slice(text.as_bytes());
    }
    let Some(option) = TABLE.iter().find(|o| o.name == name) else {
        return mistake(format_args!("unknown option {name}"));
    };
    let word = WORDS.iter().find(|(option, word, _)| *option == name && *word == text);
    match word.map_or_else(|| text.parse::<u64>(), |(_, _, value)| Ok(*value)) {
        Ok(n) if n >= option.least && n <= option.most => option.value.store(n, Ordering::Relaxed),
        Ok(_) => mistake(format_args!("{name}={text} is not within {}..{}", option.least, option.most)),
        Err(_) => mistake(format_args!("{name}={text} is not a whole number")),
    }
}

fn mistake(what: core::fmt::Arguments<'_>) {
    if !crate::start::is_refused() {
        crate::say!("{what}: running natively, without green threads");
    }
    crate::start::refuse();
}
