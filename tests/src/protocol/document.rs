//! Reading a document: commands, and the answers that it promises.

/// A command and its answer.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Exchange {
    /// Where in the document the command is, counted from one.
    pub line: usize,
    /// The words of the command.
    pub command: Vec<String>,
    /// What it has to be answered with.
    pub answer: Answer,
}

/// An answer, promised or given.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Answer {
    /// The whole status line.
    pub status: String,
    /// The header fields.
    pub headers: Vec<(String, String)>,
    /// The body, if there is any.
    pub body: Option<String>,
}

impl Answer {
    /// Reads status line, header fields and body.
    ///
    /// # Errors
    /// When it is no answer.
    pub fn read(text: &str) -> Result<Self, String> {
        let text = text.replace("\r\n", "\n");
        let (head, body) = text.split_once("\n\n").unwrap_or((&text, ""));
        let mut lines = head.lines();
        let status = lines.next().unwrap_or_default().trim_end().to_owned();
        if !status.starts_with("HTTP/") {
            return Err(format!("an answer begins with its status line, and not with `{status}`"));
        }
        let headers = lines
            .map(|line| {
                let (name, value) = line.split_once(':').ok_or(format!("no header field: `{line}`"))?;
                Ok((name.to_owned(), value.trim().to_owned()))
            })
            .collect::<Result<_, String>>()?;
        let body = Some(body.trim()).filter(|body| !body.is_empty()).map(str::to_owned);
        Ok(Self { status, headers, body })
    }
}

/// All exchanges of a document, in order.
///
/// # Errors
/// Names the line that is not understood.
pub fn exchanges(document: &str) -> Result<Vec<Exchange>, String> {
    let mut found = Vec::new();
    let mut lines = document.lines().zip(1..);
    while let Some((line, _)) = lines.next() {
        if line.trim_end() == "```console" {
            let block: Vec<_> = lines.by_ref().take_while(|(line, _)| line.trim_end() != "```").collect();
            read_block(&block, &mut found)?;
        }
    }
    Ok(found)
}

fn read_block(block: &[(&str, usize)], found: &mut Vec<Exchange>) -> Result<(), String> {
    let mut lines = block.iter().copied().peekable();
    while let Some((line, number)) = lines.next() {
        let located = |what: String| format!("line {number}: {what}");
        let first =
            line.strip_prefix("$ ").ok_or_else(|| located("a command begins with `$ `".to_owned()))?;
        let mut command = first.to_owned();
        while let Some(part) = command.strip_suffix('\\') {
            let (next, _) = lines.next().ok_or_else(|| located("the command breaks off".to_owned()))?;
            command = format!("{part} {}", next.trim_start());
        }
        let mut answer = String::new();
        while let Some((line, _)) = lines.next_if(|(line, _)| !line.starts_with("$ ")) {
            answer.push_str(line);
            answer.push('\n');
        }
        found.push(Exchange {
            line: number,
            command: words(&command).map_err(located)?,
            answer: Answer::read(answer.trim_end()).map_err(located)?,
        });
    }
    Ok(())
}

/// Splits at blanks outside quotes; what is in quotes is taken as it is.
fn words(command: &str) -> Result<Vec<String>, String> {
    let mut words: Vec<String> = Vec::new();
    let mut inside: Option<char> = None;
    let mut open = false;
    for c in command.chars() {
        match inside {
            Some(quote) if c == quote => inside = None,
            None if c == '\'' || c == '"' => inside = Some(c),
            None if c.is_whitespace() => {
                open = false;
                continue;
            }
            _ => {
                if !open {
                    words.push(String::new());
                }
                words.last_mut().ok_or("no word")?.push(c);
                open = true;
                continue;
            }
        }
        // A quote opens a word too, an empty one if nothing is in it.
        if !open {
            words.push(String::new());
            open = true;
        }
    }
    if inside.is_some() { Err("a quote is not closed".to_owned()) } else { Ok(words) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_read_into_commands_and_answers() {
        let document = "Text.\n```console\n$ curl -i \\\n    -d '{\"a b\": 1}' x\nHTTP/1.1 200 OK\na: b\n\n{}\n\n$ curl -i y\n\
                        HTTP/1.1 303 See Other\n```\n```json\n{}\n```\n";
        let [first, second] = exchanges(document).unwrap().try_into().unwrap();
        assert_eq!(first.command, ["curl", "-i", "-d", "{\"a b\": 1}", "x"]);
        assert_eq!((first.line, second.line), (3, 10));
        assert_eq!(first.answer.headers, [("a".to_owned(), "b".to_owned())]);
        assert_eq!((first.answer.body.as_deref(), second.answer.body), (Some("{}"), None));
    }

    #[test]
    fn what_is_not_understood_is_said_with_its_line() {
        for bad in [
            "```console\ncurl\n```",
            "```console\n$ curl 'x\nHTTP/1.1 200 OK\n```",
            "```console\n$ curl x\n200 OK\n```",
            "```console\n$ curl x \\\n```",
        ] {
            assert!(exchanges(bad).unwrap_err().starts_with("line 2: "), "{bad}");
        }
    }
}
