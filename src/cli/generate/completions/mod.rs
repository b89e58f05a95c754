//! Completion scripts.
//!
//! Those for bash, zsh and fish ask the command at each completion (`tcptune complete`, in which clap's dynamic engine reads the
//! definition of the command line), for three reasons: units and processes are not known before; a script that lists no option
//! cannot be older than the command that it completes; and what the shell divides or quotes, or what belongs to the program
//! behind `--`, is a matter of a few lines in each shell's own language. clap's own scripts for its engine (`CompleteEnv`) leave
//! out the last: in bash `--set ttl=64` would be three words. Nor do they suit a command that must not look at an
//! environment that is the program's. Scripts for other shells are clap's static ones.

use clap::Command;
use clap_complete::Shell;

const BASH: &str = include_str!("tcptune.bash");
const ZSH: &str = include_str!("tcptune.zsh");
const FISH: &str = include_str!("tcptune.fish");

pub fn script(shell: Shell, whole: &mut Command) -> Vec<u8> {
    match shell {
        Shell::Bash => BASH.into(),
        Shell::Zsh => ZSH.into(),
        Shell::Fish => FISH.into(),
        other => {
            let mut script = Vec::new();
            clap_complete::generate(other, whole, "tcptune", &mut script);
            script
        }
    }
}
