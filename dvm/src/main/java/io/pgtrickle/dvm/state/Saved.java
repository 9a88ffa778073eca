package io.pgtrickle.dvm.state;

import io.pgtrickle.dvm.TrickleException.StateDamaged;
import io.pgtrickle.dvm.kernel.Run;
import io.pgtrickle.dvm.kernel.RunFile.Copy;
import io.pgtrickle.dvm.type.Bytes;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// A checkpoint as it was found on disk.
public final class Saved {
  private final Manifest manifest;
  private final StateDirectory directory;

  Saved(Manifest manifest, StateDirectory directory) {
    this.manifest = manifest;
    this.directory = directory;
  }

  /// Which log it was made from.
  public Origin origin() {
    return manifest.origin();
  }

  /// How far that log had been taken in, in the host's own form.
  public Bytes frontier() {
    return manifest.frontier();
  }

  public Optional<Bytes> value(String name) {
    return Optional.ofNullable(manifest.values().get(name));
  }

  /// Whether an arrangement was saved under a name.
  public boolean has(String name) {
    return manifest.runs().containsKey(name);
  }

  /// An arrangement with the contents that were saved under a name. Small runs are read and checked
  /// now, blocks of large ones when they are first used.
  ///
  /// @throws StateDamaged when nothing was saved so, or a file is missing or damaged
  public Arrangement arrangement(String name, Storage storage) {
    List<Copy> copies = manifest.runs().get(name);
    if (copies == null) {
      throw new StateDamaged("the checkpoint has no arrangement " + name, null);
    }
    List<Run> runs = new ArrayList<>();
    boolean complete = false;
    try {
      for (Copy copy : copies) {
        runs.add(directory.read(copy, storage));
      }
      complete = true;
      return new Arrangement(storage, runs);
    } finally {
      if (!complete) {
        runs.forEach(Run::letGo);
      }
    }
  }
}
