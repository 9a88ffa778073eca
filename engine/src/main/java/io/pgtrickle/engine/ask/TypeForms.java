package io.pgtrickle.engine.ask;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import org.postgresql.jdbc.PgConnection;

/// The forms of types and names of collations as one session sees them, read when first needed.
final class TypeForms {
  private static final int DEFAULT_COLLATION = 100;

  private final Connection session;
  private final Map<Integer, TypeForm> forms = new HashMap<>();
  private final Map<Integer, String> collations = new HashMap<>();

  TypeForms(Connection session) {
    this.session = session;
  }

  TypeForm of(int type) throws SQLException {
    TypeForm form = forms.get(type);
    if (form == null) {
      form = TypeForm.read(session, type);
      forms.put(type, form);
      if (!form.wireArray().isEmpty()) {
        sendBinary(form.wireArray());
      }
    }
    return form;
  }

  // Arrays are sent as they are in memory.
  private void sendBinary(String arrayType) throws SQLException {
    PgConnection driver = session.unwrap(PgConnection.class);
    driver.getQueryExecutor().addBinarySendOid(driver.getTypeInfo().getPGType(arrayType));
  }

  /// The name of a collation, qualified and quoted; empty for the database's own and for none.
  Optional<String> collation(int oid) throws SQLException {
    if (oid == 0 || oid == DEFAULT_COLLATION) {
      return Optional.empty();
    }
    String name = collations.get(oid);
    if (name == null) {
      name = read(oid);
      collations.put(oid, name);
    }
    return Optional.of(name);
  }

  private String read(int oid) throws SQLException {
    try (PreparedStatement query =
        session.prepareStatement(
            "SELECT pg_catalog.format('%I.%I', n.nspname, c.collname) FROM pg_catalog.pg_collation"
                + " c JOIN pg_catalog.pg_namespace n ON n.oid = c.collnamespace"
                + " WHERE c.oid = ?::oid")) {
      query.setLong(1, Integer.toUnsignedLong(oid));
      try (ResultSet row = query.executeQuery()) {
        if (!row.next()) {
          throw new SQLException(
              "collation " + Integer.toUnsignedString(oid) + " is gone", "42704");
        }
        return row.getString(1);
      }
    }
  }
}
