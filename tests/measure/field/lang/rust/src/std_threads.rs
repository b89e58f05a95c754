//! The patterns by std's threads and channels.

use crate::messages::{ANSWER, Pattern, Result, address, ends_burst, exchange, message, now};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::mpsc;
use std::thread;

pub fn run(pattern: &Pattern) -> Result<()> {
    let mut stream = TcpStream::connect(address()?)?;
    match *pattern {
        Pattern::Paced { count, gap } => {
            for _ in 0..count {
                stream.write_all(message('t', now()).as_bytes())?;
                thread::park_timeout(gap);
            }
        }
        Pattern::Queue { count, mean, pause } => {
            let (sender, receiver) = mpsc::channel();
            let writer = thread::spawn(move || -> Result<()> {
                for begun in receiver {
                    stream.write_all(message('t', begun).as_bytes())?;
                }
                Ok(())
            });
            for i in 0..count {
                sender.send(now())?;
                if ends_burst(i, mean) {
                    thread::park_timeout(pause);
                }
            }
            drop(sender);
            writer.join().map_err(|_| "the writer panicked")??;
        }
        Pattern::Exchange { count, pieces } => {
            for _ in 0..count {
                for piece in exchange(pieces) {
                    stream.write_all(piece.as_bytes())?;
                }
                stream.read_exact(&mut [0; ANSWER])?;
            }
        }
    }
    Ok(())
}
