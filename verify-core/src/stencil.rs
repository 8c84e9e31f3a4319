//! Stencils: a document that is the same each time but for a few values, written once and filled in again and again.

/// A document, cut where a value goes; `H` tells one hole from another.
#[derive(Debug)]
pub(crate) struct Stencil<H> {
    /// The holes in order, each with the text before it.
    holes: Vec<(Box<str>, H)>,
    end: Box<str>,
}

impl<H: Copy> Stencil<H> {
    /// Cuts the document wherever a marker stands in place of a value. The document is written by whoever writes it without a
    /// stencil too, and the markers are what nothing else in it can be.
    pub(crate) fn cut(document: &str, markers: &[(String, H)]) -> Self {
        let (mut holes, mut rest) = (Vec::new(), document);
        let next = |rest| {
            let found = markers.iter().filter_map(|(marker, hole)| {
                str::split_once(rest, marker.as_str()).map(|(before, behind)| (before, *hole, behind))
            });
            found.min_by_key(|(before, ..)| before.len())
        };
        while let Some((before, hole, behind)) = next(rest) {
            holes.push((before.into(), hole));
            rest = behind;
        }
        Self { holes, end: rest.into() }
    }

    /// The document with these values. They are written as they are, so none may need escaping.
    pub(crate) fn fill<'v>(&self, value: impl Fn(H) -> &'v [u8]) -> Vec<u8> {
        let lengths = self.holes.iter().map(|(before, hole)| before.len() + value(*hole).len());
        let mut filled = Vec::with_capacity(lengths.sum::<usize>() + self.end.len());
        for (before, hole) in &self.holes {
            filled.extend_from_slice(before.as_bytes());
            filled.extend_from_slice(value(*hole));
        }
        filled.extend_from_slice(self.end.as_bytes());
        filled
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_marker_is_a_hole_wherever_and_however_often_it_stands() {
        let stencil = Stencil::cut(
            "<b><a>, <a> or nothing<b>",
            &['a', 'b', 'c'].map(|hole| (format!("<{hole}>"), hole)),
        );
        let filled = stencil.fill(|hole| if hole == 'a' { b"this" } else { b"" });
        assert_eq!(filled, b"this, this or nothing");
        assert_eq!(filled.capacity(), filled.len(), "it was measured before it was written");
        assert_eq!(Stencil::<()>::cut("as it is", &[]).fill(|()| b"never"), b"as it is");
    }

    proptest! {
        #[test]
        fn a_filled_stencil_is_the_document_with_those_values(
            texts in proptest::collection::vec("[a-z\"{}é]{0,8}", 1..8), values in ["[a-z]{0,9}", "[a-z]{0,9}"],
        ) {
            let document = |values: [&str; 2]| {
                let places = texts.iter().zip([0, 1, 0, 0, 1].iter().cycle());
                places.map(|(text, which)| format!("{text}{}", values[*which])).collect::<String>()
            };
            let stencil = Stencil::cut(&document(["<0>", "<1>"]), &[0, 1].map(|hole| (format!("<{hole}>"), hole)));
            let filled = stencil.fill(|hole: usize| values[hole].as_bytes());
            prop_assert_eq!(String::from_utf8(filled).unwrap(), document([&values[0], &values[1]]));
        }
    }
}
