//! What the tests of the settings share: reading them from text, and text from what writes itself piece by piece.

use tcptune_policy::{Fault, Settings};

/// The settings of one variable.
pub fn read(name: &str, value: &[u8]) -> Result<Settings, Fault> {
    read_all(&[(name, value)])
}

/// The settings of several variables, in the order given.
pub fn read_all(variables: &[(&str, &[u8])]) -> Result<Settings, Fault> {
    let mut settings = Settings::DEFAULT;
    for (name, value) in variables {
        settings.apply(name.as_bytes(), value)?;
    }
    settings.finish();
    Ok(settings)
}

/// What is written piece by piece, as one text.
#[allow(dead_code, reason = "each test binary uses what it needs")]
pub fn text(write: impl FnOnce(&mut dyn FnMut(&[u8]))) -> String {
    let mut bytes = Vec::new();
    write(&mut |piece| bytes.extend_from_slice(piece));
    String::from_utf8(bytes).expect("only text is written")
}
