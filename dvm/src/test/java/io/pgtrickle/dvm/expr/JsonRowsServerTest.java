package io.pgtrickle.dvm.expr;

import static org.assertj.core.api.Assertions.assertThat;

import io.pgtrickle.dvm.type.Bytes;
import io.pgtrickle.dvm.type.EvaluationFailure;
import io.pgtrickle.dvm.type.SqlType;
import io.pgtrickle.dvm.type.TestServer;
import java.nio.charset.StandardCharsets;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import java.util.StringJoiner;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// The rows that functions make of documents, against the server.
final class JsonRowsServerTest {
  @ParameterizedTest
  @ValueSource(
      strings = {
        "json_array_elements",
        "json_array_elements_text",
        "json_object_keys",
        "jsonb_array_elements",
        "jsonb_array_elements_text",
        "jsonb_object_keys"
      })
  void rowsAreThoseOfTheServer(String name) throws SQLException {
    boolean jsonb = name.startsWith("jsonb");
    int document = jsonb ? 3802 : 114;
    String type = jsonb ? "jsonb" : "json";
    int element = name.endsWith("elements") ? document : 25;
    Signature signature =
        new Signature(0, "pg_catalog", name, List.of(document), element, true, 'i');
    SetFunctions.Body body = SetFunctions.find(signature, SqlType.of(element)).orElseThrow();
    try (TestServer server = TestServer.connect()) {
      List<String> texts =
          ArgumentSamples.DOCUMENTS.stream().map(text -> TestServer.quote(text)).toList();
      List<String> values =
          server.evaluate(texts.stream().map(text -> text + "::" + type).toList());
      List<String> answers =
          server.evaluate(
              texts.stream()
                  .map(
                      text ->
                          "SELECT coalesce(string_agg(coalesce(x::text, 'NULL'), ' | '), '') FROM"
                              + " pg_catalog.%s(%s::%s) x".formatted(name, text, type))
                  .map(query -> "(" + query + ")")
                  .toList());
      for (int i = 0; i < texts.size(); i++) {
        if (!values.get(i).startsWith("22P0")) {
          assertThat(answer(body, values.get(i), jsonb, element != 25))
              .as("%s of %s", name, texts.get(i))
              .isEqualTo(answers.get(i));
        }
      }
    }
  }

  private static String answer(
      SetFunctions.Body body, String text, boolean jsonb, boolean documents) {
    byte[] bytes = ((jsonb ? "\u0001" : "") + text).getBytes(StandardCharsets.UTF_8);
    List<@Nullable Object> rows;
    try {
      rows = new ArrayList<>(body.values(List.of(Bytes.copyOf(bytes))));
    } catch (EvaluationFailure failure) {
      return failure.sqlState() + " " + failure.text();
    }
    StringJoiner shown = new StringJoiner(" | ");
    for (Object row : rows) {
      shown.add(row == null ? "NULL" : documents ? shown((Bytes) row, jsonb) : row.toString());
    }
    return shown.toString();
  }

  private static String shown(Bytes value, boolean jsonb) {
    byte[] bytes = value.toArray();
    int from = jsonb ? 1 : 0;
    return new String(bytes, from, bytes.length - from, StandardCharsets.UTF_8);
  }
}
