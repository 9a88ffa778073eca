package io.pgtrickle.dvm.server;

import io.pgtrickle.dvm.TrickleException.AnswersUnavailable;
import io.pgtrickle.dvm.zset.Row;
import java.util.List;
import java.util.Optional;

/// Evaluates what the engine cannot.
///
/// Safe for use by several threads.
@FunctionalInterface
public interface Server {
  /// The answers to an inquiry, one for each tuple, in the order of the tuples.
  ///
  /// Who asks has sorted out equal tuples.
  ///
  /// @param arguments rows of [Inquiry#arguments]
  /// @throws AnswersUnavailable when the server cannot be asked at present; who asks forgets what
  ///     it was doing, and does it again later
  /// @throws RuntimeException when the inquiry cannot be answered at all
  List<Answer> ask(Inquiry inquiry, List<Row> arguments);

  /// The answer to one tuple if it is known without asking; empty when it is not, or no more.
  default Optional<Answer> recall(Inquiry inquiry, Row arguments) {
    return Optional.empty();
  }

  /// No server: for dataflows whose plans ask nothing.
  static Server none() {
    return (inquiry, _) -> {
      throw new IllegalStateException("there is no server to ask: " + inquiry.sql());
    };
  }
}
