//! A short text stored inside its table row. A table of such rows holds no pointers, so the library needs no
//! relocations for it at load time, nor a private copy of its pages. Only for constants: a text that is too long is a
//! compile error.

/// At most `N` bytes of text, stored inline.
#[derive(Clone, Copy)]
pub struct Text<const N: usize> {
    len: u8,
    bytes: [u8; N],
}

impl<const N: usize> Text<N> {
    /// Copies a literal. Only for constants: a text longer than `N` stops the compiler.
    #[expect(clippy::indexing_slicing, clippy::arithmetic_side_effects, reason = "runs in the compiler only")]
    pub(crate) const fn new(text: &str) -> Self {
        assert!(text.len() <= N && N < 256, "the text is longer than its place in the row");
        let mut bytes = [0; N];
        let mut i = 0;
        while i < text.len() {
            bytes[i] = text.as_bytes()[i];
            i += 1;
        }
        #[expect(clippy::cast_possible_truncation, reason = "N is below 256")]
        Text { len: text.len() as u8, bytes }
    }

    /// The text as bytes.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or_default()
    }

    /// The text as a string.
    pub fn as_str(&self) -> &str {
        core::str::from_utf8(self.as_bytes()).unwrap_or_default()
    }
}
