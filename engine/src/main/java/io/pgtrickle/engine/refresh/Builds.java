package io.pgtrickle.engine.refresh;

import io.pgtrickle.dvm.TrickleException.SourceUnavailable;
import io.pgtrickle.dvm.TrickleException.StorageUnavailable;
import io.pgtrickle.dvm.dataflow.View;
import io.pgtrickle.dvm.plan.ColumnsRead;
import io.pgtrickle.dvm.plan.Plan;
import io.pgtrickle.dvm.zset.ZSet;
import io.pgtrickle.engine.intake.Intake;
import io.pgtrickle.engine.intake.SourceRows;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/// The views that are computed privately until they join the main dataflow.
///
/// Used by the refresh thread only.
public final class Builds {
  private final Intake intake;
  private final LiveTables tables;
  // Per build what its relations were when it began.
  private final Map<Build, Map<Integer, Object>> builds = new LinkedHashMap<>();

  Builds(Intake intake, LiveTables tables) {
    this.intake = intake;
    this.tables = tables;
  }

  /// Starts a private build at this boundary: from here on it is told what epochs do to its
  /// relations. Views are given up of which a base table is not followed, or a stream table is not
  /// written as it is computed: its table lacks what no epoch will tell again.
  ///
  /// @param reader autocommit off; its snapshot is taken now, when it shows exactly what was
  ///     applied
  /// @param where the stream is at this boundary
  /// @return the rows of the base tables as of this boundary, to be closed when they are read
  HeldRows start(Build build, Connection reader, LiveTable.Released where) throws SQLException {
    Map<Integer, Object> origins = new HashMap<>();
    for (int relation : build.relations()) {
      Optional<Object> origin = origin(relation);
      if (origin.isPresent() && (isBaseTable(relation) || tables.settled(relation).isPresent())) {
        origins.put(relation, origin.get());
      } else {
        build.giveUpReaders(relation, unavailable(relation, "is not followed at this moment"));
      }
    }
    giveUpWithoutColumns(build);
    build.beginAt(where);
    try (Statement statement = reader.createStatement()) {
      statement.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ");
      statement.execute("SELECT 1");
    }
    Map<Integer, SourceRows> rows = new HashMap<>();
    for (int relation : build.relations()) {
      intake.table(relation).ifPresent(table -> rows.put(relation, table.rows()));
    }
    builds.put(build, origins);
    return HeldRows.of(rows);
  }

  // Rows have NULL in columns that are not kept.
  private void giveUpWithoutColumns(Build build) {
    for (View view : build.views()) {
      Map<Integer, Set<String>> read = ColumnsRead.of(view.plan());
      for (Plan.Scan scan : view.plan().scans()) {
        int relation = scan.relation();
        boolean lacks =
            intake
                .table(relation)
                .filter(table -> !table.isReadBy(scan, read.getOrDefault(relation, Set.of())))
                .isPresent();
        if (lacks) {
          build.giveUp(view.id(), unavailable(relation, "is not followed with all its columns"));
        }
      }
    }
  }

  private Optional<Object> origin(int relation) {
    return intake.table(relation).<Object>map(table -> table).or(() -> tables.ofRelation(relation));
  }

  /// Gives a build up.
  public void abandon(Build build) {
    builds.remove(build);
    build.close();
  }

  private boolean isBaseTable(int relation) {
    return intake.table(relation).isPresent();
  }

  /// Brings a build to the frontier; it is told no more.
  void joins(Build build) {
    Map<Integer, Object> origins = builds.remove(build);
    if (origins != null) {
      lose(build, origins);
    }
    build.catchUp();
    build.giveUpUnusable();
  }

  /// Tells every build what an epoch did.
  ///
  /// @param end where the stream is after it
  void retain(Map<Integer, ZSet> deltas, LiveTable.Released end) {
    builds.forEach(
        (build, origins) -> {
          lose(build, origins);
          build.retain(deltas, end);
        });
  }

  /// The stream waits for room: what builds keep of it is given up first.
  void yieldTo(StorageUnavailable problem) {
    builds.keySet().forEach(build -> build.yieldTo(problem));
  }

  // What was let go meanwhile, and perhaps read anew: of that a build is not told everything.
  private void lose(Build build, Map<Integer, Object> origins) {
    origins
        .entrySet()
        .removeIf(
            each -> {
              int relation = each.getKey();
              boolean lost = !origin(relation).equals(Optional.of(each.getValue()));
              if (lost) {
                build.lose(relation, unavailable(relation, "was read anew meanwhile"));
              }
              return lost;
            });
  }

  private static SourceUnavailable unavailable(int relation, String why) {
    return new SourceUnavailable(
        "55000", "relation " + Integer.toUnsignedString(relation) + " " + why, null);
  }

  /// What all of them read.
  Set<Integer> relations() {
    Set<Integer> relations = new HashSet<>();
    builds.keySet().forEach(build -> relations.addAll(build.relations()));
    return relations;
  }

  /// Gives all of them up.
  void close() {
    List.copyOf(builds.keySet()).forEach(this::abandon);
  }
}
