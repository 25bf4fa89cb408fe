//! The routes of the page: read the question from the address, ask for the reports that it takes,
//! render them. What goes wrong becomes a page too.

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Router};
use maud::Markup;

use super::Console;
use super::api::problem::{Problem, ProblemType};
use super::page::link::Address;
use super::page::overview::{self, Overview};
use super::page::{assets, detail, items, problem, stuck, trace};
use super::session::Session;
use crate::clock;
use crate::insight::query::Query;
use crate::insight::reports::{ReportError, Reports};
use crate::store::Store;

/// How long the overview may take with the correlations: of a million items they take longer the
/// first time. The page then comes without them, and again when they are there.
const PATIENCE: Duration = Duration::from_millis(150);
/// How long it waits for them in any case.
const LEAST_PATIENCE: Duration = Duration::from_millis(20);

/// How long a browser may keep an asset: its address changes with its content.
const FOR_EVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");

pub(super) fn router<S: Store, R: Reports>() -> Router<Arc<Console<S, R>>> {
    Router::new()
        .route("/", get(overview::<S, R>))
        .route("/items", get(items::<S, R>))
        .route(stuck::PATH, get(stuck::<S, R>))
        .route("/tags/{key}", get(detail::<S, R>))
        .route("/traces/{id}", get(trace::<S, R>))
}

/// HTML, whatever it says.
pub(super) fn html(status: StatusCode, page: Markup) -> Response {
    let kind = HeaderValue::from_static("text/html; charset=utf-8");
    (status, [(header::CONTENT_TYPE, kind)], page.into_string()).into_response()
}

/// What went wrong, as a page.
pub(super) fn failed(problem: &Problem) -> Response {
    let page = problem::render(problem.status, &problem.title, &problem.detail);
    let response = html(problem.kind.status(), page);
    if problem.kind == ProblemType::Loading { again(response, "2") } else { response }
}

/// A page that comes again by itself, without a script too, after so many seconds.
fn again(mut response: Response, seconds: &'static str) -> Response {
    response.headers_mut().insert(HeaderName::from_static("refresh"), HeaderValue::from_static(seconds));
    response
}

/// The question that an address puts, and how, and by whom.
fn asked(raw: Option<&str>, session: Option<Extension<Session>>) -> Result<(Query, Address), ReportError> {
    let given: Vec<(String, String)> =
        form_urlencoded::parse(raw.unwrap_or_default().as_bytes()).into_owned().collect();
    let pairs = given.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    // How a trace is drawn is no question.
    let pairs = pairs.filter(|(name, _)| *name != trace::STEPS);
    let query = Query::parse(pairs, clock::now())?;
    let address = Address::new(&query, &given).in_session(session.map(|Extension(session)| session.form));
    Ok((query, address))
}

async fn page(rendered: impl Future<Output = Result<Markup, ReportError>>) -> Response {
    match rendered.await {
        Ok(page) => html(StatusCode::OK, page),
        Err(error) => failed(&Problem::from(error)),
    }
}

async fn overview<S: Store, R: Reports>(
    State(console): State<Arc<Console<S, R>>>,
    RawQuery(raw): RawQuery,
    session: Option<Extension<Session>>,
) -> Response {
    let begun = Instant::now();
    let rendered = async {
        let (query, address) = asked(raw.as_deref(), session)?;
        let reports = &*console.reports;
        // What to group by depends on what there is; everything else can be asked at once.
        let tags = reports.tags(&query).await?;
        let grouped = overview::grouped_query(&query, &tags);
        let correlated = overview::correlations_query(&query);
        let counted = overview::stuck_query(&query);
        let groups = async {
            match grouped.group {
                Some(_) => reports.groups(&grouped).await.map(Some),
                None => Ok(None),
            }
        };
        let (summary, latency, groups, trend, dora, stages, wip, stuck, quality) = tokio::try_join!(
            reports.summary(&query),
            reports.latency(&query),
            groups,
            reports.trend(&query),
            reports.dora(&query),
            reports.stages(&query),
            reports.wip(&query),
            reports.stuck(&counted),
            reports.quality(&query),
        )?;
        // Last, so that what takes longest does not hold the rest up.
        let analysing = {
            let (reports, query) = (console.reports.clone(), correlated.clone());
            // Goes on if nobody waits for it: whoever asks next has the answer.
            tokio::spawn(async move { reports.correlations(&query).await })
        };
        let left = PATIENCE.saturating_sub(begun.elapsed()).max(LEAST_PATIENCE);
        let correlations = match tokio::time::timeout(left, analysing).await {
            Ok(Ok(report)) => Some(report?),
            Ok(Err(_)) => return Err(ReportError::Failed),
            Err(_) => None,
        };
        let unfinished = correlations.is_none();
        let correlations = correlations.unwrap_or_else(|| overview::unfinished(&correlated, &latency.basis));
        let page = overview::render(&Overview {
            address: &address,
            summary: &summary,
            latency: &latency,
            correlations: &correlations,
            groups: groups.as_ref(),
            trend: &trend,
            services: &dora.services,
            stages: &stages,
            wip: &wip,
            stuck: &stuck,
            quality: &quality,
            tags: &tags,
            ingest: &console.ingest,
            now: clock::now(),
        });
        Ok::<_, ReportError>((page, unfinished))
    };
    match rendered.await {
        Ok((page, false)) => html(StatusCode::OK, page),
        Ok((page, true)) => again(html(StatusCode::OK, page), "1"),
        Err(error) => failed(&Problem::from(error)),
    }
}

async fn items<S: Store, R: Reports>(
    State(console): State<Arc<Console<S, R>>>,
    RawQuery(raw): RawQuery,
    session: Option<Extension<Session>>,
) -> Response {
    page(async {
        let (query, address) = asked(raw.as_deref(), session)?;
        let reports = &*console.reports;
        let (items, tags) = tokio::try_join!(reports.items(&query), reports.tags(&query))?;
        Ok(items::render(&address, &items, &tags))
    })
    .await
}

async fn stuck<S: Store, R: Reports>(
    State(console): State<Arc<Console<S, R>>>,
    RawQuery(raw): RawQuery,
    session: Option<Extension<Session>>,
) -> Response {
    page(async {
        let (query, address) = asked(raw.as_deref(), session)?;
        Ok(stuck::render(&address, &console.reports.stuck(&query).await?))
    })
    .await
}

async fn detail<S: Store, R: Reports>(
    State(console): State<Arc<Console<S, R>>>,
    Path(key): Path<String>,
    RawQuery(raw): RawQuery,
    session: Option<Extension<Session>>,
) -> Response {
    page(async {
        let (query, address) = asked(raw.as_deref(), session)?;
        let reports = &*console.reports;
        let (detail, tags) = tokio::try_join!(reports.detail(&query, &key), reports.tags(&query))?;
        Ok(detail::render(&address, &detail, &tags))
    })
    .await
}

async fn trace<S: Store, R: Reports>(
    State(console): State<Arc<Console<S, R>>>,
    Path(id): Path<String>,
    RawQuery(raw): RawQuery,
    session: Option<Extension<Session>>,
) -> Response {
    page(async {
        let (_, address) = asked(raw.as_deref(), session)?;
        Ok(trace::render(&address, &console.reports.trace(&id).await?))
    })
    .await
}

pub(super) async fn asset(Path(name): Path<String>) -> Response {
    match assets::at(&format!("/assets/{name}")) {
        Some(asset) => {
            let headers = [
                (header::CONTENT_TYPE, HeaderValue::from_static(asset.content_type)),
                (header::CACHE_CONTROL, FOR_EVER),
            ];
            (headers, asset.text).into_response()
        }
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

#[cfg(test)]
mod tests {
    use crate::console::api::testing::running::Running;

    #[tokio::test]
    async fn the_overview_asks_for_the_services_too() {
        let server = Running::open().await;
        let page = server.client.get(format!("http://{}/", server.address)).send().await.unwrap();
        let html = page.text().await.unwrap();
        assert!(html.contains("<th scope=\"row\" title=\"github.com/acme/api\">"), "{html}");
    }
}
