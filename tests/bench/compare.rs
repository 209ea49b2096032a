//! Compares the daemon with other echo servers: cost per line, throughput, latency, and memory per
//! connection. Run with `make bench`.
//!
//! Every server has the first core, and the load the second. The servers take turns, each time as a
//! new process, so that other activity of the machine affects all of them alike; and ratios are
//! computed within a round, so that differences between rounds do not matter.
//!
//! The exact figure is the processor time of the server, which the kernel counts in nanoseconds. It
//! decides; throughput and latency also depend on the load generator.

#![cfg(test)]

mod bars;
mod cases;
mod curves;
mod drawing;
mod flood;
mod goals;
mod load;
mod machine;
mod measure;
mod options;
mod plots;
mod results;
mod rounds;
mod running;
mod servers;
mod table;

use std::fs;
use std::process::ExitCode;

fn main() -> ExitCode {
    // `cargo test --all-targets` builds benches too; a comparison would take too long there.
    if !std::env::args().any(|word| word == "--bench") {
        println!("SKIPPED the comparison: make bench");
        return ExitCode::SUCCESS;
    }
    let options = match options::Options::parse(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(wrong) => {
            eprintln!("{wrong}\n{}", options::USAGE);
            return ExitCode::from(2);
        }
    };
    let results = rounds::run(&options);
    fs::create_dir_all(&options.out).expect("a directory for the results");
    fs::write(options.out.join("results.md"), table::page(&options, &results)).expect("results");
    plots::draw(&options.out, &results).expect("plots");
    println!("\n{}", goals::table(&results));
    println!("written to {}", options.out.display());
    let troubles = results.troubles();
    for trouble in &troubles {
        eprintln!("no measurement: {trouble}");
    }
    if troubles.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
