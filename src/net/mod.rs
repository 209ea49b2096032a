//! Network addresses, endpoints, keep-alive, TCP's figures, and the PROXY protocol's headers.

pub mod access;
pub mod address;
pub mod endpoint;
pub mod hand_over;
pub mod happy_eyeballs;
pub mod keepalive;
pub mod proxy;
pub mod tcp_info;
