//! The environment of a container's program.
//!
//! The kernel hands a program whatever list of strings execve(2) is given. A container's list is made from nothing, so
//! that no secret in the caller's environment gets in by accident: first the engine's own variables, then the image's,
//! then those of `--env-file`, then those of `-e`; of two with one name the later wins.
//!
//! A file of variables has Docker's rules: one `NAME=value` a line, all after the `=` as it stands, quotes included;
//! `NAME` alone takes the caller's value if there is one; `#` begins a comment at the beginning of a line only.
//!
//! Man pages: environ(7), execve(2).

use std::env;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};

use crate::store::DEFAULT_PATH;

/// What the engine itself sets; `TERM` only where there is a terminal.
pub(super) fn base(hostname: &str, tty: bool) -> Vec<String> {
    let mut variables = vec![DEFAULT_PATH.to_owned(), format!("HOSTNAME={hostname}")];
    if tty {
        variables.push("TERM=xterm".to_owned());
    }
    variables
}

/// Adds `more` to `variables`. A name without `=` takes away the variable of that name, as in Docker.
pub(super) fn merge(variables: &mut Vec<String>, more: Vec<String>) {
    for variable in more {
        let name = name_of(&variable).to_owned();
        let old = variables.iter().position(|old| name_of(old) == name);
        match (old, variable.contains('=')) {
            (Some(old), true) => variables[old] = variable,
            (Some(old), false) => _ = variables.remove(old),
            (None, true) => variables.push(variable),
            (None, false) => {}
        }
    }
}

/// Is there a variable of this name?
pub(super) fn has(variables: &[String], name: &str) -> bool {
    variables.iter().any(|variable| name_of(variable) == name)
}

/// `-e NAME` with the caller's value. If the caller has none it stays as it is, and [`merge`] takes it away.
pub(super) fn from_flag(variable: String) -> Result<String> {
    match variable.contains('=') {
        true => Ok(variable),
        false => Ok(callers(&variable)?.unwrap_or(variable)),
    }
}

/// The variables in a file.
pub(super) fn from_file(path: &Path) -> Result<Vec<String>> {
    let shown = path.display();
    let bytes = fs::read(path).with_context(|| format!("open `{shown}`"))?;
    let text =
        String::from_utf8(bytes).map_err(|_| anyhow!("invalid env file ({shown}): it is not UTF-8"))?;
    let lines = parse(&text).with_context(|| format!("invalid env file ({shown})"))?;
    let mut variables = Vec::new();
    for line in lines {
        if line.contains('=') {
            variables.push(line.to_owned());
        } else {
            variables.extend(callers(line)?);
        }
    }
    Ok(variables)
}

/// The lines that hold variables, checked.
fn parse(text: &str) -> Result<Vec<&str>> {
    let mut variables = Vec::new();
    for line in text.strip_prefix('\u{feff}').unwrap_or(text).lines() {
        let line = line.trim_start();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        match name_of(line) {
            "" => bail!("no variable name on line '{line}'"),
            name if name.contains([' ', '\t']) => bail!("variable '{name}' contains whitespaces"),
            _ if line.contains('\0') => bail!("a zero byte on line '{}'", line.replace('\0', "\\0")),
            _ => variables.push(line),
        }
    }
    Ok(variables)
}

/// `NAME=value` from our own environment.
fn callers(name: &str) -> Result<Option<String>> {
    match env::var(name) {
        Ok(value) => Ok(Some(format!("{name}={value}"))),
        Err(env::VarError::NotPresent) => Ok(None),
        Err(env::VarError::NotUnicode(_)) => {
            bail!("the variable {name} is not UTF-8 here; give its value after `=`")
        }
    }
}

fn name_of(variable: &str) -> &str {
    variable.split('=').next().unwrap_or(variable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_later_wins_and_a_bare_name_takes_away() {
        let mut variables = base("box", true);
        merge(&mut variables, ["A=1", "PATH=/bin", "A=2", "TERM", "NONE"].map(str::to_owned).to_vec());
        assert_eq!(variables, ["PATH=/bin", "HOSTNAME=box", "A=2"]);
    }

    #[test]
    fn lines_of_a_file() {
        for (text, variables) in [
            ("", vec![]),
            ("\u{feff}A=1\n", vec!["A=1"]),
            ("# comment\n  # comment\n\n \t\nA=1", vec!["A=1"]),
            ("  A= 1 # no comment \nB=\"2\"\r\n", vec!["A= 1 # no comment ", "B=\"2\""]),
            ("A=b=c\nB=\nC", vec!["A=b=c", "B=", "C"]),
            ("a.b-c=1", vec!["a.b-c=1"]),
        ] {
            assert_eq!(parse(text).unwrap(), variables, "{text:?}");
        }
    }

    #[test]
    fn lines_that_are_wrong() {
        for (text, says) in [
            ("=1", "no variable name on line '=1'"),
            ("A B=1", "variable 'A B' contains whitespaces"),
            ("A =1", "variable 'A ' contains whitespaces"),
            ("export A=1", "variable 'export A' contains whitespaces"),
            ("A=\0", "zero byte"),
        ] {
            let error = parse(text).unwrap_err().to_string();
            assert!(error.contains(says), "{text:?}: {error}");
        }
    }

    #[test]
    fn names_without_a_value_take_the_callers() {
        assert_eq!(from_flag("PATH".into()).unwrap(), format!("PATH={}", env::var("PATH").unwrap()));
        assert_eq!(from_flag("CORACLE_NO_SUCH".into()).unwrap(), "CORACLE_NO_SUCH");
        assert_eq!(from_flag("PATH=".into()).unwrap(), "PATH=");
    }
}
