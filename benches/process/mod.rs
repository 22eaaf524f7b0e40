//! The memory of this process, as Linux counts it.

use std::fs;

/// KiB by the name in `/proc/self/status` (`VmRSS:` in physical memory, `VmHWM:` the most there ever was); 0 on other systems.
pub fn memory(name: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
    line.trim().trim_end_matches(" kB").parse().unwrap_or_default()
}
