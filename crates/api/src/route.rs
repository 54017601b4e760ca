//! An endpoint as data: its method, its path, what it is for, and its handler. From a list of these come the router, the
//! OpenAPI document and the rows that the table of who may do what must have.

use std::{pin::Pin, sync::Arc};

use axum::{
    http::{Method, StatusCode},
    response::Response,
};
use serde_json::Value;
use wharf_core::Result;

use crate::{call::Call, input::Input, output::Output, schema::Schemas, template::Template};

type Answering = Pin<Box<dyn Future<Output = Result<Response>> + Send>>;

/// An endpoint.
#[derive(Clone)]
pub(crate) struct Route {
    pub(crate) method: Method,
    pub(crate) template: Template,
    /// What it does, in a line.
    pub(crate) summary: &'static str,
    handler: Arc<dyn Fn(Call) -> Answering + Send + Sync>,
    pub(crate) described: fn(&mut Schemas) -> Described,
}

/// What an endpoint takes and answers, as OpenAPI writes it.
pub(crate) struct Described {
    pub(crate) parameters: Vec<Value>,
    pub(crate) body: Option<Value>,
    pub(crate) answer: (StatusCode, Value),
}

impl Route {
    /// Answers a call that is of this route.
    ///
    /// # Errors
    /// The handler's.
    pub(crate) async fn answer(&self, call: Call) -> Result<Response> {
        (self.handler)(call).await
    }
}

/// `GET path`
pub(crate) fn get<I, O, F>(
    path: &'static str,
    summary: &'static str,
    handler: impl Fn(Call, I) -> F + Clone + Send + Sync + 'static,
) -> Route
where
    I: Input + Send + 'static,
    O: Output,
    F: Future<Output = Result<O>> + Send + 'static,
{
    route(Method::GET, path, summary, handler)
}

/// `POST path`: makes something.
pub(crate) fn post<I, O, F>(
    path: &'static str,
    summary: &'static str,
    handler: impl Fn(Call, I) -> F + Clone + Send + Sync + 'static,
) -> Route
where
    I: Input + Send + 'static,
    O: Output,
    F: Future<Output = Result<O>> + Send + 'static,
{
    route(Method::POST, path, summary, handler)
}

/// `PUT path`: sets something, whether it was there or not.
pub(crate) fn put<I, O, F>(
    path: &'static str,
    summary: &'static str,
    handler: impl Fn(Call, I) -> F + Clone + Send + Sync + 'static,
) -> Route
where
    I: Input + Send + 'static,
    O: Output,
    F: Future<Output = Result<O>> + Send + 'static,
{
    route(Method::PUT, path, summary, handler)
}

/// `PATCH path`: changes the fields that are named.
pub(crate) fn patch<I, O, F>(
    path: &'static str,
    summary: &'static str,
    handler: impl Fn(Call, I) -> F + Clone + Send + Sync + 'static,
) -> Route
where
    I: Input + Send + 'static,
    O: Output,
    F: Future<Output = Result<O>> + Send + 'static,
{
    route(Method::PATCH, path, summary, handler)
}

/// `DELETE path`
pub(crate) fn delete<I, O, F>(
    path: &'static str,
    summary: &'static str,
    handler: impl Fn(Call, I) -> F + Clone + Send + Sync + 'static,
) -> Route
where
    I: Input + Send + 'static,
    O: Output,
    F: Future<Output = Result<O>> + Send + 'static,
{
    route(Method::DELETE, path, summary, handler)
}

fn route<I, O, F>(
    method: Method,
    path: &'static str,
    summary: &'static str,
    handler: impl Fn(Call, I) -> F + Clone + Send + Sync + 'static,
) -> Route
where
    I: Input + Send + 'static,
    O: Output,
    F: Future<Output = Result<O>> + Send + 'static,
{
    let answering = move |call: Call| -> Answering {
        let handler = handler.clone();
        Box::pin(async move {
            let input = I::read(&call)?;
            handler(call, input).await?.say()
        })
    };
    Route {
        method,
        template: Template(path),
        summary,
        handler: Arc::new(answering),
        described: describe::<I, O>,
    }
}

fn describe<I: Input, O: Output>(schemas: &mut Schemas) -> Described {
    Described { parameters: I::parameters(), body: I::body(schemas), answer: O::described(schemas) }
}
