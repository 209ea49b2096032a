//! Network addresses, endpoints, socket options, TCP's figures, and the PROXY protocol's headers.

pub mod access;
pub mod address;
pub mod endpoint;
pub mod hand_over;
pub mod happy_eyeballs;
pub mod keepalive;
pub mod proxy;
pub mod socket_options;
pub mod source;
pub mod tcp_info;
