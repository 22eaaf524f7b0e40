//! Answers as a table for people.

use std::io::{self, Write};

use label_index::{Answer, Label, LabelIndex};

/// Writes a line for each chat of the page, then the totals.
///
/// `question` has the options that the command for the next page needs in addition to those that were given.
pub(crate) fn print(
    out: &mut dyn Write,
    index: &LabelIndex,
    answer: &Answer,
    question: Option<&str>,
) -> io::Result<()> {
    print_chats(out, answer)?;
    writeln!(out, "total chats    {}", answer.total_chats)?;
    writeln!(out, "total rows     {}", answer.total_rows)?;
    writeln!(out, "matched rows   {}", answer.matched_rows)?;
    if !answer.filter_label_ids.is_empty() {
        let labels = answer.filter_label_ids.iter().map(|id| match index.label(id) {
            Some(label) => format!("{id} {}", name(&label)),
            None => id.to_string(),
        });
        writeln!(out, "filter labels  {}", labels.collect::<Vec<_>>().join(SEPARATOR))?;
    }
    let unknown = &answer.unresolved;
    if !unknown.ids.is_empty() {
        writeln!(out, "unknown ids    {}", quoted(&unknown.ids))?;
    }
    if !unknown.names.is_empty() {
        writeln!(out, "unknown names  {}", quoted(&unknown.names))?;
    }
    if let Some(next) = &answer.next {
        let question = question.map(|options| format!("{options} ")).unwrap_or_default();
        writeln!(out, "next page      {question}--after {next}")?;
    }
    Ok(())
}

/// The separator of labels: unlike a comma, it rarely occurs in names.
const SEPARATOR: &str = " · ";

/// Labels are the last column, so that the width of an emoji on a terminal does not matter.
fn print_chats(out: &mut dyn Write, answer: &Answer) -> io::Result<()> {
    const WIDEST: usize = 40;

    if answer.chats.is_empty() {
        return Ok(());
    }
    let chats: Vec<String> = answer.chats.iter().map(|listed| listed.chat_id.to_string()).collect();
    let width = chats.iter().map(|chat| chat.chars().count()).max().unwrap_or_default().clamp(4, WIDEST);
    writeln!(out, "{:width$}  LABELS", "CHAT")?;
    for (chat, listed) in chats.iter().zip(&answer.chats) {
        let labels: Vec<&str> = listed.labels.iter().map(name).collect();
        writeln!(out, "{chat:width$}  {}", labels.join(SEPARATOR))?;
    }
    writeln!(out)
}

/// The displayed name of a label.
pub(crate) fn name(label: &Label) -> &str {
    label.name().map_or("(no name yet)", |name| name.as_str())
}

fn quoted(entries: &[String]) -> String {
    entries.iter().map(|entry| format!("{entry:?}")).collect::<Vec<_>>().join(", ")
}
