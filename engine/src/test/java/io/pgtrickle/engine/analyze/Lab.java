package io.pgtrickle.engine.analyze;

import io.pgtrickle.dvm.dataflow.Dataflow;
import io.pgtrickle.dvm.dataflow.StepResult;
import io.pgtrickle.dvm.dataflow.View;
import io.pgtrickle.dvm.plan.Plan;
import io.pgtrickle.dvm.type.ByteSink;
import io.pgtrickle.dvm.type.Bytes;
import io.pgtrickle.dvm.type.SqlType;
import io.pgtrickle.dvm.type.TypeCodec;
import io.pgtrickle.dvm.type.TypeKind;
import io.pgtrickle.dvm.zset.Column;
import io.pgtrickle.dvm.zset.Schema;
import io.pgtrickle.dvm.zset.ZSet;
import io.pgtrickle.engine.catalog.CatalogDatabase;
import io.pgtrickle.engine.catalog.Installer;
import io.pgtrickle.engine.catalog.RefreshMode;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.StringJoiner;
import org.jspecify.annotations.Nullable;
import org.postgresql.PGConnection;
import org.postgresql.ds.PGSimpleDataSource;

/// A database with tables to query, the shim that describes queries, and the analyzer.
final class Lab implements AutoCloseable {
  private final Connection connection;
  private final Analyzer analyzer;

  private Lab(Connection connection, Analyzer analyzer) {
    this.connection = connection;
    this.analyzer = analyzer;
  }

  /// Makes a database of its own on the server of this JVM, in which text is ordered by bytes.
  static Lab inNewDatabase() throws SQLException {
    try (CatalogDatabase home = CatalogDatabase.empty()) {
      String name = home.name() + "_lab";
      try (Statement statement = home.connection().createStatement()) {
        statement.execute(
            "CREATE DATABASE " + name + " TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'");
      }
      return open(home.url().replace("/" + home.name(), "/" + name));
    }
  }

  /// Prepares a database of a server, given by a URL.
  static Lab open(String url) throws SQLException {
    PGSimpleDataSource server = new PGSimpleDataSource();
    server.setUrl(url);
    Connection connection = server.getConnection();
    Installer.install(connection);
    try (Statement statement = connection.createStatement()) {
      statement.execute("SET TimeZone = 'UTC'");
      statement.execute(resource("schema.sql"));
    }
    return new Lab(connection, new Analyzer(new ServerCatalog(server)));
  }

  static String resource(String name) {
    try (InputStream file = Lab.class.getResourceAsStream("/analyze/" + name)) {
      if (file == null) {
        throw new IllegalArgumentException("no resource " + name);
      }
      return new String(file.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }

  /// The queries of a file, one a line.
  static List<String> queries(String name) {
    return resource(name).lines().filter(line -> !line.isBlank()).toList();
  }

  Connection connection() {
    return connection;
  }

  Analyzer analyzer() {
    return analyzer;
  }

  void execute(String sql) throws SQLException {
    try (Statement statement = connection.createStatement()) {
      statement.execute(sql);
    }
  }

  /// What the shim tells the sidecar of a query.
  QueryDocument document(String query) throws SQLException {
    return QueryDocument.parse(documentText(query));
  }

  String documentText(String query) throws SQLException {
    try (PreparedStatement statement =
        connection.prepareStatement("SELECT pgtrickle_internal.analyze_query(?)::text")) {
      statement.setString(1, query);
      try (ResultSet row = statement.executeQuery()) {
        row.next();
        return row.getString(1);
      }
    }
  }

  Verdict verdict(String query) throws SQLException {
    return analyzer.analyze(document(query), RefreshMode.AUTO, "");
  }

  Optional<String> objection(QueryDocument document, Plan bound) throws SQLException {
    return RoundTrip.objection(connection, document, bound, analyzer.facts(document));
  }

  /// The rows of a query as the server sees them, each as text, sorted.
  List<String> expected(String query) throws SQLException {
    try (Statement statement = connection.createStatement();
        ResultSet rows =
            statement.executeQuery("SELECT lab_row::text FROM (" + query + ") lab_row")) {
      List<String> texts = new ArrayList<>();
      while (rows.next()) {
        texts.add(rows.getString(1));
      }
      Collections.sort(texts);
      return texts;
    }
  }

  /// The rows that the dataflow makes of a plan over the present contents of its relations, as the
  /// server prints rows of those types.
  List<String> computed(Plan plan, Verdict verdict) throws SQLException {
    Map<Integer, ZSet> relations = new HashMap<>();
    for (Plan.Scan scan : plan.scans()) {
      relations.put(scan.relation(), contents(scan));
    }
    Dataflow dataflow = new Dataflow(Runnable::run);
    dataflow.add(new View(1, 1, "result", plan, verdict.settings()));
    StepResult result = dataflow.step(relations, _ -> true);
    ZSet rows = result.released().getOrDefault(1L, ZSet.EMPTY);
    if (!result.errors().isEmpty()) {
      throw new IllegalStateException(result.errors().toString());
    }
    return printed(rows, plan.schema());
  }

  private ZSet contents(Plan.Scan scan) throws SQLException {
    Schema schema = scan.schema();
    StringJoiner columns = new StringJoiner(", ");
    for (Column column : schema.columns()) {
      String name = '"' + column.name().replace("\"", "\"\"") + '"';
      boolean opaque = column.type().kind() == TypeKind.OPAQUE;
      columns.add(opaque ? sender(column.type().oid()) + "(" + name + ")" : name);
    }
    ZSet.Builder rows = new ZSet.Builder();
    try (Statement statement = connection.createStatement();
        ResultSet row = statement.executeQuery("SELECT " + columns + " FROM " + scan.name())) {
      while (row.next()) {
        @Nullable Object[] values = new @Nullable Object[schema.size()];
        for (int i = 0; i < values.length; i++) {
          values[i] = value(row, i + 1, schema.column(i).type());
        }
        rows.add(schema.pack(values), 1);
      }
    }
    return rows.build();
  }

  private static @Nullable Object value(ResultSet row, int column, SqlType type)
      throws SQLException {
    if (type.kind() == TypeKind.OPAQUE) {
      byte[] binary = row.getBytes(column);
      return binary == null ? null : Bytes.copyOf(binary);
    }
    String text = row.getString(column);
    return text == null ? null : TypeCodec.of(type).fromText(text);
  }

  /// The function that makes the binary form of a type's values.
  private String sender(int type) throws SQLException {
    try (Statement statement = connection.createStatement();
        ResultSet row =
            statement.executeQuery(
                "SELECT typsend::regproc FROM pg_type WHERE oid = "
                    + Integer.toUnsignedString(type))) {
      row.next();
      return row.getString(1);
    }
  }

  /// Lets the server print the rows: their values go there as text and come back as row text.
  private List<String> printed(ZSet rows, Schema schema) throws SQLException {
    List<String> texts = new ArrayList<>();
    for (int i = 0; i < rows.size(); i++) {
      StringJoiner cells = new StringJoiner(", ");
      for (int c = 0; c < schema.size(); c++) {
        Object value = schema.value(rows.row(i), c);
        String type = typeName(schema.column(c).type().oid());
        TypeCodec codec = schema.codec(c);
        String text =
            value instanceof Bytes bytes && schema.column(c).type().kind() == TypeKind.OPAQUE
                ? printed(bytes, type)
                : value == null ? null : codec.toText(value);
        cells.add((text == null ? "NULL" : "'" + text.replace("'", "''") + "'") + "::" + type);
      }
      try (Statement statement = connection.createStatement();
          ResultSet row = statement.executeQuery("SELECT ROW(" + cells + ")::text")) {
        row.next();
        for (long n = rows.weight(i); n > 0; n--) {
          texts.add(row.getString(1));
        }
      }
    }
    Collections.sort(texts);
    return texts;
  }

  /// Lets the server print a value of which only the binary form is known.
  private String printed(Bytes binary, String type) throws SQLException {
    ByteSink copy = new ByteSink();
    copy.putBytes("PGCOPY\n\377\r\n\0".getBytes(StandardCharsets.ISO_8859_1));
    copy.putInt(0);
    copy.putInt(0);
    copy.putShort(1);
    copy.putInt(binary.size());
    copy.putBytes(binary.toArray());
    copy.putShort(-1);
    try (Statement statement = connection.createStatement()) {
      statement.execute("CREATE TEMP TABLE binary_form (value " + type + ")");
      connection
          .unwrap(PGConnection.class)
          .getCopyAPI()
          .copyIn(
              "COPY binary_form FROM STDIN (FORMAT binary)",
              new ByteArrayInputStream(copy.toArray()));
      try (ResultSet row = statement.executeQuery("SELECT value::text FROM binary_form")) {
        row.next();
        return row.getString(1);
      } finally {
        statement.execute("DROP TABLE binary_form");
      }
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  private String typeName(int oid) throws SQLException {
    try (PreparedStatement statement =
        connection.prepareStatement("SELECT format_type(?::bigint::oid, NULL)")) {
      statement.setLong(1, Integer.toUnsignedLong(oid));
      try (ResultSet row = statement.executeQuery()) {
        row.next();
        // A bare "character" would be one character long.
        return row.getString(1).replace("character", "bpchar").replace("bpchar varying", "varchar");
      }
    }
  }

  @Override
  public void close() throws SQLException {
    connection.close();
  }
}
