//! What must be so of any input whatever: a function for each place that reads what others have
//! written. A fuzzer gives them bytes until one panics; `tests/fuzzing.rs` gives them random ones.

#![forbid(unsafe_code)]

mod streams;
mod talks;
mod texts;

pub use talks::{http, lines, records};
pub use texts::{commands, criteria, proxy};
