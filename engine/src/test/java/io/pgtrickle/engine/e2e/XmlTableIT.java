package io.pgtrickle.engine.e2e;

import java.sql.SQLException;
import java.util.List;
import org.junit.jupiter.api.Test;

/// `XMLTABLE` in FROM.
final class XmlTableIT {
  private static final List<String> SCHEMA =
      List.of(
          "CREATE TABLE docs (id int PRIMARY KEY, j xml, x text)",
          "INSERT INTO docs VALUES (20, '<r xmlns:z=\"http://q\"><z:i n=\"1\">own</z:i></r>', '.')",
          "CREATE TABLE other (k int, label text)",
          "INSERT INTO other VALUES (1, 'a'), (2, 'b'), (2, 'c'), (NULL, 'd')",
          "INSERT INTO docs SELECT i, ('<r><i n=\"' || i || '\">a</i><i n=\"2\"><b>it''s</b></i>"
              + "<i/></r>')::xml, '@n' FROM generate_series(1, 3) i");

  private static final List<String> CHANGES =
      List.of(
          "INSERT INTO docs SELECT (random()*8)::int, (array['<r/>', '<r><i n=\"1\">x</i><i"
              + " n=\"1\">x</i></r>', NULL, '<r xmlns:q=\"http://q\"><q:i n=\"4\">long"
              + " text</q:i><i> </i></r>'])[1 + (random()*3)::int]::xml, (array['@n', '.', 'b'])[1"
              + " + (random()*2)::int] ON CONFLICT (id) DO UPDATE SET (j, x) = ROW(excluded.j,"
              + " excluded.x)",
          "DELETE FROM docs WHERE id = (random()*8)::int",
          "UPDATE docs SET x = '@n' WHERE id = (random()*8)::int",
          "INSERT INTO other VALUES ((random()*4)::int, chr(97 + (random()*4)::int))",
          "DELETE FROM other WHERE k = (random()*4)::int");

  private static final List<Shape> SHAPES =
      List.of(
          new Shape(
              "items",
              "SELECT d.id, t.* FROM docs d, XMLTABLE('/r/i' PASSING d.j COLUMNS o FOR ORDINALITY,"
                  + " n int PATH '@n', v varchar(20) PATH '.', b text DEFAULT 'none') t"),
          new Shape(
              "required",
              "SELECT d.id, t.n, t.p FROM docs d LEFT JOIN XMLTABLE(('/r/i[' || d.id || ']')"
                  + " PASSING BY REF d.j COLUMNS n numeric(5, 1) PATH '@n' DEFAULT d.id + 0.55 NOT"
                  + " NULL, p text PATH d.x) t ON t.n > 1"),
          new Shape(
              "named",
              "SELECT d.id, t.v, x.label FROM docs d CROSS JOIN LATERAL XMLTABLE(XMLNAMESPACES"
                  + " ('http://q' AS \"Q\"), '/r/Q:i' PASSING d.j COLUMNS v text PATH '.', n int"
                  + " PATH '@n') t LEFT JOIN other x ON x.k = t.n"),
          new Shape(
              "collected_in_order",
              "SELECT d.id, string_agg(t.v, ',') AS vs FROM docs d, XMLTABLE('//i' PASSING d.j"
                  + " COLUMNS v text PATH '@n') t GROUP BY d.id"),
          new Shape(
              "defaults_where_needed",
              "SELECT d.id, t.n FROM docs d, XMLTABLE('/r' PASSING d.j COLUMNS n text PATH"
                  + " 'count(i)' DEFAULT 10 / (d.id - d.id)) t"),
          new Shape(
              "grouped",
              "SELECT t.n, count(*) AS c, (SELECT count(*) FROM XMLTABLE('/a/b' PASSING"
                  + " '<a><b/><b/></a>' COLUMNS z text PATH '.') u) AS two FROM docs d,"
                  + " XMLTABLE('//i/@n' PASSING d.j COLUMNS n int PATH '.') t GROUP BY t.n"));

  @Test
  void streamTablesEqualTheirQueriesAfterEveryCycle() throws SQLException, InterruptedException {
    new Cycles(SCHEMA, CHANGES, 5, 20_270_116).check(SHAPES);
  }
}
