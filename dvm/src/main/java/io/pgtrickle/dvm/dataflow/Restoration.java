package io.pgtrickle.dvm.dataflow;

import io.pgtrickle.dvm.TrickleException.StateDamaged;
import io.pgtrickle.dvm.dataflow.Restored.Refusal;
import io.pgtrickle.dvm.plan.Plan;
import io.pgtrickle.dvm.server.Inquiry;
import io.pgtrickle.dvm.state.Arrangement;
import io.pgtrickle.dvm.state.Saved;
import io.pgtrickle.dvm.state.Storage;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;

/// Finds out which views a checkpoint can bring back, and has the state of those.
///
/// A view comes back if its definition is the one that was saved, all of its state can be read, and
/// every view that it reads comes back too.
final class Restoration {
  private final Saved saved;
  private final Storage storage;
  private final Map<Long, SavedView> entries = new HashMap<>();
  private final Map<Long, Refusal> refused = new TreeMap<>();
  private final Map<String, Arrangement> arrangements = new LinkedHashMap<>();
  private final Map<String, StateDamaged> damaged = new HashMap<>();
  private final Set<Inquiry> unlabeled;

  Restoration(Saved saved, Storage storage, Labels labels, List<View> views) {
    this.saved = saved;
    this.storage = storage;
    Set<Inquiry> inquiries = new HashSet<>();
    views.forEach(view -> inquiries.addAll(Labels.inquiries(view.plan())));
    unlabeled = labels.restore(saved, inquiries);
    for (View view : views) {
      judge(view).ifPresent(refusal -> refused.put(view.id(), refusal));
    }
    refuseReaders(views);
  }

  private Optional<Refusal> judge(View view) {
    try {
      Optional<SavedView> found = saved.value(SavedView.name(view.id())).map(SavedView::decode);
      if (found.isEmpty()) {
        return Optional.of(new Refusal.NotSaved());
      }
      SavedView entry = found.get();
      entries.put(view.id(), entry);
      if (!entry.fingerprint().equals(SavedView.fingerprint(view))) {
        return Optional.of(new Refusal.PlanChanged());
      }
      if (!Collections.disjoint(Labels.inquiries(view.plan()), unlabeled)) {
        return Optional.of(new Refusal.Damaged("labels of its state are missing or damaged"));
      }
      read(SavedView.pending(view.id()));
      for (String node : entry.nodes()) {
        read(SavedView.arrangement(node));
      }
      return Optional.empty();
    } catch (StateDamaged e) {
      return Optional.of(new Refusal.Damaged(String.valueOf(e.getMessage())));
    }
  }

  // Several views may share it: it is read once, and damaged for all.
  private void read(String name) {
    StateDamaged known = damaged.get(name);
    if (known != null) {
      throw known;
    }
    if (!arrangements.containsKey(name)) {
      try {
        arrangements.put(name, saved.arrangement(name, storage));
      } catch (StateDamaged e) {
        damaged.put(name, e);
        throw e;
      }
    }
  }

  private void refuseReaders(List<View> views) {
    Map<Integer, Long> producers = new HashMap<>();
    views.forEach(view -> producers.put(view.relation(), view.id()));
    boolean changed = true;
    while (changed) {
      changed = false;
      for (View view : views) {
        for (Plan.Scan scan : view.plan().scans()) {
          int relation = scan.relation();
          Long producer = producers.get(relation);
          if (producer != null
              && refused.containsKey(producer)
              && !refused.containsKey(view.id())) {
            refused.put(view.id(), new Refusal.Upstream(producer));
            changed = true;
          }
        }
      }
    }
  }

  boolean accepts(View view) {
    return !refused.containsKey(view.id());
  }

  Map<Long, Refusal> refused() {
    return refused;
  }

  /// What was saved of an accepted view.
  SavedView entry(View view) {
    SavedView entry = entries.get(view.id());
    if (entry == null) {
      throw new IllegalStateException("view " + view.id() + " was refused");
    }
    return entry;
  }

  /// The contents of a node; from now on they are the caller's to close.
  Arrangement take(String name) {
    Arrangement arrangement = arrangements.remove(name);
    if (arrangement == null) {
      throw new IllegalStateException("the checkpoint has no state " + name);
    }
    return arrangement;
  }

  /// Gives back what nobody took.
  void close() {
    arrangements.values().forEach(Arrangement::close);
    arrangements.clear();
  }
}
