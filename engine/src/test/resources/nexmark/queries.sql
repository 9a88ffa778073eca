-- Nexmark's queries over tables: windows over event time are groups by a bucket of time. Those over
-- sessions and processing time (q11, q12) have no such form.
-- q0
SELECT auction, bidder, price, datetime, extra FROM bid
-- q1
SELECT auction, bidder, 0.908 * price AS price, datetime, extra FROM bid
-- q2
SELECT auction, price FROM bid WHERE auction % 7 = 0
-- q3
SELECT p.name, p.city, p.state, a.id FROM auction a JOIN person p ON a.seller = p.id
WHERE a.category = 10 AND (p.state = 'OR' OR p.state = 'ID' OR p.state = 'CA')
-- q4
SELECT q.category, avg(q.final) AS average FROM (
  SELECT max(b.price) AS final, a.category FROM auction a, bid b
  WHERE a.id = b.auction AND b.datetime BETWEEN a.datetime AND a.expires
  GROUP BY a.id, a.category) q
GROUP BY q.category
-- q5
SELECT ab.auction, ab.num, ab.bucket FROM (
  SELECT auction, count(*) AS num, date_bin(interval '10 s', datetime, timestamp '2024-01-01') AS bucket
  FROM bid GROUP BY auction, bucket) ab
JOIN (
  SELECT max(num) AS maxn, bucket FROM (
    SELECT count(*) AS num, date_bin(interval '10 s', datetime, timestamp '2024-01-01') AS bucket
    FROM bid GROUP BY auction, bucket) counts
  GROUP BY bucket) mx ON ab.bucket = mx.bucket AND ab.num >= mx.maxn
-- q6
SELECT q.seller, q.id, avg(q.final) OVER (PARTITION BY q.seller ORDER BY q.expires, q.id
  ROWS BETWEEN 10 PRECEDING AND CURRENT ROW) AS average
FROM (
  SELECT max(b.price) AS final, a.seller, a.expires, a.id FROM auction a, bid b
  WHERE a.id = b.auction AND b.datetime BETWEEN a.datetime AND a.expires
  GROUP BY a.id, a.seller, a.expires) q
-- q7
SELECT b.auction, b.price, b.bidder, b.datetime FROM bid b
JOIN (
  SELECT max(price) AS maxprice, date_bin(interval '10 s', datetime, timestamp '2024-01-01') AS bucket
  FROM bid GROUP BY bucket) m
ON b.price = m.maxprice AND b.datetime >= m.bucket AND b.datetime < m.bucket + interval '10 s'
-- q8
SELECT p.id, p.name, p.bucket FROM (
  SELECT id, name, date_trunc('minute', datetime) AS bucket FROM person GROUP BY id, name, bucket) p
JOIN (
  SELECT seller, date_trunc('minute', datetime) AS bucket FROM auction GROUP BY seller, bucket) a
ON p.id = a.seller AND p.bucket = a.bucket
-- q9
SELECT id, itemname, seller, auction, bidder, price, bid_datetime FROM (
  SELECT a.id, a.itemname, a.seller, b.auction, b.bidder, b.price, b.datetime AS bid_datetime,
    row_number() OVER (PARTITION BY a.id ORDER BY b.price DESC, b.datetime ASC, b.bidder) AS rownum
  FROM auction a, bid b
  WHERE a.id = b.auction AND b.datetime BETWEEN a.datetime AND a.expires) t
WHERE rownum <= 1
-- q10
SELECT auction, bidder, price, datetime, extra, datetime::date::text AS day,
  extract(hour FROM datetime) AS hour FROM bid
-- q13
SELECT b.auction, b.bidder, b.price, b.datetime, s.value FROM bid b
JOIN side_input s ON b.auction % 10 = s.key
-- q14
SELECT auction, bidder, 0.908 * price AS price,
  CASE WHEN extract(hour FROM datetime) BETWEEN 8 AND 18 THEN 'dayTime'
    WHEN extract(hour FROM datetime) <= 6 OR extract(hour FROM datetime) >= 20 THEN 'nightTime'
    ELSE 'otherTime' END AS bidtimetype,
  datetime, length(extra) - length(replace(extra, 'c', '')) AS c_counts
FROM bid WHERE 0.908 * price > 1000000 AND 0.908 * price < 50000000
-- q15
SELECT datetime::date AS day, count(*) AS total_bids,
  count(*) FILTER (WHERE price < 10000) AS rank1_bids,
  count(DISTINCT bidder) AS total_bidders,
  count(DISTINCT bidder) FILTER (WHERE price >= 10000 AND price < 1000000) AS rank2_bidders,
  count(DISTINCT auction) FILTER (WHERE price >= 1000000) AS rank3_auctions
FROM bid GROUP BY datetime::date
-- q16
SELECT channel, datetime::date AS day, max(extract(minute FROM datetime)) AS minute,
  count(*) AS total_bids, count(DISTINCT bidder) AS total_bidders,
  count(DISTINCT auction) FILTER (WHERE price >= 1000000) AS rank3_auctions
FROM bid GROUP BY channel, datetime::date
-- q17
SELECT auction, datetime::date AS day, count(*) AS total_bids,
  count(*) FILTER (WHERE price < 10000) AS rank1_bids, min(price) AS min_price,
  max(price) AS max_price, avg(price) AS avg_price, sum(price) AS sum_price
FROM bid GROUP BY auction, datetime::date
-- q18
SELECT DISTINCT ON (bidder, auction) auction, bidder, price, channel, url, datetime, extra
FROM bid ORDER BY bidder, auction, datetime DESC
-- q19
SELECT * FROM (
  SELECT *, row_number() OVER (PARTITION BY auction ORDER BY price DESC, datetime) AS rank_number
  FROM bid) t
WHERE rank_number <= 10
-- q20
SELECT b.auction, b.bidder, b.price, b.channel, b.datetime AS bid_datetime, a.itemname, a.seller,
  a.category FROM bid b JOIN auction a ON b.auction = a.id WHERE a.category = 10
-- q21
SELECT auction, bidder, price, channel, CASE WHEN lower(channel) = 'apple' THEN '0'
    WHEN lower(channel) = 'google' THEN '1' WHEN lower(channel) = 'facebook' THEN '2'
    WHEN lower(channel) = 'baidu' THEN '3' ELSE split_part(url, 'channel_id=', 2) END AS channel_id
FROM bid WHERE split_part(url, 'channel_id=', 2) <> ''
  OR lower(channel) IN ('apple', 'google', 'facebook', 'baidu')
-- q22
SELECT auction, bidder, price, channel, split_part(url, '/', 4) AS dir1,
  split_part(url, '/', 5) AS dir2, split_part(url, '/', 6) AS dir3 FROM bid
