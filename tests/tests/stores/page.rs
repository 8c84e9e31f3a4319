//! The statements of a page in Markdown.

use std::collections::BTreeMap;

/// The statements under one heading, by name.
#[derive(Clone, Debug)]
pub struct Section(BTreeMap<String, String>);

impl Section {
    /// Those below `## heading`: each is a block fenced as `sql`, and its first line `-- name` or `-- name: remark`.
    pub fn of(page: &str, heading: &str) -> Self {
        let (_, below) = page.split_once(&format!("\n## {heading}\n")).expect(heading);
        let section = below.split("\n## ").next().unwrap();
        let blocks = section.split("```sql\n").skip(1).map(|block| block.split_once("\n```").unwrap().0);
        let named = blocks.map(|block| {
            let (first, statement) = block.split_once('\n').unwrap();
            let name = first.strip_prefix("-- ").expect("a statement begins with its name");
            (name.split(':').next().unwrap().to_owned(), statement.to_owned())
        });
        Self(named.collect())
    }

    pub fn get(&self, name: &str) -> &str {
        self.0.get(name).unwrap_or_else(|| panic!("the page has no statement {name:?}"))
    }
}
