package io.pgtrickle.engine.http;

import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import org.jspecify.annotations.Nullable;

/// How far the engine is from showing the truth. Asked by several threads at any time.
public interface Readiness {
  /// The state of this moment; cheap, without waiting for anything.
  Report report();

  /// All stream tables at one moment.
  ///
  /// @param started whether the catalog has been read: before that an empty list means nothing
  /// @param capture what keeps the log from being read, for a person; empty while it is read
  record Report(boolean started, Optional<String> capture, List<Table> tables) {
    /// Nothing is known yet.
    public static final Report STARTING = new Report(false, Optional.empty(), List.of());

    public Report {
      tables = List.copyOf(tables);
    }

    /// Whether the catalog has been read and the log is being read, however single tables are.
    public boolean following() {
      return started && capture.isEmpty();
    }

    /// Whether everything that should be live is.
    public boolean ready() {
      return following()
          && tables.stream()
              .allMatch(table -> table.state == State.LIVE || table.state == State.SUSPENDED);
    }

    /// One word for the whole: the worst of the tables.
    String status() {
      if (!started) {
        return "starting";
      }
      if (tables.stream().anyMatch(table -> table.state == State.FAILED)) {
        return "failed";
      }
      if (tables.stream().anyMatch(table -> table.state == State.STALLED)) {
        return "stalled";
      }
      if (capture.isPresent()) {
        return "disconnected";
      }
      return ready() ? "ready" : "rebuilding";
    }
  }

  /// One stream table.
  ///
  /// @param name with its schema
  /// @param progress of a rebuild, between 0 and 1, where it can be told
  /// @param lag how far its contents are behind the source
  /// @param problem why it failed or is held, for a person
  record Table(
      String name, State state, OptionalDouble progress, Duration lag, @Nullable String problem) {}

  /// What a stream table is doing.
  enum State {
    /// Follows its sources.
    LIVE,
    /// Does not follow its sources at the moment; it does again by itself when what stands in the
    /// way is gone, such as a full disk.
    STALLED,
    /// Gets its contents; it becomes live by itself.
    REBUILDING,
    /// Stopped until somebody acts.
    FAILED,
    /// Stopped on purpose; does not count.
    SUSPENDED
  }
}
