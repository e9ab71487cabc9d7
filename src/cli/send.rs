//! `mxlab send`: a scenario's mail, sent to servers that are there already.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;

use ipnet::IpNet;

use super::descriptors::ConnectionEnds;
use super::folder::{self, ResultsFolder};
use super::live_client::{ClientSwitches, client_options, live_failure};
use super::output::{OutputFormat, show_nothing, show_run};
use super::progress::ProgressDisplay;
use super::scenarios::load_all;
use super::trial_args::TrialArgs;
use super::{Exit, Failure, descriptors, endpoints, interrupt, memory, own_side, provenance, terminal};
use crate::live::{self, AllowedTargets, Receivers, Speed};
use crate::report::{self, Analysis};
use crate::scenario::Scenario;
use crate::smtp::HeloName;
use crate::study;

/// Send a scenario's mail by its strategies to SMTP servers that are there already.
///
/// What `mxlab run --world live` does, to servers of your own instead of fake ones: every strategy under every seed,
/// open loop, each latency measured from the moment at which it should have begun. Providers of the scenario only say
/// which replies are to be expected; whatever else a server says is learned.
///
/// Before the start there is one connection to each target, closed without a word, to see whether anybody listens:
/// servers see it, and no result counts it.
///
/// Only loopback addresses are targets, unless --allow-target names their network.
#[expect(clippy::struct_excessive_bools, reason = "a command line has switches")]
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// A scenario file.
    #[arg(value_name = "SCENARIO")]
    scenario: PathBuf,
    /// Where mail goes: an address and a port, for one provider of the scenario or, without a name, for all of them.
    /// May be given more than once: hosts are taken in turn.
    #[arg(long, required = true, value_name = "[PROVIDER=]ADDRESS:PORT")]
    to: Vec<String>,
    /// Let mail go to this network too: it must be yours.
    #[arg(long, value_name = "CIDR")]
    allow_target: Vec<IpNet>,
    /// The address of this machine that the scenario's sources send from, one for each; fewer are taken in turn.
    /// [default: loopback addresses counted up from 127.24.0.1 to loopback targets, or else whatever the system
    /// chooses]
    #[arg(long, value_name = "ADDRESS")]
    from: Vec<IpAddr>,
    /// How much faster than the wall the sender's clock goes.
    #[arg(long, value_name = "FACTOR", default_value = "1")]
    speed: Speed,
    /// The name to give with EHLO.
    #[arg(long, value_name = "NAME", default_value = "mxlab.test")]
    helo: HeloName,
    /// STARTTLS on every connection: a server that does not offer it, or refuses, gets no mail. Certificates are not
    /// looked at.
    #[arg(long)]
    tls: bool,
    /// STARTTLS wherever it is to be had, and clear text elsewhere.
    #[arg(long, conflicts_with = "tls")]
    tls_optional: bool,
    /// BDAT (RFC 3030) wherever it is offered.
    #[arg(long)]
    chunking: bool,
    /// Results folder, new or empty. [default: results/<scenario>/<run>, with a number if that exists]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    #[command(flatten)]
    trials: TrialArgs,
    /// What goes to standard output: a table, or the summary as a line of JSON. [default: a table on a terminal, JSON
    /// in a pipe]
    #[arg(long, value_enum, value_name = "FORMAT")]
    format: Option<OutputFormat>,
    /// No notes and no progress bar.
    #[arg(long, short)]
    quiet: bool,
}

const EXAMPLES: &str = "\
Examples:
  mxlab send scenarios/quickstart.toml --to 127.0.0.1:2525 --seeds 1 --strategy fixed
  mxlab send scenarios/quickstart.toml --to charter=127.0.0.1:2525 --to yahoo=127.0.0.2:2525 --to 127.0.0.3:2525
  mxlab send my.toml --to 192.0.2.25:25 --allow-target 192.0.2.0/24 --tls
  mxlab send my.toml --to 127.0.0.1:2525 > summary.json";

impl Args {
    const fn switches(&self) -> ClientSwitches {
        ClientSwitches { tls: self.tls, tls_optional: self.tls_optional, chunking: self.chunking }
    }
}

pub(super) fn send(args: &Args) -> Result<Exit, Failure> {
    let scenario = load_all(std::slice::from_ref(&args.scenario))?.remove(0);
    let targets = targets(&args.to, &scenario)?;
    let allowed = AllowedTargets::loopback_and(args.allow_target.clone());
    allowed.check(targets.iter().flatten()).map_err(Failure::input)?;
    let options = args.trials.options(&scenario, false)?;
    memory::suffices_for(&scenario, &options)?;
    let sources = sources(args, &scenario, &targets)?;
    let client_options = client_options(args.helo.clone(), args.switches())?;
    descriptors::suffice(&scenario, &options, ConnectionEnds::Client)?;
    let doubtful = endpoints::doubtful(&targets, &sources, args.quiet);
    let receivers = Receivers::Hosts { targets, sources, allowed, doubtful };
    let run = folder::run_name(options.first_seed, options.seeds, scenario.hash);
    let out = ResultsFolder::create(args.out.as_deref(), &scenario.name, &run)?;
    let stop = interrupt::listen()?;
    let live_run = {
        let progress = ProgressDisplay::new(&scenario.name, args.quiet);
        let show = |now| progress.show(now);
        study::run_live(&scenario, &options, &receivers, args.speed, &client_options, &show, stop)
            .map_err(|error| live_failure(&error))?
    };
    for (target, reply) in &live_run.clear_text {
        terminal::note(format!(
            "warning: {target}: STARTTLS was answered with `{reply}`; mail went there in clear text"
        ));
    }
    let exit = if live_run.record.partial { Exit::Interrupted } else { Exit::Met };
    let exit = own_side::judged_run(exit, &live_run.record);
    let analysis = Analysis::of(&live_run.record);
    let format = OutputFormat::or_by_reader(args.format);
    if live_run.record.trials.is_empty() {
        show_nothing(&analysis, format)?;
        return Ok(exit);
    }
    report::write_all(&analysis, &provenance::of_trials(&scenario, &options), &out).map_err(Failure::unwritten)?;
    report::write_latencies(&live_run.latencies, &out).map_err(Failure::unwritten)?;
    show_run(&analysis, format)?;
    if !args.quiet {
        terminal::note(report::latency_table(&live_run.latencies));
        terminal::note(format!("results in {}", out.display()));
    }
    Ok(exit)
}

/// The hosts of each provider: its own, or those of everybody.
fn targets(to: &[String], scenario: &Scenario) -> Result<Vec<Vec<SocketAddr>>, Failure> {
    let names: Vec<&str> = scenario.providers.iter().map(|policy| policy.name.as_str()).collect();
    let mut own = vec![Vec::new(); names.len()];
    let mut all = Vec::new();
    for text in to {
        let wrong = |why: String| Failure::input(format_args!("--to {text}: {why}"));
        let (hosts, address) = match text.split_once('=') {
            None => (&mut all, text.as_str()),
            Some((name, address)) => {
                let place = names.iter().position(|known| *known == name);
                let known = || format!("the scenario has no provider `{name}`; it has {}", names.join(", "));
                (&mut own[place.ok_or_else(|| wrong(known()))?], address)
            }
        };
        let address = endpoints::target(address).map_err(wrong)?;
        if hosts.contains(&address) {
            return Err(wrong("it is there twice; a host that is to get more mail needs no second entry".to_owned()));
        }
        hosts.push(address);
    }
    for (hosts, name) in own.iter_mut().zip(names) {
        if hosts.is_empty() {
            hosts.clone_from(&all);
        }
        if hosts.is_empty() {
            let why =
                format_args!("where does mail to {name} go? Say --to {name}=ADDRESS:PORT, or --to for all of them");
            return Err(Failure::input(why));
        }
    }
    Ok(own)
}

/// The address that each source sends from.
fn sources(args: &Args, scenario: &Scenario, targets: &[Vec<SocketAddr>]) -> Result<Vec<IpAddr>, Failure> {
    args.from.iter().try_for_each(|source| endpoints::check_source(*source, targets))?;
    Ok(assigned_sources(args, scenario, targets))
}

fn assigned_sources(args: &Args, scenario: &Scenario, targets: &[Vec<SocketAddr>]) -> Vec<IpAddr> {
    let wanted = scenario.sources.len();
    if !args.from.is_empty() {
        return args.from.iter().copied().cycle().take(wanted).collect();
    }
    if targets.iter().flatten().all(|target| target.is_ipv4() && target.ip().is_loopback()) {
        return (0..).map(live::source_address).take(wanted).collect();
    }
    let v4 = targets.iter().flatten().all(SocketAddr::is_ipv4);
    let any = if v4 { IpAddr::from(Ipv4Addr::UNSPECIFIED) } else { Ipv6Addr::UNSPECIFIED.into() };
    vec![any; wanted]
}
