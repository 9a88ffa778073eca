package io.pgtrickle.engine.refresh;

import java.sql.SQLException;

/// Something for the refresh thread to do between two epochs.
@FunctionalInterface
public interface BoundaryTask<T> {
  T run() throws SQLException;
}
