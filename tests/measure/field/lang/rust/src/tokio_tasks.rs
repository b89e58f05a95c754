//! The patterns by tokio's tasks, on two threads.

use crate::messages::{ANSWER, Pattern, Result, address, ends_burst, exchange, message, now};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::sleep;

pub fn run(pattern: Pattern) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async { runtime.spawn(task(pattern)).await? })
}

async fn task(pattern: Pattern) -> Result<()> {
    let mut stream = TcpStream::connect(address()?).await?;
    match pattern {
        Pattern::Paced { count, gap } => {
            for _ in 0..count {
                stream.write_all(message('t', now()).as_bytes()).await?;
                sleep(gap).await;
            }
        }
        Pattern::Queue { count, mean, pause } => {
            let (sender, mut receiver) = mpsc::unbounded_channel();
            let writer = tokio::spawn(async move {
                while let Some(begun) = receiver.recv().await {
                    stream.write_all(message('t', begun).as_bytes()).await?;
                }
                Ok::<_, std::io::Error>(())
            });
            for i in 0..count {
                sender.send(now())?;
                if ends_burst(i, mean) {
                    sleep(pause).await;
                }
            }
            drop(sender);
            writer.await??;
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
