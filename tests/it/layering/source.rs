//! The paths and words that a file of Rust source names, outside of its tests.

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use syn::visit::{self, Visit};
use syn::{Attribute, ItemMod, ItemUse, Macro, Path, UseTree, Visibility};

/// One file of `src/`.
pub(super) struct Source {
    /// Its path in `src/`.
    pub(super) file: String,
    /// The paths of this crate that it names, without `crate`.
    pub(super) paths: Vec<Vec<String>>,
    /// The paths that it names from `self` or `super`, which are written from `crate` instead.
    pub(super) relative: Vec<String>,
    /// Every identifier.
    pub(super) words: Vec<String>,
}

impl Source {
    pub(super) fn parse(file: &str, text: &str) -> Self {
        let syntax = syn::parse_file(text).unwrap_or_else(|error| panic!("src/{file}: {error}"));
        let mut source = Self { file: file.to_owned(), paths: Vec::new(), relative: Vec::new(), words: Vec::new() };
        source.visit_file(&syntax);
        source
    }

    /// Its module, from the root: `state/mod.rs` is `state`.
    pub(super) fn module(&self) -> Vec<String> {
        let stem = self.file.trim_end_matches(".rs");
        let mut module: Vec<String> = stem.split('/').map(str::to_owned).collect();
        module.pop_if(|last| last == "mod");
        module
    }

    /// The first folder of its path.
    pub(super) fn room(&self) -> &str {
        self.file.split_once('/').map_or("", |(room, _)| room)
    }

    fn name(&mut self, path: &[String]) {
        match path.split_first() {
            Some((first, rest)) if first == "crate" => self.paths.push(rest.to_vec()),
            Some((first, rest)) if matches!(first.as_str(), "self" | "super") && !rest.is_empty() => {
                self.relative.push(path.join("::"));
            }
            _ => {}
        }
    }

    fn name_tree(&mut self, tree: &UseTree, mut path: Vec<String>) {
        match tree {
            UseTree::Path(next) => {
                path.push(next.ident.to_string());
                self.name_tree(&next.tree, path);
            }
            UseTree::Name(last) => {
                if last.ident != "self" {
                    path.push(last.ident.to_string());
                }
                self.name(&path);
            }
            UseTree::Rename(last) => {
                if last.ident != "self" {
                    path.push(last.ident.to_string());
                }
                self.name(&path);
            }
            UseTree::Glob(_) => self.name(&path),
            UseTree::Group(group) => group.items.iter().for_each(|tree| self.name_tree(tree, path.clone())),
        }
    }

    /// Adds the paths in code that `syn` does not parse: macros, and the texts of attributes.
    fn name_tokens(&mut self, tokens: TokenStream, with_texts: bool) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let is_colon = |at: usize| matches!(tokens.get(at), Some(TokenTree::Punct(sign)) if sign.as_char() == ':');
        for (at, token) in tokens.iter().enumerate() {
            match token {
                TokenTree::Group(group) => self.name_tokens(group.stream(), with_texts),
                TokenTree::Ident(word) => {
                    self.words.push(word.to_string());
                    let mut path = vec![word.to_string()];
                    let mut next = at + 1;
                    while word == "crate" && is_colon(next) && is_colon(next + 1) {
                        let Some(TokenTree::Ident(part)) = tokens.get(next + 2) else { break };
                        path.push(part.to_string());
                        next += 3;
                    }
                    if path.len() > 1 {
                        self.name(&path);
                    }
                }
                TokenTree::Literal(text) if with_texts => {
                    let text = text.to_string();
                    if text.starts_with("\"crate::") {
                        let path: Vec<String> = text.trim_matches('"').split("::").map(str::to_owned).collect();
                        self.name(&path);
                    }
                }
                _ => {}
            }
        }
    }
}

fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| attribute.to_token_stream().to_string().replace(' ', "") == "#[cfg(test)]")
}

impl<'ast> Visit<'ast> for Source {
    fn visit_item_mod(&mut self, module: &'ast ItemMod) {
        if !is_for_tests(&module.attrs) {
            visit::visit_item_mod(self, module);
        }
    }

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        if !is_for_tests(&item.attrs) {
            self.name_tree(&item.tree, Vec::new());
        }
    }

    fn visit_path(&mut self, path: &'ast Path) {
        let names: Vec<String> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        self.name(&names);
        visit::visit_path(self, path);
    }

    /// `pub(in path)` imports nothing.
    fn visit_visibility(&mut self, _visibility: &'ast Visibility) {}

    fn visit_macro(&mut self, called: &'ast Macro) {
        self.visit_path(&called.path);
        self.name_tokens(called.tokens.clone(), false);
    }

    fn visit_attribute(&mut self, attribute: &'ast Attribute) {
        if !attribute.path().is_ident("doc") {
            self.name_tokens(attribute.meta.to_token_stream(), true);
        }
    }

    fn visit_ident(&mut self, word: &'ast syn::Ident) {
        self.words.push(word.to_string());
    }
}
