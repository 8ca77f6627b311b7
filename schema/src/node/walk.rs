//! The walk beside the selection, where something below is computed or refused.
use super::{Row, at, missing_scope, nullable};
use crate::{
    declare::*,
    graph::ty,
    select::{Doc, collect},
};
use async_graphql::{parser::types::SelectionSet, *};
use futures::{FutureExt, future::BoxFuture};

/// What the database made of a field, with what has to be computed or refused below it.
pub fn below<'a>(ctx: &'a Context<'a>, doc: Doc<'a>, f: &'a Field, sets: Vec<&'a SelectionSet>, value: Value) -> BoxFuture<'a, ServerResult<Value>> {
    async move {
        match (&f.source, value) {
            (Source::One { to, .. } | Source::Find { to, .. } | Source::Mine { to } | Source::Same { to }, v @ Value::Object(_)) => {
                row(ctx, doc, ty(to), sets, v).await
            }
            (Source::Many(m), Value::List(items)) => list(ctx, doc, ty(m.to), sets, items).await,
            (Source::Many(m), Value::Object(page)) => connection(ctx, doc, ty(m.to), sets, page).await,
            (_, v) => Ok(v),
        }
    }
    .boxed()
}
async fn connection<'a>(
    ctx: &'a Context<'a>,
    doc: Doc<'a>,
    t: &'static Type,
    sets: Vec<&'a SelectionSet>,
    mut page: indexmap::IndexMap<Name, Value>,
) -> ServerResult<Value> {
    for p in collect(doc, &sets, &format!("{}Connection", t.name)) {
        let ctx = ctx.with_field(p.field);
        match (p.name(), page.get_mut(p.key)) {
            ("nodes", Some(v)) => {
                if let Value::List(items) = std::mem::take(v) {
                    *v = list(&ctx, doc, t, p.sets, items).await?
                }
            }
            ("edges", Some(Value::List(edges))) => {
                for (i, edge) in edges.iter_mut().enumerate() {
                    let ctx = ctx.with_index(i);
                    let Value::Object(edge) = edge else { continue };
                    for p in collect(doc, &p.sets, &format!("{}Edge", t.name)) {
                        if let ("node", Some(v)) = (p.field.node.name.node.as_str(), edge.get_mut(p.key)) {
                            let ctx = ctx.with_field(p.field);
                            *v = row(&ctx, doc, t, p.sets, std::mem::take(v)).await?
                        }
                    }
                }
            }
            _ => {}
        }
    }
    Ok(Value::Object(page))
}
async fn list<'a>(ctx: &'a Context<'a>, doc: Doc<'a>, t: &'static Type, sets: Vec<&'a SelectionSet>, items: Vec<Value>) -> ServerResult<Value> {
    let each = items.into_iter().enumerate().map(|(i, v)| {
        let sets = sets.clone();
        async move {
            let ctx = ctx.with_index(i);
            row(&ctx, doc, t, sets, v).await
        }
    });
    futures::future::try_join_all(each).await.map(Value::List)
}
/// The same of one row.
pub fn row<'a>(
    ctx: &'a Context<'a>,
    doc: Doc<'a>,
    t: &'static Type,
    sets: Vec<&'a SelectionSet>,
    value: Value,
) -> BoxFuture<'a, ServerResult<Value>> {
    async move {
        let Value::Object(mut map) = value else { return Ok(value) };
        let picks: Vec<_> =
            collect(doc, &sets, t.name).into_iter().map(|p| (map.get_mut(p.key).map(std::mem::take).unwrap_or_default(), p)).collect();
        let map = &map; // what is left are the needs
        let each = picks.into_iter().map(|(got, p)| async move {
            let (ctx, key) = (ctx.with_field(p.field), Name::new(p.key));
            let Some(f) = t.field(p.field.node.name.node.as_str()) else { return Ok((key, got)) }; // __typename
            let result = match missing_scope(&ctx, f.scope) {
                Some(refused) => Err(at(&ctx, &refused)),
                None => match &f.source {
                    Source::Computed { run, .. } => run(&ctx, &Row(map)).await.map_err(|e| ctx.set_error_path(e.into_server_error(p.field.pos))),
                    _ => below(&ctx, doc, f, p.sets, got).await,
                },
            };
            nullable(&ctx, f.nullable(), result).map(|v| (key, v))
        });
        Ok(Value::Object(futures::future::try_join_all(each).await?.into_iter().collect()))
    }
    .boxed()
}
