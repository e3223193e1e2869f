//! The internet layers in virtual time: each part by itself, whole hosts on a link, and those who mean harm.

mod dhcp;
mod dns;
mod fragments;
mod frames;
mod hostile;
mod hosts;
mod icmp;
mod neighbours;
mod support;
mod tables;
mod udp;
