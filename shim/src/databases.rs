//! The databases of nsswitch.conf(5) other than hosts: users, groups, services, protocols …; and getifaddrs(3),
//! which asks the kernel by a socket. Behind a name may be a file, an LDAP server, a daemon, so the whole look-up
//! is a helper's.

use crate::offload::unbounded;
use crate::{export, real};
use core::ffi::{c_char, c_int, c_void};
use libc::{gid_t, size_t, uid_t};

export! {
    /// getpwnam(3)
    fn getpwnam(name: *const c_char) -> *mut c_void {
        unbounded(|| real::getpwnam(name))
    }

    /// getpwuid(3)
    fn getpwuid(user: uid_t) -> *mut c_void {
        unbounded(|| real::getpwuid(user))
    }

    /// getpwnam_r(3)
    fn getpwnam_r(name: *const c_char, out: *mut c_void, buf: *mut c_char, len: size_t, result: *mut *mut c_void) -> c_int {
        unbounded(|| real::getpwnam_r(name, out, buf, len, result))
    }

    /// getpwuid_r(3)
    fn getpwuid_r(user: uid_t, out: *mut c_void, buf: *mut c_char, len: size_t, result: *mut *mut c_void) -> c_int {
        unbounded(|| real::getpwuid_r(user, out, buf, len, result))
    }

    /// getgrnam(3)
    fn getgrnam(name: *const c_char) -> *mut c_void {
        unbounded(|| real::getgrnam(name))
    }

    /// getgrgid(3)
    fn getgrgid(group: gid_t) -> *mut c_void {
        unbounded(|| real::getgrgid(group))
    }

    /// getgrnam_r(3)
    fn getgrnam_r(name: *const c_char, out: *mut c_void, buf: *mut c_char, len: size_t, result: *mut *mut c_void) -> c_int {
        unbounded(|| real::getgrnam_r(name, out, buf, len, result))
    }

    /// getgrgid_r(3)
    fn getgrgid_r(group: gid_t, out: *mut c_void, buf: *mut c_char, len: size_t, result: *mut *mut c_void) -> c_int {
        unbounded(|| real::getgrgid_r(group, out, buf, len, result))
    }

    /// getpw(3)
    fn getpw(user: uid_t, buf: *mut c_char) -> c_int {
        unbounded(|| real::getpw(user, buf))
    }

    /// getgrouplist(3)
    fn getgrouplist(user: *const c_char, group: gid_t, groups: *mut gid_t, count: *mut c_int) -> c_int {
        unbounded(|| real::getgrouplist(user, group, groups, count))
    }

    /// getspnam(3)
    fn getspnam(name: *const c_char) -> *mut c_void {
        unbounded(|| real::getspnam(name))
    }

    /// getspnam_r(3)
    fn getspnam_r(name: *const c_char, out: *mut c_void, buf: *mut c_char, len: size_t, result: *mut *mut c_void) -> c_int {
        unbounded(|| real::getspnam_r(name, out, buf, len, result))
    }

    /// getsgnam(3)
    fn getsgnam(name: *const c_char) -> *mut c_void {
        unbounded(|| real::getsgnam(name))
    }

    /// getsgnam_r(3)
    fn getsgnam_r(name: *const c_char, out: *mut c_void, buf: *mut c_char, len: size_t, result: *mut *mut c_void) -> c_int {
        unbounded(|| real::getsgnam_r(name, out, buf, len, result))
    }

    /// getlogin(3)
    fn getlogin() -> *mut c_char {
        unbounded(|| real::getlogin())
    }

    /// getlogin_r(3)
    fn getlogin_r(buf: *mut c_char, len: size_t) -> c_int {
        unbounded(|| real::getlogin_r(buf, len))
    }

    /// getpwent(3)
    fn getpwent() -> *mut c_void {
        unbounded(|| real::getpwent())
    }

    /// getpwent(3), reentrant
    fn getpwent_r(out: *mut c_void, buf: *mut c_char, len: size_t, result: *mut *mut c_void) -> c_int {
        unbounded(|| real::getpwent_r(out, buf, len, result))
    }

    /// getpwent(3), from the beginning
    fn setpwent() -> () {
        unbounded(|| real::setpwent())
    }

    /// getpwent(3), the end
    fn endpwent() -> () {
        unbounded(|| real::endpwent())
    }

    /// getgrent(3)
    fn getgrent() -> *mut c_void {
        unbounded(|| real::getgrent())
    }

    /// getgrent(3), reentrant
    fn getgrent_r(out: *mut c_void, buf: *mut c_char, len: size_t, result: *mut *mut c_void) -> c_int {
        unbounded(|| real::getgrent_r(out, buf, len, result))
    }

    /// getgrent(3), from the beginning
    fn setgrent() -> () {
        unbounded(|| real::setgrent())
    }

    /// getgrent(3), the end
    fn endgrent() -> () {
        unbounded(|| real::endgrent())
    }

    /// getspent(3)
    fn getspent() -> *mut c_void {
        unbounded(|| real::getspent())
    }

    /// getspent(3), reentrant
    fn getspent_r(out: *mut c_void, buf: *mut c_char, len: size_t, result: *mut *mut c_void) -> c_int {
        unbounded(|| real::getspent_r(out, buf, len, result))
    }

    /// getspent(3), from the beginning
    fn setspent() -> () {
        unbounded(|| real::setspent())
    }

    /// getspent(3), the end
    fn endspent() -> () {
        unbounded(|| real::endspent())
    }

    /// getsgent(3)
    fn getsgent() -> *mut c_void {
        unbounded(|| real::getsgent())
    }

    /// getsgent(3), reentrant
    fn getsgent_r(out: *mut c_void, buf: *mut c_char, len: size_t, result: *mut *mut c_void) -> c_int {
        unbounded(|| real::getsgent_r(out, buf, len, result))
    }

    /// getsgent(3), from the beginning
    fn setsgent() -> () {
        unbounded(|| real::setsgent())
    }

    /// getsgent(3), the end
    fn endsgent() -> () {
        unbounded(|| real::endsgent())
    }

    /// getservbyname(3)
    fn getservbyname(name: *const c_char, protocol: *const c_char) -> *mut c_void {
        unbounded(|| real::getservbyname(name, protocol))
    }

    /// getservbyport(3)
    fn getservbyport(port: c_int, protocol: *const c_char) -> *mut c_void {
        unbounded(|| real::getservbyport(port, protocol))
    }

    /// getservbyname_r(3)
    fn getservbyname_r(name: *const c_char, protocol: *const c_char, out: *mut c_void, buf: *mut c_char, len: size_t, result: *mut *mut c_void) -> c_int {
        unbounded(|| real::getservbyname_r(name, protocol, out, buf, len, result))
    }

    /// getservbyport_r(3)
    fn getservbyport_r(port: c_int, protocol: *const c_char, out: *mut c_void, buf: *mut c_char, len: size_t, result: *mut *mut c_void) -> c_int {
        unbounded(|| real::getservbyport_r(port, protocol, out, buf, len, result))
    }

    /// getprotobyname(3)
    fn getprotobyname(name: *const c_char) -> *mut c_void {
        unbounded(|| real::getprotobyname(name))
    }

    /// getprotobynumber(3)
    fn getprotobynumber(number: c_int) -> *mut c_void {
        unbounded(|| real::getprotobynumber(number))
    }

    /// getprotobyname_r(3)
    fn getprotobyname_r(name: *const c_char, out: *mut c_void, buf: *mut c_char, len: size_t, result: *mut *mut c_void) -> c_int {
        unbounded(|| real::getprotobyname_r(name, out, buf, len, result))
    }

    /// getprotobynumber_r(3)
    fn getprotobynumber_r(number: c_int, out: *mut c_void, buf: *mut c_char, len: size_t, result: *mut *mut c_void) -> c_int {
        unbounded(|| real::getprotobynumber_r(number, out, buf, len, result))
    }

    /// getrpcbyname(3)
    fn getrpcbyname(name: *const c_char) -> *mut c_void {
        unbounded(|| real::getrpcbyname(name))
    }

    /// getrpcbynumber(3)
    fn getrpcbynumber(number: c_int) -> *mut c_void {
        unbounded(|| real::getrpcbynumber(number))
    }

    /// getrpcbyname_r(3)
    fn getrpcbyname_r(name: *const c_char, out: *mut c_void, buf: *mut c_char, len: size_t, result: *mut *mut c_void) -> c_int {
        unbounded(|| real::getrpcbyname_r(name, out, buf, len, result))
    }

    /// getrpcbynumber_r(3)
    fn getrpcbynumber_r(number: c_int, out: *mut c_void, buf: *mut c_char, len: size_t, result: *mut *mut c_void) -> c_int {
        unbounded(|| real::getrpcbynumber_r(number, out, buf, len, result))
    }

    /// getnetbyname(3)
    fn getnetbyname(name: *const c_char) -> *mut c_void {
        unbounded(|| real::getnetbyname(name))
    }

    /// getnetbyaddr(3)
    fn getnetbyaddr(net: u32, kind: c_int) -> *mut c_void {
        unbounded(|| real::getnetbyaddr(net, kind))
    }

    /// getnetbyname_r(3)
    fn getnetbyname_r(name: *const c_char, out: *mut c_void, buf: *mut c_char, len: size_t, result: *mut *mut c_void, error: *mut c_int) -> c_int {
        unbounded(|| real::getnetbyname_r(name, out, buf, len, result, error))
    }

    /// getnetbyaddr_r(3)
    fn getnetbyaddr_r(net: u32, kind: c_int, out: *mut c_void, buf: *mut c_char, len: size_t, result: *mut *mut c_void, error: *mut c_int) -> c_int {
        unbounded(|| real::getnetbyaddr_r(net, kind, out, buf, len, result, error))
    }

    /// getservent(3)
    fn getservent() -> *mut c_void {
        unbounded(|| real::getservent())
    }

    /// getservent_r(3)
    fn getservent_r(out: *mut c_void, buf: *mut c_char, len: size_t, result: *mut *mut c_void) -> c_int {
        unbounded(|| real::getservent_r(out, buf, len, result))
    }

    /// setservent(3)
    fn setservent(stay: c_int) -> () {
        unbounded(|| real::setservent(stay))
    }

    /// endservent(3)
    fn endservent() -> () {
        unbounded(|| real::endservent())
    }

    /// getprotoent(3)
    fn getprotoent() -> *mut c_void {
        unbounded(|| real::getprotoent())
    }

    /// getprotoent_r(3)
    fn getprotoent_r(out: *mut c_void, buf: *mut c_char, len: size_t, result: *mut *mut c_void) -> c_int {
        unbounded(|| real::getprotoent_r(out, buf, len, result))
    }

    /// setprotoent(3)
    fn setprotoent(stay: c_int) -> () {
        unbounded(|| real::setprotoent(stay))
    }

    /// endprotoent(3)
    fn endprotoent() -> () {
        unbounded(|| real::endprotoent())
    }

    /// getrpcent(3)
    fn getrpcent() -> *mut c_void {
        unbounded(|| real::getrpcent())
    }

    /// getrpcent_r(3)
    fn getrpcent_r(out: *mut c_void, buf: *mut c_char, len: size_t, result: *mut *mut c_void) -> c_int {
        unbounded(|| real::getrpcent_r(out, buf, len, result))
    }

    /// setrpcent(3)
    fn setrpcent(stay: c_int) -> () {
        unbounded(|| real::setrpcent(stay))
    }

    /// endrpcent(3)
    fn endrpcent() -> () {
        unbounded(|| real::endrpcent())
    }

    /// getnetent(3)
    fn getnetent() -> *mut c_void {
        unbounded(|| real::getnetent())
    }

    /// getnetent_r(3)
    fn getnetent_r(out: *mut c_void, buf: *mut c_char, len: size_t, result: *mut *mut c_void, error: *mut c_int) -> c_int {
        unbounded(|| real::getnetent_r(out, buf, len, result, error))
    }

    /// setnetent(3)
    fn setnetent(stay: c_int) -> () {
        unbounded(|| real::setnetent(stay))
    }

    /// endnetent(3)
    fn endnetent() -> () {
        unbounded(|| real::endnetent())
    }

    /// gethostent(3)
    fn gethostent() -> *mut c_void {
        unbounded(|| real::gethostent())
    }

    /// gethostent_r(3)
    fn gethostent_r(out: *mut c_void, buf: *mut c_char, len: size_t, result: *mut *mut c_void, error: *mut c_int) -> c_int {
        unbounded(|| real::gethostent_r(out, buf, len, result, error))
    }

    /// sethostent(3)
    fn sethostent(stay: c_int) -> () {
        unbounded(|| real::sethostent(stay))
    }

    /// endhostent(3)
    fn endhostent() -> () {
        unbounded(|| real::endhostent())
    }

    /// getaliasbyname(3)
    fn getaliasbyname(name: *const c_char) -> *mut c_void {
        unbounded(|| real::getaliasbyname(name))
    }

    /// getaliasbyname_r(3)
    fn getaliasbyname_r(name: *const c_char, out: *mut c_void, buf: *mut c_char, len: size_t, result: *mut *mut c_void) -> c_int {
        unbounded(|| real::getaliasbyname_r(name, out, buf, len, result))
    }

    /// ether_hostton(3)
    fn ether_hostton(name: *const c_char, address: *mut c_void) -> c_int {
        unbounded(|| real::ether_hostton(name, address))
    }

    /// ether_ntohost(3)
    fn ether_ntohost(name: *mut c_char, address: *const c_void) -> c_int {
        unbounded(|| real::ether_ntohost(name, address))
    }

    /// innetgr(3)
    fn innetgr(group: *const c_char, host: *const c_char, user: *const c_char, domain: *const c_char) -> c_int {
        unbounded(|| real::innetgr(group, host, user, domain))
    }

    /// setnetgrent(3)
    fn setnetgrent(group: *const c_char) -> c_int {
        unbounded(|| real::setnetgrent(group))
    }

    /// getnetgrent(3)
    fn getnetgrent(host: *mut *mut c_void, user: *mut *mut c_void, domain: *mut *mut c_void) -> c_int {
        unbounded(|| real::getnetgrent(host, user, domain))
    }

    /// getnetgrent_r(3)
    fn getnetgrent_r(host: *mut *mut c_void, user: *mut *mut c_void, domain: *mut *mut c_void, buf: *mut c_char, len: size_t) -> c_int {
        unbounded(|| real::getnetgrent_r(host, user, domain, buf, len))
    }

    /// endnetgrent(3)
    fn endnetgrent() -> () {
        unbounded(|| real::endnetgrent())
    }

    /// getifaddrs(3)
    fn getifaddrs(list: *mut *mut c_void) -> c_int {
        unbounded(|| real::getifaddrs(list))
    }

    /// if_nameindex(3)
    fn if_nameindex() -> *mut c_void {
        unbounded(|| real::if_nameindex())
    }
}
