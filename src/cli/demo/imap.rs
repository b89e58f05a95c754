//! A small IMAP server for one connection: enough of RFC 3501 for a client that logs in and appends mails.
//!
//! It behaves on TCP as ordinary servers do: a buffered reader, one write per reply, no socket option at all. It must never
//! set TCP_NODELAY or TCP_QUICKACK: the second would hide what the demonstration shows.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use crate::os::tcp_info;

/// What the server saw, from the reply to the first mail to the reply to the last: start-up is not in it.
#[derive(Clone, Copy, Debug)]
pub struct Session {
    /// Mails in that span.
    pub mails: u32,
    pub time: Duration,
    /// Data segments that came in, if the kernel counts them (4.6 and newer).
    pub segments: Option<u32>,
}

/// A client that is silent for this long is not going to finish.
const PATIENCE: Duration = Duration::from_secs(5);
/// Longest command line, and largest mail, that it takes.
const LONGEST_LINE: u64 = 8 * 1024;
const LARGEST_MAIL: u64 = 1 << 20;

/// Serve the next connection to its end.
pub fn serve(listener: &TcpListener) -> io::Result<Session> {
    let (stream, _) = listener.accept()?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut connection = Connection { reader: BufReader::new(stream.try_clone()?), stream, marks: Vec::new() };
    connection.reply("* OK [CAPABILITY IMAP4rev1] ready")?;
    while connection.command()? {}
    let (Some(first), Some(last)) = (connection.marks.first(), connection.marks.last()) else {
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the client appended no mail"));
    };
    Ok(Session {
        mails: connection.marks.len() as u32 - 1,
        time: last.0 - first.0,
        segments: last.1.zip(first.1).map(|(end, start)| end.wrapping_sub(start)),
    })
}

struct Connection {
    reader: BufReader<TcpStream>,
    stream: TcpStream,
    /// For each mail: when it was answered, and the data segments received until then.
    marks: Vec<(Instant, Option<u32>)>,
}

impl Connection {
    /// One command. False: the session is over.
    fn command(&mut self) -> io::Result<bool> {
        let Some(line) = self.line()? else { return Ok(false) };
        let mut words = line.split_ascii_whitespace();
        let (Some(tag), Some(verb)) = (words.next(), words.next()) else {
            self.reply("* BAD expected a tag and a command")?;
            return Ok(true);
        };
        match verb.to_ascii_uppercase().as_str() {
            "CAPABILITY" => {
                self.reply(&format!("* CAPABILITY IMAP4rev1\r\n{tag} OK completed"))?;
            }
            "LOGIN" | "CREATE" | "NOOP" => self.reply(&format!("{tag} OK completed"))?,
            "SELECT" => self.reply(&format!("* 0 EXISTS\r\n{tag} OK [READ-WRITE] completed"))?,
            "APPEND" => match literal_size(&line) {
                Some(size) if size <= LARGEST_MAIL => self.append(tag, size)?,
                _ => self.reply(&format!("{tag} BAD expected a literal of at most {LARGEST_MAIL} bytes"))?,
            },
            "LOGOUT" => {
                self.reply(&format!("* BYE\r\n{tag} OK completed"))?;
                return Ok(false);
            }
            _ => self.reply(&format!("{tag} BAD unknown command"))?,
        }
        Ok(true)
    }

    /// Take the literal and the line end behind it, which a client like imaplib sends by a write of its own.
    fn append(&mut self, tag: &str, size: u64) -> io::Result<()> {
        self.reply("+ go ahead")?;
        let taken = io::copy(&mut (&mut self.reader).take(size), &mut io::sink())?;
        if taken < size || self.line()?.is_none() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.reply(&format!("{tag} OK completed"))?;
        let now = Instant::now();
        let segments = tcp_info::read(&self.stream).ok().as_deref().and_then(tcp_info::data_segments_in);
        self.marks.push((now, segments));
        Ok(())
    }

    fn line(&mut self) -> io::Result<Option<String>> {
        let mut line = Vec::new();
        let read = (&mut self.reader).take(LONGEST_LINE).read_until(b'\n', &mut line)?;
        match line.pop() {
            Some(b'\n') => Ok(Some(String::from_utf8_lossy(line.trim_ascii_end()).into_owned())),
            None => Ok(None),
            Some(_) if read as u64 == LONGEST_LINE => Err(io::Error::other("a command line is too long")),
            Some(_) => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }

    fn reply(&mut self, text: &str) -> io::Result<()> {
        self.stream.write_all(format!("{text}\r\n").as_bytes())
    }
}

/// The 2400 in `A3 APPEND INBOX (\Seen) {2400}`.
fn literal_size(line: &str) -> Option<u64> {
    let inner = line.strip_suffix('}')?;
    inner.get(inner.rfind('{')? + 1..)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::literal_size;

    #[test]
    fn finds_the_literal() {
        assert_eq!(literal_size("A3 APPEND INBOX {2400}"), Some(2400));
        assert_eq!(literal_size("A3 APPEND {1} {2}"), Some(2));
        for line in ["A3 APPEND INBOX", "A3 APPEND {}", "A3 APPEND {-1}", "}", "{9", "A {99999999999999999999}"] {
            assert_eq!(literal_size(line), None, "{line}");
        }
    }
}
