//! What libc and ld.so export for each other and for debuggers, by name.

use super::{NONE, some_address};
use core::ffi::{CStr, c_void};
use core::num::NonZeroUsize;
use once_cell::race::OnceNonZeroUsize;

/// A symbol that is looked up once.
pub struct Inner {
    name: &'static CStr,
    at: OnceNonZeroUsize,
}

impl Inner {
    /// Where it is, if this libc has it.
    pub fn find(&self) -> Option<*mut c_void> {
        some_address(self.address())
    }

    pub(super) fn address(&self) -> NonZeroUsize {
        self.at.get_or_init(|| {
            // SAFETY: the string ends in NUL.
            let at = unsafe { libc::dlsym(libc::RTLD_DEFAULT, self.name.as_ptr()) };
            NonZeroUsize::new(at.expose_provenance()).unwrap_or(NONE)
        })
    }
}

macro_rules! inner {
    ($($name:ident = $symbol:literal;)*) => {
        $(
            #[doc = concat!("`", stringify!($symbol), "`")]
            pub static $name: Inner = Inner { name: $symbol, at: OnceNonZeroUsize::new() };
        )*
        pub(super) static ALL: &[&Inner] = &[$(&$name),*];
    };
}

inner! {
    ALLOCATE_TLS = c"_dl_allocate_tls";
    ALLOCATE_TLS_INIT = c"_dl_allocate_tls_init";
    DEALLOCATE_TLS = c"_dl_deallocate_tls";
    TLS_STATIC_INFO = c"_dl_get_tls_static_info";
    FIND_OBJECT = c"_dl_find_object";
    CTYPE_INIT = c"__ctype_init";
    CALL_TLS_DTORS = c"__call_tls_dtors";
    SIZEOF_PTHREAD = c"_thread_db_sizeof_pthread";
    PTHREAD_TID = c"_thread_db_pthread_tid";
    PTHREAD_SPECIFIC = c"_thread_db_pthread_specific";
    PTHREAD_LIST = c"_thread_db_pthread_list";
    PTHREAD_CANCELHANDLING = c"_thread_db_pthread_cancelhandling";
    RSEQ_OFFSET = c"__rseq_offset";
    RESOLVER_STATE = c"__resp";
    LOCK_WAIT_PRIVATE = c"__lll_lock_wait_private";
    LOCK_WAKE_PRIVATE = c"__lll_lock_wake_private";
    FILE_JUMPS = c"_IO_file_jumps";
    WIDE_FILE_JUMPS = c"_IO_wfile_jumps";
    FILE_READ = c"_IO_file_read";
    FILE_WRITE = c"_IO_file_write";
    FILE_CLOSE = c"_IO_file_close";
    FILE_SEEK = c"_IO_file_seek";
    FILE_STAT = c"_IO_file_stat";
}
