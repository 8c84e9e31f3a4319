//! A strict reader: every fault of a body is found in one go, each with the path to where it is.

use std::cell::{Cell, RefCell};

use crate::worldpay::json::Node;

/// One fault, by the original's name for it. Nothing of the body stands in it but the names of members.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) name: &'static str,
    pub(super) message: &'static str,
    pub(super) path: String,
}

/// All faults of one body.
#[derive(Default)]
pub(super) struct Faults(RefCell<Vec<Fault>>);

impl Faults {
    pub(super) fn add(&self, name: &'static str, message: &'static str, path: String) {
        self.0.borrow_mut().push(Fault { name, message, path });
    }

    pub(super) fn into_inner(self) -> Vec<Fault> {
        self.0.into_inner()
    }
}

/// What a text has to be.
#[derive(Clone, Copy)]
pub(super) struct Text {
    pub(super) shortest: usize,
    pub(super) longest: usize,
    pub(super) fits: fn(&str) -> bool,
}

impl Text {
    /// Any text of so many characters.
    pub(super) const fn of(shortest: usize, longest: usize) -> Self {
        Self { shortest, longest, fits: |_| true }
    }

    /// The same, of which this has to hold.
    pub(super) const fn where_it(self, fits: fn(&str) -> bool) -> Self {
        Self { fits, ..self }
    }
}

/// An object that is being read. Whatever nobody asks for is not allowed.
pub(super) struct Members<'n> {
    path: String,
    members: &'n [(String, Node)],
    known: RefCell<Vec<&'static str>>,
    is_open: Cell<bool>,
    faults: &'n Faults,
}

impl<'n> Members<'n> {
    /// The whole body.
    pub(super) fn whole(node: &'n Node, faults: &'n Faults) -> Option<Self> {
        Self::of(node, "$".to_owned(), faults)
    }

    fn of(node: &'n Node, path: String, faults: &'n Faults) -> Option<Self> {
        match node {
            Node::Object(members) => {
                Some(Self { path, members, known: RefCell::default(), is_open: Cell::new(false), faults })
            }
            Node::Null => {
                faults.add("fieldIsNull", "Field must not be null", path);
                None
            }
            _ => {
                faults.add("fieldMustBeObject", "Field must be an object", path);
                None
            }
        }
    }

    /// Where a member is.
    pub(super) fn at(&self, name: &str) -> String {
        format!("{}.{name}", self.path)
    }

    pub(super) fn fault(&self, name: &'static str, message: &'static str, member: &str) {
        self.faults.add(name, message, self.at(member));
    }

    /// A member that has to be there.
    fn needed(&self, name: &'static str) -> Option<&'n Node> {
        let node = self.perhaps(name);
        if node.is_none() {
            self.fault("fieldIsMissing", "Field is mandatory", name);
        }
        node
    }

    /// A member that may be there.
    fn perhaps(&self, name: &'static str) -> Option<&'n Node> {
        self.known.borrow_mut().push(name);
        self.members.iter().find(|(known, _)| known == name).map(|(_, node)| node)
    }

    pub(super) fn has(&self, name: &'static str) -> bool {
        self.perhaps(name).is_some()
    }

    pub(super) fn object(&self, name: &'static str) -> Option<Self> {
        Self::of(self.needed(name)?, self.at(name), self.faults)
    }

    pub(super) fn object_if_any(&self, name: &'static str) -> Option<Self> {
        Self::of(self.perhaps(name)?, self.at(name), self.faults)
    }

    /// Lets everything in it stand, unread.
    pub(super) fn leave(self) {
        self.is_open.set(true);
    }

    pub(super) fn text(&self, name: &'static str, text: Text) -> Option<&'n str> {
        self.read_text(name, self.needed(name)?, text)
    }

    pub(super) fn text_if_any(&self, name: &'static str, text: Text) -> Option<&'n str> {
        self.read_text(name, self.perhaps(name)?, text)
    }

    fn read_text(&self, name: &'static str, node: &'n Node, wanted: Text) -> Option<&'n str> {
        let (fault, message) = match node {
            Node::Text(text) => {
                let length = text.chars().count();
                if length == 0 {
                    ("fieldIsEmpty", "Field must not be empty")
                } else if length < wanted.shortest {
                    ("stringIsTooShort", "String is too short")
                } else if length > wanted.longest {
                    ("stringIsTooLong", "String is too long")
                } else if !(wanted.fits)(text) {
                    ("stringFailedRegexCheck", "String has characters that are not allowed")
                } else {
                    return Some(text);
                }
            }
            Node::Null => ("fieldIsNull", "Field must not be null"),
            _ => ("fieldMustBeString", "Field must be a string"),
        };
        self.fault(fault, message, name);
        None
    }

    /// A text that is one of these.
    pub(super) fn one_of(&self, name: &'static str, values: &[&'static str]) -> Option<&'static str> {
        let text = self.text(name, Text::of(1, 64))?;
        let found = values.iter().find(|value| **value == text);
        if found.is_none() {
            self.fault("fieldHasInvalidValue", "Field has a value that is not allowed", name);
        }
        found.copied()
    }

    pub(super) fn integer(&self, name: &'static str, least: i64, most: i64) -> Option<i64> {
        self.read_integer(name, self.needed(name)?, least, most)
    }

    pub(super) fn integer_if_any(&self, name: &'static str, least: i64, most: i64) -> Option<i64> {
        self.read_integer(name, self.perhaps(name)?, least, most)
    }

    fn read_integer(&self, name: &'static str, node: &Node, least: i64, most: i64) -> Option<i64> {
        let (fault, message) = match node {
            Node::Number(Some(number)) if *number < least => ("integerIsTooSmall", "Integer is too small"),
            Node::Number(Some(number)) if *number > most => ("integerIsTooLarge", "Integer is too large"),
            Node::Number(Some(number)) => return Some(*number),
            Node::Null => ("fieldIsNull", "Field must not be null"),
            _ => ("fieldMustBeInteger", "Field must be an integer"),
        };
        self.fault(fault, message, name);
        None
    }

    pub(super) fn flag_if_any(&self, name: &'static str) -> Option<bool> {
        let (fault, message) = match self.perhaps(name)? {
            Node::Bool(flag) => return Some(*flag),
            Node::Null => ("fieldIsNull", "Field must not be null"),
            _ => ("fieldMustBeBoolean", "Field must be a boolean"),
        };
        self.fault(fault, message, name);
        None
    }
}

/// What is done with it names what nobody asked for.
impl Drop for Members<'_> {
    fn drop(&mut self) {
        if self.is_open.get() {
            return;
        }
        let known = self.known.borrow();
        for (name, _) in self.members.iter().filter(|(name, _)| !known.contains(&name.as_str())) {
            // A name that was made up may be long, or say what nobody may read.
            let fits = name.len() <= 64 && name.bytes().all(|byte| byte.is_ascii_alphabetic());
            self.faults.add(
                "fieldIsNotAllowed",
                "Field is not allowed",
                self.at(if fits { name } else { "*" }),
            );
        }
    }
}
