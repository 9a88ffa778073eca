package io.pgtrickle.engine.refresh;

import io.pgtrickle.dvm.state.Snapshot;
import io.pgtrickle.dvm.zset.ZSet;
import io.pgtrickle.engine.intake.Intake;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/// The views that are computed privately until they join the main dataflow.
///
/// Used by the refresh thread only.
public final class Builds {
  private final Intake intake;
  private final List<ViewBuild> builds = new ArrayList<>();

  Builds(Intake intake) {
    this.intake = intake;
  }

  /// Starts a private build at this boundary: from here on it is told what epochs do to its
  /// relations.
  ///
  /// @param reader autocommit off; its snapshot is taken now, when it shows exactly what was
  ///     applied
  /// @param time the engine's time at this boundary
  /// @return the rows of the base tables as of this boundary, to be closed when they are read
  public HeldRows start(ViewBuild build, Connection reader, Instant time) throws SQLException {
    build.beginAt(time);
    try (Statement statement = reader.createStatement()) {
      statement.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ");
      statement.execute("SELECT 1");
    }
    Map<Integer, Snapshot> snapshots = new HashMap<>();
    for (int relation : build.relations()) {
      intake.table(relation).ifPresent(t -> snapshots.put(relation, t.rows().snapshot()));
    }
    builds.add(build);
    return HeldRows.of(snapshots);
  }

  /// Gives a build up.
  public void abandon(ViewBuild build) {
    builds.remove(build);
    build.close();
  }

  /// Brings a build to the frontier; it is told no more.
  void joins(ViewBuild build) {
    builds.remove(build);
    build.catchUp();
  }

  /// Tells every build what an epoch did.
  void retain(Map<Integer, ZSet> deltas) {
    builds.forEach(build -> build.retain(deltas));
  }

  /// What all of them read.
  Set<Integer> relations() {
    Set<Integer> relations = new HashSet<>();
    builds.forEach(build -> relations.addAll(build.relations()));
    return relations;
  }

  /// Gives all of them up.
  void close() {
    List.copyOf(builds).forEach(this::abandon);
  }
}
