//! What an editor must know to complete and check scenario files: a JSON Schema from the same types that read them.

use schemars::generate::SchemaSettings;

use super::spec::ScenarioSpec;

/// The JSON Schema (draft 7, which editors of TOML understand) of scenario files.
pub fn json_schema() -> serde_json::Value {
    let schema = SchemaSettings::draft07().into_generator().into_root_schema_for::<ScenarioSpec>();
    schema.to_value()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_knows_every_table_and_key() {
        let schema = json_schema().to_string();
        let keys = "question seed seeds duration starts-at provider source stream network strategy timeline expect \
            profile name share domains set ip count reputation listed ptr daily-volume arrivals \
            recipients-per-message size list authentication sender-domain sources priority at-once recipients at \
            poisson per-hour from until stages lasts diurnal over hours trace uniform log-normal median sigma pareto \
            minimum shape addresses unknown full traps engaged complaints complaint-delay spam dns spf dkim dmarc rtt \
            bandwidth \
            reset bad-hosts bad-how rule limit enabled metric min max preset about scope concurrency pacing session \
            reading breaker retry oracle fixed aimd initial increase decrease per token-bucket messages burst \
            fixed-window messages-per-connection idle reuse counts-idle pipelining connect-timeout greeting-timeout \
            matches means suspend after pause exponential base factor cap jitter give-up";
        for key in keys.split_whitespace() {
            assert!(schema.contains(&format!("\"{key}\"")), "{key}");
        }
    }

    #[test]
    fn unknown_keys_are_refused_by_the_schema_too() {
        let schema = json_schema();
        assert_eq!(schema["additionalProperties"], false);
        assert_eq!(schema["definitions"]["SourceSpec"]["additionalProperties"], false);
        assert_eq!(schema["definitions"]["SourceSpec"]["required"], serde_json::json!(["ip"]));
    }
}
