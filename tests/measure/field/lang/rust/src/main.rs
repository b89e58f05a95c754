//! The core patterns by std's threads, tokio and smol: `std|tokio|smol paced COUNT GAP_US`, `... queue COUNT MEAN PAUSE_US`, `... exchange
//! COUNT PIECES`. Threads that park wait in a futex by a direct system call, which a preloaded library does not see.

mod messages;
mod smol_tasks;
mod std_threads;
mod tokio_tasks;

use messages::{Pattern, Result};

fn main() -> Result<()> {
    let mut words = std::env::args().skip(1);
    let (Some(runtime), Some(name)) = (words.next(), words.next()) else {
        return Err("usage: field-patterns std|tokio|smol paced|queue|exchange COUNT NUMBER [PAUSE_US]".into());
    };
    let numbers: Vec<u64> = words.map(|word| word.parse()).collect::<std::result::Result<_, _>>()?;
    let pattern = Pattern::new(&name, &numbers)?;
    match runtime.as_str() {
        "std" => std_threads::run(&pattern),
        "tokio" => tokio_tasks::run(pattern),
        "smol" => smol_tasks::run(pattern),
        other => Err(format!("no runtime is called {other}").into()),
    }
}
