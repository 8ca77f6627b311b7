//! Processes that the benchmark starts. They end with it, however it ends: a small shell in their group waits for the
//! end of a pipe that the system closes.
use crate::{Failure, Result, cores::Cores};
use std::{
    fs::File,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

/// The group that all processes of a run belong to.
pub struct Group {
    watcher: Child,
    logs: PathBuf,
    pub cores: Cores,
}
impl Group {
    /// `logs` is where each process writes what it says; `temporary` goes with the group where nobody else removes it.
    pub fn new(logs: &Path, temporary: Option<&Path>) -> Result<Self> {
        const SCRIPT: &str = r#"trap '' INT TERM HUP
cat > /dev/null
kill -INT -$$
sleep 3
case "$1" in */switchboard-bench-*) rm -rf "$1" ;; esac
kill -KILL -$$"#;
        std::fs::create_dir_all(logs)?;
        let mut shell = Command::new("sh");
        shell.args(["-c", SCRIPT, "sh"]).args(temporary).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        Ok(Group { watcher: shell.process_group(0).spawn()?, logs: logs.into(), cores: Cores::apart() })
    }
    /// Starts a server, on the processors of what is measured. Its words go to a file named after it.
    pub fn start(&self, name: &str, command: &mut Command) -> Result<Process> {
        self.cores.serve(|| self.spawn(name, command))
    }
    /// Starts a process that nobody asks anything meanwhile, on all processors.
    pub fn start_anywhere(&self, name: &str, command: &mut Command) -> Result<Process> {
        self.cores.anywhere(|| self.spawn(name, command))
    }
    fn spawn(&self, name: &str, command: &mut Command) -> Result<Process> {
        let log = self.logs.join(format!("{name}.log"));
        let file = File::create(&log)?;
        command.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file).process_group(self.watcher.id() as i32);
        let child = command.spawn().map_err(|e| format!("cannot start {name}: {e}"))?;
        Ok(Process { child, name: name.into(), log, stop: "TERM" })
    }
    /// Runs a process to its end. Returns what it wrote to its standard output.
    pub fn run(&self, name: &str, command: &mut Command) -> Result<String> {
        command.stdin(Stdio::null()).process_group(self.watcher.id() as i32);
        let output = self.cores.anywhere(|| Ok(command.output().map_err(|e| format!("cannot run {name}: {e}"))?))?;
        if !output.status.success() {
            return Err(format!("{name} failed: {}", String::from_utf8_lossy(&output.stderr).trim()).into());
        }
        Ok(String::from_utf8(output.stdout)?)
    }
}

/// A process that runs until it is dropped.
pub struct Process {
    child: Child,
    name: String,
    log: PathBuf,
    stop: &'static str,
}
impl Process {
    pub fn id(&self) -> u32 {
        self.child.id()
    }
    /// Ends by this signal instead of `TERM`.
    pub fn ended_by(mut self, stop: &'static str) -> Self {
        self.stop = stop;
        self
    }
    /// Sends a signal (`TERM`).
    pub fn signal(&self, signal: &str) -> Result<()> {
        let sent = Command::new("kill").args(["-s", signal, &self.child.id().to_string()]).status()?;
        if sent.success() { Ok(()) } else { Err(format!("{} cannot be sent {signal}", self.name).into()) }
    }
    /// Fails, with its last words, where it has ended.
    pub fn check(&mut self) -> Result<()> {
        match self.child.try_wait()? {
            None => Ok(()),
            Some(status) => Err(self.failed(&format!("ended ({status})"))),
        }
    }
    /// Whether it has ended, and well.
    pub fn has_ended(&mut self) -> Result<bool> {
        match self.child.try_wait()? {
            None => Ok(false),
            Some(status) if status.success() => Ok(true),
            Some(status) => Err(self.failed(&format!("ended ({status})"))),
        }
    }
    /// What went wrong, with the last words of the process.
    pub fn failed(&self, what: &str) -> Failure {
        let said = std::fs::read_to_string(&self.log).unwrap_or_default();
        let last: Vec<_> = said.lines().rev().take(5).collect();
        format!("{} {what}: {}", self.name, last.into_iter().rev().collect::<Vec<_>>().join(" | ")).into()
    }
    /// Asks it to end and waits; ends it by force when that takes too long.
    pub fn end(&mut self) {
        const PATIENCE: Duration = Duration::from_secs(20);
        if self.child.try_wait().is_ok_and(|s| s.is_some()) {
            return;
        }
        let asked = Instant::now();
        let _ = self.signal(self.stop);
        while asked.elapsed() < PATIENCE {
            if self.child.try_wait().is_ok_and(|s| s.is_some()) {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
impl Drop for Process {
    fn drop(&mut self) {
        self.end();
    }
}
