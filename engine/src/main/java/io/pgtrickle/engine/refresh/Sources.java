package io.pgtrickle.engine.refresh;

import io.pgtrickle.cdc.Oid;
import io.pgtrickle.dvm.TrickleException.StateDamaged;
import io.pgtrickle.dvm.dataflow.Dataflow;
import io.pgtrickle.dvm.dataflow.SourceState;
import io.pgtrickle.dvm.dataflow.View;
import io.pgtrickle.dvm.plan.ColumnsRead;
import io.pgtrickle.dvm.plan.Plan;
import io.pgtrickle.engine.analyze.CatalogVersion;
import io.pgtrickle.engine.apply.Applier.Failure;
import io.pgtrickle.engine.intake.Intake;
import io.pgtrickle.engine.intake.RegionRepair;
import io.pgtrickle.engine.intake.SourceShape;
import io.pgtrickle.engine.intake.SourceTable;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Predicate;

/// Base tables that are not what they were, and what becomes of the stream tables that read them.
///
/// Used by the refresh thread only.
public final class Sources {
  private final Intake intake;
  private final Dataflow dataflow;
  private final LiveTables tables;
  private final FullRefreshes full;
  private final Membership members;

  Sources(
      Intake intake, Dataflow dataflow, LiveTables tables, FullRefreshes full, Membership members) {
    this.intake = intake;
    this.dataflow = dataflow;
    this.tables = tables;
    this.full = full;
    this.members = members;
  }

  /// The rows of a base table are not known any more: all that read them are built anew.
  void damaged(int relation, StateDamaged damage) {
    Failure failure = new Failure(damage.sqlState(), String.valueOf(damage.getMessage()), true);
    rebuildReaders(relation, failure, LiveTable::differential);
  }

  private void rebuildReaders(int relation, Failure reason, Predicate<LiveTable> which) {
    Map<Long, Failure> reasons = new LinkedHashMap<>();
    for (LiveTable table : tables.all()) {
      if (which.test(table) && table.sources().contains(relation)) {
        reasons.put(table.id(), reason);
      }
    }
    members.rebuild(reasons);
  }

  /// What is kept of each base table.
  Map<Integer, SourceState> states() {
    Map<Integer, SourceState> states = new HashMap<>();
    for (int relation : intake.relations()) {
      intake.table(relation).ifPresent(table -> states.put(relation, table.state()));
    }
    return states;
  }

  /// Whether a base table is decoded in the shape that a scan of it has, with all of some columns.
  ///
  /// @param columns names
  public boolean isFollowed(Plan.Scan scan, Set<String> columns) {
    return intake.table(scan.relation()).filter(table -> table.isReadBy(scan, columns)).isPresent();
  }

  /// Takes the copy of a base table into the stream, instead of one with fewer columns if there is
  /// one. Where its readers may lack what happened in between they are built anew.
  public void attach(SourceTable copy) {
    if (!intake.attach(copy)) {
      damaged(
          copy.relation(),
          new StateDamaged(
              copy.name() + " was copied with further columns, and may have been altered before",
              null));
      evaluateReaders(copy.relation());
    }
  }

  // FULL tables: nothing in the log tells that they are out of date.
  private void evaluateReaders(int relation) {
    for (LiveTable table : tables.all()) {
      if (!table.differential() && table.sources().contains(relation)) {
        full.request(table.id());
      }
    }
  }

  /// Lets go of a base table that is decoded in another shape than a new scan of it has: columns
  /// were added since it was copied. What reads the old shape is built anew.
  public void requireShape(Plan.Scan scan) {
    intake
        .table(scan.relation())
        .filter(table -> !table.schema().equals(scan.schema()))
        .ifPresent(
            table -> {
              intake.detach(new Oid(scan.relation()));
              damaged(
                  scan.relation(),
                  new StateDamaged(
                      table.name() + " has other columns than when it was copied", null));
            });
  }

  /// The columns of a base table that live stream tables read, by name; also those that they read
  /// because others do.
  public Set<String> columnsRead(int relation) {
    Set<String> columns = new HashSet<>();
    for (View view : dataflow.views()) {
      columns.addAll(ColumnsRead.of(view.plan()).getOrDefault(relation, Set.of()));
    }
    for (LiveTable table : tables.all()) {
      if (table.sources().contains(relation)) {
        table
            .plan()
            .map(ColumnsRead::of)
            .map(read -> read.get(relation))
            .ifPresent(columns::addAll);
      }
    }
    return columns;
  }

  /// What the sources of live tables must still look like.
  public Map<Integer, SourceShape> shapes() {
    Map<Integer, SourceShape> shapes = new HashMap<>();
    for (LiveTable table : tables.all()) {
      if (!table.differential() && table.error().isEmpty()) {
        table.sources().forEach(relation -> shapes.put(relation, SourceShape.ANY));
      }
    }
    intake
        .relations()
        .forEach(
            relation ->
                intake.table(relation).ifPresent(table -> shapes.put(relation, table.shape())));
    return shapes;
  }

  /// What the queries of live tables rest on, as it was when they were analyzed.
  public Set<CatalogVersion> versions() {
    Set<CatalogVersion> versions = new HashSet<>();
    tables.all().forEach(table -> versions.addAll(table.versions()));
    return versions;
  }

  /// Something that queries rest on is not what it was, and so nor is what they return for rows
  /// that are there.
  ///
  /// @param was what it was
  public void replaced(Set<CatalogVersion> was) {
    Map<Long, Failure> reasons = new LinkedHashMap<>();
    for (LiveTable table : tables.all()) {
      table.versions().stream()
          .filter(was::contains)
          .findFirst()
          .ifPresent(
              one ->
                  reasons.put(
                      table.id(),
                      new Failure("55000", one + " was replaced, altered or dropped", true)));
    }
    members.rebuild(reasons);
    // The function may come back as it was, and what was sorted meanwhile was sorted by another.
    for (CatalogVersion one : was) {
      if (one.kind() == CatalogVersion.Kind.FUNCTION) {
        dataflow.forgetLabels(one.oid(), one.version());
      }
    }
  }

  /// A base table that is followed.
  public Optional<SourceTable> table(int relation) {
    return intake.table(relation);
  }

  /// The partitions of a base table are not those that it had: the rows concerned are about to be
  /// read, and what changes is to be told from now on.
  ///
  /// @param table as it was when the repair was thought of
  /// @return the table's rows as of now, readable while they are held; empty if it is not followed
  ///     any more, though one of its name may be
  public Optional<RegionRepair.Start> prepare(SourceTable table, RegionRepair repair) {
    return isFollowed(table) ? Optional.of(RegionRepair.start(table, repair)) : Optional.empty();
  }

  /// A repair cannot be made, so that the table has to be copied again; unless it was meanwhile.
  public void givenUp(SourceTable table, StateDamaged why) {
    if (isFollowed(table)) {
      altered(table.relation(), why);
    }
  }

  private boolean isFollowed(SourceTable table) {
    return intake.table(table.relation()).filter(table::equals).isPresent();
  }

  /// DDL has changed a source in a way the log does not tell: what is arranged of it is of no use
  /// any more.
  public void altered(int relation, StateDamaged how) {
    intake.detach(new Oid(relation));
    damaged(relation, how);
    evaluateReaders(relation);
  }

  /// The log may lack changes of a base table.
  ///
  /// Everything that reads it starts again, FULL tables too: their initialization publishes it
  /// again, after a look at its replica identity.
  public void unpublished(int relation, StateDamaged how) {
    intake.detach(new Oid(relation));
    Failure failure = new Failure(how.sqlState(), String.valueOf(how.getMessage()), true);
    rebuildReaders(relation, failure, _ -> true);
  }
}
