//! `wharf serve`: from the configuration to the last request.

use std::sync::Arc;

use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::watch,
};
use wharf_core::{Error, Patience, Result};
use wharf_http::Proxies;

use crate::{
    config::Config,
    control::{self, Desk},
    data_dir::DataDir,
    first_start,
    jobs::{Jobs, LetterCarrier, Messenger, Recorder, Scrubber},
    listener::{Limits, Listener, Socket, Tls},
    metrics::read_token,
    operation::Durability,
    process,
    verify::GENTLE,
    wiring::Wharf,
    world::SystemClock,
};

/// Serves until told to stop by SIGINT or SIGTERM.
pub(crate) async fn serve(config: &Config) -> Result<()> {
    // What can be refused for its configuration is refused before anything is made.
    let tls = config.tls.clone().map(|files| Tls::open(files, Arc::new(SystemClock))).transpose()?;
    let data_dir = Arc::new(DataDir::hold(&config.data_dir)?);
    let socket = Socket::open(&config.listen).await?;
    let control = Socket::local(&control::path(&config.data_dir), 0o600)?;
    let metrics = match &config.metrics_listen {
        Some(listen) => Some(Socket::open(listen).await?),
        None => None,
    };
    let token = config.metrics_token_file.as_deref().map(read_token).transpose()?;
    warn_of_plain_http(config, &socket);
    let wharf = Wharf::open(config, &data_dir).await?;
    first_start::prepare(&wharf.auth, &data_dir, wharf.entropy.as_ref()).await?;
    let limits = limits(config);
    let (tell, stop) = watch::channel(false);
    let Durability { database, file_system } = wharf.durability.as_ref();
    tracing::info!(
        listen = socket.name(),
        metrics_listen = metrics.as_ref().map(Socket::name),
        durability = database,
        file_system,
        data_dir = %config.data_dir.display(),
        "serving"
    );
    let recorder =
        Recorder { log: wharf.audit.clone(), clock: Arc::new(SystemClock), meters: wharf.jobs.clone() };
    // What running requests note while the others stop is written down too.
    let (tell_recorder, recorder_stop) = watch::channel(false);
    let recording = tokio::spawn(recorder.run(recorder_stop));
    let (messenger, carrier) = bearers(&wharf);
    let sending = tokio::spawn(messenger.run(stop.clone()));
    tokio::spawn(carrier.run(stop.clone()));
    tokio::spawn(scrubber(config, &wharf).run(stop.clone()));
    let jobs = tokio::spawn(jobs_of(config, &wharf, &data_dir).run(stop.clone()));
    let hangup = signal(SignalKind::hangup()).map_err(Error::internal)?;
    match tls.clone() {
        Some(tls) => tokio::spawn(tls.keep_renewed(hangup, stop.clone())),
        None => tokio::spawn(pass_over(hangup)),
    };
    let (counts, room) = (wharf.counts.clone(), wharf.room.clone());
    let local = |socket| {
        let (proxies, room, counts) = (Proxies::default(), room.clone(), counts.clone());
        Listener { socket, tls: None, proxies, limits, room, counts }
    };
    let commands = control::router(Desk { pace: Some(GENTLE), ..wharf.desk(data_dir.clone()) });
    let mut listeners = vec![tokio::spawn(local(control).serve(commands, stop.clone()))];
    if let Some(metrics) = metrics {
        listeners.push(tokio::spawn(local(metrics).serve(wharf.metrics_routes(config), stop.clone())));
    }
    let requests = Listener { tls, proxies: config.trusted_proxies.clone(), ..local(socket) };
    listeners.push(tokio::spawn(requests.serve(wharf.routes(config, token), stop)));
    asked_to_stop().await?;
    tracing::info!("stopping: running requests finish first");
    // Whoever still listens is told; that nobody does is no error.
    let _ = tell.send(true);
    for listener in listeners {
        listener.await.map_err(Error::internal)?;
    }
    sending.await.map_err(Error::internal)?;
    let _ = tell_recorder.send(true);
    recording.await.map_err(Error::internal)?;
    // Every step of a job is a transaction of its own, so it can be cut off between any two.
    jobs.abort();
    tracing::info!("stopped");
    Ok(())
}

/// A terminal that is closed, or whoever means that everything be read anew, ends no server.
async fn pass_over(mut hangup: Signal) {
    while hangup.recv().await.is_some() {
        tracing::info!("SIGHUP is passed over: there is no certificate to read anew");
    }
}

/// Passwords and tokens cross a network as they are where neither we nor a proxy that is known speaks TLS.
fn warn_of_plain_http(config: &Config, socket: &Socket) {
    if config.tls.is_none()
        && config.trusted_proxies == Proxies::default()
        && socket.is_reached_from_elsewhere()
    {
        tracing::warn!(
            listen = socket.name(),
            "serving plain HTTP beyond this machine, so passwords and tokens can be read on the way: set tls_certificate and \
             tls_key, or name the proxy that speaks TLS in trusted_proxies"
        );
    }
}

/// Who brings messages and letters.
fn bearers(wharf: &Wharf) -> (Messenger, LetterCarrier) {
    let (clock, meters) = (Arc::new(SystemClock), wharf.jobs.clone());
    let messenger =
        Messenger { webhooks: wharf.webhooks.clone(), clock: clock.clone(), meters: meters.clone() };
    (messenger, LetterCarrier { auth: wharf.auth.clone(), clock, meters })
}

fn scrubber(config: &Config, wharf: &Wharf) -> Scrubber {
    Scrubber {
        registry: wharf.registry.clone(),
        clock: Arc::new(SystemClock),
        meters: wharf.jobs.clone(),
        within: config.scrub_interval,
    }
}

fn jobs_of(config: &Config, wharf: &Wharf, data_dir: &Arc<DataDir>) -> Jobs {
    Jobs {
        registry: wharf.registry.clone(),
        auth: wharf.auth.clone(),
        audit: wharf.audit.clone(),
        webhooks: wharf.webhooks.clone(),
        database: wharf.stores.database.clone(),
        data_dir: data_dir.clone(),
        clock: Arc::new(SystemClock),
        meters: wharf.jobs.clone(),
        rest: config.housekeeping_interval,
    }
}

fn limits(config: &Config) -> Limits {
    let limits = &config.limits;
    Limits {
        handshake_timeout: limits.tls_handshake_timeout,
        header_timeout: limits.header_timeout,
        shutdown_grace: config.shutdown_grace,
        connections: process::connections(limits.connections),
        connections_per_address: limits.connections_per_address,
        head_size: limits.head_size,
        patience: Patience::new(limits.stall_timeout, limits.minimum_rate),
    }
}

async fn asked_to_stop() -> Result<()> {
    let mut interrupt = signal(SignalKind::interrupt()).map_err(Error::internal)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(Error::internal)?;
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    Ok(())
}
