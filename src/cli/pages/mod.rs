//! Writes the manual pages and shell completions from the commands that parse the command lines, so
//! every option appears in them, as the programs parse it.
//!
//! The files beside this one hold the parts that clap does not know (signals, exit status,
//! environment, examples), written by hand in man(7) markup.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use clap::{Arg, Command};
use clap_complete::{Shell, generate_to};
use clap_mangen::Man;

use super::commands;

/// The date of the last change to the hand-written parts, for the footer of the pages.
const DATE: &str = "2026-11-28";

/// Marks a line break to keep; no help text contains this character.
const LINE_BREAK: &str = "¶";

/// Corrections to the rendered options: removes rustdoc's backticks, writes line breaks in roff,
/// replaces the space before a list, which mandoc(1) reports, and shortens the sentence about the
/// variable.
const CORRECTIONS: [(&str, &str); 5] = [
    ("`", ""),
    (LINE_BREAK, ".br"),
    (".br\n\n.br\n", ".sp\n"),
    ("May also be specified with the ", "Environment: "),
    (" environment variable. \n", "\n"),
];

/// The parts of a page that clap does not know.
struct Page {
    /// 1 for user commands, 8 for administration commands (man-pages(7)).
    section: &'static str,
    /// The title of the manual section.
    manual: &'static str,
    usage: &'static str,
    by_hand: &'static str,
}

/// In the order of [`commands`].
const PAGES: [Page; 5] = [
    Page {
        section: "8",
        manual: "System Administration",
        usage: "tcpechod [OPTIONS]",
        by_hand: include_str!("tcpechod.roff"),
    },
    Page {
        section: "1",
        manual: "User Commands",
        usage: "tcpecho [OPTIONS] HOST [PORT]",
        by_hand: include_str!("tcpecho.roff"),
    },
    Page {
        section: "1",
        manual: "User Commands",
        usage: "tcpecho-load [OPTIONS] HOST [PORT]\ntcpecho-load compare A.json B.json",
        by_hand: include_str!("tcpecho-load.roff"),
    },
    Page {
        section: "1",
        manual: "User Commands",
        usage: "tcpecho-exam server|client [OPTIONS] -- COMMAND...",
        by_hand: include_str!("tcpecho-exam.roff"),
    },
    Page {
        section: "1",
        manual: "User Commands",
        usage: "tcpecho-probe COMMAND [OPTIONS] HOST...",
        by_hand: include_str!("tcpecho-probe.roff"),
    },
];

/// Writes the files into `man`, `bash`, `zsh` and `fish` in `directory`; creates missing
/// directories.
pub fn write(directory: &Path) -> io::Result<()> {
    let man = directory.join("man");
    fs::create_dir_all(&man)?;
    for (command, page) in commands().into_iter().zip(PAGES) {
        let file = man.join(format!("{}.{}", command.get_name(), page.section));
        fs::write(file, text(command, &page)?)?;
    }
    for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
        let place = directory.join(shell.to_string());
        fs::create_dir_all(&place)?;
        for mut command in commands() {
            let name = command.get_name().to_owned();
            let file = generate_to(shell, &mut command, &name, &place)?;
            // clap_complete 4.6 writes a hyphen of the program's name in two ways, and so finds no
            // options of its subcommands.
            let (wrong, right) = (name.replace('-', "__subcmd__"), name.replace('-', "__"));
            fs::write(&file, fs::read_to_string(&file)?.replace(&wrong, &right))?;
        }
    }
    Ok(())
}

fn text(command: Command, page: &Page) -> io::Result<Vec<u8>> {
    let subcommands: Vec<_> = command.get_subcommands().cloned().collect();
    let man = Man::new(with_lists(command).override_usage(page.usage))
        .section(page.section)
        .manual(page.manual)
        .date(DATE);
    let mut text = Vec::new();
    man.render_title(&mut text)?;
    man.render_name_section(&mut text)?;
    man.render_synopsis_section(&mut text)?;
    man.render_description_section(&mut text)?;
    text.write_all(options(&man)?.as_bytes())?;
    for subcommand in subcommands {
        text.write_all(subsection(subcommand)?.as_bytes())?;
    }
    text.write_all(page.by_hand.as_bytes())?;
    Ok(text)
}

fn options(man: &Man) -> io::Result<String> {
    let mut options = Vec::new();
    man.render_options_section(&mut options)?;
    let mut options = String::from_utf8_lossy(&options).into_owned();
    for (rendered, right) in CORRECTIONS {
        options = options.replace(rendered, right);
    }
    Ok(options)
}

/// Describes a subcommand and its own options; nothing if it has none.
fn subsection(subcommand: Command) -> io::Result<String> {
    if subcommand.get_arguments().all(Arg::is_positional) {
        return Ok(String::new());
    }
    let title = format!(".SS {}", subcommand.get_name().replace('-', "\\-"));
    let man = Man::new(with_lists(subcommand).disable_help_flag(true));
    let mut about = Vec::new();
    man.render_description_section(&mut about)?;
    let about = String::from_utf8_lossy(&about).replace(".SH DESCRIPTION", &title);
    Ok(about + &options(&man)?.replace(".SH OPTIONS\n", ""))
}

/// Marks the line breaks in help texts, so that a list does not become one paragraph.
fn with_lists(command: Command) -> Command {
    command.mut_args(|option| {
        let help = option.get_long_help().or_else(|| option.get_help()).map(ToString::to_string);
        match help {
            Some(help) => {
                let lines: Vec<_> = help.lines().collect();
                option.long_help(lines.join(&format!("\n{LINE_BREAK}\n")))
            }
            None => option,
        }
    })
}
