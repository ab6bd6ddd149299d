//! What a page links to, and which anchors it has: from HTML as mdBook writes it, and from Markdown as GitHub shows it.

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};
use regex::Regex;
use std::{collections::BTreeMap, sync::LazyLock};

/// A page's links and anchors.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Document {
    /// What it links to, as written: pages, images, style sheets.
    pub(crate) links: Vec<String>,
    /// Where it can be linked to.
    pub(crate) anchors: Vec<String>,
}

/// Where a link leads.
#[derive(Debug, PartialEq)]
pub(crate) enum Target<'a> {
    /// To another machine, or to a mail program.
    Outside,
    /// To a file, or with an empty path to an anchor of the same page.
    Inside {
        /// As written, without a query.
        path: &'a str,
        /// What follows `#`.
        anchor: &'a str,
    },
}

/// Sorts a link.
pub(crate) fn target(link: &str) -> Target<'_> {
    let scheme = link.split_once(':').is_some_and(|(name, _)| {
        !name.is_empty()
            && name.chars().all(|letter| letter.is_ascii_alphanumeric() || "+-.".contains(letter))
    });
    if scheme || link.starts_with("//") {
        return Target::Outside;
    }
    let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
    Target::Inside { path: path.split('?').next().unwrap_or_default(), anchor }
}

impl Document {
    /// Reads HTML. Scripts and comments are left out: their strings are no links.
    pub(crate) fn from_html(text: &str) -> Self {
        static NOISE: LazyLock<Regex> =
            LazyLock::new(|| pattern(r"(?s)<script\b[^>]*>(?P<body>.*?)</script>|<!--.*?-->"));
        static LINK: LazyLock<Regex> = LazyLock::new(|| {
            pattern(r#"<[^<>]*?\s(?:href|src|srcset|xlink:href)\s*=\s*(?:"([^"]*)"|'([^']*)')"#)
        });
        static ANCHOR: LazyLock<Regex> =
            LazyLock::new(|| pattern(r#"<[^<>]*?\s(?:id|name)\s*=\s*(?:"([^"]*)"|'([^']*)')"#));
        let sources: Vec<String> =
            all(&LINK, text).into_iter().filter(|link| link.ends_with(".js")).collect();
        let text = NOISE.replace_all(text, "");
        let mut links = all(&LINK, &text);
        links.extend(sources);
        links.retain(|link| !link.is_empty());
        links.sort();
        links.dedup();
        Self { links, anchors: all(&ANCHOR, &text) }
    }

    /// Reads Markdown; headings get the anchors that GitHub gives them.
    pub(crate) fn from_markdown(text: &str) -> Self {
        let mut document = Self::default();
        let mut seen: BTreeMap<String, usize> = BTreeMap::new();
        let mut heading: Option<String> = None;
        let mut html = String::new();
        for event in Parser::new_ext(text, Options::ENABLE_TABLES | Options::ENABLE_FOOTNOTES) {
            match event {
                Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                    document.links.push(dest_url.into_string());
                }
                Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
                Event::End(TagEnd::Heading(_)) => {
                    let slug = slug(&heading.take().unwrap_or_default());
                    let count = seen.entry(slug.clone()).or_insert(0);
                    document.anchors.push(if *count == 0 { slug } else { format!("{slug}-{count}") });
                    *count += 1;
                }
                Event::Text(text) | Event::Code(text) => {
                    if let Some(heading) = &mut heading {
                        heading.push_str(&text);
                    }
                }
                Event::Html(text) | Event::InlineHtml(text) => html += &text,
                _ => {}
            }
        }
        let inner = Self::from_html(&html);
        document.links.extend(inner.links);
        document.anchors.extend(inner.anchors);
        document
    }
}

/// GitHub's anchor of a heading: small letters, blanks as hyphens, without punctuation.
fn slug(heading: &str) -> String {
    heading
        .trim()
        .to_lowercase()
        .chars()
        .filter(|letter| letter.is_alphanumeric() || matches!(letter, ' ' | '-' | '_'))
        .map(|letter| if letter == ' ' { '-' } else { letter })
        .collect()
}

/// Every value that a pattern finds in one of its two groups.
fn all(pattern: &Regex, text: &str) -> Vec<String> {
    let value =
        |found: regex::Captures<'_>| found.get(1).or_else(|| found.get(2)).map(|value| plain(value.as_str()));
    pattern.captures_iter(text).filter_map(value).collect()
}

/// HTML's escapes and the address's own, as far as they occur in our links.
fn plain(value: &str) -> String {
    value
        .replace("&amp;", "&")
        .replace("&#x27;", "'")
        .replace("&#39;", "'")
        .replace("&quot;", "\"")
        .replace("%20", " ")
}

/// Compiles one of the patterns above.
fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("the pattern is tested")
}

#[cfg(test)]
mod tests {
    use super::{Document, Target, target};

    #[test]
    fn links_are_sorted() {
        let inside = |path, anchor| Target::Inside { path, anchor };
        let table = [
            ("https://example.org/a", Target::Outside),
            ("mailto:me@example.org", Target::Outside),
            ("data:image/png;base64,AA", Target::Outside),
            ("//example.org", Target::Outside),
            ("a.html#b", inside("a.html", "b")),
            ("#b", inside("", "b")),
            ("../a.css?v=1", inside("../a.css", "")),
        ];
        for (link, expected) in table {
            assert_eq!(target(link), expected, "{link}");
        }
    }

    #[test]
    fn html_gives_links_and_anchors_but_not_those_in_scripts() {
        let text = r##"<h2 id="a"><a class='x' href='b.html#c'>d</a></h2><img alt="" src="e&amp;f.svg">
            <script>let s = '<a href="no.html">';</script><script src="g.js"></script><!-- <a href="no2.html"> -->
            <svg><use xlink:href="#h"/><g id='h'/></svg>"##;
        let document = Document::from_html(text);
        assert_eq!(document.links, ["#h", "b.html#c", "e&f.svg", "g.js"]);
        assert_eq!(document.anchors, ["a", "h"]);
    }

    #[test]
    fn markdown_headings_get_githubs_anchors() {
        let text = "# How `it` works: a, b\n[x](y.md#z) ![p](q.svg)\n## Same\n## Same\n<img src=\"r.png\">\n`[no](link)`\n";
        let document = Document::from_markdown(text);
        assert_eq!(document.links, ["y.md#z", "q.svg", "r.png"]);
        assert_eq!(document.anchors, ["how-it-works-a-b", "same", "same-1"]);
    }
}
