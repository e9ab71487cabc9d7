//! The live table: who is connected and what became of it, drawn again and again on a terminal.

use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write as _};
use std::time::Duration;

use comfy_table::presets::NOTHING as NO_LINES;
use comfy_table::{Cell, CellAlignment, Table};

use crate::live::{ClientState, Farm, State};
use crate::time::Span;

/// Clients that are shown.
const CLIENTS_MAX: usize = 20;
/// How often it is drawn.
const EVERY: Duration = Duration::from_secs(1);

/// Draws it until it is dropped; never ends. Draws nothing where nobody would see it.
pub(super) async fn show(farm: &Farm, quiet: bool) {
    if quiet || !io::stdout().is_terminal() || !io::stderr().is_terminal() {
        return std::future::pending().await;
    }
    let mut lines = 0;
    let mut tick = tokio::time::interval(EVERY);
    loop {
        tick.tick().await;
        let text = draw(&farm.state(CLIENTS_MAX));
        let mut screen = String::new();
        if lines > 0 {
            // Back to where the last one began, and away with it.
            let _ = write!(screen, "\x1b[{lines}A\x1b[J");
        }
        screen.push_str(&text);
        lines = text.lines().count();
        // A terminal that is gone sees no more tables; the servers go on.
        let _ = io::stderr().write_all(screen.as_bytes());
    }
}

fn draw(state: &State) -> String {
    let mut text = format!("after {}", Span::from_secs_f64(state.now_s.floor()));
    for provider in &state.providers {
        let (name, open, accepted) = (&provider.name, provider.open_sessions, provider.accepted);
        let refused: u64 = provider.refused.iter().map(|refusals| refusals.count).sum();
        let _ = write!(text, "  |  {name}: {open} open, {accepted} accepted, {refused} refused");
    }
    let mut table = Table::new();
    table.load_style(NO_LINES);
    table.set_header(["client", "connections", "accepted", "deferred", "rejected", "reputation", "holds", "mostly"]);
    for client in &state.clients {
        table.add_row(row(client));
    }
    for column in table.column_iter_mut().skip(1).take(4) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    let _ = writeln!(text, "\n{table}");
    let hidden = state.clients_known.saturating_sub(state.clients.len());
    if hidden > 0 {
        let _ = writeln!(text, "and {hidden} clients more");
    }
    text
}

fn row(client: &ClientState) -> Vec<Cell> {
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
        format!("{} × {}", refusals.count, refusals.reply.as_deref().unwrap_or("(closed without a word)"))
    });
    vec![
        Cell::new(client.ip),
        Cell::new(client.connections),
        Cell::new(client.accepted),
        Cell::new(client.deferred),
        Cell::new(client.rejected),
        listed(reputation.collect()),
        listed(holds.collect()),
        Cell::new(mostly.unwrap_or_default()),
    ]
}
