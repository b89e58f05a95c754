//! Everything that is printed for programs, with its schema: the only place that knows the documents of all subcommands.

use crate::generate::Maker;
use crate::output::json::{Document, schema};

const fn of<D: Document>() -> Maker {
    (D::NAME, schema::<D>)
}

pub const ALL: [Maker; 10] = [
    of::<crate::ab::report::Report>(),
    of::<crate::attach::Tuned>(),
    of::<crate::attach::Row>(),
    of::<crate::check::report::Report>(),
    of::<crate::doctor::report::Report>(),
    of::<crate::doctor::ranked::ranking::Ranking>(),
    of::<crate::env::report::Report>(),
    of::<crate::ls::socket::List<'static>>(),
    of::<crate::report::json::Report<'static>>(),
    of::<crate::systemd::report::Verified>(),
];

#[cfg(test)]
mod tests {
    use super::ALL;
    use crate::output::json::NAMES;

    #[test]
    fn each_document_has_the_name_that_is_offered() {
        assert_eq!(ALL.map(|(name, _)| name), NAMES);
    }
}
