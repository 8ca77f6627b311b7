use super::Cli;
use crate::error::Result;
use clap::{Args, CommandFactory};
use clap_complete::{Shell, generate};

#[derive(Args)]
pub struct Completions {
    shell: Shell,
}
impl Completions {
    pub fn run(self) -> Result<()> {
        let mut text = vec![];
        generate(self.shell, &mut Cli::command(), "switchboard", &mut text);
        super::print::out(String::from_utf8_lossy(&text).trim_end());
        Ok(())
    }
}
