//! What the documents say of the sources, and of each other.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The families of rules that `docs/laws.md` lists, by what the names of their tests begin with.
const FAMILIES: [&str; 11] = [
    "captcha_rule_",
    "phonesverification_rule_",
    "twilio_rule_",
    "worldpay_rule_",
    "e",
    "g",
    "h",
    "o",
    "p",
    "r",
    "t",
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

fn read(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Every file of the repository with this ending, but for what programs have made.
fn files(ending: &str) -> Vec<PathBuf> {
    let (mut found, mut folders) = (Vec::new(), vec![root().to_owned()]);
    while let Some(folder) = folders.pop() {
        let is_made = folder.join("CACHEDIR.TAG").exists()
            || ["node_modules", "target"].iter().any(|name| folder.ends_with(name));
        for entry in fs::read_dir(&folder).unwrap().filter(|_| !is_made) {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            if path.is_dir() && !name.starts_with('.') {
                folders.push(path);
            } else if name.ends_with(ending) {
                found.push(path);
            }
        }
    }
    found
}

/// What a test's name says it holds: `r36_r37_…` is `r36` and `r37`, `twilio_rule_29_30_…` rules 29 and 30.
fn numbers(name: &str) -> Vec<String> {
    let two = |text: &str| text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
    for family in FAMILIES.into_iter().filter(|family| family.ends_with('_')) {
        if let Some(rest) = name.strip_prefix(family) {
            return rest
                .split('_')
                .take_while(|part| two(part))
                .map(|part| format!("{family}{part}"))
                .collect();
        }
    }
    let is_number = |part: &&str| {
        part.split_at_checked(1).is_some_and(|(letter, number)| FAMILIES.contains(&letter) && two(number))
    };
    // A name that ends with its number says nothing and is no test's.
    let said = name.rsplit_once('_').map_or("", |(said, _)| said);
    said.split('_').take_while(is_number).map(str::to_owned).collect()
}

/// The names of tests: functions, and the rows of macros that make functions.
fn named(source: &str) -> impl Iterator<Item = &str> {
    source.lines().filter_map(|line| {
        let line = line.trim_start();
        let function = line.split_once("fn ").map(|(_, name)| name);
        let (name, _) = function.unwrap_or(line).split_once(['(', '<', ':'])?;
        name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_').then_some(name)
    })
}

/// Every number that `docs/laws.md` explains.
fn listed(laws: &str) -> BTreeSet<String> {
    let mut family = "";
    let mut all = BTreeSet::new();
    for line in laws.lines() {
        let Some(cell) = line.strip_prefix("| ").and_then(|row| row.split(" |").next()) else { continue };
        if let Some(letters) = cell.strip_prefix('`').and_then(|cell| cell.strip_suffix('`')) {
            family = letters;
        } else if let Some(number) = cell.strip_prefix('R') {
            all.insert(format!("r{number:0>2}"));
        } else if cell.bytes().all(|byte| byte.is_ascii_digit()) {
            all.insert(format!("{family}{cell}"));
        }
    }
    all
}

#[test]
fn each_rule_has_a_test_and_each_number_of_a_test_is_a_rule() {
    let listed = listed(&read("docs/laws.md"));
    let mut held = BTreeSet::new();
    for file in files(".rs") {
        held.extend(named(&fs::read_to_string(file).unwrap()).flat_map(numbers));
    }
    let rules = (1..=76).map(|number| format!("r{number:02}"));
    let missing: Vec<_> = rules.filter(|rule| !listed.contains(rule)).collect();
    assert!(missing.is_empty(), "rules that docs/laws.md leaves out: {missing:?}");
    let untested: Vec<_> = listed.difference(&held).collect();
    assert!(untested.is_empty(), "rules in docs/laws.md that no test carries the number of: {untested:?}");
    let unexplained: Vec<_> = held.difference(&listed).collect();
    assert!(unexplained.is_empty(), "numbers of tests that docs/laws.md does not explain: {unexplained:?}");
}

/// What is between quotation marks, or accents, and is called as metrics are.
fn metrics(text: &str, mark: char) -> BTreeSet<String> {
    let ends = ["_total", "_seconds", "_price"];
    text.split(mark)
        .filter(|name| name.starts_with("verify_") && ends.iter().any(|end| name.ends_with(end)))
        .map(str::to_owned)
        .collect()
}

#[test]
fn r76_each_metric_is_explained_and_each_that_is_explained_is_counted() {
    let mut counted = BTreeSet::new();
    for file in
        files(".rs").into_iter().filter(|file| file.components().any(|part| part.as_os_str() == "src"))
    {
        counted.extend(metrics(&fs::read_to_string(file).unwrap(), '"'));
    }
    let table = read("docs/operations.md").split("| metric |").nth(1).unwrap().to_owned();
    assert_eq!(metrics(&table, '`'), counted);
}

/// The text without its code, in which brackets are no links.
fn prose(document: &str) -> String {
    let blocks = document.split("```").step_by(2).collect::<String>();
    blocks.split('`').step_by(2).collect()
}

/// Where the headings of a document can be linked to, as GitHub has it.
fn anchors(document: &str) -> BTreeSet<String> {
    let text: String = document.split("\n```").step_by(2).collect();
    let headings = text.lines().filter(|line| line.starts_with('#'));
    let slug = |line: &str| {
        let kept = line.trim_start_matches('#').trim().to_lowercase();
        let kept = kept.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
        kept.map(|c| if c == ' ' { '-' } else { c }).collect()
    };
    headings.map(slug).collect()
}

#[test]
fn each_link_leads_somewhere() {
    let mut broken = Vec::new();
    let mut links = 0;
    for file in files(".md") {
        let document = fs::read_to_string(&file).unwrap();
        for link in prose(&document).split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if link.contains("://") || link.starts_with("mailto:") {
                continue;
            }
            links += 1;
            let (path, anchor) = link.split_once('#').map_or((link, None), |(path, at)| (path, Some(at)));
            let target = if path.is_empty() { file.clone() } else { file.parent().unwrap().join(path) };
            let is_there = target.exists()
                && anchor.is_none_or(|at| anchors(&fs::read_to_string(&target).unwrap()).contains(at));
            if !is_there {
                broken.push(format!("{}: {link}", file.strip_prefix(root()).unwrap().display()));
            }
        }
    }
    assert!(links > 100, "{links} links were looked at");
    assert!(broken.is_empty(), "links that lead nowhere: {broken:#?}");
}

/// A README's cells of the second column: what it quotes of the measurements.
fn quoted(readme: &str) -> Vec<&str> {
    let table = readme.split("## What it costs").nth(1).unwrap().split("\n\n").nth(2).unwrap();
    table.lines().skip(2).map(|row| row.split('|').nth(2).unwrap().trim().trim_matches('*')).collect()
}

#[test]
fn the_readme_quotes_what_was_measured() {
    let (readme, measured) = (read("README.md"), read("benches/README.md"));
    let requests = measured.split("### ").find(|part| part.starts_with("Requests")).unwrap();
    let quoted = quoted(&readme);
    assert_eq!(quoted.len(), 6, "{quoted:?}");
    for ratio in quoted {
        assert!(requests.contains(&format!("| {ratio} |")), "benches/README.md has no ratio {ratio}");
    }
}

#[test]
fn permissions_and_the_steps_of_a_key_are_the_same_on_every_page() {
    let operations = read("docs/operations.md").replace("\\|", "|");
    let (store, keys) = (read("verify-redis/src/lib.rs"), read("verify-core/src/keys.rs"));
    for list in [
        "~verify:* +set +get +getdel +incrby +multi +exec +info +config|get",
        "+ping +cluster|slots +asking",
        "+select",
        "+sentinel|get-master-addr-by-name",
    ] {
        assert!(operations.contains(list), "docs/operations.md does not have `{list}`");
        assert!(store.contains(list), "verify-redis/src/lib.rs does not have `{list}`");
    }
    for ring in ["k1:AAAA,facts:AAAA", "k1:AAAA,k2:BBBB,facts:AAAA", "k2:BBBB,k1:AAAA,facts:AAAA"] {
        assert!(operations.contains(ring) && keys.contains(ring), "{ring}");
    }
}
