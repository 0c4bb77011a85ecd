//! Asks a server for flags with the provider of the Rust SDK: cases as a JSON list in, answers as a JSON list out.

use std::{error::Error, io::stdin};

use open_feature::{
    EvaluationContext, EvaluationError, StructValue, Value,
    provider::{FeatureProvider as _, ResolutionDetails},
};
use open_feature_ofrep::{OfrepOptions, OfrepProvider};
use serde_json::{Value as Json, json};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut headers = reqwest::header::HeaderMap::new();
    headers.insert("authorization", format!("Bearer {}", std::env::var("OFREP_TOKEN")?).parse()?);
    let options = OfrepOptions { base_url: std::env::var("OFREP_URL")?, headers, ..OfrepOptions::default() };
    let provider = OfrepProvider::new(options).await.map_err(|error| error.to_string())?;
    let cases: Vec<Json> = serde_json::from_reader(stdin())?;
    let mut answers = Vec::new();
    for case in &cases {
        let flag = case["flag"].as_str().ok_or("a case has no flag")?;
        let context = context(&case["context"]);
        answers.push(match case["type"].as_str() {
            Some("boolean") => answer(provider.resolve_bool_value(flag, &context).await, Json::from),
            Some("string") => answer(provider.resolve_string_value(flag, &context).await, Json::from),
            Some("integer") => answer(provider.resolve_int_value(flag, &context).await, Json::from),
            Some("float") => answer(provider.resolve_float_value(flag, &context).await, Json::from),
            Some("object") => answer(provider.resolve_struct_value(flag, &context).await, fields),
            _ => return Err("a case has no type".into()),
        });
    }
    println!("{}", Json::from(answers));
    Ok(())
}

fn context(given: &Json) -> EvaluationContext {
    let mut context = EvaluationContext::default();
    for (name, value) in given.as_object().into_iter().flatten() {
        context = match value {
            Json::String(key) if name == "targetingKey" => context.with_targeting_key(key),
            Json::String(text) => context.with_custom_field(name, text.clone()),
            Json::Bool(truth) => context.with_custom_field(name, *truth),
            other => context.with_custom_field(name, other.as_i64().unwrap_or_default()),
        };
    }
    context
}

fn answer<T>(resolved: Result<ResolutionDetails<T>, EvaluationError>, write: impl Fn(T) -> Json) -> Json {
    match resolved {
        Ok(details) => json!({
            "value": write(details.value),
            "variant": details.variant,
            "reason": details.reason.map(|reason| reason.to_string()),
            "error": null,
        }),
        Err(error) => json!({"error": format!("{:?}", error.code)}),
    }
}

fn fields(value: StructValue) -> Json {
    value.fields.into_iter().map(|(name, value)| (name, written(value))).collect::<serde_json::Map<_, _>>().into()
}

fn written(value: Value) -> Json {
    match value {
        Value::Bool(truth) => truth.into(),
        Value::Int(number) => number.into(),
        Value::Float(number) => number.into(),
        Value::String(text) => text.into(),
        Value::Array(items) => items.into_iter().map(written).collect(),
        Value::Struct(inner) => fields(inner),
    }
}
