package io.pgtrickle.engine.catalog;

import java.time.Duration;
import java.util.Optional;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;

/// What a waiting call asks for, read from a logical message of prefix [#PREFIX].
///
/// Anyone may emit such a message. So a request is a hint: what is not understood is ignored, and
/// what is asked for is nothing that its sender could not have. A stream table is named by its
/// `pgt_id`, never trusted to exist.
public sealed interface Request {

  /// The prefix of our logical messages.
  String PREFIX = "pgtrickle";

  /// Where the answer goes.
  UUID id();

  /// How long the caller waits; an answer after that is for nobody.
  Duration timeout();

  /// What would the sidecar make of this query?
  ///
  /// @param name what the stream table would be called
  /// @param mode the mode that is asked for
  /// @param document the query document, JSON
  record Analyze(UUID id, Duration timeout, String name, RefreshMode mode, String document)
      implements Request {}

  /// The same without a stream table in mind, and in detail.
  record Validate(UUID id, Duration timeout, String document) implements Request {}

  /// Answer when the stream table shows everything committed before this message.
  ///
  /// @param pgtId null for all stream tables
  record Sync(UUID id, Duration timeout, @Nullable Long pgtId) implements Request {}

  /// The same, and release its pending output whatever the schedule says.
  record Refresh(UUID id, Duration timeout, long pgtId) implements Request {}

  /// Describe how a stream table is maintained.
  record Explain(UUID id, Duration timeout, long pgtId, String format) implements Request {}

  /// Reads a message, or nothing if it is none of ours.
  static Optional<Request> parse(String message) {
    JsonNode json;
    try {
      json = Json.MAPPER.readTree(message);
      UUID id = UUID.fromString(json.path("request").asString(""));
      Duration timeout = Duration.ofMillis(Math.max(0, json.path("timeout_ms").asLong(0)));
      JsonNode table = json.path("pgt_id");
      Long pgtId = table.isIntegralNumber() ? table.asLong() : null;
      return Optional.ofNullable(
          switch (json.path("kind").asString("")) {
            case "analyze" ->
                new Analyze(
                    id,
                    timeout,
                    json.path("name").asString(""),
                    RefreshMode.valueOf(json.path("refresh_mode").asString("")),
                    Json.MAPPER.writeValueAsString(json.path("document")));
            case "validate" ->
                new Validate(id, timeout, Json.MAPPER.writeValueAsString(json.path("document")));
            case "sync" -> new Sync(id, timeout, pgtId);
            case "refresh" -> pgtId == null ? null : new Refresh(id, timeout, pgtId);
            case "explain" ->
                pgtId == null
                    ? null
                    : new Explain(id, timeout, pgtId, json.path("format").asString("text"));
            default -> null;
          });
    } catch (JacksonException | IllegalArgumentException e) {
      return Optional.empty();
    }
  }
}
