//! An intrusive doubly linked list: the nodes live on the waiters' stacks, so nothing allocates.
//!
//! ```text
//!   List { head ─► A ⇄ B ⇄ C ◄─ tail }        all-zero bytes are an empty list
//! ```

use core::cell::Cell;
use core::ptr;

/// The links of one node; `T` embeds it and says where.
#[repr(C)]
pub struct Links<T> {
    next: Cell<*mut T>,
    prev: Cell<*mut T>,
}

impl<T> Links<T> {
    /// Where the next node's address is: for debuggers.
    pub const NEXT: usize = core::mem::offset_of!(Links<T>, next);

    /// Links of a node that is on no list.
    pub const fn new() -> Self {
        Links { next: Cell::new(ptr::null_mut()), prev: Cell::new(ptr::null_mut()) }
    }
}

impl<T> Default for Links<T> {
    fn default() -> Self {
        Self::new()
    }
}

/// A type that can be on a [`List`].
///
/// # Safety
/// `links` must always answer the same field of the node.
pub unsafe trait Node: Sized {
    /// Where this node keeps its links.
    fn links(&self) -> &Links<Self>;
}

/// A first-in first-out list of borrowed nodes.
#[repr(C)]
pub struct List<T> {
    head: Cell<*mut T>,
    tail: Cell<*mut T>,
}

// SAFETY: a list is only ever reached by one kernel thread at a time: the carrier, or the holder
// of the spin lock around it.
unsafe impl<T> Send for List<T> {}

impl<T: Node> Default for List<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Node> List<T> {
    /// An empty list.
    pub const fn new() -> Self {
        List { head: Cell::new(ptr::null_mut()), tail: Cell::new(ptr::null_mut()) }
    }

    /// Nobody is on the list.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.head.get().is_null()
    }

    /// The first node, or null.
    #[inline]
    pub fn first(&self) -> *mut T {
        self.head.get()
    }

    /// The node after `node`, or null.
    ///
    /// # Safety
    /// `node` must be on a list.
    #[inline]
    pub unsafe fn after(&self, node: *mut T) -> *mut T {
        // SAFETY: the caller vouches that `node` is alive.
        unsafe { (*node).links().next.get() }
    }

    /// Append `node`.
    ///
    /// # Safety
    /// `node` must be on no list and stay where it is until it is removed.
    #[inline]
    pub unsafe fn push_back(&self, node: *mut T) {
        // SAFETY: `node` is alive, and so is every node on the list.
        unsafe {
            let tail = self.tail.get();
            (*node).links().next.set(ptr::null_mut());
            (*node).links().prev.set(tail);
            if tail.is_null() { self.head.set(node) } else { (*tail).links().next.set(node) }
        }
        self.tail.set(node);
    }

    /// Prepend `node`.
    ///
    /// # Safety
    /// As for [`List::push_back`].
    #[inline]
    pub unsafe fn push_front(&self, node: *mut T) {
        // SAFETY: `node` is alive, and so is every node on the list.
        unsafe {
            let head = self.head.get();
            (*node).links().prev.set(ptr::null_mut());
            (*node).links().next.set(head);
            if head.is_null() { self.tail.set(node) } else { (*head).links().prev.set(node) }
        }
        self.head.set(node);
    }

    /// Take `node` off the list.
    ///
    /// # Safety
    /// `node` must be on *this* list.
    #[inline]
    pub unsafe fn remove(&self, node: *mut T) {
        // SAFETY: `node` and its neighbours are alive, they are on this list.
        unsafe {
            let (prev, next) = ((*node).links().prev.get(), (*node).links().next.get());
            if prev.is_null() {
                self.head.set(next)
            } else {
                (*prev).links().next.set(next)
            }
            if next.is_null() { self.tail.set(prev) } else { (*next).links().prev.set(prev) }
        }
    }

    /// Take the first node, or null.
    #[inline]
    pub fn pop_front(&self) -> *mut T {
        let head = self.head.get();
        if !head.is_null() {
            // SAFETY: `head` is on this list.
            unsafe { self.remove(head) };
        }
        head
    }

    /// Forget every node (after `fork`: their threads are not in the child).
    pub fn clear(&self) {
        self.head.set(ptr::null_mut());
        self.tail.set(ptr::null_mut());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Item(u32, Links<Item>);
    // SAFETY: always the same field.
    unsafe impl Node for Item {
        fn links(&self) -> &Links<Item> {
            &self.1
        }
    }

    #[test]
    fn keeps_order_and_removes_anywhere() {
        let (mut a, mut b, mut c) = (Item(1, Links::new()), Item(2, Links::new()), Item(3, Links::new()));
        let list = List::new();
        // SAFETY: the items outlive the list and are on it once.
        unsafe {
            list.push_back(&raw mut b);
            list.push_back(&raw mut c);
            list.push_front(&raw mut a);
            list.remove(&raw mut b);
            assert_eq!((*list.pop_front()).0, 1);
            list.push_back(&raw mut b);
            assert_eq!((*list.pop_front()).0, 3);
            assert_eq!((*list.pop_front()).0, 2);
        }
        assert!(list.pop_front().is_null() && list.is_empty());
    }
}
