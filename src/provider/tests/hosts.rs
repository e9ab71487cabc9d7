//! A counter for each MX host.

use super::*;

fn opens(provider: &mut Provider, client: ClientId, host: u8) -> Option<SessionId> {
    provider.connect_to(at(0), client, HostId(host)).0
}

#[test]
fn a_client_has_its_places_at_each_host() {
    let mut provider = lab(vec![limit(Connect, Meter::OpenConnections, Scope::ClientIpAndHost, Window::Gauge, 2)]);
    let first = opens(&mut provider, GOOD, 0).unwrap();
    assert!(opens(&mut provider, GOOD, 0).is_some() && opens(&mut provider, GOOD, 0).is_none());
    assert!(opens(&mut provider, GOOD, 1).is_some(), "there is another host");
    assert!(opens(&mut provider, BAD, 0).is_some(), "another client has its own");
    provider.close(first);
    assert!(opens(&mut provider, GOOD, 0).is_some(), "the place is given back at the host where it was taken");
}

#[test]
fn a_forecast_is_of_the_host_to_which_the_connection_would_lead() {
    let mut provider = lab(vec![limit(Connect, Meter::OpenConnections, Scope::ClientIpAndHost, Window::Gauge, 1)]);
    opens(&mut provider, GOOD, 0).unwrap();
    let message =
        ProposedMessage { envelope: ENVELOPE, domain: DomainId(0), recipients: 1, until_end_of_data: Span::ZERO };
    let at_host = |host| {
        let connection = ProposedConnection { client: GOOD, host: HostId(host), account: None, set_up: Span::ZERO };
        provider.may_connect(at(1), connection, &message)
    };
    assert_eq!([at_host(0), at_host(1)], [Time::NEVER, at(1)]);
}
