//! A row for each run, a column for each measure; empty where a run does not have it.

use crate::ab::measures::of_runs;
use crate::ab::report::Report;
use crate::errors::{Context, Failure};

pub fn rows(report: &Report) -> Result<String, Failure> {
    let bytes = written(report).doing(|| "write the runs as CSV")?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn written(report: &Report) -> csv::Result<Vec<u8>> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let measures = of_runs(&report.runs);
    let keys = measures.iter().map(|measure| &*measure.key);
    writer.write_record(["position", "block", "arm", "name", "status"].into_iter().chain(keys))?;
    for run in &report.runs {
        let name = report.name(run.arm).to_owned();
        let of_run =
            [run.position.to_string(), run.block.to_string(), run.arm.word(), name, run.measured.status.to_string()];
        let values =
            measures.iter().map(|measure| measure.of(&run.measured).map_or_else(String::new, |v| v.to_string()));
        writer.write_record(of_run.into_iter().chain(values))?;
    }
    writer.into_inner().map_err(|error| error.into_error().into())
}
