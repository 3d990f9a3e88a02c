//! Scans a file and tells how many rows it has and how long that took: `cargo run --release -p tidemill-data
//! --example scan -- FILE`.

use std::time::Instant;

#[expect(clippy::print_stdout, reason = "its output is for the person at the terminal")]
fn main() -> tidemill_core::Result<()> {
    let location = std::env::args().nth(1).unwrap_or_else(|| "-".into());
    let start = Instant::now();
    let source = tidemill_data::source::open(&location, &Default::default())?;
    let mut n_rows = 0;
    for batch in source.scan()? {
        n_rows += batch?.n_rows();
    }
    let seconds = start.elapsed().as_secs_f64();
    println!("{n_rows} rows of {} columns in {seconds:.3} s", source.schema().len());
    Ok(())
}
