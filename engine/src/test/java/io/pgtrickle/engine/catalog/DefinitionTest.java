package io.pgtrickle.engine.catalog;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

final class DefinitionTest {
  private static Map<String, @Nullable String> row() {
    Map<String, @Nullable String> row = new HashMap<>();
    row.put("pgt_id", "12");
    row.put("schema_name", "S");
    row.put("table_name", "t.u");
    row.put("relid", "4294967295");
    row.put("owner", "alice");
    row.put("query", "SELECT 1");
    row.put("analysis", "{}");
    row.put("schedule", "1s");
    row.put("refresh_mode", "FULL");
    row.put("status", "PAUSED");
    row.put("initialize", "f");
    row.put("generation", "3");
    row.put("append_only", "t");
    row.put("max_delta_fraction", null);
    row.put("column_of_a_later_version", "x");
    return row;
  }

  @Test
  void textOfTheStreamIsRead() {
    Definition definition = Definition.of(row());
    assertThat(definition.pgtId()).isEqualTo(12);
    assertThat(definition.table().sql()).isEqualTo("\"S\".\"t.u\"");
    assertThat(definition.relation().asLong()).isEqualTo(4_294_967_295L);
    assertThat(definition.mode()).isEqualTo(RefreshMode.FULL);
    assertThat(definition.paused()).isTrue();
    assertThat(definition.initialize()).isFalse();
    assertThat(definition.appendOnly()).isTrue();
  }

  @Test
  void newGenerationMeansNewContents() {
    Map<String, @Nullable String> next = row();
    next.put("generation", "4");
    assertThat(Definition.of(next).rebuilds(Definition.of(row()))).isTrue();
    next.put("generation", "3");
    next.put("schedule", "2s");
    assertThat(Definition.of(next).rebuilds(Definition.of(row()))).isFalse();
  }

  @Test
  void missingColumnIsNamed() {
    Map<String, @Nullable String> row = row();
    row.remove("schedule");
    assertThatThrownBy(() -> Definition.of(row))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("pgt_definitions.schedule");
  }
}
