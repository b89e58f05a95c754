//! What was being done when a call failed. There is no way from an error of the system to a [`Failure`] but through here or by
//! a sentence of one's own: "No such file or directory" by itself helps nobody.

use std::error::Error;
use std::fmt::Display;

use super::failure::{Failure, plain};

pub trait Context<T> {
    /// "cannot WHAT: the system's sentence". WHAT names the file, process or setting and its value.
    fn doing<W: Display>(self, what: impl FnOnce() -> W) -> Result<T, Failure>;
}

impl<T, E: Error> Context<T> for Result<T, E> {
    fn doing<W: Display>(self, what: impl FnOnce() -> W) -> Result<T, Failure> {
        self.map_err(|error| Failure::own(format!("cannot {}: {}", what(), plain(&error))))
    }
}

#[cfg(test)]
mod tests {
    use super::Context;

    #[test]
    fn names_what_was_done_and_the_cause() {
        let failure = std::fs::read("/nonexistent").doing(|| "read `/nonexistent`").expect_err("it is not there");
        assert_eq!(
            (failure.code, failure.message.as_str()),
            (125, "cannot read `/nonexistent`: No such file or directory")
        );
        let failure = "x".parse::<u8>().doing(|| "understand `x`").expect_err("no number");
        assert_eq!(failure.message, "cannot understand `x`: invalid digit found in string");
    }
}
