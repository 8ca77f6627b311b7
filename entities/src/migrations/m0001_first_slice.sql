-- Written once for both databases. Types are PostgreSQL's; on SQLite uuid is blob, timestamptz, date and json are text.
--   @base     id, created_at, updated_at, row_version (optimistic lock)
--   @source   where the row came from; (source_system, external_id) is unique, rows born here are ('hub', id)
--   @owned    whose row it is: customer and selling partner; `@owned?` where the sender may be unknown

create table tasks (
  @base,
  kind text not null check (kind in ('import','export','reindex','generate')),
  title text not null,
  state text not null check (state in ('queued','running','succeeded','failed','cancelled')),
  done bigint not null default 0,
  total bigint,
  message text,
  error_code text,
  subject text not null,
  started_at timestamptz,
  finished_at timestamptz
);
create index tasks_created on tasks (created_at desc, id desc);

create table source_systems (
  @base,
  code text not null unique,
  kind text not null check (kind in ('crm','billing','ticketing','order','usage','noc','web','hub')),
  priority integer not null default 0,
  freshness_target_min integer
);
create table import_mappings (
  @base,
  code text not null,
  version integer not null,
  source_system text not null,
  body text not null,
  unique (code, version)
);
create table import_batches (
  @base,
  task_id uuid references tasks (id),
  mapping_id uuid references import_mappings (id),
  source_system text not null,
  file_name text not null,
  file_sha256 text,
  as_of_on date,
  state text not null check (state in ('running','succeeded','failed')),
  rows bigint not null default 0,
  inserted bigint not null default 0,
  updated bigint not null default 0,
  unchanged bigint not null default 0,
  rejected bigint not null default 0,
  warned bigint not null default 0,
  report json not null
);
create index import_batches_created on import_batches (created_at desc, id desc);
create index import_batches_task on import_batches (task_id, id);
create table import_row_errors (
  @base,
  batch_id uuid not null references import_batches (id),
  row_no bigint not null,
  severity text not null check (severity in ('error','warning')),
  code text not null,
  message text not null,
  raw text not null
);
create index import_row_errors_batch on import_row_errors (batch_id, row_no, id);
create table external_refs (
  @base,
  entity_type text not null,
  entity_id uuid not null,
  source_system text not null,
  external_id text not null,
  row_hash text,
  unique (source_system, entity_type, external_id)
);
create index external_refs_entity on external_refs (entity_type, entity_id);

create table regions (
  @base, @source,
  code text not null unique,
  name text not null,
  kind text not null check (kind in ('country','region','city','exchange')),
  parent_id uuid references regions (id),
  postcodes json not null default '[]'
);
create table parties (
  @base, @source,
  kind text not null check (kind in ('individual','organization')),
  display_name text not null,
  given_name text,
  family_name text,
  legal_name text,
  trading_name text,
  birth_on date,
  gender text,
  locale text not null default 'en',
  status text not null check (status in ('initialized','validated','deceased','closed')),
  merged_into_id uuid references parties (id),
  attrs json not null default '{}'
);
create index parties_name on parties (family_name, given_name);
create table contact_media (
  @base, @source,
  party_id uuid not null references parties (id),
  kind text not null check (kind in ('email','phone','sms','post','social','push')),
  value_norm text not null,
  value_display text not null,
  street text,
  city text,
  state text,
  postcode text,
  country text,
  preferred boolean not null default false,
  verified_at timestamptz,
  valid_from_on date,
  valid_to_on date
);
create index contact_media_value on contact_media (kind, value_norm);
create index contact_media_party on contact_media (party_id, id);
create table identities (
  @base,
  issuer text not null,
  subject text not null,
  party_id uuid not null references parties (id),
  audience text not null check (audience in ('agent','partner','customer')),
  last_login_at timestamptz,
  unique (issuer, subject)
);
create table customers (
  @base, @source,
  party_id uuid not null references parties (id),
  customer_no text not null unique,
  kind text not null check (kind in ('consumer','small_business','enterprise','wholesale')),
  status text not null check (status in ('prospect','active','suspended','closed')),
  status_reason text,
  parent_id uuid references customers (id),
  region_id uuid references regions (id),
  since_on date,
  closed_at timestamptz,
  churn_reason text,
  preferred_channel text check (preferred_channel in ('phone','email','chat','portal','sms','post')),
  household json not null default '{}',
  protected boolean not null default false,
  erased_at timestamptz
);
create index customers_status on customers (status, id);
create index customers_kind on customers (kind, id);
create index customers_parent on customers (parent_id, id);
create index customers_region on customers (region_id) where region_id is not null;
create index customers_party on customers (party_id);
create table customer_closure (
  ancestor_id uuid not null references customers (id),
  descendant_id uuid not null references customers (id),
  depth integer not null,
  primary key (ancestor_id, descendant_id)
);
create index customer_closure_descendant on customer_closure (descendant_id);
create table partners (
  @base, @source,
  party_id uuid not null references parties (id),
  code text not null unique,
  kind text not null check (kind in ('reseller','mvno','dealer','wholesale_buyer','interconnect')),
  brand_name text not null,
  parent_id uuid references partners (id),
  share_level text not null check (share_level in ('none','minimal','full')),
  status text not null check (status in ('active','suspended','closed'))
);
create table partner_customers (
  @base, @source,
  partner_id uuid not null references partners (id),
  customer_id uuid not null references customers (id),
  role text not null check (role in ('sells','serves','refers')),
  valid_from_on date not null,
  valid_to_on date
);
create index partner_customers_partner on partner_customers (partner_id, customer_id);
create index partner_customers_customer on partner_customers (customer_id, partner_id);

create table product_categories (
  @base, @source,
  code text not null unique,
  name text not null,
  parent_id uuid references product_categories (id)
);
create table product_offerings (
  @base, @source,
  code text not null unique,
  name text not null,
  description text,
  kind text not null check (kind in ('mobile','broadband','fixed_voice','tv','content','device','addon','bundle','wholesale_access','service')),
  spec_code text,
  category_id uuid references product_categories (id),
  is_bundle boolean not null default false,
  is_sellable boolean not null default true,
  lifecycle_status text not null check (lifecycle_status in ('inDesign','active','retired')),
  term_months integer,
  valid_from_on date,
  valid_to_on date,
  attrs json not null default '{}'
);
create index product_offerings_name on product_offerings (name, id);
create table offering_prices (
  @base, @source,
  offering_id uuid not null references product_offerings (id),
  price_type text not null check (price_type in ('oneTime','recurring','usage','discount','penalty')),
  period_months integer,
  amount_micro bigint not null,
  currency char(3) not null,
  unit text,
  tax_included boolean not null,
  book text not null check (book in ('retail','wholesale')),
  partner_id uuid references partners (id),
  valid_from_on date,
  valid_to_on date
);
create index offering_prices_offering on offering_prices (offering_id, id);

create table billing_accounts (
  @base, @source, @owned,
  account_no text not null unique,
  name text not null,
  currency char(3) not null,
  parent_id uuid references billing_accounts (id),
  parent_pays boolean not null default false,
  cycle_day integer not null default 1,
  state text not null check (state in ('active','suspended','closed')),
  payment_status text not null check (payment_status in ('current','overdue','collections')),
  balance_minor bigint not null default 0,
  credit_limit_minor bigint,
  format text not null check (format in ('summary','itemised')),
  media json not null default '[]',
  dunning_stage integer not null default 0
);
create index billing_accounts_customer on billing_accounts (customer_id, id);
create index billing_accounts_partner on billing_accounts (partner_id, id) where partner_id is not null;
create table products (
  @base, @source, @owned,
  name text not null,
  offering_id uuid references product_offerings (id),
  parent_product_id uuid references products (id),
  billing_account_id uuid references billing_accounts (id),
  status text not null check (status in ('created','pendingActive','active','suspended','pendingTerminate','terminated','cancelled','aborted')),
  service_identifier text,
  serial text,
  ordered_at timestamptz,
  start_at timestamptz,
  term_end_on date,
  terminated_at timestamptz,
  recurring_minor bigint not null default 0,
  currency char(3) not null,
  is_customer_visible boolean not null default true,
  label text,
  attrs json not null default '{}'
);
create index products_customer on products (customer_id, id);
create index products_customer_status on products (customer_id, status, id);
create index products_service on products (service_identifier) where service_identifier is not null;
create index products_parent on products (parent_product_id, id) where parent_product_id is not null;
create index products_account on products (billing_account_id, id) where billing_account_id is not null;
create index products_partner on products (partner_id, id) where partner_id is not null;
create table bills (
  @base, @source, @owned,
  bill_no text not null,
  kind text not null check (kind in ('invoice','statement','credit_note','settlement')),
  billing_account_id uuid not null references billing_accounts (id),
  corrects_bill_id uuid references bills (id),
  run_type text not null check (run_type in ('onCycle','offCycle')),
  state text not null check (state in ('new','onHold','validated','sent','partiallyPaid','settled')),
  bill_on date not null,
  period_from_on date,
  period_to_on date,
  due_on date,
  currency char(3) not null,
  tax_excluded_minor bigint not null,
  tax_minor bigint not null,
  tax_included_minor bigint not null,
  rounding_minor bigint not null default 0,
  previous_minor bigint not null default 0,
  amount_due_minor bigint not null,
  remaining_minor bigint not null
);
create index bills_customer on bills (customer_id, bill_on desc, id desc);
create index bills_account on bills (billing_account_id, bill_on desc, id desc);
create index bills_state on bills (state, due_on);
create index bills_bill_no on bills (bill_no);
create index bills_partner on bills (partner_id, bill_on desc, id desc) where partner_id is not null;
create table bill_lines (
  @base, @source, @owned,
  bill_id uuid not null references bills (id),
  line_no integer not null,
  kind text not null check (kind in ('recurring','oneTime','usage','discount','tax','adjustment','slaCredit','penalty')),
  product_id uuid references products (id),
  service_identifier text,
  description text not null,
  plain_reason text,
  quantity_micro bigint not null,
  unit text,
  unit_price_micro bigint not null,
  tax_excluded_minor bigint not null,
  tax_rate_bp integer not null,
  tax_minor bigint not null,
  currency char(3) not null,
  period_from_on date,
  period_to_on date,
  linked_line_id uuid references bill_lines (id),
  unique (bill_id, line_no)
);

create table conversations (
  @base, @source, @owned?,
  channel text not null check (channel in ('phone','email','chat','portal','store','field','social','forum','sms','post','bot')),
  subject text,
  status text not null check (status in ('bot','waiting','agent','resolved','abandoned')),
  verification text not null check (verification in ('anonymous','address_matched','authenticated')),
  session_hash text,
  started_at timestamptz not null,
  handoff_at timestamptz,
  handoff_reason text,
  first_agent_reply_at timestamptz,
  resolved_at timestamptz,
  resolved_by text check (resolved_by in ('bot','agent','customer','timeout'))
);
create index conversations_customer on conversations (customer_id, started_at desc, id desc);
create index conversations_status on conversations (status, started_at desc, id desc);
create index conversations_started on conversations (started_at desc, id desc);
create index conversations_partner on conversations (partner_id, started_at desc, id desc) where partner_id is not null;
create index conversations_session on conversations (session_hash) where session_hash is not null;
create table messages (
  @base, @source, @owned?,
  conversation_id uuid not null references conversations (id),
  direction text not null check (direction in ('inbound','outbound')),
  author_kind text not null check (author_kind in ('customer','agent','bot','partner','system')),
  body_text text not null,
  rfc_message_id text,
  in_reply_to text,
  from_addr text,
  auto_submitted boolean not null default false,
  state text not null check (state in ('draft','queued','sent','delivered','failed')),
  sent_at timestamptz
);
create index messages_conversation on messages (conversation_id, created_at, id);
create unique index messages_rfc on messages (direction, rfc_message_id) where rfc_message_id is not null;

create table tickets (
  @base, @source, @owned?,
  ticket_no text not null unique,
  kind text not null check (kind in ('incident','billDispute','complaint','serviceRequest','changeRequest','question')),
  category text,
  name text not null,
  description text,
  severity text,
  priority text not null check (priority in ('low','medium','high','critical')),
  status text not null check (status in ('acknowledged','pending','held','inProgress','resolved','closed','cancelled','rejected')),
  status_reason text,
  channel text not null check (channel in ('phone','email','chat','portal','store','field','social','forum','sms','post','bot')),
  reporter_party_id uuid references parties (id),
  product_id uuid references products (id),
  bill_id uuid references bills (id),
  conversation_id uuid references conversations (id),
  opened_at timestamptz not null,
  first_response_at timestamptz,
  requested_resolution_at timestamptz,
  expected_resolution_at timestamptz,
  resolved_at timestamptz,
  closed_at timestamptz,
  reopened integer not null default 0,
  resolution_code text,
  resolution text
);
create index tickets_customer on tickets (customer_id, opened_at desc, id desc);
create index tickets_status on tickets (status, opened_at desc, id desc);
create index tickets_opened on tickets (opened_at desc, id desc);
create index tickets_partner on tickets (partner_id, opened_at desc, id desc) where partner_id is not null;
create index tickets_conversation on tickets (conversation_id) where conversation_id is not null;
create table ticket_notes (
  @base, @source, @owned?,
  ticket_id uuid not null references tickets (id),
  author_kind text not null check (author_kind in ('customer','agent','bot','partner','system')),
  author_party_id uuid references parties (id),
  body text not null,
  visibility text not null check (visibility in ('public','partner','internal')),
  message_id uuid references messages (id),
  noted_at timestamptz not null
);
create index ticket_notes_ticket on ticket_notes (ticket_id, noted_at, id);

create table kb_categories (
  @base,
  code text not null unique,
  name text not null,
  parent_id uuid references kb_categories (id)
);
create table kb_articles (
  @base, @source,
  slug text not null unique,
  kind text not null check (kind in ('faq','howto','troubleshooting','policy','product','outage')),
  category_id uuid references kb_categories (id),
  audience text not null check (audience in ('public','customer','partner','agent')),
  offering_id uuid references product_offerings (id),
  status text not null check (status in ('draft','review','published','archived')),
  review_due_on date
);
create table kb_article_versions (
  @base,
  article_id uuid not null references kb_articles (id),
  version integer not null,
  locale text not null,
  state text not null check (state in ('draft','published','superseded')),
  title text not null,
  summary text,
  body_md text not null,
  keywords json not null default '[]',
  questions json not null default '[]',
  author text not null,
  published_at timestamptz,
  unique (article_id, version, locale)
);
create index kb_article_versions_article on kb_article_versions (article_id, version desc, id desc);
create table search_queries (
  @base,
  customer_id uuid references customers (id),
  text text not null,
  surface text not null check (surface in ('portal','bot','agent','mail')),
  hits integer not null,
  top_score_micro bigint
);
create table answer_templates (
  @base, @source,
  code text not null,
  locale text not null,
  channel text not null check (channel in ('any','chat','email')),
  subject text,
  body text not null,
  status text not null check (status in ('draft','active','retired')),
  unique (code, locale, channel)
);
create table bot_answers (
  @base,
  customer_id uuid references customers (id),
  message_id uuid not null references messages (id),
  query_text text not null,
  intent text,
  kind text not null check (kind in ('kb','account','clarify','handoff','refuse')),
  confidence_micro bigint not null,
  latency_ms integer not null,
  engine_version text not null,
  helpful boolean
);
create index bot_answers_message on bot_answers (message_id);
create table bot_citations (
  @base,
  answer_id uuid not null references bot_answers (id),
  rank integer not null,
  article_version_id uuid references kb_article_versions (id),
  anchor text,
  entity_type text,
  entity_id uuid,
  score_micro bigint not null,
  snippet text not null
);
create index bot_citations_answer on bot_citations (answer_id, rank, id);
create table kb_feedback (
  @base,
  customer_id uuid references customers (id),
  version_id uuid references kb_article_versions (id),
  answer_id uuid references bot_answers (id),
  helpful boolean not null,
  comment text,
  conversation_id uuid references conversations (id)
);
create index kb_feedback_version on kb_feedback (version_id);

create table consents (
  @base, @source, @owned,
  party_id uuid not null references parties (id),
  purpose text not null check (purpose in ('marketing_email','marketing_sms','marketing_call','profiling','cdr_analysis','partner_share','third_party','research','bot_training')),
  state text not null check (state in ('granted','denied','withdrawn')),
  legal_basis text not null,
  evidence json not null default '{}',
  effective_at timestamptz not null,
  expires_at timestamptz
);
create index consents_party on consents (party_id, purpose, effective_at desc, id desc);
create index consents_customer on consents (customer_id, effective_at desc, id desc);
create table audit_events (
  position bigint primary key,
  id uuid not null unique,
  at timestamptz not null,
  actor_subject text not null,
  actor_audience text not null check (actor_audience in ('agent','partner','customer','public','service')),
  acting_for text,
  action text not null check (action in ('read','create','update','delete','export','login','deny')),
  entity_type text not null,
  entity_id uuid,
  customer_id uuid,
  fields json not null,
  reason text,
  request_id text,
  prev_hash text not null,
  hash text not null
);
create index audit_events_customer on audit_events (customer_id, at desc, id desc);
create index audit_events_actor on audit_events (actor_subject, at);
-- Logs tell of rows without holding them.
create table state_changes (
  id uuid primary key,
  customer_id uuid,
  partner_id uuid,
  entity_type text not null,
  entity_id uuid not null,
  from_state text,
  to_state text not null,
  reason text,
  actor text not null,
  changed_at timestamptz not null
);
create index state_changes_entity on state_changes (entity_id, changed_at, id);
create index state_changes_partner on state_changes (partner_id, changed_at desc, id desc) where partner_id is not null;
create index state_changes_customer on state_changes (customer_id, changed_at desc, id desc);
create table idempotency_keys (
  client_id text not null,
  key text not null,
  request_hash text not null,
  response json not null,
  created_at timestamptz not null,
  primary key (client_id, key)
);

-- The change log. One row holds the last position; it is locked while a transaction appends, so that positions
-- have no gaps and become visible in their order.
create table change_head (
  id integer primary key check (id = 1),
  position bigint not null,
  audit_position bigint not null,
  audit_hash text not null,
  ticket_no bigint not null
);
insert into change_head (id, position, audit_position, audit_hash, ticket_no) values (1, 0, 0, '', 100000);
create table changes (
  position bigint primary key,
  at timestamptz not null,
  entity_type text not null,
  entity_id uuid not null,
  operation text not null check (operation in ('insert','update','delete')),
  customer_id uuid,
  partner_id uuid
);
