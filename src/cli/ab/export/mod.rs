//! Results as files: JSON with everything, CSV with a row for each run, Markdown with the table.

mod csv;
mod markdown;

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

use super::report::Report;
use crate::errors::Failure;
use crate::os::files::Target;
use crate::output::json;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Json,
    Csv,
    Markdown,
}

impl Format {
    pub const fn word(self) -> &'static str {
        match self {
            Format::Json => "json",
            Format::Csv => "csv",
            Format::Markdown => "markdown",
        }
    }
}

/// From `json=FILE`.
pub fn target(given: &OsString) -> Result<(Format, PathBuf), Failure> {
    let wrong = || Failure::of_option("--export", given, "allowed is json=FILE, csv=FILE or markdown=FILE");
    let bytes = given.as_bytes();
    let equals = bytes.iter().position(|&b| b == b'=').ok_or_else(wrong)?;
    let format = match &bytes[..equals] {
        b"json" => Format::Json,
        b"csv" => Format::Csv,
        b"markdown" | b"md" => Format::Markdown,
        _ => return Err(wrong()),
    };
    let file = PathBuf::from(OsString::from_vec(bytes[equals + 1..].to_vec()));
    if file.as_os_str().is_empty() { Err(wrong()) } else { Ok((format, file)) }
}

pub fn write(report: &Report, format: Format, target: &Target) -> Result<(), Failure> {
    let text = match format {
        Format::Json => json::pretty(report)? + "\n",
        Format::Csv => csv::rows(report)?,
        Format::Markdown => markdown::page(report),
    };
    target.write(text.as_bytes(), None)
}

#[cfg(test)]
mod tests {
    use super::{Format, csv, markdown, target};
    use crate::ab::fake::report;

    #[test]
    fn targets() {
        let read = |text: &str| target(&text.into()).map_err(|failure| failure.message);
        assert_eq!(read("json=a=b.json"), Ok((Format::Json, "a=b.json".into())));
        assert_eq!(read("md=x"), Ok((Format::Markdown, "x".into())));
        for wrong in ["json", "yaml=x", "csv=", "=x", ""] {
            let said = read(wrong).expect_err("invalid");
            assert!(
                said.starts_with(&format!(
                    "--export {}: allowed is json=FILE",
                    if wrong.is_empty() { "''" } else { wrong }
                )),
                "{said}"
            );
        }
    }

    #[test]
    fn every_run_has_a_row() {
        let text = csv::rows(&report(|_| ())).expect("numbers");
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 21);
        assert!(
            lines[0].starts_with("position,block,arm,name,status,time_s,throughput,user_cpu_s,system_cpu_s,"),
            "{}",
            lines[0]
        );
        assert!(lines[1].starts_with("0,0,") && lines[20].starts_with("19,9,"));
        assert_eq!(lines.iter().filter(|line| line.contains(",baseline,plain,0,")).count(), 10);
    }

    #[test]
    fn the_table_is_a_table() {
        let page = markdown::page(&report(|_| ()));
        assert!(page.contains("| time | 4.0"), "{page}");
        assert!(page.contains("tcptune is ") && page.contains("`made <up>`"), "{page}");
        let rows: Vec<&str> = page.lines().filter(|line| line.starts_with('|')).collect();
        assert!(rows.iter().all(|row| row.matches('|').count() == rows[0].matches('|').count()), "{page}");
    }

    #[test]
    fn the_json_has_everything() {
        let value: serde_json::Value = serde_json::to_value(report(|_| ())).expect("plain data");
        assert_eq!(value["runs"].as_array().map(Vec::len), Some(20));
        assert_eq!(value["measures"][0]["measure"], "time_s");
        assert_eq!(value["measures"][0]["comparison"]["verdict"], "less");
        assert!(
            value["measures"][0]["comparison"]["low"].as_f64() <= value["measures"][0]["comparison"]["ratio"].as_f64()
        );
        assert!(value["runs"][0]["time_s"].is_f64() && value["runs"][0]["network"].is_object());
    }
}
