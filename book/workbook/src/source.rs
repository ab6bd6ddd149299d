//! Reads a Rust source file by text: where each function stands, and which task it is.
//!
//! syn parses the file; only its *spans* are used, so that what is cut out or copied is the author's own text,
//! comments and line breaks included.

use anyhow::{Context, Result};
use proc_macro2::Span;
use std::ops::Range;
use syn::spanned::Spanned;

/// A function, free or in an `impl` block.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Function {
    /// `chroot_into`, or `Guard::drop` for a method.
    pub(crate) name: String,
    /// `pub`, and nothing narrower.
    pub(crate) public: bool,
    /// From the first attribute or doc comment to the closing brace.
    pub(crate) whole: Range<usize>,
    /// From `pub fn` on: without attributes and docs.
    pub(crate) bare: Range<usize>,
    /// The body with its braces.
    pub(crate) body: Range<usize>,
    /// The line of `fn`, counted from 1.
    pub(crate) line: usize,
    /// What the first line of the doc comment says.
    pub(crate) role: Role,
    /// Returns `impl Trait`, which `todo!` cannot stand for.
    pub(crate) opaque: bool,
}

/// What a function is to the learner.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Role {
    /// `/// Task 1.1: Enter the root.` The learner writes the body.
    Task {
        /// `1.1`.
        id: String,
        /// `Enter the root.`
        sentence: String,
    },
    /// `/// Given: …` The learner gets it as it is.
    Given,
    /// Anything else: a helper of the reference.
    Plain,
}

/// Parses `text`; the error names the place.
pub(crate) fn parse(text: &str) -> Result<syn::File> {
    syn::parse_file(text).map_err(|error| {
        let at = error.span().start();
        anyhow::anyhow!("line {}, column {}: {error}", at.line, at.column + 1)
    })
}

/// Every function of the file, in order; those of nested modules are left out.
pub(crate) fn functions(text: &str) -> Result<Vec<Function>> {
    let file = parse(text).context("this is not Rust")?;
    let mut found = Vec::new();
    for item in &file.items {
        match item {
            syn::Item::Fn(item) => found.push(free_function(item)),
            syn::Item::Impl(block) => found.extend(methods(block)),
            _ => {}
        }
    }
    Ok(found)
}

/// Anything with a name, as the book quotes it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Quoted {
    /// From the first attribute or doc comment to the end.
    pub(crate) whole: Range<usize>,
    /// Without attributes and doc comments.
    pub(crate) bare: Range<usize>,
    /// The line where `bare` begins, counted from 1.
    pub(crate) line: usize,
}

/// Finds a function, a method (`Type::method`), a type, a constant, a trait, a module or a macro by its name.
pub(crate) fn find(text: &str, name: &str) -> Result<Option<Quoted>> {
    let file = parse(text).context("this is not Rust")?;
    let function = functions(text)?.into_iter().find(|function| function.name == name);
    let ranges = function.map(|function| (function.whole, function.bare)).or_else(|| {
        let item = file.items.iter().find(|item| name_of(item).is_some_and(|ident| ident == name))?;
        let whole = item.span().byte_range();
        let last = attributes(item).last().map_or(whole.start, |last| last.span().byte_range().end);
        let gap = text[last..].len() - text[last..].trim_start().len();
        Some((whole.clone(), last + gap..whole.end))
    });
    Ok(ranges.map(|(whole, bare)| Quoted { line: text[..bare.start].matches('\n').count() + 1, whole, bare }))
}

/// The name of an item that has one.
fn name_of(item: &syn::Item) -> Option<&syn::Ident> {
    Some(match item {
        syn::Item::Const(item) => &item.ident,
        syn::Item::Enum(item) => &item.ident,
        syn::Item::Macro(item) => item.ident.as_ref()?,
        syn::Item::Mod(item) => &item.ident,
        syn::Item::Static(item) => &item.ident,
        syn::Item::Struct(item) => &item.ident,
        syn::Item::Trait(item) => &item.ident,
        syn::Item::Type(item) => &item.ident,
        syn::Item::Union(item) => &item.ident,
        _ => return None,
    })
}

/// The attributes of an item, doc comments among them.
pub(crate) fn attributes(item: &syn::Item) -> &[syn::Attribute] {
    match item {
        syn::Item::Const(item) => &item.attrs,
        syn::Item::Enum(item) => &item.attrs,
        syn::Item::Fn(item) => &item.attrs,
        syn::Item::Impl(item) => &item.attrs,
        syn::Item::Macro(item) => &item.attrs,
        syn::Item::Mod(item) => &item.attrs,
        syn::Item::Static(item) => &item.attrs,
        syn::Item::Struct(item) => &item.attrs,
        syn::Item::Trait(item) => &item.attrs,
        syn::Item::Type(item) => &item.attrs,
        syn::Item::Union(item) => &item.attrs,
        syn::Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

/// Reads a free function.
pub(crate) fn free_function(item: &syn::ItemFn) -> Function {
    describe(item.sig.ident.to_string(), &item.attrs, &item.vis, &item.sig, item.span(), item.block.span())
}

/// Reads the functions of an `impl` block.
pub(crate) fn methods(block: &syn::ItemImpl) -> Vec<Function> {
    let owner = match &*block.self_ty {
        syn::Type::Path(path) => path.path.segments.last().map(|last| last.ident.to_string()),
        _ => None,
    };
    let owner = owner.unwrap_or_default();
    block
        .items
        .iter()
        .filter_map(|item| match item {
            syn::ImplItem::Fn(item) => Some(describe(
                format!("{owner}::{}", item.sig.ident),
                &item.attrs,
                &item.vis,
                &item.sig,
                item.span(),
                item.block.span(),
            )),
            _ => None,
        })
        .collect()
}

/// Puts a `Function` together from its parts.
fn describe(
    name: String,
    attrs: &[syn::Attribute],
    visibility: &syn::Visibility,
    signature: &syn::Signature,
    whole: Span,
    body: Span,
) -> Function {
    let whole = whole.byte_range();
    let start = match visibility {
        syn::Visibility::Inherited => signature.span().byte_range().start,
        shown => shown.span().byte_range().start,
    };
    Function {
        name,
        public: matches!(visibility, syn::Visibility::Public(_)),
        bare: start..whole.end,
        whole,
        body: body.byte_range(),
        line: signature.fn_token.span().start().line,
        role: role(attrs),
        opaque: matches!(&signature.output, syn::ReturnType::Type(_, kind) if matches!(**kind, syn::Type::ImplTrait(_))),
    }
}

/// Reads the first line of a doc comment.
fn role(attrs: &[syn::Attribute]) -> Role {
    let Some(first) = attrs.iter().find_map(doc_line) else {
        return Role::Plain;
    };
    let first = first.trim();
    if first.starts_with("Given:") {
        return Role::Given;
    }
    let task = first.strip_prefix("Task ").and_then(|rest| rest.split_once(": "));
    match task {
        Some((id, sentence)) => Role::Task { id: id.trim().to_owned(), sentence: sentence.trim().to_owned() },
        None => Role::Plain,
    }
}

/// The text of `/// …`.
fn doc_line(attribute: &syn::Attribute) -> Option<String> {
    let syn::Meta::NameValue(pair) = &attribute.meta else {
        return None;
    };
    match (&pair.value, pair.path.is_ident("doc")) {
        (syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. }), true) => Some(text.value()),
        _ => None,
    }
}
