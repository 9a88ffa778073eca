package io.pgtrickle.engine.catalog;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.UUID;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class RequestTest {
  private static final String ID = "5a0f5c5e-6d0c-4a53-9d8f-0e4f6a0f3a11";

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "no json",
        "[]",
        "null",
        "{\"kind\": \"sync\"}",
        "{\"kind\": \"sync\", \"request\": \"no uuid\"}",
        "{\"kind\": \"drop_everything\", \"request\": \"" + ID + "\"}",
        "{\"kind\": {\"a\": 1}, \"request\": \"" + ID + "\"}",
        "{\"kind\": \"refresh\", \"request\": \"" + ID + "\", \"pgt_id\": \"seven\"}",
        "{\"kind\": \"analyze\", \"request\": \"" + ID + "\", \"refresh_mode\": \"ODD\"}"
      })
  void whatIsNotUnderstoodIsIgnored(String message) {
    assertThat(Request.parse(message)).isEmpty();
  }

  @Test
  void understoodRequestsAreTyped() {
    assertThat(
            Request.parse(
                "{\"kind\": \"refresh\", \"request\": \""
                    + ID
                    + "\", \"pgt_id\": 7, \"timeout_ms\": 1500, \"unknown\": []}"))
        .contains(new Request.Refresh(UUID.fromString(ID), Duration.ofMillis(1500), 7));
    assertThat(
            Request.parse("{\"kind\": \"sync\", \"request\": \"" + ID + "\", \"timeout_ms\": -3}"))
        .contains(new Request.Sync(UUID.fromString(ID), Duration.ZERO, null));
  }
}
