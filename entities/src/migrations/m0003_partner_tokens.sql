-- Tokens by which a partner's programs call the hub. The token itself is nowhere: `token_hash` is its SHA-256.
create table partner_tokens (
  @base,
  partner_id uuid not null references partners (id),
  name text not null,
  token_hash text not null unique,
  token_prefix text not null,
  scope text not null,
  expires_at timestamptz not null,
  creator_audience text not null check (creator_audience in ('agent','partner')),
  creator_subject text not null,
  last_used_at timestamptz,
  last_used_address text,
  revoked_at timestamptz
);
create index partner_tokens_partner on partner_tokens (partner_id, id);
