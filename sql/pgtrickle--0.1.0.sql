-- pgtrickle 0.1.0: the SQL side of the sidecar. Plain SQL and PL/pgSQL, PostgreSQL 14 to 18.
--
-- Installed in one transaction, either by CREATE EXTENSION pgtrickle or by `pgtrickle install`.
-- The role that installs it owns it and *is the sidecar's role* (pgtrickle_internal.sidecar_role()).
--
-- Who writes what:
--   users     pgt_definitions and the subscriptions, each only rows of their own stream tables (row
--             policies below), through the functions of schema pgtrickle, in their own transactions;
--   sidecar   everything else. It learns of definitions from the WAL, where pgt_definitions is
--             published, so that they take effect in commit order and a rollback undoes them.
-- Keeping the two apart is why no call of a user ever waits for the sidecar's locks or the reverse,
-- and why the sidecar's own writes never come back to it as changes.
--
-- Contents: 1 schemas · 2 settings · 3 catalog tables · 4 row policies · 5 names, schedules, modes
--           6 talking to the sidecar · 7 the guard of storage tables · 8 describing a query
--           9 life cycle · 10 waiting calls · 11 subscriptions · 12 inspection · 13 privileges

-- What follows means the server's own operators and functions, whatever others have put into schemas
-- on the path of the role that installs this.
SET LOCAL search_path = pg_catalog, pg_temp;

-- ---------------------------------------------------------------------------------------------
-- 1 Schemas
-- ---------------------------------------------------------------------------------------------

CREATE SCHEMA pgtrickle;
COMMENT ON SCHEMA pgtrickle IS 'Stream tables: functions and catalog of pgtrickle';
CREATE SCHEMA pgtrickle_internal;
COMMENT ON SCHEMA pgtrickle_internal IS 'Internals of pgtrickle; owned by the sidecar''s role';

CREATE FUNCTION pgtrickle.version() RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT '0.1.0'::text $$;
COMMENT ON FUNCTION pgtrickle.version() IS 'Version of the installed SQL objects';

-- The sidecar connects as the owner of this installation. Nothing else records it, so that
-- REASSIGN OWNED and dump and restore cannot leave a stale copy.
CREATE FUNCTION pgtrickle_internal.sidecar_role() RETURNS name
LANGUAGE sql STABLE AS $$
  SELECT pg_catalog.pg_get_userbyid(n.nspowner)
  FROM pg_catalog.pg_namespace n WHERE n.nspname = 'pgtrickle_internal'
$$;

-- ---------------------------------------------------------------------------------------------
-- 2 Settings
-- ---------------------------------------------------------------------------------------------

-- The registry. The same list stands in the sidecar (engine.catalog.Setting); a test compares them.
CREATE TABLE pgtrickle_internal.pgt_setting_definitions (
  name          text PRIMARY KEY,
  type          text NOT NULL CHECK (type IN ('bool', 'int', 'duration')),
  default_value text NOT NULL,
  unit          text,
  minimum       bigint,
  maximum       bigint,
  description   text NOT NULL
);

INSERT INTO pgtrickle_internal.pgt_setting_definitions VALUES
  ('enabled', 'bool', 'on', NULL, NULL, NULL,
   'Whether stream tables are refreshed. While off, capture goes on and nothing is lost.'),
  ('cdc_paused', 'bool', 'off', NULL, NULL, NULL,
   'Whether reading the WAL is paused. Lossless: the slot retains what was not read.'),
  ('force_full_refresh', 'bool', 'off', NULL, NULL, NULL,
   'Whether every refresh evaluates the whole query, whatever its refresh mode.'),
  ('notify_coalesce_ms', 'int', '250', 'ms', 0, 60000,
   'Notifications of one stream table within this time are summed; 0 notifies every refresh.'),
  ('call_timeout', 'duration', '60000', 'ms', 1, 86400000,
   'How long calls without a timeout argument wait for the sidecar.'),
  ('analyze_timeout', 'duration', '5000', 'ms', 1, 600000,
   'How long create_stream_table waits for the sidecar''s verdict on the query.'),
  ('sla_window_hours', 'int', '24', 'h', 1, 8760,
   'Window over which latency and error figures are summarised.'),
  ('history_prune_interval_seconds', 'int', '60', 's', 1, 86400,
   'How often old rows of the refresh history are removed, in batches of at most 10,000.'),
  ('history_retention_days', 'int', '90', 'd', 0, 36500,
   'How long the refresh history is kept; 0 keeps it for ever.'),
  ('slot_lag_warning_threshold_mb', 'int', '100', 'MB', 1, 1048576,
   'WAL retained by the replication slot above which health_check() warns.'),
  ('slot_lag_critical_threshold_mb', 'int', '1024', 'MB', 1, 1048576,
   'WAL retained by the replication slot above which health_check() reports an error.'),
  ('txn_memory', 'int', '64', 'MB', 1, 1048576,
   'Memory that a transaction may occupy while it is read; more of it goes to disk. Takes effect when the sidecar starts over.'),
  ('max_slot_lag', 'int', '0', 'MB', 0, 1073741824,
   'WAL retained by the replication slot above which the slot is given up to save the disk and every stream table is initialized again; 0 never gives up.'),
  ('max_consecutive_errors', 'int', '3', NULL, 1, 1000,
   'Failed refreshes in a row after which a stream table is suspended.'),
  ('fuse_default_ceiling', 'int', '0', 'rows', 0, 9223372036854775807,
   'Changed rows in one refresh above which a stream table with a fuse stops; 0 is no limit.'),
  ('shadow_refresh_throttle_ms', 'int', '0', 'ms', 0, 60000,
   'Pause between the batches of a shadow build.'),
  ('state_memory', 'int', '0', 'MB', 0, 1048576,
   'Memory for operator state, beyond which it is in files; 0 is a quarter of the machine. Read when the sidecar starts.'),
  ('checkpoint_interval', 'duration', '30000', 'ms', 100, 3600000,
   'How often operator state is saved; until then the slot retains the WAL.'),
  ('checkpoint_wal', 'int', '64', 'MB', 1, 1048576,
   'WAL after which operator state is saved before the interval has passed.');

CREATE TABLE pgtrickle_internal.pgt_settings (
  name   text PRIMARY KEY REFERENCES pgtrickle_internal.pgt_setting_definitions (name),
  value  text NOT NULL,
  set_at timestamptz NOT NULL DEFAULT now(),
  set_by name NOT NULL DEFAULT current_user
);

-- The one form in which a value is stored and compared: on/off, a whole number, milliseconds.
CREATE FUNCTION pgtrickle_internal.normalize_setting(p_name text, p_value text) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  d      record;
  number numeric;
BEGIN
  SELECT s.type, s.minimum, s.maximum, s.unit INTO d
  FROM pgtrickle_internal.settings_registry() s WHERE s.name = p_name;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'unrecognized setting "%"', p_name
      USING ERRCODE = '22023', HINT = 'SELECT name FROM pgtrickle.settings lists them.';
  END IF;
  BEGIN
    IF d.type = 'bool' THEN
      RETURN CASE WHEN p_value::boolean THEN 'on' ELSE 'off' END;
    ELSIF d.type = 'int' THEN
      number := p_value::bigint;
    ELSIF p_value ~ '^\s*\d+\s*$' THEN
      number := p_value::bigint;
    ELSE
      number := round(extract(epoch FROM p_value::interval) * 1000);
    END IF;
  EXCEPTION WHEN data_exception THEN
    RAISE EXCEPTION 'invalid value for setting "%": "%"', p_name, p_value
      USING ERRCODE = '22023', HINT = CASE d.type
        WHEN 'bool' THEN 'Valid values are on and off.'
        WHEN 'int' THEN 'A whole number is expected.'
        ELSE 'A whole number of milliseconds or an interval such as 5s is expected.' END;
  END;
  IF number < d.minimum OR number > d.maximum THEN
    RAISE EXCEPTION '% is outside the valid range for setting "%" (% .. %)',
      p_value, p_name, d.minimum, d.maximum USING ERRCODE = '22023';
  END IF;
  RETURN number::bigint::text;
END
$$;

CREATE FUNCTION pgtrickle_internal.settings_registry()
RETURNS SETOF pgtrickle_internal.pgt_setting_definitions
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT d.* FROM pgtrickle_internal.pgt_setting_definitions d
$$;

CREATE FUNCTION pgtrickle_internal.stored_setting(p_name text) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT s.value FROM pgtrickle_internal.pgt_settings s WHERE s.name = p_name
$$;

-- What a custom parameter pg_trickle.NAME says in this session, NULL where unset.
CREATE FUNCTION pgtrickle_internal.overridden_setting(p_name text) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT nullif(pg_catalog.current_setting('pg_trickle.' || p_name, true), '')
$$;

-- The value in force: the session's custom parameter, else the table, else the default. A custom
-- parameter that does not parse is ignored here and reported by health_check().
CREATE FUNCTION pgtrickle_internal.setting(p_name text) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  override text := pgtrickle_internal.overridden_setting(p_name);
BEGIN
  IF override IS NOT NULL THEN
    BEGIN
      RETURN pgtrickle_internal.normalize_setting(p_name, override);
    EXCEPTION WHEN invalid_parameter_value THEN
      NULL;
    END;
  END IF;
  RETURN coalesce(
    pgtrickle_internal.stored_setting(p_name),
    (SELECT d.default_value FROM pgtrickle_internal.settings_registry() d WHERE d.name = p_name));
END
$$;

-- The values as the sidecar takes them. Its sessions live long, so ALTER ROLE and ALTER DATABASE are
-- read from where they are stored and not from what they were when the session began.
CREATE FUNCTION pgtrickle_internal.settings_in_force() RETURNS TABLE (name text, value text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
  s record;
BEGIN
  FOR s IN
    SELECT d.name, pgtrickle_internal.setting(d.name) AS value, (
             SELECT split_part(c, '=', 2)
             FROM pg_db_role_setting r, unnest(r.setconfig) c
             WHERE lower(split_part(c, '=', 1)) = 'pg_trickle.' || d.name
               AND r.setdatabase IN (0, (SELECT b.oid FROM pg_database b
                                         WHERE b.datname = current_database()))
               AND r.setrole IN (0, (SELECT o.oid FROM pg_roles o WHERE o.rolname = current_user))
             -- A role's setting for this database comes before its other ones, those of the
             -- database last.
             ORDER BY r.setrole <> 0 DESC, r.setdatabase <> 0 DESC LIMIT 1) AS stored
    FROM pgtrickle_internal.settings_registry() d
  LOOP
    BEGIN
      RETURN QUERY SELECT s.name, CASE WHEN s.stored IS NULL THEN s.value
                          ELSE pgtrickle_internal.normalize_setting(s.name, s.stored) END;
    EXCEPTION WHEN invalid_parameter_value THEN
      RETURN QUERY SELECT s.name, s.value;
    END;
  END LOOP;
END
$$;

CREATE FUNCTION pgtrickle_internal.timeout_setting(p_name text) RETURNS interval
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT pgtrickle_internal.setting(p_name)::bigint * interval '1 millisecond'
$$;

CREATE FUNCTION pgtrickle.set_config(name text, value text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  -- 0.35 spelled settings with the prefix of its parameters; both are understood.
  plain text := regexp_replace(set_config.name, '^pg_trickle\.', '');
BEGIN
  IF set_config.value IS NULL THEN
    PERFORM pgtrickle_internal.normalize_setting(plain, d.default_value)
    FROM pgtrickle_internal.settings_registry() d WHERE d.name = plain;
    IF NOT FOUND THEN
      PERFORM pgtrickle_internal.normalize_setting(plain, NULL);
    END IF;
    DELETE FROM pgtrickle_internal.pgt_settings s WHERE s.name = plain;
  ELSE
    IF plain IN ('sla_window_hours', 'fuse_default_ceiling', 'shadow_refresh_throttle_ms') THEN
      RAISE WARNING 'setting "%" is stored, but this version does not use it', plain;
    END IF;
    INSERT INTO pgtrickle_internal.pgt_settings AS s (name, value)
    VALUES (plain, pgtrickle_internal.normalize_setting(plain, set_config.value))
    ON CONFLICT ON CONSTRAINT pgt_settings_pkey DO UPDATE
      SET value = excluded.value, set_at = now(), set_by = current_user;
  END IF;
END
$$;
COMMENT ON FUNCTION pgtrickle.set_config(text, text) IS
  'Sets a setting for the database (NULL: back to its default); only the sidecar''s role may';

CREATE VIEW pgtrickle.settings AS
  SELECT d.name,
         pgtrickle_internal.setting(d.name) AS value,
         d.default_value AS "default",
         d.unit,
         CASE d.type WHEN 'bool' THEN 'on, off'
              ELSE d.minimum || ' .. ' || d.maximum END AS range,
         d.description
  FROM pgtrickle_internal.settings_registry() d
  ORDER BY d.name;

-- ---------------------------------------------------------------------------------------------
-- 3 Catalog tables
-- ---------------------------------------------------------------------------------------------

-- What users ask for. Keyed by schema and name, because OIDs do not survive dump and restore;
-- relid and owner are a cache of what pg_class says, kept by a trigger and never taken from input.
CREATE TABLE pgtrickle.pgt_definitions (
  pgt_id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  schema_name  text NOT NULL,
  table_name   text NOT NULL,
  relid        oid NOT NULL,
  owner        text NOT NULL,
  query        text NOT NULL,
  analysis     jsonb NOT NULL,
  schedule     text NOT NULL,
  refresh_mode text NOT NULL CHECK (refresh_mode IN ('AUTO', 'DIFFERENTIAL', 'FULL')),
  status       text NOT NULL DEFAULT 'ACTIVE' CHECK (status IN ('ACTIVE', 'PAUSED')),
  initialize   boolean NOT NULL DEFAULT true,
  -- Raised whenever the contents must be built anew: another query, another mode, or a repair.
  generation   integer NOT NULL DEFAULT 1,
  diamond_consistency       text NOT NULL DEFAULT 'atomic'
               CHECK (diamond_consistency IN ('none', 'atomic')),
  diamond_schedule_policy   text NOT NULL DEFAULT 'fastest'
               CHECK (diamond_schedule_policy IN ('fastest', 'slowest')),
  cdc_mode                  text NOT NULL DEFAULT 'auto' CHECK (cdc_mode IN ('auto', 'wal')),
  append_only               boolean NOT NULL DEFAULT false,
  pooler_compatibility_mode boolean NOT NULL DEFAULT false,
  max_differential_joins    integer CHECK (max_differential_joins > 0),
  max_delta_fraction        double precision
               CHECK (max_delta_fraction > 0 AND max_delta_fraction <= 1),
  -- The transaction that wrote this row: a call in the same one cannot wait for its effect.
  changed_xid  xid8 NOT NULL DEFAULT pg_current_xact_id(),
  created_at   timestamptz NOT NULL DEFAULT now(),
  updated_at   timestamptz NOT NULL DEFAULT now(),
  UNIQUE (schema_name, table_name)
);
-- Published: the sidecar needs the whole old row of an update to see what changed.
ALTER TABLE pgtrickle.pgt_definitions REPLICA IDENTITY FULL;

-- How the stream tables are. One row each, written by the sidecar in its apply transactions.
-- Fillfactor: the row is updated with every refresh, and HOT keeps that in one page.
CREATE TABLE pgtrickle.pgt_state (
  pgt_id                 bigint PRIMARY KEY,
  generation             integer NOT NULL,
  status                 text NOT NULL DEFAULT 'INITIALIZING'
                         CHECK (status IN ('INITIALIZING', 'ACTIVE', 'ERROR', 'SUSPENDED', 'HELD')),
  effective_refresh_mode text CHECK (effective_refresh_mode IN ('DIFFERENTIAL', 'FULL')),
  reason_code            text,
  reason_detail          text,
  consistency            text NOT NULL DEFAULT 'exact' CHECK (consistency IN ('exact', 'snapshot')),
  is_populated           boolean NOT NULL DEFAULT false,
  frontier               pg_lsn,
  data_timestamp         timestamptz,
  -- Counts the non-empty refreshes of this stream table.
  refresh_id             bigint NOT NULL DEFAULT 0,
  last_refresh_at        timestamptz,
  row_count              bigint,
  -- Running totals. Those of the last notification stand beside them, so that the difference is
  -- what a listener has not been told yet, after a restart too.
  inserted_total         bigint NOT NULL DEFAULT 0,
  deleted_total          bigint NOT NULL DEFAULT 0,
  notified_refresh_id    bigint NOT NULL DEFAULT 0,
  notified_inserted      bigint NOT NULL DEFAULT 0,
  notified_deleted       bigint NOT NULL DEFAULT 0,
  consecutive_errors     integer NOT NULL DEFAULT 0,
  error_sqlstate         text,
  error_message          text,
  error_at               timestamptz,
  held_since             timestamptz,
  commit_to_visible_p50_ms double precision,
  commit_to_visible_p99_ms double precision,
  state_bytes            bigint,
  updated_at             timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 40, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);

-- Streaming refreshes appear as one row per table and ten seconds (refreshes > 1); FULL, failed,
-- manual and slow scheduled ones singly.
CREATE TABLE pgtrickle.pgt_refresh_history (
  history_id     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  pgt_id         bigint NOT NULL,
  refresh_id     bigint NOT NULL,
  data_timestamp timestamptz NOT NULL,
  start_time     timestamptz NOT NULL,
  end_time       timestamptz,
  action         text NOT NULL
                 CHECK (action IN ('NO_DATA', 'FULL', 'DIFFERENTIAL', 'REINITIALIZE', 'SKIP')),
  status         text NOT NULL CHECK (status IN ('RUNNING', 'COMPLETED', 'FAILED', 'SKIPPED')),
  initiated_by   text NOT NULL CHECK (initiated_by IN ('SCHEDULER', 'MANUAL', 'INITIAL')),
  reason_code    text,
  refreshes      integer NOT NULL DEFAULT 1,
  rows_inserted  bigint NOT NULL DEFAULT 0,
  rows_deleted   bigint NOT NULL DEFAULT 0,
  duration_ms    double precision,
  -- Counts of refreshes by duration: {"1": 17, "5": 2, "+Inf": 1}, upper bounds in milliseconds.
  duration_histogram jsonb,
  frontier       pg_lsn,
  error_sqlstate text,
  error_message  text
);
CREATE INDEX pgt_refresh_history_start_time_idx ON pgtrickle.pgt_refresh_history (start_time);
CREATE INDEX pgt_refresh_history_table_idx
  ON pgtrickle.pgt_refresh_history (pgt_id, start_time);

-- Long work of the sidecar, claimable by its successor when the heartbeat is stale.
CREATE TABLE pgtrickle.pgt_operations (
  operation_id   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  kind           text NOT NULL CHECK (kind IN ('initialize')),
  pgt_id         bigint NOT NULL,
  stream_table   text NOT NULL,
  state          text NOT NULL DEFAULT 'pending'
                 CHECK (state IN ('pending', 'preparing', 'snapshotting', 'copying', 'catching_up',
                                  'validating', 'swapping', 'cleaning_up',
                                  'completed', 'failed', 'cancelled')),
  phase          text,
  rows_done      bigint NOT NULL DEFAULT 0,
  rows_total     bigint,
  bytes_done     bigint NOT NULL DEFAULT 0,
  attempt        integer NOT NULL DEFAULT 1,
  owner          uuid,
  heartbeat_at   timestamptz,
  -- NULL: none.
  deadline       timestamptz,
  engine_state   jsonb NOT NULL DEFAULT '{}',
  error_sqlstate text,
  error_message  text,
  created_at     timestamptz NOT NULL DEFAULT now(),
  finished_at    timestamptz
);
CREATE INDEX pgt_operations_open_idx ON pgtrickle.pgt_operations (pgt_id)
  WHERE state NOT IN ('completed', 'failed', 'cancelled');

CREATE TABLE pgtrickle_internal.pgt_subscriptions (
  pgt_id     bigint NOT NULL,
  -- Anything else would fail pg_notify() in the transaction of an epoch.
  channel    text NOT NULL CHECK (octet_length(channel) BETWEEN 1 AND 63),
  created_at timestamptz NOT NULL DEFAULT now(),
  created_by name NOT NULL DEFAULT current_user,
  PRIMARY KEY (pgt_id, channel)
);

-- How far the stream tables as a whole are: written in every apply transaction, and only by the
-- holder of the current fencing token, so that a sidecar that was paused and replaced is refused.
CREATE TABLE pgtrickle_internal.pgt_progress (
  singleton          boolean PRIMARY KEY DEFAULT true CHECK (singleton),
  system_identifier  text,
  timeline           integer,
  frontier           pg_lsn,
  frontier_timestamp timestamptz,
  slot_name          text,
  slot_generation    text,
  publication_name   text,
  fencing_token      bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 40, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);
INSERT INTO pgtrickle_internal.pgt_progress DEFAULT VALUES;

-- The lease. Its holder keeps the session-level advisory lock advisory_key in session backend_pid;
-- for the secret see pgtrickle_internal.guard().
CREATE TABLE pgtrickle_internal.pgt_sidecar (
  singleton    boolean PRIMARY KEY DEFAULT true CHECK (singleton),
  advisory_key bigint NOT NULL,
  owner        uuid,
  token        bigint NOT NULL DEFAULT 0,
  secret       uuid,
  backend_pid  integer,
  host         text,
  pid          bigint,
  http_url     text,
  version      text,
  started_at   timestamptz,
  heartbeat_at timestamptz
);
-- One key per database is enough: advisory locks are per database. The number spells "pgtrickl" in ASCII.
INSERT INTO pgtrickle_internal.pgt_sidecar (advisory_key) VALUES (8099570489592343404);

-- How reading the log is, as the sidecar last told.
CREATE TABLE pgtrickle_internal.pgt_capture (
  singleton        boolean PRIMARY KEY DEFAULT true CHECK (singleton),
  phase            text CHECK (phase IN ('READING', 'RECONNECTING', 'PAUSED')),
  protocol_version integer,
  streaming        boolean,
  losses           bigint NOT NULL DEFAULT 0,
  problem          text,
  told_at          timestamptz
) WITH (fillfactor = 40);
INSERT INTO pgtrickle_internal.pgt_capture DEFAULT VALUES;

-- What happened to capture and what was done about it; the sidecar prunes.
CREATE TABLE pgtrickle_internal.pgt_capture_events (
  event_id bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
  at       timestamptz NOT NULL DEFAULT clock_timestamp(),
  kind     text NOT NULL,
  severity text NOT NULL CHECK (severity IN ('INFO', 'WARNING', 'ERROR')),
  sqlstate text,
  detail   text NOT NULL
);

-- Source tables whose readers release nothing for now, because somebody is loading them.
CREATE TABLE pgtrickle.pgt_source_gates (
  source_relid oid PRIMARY KEY,
  gated        boolean NOT NULL DEFAULT true,
  gated_at     timestamptz NOT NULL DEFAULT now(),
  ungated_at   timestamptz,
  gated_by     name NOT NULL DEFAULT current_user
);

-- Answers to waiting calls. Unlogged: an answer outlives neither its caller nor a crash. Callers do
-- not delete theirs (it would make them writers); the sidecar prunes.
CREATE UNLOGGED TABLE pgtrickle_internal.pgt_replies (
  request uuid PRIMARY KEY,
  reply   jsonb NOT NULL,
  at      timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- Scripts applied by `pgtrickle install`; empty under CREATE EXTENSION, which keeps its own record.
CREATE TABLE pgtrickle_internal.pgt_schema_version (
  version    text PRIMARY KEY,
  script     text NOT NULL,
  checksum   text NOT NULL,
  applied_at timestamptz NOT NULL DEFAULT now(),
  applied_by name NOT NULL DEFAULT session_user
);

CREATE VIEW pgtrickle.pgt_subscriptions AS
  SELECT pg_catalog.format('%I.%I', d.schema_name, d.table_name) AS stream_table,
         s.channel, s.created_at, s.created_by
  FROM pgtrickle_internal.pgt_subscriptions s
  JOIN pgtrickle.pgt_definitions d USING (pgt_id);

CREATE VIEW pgtrickle.pgt_stream_tables AS
  SELECT d.pgt_id,
         d.relid AS pgt_relid,
         d.table_name AS pgt_name,
         d.schema_name AS pgt_schema,
         d.owner AS pgt_owner,
         d.analysis ->> 'canonical' AS defining_query,
         d.query AS original_query,
         d.schedule,
         d.refresh_mode,
         CASE WHEN d.status = 'PAUSED' THEN 'SUSPENDED'
              -- A definition newer than what the sidecar reported on is being built.
              WHEN s.generation IS DISTINCT FROM d.generation THEN 'INITIALIZING'
              ELSE s.status END AS status,
         coalesce(s.is_populated, false) AS is_populated,
         -- A live table that follows every epoch is as fresh as the stream, changed or not.
         CASE WHEN s.status = 'ACTIVE' AND d.schedule = 'calculated'
                   AND s.effective_refresh_mode = 'DIFFERENTIAL'
              THEN greatest(s.data_timestamp, p.frontier_timestamp)
              ELSE s.data_timestamp END AS data_timestamp,
         CASE WHEN s.status = 'ACTIVE' AND d.schedule = 'calculated'
                   AND s.effective_refresh_mode = 'DIFFERENTIAL'
              THEN greatest(s.frontier, p.frontier)
              ELSE s.frontier END AS frontier,
         s.last_refresh_at,
         s.refresh_id,
         coalesce(s.consecutive_errors, 0) AS consecutive_errors,
         s.effective_refresh_mode,
         s.reason_code,
         s.reason_detail,
         s.consistency,
         s.row_count,
         s.error_sqlstate AS last_error_sqlstate,
         s.error_message AS last_error_message,
         s.error_at AS last_error_at,
         s.held_since,
         s.commit_to_visible_p50_ms,
         s.commit_to_visible_p99_ms,
         s.state_bytes,
         d.diamond_consistency,
         d.diamond_schedule_policy,
         d.cdc_mode AS requested_cdc_mode,
         d.append_only AS is_append_only,
         d.pooler_compatibility_mode,
         d.max_differential_joins,
         d.max_delta_fraction,
         d.initialize,
         d.generation,
         s.generation IS DISTINCT FROM d.generation AS needs_reinit,
         d.created_at,
         d.updated_at
  FROM pgtrickle.pgt_definitions d
  LEFT JOIN pgtrickle.pgt_state s USING (pgt_id)
  LEFT JOIN pgtrickle_internal.pgt_progress p ON true;
COMMENT ON VIEW pgtrickle.pgt_stream_tables IS 'Every stream table: what was asked for and how it is';

-- Whether a document can be read by the view below, which is everybody's, wherever it comes from.
CREATE FUNCTION pgtrickle_internal.lists_relations(p_document jsonb) RETURNS boolean
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT CASE
    WHEN jsonb_typeof(p_document) <> 'object' THEN false
    WHEN NOT p_document ? 'relations' THEN true
    WHEN jsonb_typeof(p_document -> 'relations') <> 'array' THEN false
    ELSE NOT EXISTS (
      SELECT FROM jsonb_array_elements(p_document -> 'relations') r
      WHERE CASE WHEN r.value ->> 'oid' ~ '^\d{1,10}$'
                 THEN (r.value ->> 'oid')::bigint > 4294967295
                   OR coalesce(jsonb_typeof(r.value -> 'stream_table'), 'boolean') <> 'boolean'
                 ELSE true END) END
$$;
ALTER TABLE pgtrickle.pgt_definitions ADD CONSTRAINT pgt_definitions_analysis_check
  CHECK (pgtrickle_internal.lists_relations(analysis));

-- The relations each query reads, views included; derived from the query documents.
CREATE VIEW pgtrickle.pgt_dependencies AS
  SELECT d.pgt_id,
         coalesce(pg_catalog.to_regclass(
           pg_catalog.format('%I.%I', r.value ->> 'schema', r.value ->> 'name'))::oid,
           (r.value ->> 'oid')::oid) AS source_relid,
         CASE WHEN (r.value ->> 'stream_table')::boolean THEN 'STREAM_TABLE'
              WHEN r.value ->> 'relkind' = 'v' THEN 'VIEW'
              WHEN r.value ->> 'relkind' = 'm' THEN 'MATVIEW'
              WHEN r.value ->> 'relkind' = 'f' THEN 'FOREIGN_TABLE'
              ELSE 'TABLE' END AS source_type,
         r.value ->> 'schema' AS source_schema,
         r.value ->> 'name' AS source_name
  FROM pgtrickle.pgt_definitions d,
       LATERAL pg_catalog.jsonb_array_elements(d.analysis -> 'relations') r;

-- ---------------------------------------------------------------------------------------------
-- 4 Row policies: a definition belongs to whoever owns its storage table
-- ---------------------------------------------------------------------------------------------

-- Evaluated as the user who asks, which is the point: a SECURITY DEFINER function could not tell
-- who called it. Where the storage table was dropped, the recorded owner decides.
CREATE FUNCTION pgtrickle_internal.may_manage(p_schema text, p_table text, p_owner text)
RETURNS boolean LANGUAGE sql STABLE AS $$
  SELECT coalesce(pg_catalog.pg_has_role(
    coalesce(
      (SELECT c.relowner
       FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
       WHERE n.nspname = p_schema AND c.relname = p_table),
      (SELECT r.oid FROM pg_catalog.pg_roles r WHERE r.rolname = p_owner)), 'USAGE'), false)
$$;

CREATE FUNCTION pgtrickle_internal.may_manage_or_read(p_pgt_id bigint, p_read boolean)
RETURNS boolean LANGUAGE sql STABLE AS $$
  SELECT EXISTS (
    SELECT FROM pgtrickle.pgt_definitions d
    WHERE d.pgt_id = p_pgt_id
      AND (pgtrickle_internal.may_manage(d.schema_name, d.table_name, d.owner)
           OR p_read AND pg_catalog.has_table_privilege(
                pg_catalog.to_regclass(pg_catalog.format('%I.%I', d.schema_name, d.table_name)),
                'SELECT')))
$$;

ALTER TABLE pgtrickle.pgt_definitions ENABLE ROW LEVEL SECURITY;
CREATE POLICY read_all ON pgtrickle.pgt_definitions FOR SELECT USING (true);
CREATE POLICY insert_own ON pgtrickle.pgt_definitions FOR INSERT
  WITH CHECK (pgtrickle_internal.may_manage(schema_name, table_name, owner));
CREATE POLICY update_own ON pgtrickle.pgt_definitions FOR UPDATE
  USING (pgtrickle_internal.may_manage(schema_name, table_name, owner));
CREATE POLICY delete_own ON pgtrickle.pgt_definitions FOR DELETE
  USING (pgtrickle_internal.may_manage(schema_name, table_name, owner));

-- Whoever could write the source may say that it is being loaded.
CREATE FUNCTION pgtrickle_internal.may_gate(p_relation oid) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT pg_has_role(current_user, pgtrickle_internal.sidecar_role(), 'USAGE')
      OR EXISTS (SELECT FROM pg_class c WHERE c.oid = p_relation AND pg_has_role(c.relowner, 'USAGE'))
$$;
ALTER TABLE pgtrickle.pgt_source_gates ENABLE ROW LEVEL SECURITY;
CREATE POLICY read_all ON pgtrickle.pgt_source_gates FOR SELECT USING (true);
CREATE POLICY insert_own ON pgtrickle.pgt_source_gates FOR INSERT
  WITH CHECK (pgtrickle_internal.may_gate(source_relid));
CREATE POLICY update_own ON pgtrickle.pgt_source_gates FOR UPDATE
  USING (pgtrickle_internal.may_gate(source_relid));

ALTER TABLE pgtrickle_internal.pgt_subscriptions ENABLE ROW LEVEL SECURITY;
CREATE POLICY read_all ON pgtrickle_internal.pgt_subscriptions FOR SELECT USING (true);
CREATE POLICY insert_readable ON pgtrickle_internal.pgt_subscriptions FOR INSERT
  WITH CHECK (pgtrickle_internal.may_manage_or_read(pgt_id, true));
CREATE POLICY delete_own ON pgtrickle_internal.pgt_subscriptions FOR DELETE
  USING (pg_has_role(created_by, 'USAGE')
         OR pgtrickle_internal.may_manage_or_read(pgt_id, false));

-- Whether a row of a system catalog was written by the current transaction: its writer is still
-- in progress, and of transactions in progress only one's own is visible.
CREATE FUNCTION pgtrickle_internal.written_here(p_xmin xid) RETURNS boolean
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  next_xid  numeric := pg_snapshot_xmax(pg_current_snapshot())::text::numeric;
  candidate numeric := p_xmin::text::numeric;
BEGIN
  IF candidate < 3 THEN
    RETURN false;
  END IF;
  candidate := next_xid - next_xid % 4294967296 + candidate;
  -- A subtransaction's id may lie beyond the snapshot, but never as far as half the ring.
  IF candidate > next_xid + 2147483648 THEN
    candidate := candidate - 4294967296;
  END IF;
  RETURN coalesce(pg_xact_status(candidate::text::xid8) = 'in progress', false);
END
$$;

-- Owner, OID and version of a definition are facts, not input. A user registers only a storage
-- table made by the same transaction; the sidecar's role and superusers may restore a dump.
CREATE FUNCTION pgtrickle_internal.stamp_definition() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  storage record;
BEGIN
  SELECT c.oid, pg_get_userbyid(c.relowner) AS owner,
         pgtrickle_internal.written_here(c.xmin) AS made_here,
         EXISTS (SELECT FROM pg_trigger t
                 WHERE t.tgrelid = c.oid
                   AND t.tgfoid = 'pgtrickle_internal.guard()'::regprocedure) AS guarded
  INTO storage
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE n.nspname = NEW.schema_name AND c.relname = NEW.table_name AND c.relkind = 'r';
  IF storage.oid IS NOT NULL THEN
    NEW.relid := storage.oid;
    NEW.owner := storage.owner;
  END IF;
  IF TG_OP = 'INSERT' THEN
    IF row_security_active('pgtrickle.pgt_definitions')
       AND (storage.oid IS NULL OR NOT storage.guarded OR NOT storage.made_here) THEN
      RAISE EXCEPTION '"%.%" is not a storage table made by this transaction',
        NEW.schema_name, NEW.table_name
        USING ERRCODE = '42501', HINT = 'Use pgtrickle.create_stream_table().';
    END IF;
  ELSE
    IF (NEW.query, NEW.analysis - 'verdict', NEW.refresh_mode)
         IS DISTINCT FROM (OLD.query, OLD.analysis - 'verdict', OLD.refresh_mode)
       OR NEW.generation > OLD.generation THEN
      NEW.generation := OLD.generation + 1;
    ELSE
      NEW.generation := OLD.generation;
    END IF;
    NEW.updated_at := now();
  END IF;
  NEW.changed_xid := pg_current_xact_id();
  RETURN NEW;
END
$$;

CREATE TRIGGER stamp BEFORE INSERT OR UPDATE ON pgtrickle.pgt_definitions
  FOR EACH ROW EXECUTE FUNCTION pgtrickle_internal.stamp_definition();

-- Stamps the definitions that came in without the trigger: pg_restore loads rows before it makes
-- triggers, unless pgtrickle is an extension. Returns how many.
CREATE FUNCTION pgtrickle_internal.stamp_restored() RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  stamped bigint;
BEGIN
  UPDATE pgtrickle.pgt_definitions d SET status = d.status
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE n.nspname = d.schema_name AND c.relname = d.table_name AND c.oid <> d.relid
    AND c.oid = pgtrickle_internal.storage_of(d);
  GET DIAGNOSTICS stamped = ROW_COUNT;
  RETURN stamped;
END
$$;

-- ---------------------------------------------------------------------------------------------
-- 5 Names, schedules, modes
-- ---------------------------------------------------------------------------------------------

-- 'orders', 'shop.orders', '"My Shop"."a.b"' as {schema or NULL, table}.
CREATE FUNCTION pgtrickle_internal.split_name(p_name text) RETURNS text[]
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  parts text[];
  part  text;
BEGIN
  IF p_name IS NULL THEN
    RAISE EXCEPTION 'the name of a stream table must not be NULL' USING ERRCODE = '22004';
  END IF;
  parts := parse_ident(p_name);
  IF cardinality(parts) > 2 THEN
    RAISE EXCEPTION 'improper name of a stream table (too many dotted names): %', p_name
      USING ERRCODE = '42601', HINT = 'Write table or schema.table, quoted where needed.';
  END IF;
  FOREACH part IN ARRAY parts LOOP
    IF octet_length(part) > 63 THEN
      RAISE EXCEPTION 'identifier "%" is longer than 63 bytes', part USING ERRCODE = '42622';
    END IF;
  END LOOP;
  RETURN CASE cardinality(parts) WHEN 1 THEN ARRAY[NULL, parts[1]] ELSE parts END;
END
$$;

-- The definition that a name means under a search path.
CREATE FUNCTION pgtrickle_internal.find_definition(p_name text, p_schemas text[])
RETURNS pgtrickle.pgt_definitions
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  parts  text[] := pgtrickle_internal.split_name(p_name);
  result pgtrickle.pgt_definitions;
BEGIN
  SELECT d.* INTO result
  FROM pgtrickle.pgt_definitions d
  WHERE d.table_name = parts[2]
    AND (d.schema_name = parts[1]
         OR parts[1] IS NULL AND d.schema_name = ANY (p_schemas))
  ORDER BY array_position(p_schemas, d.schema_name)
  LIMIT 1;
  RETURN result;
END
$$;

-- The same under the caller's search path. Such functions say nothing that is looked up on it: where
-- the server would have to convert arguments, what somebody has put into a schema on it would win.
CREATE FUNCTION pgtrickle_internal.find_definition(p_name text) RETURNS pgtrickle.pgt_definitions
LANGUAGE plpgsql STABLE AS $$
BEGIN
  RETURN pgtrickle_internal.find_definition(
    p_name, pg_catalog.current_schemas(false)::pg_catalog.text[]);
END
$$;

CREATE FUNCTION pgtrickle_internal.require_definition(p_name text)
RETURNS pgtrickle.pgt_definitions
LANGUAGE plpgsql STABLE AS $$
DECLARE
  result pgtrickle.pgt_definitions := pgtrickle_internal.find_definition(p_name);
BEGIN
  IF result.pgt_id IS NULL THEN
    RAISE EXCEPTION 'stream table "%" does not exist', p_name USING ERRCODE = '42P01';
  END IF;
  RETURN result;
END
$$;

-- '1m30s' as an interval; NULL for everything that is not a duration.
CREATE FUNCTION pgtrickle_internal.duration_of(p_schedule text) RETURNS interval
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT CASE WHEN p_schedule ~ '^(\d{1,6}(ms|s|m|h|d|w))+$' THEN (
    SELECT sum(part[1]::bigint * CASE part[2]
      WHEN 'ms' THEN interval '1 millisecond'
      WHEN 's' THEN interval '1 second'
      WHEN 'm' THEN interval '1 minute'
      WHEN 'h' THEN interval '1 hour'
      WHEN 'd' THEN interval '24 hours'
      ELSE interval '168 hours' END)
    FROM regexp_matches(p_schedule, '(\d+)(ms|[smhdw])', 'g') AS part) END
$$;

-- Five or six fields (seconds first) of numbers, names, ranges, lists and steps, or a nickname.
CREATE FUNCTION pgtrickle_internal.is_cron(p_schedule text) RETURNS boolean
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  months CONSTANT text[] := '{jan,feb,mar,apr,may,jun,jul,aug,sep,oct,nov,dec}';
  days   CONSTANT text[] := '{sun,mon,tue,wed,thu,fri,sat}';
  lows   CONSTANT int[]  := '{0,0,0,1,1,0}';
  highs  CONSTANT int[]  := '{59,59,23,31,12,7}';
  fields text[] := regexp_split_to_array(p_schedule, '\s+');
  part   text;
  pieces text[];
  low    int;
  high   int;
BEGIN
  IF p_schedule IN ('@yearly', '@annually', '@monthly', '@weekly', '@daily', '@midnight',
                    '@hourly') THEN
    RETURN true;
  ELSIF cardinality(fields) = 5 THEN
    fields := ARRAY['0'] || fields;
  ELSIF cardinality(fields) <> 6 THEN
    RETURN false;
  END IF;
  FOR f IN 1..6 LOOP
    FOREACH part IN ARRAY string_to_array(fields[f], ',') LOOP
      pieces := regexp_match(part,
        '^(?:(\*)|(\d{1,2}|[a-z]{3})(?:-(\d{1,2}|[a-z]{3}))?)(?:/(\d{1,2}))?$');
      IF pieces IS NULL OR pieces[4]::int = 0
         -- A step needs something to step through.
         OR pieces[4] IS NOT NULL AND pieces[1] IS NULL AND pieces[3] IS NULL THEN
        RETURN false;
      END IF;
      CONTINUE WHEN pieces[1] IS NOT NULL;
      FOR i IN 2..3 LOOP
        IF pieces[i] ~ '^[a-z]' THEN
          pieces[i] := CASE f WHEN 5 THEN array_position(months, pieces[i])
                              WHEN 6 THEN array_position(days, pieces[i]) - 1 END;
          IF pieces[i] IS NULL THEN
            RETURN false;
          END IF;
        END IF;
      END LOOP;
      low := pieces[2]::int;
      high := coalesce(pieces[3]::int, low);
      IF low < lows[f] OR high > highs[f] OR low > high THEN
        RETURN false;
      END IF;
    END LOOP;
  END LOOP;
  RETURN true;
END
$$;

CREATE FUNCTION pgtrickle_internal.check_schedule(p_schedule text) RETURNS text
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  plain text := lower(regexp_replace(btrim(coalesce(p_schedule, 'calculated')), '\s+', ' ', 'g'));
BEGIN
  IF plain IN ('calculated', 'manual')
     OR pgtrickle_internal.duration_of(plain) > interval '0'
     OR pgtrickle_internal.is_cron(plain) THEN
    RETURN plain;
  END IF;
  RAISE EXCEPTION 'invalid schedule "%"', p_schedule
    USING ERRCODE = '22023',
          HINT = 'Accepted are: calculated, manual, a duration such as 500ms, 1s or 1m30s (units '
                 'ms, s, m, h, d, w), cron of 5 or 6 fields such as */5 * * * *, and @hourly, '
                 '@daily, @midnight, @weekly, @monthly, @yearly, @annually (UTC).';
END
$$;

-- Owners may write their rows past the functions, and the sidecar reads them.
ALTER TABLE pgtrickle.pgt_definitions ADD CONSTRAINT pgt_definitions_schedule_check
  CHECK (schedule = pgtrickle_internal.check_schedule(schedule));

CREATE FUNCTION pgtrickle_internal.check_mode(p_mode text) RETURNS text
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  CASE upper(btrim(p_mode))
    WHEN 'AUTO', 'DIFFERENTIAL', 'FULL' THEN
      RETURN upper(btrim(p_mode));
    WHEN 'INCREMENTAL' THEN
      RETURN 'DIFFERENTIAL';
    WHEN 'IMMEDIATE' THEN
      RAISE EXCEPTION 'refresh mode IMMEDIATE is not supported yet'
        USING ERRCODE = '0A000', HINT = 'Use DIFFERENTIAL and pgtrickle.sync() to read your writes.';
    ELSE
      RAISE EXCEPTION 'invalid refresh mode "%"', p_mode
        USING ERRCODE = '22023',
              HINT = 'Accepted are AUTO, DIFFERENTIAL (or INCREMENTAL) and FULL.';
  END CASE;
END
$$;

CREATE FUNCTION pgtrickle_internal.check_choice(p_parameter text, p_value text, p_choices text[])
RETURNS text LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF p_value IS NULL OR lower(btrim(p_value)) = ANY (p_choices) THEN
    RETURN lower(btrim(p_value));
  END IF;
  RAISE EXCEPTION 'invalid value for %: "%"', p_parameter, p_value
    USING ERRCODE = '22023',
          HINT = format('Accepted are %s.', array_to_string(p_choices, ', '));
END
$$;

CREATE FUNCTION pgtrickle_internal.not_yet(p_parameter text, p_given boolean) RETURNS void
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF p_given THEN
    RAISE EXCEPTION 'parameter "%" is not supported by this version', p_parameter
      USING ERRCODE = '0A000';
  END IF;
END
$$;

-- Parameters that are stored for a later version, and change nothing in this one.
CREATE FUNCTION pgtrickle_internal.warn_unused(
  p_diamond_consistency text, p_diamond_schedule_policy text, p_append_only boolean,
  p_pooler_compatibility_mode boolean, p_max_differential_joins int,
  p_max_delta_fraction double precision) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  one text;
BEGIN
  FOREACH one IN ARRAY array_remove(ARRAY[
    CASE WHEN p_diamond_consistency IS NOT NULL THEN 'diamond_consistency' END,
    CASE WHEN p_diamond_schedule_policy IS NOT NULL THEN 'diamond_schedule_policy' END,
    CASE WHEN p_append_only THEN 'append_only' END,
    CASE WHEN p_pooler_compatibility_mode THEN 'pooler_compatibility_mode' END,
    CASE WHEN p_max_differential_joins IS NOT NULL THEN 'max_differential_joins' END,
    CASE WHEN p_max_delta_fraction IS NOT NULL THEN 'max_delta_fraction' END], NULL)
  LOOP
    RAISE WARNING 'parameter "%" is stored, but this version does not use it', one;
  END LOOP;
END
$$;

-- ---------------------------------------------------------------------------------------------
-- 6 Talking to the sidecar
-- ---------------------------------------------------------------------------------------------

-- Why the sidecar would not answer now; no row when it would.
CREATE FUNCTION pgtrickle_internal.sidecar_problem() RETURNS TABLE (problem text, hint text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  start_hint CONSTANT text := format(
    'Start the sidecar: pgtrickle run --url postgresql://%s@HOST:%s/%s',
    pgtrickle_internal.sidecar_role(), coalesce(inet_server_port()::text, current_setting('port')),
    current_database());
  lease record;
BEGIN
  SELECT s.heartbeat_at, p.slot_name,
         EXISTS (SELECT FROM pg_replication_slots r WHERE r.slot_name = p.slot_name
                 AND r.database = current_database() AND r.active) AS active
  INTO lease
  FROM pgtrickle_internal.pgt_sidecar s, pgtrickle_internal.pgt_progress p;
  IF current_setting('wal_level') <> 'logical' THEN
    RETURN QUERY SELECT format('wal_level is %s', current_setting('wal_level')),
      'Set wal_level = logical and restart the server. ' || start_hint;
  ELSIF lease.heartbeat_at IS NULL THEN
    RETURN QUERY SELECT 'no sidecar has run on this database', start_hint;
  ELSIF lease.heartbeat_at < clock_timestamp() - interval '10 seconds' THEN
    RETURN QUERY SELECT format('the sidecar''s last heartbeat was %s seconds ago',
      round(extract(epoch FROM clock_timestamp() - lease.heartbeat_at))), start_hint;
  ELSIF lease.slot_name IS NULL THEN
    RETURN QUERY SELECT 'the sidecar is just starting', 'Try again in a moment.';
  ELSIF pgtrickle_internal.setting('cdc_paused') = 'on' THEN
    RETURN QUERY SELECT 'reading the log is paused (setting "cdc_paused")',
      'SELECT pgtrickle.set_config(''cdc_paused'', ''off'');';
  ELSIF NOT lease.active THEN
    RETURN QUERY SELECT format('replication slot "%s" is not active', lease.slot_name), start_hint;
  END IF;
END
$$;

-- Not transactional: it reaches the sidecar without a commit, after everything committed before it.
-- It is a hint that anyone may emit; it causes nothing its sender could not.
CREATE FUNCTION pgtrickle_internal.emit(p_message jsonb) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF current_setting('server_version_num')::int >= 170000 THEN
    -- Flushed at once. Before 17 the message waits for anybody's next commit; the sidecar's
    -- heartbeat is frequent enough there that this is soon.
    EXECUTE 'SELECT pg_logical_emit_message(false, ''pgtrickle'', $1, true)' USING p_message::text;
  ELSE
    PERFORM pg_logical_emit_message(false, 'pgtrickle', p_message::text);
  END IF;
END
$$;

-- The answer to a request, for whoever knows its unguessable name.
CREATE FUNCTION pgtrickle_internal.reply(p_request uuid) RETURNS jsonb
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT r.reply FROM pgtrickle_internal.pgt_replies r WHERE r.request = p_request
$$;

-- Emits a request and polls for its answer, NULL on timeout or when the sidecar goes away.
CREATE FUNCTION pgtrickle_internal.ask(p_kind text, p_body jsonb, p_timeout interval)
RETURNS jsonb LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  request  CONSTANT uuid := gen_random_uuid();
  deadline CONSTANT timestamptz := clock_timestamp() + p_timeout;
  check_at timestamptz := clock_timestamp() + interval '1 second';
  polls    int := 0;
  pause    double precision := 0.001;
  answer   jsonb;
BEGIN
  PERFORM pgtrickle_internal.emit(
    jsonb_build_object('kind', p_kind, 'request', request, 'backend', pg_backend_pid(),
                       'timeout_ms', round(extract(epoch FROM p_timeout) * 1000)) || p_body);
  LOOP
    answer := pgtrickle_internal.reply(request);
    IF answer IS NOT NULL OR clock_timestamp() >= deadline THEN
      RETURN answer;
    END IF;
    IF clock_timestamp() >= check_at THEN
      IF EXISTS (SELECT FROM pgtrickle_internal.sidecar_problem()) THEN
        RETURN NULL;
      END IF;
      check_at := clock_timestamp() + interval '1 second';
    END IF;
    -- An answer takes about a millisecond, and pg_sleep() cannot sleep less: look a few times
    -- without sleeping, then back off.
    polls := polls + 1;
    IF polls > 20 THEN
      PERFORM pg_sleep(pause);
      pause := least(pause * 1.1, 0.02);
    END IF;
  END LOOP;
END
$$;

CREATE FUNCTION pgtrickle_internal.raise_error(p_error jsonb) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  code    text := CASE WHEN p_error ->> 'sqlstate' ~ '^[0-9A-Z]{5}$'
                            AND p_error ->> 'sqlstate' !~ '^(00|01|02)'
                       THEN p_error ->> 'sqlstate' ELSE 'XX000' END;
  message text := coalesce(p_error ->> 'message', 'the sidecar reported an error');
  detail  text := coalesce(p_error ->> 'detail', 'Reported by the pgtrickle sidecar.');
BEGIN
  IF p_error ->> 'hint' IS NULL THEN
    RAISE EXCEPTION USING ERRCODE = code, MESSAGE = message, DETAIL = detail;
  END IF;
  RAISE EXCEPTION USING ERRCODE = code, MESSAGE = message, DETAIL = detail,
    HINT = p_error ->> 'hint';
END
$$;

CREATE FUNCTION pgtrickle_internal.require_sidecar() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  trouble record;
BEGIN
  FOR trouble IN SELECT * FROM pgtrickle_internal.sidecar_problem() LOOP
    RAISE EXCEPTION 'no live sidecar: %', trouble.problem
      USING ERRCODE = '55000', HINT = trouble.hint;
  END LOOP;
END
$$;

-- What every call needs that waits for an answer of the sidecar.
CREATE FUNCTION pgtrickle_internal.require_answering(p_call text, p_timeout interval)
RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF p_timeout IS NULL OR p_timeout < interval '0' THEN
    RAISE EXCEPTION 'the timeout of %() must be a positive interval', p_call
      USING ERRCODE = '22023';
  END IF;
  IF pg_is_in_recovery() THEN
    RAISE EXCEPTION 'cannot execute %() during recovery', p_call
      USING ERRCODE = '25006', HINT = 'Call it on the primary server.';
  END IF;
  IF current_setting('transaction_isolation') NOT IN ('read committed', 'read uncommitted') THEN
    RAISE EXCEPTION '%() needs isolation level READ COMMITTED, this transaction has %',
      p_call, upper(current_setting('transaction_isolation'))
      USING ERRCODE = '25001',
            DETAIL = 'A fixed snapshot would not show what the call waits for.';
  END IF;
  PERFORM pgtrickle_internal.require_sidecar();
END
$$;

-- What every call needs besides that waits for contents. p_definition is NULL when it waits for all
-- stream tables.
CREATE FUNCTION pgtrickle_internal.require_waiting(
  p_call text, p_definition pgtrickle.pgt_definitions, p_timeout interval) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF p_definition.changed_xid = pg_current_xact_id_if_assigned() THEN
    RAISE EXCEPTION 'stream table "%.%" was created or changed by this transaction',
      p_definition.schema_name, p_definition.table_name
      USING ERRCODE = '55000',
            DETAIL = 'The sidecar sees a definition when its transaction has committed.',
            HINT = 'Commit first.';
  END IF;
  PERFORM pgtrickle_internal.require_answering(p_call, p_timeout);
  IF pg_current_xact_id_if_assigned() IS NOT NULL THEN
    RAISE WARNING '%() cannot include the uncommitted changes of this transaction', p_call;
  END IF;
END
$$;

-- Asks and insists on an answer.
CREATE FUNCTION pgtrickle_internal.call_sidecar(
  p_call text, p_kind text, p_body jsonb, p_timeout interval) RETURNS jsonb
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  answer jsonb := pgtrickle_internal.ask(p_kind, p_body, p_timeout);
BEGIN
  IF answer IS NULL THEN
    PERFORM pgtrickle_internal.require_sidecar();
    RAISE EXCEPTION '%() timed out after %', p_call, p_timeout
      USING ERRCODE = '57014',
            HINT = 'SELECT * FROM pgtrickle.health_check() shows what is behind.';
  END IF;
  IF jsonb_typeof(answer -> 'error') = 'object' THEN
    PERFORM pgtrickle_internal.raise_error(answer -> 'error');
  END IF;
  RETURN answer;
END
$$;

CREATE FUNCTION pgtrickle_internal.display_name(p_definition pgtrickle.pgt_definitions)
RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT pg_catalog.format('%I.%I', p_definition.schema_name, p_definition.table_name)
$$;

-- ---------------------------------------------------------------------------------------------
-- 7 The guard of storage tables
-- ---------------------------------------------------------------------------------------------

-- Passes only sessions of the sidecar that holds the lease. Looking for its advisory lock in
-- pg_locks would cost 85 microseconds more per statement; so the holder draws a secret when it takes
-- the lock, and tells it to the sessions it writes with (a parameter, which ends with the session).
-- Comparing it costs about 20. Every new holder draws another one, so that a sidecar that was
-- replaced is refused here as well.
CREATE FUNCTION pgtrickle_internal.guard() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  PERFORM FROM pgtrickle_internal.pgt_sidecar s
  WHERE s.secret::text = current_setting('pgtrickle.lease', true);
  IF NOT FOUND THEN
    RAISE EXCEPTION 'cannot % stream table "%.%"',
      CASE TG_OP WHEN 'INSERT' THEN 'insert into' WHEN 'DELETE' THEN 'delete from'
                 ELSE lower(TG_OP) END,
      TG_TABLE_SCHEMA, TG_TABLE_NAME
      USING ERRCODE = '55000',
            DETAIL = 'Its rows are those of its query, written by the pgtrickle sidecar.',
            HINT = 'Change the tables it reads, or drop it with pgtrickle.drop_stream_table().';
  END IF;
  RETURN NULL;
END
$$;

-- ---------------------------------------------------------------------------------------------
-- 8 Describing a query: all that the sidecar needs to analyse it
-- ---------------------------------------------------------------------------------------------
-- The document is collected in the caller's transaction, because the sidecar cannot see tables that
-- were created in it, and because types, overloads and collations are then exactly the caller's.

-- Some types, and those that they are made of.
CREATE FUNCTION pgtrickle_internal.types_within(p_types oid[]) RETURNS SETOF oid
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  WITH RECURSIVE used AS (
    SELECT u.oid FROM unnest(p_types) u (oid)
    UNION
    SELECT part.oid FROM used JOIN pg_type t ON t.oid = used.oid,
      LATERAL (
        SELECT t.typbasetype UNION ALL SELECT t.typelem
        UNION ALL
        SELECT a.atttypid FROM pg_attribute a
        WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped
        UNION ALL
        SELECT r.rngsubtype FROM pg_range r WHERE t.oid IN (r.rngtypid, r.rngmultitypid)) part (oid)
    WHERE part.oid <> 0)
  SELECT used.oid FROM used
$$;

-- What a domain is made of in the end; of any other type itself.
CREATE FUNCTION pgtrickle_internal.base_type(p_type oid) RETURNS oid
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  WITH RECURSIVE below AS (
    SELECT t.oid, t.typbasetype FROM pg_type t WHERE t.oid = p_type
    UNION ALL
    SELECT t.oid, t.typbasetype FROM below b JOIN pg_type t ON t.oid = b.typbasetype)
  SELECT b.oid FROM below b WHERE b.typbasetype = 0
$$;

-- Whether values of a type cannot be read without running what some user wrote: the conditions of a
-- domain, the functions of a range. Whoever reads them runs it with his own rights.
CREATE FUNCTION pgtrickle_internal.runs_user_code(p_type oid) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT EXISTS (
    SELECT FROM pgtrickle_internal.types_within(ARRAY[p_type]) within
    JOIN pg_type t ON t.oid = within
    LEFT JOIN pg_range r ON within IN (r.rngtypid, r.rngmultitypid)
    WHERE t.typtype = 'd' AND t.oid >= 16384
       OR r.rngcanonical::oid >= 16384 OR r.rngsubdiff::oid >= 16384)
$$;

-- In which form the log tells values of a type: 'binary'; 'text', where the type has no binary form
-- (those of the extensions isn and seg); 'none', where it seems to have one and a part of it has
-- none (arrays and rows of such types): a value of these ends the session that reads the log.
CREATE FUNCTION pgtrickle_internal.logged_form(p_type oid) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT CASE
    -- Asking costs, and PostgreSQL's own types have one but for these and their arrays.
    WHEN p_type < 16384 THEN
      CASE WHEN p_type IN (1033, 3642) THEN 'text' WHEN p_type IN (1034, 3644) THEN 'none'
           ELSE 'binary' END
    WHEN NOT EXISTS (
      SELECT FROM pgtrickle_internal.types_within(ARRAY[p_type]) within
      JOIN pg_type t ON t.oid = within
      WHERE t.typsend = 0 OR t.typreceive = 0) THEN 'binary'
    WHEN (SELECT t.typsend = 0 FROM pg_type t WHERE t.oid = p_type) THEN 'text'
    ELSE 'none' END
$$;

-- The expression of a generated column, the same text wherever the same is computed.
CREATE FUNCTION pgtrickle_internal.generation_text(p_expression pg_catalog.pg_node_tree, p_relation oid)
RETURNS text LANGUAGE sql STABLE
SET search_path = '' SET DateStyle = 'ISO, YMD' SET IntervalStyle = 'postgres' SET TimeZone = 'UTC'
SET extra_float_digits = 1 SET bytea_output = 'hex' SET quote_all_identifiers = off AS $$
  SELECT pg_catalog.pg_get_expr(p_expression, p_relation)
$$;

-- The generated columns of some relations that are not in the log, and of their partitions: all of
-- them before 18, and those since that are not stored.
CREATE FUNCTION pgtrickle_internal.computed_columns(p_relations oid[])
RETURNS TABLE (relation oid, part oid, name name, attnum smallint, stored boolean,
               definition oid, expression pg_node_tree)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  WITH RECURSIVE below (relation, part) AS (
    SELECT r, r FROM unnest(p_relations) r
    UNION
    SELECT b.relation, i.inhrelid
    FROM below b JOIN pg_class c ON c.oid = b.part AND c.relkind = 'p'
    JOIN pg_inherits i ON i.inhparent = b.part)
  SELECT b.relation, b.part, a.attname, a.attnum, a.attgenerated = 's', d.oid, d.adbin
  FROM below b JOIN pg_attrdef d ON d.adrelid = b.part
  JOIN pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum
  WHERE a.attgenerated = 'v'
     OR a.attgenerated = 's' AND current_setting('server_version_num')::int < 180000
$$;

-- What is stored was computed by functions as they were then: whether only PostgreSQL's own are
-- called, which nobody replaces. Of a type of users the input and output functions are called
-- without being named.
CREATE FUNCTION pgtrickle_internal.calls_no_users(p_definition oid) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  WITH used AS (
    SELECT u.refclassid, u.refobjid, u.refobjsubid, d.adrelid, d.adnum
    FROM pg_attrdef d JOIN pg_depend u
      -- Before 15 it is the column that depends.
      ON u.classid = 'pg_attrdef'::regclass AND u.objid = d.oid
      OR u.classid = 'pg_class'::regclass AND u.objid = d.adrelid AND u.objsubid = d.adnum
    WHERE d.oid = p_definition),
  types AS (
    SELECT u.refobjid AS type FROM used u WHERE u.refclassid = 'pg_type'::regclass
    UNION ALL
    SELECT pgtrickle_internal.base_type(a.atttypid)
    FROM used u JOIN pg_attribute a ON a.attrelid = u.refobjid AND a.attnum = u.refobjsubid
    WHERE u.refclassid = 'pg_class'::regclass AND u.refobjid = u.adrelid
      AND u.refobjsubid NOT IN (0, u.adnum))
  SELECT NOT EXISTS (
           SELECT FROM used u
           WHERE u.refclassid IN ('pg_proc'::regclass, 'pg_operator'::regclass,
                                  'pg_ts_config'::regclass, 'pg_ts_dict'::regclass))
     AND NOT EXISTS (
           SELECT FROM types u JOIN pg_type t ON t.oid = u.type
           WHERE t.oid >= 16384 AND t.typtype <> 'e')
$$;

-- The columns of a relation.
CREATE FUNCTION pgtrickle_internal.describe_columns(p_relation oid) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  WITH computed AS (
    SELECT c.*, pgtrickle_internal.generation_text(c.expression, c.part) AS text
    FROM pgtrickle_internal.computed_columns(ARRAY[p_relation]) c)
  SELECT coalesce(jsonb_agg(jsonb_build_object(
           'attnum', a.attnum,
           'name', a.attname,
           'type_oid', a.atttypid::bigint,
           'type_name', format_type(a.atttypid, a.atttypmod),
           'typmod', a.atttypmod,
           'collation', a.attcollation::bigint,
           'not_null', a.attnotnull,
           'form', pgtrickle_internal.logged_form(a.atttypid),
           -- Of a domain itself the sidecar reads what it is made of.
           'runs_code', nullif(pgtrickle_internal.runs_user_code(
             pgtrickle_internal.base_type(a.atttypid)), false),
           'generated', nullif(a.attgenerated::text, ''),
           'computed', (
             SELECT jsonb_build_object(
               'tree', c.expression::text, 'expression', c.text, 'stored', c.stored,
               'lasting', pgtrickle_internal.calls_no_users(c.definition),
               'elsewhere', (SELECT min(p.part::regclass::text) FROM computed p
                             WHERE p.name = c.name AND p.text <> c.text))
             FROM computed c WHERE c.part = p_relation AND c.attnum = a.attnum),
           'identity', nullif(a.attidentity::text, '')) ORDER BY a.attnum), '[]')
  FROM pg_attribute a
  WHERE a.attrelid = p_relation AND a.attnum > 0 AND NOT a.attisdropped
$$;

-- Unique indexes that identify every row: the primary key's attnums as 'primary_key', all usable
-- ones (immediate, whole-table, plain columns, none of them nullable) as 'unique_keys', the one
-- that is the replica identity as 'identity_key'.
CREATE FUNCTION pgtrickle_internal.describe_keys(p_relation oid) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  WITH keys AS (
    SELECT i.indisprimary, i.indisreplident, i.indexrelid,
           (SELECT jsonb_agg(k.attnum ORDER BY k.position)
            FROM unnest(i.indkey::int2[]) WITH ORDINALITY k (attnum, position)
            WHERE k.position <= i.indnkeyatts) AS attnums
    FROM pg_index i
    WHERE i.indrelid = p_relation AND i.indisunique AND i.indimmediate AND i.indisvalid
      AND i.indpred IS NULL AND i.indexprs IS NULL
      AND NOT EXISTS (
        SELECT FROM unnest(i.indkey::int2[]) WITH ORDINALITY k (attnum, position)
        JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
        WHERE k.position <= i.indnkeyatts AND NOT a.attnotnull))
  SELECT jsonb_build_object(
    'primary_key', coalesce((SELECT k.attnums FROM keys k WHERE k.indisprimary), '[]'),
    'identity_key', coalesce((SELECT k.attnums FROM keys k WHERE k.indisreplident), '[]'),
    'unique_keys', coalesce((SELECT jsonb_agg(k.attnums ORDER BY k.indexrelid) FROM keys k), '[]'))
$$;

-- Whether policies filter what p_role reads of a table.
CREATE FUNCTION pgtrickle_internal.row_security_applies(p_relation oid, p_role oid)
RETURNS boolean LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT c.relrowsecurity AND NOT r.rolsuper AND NOT r.rolbypassrls
         AND (c.relforcerowsecurity OR NOT pg_has_role(p_role, c.relowner, 'USAGE'))
  FROM pg_class c, pg_roles r
  WHERE c.oid = p_relation AND r.oid = p_role
$$;

-- The server's analysed tree of a view. A pg_node_tree escapes what stands in names and constants,
-- so that a field such as ":relid 123" in its text is a field and nothing else.
CREATE FUNCTION pgtrickle_internal.view_tree(p_view oid) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT r.ev_action::text FROM pg_rewrite r WHERE r.ev_class = p_view AND r.rulename = '_RETURN'
$$;

CREATE FUNCTION pgtrickle_internal.tree_oids(p_tree text, p_fields text) RETURNS SETOF oid
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT DISTINCT m[1]::oid
  FROM regexp_matches(p_tree, ':(?:' || p_fields || ') (\d+)', 'g') m
  WHERE m[1] <> '0'
$$;

-- Canonical text: every name qualified, constants in the same notation whatever the session uses.
CREATE FUNCTION pgtrickle_internal.canonical_text(p_view oid) RETURNS text
LANGUAGE sql STABLE
SET search_path = '' SET DateStyle = 'ISO, YMD' SET IntervalStyle = 'postgres' SET TimeZone = 'UTC'
SET extra_float_digits = 1 SET bytea_output = 'hex' SET quote_all_identifiers = off AS $$
  SELECT pg_catalog.pg_get_viewdef(p_view)
$$;

-- The partitions or children whose rows are rows of a relation too, and its place among others.
CREATE FUNCTION pgtrickle_internal.describe_inheritance(p_relation oid) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT jsonb_build_object(
    'is_partition', c.relispartition,
    'parents', coalesce((SELECT jsonb_agg(i.inhparent::bigint ORDER BY i.inhseqno)
                         FROM pg_inherits i WHERE i.inhrelid = c.oid), '[]'),
    'descendants', coalesce((
      WITH RECURSIVE below AS (
        SELECT i.inhrelid FROM pg_inherits i WHERE i.inhparent = c.oid
        UNION SELECT i.inhrelid FROM pg_inherits i JOIN below b ON i.inhparent = b.inhrelid)
      SELECT jsonb_agg(jsonb_build_object(
               'oid', d.oid::bigint, 'schema', n.nspname, 'name', d.relname,
               'relkind', d.relkind, 'persistence', d.relpersistence,
               'replica_identity', d.relreplident) ORDER BY n.nspname, d.relname)
      FROM below b JOIN pg_class d ON d.oid = b.inhrelid
      JOIN pg_namespace n ON n.oid = d.relnamespace), '[]'))
  FROM pg_class c WHERE c.oid = p_relation
$$;

-- What tells relations from what they were before DDL that the log says nothing of, and that makes
-- queries mean something else: names, what views say and as whom, row-level security, children, how
-- generated columns are computed that the log does not have, whether changes are told as those of a
-- partitioned table. No row for a relation that is gone.
CREATE FUNCTION pgtrickle_internal.relation_versions(p_relations oid[])
RETURNS TABLE (relation oid, version text)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  WITH RECURSIVE below (relation, child, since) AS (
    SELECT i.inhparent, i.inhrelid, i.xmin::text
    FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhparent
    WHERE i.inhparent = ANY (p_relations) AND c.relkind <> 'p'
    UNION
    SELECT b.relation, i.inhrelid, i.xmin::text
    FROM below b JOIN pg_inherits i ON i.inhparent = b.child),
  children AS (
    SELECT b.relation,
           string_agg(format('%s %s', b.child, b.since), ',' ORDER BY b.child, b.since) AS children
    FROM below b GROUP BY b.relation),
  -- Partitions mostly have the same columns, and so the same trees: a text of each is enough.
  trees AS (
    SELECT g.relation, g.name, g.stored, min(g.definition) AS definition
    FROM pgtrickle_internal.computed_columns(p_relations) g
    GROUP BY g.relation, g.name, g.stored, md5(g.expression::text), (
      SELECT string_agg(quote_ident(a.attname), ',' ORDER BY a.attnum)
      FROM pg_attribute a WHERE a.attrelid = g.part AND a.attnum > 0)),
  computed AS (
    SELECT t.relation, jsonb_agg(DISTINCT jsonb_build_array(
             t.name, t.stored, pgtrickle_internal.generation_text(d.adbin, d.adrelid))) AS columns
    FROM trees t JOIN pg_attrdef d ON d.oid = t.definition GROUP BY t.relation)
  SELECT c.oid, md5(jsonb_build_array(
           n.nspname, c.relname, c.relpersistence, c.relispartition, b.children, g.columns,
           CASE WHEN c.relkind = 'v' THEN jsonb_build_array(
             c.relowner::bigint, c.reloptions,
             (SELECT r.xmin::text FROM pg_rewrite r
              WHERE r.ev_class = c.oid AND r.rulename = '_RETURN'),
             (SELECT jsonb_agg(a.attname ORDER BY a.attnum) FROM pg_attribute a
              WHERE a.attrelid = c.oid AND a.attnum > 0)) END,
           CASE WHEN c.relrowsecurity THEN jsonb_build_array(
             c.relowner::bigint, c.relforcerowsecurity) END)::text)
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN children b ON b.relation = c.oid
  LEFT JOIN computed g ON g.relation = c.oid
  WHERE c.oid = ANY (p_relations)
$$;

-- The same of which partitions there are, and what they are: of a partition neither TRUNCATE is in the
-- log nor what was done to it while it was none. No row for a relation that is not partitioned.
CREATE FUNCTION pgtrickle_internal.partition_versions(p_relations oid[])
RETURNS TABLE (relation oid, version text)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  WITH RECURSIVE below (relation, part, since) AS (
    SELECT i.inhparent, i.inhrelid, i.xmin::text FROM pg_inherits i
    WHERE i.inhparent = ANY (p_relations)
    UNION
    SELECT b.relation, i.inhrelid, i.xmin::text
    FROM below b JOIN pg_inherits i ON i.inhparent = b.part),
  parts AS (
    SELECT b.relation, string_agg(format('%s %s %s', b.part, b.since, c.relfilenode),
                                  ',' ORDER BY b.part, b.since) AS parts
    FROM below b JOIN pg_class c ON c.oid = b.part GROUP BY b.relation)
  SELECT c.oid, md5(coalesce(p.parts, ''))
  FROM pg_class c LEFT JOIN parts p ON p.relation = c.oid
  WHERE c.oid = ANY (p_relations) AND c.relkind = 'p'
$$;

CREATE FUNCTION pgtrickle_internal.describe_relation(p_relation oid, p_reader oid)
RETURNS jsonb LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT jsonb_build_object(
           'oid', c.oid::bigint, 'schema', n.nspname, 'name', c.relname,
           'relkind', c.relkind, 'persistence', c.relpersistence,
           'replica_identity', c.relreplident,
           'owner', pg_get_userbyid(c.relowner),
           'version', (SELECT v.version
                       FROM pgtrickle_internal.relation_versions(ARRAY[c.oid]) v),
           'partitions', (SELECT v.version
                          FROM pgtrickle_internal.partition_versions(ARRAY[c.oid]) v),
           'system', n.nspname IN ('pg_catalog', 'information_schema'),
           'row_security', pgtrickle_internal.row_security_applies(c.oid, p_reader),
           'stream_table', d.pgt_id IS NOT NULL,
           'pgt_id', d.pgt_id,
           'columns', pgtrickle_internal.describe_columns(c.oid),
           'tree', CASE WHEN c.relkind = 'v' THEN pgtrickle_internal.view_tree(c.oid) END,
           'definition', CASE WHEN c.relkind = 'v'
                              THEN pgtrickle_internal.canonical_text(c.oid) END)
         || pgtrickle_internal.describe_keys(c.oid)
         || pgtrickle_internal.describe_inheritance(c.oid)
  FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
  LEFT JOIN pgtrickle.pgt_definitions d
    ON d.schema_name = n.nspname AND d.table_name = c.relname
  WHERE c.oid = p_relation
$$;

-- What tells a row type from what it was before DDL: its fields. NULL if it is none.
CREATE FUNCTION pgtrickle_internal.row_type_version(p_type oid) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT md5(jsonb_agg(jsonb_build_array(a.attnum, a.attname, a.atttypid::bigint, a.atttypmod)
                       ORDER BY a.attnum)::text)
  FROM pg_type t JOIN pg_attribute a ON a.attrelid = t.typrelid
  WHERE t.oid = p_type AND t.typtype = 'c' AND a.attnum > 0 AND NOT a.attisdropped
$$;

-- Types that are not PostgreSQL's own, with what they are made of.
CREATE FUNCTION pgtrickle_internal.describe_types(p_types oid[]) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT coalesce(jsonb_agg(jsonb_build_object(
           'oid', t.oid::bigint, 'schema', n.nspname, 'name', t.typname, 'kind', t.typtype,
           'category', t.typcategory, 'base_type', t.typbasetype::bigint,
           'base_typmod', t.typtypmod, 'element', t.typelem::bigint,
           'row_version', pgtrickle_internal.row_type_version(t.oid),
           'labels', (SELECT jsonb_agg(e.enumlabel ORDER BY e.enumsortorder)
                      FROM pg_enum e WHERE e.enumtypid = t.oid),
           'label_oids', (SELECT jsonb_agg(jsonb_build_object(
                                   'oid', e.oid::bigint, 'label', e.enumlabel))
                          FROM pg_enum e WHERE e.enumtypid = t.oid)) ORDER BY t.oid), '[]')
  FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
  WHERE n.nspname <> 'pg_catalog'
    AND t.oid IN (SELECT pgtrickle_internal.types_within(p_types))
$$;

-- What tells a function from what it was before it was replaced: everything that decides what it
-- returns, of the functions too that its body names where the server knows them (BEGIN ATOMIC).
-- NULL if there is none.
CREATE FUNCTION pgtrickle_internal.function_version(p_function oid) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  WITH RECURSIVE used AS (
    SELECT p.oid FROM pg_proc p WHERE p.oid = p_function
    UNION
    SELECT d.refobjid FROM used u JOIN pg_depend d
      ON d.classid = 'pg_proc'::regclass AND d.objid = u.oid
     AND d.refclassid = 'pg_proc'::regclass)
  SELECT md5(string_agg(
           (to_jsonb(p) - '{proacl,procost,prorows,prosupport,proparallel}'::text[])::text
             || coalesce(to_jsonb(a)::text, ''), ','
           ORDER BY p.oid))
  FROM used JOIN pg_proc p ON p.oid = used.oid
  LEFT JOIN pg_aggregate a ON a.aggfnoid = p.oid
$$;

-- The operators that some trees name, with the function that sorts by the family of a default
-- operator class if they belong to one, and what they are in it: 1 '<', 3 '=', 5 '>'.
CREATE FUNCTION pgtrickle_internal.used_operators(p_trees text[])
RETURNS TABLE (operator oid, strategy int, sorts oid)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT DISTINCT o.oid, a.amopstrategy::int, f.amproc::oid
  FROM unnest(p_trees) tree,
    LATERAL pgtrickle_internal.tree_oids(tree, 'opno|eqop|sortop') op
    JOIN pg_operator o ON o.oid = op
    LEFT JOIN (
      pg_amop a
      JOIN pg_opclass c ON c.opcfamily = a.amopfamily AND c.opcintype = a.amoplefttype
                       AND c.opcdefault
      JOIN pg_am m ON m.oid = c.opcmethod AND m.amname = 'btree'
      JOIN pg_amproc f ON f.amprocfamily = a.amopfamily AND f.amproclefttype = a.amoplefttype
                      AND f.amprocrighttype = a.amoplefttype AND f.amprocnum = 1
      JOIN pg_proc p ON p.oid = f.amproc AND p.provolatile = 'i')
      ON a.amopopr = o.oid AND a.amoplefttype = a.amoprighttype AND a.amoppurpose = 's'
$$;

CREATE FUNCTION pgtrickle_internal.describe_functions(p_trees text[]) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  WITH operators AS (
    SELECT o.oprcode AS oid, u.strategy, u.sorts
    FROM pgtrickle_internal.used_operators(p_trees) u JOIN pg_operator o ON o.oid = u.operator),
  used AS (
    SELECT f AS oid FROM unnest(p_trees) tree,
      LATERAL pgtrickle_internal.tree_oids(tree, 'funcid|aggfnoid|winfnoid') f
    UNION SELECT oid FROM operators
    UNION SELECT sorts FROM operators)
  SELECT coalesce(jsonb_agg(jsonb_build_object(
           'oid', p.oid::bigint, 'schema', n.nspname, 'name', p.proname,
           'signature', p.oid::regprocedure::text,
           -- An aggregate says nothing of what it is made of.
           'volatility', coalesce((SELECT max(s.provolatile::text) FROM pg_aggregate a
                                   JOIN pg_proc s ON s.oid = a.aggtransfn OR s.oid = a.aggfinalfn
                                   WHERE a.aggfnoid = p.oid), p.provolatile::text),
           -- Whether it is true for what a default operator class sorts as equal.
           'equality', p.proisstrict AND p.provolatile = 'i'
                       AND EXISTS (SELECT FROM operators o WHERE o.oid = p.oid AND o.strategy = 3),
           'kind', p.prokind, 'owner', pg_get_userbyid(p.proowner),
           'version', pgtrickle_internal.function_version(p.oid)) ORDER BY p.oid), '[]')
  FROM used JOIN pg_proc p ON p.oid = used.oid JOIN pg_namespace n ON n.oid = p.pronamespace
  WHERE n.nspname <> 'pg_catalog'
$$;

CREATE FUNCTION pgtrickle_internal.describe_operators(p_trees text[]) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT coalesce(jsonb_agg(DISTINCT jsonb_build_object(
           'oid', o.oid::bigint, 'schema', n.nspname, 'name', o.oprname,
           'left', o.oprleft::bigint, 'right', o.oprright::bigint,
           'function', o.oprcode::oid::bigint, 'strategy', coalesce(u.strategy, 0))), '[]')
  FROM pgtrickle_internal.used_operators(p_trees) u
  JOIN pg_operator o ON o.oid = u.operator JOIN pg_namespace n ON n.oid = o.oprnamespace
  WHERE n.nspname <> 'pg_catalog'
$$;

-- What functions in FROM return, where that is rows of several columns: as the declaration names
-- them, or as a table has them. A type of 0 is one that depends on the call, or is gone.
CREATE FUNCTION pgtrickle_internal.row_function_columns(p_trees text[])
RETURNS TABLE (function oid, attnum int, name text, type oid, typmod int, collation oid)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  WITH used AS (
    SELECT DISTINCT p.oid, p.prorettype, p.proallargtypes, p.proargmodes, p.proargnames
    FROM unnest(p_trees) tree, LATERAL pgtrickle_internal.tree_oids(tree, 'funcid') f
    JOIN pg_proc p ON p.oid = f)
  SELECT u.oid, a.n::int, coalesce(a.name, ''), CASE WHEN t.typtype <> 'p' THEN t.oid ELSE 0 END,
         -1, t.typcollation
  FROM used u, LATERAL unnest(u.proallargtypes, u.proargmodes, u.proargnames)
         WITH ORDINALITY a (type, mode, name, n)
  JOIN pg_type t ON t.oid = a.type
  WHERE u.prorettype = 'record'::regtype AND a.mode IN ('o', 'b', 't')
  UNION ALL
  SELECT u.oid, a.attnum, a.attname, a.atttypid, a.atttypmod, a.attcollation
  FROM used u JOIN pg_type r ON r.oid = u.prorettype AND r.typtype = 'c'
  JOIN pg_attribute a ON a.attrelid = r.typrelid AND a.attnum > 0
$$;

CREATE FUNCTION pgtrickle_internal.describe_row_functions(p_trees text[]) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT coalesce(jsonb_agg(jsonb_build_object('oid', f.function::bigint, 'columns', f.columns)
                            ORDER BY f.function), '[]')
  FROM (SELECT c.function,
               jsonb_agg(jsonb_build_object(
                 'attnum', c.attnum, 'name', c.name, 'type_oid', c.type::bigint,
                 'typmod', c.typmod, 'collation', c.collation::bigint)
                 ORDER BY c.attnum) AS columns
        FROM pgtrickle_internal.row_function_columns(p_trees) c GROUP BY c.function) f
$$;

CREATE FUNCTION pgtrickle_internal.describe_collations(p_collations oid[]) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT coalesce(jsonb_agg(jsonb_build_object(
           'oid', c.oid::bigint, 'schema', n.nspname, 'name', c.collname,
           'provider', c.collprovider, 'deterministic', c.collisdeterministic,
           'collate', c.collcollate, 'ctype', c.collctype,
           -- colliculocale until 16, colllocale since 17.
           'locale', coalesce(to_jsonb(c) ->> 'colllocale', to_jsonb(c) ->> 'colliculocale'),
           'version', c.collversion) ORDER BY c.oid), '[]')
  FROM pg_collation c JOIN pg_namespace n ON n.oid = c.collnamespace
  WHERE c.oid = ANY (p_collations)
$$;

-- What results depend on besides the rows. The search path is resolved here, so that "$user" stays
-- the user of creation.
CREATE FUNCTION pgtrickle_internal.describe_settings(p_schemas text[]) RETURNS jsonb
LANGUAGE sql STABLE AS $$
  SELECT pg_catalog.jsonb_build_object(
           'search_path', (SELECT coalesce(pg_catalog.string_agg(pg_catalog.quote_ident(s.name), ', '
                                                  ORDER BY s.position), '')
                           FROM pg_catalog.unnest(p_schemas) WITH ORDINALITY s (name, position)
                           WHERE s.name NOT LIKE 'pg\_temp%'),
           'server_version_num', pg_catalog.current_setting('server_version_num')::int,
           'server_encoding', pg_catalog.current_setting('server_encoding'))
         || (SELECT pg_catalog.jsonb_object_agg(g, pg_catalog.current_setting(g))
             FROM pg_catalog.unnest(ARRAY[
               'TimeZone', 'DateStyle', 'IntervalStyle', 'lc_monetary', 'lc_numeric', 'lc_time',
               'bytea_output', 'extra_float_digits']) g)
         || (SELECT pg_catalog.jsonb_build_object(
               'datcollate', d.datcollate, 'datctype', d.datctype,
               -- Only libc before 15; daticulocale in 15 and 16, datlocale since 17.
               'datlocprovider', coalesce(pg_catalog.to_jsonb(d) ->> 'datlocprovider', 'c'),
               'datlocale', coalesce(pg_catalog.to_jsonb(d) ->> 'datlocale',
                                     pg_catalog.to_jsonb(d) ->> 'daticulocale'),
               'datcollversion', pg_catalog.to_jsonb(d) ->> 'datcollversion')
             FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database())
$$;

-- The query document of a view made from the text of a query; p_schemas is the search path.
CREATE FUNCTION pgtrickle_internal.describe_query(p_view oid, p_query text, p_schemas text[])
RETURNS jsonb LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  tree      CONSTANT text := pgtrickle_internal.view_tree(p_view);
  me        CONSTANT oid := (SELECT r.oid FROM pg_roles r WHERE r.rolname = current_user);
  trees     text[] := ARRAY[tree];
  -- Relations still to visit, each with the role that reads it: views read as their owners.
  pending   oid[];
  readers   oid[];
  visited   oid[] := ARRAY[p_view];
  relations jsonb := '[]';
  relation  oid;
  reader    oid;
  one       jsonb;
  below     oid[];
  types     oid[];
  collations oid[];
BEGIN
  SELECT array_agg(t ORDER BY t), array_agg(me) INTO pending, readers
  FROM pgtrickle_internal.tree_oids(tree, 'relid') t;
  WHILE cardinality(pending) > 0 LOOP
    relation := pending[1];
    reader := readers[1];
    pending := pending[2:];
    readers := readers[2:];
    CONTINUE WHEN relation = ANY (visited);
    visited := visited || relation;
    one := pgtrickle_internal.describe_relation(relation, reader);
    relations := relations || jsonb_build_array(one);
    trees := trees || array(
      SELECT c -> 'computed' ->> 'tree' FROM jsonb_array_elements(one -> 'columns') c
      WHERE (c -> 'computed' ->> 'lasting')::boolean);
    IF one ->> 'relkind' = 'v' THEN
      trees := trees || (one ->> 'tree');
      SELECT array_agg(t ORDER BY t) INTO below
      FROM pgtrickle_internal.tree_oids(one ->> 'tree', 'relid') t;
      IF NOT EXISTS (SELECT FROM pg_class c WHERE c.oid = relation
                     AND c.reloptions && '{security_invoker=true,security_invoker=on}') THEN
        reader := (SELECT c.relowner FROM pg_class c WHERE c.oid = relation);
      END IF;
      pending := pending || below;
      readers := readers || array_fill(reader, ARRAY[coalesce(cardinality(below), 0)]);
    END IF;
  END LOOP;

  SELECT array_agg(DISTINCT t) INTO types FROM (
    SELECT a.atttypid FROM pg_attribute a WHERE a.attrelid = ANY (visited) AND a.attnum > 0
    UNION ALL
    SELECT f FROM unnest(trees) s, LATERAL pgtrickle_internal.tree_oids(s, '\w*type(?:id)?') f
    UNION ALL
    SELECT c.type FROM pgtrickle_internal.row_function_columns(trees) c
  ) used (t) WHERE t <> 0;
  SELECT array_agg(DISTINCT c) INTO collations FROM (
    SELECT a.attcollation FROM pg_attribute a WHERE a.attrelid = ANY (visited) AND a.attnum > 0
    UNION ALL
    SELECT f FROM unnest(trees) s, LATERAL pgtrickle_internal.tree_oids(s, '\w*coll(?:id|ation|Oid)?') f
  ) used (c) WHERE c <> 0;

  RETURN jsonb_build_object(
    'format', 1,
    'query', p_query,
    'canonical', pgtrickle_internal.canonical_text(p_view),
    'tree', tree,
    'settings', pgtrickle_internal.describe_settings(p_schemas),
    'columns', pgtrickle_internal.describe_columns(p_view),
    'relations', relations,
    'types', pgtrickle_internal.describe_types(types),
    'functions', pgtrickle_internal.describe_functions(trees),
    'operators', pgtrickle_internal.describe_operators(trees),
    'row_functions', pgtrickle_internal.describe_row_functions(trees),
    'collations', pgtrickle_internal.describe_collations(collations));
END
$$;

-- Lets PostgreSQL check a text: one query, that it parses, resolves, and may be read by the caller.
-- Every error is PostgreSQL's own. Then makes a temporary view of it and returns its name.
CREATE FUNCTION pgtrickle_internal.make_view(p_query text) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
  probe refcursor;
  -- This runs under the caller's path, which the text is written for, and uses nothing on it.
  view_name CONSTANT text := pg_catalog.concat(
    '__pgt_', pg_catalog.replace(pg_catalog.gen_random_uuid()::pg_catalog.text, '-', ''));
BEGIN
  IF p_query IS NULL THEN
    RAISE EXCEPTION 'the query of a stream table must not be NULL' USING ERRCODE = '22004';
  END IF;
  BEGIN
    -- A cursor can be opened for exactly one statement that returns rows, so this is what refuses
    -- 'SELECT 1; DROP TABLE t'. Opening starts the executor, which checks the privileges that
    -- CREATE VIEW does not, and reads nothing.
    OPEN probe NO SCROLL FOR EXECUTE p_query;
    CLOSE probe;
  EXCEPTION WHEN invalid_cursor_definition THEN
    RAISE EXCEPTION 'a stream table is defined by exactly one SELECT, VALUES or WITH query'
      USING ERRCODE = '42601', DETAIL = pg_catalog.concat('PostgreSQL says: ', SQLERRM, '.');
  END;
  EXECUTE pg_catalog.concat('CREATE TEMPORARY VIEW ', view_name, ' AS ', p_query);
  RETURN view_name;
END
$$;

-- Checks a query and describes it. The view is gone again when this returns.
CREATE FUNCTION pgtrickle_internal.analyze_query(p_query text) RETURNS jsonb
LANGUAGE plpgsql AS $$
DECLARE
  schemas   CONSTANT text[] := pg_catalog.current_schemas(false)::pg_catalog.text[];
  view_name CONSTANT text := pgtrickle_internal.make_view(p_query);
  view_oid  CONSTANT oid := pg_catalog.to_regclass(
    pg_catalog.concat('pg_temp.', view_name))::pg_catalog.oid;
  document  jsonb;
BEGIN
  document := pgtrickle_internal.describe_query(view_oid, p_query, schemas);
  EXECUTE pg_catalog.concat('DROP VIEW pg_temp.', view_name);
  PERFORM pgtrickle_internal.check_sources(document);
  RETURN document;
END
$$;

-- Refuses at once what no mode can maintain, and sources the sidecar could not publish.
CREATE FUNCTION pgtrickle_internal.check_sources(p_document jsonb) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  sidecar CONSTANT name := pgtrickle_internal.sidecar_role();
  r       record;
BEGIN
  IF p_document ->> 'tree' LIKE '%:hasForUpdate true%' THEN
    RAISE EXCEPTION 'a stream table cannot lock rows'
      USING ERRCODE = '0A000', DETAIL = 'The query contains FOR UPDATE or FOR SHARE.';
  END IF;
  FOR r IN
    SELECT c.value ->> 'name' AS name, c.value ->> 'type_name' AS type
    FROM jsonb_array_elements(p_document -> 'columns') c
    WHERE c.value ->> 'form' <> 'binary'
  LOOP
    RAISE EXCEPTION 'a stream table cannot have column "%" of type %', r.name, r.type
      USING ERRCODE = '0A000',
            DETAIL = 'The type has no binary form, in which rows are read and written.',
            HINT = format('Have the query return %I::text.', r.name);
  END LOOP;
  FOR r IN
    SELECT c.value ->> 'name' AS name, c.value ->> 'type_name' AS type
    FROM jsonb_array_elements(p_document -> 'columns') c
    WHERE (c.value ->> 'runs_code')::boolean AND current_user <> sidecar
  LOOP
    RAISE EXCEPTION 'a stream table cannot have column "%" of type %', r.name, r.type
      USING ERRCODE = '0A000',
            DETAIL = 'It contains a domain, or a range type with functions of its own, which would'
              ' be run with the rights of the sidecar.',
            HINT = format('Have the query return %I::text, or what the domain is made of.', r.name);
  END LOOP;
  FOR r IN
    SELECT v.value ->> 'schema' AS schema, v.value ->> 'name' AS name, c.value ->> 'name' AS column,
           c.value ->> 'type_name' AS type
    FROM jsonb_array_elements(p_document -> 'relations') v,
      LATERAL jsonb_array_elements(v.value -> 'columns') c
    WHERE v.value ->> 'relkind' IN ('r', 'p') AND v.value ->> 'persistence' = 'p'
      AND NOT (v.value ->> 'system')::boolean AND c.value ->> 'form' = 'none'
  LOOP
    RAISE EXCEPTION 'a stream table cannot read "%.%", which has column "%" of type %',
      r.schema, r.name, r.column, r.type
      USING ERRCODE = '0A000',
            DETAIL = 'A part of the type has no binary form, so that the server cannot send changes'
              ' of the table.';
  END LOOP;
  FOR r IN
    SELECT v.value ->> 'schema' AS schema, v.value ->> 'name' AS name,
           v.value ->> 'relkind' AS relkind, v.value ->> 'persistence' AS persistence,
           v.value ->> 'owner' AS owner, (v.value ->> 'stream_table')::boolean AS stream_table,
           (v.value ->> 'system')::boolean AS system
    FROM jsonb_array_elements(p_document -> 'relations') v
  LOOP
    IF r.persistence = 't' THEN
      RAISE EXCEPTION 'a stream table cannot read temporary relation "%"', r.name
        USING ERRCODE = '0A000',
              HINT = 'It must outlive your session: use a permanent table.';
    ELSIF r.schema IN ('pgtrickle', 'pgtrickle_internal') THEN
      RAISE EXCEPTION 'a stream table cannot read "%.%"', r.schema, r.name
        USING ERRCODE = '0A000',
              DETAIL = 'Refreshing the stream table would change what it reads.';
    ELSIF r.relkind NOT IN ('r', 'p') OR r.persistence <> 'p' OR r.system THEN
      CONTINUE;
    ELSIF NOT has_schema_privilege(sidecar, r.schema, 'USAGE') THEN
      RAISE EXCEPTION 'the sidecar''s role "%" cannot use schema "%", where "%" is',
        sidecar, r.schema, r.name
        USING ERRCODE = '42501',
              DETAIL = 'It names the table to publish and to copy it.',
              HINT = format('GRANT USAGE ON SCHEMA %I TO %I;', r.schema, sidecar);
    ELSIF NOT r.stream_table AND NOT pg_has_role(sidecar, r.owner, 'USAGE') THEN
      -- Adding a table to a publication needs its ownership. A member that does not inherit has
      -- to be told otherwise, which is an option of the grant since 16.
      RAISE EXCEPTION 'the sidecar''s role "%" cannot capture the changes of "%.%"',
        sidecar, r.schema, r.name
        USING ERRCODE = '42501',
              DETAIL = format('It must be a member of the table''s owner "%s"%s.', r.owner,
                CASE WHEN pg_has_role(sidecar, r.owner, 'MEMBER')
                     THEN ' and inherit its privileges' ELSE '' END),
              HINT = CASE
                WHEN NOT pg_has_role(sidecar, r.owner, 'MEMBER')
                THEN format('GRANT %I TO %I;', r.owner, sidecar)
                WHEN current_setting('server_version_num')::int >= 160000
                THEN format('GRANT %I TO %I WITH INHERIT TRUE;', r.owner, sidecar)
                ELSE format('ALTER ROLE %I INHERIT;', sidecar) END;
    END IF;
  END LOOP;
END
$$;

-- ---------------------------------------------------------------------------------------------
-- 9 Life cycle
-- ---------------------------------------------------------------------------------------------

-- The sidecar's verdict on a query, NULL (with a WARNING) where it cannot be had now. It lets a
-- refusal and the choice of AUTO appear in the caller's transaction; the proof comes when the
-- stream table is initialized, so that a missing or wrong verdict costs a surprise, not exactness.
CREATE FUNCTION pgtrickle_internal.verdict(p_name text, p_mode text, p_document jsonb)
RETURNS jsonb LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  trouble record;
  answer  jsonb;
  notice  text;
BEGIN
  SELECT * INTO trouble FROM pgtrickle_internal.sidecar_problem();
  IF FOUND THEN
    RAISE WARNING 'stream table "%" is accepted unchecked: %', p_name, trouble.problem
      USING HINT = trouble.hint;
    RETURN NULL;
  END IF;
  IF current_setting('transaction_isolation') NOT IN ('read committed', 'read uncommitted') THEN
    RAISE WARNING 'stream table "%" is accepted unchecked: isolation level % hides the verdict',
      p_name, upper(current_setting('transaction_isolation'));
    RETURN NULL;
  END IF;
  answer := pgtrickle_internal.ask('analyze',
    jsonb_build_object('name', p_name, 'refresh_mode', p_mode, 'document', p_document),
    pgtrickle_internal.timeout_setting('analyze_timeout'));
  IF answer IS NULL THEN
    RAISE WARNING 'stream table "%" is accepted unchecked: no verdict within %', p_name,
      pgtrickle_internal.timeout_setting('analyze_timeout')
      USING HINT = 'pg_trickle.analyze_timeout sets how long to wait.';
    RETURN NULL;
  END IF;
  IF jsonb_typeof(answer -> 'error') = 'object' THEN
    PERFORM pgtrickle_internal.raise_error(answer -> 'error');
  END IF;
  IF answer ->> 'mode' = 'FULL' AND p_mode = 'DIFFERENTIAL' THEN
    RAISE EXCEPTION 'stream table "%" cannot be refreshed differentially', p_name
      USING ERRCODE = '0A000',
            DETAIL = coalesce(answer ->> 'reason_detail', answer ->> 'reason_code', 'No reason given.'),
            HINT = 'Use refresh_mode => ''AUTO'' or ''FULL'', or rewrite the query.';
  ELSIF answer ->> 'mode' = 'FULL' AND p_mode = 'AUTO' THEN
    RAISE NOTICE 'stream table "%" uses refresh mode FULL', p_name
      USING DETAIL = format('%s (%s)', answer ->> 'reason_detail', answer ->> 'reason_code');
  END IF;
  FOR notice IN
    SELECT n FROM jsonb_array_elements_text(
      CASE jsonb_typeof(answer -> 'notices') WHEN 'array' THEN answer -> 'notices' ELSE '[]' END) n
  LOOP
    RAISE NOTICE '%', notice;
  END LOOP;
  RETURN answer - 'notices' - 'error';
END
$$;

-- Says which tables will get REPLICA IDENTITY FULL before they are published, for their updates then
-- write whole old rows into the log. The sidecar looks for itself; this is for people to know.
CREATE FUNCTION pgtrickle_internal.tell_identities(p_document jsonb) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  r record;
BEGIN
  FOR r IN
    SELECT v.value ->> 'schema' AS schema, v.value ->> 'name' AS name, v.value ->> 'relkind' AS kind
    FROM jsonb_array_elements(p_document -> 'relations') v
    WHERE v.value ->> 'relkind' IN ('r', 'p') AND v.value ->> 'persistence' = 'p'
      AND NOT (v.value ->> 'system')::boolean AND NOT (v.value ->> 'stream_table')::boolean
      -- Of a partitioned table the partitions' identities count; its primary key is theirs, too.
      AND CASE WHEN v.value ->> 'relkind' = 'p'
               THEN v.value -> 'primary_key' = '[]' AND EXISTS (
                 SELECT FROM jsonb_array_elements(v.value -> 'descendants') d
                 WHERE d.value ->> 'relkind' = 'r' AND d.value ->> 'replica_identity' IN ('d', 'n'))
               ELSE CASE v.value ->> 'replica_identity'
                    WHEN 'd' THEN v.value -> 'primary_key' = '[]'
                    WHEN 'i' THEN v.value -> 'identity_key' = '[]'
                    WHEN 'n' THEN true
                    ELSE false END END
    ORDER BY 1, 2
  LOOP
    RAISE NOTICE '%table "%" will get REPLICA IDENTITY FULL',
      CASE r.kind WHEN 'p' THEN 'partitions of ' ELSE '' END, format('%I.%I', r.schema, r.name)
      USING DETAIL = 'It has no primary key or other replica identity by which the log could tell its'
              ' rows apart, so its updates and deletes will write whole old rows into the log.',
            HINT = 'With a primary key, or REPLICA IDENTITY USING INDEX, they write the key only.';
  END LOOP;
END
$$;

-- The empty storage table: the columns of the query, exactly, guarded.
CREATE FUNCTION pgtrickle_internal.make_storage(p_schema text, p_table text, p_columns jsonb)
RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  sidecar CONSTANT name := pgtrickle_internal.sidecar_role();
  columns text;
BEGIN
  IF NOT has_schema_privilege(sidecar, p_schema, 'USAGE') THEN
    RAISE EXCEPTION 'the sidecar''s role "%" cannot use schema "%"', sidecar, p_schema
      USING ERRCODE = '42501', HINT = format('GRANT USAGE ON SCHEMA %I TO %I;', p_schema, sidecar);
  END IF;
  SELECT string_agg(format('%I %s', c.value ->> 'name', c.value ->> 'type_name')
           || CASE WHEN k.oid IS NULL THEN '' ELSE format(' COLLATE %I.%I', n.nspname, k.collname) END,
           ', ' ORDER BY c.position)
  INTO columns
  FROM jsonb_array_elements(p_columns) WITH ORDINALITY c (value, position)
  JOIN pg_type t ON t.oid = (c.value ->> 'type_oid')::oid
  LEFT JOIN pg_collation k
    ON k.oid = (c.value ->> 'collation')::oid AND k.oid <> t.typcollation
  LEFT JOIN pg_namespace n ON n.oid = k.collnamespace;
  EXECUTE format('CREATE TABLE %I.%I (%s)', p_schema, p_table, columns);
  -- A publication for all tables must not make our own updates fail.
  EXECUTE format('ALTER TABLE %I.%I REPLICA IDENTITY FULL', p_schema, p_table);
  EXECUTE format(
    'CREATE TRIGGER pgtrickle_guard BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON %I.%I '
    'FOR EACH STATEMENT EXECUTE FUNCTION pgtrickle_internal.guard()', p_schema, p_table);
  IF current_user <> sidecar THEN
    EXECUTE format('GRANT SELECT ON %I.%I TO %I', p_schema, p_table, sidecar);
  END IF;
END
$$;

-- The storage table of a definition, NULL where there is none: what has its name, or was stamped as
-- its relation and renamed since; and in both cases only a table that carries our guard. So a table that
-- somebody put under the name of another is never written, and never dropped, as ours.
CREATE FUNCTION pgtrickle_internal.storage_of(p_definition pgtrickle.pgt_definitions)
RETURNS regclass LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT c.oid::regclass
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE (n.nspname = p_definition.schema_name AND c.relname = p_definition.table_name
         OR c.oid = p_definition.relid)
    AND c.relkind = 'r'
    AND EXISTS (SELECT FROM pg_trigger t
                WHERE t.tgrelid = c.oid
                  AND t.tgfoid = 'pgtrickle_internal.guard()'::regprocedure)
  ORDER BY n.nspname = p_definition.schema_name AND c.relname = p_definition.table_name DESC
  LIMIT 1
$$;

-- Why a storage table cannot be written under its name, NULL if it can.
CREATE FUNCTION pgtrickle_internal.storage_problem(p_pgt_id bigint) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  definition pgtrickle.pgt_definitions;
  storage    regclass;
  here       text;
  called     text;
BEGIN
  SELECT d.* INTO definition FROM pgtrickle.pgt_definitions d WHERE d.pgt_id = p_pgt_id;
  IF NOT FOUND THEN
    RETURN 'the stream table was dropped meanwhile';
  END IF;
  called := pgtrickle_internal.display_name(definition);
  storage := pgtrickle_internal.storage_of(definition);
  SELECT format('%I.%I', n.nspname, c.relname) INTO here
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = storage;
  IF here = called THEN
    RETURN NULL;
  ELSIF here IS NOT NULL THEN
    RETURN format('the storage table of %s is %s now: give it its name and schema back, then call '
                  'pgtrickle.repair_stream_table(%L)', called, here, called);
  ELSIF to_regclass(called) IS NOT NULL THEN
    RETURN format('%s is not a storage table; that one was dropped: give the other table another '
                  'name, then call pgtrickle.repair_stream_table(%L)', called, called);
  END IF;
  RETURN format('the storage table %s was dropped: pgtrickle.repair_stream_table(%L) makes it again',
                called, called);
END
$$;

-- The two functions through which the sidecar acts with the owner's rights and nobody else's: what
-- they run cannot change the role, and only the sidecar's role may call them. Statements read their
-- arguments as $1[1], $1[2], ...; they run under the search path the sidecar has set.
CREATE FUNCTION pgtrickle_internal.make_delegates(p_pgt_id bigint, p_schema text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  sidecar   CONSTANT name := pgtrickle_internal.sidecar_role();
  -- Whoever repairs the table of another one has his rights, and is not him.
  owner     CONSTANT name := coalesce(
    (SELECT pg_get_userbyid(c.relowner)
     FROM pgtrickle.pgt_definitions d JOIN pg_namespace n ON n.nspname = d.schema_name
     JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = d.table_name
     WHERE d.pgt_id = p_pgt_id), current_user);
  exec_name CONSTANT text := format('%I.%I', p_schema, '__pgt_exec_' || p_pgt_id);
  rows_name CONSTANT text := format('%I.%I', p_schema, '__pgt_query_' || p_pgt_id);
  delegate  text;
BEGIN
  IF owner = sidecar THEN
    RETURN;
  END IF;
  EXECUTE format($f$
    CREATE OR REPLACE FUNCTION %s(command text, arguments text[] DEFAULT '{}') RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER AS $body$%s$body$ $f$,
    exec_name, pgtrickle_internal.delegate_body('exec'));
  EXECUTE format($f$
    CREATE OR REPLACE FUNCTION %s(command text, arguments text[] DEFAULT '{}') RETURNS SETOF record
    LANGUAGE plpgsql SECURITY DEFINER AS $body$%s$body$ $f$,
    rows_name, pgtrickle_internal.delegate_body('query'));
  FOREACH delegate IN ARRAY ARRAY[exec_name, rows_name] LOOP
    EXECUTE format('REVOKE ALL ON FUNCTION %s(text, text[]) FROM PUBLIC', delegate);
    EXECUTE format('GRANT EXECUTE ON FUNCTION %s(text, text[]) TO %I', delegate, sidecar);
    IF owner <> current_user THEN
      EXECUTE format('ALTER FUNCTION %s(text, text[]) OWNER TO %I', delegate, owner);
    END IF;
  END LOOP;
END
$$;

CREATE FUNCTION pgtrickle_internal.delegate_body(p_kind text) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE p_kind WHEN 'exec' THEN '
DECLARE
  affected bigint;
BEGIN
  EXECUTE command USING arguments;
  GET DIAGNOSTICS affected = ROW_COUNT;
  RETURN affected;
END
' ELSE '
BEGIN
  -- Evaluated to the end in here: a cursor would run the rest with the rights of its reader.
  RETURN QUERY EXECUTE command USING arguments;
END
' END
$$;

-- What is wrong with the delegates of a stream table, NULL if they are as made (or not needed).
--
-- To be asked in the transaction that calls them, for a call: a table that the sidecar's role owns
-- by now has none that it could rely on. Where the sidecar's role is a superuser, they also
-- stay as they are until it ends: who replaces one has to wait for the locks taken here. The server
-- gives such locks on its catalogs to nobody else.
CREATE FUNCTION pgtrickle_internal.delegate_problem(
  p_pgt_id bigint, p_for_call boolean DEFAULT false) RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  sidecar CONSTANT name := pgtrickle_internal.sidecar_role();
  pinned  CONSTANT boolean := current_setting('is_superuser') = 'on'
                              AND current_setting('transaction_read_only') = 'off';
  d       record;
  p       record;
  kind    text;
  called  text;
  delayed text;
BEGIN
  SELECT f.schema_name, c.oid AS relid, c.relowner, pg_get_userbyid(c.relowner) AS owner INTO d
  FROM pgtrickle.pgt_definitions f JOIN pg_class c ON c.oid = f.relid
  WHERE f.pgt_id = p_pgt_id;
  IF NOT FOUND THEN
    RETURN 'the storage table does not exist';
  ELSIF d.owner = sidecar AND p_for_call THEN
    RETURN format('the storage table belongs to "%s" by now', sidecar);
  ELSIF d.owner = sidecar THEN
    RETURN NULL;
  END IF;
  FOREACH kind IN ARRAY ARRAY['exec', 'query'] LOOP
    called := format('%I.%I(text, text[])', d.schema_name, '__pgt_' || kind || '_' || p_pgt_id);
    IF pinned THEN
      PERFORM FROM pg_proc f WHERE f.oid = to_regprocedure(called) FOR SHARE SKIP LOCKED;
      IF NOT FOUND AND to_regprocedure(called) IS NOT NULL THEN
        RETURN format('function %s is being altered', called);
      END IF;
    END IF;
    SELECT f.* INTO p FROM pg_proc f WHERE f.oid = to_regprocedure(called);
    IF NOT FOUND THEN
      RETURN format('function %s does not exist', called);
    ELSIF p.proowner <> d.relowner THEN
      RETURN format('function %s is not owned by "%s"', called, d.owner);
    ELSIF NOT p.prosecdef OR p.proconfig IS NOT NULL OR p.prokind <> 'f' OR p.provariadic <> 0
          OR p.prosupport <> 0 OR p.proretset <> (kind = 'query')
          OR p.prorettype <> (CASE kind WHEN 'exec' THEN 'bigint' ELSE 'record' END)::regtype
          OR p.prosrc <> pgtrickle_internal.delegate_body(kind)
          OR p.prolang <> (SELECT l.oid FROM pg_language l WHERE l.lanname = 'plpgsql') THEN
      RETURN format('function %s was altered', called);
    ELSIF EXISTS (SELECT FROM aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
                  WHERE a.grantee <> p.proowner
                    AND (a.grantee = 0 OR pg_get_userbyid(a.grantee) <> sidecar)) THEN
      RETURN format('function %s may be called by others than the sidecar', called);
    ELSIF NOT has_function_privilege(sidecar, p.oid, 'EXECUTE') THEN
      RETURN format('function %s may not be called by the sidecar', called);
    END IF;
  END LOOP;
  -- Since 18 it runs as the role that was active when it was queued.
  IF current_setting('server_version_num')::int < 180000 THEN
    SELECT t.tgname INTO delayed FROM pg_trigger t
    WHERE t.tgrelid = d.relid AND t.tgdeferrable AND NOT t.tgisinternal LIMIT 1;
    IF FOUND THEN
      RETURN format('trigger %I of %s is deferrable, so that it would run at the commit, with the '
                    'rights of the sidecar', delayed, d.relid::regclass);
    END IF;
  END IF;
  RETURN NULL;
END
$$;

-- The same as an error, for statements that are sent together with the calls.
CREATE FUNCTION pgtrickle_internal.require_delegates(p_pgt_id bigint) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  problem CONSTANT text := pgtrickle_internal.delegate_problem(p_pgt_id, true);
BEGIN
  IF problem IS NOT NULL THEN
    RAISE EXCEPTION 'the sidecar cannot act for the owner: %', problem USING ERRCODE = '42501',
      HINT = 'pgtrickle.repair_stream_table() makes the functions anew.';
  END IF;
END
$$;

-- The temporary table through which large deltas of a storage table go, empty: one of this session
-- for these columns and this owner, who alone may read it. It is ours only if the sidecar's role
-- owns it, whatever it is called: owners' code runs in the same session.
CREATE FUNCTION pgtrickle_internal.staging_table(p_storage oid, p_columns text) RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  owner     name;
  stem      text;
  table_name text;
  is_full   boolean;
BEGIN
  SELECT pg_get_userbyid(c.relowner),
         format('pgt_stage_%s_%s_%s_', to_hex(c.oid::bigint), to_hex(c.relowner::bigint),
                left(md5(p_columns), 8))
  INTO owner, stem FROM pg_class c WHERE c.oid = p_storage;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'storage table % was dropped', p_storage USING ERRCODE = '42P01';
  END IF;
  SELECT s.relname INTO table_name FROM pg_class s
  WHERE s.relnamespace = pg_my_temp_schema() AND s.relkind = 'r'
    AND s.relname BETWEEN stem::name AND (stem || '~')::name
    AND pg_get_userbyid(s.relowner) = current_user
  LIMIT 1;
  IF FOUND THEN
    -- Full of an earlier delta of this transaction.
    EXECUTE format('SELECT EXISTS (SELECT FROM pg_temp.%I)', table_name) INTO is_full;
    IF is_full THEN
      EXECUTE format('TRUNCATE pg_temp.%I', table_name);
    END IF;
  ELSE
    table_name := stem || left(replace(gen_random_uuid()::text, '-', ''), 26);
    EXECUTE format('CREATE TEMPORARY TABLE %I (kind int8, w int8, %s) ON COMMIT DELETE ROWS',
                   table_name, p_columns);
    IF owner <> current_user THEN
      EXECUTE format('GRANT SELECT ON pg_temp.%I TO %I', table_name, owner);
    END IF;
  END IF;
  RETURN format('pg_temp.%I', table_name);
END
$$;

-- For statements that run directly, with the rights of the sidecar's role: fails unless that role
-- still owns the storage table, so that code of nobody else hangs on it. The lock keeps it so until
-- the transaction ends.
CREATE FUNCTION pgtrickle_internal.require_own_storage(p_storage text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  owner name;
BEGIN
  EXECUTE format('LOCK TABLE ONLY %s IN ACCESS SHARE MODE', p_storage);
  SELECT pg_get_userbyid(c.relowner) INTO owner FROM pg_class c WHERE c.oid = to_regclass(p_storage);
  IF owner <> current_user THEN
    RAISE EXCEPTION 'storage table % belongs to "%" by now, and not to the sidecar''s role "%"',
      p_storage, owner, current_user
      USING ERRCODE = '42501', DETAIL = 'What is written to it would run the new owner''s triggers'
              ' with the rights of the sidecar.',
            HINT = 'pgtrickle.repair_stream_table(), called by the new owner, has it written in his'
              ' name.';
  END IF;
END
$$;

CREATE FUNCTION pgtrickle_internal.drop_delegates(p_pgt_id bigint, p_schema text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  delegate regprocedure;
BEGIN
  FOR delegate IN
    SELECT p.oid::regprocedure FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
    WHERE n.nspname = p_schema
      AND p.proname IN ('__pgt_exec_' || p_pgt_id, '__pgt_query_' || p_pgt_id)
  LOOP
    EXECUTE format('DROP FUNCTION %s', delegate);
  END LOOP;
END
$$;

-- Whether a name is that of a relation; to_regclass() would go by what the session has cached, and
-- not see one that another session has just made.
CREATE FUNCTION pgtrickle_internal.is_relation(p_schema text, p_name text) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                 WHERE n.nspname = p_schema AND c.relname = p_name)
$$;

-- All three ways to create. p_exists says what to do with a stream table of that name, whether it
-- was there before or another session makes it at the same time.
CREATE FUNCTION pgtrickle_internal.create_definition(
  p_exists text, p_name text, p_query text, p_schedule text, p_refresh_mode text,
  p_initialize boolean, p_diamond_consistency text, p_diamond_schedule_policy text,
  p_cdc_mode text, p_append_only boolean, p_pooler_compatibility_mode boolean,
  p_partition_by text, p_max_differential_joins int, p_max_delta_fraction double precision,
  p_output_distribution_column text) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
  parts    text[] := pgtrickle_internal.split_name(p_name);
  schedule CONSTANT text := pgtrickle_internal.check_schedule(p_schedule);
  mode     CONSTANT text := pgtrickle_internal.check_mode(p_refresh_mode);
  consistency CONSTANT text := coalesce(pgtrickle_internal.check_choice(
    'diamond_consistency', p_diamond_consistency, '{none,atomic}'), 'atomic');
  policy   CONSTANT text := coalesce(pgtrickle_internal.check_choice(
    'diamond_schedule_policy', p_diamond_schedule_policy, '{fastest,slowest}'), 'fastest');
  capture  CONSTANT text := coalesce(pgtrickle_internal.check_choice(
    'cdc_mode', p_cdc_mode, '{auto,wal}'), 'auto');
  existing pgtrickle.pgt_definitions;
  document jsonb;
  new_id   bigint;
BEGIN
  PERFORM pgtrickle_internal.not_yet('partition_by', p_partition_by IS NOT NULL);
  PERFORM pgtrickle_internal.not_yet(
    'output_distribution_column', p_output_distribution_column IS NOT NULL);
  IF p_max_differential_joins <= 0 OR p_max_delta_fraction <= 0 OR p_max_delta_fraction > 1 THEN
    RAISE EXCEPTION 'max_differential_joins must be positive and max_delta_fraction within (0, 1]'
      USING ERRCODE = '22023';
  END IF;
  PERFORM pgtrickle_internal.warn_unused(p_diamond_consistency, p_diamond_schedule_policy,
    p_append_only, p_pooler_compatibility_mode, p_max_differential_joins, p_max_delta_fraction);

  LOOP
    IF p_exists = 'skip' THEN
      existing := pgtrickle_internal.find_definition(p_name);
      IF existing.pgt_id IS NOT NULL THEN
        RAISE NOTICE 'stream table "%" already exists, skipping', p_name USING ERRCODE = '42P07';
        RETURN;
      END IF;
    ELSIF p_exists = 'replace' THEN
      existing := pgtrickle_internal.lock_definition(p_name);
      IF existing.pgt_id IS NOT NULL THEN
        PERFORM pgtrickle_internal.replace_definition(existing, p_query, true, schedule, mode, NULL,
          consistency, policy, capture, coalesce(p_append_only, false),
          coalesce(p_pooler_compatibility_mode, false), p_max_differential_joins,
          p_max_delta_fraction);
        RETURN;
      END IF;
    END IF;

    parts[1] := coalesce(parts[1], current_schema());
    IF parts[1] IS NULL THEN
      RAISE EXCEPTION 'no schema has been selected to create in' USING ERRCODE = '3F000';
    ELSIF to_regnamespace(quote_ident(parts[1])) IS NULL THEN
      RAISE EXCEPTION 'schema "%" does not exist', parts[1] USING ERRCODE = '3F000';
    ELSIF parts[1] LIKE 'pg\_temp%' THEN
      RAISE EXCEPTION 'a stream table cannot be temporary' USING ERRCODE = '0A000';
    ELSIF pgtrickle_internal.is_relation(parts[1], parts[2]) THEN
      RAISE EXCEPTION 'relation "%" already exists', format('%I.%I', parts[1], parts[2])
        USING ERRCODE = '42P07';
    ELSIF EXISTS (SELECT FROM pgtrickle.pgt_definitions d
                  WHERE d.schema_name = parts[1] AND d.table_name = parts[2]) THEN
      RAISE EXCEPTION 'stream table "%" is defined, but its storage table was dropped',
        format('%I.%I', parts[1], parts[2])
        USING ERRCODE = '42P07', HINT = 'Call pgtrickle.drop_stream_table() first.';
    END IF;

    document := pgtrickle_internal.analyze_query(p_query);
    document := document || jsonb_build_object('verdict', pgtrickle_internal.verdict(
      format('%I.%I', parts[1], parts[2]), mode, document));
    BEGIN
      -- Waits for a session that is making a relation of that name.
      PERFORM pgtrickle_internal.make_storage(parts[1], parts[2], document -> 'columns');
      EXIT;
    EXCEPTION WHEN duplicate_table OR unique_violation THEN
      IF NOT pgtrickle_internal.is_relation(parts[1], parts[2]) THEN
        RAISE;
      END IF;
    END;
  END LOOP;
  INSERT INTO pgtrickle.pgt_definitions (
    schema_name, table_name, query, analysis, schedule, refresh_mode, initialize,
    diamond_consistency, diamond_schedule_policy, cdc_mode, append_only,
    pooler_compatibility_mode, max_differential_joins, max_delta_fraction)
  VALUES (
    parts[1], parts[2], p_query, document, schedule, mode, coalesce(p_initialize, true),
    consistency, policy, capture, coalesce(p_append_only, false),
    coalesce(p_pooler_compatibility_mode, false), p_max_differential_joins, p_max_delta_fraction)
  RETURNING pgt_id INTO new_id;
  PERFORM pgtrickle_internal.make_delegates(new_id, parts[1]);
  PERFORM pgtrickle_internal.tell_identities(document);
END
$$;

CREATE FUNCTION pgtrickle.create_stream_table(
  name text, query text, schedule text DEFAULT 'calculated', refresh_mode text DEFAULT 'AUTO',
  initialize boolean DEFAULT true, diamond_consistency text DEFAULT NULL,
  diamond_schedule_policy text DEFAULT NULL, cdc_mode text DEFAULT NULL,
  append_only boolean DEFAULT false, pooler_compatibility_mode boolean DEFAULT false,
  partition_by text DEFAULT NULL, max_differential_joins int DEFAULT NULL,
  max_delta_fraction double precision DEFAULT NULL, output_distribution_column text DEFAULT NULL)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pgtrickle_internal.create_definition('error', name, query, schedule, refresh_mode,
    initialize, diamond_consistency, diamond_schedule_policy, cdc_mode, append_only,
    pooler_compatibility_mode, partition_by, max_differential_joins, max_delta_fraction,
    output_distribution_column);
END
$$;
COMMENT ON FUNCTION pgtrickle.create_stream_table IS
  'Creates a table whose rows are kept those of a query; takes effect when the transaction commits';

CREATE FUNCTION pgtrickle.create_stream_table_if_not_exists(
  name text, query text, schedule text DEFAULT 'calculated', refresh_mode text DEFAULT 'AUTO',
  initialize boolean DEFAULT true, diamond_consistency text DEFAULT NULL,
  diamond_schedule_policy text DEFAULT NULL, cdc_mode text DEFAULT NULL,
  append_only boolean DEFAULT false, pooler_compatibility_mode boolean DEFAULT false,
  partition_by text DEFAULT NULL, max_differential_joins int DEFAULT NULL,
  max_delta_fraction double precision DEFAULT NULL, output_distribution_column text DEFAULT NULL)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pgtrickle_internal.create_definition('skip', name, query, schedule, refresh_mode,
    initialize, diamond_consistency, diamond_schedule_policy, cdc_mode, append_only,
    pooler_compatibility_mode, partition_by, max_differential_joins, max_delta_fraction,
    output_distribution_column);
END
$$;

CREATE FUNCTION pgtrickle.create_or_replace_stream_table(
  name text, query text, schedule text DEFAULT 'calculated', refresh_mode text DEFAULT 'AUTO',
  initialize boolean DEFAULT true, diamond_consistency text DEFAULT NULL,
  diamond_schedule_policy text DEFAULT NULL, cdc_mode text DEFAULT NULL,
  append_only boolean DEFAULT false, pooler_compatibility_mode boolean DEFAULT false,
  partition_by text DEFAULT NULL, max_differential_joins int DEFAULT NULL,
  max_delta_fraction double precision DEFAULT NULL, output_distribution_column text DEFAULT NULL)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pgtrickle_internal.create_definition('replace', name, query, schedule, refresh_mode,
    initialize, diamond_consistency, diamond_schedule_policy, cdc_mode, append_only,
    pooler_compatibility_mode, partition_by, max_differential_joins, max_delta_fraction,
    output_distribution_column);
END
$$;

CREATE FUNCTION pgtrickle_internal.require_ownership(p_definition pgtrickle.pgt_definitions)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  IF NOT pgtrickle_internal.may_manage(
       p_definition.schema_name, p_definition.table_name, p_definition.owner) THEN
    RAISE EXCEPTION 'must be owner of stream table "%"',
      pgtrickle_internal.display_name(p_definition) USING ERRCODE = '42501';
  END IF;
END
$$;

-- The definition a name means, NULL if there is none, as it stays until this transaction ends: who
-- is to change one works out from what it is now what it will be, and another transaction must not
-- change it in between. Whoever does so already is waited for, and then the name is looked up again,
-- since it may mean nothing or another stream table by now.
CREATE FUNCTION pgtrickle_internal.lock_definition(p_name text) RETURNS pgtrickle.pgt_definitions
LANGUAGE plpgsql AS $$
DECLARE
  named  pgtrickle.pgt_definitions;
  locked pgtrickle.pgt_definitions;
BEGIN
  LOOP
    named := pgtrickle_internal.find_definition(p_name);
    EXIT WHEN named.pgt_id IS NULL;
    -- The row policies let nobody else lock it.
    PERFORM pgtrickle_internal.require_ownership(named);
    SELECT d.* INTO locked FROM pgtrickle.pgt_definitions d WHERE d.pgt_id = named.pgt_id
    FOR UPDATE;
    EXIT WHEN FOUND;
  END LOOP;
  -- Since a dump was restored the cache may name another table.
  locked.relid := coalesce(pgtrickle_internal.storage_of(locked), locked.relid);
  RETURN locked;
END
$$;

CREATE FUNCTION pgtrickle_internal.require_locked_definition(p_name text)
RETURNS pgtrickle.pgt_definitions
LANGUAGE plpgsql AS $$
DECLARE
  result pgtrickle.pgt_definitions := pgtrickle_internal.lock_definition(p_name);
BEGIN
  IF result.pgt_id IS NULL THEN
    -- Says that it does not exist.
    result := pgtrickle_internal.require_definition(p_name);
  END IF;
  RETURN result;
END
$$;

-- Keeps everybody else from the storage table of a definition, NULL where there is none. Whoever has
-- begun to read it in a query of a stream table or a view is waited for, so that what is looked up
-- afterwards has all that depends on it.
CREATE FUNCTION pgtrickle_internal.lock_storage(p_definition pgtrickle.pgt_definitions)
RETURNS regclass LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  storage CONSTANT regclass := pgtrickle_internal.storage_of(p_definition);
BEGIN
  IF storage IS NOT NULL THEN
    EXECUTE format('LOCK TABLE ONLY %s IN ACCESS EXCLUSIVE MODE', storage);
  END IF;
  RETURN storage;
END
$$;

-- Lets those who change what existing stream tables read go one after the other: what two of them
-- add may only together make a circle. To be called before the query is looked at. The number spells
-- "pgt_edge" in ASCII.
CREATE FUNCTION pgtrickle_internal.lock_dependencies() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  PERFORM pg_advisory_xact_lock(8099570407920920421);
END
$$;

-- Stream tables whose queries read this one, directly or through views.
CREATE FUNCTION pgtrickle_internal.readers_of(p_definition pgtrickle.pgt_definitions)
RETURNS SETOF bigint LANGUAGE sql STABLE AS $$
  SELECT d.pgt_id FROM pgtrickle.pgt_dependencies d
  WHERE d.source_schema = p_definition.schema_name AND d.source_name = p_definition.table_name
    AND d.pgt_id <> p_definition.pgt_id
  ORDER BY d.pgt_id
$$;

-- A query that reads its own stream table, directly or through others, has no contents to converge
-- to. Views in between are in the documents already.
CREATE FUNCTION pgtrickle_internal.check_cycle(
  p_definition pgtrickle.pgt_definitions, p_document jsonb) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  found_path text;
BEGIN
  WITH RECURSIVE reads AS (
    SELECT r.value ->> 'schema' AS schema_name, r.value ->> 'name' AS table_name,
           format('%I.%I', r.value ->> 'schema', r.value ->> 'name') AS path
    FROM jsonb_array_elements(p_document -> 'relations') r
    UNION
    SELECT s.source_schema, s.source_name,
           r.path || ' -> ' || format('%I.%I', s.source_schema, s.source_name)
    FROM reads r
    JOIN pgtrickle.pgt_definitions d
      ON d.schema_name = r.schema_name AND d.table_name = r.table_name
     AND d.pgt_id <> p_definition.pgt_id
    JOIN pgtrickle.pgt_dependencies s ON s.pgt_id = d.pgt_id)
  SELECT r.path INTO found_path FROM reads r
  WHERE r.schema_name = p_definition.schema_name AND r.table_name = p_definition.table_name
  LIMIT 1;
  IF found_path IS NOT NULL THEN
    RAISE EXCEPTION 'stream table "%" would depend on itself',
      pgtrickle_internal.display_name(p_definition)
      USING ERRCODE = '3F000', DETAIL = 'It would read ' || found_path || '.';
  END IF;
END
$$;

-- What was built on a storage table and would be lost with it.
CREATE FUNCTION pgtrickle_internal.dependents_of(p_definition pgtrickle.pgt_definitions)
RETURNS text[] LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT array_agg(DISTINCT what ORDER BY what) FROM (
    SELECT format('%s %s', CASE c.relkind WHEN 'm' THEN 'materialized view' ELSE 'view' END,
                  c.oid::regclass) AS what
    FROM pg_depend d
    JOIN pg_rewrite r ON d.classid = 'pg_rewrite'::regclass AND r.oid = d.objid
    JOIN pg_class c ON c.oid = r.ev_class
    WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid = p_definition.relid
      AND c.oid <> p_definition.relid
    UNION ALL
    SELECT format('constraint %I of table %s', k.conname, k.conrelid::regclass)
    FROM pg_constraint k WHERE k.contype = 'f' AND k.confrelid = p_definition.relid
    UNION ALL
    SELECT format('stream table %I.%I', s.schema_name, s.table_name)
    FROM pgtrickle.pgt_definitions s
    WHERE s.pgt_id IN (SELECT pgtrickle_internal.readers_of(p_definition))
  ) dependents
$$;

CREATE FUNCTION pgtrickle_internal.same_columns(p_left jsonb, p_right jsonb) RETURNS boolean
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT (SELECT jsonb_agg(ARRAY[c ->> 'name', c ->> 'type_oid', c ->> 'typmod', c ->> 'collation'])
          FROM jsonb_array_elements(p_left) c)
         IS NOT DISTINCT FROM
         (SELECT jsonb_agg(ARRAY[c ->> 'name', c ->> 'type_oid', c ->> 'typmod', c ->> 'collation'])
          FROM jsonb_array_elements(p_right) c)
$$;

-- Another shape: the storage table is made anew, which is refused while anything depends on it.
CREATE FUNCTION pgtrickle_internal.remake_storage(
  p_definition pgtrickle.pgt_definitions, p_columns jsonb) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  storage    CONSTANT regclass := pgtrickle_internal.lock_storage(p_definition);
  dependents CONSTANT text[] := pgtrickle_internal.dependents_of(p_definition);
  -- Not whoever calls: the query would be evaluated with his rights from now on.
  owner      CONSTANT name := coalesce(
    (SELECT pg_get_userbyid(c.relowner) FROM pg_class c WHERE c.oid = storage),
    (SELECT r.rolname FROM pg_roles r WHERE r.rolname = p_definition.owner));
  grants     text[];
  one        text;
BEGIN
  IF dependents IS NOT NULL THEN
    RAISE EXCEPTION 'the new query of stream table "%" has other columns',
      pgtrickle_internal.display_name(p_definition)
      USING ERRCODE = '42P16',
            DETAIL = 'These depend on it: ' || array_to_string(dependents, ', ') || '.',
            HINT = 'Drop them first, or keep names, types and order of the columns.';
  END IF;
  SELECT array_agg(format('GRANT %s ON %I.%I TO %s%s', a.privilege_type,
           p_definition.schema_name, p_definition.table_name,
           CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END,
           CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END))
  INTO grants
  FROM pg_class c, LATERAL aclexplode(c.relacl) a
  WHERE c.oid = p_definition.relid AND a.grantee <> c.relowner AND a.grantor = c.relowner;
  IF storage IS NOT NULL THEN
    EXECUTE format('DROP TABLE %s', storage);
  END IF;
  PERFORM pgtrickle_internal.make_storage(
    p_definition.schema_name, p_definition.table_name, p_columns);
  IF owner <> current_user THEN
    EXECUTE format('ALTER TABLE %I.%I OWNER TO %I',
                   p_definition.schema_name, p_definition.table_name, owner);
  END IF;
  FOREACH one IN ARRAY coalesce(grants, '{}') LOOP
    EXECUTE one;
  END LOOP;
END
$$;

-- Changes what is not NULL of a locked definition. p_replace also sets what is NULL back, for
-- create_or_replace.
CREATE FUNCTION pgtrickle_internal.replace_definition(
  p_definition pgtrickle.pgt_definitions, p_query text, p_replace boolean, p_schedule text,
  p_refresh_mode text, p_status text, p_diamond_consistency text, p_diamond_schedule_policy text,
  p_cdc_mode text, p_append_only boolean, p_pooler_compatibility_mode boolean,
  p_max_differential_joins int, p_max_delta_fraction double precision) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
  mode     CONSTANT text := coalesce(p_refresh_mode, p_definition.refresh_mode);
  -- Not part of what a query means: how it is written, the verdict on it, and the tree, which names
  -- the temporary view it was taken from and tells nothing else that the rest does not.
  noise    CONSTANT text[] := '{query,verdict,tree}';
  new_text text := p_definition.query;
  document jsonb := p_definition.analysis;
  fresh    jsonb;
  changed  boolean := false;
BEGIN
  IF p_query IS NOT NULL THEN
    PERFORM pgtrickle_internal.lock_dependencies();
    fresh := pgtrickle_internal.analyze_query(p_query);
    PERFORM pgtrickle_internal.check_cycle(p_definition, fresh);
    changed := fresh - noise IS DISTINCT FROM document - noise;
    IF changed THEN
      new_text := p_query;
      document := fresh;
      PERFORM pgtrickle_internal.tell_identities(document);
    END IF;
  END IF;
  IF changed OR mode <> p_definition.refresh_mode THEN
    document := document || jsonb_build_object('verdict', pgtrickle_internal.verdict(
      pgtrickle_internal.display_name(p_definition), mode, document - 'verdict'));
  END IF;
  IF changed AND NOT pgtrickle_internal.same_columns(
       document -> 'columns', pgtrickle_internal.describe_columns(p_definition.relid)) THEN
    PERFORM pgtrickle_internal.remake_storage(p_definition, document -> 'columns');
  END IF;
  UPDATE pgtrickle.pgt_definitions d SET
    query = new_text,
    analysis = document,
    schedule = coalesce(p_schedule, d.schedule),
    refresh_mode = mode,
    status = coalesce(p_status, d.status),
    diamond_consistency = coalesce(p_diamond_consistency, d.diamond_consistency),
    diamond_schedule_policy = coalesce(p_diamond_schedule_policy, d.diamond_schedule_policy),
    cdc_mode = coalesce(p_cdc_mode, d.cdc_mode),
    append_only = coalesce(p_append_only, d.append_only),
    pooler_compatibility_mode =
      coalesce(p_pooler_compatibility_mode, d.pooler_compatibility_mode),
    max_differential_joins = CASE WHEN p_replace THEN p_max_differential_joins
                                  ELSE coalesce(p_max_differential_joins, d.max_differential_joins) END,
    max_delta_fraction = CASE WHEN p_replace THEN p_max_delta_fraction
                              ELSE coalesce(p_max_delta_fraction, d.max_delta_fraction) END
  WHERE d.pgt_id = p_definition.pgt_id;
END
$$;

CREATE FUNCTION pgtrickle.alter_stream_table(
  name text, query text DEFAULT NULL, schedule text DEFAULT NULL, refresh_mode text DEFAULT NULL,
  status text DEFAULT NULL, diamond_consistency text DEFAULT NULL,
  diamond_schedule_policy text DEFAULT NULL, cdc_mode text DEFAULT NULL,
  append_only boolean DEFAULT NULL, pooler_compatibility_mode boolean DEFAULT NULL,
  tier text DEFAULT NULL, fuse text DEFAULT NULL, fuse_ceiling bigint DEFAULT NULL,
  fuse_sensitivity int DEFAULT NULL, partition_by text DEFAULT NULL,
  max_differential_joins int DEFAULT NULL, max_delta_fraction double precision DEFAULT NULL)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  -- SUSPENDED is what 0.35 calls a table that the user has paused.
  wanted CONSTANT text := upper(pgtrickle_internal.check_choice(
    'status', alter_stream_table.status, '{active,paused,suspended}'));
BEGIN
  PERFORM pgtrickle_internal.not_yet('tier', tier IS NOT NULL);
  PERFORM pgtrickle_internal.not_yet('fuse', fuse IS NOT NULL);
  PERFORM pgtrickle_internal.not_yet('fuse_ceiling', fuse_ceiling IS NOT NULL);
  PERFORM pgtrickle_internal.not_yet('fuse_sensitivity', fuse_sensitivity IS NOT NULL);
  PERFORM pgtrickle_internal.not_yet('partition_by', partition_by IS NOT NULL);
  IF max_differential_joins <= 0 OR max_delta_fraction <= 0 OR max_delta_fraction > 1 THEN
    RAISE EXCEPTION 'max_differential_joins must be positive and max_delta_fraction within (0, 1]'
      USING ERRCODE = '22023';
  END IF;
  PERFORM pgtrickle_internal.warn_unused(diamond_consistency, diamond_schedule_policy, append_only,
    pooler_compatibility_mode, max_differential_joins, max_delta_fraction);
  PERFORM pgtrickle_internal.replace_definition(
    pgtrickle_internal.require_locked_definition(name), query, false,
    CASE WHEN schedule IS NOT NULL THEN pgtrickle_internal.check_schedule(schedule) END,
    CASE WHEN refresh_mode IS NOT NULL THEN pgtrickle_internal.check_mode(refresh_mode) END,
    CASE WHEN wanted = 'SUSPENDED' THEN 'PAUSED' ELSE wanted END,
    pgtrickle_internal.check_choice('diamond_consistency', diamond_consistency, '{none,atomic}'),
    pgtrickle_internal.check_choice(
      'diamond_schedule_policy', diamond_schedule_policy, '{fastest,slowest}'),
    pgtrickle_internal.check_choice('cdc_mode', cdc_mode, '{auto,wal}'),
    append_only, pooler_compatibility_mode, max_differential_joins, max_delta_fraction);
END
$$;

-- Takes hold of a definition and of all that read it, in the order in which one alone is dropped:
-- definitions, delegates, storage tables. All or none: whoever has begun to read or to change one of
-- them may want another, and one of the two would be the victim of a deadlock. After two seconds of
-- trying it is left to those who drop.
CREATE FUNCTION pgtrickle_internal.lock_all(p_definition pgtrickle.pgt_definitions)
RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  ids    bigint[];
  reader pgtrickle.pgt_definitions;
  tables text;
BEGIN
  FOR attempt IN 1 .. 100 LOOP
    BEGIN
      WITH RECURSIVE dropped(id) AS (
        SELECT p_definition.pgt_id
        UNION
        SELECT pgtrickle_internal.readers_of(d)
        FROM dropped JOIN pgtrickle.pgt_definitions d ON d.pgt_id = dropped.id)
      SELECT array_agg(id) INTO ids FROM dropped;
      FOR reader IN
        SELECT d.* FROM pgtrickle.pgt_definitions d WHERE d.pgt_id = ANY (ids)
        ORDER BY d.pgt_id FOR UPDATE NOWAIT
      LOOP
        PERFORM pgtrickle_internal.drop_delegates(reader.pgt_id, reader.schema_name);
        tables := concat_ws(', ', tables, 'ONLY ' || pgtrickle_internal.storage_of(reader));
      END LOOP;
      IF tables <> '' THEN
        EXECUTE 'LOCK TABLE ' || tables || ' IN ACCESS EXCLUSIVE MODE NOWAIT';
      END IF;
      RETURN;
    EXCEPTION
      -- The others where one was dropped in this moment.
      WHEN lock_not_available OR undefined_table OR undefined_function THEN
        tables := NULL;
        PERFORM pg_sleep(0.02);
      -- What is wrong with dropping that of somebody else is said by those who drop, too.
      WHEN insufficient_privilege THEN
        RETURN;
    END;
  END LOOP;
END
$$;

-- Drops a locked definition with its storage table. The delegates go first: the sidecar, too, takes
-- hold of them before it writes the table.
CREATE FUNCTION pgtrickle_internal.drop_definition(
  p_definition pgtrickle.pgt_definitions, p_cascade boolean) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  storage regclass;
  readers bigint[];
  reader  pgtrickle.pgt_definitions;
BEGIN
  PERFORM pgtrickle_internal.drop_delegates(p_definition.pgt_id, p_definition.schema_name);
  storage := pgtrickle_internal.lock_storage(p_definition);
  readers := ARRAY(SELECT pgtrickle_internal.readers_of(p_definition));
  IF readers <> '{}' AND NOT p_cascade THEN
    RAISE EXCEPTION 'cannot drop stream table "%" because other stream tables read it',
      pgtrickle_internal.display_name(p_definition)
      USING ERRCODE = '2BP01',
            DETAIL = (SELECT string_agg(pgtrickle_internal.display_name(d), ', ')
                      FROM pgtrickle.pgt_definitions d WHERE d.pgt_id = ANY (readers)),
            HINT = 'Use cascade => true to drop them too.';
  END IF;
  FOR reader IN
    SELECT d.* FROM pgtrickle.pgt_definitions d WHERE d.pgt_id = ANY (readers) ORDER BY d.pgt_id
  LOOP
    -- It may have gone with another reader, or by another session, or reads something else by now.
    reader := pgtrickle_internal.lock_definition(pgtrickle_internal.display_name(reader));
    IF reader.pgt_id IN (SELECT pgtrickle_internal.readers_of(p_definition)) THEN
      PERFORM pgtrickle_internal.drop_definition(reader, true);
    END IF;
  END LOOP;
  DELETE FROM pgtrickle.pgt_definitions d WHERE d.pgt_id = p_definition.pgt_id;
  IF storage IS NOT NULL THEN
    EXECUTE format('DROP TABLE %s%s', storage, CASE WHEN p_cascade THEN ' CASCADE' ELSE '' END);
  END IF;
END
$$;

CREATE FUNCTION pgtrickle.drop_stream_table(name text, cascade boolean DEFAULT false)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  definition CONSTANT pgtrickle.pgt_definitions :=
    pgtrickle_internal.require_locked_definition(name);
  trouble    record;
BEGIN
  IF drop_stream_table.cascade THEN
    PERFORM pgtrickle_internal.lock_all(definition);
  END IF;
  PERFORM pgtrickle_internal.drop_definition(
    definition, coalesce(drop_stream_table.cascade, false));
  FOR trouble IN SELECT * FROM pgtrickle_internal.sidecar_problem() LOOP
    RAISE WARNING 'stream table "%" is dropped, but its sources stay published until a sidecar learns of it: %',
      name, trouble.problem USING HINT = trouble.hint;
  END LOOP;
END
$$;

CREATE FUNCTION pgtrickle.resume_stream_table(name text) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
  definition CONSTANT pgtrickle.pgt_definitions :=
    pgtrickle_internal.require_locked_definition(name);
BEGIN
  -- Written even where it is ACTIVE already: the sidecar takes the write as the wish to try again
  -- a stream table that it has suspended after errors.
  UPDATE pgtrickle.pgt_definitions d SET status = 'ACTIVE' WHERE d.pgt_id = definition.pgt_id;
END
$$;

-- Analyses the query again, makes storage table and delegates whole, and has the contents rebuilt.
CREATE FUNCTION pgtrickle.repair_stream_table(name text) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
  definition CONSTANT pgtrickle.pgt_definitions :=
    pgtrickle_internal.require_locked_definition(name);
  path       CONSTANT text := current_setting('search_path');
  document   jsonb;
BEGIN
  PERFORM pgtrickle_internal.lock_dependencies();
  -- The text means what it meant under the search path of creation.
  PERFORM set_config('search_path', definition.analysis #>> '{settings,search_path}', true);
  document := pgtrickle_internal.analyze_query(definition.query);
  PERFORM set_config('search_path', path, true);
  PERFORM pgtrickle_internal.check_cycle(definition, document);
  document := document || jsonb_build_object('verdict', pgtrickle_internal.verdict(
    pgtrickle_internal.display_name(definition), definition.refresh_mode, document));
  -- Before the table, as in drop_definition().
  PERFORM pgtrickle_internal.drop_delegates(definition.pgt_id, definition.schema_name);
  -- A query without columns describes like a table that is not there.
  IF pgtrickle_internal.storage_of(definition) IS NULL OR NOT pgtrickle_internal.same_columns(
       document -> 'columns', pgtrickle_internal.describe_columns(definition.relid)) THEN
    PERFORM pgtrickle_internal.remake_storage(definition, document -> 'columns');
  END IF;
  PERFORM pgtrickle_internal.make_delegates(definition.pgt_id, definition.schema_name);
  UPDATE pgtrickle.pgt_definitions d
  SET analysis = document, generation = d.generation + 1
  WHERE d.pgt_id = definition.pgt_id;
  RETURN format('stream table %s is rebuilt when this transaction has committed',
                pgtrickle_internal.display_name(definition));
END
$$;

-- ---------------------------------------------------------------------------------------------
-- 10 Waiting calls
-- ---------------------------------------------------------------------------------------------

CREATE FUNCTION pgtrickle_internal.wait_for_stream(
  p_call text, p_kind text, p_name text, p_timeout interval) RETURNS pg_lsn
LANGUAGE plpgsql AS $$
DECLARE
  definition pgtrickle.pgt_definitions;
BEGIN
  IF p_name IS NOT NULL THEN
    definition := pgtrickle_internal.require_definition(p_name);
  END IF;
  PERFORM pgtrickle_internal.require_waiting(p_call, definition, p_timeout);
  RETURN pgtrickle_internal.call_sidecar(p_call, p_kind,
    jsonb_build_object(
      'name', CASE WHEN p_name IS NOT NULL THEN pgtrickle_internal.display_name(definition) END,
      'pgt_id', definition.pgt_id),
    p_timeout) ->> 'lsn';
END
$$;

CREATE FUNCTION pgtrickle.sync(name text DEFAULT NULL, timeout interval DEFAULT '30 s')
RETURNS pg_lsn LANGUAGE plpgsql AS $$
BEGIN
  RETURN pgtrickle_internal.wait_for_stream('sync', 'sync', name, timeout);
END
$$;
COMMENT ON FUNCTION pgtrickle.sync(text, interval) IS
  'Returns when the stream table (NULL: all) shows everything committed before the call';

CREATE FUNCTION pgtrickle.refresh_stream_table(name text) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
  IF name IS NULL THEN
    PERFORM pgtrickle_internal.split_name(name);
  END IF;
  PERFORM pgtrickle_internal.wait_for_stream('refresh_stream_table', 'refresh', name,
    pgtrickle_internal.timeout_setting('call_timeout'));
END
$$;

-- Polls the state instead of asking: it is what the sidecar keeps up to date anyway.
CREATE FUNCTION pgtrickle.wait_until_ready(name text, timeout interval DEFAULT '5 min')
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  definition CONSTANT pgtrickle.pgt_definitions := pgtrickle_internal.require_definition(name);
  deadline   CONSTANT timestamptz := clock_timestamp() + timeout;
  check_at   timestamptz := clock_timestamp() + interval '1 second';
  pause      double precision := 0.002;
  found      record;
BEGIN
  PERFORM pgtrickle_internal.require_waiting('wait_until_ready', definition, timeout);
  LOOP
    -- Altered meanwhile, it is ready when it shows what it was altered to.
    SELECT d.pgt_id, s.status, s.is_populated, s.error_sqlstate, s.error_message, s.reason_detail
    INTO found
    FROM pgtrickle.pgt_definitions d
    LEFT JOIN pgtrickle.pgt_state s ON s.pgt_id = d.pgt_id AND s.generation = d.generation
    WHERE d.pgt_id = definition.pgt_id;
    IF found.pgt_id IS NULL THEN
      RAISE EXCEPTION 'stream table "%" was dropped meanwhile',
        pgtrickle_internal.display_name(definition) USING ERRCODE = '42P01';
    ELSIF found.status = 'ACTIVE' AND found.is_populated THEN
      RETURN;
    ELSIF found.status IN ('ERROR', 'SUSPENDED') THEN
      PERFORM pgtrickle_internal.raise_error(jsonb_strip_nulls(jsonb_build_object(
        'sqlstate', found.error_sqlstate,
        'message', coalesce(found.error_message, format('stream table "%s" is in state %s',
                     pgtrickle_internal.display_name(definition), found.status)),
        'detail', found.reason_detail,
        'hint', 'Mend the cause, then call pgtrickle.repair_stream_table().')));
    END IF;
    IF clock_timestamp() >= deadline THEN
      RAISE EXCEPTION 'wait_until_ready() timed out after %', timeout
        USING ERRCODE = '57014',
              DETAIL = format('Stream table "%s" is in state %s%s.',
                pgtrickle_internal.display_name(definition),
                coalesce(found.status, 'INITIALIZING'),
                (SELECT ': ' || o.phase FROM pgtrickle.pgt_operations o
                 WHERE o.pgt_id = definition.pgt_id
                   AND o.state NOT IN ('completed', 'failed', 'cancelled')
                 ORDER BY o.operation_id DESC LIMIT 1)),
              HINT = 'SELECT * FROM pgtrickle.operations() shows what it waits for.';
    END IF;
    IF clock_timestamp() >= check_at THEN
      PERFORM pgtrickle_internal.require_sidecar();
      check_at := clock_timestamp() + interval '1 second';
    END IF;
    PERFORM pg_sleep(pause);
    pause := least(pause * 1.25, 0.1);
  END LOOP;
END
$$;

-- Waits until everything committed so far is in every stream table that is not gated, suspended or in
-- error; false when that takes longer.
CREATE FUNCTION pgtrickle.drain(timeout_s int DEFAULT 60) RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
  timeout CONSTANT interval := timeout_s * interval '1 second';
BEGIN
  PERFORM pgtrickle_internal.require_waiting('drain', NULL, timeout);
  RETURN pgtrickle_internal.ask('sync', '{"name": null, "pgt_id": null}', timeout) IS NOT NULL;
END
$$;
COMMENT ON FUNCTION pgtrickle.drain(int) IS
  'Waits until what was committed so far is applied; false on timeout';

CREATE FUNCTION pgtrickle_internal.set_gate(p_source text, p_gated boolean) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
  relation CONSTANT regclass := to_regclass(p_source);
BEGIN
  IF relation IS NULL THEN
    RAISE EXCEPTION 'relation "%" does not exist', p_source USING ERRCODE = '42P01';
  END IF;
  IF NOT pgtrickle_internal.may_gate(relation) THEN
    RAISE EXCEPTION 'must be owner of table %', relation USING ERRCODE = '42501';
  END IF;
  INSERT INTO pgtrickle.pgt_source_gates AS g (source_relid, gated, ungated_at)
  VALUES (relation, p_gated, CASE WHEN NOT p_gated THEN now() END)
  ON CONFLICT (source_relid) DO UPDATE
    SET gated = p_gated,
        gated_at = CASE WHEN p_gated THEN now() ELSE g.gated_at END,
        ungated_at = CASE WHEN p_gated THEN NULL ELSE now() END,
        gated_by = CASE WHEN p_gated THEN current_user ELSE g.gated_by END;
END
$$;

CREATE FUNCTION pgtrickle.gate_source(source text) RETURNS void
LANGUAGE sql AS $$ SELECT pgtrickle_internal.set_gate(source, true) $$;
COMMENT ON FUNCTION pgtrickle.gate_source(text) IS
  'Holds back what reads a table while it is being loaded; changes are kept and released together';

CREATE FUNCTION pgtrickle.ungate_source(source text) RETURNS void
LANGUAGE sql AS $$ SELECT pgtrickle_internal.set_gate(source, false) $$;

CREATE FUNCTION pgtrickle.source_gates()
RETURNS TABLE (source_table text, schema_name text, gated boolean, gated_at timestamptz,
               ungated_at timestamptz, gated_by text)
LANGUAGE sql STABLE AS $$
  SELECT c.relname::text, n.nspname::text, g.gated, g.gated_at, g.ungated_at, g.gated_by::text
  FROM pgtrickle.pgt_source_gates g
  JOIN pg_catalog.pg_class c ON c.oid = g.source_relid
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  ORDER BY 2, 1
$$;

-- ---------------------------------------------------------------------------------------------
-- 11 Subscriptions
-- ---------------------------------------------------------------------------------------------

CREATE FUNCTION pgtrickle.subscribe(stream_table text, channel text) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
  definition CONSTANT pgtrickle.pgt_definitions :=
    pgtrickle_internal.require_definition(stream_table);
BEGIN
  IF channel IS NULL OR octet_length(channel) NOT BETWEEN 1 AND 63 THEN
    RAISE EXCEPTION 'a channel has a name of 1 to 63 bytes, not "%"', channel
      USING ERRCODE = '22023';
  END IF;
  IF NOT pgtrickle_internal.may_manage_or_read(definition.pgt_id, true) THEN
    RAISE EXCEPTION 'permission denied for stream table "%"',
      pgtrickle_internal.display_name(definition) USING ERRCODE = '42501';
  END IF;
  INSERT INTO pgtrickle_internal.pgt_subscriptions (pgt_id, channel)
  VALUES (definition.pgt_id, subscribe.channel) ON CONFLICT DO NOTHING;
END
$$;
COMMENT ON FUNCTION pgtrickle.subscribe(text, text) IS
  'Has refreshes that changed rows of the stream table notified on the channel';

CREATE FUNCTION pgtrickle.unsubscribe(stream_table text, channel text) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
  definition CONSTANT pgtrickle.pgt_definitions :=
    pgtrickle_internal.require_definition(stream_table);
BEGIN
  DELETE FROM pgtrickle_internal.pgt_subscriptions s
  WHERE s.pgt_id = definition.pgt_id AND s.channel = unsubscribe.channel;
  IF NOT FOUND AND EXISTS (
    SELECT FROM pgtrickle_internal.pgt_subscriptions s
    WHERE s.pgt_id = definition.pgt_id AND s.channel = unsubscribe.channel) THEN
    RAISE EXCEPTION 'the subscription of channel "%" was made by someone else', channel
      USING ERRCODE = '42501';
  END IF;
END
$$;

CREATE FUNCTION pgtrickle.list_subscriptions()
RETURNS TABLE (stream_table text, channel text, created_at timestamptz)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT s.stream_table, s.channel, s.created_at
  FROM pgtrickle.pgt_subscriptions s ORDER BY s.stream_table, s.channel
$$;

-- ---------------------------------------------------------------------------------------------
-- 12 Inspection
-- ---------------------------------------------------------------------------------------------

CREATE VIEW pgtrickle.stream_tables_info AS
  SELECT st.*,
         pg_catalog.clock_timestamp() - st.data_timestamp AS staleness,
         pg_catalog.clock_timestamp() - st.data_timestamp
           > pgtrickle_internal.duration_of(st.schedule) AS stale
  FROM pgtrickle.pgt_stream_tables st;

CREATE FUNCTION pgtrickle.pgt_status()
RETURNS TABLE (name text, status text, refresh_mode text, is_populated boolean,
               consecutive_errors int, schedule text, data_timestamp timestamptz,
               staleness interval, scc_id int)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  -- scc_id numbers cycles of stream tables in 0.35; there are none here.
  SELECT pg_catalog.format('%I.%I', i.pgt_schema, i.pgt_name), i.status,
         coalesce(i.effective_refresh_mode, i.refresh_mode), i.is_populated,
         i.consecutive_errors, i.schedule, i.data_timestamp, i.staleness, NULL::int
  FROM pgtrickle.stream_tables_info i ORDER BY 1
$$;

CREATE FUNCTION pgtrickle.get_refresh_history(name text, max_rows int DEFAULT 20)
RETURNS TABLE (refresh_id bigint, data_timestamp timestamptz, start_time timestamptz,
               end_time timestamptz, action text, status text, rows_inserted bigint,
               rows_deleted bigint, duration_ms double precision, error_message text,
               refreshes int, reason_code text)
LANGUAGE plpgsql STABLE AS $$
DECLARE
  definition CONSTANT pgtrickle.pgt_definitions := pgtrickle_internal.require_definition(name);
BEGIN
  RETURN QUERY
    SELECT h.refresh_id, h.data_timestamp, h.start_time, h.end_time, h.action, h.status,
           h.rows_inserted, h.rows_deleted, h.duration_ms, h.error_message, h.refreshes,
           h.reason_code
    FROM pgtrickle.pgt_refresh_history h
    WHERE h.pgt_id = definition.pgt_id
    ORDER BY h.start_time DESC, h.history_id DESC
    LIMIT max_rows;
END
$$;

-- A type, because a parameter cannot share its name with a column of RETURNS TABLE.
CREATE TYPE pgtrickle.operation_report AS (
  operation_id bigint, kind text, stream_table text, state text, phase text,
  progress double precision, attempt int, owner uuid, heartbeat_at timestamptz, error text);

CREATE FUNCTION pgtrickle.operations(name text DEFAULT NULL)
RETURNS SETOF pgtrickle.operation_report
LANGUAGE plpgsql STABLE AS $$
DECLARE
  definition pgtrickle.pgt_definitions;
BEGIN
  IF operations.name IS NOT NULL THEN
    definition := pgtrickle_internal.require_definition(operations.name);
  END IF;
  RETURN QUERY
    SELECT o.operation_id, o.kind, o.stream_table, o.state, o.phase,
           CASE WHEN o.rows_total > 0
                THEN least(1, o.rows_done::double precision / o.rows_total) END,
           o.attempt, o.owner, o.heartbeat_at,
           nullif(pg_catalog.concat_ws(' ', o.error_sqlstate, o.error_message), '')
    FROM pgtrickle.pgt_operations o
    WHERE definition.pgt_id IS NULL OR o.pgt_id = definition.pgt_id
    ORDER BY o.operation_id DESC;
END
$$;
COMMENT ON FUNCTION pgtrickle.operations(text) IS
  'Initializations: what phase they are in, how far, whom they wait for, how they ended; newest first';

CREATE FUNCTION pgtrickle.explain_refresh_mode(name text)
RETURNS TABLE (configured_mode text, effective_mode text, downgrade_reason text)
LANGUAGE plpgsql STABLE AS $$
DECLARE
  definition CONSTANT pgtrickle.pgt_definitions := pgtrickle_internal.require_definition(name);
BEGIN
  RETURN QUERY
    SELECT t.refresh_mode, t.effective_refresh_mode,
           CASE WHEN t.effective_refresh_mode <> t.refresh_mode AND t.reason_code IS NOT NULL
                THEN pg_catalog.concat_ws(': ', t.reason_code, t.reason_detail) END
    FROM pgtrickle.pgt_stream_tables t WHERE t.pgt_id = definition.pgt_id;
END
$$;

-- A type, because a parameter and a column of RETURNS TABLE cannot share the name "name".
CREATE TYPE pgtrickle.freshness_report AS (
  name text, frontier pg_lsn, source_lsn pg_lsn, lag_bytes bigint,
  commit_to_visible_p50_ms double precision, commit_to_visible_p99_ms double precision);

CREATE FUNCTION pgtrickle.freshness(name text DEFAULT NULL)
RETURNS SETOF pgtrickle.freshness_report
LANGUAGE plpgsql STABLE AS $$
DECLARE
  definition pgtrickle.pgt_definitions;
BEGIN
  IF freshness.name IS NOT NULL THEN
    definition := pgtrickle_internal.require_definition(freshness.name);
  END IF;
  RETURN QUERY
    SELECT pg_catalog.format('%I.%I', t.pgt_schema, t.pgt_name), t.frontier, w.lsn,
           (w.lsn - t.frontier)::bigint, t.commit_to_visible_p50_ms, t.commit_to_visible_p99_ms
    FROM pgtrickle.pgt_stream_tables t, (SELECT pg_current_wal_lsn() AS lsn) w
    WHERE definition.pgt_id IS NULL OR t.pgt_id = definition.pgt_id
    ORDER BY 1;
END
$$;

CREATE FUNCTION pgtrickle.explain_stream_table(name text, format text DEFAULT 'text')
RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  definition CONSTANT pgtrickle.pgt_definitions := pgtrickle_internal.require_definition(name);
  wanted     CONSTANT text := pgtrickle_internal.check_choice('format', format, '{text,json,dot}');
  timeout    CONSTANT interval := pgtrickle_internal.timeout_setting('call_timeout');
BEGIN
  PERFORM pgtrickle_internal.require_waiting('explain_stream_table', definition, timeout);
  RETURN pgtrickle_internal.call_sidecar('explain_stream_table', 'explain',
    jsonb_build_object('name', pgtrickle_internal.display_name(definition),
                       'pgt_id', definition.pgt_id, 'format', wanted),
    timeout) ->> 'text';
END
$$;

-- One row per finding. The first three columns are those of 0.35; the sidecar reports a finding per
-- construct: where it stands in the query, in which tier it is evaluated (native, mixed, server, full) and
-- why. What PostgreSQL itself refuses is raised, with PostgreSQL's error.
CREATE FUNCTION pgtrickle.validate_query(query text)
RETURNS TABLE (check_name text, result text, severity text, construct text, "position" int,
               tier text, reason_code text, detail text)
LANGUAGE plpgsql AS $$
DECLARE
  document CONSTANT jsonb := pgtrickle_internal.analyze_query(query);
  timeout  CONSTANT interval := pgtrickle_internal.timeout_setting('analyze_timeout');
  answer   jsonb;
BEGIN
  RETURN QUERY SELECT 'postgresql', 'accepted', 'INFO', NULL::text, NULL::int, NULL::text,
                      NULL::text, NULL::text;
  PERFORM pgtrickle_internal.require_answering('validate_query', timeout);
  answer := pgtrickle_internal.call_sidecar('validate_query', 'validate',
    jsonb_build_object('refresh_mode', 'AUTO', 'document', document), timeout);
  RETURN QUERY SELECT 'resolved_refresh_mode', answer ->> 'mode',
    CASE WHEN answer ->> 'mode' = 'FULL' THEN 'WARNING' ELSE 'INFO' END,
    NULL::text, NULL::int, NULL::text, answer ->> 'reason_code', answer ->> 'reason_detail';
  RETURN QUERY
    SELECT coalesce(f.value ->> 'check_name', 'construct'),
           coalesce(f.value ->> 'result', f.value ->> 'tier'),
           coalesce(f.value ->> 'severity', 'INFO'),
           f.value ->> 'construct', (f.value ->> 'position')::int, f.value ->> 'tier',
           f.value ->> 'reason_code', f.value ->> 'detail'
    FROM jsonb_array_elements(
      CASE jsonb_typeof(answer -> 'findings') WHEN 'array' THEN answer -> 'findings'
           ELSE '[]' END) WITH ORDINALITY f (value, number)
    ORDER BY f.number;
END
$$;

-- Custom parameters whose value is not understood, and so ignored.
CREATE FUNCTION pgtrickle_internal.misconfigured() RETURNS TABLE (name text, problem text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
  s record;
BEGIN
  FOR s IN SELECT d.name, pgtrickle_internal.overridden_setting(d.name) AS value
           FROM pgtrickle_internal.settings_registry() d LOOP
    BEGIN
      PERFORM pgtrickle_internal.normalize_setting(s.name, s.value) WHERE s.value IS NOT NULL;
    EXCEPTION WHEN invalid_parameter_value THEN
      RETURN QUERY SELECT 'pg_trickle.' || s.name, SQLERRM;
    END;
  END LOOP;
END
$$;

-- How much WAL our slot keeps from being removed, NULL without a slot. A copy of a database has the
-- name of the original's slot too: one of another database is none of ours, here and below.
CREATE FUNCTION pgtrickle_internal.slot_lag_bytes() RETURNS bigint
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT (CASE WHEN pg_is_in_recovery() THEN pg_last_wal_receive_lsn() ELSE pg_current_wal_lsn() END
          - r.restart_lsn)::bigint
  FROM pgtrickle_internal.pgt_progress p
  JOIN pg_replication_slots r ON r.slot_name = p.slot_name AND r.database = current_database()
$$;

-- What max_slot_wal_keep_size should be said to be: half of what the volume of the log could hold is
-- not known to SQL, so a multiple of what one checkpoint cycle writes.
CREATE FUNCTION pgtrickle_internal.suggested_wal_keep() RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT greatest(10, ceil(pg_catalog.pg_size_bytes(pg_catalog.current_setting('max_wal_size'))
                           * 5 / 1073741824.0))::bigint || 'GB'
$$;

-- The slot, the stream and what happened to them, for everybody to see.
CREATE FUNCTION pgtrickle_internal.capture_status()
RETURNS TABLE (slot_name text, slot_exists boolean, active boolean, retained_bytes bigint,
               confirmed_lsn pg_lsn, wal_status text, lost_because text, safe_wal_size bigint,
               publication_name text, phase text, protocol_version int, streaming boolean,
               losses bigint, problem text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT p.slot_name, r.slot_name IS NOT NULL, coalesce(r.active, false),
         pgtrickle_internal.slot_lag_bytes(), r.confirmed_flush_lsn, r.wal_status,
         -- invalidation_reason exists since 17.
         coalesce(to_jsonb(r) ->> 'invalidation_reason',
                  CASE WHEN r.wal_status = 'lost' THEN 'wal_removed' END),
         r.safe_wal_size, p.publication_name,
         c.phase, c.protocol_version, c.streaming, c.losses, c.problem
  FROM pgtrickle_internal.pgt_progress p CROSS JOIN pgtrickle_internal.pgt_capture c
  LEFT JOIN pg_replication_slots r
    ON r.slot_name = p.slot_name AND r.database = current_database()
$$;

CREATE FUNCTION pgtrickle_internal.recent_capture_events(p_age interval)
RETURNS TABLE (at timestamptz, kind text, severity text, sqlstate text, detail text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT e.at, e.kind, e.severity, e.sqlstate, e.detail
  FROM pgtrickle_internal.pgt_capture_events e
  WHERE e.at > clock_timestamp() - p_age ORDER BY e.event_id
$$;

CREATE FUNCTION pgtrickle.health_check()
RETURNS TABLE (check_name text, severity text, detail text)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
  problem record;
  capture record;
  lag_mb  CONSTANT bigint := pgtrickle_internal.slot_lag_bytes() / 1048576;
BEGIN
  SELECT p.problem, p.hint INTO problem FROM pgtrickle_internal.sidecar_problem() p;
  SELECT * INTO capture FROM pgtrickle_internal.capture_status();
  IF problem.problem IS NULL THEN
    RETURN QUERY SELECT 'sidecar', 'OK', 'the sidecar is alive';
  ELSE
    RETURN QUERY SELECT 'sidecar', 'ERROR', problem.problem || '. ' || problem.hint;
  END IF;
  RETURN QUERY SELECT 'slot_lag',
    CASE WHEN lag_mb IS NULL THEN 'WARNING'
         WHEN lag_mb >= pgtrickle_internal.setting('slot_lag_critical_threshold_mb')::bigint
         THEN 'ERROR'
         WHEN lag_mb >= pgtrickle_internal.setting('slot_lag_warning_threshold_mb')::bigint
         THEN 'WARNING' ELSE 'OK' END,
    CASE WHEN lag_mb IS NULL THEN 'there is no replication slot yet'
         ELSE format('the replication slot retains %s MB of WAL', lag_mb) END;
  IF capture.slot_name IS NOT NULL THEN
    RETURN QUERY SELECT 'slot',
      CASE WHEN NOT capture.slot_exists OR capture.lost_because IS NOT NULL THEN 'ERROR'
           WHEN capture.wal_status = 'unreserved' THEN 'WARNING' ELSE 'OK' END,
      CASE WHEN NOT capture.slot_exists
           THEN format('replication slot "%s" is gone; the sidecar makes a new one and initializes every stream table again',
                       capture.slot_name)
           WHEN capture.lost_because IS NOT NULL
           THEN format('replication slot "%s" is lost (%s); the sidecar makes a new one and initializes every stream table again',
                       capture.slot_name, capture.lost_because)
           WHEN capture.wal_status = 'unreserved'
           THEN format('replication slot "%s" is about to be lost: the next checkpoint may remove WAL that it needs',
                       capture.slot_name)
           ELSE format('replication slot "%s" is intact%s', capture.slot_name,
                       coalesce(format('; %s MB more may be written before it is lost',
                                       capture.safe_wal_size / 1048576), '')) END;
    RETURN QUERY SELECT 'stream',
      CASE capture.phase WHEN 'READING' THEN 'OK' WHEN 'PAUSED' THEN 'WARNING' ELSE 'ERROR' END,
      CASE capture.phase WHEN 'READING' THEN 'the log is being read'
           WHEN 'PAUSED' THEN 'reading the log is paused (setting "cdc_paused"); the slot keeps what comes'
           ELSE 'the connection is lost and being made again: ' || coalesce(capture.problem, 'unknown') END
      WHERE problem.problem IS NULL AND capture.phase IS NOT NULL;
  END IF;
  IF (SELECT p.setting FROM pg_settings p WHERE p.name = 'max_slot_wal_keep_size') = '-1' THEN
    RETURN QUERY SELECT 'max_slot_wal_keep_size', 'WARNING',
      format('it is -1: WAL that a stopped sidecar keeps back can fill the disk. Run ALTER SYSTEM SET max_slot_wal_keep_size = ''%s'' and SELECT pg_reload_conf()',
             pgtrickle_internal.suggested_wal_keep());
  END IF;
  RETURN QUERY
    SELECT e.kind, CASE WHEN e.severity = 'INFO' THEN 'OK' ELSE 'WARNING' END,
           to_char(e.at, 'YYYY-MM-DD HH24:MI:SS') || ' ' || e.detail
    FROM pgtrickle_internal.recent_capture_events(interval '15 minutes') e;
  RETURN QUERY
    SELECT 'setting', 'WARNING', m.name || ' is ignored: ' || m.problem
    FROM pgtrickle_internal.misconfigured() m;
  IF pgtrickle_internal.setting('enabled') = 'off' THEN
    RETURN QUERY SELECT 'enabled', 'WARNING', 'refreshing is switched off (setting "enabled")';
  END IF;
  RETURN QUERY
    SELECT 'gate', 'WARNING',
           format('%I.%I is gated since %s: what reads it is held back', g.schema_name,
                  g.source_table, to_char(g.gated_at, 'YYYY-MM-DD HH24:MI:SS'))
    FROM pgtrickle.source_gates() g WHERE g.gated;
  RETURN QUERY
    SELECT 'stream_table',
           CASE WHEN t.status IN ('ERROR', 'HELD') THEN 'ERROR' ELSE 'WARNING' END,
           format('%I.%I is in state %s', t.pgt_schema, t.pgt_name, t.status)
             || coalesce(': ' || t.last_error_message, '')
    FROM pgtrickle.pgt_stream_tables t WHERE t.status <> 'ACTIVE'
    ORDER BY t.pgt_schema, t.pgt_name;
END
$$;

-- Per source table, as in 0.35, and how the log is read.
CREATE FUNCTION pgtrickle.check_cdc_health()
RETURNS TABLE (source_relid oid, source_table text, cdc_mode text, slot_name text,
               lag_bytes bigint, confirmed_lsn text, alert text,
               protocol_version int, streaming boolean, phase text)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT s.relid, pg_catalog.format('%I.%I', n.nspname, k.relname), 'WAL'::text, c.slot_name,
         c.retained_bytes, c.confirmed_lsn::text,
         CASE WHEN NOT c.slot_exists THEN 'replication_slot_missing'
              WHEN c.lost_because IS NOT NULL THEN 'replication_slot_lost: ' || c.lost_because
              WHEN pr.prrelid IS NULL THEN 'not_published'
              WHEN c.phase = 'PAUSED' THEN 'paused'
              WHEN c.phase = 'RECONNECTING' THEN 'stream_disconnected: ' || coalesce(c.problem, '')
              WHEN NOT c.active THEN 'slot_not_active'
              WHEN c.retained_bytes > pgtrickle_internal.setting('slot_lag_critical_threshold_mb')::bigint * 1048576
              THEN 'slot_lag_exceeds_threshold' END,
         c.protocol_version, c.streaming, c.phase
  FROM pgtrickle_internal.capture_status() c
  CROSS JOIN (SELECT DISTINCT d.source_relid AS relid FROM pgtrickle.pgt_dependencies d
              WHERE d.source_type = 'TABLE') s
  JOIN pg_catalog.pg_class k ON k.oid = s.relid AND k.relkind IN ('r', 'p') AND k.oid >= 16384
  JOIN pg_catalog.pg_namespace n ON n.oid = k.relnamespace
  LEFT JOIN pg_catalog.pg_publication b ON b.pubname = c.publication_name
  LEFT JOIN pg_catalog.pg_publication_rel pr ON pr.prpubid = b.oid AND pr.prrelid = s.relid
  WHERE c.slot_name IS NOT NULL
  ORDER BY 2
$$;
COMMENT ON FUNCTION pgtrickle.check_cdc_health() IS
  'How the changes of each source table are captured, and what is wrong with that';

CREATE FUNCTION pgtrickle.slot_health()
RETURNS TABLE (slot_name text, source_relid bigint, active boolean, retained_wal_bytes bigint,
               wal_status text, invalidation_reason text, safe_wal_size bigint)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  -- One slot serves every source here.
  SELECT c.slot_name, NULL::bigint, c.active, c.retained_bytes, c.wal_status, c.lost_because,
         c.safe_wal_size
  FROM pgtrickle_internal.capture_status() c WHERE c.slot_exists
$$;

-- ---------------------------------------------------------------------------------------------
-- 13 Privileges
-- ---------------------------------------------------------------------------------------------
-- USAGE on the internal schema lets the functions that callers use find their helpers. Its tables
-- stay closed. Its functions run with the caller's own rights, except a few readers (SECURITY
-- DEFINER) that tell settings, whether the sidecar is alive, and the answer to one's own request.

GRANT USAGE ON SCHEMA pgtrickle, pgtrickle_internal TO PUBLIC;

GRANT SELECT ON
  pgtrickle.pgt_definitions, pgtrickle.pgt_state, pgtrickle.pgt_refresh_history,
  pgtrickle.pgt_operations, pgtrickle.pgt_subscriptions, pgtrickle.pgt_stream_tables,
  pgtrickle.pgt_dependencies, pgtrickle.stream_tables_info, pgtrickle.settings TO PUBLIC;

GRANT DELETE,
  INSERT (schema_name, table_name, query, analysis, schedule, refresh_mode, status, initialize,
          diamond_consistency, diamond_schedule_policy, cdc_mode, append_only,
          pooler_compatibility_mode, max_differential_joins, max_delta_fraction),
  UPDATE (query, analysis, schedule, refresh_mode, status, generation, initialize,
          diamond_consistency, diamond_schedule_policy, cdc_mode, append_only,
          pooler_compatibility_mode, max_differential_joins, max_delta_fraction)
  ON pgtrickle.pgt_definitions TO PUBLIC;

GRANT SELECT, DELETE, INSERT (pgt_id, channel) ON pgtrickle_internal.pgt_subscriptions TO PUBLIC;

GRANT SELECT, INSERT (source_relid, gated, ungated_at),
  UPDATE (gated, gated_at, ungated_at, gated_by) ON pgtrickle.pgt_source_gates TO PUBLIC;

-- A member of an extension is dumped with its definition only; this has pg_dump save the rows too,
-- and where a sequence stands.
DO $$
BEGIN
  IF EXISTS (SELECT FROM pg_catalog.pg_extension WHERE extname = 'pgtrickle') THEN
    PERFORM pg_catalog.pg_extension_config_dump('pgtrickle.pgt_definitions', '');
    PERFORM pg_catalog.pg_extension_config_dump(
      pg_catalog.pg_get_serial_sequence('pgtrickle.pgt_definitions', 'pgt_id')::regclass, '');
    PERFORM pg_catalog.pg_extension_config_dump('pgtrickle_internal.pgt_subscriptions', '');
    PERFORM pg_catalog.pg_extension_config_dump('pgtrickle_internal.pgt_settings', '');
  END IF;
END
$$;
