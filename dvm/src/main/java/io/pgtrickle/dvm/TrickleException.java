package io.pgtrickle.dvm;

import java.util.List;
import org.jspecify.annotations.Nullable;

/// The root of every error that a person outside this code base must act on, sealed by who that is.
///
/// Each carries an SQLSTATE, and a message that says what was seen, what was expected and what to
/// do.
/// A bug of ours is an `IllegalStateException` or `IllegalArgumentException`, never one of these.
public abstract sealed class TrickleException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final String sqlState;

  private TrickleException(String sqlState, String message, @Nullable Throwable cause) {
    super(message, cause);
    this.sqlState = sqlState;
  }

  /// The five-character SQLSTATE that a client sees.
  public final String sqlState() {
    return sqlState;
  }

  /// The author of a query must act: it cannot be maintained as asked.
  public static final class QueryRejected extends TrickleException {
    private static final long serialVersionUID = 1L;

    /// Why a query was rejected.
    public enum Kind {
      /// Cannot be maintained incrementally by anyone: volatile functions, LIMIT without ORDER BY.
      UNSUPPORTED,
      /// Could be, but not by this version.
      NOT_YET,
      /// PostgreSQL itself would refuse it.
      INVALID
    }

    private final Kind kind;
    private final String reasonCode;
    private final String construct;

    public QueryRejected(
        Kind kind, String sqlState, String reasonCode, String construct, String message) {
      super(sqlState, message, null);
      this.kind = kind;
      this.reasonCode = reasonCode;
      this.construct = construct;
    }

    /// A construct this version cannot maintain incrementally (0A000).
    public static QueryRejected notYet(String reasonCode, String construct) {
      return new QueryRejected(
          Kind.NOT_YET,
          "0A000",
          reasonCode,
          construct,
          construct + " is not maintained incrementally by this version");
    }

    /// A construct that has no incremental meaning (0A000).
    public static QueryRejected unsupported(String reasonCode, String construct, String why) {
      return new QueryRejected(
          Kind.UNSUPPORTED,
          "0A000",
          reasonCode,
          construct,
          construct + " cannot be maintained incrementally: " + why);
    }

    /// A query that is nested too deeply to be followed (54001, as PostgreSQL has it for its own
    /// stack).
    ///
    /// @param seen what was found, as in "the analyzed tree has more than 10 levels"
    public static QueryRejected tooDeep(String seen) {
      return new QueryRejected(
          Kind.NOT_YET,
          "54001",
          "query_too_deep",
          "a query that is nested so deeply",
          "the query is nested too deeply to be maintained incrementally: "
              + seen
              + "; compute parts of it in stream tables of their own");
    }

    public Kind kind() {
      return kind;
    }

    /// A stable machine-readable code, for example `unsupported_function`.
    public String reasonCode() {
      return reasonCode;
    }

    /// The construct of the query, as a user would name it.
    public String construct() {
      return construct;
    }
  }

  /// Nobody must act yet: the server is away, the operation is tried again.
  public static final class SourceUnavailable extends TrickleException {
    private static final long serialVersionUID = 1L;

    public SourceUnavailable(String sqlState, String message, @Nullable Throwable cause) {
      super(sqlState, message, cause);
    }
  }

  /// Nobody must act yet: the server cannot be asked for the value of an expression at present.
  ///
  /// Nothing has changed and nothing is lost; the step that needed it is tried again.
  public static final class AnswersUnavailable extends TrickleException {
    private static final long serialVersionUID = 1L;

    public AnswersUnavailable(String sqlState, String message, @Nullable Throwable cause) {
      super(sqlState, message, cause);
    }
  }

  /// The operator of the process must act: state cannot be written, mostly because the disk is
  /// full.
  ///
  /// Nothing has changed and nothing is lost; what was tried is tried again.
  public static final class StorageUnavailable extends TrickleException {
    private static final long serialVersionUID = 1L;

    public StorageUnavailable(String message, @Nullable Throwable cause) {
      super("53100", message, cause);
    }
  }

  /// The state of a stream table no longer belongs to its source; it must be rebuilt.
  public static final class StateDamaged extends TrickleException {
    private static final long serialVersionUID = 1L;

    public StateDamaged(String message, @Nullable Throwable cause) {
      this("XX001", message, cause);
    }

    /// Where it is no damage that makes the state useless.
    public StateDamaged(String sqlState, String message, @Nullable Throwable cause) {
      super(sqlState, message, cause);
    }
  }

  /// The operator of the process must act; all problems are reported at once.
  public static final class ConfigurationInvalid extends TrickleException {
    private static final long serialVersionUID = 1L;

    // A plain list is not serializable by type; the message carries the same text.
    private final transient List<String> problems;

    public ConfigurationInvalid(List<String> problems) {
      super("22023", String.join(System.lineSeparator(), problems), null);
      this.problems = List.copyOf(problems);
    }

    public List<String> problems() {
      return problems;
    }
  }
}
