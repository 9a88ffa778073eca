package io.pgtrickle.engine.refresh;

import io.pgtrickle.dvm.TrickleException.SourceUnavailable;
import io.pgtrickle.dvm.state.Snapshot;
import io.pgtrickle.dvm.zset.ZSet;
import io.pgtrickle.engine.intake.Intake;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Instant;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/// The views that are computed privately until they join the main dataflow.
///
/// Used by the refresh thread only.
public final class Builds {
  private final Intake intake;
  private final LiveTables tables;
  // Per build what its relations were when it began.
  private final Map<ViewBuild, Map<Integer, Object>> builds = new LinkedHashMap<>();

  Builds(Intake intake, LiveTables tables) {
    this.intake = intake;
    this.tables = tables;
  }

  /// Starts a private build at this boundary: from here on it is told what epochs do to its
  /// relations.
  ///
  /// @param reader autocommit off; its snapshot is taken now, when it shows exactly what was
  ///     applied
  /// @param time the engine's time at this boundary
  /// @return the rows of the base tables as of this boundary, to be closed when they are read
  /// @throws SourceUnavailable when the log is not followed for one of them
  public HeldRows start(ViewBuild build, Connection reader, Instant time) throws SQLException {
    Map<Integer, Object> origins = new HashMap<>();
    for (int relation : build.relations()) {
      origins.put(relation, origin(relation));
    }
    build.beginAt(time);
    try (Statement statement = reader.createStatement()) {
      statement.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ");
      statement.execute("SELECT 1");
    }
    Map<Integer, Snapshot> snapshots = new HashMap<>();
    for (int relation : build.relations()) {
      intake.table(relation).ifPresent(t -> snapshots.put(relation, t.rows().snapshot()));
    }
    builds.put(build, origins);
    return HeldRows.of(snapshots);
  }

  private Object origin(int relation) {
    return intake
        .table(relation)
        .<Object>map(table -> table)
        .or(() -> tables.ofRelation(relation))
        .orElseThrow(
            () ->
                new SourceUnavailable(
                    "55000",
                    "relation "
                        + Integer.toUnsignedString(relation)
                        + " is being read anew at this moment",
                    null));
  }

  /// Gives a build up.
  public void abandon(ViewBuild build) {
    builds.remove(build);
    build.close();
  }

  /// Brings a build to the frontier; it is told no more.
  ///
  /// @throws SourceUnavailable when something that it reads was let go meanwhile, so that it was
  /// not
  ///     told everything
  void joins(ViewBuild build) {
    Map<Integer, Object> origins = builds.getOrDefault(build, Map.of());
    origins.forEach(
        (relation, origin) -> {
          if (!origin(relation).equals(origin)) {
            throw new SourceUnavailable(
                "55000",
                "relation "
                    + Integer.toUnsignedString(relation)
                    + " was read anew while "
                    + build.view().name()
                    + " was built over it",
                null);
          }
        });
    builds.remove(build);
    build.catchUp();
  }

  /// Tells every build what an epoch did.
  void retain(Map<Integer, ZSet> deltas) {
    builds.keySet().forEach(build -> build.retain(deltas));
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
