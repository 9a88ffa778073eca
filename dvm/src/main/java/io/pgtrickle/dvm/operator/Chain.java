package io.pgtrickle.dvm.operator;

import io.pgtrickle.dvm.type.EvaluationFailure;
import io.pgtrickle.dvm.zset.Row;
import java.util.List;

/// Stateless stages one after the other, without a Z-set in between.
///
///     Δ((g ∘ f) A) = g(f(ΔA))
public final class Chain implements Stage {
  private final Link first;

  public Chain(List<Stage> stages) {
    Link link = new Link((row, weight, out) -> out.add(row, weight), null);
    for (Stage stage : stages.reversed()) {
      link = new Link(stage, link);
    }
    first = link;
  }

  @Override
  public void apply(Row row, long weight, Output out) {
    first.begin(out);
    first.add(row, weight);
  }

  // One stage, with the next one as its output.
  private static final class Link implements Output {
    private static final Output NOWHERE =
        new Output() {
          @Override
          public void add(Row row, long weight) {
            throw new IllegalStateException("a chain was used before it began");
          }

          @Override
          public void fail(EvaluationFailure failure, long weight) {
            throw new IllegalStateException("a chain was used before it began");
          }
        };

    private final Stage stage;
    private final @org.jspecify.annotations.Nullable Link next;
    private Output end = NOWHERE;

    Link(Stage stage, @org.jspecify.annotations.Nullable Link next) {
      this.stage = stage;
      this.next = next;
    }

    void begin(Output out) {
      end = out;
      if (next != null) {
        next.begin(out);
      }
    }

    @Override
    public void add(Row row, long weight) {
      stage.apply(row, weight, next == null ? end : next);
    }

    @Override
    public void fail(EvaluationFailure failure, long weight) {
      end.fail(failure, weight);
    }
  }
}
