CREATE TABLE cust (id int PRIMARY KEY, name text COLLATE "C", region text COLLATE "C", parent int, joined date, attrs jsonb);
CREATE TABLE ord (id int PRIMARY KEY, cust_id int, amount numeric(10,2), status text COLLATE "C", placed timestamp, tags text[]);
CREATE TABLE item (ord_id int, line int, sku text COLLATE "C", qty int, price numeric(8,2), PRIMARY KEY (ord_id, line));
CREATE TABLE ev (at timestamp, kind text COLLATE "C", cust_id int, val float8);
