package io.pgtrickle.engine.catalog;

import tools.jackson.databind.json.JsonMapper;

/// The one JSON mapper of this package; it is immutable and shared by all threads.
final class Json {
  static final JsonMapper MAPPER = JsonMapper.builder().build();

  private Json() {}
}
