//! The directives, on a workspace of one chapter.

use super::*;
use std::fs;

const SOLUTION: &str = r#"//! Header.

/// How many.
pub const LIMIT: usize = 3;

/// Task 1.1: Open the door.
#[must_use]
pub fn open() -> usize {
    LIMIT
}

/// A door.
#[derive(Debug)]
pub struct Door;

impl Door {
    /// Task 1.2: Shut it.
    pub fn shut(&self) {
        helper();
    }
}
"#;

fn quoter() -> (tempfile::TempDir, Quoter) {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("chapters/01-door/src");
    fs::create_dir_all(&source).unwrap();
    fs::write(source.join("solution.rs"), SOLUTION).unwrap();
    let workspace = Workspace { root: folder.path().to_owned() };
    (folder, Quoter { workspace, repository: None })
}

fn quoted(directive: &str) -> String {
    let (_folder, quoter) = quoter();
    quoter.page("01-door.md", directive).unwrap()
}

#[test]
fn a_function_is_quoted_by_name_with_its_place() {
    assert_eq!(
        quoted("before\n{{#code open}}\nafter"),
        "before\n```rust,ignore\npub fn open() -> usize {\n    LIMIT\n}\n```\n\n\
         <p class=\"code-place\"><code>chapters/01-door/src/solution.rs:8</code></p>\nafter\n"
    );
}

#[test]
fn docs_methods_types_constants_and_stubs_are_quoted() {
    let table = [
        (
            "{{#code open with docs}}",
            "/// Task 1.1: Open the door.\n#[must_use]\npub fn open() -> usize {\n    LIMIT\n}\n```",
        ),
        ("{{#code Door::shut}}", "```rust,ignore\npub fn shut(&self) {\n    helper();\n}\n```"),
        ("{{#code Door}}", "```rust,ignore\npub struct Door;\n```"),
        ("{{#code Door with docs}}", "/// A door.\n#[derive(Debug)]\npub struct Door;\n```"),
        ("{{#code LIMIT}}", "```rust,ignore\npub const LIMIT: usize = 3;\n```"),
        ("{{#code open stub}}", "todo!(\"task 1.1: open the door\")"),
        ("{{#code LIMIT from chapters/01-door/src/solution.rs}}", "pub const LIMIT"),
    ];
    for (directive, expected) in table {
        let text = quoted(directive);
        assert!(text.contains(expected), "{directive} gave\n{text}");
    }
}

#[test]
fn what_is_not_there_stops_the_build_and_names_page_and_line() {
    let (_folder, quoter) = quoter();
    let error = |page, text: &str| format!("{:#}", quoter.page(page, text).unwrap_err());
    assert_eq!(
        error("01-door.md", "\n{{#code close}}"),
        "01-door.md, line 2: {{#code close}}: chapters/01-door/src/solution.rs has no `close`"
    );
    assert!(error("intro.md", "{{#code open}}").contains("must say `from FILE`"));
    assert!(error("01-door.md", "{{#code}}  ").contains("neither"), "no name");
    assert!(error("01-door.md", "{{#diff 1 9}}").contains("there is no chapter 9"));
}

#[test]
fn code_blocks_stay_as_they_are_but_for_what_console_blocks_tell_the_checker() {
    let page = "```text\n{{#code open}}\n```\n```console,ignore=needs a terminal\n$ tty\n```\n";
    assert_eq!(quoted(page), "```text\n{{#code open}}\n```\n```console\n$ tty\n```\n");
}

#[test]
fn the_place_links_to_the_repository_when_the_book_knows_it() {
    let (_folder, mut quoter) = quoter();
    quoter.repository = Some("https://example.org/c/blob/main".into());
    let text = quoter.page("01-door.md", "{{#code LIMIT}}").unwrap();
    assert!(
        text.contains("<a href=\"https://example.org/c/blob/main/chapters/01-door/src/solution.rs#L4\">"),
        "{text}"
    );
}
