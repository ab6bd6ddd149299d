//! Wrong command lines: what is printed, and the exit status.
//!
//! Docker answers a wrong flag with one sentence, the verb's usage, where to read more, and 125; a missing or needless
//! argument and an unknown command with 1. Scripts rely on the numbers, people on the sentences, so both are kept.
//!
//! Somebody who knows Docker will try what this engine does not have yet. Then the answer names the chapter.

use std::env;
use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory, Error};

use super::Cli;

/// Prints what clap found wrong, in Docker's words, and returns Docker's exit status.
pub(crate) fn report(error: &Error) -> ExitCode {
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        // Nobody listening is no failure.
        let _ = error.print();
        return ExitCode::SUCCESS;
    }
    let verb = verb();
    let command = verb.as_ref().map_or("coracle".to_owned(), |verb| format!("coracle {verb}"));
    let (sentence, status) = match error.kind() {
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand | ErrorKind::MissingSubcommand => {
            eprint!("{}", Cli::command().render_help());
            return ExitCode::SUCCESS;
        }
        ErrorKind::InvalidSubcommand => {
            let verb = context(error, ContextKind::InvalidSubcommand);
            eprintln!("coracle: unknown command: coracle {verb}{}", hint(error, VERBS, &verb));
            eprintln!("\nRun 'coracle --help' for more information");
            return ExitCode::from(1);
        }
        ErrorKind::MissingRequiredArgument => (missing(verb.as_deref(), &command), 1),
        ErrorKind::UnknownArgument if context(error, ContextKind::InvalidArg).starts_with('-') => {
            (unknown_flag(error), 125)
        }
        ErrorKind::UnknownArgument => (
            format!("'{command}' does not take the argument '{}'", context(error, ContextKind::InvalidArg)),
            1,
        ),
        ErrorKind::InvalidUtf8 => ("an argument is not UTF-8".to_owned(), 125),
        _ => (invalid_value(error), 125),
    };
    eprintln!("coracle: {sentence}\n");
    eprintln!("Usage:  {}\n", usage_line(verb.as_deref()));
    eprintln!("Run '{command} --help' for more information");
    ExitCode::from(status)
}

/// The verb on our command line: the first argument that is one.
fn verb() -> Option<String> {
    let cli = Cli::command();
    let is_verb = |word: &String| cli.get_subcommands().any(|verb| verb.get_name() == word);
    env::args_os().skip(1).filter_map(|word| word.into_string().ok()).find(is_verb)
}

/// How the verb is used, without clap's heading.
fn usage_line(verb: Option<&str>) -> String {
    let mut cli = Cli::command();
    let command = match verb.and_then(|verb| cli.find_subcommand_mut(verb)) {
        Some(command) => command,
        None => &mut cli,
    };
    let usage = command.render_usage().to_string();
    usage.strip_prefix("Usage: ").unwrap_or(&usage).trim().to_owned()
}

/// `'coracle run' requires at least 1 argument`
fn missing(verb: Option<&str>, command: &str) -> String {
    let cli = Cli::command();
    let verb = verb.and_then(|verb| cli.find_subcommand(verb)).unwrap_or(&cli);
    let count = verb.get_positionals().filter(|argument| argument.is_required_set()).count();
    let arguments = if count == 1 { "argument" } else { "arguments" };
    format!("'{command}' requires at least {count} {arguments}")
}

/// `unknown flag: --volum; did you mean '--volume'?`
fn unknown_flag(error: &Error) -> String {
    let flag = context(error, ContextKind::InvalidArg);
    let kind = match flag.starts_with("--") {
        true => format!("unknown flag: {flag}"),
        false => format!("unknown shorthand flag: '{}' in {flag}", flag.trim_start_matches('-')),
    };
    kind + &hint(error, FLAGS, &flag)
}

/// `invalid argument "abc" for "--user" flag: …`, or `flag needs an argument: --user`
fn invalid_value(error: &Error) -> String {
    let flag = context(error, ContextKind::InvalidArg);
    let flag = flag.split(' ').next().unwrap_or_default();
    let value = context(error, ContextKind::InvalidValue);
    match std::error::Error::source(error) {
        Some(cause) => format!("invalid argument {value:?} for \"{flag}\" flag: {cause}"),
        None if value.is_empty() && error.kind() == ErrorKind::InvalidValue => {
            format!("flag needs an argument: {flag}")
        }
        None => error.to_string().lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned(),
    }
}

/// The chapter that brings it, or what was probably meant.
fn hint(error: &Error, later: &[(&str, u8)], word: &str) -> String {
    if let Some((_, chapter)) = later.iter().find(|(name, _)| *name == word) {
        return format!(" (it comes with chapter {chapter})");
    }
    let guess =
        [ContextKind::SuggestedSubcommand, ContextKind::SuggestedArg].map(|kind| context(error, kind));
    match guess.iter().find(|guess| !guess.is_empty()) {
        Some(guess) => format!("; did you mean '{guess}'?"),
        None => String::new(),
    }
}

/// One fact that clap tells about an error.
fn context(error: &Error, kind: ContextKind) -> String {
    match error.get(kind) {
        Some(ContextValue::String(text)) => text.clone(),
        Some(ContextValue::Strings(texts)) => texts.first().cloned().unwrap_or_default(),
        _ => String::new(),
    }
}

/// Docker's verbs that later chapters bring.
const VERBS: &[(&str, u8)] = &[
    ("attach", 12),
    ("build", 13),
    ("commit", 9),
    ("compose", 15),
    ("cp", 12),
    ("create", 12),
    ("diff", 12),
    ("events", 12),
    ("exec", 12),
    ("export", 9),
    ("history", 9),
    ("inspect", 12),
    ("kill", 12),
    ("load", 9),
    ("login", 14),
    ("logout", 14),
    ("logs", 12),
    ("network", 10),
    ("pause", 12),
    ("port", 10),
    ("pull", 14),
    ("push", 14),
    ("rename", 12),
    ("restart", 12),
    ("rmi", 9),
    ("save", 9),
    ("start", 12),
    ("stats", 12),
    ("stop", 12),
    ("tag", 9),
    ("top", 12),
    ("unpause", 12),
    ("update", 12),
    ("volume", 8),
    ("wait", 12),
];

/// Flags of Docker's `run` that later chapters bring.
const FLAGS: &[(&str, u8)] = &[
    ("--add-host", 11),
    ("--detach", 12),
    ("-d", 12),
    ("--dns", 11),
    ("--health-cmd", 12),
    ("--mount", 8),
    ("--network-alias", 11),
    ("--publish", 10),
    ("-p", 10),
    ("--publish-all", 10),
    ("-P", 10),
    ("--restart", 12),
    ("--volume", 8),
    ("-v", 8),
    ("--volumes-from", 8),
];
