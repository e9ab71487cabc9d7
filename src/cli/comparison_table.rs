//! Two profiles beside each other, as a table for people.

use comfy_table::presets::NOTHING as NO_LINES;
use comfy_table::{ContentArrangement, Table};

use crate::provider::profile::{ComparedReplies, ComparedRules, ProfileComparison};

/// The comparison as text: a table of rules, stage by stage, and one of replies.
pub(super) fn comparison_table(compared: &ProfileComparison) -> String {
    let [first, second] = &compared.profiles;
    let mut rules = table(["", first, second]);
    let mut stage = None;
    for row in &compared.rules {
        if stage.replace(row.stage) != Some(row.stage) {
            rules.add_row([format!("at {}", row.stage), String::new(), String::new()]);
        }
        rules.add_row(rule_row(row));
    }
    let mut replies = table(["replies that mean", first, second]);
    for row in &compared.replies {
        replies.add_row(reply_row(row));
    }
    format!("{}\n\n{}\n", trimmed(&rules), trimmed(&replies))
}

fn rule_row(row: &ComparedRules) -> [String; 3] {
    [format!("  {}", row.about), cell(&row.said[0]), cell(&row.said[1])]
}

fn reply_row(row: &ComparedReplies) -> [String; 3] {
    let means = row.means.map_or_else(|| "(not said)".to_owned(), |means| means.to_string());
    [format!("  {means}"), cell(&row.said[0]), cell(&row.said[1])]
}

/// What one profile says, a line for each; a dash where it says nothing.
fn cell(said: &[String]) -> String {
    if said.is_empty() { "\u{2013}".to_owned() } else { said.join("\n") }
}

fn table(head: [&str; 3]) -> Table {
    let mut table = Table::new();
    table.load_style(NO_LINES).set_content_arrangement(ContentArrangement::Dynamic).set_width(WIDTH).set_header(head);
    table
}

fn trimmed(table: &Table) -> String {
    table.lines().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>().join("\n")
}

/// Characters in a line: what a terminal on half a screen has.
const WIDTH: u16 = 120;
