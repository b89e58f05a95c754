//! Which processes are meant: by number, or by the port that they listen on.

use std::ffi::OsStr;

use super::{proc, refusal};
use crate::errors::{CANNOT_EXECUTE, Failure, NOT_FOUND, shown};

/// The number that was given as an operand.
pub fn number(text: &OsStr) -> Result<u32, Failure> {
    let digits = text.to_str().filter(|t| !t.is_empty() && t.bytes().all(|b| b.is_ascii_digit()));
    let Some(digits) = digits else {
        let given = shown(&text.to_string_lossy());
        return Err(Failure::own(format!("`{given}` is no process ID: allowed is a number, as in `$(pidof {given})`")));
    };
    digits.parse().map_err(|_| refusal::of_none(digits))
}

/// Processes that have a socket listening on this port.
pub fn listening_on(port: u16) -> Result<Vec<u32>, Failure> {
    let listeners = proc::listeners(port);
    let Some(&(_, user)) = listeners.first() else {
        return Err(Failure::new(
            NOT_FOUND,
            format!("no process listens on TCP port {port} in this network namespace"),
        ));
    };
    let owns = |pid: &u32| {
        let sockets = proc::sockets(*pid).unwrap_or_default();
        sockets.iter().any(|(_, inode)| listeners.iter().any(|(listener, _)| listener == inode))
    };
    let found: Vec<u32> = proc::all().unwrap_or_default().into_iter().filter(owns).collect();
    if found.is_empty() {
        let message = format!(
            "the process that listens on port {port} cannot be seen from here (its socket is of uid {user}): try again as \
             root, in its PID namespace"
        );
        return Err(Failure::new(CANNOT_EXECUTE, message));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::number;

    #[test]
    fn numbers_only() {
        assert_eq!(number("42".as_ref()).ok(), Some(42));
        for text in ["", "nginx", "-1", "4 2"] {
            assert_eq!(number(text.as_ref()).err().map(|f| f.code), Some(125), "{text}");
        }
        assert_eq!(number("99999999999".as_ref()).err().map(|f| f.code), Some(127));
    }
}
