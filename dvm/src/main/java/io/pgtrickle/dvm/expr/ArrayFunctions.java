package io.pgtrickle.dvm.expr;

import io.pgtrickle.dvm.expr.Implementation.Binary;
import io.pgtrickle.dvm.expr.Implementation.Variadic;
import io.pgtrickle.dvm.expr.NativeFunction.Binding;
import io.pgtrickle.dvm.expr.NativeFunction.Requirement;
import io.pgtrickle.dvm.type.ArrayElements;
import io.pgtrickle.dvm.type.ArrayValue;
import io.pgtrickle.dvm.type.Bytes;
import io.pgtrickle.dvm.type.EvaluationFailure;
import io.pgtrickle.dvm.type.SqlType;
import io.pgtrickle.dvm.type.TypeCodec;
import io.pgtrickle.dvm.type.TypeOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Function;
import java.util.function.IntPredicate;
import org.jspecify.annotations.Nullable;

/// How large arrays are, of whatever type, and what is done with arrays of native types.
///
/// Elements are compared as values of their type. Arrays are compared element by element, NULL
/// being above all values and equal to itself, then by how many elements they have, by their
/// dimensions, and by where these begin. Containment and overlap know no places, and no NULL is
/// in anything.
final class ArrayFunctions {
  private ArrayFunctions() {}

  static void register(Registry registry) {
    registry
        .add("cardinality(anyarray) int4", "number of elements", ArrayElements::count)
        .neverFails();
    registry
        .add(
            "array_length(anyarray,int4) int4",
            "number of elements in a dimension",
            ArrayFunctions::length)
        .neverFails();
    registry
        .add(
            "array_lower(anyarray,int4) int4",
            "where a dimension begins",
            (Bytes array, Long dimension) -> ArrayElements.lowerBound(array, dimension))
        .neverFails();
    registry
        .add(
            "array_upper(anyarray,int4) int4",
            "where a dimension ends",
            (Bytes array, Long dimension) -> {
              Long lower = ArrayElements.lowerBound(array, dimension);
              return lower == null ? null : lower + ArrayElements.length(array, dimension) - 1;
            })
        .neverFails();
    registry
        .add(
            "array_ndims(anyarray) int4",
            "number of dimensions",
            (Bytes array) -> {
              int dimensions = ArrayElements.dimensions(array);
              return dimensions == 0 ? null : (Long) (long) dimensions;
            })
        .neverFails();
    comparisons(registry);
    changes(registry);
    searches(registry);
    texts(registry);
  }

  private static @Nullable Long length(Bytes array, Long dimension) {
    int length = ArrayElements.length(array, dimension);
    return length < 0 ? null : (Long) (long) length;
  }

  private static void comparisons(Registry registry) {
    equality(registry, "array_eq", "equal", Boolean::booleanValue);
    equality(registry, "array_ne", "not equal", equal -> !equal);
    order(registry, "array_lt", "less than", sign -> sign < 0);
    order(registry, "array_le", "less than or equal", sign -> sign <= 0);
    order(registry, "array_gt", "greater than", sign -> sign > 0);
    order(registry, "array_ge", "greater than or equal", sign -> sign >= 0);
    containment(
        registry, "arraycontains", "every element of the other is in it", Elements::contains);
    containment(
        registry,
        "arraycontained",
        "every element is in the other",
        (elements, part, whole) -> elements.contains(whole, part));
    containment(registry, "arrayoverlap", "they have an element in common", Elements::overlap);
  }

  private static void equality(
      Registry registry, String name, String doc, Function<Boolean, Boolean> answer) {
    registry
        .addBound(
            name + "(anyarray,anyarray) bool",
            doc,
            binding -> {
              Elements elements = Elements.of(binding);
              return (Binary<Bytes, Bytes, Boolean>)
                  (l, r) ->
                      answer.apply(
                          l.equals(r) || elements.equal(elements.read(l), elements.read(r)));
            })
        .needs(Requirement.NATIVE_ELEMENTS, Requirement.EQUAL_ELEMENTS);
  }

  private static void order(Registry registry, String name, String doc, IntPredicate answer) {
    registry
        .addBound(
            name + "(anyarray,anyarray) bool",
            doc,
            binding -> {
              Elements elements = Elements.of(binding);
              return (Binary<Bytes, Bytes, Boolean>)
                  (l, r) -> answer.test(elements.compare(elements.read(l), elements.read(r)));
            })
        .needs(Requirement.NATIVE_ELEMENTS, Requirement.ORDERED_ELEMENTS);
  }

  /// A question about the elements of two arrays.
  @FunctionalInterface
  private interface Question {
    boolean ask(Elements elements, List<@Nullable Object> left, List<@Nullable Object> right);
  }

  private static void containment(Registry registry, String name, String doc, Question question) {
    registry
        .addBound(
            name + "(anyarray,anyarray) bool",
            doc,
            binding -> {
              Elements elements = Elements.of(binding);
              return (Binary<Bytes, Bytes, Boolean>)
                  (l, r) -> question.ask(elements, elements.list(l), elements.list(r));
            })
        .needs(Requirement.NATIVE_ELEMENTS, Requirement.EQUAL_ELEMENTS);
  }

  private static void changes(Registry registry) {
    registry
        .addVariadic(
            "array_append(anycompatiblearray,anycompatible) anycompatiblearray",
            "with one more element at the end",
            binding -> {
              Elements elements = Elements.of(binding);
              return arguments -> {
                ArrayValue array = elements.oneDimensional(arguments[0]);
                List<@Nullable Object> all = new ArrayList<>(array.elements());
                all.add(arguments[1]);
                int lower = lowerBound(array);
                requireInteger((long) lower + array.elements().size());
                requireRoom(lower, all.size());
                return elements.write(ArrayValue.of(lower, all));
              };
            })
        .needs(Requirement.NATIVE_ELEMENTS);
    registry
        .addVariadic(
            "array_prepend(anycompatible,anycompatiblearray) anycompatiblearray",
            "with one more element in front",
            binding -> {
              Elements elements = Elements.of(binding);
              return arguments -> {
                ArrayValue array = elements.oneDimensional(arguments[1]);
                List<@Nullable Object> all = new ArrayList<>();
                all.add(arguments[0]);
                all.addAll(array.elements());
                int lower = lowerBound(array);
                requireInteger(array.dimensions() == 0 ? 1 : lower - 1L);
                return elements.write(ArrayValue.of(lower, all));
              };
            })
        .needs(Requirement.NATIVE_ELEMENTS);
    registry
        .addVariadic(
            "array_cat(anycompatiblearray,anycompatiblearray) anycompatiblearray",
            "concatenation",
            ArrayFunctions::concatenation)
        .needs(Requirement.NATIVE_ELEMENTS);
    registry
        .addVariadic(
            "array_remove(anycompatiblearray,anycompatible) anycompatiblearray",
            "without the elements that are equal to a value",
            ArrayFunctions::removal)
        .needs(Requirement.NATIVE_ELEMENTS, Requirement.EQUAL_ELEMENTS);
  }

  private static int lowerBound(ArrayValue array) {
    return array.dimensions() == 0 ? 1 : array.lowerBounds().getFirst();
  }

  private static void requireInteger(long place) {
    if (place != (int) place) {
      throw new EvaluationFailure("22003", "integer out of range");
    }
  }

  private static void requireRoom(int lowerBound, int length) {
    if ((long) lowerBound + length > Integer.MAX_VALUE) {
      throw new EvaluationFailure("54000", "array lower bound is too large: " + lowerBound);
    }
  }

  private static Variadic<Bytes> concatenation(Binding binding) {
    Elements elements = Elements.of(binding);
    return arguments -> {
      if (arguments[0] == null || arguments[1] == null) {
        return (Bytes) (arguments[0] == null ? arguments[1] : arguments[0]);
      }
      ArrayValue left = elements.read((Bytes) arguments[0]);
      ArrayValue right = elements.read((Bytes) arguments[1]);
      if (left.dimensions() == 0 || right.dimensions() == 0) {
        return (Bytes) (right.dimensions() == 0 ? arguments[0] : arguments[1]);
      }
      return elements.write(concatenated(left, right));
    };
  }

  /// Of arrays of as many dimensions, or of one and what may be its element.
  private static ArrayValue concatenated(ArrayValue left, ArrayValue right) {
    int more = left.dimensions() - right.dimensions();
    ArrayValue outer = more >= 0 ? left : right;
    List<Integer> lengths = new ArrayList<>(outer.lengths());
    List<Integer> lowerBounds = outer.lowerBounds();
    boolean fits =
        switch (more) {
          case 0 ->
              rest(left.lengths()).equals(rest(right.lengths()))
                  && rest(left.lowerBounds()).equals(rest(right.lowerBounds()));
          case 1 ->
              rest(left.lengths()).equals(right.lengths())
                  && rest(left.lowerBounds()).equals(right.lowerBounds());
          case -1 ->
              rest(right.lengths()).equals(left.lengths())
                  && rest(right.lowerBounds()).equals(left.lowerBounds());
          default -> false;
        };
    if (!fits) {
      throw new EvaluationFailure("2202E", "cannot concatenate incompatible arrays");
    }
    lengths.set(0, lengths.getFirst() + (more == 0 ? right.lengths().getFirst() : 1));
    requireRoom(lowerBounds.getFirst(), lengths.getFirst());
    List<@Nullable Object> all = new ArrayList<>(left.elements());
    all.addAll(right.elements());
    return new ArrayValue(lengths, lowerBounds, all);
  }

  private static List<Integer> rest(List<Integer> dimensions) {
    return dimensions.subList(1, dimensions.size());
  }

  private static Variadic<Bytes> removal(Binding binding) {
    Elements elements = Elements.of(binding);
    return arguments -> {
      if (!(arguments[0] instanceof Bytes array)) {
        return null;
      }
      ArrayValue value = elements.read(array);
      if (value.dimensions() > 1) {
        throw new EvaluationFailure(
            "0A000", "removing elements from multidimensional arrays is not supported");
      }
      List<@Nullable Object> rest = new ArrayList<>();
      for (Object element : value.elements()) {
        if (!elements.equal(element, arguments[1])) {
          rest.add(element);
        }
      }
      return rest.size() == value.elements().size()
          ? array
          : elements.write(ArrayValue.of(lowerBound(value), rest));
    };
  }

  private static void searches(Registry registry) {
    for (String from : List.of("", ",int4")) {
      registry
          .addVariadic(
              "array_position(anycompatiblearray,anycompatible%s) int4".formatted(from),
              from.isEmpty()
                  ? "the place of the first element that is equal to a value"
                  : "the place of the first element from a place on that is equal to a value",
              ArrayFunctions::position)
          .needs(Requirement.NATIVE_ELEMENTS, Requirement.EQUAL_ELEMENTS);
    }
  }

  private static Variadic<Long> position(Binding binding) {
    Elements elements = Elements.of(binding);
    return arguments -> {
      if (!(arguments[0] instanceof Bytes array)) {
        return null;
      }
      ArrayValue value = elements.read(array);
      if (value.dimensions() > 1) {
        throw new EvaluationFailure(
            "0A000", "searching for elements in multidimensional arrays is not supported");
      }
      // Nothing else is looked at where nothing can be found.
      if (value.elements().isEmpty()
          || (arguments[1] == null && !value.elements().contains(null))) {
        return null;
      }
      long from = Long.MIN_VALUE;
      if (arguments.length == 3) {
        if (!(arguments[2] instanceof Long given)) {
          throw new EvaluationFailure("22004", "initial position must not be null");
        }
        from = given;
      }
      long place = lowerBound(value);
      for (Object element : value.elements()) {
        if (place >= from && elements.equal(element, arguments[1])) {
          return place;
        }
        place++;
      }
      return null;
    };
  }

  private static void texts(Registry registry) {
    registry
        .addBound(
            "array_to_string(anyarray,text) text",
            "the elements printed with a separator",
            binding -> {
              Elements elements = Elements.of(binding);
              Function<Object, String> output = output(binding, elements);
              return (Binary<Bytes, String, String>)
                  (array, separator) -> printed(elements.list(array), output, separator, null);
            })
        .needs(Requirement.NATIVE_ELEMENTS, Requirement.PRINTED_ELEMENTS);
    registry
        .addVariadic(
            "array_to_string(anyarray,text,text) text",
            "the elements printed with a separator, and a text for NULL",
            binding -> {
              Elements elements = Elements.of(binding);
              Function<Object, String> output = output(binding, elements);
              return arguments ->
                  arguments[0] instanceof Bytes array && arguments[1] instanceof String separator
                      ? printed(elements.list(array), output, separator, (String) arguments[2])
                      : null;
            })
        .needs(Requirement.NATIVE_ELEMENTS, Requirement.PRINTED_ELEMENTS);
  }

  private static Function<Object, String> output(Binding binding, Elements elements) {
    return TextOutputFunctions.output(elements.type, binding.settings());
  }

  private static String printed(
      List<@Nullable Object> elements,
      Function<Object, String> output,
      String separator,
      @Nullable String nulls) {
    StringBuilder text = new StringBuilder();
    boolean first = true;
    for (Object element : elements) {
      String printed = element == null ? nulls : output.apply(element);
      if (printed != null) {
        text.append(first ? "" : separator).append(printed);
        first = false;
      }
    }
    return text.toString();
  }

  /// What is done with the elements of one type.
  private record Elements(SqlType type, TypeCodec codec) {
    static Elements of(Binding binding) {
      SqlType type = binding.element().orElseThrow();
      return new Elements(type, TypeCodec.of(type));
    }

    ArrayValue read(Bytes array) {
      return ArrayValue.read(array, codec);
    }

    List<@Nullable Object> list(Bytes array) {
      return ArrayElements.of(array, codec);
    }

    Bytes write(ArrayValue array) {
      return array.toBytes(type);
    }

    ArrayValue oneDimensional(@Nullable Object array) {
      ArrayValue value = array == null ? ArrayValue.EMPTY : read((Bytes) array);
      if (value.dimensions() > 1) {
        throw new EvaluationFailure("22000", "argument must be empty or one-dimensional array");
      }
      return value;
    }

    boolean equal(@Nullable Object left, @Nullable Object right) {
      if (left == null || right == null) {
        return left == null && right == null;
      }
      return codec.equalMeansIdentical()
          ? left.equals(right)
          : TypeOrder.compare(type, left, right) == 0;
    }

    boolean equal(ArrayValue left, ArrayValue right) {
      if (!left.lengths().equals(right.lengths())
          || !left.lowerBounds().equals(right.lowerBounds())) {
        return false;
      }
      for (int i = 0; i < left.elements().size(); i++) {
        if (!equal(left.elements().get(i), right.elements().get(i))) {
          return false;
        }
      }
      return true;
    }

    int compare(ArrayValue left, ArrayValue right) {
      int common = Math.min(left.elements().size(), right.elements().size());
      for (int i = 0; i < common; i++) {
        int sign = compare(left.elements().get(i), right.elements().get(i));
        if (sign != 0) {
          return sign;
        }
      }
      int bySize = Integer.compare(left.elements().size(), right.elements().size());
      if (bySize != 0) {
        return bySize;
      }
      int byDimensions = Integer.compare(left.dimensions(), right.dimensions());
      if (byDimensions != 0) {
        return byDimensions;
      }
      int byLengths = compare(left.lengths(), right.lengths());
      return byLengths != 0 ? byLengths : compare(left.lowerBounds(), right.lowerBounds());
    }

    private int compare(@Nullable Object left, @Nullable Object right) {
      if (left == null || right == null) {
        return Boolean.compare(left == null, right == null);
      }
      return TypeOrder.compare(type, left, right);
    }

    private static int compare(List<Integer> left, List<Integer> right) {
      return Arrays.compare(left.toArray(new Integer[0]), right.toArray(new Integer[0]));
    }

    boolean contains(List<@Nullable Object> whole, List<@Nullable Object> part) {
      return part.stream().allMatch(each -> each != null && isIn(each, whole));
    }

    boolean overlap(List<@Nullable Object> left, List<@Nullable Object> right) {
      return left.stream().anyMatch(each -> each != null && isIn(each, right));
    }

    private boolean isIn(Object value, List<@Nullable Object> elements) {
      for (Object element : elements) {
        if (element != null && equal(value, element)) {
          return true;
        }
      }
      return false;
    }
  }
}
