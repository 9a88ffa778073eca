package io.pgtrickle.engine.analyze;

import io.pgtrickle.dvm.TrickleException.QueryRejected;
import io.pgtrickle.dvm.expr.CaseMapping;
import io.pgtrickle.dvm.expr.EvaluationSettings;
import io.pgtrickle.dvm.plan.ColumnsRead;
import io.pgtrickle.dvm.plan.Plan;
import io.pgtrickle.dvm.plan.RowKeys;
import io.pgtrickle.dvm.plan.rewrite.ComputedColumns;
import io.pgtrickle.dvm.plan.rewrite.Rewrites;
import io.pgtrickle.dvm.sql.Binder;
import io.pgtrickle.dvm.sql.Binder.BoundQuery;
import io.pgtrickle.dvm.sql.Facts;
import io.pgtrickle.dvm.sql.Facts.NamedCollation;
import io.pgtrickle.dvm.sql.GeneratedColumns;
import io.pgtrickle.dvm.sql.RelationShape;
import io.pgtrickle.dvm.sql.SecondReader;
import io.pgtrickle.engine.analyze.Verdict.Differential;
import io.pgtrickle.engine.analyze.Verdict.Full;
import io.pgtrickle.engine.catalog.RefreshMode;
import java.time.ZoneId;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.function.BooleanSupplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Judges queries from their documents alone.
///
/// In order: the analyzed tree is bound to a plan, the second reader's outline of the canonical
/// text
/// is compared with that of the tree, the plan's columns with those of the result, every expression
/// must be native or one that the server can be asked for, and then the plan is rewritten and its
/// row key derived. The first objection
/// makes
/// the verdict FULL.
///
/// Safe for use by several threads.
public final class Analyzer {
  private static final Logger LOG = LoggerFactory.getLogger(Analyzer.class);

  private final ServerCatalog server;
  private final BooleanSupplier forcesFull;

  public Analyzer(ServerCatalog server) {
    this(server, () -> false);
  }

  /// @param forcesFull whether every query is to be evaluated as a whole just now
  public Analyzer(ServerCatalog server, BooleanSupplier forcesFull) {
    this.server = server;
    this.forcesFull = forcesFull;
  }

  /// A proven verdict as it holds just now.
  public Verdict inForce(Verdict verdict) {
    return verdict.differential().isPresent() && forcesFull.getAsBoolean()
        ? verdict.butFull(Verdict.FORCED, "setting force_full_refresh is on")
        : verdict;
  }

  /// The verdict on a query.
  ///
  /// AUTO and DIFFERENTIAL are judged alike: whoever asked for DIFFERENTIAL and gets FULL has to be
  /// refused by the caller, with the reason.
  ///
  /// @param owner the role as which the server evaluates what is not native
  public Verdict analyze(QueryDocument document, RefreshMode mode, String owner) {
    EvaluationSettings captured = document.evaluationSettings();
    SortedSet<Integer> sources = sources(document);
    if (mode == RefreshMode.FULL) {
      Full asked = new Full("requested", "refresh mode FULL was asked for", "", 0);
      return new Verdict(asked, sources, captured, List.of());
    }
    Facts facts = facts(document);
    try {
      BoundQuery query = Binder.bind(document.tree(), facts);
      List<String> notices = new ArrayList<>(query.notices());
      requireSameOutline(document, facts);
      requireSameColumns(query.plan(), document);
      GeneratedColumns generated = new GeneratedColumns(facts);
      Plan told = query.plan();
      if (generated.areIn(told)) {
        // What is read of them shows in a plan that runs.
        Map<Integer, Set<String>> read =
            ColumnsRead.of(rewritten(told, document, owner, captured, facts));
        told = ComputedColumns.rewrite(told, scan -> generated.expressions(scan, read));
      }
      EvaluationSettings settings = withLetterCases(told, document, captured);
      Plan plan = rewritten(told, document, owner, settings, facts);
      Differential outcome = new Differential(query.plan(), plan, RowKeys.shortest(plan));
      return new Verdict(outcome, sources, settings, notices);
    } catch (QueryRejected rejected) {
      return new Verdict(full(document, rejected), sources, captured, List.of());
    } catch (StackOverflowError overflow) {
      // What a tree of a bounded depth becomes should not be that deep; if it is, this one query
      // is to blame.
      LOG.warn("A query overflows the stack of {}", Thread.currentThread().getName(), overflow);
      Full outcome = full(document, QueryRejected.tooDeep("the stack does not hold it"));
      return new Verdict(outcome, sources, captured, List.of());
    }
  }

  private Plan rewritten(
      Plan told, QueryDocument document, String owner, EvaluationSettings settings, Facts facts) {
    ServerExpressions tiers =
        new ServerExpressions(settings, facts, server, document.context(owner));
    ExpressionTiers.requirePlaceable(told, tiers);
    requireSameZoneRules(told, settings);
    return Rewrites.apply(
        told,
        tiers,
        new ServerOrderings(settings, facts, server, document.context(owner)),
        settings);
  }

  private static Full full(QueryDocument document, QueryRejected rejected) {
    return new Full(
        rejected.reasonCode(),
        String.valueOf(rejected.getMessage()),
        rejected.construct(),
        SecondReader.position(document.query(), rejected.construct()));
  }

  private EvaluationSettings withLetterCases(
      Plan plan, QueryDocument document, EvaluationSettings captured) {
    EvaluationSettings settings = captured;
    for (int collation : ExpressionTiers.casedCollations(plan)) {
      NamedCollation named = document.collations().get(collation);
      if (named != null && captured.utf8() && named.properties().wantsLetterCase()) {
        Optional<CaseMapping> table = server.letterCase(named.name());
        if (table.isPresent()) {
          settings = settings.with(collation, named.properties().with(table.get()));
        }
      }
    }
    return settings;
  }

  private void requireSameZoneRules(Plan plan, EvaluationSettings settings) {
    for (String zone : ExpressionTiers.zones(plan, settings)) {
      // Where the JVM does not know the zone, nothing that depends on it is native.
      if (ZoneId.getAvailableZoneIds().contains(zone)) {
        server
            .zoneDifference(ZoneId.of(zone))
            .ifPresent(
                difference -> {
                  throw new QueryRejected(
                      QueryRejected.Kind.NOT_YET,
                      "0A000",
                      "time_zone_rules_differ",
                      zone,
                      "the time zone databases of server and sidecar differ: " + difference);
                });
      }
    }
  }

  /// The facts that a verdict on a document rests on.
  public Facts facts(QueryDocument document) {
    return new DocumentFacts(document, server);
  }

  /// Whether the rows of a query may change although nothing that can be captured does. Evaluated
  /// as a whole, it counts as changed whenever it is due.
  public boolean readsUncaptured(QueryDocument document) {
    return UncapturedInputs.existIn(document, facts(document), server);
  }

  private static SortedSet<Integer> sources(QueryDocument document) {
    SortedSet<Integer> sources = new TreeSet<>();
    for (RelationShape relation : document.relations().values()) {
      if (relation.view().isEmpty()) {
        sources.add(relation.oid());
      }
    }
    return sources;
  }

  /// JSqlParser is not a PostgreSQL parser: where it cannot read the text it has no objection.
  private static void requireSameOutline(QueryDocument document, Facts facts) {
    try {
      Optional<String> difference =
          SecondReader.difference(document.canonical(), document.tree(), facts);
      if (difference.isPresent()) {
        throw QueryRejected.notYet(
            "query_not_understood", "a query read in two ways: " + difference.get());
      }
    } catch (SecondReader.Unreadable unreadable) {
      LOG.info("The second reader has no opinion on a query: {}", unreadable.getMessage());
    }
  }

  private static void requireSameColumns(Plan plan, QueryDocument document) {
    boolean same = plan.schema().size() == document.columns().size();
    for (int i = 0; same && i < plan.schema().size(); i++) {
      same =
          plan.schema().column(i).type().oid() == document.columns().get(i).type().oid()
              && plan.schema().column(i).name().equals(document.columns().get(i).name());
    }
    if (!same) {
      throw QueryRejected.notYet(
          "query_not_understood", "a result with the columns of " + document.canonical());
    }
  }
}
