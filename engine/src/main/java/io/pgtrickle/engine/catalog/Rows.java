package io.pgtrickle.engine.catalog;

import io.pgtrickle.cdc.Lsn;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Types;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import org.jspecify.annotations.Nullable;

/// Reading and writing the catalog's column types, nulls included.
final class Rows {
  private Rows() {}

  static @Nullable Lsn lsn(ResultSet row, String column) throws SQLException {
    String text = row.getString(column);
    return text == null ? null : Lsn.parse(text);
  }

  static @Nullable Instant instant(ResultSet row, String column) throws SQLException {
    OffsetDateTime time = row.getObject(column, OffsetDateTime.class);
    return time == null ? null : time.toInstant();
  }

  static @Nullable Long number(ResultSet row, String column) throws SQLException {
    long value = row.getLong(column);
    return row.wasNull() ? null : value;
  }

  static @Nullable Double real(ResultSet row, String column) throws SQLException {
    double value = row.getDouble(column);
    return row.wasNull() ? null : value;
  }

  static @Nullable OffsetDateTime timestamp(@Nullable Instant time) {
    return time == null ? null : time.atOffset(ZoneOffset.UTC);
  }

  static void set(PreparedStatement statement, int parameter, @Nullable Instant time)
      throws SQLException {
    statement.setObject(parameter, timestamp(time), Types.TIMESTAMP_WITH_TIMEZONE);
  }

  static void set(PreparedStatement statement, int parameter, @Nullable Lsn lsn)
      throws SQLException {
    statement.setString(parameter, lsn == null ? null : lsn.toString());
  }

  static void set(PreparedStatement statement, int parameter, @Nullable Long number)
      throws SQLException {
    statement.setObject(parameter, number, Types.BIGINT);
  }

  static void set(PreparedStatement statement, int parameter, @Nullable Double number)
      throws SQLException {
    statement.setObject(parameter, number, Types.DOUBLE);
  }
}
