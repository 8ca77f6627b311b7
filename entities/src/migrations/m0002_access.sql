-- Who does what inside an enterprise, which team cares for whom, and who is protected.

create table teams (
  @base, @source,
  code text not null unique,
  name text not null,
  region_id uuid references regions (id)
);
alter table customers add column team_id uuid references teams (id);
create index customers_team on customers (team_id) where team_id is not null;
create index customers_protected on customers (id, party_id) where protected;
create table customer_contacts (
  @base, @source, @owned,
  party_id uuid not null references parties (id),
  role text not null check (role in ('account_owner','portfolio_manager','bill_recipient','report_recipient','cost_centre_admin','auditor','technical','approver','user')),
  valid_from_on date not null,
  valid_to_on date
);
create index customer_contacts_customer on customer_contacts (customer_id, id);
create index customer_contacts_party on customer_contacts (party_id, customer_id);
-- who talks: a contact of an enterprise reads its own talks, and those of others only as the role says
alter table conversations add column party_id uuid references parties (id);
