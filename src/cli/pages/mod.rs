//! The manual pages, and what shells complete: written from the same commands that the programs
//! read their command lines with, so that no option is missing or other than it is.
//!
//! What clap does not know (signals, exit status, environment, examples) is written by hand, in
//! the files beside this one, in the language of man(7).

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use clap::Command;
use clap_complete::{Shell, generate_to};
use clap_mangen::Man;

use super::commands;

/// The day on which what is written by hand was changed, for the foot of the pages.
const DATE: &str = "2026-11-28";

/// Stands for the end of a line that is to stay one; no help text has this sign.
const LINE_BREAK: &str = "¶";

/// What is put right in the options as they are written: rustdoc's marks; how to say a line's end;
/// the space before a list, which mandoc(1) complains of; and a sentence for each option.
const PUT_RIGHT: [(&str, &str); 5] = [
    ("`", ""),
    (LINE_BREAK, ".br"),
    (".br\n\n.br\n", ".sp\n"),
    ("May also be specified with the ", "Environment: "),
    (" environment variable. \n", "\n"),
];

/// What a page needs that clap does not know.
struct Page {
    /// 1 is for users' commands, 8 for those of administrators (man-pages(7)).
    section: &'static str,
    /// What the whole section is about.
    manual: &'static str,
    usage: &'static str,
    by_hand: &'static str,
}

/// In the order of [`commands`].
const PAGES: [Page; 3] = [
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
];

/// Writes everything into `man`, `bash`, `zsh` and `fish` of that directory, which may be there.
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
            generate_to(shell, &mut command, name, &place)?;
        }
    }
    Ok(())
}

fn text(command: Command, page: &Page) -> io::Result<Vec<u8>> {
    let man = Man::new(with_lists(command).override_usage(page.usage))
        .section(page.section)
        .manual(page.manual)
        .date(DATE);
    let mut text = Vec::new();
    man.render_title(&mut text)?;
    man.render_name_section(&mut text)?;
    man.render_synopsis_section(&mut text)?;
    man.render_description_section(&mut text)?;
    let mut options = Vec::new();
    man.render_options_section(&mut options)?;
    let mut options = String::from_utf8_lossy(&options).into_owned();
    for (written, right) in PUT_RIGHT {
        options = options.replace(written, right);
    }
    text.write_all(options.as_bytes())?;
    text.write_all(page.by_hand.as_bytes())?;
    Ok(text)
}

/// With its help texts' lists marked as such, or they would be one paragraph.
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
