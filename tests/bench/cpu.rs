//! What processes used, from `/proc`: CPU seconds and memory.
use crate::Result;
use std::fs;

/// The processes behind an answer.
#[derive(Clone, Copy)]
pub struct Meter {
    /// Hub, peer or limit.
    pub server: u32,
    /// The first process of the PostgreSQL cluster; none for SQLite, which runs within the server.
    pub database: Option<u32>,
}
/// CPU seconds since the start of the processes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Used {
    pub server_s: f64,
    pub database_s: f64,
}
impl Used {
    pub fn since(self, before: Used) -> Used {
        Used { server_s: self.server_s - before.server_s, database_s: self.database_s - before.database_s }
    }
    pub fn total_s(self) -> f64 {
        self.server_s + self.database_s
    }
}
impl Meter {
    pub fn read(self) -> Result<Used> {
        let database_s = self.database.map_or(Ok(0.0), family)?;
        Ok(Used { server_s: Stat::of(self.server)?.seconds(), database_s })
    }
}

/// A process and its children: those that ended are in the numbers of the parent, which has waited for them.
fn family(parent: u32) -> Result<f64> {
    let mut seconds = Stat::of(parent)?.seconds();
    for entry in fs::read_dir("/proc")?.flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|n| n.parse().ok()) else { continue };
        // one that has just ended is in its parent's numbers next time
        if let Some(stat) = Stat::of(pid).ok().filter(|s| s.parent == parent) {
            seconds += stat.seconds();
        }
    }
    Ok(seconds)
}

/// A line of `/proc/PID/stat`.
struct Stat {
    parent: u32,
    ticks: u64,
}
impl Stat {
    fn of(pid: u32) -> Result<Stat> {
        let text = fs::read_to_string(format!("/proc/{pid}/stat")).map_err(|e| format!("process {pid}: {e}"))?;
        // the name may hold blanks and brackets: fields count from behind its last bracket
        let rest = text.rsplit_once(')').ok_or("a line of /proc without a name")?.1;
        let fields: Vec<&str> = rest.split_whitespace().collect();
        let field = |i: usize| fields.get(i).and_then(|f| f.parse::<u64>().ok()).ok_or("a short line of /proc");
        // own time and that of ended children, in user code and in the kernel
        Ok(Stat { parent: field(1)? as u32, ticks: field(11)? + field(12)? + field(13)? + field(14)? })
    }
    fn seconds(&self) -> f64 {
        const PER_S: f64 = 100.0; // USER_HZ: what /proc counts in, whatever the kernel's own clock
        self.ticks as f64 / PER_S
    }
}

/// Resident memory of a process, in MB (2²⁰ bytes).
pub fn memory_mb(pid: u32) -> Result<f64> {
    status_mb(pid, "VmRSS:")
}
/// The most that it ever was.
pub fn peak_mb(pid: u32) -> Result<f64> {
    status_mb(pid, "VmHWM:")
}
fn status_mb(pid: u32, field: &str) -> Result<f64> {
    field_mb(&format!("/proc/{pid}/status"), field)
}
/// Of the machine.
pub fn machine_mb() -> Result<f64> {
    field_mb("/proc/meminfo", "MemTotal:")
}
/// That the machine keeps as huge pages (`vm.nr_hugepages`), which PostgreSQL takes for its buffers where there are enough.
pub fn huge_pages_mb() -> Result<f64> {
    field_mb("/proc/meminfo", "Hugetlb:")
}
fn field_mb(file: &str, field: &str) -> Result<f64> {
    let text = fs::read_to_string(file)?;
    let kb = text.lines().find_map(|l| l.strip_prefix(field)?.split_whitespace().next()?.parse::<f64>().ok());
    Ok(kb.ok_or_else(|| format!("no {field} in {file}"))? / 1024.0)
}
