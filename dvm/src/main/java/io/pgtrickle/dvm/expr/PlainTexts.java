package io.pgtrickle.dvm.expr;

import io.pgtrickle.dvm.type.EvaluationFailure;
import io.pgtrickle.dvm.type.SqlType;
import java.util.Optional;
import java.util.function.Function;

/// Reads texts as dates, times and intervals where their form leaves no doubt about what the
/// server reads.
///
/// The server's input functions take very many forms, some of which depend on files of the server
/// (abbreviations of time zones) or on the clock. A text is *plain* if its form is one of a closed
/// list for which value, SQLSTATE and message are ours as well; of every other text nothing is
/// known here, and the server is asked:
///
///     read(text) = the server's answer, or nothing
public final class PlainTexts {
  private final Function<Object, String> output;
  private final Function<String, Optional<Object>> reader;

  private PlainTexts(Function<Object, String> output, Function<String, Optional<Object>> reader) {
    this.output = output;
    this.reader = reader;
  }

  /// The reader of a cast; empty where no text is plain.
  public static Optional<PlainTexts> of(SqlType from, SqlType to, EvaluationSettings settings) {
    if (!from.kind().isText()) {
      return Optional.empty();
    }
    Optional<Function<String, Optional<Object>>> reader =
        switch (to.kind()) {
          case DATE, TIMESTAMP, TIMESTAMPTZ ->
              Optional.of(new PlainDateTimes(to.kind(), settings)::read);
          // Another style reads signs otherwise.
          case INTERVAL ->
              settings.postgresIntervals() ? Optional.of(PlainIntervals::read) : Optional.empty();
          case BOOL,
              INT2,
              INT4,
              INT8,
              NUMERIC,
              FLOAT4,
              FLOAT8,
              TEXT,
              VARCHAR,
              BPCHAR,
              UUID,
              BYTEA,
              OPAQUE,
              LABELED ->
              Optional.empty();
        };
    return reader.map(read -> new PlainTexts(TextOutputFunctions.output(from, settings), read));
  }

  /// Whether a node is a cast that is evaluated here for plain texts.
  public static boolean reads(Expr node, EvaluationSettings settings) {
    return node instanceof Expr.TextCast(Expr text, SqlType type)
        && of(text.type(), type, settings).isPresent();
  }

  /// The value; empty when the text is not plain.
  ///
  /// @param text a value of the type that is cast, not NULL
  /// @throws EvaluationFailure where the server would raise an error
  public Optional<Object> read(Object text) {
    return reader.apply(output.apply(text));
  }
}
