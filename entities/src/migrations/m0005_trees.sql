-- The newest bills of all: the way to those of an enterprise of thousands.
create index bills_date on bills (bill_on desc, id desc);
