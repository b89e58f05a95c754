//! A short list of words in one constant, each preceded by its length. A lookup skips words of another length, and the
//! list holds no pointers, so the library needs no relocations for it.

/// A list of words, each preceded by its length.
#[derive(Clone, Copy)]
pub(crate) struct Words(pub &'static [u8]);

/// Makes a list from a constant text in which single blanks separate the words.
macro_rules! words {
    ($text:expr) => {{
        const LIST: &[u8] = &$crate::grammar::words::list::<{ $text.len() + 1 }>($text);
        $crate::grammar::words::Words(LIST)
    }};
}
pub(crate) use words;

/// Replaces the blank before each word by the word's length. Only for constants.
#[expect(clippy::indexing_slicing, clippy::arithmetic_side_effects, reason = "runs in the compiler only")]
pub(crate) const fn list<const N: usize>(text: &str) -> [u8; N] {
    assert!(text.len() < 256, "a length is one byte");
    let text = text.as_bytes();
    let mut list = [0; N];
    let (mut start, mut i) = (0, 0);
    while i <= text.len() {
        if i == text.len() || text[i] == b' ' {
            #[expect(clippy::cast_possible_truncation, reason = "below 256")]
            let length = (i - start) as u8;
            list[start] = length;
            start = i + 1;
        } else {
            list[i + 1] = text[i];
        }
        i += 1;
    }
    list
}

impl Words {
    /// The number of the word that the text is, ignoring case.
    #[inline(never)]
    pub fn find(self, text: &[u8]) -> Option<u8> {
        let (mut list, mut number) = (self.0, 0u8);
        while let [length, rest @ ..] = list {
            let (word, behind) = rest.split_at_checked(usize::from(*length))?;
            if word.len() == text.len() && same(word, text) {
                return Some(number);
            }
            list = behind;
            number = number.wrapping_add(1);
        }
        None
    }

    /// The word with this number; empty if there is none.
    pub fn get(self, number: u8) -> &'static [u8] {
        let (mut list, mut left) = (self.0, number);
        while let [length, rest @ ..] = list {
            let (word, behind) = rest.split_at_checked(usize::from(*length)).unwrap_or_default();
            if left == 0 {
                return word;
            }
            list = behind;
            left = left.wrapping_sub(1);
        }
        &[]
    }
}

/// Are two words of the same length equal, ignoring case? Compares from their ends, where the names differ.
#[inline(never)]
fn same(word: &[u8], text: &[u8]) -> bool {
    let (mut word, mut text) = (word, text);
    while let ([more @ .., a], [before @ .., b]) = (word, text) {
        if a != b && !a.eq_ignore_ascii_case(b) {
            return false;
        }
        (word, text) = (more, before);
    }
    true
}

#[cfg(test)]
mod tests {
    #[test]
    fn words_are_found_in_whatever_case_and_by_their_number() {
        let words = words!("on off force");
        for (number, word) in [(0, "on"), (1, "off"), (2, "force")] {
            assert_eq!(words.find(word.as_bytes()), Some(number));
            assert_eq!(words.find(word.to_ascii_uppercase().as_bytes()), Some(number));
            assert_eq!(words.get(number), word.as_bytes());
        }
        for other in ["", "o", "of", "onoff", "on off", "forced", "ofg", " on"] {
            assert_eq!(words.find(other.as_bytes()), None, "{other}");
        }
        assert_eq!(words.get(3), b"");
    }
}
