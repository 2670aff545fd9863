//! getaddrinfo(3), getnameinfo(3), gethostbyname(3) and their relatives: libc's resolver polls its
//! sockets out of our sight, so the whole call goes to a helper.
//!
//! What the call leaves behind in its thread comes back to the caller's: `errno`, `h_errno`, and the
//! resolver's state (`_res`), which programs read and set. The state moves to the helper for the time
//! of the call (the two are swapped: it owns memory and sockets, so it must not exist twice).

use crate::{export, offload, real, start};
use core::ffi::{c_char, c_int, c_void};
use libc::{addrinfo, hostent, size_t, sockaddr, socklen_t};
use scheduler::helpers::Class;

unsafe extern "C" {
    fn __res_state() -> *mut c_void;
    fn __h_errno_location() -> *mut c_int;
}

/// Bytes of `struct __res_state`.
const RES_STATE: usize = 568;

/// Execute a resolver call on a helper, in the caller's resolver state.
fn resolve<R>(work: impl FnOnce() -> R) -> R {
    let Some((rt, carrier)) = start::here() else { return work() };
    // SAFETY: each thread has a state and an h_errno of its own; the caller is parked while the
    // helper works, so nobody else looks at its state.
    unsafe {
        let (callers, h_errno) = (__res_state().cast::<[u8; RES_STATE]>(), __h_errno_location());
        offload::call(rt, carrier, Class::Bounded, || {
            let helpers = __res_state().cast::<[u8; RES_STATE]>();
            core::ptr::swap(callers, helpers);
            *__h_errno_location() = *h_errno;
            let result = work();
            *h_errno = *__h_errno_location();
            core::ptr::swap(callers, helpers);
            result
        })
    }
}

/// Execute a resolver call that names its state on a helper. A state that is the caller's own is
/// used where it is: the caller is parked.
fn elsewhere<R>(work: impl FnOnce() -> R) -> R {
    let Some((rt, carrier)) = start::here() else { return work() };
    // SAFETY: the caller's own h_errno; it is parked while the helper works.
    unsafe {
        let h_errno = __h_errno_location();
        offload::call(rt, carrier, Class::Bounded, || {
            let result = work();
            *h_errno = *__h_errno_location();
            result
        })
    }
}

export! {
    /// getaddrinfo(3)
    fn getaddrinfo(
        node: *const c_char, service: *const c_char, hints: *const addrinfo, out: *mut *mut addrinfo,
    ) -> c_int {
        resolve(|| real::getaddrinfo(node, service, hints, out))
    }

    /// getnameinfo(3)
    fn getnameinfo(
        addr: *const sockaddr, addr_len: socklen_t, host: *mut c_char, host_len: socklen_t, service: *mut c_char,
        service_len: socklen_t, flags: c_int,
    ) -> c_int {
        resolve(|| real::getnameinfo(addr, addr_len, host, host_len, service, service_len, flags))
    }

    /// gethostbyname(3)
    fn gethostbyname(name: *const c_char) -> *mut hostent {
        resolve(|| real::gethostbyname(name))
    }

    /// gethostbyname2(3)
    fn gethostbyname2(name: *const c_char, family: c_int) -> *mut hostent {
        resolve(|| real::gethostbyname2(name, family))
    }

    /// gethostbyaddr(3)
    fn gethostbyaddr(addr: *const c_void, len: socklen_t, family: c_int) -> *mut hostent {
        resolve(|| real::gethostbyaddr(addr, len, family))
    }

    /// gethostbyname_r(3)
    fn gethostbyname_r(
        name: *const c_char, out: *mut hostent, buf: *mut c_char, len: size_t, result: *mut *mut hostent,
        error: *mut c_int,
    ) -> c_int {
        resolve(|| real::gethostbyname_r(name, out, buf, len, result, error))
    }

    /// gethostbyname2_r(3)
    fn gethostbyname2_r(
        name: *const c_char, family: c_int, out: *mut hostent, buf: *mut c_char, len: size_t,
        result: *mut *mut hostent, error: *mut c_int,
    ) -> c_int {
        resolve(|| real::gethostbyname2_r(name, family, out, buf, len, result, error))
    }

    /// gethostbyaddr_r(3)
    fn gethostbyaddr_r(
        addr: *const c_void, addr_len: socklen_t, family: c_int, out: *mut hostent, buf: *mut c_char, len: size_t,
        result: *mut *mut hostent, error: *mut c_int,
    ) -> c_int {
        resolve(|| real::gethostbyaddr_r(addr, addr_len, family, out, buf, len, result, error))
    }

    /// res_query(3)
    fn res_query | __res_query(
        name: *const c_char, class: c_int, kind: c_int, answer: *mut u8, room: c_int,
    ) -> c_int {
        resolve(|| real::res_query(name, class, kind, answer, room))
    }

    /// res_search(3)
    fn res_search | __res_search(
        name: *const c_char, class: c_int, kind: c_int, answer: *mut u8, room: c_int,
    ) -> c_int {
        resolve(|| real::res_search(name, class, kind, answer, room))
    }

    /// res_querydomain(3)
    fn res_querydomain | __res_querydomain(
        name: *const c_char, domain: *const c_char, class: c_int, kind: c_int, answer: *mut u8, room: c_int,
    ) -> c_int {
        resolve(|| real::res_querydomain(name, domain, class, kind, answer, room))
    }

    /// res_send(3)
    fn res_send | __res_send(
        query: *const u8, len: c_int, answer: *mut u8, room: c_int,
    ) -> c_int {
        resolve(|| real::res_send(query, len, answer, room))
    }

    /// res_nquery(3); the state is the program's own, named by it.
    fn res_nquery | __res_nquery(
        state: *mut c_void, name: *const c_char, class: c_int, kind: c_int, answer: *mut u8, room: c_int,
    ) -> c_int {
        elsewhere(|| real::res_nquery(state, name, class, kind, answer, room))
    }

    /// res_nsearch(3); the state is the program's own, named by it.
    fn res_nsearch | __res_nsearch(
        state: *mut c_void, name: *const c_char, class: c_int, kind: c_int, answer: *mut u8, room: c_int,
    ) -> c_int {
        elsewhere(|| real::res_nsearch(state, name, class, kind, answer, room))
    }

    /// res_nquerydomain(3); the state is the program's own, named by it.
    fn res_nquerydomain | __res_nquerydomain(
        state: *mut c_void, name: *const c_char, domain: *const c_char, class: c_int, kind: c_int, answer: *mut u8, room: c_int,
    ) -> c_int {
        elsewhere(|| real::res_nquerydomain(state, name, domain, class, kind, answer, room))
    }

    /// res_nsend(3); the state is the program's own, named by it.
    fn res_nsend | __res_nsend(
        state: *mut c_void, query: *const u8, len: c_int, answer: *mut u8, room: c_int,
    ) -> c_int {
        elsewhere(|| real::res_nsend(state, query, len, answer, room))
    }
}
