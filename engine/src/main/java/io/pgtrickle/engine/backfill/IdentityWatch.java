package io.pgtrickle.engine.backfill;

import io.pgtrickle.cdc.CaptureException;
import io.pgtrickle.cdc.Oid;
import io.pgtrickle.cdc.TableName;
import io.pgtrickle.cdc.slot.LockPolicy;
import io.pgtrickle.cdc.slot.Publication;
import io.pgtrickle.cdc.slot.Publications;
import io.pgtrickle.cdc.slot.ReplicaIdentities;
import io.pgtrickle.cdc.slot.TableIdentity;
import io.pgtrickle.engine.intake.SourceShape;
import java.sql.Connection;
import java.sql.SQLException;
import java.time.Duration;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Notices DDL after which being published breaks the users' own writes.
///
/// A dropped primary key, `REPLICA IDENTITY NOTHING`, a partition without a key: from then on the
/// server refuses every UPDATE and DELETE of the table, for no other reason than that it is in our
/// publication. So it leaves the publication at once, which takes a lock that no writer holds.
/// Whoever initializes the table again gives it an identity first, which takes a lock that writers
/// do hold and so may take a while.
///
/// A new partition of a table whose other partitions log whole rows begins without an identity. As
/// nobody has written it for long, it is given one at once if its lock is free.
///
/// Used by one thread.
public final class IdentityWatch {
  private static final Logger LOG = LoggerFactory.getLogger(IdentityWatch.class);
  private static final LockPolicy ONCE =
      new LockPolicy(Duration.ofMillis(500), 1, Duration.ofMillis(1));

  private final String publication;
  // Told already.
  private final Set<Integer> refused = new HashSet<>();

  public IdentityWatch(String publication) {
    this.publication = publication;
  }

  /// Takes the tables concerned out of the publication.
  ///
  /// @return what was taken out, by relation, and what was wrong with it
  public Map<Integer, String> unpublishUnusable(Connection session) throws SQLException {
    Optional<Publication> now = Publications.inspect(session, publication);
    Map<Integer, String> taken = new HashMap<>();
    if (now.isEmpty()) {
      return taken;
    }
    for (Map.Entry<Oid, String> found : ReplicaIdentities.unusable(session, now.get()).entrySet()) {
      int relation = found.getKey().value();
      Optional<TableName> table = SourceShape.name(session, relation);
      if (table.isEmpty()) {
        continue;
      }
      try {
        if (isGivenIdentities(session, table.get(), now.get())) {
          continue;
        }
        Publications.remove(session, publication, List.of(table.get()), ONCE);
        taken.put(relation, found.getValue());
        refused.remove(relation);
      } catch (CaptureException.Retry e) {
        LOG.debug("{} is taken out at the next look: {}", table.get(), e.getMessage());
      } catch (CaptureException e) {
        // A right that was taken away, or a table that is gone by now; the others are none the
        // worse.
        if (refused.add(relation)) {
          LOG.warn(
              "users cannot update {} ({}), and it cannot be taken out of the publication: {}",
              table.get(),
              found.getValue(),
              e.getMessage());
        }
      }
    }
    return taken;
  }

  private static boolean isGivenIdentities(Connection session, TableName table, Publication now) {
    List<TableIdentity> identities = ReplicaIdentities.inspect(session, table, now);
    if (identities.stream().noneMatch(leaf -> leaf.kind() instanceof TableIdentity.Full)
        || identities.stream().anyMatch(leaf -> leaf.kind() instanceof TableIdentity.Keyed)) {
      return false;
    }
    try {
      List<TableName> given = ReplicaIdentities.setFullWhereUnusable(session, table, now, ONCE);
      LOG.info("set REPLICA IDENTITY FULL on {}, partitions without a usable one", given);
      return !given.isEmpty();
    } catch (CaptureException notNow) {
      LOG.debug("{} leaves the publication: {}", table, notNow.getMessage());
      return false;
    }
  }
}
