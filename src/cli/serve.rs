//! `mxlab serve`: fake MX hosts with real limits, for one's own MTA.

mod auxiliary;
mod events;
mod front_end;
mod live_table;
mod providers;

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio_util::sync::CancellationToken;

use super::folder::ResultsFolder;
use super::output::{OutputFormat, show_run};
use super::output_line::{EventLine, OutputLine, Started, StartedHost, StartedProvider};
use super::{Exit, Failure, descriptors, own_side, provenance, terminal};
use crate::live::{
    self, CONNECTIONS_MAX, Clock, KeptMessages, MessageStore, MxCluster, MxClusterConfig, MxHost, OwnFaults,
    ServedTrial, ServerOptions, Speed,
};
use crate::provider::Policy;
use crate::record::{OwnFailure, OwnFailures, Record, StrategyInfo, Trial};
use crate::report::{self, Analysis, ResultsSummary, RunSummary, SchemaVersion};
use crate::time::{Span, Time};
use crate::trial::provider_info;
use crate::units::ProviderId;
use auxiliary::{AuxiliaryAddresses, check_exposure, read_token};
use events::EventWriter;
use front_end::{FrontEnd, RunningFrontEnd};

/// Serve fake MX hosts that enforce providers' limits, with the providers' own replies.
///
/// Point a mail server at them and see what Charter or Yahoo would say to it. Every MX host has a loopback address of
/// its own, counted up from --listen. On a terminal there is a live table; in a pipe every line is JSON: who serves,
/// every event as it happens, and the summary last. Ctrl-C ends it, and the same report as of a run is written, of
/// whatever client came.
///
/// Messages are counted and thrown away, never relayed. Local parts force an outcome: unknown@, full@, trap@,
/// 451-4.7.1.anything@, dot-552@ (after the message), drop@, slow-30s@; engaged@ and unengaged@ tell whether the owner
/// reads what they get; and as senders nodns@, nospf@, nodkim@, nodmarc@, spam@.
#[expect(clippy::struct_excessive_bools, reason = "a command line has switches")]
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// Providers: built-in profiles, or profile files of your own.
    #[arg(value_name = "NAME_OR_FILE", required = true)]
    profiles: Vec<String>,
    /// Address and port of the first MX host. The next ones have the next addresses and the same port; where there is
    /// only one address, the next ports.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:2525")]
    listen: SocketAddr,
    /// Let other machines in: needed to listen on anything but a loopback address. There is no protection whatever.
    #[arg(long)]
    expose: bool,
    /// Let the providers' clocks run so much faster than the wall: at 60 an hour's limit is met in a minute.
    #[arg(long, value_name = "FACTOR", default_value = "1")]
    speed: Speed,
    /// Change a value of a profile by its path, as `[provider.set]` of a scenario does; may be given more than once.
    /// With several providers, the first word is the provider's name.
    #[arg(long = "set", value_name = "[PROVIDER:]PATH=VALUE")]
    changes: Vec<String>,
    /// Decides chance and whatever nobody outside the providers knows.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Stop after this much time on the wall. [default: when you say so]
    #[arg(long = "for", value_name = "TIME")]
    lasts: Option<Span>,
    /// Results folder, new or empty. [default: results/serve/<run>, with a number if that exists]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Write no results.
    #[arg(long, conflicts_with = "out")]
    no_report: bool,
    /// Keep messages as files in this folder, a folder for each provider; at most --keep-max of them.
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
    /// How many messages --keep keeps.
    #[arg(long, value_name = "N", default_value_t = 1_000, requires = "keep")]
    keep_max: u64,
    /// Answer DNS here, over UDP and TCP: MX, A, AAAA, PTR and TXT records of the providers that are served, so that a
    /// mail server finds the fake hosts of charter.net by itself.
    #[arg(long, value_name = "ADDRESS:PORT")]
    dns: Option<SocketAddr>,
    /// Listen here for administrators: JSON over HTTP to see state, change rules, set reputations, order answers; and
    /// metrics for Prometheus. `GET /` lists what there is.
    #[arg(long, value_name = "ADDRESS:PORT")]
    admin: Option<SocketAddr>,
    /// Ask administrators for a token, the first line of this file, as `Authorization: Bearer`. Without one, any
    /// program on this machine may call; a page in a browser never.
    #[arg(long, value_name = "FILE", requires = "admin")]
    admin_token_file: Option<PathBuf>,
    /// Who speaks SMTP in front of the providers: mxlab itself, or mailin-embedded, which nobody here wrote and which
    /// can do less (it says what). It keeps to itself
    /// what this machine is short of: with it, exit code 4 only tells of results that were not written.
    #[arg(long, value_enum, value_name = "NAME", default_value_t = FrontEnd::Mxlab)]
    front_end: FrontEnd,
    /// Connections at a time; the rest wait in the kernel's backlog. More than there are file descriptors for are
    /// refused. [default: 20000, or as many as there are file descriptors for]
    #[arg(long, value_name = "N", value_parser = connections)]
    connections: Option<usize>,
    /// Threads that serve. With more than one, whoever says QUIT and comes again at once may be heard in the other
    /// order, and meet a limit on connections that nobody has reached.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1_024))]
    threads: u16,
    /// Do not offer STARTTLS.
    #[arg(long)]
    no_tls: bool,
    /// Let clients speak for other addresses with XCLIENT, as Postfix has it.
    #[arg(long)]
    xclient: bool,
    /// Take lines that end in a bare LF, and messages that end in a bare LF dot LF.
    #[arg(long)]
    lenient: bool,
    /// What goes to standard output: a table at the end, or lines of JSON: `started`, an event a line, and `summary` at
    /// the end (see `mxlab schema events`). [default: a table on a terminal, JSON in a pipe]
    #[arg(long, value_enum, value_name = "FORMAT")]
    format: Option<OutputFormat>,
    /// No notes, no live table and no table at the end. Of JSON only the first and the last line: no events either.
    #[arg(long, short)]
    quiet: bool,
}

const EXAMPLES: &str = "\
Examples:
  mxlab serve charter
  mxlab serve charter yahoo --listen 127.0.0.1:2525
  mxlab serve charter --set rule.connections.limit=5 --speed 60
  mxlab serve yahoo --for 10min --out results/my-mta > events.jsonl
  mxlab serve charter yahoo --dns 127.0.0.1:5353 --admin 127.0.0.1:8025
  mxlab serve my-provider.toml --keep messages";

/// A number of connections that one machine can hold.
fn connections(text: &str) -> Result<usize, String> {
    let number = text.parse().ok().filter(|number| (1..=1_000_000).contains(number));
    number.ok_or_else(|| "write a number from 1 to 1000000".to_owned())
}

pub(super) fn serve(args: &Args) -> Result<Exit, Failure> {
    let policies = providers::policies(&args.profiles, &args.changes)?;
    let hosts = providers::hosts(&policies, args.listen, args.expose)?;
    let places = Places::of(args, &hosts)?;
    if args.keep.is_some() && args.front_end == FrontEnd::Mailin {
        return Err(Failure::input(
            "--keep: mailin-embedded hands messages over without what --keep needs; leave one away",
        ));
    }
    let token = args.admin_token_file.as_deref().map(read_token).transpose()?;
    let auxiliary = AuxiliaryAddresses {
        dns: check_exposure("--dns", args.dns, args.expose)?,
        admin: check_exposure("--admin", args.admin, args.expose)?,
    };
    let out =
        if args.no_report { None } else { Some(ResultsFolder::create(args.out.as_deref(), SERVE, &run_name(args))?) };
    let options = options(args, &policies, &places)?;
    let message_store = options.message_store.clone();
    let runtime = runtime(args.threads)
        .map_err(|error| Failure::unwritten(format_args!("the system gives no event queue: {error}")))?;
    let cluster = MxCluster::new(MxClusterConfig::new(policies, args.seed), Clock::start(args.speed));
    let format = OutputFormat::or_by_reader(args.format);
    let (mut own_failures, event_writer) = runtime.block_on(async {
        let stop = CancellationToken::new();
        let front_end = RunningFrontEnd::start(args.front_end, &cluster, &hosts, options)?;
        let auxiliary = auxiliary.start(&cluster, front_end.hosts(), token, &stop).await?;
        let event_writer = match format {
            OutputFormat::Table => None,
            OutputFormat::Json => Some(EventWriter::begin(&started(&cluster, front_end.hosts(), auxiliary, args))?),
        };
        if let Some(writer) = event_writer.as_ref().filter(|_| !args.quiet) {
            writer.listen(&cluster);
        }
        if !args.quiet {
            announce(&cluster, &front_end, auxiliary, args);
            places.note.iter().for_each(|note| terminal::note(note.as_str()));
        }
        run_until_stopped(&cluster, args, format).await?;
        stop.cancel();
        let own_failures = front_end.stop().await;
        cluster.set_event_listener(None);
        Ok::<_, Failure>((own_failures, event_writer))
    })?;
    // Connections that are still open have had the time to end.
    runtime.shutdown_background();
    if let Some(store) = message_store {
        let messages = store.summary();
        own_failures.merge(&messages.failures);
        report_kept(&messages, args.quiet);
    }
    let exit = own_side::judged(Exit::Met, &own_failures);
    write_report(&cluster, args, out, own_failures, event_writer)?;
    Ok(exit)
}

/// Says what was kept.
fn report_kept(messages: &KeptMessages, quiet: bool) {
    let KeptMessages { kept, lost, first_error, longest_wait, .. } = messages;
    if *longest_wait >= LONG_WAIT {
        let longest = longest_wait.as_secs_f64();
        terminal::note(format!("clients had to wait for the disk under --keep, up to {longest:.1} s at a time"));
    }
    if *lost > 0 {
        let why = first_error.as_deref().unwrap_or("");
        terminal::note(terminal::error(format_args!("--keep: {kept} messages kept, {lost} more could not be: {why}")));
    } else if !quiet {
        terminal::note(format!("{kept} messages kept"));
    }
}

/// A wait for the disk that a client may take for the provider's slowness.
const LONG_WAIT: Duration = Duration::from_secs(1);

/// How many connections are served at a time.
struct Places {
    connections: usize,
    /// What the machine is short of when more come, where nobody asked for so few.
    short_of: Option<OwnFailure>,
    /// That, for people.
    note: Option<String>,
}

impl Places {
    /// As many as were asked for, which are refused if there are no descriptors for them; or else as many as there are
    /// descriptors for, up to the default.
    fn of(args: &Args, hosts: &[MxHost]) -> Result<Self, Failure> {
        // A message that is kept is a file; each host listens, and may have one more in its hand.
        let (each, own) = (1 + u64::from(args.keep.is_some()), 2 * hosts.len() as u64);
        let wanted = args.connections.unwrap_or(CONNECTIONS_MAX);
        let short = descriptors::as_many_as_allowed()
            .map(|allowed| (allowed, descriptors::places(allowed.saturating_sub(own), each)))
            .filter(|(_, places)| *places < wanted as u64);
        let Some((allowed, places)) = short else {
            return Ok(Self { connections: wanted, short_of: None, note: None });
        };
        let why = format!("the system allows {allowed} file descriptors, enough for {places} connections");
        if args.connections.is_some() || places == 0 {
            return Err(Failure::input(format_args!(
                "--connections {wanted}: {why}\n  raise the limit (`ulimit -n`), or ask for fewer"
            )));
        }
        let connections = usize::try_from(places).unwrap_or(CONNECTIONS_MAX);
        let note = format!("{why} at a time, of {wanted} by default; the rest will wait (`ulimit -n`)");
        Ok(Self { connections, short_of: Some(OwnFailure::Descriptors), note: Some(note) })
    }
}

/// One thread serves connections in the order in which they arrive.
fn runtime(threads: u16) -> io::Result<Runtime> {
    let mut builder = if threads == 1 { Builder::new_current_thread() } else { Builder::new_multi_thread() };
    if threads > 1 {
        builder.worker_threads(threads.into());
    }
    builder.enable_all().build()
}

fn run_name(args: &Args) -> String {
    args.profiles
        .iter()
        .map(|name| name.rsplit(['/', '\\']).next().unwrap_or(name).trim_end_matches(".toml"))
        .collect::<Vec<_>>()
        .join("-")
}

fn options(args: &Args, policies: &[Policy], places: &Places) -> Result<ServerOptions, Failure> {
    let names: Vec<String> = policies.iter().flat_map(|policy| policy.mx.iter().cloned()).collect();
    let acceptor = || live::tls::ServerTls::self_signed(&names, &[args.listen.ip()]).map_err(Failure::unwritten);
    let tls = if args.no_tls { None } else { Some(acceptor()?) };
    let message_store = match &args.keep {
        Some(folder) => {
            let providers: Vec<&str> = policies.iter().map(|policy| policy.name.as_str()).collect();
            let store = MessageStore::create(folder, &providers, args.keep_max, OwnFaults::default());
            Some(store.map_err(|error| Failure::unwritten_path(folder, &error))?)
        }
        None => None,
    };
    Ok(ServerOptions {
        connections_max: places.connections,
        short_of: places.short_of,
        tls,
        message_store,
        xclient: args.xclient,
        lenient: args.lenient,
        ..ServerOptions::default()
    })
}

/// The first line for programs.
fn started<'a>(
    cluster: &'a MxCluster,
    hosts: &'a [MxHost],
    auxiliary: AuxiliaryAddresses,
    args: &Args,
) -> OutputLine<'a> {
    let host = |host: &'a MxHost| StartedHost { name: &host.name, address: host.address };
    let provider = |(site, policy): (ProviderId, &'a Policy)| StartedProvider {
        name: &policy.name,
        hosts: hosts.iter().filter(|host| host.site == site).map(host).collect(),
    };
    OutputLine::Event(EventLine::Started(Started {
        schema: SchemaVersion,
        at: cluster.clock().now().as_secs_f64(),
        mxlab: env!("CARGO_PKG_VERSION"),
        seed: args.seed,
        speed: args.speed.get(),
        providers: (0..).map(ProviderId).zip(cluster.policies()).map(provider).collect(),
        dns: auxiliary.dns,
        admin: auxiliary.admin,
    }))
}

/// Says which server listens at which address.
fn announce(cluster: &MxCluster, front_end: &RunningFrontEnd, auxiliary: AuxiliaryAddresses, args: &Args) {
    for host in front_end.hosts() {
        let policy = &cluster.policies()[host.site.index()];
        terminal::note(format!("{}: {} listens on {}", policy.name, host.name, host.address));
    }
    if let Some(dns) = auxiliary.dns {
        terminal::note(format!("DNS on {dns}"));
    }
    if let Some(admin) = auxiliary.admin {
        terminal::note(format!("administrators on http://{admin}/"));
    }
    if args.front_end == FrontEnd::Mailin {
        terminal::note(live::mailin::CANNOT);
    }
    let then = if args.no_report { "" } else { " and writes the report" };
    terminal::note(format!("Ctrl-C ends it{then}"));
}

/// Shows the table until the user interrupts or the time is over.
async fn run_until_stopped(cluster: &MxCluster, args: &Args, format: OutputFormat) -> Result<(), Failure> {
    let stop = CancellationToken::new();
    super::interrupt::cancel(&stop)?;
    let time_is_up = async {
        match args.lasts {
            Some(span) => tokio::time::sleep(Duration::from_micros(span.as_micros())).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        () = stop.cancelled() => {}
        () = time_is_up => {}
        () = live_table::show(cluster, args.quiet || format == OutputFormat::Json) => {}
    }
    Ok(())
}

/// Writes the report of what the clients met; in JSON it is the last line behind the events.
fn write_report(
    cluster: &MxCluster,
    args: &Args,
    out: Option<ResultsFolder>,
    own_failures: OwnFailures,
    event_writer: Option<EventWriter>,
) -> Result<(), Failure> {
    let ServedTrial { trial, bucket } = cluster.record(CLIENT, args.seed).map_err(Failure::broken)?;
    let trial = Trial { own_failures, ..trial };
    let lasted = bucket.times(trial.cells.first().map_or(0, |cell| cell.series.attempts.len() as u64));
    let strategies = vec![StrategyInfo {
        name: CLIENT.to_owned(),
        about: "whoever connected; attempts and recipients as the servers saw them".to_owned(),
        bound: false,
    }];
    let providers = cluster.policies().iter().map(provider_info).collect();
    let empty = Record::empty(SERVE.to_owned(), "What did the clients meet?".to_owned(), strategies, providers);
    let record =
        Record { duration_us: lasted.as_micros(), bucket_us: bucket.as_micros(), trials: vec![trial], ..empty };
    let analysis = Analysis::of(&record);
    if let Some(folder) = &out {
        report::write_all(&analysis, &provenance::without_scenario(SERVE, args.seed), folder)
            .map_err(Failure::unwritten)?;
    }
    match event_writer {
        Some(writer) => end_events(writer, &analysis, cluster.clock().now(), args.quiet)?,
        None if args.quiet => {}
        None => show_run(&analysis, OutputFormat::Table)?,
    }
    if let Some(folder) = out.filter(|_| !args.quiet) {
        terminal::note(format!("results in {}", folder.display()));
    }
    Ok(())
}

/// Ends the lines for programs with the summary, and shows people the table.
fn end_events(writer: EventWriter, analysis: &Analysis<'_>, now: Time, quiet: bool) -> Result<(), Failure> {
    let lost = writer.lost();
    if lost > 0 {
        terminal::note(format!("{lost} events were lost: whoever reads them was too slow"));
    }
    if !quiet {
        terminal::note(report::table(analysis, terminal::look(&io::stderr())));
    }
    let summary = RunSummary::of(analysis).behind_events(now, lost);
    writer.end(&OutputLine::Results(ResultsSummary::Summary(Box::new(summary))))
}

/// Takes the place of a scenario's name in results.
const SERVE: &str = "serve";
/// Takes the place of a strategy's name in results: all clients together.
const CLIENT: &str = "clients";
