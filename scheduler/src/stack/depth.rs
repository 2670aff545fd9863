//! How deep the owner of a stack went: a system call to ask, so it is asked seldom (stack.rs says when).

use super::{PAGE, Stack};
use crate::counters::counts;
use crate::sys;

/// Give back to the kernel what is below the top `hot` bytes, if there is something. Answers whether there was.
///
/// # Safety
/// Nobody may use the stack.
pub(super) unsafe fn discard_depth(stack: &Stack, hot: usize) -> bool {
    let is_deep = went_deep(stack, hot);
    if is_deep {
        let deep = (stack.len - stack.guard).saturating_sub(hot);
        counts().stack_high_water.raise(depth(stack) as u64);
        // SAFETY: the range is inside the stack, which the caller gives up.
        unsafe { sys::discard(stack.base.wrapping_add(stack.guard), deep) };
    }
    is_deep
}

/// How many bytes from the top have been touched, in whole pages. Stacks grow downwards without holes, or nearly so:
/// up to the first part without a single page that was.
fn depth(stack: &Stack) -> usize {
    const PART: usize = 64;
    let pages = (stack.len - stack.guard) / PAGE;
    let mut touched = 0;
    while touched < pages {
        let part = PART.min(pages - touched);
        let mut resident = [0u8; PART];
        let low = stack.top().wrapping_sub((touched + part) * PAGE);
        // SAFETY: a byte for each page.
        let asked = unsafe { crate::sys!(mincore, low, part * PAGE, resident.as_mut_ptr()) };
        match resident[..part].iter().position(|page| page & 1 != 0) {
            Some(lowest) if asked.is_ok() => touched += part - lowest,
            _ => break,
        }
        if resident[0] & 1 == 0 {
            break;
        }
    }
    touched * PAGE
}

/// Did the owner of this stack touch pages below the top `hot` bytes (whole pages)?
///
/// One `mincore(2)` of the first page below: stacks grow downwards without holes.
pub(super) fn went_deep(stack: &Stack, hot: usize) -> bool {
    if stack.foreign || stack.len - stack.guard <= hot {
        return false;
    }
    let page = stack.top().wrapping_sub(hot + PAGE);
    let mut resident = 0u8;
    // SAFETY: one byte for one page.
    let asked = unsafe { crate::sys!(mincore, page, PAGE, &raw mut resident) };
    asked.is_ok() && resident & 1 != 0
}
