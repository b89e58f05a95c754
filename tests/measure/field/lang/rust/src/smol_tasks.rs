//! The patterns by smol's tasks.

use crate::messages::{ANSWER, Pattern, Result, address, ends_burst, exchange, message, now};
use smol::Timer;
use smol::channel::unbounded;
use smol::io::{AsyncReadExt, AsyncWriteExt};
use smol::net::TcpStream;

pub fn run(pattern: Pattern) -> Result<()> {
    smol::block_on(task(pattern))
}

async fn task(pattern: Pattern) -> Result<()> {
    let mut stream = TcpStream::connect(address()?).await?;
    match pattern {
        Pattern::Paced { count, gap } => {
            for _ in 0..count {
                stream.write_all(message('t', now()).as_bytes()).await?;
                Timer::after(gap).await;
            }
        }
        Pattern::Queue { count, mean, pause } => {
            let (sender, receiver) = unbounded();
            let writer = smol::spawn(async move {
                while let Ok(begun) = receiver.recv().await {
                    stream.write_all(message('t', begun).as_bytes()).await?;
                }
                Ok::<_, std::io::Error>(())
            });
            for i in 0..count {
                sender.send(now()).await?;
                if ends_burst(i, mean) {
                    Timer::after(pause).await;
                }
            }
            drop(sender);
            writer.await?;
        }
        Pattern::Exchange { count, pieces } => {
            for _ in 0..count {
                for piece in exchange(pieces) {
                    stream.write_all(piece.as_bytes()).await?;
                }
                stream.read_exact(&mut [0; ANSWER]).await?;
            }
        }
    }
    Ok(())
}
