// PostGraphile over the hub's own tables, as its documentation sets it up: the schema follows from tables and foreign keys.
import { makePgService } from "postgraphile/adaptors/pg";
import { PostGraphileAmberPreset } from "postgraphile/presets/amber";
import { addPgTableCondition } from "postgraphile/utils";

const { DATABASE_URL, PORT } = process.env;

// Its own conditions compare one indexed column with one value: an open ticket has one of four states.
const flag = (tableName, name, description, condition) =>
  addPgTableCondition(
    { schemaName: "public", tableName },
    name,
    (build) => ({ type: build.graphql.GraphQLBoolean, description }),
    (value, { sql, sqlTableAlias }) => (value ? condition(sql, sqlTableAlias) : sql`true`),
  );
const open = flag("tickets", "isOpen", "Tickets that are not done.", (sql, t) => sql`${t}.status in ('acknowledged', 'pending', 'held', 'inProgress')`);
const shown = flag("customers", "isShown", "Customers that any agent may see.", (sql, t) => sql`not ${t}.protected`);

export default {
  extends: [PostGraphileAmberPreset],
  plugins: [open, shown],
  // As many connections as the hub has for reading.
  pgServices: [makePgService({ connectionString: DATABASE_URL, schemas: ["public"], poolConfig: { max: 10 } })],
  grafserv: { host: "127.0.0.1", port: Number(PORT), graphiql: false, watch: false },
};
