//! x
#![no_std]
extern crate std;
