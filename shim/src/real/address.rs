//! Where functions are that must be jumped to, because they look at their caller, or read.

use super::look_up;
use core::ffi::CStr;
use once_cell::race::OnceNonZeroUsize;

macro_rules! address {
    ($($(#[$meta:meta])* $name:ident = $symbol:literal @ $version:literal;)*) => {
    $(
        $(#[$meta])*
        pub extern "C" fn $name() -> usize {
            static AT: OnceNonZeroUsize = OnceNonZeroUsize::new();
            const VERSION: &CStr = $version;
            AT.get_or_init(|| look_up(concat!($symbol, "\0"), Some(VERSION))).get()
        }
    )*
        pub(super) static ALL: &[extern "C" fn() -> usize] = &[$($name),*];
    };
}

address! {
    /// dlopen(3)
    dlopen = "dlopen" @ c"GLIBC_2.34";
    /// dlmopen(3)
    dlmopen = "dlmopen" @ c"GLIBC_2.34";
    /// sigsetjmp(3)
    sigsetjmp = "__sigsetjmp" @ c"GLIBC_2.2.5";
    /// siglongjmp(3)
    siglongjmp = "siglongjmp" @ c"GLIBC_2.2.5";
    /// longjmp(3), fortified
    longjmp_chk = "__longjmp_chk" @ c"GLIBC_2.11";
    /// pthread_mutex_lock(3), to be read
    mutex_lock = "pthread_mutex_lock" @ c"GLIBC_2.2.5";
    /// pthread_mutex_unlock(3), to be read
    mutex_unlock = "pthread_mutex_unlock" @ c"GLIBC_2.2.5";
}
