//! getaddrinfo(3), getnameinfo(3), gethostbyname(3) and their relatives: libc's resolver polls its
//! sockets out of our sight, so the whole call goes to a helper.

use crate::offload::unbounded;
use crate::{export, real};
use core::ffi::{c_char, c_int, c_void};
use libc::{addrinfo, hostent, size_t, sockaddr, socklen_t, timespec};

export! {
    /// getaddrinfo(3)
    fn getaddrinfo(
        node: *const c_char, service: *const c_char, hints: *const addrinfo, out: *mut *mut addrinfo,
    ) -> c_int {
        unbounded(|| real::getaddrinfo(node, service, hints, out))
    }

    /// getnameinfo(3)
    fn getnameinfo(
        addr: *const sockaddr, addr_len: socklen_t, host: *mut c_char, host_len: socklen_t, service: *mut c_char,
        service_len: socklen_t, flags: c_int,
    ) -> c_int {
        unbounded(|| real::getnameinfo(addr, addr_len, host, host_len, service, service_len, flags))
    }

    /// gethostbyname(3)
    fn gethostbyname(name: *const c_char) -> *mut hostent {
        unbounded(|| real::gethostbyname(name))
    }

    /// gethostbyname2(3)
    fn gethostbyname2(name: *const c_char, family: c_int) -> *mut hostent {
        unbounded(|| real::gethostbyname2(name, family))
    }

    /// gethostbyaddr(3)
    fn gethostbyaddr(addr: *const c_void, len: socklen_t, family: c_int) -> *mut hostent {
        unbounded(|| real::gethostbyaddr(addr, len, family))
    }

    /// gethostbyname_r(3)
    fn gethostbyname_r(
        name: *const c_char, out: *mut hostent, buf: *mut c_char, len: size_t, result: *mut *mut hostent,
        error: *mut c_int,
    ) -> c_int {
        unbounded(|| real::gethostbyname_r(name, out, buf, len, result, error))
    }

    /// gethostbyname2_r(3)
    fn gethostbyname2_r(
        name: *const c_char, family: c_int, out: *mut hostent, buf: *mut c_char, len: size_t,
        result: *mut *mut hostent, error: *mut c_int,
    ) -> c_int {
        unbounded(|| real::gethostbyname2_r(name, family, out, buf, len, result, error))
    }

    /// gethostbyaddr_r(3)
    fn gethostbyaddr_r(
        addr: *const c_void, addr_len: socklen_t, family: c_int, out: *mut hostent, buf: *mut c_char, len: size_t,
        result: *mut *mut hostent, error: *mut c_int,
    ) -> c_int {
        unbounded(|| real::gethostbyaddr_r(addr, addr_len, family, out, buf, len, result, error))
    }

    /// res_query(3)
    fn res_query | __res_query(
        name: *const c_char, class: c_int, kind: c_int, answer: *mut u8, room: c_int,
    ) -> c_int {
        unbounded(|| real::res_query(name, class, kind, answer, room))
    }

    /// res_search(3)
    fn res_search | __res_search(
        name: *const c_char, class: c_int, kind: c_int, answer: *mut u8, room: c_int,
    ) -> c_int {
        unbounded(|| real::res_search(name, class, kind, answer, room))
    }

    /// res_querydomain(3)
    fn res_querydomain | __res_querydomain(
        name: *const c_char, domain: *const c_char, class: c_int, kind: c_int, answer: *mut u8, room: c_int,
    ) -> c_int {
        unbounded(|| real::res_querydomain(name, domain, class, kind, answer, room))
    }

    /// res_send(3)
    fn res_send | __res_send(
        query: *const u8, len: c_int, answer: *mut u8, room: c_int,
    ) -> c_int {
        unbounded(|| real::res_send(query, len, answer, room))
    }

    /// res_nquery(3); the state is the program's own, named by it.
    fn res_nquery | __res_nquery(
        state: *mut c_void, name: *const c_char, class: c_int, kind: c_int, answer: *mut u8, room: c_int,
    ) -> c_int {
        unbounded(|| real::res_nquery(state, name, class, kind, answer, room))
    }

    /// res_nsearch(3); the state is the program's own, named by it.
    fn res_nsearch | __res_nsearch(
        state: *mut c_void, name: *const c_char, class: c_int, kind: c_int, answer: *mut u8, room: c_int,
    ) -> c_int {
        unbounded(|| real::res_nsearch(state, name, class, kind, answer, room))
    }

    /// res_nquerydomain(3); the state is the program's own, named by it.
    fn res_nquerydomain | __res_nquerydomain(
        state: *mut c_void, name: *const c_char, domain: *const c_char, class: c_int, kind: c_int, answer: *mut u8, room: c_int,
    ) -> c_int {
        unbounded(|| real::res_nquerydomain(state, name, domain, class, kind, answer, room))
    }

    /// res_nsend(3); the state is the program's own, named by it.
    fn res_nsend | __res_nsend(
        state: *mut c_void, query: *const u8, len: c_int, answer: *mut u8, room: c_int,
    ) -> c_int {
        unbounded(|| real::res_nsend(state, query, len, answer, room))
    }

    /// res_init(3): reads /etc/resolv.conf.
    fn __res_init() -> c_int {
        unbounded(|| real::__res_init())
    }

    /// res_ninit(3)
    fn __res_ninit(state: *mut c_void) -> c_int {
        unbounded(|| real::__res_ninit(state))
    }

    /// getaddrinfo_a(3): libc's own threads do the work; `GAI_WAIT` waits for them.
    fn getaddrinfo_a(mode: c_int, list: *mut *mut c_void, count: c_int, event: *mut c_void) -> c_int {
        const GAI_WAIT: c_int = 0;
        let start = || real::getaddrinfo_a(mode, list, count, event);
        if mode == GAI_WAIT { unbounded(start) } else { start() }
    }

    /// gai_suspend(3)
    @cancellation_point fn gai_suspend(list: *const *const c_void, count: c_int, timeout: *const timespec) -> c_int {
        unbounded(|| real::gai_suspend(list, count, timeout))
    }
}
