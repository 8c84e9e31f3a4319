//! Looking for secrets in what was printed.

/// Something that nobody may print.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Secret {
    /// A code: told by standing alone, since its digits may occur by chance in a longer number.
    Code(String),
    /// An address, a key or a token: told wherever it stands.
    Text(String),
}

/// The secrets that occur in `printed`, each with the line that shows it.
#[must_use]
pub fn leaks(printed: &str, secrets: &[Secret]) -> Vec<String> {
    let (printed, mut found) = (&uncoloured(printed), Vec::new());
    for secret in secrets {
        let text = match secret {
            Secret::Code(text) | Secret::Text(text) => text.as_str(),
        };
        if text.is_empty() || !printed.contains(text) {
            continue;
        }
        let tells = |line: &&str| match secret {
            Secret::Code(code) => stands_alone(line, code),
            Secret::Text(text) => shows(line, text),
        };
        found.extend(printed.lines().filter(tells).map(|line| format!("{text} in: {line}")));
    }
    found
}

/// A text that begins or ends with a digit is told by no longer number: an amount is no part of a duration.
fn shows(line: &str, text: &str) -> bool {
    let digit = |c: Option<char>| c.is_some_and(|c| c.is_ascii_digit());
    line.match_indices(text).any(|(at, _)| {
        let before = line.get(..at).and_then(|before| before.chars().next_back());
        let after = line.get(at + text.len()..).and_then(|after| after.chars().next());
        let goes_on = digit(text.chars().next()) && digit(before);
        let continues = digit(text.chars().next_back()) && digit(after);
        !(goes_on || continues)
    })
}

/// Without the escapes of a terminal: a value that is printed in colour would begin with the letter that ends one.
fn uncoloured(text: &str) -> String {
    let mut parts = text.split("\u{1b}[");
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        plain.push_str(part.split_once(|c: char| c.is_ascii_alphabetic()).map_or(part, |(_, rest)| rest));
    }
    plain
}

fn stands_alone(line: &str, code: &str) -> bool {
    // In JSON, and in `Debug`, a line break before it reads as a backslash and a letter.
    let line = line.replace("\\n", " ").replace("\\r", " ").replace("\\t", " ");
    line.split(|c: char| !c.is_ascii_alphanumeric()).any(|word| word == code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r60_a_planted_secret_is_found() {
        let secrets = [
            Secret::Code("012345".to_owned()),
            Secret::Text("+12025550123".to_owned()),
            Secret::Text("alice@example.com".to_owned()),
        ];
        for planted in [
            "2026-01-01T00:00:00.000001Z TRACE bank: code=012345",
            "one\nbody {\"code\":\"012345\"}\nthree",
            "@localhost #012345",
            "Code(012345)",
            "text=\"your code:\\n\\n012345\\n\"",
            "to=+12025550123 ok",
            "<alice@example.com>",
            "\u{1b}[3mcode\u{1b}[0m\u{1b}[2m=\u{1b}[0m012345 \u{1b}[2m",
        ] {
            assert_eq!(leaks(planted, &secrets).len(), 1, "{planted}");
        }
        // A time with microseconds and a longer number are no codes.
        assert!(leaks("2026-01-01T00:00:00.012345Z 9012345 a012345", &secrets).is_empty());
        let amount = [Secret::Text("39.99".to_owned())];
        assert!(leaks("took 4839.9937 ms", &amount).is_empty());
        assert_eq!(leaks("took EUR 39.99, please", &amount).len(), 1);
        assert!(leaks("a line", &[Secret::Code(String::new()), Secret::Text(String::new())]).is_empty());
    }
}
