//! Lines on stderr: one `write(2)` each, by raw system call, without heap or locks.

use core::fmt::{self, Write};

/// A line under construction, on the stack; what does not fit is cut off.
pub struct Line {
    bytes: [u8; 512],
    len: usize,
}

impl Line {
    /// An empty line.
    pub const fn new() -> Self {
        Line { bytes: [0; 512], len: 0 }
    }

    /// Nothing is in it.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// It is as long as is good to read.
    pub fn is_long(&self) -> bool {
        self.len > 100
    }

    /// What is in it; it is empty then.
    pub fn take(&mut self) -> &str {
        let len = core::mem::take(&mut self.len);
        str::from_utf8(&self.bytes[..len]).unwrap_or("")
    }
}

impl Write for Line {
    fn write_str(&mut self, s: &str) -> fmt::Result {
        // One byte stays free for the newline.
        let room = self.bytes.len() - 1 - self.len;
        let n = s.len().min(room);
        self.bytes[self.len..self.len + n].copy_from_slice(&s.as_bytes()[..n]);
        self.len += n;
        Ok(())
    }
}

/// Write `libgreen: …` and a newline to stderr.
pub fn line(args: fmt::Arguments<'_>) {
    let mut line = Line::new();
    let _ = write!(line, "libgreen: {args}");
    line.bytes[line.len] = b'\n';
    // SAFETY: the bytes are ours. Nothing can be done about a failing stderr.
    let _ = unsafe { scheduler::sys!(write, 2, line.bytes.as_ptr(), line.len + 1) };
}

/// `say!("…")`: one line on stderr.
#[macro_export]
macro_rules! say {
    ($($arg:tt)*) => { $crate::log::line(format_args!($($arg)*)) };
}
