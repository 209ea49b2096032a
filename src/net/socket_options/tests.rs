use std::net::TcpListener;

use super::*;

fn endpoint(address: &str) -> Endpoint {
    Endpoint::Tcp(address.parse().unwrap())
}

fn v4() -> Endpoint {
    endpoint("127.0.0.1:9877")
}

fn open(options: &SocketOptions) -> Result<Socket, String> {
    options.socket(&v4()).map_err(|error| error.to_string())
}

fn source(address: &str, port: Option<u16>) -> Source {
    Source { address: address.parse().unwrap(), ports: port.map(|port| (port, port)) }
}

#[test]
fn by_default_only_nagles_algorithm_is_off() {
    let socket = open(&SocketOptions::default()).unwrap();
    assert!(socket.tcp_nodelay().unwrap() && !socket.keepalive().unwrap());
    assert_eq!(socket.local_addr().unwrap().as_socket().unwrap().port(), 0, "not bound");
}

#[test]
fn packets_have_the_given_field_and_time_to_live_in_both_families() {
    let options = SocketOptions { dscp: Some(46), ttl: Some(9), ..SocketOptions::default() };
    let socket = open(&options).unwrap();
    assert_eq!((socket.tos_v4().unwrap(), socket.ttl_v4().unwrap()), (46 << 2, 9));
    let Ok(socket) = options.socket(&endpoint("[::1]:9877")) else {
        println!("SKIPPED IPv6: there is none here");
        return;
    };
    assert_eq!((socket.tclass_v6().unwrap(), socket.unicast_hops_v6().unwrap()), (46 << 2, 9));
}

#[test]
fn the_peer_sends_no_larger_segment() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let server = Endpoint::Tcp(listener.local_addr().unwrap());
    let options = SocketOptions { mss: Some(500), ..SocketOptions::default() };
    let socket = options.socket(&server).unwrap();
    socket.connect(&server.address().unwrap()).unwrap();
    let peer = listener.accept().unwrap().0;
    let sizes = [&SockRef::from(&peer), &SockRef::from(&socket)].map(|one| one.tcp_mss().unwrap());
    assert!(sizes.iter().all(|size| (400..=500).contains(size)), "{sizes:?}");
}

#[test]
fn keepalive_probes_are_on() {
    let second = Duration::from_secs(1);
    let keepalive = Keepalive { idle: 7 * second, interval: 2 * second, count: 3 };
    let options = SocketOptions { keepalive: Some(keepalive), ..SocketOptions::default() };
    let socket = open(&options).unwrap();
    assert!(socket.keepalive().unwrap());
    assert_eq!(socket.tcp_keepalive_retries().unwrap(), 3);
}

#[test]
fn buffers_have_the_given_size_also_of_a_unix_socket() {
    let options = SocketOptions {
        send_buffer: Some(65_536),
        receive_buffer: Some(32_768),
        ttl: Some(9),
        mptcp: true,
        ..SocketOptions::default()
    };
    let socket = options.socket(&Endpoint::Unix("/nowhere".into())).unwrap();
    assert_eq!(socket.send_buffer_size().unwrap(), 65_536 * platform::BUFFER_FACTOR);
    assert_eq!(socket.recv_buffer_size().unwrap(), 32_768 * platform::BUFFER_FACTOR);
}

#[test]
fn the_source_is_the_first_of_the_servers_family() {
    let sources = vec![source("::1", None), source("127.0.0.1", None)];
    let options = SocketOptions { sources, ..SocketOptions::default() };
    let local = open(&options).unwrap().local_addr().unwrap().as_socket().unwrap();
    assert_eq!(local.ip().to_string(), "127.0.0.1");
    assert!(options.has_source_for(&v4()) && options.has_source_for(&endpoint("[::1]:7")));
    let only_v6 = SocketOptions { sources: vec![source("::1", None)], ..options };
    assert!(!only_v6.has_source_for(&v4()));
    assert!(only_v6.has_source_for(&Endpoint::Unix("/nowhere".into())));
}

#[test]
fn a_source_that_cannot_be_bound_is_named_with_the_remedy() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let message = |source| {
        open(&SocketOptions { sources: vec![source], ..SocketOptions::default() }).unwrap_err()
    };
    let said = message(source("192.0.2.1", None));
    assert!(said.starts_with("--source 192.0.2.1: ") && said.ends_with("that address"), "{said}");
    let said = message(source("127.0.0.1", Some(port)));
    assert!(said.contains(": each of these ports is in use; "), "{said}");
}

#[cfg(target_os = "linux")]
mod linux {
    use std::fs;
    use std::thread;

    use nix::sys::socket::{getsockopt, sockopt::TcpFastOpenConnect};
    use rustix::thread::{CapabilitySet, capabilities, set_capabilities};

    use super::*;

    #[test]
    fn the_interface_is_that_of_the_option() {
        let of = |name: &str| {
            open(&SocketOptions { interface: Some(name.into()), ..SocketOptions::default() })
        };
        assert_eq!(of("lo").unwrap().device().unwrap().as_deref(), Some(&b"lo"[..]));
        assert_eq!(of("eth777").unwrap_err(), "--interface: no interface eth777");
    }

    #[test]
    fn a_mark_takes_a_privilege() {
        let options = SocketOptions { mark: Some(7), ..SocketOptions::default() };
        match open(&options) {
            Ok(socket) => assert_eq!(socket.mark().unwrap(), 7),
            Err(_) => println!("SKIPPED a mark: needs CAP_NET_ADMIN"),
        }
        // Capabilities are those of a thread.
        let without = move || {
            let mut sets = capabilities(None).unwrap();
            sets.effective = CapabilitySet::empty();
            set_capabilities(None, sets).unwrap();
            open(&options).unwrap_err()
        };
        let said = thread::spawn(without).join().unwrap();
        assert_eq!(said, "--mark: Operation not permitted: needs CAP_NET_ADMIN");
    }

    #[test]
    fn an_unknown_algorithm_is_an_error_with_the_known_ones() {
        let of = |name: &str| {
            open(&SocketOptions { congestion: Some(name.into()), ..SocketOptions::default() })
        };
        let algorithm = of("reno").unwrap().tcp_congestion().unwrap();
        assert_eq!(algorithm.split(|byte| *byte == 0).next(), Some(&b"reno"[..]));
        let said = of("nonesuch").unwrap_err();
        assert!(said.starts_with("--congestion: no algorithm nonesuch; the kernel has "), "{said}");
        assert!(said.contains("reno"), "{said}");
    }

    #[test]
    fn multipath_tcp_is_offered_where_the_kernel_has_it() {
        let result = open(&SocketOptions { mptcp: true, ..SocketOptions::default() });
        let protocols = fs::read_to_string("/proc/net/protocols").unwrap();
        if protocols.contains("MPTCP") {
            assert_eq!(result.unwrap().protocol().unwrap(), Some(socket2::Protocol::MPTCP));
            return;
        }
        println!("SKIPPED Multipath TCP: this kernel has none");
        let said = result.unwrap_err();
        assert!(said.starts_with("--mptcp: Protocol not "), "{said}");
        assert!(said.ends_with(": needs a kernel with MPTCP, and net.mptcp.enabled=1"), "{said}");
    }

    #[test]
    fn the_first_data_may_go_with_the_syn() {
        let options = SocketOptions { fast_open: true, ..SocketOptions::default() };
        assert!(getsockopt(&open(&options).unwrap(), TcpFastOpenConnect).unwrap());
    }

    #[test]
    fn a_buffer_beyond_the_kernels_limit_is_an_error() {
        for (option, file) in [("--send-buffer", "wmem_max"), ("--receive-buffer", "rmem_max")] {
            let limit = fs::read_to_string(format!("/proc/sys/net/core/{file}")).unwrap();
            let limit: usize = limit.trim().parse().unwrap();
            let mut options = SocketOptions::default();
            let field = if option == "--send-buffer" {
                &mut options.send_buffer
            } else {
                &mut options.receive_buffer
            };
            *field = Some(limit + 1);
            let said = open(&options).unwrap_err();
            let expected = format!("the kernel allows {limit} bytes: raise net.core.{file}");
            assert_eq!(said, format!("{option}: {expected}"));
        }
    }
}
