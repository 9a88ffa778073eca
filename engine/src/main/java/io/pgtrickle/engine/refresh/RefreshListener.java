package io.pgtrickle.engine.refresh;

import io.pgtrickle.engine.apply.Applier.Failure;
import io.pgtrickle.engine.catalog.Request;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/// What happens outside the refresh thread because of what it saw. Calls must return at once.
public interface RefreshListener {
  /// Relations changed; among them the definitions table.
  ///
  /// @param transactions those that did it, which may not be visible yet
  void relationsTouched(Set<Integer> relations, List<Integer> transactions);

  /// Somebody asks about stream tables that may have been defined, altered or dropped a moment ago.
  void definitionsWanted();

  /// Whether all that was defined before the last question, and before the changes that were told,
  /// has been taken over.
  boolean definitionsKnown();

  /// Somebody asks something that is not about the stream.
  void request(Request request);

  /// A FULL table is to be evaluated; its delta comes back through [RefreshLoop#evaluated].
  void evaluate(LiveTable table);

  /// It is time to find out whether a held table can be written; whether it can comes back through
  /// [RefreshLoop#rehearsed]. Closes what it is given.
  void rehearse(Rehearsal rehearsal);

  /// Somebody wants to see a table that was created without being initialized, or is not live
  /// yet.
  void initialize(long table);

  /// A table has contents that follow its sources, for the first time or again.
  void live(long table);

  /// Tables must be initialized again, together.
  void rebuild(Collection<Long> tables);

  /// Whether a stream table is defined, live or not.
  boolean isDefined(long table);

  /// The stream tables that are to be live: defined, not suspended, not still empty on purpose.
  /// Empty while a change of the definitions is not known yet.
  Optional<Set<Long>> expected();

  /// Why a stream table that is not live cannot be initialized, as far as is known.
  Optional<Failure> failure(long table);

  /// After how many failed evaluations in a row a stream table is suspended.
  long mostErrors();

  /// Whether stream tables are refreshed at all just now.
  boolean refreshingEnabled();
}
