//! `coracle import`: an image from an archive or a directory.

use std::path::PathBuf;

use anyhow::{Result, bail, ensure};

use super::print;
use crate::store::{Config, DEFAULT_PATH, Image, Reference, Source, Store};

/// Make an image from a tar archive (gzipped or not) or from a directory
#[derive(clap::Args)]
#[command(
    override_usage = "coracle import [OPTIONS] file|directory|- REPOSITORY[:TAG]",
    args_override_self = true
)]
pub(super) struct Args {
    /// Apply a Dockerfile instruction to the image: CMD, ENTRYPOINT, ENV, USER or WORKDIR
    #[arg(short, long, value_name = "INSTRUCTION", allow_hyphen_values = true)]
    change: Vec<String>,
    /// An archive, a directory that is a root filesystem, or `-` for an archive on standard input
    #[arg(value_name = "file|directory|-")]
    source: PathBuf,
    /// What to call the image
    #[arg(value_name = "REPOSITORY[:TAG]")]
    reference: String,
}

/// Makes the image and prints its name.
pub(super) fn run(args: Args) -> Result<u8> {
    let reference = Reference::parse(&args.reference)?;
    let mut config = Config { env: vec![DEFAULT_PATH.to_owned()], ..Config::default() };
    for change in &args.change {
        apply(&mut config, change)?;
    }
    let source = if args.source.as_os_str() == "-" { Source::Stdin } else { Source::Path(args.source) };
    let remarks = Store::open()?.import(&source, &reference, Image { config, ..Image::default() })?;
    for remark in remarks {
        eprintln!("coracle: {remark}");
    }
    print(&format!("{reference}\n"))
}

/// Applies one instruction as a Dockerfile would.
fn apply(config: &mut Config, change: &str) -> Result<()> {
    let (instruction, rest) = change.trim().split_once(char::is_whitespace).unwrap_or((change.trim(), ""));
    let rest = rest.trim();
    ensure!(!rest.is_empty(), "--change `{change}`: the instruction has no argument");
    match instruction.to_ascii_uppercase().as_str() {
        "CMD" => config.cmd = command(rest),
        "ENTRYPOINT" => config.entrypoint = command(rest),
        "USER" => config.user = rest.to_owned(),
        "WORKDIR" if rest.starts_with('/') => config.working_dir = rest.to_owned(),
        "WORKDIR" => config.working_dir = format!("{}/{rest}", config.working_dir.trim_end_matches('/')),
        "ENV" => {
            for (name, value) in variables(change, rest)? {
                config.env.retain(|old| old.split('=').next() != Some(name.as_str()));
                config.env.push(format!("{name}={value}"));
            }
        }
        other => bail!(
            "--change `{change}`: {other} cannot be applied; CMD, ENTRYPOINT, ENV, USER and WORKDIR can"
        ),
    }
    Ok(())
}

/// `["program", "argument"]` as it stands; anything else is a line for the shell.
fn command(rest: &str) -> Vec<String> {
    serde_json::from_str(rest).unwrap_or_else(|_| ["/bin/sh", "-c", rest].map(str::to_owned).to_vec())
}

/// `NAME=value OTHER="two words"`, or the old form `NAME value`.
fn variables(change: &str, rest: &str) -> Result<Vec<(String, String)>> {
    let first = rest.split(char::is_whitespace).next().unwrap_or(rest);
    if !first.contains('=') {
        let Some((name, value)) = rest.split_once(char::is_whitespace) else {
            bail!("--change `{change}`: ENV must have two arguments, or NAME=value");
        };
        return Ok(vec![(name.to_owned(), value.trim().to_owned())]);
    }
    let variable = |word: String| match word.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => bail!("--change `{change}`: `{word}` is not NAME=value"),
    };
    words(rest).into_iter().map(variable).collect()
}

/// Words between spaces; quotes keep spaces, a backslash keeps the next character.
fn words(text: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match (letter, quote) {
            (' ' | '\t', None) => words.extend(word.take()),
            ('"' | '\'', None) => (quote, word) = (Some(letter), Some(word.unwrap_or_default())),
            (_, Some(open)) if letter == open => quote = None,
            ('\\', None | Some('"')) => word.get_or_insert_default().extend(letters.next()),
            _ => word.get_or_insert_default().push(letter),
        }
    }
    words.extend(word);
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changed(changes: &[&str]) -> Result<Config> {
        let mut config = Config::default();
        changes.iter().try_for_each(|change| apply(&mut config, change))?;
        Ok(config)
    }

    #[test]
    fn instructions_are_applied_as_in_a_dockerfile() {
        let config = changed(&[
            "CMD [\"ls\", \"-l\"]",
            "entrypoint echo hello",
            "ENV A=1 B=\"two words\" C=a\\ b",
            "ENV A 3 and more",
            "WORKDIR /srv",
            "WORKDIR data",
            "USER 1000:1000",
        ])
        .unwrap();
        assert_eq!(config.cmd, ["ls", "-l"]);
        assert_eq!(config.entrypoint, ["/bin/sh", "-c", "echo hello"]);
        assert_eq!(config.env, ["B=two words", "C=a b", "A=3 and more"]);
        assert_eq!((config.working_dir.as_str(), config.user.as_str()), ("/srv/data", "1000:1000"));
    }

    #[test]
    fn what_cannot_be_applied_is_said() {
        for change in ["RUN true", "CMD", "", "ENV", "ENV A", "ENV =x"] {
            let error = changed(&[change]).expect_err(change).to_string();
            assert!(error.starts_with("--change"), "{change}: {error}");
        }
    }
}
