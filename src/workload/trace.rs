//! Mail as it really went: a CSV file of messages, such as an excerpt of a mail server's log.
//!
//! The first line names the columns, in any order: `time` (seconds since the start such as `12.5`, or a span such as
//! `1h30m`), `recipients` (addresses or bare domains, separated by `;` or spaces; `example.com*2000` is two thousand at
//! a domain) and, if one likes, `size` (`75kB`, or a plain number of bytes). Rows may stand in any order; lines that
//! begin with `#` are comments (RFC 4180 otherwise).

use std::iter;
use std::ops::Range;

use csv::{ReaderBuilder, StringRecord, Trim};

use super::model::{Size, TraceRow};
use crate::diagnostic::{Diagnostic, Document, did_you_mean, nearest};
use crate::time::{Span, Time};
use crate::units::{Bytes, DomainId};

/// Reads a trace; `domain` knows the recipient domains of the scenario, by their names in lower case.
///
/// # Errors
/// The first thing that is wrong, with its place: a column that is missing, unknown or named twice, a time, size or
/// recipient that makes no sense, a domain of no provider, a file without messages.
pub fn read_trace(document: &Document, domain: &dyn Fn(&str) -> Option<DomainId>) -> Result<Vec<TraceRow>, Diagnostic> {
    let mut reader = ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .trim(Trim::All)
        .comment(Some(b'#'))
        .from_reader(document.text.as_bytes());
    let mut records = reader.records();
    let not_csv = |error: &csv::Error| {
        let at = error.position().map_or(0, offset);
        document.wrong(at..at, format!("this is not CSV: {error}"))
    };
    let Some(header) = records.next().transpose().map_err(|error| not_csv(&error))? else {
        return Err(document.wrong(0..0, "the trace is empty").help(HEADER));
    };
    let columns = Columns::new(&TraceLine { document, record: &header })?;
    let mut rows = Vec::new();
    for record in records {
        let record = record.map_err(|error| not_csv(&error))?;
        rows.push(columns.row(&TraceLine { document, record: &record }, domain)?);
    }
    if rows.is_empty() {
        let end = document.text.len();
        return Err(document.wrong(end..end, "the trace has no messages").help(HEADER));
    }
    rows.sort_by_key(|row: &TraceRow| row.at);
    Ok(rows)
}

const HEADER: &str = "the first line names the columns `time,recipients,size`; every other line is a message";
const COLUMNS: [&str; 3] = ["time", "recipients", "size"];
/// The longest a trace can last, in seconds: a century, as with every other length of time.
const LONGEST_SECS: f64 = 36_525.0 * 86_400.0;

/// Which column is where.
struct Columns {
    time: usize,
    recipients: usize,
    size: Option<usize>,
}

impl Columns {
    fn new(header: &TraceLine<'_>) -> Result<Self, Diagnostic> {
        let mut places = [None; 3];
        for (place, name) in header.record.iter().enumerate() {
            // A byte order mark is how some spreadsheets begin a file.
            let name = name.trim_start_matches('\u{feff}').to_ascii_lowercase();
            let Some(column) = COLUMNS.iter().position(|column| *column == name) else {
                let unknown = header.wrong(place, format!("a trace has no column `{name}`"));
                return Err(unknown.help(nearest(&name, COLUMNS).map_or_else(|| HEADER.to_owned(), did_you_mean)));
            };
            if places[column].replace(place).is_some() {
                return Err(header.wrong(place, format!("the column `{name}` is there twice")));
            }
        }
        let need = |place: Option<usize>, name| {
            place.ok_or_else(|| header.wrong(0, format!("the column `{name}` is missing")).help(HEADER))
        };
        Ok(Self { time: need(places[0], "time")?, recipients: need(places[1], "recipients")?, size: places[2] })
    }

    fn row(&self, line: &TraceLine<'_>, domain: &dyn Fn(&str) -> Option<DomainId>) -> Result<TraceRow, Diagnostic> {
        let at = time(line.field(self.time)).ok_or_else(|| {
            let text = line.field(self.time);
            line.wrong(self.time, format!("`{text}` is not a time"))
                .help("write seconds since the start (`12.5`) or a length of time (`1h30m`)")
        })?;
        let mut domains = Vec::new();
        for recipient in line.field(self.recipients).split([';', ' ', '\t']).filter(|text| !text.is_empty()) {
            let (address, times) = recipient.rsplit_once('*').unwrap_or((recipient, "1"));
            let name = address.rsplit('@').next().unwrap_or(address).trim_end_matches('.').to_ascii_lowercase();
            let served = domain(&name).ok_or_else(|| {
                line.wrong_part(self.recipients, recipient, format!("no provider of the scenario serves `{name}`"))
            })?;
            let times = times.parse().ok().filter(|times| (1..=TIMES_MAX).contains(times)).ok_or_else(|| {
                let what = format!("`{times}` is no number of recipients; write 1 to {TIMES_MAX}");
                line.wrong_part(self.recipients, recipient, what)
            })?;
            domains.extend(iter::repeat_n(served, times));
        }
        if domains.is_empty() {
            return Err(line
                .wrong(self.recipients, "a message without recipients")
                .help("write one or more addresses or domains, separated by `;` or spaces"));
        }
        let size = self.size.map(|column| size(line, column)).transpose()?.flatten();
        Ok(TraceRow { at, domains, size })
    }
}

/// No message has more recipients at one domain.
const TIMES_MAX: usize = 100_000;

/// A moment: seconds, or a length of time with its unit.
fn time(text: &str) -> Option<Time> {
    let span = match text.parse::<f64>() {
        Ok(secs) => (0.0..=LONGEST_SECS).contains(&secs).then(|| Span::from_secs_f64(secs)),
        Err(_) => text.parse().ok(),
    };
    span.map(|span| Time::ZERO + span)
}

/// A size; nothing where nothing is written.
fn size(line: &TraceLine<'_>, column: usize) -> Result<Option<Bytes>, Diagnostic> {
    let text = line.field(column);
    if text.is_empty() {
        return Ok(None);
    }
    let bytes = text.parse::<bytesize::ByteSize>().map_err(|_| {
        line.wrong(column, format!("`{text}` is not a size")).help("write bytes (`75000`) or a size (`75kB`)")
    })?;
    if !(1..=u64::from(Size::LARGEST)).contains(&bytes.0) {
        return Err(line.wrong(column, format!("`{text}`: a message has between 1 byte and 1 GiB")));
    }
    Ok(Some(Bytes(bytes.0)))
}

/// A record with its place in the document.
struct TraceLine<'a> {
    document: &'a Document,
    record: &'a StringRecord,
}

impl<'a> TraceLine<'a> {
    fn field(&self, column: usize) -> &'a str {
        self.record.get(column).unwrap_or("")
    }

    fn wrong(&self, column: usize, message: impl Into<String>) -> Diagnostic {
        self.document.wrong(self.span(column), message)
    }

    /// What is wrong with a part of a field.
    fn wrong_part(&self, column: usize, part: &str, message: impl Into<String>) -> Diagnostic {
        let span = self.span(column);
        let found = self.document.text.get(span.clone()).and_then(|text| text.find(part));
        let span = found.map_or(span.clone(), |at| span.start + at..span.start + at + part.len());
        self.document.wrong(span, message)
    }

    /// Where a field stands in the text; the end of the line for a field that is not there.
    fn span(&self, column: usize) -> Range<usize> {
        let text = self.document.text.as_bytes();
        let mut start = self.record.position().map_or(0, offset).min(text.len());
        start += text[start..].iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        let (mut quoted, mut commas, mut at) = (false, 0, start);
        while at < text.len() && (quoted || !matches!(text[at], b'\r' | b'\n')) {
            match text[at] {
                b'"' => quoted = !quoted,
                b',' if !quoted && commas == column => break,
                b',' if !quoted => (commas, start) = (commas + 1, at + 1),
                _ => {}
            }
            at += 1;
        }
        let start = if commas == column { start } else { at };
        let blanks = |bytes: &mut dyn Iterator<Item = &u8>| bytes.take_while(|byte| **byte == b' ').count();
        let (before, after) = (blanks(&mut text[start..at].iter()), blanks(&mut text[start..at].iter().rev()));
        if before == at - start { start..at } else { start + before..at - after }
    }
}

fn offset(position: &csv::Position) -> usize {
    usize::try_from(position.byte()).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<TraceRow>, Diagnostic> {
        let domain = |name: &str| match name {
            "charter.net" => Some(DomainId(0)),
            "yahoo.com" => Some(DomainId(1)),
            _ => None,
        };
        read_trace(&Document::new("trace.csv", text), &domain)
    }

    fn wrong(text: &str) -> (String, (usize, usize)) {
        let diagnostic = read(text).unwrap_err();
        (diagnostic.message().to_owned(), diagnostic.line_and_column())
    }

    #[test]
    fn many_recipients_at_a_domain_are_written_in_one() {
        let rows = read("time,recipients\n0,charter.net*3;yahoo.com\n").unwrap();
        assert_eq!(rows[0].domains, [DomainId(0), DomainId(0), DomainId(0), DomainId(1)]);
        for none in ["charter.net*0", "charter.net*", "charter.net*-1", "charter.net*1000000"] {
            assert!(wrong(&format!("time,recipients\n0,{none}\n")).0.contains("is no number of recipients"), "{none}");
        }
    }

    #[test]
    fn a_trace_reads_as_people_write_it() {
        let text = "\u{feff}time, recipients ,size\r\n# a comment\r\n1h30m,a@charter.net;b@Yahoo.com.,75kB\r\n\r\n\
                    0.5,yahoo.com charter.net,\r\n7,\"charter.net\"\r\n0.5,charter.net,512\r\n";
        let row = |secs: f64, domains: &[u16], size: Option<u64>| TraceRow {
            at: Time::ZERO + Span::from_secs_f64(secs),
            domains: domains.iter().copied().map(DomainId).collect(),
            size: size.map(Bytes),
        };
        let rows = [
            row(0.5, &[1, 0], None),
            row(0.5, &[0], Some(512)),
            row(7.0, &[0], None),
            row(5_400.0, &[0, 1], Some(75_000)),
        ];
        assert_eq!(read(text).unwrap(), rows);
    }

    #[test]
    fn columns_stand_in_any_order() {
        let rows = read("recipients,time\ncharter.net,3\n").unwrap();
        assert_eq!(rows[0].at, Time::from_micros(3_000_000));
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        let cases = [
            ("", "the trace is empty", (1, 1)),
            ("time,recipients\n", "the trace has no messages", (2, 1)),
            ("time,size\n1,5\n", "the column `recipients` is missing", (1, 1)),
            ("time,recipients,siez\n", "a trace has no column `siez`", (1, 17)),
            ("time,time\n", "the column `time` is there twice", (1, 6)),
            ("time,recipients\n1,charter.net\n-1,charter.net\n", "`-1` is not a time", (3, 1)),
            ("time,recipients\nnan,charter.net\n", "`nan` is not a time", (2, 1)),
            ("time,recipients\n1e300,charter.net\n", "`1e300` is not a time", (2, 1)),
            ("time,recipients\n1M,charter.net\n", "`1M` is not a time", (2, 1)),
            ("time,recipients\n1\n", "a message without recipients", (2, 2)),
            ("time,recipients\n1, ;\n2,\n", "a message without recipients", (2, 4)),
            ("time,recipients\n1,\"a@yahoo.com; b@gmx.de\"\n", "no provider of the scenario serves `gmx.de`", (2, 17)),
            ("time,recipients,size\n\n\n1,yahoo.com, big\n", "`big` is not a size", (4, 14)),
            ("time,recipients,size\n1,yahoo.com,0\n", "`0`: a message has between 1 byte and 1 GiB", (2, 13)),
            ("time,recipients,size\n1,yahoo.com,2GiB\n", "`2GiB`: a message has between 1 byte and 1 GiB", (2, 13)),
        ];
        for (text, message, place) in cases {
            assert_eq!(wrong(text), (message.to_owned(), place), "{text}");
        }
    }

    #[test]
    fn a_slip_of_the_fingers_gets_a_suggestion() {
        assert!(read("time,recipients,siez\n").unwrap_err().render(false).contains("did you mean `size`?"));
    }
}
