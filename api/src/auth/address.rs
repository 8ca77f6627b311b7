//! From where a caller comes.
use crate::peer::Peer;
use axum::{
    extract::{ConnectInfo, Request},
    http::HeaderMap,
};
use ipnet::IpNet;
use std::net::IpAddr;

/// The address of a caller; none where nobody told, as in tests without a socket.
#[derive(Clone, Copy, Debug, PartialEq, Default)]
pub struct Address(pub Option<IpAddr>);

/// The other end of the connection. Where that is a proxy of ours, the last address before it that is none: what comes
/// earlier in `X-Forwarded-For` anybody can write there.
pub fn of(request: &Request, proxies: &[IpNet]) -> Address {
    let peer = request.extensions().get::<ConnectInfo<Peer>>().map(|c| c.0.address.ip().to_canonical());
    Address(peer.map(|peer| behind(peer, request.headers(), proxies)))
}
fn behind(peer: IpAddr, headers: &HeaderMap, proxies: &[IpNet]) -> IpAddr {
    let ours = |ip: &IpAddr| proxies.iter().any(|n| n.contains(ip));
    let told: Vec<&str> = headers.get_all("x-forwarded-for").iter().filter_map(|v| v.to_str().ok()).flat_map(|v| v.split(',')).collect();
    let mut last = peer;
    for text in told.iter().rev() {
        if !ours(&last) {
            break;
        }
        let Ok(ip) = text.trim().parse::<IpAddr>() else { break };
        last = ip.to_canonical();
    }
    last
}

#[cfg(test)]
mod tests {
    use super::*;
    #[test]
    fn only_our_own_proxies_are_believed() {
        let proxies: Vec<IpNet> = ["10.0.0.0/8", "192.0.2.7/32"].map(|n| n.parse().unwrap()).into();
        let from = |peer: &str, told: &[&str], proxies: &[IpNet]| {
            let headers = told.iter().map(|t| ("x-forwarded-for".parse().unwrap(), t.parse().unwrap())).collect();
            behind(peer.parse().unwrap(), &headers, proxies).to_string()
        };
        assert_eq!(from("203.0.113.9", &["198.51.100.1"], &proxies), "203.0.113.9", "a stranger says what it likes");
        assert_eq!(from("10.0.0.1", &["198.51.100.1"], &[]), "10.0.0.1", "without the setting nobody is believed");
        assert_eq!(from("10.0.0.1", &["6.6.6.6, 198.51.100.1, 192.0.2.7"], &proxies), "198.51.100.1");
        assert_eq!(from("10.0.0.1", &["6.6.6.6", "198.51.100.1"], &proxies), "198.51.100.1", "several headers are one list");
        assert_eq!(from("10.0.0.1", &["nonsense"], &proxies), "10.0.0.1");
        assert_eq!(from("10.0.0.1", &[], &proxies), "10.0.0.1");
    }
}
