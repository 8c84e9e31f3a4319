//! JSON as it came, with nothing lost that a strict reader needs: members that are there twice are seen, and texts are wiped
//! when they go, since one of them is the number of a card.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Visitor};
use zeroize::Zeroizing;

/// One value.
pub(super) enum Node {
    Null,
    Bool(bool),
    /// A number without a fraction that fits, or any other.
    Number(Option<i64>),
    Text(Zeroizing<String>),
    List,
    Object(Vec<(String, Self)>),
}

impl Node {
    /// `None` when it is no JSON, or says one thing twice.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(AnyNode)
    }
}

struct AnyNode;

impl<'de> Visitor<'de> for AnyNode {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E: Error>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Node, E> {
        Ok(Node::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Node, E> {
        Ok(Node::Number(Some(value)))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Node, E> {
        Ok(Node::Number(i64::try_from(value).ok()))
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Node, E> {
        Ok(Node::Number(None))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Node, E> {
        Ok(Node::Text(Zeroizing::new(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Node, A::Error> {
        while items.next_element::<Node>()?.is_some() {}
        Ok(Node::List)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Node, A::Error> {
        let mut members: Vec<(String, Node)> = Vec::new();
        while let Some((name, value)) = entries.next_entry::<String, Node>()? {
            if members.len() == 64 || members.iter().any(|(known, _)| *known == name) {
                return Err(A::Error::custom("a member is there twice, or there are too many"));
            }
            members.push((name, value));
        }
        Ok(Node::Object(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_two_readers_could_take_for_two_things_is_no_json() {
        assert!(Node::parse(br#"{"a":1,"b":{"a":null}}"#).is_some());
        for bad in [&br#"{"a":1,"a":1}"#[..], br#"{"a":1,"\u0061":1}"#, b"{", b"", b"{} {}", &[b'['; 5000]] {
            assert!(Node::parse(bad).is_none());
        }
    }
}
