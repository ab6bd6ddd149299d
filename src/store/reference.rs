//! What an image is called: `tiny`, `tiny:latest`, `localhost:5000/team/app:1.2`.
//!
//! The grammar is Docker's (the distribution project's `reference` package):
//!
//! ```text
//! reference  [domain "/"] component {"/" component} [":" tag]
//! domain     letters, digits, "-" and "." with an optional ":port"; recognised by a "." or ":" in it, or `localhost`
//! component  lower case letters and digits, joined by ".", "_", "__" or any number of "-"
//! tag        a letter, digit or "_", then up to 127 of those, "." and "-"
//! ```
//!
//! What we leave out: digests (`@sha256:…`), which need content-addressed images (chapter 9), and registries (14).

use std::fmt;

use anyhow::{Result, bail, ensure};

/// A parsed image reference in its short form: `docker.io/library/tiny:latest` is `tiny`, tag `latest`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Reference {
    /// The name before the tag, domain included when there is one.
    pub(crate) repository: String,
    /// `latest` when none was given.
    pub(crate) tag: String,
}

impl Reference {
    /// Reads what the user typed. The errors begin with Docker's words, `invalid reference format`.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        ensure!(
            !text.contains('@'),
            "invalid reference format: `{text}` names a digest; images have digests from chapter 9 on, so name a tag"
        );
        let (name, tag) = split_tag(text);
        let (domain, path) = split_domain(name);
        ensure!(
            !path.contains(|c: char| c.is_ascii_uppercase()),
            "invalid reference format: repository name ({path}) must be lowercase"
        );
        let wrong = if !domain.is_none_or(is_domain) {
            "the registry's name"
        } else if !path.split('/').all(is_component) || name.len() > 255 {
            "the repository's name"
        } else if !tag.is_none_or(is_tag) {
            "the tag"
        } else {
            return named(domain, path, tag.unwrap_or("latest"));
        };
        bail!(
            "invalid reference format: `{text}`: {wrong} is not one; a reference looks like `name` or `name:tag`"
        )
    }

    /// The repository as the name of one directory: `/` cannot stand in a file's name, and `+` cannot stand in a reference.
    pub(super) fn folder(&self) -> String {
        self.repository.replace('/', "+")
    }

    /// The inverse of [`Self::folder`], for listing what is there. `None` for what is no image's directory.
    pub(super) fn from_folders(repository: &str, tag: &str) -> Option<Self> {
        let reference = Self { repository: repository.replace('+', "/"), tag: tag.to_owned() };
        (Self::parse(&reference.to_string()).ok().as_ref() == Some(&reference)).then_some(reference)
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.repository, self.tag)
    }
}

/// The valid parts as a reference, Docker Hub's default domain and folder left away.
fn named(domain: Option<&str>, path: &str, tag: &str) -> Result<Reference> {
    ensure!(
        path.len() != 64 || !path.bytes().all(|b| b.is_ascii_hexdigit()),
        "invalid repository name ({path}), cannot specify 64-byte hexadecimal strings"
    );
    let repository = match domain {
        None => path.strip_prefix("library/").unwrap_or(path).to_owned(),
        Some("docker.io" | "index.docker.io") => path.strip_prefix("library/").unwrap_or(path).to_owned(),
        Some(domain) => format!("{domain}/{path}"),
    };
    let tag = tag.to_owned();
    Ok(Reference { repository, tag })
}

/// A colon after the last slash begins the tag; one before it belongs to a port.
fn split_tag(text: &str) -> (&str, Option<&str>) {
    match text.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => (name, Some(tag)),
        _ => (text, None),
    }
}

/// The first part is a registry's domain when it cannot be a mere folder.
fn split_domain(name: &str) -> (Option<&str>, &str) {
    match name.split_once('/') {
        Some((first, rest)) if first.contains(['.', ':']) || first == "localhost" => (Some(first), rest),
        Some((first, rest)) if first.contains(|c: char| c.is_ascii_uppercase()) => (Some(first), rest),
        _ => (None, name),
    }
}

/// `registry.example.org:5000`
fn is_domain(text: &str) -> bool {
    let (host, port) = text.split_once(':').unwrap_or((text, "0"));
    let label = |label: &str| {
        let ends = !label.starts_with('-') && !label.ends_with('-');
        ends && !label.is_empty() && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    host.split('.').all(label) && !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit())
}

/// `my-app`, `a.b_c__d`: runs of letters and digits with one separator between two of them.
fn is_component(text: &str) -> bool {
    let is_alphanumeric = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let ends = text.starts_with(is_alphanumeric) && text.ends_with(is_alphanumeric);
    let separator = |run: &str| matches!(run, "" | "." | "_" | "__") || run.bytes().all(|b| b == b'-');
    ends && text.split(is_alphanumeric).all(separator)
}

/// `1.2-rc_1`
fn is_tag(text: &str) -> bool {
    let is_word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    let is_rest = |b: u8| is_word(b) || b == b'.' || b == b'-';
    text.len() <= 128 && text.bytes().next().is_some_and(is_word) && text.bytes().all(is_rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_docker_accepts_is_accepted() {
        for (text, repository, tag) in [
            ("tiny", "tiny", "latest"),
            ("tiny:1.2-rc_1", "tiny", "1.2-rc_1"),
            ("team/my--app__v2", "team/my--app__v2", "latest"),
            ("docker.io/library/tiny", "tiny", "latest"),
            ("docker.io/team/app", "team/app", "latest"),
            ("library/tiny", "tiny", "latest"),
            ("localhost/app", "localhost/app", "latest"),
            ("localhost:5000/team/app:V1", "localhost:5000/team/app", "V1"),
            ("Registry.example.org/a.b/c:_", "Registry.example.org/a.b/c", "_"),
        ] {
            let parsed = Reference::parse(text).unwrap();
            assert_eq!((parsed.repository.as_str(), parsed.tag.as_str()), (repository, tag), "{text}");
            assert_eq!(Reference::from_folders(&parsed.folder(), tag), Some(parsed), "{text}");
        }
    }

    #[test]
    fn what_docker_refuses_is_refused() {
        let long = format!("tiny:{}", "a".repeat(129));
        for text in [
            "",
            "Bad",
            "Bad//Name",
            "a//b",
            "/a",
            "a/",
            "-a",
            "a-",
            "a..b",
            "a___b",
            "a b",
            "tiny:",
            "tiny:-x",
            "tiny:a/b:",
            "../etc",
            ".",
            "..",
            "a+b",
            "-bad.org/a",
            "host:port/a",
            "a\nb",
            "tiny@sha256:00",
            &long,
        ] {
            let error = Reference::parse(text).expect_err(text).to_string();
            assert!(error.starts_with("invalid reference format"), "{text:?}: {error}");
        }
    }

    #[test]
    fn a_name_cannot_look_like_an_id() {
        let error = Reference::parse(&"0123456789abcdef".repeat(4)).unwrap_err().to_string();
        assert!(error.contains("64-byte hexadecimal"), "{error}");
    }
}
