//! The report as one page, complete in itself: no script, nothing from elsewhere. Light and dark, on a desk and on a phone.

mod axis;
mod latency;
mod runs;
mod segments;
mod svg;

use maud::{Markup, html};

use super::counted::FIGURES;
use super::measures::Source;
use super::report::{Compared, Report};
use super::schedule::Side;
use super::unit::Unit;
use super::verdict::{Comparison, Verdict, chance, figure};
use crate::output::page::whole;
use axis::Axis;
use svg::{class, px};

const STYLE: &str = include_str!("style.css");

pub fn page(report: &Report) -> String {
    let content = html! {
        (head(report))
        (section("Every run", runs::note(report), &[], runs::distribution(report)))
        @if segments::any(report) { (time_line(report)) }
        @if let Some(all) = latency::any(report) {
            (section(
                "How long answers took",
                "From the last call of a burst to the first byte of the answer, as the library counted it in one run of \
                 each. A column's height is the share of the exchanges; the figure is the median.",
                &[],
                latency::histogram(report, &all)
            ))
        }
        (measures(report))
        (counted(report))
        (section(
            "In the order they were made",
            "Each block holds one run of each, in random order: what changes on the machine meets all.",
            &legend(report),
            runs::order(report)
        ))
        (method(report))
        (raw(report))
    };
    whole(&format!("{} · tcptune ab", headline(report).0), STYLE, &content)
}

fn legend(report: &Report) -> Vec<(Side, &str)> {
    report.sides().map(|side| (side, report.name(side))).collect()
}

fn section(title: &str, note: &str, legend: &[(Side, &str)], content: Markup) -> Markup {
    html! {
        section {
            h2 { (title) }
            p.note { (note) }
            @if !legend.is_empty() {
                p.legend { @for (side, name) in legend { span class=(class(*side)) { (name) } } }
            }
            (content)
        }
    }
}

/// The result in as few characters as possible, and what they mean: of several candidates that of the one that differs most.
fn headline(report: &Report) -> (String, String) {
    let far = |comparison: &Comparison| {
        let found = matches!(comparison.verdict, Verdict::Less | Verdict::More);
        (found, comparison.interval.ratio.ln().abs())
    };
    let order = |a: &Comparison, b: &Comparison| far(a).partial_cmp(&far(b)).unwrap_or(std::cmp::Ordering::Equal);
    let Some((row, comparison)) = report.verdicts().max_by(|(_, a), (_, b)| order(a, b)) else {
        return ("nothing measured".to_owned(), String::new());
    };
    let ratio = comparison.interval.ratio;
    let within = format!("within {} %", figure(report.method.equal_within_percent.unwrap_or_default()));
    let (figure, meaning) = match comparison.verdict {
        Verdict::Less if ratio < 0.5 => (format!("{}×", figure(1.0 / ratio)), "as fast"),
        Verdict::Less => (format!("−{} %", figure(100.0 * (1.0 - ratio))), "time"),
        Verdict::More if ratio < 2.0 => (format!("+{} %", figure(100.0 * (ratio - 1.0))), "time"),
        Verdict::More => (format!("{}×", figure(ratio)), "the time"),
        Verdict::Equal => ("equal".to_owned(), within.as_str()),
        Verdict::NoDifference => ("no difference".to_owned(), "found"),
        Verdict::Undecided => ("not decided".to_owned(), "yet"),
        Verdict::TooFewRuns => ("too few runs".to_owned(), "to tell"),
    };
    let whose =
        if report.verdicts().count() > 1 { format!("{meaning}: {}", report.name(row.arm)) } else { meaning.to_owned() };
    (figure, whose)
}

fn head(report: &Report) -> Markup {
    let (figure, meaning) = headline(report);
    let tone = match report.verdicts().collect::<Vec<_>>().as_slice() {
        [(_, one)] => tone(one.verdict),
        _ => "even",
    };
    html! {
        header {
            p.kind { "tcptune ab" }
            p.command { code { (report.subject.command) } }
            @if let Some(server) = &report.subject.server {
                p.command { "served by " code { (server) } @if let Some(end) = report.subject.tuned { ", tuned: the " (end) } }
            }
            div.result {
                div class=(format!("figure {tone}")) { strong { (figure) } span { (meaning) } }
                (lengths(report))
            }
            @for verdict in report.arms.iter().filter_map(|arm| arm.verdict.as_ref()) { p.verdict { (verdict) } }
            @if !report.warnings.is_empty() {
                ul.warnings { @for warning in &report.warnings { li { (warning) } } }
            }
        }
    }
}

/// All medians as bars of that length.
fn lengths(report: &Report) -> Markup {
    let times: Option<Vec<_>> = report.sides().map(|side| Some((side, report.time_of(side)?.median))).collect();
    let times = times.unwrap_or_default();
    let longest = times.iter().map(|(_, median)| *median).fold(0.0, f64::max);
    html! {
        dl.lengths {
            @for (side, median) in times {
                dt { (report.name(side)) }
                dd class=(class(side)) {
                    span.bar style=(format!("width:calc({:.2}% * .72)", 100.0 * median / longest)) {}
                    b { (Unit::Seconds.show(median)) }
                }
            }
        }
    }
}

fn time_line(report: &Report) -> Markup {
    let note = format!(
        "A bar wherever segments were sent, in the {} from the first on; a gap is a wait. Below, the count over the whole run. One \
         run of each; all segments of the network namespace, pure acknowledgements among them.",
        Unit::Seconds.show(segments::window(report))
    );
    section(
        "Time line of segments",
        &note,
        &legend(report),
        html! { (segments::close(report)) (segments::whole(report)) },
    )
}

fn measures(report: &Report) -> Markup {
    let several = report.arms.len() > 2;
    let candidate = if several { "candidate" } else { report.name(Side::CANDIDATE) };
    html! {
        section {
            h2 { "What each run takes" }
            p.note { "Medians; the ratio with its 95 % interval, on a line whose middle is “the same”." }
            div.scroll {
                table {
                    thead { tr {
                        th {} th.number { (report.name(Side::BASELINE)) } th.number { (candidate) } th.number { "ratio" } th.forest {}
                    } }
                    tbody {
                        @for row in &report.measures { (measure(row, several.then(|| report.name(row.arm)), reach(report))) }
                    }
                }
            }
            @if report.measures.iter().any(|row| row.of.source == Source::Namespace) {
                p.note { "* of the whole network namespace: other programs count, and on loopback both ends." }
            }
        }
    }
}

fn measure(row: &Compared, name: Option<&str>, reach: f64) -> Markup {
    let show = |value: f64| row.of.unit.show(value);
    html! {
        tr {
            th { (row.of.label) @if row.of.source == Source::Namespace { "*" } }
            @for (summary, name) in [(&row.baseline, None), (&row.candidate, name)] {
                td.number {
                    @if let Some(name) = name { span class={ "key " (class(row.arm)) } { (name) } " " }
                    (show(summary.median))
                    @if summary.deviation > 0.0 { span.spread { " ± " (show(summary.deviation)) } }
                }
            }
            td.number {
                @if let Some(comparison) = &row.comparison {
                    (figure(comparison.interval.ratio))
                    @if comparison.interval.low < comparison.interval.high {
                        span.spread { " " (figure(comparison.interval.low)) "–" (figure(comparison.interval.high)) }
                    }
                } @else { "–" }
            }
            td.forest { @if let Some(comparison) = &row.comparison { (forest(comparison, reach)) } }
        }
    }
}

/// What the library counted: one run's figures, so without a spread.
fn counted(report: &Report) -> Markup {
    let Some(all) = report.counted() else { return html! {} };
    html! {
        section {
            h2 { "Counted by the library in one run of each" }
            div.scroll {
                table {
                    thead { tr { th {} @for arm in &report.arms { th.number { (arm.name) } } } }
                    tbody {
                        @for figure in FIGURES {
                            tr { th { (figure.label) } @for counted in &all { td.number { ((figure.show)(counted)) } } }
                        }
                    }
                }
            }
        }
    }
}

/// How far the line reaches to both sides of 1, so that the time's interval lies well inside.
fn reach(report: &Report) -> f64 {
    let intervals = report.times().filter_map(|time| time.comparison).map(|comparison| comparison.interval);
    let far = intervals.map(|i| i.high.max(1.0 / i.low.max(1e-9))).fold(1.0, f64::max);
    far.powf(1.3).clamp(1.5, 1000.0)
}

const fn tone(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Less => "good",
        Verdict::More => "bad",
        _ => "even",
    }
}

/// The interval on a logarithmic line around 1.
fn forest(comparison: &Comparison, reach: f64) -> Markup {
    let axis = Axis::log(1.0 / reach, reach, 4.0, 156.0);
    let [low, at, high] =
        [comparison.interval.low, comparison.interval.ratio, comparison.interval.high].map(|r| axis.place(r));
    let tone = tone(comparison.verdict);
    let says = chance(comparison.p_holm);
    html! {
        svg class={ "small " (tone) } viewBox="0 0 160 20" role="img" aria-label=(says) {
            title { (says) }
            line.grid x1="4" x2="156" y1="10" y2="10" {}
            line.one x1="80" x2="80" y1="2" y2="18" {}
            line.interval x1=(px(low - 1.0)) x2=(px(high + 1.0)) y1="10" y2="10" {}
            circle.at cx=(px(at)) cy="10" r="4.5" {}
        }
    }
}

fn method(report: &Report) -> Markup {
    let machine = &report.machine;
    html! {
        section {
            h2 { "How it was measured" }
            dl.facts {
                @for arm in &report.arms { dt { (arm.name) } dd { (arm.description) } }
                dt { "runs" }
                dd {
                    (report.blocks()) " of each, after " (report.warmup) " of each that do not count, in blocks of one run of each in \
                    random order (--seed " (report.seed) ")"
                }
                dt { "interval" }
                dd {
                    @if report.method.at_most_s.is_some() {
                        "95 % at every look, of the ratio of a block's runs, by bets on the blocks"
                    } @else {
                        "95 %, of the ratio of the medians, by bootstrap of the blocks"
                    }
                    "; for times wider by the " (figure(report.method.between_sessions_percent)) " % that sessions differ by"
                }
                dt { "test" }
                dd {
                    @if report.method.at_most_s.is_some() {
                        "by the same bets: the runs ended when all was decided, which they allow for"
                    } @else {
                        "Mann-Whitney's rank test, two-sided"
                    }
                    "; a difference is believed below p = 0.01, corrected for the number of comparisons by Holm's method, and with an \
                     interval without 1"
                    @if let Some(within) = report.method.equal_within_percent {
                        "; equality within " (figure(within)) " % below p = 0.05 of two one-sided tests"
                    }
                }
                dt { "machine" }
                dd {
                    (machine.kernel) ", " (machine.processors) " CPUs, " (machine.congestion_control)
                    @if let Some(load) = machine.load { ", load " (load) }
                }
                dt { "tcptune" } dd { (report.tcptune) }
            }
        }
    }
}

fn raw(report: &Report) -> Markup {
    html! {
        section {
            details {
                summary { "All " (report.runs.len()) " runs" }
                div.scroll {
                    table {
                        thead { tr { th.number { "run" } th { "arm" } th.number { "time" } th.number { "user" } th.number { "system" } th.number { "status" } } }
                        tbody {
                            @for run in &report.runs {
                                tr class=(class(run.arm)) {
                                    td.number { (run.position + 1) }
                                    td { span.key { (report.name(run.arm)) } }
                                    td.number { (Unit::Seconds.show(run.measured.time_s)) }
                                    td.number { (Unit::Seconds.show(run.measured.usage.user_cpu_s)) }
                                    td.number { (Unit::Seconds.show(run.measured.usage.system_cpu_s)) }
                                    td.number { (run.measured.status) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::page;
    use crate::ab::fake::{of_arms, report};

    #[test]
    fn several_arms_have_a_row_a_colour_and_a_sentence_each() {
        let page = page(&of_arms(&[("old", 1.0), ("new", 0.7), ("other", 1.0)], |_| ()));
        assert_eq!(page.matches("<circle class=\"dot\"").count(), 2 * (30 + 30));
        for wanted in ["<dt>other</dt><dd class=\"candidate-2\">", "time: new", "new takes ", "found: other takes"] {
            assert!(page.contains(wanted), "{wanted}");
        }
        assert!(!page.contains("NaN") && !page.contains("inf"));
    }

    #[test]
    fn a_page_is_complete_in_itself_and_takes_any_text() {
        let page = page(&report(|_| ()));
        assert!(page.starts_with("<!DOCTYPE html>") && page.ends_with("</html>"));
        // The command is `made <up>`.
        assert!(page.contains("made &lt;up&gt;") && !page.contains("<up>"));
        for outside in ["http:", "https:", "src=", "href=", "<script", "@import", "url("] {
            assert!(!page.contains(outside), "{outside}");
        }
        assert_eq!(
            page.matches("<circle class=\"dot\"").count(),
            2 * (20 + 20),
            "a dot for each run, in two plots, twice"
        );
        assert!(!page.contains("NaN") && !page.contains("inf"));
    }
}
