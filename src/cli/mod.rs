//! Parses command lines and the environment once, into validated configuration. The only module
//! that uses clap.

mod client;
mod daemon;
mod environment;
#[cfg(feature = "exam")]
mod exam;
#[cfg(feature = "load")]
mod load;
#[cfg(feature = "load")]
mod load_units;
#[cfg(feature = "load")]
mod load_words;
mod log_level;
#[cfg(feature = "pages")]
mod pages;
#[cfg(feature = "probe")]
mod probe;
mod send_proxy;
mod socket_options;
mod socket_units;
mod target;
mod units;

pub use client::{parse as parse_client, read as read_client};
pub use daemon::{DaemonCommand, parse as parse_daemon, read as read_daemon};
pub use environment::unknown_variables;
#[cfg(feature = "exam")]
pub use exam::{ExamCommand, parse as parse_exam, read as read_exam};
#[cfg(feature = "load")]
pub use load::{LoadCommand, parse as parse_load, read as read_load};
pub use log_level::LogFilter;
#[cfg(feature = "pages")]
pub use pages::write as write_pages;
#[cfg(feature = "probe")]
pub use probe::{parse as parse_probe, read as read_probe};

/// The course's port (UNIX Network Programming, section 5.2).
const PORT: u16 = 9877;

/// The command lines of the five programs, for the manual pages and for the tests of the documents.
pub fn commands() -> Vec<clap::Command> {
    vec![
        environment::command::<daemon::DaemonArgs>(),
        environment::command::<client::ClientArgs>(),
        #[cfg(feature = "load")]
        environment::command::<load::RunLoadArgs>(),
        #[cfg(feature = "exam")]
        environment::command::<exam::ExamArgs>(),
        #[cfg(feature = "probe")]
        environment::command::<probe::ProbeArgs>(),
    ]
}

/// A program's command line, and those of its subcommands, by the words that begin them.
pub fn parts(program: &clap::Command) -> impl Iterator<Item = (String, &clap::Command)> {
    let name = program.get_name();
    let subcommands = program.get_subcommands();
    let subcommands = subcommands.map(move |one| (format!("{name} {}", one.get_name()), one));
    std::iter::once((name.to_owned(), program)).chain(subcommands)
}

#[cfg(all(test, feature = "load", feature = "exam", feature = "probe"))]
mod tests {
    use super::*;

    /// Parses `--option=value` as that part of a program would.
    fn read(part: &str, option: &str, value: &str) -> Result<(), String> {
        let option = format!("--{option}={value}");
        let words: Vec<_> = part.split(' ').chain([&*option]).collect();
        let server = ["localhost"];
        let program = part.split(' ').next().unwrap_or_default();
        let result = match program {
            "tcpechod" => read_daemon(words).map(drop),
            "tcpecho" => read_client(words.iter().chain(&server)).map(drop),
            "tcpecho-exam" => read_exam([program, "server", &option, "--", "x"]).map(drop),
            "tcpecho-probe" => read_probe(words.iter().chain(&server)).map(drop),
            _ => read_load(words.iter().chain(&server)).map(drop),
        };
        result.map_err(|error| error.to_string())
    }

    #[test]
    fn f05_every_number_size_and_duration_has_a_bound_that_is_named() {
        let units = ["N", "BYTES", "DURATION"];
        let absurd = ["99999999999999999999", "99999999999999999999g", "18446744073709551615s"];
        let mut tried = 0;
        let commands = commands();
        for (part, command) in commands.iter().flat_map(parts) {
            for option in command.get_arguments() {
                let name = option.get_value_names().and_then(|names| names.first());
                let Some(long) = option.get_long() else { continue };
                if !name.is_some_and(|name| units.contains(&name.as_str())) {
                    continue;
                }
                let said: Vec<_> =
                    absurd.iter().filter_map(|value| read(&part, long, value).err()).collect();
                assert_eq!(said.len(), absurd.len(), "{part} --{long} takes them");
                let bound = |said: &String| {
                    ["at most ", " to "].iter().any(|word| said.contains(word))
                        || said.contains("the kernel counts this in milliseconds, up to")
                };
                assert!(said.iter().any(bound), "{part} --{long}: {said:#?}");
                tried += 1;
            }
        }
        assert!(tried > 30, "{tried}");
    }
}
