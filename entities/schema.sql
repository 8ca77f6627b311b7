-- All tables after all migrations, as SQLite keeps them (uuid is blob; instants, dates and json are text).
-- Written by `make golden`.

CREATE TABLE answer_templates (
  id blob primary key,
  created_at text not null,
  updated_at text not null,
  row_version integer not null default 1, source_system text not null,
  external_id text not null,
  source_status text,
  source_updated_at text,
  row_hash text,
  import_batch_id blob,
  code text not null,
  locale text not null,
  channel text not null check (channel in ('any','chat','email')),
  subject text,
  body text not null,
  status text not null check (status in ('draft','active','retired')),
  unique (code, locale, channel),
  unique (source_system, external_id)
);

CREATE TABLE audit_events (
  position bigint primary key,
  id blob not null unique,
  at text not null,
  actor_subject text not null,
  actor_audience text not null check (actor_audience in ('agent','partner','customer','public','service')),
  acting_for text,
  action text not null check (action in ('read','create','update','delete','export','login','deny')),
  entity_type text not null,
  entity_id blob,
  customer_id blob,
  fields text not null,
  reason text,
  request_id text,
  prev_hash text not null,
  hash text not null
, salt text, words_digest text);

CREATE INDEX audit_events_actor on audit_events (actor_subject, at);

CREATE INDEX audit_events_customer on audit_events (customer_id, at desc, id desc);

CREATE TABLE bill_lines (
  id blob primary key,
  created_at text not null,
  updated_at text not null,
  row_version integer not null default 1, source_system text not null,
  external_id text not null,
  source_status text,
  source_updated_at text,
  row_hash text,
  import_batch_id blob, customer_id blob not null references customers (id),
  partner_id blob references partners (id),
  bill_id blob not null references bills (id),
  line_no integer not null,
  kind text not null check (kind in ('recurring','oneTime','usage','discount','tax','adjustment','slaCredit','penalty')),
  product_id blob references products (id),
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
  period_from_on text,
  period_to_on text,
  linked_line_id blob references bill_lines (id),
  unique (bill_id, line_no),
  unique (source_system, external_id)
);

CREATE TABLE billing_accounts (
  id blob primary key,
  created_at text not null,
  updated_at text not null,
  row_version integer not null default 1, source_system text not null,
  external_id text not null,
  source_status text,
  source_updated_at text,
  row_hash text,
  import_batch_id blob, customer_id blob not null references customers (id),
  partner_id blob references partners (id),
  account_no text not null unique,
  name text not null,
  currency char(3) not null,
  parent_id blob references billing_accounts (id),
  parent_pays boolean not null default false,
  cycle_day integer not null default 1,
  state text not null check (state in ('active','suspended','closed')),
  payment_status text not null check (payment_status in ('current','overdue','collections')),
  balance_minor bigint not null default 0,
  credit_limit_minor bigint,
  format text not null check (format in ('summary','itemised')),
  media text not null default '[]',
  dunning_stage integer not null default 0,
  unique (source_system, external_id)
);

CREATE INDEX billing_accounts_customer on billing_accounts (customer_id, id);

CREATE INDEX billing_accounts_partner on billing_accounts (partner_id, id) where partner_id is not null;

CREATE TABLE bills (
  id blob primary key,
  created_at text not null,
  updated_at text not null,
  row_version integer not null default 1, source_system text not null,
  external_id text not null,
  source_status text,
  source_updated_at text,
  row_hash text,
  import_batch_id blob, customer_id blob not null references customers (id),
  partner_id blob references partners (id),
  bill_no text not null,
  kind text not null check (kind in ('invoice','statement','credit_note','settlement')),
  billing_account_id blob not null references billing_accounts (id),
  corrects_bill_id blob references bills (id),
  run_type text not null check (run_type in ('onCycle','offCycle')),
  state text not null check (state in ('new','onHold','validated','sent','partiallyPaid','settled')),
  bill_on text not null,
  period_from_on text,
  period_to_on text,
  due_on text,
  currency char(3) not null,
  tax_excluded_minor bigint not null,
  tax_minor bigint not null,
  tax_included_minor bigint not null,
  rounding_minor bigint not null default 0,
  previous_minor bigint not null default 0,
  amount_due_minor bigint not null,
  remaining_minor bigint not null,
  unique (source_system, external_id)
);

CREATE INDEX bills_account on bills (billing_account_id, bill_on desc, id desc);

CREATE INDEX bills_bill_no on bills (bill_no);

CREATE INDEX bills_customer on bills (customer_id, bill_on desc, id desc);

CREATE INDEX bills_date on bills (bill_on desc, id desc);

CREATE INDEX bills_partner on bills (partner_id, bill_on desc, id desc) where partner_id is not null;

CREATE INDEX bills_state on bills (state, due_on);

CREATE TABLE bot_answers (
  id blob primary key,
  created_at text not null,
  updated_at text not null,
  row_version integer not null default 1,
  customer_id blob references customers (id),
  message_id blob not null references messages (id),
  query_text text not null,
  intent text,
  kind text not null check (kind in ('kb','account','clarify','handoff','refuse')),
  confidence_micro bigint not null,
  latency_ms integer not null,
  engine_version text not null,
  helpful boolean
);

CREATE INDEX bot_answers_message on bot_answers (message_id);

CREATE TABLE bot_citations (
  id blob primary key,
  created_at text not null,
  updated_at text not null,
  row_version integer not null default 1,
  answer_id blob not null references bot_answers (id),
  rank integer not null,
  article_version_id blob references kb_article_versions (id),
  anchor text,
  entity_type text,
  entity_id blob,
  score_micro bigint not null,
  snippet text not null
);

CREATE INDEX bot_citations_answer on bot_citations (answer_id, rank, id);

CREATE TABLE change_head (
  id integer primary key check (id = 1),
  position bigint not null,
  audit_position bigint not null,
  audit_hash text not null,
  ticket_no bigint not null
);

CREATE TABLE changes (
  position bigint primary key,
  at text not null,
  entity_type text not null,
  entity_id blob not null,
  operation text not null check (operation in ('insert','update','delete')),
  customer_id blob,
  partner_id blob
);

CREATE TABLE consents (
  id blob primary key,
  created_at text not null,
  updated_at text not null,
  row_version integer not null default 1, source_system text not null,
  external_id text not null,
  source_status text,
  source_updated_at text,
  row_hash text,
  import_batch_id blob, customer_id blob not null references customers (id),
  partner_id blob references partners (id),
  party_id blob not null references parties (id),
  purpose text not null check (purpose in ('marketing_email','marketing_sms','marketing_call','profiling','cdr_analysis','partner_share','third_party','research','bot_training')),
  state text not null check (state in ('granted','denied','withdrawn')),
  legal_basis text not null,
  evidence text not null default '{}',
  effective_at text not null,
  expires_at text,
  unique (source_system, external_id)
);

CREATE INDEX consents_customer on consents (customer_id, effective_at desc, id desc);

CREATE INDEX consents_party on consents (party_id, purpose, effective_at desc, id desc);

CREATE TABLE contact_media (
  id blob primary key,
  created_at text not null,
  updated_at text not null,
  row_version integer not null default 1, source_system text not null,
  external_id text not null,
  source_status text,
  source_updated_at text,
  row_hash text,
  import_batch_id blob,
  party_id blob not null references parties (id),
  kind text not null check (kind in ('email','phone','sms','post','social','push')),
  value_norm text not null,
  value_display text not null,
  street text,
  city text,
  state text,
  postcode text,
  country text,
  preferred boolean not null default false,
  verified_at text,
  valid_from_on text,
  valid_to_on text,
  unique (source_system, external_id)
);

CREATE INDEX contact_media_party on contact_media (party_id, id);

CREATE INDEX contact_media_value on contact_media (kind, value_norm);

CREATE TABLE conversations (
  id blob primary key,
  created_at text not null,
  updated_at text not null,
  row_version integer not null default 1, source_system text not null,
  external_id text not null,
  source_status text,
  source_updated_at text,
  row_hash text,
  import_batch_id blob, customer_id blob references customers (id),
  partner_id blob references partners (id),
  channel text not null check (channel in ('phone','email','chat','portal','store','field','social','forum','sms','post','bot')),
  subject text,
  status text not null check (status in ('bot','waiting','agent','resolved','abandoned')),
  verification text not null check (verification in ('anonymous','address_matched','authenticated')),
  session_hash text,
  started_at text not null,
  handoff_at text,
  handoff_reason text,
  first_agent_reply_at text,
  resolved_at text,
  resolved_by text check (resolved_by in ('bot','agent','customer','timeout')), party_id blob references parties (id),
  unique (source_system, external_id)
);

CREATE INDEX conversations_customer on conversations (customer_id, started_at desc, id desc);

CREATE INDEX conversations_partner on conversations (partner_id, started_at desc, id desc) where partner_id is not null;

CREATE INDEX conversations_session on conversations (session_hash) where session_hash is not null;

CREATE INDEX conversations_started on conversations (started_at desc, id desc);

CREATE INDEX conversations_status on conversations (status, started_at desc, id desc);

CREATE TABLE customer_closure (
  ancestor_id blob not null references customers (id),
  descendant_id blob not null references customers (id),
  depth integer not null,
  primary key (ancestor_id, descendant_id)
);

CREATE INDEX customer_closure_descendant on customer_closure (descendant_id);

CREATE TABLE customer_contacts (
  id blob primary key,
  created_at text not null,
  updated_at text not null,
  row_version integer not null default 1, source_system text not null,
  external_id text not null,
  source_status text,
  source_updated_at text,
  row_hash text,
  import_batch_id blob, customer_id blob not null references customers (id),
  partner_id blob references partners (id),
  party_id blob not null references parties (id),
  role text not null check (role in ('account_owner','portfolio_manager','bill_recipient','report_recipient','cost_centre_admin','auditor','technical','approver','user')),
  valid_from_on text not null,
  valid_to_on text,
  unique (source_system, external_id)
);

CREATE INDEX customer_contacts_customer on customer_contacts (customer_id, id);

CREATE INDEX customer_contacts_party on customer_contacts (party_id, customer_id);

CREATE TABLE customers (
  id blob primary key,
  created_at text not null,
  updated_at text not null,
  row_version integer not null default 1, source_system text not null,
  external_id text not null,
  source_status text,
  source_updated_at text,
  row_hash text,
  import_batch_id blob,
  party_id blob not null references parties (id),
  customer_no text not null unique,
  kind text not null check (kind in ('consumer','small_business','enterprise','wholesale')),
  status text not null check (status in ('prospect','active','suspended','closed')),
  status_reason text,
  parent_id blob references customers (id),
  region_id blob references regions (id),
  since_on text,
  closed_at text,
  churn_reason text,
  preferred_channel text check (preferred_channel in ('phone','email','chat','portal','sms','post')),
  household text not null default '{}',
  protected boolean not null default false,
  erased_at text, team_id blob references teams (id),
  unique (source_system, external_id)
);

CREATE INDEX customers_erased on customers (id) where erased_at is not null;

CREATE INDEX customers_kind on customers (kind, id);

CREATE INDEX customers_parent on customers (parent_id, id);

CREATE INDEX customers_party on customers (party_id);

CREATE INDEX customers_protected on customers (id, party_id) where protected;

CREATE INDEX customers_region on customers (region_id) where region_id is not null;

CREATE INDEX customers_status on customers (status, id);

CREATE INDEX customers_team on customers (team_id) where team_id is not null;

CREATE TABLE erased_sources (
  digest text primary key,
  erased_at text not null
);

CREATE TABLE external_refs (
  id blob primary key,
  created_at text not null,
  updated_at text not null,
  row_version integer not null default 1,
  entity_type text not null,
  entity_id blob not null,
  source_system text not null,
  external_id text not null,
  row_hash text,
  unique (source_system, entity_type, external_id)
);

CREATE INDEX external_refs_entity on external_refs (entity_type, entity_id);

CREATE TABLE idempotency_keys (
  client_id text not null,
  key text not null,
  request_hash text not null,
  response text not null,
  created_at text not null,
  primary key (client_id, key)
);

CREATE TABLE identities (
  id blob primary key,
  created_at text not null,
  updated_at text not null,
  row_version integer not null default 1,
  issuer text not null,
  subject text not null,
  party_id blob not null references parties (id),
  audience text not null check (audience in ('agent','partner','customer')),
  last_login_at text,
  unique (issuer, subject)
);

CREATE TABLE import_batches (
  id blob primary key,
  created_at text not null,
  updated_at text not null,
  row_version integer not null default 1,
  task_id blob references tasks (id),
  mapping_id blob references import_mappings (id),
  source_system text not null,
  file_name text not null,
  file_sha256 text,
  as_of_on text,
  state text not null check (state in ('running','succeeded','failed')),
  rows bigint not null default 0,
  inserted bigint not null default 0,
  updated bigint not null default 0,
  unchanged bigint not null default 0,
  rejected bigint not null default 0,
  warned bigint not null default 0,
  report text not null
);

CREATE INDEX import_batches_created on import_batches (created_at desc, id desc);

CREATE INDEX import_batches_task on import_batches (task_id, id);

CREATE TABLE import_mappings (
  id blob primary key,
  created_at text not null,
  updated_at text not null,
  row_version integer not null default 1,
  code text not null,
  version integer not null,
  source_system text not null,
  body text not null,
  unique (code, version)
);

CREATE TABLE import_row_errors (
  id blob primary key,
  created_at text not null,
  updated_at text not null,
  row_version integer not null default 1,
  batch_id blob not null references import_batches (id),
  row_no bigint not null,
  severity text not null check (severity in ('error','warning')),
  code text not null,
  message text not null,
  raw text not null
);

CREATE INDEX import_row_errors_batch on import_row_errors (batch_id, row_no, id);

CREATE TABLE kb_article_versions (
  id blob primary key,
  created_at text not null,
  updated_at text not null,
  row_version integer not null default 1,
  article_id blob not null references kb_articles (id),
  version integer not null,
  locale text not null,
  state text not null check (state in ('draft','published','superseded')),
  title text not null,
  summary text,
  body_md text not null,
  keywords text not null default '[]',
  questions text not null default '[]',
  author text not null,
  published_at text,
  unique (article_id, version, locale)
);

CREATE INDEX kb_article_versions_article on kb_article_versions (article_id, version desc, id desc);

CREATE TABLE kb_articles (
  id blob primary key,
  created_at text not null,
  updated_at text not null,
  row_version integer not null default 1, source_system text not null,
  external_id text not null,
  source_status text,
  source_updated_at text,
  row_hash text,
  import_batch_id blob,
  slug text not null unique,
  kind text not null check (kind in ('faq','howto','troubleshooting','policy','product','outage')),
  category_id blob references kb_categories (id),
  audience text not null check (audience in ('public','customer','partner','agent')),
  offering_id blob references product_offerings (id),
  status text not null check (status in ('draft','review','published','archived')),
  review_due_on text,
  unique (source_system, external_id)
);

CREATE TABLE kb_categories (
  id blob primary key,
  created_at text not null,
  updated_at text not null,
  row_version integer not null default 1,
  code text not null unique,
  name text not null,
  parent_id blob references kb_categories (id)
);

CREATE TABLE kb_feedback (
  id blob primary key,
  created_at text not null,
  updated_at text not null,
  row_version integer not null default 1,
  customer_id blob references customers (id),
  version_id blob references kb_article_versions (id),
  answer_id blob references bot_answers (id),
  helpful boolean not null,
  comment text,
  conversation_id blob references conversations (id)
);

CREATE INDEX kb_feedback_version on kb_feedback (version_id);

CREATE TABLE messages (
  id blob primary key,
  created_at text not null,
  updated_at text not null,
  row_version integer not null default 1, source_system text not null,
  external_id text not null,
  source_status text,
  source_updated_at text,
  row_hash text,
  import_batch_id blob, customer_id blob references customers (id),
  partner_id blob references partners (id),
  conversation_id blob not null references conversations (id),
  direction text not null check (direction in ('inbound','outbound')),
  author_kind text not null check (author_kind in ('customer','agent','bot','partner','system')),
  body_text text not null,
  rfc_message_id text,
  in_reply_to text,
  from_addr text,
  auto_submitted boolean not null default false,
  state text not null check (state in ('draft','queued','sent','delivered','failed')),
  sent_at text,
  unique (source_system, external_id)
);

CREATE INDEX messages_conversation on messages (conversation_id, created_at, id);

CREATE UNIQUE INDEX messages_rfc on messages (direction, rfc_message_id) where rfc_message_id is not null;

CREATE TABLE offering_prices (
  id blob primary key,
  created_at text not null,
  updated_at text not null,
  row_version integer not null default 1, source_system text not null,
  external_id text not null,
  source_status text,
  source_updated_at text,
  row_hash text,
  import_batch_id blob,
  offering_id blob not null references product_offerings (id),
  price_type text not null check (price_type in ('oneTime','recurring','usage','discount','penalty')),
  period_months integer,
  amount_micro bigint not null,
  currency char(3) not null,
  unit text,
  tax_included boolean not null,
  book text not null check (book in ('retail','wholesale')),
  partner_id blob references partners (id),
  valid_from_on text,
  valid_to_on text,
  unique (source_system, external_id)
);

CREATE INDEX offering_prices_offering on offering_prices (offering_id, id);

CREATE TABLE parties (
  id blob primary key,
  created_at text not null,
  updated_at text not null,
  row_version integer not null default 1, source_system text not null,
  external_id text not null,
  source_status text,
  source_updated_at text,
  row_hash text,
  import_batch_id blob,
  kind text not null check (kind in ('individual','organization')),
  display_name text not null,
  given_name text,
  family_name text,
  legal_name text,
  trading_name text,
  birth_on text,
  gender text,
  locale text not null default 'en',
  status text not null check (status in ('initialized','validated','deceased','closed')),
  merged_into_id blob references parties (id),
  attrs text not null default '{}',
  unique (source_system, external_id)
);

CREATE INDEX parties_name on parties (family_name, given_name);

CREATE TABLE partner_customers (
  id blob primary key,
  created_at text not null,
  updated_at text not null,
  row_version integer not null default 1, source_system text not null,
  external_id text not null,
  source_status text,
  source_updated_at text,
  row_hash text,
  import_batch_id blob,
  partner_id blob not null references partners (id),
  customer_id blob not null references customers (id),
  role text not null check (role in ('sells','serves','refers')),
  valid_from_on text not null,
  valid_to_on text,
  unique (source_system, external_id)
);

CREATE INDEX partner_customers_customer on partner_customers (customer_id, partner_id);

CREATE INDEX partner_customers_partner on partner_customers (partner_id, customer_id);

CREATE TABLE partner_tokens (
  id blob primary key,
  created_at text not null,
  updated_at text not null,
  row_version integer not null default 1,
  partner_id blob not null references partners (id),
  name text not null,
  token_hash text not null unique,
  token_prefix text not null,
  scope text not null,
  expires_at text not null,
  creator_audience text not null check (creator_audience in ('agent','partner')),
  creator_subject text not null,
  last_used_at text,
  last_used_address text,
  revoked_at text
);

CREATE INDEX partner_tokens_partner on partner_tokens (partner_id, id);

CREATE TABLE partners (
  id blob primary key,
  created_at text not null,
  updated_at text not null,
  row_version integer not null default 1, source_system text not null,
  external_id text not null,
  source_status text,
  source_updated_at text,
  row_hash text,
  import_batch_id blob,
  party_id blob not null references parties (id),
  code text not null unique,
  kind text not null check (kind in ('reseller','mvno','dealer','wholesale_buyer','interconnect')),
  brand_name text not null,
  parent_id blob references partners (id),
  share_level text not null check (share_level in ('none','minimal','full')),
  status text not null check (status in ('active','suspended','closed')),
  unique (source_system, external_id)
);

CREATE TABLE privacy_requests (
  id blob primary key,
  created_at text not null,
  updated_at text not null,
  row_version integer not null default 1, customer_id blob not null references customers (id),
  partner_id blob references partners (id),
  kind text not null check (kind in ('access','erasure','rectification','restriction','portability')),
  state text not null check (state in ('received','inProgress','completed','rejected')),
  due_on text not null,
  completed_at text,
  task_id blob references tasks (id),
  requested_by text not null,
  requested_as text not null check (requested_as in ('agent','customer'))
);

CREATE INDEX privacy_requests_customer on privacy_requests (customer_id, id);

CREATE INDEX privacy_requests_due on privacy_requests (due_on, id);

CREATE TABLE product_categories (
  id blob primary key,
  created_at text not null,
  updated_at text not null,
  row_version integer not null default 1, source_system text not null,
  external_id text not null,
  source_status text,
  source_updated_at text,
  row_hash text,
  import_batch_id blob,
  code text not null unique,
  name text not null,
  parent_id blob references product_categories (id),
  unique (source_system, external_id)
);

CREATE TABLE product_offerings (
  id blob primary key,
  created_at text not null,
  updated_at text not null,
  row_version integer not null default 1, source_system text not null,
  external_id text not null,
  source_status text,
  source_updated_at text,
  row_hash text,
  import_batch_id blob,
  code text not null unique,
  name text not null,
  description text,
  kind text not null check (kind in ('mobile','broadband','fixed_voice','tv','content','device','addon','bundle','wholesale_access','service')),
  spec_code text,
  category_id blob references product_categories (id),
  is_bundle boolean not null default false,
  is_sellable boolean not null default true,
  lifecycle_status text not null check (lifecycle_status in ('inDesign','active','retired')),
  term_months integer,
  valid_from_on text,
  valid_to_on text,
  attrs text not null default '{}',
  unique (source_system, external_id)
);

CREATE INDEX product_offerings_name on product_offerings (name, id);

CREATE TABLE products (
  id blob primary key,
  created_at text not null,
  updated_at text not null,
  row_version integer not null default 1, source_system text not null,
  external_id text not null,
  source_status text,
  source_updated_at text,
  row_hash text,
  import_batch_id blob, customer_id blob not null references customers (id),
  partner_id blob references partners (id),
  name text not null,
  offering_id blob references product_offerings (id),
  parent_product_id blob references products (id),
  billing_account_id blob references billing_accounts (id),
  status text not null check (status in ('created','pendingActive','active','suspended','pendingTerminate','terminated','cancelled','aborted')),
  service_identifier text,
  serial text,
  ordered_at text,
  start_at text,
  term_end_on text,
  terminated_at text,
  recurring_minor bigint not null default 0,
  currency char(3) not null,
  is_customer_visible boolean not null default true,
  label text,
  attrs text not null default '{}',
  unique (source_system, external_id)
);

CREATE INDEX products_account on products (billing_account_id, id) where billing_account_id is not null;

CREATE INDEX products_customer on products (customer_id, id);

CREATE INDEX products_customer_status on products (customer_id, status, id);

CREATE INDEX products_parent on products (parent_product_id, id) where parent_product_id is not null;

CREATE INDEX products_partner on products (partner_id, id) where partner_id is not null;

CREATE INDEX products_service on products (service_identifier) where service_identifier is not null;

CREATE TABLE regions (
  id blob primary key,
  created_at text not null,
  updated_at text not null,
  row_version integer not null default 1, source_system text not null,
  external_id text not null,
  source_status text,
  source_updated_at text,
  row_hash text,
  import_batch_id blob,
  code text not null unique,
  name text not null,
  kind text not null check (kind in ('country','region','city','exchange')),
  parent_id blob references regions (id),
  postcodes text not null default '[]',
  unique (source_system, external_id)
);

CREATE TABLE search_queries (
  id blob primary key,
  created_at text not null,
  updated_at text not null,
  row_version integer not null default 1,
  customer_id blob references customers (id),
  text text not null,
  surface text not null check (surface in ('portal','bot','agent','mail')),
  hits integer not null,
  top_score_micro bigint
);

CREATE TABLE source_systems (
  id blob primary key,
  created_at text not null,
  updated_at text not null,
  row_version integer not null default 1,
  code text not null unique,
  kind text not null check (kind in ('crm','billing','ticketing','order','usage','noc','web','hub')),
  priority integer not null default 0,
  freshness_target_min integer
);

CREATE TABLE state_changes (
  id blob primary key,
  customer_id blob,
  partner_id blob,
  entity_type text not null,
  entity_id blob not null,
  from_state text,
  to_state text not null,
  reason text,
  actor text not null,
  changed_at text not null
);

CREATE INDEX state_changes_customer on state_changes (customer_id, changed_at desc, id desc);

CREATE INDEX state_changes_entity on state_changes (entity_id, changed_at, id);

CREATE INDEX state_changes_partner on state_changes (partner_id, changed_at desc, id desc) where partner_id is not null;

CREATE TABLE tasks (
  id blob primary key,
  created_at text not null,
  updated_at text not null,
  row_version integer not null default 1,
  title text not null,
  state text not null check (state in ('queued','running','succeeded','failed','cancelled')),
  done bigint not null default 0,
  total bigint,
  message text,
  error_code text,
  subject text not null,
  started_at text,
  finished_at text
, customer_id blob references customers (id), lease_until timestamptz, lease_by text, file_bytes bigint, expires_at timestamptz, kind text not null default 'import' check (kind in ('import','export','reindex','generate','erase')));

CREATE INDEX tasks_created on tasks (created_at desc, id desc);

CREATE INDEX tasks_customer on tasks (customer_id, id desc) where customer_id is not null;

CREATE TABLE teams (
  id blob primary key,
  created_at text not null,
  updated_at text not null,
  row_version integer not null default 1, source_system text not null,
  external_id text not null,
  source_status text,
  source_updated_at text,
  row_hash text,
  import_batch_id blob,
  code text not null unique,
  name text not null,
  region_id blob references regions (id),
  unique (source_system, external_id)
);

CREATE TABLE ticket_notes (
  id blob primary key,
  created_at text not null,
  updated_at text not null,
  row_version integer not null default 1, source_system text not null,
  external_id text not null,
  source_status text,
  source_updated_at text,
  row_hash text,
  import_batch_id blob, customer_id blob references customers (id),
  partner_id blob references partners (id),
  ticket_id blob not null references tickets (id),
  author_kind text not null check (author_kind in ('customer','agent','bot','partner','system')),
  author_party_id blob references parties (id),
  body text not null,
  visibility text not null check (visibility in ('public','partner','internal')),
  message_id blob references messages (id),
  noted_at text not null,
  unique (source_system, external_id)
);

CREATE INDEX ticket_notes_ticket on ticket_notes (ticket_id, noted_at, id);

CREATE TABLE tickets (
  id blob primary key,
  created_at text not null,
  updated_at text not null,
  row_version integer not null default 1, source_system text not null,
  external_id text not null,
  source_status text,
  source_updated_at text,
  row_hash text,
  import_batch_id blob, customer_id blob references customers (id),
  partner_id blob references partners (id),
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
  reporter_party_id blob references parties (id),
  product_id blob references products (id),
  bill_id blob references bills (id),
  conversation_id blob references conversations (id),
  opened_at text not null,
  first_response_at text,
  requested_resolution_at text,
  expected_resolution_at text,
  resolved_at text,
  closed_at text,
  reopened integer not null default 0,
  resolution_code text,
  resolution text,
  unique (source_system, external_id)
);

CREATE INDEX tickets_conversation on tickets (conversation_id) where conversation_id is not null;

CREATE INDEX tickets_customer on tickets (customer_id, opened_at desc, id desc);

CREATE INDEX tickets_opened on tickets (opened_at desc, id desc);

CREATE INDEX tickets_partner on tickets (partner_id, opened_at desc, id desc) where partner_id is not null;

CREATE INDEX tickets_status on tickets (status, opened_at desc, id desc);
