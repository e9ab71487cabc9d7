//! From the bytes of a query to the bytes of its answer.

use std::time::Duration;

use simple_dns::rdata::{A, AAAA, MX, NS, OPT, PTR, RData, SOA, TXT};
use simple_dns::{CLASS, Name, Packet, PacketFlag, QCLASS, QTYPE, RCODE, ResourceRecord, TYPE};

use super::fault::QueryEffect;
use super::zone::{DnsRecord, Zone, ZoneLookup};

/// The transport of a query, which limits the length of its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DnsTransport {
    /// 512 bytes, or what EDNS0 allows, up to [`UDP_MAX`].
    Udp,
    /// 65,535 bytes.
    Tcp,
}

/// The longest answer over UDP, whatever the client has room for.
pub(super) const UDP_MAX: u16 = 4096;

/// How long an answer may be cached, in seconds: short, as clusters come and go.
const TTL: u32 = 60;

/// An answer as it is sent.
#[derive(Debug)]
pub(super) struct DnsResponse {
    /// How long the client waits for it.
    pub(super) delay: Duration,
    /// The DNS message as it goes over the wire, without the length of TCP.
    pub(super) bytes: Vec<u8>,
}

/// The answer to a query; `None` is no answer. Messages that are no queries get none, and queries that cannot be
/// parsed get FORMERR.
pub(super) fn answer(
    query: &[u8],
    transport: DnsTransport,
    zone: &Zone,
    effect: impl FnOnce(&str) -> QueryEffect,
) -> Option<DnsResponse> {
    let header: &[u8; 12] = query.first_chunk()?;
    if header[2] & 0x80 != 0 {
        return None;
    }
    let at_once = |rcode| Some(DnsResponse { delay: Duration::ZERO, bytes: bare(header, rcode) });
    if header[2] & 0x78 != 0 {
        return at_once(RCODE::NotImplemented);
    }
    let mut readable = query.to_vec();
    let Some(raw) = RawQuestion::prepare(&mut readable) else { return at_once(RCODE::FormatError) };
    let Ok(packet) = Packet::parse(&readable) else { return at_once(RCODE::FormatError) };
    let Some(question) = packet.questions.first() else { return at_once(RCODE::FormatError) };
    let QueryEffect { delay, fails, missing, silent } = effect(&question.qname.to_string());
    if silent {
        return None;
    }
    let mut reply = ReplyBuilder::to(&packet);
    let bad_version = raw.version > 0 && !fails;
    if fails {
        reply.says(RCODE::ServerFailure);
    } else if bad_version {
        reply.says(RCODE::NoError);
    } else if !matches!(question.qclass, QCLASS::CLASS(CLASS::IN) | QCLASS::ANY) || raw.is_transfer() {
        reply.says(RCODE::Refused);
    } else {
        reply.look_up(zone, &question.qname, raw, missing);
    }
    let room = match (transport, packet.opt()) {
        (DnsTransport::Tcp, _) => u16::MAX,
        (DnsTransport::Udp, Some(opt)) => opt.udp_packet_size.clamp(512, UDP_MAX),
        (DnsTransport::Udp, None) => 512,
    };
    let mut bytes = reply.within(usize::from(room)).ok()?;
    // The question comes first and its name is never compressed, so its type is where it was.
    bytes.get_mut(raw.place..raw.place + 2)?.copy_from_slice(&raw.kind.to_be_bytes());
    if bad_version {
        // BADVERS is 16: the higher bits of the code stand in the OPT record, which here follows the question.
        *bytes.get_mut(raw.place + 4 + 5)? = 1;
    }
    Some(DnsResponse { delay, bytes })
}

/// The type of record that is asked for and its place in the message, and the version of EDNS.
#[derive(Clone, Copy, Debug)]
struct RawQuestion {
    kind: u16,
    place: usize,
    version: u8,
}

impl RawQuestion {
    /// Looks for the one question of a query, and changes the query so that `simple-dns` can parse it. That library
    /// refuses types that it does not know, such as the TLSA that an MTA asks for to find DANE, where "no such record"
    /// is the answer; it refuses a reserved bit, which is to be ignored (RFC 1035 section 4.1.1); and it takes EDNS's
    /// DO bit for a version. `None` if there is not exactly one question.
    fn prepare(query: &mut [u8]) -> Option<Self> {
        // One question, no answers, no authority; real queries have one or two additional records.
        if query[4..10] != [0, 1, 0, 0, 0, 0] || query[10] != 0 || query[11] > 8 {
            return None;
        }
        query[3] &= !0x40;
        let mut place = 12;
        loop {
            let length = usize::from(*query.get(place)?);
            place += 1 + length;
            match length {
                0 => break,
                1..=63 => {}
                _ => return None,
            }
        }
        let kind = u16::from_be_bytes([*query.get(place)?, *query.get(place + 1)?]);
        if QTYPE::try_from(kind).is_err() {
            query[place..place + 2].copy_from_slice(&u16::from(TYPE::A).to_be_bytes());
        }
        // Name, type and class of the record after the question, then the code's higher bits, the version, and flags
        // (RFC 6891 section 6.1.3). Resolvers put it first.
        let version = match query.get_mut(place + 4..place + 13) {
            Some([0, 0, 41, _, _, high, version, flags @ ..]) => {
                *high = 0;
                flags.fill(0);
                std::mem::take(version)
            }
            _ => 0,
        };
        Some(Self { kind, place, version })
    }

    const fn is_transfer(self) -> bool {
        matches!(self.kind, 251 | 252)
    }

    fn wants(self, record: &DnsRecord) -> bool {
        self.kind == u16::from(QTYPE::ANY) || self.kind == u16::from(kind(record))
    }
}

/// Builds an answer. It repeats the question in the client's spelling.
struct ReplyBuilder<'a> {
    packet: Packet<'a>,
}

impl<'a> ReplyBuilder<'a> {
    fn to(query: &Packet<'a>) -> Self {
        let mut packet = Packet::new_reply(query.id());
        packet.set_flags(PacketFlag::AUTHORITATIVE_ANSWER | PacketFlag::RECURSION_AVAILABLE);
        for flag in [PacketFlag::RECURSION_DESIRED, PacketFlag::CHECKING_DISABLED] {
            if query.has_flags(flag) {
                packet.set_flags(flag);
            }
        }
        packet.questions.clone_from(&query.questions);
        if query.opt().is_some() {
            *packet.opt_mut() = Some(OPT { opt_codes: Vec::new(), udp_packet_size: UDP_MAX, version: 0 });
        }
        Self { packet }
    }

    fn says(&mut self, rcode: RCODE) {
        *self.packet.rcode_mut() = rcode;
        self.packet.remove_flags(PacketFlag::AUTHORITATIVE_ANSWER);
    }

    fn look_up(&mut self, zone: &'a Zone, name: &Name<'a>, raw: RawQuestion, missing: bool) {
        let records = match zone.find(name) {
            ZoneLookup::OutsideZones => return self.says(RCODE::Refused),
            found if missing || matches!(found, ZoneLookup::NoSuchName) => {
                *self.packet.rcode_mut() = RCODE::NameError;
                &[]
            }
            ZoneLookup::Records(records) => records,
            ZoneLookup::NoSuchName => &[],
        };
        for record in records.iter().filter(|record| raw.wants(record)) {
            self.packet.answers.push(resource(name.clone(), record));
            if let DnsRecord::Mx(_, host) = record {
                let addresses = zone.records(host).iter().filter(|r| matches!(r, DnsRecord::A(_) | DnsRecord::Aaaa(_)));
                self.packet.additional_records.extend(addresses.map(|r| resource(named(host), r)));
            }
        }
        if self.packet.answers.is_empty() {
            // Negative answers are cached as long as the zone's SOA says (RFC 2308).
            let apex = zone.zone_of(name);
            self.packet.name_servers.push(ResourceRecord::new(named(apex), CLASS::IN, TTL, start_of(apex)));
        }
    }

    /// The answer's bytes: without the additional records if there is no room for them, and if that is not enough,
    /// truncated to nothing, so that the client asks over TCP (RFC 2181 section 9).
    fn within(mut self, room: usize) -> simple_dns::Result<Vec<u8>> {
        let bytes = self.packet.build_bytes_vec_compressed()?;
        if bytes.len() <= room {
            return Ok(bytes);
        }
        self.packet.additional_records.clear();
        let bytes = self.packet.build_bytes_vec_compressed()?;
        if bytes.len() <= room {
            return Ok(bytes);
        }
        self.packet.answers.clear();
        self.packet.name_servers.clear();
        self.packet.set_flags(PacketFlag::TRUNCATION);
        self.packet.build_bytes_vec_compressed()
    }
}

fn kind(record: &DnsRecord) -> TYPE {
    match record {
        DnsRecord::Mx(..) => TYPE::MX,
        DnsRecord::A(_) => TYPE::A,
        DnsRecord::Aaaa(_) => TYPE::AAAA,
        DnsRecord::Ptr(_) => TYPE::PTR,
        DnsRecord::Txt(_) => TYPE::TXT,
        DnsRecord::Ns(_) => TYPE::NS,
        DnsRecord::Soa(_) => TYPE::SOA,
    }
}

fn resource<'a>(name: Name<'a>, record: &'a DnsRecord) -> ResourceRecord<'a> {
    let data = match record {
        DnsRecord::Mx(preference, host) => RData::MX(MX { preference: *preference, exchange: named(host) }),
        DnsRecord::A(ip) => RData::A(A { address: u32::from(*ip) }),
        DnsRecord::Aaaa(ip) => RData::AAAA(AAAA { address: u128::from(*ip) }),
        DnsRecord::Ptr(host) => RData::PTR(PTR(named(host))),
        // In pieces of at most 255 bytes; it cannot fail.
        DnsRecord::Txt(text) => RData::TXT(TXT::try_from(text.as_str()).unwrap_or_default()),
        DnsRecord::Ns(host) => RData::NS(NS(named(host))),
        DnsRecord::Soa(apex) => start_of(apex),
    };
    ResourceRecord::new(name, CLASS::IN, TTL, data)
}

fn start_of(apex: &str) -> RData<'_> {
    let below = |label: &'static str| {
        let mut labels = named(label).get_labels().to_vec();
        labels.extend_from_slice(named(apex).get_labels());
        Name::new_with_labels(&labels)
    };
    RData::SOA(SOA {
        mname: below("ns"),
        rname: below("hostmaster"),
        serial: 1,
        refresh: 3_600,
        retry: 600,
        expire: 86_400,
        minimum: TTL,
    })
}

/// A name that was checked when it came into the zone.
fn named(name: &str) -> Name<'_> {
    Name::new_unchecked(name)
}

/// An answer without a question, for a query that cannot be parsed.
fn bare(query: &[u8; 12], rcode: RCODE) -> Vec<u8> {
    let [id_high, id_low, flags, ..] = *query;
    // The opcode and the RD bit are those of the query.
    let code = u8::try_from(rcode as u16).expect("the code in a header has four bits");
    vec![id_high, id_low, flags & 0x79 | 0x80, code, 0, 0, 0, 0, 0, 0, 0, 0]
}
