-- The eight tables of TPC-H with their primary keys, and functions that fill and change them.
--
-- Every value is a hash of the row's key, so that the same scale gives the same data everywhere:
--
--     CALL tpch.load(0.01);           -- 10,000 × scale suppliers, 1,500,000 × scale orders, …
--     CALL tpch.refresh(1, 0.001);    -- cycle 1: changes a thousandth of every table
--
-- Row counts and value ranges are those of the specification. Its text grammar is not followed; the
-- words the queries look for occur in comments as often as they ask for.
CREATE SCHEMA tpch;
SET search_path = tpch;

CREATE TABLE region (
  r_regionkey int PRIMARY KEY, r_name char(25) NOT NULL, r_comment varchar(152) NOT NULL);
CREATE TABLE nation (
  n_nationkey int PRIMARY KEY, n_name char(25) NOT NULL, n_regionkey int NOT NULL,
  n_comment varchar(152) NOT NULL);
CREATE TABLE part (
  p_partkey int PRIMARY KEY, p_name varchar(55) NOT NULL, p_mfgr char(25) NOT NULL,
  p_brand char(10) NOT NULL, p_type varchar(25) NOT NULL, p_size int NOT NULL,
  p_container char(10) NOT NULL, p_retailprice numeric(15,2) NOT NULL,
  p_comment varchar(23) NOT NULL);
CREATE TABLE supplier (
  s_suppkey int PRIMARY KEY, s_name char(25) NOT NULL, s_address varchar(40) NOT NULL,
  s_nationkey int NOT NULL, s_phone char(15) NOT NULL, s_acctbal numeric(15,2) NOT NULL,
  s_comment varchar(101) NOT NULL);
CREATE TABLE partsupp (
  ps_partkey int NOT NULL, ps_suppkey int NOT NULL, ps_availqty int NOT NULL,
  ps_supplycost numeric(15,2) NOT NULL, ps_comment varchar(199) NOT NULL,
  PRIMARY KEY (ps_partkey, ps_suppkey));
CREATE TABLE customer (
  c_custkey int PRIMARY KEY, c_name varchar(25) NOT NULL, c_address varchar(40) NOT NULL,
  c_nationkey int NOT NULL, c_phone char(15) NOT NULL, c_acctbal numeric(15,2) NOT NULL,
  c_mktsegment char(10) NOT NULL, c_comment varchar(117) NOT NULL);
CREATE TABLE orders (
  o_orderkey bigint PRIMARY KEY, o_custkey int NOT NULL, o_orderstatus char(1) NOT NULL,
  o_totalprice numeric(15,2) NOT NULL, o_orderdate date NOT NULL, o_orderpriority char(15) NOT NULL,
  o_clerk char(15) NOT NULL, o_shippriority int NOT NULL, o_comment varchar(79) NOT NULL);
CREATE TABLE lineitem (
  l_orderkey bigint NOT NULL, l_partkey int NOT NULL, l_suppkey int NOT NULL,
  l_linenumber int NOT NULL, l_quantity numeric(15,2) NOT NULL,
  l_extendedprice numeric(15,2) NOT NULL, l_discount numeric(15,2) NOT NULL,
  l_tax numeric(15,2) NOT NULL, l_returnflag char(1) NOT NULL, l_linestatus char(1) NOT NULL,
  l_shipdate date NOT NULL, l_commitdate date NOT NULL, l_receiptdate date NOT NULL,
  l_shipinstruct char(25) NOT NULL, l_shipmode char(10) NOT NULL, l_comment varchar(44) NOT NULL,
  PRIMARY KEY (l_orderkey, l_linenumber));

-- A number from 0 to n - 1 that depends on a key and on what it is for.
CREATE FUNCTION pick(key bigint, salt int, n int) RETURNS int LANGUAGE sql IMMUTABLE AS
$$ SELECT ((hashint8extended(key, salt) & 9223372036854775807) % n)::int $$;

CREATE FUNCTION pick(key bigint, salt int, words text[]) RETURNS text LANGUAGE sql IMMUTABLE AS
$$ SELECT words[1 + tpch.pick(key, salt, array_length(words, 1))] $$;

CREATE FUNCTION words(key bigint, salt int) RETURNS text LANGUAGE sql IMMUTABLE AS
$$ SELECT tpch.pick(key, salt, '{carefully,quickly,slyly,furiously,blithely,ironic,final,bold}'::text[])
  || ' ' || tpch.pick(key, salt + 1,
    '{packages,requests,accounts,deposits,foxes,ideas,theodolites,pinto beans,special,pending}'::text[])
  || ' ' || tpch.pick(key, salt + 2, '{sleep,wake,nag,haggle,cajole,detect,use,boost,among,are}'::text[])
  || ' ' || tpch.pick(key, salt + 3, '{the,above,along,after,about}'::text[])
  || ' ' || tpch.pick(key, salt + 4, '{instructions,requests,dependencies,excuses,platelets,asymptotes}'::text[]) $$;

CREATE FUNCTION color(key bigint, salt int) RETURNS text LANGUAGE sql IMMUTABLE AS
$$ SELECT tpch.pick(key, salt, '{almond,antique,aquamarine,azure,beige,bisque,black,blanched,blue,
  blush,brown,burlywood,burnished,chartreuse,chiffon,chocolate,coral,cornflower,cornsilk,cream,cyan,
  dark,deep,dim,dodger,drab,firebrick,floral,forest,frosted,gainsboro,ghost,goldenrod,green,grey,
  honeydew,hot,indian,ivory,khaki,lace,lavender,lawn,lemon,light,lime,linen,magenta,maroon,medium,
  metallic,midnight,mint,misty,moccasin,navajo,navy,olive,orange,orchid,pale,papaya,peach,peru,pink,
  plum,powder,puff,purple,red,rose,rosy,royal,saddle,salmon,sandy,seashell,sienna,sky,slate,smoke,
  snow,spring,steel,tan,thistle,tomato,turquoise,violet,wheat,white,yellow}'::text[]) $$;

CREATE FUNCTION phone(nation int, key bigint) RETURNS text LANGUAGE sql IMMUTABLE AS
$$ SELECT (10 + nation) || '-' || (100 + tpch.pick(key, 91, 900)) || '-'
  || (100 + tpch.pick(key, 92, 900)) || '-' || (1000 + tpch.pick(key, 93, 9000)) $$;

-- One of the four suppliers of a part.
CREATE FUNCTION supplier_of(part int, nth int, suppliers int) RETURNS int LANGUAGE sql IMMUTABLE AS
$$ SELECT (part + nth * (suppliers / 4) + (part - 1) / suppliers) % suppliers + 1 $$;

CREATE FUNCTION price_of(part int) RETURNS numeric LANGUAGE sql IMMUTABLE AS
$$ SELECT (90000 + part / 10 % 20001 + 100 * (part % 1000)) / 100.0 $$;

-- Order keys are sparse: eight of every 32.
CREATE FUNCTION order_key(nth bigint) RETURNS bigint LANGUAGE sql IMMUTABLE AS
$$ SELECT nth / 8 * 32 + nth % 8 + 1 $$;

CREATE PROCEDURE add_parts(first int, last int, suppliers int) LANGUAGE sql AS $$
  INSERT INTO tpch.part
  SELECT k, tpch.color(k, 1) || ' ' || tpch.color(k, 2) || ' ' || tpch.color(k, 3) || ' '
      || tpch.color(k, 4) || ' ' || tpch.color(k, 5),
    'Manufacturer#' || 1 + tpch.pick(k, 6, 5),
    'Brand#' || 1 + tpch.pick(k, 6, 5) || 1 + tpch.pick(k, 7, 5),
    tpch.pick(k, 8, '{STANDARD,SMALL,MEDIUM,LARGE,ECONOMY,PROMO}'::text[]) || ' '
      || tpch.pick(k, 9, '{ANODIZED,BURNISHED,PLATED,POLISHED,BRUSHED}'::text[]) || ' '
      || tpch.pick(k, 10, '{TIN,NICKEL,BRASS,STEEL,COPPER}'::text[]),
    1 + tpch.pick(k, 11, 50),
    tpch.pick(k, 12, '{SM,LG,MED,JUMBO,WRAP}'::text[]) || ' '
      || tpch.pick(k, 13, '{CASE,BOX,BAG,JAR,PKG,PACK,CAN,DRUM}'::text[]),
    tpch.price_of(k), left(tpch.words(k, 14), 23)
  FROM generate_series(first, last) k;
  INSERT INTO tpch.partsupp
  SELECT k, tpch.supplier_of(k, i, suppliers), 1 + tpch.pick(k * 4 + i, 20, 9999),
    (100 + tpch.pick(k * 4 + i, 21, 99901)) / 100.0, tpch.words(k * 4 + i, 22)
  FROM generate_series(first, last) k, generate_series(0, 3) i;
$$;

CREATE PROCEDURE add_suppliers(first int, last int) LANGUAGE sql AS $$
  INSERT INTO tpch.supplier
  SELECT k, 'Supplier#' || lpad(k::text, 9, '0'), left(tpch.words(k, 30), 40), tpch.pick(k, 31, 25),
    tpch.phone(tpch.pick(k, 31, 25), k), (tpch.pick(k, 32, 1099999) - 99999) / 100.0,
    CASE tpch.pick(k, 33, 1000) WHEN 0 THEN 'slyly Customer foxes Complaints haggle'
      WHEN 1 THEN 'slyly Customer foxes Recommends haggle' ELSE tpch.words(k, 34) END
  FROM generate_series(first, last) k;
$$;

CREATE PROCEDURE add_customers(first int, last int) LANGUAGE sql AS $$
  INSERT INTO tpch.customer
  SELECT k, 'Customer#' || lpad(k::text, 9, '0'), left(tpch.words(k, 40), 40), tpch.pick(k, 41, 25),
    tpch.phone(tpch.pick(k, 41, 25), k), (tpch.pick(k, 42, 1099999) - 99999) / 100.0,
    tpch.pick(k, 43, '{AUTOMOBILE,BUILDING,FURNITURE,HOUSEHOLD,MACHINERY}'::text[]),
    tpch.words(k, 44)
  FROM generate_series(first, last) k;
$$;

-- Orders number `first` to `last` with their lines. A third of the customers never orders.
CREATE PROCEDURE add_orders(first bigint, last bigint, customers int, parts int, suppliers int)
LANGUAGE sql AS $$
  INSERT INTO tpch.lineitem
  SELECT key, part, tpch.supplier_of(part, tpch.pick(id, 53, 4), suppliers), line, quantity,
    quantity * tpch.price_of(part), tpch.pick(id, 55, 11) / 100.0, tpch.pick(id, 56, 9) / 100.0,
    CASE WHEN received <= date '1995-06-17' THEN tpch.pick(id, 57, '{R,A}'::text[]) ELSE 'N' END,
    CASE WHEN shipped <= date '1995-06-17' THEN 'F' ELSE 'O' END,
    shipped, ordered + 30 + tpch.pick(id, 58, 61), received,
    tpch.pick(id, 59, '{DELIVER IN PERSON,COLLECT COD,NONE,TAKE BACK RETURN}'::text[]),
    tpch.pick(id, 60, '{REG AIR,AIR,RAIL,SHIP,TRUCK,MAIL,FOB}'::text[]), left(tpch.words(id, 61), 44)
  FROM generate_series(first, last) nth
    CROSS JOIN LATERAL (SELECT tpch.order_key(nth) AS key,
      date '1992-01-01' + tpch.pick(nth, 70, 2406) AS ordered) o
    CROSS JOIN LATERAL generate_series(1, 1 + tpch.pick(nth, 71, 7)) line
    CROSS JOIN LATERAL (SELECT key * 8 + line AS id) i
    CROSS JOIN LATERAL (SELECT 1 + tpch.pick(id, 52, parts) AS part, 1 + tpch.pick(id, 54, 50) AS quantity,
      ordered + 1 + tpch.pick(id, 62, 121) AS shipped) l
    CROSS JOIN LATERAL (SELECT shipped + 1 + tpch.pick(id, 63, 30) AS received) r;
  INSERT INTO tpch.orders
  SELECT l_orderkey, 3 * tpch.pick(l_orderkey, 72, customers / 3) + 1 + tpch.pick(l_orderkey, 73, 2),
    CASE WHEN min(l_linestatus) = max(l_linestatus) THEN min(l_linestatus) ELSE 'P' END,
    round(sum(l_extendedprice * (1 + l_tax) * (1 - l_discount)), 2),
    date '1992-01-01' + tpch.pick(nth, 70, 2406),
    tpch.pick(l_orderkey, 74, '{1-URGENT,2-HIGH,3-MEDIUM,4-NOT SPECIFIED,5-LOW}'::text[]),
    'Clerk#' || lpad((1 + tpch.pick(l_orderkey, 75, 1000))::text, 9, '0'), 0, tpch.words(l_orderkey, 76)
  FROM generate_series(first, last) nth JOIN tpch.lineitem ON l_orderkey = tpch.order_key(nth)
  GROUP BY nth, l_orderkey;
$$;

CREATE PROCEDURE load(scale float8) LANGUAGE plpgsql AS $$
DECLARE
  suppliers int := round(10000 * scale);
  customers int := round(150000 * scale);
  parts int := round(200000 * scale);
BEGIN
  INSERT INTO tpch.region
  SELECT i - 1, (ARRAY['AFRICA', 'AMERICA', 'ASIA', 'EUROPE', 'MIDDLE EAST'])[i], tpch.words(i, 80)
  FROM generate_series(1, 5) i;
  INSERT INTO tpch.nation
  SELECT i - 1, (ARRAY['ALGERIA', 'ARGENTINA', 'BRAZIL', 'CANADA', 'EGYPT', 'ETHIOPIA', 'FRANCE',
      'GERMANY', 'INDIA', 'INDONESIA', 'IRAN', 'IRAQ', 'JAPAN', 'JORDAN', 'KENYA', 'MOROCCO',
      'MOZAMBIQUE', 'PERU', 'CHINA', 'ROMANIA', 'SAUDI ARABIA', 'VIETNAM', 'RUSSIA',
      'UNITED KINGDOM', 'UNITED STATES'])[i],
    (ARRAY[0, 1, 1, 1, 4, 0, 3, 3, 2, 2, 4, 4, 2, 4, 0, 0, 0, 1, 2, 3, 4, 2, 3, 3, 1])[i],
    tpch.words(i, 81)
  FROM generate_series(1, 25) i;
  CALL tpch.add_suppliers(1, suppliers);
  CALL tpch.add_parts(1, parts, suppliers);
  CALL tpch.add_customers(1, customers);
  CALL tpch.add_orders(1, round(1500000 * scale)::bigint, customers, parts, suppliers);
END $$;

-- Whether a row takes part in one kind of change of one cycle.
CREATE FUNCTION drawn(key bigint, cycle int, kind int, share float8) RETURNS bool
LANGUAGE sql IMMUTABLE AS
$$ SELECT tpch.pick(key, 1000 + 100 * cycle + kind, 1000000) < share * 1000000 $$;

-- Changes about a share of the rows of every table: a third is inserted, a third updated and a third
-- deleted.
CREATE PROCEDURE refresh(cycle int, share float8) LANGUAGE plpgsql AS $$
DECLARE
  third float8 := share / 3;
  suppliers int := (SELECT max(s_suppkey) FROM tpch.supplier);
  customers int := (SELECT max(c_custkey) FROM tpch.customer);
  parts int := (SELECT max(p_partkey) FROM tpch.part);
  orders bigint := (SELECT max(o_orderkey) FROM tpch.orders) / 32 * 8 + 8;
BEGIN
  DELETE FROM tpch.lineitem WHERE tpch.drawn(l_orderkey, cycle, 1, third);
  DELETE FROM tpch.orders WHERE tpch.drawn(o_orderkey, cycle, 1, third);
  DELETE FROM tpch.partsupp WHERE tpch.drawn(ps_partkey, cycle, 2, third);
  DELETE FROM tpch.part WHERE tpch.drawn(p_partkey, cycle, 2, third);
  DELETE FROM tpch.supplier WHERE tpch.drawn(s_suppkey, cycle, 3, third);
  DELETE FROM tpch.customer WHERE tpch.drawn(c_custkey, cycle, 4, third);
  UPDATE tpch.lineitem SET l_quantity = 1 + tpch.pick(l_orderkey, cycle, 50),
      l_discount = tpch.pick(l_partkey, cycle, 11) / 100.0, l_receiptdate = l_receiptdate + 1
    WHERE tpch.drawn(l_orderkey * 8 + l_linenumber, cycle, 5, third);
  UPDATE tpch.orders SET o_orderpriority = '1-URGENT', o_orderdate = o_orderdate - 1
    WHERE tpch.drawn(o_orderkey, cycle, 6, third);
  UPDATE tpch.part SET p_size = 1 + tpch.pick(p_partkey, cycle, 50), p_type = 'PROMO PLATED BRASS'
    WHERE tpch.drawn(p_partkey, cycle, 7, third);
  UPDATE tpch.partsupp SET ps_availqty = 1 + tpch.pick(ps_partkey, cycle, 9999),
      ps_supplycost = ps_supplycost + 0.01
    WHERE tpch.drawn(ps_partkey * 4 + ps_suppkey % 4, cycle, 8, third);
  UPDATE tpch.supplier SET s_acctbal = s_acctbal - 1, s_nationkey = tpch.pick(s_suppkey, cycle, 25)
    WHERE tpch.drawn(s_suppkey, cycle, 9, third);
  UPDATE tpch.customer SET c_acctbal = c_acctbal + 100, c_mktsegment = 'BUILDING'
    WHERE tpch.drawn(c_custkey, cycle, 10, third);
  UPDATE tpch.nation SET n_comment = tpch.words(n_nationkey, cycle) WHERE n_nationkey = cycle % 25;
  UPDATE tpch.region SET r_comment = tpch.words(r_regionkey, cycle) WHERE r_regionkey = cycle % 5;
  CALL tpch.add_suppliers(suppliers + 1, suppliers + ceil(suppliers * third)::int);
  CALL tpch.add_customers(customers + 1, customers + ceil(customers * third)::int);
  CALL tpch.add_parts(parts + 1, parts + ceil(parts * third)::int, suppliers);
  CALL tpch.add_orders(orders, orders + ceil(orders * third)::bigint, customers, parts, suppliers);
END $$;

-- Moves rows in and out of what the queries look for, which is rare in little data: every second
-- cycle takes back what the one before has done. Nations and regions come, go and change places.
CREATE PROCEDURE stir(cycle int) LANGUAGE plpgsql AS $$
DECLARE
  few float8 := 0.01;
BEGIN
  IF cycle % 2 = 0 THEN
    UPDATE tpch.part SET p_brand = 'Brand#23', p_container = 'MED BOX', p_size = 15,
        p_type = 'ECONOMY ANODIZED STEEL', p_name = 'forest green ' || p_partkey
      WHERE tpch.drawn(p_partkey, cycle, 20, few);
    UPDATE tpch.part SET p_brand = 'Brand#12', p_container = 'SM BOX', p_size = 3,
        p_type = 'LARGE POLISHED BRASS'
      WHERE tpch.drawn(p_partkey, cycle, 21, few);
    UPDATE tpch.supplier SET s_comment = 'the Customer has Complaints'
      WHERE tpch.drawn(s_suppkey, cycle, 22, 2 * few);
    UPDATE tpch.lineitem SET l_quantity = 50 WHERE tpch.drawn(l_orderkey, cycle, 23, few);
    UPDATE tpch.lineitem SET l_shipmode = 'AIR', l_shipinstruct = 'DELIVER IN PERSON', l_quantity = 5
      WHERE tpch.drawn(l_partkey, cycle, 24, 2 * few);
    UPDATE tpch.orders SET o_comment = 'many special, very special requests'
      WHERE tpch.drawn(o_orderkey, cycle, 25, few);
    INSERT INTO tpch.nation VALUES (25, 'ATLANTIS', 3, 'new'), (26, 'GERMANY', 5, 'another');
    INSERT INTO tpch.region VALUES (5, 'EUROPE', 'second');
    UPDATE tpch.supplier SET s_nationkey = 26 - s_suppkey % 2 WHERE s_suppkey % 10 = 0;
    -- Customers without orders, of the countries the last query asks about.
    UPDATE tpch.customer SET c_phone = '13' || substring(c_phone from 3), c_acctbal = 9999
      WHERE tpch.drawn(c_custkey, cycle, 26, few);
  ELSE
    UPDATE tpch.part SET p_container = 'LG PKG', p_size = p_partkey % 50, p_name = 'plain'
      WHERE tpch.drawn(p_partkey, cycle - 1, 20, few);
    UPDATE tpch.supplier SET s_comment = 'content' WHERE s_comment LIKE '%Complaints';
    UPDATE tpch.lineitem SET l_quantity = 7, l_shipmode = 'MAIL'
      WHERE tpch.drawn(l_orderkey, cycle - 1, 23, few);
    UPDATE tpch.orders SET o_comment = 'none' WHERE o_comment LIKE '%special%requests%';
    DELETE FROM tpch.nation WHERE n_nationkey > 24;
    DELETE FROM tpch.region WHERE r_regionkey > 4;
    UPDATE tpch.supplier SET s_nationkey = s_suppkey % 25 WHERE s_nationkey > 24;
    UPDATE tpch.customer SET c_phone = tpch.phone(c_nationkey, c_custkey), c_acctbal = -1
      WHERE c_acctbal = 9999;
    -- Names change places.
    IF cycle % 4 = 1 THEN
      UPDATE tpch.nation SET n_name =
          (ARRAY['FRANCE', 'GERMANY', 'SAUDI ARABIA', 'CANADA'])[1 + (n_nationkey + cycle / 4) % 4]
        WHERE n_nationkey IN (3, 6, 7, 20);
    ELSE
      UPDATE tpch.region SET r_name = CASE r_name WHEN 'ASIA' THEN 'AMERICA' ELSE 'ASIA' END
        WHERE r_name IN ('ASIA', 'AMERICA');
    END IF;
  END IF;
END $$;
