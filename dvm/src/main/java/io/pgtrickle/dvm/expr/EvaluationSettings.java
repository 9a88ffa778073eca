package io.pgtrickle.dvm.expr;

import java.time.ZoneId;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/// What the value of an expression depends on besides its row: facts of the server and settings of
/// the
/// session that defined the view.
///
/// @param serverVersion the major version of the server, 14 to 18
/// @param timeZone the captured `TimeZone`
/// @param isoDates whether the captured `DateStyle` prints ISO dates
/// @param dateOrder in which order the captured `DateStyle` reads the numbers of a date
/// @param postgresIntervals whether the captured `IntervalStyle` is `postgres`
/// @param exactFloats whether the captured `extra_float_digits` prints floats with as many digits
/// as
///     tell them from all others, and not with fewer
/// @param hexBytes whether the captured `bytea_output` is `hex`
/// @param utf8 whether the database's encoding is UTF8
/// @param collations by OID; the database's own stands under 100
public record EvaluationSettings(
    int serverVersion,
    String timeZone,
    boolean isoDates,
    DateOrder dateOrder,
    boolean postgresIntervals,
    boolean exactFloats,
    boolean hexBytes,
    boolean utf8,
    Map<Integer, Collation> collations) {
  private static final int NEWEST_VERSION = 18;
  private static final int DEFAULT_OID = 100;
  private static final int C_OID = 950;
  private static final int POSIX_OID = 951;

  public EvaluationSettings {
    collations = Map.copyOf(collations);
  }

  /// Settings of a UTF8 database of the newest version with one default collation, and otherwise
  /// the server's own: DateStyle `ISO, MDY`, exact floats.
  public static EvaluationSettings of(String timeZone, Collation defaultCollation) {
    return of(NEWEST_VERSION, timeZone, defaultCollation);
  }

  /// Settings of a UTF8 database with one default collation, and otherwise the server's own.
  public static EvaluationSettings of(
      int serverVersion, String timeZone, Collation defaultCollation) {
    return new EvaluationSettings(
        serverVersion,
        timeZone,
        true,
        DateOrder.MDY,
        true,
        true,
        true,
        true,
        Map.of(DEFAULT_OID, defaultCollation));
  }

  /// The rules of the captured time zone; empty when the JVM does not know it by that exact name.
  ///
  /// PostgreSQL also takes POSIX rules and offsets, which mean something else in Java.
  public Optional<ZoneId> zone() {
    return TimeZones.zone(timeZone);
  }

  /// The same settings with other facts of one collation.
  public EvaluationSettings with(int oid, Collation collation) {
    Map<Integer, Collation> changed = new HashMap<>(collations);
    changed.put(oid, collation);
    return new EvaluationSettings(
        serverVersion,
        timeZone,
        isoDates,
        dateOrder,
        postgresIntervals,
        exactFloats,
        hexBytes,
        utf8,
        changed);
  }

  /// The same settings with another order of dates.
  public EvaluationSettings with(DateOrder order) {
    return new EvaluationSettings(
        serverVersion,
        timeZone,
        isoDates,
        order,
        postgresIntervals,
        exactFloats,
        hexBytes,
        utf8,
        collations);
  }

  /// The facts of a collation, [Collation#UNKNOWN] when none were given.
  public Collation collation(int oid) {
    return switch (oid) {
      case C_OID, POSIX_OID -> Collation.C;
      default -> collations.getOrDefault(oid, Collation.UNKNOWN);
    };
  }
}
