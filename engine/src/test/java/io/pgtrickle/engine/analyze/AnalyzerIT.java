package io.pgtrickle.engine.analyze;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.pgtrickle.dvm.plan.Plan;
import io.pgtrickle.dvm.plan.rewrite.Rewrites;
import io.pgtrickle.dvm.sql.RelationShape;
import io.pgtrickle.engine.analyze.QueryDocument.MalformedDocument;
import io.pgtrickle.engine.analyze.Verdict.Differential;
import io.pgtrickle.engine.analyze.Verdict.Full;
import io.pgtrickle.engine.catalog.RefreshMode;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/// Queries as users write them, through the server's analysis, to plans and verdicts.
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
final class AnalyzerIT {
  private Lab lab;

  @BeforeAll
  void prepare() throws SQLException {
    lab = Lab.inNewDatabase();
    lab.execute(Lab.resource("hazards.sql"));
  }

  @AfterAll
  void end() throws SQLException {
    lab.close();
  }

  static List<String> differentialQueries() {
    List<String> queries = new ArrayList<>(Lab.queries("differential.sql"));
    queries.addAll(Lab.queries("windows.sql"));
    queries.addAll(Lab.queries("laterals.sql"));
    queries.addAll(Lab.queries("unfolds.sql"));
    queries.addAll(Lab.queries("recursions.sql"));
    return queries;
  }

  static List<String> refusals() {
    return Lab.queries("refused.txt");
  }

  @ParameterizedTest
  @MethodSource("differentialQueries")
  void theBoundAndTheRewrittenPlanSayWhatTheQuerySays(String query) throws SQLException {
    QueryDocument document = lab.document(query);
    Verdict verdict = lab.analyzer().analyze(document, RefreshMode.AUTO, "");
    Differential differential = differential(verdict);

    List<String> expected = lab.expected(query);
    assertThat(lab.computed(Rewrites.necessary(differential.bound()), verdict)).isEqualTo(expected);
    assertThat(lab.computed(differential.plan(), verdict)).isEqualTo(expected);
    assertThat(differential.plan().schema()).isEqualTo(differential.bound().schema());
  }

  @ParameterizedTest
  @MethodSource("differentialQueries")
  void theServerReadsTheDeparsedPlanAsTheSameQuery(String query) throws SQLException {
    QueryDocument document = lab.document(query);
    Differential differential =
        differential(lab.analyzer().analyze(document, RefreshMode.DIFFERENTIAL, ""));

    assertThat(lab.objection(document, differential.bound())).isEmpty();
    assertThat(lab.connection().getAutoCommit()).isTrue();
  }

  /// Without a key a join would compare all pairs.
  @ParameterizedTest
  @ValueSource(
      strings = {
        "SELECT id FROM orders WHERE customer <> ALL (SELECT product FROM items)",
        "SELECT o.id FROM orders o JOIN items i ON NOT (o.id <> i.order_id)",
        "SELECT o.id FROM orders o JOIN items i ON o.customer IS NOT DISTINCT FROM i.line",
        "SELECT o.id FROM orders o LEFT JOIN items i ON o.total IS NOT DISTINCT FROM i.price",
        "SELECT id FROM orders o WHERE EXISTS (SELECT FROM items i WHERE i.line IS NOT DISTINCT"
            + " FROM o.customer)",
        "SELECT o.id FROM orders o, customers c WHERE o.placed = c.joined",
        "SELECT o.id FROM orders o LEFT JOIN customers c ON c.joined = o.placed"
      })
  void equalitiesAreKeysHoweverTheyAreWritten(String query) throws SQLException {
    assertThat(keys(differential(lab.verdict(query)).plan())).isNotEmpty().doesNotContain(0);
  }

  private static List<Integer> keys(Plan plan) {
    List<Integer> keys = new ArrayList<>();
    switch (plan) {
      case Plan.Join join -> keys.add(join.keys().size());
      case Plan.OuterJoin join -> keys.add(join.keys().size());
      // Others ask for rows with NULLs only.
      case Plan.MarkJoin join when !join.keys().isEmpty() -> keys.add(join.keys().size());
      default -> {}
    }
    plan.inputs().forEach(input -> keys.addAll(keys(input)));
    return keys;
  }

  static List<String> fallibleQueries() {
    return Lab.queries("fallible.sql");
  }

  /// Each has a row for which something in it fails, but PostgreSQL never gets that far.
  @ParameterizedTest
  @MethodSource("fallibleQueries")
  void whatFailsForARowThatIsNotNeededDoesNotFailTheQuery(String query) throws SQLException {
    Verdict verdict = lab.verdict(query);
    assertThat(lab.computed(differential(verdict).plan(), verdict)).isEqualTo(lab.expected(query));
  }

  static List<String> serverQueries() {
    return Lab.queries("server.sql");
  }

  @ParameterizedTest
  @MethodSource("serverQueries")
  void whatTheServerIsAskedForIsReadAsTheSameQuery(String query) throws SQLException {
    QueryDocument document = lab.document(query);
    Differential differential =
        differential(lab.analyzer().analyze(document, RefreshMode.DIFFERENTIAL, "ada"));

    assertThat(lab.objection(document, differential.bound())).isEmpty();
    assertThat(asks(differential.plan())).isTrue();
    assertThat(differential.plan().schema()).isEqualTo(differential.bound().schema());
  }

  @Test
  void rowsAreProvenWithTheirNamesAndWithWhatTheyMayLack() throws SQLException {
    String rows = "(SELECT id AS a, customer AS b FROM orders) w";
    String joined = "SELECT c.id, to_jsonb(w) AS j FROM customers c LEFT JOIN %s ON w.b = c.id";
    QueryDocument document = lab.document(joined.formatted(rows));
    for (String other :
        List.of(
            joined.formatted("(SELECT id AS x, customer AS b FROM orders) w"),
            joined.formatted("(SELECT customer AS a, id AS b FROM orders) w"),
            joined.formatted(rows).replace("to_jsonb(w)", "to_jsonb(ROW(w.a, w.b))"),
            joined
                .formatted(rows)
                .replace("to_jsonb(w)", "to_jsonb((SELECT e FROM (SELECT w.a, w.b) e))"))) {
      Plan bound =
          differential(lab.analyzer().analyze(lab.document(other), RefreshMode.AUTO, "")).bound();
      assertThat(lab.objection(document, bound)).as(other).isPresent();
    }
  }

  static List<String> jsonQueries() {
    return Lab.queries("json.txt");
  }

  /// @param line the version of PostgreSQL that the query is for, and the query
  @ParameterizedTest
  @MethodSource("jsonQueries")
  void jsonThatTheServerIsAskedForIsReadAsTheSameQuery(String line) throws SQLException {
    String[] cells = line.split(" \\| ", 2);
    int version = lab.connection().getMetaData().getDatabaseMajorVersion();
    assumeTrue(version >= Integer.parseInt(cells[0]));
    whatTheServerIsAskedForIsReadAsTheSameQuery(cells[1]);
  }

  private static boolean asks(Plan plan) {
    return plan instanceof Plan.Ask
        || (plan instanceof Plan.Unfold unfold && unfold.asked() != null)
        || plan.inputs().stream().anyMatch(AnalyzerIT::asks);
  }

  @ParameterizedTest
  @MethodSource("refusals")
  void aRefusedConstructIsNamed(String line) throws SQLException {
    String[] cells = line.split(" \\| ", 3);
    Full full = full(lab.verdict(cells[2]));

    assertThat(full.reasonCode()).isEqualTo(cells[0]);
    assertThat(full.construct()).isEqualTo(cells[1]);
    assertThat(full.reasonDetail()).startsWith(cells[1]);
  }

  @Test
  void everyPlanIsProvenAgainstItsOwnQueryOnly() throws SQLException {
    List<QueryDocument> documents = new ArrayList<>();
    for (String query : differentialQueries()) {
      documents.add(lab.document(query));
    }
    List<String> confused = new ArrayList<>();
    for (int i = 0; i + 1 < documents.size(); i++) {
      Plan bound =
          differential(lab.analyzer().analyze(documents.get(i), RefreshMode.AUTO, "")).bound();
      if (lab.objection(documents.get(i + 1), bound).isEmpty()) {
        confused.add(documents.get(i + 1).query());
      }
    }
    assertThat(confused).isEmpty();
  }

  @Test
  void aRefusalPointsIntoTheText() throws SQLException {
    Full full = full(lab.verdict("SELECT 'LIMIT' AS l, id /* LIMIT */ FROM customers LIMIT 3"));
    assertThat(full.position()).isEqualTo(52);
    assertThat(full(lab.verdict("SELECT 'ü', id FROM customers WHERE RANDOM() < 1")).position())
        .isEqualTo(37);
  }

  @Test
  void tablesOfTheSameTransactionAreAnalyzed() throws SQLException {
    lab.connection().setAutoCommit(false);
    try {
      lab.execute("CREATE TABLE fresh (id int4 PRIMARY KEY, v numeric)");
      Verdict verdict = lab.verdict("SELECT sum(v) AS s FROM fresh");
      assertThat(verdict.differential()).isPresent();
      assertThat(verdict.sources()).hasSize(1);
    } finally {
      lab.connection().rollback();
      lab.connection().setAutoCommit(true);
    }
  }

  @Test
  void proofLeavesATransactionAsItWas() throws SQLException {
    lab.connection().setAutoCommit(false);
    try {
      lab.execute("CREATE TABLE proving (id int4 PRIMARY KEY)");
      QueryDocument document = lab.document("SELECT id + 1 AS x FROM proving");
      Differential differential =
          differential(lab.analyzer().analyze(document, RefreshMode.AUTO, ""));
      assertThat(lab.objection(document, differential.bound())).isEmpty();
      assertThat(lab.expected("SELECT count(*) AS n FROM proving")).containsExactly("(0)");
    } finally {
      lab.connection().rollback();
      lab.connection().setAutoCommit(true);
    }
  }

  @Test
  void rowKeysAreDerivedFromPrimaryKeysAndGroups() throws SQLException {
    assertRowKey("SELECT name, id FROM customers WHERE active", 1);
    assertNoRowKey("SELECT name FROM customers");
    assertRowKey("SELECT c.name, o.id FROM orders o JOIN customers c ON c.id = o.customer", 1);
    assertRowKey("SELECT c.id AS c, p.id AS p FROM customers c, products p", 0, 1);
    assertRowKey("SELECT i.line, o.id FROM orders o JOIN items i ON i.order_id = o.id", 0, 1);
    assertRowKey("SELECT count(*) AS n, region FROM customers GROUP BY region", 1);
    assertRowKey("SELECT DISTINCT active, joined FROM customers", 0, 1);
    assertNoRowKey("SELECT id FROM customers UNION ALL SELECT customer FROM orders");
    assertRowKey("SELECT v, id FROM whole", 1);
    assertRowKey("SELECT count(*) FROM orders");
  }

  @Test
  void keysMayBeOfUnboundedSize() throws SQLException {
    assertRowKey("SELECT kind, count(*) FROM events GROUP BY kind", 0);
    assertRowKey("SELECT total, count(*) FROM orders GROUP BY total", 0);
    assertRowKey("SELECT credit, count(*) FROM customers GROUP BY credit", 0);
  }

  @Test
  void anOrderWithoutALimitIsAcceptedWithANotice() throws SQLException {
    Verdict verdict = lab.verdict("SELECT id FROM customers ORDER BY id");
    assertThat(verdict.differential()).isPresent();
    assertThat(verdict.notices()).singleElement().asString().contains("ORDER BY");
    assertThat(lab.verdict("SELECT id FROM (SELECT id FROM customers ORDER BY id) s").notices())
        .isEmpty();
  }

  @Test
  void fullIsFullWhenAskedFor() throws SQLException {
    Verdict verdict =
        lab.analyzer().analyze(lab.document("SELECT id FROM customers"), RefreshMode.FULL, "");
    assertThat(full(verdict).reasonCode()).isEqualTo("requested");
    assertThat(verdict.sources()).hasSize(1);
  }

  @Test
  void sourcesLieBelowViews() throws SQLException {
    QueryDocument document =
        lab.document(
            "SELECT a.id FROM active_customers a JOIN order_totals t ON t.customer = a.id");
    Verdict verdict = lab.analyzer().analyze(document, RefreshMode.AUTO, "");
    List<String> names = new ArrayList<>();
    for (RelationShape relation : document.relations().values()) {
      if (verdict.sources().contains(relation.oid())) {
        names.add(relation.name());
      }
    }
    assertThat(verdict.sources()).hasSize(2);
    assertThat(names).containsExactlyInAnyOrder("customers", "orders");
  }

  @Test
  void columnsThatAreNotUsedReachNoJoin() throws SQLException {
    Differential differential =
        differential(
            lab.verdict("SELECT c.name FROM customers c JOIN orders o ON o.customer = c.id"));
    assertThat(joinInputWidths(differential.plan())).containsExactly(2, 1);
  }

  @Test
  void rowSecurityIsRefused() throws SQLException {
    String text = lab.documentText("SELECT id FROM secret");
    assertThat(text).contains("\"row_security\": false");
    QueryDocument document =
        QueryDocument.parse(text.replace("\"row_security\": false", "\"row_security\": true"));
    Full full = full(lab.analyzer().analyze(document, RefreshMode.AUTO, ""));
    assertThat(full.reasonCode()).isEqualTo("row_level_security");
  }

  @Test
  void aTreeThatBelongsToAnotherTextIsNotUnderstood() throws SQLException {
    QueryDocument document = lab.document("SELECT id FROM customers");
    QueryDocument other = lab.document("SELECT id FROM products");
    QueryDocument mixed =
        new QueryDocument(
            document.query(),
            other.canonical(),
            document.tree(),
            document.settings(),
            document.columns(),
            document.relations(),
            document.relationVersions(),
            document.partitionVersions(),
            document.functions(),
            document.functionVersions(),
            document.operators(),
            document.resultColumns(),
            document.collations(),
            document.typeNames(),
            document.rowVersions(),
            document.enumLabels());
    Full full = full(lab.analyzer().analyze(mixed, RefreshMode.AUTO, ""));
    assertThat(full.reasonCode()).isEqualTo("query_not_understood");
    assertThat(full.reasonDetail()).contains("public.products", "public.customers");
  }

  @Test
  void tiersNameWhatIsNotNative() throws SQLException {
    QueryDocument document =
        lab.document("SELECT id + 1 AS next, name FROM customers WHERE name ~ '(A)\\1'");
    Plan bound =
        io.pgtrickle.dvm.sql.Binder.bind(document.tree(), lab.analyzer().facts(document)).plan();
    List<ExpressionTiers.Placement> placements =
        ExpressionTiers.of(bound, document.evaluationSettings(), lab.analyzer().facts(document));
    assertThat(placements)
        .extracting(ExpressionTiers.Placement::tier)
        .containsExactly(ExpressionTiers.Tier.SERVER, ExpressionTiers.Tier.NATIVE);
    assertThat(placements.getFirst().refusal())
        .hasValueSatisfying(refusal -> assertThat(refusal).contains("textregexeq"));
    assertThat(placements.getLast().text()).contains("int4pl").contains("\"id\"");
  }

  @Test
  void whatIsAskedForTextsThatAreNotPlainOnlyIsMixed() throws SQLException {
    QueryDocument document =
        lab.document(
            "SELECT name::date AS day, upper(name)::timestamp + interval '1 day' AS later,"
                + " to_char(name::date, 'J') AS year FROM customers");
    Plan bound =
        io.pgtrickle.dvm.sql.Binder.bind(document.tree(), lab.analyzer().facts(document)).plan();
    assertThat(
            ExpressionTiers.of(
                bound, document.evaluationSettings(), lab.analyzer().facts(document)))
        .extracting(ExpressionTiers.Placement::tier)
        .containsExactly(
            ExpressionTiers.Tier.MIXED, ExpressionTiers.Tier.MIXED, ExpressionTiers.Tier.SERVER);
  }

  @Test
  void anotherFormatOfDocumentIsRefused() {
    assertThatThrownBy(() -> QueryDocument.parse("{\"format\": 2}"))
        .isInstanceOf(MalformedDocument.class)
        .hasMessageContaining("format 2");
    assertThatThrownBy(() -> QueryDocument.parse("no json")).isInstanceOf(MalformedDocument.class);
  }

  private void assertNoRowKey(String query) throws SQLException {
    QueryDocument document = lab.document(query);
    assertThat(differential(lab.analyzer().analyze(document, RefreshMode.AUTO, "")).rowKey())
        .isEmpty();
  }

  private void assertRowKey(String query, Integer... columns) throws SQLException {
    QueryDocument document = lab.document(query);
    Differential differential =
        differential(lab.analyzer().analyze(document, RefreshMode.AUTO, ""));
    assertThat(differential.rowKey()).contains(List.of(columns));
  }

  private static List<Integer> joinInputWidths(Plan plan) {
    if (plan instanceof Plan.Join join) {
      return List.of(join.left().schema().size(), join.right().schema().size());
    }
    return plan.inputs().stream().flatMap(input -> joinInputWidths(input).stream()).toList();
  }

  private static Differential differential(Verdict verdict) {
    assertThat(verdict.outcome()).isInstanceOf(Differential.class);
    return verdict.differential().orElseThrow();
  }

  private static Full full(Verdict verdict) {
    assertThat(verdict.outcome()).isInstanceOf(Full.class);
    return (Full) verdict.outcome();
  }
}
