//! The metrics of the process: CPU time, memory, descriptors, threads. On Linux alone.

#[cfg(target_os = "linux")]
use {metrics_process::Collector, std::sync::LazyLock};

#[cfg(target_os = "linux")]
static PROCESS: LazyLock<Collector> = LazyLock::new(Collector::default);

/// Says what they are.
pub(super) fn describe() {
    #[cfg(target_os = "linux")]
    PROCESS.describe();
}

/// Reads them: when they are asked for, and only then.
pub(super) fn collect() {
    #[cfg(target_os = "linux")]
    PROCESS.collect();
}
