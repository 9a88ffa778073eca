package io.pgtrickle.engine.refresh;

import io.pgtrickle.engine.apply.Applier.Failure;
import io.pgtrickle.engine.catalog.Request;
import java.util.Optional;
import java.util.Set;

/// What happens outside the refresh thread because of what it saw. Calls must return at once.
public interface RefreshListener {
  /// A relation changed; among them the definitions table.
  void relationsTouched(Set<Integer> relations);

  /// Somebody asks something that is not about the stream.
  void request(Request request);

  /// A FULL table is to be evaluated; its delta comes back through [RefreshLoop#evaluated].
  void evaluate(LiveTable table);

  /// Somebody wants to see a table that was created without being initialized, or is not live
  /// yet.
  void initialize(long table);

  /// A table has contents that follow its sources, for the first time or again.
  void live(long table);

  /// A table must be initialized again.
  void rebuild(long table, Failure reason);

  /// Whether a stream table is defined, live or not.
  boolean isDefined(long table);

  /// The stream tables that are to be live: defined, not suspended, not left empty on purpose.
  /// Empty while a change of the definitions is not known yet.
  Optional<Set<Long>> expected();

  /// Why a stream table that is not live cannot be initialized, as far as is known.
  Optional<Failure> failure(long table);

  /// Whether stream tables are refreshed at all just now.
  boolean refreshingEnabled();
}
