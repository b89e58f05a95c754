//! `tcptune top`: reads a directory of counters again and again and shows what came in between, on the terminal or once as a
//! plain table. Only reads. Gives the terminal back as it was, whatever ends it but SIGKILL.

pub mod args;
mod columns;
mod detail;
mod draw;
mod histogram;
mod list;
mod look;
mod print;
mod sample;
mod view;

use std::io::IsTerminal;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use ratatui::DefaultTerminal;
use ratatui::crossterm::event::{self, Event, KeyEventKind};
use ratatui::crossterm::terminal;
use ratatui::layout::Rect;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::counters;
use crate::errors::{Context, Failure, NO, OK, plain, say};
use crate::os::ending::Ending;
use args::TopArgs;
use sample::Samples;
use view::{Next, View};

pub fn command(args: &TopArgs) -> Result<u8, Failure> {
    let directory = counters::directory(args.directory.as_deref(), "top")?;
    let mut samples = Samples::default();
    samples.add(counters::read(&directory)?);
    if args.once || !std::io::stdout().is_terminal() {
        // A signal shortens the interval: rates are by the time that has passed.
        Ending::caught()?.within(args.interval);
        samples.add(counters::read(&directory)?);
        samples.problems.iter().for_each(say);
        print::table(&samples);
        return Ok(if samples.lines.is_empty() { NO } else { OK });
    }
    let mut view = View::new(directory, args.interval);
    let stop = signals()?;
    // Also makes a panic restore the terminal before it aborts.
    let mut terminal = ratatui::try_init()
        .map_err(|error| Failure::own(format!("this terminal cannot be used ({}): try --once", plain(&error))))?;
    let end = watch(&mut terminal, &mut view, &mut samples, &stop);
    ratatui::restore();
    end.map(|()| OK)
}

/// Signals that end a program end this one in order: they set a flag. So does a terminal that is gone, of which not every
/// process is told by a signal. Where nobody looks at the flag in time, because crossterm reads the terminal's end again and
/// again or the terminal is stopped, it ends all the same.
fn signals() -> Result<Arc<AtomicBool>, Failure> {
    let stop = Arc::new(AtomicBool::new(false));
    let mut signals = Signals::new([SIGTERM, SIGINT, SIGHUP]).doing(|| "catch SIGTERM, SIGINT and SIGHUP")?;
    let flag = Arc::clone(&stop);
    std::thread::spawn(move || {
        if signals.forever().next().is_some() {
            end(&flag);
        }
    });
    let flag = Arc::clone(&stop);
    std::thread::spawn(move || {
        let screen = std::io::stdout();
        // Asked for nothing, it tells of the end alone.
        let mut gone = [PollFd::new(&screen, PollFlags::empty())];
        while let Err(Errno::INTR) = poll(&mut gone, None) {}
        end(&flag);
    });
    Ok(stop)
}

fn end(flag: &AtomicBool) {
    flag.store(true, Ordering::Relaxed);
    std::thread::sleep(10 * PATIENCE);
    let _ = terminal::disable_raw_mode();
    std::process::exit(OK.into());
}

/// A signal is noticed within this time.
const PATIENCE: Duration = Duration::from_millis(100);

fn watch(
    terminal: &mut DefaultTerminal,
    view: &mut View,
    samples: &mut Samples,
    stop: &AtomicBool,
) -> Result<(), Failure> {
    let mut due = Instant::now() + view.interval;
    let mut changed = true;
    while !stop.load(Ordering::Relaxed) {
        if changed {
            terminal.draw(|frame| draw::draw(frame, view, samples)).doing(|| "draw on this terminal")?;
        }
        let wait = due.saturating_duration_since(Instant::now()).min(PATIENCE);
        changed = event::poll(wait).doing(|| "wait for a key")?;
        if changed {
            match event::read().doing(|| "read a key")? {
                Event::Key(key) if key.kind != KeyEventKind::Release => {
                    if let Next::Leave = view.key(key, samples) {
                        break;
                    }
                }
                // All of it anew, even where the size is what it was: what was cut off in between is lost.
                Event::Resize(width, height) => {
                    terminal.resize(Rect::new(0, 0, width, height)).doing(|| format!("draw on {width}x{height}"))?;
                }
                _ => {}
            }
        }
        if Instant::now() >= due {
            if !view.paused {
                samples.add(counters::read(&view.directory)?);
                view.remember(samples);
                changed = true;
            }
            due = Instant::now() + view.interval;
        }
    }
    Ok(())
}
