//! Memory that was freed and is still held: the allocator keeps it for the next request, and gives
//! it back to the system when it is told to.

/// Gives the system back what is free. Takes some milliseconds for each 100 MB; what comes after it
/// takes its pages anew, so it is for times without work.
#[allow(unsafe_code, reason = "the C library has no safe interface for this")]
pub fn give_back() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: malloc_trim(3) takes the locks it needs, and touches only what is free.
    unsafe {
        libc::malloc_trim(0);
    }
}
