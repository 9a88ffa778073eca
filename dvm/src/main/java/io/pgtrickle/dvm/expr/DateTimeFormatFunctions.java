package io.pgtrickle.dvm.expr;

import io.pgtrickle.dvm.expr.Implementation.Binary;
import io.pgtrickle.dvm.expr.NativeFunction.Binding;
import io.pgtrickle.dvm.expr.NativeFunction.Requirement;
import java.time.ZoneId;

/// `to_char` of times, for constant formats.
final class DateTimeFormatFunctions {
  private DateTimeFormatFunctions() {}

  static void register(Registry registry) {
    registry
        .addBound(
            "to_char(timestamp,text) text",
            "printed by a constant format",
            binding -> {
              DateTimeFormat format = format(binding);
              return (Binary<Long, String, String>)
                  (a, _) -> DateTimes.isFinite(a) ? format.text(a) : null;
            })
        .needsConstant(1, Requirement.CONSTANT_FORMAT, DateTimeFormatFunctions::isKnown);
    registry
        .addBound(
            "to_char(timestamptz,text) text",
            "printed in local time by a constant format",
            binding -> {
              DateTimeFormat format = format(binding);
              ZoneId zone = binding.settings().zone().orElseThrow();
              return (Binary<Long, String, String>)
                  (a, _) ->
                      DateTimes.isFinite(a) ? format.text(a + TimeZones.offset(a, zone)) : null;
            })
        .needs(Requirement.TIME_ZONE)
        .needsConstant(1, Requirement.CONSTANT_FORMAT, DateTimeFormatFunctions::isKnown);
  }

  private static boolean isKnown(String format, Binding binding) {
    return DateTimeFormat.read(format).isPresent();
  }

  private static DateTimeFormat format(Binding binding) {
    return DateTimeFormat.read(binding.constant(1)).orElseThrow();
  }
}
