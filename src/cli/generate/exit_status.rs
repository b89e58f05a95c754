//! docs/exit-status.md: what each subcommand's exit status means, from what its help says.

use std::fmt::Write;

use crate::help::Help;

const HEAD: &str = "\
# Exit statuses

<!-- Written by `tcptune generate exit-status`; change the args.rs of the subcommand instead. -->

The statuses from 125 on are those of env(1): 125 the command itself failed or was used wrongly, with one line on stderr
([errors.md](errors.md)); 126 what was to be run or looked at was found but may not be; 127 it was not found. Below them each
subcommand says what it found.

";

/// What a user of a gate expects: `valgrind --error-exitcode`, `pytest` and `cargo deny` do the same as far as they can.
const GATE: &str = "
## Doctor as a gate

With `--fail-on` or `--baseline` the exit status of `doctor` is no longer that of its verdict:

| the command | a listed finding | exit status |
|---|---|---|
| ended with 0 | is new | 1 |
| ended with 0 | none, or known by the baseline | 0 |
| ended with 0 | `unknown` is listed, and it could not be told | 2 |
| ended with another status | new or not | its own: a test suite that failed is to be repaired first, and its statuses mean something to its users (`pytest` has six); the report and `--json` tell what was found |
| was ended by a signal | new or not | 128 and the number of the signal, as shells have it |
| was ended by doctor after `--duration`; or `--pid`, `--port`, `--pcap` | is new | 1, else 0 (`unknown`: 2) |
| had not ended when a signal ended doctor | new or not | 2 |

";

const SIGNALS: &str = "
## Signals

SIGINT (Ctrl-C), SIGTERM and SIGHUP do the same wherever the command waits:

| command | what they do | exit status |
|---|---|---|
| `attach --watch` | end it; what was set stays set | as without the signal |
| `detach` | end the waiting for answers; what was told stays told | as without the signal |
| `doctor` | end the watching early, and the report is of what was seen; a command that is watched is told to end too, unless it was Ctrl-C, which reaches it by itself | by the report |
| `top` | leave the view and give the terminal back; with `--once` the table is of what was counted so far | as without the signal |
| `export --every`, `--listen`, `--host` | end it between two readings | 0 |
| `ab` | end what runs, then clean up (`--cleanup`); there is no report | 130 |
| `run` | none: the signal is the program's, and the status too; with `--summary` they are passed on to it | the program's |
";

/// The whole page.
pub fn page(helps: &[(&str, &Help)]) -> String {
    let mut page = HEAD.to_owned();
    page.push_str("| command | status | meaning |\n|---|---|---|\n");
    for (typed, help) in helps {
        let gap = if typed.is_empty() { "" } else { " " };
        for (number, (status, meaning)) in help.exit.iter().enumerate() {
            let name = if number == 0 { format!("`tcptune{gap}{typed}`") } else { String::new() };
            let _ = writeln!(page, "| {name} | {status} | {meaning} |");
        }
    }
    page.push_str(GATE.trim_end());
    page.push('\n');
    page.push_str(SIGNALS);
    page
}
