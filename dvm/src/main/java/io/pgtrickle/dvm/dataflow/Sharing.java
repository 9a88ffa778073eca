package io.pgtrickle.dvm.dataflow;

import io.pgtrickle.dvm.TrickleException.StateDamaged;
import io.pgtrickle.dvm.expr.EvaluationSettings;
import io.pgtrickle.dvm.plan.Plan;
import io.pgtrickle.dvm.plan.rewrite.JoinSides;
import io.pgtrickle.dvm.plan.rewrite.JoinSides.Core;
import io.pgtrickle.dvm.plan.rewrite.JoinSides.Wanted;
import io.pgtrickle.dvm.state.Saved;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.NavigableSet;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Function;

/// Lets views that are new have sides of joins in common which differ in their columns only.
///
/// A side that a view needs and a view that is there has already, perhaps with further columns, is
/// taken as it is there. Those that several new views need become one, with the columns of all: it
/// never stores more than they would, and where both sides of a join are shared so is the join.
/// Sides are looked at from below, because what joins have in common shows when their inputs do.
///
/// What is decided is decided for the life of a view: a checkpoint has it, and the views that it
/// was decided for may go.
public final class Sharing {
  // Each decides about the joins above those of the one before.
  private static final int ROUNDS = 32;

  private final List<View> added;
  private final Map<Group, List<List<Integer>>> there = new HashMap<>();
  private final List<Map<Wanted, List<Integer>>> choices = new ArrayList<>();

  private record Group(Core core, EvaluationSettings settings) {}

  /// A side of a new view.
  ///
  /// @param view its position
  /// @param plan what it is by the choices so far
  private record Side(int view, Wanted wanted, Plan plan) {}

  private Sharing(Collection<View> live, List<View> added) {
    this.added = added;
    Set<Integer> relations = new LinkedHashSet<>();
    for (View view : added) {
      view.query().scans().forEach(scan -> relations.add(scan.relation()));
      choices.add(new LinkedHashMap<>());
    }
    for (View view : live) {
      if (view.plan().scans().stream().anyMatch(scan -> relations.contains(scan.relation()))) {
        JoinSides.widen(
            view.plan(), _ -> Optional.empty(), (wanted, plan) -> isThere(view, wanted, plan));
      }
    }
  }

  // Only what would be made again exactly so can be shared.
  private void isThere(View view, Wanted wanted, Plan plan) {
    if (wanted.core().with(wanted.columns()).equals(plan)) {
      there
          .computeIfAbsent(new Group(wanted.core(), view.settings()), _ -> new ArrayList<>())
          .add(wanted.columns());
    }
  }

  /// The new views with the sides that they share with each other and with those that are there.
  ///
  /// @param live what is there; where none of it stays, no harm is done
  public static List<View> among(Collection<View> live, List<View> added) {
    Sharing sharing = new Sharing(live, added);
    int rounds = 0;
    while (rounds < ROUNDS && sharing.decideLowest()) {
      rounds++;
    }
    return sharing.views();
  }

  private List<View> views() {
    List<View> views = new ArrayList<>();
    for (int i = 0; i < added.size(); i++) {
      View view = added.get(i);
      Map<Wanted, List<Integer>> chosen = choices.get(i);
      Map<Wanted, List<Integer>> used = new LinkedHashMap<>();
      JoinSides.widen(
          view.query(),
          wanted -> {
            Optional<List<Integer>> columns = Optional.ofNullable(chosen.get(wanted));
            columns.ifPresent(each -> used.put(wanted, each));
            return columns;
          });
      views.add(used.isEmpty() ? view : view.with(used));
    }
    return views;
  }

  // Whether anything was decided. Below first: it decides about what there is above.
  private boolean decideLowest() {
    Map<Integer, Map<Group, List<Side>>> byHeight = new TreeMap<>();
    for (int i = 0; i < added.size(); i++) {
      int number = i;
      View view = added.get(i);
      JoinSides.widen(
          view.query(),
          wanted -> Optional.ofNullable(choices.get(number).get(wanted)),
          (wanted, plan) -> {
            if (wanted.mayBeWider()) {
              byHeight
                  .computeIfAbsent(height(wanted.core().base()), _ -> new LinkedHashMap<>())
                  .computeIfAbsent(
                      new Group(wanted.core(), view.settings()), _ -> new ArrayList<>())
                  .add(new Side(number, wanted, plan));
            }
          });
    }
    for (Map<Group, List<Side>> groups : byHeight.values()) {
      boolean decided = false;
      for (Map.Entry<Group, List<Side>> group : groups.entrySet()) {
        decided |= decide(group.getKey(), group.getValue());
      }
      if (decided) {
        return true;
      }
    }
    return false;
  }

  private static int height(Plan plan) {
    int below = plan.inputs().stream().mapToInt(Sharing::height).max().orElse(0);
    return plan.inputs().size() > 1 ? below + 1 : below;
  }

  private boolean decide(Group group, List<Side> sides) {
    boolean decided = false;
    List<Side> others = new ArrayList<>();
    for (Side side : sides) {
      Optional<List<Integer>> covering = covering(group, side.wanted);
      if (covering.isPresent()) {
        decided |= choose(side, covering.get());
      } else {
        others.add(side);
      }
    }
    if (others.stream().map(Side::plan).distinct().count() > 1) {
      NavigableSet<Integer> all = new TreeSet<>();
      others.forEach(side -> all.addAll(side.wanted.columns()));
      for (Side side : others) {
        decided |= choose(side, List.copyOf(all));
      }
    }
    return decided;
  }

  // The narrowest that has them all.
  private Optional<List<Integer>> covering(Group group, Wanted wanted) {
    return there.getOrDefault(group, List.of()).stream()
        .filter(columns -> columns.containsAll(wanted.columns()))
        .min(Comparator.comparingInt(List::size));
  }

  private boolean choose(Side side, List<Integer> columns) {
    if (side.plan.equals(side.wanted.core().with(columns))) {
      return false;
    }
    choices.get(side.view).put(side.wanted, columns);
    return true;
  }

  // ---- checkpoints ------------------------------------------------------------------------------

  /// The columns of a view's wider sides, by names that mean the same in every process.
  static Map<String, List<Integer>> names(View view) {
    Map<String, List<Integer>> names = new LinkedHashMap<>();
    view.widths().forEach((wanted, columns) -> names.put(Identity.of(wanted), columns));
    return names;
  }

  /// A view with the sides that it had when a checkpoint was made, as far as there is anything of
  /// it.
  public static View asSaved(Saved saved, View view) {
    Map<String, List<Integer>> names;
    try {
      names =
          saved
              .value(SavedView.name(view.id()))
              .map(bytes -> SavedView.decode(bytes).widths())
              .orElse(Map.of());
    } catch (StateDamaged _) {
      // Which is said when it is to be restored.
      return view;
    }
    if (names.isEmpty()) {
      return view;
    }
    Map<Wanted, List<Integer>> widths = new LinkedHashMap<>();
    Function<Wanted, Optional<List<Integer>>> choice =
        wanted -> {
          Optional<List<Integer>> columns = Optional.ofNullable(names.get(Identity.of(wanted)));
          columns.ifPresent(each -> widths.put(wanted, each));
          return columns;
        };
    JoinSides.widen(view.query(), choice);
    return view.with(widths);
  }
}
