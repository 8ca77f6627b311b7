-- What people may ask of those who hold their data: to see it, to take it along, to have it erased. And the work behind it.

create table privacy_requests (
  @base, @owned,
  kind text not null check (kind in ('access','erasure','rectification','restriction','portability')),
  state text not null check (state in ('received','inProgress','completed','rejected')),
  due_on date not null,
  completed_at timestamptz,
  task_id uuid references tasks (id),
  requested_by text not null,
  requested_as text not null check (requested_as in ('agent','customer'))
);
create index privacy_requests_customer on privacy_requests (customer_id, id);
create index privacy_requests_due on privacy_requests (due_on, id);

-- Of rows of a source that were erased: SHA-256 of system, table and id, so that an import does not bring them back.
create table erased_sources (
  digest text primary key,
  erased_at timestamptz not null
);

create index customers_erased on customers (id) where erased_at is not null;

-- A task may be about a customer. One that the hub runs by itself is held by a node for a while at a time.
alter table tasks add column customer_id uuid references customers (id);
alter table tasks add column lease_until timestamptz;
alter table tasks add column lease_by text;
alter table tasks add column file_bytes bigint;
alter table tasks add column expires_at timestamptz;
create index tasks_customer on tasks (customer_id, id desc) where customer_id is not null;
-- A check cannot be changed on SQLite: a column with the new one takes the place of the old.
alter table tasks add column work text not null default 'import' check (work in ('import','export','reindex','generate','erase'));
update tasks set work = kind;
alter table tasks drop column kind;
alter table tasks rename column work to kind;

-- What of an audit row may say something about a person is sealed by a digest, which stays when the words go.
alter table audit_events add column salt text;
alter table audit_events add column words_digest text;
