//! Which endpoint a method and path lead to.
//!
//! A tree of segments. A literal goes before `{parameter}`, that before `{*rest}`; a method that is missing at the better
//! place is looked for at the next. Paths are split first and decoded then, so an escaped `/` never separates. Refused
//! outright: malformed escapes, `.` and `..` segments, and an escaped `/` or `\` in a `{*rest}`, which would make paths
//! of files out of what looked like one name.

use std::borrow::Cow;
use std::rc::Rc;

use crore_http::query;

#[cfg(test)]
mod tests;

/// Endpoints by method and path pattern.
pub(crate) struct Router<T> {
    root: Node<T>,
}

struct Node<T> {
    literals: Vec<(Box<str>, Node<T>)>,
    parameter: Option<Box<Node<T>>>,
    rest: Vec<Endpoint<T>>,
    here: Vec<Endpoint<T>>,
}

struct Endpoint<T> {
    method: Box<str>,
    names: Rc<[Box<str>]>,
    value: T,
}

/// The values of a route's parameters, decoded.
#[derive(Clone, Debug, Default)]
pub struct Parameters {
    names: Rc<[Box<str>]>,
    values: Vec<String>,
}

/// Why there is no endpoint.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Miss {
    /// The path is malformed.
    BadPath,
    /// No route has this path.
    NotFound,
    /// Routes have this path, with these methods.
    Method { allow: String },
}

impl Parameters {
    /// The value of a parameter, if the route has one of this name.
    pub fn value(&self, name: &str) -> Option<&str> {
        let at = self.names.iter().position(|other| **other == *name)?;
        self.values.get(at).map(String::as_str)
    }
}

impl<T> Node<T> {
    fn new() -> Self {
        Node { literals: Vec::new(), parameter: None, rest: Vec::new(), here: Vec::new() }
    }

    fn literal(&mut self, segment: &str) -> &mut Node<T> {
        let at = self.literals.iter().position(|(literal, _)| **literal == *segment).unwrap_or_else(|| {
            self.literals.push((segment.into(), Node::new()));
            self.literals.len() - 1
        });
        &mut self.literals[at].1
    }
}

impl<T> Router<T> {
    pub(crate) fn new() -> Self {
        Router { root: Node::new() }
    }

    /// Adds an endpoint.
    ///
    /// # Panics
    /// If the pattern does not begin with `/`, has a malformed or unnamed parameter, one name twice, something after
    /// `{*rest}`, or is taken for this method.
    pub(crate) fn add(&mut self, method: &str, pattern: &str, value: T) {
        let path = pattern.strip_prefix('/');
        let path = path.unwrap_or_else(|| panic!("the pattern {pattern:?} does not begin with /"));
        let mut names: Vec<Box<str>> = Vec::new();
        let mut node = &mut self.root;
        let mut is_rest = false;
        for segment in path.split('/') {
            assert!(!is_rest, "the pattern {pattern:?} has something after its {{*rest}}");
            let name = segment.strip_prefix('{').and_then(|inner| inner.strip_suffix('}'));
            let Some(name) = name else {
                assert!(!segment.contains(['{', '}']), "the pattern {pattern:?} has braces inside of a segment");
                node = node.literal(segment);
                continue;
            };
            is_rest = name.starts_with('*');
            let name = name.strip_prefix('*').unwrap_or(name);
            assert!(!name.is_empty(), "the pattern {pattern:?} has a parameter without name");
            assert!(!names.iter().any(|other| **other == *name), "the pattern {pattern:?} has {name:?} twice");
            names.push(name.into());
            if !is_rest {
                node = node.parameter.get_or_insert_with(|| Box::new(Node::new()));
            }
        }
        let endpoints = if is_rest { &mut node.rest } else { &mut node.here };
        let is_new = !endpoints.iter().any(|endpoint| *endpoint.method == *method);
        assert!(is_new, "{method} {pattern} is there twice");
        endpoints.push(Endpoint { method: method.into(), names: names.into(), value });
    }

    /// The endpoint for a method and an encoded path; `HEAD` is served by `GET` if by nothing else.
    pub(crate) fn find(&self, method: &str, path: &str) -> Result<(&T, Parameters), Miss> {
        let Some(path) = path.strip_prefix('/') else {
            return Err(Miss::NotFound);
        };
        // Without escapes and dots there is nothing to refuse, and most paths have neither.
        let is_plain = !path.bytes().any(|byte| matches!(byte, b'%' | b'.'));
        if !is_plain {
            check_segments(path)?;
        }
        let mut search = Search { method, is_plain, values: Vec::new(), allow: Vec::new() };
        if let Some(endpoint) = search.descend(&self.root, Some(path)) {
            assert_eq!(endpoint.names.len(), search.values.len(), "a value for each name");
            let parameters = Parameters { names: Rc::clone(&endpoint.names), values: search.values };
            return Ok((&endpoint.value, parameters));
        }
        if search.allow.is_empty() {
            return Err(Miss::NotFound);
        }
        search.allow.sort_unstable();
        search.allow.dedup();
        Err(Miss::Method { allow: search.allow.join(", ") })
    }
}

/// Refuses malformed escapes, NUL, and segments that mean a place and not a name.
fn check_segments(path: &str) -> Result<(), Miss> {
    for segment in path.split('/') {
        let segment = query::decode(segment).map_err(|_| Miss::BadPath)?;
        if segment == "." || segment == ".." || segment.contains('\0') {
            return Err(Miss::BadPath);
        }
    }
    Ok(())
}

struct Search<'a, 'm> {
    method: &'m str,
    /// The path has nothing to decode.
    is_plain: bool,
    values: Vec<String>,
    allow: Vec<&'a str>,
}

impl<'a> Search<'a, '_> {
    /// The endpoint for what is left of the path below `node`; no path is left behind the last segment. As deep as the
    /// deepest pattern, whatever the path is.
    fn descend<T>(&mut self, node: &'a Node<T>, path: Option<&str>) -> Option<&'a Endpoint<T>> {
        let Some(path) = path else {
            return self.choose(&node.here);
        };
        let (segment, after) = match path.bytes().position(|byte| byte == b'/') {
            Some(at) => (&path[..at], Some(&path[at + 1..])),
            None => (path, None),
        };
        let decoded = if self.is_plain { Cow::Borrowed(segment) } else { query::decode(segment).ok()? };
        let literal = node.literals.iter().find(|(literal, _)| is_same(literal, &decoded));
        if let Some((_, child)) = literal
            && let Some(found) = self.descend(child, after)
        {
            return Some(found);
        }
        if let Some(child) = node.parameter.as_ref().filter(|_| !decoded.is_empty()) {
            self.values.push(decoded.into_owned());
            if let Some(found) = self.descend(child, after) {
                return Some(found);
            }
            self.values.pop();
        }
        let found = self.choose(&node.rest)?;
        self.values.push(decode_rest(path)?);
        Some(found)
    }

    fn choose<T>(&mut self, endpoints: &'a [Endpoint<T>]) -> Option<&'a Endpoint<T>> {
        let of = |method: &str| endpoints.iter().find(|endpoint| *endpoint.method == *method);
        let found = of(self.method).or_else(|| if self.method == "HEAD" { of("GET") } else { None });
        if found.is_none() {
            self.allow.extend(endpoints.iter().map(|endpoint| &*endpoint.method));
            if of("GET").is_some() {
                self.allow.push("HEAD");
            }
        }
        found
    }
}

/// Two empty strings are not compared by their bytes: an empty box points nowhere, and masked loads from there cost
/// the processor a hundred times what they cost elsewhere.
fn is_same(literal: &str, segment: &str) -> bool {
    literal.len() == segment.len() && (literal.is_empty() || literal == segment)
}

/// Several segments as one value, each decoded; none if one of them holds a separator of paths.
fn decode_rest(path: &str) -> Option<String> {
    let mut rest = String::with_capacity(path.len());
    for (at, segment) in path.split('/').enumerate() {
        let segment: Cow<'_, str> = query::decode(segment).ok()?;
        if segment.contains(['/', '\\']) {
            return None;
        }
        if at > 0 {
            rest.push('/');
        }
        rest.push_str(&segment);
    }
    Some(rest)
}
