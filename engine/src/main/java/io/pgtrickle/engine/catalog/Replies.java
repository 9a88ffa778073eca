package io.pgtrickle.engine.catalog;

import io.pgtrickle.cdc.Lsn;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.time.Duration;
import java.util.List;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/// Answers to waiting calls. A reply row that is written in an apply transaction becomes visible
/// together with the rows it speaks of.
public final class Replies {
  private Replies() {}

  /// An error that the caller raises as its own.
  public record ErrorReport(
      String sqlState, String message, @Nullable String detail, @Nullable String hint) {}

  /// What the sidecar thinks of a query.
  ///
  /// @param mode how it would be refreshed, never AUTO
  /// @param reasonCode why FULL; null if differential
  /// @param notices for the user to see
  /// @param findings one per construct that is worth a word, for `validate_query`
  public record Verdict(
      RefreshMode mode,
      @Nullable String reasonCode,
      @Nullable String reasonDetail,
      List<String> notices,
      List<Finding> findings) {
    public Verdict {
      if (mode == RefreshMode.AUTO) {
        throw new IllegalArgumentException("a verdict decides AUTO");
      }
      notices = List.copyOf(notices);
      findings = List.copyOf(findings);
    }
  }

  /// What the sidecar found about one construct of a query.
  ///
  /// @param position where it begins in the query's text, from 1; 0 if unknown
  /// @param tier `native`, `server` or `full`
  /// @param severity `INFO`, `WARNING` or `ERROR`
  public record Finding(
      String construct,
      int position,
      String tier,
      String severity,
      @Nullable String reasonCode,
      @Nullable String detail) {}

  /// Answers `sync` and `refresh`: everything before `lsn` is in the tables.
  public static void reached(Connection connection, UUID request, Lsn lsn) throws SQLException {
    put(connection, request, Json.MAPPER.createObjectNode().put("lsn", lsn.toString()));
  }

  /// Answers `explain`.
  public static void text(Connection connection, UUID request, String text) throws SQLException {
    put(connection, request, Json.MAPPER.createObjectNode().put("text", text));
  }

  /// Answers `analyze` and `validate`.
  public static void verdict(Connection connection, UUID request, Verdict verdict)
      throws SQLException {
    ObjectNode reply =
        Json.MAPPER
            .createObjectNode()
            .put("mode", verdict.mode.name())
            .put("reason_code", verdict.reasonCode)
            .put("reason_detail", verdict.reasonDetail);
    ArrayNode notices = reply.putArray("notices");
    verdict.notices.forEach(notices::add);
    ArrayNode findings = reply.putArray("findings");
    for (Finding finding : verdict.findings) {
      ObjectNode node =
          findings
              .addObject()
              .put("construct", finding.construct)
              .put("tier", finding.tier)
              .put("severity", finding.severity)
              .put("reason_code", finding.reasonCode)
              .put("detail", finding.detail);
      if (finding.position > 0) {
        node.put("position", finding.position);
      }
    }
    put(connection, request, reply);
  }

  /// Answers any request with an error.
  public static void error(Connection connection, UUID request, ErrorReport report)
      throws SQLException {
    ObjectNode reply = Json.MAPPER.createObjectNode();
    reply
        .putObject("error")
        .put("sqlstate", report.sqlState)
        .put("message", report.message)
        .put("detail", report.detail)
        .put("hint", report.hint);
    put(connection, request, reply);
  }

  /// A request may arrive twice, after a restart; the first answer stands.
  private static void put(Connection connection, UUID request, ObjectNode reply)
      throws SQLException {
    try (PreparedStatement insert =
        connection.prepareStatement(
            "INSERT INTO pgtrickle_internal.pgt_replies (request, reply) VALUES (?, ?::jsonb)"
                + " ON CONFLICT DO NOTHING")) {
      insert.setObject(1, request);
      insert.setString(2, Json.MAPPER.writeValueAsString(reply));
      insert.executeUpdate();
    }
  }

  /// Removes answers that nobody can be waiting for any more; how many.
  public static int prune(Connection connection, Duration age) throws SQLException {
    try (PreparedStatement delete =
        connection.prepareStatement(
            "DELETE FROM pgtrickle_internal.pgt_replies"
                + " WHERE at < clock_timestamp() - ? * interval '1 millisecond'")) {
      delete.setLong(1, age.toMillis());
      return delete.executeUpdate();
    }
  }
}
