//! How wide text may be: asked for here and nowhere else.

use std::os::fd::AsFd;

/// What is no terminal and says nothing has lines of this length.
const USUAL: usize = 80;
/// Narrower lines hold no sentence; wider ones are not easy to read. Tables may be wider.
const SENTENCE: std::ops::RangeInclusive<usize> = 40..=100;

/// The room for what is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Width {
    /// The columns of the terminal; none where text goes into a file or another program.
    columns: Option<usize>,
}

impl Width {
    /// Of what is printed on stdout.
    pub fn of_stdout() -> Self {
        Self::of(&std::io::stdout(), std::env::var("COLUMNS").ok().as_deref())
    }

    /// Of what is printed on stderr.
    pub fn of_stderr() -> Self {
        Self::of(&std::io::stderr(), std::env::var("COLUMNS").ok().as_deref())
    }

    /// Of a file that was named.
    pub const fn of_file() -> Self {
        Self { columns: None }
    }

    /// COLUMNS goes before what the terminal says, as with ls and ps.
    fn of(stream: &impl AsFd, asked: Option<&str>) -> Self {
        let asked = asked.and_then(|text| text.parse().ok());
        let told = || rustix::termios::tcgetwinsize(stream).ok().map(|size| usize::from(size.ws_col));
        Self { columns: asked.or_else(told).filter(|columns| *columns > 0) }
    }

    /// For sentences, which are wrapped.
    pub fn sentence(self) -> usize {
        self.columns.unwrap_or(USUAL).clamp(*SENTENCE.start(), *SENTENCE.end())
    }

    /// For a table that another program may read: into a file it goes whole.
    pub fn table(self) -> usize {
        self.columns.unwrap_or(usize::MAX)
    }

    /// For a table that only people read.
    pub fn page(self) -> usize {
        self.columns.unwrap_or(USUAL)
    }

    /// Of a made-up terminal, for tests.
    #[cfg(test)]
    pub const fn columns(columns: usize) -> Self {
        Self { columns: Some(columns) }
    }
}

#[cfg(test)]
mod tests {
    use super::Width;

    #[test]
    fn the_environment_goes_before_the_terminal() {
        let nowhere = std::fs::File::open("/dev/null").expect("it is always there");
        let room = |asked| {
            let width = Width::of(&nowhere, asked);
            (width.sentence(), width.table(), width.page())
        };
        assert_eq!(room(Some("60")), (60, 60, 60));
        assert_eq!(room(Some("200")), (100, 200, 200));
        for none in [None, Some(""), Some("0"), Some("wide")] {
            assert_eq!(room(none), (80, usize::MAX, 80));
        }
        assert_eq!(Width::of_file(), Width::of(&nowhere, None));
        assert_eq!(Width::columns(10).sentence(), 40);
    }
}
