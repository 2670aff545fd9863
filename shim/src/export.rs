//! How a jacket is declared: one macro, one line per name that glibc gives the function.
//!
//! ```ignore
//! export! {
//!     /// read(2)
//!     fn read | __read(fd: c_int, buf: *mut c_void, len: size_t) -> ssize_t {
//!         …
//!     }
//! }
//! ```
//!
//! An `@cancellation_point fn` first acts on a pending pthread_cancel(3), as POSIX wants of it.
//!
//! Every name is exported unversioned, which answers references to any version; the real function
//! behind it is looked up by version where versions differ (`real.rs`). Variadic functions (`fcntl`,
//! `ioctl`) are declared with the arguments they can have: an absent one reads a dirty register,
//! which the real function ignores as well.

/// Declare jackets; see the module's documentation.
#[macro_export]
macro_rules! export {
    (@one [$(#[$meta:meta])*] $(@$point:ident)? fn $name:ident [$($alias:ident)*] $args:tt $ret:ty, $body:block) => {
        $(#[$meta])*
        ///
        /// # Safety
        /// As for the libc function it stands for.
        #[unsafe(no_mangle)]
        pub unsafe extern "C-unwind" fn $name $args -> $ret {
            // SAFETY: a jacket may do what its caller allows the libc function to do.
            #[allow(unused_unsafe, clippy::macro_metavars_in_unsafe)]
            unsafe {
                // As if the tick had come just before the call.
                $crate::preempt::yield_if_due();
                $( $crate::$point!(); )?
                $body
            }
        }
        $( $crate::export_alias! { $name $alias $args $ret } )*
    };
    ($(
        $(#[$meta:meta])*
        $(@$point:ident)? fn $name:ident $(| $alias:ident)* ( $($args:tt)* ) -> $ret:ty $body:block
    )*) => {
        $( $crate::export! { @one [$(#[$meta])*] $(@$point)? fn $name [$($alias)*] ($($args)*) $ret, $body } )*
    };
}

/// Put at the head of a jacket that is declared as an `@cancellation_point fn`.
#[macro_export]
macro_rules! cancellation_point {
    () => {
        // In this order: nothing may come between a look at the cancellation and a wait.
        $crate::chaos::point();
        $crate::pthread::cancel::point()
    };
}

/// Another name of a jacket.
#[macro_export]
macro_rules! export_alias {
    ($name:ident $alias:ident ( $($arg:ident : $ty:ty),* $(,)? ) $ret:ty) => {
        const _: () = {
            #[unsafe(no_mangle)]
            unsafe extern "C-unwind" fn $alias($($arg: $ty),*) -> $ret {
                // SAFETY: the same function under another name.
                unsafe { $name($($arg),*) }
            }
        };
    };
}
