//! The process and its descriptors: errno values, limits, signals, standard error, files.

pub mod descriptors;
pub mod errno;
pub mod log_file;
pub mod signals;
pub mod small_file;
pub mod stderr;
