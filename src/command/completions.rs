//! `inference-service completions SHELL`: the script that completes this command line, made from the
//! command line itself.

use std::{
    io::{self, Write},
    process::ExitCode,
};

use clap::{Arg, ArgMatches, Command, builder::PossibleValuesParser};
use clap_complete::{Shell, generate};

/// The shells, in the order of their help.
const SHELLS: [(&str, Shell); 3] =
    [("bash", Shell::Bash), ("zsh", Shell::Zsh), ("fish", Shell::Fish)];

pub(super) fn command() -> Command {
    let shells = PossibleValuesParser::new(SHELLS.map(|(name, _)| name));
    Command::new("completions")
        .about("Prints the script that completes this command line in a shell")
        .arg(Arg::new("shell").value_name("SHELL").required(true).value_parser(shells))
        .after_help(
            "bash: inference-service completions bash >~/.local/share/bash-completion/completions/inference-service\n\
             zsh:  inference-service completions zsh >~/.zfunc/_inference-service, with ~/.zfunc in fpath\n\
             fish: inference-service completions fish >~/.config/fish/completions/inference-service.fish",
        )
}

pub(super) fn main(matches: &ArgMatches) -> ExitCode {
    let name = matches.get_one::<String>("shell");
    let shell = SHELLS.into_iter().find(|(shell, _)| name.is_some_and(|name| name == shell));
    let Some((_, shell)) = shell else { return ExitCode::FAILURE };
    // In memory first: what cannot be written must not panic.
    let mut script = Vec::new();
    generate(shell, &mut super::cli(), "inference-service", &mut script);
    super::printed(io::stdout().lock().write_all(&script))
}
