package io.pgtrickle.engine.refresh;

import io.pgtrickle.dvm.dataflow.ExplainFormat;
import tools.jackson.databind.json.JsonMapper;

/// Writes how a FULL-mode stream table is maintained, in the forms in which the dataflow writes of
/// a
/// differential one.
final class FullExplain {
  private static final JsonMapper MAPPER = new JsonMapper();

  private final LiveTable table;

  FullExplain(LiveTable table) {
    this.table = table;
  }

  String write(ExplainFormat format) {
    String reason = table.reasonDetail().orElse("as asked for");
    return switch (format) {
      case TEXT -> "FULL refresh: " + reason + "\n";
      case JSON ->
          MAPPER.writeValueAsString(
              MAPPER
                  .createObjectNode()
                  .put("operator", 0)
                  .put("label", "FULL refresh")
                  .put("tier", "full")
                  .put("reason_code", table.reasonCode().orElse(null))
                  .put("reason", reason)
                  .set("inputs", MAPPER.createArrayNode()));
      case DOT ->
          "digraph %s {\n  rankdir=BT;\n  node [shape=box];\n  n0 [label=%s];\n}\n"
              .formatted(quoted(table.storage().catalogName()), quoted("FULL refresh\n" + reason));
    };
  }

  private static String quoted(String text) {
    return '"' + text.replace("\\", "\\\\").replace("\"", "\\\"").replace("\n", "\\n") + '"';
  }
}
