//! Properties of any input: one function for each parser of foreign data. A fuzzer calls them with
//! bytes until one panics; `tests/fuzzing.rs` calls them with random input.

#![forbid(unsafe_code)]

mod streams;
mod talks;
mod texts;

pub use talks::{http, lines, probe, records};
pub use texts::{commands, criteria, proxy};
