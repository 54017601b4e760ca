//! The only door out: every request that Wharf makes of another machine goes through a [`Door`].
//!
//! A door knows where it may lead ([`Policy`]), judged by the address that is connected to and not by the name alone;
//! it follows redirects itself, hands no login to a second origin, and bounds what it reads in bytes and in time. On
//! it stand [`Upstream`], a client of OCI registries, with [`Download`], which checks whatever it brings, [`SimpleIndex`],
//! a client of Python indexes, [`ChartRepository`], one of chart repositories, [`Api`], for what Wharf offers beside
//! that, and [`Fetcher`], which asks the upstreams of proxy registries; [`IssuerDoor`] reads what issuers publish; and a
//! door is what brings the messages of webhooks. [`Post`] brings letters by SMTP, under the same policy.

mod address;
mod answer;
mod api;
mod authorization;
mod chart_repository;
mod checked;
mod courier;
mod door;
mod doors;
mod download;
mod fetcher;
mod issuers;
mod pace;
mod policy;
mod post;
mod repository;
mod resolver;
mod simple_index;
mod site;
mod trust;
mod upstream;

pub use reqwest::Method;

pub use self::{
    answer::Answer,
    api::{Api, Asked, Progress, Said, Spot},
    chart_repository::{ChartFile, ChartRepository},
    door::{Ask, Body, Door},
    download::{Download, Opener},
    fetcher::Fetcher,
    issuers::{IssuerDoor, IssuerHost},
    policy::Policy,
    post::{Post, PostSettings},
    repository::Repository,
    simple_index::{PageWanted, SimpleIndex},
    trust::Trust,
    upstream::{Document, Login, RegistryAddress, Upstream, Watch},
};
