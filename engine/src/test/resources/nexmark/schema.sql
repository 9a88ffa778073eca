-- The tables of Nexmark, an online auction. Bids have no key, and every event has its own time.
CREATE SCHEMA nexmark;
SET search_path = nexmark;
CREATE TABLE person (
  id bigint PRIMARY KEY, name varchar, emailaddress varchar, city varchar, state varchar,
  datetime timestamp(3), extra varchar);
CREATE TABLE auction (
  id bigint PRIMARY KEY, itemname varchar, initialbid bigint, reserve bigint, datetime timestamp(3),
  expires timestamp(3), seller bigint, category bigint, extra varchar);
CREATE TABLE bid (
  auction bigint, bidder bigint, price bigint, channel varchar, url varchar, datetime timestamp(3),
  extra varchar);
CREATE TABLE side_input (key bigint PRIMARY KEY, value varchar);
INSERT INTO side_input SELECT k, 'side ' || k FROM generate_series(0, 9) k;

CREATE FUNCTION pick(key bigint, salt int, n int) RETURNS int LANGUAGE sql IMMUTABLE AS
$$ SELECT ((hashint8extended(key, salt) & 9223372036854775807) % n)::int $$;

-- The events number `first` to `last`: of every fifty, one person, three auctions and 46 bids.
CREATE PROCEDURE events(first bigint, last bigint) LANGUAGE sql AS $$
  INSERT INTO nexmark.person
  SELECT n / 50, 'person ' || nexmark.pick(n, 1, 40), 'p' || n || '@example.com',
    (ARRAY['Boise', 'Bend', 'Redding', 'Kent'])[1 + nexmark.pick(n, 2, 4)],
    (ARRAY['ID', 'OR', 'CA', 'WA', 'AZ'])[1 + nexmark.pick(n, 3, 5)],
    timestamp '2024-03-30 22:00' + n * interval '700 ms', NULL
  FROM generate_series(first, last) n WHERE n % 50 = 0 ON CONFLICT DO NOTHING;
  INSERT INTO nexmark.auction
  SELECT n / 50 * 3 + n % 50 - 1, 'item ' || nexmark.pick(n, 4, 30), nexmark.pick(n, 5, 100),
    nexmark.pick(n, 6, 1000), at, at + nexmark.pick(n, 7, 120) * interval '1 s',
    nexmark.pick(n, 8, (n / 50)::int + 1), 10 + nexmark.pick(n, 9, 4), NULL
  FROM generate_series(first, last) n,
    LATERAL (SELECT timestamp '2024-03-30 22:00' + n * interval '700 ms' AS at) t
  WHERE n % 50 IN (1, 2, 3) ON CONFLICT DO NOTHING;
  INSERT INTO nexmark.bid
  SELECT nexmark.pick(n, 10, (n / 50 * 3)::int + 3), nexmark.pick(n, 11, (n / 50)::int + 1),
    nexmark.pick(n, 12, 2000) * 1000,
    (ARRAY['Google', 'Facebook', 'Baidu', 'Apple', 'channel-' || n % 7])[1 + nexmark.pick(n, 13, 5)],
    'https://www.nexmark.com/' || n % 3 || '/' || n % 5 || '/item.htm?channel_id=' || n % 9,
    timestamp '2024-03-30 22:00' + n * interval '700 ms', repeat('c', nexmark.pick(n, 14, 9))
  FROM generate_series(first, last) n WHERE n % 50 > 3;
$$;

-- An auction house that changes its mind: bids are withdrawn and raised, auctions extended and moved,
-- people change their names.
CREATE PROCEDURE revise(cycle int) LANGUAGE sql AS $$
  DELETE FROM nexmark.bid WHERE nexmark.pick(price + auction, 100 + cycle, 60) = 0;
  UPDATE nexmark.bid SET price = price + 500 WHERE nexmark.pick(price + bidder, 200 + cycle, 60) = 0;
  UPDATE nexmark.auction SET expires = expires + interval '30 s', category = 10
    WHERE nexmark.pick(id, 300 + cycle, 20) = 0;
  DELETE FROM nexmark.auction WHERE nexmark.pick(id, 400 + cycle, 40) = 0;
  UPDATE nexmark.person SET state = 'OR', name = 'person ' || cycle
    WHERE nexmark.pick(id, 500 + cycle, 10) = 0;
  DELETE FROM nexmark.person WHERE nexmark.pick(id, 600 + cycle, 30) = 0;
  UPDATE nexmark.side_input SET value = value || '!' WHERE key = cycle % 10;
$$;
