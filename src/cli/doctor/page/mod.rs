//! The report as one page, complete in itself, to be shown to others: the verdict, a picture of a typical stalled exchange, the
//! figures and the cure. No script, nothing from elsewhere. Light and dark, on a desk and on a phone.

mod ladder;

use maud::{Markup, html};

use super::issue;
use super::report::{Report, Told, Verdict};
use super::words;
use crate::output::page::whole;

const STYLE: &str = include_str!("style.css");

/// `again` is the command line by which the same can be seen again.
pub fn page(report: &Report, again: &str) -> String {
    let (headline, good) = headline(report);
    let content = html! {
        header {
            p.kind { "tcptune doctor" }
            h1.good[good].bad[!good && report.verdict == Verdict::Found] { (headline) }
            p.note {
                (words::several(report.exchanges, "exchange")) " on " (words::several(report.connections, "connection"))
                " in " (words::time(report.watched_s))
            }
            @for doubt in &report.doubts { p { (doubt.text) " " span.note { (doubt.advice) } } }
        }
        @for told in &report.findings { (finding(told, report.findings.len() > 1)) }
        section {
            h2 { "How to check" }
            pre { code { (again) } }
            @for note in &report.notes { p.note { (note) } }
        }
    };
    whole(&format!("{headline} · tcptune doctor"), STYLE, &content)
}

fn headline(report: &Report) -> (String, bool) {
    match (report.verdict, report.findings.first()) {
        (Verdict::Unknown, _) => ("It could not be told whether there is a stall".to_owned(), false),
        (Verdict::Found, Some(told)) => (issue::title(&told.finding), false),
        (_, Some(told)) => (issue::title(&told.finding), true),
        (_, None) => ("No stall was found".to_owned(), true),
    }
}

/// A finding, with a title where there are several.
fn finding(told: &Told, titled: bool) -> Markup {
    let f = &told.finding;
    html! {
        section {
            @if titled { h2 { (issue::title(f)) } }
            p { (issue::sentence(&told.text)) }
            @if let Some(pattern) = &told.pattern_text { p { (issue::sentence(pattern)) } }
            @if let Some(before) = ladder::Exchange::stalled(f) {
                (ladder::pair(&before, &before.cured()))
                p.note {
                    "A typical exchange, drawn from the medians of what was seen; time runs downwards, and is to scale but where that \
                     would hide something."
                }
            }
            table {
                @for (what, value) in issue::evidence(told) {
                    tr { th { (what) } td { (code(&value)) } }
                }
            }
            @if !told.script_text.is_empty() {
                h3 { "Which line of the script" }
                pre { (told.script_text.join("\n")) }
            }
            @if !told.called_by_text.is_empty() {
                h3 { "Which calls" }
                pre { (told.called_by_text.join("\n")) }
            }
            @if !told.upstream.is_empty() {
                h3 { "What to change in the program" }
                ul { @for line in &told.upstream { li { (code(line)) } } }
            }
            h3 { "What tcptune changes" }
            p { (code(&told.change)) }
            @if let Some(expected) = &told.expected { p { "To expect from either: " (expected) "." } }
            p.note { (issue::background(f.kind)) }
        }
    }
}

/// What stands between backquotes, as code.
fn code(text: &str) -> Markup {
    html! {
        @for (n, part) in text.split('`').enumerate() {
            @if n % 2 == 1 { code { (part) } } @else { (part) }
        }
    }
}
