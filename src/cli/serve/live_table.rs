//! The live table of clients and providers, redrawn on a terminal.

use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write as _};
use std::time::Duration;

use comfy_table::presets::NOTHING as NO_LINES;
use comfy_table::{Cell, CellAlignment, Table};
use terminal_size::{Height, Width, terminal_size};

use crate::harmless;
use crate::live::{ClientSnapshot, ClusterSnapshot, MxCluster};
use crate::time::Span;

/// Clients that are shown at most.
const CLIENTS_MAX: usize = 20;
/// How often it is redrawn.
const EVERY: Duration = Duration::from_secs(1);

/// Redraws the table until it is dropped; draws nothing if `quiet` or without a terminal.
pub(super) async fn show(cluster: &MxCluster, quiet: bool) {
    if quiet || !io::stdout().is_terminal() || !io::stderr().is_terminal() {
        return std::future::pending().await;
    }
    let mut lines = 0;
    let mut tick = tokio::time::interval(EVERY);
    loop {
        tick.tick().await;
        // The window may have been resized.
        let (columns, rows) = terminal_size().map_or(SCREEN, |(Width(columns), Height(rows))| (columns, rows));
        let table = draw(&cluster.snapshot(clients_that_fit(rows)), columns);
        let text = fit(&harmless::text(&table), columns, rows);
        let mut screen = String::new();
        if lines > 0 {
            // Up to where the last table began, and clear from there.
            let _ = write!(screen, "\x1b[{lines}A\x1b[J");
        }
        screen.push_str(&text);
        lines = text.lines().count();
        // A terminal that is gone needs no table; the servers go on.
        let _ = io::stderr().write_all(screen.as_bytes());
    }
}

/// The size of a terminal that does not tell its own: columns and rows.
const SCREEN: (u16, u16) = (80, 24);

/// Besides clients there are the providers, a heading and the number of clients that are left out.
fn clients_that_fit(rows: u16) -> usize {
    usize::from(rows).saturating_sub(6).clamp(1, CLIENTS_MAX)
}

/// The part of a text that fits on a screen, with its last line left free. Lines that are too long are cut: a wrapped
/// line would not be cleared.
fn fit(text: &str, columns: u16, rows: u16) -> String {
    let lines = text.lines().take(usize::from(rows).saturating_sub(1));
    lines.map(|line| cut(line.trim_end(), usize::from(columns)) + "\n").collect()
}

fn cut(line: &str, columns: usize) -> String {
    if line.chars().count() <= columns {
        return line.to_owned();
    }
    line.chars().take(columns.saturating_sub(1)).chain(['…']).collect()
}

fn draw(state: &ClusterSnapshot, columns: u16) -> String {
    let providers = state.providers.iter().map(|provider| {
        let (name, open, accepted) = (&provider.name, provider.open_sessions, provider.accepted);
        let refused: u64 = provider.refused.iter().map(|refusals| refusals.count).sum();
        format!("{name}: {open} open, {accepted} accepted, {refused} refused")
    });
    let after = format!("after {}", Span::from_secs_f64(state.now_s.floor()));
    let mut text = beside_or_below(after, providers, usize::from(columns));
    let mut table = Table::new();
    table.load_style(NO_LINES);
    table.set_header([
        "client",
        "connections",
        "turned away",
        "accepted",
        "deferred",
        "rejected",
        "reputation",
        "holds",
        "mostly",
    ]);
    for client in &state.clients {
        table.add_row(row(client));
    }
    for column in table.column_iter_mut().skip(1).take(5) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    let _ = writeln!(text, "\n{table}");
    let hidden = state.clients_known.saturating_sub(state.clients.len());
    if hidden > 0 {
        let _ = writeln!(text, "and {hidden} clients more");
    }
    text
}

/// Texts beside each other as far as there is room, and below each other from there on.
fn beside_or_below(first: String, others: impl Iterator<Item = String>, columns: usize) -> String {
    let mut used = first.chars().count();
    let mut text = first;
    for other in others {
        let wide = other.chars().count() + BETWEEN.len();
        if used + wide <= columns {
            text.push_str(BETWEEN);
            used += wide;
        } else {
            text.push('\n');
            used = wide - BETWEEN.len();
        }
        text.push_str(&other);
    }
    text
}

const BETWEEN: &str = "  |  ";

fn row(client: &ClientSnapshot) -> Vec<Cell> {
    let listed = |all: Vec<String>| Cell::new(all.join(", "));
    let several = client.standing.len() > 1;
    let named = |provider: &str, text: String| if several { format!("{provider} {text}") } else { text };
    let standing = client.standing.iter();
    let reputation = standing.clone().map(|s| named(&s.provider, format!("{:.2}", s.reputation.get())));
    let holds = standing.flat_map(|s| {
        s.holds.iter().map(|hold| named(&s.provider, format!("{} {}", hold.rule, Span::from_secs_f64(hold.ends_in_s))))
    });
    let mostly = client.refused.iter().max_by_key(|refused| refused.refusals.count);
    let mostly = mostly.map(|refused| {
        let refusals = &refused.refusals;
        format!(
            "{} × {}",
            refusals.count,
            harmless::line(refusals.reply.as_deref().unwrap_or("(closed without a word)"))
        )
    });
    vec![
        Cell::new(client.ip),
        Cell::new(client.connections),
        Cell::new(client.turned_away),
        Cell::new(client.accepted),
        Cell::new(client.deferred),
        Cell::new(client.rejected),
        listed(reputation.collect()),
        listed(holds.collect()),
        Cell::new(mostly.unwrap_or_default()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_live_table_fits_the_screen() {
        let text = format!("{}\nshort   \n{}\nfourth\n", "×".repeat(50), "y".repeat(20));
        let shown = fit(&text, 20, 4);
        assert_eq!(shown, format!("{}…\nshort\n{}\n", "×".repeat(19), "y".repeat(20)));
        assert_eq!(fit(&text, 1, 1), "");
    }

    #[test]
    fn providers_of_the_live_table_wrap() {
        let shown =
            |columns| beside_or_below("after 1s".to_owned(), ["a: 1", "b: 2"].map(str::to_owned).into_iter(), columns);
        assert_eq!(shown(80), "after 1s  |  a: 1  |  b: 2");
        assert_eq!(shown(17), "after 1s  |  a: 1\nb: 2");
        assert_eq!(shown(5), "after 1s\na: 1\nb: 2");
    }
}
