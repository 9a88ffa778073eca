package io.pgtrickle.engine.backfill;

import io.pgtrickle.dvm.TrickleException.QueryRejected;
import io.pgtrickle.dvm.dataflow.View;
import io.pgtrickle.dvm.plan.ColumnsRead;
import io.pgtrickle.dvm.plan.Plan;
import io.pgtrickle.dvm.zset.Column;
import io.pgtrickle.dvm.zset.Schema;
import io.pgtrickle.engine.analyze.Analyzer;
import io.pgtrickle.engine.analyze.QueryDocument;
import io.pgtrickle.engine.analyze.QueryDocument.MalformedDocument;
import io.pgtrickle.engine.analyze.RoundTrip;
import io.pgtrickle.engine.analyze.Verdict;
import io.pgtrickle.engine.apply.Identifiers;
import io.pgtrickle.engine.apply.StorageCatalog;
import io.pgtrickle.engine.apply.StreamTable;
import io.pgtrickle.engine.catalog.CapturedSettings;
import io.pgtrickle.engine.catalog.Definition;
import io.pgtrickle.engine.catalog.RefreshMode;
import io.pgtrickle.engine.refresh.Joining;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.IntStream;
import org.postgresql.util.PSQLException;
import org.postgresql.util.ServerErrorMessage;

/// A definition made ready for initialization: described anew by the server, analyzed, its table
/// looked up.
///
/// The document stored with the definition was collected before its transaction committed, and its
/// owner could
/// have written it. So it decides nothing here: the query is made a temporary view *as its owner*,
/// once
/// more, which also checks what the owner may read, and the server's analysis of that view is what
/// counts.
///
/// @param uncaptured whether the rows may change without a change of what is captured; of FULL mode
record Preparation(
    Definition definition,
    Verdict verdict,
    StreamTable table,
    QueryDocument document,
    boolean uncaptured) {

  /// @param session autocommit off, without an open transaction; left without one
  /// @throws QueryRejected when the query cannot be maintained as asked, or its sources are gone
  static Preparation of(Connection session, Analyzer analyzer, Definition definition)
      throws SQLException {
    try {
      checkStorage(session, definition);
      StreamTable probe = storage(session, definition, Optional.empty(), false);
      QueryDocument document = describe(session, definition, probe);
      Verdict verdict =
          analyzer.inForce(
              proven(
                  session,
                  analyzer,
                  document,
                  analyzer.analyze(document, definition.mode(), definition.owner())));
      refuseWhatWasAskedFor(definition, verdict);
      Optional<Verdict.Differential> differential = verdict.differential();
      if (differential.isPresent()) {
        Schema columns = differential.get().plan().schema();
        checkColumns(session, definition, columns, probe.schema());
      }
      StreamTable table =
          storage(
              session,
              definition,
              differential.flatMap(Verdict.Differential::rowKey),
              differential.map(d -> d.plan().joins()).orElse(false));
      boolean uncaptured = differential.isEmpty() && analyzer.readsUncaptured(document);
      return new Preparation(definition, verdict, table, document, uncaptured);
    } finally {
      session.rollback();
    }
  }

  long id() {
    return definition.pgtId();
  }

  /// The plan that is maintained, empty in FULL mode.
  Optional<Plan> plan() {
    return verdict.differential().map(Verdict.Differential::plan);
  }

  /// What its plan scans; nothing in FULL mode.
  Set<Plan.Scan> scans() {
    return plan().map(Plan::scans).orElse(Set.of());
  }

  /// The columns that its plan reads, by relation; nothing in FULL mode.
  Map<Integer, Set<String>> columnsRead() {
    return plan().map(ColumnsRead::of).orElse(Map.of());
  }

  /// The columns that any of some plans reads, by relation.
  static Map<Integer, Set<String>> columnsRead(Collection<Preparation> all) {
    Map<Integer, Set<String>> read = new HashMap<>();
    for (Preparation one : all) {
      one.columnsRead()
          .forEach(
              (relation, names) ->
                  read.computeIfAbsent(relation, _ -> new HashSet<>()).addAll(names));
    }
    return read;
  }

  /// The view that the dataflow maintains; of differential ones only.
  View view() {
    return new View(
        definition.pgtId(),
        table.relation(),
        table.catalogName(),
        plan().orElseThrow(),
        verdict.settings());
  }

  /// What the refresh thread takes.
  ///
  /// @param current the definition with the schedule that it has by now
  /// @param refreshes how often the table has been refreshed
  Joining joining(Definition current, long refreshes) {
    return new Joining(current, table, verdict, document, uncaptured, refreshes);
  }

  private static Verdict proven(
      Connection session, Analyzer analyzer, QueryDocument document, Verdict verdict)
      throws SQLException {
    if (verdict.differential().isEmpty()) {
      return verdict;
    }
    return RoundTrip.objection(
            session, document, verdict.differential().get().bound(), analyzer.facts(document))
        .map(objection -> verdict.butFull("query_not_understood", objection))
        .orElse(verdict);
  }

  private static void refuseWhatWasAskedFor(Definition definition, Verdict verdict) {
    if (definition.mode() == RefreshMode.DIFFERENTIAL
        && !verdict.isForced()
        && verdict.outcome() instanceof Verdict.Full full) {
      throw new QueryRejected(
          QueryRejected.Kind.NOT_YET,
          "0A000",
          full.reasonCode(),
          full.construct(),
          definition.displayName() + " cannot be refreshed differentially: " + full.reasonDetail());
    }
  }

  private static StreamTable storage(
      Connection session, Definition definition, Optional<List<Integer>> key, boolean joining)
      throws SQLException {
    return StorageCatalog.load(
        session,
        definition.pgtId(),
        definition.table().schema(),
        definition.table().name(),
        key,
        joining);
  }

  private static QueryDocument describe(
      Connection session, Definition definition, StreamTable table) throws SQLException {
    String view = Identifiers.unforeseeable("pgt_probe");
    checkDelegates(session, definition);
    Map<String, String> settings = settings(definition);
    CapturedSettings.set(session, settings);
    asOwner(
        session,
        table,
        "CREATE TEMPORARY VIEW " + Identifiers.quote(view) + " AS " + definition.query());
    // What is read from now on is written by us, and the names of types that the server prints are
    // for sessions with our own path.
    CapturedSettings.ownPath(session);
    try (PreparedStatement describe =
        session.prepareStatement(
            "SELECT pgtrickle_internal.describe_query(?::regclass::oid, ?,"
                + " string_to_array(?, ', '))::text")) {
      describe.setString(1, "pg_temp." + Identifiers.quote(view));
      describe.setString(2, definition.query());
      describe.setString(3, settings.get("search_path"));
      try (ResultSet row = describe.executeQuery()) {
        row.next();
        String document = row.getString(1);
        checkSources(session, definition, document);
        checkPrivileges(session, definition, table, view);
        return QueryDocument.parse(document);
      }
    }
  }

  // CREATE VIEW does not check what may be read; planning the view's query as its owner does. It
  // may
  // also run code of his, which could put another query under the view's name: by now that is of no
  // use to him.
  private static void checkPrivileges(
      Connection session, Definition definition, StreamTable table, String view)
      throws SQLException {
    CapturedSettings.set(session, settings(definition));
    asOwner(session, table, "EXPLAIN SELECT * FROM pg_temp." + Identifiers.quote(view));
    CapturedSettings.ownPath(session);
  }

  // What was granted at creation may have been revoked since.
  private static void checkSources(Connection session, Definition definition, String document)
      throws SQLException {
    try (PreparedStatement check =
        session.prepareStatement("SELECT pgtrickle_internal.check_sources(?::jsonb)")) {
      check.setString(1, document);
      check.execute();
    } catch (PSQLException e) {
      ServerErrorMessage said = e.getServerErrorMessage();
      if (said == null || !"42501".equals(e.getSQLState())) {
        throw e;
      }
      throw new QueryRejected(
          QueryRejected.Kind.INVALID,
          "42501",
          "sidecar_not_permitted",
          definition.displayName(),
          said.getMessage()
              + ". "
              + said.getDetail()
              + " Run "
              + said.getHint()
              + " and pgtrickle.repair_stream_table()");
    }
  }

  private static void checkStorage(Connection session, Definition definition) throws SQLException {
    try (PreparedStatement check =
        session.prepareStatement("SELECT pgtrickle_internal.storage_problem(?)")) {
      check.setLong(1, definition.pgtId());
      try (ResultSet row = check.executeQuery()) {
        row.next();
        String problem = row.getString(1);
        if (problem != null) {
          throw new QueryRejected(
              QueryRejected.Kind.INVALID,
              "42P01",
              "storage_table_missing",
              definition.displayName(),
              problem);
        }
      }
    }
  }

  private static void checkDelegates(Connection session, Definition definition)
      throws SQLException {
    try (PreparedStatement check =
        session.prepareStatement("SELECT pgtrickle_internal.delegate_problem(?)")) {
      check.setLong(1, definition.pgtId());
      try (ResultSet row = check.executeQuery()) {
        row.next();
        String problem = row.getString(1);
        if (problem != null) {
          throw new QueryRejected(
              QueryRejected.Kind.INVALID,
              "42501",
              "delegate_altered",
              definition.displayName(),
              "the sidecar cannot act for owner \""
                  + definition.owner()
                  + "\": "
                  + problem
                  + "; create the stream table again");
        }
      }
    }
  }

  /// The relations that a definition's own document says its query reads; none if it cannot be
  /// read.
  static Set<Integer> written(Definition definition) {
    try {
      return QueryDocument.parse(definition.document()).relations().keySet();
    } catch (MalformedDocument unreadable) {
      return Set.of();
    }
  }

  private static Map<String, String> settings(Definition definition) {
    try {
      return QueryDocument.parse(definition.document()).sessionSettings();
    } catch (MalformedDocument unreadable) {
      throw new QueryRejected(
          QueryRejected.Kind.INVALID,
          "22023",
          "document_malformed",
          definition.displayName(),
          definition.displayName()
              + ": "
              + unreadable.getMessage()
              + "; call pgtrickle.create_or_replace_stream_table(), which writes it anew");
    }
  }

  private static void asOwner(Connection session, StreamTable table, String command)
      throws SQLException {
    Optional<String> function = table.execFunction();
    if (function.isPresent()) {
      try (PreparedStatement call =
          session.prepareStatement(
              "SELECT " + function.get() + "(?::pg_catalog.text, '{}'::pg_catalog.text[])")) {
        call.setString(1, command);
        call.execute();
      }
    } else {
      try (Statement statement = session.createStatement()) {
        statement.execute(command);
      }
    }
  }

  private static void checkColumns(
      Connection session, Definition definition, Schema query, Schema table) throws SQLException {
    boolean same =
        query.size() == table.size()
            && IntStream.range(0, query.size())
                .allMatch(
                    i ->
                        query.column(i).name().equals(table.column(i).name())
                            && query.column(i).type().oid() == table.column(i).type().oid());
    if (!same) {
      throw new QueryRejected(
          QueryRejected.Kind.INVALID,
          "42P17",
          "storage_table_changed",
          definition.displayName(),
          "the columns of %1$s are (%2$s), its query has (%3$s); call pgtrickle.repair_stream_table, which makes the table anew"
              .formatted(definition.displayName(), names(session, table), names(session, query)));
    }
  }

  private static String names(Connection session, Schema schema) throws SQLException {
    List<String> columns = new ArrayList<>();
    try (PreparedStatement name = session.prepareStatement("SELECT format_type(?::oid, ?)")) {
      for (Column column : schema.columns()) {
        name.setLong(1, Integer.toUnsignedLong(column.type().oid()));
        name.setInt(2, column.type().modifier());
        try (ResultSet row = name.executeQuery()) {
          row.next();
          columns.add(Identifiers.quote(column.name()) + " " + row.getString(1));
        }
      }
    }
    return String.join(", ", columns);
  }
}
