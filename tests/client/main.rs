//! Tests of the real `tcpecho` binary against scripted servers and the real daemon. Every wait has
//! a time limit.

#![cfg(test)]

mod servers;
mod support;

mod connecting;
mod ends;
mod greeting;
mod input;
mod introducing;
mod output;
mod pauses;
mod services;
mod sigpipe;
mod silence;
mod socket_options;
mod usage;
